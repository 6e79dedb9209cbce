// This file tests libraries, and reads them with nothing but the libraries of IPLD and IPFS.

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/exchange/offline"
	bsfetcher "github.com/ipfs/boxo/fetcher/impl/blockservice"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/boxo/path/resolver"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-unixfsnode"
	dagpb "github.com/ipld/go-codec-dagpb"
	_ "github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/linking"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/ipld/go-ipld-prime/traversal"

	"github.com/rosser-lang/rosser/graph"
)

func aboutOf(s *Store, f fact, name string) cid.Cid {
	return graph.EncodeAbout(graph.About{Name: name, Term: f.answer.Expr, Source: "1 + n"}, graph.SinkFunc(func(b graph.Block) { s.Put(bg, b) })).CID
}

func TestPublish(t *testing.T) {
	s := open(t, t.TempDir())
	low := makeFact(1, "own:1")
	top := rested(2, low)
	claimed, other := makeFact(3, "claim:x"), makeFact(4, "own:1")
	for _, f := range []fact{low, top, claimed, other} {
		f.put(t, s)
	}
	names := map[string]cid.Cid{"top": top.answer.Expr, "claimed": claimed.answer.Expr}
	about := map[string]cid.Cid{"top": aboutOf(s, top, "top")}
	p, err := s.Publish(bg, names, about)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Publish(bg, names, about); err != nil || again != p {
		t.Errorf("published again: got %v, %v, want %v", again, err, p)
	}
	lib, err := s.ReadLibrary(bg, p.Root)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(lib.Names, names) || !maps.Equal(lib.About, about) {
		t.Errorf("got %v and %v", lib.Names, lib.About)
	}
	// The result of low is there because that of top rests on it; a claim is not this machine's to publish.
	results := map[cid.Cid]cid.Cid{top.answer.Expr: top.answer.Result, low.answer.Expr: low.answer.Result}
	traces := map[cid.Cid]cid.Cid{top.answer.Expr: top.answer.Trace, low.answer.Expr: low.answer.Trace}
	if !maps.Equal(lib.Results, results) || !maps.Equal(lib.Traces, traces) {
		t.Errorf("got results %v and traces %v, want %v and %v", lib.Results, lib.Traces, results, traces)
	}

	// It travels, and what it lists are claims.
	to := open(t, t.TempDir())
	data := exported(t, s, p.Root)
	got, err := to.Import(bg, bytes.NewReader(data), "library")
	if err != nil || got.Claims != 2 {
		t.Errorf("got %+v, %v, want 2 claims", got, err)
	}
	if got.Size != p.Size {
		t.Errorf("got %v, want %v as was published", got.Size, p.Size)
	}
	want := low.answer
	want.By = "claim:library"
	if a, ok, err := to.Answer(bg, low.answer.Expr); !ok || err != nil || a != want {
		t.Errorf("got %v, %v, %v, want %v", a, ok, err, want)
	}
}

// TestPaths reads a value out of a library with nothing but IPLD and IPFS libraries.
func TestPaths(t *testing.T) {
	for _, size := range []int{0, 3000} { // a plain directory, and one that is sharded
		s := open(t, t.TempDir())
		f := makeFact(1, "own:1")
		f.put(t, s)
		names := map[string]cid.Cid{"one": f.answer.Expr}
		for i := range size {
			names[fmt.Sprintf("name number %d, long enough for a large directory", i)] = f.answer.Expr
		}
		p, err := s.Publish(bg, names, nil)
		if err != nil {
			t.Fatal(err)
		}
		if lib, err := s.ReadLibrary(bg, p.Root); err != nil || !maps.Equal(lib.Names, names) {
			t.Fatalf("%d names: got %d back, %v", len(names), len(lib.Names), err)
		}
		s.Flush(bg)
		steps := "results/" + f.answer.Expr.String() + "/steps"
		text := "results/" + f.answer.Expr.String() + "/value/1/λ"
		code := "names/one/λ/app/2/lit"

		ls := cidlink.DefaultLinkSystem()
		ls.SetReadStorage(storage{s})
		ls.NodeReifier = unixfsnode.Reify
		prog := traversal.Progress{Cfg: &traversal.Config{Ctx: bg, LinkSystem: ls,
			LinkTargetNodePrototypeChooser: dagpb.AddSupportToChooser(func(datamodel.Link, linking.LinkContext) (datamodel.NodePrototype, error) {
				return basicnode.Prototype.Any, nil
			})}}
		root, err := ls.Load(linking.LinkContext{Ctx: bg}, cidlink.Link{Cid: p.Root}, dagpb.Type.PBNode)
		if err != nil {
			t.Fatal(err)
		}
		get := func(at string) datamodel.Node {
			t.Helper()
			n, err := prog.Get(root, datamodel.ParsePath(at))
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			return n
		}
		if n, err := get(steps).AsInt(); n != 1 || err != nil {
			t.Errorf("steps: got %d, %v", n, err)
		}
		if v, err := get(text).AsString(); !strings.HasPrefix(v, "1/1 1/1 ") || err != nil {
			t.Errorf("value: got %.40q, %v", v, err)
		}
		if n, err := get(code).AsInt(); n != 1 || err != nil {
			t.Errorf("code: got %d, %v", n, err)
		}

		// boxo's resolver, which is what a gateway and kubo use.
		fetch := bsfetcher.NewFetcherConfig(blockservice.New(s.Blockstore(), offline.Exchange(s.Blockstore())))
		fetch.PrototypeChooser = dagpb.AddSupportToChooser(bsfetcher.DefaultPrototypeChooser)
		fetch.NodeReifier = unixfsnode.Reify
		res := resolver.NewBasicResolver(fetch)
		for at, want := range map[string]cid.Cid{
			"names/one":                         f.answer.Expr,
			"results/" + f.answer.Expr.String(): f.answer.Result,
			"results/" + f.answer.Expr.String() + "/value/0/λ": f.blocks[0].CID,
			"traces/" + f.answer.Expr.String() + "/result":     f.answer.Result,
		} {
			full, err := path.NewPath("/ipfs/" + p.Root.String() + "/" + at)
			if err != nil {
				t.Fatal(err)
			}
			imm, err := path.NewImmutablePath(full)
			if err != nil {
				t.Fatal(err)
			}
			c, rest, err := res.ResolveToLastNode(bg, imm)
			if err != nil || c != want || len(rest) != 0 {
				t.Errorf("%s: got %v, %v, %v, want %v", at, c, rest, err, want)
			}
		}
		s.Close()
	}
}

func TestPublishMissing(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, s)
	gone := makeFact(2, "own:1")
	// Its trace rests on what is not there.
	top := rested(3, gone)
	top.put(t, s)
	_, err := s.Publish(bg, map[string]cid.Cid{"f": f.answer.Expr, "top": top.answer.Expr}, nil)
	if !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), gone.answer.Trace.String()) || !strings.Contains(err.Error(), "top") {
		t.Errorf("got %v, want one that names %s", err, gone.answer.Trace)
	}
	if _, err := s.Publish(bg, map[string]cid.Cid{"gone": gone.answer.Expr}, nil); !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), gone.answer.Expr.String()) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"", ".", "..", "a/b", "a\x00"} {
		if _, err := s.Publish(bg, map[string]cid.Cid{name: f.answer.Expr}, nil); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	if _, err := s.Publish(bg, nil, map[string]cid.Cid{"f": f.answer.Expr}); err == nil {
		t.Error("an about without a term was taken")
	}
}

func TestReadNoLibrary(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, s)
	empty, err := s.PutLibrary(bg, Library{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadLibrary(bg, empty.Root); err != nil {
		t.Errorf("an empty library: %v", err)
	}
	if _, err := s.ReadLibrary(bg, f.answer.Expr); !errors.Is(err, ErrNoLibrary) {
		t.Errorf("got %v", err)
	}
	file, _ := cid.Prefix{Version: 1, Codec: cid.DagProtobuf, MhType: 0x12, MhLength: 32}.Sum([]byte("garbage"))
	s.Put(bg, graph.Block{CID: file, Data: []byte("garbage")})
	if _, err := s.ReadLibrary(bg, file); !errors.Is(err, ErrNoLibrary) {
		t.Errorf("got %v", err)
	}
}

func TestUnion(t *testing.T) {
	a, b, c := makeFact(1, ""), makeFact(2, ""), makeFact(3, "")
	lib := func(name string, f, result fact) Library {
		return Library{
			Names:   map[string]cid.Cid{name: f.answer.Expr},
			Results: map[cid.Cid]cid.Cid{f.answer.Expr: result.answer.Result},
			Traces:  map[cid.Cid]cid.Cid{f.answer.Expr: result.answer.Trace},
		}
	}
	both, conflicts, err := Union([]Library{lib("a", a, a), lib("b", b, b), lib("a", a, a)}, -1)
	if err != nil || conflicts != nil || len(both.Names) != 2 || len(both.Results) != 2 || len(both.Traces) != 2 {
		t.Errorf("got %v, %v, %v", both, conflicts, err)
	}
	// One name for two terms has to be decided, for the one or the other.
	two := []Library{lib("a", a, a), lib("a", b, b), lib("c", c, c)}
	var names NamesError
	if _, _, err := Union(two, -1); !errors.As(err, &names) || len(names) != 1 || names[0].Name != "a" || names[0].Terms[1] != b.answer.Expr || !reflect.DeepEqual(names[0].From, [][]int{{0}, {1}}) {
		t.Errorf("one name for two terms: got %v", err)
	}
	if _, _, err := Union(two, 2); !errors.As(err, &names) {
		t.Errorf("preferred is who does not have the name: got %v", err)
	}
	for i, want := range []fact{a, b} {
		if got, _, err := Union(two, i); err != nil || got.Names["a"] != want.answer.Expr || len(got.Results) != 3 {
			t.Errorf("%d preferred: got %v, %v", i, got, err)
		}
	}
	// Of two results for one expression none is taken, nor what stands for it; that of a third stays.
	disputed, wrong := lib("a", a, a), lib("b", a, c)
	disputed.Attest = map[cid.Cid][][]byte{a.answer.Expr: {[]byte("right")}}
	wrong.Attest = map[cid.Cid][][]byte{a.answer.Expr: {[]byte("wrong")}}
	got, conflicts, err := Union([]Library{disputed, wrong, lib("c", b, b), disputed}, 0)
	want := []Conflict{{a.answer.Expr, []cid.Cid{a.answer.Result, c.answer.Result}, [][]int{{0, 3}, {1}}}}
	if err != nil || !reflect.DeepEqual(conflicts, want) || len(got.Results) != 1 || len(got.Traces) != 1 || len(got.Attest) != 0 {
		t.Errorf("two results for one expression: got %v, %v, %v", got, conflicts, err)
	}
}

// storage is a Store for go-ipld-prime.
type storage struct{ s *Store }

func (st storage) Has(ctx context.Context, key string) (bool, error) {
	return st.s.Has(ctx, cid.MustParse([]byte(key)))
}

func (st storage) Get(ctx context.Context, key string) ([]byte, error) {
	return st.s.Block(ctx, cid.MustParse([]byte(key)))
}
