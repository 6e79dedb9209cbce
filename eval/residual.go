// This file reads the stack back: a term in progress becomes the expression that is left of it, its residual.

package eval

import (
	"errors"
	"slices"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # How is a stack an expression?
//
// Between the calls in progress stand frames, each in the midst of its body. What such a frame still has to do with the value
// that it waits for is a function of that value, of the slots that are still needed, and of nothing else: its context. In
//
//	fib n = fib (n - 1) + fib (n - 2)          n = 30, waiting for fib 29
//
// it is \n x -> x + fib (n - 2) applied to 30. So a stack is a nest of applications around the innermost call, which has
// not begun. The functions depend on the code alone; the contexts of many frames are put together into one function, as long
// as it has few enough parameters, and where a stack repeats itself, as that of a deep recursion does, one application goes
// through such a function many times: a frame is written at little more than the values it holds. These applications are made by
// core.enter, which charges nothing: a residual takes the very steps that were left.
//
// That the innermost call has not begun holds at a safepoint. Whatever else notices a stop may be in the midst of a body, in something that
// is no call, with operands of which some are reduced: that call begins again, unless all operands of what it is in are there.
//
// Where a closed expression or a lazy value is being reduced on behalf of a frame, that frame just looks at it again, and a Reduct
// says what the expression has become. So do calls in progress, for whoever asks for them: all in a stack that is not deep, else those that
// have gone on for long. And so does the first call in each chunk of the stack, its anchor. These cut a deep stack into segments that do
// not rest on one another: they are read from the outermost in, and when time runs out, what lacks is the innermost
// of them, which are reduced once more.

// A reader reads the stack back, a segment at a time, each from the innermost frame out.
type reader struct {
	m   *Machine
	put graph.Sink

	rest   *gathering // where what is left is to be reduced at once (rest.go), and not written
	broken bool       // something could not be read back, and begins again

	have   bool    // there is a child, or what the contexts gathered make
	closed bool    // the innermost of those looks again, and needs no child
	fresh  *lam    // the child is a call of it that has just been made; nil if it is none
	lost   bool    // what is above could not be read back: the frame begins again, if it can
	child  cid.Cid // the closed expression that the frame in hand waits for
	index  int     // the node of the frame in hand that waits, or -1
	now    uint64
	runs   []operandRun // above the frame in hand, innermost first

	// The contexts gathered: rows, each of the same shapes, and a group that is to be one, all innermost first.
	row       []*shape
	rowParams int
	rows      int
	group     []*shape
	params    int
	depth     int
	values    []graph.Value // of the rows, then of the group

	lastKey   shapeKey // of the frame before, which most often is that of the next
	lastShape *shape
	simple    bool // it is of a frame that waits for a value, without operands beside it

	entries map[graph.Value]graph.Value // of lists and maps whose elements are not there (unmade.go)

	each    bool // call in progress gets a Reduct
	reducts []graph.Reduct
	known   []cid.Cid // blocks of Reducts that were used and still hold
	longest uint64    // start of the last call that got a Reduct
	began   uint64    // steps where the segment ends
	items   uint64    // read so far
}

// An operandRun is a run of operands of the node index.
type operandRun struct {
	index  int
	values []graph.Value
	whole  bool // all of them are reduced
}

const (
	groupParams = 200 // of a function made of contexts; its last one is what they wait for
	groupDepth  = 90
	rowValues   = 2048 // of an application that goes through such a function many times
	maxRows     = 1 << 16
	fewRuns     = 512 // runs of slots in a stack whose every call gets a Reduct, so that its result is linked in the end
	callGap     = 8   // in others a call gets a Reduct when it has gone on for an eighth longer than the last that got one
	maxReducts  = 2048
	manyChunks  = 512     // from there on, not every chunk has an anchor
	surely      = 1 << 19 // runs of slots that are read however long it takes
)

// readBack reads the stack back, as far as it gets until then: the first surely runs of slots, or what takes as long, it reads in any
// case. The reducts are those of the expressions in progress, the one asked for first. The error says why there are none.
func (m *Machine) readBack(put graph.Sink, until time.Time) (reducts []graph.Reduct, known []cid.Cid, err error) {
	if m.high > 0 || m.steps >= 1<<(64-indexBits) { // a header does not hold so many
		return nil, nil, errManySteps
	}
	r := &reader{m: m, put: put}
	r.each = m.policy.on() && m.fewRuns()
	var fps []position // of the segment
	var below runHeader
	root, written := true, m.stats.Written
	for i := range m.chunks {
		fp, end := m.extentOf(i)
		sought := i > 0 && (i < manyChunks || i%16 == 0)
		base := uintptr(fp)
		for uintptr(fp) < end {
			h := m.headerAt(fp)
			fps = append(fps, position{uint32(i), uint32(uintptr(fp) - base)})
			if sought && h.f != nil && h.f.arity > 0 && !h.f.loops && (below.p == nil || below.p.Name != enterName) {
				sought = false
				if err := r.segment(fps, root, false); err != nil {
					return r.ending(root, err)
				}
				root, fps = false, append(fps[:0], fps[len(fps)-1])
				if r.items+(m.stats.Written-written)/64 > surely && time.Now().After(until) {
					return r.ending(root, nil)
				}
			}
			below, fp = h, unsafe.Add(fp, h.size)
		}
	}
	return r.ending(root, r.segment(fps, root, true))
}

// A position is that of a run of slots: its chunk, and how many bytes from that one's beginning. There may be millions; they
// are nothing to the garbage collector.
type position struct{ chunk, offset uint32 }

func (m *Machine) at(p position) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(m.chunks[p.chunk].slots)), p.offset)
}

// ending is what was read until a segment could not be: nothing, if that was the root's.
func (r *reader) ending(root bool, err error) ([]graph.Reduct, []cid.Cid, error) {
	if !root {
		err = nil
	}
	return r.reducts, r.known, err
}

// extentOf is where the frames of the i-th chunk begin and end.
func (m *Machine) extentOf(i int) (unsafe.Pointer, uintptr) {
	end := m.sp
	if i+1 < len(m.chunks) {
		end = m.chunks[i+1].sp
	}
	return unsafe.Pointer(unsafe.SliceData(m.chunks[i].slots)), uintptr(end)
}

// fewRuns says whether the stack has few runs of slots.
func (m *Machine) fewRuns() bool {
	n := 0
	for i := range m.chunks {
		for fp, end := m.extentOf(i); uintptr(fp) < end; fp = unsafe.Add(fp, m.headerAt(fp).size) {
			if n++; n > fewRuns {
				return false
			}
		}
	}
	return true
}

// segment reads the runs of slots from the root or an anchor to the next anchor or the top.
func (r *reader) segment(at []position, root, top bool) (err error) {
	first, known := len(r.reducts), len(r.known)
	defer func() {
		if x := recover(); x != nil {
			s, ok := stopOf(x)
			if !ok {
				panic(x)
			}
			r.reducts, r.known = r.reducts[:first], r.known[:known]
			if err = s.Err; err == nil {
				err = s
			}
		}
	}()
	r.lose()
	r.lost, r.fresh, r.index, r.now = false, nil, -1, r.m.steps
	last := len(at) - 1
	if !top { // the next anchor's call is what there is to do
		r.again(r.m.at(at[last]))
		last--
	}
	r.longest, r.began = r.now, r.now
	for i := last; i >= 0; {
		i = r.runsFrom(at, i, top && i == last, first)
	}
	if !root && r.have {
		r.unlessUnmade(func() {
			fp := r.m.at(at[0])
			h := r.m.headerAt(fp)
			r.becomes(fp, &h)
		})
	}
	slices.Reverse(r.reducts[first:])
	return nil
}

// runsFrom reads the runs of slots from the i-th outwards, up to one that mentions elements which would have to be made. What that one is of
// begins again. It returns where to go on.
func (r *reader) runsFrom(at []position, i int, innermost bool, first int) (next int) {
	if r.unlessUnmade(func() {
		var below runHeader
		for h := r.m.headerAt(r.m.at(at[i])); i >= 0; i, h, innermost = i-1, below, false {
			fp := r.m.at(at[i])
			if below = (runHeader{}); i > 0 {
				below = r.m.headerAt(r.m.at(at[i-1]))
			}
			if r.items++; r.items%1024 == 0 {
				r.m.tooLong()
			}
			if s := r.lastShape; s != nil && r.simple && h.f == r.lastKey.f && r.index == r.lastKey.index && r.index >= 0 && r.have && len(r.runs) == 0 && h.f.arity > 0 && r.fresh == nil {
				r.around(fp, s) // what item would do
				r.long(fp, &h, &below)
				r.index = h.index
				continue
			}
			r.item(fp, &h, &below, innermost, first)
		}
	}) {
		return i
	}
	r.again(r.m.at(at[i]))
	return i - 1
}

// unlessUnmade runs f, and says whether it ended: it does not where it mentions elements that would have to be made.
func (r *reader) unlessUnmade(f func()) (ended bool) {
	defer func() {
		if x := recover(); x != nil {
			if s, ok := stopOf(x); !ok || !errors.Is(s.Err, errNotMade) {
				panic(x)
			}
			r.m.forgetGiven()
			r.put = r.m.Blocks()
		}
	}()
	f()
	return true
}

// again has that begin again whose run of slots is at fp, without what is above it: a call with its arguments, or what the frame around it looks at
// once more. What can do neither is lost.
func (r *reader) again(fp unsafe.Pointer) {
	r.lose()
	h := r.m.headerAt(fp)
	r.fresh, r.index = nil, h.index
	if h.kind == graph.KindInt || h.kind == restTag {
		return
	}
	r.now = startIn(h.n, r.now)
	if !r.unlessUnmade(func() {
		switch {
		case h.kind == thunkTag:
			r.lost, r.index = false, -1
		case h.kind == madeTag:
			r.index = -1
		case h.p != nil:
			r.child = r.callOf(primHead(h.p), slices.Clone(slots(fp, slotSize, h.p.Arity)))
			r.have, r.lost = true, false
		case h.f.inner, h.f.loops:
		case h.f.arity > 0:
			r.call(fp, &h)
		default:
			r.lost, r.have, r.child = false, h.index >= 0, h.f.cid
		}
	}) {
		r.lose()
	}
}

// item goes on with the run of slots at fp, whose neighbour outwards has the header below. The segment's reducts are those from first on.
func (r *reader) item(fp unsafe.Pointer, h, below *runHeader, innermost bool, first int) {
	m := r.m
	switch {
	case h.kind == graph.KindInt:
		r.operands(operandRun{h.index, slots(fp, slotSize, int(h.n&^reducing>>indexBits)), h.n&reducing == 0}, below)
	case h.kind == restTag:
		if rest := slots(fp, slotSize, int(h.n>>indexBits)); r.have {
			r.flush()
			args := slices.Clone(rest[:len(rest)-1]) // the last slot is spare
			r.child = r.apply(&graph.Term{Op: graph.OpRef, CID: r.child}, args)
		} else {
			r.lose()
		}
		r.index = h.index
	case h.kind == madeTag:
		r.lose()
		r.now, r.index = startIn(h.n, r.now), -1
		r.longest = r.now
	case h.kind == thunkTag:
		t := slot(fp, slotSize).Thunk()
		if f := forcedOf(t); f.becomes.Defined() {
			r.further(graph.ThunkCode(t, r.put), startIn(h.n, r.now), f.becomes, first)
			r.lose()
		}
		r.boundary(graph.ThunkCode(t, r.put), startIn(h.n, r.now), -1, nil)
	case h.p != nil:
		r.prim(fp, h)
	case h.f.arity == 0 && h.f.inner:
		r.goingOn(h, innermost)
	case h.f.arity == 0:
		u := m.unit(h.f.cid)
		switch {
		case innermost || u.becomes.Defined() || r.waitsToEnter(u):
			if u.becomes.Defined() {
				r.further(h.f.cid, startIn(h.n, r.now), u.becomes, first)
			}
			r.lose()
			r.lost, r.now = false, startIn(h.n, r.now)
			if r.index = h.index; h.index >= 0 {
				r.have, r.child = true, h.f.cid
			}
		default:
			if !u.goesOn {
				r.frame(fp, h)
			}
			r.boundary(h.f.cid, startIn(h.n, r.now), h.index, u)
		}
	case innermost && !m.entering: // it is in the midst of its body, in something that is no call
		r.again(fp)
	case innermost:
		// A call that has not begun: its own step is counted already.
		r.now = m.steps - 1
		r.call(fp, h)
		r.fresh = h.f
		return
	case r.have && r.index < 0 && len(r.runs) == 0 && !r.lost:
		// A tail call stands above: it is all that is left.
		r.long(fp, h, below)
		r.index = h.index
	default:
		r.frame(fp, h)
		r.long(fp, h, below)
		r.index = h.index
	}
	r.fresh = nil
}

// waitsToEnter says whether a closed expression is a residual of before that waits for the closed expression in hand, its argument: it
// has taken no steps yet and just looks again.
func (r *reader) waitsToEnter(u *unit) bool {
	t := u.lam.term.Args[0]
	return entersContext(t) && r.have && !r.lost && r.rows+len(r.group) == 0 && t.Args[3].Op == graph.OpRef && t.Args[3].CID == r.child
}

// call makes the call whose frame is fp what the frame around it waits for.
func (r *reader) call(fp unsafe.Pointer, h *runHeader) {
	args := slices.Clone(slots(fp, slotSize, h.f.arity))
	r.have, r.lost, r.runs = true, false, r.runs[:0]
	r.child = r.callOf(h.f.head(), args)
	r.index = h.index
}

// lose says that what is above the frame in hand cannot be read back.
func (r *reader) lose() {
	r.broken = true
	r.lost, r.have, r.child = true, false, cid.Undef
	r.runs = r.runs[:0]
	r.clear()
}

// boundary ends a closed expression: what is left of it is its Reduct, and whoever looks at it looks again. u is nil for
// a lazy value.
func (r *reader) boundary(expr cid.Cid, start uint64, index int, u *unit) {
	r.flush()
	if r.have && r.child != expr {
		r.reduct(expr, start)
	}
	r.lose()
	r.lost, r.now, r.longest, r.index = false, start, start, index
	if u != nil && index >= 0 {
		r.have, r.child = true, expr
	}
}

// reduct notes that expr, begun at start, has become the child in hand.
func (r *reader) reduct(expr cid.Cid, start uint64) bool {
	if elapsed := r.now - start; elapsed < 1<<62 && len(r.reducts) < maxReducts {
		r.reducts = append(r.reducts, graph.Reduct{Of: expr, To: r.child, Steps: elapsed})
		return true
	}
	return false
}

// further notes that expr, which an earlier reduct brought to an expression that is in progress in its place, has come as far as
// that one has by now.
func (r *reader) further(expr cid.Cid, start uint64, earlier cid.Cid, first int) {
	data, err := r.m.opt.Load(earlier)
	if err != nil {
		return
	}
	was, err := graph.DecodeReduct(data)
	if last := len(r.reducts) - 1; err == nil && last >= first && r.reducts[last].Of == was.To {
		r.reducts[last].Of = expr
		r.reducts[last].Steps = min(r.reducts[last].Steps+r.now-start, graph.MaxSteps)
		return
	}
	r.known = append(r.known, earlier)
}

// long gives the call whose frame is fp a Reduct of its own if it has gone on for long.
func (r *reader) long(fp unsafe.Pointer, h, below *runHeader) {
	if r.rest != nil || r.lost || !r.have || h.f.loops || below.p != nil && below.p.Name == enterName { // a context is no call of the program's
		return
	}
	start := startIn(h.n, r.now)
	if !r.each && r.longest-start < max(grain, (r.began-start)/callGap) || len(r.reducts) >= maxReducts/2 {
		return
	}
	r.becomes(fp, h)
}

// becomes gives the call whose frame is fp a Reduct, and makes the call what the frame around it waits for.
func (r *reader) becomes(fp unsafe.Pointer, h *runHeader) {
	r.flush()
	start := startIn(h.n, r.now)
	args := slices.Clone(slots(fp, slotSize, h.f.arity))
	if expr := r.callOf(h.f.head(), args); expr != r.child && r.reduct(expr, start) {
		r.child, r.now, r.longest = expr, start, start
	}
}

// operands notes a run of operands. One above a primitive's is an application to what its call has come to so far.
func (r *reader) operands(run operandRun, below *runHeader) {
	if below.p == nil {
		r.runs = append(r.runs, run)
		return
	}
	if r.have && r.index == run.index { // all of them are taken by the call above
		return
	}
	if r.lost || r.have {
		r.lose()
		return
	}
	head, args := run.values[0], slices.Clone(run.values[1:])
	if head.Kind() == graph.KindFn && len(args) > 0 {
		all := append(slices.Clone(head.Fn().Args), args...)
		r.have, r.child = true, r.callOf(fnHead(head.Fn()), all)
		return
	}
	r.lose()
}

// fnHead is the head of a function value as a term.
func fnHead(fn *graph.Fn) *graph.Term {
	if fn.Prim != "" {
		return &graph.Term{Op: graph.OpPrim, Name: fn.Prim}
	}
	return &graph.Term{Op: graph.OpRef, CID: fn.Head}
}

// prim makes what is left of a primitive's call what the frame around it waits for.
func (r *reader) prim(fp unsafe.Pointer, h *runHeader) {
	p, l := h.p, (*loop)(nil)
	args := slices.Clone(slots(fp, slotSize, p.Arity))
	if state := slot(fp, slotOffset(p.Arity)); state.Kind() == loopTag {
		t, _ := state.Tag()
		l = (*loop)(unsafe.Pointer(t))
	}
	if r.rest != nil && !l.canWait() {
		r.broken = true
		return
	}
	switch {
	case l != nil && p.Name == enterName:
		r.entering(l, args)
	case l != nil && l.n > 0 && l.begun:
		r.looping(l, p.Name, args)
	default: // It begins again, with what it has looked into so far.
		r.clear()
		r.now = startIn(h.n, r.now)
		r.child = r.callOf(primHead(p), args)
	}
	r.have, r.lost = true, false
	r.index, r.runs = h.index, r.runs[:0]
}

// entering makes what is left of a call of core.enter the child: the turns to come, around the one in hand.
func (r *reader) entering(l *loop, args []graph.Value) {
	done, x := l.n, l.acc
	began := r.fresh == nil || r.fresh.cid != args[0].Fn().Head // the turn; the call may be a tail call of the context
	if l.state == calling && r.have && !r.lost && began {
		if done == l.turns { // the call is all that is left
			return
		}
		r.flush()
		x = childArg(r.child)
	} else {
		if l.state == calling {
			done--
		}
		r.clear()
		r.now = l.before
	}
	r.child = r.apply(&graph.Term{Op: graph.OpPrim, Name: enterName}, []graph.Value{args[0], turnsAfter(args[1], done, l.turns), x})
}

// looping makes what is left of a loop the child.
func (r *reader) looping(l *loop, name string, own []graph.Value) {
	if name == resumeName {
		name, own = own[0].Text(), l.args
	}
	n, has, value := l.n, true, graph.Null()
	above := l.state == calling && r.have && !r.lost
	switch {
	case above:
	case l.state == answered:
		value, r.now = l.result, l.at
	default:
		if has, r.now = false, l.before; l.state == calling {
			n--
		}
	}
	k, _ := keeperOf(name)
	own, parts := slices.Clone(own), k.save(l)
	if r.rest != nil {
		graph.Hold(own)
		graph.Hold(parts)
	}
	state := graph.NewList(graph.NewList(own...), graph.Int(int64(n)), graph.NewList(parts...))
	if above {
		s := r.m.loopShape(name)
		r.room(s)
		r.values = append(r.values, state)
		r.add(s)
		return
	}
	r.clear()
	r.child = r.callOf(&graph.Term{Op: graph.OpPrim, Name: resumeName}, []graph.Value{graph.Text(name), state, graph.Bool(has), value})
}

// loopShape is the context of a primitive's loop that waits for a call: all but its state is the same for all of them.
func (m *Machine) loopShape(name string) *shape {
	k := shapeKey{loop: name}
	s := m.shapes[k]
	if s == nil {
		lit := func(v graph.Value) *graph.Term { return &graph.Term{Op: graph.OpLit, Value: v} }
		s = &shape{depth: 2, params: []source{{}}, term: &graph.Term{Op: graph.OpApp, Args: []*graph.Term{
			{Op: graph.OpPrim, Name: resumeName}, lit(graph.Text(name)), {Op: graph.OpVar}, lit(graph.Bool(true)), {Op: opHole},
		}}}
		m.keepShape(k, s)
	}
	return s
}

// frame puts the context of a frame around what is above it.
func (r *reader) frame(fp unsafe.Pointer, h *runHeader) {
	if r.index < 0 && len(r.runs) > 0 && !r.runs[0].whole { // it was stopped in the midst of an operand
		r.lose()
	}
	if !r.lost {
		if r.index < 0 && len(r.runs) > 0 {
			r.index = r.runs[0].index
		}
		k := shapeKey{f: h.f, index: r.index, have: r.have, runs: len(r.runs)}
		if k != r.lastKey {
			r.lastKey, r.lastShape = k, r.m.shape(k, r.runs)
			r.simple = k.have && k.runs == 0
		}
		if r.lastShape != nil {
			r.around(fp, r.lastShape)
			return
		}
		r.lose()
	}
	if h.f.arity == 0 || h.f.loops {
		r.lose()
		return
	}
	r.now = startIn(h.n, r.now)
	r.call(fp, h)
}

// around puts a context around what is in hand.
func (r *reader) around(fp unsafe.Pointer, s *shape) {
	r.closed = r.closed || !r.have
	for part := s; part != nil; part = part.outer {
		r.room(part)
		for _, src := range part.params {
			if src.run >= 0 {
				r.values = append(r.values, r.runs[src.run].values[src.off])
			} else {
				r.values = append(r.values, *slot(fp, src.off))
			}
		}
		if part.term.Op != opHole {
			r.add(part)
		}
		if part.outer != nil { // what is above stands in a try
			r.flush()
			r.child = r.tried(r.child)
		}
	}
	r.have, r.runs = true, r.runs[:0]
}

// room makes room in the group for a context.
func (r *reader) room(s *shape) {
	if s.inHead || r.params+len(s.params) > groupParams || r.depth+s.depth > groupDepth {
		r.endRow(s.inHead)
	}
}

// add puts a context, whose values are there already, into the group.
func (r *reader) add(s *shape) {
	r.group = append(r.group, s)
	r.params += len(s.params)
	r.depth += s.depth
	if r.rows == 0 || len(r.group) < len(r.row) {
		return
	}
	if !slices.Equal(r.group, r.row) {
		r.enter()
		return
	}
	r.rows++
	r.group, r.params, r.depth = r.group[:0], 0, 0
	if r.rows*r.rowParams >= rowValues || r.rows == maxRows {
		r.enter()
	}
}

// endRow makes a row of the group: of whole turns, if it repeats itself, so that what comes next is made of the same rows. All of it
// says that nothing may be left in the group.
func (r *reader) endRow(all bool) {
	if len(r.group) == 0 {
		return
	}
	r.enter()
	n := len(r.group)
	for p := 1; p <= n/2 && !all; p++ {
		if slices.Equal(r.group[p:], r.group[:n-p]) {
			n -= n % p
			break
		}
	}
	r.row, r.rows, r.rowParams = append(r.row[:0], r.group[:n]...), 1, 0
	for _, s := range r.row {
		r.rowParams += len(s.params)
	}
	r.group = append(r.group[:0], r.group[n:]...)
	r.params, r.depth = 0, 0
	for _, s := range r.group {
		r.params += len(s.params)
		r.depth += s.depth
	}
}

// enter makes one application of the rows and what the innermost waits for.
func (r *reader) enter() {
	if r.rows == 0 {
		return
	}
	last := graph.Null()
	if !r.closed {
		last = childArg(r.child)
	}
	n := r.rows * r.rowParams
	turns := graph.ListValue(graph.ListOf(slices.Clone(r.values[:n])))
	if r.rowParams == 0 && r.rows > 1 {
		turns = graph.Int(int64(r.rows))
	}
	fn := graph.FnValue(&graph.Fn{Head: r.contextFn(r.row, r.rowParams+1)})
	r.child = r.apply(&graph.Term{Op: graph.OpPrim, Name: enterName}, []graph.Value{fn, turns, last})
	r.values = append(r.values[:0], r.values[n:]...)
	r.rows, r.closed = 0, false
}

// flush makes the contexts gathered and what they wait for the child.
func (r *reader) flush() {
	r.endRow(true)
	r.enter()
}

// clear drops the contexts gathered.
func (r *reader) clear() {
	r.rows, r.group, r.params, r.depth, r.closed = 0, r.group[:0], 0, 0, false
	r.values = r.values[:0]
}

// childArg is a closed expression as an argument of an application.
func childArg(c cid.Cid) graph.Value { return graph.FnValue(&graph.Fn{Head: c, Opaque: true}) }
