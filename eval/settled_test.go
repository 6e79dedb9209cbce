// This file resumes programs whose primitives begin again when they are stopped.

package eval_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

const lazily = "let slow n k = if n == 0 then k else slow (n - 1) k\n\n" +
	"let xs = map (\\x -> lazy (slow 100 (x * 7 % 2003))) (range 1 2000)\n\n" +
	"let ys = map (\\x -> lazy (slow 50 (x * 7 % 2003))) (range 1 2000)\n\n"

// beginAgain are programs whose primitives look into many lazy values, each of which takes steps; and some others that do.
var beginAgain = []struct{ name, src string }{
	{"sum", "sum xs"},
	{"sort", "sum (map force (take 5 (sort xs)))"},
	{"sortBy", "sum (map force (take 5 (sortBy (\\x -> [x]) xs)))"},
	{"equal", "xs == ys"},
	{"less", "xs < ys"},
	{"forceDeep", "length (forceDeep [xs, {a: ys}])"},
	{"minimum", "force (minimum xs).Some"},
	{"maximum", "force (maximum xs).Some"},
	{"unique", "length (unique (map (\\x -> lazy (slow 2000 (x % 7))) (range 1 60)))"},
	{"contains", "contains (-1) xs"},
	{"indexOf", "indexOf (-1) xs"},
	{"join", "Text.length (Text.join \"\" (map (\\x -> lazy (show (force x))) xs))"},
	{"fromEntries", "length (Map.fromEntries (map (\\x -> lazy [show (force x), 1]) xs))"},
	{"bytes", "length (Bytes.fromList (map (\\x -> lazy (force x % 256)) xs))"},
	{"replaceWith", "Text.length (Regex.replaceWith \"a\" (\\m -> show (slow 100 m.start)) (Text.repeat 2000 \"xa\"))"},
	{"replaceWith lazily", "Text.length (Regex.replaceWith \"a\" (\\m -> lazy (show (slow 100 m.start))) (Text.repeat 2000 \"xa\"))"},
	{"a table", "let t = map (\\x -> slow 10 x) (range 1 2000) in fold (\\n x -> slow 100 (n + x)) 0 (take 500 t) + sum t"},
	{"closed", "sum [" + written(60) + "]"},
	{"resting on one another", "let t = lazy (map (\\i -> lazy (if i == 0 then 0 else slow 50 (1 + force (at (i - 1) t).Some))) (range 0 1999))\n\nlet go i = if i == 2000 then 0 else (at i t).Some + go (i + 1)\n\ngo 0"},
	{"looked at twice", "let go i = if i == 2000 then 0 else (at i xs).Some + go (i + 1)\n\ngo 0 + go 0"},
}

// written are n closed lazy values.
func written(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("lazy (slow 1000 %d)", i))
	}
	return strings.Join(out, ", ")
}

// TestBeginAgain: resumed with the same fuel again and again, each time by a machine that has nothing but the store, they come to
// their ends, and hardly anything is reduced twice.
func TestBeginAgain(t *testing.T) {
	const fuel = 10_000
	for i, c := range beginAgain {
		modes := []eval.Mode{eval.None, eval.Auto, eval.All}
		if testing.Short() || i%8 > 0 { // linking all of their calls takes long, and goes the same way
			modes = modes[:2]
		}
		t.Run(c.name, func(t *testing.T) {
			u, err := build(lazily + c.src)
			if err != nil {
				t.Fatal(err)
			}
			alone := uint64(0) // steps executed without stops and links
			for _, mode := range modes {
				s := newShop(u)
				want, err := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode}).Eval(context.Background(), u.BodyCID)
				if err != nil || want.Error != nil {
					t.Fatalf("got %v, %v", want.Error, err)
				}
				if mode == eval.None {
					alone = want.Reduced
				}
				j := &journey{store: newShop(u), mode: mode, fuel: func(int) uint64 { return fuel }}
				out, err := j.run(u.BodyCID, 100)
				switch {
				case err != nil:
					t.Errorf("mode %d: %v", mode, err)
				case out.Result != want.Result || !graph.Alike(out.Value, want.Value) || out.Steps != want.Steps:
					t.Errorf("mode %d: got %+v, want %+v", mode, out, want)
				case j.stops == 0 || float64(j.executed) > 1.05*float64(alone):
					t.Errorf("mode %d: %d steps in %d legs, want %d", mode, j.executed, j.stops+1, alone)
				}
			}
		})
	}
}

// TestSettledKinds: whatever lazy values have come to is found again.
func TestSettledKinds(t *testing.T) {
	const fuel = 5000
	for _, v := range []string{
		"[\\y -> y + x]", "\\y -> y + x", "(+) x", "(+)", "[(+)]", "[lazy (x + 1)]", "lazy (x + 1)", "lazy 5", "[lazy 5]", "null", "{\"λ\": 1}", "[{\"λ\": x}]", "99999999999999999999999999 * x", "Ipld.link 5", "[Ipld.link x]", "Text.repeat 3000 \"x\"", "1.5", "Bytes.fromList [1]", "range 1 20000", "map (\\z -> lazy (z + x)) (range 1 200)", "[map, slow]", "slow 1",
	} {
		u, err := build("let slow n k = if n == 0 then k else slow (n - 1) k\n\n" +
			"let xs = map (\\x -> lazy (if slow (200 + x % 2) 1 == 1 then " + v + " else null)) (range 1 100)\n\n" +
			"let go n ys = if n == 0 then 0 else slow 300 1 + go (n - 1) ys + length (filter (\\y -> Ipld.kind (force y) == \"int\") ys)\n\ngo 3 xs")
		if err != nil {
			t.Fatal(v, err)
		}
		s := newShop(u)
		want, err := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.None}).Eval(context.Background(), u.BodyCID)
		if err != nil || want.Error != nil {
			t.Fatalf("%s: got %v, %v", v, want.Error, err)
		}
		j := &journey{store: newShop(u), mode: eval.None, fuel: func(int) uint64 { return fuel }}
		out, err := j.run(u.BodyCID, 50)
		if err != nil || !graph.Alike(out.Value, want.Value) || out.Steps != want.Steps || j.stops < 4 || float64(j.executed) > 1.05*float64(want.Reduced) {
			t.Errorf("%s: got %+v, %v in %d steps and %d stops, want %+v", v, out, err, j.executed, j.stops, want)
		}
	}
}
