// This file reads the trees that long lists, maps, texts and bytes stand in, and refuses those that are not canonical.

package graph

import (
	"errors"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

type nodeKey struct {
	c      cid.Cid
	kind   Kind
	height int
}

// A subtree is the content of a node of a tree. It is not changed once it is made.
type subtree struct {
	height  int
	count   int64
	size    int // of the leaves' entries
	entries int // of the node
	list    *List
	keys    []string
	vals    []Value
	strs    []string // text and bytes
	edges   []edge   // by height, leaves first
}

// An edge says how the nodes of one height in a subtree begin and end.
type edge struct {
	first   int  // size of the first entry
	size    int  // of the last node's entries
	entries int  // of the last node
	closed  bool // whether the last node's end is a cut by content
}

// node reads a node of a tree.
func (d *decoder) node(r *codec.Reader, c cid.Cid, k Kind, height int) (bool, error) {
	key := nodeKey{c, k, height}
	if s, ok := d.nodes[key]; ok {
		if s == nil {
			return true, inBlock(c, errors.New(RuleCycle))
		}
		d.sub = s
		return true, nil
	}
	r, err := d.fetch(r, c)
	if err != nil {
		return true, err
	}
	if d.nodes == nil {
		d.nodes = map[nodeKey]*subtree{}
	}
	d.nodes[key] = nil
	if height == 0 && (k == KindText || k == KindBytes) {
		if err := d.stringLeaf(r, key); err != nil {
			return true, inBlock(c, err)
		}
		return true, nil
	}
	n, err := r.Array()
	if err == nil && n == 0 {
		err = &codec.Error{Offset: 0, Rule: RuleTreeNode}
	}
	if err != nil {
		return true, inBlock(c, err)
	}
	f := decodeFrame{r: r, kind: decodeLeaf, level: 1, n: n, node: &nodeFrame{block: c, tree: k, height: height}}
	if height > 0 {
		f.kind = decodeInner
		f.node.sub = &subtree{height: height}
	} else {
		f.vals = make([]Value, 0, n)
		if k == KindMap {
			f.level = 2
			f.keys = make([]string, 0, n)
		}
	}
	return d.push(f)
}

// inner reads an entry of an inner node, then the node that it links to.
func (d *decoder) inner(f *decodeFrame) (bool, error) {
	_, c, err := f.child()
	if err != nil {
		return true, inBlock(f.node.block, err)
	}
	return d.node(f.r, c, f.node.tree, f.node.height-1)
}

// child reads an entry of an inner node: its first key, in a map's, and the CID of the child, whose count is then node's.
func (f *decodeFrame) child() (first string, c cid.Cid, err error) {
	r := f.r
	f.start = r.Offset()
	fields := 2
	if f.node.tree == KindMap {
		fields = 3
	}
	n, err := r.Array()
	if err == nil && n != fields {
		err = &codec.Error{Offset: f.start, Rule: RuleTreeNode}
	}
	if err == nil && fields == 3 {
		first, err = r.Text()
		f.keys = append(f.keys[:0], first)
	}
	if err == nil {
		f.node.count, _, err = r.Int()
	}
	if err == nil {
		c, err = r.Link()
	}
	if err == nil {
		err = f.entry(r.Raw(f.start))
	}
	return first, c, err
}

// joined puts the child that was just read to what f has.
func (d *decoder) joined(f *decodeFrame) error {
	s, kid := f.node.sub, d.sub
	bad := ""
	switch {
	case kid.count != f.node.count || s.count+kid.count > maxRepeat+64*d.loaded:
		bad = RuleTreeCount
	case f.node.tree == KindMap && (kid.keys[0] != f.keys[0] || len(s.keys) > 0 && s.keys[len(s.keys)-1] >= f.keys[0]):
		bad = RuleTreeCount
	case s.edges != nil && !joinEdges(f.node.tree, s.edges, kid.edges):
		bad = RuleTreeCut
	}
	if bad != "" {
		return inBlock(f.node.block, &codec.Error{Offset: f.start, Rule: bad})
	}
	if s.edges == nil {
		s.edges = slices.Clone(kid.edges)
	}
	s.count += kid.count
	s.size += kid.size
	switch f.node.tree {
	case KindList:
		s.list = s.list.Concat(kid.list)
	case KindMap:
		s.keys, s.vals = append(s.keys, kid.keys...), append(s.vals, kid.vals...)
	default:
		s.strs = append(s.strs, kid.strs...)
	}
	return nil
}

// joinEdges makes a the edges of a and b together. It returns false if they cannot be neighbours.
func joinEdges(k Kind, a, b []edge) bool {
	for h := range a {
		limit, least := maxBytes, 1
		if h > 0 {
			least = minBranch
		} else if k == KindText || k == KindBytes {
			limit = maxNode
		}
		if !a[h].closed && (a[h].size+b[h].first <= limit || a[h].entries < least) {
			return false
		}
		a[h].size, a[h].entries, a[h].closed = b[h].size, b[h].entries, b[h].closed
	}
	return true
}

// nodeDone makes the subtree of a node.
func (d *decoder) nodeDone(f *decodeFrame) error {
	s := f.node.sub
	if f.kind == decodeLeaf {
		s = &subtree{count: int64(len(f.vals)), size: f.node.edge.size}
		if f.node.tree == KindList {
			s.list = ListOf(f.vals)
		} else {
			s.keys, s.vals = f.keys, f.vals
		}
	}
	s.entries = f.node.edge.entries
	s.edges = append(s.edges, f.node.edge)
	d.nodes[nodeKey{f.node.block, f.node.tree, f.node.height}] = s
	d.sub = s
	return nil
}

// stringLeaf reads a leaf of a text or bytes.
func (d *decoder) stringLeaf(r *codec.Reader, key nodeKey) error {
	var s string
	var err error
	first := 1
	if key.kind == KindText {
		s, err = r.Text()
		for first < len(s) && s[first]&0xc0 == 0x80 {
			first++
		}
	} else {
		var b []byte
		b, err = r.Bytes()
		s = string(b)
	}
	if err == nil {
		err = r.Done()
	}
	if err == nil && (s == "" || cutString(s, key.kind == KindText) != len(s)) {
		err = &codec.Error{Offset: 0, Rule: RuleTreeCut}
	}
	if err != nil {
		return err
	}
	closed := false
	if len(s) >= minNode {
		var h uint64
		for i := len(s) - 64; i < len(s); i++ {
			h = h<<1 + gear[s[i]]
		}
		closed = h>>50 == 0
	}
	sub := &subtree{count: int64(len(s)), size: len(s), entries: 1, strs: []string{s},
		edges: []edge{{first: first, size: len(s), entries: 1, closed: closed}}}
	d.nodes[key] = sub
	d.sub = sub
	return nil
}

// maxCount bounds the count of a tree: how many elements of a kind there can be in memory.
func maxCount(k Kind) int64 {
	if k == KindBytes || k == KindText {
		return math.MaxInt
	}
	return math.MaxInt32
}

// treeDone makes the value of a tree.
func (d *decoder) treeDone(f *decodeFrame) error {
	s := f.node.sub
	head, total := codec.HeadLen(uint64(s.count)), s.size
	if f.node.tree == KindMap {
		head -= int(s.count)
	}
	d.spent += s.count
	if f.node.tree == KindMap {
		d.spent += s.count * 31 // its arrays are not shared
	}
	rule := ""
	switch {
	case s.count != f.node.count:
		rule = RuleTreeCount
	case head+total <= maxFlatly:
		rule = RuleNoTree
	case f.node.height > 0 && s.entries < 2:
		rule = RuleTreeCut
	case d.spent > maxRepeat+64*d.loaded || s.count > maxCount(f.node.tree):
		rule = RuleRepeats
	}
	if rule != "" {
		return &codec.Error{Offset: f.start, Rule: rule}
	}
	d.depth = 3
	switch f.node.tree {
	case KindList:
		d.val = ListValue(s.list)
	case KindMap:
		d.val = MapValue(MapSorted(s.keys, s.vals))
	case KindText:
		d.val = Text(strings.Join(s.strs, ""))
	default:
		str := strings.Join(s.strs, "")
		d.val = BytesValue(unsafe.Slice(unsafe.StringData(str), len(str)))
	}
	return nil
}
