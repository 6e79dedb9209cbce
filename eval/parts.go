// This file goes through large lists part by part: what a primitive makes of a part is recorded, and found again where the part stands in another
// list.

package eval

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime/metrics"
	"slices"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # How does an answer follow a small change?
//
// A list that is loaded from blocks has parts, groups of its leaves, which another list shares with it but for where they differ (graph/part.go). A
// primitive that calls a function for each element, like map f, is applied to such a list as to its parts in a row. Of each part p it
// records
//
//	core.measures [lazy (map f p)]  =  [[length, steps]]
//
// an expression and its Result as any other. Who finds that knows all that there is to know of the part, but for the elements of what
// comes of it: that stands in the new list as a part without elements, known as lazy (map f p), and is passed at the steps it
// takes. So is the next primitive's part, lazy (filter g (lazy (map f p))); and a sum, or a reduce, needs no elements any more.
// Whoever does look at them has them made: the expression is reduced.
//
// That a lazy value stands for a list is not seen: it is known to come to one of that length, without an error.
//
// # Why are the elements not recorded?
//
// They take a hundred bytes each to write, and as long to lay out as most functions take to make them. They are where they are known to pay: where a
// part took costlyPart steps, and where they are the answer, whose blocks are written anyway.
//
// # Why are there records of several parts?
//
// A lookup takes as long as thousands of steps. So neighbouring parts have a record in common, beside their own; of a list that has changed in one place,
// only the parts near it are looked up one by one.

const (
	fewKnown   = 8       // elements that come of a part, or fewer, stand in its record
	partedFrom = 512     // elements of a list that may have parts
	costlyPart = 1 << 18 // steps of a part whose elements are recorded too
	tightShare = 3       // of the memory that may be taken, when so much of it is alive
	batchEnds  = 16      // one in so many parts ends a batch
	maxBatch   = 64      // parts in it
)

const (
	measuresName = "core.measures"
	costsName    = "core.costs"
	exactSumName = "list.exactSum"
)

// A making is how the elements of a part are made.
type making struct {
	of    cid.Cid                  // the expression that comes to them
	put   func(graph.Sink) cid.Cid // puts it
	from  []*making                // those of expressions that it mentions
	has   bool                     // it was put
	steps uint64                   // that it takes, if it is known
	read  bool                     // it was read from a block: it is not known yet what it mentions
}

// A stage is a primitive on its way through a list whose parts are known as something.
type stage struct {
	m     *Machine
	kind  string    // of the records: measuresName or costsName
	of    []cid.Cid // the expressions that the primitive is for each part; undefined where that is not known as anything
	found []graph.Value
	batch []*batch // of each part; nil for none
}

// A batch is neighbouring parts that have a record in common.
type batch struct {
	from, to int
	known    bool // it is there
	extent   extent
}

// stageOf looks up what is recorded of the parts of a list: n of them, of each of which apply makes an expression.
func (m *Machine) stageOf(kind string, n int, apply func(i int) cid.Cid) *stage {
	m.policy.fresh = false // what is long has records of its parts, not of its first calls
	s := &stage{m: m, kind: kind, of: make([]cid.Cid, n), found: make([]graph.Value, n), batch: make([]*batch, n)}
	var b *batch
	for i := range n {
		s.of[i], s.found[i] = apply(i), graph.Null()
		if !s.of[i].Defined() {
			b = nil
			continue
		}
		if b == nil {
			b = &batch{from: i}
		}
		s.batch[i], b.to = b, i+1
		if endsWith(s.of[i], batchEnds) || b.to-b.from == maxBatch {
			b = nil
		}
	}
	return s
}

// endsWith says whether what c stands for ends a group of neighbours, as one in so many does wherever it stands.
func endsWith(c cid.Cid, one byte) bool {
	digest := c.Hash()
	return digest[len(digest)-1]%one == 0
}

// endsAfter is as endsWith for neighbours of n elements: one of n in so many elements ends a group.
func endsAfter(c cid.Cid, n, elements int) bool {
	digest := c.Hash()
	return int(binary.BigEndian.Uint16(digest[len(digest)-2:]))*elements < n<<16
}

// cidOf is the CID of a link or a closed lazy value.
func cidOf(v graph.Value) cid.Cid {
	if v.Kind() == graph.KindLink {
		return v.Link()
	}
	return v.Thunk().CID
}

// record is the expression whose Result says what some of the parts come to.
func (s *stage) record(from, to int, put graph.Sink) cid.Cid {
	vs := make([]graph.Value, 0, to-from)
	for _, of := range s.of[from:to] {
		vs = append(vs, lazyOf(of))
	}
	return s.m.callOf(primHead(s.m.prims[s.kind]), []graph.Value{graph.NewList(vs...)}, put)
}

func (s *stage) lookup(from, to int) bool {
	f, ok := s.m.find(s.record(from, to, nil))
	if !ok || f.err != nil || f.value.Kind() != graph.KindList || f.value.List().Len() != to-from {
		return false
	}
	for i := from; i < to; i++ {
		s.found[i] = f.value.List().At(i - from)
	}
	s.m.policy.usedAt(f.use)
	return true
}

// begin looks up the i-th part, with the others of its batch when that begins.
func (s *stage) begin(i int) graph.Value {
	b := s.batch[i]
	if b == nil {
		return graph.Null()
	}
	if b.from == i && b.to-b.from > 1 {
		b.known = s.lookup(b.from, b.to)
	}
	if b.from == i && !b.known {
		b.extent = s.m.policy.open()
	}
	if !b.known {
		s.lookup(i, i+1)
	}
	return s.found[i]
}

// end says that the i-th part is dealt with, and what is known of it now, if it was not. e is its extent in that case.
func (s *stage) end(i int, record graph.Value, e extent) {
	m, p, b := s.m, &s.m.policy, s.batch[i]
	switch {
	case record.Kind() == graph.KindNull:
	case p.on():
		m.putMaking(m.making[s.of[i]])
		s.found[i] = record
		u, _ := m.link(s.record(i, i+1, m.Blocks()), graph.NewList(record), nil, 0, p.uses[e.mark:], true)
		p.linked(e, u)
	default:
		p.shut(e)
	}
	if b == nil || b.known || !s.ends(i) {
		return
	}
	all := s.found[b.from:b.to]
	if len(all) == 1 || !p.on() || slices.ContainsFunc(all, func(v graph.Value) bool { return v.Kind() == graph.KindNull }) {
		p.shut(b.extent)
		return
	}
	u, _ := m.link(s.record(b.from, b.to, m.Blocks()), graph.NewList(all...), nil, 0, p.uses[b.extent.mark:], true)
	p.linked(b.extent, u)
}

// made ends the i-th part, of which a primitive has made a list or map in so many steps.
func (s *stage) made(i int, made, record graph.Value, steps uint64, e extent) {
	m, p, of := s.m, &s.m.policy, s.of[i]
	if !of.Defined() || steps > graph.MaxSteps {
		p.shut(e)
		s.end(i, graph.Null(), extent{})
		return
	}
	m.making[of].steps = steps
	if steps >= costlyPart && p.on() && p.payable(nil, made) {
		m.putMaking(m.making[of])
		u, _ := m.link(of, made, nil, steps, p.uses[e.mark:], true)
		p.linked(e, u)
		p.floor = e.mark // it goes on
	}
	m.forgive(steps)
	s.end(i, record, e)
}

// ends says whether the i-th part is the last of its batch.
func (s *stage) ends(i int) bool { return s.batch[i] == nil || i+1 == s.batch[i].to }

// forgive says that steps of a part will not be executed again, but for finding its record.
func (m *Machine) forgive(steps uint64) { m.policy.forgiven += steps - min(steps, findAgain) }

// reusedPart counts a part that was found, at the steps that it takes.
func (m *Machine) reusedPart(steps uint64) {
	m.stats.Reused++
	m.stats.Spared = min(m.stats.Spared+steps, graph.MaxSteps)
	m.forgive(steps)
	m.addSteps(steps)
}

// partsOf returns the parts of xs, nil if it is gone through as a whole. lead is what the primitive is applied to besides.
func (m *Machine) partsOf(xs *graph.List, lead []graph.Value) []graph.Part {
	if !m.byParts(xs.Len(), lead) {
		return nil
	}
	return xs.Parts(m.blocks)
}

// byParts says whether a list or map of n elements is gone through part by part, if it has parts.
func (m *Machine) byParts(n int, lead []graph.Value) bool {
	if n < partedFrom || m.remaking || !m.policy.on() {
		return false
	}
	work := 0
	for _, v := range lead {
		work += v.Unplaced()
	}
	return work <= n/4 // else it takes longer to write down what is applied
}

// valueOf is a value that comes to a part which is known as something.
func (m *Machine) valueOf(p graph.Part) graph.Value {
	switch len(p.Leaves) {
	case 0:
		return p.Of
	case 1:
		return graph.LinkValue(p.Leaves[0])
	}
	links := make([]graph.Value, len(p.Leaves))
	for i, c := range p.Leaves {
		links[i] = graph.LinkValue(c)
	}
	return m.applied("list.concat", graph.NewList(links...))
}

// applied is the lazy value of a primitive applied to values.
func (m *Machine) applied(name string, args ...graph.Value) graph.Value {
	return lazyOf(m.application(name, args...))
}

func lazyOf(expr cid.Cid) graph.Value { return graph.NewThunk(&graph.Head{CID: expr}) }

// application is the expression that applies a primitive to values. It is put only when that is needed.
func (m *Machine) application(name string, args ...graph.Value) cid.Cid {
	put := func(s graph.Sink) cid.Cid { return m.callOf(primHead(m.prims[name]), args, s) }
	of := put(nil)
	if m.making[of] != nil {
		return of
	}
	how := &making{of: of, put: put}
	mention := func(v graph.Value) bool {
		if v.Kind() == graph.KindLazy {
			if from := m.making[v.Thunk().CID]; from != nil {
				how.from = append(how.from, from)
			}
		}
		return true
	}
	for _, v := range args {
		mention(v)
		if v.Kind() == graph.KindList && v.List().Len() <= maxPartList {
			v.List().Each(mention)
		}
	}
	if m.making == nil {
		m.making = map[cid.Cid]*making{}
	}
	m.making[of] = how
	return of
}

const maxPartList = 1 << 14 // parts that a list which is made mentions

// putMaking puts an expression that application made, and those that it mentions.
func (m *Machine) putMaking(how *making) {
	if how.has {
		return
	}
	for _, from := range how.from {
		m.putMaking(from)
	}
	how.put(m.Blocks())
	how.has = true
}

// A known is what is recorded of the list or map that an expression comes to.
type known struct {
	n     int
	steps uint64
	few   *graph.List // its elements, if they are few
	first string      // a map's first key, if it has more entries
	apart *graph.Map  // or the map
}

// knownOf reads a record of measuresName.
func knownOf(record graph.Value) (k known, ok bool) {
	if record.Kind() != graph.KindList {
		return k, false
	}
	v := record.List()
	if v.Len() != 2 && v.Len() != 3 {
		return k, false
	}
	n, steps, ok := count(v.At(0), v.At(1))
	switch {
	case !ok || (n <= fewKnown) != (v.Len() == 3):
		return k, false
	case v.Len() == 3:
		if v.At(2).Kind() != graph.KindList || v.At(2).List().Len() != n {
			return k, false
		}
		k.few = v.At(2).List()
	}
	k.n, k.steps = n, steps
	return k, true
}

// count reads a number of elements and of steps.
func count(a, b graph.Value) (n int, steps uint64, ok bool) {
	if a.Kind() != graph.KindInt || b.Kind() != graph.KindInt {
		return 0, 0, false
	}
	i, small := a.Int()
	j, few := b.Int()
	return int(i), uint64(j), small && few && i >= 0 && i <= math.MaxInt32 && j >= 0
}

// recordOf is what is recorded of a list that an expression comes to in so many steps.
func recordOf(l *graph.List, steps uint64) graph.Value {
	return known{n: l.Len(), steps: steps, few: l}.record()
}

// record is what knownOf reads.
func (k known) record() graph.Value {
	n, s := graph.Int(int64(k.n)), stepsValue(k.steps)
	if k.n <= fewKnown {
		return graph.NewList(n, s, graph.ListValue(k.few))
	}
	return graph.NewList(n, s)
}

func stepsValue(steps uint64) graph.Value { return graph.Int(int64(min(steps, graph.MaxSteps))) }

// costOf reads a record of costsName.
func costOf(record graph.Value) (v graph.Value, steps uint64, ok bool) {
	if record.Kind() != graph.KindList || record.List().Len() != 2 {
		return v, 0, false
	}
	_, steps, ok = count(graph.Int(0), record.List().At(1))
	return record.List().At(0), steps, ok
}

// partsLeft returns the parts of xs behind the elements that are dealt with, nil if the loop goes through them one by one. lead is what is applied to
// them besides.
func (l *loop) partsLeft(xs *graph.List, lead []graph.Value) (rest *graph.List, parts []graph.Part) {
	if xs.Len() < partedFrom {
		return nil, nil
	}
	rest = xs.Slice(min(l.done(), xs.Len()), xs.Len())
	if parts = l.m.partsOf(rest, lead); parts != nil && l.replay { // the first element is dealt with in part
		parts[0].Of, parts[0].Leaves = graph.Null(), nil
	}
	return rest, parts
}

// overParts goes through the parts of xs for the primitive name, whose other arguments are lead: each deals with the elements of those that nothing
// is known of, and puts what comes of them into l.out or l.joined.
func (l *loop) overParts(name string, lead []graph.Value, xs *graph.List, parts []graph.Part, each func(x graph.Value) error) (graph.Value, error) {
	m := l.m
	l.take(cid.Undef)
	s := m.stageOf(measuresName, len(parts), func(i int) cid.Cid {
		if !parts[i].Known() || m.groupOf(parts[i]) != nil {
			return cid.Undef
		}
		return m.application(name, append(slices.Clone(lead), m.valueOf(parts[i]))...)
	})
	for i, p := range parts {
		if gr := m.groupOf(p); gr != nil {
			if err := l.overGroup(name, lead, gr, each); err != nil {
				return graph.Value{}, err
			}
			continue
		}
		if k, ok := knownOf(s.begin(i)); ok && (name == "list.flatMap" || k.n <= p.Len) {
			l.pass(name, s.of[i], p, k)
			s.end(i, graph.Null(), extent{})
			continue
		}
		e := m.policy.open()
		steps, err := l.measured(xs, p, each)
		if err != nil {
			return graph.Value{}, err
		}
		made := l.take(s.of[i])
		s.made(i, graph.ListValue(made), recordOf(made, steps), steps, e)
	}
	v := graph.ListValue(l.prefix)
	l.end()
	return v, nil
}

// measured goes through the elements of a part, and returns the steps that the primitive would take for a list of just those.
func (l *loop) measured(xs *graph.List, p graph.Part, each func(x graph.Value) error) (steps uint64, err error) {
	start, n, joined := l.m.now(), l.n, l.joined.n
	if err := l.through(xs, p, each); err != nil {
		return 0, err
	}
	steps = l.m.stepsSince(start) - (l.n/16 - n/16) + uint64(p.Len)/16
	if now := l.joined.n; now != joined {
		steps = steps - uint64(now/16-joined/16) + uint64(now-joined)/16
	}
	return steps, nil
}

// pass passes a part of which all that is needed is known.
func (l *loop) pass(name string, of cid.Cid, p graph.Part, k known) {
	l.m.concatLength(l.prefix.Len(), k.n)
	l.passSteps(name, p, k)
	l.m.making[of].steps = k.steps
	if k.few != nil {
		l.prefix = l.m.concatLists(l.prefix, k.few)
	} else {
		l.prefix = l.prefix.AppendKnown(lazyOf(of), k.n, nil, l.m.maker(of, k.n))
	}
	l.settle()
}

// passSteps counts a part that is passed.
func (l *loop) passSteps(name string, p graph.Part, k known) {
	m := l.m
	charged, own := (l.n&15+uint64(p.Len))/16, uint64(p.Len)/16
	if name == "list.flatMap" {
		charged, own = charged+uint64(l.joined.n&15+int64(k.n))/16, own+uint64(k.n)/16
		l.joined.n += int64(k.n)
	}
	m.reusedPart(k.steps - min(k.steps, own) + charged)
	l.n += uint64(p.Len)
}

// through calls each for the elements of a part.
func (l *loop) through(xs *graph.List, p graph.Part, each func(x graph.Value) error) error {
	for l.it = xs.Slice(p.At, p.At+p.Len).Iter(); ; {
		x, ok := l.next()
		if !ok {
			return nil
		}
		if err := each(x); err != nil {
			return err
		}
	}
}

// take puts what is in l.out and l.joined behind l.prefix, where it is known as of, if that is defined.
func (l *loop) take(of cid.Cid) *graph.List {
	m := l.m
	made := graph.EmptyList.Concat(l.out.SoFar())
	if l.joined.done != nil || l.joined.short.Len() > 0 {
		made = l.joined.soFar()
	}
	all := m.concatLists(l.prefix, made)
	if of.Defined() && made.Len() > fewKnown {
		had := made
		if m.tight() {
			had = nil
		}
		all = l.prefix.AppendKnown(lazyOf(of), made.Len(), had, m.maker(of, made.Len()))
	}
	l.prefix = all
	l.out.ListBuilder, l.joined.done, l.joined.short = graph.ListBuilder{}, nil, graph.ListBuilder{}
	return made
}

// tight says whether memory is so short that what can be made again is not kept.
func (m *Machine) tight() bool {
	if m.opt.Memory <= 0 {
		return false
	}
	live := [1]metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live[:])
	return int64(live[0].Value.Uint64()) > m.opt.Memory/tightShare
}

func (m *Machine) maker(of cid.Cid, n int) func() *graph.List {
	how := m.making[of]
	return func() *graph.List { return m.remake(how, n) }
}

var errNotMade = errors.New("it holds a list whose elements are not there")

// remake returns the elements of the list that an expression is known to come to.
func (m *Machine) remake(how *making, n int) *graph.List {
	return within(m, how.of, func() *graph.List {
		v := m.reduceAgain(how)
		if v.Kind() != graph.KindList || v.List().Len() != n {
			panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s was recorded to come to a list of %d elements, and does not", how.of, n)})
		}
		return v.List()
	})
}

// within makes the elements of a list or map, which is known as of, in an evaluation: that in hand, or one for somebody who looks at an answer.
func within[T any](m *Machine, of cid.Cid, make func() T) (made T) {
	switch {
	case m.writing:
		panic(&Stop{Reason: Missing, Err: errNotMade})
	case m.running:
		return make()
	}
	defer func(root *unit) { m.policy.root = root }(m.policy.root)
	m.policy.root = nil
	if err := m.limited(context.Background(), func() { made = make() }).err; err != nil {
		panic(&graph.LoadError{CID: of, Err: err})
	}
	return made
}

// reduceAgain reduces an expression that is known to come to a value. That takes no steps of whoever looks at it.
func (m *Machine) reduceAgain(how *making) graph.Value {
	return m.makeAgain(how.of, func() graph.Value {
		if f, ok := m.find(how.of); ok && f.err == nil {
			return f.value
		}
		m.putMaking(how)
		u := m.unit(how.of)
		v := m.refValue(u, -1)
		if how.read {
			m.readFrom(how, u)
		}
		m.forget(how)
		return v
	})
}

// makeAgain makes a value that something of an expression is known to come to, at no steps.
func (m *Machine) makeAgain(of cid.Cid, make func() graph.Value) graph.Value {
	fp := m.sp
	if uintptr(fp)+slotSize > m.end {
		return m.hop(func() graph.Value { return m.makeAgain(of, make) })
	}
	start, remaking, resumed := m.now(), m.remaking, m.resumed
	m.remaking, m.resumed = true, nil
	m.sp = unsafe.Add(fp, slotSize)
	*slot(fp, 0) = madeMark.Value(m.entered(-1))
	defer func() {
		m.remaking, m.resumed = remaking, resumed
		m.sp = fp
		m.rewind(start)
		switch x := recover().(type) {
		case nil:
		case *Thrown:
			panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s was recorded to come to a value, and fails: %s", of, x.Err.Kind)})
		default:
			panic(x)
		}
	}()
	return make()
}

// forget lets go what an expression that application made has come to: who goes through a list holds one part of it.
func (m *Machine) forget(how *making) {
	u := m.units[how.of]
	if u == nil || u.state != reduced { // what it mentions was not reduced for it; or that is forgotten, by another way
		return
	}
	if u.state, u.value = unreduced, (graph.Value{}); how.read {
		m.readFrom(how, u)
	}
	for _, from := range how.from {
		m.forget(from)
	}
}

// linkParts records the elements of those parts of an answer that are known as something, and are there.
func (m *Machine) linkParts(v graph.Value) {
	link := func(of, made graph.Value) {
		if of.Kind() != graph.KindLazy {
			return
		}
		expr := of.Thunk().CID
		if how := m.making[expr]; how != nil && m.groups[expr] == nil && m.policy.on() {
			if _, linked, err := m.opt.Store.Answer(m.ctx, expr); err == nil && !linked {
				m.putMaking(how)
				m.link(expr, made, nil, how.steps, nil, true)
			}
		}
	}
	switch v.Kind() {
	case graph.KindList:
		v.List().Known(func(of graph.Value, made *graph.List) { link(of, graph.ListValue(made)) })
	case graph.KindMap:
		v.Map().Known(func(of graph.Value, made *graph.Map) { link(of, graph.MapValue(made)) })
	}
}

// asWritten has an answer that may hold lists whose elements are not there be what was written of it.
func (m *Machine) asWritten(out *Outcome, a graph.Answer) {
	if len(m.making) == 0 || !m.policy.on() {
		return
	}
	r, err := loadAnswer(a, m.opt.Load, m.far.DecodeResult)
	switch {
	case err != nil:
	case r.Error != nil:
		thrown := *out.Error
		thrown.Err = &Error{Kind: r.Error.Kind, Value: r.Error.Value}
		out.Error = &thrown
	default:
		out.Value = r.Value
	}
}

// eachCost calls record for each of the lazy values in a list, with what its expression comes to and takes.
func eachCost(m *Machine, list graph.Value, record func(v graph.Value, steps uint64) (graph.Value, error)) (graph.Value, error) {
	xs, err := wantList(list)
	if err != nil {
		return graph.Value{}, err
	}
	out := listOut{m: m}
	xs.Each(func(x graph.Value) bool {
		if x.Kind() != graph.KindLazy {
			err = wrongKind(x, "lazy value")
			return false
		}
		u := m.unit(graph.ThunkCode(x.Thunk(), m.Blocks()))
		start := m.now()
		func() {
			defer m.rewind(start)
			v := m.refValue(u, -1)
			steps := m.stepsSince(start)
			var r graph.Value
			if r, err = record(head(m, v), steps); err == nil {
				out.add(r)
			}
		}()
		return err == nil
	})
	return out.value(), err
}

func recordOfValue(v graph.Value, steps uint64) (graph.Value, error) {
	if v.Kind() == graph.KindMap {
		return recordOfMap(v.Map(), steps), nil
	}
	xs, err := wantList(v)
	return recordOf(xs, steps), err
}

func costOfValue(v graph.Value, steps uint64) (graph.Value, error) {
	return graph.NewList(v, graph.Int(int64(steps))), nil
}

func coreMeasures(m *Machine, args []graph.Value) (graph.Value, error) {
	return eachCost(m, args[0], recordOfValue)
}

func coreCosts(m *Machine, args []graph.Value) (graph.Value, error) {
	return eachCost(m, args[0], costOfValue)
}
