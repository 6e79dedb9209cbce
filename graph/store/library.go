// This file holds libraries: IPFS (UnixFS) directories that any IPFS tool lists, walks and pins.
//
//	names/<name>                 the term
//	about/<name>                 its about block
//	results/<expression CID>     the expression's Result
//	traces/<expression CID>      its Trace
//	attest/<expression CID>      who says that its Result is right: a DAG-CBOR list of signed envelopes, and of chains, if there are any
//	parent                       the library that this one took the place of, if there was one

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/hamt"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A Library is what a library directory lists.
type Library struct {
	Names   map[string]cid.Cid   // terms
	About   map[string]cid.Cid   // about blocks, by the same names
	Results map[cid.Cid]cid.Cid  // by expression
	Traces  map[cid.Cid]cid.Cid  // by expression
	Attest  map[cid.Cid][][]byte // envelopes, by expression; what they say is for others to verify
	Parent  cid.Cid              // the library before this one; undefined if there was none
}

func newLibrary() Library {
	return Library{map[string]cid.Cid{}, map[string]cid.Cid{}, map[cid.Cid]cid.Cid{}, map[cid.Cid]cid.Cid{}, map[cid.Cid][][]byte{}, cid.Undef}
}

// Bounds of a library. What is beyond them is not published, and not read.
const (
	MaxAttest      = 64      // envelopes of one expression, each of at most MaxEnvelope bytes
	maxLibraryName = 4096    // bytes
	maxLibraryPart = 1 << 20 // entries of one directory
	maxLibraryWord = 1 << 29 // bytes of all envelopes, which are read at once
	shardBytes     = 256 << 10
	shardFanout    = 256
)

// A Published says where a library is and how large, without those before it.
type Published struct {
	Root cid.Cid
	Size
}

// ErrNoLibrary says that something else stands where a library should be.
var ErrNoLibrary = errors.New("not a library")

// PutLibrary puts the directory of lib, and says how large all that is below it is, but for its parent. A block that is missing is an
// error that names it.
func (s *Store) PutLibrary(ctx context.Context, lib Library) (Published, error) {
	return s.putLibrary(ctx, lib, nil, map[cid.Cid]uint32{})
}

// putLibrary is PutLibrary. A directory that is in known is not made again: it has the same entries. Blocks that have a size
// in sizes are below what lib lists, and so is all below them, which is there.
func (s *Store) putLibrary(ctx context.Context, lib Library, known map[string]cid.Cid, sizes map[cid.Cid]uint32) (Published, error) {
	dag := s.dag()
	parts, err := s.parts(ctx, lib)
	if err != nil {
		return Published{}, err
	}
	top := newDirectory()
	var roots []cid.Cid
	for _, p := range parts {
		var node ipld.Node
		if c, ok := known[p.name]; ok {
			node, err = dag.Get(ctx, c)
		} else {
			node, err = s.putDirectory(ctx, dag, p, sizes)
		}
		if err == nil {
			err = top.AddNodeLink(p.name, node)
		}
		if err != nil {
			return Published{}, fmt.Errorf("%s: %w", p.name, err)
		}
		roots = append(roots, node.Cid())
	}
	if lib.Parent.Defined() {
		node, err := dag.Get(ctx, lib.Parent)
		if err == nil {
			err = top.AddNodeLink(parentName, node)
		}
		if err != nil {
			return Published{}, fmt.Errorf("%s: %w", parentName, err)
		}
	}
	if err := dag.Add(ctx, top); err != nil {
		return Published{}, err
	}
	p := Published{top.Cid(), Size{1, int64(len(top.RawData()))}}
	for _, size := range sizes {
		p.Blocks++
		p.Bytes += int64(size)
	}
	load := graph.LoaderOf(ctx, s)
	err = graph.ClosureBy(ctx, roots, func(c cid.Cid) ([]byte, error) {
		if _, ok := sizes[c]; ok {
			return nil, graph.ErrSkip
		}
		return load(c)
	}, codec.Links, func(_ cid.Cid, data []byte) error {
		p.Blocks++
		p.Bytes += int64(len(data))
		return nil
	})
	if err != nil {
		return Published{}, fmt.Errorf("below the library: %w", err)
	}
	return p, s.Flush(ctx)
}

func newDirectory() *merkledag.ProtoNode {
	node := unixfs.EmptyDirNode()
	node.SetCidBuilder(merkledag.V1CidPrefix()) // which never fails for a hash that is known
	return node
}

// putDirectory puts the directory of a part: one block, or shards when that would be large, as boxo and kubo have it.
func (s *Store) putDirectory(ctx context.Context, dag ipld.DAGService, p part, sizes map[cid.Cid]uint32) (ipld.Node, error) {
	if len(p.entries) > maxLibraryPart {
		return nil, fmt.Errorf("got %d entries, a library has at most %d", len(p.entries), maxLibraryPart)
	}
	size := 0
	for name, c := range p.entries {
		if err := checkEntry(name); err != nil {
			return nil, err
		}
		size += len(name) + c.ByteLen()
	}
	dir := newDirectory()
	add := func(name string, l *ipld.Link) error { return dir.AddRawLink(name, l) }
	var shard *hamt.Shard
	if size > shardBytes {
		var err error
		if shard, err = hamt.NewShard(dag, shardFanout); err != nil {
			return nil, err
		}
		shard.SetCidBuilder(merkledag.V1CidPrefix())
		add = func(name string, l *ipld.Link) error { return shard.SetLink(ctx, name, l) }
	}
	for _, name := range slices.Sorted(maps.Keys(p.entries)) {
		c := p.entries[name]
		size, ok := sizes[c]
		if !ok {
			data, err := s.Block(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			size = uint32(len(data))
		}
		// Of what an entry leads to the directory says the size of the block alone.
		if err := add(name, &ipld.Link{Name: name, Size: uint64(size), Cid: c}); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if shard != nil {
		return shard.Node()
	}
	return dir, dag.Add(ctx, dir)
}

// checkEntry says what is wrong with a name in a library.
func checkEntry(name string) error {
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || !utf8.ValidString(name):
		return fmt.Errorf("%q is no name for a file", codec.CutName(name))
	case len(name) > maxLibraryName:
		return fmt.Errorf("the name %q has %d bytes, the limit is %d", codec.CutName(name), len(name), maxLibraryName)
	}
	return nil
}

// A part is one of the directories in a library.
type part struct {
	name    string
	entries map[string]cid.Cid
}

const (
	namesName   = "names"
	aboutName   = "about"
	resultsName = "results"
	tracesName  = "traces"
	attestName  = "attest"
	parentName  = "parent"
)

// parts are the directories of a library. Those blocks that they alone link to are put.
func (s *Store) parts(ctx context.Context, l Library) ([]part, error) {
	text := func(m map[cid.Cid]cid.Cid) map[string]cid.Cid {
		out := make(map[string]cid.Cid, len(m))
		for k, v := range m {
			out[k.String()] = v
		}
		return out
	}
	all := []part{{namesName, l.Names}, {aboutName, l.About}, {resultsName, text(l.Results)}, {tracesName, text(l.Traces)}}
	attest := map[string]cid.Cid{}
	for expr, list := range l.Attest {
		if list = Envelopes(list); len(list) == 0 {
			continue
		}
		b := encodeAttest(list)
		if err := s.Put(ctx, b); err != nil {
			return nil, err
		}
		attest[expr.String()] = b.CID
	}
	if len(attest) > 0 { // else the library is what it was before there were any
		all = append(all, part{attestName, attest})
	}
	return all, nil
}

// Envelopes are the ones of some lists that a library takes: each once, in the order of their bytes, without those that are too long. Of more
// than MaxAttest the first stay, so nobody puts out what is named before his own.
func Envelopes(lists ...[][]byte) [][]byte {
	var all [][]byte
	known := map[string]bool{}
	for _, list := range lists {
		for _, e := range list {
			if len(e) > 0 && len(e) <= MaxEnvelope && len(all) < MaxAttest && !known[string(e)] {
				known[string(e)] = true
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}

func encodeAttest(list [][]byte) graph.Block {
	dst := codec.AppendArray(nil, len(list))
	for _, e := range list {
		dst = codec.AppendBytes(dst, e)
	}
	return graph.Block{CID: codec.CIDOf(dst), Data: dst}
}

// decodeAttest reads the block of some envelopes, strictly.
func decodeAttest(data []byte) ([][]byte, error) {
	r := codec.NewReader(data, true)
	n, err := r.Array()
	if err != nil {
		return nil, err
	}
	if n == 0 || n > MaxAttest {
		return nil, fmt.Errorf("got %d envelopes, want 1 to %d", n, MaxAttest)
	}
	list := make([][]byte, n)
	for i := range list {
		if list[i], err = r.Bytes(); err != nil {
			return nil, err
		}
		switch {
		case len(list[i]) == 0 || len(list[i]) > MaxEnvelope:
			return nil, fmt.Errorf("got an envelope of %d bytes, want 1 to %d", len(list[i]), MaxEnvelope)
		case i > 0 && bytes.Compare(list[i-1], list[i]) >= 0:
			return nil, errors.New("envelopes out of order")
		}
	}
	return list, r.Done()
}

func (s *Store) dag() ipld.DAGService {
	bs := s.Blockstore()
	return merkledag.NewDAGService(blockservice.New(bs, offline.Exchange(bs)))
}

// A shelf is a library with the directories that it was read from, and what of it is not there.
type shelf struct {
	Library
	dirs   map[string]cid.Cid // by the names of parts
	absent int                // directories and lists of envelopes that are not there
}

// ReadLibrary returns what the library at root lists. It looks at the directories only, and at the lists of envelopes.
func (s *Store) ReadLibrary(ctx context.Context, root cid.Cid) (Library, error) {
	sh, err := s.readShelf(ctx, root, false, namesName, aboutName, resultsName, tracesName, attestName)
	return sh.Library, err
}

// ReadNames is ReadLibrary, but of Names, About and Parent only.
func (s *Store) ReadNames(ctx context.Context, root cid.Cid) (Library, error) {
	sh, err := s.readShelf(ctx, root, false, namesName, aboutName)
	return sh.Library, err
}

// A Listing is what the directories of a library list, whether that is there or not.
type Listing struct {
	Library
	Lists map[cid.Cid]cid.Cid // of envelopes, by expression; Attest is empty
}

// ReadListing looks at the directories only.
func (s *Store) ReadListing(ctx context.Context, root cid.Cid) (Listing, error) {
	sh, err := s.readShelf(ctx, root, false, namesName, aboutName, resultsName, tracesName)
	l := Listing{sh.Library, map[cid.Cid]cid.Cid{}}
	if err != nil {
		return l, err
	}
	top, err := s.entries(ctx, root)
	if err != nil || !top[attestName].Defined() {
		return l, err
	}
	found, err := s.entries(ctx, top[attestName])
	for key, c := range found {
		if expr, err := cid.Decode(key); err == nil {
			l.Lists[expr] = c
		}
	}
	return l, err
}

// readShelf reads parts of a library. Where it is allowed that some are not there, they are as if they were empty.
func (s *Store) readShelf(ctx context.Context, root cid.Cid, partly bool, parts ...string) (shelf, error) {
	sh := shelf{Library: newLibrary(), dirs: map[string]cid.Cid{}}
	top, err := s.entries(ctx, root)
	if err != nil {
		return sh, fmt.Errorf("%s: %w", root, err)
	}
	if _, ok := top[namesName]; !ok {
		return sh, fmt.Errorf("%s: %w: it has no directory names", root, ErrNoLibrary)
	}
	sh.Parent = top[parentName]
	for _, name := range parts {
		c, ok := top[name]
		if !ok {
			continue
		}
		sh.dirs[name] = c
		found, err := s.entries(ctx, c)
		if err == nil {
			err = s.shelve(ctx, &sh, name, found, partly)
		}
		if partly && errors.Is(err, graph.ErrNotFound) {
			sh.absent++
			continue
		}
		if err != nil {
			return sh, fmt.Errorf("%s/%s: %w", root, name, err)
		}
	}
	return sh, nil
}

// shelve adds what one of the directories lists.
func (s *Store) shelve(ctx context.Context, sh *shelf, part string, found map[string]cid.Cid, partly bool) error {
	switch part {
	case namesName, aboutName:
		for name := range found {
			if err := checkEntry(name); err != nil {
				return err
			}
		}
		if part == namesName {
			sh.Names = found
		} else {
			sh.About = found
		}
		return nil
	}
	lists, words := map[cid.Cid]bool{}, 0
	for key, c := range found {
		expr, err := cid.Decode(key)
		if err != nil || expr.String() != key {
			return fmt.Errorf("%q is not the CID of an expression", codec.CutName(key))
		}
		switch part {
		case resultsName:
			sh.Results[expr] = c
		case tracesName:
			sh.Traces[expr] = c
		case attestName:
			if lists[c] { // one block might be given a million times
				return fmt.Errorf("%w: the envelopes %s are of two expressions", ErrNoLibrary, c)
			}
			lists[c] = true
			data, err := s.Block(ctx, c)
			if partly && errors.Is(err, graph.ErrNotFound) {
				sh.absent++
				continue
			}
			if err != nil {
				return err
			}
			if c.Prefix().Codec != cid.DagCBOR {
				return fmt.Errorf("%s: %s is no list of envelopes", key, c)
			}
			if words += len(data); words > maxLibraryWord {
				return fmt.Errorf("%w: more than %d bytes of envelopes", ErrNoLibrary, maxLibraryWord)
			}
			if sh.Attest[expr], err = decodeAttest(data); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

// entries is what a directory of a library lists.
func (s *Store) entries(ctx context.Context, c cid.Cid) (map[string]cid.Cid, error) {
	f := graph.Far{Load: graph.LoaderOf(ctx, s), Afford: func(n int64) error {
		if n >= maxLibraryPart*graph.EntrySize {
			return fmt.Errorf("%w: a directory of more than %d entries", ErrNoLibrary, maxLibraryPart)
		}
		return nil
	}}
	info, list, err := f.ReadUnixFS(c)
	switch {
	case errors.Is(err, graph.ErrNotUnixFS) || errors.Is(err, graph.ErrBadUnixFS):
		return nil, fmt.Errorf("%w: %v", ErrNoLibrary, err)
	case err == nil && info.Kind != graph.Directory:
		return nil, fmt.Errorf("%w: %s is %w", ErrNoLibrary, c, graph.ErrNoDirectory)
	}
	found := make(map[string]cid.Cid, len(list))
	for _, e := range list {
		found[e.Name] = e.CID
	}
	return found, err
}

// parentOf is the parent of the library whose root block is data; undefined if the block is no such root, or has no parent. A library's root
// is never large enough for shards.
func parentOf(code uint64, data []byte) cid.Cid {
	if code != cid.DagProtobuf || !bytes.Contains(data, []byte(parentName)) || !bytes.Contains(data, []byte(namesName)) {
		return cid.Undef
	}
	n, err := codec.DecodeUnixFS(code, data)
	if err != nil || n.Kind != codec.Directory {
		return cid.Undef
	}
	parent, named := cid.Undef, false
	for _, l := range n.Links {
		switch l.Name {
		case parentName:
			parent = l.CID
		case namesName:
			named = true
		}
	}
	if !named {
		return cid.Undef
	}
	return parent
}
