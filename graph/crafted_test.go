// This file tests values that were made to be hard: elements and keys that cut at every chance or at none, giant ones, keys that
// collide; and that a list or map has one CID, whatever was done to get it.

package graph

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/codec"
)

// cutting returns texts of some length of which each as an element (KindList) or key (KindMap) has a node end behind it as soon as that may be,
// or, if not always, never does.
func cutting(k Kind, n, length int, always bool) []string {
	var found []string
	for i := 0; len(found) < n; i++ {
		s := fmt.Sprintf("%0*d", length, i)
		entry := codec.AppendText(nil, s)
		z := len(entry)
		if k == KindMap {
			entry = codec.AppendInt(codec.AppendText(codec.AppendArray(nil, 2), s), 1)
			z = len(entry)
		}
		if cutAfter(entryHash(k, entry), z) == always {
			found = append(found, s)
		}
	}
	return found
}

// laidOut returns the blocks of a value and the height of its tree, and holds it to the limits. So many of its parts stand in blocks of their own.
func laidOut(t testing.TB, name string, v Value, largest, parts int) (blocks blockMap, height int64) {
	t.Helper()
	blocks = blockMap{}
	enc := Encode(v, blocks)
	if form := treePrefix[v.Kind()]; bytes.HasPrefix(enc, form) {
		r := codec.NewReader(enc[len(form):], true)
		_, err := r.Array()
		if err == nil {
			height, _, err = r.Int()
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	total := 0
	for c, d := range blocks {
		total += len(d)
		if len(d) > largest {
			t.Errorf("%s: a block of %d bytes, want at most %d", name, len(d), largest)
		}
		if c != codec.CIDOf(d) {
			t.Errorf("%s: a block is not %s", name, c)
		}
	}
	// A node is cut below the least size only where its level ends or the next entry is too large for it.
	if most := int(height) + 1 + 2*total/minNode + parts; len(blocks) > most {
		t.Errorf("%s: %d blocks for %d bytes, want at most %d", name, len(blocks), total, most)
	}
	if height > 8 {
		t.Errorf("%s: got a tree of height %d", name, height)
	}
	got, err := DecodeValue(enc, blocks.load)
	if err != nil || !equal(v, got) {
		t.Errorf("%s: it is not decoded: %v", name, err)
	}
	return blocks, height
}

func TestCraftedLists(t *testing.T) {
	const n = 400_000
	texts := func(s []string) Value {
		var b ListBuilder
		for i := range n {
			b.Add(Text(s[i%len(s)]))
		}
		return ListValue(b.List())
	}
	always, never := cutting(KindList, 50, 12, true), cutting(KindList, 50, 12, false)
	many, _ := laidOut(t, "always", texts(always), minNode+64, 0)
	few, _ := laidOut(t, "never", texts(never), maxNode, 0)
	if len(many) > 60 || len(few) > 60 { // elements repeat, and with them the leaves
		t.Errorf("got %d and %d blocks of elements that come again", len(many), len(few))
	}
	many, _ = laidOut(t, "always, all different", ListValue(listOfTexts(cutting(KindList, 4000, 40, true))), minNode+64, 0)
	few, _ = laidOut(t, "never, all different", ListValue(listOfTexts(cutting(KindList, 20_000, 40, false))), maxNode, 0)
	if len(many) < 4000*42/(minNode+64) || len(few) > 20_000*42/(maxNode-64)+2 {
		t.Errorf("got %d blocks of elements that always cut and %d of those that never do", len(many), len(few))
	}
	// Elements as large as stand in place, and larger ones, which are a link in the list.
	for _, z := range []int{maxInline - 3, maxInline - 2, maxNode, 3 << 20} {
		var b ListBuilder
		for i := range 200 {
			b.Add(Text(strings.Repeat("x", z-8) + fmt.Sprintf("%08d", i)))
		}
		laidOut(t, fmt.Sprint("elements of ", z), ListValue(b.List()), maxNode+16, 200)
	}
	laidOut(t, "a list of one list of one list", nested(100_000), maxNode, 100_000/maxDepth+1)
}

func listOfTexts(s []string) *List {
	vs := make([]Value, len(s))
	for i := range s {
		vs[i] = Text(s[i])
	}
	return ListOf(vs)
}

func TestCraftedMaps(t *testing.T) {
	mapOf := func(keys []string, v Value) Value {
		var b MapBuilder
		for _, k := range keys {
			b.Set(k, v)
		}
		return MapValue(b.Map())
	}
	many, _ := laidOut(t, "always", mapOf(cutting(KindMap, 4000, 40, true), Int(1)), minNode+64, 0)
	few, _ := laidOut(t, "never", mapOf(cutting(KindMap, 20_000, 40, false), Int(1)), maxNode, 0)
	if len(many) < 4000*44/(minNode+64) || len(few) > 20_000*44/(maxNode-64)+2 {
		t.Errorf("got %d blocks of keys that always cut and %d of those that never do", len(many), len(few))
	}
	// Keys stand in the inner nodes too: a node has two entries before it is cut, however large they are.
	for _, z := range []int{minNode, maxNode, 1 << 20} {
		keys := make([]string, 70)
		for i := range keys {
			keys[i] = strings.Repeat("x", z-8) + fmt.Sprintf("%08d", i)
		}
		_, height := laidOut(t, fmt.Sprint("keys of ", z), mapOf(keys, Int(1)), max(maxNode, 2*(z+100)), 0)
		if z > maxNode && height != 7 { // as many levels as halving 70 leaves takes
			t.Errorf("70 keys of %d bytes: got height %d, want 7", z, height)
		}
	}
	laidOut(t, "one entry", mapOf([]string{strings.Repeat("k", 1<<20)}, Text(strings.Repeat("v", 1<<20))), 1<<20+1000, 1)
	laidOut(t, "giant values", mapOf(cutting(KindMap, 300, 20, true), Text(strings.Repeat("v", 100_000))), maxNode+16, 3)
}

// Bytes that the rolling hash cuts at every chance are cut at the least size, others at the largest.
func TestCraftedBytes(t *testing.T) {
	var always string
	for i := 0; always == "" && i < 1<<24; i++ {
		s := strings.Repeat(string([]byte{'A' + byte(i)&63, 'A' + byte(i>>6)&63, 'A' + byte(i>>12)&63}), 2*minNode/3)
		if len(s) >= minNode+3 && cutAt(s) {
			always = strings.Repeat(s[:3], 1_000_000)
		}
	}
	if always == "" {
		t.Fatal("no bytes were found")
	}
	for name, v := range map[string]Value{"text": Text(always), "bytes": BytesValue([]byte(always))} {
		laidOut(t, "always "+name, v, minNode+16, 0)
		blocks := blockMap{}
		Encode(v, blocks)
		for _, d := range blocks {
			if len(d) > minNode+16 {
				t.Errorf("%s: a block of %d bytes", name, len(d))
			}
		}
	}
	laidOut(t, "never", BytesValue(make([]byte, 10_000_000)), maxNode+16, 0)
	laidOut(t, "continuation bytes", Text(strings.Repeat("\U0010ffff", 1_000_000)), maxNode+16, 0)
}

// cutAt says whether s, a few bytes that repeat, has the first leaf's end right behind the least size, wherever it begins.
func cutAt(s string) bool {
	var h uint64
	for i := range 64 + 3 {
		h = h<<1 + gear[s[i]]
		if i >= 64 && h>>50 == 0 {
			return true
		}
	}
	return false
}

// Keys that stand in one another's way in the index of a map's log, all 32 bits of the hash alike or the low ones. The hash is
// seeded by the process, so nobody can make them elsewhere.
func TestCollidingKeys(t *testing.T) {
	var keys []string
	seen := map[uint32]string{}
	for i := range 600_000 {
		k := fmt.Sprint("key", i)
		h := hashOf(k)
		if o, ok := seen[h]; ok {
			keys = append(keys, o, k)
		}
		seen[h] = k
	}
	if len(keys) < 10 {
		t.Fatalf("got %d keys of one hash each", len(keys))
	}
	whole := len(keys)
	for i := 0; len(keys) < whole+2000; i++ {
		if k := fmt.Sprint("low", i); hashOf(k)&0xfff == 7 {
			keys = append(keys, k)
		}
	}
	r := rand.New(rand.NewPCG(6, 6))
	v := version{EmptyMap, map[string]Value{}}
	var old []version
	for i := range 20_000 {
		k := keys[r.IntN(len(keys))]
		if r.IntN(4) == 0 {
			v.m = v.m.Remove(k)
			delete(v.g, k)
		} else {
			v.m, v.g[k] = v.m.Insert(k, Int(int64(i))), Int(int64(i))
		}
		if i%2500 == 0 {
			old = append(old, version{v.m, maps.Clone(v.g)})
		}
	}
	for i, v := range append(old, v) {
		if err := v.check(); err != nil {
			t.Errorf("version %d: %v", i, err)
		}
	}
}

// operated makes a list and a map by operations that data stands for, encoding on the way, and compares their CIDs, and the blocks that are put, with
// those of the same elements built afresh.
func operated(t testing.TB, data []byte) {
	elements := hard.elements
	list, want := EmptyList, []Value(nil)
	m := version{EmptyMap, map[string]Value{}}
	olds := []struct {
		l *List
		s []Value
		m version
	}{{list, want, m}}
	blocks := blockMap{}
	w := NewWriter(blocks)
	next := func(n int) int { // a number below n, or 0
		if len(data) == 0 || n <= 0 {
			return 0
		}
		x := int(data[0])
		data = data[1:]
		if n > 256 && len(data) > 0 {
			x |= int(data[0]) << 8
			data = data[1:]
		}
		return x % n
	}
	const most = 30_000
	for steps := 0; len(data) > 0 && steps < 150; steps++ {
		switch op := next(15); op {
		case 0: // many at the end
			want = slices.Clone(want)
			for x, n := elements[next(len(elements))], next(1000); n > 0 && len(want) < most; n-- {
				list, want = list.Append(x), append(want, x)
			}
		case 1:
			x := elements[next(len(elements))]
			n := max(0, min(1+next(300), most-len(want)))
			want = append(slices.Repeat([]Value{x}, n), want...)
			for range n {
				list = list.Prepend(x)
			}
		case 2:
			if i := next(len(want)); len(want) > 0 {
				x := elements[next(len(elements))]
				list, want = list.Set(i, x), slices.Clone(want)
				want[i] = x
			}
		case 3:
			i := next(len(want) + 1)
			x := elements[next(len(elements))]
			list = list.Slice(0, i).Append(x).Concat(list.Slice(i, len(want)))
			want = slices.Insert(slices.Clone(want), i, x)
		case 4:
			if i := next(len(want)); len(want) > 0 {
				n := min(1+next(100), len(want)-i)
				list = list.Slice(0, i).Concat(list.Slice(i+n, len(want)))
				want = slices.Delete(slices.Clone(want), i, i+n)
			}
		case 5:
			if len(want) > 0 {
				_, list = list.Uncons()
				want = want[1:]
			}
		case 6, 7:
			if o := olds[next(len(olds))]; len(o.s)+len(want) < most {
				list, want = list.Concat(o.l), slices.Concat(want, o.s)
			}
		case 8:
			o := olds[next(len(olds))]
			list, want = o.l, o.s
		case 9: // and what it leaves behind in memory
			w.ValueBlock(ListValue(list))
			w.ValueBlock(MapValue(m.m))
		case 10, 11:
			from, n, x := next(len(hard.keys)), 1+next(600), elements[next(len(elements))]
			m.g = maps.Clone(m.g)
			for i := range n {
				k := hard.keys[(from+i*7)%len(hard.keys)]
				m.m, m.g[k] = m.m.Insert(k, x), x
			}
		case 12:
			from, n := next(len(hard.keys)), 1+next(600)
			m.g = maps.Clone(m.g)
			for i := range n {
				k := hard.keys[(from+i*3)%len(hard.keys)]
				m.m = m.m.Remove(k)
				delete(m.g, k)
			}
		case 13:
			o := olds[next(len(olds))].m
			m.m, m.g = m.m.Merge(o.m), maps.Clone(m.g)
			maps.Copy(m.g, o.g)
		default:
			m = olds[next(len(olds))].m
		}
		if olds = append(olds, struct {
			l *List
			s []Value
			m version
		}{list, want, m}); len(olds) > 12 {
			olds = slices.Delete(olds, 1, 4)
		}
	}
	for _, o := range olds {
		whole := blockMap{}
		fresh := ValueBlock(ListValue(ListOf(slices.Clone(o.s))), whole)
		if got := w.ValueBlock(ListValue(o.l)); got != fresh {
			t.Fatalf("a list of %d by operations has another CID", len(o.s))
		}
		keys := slices.Sorted(maps.Keys(o.m.g))
		vals := make([]Value, len(keys))
		for i, k := range keys {
			vals[i] = o.m.g[k]
		}
		fresh = ValueBlock(MapValue(MapSorted(keys, vals)), whole)
		if got := w.ValueBlock(MapValue(o.m.m)); got != fresh {
			t.Fatalf("a map of %d by operations has another CID", len(keys))
		}
		for c := range whole {
			if _, ok := blocks[c]; !ok {
				t.Fatalf("block %s was not put", c)
			}
		}
	}
}

// hard are elements and keys of all kinds: that cut, that do not, large, small.
var hard = func() (h struct {
	elements []Value
	keys     []string
}) {
	for _, s := range slices.Concat(cutting(KindList, 6, 30, true), cutting(KindList, 3, 30, false)) {
		h.elements = append(h.elements, Text(s))
	}
	h.elements = append(h.elements, Int(0), Null(), Text(strings.Repeat("x", maxInline-3)), Text(strings.Repeat("x", maxInline)), Record("a", 1, "b", NewList(Int(1), Int(2))), ints(20_000))
	h.keys = slices.Concat(cutting(KindMap, 1500, 30, true), cutting(KindMap, 1500, 30, false), []string{"", Lambda, strings.Repeat("k", 20_000), strings.Repeat("k", 70_000)})
	return h
}()

func TestOperations(t *testing.T) {
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 12))
		data := make([]byte, 40+r.IntN(400))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		operated(t, data)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 9, 3, 7, 2, 9, 8, 0, 10, 200, 0, 90, 1, 9, 12, 3, 0, 70, 0})
	f.Fuzz(func(t *testing.T, data []byte) { operated(t, data[:min(len(data), 600)]) })
}
