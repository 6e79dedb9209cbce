// This file holds what stopping costs: the steps executed over twenty stops, each resumed by a new machine; and fuzzes stops
// against the oracle while the store loses blocks and gets claims that are wrong.

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

const (
	naiveFib  = "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n"
	queens    = "let safe q d qs = if isEmpty qs then true else q != qs.0 && q != qs.0 + d && q != qs.0 - d && safe q (d + 1) (drop 1 qs)\nlet place n k qs = if k == 0 then 1 else range 1 n |> filter (\\q -> safe q 1 qs) |> map (\\q -> place n (k - 1) ([q] ++ qs)) |> sum\n"
	mergesort = "let merge xs ys = if isEmpty xs then ys else if isEmpty ys then xs else if xs.0 <= ys.0 then [xs.0] ++ merge (drop 1 xs) ys else [ys.0] ++ merge xs (drop 1 ys)\n" +
		"let msort xs = if length xs < 2 then xs else let h = length xs // 2 in merge (msort (take h xs)) (msort (drop h xs))\n"
)

// twenty are the programs that are stopped at twenty points.
var twenty = []struct {
	name        string
	mode        eval.Mode
	short, long string
	most        float64 // the share of the uninterrupted run's steps that may be executed
	each        int     // and the steps for each stop, where sharing leaves so few of them that going back to the place counts
}{
	{"fib, all", eval.All, naiveFib + "fib 22", naiveFib + "fib 32", 1.05, 10},
	{"fib, auto", eval.Auto, naiveFib + "fib 28", naiveFib + "fib 32", 1.05, 10},
	{"fib, none", eval.None, naiveFib + "fib 25", naiveFib + "fib 32", 1.05, 0},
	{"queens", eval.Auto, queens + "place 6 6 []", queens + "place 8 8 []", 1.05, 0},
	{"loop", eval.Auto, "let loop i n = if i == 0 then n else loop (i - 1) (n + i % 7)\nloop 1000000 0", "let loop i n = if i == 0 then n else loop (i - 1) (n + i % 7)\nloop 100000000 0", 1.05, 0},
	{"fold", eval.Auto, `fold (\a x -> a + x % 7) 0 (range 1 100000)`, `fold (\a x -> a + x % 7) 0 (range 1 1000000)`, 1.05, 0},
	{"sort", eval.Auto, `sortWith (\a b -> a * 7919 % 10007 < b * 7919 % 10007) (range 1 10000) |> sum`, `sortWith (\a b -> a * 7919 % 100003 < b * 7919 % 100003) (range 1 100000) |> sum`, 1.05, 0},
	{"mergesort", eval.Auto, mergesort + `range 1 2000 |> map (\x -> x * 7919 % 10007) |> msort |> sum`, mergesort + `range 1 20000 |> map (\x -> x * 7919 % 100003) |> msort |> sum`, 1.05, 0},
	{"mutual recursion", eval.Auto, "let even n = if n == 0 then 1 else odd (n - 1)\nlet odd n = if n == 0 then 0 else even (n - 1)\neven 1000000", "let even n = if n == 0 then 1 else odd (n - 1)\nlet odd n = if n == 0 then 0 else even (n - 1)\neven 10000000", 1.05, 0},
	{"deep", eval.Auto, "let deep n = if n == 0 then 0 else n + deep (n - 1)\ndeep 100000", "let deep n = if n == 0 then 0 else n + deep (n - 1)\ndeep 1000000", 2, 0},
}

func TestTwentyStops(t *testing.T) {
	for _, c := range twenty {
		t.Run(c.name, func(t *testing.T) {
			src := c.long
			if testing.Short() {
				src = c.short
			}
			u, err := build(src)
			if err != nil {
				t.Fatal(err)
			}
			// The oracle of a long run is a run that is not stopped.
			whole := &journey{store: newShop(u), mode: c.mode, fuel: func(int) uint64 { return 0 }}
			want, err := whole.run(u.BodyCID, 0)
			if err != nil {
				t.Fatal(err)
			}
			leg := whole.executed/20 + 1
			// Past the twentieth stop it goes on to its end.
			j := &journey{store: newShop(u), mode: c.mode, fuel: func(stop int) uint64 {
				switch {
				case stop >= 20:
					return 0
				case stop == 0: // making a list is one step of a primitive's, which is done or not
					return 3 * leg
				}
				return leg
			}}
			got, err := j.run(u.BodyCID, 20)
			if err != nil {
				t.Fatal(err)
			}
			if j.stops < 17 {
				t.Errorf("got %d stops, want 17 at least", j.stops)
			}
			share := float64(j.executed) / float64(whole.executed)
			t.Logf("%d stops, %d steps executed, %d without a stop: %.4f", j.stops, j.executed, whole.executed, share)
			if float64(j.executed) > c.most*float64(whole.executed)+float64(c.each*j.stops) {
				t.Errorf("got %.4f times the steps, want at most %v and %d for each stop", share, c.most, c.each)
			}
			result := func(o eval.Outcome) cid.Cid { return answer{value: o.Value, steps: o.Steps}.result(u.BodyCID) }
			if got.Result != want.Result || result(got) != result(want) {
				t.Errorf("got %s (%s), want %s (%s)", describe(got.Value, nil, got.Steps), got.Result, describe(want.Value, nil, want.Steps), want.Result)
			}
		})
	}
}

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
