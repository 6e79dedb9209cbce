// This file holds values: the small struct that the machine moves about, and the objects that it can point to.

package graph

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/ipfs/go-cid"
)

// A Kind is a value's kind.
type Kind uint8

const (
	KindInt Kind = iota
	KindNull
	KindBool
	KindFloat
	KindText
	KindBytes
	KindList
	KindMap
	KindLink
	KindFn
	KindLazy
)

var kindNames = [...]string{"int", "null", "bool", "float", "text", "bytes", "list", "map", "link", "function", "lazy"}

func (k Kind) String() string { return kindNames[k] }

// A Value is any value of the language. Ints within int64, floats, bools and null need no heap; everything else
// is an object whose first field is a header with its kind. The zero Value is the int 0. Values are immutable.
type Value struct {
	p *header
	n int64 // the int, the float's bits, the bool
}

// A header begins every heap object.
type header struct{ kind Kind }

var (
	nullTag  = &header{KindNull}
	boolTag  = &header{KindBool}
	floatTag = &header{KindFloat}
)

var mark = header{255} // compared by its address, which is a constant

// A bigInt is an int outside int64; its kind is KindInt.
type bigInt struct {
	header
	v    *big.Int
	memo memo
}

type textObj struct {
	header
	points uint32 // length in code points, unknownPoints when not counted (atomic)
	s      string
	memo   memo
}

const unknownPoints = math.MaxUint32

type bytesObj struct {
	header
	b    []byte
	memo memo
	far  *farBytes // nil; else b is not there
}

type linkObj struct {
	header
	c cid.Cid
}

// A Fn is a function value: a closed head (a lam, a member, a primitive, or code not looked at yet) and the
// arguments it has so far. eval fills Body when it first calls it.
type Fn struct {
	header
	Prim string  // the primitive's name, when the head is one
	Head cid.Cid // the head's own block (also for a primitive)
	Args []Value // fewer than the head's arity
	Body any     // eval's compiled form of the head; nil until resolved
	// Opaque says that Head is code that has not been looked at: it may itself be an application or any closed expression.
	Opaque bool
	memo   memo // the application's block, when there are arguments
}

// A Thunk is a lazy value: a closed expression (no Args), or a closed head with all its captures.
type Thunk struct {
	header
	State uint8 // eval's
	n     uint16
	Steps uint32 // eval's: what it has taken to reduce it; it stops at 2^32-1
	args  *Value // behind the Thunk, if they are few
	*Head
	memo  memo
	Value Value // eval's: what it was reduced to, if State says so
}

// A Head is what a lazy value has besides its captures: one for all that come from one place in the code.
type Head struct {
	CID  cid.Cid // the expression's own block when there are no captures, else the head's
	Body any     // eval's
}

// Args returns t's captures, which must not be changed.
func (t *Thunk) Args() []Value { return unsafe.Slice(t.args, t.n) }

// NewThunk returns the lazy value of h with all its captures, which it copies.
func NewThunk(h *Head, captures ...Value) Value {
	switch len(captures) {
	case 0:
		return thunkValue(&Thunk{Head: h}, nil)
	case 1:
		return Thunk1(h, captures[0])
	case 2:
		return Thunk2(h, captures[0], captures[1])
	case 3:
		o := &struct {
			t    Thunk
			args [3]Value
		}{t: Thunk{Head: h}, args: [3]Value(captures)}
		return thunkValue(&o.t, o.args[:])
	}
	return thunkValue(&Thunk{Head: h}, slices.Clone(captures))
}

// Thunk1 is NewThunk for one capture.
func Thunk1(h *Head, x Value) Value {
	o := &struct {
		t    Thunk
		args [1]Value
	}{args: [1]Value{x}}
	o.t = Thunk{header: header{KindLazy}, n: 1, args: &o.args[0], Head: h}
	return Value{p: &o.t.header}
}

// Thunk2 is NewThunk for two captures.
func Thunk2(h *Head, x, y Value) Value {
	o := &struct {
		t    Thunk
		args [2]Value
	}{args: [2]Value{x, y}}
	o.t = Thunk{header: header{KindLazy}, n: 2, args: &o.args[0], Head: h}
	return Value{p: &o.t.header}
}

func thunkValue(t *Thunk, args []Value) Value {
	t.header, t.n, t.args = header{KindLazy}, uint16(len(args)), unsafe.SliceData(args)
	return Value{p: &t.header}
}

// Null returns null.
func Null() Value { return Value{p: nullTag} }

// Bool returns the bool b.
func Bool(b bool) Value {
	if b {
		return Value{p: boolTag, n: 1}
	}
	return Value{p: boolTag}
}

// Int returns the int i.
func Int(i int64) Value { return Value{n: i} }

// Uint returns the int u.
func Uint(u uint64) Value {
	if u <= math.MaxInt64 {
		return Value{n: int64(u)}
	}
	return BigInt(new(big.Int).SetUint64(u))
}

// BigInt returns the int b, which the value takes over.
func BigInt(b *big.Int) Value {
	if b.IsInt64() {
		return Value{n: b.Int64()}
	}
	o := &bigInt{header: header{KindInt}, v: b}
	return Value{p: &o.header}
}

// Float returns the float f, which must be finite; -0 becomes 0.
func Float(f float64) Value {
	if f == 0 {
		f = 0
	}
	return Value{p: floatTag, n: int64(math.Float64bits(f))}
}

// Text returns the text s, which must be valid UTF-8.
func Text(s string) Value {
	o := &textObj{header: header{KindText}, points: unknownPoints, s: s}
	return Value{p: &o.header}
}

// IntText returns the digits of n, with a sign before those of a negative one, as a text.
func IntText(n int64) Value {
	if -1e15 < n && n < 1e16 {
		o := &struct {
			textObj
			digits [16]byte
		}{}
		return intText(&o.textObj, strconv.AppendInt(o.digits[:0], n, 10))
	}
	o := &struct {
		textObj
		digits [20]byte
	}{}
	return intText(&o.textObj, strconv.AppendInt(o.digits[:0], n, 10))
}

func intText(o *textObj, d []byte) Value {
	o.header, o.points, o.s = header{KindText}, uint32(len(d)), unsafe.String(&d[0], len(d))
	return Value{p: &o.header}
}

// A TextMaker makes texts of one origin, with fewer allocations: those made together stay alive together. The zero TextMaker is ready to use.
type TextMaker struct {
	free []textObj
	next int
	copy []byte
}

const (
	maxTexts = 32   // that stay alive together
	textCopy = 1024 // bytes of theirs, unless one is longer
)

// Text is as the function Text.
func (t *TextMaker) Text(s string) Value {
	if len(t.free) == 0 {
		t.next = min(2*t.next+1, maxTexts)
		t.free = make([]textObj, t.next)
	}
	o := &t.free[0]
	t.free = t.free[1:]
	o.kind, o.points, o.s = KindText, unknownPoints, s
	return Value{p: &o.header}
}

// Copy returns the text s, which must be valid UTF-8 and is copied.
func (t *TextMaker) Copy(s []byte) Value {
	if len(s) > textCopy/8 {
		return t.Text(string(s))
	}
	if len(s) > cap(t.copy)-len(t.copy) {
		t.copy = make([]byte, 0, min(textCopy, max(2*cap(t.copy), 8*len(s))))
	}
	n := len(t.copy)
	t.copy = append(t.copy, s...)
	return t.Text(unsafe.String(unsafe.SliceData(t.copy[n:]), len(s)))
}

// BytesValue returns the bytes b, which the value takes over.
func BytesValue(b []byte) Value {
	o := &bytesObj{header: header{KindBytes}, b: b}
	return Value{p: &o.header}
}

// LinkValue returns a link to c, which must be defined.
func LinkValue(c cid.Cid) Value {
	o := &linkObj{header{KindLink}, c}
	return Value{p: &o.header}
}

// ListValue returns l as a value; nil is the empty list.
func ListValue(l *List) Value {
	if l == nil {
		l = EmptyList
	}
	return Value{p: &l.header}
}

// MapValue returns m as a value; nil is the empty map.
func MapValue(m *Map) Value {
	if m == nil {
		m = EmptyMap
	}
	return Value{p: &m.header}
}

// FnValue returns f as a value. The first call for an f comes before f is shared.
func FnValue(f *Fn) Value {
	if f.kind != KindFn {
		f.kind = KindFn
	}
	return Value{p: &f.header}
}

// ThunkValue returns t as a value.
func ThunkValue(t *Thunk) Value { return Value{p: &t.header} }

// NewList returns the list of the items, which it copies.
func NewList(items ...Value) Value {
	if len(items) <= maxRun {
		return ListValue(flatCopy(items))
	}
	return ListValue(ListOf(items))
}

// NewPair returns the list of a and b.
func NewPair(a, b Value) Value { return ListValue(pair(a, b)) }

var (
	someKeys  = [1]string{"Some"}
	noneValue = Tagged("None", Null())
)

// Some returns {"Some": v}.
func Some(v Value) Value { return MapValue(only(&someKeys[0], v)) }

// None returns {"None": null}.
func None() Value { return noneValue }

// Tagged returns the map with the sole key tag.
func Tagged(tag string, v Value) Value {
	o := &struct {
		m    Map
		vals [1]Value
		keys [1]string
	}{vals: [1]Value{held(v)}, keys: [1]string{tag}}
	o.m = Map{header: header{KindMap}, n: 1, keys: &o.keys[0], vals: &o.vals[0]}
	return MapValue(&o.m)
}

// Record returns the map of alternating keys and values. Beside a Value, a value may be a string, an int, a bool or a CID.
func Record(pairs ...any) Value {
	var b MapBuilder
	for i := 0; i < len(pairs); i += 2 {
		var v Value
		switch x := pairs[i+1].(type) {
		case Value:
			v = x
		case string:
			v = Text(x)
		case int:
			v = Int(int64(x))
		case int64:
			v = Int(x)
		case bool:
			v = Bool(x)
		case cid.Cid:
			v = LinkValue(x)
		default:
			panic(fmt.Sprintf("BUG: Record of a %T", x))
		}
		b.Set(pairs[i].(string), v)
	}
	return MapValue(b.Map())
}

// Kind returns v's kind.
func (v Value) Kind() Kind {
	if v.p == nil {
		return KindInt
	}
	return v.p.kind
}

// Int returns v's int when it is within int64. v is an int.
func (v Value) Int() (int64, bool) { return v.n, v.p == nil }

// Plus returns v + n, if v and that are within int64; or v itself, of any kind, where n is 0.
func (v Value) Plus(n int64) (Value, bool) {
	r := v.n + n
	return Value{v.p, r}, n == 0 || v.p == nil && (r < v.n) == (n < 0)
}

// BigInt returns v's int, which must not be changed. v is an int.
func (v Value) BigInt() *big.Int {
	if v.p == nil {
		return big.NewInt(v.n)
	}
	return v.big().v
}

// Bool returns v's bool. v is a bool.
func (v Value) Bool() bool { return v.n != 0 }

// Float returns v's float. v is a float.
func (v Value) Float() float64 { return math.Float64frombits(uint64(v.n)) }

// Text returns v's text. v is a text.
func (v Value) Text() string { return v.text().s }

// TextLen returns the number of v's code points, counted at most once. v is a text.
func (v Value) TextLen() int {
	t := v.text()
	if n := atomic.LoadUint32(&t.points); n != unknownPoints {
		return int(n)
	}
	n := utf8.RuneCountInString(t.s)
	if uint64(n) < unknownPoints {
		atomic.StoreUint32(&t.points, uint32(n))
	}
	return n
}

// Bytes returns v's bytes, which must not be changed. v is bytes.
func (v Value) Bytes() []byte {
	if o := v.bytes(); o.far != nil {
		return o.far.all()
	}
	return v.bytes().b
}

// BytesLen returns how many bytes v has. v is bytes.
func (v Value) BytesLen() int {
	if o := v.bytes(); o.far != nil {
		return int(o.far.count)
	}
	return len(v.bytes().b)
}

// BytesAt returns v's bytes from a on, without b, which may be v's own. v is bytes.
func (v Value) BytesAt(a, b int) []byte {
	if o := v.bytes(); o.far != nil {
		return o.far.part(a, b)
	}
	return v.bytes().b[a:b:b]
}

// Link returns v's CID. v is a link.
func (v Value) Link() cid.Cid { return (*linkObj)(unsafe.Pointer(v.p)).c }

// Map returns v's map. v is a map.
func (v Value) Map() *Map { return (*Map)(unsafe.Pointer(v.p)) }

// Fn returns v's function. v is a function.
func (v Value) Fn() *Fn { return (*Fn)(unsafe.Pointer(v.p)) }

// Thunk returns v's thunk. v is lazy.
func (v Value) Thunk() *Thunk { return (*Thunk)(unsafe.Pointer(v.p)) }

// Same says whether v and w are one object, or one small int, float, bool or null: equal values without a look inside.
func (v Value) Same(w Value) bool { return v == w }

// Identity is equal for two values only if they are the same: an int by value, an object by where it stands.
func (v Value) Identity() (object uintptr, n int64) { return uintptr(unsafe.Pointer(v.p)), v.n }

// A Tag begins an object of the machine's that stands in slots of its stack beside values and is none itself. Only the
// machine makes it, and it never leaves it.
type Tag struct{ header }

// FirstTag is the least of the kinds that a Tag may be of.
const FirstTag Kind = 200

// Init sets the kind, which is FirstTag or above and below 255.
func (t *Tag) Init(k Kind) { t.kind = k }

// Value is t beside a number.
func (t *Tag) Value(n int64) Value { return Value{&t.header, n} }

// Tag returns the object that v points to, and the number beside it. v is a Tag's Value.
func (v Value) Tag() (*Tag, int64) { return (*Tag)(unsafe.Pointer(v.p)), v.n }

// Mark is not a value of the language: it is what a body gives back to the machine in place of a value when it ends in a
// tail call. Only the machine makes it, and it never leaves it.
func Mark() Value { return Value{p: &mark} }

// Again is the mark of a tail call of the body itself.
func Again() Value { return Value{p: &mark, n: 1} }

// IsMark says whether v is the mark.
func (v Value) IsMark() bool { return v.p == &mark }

func (v Value) big() *bigInt     { return (*bigInt)(unsafe.Pointer(v.p)) }
func (v Value) text() *textObj   { return (*textObj)(unsafe.Pointer(v.p)) }
func (v Value) bytes() *bytesObj { return (*bytesObj)(unsafe.Pointer(v.p)) }

// A memo remembers how an object is placed, once that is a link or a λ form that took hashing. Safe for concurrent use.
// It is no atomic.Pointer so that a Fn can be copied.
type memo struct{ p unsafe.Pointer }

func (m *memo) get() *placement  { return (*placement)(atomic.LoadPointer(&m.p)) }
func (m *memo) set(p *placement) { atomic.StorePointer(&m.p, unsafe.Pointer(p)) }
