// This file goes through the lists of a groupBy part by part: there are too many of them for a record of each part of each.

package eval

import (
	"fmt"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # How does a sum of groups follow a small change?
//
// A list of a million rows in a hundred groups has some six rows of each group in each part. So a groupBy is known by slots of several parts, and what
// becomes of a slot is recorded for all its groups together:
//
//	core.groups [lazy (groupBy f slot)]                    =  [[{key: length}, steps]]
//	core.groupMeasures (map g) [lazy (groupBy f slot)]     =  [number of keys, key, [length, steps], …]
//
// A group is a list known as lazy (get key (groupBy f xs)). map g of it, which a program calls for each key, goes through the slots, and is again
// a group of what is as well known slot by slot. A record is made when all groups of the slot have been dealt with, and one of a batch of neighbouring
// slots as if they were one slot: in a list that has changed in one place, the slots of one batch are looked up one by one, and go through, and for
// the others there is a slot as large as they are.
//
// A list of which most stands in slots that get no record, since their groups are so small, is grouped like one without parts.
//
// # What if memory is short?
//
// A program goes through the groups key by key, and their elements stand in the list slot by slot: to make those of a slot again for each key would
// take as many times the work as there are keys. So the lists of a slot are written to the store, each to a block of its own, which nothing keeps there,
// and loaded when somebody looks at them. What a primitive made of one is made again from that one alone.

const (
	groupsName        = "core.groups"
	eachGroupName     = "list.eachGroup"
	groupMeasuresName = "core.groupMeasures"
	groupCostsName    = "core.groupCosts"

	minSlot     = 1024 // elements of a slot, if there are as many
	maxSlot     = 8192 // of one that no part ends
	slotEnds    = 2048 // elements of the parts of which one ends a slot that is long enough
	groupRecord = 8    // elements of a slot for each of its groups in a record, at least
	literalPart = 4096
	slotBatches = 4           // one in so many slots ends a batch
	longBatch   = 8           // slots of one that none ends
	enoughSlots = 4 * maxSlot // elements, after which it is asked whether slots are of use
)

// A grouping is a map of lists, which is known slot by slot.
type grouping struct {
	of      graph.Value // a lazy value that comes to it
	slots   []*slotOf
	batches []*slotBatch          // all slots
	in      map[string][]int32    // the slots in which each key is
	next    map[cid.Cid]*grouping // what primitives made of its lists
}

// A slotOf is what a grouping has of the elements in one slot.
type slotOf struct {
	how     *making                // of the map
	keys    int                    // of the map
	size    int                    // elements that were grouped
	base    *slotOf                // what it was made of, if it was made of another grouping
	n       map[string]int         // lengths, of the keys whose are known
	held    map[string]*graph.List // the lists, of the keys whose are there
	spilled map[string]cid.Cid     // blocks of the lists, if they were written because memory is short
	entries map[string]graph.Value // what is recorded of each key, of what was made of another grouping
	batch   *slotBatch
	done    bool // the entries of all keys are recorded
}

// A slotBatch is neighbouring slots that have a record in common beside their own: that of the one slot which they are together. Where it is
// found, that slot stands for them.
type slotBatch struct {
	how   *making // of the map of all slots' elements, nil if there is one
	slots []*slotOf
	base  *slotBatch  // what it was made of, if it was made of another grouping
	stage graph.Value // ... and by what
	kind  string      // ... and of which kind the records are
	left  int         // ... and how many keys of its slots have not been dealt with
}

// A group is a list of a grouping.
type group struct {
	g   *grouping
	key string
}

// groupOf is the group that a part is, nil for none.
func (m *Machine) groupOf(p graph.Part) *group {
	if p.Leaves != nil || p.Of.Kind() != graph.KindLazy {
		return nil
	}
	return m.groups[p.Of.Thunk().CID]
}

// groupList returns what a slot has of a key.
func (m *Machine) groupList(s *slotOf, key string) *graph.List {
	if l := s.held[key]; l != nil {
		return l
	}
	if c, ok := s.spilled[key]; ok {
		return s.listOf(key, m.makeAgain(c, func() graph.Value { return m.follow(c) }))
	}
	tight := m.tight()
	if tight && s.base != nil {
		base := m.groupList(s.base, key)
		return s.listOf(key, m.makeAgain(s.how.of, func() graph.Value { return m.Apply(s.batch.stage, graph.ListValue(base)) }))
	}
	v := m.reduceAgain(s.how)
	if v.Kind() != graph.KindMap || v.Map().Len() != s.keys {
		panic(s.wrong())
	}
	s.held = make(map[string]*graph.List, s.keys)
	v.Map().Each(func(key string, v graph.Value) bool {
		s.held[key] = s.listOf(key, v)
		return true
	})
	list := s.held[key]
	if list == nil {
		panic(s.wrong())
	}
	if tight {
		m.spill(s)
	}
	return list
}

// spill writes the lists of a slot to the store, each to a block of its own, so that it need not hold them.
func (m *Machine) spill(s *slotOf) {
	spilled := make(map[string]cid.Cid, len(s.held))
	written := m.stats.Written // of what linking gives to the store, this is no part
	for key, list := range s.held {
		spilled[key] = graph.ValueBlock(graph.ListValue(list), m.Blocks())
	}
	m.stats.Written = written
	if m.policy.failure == nil {
		s.held, s.spilled = nil, spilled
	}
}

// listOf is the list v, that of a key.
func (s *slotOf) listOf(key string, v graph.Value) *graph.List {
	n, known := s.n[key]
	if v.Kind() != graph.KindList || known && v.List().Len() != n {
		panic(s.wrong())
	}
	return v.List()
}

func (s *slotOf) wrong() *Stop {
	return &Stop{Reason: Missing, Err: fmt.Errorf("%s was recorded to come to other groups than it does", s.how.of)}
}

// appendGroup puts the list of a key behind xs, as one that is known.
func (m *Machine) appendGroup(xs *graph.List, g *grouping, key string) *graph.List {
	n, all := 0, true
	for _, i := range g.in[key] {
		s := g.slots[i]
		n += s.n[key]
		all = all && (s.n[key] == 0 || s.held[key] != nil)
	}
	made := func() *graph.List { return m.joined(g, key, 0, len(g.slots)) }
	if n == 0 {
		return xs
	}
	of := m.application("core.get", graph.Text(key), g.of)
	if m.groups == nil {
		m.groups = map[cid.Cid]*group{}
	}
	m.groups[of] = &group{g, key}
	if all {
		return xs.AppendKnown(lazyOf(of), n, made(), nil)
	}
	return xs.AppendKnown(lazyOf(of), n, nil, func() *graph.List { return within(m, of, made) })
}

// slotsOf returns the values that the slots of a list are, and the parts in each: those from one index to the next. It returns nil if one is not
// known as anything.
func (m *Machine) slotsOf(xs *graph.List, parts []graph.Part) (of []graph.Value, ends []int) {
	var vs []graph.Value
	n := 0
	for i, p := range parts {
		n += p.Len
		var v graph.Value
		end := n >= maxSlot || i+1 == len(parts)
		switch {
		case p.Known():
			v = m.valueOf(p)
			end = end || n >= minSlot && endsAfter(cidOf(v), p.Len, slotEnds)
		case p.Len > literalPart:
			return nil, nil
		default:
			v = graph.ListValue(xs.Slice(p.At, p.At+p.Len))
		}
		if vs = append(vs, v); !end {
			continue
		}
		if len(vs) > 1 {
			v = m.applied("list.concat", graph.NewList(vs...))
		}
		of, ends, vs, n = append(of, v), append(ends, i+1), nil, 0
	}
	return of, ends
}

// batchesOf returns the slots that each batch has, from one index to the next.
func batchesOf(of []graph.Value) (ends []int) {
	from := 0
	for i, v := range of {
		known := v.Kind() == graph.KindLazy || v.Kind() == graph.KindLink
		if known && endsWith(cidOf(v), slotBatches) || i+1-from == longBatch || i+1 == len(of) {
			ends, from = append(ends, i+1), i+1
		}
	}
	return ends
}

// overSlots is list.groupBy of a list that has parts.
func (l *loop) overSlots(f graph.Value, xs *graph.List, parts []graph.Part, of []graph.Value, ends []int) (graph.Value, error) {
	m := l.m
	g := &grouping{of: m.applied("list.groupBy", f, m.applied("list.concat", graph.NewList(of...)))}
	l.slots = g
	batches := batchesOf(of)
	s := m.slotStage(groupsName, len(of), func(i int) cid.Cid { return m.application("list.groupBy", f, of[i]) })
	all := m.slotStage(groupsName, len(batches), func(i int) cid.Cid {
		slots := of[before(batches, i):batches[i]]
		if len(slots) == 1 {
			return cid.Undef
		}
		return m.application("list.groupBy", f, m.applied("list.concat", graph.NewList(slots...)))
	})
	loose := 0 // elements of slots that got no record
	for i, end := range batches {
		first := before(batches, i)
		b, p := &slotBatch{how: m.making[all.of[i]]}, slotPart(parts, before(ends, first), ends[end-1])
		g.batches = append(g.batches, b)
		whole := &slotOf{how: b.how, size: p.Len}
		if _, ok := l.passSlot(b, whole, all.begin(i)); ok {
			b.how = nil
			all.end(i, graph.Null(), extent{})
			continue
		}
		e := m.policy.open()
		steps, known := uint64(p.Len)/16, true
		for j := first; j < end; j++ {
			slot := &slotOf{how: m.making[s.of[j]]}
			took, ok, err := l.overSlot(b, slot, f, xs, slotPart(parts, before(ends, j), ends[j]), s, j)
			if err != nil {
				return graph.Value{}, err
			}
			if !ok {
				loose += slot.size
			}
			steps, known = steps+took-uint64(slot.size)/16, known && ok
		}
		record := graph.Null()
		if known && b.how != nil && steps <= graph.MaxSteps {
			record = graph.NewList(lengthsValue(b.lengths()), stepsValue(steps))
		} else {
			m.policy.shut(e)
		}
		all.end(i, record, e)
		if done := p.At + p.Len; loose >= enoughSlots && 2*loose > done-parts[0].At {
			return l.ungrouped(f, xs, graph.Part{At: done, Len: xs.Len() - done})
		}
	}
	v := graph.MapValue(m.groupsOf(g))
	l.end()
	return v, nil
}

// before is where the i-th of neighbours begins that end there.
func before(ends []int, i int) int {
	if i == 0 {
		return 0
	}
	return ends[i-1]
}

// overSlot groups the elements of the i-th slot, unless what they come to is recorded. It returns the steps that this takes, and whether it is now.
func (l *loop) overSlot(b *slotBatch, slot *slotOf, f graph.Value, xs *graph.List, p graph.Part, s *stage, i int) (steps uint64, ok bool, err error) {
	m, own := l.m, uint64(p.Len)/16
	slot.size = p.Len
	if steps, ok = l.passSlot(b, slot, s.begin(i)); ok {
		s.end(i, graph.Null(), extent{})
		return steps, true, nil
	}
	e, start, visited := m.policy.open(), m.now(), l.n
	if err := l.through(xs, p, func(x graph.Value) error { return l.group(f, x) }); err != nil {
		return 0, false, err
	}
	steps = m.stepsSince(start) - (l.n/16 - visited/16) + own
	slot.keys, slot.n, slot.held = len(l.keys), make(map[string]int, len(l.keys)), make(map[string]*graph.List, len(l.keys))
	for i, key := range l.keys {
		list := l.groups[i].SoFar()
		slot.n[key], slot.held[key] = list.Len(), list
	}
	l.slots.add(b, slot)
	l.keys, l.groups = l.keys[:0], l.groups[:0]
	clear(l.index)
	if slot.scattered() || steps > graph.MaxSteps {
		m.policy.shut(e)
		s.end(i, graph.Null(), extent{})
		return min(steps, graph.MaxSteps), false, nil
	}
	if m.tight() {
		m.spill(slot)
	}
	m.forgive(steps)
	s.end(i, graph.NewList(lengthsValue(slot.n), stepsValue(steps)), e)
	return steps, true, nil
}

// passSlot passes a slot of which all that is needed is known, and returns the steps that it takes.
func (l *loop) passSlot(b *slotBatch, slot *slotOf, record graph.Value) (steps uint64, ok bool) {
	counts, steps, ok := costOf(record)
	own := uint64(slot.size) / 16
	if !ok || steps < own {
		return 0, false
	}
	if slot.n, ok = lengths(counts, slot.size); !ok {
		return 0, false
	}
	slot.keys = len(slot.n)
	l.m.reusedPart(steps - own + (l.n&15+uint64(slot.size))/16)
	l.n += uint64(slot.size)
	l.slots.add(b, slot)
	l.settle()
	return steps, true
}

func (g *grouping) add(b *slotBatch, s *slotOf) {
	g.slots, b.slots = append(g.slots, s), append(b.slots, s)
}

// scattered says whether the elements of a slot fall into so many groups that nothing is recorded of them.
func (s *slotOf) scattered() bool { return s.keys*groupRecord > s.size }

// lengths are those of the groups of all slots of a batch together.
func (b *slotBatch) lengths() map[string]int {
	all := map[string]int{}
	for _, s := range b.slots {
		for key, n := range s.n {
			all[key] += n
		}
	}
	return all
}

func lengthsValue(n map[string]int) graph.Value {
	var b graph.MapBuilder
	for key, n := range n {
		b.Set(key, graph.Int(int64(n)))
	}
	return graph.MapValue(b.Map())
}

// ungrouped ends what overSlots began, where slots are of no use: the rest is one part.
func (l *loop) ungrouped(f graph.Value, xs *graph.List, rest graph.Part) (graph.Value, error) {
	all := groupsOut{index: map[string]int{}}
	for _, s := range l.slots.slots {
		l.m.poll()
		for key := range s.n {
			out := all.of(l.m, key)
			l.m.groupList(s, key).Each(func(x graph.Value) bool {
				out.add(x)
				return true
			})
		}
	}
	l.slots, l.groupsOut = nil, all
	if err := l.through(xs, rest, func(x graph.Value) error { return l.group(f, x) }); err != nil {
		return graph.Value{}, err
	}
	return l.grouped(), nil
}

// groupsOf is the map of a grouping's lists.
func (m *Machine) groupsOf(g *grouping) *graph.Map {
	g.in = map[string][]int32{}
	for i, s := range g.slots {
		for key := range s.n {
			g.in[key] = append(g.in[key], int32(i))
		}
		m.poll()
	}
	var b graph.MapBuilder
	for key := range g.in {
		b.Set(key, graph.ListValue(m.appendGroup(graph.EmptyList, g, key)))
		m.poll()
	}
	return b.Map()
}

// lengths reads the lengths of groups of so many elements.
func lengths(v graph.Value, elements int) (n map[string]int, ok bool) {
	if v.Kind() != graph.KindMap {
		return nil, false
	}
	n, ok = make(map[string]int, v.Map().Len()), true
	v.Map().Each(func(key string, v graph.Value) bool {
		i, small := v.Int()
		ok = v.Kind() == graph.KindInt && small && i > 0 && i <= int64(elements)
		n[key] = int(i)
		elements -= int(i)
		return ok
	})
	return n, ok && elements == 0
}

// nextGrouping returns what a primitive, partly applied, makes of the lists of a grouping, with what is recorded of it.
func (m *Machine) nextGrouping(g *grouping, kind, name string, lead []graph.Value) *grouping {
	stage := graph.FnValue(&graph.Fn{Prim: name, Head: primCID(name), Args: slices.Clone(lead), Body: m.prims[name]})
	of := m.application(eachGroupName, stage, g.of)
	if next := g.next[of]; next != nil {
		return next
	}
	next := &grouping{of: lazyOf(of), in: g.in}
	for _, base := range g.batches {
		b := &slotBatch{base: base, stage: stage, kind: kind}
		if base.how != nil {
			b.how = m.making[m.application(eachGroupName, stage, lazyOf(base.how.of))]
		}
		for _, s := range base.slots {
			d := &slotOf{keys: s.keys, size: s.size, base: s, n: map[string]int{}, held: map[string]*graph.List{}, entries: map[string]graph.Value{}, batch: b}
			d.how = m.making[m.application(eachGroupName, stage, lazyOf(s.how.of))]
			b.lookup(m, d)
			next.add(b, d)
			b.left += d.keys
		}
		next.batches = append(next.batches, b)
	}
	if g.next == nil {
		g.next = map[cid.Cid]*grouping{}
	}
	g.next[of] = next
	return next
}

// record is the expression whose Result says what becomes of the lists of a map.
func (b *slotBatch) record(m *Machine, of *making) cid.Cid {
	return m.application(b.kind, b.stage, graph.NewList(lazyOf(of.of)))
}

// lookup looks up what is recorded of a slot.
func (b *slotBatch) lookup(m *Machine, d *slotOf) {
	f, ok := m.find(b.record(m, d.base.how))
	if !ok || f.err != nil || f.value.Kind() != graph.KindList || f.value.List().Len() != 1+2*d.keys {
		return
	}
	it := f.value.List().Iter()
	n, _ := it.Next()
	if k, small := n.Int(); n.Kind() != graph.KindInt || !small || k != int64(d.keys) {
		return
	}
	entries := make(map[string]graph.Value, d.keys)
	for range d.keys {
		key, _ := it.Next()
		entry, _ := it.Next()
		if key.Kind() != graph.KindText {
			return
		}
		entries[key.Text()] = entry
	}
	d.entries, d.done = entries, len(entries) == d.keys
	m.policy.usedAt(f.use)
}

// link records what becomes of the lists of a map.
func (b *slotBatch) link(m *Machine, below *making, entries map[string]graph.Value) {
	var all graph.MapBuilder
	for key, v := range entries {
		all.Set(key, v)
	}
	out := listOut{m: m}
	addEntries(&out, all.Map())
	of := b.record(m, below)
	m.putMaking(m.making[of])
	u, _ := m.link(of, out.value(), nil, 0, nil, true)
	m.policy.usedAt(u)
}

// addEntries adds how many entries a map has, and each key with its value. A map of some size would stand in a block of its own.
func addEntries(out *listOut, entries *graph.Map) {
	out.add(graph.Int(int64(entries.Len())))
	entries.Each(func(key string, v graph.Value) bool {
		out.add(graph.Text(key))
		out.add(v)
		return true
	})
}

// note notes what is known of a key in a slot of what a primitive made, and records the slot when that is known of all keys.
func (m *Machine) note(d *slotOf, key string, entry graph.Value) {
	if d.entries[key] = entry; d.done || len(d.entries) < d.keys {
		return
	}
	d.done = true
	b := d.batch
	if !m.policy.on() || d.scattered() {
		return
	}
	b.link(m, d.base.how, d.entries)
}

// visited notes that a key of a slot has been dealt with, and how many elements it has now. When all keys of a batch have been, what becomes of it as
// one slot is recorded: it may be another batch than the one that its slots were in when they were.
func (m *Machine) visited(d *slotOf, key string, n int) {
	_, seen := d.n[key]
	if d.n[key] = n; seen {
		return
	}
	b := d.batch
	if b.left--; b.left > 0 || b.how == nil || !m.policy.on() || slices.ContainsFunc(b.slots, func(d *slotOf) bool { return !d.done || d.scattered() }) {
		return
	}
	if entries, ok := b.together(); ok {
		b.link(m, b.base.how, entries)
	}
}

// together is what is known of each key in all slots of a batch as one.
func (b *slotBatch) together() (entries map[string]graph.Value, ok bool) {
	type sum struct {
		n int // elements that there were
		known
		exact numberSum
	}
	name, sums := b.stage.Fn().Prim, map[string]*sum{}
	for _, d := range b.slots {
		for key, entry := range d.entries {
			s := sums[key]
			if s == nil {
				s = &sum{known: known{few: graph.EmptyList}}
				sums[key] = s
			}
			n := d.base.n[key]
			s.n += n
			if b.kind == groupCostsName {
				ints, fixed, steps, ok := exactSumOf(entry)
				if !ok || steps < ownSteps(name, n, 0) {
					return nil, false
				}
				s.exact.join(ints, fixed)
				s.steps += steps - ownSteps(name, n, 0)
				continue
			}
			k, ok := knownOf(entry)
			if !ok || k.steps < ownSteps(name, n, k.n) {
				return nil, false
			}
			s.known.n += k.n
			s.steps += k.steps - ownSteps(name, n, k.n)
			if k.few != nil && s.known.n <= fewKnown {
				s.few = s.few.Concat(k.few)
			}
		}
	}
	entries = make(map[string]graph.Value, len(sums))
	for key, s := range sums {
		s.steps += ownSteps(name, s.n, s.known.n)
		if s.steps > graph.MaxSteps {
			return nil, false
		}
		entries[key] = s.known.record()
		if b.kind == groupCostsName {
			entries[key] = graph.NewList(s.exact.value(), stepsValue(s.steps))
		}
	}
	return entries, true
}

// ownSteps is what a primitive charges for n elements that come to some others, beside its calls.
func ownSteps(name string, n, made int) uint64 {
	if name == "list.flatMap" {
		return uint64(n)/16 + uint64(made)/16
	}
	return uint64(n) / 16
}

// overGroup is overParts for a part that is a group.
func (l *loop) overGroup(name string, lead []graph.Value, gr *group, each func(x graph.Value) error) error {
	m, had := l.m, l.prefix
	next := m.nextGrouping(gr.g, groupMeasuresName, name, lead)
	from, passed := 0, 0 // the first slot whose list is not behind l.prefix yet, and the elements of those passed since
	keep := func(to int) {
		if passed > 0 {
			l.prefix, passed = m.appendSlots(l.prefix, next, gr.key, from, to, passed), 0
			l.settle()
		}
	}
	for _, at := range gr.g.in[gr.key] {
		i := int(at)
		s := gr.g.slots[i]
		n, d := s.n[gr.key], next.slots[i]
		if n == 0 {
			m.note(d, gr.key, recordOf(graph.EmptyList, 0))
			m.visited(d, gr.key, 0)
			continue
		}
		p := graph.Part{Len: n}
		if k, ok := knownOf(d.entries[gr.key]); ok && (name == "list.flatMap" || k.n <= n) {
			if m.tooMany(l.prefix.Len()+passed, k.n) {
				keep(i)
				m.Reserve(-1)
			}
			l.passSteps(name, p, k)
			if m.visited(d, gr.key, k.n); k.few != nil {
				d.held[gr.key] = k.few
			}
			passed += k.n
			continue
		}
		keep(i)
		xs := m.groupList(s, gr.key)
		steps, err := l.measured(xs, p, each)
		if err != nil {
			return err
		}
		made := l.take(cid.Undef)
		from = i + 1
		if !m.tight() {
			d.held[gr.key] = made
		}
		if steps <= graph.MaxSteps {
			m.forgive(steps)
			m.note(d, gr.key, recordOf(made, steps))
		}
		m.visited(d, gr.key, made.Len())
	}
	l.prefix = m.appendGroup(had, next, gr.key)
	l.settle()
	return nil
}

// appendSlots puts what some slots have of a key behind xs: n elements, known as nothing.
func (m *Machine) appendSlots(xs *graph.List, g *grouping, key string, from, to, n int) *graph.List {
	return xs.AppendKnown(graph.Null(), n, nil, func() *graph.List {
		return within(m, g.slots[from].how.of, func() *graph.List { return m.joined(g, key, from, to) })
	})
}

// joined returns what the slots from one to another have of a key.
func (m *Machine) joined(g *grouping, key string, from, to int) *graph.List {
	l := graph.EmptyList
	for _, i := range g.in[key] {
		if s := g.slots[i]; from <= int(i) && int(i) < to && s.n[key] > 0 {
			l = l.Concat(m.groupList(s, key))
		}
	}
	return l
}

// addGroup is addPart for a part that is a group.
func (s *numberSum) addGroup(m *Machine, gr *group) error {
	next := m.nextGrouping(gr.g, groupCostsName, exactSumName, nil)
	for _, i := range gr.g.in[gr.key] {
		slot := gr.g.slots[i]
		n, d := slot.n[gr.key], next.slots[i]
		if n == 0 {
			m.note(d, gr.key, graph.NewList(new(numberSum).value(), graph.Int(0)))
			m.visited(d, gr.key, 0)
			continue
		}
		own := uint64(n) / 16
		if ints, fixed, steps, ok := exactSumOf(d.entries[gr.key]); ok && steps >= own {
			m.reusedPart(steps - own + (s.meter.n&15+uint64(n))/16)
			s.meter.n += uint64(n)
			s.join(ints, fixed)
			m.visited(d, gr.key, 0)
			continue
		}
		sum, steps, err := s.addPart(m, m.groupList(slot, gr.key))
		if err != nil {
			return err
		}
		m.forgive(steps)
		m.note(d, gr.key, graph.NewList(sum, graph.Int(int64(steps))))
		m.visited(d, gr.key, 0)
	}
	return nil
}

// listEachGroup calls f with each list of a map of lists.
func listEachGroup(m *Machine, args []graph.Value) (graph.Value, error) {
	groups, err := wantMap(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume(eachGroupName); err != nil {
		return graph.Value{}, err
	}
	l.each(groups, groups.Len(), func(key string, xs graph.Value) error {
		l.fields.set(key, l.call(args[0], xs))
		return nil
	})
	v := l.madeFields()
	l.end()
	return v, nil
}

// recordGroups calls f with each list of maps of lists, at no steps, and record with what it comes to and takes.
func recordGroups(m *Machine, args []graph.Value, record func(v graph.Value, steps uint64) (graph.Value, error)) (graph.Value, error) {
	maps, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	all := listOut{m: m}
	maps.Each(func(x graph.Value) bool {
		var groups *graph.Map
		if groups, err = wantMap(head(m, x)); err != nil {
			return false
		}
		out := mapOut{m: m}
		groups.Each(func(key string, xs graph.Value) bool {
			start := m.now()
			defer m.rewind(start)
			v := m.Apply(args[0], head(m, xs))
			steps := m.stepsSince(start)
			var r graph.Value
			if r, err = record(head(m, v), steps); err == nil {
				out.set(key, r)
			}
			return err == nil
		})
		addEntries(&all, out.b.Map())
		return err == nil
	})
	return all.value(), err
}

func coreGroupMeasures(m *Machine, args []graph.Value) (graph.Value, error) {
	return recordGroups(m, args, recordOfValue)
}

func coreGroupCosts(m *Machine, args []graph.Value) (graph.Value, error) {
	return recordGroups(m, args, costOfValue)
}

func coreGroups(m *Machine, args []graph.Value) (graph.Value, error) {
	return eachCost(m, args[0], func(v graph.Value, steps uint64) (graph.Value, error) {
		groups, err := wantMap(v)
		if err != nil {
			return graph.Value{}, err
		}
		out := mapOut{m: m}
		groups.Each(func(key string, xs graph.Value) bool {
			var l *graph.List
			if l, err = wantList(head(m, xs)); err == nil {
				out.set(key, graph.Int(int64(l.Len())))
			}
			return err == nil
		})
		if err != nil {
			return graph.Value{}, err
		}
		return costOfValue(out.value(), steps)
	})
}
