// This file holds the commands that show code and move it between stores: show, import, export.

package repl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/ipfs/go-cid"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// Show is `rosser show`.
func Show(ctx context.Context, o Options, text string) error {
	root, path, err := parsePath(text)
	if err != nil {
		return err
	}
	return with(o, func(s *Session) error {
		c := root
		if len(path) > 0 {
			found, err := graph.Resolve(ctx, root, path, s.Load)
			if err != nil {
				return &failure{exitMissing, err}
			}
			if l, err := found.Node.AsLink(); err == nil {
				c = l.(cidlink.Link).Cid
			} else if found.Whole {
				c = found.Block
			} else {
				return s.printNode(ctx, root, path)
			}
		}
		return s.showTerm(ctx, c, func(source string) string { return source })
	})
}

// showTerm prints source, readable code, the names of a library, or data; look colours source.
func (s *Session) showTerm(ctx context.Context, c cid.Cid, look func(string) string) error {
	if a, ok := s.about(c); ok {
		fmt.Fprintln(s.opt.Stdout, look(written(a)))
		return nil
	}
	data, err := s.Load(c)
	if err != nil {
		return &failure{exitMissing, err}
	}
	s.sayCheckpoint(c)
	if c.Prefix().Codec == cid.DagProtobuf {
		if lib, err := s.cidManual(ctx, c); err == nil {
			return s.showLibrary(lib)
		} else if gone, _ := unavailable(err); gone.Defined() || ctx.Err() != nil {
			return err
		}
	}
	if c.Prefix().Codec != cid.DagCBOR || !graph.IsCode(data) {
		return s.printNode(ctx, c, nil)
	}
	source, err := compile.Readable(c, compile.Source{Load: s.Load, Name: libraryName, Prim: primitiveName})
	if err != nil {
		if errors.Is(err, compile.ErrUnreadable) {
			s.warn("%v; its block is", err)
			return s.printNode(ctx, c, nil)
		}
		return &failure{exitMissing, err}
	}
	fmt.Fprintln(s.opt.Stdout, look(strings.TrimRight(source, "\n")))
	return nil
}

// showLibrary prints a line for each name of a library, and how to use it.
func (s *Session) showLibrary(lib *manual) error {
	w := &docWriter{width: textWidth(s.out.Writer), color: terminal(s.out.Writer)}
	use, entries := 0, lib.Chapters[0].Entries
	for _, e := range entries {
		use = min(max(use, columns(e.Name+e.Params)), w.width/3)
	}
	w.styled("1", "A library of "+plural(len(entries), "name"))
	w.out.WriteByte('\n')
	for _, e := range entries {
		w.brief(e, use)
	}
	fmt.Fprintf(&w.out, "\nlet mine = import @%s uses them", lib.CID)
	if len(entries) > 0 {
		fmt.Fprintf(&w.out, ", as in mine.%s", entries[0].Name)
	}
	w.out.WriteString("; rosser doc CID tells more.\n")
	_, err := io.WriteString(s.opt.Stdout, w.out.String())
	return err
}

// written is a definition as it was written, formatted.
func written(a graph.About) string {
	var b strings.Builder
	if a.Doc != "" {
		for line := range strings.SplitSeq(a.Doc, "\n") {
			b.WriteString(strings.TrimRight("## "+line, " ") + "\n")
		}
	}
	b.WriteString("let " + strings.TrimRight(a.Source, "\n"))
	if text, errs := lang.Format(a.Name, []byte(b.String())); len(errs) == 0 {
		return strings.TrimRight(text, "\n")
	}
	return b.String()
}

// libraryName is the standard library's name for a block, "" when it has none.
func libraryName(c cid.Cid) string {
	name, _ := stdlib.NameOf(c)
	return name
}

// primitiveName is how a primitive is written: by the library's name for it, else with its namespace capitalised.
func primitiveName(name string) string {
	if lib := libraryName(graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: name}, nil).CID); lib != "" {
		return lib
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func hint(suggestion string) string {
	if suggestion == "" {
		return ""
	}
	return "; did you mean " + suggestion + "?"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func sizeText(z store.Size) string {
	return fmt.Sprintf("%s, %d bytes", plural(z.Blocks, "block"), z.Bytes)
}

// Import is `rosser import`: of a CAR file, or of rows in a format of graph.Rows. Where as does not say which, the file does. skipBad
// leaves bad rows out.
func Import(ctx context.Context, o Options, path, as string, skipBad bool) error {
	var r io.Reader = os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return Misuse(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return Misuse(fmt.Errorf("%s is a directory: rosser add %s puts it into the store", path, path))
		}
		r = f
	}
	if as == "" {
		if as = rowFormats[strings.ToLower(filepath.Ext(path))]; as != "" {
			in := bufio.NewReader(r)
			if head, _ := in.Peek(headCAR); isCAR(head) {
				as = ""
			}
			r = in
		}
	}
	if as == "" && skipBad {
		return Misuse(errors.New("--skip-bad is for rows: give --as csv, json or ndjson"))
	}
	return with(o, func(s *Session) error {
		if as != "" {
			return s.importRows(ctx, r, path, as, skipBad)
		}
		return s.importCAR(ctx, r, path)
	})
}

// rowFormats are the formats of rows, by the extensions of their files.
var rowFormats = map[string]string{".csv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}

const headCAR = 18 // bytes that tell a CAR file

// isCAR says whether a file that begins with head is a CAR file: no text begins so.
func isCAR(head []byte) bool {
	_, n := binary.Uvarint(head)
	for _, key := range []string{"\xa2eroots", "\xa2gversion", "\xa1gversion"} {
		if n > 0 && bytes.HasPrefix(head[n:], []byte(key)) {
			return true
		}
	}
	return false
}

func (s *Session) importCAR(ctx context.Context, r io.Reader, path string) error {
	debug.SetGCPercent(100) // a block is garbage as soon as it is written
	in := bufio.NewReader(r)
	head, _ := in.Peek(headCAR)
	got, err := s.store.Import(ctx, in, filepath.Base(path))
	if err == nil || errors.Is(err, store.ErrTruncated) { // what has come is kept
		err = errors.Join(err, s.pinImported(ctx, got.Roots, path))
	}
	if err == nil || got.Blocks > 0 {
		fmt.Fprintf(s.opt.Stderr, "%s, %s\n", sizeText(got.Size), plural(got.Claims, "claim"))
	}
	if err != nil {
		if !isCAR(head) {
			err = fmt.Errorf("%w\n  hint: rows need --as csv, json or ndjson", err)
		}
		return &failure{exitMissing, fmt.Errorf("%s: %w", path, err)}
	}
	s.warnLacks(path, got)
	for _, root := range got.Roots {
		fmt.Fprintln(s.opt.Stdout, root)
	}
	return nil
}

// warnLacks says when not all that a CAR file leads to is there: nothing else tells that one ends early, between two blocks.
func (s *Session) warnLacks(path string, got store.Imported) {
	if got.Lacks.Defined() {
		s.warn("%s does not hold all that it links to, such as %s: it may be cut short", path, got.Lacks)
	}
}

// pinImported pins what a file was imported to, as far as it came: who imports wants to have it.
func (s *Session) pinImported(ctx context.Context, roots []cid.Cid, path string) error {
	for _, c := range roots {
		err := s.store.PinPartly(ctx, importedPin(c, path))
		if err != nil && !errors.Is(err, graph.ErrNotFound) {
			return err
		}
	}
	return nil
}

// importedPin pins c, which was made of the file or folder at path, and is named like it.
func importedPin(c cid.Cid, path string) store.Pin {
	if whole, err := filepath.Abs(path); err == nil && path != "-" { // "." has a name
		path = whole
	}
	return store.Pin{CID: c, Name: oneLine(lang.Clean(filepath.Base(path)), shownBytes)}
}

// Export is `rosser export`; newest leaves out the libraries before one.
func Export(ctx context.Context, o Options, root, path string, newest bool) error {
	return with(o, func(s *Session) error {
		c, err := s.libraryOrCID(ctx, root)
		if err != nil {
			return err
		}
		return s.export(ctx, c, path, newest)
	})
}

// libraryOrCID is the CID that text is, or that of the library it is the name of.
func (s *Session) libraryOrCID(ctx context.Context, text string) (cid.Cid, error) {
	c, err := parseCID(text)
	if err == nil || store.CheckLibraryName(text) != nil {
		return c, err
	}
	c, none := findLibrary(ctx, s.store, text)
	if none != nil && len(text) < leastCID {
		return c, Misuse(errors.New(none.Error()))
	}
	if none != nil {
		return c, err
	}
	return c, nil
}

// export writes a CAR file beside the place where it shall be, and moves it there when it is whole.
func (s *Session) export(ctx context.Context, root cid.Cid, path string, newest bool) error {
	debug.SetGCPercent(100)
	write := s.store.Export
	if newest {
		write = s.store.ExportNewest
	}
	if path == "-" {
		got, err := write(ctx, root, s.opt.Stdout)
		if err != nil {
			return &failure{exitMissing, err}
		}
		fmt.Fprintln(s.opt.Stderr, exportedText(got))
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return Misuse(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	got, err := write(ctx, root, f)
	if err != nil {
		return &failure{exitMissing, err}
	}
	if err := f.Chmod(0o644); err != nil {
		return Misuse(err)
	}
	if err := f.Close(); err != nil {
		return Misuse(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return Misuse(err)
	}
	fmt.Fprintf(s.opt.Stderr, "%s: %s\n", path, exportedText(got))
	return nil
}

func exportedText(e store.Exported) string {
	text := sizeText(e.Size)
	if e.Older > 0 {
		text += ", with " + plural(e.Older, "earlier version") + ", which --newest leaves out"
	}
	if e.Cut > 0 {
		text += "; of earlier versions some blocks are not here"
	}
	return text
}
