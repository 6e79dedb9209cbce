// This file keeps, when an evaluation is stopped, what lazy values and closed expressions have come to.

package eval

import (
	"cmp"
	"math"
	"slices"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # Why is what is finished written too?
//
// What is left of a stopped evaluation mentions a lazy value by its expression, whatever it has come to, and so does the code a closed
// expression. Who goes on from there reduces them again: a primitive that begins again when it is stopped, as `sum` and `sort`
// do, all that it has looked into, and a table of lazy values that rest on one another from the bottom up. With the same fuel each time
// that would never end. So each gets a Reduct to its value, those that took most first, as far as there is time, unless it
// is linked already.
//
// They are found from the stack, innermost frame first, and not noted when they are reduced: a list of them would keep alive a stream
// that the program has passed.

// A settled term is a closed expression or a lazy value with captures that has come to a value.
type settled struct {
	unit  *unit
	thunk *graph.Thunk // nil for a unit
	steps uint64
}

const (
	mostSettled = 1 << 15 // written at a stop
	mostSeen    = 1 << 17 // objects looked at
	settleFor   = 15 * time.Millisecond
)

// settle notes a unit that was reduced.
func (m *Machine) settle(u *unit) {
	if u.steps > 0 && !u.listed {
		u.listed = true
		m.settled = append(m.settled, u)
	}
}

// A gatherer finds the settled terms in values.
type gatherer struct {
	found []settled
	seen  map[graph.Value]struct{}
	stack []graph.Value
	parts int
	until time.Time
	over  bool // it takes too long
}

// keepSettled writes what has settled, and gives the blocks of the Reducts, old ones too, and the traces of those that are linked. It takes until
// then, or settleFor if that is over.
func (m *Machine) keepSettled(by string, until time.Time) (reducts, traces []cid.Cid) {
	began := time.Now()
	if least := began.Add(settleFor); until.Before(least) {
		until = least
	}
	g := gatherer{seen: map[graph.Value]struct{}{}, until: began.Add(until.Sub(began) / 3)}
	m.unlessTooLong(func() { g.gather(m) })
	slices.SortStableFunc(g.found, func(a, b settled) int { return cmp.Compare(b.steps, a.steps) })
	written := 0
	m.unlessTooLong(func() {
		for _, s := range g.found {
			trace, reduct := s.links()
			switch {
			case trace.Defined():
				traces = append(traces, trace)
			case reduct.Defined():
				reducts = append(reducts, reduct)
			case written == mostSettled || written > 0 && time.Now().After(until):
			case written > 0 && time.Duration(s.value().Unplaced())*layoutTime > time.Until(until):
			default:
				written++
				if reduct = m.writeSettled(s, by); reduct.Defined() {
					reducts = append(reducts, reduct)
				}
			}
		}
	})
	return reducts, traces
}

// unlessTooLong runs f, which writes or loads, and lets it be when that takes too long or cannot be done.
func (m *Machine) unlessTooLong(f func()) {
	defer func() {
		if x := recover(); x != nil {
			if _, ok := stopOf(x); !ok {
				panic(x)
			}
			m.newBlocks()
		}
	}()
	f()
}

// writeSettled writes the Reduct of s to its value, if that is another term.
func (m *Machine) writeSettled(s settled, by string) cid.Cid {
	var expr, to cid.Cid
	if put := m.Blocks(); s.thunk != nil {
		expr = graph.ThunkCode(s.thunk, put)
	} else {
		expr = s.unit.cid
	}
	v := s.value()
	if v.Kind() == graph.KindFn {
		to = graph.FnCode(v.Fn(), m.Blocks())
	} else {
		to = graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: v}, m.Blocks()).CID
	}
	if to == expr {
		return cid.Undef
	}
	block := graph.EncodeReduct(graph.Reduct{Of: expr, To: to, Steps: s.steps}, m.Blocks()).CID
	if err := m.opt.Store.RecordReduct(m.ctx, graph.Becomes{Expr: expr, Reduct: block, By: by}); err != nil {
		m.policy.storeFailed(err)
		panic(&Stop{Reason: Missing, Err: err})
	}
	if s.thunk != nil {
		f := forcedOf(s.thunk)
		f.becomes = block
		setForced(s.thunk, f)
	} else {
		s.unit.becomes = block
	}
	return block
}

func (s settled) value() graph.Value {
	if s.thunk != nil {
		return forcedOf(s.thunk).value
	}
	return s.unit.value
}

// links are the Trace of its Result and its Reduct, where it has them.
func (s settled) links() (trace, reduct cid.Cid) {
	if s.thunk != nil {
		f := forcedOf(s.thunk)
		return f.trace, f.becomes
	}
	return s.unit.trace, s.unit.becomes
}

// gather looks at all that the stack mentions, and at the closed expressions.
func (g *gatherer) gather(m *Machine) {
	for i := len(m.chunks) - 1; i >= 0 && !g.over; i-- {
		var runs []unsafe.Pointer
		for fp, end := m.extentOf(i); uintptr(fp) < end; fp = unsafe.Add(fp, m.headerAt(fp).size) {
			runs = append(runs, fp)
		}
		for _, fp := range slices.Backward(runs) {
			h := m.headerAt(fp)
			if h.p != nil {
				g.loop(fp, h.p)
			}
			for _, v := range slots(fp, slotSize, int(h.size/slotSize)-1) {
				g.push(v)
			}
			g.drain()
		}
	}
	for _, u := range slices.Backward(m.settled) {
		if u.state == reduced {
			g.found = append(g.found, settled{unit: u, steps: u.steps})
			g.push(u.value)
			g.drain()
		}
	}
}

// loop pushes what the loop of a primitive has in hand.
func (g *gatherer) loop(fp unsafe.Pointer, p *Prim) {
	state := slot(fp, slotOffset(p.Arity))
	if state.Kind() != loopTag {
		return
	}
	t, _ := state.Tag()
	l := (*loop)(unsafe.Pointer(t))
	name := p.Name
	if name == resumeName {
		name = slot(fp, slotSize).Text()
		for _, v := range l.args {
			g.push(v)
		}
	}
	if k, ok := keeperOf(name); ok && l.begun {
		for _, v := range k.save(l) {
			g.push(v)
		}
	}
	g.push(l.acc)
	g.push(l.result)
}

// push puts what may have lazy values in it on the stack.
func (g *gatherer) push(v graph.Value) {
	if g.parts++; g.parts%1024 == 0 && time.Now().After(g.until) {
		g.over = true
	}
	switch v.Kind() {
	case graph.KindLazy, graph.KindList, graph.KindMap, graph.KindFn:
		g.stack = append(g.stack, v)
	}
}

// drain looks at what is on the stack, and at what is in it.
func (g *gatherer) drain() {
	for len(g.stack) > 0 {
		if g.over {
			g.stack = g.stack[:0]
			return
		}
		v := g.stack[len(g.stack)-1]
		g.stack = g.stack[:len(g.stack)-1]
		if _, ok := g.seen[v]; ok || len(g.seen) == mostSeen {
			continue
		}
		switch v.Kind() {
		case graph.KindLazy:
			t := v.Thunk()
			if len(t.Args()) == 0 { // a unit
				continue
			}
			g.seen[v] = struct{}{}
			if unitState(t.State) != reduced {
				g.all(t.Args())
				continue
			}
			f := forcedOf(t)
			steps := uint64(t.Steps)
			if steps == math.MaxUint32 {
				steps = f.steps
			}
			if steps > 0 {
				g.found = append(g.found, settled{thunk: t, steps: steps})
			}
			g.push(f.value)
		case graph.KindFn:
			if args := v.Fn().Args; len(args) > 0 {
				g.seen[v] = struct{}{}
				g.all(args)
			}
		case graph.KindList:
			if v.ListLen() == 0 || v.MostlyFar() { // what was read from blocks has no captures
				continue
			}
			g.seen[v] = struct{}{}
			v.List().Each(func(x graph.Value) bool {
				g.push(x)
				return !g.over
			})
		case graph.KindMap:
			if v.Map().Len() == 0 || v.MostlyFar() {
				continue
			}
			g.seen[v] = struct{}{}
			v.Map().Each(func(_ string, x graph.Value) bool {
				g.push(x)
				return !g.over
			})
		}
	}
}

func (g *gatherer) all(vs []graph.Value) {
	for _, v := range vs {
		g.push(v)
	}
}
