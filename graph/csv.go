// This file reads CSV texts: their records, and the rows that those are.
//
// CSV is RFC 4180 with UTF-8: fields between commas, quoted where they hold a comma, a quote (written twice) or a line
// break. A record ends at LF, CR LF or CR; a blank line is no record; a byte order mark at the beginning is dropped.
// The first record names the fields, and each of the others is a row: a map of texts.

package graph

import (
	"slices"
	"strings"
)

// ByteOrderMark may stand at the beginning of a CSV text.
const ByteOrderMark = "\ufeff"

// A CSVReader reads the records of a text. Its errors are *TextErrors.
type CSVReader struct {
	Reserve func(bytes int64) // called before a record takes much memory, if it is not nil
	text    string
	pos     int
}

// NewCSVReader returns a CSVReader of a text from its beginning.
func NewCSVReader(text string) *CSVReader {
	return &CSVReader{text: text, pos: len(text) - len(strings.TrimPrefix(text, ByteOrderMark))}
}

// Offset returns how many bytes have been read.
func (r *CSVReader) Offset() int { return r.pos }

// More passes over blank lines, and says whether a record follows.
func (r *CSVReader) More() bool {
	for r.pos < len(r.text) && (r.text[r.pos] == '\n' || r.text[r.pos] == '\r') {
		r.pos++
	}
	return r.pos < len(r.text)
}

// Record appends the next record's fields, which are parts of the text where they can be. More has said that there is one.
func (r *CSVReader) Record(fields []string) ([]string, error) {
	for {
		field, err := r.field()
		if err != nil {
			return nil, err
		}
		if n := len(fields); n == cap(fields) && n > 1<<11 && r.Reserve != nil {
			r.Reserve(64 * int64(n))
		}
		fields = append(fields, field)
		if r.pos == len(r.text) {
			return fields, nil
		}
		c := r.text[r.pos]
		r.pos++
		if c == ',' {
			continue
		}
		if c == '\r' && r.pos < len(r.text) && r.text[r.pos] == '\n' {
			r.pos++
		}
		return fields, nil
	}
}

const msgNotClosed = "quote not closed"

// field reads a field up to the comma or the line break behind it.
func (r *CSVReader) field() (string, error) {
	s, start := r.text, r.pos
	if start == len(s) || s[start] != '"' {
		i := start
		for ; i < len(s); i++ {
			switch s[i] {
			case ',', '\n', '\r':
				r.pos = i
				return s[start:i], nil
			case '"':
				return "", &TextError{i, "quote in a field that is not quoted"}
			}
		}
		r.pos = i
		return s[start:i], nil
	}
	doubled := false
	for i := start + 1; ; i++ {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return "", &TextError{start, msgNotClosed}
		}
		i += n
		if i+1 < len(s) && s[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		field := s[start+1 : i]
		if doubled {
			field = strings.ReplaceAll(field, `""`, `"`)
		}
		r.pos = i + 1
		if r.pos < len(s) && s[r.pos] != ',' && s[r.pos] != '\n' && s[r.pos] != '\r' {
			return "", &TextError{r.pos, "text behind a closing quote"}
		}
		return field, nil
	}
}

// Columns are the names of the fields of a table's records.
type Columns struct {
	keys  []string // sorted
	place []int    // of a field among the keys
}

// NewColumns returns the Columns of the first record, which begins at start.
func NewColumns(names []string, start int) (Columns, error) {
	c := Columns{slices.Clone(names), make([]int, len(names))}
	slices.Sort(c.keys)
	for i := 1; i < len(c.keys); i++ {
		if c.keys[i] == c.keys[i-1] {
			return c, &TextError{start, "two fields have one name"}
		}
	}
	for i, name := range names {
		c.place[i], _ = slices.BinarySearch(c.keys, name)
	}
	return c, nil
}

// Fit says whether a record that begins at start has all fields and no more.
func (c Columns) Fit(fields []string, start int) error {
	if len(fields) != len(c.keys) {
		return &TextError{start, "another number of fields than the first record"}
	}
	return nil
}

// Row returns the row of a record that fits, of which value gives field i.
func (c Columns) Row(value func(i int) Value) Value {
	vals := make([]Value, len(c.keys))
	for i, j := range c.place {
		vals[j] = value(i)
	}
	return MapValue(MapSorted(c.keys, vals))
}
