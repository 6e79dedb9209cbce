// This file tests lists that have parts which are known as something, against slices.

package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rosser-lang/rosser/codec"
)

// A knownList is a list, its elements, and those of its parts that were appended as known.
type knownList struct {
	v    Value
	want []Value
}

// TestKnownParts: a list of which parts are made when they are needed, and others stand in blocks, is like one that has all in memory.
func TestKnownParts(t *testing.T) {
	rounds := uint64(8)
	if testing.Short() {
		rounds = 2
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(seed, 4))
		s := newShelf()
		next := 0
		fresh := func(n int) []Value {
			vs := make([]Value, n)
			for i := range vs {
				next++
				if vs[i] = Int(int64(next)); next%3 == 0 {
					vs[i] = record(next)
				}
			}
			return vs
		}
		makes := 0
		known := func(l *List, vs []Value) *List {
			of := NewThunk(&Head{CID: codec.CIDOf(fmt.Appendf(nil, "part %d", next))})
			if r.IntN(4) == 0 {
				of = Null()
			}
			made := func() *List { makes++; return ListOf(slices.Clone(vs)) }
			var had *List
			if r.IntN(3) == 0 {
				had = made()
			}
			return l.AppendKnown(of, len(vs), had, made)
		}
		size := func() int { return 1 + r.IntN([]int{3, 60, 300, 2500}[r.IntN(4)]) }
		pool := []knownList{{ListValue(EmptyList), nil}}
		far := fresh(3000)
		pool = append(pool, knownList{s.keep(t, ListValue(ListOf(slices.Clone(far)))), far})
		for op := range 250 {
			p := pool[r.IntN(len(pool))]
			l, n := p.v, len(p.want)
			x := Int(int64(-op - 1))
			var q knownList
			switch k := r.IntN(13); {
			case k <= 2:
				vs := fresh(size())
				q = knownList{ListValue(known(l.List(), vs)), slices.Concat(p.want, vs)}
			case k == 3:
				q = knownList{l.ListAppend(x), append(slices.Clone(p.want), x)}
			case k == 4:
				q = knownList{l.ListPrepend(x), append([]Value{x}, p.want...)}
			case k == 5 && n > 0:
				i := r.IntN(n)
				q = knownList{ListValue(l.List().Set(i, x)), slices.Clone(p.want)}
				q.want[i] = x
			case k == 6 && n > 0:
				q = p
				for range min(n, 1+r.IntN(120)) {
					first, tail := q.v.ListUncons()
					if !equal(first, q.want[0]) {
						t.Fatalf("seed %d, step %d: another head", seed, op)
					}
					q = knownList{tail, q.want[1:]}
				}
			case k == 7 && n > 0:
				v, tail := l.List().Uncons()
				if !equal(v, p.want[0]) {
					t.Fatalf("seed %d, step %d: another head", seed, op)
				}
				q = knownList{ListValue(tail), p.want[1:]}
			case k == 8:
				a := r.IntN(n + 1)
				b := a + r.IntN(n-a+1)
				q = knownList{ListValue(l.List().Slice(a, b)), p.want[a:b]}
			case k <= 10:
				o := pool[r.IntN(len(pool))]
				if n+len(o.want) > 15000 {
					continue
				}
				q = knownList{ListValue(l.List().Concat(o.v.List())), slices.Concat(p.want, o.want)}
			case k == 11:
				q = p
				for range r.IntN(150) {
					if r.IntN(2) == 0 {
						q = knownList{q.v.ListAppend(x), append(slices.Clone(q.want), x)}
					} else {
						q = knownList{q.v.ListPrepend(x), append([]Value{x}, q.want...)}
					}
				}
			default: // it is laid out, and read again
				q = knownList{s.keep(t, l), p.want}
			}
			if len(q.want) == 0 && q.v.ListLen() > 0 {
				t.Fatalf("seed %d, step %d: it has elements", seed, op)
			}
			looked(t, r, fmt.Sprintf("seed %d, step %d", seed, op), q, s)
			if len(pool) < 20 {
				pool = append(pool, q)
			} else {
				pool[1+r.IntN(len(pool)-1)] = q
			}
		}
		for i, q := range pool {
			looked(t, r, fmt.Sprintf("seed %d, at the end, %d", seed, i), q, s)
		}
		if makes == 0 {
			t.Errorf("seed %d: no part was made", seed)
		}
	}
}

// looked looks at a list in many ways.
func looked(t *testing.T, r *rand.Rand, when string, q knownList, s *shelf) {
	t.Helper()
	fail := func(what string) {
		t.Helper()
		t.Fatalf("%s: %s", when, what)
	}
	n, l := len(q.want), q.v.List()
	if q.v.ListLen() != n || l.Len() != n || q.v.ListEmpty() != (n == 0) {
		fail(fmt.Sprintf("got %d elements, want %d", l.Len(), n))
	}
	for range 3 {
		if n > 0 {
			if i := r.IntN(n); !equal(l.At(i), q.want[i]) || !equal(q.v.ListAt(i), q.want[i]) {
				fail(fmt.Sprintf("element %d differs", i))
			}
		}
	}
	at := 0
	for _, p := range l.Parts(s.w) {
		if p.At != at || p.Len <= 0 {
			fail("the parts are not one after the other")
		}
		at += p.Len
	}
	if at != 0 && at != n {
		fail("the parts are not all")
	}
	if u := q.v.Unmade(); u < 0 || u > n {
		fail("more is not made than there is")
	}
	q.v.Unplaced()
	q.v.Parted()
	budget := 1 << 20
	q.v.Likeness(&budget)
	if r.IntN(4) > 0 {
		return
	}
	if !slices.EqualFunc(contents(l), q.want, equal) {
		fail("got other elements")
	}
	var got []Value
	l.Chunks(func(vs []Value) bool { got = append(got, vs...); return true })
	it := l.Iter()
	for i := range n {
		if v, ok := it.Next(); !ok || !equal(v, q.want[i]) || !equal(v, got[i]) {
			fail(fmt.Sprintf("the iterator differs at %d", i))
		}
	}
	if _, ok := it.Next(); ok {
		fail("the iterator goes on")
	}
	want := string(Encode(ListValue(ListOf(slices.Clone(q.want))), nil))
	for name, put := range map[string]Sink{"no": nil, "the same": s.w, "another": NewWriter(SinkFunc(func(Block) {}))} {
		if string(Encode(q.v, put)) != want {
			fail("it is laid out otherwise for " + name + " sink")
		}
	}
	if v, err := DecodeValue(Encode(q.v, s.w), s.load); err != nil || string(Encode(v, nil)) != want {
		fail("it is not in the sink")
	}
}
