// This file cuts what is long into the nodes of its tree, and remembers a list's or map's cuts where the elements are.

package graph

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/cespare/xxhash/v2"
	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// # How is only what is new hashed?
//
// A leaf of the tree of blocks depends on nothing before it: cutting begins anew at each cut. So an array in memory
// remembers the leaves that begin in it: the arrays that the leaf spans, by identity, and its CID. When a list that shares
// arrays with one hashed before comes to such a place and has the same arrays there, the leaf is skipped unread. A change
// makes new arrays where it is, and cuts fall into the old places soon after it.

// An ident is the identity of an array of elements, whose slots never change.
type ident struct {
	id     atomic.Uint64 // 0: none yet
	leaves atomic.Pointer[[]leafMemo]
}

var lastIdent atomic.Uint64

func (d *ident) number() uint64 {
	if n := d.id.Load(); n != 0 {
		return n
	}
	d.id.CompareAndSwap(0, lastIdent.Add(1))
	return d.id.Load()
}

// A span is n elements of an array.
type span struct {
	id     uint64
	off, n int32
}

// A leafMemo is a leaf of a tree of blocks that begins in an array, at slot off.
type leafMemo struct {
	off   int32
	final bool // ends with the list
	count int
	size  int    // of its entries
	spans []span // the elements, and the next when the cut depends on it
	node  cid.Cid
	mark  *int64
}

const maxLeafMemos = 6 // in an array of at most 64 elements; more would need elements of more than 1 KiB

// remember adds m to the leaves known to begin in d. Of two at the same time one may be lost.
func (d *ident) remember(m leafMemo) {
	var kept []leafMemo
	if old := d.leaves.Load(); old != nil {
		for _, o := range *old {
			if o.off != m.off {
				kept = append(kept, o)
			}
		}
		if len(kept) >= maxLeafMemos {
			kept = kept[1:]
		}
	}
	kept = append(kept, m)
	d.leaves.Store(&kept)
}

func (d *ident) known(off int32) *leafMemo {
	if ms := d.leaves.Load(); ms != nil {
		for i := range *ms {
			if (*ms)[i].off == off {
				return &(*ms)[i]
			}
		}
	}
	return nil
}

// A seg is an array in the order of a list or map.
type seg struct {
	id     *ident // nil: none
	off, n int32
	keys   *string // maps
	vals   *Value
	far    *far // nil; else a leaf of blocks, which is not read, and no vals; of a map, its first key
}

func (s *seg) val(i int) Value  { return unsafe.Slice(s.vals, s.n)[i] }
func (s *seg) key(i int) string { return unsafe.Slice(s.keys, s.n)[i] }

// A treeFrame is the state of cutting.
type treeFrame struct {
	segs   []seg
	seg, i int // the next element
	isMap  bool
	// The leaf in progress:
	fromSeg, from int
	count         int
	known         *leafMemo // its CID, when only its blocks are wanted
	first         string    // its first key
	refs          []ref
	total         int    // bytes of all entries, but for those of unread
	unread        []*far // leaves of blocks in refs
	held          int    // bytes, about, of leaves of blocks that were read and not told to the writer
}

// treeOfList returns the list's arrays, and its leaves of blocks, where w's sink has them.
func treeOfList(w *Writer, l *List) *treeFrame {
	t := &treeFrame{segs: make([]seg, 0, min(l.Len()/maxRun*9/8+2, 1<<16))}
	if l == nil {
		return t
	}
	if l.n > 0 {
		t.run(l.front())
	}
	if r := l.rest; r != nil {
		if r.root != nil {
			t.node(w, r.root)
		}
		if r.back.n > 0 {
			t.run(r.back)
		}
	}
	return t
}

func (t *treeFrame) run(r run) { t.segs = append(t.segs, runSeg(r)) }

func runSeg(r run) seg {
	s := seg{n: int32(r.n), vals: r.items}
	if r.buf != nil {
		s.id, s.off = &r.buf.ident, int32(r.offset())
	}
	return s
}

func (t *treeFrame) node(w *Writer, n *node) {
	switch {
	case n.height == 0:
		t.add(w, runSeg(n.leaf))
	case n.far != nil && n.far.height == 0 && n.far.isHere(w):
		t.add(w, seg{n: int32(n.n), far: n.far})
	default:
		t.reading(w, n.far, n.n)
		for _, k := range n.near().kids {
			t.node(w, k)
		}
	}
}

// reading says that the elements of a leaf of blocks, if f is one, are about to be read and held.
func (t *treeFrame) reading(w *Writer, f *far, elements int) {
	if f == nil || f.height > 0 || w.reserve == nil {
		return
	}
	const element = 128 // bytes, about
	if t.held += elements * element; t.held >= 1<<20 {
		w.reserve(int64(t.held))
		t.held = 0
	}
}

// add appends a leaf. Of those a list can have many more than there are.
func (t *treeFrame) add(w *Writer, s seg) {
	if n := len(t.segs); n == cap(t.segs) && n >= 1<<10 && w.reserve != nil {
		w.reserve(int64(n+n/4) * int64(unsafe.Sizeof(s)+unsafe.Sizeof(ref{})))
	}
	t.segs = append(t.segs, s)
}

// treeOfMap is as treeOfList.
func treeOfMap(w *Writer, m *Map) *treeFrame {
	t := &treeFrame{segs: make([]seg, 0, min(m.Len()/maxLeaf*3/2+2, 1<<16)), isMap: true}
	if n := m.tree(); n != nil {
		t.fields(w, n)
	} else if m.Len() > 0 {
		t.segs = append(t.segs, seg{n: int32(m.n), keys: m.keys, vals: m.vals})
	}
	return t
}

func (t *treeFrame) fields(w *Writer, n *mapNode) {
	if n.far != nil && n.far.height == 0 && n.far.isHere(w) {
		t.add(w, seg{n: int32(n.n), far: n.far, keys: &n.keys[0]})
		return
	}
	t.reading(w, n.far, n.n)
	if n = n.near(); n.kids == nil {
		t.segs = append(t.segs, fieldsSeg(n))
	}
	for _, k := range n.kids {
		t.fields(w, k)
	}
}

func fieldsSeg(n *mapNode) seg {
	return seg{id: &n.ident, n: int32(n.n), keys: &n.keys[0], vals: &n.vals[0]}
}

// read reads the leaf of blocks that comes next, if that is one.
func (t *treeFrame) read() {
	f := t.segs[t.seg].far
	if f == nil {
		return
	}
	var segs []seg
	if t.isMap {
		segs = append(segs, fieldsSeg(fieldsNode(f, *t.segs[t.seg].keys).near()))
	} else {
		for _, k := range listNode(f).near().kids {
			segs = append(segs, runSeg(k.leaf))
		}
	}
	t.segs = slices.Replace(t.segs, t.seg, t.seg+1, segs...)
}

// skipFar, where a leaf begins, skips the leaf of blocks that comes next if it is one of this tree too. Otherwise it reads it.
func (t *treeFrame) skipFar() bool {
	f, next := t.segs[t.seg].far, (*far)(nil)
	last := t.seg+1 == len(t.segs)
	if !last {
		next = t.segs[t.seg+1].far
	}
	if t.i > 0 || !last && next == nil || !f.follows(next) {
		t.read()
		return false
	}
	t.refs = append(t.refs, ref{t.first, f.count, f.block})
	t.unread = append(t.unread, f)
	t.advance(int(f.count))
	return true
}

// flatly says whether the tree, whose entries have head bytes before them when they are none, is too small to be one.
func (t *treeFrame) flatly(head int) bool {
	size := head + t.total
	for _, f := range t.unread {
		if size > maxFlatly {
			break
		}
		data, err := f.tree.Load(f.block)
		if err != nil {
			f.fail(err)
		}
		size += len(data) - codec.HeadLen(uint64(f.count))
	}
	return size <= maxFlatly
}

// hasChunks guesses whether l is as large as a list hashed before was.
func hasChunks(l *List) bool {
	n, found := 0, false
	l.runs(func(r run) bool {
		n++
		found = r.buf != nil && r.buf.leaves.Load() != nil
		return !found && n < 4
	})
	return found
}

func hasChunkMemos(m *Map) bool {
	n, found := 0, false
	m.runs(func(id *ident, _ []string, _ []Value) bool {
		n++
		found = id != nil && id.leaves.Load() != nil
		return !found && n < 4
	})
	return found
}

func (t *treeFrame) end() bool { return t.seg == len(t.segs) }

// advance goes n elements on.
func (t *treeFrame) advance(n int) {
	t.i += n
	for t.seg < len(t.segs) && t.i >= int(t.segs[t.seg].n) {
		t.i -= int(t.segs[t.seg].n)
		t.seg++
	}
}

// spansFrom returns the spans of n elements from where the leaf in progress begins, nil when one has no identity.
func (t *treeFrame) spansFrom(n int) []span {
	s, i := t.fromSeg, t.from
	var spans []span
	for n > 0 {
		g := &t.segs[s]
		if g.id == nil {
			return nil
		}
		k := min(n, int(g.n)-i)
		spans = append(spans, span{g.id.number(), g.off + int32(i), int32(k)})
		n -= k
		s, i = s+1, 0
	}
	return slices.Clip(spans)
}

// matches says whether the elements from here on are those of m.
func (t *treeFrame) matches(m *leafMemo) bool {
	s, i := t.seg, t.i
	for j, p := range m.spans {
		if s == len(t.segs) {
			return false
		}
		g := &t.segs[s]
		have := int(g.n) - i
		if g.id == nil || g.id.id.Load() != p.id || g.off+int32(i) != p.off || have < int(p.n) {
			return false
		}
		if have > int(p.n) {
			if j < len(m.spans)-1 || m.final {
				return false
			}
		}
		s, i = s+1, 0
	}
	return !m.final || s == len(t.segs)
}

// skipChunks, where a leaf begins, skips those that are known. It returns true at the end.
func (e *encoder) skipChunks(f *frame) bool {
	t := f.tree
	for t.count == 0 && !t.end() {
		t.fromSeg, t.from, t.known = t.seg, t.i, nil
		g := &t.segs[t.seg]
		if g.far != nil {
			if t.isMap {
				t.first = *g.keys
			}
			if t.skipFar() {
				continue
			}
			g = &t.segs[t.seg]
		}
		if t.isMap {
			t.first = g.key(t.i)
		}
		if g.id == nil {
			return false
		}
		m := g.id.known(g.off + int32(t.i))
		if m == nil || !t.matches(m) {
			return false
		}
		if !e.w.given(m.mark) {
			t.known = m
			return false
		}
		t.refs = append(t.refs, ref{t.first, int64(m.count), m.node})
		t.total += m.size
		t.advance(m.count)
	}
	return t.end()
}

// entry takes note of the entry that was just encoded.
func (e *encoder) entry(f *frame) {
	t := f.tree
	z := len(e.buf) - f.entry
	if endsBefore(f.entry-f.start, t.count, z, 1) {
		e.cut(f, f.entry, atNext)
		copy(e.buf[f.start:], e.buf[f.entry:])
		e.buf = e.buf[:f.start+z]
		f.entry = f.start
		t.fromSeg, t.from, t.known = t.seg, t.i, nil
		if t.isMap {
			t.first = t.segs[t.seg].key(t.i)
		}
	}
	t.count++
	t.advance(1)
	if endsAfter(f.v.Kind(), len(e.buf)-f.start, t.count, e.buf[f.entry:], 1) {
		e.cut(f, len(e.buf), atHash)
		e.buf = e.buf[:f.start]
	}
}

// The reasons for a cut.
type cutReason uint8

const (
	atHash cutReason = iota // the last entry's hash
	atNext                  // the next entry's size
	atEnd
)

// cut ends the leaf in progress, whose entries end in the buffer at end.
func (e *encoder) cut(f *frame, end int, why cutReason) {
	t := f.tree
	size := end - f.start
	known := cid.Undef
	if t.known != nil && t.known.count == t.count && t.known.size == size {
		known = t.known.node
	}
	e.tmp = append(codec.AppendArray(e.tmp[:0], t.count), e.buf[f.start:end]...)
	c := e.emit(e.tmp, known)
	t.refs = append(t.refs, ref{t.first, int64(t.count), c})
	t.total += size
	if id := t.segs[t.fromSeg].id; id != nil {
		n := t.count
		if why == atNext {
			n++
		}
		m := leafMemo{
			off: t.segs[t.fromSeg].off + int32(t.from), final: why == atEnd, count: t.count, size: size,
			node: c, mark: e.w.mark, spans: t.spansFrom(n),
		}
		if m.spans != nil {
			id.remember(m)
		}
	}
	t.count = 0
}

// finishTree ends a tree. It returns false when the value turns out to be no tree: its frame begins anew.
func (e *encoder) finishTree(f *frame) bool {
	t, k := f.tree, f.v.Kind()
	if t.count > 0 {
		e.cut(f, len(e.buf), atEnd)
	}
	e.buf = e.buf[:f.start]
	n := 0
	for _, r := range t.refs {
		n += int(r.count)
	}
	head := codec.HeadLen(uint64(n))
	if t.isMap {
		head -= n // a pair in a leaf has a head
	}
	if t.flatly(head) {
		if t.isMap {
			e.inlineMap(f)
		} else {
			e.inlineList(f)
		}
		f.depth = 0
		return false
	}
	height, root := e.levels(k, t.refs)
	e.buf = appendTree(e.buf, k, height, int64(n), root)
	e.depth = 3
	e.remember(f.v, &placement{form: slices.Clone(e.buf[f.start:]), depth: 3})
	return true
}

// appendTree appends the λ form of a tree.
func appendTree(dst []byte, k Kind, height int, count int64, root cid.Cid) []byte {
	dst = codec.AppendArray(append(dst, treePrefix[k]...), 3)
	dst = codec.AppendInt(codec.AppendInt(dst, int64(height)), count)
	return codec.AppendLink(dst, root)
}

// A ref is an entry of an inner node.
type ref struct {
	key   string // maps: the first key
	count int64
	node  cid.Cid
}

func appendRef(dst []byte, k Kind, r ref) []byte {
	if k == KindMap {
		dst = codec.AppendText(codec.AppendArray(dst, 3), r.key)
	} else {
		dst = codec.AppendArray(dst, 2)
	}
	return codec.AppendLink(codec.AppendInt(dst, r.count), r.node)
}

// levels puts the inner nodes over refs, of which there is one or more, and returns the tree's height and root.
func (e *encoder) levels(k Kind, refs []ref) (height int, root cid.Cid) {
	b := branches{e: e, k: k}
	for _, r := range refs {
		b.add(0, r)
	}
	return b.end()
}

// A branches puts the inner nodes of a tree while its leaves come, and keeps of each level the node in progress.
type branches struct {
	e      *encoder
	k      Kind
	levels []branch
	entry  []byte
}

// A branch is what is known of the nodes of one height, and the node over them that is in progress.
type branch struct {
	some, more bool // there is one; there are others
	first      ref  // the first: it is the root if no other comes
	node       []byte
	entries    int
	ref        ref // of the node in progress
}

// add takes a node of a height, in order.
func (b *branches) add(height int, r ref) {
	if height == len(b.levels) {
		b.levels = append(b.levels, branch{})
	}
	l := &b.levels[height]
	switch {
	case !l.some:
		l.some, l.first = true, r
		return
	case !l.more:
		l.more = true
		b.put(height, l.first)
	}
	b.put(height, r)
}

// put makes r an entry of the node over it.
func (b *branches) put(height int, r ref) {
	b.entry = appendRef(b.entry[:0], b.k, r)
	z := len(b.entry)
	if endsBefore(len(b.levels[height].node), b.levels[height].entries, z, minBranch) {
		b.flush(height)
		b.entry = appendRef(b.entry[:0], b.k, r) // the levels above have written over it
	}
	l := &b.levels[height]
	if l.entries == 0 {
		l.ref = ref{key: r.key}
	}
	l.node = append(l.node, b.entry...)
	l.ref.count += r.count
	l.entries++
	if endsAfter(b.k, len(l.node), l.entries, l.node[len(l.node)-z:], minBranch) {
		b.flush(height)
	}
}

// flush ends the node in progress over the nodes of a height.
func (b *branches) flush(height int) {
	l := &b.levels[height]
	b.e.tmp = append(codec.AppendArray(b.e.tmp[:0], l.entries), l.node...)
	r := l.ref
	r.node = b.e.emit(b.e.tmp, cid.Undef)
	l.node, l.entries = l.node[:0], 0
	b.add(height+1, r)
}

// end ends the tree, which has a leaf.
func (b *branches) end() (height int, root cid.Cid) {
	for b.levels[height].more {
		if b.levels[height].entries > 0 {
			b.flush(height)
		}
		height++
	}
	return height, b.levels[height].first.node
}

// endsBefore says whether a node of so many bytes and entries ends before an entry of z bytes. It has at least so many as least says.
func endsBefore(size, entries, z, least int) bool { return entries >= least && size+z > maxBytes }

// endsAfter says whether a node that has come to so many bytes and entries ends after the last entry.
func endsAfter(k Kind, size, entries int, entry []byte, least int) bool {
	return size >= minNode && entries >= least && cutAfter(entryHash(k, entry), len(entry))
}

// entryHash returns what decides about a cut after an entry: the hash of the entry, in maps of its key, as encoded.
func entryHash(k Kind, entry []byte) uint64 {
	if k != KindMap {
		return xxhash.Sum64(entry)
	}
	return xxhash.Sum64(entry[1 : 1+textLen(entry[1:])])
}

// textLen returns the length of the encoded text that data begins with.
func textLen(data []byte) int {
	switch low := data[0] & 31; low {
	case 24:
		return 2 + int(data[1])
	case 25:
		return 3 + int(binary.BigEndian.Uint16(data[1:]))
	case 26:
		return 5 + int(binary.BigEndian.Uint32(data[1:]))
	case 27:
		return 9 + int(binary.BigEndian.Uint64(data[1:]))
	default:
		return 1 + int(low)
	}
}

// cutAfter says whether a node of minNode bytes or more ends after an entry of z bytes with hash h. The chance is z in 16,384, so
// that nodes have about as many bytes whatever their entries.
func cutAfter(h uint64, z int) bool { return h>>32 < uint64(z)<<18 }

// gear holds the numbers of the rolling hash: the outputs of splitmix64 (Steele, Lea, Flood 2014) from state 0.
var gear = func() (g [256]uint64) {
	var state uint64
	for i := range g {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		g[i] = z ^ z>>31
	}
	return g
}()

// cutString returns the length of the leaf that s, which is not empty, begins with.
func cutString(s string, text bool) int {
	if len(s) <= minNode {
		return len(s)
	}
	var h uint64
	end := min(len(s), maxNode)
	for i := max(0, minNode-64); i < minNode-1; i++ { // a byte is shifted out after 64 others
		h = h<<1 + gear[s[i]]
	}
	for i := minNode - 1; i < end; i++ {
		h = h<<1 + gear[s[i]]
		if h>>50 == 0 && (!text || i+1 == len(s) || s[i+1]&0xc0 != 0x80) {
			return i + 1
		}
	}
	if text {
		for end < len(s) && s[end]&0xc0 == 0x80 {
			end--
		}
	}
	return end
}
