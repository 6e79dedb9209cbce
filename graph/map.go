// This file holds maps: persistent, ordered by the bytes of their keys.

package graph

import (
	"cmp"
	"slices"
	"strings"
	"unsafe"
)

const (
	maxFlat  = 32 // entries of a map that is one pair of arrays
	maxLeaf  = 32 // entries of a leaf
	minFlat  = 8  // a tree with no more entries becomes flat again
	maxInner = 32 // children of an inner node
)

// A Map is an immutable map from text to values. Up to 32 entries are two sorted arrays, of which the keys' may be
// shared by many maps; more are a B+-tree, or a tree and a log of what was changed since. All methods but Set are safe for concurrent use, and
// take nil as the empty map.
type Map struct {
	header
	n    uint32  // entries when flat; with a log, how many of its entries this version sees
	keys *string // ascending
	vals *Value
	root *mapNode // nil when flat; with a log, atomic, and nil until the order is asked for
	log  *mapLog  // nil: none; else there are more than minFlat entries
	memo memo
}

// A mapNode is a leaf (no kids) or an inner node, whose keys are its children's first keys.
type mapNode struct {
	ident
	n     int
	keys  []string
	vals  []Value
	kids  []*mapNode
	far   *far // nil; else there are only n and the first key, see near
	known bool // a far node that is in no block, or over one (mappart.go)
}

// EmptyMap is the map without entries.
var EmptyMap = &Map{header: header{KindMap}}

func only(key *string, v Value) *Map {
	o := &struct {
		m    Map
		vals [1]Value
	}{vals: [1]Value{held(v)}}
	o.m = Map{header: header{KindMap}, n: 1, keys: key, vals: &o.vals[0]}
	return &o.m
}

// MapSorted returns the map of keys, which are distinct and ascend in bytewise order, to vals. The map keeps both: vals must not
// be changed any more, and many maps may be made with one slice of keys.
func MapSorted(keys []string, vals []Value) *Map {
	switch n := len(keys); {
	case n == 0:
		return EmptyMap
	case n <= maxFlat:
		return &Map{header: header{KindMap}, n: uint32(n), keys: &keys[0], vals: &vals[0]}
	}
	nodes := leaves(keys, vals)
	for len(nodes) > 1 {
		nodes = inners(nodes)
	}
	return mapOver(nodes[0])
}

// leaves returns entries as leaves, of about one size, which keep the arrays.
func leaves(keys []string, vals []Value) []*mapNode {
	parts := (len(keys) + maxLeaf - 1) / maxLeaf
	nodes := make([]*mapNode, parts)
	for i := range nodes {
		a, b := i*len(keys)/parts, (i+1)*len(keys)/parts
		nodes[i] = &mapNode{n: b - a, keys: keys[a:b:b], vals: vals[a:b:b]}
	}
	return nodes
}

// inners returns nodes as the children of inner nodes.
func inners(nodes []*mapNode) []*mapNode {
	parts := (len(nodes) + maxInner - 1) / maxInner
	up := make([]*mapNode, parts)
	for i := range up {
		a, b := i*len(nodes)/parts, (i+1)*len(nodes)/parts
		up[i] = mapInner(slices.Clone(nodes[a:b]))
	}
	return up
}

func mapOver(root *mapNode) *Map { return &Map{header: header{KindMap}, root: root} }

func mapInner(kids []*mapNode) *mapNode {
	t := &mapNode{keys: make([]string, len(kids)), kids: kids}
	for i, k := range kids {
		t.keys[i] = k.keys[0]
		t.n += k.n
		t.known = t.known || k.known
	}
	return t
}

func (m *Map) flatKeys() []string { return unsafe.Slice(m.keys, m.n) }
func (m *Map) flatVals() []Value  { return unsafe.Slice(m.vals, m.n) }

// Len returns the number of entries.
func (m *Map) Len() int {
	switch {
	case m == nil:
		return 0
	case m.log != nil:
		return m.log.len(m.n)
	case m.root != nil:
		return m.root.n
	}
	return int(m.n)
}

// Only returns the entry of a map that has exactly one.
func (m *Map) Only() (key string, v Value, ok bool) {
	if m == nil || m.n != 1 || m.log != nil {
		return "", Value{}, false
	}
	return *m.keys, *m.vals, true
}

// Get returns the value of key.
func (m *Map) Get(key string) (Value, bool) {
	if m == nil {
		return Value{}, false
	}
	if m.log != nil {
		return m.log.get(m.n, key)
	}
	if m.root != nil {
		return m.root.get(key)
	}
	keys, vals := m.flatKeys(), m.flatVals()
	if len(keys) <= 8 {
		for i, k := range keys {
			if k == key {
				return vals[i], true
			}
		}
		return Value{}, false
	}
	if i, ok := slices.BinarySearch(keys, key); ok {
		return vals[i], true
	}
	return Value{}, false
}

func (t *mapNode) get(key string) (Value, bool) {
	for t = t.near(); t.kids != nil; t = t.near() {
		t = t.kids[t.find(key)]
	}
	if i, ok := slices.BinarySearch(t.keys, key); ok {
		return t.vals[i], true
	}
	return Value{}, false
}

// some returns a value such as m's, which is not empty, has or had.
func (m *Map) some() Value {
	var t *mapNode
	switch l := m.log; {
	case l != nil:
		if v := l.at(m.n - 1).val; v != gone {
			return v
		}
		if t = (*l.marks.Load())[0].root; t.n == 0 {
			return Value{}
		}
	case m.root == nil:
		return m.flatVals()[m.n/2]
	default:
		t = m.root
	}
	for t = t.near(); t.kids != nil; t = t.near() {
		t = t.kids[len(t.kids)/2]
	}
	return t.vals[len(t.vals)/2]
}

// find returns the child of an inner node where key belongs.
func (t *mapNode) find(key string) int {
	i, ok := slices.BinarySearch(t.keys[1:], key)
	if ok {
		i++
	}
	return i
}

func inserted[T any](s []T, i int, x T) []T {
	c := make([]T, len(s)+1)
	copy(c, s[:i])
	c[i] = x
	copy(c[i+1:], s[i:])
	return c
}

func replaced[T any](s []T, i int, x T) []T {
	c := make([]T, len(s))
	copy(c, s)
	c[i] = x
	return c
}

func removed[T any](s []T, i int) []T {
	c := make([]T, len(s)-1)
	copy(c, s[:i])
	copy(c[i:], s[i+1:])
	return c
}

// Insert returns m with v as the value of key.
func (m *Map) Insert(key string, v Value) *Map {
	v = held(v)
	if m == nil || m.log != nil || m.root != nil || m.n == 0 {
		if m.Len() == 0 {
			return Tagged(key, v).Map()
		}
		return m.put(key, v)
	}
	keys, vals := m.flatKeys(), m.flatVals()
	i, ok := slices.BinarySearch(keys, key)
	switch {
	case ok:
		return MapSorted(keys, replaced(vals, i, v))
	case len(keys) < maxFlat:
		return MapSorted(inserted(keys, i, key), inserted(vals, i, v))
	}
	return mapOver(&mapNode{n: len(keys), keys: keys, vals: vals}).put(key, v)
}

// Remove returns m without key.
func (m *Map) Remove(key string) *Map {
	if _, ok := m.Get(key); !ok {
		if m == nil {
			return EmptyMap
		}
		return m
	}
	if m.log != nil || m.root != nil {
		return m.put(key, gone)
	}
	keys, vals := m.flatKeys(), m.flatVals()
	i, _ := slices.BinarySearch(keys, key)
	return MapSorted(removed(keys, i), removed(vals, i))
}

// with returns t with changes, to distinct keys in ascending order. Some entry must be left.
func (t *mapNode) with(cs []change) *mapNode {
	if len(cs) == 0 {
		return t
	}
	nodes := t.changed(cs)
	for len(nodes) > 1 {
		nodes = inners(nodes)
	}
	t = nodes[0]
	for len(t.kids) == 1 { // a far one has none
		t = t.kids[0]
	}
	return t
}

// changed returns t with changes as nodes of t's height, none if nothing is left.
func (t *mapNode) changed(cs []change) []*mapNode {
	t = t.near()
	if t.kids == nil {
		return t.changedLeaf(cs)
	}
	kids := make([]*mapNode, 0, len(t.kids)+2)
	i := 0
	for len(cs) > 0 {
		j := t.find(cs[0].key)
		kids = append(kids, t.kids[i:j]...)
		n := len(cs)
		if j+1 < len(t.kids) {
			n, _ = slices.BinarySearchFunc(cs, t.keys[j+1], func(c change, key string) int { return strings.Compare(c.key, key) })
		}
		for _, k := range t.kids[j].changed(cs[:n]) {
			kids = joined(kids, k)
		}
		cs, i = cs[n:], j+1
		if i < len(t.kids) && (len(cs) == 0 || t.find(cs[0].key) > i) {
			kids = joined(kids, t.kids[i])
			i++
		}
	}
	return inners(append(kids, t.kids[i:]...))
}

// joined appends t to nodes of its height, or joins it with the last of them if both fit well into one.
func joined(nodes []*mapNode, t *mapNode) []*mapNode {
	if n := len(nodes); n > 0 {
		if a := nodes[n-1]; a.far == nil && t.far == nil && len(a.keys)+len(t.keys) <= maxLeaf*3/4 {
			if t.kids != nil {
				nodes[n-1] = mapInner(slices.Concat(a.kids, t.kids))
			} else {
				nodes[n-1] = &mapNode{n: a.n + t.n, keys: slices.Concat(a.keys, t.keys), vals: slices.Concat(a.vals, t.vals)}
			}
			return nodes
		}
	}
	return append(nodes, t)
}

func (t *mapNode) changedLeaf(cs []change) []*mapNode {
	keys, vals := make([]string, 0, len(t.keys)+len(cs)), make([]Value, 0, len(t.keys)+len(cs))
	i, same := 0, true
	for _, c := range cs {
		for i < len(t.keys) && t.keys[i] < c.key {
			keys, vals = append(keys, t.keys[i]), append(vals, t.vals[i])
			i++
		}
		there := i < len(t.keys) && t.keys[i] == c.key
		if there {
			i++
		}
		if c.val != gone {
			keys, vals = append(keys, c.key), append(vals, c.val)
		}
		same = same && there && c.val != gone
	}
	keys, vals = append(keys, t.keys[i:]...), append(vals, t.vals[i:]...)
	if same {
		keys = t.keys
	}
	return leaves(keys, vals)
}

// flatten returns the entries as two slices, which may be m's own.
func (m *Map) flatten() ([]string, []Value) {
	if m == nil {
		return nil, nil
	}
	t := m.tree()
	if t == nil {
		return m.flatKeys(), m.flatVals()
	}
	keys, vals := make([]string, 0, t.n), make([]Value, 0, t.n)
	t.runs(func(_ *ident, k []string, v []Value) bool {
		keys, vals = append(keys, k...), append(vals, v...)
		return true
	})
	return keys, vals
}

// Merge returns the entries of m and o; where both have a key, o's value.
func (m *Map) Merge(o *Map) *Map {
	n, k := m.Len(), o.Len()
	switch {
	case k == 0:
		if m == nil {
			return EmptyMap
		}
		return m
	case n == 0:
		return o
	case k*8 <= n && n > maxFlat:
		o.Each(func(key string, v Value) bool { m = m.Insert(key, v); return true })
		return m
	case n*8 <= k && k > maxFlat:
		all := o
		m.Each(func(key string, v Value) bool {
			if _, ok := o.Get(key); !ok {
				all = all.Insert(key, v)
			}
			return true
		})
		return all
	}
	ak, av := m.flatten()
	bk, bv := o.flatten()
	keys, vals := make([]string, 0, n+k), make([]Value, 0, n+k)
	i, j := 0, 0
	for i < n && j < k {
		c := strings.Compare(ak[i], bk[j])
		if c < 0 {
			keys, vals = append(keys, ak[i]), append(vals, av[i])
			i++
			continue
		}
		keys, vals = append(keys, bk[j]), append(vals, bv[j])
		j++
		if c == 0 {
			i++
		}
	}
	keys, vals = append(append(keys, ak[i:]...), bk[j:]...), append(append(vals, av[i:]...), bv[j:]...)
	if len(keys) == n {
		keys = ak // only values changed
	}
	return MapSorted(keys, vals)
}

// runs calls f for parts of m in order until it answers false.
func (m *Map) runs(f func(id *ident, keys []string, vals []Value) bool) bool {
	if m == nil {
		return true
	}
	if t := m.tree(); t != nil {
		return t.runs(f)
	}
	return m.n == 0 || f(nil, m.flatKeys(), m.flatVals())
}

func (t *mapNode) runs(f func(id *ident, keys []string, vals []Value) bool) bool {
	t = t.near()
	if t.kids == nil {
		return f(&t.ident, t.keys, t.vals)
	}
	for _, k := range t.kids {
		if !k.runs(f) {
			return false
		}
	}
	return true
}

// Each calls f for the entries in the bytewise order of their keys until it answers false.
func (m *Map) Each(f func(key string, v Value) bool) {
	m.runs(func(_ *ident, keys []string, vals []Value) bool {
		for i, k := range keys {
			if !f(k, vals[i]) {
				return false
			}
		}
		return true
	})
}

// At returns entry i in the bytewise order of keys, 0 <= i < Len.
func (m *Map) At(i int) (key string, v Value) {
	t := m.tree()
	if t == nil {
		return m.flatKeys()[i], m.flatVals()[i]
	}
	for t = t.near(); t.kids != nil; t = t.near() {
		k := 0
		for t.kids[k].n <= i {
			i -= t.kids[k].n
			k++
		}
		t = t.kids[k]
	}
	return t.keys[i], t.vals[i]
}

// A MapBuilder makes a map from entries in any order; of entries with one key the last wins. The zero MapBuilder is ready to use.
type MapBuilder struct {
	keys     []string
	vals     []Value
	unsorted bool
}

// Set adds an entry.
func (b *MapBuilder) Set(key string, v Value) {
	if n := len(b.keys); n > 0 && key <= b.keys[n-1] {
		b.unsorted = true
	}
	b.keys = append(b.keys, key)
	b.vals = append(b.vals, held(v))
}

// SoFar returns the map of what was added, and leaves b as it is.
func (b *MapBuilder) SoFar() *Map {
	c := MapBuilder{slices.Clone(b.keys), slices.Clone(b.vals), b.unsorted}
	return c.Map()
}

// Map returns the map of what was added, and empties b.
func (b *MapBuilder) Map() *Map {
	keys, vals := b.keys, b.vals
	if b.unsorted {
		order := make([]int32, len(keys))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(i, j int32) int {
			if c := strings.Compare(keys[i], keys[j]); c != 0 {
				return c
			}
			return cmp.Compare(i, j)
		})
		k, v := make([]string, 0, len(keys)), make([]Value, 0, len(keys))
		for _, i := range order {
			if n := len(k); n > 0 && k[n-1] == keys[i] {
				v[n-1] = vals[i]
				continue
			}
			k, v = append(k, keys[i]), append(v, vals[i])
		}
		keys, vals = k, v
	}
	*b = MapBuilder{}
	return MapSorted(keys, vals)
}
