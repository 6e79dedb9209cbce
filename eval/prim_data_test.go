// This file tests the primitives of JSON, CSV and hashes.

package eval

import (
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

func TestData(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"json.parse", `"{\"b\": [1, 2.0, null], \"a\": \"x\"}"`, `{"a":"x","b":[1,2.0,null]}`},
		{"json.parse", `"123456789012345678901234567890"`, `123456789012345678901234567890`},
		{"json.parse", `"[1,\n 2,\n  x]"`, `bad text: {"column":3,"format":"json","line":3,"reason":"malformed"}`},
		{"json.parse", `""`, `bad text: {"column":1,"format":"json","line":1,"reason":"malformed"}`},
		{"json.parse", `"[\"ä\", }"`, `bad text: {"column":7,"format":"json","line":1,"reason":"malformed"}`},
		{"json.parse", `[]`, `wrong kind: {"got":[],"want":"text"}`},
		{"core.show", `{"b": [1, 2.0], "a": "x\n\u0001é"}`, `"{\"a\":\"x\\n\\u0001é\",\"b\":[1,2.0]}"`},
		{"core.show", `1e21`, `"1e+21"`},
		{"csv.parse", `"a,b\n1,2\n3,4\n"`, `[{"a":"1","b":"2"},{"a":"3","b":"4"}]`},
		{"csv.parse", `"b,a\r\n1,2"`, `[{"a":"2","b":"1"}]`},
		{"csv.parse", `""`, `[]`},
		{"csv.parse", `"\n\n"`, `[]`},
		{"csv.parse", `"a,b"`, `[]`},
		{"csv.parse", `"a\n\n\nx\n"`, `[{"a":"x"}]`},
		{"csv.parse", `"a\n\"\"\n"`, `[{"a":""}]`},
		{"csv.parse", `"a,b\n,\n"`, `[{"a":"","b":""}]`},
		{"csv.parse", `"\ufeffa,b\n1,2"`, `[{"a":"1","b":"2"}]`},
		{"csv.parse", `"a,b\n\"x, \"\"y\"\"\nz\",\" 2 \""`, `[{"a":"x, \"y\"\nz","b":" 2 "}]`},
		{"csv.parse", `"a,b\r1,2\r"`, `[{"a":"1","b":"2"}]`},
		{"csv.parse", `"a, b\n1, 2"`, `[{" b":" 2","a":"1"}]`},
		{"csv.parse", `"a,b\n1\n"`, `bad text: {"column":1,"format":"csv","line":2,"reason":"another number of fields than the first record"}`},
		{"csv.parse", `"a,b\n1,2\n1,2,3\n"`, `bad text: {"column":1,"format":"csv","line":3,"reason":"another number of fields than the first record"}`},
		{"csv.parse", `"a,a\n1,2\n"`, `bad text: {"column":1,"format":"csv","line":1,"reason":"two fields have one name"}`},
		{"csv.parse", `"a\r\nä\"b\n"`, `bad text: {"column":2,"format":"csv","line":2,"reason":"quote in a field that is not quoted"}`},
		{"csv.parse", `"a\n\"x\ny"`, `bad text: {"column":1,"format":"csv","line":2,"reason":"quote not closed"}`},
		{"csv.parse", `"a\n\"x\ny\"z"`, `bad text: {"column":3,"format":"csv","line":3,"reason":"text behind a closing quote"}`},
		{"csv.show", `[{"a": "1", "b": 2.0}, {"b": null, "a": "x,\"y\""}]`, `"a,b\n1,2.0\n\"x,\"\"y\"\"\",null\n"`},
		{"csv.show", `[]`, `""`},
		{"csv.show", `[{"a": ""}]`, `"a\n\"\"\n"`},
		{"csv.show", `[{}]`, `empty: {}`},
		{"csv.show", `[{"a": 1, "c": 2}, {"a": 1}]`, `no field: {"field":"c","in":{"a":1}}`},
		{"csv.show", `[{"a": 1, "c": 2}, {"a": 1, "b": 1, "c": 2}]`, `no field: {"field":"b","in":{"a":1,"c":2}}`},
		{"csv.show", `[1]`, `wrong kind: {"got":1,"want":"map"}`},
		{"hash.sha256", `"abc"`, `{"/":{"bytes":"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0"}}`},
		{"hash.sha256", `{"/": {"bytes": "YWJj"}}`, `{"/":{"bytes":"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0"}}`},
		{"hash.sha256", `1`, `wrong kind: {"got":1,"want":"bytes or text"}`},
	})
}

func TestShowRefusesSoleSlash(t *testing.T) {
	b := newBench(t, 0)
	v := graph.NewList(graph.Int(1), graph.Record("/", graph.Int(1)))
	for _, name := range []string{"core.show", "text.interpolate"} {
		arg := v
		if name == "text.interpolate" {
			arg = graph.NewList(v)
		}
		if _, err := b.call(name, arg); err == nil || err.Error() != "cannot show" {
			t.Errorf("%s: got %v, want cannot show", name, err)
		}
	}
}

// TestCSVRoundTrip writes rows of texts and reads them back.
func TestCSVRoundTrip(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewSource(7))
	cell := func() string {
		var s strings.Builder
		for range r.Intn(4) {
			s.WriteString([]string{"a", ",", `"`, "\n", "\r", "ä", " ", "\ufeff"}[r.Intn(8)])
		}
		return s.String()
	}
	for range 3000 {
		names := map[string]bool{}
		for range r.Intn(4) + 1 {
			names[cell()] = true
		}
		var rows []graph.Value
		for range r.Intn(4) + 1 {
			var row graph.MapBuilder
			for name := range names {
				row.Set(name, graph.Text(cell()))
			}
			rows = append(rows, graph.MapValue(row.Map()))
		}
		want := graph.NewList(rows...)
		text, err := b.call("csv.show", want)
		if err != nil {
			t.Fatal(b.outcome(text, err))
		}
		got, err := b.call("csv.parse", text)
		if b.outcome(got, err) != b.show(want) {
			t.Fatalf("got %s, want %s, through %q", b.outcome(got, err), b.show(want), text.Text())
		}
	}
}

// TestShowOfSharedParts shows a value that is small in memory and 2^60 numbers long when it is written.
func TestShowOfSharedParts(t *testing.T) {
	b := newBench(t, 1<<28)
	v := graph.NewList(graph.Int(1))
	for range 60 {
		v = graph.NewList(v, v)
	}
	start := time.Now()
	_, err := b.call("core.show", v)
	if s, ok := err.(*Stop); !ok || s.Reason != MemoryLimit {
		t.Errorf("got %v, want the memory limit", err)
	}
	if time.Since(start) > 3*time.Minute { // it would take years
		t.Errorf("took %v", time.Since(start))
	}
}

func TestDeepData(t *testing.T) {
	b := newBench(t, 0)
	const n = 500000
	v, err := b.call("core.show", deep(n, graph.Int(1)))
	if err != nil {
		t.Fatal(b.outcome(v, err))
	}
	if want := strings.Repeat("[", n) + "1" + strings.Repeat("]", n); v.Text() != want {
		t.Error("a deep list was not shown as it is")
	}
	// reading is limited in depth, and says so
	if _, err := b.call("json.parse", v); err == nil || err.Error() != "bad text" {
		t.Errorf("got %v, want bad text", err)
	}
}

func TestDataCosts(t *testing.T) {
	b := newBench(t, 0)
	var rows strings.Builder
	rows.WriteString("aaaa,bbbb\n")
	for range 1000 {
		rows.WriteString("1234,5678\n")
	}
	csv := graph.Text(rows.String())
	if got := b.steps(func() { b.call("csv.parse", csv) }); got != 10010/256+2000/16 {
		t.Errorf("csv.parse: got %d steps", got)
	}
	ints := make([]graph.Value, 16000)
	for i := range ints {
		ints[i] = graph.Int(1)
	}
	if got := b.steps(func() { b.call("core.show", graph.NewList(ints...)) }); got != 16001/16+32001/256 {
		t.Errorf("core.show: got %d steps", got)
	}
	json := graph.Text("[" + strings.Repeat("1,", 15999) + "1]")
	if got := b.steps(func() { b.call("json.parse", json) }); got != 32001/256+16000/16 {
		t.Errorf("json.parse: got %d steps", got)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("\"a\"\"\",b\r\n\"\n\",\"")
	b := newBench(f, 0)
	f.Fuzz(func(t *testing.T, s string) {
		b.t = t
		v, err := b.call("csv.parse", graph.Text(strings.ToValidUTF8(s, "?")))
		if err != nil || v.List().Len() == 0 {
			return
		}
		text, err := b.call("csv.show", v)
		if err != nil {
			t.Fatal(b.outcome(text, err))
		}
		again, err := b.call("csv.parse", text)
		if err != nil {
			t.Fatal(b.outcome(again, err))
		}
		if same, err := b.call("cmp.eq", again, v); err != nil || !same.Bool() {
			t.Fatalf("%q read, written and read again is another value: %q", s, text.Text())
		}
	})
}

func TestDigitCost(t *testing.T) {
	cost := func(s string) (sum int64) {
		for _, run := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
			sum += mulCost(int64(len(run)/19), int64(len(run)/19))
		}
		return sum
	}
	r := rand.New(rand.NewSource(1))
	for range 2000 {
		var s strings.Builder
		for range r.Intn(8) {
			s.WriteString(strings.Repeat("7", []int{r.Intn(40), r.Intn(2000), 19, 38}[r.Intn(4)]))
			s.WriteString(strings.Repeat(",", r.Intn(30)))
		}
		if got, want := digitCost(s.String()), cost(s.String()); got != want {
			t.Fatalf("%q: got %d, want %d", s.String(), got, want)
		}
	}
}
