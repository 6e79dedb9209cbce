// This file compiles patterns: to one condition, which tests from the left, and to lets of the names that are used.
// Arms become a chain of ifs in which every part stands once, so a term is as long as its source.

package compile

import (
	"fmt"
	"strconv"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// names are those that a pattern binds, in order, and what each is bound to.
type names struct {
	order []string
	vars  map[lang.Pattern]*variable // of names for a part of the value; the value itself needs none
}

// open brings a pattern's names into scope. b stands for the whole value.
func (r *resolver) open(p lang.Pattern, b binding) *names {
	s := &names{vars: map[lang.Pattern]*variable{}}
	r.openIn(s, p, &b)
	return s
}

// openIn binds the names in p; whole, when not nil, stands for the value that p looks at.
func (r *resolver) openIn(s *names, p lang.Pattern, whole *binding) {
	r.tick()
	switch p := p.(type) {
	case *lang.NamePat:
		if whole == nil {
			v := r.variable()
			s.vars[p] = v
			whole = &binding{v: v}
		}
		s.order = append(s.order, p.Name)
		r.bind(p.Name, *whole)
	case *lang.ListPat:
		for i, q := range p.Items {
			if i == p.Rest {
				r.openRest(s, p.RestPat)
			}
			r.openIn(s, q, nil)
		}
		if p.Rest == len(p.Items) {
			r.openRest(s, p.RestPat)
		}
	case *lang.MapPat:
		for _, e := range p.Entries {
			r.openIn(s, e.Pattern, nil)
		}
		r.openRest(s, p.RestPat)
	case *lang.TagPat:
		if p.Arg != nil {
			r.openIn(s, p.Arg, nil)
		}
	case *lang.AsPat:
		if whole == nil {
			v := r.variable()
			s.vars[p] = v
			whole = &binding{v: v}
		}
		r.openIn(s, p.Pattern, whole)
		s.order = append(s.order, p.Name)
		r.bind(p.Name, *whole)
	}
}

func (r *resolver) openRest(s *names, p lang.Pattern) {
	if p != nil {
		r.openIn(s, p, nil)
	}
}

// close takes a pattern's names out of scope.
func (r *resolver) close(s *names) {
	for _, name := range s.order {
		r.unbind(name)
	}
}

// guarded is body where p fits the value s, with p's names bound, and else an error that carries the value.
func (r *resolver) guarded(p lang.Pattern, s *node, scope *names, body *node) *node {
	body = r.binds(p, s, scope, body)
	cond := r.test(p, s)
	if cond == nil {
		return body
	}
	return mk(graph.OpIf, p.Where(), cond, body, r.noMatch(p.Where(), s))
}

func (r *resolver) noMatch(span lang.Span, s *node) *node {
	return call(span, "core.noMatch", again(s))
}

// test is the condition under which p fits the value s, nil when it always does.
func (r *resolver) test(p lang.Pattern, s *node) *node {
	r.tick()
	at := p.Where()
	var conds []*node
	add := func(c *node) {
		if c != nil {
			conds = append(conds, c)
		}
	}
	switch p := p.(type) {
	case *lang.NamePat, *lang.WildPat:
		return nil
	case *lang.LitPat:
		return call(at, "cmp.eq", literal(at, constant(p.Value)), again(s))
	case *lang.AsPat:
		return r.test(p.Pattern, s)
	case *lang.TagPat:
		key := literal(at, graph.Text(p.Name))
		if p.Arg == nil {
			return call(at, "match.nullary", key, again(s))
		}
		add(call(at, "match.tag", key, again(s)))
		add(r.testPart(p.Arg, func() *node { return get(at, again(s), p.Name) }))
	case *lang.ListPat:
		test := "match.list"
		if p.Rest >= 0 {
			test = "match.atLeast"
		}
		add(call(at, test, literal(at, graph.Int(int64(len(p.Items)))), again(s)))
		for i, q := range p.Items {
			add(r.testPart(q, func() *node { return item(p, i, s) }))
		}
	case *lang.MapPat:
		if len(p.Entries) == 0 {
			return call(at, "match.map", again(s))
		}
		for _, e := range p.Entries {
			add(call(at, "match.has", literal(at, graph.Text(e.Key)), again(s)))
			add(r.testPart(e.Pattern, func() *node { return get(at, again(s), e.Key) }))
		}
	default:
		panic(fmt.Sprintf("BUG: a pattern of type %T", p))
	}
	return all(conds)
}

// all is the conjunction of at least one condition.
func all(conds []*node) *node {
	n := conds[len(conds)-1]
	for i := len(conds) - 2; i >= 0; i-- {
		n = and(conds[i].span, conds[i], n)
	}
	return n
}

// testPart tests a part of a value: a let binds it if it is looked at more than once.
func (r *resolver) testPart(p lang.Pattern, part func() *node) *node {
	switch p.(type) {
	case *lang.NamePat, *lang.WildPat:
		return nil
	}
	v := r.variable()
	s := &node{op: graph.OpVar, span: p.Where(), v: v}
	cond := r.test(p, s)
	if cond == nil {
		return nil
	}
	return r.share(v, part(), cond)
}

// share binds v to a part of a value in body; the part takes the place of a variable that is used once, which must
// be where no lambda is between.
func (r *resolver) share(v *variable, part, body *node) *node {
	switch v.uses {
	case 0:
		return body
	case 1:
		*v.last = *part
		return body
	}
	return let(part.span, v, part, body)
}

// item is the value of an item of a list pattern.
func item(p *lang.ListPat, i int, s *node) *node {
	at := p.Items[i].Where()
	if p.Rest >= 0 && i >= p.Rest {
		return call(at, "list.fromEnd", literal(at, graph.Int(int64(len(p.Items)-1-i))), again(s))
	}
	return get(at, again(s), strconv.Itoa(i))
}

// rest is the value of a list pattern's rest.
func rest(p *lang.ListPat, s *node) *node {
	at := p.RestPat.Where()
	before, after := int64(p.Rest), int64(len(p.Items)-p.Rest)
	if after == 0 {
		return call(at, "list.drop", literal(at, graph.Int(before)), again(s))
	}
	end := call(at, "num.sub", call(at, "seq.length", again(s)), literal(at, graph.Int(after)))
	return call(at, "list.slice", literal(at, graph.Int(before)), end, again(s))
}

// binds binds the names of p that body uses to the parts of the value s. Parts that hold several of them are bound
// once themselves.
func (r *resolver) binds(p lang.Pattern, s *node, scope *names, body *node) *node {
	switch p := p.(type) {
	case *lang.AsPat:
		return r.binds(p.Pattern, s, scope, body)
	case *lang.TagPat:
		if p.Arg != nil {
			return r.bindPart(p.Arg, scope, body, func() *node { return get(p.Span, again(s), p.Name) })
		}
	case *lang.ListPat:
		// The last let is the innermost.
		for i := len(p.Items); i >= 0; i-- {
			if i < len(p.Items) {
				body = r.bindPart(p.Items[i], scope, body, func() *node { return item(p, i, s) })
			}
			if i == p.Rest && p.RestPat != nil {
				body = r.bindPart(p.RestPat, scope, body, func() *node { return rest(p, s) })
			}
		}
	case *lang.MapPat:
		if p.RestPat != nil {
			body = r.bindPart(p.RestPat, scope, body, func() *node {
				keys := make([]graph.Value, len(p.Entries))
				for i, e := range p.Entries {
					keys[i] = graph.Text(e.Key)
				}
				at := p.RestPat.Where()
				return call(at, "map.without", literal(at, graph.ListValue(graph.ListOf(keys))), again(s))
			})
		}
		for i := len(p.Entries) - 1; i >= 0; i-- {
			e := p.Entries[i]
			body = r.bindPart(e.Pattern, scope, body, func() *node { return get(e.KeySpan, again(s), e.Key) })
		}
	}
	return body
}

// bindPart binds the names of p that body uses to a part of a value.
func (r *resolver) bindPart(p lang.Pattern, scope *names, body *node, part func() *node) *node {
	switch q := p.(type) {
	case *lang.NamePat:
		return r.bindName(scope.vars[q], body, part)
	case *lang.AsPat:
		// The name stands for the part itself; what is inside is looked up in it.
		v := scope.vars[q]
		s := &node{op: graph.OpVar, span: q.Span, v: v}
		return r.bindName(v, r.binds(q.Pattern, s, scope, body), part)
	case *lang.WildPat, *lang.LitPat:
		return body
	}
	v := r.variable()
	s := &node{op: graph.OpVar, span: p.Where(), v: v}
	inner := r.binds(p, s, scope, body)
	return r.share(v, part(), inner)
}

func (r *resolver) bindName(v *variable, body *node, part func() *node) *node {
	if v.uses == 0 {
		return body
	}
	n := part()
	return let(n.span, v, n, body)
}

func (r *resolver) match(x *lang.Match) *node {
	value := r.expr(x.Subject)
	arms := func(s *node, b binding) *node {
		next := r.noMatch(x.Span, s)
		for i := len(x.Arms) - 1; i >= 0; i-- {
			next = r.arm(x.Arms[i], s, b, next)
		}
		return next
	}
	if value.op == graph.OpVar {
		return arms(value, binding{v: value.v})
	}
	return r.subject(x.Span, value, arms)
}

// arm is one arm of a match; next is what happens when it does not fit.
func (r *resolver) arm(a *lang.Arm, s *node, b binding, next *node) *node {
	if len(a.Patterns) > 1 {
		return r.alternatives(a, s, b, next)
	}
	p := a.Patterns[0]
	cond := r.test(p, s)
	if a.Guard != nil {
		guard := r.under(p, s, b, a.Guard)
		if cond == nil {
			cond = guard
		} else {
			cond = and(guard.span, cond, guard)
		}
	}
	body := r.under(p, s, b, a.Body)
	if cond == nil {
		return body
	}
	return mk(graph.OpIf, a.Span, cond, body, next)
}

// under resolves x where p has fitted s.
func (r *resolver) under(p lang.Pattern, s *node, b binding, x lang.Expr) *node {
	scope := r.open(p, b)
	n := r.expr(x)
	r.close(scope)
	return r.binds(p, s, scope, n)
}

// alternatives is an arm of several patterns. Where they bind names, guard and body are functions of these.
func (r *resolver) alternatives(a *lang.Arm, s *node, b binding, next *node) *node {
	bound := patternNames(a.Patterns[0])
	for _, p := range a.Patterns[1:] {
		if other := patternNames(p); !sameNames(bound, other) {
			r.errorf(p.Where(), "alternatives bind different names: got %s, want %s", describe(other), describe(bound))
			return next
		}
	}
	if len(bound) == 0 {
		return r.oneOf(a, s, next)
	}
	if a.Guard == nil && tiny(a.Body) {
		for i := len(a.Patterns) - 1; i >= 0; i-- {
			next = r.arm(&lang.Arm{Span: a.Span, Patterns: a.Patterns[i : i+1], Body: a.Body}, s, b, next)
		}
		return next
	}
	var guard *node
	if a.Guard != nil {
		guard = r.over(bound, a.Guard)
	}
	return r.shared(guard, func(guard *node) *node {
		return r.shared(r.over(bound, a.Body), func(body *node) *node {
			for i := len(a.Patterns) - 1; i >= 0; i-- {
				p := a.Patterns[i]
				cond := r.test(p, s)
				if guard != nil {
					g := r.apply(guard, bound, p, s, b)
					if cond == nil {
						cond = g
					} else {
						cond = and(a.Span, cond, g)
					}
				}
				then := r.apply(body, bound, p, s, b)
				if cond == nil {
					next = then
				} else {
					next = mk(graph.OpIf, a.Span, cond, then, next)
				}
			}
			return next
		})
	})
}

// oneOf is an arm of several patterns that bind no names.
func (r *resolver) oneOf(a *lang.Arm, s *node, next *node) *node {
	var cond *node
	for i := len(a.Patterns) - 1; i >= 0; i-- {
		c := r.test(a.Patterns[i], s)
		switch {
		case c == nil:
			cond = nil
		case i == len(a.Patterns)-1:
			cond = c
		case cond == nil: // a later one always fits
			cond = or(c.span, c, literal(c.span, graph.Bool(true)))
		default:
			cond = or(c.span, c, cond)
		}
	}
	if a.Guard != nil {
		guard := r.expr(a.Guard)
		if cond == nil {
			cond = guard
		} else {
			cond = and(guard.span, cond, guard)
		}
	}
	body := r.expr(a.Body)
	if cond == nil {
		return body
	}
	return mk(graph.OpIf, a.Span, cond, body, next)
}

// over is x as a function of the names that it is given.
func (r *resolver) over(params []string, x lang.Expr) *node {
	return r.fresh(x.Where(), len(params), func(vars []*node) *node {
		for i, name := range params {
			r.bind(name, binding{v: vars[i].v})
		}
		n := r.expr(x)
		for _, name := range params {
			r.unbind(name)
		}
		return n
	})
}

// apply applies f to the names that p binds.
func (r *resolver) apply(f *node, bound []string, p lang.Pattern, s *node, b binding) *node {
	scope := r.open(p, b)
	args := make([]*node, len(bound))
	for i, name := range bound {
		args[i] = r.local(p.Where(), name)
	}
	r.close(scope)
	return r.binds(p, s, scope, app(p.Where(), again(f), args...))
}

// shared binds a function that several places call; nil stays nil.
func (r *resolver) shared(f *node, in func(f *node) *node) *node {
	if f == nil {
		return in(nil)
	}
	return r.subject(f.span, f, func(s *node, _ binding) *node { return in(s) })
}

// tiny says whether an expression may as well be written several times.
func tiny(x lang.Expr) bool {
	switch x := x.(type) {
	case *lang.Null, *lang.Bool, *lang.Name:
		return true
	case *lang.Int:
		return x.Value.IsInt64()
	case *lang.Tag:
		return x.Arg == nil || tiny(x.Arg)
	}
	return false
}

// patternNames returns the names that a pattern binds, in order.
func patternNames(p lang.Pattern) []string { return appendNames(nil, p) }

func appendNames(to []string, p lang.Pattern) []string {
	switch p := p.(type) {
	case *lang.NamePat:
		return append(to, p.Name)
	case *lang.TagPat:
		if p.Arg != nil {
			return appendNames(to, p.Arg)
		}
	case *lang.ListPat:
		for i := 0; i <= len(p.Items); i++ {
			if i == p.Rest && p.RestPat != nil {
				to = appendNames(to, p.RestPat)
			}
			if i < len(p.Items) {
				to = appendNames(to, p.Items[i])
			}
		}
	case *lang.MapPat:
		for _, e := range p.Entries {
			to = appendNames(to, e.Pattern)
		}
		if p.RestPat != nil {
			to = appendNames(to, p.RestPat)
		}
	case *lang.AsPat:
		return append(appendNames(to, p.Pattern), p.Name)
	}
	return to
}

func sameNames(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	in := map[string]bool{}
	for _, name := range a {
		in[name] = true
	}
	for _, name := range b {
		if !in[name] {
			return false
		}
		delete(in, name)
	}
	return true
}
