// This file reduces what is lazy or not loaded: closed expressions by CID, lazy values, links.

package eval

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multicodec"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

type unitState uint8

const (
	unloaded  unitState = iota
	function            // value is a function: nothing to reduce
	unreduced           // a closed expression
	running
	reduced
	failed
	restOf // never kept, nor looked up (rest.go)
)

// A unit is a block of code: a function, a group, or a closed expression, which is reduced at most once a run.
type unit struct {
	cid   cid.Cid
	state unitState
	lam   *lam   // the function, or the expression as one of no parameters
	group []*lam // of a recursion group
	value graph.Value
	steps uint64
	err   *Thrown
	trace cid.Cid // of its Result, if linked
	// becomes is the Reduct by which it is being reduced, if it is; or the one that leads to its value, if one was found or written.
	becomes cid.Cid
	listed  bool // in Machine.settled
	goesOn  bool // it is being reduced, and what was dropped of it is not on the stack (rest.go)
	rest    *rest
	uses    int // how often code mentions it; 0 if that was not counted
}

// unit gives the unit of a CID, without loading it.
func (m *Machine) unit(c cid.Cid) *unit {
	u := m.units[c]
	if u == nil {
		u = &unit{cid: c}
		m.units[c] = u
	}
	return u
}

// loadUnit loads and checks the unit's code. It does not generate any body, nor load what it links to but its group.
func (m *Machine) loadUnit(u *unit) {
	if u.state != unloaded || u.group != nil {
		return
	}
	m.loadUnitFrom(u, m.Load(u.cid))
}

// loadUnitFrom is loadUnit for a unit whose block is there.
func (m *Machine) loadUnitFrom(u *unit, block []byte) {
	t, err := m.far.DecodeCode(u.cid, block, m.held...)
	if err != nil {
		panic(&Stop{Reason: Missing, Err: err})
	}
	switch t.Op {
	case graph.OpLam:
		u.lam = m.newLam(u, u.cid, t, 0, nil)
		u.value = u.lam.value()
		u.state = function
	case graph.OpPrim:
		p := m.prim(t.Name, u.cid)
		u.value = graph.FnValue(&graph.Fn{Prim: p.Name, Head: u.cid, Body: p})
		u.state = function
	case graph.OpLit:
		u.value, u.state = t.Value, reduced
	case graph.OpRec:
		group := make([]*lam, len(t.Args))
		index := 1
		for i, member := range t.Args {
			c := memberCID(u.cid, i)
			m.noteMember(c, u.cid, i)
			group[i] = m.newLam(u, c, member, index, group)
			graph.Walk(member, func(int, *graph.Term) { index++ })
		}
		u.group, u.state = group, function
	case graph.OpMember:
		g := m.unit(t.CID)
		m.loadUnit(g)
		if t.Index >= len(g.group) {
			panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s: no member %d in the group %s", u.cid, t.Index, t.CID)})
		}
		u.lam = g.group[t.Index]
		if u.lam.arity == 0 {
			u.state = unreduced
			return
		}
		u.value = u.lam.value()
		u.state = function
	default:
		u.lam = m.newLam(u, u.cid, &graph.Term{Op: graph.OpLam, Args: []*graph.Term{t}}, -1, nil)
		u.state = unreduced
	}
}

// canLoad loads a unit, if it is there and sound.
func (m *Machine) canLoad(u *unit) (ok bool) {
	defer func() {
		if x := recover(); x != nil {
			if s, is := x.(*Stop); !is || s.Reason != Missing {
				panic(x)
			}
		}
	}()
	m.loadUnit(u)
	return true
}

// prim finds a primitive; one that this evaluator does not know stops the evaluation.
func (m *Machine) prim(name string, in cid.Cid) *Prim {
	p := m.prims[name]
	if p == nil {
		panic(m.unknown(name, in))
	}
	return p
}

func (m *Machine) unknown(name string, in cid.Cid) *Stop {
	return &Stop{Reason: Missing, Err: fmt.Errorf("%s: unknown primitive %q: a newer evaluator may have it", in, name)}
}

// value is the lam as a function value.
func (f *lam) value() graph.Value { return graph.FnValue(&graph.Fn{Head: f.cid, Body: f}) }

// refValue is the value of a closed term in a block of its own. It charges the term's full steps. index is that of the node
// of the frame below that asks for it, or -1.
func (m *Machine) refValue(u *unit, index int) graph.Value {
	switch u.state {
	case unloaded:
		m.loadUnit(u)
		return m.refValue(u, index)
	case function:
		if u.group != nil {
			panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s is a recursion group, not an expression", u.cid)})
		}
		return u.value
	case unreduced:
		return m.reduceUnit(u, index)
	case restOf:
		return m.reduceRest(u, index)
	case running:
		panic(&Stop{Reason: Endless})
	case failed:
		m.addSteps(u.steps)
		m.policy.used(u.cid, u.trace)
		panic(m.anew(u.err))
	}
	if u.steps > 0 {
		m.addSteps(u.steps)
	}
	m.policy.used(u.cid, u.trace)
	return u.value
}

// reduceUnit reduces a closed expression and keeps what it came to.
func (m *Machine) reduceUnit(u *unit, index int) graph.Value {
	f := u.lam
	if uintptr(m.sp)+f.size > m.end {
		return m.hop(func() graph.Value { return m.reduceUnit(u, index) })
	}
	if m.policy.findUnit(u) {
		return m.refValue(u, index)
	}
	u.state, u.becomes = running, cid.Undef
	start, uses, fp, before := m.now(), m.policy.open(), m.sp, m.bearings()
	m.sp = unsafe.Add(fp, f.size)
	*slot(fp, 0) = f.Value(m.entered(index))
	var to *unit // what an earlier run has brought it to
	r, thrown := m.protect(func() graph.Value {
		if m.memHigh.Load() || m.stopping.Load() != nil { // closed expressions in each other take no steps
			m.safepoint()
		}
		if r, block, ok := m.reductOf(u.cid); ok {
			u.becomes, to = block, m.unit(r.To)
			m.addSteps(r.Steps)
			return m.refValue(to, -1)
		}
		r := f.enter(m, fp)
		if r.IsMark() {
			r = m.trampoline(fp)
		}
		return r
	})
	if to == nil || !to.isValue() {
		u.becomes = cid.Undef
	}
	if l := landed(thrown, fp); l != nil {
		u.goesOn = true
		r, thrown = m.restOfLanding(l, before, uses.mark)
		u.goesOn = false
		if l := landed(thrown, fp); l != nil {
			m.sp = fp
			m.land(l, before, uses.mark)
			m.policy.unitAnswered(u, l.found, uses)
			return m.refValue(u, index)
		}
	}
	if thrown != nil {
		u.state, u.becomes = unreduced, cid.Undef
		if t, ok := thrown.(*Thrown); ok {
			u.state, u.err, u.steps = failed, t, m.stepsSince(start)
			m.failed = append(m.failed, u)
			m.policy.unitDone(u, uses)
		}
		panic(thrown)
	}
	m.sp = fp
	r = r.Held()
	u.value, u.steps, u.state = r, m.stepsSince(start), reduced
	m.policy.unitDone(u, uses)
	m.settle(u)
	return r
}

// isValue says whether what u's code says is a value already.
func (u *unit) isValue() bool {
	return u.state == function || u.state == reduced && u.lam == nil
}

// recognise makes args such as can be kept, and finds the primitives among functions that were decoded, without loading
// anything: in an application an argument that is a primitive stands there itself, not as a link to its block, so this has
// its part in the application's CID.
func (m *Machine) recognise(args []graph.Value) {
	graph.Hold(args)
	for _, a := range args {
		if a.Kind() != graph.KindFn {
			continue
		}
		if fn := a.Fn(); fn.Opaque {
			if m.primNames == nil {
				m.primNames = make(map[cid.Cid]string, len(m.prims))
				for name := range m.prims {
					m.primNames[primCID(name)] = name
				}
			}
			if name, ok := m.primNames[fn.Head]; ok {
				fn.Prim, fn.Opaque = name, false
			}
		}
	}
}

// resolve gives a function value that was decoded its body.
func (m *Machine) resolve(fn *graph.Fn) {
	if fn.Prim != "" {
		fn.Body = m.prim(fn.Prim, fn.Head)
		return
	}
	u := m.unit(fn.Head)
	m.loadUnit(u)
	if fn.Opaque && u.state != function {
		m.resolveApplied(fn, u)
		return
	}
	switch {
	case u.state != function || u.group != nil:
		panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s is not a function", fn.Head)})
	case u.lam != nil:
		fn.Body = u.lam
	default:
		head := u.value.Fn()
		fn.Prim, fn.Body = head.Prim, head.Body
	}
	fn.Opaque = false
}

// resolveApplied looks at a function value whose code is an application: a head and the arguments it has so far.
func (m *Machine) resolveApplied(fn *graph.Fn, u *unit) {
	bad := func(why string) {
		panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s stands as a function, but is %s", fn.Head, why)})
	}
	t, err := m.far.DecodeCode(u.cid, m.Load(u.cid))
	if err != nil {
		panic(&Stop{Reason: Missing, Err: err})
	}
	if t.Op != graph.OpApp {
		bad("an expression that is not reduced")
	}
	head := &graph.Fn{}
	switch h := t.Args[0]; h.Op {
	case graph.OpPrim:
		head.Prim = h.Name
		head.Head = primCID(h.Name)
	case graph.OpRef:
		head.Head = h.CID
	default:
		bad("not a function with arguments")
	}
	m.resolve(head)
	args := make([]graph.Value, 0, len(t.Args)-1)
	for _, a := range t.Args[1:] {
		switch a.Op {
		case graph.OpLit:
			args = append(args, a.Value)
		case graph.OpRef:
			args = append(args, graph.FnValue(&graph.Fn{Head: a.CID, Opaque: true}))
		case graph.OpPrim:
			args = append(args, graph.FnValue(&graph.Fn{Prim: a.Name, Head: primCID(a.Name)}))
		default:
			bad("an application to what is not a value")
		}
	}
	if len(args) >= arityOf(head) {
		bad("a call with all its arguments")
	}
	fn.Prim, fn.Head, fn.Args, fn.Body, fn.Opaque = head.Prim, head.Head, args, head.Body, false
}

// forced is what a lazy value with captures has come to, where that is more than a value: a Tag in the value's place.
type forced struct {
	graph.Tag
	value graph.Value
	err   *Thrown
	trace cid.Cid // of its Result, if linked
	// becomes is the Reduct by which it is being reduced, if it is; or the one that leads to its value, if one was found or written.
	becomes cid.Cid
	steps   uint64 // if they are too many for the Thunk
}

// setForced notes what t has come to.
func setForced(t *graph.Thunk, f forced) {
	t.State, t.Value = uint8(reduced), f.value
	if f.err != nil {
		t.State = uint8(failed)
	}
	if f.err != nil || f.trace.Defined() || f.becomes.Defined() || f.steps > 0 {
		t.Value = f.held()
	}
}

// held is f as a Tag's Value.
func (f forced) held() graph.Value {
	tag := new(forced)
	*tag = f
	tag.Init(forcedTag)
	return tag.Tag.Value(0)
}

// forcedOf is what t has come to, or by which Reduct it is being reduced.
func forcedOf(t *graph.Thunk) forced {
	if t.Value.Kind() != forcedTag {
		return forced{value: t.Value}
	}
	tag, _ := t.Value.Tag()
	return *(*forced)(unsafe.Pointer(tag))
}

// seen is what the lazy value v has come to, or v: where there is no Result whose use had to be noted.
func seen(v graph.Value) graph.Value {
	t := v.Thunk()
	if unitState(t.State) == reduced && t.Value.Kind() != forcedTag {
		return t.Value
	}
	if u, ok := t.Body.(*unit); ok && u.state == reduced && !u.trace.Defined() {
		return u.value
	}
	return v
}

// Force looks inside: it loads a link, reduces a lazy value, and goes on with what it finds.
func (m *Machine) Force(v graph.Value) graph.Value {
	var mark *graph.Thunk // to find a chain of lazy values that comes back to itself (Brent's algorithm)
	turns, power := 0, 64
	for {
		switch v.Kind() {
		case graph.KindLazy:
			t := v.Thunk()
			if t == mark || mark != nil && len(t.Args())+len(mark.Args()) == 0 && t.CID == mark.CID {
				panic(&Stop{Reason: Endless})
			}
			if turns++; turns == power {
				mark, turns, power = t, 0, 2*power
			}
			v = m.forceThunk(t)
		case graph.KindLink:
			v = m.follow(v.Link())
		default:
			return v
		}
	}
}

// forceThunk reduces a lazy value. Its steps are its own: the looker is charged none.
func (m *Machine) forceThunk(t *graph.Thunk) graph.Value {
	switch unitState(t.State) {
	case reduced:
		if t.Value.Kind() != forcedTag {
			return t.Value
		}
		f := forcedOf(t)
		m.policy.used(cid.Undef, f.trace)
		return f.value
	case failed:
		f := forcedOf(t)
		m.policy.used(cid.Undef, f.trace)
		panic(m.anew(f.err))
	case running:
		panic(&Stop{Reason: Endless})
	}
	captures := t.Args()
	if len(captures) == 0 {
		return m.forceClosed(t)
	}
	fp := m.sp
	if uintptr(fp)+thunkSize > m.end {
		return m.hop(func() graph.Value { return m.forceThunk(t) })
	}
	if m.opt.Fuel > 0 {
		m.lend()
	}
	l, ok := t.Body.(*lam)
	if !ok || m.keeps || m.resuming || m.high > 0 || m.opt.Profile != nil {
		return m.forceNoted(t)
	}
	start := m.steps
	t.State = uint8(running)
	m.sp = unsafe.Add(fp, thunkSize)
	*slot(fp, 0) = thunkMark.Value(m.entered(-1))
	*slot(fp, slotSize) = graph.ThunkValue(t)
	*slot(fp, 2*slotSize) = graph.Int(int64(start))
	var v graph.Value
	if call := m.sp; uintptr(call)+l.size <= m.end { // m.call, in short
		m.sp = unsafe.Add(call, l.size)
		*slot(call, 0) = l.Value(m.entered(-1))
		for i, c := range captures {
			*slot(call, slotOffset(i)) = c
		}
		v = m.run(l, call).Held()
	} else {
		v = m.call(l, captures, -1).Held()
	}
	m.sp = fp
	if steps := m.steps - start; steps < math.MaxUint32 && m.high == 0 { // as below, in short
		m.steps, m.off, m.limit = start, m.off+steps, m.limit-steps
		t.State, t.Steps, t.Value = uint8(reduced), uint32(steps), v
		return v
	}
	steps := m.stepsSince(since{start, 0})
	m.rewind(since{start, 0})
	t.Steps = math.MaxUint32
	setForced(t, forced{value: v, steps: steps})
	return v
}

// thunkSize is that of the run of a lazy value that is being reduced: its header, the Thunk, and the steps when that began; null where
// someone waits to see how it ends.
const thunkSize = 3 * slotSize

// thunkFailed ends the reduction of t because of an error or a stop.
func thunkFailed(t *graph.Thunk, thrown any) {
	t.State, t.Value = uint8(unloaded), graph.Value{}
	if e, ok := thrown.(*Thrown); ok {
		setForced(t, forced{err: e})
	}
}

// forceNoted is forceThunk where there is more to do than to reduce t: results to look up and to link, or time to measure.
func (m *Machine) forceNoted(t *graph.Thunk) graph.Value {
	captures, fp := t.Args(), m.sp
	start := m.now()
	defer m.rewind(start)
	if m.policy.findThunk(t) {
		return m.forceThunk(t)
	}
	t.State = uint8(running)
	m.sp = unsafe.Add(fp, thunkSize)
	*slot(fp, 0) = thunkMark.Value(m.entered(-1))
	*slot(fp, slotSize) = graph.ThunkValue(t)
	*slot(fp, 2*slotSize) = graph.Null()
	uses, before := m.policy.open(), m.bearings()
	v, thrown := m.protect(func() graph.Value {
		l, ok := t.Body.(*lam)
		if !ok {
			l = m.thunkLam(t)
		}
		if m.resuming {
			return m.resumeThunk(t, l)
		}
		return m.call(l, captures, -1)
	})
	if l := landed(thrown, fp); l != nil {
		v, thrown = m.restOfLanding(l, before, uses.mark)
		if l := landed(thrown, fp); l != nil {
			m.sp = fp
			m.land(l, before, uses.mark)
			m.policy.thunkAnswered(t, l.found, uses)
			return m.forceThunk(t)
		}
	}
	if thrown != nil {
		t.State, t.Value = uint8(unloaded), graph.Value{}
		if e, ok := thrown.(*Thrown); ok {
			m.policy.thunkDone(t, forced{err: e}, m.stepsSince(start), uses)
		}
		panic(thrown)
	}
	m.sp = fp
	v = v.Held()
	f, steps := forced{value: v}, m.stepsSince(start)
	if m.resuming {
		f.becomes = forcedOf(t).becomes
	}
	if t.Steps = uint32(min(steps, math.MaxUint32)); t.Steps == math.MaxUint32 {
		f.steps = steps
	}
	m.policy.thunkDone(t, f, steps, uses)
	return v
}

// thunkLam is the function that t applies to its captures.
func (m *Machine) thunkLam(t *graph.Thunk) *lam {
	u := m.unit(t.CID)
	m.loadUnit(u)
	l := u.lam
	if l == nil || l.arity != len(t.Args()) {
		panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s is not a function of %d arguments, as a lazy value wants it", t.CID, len(t.Args()))})
	}
	t.Body = l
	return l
}

// resumeThunk reduces t, or what an earlier run has brought it to.
func (m *Machine) resumeThunk(t *graph.Thunk, l *lam) graph.Value {
	if r, block, ok := m.reductOf(graph.ThunkCode(t, nil)); ok {
		t.Value = forced{becomes: block}.held()
		m.addSteps(r.Steps)
		to := m.unit(r.To)
		v := m.refValue(to, -1)
		if !to.isValue() {
			t.Value = graph.Value{}
		}
		return v
	}
	return m.call(l, t.Args(), -1)
}

// forceClosed reduces a lazy value without captures.
func (m *Machine) forceClosed(t *graph.Thunk) graph.Value {
	u, ok := t.Body.(*unit)
	if !ok {
		u = m.unit(t.CID)
	}
	if u.state == reduced {
		m.policy.used(u.cid, u.trace)
		return u.value
	}
	m.lend()
	start := m.now()
	defer m.rewind(start)
	return m.refValue(u, -1)
}

const loadedKept = 1 << 16 // blocks of data kept in memory, by CID

// follow loads the block of a link: data as data, code as what it denotes.
func (m *Machine) follow(c cid.Cid) graph.Value {
	if v, ok := m.loaded[c]; ok {
		return v
	}
	v, isCode := graph.Value{}, false
	if u := m.units[c]; u != nil && u.state != unloaded {
		isCode = true
	} else {
		data := m.Load(c)
		m.Reserve(int64(len(data)))
		var err error
		switch multicodec.Code(c.Prefix().Codec) {
		case multicodec.DagCbor:
			if isCode = graph.IsCode(data); !isCode {
				v, err = m.far.DecodeForeign(c, data)
			}
		case multicodec.DagJson:
			v, err = graph.ParseJSON(data)
		case multicodec.Raw:
			v = graph.BytesValue(data)
		case multicodec.DagPb:
			if v, err = m.far.DecodeUnixFS(c, data); errors.Is(err, graph.ErrNotUnixFS) {
				v, err = codecValue(c, data)
			}
		default:
			v, err = codecValue(c, data)
		}
		if err != nil {
			panic(stopped(c, err))
		}
	}
	if isCode {
		m.lend()
		start := m.now()
		defer m.rewind(start)
		return m.refValue(m.unit(c), -1)
	}
	if m.remaking { // who goes through a list holds one part of it
		return v
	}
	if len(m.loaded) >= loadedKept {
		for k := range m.loaded {
			delete(m.loaded, k)
			break
		}
	}
	m.loaded[c] = v
	return v
}

// stopped is the Stop for a block of data that could not be read: the one that err wraps, if it does.
func stopped(c cid.Cid, err error) *Stop {
	if s := (*Stop)(nil); errors.As(err, &s) {
		return s
	}
	if !strings.Contains(err.Error(), c.String()) {
		err = fmt.Errorf("block %s: %w", c, err)
	}
	return &Stop{Reason: Missing, Err: err}
}

// codecValue reads a block of any other codec that go-ipld-prime knows.
func codecValue(c cid.Cid, data []byte) (graph.Value, error) {
	n, err := codec.DecodeNode(c.Prefix().Codec, data)
	if err != nil {
		return graph.Value{}, err
	}
	return graph.FromNode(n)
}
