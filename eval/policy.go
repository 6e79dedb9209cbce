// This file is the policy: when a call is looked up, remembered, and linked.
//
// Looking up, hashing and storing one call costs some microseconds; reducing it may cost ten nanoseconds. So, under auto, nothing is
// paid for an answer that asking for it has not cost already.
//
// # What is an account?
//
// All prices are in steps; a step takes some ten nanoseconds. Each function has accounts of its own (type account). It pays for each
// thing that is done on the chance that a call comes again, and earns by what that has spared:
//
//   - credit is for the table in memory (table.go), which remembers calls by function and arguments, without CIDs. A lookup takes
//     lookupCost, hashing a list a step for every few elements, an entry insertCost. A hit earns the steps that it spared. When
//     nothing is left the function draws on a pool; when that has nothing either it sleeps, each time twice as long, until the
//     end of the evaluation at most. A call of a function that sleeps is neither looked up here nor entered.
//   - look is for looking calls up in the store before they are reduced: findCost each. A function gets some in advance, and after that a
//     share of the work since the last costly call, when one returns.
//   - line is for looking up and linking the calls on lines, at which processes meet (meet.go): a function gets an eighth of
//     the steps that its hits spared. turns is how many turns of a recursion that turns are looked up; a hit pays for more.
//
// What is in progress is looked up, and asked of others, from one account of the machine's (asking.credit): looking through the stack takes a
// step for runsAtOnce runs of slots, a lookup findCost and what it takes to lay out the arguments, which is known before anything
// is hashed. The oldest terms come first: nothing that is dropped for a younger one is worth more. Each is looked up when it has taken AskAfter, and again
// whenever it has taken twice as long, so that lookups take a bounded part of what they may spare; those that were not looked up yet
// come before. It is asked for once. A hit pays nothing back: there is one answer for a term, and it ends it.
//
// # What is linked?
//
//   - The expression asked for, always.
//   - A run's first calls, one and all, until looking them up and linking them has taken startTime.
//   - After that a call whose debt is grain steps or more. Debt is what it costs to find the value again: the steps that the call
//     took, less those of calls in it that are linked or that the table had.
//   - Costly calls where processes meet: points, and lines of functions whose calls repeat.
//
// # Why is the overhead bounded?
//
// Each part has a start and a share, and stops when both are spent:
//
//	the table, where nothing hits   startCredit, 1/creditShare of the work, and a lookup for each time that a function falls asleep
//	lookups in the store            firstLook for each function, and 1/lookShare of the work
//	lookups on lines                firstLine, and 1/lineLooks of the work
//	lookups of what is in progress  askStart, and 1/askShare of the work
//	first links, and by debt        startTime, and 1/linkShare of the time
//
// That is 2 % each at most, and some ten milliseconds. Checkpoints take a fortieth of the time, a twentieth where they are given up (checkpoint.go),
// and a call that sleeps a few nanoseconds. Beyond that only what hits is paid for: a hit in the table that
// spared s steps brings its function at most s steps for the table and s/8 for lines, and balances are capped, so that a function
// that stops hitting cannot spend long what it earned before. Lines may take a third of the work, that with the table included.
// The store grows by at most storeStart and storeRate bytes a second beside the answer, twice that with checkpoints.
//
// The argument is that of ski rental: who does not know how often he will ski buys when renting has cost as much, and pays at most twice
// what he would pay if he knew (Karlin, Manasse, Rudolph, Sleator, Competitive Snoopy Caching, Algorithmica 3, 1988). To reduce a call
// again is to rent; to remember or link it is to buy. What a function has taken so far is its rent, and its share of that is the
// price that it may pay.
//
// None links nothing, and looks nothing up but what is in progress, if there is somebody to ask; All links every call, costly primitive and closed subterm, and never sleeps.

package eval

import (
	"context"
	"errors"
	"math"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// A Mode says how much is linked.
type Mode uint8

const (
	Auto Mode = iota
	All
	None
)

const (
	grain     = 16384                // steps of a call that is worth a link
	startTime = 8 * time.Millisecond // for looking up and linking everything at first
	linkShare = 50                   // linking takes at most one in so many parts of the time

	// What linking may give to the store under auto, beside the answer to what was asked for; with checkpoints it is twice that.
	storeStart = 16 << 20  // bytes
	storeRate  = 256 << 10 // bytes for each second of the run
	indexBytes = 160       // of an index entry

	layoutTime = 100 * time.Nanosecond // of an element that is laid out and hashed

	startCredit  = 1 << 18 // steps in the pool at the start
	creditShare  = 64      // one step in so many is added to the pool
	firstDraw    = 1 << 16
	laterDraw    = 4096
	creditCap    = 1 << 18
	lookupCost   = 4
	insertCost   = 8
	firstSleep   = 1 << 16
	longFrom     = 256           // elements
	longAgain    = 256           // steps until it is looked at again whether a long list can be linked
	findAgain    = 4096          // steps that a later process takes until it finds a result
	findCost     = 400           // steps that a lookup in the store takes
	smallCost    = 4             // steps until it is seen that arguments are too large for one
	lookShare    = 64            // one step in so many goes into such lookups
	firstLook    = 32 * findCost // each function's first calls are looked up anyway
	hashedAtOnce = 8             // elements of a list that are hashed for the price of a step
	maxHashed    = 1 << 16       // and at most so many for a call
	worthKeeping = 6             // steps; a cheaper call is not remembered
	askShare     = 64            // one step in so many goes into looking up terms in progress
	askStart     = 16 * findCost
	runsAtOnce   = 4       // runs of slots that are looked at for the price of a step
	useWindow    = 16      // uses among which one that comes again is not noted again
	maxUses      = 1 << 16 // noted for all terms in progress; a trace lacks what comes after
)

type policy struct {
	m     *Machine
	uses  []use // of terms in progress, oldest first
	floor int   // where those of the innermost term begin
	root  *unit
	began time.Time
	spent time.Duration // on looking up and linking
	fresh bool          // startTime is not spent
	// forgiven is the steps that nobody will have to execute again, because they were linked. What a call has taken, without those that
	// were forgiven since it began, is its debt.
	forgiven uint64

	credit, nap uint64 // startCredit and firstSleep, but for tests
	pool        uint64
	paid        uint64 // executed steps that have been added to the pool
	looked      uint64 // executed steps that have been added to a function's look
	sleeping    []*lam
	nextWake    uint64
	table       table
	lines       *lineTable
	linePool    int64  // steps that go into lookups of functions that have earned none
	lineSpent   int64  // steps that linking calls took because they are on a line
	lineWork    uint64 // steps of work with the table

	found finding // what was looked up last

	since  since // of the call that has just returned
	extent extent

	rootFound *finding // the answer to what was asked for, which was there before it was reduced to the end

	failure error // the store's first error: nothing is linked after it
	notes   []error
}

// An account is a function's balance with the table.
type account struct {
	credit int64
	drawn  bool
	asleep bool
	wake   uint64 // executed steps
	nap    uint64
	look   int64  // steps that may go into looking calls up in the store
	line   int64  // and into looking up and linking those on lines (meet.go)
	turns  int64  // how many may be looked up (meet.go)
	long   uint64 // executed steps, until which, for longAgain steps, no call that comes to a long list is linked
}

func (p *policy) init(m *Machine) {
	p.m, p.lines, p.credit, p.nap = m, new(lineTable), startCredit, firstSleep
	p.table.init(m.opt.Memory)
}

func (p *policy) start() {
	p.uses, p.floor, p.root, p.began, p.spent, p.fresh, p.forgiven = p.uses[:0], 0, nil, time.Now(), 0, true, 0
	p.pool, p.paid, p.looked, p.nextWake = p.credit, 0, 0, math.MaxUint64
	p.lineSpent, p.lineWork, p.linePool = 0, 0, firstLine
	*p.lines = lineTable{}
	for _, f := range p.sleeping {
		f.acct.asleep = false
		f.enter = p.awake(f)
	}
	p.sleeping = p.sleeping[:0]
	if p.failure != nil {
		p.m.newBlocks() // the store may not have what it was given
	}
	p.failure, p.notes, p.rootFound = nil, nil, nil
}

// on says whether results are linked at all.
func (p *policy) on() bool {
	return p.m.opt.Link != None && p.m.opt.Store != nil && p.failure == nil
}

// Failure is the store's error that ended linking in the last Eval, if any. That the store gave way to a deadline or an
// interrupt is none.
func (m *Machine) Failure() error {
	if err := m.policy.failure; !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// Notes are what the last Eval found wrong in the store and worked around.
func (m *Machine) Notes() []error { return m.policy.notes }

func (p *policy) storeFailed(err error) {
	if p.failure == nil {
		p.failure = err
	}
}

func (p *policy) damaged(err error) {
	p.m.newBlocks() // the store has lost some of what it was given
	if len(p.notes) < 10 {
		p.notes = append(p.notes, err)
	}
}

// An extent is the part of uses that belongs to a term in progress: what came since mark. outer is the mark of the
// term around it.
type extent struct {
	mark, outer int
	forgiven    uint64 // as it was
}

// open begins the extent of a term.
func (p *policy) open() extent {
	e := extent{len(p.uses), p.floor, p.forgiven}
	p.floor = e.mark
	return e
}

// shut ends it without a link: what the term rested on, the term around it rests on. What that one has just used already
// is not noted again, or a loop that looks at the same constants would note them at each turn.
func (p *policy) shut(e extent) {
	p.floor = e.outer
	if n := len(p.uses) - e.mark; n > 0 && n <= useWindow {
		kept := p.uses[:e.mark]
		for _, u := range p.uses[e.mark:] {
			if !p.lately(u, e.mark) {
				kept = append(kept, u)
			}
		}
		p.uses = kept
	}
}

// linked ends it with a link: the term around it rests on the term's result.
func (p *policy) linked(e extent, u use) {
	p.uses, p.floor = p.uses[:e.mark], e.outer
	p.usedAt(u)
}

// lately says whether u stands among the last few uses before end, within the extent of the innermost term.
func (p *policy) lately(u use, end int) bool {
	for i := end - 1; i >= max(p.floor, end-useWindow); i-- {
		if p.uses[i].trace == u.trace {
			return true
		}
	}
	return false
}

// used notes that the term in hand rested on a linked result.
func (p *policy) used(expr, trace cid.Cid) { p.usedAt(use{expr, trace}) }

func (p *policy) usedAt(u use) {
	if p.on() && u.trace.Defined() && len(p.uses) < maxUses && !p.lately(u, len(p.uses)) {
		p.uses = append(p.uses, u)
	}
}

// affordable says whether there is time for one more lookup or link.
func (p *policy) affordable() bool {
	if p.m.opt.Link == All {
		return true
	}
	if p.room(1) == 0 {
		return false
	}
	return p.fresh || (p.spent-startTime)*linkShare < time.Since(p.began)
}

// room is how many bytes may still be given to the store, when so many times the limit may be.
func (p *policy) room(times uint64) uint64 {
	most := times * (storeStart + uint64(time.Since(p.began)/time.Millisecond)*storeRate/1000)
	written := p.m.stats.Written + p.m.stats.Linked*indexBytes
	return most - min(written, most)
}

// payable says whether there is time to lay out args and r as blocks, which is known before it is done.
func (p *policy) payable(args []graph.Value, r graph.Value) bool {
	if p.m.opt.Link == All {
		return true
	}
	if r.Parted() { // what it comes to is recorded part by part (parts.go)
		return false
	}
	n := r.Unplaced()
	for _, a := range args {
		if a.Unmade() > 0 {
			return false
		}
		n += a.Unplaced()
	}
	if n >= 1000 && p.room(1) < uint64(n)*16 {
		return false
	}
	return n < 1000 || (p.spent-startTime+time.Duration(n)*layoutTime)*linkShare < time.Since(p.began)
}

// timed runs f and counts its time.
func (p *policy) timed(f func()) {
	t := time.Now()
	f()
	p.spent += time.Since(t)
	if p.spent > startTime {
		p.fresh = false
	}
}

// worth says whether a term that took so many steps is linked.
func (p *policy) worth(steps uint64) bool {
	if !p.on() {
		return false
	}
	if p.m.opt.Link == All {
		return true
	}
	return (p.fresh || steps >= grain) && p.affordable()
}

// tick is called at safepoints.
func (p *policy) tick() {
	now := p.m.executed()
	if now > p.paid {
		p.pool += (now - p.paid) / creditShare
		p.linePool += int64((now - p.paid) / lineLooks)
		p.paid = now
	}
	if now >= p.nextWake {
		p.nextWake = math.MaxUint64
		kept := p.sleeping[:0]
		for _, f := range p.sleeping {
			if f.acct.wake <= now {
				f.acct.asleep = false
				f.enter = p.awake(f)
			} else {
				p.nextWake = min(p.nextWake, f.acct.wake)
				kept = append(kept, f)
			}
		}
		p.sleeping = kept
	}
}

// wrap is what a call of f runs.
func (p *policy) wrap(f *lam) code {
	switch {
	case f.arity == 0 || f.inner:
		return f.body
	case !p.on() && f.loops && p.m.keeps:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			keepArgs(f, fp)
			return f.body(m, fp)
		}
	case !p.on():
		f.bare = true
		return f.body
	case p.m.opt.Link == All:
		f.lands = true
		return p.enterAll(f)
	}
	f.acct.look, f.acct.turns = firstLook, lookedTurns
	return p.awake(f)
}

// pay takes from f's account; when it cannot, f goes to sleep.
func (p *policy) pay(f *lam, cost int64) {
	a := &f.acct
	if a.credit -= cost; a.credit >= 0 || a.asleep {
		return
	}
	draw := uint64(laterDraw)
	if !a.drawn {
		a.drawn, draw = true, firstDraw
	}
	if draw = min(draw, p.pool/2); draw > 64 {
		p.pool -= draw
		a.credit += int64(draw)
		return
	}
	a.nap = max(a.nap*2, p.nap)
	a.wake = p.m.executed() + a.nap
	a.asleep = true
	p.nextWake = min(p.nextWake, a.wake)
	p.sleeping = append(p.sleeping, f)
	f.enter = p.asleep(f)
}

// keepArgs makes sure that the arguments in the frame outlast the body.
func keepArgs(f *lam, fp unsafe.Pointer) []graph.Value {
	args := slots(fp, slotSize, f.arity)
	if f.loops {
		kept := slots(fp, f.kept, f.arity)
		copy(kept, args)
		return kept
	}
	return args
}

// finish runs the body with its tail calls above the frame, so that the frame's arguments stay. The first of them is a call
// like any other, which may be found or linked; those that follow it only turn, so that they take no stack.
func (m *Machine) finish(f *lam, fp unsafe.Pointer) graph.Value {
	turning := m.turning
	m.turning = false
	base := m.sp
	var r graph.Value
	if f.loops && f.arity <= maxArgs && m.policy.on() {
		r = m.policy.turn(f, fp)
	} else {
		r = f.body(m, fp)
	}
	if !r.IsMark() {
		return r
	}
	return m.finishTail(f, base, turning)
}

// finishTail is finish from the first tail call on. base is where the stack stood behind the frame of f.
func (m *Machine) finishTail(f *lam, base unsafe.Pointer, turning bool) (r graph.Value) {
	if g := m.tail; !turning && g != f && uintptr(base)+g.size <= m.end {
		m.place(g, base, -1)
		m.turning = true
		r = g.enter(m, base)
		m.turning = false
		if !r.IsMark() {
			return r
		}
	}
	*slot(base, 0) = operands(0, -1) // what stood there is gone; a tail call has no node of its own
	return m.trampoline(base)
}

// asleep runs a call and links it if it was costly.
//
//go:noinline
func (p *policy) asleep(f *lam) code {
	if f.passes {
		return passing(f)
	}
	if !f.calls { // it can hardly be
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			start, high, floor, forgiven := m.steps, m.high, p.floor, p.forgiven
			p.floor = len(p.uses)
			r := f.body(m, fp)
			if m.steps-start < grain && len(p.uses) == p.floor {
				p.floor = floor
				return r
			}
			p.since, p.extent = since{start, high}, extent{p.floor, floor, forgiven}
			return p.returned(f, fp, r)
		}
	}
	last := slotOffset(f.arity - 1)
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		if _, isInt := slot(fp, last).Int(); (isInt || f.acct.look >= findCost) && f.seeks(slots(fp, slotSize, f.arity)) {
			return p.seek(f, fp)
		}
		// Most calls of most programs come this way, so what open, finish and shut do stands here in short, in a small frame.
		start, high, floor, forgiven := m.steps, m.high, p.floor, p.forgiven
		turning, base := m.turning, m.sp
		p.floor, m.turning = len(p.uses), false
		if f.loops {
			for i := range uintptr(f.arity) {
				*slot(fp, f.kept+i*slotSize) = *slot(fp, slotSize+i*slotSize)
			}
		}
		r := f.body(m, fp)
		if r.IsMark() {
			r = m.finishTail(f, base, turning)
		}
		if m.steps-start < grain && len(p.uses) == p.floor {
			p.floor = floor
			return r
		}
		p.since, p.extent = since{start, high}, extent{p.floor, floor, forgiven}
		return p.returned(f, fp, r)
	}
}

// passing runs a call that takes next to nothing itself before it becomes another one, which is what may be found or linked: its arguments
// are hardly larger. There may be many such, one behind the other: they take no stack.
func passing(f *lam) code {
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		turning := m.turning
		for g := f; ; {
			m.turning = false // for what its arguments look at
			r := g.body(m, fp)
			if !r.IsMark() {
				return r
			}
			if g = m.tail; uintptr(fp)+g.size > m.end {
				return r
			}
			_, n := slot(fp, 0).Tag()
			m.place(g, fp, indexIn(n))
			if !g.passes || !g.acct.asleep && g.arity <= maxArgs {
				m.turning = turning
				return g.enter(m, fp)
			}
		}
	}
}

// returned ends a call that took long, or rested on results. It began as p.since and p.extent say.
func (p *policy) returned(f *lam, fp unsafe.Pointer, r graph.Value) graph.Value {
	start, e := p.since, p.extent
	if p.m.steps-start.steps < grain {
		p.shut(e)
		return r
	}
	args := slots(fp, slotSize, f.arity)
	if f.loops {
		args = slots(fp, f.kept, f.arity)
	}
	p.linkCall(f, args, r, start, e, lines{})
	return r
}

// awake runs a call behind the table.
func (p *policy) awake(f *lam) code {
	if f.arity > maxArgs {
		return p.asleep(f)
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		args := slots(fp, slotSize, f.arity)
		p.m.disown(f)
		h, on, known := p.hash(f, args)
		if known {
			if e := p.table.find(h, f, args); e != nil {
				return p.hit(f, e)
			}
		}
		p.pay(f, lookupCost)
		if (on != lines{} || p.fresh || f.seeks(args)) && p.on() {
			return p.costly(f, fp, h, on, known)
		}
		start, e := m.now(), p.open()
		args = keepArgs(f, fp)
		r := m.finish(f, fp)
		steps := m.stepsSince(start) + 1
		var u use
		if steps >= grain {
			u = p.linkCall(f, args, r, start, e, lines{})
		} else {
			p.shut(e)
		}
		if known && steps >= worthKeeping {
			p.remember(h, f, args, r, steps, u)
		}
		return r
	}
}

// hit gives the value of a call of f that the table has.
func (p *policy) hit(f *lam, e *entry) graph.Value {
	f.acct.credit = min(f.acct.credit+int64(min(e.steps, creditCap)), creditCap)
	f.acct.earnLines(e.steps)
	p.reused(f, e.steps, e.use)
	return e.value
}

// take gives the value of a call of f that was found in the store, and enters it into the table if its hash is known.
func (p *policy) take(f *lam, args []graph.Value, h uint64, known bool) graph.Value {
	found := p.found
	p.found = finding{}
	p.reused(f, found.steps, found.use)
	if found.err != nil {
		panic(found.err)
	}
	if known {
		p.remember(h, f, args, found.value, found.steps, found.use)
	}
	return found.value
}

// reused counts a call that is not reduced; its own step has been counted.
func (p *policy) reused(f *lam, steps uint64, u use) {
	p.m.countReused(f)
	p.m.addSteps(steps - 1)
	p.forgiven += steps - 1
	p.usedAt(u)
}

// remember enters a call into the table.
func (p *policy) remember(h uint64, f *lam, args []graph.Value, r graph.Value, steps uint64, u use) {
	p.pay(f, insertCost)
	p.lineWork += lineWork
	p.table.insert(h, f, args, r, steps, u)
}

// hash is the hash of a call, and the lines that it is on, if f's account can pay for it: lists that have not been hashed take
// time.
func (p *policy) hash(f *lam, args []graph.Value) (h uint64, on lines, ok bool) {
	most := int(min(max(f.acct.credit, 0), maxHashed/hashedAtOnce) * hashedAtOnce)
	left := most
	graph.Hold(args)
	h = uint64(f.id) * 0x9e3779b97f4a7c15
	for i, a := range args {
		var k uint64
		if k, ok = a.Likeness(&left); !ok {
			on = lines{}
			break
		}
		on.add(f, i, k)
		h = (h ^ k) * 0xbf58476d1ce4e5b9
		h ^= h >> 29
	}
	if left < most {
		p.pay(f, int64(most-max(left, 0))/hashedAtOnce)
	}
	return h, on, ok || len(args) == 0
}

// costly looks a call up in the store before it runs it. h is its hash for the table, if that is known, and on its lines.
func (p *policy) costly(f *lam, fp unsafe.Pointer, h uint64, on lines, known bool) graph.Value {
	m := p.m
	m.disown(f)
	args := slots(fp, slotSize, f.arity)
	if p.lookup(f, args, on) {
		return p.take(f, args, h, known)
	}
	start, e := m.now(), p.open()
	args = keepArgs(f, fp)
	r := m.finish(f, fp)
	steps := m.stepsSince(start) + 1
	u := p.linkCall(f, args, r, start, e, on)
	if known && steps >= worthKeeping && !f.acct.asleep {
		p.remember(h, f, args, r, steps, u)
	}
	return r
}

// seek is costly for a call of which nothing is known yet.
//
//go:noinline
func (p *policy) seek(f *lam, fp unsafe.Pointer) graph.Value {
	return p.costly(f, fp, 0, lines{}, false)
}

// lookup looks a call up in the store, if that is paid for, and leaves what it finds in p.found.
func (p *policy) lookup(f *lam, args []graph.Value, on lines) (ok bool) {
	m, a := p.m, &f.acct
	if left := mostUnmade; len(m.making) > 0 && unmadeIn(args, &left) { // to say which call it is the elements would be made
		return false
	}
	find := func() {
		var expr cid.Cid
		if m.yielding(func() { expr = m.callOf(f.head(), args, m.hasher) }) {
			p.found, ok = m.find(expr)
		}
	}
	switch cheap := small(args); {
	case p.fresh && cheap:
		p.timed(find)
	case on != lines{} && !(cheap && (a.look >= findCost || f.meets(args))):
		if p.lines.ask(on) && p.payLine(a, findCost+layoutCost(args)) {
			find()
			p.lines.found(on, ok)
		}
	case cheap:
		a.look = max(a.look-findCost, 0)
		find()
	}
	return ok
}

const mostUnmade = 256 // values that are looked at for lists without elements, before a call is looked up

// unmadeIn says whether values hold lists whose elements are not there, as far as it looks.
func unmadeIn(vs []graph.Value, left *int) bool {
	if *left -= len(vs); *left < 0 {
		return false
	}
	for _, v := range vs {
		switch v.Kind() {
		case graph.KindList:
			if v.Unmade() > 0 || !v.MostlyFar() && v.ListLen() <= *left && unmadeIn(listValues(v.List()), left) {
				return true
			}
		case graph.KindMap:
			if v.Unmade() > 0 {
				return true
			}
		case graph.KindFn:
			if unmadeIn(v.Fn().Args, left) {
				return true
			}
		}
	}
	return false
}

// seeks says whether a call is looked up in the store whatever the table knows.
func (f *lam) seeks(args []graph.Value) bool {
	return f.acct.look >= findCost && f.looks(args) || f.meets(args)
}

// looks says whether args are worth a lookup. To see that they are not takes a little of what lookups are paid from.
func (f *lam) looks(args []graph.Value) bool {
	if small(args) {
		return true
	}
	f.acct.look -= smallCost
	return false
}

// linkCall links a call that has come to r, if that is worth it. start is behind the call's own step, on is its lines.
func (p *policy) linkCall(f *lam, args []graph.Value, r graph.Value, start since, e extent, on lines) (u use) {
	m := p.m
	steps := m.stepsSince(start) + 1
	if steps >= grain && m.executed() > p.looked {
		f.acct.look = min(f.acct.look+int64((m.executed()-p.looked)/lookShare), creditCap)
		p.looked = m.executed()
	}
	debt := steps
	if forgiven := p.forgiven - e.forgiven; p.m.opt.Link != All {
		debt -= min(forgiven, steps)
	}
	switch {
	case !p.on():
	case p.worthCall(f, args, r, steps, debt):
		p.forgiven += debt - min(debt, findAgain)
		p.timed(func() { u = p.linkReturned(f, args, r, steps, e) })
		return u
	case on != lines{} && steps >= grain && p.worthLine(f, args, r, on):
		return p.linkReturned(f, args, r, steps, e)
	}
	p.shut(e)
	return use{}
}

// worthCall says whether a call is linked because of what it costs to find its value again.
func (p *policy) worthCall(f *lam, args []graph.Value, r graph.Value, steps, debt uint64) bool {
	if debt < grain && !p.fresh && !f.meets(args) {
		return false
	}
	long := r.Kind() == graph.KindList && r.ListLen() >= longFrom
	if long && p.m.opt.Link != All && f.acct.long-p.m.executed()-1 < longAgain { // who conses on the way back from deep recursion comes here each time
		return false
	}
	ok := p.worth(steps) && (steps >= grain || small(args)) && p.payable(args, r)
	if long && !ok {
		f.acct.long = p.m.executed() + longAgain
	}
	return ok
}

func (p *policy) linkReturned(f *lam, args []graph.Value, r graph.Value, steps uint64, e extent) use {
	m := p.m
	u, done := p.link(e, func() cid.Cid { return m.callOf(f.head(), args, m.Blocks()) }, r, nil, steps, len(p.uses) > e.mark && plain(args))
	if done && m.opt.Profile != nil {
		m.opt.Profile.of(f).Linked++
	}
	return u
}

// link links the result of a term, whose expression of makes, and ends the term; without a link if the evaluation is to stop
// meanwhile, or memory is short.
func (p *policy) link(e extent, of func() cid.Cid, v graph.Value, thrown *Thrown, steps uint64, plain bool) (u use, done bool) {
	if !p.m.yielding(func() { u, _ = p.m.link(of(), v, thrown, steps, p.uses[e.mark:], plain) }) {
		p.shut(e)
		return use{}, false
	}
	p.linked(e, u)
	return u, true
}

// small says whether hashing args is cheap.
func small(args []graph.Value) bool {
	parts := 256
	return smallParts(args, &parts)
}

// smallParts is small for arguments that may have so many parts, those of functions and lazy values included.
func smallParts(args []graph.Value, parts *int) bool {
	if *parts -= len(args); *parts < 0 {
		return false
	}
	for _, a := range args {
		switch a.Kind() {
		case graph.KindText:
			if len(a.Text()) > 1024 {
				return false
			}
		case graph.KindBytes:
			if a.BytesLen() > 1024 {
				return false
			}
		case graph.KindList:
			if a.List().Len() > 32 {
				return false
			}
		case graph.KindMap:
			if a.Map().Len() > 32 {
				return false
			}
		case graph.KindFn:
			if !smallParts(a.Fn().Args, parts) {
				return false
			}
		case graph.KindLazy:
			if !smallParts(a.Thunk().Args(), parts) {
				return false
			}
		}
	}
	return true
}

// findUnit looks up a closed expression.
func (p *policy) findUnit(u *unit) bool {
	if u == p.root || !p.on() || !p.affordable() && !p.m.resuming {
		return false
	}
	var found finding
	ok := false
	p.timed(func() { found, ok = p.m.find(u.cid) })
	if !ok {
		return false
	}
	p.m.stats.Reused++
	u.value, u.err, u.steps, u.trace, u.state = found.value, found.err, found.steps, found.use.trace, reduced
	if u.err != nil {
		u.state = failed
		p.m.failed = append(p.m.failed, u)
	}
	return true
}

// unitDone links a closed expression that was reduced.
func (p *policy) unitDone(u *unit, e extent) {
	followed := u.steps == 0 && p.m.opt.Link == Auto && u.value.MostlyFar() // a link; who finds an answer has all blocks of its value looked at
	if u == p.root || followed || !p.worth(u.steps) || u.lam != nil && isParted(u.lam.term.Args[0]) || !p.payable(nil, u.value) {
		p.shut(e)
		return
	}
	p.timed(func() {
		x, _ := p.link(e, func() cid.Cid { return u.cid }, u.value, u.err, u.steps, false)
		u.trace = x.trace
	})
}

// findThunk looks up a lazy value with captures.
func (p *policy) findThunk(t *graph.Thunk) bool {
	if !p.on() || !p.affordable() || !small(t.Args()) || p.m.opt.Link == Auto && !p.fresh {
		return false
	}
	var found finding
	ok := false
	p.timed(func() { found, ok = p.m.find(graph.ThunkCode(t, nil)) })
	if !ok {
		return false
	}
	p.m.stats.Reused++
	setForced(t, forced{value: found.value, err: found.err, trace: found.use.trace})
	return true
}

// answered ends a term that is answered while it is in progress: what it has rested on so far does not count.
func (p *policy) answered(e extent) { p.uses, p.floor = p.uses[:e.mark], e.outer }

// unitAnswered is findUnit for one that is in progress.
func (p *policy) unitAnswered(u *unit, found finding, e extent) {
	p.answered(e)
	if u == p.root {
		p.rootFound = &found
	}
	u.value, u.err, u.steps, u.trace, u.state, u.becomes = found.value, found.err, found.steps, found.use.trace, reduced, cid.Undef
	if u.err != nil {
		u.state = failed
		p.m.failed = append(p.m.failed, u)
	}
}

// thunkAnswered is findThunk for one that is in progress.
func (p *policy) thunkAnswered(t *graph.Thunk, found finding, e extent) {
	p.answered(e)
	setForced(t, forced{value: found.value, err: found.err, trace: found.use.trace})
}

// thunkDone notes what a lazy value with captures was reduced to, and links it.
func (p *policy) thunkDone(t *graph.Thunk, f forced, steps uint64, e extent) {
	setForced(t, f)
	if !p.worth(steps) || !small(t.Args()) && steps < grain || !p.payable(t.Args(), f.value) {
		p.shut(e)
		return
	}
	p.linkThunk(t, f, steps, e)
}

func (p *policy) linkThunk(t *graph.Thunk, f forced, steps uint64, e extent) {
	p.timed(func() {
		x, _ := p.link(e, func() cid.Cid { return graph.ThunkCode(t, p.m.Blocks()) }, f.value, f.err, steps, false)
		f.trace = x.trace
		setForced(t, f)
	})
}
