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
// What is left of a stopped evaluation mentions a lazy value by its expression, whatever it has come to, and code does so with a closed
// expression. Who goes on from there reduces them again: a primitive that begins again when it is stopped, as `sum` and `sort`
// do, all that it has looked into; and a program with a table of lazy values that rest on one another, all of that. With the same fuel
// each time they would never end. So each gets a Reduct to its value, those that took most first, as far as there is time,
// unless it is linked already.
//
// Lazy values with captures are found from the stack, innermost frame first, and are not noted when they are reduced: that would keep alive a
// stream that the program has passed.

// A settled term is a closed expression or a lazy value with captures that has come to a value. A closed lazy value is its expression's unit.
type settled struct {
	unit  *unit
	thunk *graph.Thunk // nil for a unit
	steps uint64
}

const (
	mostSeen   = 1 << 17               // objects that are looked into at a stop
	seekFor    = 10 * time.Millisecond // at least, if need be
	writingFor = 15 * time.Millisecond
	largestFor = 40 * time.Millisecond // at most, if need be: the value of what took the most steps
)

// settle notes a unit that was reduced.
func (m *Machine) settle(u *unit) {
	if u.steps > 0 && !u.listed {
		u.listed = true
		m.settled = append(m.settled, u)
	}
}

// A gatherer finds the lazy values with captures that have settled.
type gatherer struct {
	found []settled
	seen  map[graph.Value]struct{}
	stack []graph.Value // to be looked into
	parts int
	until time.Time
	over  bool // it takes too long
}

// keepSettled writes what has settled, and gives the blocks of the Reducts, old ones too, and the traces of those that are linked. It takes until
// then, or a few milliseconds if that is over, and bytes until full have been given to the store.
func (m *Machine) keepSettled(by string, until time.Time, full uint64) (reducts, traces []cid.Cid) {
	now := time.Now()
	g := gatherer{seen: map[graph.Value]struct{}{}, until: later(now.Add(until.Sub(now)/3), now.Add(seekFor))}
	m.unlessTooLong(func() { g.gather(m) })
	var known []cid.Cid
	todo := g.found[:0]
	for _, s := range g.found {
		switch trace, reduct := s.links(); {
		case trace.Defined():
			traces = append(traces, trace)
		case reduct.Defined():
			known = append(known, reduct)
		default:
			todo = append(todo, s)
		}
	}
	slices.SortStableFunc(todo, func(a, b settled) int { return cmp.Compare(b.steps, a.steps) })
	until = later(until, time.Now().Add(writingFor))
	defer func(t time.Time) { m.writeUntil = t }(m.writeUntil)
	m.writeUntil = until.Add(largestFor) // a value may be larger than it looks
	m.unlessTooLong(func() {
		for i, s := range todo {
			left := time.Until(until)
			if i == 0 {
				left = max(left, largestFor)
			}
			if left < 0 || m.stats.Written > full {
				return
			}
			if v := s.value(); v.Unmade() == 0 && time.Duration(v.Unplaced())*layoutTime < left {
				if reduct := m.writeSettled(s, by); reduct.Defined() {
					reducts = append(reducts, reduct)
				}
			}
		}
	})
	return append(reducts, known...), traces
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// unlessTooLong runs f, which writes or loads, and lets it be when that takes too long or cannot be done.
func (m *Machine) unlessTooLong(f func()) {
	defer func() {
		if x := recover(); x != nil {
			if _, ok := stopOf(x); !ok {
				panic(x)
			}
			m.forgetGiven()
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
	if m.policy.failure == nil { // or what was to be written before may lack something
		if err := m.opt.Store.RecordReduct(m.ctx, graph.Becomes{Expr: expr, Reduct: block, By: by}); err != nil {
			m.policy.storeFailed(err)
		}
	}
	if err := m.policy.failure; err != nil {
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

// gather finds what has settled: closed expressions, newest first, and lazy values in what they came to and in what the stack has.
func (g *gatherer) gather(m *Machine) {
	for _, u := range slices.Backward(m.settled) {
		if u.state == reduced {
			g.found = append(g.found, settled{unit: u, steps: u.steps})
		}
	}
	for i := len(m.chunks) - 1; i >= 0; i-- {
		var runs []unsafe.Pointer
		for fp, end := m.extentOf(i); uintptr(fp) < end; fp = unsafe.Add(fp, m.headerAt(fp).size) {
			runs = append(runs, fp)
		}
		for _, fp := range slices.Backward(runs) {
			h := m.headerAt(fp)
			if h.p != nil {
				g.loop(fp, h.p)
			}
			g.all(slots(fp, slotSize, int(h.size/slotSize)-1))
			if g.drain(); g.over {
				return
			}
		}
	}
	for _, u := range slices.Backward(m.settled) {
		if u.state == reduced {
			g.look(u.value)
			if g.drain(); g.over {
				return
			}
		}
	}
}

// loop looks at what the loop of a primitive has in hand.
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
		g.all(l.args)
	}
	if k, ok := keeperOf(name); ok && l.begun && l.slots == nil {
		g.all(k.save(l))
	}
	g.look(l.acc)
	g.look(l.result)
}

func (g *gatherer) all(vs []graph.Value) {
	for _, v := range vs {
		g.look(v)
	}
}

// look notes a lazy value that has settled, and puts aside what is to be looked into.
func (g *gatherer) look(v graph.Value) {
	if g.parts++; g.parts%1024 == 0 && time.Now().After(g.until) {
		g.over = true
	}
	switch v.Kind() {
	case graph.KindLazy:
		t := v.Thunk()
		switch {
		case len(t.Args()) == 0: // a unit
		case unitState(t.State) != reduced:
			if !plain(t.Args()) {
				g.put(v)
			}
		case g.put(v):
			f := forcedOf(t)
			steps := uint64(t.Steps)
			if steps == math.MaxUint32 {
				steps = f.steps
			}
			if steps > 0 {
				g.found = append(g.found, settled{thunk: t, steps: steps})
			}
		}
	case graph.KindFn:
		if len(v.Fn().Args) > 0 {
			g.put(v)
		}
	case graph.KindList:
		if v.ListLen() > 0 && !v.MostlyFar() { // what was read from blocks has no captures
			g.put(v)
		}
	case graph.KindMap:
		if v.Map().Len() > 0 && !v.MostlyFar() {
			g.put(v)
		}
	}
}

// put puts v aside, unless that was done before.
func (g *gatherer) put(v graph.Value) bool {
	if _, ok := g.seen[v]; ok || len(g.seen) == mostSeen {
		return false
	}
	g.seen[v] = struct{}{}
	g.stack = append(g.stack, v)
	return true
}

// drain looks into what was put aside.
func (g *gatherer) drain() {
	for len(g.stack) > 0 && !g.over {
		v := g.stack[len(g.stack)-1]
		g.stack = g.stack[:len(g.stack)-1]
		switch v.Kind() {
		case graph.KindLazy:
			if t := v.Thunk(); unitState(t.State) == reduced {
				g.look(forcedOf(t).value)
			} else {
				g.all(t.Args())
			}
		case graph.KindFn:
			g.all(v.Fn().Args)
		case graph.KindList:
			v.List().Each(func(x graph.Value) bool {
				g.look(x)
				return !g.over
			})
		case graph.KindMap:
			v.Map().Each(func(_ string, x graph.Value) bool {
				g.look(x)
				return !g.over
			})
		}
	}
}
