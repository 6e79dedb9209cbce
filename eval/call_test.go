// This file holds what a call costs: with small ints in its frame and its arguments, no allocation.

package eval_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
)

const fib = "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n"

// once evaluates a program on a new machine and a new store.
func once(t testing.TB, u *compile.Unit, mode eval.Mode) eval.Outcome {
	t.Helper()
	s := newShop(u)
	out, err := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode}).Eval(context.Background(), u.BodyCID)
	if err != nil || out.Error != nil {
		t.Fatal(err, out.Error)
	}
	return out
}

// allocated is how many objects f allocates, and how many bytes.
func allocated(f func()) (objects, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}

func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name, src string
		mode      eval.Mode
	}{
		{"fib", fib + "\nfib 27", eval.None},
		{"even and odd", "let even n = if n == 0 then true else odd (n - 1)\nlet odd n = if n == 0 then false else even (n - 1)\n\neven 500000", eval.None},
		{"loop", "let go i s = if i == 0 then s else go (i - 1) ((s * 31 + i) % 1000003)\n\ngo 1000000 7", eval.None},
		{"loop, linked", "let go i s = if i == 0 then s else go (i - 1) ((s * 31 + i) % 1000003)\n\ngo 1000000 7", eval.Auto},
	} {
		b.Run(c.name, func(b *testing.B) {
			u, err := build(c.src)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			steps := uint64(0)
			objects, _ := allocated(func() {
				for b.Loop() {
					steps += once(b, u, c.mode).Reduced
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/call")
			b.ReportMetric(float64(objects)/float64(steps), "allocs/call")
		})
	}
}

// TestCallsAllocateNothing: what a million calls more allocate is a constant, that of looking around now and then.
func TestCallsAllocateNothing(t *testing.T) {
	const step = "((s * 31 + i) %% 1000003)"
	for _, c := range []struct {
		name, src  string
		less, more int
	}{
		{"two calls in a sum", fib + "\nfib %d", 5, 28},
		{"a tail call", "let go i s = if i == 0 then s else go (i - 1) " + step + "\n\ngo %d 7", 1000, 1_000_000},
		{"tail calls of two functions", "let even n = if n == 0 then true else odd (n - 1)\nlet odd n = if n == 0 then false else even (n - 1)\n\neven %d", 1000, 1_000_000},
		{"three arguments", "let tak x y z = if y >= x then z else tak (tak (x - 1) y z) (tak (y - 1) z x) (tak (z - 1) x y)\n\ntak %d 16 8", 16, 26},
		{"five arguments", "let f n a b c d = if n < 2 then a + b else f (n - 1) b c d a + f (n - 2) d c b a\n\nf %d 1 2 3 4", 5, 28},
		{"a tail call of five arguments", "let go i s a b c = if i == 0 then s else go (i - 1) " + step + " b c a\n\ngo %d 7 1 2 3", 1000, 1_000_000},
		{"an unknown function", "let twice f x = f x + f (x + 1)\nlet go i f s = if i == 0 then s else go (i - 1) f ((s + twice f i) %% 1000003)\n\ngo %d (\\x -> x * 2) 0", 1000, 300_000},
		{"a tail call of an unknown function", "let hand f i s = f i s\nlet go i s = if i == 0 then s else hand go (i - 1) " + step + "\n\ngo %d 0", 1000, 500_000},
		{"a closure", "let make k = \\x -> x + k\nlet go i f s = if i == 0 then s else go (i - 1) f (f s %% 1000003)\n\ngo %d (make 7) 0", 1000, 500_000},
		{"a local function", "let f n = let g i s = if i == 0 then s else g (i - 1) ((s + i * n) %% 1000003) in g %d 0\n\nf 3", 1000, 1_000_000},
		{"a match", "let go i s = match i { | 0 -> s | 1 -> go 0 (s + 1) | n if n < 0 -> s | n -> go (n - 1) ((s + n) %% 1000003) }\n\ngo %d 0", 1000, 1_000_000},
		{"a callback", "let xs = range 1 1000\nlet go i s = if i == 0 then s else go (i - 1) (fold (\\a x -> (a * 31 + x) %% 1000003) s xs)\n\ngo %d 0", 1, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			var steps, objects, bytes [2]uint64
			for i, n := range [2]int{c.less, c.more} {
				u, err := build(fmt.Sprintf(c.src, n))
				if err != nil {
					t.Fatal(err)
				}
				once(t, u, eval.None)
				objects[i], bytes[i] = allocated(func() { steps[i] = once(t, u, eval.None).Reduced })
			}
			calls, more, moreBytes := steps[1]-steps[0], int64(objects[1])-int64(objects[0]), int64(bytes[1])-int64(bytes[0])
			t.Logf("%d calls more: %d objects more, %d bytes", calls, more, moreBytes)
			if calls < 900_000 {
				t.Fatalf("got %d calls more, want a million", calls)
			}
			if more > 2000 || moreBytes > 1<<20 {
				t.Errorf("%d calls allocate %d objects, %d bytes", calls, more, moreBytes)
			}
		})
	}
}
