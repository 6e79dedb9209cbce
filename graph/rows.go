// This file reads the rows of a file of any size, one after the other: CSV, NDJSON, or the list that a JSON text is.
//
// A window on the file holds a row and what was read behind it. The parsers of whole texts read the row in place; when one would
// have to look beyond the window, but not beyond the file, the window gets longer and the row is read again.

package graph

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// What is in memory at once.
const (
	MaxRow     = 16 << 20 // bytes of a row
	MaxJSON    = 64 << 20 // bytes of a JSON text that is no list
	windowSize = 256 << 10
)

// Formats are those that Rows reads.
var Formats = []string{"csv", "json", "ndjson"}

// A RowError says what is wrong with a row, or with the file as a whole. Lines and columns count from 1, columns in code points.
type RowError struct {
	Line, Column int
	Msg          string
	Last         bool // no row can be read behind it
}

func (e *RowError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg) }

// Rows reads rows. They are what ParseJSON and csv.parse make of the whole text; in NDJSON each line that is not blank is a JSON text.
// Errors are *RowErrors, or the reader's.
type Rows struct {
	Reserve func(bytes int64) error // called before Whole takes much memory, if it is not nil; its error is Whole's
	Cut     bool                    // the file has ended before its list did
	window
	read func() (Value, error)
	skip func() error // passes over the bad row
	done bool

	// CSV:
	columns Columns
	fields  []string
	texts   TextMaker

	// JSON and NDJSON:
	parser jsonParser
	list   listState
}

type listState uint8

const (
	listAhead  listState = iota // nothing has been read
	listBegun                   // its bracket has
	listInside                  // a comma has
	listClosed
	listNone // the text is no list
)

// NewRows returns the Rows of a file in one of the Formats.
func NewRows(r io.Reader, format string) *Rows {
	rows := &Rows{window: window{r: r, size: windowSize, limit: MaxRow, at: position{line: 1, column: 1}}}
	switch format {
	case "csv":
		rows.read = rows.record
	case "json":
		rows.read = rows.element
	case "ndjson":
		rows.read = rows.line
	default:
		panic("BUG: rows as " + format)
	}
	return rows
}

// Next returns the next row, or io.EOF. After a RowError that is not the last one it goes on behind the bad row.
func (r *Rows) Next() (Value, error) {
	if r.done {
		return Value{}, io.EOF
	}
	if skip := r.skip; skip != nil {
		r.skip = nil
		if err := skip(); err != nil {
			return Value{}, r.ended(err)
		}
	}
	v, err := r.read()
	return v, r.ended(err)
}

// ended takes note of an error behind which there is nothing.
func (r *Rows) ended(err error) error {
	var bad *RowError
	r.done = err != nil && (!errors.As(err, &bad) || bad.Last)
	return err
}

// bad is the error of what stands in the window at i. skip passes over the row; nil if that cannot be done.
func (r *Rows) bad(i int, msg string, skip func() error) error {
	at := r.at
	at.reach(r.buf, i)
	r.skip = skip
	return &RowError{at.line, at.column, msg, skip == nil}
}

// tooLong is the error of a row that does not fit into the window. skip passes over it.
func (r *Rows) tooLong(skip func() error) error {
	return r.bad(r.pos, fmt.Sprintf("a row of more than %d bytes", r.limit), skip)
}

// record reads a row of CSV.
func (r *Rows) record() (Value, error) {
	if r.columns.keys == nil {
		if err := r.header(); err != nil {
			return Value{}, err
		}
	}
	start, err := r.scan()
	if err == nil {
		err = r.columns.Fit(r.fields, start)
	}
	var wrong *TextError
	if errors.As(err, &wrong) {
		skip := func() error { return nil }
		if r.pos == start { // it is not known where it ends
			skip = func() error { return r.skipLine(wrong.Offset-start, "\r\n") }
		}
		return Value{}, r.bad(wrong.Offset, wrong.Msg, skip)
	}
	if err != nil {
		return Value{}, err
	}
	return r.columns.Row(func(i int) Value {
		return r.texts.Copy(unsafe.Slice(unsafe.StringData(r.fields[i]), len(r.fields[i])))
	}), nil
}

func (r *Rows) header() error {
	if err := r.more(); err != nil {
		return err
	}
	if bytes.HasPrefix(r.buf, []byte(ByteOrderMark)) {
		r.pos = len(ByteOrderMark)
	}
	start, err := r.scan()
	if err == nil {
		names := make([]string, len(r.fields))
		for i, f := range r.fields {
			names[i] = strings.Clone(f)
		}
		if r.columns, err = NewColumns(names, start); err != nil {
			keys := r.columns.keys
			i := 1
			for keys[i] != keys[i-1] {
				i++
			}
			return r.bad(start, fmt.Sprintf("%s, %.40q", err.(*TextError).Msg, keys[i]), nil)
		}
	}
	var wrong *TextError
	var long *RowError
	switch {
	case errors.As(err, &wrong):
		return r.bad(wrong.Offset, wrong.Msg, nil)
	case errors.As(err, &long): // without the names there are no rows
		r.skip, long.Last = nil, true
	}
	return err
}

// scan reads a record, which stands in the window at start and is behind then. Its fields are parts of the window. After a
// *TextError, whose offset is in the window, the record is still ahead if it is not known where it ends.
func (r *Rows) scan() (start int, err error) {
	for {
		c := CSVReader{text: r.ahead()}
		if c.More() {
			r.pos += c.pos
			c = CSVReader{text: r.ahead()}
			r.fields, err = c.Record(r.fields[:0])
			var wrong *TextError
			open := errors.As(err, &wrong) && wrong.Msg == msgNotClosed
			switch start = r.pos; {
			case !r.end && !r.full() && (c.pos == len(c.text) || open):
			case !r.end && c.pos == len(c.text):
				return start, r.tooLong(func() error { return r.skipLine(len(r.buf)-r.pos, "\r\n") })
			case err != nil:
				return start, &TextError{start + wrong.Offset, wrong.Msg}
			default:
				r.pos += c.pos
				if row := c.text[:c.pos]; !utf8.ValidString(row) {
					return start, &TextError{start + len(row) - len(afterValid(row)), "not UTF-8 text"}
				}
				return start, nil
			}
		} else if r.pos += c.pos; r.end {
			return r.pos, io.EOF
		}
		if err := r.more(); err != nil {
			return r.pos, err
		}
	}
}

// afterValid is s from where it is no UTF-8.
func afterValid(s string) string {
	for i, c := range s {
		if c == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return s[i:]
		}
	}
	return ""
}

// skipLine passes over n bytes and what follows of their line, up to one of the ends.
func (r *Rows) skipLine(n int, ends string) error {
	for r.pos += n; ; {
		if i := bytes.IndexAny(r.buf[r.pos:], ends); i >= 0 || r.end {
			if r.pos += i; i < 0 {
				r.pos = len(r.buf)
			}
			return nil
		}
		r.pos = len(r.buf)
		if err := r.more(); err != nil {
			return err
		}
	}
}

// line reads a row of NDJSON.
func (r *Rows) line() (Value, error) {
	for {
		n := bytes.IndexByte(r.buf[r.pos:], '\n')
		if n < 0 && !r.end {
			if r.full() {
				return Value{}, r.tooLong(func() error { return r.skipLine(len(r.buf)-r.pos, "\n") })
			}
			if err := r.more(); err != nil {
				return Value{}, err
			}
			continue
		}
		start, end := r.pos, r.pos+n
		if r.pos = end + 1; n < 0 {
			end = len(r.buf)
			r.pos = end
		}
		p := &r.parser
		p.begin(r.buf[start:end], 0)
		if p.space(); p.i == end-start {
			if n < 0 {
				return Value{}, io.EOF
			}
			continue
		}
		v, err := p.all()
		if err != nil {
			wrong := err.(*TextError)
			return v, r.bad(start+wrong.Offset, wrong.Msg, func() error { return nil })
		}
		return v, nil
	}
}

// Whole returns the value of a JSON text that is no list, and true; for all other rows it returns false. If the format is json it is asked first.
func (r *Rows) Whole() (Value, bool, error) {
	p := &r.parser
	for {
		p.begin(r.buf, r.pos)
		p.space()
		r.pos = p.i
		if p.i < len(p.data) || r.end {
			break
		}
		if err := r.more(); err != nil {
			return Value{}, false, r.ended(err)
		}
	}
	if p.peek() == '[' {
		r.list = listBegun
		r.pos++
		return Value{}, false, nil
	}
	r.limit, r.list = MaxJSON, listNone
	for !r.end {
		if r.full() {
			return Value{}, false, r.ended(r.bad(r.pos, fmt.Sprintf("JSON of more than %d bytes that is no list", r.limit), nil))
		}
		if err := r.more(); err != nil {
			return Value{}, false, r.ended(err)
		}
	}
	if r.Reserve != nil {
		parts := bytes.Count(r.buf, []byte{','}) + bytes.Count(r.buf, []byte{'['}) + bytes.Count(r.buf, []byte{'{'})
		if err := r.Reserve(2*int64(len(r.buf)) + 64*int64(parts)); err != nil {
			return Value{}, false, r.ended(err)
		}
	}
	p.begin(r.buf, r.pos)
	v, err := p.all()
	if err != nil {
		wrong := err.(*TextError)
		return v, false, r.ended(r.bad(wrong.Offset, wrong.Msg, nil))
	}
	r.done = true
	return v, true, nil
}

// element reads an element of a list.
func (r *Rows) element() (Value, error) {
	p := &r.parser
	for {
		p.begin(r.buf, r.pos)
		p.space()
		r.pos = p.i
		if p.i == len(p.data) && !r.end {
			if err := r.more(); err != nil {
				return Value{}, err
			}
			continue
		}
		if r.list == listBegun && p.peek() == ']' {
			r.list = listClosed
			r.pos++
			continue
		}
		if r.list == listClosed {
			if p.i == len(p.data) {
				return Value{}, io.EOF
			}
			got := p.here()
			if p.beyond && !r.end { // a character that the window cuts
				if err := r.more(); err != nil {
					return Value{}, err
				}
				continue
			}
			return Value{}, r.bad(p.i, fmt.Sprintf("got %s, want the end", got), nil)
		}
		v, err := p.value(1)
		if err == nil {
			if p.space(); p.peek() != ',' && p.peek() != ']' {
				err = p.fail("got %s, want , or ]", p.here())
			}
		}
		switch {
		case p.beyond && !r.end && r.full():
			return v, r.tooLong(r.skipElement)
		case p.beyond && !r.end:
			if err := r.more(); err != nil {
				return v, err
			}
			continue
		case err != nil:
			wrong := err.(*TextError)
			return v, r.bad(wrong.Offset, wrong.Msg, r.skipElement)
		}
		r.behind(p.i)
		return v, nil
	}
}

// behind takes note of an element that ends with the comma or bracket at i.
func (r *Rows) behind(i int) {
	r.pos, r.list = i+1, listInside
	if r.buf[i] == ']' {
		r.list = listClosed
	}
}

// skipElement passes over an element, by its brackets and quotes alone.
func (r *Rows) skipElement() error {
	depth, quoted, escaped := 0, false, false
	for {
		for i := r.pos; i < len(r.buf); i++ {
			switch c := r.buf[i]; {
			case escaped:
				escaped = false
			case quoted:
				escaped, quoted = c == '\\', c != '"'
			case c == '"':
				quoted = true
			case c == '[' || c == '{':
				depth++
			case depth == 0 && (c == ',' || c == ']'):
				r.behind(i)
				return nil
			case depth > 0 && (c == ']' || c == '}'):
				depth--
			}
		}
		if r.pos = len(r.buf); r.end {
			r.Cut = true
			return io.EOF
		}
		if err := r.more(); err != nil {
			return err
		}
	}
}

// A window is a part of a file: from what is read next on.
type window struct {
	r     io.Reader
	buf   []byte
	pos   int // what comes before it is behind
	end   bool
	size  int      // of buf at the beginning
	limit int      // of what is ahead, in bytes
	at    position // of buf[0]
}

// ahead is what is ahead in the window, as long as more is not called.
func (w *window) ahead() string {
	return unsafe.String(unsafe.SliceData(w.buf[w.pos:]), len(w.buf)-w.pos)
}

// full says whether so much is ahead that nothing more is read.
func (w *window) full() bool { return len(w.buf)-w.pos >= w.limit }

// more reads on, at least as much as is ahead, unless the file ends.
func (w *window) more() error {
	w.at.pass(w.buf[:w.pos])
	ahead := w.buf[w.pos:]
	switch {
	case w.buf == nil:
		w.buf = make([]byte, 0, w.size)
	case 2*len(ahead) > cap(w.buf):
		w.buf = append(make([]byte, 0, min(2*cap(w.buf), w.limit+w.size)), ahead...)
	default:
		w.buf = w.buf[:copy(w.buf, ahead)]
	}
	w.pos = 0
	n, err := io.ReadFull(w.r, w.buf[len(w.buf):cap(w.buf)])
	w.buf = w.buf[:len(w.buf)+n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		w.end, err = true, nil
	}
	return err
}

// A position is where in a text a byte stands. A line ends with LF, CR LF or CR.
type position struct {
	line, column int
	cr           bool // behind a CR
}

// pass goes on over data.
func (p *position) pass(data []byte) {
	if len(data) == 0 {
		return
	}
	from := 0 // where the last line begins
	newLine := func(i int) { p.line, p.column, from = p.line+1, 1, i }
	if p.cr && data[0] != '\n' {
		newLine(0)
	}
	p.cr = data[len(data)-1] == '\r'
	if bytes.IndexByte(data, '\r') < 0 {
		if last := bytes.LastIndexByte(data, '\n'); last >= 0 {
			p.line += bytes.Count(data, []byte{'\n'}) - 1
			newLine(last + 1)
		}
	} else {
		for i, c := range data {
			if c == '\n' || c == '\r' && i+1 < len(data) && data[i+1] != '\n' {
				newLine(i + 1)
			}
		}
	}
	for _, c := range data[from:] {
		if c&0xc0 != 0x80 {
			p.column++
		}
	}
}

// reach goes on over data to what stands at i.
func (p *position) reach(data []byte, i int) {
	p.pass(data[:i])
	if p.cr && !bytes.HasPrefix(data[i:], []byte{'\n'}) { // a line begins there
		p.line, p.column, p.cr = p.line+1, 1, false
	}
}
