// This file holds the stack and the calls: frames, tail calls, application of function values, errors on their way up.
//
// A frame is a run of slots: slot 0 is its header, then come its parameters, its lets, the operands that wait for others to
// be reduced, copies of its arguments if it turns in a loop and may be linked, what it knows of ints that it has made, and padding in proportion
// to the depth of its code. Frames are contiguous in a chunk, so the callers of a frame are found by walking up from the chunk's start. Go's own
// stack cannot be recovered when it gives out, so a chunk's frames run on a goroutine of their own and the padding bounds what
// that one needs. All that a term in progress is made of stands in these slots, so that it can be read back (residual.go).

package eval

import (
	"slices"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

const (
	slotSize   = unsafe.Sizeof(graph.Value{})
	chunkSlots = 1 << 16
	// slack is more than the largest frame, so that a pointer past the last frame still points into the chunk.
	slack = 4096
	// primSlots is what a primitive that calls functions takes of the stack besides its arguments.
	primSlots = 12
)

// A chunk is the part of the stack that one goroutine uses.
type chunk struct {
	slots []graph.Value
	sp    unsafe.Pointer // of the chunk below, while this one is in use
	end   uintptr
}

// A lam is a supercombinator, compiled.
type lam struct {
	graph.Tag
	id     int
	cid    cid.Cid // its own block: a lam's, or a member's
	term   *graph.Term
	unit   *unit // where its term stands
	base   int   // preorder index of the lam in that block
	group  []*lam
	arity  int
	slots  int     // parameters and lets
	size   uintptr // of its frame, in bytes
	body   code    // reduces the body
	once   code    // reduces the body up to where it turns, and knows of nothing that was made before
	enter  code    // what a call runs: body, or body with linking around it
	loops  bool    // the body turns by writing its own parameters
	sole   []bool  // by slot: nobody else holds the ints in it that the loop has made (reuse.go); nil if it makes none
	calls  bool    // the body calls functions, or primitives that may
	passes bool    // the body only ends in a call of another function, outside its group, with what it was given itself
	inner  bool    // a context or a rest (rest.go): no function of the program's
	lands  bool    // work may be dropped for each of its calls
	kept   uintptr // where the copies of the arguments stand, if loops
	spares uintptr // where the ints that the loop has made are noted, if sole
	bare   bool    // nothing stands around it
	// consumed is 1 + the parameter that the body consumes (own.go), -1 for none, 0 if that is not known.
	consumed int
	acct     account // policy.go
	salt     uint64  // of the function's CID, for meets
}

// code reduces a piece of a body in the frame fp. In tail position it may return graph.Mark with the callee in m.tail, or graph.Again.
type code func(m *Machine, fp unsafe.Pointer) graph.Value

// # What is in a header?
//
// The header of a frame points to its lam, that of a primitive's run to its Prim, that of a lazy value being reduced to
// thunkMark; beside it stand the steps when it was entered, above, and one more than the preorder index of the call in
// the block of the frame below, in indexBits: 0 if that is not known, and for a tail call, which stands on top of the
// frame that it ends. A run that holds operands while others are reduced points to nothing: it has the index there, and
// its number of slots below. One that holds what is left of an application with too many arguments points to restMark. Where elements of a list are made
// again for who looks at them, which may be in the midst of anything, a header alone stands below, and points to madeMark.

// The kinds of tags in headers.
const (
	lamTag = graph.FirstTag + iota
	primTag
	thunkTag
	restTag
	madeTag
	loopTag   // not in headers: in the first slot behind the arguments of a primitive that calls functions
	sparesTag // nor are these: in the slot lam.spares,
	forcedTag // in a lazy value
)

const (
	indexBits = 20 // a block of code has fewer nodes
	indexMask = 1<<indexBits - 1
)

var thunkMark, restMark, madeMark = newTag(thunkTag), newTag(restTag), newTag(madeTag)

func newTag(k graph.Kind) *graph.Tag {
	t := new(graph.Tag)
	t.Init(k)
	return t
}

// entered is the number in the header of what is entered now, from the node of that index, or -1.
func (m *Machine) entered(index int) int64 { return int64(m.steps<<indexBits) | int64(index+1) }

// indexIn is the index that a header's number holds, or -1.
func indexIn(n int64) int { return int(n&indexMask) - 1 }

// startIn is the steps at which what has a header's number was entered, given that it was at most now; or a little later, in what is counted from
// a call on whose own step was taken back (coreEnter).
func startIn(n int64, now uint64) uint64 {
	const mask, little = 1<<(64-indexBits) - 1, 1 << 10
	ago := (now - uint64(n)>>indexBits) & mask
	if ago > mask-little {
		return now + (mask + 1 - ago)
	}
	return now - ago
}

func lamOf(t *graph.Tag) *lam { return (*lam)(unsafe.Pointer(t)) }

// operands is the header of a run of n slots for operands of the node of that index, or -1.
func operands(n, index int) graph.Value { return graph.Int(int64(n)<<indexBits | int64(index+1)) }

// reducing, in the header of a run of operands, says that they are not all there yet.
const reducing = 1 << 62

func slot(fp unsafe.Pointer, offset uintptr) *graph.Value {
	return (*graph.Value)(unsafe.Add(fp, offset))
}

func slotOffset(level int) uintptr { return uintptr(level+1) * slotSize }

// slots gives n slots at offset as a slice.
func slots(fp unsafe.Pointer, offset uintptr, n int) []graph.Value {
	return unsafe.Slice((*graph.Value)(unsafe.Add(fp, offset)), n)
}

func (m *Machine) pushChunk() {
	s := m.spare
	m.spare = nil
	if s == nil {
		s = make([]graph.Value, chunkSlots+slack)
	}
	m.chunks = append(m.chunks, chunk{slots: s, sp: m.sp, end: m.end})
	m.sp = unsafe.Pointer(unsafe.SliceData(s))
	m.end = uintptr(m.sp) + m.chunkSize
}

func (m *Machine) popChunk() {
	top := m.chunks[len(m.chunks)-1]
	m.chunks = m.chunks[:len(m.chunks)-1]
	m.sp, m.end = top.sp, top.end
	m.spare = top.slots
}

// clearStack drops what dead slots still hold: those above the frames, and those of the frames of the chunk on top whose lets and
// operands are still to come. Frames are laid out where others have been.
func (m *Machine) clearStack() {
	m.spare = nil
	last := len(m.chunks) - 1
	top := m.chunks[last].slots
	used := (uintptr(m.sp) - uintptr(unsafe.Pointer(unsafe.SliceData(top)))) / slotSize
	for dead := top[used:]; len(dead) > 0; { // what was not used since the last time is clear
		part := dead[:min(slack, len(dead))]
		if !slices.ContainsFunc(part, func(v graph.Value) bool { return v != graph.Value{} }) {
			break
		}
		clear(part)
		dead = dead[len(part):]
	}
	clear(m.targs)
	var f *lam
	var frame unsafe.Pointer
	index, known := unknown, false // of the node at which f waits
	for fp, end := m.extentOf(last); uintptr(fp) < end; {
		h := m.headerAt(fp)
		if f != nil && !known {
			switch {
			case h.kind == madeTag:
				index, known = unknown, true
			case h.index >= 0:
				index = h.index
			case index != toBegin: // something that the operands below are looked at by
			case h.f != nil || h.kind == graph.KindInt && h.n == 0:
				index, known = tailCalled, true
			default:
				index = unknown
			}
		}
		switch {
		case h.f != nil:
			m.clearFrame(f, frame, index)
			f, frame, index, known = h.f, fp, toBegin, false
		case h.kind != graph.KindInt: // operands may stand below other things that f waits for
			known = true
		}
		fp = unsafe.Add(fp, h.size)
	}
	m.clearFrame(f, frame, index)
}

// What stands for the index of the node at which a frame waits.
const (
	unknown    = -1
	toBegin    = -2 // it has just been entered, or turns
	tailCalled = -3 // for the value of a tail call: only its arguments are of use, to link it
)

// clearFrame drops what dead slots hold of a frame that waits at the node of that index.
func (m *Machine) clearFrame(f *lam, fp unsafe.Pointer, index int) {
	if f == nil {
		return
	}
	empty := func(from, to uintptr) { clear(slots(fp, from, int((to-from)/slotSize))) }
	if index != unknown {
		lets, waiting := f.inUse(index)
		empty(slotOffset(f.arity+lets), slotOffset(f.slots))
		empty(slotOffset(f.slots+waiting), f.kept)
	}
	from, args := f.kept, []graph.Value(nil) // args are there only to be linked
	switch {
	case f.loops && m.keeps:
		args = slots(fp, from, f.arity)
		from += uintptr(f.arity) * slotSize
	case index == tailCalled:
		args = slots(fp, slotSize, f.arity)
	}
	for i, v := range args {
		parts := unforcedParts
		args[i], _ = unforced(v, &parts)
	}
	empty(from, f.size)
}

const unforcedParts = 32

// unforced is v with nothing of what its lazy values have come to, and whether that makes a difference: it has as many parts as are
// looked at. Whoever keeps the beginning of a stream, to link a call of it, does not keep the stream.
func unforced(v graph.Value, parts *int) (graph.Value, bool) {
	if *parts--; *parts < 0 {
		return v, false
	}
	var items []graph.Value
	switch v.Kind() {
	case graph.KindLazy:
		items = v.Thunk().Args()
	case graph.KindList:
		if v.ListLen() > unforcedParts || v.Unmade() > 0 { // who clears the stack makes nothing
			return v, false
		}
		items = listValues(v.List())
	}
	if len(items) == 0 {
		return v, false
	}
	differs := v.Kind() == graph.KindLazy && unitState(v.Thunk().State) == reduced
	out := make([]graph.Value, len(items))
	for i, x := range items {
		y, other := unforced(x, parts)
		out[i], differs = y, differs || other
	}
	switch {
	case !differs:
		return v, false
	case v.Kind() == graph.KindLazy:
		return graph.NewThunk(v.Thunk().Head, out...), true
	}
	return graph.NewList(out...), true
}

// inUse is how many lets are in scope at the node of that index, and how many operands wait there.
func (f *lam) inUse(index int) (lets, waiting int) {
	t, at := f.term.Args[0], f.base+1
	for at < index {
		at++
		for i, a := range t.Args {
			n := nodes(a)
			if index < at+n {
				if t.Op == graph.OpLet {
					lets += i
				}
				t = a
				break
			}
			at += n
			if waits(t, i) {
				waiting++
			}
		}
	}
	return lets, waiting
}

// unwindTo resets the stack after a panic with thrown that was caught where sp stood. The chunks above are gone already. Lazy values that
// were being reduced are so no longer, and what that took is not charged.
func (m *Machine) unwindTo(sp unsafe.Pointer, thrown any) {
	m.owner = nil
	first := graph.Null()
	for fp := sp; uintptr(fp) < uintptr(m.sp); {
		h := m.headerAt(fp)
		if h.kind == thunkTag {
			if start := *slot(fp, 2*slotSize); start.Kind() == graph.KindInt {
				thunkFailed(slot(fp, slotSize).Thunk(), thrown)
				if first.Kind() == graph.KindNull {
					first = start
				}
			}
		}
		fp = unsafe.Add(fp, h.size)
	}
	if start, ok := first.Int(); ok {
		m.rewind(since{uint64(start), 0})
	}
	m.sp = sp
}

// hop runs f with a chunk and a goroutine of its own.
func (m *Machine) hop(f func() graph.Value) (r graph.Value) {
	if m.stopping.Load() != nil || m.memHigh.Load() {
		m.limit = m.steps // the next step looks
	}
	m.pushChunk()
	base, room := m.base, roomAfter(m.base, m.given)
	m.given = room
	done := make(chan any)
	go func() {
		takeRoom(room)
		m.base = here()
		returned := false
		defer func() {
			if !returned {
				done <- recover()
				return
			}
			done <- nil
		}()
		r = f()
		returned = true
	}()
	p := <-done
	if p != nil {
		fp, _ := m.extentOf(len(m.chunks) - 1)
		m.unwindTo(fp, p)
	}
	m.base = base
	m.popChunk()
	if p != nil {
		panic(p)
	}
	return r
}

// protect runs f and gives the *Thrown, *Stop or *landing that it panicked with, when the stack is as it was. The caller may panic with it again,
// where a deferred function should not: its panic would keep the stack below it, and many in each other take quadratic time.
func (m *Machine) protect(f func() graph.Value) (v graph.Value, thrown any) {
	returned, sp := false, m.sp
	profiled := m.opt.Profile.reducing()
	defer func() {
		if returned {
			return
		}
		thrown = recover()
		if s, ok := stopOf(thrown); ok {
			thrown = s
		} else if _, ok := thrown.(*Thrown); !ok {
			if _, ok := thrown.(*landing); !ok {
				panic(thrown)
			}
		}
		m.unwindTo(sp, thrown)
		m.opt.Profile.reduces(profiled)
	}()
	v = f()
	returned = true
	return v, nil
}

// call makes a saturated call. args may stand on the stack, below m.sp. index is the call's, or -1.
func (m *Machine) call(f *lam, args []graph.Value, index int) graph.Value {
	fp := m.sp
	if uintptr(fp)+f.size > m.end {
		copy(m.handOver(f, len(args)), args)
		return m.callOnNewChunk(f, index)
	}
	m.sp = unsafe.Add(fp, f.size)
	*slot(fp, 0) = f.Value(m.entered(index))
	copy(slots(fp, slotSize, len(args)), args)
	return m.run(f, fp)
}

// run reduces the call whose frame is fp and takes the frame away.
func (m *Machine) run(f *lam, fp unsafe.Pointer) graph.Value {
	m.steps++
	if m.steps >= m.limit {
		m.safepoint()
	}
	r := f.enter(m, fp)
	if r.IsMark() {
		r = m.trampoline(fp)
	}
	m.sp = fp
	return r
}

// callOnNewChunk is call with the arguments in m.targs.
func (m *Machine) callOnNewChunk(f *lam, index int) graph.Value {
	held := slices.Clone(m.targs[:f.arity])
	return m.hop(func() graph.Value { return m.call(f, held, index) })
}

// trampoline makes the tail calls that follow a body that returned the mark, in the place of its frame fp.
func (m *Machine) trampoline(fp unsafe.Pointer) graph.Value {
	for {
		f := m.tail
		_, n := slot(fp, 0).Tag()
		if uintptr(fp)+f.size > m.end {
			m.sp = fp
			return m.callOnNewChunk(f, indexIn(n))
		}
		m.place(f, fp, indexIn(n))
		r := f.body(m, fp)
		if !r.IsMark() {
			return r
		}
	}
}

// place lays out the frame of the tail call in hand at fp. index is that of the call that it takes the place of.
func (m *Machine) place(f *lam, fp unsafe.Pointer, index int) {
	m.sp = unsafe.Add(fp, f.size)
	*slot(fp, 0) = f.Value(m.entered(index))
	for i, v := range m.targs[:f.arity] {
		*slot(fp, slotOffset(i)) = v
	}
	if f.loops && m.keeps {
		copy(slots(fp, f.kept, f.arity), m.targs)
	}
	m.steps++
	if m.steps >= m.limit {
		m.safepoint()
	}
}

// tailCall puts a call in hand and returns the mark.
func (m *Machine) tailCall(f *lam, args ...graph.Value) graph.Value {
	copy(m.handOver(f, len(args)), args)
	return graph.Mark()
}

// handOver puts a call in hand and gives the place of its n arguments.
func (m *Machine) handOver(f *lam, n int) []graph.Value {
	m.tail = f
	if n > len(m.targs) {
		m.targs = make([]graph.Value, 2*n)
	}
	return m.targs[:n]
}

// reserve takes n slots of the stack for operands of the node at while they are reduced: m.sp = fp gives them back.
func (m *Machine) reserve(n int, at *site) (unsafe.Pointer, bool) {
	fp := m.sp
	size := uintptr(n+1) * slotSize
	if uintptr(fp)+size > m.end {
		return nil, false
	}
	m.sp = unsafe.Add(fp, size)
	index := -1
	if at != nil {
		index = at.index
	}
	*slot(fp, 0) = operands(n, index)
	return fp, true
}

// reserveAhead is reserve for operands that are about to be reduced; it returns the header that the run has when they are.
func (m *Machine) reserveAhead(n int, at *site) (fp unsafe.Pointer, whole graph.Value, ok bool) {
	if fp, ok = m.reserve(n, at); ok {
		whole = *slot(fp, 0)
		i, _ := whole.Int()
		*slot(fp, 0) = graph.Int(i | reducing)
	}
	return fp, whole, ok
}

// arityOf is how many arguments the head of fn takes in all.
func arityOf(fn *graph.Fn) int {
	switch b := fn.Body.(type) {
	case *lam:
		return b.arity
	case *Prim:
		return b.Arity
	}
	panic("BUG: function without a body")
}

// Apply calls a function value: what a primitive uses.
func (m *Machine) Apply(f graph.Value, args ...graph.Value) graph.Value {
	if f.Kind() == graph.KindFn {
		fn := f.Fn()
		if l, ok := fn.Body.(*lam); ok && l.arity == len(fn.Args)+len(args) {
			fp := m.sp
			if uintptr(fp)+l.size <= m.end {
				m.sp = unsafe.Add(fp, l.size)
				*slot(fp, 0) = l.Value(m.entered(-1))
				n := copy(slots(fp, slotSize, len(fn.Args)), fn.Args)
				copy(slots(fp, slotOffset(n), len(args)), args)
				return m.run(l, fp)
			}
		}
	}
	return m.apply(f, args, m.caller)
}

// apply calls any value with any number of arguments.
func (m *Machine) apply(f graph.Value, args []graph.Value, at *site) graph.Value {
	fn := m.function(f, at)
	switch need := arityOf(fn) - len(fn.Args); {
	case len(args) < need:
		return m.partial(fn, args)
	case len(args) == need:
		return m.saturate(fn, args, at)
	default:
		return m.applyRest(m.saturateFirst(fn, args, need, at), args[need:], at)
	}
}

// applyRest applies a value that was just come to to the arguments that are left.
func (m *Machine) applyRest(f graph.Value, args []graph.Value, at *site) graph.Value {
	fp, ok := m.reserve(1+len(args), at)
	if !ok {
		held := slices.Clone(args)
		return m.hop(func() graph.Value { return m.applyRest(f, held, at) })
	}
	vs := slots(fp, slotSize, 1+len(args))
	vs[0] = f
	copy(vs[1:], args)
	r := m.apply(f, vs[1:], at)
	m.sp = fp
	return r
}

// saturateFirst calls fn with the first need of the arguments, while the rest of them wait on the stack.
func (m *Machine) saturateFirst(fn *graph.Fn, args []graph.Value, need int, at *site) graph.Value {
	rest := args[need:]
	fp, ok := m.reserve(len(rest)+1, at)
	if !ok {
		held := slices.Clone(args)
		return m.hop(func() graph.Value { return m.saturateFirst(fn, held, need, at) })
	}
	_, n := slot(fp, 0).Tag()
	*slot(fp, 0) = restMark.Value(n)
	copy(slots(fp, slotSize, len(rest)), rest)
	r := m.saturate(fn, args[:need], at)
	m.sp = fp
	return r
}

// function looks at f as a function, with its body resolved.
func (m *Machine) function(f graph.Value, at *site) *graph.Fn {
	if k := f.Kind(); k == graph.KindLazy || k == graph.KindLink {
		f = m.Force(f)
	}
	if f.Kind() != graph.KindFn {
		m.throw(Fail("not a function", f), at)
	}
	fn := f.Fn()
	if fn.Body == nil {
		m.resolve(fn)
	}
	return fn
}

// partial adds arguments to a function that waits for more than those.
func (m *Machine) partial(fn *graph.Fn, args []graph.Value) graph.Value {
	m.recognise(args)
	n := len(fn.Args)
	if n+len(args) <= 2 { // one object
		o := &struct {
			fn   graph.Fn
			args [2]graph.Value
		}{fn: graph.Fn{Prim: fn.Prim, Head: fn.Head, Body: fn.Body}}
		copy(o.args[copy(o.args[:], fn.Args):], args)
		o.fn.Args = o.args[: n+len(args) : n+len(args)]
		return graph.FnValue(&o.fn)
	}
	all := make([]graph.Value, 0, n+len(args))
	all = append(append(all, fn.Args...), args...)
	return graph.FnValue(&graph.Fn{Prim: fn.Prim, Head: fn.Head, Args: all, Body: fn.Body})
}

// saturate calls fn with just the arguments that it waits for.
func (m *Machine) saturate(fn *graph.Fn, args []graph.Value, at *site) graph.Value {
	switch b := fn.Body.(type) {
	case *lam:
		fp := m.sp
		index := -1
		if at != nil {
			index = at.index
		}
		if uintptr(fp)+b.size > m.end {
			all := m.handOver(b, b.arity)
			copy(all[copy(all, fn.Args):], args)
			return m.callOnNewChunk(b, index)
		}
		m.sp = unsafe.Add(fp, b.size)
		*slot(fp, 0) = b.Value(m.entered(index))
		n := copy(slots(fp, slotSize, len(fn.Args)), fn.Args)
		copy(slots(fp, slotOffset(n), len(args)), args)
		return m.run(b, fp)
	case *Prim:
		fp, ok := m.reserve(b.Arity+primSlots, at)
		if !ok {
			held := slices.Clone(args)
			return m.hop(func() graph.Value { return m.saturate(fn, held, at) })
		}
		all := slots(fp, slotSize, b.Arity)
		n := copy(all, fn.Args)
		copy(all[n:], args)
		r := m.callPrim(b, fp, at)
		m.sp = fp
		return r
	}
	panic("BUG: function without a body")
}

// callPrim forces what the primitive demands and runs it. Its arguments stand in the run of slots fp.
func (m *Machine) callPrim(p *Prim, fp unsafe.Pointer, at *site) graph.Value {
	index := -1
	if at != nil {
		index = at.index
	}
	*slot(fp, 0) = p.Value(m.entered(index))
	*slot(fp, slotOffset(p.Arity)) = graph.Value{} // no loop has begun
	args := slots(fp, slotSize, p.Arity)
	for d, i := p.Demand, 0; d != 0; d, i = d>>1, i+1 {
		if d&1 != 0 {
			if k := args[i].Kind(); k == graph.KindLazy || k == graph.KindLink {
				args[i] = m.Force(args[i])
			}
		}
	}
	if m.opt.Link == All {
		return m.policy.linkPrim(p, args, at)
	}
	return m.runPrim(p, args, at)
}

// runPrim runs a primitive whose arguments, which stand in its run of slots, have been forced.
func (m *Machine) runPrim(p *Prim, args []graph.Value, at *site) graph.Value {
	caller, run := m.caller, m.primRun
	m.caller, m.primRun = at, unsafe.Pointer(unsafe.SliceData(args))
	r, err := p.Run(m, args)
	m.caller, m.primRun = caller, run
	if err != nil {
		m.throw(err, at)
	}
	return r
}

// A site is a place in code: a node of a block, by preorder index.
type site struct {
	block cid.Cid
	index int
	into  *maker // reuse.go; nil for nearly all
}

// A Thrown is a program's error on its way, with where it happened.
type Thrown struct {
	Err   *Error
	Block cid.Cid // the block of code it happened in; undefined if unknown
	Index int     // preorder index of the node
	Calls []Call  // innermost first, at most callsKept; only for an error that nothing caught
	More  int     // calls beyond those
}

// A Call is a call in progress: the function, where it was called, and how often in a row it stood on the chain.
type Call struct {
	Fn    cid.Cid
	Block cid.Cid // the caller's block of code
	Index int     // preorder index of the call in it; -1 if that is not known
	Times int
}

const callsKept = 20

func (t *Thrown) Error() string { return t.Err.Kind }

// throw raises a program's error. An error that is not one (a block that is missing, a store that fails) stops the evaluation.
func (m *Machine) throw(err error, at *site) {
	e, ok := err.(*Error)
	if !ok {
		panic(&Stop{Reason: Missing, Err: err})
	}
	t := &Thrown{Err: e}
	if at != nil {
		t.Block, t.Index = at.block, at.index
	}
	if m.tries == 0 {
		m.chain(t)
	}
	panic(t)
}

// anew is an error that was met before, with the calls that have led to it now.
func (m *Machine) anew(t *Thrown) *Thrown {
	if m.tries > 0 {
		return t
	}
	if fp, end := m.extentOf(0); uintptr(fp) == end { // nothing is being reduced: who looks is no program
		return t
	}
	t = &Thrown{Err: t.Err, Block: t.Block, Index: t.Index}
	m.chain(t)
	return t
}

// chain notes the calls in progress, innermost first.
func (m *Machine) chain(t *Thrown) {
	sp := uintptr(m.sp)
	var inner *Call // whose caller is not known yet
	called := func(f *lam) {
		if inner != nil && f.inner {
			inner.Index, inner = -1, nil
		}
		if inner != nil {
			inner.Block = f.unit.cid
			inner = nil
		}
	}
	tail := false // the first frame of the chunk above is that of a tail call, if a frame stands below it
	for i := len(m.chunks) - 1; i >= 0; i-- {
		c := m.chunks[i]
		fp := unsafe.Pointer(unsafe.SliceData(c.slots))
		type frame struct {
			f     *lam
			index int
		}
		var frames []frame
		index, bare, first := -1, false, tail // index is that of the node at which the next frame is waited for
		tail = false
		for uintptr(fp) < sp {
			h := m.headerAt(fp)
			switch {
			case h.index >= 0:
				index = h.index
			case h.f != nil && len(frames) > 0 && bare: // what a call has become by a tail call stands above it, where it is to be linked
				index = frames[len(frames)-1].index
				frames = frames[:len(frames)-1]
			case h.f != nil && fp == unsafe.Pointer(unsafe.SliceData(c.slots)):
				tail = true
			}
			if h.f != nil {
				frames = append(frames, frame{h.f, index})
				index = -1
			}
			if h.kind != graph.KindInt || h.index >= 0 {
				bare = h.f != nil
			}
			fp = unsafe.Add(fp, h.size)
		}
		if last := len(frames) - 1; first && bare && last >= 0 {
			if inner != nil {
				inner.Index = frames[last].index
			}
			frames = frames[:last]
			tail = tail && last == 0
		}
		for j := len(frames) - 1; j >= 0; j-- {
			f, index := frames[j].f, frames[j].index
			called(f)
			if f.arity == 0 || f.inner { // a closed expression is no call
				continue
			}
			if last := len(t.Calls) - 1; last >= 0 && t.More == 0 && t.Calls[last].Fn == f.cid {
				t.Calls[last].Times++
				t.Calls[last].Index = index
				inner = &t.Calls[last]
			} else if len(t.Calls) < callsKept {
				t.Calls = append(t.Calls, Call{Fn: f.cid, Index: index, Times: 1})
				inner = &t.Calls[len(t.Calls)-1]
			} else {
				t.More++
			}
		}
		sp = uintptr(c.sp)
	}
}

// A runHeader is the header of a run of slots, read.
type runHeader struct {
	f     *lam  // of a frame
	p     *Prim // of a primitive's run
	kind  graph.Kind
	index int
	n     int64
	size  uintptr
}

// headerAt reads the header at fp.
func (m *Machine) headerAt(fp unsafe.Pointer) runHeader {
	t, n := slot(fp, 0).Tag()
	h := runHeader{kind: slot(fp, 0).Kind(), index: indexIn(n), n: n}
	switch h.kind {
	case lamTag:
		h.f = lamOf(t)
		h.size = h.f.size
	case primTag:
		h.p = primOf(t)
		h.size = h.p.size
	case thunkTag:
		h.size = thunkSize
	case madeTag:
		h.size = slotSize
	default:
		h.size = uintptr(n&^reducing>>indexBits+1) * slotSize
	}
	return h
}
