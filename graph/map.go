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
// shared by many maps; more are a B+-tree. All methods are safe for concurrent use, and take nil as the empty map.
type Map struct {
	header
	n    uint32  // entries when flat
	keys *string // ascending
	vals *Value
	root *mapNode // nil when flat
	memo memo
}

// A mapNode is a leaf (no kids) or an inner node, whose keys are its children's first keys.
type mapNode struct {
	ident
	n    int
	keys []string
	vals []Value
	kids []*mapNode
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
	parts := (len(keys) + maxLeaf - 1) / maxLeaf
	nodes := make([]*mapNode, parts)
	for i := range nodes {
		a, b := i*len(keys)/parts, (i+1)*len(keys)/parts
		nodes[i] = &mapNode{n: b - a, keys: keys[a:b:b], vals: vals[a:b:b]}
	}
	for len(nodes) > 1 {
		parts := (len(nodes) + maxInner - 1) / maxInner
		up := make([]*mapNode, parts)
		for i := range up {
			up[i] = mapInner(slices.Clone(nodes[i*len(nodes)/parts : (i+1)*len(nodes)/parts]))
		}
		nodes = up
	}
	return mapOver(nodes[0])
}

func mapOver(root *mapNode) *Map { return &Map{header: header{KindMap}, root: root} }

func mapInner(kids []*mapNode) *mapNode {
	t := &mapNode{keys: make([]string, len(kids)), kids: kids}
	for i, k := range kids {
		t.keys[i] = k.keys[0]
		t.n += k.n
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
	case m.root != nil:
		return m.root.n
	}
	return int(m.n)
}

// Only returns the entry of a map that has exactly one.
func (m *Map) Only() (key string, v Value, ok bool) {
	if m == nil || m.n != 1 {
		return "", Value{}, false
	}
	return *m.keys, *m.vals, true
}

// Get returns the value of key.
func (m *Map) Get(key string) (Value, bool) {
	if m == nil {
		return Value{}, false
	}
	keys, vals := m.flatKeys(), m.flatVals()
	if t := m.root; t != nil {
		for t.kids != nil {
			t = t.kids[t.find(key)]
		}
		keys, vals = t.keys, t.vals
	} else if len(keys) <= 8 {
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
	if m.Len() == 0 {
		return Tagged(key, v).Map()
	}
	if m.root == nil {
		keys, vals := m.flatKeys(), m.flatVals()
		i, ok := slices.BinarySearch(keys, key)
		if ok {
			return MapSorted(keys, replaced(vals, i, v))
		}
		return MapSorted(inserted(keys, i, key), inserted(vals, i, v))
	}
	a, b := m.root.insert(key, v)
	if b != nil {
		a = mapInner([]*mapNode{a, b})
	}
	return mapOver(a)
}

// insert returns t with v at key, in one node or two.
func (t *mapNode) insert(key string, v Value) (*mapNode, *mapNode) {
	if t.kids == nil {
		i, ok := slices.BinarySearch(t.keys, key)
		if ok {
			return &mapNode{n: t.n, keys: t.keys, vals: replaced(t.vals, i, v)}, nil
		}
		keys, vals := inserted(t.keys, i, key), inserted(t.vals, i, v)
		if len(keys) <= maxLeaf {
			return &mapNode{n: t.n + 1, keys: keys, vals: vals}, nil
		}
		h := len(keys) / 2
		if i == len(keys)-1 { // keys that come in order leave full leaves behind
			h = maxLeaf - 2
		}
		return &mapNode{n: h, keys: keys[:h:h], vals: vals[:h:h]},
			&mapNode{n: len(keys) - h, keys: slices.Clone(keys[h:]), vals: slices.Clone(vals[h:])}
	}
	i := t.find(key)
	a, b := t.kids[i].insert(key, v)
	if b == nil {
		c := &mapNode{n: t.n - t.kids[i].n + a.n, keys: t.keys, kids: replaced(t.kids, i, a)}
		if a.keys[0] != t.keys[i] {
			c.keys = replaced(t.keys, i, a.keys[0])
		}
		return c, nil
	}
	kids := inserted(t.kids, i, a)
	kids[i+1] = b
	if len(kids) <= maxInner {
		return mapInner(kids), nil
	}
	h := len(kids) / 2
	return mapInner(kids[:h:h]), mapInner(kids[h:])
}

// Remove returns m without key.
func (m *Map) Remove(key string) *Map {
	if _, ok := m.Get(key); !ok {
		if m == nil {
			return EmptyMap
		}
		return m
	}
	if m.root == nil {
		keys, vals := m.flatKeys(), m.flatVals()
		i, _ := slices.BinarySearch(keys, key)
		return MapSorted(removed(keys, i), removed(vals, i))
	}
	root := m.root.remove(key)
	for len(root.kids) == 1 {
		root = root.kids[0]
	}
	if root.n <= minFlat {
		t := mapOver(root)
		keys, vals := t.flatten()
		return MapSorted(keys, vals)
	}
	return mapOver(root)
}

// remove returns t without key, which it has; nil when nothing is left.
func (t *mapNode) remove(key string) *mapNode {
	if t.kids == nil {
		if t.n == 1 {
			return nil
		}
		i, _ := slices.BinarySearch(t.keys, key)
		return &mapNode{n: t.n - 1, keys: removed(t.keys, i), vals: removed(t.vals, i)}
	}
	i := t.find(key)
	kid := t.kids[i].remove(key)
	if kid == nil {
		if len(t.kids) == 1 {
			return nil
		}
		return mapInner(removed(t.kids, i))
	}
	j := i // merge with a neighbour when both fit into one node
	if i+1 < len(t.kids) {
		j = i + 1
	} else if i > 0 {
		j = i - 1
	}
	kids := replaced(t.kids, i, kid)
	if a, b := kids[min(i, j)], kids[max(i, j)]; i != j && a.width()+b.width() <= maxLeaf*3/4 {
		c := mapInnerOrLeaf(a, b)
		kids = removed(kids, max(i, j))
		kids[min(i, j)] = c
	}
	return mapInner(kids)
}

func (t *mapNode) width() int { return len(t.keys) }

// mapInnerOrLeaf returns neighbours of one height as one node.
func mapInnerOrLeaf(a, b *mapNode) *mapNode {
	if a.kids != nil {
		return mapInner(slices.Concat(a.kids, b.kids))
	}
	return &mapNode{n: a.n + b.n, keys: slices.Concat(a.keys, b.keys), vals: slices.Concat(a.vals, b.vals)}
}

// flatten returns the entries as two slices, which may be m's own.
func (m *Map) flatten() ([]string, []Value) {
	if m == nil {
		return nil, nil
	}
	if m.root == nil {
		return m.flatKeys(), m.flatVals()
	}
	keys, vals := make([]string, 0, m.root.n), make([]Value, 0, m.root.n)
	m.runs(func(_ *ident, k []string, v []Value) bool {
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
	switch {
	case m == nil || m.root == nil && m.n == 0:
		return true
	case m.root == nil:
		return f(nil, m.flatKeys(), m.flatVals())
	}
	return m.root.runs(f)
}

func (t *mapNode) runs(f func(id *ident, keys []string, vals []Value) bool) bool {
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
	if m.root == nil {
		return m.flatKeys()[i], m.flatVals()[i]
	}
	t := m.root
	for t.kids != nil {
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
