// This file tests lists against slices.

package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func contents(l *List) []Value {
	var out []Value
	l.Each(func(v Value) bool { out = append(out, v); return true })
	return out
}

// check says what of l differs from want, and whether its tree is balanced.
func checkList(l *List, want []Value) error {
	if l.Len() != len(want) {
		return fmt.Errorf("got %d elements, want %d", l.Len(), len(want))
	}
	if got := contents(l); !slices.Equal(got, want) {
		return fmt.Errorf("got other elements")
	}
	if l.rest != nil && l.rest.root != nil {
		return checkNode(l.rest.root, true)
	}
	return nil
}

func checkNode(t *node, root bool) error {
	if t.height == 0 {
		if !root && t.n < minRun || t.n > maxRun || t.n != int(t.leaf.n) {
			return fmt.Errorf("a leaf of %d", t.n)
		}
		return nil
	}
	if len(t.kids) > maxKids || len(t.kids) < 2 || !root && len(t.kids) < minKids {
		return fmt.Errorf("a node of %d", len(t.kids))
	}
	n := 0
	for i, k := range t.kids {
		if n += k.n; t.ends[i] != n || k.height != t.height-1 {
			return fmt.Errorf("a node's sizes or heights are wrong")
		}
		if err := checkNode(k, false); err != nil {
			return err
		}
	}
	return nil
}

func TestListAgainstSlices(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		type pair struct {
			l *List
			s []Value
		}
		pool := []pair{{EmptyList, nil}, {nil, nil}}
		for op := range 700 {
			p := pool[r.IntN(len(pool))]
			v := Int(int64(op))
			var q pair
			switch k := r.IntN(9); {
			case k == 0:
				q = pair{p.l.Append(v), append(slices.Clone(p.s), v)}
			case k == 1:
				q = pair{p.l.Prepend(v), append([]Value{v}, p.s...)}
			case k == 2 && len(p.s) > 0:
				i := r.IntN(len(p.s))
				q = pair{p.l.Set(i, v), slices.Clone(p.s)}
				q.s[i] = v
			case k == 3 && len(p.s) > 0:
				head, tail := p.l.Uncons()
				if head != p.s[0] {
					t.Fatal("another head")
				}
				q = pair{tail, p.s[1:]}
			case k == 4:
				a := r.IntN(len(p.s) + 1)
				b := a + r.IntN(len(p.s)-a+1)
				q = pair{p.l.Slice(a, b), p.s[a:b]}
			case k <= 6:
				o := pool[r.IntN(len(pool))]
				if len(p.s)+len(o.s) > 5000 {
					continue
				}
				q = pair{p.l.Concat(o.l), slices.Concat(p.s, o.s)}
			case k == 7:
				q = p
				for i := range r.IntN(150) {
					q = pair{q.l.Append(Int(int64(i))), append(slices.Clip(q.s), Int(int64(i)))}
				}
			default:
				q = p
				for i := range r.IntN(150) {
					q = pair{q.l.Prepend(Int(int64(i))), append([]Value{Int(int64(i))}, q.s...)}
				}
			}
			if err := checkList(q.l, q.s); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, op, err)
			}
			for range 3 {
				if n := len(q.s); n > 0 {
					i := r.IntN(n)
					if q.l.At(i) != q.s[i] {
						t.Fatalf("seed %d, step %d: element %d differs", seed, op, i)
					}
				}
			}
			if len(pool) < 30 {
				pool = append(pool, q)
			} else {
				pool[r.IntN(len(pool))] = q
			}
		}
		for _, p := range pool { // nothing changed what was there before
			if err := checkList(p.l, p.s); err != nil {
				t.Fatalf("seed %d, at the end: %v", seed, err)
			}
			it := p.l.Iter()
			for i, w := range p.s {
				if v, ok := it.Next(); !ok || v != w {
					t.Fatalf("seed %d: the iterator differs at %d", seed, i)
				}
			}
			if _, ok := it.Next(); ok {
				t.Fatalf("seed %d: the iterator goes on", seed)
			}
		}
	}
}

func TestLargeLists(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	const n = 250_000
	l, want := ints(n).List(), contents(ints(n).List())
	for i := range 12 {
		a := r.IntN(n)
		b := a + r.IntN(n-a)
		l = l.Slice(a, b).Concat(l.Slice(b, n)).Concat(l.Slice(0, a))
		want = slices.Concat(want[a:], want[:a])
		if err := checkList(l, want); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

func TestListBuilderAndBothEnds(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 63, 64, 65, 127, 128, 129, 192, 2048, 4097, 70_000} {
		var b ListBuilder
		up, down := EmptyList, EmptyList
		want := make([]Value, n)
		for i := range n {
			want[i] = Int(int64(i))
			b.Add(want[i])
			up = up.Append(want[i])
			down = down.Prepend(Int(int64(n - 1 - i)))
		}
		for name, l := range map[string]*List{"builder": b.List(), "append": up, "prepend": down, "of": ListOf(slices.Clone(want)), "new": NewList(want...).List()} {
			if err := checkList(l, want); err != nil {
				t.Errorf("%d by %s: %v", n, name, err)
			}
			for i := 0; l.Len() > 0; i++ {
				var v Value
				if v, l = l.Uncons(); v != want[i] {
					t.Fatalf("%d by %s: head %d differs", n, name, i)
				}
			}
		}
	}
}

// Many goroutines that grow one list all write into its spare slots, or find them taken.
func TestListGrownByMany(t *testing.T) {
	for _, n := range []int{3, 40, 70, 200} {
		base := EmptyList
		for i := range n {
			base = base.Append(Int(int64(i))).Prepend(Int(int64(-i)))
		}
		want := contents(base)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				l, s := base, slices.Clone(want)
				for i := range 200 {
					v := Int(int64(g*1000 + i))
					l, s = l.Append(v).Prepend(v), slices.Concat([]Value{v}, s, []Value{v})
				}
				if err := checkList(l, s); err != nil {
					t.Errorf("goroutine %d: %v", g, err)
				}
			})
		}
		wg.Wait()
		if err := checkList(base, want); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	million := make([]Value, 1_000_000)
	for i := range million {
		million[i] = Int(int64(i))
	}
	big := ListOf(million)
	b.Run("append", func(b *testing.B) {
		l := EmptyList
		for i := range b.N {
			l = l.Append(Int(int64(i)))
		}
	})
	b.Run("prepend", func(b *testing.B) {
		l := EmptyList
		for i := range b.N {
			l = l.Prepend(Int(int64(i)))
		}
	})
	b.Run("uncons", func(b *testing.B) {
		l := big
		for range b.N {
			if l.Len() == 0 {
				l = big
			}
			_, l = l.Uncons()
		}
	})
	b.Run("at", func(b *testing.B) {
		for i := range b.N {
			big.At(i * 7919 % 1_000_000)
		}
	})
	b.Run("set", func(b *testing.B) {
		l := big
		for i := range b.N {
			l = l.Set(i*7919%1_000_000, Int(1))
		}
	})
	b.Run("concat", func(b *testing.B) {
		for range b.N {
			big.Concat(big)
		}
	})
	b.Run("slice", func(b *testing.B) {
		for i := range b.N {
			big.Slice(i%500_000, 600_000)
		}
	})
	b.Run("each", func(b *testing.B) {
		for n := 0; n < b.N; n += big.Len() {
			big.Each(func(Value) bool { return true })
		}
	})
	b.Run("pair", func(b *testing.B) {
		for range b.N {
			NewList(Int(1), Int(2))
		}
	})
	b.Run("build", func(b *testing.B) {
		var l ListBuilder
		for i := range b.N {
			l.Add(Int(int64(i)))
		}
		l.List()
	})
}
