// This file finds the parts of a large list: stretches that are known by what they are or came from, so that what was found out about one is found
// again where it stands in another list.

package graph

import (
	"slices"
	"sync/atomic"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// # What are the parts of a list?
//
// Of a list that stands in blocks, groups of neighbouring leaves: a group ends behind a leaf whose CID says so, so that a change moves the ends
// near it only. A leaf is the block of a list itself.
//
// Of a list that a primitive made of those, what it made of each part, if that was put there with AppendKnown. Such a part needs no elements: who
// looks at them has them made.

const (
	maxPartLeaves = 16      // of a part
	maxPart       = 1 << 10 // elements of a part that has several leaves, about
	partEnds      = 2       // one in so many leaves ends a part
)

// A Part is a stretch of a list or map.
type Part struct {
	At, Len    int
	Of         Value     // a lazy value that comes to it; null if none is known
	Leaves     []cid.Cid // nil, or the blocks whose elements it has
	First, End string    // of a map: its first key, and that of the next part, "" if there is none
}

// Known says whether the part is known as something.
func (p *Part) Known() bool { return p.Leaves != nil || p.Of.Kind() == KindLazy }

// Parts returns the parts of l in order, nil if none is known as anything.
func (l *List) Parts(w *Writer) []Part {
	if l.rest == nil || l.rest.root == nil || !l.rest.root.isFar() {
		return nil
	}
	p := parter{w: w}
	p.plain(int(l.n))
	p.node(l.rest.root)
	p.plain(int(l.rest.back.n))
	p.endLeaves()
	if !p.known {
		return nil
	}
	return p.parts
}

// A parter finds parts.
type parter struct {
	w      *Writer
	parts  []Part
	at     int    // of the next part
	leaves []*far // that follow on the last part, neighbours in one tree
	len    int    // of those
	first  string // of a map: the key that what comes next begins with
	begin  string // ... and that the leaves begin with
	known  bool
}

// plain appends n elements that are not known as anything.
func (p *parter) plain(n int) {
	p.endLeaves()
	if last := len(p.parts) - 1; last >= 0 && !p.parts[last].Known() {
		p.parts[last].Len += n
		p.at += n
	} else if n > 0 {
		p.add(Part{Len: n, Of: Null(), First: p.first})
	}
}

func (p *parter) add(part Part) {
	part.At = p.at
	p.parts = append(p.parts, part)
	p.at += part.Len
	p.known = p.known || part.Known()
}

func (p *parter) node(t *node) {
	switch {
	case t.height == 0:
		p.plain(t.n)
	case t.far == nil:
		for _, k := range t.kids {
			p.node(k)
		}
	case t.far.made != nil:
		p.endLeaves()
		p.add(Part{Len: t.n, Of: t.far.made.of})
	case !t.far.isHere(p.w):
		p.plain(t.n)
	case t.far.height == 0:
		p.leaf(t.far)
	default:
		for _, k := range t.near().kids {
			p.node(k)
		}
	}
}

func (p *parter) leaf(f *far) {
	if n := len(p.leaves); n > 0 && !p.leaves[n-1].follows(f) {
		p.endLeaves()
	}
	if len(p.leaves) == 0 {
		p.begin = p.first
	}
	p.leaves = append(p.leaves, f)
	p.len += int(f.count)
	digest := f.block.Hash()
	if digest[len(digest)-1]%partEnds == 0 || len(p.leaves) == maxPartLeaves || p.len >= maxPart {
		p.endLeaves()
	}
}

// endLeaves makes the leaves a part.
func (p *parter) endLeaves() {
	if len(p.leaves) == 0 {
		return
	}
	part := Part{Of: Null(), First: p.begin}
	for _, f := range p.leaves {
		part.Len += int(f.count)
		part.Leaves = append(part.Leaves, f.block)
	}
	p.leaves, p.len = p.leaves[:0], 0
	p.add(part)
}

// A made is what a far node of a list or map has that is in no block: its elements come from a function.
type made struct {
	of      Value
	held    atomic.Pointer[node] // nil: only weakly
	make    func() *List
	fields  atomic.Pointer[mapNode] // as held, of a map
	makeMap func() (m *Map, keep bool)
}

// madeHeight is that of a node which stands for a list that is made when it is needed, of any length.
const madeHeight = 6

// AppendKnown returns l, then n elements that are known as of, more than none. Make returns them whenever they are needed; had, if it is not nil,
// is them, and kept.
func (l *List) AppendKnown(of Value, n int, had *List, make func() *List) *List {
	f := &far{made: &made{of: of, make: make}, tree: &farTree{kind: KindList, count: int64(n)}, height: madeHeight - 1, count: int64(n)}
	if had != nil {
		f.made.held.Store(f.spread(had))
	}
	t := listNode(f)
	if l.Len() == 0 {
		return listOf(run{}, t, run{})
	}
	r := &rest{n: n}
	if l.rest != nil {
		r.n += l.rest.n
		r.root = l.rest.root
		if l.rest.back.n > 0 {
			r.root = join(r.root, leafOf(l.rest.back))
		}
	}
	r.root = join(r.root, t)
	return newList(l.front(), r)
}

// spread returns l as a node of f's height.
func (f *far) spread(l *List) *node {
	if int64(l.Len()) != f.count {
		f.fail(&codec.Error{Rule: RuleTreeCount})
	}
	var t *node
	if l.n > 0 {
		t = leafOf(l.front())
	}
	if l.rest != nil {
		t = join(t, l.rest.root)
		if l.rest.back.n > 0 {
			t = join(t, leafOf(l.rest.back))
		}
	}
	return t.raised(f.height + 1)
}

// nodes returns what f, which is in no block, stands for, and whether that is kept.
func (f *far) nodes() (n *node, held bool) {
	if n = f.made.held.Load(); n != nil {
		return n, true
	}
	return f.spread(f.made.make()), false
}

// Known calls f for the parts of l that are known as something and whose elements are kept.
func (l *List) Known(f func(of Value, had *List)) {
	if l.rest != nil && l.rest.root != nil && l.rest.root.isFar() {
		l.rest.root.eachKnown(f)
	}
}

func (t *node) eachKnown(f func(of Value, had *List)) {
	switch {
	case t.far == nil:
		for _, k := range t.kids {
			k.eachKnown(f)
		}
	case t.far.made != nil:
		if n := t.far.made.held.Load(); n != nil {
			f(t.far.made.of, listOf(run{}, n, run{}))
		}
	}
}

// Parted says whether a part of v, or of a value in it if that is a map, is known as something. It looks at one of those values.
func (v Value) Parted() bool {
	switch v.Kind() {
	case KindList:
		l := v.List()
		return l.rest != nil && l.rest.root != nil && l.rest.root.parted()
	case KindMap:
		if t := v.Map().base(); t != nil && t.known {
			return true
		}
		if !v.MostlyFar() && v.Map().Len() > 0 {
			x := v.Map().some()
			return x.Kind() == KindList && x.Parted()
		}
	}
	return false
}

func (t *node) parted() bool {
	return t.far != nil && t.far.made != nil || t.height > madeHeight && slices.ContainsFunc(t.kids, (*node).parted)
}

// Unmade is how many elements of a list or map have to be made for who looks at them.
func (v Value) Unmade() int {
	if v.Kind() == KindMap {
		_, n := v.Map().made()
		return n
	}
	if v.Kind() != KindList || v.List().rest == nil || v.List().rest.root == nil {
		return 0
	}
	return v.List().rest.root.known(func(m *made) bool { return m.held.Load() == nil })
}

// EachUnmade calls f for each part whose elements have to be made for who looks at them: where it begins, its length, and what it is known as.
func (l *List) EachUnmade(f func(at, n int, of Value)) {
	if l.rest != nil && l.rest.root != nil {
		l.rest.root.eachUnmade(int(l.n), f)
	}
}

func (t *node) eachUnmade(at int, f func(at, n int, of Value)) {
	switch {
	case t.far != nil && t.far.made != nil:
		if t.far.made.held.Load() == nil {
			f(at, t.n, t.far.made.of)
		}
	case t.far == nil && t.height > madeHeight:
		for _, k := range t.kids {
			k.eachUnmade(at, f)
			at += k.n
		}
	}
}

// made is how many elements of l are in no block, but in parts.
func (l *List) made() int { return l.rest.root.known(func(*made) bool { return true }) }

// known is how many elements of t stand in parts that are in no block and of which is holds.
func (t *node) known(is func(m *made) bool) (n int) {
	switch {
	case t.far != nil && t.far.made != nil && is(t.far.made):
		return t.n
	case t.far == nil && t.height > madeHeight:
		for _, k := range t.kids {
			n += k.known(is)
		}
	}
	return n
}
