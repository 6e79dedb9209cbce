// This file generates conditions, and what they decide between.

package eval

import (
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// A question is a condition, with what is known of it: most are about slots, and are answered where they are asked.
type question struct {
	is    questionKind
	not   bool // the answer is the other way round
	ask   code // in general
	at    *site
	off   uintptr
	n     int64 // a number of elements
	tag   string
	of    test       // compared
	parts []question // of either
}

type questionKind uint8

const (
	general questionKind = iota
	always               // then
	compared
	either // the second part where the first is answered with yes, else the third
	isEmpty
	hasLength
	hasAtLeast
	hasTag
)

// question generates a condition. index is that of the node that looks at its value.
func (g *generator) question(t *graph.Term, level, index int) (q question) {
	switch {
	case questions(t) > 0: // a && b, a || b and the like
		own := g.index
		g.index++
		q.is = either
		for i, part := range t.Args {
			at := index
			if i == 0 {
				at = own
			}
			q.parts = append(q.parts, g.question(part, level, at))
		}
		return q
	case t.Op == graph.OpLit && t.Value.Kind() == graph.KindBool:
		g.index++
		return question{is: always, not: !t.Value.Bool()}
	case t.Op == graph.OpApp && len(t.Args) == 3 && t.Args[0].Op == graph.OpPrim:
		if is, not := relationOf(t.Args[0].Name); is != noRelation {
			at := g.site(g.index)
			g.index++
			c := g.compare(t, is, not, level, at)
			return question{is: compared, not: c.not, of: c}
		}
		q = matched(t)
	}
	q.ask, q.at = g.gen(t, level, false), g.site(index)
	return q
}

// matched says what is known of a condition that is a test of a pattern.
func matched(t *graph.Term) (q question) {
	x, y := t.Args[1], t.Args[2]
	if x.Op != graph.OpLit || y.Op != graph.OpVar {
		return q
	}
	q.off = slotOffset(y.Index)
	n, small := x.Value.Int()
	switch name := t.Args[0].Name; {
	case name == "match.tag" && x.Value.Kind() == graph.KindText:
		q.is, q.tag = hasTag, x.Value.Text()
	case !small:
	case name == "match.list" && n == 0:
		q.is = isEmpty
	case name == "match.list":
		q.is, q.n = hasLength, n
	case name == "match.atLeast" && n == 1:
		q.is, q.not = isEmpty, true
	case name == "match.atLeast":
		q.is, q.n = hasAtLeast, n
	}
	return q
}

// branch generates an `if`: then where the answer is yes, else other.
func (q *question) branch(then, other code) code {
	ask, at, not, off, n, tag := q.ask, q.at, q.not, q.off, q.n, q.tag
	if not {
		then, other = other, then
	}
	switch q.is {
	case always:
		return then
	case either:
		return q.parts[0].branch(q.parts[1].branch(then, other), q.parts[2].branch(then, other))
	case compared:
		return q.of.branch(then, other)
	}
	// asked is for what the quick way does not take.
	asked := func(m *Machine, fp unsafe.Pointer) graph.Value {
		v := ask(m, fp)
		if v.Kind() != graph.KindBool {
			if v = m.forceAt(v, at); v.Kind() != graph.KindBool {
				m.throw(wrongKind(v, "bool"), at)
			}
		}
		if v.Bool() != not {
			return then(m, fp)
		}
		return other(m, fp)
	}
	switch q.is {
	case isEmpty:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if v := slot(fp, off); v.Kind() == graph.KindList {
				if v.ListEmpty() {
					return then(m, fp)
				}
				return other(m, fp)
			}
			return asked(m, fp)
		}
	case hasLength:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if v := slot(fp, off); v.Kind() == graph.KindList {
				if int64(v.ListLen()) == n {
					return then(m, fp)
				}
				return other(m, fp)
			}
			return asked(m, fp)
		}
	case hasAtLeast:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if v := slot(fp, off); v.Kind() == graph.KindList {
				if int64(v.ListLen()) >= n {
					return then(m, fp)
				}
				return other(m, fp)
			}
			return asked(m, fp)
		}
	case hasTag:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if v := slot(fp, off); v.Kind() == graph.KindMap {
				if key, _, ok := v.Map().Only(); ok && key == tag {
					return then(m, fp)
				}
				return other(m, fp)
			}
			return asked(m, fp)
		}
	}
	return asked
}

// decide generates an `if`.
func (g *generator) decide(t *graph.Term, level int, tail bool, index int) code {
	q := g.question(t.Args[0], level, index)
	second := g.index
	then := g.gen(t.Args[1], level, tail)
	some, third := g.opened, g.index
	other := g.gen(t.Args[2], level, tail)
	if q.is == hasTag && q.tag == "Some" && some.index == second && some.from == q.off && some.tag == q.tag {
		g.option = option{index, some, other}
	}
	if q.is == isEmpty {
		if q.not {
			g.filled = filled{index, q.off, then}
		} else if g.filled.index == third && g.filled.off == q.off { // a list that is not empty has a first element
			return q.branchFilled(then, other, g.filled.then)
		}
	}
	return q.branch(then, other)
}

// filled is what the `if` at an index comes to where the list in a slot is not empty.
type filled struct {
	index int
	off   uintptr
	then  code
}

// branchFilled is branch for a list in a slot. filled is other, if it is known to be a list that is not empty.
func (q *question) branchFilled(then, other, filled code) code {
	asked, off := q.branch(then, other), q.off
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		if v := slot(fp, off); v.Kind() == graph.KindList {
			if v.ListEmpty() {
				return then(m, fp)
			}
			return filled(m, fp)
		}
		return asked(m, fp)
	}
}

// opened is the let, at an index, of what is under a tag of the map in the slot at from.
type opened struct {
	index    int
	from, to uintptr
	tag      string
	body     code
	term     *graph.Term // of the body
}

// option is the `if` at an index that opens a Some, and what it comes to else.
type option struct {
	index int
	some  opened
	none  code
}

// let generates the let at an index.
func (g *generator) let(t *graph.Term, level int, tail bool, index int) code {
	bound, rest := t.Args[0], t.Args[1]
	if c := g.letOption(t, level, tail); c != nil {
		return c
	}
	if tail {
		g.into = g.maker(bound, level, 0)
	}
	off, first := slotOffset(level), g.gen(bound, level, false)
	from, i, ok := elementOf(bound)
	switch {
	case ok && i == 0 && rest.Op == graph.OpLet && isTail(rest.Args[0], bound.Args[0].Index):
		g.index++
		second := g.gen(rest.Args[0], level+1, false)
		body := g.gen(rest.Args[1], level+2, tail)
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if v := slot(fp, from); v.Kind() == graph.KindList && !v.ListEmpty() {
				*slot(fp, off), *slot(fp, off+slotSize) = v.ListUncons()
			} else {
				*slot(fp, off) = first(m, fp)
				*slot(fp, off+slotSize) = second(m, fp)
			}
			return body(m, fp)
		}
	case ok:
		body := g.gen(rest, level+1, tail)
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if v := slot(fp, from); v.Kind() == graph.KindList && i < v.ListLen() {
				*slot(fp, off) = v.ListAt(i)
			} else {
				*slot(fp, off) = first(m, fp)
			}
			return body(m, fp)
		}
	}
	body := g.gen(rest, level+1, tail)
	if bound.Op == graph.OpGet && bound.Args[0].Op == graph.OpVar {
		g.opened = opened{index, slotOffset(bound.Args[0].Index), off, bound.Name, body, rest}
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		*slot(fp, off) = first(m, fp)
		return body(m, fp)
	}
}

// letOption generates the let of an option that a primitive gives, and that is taken apart at once: nothing is made to be taken apart. It
// is nil if t is something else.
func (g *generator) letOption(t *graph.Term, level int, tail bool) code {
	bound := t.Args[0]
	if bound.Op != graph.OpApp || len(bound.Args) != 3 || bound.Args[0].Op != graph.OpPrim || t.Args[1].Op != graph.OpIf {
		return nil
	}
	p := g.m.prims[bound.Args[0].Name]
	if p == nil || p.peek == nil {
		return nil
	}
	at := g.site(g.index)
	g.index += 2
	args := g.wait(bound, 1, level)
	a, b := &args[0], &args[1]
	off, peek, second := slotOffset(level), p.peek, g.index
	body := g.gen(t.Args[1], level+1, tail)
	o := g.option
	if o.index != second || o.some.from != off || mentions(o.some.term, level) {
		quick := p.quick2
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x := a.get(m, fp)
			y := b.get(m, fp)
			v, ok := quick(x, y)
			if !ok {
				v = m.prim2(p, x, y, at)
			}
			*slot(fp, off) = v
			return body(m, fp)
		}
	}
	to, some, none := o.some.to, o.some.body, o.none
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		x := a.get(m, fp)
		y := b.get(m, fp)
		v, found, ok := peek(x, y)
		switch {
		case found:
			*slot(fp, to) = v
			return some(m, fp)
		case ok:
			*slot(fp, off) = graph.None()
			return none(m, fp)
		}
		*slot(fp, off) = m.prim2(p, x, y, at)
		return body(m, fp)
	}
}

// mentions says whether t has the variable of that index.
func mentions(t *graph.Term, index int) (found bool) {
	graph.Walk(t, func(_ int, t *graph.Term) { found = found || t.Op == graph.OpVar && t.Index == index })
	return found
}

// elementOf says whether t is an element of the list in a slot, at off.
func elementOf(t *graph.Term) (off uintptr, i int, ok bool) {
	if t.Op != graph.OpGet || t.Args[0].Op != graph.OpVar {
		return 0, 0, false
	}
	i, ok = asIndex(t.Name)
	return slotOffset(t.Args[0].Index), i, ok
}

// isTail says whether t is the variable of that index without its first element.
func isTail(t *graph.Term, index int) bool {
	if t.Op != graph.OpApp || len(t.Args) != 3 || t.Args[0].Op != graph.OpPrim || t.Args[0].Name != "list.drop" {
		return false
	}
	lit, n := t.Args[1], int64(0)
	if lit.Op == graph.OpLit && lit.Value.Kind() == graph.KindInt {
		n, _ = lit.Value.Int()
	}
	return n == 1 && t.Args[2].Op == graph.OpVar && t.Args[2].Index == index
}

// dropOne generates list.drop 1 of a slot, or nil if t is something else. at is its index.
func (g *generator) dropOne(p *Prim, t *graph.Term, at *site) code {
	list := t.Args[len(t.Args)-1]
	if list.Op != graph.OpVar || !isTail(t, list.Index) {
		return nil
	}
	g.index += 2
	one, off := t.Args[1].Value, slotOffset(list.Index)
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		v := *slot(fp, off)
		if v.Kind() == graph.KindList && !v.ListEmpty() {
			return v.ListTail()
		}
		return m.prim2(p, one, v, at)
	}
}
