// This file tests that what is imported is what a program makes of the same text.

package repl

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

// imported is the CID that rosser import prints.
func imported(t *testing.T, s *Session, text, format string, skipBad bool) (string, error) {
	t.Helper()
	var out bytes.Buffer
	s.opt.Stdout = &out
	err := s.importRows(context.Background(), strings.NewReader(text), "rows", format, skipBad)
	return strings.TrimSpace(out.String()), err
}

// randomText is some text, now and then with what CSV and JSON treat specially.
func randomText(r *rand.Rand) string {
	n := r.IntN(1 << r.IntN(6))
	if r.IntN(300) == 0 {
		n = r.IntN(100_000)
	}
	var b strings.Builder
	for range n {
		b.WriteString([]string{"a", "b", "z", "1", " ", ",", "\"", "\n", "\r", "é", "𝄞", "\\", "\x00", "\ufeff", "λ", "/"}[min(r.IntN(40), 15)])
	}
	return b.String()
}

// randomRow is a row for JSON.
func randomRow(r *rand.Rand, depth int) graph.Value {
	switch k := r.IntN(9); {
	case k < 2 && depth > 0:
		var vs []graph.Value
		for range r.IntN(4) {
			vs = append(vs, randomRow(r, depth-1))
		}
		return graph.NewList(vs...)
	case k < 6 && depth > 0:
		var b graph.MapBuilder
		for i := range r.IntN(6) {
			b.Set([]string{"id", "name", "λ", "a longer key", "é", "x"}[i], randomRow(r, depth-1))
		}
		return graph.MapValue(b.Map())
	case k == 6:
		return graph.Int(int64(r.Uint64()) >> r.IntN(64))
	case k == 7:
		return graph.Float(r.NormFloat64() * 1e10)
	}
	return graph.Text(randomText(r))
}

func TestImportedRows(t *testing.T) {
	s, err := Open(Options{Store: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	parsed := func(primitive, text string) string {
		t.Helper()
		v, thrown, err := s.machine.Primitive(ctx, primitive, graph.Text(text))
		if err != nil || thrown != nil {
			t.Fatalf("%s %.200q: %v, %v", primitive, text, err, thrown)
		}
		return graph.ValueBlock(v, nil).String()
	}
	same := func(format, text, want string) {
		t.Helper()
		if got, err := imported(t, s, text, format, false); err != nil || got != want {
			t.Errorf("%s of %d bytes %.100q: got %s, %v, want %s", format, len(text), text, got, err, want)
		}
	}
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 11))
		rows := r.IntN(1 << r.IntN(12))

		var csv strings.Builder
		width := 1 + r.IntN(9)
		breaks := []string{"\n", "\r\n", "\r", "\n\n"}[r.IntN(4)]
		cell := func(i int, text string) {
			if strings.ContainsAny(text, ",\"\r\n\ufeff") || text == "" && width == 1 || r.IntN(10) == 0 {
				text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
			}
			csv.WriteString(text)
			if i == width-1 {
				csv.WriteString(breaks)
			} else {
				csv.WriteString(",")
			}
		}
		for i := range width {
			cell(i, fmt.Sprint(randomText(r), i))
		}
		for range rows {
			for i := range width {
				cell(i, randomText(r))
			}
		}
		text := csv.String()
		if r.IntN(3) == 0 {
			text = strings.TrimSuffix(text, breaks)
		}
		if r.IntN(3) == 0 {
			text = "\ufeff" + text
		}
		same("csv", text, parsed("csv.parse", text))

		list, lines := []byte{'['}, []byte(nil)
		for i := range rows {
			v, err := graph.AppendJSON(nil, randomRow(r, 2), nil)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				list = append(list, ',')
			}
			list = append(list, v...)
			lines = append(append(lines, v...), []string{"\n", "\r\n", "\n\n"}[r.IntN(3)]...)
		}
		list = append(list, ']')
		want := parsed("json.parse", string(list))
		same("json", string(list), want)
		same("ndjson", string(lines), want)
	}
	for _, text := range []string{"{\"a\": [1, 2]}", " 1.5\n", "\"x\"", "null", "[]", "[[]]", `{"λ":{"lit":1}}`, `[{"/":{"bytes":"AQL/"}},12345678901234567890123]`} {
		same("json", text, parsed("json.parse", text))
	}
}

// The literal in a program has that CID too.
func TestImportedLiteral(t *testing.T) {
	s, err := Open(Options{Store: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	for _, n := range []int{0, 1, 7, 60, 500, 3000} {
		var program, csv, ndjson strings.Builder
		csv.WriteString("id,name\n")
		for i := range n {
			fmt.Fprintf(&program, "{name: \"row %d\", id: \"%d\"},\n", i, i)
			fmt.Fprintf(&csv, "%d,row %d\n", i, i)
			fmt.Fprintf(&ndjson, "{\"name\":\"row %d\",\"id\":\"%d\"}\n", i, i)
		}
		u, err := s.Compile(ctx, "program", []byte("["+program.String()+"]"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Evaluate(ctx, u.BodyCID)
		if err != nil {
			t.Fatal(err)
		}
		want := graph.ValueBlock(out.Value, nil).String()
		for format, text := range map[string]string{"csv": csv.String(), "ndjson": ndjson.String()} {
			got, err := imported(t, s, text, format, false)
			if err != nil || got != want {
				t.Errorf("%d rows of %s: got %s, %v, want %s", n, format, got, err, want)
			}
			if n > 0 {
				if v, err := s.at(ctx, fmt.Sprintf("%s/%d/name", got, n-1)); err != nil || v.Text() != fmt.Sprint("row ", n-1) {
					t.Errorf("the last of %d rows of %s: got %s, %v", n, format, brief(v), err)
				}
			}
		}
	}
}

// Bad rows that are left out are as if they were not there.
func TestImportedBadRows(t *testing.T) {
	s, err := Open(Options{Store: t.TempDir(), Stderr: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bad := map[string][]string{
		"csv":    {"1", "1,2,3", "a\"b,c", "\"a\"b,c", "\xff,1"},
		"ndjson": {"{\"a\":", "nul", "{\"a\":1,\"a\":2}", "\"\xff\"", "1 2", "01"},
		"json":   {"{\"a\":}", "nul", "{\"a\":1,\"a\":[2,\"]\"]}", "\"\xff\"", "1 2", "01", ""},
	}
	good := map[string]string{"csv": "x,\"y\n\"", "ndjson": "[1,{\"a\":\"b]\"}]", "json": "[1,{\"a\":\"b]\"}]"}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 12))
		for _, format := range graph.Formats {
			var all, some []string
			for range 1 + r.IntN(400) {
				if r.IntN(3) == 0 {
					all = append(all, bad[format][r.IntN(len(bad[format]))])
				} else {
					all, some = append(all, good[format]), append(some, good[format])
				}
			}
			text := func(rows []string) string {
				switch format {
				case "json":
					return "[" + strings.Join(rows, ",") + "]"
				case "csv":
					rows = slices.Insert(slices.Clone(rows), 0, "a,b")
				}
				return strings.Join(rows, "\n")
			}
			want, err := imported(t, s, text(some), format, false)
			if err != nil {
				t.Fatal(err)
			}
			errs := new(bytes.Buffer)
			s.opt.Stderr = errs
			got, err := imported(t, s, text(all), format, true)
			n := len(all) - len(some)
			if err != nil || got != want || n > 0 && !strings.Contains(errs.String(), plural(n, "bad row")+" left out, the first at rows:") {
				t.Errorf("%s, seed %d: got %s, %v and %q, want %s and %d bad rows", format, seed, got, err, errs, want, n)
			}
			if _, err := imported(t, s, text(all), format, false); (err != nil) != (n > 0) {
				t.Errorf("%s, seed %d: got %v with %d bad rows", format, seed, err, n)
			}
		}
	}
}
