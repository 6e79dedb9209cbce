// This file tests that only canonical values are decoded, and that hostile ones cost little.

package graph

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// cbor writes a block by hand: ints, texts, bytes, floats, links, []any and []kv.
func cbor(x any) []byte { return appendAny(nil, x) }

type kv struct {
	k string
	v any
}

func appendAny(dst []byte, x any) []byte {
	switch x := x.(type) {
	case int:
		return codec.AppendInt(dst, int64(x))
	case string:
		return codec.AppendText(dst, x)
	case []byte:
		return codec.AppendBytes(dst, x)
	case float64:
		return codec.AppendFloat(dst, x)
	case cid.Cid:
		return codec.AppendLink(dst, x)
	case raw:
		return append(dst, x...)
	case []any:
		dst = codec.AppendArray(dst, len(x))
		for _, y := range x {
			dst = appendAny(dst, y)
		}
		return dst
	case []kv:
		dst = codec.AppendMap(dst, len(x))
		for _, y := range x {
			dst = appendAny(codec.AppendText(dst, y.k), y.v)
		}
		return dst
	}
	panic(fmt.Sprintf("no encoding of a %T", x))
}

type raw []byte

func form(name string, x any) []kv { return []kv{{Lambda, []kv{{name, x}}}} }

func TestRefusedValues(t *testing.T) {
	blocks := blockMap{}
	block := func(x any) cid.Cid {
		b := Block{codec.CIDOf(cbor(x)), cbor(x)}
		blocks.Take(b)
		return b.CID
	}
	own := func(x any) []any { return []any{[]kv{{Lambda, block(x)}}} }
	repeat := func(n int, x any) []any { return slices.Repeat([]any{x}, n) }
	long := strings.Repeat("x", 40000)
	var random []any
	r := rand.New(rand.NewPCG(1, 1))
	for range 30000 {
		random = append(random, int(r.Uint32()))
	}
	rawCID := codec.RawCID([]byte{1})
	cases := []struct {
		name, rule string
		x          any
	}{
		{"large text in place", RuleInline, []any{strings.Repeat("x", 1022)}},
		{"large list in place", RuleInline, []any{repeat(1022, 0)}},
		{"deep list in place", RuleInline, func() any {
			x := []any{}
			for range 257 {
				x = []any{x}
			}
			return x
		}()},
		{"large text at the root", RuleTree, long},
		{"large list at the root", RuleTree, repeat(33000, 0)},
		{"small own block", RuleOwnBlock, own([]any{1, 2})},
		{"own block of an int", RuleForm, own(1)},
		{"own block at the root", RuleOwnBlock, []kv{{Lambda, block(repeat(2000, 0))}}},
		{"own block of a form", RuleForm, own(form("int", strings.Repeat("9", 30)))},
		{"own block of a lit that is none", RuleForm, own(form("lit", repeat(2000, 0)))},
		{"own block, trailing", codec.RuleTrailing, func() any {
			d := append(cbor(repeat(2000, 0)), 0)
			blocks[codec.CIDOf(d)] = d
			return []any{[]kv{{Lambda, codec.CIDOf(d)}}}
		}()},
		{"own block that is raw", RuleCodeLink, []any{[]kv{{Lambda, rawCID}}}},
		{"form of an int", RuleForm, []kv{{Lambda, 1}}},
		{"unknown form", RuleForm, form("set", 1)},
		{"two forms", RuleForm, []kv{{Lambda, []kv{{"fn", someCID}, {"int", 1}}}}},
		{"fn without a link", "got int, want a link", form("fn", 1)},
		{"fn of a raw link", RuleCodeLink, form("fn", rawCID)},
		{"lit of a list", RuleLit, form("lit", []any{})},
		{"small int", RuleLargeInt, form("int", "18446744073709551615")},
		{"int with a zero", RuleLargeInt, form("int", "018446744073709551616")},
		{"int with a plus", RuleLargeInt, form("int", "+18446744073709551616")},
		{"int of letters", RuleLargeInt, form("int", "1844674407370955161x")},
		{"int that is none", RuleLargeInt, form("int", 1)},
		{"keys out of order", codec.RuleOrder, []kv{{"b", 1}, {"a", 2}}},
		{"half float", codec.RuleFloatSize, raw{0xf9, 0, 0}},
		{"tree, two fields", RuleForm, form("list", []any{0, 1})},
		{"tree, height", "an int is not within 0 to 40", form("list", []any{41, 1, block(1)})},
		{"tree of a raw link", RuleCodeLink, form("list", []any{0, 1, rawCID})},
		{"small tree", RuleNoTree, form("list", []any{0, 3, block(repeat(3, 0))})},
		{"small text tree", RuleNoTree, form("text", []any{0, 3, block("abc")})},
		{"empty leaf", RuleTreeNode, form("list", []any{0, 0, block([]any{})})},
		{"empty text leaf", RuleTreeCut, form("text", []any{0, 0, block("")})},
		{"wrong count", RuleTreeCount, form("list", []any{0, 39999, block(repeat(40000, 0))})},
		{"uncut leaf", RuleTreeCut, form("list", []any{0, 70000, block(repeat(70000, 0))})},
		{"uncut random leaf", RuleTreeCut, form("list", []any{0, len(random), block(random)})},
		{"leaf cut anywhere", RuleTreeCut, form("list", []any{1, 40000, block([]any{[]any{20000, block(repeat(20000, 0))}, []any{20000, block(repeat(20000, 0))}})})},
		{"root of one", RuleTreeCut, form("list", []any{1, 40000, block([]any{[]any{40000, block(repeat(40000, 0))}})})},
		{"entry of three", RuleTreeNode, form("list", []any{1, 40000, block([]any{[]any{40000, block(repeat(40000, 0)), 1}})})},
		{"wrong height", "got int, want a list", form("list", []any{1, 40000, block(repeat(40000, 0))})},
		{"wrong height below", "got list, want a text", form("text", []any{0, 40000, block(repeat(40000, 0))})},
		{"child's count", RuleTreeCount, form("list", []any{1, 40000, block([]any{[]any{20000, block(repeat(40000, 0))}})})},
		{"text leaf cut anywhere", RuleTreeCut, form("text", []any{1, 40000, block([]any{[]any{20000, block(long[:20000])}, []any{20000, block(long[:20000])}})})},
		{"map leaf out of order", RuleTreeCount, form("map", []any{0, 2, block([]any{[]any{"b", 1}, []any{"a", 1}})})},
		{"map leaf of lists", RuleTreeNode, form("map", []any{0, 1, block([]any{[]any{"b"}})})},
		{"map's first key", RuleTreeCount, form("map", []any{1, 1, block([]any{[]any{"a", 1, block([]any{[]any{"b", 1}})}})})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			data := cbor(c.x)
			v, err := DecodeValue(data, blocks.load)
			if err == nil {
				t.Fatalf("got a %s, want an error", v.Kind())
			}
			if !strings.Contains(err.Error(), c.rule) {
				t.Errorf("got %q, want %q", err, c.rule)
			}
		})
	}
	absent := codec.CIDOf([]byte("absent"))
	_, err := DecodeValue(cbor([]any{[]kv{{Lambda, absent}}}), blocks.load)
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), absent.String()) {
		t.Errorf("got %v, want a block that is not found", err)
	}
}

// Small blocks that stand for very large values are refused, or cost no more than their blocks.
func TestBombs(t *testing.T) {
	blocks := blockMap{}
	block := func(data []byte) cid.Cid {
		blocks.Take(Block{codec.CIDOf(data), data})
		return codec.CIDOf(data)
	}
	// A list of 10^12 zeros in canonical form, if one could build it: leaves of the largest size.
	e := encoder{w: NewWriter(blocks)}
	leaf := block(append(codec.AppendArray(nil, maxBytes), make([]byte, maxBytes)...))
	for _, n := range []int{100, 40_000} {
		refs := make([]ref, n)
		for i := range refs {
			refs[i] = ref{count: maxBytes, node: leaf}
		}
		height, root := e.levels(KindList, refs)
		v, err := DecodeValue(appendTree(nil, KindList, height, int64(n)*maxBytes, root), blocks.load)
		switch {
		case n == 100 && err != nil:
			t.Errorf("%d leaves: %v", n, err)
		case n == 100:
			if v.List().Len() != n*maxBytes {
				t.Errorf("got %d elements", v.List().Len())
			}
		case err == nil || !strings.Contains(err.Error(), RuleTreeCount):
			t.Errorf("%d leaves: got %v", n, err)
		}
	}
	text := block(codec.AppendText(nil, strings.Repeat("x", maxNode)))
	var list []any
	for n := range 400 {
		refs := slices.Repeat([]ref{{count: maxNode, node: text}}, 4000)
		last := strings.Repeat("y", n+1)
		refs = append(refs, ref{count: int64(len(last)), node: block(codec.AppendText(nil, last))})
		height, root := e.levels(KindText, refs)
		list = append(list, raw(appendTree(nil, KindText, height, int64(4000*maxNode+len(last)), root)))
	}
	if _, err := DecodeValue(cbor(list[:10]), blocks.load); err == nil || !strings.Contains(err.Error(), RuleRepeats) {
		t.Errorf("2.6 GB of text in %d blocks: got %v", len(blocks), err)
	}
	digits := block(codec.AppendText(nil, strings.Repeat("7", maxNode)))
	height, root := e.levels(KindText, slices.Repeat([]ref{{count: maxNode, node: digits}}, 1000))
	x := form("int", raw(appendTree(nil, KindText, height, 1000*maxNode, root)))
	if _, err := DecodeValue(cbor(x), blocks.load); err == nil || !strings.Contains(err.Error(), RuleDigits) {
		t.Errorf("an int of 65 million digits: got %v", err)
	}
	// A block whose loader lies: it contains itself.
	loop := func(cid.Cid) ([]byte, error) { return cbor([]any{[]kv{{Lambda, someCID}}}), nil }
	if _, err := DecodeValue(cbor([]any{[]kv{{Lambda, someCID}}}), loop); err == nil || !strings.Contains(err.Error(), RuleCycle) {
		t.Errorf("got %v, want a cycle", err)
	}
}

// Inner nodes hold at least two entries, so that keys of any size come to one root.
func TestHugeKeys(t *testing.T) {
	for _, n := range []int{1, 2, 3, 9} {
		var b MapBuilder
		for i := range n {
			b.Set(strings.Repeat(string(rune('a'+i)), 100_000), Int(int64(i)))
		}
		v := MapValue(b.Map())
		blocks := blockMap{}
		enc := Encode(v, blocks)
		got, err := DecodeValue(enc, blocks.load)
		if err != nil || !equal(got, v) {
			t.Errorf("%d keys: %v", n, err)
		}
	}
}

func TestForeign(t *testing.T) {
	blocks := blockMap{}
	big := Encode(ints(50_000), blocks)
	decode := func(data []byte) (Value, error) { return DecodeForeign(codec.CIDOf(data), data, blocks.load) }
	for _, c := range []struct {
		data []byte
		want Value
	}{
		{raw{0xa2, 0x62, 'b', 'b', 1, 0x61, 'a', 2}, Record("a", 2, "bb", 1)},
		{raw{0xf9, 0x3c, 0}, Float(1)},
		{raw{0xfb, 0x80, 0, 0, 0, 0, 0, 0, 0}, Float(0)},
		{raw{0x3b, 255, 255, 255, 255, 255, 255, 255, 255}, goldenNamed("-2^64")},
		{cbor(strings.Repeat("x", 100_000)), Text(strings.Repeat("x", 100_000))},
		{cbor([]any{form("lit", []kv{{Lambda, 1}}), raw(big), form("fn", someCID)}),
			NewList(Tagged(Lambda, Int(1)), ints(50_000), FnValue(&Fn{Head: someCID}))},
	} {
		got, err := decode(c.data)
		if err != nil || !equal(got, c.want) {
			t.Errorf("% x: got another value, %v", c.data[:min(20, len(c.data))], err)
		}
	}
	for _, c := range []struct {
		data []byte
		rule string
	}{
		{raw{0xa2, 0x61, 'a', 1, 0x61, 'a', 2}, codec.RuleDuplicate},
		{raw{0xf7}, codec.RuleUndefined},
		{raw{0x61, 0xff}, codec.RuleUTF8},
		{raw{0xf9, 0x7e, 0}, codec.RuleFinite},
		{raw{0xc1, 1}, codec.RuleTag},
		{raw{1, 1}, codec.RuleTrailing},
		{cbor(form("prim", "num.add")), RuleForm},
		{cbor([]any{form("prim", "num.add")}), RuleForm},
		{bytes.Repeat([]byte{0x81}, 1<<20), codec.RuleDepth},
	} {
		_, err := decode(c.data)
		if err == nil || !strings.Contains(err.Error(), c.rule) || !strings.Contains(err.Error(), codec.CIDOf(c.data).String()) {
			t.Errorf("% x: got %v, want %q and the CID", c.data[:min(20, len(c.data))], err, c.rule)
		}
	}
	if v, err := DecodeForeign(codec.RawCID([]byte("abc")), []byte("abc"), nil); err != nil || string(v.Bytes()) != "abc" {
		t.Errorf("raw: got %v", err)
	}
}

func goldenNamed(name string) Value {
	for _, g := range goldenValues {
		if g.name == name {
			return g.v
		}
	}
	panic("BUG: no golden value " + name)
}

// randomValue makes values of all kinds, with a bias to the sizes where the layout changes.
func randomValue(r *rand.Rand, depth int) Value {
	k := r.IntN(14)
	if depth <= 0 {
		k = r.IntN(9)
	}
	size := func() int {
		switch r.IntN(20) {
		case 0:
			return 900 + r.IntN(300)
		case 1:
			return 32700 + r.IntN(200)
		case 2:
			return r.IntN(3000)
		}
		if r.IntN(60) == 0 {
			return r.IntN(150_000)
		}
		return r.IntN(20)
	}
	switch k {
	case 0:
		return Null()
	case 1:
		return Bool(r.IntN(2) == 0)
	case 2:
		return Int(int64(r.Uint64()) >> r.IntN(64))
	case 3:
		return Uint(r.Uint64())
	case 4:
		f := math.Float64frombits(r.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			f = 0
		}
		return Float(f)
	case 5:
		return Text(letters(size()))
	case 6:
		return BytesValue([]byte(letters(size())))
	case 7:
		return LinkValue(someCID)
	case 8:
		return BigInt(pow(-3, int64(r.IntN(3000))))
	case 9, 10:
		var b ListBuilder
		n := size()
		for range min(n, 8) {
			b.Add(randomValue(r, depth-1))
		}
		for i := b.Len(); i < n; i++ {
			b.Add(Int(int64(r.IntN(1000))))
		}
		return ListValue(b.List())
	case 11:
		return Tagged([]string{Lambda, "Some", "/"}[r.IntN(3)], randomValue(r, depth-1))
	default:
		var b MapBuilder
		n := size()
		for range min(n, 8) {
			b.Set(letters(r.IntN(12)), randomValue(r, depth-1))
		}
		for i := 8; i < n; i++ {
			b.Set(fmt.Sprint(r.Uint32()), Int(int64(i)))
		}
		return MapValue(b.Map())
	}
}

func TestRandomValues(t *testing.T) {
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { there(t, randomValue(rand.New(rand.NewPCG(seed, 9)), 4)) })
	}
}

// fuzzBlocks returns the golden values' blocks.
func fuzzBlocks() blockMap {
	blocks := blockMap{}
	for _, g := range goldenValues {
		if g.name != "nested 20000" {
			Encode(g.v, blocks)
		}
	}
	return blocks
}

func FuzzDecodeValue(f *testing.F) {
	blocks := fuzzBlocks()
	for _, g := range goldenValues {
		if enc := Encode(g.v, nil); len(enc) < 2000 {
			f.Add(enc)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeValue(data, blocks.load)
		if err != nil {
			return
		}
		if again := Encode(v, nil); !bytes.Equal(again, data) {
			t.Fatalf("% x decodes, but its value's encoding is % x", data, again)
		}
	})
}

func FuzzDecodeForeign(f *testing.F) {
	blocks := fuzzBlocks()
	for _, g := range goldenValues {
		if enc := Encode(g.v, nil); len(enc) < 2000 {
			f.Add(enc)
		}
	}
	f.Add([]byte{0xa2, 0x62, 'b', 'b', 0xf9, 0x3c, 0, 0x61, 'a', 0x3b, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeForeign(codec.CIDOf(data), data, blocks.load)
		if err != nil {
			return
		}
		out := blockMap{}
		enc := Encode(v, out)
		both := func(c cid.Cid) ([]byte, error) {
			if d, ok := out[c]; ok {
				return d, nil
			}
			return blocks.load(c)
		}
		w, err := DecodeValue(enc, both)
		if err != nil {
			t.Fatalf("% x: its value's encoding is refused: %v", data, err)
		}
		if !equal(v, w) {
			t.Fatalf("% x: decoding its value's encoding gives another value", data)
		}
	})
}

// The least int that is too long is known by its length and, of that length, by comparison.
func TestTooLong(t *testing.T) {
	least := new(big.Int).Exp(big.NewInt(10), big.NewInt(MaxDigits), nil)
	if least.BitLen() != digitBits {
		t.Errorf("got %d bits, want %d", digitBits, least.BitLen())
	}
	one := big.NewInt(1)
	for _, x := range []*big.Int{least, new(big.Int).Neg(least), new(big.Int).Lsh(one, digitBits)} {
		if !TooLong(x) {
			t.Errorf("an int of %d bits is not too long", x.BitLen())
		}
	}
	most := new(big.Int).Sub(least, one)
	if TooLong(most) || TooLong(new(big.Int).Neg(most)) || TooLong(new(big.Int)) || TooLongProduct(most, one) || !TooLongProduct(most, least) {
		t.Error("an int of MaxDigits digits is too long")
	}
}

func TestHeld(t *testing.T) {
	list := func(n int) Value {
		vals := make([]Value, n)
		for i := range vals {
			vals[i] = Int(int64(i))
		}
		return ListValue(ListOf(vals))
	}
	blocks := blockMap{}
	large, other, small := list(50_000), list(50_001), list(3)
	for _, v := range []Value{large, other, small} {
		b := EncodeCode(&Term{Op: OpLit, Value: v}, blocks)
		got, err := DecodeCode(b.CID, b.Data, blocks.load, Int(1), small, other, list(50_000), large)
		if err != nil {
			t.Fatal(err)
		}
		if !equal(got.Value, v) {
			t.Errorf("got another value than the one of %d", v.List().Len())
		}
		if same := got.Value == v; same != (v != small) {
			t.Errorf("the value held of %d: got %v", v.List().Len(), same)
		}
	}
}
