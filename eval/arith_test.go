// This file tests the arithmetic on small ints.

package eval

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Division by a multiplication is the division.
func TestDivisor(t *testing.T) {
	special := []int64{0, 1, 2, 3, 5, 7, 10, 641, 1 << 31, 1<<31 - 1, 1<<31 + 1, 1 << 32, 1<<32 + 1, 1 << 62, 1<<62 + 1, math.MaxInt64 - 1, math.MaxInt64}
	r := rand.New(rand.NewPCG(1, 2))
	number := func() int64 {
		n := special[r.IntN(len(special))]
		if r.IntN(2) == 0 {
			n = int64(r.Uint64() >> (1 + r.IntN(63)))
		}
		if n += int64(r.IntN(5)) - 2; r.IntN(4) == 0 {
			n = -n
		}
		return n
	}
	for range 2_000_000 {
		x, y := number(), number()
		d := newDivisor(y)
		got, ok := d.div(x)
		if want, wantOK := divInts(x, y); ok != wantOK || ok && got != want {
			t.Fatalf("%d // %d: got %d, %v, want %d, %v", x, y, got, ok, want, wantOK)
		}
		if y == 0 {
			continue
		}
		if got, want := d.mod(x), modInts(x, y); got != want {
			t.Fatalf("%d %% %d: got %d, want %d", x, y, got, want)
		}
	}
}
