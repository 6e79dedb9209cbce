// This file puts files and folders into a store as UnixFS: the blocks, and so the CIDs, are those of kubo.

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	chunk "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	mh "github.com/multiformats/go-multihash"
)

// A Profile says how files are cut into blocks and when directories are sharded. Its name is the one that kubo gives it.
type Profile = uio.UnixFSProfile

// Profiles are what files can be added by. "default" is what `ipfs add --cid-version=1` does when nothing is configured.
var Profiles = map[string]Profile{
	"default": {
		CIDVersion: 1, MhType: mh.SHA2_256, RawLeaves: true, ChunkSize: 256 << 10, FileDAGWidth: 174,
		HAMTShardingSize: 256 << 10, HAMTSizeEstimation: uio.SizeEstimationLinks, HAMTShardWidth: 256,
	},
	"unixfs-v1-2025": uio.UnixFS_v1_2025,
}

// AddOptions say how files are added.
type AddOptions struct {
	Profile  Profile
	Hidden   bool        // what is in folders and has a name that begins with a dot, too
	Progress func(n int) // told of every n bytes that were read; nil for nobody
}

// A FileError is what stands in the way of adding a file, and is not the store's.
type FileError struct {
	Path string
	Err  error // says what to do, where that is known
}

func (e *FileError) Error() string {
	if !utf8.ValidString(e.Path) {
		return fmt.Sprintf("%q: %v", e.Path, e.Err)
	}
	return e.Path + ": " + e.Err.Error()
}

func (e *FileError) Unwrap() error { return e.Err }

// AddReader puts what r reads as a file, and returns its CID when it is on the disk. Memory does not grow with the file. The error
// of reading is a FileError of the path name. When it fails or ctx ends, the blocks that were put stay, and nothing leads to them.
func (s *Store) AddReader(ctx context.Context, name string, r io.Reader, o AddOptions) (cid.Cid, error) {
	a := &adder{ctx: ctx, dag: s.dag(), AddOptions: o}
	return s.added(ctx, func() (ipld.Node, error) { return a.file(name, r) })
}

// AddPath is AddReader for a file, a folder with all that is in it, or a symbolic link, which is not followed. A named pipe
// is read when path is one.
func (s *Store) AddPath(ctx context.Context, path string, o AddOptions) (cid.Cid, error) {
	a := &adder{ctx: ctx, dag: s.dag(), AddOptions: o}
	if !s.inMemory {
		a.own, _ = os.Stat(s.dir)
	}
	return s.added(ctx, func() (ipld.Node, error) { return a.path(path, true) })
}

func (s *Store) added(ctx context.Context, add func() (ipld.Node, error)) (cid.Cid, error) {
	node, err := add()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.Flush(ctx)
	}
	if err != nil {
		return cid.Undef, err
	}
	return node.Cid(), nil
}

// An adder makes UnixFS of files.
type adder struct {
	ctx context.Context
	dag ipld.DAGService
	own fs.FileInfo // the store's folder; nil if it has none
	AddOptions
}

// path adds what stands at a path; top says that it was named, and not found in a folder.
func (a *adder) path(path string, top bool) (ipld.Node, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fileError(path, err, top)
	}
	switch mode := info.Mode(); {
	case a.own != nil && os.SameFile(info, a.own):
		return nil, &FileError{path, errors.New("the store itself cannot be added: have it elsewhere, by --store DIR, or add what does not contain it")}
	case mode.IsDir():
		return a.folder(path)
	case mode&fs.ModeSymlink != 0:
		return a.symlink(path)
	case mode.IsRegular(), top && mode&fs.ModeNamedPipe != 0:
		return a.open(path)
	case mode&fs.ModeNamedPipe != 0:
		return nil, &FileError{path, errors.New("a named pipe in a folder cannot be added: move it elsewhere")}
	case mode&fs.ModeSocket != 0:
		return nil, &FileError{path, errors.New("a socket cannot be added: move it elsewhere")}
	case mode&fs.ModeDevice != 0:
		return nil, &FileError{path, errors.New("a device cannot be added; what is read from it can, as standard input: rosser add -")}
	default:
		return nil, &FileError{path, errors.New("neither a file nor a folder nor a symbolic link: move it elsewhere")}
	}
}

// fileError is the error that the system gave for a path, without its own mention of it.
func fileError(path string, err error, top bool) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: make it readable, or add what does not contain it", err)
	case errors.Is(err, fs.ErrNotExist) && !top:
		err = errors.New("was removed while its folder was read: add that again")
	}
	return &FileError{path, err}
}

// open adds a file of the file system.
func (a *adder) open(path string) (ipld.Node, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err, false)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, fileError(path, err, false)
	}
	var r io.Reader = f
	if before.Size() > 0 && before.Mode().IsRegular() { // one that grows as fast as it is read has no end
		r = io.LimitReader(f, before.Size()+1)
	}
	node, err := a.file(path, r)
	if err != nil || !before.Mode().IsRegular() {
		return node, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, fileError(path, err, false)
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return nil, &FileError{path, errors.New("changed while it was read: add it again, or a copy of it")}
	}
	return node, nil
}

// A source is what a file is read from.
type source struct {
	*adder
	r   io.Reader
	err error // of reading
}

func (s *source) Read(p []byte) (n int, err error) {
	if err = s.ctx.Err(); err == nil {
		n, err = s.r.Read(p)
	}
	if s.Progress != nil && n > 0 {
		s.Progress(n)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// file adds what r reads.
func (a *adder) file(name string, r io.Reader) (ipld.Node, error) {
	in := &source{adder: a, r: r}
	params := helpers.DagBuilderParams{Dagserv: a.dag, RawLeaves: a.Profile.RawLeaves, Maxlinks: a.Profile.FileDAGWidth, CidBuilder: a.Profile.CidBuilder()}
	builder, err := params.New(chunk.NewSizeSplitter(in, a.Profile.ChunkSize))
	if err != nil {
		return nil, err
	}
	node, err := balanced.Layout(builder)
	switch {
	case a.ctx.Err() != nil:
		return nil, a.ctx.Err()
	case in.err != nil:
		return nil, fileError(name, in.err, true)
	}
	return node, err
}

// symlink adds a symbolic link: where it leads, whether or not anything is there.
func (a *adder) symlink(path string) (ipld.Node, error) {
	target, err := os.Readlink(path)
	if err != nil {
		return nil, fileError(path, err, false)
	}
	data, err := unixfs.SymlinkData(target)
	if err != nil {
		return nil, err
	}
	node := merkledag.NodeWithData(data)
	if err := node.SetCidBuilder(a.Profile.CidBuilder()); err != nil {
		return nil, err
	}
	return node, a.dag.Add(a.ctx, node)
}

// folder adds a folder. Of what it has added it keeps names, CIDs and sizes until the folder's own blocks are made.
func (a *adder) folder(path string) (ipld.Node, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fileError(path, err, false)
	}
	dir, err := uio.NewDirectory(a.dag, uio.WithCidBuilder(a.Profile.CidBuilder()),
		uio.WithMaxHAMTFanout(a.Profile.HAMTShardWidth), uio.WithSizeEstimationMode(a.Profile.HAMTSizeEstimation))
	if err != nil {
		return nil, err
	}
	dir.SetHAMTShardingSize(a.Profile.HAMTShardingSize)
	for _, e := range entries {
		name := e.Name()
		below := filepath.Join(path, name)
		switch {
		case strings.HasPrefix(name, ".") && !a.Hidden:
			continue
		case !utf8.ValidString(name):
			return nil, &FileError{below, errors.New("its name is not UTF-8: rename it")}
		}
		node, err := a.path(below, false)
		if err != nil {
			return nil, err
		}
		if err := dir.AddChild(a.ctx, name, node); err != nil {
			return nil, err
		}
	}
	node, err := dir.GetNode()
	if err != nil {
		return nil, err
	}
	return node, a.dag.Add(a.ctx, node)
}
