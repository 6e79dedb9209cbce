// This file tests that rows that are read one by one are those of the whole text.

package graph

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// readRows reads all rows with a window of so many bytes, and gives them as JSON with the errors between them, and the first error.
func readRows(format, text string, size int) (all, first string) {
	var out strings.Builder
	rows := NewRows(iotest.HalfReader(strings.NewReader(text)), format)
	rows.size = size
	if format == "json" {
		v, whole, err := rows.Whole()
		if err != nil {
			return fmt.Sprintf("%v!", err), err.Error()
		}
		if whole {
			return "whole " + show(v), ""
		}
	}
	for {
		v, err := rows.Next()
		var bad *RowError
		switch {
		case err == io.EOF:
			return strings.TrimSuffix(out.String(), "\n"), first
		case errors.As(err, &bad):
			if first == "" {
				first = bad.Error()
			}
			fmt.Fprintf(&out, "%v", bad)
			if bad.Last {
				out.WriteString("!")
			}
			out.WriteString("\n")
		case err != nil:
			return out.String() + err.Error(), err.Error()
		default:
			out.WriteString(show(v) + "\n")
		}
	}
}

func show(v Value) string {
	text, err := AppendJSON(nil, v, nil)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

var rowCases = []struct{ format, text, want string }{
	{"csv", "", ""},
	{"csv", "\n\r\n", ""},
	{"csv", "a,b", ""},
	{"csv", "a,b\n1,x\n2,y", `{"a":"1","b":"x"}` + "\n" + `{"a":"2","b":"y"}`},
	{"csv", "\ufeffb,a\r\n\r\n1,\"x\r\n\"\"y\"\"\"\r\r2,\r\n", `{"a":"x\r\n\"y\"","b":"1"}` + "\n" + `{"a":"","b":"2"}`},
	{"csv", "a,a\n1,2", "1:1: two fields have one name, \"a\"!"},
	{"csv", "\n\n\"a\n1,2", "3:1: quote not closed!"},
	{"csv", "a\xff\n1", "1:2: not UTF-8 text!"},
	{"csv", "a,b\r1\r2,3\r\n4,5,6\r\r\r7,\"8\r9\",x\r\xff,1", "2:1: another number of fields than the first record\n" + `{"a":"2","b":"3"}` + "\n4:1: another number of fields than the first record\n7:1: another number of fields than the first record\n9:1: not UTF-8 text"},
	{"csv", "a,b\n1\n2,3\n4,5,6\n7,8", "2:1: another number of fields than the first record\n" + `{"a":"2","b":"3"}` + "\n4:1: another number of fields than the first record\n" + `{"a":"7","b":"8"}`},
	{"csv", "a\né\"\n\"x\"y\nz\xc3\n\xc3\xa9\n\"u", "2:2: quote in a field that is not quoted\n3:4: text behind a closing quote\n4:2: not UTF-8 text\n" + `{"a":"é"}` + "\n6:1: quote not closed"},
	{"csv", "a\n\ufffd\xff\n\x00", "2:2: not UTF-8 text\n" + `{"a":"\u0000"}`},
	{"ndjson", "", ""},
	{"ndjson", " \n\r\n\t", ""},
	{"ndjson", "1\n[2]\r\n\n{\"a\":3}", "1\n[2]\n{\"a\":3}"},
	{"ndjson", "1 2\n{\"a\":1,\"a\":2}\né\n[\"\n3\n[\"é\" x]", "1:3: got '2', want the end\n2:1: duplicate key \"a\"\n3:1: got 'é', want a value\n4:2: a text without an end\n3\n6:6: got 'x', want , or ]"},
	{"ndjson", "{\"a\":1,\"a\":2}\n{\"a\":1,\"a\":2}", "1:1: duplicate key \"a\"\n2:1: duplicate key \"a\""},
	{"ndjson", "\ufeff1", "1:1: got '\\ufeff', want a value"},
	{"ndjson", "{\"a\":1}\n{\"a\":", "{\"a\":1}\n2:6: got the end, want a value"},
	{"json", "", "1:1: got the end, want a value!"},
	{"json", "\n {\"a\": [1]} ", "whole {\"a\":[1]}"},
	{"json", "\n 1 2", "2:4: got '2', want the end!"},
	{"json", "[]", ""},
	{"json", " [ ] ", ""},
	{"json", "[]ܡ", "1:3: got 'ܡ', want the end!"},
	{"json", "[] 1", "1:4: got '1', want the end!"},
	{"json", "[1 , \"a]\\\"\",\n{\"b\":[2,{}]}]\n", "1\n\"a]\\\"\"\n{\"b\":[2,{}]}"},
	{"json", "[12,34", "12\n1:7: got the end, want , or ]"},
	{"json", "[", "1:2: got the end, want a value"},
	{"json", "[[\u0736", "1:3: got '\u0736', want a value"},
	{"json", "[1,]", "1\n1:4: got ']', want a value"},
	{"json", "[1,,2 3,{\"a\":1,\"a\":[\"]\\\"\"]},[1}],4] x", "1\n1:4: got ',', want a value\n1:7: got '3', want , or ]\n1:9: duplicate key \"a\"\n1:31: got '}', want , or ]\n1:33: got ',', want the end!"},
	{"json", "[tru,\rfalse,\r\nnull,\n\"\\ud834\\udd1e\",1e5]", "1:2: got 't', want a value\nfalse\nnull\n\"𝄞\"\n100000.0"},
	{"json", "[" + strings.Repeat("[", 999) + strings.Repeat("]", 999) + "," + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + ",1]",
		strings.Repeat("[", 999) + strings.Repeat("]", 999) + "\n1:3000: nested more than 1000 deep\n1"},
}

func TestRows(t *testing.T) {
	for _, c := range rowCases {
		for _, size := range []int{3, 5, 8, 64, windowSize} {
			if got, _ := readRows(c.format, c.text, size); got != c.want {
				t.Errorf("%s %.60q in windows of %d: got\n%s\nwant\n%s", c.format, c.text, size, got, c.want)
			}
		}
	}
	boom := errors.New("boom")
	for _, format := range Formats {
		rows := NewRows(io.MultiReader(strings.NewReader("[\n"), iotest.ErrReader(boom)), format)
		_, err := rows.Next()
		if format == "json" {
			_, _, err = NewRows(io.MultiReader(strings.NewReader(" "), iotest.ErrReader(boom)), format).Whole()
		}
		if err != boom {
			t.Errorf("%s: got %v, want the reader's error", format, err)
		}
	}
}

// Rows that are too long are passed over, and take no more memory than they may. Without the names of its columns a table has no rows.
func TestLongRows(t *testing.T) {
	long := strings.Repeat("x", 2*MaxRow+windowSize)
	const msg = "a row of more than 16777216 bytes"
	for _, c := range []struct{ format, text, want string }{
		{"csv", "a\n1\n" + long, `{"a":"1"}` + "\n3:1: " + msg},
		{"csv", "a,b\r\n1,2\r\n\"" + long[:1000] + "\"," + long + ",1\r\n3,4", `{"a":"1","b":"2"}` + "\n3:1: " + msg + "\n" + `{"a":"3","b":"4"}`},
		{"csv", "a," + long + "\n1,2\n", "1:1: " + msg + "!"},
		{"ndjson", "1\n \"" + long, "1\n2:1: " + msg},
		{"ndjson", "1\n \"" + long + "\r\"\n\n2\r\n3", "1\n2:1: " + msg + "\n2\n3"},
		{"json", "[1,\n\"" + long, "1\n2:1: " + msg},
		{"json", "[1,\n{\"a\":[\"" + long + "]},\"]},\n2]\n", "1\n2:1: " + msg + "\n2"},
		{"json", "[1,\n\"" + long + "\"] 2", "1\n2:1: " + msg + "\n2:33816581: got '2', want the end!"},
	} {
		if got, _ := readRows(c.format, c.text, windowSize); got != c.want {
			t.Errorf("%s %.20q: got %.200q, want %.200q", c.format, c.text, got, c.want)
		}
	}
	if got, _ := readRows("csv", "a\n1\n\"x\n2\n"+strings.Repeat(strings.Repeat("x", 999)+"\n", MaxRow/1000+100), windowSize); !strings.HasPrefix(got, `{"a":"1"}`+"\n3:1: quote not closed\n"+`{"a":"2"}`) {
		t.Errorf("a quote that is not closed: got %.100q", got)
	}
	if got, _ := readRows("json", "\""+strings.Repeat("x", MaxJSON), windowSize); got != "1:1: JSON of more than 67108864 bytes that is no list!" {
		t.Errorf("json: got %.100q", got)
	}
}

// wholly is what readRows gives for a text whose parsers read all of it, or the first error.
func wholly(format, text string) (rows, wrong string) {
	at := func(err error) (rows, wrong string) {
		p := position{line: 1, column: 1}
		p.reach([]byte(text), err.(*TextError).Offset)
		return "", fmt.Sprintf("%d:%d: %s", p.line, p.column, err.(*TextError).Msg)
	}
	var out strings.Builder
	if format == "json" {
		v, err := ParseJSON([]byte(text))
		if err != nil {
			return at(err)
		}
		if v.Kind() != KindList {
			return "whole " + show(v), ""
		}
		v.List().Each(func(v Value) bool { out.WriteString(show(v) + "\n"); return true })
		return strings.TrimSuffix(out.String(), "\n"), ""
	}
	r := NewCSVReader(text)
	if !r.More() {
		return "", ""
	}
	start := r.Offset()
	names, err := r.Record(nil)
	var c Columns
	if err == nil {
		c, err = NewColumns(names, start)
	}
	for err == nil && r.More() {
		start := r.Offset()
		var fields []string
		if fields, err = r.Record(nil); err == nil {
			err = c.Fit(fields, start)
		}
		if err == nil {
			out.WriteString(show(c.Row(func(i int) Value { return Text(fields[i]) })) + "\n")
		}
	}
	if err != nil {
		return at(err)
	}
	return strings.TrimSuffix(out.String(), "\n"), ""
}

// FuzzRows reads anything in windows of any size, as the parsers of whole texts do.
func FuzzRows(f *testing.F) {
	for _, c := range rowCases {
		f.Add(c.text, byte(3))
	}
	f.Fuzz(func(t *testing.T, text string, size byte) {
		for _, format := range []string{"csv", "json"} {
			text := text
			if format == "csv" {
				text = strings.ToValidUTF8(text, "")
			}
			want, wrong := wholly(format, text)
			got, first := readRows(format, text, 3+int(size))
			if first != wrong && !strings.HasPrefix(first, wrong+", ") || wrong == "" && got != want {
				t.Errorf("%s %q in windows of %d: got\n%s\nwant\n%s%s", format, text, 3+int(size), got, want, wrong)
			}
		}
		a, _ := readRows("ndjson", text, 3+int(size))
		if b, _ := readRows("ndjson", text, windowSize); a != b {
			t.Errorf("ndjson %q in windows of %d: got\n%s\nand in one\n%s", text, 3+int(size), a, b)
		}
	})
}

// someRows is a file of rows as a program writes them, of mixed cells: some 100 bytes each in CSV, some 170 in JSON.
func someRows(format string, bytesOf int) []byte {
	r := rand.New(rand.NewPCG(5, 5))
	var b bytes.Buffer
	words := strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu")
	switch format {
	case "csv":
		b.WriteString("id,name,city,when,price,count,active,note\n")
	case "json":
		b.WriteString("[")
	}
	for i := 0; b.Len() < bytesOf; i++ {
		w := func() string { return words[r.IntN(len(words))] }
		switch format {
		case "csv":
			fmt.Fprintf(&b, "%d,%s %s,%s,2024-%02d-%02dT12:00:00Z,%.2f,%d,%t,\"%s, %s and %s\"\n", i, w(), w(), w(), 1+r.IntN(12), 1+r.IntN(28), r.Float64()*1000, r.IntN(1e6), i%3 == 0, w(), w(), w())
		default:
			if i > 0 && format == "json" {
				b.WriteString(",\n")
			}
			fmt.Fprintf(&b, `{"id":%d,"name":"%s %s","city":%q,"when":"2024-%02d-%02dT12:00:00Z","price":%.2f,"count":%d,"active":%t,"tags":[%q,%q]}`, i, w(), w(), w(), 1+r.IntN(12), 1+r.IntN(28), r.Float64()*1000, r.IntN(1e6), i%3 == 0, w(), w())
			if format == "ndjson" {
				b.WriteString("\n")
			}
		}
	}
	if format == "json" {
		b.WriteString("]\n")
	}
	return b.Bytes()
}

// BenchmarkRows reads a file and makes the blocks of its list.
func BenchmarkRows(b *testing.B) {
	for _, format := range Formats {
		data := someRows(format, 20<<20)
		b.Run(format, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				rows := NewRows(bytes.NewReader(data), format)
				if format == "json" {
					rows.Whole()
				}
				l := NewListWriter(SinkFunc(func(Block) {}))
				for {
					v, err := rows.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					l.Add(v)
				}
				l.ValueBlock()
			}
		})
	}
}
