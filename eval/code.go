// This file generates code: a lam's term becomes Go closures over the slots of a frame.
//
//	var i        the slot i
//	let b e      slot := b; e
//	if c a b     only the branch taken
//	app f a…     f, then the arguments from the left, then the call
//
// An operand that has been reduced stands in a slot while those after it are reduced (waits).
//
// Terms were checked when they were loaded, so slots are in range and nothing is checked here again.

package eval

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// newLam makes a lam whose code is generated at its first call. base is the preorder index of the lam in its block.
func (m *Machine) newLam(u *unit, c cid.Cid, t *graph.Term, base int, group []*lam) *lam {
	f := &lam{id: m.lamIDs, cid: c, term: t, unit: u, base: base, group: group, arity: t.Arity}
	f.Init(lamTag)
	f.salt = binary.LittleEndian.Uint64([]byte(c.KeyString()[len(c.KeyString())-8:]))
	levels, waiting, height := measure(t.Args[0], f.arity)
	f.slots = levels
	f.kept = slotOffset(f.slots + waiting)
	n := 1 + f.slots + waiting + f.arity + height/2
	if i := slices.Index(group, nil); i >= 0 && m.opt.Link != All { // it is a member, and this is its place
		f.sole = soleSlots(t, f.slots, i)
	}
	if f.sole != nil {
		f.spares = f.kept + uintptr(f.arity)*slotSize
		n++
	}
	if n >= slack {
		panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s: a function of more than %d slots", c, slack)})
	}
	f.size = uintptr(n) * slotSize
	f.loops = true // it may, as far as is known
	f.body = func(m *Machine, fp unsafe.Pointer) graph.Value {
		m.generate(f)
		return f.body(m, fp)
	}
	f.enter = func(m *Machine, fp unsafe.Pointer) graph.Value {
		m.generate(f)
		return f.enter(m, fp)
	}
	m.lamIDs++
	return f
}

// measure finds the number of slots that a term needs when level are in use, how many operands in it may wait at once,
// and its height.
func measure(t *graph.Term, level int) (levels, waiting, height int) {
	levels = level
	before := 0
	for i, a := range t.Args {
		inner := level
		if t.Op == graph.OpLet {
			inner += i
			levels = max(levels, level+1)
		}
		l, w, h := measure(a, inner)
		levels, height = max(levels, l), max(height, h)
		if waits(t, i) {
			before++
		}
		waiting = max(waiting, before+w)
	}
	if t.Op == graph.OpIf { // what it decides between is reduced inside of the questions
		height += questions(t.Args[0])
	}
	return levels, max(waiting, before), height + 1
}

// questions is how many questions a condition asks inside of its first one, at most; none where it is answered as a value.
func questions(t *graph.Term) int {
	if t.Op != graph.OpIf {
		return 0
	}
	n := 1 + questions(t.Args[0]) + max(questions(t.Args[1]), questions(t.Args[2]))
	if n >= mostQuestions {
		return 0
	}
	return n
}

// mostQuestions is how many questions stand in each other. What they decide between is reduced on top of them all: with no bound, a deep
// recursion below 64 of them took eleven times as long, and six times the memory, as below 64 answers that are values.
const mostQuestions = 4

// waits says whether the i-th part of a term has to stand in a slot of the frame while parts after it are reduced: an operand that
// is not just read, when a later one is not just read either. More than few, and those of displays, wait in a run of slots.
func waits(t *graph.Term, i int) bool {
	return t.Op == graph.OpApp && len(t.Args) <= 1+few && i > 0 && someWait(t.Args[i:])
}

// few is how many operands wait in slots of the frame.
const few = 6

// someWait says whether the first of the operands has to wait for one of the others.
func someWait(operands []*graph.Term) bool {
	return !isRead(operands[0]) && slices.ContainsFunc(operands[1:], func(t *graph.Term) bool { return !isRead(t) })
}

// isRead says whether a term is there without any work.
func isRead(t *graph.Term) bool {
	switch t.Op {
	case graph.OpVar, graph.OpLit, graph.OpPrim, graph.OpLazy: // a lazy takes variables only
		return true
	case graph.OpSpread:
		return isRead(t.Args[0])
	}
	return false
}

// A generator holds what generation of one body needs.
type generator struct {
	m       *Machine
	f       *lam
	index   int    // preorder index of the next node
	waiting int    // operands that wait while the term in hand is reduced
	calls   bool   // it calls what may take long
	passes  bool   // it ends in a call of another function, outside its group
	into    *maker // of the term that is generated next, an application
	// What the term around one may do in one step with it, by the index of the one that was generated last: a term is generated
	// just before what is around it.
	filled filled
	opened opened
	option option
}

// wait generates the parts of a term from the first-th on. into is what is known of them (reuse.go).
func (g *generator) wait(t *graph.Term, first, level int, into ...*maker) []operand {
	parts := make([]operand, len(t.Args))
	before := g.waiting
	for i := first; i < len(t.Args); i++ {
		if i-first < len(into) {
			g.into = into[i-first]
		}
		parts[i] = g.operand(t.Args[i], level)
		parts[i].hold = g.hold(t, i)
	}
	g.waiting = before
	return parts[first:]
}

// hold gives the offset of the slot in which the i-th part of a term waits, which is just generated; 0 if it does not.
func (g *generator) hold(t *graph.Term, i int) uintptr {
	if !waits(t, i) {
		return 0
	}
	g.waiting++
	return slotOffset(g.f.slots + g.waiting - 1)
}

func (m *Machine) generate(f *lam) {
	g := &generator{m: m, f: f, index: f.base + 1}
	f.loops = false
	body := g.gen(f.term.Args[0], f.arity, f.arity > 0 && !f.inner) // calls of a closed expression are calls, to be linked as such
	f.calls, f.passes = g.calls || g.passes, g.passes && !g.calls && !m.namesLarge(f)
	if m.opt.Profile != nil && !f.inner {
		body = m.opt.Profile.counted(f, body)
	}
	f.body, f.once = body, body
	if f.loops {
		f.body = turning(body)
	}
	if loop := f.body; f.sole != nil {
		f.body = func(m *Machine, fp unsafe.Pointer) graph.Value {
			f.forget(fp)
			return loop(m, fp)
		}
		f.once = func(m *Machine, fp unsafe.Pointer) graph.Value {
			f.forget(fp)
			return body(m, fp)
		}
	}
	f.enter = m.policy.wrap(f)
}

// namesLarge says whether f names what may be too large for a call to be looked up by: a literal, or a closed expression whatever it comes to.
func (m *Machine) namesLarge(f *lam) (large bool) {
	graph.Walk(f.term.Args[0], func(_ int, t *graph.Term) {
		switch t.Op {
		case graph.OpRef:
			large = large || m.unit(t.CID).state != function
		case graph.OpSelf:
			large = large || f.group[t.Index].arity == 0
		case graph.OpLit:
			large = large || !small([]graph.Value{t.Value})
		}
	})
	return large
}

// turning repeats a body as long as it ends in a call of itself, whose arguments it has put in place.
func turning(body code) code {
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		for {
			if r := body(m, fp); r != graph.Again() {
				return r
			}
		}
	}
}

// again ends a turn of the function in hand.
func (m *Machine) again() graph.Value {
	m.steps++
	if m.steps >= m.limit {
		m.safepoint()
	}
	return graph.Again()
}

func (g *generator) site(index int) *site {
	if g.f.inner { // a rest has no block, and nobody wrote it
		return &site{block: cid.Undef, index: index}
	}
	return &site{block: g.f.unit.cid, index: index}
}

// gen generates a term. level is the number of slots in use; tail says that the term's value is the body's.
func (g *generator) gen(t *graph.Term, level int, tail bool) code {
	index := g.index
	g.index++
	switch t.Op {
	case graph.OpVar:
		off := slotOffset(t.Index)
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return *slot(fp, off) }
	case graph.OpLit:
		v := t.Value
		return func(*Machine, unsafe.Pointer) graph.Value { return v }
	case graph.OpPrim:
		if g.m.prims[t.Name] == nil {
			name, in := t.Name, g.f.cid
			return func(m *Machine, fp unsafe.Pointer) graph.Value { panic(m.unknown(name, in)) }
		}
		v := g.primValue(t.Name)
		return func(*Machine, unsafe.Pointer) graph.Value { return v }
	case graph.OpRef:
		u := g.m.unit(t.CID)
		if u.state == function && u.group == nil {
			v := u.value
			return func(*Machine, unsafe.Pointer) graph.Value { return v }
		}
		if u.uses == 1 && g.f.arity == 0 {
			return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.lastUse(u, index) }
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.refValue(u, index) }
	case graph.OpSelf:
		f := g.f.group[t.Index]
		if f.arity == 0 {
			u := g.m.unit(f.cid)
			return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.refValue(u, index) }
		}
		v := f.value()
		return func(*Machine, unsafe.Pointer) graph.Value { return v }
	case graph.OpLet:
		return g.let(t, level, tail, index)
	case graph.OpIf:
		return g.decide(t, level, tail, index)
	case graph.OpGet:
		arg, key, at := g.gen(t.Args[0], level, false), t.Name, g.site(index)
		i, isIndex := asIndex(key)
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			v := arg(m, fp)
			switch v.Kind() {
			case graph.KindMap:
				if x, ok := v.Map().Get(key); ok {
					return x
				}
			case graph.KindList:
				if isIndex && i < v.ListLen() {
					return v.ListAt(i)
				}
			case graph.KindLazy:
				if xs := seen(v); isIndex && xs.Kind() == graph.KindList && i < xs.ListLen() {
					return xs.ListAt(i)
				}
			case graph.KindLink:
				if x, ok, _ := m.sharded(v.Link(), key); ok {
					return x
				}
			}
			x, err := field(m.forceAt(v, at), key)
			if err != nil {
				m.throw(err, at)
			}
			return x
		}
	case graph.OpList:
		return g.list(t, level, index)
	case graph.OpMap:
		return g.mapping(t, level, index)
	case graph.OpTry:
		arg := g.gen(t.Args[0], level, false)
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.attempt(arg, fp) }
	case graph.OpLazy:
		return g.lazy(t.Args[0], level)
	case graph.OpApp:
		return g.app(t, level, tail, index)
	}
	panic(fmt.Sprintf("BUG: a term of op %d in a body", t.Op))
}

func (g *generator) primValue(name string) graph.Value {
	return graph.FnValue(&graph.Fn{Prim: name, Head: primCID(name), Body: g.m.prim(name, g.f.cid)})
}

// asIndex reads a key as the index of a list: decimal digits without leading zeros.
func asIndex(key string) (int, bool) {
	if len(key) == 1 {
		return int(key[0] - '0'), '0' <= key[0] && key[0] <= '9'
	}
	i, err := strconv.ParseInt(key, 10, 0)
	return int(i), err == nil && i >= 0 && strconv.FormatInt(i, 10) == key
}

// field is e.key: a map's value, or a list's element where key is an index.
func field(v graph.Value, key string) (graph.Value, error) {
	switch v.Kind() {
	case graph.KindMap:
		if x, ok := v.Map().Get(key); ok {
			return x, nil
		}
	case graph.KindList:
		if i, ok := asIndex(key); ok && i < v.List().Len() {
			return v.List().At(i), nil
		}
	default:
		return graph.Value{}, wrongKind(v, "map or list")
	}
	return graph.Value{}, Fail("no field", graph.Record("field", graph.Text(key), "in", v))
}

// wrongKind is the error for a value of a kind that cannot stand where it does.
func wrongKind(got graph.Value, want string) error {
	return Fail("wrong kind", graph.Record("got", got, "want", graph.Text(want)))
}

// args generates arguments, from the left.
func (g *generator) args(ts []*graph.Term, level int) []code {
	out := make([]code, len(ts))
	for i, t := range ts {
		out[i] = g.gen(t, level, false)
	}
	return out
}

// evaluate reduces codes from the left into slots of the stack and hands them to use, with the frame. weight is what use needs
// besides. A use that is made once, and not at each call, allocates nothing.
func (m *Machine) evaluate(codes []code, fp unsafe.Pointer, weight int, at *site, use operandUse) graph.Value {
	base, whole, ok := m.reserveAhead(len(codes)+weight, at)
	if !ok {
		return m.hop(func() graph.Value { return m.evaluate(codes, fp, weight, at, use) })
	}
	args := slots(base, slotSize, len(codes))
	for i, c := range codes {
		args[i] = c(m, fp)
	}
	*slot(base, 0) = whole
	r := use(m, fp, args)
	m.sp = base
	return r
}

// An operandUse is what is done with operands that are reduced; fp is the frame that they were reduced in.
type operandUse = func(m *Machine, fp unsafe.Pointer, args []graph.Value) graph.Value

func (g *generator) list(t *graph.Term, level, index int) code {
	items := make([]code, len(t.Args))
	spread := make([]*site, len(t.Args))
	any, read := false, true
	for i, a := range t.Args {
		read = read && !someWait(t.Args[i:])
		if a.Op == graph.OpSpread {
			spread[i] = g.site(g.index)
			g.index++
			a, any = a.Args[0], true
		}
		items[i] = g.gen(a, level, false)
	}
	if !any && read && len(items) == 2 {
		a, b := items[0], items[1]
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return graph.NewPair(a(m, fp), b(m, fp)) }
	}
	if !any && (read || len(items) >= slack) { // one that is so long is not read back at a stop, but begun again
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			vs := make([]graph.Value, len(items))
			for i, c := range items {
				vs[i] = c(m, fp)
			}
			return graph.ListValue(graph.ListOf(vs))
		}
	}
	at := g.site(index)
	if len(items) == 2 && spread[0] == nil && read { // [x, ...xs]
		c := &cons{items[0], items[1], at, spread[1]}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, xs := c.first(m, fp), c.rest(m, fp) // in a small frame: who builds a long list so comes back through as many
			if xs.Kind() == graph.KindList {
				return xs.ListPrepend(x)
			}
			return m.prepend(x, xs, c)
		}
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		return m.evaluate(items, fp, 0, at, func(_ *Machine, _ unsafe.Pointer, args []graph.Value) graph.Value {
			if !any {
				vs := make([]graph.Value, len(args))
				copy(vs, args)
				return graph.ListValue(graph.ListOf(vs))
			}
			out := graph.EmptyList
			for i, v := range args {
				if spread[i] == nil {
					out = out.Append(v)
				} else if l := m.listAt(v, spread[i]); out.Len() == 0 {
					out = l
				} else {
					out = m.concatLists(out, l)
				}
			}
			return graph.ListValue(out)
		})
	}
}

// cons is [first, ...rest].
type cons struct {
	first, rest code
	at, spread  *site
}

// prepend is [x, ...xs] where xs has to be looked into.
func (m *Machine) prepend(x, xs graph.Value, c *cons) graph.Value {
	fp, ok := m.reserve(2, c.at)
	if !ok {
		return m.hop(func() graph.Value { return m.prepend(x, xs, c) })
	}
	vs := slots(fp, slotSize, 2)
	vs[0], vs[1] = x, xs
	r := graph.ListValue(m.listAt(xs, c.spread).Prepend(x))
	m.sp = fp
	return r
}

// forceAt looks inside v, the sole operand of the node at.
func (m *Machine) forceAt(v graph.Value, at *site) graph.Value {
	if v.Kind() == graph.KindLazy {
		v = seen(v)
	}
	if isThere(v) {
		return v
	}
	return m.lookAt(v, at)
}

// lookAt is forceAt for what is not there.
func (m *Machine) lookAt(v graph.Value, at *site) graph.Value {
	fp, ok := m.reserve(1, at)
	if !ok {
		return m.hop(func() graph.Value { return m.lookAt(v, at) })
	}
	*slot(fp, slotSize) = v
	r := m.Force(v)
	m.sp = fp
	return r
}

// listAt looks at v as a list.
func (m *Machine) listAt(v graph.Value, at *site) *graph.List {
	if v = m.Force(v); v.Kind() != graph.KindList {
		m.throw(wrongKind(v, "list"), at)
	}
	return v.List()
}

func (g *generator) mapping(t *graph.Term, level, index int) code {
	items := make([]code, len(t.Args))
	spread := make([]*site, len(t.Args))
	keys, any := t.Keys, false
	for i, a := range t.Args {
		if a.Op == graph.OpSpread {
			spread[i] = g.site(g.index)
			g.index++
			a, any = a.Args[0], true
		}
		items[i] = g.gen(a, level, false)
	}
	if len(items) == 1 && !any {
		item, key := items[0], keys[0]
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return graph.Tagged(key, item(m, fp)) }
	}
	at := g.site(index)
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		return m.evaluate(items, fp, 0, at, func(_ *Machine, _ unsafe.Pointer, args []graph.Value) graph.Value {
			if !any {
				var b graph.MapBuilder
				for i, v := range args {
					b.Set(keys[i], v)
				}
				return graph.MapValue(b.Map())
			}
			out := graph.EmptyMap
			for i, v := range args {
				if spread[i] == nil {
					out = out.Insert(keys[i], v)
					continue
				}
				if v = m.Force(v); v.Kind() != graph.KindMap {
					m.throw(wrongKind(v, "map"), spread[i])
				}
				if out.Len() == 0 {
					out = v.Map()
				} else {
					out = m.mergeMaps(out, v.Map())
				}
			}
			return graph.MapValue(out)
		})
	}
}

// lazy makes a lazy value: of a closed expression, or of a closed function and its captures.
func (g *generator) lazy(t *graph.Term, level int) code {
	index := g.index
	g.index++
	constant := func(head cid.Cid) code {
		v := graph.NewThunk(&graph.Head{CID: head, Body: g.m.unit(head)})
		return func(*Machine, unsafe.Pointer) graph.Value { return v }
	}
	switch t.Op {
	case graph.OpRef:
		return constant(t.CID)
	case graph.OpSelf:
		return constant(g.f.group[t.Index].cid)
	case graph.OpApp:
		head, known := t.Args[0], true
		g.index++
		code := &graph.Head{CID: head.CID}
		var f *lam
		if head.Op == graph.OpSelf {
			f = g.f.group[head.Index]
		} else if u := g.m.unit(head.CID); g.m.canLoad(u) {
			f = u.lam
		} else {
			known = false // it stops the evaluation only where it is forced
		}
		captures := g.args(t.Args[1:], level)
		if known && (f == nil || f.arity != len(captures)) {
			panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s: the lazy term at %d is not a function with all its arguments", g.f.unit.cid, index)})
		}
		if f != nil {
			code.CID, code.Body = f.cid, f
		}
		switch len(captures) {
		case 1:
			a := captures[0]
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				vs := [1]graph.Value{a(m, fp)}
				m.recognise(vs[:])
				return graph.Thunk1(code, vs[0])
			}
		case 2:
			a, b := captures[0], captures[1]
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				vs := [2]graph.Value{a(m, fp), b(m, fp)}
				m.recognise(vs[:])
				return graph.Thunk2(code, vs[0], vs[1])
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			vs := make([]graph.Value, len(captures))
			for i, c := range captures {
				vs[i] = c(m, fp)
			}
			m.recognise(vs)
			return graph.NewThunk(code, vs...)
		}
	}
	panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s: the lazy term at %d is neither closed nor an application", g.f.unit.cid, index)})
}

// attempt is try e.
func (m *Machine) attempt(c code, fp unsafe.Pointer) graph.Value {
	tries, floor, caller, run := m.tries, m.policy.floor, m.caller, m.primRun
	m.tries++
	v, thrown := m.protect(func() graph.Value { return c(m, fp) })
	m.tries, m.policy.floor, m.caller, m.primRun, m.charging, m.entering = tries, floor, caller, run, false, false
	if thrown == nil {
		return graph.Tagged("Ok", v)
	}
	t, ok := thrown.(*Thrown)
	if !ok {
		panic(thrown)
	}
	return graph.Tagged("Err", graph.Record("kind", graph.Text(t.Err.Kind), "value", t.Err.Value))
}
