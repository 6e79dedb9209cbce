// This file generates conditions, and what they decide between.

package eval

import (
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// A condition is code whose value is a bool.
type condition func(m *Machine, fp unsafe.Pointer) bool

// A question is a condition, with what is known of it: most are about a slot, and are answered where they are asked.
type question struct {
	ask condition
	is  questionKind
	not bool // the answer is the other way round
	off uintptr
	to  uintptr // the slot that it is compared with
	n   int64   // the int that it is compared with, or a number of elements
	tag string
}

type questionKind uint8

const (
	general questionKind = iota
	equalInt
	lessInt
	atMostInt
	equalSlot
	lessSlot
	atMostSlot
	isEmpty
	hasLength
	hasAtLeast
	hasTag
)

// question generates a condition. index is that of the node that looks at its value.
func (g *generator) question(t *graph.Term, level, index int) question {
	q := known(t)
	q.ask = g.test(t, level, index)
	return q
}

// known says what is known of a condition.
func known(t *graph.Term) (q question) {
	if t.Op != graph.OpApp || len(t.Args) != 3 || t.Args[0].Op != graph.OpPrim {
		return q
	}
	x, y := t.Args[1], t.Args[2]
	switch t.Args[0].Name {
	case "cmp.eq":
		q.is = equalInt
	case "cmp.ne":
		q.is, q.not = equalInt, true
	case "cmp.lt":
		q.is = lessInt
	case "cmp.ge":
		q.is, q.not = lessInt, true
	case "cmp.le":
		q.is = atMostInt
	case "cmp.gt":
		q.is, q.not = atMostInt, true
	case "match.list", "match.atLeast":
		if x.Op != graph.OpLit || y.Op != graph.OpVar {
			return q
		}
		n, small := x.Value.Int()
		if !small {
			return q
		}
		q.off, q.n = slotOffset(y.Index), n
		switch list := t.Args[0].Name == "match.list"; {
		case list && n == 0:
			q.is = isEmpty
		case list:
			q.is = hasLength
		case n == 1:
			q.is, q.not = isEmpty, true
		default:
			q.is = hasAtLeast
		}
		return q
	case "match.tag":
		if x.Op == graph.OpLit && x.Value.Kind() == graph.KindText && y.Op == graph.OpVar {
			q.is, q.off, q.tag = hasTag, slotOffset(y.Index), x.Value.Text()
		}
		return q
	default:
		return q
	}
	if x.Op != graph.OpVar {
		return question{}
	}
	q.off = slotOffset(x.Index)
	switch y.Op {
	case graph.OpVar:
		q.is, q.to = q.is+equalSlot-equalInt, slotOffset(y.Index)
		return q
	case graph.OpLit:
		if n, small := y.Value.Int(); small && y.Value.Kind() == graph.KindInt {
			q.n = n
			return q
		}
	}
	return question{}
}

// branch generates an `if`: then where the answer is yes, else other.
func (q question) branch(then, other code) code {
	ask, not, off, to, n, tag := q.ask, q.not, q.off, q.to, q.n, q.tag
	if not {
		then, other = other, then
	}
	// asked is for what the quick way does not take.
	asked := func(m *Machine, fp unsafe.Pointer) graph.Value {
		if ask(m, fp) != not {
			return then(m, fp)
		}
		return other(m, fp)
	}
	switch q.is {
	case equalInt:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if x, ok := slot(fp, off).Int(); ok {
				if x == n {
					return then(m, fp)
				}
				return other(m, fp)
			}
			return asked(m, fp)
		}
	case lessInt:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if x, ok := slot(fp, off).Int(); ok {
				if x < n {
					return then(m, fp)
				}
				return other(m, fp)
			}
			return asked(m, fp)
		}
	case atMostInt:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if x, ok := slot(fp, off).Int(); ok {
				if x <= n {
					return then(m, fp)
				}
				return other(m, fp)
			}
			return asked(m, fp)
		}
	case equalSlot:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if x, ok := slot(fp, off).Int(); ok {
				if y, ok := slot(fp, to).Int(); ok {
					if x == y {
						return then(m, fp)
					}
					return other(m, fp)
				}
			}
			return asked(m, fp)
		}
	case lessSlot:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if x, ok := slot(fp, off).Int(); ok {
				if y, ok := slot(fp, to).Int(); ok {
					if x < y {
						return then(m, fp)
					}
					return other(m, fp)
				}
			}
			return asked(m, fp)
		}
	case atMostSlot:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			if x, ok := slot(fp, off).Int(); ok {
				if y, ok := slot(fp, to).Int(); ok {
					if x <= y {
						return then(m, fp)
					}
					return other(m, fp)
				}
			}
			return asked(m, fp)
		}
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

// test generates a condition as it is asked in general.
func (g *generator) test(t *graph.Term, level, index int) condition {
	if c := g.compare(t, level); c != nil {
		return c
	}
	if t.Op == graph.OpIf { // a && b, a || b and the like
		own := g.index
		g.index++
		first := g.test(t.Args[0], level, own)
		then, other := g.test(t.Args[1], level, index), g.test(t.Args[2], level, index)
		switch {
		case isBool(t.Args[2], false):
			return func(m *Machine, fp unsafe.Pointer) bool { return first(m, fp) && then(m, fp) }
		case isBool(t.Args[1], true):
			return func(m *Machine, fp unsafe.Pointer) bool { return first(m, fp) || other(m, fp) }
		}
		return func(m *Machine, fp unsafe.Pointer) bool {
			if first(m, fp) {
				return then(m, fp)
			}
			return other(m, fp)
		}
	}
	cond, at := g.gen(t, level, false), g.site(index)
	return func(m *Machine, fp unsafe.Pointer) bool {
		v := cond(m, fp)
		if v.Kind() != graph.KindBool {
			if v = m.forceAt(v, at); v.Kind() != graph.KindBool {
				m.throw(wrongKind(v, "bool"), at)
			}
		}
		return v.Bool()
	}
}

func isBool(t *graph.Term, b bool) bool {
	return t.Op == graph.OpLit && t.Value.Kind() == graph.KindBool && t.Value.Bool() == b
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
