// This file tests files and directories of UnixFS as values.

package graph

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
)

// pb appends a field of protobuf.
func pb(dst []byte, field byte, x any) []byte {
	switch x := x.(type) {
	case int:
		return binary.AppendUvarint(append(dst, field<<3), uint64(x))
	case []byte:
		return append(binary.AppendUvarint(append(dst, field<<3|2), uint64(len(x))), x...)
	}
	return pb(dst, field, []byte(x.(string)))
}

// A pbLink is a link of a block of DAG-PB.
type pbLink struct {
	name string
	c    cid.Cid
}

// dagPB puts a block of DAG-PB.
func (s *shelf) dagPB(data []byte, links ...pbLink) cid.Cid {
	var block []byte
	for _, l := range links {
		block = pb(block, 2, pb(pb(pb(nil, 1, l.c.Bytes()), 2, l.name), 3, 1))
	}
	block = pb(block, 1, data)
	c, err := cid.Prefix{Version: 1, Codec: codec.DagPB, MhType: 0x12, MhLength: 32}.Sum(block)
	if err != nil {
		panic(err)
	}
	s.blocks[c] = block
	return c
}

func (s *shelf) raw(data []byte) cid.Cid {
	c := codec.RawCID(data)
	s.blocks[c] = data
	return c
}

// part puts a part of a file: its own bytes, then those of other parts.
func (s *shelf) part(own []byte, sizes []int, kids ...cid.Cid) cid.Cid {
	data, sum := pb(nil, 1, 2), len(own)
	if len(own) > 0 {
		data = pb(data, 2, own)
	}
	for _, n := range sizes {
		sum += n
	}
	data = pb(data, 3, sum)
	for _, n := range sizes {
		data = pb(data, 4, n)
	}
	var links []pbLink
	for _, k := range kids {
		links = append(links, pbLink{"", k})
	}
	return s.dagPB(data, links...)
}

// randomFile puts a file of n bytes in blocks of any shape.
func (s *shelf) randomFile(r *rand.Rand, content []byte, depth int) cid.Cid {
	if depth == 0 || len(content) < 10 || r.IntN(8) == 0 {
		if r.IntN(2) == 0 {
			return s.raw(content)
		}
		return s.part(content, nil)
	}
	own := r.IntN(2) * r.IntN(len(content)/4+1)
	head, rest := content[:own], content[own:]
	var sizes []int
	var kids []cid.Cid
	for len(rest) > 0 {
		n := min(len(rest), 1+r.IntN(len(content)))
		kids, sizes = append(kids, s.randomFile(r, rest[:n], depth-1)), append(sizes, n)
		if rest = rest[n:]; r.IntN(4) == 0 {
			kids, sizes = append(kids, s.raw(nil)), append(sizes, 0)
		}
	}
	return s.part(head, sizes, kids...)
}

// look is what a link to c finds.
func (s *shelf) look(c cid.Cid) (Value, error) {
	return (&Far{Load: s.load, Writer: s.w}).DecodeUnixFS(c, s.blocks[c])
}

// TestFileBytes compares files in blocks of any shape with the same bytes made here.
func TestFileBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		content := make([]byte, r.IntN(1<<(4+i%18)))
		rand.NewChaCha8([32]byte{byte(i)}).Read(content)
		if i%3 == 0 {
			clear(content[len(content)/3:])
		}
		s, made := newShelf(), newShelf()
		c := s.randomFile(r, content, 1+i%6)
		file := func() Value {
			v, err := s.look(c)
			if err != nil || v.Kind() != KindBytes || v.BytesLen() != len(content) {
				t.Fatalf("file %d: got %v %v", i, v.Kind(), err)
			}
			return v
		}
		v := file()
		for range 20 {
			a := r.IntN(len(content) + 1)
			b := a + r.IntN(len(content)-a+1)
			if got := v.BytesAt(a, b); !bytes.Equal(got, content[a:b]) {
				t.Fatalf("file %d: the bytes from %d to %d are others", i, a, b)
			}
		}
		if got := file().Bytes(); !bytes.Equal(got, content) {
			t.Fatalf("file %d: other bytes", i)
		}
		blocks := maps.Clone(s.blocks)
		want := made.w.Encode(nil, BytesValue(content))
		if got := s.w.Encode(nil, file()); !bytes.Equal(got, want) {
			t.Fatalf("file %d of %d bytes: encoded as\n%x, want\n%x", i, len(content), got, want)
		}
		maps.DeleteFunc(s.blocks, func(c cid.Cid, _ []byte) bool {
			_, before := blocks[c]
			return before && made.blocks[c] == nil
		})
		if !maps.EqualFunc(s.blocks, made.blocks, bytes.Equal) {
			t.Fatalf("file %d: got %d blocks, want %d", i, len(s.blocks), len(made.blocks))
		}
	}
}

// TestFileTouches counts the blocks that looking at a file of 3 GiB loads.
func TestFileTouches(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("no bytes are so long here")
	}
	s := newShelf()
	leaf := random(1 << 20).Bytes()
	kids, sizes := slices.Repeat([]cid.Cid{s.raw(leaf)}, 1024), slices.Repeat([]int{1 << 20}, 1024)
	gib := s.part(nil, sizes, kids...)
	root := s.part(nil, []int{1 << 30, 1 << 30, 1 << 30}, gib, gib, gib)
	v, err := s.look(root)
	if err != nil || s.loads > 0 || int64(v.BytesLen()) != 3<<30 {
		t.Fatalf("got %d blocks loaded, %v", s.loads, err)
	}
	const middle = 3<<29 + 12345
	for _, most := range []int{2, 0} { // the second time the part is there
		s.loads = 0
		if got := v.BytesAt(middle, middle+100); !bytes.Equal(got, leaf[12345:12445]) || s.loads > most {
			t.Errorf("a slice loads %d blocks, want at most %d", s.loads, most)
		}
	}
	s.loads = 0
	if got := v.BytesAt(1<<30-10, 1<<30+10); !bytes.Equal(got, slices.Concat(leaf[len(leaf)-10:], leaf[:10])) || s.loads > 4 {
		t.Errorf("a slice over two parts loads %d blocks", s.loads)
	}
	tooMuch := errors.New("too much")
	v, err = (&Far{Load: s.load, Afford: func(n int64) error { return fmt.Errorf("%w: %d", tooMuch, n) }}).DecodeUnixFS(root, s.blocks[root])
	if err == nil {
		func() {
			defer CatchLoad(&err)
			v.Bytes()
		}()
	}
	if !errors.Is(err, tooMuch) || !strings.Contains(err.Error(), root.String()) {
		t.Errorf("got %v, want that it is too much", err)
	}
}

// TestHostileFileValues looks at files, directories and symlinks that nobody makes who means well: an error that names the block, soon.
func TestHostileFileValues(t *testing.T) {
	s := newShelf()
	five := s.raw([]byte("12345"))
	data := codec.CIDOf([]byte{0x80})
	s.blocks[data] = []byte{0x80}
	folder := s.dagPB(pb(nil, 1, 1))
	cut := s.part(nil, []int{5, 7}, five, five)
	deep := five
	for range maxFileDepth + 1 {
		deep = s.part(nil, []int{5}, deep)
	}
	huge := s.part(nil, []int{math.MaxInt - 100}, five)
	gone := codec.RawCID([]byte("gone"))
	for _, c := range []struct {
		name  string
		root  cid.Cid
		names cid.Cid
		text  string
	}{
		{"a part that is smaller", cut, five, "a part of 5 bytes in the place of one of 7"},
		{"nearly 2^63 bytes", huge, five, "a part of 5 bytes"},
		{"a directory within", s.part(nil, []int{5}, folder), folder, "a directory or symlink within a file"},
		{"data within", s.part(nil, []int{1}, data), data, "not UnixFS"},
		{"a part that is gone", s.part(nil, []int{4}, gone), gone, "not found"},
		{"blocks above each other", deep, deep, "more than 256 blocks"},
		{"a size that is wrong", s.dagPB(pb(pb(nil, 1, 2), 3, 7)), cid.Undef, "says it has 7 bytes"},
		{"sizes beyond any file", s.dagPB(pb(pb(pb(nil, 1, 2), 4, math.MaxInt), 4, math.MaxInt), pbLink{"", five}, pbLink{"", five}), cid.Undef, "larger than any file"},
		{"a symlink that is no text", s.dagPB(pb(pb(nil, 1, 4), 2, "\xff")), cid.Undef, "a symlink to"},
		{"a name that is no text", s.dagPB(pb(nil, 1, 1), pbLink{"a\xff", five}), cid.Undef, "is not UTF-8"},
		{"a name that comes twice", s.dagPB(pb(nil, 1, 1), pbLink{"a", five}, pbLink{"a", five}), cid.Undef, "two entries"},
		{"a shard of nothing", s.dagPB(pb(nil, 1, 5)), cid.Undef, "the fanout 0"},
		{"metadata", s.dagPB(pb(nil, 1, 3)), cid.Undef, "the type Metadata"},
		{"a type to come", s.dagPB(pb(nil, 1, 9)), cid.Undef, "the type 9"},
	} {
		if !c.names.Defined() {
			c.names = c.root
		}
		began := time.Now()
		v, err := s.look(c.root)
		if err == nil {
			func() {
				defer CatchLoad(&err)
				n := v.BytesLen()
				v.BytesAt(n/2, min(n, n/2+100))
				v.BytesAt(0, n)
			}()
		}
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), c.names.String()) {
			t.Errorf("%s: got %v, want %q of %s", c.name, err, c.text, c.names)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
	}
	for name, c := range map[string]cid.Cid{
		"no data": s.dagPB(nil), "other data": s.dagPB([]byte("\xff\xff\xff")), "a file without a type": s.dagPB(pb(nil, 2, "x")), "DAG-CBOR": data,
	} {
		if _, err := s.look(c); !errors.Is(err, ErrNotUnixFS) {
			t.Errorf("%s: got %v, want that it is not UnixFS", name, err)
		}
	}
	for name, sizes := range map[string][]byte{ // as protobuf's own readers do
		"packed sizes":         pb(pb(nil, 1, 2), 4, []byte{2, 3}),
		"a type that is twice": pb(pb(pb(pb(nil, 1, 1), 1, 2), 4, 2), 4, 3),
		"unknown fields":       pb(pb(pb(pb(nil, 1, 2), 4, 2), 4, 3), 15, "x"),
	} {
		c := s.dagPB(sizes, pbLink{"", s.raw([]byte("ab"))}, pbLink{"", s.raw([]byte("cde"))})
		if v, err := s.look(c); err != nil || string(v.Bytes()) != "abcde" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestLookupSharded compares the lookup of a name with the whole directory, of shards of two sizes.
func TestLookupSharded(t *testing.T) {
	s := newShelf()
	target := s.raw([]byte("x"))
	for _, fanout := range []int{8, 256} {
		// shard makes the shard of the names, whose hashes have used bits behind them.
		var shard func(names []string, used int) cid.Cid
		shard = func(names []string, used int) cid.Cid {
			width, digits := 8, 2
			if fanout == 8 {
				width, digits = 3, 1
			}
			slots := map[int][]string{}
			for _, n := range names {
				slot := int(nameHash(n) >> (hashBits - used - width) & uint64(fanout-1))
				slots[slot] = append(slots[slot], n)
			}
			bitmap := make([]byte, fanout/8)
			var links []pbLink
			for _, slot := range slices.Sorted(maps.Keys(slots)) {
				bitmap[len(bitmap)-1-slot/8] |= 1 << (slot % 8)
				l := pbLink{fmt.Sprintf("%0*X", digits, slot), target}
				if in := slots[slot]; len(in) == 1 {
					l.name += in[0]
				} else {
					l.c = shard(in, used+width)
				}
				links = append(links, l)
			}
			return s.dagPB(pb(pb(pb(pb(nil, 1, 5), 2, bitmap), 5, 0x22), 6, fanout), links...)
		}
		var names []string
		for i := range 3000 {
			names = append(names, fmt.Sprint("name ", i))
		}
		root := shard(names, 0)
		v, err := s.look(root)
		if err != nil || v.Kind() != KindMap || v.Map().Len() != len(names) {
			t.Fatalf("fanout %d: got %v", fanout, err)
		}
		most := 0
		for i := range 4000 {
			name := fmt.Sprint("name ", i)
			s.loads = 0
			got, ok, _, err := LookupSharded(root, name, s.load)
			want, there := v.Map().Get(name)
			if err != nil || ok != there || ok && got != want.Link() {
				t.Fatalf("fanout %d, %s: got %v %v %v", fanout, name, got, ok, err)
			}
			most = max(most, s.loads)
		}
		if fanout == 256 && most > 4 {
			t.Errorf("a lookup loads %d blocks", most)
		}
	}
}

// FuzzUnixFS reads blocks of any content over some that are there: what is read is what is laid out, and nothing panics but for a block
// that cannot be read.
func FuzzUnixFS(f *testing.F) {
	s := newShelf()
	ab, cde := s.raw([]byte("ab")), s.raw([]byte("cde"))
	file := s.part([]byte("x"), []int{2, 3, 0}, ab, cde, ab)
	for _, c := range []cid.Cid{
		file, s.part(nil, []int{6, 6}, file, file), s.dagPB(pb(nil, 1, 1), pbLink{"a", file}, pbLink{"b", ab}), s.dagPB(pb(pb(nil, 1, 4), 2, "to")),
		s.dagPB(pb(pb(pb(pb(nil, 1, 5), 2, "\x80"), 5, 0x22), 6, 8), pbLink{"7a", file}), s.dagPB([]byte("no UnixFS"), pbLink{"", ab}),
		s.dagPB(pb(pb(nil, 1, 2), 4, []byte{2, 3}), pbLink{"", ab}, pbLink{"", cde}),
	} {
		f.Add(s.blocks[c])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := cid.Prefix{Version: 1, Codec: codec.DagPB, MhType: 0x12, MhLength: 32}.Sum(data)
		if err != nil {
			t.Fatal(err)
		}
		v, err := (&Far{Load: s.load}).DecodeUnixFS(c, data)
		if err != nil || v.Kind() != KindBytes || v.BytesLen() > 1<<20 {
			return
		}
		defer CatchLoad(&err)
		n := v.BytesLen()
		half := slices.Clone(v.BytesAt(n/3, n/2))
		whole := v.Bytes()
		if len(whole) != n || !bytes.Equal(half, whole[n/3:n/2]) || !bytes.Equal(Encode(v, nil), Encode(BytesValue(whole), nil)) {
			t.Errorf("%x is read as %d and as %d bytes", data, n, len(whole))
		}
	})
}
