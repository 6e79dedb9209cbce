// This file turns syntax into the core tree: names are resolved, what is only notation is written out.

package compile

import (
	"fmt"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// maxChain bounds how deep a chain of operators makes an expression; every pass may recurse as deep.
const maxChain = 200_000

// A resolver holds the scope that an expression stands in.
type resolver struct {
	*compiler
	cur   *entity
	top   *top
	scope map[string][]binding
	deps  []*top // plain definitions met
}

// A binding is what a local name stands for: a variable, or something that takes its place. Of the zero binding
// nothing is known but that the name is wrong.
type binding struct {
	v *variable
	n *node
}

func (r *resolver) bind(name string, b binding) {
	r.scope[name] = append(r.scope[name], b)
}

func (r *resolver) unbind(name string) {
	s := r.scope[name]
	if len(s) == 1 {
		delete(r.scope, name)
		return
	}
	r.scope[name] = s[:len(s)-1]
}

func (r *resolver) variable() *variable { return &variable{owner: r.cur} }

// expr resolves an expression. Long chains lean on one operand: that one is gone down to and up from by loops.
func (r *resolver) expr(x lang.Expr) *node {
	var chain []lang.Expr
	for next := x; next != nil; {
		r.tick()
		x = next
		if next = r.leaning(x); next != nil {
			chain = append(chain, x)
		}
	}
	n := r.single(x)
	for i := len(chain) - 1; i >= 0; i-- {
		n = r.around(chain[i], n)
		if n.height > maxChain {
			r.errorf(chain[i].Where(), "got an expression of more than %d operators in one chain; name parts of it with let", maxChain)
			n = literal(n.span, graph.Null())
		}
	}
	return n
}

// leaning returns the operand of x on which a chain leans, nil when there is none.
func (r *resolver) leaning(x lang.Expr) lang.Expr {
	switch x := x.(type) {
	case *lang.Binary:
		if x.Op == "++" {
			return x.Right
		}
		return x.Left
	case *lang.Apply:
		return x.Args[len(x.Args)-1]
	case *lang.If:
		return x.Else
	case *lang.Get:
		if name, ok := x.Arg.(*lang.Name); ok && r.module(name.Name) != nil {
			return nil
		}
		return x.Arg
	case *lang.Neg:
		return x.Arg
	}
	return nil
}

// around resolves x, whose leaning operand is n.
func (r *resolver) around(x lang.Expr, n *node) *node {
	switch x := x.(type) {
	case *lang.Binary:
		if x.Op == "++" {
			return r.binary(x, r.expr(x.Left), n)
		}
		return r.binary(x, n, r.expr(x.Right))
	case *lang.Apply:
		f := r.expr(x.Fn)
		args := r.exprs(x.Args[:len(x.Args)-1])
		return app(x.Span, f, append(args, n)...)
	case *lang.If:
		c := r.expr(x.Cond)
		return mk(graph.OpIf, x.Span, c, r.expr(x.Then), n)
	case *lang.Get:
		return get(x.Span, n, x.Key)
	case *lang.Neg:
		return negate(x.Span, n)
	}
	panic(fmt.Sprintf("BUG: a chain of %T", x))
}

func (r *resolver) exprs(xs []lang.Expr) []*node {
	ns := make([]*node, len(xs), len(xs)+1)
	for i, x := range xs {
		ns[i] = r.expr(x)
	}
	return ns
}

func (r *resolver) binary(x *lang.Binary, a, b *node) *node {
	switch x.Op {
	case "&&":
		return and(x.Span, a, b)
	case "||":
		return or(x.Span, a, b)
	case ">>":
		return app(x.Span, r.operator(x.OpSpan, x.Op), a, b)
	}
	n := app(x.Span, prim(x.OpSpan, operators[x.Op]), a, b)
	if operators[x.Op] == "" {
		panic("BUG: operator " + x.Op)
	}
	return n
}

// single resolves what no chain leans on.
func (r *resolver) single(x lang.Expr) *node {
	switch x := x.(type) {
	case *lang.Null, *lang.Bool, *lang.Int, *lang.Float, *lang.Text, *lang.Bytes, *lang.Link:
		return literal(x.Where(), constant(x))
	case *lang.Interp:
		return call(x.Span, "text.interpolate", list(x.Span, r.exprs(x.Parts)))
	case *lang.Name:
		return r.name(x.Span, x.Name)
	case *lang.ModuleName:
		return r.prelude(x.Span, x.Module, x.Name)
	case *lang.List:
		items := make([]*node, len(x.Items))
		for i, it := range x.Items {
			items[i] = r.expr(it.Value)
			if it.Spread {
				items[i] = mk(graph.OpSpread, it.Value.Where(), items[i])
			}
		}
		return list(x.Span, items)
	case *lang.Map:
		keys, vals := make([]string, len(x.Entries)), make([]*node, len(x.Entries))
		seen := make(map[string]bool, len(x.Entries))
		for i, e := range x.Entries {
			vals[i] = r.expr(e.Value)
			if e.Spread {
				vals[i] = mk(graph.OpSpread, e.Value.Where(), vals[i])
				continue
			}
			if seen[e.Key] {
				r.errorf(e.KeySpan, "got the key %q twice", lang.Cut(e.Key))
			}
			seen[e.Key] = true
			keys[i] = e.Key
		}
		return record(x.Span, keys, vals)
	case *lang.Tag:
		if x.Arg == nil {
			return literal(x.Span, graph.Tagged(x.Name, graph.Null()))
		}
		return tagged(x.Span, x.Name, r.expr(x.Arg))
	case *lang.TagFn:
		return r.fresh(x.Span, 1, func(p []*node) *node { return tagged(x.Span, x.Name, p[0]) })
	case *lang.OpFn:
		return r.operator(x.Span, x.Op)
	case *lang.Accessor:
		return r.fresh(x.Span, 1, func(p []*node) *node {
			n := p[0]
			for _, k := range x.Keys {
				n = get(x.Span, n, k)
			}
			return n
		})
	case *lang.Lambda:
		e := r.entity(function, "", x.Span)
		r.lambda(e, x.Params, x.Body)
		return e.at(x.Span)
	case *lang.Let:
		return r.let(x)
	case *lang.Lazy:
		e := r.entity(suspension, "", x.Span)
		r.suspended(e, x)
		return e.at(x.Span)
	case *lang.Try:
		return mk(graph.OpTry, x.Span, r.expr(x.Arg))
	case *lang.Match:
		return r.match(x)
	case *lang.Get:
		return r.imported(x, x.Arg.(*lang.Name).Name)
	case *lang.Import:
		r.errorf(x.Span, "an import can only be the whole right side of a top-level let")
		return literal(x.Span, graph.Null())
	}
	panic(fmt.Sprintf("BUG: an expression of type %T", x))
}

// constant returns the value of a literal.
func constant(x lang.Expr) graph.Value {
	switch x := x.(type) {
	case *lang.Null:
		return graph.Null()
	case *lang.Bool:
		return graph.Bool(x.Value)
	case *lang.Int:
		if x.Value.IsInt64() {
			return graph.Int(x.Value.Int64())
		}
		return graph.BigInt(x.Value)
	case *lang.Float:
		return graph.Float(x.Value)
	case *lang.Text:
		return graph.Text(x.Value)
	case *lang.Bytes:
		return graph.BytesValue(x.Value)
	case *lang.Link:
		return graph.LinkValue(x.Value)
	}
	panic(fmt.Sprintf("BUG: a literal of type %T", x))
}

// fresh makes a function of n parameters that nobody wrote as a lambda.
func (r *resolver) fresh(span lang.Span, n int, body func(params []*node) *node) *node {
	e := r.entity(function, "", span)
	outer := r.enter(e)
	params := make([]*node, n)
	for i := range params {
		v := r.variable()
		e.params = append(e.params, v)
		params[i] = v.at(span)
	}
	r.leave(e, outer, body(params))
	return e.at(span)
}

// operator is an operator as a function.
func (r *resolver) operator(span lang.Span, op string) *node {
	switch op {
	case "&&":
		return r.fresh(span, 2, func(p []*node) *node { return and(span, p[0], p[1]) })
	case "||":
		return r.fresh(span, 2, func(p []*node) *node { return or(span, p[0], p[1]) })
	case "|>":
		return r.fresh(span, 2, func(p []*node) *node { return app(span, p[1], p[0]) })
	case ">>":
		return r.fresh(span, 3, func(p []*node) *node { return app(span, p[1], app(span, p[0], p[2])) })
	}
	return prim(span, operators[op])
}

func (r *resolver) entity(k kind, name string, span lang.Span) *entity {
	return &entity{kind: k, name: name, span: span, top: r.top}
}

// enter begins the body of an entity, and returns the one around it.
func (r *resolver) enter(e *entity) (outer *entity) {
	outer, r.cur = r.cur, e
	return outer
}

// leave ends it. A lambda that is the whole body of a lambda is taken over by it.
func (r *resolver) leave(e, outer *entity, body *node) {
	r.cur = outer
	if inner := body.e; e.kind == function && isFresh(body) {
		inner.into = e
		e.params = append(e.params, inner.params...)
		body = inner.body
	}
	if len(e.params) > graph.MaxArity {
		r.errorf(e.span, "got %d parameters of %s, want at most %d", len(e.params), e.title(), graph.MaxArity)
	}
	e.body = body
}

// lambda resolves the body of a function. Directly nested lambdas are one.
func (r *resolver) lambda(e *entity, params []lang.Pattern, body lang.Expr) {
	for {
		inner, ok := body.(*lang.Lambda)
		if !ok {
			break
		}
		params = append(params[:len(params):len(params)], inner.Params...)
		body = inner.Body
	}
	outer := r.enter(e)
	scopes := make([]*names, len(params))
	for i, p := range params {
		v := r.variable()
		e.params = append(e.params, v)
		scopes[i] = r.open(p, binding{v: v})
	}
	n := r.expr(body)
	for i := len(params) - 1; i >= 0; i-- {
		r.close(scopes[i])
		n = r.guarded(params[i], e.params[i].at(params[i].Where()), scopes[i], n)
	}
	r.leave(e, outer, n)
}

// suspended resolves what a lazy delays.
func (r *resolver) suspended(e *entity, x *lang.Lazy) {
	outer := r.enter(e)
	r.leave(e, outer, r.expr(x.Arg))
}

// recursive says whether a definition sees itself.
func recursive(d *lang.Def) bool {
	if _, ok := d.Pattern.(*lang.NamePat); !ok {
		return false
	}
	switch d.Value.(type) {
	case *lang.Lambda, *lang.Lazy:
		return true
	}
	return len(d.Params) > 0
}

// recursive makes the entity of a recursive definition.
func (r *resolver) recursive(d *lang.Def) *entity {
	name := d.Pattern.(*lang.NamePat).Name
	if _, ok := d.Value.(*lang.Lazy); ok && len(d.Params) == 0 {
		return r.entity(suspension, name, d.Span)
	}
	return r.entity(function, name, d.Span)
}

// define resolves the right side of a recursive definition.
func (r *resolver) define(e *entity, d *lang.Def) {
	if e.kind == suspension {
		r.suspended(e, d.Value.(*lang.Lazy))
	} else {
		r.lambda(e, d.Params, d.Value)
	}
}

func (r *resolver) let(x *lang.Let) *node {
	if len(x.Defs) > 1 {
		return r.group(x)
	}
	d := x.Defs[0]
	var value *node
	if recursive(d) {
		e := r.recursive(d)
		e.named = true
		name := d.Pattern.(*lang.NamePat).Name
		r.bind(name, binding{n: &node{op: graph.OpLam, e: e}})
		r.define(e, d)
		r.unbind(name)
		e.named = e.mentions > 0
		value = e.at(d.Span)
	} else {
		value = r.expr(d.Value)
	}
	in := func(s *node, b binding) *node {
		scope := r.open(d.Pattern, b)
		body := r.expr(x.Body)
		r.close(scope)
		return r.guarded(d.Pattern, s, scope, body)
	}
	if _, ok := d.Pattern.(*lang.NamePat); !ok && value.op == graph.OpVar {
		return in(value, binding{v: value.v})
	}
	return r.subject(x.Span, value, in)
}

// subject gives in what stands for a value as often as it likes: a variable that a let binds to it, or what isName
// says can stand there itself. A match also looks at a variable itself.
func (r *resolver) subject(span lang.Span, value *node, in func(s *node, b binding) *node) *node {
	if isName(value) {
		if value.op == graph.OpVar {
			return in(value, binding{v: value.v})
		}
		return in(value, binding{n: value})
	}
	// let x = (let h = \… in \…) in e: h, which may prove to be a link, does not hide that x is a function.
	lets, inner := functionLets(value)
	if isFresh(inner) {
		value = inner
	} else {
		lets = nil
	}
	v := r.variable()
	if isFresh(value) {
		v.fn = value.e
	}
	body := in(v.at(value.span), binding{v: v})
	switch {
	case v.fn == nil || !isName(body):
		body = let(span, v, value, body)
	case body.op == graph.OpVar && body.v == v: // let f = \… in f
		body = value
	}
	for i := len(lets) - 1; i >= 0; i-- {
		body = let(lets[i].span, lets[i].v, lets[i].args[0], body)
	}
	return body
}

// isFresh says whether a node is a lambda in the place where it was written.
func isFresh(n *node) bool {
	return n.op == graph.OpLam && n.e.kind == function && !n.e.named
}

// functionLets returns the lets of functions that a node begins with, and what is inside.
func functionLets(n *node) (lets []*node, inner *node) {
	for n.op == graph.OpLet && n.v.fn != nil {
		lets = append(lets, n)
		n = n.args[1]
	}
	return lets, n
}

// group resolves a let of definitions joined by `and`. A function's name is the function wherever it stands; a lazy
// that is used is bound once, in the order of first use, which is the same however the definitions are ordered.
func (r *resolver) group(x *lang.Let) *node {
	names, entities := make([]string, len(x.Defs)), make([]*entity, len(x.Defs))
	for i, d := range x.Defs {
		if !recursive(d) {
			r.errorf(d.Span, "got a definition that is neither a function nor lazy in a group joined by `and`")
			return literal(x.Span, graph.Null())
		}
		names[i], entities[i] = d.Pattern.(*lang.NamePat).Name, r.recursive(d)
		entities[i].named = true
	}
	for i, e := range entities {
		r.bind(names[i], binding{n: &node{op: graph.OpLam, e: e}})
	}
	for i, d := range x.Defs {
		r.define(entities[i], d)
	}
	bound := map[*variable]*entity{}
	for i, e := range entities {
		r.unbind(names[i])
		if e.kind == suspension {
			v := r.variable()
			bound[v] = e
			r.bind(names[i], binding{v: v})
		} else {
			r.bind(names[i], binding{n: &node{op: graph.OpLam, e: e}})
		}
	}
	body := r.expr(x.Body)
	for _, name := range names {
		r.unbind(name)
	}
	for v := range bound {
		if v.uses == 0 {
			delete(bound, v)
		}
	}
	used := r.firstUses(body, bound)
	for i := len(used) - 1; i >= 0; i-- {
		e := bound[used[i]]
		body = let(x.Span, used[i], e.at(e.span), body)
	}
	return body
}

// firstUses returns which of some variables an expression mentions, in preorder of the first mention of each.
func (r *resolver) firstUses(n *node, among map[*variable]*entity) []*variable {
	var found []*variable
	seen, inside := map[*variable]bool{}, map[*entity]bool{}
	stack := []*node{n}
	for len(stack) > 0 && len(found) < len(among) {
		r.tick()
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.op == graph.OpVar && among[n.v] != nil && !seen[n.v] {
			seen[n.v] = true
			found = append(found, n.v)
		}
		if n.op == graph.OpLam && n.e.body != nil && !inside[n.e] {
			inside[n.e] = true
			stack = append(stack, n.e.body)
		}
		for i := len(n.args) - 1; i >= 0; i-- {
			stack = append(stack, n.args[i])
		}
	}
	return found
}
