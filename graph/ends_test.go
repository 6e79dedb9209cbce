package graph

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// An endsVersion is a list as a Value, and what it is to hold.
type endsVersion struct {
	list Value
	want []int64
}

func (v endsVersion) check(t *testing.T) {
	t.Helper()
	got := make([]int64, 0, len(v.want))
	for i := range v.list.ListLen() {
		n, _ := v.list.ListAt(i).Int()
		got = append(got, n)
	}
	if !slices.Equal(got, v.want) {
		t.Fatalf("got %v, want %v", got, v.want)
	}
	got = got[:0]
	v.list.List().Each(func(x Value) bool {
		n, _ := x.Int()
		got = append(got, n)
		return true
	})
	if !slices.Equal(got, v.want) || v.list.ListEmpty() != (len(v.want) == 0) {
		t.Fatalf("as a List got %v, want %v", got, v.want)
	}
}

// step makes a version from two.
func step(r *rand.Rand, v, w endsVersion, next int64) endsVersion {
	n := len(v.want)
	x := Int(next)
	switch k := r.IntN(10); {
	case k < 3:
		return endsVersion{v.list.ListAppend(x), append(slices.Clone(v.want), next)}
	case k < 5:
		return endsVersion{v.list.ListPrepend(x), append([]int64{next}, v.want...)}
	case k < 8 && n > 0:
		return endsVersion{v.list.ListTail(), v.want[1:]}
	case k == 8 && n+len(w.want) < 400:
		return endsVersion{ListValue(v.list.List().Concat(w.list.List())), slices.Concat(v.want, w.want)}
	case n > 0:
		a := r.IntN(n)
		b := a + r.IntN(n-a+1)
		return endsVersion{ListValue(v.list.List().Slice(a, b)), v.want[a:b]}
	}
	return v
}

// TestMovedEnds: versions of lists that were kept stay what they are, whatever is made of them, also at the same time.
func TestMovedEnds(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		kept := []endsVersion{{ListValue(EmptyList), nil}}
		for i := range int64(90) {
			kept = append(kept, endsVersion{kept[i].list.ListAppend(Int(i)), append(slices.Clone(kept[i].want), i)})
		}
		var group sync.WaitGroup
		for g := range 3 {
			group.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(10+g)))
				own := slices.Clone(kept)
				for i := range 300 {
					own = append(own, step(r, own[r.IntN(len(own))], own[r.IntN(len(own))], int64(1000*(g+1)+i)))
				}
				for _, v := range own {
					v.check(t)
				}
			})
		}
		group.Wait()
		for i := range 600 {
			v := step(r, kept[len(kept)-1-r.IntN(min(len(kept), 8))], kept[r.IntN(len(kept))], int64(i))
			v.check(t)
			kept = append(kept, v)
		}
		for _, v := range kept {
			v.check(t)
		}
	}
}

// TestConcatOfWhatIsLeft: a list that is short now may have been long.
func TestConcatOfWhatIsLeft(t *testing.T) {
	long := endsVersion{ListValue(EmptyList), nil}
	for i := range int64(80) {
		long = endsVersion{long.list.ListAppend(Int(i)), append(long.want, i)}
	}
	for range 54 {
		long = endsVersion{long.list.ListTail(), long.want[1:]}
	}
	short := endsVersion{ListValue(EmptyList), nil}
	for i := range int64(12) {
		short = endsVersion{short.list.ListAppend(Int(-i)), append(short.want, -i)}
	}
	endsVersion{ListValue(long.list.List().Concat(short.list.List())), slices.Concat(long.want, short.want)}.check(t)
	endsVersion{ListValue(short.list.List().Concat(long.list.List())), slices.Concat(short.want, long.want)}.check(t)
}

// TestAlikeEnds: lists in lists that are exponentially longer than what they take to hold.
func TestAlikeEnds(t *testing.T) {
	tower := func() Value {
		v := NewList(Int(1))
		for range 100 {
			v = ListValue(v.List().Prepend(v))
		}
		return v
	}
	if v := tower(); !Alike(v, v) {
		t.Error("a list is not like itself")
	}
	Alike(tower(), tower())
}
