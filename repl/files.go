// This file holds the commands for files and folders: add, cat, and what get says of them.

package repl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/ipfs/go-cid"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"golang.org/x/term"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// movingGC is how much garbage there may be while bytes are moved, in percent of what is in use. A block is garbage as soon as it is
// written: at 25, adding and reading take less than 200 MB, and not measurably longer.
const movingGC = 25

// moving opens the store, made if it is not there, runs f on it and closes it: for what moves bytes and evaluates nothing.
func moving(o Options, f func(s *store.Store) error) error {
	dir, err := o.folder()
	if err != nil {
		return err
	}
	debug.SetGCPercent(movingGC)
	s, err := store.Open(dir, store.Options{Lean: true})
	if err != nil {
		return Misuse(err)
	}
	err = f(s)
	if e := s.Close(); e != nil && err == nil {
		err = &failure{exitMissing, e}
	}
	return err
}

// moved gives what went wrong while files were added or read its exit code.
func moved(ctx context.Context, err error) error {
	var file *store.FileError
	if ctx.Err() == nil && errors.As(err, &file) {
		return Misuse(err)
	}
	return reading(ctx, err)
}

// A meter counts bytes, and says how many there are.
type meter struct {
	n   atomic.Int64
	all int64 // 0 if that is not known
}

func (m *meter) add(n int) { m.n.Add(int64(n)) }

func (m *meter) line(elapsed time.Duration) string {
	n := m.n.Load()
	text := byteText(uint64(n))
	if m.all > 0 {
		text = bar(float64(n)/float64(m.all)) + text + " of " + byteText(uint64(max(m.all, n)))
	}
	rate := float64(n) / max(elapsed.Seconds(), 0.001)
	return fmt.Sprintf("%s · %s, %s/s", elapsed.Round(100*time.Millisecond), text, byteText(uint64(rate)))
}

// bar draws a part of the whole.
func bar(part float64) string {
	const width = 20
	full := min(int(part*width), width)
	return strings.Repeat("█", full) + strings.Repeat("░", width-full) + " "
}

// show shows the meter on stderr, if that is a terminal, until end is called.
func (m *meter) show(o Options) (end func()) {
	return ticking(withStatus(o.stderr()), func() {}, m.line)
}

// Add is `rosser add`.
func Add(ctx context.Context, o Options, path, profile string, hidden bool) error {
	p, ok := store.Profiles[profile]
	if !ok {
		return Misuse(fmt.Errorf("got the profile %.40q, want default or unixfs-v1-2025", profile))
	}
	if path == "" {
		return Misuse(errors.New("got an empty path, want a file, a folder or -"))
	}
	return moving(o, func(s *store.Store) error {
		m := &meter{}
		from := os.Stdin
		if path != "-" {
			from = nil
		}
		m.all = sizeOf(from, path)
		end := m.show(o)
		add := store.AddOptions{Profile: p, Hidden: hidden, Progress: m.add}
		var c cid.Cid
		var err error
		if from != nil {
			c, err = s.AddReader(ctx, "standard input", from, add)
		} else {
			c, err = s.AddPath(ctx, path, add)
		}
		end()
		if err == nil {
			err = s.PinPartly(ctx, importedPin(c, path))
		}
		if err != nil {
			return moved(ctx, err)
		}
		if _, err = fmt.Fprintln(o.stdout(), c); err != nil {
			return Misuse(err)
		}
		if info, err := os.Lstat(path); from == nil && err == nil && info.Mode()&fs.ModeSymlink != 0 {
			fmt.Fprintf(o.stderr(), "rosser: %s is a symbolic link, and was added as one, as ipfs add does; what it leads to is at the path that realpath prints\n", path)
		}
		return nil
	})
}

func (o Options) stderr() io.Writer {
	if o.Stderr != nil {
		return o.Stderr
	}
	return os.Stderr
}

// sizeOf is how large a file is, f or what stands at path; 0 of what is no plain file.
func sizeOf(f *os.File, path string) int64 {
	var info os.FileInfo
	var err error
	if f != nil {
		info, err = f.Stat()
	} else {
		info, err = os.Lstat(path)
	}
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// Cat is `rosser cat`.
func Cat(ctx context.Context, o Options, text string) error {
	root, path, err := parsePath(text)
	if err != nil {
		return err
	}
	return moving(o, func(s *store.Store) error {
		load := graph.LoaderOf(ctx, s)
		c, err := fileAt(ctx, root, path, load)
		if err != nil {
			return moved(ctx, err)
		}
		info, err := graph.ReadFileInfo(c, load)
		switch {
		case errors.Is(err, graph.ErrNotUnixFS):
			return missing("%s is no file: rosser get %s shows it", text, text)
		case err != nil:
			return moved(ctx, err)
		case info.Kind == graph.Directory:
			return missing("%s is a directory: rosser get %s lists it", text, text)
		case info.Kind == graph.Symlink:
			return missing("%s is a symbolic link to %.200q, which is not followed", text, info.Target)
		}
		m := &meter{all: info.Size}
		end := func() {}
		if f, ok := o.stdout().(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
			end = m.show(o)
		}
		out := &output{Writer: o.stdout()}
		err = graph.WriteFile(c, load, metered{out, m})
		end()
		if out.err != nil {
			return Misuse(out.err)
		}
		return moved(ctx, err)
	})
}

// metered is a writer whose bytes are counted.
type metered struct {
	io.Writer
	*meter
}

func (m metered) Write(p []byte) (int, error) {
	n, err := m.Writer.Write(p)
	m.add(n)
	return n, err
}

// errWithin says that a path leads to no block's root.
var errWithin = errors.New("stands within a block")

// fileAt is the block that a path leads to.
func fileAt(ctx context.Context, root cid.Cid, path []string, load graph.Loader) (cid.Cid, error) {
	if len(path) == 0 {
		return root, nil
	}
	found, err := graph.Resolve(ctx, root, path, load)
	var at *graph.PathError
	if errors.Is(err, graph.ErrNoPath) && errors.As(err, &at) {
		there := strings.Join(append([]string{root.String()}, at.Path...), "/")
		return cid.Undef, fmt.Errorf("%w; rosser get %s shows what is there", err, there)
	}
	if err != nil {
		return cid.Undef, err
	}
	if l, err := found.Node.AsLink(); err == nil {
		if l, ok := l.(cidlink.Link); ok {
			return l.Cid, nil
		}
	}
	if !found.Whole {
		where := root.String() + "/" + strings.Join(path, "/")
		return cid.Undef, fmt.Errorf("%s %w: rosser get %s shows it", where, errWithin, where)
	}
	return found.Block, nil
}

// files is what a path leads to if that is UnixFS other than a sole block of bytes: of a directory its entries, a file's bytes, where
// a symlink leads.
func (s *Session) files(ctx context.Context, root cid.Cid, path []string) (v graph.Value, ok bool, err error) {
	c, err := fileAt(ctx, root, path, s.Load)
	if err != nil || c.Prefix().Codec != cid.DagProtobuf {
		return v, false, nil // get says what is wrong
	}
	load := graph.LoaderOf(ctx, s.store)
	info, err := graph.ReadFileInfo(c, load)
	if errors.Is(err, graph.ErrNotUnixFS) {
		return v, false, nil
	}
	if err == nil {
		switch info.Kind {
		case graph.Directory:
			v, err = listing(ctx, c, load)
		case graph.Symlink:
			v, err = entryValue(c, info)
		default:
			v, err = s.fileBytes(c, info, load)
		}
	}
	return v, true, moved(ctx, err)
}

// fileBytes is a file as a value.
func (s *Session) fileBytes(c cid.Cid, info graph.FileInfo, load graph.Loader) (graph.Value, error) {
	if most := s.memory / 4; info.Size > most {
		return graph.Value{}, fmt.Errorf("%s is a file of %d bytes, which is too long to show: rosser cat %s writes it out", c, info.Size, c)
	}
	var b bytes.Buffer
	b.Grow(int(min(info.Size, 1<<20)))
	err := graph.WriteFile(c, load, &b)
	return graph.BytesValue(b.Bytes()), err
}

// listing is what a directory lists, by name: each entry's CID, its kind and a file's size, if that is to be had.
func listing(ctx context.Context, c cid.Cid, load graph.Loader) (graph.Value, error) {
	entries, err := graph.ReadDirectory(c, load)
	if err != nil {
		return graph.Value{}, err
	}
	var m graph.MapBuilder
	for _, e := range entries {
		info, err := graph.ReadFileInfo(e.CID, load)
		if err != nil && ctx.Err() != nil {
			return graph.Value{}, err
		}
		v, err := entryValue(e.CID, info)
		if err != nil {
			return v, err
		}
		m.Set(e.Name, v)
	}
	return graph.MapValue(m.Map()), nil
}

func entryValue(c cid.Cid, info graph.FileInfo) (graph.Value, error) {
	v := graph.Record("cid", graph.LinkValue(c)).Map()
	if info.Kind != "" {
		v = v.Insert("type", graph.Text(string(info.Kind)))
	}
	switch info.Kind {
	case graph.PlainFile:
		v = v.Insert("size", graph.Int(info.Size))
	case graph.Symlink:
		if !utf8.ValidString(info.Target) {
			return graph.Value{}, fmt.Errorf("%s is a symbolic link to %.200q, which is not UTF-8", c, info.Target)
		}
		v = v.Insert("target", graph.Text(info.Target))
	}
	return graph.MapValue(v), nil
}
