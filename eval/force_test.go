// This file holds lazy values whose reduction fails, is stopped, or needs itself.

package eval_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// TestLazyFailures: a lazy value that fails does so again each time, charges nobody, and leaves the stack as it was, however deep it
// stood; with and without links.
func TestLazyFailures(t *testing.T) {
	const before = "let slow n k = if n == 0 then k else slow (n - 1) k\n\nlet deep n x = if n == 0 then x else 1 + deep (n - 1) x\n\n" +
		"let fails k = lazy (deep 3000 (slow 50 (error k)))\n\n"
	for _, c := range []struct {
		src   string
		steps uint64
	}{
		{"let f n = let x = fails n in [try (x + 1), try (x + 2), slow 10 n]\n\nf 7", 13},
		{"let f n = let x = fails n in let y = lazy (1 + x) in let z = lazy [try (deep 2000 (y + 1)), try y, n] in [try (1 + y), z.0, z.1, try (x + z.2)]\n\nf 7", 2},
		{"let f n = let x = lazy (deep 3000 (slow n n)) in slow 10 (x + x)\n\nf 7", 12},
		{"let f n = let x = lazy (try (deep 3000 (sum [lazy (slow n n), lazy (error n)]))) in [x, slow 10 x]\n\nf 7", 12},
	} {
		u, err := build(before + c.src)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, mode := range []eval.Mode{eval.All, eval.Auto, eval.None} {
			for _, small := range []bool{false, true} {
				s := newShop(u)
				m := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode})
				if small {
					m.SmallChunks(1024)
				}
				out, err := m.Eval(context.Background(), u.BodyCID)
				if err != nil || out.Error != nil || out.Steps != c.steps {
					t.Fatalf("%s, mode %d, small %v: got %+v, %v, want %d steps", c.src, mode, small, out, err, c.steps)
				}
				got, _, err := m.Primitive(context.Background(), "core.forceDeep", out.Value)
				if err != nil {
					t.Fatal(err)
				}
				if shown := string(graph.Encode(got, nil)); want == "" {
					want = shown
				} else if shown != want {
					t.Errorf("%s, mode %d, small %v: got %q, want %q", c.src, mode, small, shown, want)
				}
			}
		}
	}
}

// TestLazyStops: a lazy value that was stopped is reduced the next time that it is looked at.
func TestLazyStops(t *testing.T) {
	u, err := build("let deep n x = if n == 0 then x else 1 + deep (n - 1) x\n\nlet f n = let x = lazy (deep 3000 n) in let y = lazy (deep 1000 (x + 1)) in [x, y]\n\nf 7")
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []eval.Mode{eval.All, eval.Auto, eval.None} {
		s := newShop(u)
		m := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode})
		m.SmallChunks(1024)
		out, err := m.Eval(context.Background(), u.BodyCID)
		if err != nil || out.Error != nil {
			t.Fatal(out, err)
		}
		y := out.Value.List().At(1)
		for fuel := uint64(1000); ; fuel += 1500 {
			m.SetFuel(fuel)
			v, thrown, err := m.Look(context.Background(), y)
			var stop *eval.Stop
			if errors.As(err, &stop) && stop.Reason == eval.OutOfFuel && fuel < 8000 {
				continue
			}
			if err != nil || thrown != nil || v != graph.Int(4008) || fuel < 3000 {
				t.Errorf("mode %d, fuel %d: got %v, %v, %v", mode, fuel, v, thrown, err)
			}
			break
		}
	}
}
