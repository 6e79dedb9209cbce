// This file checks that a list is sorted without the comparisons that mergeSort makes, and their number.

package eval

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

// TestComparisonsCounted counts the comparisons of mergeSort over lists of all shapes, and has the same order.
func TestComparisonsCounted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 700 {
		keys := make(ordered[int64], n)
		switch n % 7 {
		case 0:
			for i := range keys {
				keys[i] = r.Int64()
			}
		case 1:
			for i := range keys {
				keys[i] = r.Int64N(4)
			}
		case 2:
			for i := range keys {
				keys[i] = int64(i)
			}
		case 3:
			for i := range keys {
				keys[i] = -int64(i)
			}
		case 4:
			for i := range keys {
				keys[i] = int64(i%(1+n/3)) - r.Int64N(2)
			}
		case 5: // the same
		case 6:
			for i := range keys {
				keys[i] = int64(i)
			}
			for range 1 + n/50 {
				keys[r.IntN(n)] = r.Int64N(int64(n))
			}
		}
		made := uint64(0)
		want := make([]int32, n)
		for i := range want {
			want[i] = int32(i)
		}
		mergeSort(want, make([]int32, (n+1)/2), func(b, a *int32) (bool, error) {
			made++
			return cmp.Less(keys[*b], keys[*a]), nil
		})
		if got := keys.comparisons(func() {}); got != made {
			t.Fatalf("%v: got %d comparisons, mergeSort makes %d", keys, got, made)
		}
		if got := keys.all(func() {}); !slices.Equal(got, want) {
			t.Fatalf("%v: got the order %v, want %v", keys, got, want)
		}
		for _, k := range []int{1, 2, 16, n/3 + 1, n} {
			if k <= 0 || k > n {
				continue
			}
			if got := keys.first(k); !slices.Equal(got, want[:k]) {
				t.Fatalf("%v: got the first %v, want %v", keys, got, want[:k])
			}
		}
	}
}

// TestStoppedInMake: a checkpoint that is written while elements of a sorted list are being put in order does not wait for them.
func TestStoppedInMake(t *testing.T) {
	s := &sorting{m: &Machine{writing: true}, keys: graph.NewList(graph.Int(2), graph.Int(1)).List(), order: ordered[int64]{2, 1}}
	s.xs = s.keys
	if got := s.piece(0, 1); got.At(0) != graph.Int(1) {
		t.Errorf("got %v, want 1", got.At(0))
	}
	s.Lock()
	defer func() {
		if stop, ok := recover().(*Stop); !ok || stop.Err != errNotMade {
			t.Errorf("got %v, want %v", stop, errNotMade)
		}
	}()
	s.piece(0, 1)
	t.Error("it was made")
}
