// This file lays values out as blocks: what a value is encoded as depends on the value alone, never on how it was made.

package graph

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// # Which blocks does a value have?
//
// Bottom up. A component (an item of a list, a value of a map, the value of a Result or a literal) stands where it is
// when its encoding has at most 1,024 bytes and 256 levels of nesting, else in a block of its own, for which {"λ": link} stands.
// A list, map, text or bytes of more than 32,768 bytes is a tree of blocks of 16 to 64 KiB, cut where the content says (prolly
// trees): a change moves the cuts near it only. The forms {"λ": {…}} of what the data model cannot carry are short and
// stay in place, but for a map whose sole key is λ, which can be of any size: its block is the literal {"λ": {"lit": …}}.
//
// The limit of depth is there for go-ipld-prime, whose decoder stops at 1,024.

const (
	maxInline = 1024       // bytes of a component that stands in place
	maxDepth  = 256        // its nesting
	maxFlatly = 32768      // bytes of a list, map, text or bytes that is no tree
	minNode   = 16384      // bytes before a node can be cut by its content
	maxNode   = 65536      // bytes of a text or bytes leaf
	maxBytes  = 65536 - 16 // bytes of the entries of another node; a single entry may be larger
	minBranch = 2          // entries before an inner node is cut, so that each level is shorter than the one below
)

// A Writer encodes values and remembers, in the values' memory, which blocks its Sink has been given: a value that
// shares parts with one written before gives only the blocks that are new. It can be used from several goroutines.
type Writer struct {
	put     Sink
	mark    *int64            // its identity; nil without a sink
	loaded  *int64            // that of what was decoded with it, which its sink has too; a successor's is the same
	reserve func(bytes int64) // nil for none
}

// Reserving has w call reserve before it takes more than some 64 KiB of its own, as for a value that is nested deep, and now and then with 0. A reserve
// that panics ends the encoding.
func (w *Writer) Reserving(reserve func(bytes int64)) { w.reserve = reserve }

// NewWriter returns a Writer to put, which must keep every block. If put is a Writer, it is that one.
func NewWriter(put Sink) *Writer {
	switch put := put.(type) {
	case nil:
		return &noWriter
	case *Writer:
		return put
	}
	return &Writer{put: put, mark: new(int64), loaded: new(int64)}
}

// Hasher returns a Writer without a sink that calls reserve as Reserving says.
func Hasher(reserve func(bytes int64)) *Writer { return &Writer{reserve: reserve} }

// Successor returns a Writer to put, which takes put to have what was loaded for w, and nothing that w has given to its own sink.
func (w *Writer) Successor(put Sink) *Writer {
	return &Writer{put: put, mark: new(int64), loaded: w.loaded}
}

// given says whether w's sink has what was remembered with that mark.
func (w *Writer) given(mark *int64) bool {
	return w.put == nil || mark != nil && (mark == w.mark || mark == w.loaded)
}

// Take gives b to w's Sink. So w is a Sink: the functions that take one then remember, as w does, what it has been given.
func (w *Writer) Take(b Block) {
	if w.put != nil {
		w.put.Take(b)
	}
}

var noWriter Writer

// A placement is how an object stands in what contains it, when that took hashing. It is not changed once it is shared.
type placement struct {
	form  []byte
	block cid.Cid // its own block; undefined for a λ form
	depth int32   // of form
	args  int32   // of the Fn or Thunk
	mark  *int64  // the Writer that has been given all its blocks
}

// Encode returns the encoding of v, and puts the blocks that v has beside it. A nil put makes no blocks.
func Encode(v Value, put Sink) []byte { return NewWriter(put).Encode(nil, v) }

// Place appends v as a component.
func Place(dst []byte, v Value, put Sink) []byte {
	if out, ok := appendScalar(dst, v); ok {
		return out
	}
	return NewWriter(put).Place(dst, v)
}

// ValueBlock puts the block that is v, which is v's code for a function or a lazy value, and returns its CID.
func ValueBlock(v Value, put Sink) cid.Cid { return NewWriter(put).ValueBlock(v) }

// FnCode returns the CID of the code of f: its head's block, or that of its application.
func FnCode(f *Fn, put Sink) cid.Cid { return NewWriter(put).FnCode(f) }

// ThunkCode returns the CID of t's expression.
func ThunkCode(t *Thunk, put Sink) cid.Cid { return NewWriter(put).ThunkCode(t) }

// AppendArg appends v as an argument of an application.
func AppendArg(dst []byte, v Value, put Sink) []byte { return NewWriter(put).AppendArg(dst, v) }

// AppBlock puts the block of the application of head (an OpRef or an OpPrim) to args, and returns its CID.
func AppBlock(head *Term, args []Value, put Sink) cid.Cid { return NewWriter(put).AppBlock(head, args) }

// Encode is as Encode.
func (w *Writer) Encode(dst []byte, v Value) []byte { return w.run(dst, v, inRoot) }

// Place is as Place.
func (w *Writer) Place(dst []byte, v Value) []byte { return w.run(dst, v, inPlace) }

// AppendArg is as AppendArg.
func (w *Writer) AppendArg(dst []byte, v Value) []byte { return w.run(dst, v, inArg) }

// AppBlock is as AppBlock.
func (w *Writer) AppBlock(head *Term, args []Value) cid.Cid {
	e := encoder{w: w}
	e.buf = appendApp(make([]byte, 0, 256), head.CID, head.Name, len(args))
	for _, a := range args {
		e.buf = w.run(e.buf, a, inArg)
	}
	return e.block(0, cid.Undef)
}

// FnCode is as FnCode.
func (w *Writer) FnCode(f *Fn) cid.Cid {
	if len(f.Args) > 0 {
		return w.codeOf(FnValue(f), &f.memo, len(f.Args))
	}
	if f.Prim != "" {
		return w.prim(f.Prim)
	}
	return f.Head
}

// ThunkCode is as ThunkCode.
func (w *Writer) ThunkCode(t *Thunk) cid.Cid {
	if t.n > 0 {
		return w.codeOf(ThunkValue(t), &t.memo, int(t.n))
	}
	return t.CID
}

func (w *Writer) codeOf(v Value, m *memo, args int) cid.Cid {
	p := m.get()
	if !w.has(p) || int(p.args) != args {
		w.run(nil, v, inPlace)
		p = m.get()
	}
	return p.block
}

func (w *Writer) prim(name string) cid.Cid {
	dst := codec.AppendText(codec.AppendMap(make([]byte, 0, 40), 1), Lambda)
	dst = appendPrim(dst, name)
	c := codec.CIDOf(dst)
	if w.put != nil {
		w.put.Take(Block{c, dst})
	}
	return c
}

// ValueBlock is as ValueBlock.
func (w *Writer) ValueBlock(v Value) cid.Cid {
	switch v.Kind() {
	case KindFn:
		return w.FnCode(v.Fn())
	case KindLazy:
		return w.ThunkCode(v.Thunk())
	}
	if m := v.memo(); m != nil {
		if p := m.get(); w.has(p) && p.block.Defined() {
			return p.block
		}
	}
	e := encoder{w: w}
	return e.valueBlock(w.run(append(make([]byte, 0, 128), litPrefix...), v, inRoot))
}

// valueBlock puts the block of a value whose encoding stands in data behind litPrefix: that of a literal if the value's own would be code.
func (e *encoder) valueBlock(data []byte) cid.Cid {
	if !IsCode(data[len(litPrefix):]) {
		data = data[len(litPrefix):]
	}
	return e.emit(data, cid.Undef)
}

// has says whether p is there and the sink has its blocks.
func (w *Writer) has(p *placement) bool { return p != nil && w.given(p.mark) }

// memo returns where v's placement is remembered, nil when v has none.
func (v Value) memo() *memo {
	switch v.Kind() {
	case KindList:
		return &v.List().memo
	case KindMap:
		return &v.Map().memo
	case KindText:
		return &v.text().memo
	case KindBytes:
		return &v.bytes().memo
	case KindFn:
		return &v.Fn().memo
	case KindLazy:
		return &v.Thunk().memo
	case KindInt:
		if v.p != nil {
			return &v.big().memo
		}
	}
	return nil
}

// The beginnings of the forms.
var (
	lambdaPrefix = codec.AppendText(codec.AppendMap(nil, 1), Lambda)
	litPrefix    = formPrefix("lit")
	fnPrefix     = formPrefix("fn")
	lazyPrefix   = formPrefix("lazy")
	intPrefix    = formPrefix("int")
	argPrefix    = codec.AppendText(codec.AppendMap(nil, 1), "lit")
	treePrefix   = map[Kind][]byte{KindList: formPrefix("list"), KindMap: formPrefix("map"), KindText: formPrefix("text"), KindBytes: formPrefix("bytes")}
)

func formPrefix(name string) []byte {
	return codec.AppendText(codec.AppendMap(slices.Clone(lambdaPrefix), 1), name)
}

func appendPrim(dst []byte, name string) []byte {
	return codec.AppendText(codec.AppendText(codec.AppendMap(dst, 1), "prim"), name)
}

// appendApp appends the beginning of the block of an application: all but its n arguments.
func appendApp(dst []byte, head cid.Cid, prim string, n int) []byte {
	dst = append(dst, lambdaPrefix...)
	dst = codec.AppendText(codec.AppendMap(dst, 1), "app")
	dst = codec.AppendArray(dst, n+1)
	if prim != "" {
		return appendPrim(dst, prim)
	}
	return codec.AppendLink(dst, head)
}

// appendScalar appends v if its encoding has no parts and always stands in place.
func appendScalar(dst []byte, v Value) ([]byte, bool) {
	switch v.Kind() {
	case KindInt:
		if v.p == nil {
			return codec.AppendInt(dst, v.n), true
		}
		if b := v.big().v; b.IsUint64() {
			return codec.AppendUint(dst, b.Uint64()), true
		}
		return dst, false
	case KindNull:
		return codec.AppendNull(dst), true
	case KindBool:
		return codec.AppendBool(dst, v.Bool()), true
	case KindFloat:
		return codec.AppendFloat(dst, v.Float()), true
	case KindText:
		if s := v.Text(); len(s) <= maxInline-3 {
			return codec.AppendText(dst, s), true
		}
	case KindBytes:
		if v.BytesLen() <= maxInline-3 {
			return codec.AppendBytes(dst, v.Bytes()), true
		}
	case KindLink:
		return codec.AppendLink(dst, v.Link()), true
	case KindList:
		if v.List().Len() == 0 {
			return codec.AppendArray(dst, 0), true
		}
	case KindMap:
		if v.Map().Len() == 0 {
			return codec.AppendMap(dst, 0), true
		}
	}
	return dst, false
}

// The places where a value can stand.
type place uint8

const (
	inRoot  place = iota // at the root: in place whatever its size
	inPlace              // as a component
	inArg                // as an argument of an application
)

// An encoder encodes one value. It keeps a stack of its own, since values can be nested a million deep.
type encoder struct {
	w     *Writer
	buf   []byte
	stack []frame
	depth int32 // of what was encoded last
	steps uint32
	tmp   []byte
}

// A frame is a value in the course of being encoded.
type frame struct {
	v     Value
	place place
	kind  frameKind
	small bool // keys are in the order of order
	lit   bool // a map whose sole key is λ
	depth int32
	start int // where its encoding begins
	entry int // where the part in progress begins
	vals  []Value
	keys  *string
	order [16]uint8
	i     int
	tree  *treeFrame
}

type frameKind uint8

const (
	listFrame frameKind = iota
	mapFrame
	codeFrame // an application: a Fn or Thunk with arguments
	treeKind
)

func (w *Writer) run(dst []byte, v Value, p place) []byte {
	if p != inArg {
		if out, ok := appendScalar(dst, v); ok {
			return out
		}
	}
	e := encoders.Get().(*encoder)
	e.w, e.buf = w, dst
	dst = e.run(v, p)
	e.w, e.buf = nil, nil
	if cap(e.stack) < 1000 && cap(e.tmp) <= 2*maxNode {
		encoders.Put(e)
	}
	return dst
}

const (
	manyFrames   = 512  // that its stack has room for without asking
	reserveEvery = 1024 // parts of a value, between two looks
)

// encoders keeps stacks for use again.
var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) run(v Value, p place) []byte {
	done := e.value(v, p)
	for !done || len(e.stack) > 0 {
		f := &e.stack[len(e.stack)-1]
		if done {
			e.part(f)
		}
		if n := len(e.stack); n == cap(e.stack) && n >= manyFrames && e.w.reserve != nil {
			e.w.reserve(int64(n+n/4) * int64(unsafe.Sizeof(*f)))
		}
		done = e.step(f)
	}
	return e.buf
}

// value appends v, or pushes a frame for it and returns false.
func (e *encoder) value(v Value, p place) bool {
	e.depth = 0
	if p == inArg {
		if v.Kind() == KindFn && len(v.Fn().Args) == 0 {
			if f := v.Fn(); f.Prim != "" {
				e.buf = appendPrim(e.buf, f.Prim)
			} else {
				e.buf = codec.AppendLink(e.buf, f.Head)
			}
			return true
		}
		if v.Kind() != KindFn {
			e.buf = append(e.buf, argPrefix...)
			p = inPlace
		}
	}
	out, ok := appendScalar(e.buf, v)
	if ok {
		e.buf = out
		if k := v.Kind(); k == KindList || k == KindMap {
			e.depth = 1
		}
		return true
	}
	switch k := v.Kind(); k {
	case KindFn:
		f := v.Fn()
		if len(f.Args) == 0 {
			e.code(KindFn, e.w.FnCode(f), p)
			return true
		}
		if m := f.memo.get(); e.w.has(m) && int(m.args) == len(f.Args) {
			e.code(KindFn, m.block, p)
			return true
		}
		e.stack = append(e.stack, frame{v: v, place: p, kind: codeFrame, start: len(e.buf), vals: f.Args})
		e.buf = appendApp(e.buf, f.Head, f.Prim, len(f.Args))
		return false
	case KindLazy:
		t := v.Thunk()
		if int(t.n) == 0 {
			e.code(KindLazy, t.CID, p)
			return true
		}
		if m := t.memo.get(); e.w.has(m) && int(m.args) == int(t.n) {
			e.code(KindLazy, m.block, p)
			return true
		}
		e.stack = append(e.stack, frame{v: v, place: p, kind: codeFrame, start: len(e.buf), vals: t.Args()})
		e.buf = appendApp(e.buf, t.CID, "", int(t.n))
		return false
	}
	m := v.memo().get()
	if e.w.has(m) && (p == inPlace || !m.block.Defined()) {
		e.buf = append(e.buf, m.form...)
		e.depth = m.depth
		return true
	}
	switch v.Kind() {
	case KindText, KindBytes:
		e.string(v, p)
		return true
	case KindInt:
		start := len(e.buf)
		e.buf = append(e.buf, intPrefix...)
		out, ok := appendScalar(e.buf, Text(v.BigInt().String()))
		if ok {
			e.buf = out
		} else {
			e.string(Text(v.BigInt().String()), inPlace)
		}
		e.depth += 2
		e.remember(v, &placement{form: slices.Clone(e.buf[start:]), depth: e.depth})
		return true
	case KindList:
		l := v.List()
		f := frame{v: v, place: p, kind: listFrame, start: len(e.buf)}
		if l.Len() > maxFlatly || l.rest != nil && (l.isFar() || hasChunks(l)) {
			f.tree = treeOfList(e.w, l)
			f.kind = treeKind
			e.stack = append(e.stack, f)
			return false
		}
		e.inlineList(&f)
		e.stack = append(e.stack, f)
		return false
	default:
		f := frame{v: v, place: p, kind: mapFrame, start: len(e.buf)}
		if n := v.Map().Len(); n > maxFlatly/2 || v.Map().isFar() || n > 256 && hasChunkMemos(v.Map()) {
			f.tree = treeOfMap(e.w, v.Map())
			f.kind = treeKind
			e.stack = append(e.stack, f)
			return false
		}
		e.inlineMap(&f)
		e.stack = append(e.stack, f)
		return false
	}
}

// code appends a link to code as it stands in p.
func (e *encoder) code(k Kind, c cid.Cid, p place) {
	if p != inArg {
		if k == KindFn {
			e.buf = append(e.buf, fnPrefix...)
		} else {
			e.buf = append(e.buf, lazyPrefix...)
		}
		e.depth = 2
	}
	e.buf = codec.AppendLink(e.buf, c)
}

func (e *encoder) inlineList(f *frame) {
	l := f.v.List()
	f.kind, f.tree, f.i = listFrame, nil, 0
	f.vals = l.front().slice()
	if l.rest != nil {
		f.vals = make([]Value, 0, l.Len())
		l.Chunks(func(c []Value) bool { f.vals = append(f.vals, c...); return true })
	}
	e.buf = codec.AppendArray(e.buf, len(f.vals))
	f.entry = len(e.buf)
}

// inlineMap begins the encoding of a map in place, in DAG-CBOR's order of keys.
func (e *encoder) inlineMap(f *frame) {
	keys, vals := f.v.Map().flatten()
	f.kind, f.tree, f.i = mapFrame, nil, 0
	sorted := true
	for i := 1; i < len(keys); i++ {
		if len(keys[i]) < len(keys[i-1]) {
			sorted = false
			break
		}
	}
	switch {
	case len(keys) <= len(f.order):
		f.small = true
		for i := range keys {
			j := i
			for ; j > 0 && len(keys[i]) < len(keys[f.order[j-1]]); j-- {
				f.order[j] = f.order[j-1]
			}
			f.order[j] = uint8(i)
		}
	case !sorted:
		s := byKey{slices.Clone(keys), slices.Clone(vals)}
		sort.Sort(s)
		keys, vals = s.keys, s.vals
	}
	f.vals, f.keys = vals, &keys[0]
	if len(keys) == 1 && keys[0] == Lambda {
		f.lit = true
		e.buf = append(e.buf, litPrefix...)
	}
	e.buf = codec.AppendMap(e.buf, len(keys))
	f.entry = len(e.buf)
}

type byKey struct {
	keys []string
	vals []Value
}

func (s byKey) Len() int           { return len(s.keys) }
func (s byKey) Less(i, j int) bool { return codec.LessKey(s.keys[i], s.keys[j]) }
func (s byKey) Swap(i, j int) {
	s.keys[i], s.keys[j] = s.keys[j], s.keys[i]
	s.vals[i], s.vals[j] = s.vals[j], s.vals[i]
}

// step encodes the parts of f, which is on top, until f is done, or false: another frame is on top or f begins anew.
func (e *encoder) step(f *frame) bool {
	for {
		if e.steps++; e.steps%reserveEvery == 0 && e.w.reserve != nil {
			e.w.reserve(0)
		}
		if f.kind == treeKind {
			if f.tree.end() || e.skipChunks(f) {
				return e.finish(f)
			}
			t := f.tree
			t.read()
			s := &t.segs[t.seg]
			f.entry = len(e.buf)
			if t.isMap {
				e.buf = codec.AppendText(codec.AppendArray(e.buf, 2), s.key(t.i))
			}
			if !e.value(s.val(t.i), inPlace) {
				return false
			}
		} else {
			if f.kind == listFrame { // small ints as long as they are in no danger of being too many
				for f.i < len(f.vals) && f.vals[f.i].p == nil && len(e.buf)-f.start < maxFlatly-16 {
					e.buf = codec.AppendInt(e.buf, f.vals[f.i].n)
					f.i++
				}
			}
			if f.i == len(f.vals) {
				return e.finish(f)
			}
			i, p := f.i, inPlace
			if f.kind == codeFrame {
				p = inArg
			} else if f.kind == mapFrame {
				if f.small {
					i = int(f.order[i])
				}
				e.buf = codec.AppendText(e.buf, unsafe.Slice(f.keys, len(f.vals))[i])
			}
			if !e.value(f.vals[i], p) {
				return false
			}
		}
		e.part(f)
	}
}

// part takes note that a part of f is done.
func (e *encoder) part(f *frame) {
	f.depth = max(f.depth, e.depth)
	if f.kind == treeKind {
		e.entry(f)
		return
	}
	f.i++
	if f.kind != codeFrame && len(e.buf)-f.start > maxFlatly && !f.lit {
		e.buf = e.buf[:f.start]
		if f.kind == listFrame {
			f.tree = treeOfList(e.w, f.v.List())
		} else {
			f.tree = treeOfMap(e.w, f.v.Map())
		}
		f.kind, f.vals, f.keys = treeKind, nil, nil
	}
}

// finish ends the frame f: its encoding stands in the buffer as its place wants it. It returns true, or false when f begins anew.
func (e *encoder) finish(f *frame) bool {
	v, p, start := f.v, f.place, f.start
	switch f.kind {
	case codeFrame:
		old := v.memo().get()
		known := cid.Undef
		if old != nil && int(old.args) == len(f.vals) {
			known = old.block
		}
		c := e.block(start, known)
		e.buf = e.buf[:start]
		e.code(v.Kind(), c, p)
		e.remember(v, &placement{block: c, args: int32(len(f.vals))})
	case treeKind:
		if !e.finishTree(f) {
			return false
		}
	default:
		e.depth = f.depth + 1
		if f.lit {
			e.depth += 2
		}
		e.own(v, p, start, f.lit)
	}
	*f = frame{}
	e.stack = e.stack[:len(e.stack)-1]
	return true
}

// own puts what is encoded from start on into a block of its own if it is a component and too large.
func (e *encoder) own(v Value, p place, start int, lit bool) {
	if p == inRoot || len(e.buf)-start <= maxInline && e.depth <= maxDepth {
		return
	}
	if lit {
		e.buf = slices.Insert(e.buf, start, litPrefix...)
	}
	known := cid.Undef
	if old := v.memo().get(); old != nil {
		known = old.block
	}
	c := e.block(start, known)
	e.buf = append(e.buf[:start], lambdaPrefix...)
	e.buf = codec.AppendLink(e.buf, c)
	e.depth = 1
	e.remember(v, &placement{form: slices.Clone(e.buf[start:]), block: c, depth: 1})
}

func (e *encoder) remember(v Value, p *placement) {
	p.mark = e.w.mark
	v.memo().set(p)
}

// block puts the block that is encoded from start on, whose CID may be known.
func (e *encoder) block(start int, known cid.Cid) cid.Cid {
	return e.emit(e.buf[start:], known)
}

func (e *encoder) emit(data []byte, known cid.Cid) cid.Cid {
	if !known.Defined() {
		known = codec.CIDOf(data)
		hashedBlocks.Add(1)
	}
	if e.w.put != nil {
		e.w.put.Take(Block{known, slices.Clone(data)})
	}
	return known
}

// hashedBlocks counts the blocks hashed in this process, for tests.
var hashedBlocks atomic.Int64

// string appends a text or bytes that is too large for appendScalar.
func (e *encoder) string(v Value, p place) {
	start, k := len(e.buf), v.Kind()
	r := stringReader{v: v}
	if k == KindText {
		r.n, r.s = len(v.Text()), v.Text()
	} else if r.n = v.BytesLen(); v.bytes().far == nil || r.n <= maxFlatly {
		b := v.Bytes()
		r.s, r.read = unsafe.String(unsafe.SliceData(b), len(b)), r.n
	}
	e.depth = 0
	if codec.HeadLen(uint64(r.n))+r.n <= maxFlatly {
		if k == KindText {
			e.buf = codec.AppendText(e.buf, r.s)
		} else {
			e.buf = codec.AppendBytes(e.buf, v.Bytes())
		}
		e.own(v, p, start, false)
		return
	}
	over := branches{e: e, k: k}
	for rest := r.more(e.w); rest != ""; rest = r.more(e.w) {
		n := cutString(rest, k == KindText)
		if k == KindText {
			e.tmp = codec.AppendText(e.tmp[:0], rest[:n])
		} else {
			e.tmp = codec.AppendBytes(e.tmp[:0], unsafe.Slice(unsafe.StringData(rest), n))
		}
		over.add(0, ref{count: int64(n), node: e.emit(e.tmp, cid.Undef)})
		r.s = rest[n:]
	}
	height, root := over.end()
	e.buf = appendTree(e.buf, k, height, int64(r.n), root)
	e.depth = 3
	e.remember(v, &placement{form: slices.Clone(e.buf[start:]), depth: 3})
}

// A stringReader gives what is left of a text or bytes, or of far bytes as much as a leaf can have.
type stringReader struct {
	v    Value
	n    int    // of all
	read int    // of bytes: how many have been
	s    string // what is left of these
}

const readAhead = 16 * maxNode // far bytes that are read at once

func (r *stringReader) more(w *Writer) string {
	if len(r.s) >= maxNode || r.v.Kind() == KindText || r.read == r.n {
		return r.s
	}
	if w.reserve != nil {
		w.reserve(readAhead)
	}
	end := min(r.n, r.read+readAhead)
	r.s += string(r.v.BytesAt(r.read, end))
	r.read = end
	return r.s
}
