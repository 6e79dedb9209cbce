// This file tests maps against Go's.

package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
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

// A version is a map beside Go's of the same entries.
type version struct {
	m *Map
	g map[string]Value
}

// set is Set, or Insert where the map cannot be changed.
func (m *Map) set(key string, v Value) *Map {
	if m.Set(key, v) {
		return m
	}
	return m.Insert(key, v)
}

// next returns v after some insertions and removals.
func (v version) next(r *rand.Rand, keys, n int) version {
	v.g = maps.Clone(v.g)
	for range n {
		k := fmt.Sprint("key", r.IntN(keys))
		if r.IntN(5) == 0 {
			v.m = v.m.Remove(k)
			delete(v.g, k)
			continue
		}
		x := Int(int64(r.IntN(1000)))
		if r.IntN(20) == 0 {
			x = NewList(slices.Repeat([]Value{x}, r.IntN(100))...)
		}
		v.m, v.g[k] = v.m.Insert(k, x), x
	}
	return v
}

// check compares v with Go's map, entry by entry and as blocks.
func (v version) check() error {
	if err := checkMap(v.m, v.g); err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(v.g))
	vals := make([]Value, len(keys))
	for i, k := range keys {
		vals[i] = v.g[k]
	}
	if got, want := ValueBlock(MapValue(v.m), nil), ValueBlock(MapValue(MapSorted(keys, vals)), nil); got != want {
		return fmt.Errorf("got %s, want %s", got, want)
	}
	return nil
}

func (v version) gets(r *rand.Rand, keys, n int) error {
	if v.m.Len() != len(v.g) {
		return fmt.Errorf("got %d entries, want %d", v.m.Len(), len(v.g))
	}
	for range n {
		k := fmt.Sprint("key", r.IntN(keys))
		want, ok := v.g[k]
		if x, there := v.m.Get(k); there != ok || x != want {
			return fmt.Errorf("%s is %v, %v, want %v, %v", k, x, there, want, ok)
		}
	}
	return nil
}

func TestMapVersions(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 3))
		keys := []int{40, 300, 5000}[seed%3]
		pool := []version{version{EmptyMap, map[string]Value{}}.next(r, keys, 60)}
		for step := range 200 {
			i := len(pool) - 1 // the newest mostly
			if r.IntN(3) == 0 {
				i = r.IntN(len(pool))
			}
			v := pool[i].next(r, keys, 1+r.IntN([...]int{2, 50, 600}[r.IntN(3)]))
			if err := v.gets(r, keys, 20); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			if o := pool[r.IntN(len(pool))]; r.IntN(3) == 0 {
				if err := o.gets(r, keys, 20); err != nil {
					t.Fatalf("seed %d, step %d, an old version: %v", seed, step, err)
				}
			}
			if r.IntN(30) == 0 {
				if err := pool[r.IntN(len(pool))].check(); err != nil {
					t.Fatalf("seed %d, step %d, an old version: %v", seed, step, err)
				}
			}
			if pool = append(pool, v); len(pool) > 60 {
				pool = slices.Delete(pool, 0, 1+r.IntN(30))
			}
		}
		for i := len(pool) - 1; i >= 0; i-- {
			if err := pool[i].check(); err != nil {
				t.Fatalf("seed %d, at the end: %v", seed, err)
			}
		}
	}
}

// TestMapSet changes the newest version in its place where nobody else has it, and keeps others.
func TestMapSet(t *testing.T) {
	for seed := range uint64(9) {
		r := rand.New(rand.NewPCG(seed, 6))
		keys := []int{40, 300, 5000}[seed%3]
		hand := version{EmptyMap, map[string]Value{}}.next(r, keys, 60)
		pool := []version{hand}
		own, set := false, 0 // whether nobody else has it, and how often it was changed
		for step := range 600 {
			if !own {
				hand.g = maps.Clone(hand.g)
			}
			for range 1 + r.IntN([...]int{2, 50, 600}[r.IntN(3)]) {
				k, x := fmt.Sprint("key", r.IntN(keys)), Int(int64(r.IntN(1000)))
				switch {
				case r.IntN(30) == 0:
					was := hand.m
					hand.m = hand.m.Remove(k)
					own = own || hand.m != was
					delete(hand.g, k)
					continue
				case own && hand.m.Set(k, x):
					set++
				default:
					hand.m, own = hand.m.Insert(k, x), true
				}
				hand.g[k] = x
			}
			if err := hand.gets(r, keys, 20); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			if r.IntN(10) == 0 { // its order, and its block
				if err := hand.check(); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
			if o := pool[r.IntN(len(pool))]; r.IntN(3) == 0 {
				if err := o.gets(r, keys, 20); err != nil {
					t.Fatalf("seed %d, step %d, an old version: %v", seed, step, err)
				}
			}
			if r.IntN(3) == 0 { // now others have it
				pool, own = append(pool, hand), false
			}
			if r.IntN(4) == 0 {
				hand, own = pool[r.IntN(len(pool))], false
			}
			if len(pool) > 60 {
				pool = slices.Delete(pool, 0, 1+r.IntN(30))
			}
		}
		for i := len(pool) - 1; i >= 0; i-- {
			if err := pool[i].check(); err != nil {
				t.Fatalf("seed %d, at the end: %v", seed, err)
			}
		}
		if set < 1000 {
			t.Errorf("seed %d: it was changed in its place only %d times", seed, set)
		}
	}
}

// TestMapSetGrown: of a log that has grown, what the version before sees stays as it is.
func TestMapSetGrown(t *testing.T) {
	m := EmptyMap.Insert("0", Int(0))
	for n := 1; n < 700; n++ {
		old, keys := m, []string{fmt.Sprint(n / 3), fmt.Sprint(n / 2), fmt.Sprint(n - 1)}
		m = m.Insert(fmt.Sprint(n), Int(0))
		for _, k := range keys {
			was, ok := old.Get(k)
			m = m.set(k, Int(int64(n)))
			if v, there := old.Get(k); v != was || there != ok {
				t.Fatalf("%d entries: a version before has %v, %v at %s, want %v, %v", n, v, there, k, was, ok)
			}
		}
		if m.Len() != n+1 {
			t.Fatalf("got %d entries, want %d", m.Len(), n+1)
		}
	}
}

// TestMapHammer extends and reads the same versions in several goroutines.
func TestMapHammer(t *testing.T) {
	for round := range uint64(20) {
		r := rand.New(rand.NewPCG(round, 4))
		keys := []int{50, 1000}[round%2]
		var pool []version
		for v := (version{EmptyMap, map[string]Value{}}.next(r, keys, 100)); len(pool) < 20; v = v.next(r, keys, 30) {
			pool = append(pool, v)
		}
		done := make(chan error)
		for g := range uint64(4) {
			go func() {
				r := rand.New(rand.NewPCG(round, 5+g))
				for step := range 40 {
					v := pool[len(pool)-1-r.IntN(2)*r.IntN(len(pool))].next(r, keys, 30)
					err := v.gets(r, keys, 50)
					if err == nil {
						err = pool[r.IntN(len(pool))].gets(r, keys, 50)
					}
					if err == nil && step%10 == 0 {
						err = checkMap(v.m, v.g)
					}
					if o := pool[r.IntN(len(pool))]; err == nil && step%10 == 5 {
						err = checkMap(o.m, o.g)
					}
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
	}
}

// TestMapVain makes sure that values that were replaced do not stay for long.
func TestMapVain(t *testing.T) {
	m := EmptyMap
	for i := range 1000 {
		m = m.Insert(fmt.Sprint(i), Null())
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 1000 {
		m = m.Insert("7", BytesValue(make([]byte, 1<<20)))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 8<<20 {
		t.Errorf("got %d bytes held by a map with one value of 1 MiB", held)
	}
	runtime.KeepAlive(m)
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
	b.Run("update200k", func(b *testing.B) {
		for range b.N {
			m := EmptyMap
			for i := range keys {
				m = m.Insert(keys[i%1000], Int(int64(i)))
			}
		}
	})
	b.Run("set200k", func(b *testing.B) { // by who alone has the map, and then got in the same order
		for range b.N {
			m := EmptyMap
			for i, k := range keys {
				m = m.set(k, Int(int64(i)))
			}
			for _, k := range keys {
				m.Get(k)
			}
		}
	})
	b.Run("count", func(b *testing.B) { // keys come again and again, in no order
		text := make([]string, 700_000)
		for i := range text {
			text[i] = strings.Clone(keys[uint32(i)*2654435761%40_000])
		}
		b.ResetTimer()
		for range b.N {
			m := EmptyMap
			for _, k := range text {
				n, _ := m.Get(k)
				n, _ = n.Plus(1)
				m = m.set(k, n)
			}
		}
	})
	b.Run("fork", func(b *testing.B) { // versions that are inserted into twice, in a tree of insertions
		base := EmptyMap
		for _, k := range keys[:100] {
			base = base.Insert(k, Null())
		}
		var try func(m *Map, depth int)
		try = func(m *Map, depth int) {
			if depth > 0 {
				for i := range 3 {
					try(m.Insert(keys[depth*3+i], Int(int64(i))), depth-1)
				}
			}
		}
		for range b.N {
			try(base, 6)
		}
	})
	b.Run("versions", func(b *testing.B) { // old versions, each asked for a key that all of them changed, and put in order, the last first
		for range b.N {
			var all []*Map
			m := EmptyMap
			for i := range 2000 {
				m = m.Insert(keys[i%200], Int(int64(i)))
				all = append(all, m)
			}
			for _, m := range slices.Backward(all) {
				m.Get(keys[7])
			}
			for _, m := range slices.Backward(all) {
				m.At(0)
			}
		}
	})
	b.Run("queue", func(b *testing.B) { // a key comes, a key goes
		for range b.N {
			m := EmptyMap
			for i, k := range keys {
				m = m.Insert(k, Null())
				if i >= 500 {
					m = m.Remove(keys[i-500])
				}
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
