// This file reads UnixFS, verified block by block: files, in parts, and what directories list, whole or by one name.

package graph

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"weak"

	"github.com/ipfs/go-cid"
	"github.com/spaolacci/murmur3"

	"github.com/rosser-lang/rosser/codec"
)

// # What is a file as a value?
//
// A file is bytes, a directory a map from names to links, a symlink the text of its target. Bytes that stand in more than one block
// are far (far.go): the root says how many they are, and a part of them is read when something looks at it, by way of the blocks above
// it. They are the same value as such bytes made in the language, so they are laid out as those are, while they are read. A directory
// is loaded whole, with the blocks that are its own; one name of it by the shards that lead there.

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
	Size   int64  // of a file, in bytes, as its root says
	Target string // of a symlink
}

var (
	// ErrNotUnixFS says that a block is no part of a file or a directory.
	ErrNotUnixFS = codec.ErrNotUnixFS
	// ErrBadUnixFS says that a block would be part of one that makes no sense, or is beyond what is read.
	ErrBadUnixFS = errors.New("UnixFS that cannot be read")
	// ErrNoDirectory says that a block is one of UnixFS, and no directory.
	ErrNoDirectory = errors.New("no directory")
)

// Bounds of what is read. What is beyond them nobody makes who means well.
const (
	maxEntries   = 1 << 22 // of a directory
	maxFileDepth = 256     // blocks above each other in a file
	maxFileLinks = 1 << 19 // in the blocks on the way from a file's root to where it is read
	hashBits     = 64      // of an entry's name, that say in which shard it is
)

func badUnixFS(c cid.Cid, format string, args ...any) error {
	return fmt.Errorf("%s is %w: %s", c, ErrBadUnixFS, fmt.Sprintf(format, args...))
}

// unixNode loads a block of UnixFS.
func unixNode(c cid.Cid, load Loader) (*codec.UnixNode, error) {
	if code := c.Type(); code != codec.RawCode && code != codec.DagPB {
		return nil, fmt.Errorf("%s is %w", c, ErrNotUnixFS)
	}
	data, ok := codec.Inline(c)
	if !ok {
		var err error
		if data, err = load(c); err != nil {
			return nil, err
		}
	}
	return decodeUnixNode(c, data)
}

func decodeUnixNode(c cid.Cid, data []byte) (*codec.UnixNode, error) {
	n, err := codec.DecodeUnixFS(c.Type(), data)
	switch {
	case errors.Is(err, ErrNotUnixFS):
		return nil, fmt.Errorf("%s is %w", c, err)
	case err != nil:
		return nil, badUnixFS(c, "%v", err)
	}
	return n, nil
}

// ReadFileInfo says what c is the root of. The error wraps ErrNotUnixFS or ErrBadUnixFS, or is one of load.
func ReadFileInfo(c cid.Cid, load Loader) (FileInfo, error) {
	n, err := unixNode(c, load)
	if err != nil {
		return FileInfo{}, err
	}
	return infoOf(n), nil
}

func infoOf(n *codec.UnixNode) FileInfo {
	switch n.Kind {
	case codec.Directory, codec.Shard:
		return FileInfo{Kind: Directory}
	case codec.Symlink:
		return FileInfo{Kind: Symlink, Target: string(n.Data)}
	}
	return FileInfo{Kind: PlainFile, Size: n.Size}
}

// ReadUnixFS is ReadFileInfo, and of a directory ReadDirectory.
func (f *Far) ReadUnixFS(c cid.Cid) (FileInfo, []DirEntry, error) {
	n, err := unixNode(c, f.Load)
	if err != nil {
		return FileInfo{}, nil, err
	}
	info := infoOf(n)
	if info.Kind != Directory {
		return info, nil, nil
	}
	entries, err := f.directory(c, n)
	return info, entries, err
}

func (f *Far) directory(c cid.Cid, root *codec.UnixNode) ([]DirEntry, error) {
	return (&dirReader{c: c, load: f.Load, reserve: f.Afford}).read(root)
}

// A filePart is bytes of a file that stand in one block.
type filePart struct {
	at   int64 // how many stand before them
	data []byte
}

// A filePiece is a part of a file that has not been read yet.
type filePiece struct {
	cid      cid.Cid
	at, size int64
}

// readFile calls each for the parts of the file c, whose root is n, that have bytes from from on and before to, in order. Every block
// has as many bytes as the one above it says, or else that is an error that names it; then each has had what is before. Memory does not
// grow with the file, and the time is that of the bytes.
func readFile(c cid.Cid, n *codec.UnixNode, load Loader, from, to int64, each func(filePart) error) error {
	var stack [][]filePiece // what is left of the blocks on the way to where it is read
	held := 0
	enter := func(n *codec.UnixNode, at int64) error {
		if end := at + int64(len(n.Data)); at < to && from < end {
			if err := each(filePart{at, n.Data}); err != nil {
				return err
			}
		}
		at += int64(len(n.Data))
		var pieces []filePiece
		for _, l := range n.Links {
			if l.Size > 0 && at < to && from < at+l.Size { // of no size: whatever is there adds nothing
				pieces = append(pieces, filePiece{l.CID, at, l.Size})
			}
			at += l.Size
		}
		held += len(pieces)
		stack = append(stack, pieces)
		return nil
	}
	if err := enter(n, 0); err != nil {
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
		n, err := unixNode(p.cid, load)
		switch {
		case err != nil:
			return err
		case n.Kind != codec.FilePart:
			return badUnixFS(p.cid, "a directory or symlink within a file")
		case n.Size != p.size:
			return badUnixFS(p.cid, "a part of %d bytes in the place of one of %d", n.Size, p.size)
		case len(stack) == maxFileDepth:
			return badUnixFS(c, "a file of more than %d blocks above each other", maxFileDepth)
		case held+len(n.Links) > maxFileLinks:
			return badUnixFS(c, "a file whose blocks have more than %d links", maxFileLinks)
		}
		if err := enter(n, p.at); err != nil {
			return err
		}
	}
	return nil
}

// WriteFile writes the file c to w, as readFile reads it.
func WriteFile(c cid.Cid, load Loader, w io.Writer) error {
	n, err := unixNode(c, load)
	if err != nil {
		return err
	}
	if n.Kind != codec.FilePart {
		return fmt.Errorf("%s is no file", c)
	}
	return readFile(c, n, load, 0, n.Size, func(p filePart) error {
		_, err := w.Write(p.data)
		return err
	})
}

// A DirEntry is what a directory says of something in it.
type DirEntry struct {
	Name string
	CID  cid.Cid
}

// ReadDirectory lists the directory c, sharded or not, by name. It looks at the directory's own blocks only.
func ReadDirectory(c cid.Cid, load Loader) ([]DirEntry, error) {
	n, err := unixNode(c, load)
	if err != nil {
		return nil, err
	}
	return (&dirReader{c: c, load: load}).read(n)
}

// A dirReader reads a directory.
type dirReader struct {
	c       cid.Cid
	load    Loader
	reserve func(bytes int64) error // asked for room for what is found; nil: there is enough
	found   []DirEntry
}

// EntrySize is how many bytes an entry of a directory takes, on its way to a map's.
const EntrySize = 256

func (d *dirReader) read(root *codec.UnixNode) ([]DirEntry, error) {
	switch root.Kind {
	case codec.Directory:
		for _, l := range root.Links {
			if err := d.add(d.c, l); err != nil {
				return nil, err
			}
		}
	case codec.Shard:
		if err := d.shards(root); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s is %w", d.c, ErrNoDirectory)
	}
	slices.SortFunc(d.found, func(a, b DirEntry) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(d.found); i++ {
		if d.found[i].Name == d.found[i-1].Name {
			return nil, badUnixFS(d.c, "a directory with two entries of the name %q", codec.CutName(d.found[i].Name))
		}
	}
	return d.found, nil
}

func (d *dirReader) add(at cid.Cid, l codec.UnixLink) error {
	if !utf8.ValidString(l.Name) {
		return badUnixFS(at, "the name %q is not UTF-8", codec.CutName(l.Name))
	}
	n := len(d.found)
	if n == maxEntries {
		return badUnixFS(d.c, "a directory of more than %d entries", maxEntries)
	}
	if n&(n-1) == 0 && n >= 1<<10 && d.reserve != nil {
		if err := d.reserve(int64(n) * EntrySize); err != nil {
			return err
		}
	}
	d.found = append(d.found, DirEntry{l.Name, l.CID})
	return nil
}

// shards walks the shards of a directory. Each level takes some bits of the hash of a name, and an entry must stand where its own
// lead: so shards that are shared, of which a few could list without end, end at the second look.
func (d *dirReader) shards(root *codec.UnixNode) error {
	type level struct {
		at    cid.Cid
		place uint64 // the bits that lead here
		links []codec.UnixLink
	}
	width := bits.TrailingZeros(uint(root.Fanout))
	for stack := []level{{at: d.c, links: root.Links}}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		if len(top.links) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		l, at := top.links[0], top.at
		top.links = top.links[1:]
		if len(stack)*width > hashBits {
			return badUnixFS(d.c, "shards deeper than the hash of a name")
		}
		place := top.place<<width | uint64(l.Slot)
		if l.Name != "" {
			if nameHash(l.Name)>>(hashBits-len(stack)*width) != place {
				return badUnixFS(at, "a shard where %q does not belong", codec.CutName(l.Name))
			}
			if err := d.add(at, l); err != nil {
				return err
			}
			continue
		}
		n, err := shardBelow(l.CID, d.load, root.Fanout)
		if err != nil {
			return err
		}
		stack = append(stack, level{l.CID, place, n.Links})
	}
	return nil
}

// nameHash is the hash whose bits, the highest first, say where an entry stands in a sharded directory.
func nameHash(name string) uint64 { return murmur3.Sum64([]byte(name)) }

// shardBelow loads a shard of a directory that is not its root.
func shardBelow(c cid.Cid, load Loader, fanout int) (*codec.UnixNode, error) {
	n, err := unixNode(c, load)
	if errors.Is(err, ErrNotUnixFS) || err == nil && (n.Kind != codec.Shard || n.Fanout != fanout || len(n.Links) == 0) {
		err = badUnixFS(c, "no shard of the directory that links it")
	}
	return n, err
}

// LookupSharded is what the sharded directory c has under a name, by way of the shards that lead there alone. What it finds is what
// ReadDirectory does. sharded is false where c is anything else that can be had: its block is all there is to load.
func LookupSharded(c cid.Cid, name string, load Loader) (target cid.Cid, ok, sharded bool, err error) {
	n, err := unixNode(c, load)
	switch {
	case errors.Is(err, ErrNotUnixFS):
		return cid.Undef, false, false, nil
	case err != nil || n.Kind != codec.Shard:
		return cid.Undef, false, false, err
	}
	width, hash := bits.TrailingZeros(uint(n.Fanout)), nameHash(name)
	for used := width; used <= hashBits; used += width {
		l := n.At(int(hash >> (hashBits - used) & uint64(n.Fanout-1)))
		switch {
		case l == nil || l.Name != "" && l.Name != name:
			return cid.Undef, false, true, nil
		case l.Name != "":
			return l.CID, true, true, nil
		}
		if n, err = shardBelow(l.CID, load, n.Fanout); err != nil {
			return cid.Undef, false, true, err
		}
	}
	return cid.Undef, false, true, badUnixFS(c, "shards deeper than the hash of a name")
}

// DecodeUnixFS returns what a block that is the root of a file, a directory or a symlink means, and loads the directory's other blocks.
// A block of DAG-PB that is not UnixFS is ErrNotUnixFS.
func (f *Far) DecodeUnixFS(c cid.Cid, data []byte) (Value, error) {
	n, err := decodeUnixNode(c, data)
	if err != nil {
		return Value{}, err
	}
	switch n.Kind {
	case codec.FilePart:
		return f.file(c, n)
	case codec.Symlink:
		if !utf8.Valid(n.Data) {
			return Value{}, badUnixFS(c, "a symlink to %q, which is not UTF-8", codec.CutName(string(n.Data)))
		}
		return Text(string(n.Data)), nil
	}
	found, err := f.directory(c, n)
	if err != nil {
		return Value{}, err
	}
	keys, vals := make([]string, len(found)), make([]Value, len(found))
	for i, e := range found {
		keys[i], vals[i] = e.Name, LinkValue(e.CID)
	}
	return MapValue(MapSorted(keys, vals)), nil
}

// file is the value of a file.
func (f *Far) file(c cid.Cid, n *codec.UnixNode) (Value, error) {
	switch {
	case n.Size == int64(len(n.Data)):
		return BytesValue(n.Data), nil
	case n.Size > math.MaxInt:
		return Value{}, badUnixFS(c, "a file of %d bytes, too many for this machine", n.Size)
	}
	o := &bytesObj{header: header{KindBytes}, far: &farBytes{count: n.Size, afford: f.Afford, block: c, in: &farFile{load: f.Load, block: c, root: n}}}
	return Value{p: &o.header}, nil
}

// A farFile is a file of which only the root is in memory, and the part that was read last as long as there is room.
type farFile struct {
	load  Loader
	block cid.Cid
	root  *codec.UnixNode
	last  atomic.Pointer[weak.Pointer[filePart]]
}

func (f *farFile) all() []byte {
	return f.appendBytes(make([]byte, 0, min(f.root.Size, 1<<28)), 0, f.root.Size)
}

func (f *farFile) appendBytes(dst []byte, a, b int64) []byte {
	if w := f.last.Load(); w != nil {
		if p := w.Value(); p != nil && p.at <= a && b <= p.at+int64(len(p.data)) {
			return append(dst, p.data[a-p.at:b-p.at]...)
		}
	}
	var last *filePart
	err := readFile(f.block, f.root, f.load, a, b, func(p filePart) error {
		dst = append(dst, p.data[max(a-p.at, 0):min(b-p.at, int64(len(p.data)))]...)
		last = &p
		return nil
	})
	if err != nil {
		panic(&LoadError{f.block, err})
	}
	if last != nil {
		w := weak.Make(last)
		f.last.Store(&w)
		keepRecent(last)
	}
	return dst
}
