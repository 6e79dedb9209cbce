// This file publishes: a library is an IPFS (UnixFS) directory that any IPFS tool lists, walks and pins.
//
//	names/<name>                 the term
//	about/<name>                 its about block
//	results/<expression CID>     the expression's Result
//	traces/<expression CID>      its Trace

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/ipld/merkledag"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"github.com/rosser-lang/rosser/graph"
)

// A Library is what a library directory lists.
type Library struct {
	Names   map[string]cid.Cid  // terms
	About   map[string]cid.Cid  // about blocks, by the same names
	Results map[cid.Cid]cid.Cid // by expression
	Traces  map[cid.Cid]cid.Cid // by expression
}

// A Published says where a library is and how large.
type Published struct {
	Root cid.Cid
	Size
}

var errNoLibrary = errors.New("not a library")

// Publish makes a library of names, with their about blocks, and with the results that this machine has found for
// any expression in their code, for the expressions asked, and for all that these rest on. Everything below the root
// must be there: a block that is not is an error that names it.
func (s *Store) Publish(ctx context.Context, names, about map[string]cid.Cid, asked ...cid.Cid) (Published, error) {
	lib := Library{names, about, map[cid.Cid]cid.Cid{}, map[cid.Cid]cid.Cid{}}
	for name := range about {
		if _, ok := names[name]; !ok {
			return Published{}, fmt.Errorf("publish: %q has an about block and no term", name)
		}
	}
	seen := map[cid.Cid]struct{}{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := s.gather(ctx, names[name], &lib, seen); err != nil {
			return Published{}, fmt.Errorf("publish %s: %w", name, err)
		}
	}
	for _, expr := range asked {
		if err := s.gather(ctx, expr, &lib, seen); err != nil {
			return Published{}, fmt.Errorf("publish %s: %w", expr, err)
		}
	}
	return s.PutLibrary(ctx, lib)
}

// gather adds to lib the answers for all code below root, and for all code below these answers, and so on.
func (s *Store) gather(ctx context.Context, root cid.Cid, lib *Library, seen map[cid.Cid]struct{}) error {
	for todo := []cid.Cid{root}; len(todo) > 0; {
		var code []cid.Cid
		err := graph.Closure(ctx, todo, graph.LoaderOf(ctx, s), func(c cid.Cid, data []byte) error {
			if _, ok := seen[c]; ok {
				return graph.ErrSkip
			}
			seen[c] = struct{}{}
			if c.Prefix().Codec == cid.DagCBOR && graph.IsCode(data) {
				code = append(code, c)
			}
			return nil
		})
		if err != nil {
			return err
		}
		todo = nil
		for _, expr := range code {
			if _, ok := lib.Results[expr]; ok {
				continue
			}
			a, ok, err := s.Answer(ctx, expr)
			if err != nil {
				return err
			}
			if !ok || !a.Own() {
				continue
			}
			lib.Results[expr] = a.Result
			todo = append(todo, a.Result)
			if has, err := s.Has(ctx, a.Trace); err != nil {
				return err
			} else if has {
				if err := s.traced(ctx, a.Trace, lib.Results, lib.Traces); err != nil {
					return err
				}
				lib.Results[expr], lib.Traces[expr] = a.Result, a.Trace
				todo = append(todo, a.Trace)
			}
		}
	}
	return nil
}

// PutLibrary puts the directory of lib, and says how large all that is below it is. A block that is missing is an
// error that names it.
func (s *Store) PutLibrary(ctx context.Context, lib Library) (Published, error) {
	dag := s.dag()
	top, err := uio.NewDirectory(dag, uio.WithCidBuilder(merkledag.V1CidPrefix()))
	if err != nil {
		return Published{}, err
	}
	for _, part := range lib.parts() {
		dir, err := uio.NewDirectory(dag, uio.WithCidBuilder(merkledag.V1CidPrefix()))
		if err != nil {
			return Published{}, err
		}
		for _, name := range slices.Sorted(maps.Keys(part.entries)) {
			if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
				return Published{}, fmt.Errorf("%s: %q is no name for a file", part.name, name)
			}
			c := part.entries[name]
			data, err := s.Block(ctx, c)
			if err != nil {
				return Published{}, fmt.Errorf("%s/%s: %w", part.name, name, err)
			}
			// A node without links: the directory wants only its CID and size, and for anything but DAG-PB
			// that is all there is to say.
			b, err := blocks.NewBlockWithCid(data, c)
			if err != nil {
				return Published{}, err
			}
			if err := dir.AddChild(ctx, name, &merkledag.RawNode{Block: b}); err != nil {
				return Published{}, fmt.Errorf("%s/%s: %w", part.name, name, err)
			}
		}
		if err := addDirectory(ctx, dag, top, part.name, dir); err != nil {
			return Published{}, err
		}
	}
	node, err := top.GetNode()
	if err != nil {
		return Published{}, err
	}
	if err := dag.Add(ctx, node); err != nil {
		return Published{}, err
	}
	p := Published{Root: node.Cid()}
	err = graph.Closure(ctx, []cid.Cid{p.Root}, graph.LoaderOf(ctx, s), func(_ cid.Cid, data []byte) error {
		p.Blocks++
		p.Bytes += int64(len(data))
		return nil
	})
	if err != nil {
		return Published{}, fmt.Errorf("below the library: %w", err)
	}
	return p, s.Flush(ctx)
}

func addDirectory(ctx context.Context, dag ipld.DAGService, top uio.Directory, name string, dir uio.Directory) error {
	node, err := dir.GetNode()
	if err != nil {
		return err
	}
	if err := dag.Add(ctx, node); err != nil {
		return err
	}
	return top.AddChild(ctx, name, node)
}

// A part is one of the directories in a library.
type part struct {
	name    string
	entries map[string]cid.Cid
}

func (l Library) parts() []part {
	text := func(m map[cid.Cid]cid.Cid) map[string]cid.Cid {
		out := make(map[string]cid.Cid, len(m))
		for k, v := range m {
			out[k.String()] = v
		}
		return out
	}
	return []part{{"names", l.Names}, {"about", l.About}, {"results", text(l.Results)}, {"traces", text(l.Traces)}}
}

func (s *Store) dag() ipld.DAGService {
	bs := s.Blockstore()
	return merkledag.NewDAGService(blockservice.New(bs, offline.Exchange(bs)))
}

// ReadLibrary returns what the library at root lists. It looks at the directories only.
func (s *Store) ReadLibrary(ctx context.Context, root cid.Cid) (Library, error) {
	lib := Library{map[string]cid.Cid{}, map[string]cid.Cid{}, map[cid.Cid]cid.Cid{}, map[cid.Cid]cid.Cid{}}
	top, err := s.entries(ctx, root)
	if err != nil {
		return lib, fmt.Errorf("%s: %w", root, err)
	}
	if _, ok := top["names"]; !ok {
		return lib, fmt.Errorf("%s: %w: it has no directory names", root, errNoLibrary)
	}
	for name, into := range map[string]*map[string]cid.Cid{"names": &lib.Names, "about": &lib.About} {
		if c, ok := top[name]; ok {
			if *into, err = s.entries(ctx, c); err != nil {
				return lib, fmt.Errorf("%s/%s: %w", root, name, err)
			}
		}
	}
	for name, into := range map[string]map[cid.Cid]cid.Cid{"results": lib.Results, "traces": lib.Traces} {
		c, ok := top[name]
		if !ok {
			continue
		}
		found, err := s.entries(ctx, c)
		if err != nil {
			return lib, fmt.Errorf("%s/%s: %w", root, name, err)
		}
		for key, v := range found {
			expr, err := cid.Decode(key)
			if err != nil {
				return lib, fmt.Errorf("%s/%s: %q is not the CID of an expression", root, name, key)
			}
			into[expr] = v
		}
	}
	return lib, nil
}

// entries is what a directory of a library lists.
func (s *Store) entries(ctx context.Context, c cid.Cid) (map[string]cid.Cid, error) {
	list, err := graph.ReadDirectory(c, graph.LoaderOf(ctx, s))
	if errors.Is(err, graph.ErrNotUnixFS) || errors.Is(err, graph.ErrBadUnixFS) || errors.Is(err, graph.ErrNoDirectory) {
		return nil, fmt.Errorf("%w: %v", errNoLibrary, err)
	}
	found := make(map[string]cid.Cid, len(list))
	for _, e := range list {
		found[e.Name] = e.CID
	}
	return found, err
}

// Union returns a library with all that the given ones list. That two of them give one name to different terms, or
// one expression different results, is an error that names it: by the first one has to be renamed, by the second
// one of them is wrong.
func Union(libs ...Library) (Library, error) {
	all := Library{map[string]cid.Cid{}, map[string]cid.Cid{}, map[cid.Cid]cid.Cid{}, map[cid.Cid]cid.Cid{}}
	for _, l := range libs {
		for name, c := range l.Names {
			if old, ok := all.Names[name]; ok && old != c {
				return all, fmt.Errorf("%q is %s in one library and %s in another", name, old, c)
			}
			all.Names[name] = c
		}
		for expr, c := range l.Results {
			if old, ok := all.Results[expr]; ok && old != c {
				return all, fmt.Errorf("%s has the result %s in one library and %s in another: one of them is wrong", expr, old, c)
			}
			all.Results[expr] = c
		}
		// Of what people wrote, and of traces, there can be several; the first one stays.
		for name, c := range l.About {
			if _, ok := all.About[name]; !ok {
				all.About[name] = c
			}
		}
		for expr, c := range l.Traces {
			if _, ok := all.Traces[expr]; !ok {
				all.Traces[expr] = c
			}
		}
	}
	return all, nil
}
