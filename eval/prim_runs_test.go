// This file checks where a list is cut into runs, whatever its parts are.

package eval

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

// cutsByDefinition goes from cut to cut with the hash of the sixteen elements before each place.
func cutsByDefinition(xs []graph.Value) (at []int) {
	hashes := make([]uint64, len(xs)+1)
	for i, x := range xs {
		hashes[i+1] = hashes[i]<<4 + endHash(x, 0)
	}
	for last := 0; ; at = append(at, last) {
		lowest, end := 0, 0
		for i := last + 128; i <= last+2048 && i < len(xs); i++ {
			h := hashes[i]
			if h>>55 == 0 {
				end = i
				break
			}
			if level := h >> 50; level < 255 && (lowest == 0 || level < hashes[lowest]>>50) {
				lowest = i
			}
		}
		switch {
		case end > 0:
			last = end
		case len(xs)-last <= 2048:
			return at
		case lowest > 0:
			last = lowest
		default:
			last += 1024
		}
	}
}

func TestCutsOfParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := New(Options{Link: None})
	lowest, blind, far := 0, 0, 0
	for round := range 400 {
		n, period := r.IntN(20_000), 1+r.IntN(1+[]int{1, 8, 300, 2000, 20_000}[round%5])
		xs := make([]graph.Value, n)
		for i := range xs {
			xs[i] = graph.Int(int64(round<<20 + i%period))
			if period > 1 && r.IntN(3000) == 0 {
				xs[i] = graph.Int(r.Int64())
			}
		}
		var all []mark
		hash := uint64(0)
		for at := 0; at < n; {
			size := min(n-at, 1+r.IntN([]int{3, 40, 5000}[r.IntN(3)]))
			v, _, err := m.Primitive(context.Background(), runMarksName, graph.NewList(xs[at:at+size]...))
			marks, ok := marksIn(v, size)
			if err != nil || !ok {
				t.Fatalf("a part has the marks %v (%v)", v, err)
			}
			here, h := marks.after(hash, size)
			for _, k := range here {
				all = append(all, mark{at + k.at, k.level})
			}
			hash, at = h, at+size
		}
		got, want := cuts(all, n), cutsByDefinition(xs)
		if !slices.Equal(got, want) {
			t.Fatalf("%d elements of %d kinds are cut at %v, want %v", n, period, got, want)
		}
		for i, c := range got {
			switch k := slices.IndexFunc(all, func(k mark) bool { return k.at == c }); {
			case k < 0:
				blind++
			case !all[k].ends():
				lowest++
			case i > 0 && c-got[i-1] > 1920:
				far++
			}
		}
	}
	if lowest < 50 || blind < 50 || far < 5 {
		t.Errorf("%d cuts at the lowest mark, %d where there is none, %d late: too few to tell", lowest, blind, far)
	}
}
