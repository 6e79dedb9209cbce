// Package codec turns the IPLD data model into bytes and back.
//
// There are two ways through it, with one meaning. The hot path is the Append functions and the Reader: canonical
// DAG-CBOR with no nodes in between. The edges (other people's data, traversal, import) use go-ipld-prime's nodes:
// DecodeNode and EncodeNode know the codecs of the table, and Node and Prototype join the two ways through
// go-ipld-prime's EncodeDagCbor and DecodeDagCbor hooks. DecodeUnixFS reads a block of a file or a directory.
//
// Start with NewReader. A strict Reader accepts exactly the bytes that the appenders write, so bytes and meaning are
// one to one; a lenient one also reads what others wrote validly. Both refuse what has no meaning in the data model,
// with an *Error that names the rule. What they read is only ever a view or a copy of the data, and a count is
// checked against the bytes that remain, so a block costs memory in proportion to its size, whatever it claims.
package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"

	"github.com/ipfs/go-cid"
)

// A Kind is the kind of the item that comes next.
type Kind uint8

const (
	Invalid Kind = iota // nothing that DAG-CBOR has, or the end of the data
	Null
	Bool
	Int
	Float
	Text
	Bytes
	Link
	Array
	Map
)

var kindNames = [...]string{"nothing valid", "null", "bool", "int", "float", "text", "bytes", "link", "list", "map"}

func (k Kind) String() string { return kindNames[k] }

// The rules that an Error can name. Those of the second group bind only a strict Reader.
const (
	RuleTruncated  = "the data ends early"
	RuleTrailing   = "bytes follow the end"
	RuleMinimal    = "an int or a length is not in its shortest form"
	RuleIndefinite = "an indefinite length"
	RuleReserved   = "a reserved head"
	RuleUndefined  = "undefined"
	RuleSimple     = "a simple value other than null, false and true"
	RuleTag        = "a tag other than 42"
	RuleLink       = "tag 42 does not hold a CID"
	RuleUTF8       = "a text is not valid UTF-8"
	RuleKey        = "a map key is not a text"
	RuleDuplicate  = "a duplicate map key"
	RuleFinite     = "a float is NaN or infinite"
	RuleDepth      = "nested more than 1024 deep"

	RuleOrder     = "map keys are not in canonical order"
	RuleFloatSize = "a float is not 64 bits wide"
	RuleNegZero   = "a float is negative zero"
	RuleIntRange  = "an int below -2^63"
)

// MaxDepth is how deep maps and lists may nest in one block. It is go-ipld-prime's limit too.
const MaxDepth = 1024

// An Error says which rule of the encoding a block breaks, and at which byte.
type Error struct {
	Offset int
	Rule   string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Rule) }

// A Reader reads the items of one DAG-CBOR block, in order. After an error it stays where the bad item begins.
type Reader struct {
	data   []byte
	off    int
	strict bool
}

// NewReader returns a Reader at the start of data, which must not change while what was read from it is in use.
func NewReader(data []byte, strict bool) *Reader { return &Reader{data: data, strict: strict} }

// Offset returns where the next item begins.
func (r *Reader) Offset() int { return r.off }

// Len returns the number of bytes not read yet.
func (r *Reader) Len() int { return len(r.data) - r.off }

// Strict says whether r accepts canonical bytes only.
func (r *Reader) Strict() bool { return r.strict }

// Raw returns the bytes from start, an earlier Offset, up to where r is: a view.
func (r *Reader) Raw(start int) []byte { return r.data[start:r.off:r.off] }

// Done returns an error if anything is left.
func (r *Reader) Done() error {
	if r.off != len(r.data) {
		return &Error{r.off, RuleTrailing}
	}
	return nil
}

// Fail returns an Error at the next item, for callers that have rules of their own.
func (r *Reader) Fail(rule string) error { return &Error{r.off, rule} }

// Peek returns the kind of the next item by its first byte.
func (r *Reader) Peek() Kind {
	if r.off >= len(r.data) {
		return Invalid
	}
	return headKinds[r.data[r.off]]
}

var headKinds = func() (k [256]Kind) {
	for b := range k {
		if b&31 > 27 {
			continue
		}
		switch byte(b) & 0xe0 {
		case majorUint, majorNeg:
			k[b] = Int
		case majorBytes:
			k[b] = Bytes
		case majorText:
			k[b] = Text
		case majorArray:
			k[b] = Array
		case majorMap:
			k[b] = Map
		}
	}
	k[majorTag|24] = Link
	k[byteFalse], k[byteTrue], k[byteNull] = Bool, Bool, Null
	k[byteF16], k[byteF32], k[byteF64] = Float, Float, Float
	return k
}()

// invalid says what is wrong with an item whose kind is Invalid, or what was wanted instead of it.
func (r *Reader) invalid(want string) error {
	if r.off >= len(r.data) {
		return &Error{r.off, RuleTruncated}
	}
	b := r.data[r.off]
	rule := ""
	switch k := r.Peek(); {
	case k != Invalid:
		rule = "got " + k.String() + ", want " + want
	case b&31 == 31:
		rule = RuleIndefinite
	case b&31 > 27:
		rule = RuleReserved
	case b&0xe0 == majorTag:
		rule = RuleTag
	case b == byteUndef:
		rule = RuleUndefined
	default:
		rule = RuleSimple
	}
	return &Error{r.off, rule}
}

// head reads a head of the major type that the caller has looked at: its argument, and the offset after it.
func (r *Reader) head() (n uint64, next int, err error) {
	d := r.data[r.off:]
	low := d[0] & 31
	if low < 24 {
		return uint64(low), r.off + 1, nil
	}
	size := 1 << (low - 24) // 1, 2, 4 or 8; the callers let nothing above 27 through
	if len(d) <= size {
		return 0, 0, &Error{r.off, RuleTruncated}
	}
	switch low {
	case 24:
		n = uint64(d[1])
	case 25:
		n = uint64(binary.BigEndian.Uint16(d[1:]))
	case 26:
		n = uint64(binary.BigEndian.Uint32(d[1:]))
	default:
		n = binary.BigEndian.Uint64(d[1:])
	}
	if low == 24 && n < 24 || low > 24 && n>>(8<<(low-25)) == 0 {
		return 0, 0, &Error{r.off, RuleMinimal}
	}
	return n, r.off + 1 + size, nil
}

// Null reads null.
func (r *Reader) Null() error {
	if r.Peek() != Null {
		return r.invalid("null")
	}
	r.off++
	return nil
}

// Bool reads a bool.
func (r *Reader) Bool() (bool, error) {
	if r.Peek() != Bool {
		return false, r.invalid("a bool")
	}
	r.off++
	return r.data[r.off-1] == byteTrue, nil
}

// Int reads an int: i when it is within int64, else big.
func (r *Reader) Int() (i int64, large *big.Int, err error) {
	if r.Peek() != Int {
		return 0, nil, r.invalid("an int")
	}
	neg := r.data[r.off]&0xe0 == majorNeg
	n, next, err := r.head()
	if err != nil {
		return 0, nil, err
	}
	switch {
	case n <= math.MaxInt64 && neg:
		i = ^int64(n)
	case n <= math.MaxInt64:
		i = int64(n)
	case !neg:
		large = new(big.Int).SetUint64(n)
	case r.strict:
		return 0, nil, &Error{r.off, RuleIntRange}
	default:
		large = new(big.Int).SetUint64(n)
		large.Not(large)
	}
	r.off = next
	return i, large, nil
}

// Small reads an int from 0 to max.
func (r *Reader) Small(max int) (int, error) {
	start := r.off
	i, large, err := r.Int()
	if err != nil {
		return 0, err
	}
	if large != nil || i < 0 || i > int64(max) {
		r.off = start
		return 0, &Error{start, fmt.Sprintf("an int is not within 0 to %d", max)}
	}
	return int(i), nil
}

// Float reads a float. A lenient Reader can give -0.
func (r *Reader) Float() (float64, error) {
	if r.Peek() != Float {
		return 0, r.invalid("a float")
	}
	d := r.data[r.off:]
	size := 1 << (d[0]&31 - 24)
	if len(d) <= size {
		return 0, &Error{r.off, RuleTruncated}
	}
	var f float64
	switch {
	case size == 8:
		f = math.Float64frombits(binary.BigEndian.Uint64(d[1:]))
	case r.strict:
		return 0, &Error{r.off, RuleFloatSize}
	case size == 4:
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(d[1:])))
	default:
		f = half(binary.BigEndian.Uint16(d[1:]))
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return 0, &Error{r.off, RuleFinite}
	case r.strict && f == 0 && math.Signbit(f):
		return 0, &Error{r.off, RuleNegZero}
	}
	r.off += 1 + size
	return f, nil
}

// half widens an IEEE 754 binary16 (RFC 8949, appendix D).
func half(h uint16) float64 {
	exp, mant := int(h>>10&31), float64(h&1023)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(mant, -24)
	case 31:
		f = math.Inf(1)
		if mant != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(mant+1024, exp-25)
	}
	if h>>15 != 0 {
		f = math.Copysign(f, -1)
	}
	return f
}

// str reads the content of a text or of bytes.
func (r *Reader) str() ([]byte, int, error) {
	n, start, err := r.head()
	if err != nil {
		return nil, 0, err
	}
	if n > uint64(len(r.data)-start) {
		return nil, 0, &Error{r.off, RuleTruncated}
	}
	end := start + int(n)
	return r.data[start:end:end], end, nil
}

// TextBytes reads a text and returns a view of it.
func (r *Reader) TextBytes() ([]byte, error) {
	if r.Peek() != Text {
		return nil, r.invalid("a text")
	}
	b, next, err := r.str()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(b) {
		return nil, &Error{r.off, RuleUTF8}
	}
	r.off = next
	return b, nil
}

// Text reads a text.
func (r *Reader) Text() (string, error) {
	b, err := r.TextBytes()
	return string(b), err
}

// Bytes reads bytes and returns a view of them.
func (r *Reader) Bytes() ([]byte, error) {
	if r.Peek() != Bytes {
		return nil, r.invalid("bytes")
	}
	b, next, err := r.str()
	if err != nil {
		return nil, err
	}
	r.off = next
	return b, nil
}

// linkBytes reads a link and returns a view of the CID's binary form, of which it has looked at the first byte only.
func (r *Reader) linkBytes() ([]byte, error) {
	if r.Peek() != Link {
		return nil, r.invalid("a link")
	}
	start := r.off
	fail := func(rule string) ([]byte, error) {
		r.off = start
		return nil, &Error{start, rule}
	}
	tag, next, err := r.head()
	if err != nil {
		return nil, err
	}
	if tag != tagLink {
		return fail(RuleTag)
	}
	r.off = next
	if r.Peek() != Bytes {
		return fail(RuleLink)
	}
	b, next, err := r.str()
	if err != nil {
		r.off = start
		return nil, err
	}
	if len(b) < 2 || b[0] != 0 {
		return fail(RuleLink)
	}
	r.off = next
	return b[1:], nil
}

// Link reads a link.
func (r *Reader) Link() (cid.Cid, error) {
	start := r.off
	b, err := r.linkBytes()
	if err != nil {
		return cid.Undef, err
	}
	c, err := castCID(b)
	if err != nil {
		r.off = start
		return cid.Undef, &Error{start, RuleLink}
	}
	return c, nil
}

// count reads the head of a container whose every member takes at least least bytes.
func (r *Reader) count(least int) (int, error) {
	n, next, err := r.head()
	if err != nil {
		return 0, err
	}
	if n > uint64(len(r.data)-next)/uint64(least) {
		return 0, &Error{r.off, RuleTruncated}
	}
	r.off = next
	return int(n), nil
}

// Array reads the head of a list: n items follow. n is no more than the bytes that remain.
func (r *Reader) Array() (n int, err error) {
	if r.Peek() != Array {
		return 0, r.invalid("a list")
	}
	return r.count(1)
}

// Map reads the head of a map: n times a Key and a value follow.
func (r *Reader) Map() (n int, err error) {
	if r.Peek() != Map {
		return 0, r.invalid("a map")
	}
	return r.count(2)
}

// Key reads a map's key. A strict Reader wants it to come after prev, the key before it, unless it is the first;
// with a lenient one the caller must look for duplicates.
func (r *Reader) Key(prev string, first bool) (string, error) {
	start := r.off
	b, err := r.keyBytes()
	if err != nil {
		return "", err
	}
	if r.strict && !first && !(len(prev) < len(b) || len(prev) == len(b) && prev < string(b)) {
		r.off = start
		if prev == string(b) {
			return "", &Error{start, RuleDuplicate}
		}
		return "", &Error{start, RuleOrder}
	}
	return string(b), nil
}

func (r *Reader) keyBytes() ([]byte, error) {
	if k := r.Peek(); k != Text && k != Invalid {
		return nil, &Error{r.off, RuleKey}
	}
	return r.TextBytes()
}

// Only reads the head and the key of a map with exactly one key, want, and says whether that is what comes next.
// If not, it reads nothing.
func (r *Reader) Only(want string) bool {
	d := r.data[r.off:]
	if len(want) > 23 || len(d) < 2+len(want) || d[0] != majorMap|1 || d[1] != majorText|byte(len(want)) || string(d[2:2+len(want)]) != want {
		return false
	}
	r.off += 2 + len(want)
	return true
}
