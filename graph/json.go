// This file holds values as DAG-JSON text.

package graph

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/ipfs/go-cid"
)

// ErrSlash says that a map has the sole key "/", so that DAG-JSON would read it as a link or bytes.
var ErrSlash = errors.New(`a map with the sole key "/" has no DAG-JSON`)

// AppendJSON appends v as DAG-JSON without white space: the keys of maps in bytewise order, a function or lazy value
// as the link to its code, whose blocks it puts. The only error is ErrSlash.
func AppendJSON(dst []byte, v Value, put Sink) ([]byte, error) {
	return appendJSON(dst, v, put, false, nil)
}

// AppendJSONPolled is AppendJSON that calls poll from time to time.
func AppendJSONPolled(dst []byte, v Value, put Sink, poll func()) ([]byte, error) {
	return appendJSON(dst, v, put, false, poll)
}

// PrettyJSON appends v as AppendJSON does, with line breaks and two spaces of indentation.
func PrettyJSON(dst []byte, v Value, put Sink) ([]byte, error) {
	return appendJSON(dst, v, put, true, nil)
}

const pollEvery = 1 << 14 // values

// A jsonFrame is a container in the course of being written.
type jsonFrame struct {
	list  ListIter
	keys  []string
	vals  []Value
	i, n  int
	isMap bool
}

func appendJSON(dst []byte, v Value, put Sink, pretty bool, poll func()) ([]byte, error) {
	w := NewWriter(put)
	var stack []jsonFrame
	newline := func() {
		if pretty {
			dst = append(dst, '\n')
			for range stack {
				dst = append(dst, "  "...)
			}
		}
	}
	for n := 1; ; n++ {
		if n%pollEvery == 0 && poll != nil {
			poll()
		}
		switch v.Kind() {
		case KindList:
			dst = append(dst, '[')
			stack = append(stack, jsonFrame{list: v.List().Iter(), n: v.List().Len()})
		case KindMap:
			if key, _, ok := v.Map().Only(); ok && key == "/" {
				return dst, ErrSlash
			}
			dst = append(dst, '{')
			keys, vals := v.Map().flatten()
			stack = append(stack, jsonFrame{keys: keys, vals: vals, n: len(keys), isMap: true})
		default:
			dst = appendJSONScalar(dst, v, w)
		}
		for {
			if len(stack) == 0 {
				return dst, nil
			}
			f := &stack[len(stack)-1]
			if f.i < f.n {
				break
			}
			end := byte(']')
			if f.isMap {
				end = '}'
			}
			stack = stack[:len(stack)-1]
			if f.n > 0 {
				newline()
			}
			dst = append(dst, end)
		}
		f := &stack[len(stack)-1]
		if f.i > 0 {
			dst = append(dst, ',')
		}
		newline()
		if f.isMap {
			v = f.vals[f.i]
			dst = append(appendJSONText(dst, f.keys[f.i]), ':')
			if pretty {
				dst = append(dst, ' ')
			}
		} else {
			v, _ = f.list.Next()
		}
		f.i++
	}
}

func appendJSONScalar(dst []byte, v Value, w *Writer) []byte {
	switch v.Kind() {
	case KindNull:
		return append(dst, "null"...)
	case KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case KindInt:
		if i, ok := v.Int(); ok {
			return strconv.AppendInt(dst, i, 10)
		}
		return v.BigInt().Append(dst, 10)
	case KindFloat:
		return AppendFloat(dst, v.Float())
	case KindText:
		return appendJSONText(dst, v.Text())
	case KindBytes:
		dst = append(dst, `{"/":{"bytes":"`...)
		dst = base64.RawStdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, `"}}`...)
	}
	c := cid.Undef
	switch v.Kind() {
	case KindLink:
		c = v.Link()
	case KindFn:
		c = w.FnCode(v.Fn())
	case KindLazy:
		c = w.ThunkCode(v.Thunk())
	}
	dst = append(append(dst, `{"/":"`...), c.String()...)
	return append(dst, `"}`...)
}

// AppendFloat appends a float as ECMAScript writes it (ECMA-262, Number::toString), with ".0" where there is no point or exponent.
func AppendFloat(dst []byte, f float64) []byte {
	a := math.Abs(f)
	if a != 0 && (a < 1e-6 || a >= 1e21) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') { // e-07
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !slices.Contains(dst[start:], '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}

func appendJSONText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// A TextError says what is wrong with a JSON or CSV text, and at which byte.
type TextError struct {
	Offset int
	Msg    string
}

func (e *TextError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Msg) }

const maxJSONDepth = 1000

// ParseJSON returns the value of a DAG-JSON text (RFC 8259; {"/": "CID"} is a link, {"/": {"bytes": "base64"}} bytes). A number with
// a fraction or an exponent is a float, any other an int. Duplicate keys, lone surrogates, invalid UTF-8, floats beyond float64 and
// nesting deeper than 1,000 are errors. Errors are *TextError. Nothing of data is kept.
func ParseJSON(data []byte) (Value, error) {
	p := jsonParser{data: data}
	return p.all()
}

type jsonParser struct {
	data   []byte
	i      int
	beyond bool     // it would have gone another way if data were longer
	vals   []Value  // the parts of the containers in progress
	keys   []string // the keys of the maps in progress
	shapes []shape  // by depth: the last map there
	texts  TextMaker
}

// A shape is the keys of a map in the order of the text, and sorted.
type shape struct {
	keys   []string
	sorted []string
	order  []int // sorted[i] is keys[order[i]]
}

// begin has p read data from i on, and forget what it was in the midst of.
func (p *jsonParser) begin(data []byte, i int) {
	clear(p.vals)
	clear(p.keys)
	p.data, p.i, p.beyond, p.vals, p.keys = data, i, false, p.vals[:0], p.keys[:0]
}

// all reads the value that is all of the text.
func (p *jsonParser) all() (Value, error) {
	p.space()
	v, err := p.value(0)
	if err == nil {
		if p.space(); p.i < len(p.data) {
			err = p.fail("got %s, want the end", p.here())
		}
	}
	return v, err
}

func (p *jsonParser) fail(format string, args ...any) error {
	return &TextError{p.i, fmt.Sprintf(format, args...)}
}

// here describes what comes next.
func (p *jsonParser) here() string {
	if p.i >= len(p.data) {
		p.beyond = true
		return "the end"
	}
	p.beyond = p.beyond || !utf8.FullRune(p.data[p.i:])
	r, _ := utf8.DecodeRune(p.data[p.i:])
	return strconv.QuoteRune(r)
}

func (p *jsonParser) space() {
	for p.i < len(p.data) {
		switch p.data[p.i] {
		case ' ', '\n', '\t', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *jsonParser) peek() byte {
	if p.i < len(p.data) {
		return p.data[p.i]
	}
	p.beyond = true
	return 0
}

// value reads a value that begins here.
func (p *jsonParser) value(depth int) (Value, error) {
	switch c := p.peek(); c {
	case '{', '[':
		if depth == maxJSONDepth {
			return Value{}, p.fail("nested more than %d deep", maxJSONDepth)
		}
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case '"':
		s, err := p.text()
		return p.texts.Copy(s), err
	case 't':
		return Bool(true), p.word("true")
	case 'f':
		return Bool(false), p.word("false")
	case 'n':
		return Null(), p.word("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return p.number()
	}
	return Value{}, p.fail("got %s, want a value", p.here())
}

func (p *jsonParser) word(w string) error {
	if len(p.data)-p.i < len(w) {
		p.beyond = true
		return p.fail("got %s, want a value", p.here())
	}
	if string(p.data[p.i:p.i+len(w)]) != w {
		return p.fail("got %s, want a value", p.here())
	}
	p.i += len(w)
	return nil
}

func (p *jsonParser) array(depth int) (Value, error) {
	p.i++
	p.space()
	if p.peek() == ']' {
		p.i++
		return ListValue(EmptyList), nil
	}
	base := len(p.vals)
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		p.vals = append(p.vals, v)
		p.space()
		switch p.peek() {
		case ',':
			p.i++
			p.space()
		case ']':
			p.i++
			l := NewList(p.vals[base:]...)
			p.vals = p.vals[:base]
			return l, nil
		default:
			return v, p.fail("got %s, want , or ]", p.here())
		}
	}
}

func (p *jsonParser) object(depth int) (Value, error) {
	start := p.i
	p.i++
	p.space()
	if p.peek() == '}' {
		p.i++
		return MapValue(EmptyMap), nil
	}
	for len(p.shapes) <= depth {
		p.shapes = append(p.shapes, shape{})
	}
	base, keyBase := len(p.vals), len(p.keys)
	same := true // the keys so far are those of the last map here
	for {
		if p.peek() != '"' {
			return Value{}, p.fail("got %s, want a key", p.here())
		}
		at := p.i
		k, err := p.text()
		if err != nil {
			return Value{}, err
		}
		n := len(p.keys) - keyBase
		if last := p.shapes[depth].keys; same && n < len(last) && last[n] == string(k) {
			p.keys = append(p.keys, last[n])
		} else {
			same = false
			p.keys = append(p.keys, string(k))
		}
		p.space()
		if p.peek() != ':' {
			return Value{}, p.fail("got %s, want :", p.here())
		}
		p.i++
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		p.vals = append(p.vals, v)
		p.space()
		switch p.peek() {
		case ',':
			p.i++
			p.space()
			continue
		case '}':
			p.i++
		default:
			return v, p.fail("got %s, want , or }", p.here())
		}
		keys, vals := p.keys[keyBase:], p.vals[base:]
		if len(keys) == 1 && keys[0] == "/" {
			v, err = p.slash(start, at, v)
		} else {
			s := &p.shapes[depth]
			if !same || len(keys) != len(s.keys) {
				if err := s.set(keys, start); err != nil {
					return v, err
				}
			}
			v = MapValue(s.mapOf(vals))
		}
		clear(p.keys[keyBase:])
		p.keys, p.vals = p.keys[:keyBase], p.vals[:base]
		return v, err
	}
}

// set makes s the shape of keys, of a map that begins at start.
func (s *shape) set(keys []string, start int) error {
	n := len(keys)
	*s = shape{keys: slices.Clone(keys), sorted: make([]string, n), order: make([]int, n)}
	for i := range s.order {
		s.order[i] = i
	}
	if n <= 16 {
		for i := 1; i < n; i++ {
			for j := i; j > 0 && keys[s.order[j]] < keys[s.order[j-1]]; j-- {
				s.order[j], s.order[j-1] = s.order[j-1], s.order[j]
			}
		}
	} else {
		sort.Slice(s.order, func(i, j int) bool { return keys[s.order[i]] < keys[s.order[j]] })
	}
	for i, j := range s.order {
		s.sorted[i] = keys[j]
		if i > 0 && s.sorted[i] == s.sorted[i-1] {
			*s = shape{} // the next map may be like it
			return &TextError{start, fmt.Sprintf("duplicate key %.40q", keys[j])}
		}
	}
	return nil
}

// mapOf returns the map with s's keys and vals in the order of the text.
func (s *shape) mapOf(vals []Value) *Map {
	v := make([]Value, len(vals))
	for i, j := range s.order {
		v[i] = vals[j]
	}
	return MapSorted(s.sorted, v)
}

// slash returns what {"/": v} means.
func (p *jsonParser) slash(start, at int, v Value) (Value, error) {
	switch v.Kind() {
	case KindText:
		c, err := cid.Decode(v.Text())
		if err != nil {
			return v, &TextError{at, fmt.Sprintf("got %.60q, want a CID", v.Text())}
		}
		return LinkValue(c), nil
	case KindMap:
		if key, b, ok := v.Map().Only(); ok && key == "bytes" && b.Kind() == KindText {
			data, err := base64.RawStdEncoding.Strict().DecodeString(b.Text())
			if err != nil {
				return v, &TextError{at, "got bytes that are not base64 without padding"}
			}
			return BytesValue(data), nil
		}
	}
	return v, &TextError{start, `got a map with the sole key "/", want {"/": "CID"} or {"/": {"bytes": "base64"}}`}
}

// text reads a text that begins here. What it returns is only valid until the next call.
func (p *jsonParser) text() ([]byte, error) {
	start := p.i
	i := start + 1
	high := byte(0)
	for i < len(p.data) {
		c := p.data[i]
		if c == '"' {
			s := p.data[start+1 : i]
			if high >= 0x80 && !utf8.Valid(s) {
				return nil, p.fail("a text that is not valid UTF-8")
			}
			p.i = i + 1
			return s, nil
		}
		if c == '\\' {
			return p.escapedText(i)
		}
		if c < ' ' {
			p.i = i
			return nil, p.fail("got %s, want an escape for a control character", p.here())
		}
		high |= c
		i++
	}
	return nil, p.endless()
}

func (p *jsonParser) endless() error {
	p.beyond = true
	return p.fail("a text without an end")
}

// escapedText reads a text with escapes, the first at i.
func (p *jsonParser) escapedText(i int) ([]byte, error) {
	start := p.i
	s := slices.Clone(p.data[start+1 : i])
	for i < len(p.data) {
		c := p.data[i]
		i++
		switch {
		case c == '"':
			if !utf8.Valid(s) {
				return nil, p.fail("a text that is not valid UTF-8")
			}
			p.i = i
			return s, nil
		case c < ' ':
			p.i = i - 1
			return nil, p.fail("got %s, want an escape for a control character", p.here())
		case c != '\\':
			s = append(s, c)
			continue
		case i == len(p.data):
			return nil, p.endless()
		}
		c = p.data[i]
		i++
		switch c {
		case '"', '\\', '/':
			s = append(s, c)
		case 'b':
			s = append(s, '\b')
		case 'f':
			s = append(s, '\f')
		case 'n':
			s = append(s, '\n')
		case 'r':
			s = append(s, '\r')
		case 't':
			s = append(s, '\t')
		case 'u':
			p.beyond = p.beyond || len(p.data)-i < 10
			r, ok := hex4(p.data[i:])
			if !ok {
				p.i = i - 2
				return nil, p.fail("got an escape \\u without four hexadecimal digits")
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if len(p.data)-i >= 6 && p.data[i] == '\\' && p.data[i+1] == 'u' {
					low, ok = hex4(p.data[i+2:])
				}
				if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
					p.i = i - 6
					return nil, p.fail("a lone surrogate")
				}
				i += 6
			}
			s = utf8.AppendRune(s, r)
		default:
			p.i = i - 2
			return nil, p.fail("got the escape \\%c, want one of \" \\ / b f n r t u", c)
		}
	}
	return nil, p.endless()
}

func hex4(d []byte) (rune, bool) {
	if len(d) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range d[:4] {
		switch {
		case c-'0' < 10:
			c -= '0'
		case c|0x20-'a' < 6:
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (p *jsonParser) number() (Value, error) {
	start := p.i
	neg := p.data[p.i] == '-'
	if neg {
		p.i++
	}
	first := p.i
	var n uint64
	for p.i < len(p.data) && p.data[p.i]-'0' < 10 {
		n = n*10 + uint64(p.data[p.i]-'0')
		p.i++
	}
	digits := p.i - first
	switch {
	case digits == 0:
		return Value{}, p.fail("got %s, want a digit", p.here())
	case digits > 1 && p.data[first] == '0':
		p.i = start
		return Value{}, p.fail("got a number that begins with 0")
	}
	isFloat := false
	if p.peek() == '.' {
		isFloat = true
		p.i++
		if err := p.digits(); err != nil {
			return Value{}, err
		}
	}
	if p.peek()|0x20 == 'e' {
		isFloat = true
		p.i++
		if c := p.peek(); c == '+' || c == '-' {
			p.i++
		}
		if err := p.digits(); err != nil {
			return Value{}, err
		}
	}
	text := p.data[start:p.i]
	switch {
	case isFloat:
		f, err := strconv.ParseFloat(unsafe.String(&text[0], len(text)), 64)
		if err != nil {
			p.i = start
			return Value{}, p.fail("got a number beyond the range of floats")
		}
		return Float(f), nil
	case digits <= 18:
		if neg {
			return Int(-int64(n)), nil
		}
		return Int(int64(n)), nil
	case digits > MaxDigits:
		p.i = start
		return Value{}, p.fail("got an int of %d digits, want at most %d", digits, MaxDigits)
	}
	i := parseDigits(string(p.data[first:p.i]))
	if neg {
		i.Neg(i)
	}
	return BigInt(i), nil
}

func (p *jsonParser) digits() error {
	start := p.i
	for p.i < len(p.data) && p.data[p.i]-'0' < 10 {
		p.i++
	}
	if p.i == start {
		return p.fail("got %s, want a digit", p.here())
	}
	return nil
}
