// This file links: it writes Results and Traces of what was reduced and finds those that are there. When to do so is
// the policy's business (policy.go).

package eval

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// A use is a linked result that the term in hand rested on.
type use struct{ expr, trace cid.Cid }

// A finding is a recorded answer that may be used.
type finding struct {
	value graph.Value
	err   *Thrown
	steps uint64
	use   use
	from  graph.Answer
}

// head is the term of a lam as the function of an application.
func (f *lam) head() *graph.Term { return &graph.Term{Op: graph.OpRef, CID: f.cid} }

// primCID is the CID of the block of a bare primitive.
func primCID(name string) cid.Cid {
	return graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: name}, nil).CID
}

// memberCID is the CID of the block of one member of a group.
func memberCID(group cid.Cid, i int) cid.Cid {
	return graph.EncodeCode(&graph.Term{Op: graph.OpMember, CID: group, Index: i}, nil).CID
}

func primHead(p *Prim) *graph.Term { return &graph.Term{Op: graph.OpPrim, Name: p.Name} }

// find looks for the answer to expr. One that is damaged, incomplete, or for something else counts as none.
func (m *Machine) find(expr cid.Cid) (finding, bool) {
	store := m.opt.Store
	if store == nil {
		return finding{}, false
	}
	a, ok, err := store.Answer(m.ctx, expr)
	if err != nil {
		m.policy.storeFailed(err)
		return finding{}, false
	}
	if !ok || !m.believes(a.By) {
		return finding{}, false
	}
	r, err := loadAnswer(a, m.opt.Load, m.far.DecodeResult)
	if err != nil {
		m.policy.damaged(err)
		return finding{}, false
	}
	m.restOn(a.By)
	m.stats.Found++
	m.stats.Spared = min(m.stats.Spared+r.Steps, graph.MaxSteps) // each is at most that
	f := finding{value: r.Value, steps: r.Steps, use: use{expr, a.Trace}, from: a}
	if r.Error != nil {
		f.err = &Thrown{Err: &Error{Kind: r.Error.Kind, Value: r.Error.Value}}
	}
	return f, true
}

// believes says whether what is by somebody may be used.
func (m *Machine) believes(by string) bool {
	return by == Own || m.opt.Believe != nil && m.opt.Believe(by)
}

// restOn notes by whom something is that is used: what is linked from now on may rest on it, and is a claim if that is one.
func (m *Machine) restOn(by string) {
	if _, known := m.claims[by]; known || by == Own || m.claim == graph.ManySources {
		return
	}
	if m.claims == nil {
		m.claims = map[string]struct{}{}
	}
	m.claims[by] = struct{}{}
	m.claim = graph.JoinClaims(m.claim, by)
}

// LoadAnswer reads the Result that an index entry names. A large value in it is loaded where something looks at it, which panics with a
// *graph.LoadError if it cannot be.
func LoadAnswer(a graph.Answer, load graph.Loader) (graph.Result, error) {
	return loadAnswer(a, load, (&graph.Far{Load: load}).DecodeResult)
}

func loadAnswer(a graph.Answer, load graph.Loader, decode func([]byte) (graph.Result, error)) (graph.Result, error) {
	data, err := load(a.Result)
	if err != nil {
		return graph.Result{}, err
	}
	r, err := decode(data)
	if err != nil {
		return r, fmt.Errorf("result %s: %w", a.Result, err)
	}
	if r.Of != a.Expr {
		return r, fmt.Errorf("result %s: got a result of %s, want one of %s", a.Result, r.Of, a.Expr)
	}
	return r, nil
}

// link writes the Result of expr, its Trace and the index entry, and returns the use that an enclosing term makes of it. plain says that
// nothing that is used can stand in expr's own block.
func (m *Machine) link(expr cid.Cid, v graph.Value, thrown *Thrown, steps uint64, uses []use, plain bool) (use, graph.Answer) {
	put := m.Blocks()
	r := graph.Result{Of: expr, Value: v, Steps: steps}
	if thrown != nil {
		r.Value, r.Error = graph.Value{}, &graph.Failure{Kind: thrown.Err.Kind, Value: thrown.Err.Value}
	}
	result := graph.EncodeResult(r, put).CID
	t := graph.Trace{Result: result}
	var block []byte // of expr, in which the uses have paths
	if len(uses) > 0 && !plain {
		block, _ = m.opt.Load(expr)
	}
	seen := make(map[cid.Cid]bool, len(uses))
	for _, u := range uses {
		switch {
		case seen[u.trace]:
		case u.expr == expr: // a closed term that is a call as well, linked as that
			return u, graph.Answer{Expr: expr, Result: result, Trace: u.trace, By: Own, Steps: steps}
		case u.trace.Defined():
			seen[u.trace] = true
			t.Uses = append(t.Uses, graph.Use{At: graph.PathTo(block, u.expr), Trace: u.trace})
		}
	}
	trace := graph.EncodeTrace(t, put).CID
	a := graph.Answer{Expr: expr, Result: result, Trace: trace, By: Own, Steps: steps}
	if m.claim != "" { // what may rest on claims is no more than one
		a.By = m.claim
	}
	if m.policy.failure == nil { // or its blocks may not be there
		if err := m.opt.Store.Record(m.ctx, a); err != nil {
			m.policy.storeFailed(err)
		}
	}
	m.stats.Linked++
	return use{expr, trace}, a
}

// plain says whether args are numbers, texts and short lists of such: nothing that is reduced stands in them.
func plain(args []graph.Value) bool {
	for _, a := range args {
		switch a.Kind() {
		case graph.KindInt, graph.KindFloat, graph.KindBool, graph.KindText, graph.KindNull:
		case graph.KindList:
			ok := a.List().Len() <= 4096
			if ok {
				a.List().Each(func(x graph.Value) bool {
					ok = x.Kind() == graph.KindInt || x.Kind() == graph.KindText
					return ok
				})
			}
			if !ok {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// callOf is the flat application of a head to argument values: the expression that a call is.
func (m *Machine) callOf(head *graph.Term, args []graph.Value, put graph.Sink) cid.Cid {
	m.recognise(args)
	return graph.AppBlock(head, args, put)
}

// enterAll is what a call of f runs when every call is linked, tail calls too.
func (p *policy) enterAll(f *lam) code {
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		return p.linkCalls(f, fp)
	}
}

// A pending call waits for the value of the tail call that it became.
type pending struct {
	f     *lam
	expr  cid.Cid
	start since
	uses  extent
}

func (p *policy) linkCalls(f *lam, fp unsafe.Pointer) graph.Value {
	m := p.m
	var waiting []pending
	base := m.sp
	// enter notes a call and looks for its answer; the call's own step has been counted.
	enter := func(f *lam, args []graph.Value) (finding, bool) {
		start := m.now()
		start.steps--
		var expr cid.Cid
		if !m.yielding(func() { expr = m.callOf(f.head(), args, m.Blocks()) }) {
			return finding{}, false
		}
		if found, ok := m.find(expr); ok {
			return found, true
		}
		waiting = append(waiting, pending{f, expr, start, p.open()})
		return finding{}, false
	}
	reuse := func(f *lam, found finding) graph.Value {
		m.countReused(f)
		m.addSteps(found.steps - 1)
		p.usedAt(found.use)
		if found.err != nil {
			panic(found.err)
		}
		return found.value
	}
	before := m.bearings()
	r, thrown := m.protect(func() graph.Value {
		if found, ok := enter(f, slots(fp, slotSize, f.arity)); ok {
			return reuse(f, found)
		}
		v := f.body(m, fp)
		for v.IsMark() {
			next := m.tail
			if uintptr(base)+next.size > m.end {
				m.sp = base
				return m.callOnNewChunk(next, -1)
			}
			m.place(next, base, -1)
			if found, ok := enter(next, slots(base, slotSize, next.arity)); ok {
				return reuse(next, found)
			}
			v = next.body(m, base)
		}
		return v
	})
	k := -1 // of the waiting, which one is answered
	l := landed(thrown, fp)
	if l != nil {
		k = 0
	} else if l = landed(thrown, base); l != nil {
		k = len(waiting) - 1
	}
	if l != nil {
		w := waiting[k]
		waiting = waiting[:k]
		m.land(l, before, w.uses.mark)
		m.stats.Reused-- // it is counted below
		p.answered(w.uses)
		m.rewind(w.start)
		r, thrown = m.protect(func() graph.Value {
			m.addSteps(1)
			return reuse(w.f, l.found)
		})
	}
	failed, isError := thrown.(*Thrown)
	if p.on() && (thrown == nil || isError) {
		for i := len(waiting) - 1; i >= 0; i-- {
			w := waiting[i]
			_, done := p.link(w.uses, func() cid.Cid { return w.expr }, r, failed, m.stepsSince(w.start), false)
			if done && m.opt.Profile != nil {
				m.opt.Profile.of(w.f).Linked++
			}
		}
	}
	if thrown != nil {
		panic(thrown)
	}
	return r
}

// linkPrim runs a primitive with its arguments, and links what was costly.
func (p *policy) linkPrim(prim *Prim, args []graph.Value, at *site) graph.Value {
	m := p.m
	held := append([]graph.Value(nil), args...)
	start, e := m.now(), p.open()
	v, thrown := m.protect(func() graph.Value {
		return m.runPrim(prim, args, at)
	})
	failed, isError := thrown.(*Thrown)
	if thrown != nil && !isError {
		panic(thrown)
	}
	if steps := m.stepsSince(start); steps > 0 && p.on() {
		p.link(e, func() cid.Cid { return m.callOf(primHead(prim), held, m.Blocks()) }, v, failed, steps, false)
	} else {
		p.shut(e)
	}
	if thrown != nil {
		panic(thrown)
	}
	return v
}

// reduceRoot reduces the expression that was asked for. Its Result is linked whatever it cost.
func (m *Machine) reduceRoot(u *unit, out *Outcome) {
	p := &m.policy
	if p.on() && u.state == unreduced { // a function or a literal is its own answer
		if found, ok := m.find(u.cid); ok {
			m.stats.Reused++
			out.Value, out.Error, out.Steps, out.Result, out.Trace = found.value, found.err, found.steps, found.from.Result, found.from.Trace
			if found.from.By != Own {
				out.Claim = found.from.By
			}
			p.root = u // a lazy answer is looked at next, perhaps not for the first time
			m.resuming = m.resuming || found.value.Kind() == graph.KindLazy
			return
		}
	}
	if u.state == reduced && u.lam != nil { // it was asked before
		m.stats.Reused++
	}
	start, e := m.now(), p.open()
	p.root = u
	if p.on() && !m.resuming {
		_, m.resuming, _ = m.opt.Store.Reduct(m.ctx, u.cid)
	}
	func() {
		sp := m.sp
		defer func() {
			if x := recover(); x != nil {
				t, ok := x.(*Thrown)
				if !ok {
					panic(x)
				}
				m.unwindTo(sp, t)
				out.Error = t
			}
		}()
		out.Value = m.refValue(u, -1)
	}()
	out.Steps = m.stepsSince(start)
	if f := p.rootFound; f != nil {
		if f.from.By != Own {
			out.Claim = f.from.By
		}
		if p.on() {
			out.Result, out.Trace = f.from.Result, f.from.Trace
		}
	} else if p.on() {
		a := m.linkRoot(u.cid, out, p.uses[e.mark:])
		out.Result, out.Trace = a.Result, a.Trace
		m.asWritten(out, a)
	}
	p.uses = p.uses[:0]
}

// linkRoot links the answer. When the evaluation is to stop meanwhile it goes on as long as a checkpoint may take, which would have to
// hold the answer too.
func (m *Machine) linkRoot(expr cid.Cid, out *Outcome, uses []use) graph.Answer {
	ctx := m.ctx
	m.ctx, m.answering, m.answerUntil = context.WithoutCancel(ctx), true, time.Time{}
	defer func() { m.ctx, m.answering = ctx, false }()
	m.linkParts(out.Value)
	_, a := m.link(expr, out.Value, out.Error, out.Steps, uses, false)
	return a
}

// late ends the writing of an answer that takes too long after a stop, or more memory than there is.
func (m *Machine) late() {
	if m.memHigh.Load() {
		m.checkMemory(0)
		m.memHigh.Store(false)
	}
	switch s := m.stopping.Load(); {
	case s == nil:
	case m.answerUntil.IsZero():
		m.answerUntil = time.Now().Add(stopWrite)
	case time.Now().After(m.answerUntil):
		panic(&Stop{Reason: s.Reason, Lost: errTooLong})
	}
}
