// Package eval reduces expressions of the graph to values, and links what it has reduced to its answer.
//
// A Machine is made once (New) and evaluates closed expressions by CID (Eval). It loads code by CID, compiles each
// supercombinator once to Go closures over a stack of slots (code.go), calls them (stack.go), reduces what is lazy or
// not loaded when something looks at it (force.go), and records and reuses Results (link.go, policy.go). A primitive
// is an entry of a table (prim.go and the prim_ files). A Walk goes through a reduction step by step, to show it (walk.go).
//
// Reduction is applicative-order supercombinator graph reduction (Peyton Jones, The Implementation of Functional
// Programming Languages, chapters 13 and 16–18, with call by value): a saturated call of a lam or member is a step.
package eval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// Version names this evaluator in the index of a store: a later one may distrust what an earlier one recorded.
const Version = "5"

// Own is the By of an Answer that this evaluator has reduced itself.
const Own = "own:" + Version

// Options configure a Machine. Store may be nil, with Link then None.
type Options struct {
	Store  graph.Store  // where results are looked up and linked
	Load   graph.Loader // gives any block that evaluation needs: code, data, values
	Link   Mode
	Fuel   uint64    // steps that may be executed by one Eval; 0 is no limit
	Memory int64     // bytes of heap and stacks; 0 is no limit
	Debug  io.Writer // where `debug` writes; nil drops it
	// Ask is told the expression of a call in progress that has taken longer than AskAfter, once, oldest calls first. It is called by the
	// machine, and must not block. Whoever has recorded an answer in the Store says so by Found. Nil asks nobody.
	Ask      func(expr cid.Cid)
	AskAfter time.Duration // 0 is 20 ms, which is about a round trip
	Once     bool          // the machine evaluates one expression: what is looked at once need not be kept
	// Believe says whether what is by somebody else, or by another version of the evaluator, is used as if this machine had reduced it. It is given the By
	// at each lookup that finds such a thing. Nil: nothing is.
	Believe func(by string) bool
	// Profile is filled, if it is not nil; the machine is slower for it.
	Profile *Profile
}

// A Machine evaluates expressions, one at a time: it is not safe for use by several goroutines.
type Machine struct {
	opt Options
	ctx context.Context

	// The stack: frames in chunks that never move. See stack.go.
	sp      unsafe.Pointer
	end     uintptr
	chunks  []chunk
	spare   []graph.Value
	tail    *lam           // the callee of the tail call in hand
	targs   []graph.Value  // its arguments, and room behind them
	caller  *site          // of the primitive in hand, which may call functions
	loops   []*loop        // that are free
	resumed *resumption    // what the next loop goes on with
	owner   *loop          // the fold whose function is called, and consumes what it has (own.go); nil if that is kept
	primRun unsafe.Pointer // its arguments, with the slots that it may use behind them; nil if they do not stand on the stack
	tries   int            // enclosing `try`s
	into    *big.Int       // where the primitive in hand may put its result (reuse.go)
	turning bool           // the call in hand is a tail call of the one around it (policy.go)

	chunkSize uintptr // bytes of a chunk that frames may take
	base      uintptr // where the stack of the goroutine in hand begins, and how much room it was given (room.go)
	given     int

	handing chan<- ending   // where a stop may end the evaluation in hand before the stack is unwound; nil if it may not
	unwound <-chan struct{} // closed when the stack of the last evaluation is unwound
	wanted  chan struct{}   // closed when that is waited for

	// Steps, in units of 2^62 and below. Executed steps are steps+off (mod 2^64).
	steps, high, off uint64
	limit            uint64 // the value of steps at which to look around
	fuelEnd          uint64 // executed steps that there is fuel for
	nextClear        uint64 // executed steps at which to clear the stack
	safepoints       uint64 // how many there were

	stopping atomic.Pointer[Stop] // set from outside: deadline, interrupt, memory
	memHigh  atomic.Bool

	units   map[cid.Cid]*unit
	failed  []*unit // of this Eval
	settled []*unit // that have come to a value in some steps
	lamIDs  int     // given out
	loaded  map[cid.Cid]graph.Value
	held    []graph.Value // see Hold
	prims   map[string]*Prim

	regexes regexCache // compiled patterns

	progress progress

	becomes     map[cid.Cid]graph.Becomes // of the checkpoint that is resumed
	resuming    bool                      // some expression in progress has a Reduct
	enters      uint64                    // into contexts
	charging    bool                      // a primitive is
	entering    bool                      // at a safepoint: the call in hand has not begun
	overdrawn   run                       // the first of this evaluation to charge beyond the fuel
	lent        uint64                    // steps that were added to the fuel
	writing     bool                      // a checkpoint
	yields      bool                      // what is encoded is given up rather than that a stop waits for it
	polls       bool                      // what is encoded is a primitive's work
	writeUntil  time.Time                 // not longer
	answering   bool                      // the answer is written
	answerUntil time.Time                 // so long after a stop; zero before one
	writeEnd    uint64                    // nor when Stats.Written is more
	stopSoon    time.Duration             // in which as much as can be is written at a stop
	writeWait   time.Duration             // between two while the run goes on
	nextWrite   time.Time                 // of one while the run goes on

	asking asking // ask.go
	keeps  bool   // the arguments of calls, to look them up or to link them
	every  uint64 // steps between two looks around

	restContexts map[string]cid.Cid // as contexts, of rests
	restCode     map[cid.Cid]graph.Block
	members      map[cid.Cid]member // of groups, whose own blocks have not been written at a stop
	restCount    uint64

	shapes     map[shapeKey]*shape
	shapeCount int
	contexts   map[string]cid.Cid // functions made of shapes, by the shapes' ids

	running  bool                // on the goroutine of an evaluation
	remaking bool                // the elements of a part that is known are made
	making   map[cid.Cid]*making // of parts that are known, by their expressions
	groups   map[cid.Cid]*group  // the parts that are groups, likewise

	primNames map[cid.Cid]string // by the CIDs of their blocks; nil until it is needed

	blocks *graph.Writer
	hasher *graph.Writer // says what values would be in blocks
	far    *graph.Far    // how large values are loaded
	policy policy
	stats  Stats
	claim  string              // all that was used and is by others, of this Eval and earlier ones, as one By; "" for nothing
	claims map[string]struct{} // what it was joined from
}

// Stats are counts of one Eval.
type Stats struct {
	Reduced uint64 // calls executed
	Reused  uint64 // results found, in memory or in the store
	Linked  uint64 // results written
	Found   uint64 // of the reused, those found in the store
	Spared  uint64 // steps in these, which were not executed again; it stops at 2^63-1
	Written uint64 // bytes of blocks given to the store
	Cut     bool   // something in progress went on as what it had become: an error may lack its place, or calls that led there
}

// An Outcome is what an evaluation came to: a value, or the program's error.
type Outcome struct {
	Expr   cid.Cid
	Value  graph.Value
	Error  *Thrown // nil for a value
	Steps  uint64  // what the expression takes with no reuse at all
	Result cid.Cid // the linked Result; undefined with Link None
	Trace  cid.Cid
	Claim  string // whose claim was used for the whole answer, "" for this machine's own
	Rests  string // all claims that the answer may rest on, as one By; "" if on none
	Stats
}

// A Stop ends an evaluation that did not come to its answer. Nothing is recorded for what was in progress.
type Stop struct {
	Reason     StopReason
	Err        error // for Missing: names the block
	Steps      uint64
	Memory     int64   // for MemoryLimit: the bytes that it may take
	Checkpoint cid.Cid // from which it can go on (Resume); undefined if there is none
	Lost       error   // why there is none, if there could have been one
	Primitive  string  // for OutOfFuel: the primitive that begins again and takes more than the fuel and all that it may overdraw, if that was it
	Took       uint64  // steps of it so far
}

// A StopReason says why an evaluation was stopped.
type StopReason uint8

const (
	OutOfFuel StopReason = iota
	Deadline
	Interrupted
	MemoryLimit
	Missing // a block that cannot be had
	Endless // a value needs itself
)

func (s *Stop) Error() string {
	switch s.Reason {
	case OutOfFuel:
		if s.Primitive != "" {
			return fmt.Sprintf("out of fuel after %d steps, of which %s took %d and has not ended: it will begin again", s.Steps, s.Primitive, s.Took)
		}
		return fmt.Sprintf("out of fuel after %d steps", s.Steps)
	case Deadline:
		return fmt.Sprintf("deadline reached after %d steps", s.Steps)
	case Interrupted:
		return fmt.Sprintf("interrupted after %d steps", s.Steps)
	case MemoryLimit:
		return fmt.Sprintf("memory limit reached after %d steps", s.Steps)
	case Endless:
		return "a lazy value needs its own value: this would never end"
	}
	return s.Err.Error()
}

func (s *Stop) Unwrap() error { return s.Err }

// New makes a Machine.
func New(o Options) *Machine {
	m := &Machine{
		opt: o, units: map[cid.Cid]*unit{}, loaded: map[cid.Cid]graph.Value{}, prims: primTable(),
		lamIDs: 1, targs: make([]graph.Value, 16), chunkSize: chunkSlots * slotSize, every: checkEvery, stopSoon: stopSoon,
	}
	m.keeps = o.Link != None || o.Ask != nil && o.Store != nil
	m.hasher = graph.Hasher(m.encodes)
	m.pushChunk()
	m.newBlocks()
	m.policy.init(m)
	return m
}

const clearEvery = 1 << 16 // steps between times at which what dead slots of the stack keep alive is let go

const checkEvery = 4096 // steps between looks at fuel, stops and the policy

// Eval reduces the closed expression in the block expr. The error is a *Stop.
func (m *Machine) Eval(ctx context.Context, expr cid.Cid) (out Outcome, err error) {
	m.await()
	m.steps, m.high, m.off = 0, 0, 0
	m.stats = Stats{}
	m.progress.restart()
	m.policy.start()
	for _, u := range m.failed { // an error of before would tell of the calls of before
		if u.state == failed {
			u.state, u.err = unreduced, nil
		}
	}
	m.failed = m.failed[:0]
	if len(m.making) > 1<<18 {
		m.making, m.groups = nil, nil
	}
	m.enters = 0
	m.resuming, m.writeWait, m.nextWrite = m.becomes != nil, writeEvery, time.Now().Add(writeEvery)
	out.Expr = expr
	end := m.limited(ctx, func() {
		u := m.unit(expr)
		m.loadUnit(u)
		if m.opt.Once {
			m.countUses(u)
		}
		m.reduceRoot(u, &out)
	})
	m.held = nil
	out.Rests = end.claim
	out.Stats = end.stats
	return out, end.err
}

// An ending is how an evaluation ended.
type ending struct {
	err   error // a *Stop, or nil
	stats Stats
	claim string
	bug   any // what it panicked with, and where
}

func (m *Machine) ending(err error) ending {
	e := ending{err: err, stats: m.stats, claim: m.claim}
	e.stats.Reduced = m.executed()
	return e
}

// limited is guarded on a goroutine of its own: when f is stopped it ends at once, and the stack is unwound while its caller goes on.
// A stack a million deep takes a fifth of a second. Until that is done (await) only the machine's options, Failure, Notes and
// Progress may be touched.
func (m *Machine) limited(ctx context.Context, f func()) ending {
	m.await()
	ended, unwound := make(chan ending, 1), make(chan struct{})
	m.unwound, m.wanted = unwound, make(chan struct{})
	if m.opt.Profile == nil { // unwinding notes whose body is reduced
		m.handing = ended
	}
	go func() {
		defer close(unwound)
		defer func() {
			if bug := recover(); bug != nil {
				ended <- ending{bug: fmt.Sprintf("%v\n%s", bug, debug.Stack())}
			}
		}()
		err := m.guarded(ctx, f)
		select {
		case ended <- m.ending(err):
		default: // a stop was there before
		}
	}()
	end := <-ended
	if end.bug != nil {
		panic(end.bug)
	}
	if s, ok := end.err.(*Stop); !ok || s.Reason == MemoryLimit || m.opt.Profile != nil {
		<-unwound
	}
	return end
}

// await returns when the stack of the last evaluation is unwound.
func (m *Machine) await() {
	if m.unwound != nil {
		close(m.wanted)
		<-m.unwound
		m.handing, m.unwound = nil, nil
	}
}

// Rests returns all claims that what m has reduced so far may rest on, as one By; "" if on none.
func (m *Machine) Rests() string {
	m.await()
	return m.claim
}

// Hold tells m of a value that a literal of the program of the next Eval is, so that it need not be read from its blocks. Only large values count.
func (m *Machine) Hold(v graph.Value) {
	if k := v.Kind(); k == graph.KindList || k == graph.KindMap || k == graph.KindBytes {
		m.held = append(m.held[max(0, len(m.held)-maxHeld+1):], v)
	}
}

const maxHeld = 8 // a session that compiles, but does not evaluate, keeps no more

// guarded runs f within the limits and turns a stop into an error.
func (m *Machine) guarded(ctx context.Context, f func()) error {
	err := m.stoppable(ctx, f)
	if s, ok := err.(*Stop); ok && s.Reason == MemoryLimit {
		m.clearStack()
		m.forgetValues()
		m.newBlocks() // the old one has what it was to write, and read
		m.asking.terms = nil
		debug.FreeOSMemory()
	}
	return err
}

// forgetValues lets go of what closed expressions have come to, with all that lazy values in it have, and of what is left of stopped ones and of the
// shapes of their frames: a session may name a stream that fills the memory, and a residual has a large text in it. What is wanted again is loaded and reduced again.
func (m *Machine) forgetValues() {
	for c, u := range m.units {
		switch u.state {
		case reduced:
			if u.lam != nil { // code may still look at it
				u.value, u.state, u.trace, u.becomes, u.listed = graph.Value{}, unreduced, cid.Undef, cid.Undef, false
			}
			delete(m.units, c)
		case unreduced:
			delete(m.units, c)
		}
	}
	m.settled, m.shapes = nil, nil
}

func (m *Machine) stoppable(ctx context.Context, f func()) (err error) {
	m.ctx, m.tries, m.turning, m.caller, m.primRun, m.resumed, m.owner, m.charging, m.entering, m.overdrawn, m.lent, m.nextClear = ctx, 0, false, nil, nil, nil, nil, false, false, run{}, 0, 0
	m.stopping.Store(nil)
	m.memHigh.Store(false)
	m.asking.start(m)
	m.fuelEnd = math.MaxUint64
	if m.opt.Fuel > 0 {
		m.fuelEnd = m.executed() + m.opt.Fuel
	}
	m.limit = m.steps
	if p := m.opt.Profile; p != nil {
		p.last, p.steps, p.current = time.Now(), m.executed(), nil
		defer func() { p.sample(m) }()
	}
	defer m.watch(ctx)()
	m.running, m.remaking = true, false
	defer func() { m.running = false }()
	sp := m.sp
	defer func() {
		if r := recover(); r != nil {
			s, ok := stopOf(r)
			if !ok {
				m.sp = sp
				panic(r)
			}
			m.unwindTo(sp, s)
			s.Steps = m.executed()
			err = s
		}
	}()
	f()
	return nil
}

// stopOf returns the Stop that a panic is, if it is one.
func stopOf(x any) (s *Stop, ok bool) {
	switch x := x.(type) {
	case *Stop:
		return x, true
	case *graph.LoadError:
		if errors.As(x.Err, &s) {
			return s, true
		}
		return &Stop{Reason: Missing, Err: x}, true
	}
	return nil, false
}

// watch tells the machine of what happens outside: the context's end, and memory in use. The function it gives ends that;
// after it, nothing of this context reaches the machine.
func (m *Machine) watch(ctx context.Context) (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				reason := Interrupted
				if ctx.Err() == context.DeadlineExceeded {
					reason = Deadline
				}
				m.stopping.Store(&Stop{Reason: reason})
				return
			case <-tick.C:
				if m.opt.Memory > 0 && MemoryInUse() > m.opt.Memory {
					m.memHigh.Store(true)
				}
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// MemoryInUse is the heap's objects, dead ones that are not yet collected included, and the stacks, in bytes.
func MemoryInUse() int64 {
	s := [2]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s[:])
	return int64(s[0].Value.Uint64() + s[1].Value.Uint64())
}

// checkMemory stops the evaluation if what is alive, with extra bytes more, is over the limit.
func (m *Machine) checkMemory(extra int64) {
	if m.opt.Memory <= 0 {
		return
	}
	if MemoryInUse()+extra > m.opt.Memory {
		m.clearStack()
		m.policy.table.reset()
		clear(m.loaded)
		m.regexes = regexCache{}
		runtime.GC()
		if MemoryInUse()+extra > m.opt.Memory-m.opt.Memory/16 {
			m.stop(&Stop{Reason: MemoryLimit, Memory: m.opt.Memory})
		}
	}
}

// Reserve is called before allocating more than some 64 KiB in one go; it stops the evaluation if they cannot be had.
func (m *Machine) Reserve(bytes int64) {
	if bytes < 0 || m.opt.Memory > 0 && bytes > m.opt.Memory {
		m.stop(&Stop{Reason: MemoryLimit, Memory: m.opt.Memory})
	}
	if bytes > 1<<16 {
		m.checkMemory(bytes)
	}
}

// afford is Reserve for who may read a value after the evaluation too: it touches nothing of the machine's, and the error is a Stop.
func (m *Machine) afford(bytes int64) error {
	limit := m.opt.Memory
	if m.writing { // a checkpoint at the limit may take a quarter more
		limit += limit / 4
	}
	if limit <= 0 || bytes <= 1<<16 || MemoryInUse()+bytes <= limit {
		return nil
	}
	if bytes <= limit {
		if runtime.GC(); MemoryInUse()+bytes <= limit-limit/16 {
			return nil
		}
	}
	return &Stop{Reason: MemoryLimit, Memory: m.opt.Memory}
}

// apart runs f, which takes long and looks at nothing, on a goroutine of its own. If the evaluation is stopped meanwhile, f
// is left to itself: it must touch nothing that others write.
func (m *Machine) apart(f func()) {
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		f()
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case bug := <-done:
			if bug != nil {
				panic(bug)
			}
			return
		case <-tick.C:
			m.poll()
		}
	}
}

// long gives f(), which looks at nothing. Where n, the bytes that f goes through, are many it can be stopped meanwhile.
func (m *Machine) long(n int, f func() graph.Value) (v graph.Value) {
	if n < longBytes {
		return f()
	}
	done := new(graph.Value)
	m.apart(func() { *done = f() })
	return *done
}

const longBytes = 1 << 20 // that take some milliseconds to be made into others

const pollEvery = 1 << 14 // elements that are put somewhere, between two polls

// poll stops the evaluation if that is wanted, or memory is short. A primitive calls it in the midst of work that has been charged.
func (m *Machine) poll() {
	if s := m.stopping.Load(); s != nil {
		m.stop(&Stop{Reason: s.Reason, Err: s.Err})
	}
	if m.memHigh.Load() {
		m.checkMemory(0)
		m.memHigh.Store(false)
	}
}

func (m *Machine) executed() uint64 { return m.steps + m.off }

// safepoint looks at fuel, stops, memory and the policy, and sets the next limit.
func (m *Machine) safepoint() {
	m.safepoints++
	m.entering = !m.charging
	m.poll()
	left := m.fuelEnd - m.executed()
	if m.executed() > m.fuelEnd {
		switch over := m.executed() - m.fuelEnd; {
		case !m.charging || !m.mayOverdraw():
			m.stop(&Stop{Reason: OutOfFuel})
		case over > max(m.opt.Fuel, overdraft):
			t, n := slot(unsafe.Add(m.primRun, -int(slotSize)), 0).Tag()
			m.stop(&Stop{Reason: OutOfFuel, Primitive: primOf(t).Name, Took: m.steps - startIn(n, m.steps)})
		}
		left = m.every
	}
	m.policy.tick()
	m.sometimes()
	if now := m.executed(); now >= m.nextClear {
		m.nextClear = now + clearEvery
		m.clearStack()
	}
	if m.progress.asked.Load() {
		m.publish()
	}
	if m.opt.Profile != nil {
		m.opt.Profile.sample(m)
	}
	m.normalise()
	m.lookBack()
	m.limit = m.steps + min(m.every-1, left) + 1
	m.entering = false
}

// overdraft is how many steps a primitive that cannot be stopped halfway may take more than there is fuel, at least: it would begin
// again with the next fuel, and never come to its end.
const overdraft = 1 << 20

// A run is one of a primitive: where its arguments stand, and the number in the header before them.
type run struct {
	args  unsafe.Pointer
	began int64
}

// mayOverdraw says whether the primitive in hand begins again when it is stopped, which is one in no loop of calls, and is the first
// beyond the fuel. Each one in a recursion through such primitives would take its turn otherwise.
func (m *Machine) mayOverdraw() bool {
	if m.primRun == nil || !m.beginsAgain() {
		return false
	}
	_, began := slot(unsafe.Add(m.primRun, -int(slotSize)), 0).Tag()
	hand := run{m.primRun, began}
	if m.overdrawn == (run{}) {
		m.overdrawn = hand
	}
	return m.overdrawn == hand
}

// beginsAgain says whether the primitive in hand, which stands on the stack, is in no loop of calls.
func (m *Machine) beginsAgain() bool {
	state := m.primState()
	if state.Kind() != loopTag {
		return true
	}
	t, _ := state.Tag()
	return (*loop)(unsafe.Pointer(t)).whole
}

// primState is the slot behind the arguments of the primitive in hand: its loop, or how many of the steps that it has charged were lent.
func (m *Machine) primState() *graph.Value {
	t, _ := slot(unsafe.Add(m.primRun, -int(slotSize)), 0).Tag()
	return slot(m.primRun, uintptr(primOf(t).Arity)*slotSize)
}

// lend is called before something lazy is reduced. When it is a primitive that begins again which looks at it, what that has charged by now is
// added to the fuel: with less fuel than it charges until then, a resumed run would come no further. All in all an evaluation gets
// no more than a primitive may overdraw.
func (m *Machine) lend() {
	if m.opt.Fuel == 0 || m.primRun == nil || !m.beginsAgain() {
		return
	}
	begin := unsafe.Add(m.primRun, -int(slotSize))
	t, n := slot(begin, 0).Tag()
	end := unsafe.Add(begin, primOf(t).size)
	if top := m.chunks[len(m.chunks)-1]; m.sp != end && (m.sp != unsafe.Pointer(unsafe.SliceData(top.slots)) || top.sp != end) {
		return // someone else does
	}
	before := uint64(0)
	state := m.primState()
	l := (*loop)(nil)
	if state.Kind() == loopTag {
		t, _ := state.Tag()
		l = (*loop)(unsafe.Pointer(t))
		before = l.lent
	} else if k, ok := state.Int(); ok {
		before = uint64(k)
	}
	charged := m.steps - startIn(n, m.steps)
	if l != nil { // what its calls took is not its own
		charged = m.steps - l.before
	}
	more := min(charged-min(before, charged), max(m.opt.Fuel, overdraft)-m.lent)
	m.lent += more
	m.fuelEnd += more
	if l != nil {
		l.lent = charged
	} else {
		*state = graph.Int(int64(charged))
	}
}

// normalise keeps steps below 2^62.
func (m *Machine) normalise() {
	for m.steps >= 1<<62 {
		m.steps -= 1 << 62
		m.limit -= 1 << 62
		m.off += 1 << 62
		m.high++
	}
}

// Charge adds n steps of a primitive's cost.
func (m *Machine) Charge(n int64) {
	if n > 0 {
		if m.opt.Profile != nil {
			m.opt.Profile.charged(uint64(n))
		}
		m.steps += uint64(n)
		if m.steps >= m.limit {
			m.charging = true
			m.safepoint()
			m.charging = false
		}
	}
}

// addSteps counts steps that were not executed now: of a result that is reused.
func (m *Machine) addSteps(k uint64) {
	m.steps += k
	m.limit += k
	m.off -= k
	m.normalise()
}

// A mark in time, to count the steps since.
type since struct{ steps, high uint64 }

func (m *Machine) now() since { return since{m.steps, m.high} }

// stepsSince is the steps since s; it stops at 2^63-1.
func (m *Machine) stepsSince(s since) uint64 {
	d := m.steps - s.steps // may wrap: the difference of high makes up for it
	switch h := m.high - s.high; {
	case h == 0:
	case h > 2:
		return math.MaxInt64
	default:
		d = m.steps + h<<62 - s.steps
	}
	return min(d, math.MaxInt64)
}

// rewind takes back the steps since s, which were executed but are not charged to the term in hand.
func (m *Machine) rewind(s since) {
	executed, left := m.executed(), m.limit-m.steps
	m.steps, m.high = s.steps, s.high
	m.off = executed - m.steps
	m.limit = m.steps + left
}

// Debug writes a line for the user.
func (m *Machine) Debug(line string) {
	if m.opt.Debug != nil {
		fmt.Fprintln(m.opt.Debug, line)
	}
}

// Load gives a block's bytes; a block that cannot be had stops the evaluation.
func (m *Machine) Load(c cid.Cid) []byte {
	data, err := m.opt.Load(c)
	if err != nil {
		panic(&Stop{Reason: Missing, Err: err})
	}
	return data
}

// Blocks is the sink for blocks that the evaluation makes; they go to the store, those of a value once.
func (m *Machine) Blocks() graph.Sink { return m.blocks }

// newBlocks makes the sink anew: one that does not take any block to be in the store.
func (m *Machine) newBlocks() {
	m.contexts = nil
	for _, how := range m.making {
		how.has = how.put == nil
	}
	m.blocksAfter(nil)
}

// forgetGiven makes the sink anew: one that takes just what was loaded to be in the store.
func (m *Machine) forgetGiven() { m.blocksAfter(m.blocks) }

func (m *Machine) blocksAfter(old *graph.Writer) {
	defer func() { m.far = &graph.Far{Load: m.opt.Load, Writer: m.blocks, Afford: m.afford} }()
	if m.opt.Store == nil {
		m.blocks = m.hasher
		return
	}
	put := graph.SinkFunc(func(b graph.Block) {
		m.tooLong()
		m.stats.Written += uint64(len(b.Data))
		if err := m.opt.Store.Put(m.ctx, b); err != nil {
			m.policy.storeFailed(err)
		}
	})
	if old == nil {
		m.blocks = graph.NewWriter(put)
	} else {
		m.blocks = old.Successor(put)
	}
	m.blocks.Reserving(m.encodes)
}

// encodes is called now and then by who encodes values, before taking so many bytes.
func (m *Machine) encodes(bytes int64) {
	switch {
	case m.writing:
		if bytes > 0 && m.opt.Memory > 0 && MemoryInUse()+bytes > m.opt.Memory+m.opt.Memory/4 { // a checkpoint at the limit may take a quarter more
			panic(&Stop{Reason: Missing, Err: errTooLong})
		}
		m.tooLong()
		return
	case m.yields:
		m.yield(bytes)
	case m.polls:
		m.poll()
	case m.answering:
		m.late()
	}
	m.Reserve(bytes)
}

// A yielded ends what is not needed for the answer when the evaluation is to stop, or memory is short.
type yielded struct{}

// yielding runs f, which encodes values for a lookup or a link, and says whether that has come to its end. It takes long where they are nested deep.
func (m *Machine) yielding(f func()) (done bool) {
	m.yields = true
	defer func() {
		m.yields = false
		if x := recover(); x != nil {
			if _, ok := x.(yielded); !ok {
				panic(x)
			}
		}
	}()
	f()
	return true
}

// yield ends what yields if the evaluation is to stop, or memory for so many bytes is short.
func (m *Machine) yield(bytes int64) {
	if m.stopping.Load() != nil || m.memHigh.Load() || m.afford(bytes) != nil {
		panic(yielded{})
	}
}

// Look forces the root of a value that an Eval came to: nothing below it is loaded or reduced.
func (m *Machine) Look(ctx context.Context, v graph.Value) (graph.Value, *Thrown, error) {
	return m.caught(ctx, func() graph.Value { return m.Force(v) })
}

// Primitive runs the primitive of that name, within the limits, and links nothing. Stopped, it leaves nothing to go on with.
func (m *Machine) Primitive(ctx context.Context, name string, args ...graph.Value) (graph.Value, *Thrown, error) {
	defer func(root *unit) { m.policy.root = root }(m.policy.root)
	m.policy.root = nil
	return m.caught(ctx, func() graph.Value {
		v, err := m.prim(name, cid.Undef).Run(m, args)
		if err != nil {
			m.throw(err, nil)
		}
		return v
	})
}

func (m *Machine) caught(ctx context.Context, f func() graph.Value) (v graph.Value, thrown *Thrown, err error) {
	err = m.limited(ctx, func() {
		var x any
		if v, x = m.protect(f); x != nil {
			t, ok := x.(*Thrown)
			if !ok {
				panic(x)
			}
			thrown = t
		}
	}).err
	return v, thrown, err
}
