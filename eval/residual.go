// This file reads the stack back: a term in progress becomes the expression that is left of it, its residual.

package eval

import (
	"math"
	"slices"
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
// as it has few enough parameters, so that a deep stack is written at some hundred bytes for a hundred frames. These
// applications are made by core.enter, which charges nothing: a residual takes the very steps that were left.
//
// Where a closed expression or a lazy value is being reduced on behalf of a frame, that frame just looks at it again, and a Reduct
// says what the expression has become. So do calls in progress, for whoever asks for them: all in a stack that is not deep, else those that
// have gone on for long.

// A child is what a frame waits for: a closed expression, or a value that is there already.
type child struct {
	expr  cid.Cid
	value graph.Value
}

// asArg is a child as an argument of an application.
func (c child) asArg() graph.Value {
	if c.expr.Defined() {
		return graph.FnValue(&graph.Fn{Head: c.expr, Opaque: true})
	}
	return c.value
}

// A reader reads the stack back, from the innermost frame out.
type reader struct {
	m   *Machine
	put graph.Sink

	have   bool  // there is a child, or what the group makes; otherwise the frame looks once more at what it looks at
	closed bool  // the group needs no child
	fresh  bool  // the child is a call that has just been made
	lost   bool  // what is above could not be read back: the frame begins again, if it can
	child  child // what the frame in hand waits for
	index  int   // the node of the frame in hand that waits, or -1
	now    uint64
	group  []framing
	params int
	depth  int
	runs   []operandRun // above the frame in hand, innermost first

	each    bool // call in progress gets a Reduct
	reducts []graph.Reduct
	known   []cid.Cid // blocks of Reducts that were used and still hold
	longest uint64    // start of the last call that got a Reduct
}

// A framing is the context of one frame, with the values that it needs.
type framing struct {
	shape  *shape
	params []graph.Value
}

// An operandRun is a run of operands of the node index.
type operandRun struct {
	index  int
	values []graph.Value
}

const (
	groupParams = 200 // of a function made of contexts; its last one is what they wait for
	groupDepth  = 90
	fewRuns     = 512 // runs of slots in a stack whose every call gets a Reduct, so that its result is linked in the end
	callGap     = 8   // in others a call gets a Reduct when it has gone on for an eighth longer than the last that got one
	maxReducts  = 2048
)

// readBack reads the stack back. The reducts are those of the expressions in progress, the one asked for last.
func (m *Machine) readBack(put graph.Sink) (reducts []graph.Reduct, known []cid.Cid) {
	r := &reader{m: m, put: put, index: -1, now: m.steps, longest: m.steps}
	var fps []unsafe.Pointer
	sp := uintptr(m.sp)
	for i := len(m.chunks) - 1; i >= 0; i-- {
		first := len(fps)
		for fp := unsafe.Pointer(unsafe.SliceData(m.chunks[i].slots)); uintptr(fp) < sp; fp = unsafe.Add(fp, m.headerAt(fp).size) {
			fps = append(fps, fp)
		}
		slices.Reverse(fps[first:])
		sp = uintptr(m.chunks[i].sp)
	}
	r.each = m.policy.on() && len(fps) <= fewRuns
	for i, fp := range fps {
		h := m.headerAt(fp)
		below := runHeader{}
		if i+1 < len(fps) {
			below = m.headerAt(fps[i+1])
		}
		if i%1024 == 0 {
			m.tooLong()
		}
		r.item(fp, h, below, i == 0)
	}
	return r.reducts, r.known
}

// item goes on with the run of slots at fp, whose neighbour outwards has the header below.
func (r *reader) item(fp unsafe.Pointer, h, below runHeader, innermost bool) {
	m := r.m
	switch {
	case h.kind == graph.KindInt:
		r.operands(operandRun{h.index, slots(fp, slotSize, int(h.n>>indexBits))}, below)
	case h.kind == restTag:
		if rest := slots(fp, slotSize, int(h.n>>indexBits)); r.have && r.child.expr.Defined() {
			r.flush()
			args := slices.Clone(rest[:len(rest)-1]) // the last slot is spare
			r.child = child{expr: m.callOf(&graph.Term{Op: graph.OpRef, CID: r.child.expr}, args, r.put)}
		} else {
			r.lose()
		}
		r.index = h.index
	case h.kind == thunkTag:
		t := slot(fp, slotSize).Thunk()
		if f := forcedOf(t); f.becomes.Defined() {
			r.further(graph.ThunkCode(t, r.put), startIn(h.n, r.now), f.becomes)
			r.lose()
		}
		r.boundary(graph.ThunkCode(t, r.put), startIn(h.n, r.now), -1, nil)
	case h.p != nil:
		r.prim(fp, h)
	case h.f.arity == 0:
		u := m.unit(h.f.cid)
		switch {
		case innermost || u.becomes.Defined():
			if u.becomes.Defined() {
				r.further(h.f.cid, startIn(h.n, r.now), u.becomes)
			}
			r.have, r.child, r.now = false, child{}, startIn(h.n, r.now)
			if r.index = h.index; h.index >= 0 {
				r.have, r.child = true, child{expr: h.f.cid}
			}
			r.lost, r.runs = false, r.runs[:0]
		default:
			r.frame(fp, h)
			r.boundary(h.f.cid, startIn(h.n, r.now), h.index, u)
		}
	case innermost:
		// A call that has not begun: its own step is counted already.
		r.now = m.steps - 1
		r.call(fp, h)
		r.fresh = true
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
	r.fresh = false
}

// call makes the call whose frame is fp what the frame around it waits for.
func (r *reader) call(fp unsafe.Pointer, h runHeader) {
	args := slices.Clone(slots(fp, slotSize, h.f.arity))
	r.have, r.lost, r.runs = true, false, r.runs[:0]
	r.child = child{expr: r.m.callOf(h.f.head(), args, r.put)}
	r.index = h.index
}

// lose says that what is above the frame in hand cannot be read back.
func (r *reader) lose() {
	r.lost, r.have, r.child = true, false, child{}
	r.runs = r.runs[:0]
	r.clear()
}

// boundary ends a closed expression: what is left of it is its Reduct, and whoever looks at it looks again. u is nil for
// a lazy value.
func (r *reader) boundary(expr cid.Cid, start uint64, index int, u *unit) {
	r.flush()
	if r.have && r.child.expr.Defined() && r.child.expr != expr {
		r.reduct(expr, start)
	}
	r.runs = r.runs[:0]
	r.lost, r.now, r.longest = false, start, start
	r.have, r.child, r.index = false, child{}, index
	if u != nil && index >= 0 {
		r.have, r.child = true, child{expr: expr}
	}
}

// reduct notes that expr, begun at start, has become the child in hand.
func (r *reader) reduct(expr cid.Cid, start uint64) bool {
	if elapsed := r.now - start; elapsed < 1<<62 && len(r.reducts) < maxReducts {
		r.reducts = append(r.reducts, graph.Reduct{Of: expr, To: r.child.expr, Steps: elapsed})
		return true
	}
	return false
}

// further notes that expr, which an earlier reduct brought to an expression that is in progress in its place, has come as far as
// that one has by now.
func (r *reader) further(expr cid.Cid, start uint64, earlier cid.Cid) {
	data, err := r.m.opt.Load(earlier)
	if err != nil {
		return
	}
	was, err := graph.DecodeReduct(data)
	if last := len(r.reducts) - 1; err == nil && last >= 0 && r.reducts[last].Of == was.To {
		r.reducts[last].Of = expr
		r.reducts[last].Steps = min(r.reducts[last].Steps+r.now-start, graph.MaxSteps)
		return
	}
	r.known = append(r.known, earlier)
}

// long gives the call whose frame is fp a Reduct of its own if it has gone on for long.
func (r *reader) long(fp unsafe.Pointer, h, below runHeader) {
	if r.lost || !r.have || h.f.loops || below.p != nil && below.p.Name == enterName { // a context is no call of the program's
		return
	}
	start := startIn(h.n, r.now)
	total := r.now - start
	if !r.each && r.longest-start < max(grain, total/callGap) || total >= 1<<42 || len(r.reducts) >= maxReducts/2 {
		return
	}
	r.flush()
	if !r.child.expr.Defined() {
		return
	}
	args := slices.Clone(slots(fp, slotSize, h.f.arity))
	if expr := r.m.callOf(h.f.head(), args, r.put); expr != r.child.expr && r.reduct(expr, start) {
		r.child, r.now, r.longest = child{expr: expr}, start, start
	}
}

// operands notes a run of operands. One above a primitive's is an application to what its call has come to so far.
func (r *reader) operands(run operandRun, below runHeader) {
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
		r.flush()
		all := append(slices.Clone(head.Fn().Args), args...)
		r.have, r.child = true, child{expr: r.m.callOf(fnHead(head.Fn()), all, r.put)}
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
func (r *reader) prim(fp unsafe.Pointer, h runHeader) {
	m, p := r.m, h.p
	if p.Name == enterName && r.have && !r.lost && !r.fresh { // the function's call is all that is left
		r.index = h.index
		return
	}
	args := slices.Clone(slots(fp, slotSize, p.Arity))
	head := primHead(p)
	start := startIn(h.n, r.now)
	if state := slot(fp, slotOffset(p.Arity)); state.Kind() == loopTag {
		t, _ := state.Tag()
		if l := (*loop)(unsafe.Pointer(t)); l.n > 0 {
			name, own := p.Name, args
			if name == resumeName {
				name, own = args[0].Text(), l.args
			}
			n, has, value, now := l.n, true, graph.Null(), r.now
			switch {
			case l.state == answered:
				value, now = l.result, l.at
				r.clear()
			case l.state == calling && r.have && !r.lost:
				r.flush()
				value = r.child.asArg()
			default:
				if has, now = false, l.before; l.state == calling {
					n--
				}
				r.clear()
			}
			k, _ := keeperOf(name)
			parts := k.save(l)
			r.now = now
			state := graph.NewList(graph.NewList(slices.Clone(own)...), graph.Int(int64(n)), graph.NewList(parts...))
			r.have, r.lost = true, false
			r.child = child{expr: m.callOf(&graph.Term{Op: graph.OpPrim, Name: resumeName}, []graph.Value{graph.Text(name), state, graph.Bool(has), value}, r.put)}
			r.index, r.runs = h.index, r.runs[:0]
			return
		}
	}
	// It begins again, with what it has looked into so far.
	r.clear()
	r.have, r.lost, r.now = true, false, start
	r.child = child{expr: m.callOf(head, args, r.put)}
	r.index, r.runs = h.index, r.runs[:0]
}

// frame puts the context of a frame around what is above it.
func (r *reader) frame(fp unsafe.Pointer, h runHeader) {
	if !r.lost {
		if r.index < 0 && len(r.runs) > 0 {
			r.index = r.runs[0].index
		}
		if s := r.m.shape(shapeKey{h.f, r.index, r.have, len(r.runs)}, r.runs); s != nil {
			r.closed = r.closed || !r.have
			r.around(fp, s)
			r.have, r.runs = true, r.runs[:0]
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
	for part := s; part != nil; part = part.outer {
		values := make([]graph.Value, len(part.params))
		for i, src := range part.params {
			if src.run >= 0 {
				values[i] = r.runs[src.run].values[src.off]
			} else {
				values[i] = *slot(fp, src.off)
			}
		}
		if r.params+len(values) > groupParams || r.depth+part.depth > groupDepth || part.inHead {
			r.flush()
		}
		if part.term.Op != opHole {
			r.group = append(r.group, framing{part, values})
			r.params += len(values)
			r.depth += part.depth
		}
		if part.outer != nil { // what is above stands in a try
			r.flush()
			if !r.child.expr.Defined() {
				r.child.expr = graph.ValueBlock(r.child.value, r.put)
			}
			t := &graph.Term{Op: graph.OpTry, Args: []*graph.Term{{Op: graph.OpRef, CID: r.child.expr}}}
			r.child = child{expr: graph.EncodeCode(t, r.put).CID}
		}
	}
}

// flush makes one application of the contexts gathered and what they wait for.
func (r *reader) flush() {
	if len(r.group) == 0 {
		return
	}
	var shapes []*shape // outermost first
	args := make([]graph.Value, 0, r.params)
	for i := len(r.group) - 1; i >= 0; i-- {
		shapes = append(shapes, r.group[i].shape)
		args = append(args, r.group[i].params...)
	}
	last := graph.Null()
	if !r.closed {
		last = r.child.asArg()
	}
	fn := graph.FnValue(&graph.Fn{Head: r.m.contextFn(shapes, len(args)+1, r.put)})
	r.child = child{expr: r.m.callOf(&graph.Term{Op: graph.OpPrim, Name: enterName}, []graph.Value{fn, graph.ListValue(graph.ListOf(args)), last}, r.put)}
	r.clear()
}

// clear empties the group.
func (r *reader) clear() { r.group, r.params, r.depth, r.closed = r.group[:0], 0, 0, false }

// A shape is the context of a lam's frame that waits at one of its nodes.
type shape struct {
	id     int
	term   *graph.Term // with opHole where the frame waits, variables being params, or lets from letBase on
	params []source
	depth  int    // of the hole
	inHead bool   // the hole is the function of an application
	outer  *shape // what is around a try that the hole stands in
}

// A source says where a parameter of a context comes from: the slot of the frame at off, or the operand off of a run.
type source struct {
	run int // -1 for a slot
	off uintptr
}

type shapeKey struct {
	f     *lam
	index int
	have  bool
	runs  int
}

const (
	opHole  graph.Op = 255
	letBase          = 1 << 30
)

// shape gives the shape of a frame of f that waits at the node index: for a value that is to stand there (have), or to look again
// at the operands in the first of the runs. It is nil if that cannot be read back.
func (m *Machine) shape(k shapeKey, runs []operandRun) *shape {
	if s, ok := m.shapes[k]; ok {
		return s
	}
	b := shaper{f: k.f, at: k.index, have: k.have, runs: runs}
	for i := range k.f.arity {
		b.env = append(b.env, variable{slot: slotOffset(i)})
	}
	b.part = &shape{}
	t, ok := b.path(k.f.term.Args[0], k.f.base+1, 0, 0)
	var s *shape
	if ok && k.index >= 0 {
		b.part.term = t
		s = b.first
		if s == nil {
			s = b.part
		} else {
			b.last.outer = b.part
		}
	}
	if m.shapes == nil {
		m.shapes = map[shapeKey]*shape{}
	}
	for p := s; p != nil; p = p.outer {
		m.shapeCount++
		p.id = m.shapeCount
	}
	m.shapes[k] = s
	return s
}

// A shaper makes the shape of a frame.
type shaper struct {
	f           *lam
	at          int
	have        bool
	runs        []operandRun
	env         []variable // by de Bruijn level
	part        *shape     // in hand
	first, last *shape     // those inside of a try, innermost first
}

// A variable is a slot that has its value, or a let of the residual.
type variable struct {
	slot uintptr
	let  int // number from 1, 0 for a slot
}

// path is the residual of t, whose preorder index is index and in which, waiting operands before it, the frame waits.
// depth is how far t is inside of the part in hand.
func (b *shaper) path(t *graph.Term, index, waiting, depth int) (*graph.Term, bool) {
	if index == b.at {
		b.part.depth = max(b.part.depth, depth+1)
		if b.have {
			return &graph.Term{Op: opHole}, true
		}
		return b.again(t)
	}
	at, which := index+1, -1
	for i, a := range t.Args {
		n := nodes(a)
		if b.at < at+n {
			which = i
			break
		}
		at += n
	}
	if which < 0 || t.Op == graph.OpLazy {
		return nil, false
	}
	part := t.Args[which]
	if part.Op == graph.OpSpread && b.at == at { // the list or map looks at what it spreads
		return nil, false
	}
	switch t.Op {
	case graph.OpLet:
		if which == 1 {
			b.env = append(b.env, variable{slot: slotOffset(len(b.env))})
			return b.path(part, at, waiting, depth)
		}
	case graph.OpIf:
		if which > 0 {
			return b.path(part, at, waiting, depth)
		}
	case graph.OpTry:
		inner, ok := b.path(part, at, waiting, 0)
		if !ok {
			return nil, false
		}
		done := b.part
		done.term = inner
		if b.first == nil {
			b.first = done
		} else {
			b.last.outer = done
		}
		b.last = done
		b.part = &shape{depth: depth + 1}
		return &graph.Term{Op: opHole}, true
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	run := b.runOf(index)
	inner, env, before := part, b.env, waiting
	for i := range which {
		if waits(t, i) {
			before++
		}
	}
	ok := false
	if part.Op == graph.OpSpread {
		if inner, ok = b.path(part.Args[0], at+1, before, depth+2); ok {
			inner = &graph.Term{Op: graph.OpSpread, Args: []*graph.Term{inner}}
		}
	} else {
		inner, ok = b.path(part, at, before, depth+1)
	}
	if !ok {
		return nil, false
	}
	b.env = env
	out.Args[which] = inner
	before = waiting
	for i := range which { // those before it are reduced
		a := t.Args[i]
		first := 0
		if run >= 0 {
			first = len(t.Args) - b.operandsOf(run, t)
		}
		switch {
		case run >= 0 && i >= first:
			out.Args[i] = b.param(source{run, uintptr(i - first)})
		case waits(t, i):
			out.Args[i] = b.param(source{-1, slotOffset(b.f.slots + before)})
			before++
		case isRead(a) || t.Op == graph.OpApp && i == 0:
			out.Args[i] = b.rest(a)
			continue
		default:
			return nil, false
		}
		if a.Op == graph.OpSpread {
			out.Args[i] = &graph.Term{Op: graph.OpSpread, Args: []*graph.Term{out.Args[i]}}
		}
	}
	for i := which + 1; i < len(t.Args); i++ {
		if t.Op == graph.OpLet {
			out.Args[i] = b.under(t.Args[i])
		} else {
			out.Args[i] = b.rest(t.Args[i])
		}
	}
	if out.Op == graph.OpApp && which == 0 {
		switch inner.Op {
		case opHole:
			b.part.inHead = true
		case graph.OpApp: // the function of an application is none itself, and it is reduced before the arguments
			return nil, false
		}
	}
	return out, true
}

// again is a node that has all its operands and looks at them once more.
func (b *shaper) again(t *graph.Term) (*graph.Term, bool) {
	run := b.runOf(b.at)
	if run < 0 {
		return nil, false
	}
	operand := func(i int) *graph.Term { return b.param(source{run, uintptr(i)}) }
	n := len(b.runs[run].values)
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys}
	switch t.Op {
	case graph.OpIf:
		out.Args = []*graph.Term{operand(0), b.rest(t.Args[1]), b.rest(t.Args[2])}
	case graph.OpGet:
		out.Args = []*graph.Term{operand(0)}
	case graph.OpList, graph.OpMap:
		for i, a := range t.Args {
			x := operand(i)
			if a.Op == graph.OpSpread {
				x = &graph.Term{Op: graph.OpSpread, Args: []*graph.Term{x}}
			}
			out.Args = append(out.Args, x)
		}
	case graph.OpApp:
		for i := range n {
			out.Args = append(out.Args, operand(i))
		}
		if n < 2 {
			return nil, false
		}
	default:
		return nil, false
	}
	return out, true
}

// runOf is the run of the node of that index that was made last, or -1.
func (b *shaper) runOf(index int) int {
	return slices.IndexFunc(b.runs, func(r operandRun) bool { return r.index == index })
}

// operandsOf is how many of the parts of t, the last ones, the run holds: all, or all but the function.
func (b *shaper) operandsOf(run int, t *graph.Term) int {
	if t.Op == graph.OpApp && len(b.runs[run].values) != len(t.Args) {
		return len(t.Args) - 1
	}
	return len(t.Args)
}

// param is a parameter of the part in hand.
func (b *shaper) param(s source) *graph.Term {
	i := slices.Index(b.part.params, s)
	if i < 0 {
		i = len(b.part.params)
		b.part.params = append(b.part.params, s)
	}
	return &graph.Term{Op: graph.OpVar, Index: i}
}

// under is rest for the body of a let of the residual.
func (b *shaper) under(t *graph.Term) *graph.Term {
	lets := 1
	for _, v := range b.env {
		lets = max(lets, v.let+1)
	}
	b.env = append(b.env, variable{let: lets})
	out := b.rest(t)
	b.env = b.env[:len(b.env)-1]
	return out
}

// rest is a term that is still to be reduced, with what is known in place of its variables.
func (b *shaper) rest(t *graph.Term) *graph.Term {
	switch t.Op {
	case graph.OpVar:
		if v := b.env[t.Index]; v.let > 0 {
			return &graph.Term{Op: graph.OpVar, Index: letBase + v.let - 1}
		}
		return b.param(source{-1, b.env[t.Index].slot})
	case graph.OpSelf:
		return &graph.Term{Op: graph.OpRef, CID: b.f.group[t.Index].cid}
	case graph.OpLit, graph.OpPrim, graph.OpRef:
		return t
	case graph.OpLet:
		return &graph.Term{Op: graph.OpLet, Args: []*graph.Term{b.rest(t.Args[0]), b.under(t.Args[1])}}
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		out.Args[i] = b.rest(a)
	}
	return out
}

// nodes counts the nodes of a term.
func nodes(t *graph.Term) int {
	n := 1
	for _, a := range t.Args {
		n += nodes(a)
	}
	return n
}

// contextFn is the function that the contexts, outermost first, make together. Its last parameter of arity is what the innermost
// waits for, unless that looks again.
func (m *Machine) contextFn(shapes []*shape, arity int, put graph.Sink) cid.Cid {
	key := make([]byte, 0, 4*len(shapes))
	for _, s := range shapes {
		key = append(key, byte(s.id), byte(s.id>>8), byte(s.id>>16), byte(s.id>>24))
	}
	if c, ok := m.contexts[string(key)]; ok {
		return c
	}
	first := 0
	var term *graph.Term
	firsts := make([]int, len(shapes))
	for i, s := range shapes {
		firsts[i] = first
		first += len(s.params)
	}
	term = &graph.Term{Op: graph.OpVar, Index: arity - 1}
	for i := len(shapes) - 1; i >= 0; i-- {
		term = fill(shapes[i].term, firsts[i], arity, term)
	}
	term, _ = splitClosed(term, arity, put)
	c := graph.EncodeCode(&graph.Term{Op: graph.OpLam, Arity: arity, Args: []*graph.Term{term}}, put).CID
	if m.contexts == nil {
		m.contexts = map[string]cid.Cid{}
	}
	m.contexts[string(key)] = c
	return c
}

// fill is a context's term with its parameters from first on, its lets behind all params, and inner in the hole.
func fill(t *graph.Term, first, params int, inner *graph.Term) *graph.Term {
	switch t.Op {
	case opHole:
		return inner
	case graph.OpVar:
		if t.Index >= letBase {
			return &graph.Term{Op: graph.OpVar, Index: params + t.Index - letBase}
		}
		return &graph.Term{Op: graph.OpVar, Index: first + t.Index}
	}
	if len(t.Args) == 0 {
		return t
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		out.Args[i] = fill(a, first, params, inner)
	}
	return out
}

// splitClosed puts the closed terms in t into blocks of their own, but for literals and primitives. scope is the number of variables
// around t; free is the least that t has, scope or above if it has none.
func splitClosed(t *graph.Term, scope int, put graph.Sink) (out *graph.Term, free int) {
	if t.Op == graph.OpVar {
		return t, t.Index
	}
	if len(t.Args) == 0 {
		return t, math.MaxInt
	}
	free = math.MaxInt
	out = &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		inner := scope
		if t.Op == graph.OpLet {
			inner += i
		}
		var f int
		out.Args[i], f = splitClosed(a, inner, put)
		free = min(free, f)
	}
	if free >= scope && t.Op != graph.OpSpread {
		return &graph.Term{Op: graph.OpRef, CID: graph.EncodeCode(lower(out, scope), put).CID}, math.MaxInt
	}
	return out, free
}

// lower is a closed term as it stands when there are no variables around it, of which there were so many.
func lower(t *graph.Term, scope int) *graph.Term {
	if t.Op == graph.OpVar {
		return &graph.Term{Op: graph.OpVar, Index: t.Index - scope}
	}
	if len(t.Args) == 0 {
		return t
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		out.Args[i] = lower(a, scope)
	}
	return out
}
