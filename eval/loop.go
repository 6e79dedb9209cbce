// This file holds loops: what the primitives that call a function for each element keep in view of a stop, so that the rest
// of a loop is an expression as well (core.resume).

package eval

import (
	"math"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// A loop is a primitive in the midst of its calls. It goes through three states for each element: between, when all before
// it are dealt with; calling; and answered, when the call's value is there but has not had its effect.
//
// A primitive begins one with Machine.loop, takes the elements with next (or counts them with turn), calls with call, keeps what it has
// so far in the loop, and ends it with end.
type loop struct {
	graph.Tag
	m      *Machine
	state  loopState
	whole  bool   // all calls are made: what follows is in one piece
	replay bool   // resumed while calling: the value of the call in hand is there
	begun  bool   // what it is resumed with is restored, if it is resumed
	owned  bool   // acc is a map that nothing else has (own.go)
	n      uint64 // elements visited, that in hand included; 1 step is charged for every 16
	before uint64 // steps when all before the element in hand was dealt with
	at     uint64 // steps when the answer came
	lent   uint64 // of the steps since before (Machine.lend)
	result graph.Value
	parts  []graph.Value // what it is resumed with

	args   []graph.Value
	it     graph.ListIter
	acc    graph.Value
	callee *lam        // it consumes acc
	since  uint64      // steps when it was called
	turns  uint64      // of core.enter
	prefix *graph.List // before out or joined, of parts (parts.go)
	out    listOut
	other  listOut
	joined joiner
	fields mapOut
	parted graph.MapParts // before fields, of parts (mapparts.go)
	groupsOut
	slots *grouping // what is grouped already, of parts (groups.go)
	bits  []byte    // outcomes of comparisons
	replacing
}

// A groupsOut gathers the lists of a groupBy.
type groupsOut struct {
	groups []*listOut
	keys   []string
	index  map[string]int // of the keys
}

// of gives the list of a key.
func (o *groupsOut) of(m *Machine, key string) *listOut {
	i, ok := o.index[key]
	if !ok {
		i = len(o.groups)
		o.index[key] = i
		o.keys, o.groups = append(o.keys, key), append(o.groups, &listOut{m: m})
		if i&1023 == 1023 {
			m.Reserve(1 << 17)
		}
	}
	return o.groups[i]
}

func (o *groupsOut) value(m *Machine) graph.Value {
	var out graph.MapBuilder
	for i, k := range o.keys {
		out.Set(k, graph.ListValue(o.groups[i].SoFar())) // it may be stopped here
		if i&1023 == 1023 {
			m.poll()
		}
	}
	return mapOf(m, &out, len(o.keys))
}

type loopState uint8

const (
	between loopState = iota
	calling
	answered
)

// A resumption is what core.resume hands to the loop that it goes on with.
type resumption struct {
	n     uint64
	parts []graph.Value
	value graph.Value
	has   bool // value is the answer of the call in hand
}

// loop begins the loop of the primitive in hand, whose arguments are args.
func (m *Machine) loop(args []graph.Value) *loop {
	var l *loop
	if k := len(m.loops); k > 0 {
		l = m.loops[k-1]
		m.loops = m.loops[:k-1]
	} else {
		l = &loop{m: m}
		l.Init(loopTag)
	}
	l.args, l.before = args, m.steps
	l.out.m, l.other.m, l.joined.m, l.fields.m = m, m, m, m
	run, n := m.primRun, len(args)
	if r := m.resumed; r == nil {
		l.begun = true
	} else {
		m.resumed = nil
		l.n, l.parts, l.result, l.replay = r.n, r.parts, r.value, r.has
		if l.replay {
			l.state, l.at = answered, m.steps
		}
		n = resumeArity
	}
	if run != nil {
		*(*graph.Value)(unsafe.Add(run, uintptr(n)*slotSize)) = l.Value(0)
	}
	return l
}

// end gives the loop back.
func (l *loop) end() {
	m := l.m
	bits, groups, keys := l.bits[:0], l.groups[:0], l.keys[:0]
	clear(l.groups)
	*l = loop{Tag: l.Tag, m: m, bits: bits, groupsOut: groupsOut{groups: groups, keys: keys}}
	m.loops = append(m.loops, l)
}

// done is how many elements are dealt with.
func (l *loop) done() int {
	if l.replay {
		return int(l.n) - 1
	}
	return int(l.n)
}

// over sets the elements to go through: those of xs that are not dealt with.
func (l *loop) over(xs *graph.List) *loop {
	if k := l.done(); k > 0 {
		xs = xs.Slice(min(k, xs.Len()), xs.Len())
	}
	l.it = xs.Iter()
	return l
}

// next is the next element.
func (l *loop) next() (graph.Value, bool) {
	if !l.replay {
		l.settle() // before it is looked at what comes next, for which it may have to be made
	}
	x, ok := l.it.Next()
	if ok {
		l.turn()
	} else {
		l.settle()
	}
	return x, ok
}

// turn counts an element and charges for it.
func (l *loop) turn() {
	if l.replay {
		return
	}
	l.state, l.before = between, l.m.steps
	if l.n&15 == 15 {
		l.m.Charge(1)
	}
	l.n++
}

// settle says that all elements are dealt with.
func (l *loop) settle() { l.state, l.before, l.lent = between, l.m.steps, 0 }

// call calls f for the element in hand.
func (l *loop) call(f graph.Value, args ...graph.Value) graph.Value {
	if l.replay {
		l.replay, l.state, l.at = false, answered, l.m.steps
		return l.result
	}
	l.state = calling
	r := l.m.Apply(f, args...)
	l.result, l.at, l.state = r, l.m.steps, answered
	return r
}

// holds calls the predicate f.
func (l *loop) holds(f graph.Value, args ...graph.Value) (bool, error) {
	r := l.call(f, args...)
	if r.Kind() != graph.KindBool {
		if r = head(l.m, r); r.Kind() != graph.KindBool {
			return false, wrongKind(r, "bool")
		}
	}
	return r.Bool(), nil
}

// A keeper says how the loop of a primitive is written down, and whether what was written down can be read.
type keeper struct {
	save    func(l *loop) []graph.Value
	restore func(l *loop) bool
}

// keeperOf is the keeper of a primitive whose loops can be resumed.
func keeperOf(name string) (k keeper, ok bool) {
	switch name {
	case "list.map", "list.filter":
		k = keeper{saveOut, restoreParts}
	case "list.zipWith", "list.sortBy":
		k = keeper{saveOut, restoreOut}
	case "map.map", "map.filter", eachGroupName:
		k = keeper{saveFields, restoreFields}
	case "list.fold", "list.foldr", "map.fold":
		k = keeper{saveAcc, restoreAcc}
	case "list.any", "list.all", "list.find", "list.takeWhile", "list.dropWhile":
		k = keeper{saveNothing, restoreNothing}
	case "list.partition":
		k = keeper{savePartition, restorePartition}
	case foldRunsName:
		k = keeper{saveRuns, restoreRuns}
	case "list.flatMap":
		k = keeper{saveJoined, restoreJoined}
	case "list.groupBy":
		k = keeper{saveGroups, restoreGroups}
	case "list.sortWith":
		k = keeper{saveBits, restoreBits}
	case "regex.replaceWith":
		k = keeper{saveReplacing, restoreReplacing}
	default:
		return k, false
	}
	return k, true
}

func savePartition(l *loop) []graph.Value {
	return []graph.Value{graph.ListValue(l.out.SoFar()), graph.ListValue(l.other.SoFar())}
}

func restorePartition(l *loop) bool {
	return l.are(graph.KindList, graph.KindList) && l.fill(&l.out, l.parts[0].List()) && l.fill(&l.other, l.parts[1].List())
}

func saveJoined(l *loop) []graph.Value {
	return []graph.Value{graph.ListValue(l.prefix.Concat(l.joined.soFar()))}
}

func restoreJoined(l *loop) bool {
	if !l.are(graph.KindList) {
		return false
	}
	l.joined.done = l.parts[0].List()
	l.joined.n = int64(l.joined.done.Len())
	return true
}

func saveGroups(l *loop) []graph.Value {
	var b graph.MapBuilder
	if l.slots == nil {
		for i, k := range l.keys {
			if b.Set(k, graph.ListValue(l.groups[i].SoFar())); i%pollEvery == 0 {
				l.m.tooLong()
			}
		}
		return []graph.Value{graph.MapValue(b.Map())}
	}
	all := map[string]*graph.List{}
	for _, s := range l.slots.slots {
		if s.held == nil {
			panic(&Stop{Reason: Missing, Err: errNotMade})
		}
		for k, xs := range s.held {
			all[k] = all[k].Concat(xs)
		}
		l.m.tooLong()
	}
	for i, k := range l.keys {
		all[k] = all[k].Concat(l.groups[i].SoFar())
	}
	for k, xs := range all {
		b.Set(k, graph.ListValue(xs))
	}
	return []graph.Value{graph.MapValue(b.Map())}
}

func restoreGroups(l *loop) bool {
	if !l.are(graph.KindMap) {
		return false
	}
	ok := true
	l.parts[0].Map().Each(func(key string, v graph.Value) bool {
		if ok = v.Kind() == graph.KindList; ok {
			g := &listOut{m: l.m}
			l.fill(g, v.List())
			l.keys, l.groups = append(l.keys, key), append(l.groups, g)
		}
		return ok
	})
	return ok
}

func saveBits(l *loop) []graph.Value {
	return []graph.Value{graph.BytesValue(append([]byte(nil), l.bits...))}
}

func restoreBits(l *loop) bool {
	if !l.are(graph.KindBytes) || len(l.parts[0].Bytes()) != (l.done()+7)/8 {
		return false
	}
	l.bits = append(l.bits[:0], l.parts[0].Bytes()...)
	return true
}

// are says whether the parts that the loop is resumed with are of these kinds.
func (l *loop) are(kinds ...graph.Kind) bool {
	if len(l.parts) != len(kinds) {
		return false
	}
	for i, k := range kinds {
		if l.parts[i].Kind() != k {
			return false
		}
	}
	return true
}

// fill puts the elements of xs into out.
func (l *loop) fill(out *listOut, xs *graph.List) bool {
	reserveList(l.m, xs.Len())
	xs.Each(func(x graph.Value) bool {
		out.Add(x)
		return true
	})
	return true
}

func saveOut(l *loop) []graph.Value {
	return []graph.Value{graph.ListValue(l.prefix.Concat(l.out.SoFar()))}
}

func restoreOut(l *loop) bool {
	return l.are(graph.KindList) && l.fill(&l.out, l.parts[0].List())
}

// restoreParts is restoreOut where what was made may have parts.
func restoreParts(l *loop) bool {
	if !l.are(graph.KindList) || !l.parts[0].Parted() {
		return restoreOut(l)
	}
	l.prefix = l.parts[0].List()
	return true
}

// made is the list of all that was put into out.
func (l *loop) made() graph.Value {
	if l.prefix == nil {
		return l.out.value()
	}
	return graph.ListValue(l.m.concatLists(l.prefix, l.out.List()))
}

func saveFields(l *loop) []graph.Value {
	return []graph.Value{graph.MapValue(l.parted.With(l.fields.b.SoFar()))}
}

func restoreFields(l *loop) bool {
	if !l.are(graph.KindMap) {
		return false
	}
	if l.parts[0].Parted() {
		l.parted.Add(l.parts[0].Map())
		return true
	}
	l.parts[0].Map().Each(func(key string, v graph.Value) bool {
		l.fields.set(key, v)
		return true
	})
	return true
}

// madeFields is the map of all that was put into fields.
func (l *loop) madeFields() graph.Value {
	if l.parted.Len() == 0 {
		return l.fields.value()
	}
	return graph.MapValue(l.parted.With(l.fields.value().Map()))
}

func saveAcc(l *loop) []graph.Value {
	l.owned = false
	return []graph.Value{l.acc}
}

func restoreAcc(l *loop) bool {
	if len(l.parts) != 1 {
		return false
	}
	l.acc = l.parts[0]
	return true
}

func saveNothing(*loop) []graph.Value { return nil }

func restoreNothing(l *loop) bool { return len(l.parts) == 0 }

// resume fills the loop with what it is resumed with, if it is. An error is one of what core.resume was given.
func (l *loop) resume(name string) error {
	if l.parts == nil {
		return nil
	}
	if k, _ := keeperOf(name); !k.restore(l) {
		return l.refuse()
	}
	l.begun = true
	return nil
}

func (l *loop) refuse() error { return wrongKind(graph.NewList(l.parts...), "state of a loop") }

// resumeName and resumeArity are those of the primitive that goes on with a loop.
const (
	resumeName  = "core.resume"
	resumeArity = 4
)

// coreResume goes on with a loop in the midst of its calls: of the primitive name, with those arguments, after n elements,
// from the state that the loop had. With [value], the n-th call is answered already, by value.
//
//	name   the primitive
//	state  [arguments, n, parts]
//	has    whether value is the n-th call's
//	value  it
func coreResume(m *Machine, args []graph.Value) (graph.Value, error) {
	bad := func() (graph.Value, error) {
		return graph.Value{}, wrongKind(args[1], "state of a loop")
	}
	if args[0].Kind() != graph.KindText || args[1].Kind() != graph.KindList || args[2].Kind() != graph.KindBool {
		return bad()
	}
	name, state, has := args[0].Text(), args[1].List(), args[2].Bool()
	if _, ok := keeperOf(name); !ok || state.Len() != 3 {
		return bad()
	}
	p := m.prims[name]
	inner, n, parts := state.At(0), state.At(1), state.At(2)
	count, small := n.Int()
	if inner.Kind() != graph.KindList || inner.List().Len() != p.Arity || n.Kind() != graph.KindInt || !small || parts.Kind() != graph.KindList {
		return bad()
	}
	if count < 0 || count > math.MaxInt32 || has && count == 0 { // no list is longer
		return bad()
	}
	own := listValues(inner.List())
	for i, v := range own { // they were looked into before the loop began
		if p.Demand>>i&1 != 0 {
			own[i] = head(m, v)
		}
	}
	m.resumed = &resumption{n: uint64(count), parts: listValues(parts.List()), value: args[3], has: has}
	defer func() { m.resumed = nil }()
	return p.Run(m, own)
}

// enterName is the primitive that enters the context of a frame.
const enterName = "core.enter"

// freeEnters is how many turns of core.enter an evaluation with fuel may take without a step: a stack of so many frames is far too deep.
const freeEnters = 1 << 26

// coreEnter calls f with the values and, last, with what the context waits for: in turns, if there are values for several, each of
// which waits for the one before. The calls themselves are not counted: they are none of the program's.
//
//	f       a function of k values and what it waits for
//	values  those of the turns, one after the other; or the number of turns, where k is 0
//	x       what the first turn waits for
func coreEnter(m *Machine, args []graph.Value) (graph.Value, error) {
	if args[0].Kind() != graph.KindFn {
		return graph.Value{}, wrongKind(args[0], "function")
	}
	fn := m.function(args[0], m.caller)
	f, ok := fn.Body.(*lam)
	if !ok || len(fn.Args) > 0 {
		return graph.Value{}, wrongKind(args[0], "context")
	}
	k, turns, values := f.arity-1, uint64(1), graph.EmptyList
	switch n, _ := args[1].Int(); {
	case args[1].Kind() == graph.KindList:
		if values = args[1].List(); k > 0 {
			turns = uint64(values.Len() / k)
		}
	case k == 0 && n > 0 && n <= maxRows:
		turns = uint64(n)
	default:
		return graph.Value{}, wrongKind(args[1], "list")
	}
	if turns == 0 || values.Len() != int(turns)*k {
		return graph.Value{}, wrongKind(args[0], "context of so many values")
	}
	l := m.loop(args)
	l.turns, l.acc = turns, args[2]
	all, it := make([]graph.Value, k+1), values.Iter()
	for l.n < turns {
		l.state, l.before = between, m.steps
		if m.enters++; m.enters%1024 == 0 { // they take no steps, so it is looked here whether to stop
			if m.opt.Fuel > 0 && m.enters > freeEnters+m.executed() {
				m.stop(&Stop{Reason: OutOfFuel})
			}
			m.safepoint()
		}
		for i := range k {
			all[i], _ = it.Next()
		}
		all[k] = l.acc
		l.n, l.state = l.n+1, calling
		m.steps--
		l.acc = m.call(f, all, -1)
	}
	r := l.acc
	l.end()
	return r, nil
}

// turnsAfter is what core.enter takes for those of its turns that come after the first n.
func turnsAfter(values graph.Value, n, turns uint64) graph.Value {
	if values.Kind() == graph.KindInt {
		return graph.Int(int64(turns - n))
	}
	xs := values.List()
	return graph.ListValue(xs.Slice(xs.Len()/int(turns)*int(n), xs.Len()))
}

// listValues are the elements of a list, never nil.
func listValues(xs *graph.List) []graph.Value {
	vs := make([]graph.Value, 0, xs.Len())
	xs.Each(func(x graph.Value) bool {
		vs = append(vs, x)
		return true
	})
	return vs
}
