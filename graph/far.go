// This file holds large lists, maps and bytes of which only what was looked at is in memory.

package graph

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// # How is a list of ten million records a value like any other?
//
// A list or map (bytes are simpler) that stands in more than one leaf is decoded as a tree with one far node, which knows how many elements it has and the
// block that they are in. Whoever goes through a node reads its block, one level, and finds far nodes there or elements; the tree's
// functions do not know otherwise. What was read is held weakly, and the last few nodes in any case: so a program that goes through all
// holds a few. A leaf that nothing has changed is laid out again as what it was, unread (chunk.go).
//
// Each block is checked when it is read: its form, its cuts, and that its counts and keys are what the nodes over it say. That
// the last cut of one node fits to the first of the next is not, but for what can be told from its size: else a few blocks could be a list of
// a billion leaves.

// Far says how the large values of what is decoded are kept: as blocks that Load has, which is to have them as long as the values live. If
// Writer is not nil, its Sink has the blocks of all those values too.
type Far struct {
	Load   Loader
	Writer *Writer
	Afford func(bytes int64) error // asked before so much is read at once; nil: there is room
}

// A LoadError is what a list or map panics with when a block of it cannot be read.
type LoadError struct {
	CID cid.Cid
	Err error
}

func (e *LoadError) Error() string {
	name, text := "block "+e.CID.String()+": ", e.Err.Error()
	if gone := (*NotFoundError)(nil); errors.As(e.Err, &gone) && gone.CID == e.CID {
		return text
	}
	return name + strings.TrimPrefix(text, name)
}

func (e *LoadError) Unwrap() error { return e.Err }

// CatchLoad, deferred, makes the panic of a LoadError the error of a function.
func CatchLoad(err *error) {
	switch x := recover().(type) {
	case nil:
	case *LoadError:
		*err = x
	default:
		panic(x)
	}
}

// A farTree is what the far nodes of one tree have in common.
type farTree struct {
	Far
	kind  Kind
	count int64
}

// A far is a node of a tree of blocks.
type far struct {
	tree   *farTree
	block  cid.Cid
	height int   // 0: a leaf
	at     int64 // elements of the tree before it
	count  int64
	end    string // maps: the first key after it, "" if there is none
	list   atomic.Pointer[weak.Pointer[node]]
	fields atomic.Pointer[weak.Pointer[mapNode]]
	made   *made // nil; else there is no block (part.go)
}

// recent keeps the nodes alive that were read last.
var recent struct {
	sync.Mutex
	nodes [32]any
	next  int
}

func keepRecent(n any) {
	recent.Lock()
	recent.nodes[recent.next] = n
	recent.next = (recent.next + 1) % len(recent.nodes)
	recent.Unlock()
}

// newFar returns a far node over a tree of blocks.
func newFar(f *Far, k Kind, height int, count int64, root cid.Cid) *far {
	return &far{tree: &farTree{*f, k, count}, block: root, height: height, count: count}
}

func listNode(f *far) *node { return &node{n: int(f.count), height: f.height + 1, far: f} }

func fieldsNode(f *far, first string) *mapNode {
	return &mapNode{n: int(f.count), keys: []string{first}, far: f}
}

// near returns t, or what t stands for if that is far. A leaf of blocks is a node of height 1 over arrays.
func (t *node) near() *node {
	if t.far == nil {
		return t
	}
	f := t.far
	if w := f.list.Load(); w != nil {
		if n := w.Value(); n != nil {
			return n
		}
	}
	var kids []*node
	if f.made != nil {
		n, held := f.nodes()
		if held {
			return n
		}
		return f.read(n)
	}
	if f.height > 0 {
		for _, k := range f.kids() {
			kids = append(kids, listNode(k.far))
		}
	} else {
		s := f.leaf()
		s.list.runs(func(r run) bool {
			kids = append(kids, leafOf(r))
			return true
		})
		first := kids[0].leaf
		f.remember(&first.buf.ident, s, func(yield func(span) bool) {
			for _, k := range kids {
				if !yield(span{k.leaf.buf.number(), int32(k.leaf.offset()), int32(k.leaf.n)}) {
					return
				}
			}
		})
	}
	return f.read(inner(kids))
}

// read returns n, which f stands for, and remembers it for a while.
func (f *far) read(n *node) *node {
	w := weak.Make(n)
	f.list.Store(&w)
	keepRecent(n)
	return n
}

// near is as node's.
func (t *mapNode) near() *mapNode {
	if t.far == nil {
		return t
	}
	f := t.far
	if w := f.fields.Load(); w != nil {
		if n := w.Value(); n != nil {
			return n
		}
	}
	var n *mapNode
	held := false
	if f.made != nil {
		n, held = f.fieldNode()
	} else if f.height > 0 {
		var kids []*mapNode
		for _, k := range f.kids() {
			kids = append(kids, fieldsNode(k.far, k.first))
		}
		n = mapInner(kids)
	} else {
		s := f.leaf()
		n = &mapNode{n: len(s.keys), keys: s.keys, vals: s.vals}
		f.remember(&n.ident, s, func(yield func(span) bool) { yield(span{n.number(), 0, int32(n.n)}) })
	}
	switch {
	case n.keys[0] != t.keys[0]:
		f.fail(&codec.Error{Rule: RuleTreeCount})
	case held:
		return n
	}
	w := weak.Make(n)
	f.fields.Store(&w)
	keepRecent(n)
	return n
}

// remember has the array that begins a leaf remember it, if nothing but its elements decides where it ends.
func (f *far) remember(begin *ident, s *subtree, spans iter.Seq[span]) {
	if s.edges[0].closed {
		m := leafMemo{count: int(s.count), size: s.size, node: f.block, spans: slices.Collect(spans)}
		if f.tree.Writer != nil {
			m.mark = f.tree.Writer.loaded
		}
		begin.remember(m)
	}
}

func (f *far) fail(err error) { panic(&LoadError{f.block, err}) }

// leaf reads the elements of a leaf.
func (f *far) leaf() *subtree {
	d := decoder{load: f.tree.Load, far: &f.tree.Far}
	done, err := d.node(codec.NewReader(nil, true), f.block, f.tree.kind, 0)
	if err == nil {
		_, err = d.run(done, err)
	}
	switch {
	case err != nil:
	case d.sub.count != f.count || f.end != "" && d.sub.keys[len(d.sub.keys)-1] >= f.end:
		err = &codec.Error{Rule: RuleTreeCount}
	case f.tooShort(&d.sub.edges[0]):
		err = &codec.Error{Rule: RuleTreeCut}
	}
	if err != nil {
		f.fail(err)
	}
	return d.sub
}

// tooShort says whether the node, which ends as e says, would have had room for the entry that comes next, whatever that is. In a map
// that depends on a key.
func (f *far) tooShort(e *edge) bool {
	size := e.size
	switch {
	case f.at+f.count == f.tree.count:
		return f.count == f.tree.count && f.height > 0 && e.entries < minBranch // a root
	case e.closed || f.tree.kind == KindMap:
		return f.height > 0 && e.entries < minBranch
	case f.height > 0:
		size += maxListRef
	case f.tree.kind == KindList:
		size += 2 * maxInline
	default:
		return size < maxNode
	}
	return size <= maxBytes
}

const maxListRef = 64 // bytes of an entry of an inner node of a list or bytes, or more

// A farKid is a child of an inner node.
type farKid struct {
	first string // maps: its first key
	far   *far
}

// kids reads an inner node.
func (f *far) kids() []farKid {
	data, err := f.tree.Load(f.block)
	if err != nil {
		f.fail(err)
	}
	kids, err := f.readKids(codec.NewReader(data, true))
	if err != nil {
		f.fail(err)
	}
	return kids
}

func (f *far) readKids(r *codec.Reader) ([]farKid, error) {
	n, err := r.Array()
	if err != nil {
		return nil, err
	}
	node := decodeFrame{r: r, kind: decodeInner, node: &nodeFrame{block: f.block, tree: f.tree.kind, height: f.height}}
	kids, at := make([]farKid, 0, min(n, maxNode)), f.at
	for range n {
		k, c, err := node.child()
		if err != nil {
			return nil, err
		}
		count := node.node.count
		if count <= 0 || count > f.at+f.count-at || f.end != "" && k >= f.end || !isOwnCID(c) {
			return nil, &codec.Error{Offset: node.start, Rule: RuleTreeCount}
		}
		if n := len(kids); n > 0 && f.tree.kind == KindMap {
			if kids[n-1].first >= k {
				return nil, &codec.Error{Offset: node.start, Rule: RuleTreeCount}
			}
			kids[n-1].far.end = k
		}
		kids = append(kids, farKid{k, &far{tree: f.tree, block: c, height: f.height - 1, at: at, count: count, end: f.end}})
		at += count
	}
	switch {
	case at != f.at+f.count:
		return nil, &codec.Error{Rule: RuleTreeCount}
	case f.tooShort(&node.node.edge):
		return nil, &codec.Error{Rule: RuleTreeCut}
	}
	return kids, r.Done()
}

// follows says whether o is the node after f in their tree; nil is what comes after the last.
func (f *far) follows(o *far) bool {
	if o == nil {
		return f.at+f.count == f.tree.count
	}
	return f.tree == o.tree && f.at+f.count == o.at
}

// isHere says whether a Writer's Sink has the blocks of the far node's elements.
func (f *far) isHere(w *Writer) bool {
	return w.put == nil || f.tree.Writer != nil && w.given(f.tree.Writer.loaded)
}

// farBytes are bytes of which no part is in memory, or all.
type farBytes struct {
	count  int64 // as the root says, which may be a lie
	in     byteBlocks
	block  cid.Cid // the root
	afford func(bytes int64) error
	whole  atomic.Pointer[wholeBytes]
}

// wholeBytes are all of far bytes, as long as somebody has them.
type wholeBytes struct {
	first weak.Pointer[byte]
	n     int
}

// there are all bytes, if they are in memory.
func (f *farBytes) there() ([]byte, bool) {
	if w := f.whole.Load(); w != nil {
		if first := w.first.Value(); first != nil {
			return unsafe.Slice(first, w.n), true
		}
	}
	return nil, false
}

// byteBlocks is where far bytes stand: a tree of blocks, or a file of UnixFS (unixfs.go).
type byteBlocks interface {
	// appendBytes appends the bytes from a on, without b.
	appendBytes(dst []byte, a, b int64) []byte
	// all returns all bytes.
	all() []byte
}

// part returns the bytes from a on, without b.
func (f *farBytes) part(a, b int) []byte {
	if whole, ok := f.there(); ok {
		return whole[a:b:b]
	}
	if int64(b-a) > f.count/2 {
		return f.all()[a:b:b]
	}
	f.ask(int64(b - a))
	return f.in.appendBytes(make([]byte, 0, min(b-a, 1<<20)), int64(a), int64(b))
}

// ask asks for room for n bytes.
func (f *farBytes) ask(n int64) {
	if f.afford != nil {
		if err := f.afford(n); err != nil {
			panic(&LoadError{f.block, err})
		}
	}
}

// all returns all bytes.
func (f *farBytes) all() []byte {
	if whole, ok := f.there(); ok {
		return whole
	}
	f.ask(f.count)
	b := f.in.all()
	f.whole.Store(&wholeBytes{weak.Make(unsafe.SliceData(b)), len(b)})
	return b
}

// Absent is how many of v's bytes are not in memory. v is bytes.
func (v Value) Absent() int64 {
	if f := v.bytes().far; f != nil {
		if _, ok := f.there(); !ok {
			return f.count
		}
	}
	return 0
}

// bytesTree are the bytes of a tree of blocks.
type bytesTree struct {
	*far
	form []byte // of the tree
}

func (t bytesTree) all() []byte {
	v, err := DecodeValue(t.form, t.tree.Load)
	if err != nil {
		t.fail(err)
	}
	return v.Bytes()
}

// appendBytes appends what is below f of the bytes from a on, without b.
func (f *far) appendBytes(dst []byte, a, b int64) []byte {
	if a, b = max(a, f.at), min(b, f.at+f.count); a >= b {
		return dst
	}
	if f.height == 0 {
		return append(dst, f.leaf().strs[0][a-f.at:b-f.at]...)
	}
	for _, k := range f.kids() {
		dst = k.far.appendBytes(dst, a, b)
	}
	return dst
}

// isFar says whether a part of l stands in blocks.
func (l *List) isFar() bool { return l.rest != nil && l.rest.root != nil && l.rest.root.isFar() }

func (t *node) isFar() bool { return t.far != nil || slices.ContainsFunc(t.kids, (*node).isFar) }

// isFar is as List's.
func (m *Map) isFar() bool {
	t := m.tree()
	return t != nil && t.isFar()
}

func (t *mapNode) isFar() bool { return t.far != nil || slices.ContainsFunc(t.kids, (*mapNode).isFar) }

// MostlyFar says whether a list or map is one whose size in memory says little about how many elements it has: its tree begins or goes on far.
func (v Value) MostlyFar() bool {
	switch v.Kind() {
	case KindList:
		l := v.List()
		if l.rest == nil || l.rest.root == nil {
			return false
		}
		return l.rest.root.farFrom(1, 2) || l.rest.root.farFrom(1, 1)
	case KindMap:
		t := v.Map().base()
		return t != nil && (t.known || t.far != nil || slices.ContainsFunc(t.kids, func(k *mapNode) bool { return k.far != nil }))
	}
	return false
}

// farFrom says whether t is far, or something on the way down to the child a of b, or beside that way.
func (t *node) farFrom(a, b int) bool {
	for t.far == nil && t.height > 0 {
		if slices.ContainsFunc(t.kids, func(k *node) bool { return k.far != nil }) {
			return true
		}
		t = t.kids[(len(t.kids)-1)*a/b]
	}
	return t.far != nil
}

const farSize = 1 << 12 // bytes that a value takes which is mostly far, and the work to lay it out
