// This file fuzzes stops against the oracle while the store loses blocks and gets claims that are wrong.

package eval_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// A disturbed evaluation is stopped, resumed or asked again, in one mode after another, on a store that loses blocks and
// where others claim what is not so. Without trust, it comes to what the oracle says.
func disturbed(data []byte, choice uint64) error {
	u, err := build(program(data))
	if err != nil {
		return errTooMuch
	}
	base := newShop(u)
	want := newReducer(&base.Memory, base.Load, generatedBudget).reduce(u.BodyCID)
	if want.halt != nil {
		return errTooMuch
	}
	ctx := context.Background()
	r := rand.New(rand.NewPCG(choice, 4))
	s := newShop(u)
	kept := map[cid.Cid]bool{}
	for _, b := range append(library(), u.Blocks...) {
		kept[b.CID] = true
	}
	claims := r.IntN(2) == 0
	lose := r.IntN(3) == 0
	lie := func(expr cid.Cid) {
		wrong := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(-12345), Steps: 1}, graph.SinkFunc(s.Take))
		s.Memory.Record(ctx, graph.Answer{Expr: expr, Result: wrong.CID, By: graph.ClaimAnswer + "liar", Steps: 1})
		for to := range kept { // any term that is there
			reduct := graph.EncodeReduct(graph.Reduct{Of: expr, To: to, Steps: 1}, graph.SinkFunc(s.Take))
			s.RecordReduct(ctx, graph.Becomes{Expr: expr, Reduct: reduct.CID, By: graph.ClaimAnswer + "liar"})
			break
		}
	}
	if claims {
		lie(u.BodyCID)
		for c := range kept {
			if r.IntN(8) == 0 {
				lie(c)
			}
		}
	}
	var at cid.Cid
	var log []string
	for stop := 0; stop < 400; stop++ {
		mode := []eval.Mode{eval.None, eval.Auto, eval.All}[r.IntN(3)]
		m := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, Memory: 4 << 30})
		if r.IntN(2) == 0 {
			m.SmallChunks(1024)
		}
		m.SetFuel(1 + uint64(stop*stop)/4 + r.Uint64N(2+want.steps/4))
		var out eval.Outcome
		how := "asked"
		if at.Defined() && r.IntN(3) > 0 {
			how = "resumed"
			out, err = m.Resume(ctx, at)
		} else {
			out, err = m.Eval(ctx, u.BodyCID)
		}
		log = append(log, fmt.Sprintf("%s mode %d: %d executed, %v", how, mode, out.Reduced, err))
		var stopped *eval.Stop
		switch {
		case errors.As(err, &stopped) && stopped.Reason == eval.OutOfFuel:
			at = stopped.Checkpoint
		case errors.As(err, &stopped) && stopped.Reason == eval.Missing && s.gone != nil:
			s.gone, at, lose = nil, cid.Undef, false // what was lost is there again
			continue
		default:
			if err := same(u.BodyCID, want, out, err, mode != eval.None); err != nil {
				return fmt.Errorf("claims %v, losing %v: %w\n%s", claims, lose, err, strings.Join(log, "\n"))
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

func TestDisturbedAgreesWithOracle(t *testing.T) {
	n := *programs
	if testing.Short() {
		n = min(n, 200)
	}
	for i := range n {
		data := randomChoices(*seed + int64(i))
		if err := disturbed(data, uint64(i)); err != nil && err != errTooMuch {
			t.Fatalf("seed %d: %v\n%s", *seed+int64(i), err, program(data))
		}
	}
}

func FuzzStops(f *testing.F) {
	for i := range int64(20) {
		f.Add(randomChoices(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, choice uint64) {
		if err := disturbed(data, choice); err != nil && err != errTooMuch {
			t.Fatalf("%v\n%s", err, program(data))
		}
	})
}
