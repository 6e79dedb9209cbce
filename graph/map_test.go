// This file tests maps against Go's.

package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func checkMap(m *Map, want map[string]Value) error {
	if m.Len() != len(want) {
		return fmt.Errorf("got %d entries, want %d", m.Len(), len(want))
	}
	keys := slices.Sorted(maps.Keys(want))
	i := 0
	var err error
	m.Each(func(k string, v Value) bool {
		if k != keys[i] || v != want[k] {
			err = fmt.Errorf("entry %d is %q", i, k)
			return false
		}
		if ak, av := m.At(i); ak != k || av != v {
			err = fmt.Errorf("At %d is %q", i, ak)
			return false
		}
		if g, ok := m.Get(k); !ok || g != v {
			err = fmt.Errorf("no %q", k)
			return false
		}
		i++
		return true
	})
	if err == nil && i != len(want) {
		err = fmt.Errorf("Each ended after %d", i)
	}
	return err
}

func TestMapAgainstGo(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		type pair struct {
			m *Map
			g map[string]Value
		}
		pool := []pair{{EmptyMap, map[string]Value{}}, {nil, map[string]Value{}}}
		key := func() string { return fmt.Sprint(r.IntN(1 + 3000>>(seed%4*3))) }
		for op := range 600 {
			p := pool[r.IntN(len(pool))]
			q := pair{p.m, maps.Clone(p.g)}
			switch r.IntN(5) {
			case 0:
				for range r.IntN(100) {
					k := key()
					q.m, q.g[k] = q.m.Insert(k, Int(int64(op))), Int(int64(op))
				}
			case 1:
				for range r.IntN(200) {
					k := key()
					q.m = q.m.Remove(k)
					delete(q.g, k)
				}
			case 2:
				o := pool[r.IntN(len(pool))]
				q.m = q.m.Merge(o.m)
				maps.Copy(q.g, o.g)
			case 3:
				var b MapBuilder
				q.g = map[string]Value{}
				for i := range r.IntN(500) {
					k := key()
					b.Set(k, Int(int64(i)))
					q.g[k] = Int(int64(i))
				}
				q.m = b.Map()
			case 4:
				for k := range q.g {
					q.m = q.m.Remove(k)
					delete(q.g, k)
					if len(q.g)%50 == 0 {
						break
					}
				}
			}
			if err := checkMap(q.m, q.g); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, op, err)
			}
			if _, ok := q.m.Get("absent"); ok {
				t.Fatal("got an entry that is not there")
			}
			if len(pool) < 20 {
				pool = append(pool, q)
			} else {
				pool[r.IntN(len(pool))] = q
			}
		}
		for _, p := range pool {
			if err := checkMap(p.m, p.g); err != nil {
				t.Fatalf("seed %d, at the end: %v", seed, err)
			}
		}
	}
}

func TestTagged(t *testing.T) {
	for _, v := range []Value{Tagged("Ok", Int(1)), Record("Ok", 1), MapValue(EmptyMap.Insert("Ok", Int(1)))} {
		if k, x, ok := v.Map().Only(); !ok || k != "Ok" || x != Int(1) {
			t.Errorf("got %q %v %v, want Ok 1", k, x, ok)
		}
	}
	if _, _, ok := Record("a", 1, "b", 2).Map().Only(); ok {
		t.Error("two keys are one")
	}
	if k, v, _ := None().Map().Only(); k != "None" || v != Null() {
		t.Error("None is not {None: null}")
	}
}

func BenchmarkMap(b *testing.B) {
	keys := make([]string, 200_000)
	for i := range keys {
		keys[i] = fmt.Sprint("key", i*7919%200_000)
	}
	b.Run("insert200k", func(b *testing.B) {
		for range b.N {
			m := EmptyMap
			for i, k := range keys {
				m = m.Insert(k, Int(int64(i)))
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		var mb MapBuilder
		for _, k := range keys {
			mb.Set(k, Null())
		}
		m := mb.Map()
		for i := range b.N {
			m.Get(keys[i%len(keys)])
		}
	})
	b.Run("record", func(b *testing.B) {
		m := Record("name", "a", "age", 1, "city", "b").Map()
		for range b.N {
			m.Get("age")
		}
	})
	b.Run("tag", func(b *testing.B) {
		for range b.N {
			Some(Int(1))
		}
	})
}
