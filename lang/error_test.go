// This file tests how mistakes are shown, and the smaller functions beside Parse.

package lang

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		src        string
		start, end int
		want       string
	}{
		{"abc", 1, 2, "  abc\n   ^"},
		{"abc", 3, 3, "  abc\n     ^"},
		{"abc\ndef", 1, 6, "  abc\n   ^^"},
		{"abc\ndef", 5, 6, "  def\n   ^"},
		{"\ta\tb", 3, 4, "      a    b\n           ^"},
		{"é世b", 5, 6, "  é世b\n     ^"},
		{"世界", 3, 6, "  世界\n    ^^"},
		{"e\u0301b", 3, 4, "  e\u0301b\n   ^"},
		{"a\x1b[31mb", 0, 1, "  a\uFFFD[31mb\n  ^"},
		{strings.Repeat("a", 300), 200, 201, "  …" + strings.Repeat("a", 100) + "…\n" + strings.Repeat(" ", 36) + "^"},
		{strings.Repeat("a", 300), 0, 300, "  " + strings.Repeat("a", 100) + "…\n  " + strings.Repeat("^", 100)},
		{"a\u202eb\u2066c", 7, 8, "  abc\n    ^"},
		{"a\u0085\u2028b", 6, 7, "  a\uFFFD\uFFFDb\n     ^"},
		{"", 0, 0, ""},
		{"a", 10, 12, "  a\n   ^"},
	} {
		if got := Excerpt(&File{Source: c.src}, Span{c.start, c.end}, false); got != c.want {
			t.Errorf("%q %d:%d: got\n%s\nwant\n%s", c.src, c.start, c.end, got, c.want)
		}
	}
	e := &Error{File: &File{Name: "f.ros", Source: "a )"}, Span: Span{2, 3}, Item: "x", Message: "m"}
	if got, want := e.Render(true), "\x1b[1mf.ros:1:3: in x: m\x1b[0m\n  a \x1b[31m)\x1b[0m\n    \x1b[31m^\x1b[0m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain é世\n\t": "plain é世\n\t", "a\x1b[2Jb\r\x07": `a\u{1b}[2Jb\u{d}\u{7}`, "\u0085\u202e\u2066\u200f\u2028": `\u{85}\u{202e}\u{2066}\u{200f}\u{2028}`,
		"\xffa": "\uFFFDa", "👩\u200d💻": "👩\u200d💻",
	} {
		if got := Clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	e := &Error{File: &File{Name: "a\x1bb.ros", Source: "a"}, Message: "got `\u202e`"}
	if got, want := e.Error(), "a\\u{1b}b.ros:1:1: got `\\u{202e}`"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPosition(t *testing.T) {
	f := &File{Source: "aé\nb\n\nc"}
	for offset, want := range map[int][2]int{-1: {1, 1}, 0: {1, 1}, 1: {1, 2}, 3: {1, 3}, 4: {2, 1}, 6: {3, 1}, 7: {4, 1}, 8: {4, 2}, 99: {4, 2}} {
		if line, col := Position(f, offset); [2]int{line, col} != want {
			t.Errorf("%d: got %d:%d, want %v", offset, line, col, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"filter", "fold", "foldr", "map", "Map", "length", "groupBy", "x", "sum", "abs"}
	for name, want := range map[string]string{
		"fliter": "filter", "filtre": "filter", "folder": "foldr", "fol": "fold", "lenght": "length", "groupby": "groupBy",
		"MAP": "Map", "mop": "map", "y": "", "suum": "sum", "quux": "", "": "", "xx": "x", "zz": "", "filter": "",
	} {
		if got := Suggest(name, names); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		slices.Reverse(names)
	}
}

func TestSplit(t *testing.T) {
	for src, want := range map[string][]string{
		"":                             nil,
		"# only a comment\n":           nil,
		"1":                            {"1"},
		"let a = 1\n\nlet b = 2\na\n":  {"let a = 1", "\n\nlet b = 2", "\na\n"},
		"## doc\nlet a = 1\n## d\na":   {"## doc\nlet a = 1", "\n## d\na"},
		"f [\n1\n]\n{\n}\n{ | 1\n} }":  {"f [\n1\n]", "\n{\n}\n{ | 1\n} }"},
		"  a\nb\n  c\nin d\nand e\n-1": {"  a", "\nb\n  c\nin d\nand e", "\n-1"},
		"\"a\\(\nb)\"\nc":              {"\"a\\(\nb)\"", "\nc"},
	} {
		if got := Split(src, 0); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	src := `let f (x) = (g x).a + "b\(y)" |> h (k)`
	f, errs := Parse("spans", []byte(src))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got []string
	show := func(n Node) { got = append(got, src[n.Where().Start:n.Where().End]) }
	d := f.Defs[0]
	apply := d.Value.(*Apply)
	sum := apply.Args[1].(*Binary)
	get := sum.Left.(*Get)
	for _, n := range []Node{d, d.Params[0], apply, apply.Fn, apply.Args[0], sum, get, get.Arg, sum.Right, sum.Right.(*Interp).Parts[1]} {
		show(n)
	}
	got = append(got, src[get.KeySpan.Start:get.KeySpan.End], src[sum.OpSpan.Start:sum.OpSpan.End])
	want := []string{`f (x) = (g x).a + "b\(y)" |> h (k)`, "x", `(g x).a + "b\(y)" |> h (k)`, "h", "k", `(g x).a + "b\(y)"`,
		"(g x).a", "g x", `"b\(y)"`, "y", "a", "+"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestJSON reads documents made by encoding/json, compact and indented.
func TestJSON(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	alphabet := []rune("aZ9_ \"\\/\n\t\x00\x1f\x7fé世😀\u2028<(){}[]#@.,:'")
	var value func(depth int) any
	word := func() string {
		s := ""
		for range r.Intn(5) {
			s += string(alphabet[r.Intn(len(alphabet))])
		}
		return s
	}
	value = func(depth int) any {
		n := r.Intn(8)
		if depth == 0 {
			n = r.Intn(6)
		}
		switch n {
		case 0:
			return nil
		case 1:
			return r.Intn(2) == 0
		case 2:
			return json.Number(fmt.Sprint(r.Int63() - r.Int63()))
		case 3:
			return json.Number([]string{"0", "-0", "1.5", "-2.25e10", "1E-7", "123456789012345678901234567890", "2e+3"}[r.Intn(7)])
		case 4, 5:
			return word()
		case 6:
			list := make([]any, r.Intn(4))
			for i := range list {
				list[i] = value(depth - 1)
			}
			return list
		default:
			m := map[string]any{}
			for range r.Intn(4) {
				m["k"+word()] = value(depth - 1)
			}
			return m
		}
	}
	for range 2000 {
		doc := value(4)
		for _, indent := range []string{"", "\t", " "} {
			var src strings.Builder
			enc := json.NewEncoder(&src)
			enc.SetEscapeHTML(r.Intn(2) == 0)
			enc.SetIndent("", indent)
			if err := enc.Encode(doc); err != nil {
				t.Fatal(err)
			}
			f, errs := Parse("json", []byte(src.String()))
			if len(errs) > 0 {
				t.Fatalf("%s", errs.Render(false))
			}
			if got, want := dump(f.Body), dumpJSON(doc); got != want {
				t.Fatalf("%s\ngot  %s\nwant %s", src.String(), got, want)
			}
		}
	}
}

func dumpJSON(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case json.Number:
		s := string(v)
		if s == "-0" {
			return "0"
		}
		if strings.ContainsAny(s, ".eE") {
			f, _ := v.Float64()
			return "f" + fmt.Sprint(f)
		}
		return s
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, dumpJSON(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, fmt.Sprintf("%q:%s", k, dumpJSON(v[k])))
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	return fmt.Sprint(v)
}
