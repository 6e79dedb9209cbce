// This file goes on with what is left of a term when a call in it is answered while it is in progress (ask.go).

package eval

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"

	"github.com/rosser-lang/rosser/graph"
)

// # How is work dropped from the middle of a stack?
//
// Frames have no test for it, and Go's stack can be left only where something is deferred: at a closed expression, at a lazy value,
// and under --link all at each call. If it is one of these that is answered, it ends there. A call in between is left by way of the
// nearest such place below: what the frames up to the call still have to do with its value is read back, as at a stop (residual.go), the
// stack is unwound to that place, and the rest is reduced there, applied to the answer.
//
// In contrast to what is written at a stop, the rest is never encoded: its values are those of the stack, lazy ones with what they have come to.
// It is a nest of closed expressions that have no block, each of which applies something to values and to what the next one comes to:
//
//	core.enter context values inner        contexts of frames, those of loops included
//	inner arg …                            what is left of an application with too many arguments
//	try inner
//
// The innermost is the answer. If the evaluation is stopped while the rest is reduced, it is written as any other stack.
//
// What cannot be read back, and would begin again, is not left: then the call goes on. That is so in a primitive that is in no loop of
// calls, in a loop that goes through a list part by part (parts.go), where the elements of a list are made again, and where a call stands in
// a place that no residual has.

// A rest is a closed expression without a block: head applied to args, where an argument that mentions inner is reduced first.
type rest struct {
	head  *graph.Term // nil for a try of inner
	args  []graph.Value
	inner cid.Cid
	at    int // the part of the application that inner is: 0 for its function
}

// A gathering holds the rests that are made for one landing, and takes the blocks of the functions that are made of contexts.
type gathering struct {
	m    *Machine
	made []cid.Cid
}

// Take keeps a block of code, for when the machine is stopped, and loads it.
func (g *gathering) Take(b graph.Block) {
	m := g.m
	if _, ok := m.restCode[b.CID]; ok {
		return
	}
	if m.restCode == nil {
		m.restCode = map[cid.Cid]graph.Block{}
	}
	m.restCode[b.CID] = b
	u := m.unit(b.CID)
	if u.state != unloaded {
		return
	}
	m.loadUnitFrom(u, b.Data)
	if u.lam != nil && u.lam.arity > 0 {
		u.lam.inner = true
	}
}

// putRestCode gives the store the code of contexts that are in progress, maybe.
func (m *Machine) putRestCode() {
	for _, b := range m.restCode {
		m.Blocks().Take(b)
	}
}

// unit makes a unit that has no block. Its CID is a name that no other thing has.
func (g *gathering) unit() *unit {
	m := g.m
	m.restCount++
	name, err := mh.Sum(binary.BigEndian.AppendUint64([]byte("rest"), m.restCount), mh.IDENTITY, -1)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	u := m.unit(cid.NewCidV1(cid.Raw, name))
	g.made = append(g.made, u.cid)
	return u
}

// answer makes the unit of an answer.
func (g *gathering) answer(f finding) *unit {
	u := g.unit()
	u.state, u.value, u.err, u.steps = reduced, f.value, f.err, f.steps
	if u.err != nil {
		u.state = failed
	}
	return u
}

// rest makes a rest.
func (g *gathering) rest(r rest) cid.Cid {
	m, u := g.m, g.unit()
	graph.Hold(r.args)
	inner := &graph.Term{Op: graph.OpRef, CID: r.inner}
	t := &graph.Term{Op: graph.OpTry, Args: []*graph.Term{inner}}
	if r.head != nil {
		t = &graph.Term{Op: graph.OpApp, Args: []*graph.Term{r.head}}
		for i, v := range r.args {
			if i+1 == r.at {
				t.Args = append(t.Args, inner)
			} else {
				t.Args = append(t.Args, &graph.Term{Op: graph.OpLit, Value: v})
			}
		}
	}
	u.lam = m.newLam(u, u.cid, &graph.Term{Op: graph.OpLam, Args: []*graph.Term{t}}, -1, nil)
	u.lam.inner = true
	m.lamIDs--
	u.state, u.rest = restOf, &r
	return u.cid
}

// drop lets go of what was made, when it is reduced.
func (g *gathering) drop() {
	for _, c := range g.made {
		delete(g.m.units, c)
	}
}

// reduceRest reduces a rest. It is reduced once, and on behalf of a term that cannot be told from it: there is nothing to look up, to keep
// or to link.
func (m *Machine) reduceRest(u *unit, index int) graph.Value {
	f, fp := u.lam, m.sp
	if uintptr(fp)+f.size > m.end {
		return m.hop(func() graph.Value { return m.reduceRest(u, index) })
	}
	m.sp = unsafe.Add(fp, f.size)
	*slot(fp, 0) = f.Value(m.entered(index))
	r := f.enter(m, fp)
	m.sp = fp
	return r
}

// apply is the application of head to args, one of which may be the child in hand, or head may.
func (r *reader) apply(head *graph.Term, args []graph.Value) cid.Cid {
	if r.rest == nil {
		return r.callOf(head, args)
	}
	at := 0
	for i, v := range args {
		if v.Kind() == graph.KindFn && v.Fn().Opaque && v.Fn().Head == r.child {
			at = i + 1
		}
	}
	return r.rest.rest(rest{head: head, args: args, inner: r.child, at: at})
}

// tried is the expression try inner.
func (r *reader) tried(inner cid.Cid) cid.Cid {
	if r.rest != nil {
		return r.rest.rest(rest{inner: inner})
	}
	t := &graph.Term{Op: graph.OpTry, Args: []*graph.Term{{Op: graph.OpRef, CID: inner}}}
	return graph.EncodeCode(t, r.put).CID
}

// goingOn reads back the frame of a rest.
func (r *reader) goingOn(h *runHeader, innermost bool) {
	u := h.f.unit.rest
	switch {
	case innermost || r.lost || !r.have:
		r.lose()
	case r.index == 0: // the application itself is in hand: it is all that is left
	case r.index == 1+u.at && u.head != nil:
		r.flush()
		head, args := u.head, slices.Clone(u.args)
		if u.at == 0 {
			head = &graph.Term{Op: graph.OpRef, CID: r.child}
		} else {
			args[u.at-1] = childArg(r.child)
		}
		r.child = r.apply(head, args)
	case r.index == 1 && u.head == nil:
		r.flush()
		r.child = r.tried(r.child)
	default:
		r.lose()
	}
	r.index, r.runs = h.index, r.runs[:0]
}

// canWait says whether a primitive that waits for a call can be read back without beginning again.
func (l *loop) canWait() bool {
	return l != nil && l.state == calling && l.begun && !l.whole && l.n > 0 && l.prefix == nil && l.slots == nil
}

// A landing is the panic that drops work: the term whose run of slots is at at goes on with rest, or is answered itself if that is nil.
type landing struct {
	at    unsafe.Pointer
	found finding
	rest  *unit
	made  *gathering
	start since // when the call began that is answered
}

// bearings are what a term that work is dropped for has to restore.
type bearings struct {
	tries   int
	caller  *site
	primRun unsafe.Pointer
}

func (m *Machine) bearings() bearings { return bearings{m.tries, m.caller, m.primRun} }

// landed returns the landing that thrown is, if it is one at fp.
func landed(thrown any, fp unsafe.Pointer) *landing {
	if l, ok := thrown.(*landing); ok && l.at == fp {
		return l
	}
	return nil
}

// land restores what the term was in the midst of, whose extent began at mark. What was dropped is not charged.
func (m *Machine) land(l *landing, b bearings, mark int) {
	m.tries, m.caller, m.primRun = b.tries, b.caller, b.primRun
	m.turning, m.charging, m.entering, m.resumed = false, false, false, nil
	m.policy.floor = mark
	m.policy.forgiven += l.found.steps
	m.stats.Cut = true
	m.stats.Reused++
	m.rewind(l.start)
}

// restOfLanding reduces what is left of the term whose run of slots is at fp, each time that work is dropped for it. It is called
// when the stack stands where it did when the term's own code began, and gives what protect does, or the landing by which the term itself is answered.
func (m *Machine) restOfLanding(l *landing, b bearings, mark int) (v graph.Value, thrown any) {
	fp := l.at
	thrown = l
	for l != nil && l.rest != nil {
		m.land(l, b, mark)
		m.policy.usedAt(l.found.use)
		to, made := l.rest, l.made
		v, thrown = m.protect(func() graph.Value { return m.refValue(to, -1) })
		made.drop()
		l = landed(thrown, fp)
	}
	return v, thrown
}
