// This file encodes a list whose elements come one after the other, and which need not fit into memory.

package graph

import (
	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// A ListWriter encodes a list, and gives each block to its Sink as soon as it is complete. It keeps a node of each height of the tree,
// or a list that is no tree. The blocks are those that Encode gives for the whole list. The zero ListWriter has no use.
type ListWriter struct {
	e      encoder // buf: the entries of the leaf in progress, or of the list as long as it may be no tree
	over   branches
	tree   bool
	count  int64
	inLeaf int   // elements of the leaf in progress
	ends   []int // of the entries, as long as it may be no tree
}

// NewListWriter returns a ListWriter that has no elements. The Sink is as NewWriter's.
func NewListWriter(put Sink) *ListWriter {
	l := &ListWriter{e: encoder{w: NewWriter(put)}}
	l.over = branches{e: &l.e, k: KindList}
	return l
}

// Len returns how many elements have been added.
func (l *ListWriter) Len() int64 { return l.count }

// Add puts v behind what was added. Nothing of v is kept.
func (l *ListWriter) Add(v Value) {
	start := len(l.e.buf)
	l.e.buf = l.e.w.run(l.e.buf, held(v), inPlace)
	l.count++
	if l.tree {
		l.entry(start)
		return
	}
	l.ends = append(l.ends, len(l.e.buf))
	if codec.HeadLen(uint64(l.count))+len(l.e.buf) > maxFlatly {
		l.grow()
	}
}

// grow makes a tree of a list that has become too large for anything else.
func (l *ListWriter) grow() {
	entries, ends, start := l.e.buf, l.ends, 0
	l.tree, l.ends, l.e.buf = true, nil, make([]byte, 0, maxNode+maxInline)
	for _, end := range ends {
		at := len(l.e.buf)
		l.e.buf = append(l.e.buf, entries[start:end]...)
		l.entry(at)
		start = end
	}
}

// entry takes note of the entry that was just encoded, from start on.
func (l *ListWriter) entry(start int) {
	z := len(l.e.buf) - start
	if endsBefore(start, l.inLeaf, z, 1) {
		l.cut(start)
		copy(l.e.buf, l.e.buf[start:])
		l.e.buf, start = l.e.buf[:z], 0
	}
	l.inLeaf++
	if endsAfter(KindList, len(l.e.buf), l.inLeaf, l.e.buf[start:], 1) {
		l.cut(len(l.e.buf))
		l.e.buf = l.e.buf[:0]
	}
}

// cut ends the leaf in progress, whose entries end at end.
func (l *ListWriter) cut(end int) {
	l.e.tmp = append(codec.AppendArray(l.e.tmp[:0], l.inLeaf), l.e.buf[:end]...)
	l.over.add(0, ref{count: int64(l.inLeaf), node: l.e.emit(l.e.tmp, cid.Undef)})
	l.inLeaf = 0
}

// Encode appends the encoding of the list, as Encode does. After it nothing can be added.
func (l *ListWriter) Encode(dst []byte) []byte {
	if !l.tree {
		return append(codec.AppendArray(dst, int(l.count)), l.e.buf...)
	}
	if l.inLeaf > 0 {
		l.cut(len(l.e.buf))
	}
	height, root := l.over.end()
	return appendTree(dst, KindList, height, l.count, root)
}

// ValueBlock puts the block that is the list, as ValueBlock does, and returns its CID. After it nothing can be added.
func (l *ListWriter) ValueBlock() cid.Cid {
	data := l.Encode(append(make([]byte, 0, 128), litPrefix...))
	return l.e.valueBlock(data)
}
