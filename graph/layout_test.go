// This file tests how values are laid out as blocks.

package graph

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/rosser-lang/rosser/codec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A blockMap is a Sink and a Loader.
type blockMap map[cid.Cid][]byte

func (m blockMap) Take(b Block) {
	if codec.CIDOf(b.Data) != b.CID {
		panic("a block with another CID")
	}
	m[b.CID] = b.Data
}

func (m blockMap) load(c cid.Cid) ([]byte, error) {
	if d, ok := m[c]; ok {
		return d, nil
	}
	return nil, NotFound(c)
}

// equal compares values, functions and lazy values by their code.
func equal(a, b Value) bool {
	type pair struct{ a, b Value }
	stack := []pair{{a, b}}
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		a, b := p.a, p.b
		if a.Kind() != b.Kind() {
			return false
		}
		same := true
		switch a.Kind() {
		case KindText:
			same = a.Text() == b.Text()
		case KindBytes:
			same = bytes.Equal(a.Bytes(), b.Bytes())
		case KindLink:
			same = a.Link() == b.Link()
		case KindInt:
			same = a.BigInt().Cmp(b.BigInt()) == 0
		case KindFn:
			same = FnCode(a.Fn(), nil) == FnCode(b.Fn(), nil)
		case KindLazy:
			same = ThunkCode(a.Thunk(), nil) == ThunkCode(b.Thunk(), nil)
		case KindList:
			if same = a.List().Len() == b.List().Len(); same {
				it := b.List().Iter()
				a.List().Each(func(v Value) bool {
					w, _ := it.Next()
					stack = append(stack, pair{v, w})
					return true
				})
			}
		case KindMap:
			ak, av := a.Map().flatten()
			bk, bv := b.Map().flatten()
			if same = slices.Equal(ak, bk); same {
				for i := range av {
					stack = append(stack, pair{av[i], bv[i]})
				}
			}
		default:
			same = a == b
		}
		if !same {
			return false
		}
	}
	return true
}

// there encodes v, checks every block, decodes it again and returns the CID.
func there(t testing.TB, v Value) cid.Cid {
	t.Helper()
	blocks := blockMap{}
	enc := Encode(v, blocks)
	checkBytes(t, enc)
	for _, d := range blocks {
		checkBytes(t, d)
	}
	if k := v.Kind(); k != KindFn && k != KindLazy {
		got, err := DecodeValue(enc, blocks.load)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if !equal(v, got) {
			t.Fatal("decode gives another value")
		}
		if again := Encode(got, nil); !bytes.Equal(again, enc) {
			t.Fatal("the decoded value has another encoding")
		}
	}
	if again := Encode(v, nil); !bytes.Equal(again, enc) {
		t.Fatal("a second encoding differs")
	}
	placed := Place(nil, v, blocks)
	r := codec.NewReader(placed, true)
	got, err := (&decoder{load: blocks.load}).decode(r, false)
	if err == nil {
		err = r.Done()
	}
	if err != nil {
		t.Fatalf("read what was placed: %v", err)
	}
	if !equal(v, got) {
		t.Fatal("what was placed is another value")
	}
	if len(placed) > maxInline+16 {
		t.Fatalf("%d bytes stand in place", len(placed))
	}
	return ValueBlock(v, nil)
}

// checkBytes checks that go-ipld-prime reads data and writes the same bytes.
func checkBytes(t testing.TB, data []byte) {
	t.Helper()
	if len(data) > maxNode+8 {
		t.Fatalf("a block of %d bytes", len(data))
	}
	nb := basicnode.Prototype.Any.NewBuilder()
	if err := dagcbor.Decode(nb, bytes.NewReader(data)); err != nil {
		t.Fatalf("go-ipld-prime: %v", err)
	}
	var out bytes.Buffer
	if err := dagcbor.Encode(nb.Build(), &out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), data) {
		t.Fatalf("go-ipld-prime writes other bytes for % .60x", data)
	}
}

func pow(b, e int64) *big.Int { return new(big.Int).Exp(big.NewInt(b), big.NewInt(e), nil) }

var someCID = codec.CIDOf([]byte{1})

func ints(n int) Value {
	var b ListBuilder
	for i := range n {
		b.Add(Int(int64(i)))
	}
	return ListValue(b.List())
}

func table(n int) Value {
	var b MapBuilder
	for i := range n {
		b.Set(fmt.Sprintf("%x", uint32(i)*2654435761), Int(int64(i)))
	}
	return MapValue(b.Map())
}

// letters returns a text of n code points, of one to four bytes each.
func letters(n int) string { return string(million()[:n]) }

var million = sync.OnceValue(func() []rune {
	r := rand.New(rand.NewPCG(1, 1))
	s := make([]rune, 1_000_000)
	for i := range s {
		s[i] = []rune("abcdefgh éü€𝄞")[r.IntN(13)]
	}
	return s
})

func nested(n int) Value {
	v := NewList()
	for range n {
		v = NewList(v)
	}
	return v
}

func nestedLambda(n int) Value {
	v := Int(1)
	for range n {
		v = Tagged(Lambda, v)
	}
	return v
}

var goldenValues = []struct {
	name string
	v    Value
}{
	{"null", Null()},
	{"false", Bool(false)},
	{"zero", Int(0)},
	{"minInt64", Int(math.MinInt64)},
	{"maxUint64", Uint(math.MaxUint64)},
	{"2^64", BigInt(pow(2, 64))},
	{"-2^63-1", BigInt(new(big.Int).Sub(big.NewInt(math.MinInt64), big.NewInt(1)))},
	{"-2^64", BigInt(new(big.Int).Neg(pow(2, 64)))},
	{"10^1000", BigInt(pow(10, 1000))},
	{"10^1100", BigInt(pow(10, 1100))},
	{"10^40000", BigInt(pow(10, 40000))},
	{"float", Float(1.5)},
	{"negative zero", Float(math.Copysign(0, -1))},
	{"text", Text("λ")},
	{"bytes", BytesValue([]byte{1, 2})},
	{"link", LinkValue(someCID)},
	{"empty list", NewList()},
	{"empty map", MapValue(EmptyMap)},
	{"pair", NewList(Int(1), Text("x"))},
	{"record", Record("name", "Ada", "id", 7, "a", true)},
	{"some", Some(Int(1))},
	{"lambda map", Tagged(Lambda, Int(1))},
	{"lambda map in a list", NewList(Tagged(Lambda, LinkValue(someCID)))},
	{"large lambda map", NewList(Tagged(Lambda, Text(strings.Repeat("x", 1021))))},
	{"lambda and more", Record(Lambda, 1, "a", 2)},
	{"nested lambda maps", nestedLambda(2000)},
	{"text of 1021", NewList(Text(strings.Repeat("x", 1021)))},
	{"text of 1022", NewList(Text(strings.Repeat("x", 1022)))},
	{"list of 1022 in a list", NewList(NewList(Text(strings.Repeat("x", 510)), Text(strings.Repeat("y", 508))))},
	{"text of 32765", Text(strings.Repeat("x", 32765))},
	{"text of 32766", Text(strings.Repeat("x", 32766))},
	{"uniform text", Text(strings.Repeat("é", 200_000))},
	{"text tree", Text(letters(300_000))},
	{"bytes tree", BytesValue([]byte(letters(300_000)))},
	{"ints 1000", ints(1000)},
	{"ints 100000", ints(100_000)},
	{"zeros", listOf32768()},
	{"rows", rows(3000)},
	{"map 1000", table(1000)},
	{"map 20000", table(20_000)},
	{"large keys", largeKeys()},
	{"nested 256", nested(255)},
	{"nested 257", nested(256)},
	{"nested 20000", nested(20_000)},
	{"function", FnValue(&Fn{Head: someCID})},
	{"primitive", FnValue(&Fn{Prim: "num.add", Head: someCID})},
	{"functions", NewList(FnValue(&Fn{Prim: "num.add", Args: []Value{Int(1)}}), FnValue(&Fn{Head: someCID, Args: []Value{FnValue(&Fn{Prim: "num.add"}), Int(2)}}))},
	{"lazy", NewList(NewThunk(&Head{CID: someCID}), NewThunk(&Head{CID: someCID}, ints(10000)))},
}

// listOf32768 is one element more than stands in place.
func listOf32768() Value {
	l := EmptyList
	for range 32768 {
		l = l.Append(Int(0))
	}
	return ListValue(l)
}

func rows(n int) Value {
	var b ListBuilder
	for i := range n {
		b.Add(Record("id", i, "name", fmt.Sprint("row ", i), "tags", NewList(Text("a"), Int(int64(i%7)))))
	}
	return ListValue(b.List())
}

func largeKeys() Value {
	var b MapBuilder
	for i := range 12 {
		b.Set(strings.Repeat(string(rune('a'+i)), 5000*(i+1)/2), Int(int64(i)))
	}
	return MapValue(b.Map())
}

func TestGoldenValues(t *testing.T) {
	const file = "testdata/values.golden"
	var out strings.Builder
	for _, g := range goldenValues {
		var c cid.Cid
		t.Run(g.name, func(t *testing.T) { c = there(t, g.v) })
		enc := Encode(g.v, nil)
		text := hex.EncodeToString(enc)
		if len(enc) > 60 {
			text = fmt.Sprintf("%d bytes", len(enc))
		}
		fmt.Fprintf(&out, "%s\t%s\t%s\n", g.name, c, text)
	}
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) == out.String() {
		return
	}
	w, g := strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			t.Fatalf("line %d of %s differs: got\n%s", i+1, file, g[min(i, len(g)-1)])
		}
	}
}

// Values made by different routes have one CID.
func TestRoutes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	item := func(i int) Value {
		switch i % 5 {
		case 0:
			return Text(strings.Repeat("x", i%1500))
		case 1:
			return Record("n", i, "longer", NewList(Int(int64(i))))
		}
		return Int(int64(i * i))
	}
	for _, n := range []int{10, 500, 3000, 40_000} {
		items := make([]Value, n)
		for i := range items {
			items[i] = item(i)
		}
		whole := ListOf(slices.Clone(items))
		want := ValueBlock(ListValue(whole), nil)
		up, down := EmptyList, EmptyList
		for i := range items {
			up, down = up.Append(items[i]), down.Prepend(items[n-1-i])
			if i == n/2 || i == n/3 { // what is remembered about a shorter list
				ValueBlock(ListValue(up), nil)
				ValueBlock(ListValue(down), nil)
			}
		}
		cut := whole
		for range 20 {
			i := r.IntN(n + 1)
			cut = cut.Slice(0, i).Concat(cut.Slice(i, n))
			j := r.IntN(n)
			other := cut.Set(j, Text("other"))
			ValueBlock(ListValue(other), nil)
			cut = other.Set(j, items[j])
		}
		for name, l := range map[string]*List{"append": up, "prepend": down, "parts": cut} {
			if got := ValueBlock(ListValue(l), nil); got != want {
				t.Errorf("a list of %d by %s: another CID", n, name)
			}
		}
		there(t, ListValue(whole))

		m, back := EmptyMap, EmptyMap
		for _, i := range r.Perm(n) {
			m = m.Insert(fmt.Sprint(i), items[i])
		}
		for i := range 2 * n {
			back = back.Insert(fmt.Sprint(i), item(i))
			if i == n {
				ValueBlock(MapValue(back), nil)
			}
		}
		for i := n; i < 2*n; i++ {
			back = back.Remove(fmt.Sprint(i))
		}
		want = there(t, MapValue(m))
		if ValueBlock(MapValue(back), nil) != want || ValueBlock(MapValue(m.Merge(back)), nil) != want {
			t.Errorf("a map of %d by insertion and by removal: another CID", n)
		}
	}
	l := EmptyList
	for i := range 1_000_000 {
		l = l.Prepend(Int(int64(999_999 - i)))
	}
	if ValueBlock(ListValue(l), nil) != ValueBlock(ints(1_000_000), nil) {
		t.Error("a million by prepending: another CID")
	}
}

// A change near the start of a text moves only the cuts near it.
func TestTextCuts(t *testing.T) {
	s := letters(1_000_000)
	blocks := blockMap{}
	w := NewWriter(blocks)
	w.Encode(nil, Text(s))
	n := len(blocks)
	w.Encode(nil, Text("é"+s))
	if more := len(blocks) - n; n < 20 || more > 6 {
		t.Errorf("got %d new blocks beside %d, want a few", more, n)
	}
	for c, d := range blocks {
		if d[0]>>5 == 3 && len(d) < minNode {
			if _, err := codec.NewReader(d, true).Text(); err != nil {
				t.Errorf("%s: %v", c, err)
			}
		}
	}
}

// Only what is new is hashed and put.
func TestRehash(t *testing.T) {
	const n = 1_000_000
	big := ints(n).List()
	start := hashedBlocks.Load()
	ValueBlock(ListValue(big), nil)
	whole := hashedBlocks.Load() - start
	if whole < 60 || whole > 300 {
		t.Errorf("got %d blocks for a list of a million ints", whole)
	}
	puts := 0
	w := NewWriter(SinkFunc(func(Block) { puts++ }))
	w.ValueBlock(ListValue(big))
	if puts < int(whole) {
		t.Errorf("a new sink got %d blocks, want all %d", puts, whole)
	}
	var m MapBuilder
	for i := range 200_000 {
		m.Set(fmt.Sprint("key", i), Int(int64(i)))
	}
	large := m.Map()
	w.ValueBlock(MapValue(large))
	deep := NewList(ListValue(big), Record("more", rows(5000)), MapValue(large))
	w.ValueBlock(deep)
	step := func(name string, v Value, most int64) {
		t.Helper()
		before := hashedBlocks.Load()
		puts = 0
		w.ValueBlock(v)
		if got := hashedBlocks.Load() - before; got > most || int64(puts) > most+2 {
			t.Errorf("%s: hashed %d blocks and put %d, want at most %d", name, got, puts, most)
		}
	}
	step("same", ListValue(big), 1)
	step("append", ListValue(big.Append(Int(1))), 6)
	step("prepend", ListValue(big.Prepend(Int(1))), 6)
	step("set", ListValue(big.Set(n/2, Int(-7))), 7)
	_, tail := big.Uncons()
	step("uncons", ListValue(tail), 6)
	step("slice", ListValue(big.Slice(1000, n-1000)), 10)
	step("concat", ListValue(big.Concat(big)), 10)
	step("insert", MapValue(large.Insert("key5x", Int(1))), 7)
	step("remove", MapValue(large.Remove("key777")), 7)
	step("component", NewList(ListValue(big.Append(Int(2))), deep), 8)
}

// A Writer given as a Sink carries what it remembers to the functions that take one; other sinks get everything each time.
func TestWriterAsSink(t *testing.T) {
	n := 0
	put := SinkFunc(func(Block) { n++ })
	v := ints(100_000)
	Place(nil, v, put)
	all := n
	n = 0
	Place(nil, v, put)
	if n != all {
		t.Errorf("a sink got %d blocks of %d the second time", n, all)
	}
	n = 0
	w := NewWriter(put)
	Place(nil, v, w)
	if n != all {
		t.Errorf("a Writer gave %d blocks of %d", n, all)
	}
	n = 0
	Place(nil, v, w)
	EncodeCode(&Term{Op: OpLit, Value: v}, w)
	if n != 1 {
		t.Errorf("a Writer gave %d blocks more, want that of the literal", n)
	}
	if NewWriter(put) == w || NewWriter(w) != w {
		t.Error("a Writer is a Sink of its own")
	}
	w.Take(Block{someCID, []byte{1}})
	NewWriter(nil).Take(Block{})
	if n != 2 {
		t.Error("a Writer does not give what it takes")
	}
}

// A value that holds one part many times is encoded in time that its memory needs, not its size.
func TestShared(t *testing.T) {
	v := NewList(Text(strings.Repeat("x", 300)))
	for range 60 {
		v = NewList(v, v, v)
	}
	there1 := blockMap{}
	enc := Encode(v, there1)
	got, err := DecodeValue(enc, there1.load)
	if err != nil {
		t.Fatal(err)
	}
	if again := Encode(got, nil); !bytes.Equal(enc, again) {
		t.Error("another encoding")
	}
}

func TestDeep(t *testing.T) {
	const n = 1_000_000
	v := nested(n)
	blocks := blockMap{}
	enc := Encode(v, blocks)
	got, err := DecodeValue(enc, blocks.load)
	if err != nil {
		t.Fatal(err)
	}
	if again := Encode(got, nil); !bytes.Equal(enc, again) {
		t.Error("another encoding")
	}
	text, err := AppendJSON(nil, got, nil)
	if err != nil || len(text) != 2*(n+1) {
		t.Errorf("got %d bytes of JSON, %v", len(text), err)
	}
	f := FnValue(&Fn{Prim: "num.add", Args: []Value{Int(1)}})
	for range 50_000 {
		f = FnValue(&Fn{Head: someCID, Args: []Value{f}})
	}
	if !FnCode(f.Fn(), nil).Defined() {
		t.Error("no code")
	}
}

func TestConcurrentEncoding(t *testing.T) {
	v := NewList(ints(50_000), rows(2000), table(5000), Text(letters(50_000)), BigInt(pow(3, 9000)),
		FnValue(&Fn{Head: someCID, Args: []Value{ints(3000)}}))
	want := Encode(NewList(ints(50_000), rows(2000), table(5000), Text(letters(50_000)), BigInt(pow(3, 9000)),
		FnValue(&Fn{Head: someCID, Args: []Value{ints(3000)}})), nil)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			blocks := blockMap{}
			enc := Encode(v, blocks)
			if !bytes.Equal(enc, want) {
				t.Error("another encoding")
			}
			if _, err := DecodeValue(enc, blocks.load); err != nil {
				t.Errorf("a block was not put: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestAppBlockAndArgs(t *testing.T) {
	blocks := blockMap{}
	partial := &Fn{Prim: "num.add", Args: []Value{Int(1)}}
	a := FnCode(partial, blocks)
	b := AppBlock(&Term{Op: OpPrim, Name: "num.add"}, []Value{Int(1)}, blocks)
	if a != b {
		t.Error("a partial application's block is not the application's")
	}
	c := AppBlock(&Term{Op: OpRef, CID: someCID}, []Value{FnValue(partial), FnValue(&Fn{Prim: "num.sub"}), ints(20000), NewList()}, blocks)
	for _, c := range []cid.Cid{b, c} {
		checkBytes(t, blocks[c])
		if _, err := DecodeCode(c, blocks[c], blocks.load); err != nil {
			t.Error(err)
		}
	}
	copied := *partial
	copied.Args = append(slices.Clip(copied.Args), Int(2))
	if FnCode(&copied, nil) == a {
		t.Error("a copied function keeps the code of the first")
	}
	for _, v := range []Value{BigInt(pow(2, 80)), Tagged(Lambda, Int(1)), ints(50_000), Tagged(Lambda, Text(strings.Repeat("x", 3000)))} {
		c := ValueBlock(v, blocks)
		term, err := DecodeCode(c, blocks[c], blocks.load)
		if err != nil {
			t.Fatal(err)
		}
		if term.Op != OpLit || !equal(term.Value, v) {
			t.Error("a value's block is not its literal")
		}
		var e *CodeError
		if errors.As(err, &e) {
			t.Error(e)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	million := ints(1_000_000).List()
	b.Run("million ints", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			l := ListValue(ListOf(contents(million)))
			b.StartTimer()
			ValueBlock(l, nil)
		}
	})
	b.Run("million ints again", func(b *testing.B) {
		l := million
		ValueBlock(ListValue(l), nil)
		for i := range b.N {
			l = l.Set(i*7919%1_000_000, Int(int64(i)))
			ValueBlock(ListValue(l), nil)
		}
	})
	b.Run("record", func(b *testing.B) {
		v := Record("id", 1, "name", "row", "tags", NewList(Text("a"), Int(1)))
		var dst []byte
		for range b.N {
			dst = Place(dst[:0], v, nil)
		}
	})
	b.Run("decode million ints", func(b *testing.B) {
		blocks := blockMap{}
		enc := Encode(ListValue(million), blocks)
		for range b.N {
			if _, err := DecodeValue(enc, blocks.load); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode rows", func(b *testing.B) {
		blocks := blockMap{}
		enc := Encode(rows(10000), blocks)
		for range b.N {
			if _, err := DecodeValue(enc, blocks.load); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestReserving: a value that is nested deep is asked room for before it is taken, and a refusal ends the encoding.
func TestReserving(t *testing.T) {
	deep := Int(1)
	for range 100_000 {
		deep = NewList(deep, Int(2))
	}
	var asked int64
	w := NewWriter(NewMemory())
	w.Reserving(func(bytes int64) { asked += bytes })
	want := Encode(deep, nil)
	if got := w.Encode(nil, deep); !bytes.Equal(got, want) || asked < 100_000*50 || asked > 100_000*2000 {
		t.Errorf("got %d bytes, %d reserved, want %d bytes", len(got), asked, len(want))
	}
	w = NewWriter(NewMemory())
	w.Reserving(func(int64) { panic("no room") })
	defer func() {
		if r := recover(); r != "no room" {
			t.Errorf("got %v, want the refusal", r)
		}
	}()
	deep = NewList(deep, deep)
	w.Encode(nil, deep)
	t.Error("it was encoded without room")
}

// TestGoesOn ends the encoding of a list again and again, after some blocks: each goes on where the one before ended, and the sink is given each block once.
func TestGoesOn(t *testing.T) {
	var b ListBuilder
	for i := range 300_000 {
		b.Add(NewList(Int(int64(i)), Text("a row")))
	}
	v := ListValue(b.List())
	want := NewMemory()
	data := Encode(v, want)
	got, left, attempts := NewMemory(), 0, 0
	w := NewWriter(SinkFunc(func(b Block) {
		if left--; left < 0 {
			panic("too long")
		}
		if _, err := got.Load(b.CID); err == nil {
			t.Errorf("%s is given twice", b.CID)
		}
		got.Take(b)
	}))
	for ended := false; !ended; attempts++ {
		if attempts > want.Len() {
			t.Fatalf("not done after %d attempts", attempts)
		}
		left = 7
		func() {
			defer func() { ended = recover() == nil }()
			if enc := w.Encode(nil, v); !bytes.Equal(enc, data) {
				t.Errorf("got %x, want %x", enc, data)
			}
		}()
	}
	if attempts < 10 || got.Len() != want.Len() {
		t.Errorf("got %d blocks in %d attempts, want %d", got.Len(), attempts, want.Len())
	}
}
