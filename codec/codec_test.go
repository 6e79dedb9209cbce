// This file tests the appenders and the Reader against each other and against go-ipld-prime.

package codec

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/quick"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/datamodel"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/multiformats/go-multihash"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const someCID = "01711220" + "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

// TestRefusal: the rule that each bad block breaks, strictly and leniently ("" where it is accepted).
func TestRefusal(t *testing.T) {
	for _, c := range []struct{ name, hex, strict, lenient string }{
		{"nothing", "", RuleTruncated, RuleTruncated},
		{"two items", "0101", RuleTrailing, RuleTrailing},
		{"an int cut short", "19 01", RuleTruncated, RuleTruncated},
		{"a text cut short", "62 61", RuleTruncated, RuleTruncated},
		{"a text said to be 2^64-1 long", "7bffffffffffffffff", RuleTruncated, RuleTruncated},
		{"a list said to be 2^63 long", "9b8000000000000000", RuleTruncated, RuleTruncated},
		{"a map said to be 2^63 long", "bb8000000000000000", RuleTruncated, RuleTruncated},
		{"a list cut short", "82 01", RuleTruncated, RuleTruncated},
		{"5 in one byte more", "18 05", RuleMinimal, RuleMinimal},
		{"23 in one byte more", "18 17", RuleMinimal, RuleMinimal},
		{"24", "18 18", "", ""},
		{"255 in two bytes", "19 00ff", RuleMinimal, RuleMinimal},
		{"65535 in four bytes", "1a 0000ffff", RuleMinimal, RuleMinimal},
		{"2^32-1 in eight bytes", "1b 00000000ffffffff", RuleMinimal, RuleMinimal},
		{"-6 in one byte more", "38 05", RuleMinimal, RuleMinimal},
		{"a text's length in one byte more", "78 01 61", RuleMinimal, RuleMinimal},
		{"a list's length in one byte more", "98 01 01", RuleMinimal, RuleMinimal},
		{"a map's length in one byte more", "b8 01 61 61 01", RuleMinimal, RuleMinimal},
		{"an indefinite list", "9f 01 ff", RuleIndefinite, RuleIndefinite},
		{"an indefinite map", "bf 61 61 01 ff", RuleIndefinite, RuleIndefinite},
		{"an indefinite text", "7f 61 61 ff", RuleIndefinite, RuleIndefinite},
		{"indefinite bytes", "5f 41 61 ff", RuleIndefinite, RuleIndefinite},
		{"a break", "ff", RuleIndefinite, RuleIndefinite},
		{"a reserved head", "1c", RuleReserved, RuleReserved},
		{"undefined", "f7", RuleUndefined, RuleUndefined},
		{"simple 16", "f0", RuleSimple, RuleSimple},
		{"simple 255", "f8 ff", RuleSimple, RuleSimple},
		{"a half float", "f9 3c00", RuleFloatSize, ""},
		{"a single float", "fa 3f800000", RuleFloatSize, ""},
		{"a double", "fb 3ff0000000000000", "", ""},
		{"NaN", "fb 7ff8000000000000", RuleFinite, RuleFinite},
		{"infinity", "fb fff0000000000000", RuleFinite, RuleFinite},
		{"half NaN", "f9 7e00", RuleFloatSize, RuleFinite},
		{"half infinity", "f9 7c00", RuleFloatSize, RuleFinite},
		{"single infinity", "fa 7f800000", RuleFloatSize, RuleFinite},
		{"negative zero", "fb 8000000000000000", RuleNegZero, ""},
		{"-2^63", "3b 7fffffffffffffff", "", ""},
		{"-2^63-1", "3b 8000000000000000", RuleIntRange, ""},
		{"-2^64", "3b ffffffffffffffff", RuleIntRange, ""},
		{"2^64-1", "1b ffffffffffffffff", "", ""},
		{"tag 1", "c1 01", RuleTag, RuleTag},
		{"tag 2", "c2 41 01", RuleTag, RuleTag},
		{"tag 43", "d8 2b 41 00", RuleTag, RuleTag},
		{"tag 42 in two bytes", "d9 002a 5825 00" + someCID, RuleTag, RuleTag},
		{"a link", "d8 2a 5825 00" + someCID, "", ""},
		{"tag 42 of a text", "d8 2a 61 61", RuleLink, RuleLink},
		{"a link without its zero", "d8 2a 5824" + someCID, RuleLink, RuleLink},
		{"a link to nothing", "d8 2a 41 00", RuleLink, RuleLink},
		{"a link with a byte more", "d8 2a 5826 00" + someCID + "00", RuleLink, RuleLink},
		{"a link with a digest cut short", "d8 2a 5824 00" + someCID[:70], RuleLink, RuleLink},
		{"a link whose tag ends the data", "d8 2a", RuleLink, RuleLink},
		{"invalid UTF-8", "61 ff", RuleUTF8, RuleUTF8},
		{"a surrogate in UTF-8", "63 eda080", RuleUTF8, RuleUTF8},
		{"an overlong UTF-8", "62 c080", RuleUTF8, RuleUTF8},
		{"invalid UTF-8 in a key", "a1 61 ff 01", RuleUTF8, RuleUTF8},
		{"an int as a key", "a1 01 01", RuleKey, RuleKey},
		{"bytes as a key", "a1 41 61 01", RuleKey, RuleKey},
		{"keys in order", "a3 6161 01 6162 02 626161 03", "", ""},
		{"keys in bytewise order", "a2 626161 01 6162 02", RuleOrder, ""},
		{"keys out of order", "a2 6162 01 6161 02", RuleOrder, ""},
		{"the same key twice", "a2 6161 01 6161 02", RuleDuplicate, RuleDuplicate},
		{"the same key twice, apart", "a3 6162 01 6161 02 6162 03", RuleOrder, RuleDuplicate},
		{"1024 lists in each other", strings.Repeat("81", 1024) + "01", "", ""},
		{"1025 lists in each other", strings.Repeat("81", 1025) + "01", RuleDepth, RuleDepth},
		{"a million lists in each other", strings.Repeat("81", 1000000) + "01", RuleDepth, RuleDepth},
	} {
		data := unhex(t, c.hex)
		for _, mode := range []struct {
			strict bool
			want   string
		}{{true, c.strict}, {false, c.lenient}} {
			err := Check(data, mode.strict)
			got := ""
			var e *Error
			if errors.As(err, &e) {
				got = e.Rule
			} else if err != nil {
				t.Fatalf("%s: got an error of another type: %v", c.name, err)
			}
			if got != mode.want {
				t.Errorf("%s, strict %v: got %q, want %q", c.name, mode.strict, got, mode.want)
			}
		}
	}
}

func TestInts(t *testing.T) {
	for _, s := range []string{"0", "1", "23", "24", "255", "256", "65535", "65536", "4294967295", "4294967296",
		"9223372036854775807", "9223372036854775808", "18446744073709551615",
		"-1", "-24", "-25", "-256", "-257", "-9223372036854775808", "-9223372036854775809", "-18446744073709551616"} {
		want, _ := new(big.Int).SetString(s, 10)
		var data []byte
		switch {
		case want.IsInt64():
			data = AppendInt(nil, want.Int64())
		case want.IsUint64():
			data = AppendUint(nil, want.Uint64())
		default:
			data = AppendNegInt(nil, new(big.Int).Not(want).Uint64())
		}
		i, large, err := NewReader(data, false).Int()
		if err != nil {
			t.Fatal(s, err)
		}
		got := large
		if large == nil {
			got = big.NewInt(i)
		} else if large.IsInt64() {
			t.Errorf("%s: got a big int, want a small one", s)
		}
		if got.Cmp(want) != 0 {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float64{0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 1: math.Ldexp(1, -24), 0x0400: math.Ldexp(1, -14), 0x3555: 0.333251953125} {
		got, err := NewReader([]byte{0xf9, byte(bits >> 8), byte(bits)}, false).Float()
		if err != nil || got != want {
			t.Errorf("%04x: got %v, %v, want %v", bits, got, err, want)
		}
	}
}

func TestFloatHasOneZero(t *testing.T) {
	if got, want := AppendFloat(nil, math.Copysign(0, -1)), AppendFloat(nil, 0); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestKinds(t *testing.T) {
	r := NewReader(AppendInt(nil, 5), true)
	if _, err := r.Text(); err == nil || !strings.Contains(err.Error(), "got int, want a text") {
		t.Errorf("got %v", err)
	}
	if i, _, err := r.Int(); err != nil || i != 5 {
		t.Errorf("an error moved the reader: got %d, %v", i, err)
	}
	if _, err := NewReader(AppendInt(nil, 300), true).Small(255); err == nil {
		t.Error("300 passed for an int up to 255")
	}
}

// TestCID holds the short cut to go-cid's own way.
func TestCID(t *testing.T) {
	data := []byte("hello")
	for code, got := range map[uint64]cid.Cid{cid.DagCBOR: CIDOf(data), cid.Raw: RawCID(data)} {
		want, err := cid.Prefix{Version: 1, Codec: code, MhType: multihash.SHA2_256, MhLength: -1}.Sum(data)
		if err != nil || got != want || got.String() != want.String() {
			t.Errorf("got %s, want %s", got, want)
		}
		again, err := castCID(got.Bytes())
		if err != nil || again != want {
			t.Errorf("got %s, %v, want %s", again, err, want)
		}
	}
}

// randomNode makes a node of everything that has a canonical form.
func randomNode(rnd *rand.Rand, depth int) datamodel.Node {
	kinds := 10
	if depth == 0 {
		kinds = 8
	}
	switch rnd.IntN(kinds) {
	case 0:
		return datamodel.Null
	case 1:
		return basicnode.NewBool(rnd.IntN(2) == 0)
	case 2:
		return basicnode.NewInt(int64(rnd.Uint64()) >> rnd.IntN(64))
	case 3:
		return basicnode.NewUint(rnd.Uint64() | 1<<63)
	case 4:
		f := math.Float64frombits(rnd.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			f = 0
		}
		return basicnode.NewFloat(f)
	case 5:
		return basicnode.NewString(randomText(rnd))
	case 6:
		return basicnode.NewBytes([]byte(randomText(rnd)))
	case 7:
		c := CIDOf([]byte(randomText(rnd)))
		switch rnd.IntN(4) {
		case 0:
			c = RawCID(nil)
		case 1:
			c = cid.NewCidV0(c.Hash())
		case 2:
			mh, _ := multihash.Sum([]byte(randomText(rnd)), multihash.IDENTITY, -1)
			c = cid.NewCidV1(cid.Raw, mh)
		}
		return basicnode.NewLink(cidlink.Link{Cid: c})
	case 8:
		nb := basicnode.Prototype.List.NewBuilder()
		la, _ := nb.BeginList(0)
		for range rnd.IntN(30) {
			la.AssembleValue().AssignNode(randomNode(rnd, depth-1))
		}
		la.Finish()
		return nb.Build()
	}
	nb := basicnode.Prototype.Map.NewBuilder()
	ma, _ := nb.BeginMap(0)
	seen := map[string]bool{}
	for range rnd.IntN(30) {
		if key := randomText(rnd); !seen[key] {
			seen[key] = true
			ma.AssembleKey().AssignString(key)
			ma.AssembleValue().AssignNode(randomNode(rnd, depth-1))
		}
	}
	ma.Finish()
	return nb.Build()
}

func randomText(rnd *rand.Rand) string {
	n := rnd.IntN(5)
	if rnd.IntN(20) == 0 {
		n = rnd.IntN(400)
	}
	b := make([]rune, n)
	for i := range b {
		b[i] = []rune("abλ😀\x00\n/")[rnd.IntN(7)]
	}
	return string(b)
}

// TestAgrees: the appenders write what go-ipld-prime writes, byte for byte, and the Reader reads it back alike.
func TestAgrees(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		n := randomNode(rnd, 3)
		var b bytes.Buffer
		if err := dagcbor.Encode(n, &b); err != nil {
			t.Fatal(err)
		}
		got, err := AppendNode(nil, n)
		if err != nil || !bytes.Equal(got, b.Bytes()) {
			t.Fatalf("got %x, %v\nwant %x", got, err, b.Bytes())
		}
		agree(t, got)
		back, err := DecodeNode(DagCBOR, got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := AppendNode(nil, back); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%x\nread and written again is\n%x, %v", got, again, err)
		}
	}
}

// agree says that data, if it is canonical, is what go-ipld-prime reads and writes again.
func agree(t *testing.T, data []byte) {
	t.Helper()
	if Check(data, true) != nil {
		return
	}
	if err := Check(data, false); err != nil {
		t.Fatalf("%x: strictly right, leniently %v", data, err)
	}
	nb := basicnode.Prototype.Any.NewBuilder()
	if err := dagcbor.Decode(nb, bytes.NewReader(data)); err != nil {
		t.Fatalf("%x: go-ipld-prime refuses it: %v", data, err)
	}
	var b bytes.Buffer
	if err := dagcbor.Encode(nb.Build(), &b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), data) {
		t.Fatalf("%x\ngo-ipld-prime writes it as\n%x", data, b.Bytes())
	}
	got, err := AppendNode(nil, nb.Build())
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%x\nis written as\n%x, %v", data, got, err)
	}
}

func TestBridge(t *testing.T) {
	data := unhex(t, "a2 6161 01 6162 82 02 d82a582500"+someCID)
	n, err := NewNode(data)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := dagcbor.Encode(n, &b); err != nil || !bytes.Equal(b.Bytes(), data) {
		t.Fatalf("got %x, %v", b.Bytes(), err)
	}
	nb := Prototype{}.NewBuilder()
	if err := dagcbor.Decode(nb, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	back, ok := nb.Build().(*Node)
	if !ok || !bytes.Equal(back.Data(), data) || !datamodel.DeepEqual(back, n) {
		t.Errorf("got %v, want the node that was written", back)
	}
	unsorted := unhex(t, "a2 6162 01 6161 02")
	if err := dagcbor.Decode(Prototype{}.NewBuilder(), bytes.NewReader(unsorted)); err == nil {
		t.Error("the strict prototype read unsorted keys")
	}
	if _, err := DecodeNode(DagCBOR, unsorted); err != nil {
		t.Errorf("foreign data with unsorted keys: %v", err)
	}
}

// TestWideInts reads ints of DAG-JSON that an int64 cannot hold. Each text is written in the order of its keys.
func TestWideInts(t *testing.T) {
	for _, text := range []string{
		`18446744073709551615`, `-9223372036854775809`, `123456789012345678901234567890`,
		`[9223372036854775807,9223372036854775808,-9223372036854775808,0,1.5,-18446744073709551616]`,
		`{"\\":9223372036854775808,"\"12345678901234567890":[1,{"a":-12345678901234567890,"b":"\\\"12345678901234567890"},1e+21],"c":{"/":{"bytes":"AQID"}},"d":2}`,
	} {
		n, err := DecodeNode(DagJSON, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var ints []string
		var visit func(n datamodel.Node)
		visit = func(n datamodel.Node) {
			switch n.Kind() {
			case datamodel.Kind_Map:
				for it := n.MapIterator(); !it.Done(); {
					_, v, _ := it.Next()
					visit(v)
				}
			case datamodel.Kind_List:
				for it := n.ListIterator(); !it.Done(); {
					_, v, _ := it.Next()
					visit(v)
				}
			case datamodel.Kind_Float:
				f, _ := n.AsFloat()
				ints = append(ints, strconv.FormatFloat(f, 'g', -1, 64))
			case datamodel.Kind_Int:
				if wide, ok := n.(*WideInt); ok {
					ints = append(ints, wide.Decimal())
				} else if u, ok := n.(datamodel.UintNode); ok {
					i, _ := u.AsUint()
					ints = append(ints, strconv.FormatUint(i, 10))
				} else {
					i, _ := n.AsInt()
					ints = append(ints, strconv.FormatInt(i, 10))
				}
			}
		}
		visit(n)
		want := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(text, "")
		if want := regexp.MustCompile(`[-0-9.e+]+`).FindAllString(want, -1); !slices.Equal(ints, want) {
			t.Errorf("%s: got %v, want %v", text, ints, want)
		}
	}
	c := RawCID([]byte("x"))
	if found, err := Links(DagJSON, []byte(`[12345678901234567890,{"/":"`+c.String()+`"}]`)); err != nil || len(found) != 1 || found[0] != c {
		t.Errorf("links: got %v, %v", found, err)
	}
	for _, text := range []string{`012345678901234567890`, `--12345678901234567890`, `12345678901234567890-`, `[12345678901234567890`, `"12345678901234567890`, `12345678901234567890"\`, `-`} {
		if n, err := DecodeNode(DagJSON, []byte(text)); err == nil {
			t.Errorf("%s: got %v, want an error", text, n)
		}
	}
}

// TestGaps holds the gaps of go-ipld-prime's decoder that DecodeNode closes, or the node it makes; if one of these fails in its first half,
// go-ipld-prime has closed it itself.
func TestGaps(t *testing.T) {
	for name, hex := range map[string]string{"-2^64": "3bffffffffffffffff", "undefined": "f7", "invalid UTF-8": "61ff", "a tag": "c101"} {
		data := unhex(t, hex)
		if err := dagcbor.Decode(basicnode.Prototype.Any.NewBuilder(), bytes.NewReader(data)); err != nil {
			t.Errorf("%s: go-ipld-prime refuses it: %v", name, err)
		}
		n, err := DecodeNode(DagCBOR, data)
		if low, ok := n.(*WideInt); ok {
			if low.Decimal() != "-18446744073709551616" {
				t.Errorf("%s: got %v", name, low.Decimal())
			}
			_, err = low.AsInt()
		}
		if err == nil {
			t.Errorf("%s: got %v, want an error", name, n)
		}
	}
	if _, err := EncodeNode(DagCBOR, basicnode.NewFloat(math.NaN())); err == nil {
		t.Error("NaN was written")
	}
	if _, err := EncodeNode(DagCBOR, basicnode.NewString("\xff")); err == nil {
		t.Error("invalid UTF-8 was written")
	}
	if n, err := DecodeNode(DagJSON, []byte("\"\xff\"")); err == nil {
		t.Errorf("got %v, want an error", n)
	}
	if _, err := DecodeNode(0x78, nil); !errors.Is(err, ErrUnknownCodec) {
		t.Errorf("got %v, want %v", err, ErrUnknownCodec)
	}
}

func TestLinks(t *testing.T) {
	a, b := CIDOf([]byte("a")), RawCID([]byte("b"))
	data := AppendArray(nil, 3)
	data = AppendLink(data, a)
	data = AppendLink(AppendText(AppendMap(data, 1), "x"), b)
	data = AppendLink(data, a)
	got, err := Links(DagCBOR, data)
	if err != nil || len(got) != 3 || got[0] != a || got[1] != b || got[2] != a {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = Links(DagJSON, []byte(`{"x":[{"/":"`+b.String()+`"}]}`))
	if err != nil || len(got) != 1 || got[0] != b {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := Links(RawCode, data); err != nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Links(DagCBOR, append(data, 1)); err == nil {
		t.Error("trailing bytes passed")
	}
	mh, _ := multihash.Sum(data, multihash.IDENTITY, -1)
	if inline, ok := Inline(cid.NewCidV1(cid.DagCBOR, mh)); !ok || !bytes.Equal(inline, data) {
		t.Errorf("got %x, %v", inline, ok)
	}
	if _, ok := Inline(a); ok {
		t.Error("a sha2-256 CID passed for an identity one")
	}
}

func TestLessKey(t *testing.T) {
	law := func(a, b string) bool {
		want := bytes.Compare(AppendText(nil, a), AppendText(nil, b)) < 0
		return LessKey(a, b) == want
	}
	if err := quick.Check(law, nil); err != nil {
		t.Error(err)
	}
}

func TestOnly(t *testing.T) {
	r := NewReader(AppendInt(AppendText(AppendMap(nil, 1), "λ"), 7), true)
	if r.Only("x") || !r.Only("λ") {
		t.Fatal("the key λ was not found")
	}
	if i, _, err := r.Int(); i != 7 || err != nil {
		t.Errorf("got %d, %v", i, err)
	}
}

func FuzzReader(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		data, err := AppendNode(nil, randomNode(rnd, 3))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(unhex(f, "3bffffffffffffffff"))
	f.Add(unhex(f, "a2 6162 01 6161 f93c00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		agree(t, data)
		if Check(data, false) == nil {
			if n, err := DecodeNode(DagCBOR, data); err == nil {
				// What is read leniently has a canonical form, and only one.
				canonical, err := AppendNode(nil, n)
				if err != nil && err.Error() == RuleIntRange {
					return // an int that only values can hold
				}
				if err != nil {
					t.Fatalf("%x: %v", data, err)
				}
				if err := Check(canonical, true); err != nil {
					t.Fatalf("%x: written as %x: %v", data, canonical, err)
				}
			}
		}
		Links(DagCBOR, data)
		Links(DagPB, data)
		Links(DagJSON, data)
		for _, strict := range []bool{true, false} {
			everyCall(NewReader(data, strict))
		}
	})
}

// everyCall reads as a careless caller would: each call at each offset.
func everyCall(r *Reader) {
	for start := 0; start <= len(r.data) && start < 64; start++ {
		for _, read := range []func() error{
			r.Null, r.Skip, r.Done,
			func() error { _, err := r.Bool(); return err },
			func() error { _, _, err := r.Int(); return err },
			func() error { _, err := r.Float(); return err },
			func() error { _, err := r.Text(); return err },
			func() error { _, err := r.Bytes(); return err },
			func() error { _, err := r.Link(); return err },
			func() error { _, err := r.Array(); return err },
			func() error { _, err := r.Map(); return err },
			func() error { _, err := r.Key("a", false); return err },
			func() error { r.Only("λ"); return nil },
		} {
			r.off = start
			if read() != nil && r.off != start {
				panic("an error moved the reader")
			}
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		n := randomNode(rand.New(rand.NewPCG(a, b)), 2)
		var want bytes.Buffer
		if err := dagcbor.Encode(n, &want); err != nil {
			t.Fatal(err)
		}
		if got, err := AppendNode(nil, n); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("got %x, %v\nwant %x", got, err, want.Bytes())
		}
	})
}

// appNode is {"app": [link, link, 5]}.
func appNode(dst []byte, c cid.Cid) []byte {
	dst = AppendArray(AppendText(AppendMap(dst, 1), "app"), 3)
	return AppendInt(AppendLink(AppendLink(dst, c), c), 5)
}

func BenchmarkAppend(b *testing.B) {
	c := CIDOf(nil)
	dst := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		dst = appNode(dst[:0], c)
	}
}

func BenchmarkAppendPrime(b *testing.B) {
	n, err := DecodeNode(DagCBOR, appNode(nil, CIDOf(nil)))
	if err != nil {
		b.Fatal(err)
	}
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		dagcbor.Encode(n, &buf)
	}
}

func BenchmarkRead(b *testing.B) {
	data := appNode(nil, CIDOf(nil))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(data, true)
		r.Only("app")
		r.Array()
		r.Link()
		r.Link()
		r.Int()
		if err := r.Done(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	data := appNode(nil, CIDOf(nil))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(data, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadPrime(b *testing.B) {
	data := appNode(nil, CIDOf(nil))
	b.ReportAllocs()
	for b.Loop() {
		if err := dagcbor.Decode(basicnode.Prototype.Any.NewBuilder(), bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCIDOf(b *testing.B) {
	data := appNode(nil, CIDOf(nil))
	b.ReportAllocs()
	for b.Loop() {
		CIDOf(data)
	}
}
