// This file generates conditions, and what they decide between.

package eval

import (
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// A question is a condition, with what is known of it: most are about slots, and are answered where they are asked.
type question struct {
	is  questionKind
	not bool // the answer is the other way round
	ask code // in general
	at  *site
	off uintptr
	n   int64 // a number of elements
	tag string
	test
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
	case t.Op == graph.OpIf: // a && b, a || b and the like
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
			return question{is: compared, not: c.not, test: c}
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
		return q.test.branch(then, other)
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

// let generates a let whose value goes to the slot at off.
func (g *generator) let(t *graph.Term, off uintptr, bound, body code) code {
	if t.Op == graph.OpGet && t.Args[0].Op == graph.OpVar {
		if i, ok := asIndex(t.Name); ok {
			from := slotOffset(t.Args[0].Index)
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				if v := slot(fp, from); v.Kind() == graph.KindList && i < v.ListLen() {
					*slot(fp, off) = v.ListAt(i)
				} else {
					*slot(fp, off) = bound(m, fp)
				}
				return body(m, fp)
			}
		}
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		*slot(fp, off) = bound(m, fp)
		return body(m, fp)
	}
}

// dropOne generates list.drop 1 of a slot, or nil if t is something else. at is its index.
func (g *generator) dropOne(p *Prim, t *graph.Term, at *site) code {
	if p.Name != "list.drop" || t.Args[1].Op != graph.OpLit || t.Args[2].Op != graph.OpVar {
		return nil
	}
	one := t.Args[1].Value
	if n, small := one.Int(); !small || one.Kind() != graph.KindInt || n != 1 {
		return nil
	}
	g.index += 2
	off := slotOffset(t.Args[2].Index)
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		v := *slot(fp, off)
		if v.Kind() == graph.KindList && !v.ListEmpty() {
			return v.ListTail()
		}
		return m.prim2(p, one, v, at)
	}
}
