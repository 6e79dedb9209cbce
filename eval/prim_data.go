// This file holds the primitives that read and write data formats: json.*, csv.* and hash.*, and how values are shown.

package eval

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

var dataPrims = slices.Concat(regexPrims, []Spec{
	{"json.parse", 1, 1, jsonParse, "text: the value that the DAG-JSON text denotes; malformed text is \"bad text\"; cost: 1 per 256 bytes and per 16 of the characters , [ and {, and for a long int that of a product of two such"},
	{"csv.parse", 1, 1, csvParse, "text: a list of maps, a record each; the first record names the fields; values are text; malformed text, a record of another length and a name that comes twice are \"bad text\"; cost: 1 per 256 bytes and per 16 fields"},
	{"csv.show", 1, 1, csvShow, "rows: a list of maps as CSV with LF line ends, the fields in the maps' order; texts as they are, other values as show writes them; all rows have the first one's fields, else \"no field\"; cost: 1 per 16 fields and per 256 bytes, and as show"},
	{"hash.sha256", 1, 1, hashSHA256, "b: the SHA-256 of bytes, or of a text's UTF-8, as 32 bytes; cost: 1 per 64 bytes"},
})

// badText is the error for malformed text: where, as line and column from 1 (columns in code points), and what is wrong.
func badText(format, s string, offset int, reason string) error {
	offset = max(0, min(offset, len(s)))
	before := s[:offset]
	line, start := 1, 0
	for i := 0; i < len(before); i++ {
		switch {
		case before[i] == '\n', before[i] == '\r' && (i+1 >= len(s) || s[i+1] != '\n'):
			line, start = line+1, i+1
		}
	}
	column := utf8.RuneCountInString(before[start:]) + 1
	return Fail("bad text", graph.Record("format", format, "line", line, "column", column, "reason", reason))
}

// digitCost is the cost of reading the long ints in s: that of a product of two such. One of less than 19 digits costs nothing.
func digitCost(s string) int64 {
	digit := func(i int) bool { return '0' <= s[i] && s[i] <= '9' }
	cost := int64(0)
	for end := 18; end < len(s); end += 19 {
		if !digit(end) {
			continue
		}
		start := end
		for start > 0 && digit(start-1) {
			start--
		}
		for end < len(s) && digit(end) {
			end++
		}
		run := int64(end-start) / 19
		cost += mulCost(run, run)
	}
	return cost
}

func jsonParse(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	parts := int64(strings.Count(s, ",") + strings.Count(s, "[") + strings.Count(s, "{"))
	m.Charge(int64(len(s))/256 + parts/16 + digitCost(s))
	reserve(m, 2*int64(len(s))+64*parts)
	var v graph.Value
	parse := func() { v, err = graph.ParseJSON(unsafe.Slice(unsafe.StringData(s), len(s))) }
	if len(s) < longText {
		parse()
	} else {
		m.apart(parse)
	}
	if err != nil {
		offset := 0
		if e := (*graph.TextError)(nil); errors.As(err, &e) {
			offset = e.Offset
		}
		return graph.Value{}, badText("json", s, offset, "malformed")
	}
	return v, nil
}

// appendShown appends what show writes of v, whose root has been looked at. A map with the sole key "/" anywhere in it
// is the error "cannot show". It charges 1 per 16 parts and per 256 bytes.
func appendShown(m *Machine, dst []byte, v graph.Value) ([]byte, error) {
	size, err := shownSize(m, v)
	if err != nil {
		return nil, err
	}
	reserve(m, 2*(int64(len(dst))+size))
	before := len(dst)
	if _, small := v.Int(); v.Kind() == graph.KindInt && !small && words(v.BigInt()) > longInt {
		var digits []byte
		x := v.BigInt()
		m.apart(func() { digits = x.Append(nil, 10) })
		dst = append(dst, digits...)
		chargeBytes(m, len(dst)-before)
		return dst, nil
	}
	if v.Kind() == graph.KindText && size >= longBytes {
		text := m.long(int(size), func() graph.Value {
			text, _ := graph.AppendJSON(nil, v, nil) // a text has no error
			return graph.BytesValue(text)
		})
		dst = append(dst, text.Bytes()...)
		chargeBytes(m, len(dst)-before)
		return dst, nil
	}
	dst, err = graph.AppendJSONPolled(slices.Grow(dst, int(size)), v, m.Blocks(), m.poll)
	if err != nil {
		return nil, Fail("cannot show", v)
	}
	chargeBytes(m, len(dst)-before)
	return dst, nil
}

const longText = 1 << 17 // bytes of a text that takes some milliseconds to parse

const longInt = 1 << 13 // words of an int whose digits take some milliseconds

// shownSize is about how many bytes show will write of v. It walks all of v, so that what is small in memory, because
// the same part stands in many places, is charged and refused as what it is when written.
func shownSize(m *Machine, v graph.Value) (int64, error) {
	type level struct {
		list   graph.ListIter
		fields *graph.Map // nil for a list
		index  int
	}
	var stack []level
	parts, size, asked := int64(0), int64(0), int64(1<<20)
	for {
		if parts++; parts%16 == 0 {
			m.Charge(1)
		}
		if size > asked {
			reserve(m, size)
			asked = 2 * size
		}
		size += 2
		switch v.Kind() {
		case graph.KindInt:
			size += 6
			if _, small := v.Int(); !small {
				w := words(v.BigInt())
				m.Charge(mulCost(w, w))
				size += 20 * w
			}
		case graph.KindFloat:
			size += 16
		case graph.KindText:
			size += int64(len(v.Text()))
		case graph.KindBytes:
			size += int64(v.BytesLen())*4/3 + 16
		case graph.KindLink, graph.KindFn, graph.KindLazy:
			size += 70
		case graph.KindList, graph.KindMap:
			l := level{}
			if v.Kind() == graph.KindList {
				l.list = v.List().Iter()
			} else {
				l.fields = m.inOrder(v.Map())
				if key, _, ok := l.fields.Only(); ok && key == "/" {
					return 0, Fail("cannot show", v)
				}
			}
			if n := len(stack); n == cap(stack) && n > 256 {
				reserve(m, 2*int64(n)*int64(unsafe.Sizeof(l)))
			}
			stack = append(stack, l)
		}
		for more := false; !more; {
			if len(stack) == 0 {
				return size, nil
			}
			top := &stack[len(stack)-1]
			if top.fields == nil {
				v, more = top.list.Next()
			} else if more = top.index < top.fields.Len(); more {
				var key string
				key, v = top.fields.At(top.index)
				top.index++
				size += int64(len(key)) + 3
			}
			if !more {
				*top = level{}
				stack = stack[:len(stack)-1]
			}
		}
	}
}

func csvParse(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	bad := func(err error) (graph.Value, error) {
		e := err.(*graph.TextError)
		return graph.Value{}, badText("csv", s, e.Offset, e.Msg)
	}
	r := graph.NewCSVReader(s)
	r.Reserve = func(bytes int64) { reserve(m, bytes) }
	if !r.More() {
		return graph.NewList(), nil
	}
	start := r.Offset()
	names, err := r.Record(nil)
	if err != nil {
		return bad(err)
	}
	m.Charge(int64(len(names)) / 16)
	reserve(m, 64*int64(len(names)))
	columns, err := graph.NewColumns(names, start)
	if err != nil {
		return bad(err)
	}
	var rows listOut
	rows.m = m
	c := meter{m: m}
	var fields []string
	for asked := 0; r.More(); {
		start := r.Offset()
		if fields, err = r.Record(fields[:0]); err == nil {
			err = columns.Fit(fields, start)
		}
		if err != nil {
			return bad(err)
		}
		if r.Offset()-asked > 1<<16 || len(fields) > 1<<10 {
			reserve(m, 64*int64(len(fields))+1<<17)
			asked = r.Offset()
		}
		rows.add(columns.Row(func(i int) graph.Value {
			c.tick()
			return graph.Text(fields[i])
		}))
	}
	return rows.value(), nil
}

func csvShow(m *Machine, args []graph.Value) (graph.Value, error) {
	list, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	var out []byte
	var first *graph.Map
	c := meter{m: m}
	for it := list.Iter(); ; {
		v, ok := it.Next()
		if !ok {
			break
		}
		v = head(m, v)
		if v.Kind() != graph.KindMap {
			return graph.Value{}, wrongKind(v, "map")
		}
		row := v.Map()
		if first == nil {
			if first = row; row.Len() == 0 {
				return graph.Value{}, Fail("empty", v)
			}
			for i := range row.Len() {
				key, _ := row.At(i)
				out = appendCell(m, out, key, i, row.Len())
			}
		}
		if err := sameFields(first, v); err != nil {
			return graph.Value{}, err
		}
		for i := range row.Len() {
			c.tick()
			_, cell := row.At(i)
			text := ""
			if cell = head(m, cell); cell.Kind() == graph.KindText {
				text = cell.Text()
			} else if shown, err := appendShown(m, nil, cell); err != nil {
				return graph.Value{}, err
			} else {
				text = string(shown)
			}
			out = appendCell(m, out, text, i, row.Len())
		}
	}
	chargeBytes(m, len(out))
	return graph.Text(string(out)), nil
}

// sameFields checks that the map v has first's fields and no other.
func sameFields(first *graph.Map, v graph.Value) error {
	row := v.Map()
	for i := range max(first.Len(), row.Len()) {
		var want, got string
		if i < first.Len() {
			want, _ = first.At(i)
		}
		if i < row.Len() {
			got, _ = row.At(i)
		}
		switch {
		case want == got && i < first.Len() && i < row.Len():
		case i >= row.Len(), i < first.Len() && want < got:
			return Fail("no field", graph.Record("field", want, "in", v))
		default:
			return Fail("no field", graph.Record("field", got, "in", graph.MapValue(first)))
		}
	}
	return nil
}

// appendCell appends cell i of a record of n, and what stands behind it.
func appendCell(m *Machine, out []byte, cell string, i, n int) []byte {
	if len(cell)+len(out) > cap(out) {
		reserve(m, 2*int64(len(cell)+len(out)))
	}
	quoted := strings.ContainsAny(cell, ",\"\r\n") || cell == "" && n == 1 || len(out) == 0 && strings.HasPrefix(cell, graph.ByteOrderMark)
	if quoted {
		out = append(out, '"')
		out = append(out, strings.ReplaceAll(cell, `"`, `""`)...)
		out = append(out, '"')
	} else {
		out = append(out, cell...)
	}
	if i == n-1 {
		return append(out, '\n')
	}
	return append(out, ',')
}

func hashSHA256(m *Machine, args []graph.Value) (graph.Value, error) {
	switch v := args[0]; v.Kind() {
	case graph.KindBytes:
		m.Charge(int64(v.BytesLen()) / 64)
		h := sha256.New()
		eachWindow(m, v, func(b []byte) bool {
			h.Write(b)
			return true
		})
		return graph.BytesValue(h.Sum(nil)), nil
	case graph.KindText:
		s := v.Text()
		m.Charge(int64(len(s)) / 64)
		return m.long(len(s), func() graph.Value {
			sum := sha256.Sum256([]byte(s))
			return graph.BytesValue(sum[:])
		}), nil
	default:
		return graph.Value{}, wrongKind(v, "bytes or text")
	}
}
