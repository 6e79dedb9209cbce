// This file goes back: from the graph to source that compiles to the same graph.

package compile

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// A Source is where Readable finds code, and how it spells what it need not write out.
type Source struct {
	Load graph.Loader
	// Name is the name in the prelude ("map", "Text.split") that stands for a block, "" when there is none. May be nil.
	Name func(cid.Cid) string
	// Prim is the name in the prelude that stands for a primitive, "" when there is none: list.map is then List.map.
	// May be nil.
	Prim func(string) string
}

// ErrUnreadable is wrapped by the error for code that no source denotes, or only too long a one.
var ErrUnreadable = errors.New("this code cannot be written as source")

const (
	maxReadable = 1 << 20 // nodes of the syntax tree
	maxDepth    = 600     // of the syntax tree; the parser takes 1,000
	inlineDepth = 40      // of terms around a block that is still written in place
)

// Readable returns source for a block of code: what it links to as definitions, then the term itself as the final
// expression. Where the same names mean the same, that expression compiles to the same CID, if compile made the block;
// but not always where functions and a lazy that captures variables are members of one group, because source says
// nothing about the order of captures. A block that cannot be had is written as a link.
func Readable(root cid.Cid, src Source) (string, error) {
	r := &reader{
		Source: src, terms: map[cid.Cid]*graph.Term{}, count: map[cid.Cid]int{}, names: map[cid.Cid]string{},
		members: map[place]string{}, lazies: map[place]bool{}, selves: map[place]int{}, spelled: map[string]bool{}, file: &lang.File{},
	}
	if err := r.load(root); err != nil {
		return "", err
	}
	t := r.terms[root]
	switch t.Op {
	case graph.OpLam:
		r.file.Body = r.lambda(t, nil, view{})
	case graph.OpRec:
		for i := range t.Args {
			r.member(place{root, i})
		}
	case graph.OpMember:
		r.file.Body = &lang.Name{Name: r.member(place{t.CID, t.Index})}
	default:
		r.file.Body = r.expr(t, view{})
	}
	for i := 0; i < len(r.queue) && r.err == nil; i++ {
		r.file.Defs = append(r.file.Defs, r.queue[i]())
	}
	if r.err != nil {
		return "", r.err
	}
	return lang.PrintFile(r.file), nil
}

// A reader makes syntax of terms.
type reader struct {
	Source
	terms   map[cid.Cid]*graph.Term // blocks that are written out
	count   map[cid.Cid]int         // mentions of blocks
	names   map[cid.Cid]string      // of blocks that are definitions
	members map[place]string        // of members that are definitions
	lazies  map[place]bool          // members that are what a lazy delays
	selves  map[place]int           // mentions of members in their groups
	spelled map[string]bool         // names of the prelude that are used
	queue   []func() *lang.Def
	file    *lang.File
	size    int
	err     error
}

// A place is a member of a group.
type place struct {
	group cid.Cid
	index int
}

// A view is where a term stands.
type view struct {
	vars  []string // names of the variables in scope, by level
	next  int      // number of the next local name
	depth int
	group cid.Cid // in a member: its group
	knots []knot  // in a lazy that a let binds: its name
	in    []place // the members that it is in, once there are knots
}

// A knot is a lazy value that is mentioned within itself: a member, the names of its captures, and its own name.
type knot struct {
	place
	captures []string
	name     string
}

// loops says whether a member is mentioned elsewhere in its group than in this view.
func (r *reader) loops(p place, v view) bool {
	if v.group == p.group {
		return r.selves[p] > 1
	}
	return r.selves[p] > 0
}

// asFunction says whether a let may be written as that of a function: then it is left out if nothing mentions its variable,
// and the variable stands for another name that is bound to it.
func asFunction(let *graph.Term, level int) bool {
	used, other := false, false
	is := func(t *graph.Term) bool { return t.Op == graph.OpVar && t.Index == level }
	graph.Walk(let, func(_ int, t *graph.Term) {
		used = used || is(t)
		other = other || t.Op == graph.OpLet && (is(t.Args[0]) || is(t.Args[1]))
	})
	return used && !other
}

// tied returns the name of a lazy that is mentioned within itself, "" when it is not.
func (v view) tied(p place, captures []string) string {
	for _, k := range v.knots {
		if k.place == p && slices.Equal(k.captures, captures) {
			return k.name
		}
	}
	return ""
}

// load loads what is written out, and counts mentions.
func (r *reader) load(root cid.Cid) error {
	t, err := graph.LoadCode(root, r.Load)
	if err != nil {
		return err
	}
	r.terms[root] = t
	stack := []cid.Cid{root}
	visit := func(c cid.Cid) {
		r.count[c]++
		if r.count[c] > 1 || r.terms[c] != nil {
			return
		}
		if r.Name != nil {
			if name := r.Name(c); name != "" {
				r.names[c] = name
				r.spelled[name] = true
				return
			}
		}
		if t, err := graph.LoadCode(c, r.Load); err == nil {
			r.terms[c] = t
			stack = append(stack, c)
		}
	}
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		graph.Walk(r.terms[c], func(_ int, t *graph.Term) {
			switch t.Op {
			case graph.OpRef:
				visit(t.CID)
			case graph.OpMember:
				visit(t.CID)
				if r.terms[t.CID] == nil || r.terms[t.CID].Op != graph.OpRec || t.Index >= len(r.terms[t.CID].Args) {
					err = fmt.Errorf("%w: group %s cannot be had", ErrUnreadable, t.CID)
				}
			case graph.OpPrim:
				if r.Prim != nil {
					r.spelled[r.Prim(t.Name)] = true
				}
			}
		})
		if err != nil {
			return err
		}
	}
	for c, t := range r.terms {
		graph.Walk(t, func(_ int, t *graph.Term) {
			if t.Op == graph.OpSelf {
				r.selves[place{c, t.Index}]++
			}
			if t.Op != graph.OpLazy {
				return
			}
			if p, _, ok := r.delayedMember(t, c); ok {
				r.lazies[p] = true
			}
		})
	}
	return nil
}

// delayedMember returns the member with all its parameters that a lazy in the block in delays, and these.
func (r *reader) delayedMember(t *graph.Term, in cid.Cid) (place, []*graph.Term, bool) {
	head, args := t.Args[0], []*graph.Term(nil)
	if head.Op == graph.OpApp {
		head, args = head.Args[0], head.Args[1:]
	}
	var p place
	switch head.Op {
	case graph.OpSelf:
		p = place{in, head.Index}
	case graph.OpRef:
		b := r.terms[head.CID]
		if b == nil || b.Op != graph.OpMember {
			return p, nil, false
		}
		p = place{b.CID, b.Index}
	default:
		return p, nil, false
	}
	// A lazy of a function that stands alone delays nothing but its name.
	return p, args, r.terms[p.group].Args[p.index].Arity == len(args)
}

func (r *reader) giveUp(why string) lang.Expr {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrUnreadable, why)
	}
	return &lang.Null{}
}

// local is the n-th local name. The names of definitions have an underscore, so that neither hides the other.
func (r *reader) local(n int) string {
	name := string(rune('a' + n%26))
	if n >= 26 {
		name = fmt.Sprint(name, n/26)
	}
	for r.spelled[name] {
		name += "'"
	}
	return name
}

// bind brings one more variable into scope.
func (r *reader) bind(v view) (view, string) {
	name := r.local(v.next)
	v.next++
	v.vars = append(v.vars[:len(v.vars):len(v.vars)], name)
	return v, name
}

func (r *reader) defined(kind string) string {
	return fmt.Sprintf("%s_%d", kind, len(r.queue)+1)
}

// block is the name of a block that is a definition.
func (r *reader) block(c cid.Cid) string {
	if name, ok := r.names[c]; ok {
		return name
	}
	t := r.terms[c]
	kind := "x"
	if t.Op == graph.OpLam {
		kind = "f"
	}
	name := r.defined(kind)
	r.names[c] = name
	r.queue = append(r.queue, func() *lang.Def {
		if t.Op == graph.OpLam {
			l := r.lambda(t, nil, view{})
			return &lang.Def{Pattern: &lang.NamePat{Name: name}, Params: l.Params, Value: l.Body}
		}
		return &lang.Def{Pattern: &lang.NamePat{Name: name}, Value: r.expr(t, view{})}
	})
	return name
}

// member is the name of a member that is a definition: a function, or a lazy without captures.
func (r *reader) member(p place) string {
	if name, ok := r.members[p]; ok {
		return name
	}
	lam := r.terms[p.group].Args[p.index]
	kind := "f"
	if lam.Arity == 0 {
		kind = "l"
	}
	name := r.defined(kind)
	r.members[p] = name
	r.queue = append(r.queue, func() *lang.Def {
		d := &lang.Def{Pattern: &lang.NamePat{Name: name}}
		if lam.Arity == 0 {
			d.Value = &lang.Lazy{Arg: r.expr(lam.Args[0], view{group: p.group})}
			return d
		}
		l := r.lambda(lam, nil, view{group: p.group, in: []place{p}})
		d.Params, d.Value = l.Params, l.Body
		return d
	})
	return name
}

// nameExpr is a name, which may be a module's.
func nameExpr(name string) lang.Expr {
	if module, rest, ok := strings.Cut(name, "."); ok {
		return &lang.ModuleName{Module: module, Name: rest}
	}
	return &lang.Name{Name: name}
}

// lambda writes a lam whose first parameters are variables with these names.
func (r *reader) lambda(t *graph.Term, captures []string, v view) *lang.Lambda {
	v.vars = captures
	l := &lang.Lambda{}
	for range t.Arity - len(captures) {
		var name string
		v, name = r.bind(v)
		l.Params = append(l.Params, &lang.NamePat{Name: name})
	}
	v.depth++
	body := t.Args[0]
	// A lambda that stands here would be one with this one.
	if body.Op == graph.OpRef && r.terms[body.CID] != nil && r.terms[body.CID].Op == graph.OpLam {
		l.Body = nameExpr(r.block(body.CID))
	} else if _, _, _, ok := r.closure(body, v); ok {
		l.Body = r.applied(body, v)
	} else {
		l.Body = r.expr(body, v)
	}
	return l
}

// closure returns the lam that a term is best written as, with the names of its first parameters, and the view of it: one
// that is mentioned once, applied to fewer variables than it has parameters, which are those that a lambda in this
// place would capture, in their order. A member of a group is one only within a lazy that is mentioned in it.
func (r *reader) closure(t *graph.Term, v view) (code *graph.Term, captures []string, in view, ok bool) {
	if t.Op != graph.OpApp || v.depth > inlineDepth {
		return nil, nil, in, false
	}
	in = view{next: v.next, depth: v.depth}
	switch head := t.Args[0]; {
	case head.Op == graph.OpRef && r.count[head.CID] == 1 && r.names[head.CID] == "":
		code = r.terms[head.CID]
	case head.Op == graph.OpSelf && len(v.knots) > 0 && r.selves[place{v.group, head.Index}] == 1:
		code = r.terms[v.group].Args[head.Index]
		p := place{v.group, head.Index}
		if slices.Contains(v.in, p) {
			return nil, nil, in, false
		}
		in.group, in.knots, in.in = v.group, v.knots, append(v.in[:len(v.in):len(v.in)], p)
	}
	if code == nil || code.Op != graph.OpLam || len(t.Args)-1 >= code.Arity {
		return nil, nil, in, false
	}
	for _, a := range t.Args[1:] {
		if a.Op != graph.OpVar || slices.Contains(captures, v.vars[a.Index]) {
			return nil, nil, in, false
		}
		captures = append(captures, v.vars[a.Index])
	}
	if in.knots != nil {
		return code, captures, in, true
	}
	next, good := 0, true
	graph.Walk(code.Args[0], func(_ int, t *graph.Term) {
		if t.Op == graph.OpVar && t.Index >= next && t.Index < len(captures) {
			good = good && t.Index == next
			next++
		}
	})
	return code, captures, in, good && next == len(captures)
}

func (r *reader) exprs(ts []*graph.Term, v view) []lang.Expr {
	xs := make([]lang.Expr, len(ts))
	for i, t := range ts {
		xs[i] = r.expr(t, v)
	}
	return xs
}

// expr writes a term.
func (r *reader) expr(t *graph.Term, v view) lang.Expr {
	v.depth++
	if r.size++; r.size > maxReadable || v.depth > maxDepth {
		return r.giveUp("it is too large")
	}
	switch t.Op {
	case graph.OpLit:
		return r.value(t.Value, v.depth)
	case graph.OpPrim:
		return r.prim(t.Name)
	case graph.OpVar:
		if t.Index >= len(v.vars) {
			return r.giveUp("a variable is not in scope")
		}
		return &lang.Name{Name: v.vars[t.Index]}
	case graph.OpRef:
		return r.ref(t.CID, v)
	case graph.OpSelf:
		return &lang.Name{Name: r.member(place{v.group, t.Index})}
	case graph.OpApp:
		return r.app(t, v)
	case graph.OpLet:
		return r.let(t, v)
	case graph.OpIf:
		return r.choice(t, v)
	case graph.OpGet:
		return &lang.Get{Arg: r.expr(t.Args[0], v), Key: t.Name}
	case graph.OpTry:
		return &lang.Try{Arg: r.expr(t.Args[0], v)}
	case graph.OpLazy:
		return r.delayed(t, v)
	case graph.OpList:
		x := &lang.List{}
		for _, a := range t.Args {
			if a.Op == graph.OpSpread {
				x.Items = append(x.Items, lang.Item{Spread: true, Value: r.expr(a.Args[0], v)})
			} else {
				x.Items = append(x.Items, lang.Item{Value: r.expr(a, v)})
			}
		}
		return x
	case graph.OpMap:
		if len(t.Args) == 1 && t.Args[0].Op != graph.OpSpread {
			if isTag(t.Keys[0]) {
				return &lang.Tag{Name: t.Keys[0], Arg: r.expr(t.Args[0], v)}
			}
			if t.Keys[0] == "/" {
				return r.giveUp(`a map with the sole key "/"`)
			}
		}
		x := &lang.Map{}
		for i, a := range t.Args {
			if a.Op == graph.OpSpread {
				x.Entries = append(x.Entries, lang.Entry{Spread: true, Value: r.expr(a.Args[0], v)})
			} else {
				x.Entries = append(x.Entries, lang.Entry{Key: t.Keys[i], Value: r.expr(a, v)})
			}
		}
		return x
	}
	return r.giveUp("a term that is not an expression")
}

func isTag(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('A' <= c && c <= 'Z' || i > 0 && ('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_')) {
			return false
		}
	}
	return s != ""
}

// ref writes a block: in place when it is mentioned once, else by name.
func (r *reader) ref(c cid.Cid, v view) lang.Expr {
	if name, ok := r.names[c]; ok {
		return nameExpr(name)
	}
	t := r.terms[c]
	switch {
	case t == nil:
		return &lang.Link{Value: c}
	case t.Op == graph.OpMember:
		p := place{t.CID, t.Index}
		if r.lazies[p] {
			return r.giveUp("what a lazy delays stands by itself")
		}
		return &lang.Name{Name: r.member(p)}
	case t.Op == graph.OpRec:
		return r.giveUp("a group that is not a function")
	case r.count[c] > 1 || v.depth > inlineDepth:
		return nameExpr(r.block(c))
	case t.Op == graph.OpLam:
		return r.lambda(t, nil, view{next: v.next, depth: v.depth})
	}
	return r.expr(t, view{next: v.next, depth: v.depth})
}

// spellings are the operators of primitives.
var spellings = func() map[string]string {
	m := map[string]string{}
	for op, name := range operators {
		m[name] = op
	}
	return m
}()

// Operator is the operator that a primitive is written as, "" when there is none.
func Operator(prim string) string { return spellings[prim] }

func (r *reader) prim(name string) lang.Expr {
	if op, ok := spellings[name]; ok {
		return &lang.OpFn{Op: op}
	}
	if r.Prim != nil {
		if s := r.Prim(name); s != "" {
			return nameExpr(s)
		}
	}
	module, rest, ok := strings.Cut(name, ".")
	if !ok || module == "" {
		return r.giveUp("the primitive " + name)
	}
	return &lang.ModuleName{Module: strings.ToUpper(module[:1]) + module[1:], Name: rest}
}

func (r *reader) app(t *graph.Term, v view) lang.Expr {
	head := t.Args[0]
	if code, captures, in, ok := r.closure(t, v); ok {
		return r.lambda(code, captures, in)
	}
	if op := spellings[head.Name]; head.Op == graph.OpPrim && op != "" && len(t.Args) == 3 {
		return &lang.Binary{Op: op, Left: r.expr(t.Args[1], v), Right: r.expr(t.Args[2], v)}
	}
	if head.Op == graph.OpPrim && head.Name == "text.interpolate" && len(t.Args) == 2 {
		if x, ok := r.interpolation(t.Args[1], v); ok {
			return x
		}
	}
	return r.applied(t, v)
}

// applied writes an application as one.
func (r *reader) applied(t *graph.Term, v view) lang.Expr {
	return &lang.Apply{Fn: r.named(t.Args[0], v), Args: r.exprs(t.Args[1:], v)}
}

// named writes what is applied: not in place where the two applications, or the two lambdas, would be one.
func (r *reader) named(head *graph.Term, v view) lang.Expr {
	if head.Op == graph.OpRef {
		if t := r.terms[head.CID]; t != nil && (t.Op == graph.OpApp || t.Op == graph.OpLam) {
			return nameExpr(r.block(head.CID))
		}
	}
	return r.expr(head, v)
}

// interpolation writes the parts of a text as one, when the parser would part it the same.
func (r *reader) interpolation(t *graph.Term, v view) (lang.Expr, bool) {
	if t.Op != graph.OpList {
		return nil, false
	}
	wasText := false
	for _, a := range t.Args {
		isText := a.Op == graph.OpLit && a.Value.Kind() == graph.KindText
		if a.Op == graph.OpSpread || isText && (wasText || a.Value.Text() == "") {
			return nil, false
		}
		wasText = isText
	}
	return &lang.Interp{Parts: r.exprs(t.Args, v)}, true
}

// choice writes an if, or the operator that it is.
func (r *reader) choice(t *graph.Term, v view) lang.Expr {
	isBool := func(t *graph.Term, b bool) bool {
		return t.Op == graph.OpLit && t.Value.Kind() == graph.KindBool && t.Value.Bool() == b
	}
	c := r.expr(t.Args[0], v)
	switch {
	case isBool(t.Args[2], false):
		return &lang.Binary{Op: "&&", Left: c, Right: r.expr(t.Args[1], v)}
	case isBool(t.Args[1], true):
		return &lang.Binary{Op: "||", Left: c, Right: r.expr(t.Args[2], v)}
	}
	return &lang.If{Cond: c, Then: r.expr(t.Args[1], v), Else: r.expr(t.Args[2], v)}
}

func (r *reader) let(t *graph.Term, v view) lang.Expr {
	inner, name := r.bind(v)
	d := &lang.Def{Pattern: &lang.NamePat{Name: name}}
	at := v
	at.next = inner.next
	if p, captures, ok := r.suspended(t.Args[0], v); ok && len(captures) > 0 && v.tied(p, captures) == "" && r.loops(p, v) {
		at.knots = append(v.knots[:len(v.knots):len(v.knots)], knot{p, captures, name})
		d.Value = r.untied(p, captures, at)
	} else if _, _, _, ok := r.closure(t.Args[0], v); ok && !asFunction(t, len(v.vars)) {
		d.Value = r.applied(t.Args[0], at)
	} else {
		d.Value = r.expr(t.Args[0], at)
	}
	if l, ok := d.Value.(*lang.Lambda); ok {
		d.Params, d.Value = l.Params, l.Body
	}
	return &lang.Let{Defs: []*lang.Def{d}, Body: r.expr(t.Args[1], inner)}
}

// suspended returns the member that a lazy delays, and the names of its captures.
func (r *reader) suspended(t *graph.Term, v view) (place, []string, bool) {
	if t.Op != graph.OpLazy {
		return place{}, nil, false
	}
	p, args, ok := r.delayedMember(t, v.group)
	if !ok {
		return p, nil, false
	}
	return p, r.variables(args, v), true
}

func (r *reader) variables(ts []*graph.Term, v view) []string {
	var names []string
	for _, t := range ts {
		if t.Op != graph.OpVar || t.Index >= len(v.vars) {
			r.giveUp("a lazy whose captures are not variables")
			return nil
		}
		names = append(names, v.vars[t.Index])
	}
	return names
}

// delayed writes a lazy.
func (r *reader) delayed(t *graph.Term, v view) lang.Expr {
	if p, captures, ok := r.suspended(t, v); ok {
		if name := v.tied(p, captures); name != "" {
			return &lang.Name{Name: name}
		}
		if len(captures) == 0 {
			return &lang.Name{Name: r.member(p)}
		}
		return r.untied(p, captures, v)
	}
	e := t.Args[0]
	if e.Op == graph.OpApp {
		head := e.Args[0]
		if lam := r.terms[head.CID]; lam != nil && lam.Op == graph.OpLam && lam.Arity == len(e.Args)-1 {
			return &lang.Lazy{Arg: r.expr(lam.Args[0], view{vars: r.variables(e.Args[1:], v), next: v.next, depth: v.depth})}
		}
		return r.giveUp("a lazy of what is not one")
	}
	return &lang.Lazy{Arg: r.expr(e, v)}
}

// untied writes the lazy of a member that has captures.
func (r *reader) untied(p place, captures []string, v view) lang.Expr {
	lam := r.terms[p.group].Args[p.index]
	if v.depth++; v.depth > maxDepth {
		return r.giveUp("it is too large")
	}
	return &lang.Lazy{Arg: r.expr(lam.Args[0], view{vars: captures, next: v.next, depth: v.depth, group: p.group, knots: v.knots, in: append(v.in[:len(v.in):len(v.in)], p)})}
}

// value writes a literal.
func (r *reader) value(v graph.Value, depth int) lang.Expr {
	if r.size++; r.size > maxReadable || depth > maxDepth {
		return r.giveUp("it is too large")
	}
	switch v.Kind() {
	case graph.KindNull:
		return &lang.Null{}
	case graph.KindBool:
		return &lang.Bool{Value: v.Bool()}
	case graph.KindInt:
		return &lang.Int{Value: new(big.Int).Set(v.BigInt())}
	case graph.KindFloat:
		return &lang.Float{Value: v.Float()}
	case graph.KindText:
		return &lang.Text{Value: v.Text()}
	case graph.KindBytes:
		return &lang.Bytes{Value: v.Bytes()}
	case graph.KindLink:
		return &lang.Link{Value: v.Link()}
	case graph.KindList:
		x := &lang.List{}
		v.List().Each(func(v graph.Value) bool {
			x.Items = append(x.Items, lang.Item{Value: r.value(v, depth+1)})
			return r.err == nil
		})
		return x
	case graph.KindMap:
		if key, v, ok := v.Map().Only(); ok {
			switch {
			case key == "/":
				return r.giveUp(`a map with the sole key "/"`)
			case isTag(key) && v.Kind() == graph.KindNull:
				return &lang.Tag{Name: key}
			case isTag(key):
				return &lang.Tag{Name: key, Arg: r.value(v, depth+1)}
			}
		}
		x := &lang.Map{}
		v.Map().Each(func(key string, v graph.Value) bool {
			x.Entries = append(x.Entries, lang.Entry{Key: key, Value: r.value(v, depth+1)})
			return r.err == nil
		})
		return x
	}
	return r.giveUp("a literal that holds a function or a lazy value")
}
