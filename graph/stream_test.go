// This file tests that a list that is streamed is encoded as one that is there.

package graph

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// streamed encodes items one after the other and as a list, compares the two, blocks and all, and returns how many blocks there are.
func streamed(t testing.TB, name string, items []Value) int {
	t.Helper()
	whole, parts := blockMap{}, blockMap{}
	want := Encode(ListValue(ListOf(slices.Clone(items))), whole)
	wantCID := ValueBlock(ListValue(ListOf(slices.Clone(items))), whole)
	for _, root := range []bool{false, true} {
		l := NewListWriter(parts)
		for _, v := range items {
			l.Add(v)
		}
		if root {
			if got := l.ValueBlock(); got != wantCID {
				t.Errorf("%s: got the block %s, want %s", name, got, wantCID)
			}
		} else if got := l.Encode(nil); !bytes.Equal(got, want) {
			t.Errorf("%s: got % .60x, want % .60x", name, got, want)
		}
		if l.Len() != int64(len(items)) {
			t.Errorf("%s: got %d elements, want %d", name, l.Len(), len(items))
		}
	}
	if !maps.EqualFunc(whole, parts, func(a, b []byte) bool { return bytes.Equal(a, b) }) {
		t.Errorf("%s: got %d blocks, which are not the %d of the list", name, len(parts), len(whole))
	}
	return len(whole)
}

func TestListWriter(t *testing.T) {
	for _, g := range goldenValues {
		if g.v.Kind() == KindList {
			streamed(t, g.name, g.v.List().Slice(0, g.v.List().Len()).slice())
		}
		streamed(t, g.name+" alone", []Value{g.v})
	}
	// Around each threshold: of lengths of heads, of a list that is a tree, of the leaves' and the inner nodes' sizes.
	for _, n := range []int{0, 1, 23, 24, 255, 256, 32764, 32765, 32766, 65519, 65520, 65521, 65536, 100_000} {
		streamed(t, fmt.Sprint(n, " zeros"), slices.Repeat([]Value{Int(0)}, n))
	}
	for z := range 40 {
		streamed(t, fmt.Sprint("texts and one of ", z), append(slices.Repeat([]Value{Text(strings.Repeat("x", 1018))}, 32), Text(strings.Repeat("y", 100-z))))
	}
	for n := 30; n < 68; n++ {
		streamed(t, fmt.Sprint(n, " texts"), slices.Repeat([]Value{Text(strings.Repeat("x", 1021))}, n))
	}
	many := make([]Value, 3_000_000)
	for i := range many {
		many[i] = Int(int64(i) * 1_000_003)
	}
	if n := streamed(t, "a tree of height 2", many); n < 800 {
		t.Errorf("got %d blocks, want a tree of height 2", n)
	}
}

// slice returns the elements of l.
func (l *List) slice() []Value {
	var vs []Value
	l.Each(func(v Value) bool { vs = append(vs, v); return true })
	return vs
}

func TestListWriterRandom(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 9))
		items := make([]Value, r.IntN(1<<r.IntN(10)))
		for i := range items {
			items[i] = randomValue(r, r.IntN(2))
		}
		streamed(t, fmt.Sprint("seed ", seed), items)
	}
}

// The levels of a tree, whose nodes are made while the leaves come, are those of a tree that is made level by level.
func TestBranches(t *testing.T) {
	atOnce := func(e *encoder, k Kind, refs []ref) (height int, root cid.Cid) {
		for ; len(refs) > 1; height++ {
			var up []ref
			var node []byte
			n, entries := ref{}, 0
			flush := func() {
				n.node = e.emit(append(codec.AppendArray(nil, entries), node...), cid.Undef)
				up, n, node, entries = append(up, n), ref{}, nil, 0
			}
			for _, r := range refs {
				entry := appendRef(nil, k, r)
				if len(node)+len(entry) > maxBytes && entries >= minBranch {
					flush()
				}
				if entries == 0 {
					n.key = r.key
				}
				node, entries, n.count = append(node, entry...), entries+1, n.count+r.count
				if len(node) >= minNode && entries >= minBranch && cutAfter(entryHash(k, entry), len(entry)) {
					flush()
				}
			}
			if entries > 0 {
				flush()
			}
			refs = up
		}
		return height, refs[0].node
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		refs := make([]ref, 1+r.IntN(1<<r.IntN(17)))
		kind, kinds, long := [...]Kind{KindList, KindMap}[seed%2], 1+r.IntN(1<<r.IntN(17)), 1<<r.IntN(16)
		for i := range refs {
			n := r.IntN(kinds)
			refs[i] = ref{count: int64(n), node: codec.CIDOf([]byte(fmt.Sprint(n)))}
			if kind == KindMap && i < 5000 {
				refs[i].key = strings.Repeat(fmt.Sprint(n), 1+r.IntN(long)/10)
			}
		}
		want, got := blockMap{}, blockMap{}
		wantHeight, wantRoot := atOnce(&encoder{w: NewWriter(want)}, kind, refs)
		height, root := (&encoder{w: NewWriter(got)}).levels(kind, refs)
		if height != wantHeight || root != wantRoot || len(got) != len(want) {
			t.Errorf("seed %d, %d of %d: got %d blocks to the height %d, want %d to %d", seed, len(refs), kinds, len(got), height, len(want), wantHeight)
		}
	}
}

// What is written lies in memory no longer than its node does.
func TestListWriterMemory(t *testing.T) {
	blocks := 0
	l := NewListWriter(SinkFunc(func(Block) { blocks++ }))
	row := Record("name", "a row of the table", "n", 1)
	for range 2_000_000 {
		l.Add(row)
	}
	held := cap(l.e.buf) + cap(l.e.tmp)
	for _, b := range l.over.levels {
		held += cap(b.node)
	}
	if held > 6*maxNode || blocks < 800 {
		t.Errorf("got %d blocks and %d bytes in memory, want at most %d", blocks, held, 6*maxNode)
	}
}

// FuzzListWriter makes a list of bytes: each is the seed and the kind of an element, or of a row of alike ones.
func FuzzListWriter(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint16(0))
	f.Add(bytes.Repeat([]byte{7, 200}, 400), uint16(33))
	f.Fuzz(func(t *testing.T, data []byte, more uint16) {
		r := rand.New(rand.NewPCG(uint64(more), 1))
		var items []Value
		for _, b := range data[:min(len(data), 3000)] {
			switch b % 4 {
			case 0:
				items = append(items, Text(strings.Repeat("x", int(b)*5)))
			case 1:
				items = append(items, randomValue(r, 1))
			case 2:
				items = append(items, slices.Repeat([]Value{Int(int64(b))}, int(more)/16)...)
			default:
				items = append(items, Record("b", int(b), "text", strings.Repeat("y", int(b))))
			}
			if len(items) > 200_000 {
				break
			}
		}
		streamed(t, "fuzzed", items)
	})
}
