// This file tests CAR files, whole and hostile.

package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

func exported(t *testing.T, s *Store, root cid.Cid) []byte {
	t.Helper()
	var buf bytes.Buffer
	size, err := s.Export(bg, root, &buf)
	if err != nil {
		t.Fatal(err)
	}
	if size.Blocks == 0 || size.Bytes == 0 {
		t.Fatalf("exported %v", size)
	}
	return buf.Bytes()
}

// rested makes a fact that rests on others.
func rested(i int, uses ...fact) fact {
	f := makeFact(i, "own:1")
	var tr graph.Trace
	tr.Result = f.answer.Result
	for _, u := range uses {
		tr.Uses = append(tr.Uses, graph.Use{At: "app/1", Trace: u.answer.Trace})
	}
	b := graph.EncodeTrace(tr, graph.SinkFunc(func(b graph.Block) { f.blocks = append(f.blocks, b) }))
	f.answer.Trace = b.CID
	return f
}

// TestExportImport takes an answer from one store to another, where it is a claim, with all that it rests on.
func TestExportImport(t *testing.T) {
	from, to := open(t, t.TempDir()), open(t, t.TempDir())
	low := makeFact(1, "own:1")
	mid := rested(2, low)
	top := rested(3, mid, low)
	for _, f := range []fact{low, mid, top} {
		f.put(t, from)
	}
	data := exported(t, from, top.answer.Expr)
	if again := exported(t, from, top.answer.Expr); !bytes.Equal(data, again) {
		t.Error("two exports differ")
	}

	// Anybody's reader can read it.
	r, err := car.NewBlockReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Roots) != 3 || r.Roots[0] != top.answer.Expr || r.Roots[1] != top.answer.Result || r.Roots[2] != top.answer.Trace {
		t.Errorf("roots: got %v", r.Roots)
	}
	n := 0
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}

	got, err := to.Import(bg, bytes.NewReader(data), "a friend")
	if err != nil {
		t.Fatal(err)
	}
	if got.Blocks != n || got.Claims != 3 || got.Lacks.Defined() {
		t.Errorf("got %+v, want %d blocks and 3 claims, and nothing missing", got, n)
	}
	for _, f := range []fact{low, mid, top} { // what their values have in common is read once
		if !to.whole.has(f.answer.Result) {
			t.Errorf("it is not known that %s is there", f.answer.Result)
		}
	}
	for _, f := range []fact{low, mid, top} {
		want := f.answer
		want.By = "claim:a friend"
		if a, ok, err := to.Answer(bg, f.answer.Expr); !ok || err != nil || a != want {
			t.Errorf("got %v, %v, %v, want %v", a, ok, err, want)
		}
	}
	// What a machine found itself stays its own.
	if _, err := from.Import(bg, bytes.NewReader(data), "a friend"); err != nil {
		t.Fatal(err)
	}
	if a, _, _ := from.Answer(bg, top.answer.Expr); !a.Own() {
		t.Error("a claim replaced an own answer")
	}
}

func TestExportWithoutAnswer(t *testing.T) {
	s, to := open(t, t.TempDir()), open(t, t.TempDir())
	f := makeFact(1, "own:1")
	s.Put(bg, f.blocks...)
	data := exported(t, s, f.answer.Expr)
	got, err := to.Import(bg, bytes.NewReader(data), "x")
	if err != nil || len(got.Roots) != 1 || got.Claims != 0 || got.Blocks != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	// A Result that is exported itself is a claim too.
	data = exported(t, s, f.answer.Result)
	if got, err := to.Import(bg, bytes.NewReader(data), "x"); err != nil || got.Claims != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestExportMissing(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	s.Put(bg, f.blocks[1:]...)
	_, err := s.Export(bg, f.answer.Result, io.Discard)
	if !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), f.blocks[0].CID.String()) {
		t.Errorf("got %v, want one that names %s", err, f.blocks[0].CID)
	}
	if _, err := s.Export(bg, makeFact(9, "").answer.Expr, io.Discard); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestImportTruncated cuts a file at every byte: what was whole is kept, and the error says that it was cut.
func TestImportTruncated(t *testing.T) {
	from := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, from)
	data := exported(t, from, f.answer.Expr)
	to := open(t, t.TempDir())
	whole := 0
	for cut := 0; cut < len(data); cut++ {
		if cut > 400 && cut < len(data)-400 && cut%37 != 0 {
			continue
		}
		got, err := to.Import(bg, bytes.NewReader(data[:cut]), "x")
		switch {
		case err == nil:
			whole++ // between two blocks: only what it links to tells that more was to come, and what is missing is not claimed
			fresh := open(t, t.TempDir())
			if got, err := fresh.Import(bg, bytes.NewReader(data[:cut]), "x"); err != nil || got.Blocks == 5 || !got.Lacks.Defined() {
				t.Errorf("cut at %d: got %+v, %v", cut, got, err)
			} else if has, _ := from.Has(bg, got.Lacks); !has {
				t.Errorf("cut at %d: %s is said to be missing, which the file never had", cut, got.Lacks)
			}
		case errors.Is(err, ErrTruncated):
			if cut%37 == 0 {
				fresh := open(t, t.TempDir())
				got, _ := fresh.Import(bg, bytes.NewReader(data[:cut]), "x")
				if kept := len(blocksOf(t, fresh)); kept != got.Blocks || !strings.Contains(err.Error(), fmt.Sprintf("after %d whole ones", kept)) {
					t.Errorf("cut at %d: %d blocks are kept, %v", cut, kept, err)
				}
			}
		case got.Roots == nil: // in the header
		default:
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	if whole > 5 {
		t.Errorf("%d cuts were not noticed", whole)
	}
}

func TestImportWrong(t *testing.T) {
	from := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, from)
	data := exported(t, from, f.answer.Expr)
	at := bytes.Index(data, f.blocks[0].Data) + 100
	data[at] ^= 1
	to := open(t, t.TempDir())
	_, err := to.Import(bg, bytes.NewReader(data), "x")
	if !errors.Is(err, graph.ErrDamaged) || !strings.Contains(err.Error(), f.blocks[0].CID.String()) {
		t.Errorf("got %v, want one that names %s", err, f.blocks[0].CID)
	}
	if ok, _ := to.Has(bg, f.blocks[0].CID); ok {
		t.Error("a wrong block was kept")
	}
	header := func(roots ...cid.Cid) []byte {
		h := codec.AppendArray(codec.AppendText(codec.AppendMap(nil, 2), "roots"), len(roots))
		for _, r := range roots {
			h = codec.AppendLink(h, r)
		}
		return codec.AppendInt(codec.AppendText(h, "version"), 1)
	}
	file := func(sections ...[]byte) []byte {
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		for _, s := range sections {
			writeSection(w, s)
		}
		w.Flush()
		return b.Bytes()
	}
	weak, _ := cid.Prefix{Version: 1, Codec: cid.Raw, MhType: 0xd5, MhLength: 16}.Sum([]byte("x")) // md5
	if !weak.Defined() {
		weak, _ = cid.Prefix{Version: 1, Codec: cid.Raw, MhType: 0x22, MhLength: 4}.Sum([]byte("x")) // murmur3
	}
	big := block(codec.AppendBytes(nil, make([]byte, MaxBlock)))
	huge := codec.RawCID([]byte("huge"))
	ident, _ := cid.Prefix{Version: 1, Codec: cid.Raw, MhType: 0, MhLength: -1}.Sum([]byte("x"))
	good := append(f.blocks[2].CID.Bytes(), f.blocks[2].Data...)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not a CAR file"},
		{"text", []byte("this is no CAR file"), "not a CAR file"},
		{"huge header", []byte{0xff, 0xff, 0xff, 0xff, 0x7f}, "not a CAR file: invalid header data, length of read beyond allowable maximum"},
		{"header of no map", file([]byte{0x80}), "not a CAR file"},
		{"header cut", header(f.answer.Expr)[:20], "not a CAR file"},
		{"version 3", file(codec.AppendInt(codec.AppendText(codec.AppendMap(nil, 1), "version"), 3)), "not a CAR file: invalid car version: 3"},
		{"huge section of no CID", append(file(header(f.answer.Expr)), 0xff, 0xff, 0xff, 0xff, 0x7f), ErrTruncated.Error()},
		{"huge section", append(append(file(header(f.answer.Expr), good), 0xff, 0xff, 0xff, 0xff, 0x7f), huge.Bytes()...), "after 1 blocks: block " + huge.String() + " has 34359738331 bytes"},
		{"endless varint", append(file(header(f.answer.Expr), good), bytes.Repeat([]byte{0xff}, 20)...), "after 1 blocks: varint"},
		{"empty section", append(file(header(f.answer.Expr), good), 0), "after 1 blocks: "},
		{"no CID", file(header(f.answer.Expr), []byte("not a CID")), "after 0 blocks: "},
		{"weak hash", file(header(weak), append(weak.Bytes(), 'x')), "block " + weak.String()},
		{"large block", file(header(big.CID), append(big.CID.Bytes(), big.Data...)), "block " + big.CID.String()},
		{"inline block", file(header(ident), append(ident.Bytes(), 'y')), ident.String()},
		{"another's bytes", file(header(f.answer.Expr), append(f.blocks[3].CID.Bytes(), f.blocks[2].Data...)), f.blocks[3].CID.String()},
	} {
		got, err := to.Import(bg, bytes.NewReader(c.data), "x")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %+v, %v, want %s", c.name, got, err, c.want)
		}
	}
	// What is odd and not wrong: blocks twice, roots that are not there, none at all.
	for name, data := range map[string][]byte{
		"twice":    file(header(f.blocks[2].CID), good, good, good),
		"rootless": file(header(), good, good, good),
		"no root":  file(header(huge, f.blocks[2].CID), good, append(ident.Bytes(), 'x'), good),
	} {
		to := open(t, t.TempDir())
		if got, err := to.Import(bg, bytes.NewReader(data), "x"); err != nil || got.Blocks != 3 || len(blocksOf(t, to)) != 1 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	// A claim about one expression with the result of another, in a library.
	g := makeFact(2, "own:1")
	g.put(t, from)
	lib := Library{Results: map[cid.Cid]cid.Cid{f.answer.Expr: g.answer.Result}}
	p, err := from.PutLibrary(bg, lib)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Import(bg, bytes.NewReader(exported(t, from, p.Root)), "liar"); err == nil || !strings.Contains(err.Error(), "which it is not") {
		t.Errorf("a lying library: got %v", err)
	}
}

// TestCARv2 reads the other version too.
func TestCARv2(t *testing.T) {
	from, to := open(t, t.TempDir()), open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, from)
	v1 := exported(t, from, f.answer.Expr)
	var v2 bytes.Buffer
	if err := car.WrapV1(bytes.NewReader(v1), &v2); err != nil {
		t.Fatal(err)
	}
	data := v2.Bytes()
	if got, err := to.Import(bg, bytes.NewReader(data), "x"); err != nil || got.Claims != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	// Its header says where the blocks end, so no cut goes unnoticed; the index behind them is not read.
	for cut := range len(data) {
		whole := cut >= car.PragmaSize+car.HeaderSize+len(v1)
		got, err := to.Import(bg, bytes.NewReader(data[:cut]), "x")
		if whole != (err == nil) || err != nil && got.Roots != nil && !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d of %d: got %+v, %v", cut, len(data), got, err)
		}
	}
}

// TestDeepExport has a chain too deep for recursion and for selectors.
func TestDeepExport(t *testing.T) {
	s := open(t, t.TempDir())
	b := block(codec.AppendInt(nil, 0))
	s.Put(bg, b)
	const depth = 50000
	for range depth {
		b = block(codec.AppendLink(codec.AppendText(codec.AppendMap(nil, 1), "next"), b.CID))
		if err := s.Put(bg, b); err != nil {
			t.Fatal(err)
		}
	}
	if size, err := s.Export(bg, b.CID, io.Discard); err != nil || size.Blocks != depth+1 {
		t.Errorf("got %v, %v", size, err)
	}
}

func FuzzImport(f *testing.F) {
	s, err := Open(f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	a := makeFact(1, "own:1")
	a.put(f, s)
	p, err := s.Publish(bg, map[string]cid.Cid{"one": a.answer.Expr}, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, root := range []cid.Cid{a.answer.Expr, p.Root} {
		var buf bytes.Buffer
		if _, err := s.Export(bg, root, &buf); err != nil {
			f.Fatal(err)
		}
		var v2 bytes.Buffer
		car.WrapV1(bytes.NewReader(buf.Bytes()), &v2)
		f.Add(buf.Bytes())
		f.Add(v2.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := s.Import(bg, bytes.NewReader(data), "fuzz")
		if err == nil && got.Claims > 0 && len(got.Roots) == 0 {
			t.Error(fmt.Sprint("claims without roots: ", got))
		}
	})
}
