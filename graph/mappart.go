// This file finds the parts of a large map, as part.go finds those of a list, and puts maps together from such parts.

package graph

import (
	"slices"

	"github.com/rosser-lang/rosser/codec"
)

// # What are the parts of a map?
//
// Those of the list of its entries: a leaf of a map's blocks is, byte for byte, the block of a list of pairs [key, value]. What a primitive made of them
// are far nodes of the map's tree, each in the place of a leaf, of which the number of entries and the first key are known.

// Parts returns the parts of m in order, nil if none is known as anything.
func (m *Map) Parts(w *Writer) []Part {
	t := m.tree()
	if t == nil || !t.isFar() {
		return nil
	}
	p := parter{w: w}
	p.fields(t)
	p.endLeaves()
	if !p.known {
		return nil
	}
	for i := range p.parts[1:] {
		p.parts[i].End = p.parts[i+1].First
	}
	return p.parts
}

func (p *parter) fields(t *mapNode) {
	p.first = t.keys[0]
	switch {
	case t.far == nil && t.kids == nil:
		p.plain(t.n)
	case t.far == nil:
		for _, k := range t.kids {
			p.fields(k)
		}
	case t.far.made != nil:
		p.endLeaves()
		p.add(Part{Len: t.n, Of: t.far.made.of, First: t.keys[0]})
	case !t.far.isHere(p.w):
		p.plain(t.n)
	case t.far.height == 0:
		p.leaf(t.far)
	default:
		for _, k := range t.near().kids {
			p.fields(k)
		}
	}
}

// A MapParts puts a map together from parts, each with keys above those of the one before. The zero MapParts is ready to use.
type MapParts struct {
	nodes []*mapNode // leaves, or far nodes in their places
	n     int
}

// Len returns how many entries have been added.
func (b *MapParts) Len() int { return b.n }

// Add adds the entries of m.
func (b *MapParts) Add(m *Map) {
	b.n += m.Len()
	if t := m.tree(); t != nil {
		b.node(t)
	} else if m.Len() > 0 {
		b.nodes = joined(b.nodes, &mapNode{n: int(m.n), keys: m.flatKeys(), vals: m.flatVals()})
	}
}

func (b *MapParts) node(t *mapNode) {
	if t.far != nil && (t.far.made != nil || t.far.height == 0) {
		b.nodes = append(b.nodes, t)
		return
	}
	if t = t.near(); t.kids == nil {
		b.nodes = joined(b.nodes, t)
	}
	for _, k := range t.kids {
		b.node(k)
	}
}

// AddKnown adds the p.Len entries, more than none, that p.Of comes to. Their keys are from p.First on, before p.End. Make returns them whenever they are
// needed, and whether they are to be kept; had, if it is not nil, is them, and kept.
func (b *MapParts) AddKnown(p Part, had *Map, make func() (made *Map, keep bool)) {
	f := &far{
		made: &made{of: p.Of, makeMap: make}, tree: &farTree{kind: KindMap, count: int64(p.Len)}, height: madeHeight - 1, count: int64(p.Len), end: p.End,
	}
	t := fieldsNode(f, p.First)
	t.known = true
	if had != nil {
		f.made.fields.Store(f.flat(had))
	}
	b.nodes = append(b.nodes, t)
	b.n += p.Len
}

// Close says whether all keys added come before end, "" for none; those of what is not loaded or made are checked when they are.
func (b *MapParts) Close(end string) bool {
	if len(b.nodes) == 0 || end == "" {
		return true
	}
	last := &b.nodes[len(b.nodes)-1]
	t := *last
	switch {
	case t.keys[len(t.keys)-1] >= end:
		return false
	case t.far != nil && (t.far.end == "" || t.far.end > end):
		f := &far{tree: t.far.tree, block: t.far.block, height: t.far.height, at: t.far.at, count: t.far.count, end: end}
		if old := t.far.made; old != nil {
			f.made = &made{of: old.of, makeMap: old.makeMap}
			if n := old.fields.Load(); n != nil {
				f.made.fields.Store(n)
			}
		}
		*last = fieldsNode(f, t.keys[0])
		(*last).known = t.known
	}
	return true
}

// With returns the map of what was added and the entries of m behind it, and leaves b as it is.
func (b *MapParts) With(m *Map) *Map {
	all := MapParts{slices.Clone(b.nodes), b.n}
	all.Add(m)
	nodes, n := all.nodes, all.n
	for len(nodes) > 1 {
		nodes = inners(nodes)
	}
	switch {
	case n == 0:
		return EmptyMap
	case n <= maxFlat && !nodes[0].isFar():
		return MapSorted(mapOver(nodes[0]).flatten())
	}
	return mapOver(nodes[0])
}

// flat returns m as the leaf that f stands for.
func (f *far) flat(m *Map) *mapNode {
	keys, vals := m.flatten()
	if int64(len(keys)) != f.count || f.end != "" && keys[len(keys)-1] >= f.end {
		f.fail(&codec.Error{Rule: RuleTreeCount})
	}
	return &mapNode{n: len(keys), keys: keys, vals: vals}
}

// fieldNode returns what f, which is in no block, stands for, and whether that is kept.
func (f *far) fieldNode() (n *mapNode, held bool) {
	if n = f.made.fields.Load(); n != nil {
		return n, true
	}
	m, keep := f.made.makeMap()
	if n = f.flat(m); keep {
		f.made.fields.Store(n)
	}
	return n, keep
}

// eachKnown calls f for the far nodes below t that are in no block, and where they begin.
func (t *mapNode) eachKnown(at int, f func(at int, t *mapNode)) {
	switch {
	case !t.known:
	case t.far != nil:
		f(at, t)
	default:
		for _, k := range t.kids {
			k.eachKnown(at, f)
			at += k.n
		}
	}
}

// base is a tree that has most of m's entries, nil when m is flat. It takes no time.
func (m *Map) base() *mapNode {
	if m.log != nil {
		return (*m.log.marks.Load())[0].root
	}
	return m.root
}

// made is how many entries of m are in no block, but in parts, and how many of these have to be made for who looks at them; of a map that was
// changed, how many there were before.
func (m *Map) made() (all, unmade int) {
	if t := m.base(); t != nil {
		t.eachKnown(0, func(_ int, t *mapNode) {
			if all += t.n; t.far.made.fields.Load() == nil {
				unmade += t.n
			}
		})
	}
	return all, unmade
}

// Known calls f for the parts of m that are known as something and whose entries are kept.
func (m *Map) Known(f func(of Value, had *Map)) {
	if t := m.tree(); t != nil {
		t.eachKnown(0, func(_ int, t *mapNode) {
			if n := t.far.made.fields.Load(); n != nil {
				f(t.far.made.of, mapOver(n))
			}
		})
	}
}

// EachUnmade calls f for each part whose entries have to be made for who looks at them. If m was changed, those of parts with a change are made.
func (m *Map) EachUnmade(f func(p Part)) {
	if t := m.tree(); t != nil {
		t.eachKnown(0, func(at int, t *mapNode) {
			if t.far.made.fields.Load() == nil {
				f(Part{At: at, Len: t.n, Of: t.far.made.of, First: t.keys[0], End: t.far.end})
			}
		})
	}
}

// Range calls f for the entries from index a on, without b, in the bytewise order of their keys, until it answers false.
func (m *Map) Range(a, b int, f func(key string, v Value) bool) {
	each := func(keys []string, vals []Value) bool {
		for i, k := range keys {
			if !f(k, vals[i]) {
				return false
			}
		}
		return true
	}
	if a >= b {
		return
	}
	if t := m.tree(); t != nil {
		t.between(a, b, each)
		return
	}
	each(m.flatKeys()[a:b], m.flatVals()[a:b])
}

// between calls f for parts of the entries from index a on, without b, until it answers false.
func (t *mapNode) between(a, b int, f func(keys []string, vals []Value) bool) bool {
	if t = t.near(); t.kids == nil {
		return f(t.keys[a:b], t.vals[a:b])
	}
	for _, k := range t.kids {
		if b <= 0 {
			break
		}
		if a < k.n && !k.between(max(a, 0), min(b, k.n), f) {
			return false
		}
		a, b = a-k.n, b-k.n
	}
	return true
}
