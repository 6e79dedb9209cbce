// This file resumes programs whose primitives begin again when they are stopped.

package eval_test

import (
	"context"
	"testing"

	"github.com/rosser-lang/rosser/eval"
)

// beginAgain are programs whose primitives look into many lazy values, each of which takes steps. xs has lazy values with captures and, where
// they are written out, closed ones.
var beginAgain = []struct{ name, src string }{
	{"sum", "sum xs"},
	{"sort", "List.at 7 (sort xs)"},
}

func TestBeginAgain(t *testing.T) {
	const before = "let slow n k = if n == 0 then k else slow (n - 1) k\n\nlet xs = map (\\x -> lazy (slow 100 (x * 7 % 1009))) (range 1 2000)\n\n"
	for _, c := range beginAgain {
		u, err := build(before + c.src)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for mode := eval.Auto; mode <= eval.None; mode++ {
			s := newShop(u)
			want, err := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode}).Eval(context.Background(), u.BodyCID)
			if err != nil {
				t.Fatal(err)
			}
			for _, fuel := range []uint64{10_000, 1000} {
				j := &journey{store: newShop(u), mode: mode, fuel: func(int) uint64 { return fuel }}
				out, err := j.run(u.BodyCID, 1000)
				t.Logf("%s mode %d fuel %d: %d stops, executed %d of %d (%d), err %v", c.name, mode, fuel, j.stops, j.executed, want.Reduced, want.Steps, err)
				if err == nil && (out.Steps != want.Steps) {
					t.Errorf("got %+v, want %+v", out, want)
				}
			}
		}
	}
}
