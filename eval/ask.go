// This file looks terms in progress up, in the store and with others, while the reduction goes on: whichever is first wins.

package eval

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # What is asked?
//
// At a safepoint the machine walks up its stack from the oldest frame. What it finds there for the second time, and AskAfter or more after the
// first, is looked up in the store, where another process may have linked it meanwhile, and again each time that it has taken twice as
// long; and, once, Ask is told its expression. These are
//
//   - closed expressions, the one that was asked for included;
//   - lazy values with captures;
//   - calls, by function and arguments as they were when the call began. A call that turns (a tail call of itself) writes its own
//     parameters, but what they were is kept in its frame. Where nothing is linked, a tail call of another function takes the place of the frame, and the
//     call that it was is gone; the one that it has become is looked up instead. Under auto that stands above the frame, and both are. Under
//     all the last of the calls that a call became does, and what was between is gone.
//
// Not looked up are primitives, whose calls are; calls whose arguments would take longer to lay out than the account ever pays for, or hold
// elements of a list that are not made; and what an answer would not be used for (rest.go).
//
// When an answer is there, and may be used, what stands above is dropped, and the term comes to the answer, in the steps that this
// says. What had been executed of it counts as executed, and is charged to nobody. An enclosing call that was left on the way down is not
// linked when it returns; the closed expression or lazy value around it is. The Trace of that has what was used by the work that was dropped
// too, as far as it was noted: nobody knows at which of the uses the call began.

const (
	askAfter = 20 * time.Millisecond
	askRuns  = 1 << 14 // runs of slots that are looked at, at most: the oldest
)

// asking is what is known of terms in progress.
type asking struct {
	terms  []inProgress // oldest first
	next   time.Time    // when they are looked at again
	credit int64        // steps that may go into it (policy.go)
	paid   uint64       // executed steps that it has been credited for
	free   bool         // it is not paid for: in tests
	cuts   int          // answers that were used

	told    atomic.Bool // arrived is not empty
	mu      sync.Mutex
	asked   map[cid.Cid]bool // in progress, when it was last looked
	arrived []cid.Cid        // of these, what has an answer
}

// inProgress is a term in progress.
type inProgress struct {
	at   unsafe.Pointer // its run of slots
	head graph.Value    // the header there
	seen time.Time      // first
	wait time.Duration  // how long it may have taken when it is looked up
	expr cid.Cid        // once that is known
	told bool           // to Ask
	no   bool           // it cannot be answered
}

// Found says that an answer to expr, which Ask was told, has been recorded in the Store. Any goroutine may call it, at any time.
func (m *Machine) Found(expr cid.Cid) {
	a := &m.asking
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked[expr] && !slices.Contains(a.arrived, expr) {
		a.arrived = append(a.arrived, expr)
		a.told.Store(true)
	}
}

// start forgets all of an earlier evaluation.
func (a *asking) start(m *Machine) {
	a.terms, a.cuts = a.terms[:0], 0
	a.next, a.credit, a.paid = time.Now().Add(m.askAfter()/4), askStart, m.executed()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.arrived = nil, nil
	a.told.Store(false)
}

func (m *Machine) askAfter() time.Duration {
	if m.opt.AskAfter > 0 {
		return m.opt.AskAfter
	}
	return askAfter
}

// lookBack looks up terms in progress when it is time for that. It panics with a landing when one is answered.
func (m *Machine) lookBack() {
	a := &m.asking
	if !m.keeps || m.opt.Store == nil || m.policy.failure != nil || m.writing || m.remaking || !m.running || m.high > 0 || m.steps >= 1<<(64-indexBits) {
		return
	}
	if a.told.Load() {
		m.takeArrived()
	}
	now := time.Now()
	if now.Before(a.next) {
		return
	}
	a.next = now.Add(m.askAfter() / 4)
	if now := m.executed(); now > a.paid {
		a.credit = min(a.credit+int64((now-a.paid)/askShare), creditCap)
		a.paid = now
	}
	if a.free {
		a.credit = math.MaxInt32
	}
	if a.credit < findCost {
		return
	}
	n := m.seek(now)
	for _, again := range [2]bool{false, true} {
		for i := range a.terms[:n] {
			t := &a.terms[i]
			if a.credit < findCost {
				return
			}
			if !t.no && t.expr.Defined() == again && now.Sub(t.seen) >= t.wait {
				m.lookUp(t)
			}
		}
	}
}

// lands says whether the run of slots is one for which work may be dropped, of a closed expression or a lazy value.
func (h *runHeader) lands(fp unsafe.Pointer) bool {
	if h.kind == thunkTag {
		return slot(fp, 2*slotSize).Kind() == graph.KindNull
	}
	return h.f != nil && h.f.arity == 0 && !h.f.inner
}

// seek finds the terms in progress, and returns how many of them are sure to be. Those that were known and still are come first.
func (m *Machine) seek(now time.Time) int {
	a := &m.asking
	most := min(askRuns, a.credit/2*runsAtOnce)
	known, kept := a.terms, 0
	gone := func() {
		for _, t := range known[kept:] {
			m.unask(t)
		}
		clear(known[kept:])
		known = known[:kept]
	}
	terms := known[:0]
	runs := int64(0)
	lands := false // there is something below for which work may be dropped
	var below runHeader
	for i := range m.chunks {
		for fp, end := m.extentOf(i); uintptr(fp) < end; {
			if runs == most {
				sure := len(terms)
				a.terms = append(terms, known[kept:]...) // where they are, in place
				a.credit -= runs / runsAtOnce
				return sure
			}
			runs++
			h := m.headerAt(fp)
			is := h.lands(fp)
			switch {
			case is:
				lands = true
			case h.kind == thunkTag:
				lands = false
			case h.f != nil && !h.f.inner:
				is = lands && (m.opt.Link != All || h.f.lands) && (below.p == nil || below.p.Name != enterName)
			}
			if is {
				if head := *slot(fp, 0); kept < len(known) && known[kept].at == fp && known[kept].head == head {
					terms = append(terms, known[kept])
					kept++
				} else {
					gone()
					terms = append(terms, inProgress{at: fp, head: head, seen: now, wait: m.askAfter()})
				}
			}
			below, fp = h, unsafe.Add(fp, h.size)
		}
	}
	gone()
	a.terms = terms
	a.credit -= runs / runsAtOnce
	return len(terms)
}

// unask forgets that Ask was told a term that is no longer in progress.
func (m *Machine) unask(t inProgress) {
	if !t.told {
		return
	}
	a := &m.asking
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.asked, t.expr)
	a.arrived = slices.DeleteFunc(a.arrived, func(c cid.Cid) bool { return c == t.expr })
}

// argsInProgress are those of the call, or the captures of the lazy value, whose run of slots is fp: as they were when it began.
func argsInProgress(h *runHeader, fp unsafe.Pointer) []graph.Value {
	switch {
	case h.kind == thunkTag:
		return slot(fp, slotSize).Thunk().Args()
	case h.f.loops:
		return slices.Clone(slots(fp, h.f.kept, h.f.arity))
	}
	return slices.Clone(slots(fp, slotSize, h.f.arity))
}

// exprInProgress is the expression of the term whose run of slots is fp.
func (m *Machine) exprInProgress(h *runHeader, fp unsafe.Pointer) cid.Cid {
	switch {
	case h.kind == thunkTag:
		return graph.ThunkCode(slot(fp, slotSize).Thunk(), nil)
	case h.f.arity == 0:
		return h.f.cid
	}
	return m.callOf(h.f.head(), argsInProgress(h, fp), nil)
}

// lookUp looks up a term in progress, and asks for it, if that is paid for.
func (m *Machine) lookUp(t *inProgress) {
	a := &m.asking
	h := m.headerAt(t.at)
	if begun := startIn(h.n, m.steps); begun+1 >= m.steps { // it has just been entered, in the place of another
		return
	}
	if !t.expr.Defined() {
		args := argsInProgress(&h, t.at)
		price := layoutCost(args)
		if price > creditCap/2 || slices.ContainsFunc(args, func(v graph.Value) bool { return v.Unmade() > 0 }) {
			t.no = true
			return
		}
		if price += findCost; price > a.credit {
			return
		}
		a.credit -= price
		t.expr = m.exprInProgress(&h, t.at)
	} else {
		a.credit -= findCost
	}
	t.wait *= 2
	if m.answered(t) {
		return
	}
	if m.opt.Ask == nil || t.told {
		return
	}
	t.told = true
	a.mu.Lock()
	again := a.asked[t.expr]
	if a.asked == nil {
		a.asked = map[cid.Cid]bool{}
	}
	a.asked[t.expr] = true
	a.mu.Unlock()
	if !again {
		m.opt.Ask(t.expr)
	}
}

// takeArrived takes the answers that have arrived.
func (m *Machine) takeArrived() {
	a := &m.asking
	a.mu.Lock()
	arrived := a.arrived
	a.arrived = nil
	a.told.Store(false)
	a.mu.Unlock()
	for i := range a.terms {
		t := &a.terms[i]
		if t.no || !t.told || !slices.Contains(arrived, t.expr) {
			continue
		}
		m.answered(t)
	}
}

// answered looks for the answer to a term in progress, and drops the work above it if there is one. It returns whether there is one which is of
// no use.
func (m *Machine) answered(t *inProgress) bool {
	stats, claim := m.stats, m.claim
	f, ok := m.find(t.expr)
	if !ok {
		return false
	}
	m.cut(t, f)
	m.stats, m.claim, t.no = stats, claim, true
	return true
}

// cut drops the work above a term in progress whose answer was found: it panics with a landing. It returns where that cannot be done.
func (m *Machine) cut(t *inProgress, f finding) {
	var above []position // what is between the term and that for which work is dropped
	var lands unsafe.Pointer
	for i := range m.chunks {
		fp, end := m.extentOf(i)
		for base := fp; uintptr(fp) < end; {
			h := m.headerAt(fp)
			if fp == t.at {
				m.cutAt(t, f, &h, lands, above)
				return
			}
			switch {
			case h.lands(fp):
				lands, above = fp, above[:0]
			case h.kind == thunkTag:
				lands = nil
			default:
				above = append(above, position{uint32(i), uint32(uintptr(fp) - uintptr(base))})
			}
			fp = unsafe.Add(fp, h.size)
		}
	}
}

// cutAt is cut where a run of slots begins at t, with the header h.
func (m *Machine) cutAt(t *inProgress, f finding, h *runHeader, lands unsafe.Pointer, above []position) {
	begun := startIn(h.n, m.steps)
	if *slot(t.at, 0) != t.head || begun+1 >= m.steps || m.exprInProgress(h, t.at) != t.expr { // it is another by now
		return
	}
	l := &landing{at: t.at, found: f, start: since{begun, 0}}
	if !h.lands(t.at) && !h.f.lands {
		if lands == nil {
			return
		}
		l.at, l.made = lands, &gathering{m: m}
		if l.rest = m.restBetween(l, h, above); l.rest == nil {
			l.made.drop()
			return
		}
	}
	m.asking.cuts++
	m.limit = m.steps // what it lands on looks around at once
	panic(l)
}

// restBetween makes what is left to do between a call that is answered, whose header is h, and the term for which work is dropped. It is nil if
// that cannot be read back.
func (m *Machine) restBetween(l *landing, h *runHeader, above []position) *unit {
	r := &reader{m: m, rest: l.made, have: true, child: l.made.answer(l.found).cid, index: h.index}
	for i := len(above) - 1; i >= 0 && !r.broken; i-- {
		fp, below := m.at(above[i]), m.headerAt(l.at)
		if i > 0 {
			below = m.headerAt(m.at(above[i-1]))
		}
		h := m.headerAt(fp)
		r.item(fp, &h, &below, false, 0)
	}
	if outer := m.headerAt(l.at); outer.f != nil && !outer.f.unit.goesOn && !r.broken {
		r.frame(l.at, &outer)
	}
	if r.broken {
		return nil
	}
	r.flush()
	return m.units[r.child]
}
