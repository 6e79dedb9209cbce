// This file reads UnixFS: files, block by block and verified, and what directories list.

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/hamt"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/spaolacci/murmur3"
)

// A FileKind is what a block of UnixFS is the root of.
type FileKind string

const (
	PlainFile FileKind = "file"
	Directory FileKind = "directory"
	Symlink   FileKind = "symlink"
)

// A FileInfo says what a block of UnixFS is the root of.
type FileInfo struct {
	Kind   FileKind
	Size   uint64 // of a file, in bytes, as its root says
	Target string // of a symlink
}

var (
	// ErrNotUnixFS says that a block is no part of a file or a directory.
	ErrNotUnixFS = errors.New("not UnixFS")
	// ErrBadUnixFS says that a block would be part of one that makes no sense, or is beyond what is read.
	ErrBadUnixFS = errors.New("UnixFS that cannot be read")

	errNoDirectory = errors.New("no directory")
)

// Bounds of what is read. What is beyond them nobody makes who means well.
const (
	maxEntries   = 1 << 22 // of a directory
	maxFileDepth = 256     // blocks above each other in a file
	maxFileLinks = 1 << 19 // in the blocks on the way from a file's root to where it is read
	maxFanout    = 1 << 10 // of a shard; boxo's own bound
	hashBits     = 64      // of an entry's name, that say in which shard it is
)

func badUnixFS(c cid.Cid, format string, args ...any) error {
	return fmt.Errorf("%s is %w: %s", c, ErrBadUnixFS, fmt.Sprintf(format, args...))
}

// A unixNode is a block of UnixFS.
type unixNode struct {
	kind   unixKind
	data   []byte
	size   uint64 // of a file's part
	links  []*ipld.Link
	sizes  []uint64 // of a file's part: of what each link leads to
	fanout int      // of a shard
}

type unixKind byte

const (
	filePart unixKind = iota
	basicDirectory
	shard
	symlink
)

// unixNode loads a block of UnixFS.
func (s *Store) unixNode(ctx context.Context, c cid.Cid) (*unixNode, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	codec := c.Prefix().Codec
	if codec != cid.Raw && codec != cid.DagProtobuf {
		return nil, fmt.Errorf("%s is %w", c, ErrNotUnixFS)
	}
	data, err := s.Block(ctx, c)
	if err != nil {
		return nil, err
	}
	if codec == cid.Raw {
		return &unixNode{data: data, size: uint64(len(data))}, nil
	}
	n, err := decodeUnixFS(data)
	switch {
	case errors.Is(err, ErrNotUnixFS):
		return nil, fmt.Errorf("%s is %w", c, err)
	case err != nil:
		return nil, badUnixFS(c, "%v", err)
	}
	return n, nil
}

// decodeUnixFS reads a block of DAG-PB. That its numbers agree with each other is checked here.
func decodeUnixFS(block []byte) (n *unixNode, err error) {
	defer func() {
		if p := recover(); p != nil { // in boxo, over a block that nobody would make
			n, err = nil, fmt.Errorf("%v", p)
		}
	}()
	node, err := merkledag.DecodeProtobuf(block)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNotUnixFS, err)
	}
	fields, err := unixfs.FromBytes(node.Data())
	if err != nil {
		return nil, ErrNotUnixFS
	}
	n = &unixNode{data: fields.GetData(), links: node.Links()}
	switch t := fields.GetType(); t {
	case unixfs.TFile, unixfs.TRaw:
		n.sizes, n.size = fields.GetBlocksizes(), uint64(len(n.data))
		if len(n.sizes) != len(n.links) {
			return nil, fmt.Errorf("a part of a file with %d links and the sizes of %d", len(n.links), len(n.sizes))
		}
		for _, size := range n.sizes {
			sum, over := bits.Add64(n.size, size, 0)
			if over != 0 {
				return nil, errors.New("a file's parts are larger than any file")
			}
			n.size = sum
		}
		if fields.Filesize != nil && *fields.Filesize != n.size {
			return nil, fmt.Errorf("a part of a file says it has %d bytes, and its parts have %d", *fields.Filesize, n.size)
		}
	case unixfs.TDirectory:
		n.kind = basicDirectory
	case unixfs.TSymlink:
		n.kind = symlink
	case unixfs.THAMTShard:
		n.kind = shard
		fanout := fields.GetFanout()
		if fanout < 8 || fanout > maxFanout || fanout&(fanout-1) != 0 {
			return nil, fmt.Errorf("a shard of a directory with the fanout %d", fanout)
		}
		if fields.GetHashType() != hamt.HashMurmur3 {
			return nil, fmt.Errorf("a shard of a directory with the hash function %#x", fields.GetHashType())
		}
		set := 0
		for _, b := range n.data {
			set += bits.OnesCount8(b)
		}
		if n.fanout = int(fanout); set != len(n.links) {
			return nil, fmt.Errorf("a shard of a directory with %d links and places for %d", len(n.links), set)
		}
	default:
		return nil, fmt.Errorf("UnixFS of the type %v", t)
	}
	return n, nil
}

// FileInfo says what c is the root of. The error wraps ErrNotUnixFS or ErrBadUnixFS, or is one of Block.
func (s *Store) FileInfo(ctx context.Context, c cid.Cid) (FileInfo, error) {
	n, err := s.unixNode(ctx, c)
	if err != nil {
		return FileInfo{}, err
	}
	switch n.kind {
	case basicDirectory, shard:
		return FileInfo{Kind: Directory}, nil
	case symlink:
		return FileInfo{Kind: Symlink, Target: string(n.data)}, nil
	}
	return FileInfo{Kind: PlainFile, Size: n.size}, nil
}

// A piece is a part of a file that has not been read yet.
type piece struct {
	cid  cid.Cid
	size uint64
}

// WriteFile writes the file c to w. Every block is verified, and has as many bytes as the block above it says, or else that is an
// error that names it; then w has the bytes before it. Memory does not grow with the file, and the time is that of its bytes.
func (s *Store) WriteFile(ctx context.Context, c cid.Cid, w io.Writer) error {
	var stack [][]piece // what is left of the blocks on the way to where it is read
	held := 0
	enter := func(n *unixNode) error {
		if len(n.data) > 0 {
			if _, err := w.Write(n.data); err != nil {
				return err
			}
		}
		pieces := make([]piece, 0, len(n.links))
		for i, l := range n.links {
			if n.sizes[i] > 0 { // else whatever is there adds nothing
				pieces = append(pieces, piece{l.Cid, n.sizes[i]})
			}
		}
		held += len(pieces)
		stack = append(stack, slices.Clip(pieces))
		return nil
	}
	n, err := s.unixNode(ctx, c)
	if err != nil {
		return err
	}
	if n.kind != filePart {
		return fmt.Errorf("%s is no file", c)
	}
	if err := enter(n); err != nil {
		return err
	}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(*top) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		p := (*top)[0]
		*top = (*top)[1:]
		held--
		n, err := s.unixNode(ctx, p.cid)
		switch {
		case err != nil:
			return err
		case n.kind != filePart:
			return badUnixFS(p.cid, "a directory or symlink within a file")
		case n.size != p.size:
			return badUnixFS(p.cid, "a part of %d bytes in the place of one of %d", n.size, p.size)
		case len(stack) == maxFileDepth:
			return badUnixFS(c, "a file of more than %d blocks above each other", maxFileDepth)
		case held+len(n.links) > maxFileLinks:
			return badUnixFS(c, "a file whose blocks have more than %d links", maxFileLinks)
		}
		if err := enter(n); err != nil {
			return err
		}
	}
	return nil
}

// An Entry is what a directory says of something in it.
type Entry struct {
	Name string
	CID  cid.Cid
}

// Entries lists the directory c, sharded or not, by name. It looks at the directory's own blocks only.
func (s *Store) Entries(ctx context.Context, c cid.Cid) ([]Entry, error) {
	root, err := s.unixNode(ctx, c)
	if err != nil {
		return nil, err
	}
	var found []Entry
	add := func(at cid.Cid, name string, target cid.Cid) error {
		if !utf8.ValidString(name) {
			return badUnixFS(at, "the name %q is not UTF-8", cutName(name))
		}
		if len(found) == maxEntries {
			return badUnixFS(c, "a directory of more than %d entries", maxEntries)
		}
		found = append(found, Entry{name, target})
		return nil
	}
	switch root.kind {
	case basicDirectory:
		for _, l := range root.links {
			if err := add(c, l.Name, l.Cid); err != nil {
				return nil, err
			}
		}
	case shard:
		if err := s.shards(ctx, c, root, add); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s is %w", c, errNoDirectory)
	}
	slices.SortFunc(found, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(found); i++ {
		if found[i].Name == found[i-1].Name {
			return nil, badUnixFS(c, "a directory with two entries of the name %q", cutName(found[i].Name))
		}
	}
	return found, nil
}

// shards walks the shards of a directory and calls add for each entry. Each level takes some bits of the hash of a name, and an entry
// must stand where its own lead: so shards that are shared, of which a few could list without end, end at the second look.
func (s *Store) shards(ctx context.Context, c cid.Cid, root *unixNode, add func(at cid.Cid, name string, target cid.Cid) error) error {
	type level struct {
		at    cid.Cid
		place uint64 // the bits that lead here
		links []*ipld.Link
	}
	width, digits := bits.TrailingZeros(uint(root.fanout)), len(fmt.Sprintf("%X", root.fanout-1))
	for stack := []level{{at: c, links: root.links}}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		if len(top.links) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		l, at := top.links[0], top.at
		top.links = top.links[1:]
		if len(stack)*width > hashBits {
			return badUnixFS(c, "shards deeper than the hash of a name")
		}
		slot, err := strconv.ParseUint(l.Name[:min(digits, len(l.Name))], 16, 32)
		if err != nil || len(l.Name) < digits || slot >= uint64(root.fanout) {
			return badUnixFS(at, "a shard with the link %q", cutName(l.Name))
		}
		place := top.place<<width | slot
		if len(l.Name) > digits {
			name := l.Name[digits:]
			if murmur3.Sum64([]byte(name))>>(hashBits-len(stack)*width) != place {
				return badUnixFS(at, "a shard where %q does not belong", cutName(name))
			}
			if err := add(at, name, l.Cid); err != nil {
				return err
			}
			continue
		}
		n, err := s.unixNode(ctx, l.Cid)
		if err != nil {
			return err
		}
		if n.kind != shard || n.fanout != root.fanout || len(n.links) == 0 {
			return badUnixFS(l.Cid, "no shard of the directory that links it")
		}
		stack = append(stack, level{l.Cid, place, n.links})
	}
	return nil
}

func cutName(name string) string {
	const shown = 40
	if len(name) > shown {
		return name[:shown] + "…"
	}
	return name
}
