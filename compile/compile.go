// Package compile turns a program's syntax tree into the graph of its expressions: closed, content-addressed code in
// which names, patterns and layout are gone.
//
// [File] compiles a file. It is told by [Options] what the names mean that the file does not define. It answers with
// a [Unit]: a term for each definition and for the final expression, and the blocks that hold them; or with everything
// that is wrong. [Readable] goes the other way.
//
// A file passes through three trees. The resolver (resolve.go, pattern.go) turns syntax into the core tree (core.go),
// in which names are variables or entities and patterns are tests. Lifting (lift.go) finds what each function captures
// and which entities are members of one recursion group. Emitting (emit.go) makes terms of graph, bottom-up, and cuts
// every closed one out into a block of its own.
package compile

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// A Prelude says what a name means that a file does not define: a term that is an OpRef, an OpPrim or an OpLit.
// Module is "" for a plain name. An OpRef whose Arity is not 0 is known to be a function; else Load tells.
type Prelude func(module, name string) (*graph.Term, bool)

// Options are what a file's meaning depends on besides its text.
type Options struct {
	Prelude Prelude
	// Names are those that Prelude knows, as they are written; for suggestions. May be nil.
	Names func() []string
	// Load gives the blocks that Prelude and imports link. It is asked only whether such a block is a function.
	Load graph.Loader
	// ImportFile compiles the file at a path, which stands in the file named from.
	ImportFile func(from, path string) (*Unit, error)
	// ImportData reads the file at a path, which stands in the file named from, as an OpLit. The kind is one that DataPath knows.
	ImportData func(from, kind, path string) (*graph.Term, error)
	// ImportLibrary gives the terms of a published library, an OpRef where a block is missing: who names that is told. Its error is a NotLibrary where
	// it knows what stands there instead.
	ImportLibrary func(cid.Cid) (map[string]*graph.Term, error)
	// Locked gives the published library that a name stands for in the file named from, as LibraryName has it; undefined if it
	// is the path of a file. May be nil.
	Locked func(from, name string) (cid.Cid, error)
	// Module gives the terms of an import that was made elsewhere, as earlier in a session. May be nil.
	Module func(name string) (map[string]*graph.Term, bool)
}

// A NotLibrary is the error of an import by a CID at which something else stands.
type NotLibrary struct {
	CID  cid.Cid
	What string // with its article, as in "a function"
}

func (e *NotLibrary) Error() string { return fmt.Sprintf("this is %s, not a library", e.What) }

// A Def is a top-level definition, compiled. A pattern gives one for each of its names.
type Def struct {
	Name  string
	Term  *graph.Term // an OpRef, an OpPrim or an OpLit: what stands where the name is written
	CID   cid.Cid     // of the block that is the term
	About graph.About
	Span  lang.Span
}

// A Unit is a compiled file.
type Unit struct {
	File    *lang.File
	Defs    []Def
	Body    *graph.Term // as a Def's Term; nil when the file has no final expression
	BodyCID cid.Cid
	Blocks  []graph.Block                     // all code that was made, children first, each once
	Spans   map[cid.Cid][]lang.Span           // where the nodes of a block stand in the file, by graph.Walk's numbers
	Modules map[string]map[string]*graph.Term // the names of its imports, by what the file calls them
}

// Lookup returns the term of a definition.
func (u *Unit) Lookup(name string) (*graph.Term, bool) {
	for i := range u.Defs {
		if u.Defs[i].Name == name {
			return u.Defs[i].Term, true
		}
	}
	return nil, false
}

// A top is a top-level name, or the right side that the names of a pattern take apart, or the file's body.
type top struct {
	name   string
	def    *lang.Def
	entity *entity
	source *top        // of a name in a pattern: what the pattern looks at
	module *scope      // of an import
	data   *graph.Term // of an import of data
	stands *node       // what stands for the name, if it is known before anything is emitted
	blocks []cid.Cid   // those that its definition made, in order
	spans  map[cid.Cid][]lang.Span
}

// A scope is the names that an import brings.
type scope struct{ terms map[string]*graph.Term }

// A compiler holds the state of compiling one file.
type compiler struct {
	Options
	ctx    context.Context // compiling ends with it
	left   int             // ticks until it is looked at
	file   *lang.File
	tops   map[string]*top
	order  []*top
	errors lang.Errors
	seen   map[string]bool // errors
	fns    map[cid.Cid]bool
	spans  map[*graph.Term]lang.Span
	made   map[cid.Cid]bool
	cur    *top
	unit   *Unit
	writer *graph.Writer // to put
}

// File compiles a file. It returns a unit, or what is wrong with the file.
func File(f *lang.File, opt Options) (*Unit, lang.Errors) {
	u, errs, _ := FileContext(context.Background(), f, opt)
	return u, errs
}

// FileContext is File until ctx ends. Then the error is its cause, and nothing of the file has been compiled.
func FileContext(ctx context.Context, f *lang.File, opt Options) (u *Unit, errs lang.Errors, err error) {
	defer func() {
		if r := recover(); r != nil {
			h, ok := r.(*halt)
			if !ok {
				panic(r)
			}
			u, errs, err = nil, nil, h.cause
		}
	}()
	u, errs = compileFile(ctx, f, opt)
	return u, errs, nil
}

// A halt is the panic that ends the compiling of a file whose context has ended.
type halt struct{ cause error }

const lookEvery = 1024 // ticks

// tick counts a piece of work that takes some microseconds at most; it ends the compiling if the context has ended.
func (c *compiler) tick() {
	if c.left--; c.left < 0 {
		c.look()
	}
}

func (c *compiler) look() {
	c.left = lookEvery
	if c.ctx.Err() != nil {
		panic(&halt{context.Cause(c.ctx)})
	}
}

func compileFile(ctx context.Context, f *lang.File, opt Options) (*Unit, lang.Errors) {
	c := &compiler{
		Options: opt, ctx: ctx, file: f, tops: map[string]*top{}, seen: map[string]bool{}, fns: map[cid.Cid]bool{},
		spans: map[*graph.Term]lang.Span{}, made: map[cid.Cid]bool{},
		unit: &Unit{File: f, Spans: map[cid.Cid][]lang.Span{}, Modules: map[string]map[string]*graph.Term{}},
	}
	c.writer = graph.NewWriter(graph.SinkFunc(c.put))
	c.look()
	c.declare()
	c.resolve()
	if len(c.errors) == 0 {
		c.lift()
	}
	if len(c.errors) > 0 {
		sort.SliceStable(c.errors, func(i, j int) bool { return c.errors[i].Span.Start < c.errors[j].Span.Start })
		return nil, c.errors
	}
	return c.unit, nil
}

const maxPath = 4096 // bytes of an import's path

// maxErrors is how many mistakes are reported in one go.
const maxErrors = 100

func (c *compiler) errorf(at lang.Span, format string, args ...any) {
	c.mistake(at, fmt.Sprintf(format, args...), nil)
}

func (c *compiler) mistake(at lang.Span, msg string, cause error) {
	if len(c.errors) == maxErrors {
		return
	}
	id := fmt.Sprint(at, msg)
	if c.seen[id] {
		return
	}
	c.seen[id] = true
	c.errors = append(c.errors, &lang.Error{File: c.file, Span: at, Item: c.item(at), Message: msg, Cause: cause})
}

// item is the name of the definition that a span stands in.
func (c *compiler) item(at lang.Span) string {
	for _, d := range c.file.Defs {
		if name, ok := d.Pattern.(*lang.NamePat); ok && d.Start <= at.Start && at.End <= d.End {
			return name.Name
		}
	}
	return ""
}

// declare makes the tops of the file, without looking at their right sides.
func (c *compiler) declare() {
	for _, d := range c.file.Defs {
		c.tick()
		if imp, ok := d.Value.(*lang.Import); ok && len(d.Params) == 0 {
			c.declareImport(d, imp)
			continue
		}
		if name, ok := d.Pattern.(*lang.NamePat); ok {
			t := &top{name: name.Name, def: d, entity: &entity{named: true, name: name.Name, span: d.Span}}
			switch {
			case !recursive(d):
				t.entity.kind = expression
			case len(d.Params) == 0 && isLazy(d.Value):
				t.entity.kind = suspension
			}
			c.add(t, name.Span)
			continue
		}
		bound := patternNames(d.Pattern)
		source := &top{def: d, entity: &entity{kind: expression, named: true, name: describe(bound), span: d.Span}}
		c.add(source, d.Span)
		for _, name := range bound {
			c.add(&top{name: name, def: d, source: source, entity: &entity{kind: expression, named: true, name: name, span: d.Span}}, d.Pattern.Where())
		}
	}
	if c.file.Body != nil {
		c.add(&top{entity: &entity{kind: expression, named: true, span: c.file.Body.Where()}}, c.file.Body.Where())
	}
}

func isLazy(x lang.Expr) bool {
	_, ok := x.(*lang.Lazy)
	return ok
}

func (c *compiler) add(t *top, at lang.Span) {
	t.entity.top = t
	if t.module == nil {
		c.order = append(c.order, t)
	} else if t.module.terms != nil {
		c.unit.Modules[t.name] = t.module.terms
	}
	if t.name == "" {
		return
	}
	if c.tops[t.name] != nil {
		c.errorf(at, "%s is defined twice", lang.Cut(t.name))
		return
	}
	c.tops[t.name] = t
}

func (c *compiler) declareImport(d *lang.Def, imp *lang.Import) {
	name, ok := d.Pattern.(*lang.NamePat)
	if !ok {
		c.errorf(d.Pattern.Where(), "got a pattern for an import, want a name")
		return
	}
	t := &top{name: name.Name, def: d, entity: &entity{kind: expression, named: true, name: name.Name, span: d.Span}}
	kind, path, isData := DataPath(imp.Path)
	root := imp.CID
	var err error
	if !root.Defined() && LibraryName(imp.Path) && c.Locked != nil {
		root, err = c.Locked(c.file.Name, imp.Path)
	}
	switch {
	case err != nil:
	case len(imp.Path) > maxPath:
		err = fmt.Errorf("got a path of %d bytes, want at most %d", len(imp.Path), maxPath)
	case isData && c.ImportData != nil:
		t.data, err = c.ImportData(c.file.Name, kind, path)
	case root.Defined() && c.ImportLibrary != nil:
		t.module = &scope{}
		t.module.terms, err = c.ImportLibrary(root)
	case !root.Defined() && !isData && c.ImportFile != nil:
		t.module = &scope{terms: map[string]*graph.Term{}}
		var u *Unit
		if u, err = c.ImportFile(c.file.Name, imp.Path); err == nil {
			for _, d := range u.Defs {
				t.module.terms[d.Name] = d.Term
			}
		}
	default:
		err = errors.New("nothing can be imported here")
	}
	c.look() // an import that was stopped is no mistake in the source
	if err != nil {
		msg := err.Error()
		if other := (*NotLibrary)(nil); errors.As(err, &other) {
			msg += fmt.Sprintf(": let %s = @%s", lang.Cut(name.Name), other.CID)
		}
		c.mistake(imp.Span, msg, err)
		t.data, t.module = nil, &scope{} // nothing is known of its names
	}
	c.add(t, name.Span)
}

// LibraryName says whether the path of an import can be the name of a published library, which a lock file gives its CID: it has no
// extension and no folder.
func LibraryName(path string) bool {
	return path != "" && len(path) <= maxPath && !strings.ContainsFunc(path, func(r rune) bool {
		return strings.ContainsRune("./\\:#@\"", r) || unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

// DataPath takes the path of an import of data apart: its kind is file (bytes), json or csv.
func DataPath(text string) (kind, path string, ok bool) {
	kind, path, ok = strings.Cut(text, ":")
	return kind, path, ok && (kind == "file" || kind == "json" || kind == "csv")
}

// resolve makes the core trees of all tops. A plain definition is resolved after those it mentions, for what stands
// for their names; what it mentions is found by resolving it twice.
func (c *compiler) resolve() {
	var plain, other []*top
	for _, t := range c.order {
		if t.entity.kind == expression && t.def != nil {
			plain = append(plain, t)
		} else {
			other = append(other, t)
		}
	}
	number := map[*top]int{}
	for i, t := range plain {
		number[t] = i
	}
	deps := make([][]int, len(plain))
	if len(plain) > 1 {
		for i, t := range plain {
			for _, d := range c.resolveTop(t) {
				deps[i] = append(deps[i], number[d])
			}
		}
	}
	for _, component := range components(len(plain), func(i int) []int { c.tick(); return deps[i] }) {
		for _, i := range component {
			c.resolveTop(plain[i])
		}
		if len(component) == 1 {
			plain[component[0]].known()
		}
	}
	for _, t := range other {
		c.resolveTop(t)
	}
}

// resolveTop makes the core tree of a top, and returns the plain definitions that it mentions.
func (c *compiler) resolveTop(t *top) []*top {
	r := &resolver{compiler: c, top: t, scope: map[string][]binding{}}
	e := t.entity
	e.params, e.mentions = nil, 0
	switch {
	case t.source != nil:
		outer := r.enter(e)
		source := r.mention(t.source, t.def.Pattern.Where())
		r.leave(e, outer, r.subject(t.def.Pattern.Where(), source, func(s *node, b binding) *node {
			scope := r.open(t.def.Pattern, b)
			body := r.local(t.def.Pattern.Where(), t.name)
			r.close(scope)
			return r.guarded(t.def.Pattern, s, scope, body)
		}))
	case t.def == nil:
		outer := r.enter(e)
		r.leave(e, outer, r.expr(c.file.Body))
	case t.data != nil:
		outer := r.enter(e)
		r.leave(e, outer, r.term(t.def.Value.Where(), t.data))
	case e.kind == expression:
		outer := r.enter(e)
		r.leave(e, outer, r.expr(t.def.Value))
	default:
		r.define(e, t.def)
	}
	return r.deps
}

// known notes what stands for the name of a plain definition.
func (t *top) known() {
	_, n := functionLets(t.entity.body)
	if isFresh(n) {
		n.e.named = true
	} else {
		n = t.entity.body
	}
	if n.op != graph.OpVar && isName(n) {
		t.stands = n
	}
}

// mention is a top's name in an expression.
func (r *resolver) mention(t *top, at lang.Span) *node {
	if t.entity.kind == expression {
		r.deps = append(r.deps, t)
	}
	n := t.stands
	if n == nil {
		return t.entity.at(at)
	}
	n = again(n)
	n.span = at
	return n
}

// local is a name that is in scope.
func (r *resolver) local(at lang.Span, name string) *node {
	s := r.scope[name]
	b := s[len(s)-1]
	if b.v != nil {
		return b.v.at(at)
	}
	n := again(b.n)
	n.span = at
	return n
}

func (r *resolver) name(at lang.Span, name string) *node {
	if len(r.scope[name]) > 0 {
		return r.local(at, name)
	}
	t := r.tops[name]
	switch {
	case t == nil:
		if r.module(name) != nil {
			r.errorf(at, "%s is an import: it can only be followed by .name", lang.Cut(name))
			return literal(at, graph.Null())
		}
	case t.module != nil:
		if t.module.terms == nil {
			return literal(at, graph.Null())
		}
		r.errorf(at, "%s is an import: it can only be followed by .name", lang.Cut(name))
		return literal(at, graph.Null())
	case t.entity.kind != expression || r.top.def != t.def:
		return r.mention(t, at)
	}
	return r.prelude(at, "", name)
}

// module returns the import that a name stands for, or nil.
func (r *resolver) module(name string) *scope {
	if len(r.scope[name]) > 0 {
		return nil
	}
	if t := r.tops[name]; t != nil {
		return t.module
	}
	if r.Module != nil {
		if terms, ok := r.Module(name); ok {
			return &scope{terms}
		}
	}
	return nil
}

// imported is m.name.
func (r *resolver) imported(x *lang.Get, module string) *node {
	terms := r.module(module).terms
	if t := terms[x.Key]; t != nil {
		return r.term(x.Span, t)
	}
	if terms != nil {
		var have []string
		for name := range terms {
			have = append(have, name)
		}
		sort.Strings(have)
		r.errorf(x.KeySpan, "%s has no %s%s", lang.Cut(module), lang.Cut(x.Key), suggestion(x.Key, have))
	}
	return literal(x.Span, graph.Null())
}

// prelude is a name that the file does not define.
func (r *resolver) prelude(at lang.Span, module, name string) *node {
	if r.Prelude != nil {
		if t, ok := r.Prelude(module, name); ok {
			return r.term(at, t)
		}
	}
	if len(r.errors) == maxErrors {
		return literal(at, graph.Null())
	}
	full := name
	if module != "" {
		full = module + "." + name
	}
	r.tick()
	r.errorf(at, "unknown name %s%s", lang.Cut(full), r.meant(at, module, name))
	return literal(at, graph.Null())
}

func suggestion(name string, known []string) string {
	if s := lang.Suggest(name, known); s != "" {
		return fmt.Sprintf("; did you mean %s?", s)
	}
	return ""
}

// term is a term that somebody else made.
func (c *compiler) term(at lang.Span, t *graph.Term) *node {
	switch t.Op {
	case graph.OpLit:
		return literal(at, t.Value)
	case graph.OpPrim:
		return prim(at, t.Name)
	case graph.OpRef:
		return &node{op: graph.OpRef, span: at, cid: t.CID, isFn: c.isFunction(at, t)}
	}
	panic("BUG: a name whose term is not a literal, a primitive or a link")
}

// isFunction says whether a link is to a lam or to a member with parameters. CIDs depend on the answer, so a block that
// cannot be had is an error.
func (c *compiler) isFunction(at lang.Span, t *graph.Term) bool {
	if t.Arity > 0 {
		return true
	}
	is, ok := c.fns[t.CID]
	if ok || c.Load == nil {
		return is
	}
	c.look() // a group takes some milliseconds
	code, err := graph.LoadCode(t.CID, c.Load)
	if err == nil && code.Op == graph.OpMember {
		_, code, err = graph.LoadMember(code, c.Load)
	}
	if err != nil {
		c.mistake(at, err.Error(), err)
		return false
	}
	is = code.Op == graph.OpLam && code.Arity > 0
	c.fns[t.CID] = is
	return is
}

// components returns the strongly connected components of a graph of n nodes, each after those it leads to.
// R. Tarjan, Depth-first search and linear graph algorithms, 1972.
func components(n int, next func(int) []int) [][]int {
	var (
		found [][]int
		stack []int
		calls []struct{ node, edge int }
		order = make([]int, n) // 0: not met
		low   = make([]int, n)
		on    = make([]bool, n)
		count = 0
	)
	for root := range n {
		if order[root] != 0 {
			continue
		}
		calls = append(calls, struct{ node, edge int }{root, -1})
		for len(calls) > 0 {
			call := &calls[len(calls)-1]
			i := call.node
			if call.edge < 0 {
				count++
				order[i], low[i], on[i] = count, count, true
				stack = append(stack, i)
			} else if to := next(i); call.edge < len(to) && order[to[call.edge]] != 0 {
				if j := to[call.edge]; on[j] {
					low[i] = min(low[i], low[j])
				}
			}
			call.edge++
			to := next(i)
			for call.edge < len(to) && order[to[call.edge]] != 0 {
				if j := to[call.edge]; on[j] {
					low[i] = min(low[i], order[j])
				}
				call.edge++
			}
			if call.edge < len(to) {
				calls = append(calls, struct{ node, edge int }{to[call.edge], -1})
				continue
			}
			calls = calls[:len(calls)-1]
			if low[i] == order[i] {
				var members []int
				for {
					j := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					on[j] = false
					members = append(members, j)
					if j == i {
						break
					}
				}
				found = append(found, members)
			}
		}
	}
	return found
}
