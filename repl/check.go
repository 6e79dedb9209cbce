// This file compiles files for an editor: as they are now, with buffers that are not saved, again and again.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// A Checker compiles files without storing or evaluating anything. It remembers the files that others import, until they
// change. It is used by one goroutine at a time; it may have been used by several.
type Checker struct {
	session *Session                         // nil: no store
	open    func(path string) (string, bool) // what an editor holds of a file; path is absolute
	files   map[string]*checkedFile
	data    map[string]*checkedData
	ctx     context.Context      // of the check
	current map[string]*fileText // of this check
	deps    map[string]bool
	partial bool
	depth   int // of imports
	out     Checked
}

// A Checked is what became of one file.
type Checked struct {
	Unit    *compile.Unit // nil when there are mistakes
	Errors  lang.Errors
	Deps    []string // absolute paths of the files it rests on, that are there or not
	Partial bool     // some data was too large to read here, so the CIDs are not those of the program
	// What the file imports itself: files by absolute path, published libraries.
	Imports   map[string]*compile.Unit
	Libraries map[cid.Cid]map[string]*graph.Term
	Locked    map[string]cid.Cid // published libraries by the names that the file imports them by
}

// A fileText is a file as it is at the time of a check.
type fileText struct {
	src  string
	err  error
	open bool
	size int64
	time time.Time
}

func (t *fileText) same(o *fileText) bool {
	if t.err != nil || o.err != nil {
		return t.err != nil && o.err != nil && t.err.Error() == o.err.Error()
	}
	return t.src == o.src
}

type checkedFile struct {
	text    *fileText
	deps    map[string]*fileText // all files below it
	unit    *compile.Unit        // nil while it is being compiled
	err     error
	partial bool
}

type checkedData struct {
	size int64
	time time.Time
	term *graph.Term
	err  error
}

const (
	maxChecked     = 1000     // files that one file may rest on
	maxCheckedData = 16 << 20 // bytes of a file of data that is read while somebody types
)

// NewChecker makes a Checker on a session, which may be nil: then no library and no data can be imported.
func NewChecker(s *Session, open func(path string) (string, bool)) *Checker {
	return &Checker{session: s, open: open, files: map[string]*checkedFile{}, data: map[string]*checkedData{}}
}

// Check compiles a parsed file, whose Name is its absolute path, and says what is wrong with it. The mistakes that Parse
// found are among the errors.
func (c *Checker) Check(ctx context.Context, f *lang.File, errs lang.Errors) Checked {
	c.ctx, c.current, c.deps, c.partial = ctx, map[string]*fileText{}, map[string]bool{}, false
	c.depth, c.out = 0, Checked{Imports: map[string]*compile.Unit{}, Libraries: map[cid.Cid]map[string]*graph.Term{}, Locked: map[string]cid.Cid{}}
	self := &checkedFile{text: &fileText{src: f.Source}}
	before := c.files[f.Name]
	c.files[f.Name] = self
	u, more := c.compile(f)
	delete(c.files, f.Name)
	if before != nil && before.unit != nil {
		c.files[f.Name] = before
	}
	out := c.out
	out.Partial = c.partial
	for path := range c.deps {
		out.Deps = append(out.Deps, path)
	}
	switch {
	case len(errs) > 0:
		out.Errors = join(errs, more)
	case len(more) > 0:
		out.Errors = more
	default:
		out.Unit = u
	}
	return out
}

func (c *Checker) compile(f *lang.File) (*compile.Unit, lang.Errors) {
	return compile.File(f, compile.Options{
		Prelude: stdlib.Lookup, Names: stdlib.Names, Load: c.load,
		ImportFile: c.importFile, ImportData: c.importData, ImportLibrary: c.importLibrary, Locked: c.locked,
	})
}

func (c *Checker) load(block cid.Cid) ([]byte, error) {
	if c.session == nil {
		return stdlib.Load(block)
	}
	return c.session.Load(block)
}

// text is what a file holds now.
func (c *Checker) text(path string) *fileText {
	if t, ok := c.current[path]; ok {
		return t
	}
	t := &fileText{}
	c.current[path] = t
	if src, ok := c.open(path); ok {
		t.src, t.open = src, true
		return t
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		t.err = unpathed(err)
		return t
	case !info.Mode().IsRegular():
		t.err = fmt.Errorf("%s is no file", filepath.Base(path))
		return t
	}
	t.size, t.time = info.Size(), info.ModTime()
	if old := c.files[path]; old != nil && !old.text.open && old.text.err == nil && old.text.size == t.size && old.text.time.Equal(t.time) {
		t.src = old.text.src
		return t
	}
	file, err := os.Open(path)
	if err != nil {
		t.err = unpathed(err)
		return t
	}
	defer file.Close()
	src, err := io.ReadAll(io.LimitReader(file, maxSource+1))
	if err != nil {
		t.err = unpathed(err)
	}
	t.src = string(src)
	return t
}

// unpathed is an error of the file system without the path, which the reader of the message sees.
func unpathed(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s: %w", filepath.Base(path.Path), path.Err)
	}
	return err
}

func (c *Checker) importFile(from, path string) (*compile.Unit, error) {
	c.depth++
	u, err := c.imported(from, path)
	if c.depth--; c.depth == 0 && u != nil {
		c.out.Imports[beside(from, path)] = u
	}
	return u, err
}

func (c *Checker) imported(from, path string) (*compile.Unit, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	shown := path
	path = beside(from, path)
	c.deps[path] = true
	if known := c.files[path]; known != nil {
		if known.unit == nil && known.err == nil {
			return nil, fmt.Errorf("%s imports itself, directly or through others", shown)
		}
		if c.unchanged(known, path) {
			for dep := range known.deps {
				c.deps[dep] = true
			}
			c.partial = c.partial || known.partial
			return known.unit, known.err
		}
	}
	text := c.text(path)
	switch {
	case text.err != nil:
		return nil, text.err
	case len(c.deps) > maxChecked:
		return nil, fmt.Errorf("got more than %d imported files", maxChecked)
	}
	file := &checkedFile{text: text, deps: map[string]*fileText{}}
	c.files[path] = file
	above, partial := c.deps, c.partial
	c.deps, c.partial = map[string]bool{}, false
	f, errs := lang.Parse(path, []byte(text.src))
	u, more := c.compile(f)
	if len(errs) > 0 {
		more = join(errs, more)
	}
	if len(more) > 0 {
		u, file.err = nil, &importError{more}
	}
	for dep := range c.deps {
		above[dep] = true
		file.deps[dep] = c.text(dep)
	}
	file.unit, file.partial = u, c.partial
	c.deps, c.partial = above, partial || c.partial
	return file.unit, file.err
}

// unchanged says whether a file and all that it rests on are what they were.
func (c *Checker) unchanged(f *checkedFile, path string) bool {
	if !c.text(path).same(f.text) {
		return false
	}
	for dep, text := range f.deps {
		if !c.text(dep).same(text) {
			return false
		}
	}
	return true
}

// An importError says that an imported file has mistakes.
type importError struct{ errs lang.Errors }

func (e *importError) Error() string {
	first := e.errs[0]
	line, _ := lang.Position(first.File, first.Span.Start)
	text := fmt.Sprintf("%s has mistakes: line %d: %s", filepath.Base(first.File.Name), line, first.Message)
	if n := len(e.errs) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}

func (c *Checker) importData(from, kind, path string) (*graph.Term, error) {
	path = beside(from, path)
	c.deps[path] = true
	info, err := os.Stat(path)
	if err != nil {
		return nil, unpathed(err)
	}
	if c.session == nil || info.Size() > maxCheckedData {
		c.partial = true
		return &graph.Term{Op: graph.OpLit, Value: graph.Null()}, nil // whatever it is, names mean what they mean
	}
	key := kind + ":" + path
	if known := c.data[key]; known != nil && known.size == info.Size() && known.time.Equal(info.ModTime()) {
		return known.term, known.err
	}
	t, err := c.session.readData(c.ctx, kind, path)
	if c.ctx.Err() == nil {
		c.data[key] = &checkedData{info.Size(), info.ModTime(), t, err}
	}
	return t, err
}

func (c *Checker) importLibrary(root cid.Cid) (map[string]*graph.Term, error) {
	if c.session == nil {
		return nil, errors.New("there is no store to read the library from")
	}
	terms, err := c.session.importLibrary(c.ctx, root)
	if err == nil && c.depth == 0 {
		c.out.Libraries[root] = terms
	}
	return terms, err
}

func (c *Checker) locked(from, name string) (cid.Cid, error) {
	root, err := locked(from, name, func(path string) ([]byte, error) {
		c.deps[path] = true
		t := c.text(path)
		return []byte(t.src), t.err
	})
	if err == nil && root.Defined() && c.depth == 0 {
		c.out.Locked[name] = root
	}
	return root, err
}

// A Recorded is what the store knows of the value of an expression.
type Recorded struct {
	Value graph.Value // null for an error
	Text  string      // the value or the error, cut
	Error bool
	Claim string // whose claim it is; "" when this machine reduced the expression
	Steps uint64
}

// Recorded looks an expression's value up; nothing is evaluated. It may be called from any goroutine.
func (s *Session) Recorded(ctx context.Context, expr cid.Cid) (Recorded, bool) {
	a, ok, err := s.trust.Answer(ctx, expr)
	if err != nil || !ok {
		return Recorded{}, false
	}
	r, err := eval.LoadAnswer(a, s.Load)
	if err != nil {
		return Recorded{}, false
	}
	out := Recorded{Value: r.Value, Steps: r.Steps}
	err = loading(func() error {
		if out.Error = r.Error != nil; out.Error {
			out.Value, out.Text = graph.Null(), s.explain(&eval.Error{Kind: r.Error.Kind, Value: r.Error.Value}, fault{}).text
		} else {
			out.Text = brief(r.Value)
		}
		return nil
	})
	if err != nil {
		return Recorded{}, false
	}
	if !a.Own() {
		out.Claim = s.Claimants(a.By)
	}
	return out, true
}

// About is what was written of a term, if the store or the library knows. It may be called from any goroutine.
func (s *Session) About(c cid.Cid) (graph.About, bool) { return s.about(c) }
