// This file writes terms in the midst of their reduction as syntax: with the names that their source gives, values in
// the place of variables, and cut where they are large.

package repl

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// Bounds of what is written.
const (
	stepNodes = 3000 // of syntax for a term
	stepDepth = 40   // of syntax, and of expressions within each other
	stepItems = 20   // of a list or map
	stepText  = 60   // bytes of a text
)

var ellipsis = &lang.Name{Name: "…"}

// A syntax writes terms.
type syntax struct {
	s      *Session
	codes  map[cid.Cid]*loaded     // code by its own CID
	texts  map[*graph.Term]*source // by the code's lam
	locals map[cid.Cid]string      // names of functions that are no definitions, as their mentions are written
	abouts map[cid.Cid]source      // what about blocks say of blocks, index left out
	asked  map[cid.Cid]bool        // whether there is an about block has been asked
	names  map[binder]string

	left  int // nodes that may still be written
	depth int
	open  []cid.Cid // code without a name that is being written
}

// A binder is where a variable comes into scope: a term and the variable's level.
type binder struct {
	in    *graph.Term
	level int
}

// A source is where the nodes of a piece of code stand.
type source struct {
	text  string
	spans [][2]int
	index map[*graph.Term]int
}

// of is the text of a node, "" where it is not known.
func (x *source) of(t *graph.Term) string {
	i, ok := x.index[t]
	if !ok || i < 0 || i >= len(x.spans) {
		return ""
	}
	s := x.spans[i]
	if s[0] < 0 || s[1] < s[0] || s[1] > len(x.text) {
		return ""
	}
	return x.text[s[0]:s[1]]
}

// A loaded is a piece of code and how its members are mentioned.
type loaded struct {
	eval.Code
	op     graph.Op // of the block
	member func(int) cid.Cid
	size   int // members of its group
}

// A scope is what the variables of a piece of code are written as: values first, then names.
type scope struct {
	source *source
	member func(int) cid.Cid
	values []graph.Value
	names  []string
}

func newSyntax(s *Session) syntax {
	return syntax{
		s: s, codes: map[cid.Cid]*loaded{}, texts: map[*graph.Term]*source{},
		locals: map[cid.Cid]string{}, abouts: map[cid.Cid]source{}, asked: map[cid.Cid]bool{}, names: map[binder]string{},
	}
}

// begin begins a new text.
func (x *syntax) begin() { x.left, x.depth, x.open = stepNodes, 0, x.open[:0] }

// enter counts one node. It is false where no more may be written.
func (x *syntax) enter() bool {
	x.left--
	x.depth++
	return x.left >= 0 && x.depth < stepDepth
}

func (x *syntax) leave() { x.depth-- }

// known is the name of a closed expression or function that everybody can see, "" if it has none.
func (x *syntax) known(c cid.Cid) string {
	if name, ok := x.s.names[c]; ok {
		return name
	}
	return libraryName(c)
}

// called is the name of a function or lazy value, "" if it has none.
func (x *syntax) called(c cid.Cid) string {
	if name := x.known(c); name != "" {
		return name
	}
	if name := x.locals[c]; name != "" || x.asked[c] {
		return name
	}
	x.asked[c] = true
	if l := x.code(c); l != nil && l.op == graph.OpMember { // members are called what they call each other
		for i := range min(l.size, 64) {
			if m := x.code(l.member(i)); m != nil {
				x.source(m.Code, m.member)
			}
		}
		if name := x.locals[c]; name != "" {
			return name
		}
	}
	if a, ok := x.s.about(c); ok {
		x.locals[c] = a.Name
	}
	return x.locals[c]
}

// code loads a piece of code; nil if it cannot be had or is none.
func (x *syntax) code(c cid.Cid) *loaded {
	if l, ok := x.codes[c]; ok {
		return l
	}
	x.codes[c] = nil
	t, err := graph.LoadCode(c, x.s.Load)
	if err != nil {
		return nil
	}
	l := &loaded{op: t.Op, Code: eval.Code{CID: c, Block: c, Term: t, Body: 1}}
	switch t.Op {
	case graph.OpLam:
	case graph.OpMember:
		group, lam, err := graph.LoadMember(t, x.s.Load)
		if err != nil {
			return nil
		}
		l.Block, l.Term, l.size = t.CID, lam, len(group.Args)
		for i, m := range group.Args {
			if i == t.Index {
				break
			}
			graph.Walk(m, func(int, *graph.Term) { l.Body++ })
		}
		l.Body++
		l.member = func(i int) cid.Cid {
			return graph.EncodeCode(&graph.Term{Op: graph.OpMember, CID: t.CID, Index: i}, nil).CID
		}
	default:
		l.Term, l.Body = &graph.Term{Op: graph.OpLam, Args: []*graph.Term{t}}, 0
	}
	x.codes[c] = l
	return l
}

// source is where a piece of code stands.
func (x *syntax) source(c eval.Code, member func(int) cid.Cid) *source {
	if src, ok := x.texts[c.Term]; ok {
		return src
	}
	src := &source{index: map[*graph.Term]int{}}
	x.texts[c.Term] = src
	graph.Walk(c.Term, func(i int, t *graph.Term) { src.index[t] = c.Body - 1 + i })
	if p, ok := x.s.places[c.Block]; ok {
		src.text = p.file.Source
		for _, s := range p.spans {
			src.spans = append(src.spans, [2]int{s.Start, s.End})
		}
	} else {
		if _, ok := x.abouts[c.Block]; !ok {
			if a, ok := x.s.about(c.CID); ok {
				for _, b := range a.Spans {
					x.abouts[b.Block] = source{text: a.Source, spans: b.Spans}
				}
			}
		}
		a := x.abouts[c.Block]
		src.text, src.spans = a.text, a.spans
	}
	graph.Walk(c.Term, func(_ int, t *graph.Term) { // functions are called what mentions of them say
		target := t.CID
		switch {
		case t.Op == graph.OpSelf && member != nil:
			target = member(t.Index)
		case t.Op != graph.OpRef:
			return
		}
		if name := src.of(t); plainName.MatchString(name) && x.locals[target] == "" {
			if l := x.code(target); l != nil && (l.op == graph.OpLam || l.op == graph.OpMember) {
				x.locals[target] = name
			}
		}
	})
	return src
}

var (
	plainName = regexp.MustCompile(`^[a-z_][A-Za-z0-9_']*$`)
	tagName   = regexp.MustCompile(`^[A-Z][A-Za-z0-9_]*$`)
)

// variable is what the source calls the variable of a level in a term, or a letter.
func (x *syntax) variable(sc *scope, in *graph.Term) (name string, written bool) {
	level := sc.level()
	if name = x.written(sc, level, in, 8); name != "" {
		return name, true
	}
	name = string(rune('a' + level%26))
	if level >= 26 {
		name += fmt.Sprint(level / 26)
	}
	return name, false
}

// written is what the source calls a variable, "" if it does not: what one of its mentions is, or what it is in a function
// that captures it.
func (x *syntax) written(sc *scope, level int, in *graph.Term, depth int) (name string) {
	if name, ok := x.names[binder{in, level}]; ok || depth == 0 {
		return name
	}
	graph.Walk(in, func(_ int, t *graph.Term) {
		if name == "" && t.Op == graph.OpVar && t.Index == level {
			if text := sc.source.of(t); plainName.MatchString(text) {
				name = text
			}
		}
	})
	if name == "" {
		graph.Walk(in, func(_ int, t *graph.Term) {
			if name != "" || t.Op != graph.OpApp {
				return
			}
			for i, a := range t.Args[1:] {
				if a.Op != graph.OpVar || a.Index != level {
					continue
				}
				if c, ok := sc.mentioned(t.Args[0]); ok {
					if l := x.code(c); l != nil && i < l.Term.Arity {
						name = x.written(x.outer(l), i, l.Term.Args[0], depth-1)
					}
				}
				return
			}
		})
	}
	x.names[binder{in, level}] = name
	return name
}

// mentioned is the code that a term is a mention of.
func (sc *scope) mentioned(t *graph.Term) (cid.Cid, bool) {
	switch {
	case t.Op == graph.OpRef:
		return t.CID, true
	case t.Op == graph.OpSelf && sc.member != nil:
		return sc.member(t.Index), true
	}
	return cid.Undef, false
}

// outer is the scope of a piece of code, without any variable.
func (x *syntax) outer(l *loaded) *scope {
	return &scope{source: x.source(l.Code, l.member), member: l.member}
}

// with is a scope with one more variable.
func (sc *scope) with(name string) *scope {
	inner := *sc
	inner.names = append(sc.names[:len(sc.names):len(sc.names)], name)
	return &inner
}

// level is that of the next variable.
func (sc *scope) level() int { return len(sc.values) + len(sc.names) }

// in is the scope of a node in the midst of its reduction.
func (x *syntax) in(e *eval.Env) *scope {
	sc := &scope{source: &source{}}
	if e == nil {
		return sc
	}
	sc.values = e.Values
	if c, ok := e.Code(); ok {
		sc.member = e.Member
		sc.source = x.source(c, e.Member)
	}
	return sc
}

// node writes a node.
func (x *syntax) node(n *eval.Node) lang.Expr {
	switch {
	case n.Err != nil:
		v := lang.PrintLine(x.value(n.Err.Value))
		return &lang.Name{Name: "‹" + n.Err.Kind + ": " + v + "›"}
	case n.Term == nil:
		return x.value(n.Value)
	}
	return x.term(n.Term, x.in(n.Env), n.Vals, -1, nil)
}

// frame writes a frame around a piece of syntax.
func (x *syntax) frame(f *eval.Frame, hole lang.Expr) lang.Expr {
	if !f.Seen() {
		return hole
	}
	return x.term(f.Term, x.in(f.Env), f.Vals, f.Hole, hole)
}

// term writes a term whose first parts have come to vals, and part number hole to something else.
func (x *syntax) term(t *graph.Term, sc *scope, vals []graph.Value, hole int, in lang.Expr) lang.Expr {
	defer x.leave()
	if !x.enter() {
		if in != nil {
			return &lang.Apply{Fn: ellipsis, Args: []lang.Expr{&lang.Mark{Arg: in}, ellipsis}}
		}
		return ellipsis
	}
	part := func(i int) lang.Expr {
		switch {
		case i == hole:
			return in
		case i < len(vals):
			return x.value(vals[i])
		case t.Args[i].Op == graph.OpSpread:
			return x.term(t.Args[i].Args[0], sc, nil, -1, nil)
		}
		return x.term(t.Args[i], sc, nil, -1, nil)
	}
	switch t.Op {
	case graph.OpLit:
		return x.value(t.Value)
	case graph.OpPrim:
		return primitive(t.Name)
	case graph.OpVar:
		if t.Index < len(sc.values) {
			return x.value(sc.values[t.Index])
		}
		if i := t.Index - len(sc.values); i < len(sc.names) {
			return &lang.Name{Name: sc.names[i]}
		}
		return ellipsis
	case graph.OpRef:
		return x.mention(t.CID)
	case graph.OpSelf:
		if c, ok := sc.mentioned(t); ok {
			return x.mention(c)
		}
		return ellipsis
	case graph.OpApp:
		if c, ok := sc.mentioned(t.Args[0]); ok && len(vals) == 0 && hole < 0 && x.called(c) == "" {
			if l := x.code(c); l != nil && l.Term.Op == graph.OpLam && l.Term.Arity > len(t.Args)-1 && onlyVariables(t.Args[1:]) {
				return x.closure(c, t.Args[1:], sc, true)
			}
		}
		return x.application(t, vals, part)
	case graph.OpLet:
		name, _ := x.variable(sc, t.Args[1])
		bound := part(0)
		if m := x.match(t.Args[1], sc.with(name), sc.level(), bound); m != nil {
			return m
		}
		d := &lang.Def{Pattern: &lang.NamePat{Name: name}, Value: bound}
		return &lang.Let{Defs: []*lang.Def{d}, Body: x.term(t.Args[1], sc.with(name), nil, -1, nil)}
	case graph.OpIf:
		if hole < 0 && len(vals) == 0 {
			if m := x.match(t, sc, -1, nil); m != nil {
				return m
			}
		}
		c := part(0)
		switch {
		case isBool(t.Args[2], false):
			return &lang.Binary{Op: "&&", Left: c, Right: part(1)}
		case isBool(t.Args[1], true):
			return &lang.Binary{Op: "||", Left: c, Right: part(2)}
		}
		return &lang.If{Cond: c, Then: part(1), Else: part(2)}
	case graph.OpGet:
		return &lang.Get{Arg: part(0), Key: t.Name}
	case graph.OpTry:
		return &lang.Try{Arg: part(0)}
	case graph.OpLazy:
		return x.delayed(t.Args[0], sc)
	case graph.OpList:
		l := &lang.List{}
		for _, i := range window(len(t.Args), hole) {
			if i < 0 {
				l.Items = append(l.Items, lang.Item{Value: ellipsis})
			} else {
				l.Items = append(l.Items, lang.Item{Spread: t.Args[i].Op == graph.OpSpread, Value: part(i)})
			}
		}
		return l
	case graph.OpMap:
		if len(t.Args) == 1 && tagName.MatchString(t.Keys[0]) && t.Args[0].Op != graph.OpSpread {
			return &lang.Tag{Name: t.Keys[0], Arg: part(0)}
		}
		m := &lang.Map{}
		for _, i := range window(len(t.Args), hole) {
			if i < 0 {
				m.Entries = append(m.Entries, lang.Entry{Spread: true, Value: ellipsis})
			} else {
				m.Entries = append(m.Entries, lang.Entry{Spread: t.Args[i].Op == graph.OpSpread, Key: t.Keys[i], Value: part(i)})
			}
		}
		return m
	}
	return ellipsis
}

// window is which of n parts are written, -1 for those that are left out: the first ones, and those around the hole.
func window(n, hole int) (is []int) {
	from, to := max(0, hole-stepItems/2), min(n, max(0, hole)+stepItems/2)
	for i := range min(n, stepItems/4) {
		if i < from {
			is = append(is, i)
		}
	}
	if len(is) < from {
		is = append(is, -1)
	}
	for i := from; i < to; i++ {
		is = append(is, i)
	}
	if to < n {
		is = append(is, -1)
	}
	return is
}

func isBool(t *graph.Term, b bool) bool {
	return t.Op == graph.OpLit && t.Value.Kind() == graph.KindBool && t.Value.Bool() == b
}

// operatorOrName is how a primitive is called.
func operatorOrName(prim string) string {
	if op := compile.Operator(prim); op != "" {
		return op
	}
	return primitiveName(prim)
}

func primitive(name string) lang.Expr {
	if op := compile.Operator(name); op != "" {
		return &lang.OpFn{Op: op}
	}
	return &lang.Name{Name: primitiveName(name)}
}

// application writes a call.
func (x *syntax) application(t *graph.Term, vals []graph.Value, part func(int) lang.Expr) lang.Expr {
	prim := ""
	switch {
	case len(vals) > 0:
		if vals[0].Kind() == graph.KindFn && len(vals[0].Fn().Args) == 0 {
			prim = vals[0].Fn().Prim
		}
	case t.Args[0].Op == graph.OpPrim:
		prim = t.Args[0].Name
	case t.Args[0].Op == graph.OpLit && t.Args[0].Value.Kind() == graph.KindFn && len(t.Args[0].Value.Fn().Args) == 0:
		prim = t.Args[0].Value.Fn().Prim
	}
	op := compile.Operator(prim)
	switch {
	case op != "" && len(t.Args) == 3:
		return &lang.Binary{Op: op, Left: plain(part(1)), Right: plain(part(2))}
	case prim == "num.neg" && len(t.Args) == 2:
		return &lang.Neg{Arg: part(1)}
	case prim == "text.interpolate" && len(t.Args) == 2:
		if in := x.interpolation(t.Args[1], part(1)); in != nil {
			return in
		}
	}
	a := &lang.Apply{Fn: part(0)}
	if fn, ok := a.Fn.(*lang.Apply); ok { // a function with some of its arguments
		a.Fn, a.Args = fn.Fn, append(a.Args, fn.Args...)
	}
	for i := range t.Args[1:] {
		a.Args = append(a.Args, plain(part(i+1)))
	}
	return a
}

// interpolation writes the text that a list of parts makes; nil where that would not be how it was written.
func (x *syntax) interpolation(t *graph.Term, list lang.Expr) lang.Expr {
	l, ok := list.(*lang.List)
	if !ok {
		return nil
	}
	if t.Op == graph.OpRef {
		c := x.code(t.CID)
		if c == nil {
			return nil
		}
		t = c.Term.Args[0]
	}
	if t.Op != graph.OpList || len(t.Args) < len(l.Items) {
		return nil
	}
	in := &lang.Interp{}
	for i, item := range l.Items {
		e := item.Value
		if _, text := e.(*lang.Text); text && t.Args[i].Op != graph.OpLit {
			e = &lang.Mark{Arg: e} // it was not written as a part of the text
		}
		in.Parts = append(in.Parts, e)
	}
	return in
}

// plain is a piece of syntax that does not become part of a pipe.
func plain(e lang.Expr) lang.Expr {
	if _, ok := e.(*lang.Apply); ok {
		return &lang.Mark{Arg: e}
	}
	return e
}

// mention writes code that stands in a block of its own: by name, or in place.
func (x *syntax) mention(c cid.Cid) lang.Expr {
	if name := x.called(c); name != "" {
		return &lang.Name{Name: name}
	}
	l := x.code(c)
	if l == nil {
		return &lang.Link{Value: c}
	}
	if l.op == graph.OpPrim {
		return primitive(l.Term.Args[0].Name)
	}
	if l.op == graph.OpRec {
		return &lang.Link{Value: c}
	}
	return x.function(c, nil, l.op == graph.OpLam || l.op == graph.OpMember && l.Term.Arity > 0)
}

// function writes code in place: a lambda without those parameters that have values already, or an expression.
func (x *syntax) function(c cid.Cid, args []graph.Value, lambda bool) lang.Expr {
	return x.inPlace(c, lambda, func(sc *scope) { sc.values = args })
}

// closure writes a function that captures variables, or a lazy's expression.
func (x *syntax) closure(c cid.Cid, captures []*graph.Term, outer *scope, lambda bool) lang.Expr {
	return x.inPlace(c, lambda, func(sc *scope) {
		for _, a := range captures {
			switch i := a.Index - len(outer.values); {
			case i < 0 && len(sc.names) == 0:
				sc.values = append(sc.values, outer.values[a.Index])
			case i < 0: // behind one that has no value
				sc.names = append(sc.names, lang.PrintLine(x.value(outer.values[a.Index])))
			case i < len(outer.names):
				sc.names = append(sc.names, outer.names[i])
			default:
				sc.names = append(sc.names, ellipsis.Name)
			}
		}
	})
}

// inPlace writes code in place, its first variables being what bind says.
func (x *syntax) inPlace(c cid.Cid, lambda bool, bind func(*scope)) lang.Expr {
	l := x.code(c)
	if l == nil {
		return &lang.Link{Value: c}
	}
	if slices.Contains(x.open, c) {
		return ellipsis
	}
	x.open = append(x.open, c)
	defer func() { x.open = x.open[:len(x.open)-1] }()
	sc := x.outer(l)
	bind(sc)
	body := l.Term.Args[0]
	if !lambda {
		return x.term(body, sc, nil, -1, nil)
	}
	f := &lang.Lambda{}
	for sc.level() < l.Term.Arity {
		name, written := x.variable(sc, body)
		if !written && !mentions(body, sc.level()) {
			name = "_"
		}
		f.Params = append(f.Params, &lang.NamePat{Name: name})
		sc = sc.with(name)
	}
	f.Body = x.term(body, sc, nil, -1, nil)
	return f
}

func onlyVariables(ts []*graph.Term) bool {
	return !slices.ContainsFunc(ts, func(t *graph.Term) bool { return t.Op != graph.OpVar })
}

func mentions(t *graph.Term, level int) (found bool) {
	graph.Walk(t, func(_ int, t *graph.Term) { found = found || t.Op == graph.OpVar && t.Index == level })
	return found
}

// delayed writes a lazy of a block, a member, or one of them applied to variables.
func (x *syntax) delayed(t *graph.Term, sc *scope) lang.Expr {
	head, args := t, []*graph.Term(nil)
	if t.Op == graph.OpApp {
		head, args = t.Args[0], t.Args[1:]
	}
	c, ok := sc.mentioned(head)
	if !ok {
		return ellipsis
	}
	if len(args) == 0 {
		return x.thunk(c, nil)
	}
	if l := x.code(c); l == nil || l.Term.Arity != len(args) || !onlyVariables(args) {
		return &lang.Lazy{Arg: ellipsis}
	}
	return &lang.Lazy{Arg: x.closure(c, args, sc, false)}
}

// thunk writes a lazy value.
func (x *syntax) thunk(c cid.Cid, args []graph.Value) lang.Expr {
	l := x.code(c)
	if l != nil && l.op == graph.OpMember && l.Term.Arity == 0 {
		if name := x.called(c); name != "" {
			return &lang.Name{Name: name}
		}
	}
	if name := x.known(c); name != "" && len(args) == 0 {
		return &lang.Lazy{Arg: &lang.Name{Name: name}}
	}
	return &lang.Lazy{Arg: x.function(c, args, false)}
}

// value writes a value.
func (x *syntax) value(v graph.Value) lang.Expr {
	defer x.leave()
	if !x.enter() {
		return ellipsis
	}
	switch v.Kind() {
	case graph.KindNull:
		return &lang.Null{}
	case graph.KindBool:
		return &lang.Bool{Value: v.Bool()}
	case graph.KindInt:
		return shortInt(v)
	case graph.KindFloat:
		return &lang.Float{Value: v.Float()}
	case graph.KindText:
		return &lang.Text{Value: cut(v.Text(), stepText)}
	case graph.KindBytes:
		if n := v.BytesLen(); n > stepText {
			return &lang.Name{Name: fmt.Sprintf("…%d bytes…", n)}
		}
		return &lang.Bytes{Value: v.Bytes()}
	case graph.KindLink:
		text := v.Link().String()
		return &lang.Name{Name: "@" + text[:min(8, len(text))] + "…" + text[max(0, len(text)-4):]}
	case graph.KindFn:
		return x.fn(v.Fn())
	case graph.KindLazy:
		return x.thunk(v.Thunk().CID, v.Thunk().Args())
	case graph.KindList:
		l := &lang.List{}
		v.List().Each(func(item graph.Value) bool {
			if len(l.Items) == stepItems || x.left < 0 {
				l.Items = append(l.Items, lang.Item{Value: ellipsis})
				return false
			}
			l.Items = append(l.Items, lang.Item{Value: x.value(item)})
			return true
		})
		return l
	}
	if key, item, ok := v.Map().Only(); ok && tagName.MatchString(key) {
		if item.Kind() == graph.KindNull {
			return &lang.Tag{Name: key}
		}
		return &lang.Tag{Name: key, Arg: x.value(item)}
	}
	m := &lang.Map{}
	v.Map().Each(func(key string, item graph.Value) bool {
		if len(m.Entries) == stepItems || x.left < 0 {
			m.Entries = append(m.Entries, lang.Entry{Spread: true, Value: ellipsis})
			return false
		}
		m.Entries = append(m.Entries, lang.Entry{Key: cut(key, stepText), Value: x.value(item)})
		return true
	})
	return m
}

// shortInt writes an int, cut if it is long.
func shortInt(v graph.Value) lang.Expr {
	i := v.BigInt()
	if i.BitLen() < 200 {
		return &lang.Int{Value: new(big.Int).Set(i)}
	}
	if i.BitLen() > 1<<16 {
		return &lang.Name{Name: fmt.Sprintf("…an int of %d bits…", i.BitLen())}
	}
	text := i.String()
	return &lang.Name{Name: text[:20] + "…" + text[len(text)-20:]}
}

// fn writes a function.
func (x *syntax) fn(f *graph.Fn) lang.Expr {
	var head lang.Expr
	switch {
	case f.Prim != "":
		head = primitive(f.Prim)
	case len(f.Args) > 0 && x.called(f.Head) == "":
		return x.function(f.Head, f.Args, true)
	default:
		head = x.mention(f.Head)
	}
	if len(f.Args) == 0 {
		return head
	}
	a := &lang.Apply{Fn: head}
	for _, v := range f.Args {
		a.Args = append(a.Args, plain(x.value(v)))
	}
	return a
}

// key is a key of a map as a text.
func key(t *graph.Term) (string, bool) {
	if t.Op != graph.OpLit || t.Value.Kind() != graph.KindText {
		return "", false
	}
	return t.Value.Text(), true
}
