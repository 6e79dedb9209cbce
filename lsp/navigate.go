// This file finds definitions and uses of names, also in other files, and renames them.

package lsp

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl"
)

const (
	maxFiles    = 2000     // of a workspace that are looked through
	maxFileSize = 16 << 20 // bytes
	maxScanned  = 64 << 20 // bytes of all files that are looked through
)

// A fileCache holds files that are not open in the editor, by path.
type fileCache struct {
	sync.Mutex
	files map[string]*cachedFile
}

type cachedFile struct {
	size int64
	time time.Time
	doc  *document
}

// besides is a path that stands in a file.
func besides(from, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(from), path)
}

// file is the file at a path as the editor or the disk has it, nil when it cannot be read.
func (s *server) file(path string) *document {
	if d := s.document(path); d != nil {
		return d
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil
	}
	s.files.Lock()
	known := s.files.files[path]
	s.files.Unlock()
	if known != nil && known.size == info.Size() && known.time.Equal(info.ModTime()) {
		return known.doc
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil || len(src) > maxFileSize {
		return nil
	}
	d := newDocument(uriOf(path), string(src), 0, s.bytes)
	d.retire()
	s.files.Lock()
	defer s.files.Unlock()
	if s.files.files == nil || len(s.files.files) > maxFiles {
		s.files.files = map[string]*cachedFile{}
	}
	s.files.files[path] = &cachedFile{info.Size(), info.ModTime(), d}
	return d
}

// library are the terms of an imported library, as far as they are known.
func (d *document) library(root cid.Cid) map[string]*graph.Term {
	if good := d.lastGood(); good != nil {
		return good.Libraries[root]
	}
	return nil
}

// published is the library that an import is of; undefined if it is that of a file.
func (d *document) published(imp *lang.Import) cid.Cid {
	if good := d.lastGood(); good != nil && !imp.CID.Defined() {
		return good.Locked[imp.Path]
	}
	return imp.CID
}

// topLevel is the binding of a file's definition.
func topLevel(d *document, name string) *lang.Binding {
	for _, b := range d.scopes().Bindings {
		if b.Kind == lang.BoundTop && b.Name == name {
			return b
		}
	}
	return nil
}

// A target is what a name in the editor means: a binding and the file that has it, or a name of the library.
type target struct {
	doc     *document
	binding *lang.Binding // nil for the library
	use     lang.Use      // what stands in the editor
}

// targetAt finds what the name at a position means.
func (s *server) targetAt(d *document, offset int) (target, bool) {
	u, ok := d.scopes().At(offset)
	if !ok || s.quoted(d, offset) {
		return target{}, false
	}
	if u.Import != nil {
		imp := importOf(u.Import)
		if imp == nil || d.published(imp).Defined() {
			return target{}, false // a field of imported data, or a library's name
		}
		other := s.file(besides(d.path, imp.Path))
		if other == nil {
			return target{}, false
		}
		b := topLevel(other, u.Name)
		return target{other, b, u}, b != nil
	}
	return target{d, u.Binding, u}, true
}

// quoted says whether an offset is inside a text or a comment, where words are no names.
func (s *server) quoted(d *document, offset int) bool {
	i := d.tokenAt(offset)
	if i < 0 {
		return true
	}
	switch d.tokens()[i].Class {
	case lang.ClassName, lang.ClassField, lang.ClassModule, lang.ClassTag:
		return false
	}
	return true
}

func (d *document) location(at lang.Span) location { return location{d.uri, d.span(at)} }

func (s *server) definition(_ context.Context, d *document, p positionParams) (any, error) {
	offset := d.offset(p.Position)
	for _, def := range d.parse().file.Defs { // the path of an import
		if imp, ok := def.Value.(*lang.Import); ok && imp.Start <= offset && offset <= imp.End && imp.Path != "" {
			path := imp.Path
			if d.published(imp).Defined() {
				path = repl.LockFile
			}
			if _, data, ok := compile.DataPath(path); ok {
				path = data
			}
			path = besides(d.path, path)
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				return nil, nil
			}
			return location{URI: uriOf(path)}, nil
		}
	}
	t, ok := s.targetAt(d, offset)
	if !ok || t.binding == nil {
		return nil, nil
	}
	return t.doc.location(t.binding.Sites[0].Span), nil
}

// An occurrence is a place where a name is written.
type occurrence struct {
	doc *document
	lang.Site
	bound bool
}

// occurrences are the places of a name in the file that has it, in order.
func (t target) occurrences() []occurrence {
	var found []occurrence
	scopes := t.doc.scopes()
	if t.binding == nil {
		for _, u := range scopes.Uses {
			if u.Binding == nil && u.Import == nil && u.Name == t.use.Name && u.Module == t.use.Module {
				found = append(found, occurrence{t.doc, u.Site, false})
			}
		}
		return found
	}
	for _, site := range t.binding.Sites {
		found = append(found, occurrence{t.doc, site, true})
	}
	for _, u := range scopes.UsesOf(t.binding) {
		found = append(found, occurrence{t.doc, u.Site, false})
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Start < found[j].Start })
	return found
}

// imported are the places of a name in other files, which import the one that has it. Whole is false when there are
// more files than are looked through.
func (s *server) imported(ctx context.Context, t target) (found []occurrence, whole bool) {
	if t.binding == nil || t.binding.Kind != lang.BoundTop {
		return nil, true
	}
	docs, whole := s.workspace(ctx)
	for _, d := range docs {
		if d.path == t.doc.path || !strings.Contains(d.text, "import") {
			continue
		}
		for _, u := range d.scopes().Uses {
			if imp := importOf(u.Import); imp != nil && u.Name == t.binding.Name && !d.published(imp).Defined() && besides(d.path, imp.Path) == t.doc.path {
				found = append(found, occurrence{d, u.Site, false})
			}
		}
	}
	return found, whole
}

// workspace are the open files and those of the editor's folders, by path.
func (s *server) workspace(ctx context.Context) (docs []*document, whole bool) {
	s.mu.Lock()
	roots := slices.Clone(s.roots)
	paths := map[string]bool{}
	for _, d := range s.documents {
		if !paths[d.path] {
			paths[d.path] = true
			docs = append(docs, d)
		}
	}
	s.mu.Unlock()
	whole = true
	entries, size := 0, int64(0)
	for _, root := range roots {
		filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if entries++; err != nil {
				return nil
			}
			if ctx.Err() != nil || entries > 50*maxFiles || len(docs) > maxFiles || size > maxScanned {
				whole = false
				return filepath.SkipAll
			}
			name := e.Name()
			if e.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules") {
				return filepath.SkipDir
			}
			if !e.Type().IsRegular() || filepath.Ext(name) != ".ros" || paths[path] {
				return nil
			}
			paths[path] = true
			if d := s.file(path); d != nil {
				size += int64(len(d.text))
				docs = append(docs, d)
			}
			return nil
		})
	}
	sort.Slice(docs, func(i, j int) bool { return docs[i].path < docs[j].path })
	return docs, whole
}

func (s *server) references(ctx context.Context, d *document, p referenceParams) (any, error) {
	locations := []location{}
	t, ok := s.targetAt(d, d.offset(p.Position))
	if !ok {
		return locations, nil
	}
	others, _ := s.imported(ctx, t)
	for _, o := range append(t.occurrences(), others...) {
		if !o.bound || p.Context.IncludeDeclaration {
			locations = append(locations, o.doc.location(o.Span))
		}
	}
	return locations, nil
}

func (s *server) highlight(_ context.Context, d *document, p positionParams) (any, error) {
	marks := []documentHighlight{}
	t, ok := s.targetAt(d, d.offset(p.Position))
	if !ok {
		return marks, nil
	}
	if t.doc != d { // m.f: the same in this file
		for _, u := range d.scopes().Uses {
			if u.Import == t.use.Import && u.Name == t.use.Name {
				marks = append(marks, documentHighlight{d.span(u.Span), 2})
			}
		}
		return marks, nil
	}
	for _, o := range t.occurrences() {
		kind := 2
		if o.bound {
			kind = 3
		}
		marks = append(marks, documentHighlight{d.span(o.Span), kind})
	}
	return marks, nil
}

// renamable is the name at a position, if it can be renamed.
func (s *server) renamable(d *document, p position) (target, error) {
	offset := d.offset(p)
	t, ok := s.targetAt(d, offset)
	switch {
	case !ok:
		return t, refuse("no name of the program stands here")
	case t.binding == nil && t.use.Module == "":
		return t, refuse("`%s` is no name of this file: the library's cannot be renamed", t.use.Name)
	case t.binding == nil:
		return t, refuse("`%s.%s` is a name of the library, which cannot be renamed", t.use.Module, t.use.Name)
	}
	return t, nil
}

func (s *server) prepareRename(_ context.Context, d *document, p positionParams) (any, error) {
	t, err := s.renamable(d, p.Position)
	if err != nil {
		return nil, err
	}
	return prepareRenameResult{d.span(t.use.Span), t.use.Name}, nil
}

func (s *server) rename(ctx context.Context, d *document, p renameParams) (any, error) {
	t, err := s.renamable(d, p.Position)
	if err != nil {
		return nil, err
	}
	if errs := t.doc.parse().errs; len(errs) > 0 {
		line, _ := lang.Position(errs[0].File, errs[0].Span.Start)
		return nil, refuse("%s has mistakes, the first on line %d: only a file that is understood can be renamed in", filepath.Base(t.doc.path), line)
	}
	edits, err := t.doc.scopes().Rename(t.binding, p.NewName)
	if err != nil {
		return nil, refuse("%s", err)
	}
	changes := map[string][]textEdit{}
	for _, e := range edits {
		changes[t.doc.uri] = append(changes[t.doc.uri], textEdit{t.doc.span(e.Span), e.Text})
	}
	others, whole := s.imported(ctx, t)
	if !whole && t.binding.Kind == lang.BoundTop {
		return nil, refuse("there are too many files to look for those that import this one")
	}
	for _, o := range others {
		if errs := o.doc.parse().errs; len(errs) > 0 {
			return nil, refuse("%s imports this file and has mistakes: only what is understood can be renamed in", filepath.Base(o.doc.path))
		}
		changes[o.doc.uri] = append(changes[o.doc.uri], textEdit{o.doc.span(o.Span), p.NewName})
	}
	return workspaceEdit{changes}, nil
}

func (s *server) symbols(_ context.Context, d *document, _ documentParams) (any, error) {
	out := []documentSymbol{}
	src := d.source()
	understood := map[*lang.Def]bool{}
	for _, b := range d.scopes().Bindings {
		if b.Kind != lang.BoundTop {
			continue
		}
		at := b.Sites[0].Span
		whole := at
		symbol := documentSymbol{Name: b.Name, Kind: symbolVariable}
		if b.Def != nil {
			if whole = b.Def.Span; understood[b.Def] { // another name of one pattern
				whole = at
			}
			understood[b.Def] = true
			if before := strings.TrimRight(src[:whole.Start], " \t\r\n"); whole != at && strings.HasSuffix(before, "let") {
				whole.Start = len(before) - len("let")
			}
			if params := paramsOf(b.Def); len(params) > 0 {
				symbol.Kind, symbol.Detail = symbolFunction, strings.Join(params, " ")
			}
			if _, ok := b.Def.Value.(*lang.Import); ok {
				symbol.Kind = symbolModule
			}
		}
		symbol.Range, symbol.SelectionRange = d.span(whole), d.span(at)
		out = append(out, symbol)
	}
	return out, nil
}
