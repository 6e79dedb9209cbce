// This file tests paths through blocks of every codec, and closures.

package graph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	unixfs "github.com/ipfs/go-unixfsnode/data/builder"
	dagpb "github.com/ipld/go-codec-dagpb"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/linking"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/traversal"
	"github.com/multiformats/go-multihash"
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A shelf is a Memory that tests fill with blocks of every codec.
type shelf struct {
	*graph.Memory
	t *testing.T
}

func newShelf(t *testing.T) *shelf { return &shelf{graph.NewMemory(), t} }

// add puts DAG-JSON (see block) as DAG-CBOR.
func (s *shelf) add(json string) cid.Cid {
	s.t.Helper()
	data := block(s.t, json)
	s.Take(graph.Block{CID: codec.CIDOf(data), Data: data})
	return codec.CIDOf(data)
}

func (s *shelf) put(code uint64, data []byte) cid.Cid {
	s.t.Helper()
	c, err := cid.Prefix{Version: 1, Codec: code, MhType: multihash.SHA2_256, MhLength: -1}.Sum(data)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Take(graph.Block{CID: c, Data: data})
	return c
}

// links is a LinkSystem that also writes.
func (s *shelf) links() *linking.LinkSystem {
	ls := codec.LinkSystem(s.Load)
	ls.StorageWriteOpener = func(linking.LinkContext) (io.Writer, linking.BlockWriteCommitter, error) {
		var b bytes.Buffer
		return &b, func(l datamodel.Link) error {
			s.Take(graph.Block{CID: l.(cidlink.Link).Cid, Data: b.Bytes()})
			return nil
		}, nil
	}
	return &ls
}

// dir makes a UnixFS directory, sharded or not.
func (s *shelf) dir(sharded bool, entries map[string]cid.Cid) cid.Cid {
	s.t.Helper()
	var links []dagpb.PBLink
	for name, c := range entries {
		l, err := unixfs.BuildUnixFSDirectoryEntry(name, 10, cidlink.Link{Cid: c})
		if err != nil {
			s.t.Fatal(err)
		}
		links = append(links, l)
	}
	slices.SortFunc(links, func(a, b dagpb.PBLink) int {
		return strings.Compare(a.FieldName().Must().String(), b.FieldName().Must().String())
	})
	var l datamodel.Link
	var err error
	if sharded {
		l, _, err = unixfs.BuildUnixFSShardedDirectory(16, multihash.MURMUR3X64_64, links, s.links())
	} else {
		l, _, err = unixfs.BuildUnixFSDirectory(links, s.links())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return l.(cidlink.Link).Cid
}

func ref(c cid.Cid) string { return `{"/":"` + c.String() + `"}` }

// resolve returns what is at a path, as DAG-JSON.
func resolve(root cid.Cid, path string, load graph.Loader) (string, error) {
	found, err := graph.Resolve(context.Background(), root, graph.SplitPath(path), load)
	if err != nil {
		return "", err
	}
	b, err := codec.EncodeNode(codec.DagJSON, found.Node)
	return string(b), err
}

func TestResolve(t *testing.T) {
	s := newShelf(t)
	leaf := s.add(`{"deep":[10,{"x":"leaf"}]}`)
	jsonBlock := s.put(codec.DagJSON, []byte(`{"in json":[`+ref(leaf)+`]}`))
	raw := s.put(codec.RawCode, []byte("raw"))
	loose := s.put(codec.DagCBOR, []byte("\xa2\x61b\xf9\x3c\x00\x61a\x01")) // unsorted, half float
	plain := s.put(codec.DagPB, []byte("\x12\x2b\x0a\x24"+raw.KeyString()+"\x12\x01a\x18\x03\x0a\x04data"))
	small := s.dir(false, map[string]cid.Cid{"json": jsonBlock, "file": raw, "Links": raw})
	many := map[string]cid.Cid{"small": small}
	for i := range 500 {
		many[fmt.Sprint("entry ", i)] = s.add(fmt.Sprintf(`{"entry":%d}`, i))
	}
	large := s.dir(true, many)
	bare := s.add(ref(leaf))
	mh, _ := multihash.Sum([]byte("\xa1\x61a\x05"), multihash.IDENTITY, -1)
	root := s.add(`{"dir":` + ref(large) + `,"loose":` + ref(loose) + `,"bare":` + ref(bare) + `,"plain":[` + ref(plain) + `],"inline":` + ref(cid.NewCidV1(codec.DagCBOR, mh)) +
		`,"gone":&,"list":[1,[2,3]],"":{"":7},"λ":{"λ":1},"01":"key"}`)

	for path, want := range map[string]string{
		"dir/small/json/in json/0/deep/1/x": `"leaf"`,
		"dir/small/json/in json/0/deep/0":   `10`,
		"dir/small/json/in json/0":          ref(leaf),
		"/dir/small/file/":                  ref(raw),
		"dir/entry 499/entry":               `499`,
		"dir/small/Links":                   ref(raw), // a name comes before DAG-PB's own field
		"plain/0/Links/0/Name":              `"a"`,
		"plain/0/a":                         ref(raw),
		"loose/b":                           `1`,
		"loose/a":                           `1`,
		"bare/deep/0":                       `10`,
		"inline/a":                          `5`,
		"list/1/1":                          `3`,
		"gone":                              link,
		"λ":                                 `{"λ":1}`,
		"01":                                `"key"`,
	} {
		if got, err := resolve(root, path, s.Load); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", path, got, err, want)
		}
	}
	if got, err := resolve(plain, "", s.Load); err != nil || got != `{"Data":{"/":{"bytes":"ZGF0YQ"}},"Links":[{"Hash":`+ref(raw)+`,"Name":"a","Tsize":3}]}` {
		t.Errorf("DAG-PB that is no UnixFS: got %s, %v", got, err)
	}
	if got, err := resolve(large, "Data", s.Load); err != nil || !strings.Contains(got, "bytes") {
		t.Errorf("the field Data of a sharded directory: got %s, %v", got, err)
	}
	for path, want := range map[string]struct {
		at  string
		err error
	}{
		"list/2":                  {"list", graph.ErrNoPath},
		"list/01":                 {"list", graph.ErrNoPath},
		"list/-1":                 {"list", graph.ErrNoPath},
		"list/x":                  {"list", graph.ErrNoPath},
		"list/0/x":                {"list/0", graph.ErrNoPath},
		"nothing":                 {"", graph.ErrNoPath},
		"dir/entry 500":           {"dir", graph.ErrNoPath},
		"dir/small/nothing":       {"dir/small", graph.ErrNoPath},
		"dir/small/file/x":        {"dir/small/file", graph.ErrNoPath},
		"gone/x":                  {"gone", graph.ErrNotFound},
		"bare/deep/1/x/y":         {"bare/deep/1/x", graph.ErrNoPath},
		"dir/entry 1/entry/x/y/z": {"dir/entry 1/entry", graph.ErrNoPath},
	} {
		_, err := resolve(root, path, s.Load)
		var e *graph.PathError
		if !errors.As(err, &e) || !errors.Is(err, want.err) || strings.Join(e.Path, "/") != want.at || !strings.Contains(err.Error(), root.String()) {
			t.Errorf("%s: got %v, want %v at %q", path, err, want.err, want.at)
		}
	}
	if _, err := resolve(nowhere, "", s.Load); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("got %v, want %v", err, graph.ErrNotFound)
	}

	// A shard that is missing is not an entry that is missing.
	shard := cid.Undef
	data, _ := s.Load(large)
	links, err := codec.Links(codec.DagPB, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if l.Prefix().Codec == codec.DagPB && l != small {
			shard = l
		}
	}
	lossy := func(c cid.Cid) ([]byte, error) {
		if c == shard {
			return nil, graph.NotFound(c)
		}
		return s.Load(c)
	}
	missed := 0
	for i := range 500 {
		if _, err := resolve(large, fmt.Sprintf("entry %d/entry", i), lossy); errors.Is(err, graph.ErrNotFound) && strings.Contains(err.Error(), shard.String()) {
			missed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if missed == 0 || missed == 500 {
		t.Errorf("%d of 500 entries are in the shard that is missing", missed)
	}
}

// TestResolveHostile: neither a long row of links nor a block that is not what it says hangs or crashes.
func TestResolveHostile(t *testing.T) {
	s := newShelf(t)
	c := s.add(`{"x":1}`)
	for range 3000 {
		c = s.add(ref(c))
	}
	if _, err := resolve(c, "x", s.Load); err == nil {
		t.Error("3000 links to links were followed for one segment")
	}
	for name, c := range map[string]cid.Cid{
		"bad DAG-CBOR": s.put(codec.DagCBOR, []byte("\xa1\x61")),
		"bad DAG-PB":   s.put(codec.DagPB, []byte("\x0a\xff\xff\xff\xff\xff")),
		"bad UnixFS":   s.put(codec.DagPB, []byte("\x0a\x02\x08\x7f")),
		"bad HAMT":     s.put(codec.DagPB, []byte("\x0a\x0a\x08\x05\x12\x00\x28\x22\x30\x80\x80\x80\x80\x08")),
		"git":          s.put(0x78, []byte("blob")),
		"bad tree":     s.add(`{"λ":{"list":[60,5,` + ref(s.add(`[[5,&]]`)) + `]}}`),
		"no tree":      s.add(`{"λ":{"list":[1,5,7]}}`),
		"a bad map":    s.add(`{"λ":{"map":[0,5,` + ref(s.add(`[["x"]]`)) + `]}}`),
	} {
		if got, err := resolve(c, "0", s.Load); err == nil {
			t.Errorf("%s: got %s, want an error", name, got)
		}
	}
}

// TestResolveValue: a path goes through the blocks of a value as if it were one, and by its λ as IPLD tools do.
func TestResolveValue(t *testing.T) {
	s := newShelf(t)
	rows := make([]graph.Value, 30000)
	var byName graph.MapBuilder
	for i := range rows {
		rows[i] = graph.Record("name", graph.Text(fmt.Sprint("row ", i)), "i", graph.Int(int64(i)))
		byName.Set(fmt.Sprint("row ", i), graph.Int(int64(i)))
	}
	long := graph.ListValue(graph.ListOf(slices.Clone(rows[:100])))
	value := graph.Record("rows", graph.ListValue(graph.ListOf(rows)), "long", long, "names", graph.MapValue(byName.Map()), "odd", graph.Record("λ", graph.Int(5)))
	of := code(s.Memory, lit(graph.Int(0)))
	result := graph.EncodeResult(graph.Result{Of: of, Value: value}, s)
	for path, want := range map[string]string{
		"steps":                   `0`,
		"of/λ/lit":                `0`,
		"value/long/99/name":      `"row 99"`,
		"value/long/λ/99/name":    `"row 99"`,
		"value/rows/0/i":          `0`,
		"value/rows/29999/name":   `"row 29999"`,
		"value/names/row 777":     `777`,
		"value/names/row 0":       `0`,
		"value/names/row 9":       `9`,
		"value/odd/λ/lit/λ":       `5`,
		"value/rows/λ/list/1":     `30000`,
		"value/names/λ/map/1":     `30000`,
		"value/rows/15000/i":      `15000`,
		"value/names/row 29999":   `29999`,
		"value/rows/λ/list/2/0/0": "",
	} {
		got, err := resolve(result.CID, path, s.Load)
		if err != nil || want != "" && got != want {
			t.Errorf("%s: got %s, %v, want %s", path, got, err, want)
		}
	}
	for _, path := range []string{"value/rows/30000", "value/rows/x", "value/names/row", "value/names/row 30000", "value/names/a", "value/names/z", "value/long/100"} {
		if got, err := resolve(result.CID, path, s.Load); !errors.Is(err, graph.ErrNoPath) {
			t.Errorf("%s: got %s, %v, want %v", path, got, err, graph.ErrNoPath)
		}
	}
	for i := 0; i < len(rows); i += 997 {
		if got, err := resolve(result.CID, fmt.Sprintf("value/rows/%d/i", i), s.Load); err != nil || got != fmt.Sprint(i) {
			t.Errorf("row %d: got %s, %v", i, got, err)
		}
		if got, err := resolve(result.CID, fmt.Sprintf("value/names/row %d", i), s.Load); err != nil || got != fmt.Sprint(i) {
			t.Errorf("name %d: got %s, %v", i, got, err)
		}
	}

	// Through the block of a value that would look like code, and of a literal.
	for _, c := range []cid.Cid{graph.ValueBlock(graph.ListValue(graph.ListOf(rows)), s), code(s.Memory, lit(graph.ListValue(graph.ListOf(rows)))), code(s.Memory, lit(long))} {
		for path, want := range map[string]string{"0/name": `"row 0"`, "99/i": "99"} {
			if got, err := resolve(c, path, s.Load); err != nil || got != want {
				t.Errorf("%s: got %s, %v, want %s", path, got, err, want)
			}
		}
	}
	if got, err := resolve(code(s.Memory, lit(graph.Tagged("λ", graph.Record("list", long)))), "0/name", s.Load); !errors.Is(err, graph.ErrNoPath) {
		t.Errorf("a map that looks like a form: got %s, %v", got, err)
	}

	// With nothing but go-ipld-prime.
	ls := s.links()
	progress := traversal.Progress{Cfg: &traversal.Config{LinkSystem: *ls, LinkTargetNodePrototypeChooser: codec.ChoosePrototype}}
	start, err := ls.Load(linking.LinkContext{}, cidlink.Link{Cid: result.CID}, codec.Prototype{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := progress.Get(start, datamodel.ParsePath("value/long/λ/99/name"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := n.AsString(); err != nil || got != "row 99" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestClosure(t *testing.T) {
	s := newShelf(t)
	leaf := s.add(`1`)
	raw := s.put(codec.RawCode, []byte("raw"))
	git := s.put(0x78, []byte("blob"))
	j := s.put(codec.DagJSON, []byte(`[`+ref(leaf)+`]`))
	dir := s.dir(false, map[string]cid.Cid{"j": j, "raw": raw})
	mh, _ := multihash.Sum(block(t, ref(git)), multihash.IDENTITY, -1)
	inline := cid.NewCidV1(codec.DagCBOR, mh)
	root := s.add(`[` + ref(leaf) + `,` + ref(dir) + `,` + ref(leaf) + `,` + ref(inline) + `]`)
	other := s.add(`"other root"`)
	var got []cid.Cid
	err := graph.Closure(context.Background(), []cid.Cid{root, other, root}, s.Load, func(c cid.Cid, data []byte) error {
		got = append(got, c)
		return graph.Verify(c, data)
	})
	if want := []cid.Cid{root, leaf, dir, j, raw, git, other}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	got = nil
	err = graph.Closure(context.Background(), []cid.Cid{root}, s.Load, func(c cid.Cid, _ []byte) error {
		got = append(got, c)
		if c == dir {
			return graph.ErrSkip
		}
		return nil
	})
	if want := []cid.Cid{root, leaf, dir, git}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	gone := s.add(`[&]`)
	err = graph.Closure(context.Background(), []cid.Cid{gone}, s.Load, func(cid.Cid, []byte) error { return nil })
	if !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), nowhere.String()) {
		t.Errorf("got %v, want %v of %s", err, graph.ErrNotFound, nowhere)
	}
	stop := errors.New("stop")
	if err := graph.Closure(context.Background(), []cid.Cid{root}, s.Load, func(cid.Cid, []byte) error { return stop }); err != stop {
		t.Errorf("got %v, want %v", err, stop)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := graph.Closure(ctx, []cid.Cid{root}, s.Load, func(cid.Cid, []byte) error { return nil }); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestClosureDeep: a chain of 100,000 blocks.
func TestClosureDeep(t *testing.T) {
	s := newShelf(t)
	data := codec.AppendNull(nil)
	for range 100000 {
		c := codec.CIDOf(data)
		s.Take(graph.Block{CID: c, Data: data})
		data = codec.AppendLink(codec.AppendArray(nil, 1), c)
	}
	c := codec.CIDOf(data)
	s.Take(graph.Block{CID: c, Data: data})
	n := 0
	if err := graph.Closure(context.Background(), []cid.Cid{c}, s.Load, func(cid.Cid, []byte) error { n++; return nil }); err != nil || n != 100001 {
		t.Errorf("got %d blocks, %v, want 100001", n, err)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add(uint64(codec.DagCBOR), block(f, `{"0":{"λ":{"list":[0,1,&]}}}`), "0/0")
	f.Add(uint64(codec.DagJSON), []byte(`{"a":[1]}`), "a/0")
	f.Add(uint64(codec.DagPB), []byte("\x0a\x02\x08\x01"), "x")
	f.Add(uint64(codec.DagPB), []byte("\x0a\x0a\x08\x05\x12\x00\x28\x22\x30\x80\x80\x80\x80\x08"), "x")
	f.Fuzz(func(t *testing.T, code uint64, data []byte, path string) {
		if code > 0xffff {
			return
		}
		c, err := cid.Prefix{Version: 1, Codec: code, MhType: multihash.SHA2_256, MhLength: -1}.Sum(data)
		if err != nil {
			t.Fatal(err)
		}
		load := func(cid.Cid) ([]byte, error) { return data, nil } // every link leads here again
		found, err := graph.Resolve(context.Background(), c, graph.SplitPath(path), load)
		if err == nil && found.Node == nil {
			t.Fatal("found nothing, and no error")
		}
		graph.Closure(context.Background(), []cid.Cid{c}, load, func(cid.Cid, []byte) error { return nil })
	})
}
