// This file fuzzes stops against the oracle, with all sorts of stores: empty and warm ones, such as lose blocks, and such as have
// wrong claims.

package eval_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/stdlib"
)

// A disturbed evaluation is stopped, resumed or asked again, in one mode after another, by the machine that was stopped or
// by a new one, on a store that holds answers and reducts of this program and of others, hides some of them, loses blocks,
// and where others claim what is not so. It comes to what the oracle says; so does whatever it records.
func disturbed(ctx context.Context, program func([]byte) string, data []byte, choice uint64, budget int64) error {
	u, err := build(program(data))
	if err != nil {
		return errTooMuch
	}
	base := newShop(u)
	want := newReducer(&base.Memory, base.Load, budget).reduce(u.BodyCID)
	if want.halt != nil {
		return errTooMuch
	}
	r := rand.New(rand.NewPCG(choice, 4))
	sleeps := rand.New(rand.NewPCG(choice, 5)) // its own, so that kept cases are what they were
	var log []string
	note := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }

	s := newShop(u)
	kept := map[cid.Cid]bool{}
	for _, b := range slices.Concat(stdlib.Blocks(), u.Blocks) {
		kept[b.CID] = true
	}
	trust := r.IntN(5) == 0
	if trust {
		s.by = graph.ClaimAnswer + "friend"
	}
	var m *eval.Machine
	unasked := 60 // checkpoints; each reads the whole stack
	machine := func(what string) {
		mode := []eval.Mode{eval.None, eval.Auto, eval.All}[r.IntN(3)]
		small, often := r.IntN(2) == 0, r.IntN(4) == 0
		m = eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, Memory: 4 << 30, Believe: believing(trust)})
		if small {
			m.SmallChunks(1024)
		}
		asleep := sleeps.IntN(3) == 0
		if asleep {
			m.SleepSoon(sleeps.Uint64N(200))
		}
		if s.looked = nil; often {
			s.looked = func() {
				if unasked > 0 && r.IntN(8) == 0 {
					unasked--
					m.CheckpointSoon()
				}
			}
		}
		note("%s, mode %d, small %v, asleep %v, checkpoints %v", what, mode, small, asleep, often)
	}
	warm := func(what string, u *compile.Unit) {
		machine(what)
		m.SetFuel(1 + r.Uint64N(2*want.steps+50))
		out, err := m.Eval(ctx, u.BodyCID)
		note("\t%d executed, %v", out.Reduced, err)
	}
	if r.IntN(3) == 0 {
		warm("before", u)
	}
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(3) {
			if other, err := build(program(varied(data, r))); err == nil {
				s.Put(ctx, other.Blocks...)
				warm("another", other)
			}
		}
	}
	if !trust && r.IntN(2) == 0 {
		note("lies")
		lie := func(expr cid.Cid) {
			wrong := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(-12345), Steps: 1}, graph.SinkFunc(s.Take))
			s.Memory.Record(ctx, graph.Answer{Expr: expr, Result: wrong.CID, By: graph.ClaimAnswer + "liar", Steps: 1})
			for to := range kept { // any term that is there
				reduct := graph.EncodeReduct(graph.Reduct{Of: expr, To: to, Steps: 1}, graph.SinkFunc(s.Take))
				s.Memory.RecordReduct(ctx, graph.Becomes{Expr: expr, Reduct: reduct.CID, By: graph.ClaimAnswer + "liar"})
				break
			}
		}
		lie(u.BodyCID)
		for c := range kept {
			if r.IntN(8) == 0 {
				lie(c)
			}
		}
	}
	hide, lose := r.IntN(3) == 0, r.IntN(3) == 0
	steady := uint64(0) // the fuel of each leg, where it is the same
	if !hide && !lose && r.IntN(3) == 0 {
		steady = want.steps/100 + 50 + r.Uint64N(want.steps/4+50)
		note("each time %d steps", steady)
	}
	m = nil
	var at cid.Cid
	for stop := 0; stop < 400; stop++ {
		if hide || stop == 0 { // the answer itself is there only for who has come to it
			salt := byte(r.IntN(256))
			s.hide = func(c cid.Cid) bool { return c == u.BodyCID || hide && (c.Hash()[10]^salt)&1 == 0 }
		}
		if m == nil || r.IntN(4) > 0 {
			machine("a new machine")
		}
		fuel := 1 + uint64(stop*stop)/4 + r.Uint64N(2+want.steps/4)
		if steady > 0 {
			fuel = steady
		}
		m.SetFuel(fuel)
		var out eval.Outcome
		how := "asked"
		if at.Defined() && (steady > 0 || r.IntN(3) > 0) {
			how = "resumed"
			out, err = m.Resume(ctx, at)
		} else {
			out, err = m.Eval(ctx, u.BodyCID)
		}
		note("\t%s: %d executed, %v", how, out.Reduced, err)
		var stopped *eval.Stop
		switch {
		case ctx.Err() != nil:
			return errTooMuch
		case errors.As(err, &stopped) && stopped.Reason == eval.OutOfFuel:
			at = stopped.Checkpoint
		case errors.As(err, &stopped) && stopped.Reason == eval.Missing && s.gone != nil:
			s.gone, at, lose = nil, cid.Undef, false // what was lost is there again
			continue
		default:
			if err := same(u.BodyCID, want, out, err, out.Result.Defined()); err != nil {
				return fmt.Errorf("%w\n%s", err, strings.Join(log, "\n"))
			}
			s.gone = nil
			if err := s.sound(generatedBudget / 3); err != nil {
				return fmt.Errorf("%w\n%s", err, strings.Join(log, "\n"))
			}
			return nil
		}
		if lose {
			share := 1 + r.IntN(20)
			s.gone = func(c cid.Cid) bool { return !kept[c] && int(c.Hash()[9])%20 < share && c != at }
		}
	}
	return fmt.Errorf("it does not come to its end in 400 stops\n%s", strings.Join(log[:20], "\n"))
}

// varied is the choices of a program that has parts in common with another.
func varied(data []byte, r *rand.Rand) []byte {
	out := slices.Clone(data)
	for range 1 + r.IntN(4) {
		if len(out) > 0 {
			out[r.IntN(len(out))] = byte(r.IntN(256))
		}
	}
	return out[:len(out)-r.IntN(1+len(out)/2)]
}

func TestDisturbedAgreesWithOracle(t *testing.T) {
	disturb(t, program, *programs/2) // each goes on several machines
}

func disturb(t *testing.T, program func([]byte) string, n int) {
	if testing.Short() {
		n = min(n, 100)
	}
	for i := range n {
		data := randomChoices(*seed + int64(i))
		if err := disturbed(t.Context(), program, data, uint64(i), generatedBudget); err != nil && err != errTooMuch {
			t.Fatalf("seed %d: %v\n%s", *seed+int64(i), err, program(data))
		}
	}
}

// FuzzStops has shorter programs than the test: go test gives up on an input that takes ten seconds, which one that writes
// a large list at each of its calls may.
func FuzzStops(f *testing.F) {
	for i := range int64(20) {
		f.Add(randomChoices(i), uint64(i))
		f.Add(slices.Concat(randomChoices(100+i), randomChoices(200+i), randomChoices(300+i), randomChoices(400+i)), uint64(i)) // as many as a program takes
	}
	f.Fuzz(func(t *testing.T, data []byte, choice uint64) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := disturbed(ctx, program, data, choice, generatedBudget/4); err != nil && err != errTooMuch {
			t.Fatalf("%v\n%s", err, program(data))
		}
	})
}
