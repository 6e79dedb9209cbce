// Package repl is the session that every front shares: it compiles programs against the standard library, evaluates
// them on a store, and shows what came of it.
//
// Open makes a Session; its methods compile, evaluate and look things up (this file, bounds.go, check.go for editors).
// On top of it stand
//
//	commands.go, exchange.go, library.go, lock.go, files.go,
//	fmt.go, doc.go, new.go, storage.go, trust.go                   commands of the command line, each a function
//	front.go, task.go, asking.go                                   what package node, above, makes commands with
//	test.go, example.go, diff.go, watch.go                         tests, and running again at every change
//	terminal.go, shell.go, colon.go, bindings.go, workspace.go     the REPL: what an entry does, its commands, its names
//	view.go, color.go, complete.go                                 values on a screen, colours, completion; package edit is the editor
//	steps.go, steps_syntax.go, steps_match.go, walker.go           a reduction, step by step
//	errors.go, explain.go, names.go                                what an error says, and its exit code
package repl

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/start"
	"github.com/rosser-lang/rosser/stdlib"
	"github.com/rosser-lang/rosser/trust"
)

// Options are what the command line says.
type Options struct {
	Store    string // folder; "" is ~/.rosser
	Link     string // auto, all, none; "" is auto
	Trust    bool   // use all claims
	Fuel     uint64
	Deadline time.Duration
	Memory   string // such as 512M; "" is half of the machine's
	As       string // json, text, cbor
	Stats    bool
	Profile  bool                     // print where the steps and the time went
	Pprof    string                   // a file to write that to, for go tool pprof
	Watch    bool                     // run again whenever a file that was read changes
	Network  func(dir string) Network // of the store in a folder; nil is nobody
	Stdout   io.Writer                // nil is os.Stdout
	Stderr   io.Writer

	reading func(path string) // told of every file before it is read; may be nil
	single  bool              // one expression is evaluated
	sealed  bool              // programs come from somebody else: no file is read for them
}

// folder is the store's.
func (o Options) folder() (string, error) {
	if o.Store != "" {
		return o.Store, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", Misuse(fmt.Errorf("no folder for the store: %w (give one with --store DIR)", err))
	}
	return filepath.Join(home, ".rosser"), nil
}

// A Session compiles and evaluates on one store. It is used by one goroutine at a time.
type Session struct {
	opt     Options
	out     *output // opt.Stdout
	store   *store.Store
	trust   *trust.Store // over store: what may be used of it
	machine *eval.Machine
	profile *eval.Profile            // what its machine fills; nil without --profile and --pprof
	memory  int64                    // --memory
	imports map[string]*compile.Unit // by absolute path; nil while it is being compiled
	places  map[cid.Cid]place        // where a block of code came from
	names   map[cid.Cid]string       // of functions, for chains of calls
	scope   *bindings                // what has been defined in it; nil for a program of its own
	held    map[cid.Cid][]byte       // code, of a session that puts into the store only what it reduces
	kept    map[cid.Cid]bool         // what of it is in the store
	unkept  bool                     // there is no room for a store
	asking  *asking                  // of its machine; nil where nobody is asked
	others  Network
}

// An output keeps the first error of writing.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// A place is the source of a block of code, with the spans of its nodes by preorder index.
type place struct {
	file  *lang.File
	spans []lang.Span
}

// Open opens the store and makes a session on it.
func Open(o Options) (*Session, error) {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	o.Stderr = withStatus(o.Stderr)
	memory, err := memoryLimit(o.Memory)
	if err != nil {
		return nil, Misuse(err)
	}
	start.AdviseHeap(memory / 4)
	dir, err := o.folder()
	if err != nil {
		return nil, err
	}
	out := &output{Writer: o.Stdout}
	o.Stdout = out
	s := &Session{opt: o, out: out, imports: map[string]*compile.Unit{}, places: map[cid.Cid]place{}, names: map[cid.Cid]string{}}
	options := store.Options{Notice: func(err error) { s.warn("%v", err) }}
	db, err := store.Open(dir, options)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		s.warn("%v: going on without it, so nothing is kept", err)
		s.unkept = true
		db, err = store.OpenMemory(options)
	}
	if err != nil {
		return nil, Misuse(err)
	}
	s.store, s.memory = db, memory
	s.trust = trust.Over(db, dir, eval.Own, func(err error) { s.warn("%v", err) })
	s.keepLibrary()
	debug.SetGCPercent(laterGC)
	if o.single {
		collectLate()
	}
	debug.SetMemoryLimit(memory)
	s.machine = s.newMachine()
	return s, nil
}

// On makes a session on a store that is open, which compiles for somebody who is not the user: no file is read, nothing is evaluated and nothing
// is put into the store. Closing it would close the store.
func On(db *store.Store) *Session {
	return &Session{
		opt: Options{Stdout: io.Discard, Stderr: io.Discard, sealed: true}, out: &output{Writer: io.Discard}, store: db, memory: defaultMemory(),
		imports: map[string]*compile.Unit{}, places: map[cid.Cid]place{}, names: map[cid.Cid]string{},
	}
}

func (s *Session) newMachine() *eval.Machine {
	mode := map[string]eval.Mode{"": eval.Auto, "auto": eval.Auto, "all": eval.All, "none": eval.None}[s.opt.Link]
	if s.opt.Profile || s.opt.Pprof != "" {
		s.profile = &eval.Profile{}
	}
	var m *eval.Machine
	m = eval.New(eval.Options{
		Store: s.trust, Load: s.Load, Link: mode, Believe: s.believe, Fuel: s.opt.Fuel, Memory: s.memory, Debug: s.opt.Stderr, Profile: s.profile, Once: s.opt.single,
		Ask: s.startAsking(func(expr cid.Cid) { m.Found(expr) }),
	})
	return m
}

// keepLibrary sees to it that the standard library's code is in the store, so that what rests on it is whole there.
func (s *Session) keepLibrary() {
	ctx, root := context.Background(), libraryRoot()
	if has, err := s.store.Has(ctx, root.CID); err == nil && !has {
		if err := s.store.Put(ctx, append(slices.Clone(stdlib.Blocks()), root)...); err != nil {
			s.warn("the store cannot be written: %v", err)
		}
	}
}

// Close makes what was linked durable and closes the store.
func (s *Session) Close() error {
	if s.asking != nil {
		s.asking.end()
	}
	return s.store.Close()
}

// sink puts blocks into the store.
func (s *Session) sink() graph.Sink {
	return graph.SinkFunc(func(b graph.Block) { s.store.Put(context.Background(), b) })
}

// Load gives a block of the standard library, of what was compiled, or of the store.
func (s *Session) Load(c cid.Cid) ([]byte, error) {
	if data, ok := stdlib.Block(c); ok {
		return data, nil
	}
	if data, ok := s.held[c]; ok {
		return data, nil
	}
	return s.store.Block(context.Background(), c)
}

// memoryLimit reads a size such as 512M.
func memoryLimit(text string) (int64, error) {
	if text == "" {
		return defaultMemory(), nil
	}
	n, err := sizeFlag("--memory", text)
	if err == nil && n < 32<<20 {
		err = fmt.Errorf("--memory: got %q, want at least 32M", text)
	}
	return n, err
}

// ParseSize reads a size such as 512M, that a flag has; 0 for none.
func ParseSize(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := sizeFlag(flag, text)
	if err != nil {
		return 0, Misuse(err)
	}
	return n, nil
}

// sizeFlag reads a size such as 512M, that a flag has.
func sizeFlag(flag, text string) (int64, error) {
	digits, shift := strings.ToUpper(text), 0
	digits = strings.TrimSuffix(strings.TrimSuffix(digits, "B"), "I")
	for suffix, n := range map[string]int{"K": 10, "M": 20, "G": 30} {
		if rest, ok := strings.CutSuffix(digits, suffix); ok {
			digits, shift = rest, n
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)>>shift {
		return 0, fmt.Errorf("%s: got %q, want a size such as 512M or 4G", flag, text)
	}
	return n << shift, nil
}

// defaultMemory is half of the machine's memory, where that is known, and at most what the processor can address well.
func defaultMemory() int64 {
	const fallback = 2 << 30
	limit := int64(1<<62 - 1)
	if strconv.IntSize == 32 {
		limit = 1500 << 20
	}
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return min(fallback, limit)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			if kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64); err == nil {
				return min(max(kib<<10/2, 256<<20), limit)
			}
		}
	}
	return min(fallback, limit)
}

const maxSource = 16 << 20

// readSource reads a program, - being standard input.
func (o *Options) readSource(path string) ([]byte, error) {
	o.notice(path)
	var r io.Reader = os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, Misuse(err)
		}
		defer f.Close()
		r = f
	}
	src, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	if err != nil {
		return nil, Misuse(fmt.Errorf("%s: %w", path, err))
	}
	return src, nil
}

// notice tells whoever watches the files that one is about to be read.
func (o *Options) notice(path string) {
	if o.reading != nil && path != "-" {
		o.reading(path)
	}
}

// Compile parses and compiles a program and puts its blocks into the store. The error is a lang.Errors for mistakes in the
// source. When ctx ends or memory runs out it leaves nothing behind, and the session can go on.
func (s *Session) Compile(ctx context.Context, name string, src []byte) (*compile.Unit, error) {
	u, err := s.translate(ctx, name, src)
	if err != nil {
		return nil, err
	}
	switch err := s.store.Put(ctx, u.Blocks...); {
	case ctx.Err() != nil:
		return nil, stopped(context.Cause(ctx), "writing what "+name+" is compiled to")
	case err != nil:
		s.warn("the store cannot be written: %v", err)
	}
	return u, nil
}

// translate is Compile, but puts nothing into the store.
func (s *Session) translate(ctx context.Context, name string, src []byte) (u *compile.Unit, err error) {
	var errs, more lang.Errors
	err = s.limited(ctx, "compiling "+name, func(o compile.Options, ctx context.Context) (err error) {
		var f *lang.File
		if f, errs, err = lang.ParseContext(ctx, name, src); err == nil {
			u, more, err = compile.FileContext(ctx, f, o)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(errs) > 0:
		return nil, join(errs, more)
	case len(more) > 0:
		return nil, more
	}
	s.adopt(u)
	for _, d := range u.Defs {
		s.names[d.CID] = d.Name
	}
	return u, nil
}

var errSealed = errors.New("a program that is sent to a node can import no files: import a library by its CID, and give data as @CID")

// limited runs f, which compiles, within the session's bounds. The options are what names and imports mean in this session.
func (s *Session) limited(ctx context.Context, doing string, f func(compile.Options, context.Context) error) error {
	ctx, end := s.bounded(ctx)
	defer end(nil)
	err := f(compile.Options{
		Prelude: s.scope.lookup,
		Names:   s.scope.names,
		Module:  s.scope.module,
		Load:    s.Load,
		ImportFile: func(from, path string) (*compile.Unit, error) {
			if s.opt.sealed {
				return nil, errSealed
			}
			u, err := s.importFile(ctx, from, path)
			return u, ending(end, err)
		},
		ImportData: func(from, kind, path string) (*graph.Term, error) {
			if s.opt.sealed {
				return nil, errSealed
			}
			t, err := s.readData(ctx, kind, beside(from, path))
			if err == nil {
				s.machine.Hold(t.Value)
			}
			return t, ending(end, err)
		},
		ImportLibrary: func(c cid.Cid) (map[string]*graph.Term, error) { return s.importLibrary(ctx, c) },
		Locked: func(from, name string) (cid.Cid, error) {
			if s.opt.sealed {
				return cid.Undef, errSealed
			}
			return locked(from, name, func(path string) ([]byte, error) {
				return await(ctx, func() ([]byte, error) { return s.opt.readLock(path) })
			})
		},
	}, ctx)
	if err != nil {
		if errors.Is(err, errMemory) {
			runtime.GC() // what was half made is garbage now, and whatever comes next would be charged for it
		}
		return stopped(err, doing)
	}
	return nil
}

// adopt remembers where the code of a unit came from: what was written last is what its writer looks at.
func (s *Session) adopt(u *compile.Unit) {
	for c, spans := range u.Spans {
		s.places[c] = place{u.File, spans}
	}
}

// join adds to the parser's errors what compiling the items that could be read has found, but not that the names are
// unknown which the others may define.
func join(errs, more lang.Errors) lang.Errors {
	source := errs[0].File.Source
	name := func(e *lang.Error) string {
		end := min(e.Span.End, len(source))
		return source[min(e.Span.Start, end):end]
	}
	broken, told := map[string]bool{}, errs
	for _, e := range more {
		broken[name(e)] = false
	}
	for line := range strings.Lines(source) {
		for _, word := range []string{"let ", "and "} {
			if rest, ok := strings.CutPrefix(line, word); ok {
				rest = strings.TrimLeft(rest, " ")
				end := strings.IndexFunc(rest, func(r rune) bool {
					return r != '_' && r != '\'' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
				})
				if end < 0 {
					end = len(rest)
				}
				if _, unknown := broken[rest[:end]]; unknown {
					broken[rest[:end]] = true
				}
			}
		}
	}
	for _, e := range more {
		again := slices.ContainsFunc(told, func(t *lang.Error) bool { return e.Span.Start < t.Span.End && t.Span.Start < e.Span.End })
		if !again && !broken[name(e)] {
			errs = append(errs, e)
		}
	}
	slices.SortStableFunc(errs, func(a, b *lang.Error) int { return a.Span.Start - b.Span.Start })
	return errs
}

// beside is a path that stands in the file named from.
func beside(from, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(from), path)
}

// importFile compiles the file that another one imports.
func (s *Session) importFile(ctx context.Context, from, path string) (*compile.Unit, error) {
	path = beside(from, path)
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if u, ok := s.imports[abs]; ok {
		if u == nil {
			return nil, fmt.Errorf("%s imports itself, directly or through others", path)
		}
		return u, nil
	}
	src, err := await(ctx, func() ([]byte, error) { return s.opt.readSource(path) })
	switch {
	case ctx.Err() != nil:
		return nil, stopped(context.Cause(ctx), "reading "+path)
	case err != nil:
		return nil, errors.Unwrap(err)
	}
	s.imports[abs] = nil
	defer func() {
		if s.imports[abs] == nil {
			delete(s.imports, abs)
		}
	}()
	u, err := s.Compile(ctx, path, src)
	if err != nil {
		return nil, err
	}
	s.imports[abs] = u
	if s.scope != nil { // whoever talks to it can ask what the names mean
		if err := s.keepAbout(ctx, u); err != nil {
			s.warn("the store cannot be written: %v", err)
		}
	}
	return u, nil
}

// importLibrary reads the names of a published library.
func (s *Session) importLibrary(ctx context.Context, c cid.Cid) (map[string]*graph.Term, error) {
	lib, err := s.store.ReadNames(ctx, c)
	if err != nil {
		return nil, s.noLibrary(c, err)
	}
	terms := map[string]*graph.Term{}
	for name, term := range lib.Names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		t, err := s.loadCode(term)
		switch {
		case errors.Is(err, graph.ErrNotFound): // who has pulled some of the names uses these
			t = &graph.Term{Op: graph.OpRef, CID: term}
		case err != nil:
			return nil, fmt.Errorf("%s of the library %s: %w", name, c, err)
		case t.Op != graph.OpLit && t.Op != graph.OpPrim:
			t = &graph.Term{Op: graph.OpRef, CID: term}
		}
		terms[name] = t
	}
	return terms, nil
}

// loadCode is graph.LoadCode that leaves large values where they are.
func (s *Session) loadCode(c cid.Cid) (*graph.Term, error) {
	data, err := s.Load(c)
	if err != nil {
		return nil, err
	}
	return (&graph.Far{Load: s.Load}).DecodeCode(c, data)
}

// noLibrary is err, met where a library should be, or says what stands there instead.
func (s *Session) noLibrary(c cid.Cid, err error) error {
	if c.Prefix().Codec != cid.DagProtobuf {
		data, missing := s.Load(c)
		if missing != nil {
			return missing
		}
		what := "data"
		if c.Prefix().Codec == cid.DagCBOR && graph.IsCode(data) {
			what = "an expression"
			if t, err := s.loadCode(c); err == nil && (t.Op == graph.OpLam || t.Op == graph.OpMember || t.Op == graph.OpPrim) {
				what = "a function"
			} else if err == nil && t.Op == graph.OpLit {
				what = "data"
			}
		}
		return &compile.NotLibrary{CID: c, What: what}
	}
	if text := once(err); text != err.Error() {
		var gone *graph.NotFoundError
		errors.As(err, &gone)
		return gone
	}
	return err
}

// Apply is the expression of a compiled program's value applied to arguments. Of a program that is @CID alone it is the expression with that
// CID, if there is one, for whose answer people will ask.
func (s *Session) Apply(ctx context.Context, u *compile.Unit, args []*graph.Term) (cid.Cid, error) {
	if len(args) == 0 {
		if b := u.Body; b.Op == graph.OpLit && b.Value.Kind() == graph.KindLink {
			c := b.Value.Link()
			if t, err := s.loadCode(c); err == nil && t.Op != graph.OpLam && t.Op != graph.OpMember && t.Op != graph.OpPrim {
				return c, nil
			}
		}
		return u.BodyCID, nil
	}
	t := &graph.Term{Op: graph.OpApp, Args: append([]*graph.Term{u.Body}, args...)}
	var blocks []graph.Block
	b := graph.EncodeCode(t, graph.SinkFunc(func(b graph.Block) { blocks = append(blocks, b) }))
	err := s.store.Put(ctx, append(blocks, b)...)
	if ctx.Err() != nil {
		return cid.Undef, stopped(context.Cause(ctx), "writing the arguments")
	}
	return b.CID, err
}

// readData reads a file of the kind file (as bytes), json or csv as a literal.
func (s *Session) readData(ctx context.Context, kind, path string) (*graph.Term, error) {
	s.opt.notice(path)
	most := s.memory / 4
	data, err := await(ctx, func() ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		var b bytes.Buffer
		if info, err := f.Stat(); err == nil {
			b.Grow(int(min(info.Size(), most)) + bytes.MinRead)
		}
		_, err = b.ReadFrom(io.LimitReader(f, most+1))
		return b.Bytes(), err
	})
	switch {
	case ctx.Err() != nil:
		return nil, stopped(context.Cause(ctx), "reading "+path)
	case err != nil:
		return nil, Misuse(err)
	case int64(len(data)) > most:
		return nil, Misuse(fmt.Errorf("%s: got more than %d bytes, want at most a quarter of --memory", path, most))
	case kind == "file":
		return &graph.Term{Op: graph.OpLit, Value: graph.BytesValue(data)}, nil
	case !utf8.Valid(data):
		return nil, Misuse(fmt.Errorf("%s: not UTF-8 text", path))
	}
	text := unsafe.String(unsafe.SliceData(data), len(data)) // nobody writes to it any more
	v, thrown, err := s.machine.Primitive(ctx, kind+".parse", graph.Text(text))
	if err != nil {
		return nil, stopped(err, "reading "+path)
	}
	if thrown != nil {
		why := ""
		if wrong := (*graph.TextError)(nil); kind == "json" { // the primitive's error is a value that programs get, and says little
			if _, err := graph.ParseJSON(data); errors.As(err, &wrong) {
				why = wrong.Msg
			}
		}
		return nil, Misuse(malformed(path, thrown.Err, why))
	}
	return &graph.Term{Op: graph.OpLit, Value: v}, nil
}

// malformed is the error of a file whose text a primitive found bad; why says more than its reason, or is empty.
func malformed(path string, e *eval.Error, why string) error {
	if e.Kind == "bad text" && e.Value.Kind() == graph.KindMap {
		line, _ := e.Value.Map().Get("line")
		column, _ := e.Value.Map().Get("column")
		reason, _ := e.Value.Map().Get("reason")
		if reason.Kind() == graph.KindText {
			return fmt.Errorf("%s:%s:%s: %s", path, brief(line), brief(column), cmp.Or(why, reason.Text()))
		}
	}
	return fmt.Errorf("%s: %s", path, new(Session).explain(e, fault{}).text)
}

// Argument reads an argument of the command line: an expression, or file:, json: or csv: and a path.
func (s *Session) Argument(ctx context.Context, text string) (*graph.Term, error) {
	if kind, path, ok := compile.DataPath(text); ok {
		return s.readData(ctx, kind, path)
	}
	u, err := s.Compile(ctx, "argument", []byte(text))
	if err != nil {
		return nil, err
	}
	if u.Body == nil {
		return nil, Misuse(fmt.Errorf("argument %q: got definitions, want an expression", text))
	}
	return u.Body, nil
}

// within is ctx until the deadline, which counts from now.
func (s *Session) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opt.Deadline > 0 {
		return context.WithTimeout(ctx, s.opt.Deadline)
	}
	return ctx, func() {}
}

// Evaluate reduces an expression.
func (s *Session) Evaluate(ctx context.Context, expr cid.Cid) (eval.Outcome, error) {
	defer s.progress()()
	s.trust.Policy() // as it is now
	s.askFirst(ctx, expr)
	return s.evaluated(s.machine.Eval(ctx, expr))
}

// evaluated counts what an evaluation took, and says what was wrong in the store.
func (s *Session) evaluated(out eval.Outcome, err error) (eval.Outcome, error) {
	s.store.Count(store.Usage{Runs: 1, Executed: out.Reduced, Spared: out.Spared, Found: out.Found, Linked: out.Linked, Written: out.Written})
	for _, note := range s.machine.Notes() {
		s.warn("%v: reduced again", note)
	}
	if err := s.machine.Failure(); err != nil {
		s.warn("the store failed, so nothing more was linked: %v", err)
	}
	var stop *eval.Stop
	switch {
	case !errors.As(err, &stop):
	case s.unkept:
		stop.Checkpoint, stop.Lost = cid.Undef, errors.New("there is no store")
	case stop.Checkpoint.Defined(): // another process may go on from it at once
		if err := s.store.Flush(context.Background()); err != nil {
			stop.Checkpoint, stop.Lost = cid.Undef, err
		}
	}
	return out, err
}

func (s *Session) warn(format string, args ...any) {
	fmt.Fprintf(s.opt.Stderr, "rosser: "+format+"\n", args...)
}

const (
	laterGC = 400  // of what is alive
	firstGC = 3200 // of 4 MiB
)

// collectLate has the heap's first collection come at 128 MiB, which many programs never reach; a process that goes on for long does better without it.
// Who wants another percentage than laterGC after that says so after Open.
func collectLate() {
	debug.SetGCPercent(firstGC)
	runtime.AddCleanup(new([2]*int), func(int) {
		if now := debug.SetGCPercent(laterGC); now != firstGC {
			debug.SetGCPercent(now)
		}
	}, 0)
}
