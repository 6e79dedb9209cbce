// This file holds lists: persistent, quick at both ends, and as fast as an array to walk.

package graph

import (
	"math/bits"
	"slices"
	"sync/atomic"
	"unsafe"
)

// # Why two ends and a tree?
//
// A list of up to 64 elements is one array. A longer one is a front array, an (a,b)-tree of arrays of 32 to 64 (inner
// nodes have 16 to 32 children; join and split as in Blelloch, Ferizovic, Sun, "Just Join for Parallel Ordered
// Sets", 2016, by position), and a back array. Taking a list apart from the front and building it up again touches the
// tree once in 32 to 64 steps. An end grows in place: its array has spare slots, and whoever first claims the next
// slot with one compare-and-swap writes it; a second owner of the same prefix copies. A slot is never written twice,
// so readers need no lock.

const (
	maxRun  = 64 // elements in an array
	minRun  = 32 // in an array inside the tree
	maxKids = 32
	minKids = 16
)

// A List is an immutable sequence of values. All methods are safe for concurrent use, and take nil as the empty list.
type List struct {
	header
	hashed bool   // hash is known (alike.go)
	n      uint32 // elements in front; 0 when the list is empty or begins far
	items  *Value // the front
	buf    *buf   // what the front lies in; nil for an array without spare slots
	rest   *rest  // nil: the front is all
	memo   memo
	hash   uint64
}

// A rest is what follows a front. It is not empty.
type rest struct {
	n    int
	root *node // may be nil
	back run
	list atomic.Pointer[List] // of it, once that was asked for: so who goes down a list twice comes to the same lists
}

// A run is part of an array of elements.
type run struct {
	n     uint32
	items *Value
	buf   *buf
}

// A buf is an array whose slots are written once, by whoever claims them.
type buf struct {
	ident
	lo, hi atomic.Int32 // slots in use
	vals   []Value
}

// A node of the tree: a leaf (height 0) or an inner node.
type node struct {
	n      int
	height int
	leaf   run
	kids   []*node
	ends   []int // ends[i]: elements in kids[0..i]
	far    *far  // nil; else there are neither leaf nor kids, see near
}

// EmptyList is the list without elements.
var EmptyList = &List{header: header{KindList}}

func (r run) slice() []Value { return unsafe.Slice(r.items, r.n) }

func (r run) sub(a, b int) run {
	return run{uint32(b - a), &r.slice()[a], r.buf}
}

// offset returns where in its buf r begins.
func (r run) offset() int {
	return int((uintptr(unsafe.Pointer(r.items)) - uintptr(unsafe.Pointer(unsafe.SliceData(r.buf.vals)))) / unsafe.Sizeof(Value{}))
}

// own returns r with a buf, which gives it an identity.
func (r run) own() run {
	if r.buf == nil {
		r.buf = &buf{vals: r.slice()}
		r.buf.hi.Store(int32(r.n))
	}
	return r
}

func (l *List) front() run { return run{l.n, l.items, l.buf} }

func newList(front run, r *rest) *List {
	if r != nil && front.buf == nil && front.n > 0 {
		front = front.own()
	}
	return &List{header: header{KindList}, n: front.n, items: front.items, buf: front.buf, rest: r}
}

// exactRun copies vals into an array without spare slots.
func exactRun(vals []Value) run {
	c := make([]Value, len(vals))
	copy(c, vals)
	return run{uint32(len(c)), unsafe.SliceData(c), nil}
}

func pair(a, b Value) *List {
	o := &pairObj{vals: [2]Value{held(a), held(b)}}
	o.l = List{header: header{KindList}, n: 2, items: &o.vals[0]}
	return &o.l
}

// A PairMaker makes lists of two values, with fewer allocations: those made together stay alive together. The zero PairMaker is ready to use.
type PairMaker struct {
	free []pairObj
	next int
}

type pairObj struct {
	l    List
	vals [2]Value
}

const maxPairs = 6 // that stay alive together: 480 bytes, which is an allocation without waste

// Pair is as the function NewPair.
func (p *PairMaker) Pair(a, b Value) Value {
	if len(p.free) == 0 {
		p.next = min(2*p.next+1, maxPairs)
		p.free = make([]pairObj, p.next)
	}
	o := &p.free[0]
	p.free = p.free[1:]
	o.l.header, o.l.n, o.l.items, o.vals[0], o.vals[1] = header{KindList}, 2, &o.vals[0], held(a), held(b)
	return Value{p: &o.l.header}
}

// flatCopy returns the list of at most maxRun values, in one allocation where they are few.
func flatCopy(vals []Value) *List {
	switch len(vals) {
	case 0:
		return EmptyList
	case 1:
		return single(vals[0])
	case 2:
		return pair(vals[0], vals[1])
	case 3:
		o := &struct {
			l    List
			vals [3]Value
		}{vals: [3]Value{held(vals[0]), held(vals[1]), held(vals[2])}}
		o.l = List{header: header{KindList}, n: 3, items: &o.vals[0]}
		return &o.l
	}
	r := exactRun(vals)
	Hold(r.slice())
	return newList(r, nil)
}

func single(v Value) *List {
	o := &struct {
		l    List
		vals [1]Value
	}{vals: [1]Value{held(v)}}
	o.l = List{header: header{KindList}, n: 1, items: &o.vals[0]}
	return &o.l
}

// ListOf returns the list of items, which it takes over.
func ListOf(items []Value) *List {
	if len(items) == 0 {
		return EmptyList
	}
	if len(items) <= maxRun {
		Hold(items)
		return newList(run{uint32(len(items)), &items[0], nil}, nil)
	}
	var b ListBuilder
	b.AddAll(items)
	return b.List()
}

// Len returns the number of elements.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	if l.rest == nil {
		return int(l.n)
	}
	return int(l.n) + l.rest.n
}

// At returns element i, 0 <= i < Len.
func (l *List) At(i int) Value {
	if i < int(l.n) {
		return unsafe.Slice(l.items, l.n)[i]
	}
	r, i := l.runAt(i)
	return r.slice()[i]
}

// runAt returns the run that holds element i, and where in it.
func (l *List) runAt(i int) (run, int) {
	if i < int(l.n) {
		return l.front(), i
	}
	r := l.rest
	i -= int(l.n)
	if r.root != nil {
		if i < r.root.n {
			return r.root.runAt(i)
		}
		i -= r.root.n
	}
	return r.back, i
}

func (t *node) runAt(i int) (run, int) {
	for t.height > 0 {
		t = t.near()
		k := t.find(i)
		if k > 0 {
			i -= t.ends[k-1]
		}
		t = t.kids[k]
	}
	return t.leaf, i
}

// find returns the child that holds element i.
func (t *node) find(i int) int {
	k := i / (t.ends[len(t.ends)-1]/len(t.ends) + 1) // a good guess where children are alike
	for k > 0 && t.ends[k-1] > i {
		k--
	}
	for t.ends[k] <= i {
		k++
	}
	return k
}

// claimedRun returns a run in a new buf with room for n values, at its left or right end, and their slots.
func claimedRun(n, size int, right bool) (run, []Value) {
	o := &buf{vals: make([]Value, size)}
	lo := 0
	if right {
		lo = size - n
	}
	o.lo.Store(int32(lo))
	o.hi.Store(int32(lo + n))
	return run{uint32(n), &o.vals[lo], o}, o.vals[lo : lo+n]
}

func roomFor(n int) int { return min(maxRun, max(4, 1<<bits.Len(uint(n)))) }

// Prepend returns l with v before its first element.
func (l *List) Prepend(v Value) *List {
	if l.Len() == 0 {
		return single(v)
	}
	v = held(v)
	f := l.front()
	if f.buf != nil {
		if off := f.offset(); off > 0 && f.buf.lo.CompareAndSwap(int32(off), int32(off-1)) {
			f.buf.vals[off-1] = v
			return newList(run{f.n + 1, &f.buf.vals[off-1], f.buf}, l.rest)
		}
	}
	if l.rest == nil {
		if f.n < maxRun {
			r, vals := claimedRun(int(f.n)+1, roomFor(int(f.n)+1), true)
			vals[0] = v
			copy(vals[1:], f.slice())
			return newList(r, nil)
		}
		r, vals := claimedRun(1, minRun, true)
		vals[0] = v
		return newList(r, &rest{n: int(f.n), back: f.own()})
	}
	if f.n < minRun {
		r, vals := claimedRun(int(f.n)+1, maxRun, true)
		vals[0] = v
		copy(vals[1:], f.slice())
		return newList(r, l.rest)
	}
	r, vals := claimedRun(1, maxRun, true)
	vals[0] = v
	return newList(r, &rest{n: l.Len(), root: join(leafOf(f), l.rest.root), back: l.rest.back})
}

// grow returns the run r with v after it, and false when r has no room for it.
func (r run) grow(v Value) (run, bool) {
	if r.buf != nil {
		if end := r.offset() + int(r.n); end < len(r.buf.vals) && r.buf.hi.CompareAndSwap(int32(end), int32(end+1)) {
			r.buf.vals[end] = v
			return run{r.n + 1, r.items, r.buf}, true
		}
	}
	if r.n >= maxRun {
		return run{}, false
	}
	g, vals := claimedRun(int(r.n)+1, roomFor(int(r.n)+1), false)
	vals[copy(vals, r.slice())] = v
	return g, true
}

// Append returns l with v after its last element.
func (l *List) Append(v Value) *List {
	if l.Len() == 0 {
		return single(v)
	}
	v = held(v)
	if l.rest == nil {
		if f, ok := l.front().grow(v); ok {
			return newList(f, nil)
		}
		back, vals := claimedRun(1, minRun, false)
		vals[0] = v
		return newList(l.front(), &rest{n: 1, back: back})
	}
	r := &rest{n: l.rest.n + 1, root: l.rest.root, back: l.rest.back}
	if b, ok := r.back.grow(v); ok {
		r.back = b
	} else {
		r.root = join(r.root, leafOf(r.back))
		back, vals := claimedRun(1, maxRun, false)
		vals[0] = v
		r.back = back
	}
	return newList(l.front(), r)
}

// Uncons returns the first element of a list that is not empty, and the list of the others.
func (l *List) Uncons() (Value, *List) {
	if l.n == 0 {
		first, root := popFirst(l.rest.root)
		l = listOf(first, root, l.rest.back)
	}
	v := *l.items
	var tail *List
	switch {
	case l.n > 1:
		tail = newList(l.front().sub(1, int(l.n)), l.rest)
	case l.rest == nil:
		return v, EmptyList
	default:
		tail = withoutFront(l.rest)
	}
	if l.hashed {
		l.hashedTail(v, tail)
	}
	return v, tail
}

// withoutFront returns the list of what r holds.
func withoutFront(r *rest) *List {
	if l := r.list.Load(); l != nil {
		return newList(l.front(), l.rest)
	}
	var l *List
	if r.root == nil {
		l = newList(r.back, nil)
	} else {
		first, root := popFirst(r.root)
		l = listOf(first, root, r.back)
	}
	if r.root != nil && r.root.beginsFar() {
		return l // who holds the beginning need not hold all that was read
	}
	r.list.Store(l)
	return newList(l.front(), l.rest)
}

// beginsFar says whether t's first element is in a far node.
func (t *node) beginsFar() bool {
	for t.far == nil && t.height > 0 {
		t = t.kids[0]
	}
	return t.far != nil
}

// listOf puts a list together; root may be nil, front and back empty.
func listOf(front run, root *node, back run) *List {
	if front.n == 0 {
		if root == nil {
			if back.n == 0 {
				return EmptyList
			}
			return newList(back, nil)
		}
		if !root.beginsFar() {
			front, root = popFirst(root)
		}
	}
	n := int(back.n)
	if root != nil {
		n += root.n
	}
	if n == 0 {
		return newList(front, nil)
	}
	return newList(front, &rest{n: n, root: root, back: back})
}

// Set returns l with v as its element i, 0 <= i < Len.
func (l *List) Set(i int, v Value) *List {
	v = held(v)
	if i < int(l.n) {
		return newList(l.front().set(i, v), l.rest)
	}
	r := &rest{n: l.rest.n, root: l.rest.root, back: l.rest.back}
	j := i - int(l.n)
	if r.root != nil && j < r.root.n {
		r.root = r.root.set(j, v)
	} else {
		if r.root != nil {
			j -= r.root.n
		}
		r.back = r.back.set(j, v)
	}
	return newList(l.front(), r)
}

func (r run) set(i int, v Value) run {
	c := exactRun(r.slice())
	c.slice()[i] = v
	return c
}

func (t *node) set(i int, v Value) *node {
	if t.height == 0 {
		return leafOf(t.leaf.set(i, v))
	}
	t = t.near()
	k := t.find(i)
	if k > 0 {
		i -= t.ends[k-1]
	}
	c := &node{n: t.n, height: t.height, kids: append([]*node(nil), t.kids...), ends: t.ends}
	c.kids[k] = t.kids[k].set(i, v)
	return c
}

// Concat returns the list of l's elements, then o's.
func (l *List) Concat(o *List) *List {
	n, m := l.Len(), o.Len()
	switch {
	case m == 0:
		if l == nil {
			return EmptyList
		}
		return l
	case n == 0:
		return o
	case m <= 8:
		for i := range m {
			l = l.Append(o.At(i))
		}
		return l
	case n <= 8:
		for i := n - 1; i >= 0; i-- {
			o = o.Prepend(l.At(i))
		}
		return o
	case n+m <= maxRun && l.rest == nil && o.rest == nil:
		vals := make([]Value, 0, n+m)
		vals = append(append(vals, l.front().slice()...), o.front().slice()...)
		return newList(run{uint32(n + m), &vals[0], nil}, nil)
	}
	var root *node
	if l.rest != nil {
		root = l.rest.root
		if l.rest.back.n > 0 {
			root = join(root, leafOf(l.rest.back))
		}
	}
	if o.rest == nil {
		return listOf(l.front(), root, o.front())
	}
	if o.n > 0 {
		root = join(root, leafOf(o.front()))
	}
	return listOf(l.front(), join(root, o.rest.root), o.rest.back)
}

// Slice returns the elements a up to but without b, 0 <= a <= b <= Len.
func (l *List) Slice(a, b int) *List {
	n := l.Len()
	switch {
	case a == b:
		return EmptyList
	case a == 0 && b == n:
		return l
	case b <= int(l.n):
		return newList(l.front().sub(a, b), nil)
	case b-a <= maxRun:
		if r, i := l.runAt(a); i+b-a <= int(r.n) {
			return newList(r.sub(i, i+b-a), nil)
		}
		vals := make([]Value, 0, b-a)
		for len(vals) < b-a {
			r, i := l.runAt(a + len(vals))
			vals = append(vals, r.slice()[i:min(int(r.n), i+b-a-len(vals))]...)
		}
		return newList(run{uint32(b - a), &vals[0], nil}, nil)
	}
	front, root, back := l.front(), l.rest.root, l.rest.back
	a, b = a-int(l.n), b-int(l.n)
	if a < 0 {
		front = front.sub(int(front.n)+a, int(front.n))
		a = 0
	} else {
		front = run{}
	}
	if root != nil {
		size := root.n
		if b < size {
			root, _ = split(root, b)
		}
		if a >= size {
			root = nil
		} else if a > 0 {
			_, root = split(root, a)
		}
		a, b = max(0, a-size), b-size
	}
	if b > a {
		back = back.sub(a, b)
	} else {
		back = run{}
	}
	return listOf(front, root, back)
}

// runs calls f for l's arrays in order until it answers false.
func (l *List) runs(f func(run) bool) bool {
	if l == nil || l.n > 0 && !f(l.front()) {
		return l == nil
	}
	if r := l.rest; r != nil {
		return (r.root == nil || r.root.runs(f)) && (r.back.n == 0 || f(r.back))
	}
	return true
}

func (t *node) runs(f func(run) bool) bool {
	if t.height == 0 {
		return f(t.leaf)
	}
	for _, k := range t.near().kids {
		if !k.runs(f) {
			return false
		}
	}
	return true
}

// Chunks calls f for the elements in order, some at a time, until it answers false. f must not change the slices.
func (l *List) Chunks(f func([]Value) bool) {
	l.runs(func(r run) bool { return f(r.slice()) })
}

// Each calls f for the elements in order until it answers false.
func (l *List) Each(f func(Value) bool) {
	l.runs(func(r run) bool {
		for _, v := range r.slice() {
			if !f(v) {
				return false
			}
		}
		return true
	})
}

// A ListIter walks a list.
type ListIter struct {
	l    *List
	cur  []Value
	next int // index of the first element after cur
}

// Iter returns an iterator that stands before l's first element.
func (l *List) Iter() ListIter {
	if l == nil {
		l = EmptyList
	}
	return ListIter{l: l, cur: l.front().slice(), next: int(l.n)}
}

// Next returns the next element, and false after the last.
func (it *ListIter) Next() (Value, bool) {
	if len(it.cur) == 0 {
		if it.next >= it.l.Len() {
			return Value{}, false
		}
		r, i := it.l.runAt(it.next)
		it.cur = r.slice()[i:]
		it.next += len(it.cur)
	}
	v := it.cur[0]
	it.cur = it.cur[1:]
	return v, true
}

// run is what is left of the array that it stands in, empty behind the last element.
func (it *ListIter) run() []Value {
	if len(it.cur) == 0 && it.next < it.l.Len() {
		r, i := it.l.runAt(it.next)
		it.cur = r.slice()[i:]
		it.next += len(it.cur)
	}
	return it.cur
}

// skip passes n elements of run.
func (it *ListIter) skip(n int) { it.cur = it.cur[n:] }

// A ListBuilder makes a list from its elements in order. The zero ListBuilder is ready to use.
type ListBuilder struct {
	cur    []Value
	leaves []*node
	n      int
}

// Add puts v after what was added.
func (b *ListBuilder) Add(v Value) {
	if len(b.cur) == maxRun {
		b.flush()
	}
	b.cur = append(b.cur, held(v))
	b.n++
}

// AddAll puts copies of vals after what was added.
func (b *ListBuilder) AddAll(vals []Value) {
	b.n += len(vals)
	for len(vals) > 0 {
		if len(b.cur) == maxRun {
			b.flush()
		}
		k := min(len(vals), maxRun-len(b.cur))
		b.cur = append(b.cur, vals[:k]...)
		Hold(b.cur[len(b.cur)-k:])
		vals = vals[k:]
	}
}

func (b *ListBuilder) flush() {
	b.leaves = append(b.leaves, leafOf(run{maxRun, &b.cur[0], nil}))
	b.cur = make([]Value, 0, maxRun)
}

// Len returns how many elements were added.
func (b *ListBuilder) Len() int { return b.n }

// List returns the list of what was added, and empties b.
func (b *ListBuilder) List() *List {
	var l *List
	switch {
	case b.n == 0:
		l = EmptyList
	case len(b.leaves) == 0:
		l = newList(run{uint32(len(b.cur)), &b.cur[0], nil}, nil)
	default:
		back := run{uint32(len(b.cur)), &b.cur[0], nil}.own()
		l = listOf(b.leaves[0].leaf, treeFrom(b.leaves[1:]), back)
	}
	*b = ListBuilder{}
	return l
}

// SoFar returns the list of what was added, and leaves b as it is.
func (b *ListBuilder) SoFar() *List {
	c := ListBuilder{slices.Clone(b.cur), b.leaves, b.n}
	return c.List()
}

// treeFrom returns the tree of nodes of one height, each large enough to stand in a tree.
func treeFrom(nodes []*node) *node {
	if len(nodes) == 0 {
		return nil
	}
	for len(nodes) > 1 {
		parts := (len(nodes) + maxKids - 1) / maxKids
		up := make([]*node, parts)
		for i := range up {
			up[i] = inner(nodes[i*len(nodes)/parts : (i+1)*len(nodes)/parts])
		}
		nodes = up
	}
	return nodes[0]
}

func leafOf(r run) *node { return &node{n: int(r.n), leaf: r.own()} }

// inner returns the node over kids, which it keeps.
func inner(kids []*node) *node {
	t := &node{height: kids[0].height + 1, kids: kids, ends: make([]int, len(kids))}
	for i, k := range kids {
		t.n += k.n
		t.ends[i] = t.n
	}
	return t
}

// over returns the tree over kids, of which there may be one or none.
func over(kids []*node) *node {
	switch len(kids) {
	case 0:
		return nil
	case 1:
		return kids[0]
	}
	return inner(kids)
}

// join returns the tree of a's elements, then b's. Either may be nil, and a root smaller than a node inside may be.
func join(a, b *node) *node {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	var l, r *node
	switch {
	case a.height > b.height:
		l, r = joinRight(a, b)
	case a.height < b.height:
		l, r = joinLeft(a, b)
	default:
		l, r = balance(a, b)
	}
	if r == nil {
		return l
	}
	return inner([]*node{l, r})
}

// joinRight puts the lower tree b after a, as one node of a's height or two.
func joinRight(a, b *node) (*node, *node) {
	if a.far != nil {
		return a, b.raised(a.height)
	}
	last := len(a.kids) - 1
	x, y := a.kids[last], (*node)(nil)
	if x.height == b.height {
		x, y = balance(x, b)
	} else {
		x, y = joinRight(x, b)
	}
	kids := make([]*node, 0, len(a.kids)+1)
	kids = append(append(kids, a.kids[:last]...), x)
	if y != nil {
		kids = append(kids, y)
	}
	return parted(kids)
}

// joinLeft puts the lower tree a before b.
func joinLeft(a, b *node) (*node, *node) {
	if b.far != nil {
		return a.raised(b.height), b
	}
	x, y := b.kids[0], (*node)(nil)
	if x.height == a.height {
		x, y = balance(a, x)
	} else {
		x, y = joinLeft(a, x)
	}
	kids := make([]*node, 0, len(b.kids)+1)
	kids = append(kids, x)
	if y != nil {
		kids = append(kids, y)
	}
	return parted(append(kids, b.kids[1:]...))
}

// raised returns t as a node of a height. What stands beside far nodes is raised rather than put into them: who holds it need not hold what they stand for.
func (t *node) raised(height int) *node {
	for t.height < height {
		t = inner([]*node{t})
	}
	return t
}

func parted(kids []*node) (*node, *node) {
	if len(kids) <= maxKids {
		return inner(kids), nil
	}
	h := len(kids) / 2
	return inner(kids[:h:h]), inner(kids[h:])
}

// balance returns two neighbours of one height as two nodes that may stand inside a tree, or as one.
func balance(a, b *node) (*node, *node) {
	if a.height == 0 {
		n := a.n + b.n
		if a.n >= minRun && b.n >= minRun {
			return a, b
		}
		vals := make([]Value, 0, n)
		vals = append(append(vals, a.leaf.slice()...), b.leaf.slice()...)
		if n <= maxRun {
			return leafOf(run{uint32(n), &vals[0], nil}), nil
		}
		h := n / 2
		return leafOf(run{uint32(h), &vals[0], nil}), leafOf(exactRun(vals[h:]))
	}
	if a.far != nil || b.far != nil || len(a.kids) >= minKids && len(b.kids) >= minKids {
		return a, b
	}
	kids := make([]*node, 0, len(a.kids)+len(b.kids))
	return parted(append(append(kids, a.kids...), b.kids...))
}

// split returns the trees of t's first i elements and of the others, 0 < i < t.n.
func split(t *node, i int) (*node, *node) {
	if t.height == 0 {
		return leafOf(t.leaf.sub(0, i)), leafOf(t.leaf.sub(i, t.n))
	}
	t = t.near()
	k := t.find(i)
	l, r := over(t.kids[:k]), over(t.kids[k+1:])
	if k > 0 {
		i -= t.ends[k-1]
	}
	if i == 0 {
		return l, over(t.kids[k:])
	}
	x, y := split(t.kids[k], i)
	return join(l, x), join(y, r)
}

// popFirst returns t's first array, and the tree of the others, or nil.
func popFirst(t *node) (run, *node) {
	if t.height == 0 {
		return t.leaf, nil
	}
	t = t.near()
	first, left := popFirst(t.kids[0])
	return first, join(left, over(t.kids[1:]))
}
