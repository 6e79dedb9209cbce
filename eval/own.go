// This file finds the maps that a fold alone has, which are changed in their place.

package eval

import (
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// # When is a map changed in its place?
//
// A fold that inserts into a map drops each version but the last. So where the accumulator is a map that was made for this
// fold, and that nothing else has, the insertion changes it.
//
// The function that is called consumes its accumulator: its body only looks into it (readers), and comes, on every way to a
// value, to Map.insert k v m or to m. So m is in nothing that the body makes, a value that is not m is a map that only the fold has,
// and between the insertion and the fold nothing else is reduced. What the machine may keep of a call in progress makes it keep
// the map as it is: the state of a loop that is written down (saveAcc), the arguments of a call that is looked up or linked
// (disown, and the steps in takes), and an error on its way up (unwindTo).

// readers are the primitives that look into a map, at the argument given, and come to nothing that has it in it.
var readers = map[string]int{"map.get": 2, "map.has": 2, "seq.length": 1, "seq.isEmpty": 1}

// consumes is the parameter that the body of f consumes, or -1.
func (f *lam) consumes() int {
	if f.consumed == 0 {
		f.consumed = -1
		if i := insertedInto(f.term.Args[0]); i >= 0 && i < f.arity && consumed(f.term.Args[0], i, true) {
			f.consumed = i + 1
		}
	}
	return max(f.consumed, 0) - 1
}

// insertedInto is the variable that a body's value is an insertion into, or -1.
func insertedInto(t *graph.Term) int {
	switch t.Op {
	case graph.OpLet:
		return insertedInto(t.Args[1])
	case graph.OpIf:
		if i := insertedInto(t.Args[1]); i >= 0 {
			return i
		}
		return insertedInto(t.Args[2])
	case graph.OpApp:
		if isInsert(t) {
			return t.Args[3].Index
		}
	}
	return -1
}

// isInsert says whether t is Map.insert k v m, where m is a variable.
func isInsert(t *graph.Term) bool {
	return t.Op == graph.OpApp && len(t.Args) == 4 && t.Args[0].Op == graph.OpPrim && t.Args[0].Name == "map.insert" && t.Args[3].Op == graph.OpVar
}

// consumed says whether t only looks into variable i, or consumes it where t is in tail position.
func consumed(t *graph.Term, i int, tail bool) bool {
	args := t.Args
	switch t.Op {
	case graph.OpVar:
		return (t.Index == i) == tail
	case graph.OpLet:
		return consumed(args[0], i, false) && consumed(args[1], i, tail)
	case graph.OpIf:
		return consumed(args[0], i, false) && consumed(args[1], i, tail) && consumed(args[2], i, tail)
	case graph.OpApp:
		if args[0].Op != graph.OpPrim {
			break
		}
		switch name, n := args[0].Name, len(args)-1; {
		case tail && isInsert(t) && args[3].Index == i:
			args, tail = args[1:3], false
		case tail && n == 1 && (name == "core.noMatch" || name == "core.error"): // it comes to no value
			tail = false
		default:
			if at := readers[name]; at == n && at > 0 && args[at].Op == graph.OpVar {
				args = args[:at]
			}
		}
	}
	if tail {
		return false
	}
	for _, a := range args {
		if !consumed(a, i, false) {
			return false
		}
	}
	return true
}

// fold calls f and makes what it comes to the accumulator, which is args[at].
func (l *loop) fold(f graph.Value, at int, args ...graph.Value) {
	_, c := saturated(&f, len(args))
	if c == nil || l.replay || !c.bare && !c.acct.asleep || c.consumes() != c.arity-len(args)+at {
		l.acc, l.owned = l.call(f, args...), false
		return
	}
	m := l.m
	outer := m.owner
	m.owner, l.callee, l.since = l, c, m.steps
	r := l.call(f, args...)
	l.owned = m.owner == l && (l.owned || r != l.acc)
	l.acc, m.owner = r, outer
}

// insertOwn generates Map.insert k v m where m is the parameter that the body consumes.
func (g *generator) insertOwn(p *Prim, t *graph.Term, args []operand, at *site) code {
	if !isInsert(t) || t.Args[3].Index != g.f.consumes() {
		return nil
	}
	a, b, off := &args[0], &args[1], slotOffset(t.Args[3].Index)
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		x := a.get(m, fp)
		y := b.get(m, fp)
		z := *slot(fp, off)
		if l := m.owner; l != nil && l.takes(x, z) && z.Map().Set(x.Text(), y) {
			return z
		}
		if v, ok := p.quick3(x, y, z); ok {
			return v
		}
		return m.prim3(p, x, y, z, at)
	}
}

// takes says whether the fold l alone has m, so that it may be changed at the text key.
func (l *loop) takes(key, m graph.Value) bool {
	return l.owned && l.acc == m && key.Kind() == graph.KindText && l.m.steps-l.since < grain/2
}

// disown says that what a call of f is about to be looked up by, or linked by, is kept.
func (m *Machine) disown(f *lam) {
	if l := m.owner; l != nil && l.callee == f {
		m.owner = nil
	}
}
