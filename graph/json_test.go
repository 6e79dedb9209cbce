// This file tests DAG-JSON texts.

package graph

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	link := `{"/":"` + someCID.String() + `"}`
	for _, c := range []struct{ in, out string }{
		{`null`, ``}, {`true`, ``}, {`false`, ``}, {`0`, ``}, {`-0`, `0`}, {`-1`, ``},
		{`9223372036854775807`, ``}, {`9223372036854775808`, ``}, {`-9223372036854775808`, ``}, {`18446744073709551616`, ``},
		{strings.Repeat("123456789", 2000), ``}, {"-" + strings.Repeat("9", 5000), ``},
		{`1.0`, ``}, {`1e0`, `1.0`}, {`1E+2`, `100.0`}, {`-0.0`, `0.0`}, {`0.1`, ``}, {`1e21`, `1e+21`}, {`123456789012345680000.0`, ``},
		{`1e-6`, `0.000001`}, {`1e-7`, `1e-7`}, {`-1.5e-10`, `-1.5e-10`}, {`5e-324`, `5e-324`}, {`1.7976931348623157e308`, `1.7976931348623157e+308`}, {`1e-400`, `0.0`},
		{`""`, ``}, {`"λ𝄞"`, ``}, {`"\u03bb\ud834\udd1e\/\b\f\n\r\t\"\\"`, `"λ𝄞/\b\f\n\r\t\"\\"`}, {`"\u0000\u001f"`, `"\u0000\u001f"`}, {"\"\x7f\"", ``},
		{` [ ] `, `[]`}, {"{\t}\r\n", `{}`}, {`[1, [2.5, "x"], {}]`, `[1,[2.5,"x"],{}]`},
		{`{"bb":1,"a":2,"é":3,"B":4}`, `{"B":4,"a":2,"bb":1,"é":3}`},
		{`{"/":1,"a":2}`, ``}, {`[{"a":1,"b":2},{"a":3,"b":4},{"b":5,"a":6},{"a":7}]`, `[{"a":1,"b":2},{"a":3,"b":4},{"a":6,"b":5},{"a":7}]`},
		{link, ``}, {`{"/":{"bytes":"AQL/"}}`, ``}, {`{"/":{"bytes":""}}`, ``}, {`{"/":{"bytes":"AQ"}}`, ``},
	} {
		v, err := ParseJSON([]byte(c.in))
		if err != nil {
			t.Errorf("%.40s: %v", c.in, err)
			continue
		}
		want := c.out
		if want == "" {
			want = c.in
		}
		if got, err := AppendJSON(nil, v, nil); err != nil || string(got) != want {
			t.Errorf("%.40s: got %.60s, %v, want %.60s", c.in, got, err, want)
		}
		pretty, err := PrettyJSON(nil, v, nil)
		w, err2 := ParseJSON(pretty)
		if err != nil || err2 != nil || !equal(v, w) {
			t.Errorf("%.40s: indented it reads as another value, %v, %v", c.in, err, err2)
		}
	}
	for _, c := range []struct {
		in     string
		offset int
		msg    string
	}{
		{``, 0, "got the end, want a value"}, {` x`, 1, "got 'x', want a value"}, {`nul`, 0, "want a value"}, {`1 2`, 2, "want the end"},
		{`01`, 0, "begins with 0"}, {`-`, 1, "want a digit"}, {`1.`, 2, "want a digit"}, {`.5`, 0, "want a value"}, {`1e`, 2, "want a digit"}, {`+1`, 0, "want a value"},
		{`1e999`, 0, "beyond the range"}, {`[1e99999999999999999999]`, 1, "beyond the range"},
		{`"a`, 0, "without an end"}, {"\"a\n\"", 2, "control"}, {`"\x"`, 1, "got the escape"}, {`"\u12g4"`, 1, "four hexadecimal"},
		{`"\ud834"`, 1, "lone surrogate"}, {`"\udd1e"`, 1, "lone surrogate"}, {`"\ud834\u0041"`, 1, "lone surrogate"}, {"\"\xff\"", 0, "UTF-8"}, {"\"\\n\xff\"", 0, "UTF-8"},
		{`[1,]`, 3, "want a value"}, {`[1 2]`, 3, "want , or ]"}, {`{"a":1,}`, 7, "want a key"}, {`{"a" 1}`, 5, "want :"}, {`{a:1}`, 1, "want a key"},
		{`{"a":1,"a":2}`, 0, "duplicate key"}, {`{"a":1,"b":2,"a":1}`, 0, "duplicate key"}, {`[{"a":1},{"a":1,"a":2}]`, 9, "duplicate key"},
		{`{"/":1}`, 0, "sole key"}, {`{"/":"x"}`, 1, "want a CID"}, {`{"/":{"bytes":"AQ=="}}`, 1, "base64"}, {`{"/":{"bytes":1}}`, 0, "sole key"},
		{strings.Repeat("1", MaxDigits+1), 0, "an int of 4000001 digits"}, {"\ufeff1", 0, "want a value"}, {strings.Repeat("[", 100000), 1000, "nested more than 1000"},
	} {
		_, err := ParseJSON([]byte(c.in))
		var e *TextError
		if !errors.As(err, &e) || e.Offset != c.offset || !strings.Contains(e.Msg, c.msg) {
			t.Errorf("%.40s: got %v, want byte %d: %s", c.in, err, c.offset, c.msg)
		}
	}
	f := &Fn{Prim: "num.add", Args: []Value{Int(1)}}
	blocks := blockMap{}
	got, err := AppendJSON(nil, NewList(FnValue(f), NewThunk(&Head{CID: someCID})), blocks)
	if c := FnCode(f, nil); err != nil || string(got) != `[{"/":"`+c.String()+`"},`+link+`]` || blocks[c] == nil {
		t.Errorf("got %s, %v, and %d blocks", got, err, len(blocks))
	}
	if _, err := AppendJSON(nil, NewList(Tagged("/", Int(1))), nil); err != ErrSlash {
		t.Errorf("got %v, want ErrSlash", err)
	}
	pretty, _ := PrettyJSON(nil, NewList(Record("a", 1, "b", NewList()), Int(2)), nil)
	if want := "[\n  {\n    \"a\": 1,\n    \"b\": []\n  },\n  2\n]"; string(pretty) != want {
		t.Errorf("got %s, want %s", pretty, want)
	}
}

// What is written reads as the same value, if nothing in it is code.
func TestJSONRoundTrip(t *testing.T) {
	for seed := range uint64(150) {
		v := randomValue(rand.New(rand.NewPCG(seed, 4)), 3)
		text, err := AppendJSON(nil, v, nil)
		if err == ErrSlash {
			continue
		}
		w, err := ParseJSON(text)
		if err != nil || !equal(v, w) {
			t.Fatalf("seed %d: %.100s: another value, %v", seed, text, err)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`[1,2.5e3,"\ud834\udd1e",{"a":null,"b":[true]}]`, `{"/":{"bytes":"AQ"}}`, `{"/":"` + someCID.String() + `"}`, `-12345678901234567890`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseJSON(data)
		if err != nil {
			return
		}
		text, err := AppendJSON(nil, v, nil)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		w, err := ParseJSON(text)
		if err != nil || !equal(v, w) {
			t.Fatalf("%q: written as %q, which is another value, %v", data, text, err)
		}
	})
}

func jsonRows(n int) []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id": %d, "name": "row number %d", "score": %d.25, "tags": ["a", "bc"], "ok": true}`, i, i, i)
	}
	b.WriteByte(']')
	return []byte(b.String())
}

func BenchmarkJSON(b *testing.B) {
	text := jsonRows(20_000)
	v, err := ParseJSON(text)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for range b.N {
			ParseJSON(text)
		}
	})
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		var dst []byte
		for range b.N {
			dst, _ = AppendJSON(dst[:0], v, nil)
		}
	})
}
