// This file reads and writes lock files, which give the names that a program imports libraries by their CIDs.
//
// A lock file stands beside the programs that it is for. It has a line for each name, in the order of the names: the name, a space, and the
// CID of the library's root. Comments begin with #.

package repl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
)

// LockFile is what a lock file is called.
const LockFile = "rosser.lock"

const maxLock = 1 << 20 // bytes

// A lock is what a lock file says.
type lock struct {
	lines []string           // without their ends
	roots map[string]cid.Cid // by name
	at    map[string]int     // the line of each name, from 0
}

// readLock reads a lock file, and tells whoever watches the files.
func (o *Options) readLock(path string) ([]byte, error) {
	o.notice(path)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxLock+1))
}

// parseLock reads the text of a lock file. Shown is what it is called in errors.
func parseLock(shown string, text []byte) (lock, error) {
	l := lock{roots: map[string]cid.Cid{}, at: map[string]int{}}
	if len(text) > maxLock {
		return l, fmt.Errorf("%s has more than %d bytes", shown, maxLock)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(text) == 0 {
		return l, nil
	}
	for i, s := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		s = strings.TrimSuffix(s, "\r")
		l.lines = append(l.lines, s)
		s, _, _ = strings.Cut(s, "#")
		words := strings.Fields(s)
		if len(words) == 0 {
			continue
		}
		fail := func(format string, args ...any) (lock, error) {
			return l, fmt.Errorf("%s:%d: %s", shown, i+1, fmt.Sprintf(format, args...))
		}
		if len(words) != 2 {
			return fail("got %.60q, want a name and a CID", strings.TrimSpace(s))
		}
		name := words[0]
		if !compile.LibraryName(name) {
			return fail("got the name %.60q, want one without a dot and without a folder", name)
		}
		c, err := cid.Decode(strings.TrimPrefix(words[1], "@"))
		if err != nil {
			return fail("got %.80q for %s, want the CID of a library", words[1], lang.Cut(name))
		}
		if first, ok := l.at[name]; ok {
			return fail("%s stands in line %d already", lang.Cut(name), first+1)
		}
		l.roots[name], l.at[name] = c, i
	}
	return l, nil
}

// locked is the library that a name stands for in the file named from, undefined if the name is that of a file. Read reads the lock file.
func locked(from, name string, read func(path string) ([]byte, error)) (cid.Cid, error) {
	text, err := read(beside(from, LockFile))
	none := errors.Is(err, fs.ErrNotExist)
	if err != nil && !none {
		return cid.Undef, unpathed(err)
	}
	l, err := parseLock(LockFile, text)
	if err != nil {
		return cid.Undef, err
	}
	if c, ok := l.roots[name]; ok {
		return c, nil
	}
	if info, err := os.Stat(beside(from, name)); err == nil && !info.IsDir() {
		return cid.Undef, nil
	}
	var known []string
	for name := range l.roots {
		known = append(known, name)
	}
	slices.Sort(known)
	what := fmt.Sprintf("%s does not list %q", LockFile, codec.CutName(name))
	if none {
		what = fmt.Sprintf("there is no file %q here, and no %s that says which library it is", codec.CutName(name), LockFile)
	}
	if s := lang.Suggest(name, known); s != "" {
		return cid.Undef, fmt.Errorf("%s%s", what, hint(fmt.Sprintf("%q", s)))
	}
	if _, err := os.Stat(beside(from, name+".ros")); err == nil {
		return cid.Undef, fmt.Errorf("%s; a file is imported by its whole name, \"./%s.ros\"", what, name)
	}
	return cid.Undef, fmt.Errorf("%s; `rosser library lock %s` writes it", what, codec.CutName(name))
}

// set gives a name another CID, and says whether that changes anything. What else stands in the file stays as it is.
func (l *lock) set(name string, c cid.Cid) bool {
	text := name + " " + c.String()
	if i, ok := l.at[name]; ok {
		if l.roots[name] == c {
			return false
		}
		if _, comment, ok := strings.Cut(l.lines[i], "#"); ok {
			text += " #" + comment
		}
		l.lines[i] = text
		l.roots[name] = c
		return true
	}
	at := len(l.lines)
	for other, i := range l.at {
		if other > name && i < at {
			at = i
		}
	}
	for at > 0 && at < len(l.lines) && strings.HasPrefix(strings.TrimSpace(l.lines[at-1]), "#") {
		at-- // what is said of the one below stays above it
	}
	l.lines = slices.Insert(l.lines, at, text)
	for other, i := range l.at {
		if i >= at {
			l.at[other]++
		}
	}
	l.roots[name], l.at[name] = c, at
	return true
}

// LibraryLock is `rosser library lock`: each entry is NAME, or NAME= and a CID or another name of a library.
func LibraryLock(ctx context.Context, o Options, entries []string, dir string) error {
	path := filepath.Join(dir, LockFile)
	text, err := o.readLock(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Misuse(err)
	}
	l, err := parseLock(path, text)
	if err != nil {
		return Misuse(err)
	}
	changed := false
	err = storage(o, func(s *store.Store, out io.Writer) error {
		for _, entry := range entries {
			name, target, ok := strings.Cut(entry, "=")
			if !ok {
				target = name
			}
			if !compile.LibraryName(name) {
				return Misuse(fmt.Errorf("got the name %.60q, want one without a dot and without a folder, as in: rosser library lock geo=%.60s", name, target))
			}
			root, err := findLibrary(ctx, s, target)
			if err != nil {
				return err
			}
			if _, err := s.ReadNames(ctx, root); errors.Is(err, graph.ErrNotFound) {
				fmt.Fprintf(o.stderr(), "rosser: %s is not here, or not all of it; whoever runs the program has to import it\n", root)
			} else if err != nil {
				return reading(ctx, err)
			}
			changed = l.set(name, root) || changed
			fmt.Fprintln(out, name, root)
		}
		return nil
	})
	if err != nil || !changed {
		return err
	}
	return writeWhole(path, []byte(strings.Join(l.lines, "\n")+"\n"))
}

// writeWhole writes a file beside the place where it shall be, and moves it there.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err == nil {
		defer os.Remove(f.Name())
		_, err = f.Write(text)
		if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
			err = os.Rename(f.Name(), path)
		}
	}
	if at := (*os.PathError)(nil); errors.As(err, &at) {
		err = at.Err
	}
	if err != nil {
		return Misuse(fmt.Errorf("%s cannot be written: %w", path, err))
	}
	return nil
}
