// This file tests libraries that change: their names in a store, what came before them, what others say of their results.

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/hamt"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// shelfOf is a publication of some facts, named after their numbers.
func shelfOf(t testing.TB, s *Store, library string, numbers ...int) Publication {
	t.Helper()
	p := Publication{Names: map[string]cid.Cid{}, About: map[string]cid.Cid{}, Library: library, Pin: library}
	for _, i := range numbers {
		f := makeFact(i, "own:1")
		f.put(t, s)
		name := fmt.Sprintf("name%d", i)
		p.Names[name], p.About[name] = f.answer.Expr, aboutOf(s, f, name)
	}
	return p
}

func update(t testing.TB, s *Store, p Publication) Revision {
	t.Helper()
	r, err := s.Update(bg, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pinNames(t testing.TB, s *Store) map[cid.Cid]string {
	t.Helper()
	found := map[cid.Cid]string{}
	if err := s.Pins(bg, func(p Pin) error { found[p.CID] = p.Name; return nil }); err != nil {
		t.Fatal(err)
	}
	return found
}

func lose(t testing.TB, s *Store, c cid.Cid) {
	t.Helper()
	if err := errors.Join(s.forget(bg, blockKey(c)), s.Flush(bg)); err != nil {
		t.Fatal(err)
	}
}

func TestUpdate(t *testing.T) {
	s := open(t, t.TempDir())
	one := shelfOf(t, s, "lib", 1, 2)
	plain, err := s.Publish(bg, one.Names, one.About)
	if err != nil {
		t.Fatal(err)
	}
	first := update(t, s, one)
	if first.Published != plain || first.Parent.Defined() || first.Unchanged || first.Names != 2 {
		t.Errorf("the first one: got %+v, want the root %v without a parent", first, plain)
	}
	if again := update(t, s, one); !again.Unchanged || again.Root != first.Root {
		t.Errorf("again: got %+v", again)
	}
	// Exactly the names that are given, or these besides.
	second := update(t, s, shelfOf(t, s, "lib", 2, 3))
	if second.Parent != first.Root || second.Names != 2 || second.Unchanged {
		t.Errorf("changed: got %+v", second)
	}
	added := shelfOf(t, s, "lib", 4)
	added.Add = true
	third := update(t, s, added)
	lib, err := s.ReadLibrary(bg, third.Root)
	if err != nil || lib.Parent != second.Root || !slices.Equal(slices.Sorted(maps.Keys(lib.Names)), []string{"name2", "name3", "name4"}) || len(lib.About) != 3 || len(lib.Results) != 3 || len(lib.Traces) != 3 {
		t.Errorf("added: got %v, %v", lib, err)
	}
	if again := update(t, s, added); !again.Unchanged || again.Root != third.Root || again.Parent != second.Root {
		t.Errorf("added again: got %+v", again)
	}
	// A name with another term: what is told of the one before goes.
	other := makeFact(5, "own:1")
	other.put(t, s)
	fourth := update(t, s, Publication{Names: map[string]cid.Cid{"name4": other.answer.Expr}, Library: "lib", Add: true, Pin: "lib"})
	if lib, err = s.ReadLibrary(bg, fourth.Root); err != nil || lib.Names["name4"] != other.answer.Expr || lib.About["name4"].Defined() || len(lib.Names) != 3 {
		t.Errorf("another term: got %v, %v", lib, err)
	}
	// As it was: a new root all the same, for it has another past.
	fifth := update(t, s, one)
	if fifth.Root == first.Root || fifth.Parent != fourth.Root {
		t.Errorf("as at first: got %+v", fifth)
	}
	var roots []cid.Cid
	err = s.History(bg, fifth.Root, func(v Version) bool { roots = append(roots, v.Root); return true })
	if want := []cid.Cid{fifth.Root, fourth.Root, third.Root, second.Root, first.Root}; err != nil || !slices.Equal(roots, want) {
		t.Errorf("history: got %v, %v, want %v", roots, err, want)
	}
	d, err := s.DiffLibraries(bg, first.Root, second.Root)
	want := []NameChange{{"name1", one.Names["name1"], cid.Undef}, {"name3", cid.Undef, makeFact(3, "").answer.Expr}}
	if err != nil || !slices.Equal(d.Names, want) || d.Name != (Changed{1, 1, 0}) || d.Results != (Changed{1, 1, 0}) || d.Same() {
		t.Errorf("diff: got %+v, %v", d, err)
	}
	if d, err := s.DiffLibraries(bg, first.Root, fifth.Root); err != nil || !d.Same() {
		t.Errorf("diff of two that list the same: got %+v, %v", d, err)
	}

	// The pin goes along, unless somebody gave one that he means to keep.
	if got := pinNames(t, s); !maps.Equal(got, map[cid.Cid]string{fifth.Root: "lib"}) {
		t.Errorf("got the pins %v", got)
	}
	if _, err := s.Pin(bg, Pin{CID: fifth.Root, Name: "release 1"}); err != nil {
		t.Fatal(err)
	}
	sixth := update(t, s, shelfOf(t, s, "lib", 6))
	if got := pinNames(t, s); !maps.Equal(got, map[cid.Cid]string{fifth.Root: "release 1", sixth.Root: "lib"}) {
		t.Errorf("got the pins %v", got)
	}
	var named []string
	s.Libraries(bg, LibraryRoot, func(name string, root cid.Cid) error { named = append(named, name+" "+root.String()); return nil })
	if !slices.Equal(named, []string{"lib " + sixth.Root.String()}) {
		t.Errorf("got the libraries %v", named)
	}
	// Below the name all that it was is kept, without a pin too.
	s.Unpin(bg, sixth.Root)
	s.Unpin(bg, fifth.Root)
	if _, err := s.Collect(bg, Collection{}); err != nil {
		t.Fatal(err)
	}
	for _, root := range []cid.Cid{first.Root, sixth.Root} {
		if _, err := s.ReadLibrary(bg, root); err != nil {
			t.Errorf("after a collection: %v", err)
		}
	}
	if root, err := s.RemoveLibrary(bg, "lib"); err != nil || root != sixth.Root {
		t.Errorf("removed: got %v, %v", root, err)
	}
	if root, err := s.RemoveLibrary(bg, "lib"); err != nil || root.Defined() {
		t.Errorf("removed again: got %v, %v", root, err)
	}
	if fresh := update(t, s, one); fresh.Published != plain {
		t.Errorf("begun anew: got %+v", fresh)
	}
	for _, name := range []string{"", "a/b", "a b", "-a", ".a", "@a", "a\x00", "a\xff", strings.Repeat("a", 1000), first.Root.String()} {
		if _, err := s.Replace(bg, name, "", func(l Library) (Library, error) { return l, nil }); err == nil {
			t.Errorf("a library was called %q", name)
		}
	}
}

// TestUpdateKeepsEnvelopes: published again by who signs nothing, a library has the envelopes that it had for the results that it still has.
func TestUpdateKeepsEnvelopes(t *testing.T) {
	s := open(t, t.TempDir())
	signs := func(word string, p Publication) Publication {
		p.Attest = func(_ context.Context, expr, _ cid.Cid) ([][]byte, error) {
			return [][]byte{[]byte(word + expr.String())}, nil
		}
		return p
	}
	first := update(t, s, signs("a", shelfOf(t, s, "lib", 1, 2)))
	if again := update(t, s, shelfOf(t, s, "lib", 1, 2)); !again.Unchanged || again.Root != first.Root {
		t.Errorf("again: got %+v", again)
	}
	two := makeFact(2, "").answer.Expr
	a, b := []byte("a"+two.String()), []byte("b"+two.String())
	for _, c := range []struct {
		p    Publication
		want map[cid.Cid][][]byte
	}{
		{shelfOf(t, s, "lib", 2, 3), map[cid.Cid][][]byte{two: {a}}},
		{signs("b", shelfOf(t, s, "lib", 2)), map[cid.Cid][][]byte{two: {a, b}}},
	} {
		lib, err := s.ReadLibrary(bg, update(t, s, c.p).Root)
		if err != nil || !reflect.DeepEqual(lib.Attest, c.want) {
			t.Errorf("got %v, %v, want %v", lib.Attest, err, c.want)
		}
	}
}

// TestUpdateTogether has several processes add to one library: no name is lost.
func TestUpdateTogether(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{open(t, dir), open(t, dir)} // the second one reaches the database through the first one's socket
	const each = 12
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range each {
				s := stores[g%2]
				p := shelfOf(t, s, "lib", 100*g+i)
				p.Add = true
				if _, err := s.Update(bg, p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	root, err := stores[1].Root(bg, LibraryRoot+"lib")
	if err != nil {
		t.Fatal(err)
	}
	lib, err := stores[1].ReadLibrary(bg, root)
	versions := 0
	stores[1].History(bg, root, func(v Version) bool {
		if versions++; v.Gone != nil || v.Diff.Name.Added == 0 || v.Diff.Name.Removed+v.Diff.Name.Changed > 0 {
			t.Errorf("got %+v", v)
		}
		return true
	})
	if err != nil || len(lib.Names) != 4*each || len(lib.Results) != 4*each || versions != 4*each {
		t.Errorf("got %d names and %d results after %d versions, %v", len(lib.Names), len(lib.Results), versions, err)
	}
	if got := pinNames(t, stores[0]); len(got) != 1 || got[root] != "lib" {
		t.Errorf("got the pins %v", got)
	}
}

// TestLibraryFormat holds the bytes of libraries: they must never change.
func TestLibraryFormat(t *testing.T) {
	s := open(t, t.TempDir())
	first := update(t, s, shelfOf(t, s, "lib", 1))
	p := shelfOf(t, s, "lib", 1, 2)
	p.Attest = func(_ context.Context, expr, result cid.Cid) ([][]byte, error) {
		if expr != p.Names["name2"] || result != makeFact(2, "").answer.Result {
			return nil, nil
		}
		return [][]byte{[]byte("b"), []byte("a"), bytes.Repeat([]byte("x"), MaxEnvelope+1), []byte("b"), {}}, nil
	}
	second := update(t, s, p)
	numbers := make([]int, 3000)
	for i := range numbers {
		numbers[i] = i
	}
	large := update(t, s, shelfOf(t, s, "large", numbers...))
	for _, c := range []struct {
		what string
		got  cid.Cid
		want string
	}{
		{"a library", first.Root, "bafybeieqrqlij7ra36fetuugwzn7kt7akoztqjl2u6lom3ae37menqu4vi"},
		{"one with a parent and envelopes", second.Root, "bafybeiej3n4q7qtoqkvlv3727yebxxno7siv6fgaiahkmcof4vaxove3oq"},
		{"a large one", large.Root, "bafybeidgrunoxuvmgbh2yj6swj35xtvdl5d64tdj4ikhlz2r3lqmwlhozi"},
	} {
		if c.got.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.what, c.got, c.want)
		}
	}
	lib, err := s.ReadLibrary(bg, second.Root)
	want := map[cid.Cid][][]byte{p.Names["name2"]: {[]byte("a"), []byte("b")}}
	if err != nil || len(lib.Attest) != 1 || !slices.EqualFunc(lib.Attest[p.Names["name2"]], want[p.Names["name2"]], bytes.Equal) {
		t.Errorf("got %v, %v, want %v", lib.Attest, err, want)
	}
	if again := update(t, s, p); !again.Unchanged {
		t.Errorf("got %+v", again)
	}
	// What boxo itself makes of the same entries is the same directory.
	lib, err = s.ReadLibrary(bg, large.Root)
	if err != nil {
		t.Fatal(err)
	}
	for part, entries := range map[string]map[string]cid.Cid{"names": lib.Names, "about": lib.About} {
		dir, err := uio.NewDirectory(s.dag(), uio.WithCidBuilder(merkledag.V1CidPrefix()))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range entries {
			n, err := s.Block(bg, c)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := blocks.NewBlockWithCid(n, c)
			if err := dir.AddChild(bg, name, &merkledag.RawNode{Block: b}); err != nil {
				t.Fatal(err)
			}
		}
		node, err := dir.GetNode()
		if top, _ := s.entries(bg, large.Root); err != nil || top[part] != node.Cid() {
			t.Errorf("%s: got %v, boxo makes %v, %v", part, top[part], node.Cid(), err)
		}
	}
}

// TestHistory has versions of which some are not there any more.
func TestHistory(t *testing.T) {
	s := open(t, t.TempDir())
	const n = 300
	var roots []cid.Cid
	for i := range n {
		p := shelfOf(t, s, "lib", i)
		p.Add = i%10 != 0
		roots = append(roots, update(t, s, p).Root)
	}
	last := roots[n-1]
	whole, err := s.PinSize(bg, Pin{CID: last}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var car bytes.Buffer
	got, err := s.Export(bg, last, &car)
	if err != nil || got.Older != n-1 || got.Cut != 0 || got.Size != whole {
		t.Errorf("exported with all before it: got %+v, %v, want %v", got, err, whole)
	}
	newest, err := s.ExportNewest(bg, last, io.Discard)
	if p, err2 := s.Update(bg, Publication{Names: shelfOf(t, s, "", 290, 291, 292, 293, 294, 295, 296, 297, 298, 299).Names, Library: "x"}); err != nil || err2 != nil || newest.Older != 0 || newest.Blocks >= whole.Blocks/10 || newest.Blocks < p.Blocks {
		t.Errorf("exported alone: got %+v, %v", newest, err)
	}
	to := open(t, t.TempDir())
	if in, err := to.Import(bg, bytes.NewReader(car.Bytes()), "x"); err != nil || in.Size != whole || in.Claims != 10 {
		t.Errorf("imported: got %+v, %v", in, err)
	}
	versions := 0
	if err := to.History(bg, last, func(v Version) bool { versions++; return v.Gone == nil }); err != nil || versions != n {
		t.Errorf("its history: got %d versions, %v", versions, err)
	}

	// A block of an older version is lost, then a root. Neither is an error for who has the newest one.
	lib, err := s.topOf(bg, roots[n-5])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lost     cid.Cid
		versions int
		older    int
	}{{lib[namesName], 4, n - 1}, {roots[100], 4, n - 101 - 1}} {
		lose(t, s, c.lost)
		if _, err := s.Pin(bg, Pin{CID: last, Name: "x"}); err != nil {
			t.Errorf("pinned: %v", err)
		}
		got, err := s.Export(bg, last, io.Discard)
		if err != nil || got.Older != c.older || got.Cut == 0 {
			t.Errorf("exported: got %+v, %v", got, err)
		}
		if _, err := s.Collect(bg, Collection{}); err != nil {
			t.Errorf("collected: %v", err)
		}
		var at []Version
		if err := s.History(bg, last, func(v Version) bool { at = append(at, v); return true }); err != nil || len(at) != c.versions || !errors.Is(at[len(at)-1].Gone, graph.ErrNotFound) {
			t.Errorf("its history: got %d versions, %v", len(at), err)
		}
		if out, err := s.Check(bg, func(p Problem) { t.Error(p) }); err != nil || out.Problems > 0 {
			t.Errorf("checked: %+v, %v", out, err)
		}
	}
	// Of the newest itself all has to be there.
	lib, _ = s.topOf(bg, last)
	lose(t, s, lib[resultsName])
	if _, err := s.Pin(bg, Pin{CID: last}); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("pinned without its results: got %v", err)
	}
	if _, err := s.Export(bg, last, io.Discard); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("exported without its results: got %v", err)
	}
	if _, err := s.Update(bg, shelfOf(t, s, "lib", 1)); !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), "library rm lib") {
		t.Errorf("updated without its results: got %v", err)
	}
}

// dirOf puts a directory that need not make sense.
func dirOf(t testing.TB, s *Store, entries map[string]cid.Cid) cid.Cid {
	t.Helper()
	dir := newDirectory()
	for name, c := range entries {
		if err := dir.AddRawLink(name, &ipld.Link{Cid: c}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.dag().Add(bg, dir); err != nil {
		t.Fatal(err)
	}
	return dir.Cid()
}

// TestHostileLibraries reads directories that nobody would publish who means well.
func TestHostileLibraries(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, s)
	put := func(data []byte) cid.Cid {
		b := block(data)
		s.Put(bg, b)
		return b.CID
	}
	dir := func(entries map[string]cid.Cid) cid.Cid { return dirOf(t, s, entries) }
	expr := f.answer.Expr
	ok := dir(map[string]cid.Cid{"one": expr})
	s.Put(bg, graph.Block{CID: codec.RawCID(nil), Data: []byte{}})
	list := func(n int, each string) cid.Cid {
		data := codec.AppendArray(nil, n)
		for i := range n {
			data = codec.AppendBytes(data, fmt.Appendf(nil, "%s%04d", each, i))
		}
		return put(data)
	}
	attest := func(c cid.Cid) map[string]cid.Cid {
		return map[string]cid.Cid{"names": ok, "attest": dir(map[string]cid.Cid{expr.String(): c})}
	}
	shard, err := hamt.NewShard(s.dag(), 256)
	if err != nil {
		t.Fatal(err)
	}
	shard.SetCidBuilder(merkledag.V1CidPrefix())
	for i := range 1000 {
		shard.SetLink(bg, fmt.Sprint("entry", i), &ipld.Link{Cid: expr})
	}
	sharded, err := shard.Node()
	if err != nil {
		t.Fatal(err)
	}
	// The same shards at another place: their names do not belong there.
	moved := sharded.Copy().(*merkledag.ProtoNode)
	links := moved.Links()
	for i := range links {
		links[i].Cid = links[(i+1)%len(links)].Cid
	}
	moved.SetLinks(links)
	s.dag().Add(bg, moved)
	for _, c := range []struct {
		what    string
		entries map[string]cid.Cid
		want    string // "" for a library that can be read
	}{
		{"only names", map[string]cid.Cid{"names": ok}, ""},
		{"something else besides", map[string]cid.Cid{"names": ok, "README": expr, "..": expr}, ""},
		{"no names", map[string]cid.Cid{"results": ok}, "no directory names"},
		{"a slash", map[string]cid.Cid{"names": dir(map[string]cid.Cid{"a/b": expr})}, "no name for a file"},
		{"dots", map[string]cid.Cid{"names": dir(map[string]cid.Cid{"..": expr})}, "no name for a file"},
		{"no name", map[string]cid.Cid{"names": dir(map[string]cid.Cid{"": expr})}, "no name for a file"},
		{"a long name", map[string]cid.Cid{"names": dir(map[string]cid.Cid{strings.Repeat("x", maxLibraryName+1): expr})}, "the limit is 4096"},
		{"no UTF-8", map[string]cid.Cid{"names": dir(map[string]cid.Cid{"a\xff": expr})}, "not UTF-8"},
		{"names are code", map[string]cid.Cid{"names": expr}, "not a library"},
		{"names are a file", map[string]cid.Cid{"names": codec.RawCID(nil)}, "not a library"},
		{"a term of another hash", map[string]cid.Cid{"names": dir(map[string]cid.Cid{"one": cid.MustParse("bafkrgqcw7zx6ptyi5ypgd3zqwhm7mc37dqlqwjqxqyjqm7lrfspvyhoi6xu5r6l3wfuxaijpq2gnqx4y7nywvpq3jmjvj5uwc4bxxnpt4cd7k")})}, ""},
		{"shards", map[string]cid.Cid{"names": sharded.Cid()}, ""},
		{"shards that were moved", map[string]cid.Cid{"names": moved.Cid()}, "does not belong"},
		{"a key that is no CID", map[string]cid.Cid{"names": ok, "results": dir(map[string]cid.Cid{"one": f.answer.Result})}, "not the CID of an expression"},
		{"a CID in another spelling", map[string]cid.Cid{"names": ok, "results": dir(map[string]cid.Cid{strings.ToUpper(expr.String()): f.answer.Result})}, "not the CID of an expression"},
		{"64 envelopes", attest(list(MaxAttest, "x")), ""},
		{"envelopes of two expressions", map[string]cid.Cid{"names": ok, "attest": dir(map[string]cid.Cid{expr.String(): list(1, "x"), f.answer.Result.String(): list(1, "x")})}, "of two expressions"},
		{"65 envelopes", attest(list(MaxAttest+1, "x")), "want 1 to 64"},
		{"no envelope", attest(list(0, "")), "want 1 to 64"},
		{"a long envelope", attest(list(1, strings.Repeat("x", MaxEnvelope))), "want 1 to 1024"},
		{"unsorted envelopes", attest(put([]byte("\x82\x41b\x41a"))), "out of order"},
		{"an envelope twice", attest(put([]byte("\x82\x41a\x41a"))), "out of order"},
		{"envelopes that are text", attest(put([]byte("\x81\x61a"))), "bytes"},
		{"envelopes without end", attest(put([]byte("\x9a\xff\xff\xff\xff"))), "attest"},
		{"envelopes that are a directory", attest(ok), "no list of envelopes"},
		{"a parent that is code", map[string]cid.Cid{"names": ok, "parent": expr}, ""},
	} {
		root := dir(c.entries)
		_, err := s.ReadLibrary(bg, root)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.what, err, c.want)
		}
		// Who adopts it finds the same wrong with it, and nothing hangs on it.
		if _, err2 := s.AdoptLibrary(bg, root, "x"); fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Errorf("%s, adopted: got %v, want %v", c.what, err2, err)
		}
		versions := 0
		err = s.History(bg, root, func(v Version) bool { versions++; return true })
		if _, past := c.entries["parent"]; past && (versions != 1 || err != nil) {
			t.Errorf("%s: got %d versions, %v", c.what, versions, err)
		}
		if _, err := s.PinSize(bg, Pin{CID: root, Partial: true}, 0); err != nil && c.what != "envelopes without end" {
			t.Errorf("%s, its size: %v", c.what, err)
		}
	}
	// A shard that lists itself by shards that it shares, of which each doubles how many there are.
	empty, _ := unixfs.HAMTShardData([]byte{3}, 8, hamt.HashMurmur3)
	below := expr
	for depth := range 40 {
		node := merkledag.NodeWithData(empty)
		node.SetCidBuilder(merkledag.V1CidPrefix())
		for _, slot := range []string{"0", "1"} {
			if depth == 0 {
				slot += "x"
			}
			node.AddRawLink(slot, &ipld.Link{Cid: below})
		}
		s.dag().Add(bg, node)
		below = node.Cid()
	}
	if _, err := s.ReadLibrary(bg, dir(map[string]cid.Cid{"names": below})); !errors.Is(err, ErrNoLibrary) {
		t.Errorf("shards without end: got %v", err)
	}
}

func TestAdopt(t *testing.T) {
	from, to := open(t, t.TempDir()), open(t, t.TempDir())
	numbers := make([]int, 100)
	for i := range numbers {
		numbers[i] = i
	}
	p := update(t, from, shelfOf(t, from, "lib", numbers...))
	move := func(c cid.Cid) {
		t.Helper()
		data, err := from.Block(bg, c)
		if err == nil {
			err = to.Put(bg, graph.Block{CID: c, Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// The root and the names alone.
	top, err := from.entries(bg, p.Root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.AdoptLibrary(bg, p.Root, "them"); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("nothing is there: got %v", err)
	}
	move(p.Root)
	move(top[namesName])
	got, err := to.AdoptLibrary(bg, p.Root, "them")
	if err != nil || len(got.Names) != 100 || got.Claims != 0 || got.Absent != 3 {
		t.Errorf("names alone: got %d names, %+v, %v", len(got.Names), got, err)
	}
	if lib, err := to.ReadNames(bg, p.Root); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("got %v, %v, want that about is missing", lib, err)
	}
	// All directories, and some answers, of one of which a part of the value is missing; one is this machine's own.
	for _, name := range []string{aboutName, resultsName, tracesName} {
		move(top[name])
	}
	for i := range 10 {
		for _, b := range makeFact(i, "").blocks {
			if i != 3 || b.CID != makeFact(3, "").blocks[0].CID {
				move(b.CID)
			}
		}
	}
	own := makeFact(4, "own:1")
	if err := errors.Join(to.Record(bg, own.answer), to.Flush(bg)); err != nil {
		t.Fatal(err)
	}
	got, err = to.AdoptLibrary(bg, p.Root, "them")
	if err != nil || got.Claims != 9 || got.Missing != 91 || got.Wrong != 0 || got.Absent != 0 || len(got.Results) != 100 {
		t.Errorf("got %d claims, %d missing, %d wrong, %v", got.Claims, got.Missing, got.Wrong, err)
	}
	for i := range 12 {
		a, ok, err := to.Answer(bg, makeFact(i, "").answer.Expr)
		want := makeFact(i, "claim:them").answer
		if i == 4 {
			want = own.answer
		}
		if there := i < 10 && i != 3; err != nil || ok != there || ok && a != want {
			t.Errorf("%d: got %v, %v, %v, want %v", i, a, ok, err, want)
		}
	}
	// One that lies about some of its results: the others are as good as they were.
	lie := newLibrary()
	for i := range 10 {
		lie.Results[makeFact(i, "").answer.Expr] = makeFact(max(i, 5), "").answer.Result
	}
	lie.Traces[makeFact(6, "").answer.Expr] = makeFact(7, "").answer.Trace
	lie.Results[makeFact(0, "").answer.Expr] = makeFact(0, "").answer.Trace // no result
	q, err := to.PutLibrary(bg, lie)
	if err != nil {
		t.Fatal(err)
	}
	got, err = to.AdoptLibrary(bg, q.Root, "liar")
	if err != nil || got.Claims != 5 || got.Wrong+got.Missing != 5 || got.Wrong < 4 || got.First == nil {
		t.Errorf("got %d claims, %d wrong, %d missing, %v, %v", got.Claims, got.Wrong, got.Missing, got.First, err)
	}
	if a, ok, err := to.Answer(bg, makeFact(6, "").answer.Expr); !ok || err != nil || a.Trace.Defined() {
		t.Errorf("the trace of something else: got %v, %v", a, err)
	}
	if a, _, _ := to.Answer(bg, own.answer.Expr); a != own.answer {
		t.Errorf("a lie took the place of what was found here: %v", a)
	}
}

// TestTracesOnce has results that each rest on the one before: to publish them all takes time by their number, and not by its square.
// TestAdoptBeside: what rests on keys alone stays when a library or a CAR file has a result of the same, and reducts stay as answers do. What is claimed
// for other keys, and what this machine finds, takes their place.
func TestAdoptBeside(t *testing.T) {
	from, to := open(t, t.TempDir()), open(t, t.TempDir())
	p := update(t, from, shelfOf(t, from, "lib", 0, 1, 2, 3))
	theirs := makeFact(0, "claim:them").answer
	reduct := func(steps uint64) cid.Cid {
		b := graph.EncodeReduct(graph.Reduct{Of: theirs.Expr, To: makeFact(1, "").answer.Expr, Steps: steps}, nil)
		if err := errors.Join(from.Put(bg, b), to.Put(bg, b)); err != nil {
			t.Fatal(err)
		}
		return b.CID
	}
	kept := graph.Becomes{Expr: theirs.Expr, Reduct: reduct(1), By: "claim:key A & key B"}
	point := graph.EncodeCheckpoint(graph.Checkpoint{Of: theirs.Expr, Reducts: []cid.Cid{reduct(2)}}, nil)
	if err := from.Put(bg, point); err != nil {
		t.Fatal(err)
	}
	var library, stopped bytes.Buffer
	for car, root := range map[*bytes.Buffer]cid.Cid{&library: p.Root, &stopped: point.CID} {
		if _, err := from.Export(bg, root, car); err != nil {
			t.Fatal(err)
		}
	}
	facts := map[int]string{0: "claim:key A & key B", 1: "claim:key A & x.car", 2: "claim:many sources"}
	for i, by := range facts {
		makeFact(i, by).put(t, to)
	}
	if err := to.RecordReduct(bg, kept); err != nil {
		t.Fatal(err)
	}
	for _, flush := range []bool{false, true} { // first all of it waits in the queue
		if _, err := to.Import(bg, bytes.NewReader(library.Bytes()), "them"); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Import(bg, bytes.NewReader(stopped.Bytes()), "them"); err != nil {
			t.Fatal(err)
		}
		if _, err := to.AdoptLibrary(bg, p.Root, "them"); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			want := makeFact(i, "claim:them").answer
			if i == 0 {
				want.By = facts[0]
			}
			if a, ok, err := to.Answer(bg, want.Expr); !ok || err != nil || a != want {
				t.Errorf("%d: got %v, %v, %v, want %v", i, a, ok, err, want)
			}
		}
		if b, ok, err := to.Reduct(bg, theirs.Expr); !ok || err != nil || b != kept {
			t.Errorf("the reduct: got %v, %v, %v, want %v", b, ok, err, kept)
		}
		if flush {
			break
		}
		if err := to.Flush(bg); err != nil {
			t.Fatal(err)
		}
	}
	for _, by := range []string{"claim:key C", "own:1"} {
		next := makeFact(0, by).answer
		if err := to.Record(bg, next); err != nil {
			t.Fatal(err)
		}
		if a, ok, err := to.Answer(bg, next.Expr); !ok || err != nil || a != next {
			t.Errorf("%s: got %v, %v, %v", by, a, ok, err)
		}
	}
}

func TestTracesOnce(t *testing.T) {
	s := open(t, t.TempDir())
	const n = 3000
	names := map[string]cid.Cid{}
	last := makeFact(0, "own:1")
	last.put(t, s)
	for i := range n {
		last = rested(i+1, last)
		last.put(t, s)
		names[fmt.Sprintf("%06d", i)] = last.answer.Expr
	}
	loads := 0
	lib := newLibrary()
	g := s.gatherer(bg, &lib)
	load := func(c cid.Cid) ([]byte, error) { loads++; return g.load(c) }
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, _, err := s.lookup(bg, names[name])
		if err == nil {
			err = traced(load, a.Trace, lib.Results, lib.Traces, g.traced)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if loads > 3*n {
		t.Errorf("got %d blocks looked at for %d traces", loads, n)
	}
	p, err := s.Publish(bg, names, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.ReadLibrary(bg, p.Root); err != nil || len(got.Results) != n+1 || len(got.Traces) != n+1 {
		t.Errorf("got %d results and %d traces, %v", len(got.Results), len(got.Traces), err)
	}
}

// TestLargeLibrary publishes 25,000 names and as many results, changes one, and gives all to another store.
func TestLargeLibrary(t *testing.T) {
	if testing.Short() {
		t.Skip("it is large")
	}
	n := 25000
	s := open(t, t.TempDir())
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	p := shelfOf(t, s, "large", numbers...)
	s.Flush(bg)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	first := update(t, s, p)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 200<<20 {
		t.Errorf("publishing took %d MB of memory", grown>>20)
	}
	top, err := s.entries(bg, first.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{namesName, aboutName, resultsName, tracesName} {
		node, err := s.dag().Get(bg, top[part])
		if err != nil {
			t.Fatal(err)
		}
		fs, err := unixfs.FSNodeFromBytes(node.(*merkledag.ProtoNode).Data())
		if err != nil || fs.Type() != unixfs.THAMTShard || len(node.RawData()) > 64<<10 {
			t.Errorf("%s: got a node of the type %v and %d bytes, %v, want shards", part, fs.Type(), len(node.RawData()), err)
		}
		dir, err := uio.NewDirectoryFromNode(s.dag(), node) // as kubo lists it
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		if err := dir.ForEachLink(bg, func(*ipld.Link) error { found++; return nil }); err != nil || found != n {
			t.Errorf("%s: boxo lists %d entries, %v", part, found, err)
		}
	}
	delete(p.Names, "name7")
	delete(p.About, "name7")
	there := len(blocksOf(t, s))
	second := update(t, s, p)
	if added := len(blocksOf(t, s)) - there; added > 20 {
		t.Errorf("one name less put %d blocks", added)
	}
	if d, err := s.DiffLibraries(bg, first.Root, second.Root); err != nil || len(d.Names) != 1 || d.Results != (Changed{0, 1, 0}) {
		t.Errorf("got %+v, %v", d, err)
	}
	got, err := s.AdoptLibrary(bg, first.Root, "x")
	if err != nil || got.Claims != n {
		t.Errorf("got %d claims, %v", got.Claims, err)
	}
}

func BenchmarkLibrary(b *testing.B) {
	n := 5000
	if os.Getenv("LARGE") != "" {
		n = 25000
	}
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	s := open(b, b.TempDir())
	p := shelfOf(b, s, "", numbers...)
	s.Flush(bg)
	made := update(b, s, p)
	p.Library = "large"
	b.Run("publish", func(b *testing.B) {
		for range b.N {
			s.RemoveLibrary(bg, "large")
			update(b, s, p)
		}
	})
	b.Run("update", func(b *testing.B) {
		for i := range b.N {
			f := makeFact(n+i, "own:1")
			f.put(b, s)
			p.Names["another"] = f.answer.Expr
			update(b, s, p)
		}
	})
	b.Run("adopt", func(b *testing.B) {
		for range b.N {
			if got, err := s.AdoptLibrary(bg, made.Root, "x"); err != nil || got.Claims != n {
				b.Fatal(got.Claims, err)
			}
		}
	})
}
