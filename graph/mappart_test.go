// This file tests maps that have parts which are known as something, against Go's maps.

package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rosser-lang/rosser/codec"
)

// A knownMap is a map and its entries.
type knownMap struct {
	m    *Map
	want map[string]Value
}

func (q knownMap) keys() []string { return slices.Sorted(maps.Keys(q.want)) }

// TestKnownMaps: a map of which parts are made when they are needed, and others stand in blocks, is like one that has all in memory.
func TestKnownMaps(t *testing.T) {
	rounds := uint64(8)
	if testing.Short() {
		rounds = 2
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(seed, 5))
		s := newShelf()
		key := func() string { return fmt.Sprintf("key%05d", r.IntN(20_000)) }
		makes := 0
		known := func(b *MapParts, p Part, keys []string, of map[string]Value) {
			if p.Of = NewThunk(&Head{CID: codec.CIDOf(fmt.Appendf(nil, "part %d of %d", r.Int(), seed))}); r.IntN(4) == 0 {
				p.Of = Null()
			}
			made := func() (*Map, bool) {
				makes++
				return mapOfKeys(keys, of), r.IntN(3) == 0
			}
			var had *Map
			if r.IntN(3) == 0 {
				had, _ = made()
			}
			p.Len, p.First = len(keys), keys[0]
			b.AddKnown(p, had, made)
		}
		all := map[string]Value{}
		for range 6000 {
			all[key()] = record(r.IntN(1000))
		}
		pool := []knownMap{{EmptyMap, nil}, {s.keep(t, MapValue(mapOfKeys(slices.Sorted(maps.Keys(all)), all))).Map(), all}}
		for op := range 200 {
			p := pool[r.IntN(len(pool))]
			q := knownMap{p.m, p.want}
			switch k := r.IntN(9); {
			case k <= 2 && len(p.want) > 0: // of the parts of one, some become known as something else, and some are left out
				q = knownMap{want: map[string]Value{}}
				var b MapParts
				parts := p.m.Parts(s.w)
				if parts == nil {
					parts = []Part{{Len: p.m.Len()}}
				}
				keys := p.keys()
				for _, part := range parts {
					own := keys[part.At : part.At+part.Len]
					if part.First != own[0] && len(parts) > 1 || part.End != "" && own[len(own)-1] >= part.End {
						t.Fatalf("seed %d, step %d: a part from %q to %q has keys %q to %q", seed, op, part.First, part.End, own[0], own[len(own)-1])
					}
					mine := map[string]Value{}
					for _, k := range own {
						if r.IntN(5) > 0 {
							mine[k] = Int(int64(op))
						}
					}
					maps.Copy(q.want, mine)
					switch left := slices.Sorted(maps.Keys(mine)); {
					case len(left) > 8 && r.IntN(3) > 0:
						known(&b, Part{End: part.End}, left, mine)
					default:
						b.Add(mapOfKeys(left, mine))
					}
				}
				if !b.Close("l") {
					t.Fatalf("seed %d, step %d: it has other keys", seed, op)
				}
				if q.m = b.With(EmptyMap); b.Len() != len(q.want) {
					t.Fatalf("seed %d, step %d: %d entries were added, want %d", seed, op, b.Len(), len(q.want))
				}
			case k == 3:
				q.want = maps.Clone(p.want)
				for range 1 + r.IntN(40) {
					k, v := key(), Int(int64(-op))
					if q.want == nil {
						q.want = map[string]Value{}
					}
					q.m, q.want[k] = q.m.Insert(k, v), v
				}
			case k == 4:
				q.want = maps.Clone(p.want)
				for _, k := range append(p.keys()[:min(len(p.want), r.IntN(40))], key()) {
					q.m = q.m.Remove(k)
					delete(q.want, k)
				}
			case k == 5:
				o := pool[r.IntN(len(pool))]
				q = knownMap{p.m.Merge(o.m), map[string]Value{}}
				maps.Copy(q.want, p.want)
				maps.Copy(q.want, o.want)
			case k == 6: // its parts one by one
				var b MapParts
				half := r.IntN(len(p.want) + 1)
				var first MapBuilder
				p.m.Range(0, half, func(k string, v Value) bool { first.Set(k, v); return true })
				b.Add(first.Map())
				p.m.Range(half, p.m.Len(), func(k string, v Value) bool { first.Set(k, v); return true })
				q.m = b.With(first.Map())
			case k == 7:
				var b MapParts
				b.Add(p.m)
				q.m = b.With(EmptyMap)
			default: // it is laid out, and read again
				q.m = s.keep(t, MapValue(p.m)).Map()
			}
			lookedAt(t, r, fmt.Sprintf("seed %d, step %d", seed, op), q, s)
			if len(pool) < 20 {
				pool = append(pool, q)
			} else {
				pool[2+r.IntN(len(pool)-2)] = q
			}
		}
		for i, q := range pool {
			lookedAt(t, r, fmt.Sprintf("seed %d, at the end, %d", seed, i), q, s)
		}
		if makes == 0 {
			t.Errorf("seed %d: no part was made", seed)
		}
	}
}

func mapOfKeys(keys []string, of map[string]Value) *Map {
	vals := make([]Value, len(keys))
	for i, k := range keys {
		vals[i] = of[k]
	}
	return MapSorted(slices.Clone(keys), vals)
}

// lookedAt looks at a map in many ways.
func lookedAt(t *testing.T, r *rand.Rand, when string, q knownMap, s *shelf) {
	t.Helper()
	fail := func(what string) {
		t.Helper()
		t.Fatalf("%s: %s", when, what)
	}
	n, keys, v := len(q.want), q.keys(), MapValue(q.m)
	if q.m.Len() != n {
		fail(fmt.Sprintf("got %d entries, want %d", q.m.Len(), n))
	}
	for range 3 {
		if n > 0 {
			i := r.IntN(n)
			if k, x := q.m.At(i); k != keys[i] || !equal(x, q.want[k]) {
				fail(fmt.Sprintf("entry %d differs", i))
			}
			if x, ok := q.m.Get(keys[i]); !ok || !equal(x, q.want[keys[i]]) {
				fail(keys[i] + " differs")
			}
		}
	}
	if _, ok := q.m.Get("none"); ok {
		fail("it has what it has not")
	}
	at := 0
	for _, p := range q.m.Parts(s.w) {
		if p.At != at || p.Len <= 0 || p.First != keys[at] {
			fail("the parts are not one after the other")
		}
		if at += p.Len; at < n && p.End != keys[at] {
			fail("a part ends elsewhere")
		}
	}
	if at != 0 && at != n {
		fail("the parts are not all")
	}
	if v.Unmade() > 0 && !v.Parted() {
		fail("entries are not made, and it has no parts")
	}
	v.Unplaced()
	if r.IntN(4) > 0 {
		return
	}
	a := r.IntN(n + 1)
	b := a + r.IntN(n-a+1)
	var got []string
	q.m.Range(a, b, func(k string, x Value) bool {
		if got = append(got, k); !equal(x, q.want[k]) {
			fail(k + " is another")
		}
		return true
	})
	if !slices.Equal(got, keys[a:b]) {
		fail(fmt.Sprintf("the entries from %d to %d differ", a, b))
	}
	want := string(Encode(MapValue(mapOfKeys(keys, q.want)), nil))
	for name, put := range map[string]Sink{"no": nil, "the same": s.w, "another": NewWriter(SinkFunc(func(Block) {}))} {
		if string(Encode(v, put)) != want {
			fail("it is laid out otherwise for " + name + " sink")
		}
	}
	if x, err := DecodeValue(Encode(v, s.w), s.load); err != nil || string(Encode(x, nil)) != want {
		fail("it is not in the sink")
	}
}
