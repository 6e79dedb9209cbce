// This file holds the primitives that order the elements of a list, find the equal ones, or sum them.

package eval

import (
	"math"
	"math/big"

	"github.com/cespare/xxhash/v2"

	"github.com/rosser-lang/rosser/graph"
)

var orderPrims = []Spec{
	{"list.sort", 1, 0b1, listSort, "xs: the elements by `<`, stable, by mergeSort's comparisons; cost: 1 per 16 comparisons and what they cost"},
	{"list.sortBy", 2, 0b10, listSortBy, "key xs: the elements by `<` on key x, stable; key is called once an element, in order, before the sort; cost: as list.sort and 1 per 16 elements"},
	{"list.sortWith", 2, 0b10, listSortWith, "before xs: the elements so that before b a is true of no neighbours a, b; stable; calls before b a with a standing before b; cost: as list.sort"},
	{"list.minimum", 1, 0b1, listMinimum, "xs: Some of the first element that no other is less than, else None; cost: 1 per 16 elements"},
	{"list.maximum", 1, 0b1, listMaximum, "xs: Some of the first element that no other is greater than, else None; cost: 1 per 16 elements"},
	{"list.unique", 1, 0b1, listUnique, "xs: the elements that equal none before them; cost: 1 per 16 elements and per 256 bytes of text looked at, nested ones too, and what comparisons cost"},
}

// mergeSort sorts xs stably with a buffer of at least half its length. The comparisons it makes, their operands and their
// order are part of the language: halve (the lesser half first), sort the first half, then the second, then merge, asking each time
// whether the second half's first element comes before the first half's, until either is empty. So a `before` that is no
// order gives some permutation, the same on every machine.
func mergeSort[T any](xs, buffer []T, before func(b, a *T) (bool, error)) error {
	n := len(xs)
	if n < 2 {
		return nil
	}
	half := n / 2
	if err := mergeSort(xs[:half], buffer, before); err != nil {
		return err
	}
	if err := mergeSort(xs[half:], buffer, before); err != nil {
		return err
	}
	left := buffer[:copy(buffer, xs[:half])]
	out := 0
	for right := half; len(left) > 0 && right < n; out++ {
		second, err := before(&xs[right], &left[0])
		if err != nil {
			return err
		}
		if second {
			xs[out] = xs[right]
			right++
		} else {
			xs[out], left = left[0], left[1:]
		}
	}
	copy(xs[out:], left)
	return nil
}

// elements copies a list that is to be sorted, with room for as much again and a half.
func elements(m *Machine, xs *graph.List) (all, buffer []graph.Value) {
	reserve(m, int64(xs.Len())*valueSize*5/2)
	all = make([]graph.Value, 0, xs.Len())
	xs.Each(func(x graph.Value) bool {
		all = append(all, x)
		return true
	})
	return all, make([]graph.Value, (len(all)+1)/2)
}

// less is a < b. Elements of one kind that need no charge are compared here.
func less(m *Machine, a, b graph.Value) (bool, error) {
	if i, ok := a.Int(); ok {
		if j, ok := b.Int(); ok {
			return i < j, nil
		}
	}
	c, err := compareValues(m, a, b)
	return c < 0, err
}

func listSort(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	if l := m.sortParts(xs); l != nil {
		return graph.ListValue(l), nil
	}
	all, buffer := elements(m, xs)
	c := meter{m: m}
	err = mergeSort(all, buffer, func(b, a *graph.Value) (bool, error) {
		c.tick()
		return less(m, *b, *a)
	})
	if err != nil {
		return graph.Value{}, err
	}
	return graph.ListValue(graph.ListOf(all)), nil
}

func listSortBy(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	type keyed struct{ key, x graph.Value }
	reserve(m, int64(xs.Len())*valueSize*5)
	l := m.loop(args)
	if err := l.resume("list.sortBy"); err != nil {
		return graph.Value{}, err
	}
	of, found, err := l.keysOfParts(args[0], xs)
	if err != nil {
		return graph.Value{}, err
	}
	if !of.Defined() {
		for l.over(xs); ; {
			x, ok := l.next()
			if !ok {
				break
			}
			l.out.Add(l.call(args[0], x))
		}
	}
	if l.out.Len() != xs.Len() {
		return graph.Value{}, l.refuse()
	}
	l.whole = true
	if of.Defined() {
		if made := m.sorted(xs, l.out.SoFar(), found, of); made != nil {
			l.end()
			return graph.ListValue(made), nil
		}
	}
	all := make([]keyed, 0, xs.Len())
	for i, keys := xs.Iter(), l.out.SoFar().Iter(); ; {
		x, ok := i.Next()
		if !ok {
			break
		}
		key, _ := keys.Next()
		if all = append(all, keyed{key, x}); len(all)%pollEvery == 0 {
			m.poll()
		}
	}
	c := meter{m: m}
	err = mergeSort(all, make([]keyed, (len(all)+1)/2), func(b, a *keyed) (bool, error) {
		c.tick()
		return less(m, b.key, a.key)
	})
	if err != nil {
		return graph.Value{}, err
	}
	l.end()
	out := graph.ListBuilder{}
	for i := range all {
		out.Add(all[i].x)
	}
	return graph.ListValue(out.List()), nil
}

func listSortWith(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	all, buffer := elements(m, xs)
	l := m.loop(args)
	if err := l.resume("list.sortWith"); err != nil {
		return graph.Value{}, err
	}
	known, asked := l.done(), 0
	err = mergeSort(all, buffer, func(b, a *graph.Value) (bool, error) {
		i := asked
		asked++
		if i < known {
			return l.bits[i/8]>>(i%8)&1 == 1, nil
		}
		l.turn()
		first, err := l.holds(args[0], *b, *a)
		if i%8 == 0 {
			l.bits = append(l.bits, 0)
		}
		if first {
			l.bits[i/8] |= 1 << (i % 8)
		}
		return first, err
	})
	if err != nil {
		return graph.Value{}, err
	}
	l.end()
	return graph.ListValue(graph.ListOf(all)), nil
}

func listMinimum(m *Machine, args []graph.Value) (graph.Value, error) {
	return extreme(m, args[0], func(x, best graph.Value) (bool, error) { return less(m, x, best) })
}

func listMaximum(m *Machine, args []graph.Value) (graph.Value, error) {
	return extreme(m, args[0], func(x, best graph.Value) (bool, error) {
		c, err := compareValues(m, x, best)
		return c > 0, err
	})
}

// extreme is Some of the first element that no later one is better than.
func extreme(m *Machine, list graph.Value, better func(x, best graph.Value) (bool, error)) (graph.Value, error) {
	xs, err := wantList(list)
	if err != nil || xs.Len() == 0 {
		return graph.None(), err
	}
	c, best := meter{m: m}, xs.At(0)
	it := xs.Iter()
	it.Next()
	for {
		x, ok := it.Next()
		if !ok {
			return graph.Some(best), nil
		}
		c.tick()
		is, err := better(x, best)
		if err != nil {
			return graph.Value{}, err
		}
		if is {
			best = x
		}
	}
}

// listUnique compares each element with those kept before it, in their order, up to the first that equals it. What is plain
// (hashPlain) can neither fail nor be looked into when it is compared with what is plain, so there a hash finds the equal
// one; with what is not plain the comparison is made.
func listUnique(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	if v, ok := m.uniqueOfParts(xs); ok {
		return v, nil
	}
	c, out := meter{m: m}, listOut{m: m}
	var kept []graph.Value
	var odd []int32            // the indices in kept of those that are not plain
	var before []int32         // for each in kept, the index of the one before with its hash, or -1
	last := map[uint64]int32{} // by hash, the index of the last in kept
	for it := xs.Iter(); ; {
		x, ok := it.Next()
		if !ok {
			return out.value(), nil
		}
		c.tick()
		hash, touched, plain := hashPlain(x, 0)
		c.m.Charge(touched / 256)
		end, twin := len(kept), false
		if plain {
			i, ok := last[hash]
			for ; ok && i >= 0; i = before[i] {
				c.tick()
				if twin, err = equalValues(m, kept[i], x); err != nil {
					return graph.Value{}, err
				}
				if twin {
					end = int(i)
					break
				}
			}
			for _, i := range odd {
				if int(i) >= end {
					break
				}
				c.tick()
				same, err := equalValues(m, kept[i], x)
				if err != nil {
					return graph.Value{}, err
				}
				if same {
					twin = true
					break
				}
			}
		} else {
			for i := 0; i < end && !twin; i++ {
				c.tick()
				if twin, err = equalValues(m, kept[i], x); err != nil {
					return graph.Value{}, err
				}
			}
		}
		if twin {
			continue
		}
		earlier := int32(-1)
		if plain {
			if i, ok := last[hash]; ok {
				earlier = i
			}
			last[hash] = int32(len(kept))
		} else {
			odd = append(odd, int32(len(kept)))
		}
		kept, before = append(kept, x), append(before, earlier)
		out.add(x)
		if len(kept)&4095 == 0 {
			reserve(m, 1<<20)
		}
	}
}

const (
	plainDepth = 16      // what is nested deeper is not plain
	plainBytes = 1 << 16 // nor is a list or map of more bytes; 16 for an element
)

// hashPlain gives equal hashes to equal values that can be compared without looking into anything lazy or not loaded, and
// without an error. touched is the bytes that it has looked at, 16 for an element.
func hashPlain(v graph.Value, depth int) (hash uint64, touched int64, plain bool) {
	switch v.Kind() {
	case graph.KindNull:
		return mix(1, 0), 0, true
	case graph.KindBool:
		if v.Bool() {
			return mix(2, 1), 0, true
		}
		return mix(2, 0), 0, true
	case graph.KindInt:
		if i, small := v.Int(); small {
			return mix(3, uint64(i)), 0, true
		}
		b := v.BigInt()
		if f, exact := new(big.Float).SetInt(b).Float64(); exact == big.Exact {
			return mix(4, math.Float64bits(f)), 0, true
		}
		text := b.Bytes()
		return mix(5, xxhash.Sum64(text)), int64(len(text)), true
	case graph.KindFloat:
		f := v.Float()
		if f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) {
			return mix(3, uint64(int64(f))), 0, true
		}
		return mix(4, math.Float64bits(f)), 0, true
	case graph.KindText:
		return mix(6, xxhash.Sum64String(v.Text())), int64(len(v.Text())), true
	case graph.KindBytes:
		return mix(7, xxhash.Sum64(v.Bytes())), int64(len(v.Bytes())), true
	case graph.KindList:
		l := v.List()
		if depth == plainDepth {
			return 0, 0, false
		}
		hash, plain = mix(8, uint64(l.Len())), true
		l.Each(func(x graph.Value) bool {
			h, t, ok := hashPlain(x, depth+1)
			hash, touched, plain = mix(hash, h), touched+t+16, ok
			plain = plain && touched <= plainBytes
			return plain
		})
		return hash, touched, plain
	case graph.KindMap:
		o := v.Map()
		if depth == plainDepth {
			return 0, 0, false
		}
		hash, plain = mix(9, uint64(o.Len())), true
		o.Each(func(key string, x graph.Value) bool {
			h, t, ok := hashPlain(x, depth+1)
			hash, touched, plain = mix(mix(hash, xxhash.Sum64String(key)), h), touched+t+16+int64(len(key)), ok
			plain = plain && touched <= plainBytes
			return plain
		})
		return hash, touched, plain
	}
	return 0, 0, false
}

// mix joins two hashes (the finaliser of splitmix64, Steele, Lea and Flood 2014).
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
