package graph

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// A shelf is blocks in memory that counts what is loaded.
type shelf struct {
	blocks map[cid.Cid][]byte
	loads  int
	w      *Writer
}

func newShelf() *shelf {
	s := &shelf{blocks: map[cid.Cid][]byte{}}
	s.w = NewWriter(SinkFunc(func(b Block) { s.blocks[b.CID] = b.Data }))
	return s
}

func (s *shelf) load(c cid.Cid) ([]byte, error) {
	s.loads++
	if data, ok := s.blocks[c]; ok {
		return data, nil
	}
	return nil, NotFound(c)
}

// keep puts v, and returns it as it is loaded far.
func (s *shelf) keep(t *testing.T, v Value) Value {
	data := s.w.Encode(nil, v)
	far, err := (&Far{Load: s.load, Writer: s.w}).DecodeValue(data)
	if err != nil {
		t.Fatal(err)
	}
	return far
}

func record(i int) Value {
	return MapValue(MapSorted([]string{"city", "id", "note"}, []Value{Text(fmt.Sprint("city", i%50)), Int(int64(i)), Text(fmt.Sprintf("record number %d of many", i))}))
}

func records(n int) Value {
	var b ListBuilder
	for i := range n {
		b.Add(record(i))
	}
	return ListValue(b.List())
}

// evenly returns a list and a map of n elements whose leaves are not cut by their content.
func evenly(n int) (list, m Value) {
	vals, keys := make([]Value, n), make([]string, n)
	for i := range vals {
		vals[i], keys[i] = Text(strings.Repeat("a", 900)), keyOf(2*i)
	}
	return ListValue(ListOf(slices.Clone(vals))), MapValue(MapSorted(keys, vals))
}

func random(n int) Value {
	b, r := make([]byte, n), rand.NewChaCha8([32]byte{})
	r.Read(b)
	return BytesValue(b)
}

func keyOf(i int) string { return fmt.Sprintf("key%08d", i) }

func fields(n int) Value {
	keys, vals := make([]string, n), make([]Value, n)
	for i := range n {
		keys[i], vals[i] = keyOf(2*i), record(i)
	}
	return MapValue(MapSorted(keys, vals))
}

// TestFarTouches counts the blocks that looking at a part of a large value loads.
func TestFarTouches(t *testing.T) {
	s := newShelf()
	const n = 200_000
	list, m, blob := s.keep(t, records(n)), s.keep(t, fields(n)), s.keep(t, random(10_000_000))
	if total := len(s.blocks); total < 500 {
		t.Fatalf("%d blocks, want many", total)
	}
	for name, look := range map[string]func(){
		"length":  func() { _ = list.List().Len() },
		"at":      func() { _ = list.List().At(n / 2) },
		"last":    func() { _ = list.List().At(n - 1) },
		"slice":   func() { _ = list.List().Slice(n/3, n/3+10).At(5) },
		"drop":    func() { _ = list.List().Slice(n/3, n).At(5) },
		"set":     func() { Encode(ListValue(list.List().Set(n/4, Int(1))), s.w) },
		"later":   func() { Encode(ListValue(list.List().Slice(n/4, n)), s.w.Successor(s.w)) },
		"tail":    func() { _, l := list.List().Uncons(); _ = l.At(n / 2) },
		"get":     func() { _, _ = m.Map().Get(keyOf(n)) },
		"missing": func() { _, _ = m.Map().Get(keyOf(n + 1)) },
		"len":     func() { _ = m.Map().Len() },
		"bytes":   func() { _ = blob.BytesAt(5_000_000, 5_000_100) },
		"size":    func() { _ = blob.BytesLen() },
	} {
		s.loads = 0
		look()
		most := 12
		if name == "set" || name == "later" {
			most = 60 // the inner nodes, and the leaves beside it
		}
		if s.loads > most {
			t.Errorf("%s loads %d blocks", name, s.loads)
		}
	}
}

// TestFarReserves lays out what is far for a sink that has none of it: the memory that it takes to read it is asked for.
func TestFarReserves(t *testing.T) {
	s := newShelf()
	for name, v := range map[string]Value{"list": s.keep(t, records(50_000)), "map": s.keep(t, fields(50_000))} {
		for _, room := range []int64{1 << 20, math.MaxInt64} {
			var asked int64
			w := NewWriter(SinkFunc(func(Block) {}))
			w.Reserving(func(bytes int64) {
				if asked += bytes; asked > room {
					panic("no room")
				}
			})
			s.loads = 0
			refused := func() (refused bool) {
				defer func() { refused = recover() != nil }()
				Encode(v, w)
				return false
			}()
			switch {
			case refused != (room == 1<<20):
				t.Errorf("a %s with room for %d bytes: refused %v", name, room, refused)
			case !refused && asked < 5_000_000:
				t.Errorf("a %s: asked for %d bytes", name, asked)
			case refused && s.loads > 100:
				t.Errorf("a %s without room loads %d blocks", name, s.loads)
			}
		}
	}
}

// TestFarHeld goes down a list that is held: what was read goes again.
func TestFarHeld(t *testing.T) {
	s := newShelf()
	list := s.keep(t, records(50_000)).List()
	walk := func() int {
		s.loads = 0
		for l := list; l.Len() > 0; {
			_, l = l.Uncons()
		}
		return s.loads
	}
	first := walk()
	recent.nodes = [32]any{}
	runtime.GC()
	if again := walk(); again < first*3/4 {
		t.Errorf("going down a list loads %d blocks, and then %d: it holds the others", first, again)
	}
}

// TestFarOperations does the same to a value that is far and to one that is not: they are laid out alike.
func TestFarOperations(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newShelf()
		n := 500 + r.IntN(6000)
		near, nearMap := records(n), fields(n)
		if seed%2 == 1 { // leaves end where the next element has no room: it matters what that is
			near, nearMap = evenly(n / 4)
		}
		list, m := s.keep(t, near).List(), s.keep(t, nearMap).Map()
		l, o := near.List(), nearMap.Map()
		for range 1 + r.IntN(6) {
			i, v := r.IntN(l.Len()+1), record(r.IntN(1000))
			switch r.IntN(8) {
			case 0:
				if i < l.Len() {
					l, list = l.Set(i, v), list.Set(i, v)
				}
			case 1:
				l, list = l.Append(v), list.Append(v)
			case 2:
				l, list = l.Prepend(v), list.Prepend(v)
			case 3:
				l, list = l.Slice(0, i).Append(v).Concat(l.Slice(i, l.Len())), list.Slice(0, i).Append(v).Concat(list.Slice(i, list.Len()))
			case 4:
				j := min(l.Len(), i+r.IntN(200))
				l, list = l.Slice(0, i).Concat(l.Slice(j, l.Len())), list.Slice(0, i).Concat(list.Slice(j, list.Len()))
			case 5:
				l, list = l.Concat(near.List()), list.Concat(s.keep(t, near).List())
			case 6:
				for range r.IntN(300) {
					if l.Len() > 1 {
						_, l = l.Uncons()
						_, list = list.Uncons()
					}
				}
			case 7:
				i, j := min(i, l.Len()/4), max(i, l.Len()*3/4)
				l, list = l.Slice(i, j), list.Slice(i, j)
			}
			if l.Len() == 0 {
				break
			}
			switch key := keyOf(r.IntN(2*n + 10)); r.IntN(3) {
			case 0:
				o, m = o.Insert(key, v), m.Insert(key, v)
			case 1:
				o, m = o.Remove(key), m.Remove(key)
			case 2:
				for range 50 {
					key := keyOf(r.IntN(2*n + 10))
					o, m = o.Insert(key, v), m.Insert(key, v)
				}
			}
			for what, pair := range map[string][2]Value{"list": {ListValue(l), ListValue(list)}, "map": {MapValue(o), MapValue(m)}} {
				want := Encode(pair[0], nil)
				for name, put := range map[string]Sink{"no": nil, "the same": s.w, "another": NewWriter(SinkFunc(func(Block) {}))} {
					if got := Encode(pair[1], put); string(got) != string(want) {
						t.Fatalf("seed %d: a %s that was far is laid out otherwise for %s sink", seed, what, name)
					}
				}
				if v, err := DecodeValue(Encode(pair[1], s.w), s.load); err != nil || string(Encode(v, nil)) != string(want) {
					t.Fatalf("seed %d: a %s that was far is not in the sink: %v", seed, what, err)
				}
			}
		}
		at := 0
		l.Each(func(v Value) bool {
			if string(Encode(v, nil)) != string(Encode(list.At(at), nil)) {
				t.Fatalf("seed %d: element %d", seed, at)
			}
			at++
			return true
		})
		at = 0
		o.Each(func(key string, v Value) bool {
			w, ok := m.Get(key)
			if !ok || string(Encode(v, nil)) != string(Encode(w, nil)) {
				t.Fatalf("seed %d: key %s", seed, key)
			}
			if k, w := m.At(at); k != key || string(Encode(v, nil)) != string(Encode(w, nil)) {
				t.Fatalf("seed %d: entry %d is of key %s, want %s", seed, at, k, key)
			}
			at++
			return true
		})
	}
}

// TestFarHostile looks at trees whose nodes say what is not so, and at those that are not there.
func TestFarHostile(t *testing.T) {
	s := newShelf()
	far := s.keep(t, records(20_000))
	f := &Far{Load: s.load, Writer: s.w}
	walk := func(v Value) (err error) {
		defer CatchLoad(&err)
		v.List().Each(func(Value) bool { return true })
		return nil
	}
	if err := walk(far); err != nil {
		t.Fatal(err)
	}
	leaf := cid.Undef
	for c, data := range s.blocks {
		first := bytes.Contains(data, []byte("record number 0 of many")) // which is looked at where the list is decoded
		if r := codec.NewReader(data, true); len(data) > minNode && !first {
			if n, err := r.Array(); err == nil && n > 0 && r.Peek() == codec.Map {
				leaf = c
			}
		}
	}
	recent.nodes = [32]any{}
	data := s.blocks[leaf]
	delete(s.blocks, leaf)
	var e *LoadError
	far = s.keep(t, far)
	if err := walk(far); !errors.As(err, &e) || !errors.Is(err, ErrNotFound) || e.CID != leaf {
		t.Errorf("a leaf that is not there: %v", err)
	}
	code := codec.AppendMap(nil, 1)
	code = codec.AppendMap(codec.AppendText(code, Lambda), 1)
	code = append(codec.AppendText(code, "lit"), appendTree(nil, KindMap, 1, 20_000, leaf)...)
	if _, err := f.DecodeCode(codec.CIDOf(code), code); !errors.Is(err, ErrNotFound) || strings.Count(err.Error(), leaf.String()) != 1 {
		t.Errorf("a literal of a block that is not there: %v", err)
	}
	s.blocks[leaf] = append(slices.Clone(data), 0)
	if err := walk(far); !errors.As(err, &e) || e.CID != leaf {
		t.Errorf("a leaf with something behind it: %v", err)
	}
	other := s.blocks[leaf]
	for c, data := range s.blocks {
		if r := codec.NewReader(data, true); c != leaf {
			if _, err := r.Array(); err == nil && r.Peek() == codec.Map {
				other = data
			}
		}
	}
	s.blocks[leaf] = other // as if its CID were another's
	if err := walk(far); !errors.As(err, &e) {
		t.Errorf("a leaf with another count: %v", err)
	}
	for _, form := range []struct {
		height int
		count  int64
		c      cid.Cid
	}{{1, 20_001, far.List().rest.root.rootBlock()}, {2, 20_000, far.List().rest.root.rootBlock()}, {1, 20_000, leaf}, {39, 1 << 30, leaf}} {
		if !form.c.Defined() {
			continue
		}
		v, err := f.DecodeValue(appendTree(nil, KindList, form.height, form.count, form.c))
		if err == nil {
			err = walk(v)
		}
		if err == nil {
			t.Errorf("a tree of height %d and %d elements is read", form.height, form.count)
		}
	}
}

// TestFarCrafted looks at trees that stand for more than they take, and at neighbours in one map whose keys overlap.
func TestFarCrafted(t *testing.T) {
	s := newShelf()
	put := func(data []byte) cid.Cid {
		c := codec.CIDOf(data)
		s.blocks[c] = data
		return c
	}
	node := func(k Kind, refs ...ref) cid.Cid {
		data := codec.AppendArray(nil, len(refs))
		for _, r := range refs {
			data = appendRef(data, k, r)
		}
		return put(data)
	}
	refused := func(name string, k Kind, height int, count int64, root cid.Cid, look func(v Value)) {
		t.Helper()
		v, err := (&Far{Load: s.load, Writer: s.w}).DecodeValue(appendTree(nil, k, height, count, root))
		if err == nil {
			func() {
				defer CatchLoad(&err)
				look(v)
			}()
		}
		if e := (*codec.Error)(nil); !errors.As(err, &e) {
			t.Errorf("%s: got %v, want an error of its form", name, err)
		} else if text := err.Error(); strings.Count(text, "block ") > 1 {
			t.Errorf("%s: a block is named twice: %s", name, text)
		}
	}
	at := func(v Value) { v.List().At(0) }
	one := put(codec.AppendInt(codec.AppendArray(nil, 1), 1))
	refused("leaves of one element", KindList, 1, 2, node(KindList, ref{"", 1, one}, ref{"", 1, one}), at)
	refused("a root over one leaf", KindList, 1, 1, node(KindList, ref{"", 1, one}), at)
	few := node(KindList, ref{"", 1, one}, ref{"", 1, one})
	refused("small inner nodes", KindList, 2, 4, node(KindList, ref{"", 2, few}, ref{"", 2, few}), at)
	three := put(codec.AppendBytes(nil, []byte("abc")))
	refused("small leaves of bytes", KindBytes, 1, 6, node(KindBytes, ref{"", 3, three}, ref{"", 3, three}), func(v Value) { v.BytesAt(1, 2) })

	leaf := func(keys ...string) ref {
		data := codec.AppendArray(nil, len(keys))
		for _, k := range keys {
			data = codec.AppendInt(codec.AppendText(codec.AppendArray(data, 2), k), 1)
		}
		return ref{keys[0], int64(len(keys)), put(data)}
	}
	get := func(v Value) { v.Map().Get("a") }
	refused("keys of the next leaf", KindMap, 1, 4, node(KindMap, leaf("a", "c"), leaf("b", "d")), get)
	left, right := node(KindMap, leaf("a", "b"), leaf("c", "e")), node(KindMap, leaf("d", "f"), leaf("g", "h"))
	refused("keys of the next node", KindMap, 2, 8, node(KindMap, ref{"a", 4, left}, ref{"d", 4, right}), func(v Value) { v.Map().Get("c") })
	refused("a node of the next node", KindMap, 2, 8, node(KindMap, ref{"a", 4, left}, ref{"c", 4, right}), get)
}

// TestFarRepeats lays out a list of a few blocks that repeat hundreds of thousands of times: that asks for the memory.
func TestFarRepeats(t *testing.T) {
	s := newShelf()
	put := func(data []byte) cid.Cid {
		c := codec.CIDOf(data)
		s.blocks[c] = data
		return c
	}
	last := func(refs []ref) []ref { // those behind which a node can end
		return slices.DeleteFunc(slices.Clone(refs), func(r ref) bool {
			entry := appendRef(nil, KindList, r)
			return !cutAfter(entryHash(KindList, entry), len(entry))
		})
	}
	var refs []ref
	for i := 0; len(last(refs)) < 2; i++ {
		data := codec.AppendArray(nil, 17)
		for range 16 {
			data = codec.AppendText(data, strings.Repeat("a", 1000)+fmt.Sprintf("%08d", i))
		}
		data = codec.AppendText(data, cutting(KindList, 1, 1000, true)[0])
		refs = append(refs, ref{"", 17, put(data)})
	}
	for range 2 {
		var up []ref
		for i := 0; len(last(up)) < 1; i++ {
			r := ref{}
			var data []byte
			n := 0
			for d := refs[0]; len(data) < minNode+i%1000*50; n++ {
				data, r.count = appendRef(data, KindList, d), r.count+d.count
			}
			e := last(refs)[i/1000]
			data, r.count = appendRef(data, KindList, e), r.count+e.count
			r.node = put(append(codec.AppendArray(nil, n+1), data...))
			up = append(up, r)
		}
		refs = append(up[:1:1], last(up)...)
	}
	root := ref{node: put(appendRef(appendRef(codec.AppendArray(nil, 2), KindList, refs[0]), KindList, refs[0])), count: 2 * refs[0].count}
	v, err := (&Far{Load: s.load, Writer: s.w}).DecodeValue(appendTree(nil, KindList, 3, root.count, root.node))
	if err != nil {
		t.Fatal(err)
	}
	asked := int64(0)
	s.w.Reserving(func(n int64) {
		if asked = n; n > 1<<20 {
			panic("enough")
		}
	})
	defer func() {
		if x := recover(); x != "enough" {
			t.Errorf("a list of %d elements and %d blocks asks for %d bytes: %v", root.count, len(s.blocks), asked, x)
		}
	}()
	Encode(ListValue(v.List().Append(Int(1))), s.w)
}

// rootBlock is a block of a far node below t.
func (t *node) rootBlock() cid.Cid {
	if t.far != nil {
		return t.far.block
	}
	for _, k := range t.kids {
		if c := k.rootBlock(); c.Defined() {
			return c
		}
	}
	return cid.Undef
}

// TestFarNeighbours takes whole leaves out of a map, so that others become neighbours.
func TestFarNeighbours(t *testing.T) {
	var keys []string
	var vals []Value
	add := func(v Value) {
		keys, vals = append(keys, keyOf(len(keys))), append(vals, v)
	}
	for range 2 {
		for range 150 {
			add(Text(strings.Repeat("a", 900)))
		}
		for range 8_000 {
			add(Int(1))
		}
	}
	near := MapSorted(keys, vals)
	s := newShelf()
	far := s.keep(t, MapValue(near)).Map()
	ends := []int{0}
	var leaves func(n *mapNode)
	leaves = func(n *mapNode) {
		if n.far != nil && n.far.height == 0 {
			ends = append(ends, ends[len(ends)-1]+n.n)
			return
		}
		for _, k := range n.near().kids {
			leaves(k)
		}
	}
	leaves(far.root)
	if len(ends) < 8 {
		t.Fatalf("%d leaves, want some", len(ends)-1)
	}
	for i, a := range ends {
		for _, b := range ends[i:] {
			if b-a == len(keys) {
				continue
			}
			n, f := near, far
			for _, key := range keys[a:b] {
				n, f = n.Remove(key), f.Remove(key)
			}
			if got, want := Encode(MapValue(f), s.w), Encode(MapValue(n), nil); string(got) != string(want) {
				t.Fatalf("without %d to %d it is laid out otherwise", a, b)
			}
		}
	}
}

// TestFarBytes takes parts of bytes that are far.
func TestFarBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{40_000, 70_000, 3_000_000} {
		s, near := newShelf(), random(n)
		far := s.keep(t, near)
		if far.BytesLen() != n {
			t.Fatalf("%d bytes, want %d", far.BytesLen(), n)
		}
		for range 200 {
			a := r.IntN(n)
			b := a + r.IntN(min(n-a, n/3)+1)
			if !bytes.Equal(far.BytesAt(a, b), near.Bytes()[a:b]) {
				t.Fatalf("of %d bytes those from %d to %d are others", n, a, b)
			}
		}
		if !bytes.Equal(Encode(far, nil), Encode(near, nil)) || !bytes.Equal(far.Bytes(), near.Bytes()) || !bytes.Equal(far.BytesAt(1, n), near.Bytes()[1:]) {
			t.Errorf("%d bytes are laid out otherwise, or others", n)
		}
	}
}

// TestFarTogether walks, takes apart and lays out the same far values from several goroutines, for several sinks.
func TestFarTogether(t *testing.T) {
	s := newShelf()
	list, m := s.keep(t, records(20_000)), s.keep(t, fields(10_000))
	blocks := maps.Clone(s.blocks)
	load := func(c cid.Cid) ([]byte, error) {
		if data, ok := blocks[c]; ok {
			return data, nil
		}
		return nil, NotFound(c)
	}
	w := NewWriter(SinkFunc(func(Block) {}))
	f := &Far{Load: load, Writer: w}
	again := func(v Value) Value {
		v, err := f.DecodeValue(Encode(v, nil))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	list, m = again(list), again(m)
	changed := func(i int, put Sink) string {
		l, o := list.List().Set(i, Int(1)).Append(Int(2)), m.Map().Insert(keyOf(i), Int(1)).Remove(keyOf(4*i))
		return string(Encode(ListValue(l), put)) + string(Encode(MapValue(o), put))
	}
	var want [4]string
	for i := range want {
		want[i] = changed(1000*i, nil)
	}
	recent.nodes = [32]any{}
	runtime.GC()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			n := 0
			for l := list.List(); l.Len() > 0; n++ {
				_, l = l.Uncons()
			}
			m.Map().Each(func(string, Value) bool { n++; return true })
			if n != 30_000 {
				t.Errorf("got %d elements", n)
			}
			put := Sink(w)
			if i >= 4 {
				own := map[cid.Cid][]byte{}
				put = SinkFunc(func(b Block) { own[b.CID] = b.Data })
			}
			if changed(1000*(i%4), put) != want[i%4] {
				t.Errorf("it is laid out otherwise by one of many")
			}
		})
	}
	all.Wait()
}
