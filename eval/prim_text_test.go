// This file tests the primitives of texts and bytes.

package eval

import (
	"crypto/sha256"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"unicode"

	"github.com/rosser-lang/rosser/graph"
)

func TestText(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"text.length", `"aä😀"`, `3`},
		{"text.length", `""`, `0`},
		{"text.length", `[]`, `wrong kind: {"got":[],"want":"text"}`},
		{"text.split", `",", "a,b,,c,"`, `["a","b","","c",""]`},
		{"text.split", `",", ""`, `[""]`},
		{"text.split", `"", "aä😀"`, `["a","ä","😀"]`},
		{"text.split", `"", ""`, `[]`},
		{"text.split", `"aa", "aaaaa"`, `["","","a"]`},
		{"text.split", `1, 2`, `wrong kind: {"got":1,"want":"text"}`},
		{"text.join", `", ", ["a", "b", "c"]`, `"a, b, c"`},
		{"text.join", `", ", []`, `""`},
		{"text.join", `", ", ["a"]`, `"a"`},
		{"text.join", `"", ["a", 1]`, `wrong kind: {"got":1,"want":"text"}`},
		{"text.join", `"", "a"`, `wrong kind: {"got":"a","want":"list"}`},
		{"text.lines", `"a\nb\n"`, `["a","b"]`},
		{"text.lines", `"a\r\nb\rc"`, `["a","b","c"]`},
		{"text.lines", `""`, `[]`},
		{"text.lines", `"\n"`, `[""]`},
		{"text.lines", `"\n\na"`, `["","","a"]`},
		{"text.lines", `"a\n\r"`, `["a",""]`},
		{"text.lines", `"a\u2028b\u000bc"`, "[\"a\u2028b\\u000bc\"]"},
		{"text.words", `"  a\tb\u00a0c\u3000\nd "`, `["a","b","c","d"]`},
		{"text.words", `" \n"`, `[]`},
		{"text.words", `"\u200b"`, "[\"\u200b\"]"},
		{"text.chars", `"aä😀\u0301"`, "[\"a\",\"ä\",\"😀\",\"\u0301\"]"},
		{"text.codes", `"aä😀"`, `[97,228,128512]`},
		{"text.fromCodes", `[97, 228, 128512]`, `"aä😀"`},
		{"text.fromCodes", `[55296]`, `out of range: 55296`},
		{"text.fromCodes", `[1114112]`, `out of range: 1114112`},
		{"text.fromCodes", `[-1]`, `out of range: -1`},
		{"text.fromCodes", `[100000000000000000000]`, `out of range: 100000000000000000000`},
		{"text.fromCodes", `[97.0]`, `wrong kind: {"got":97.0,"want":"int"}`},
		{"text.upper", `"abc ß ä ÿ ŉ ǆ ῳ 1"`, `"ABC ß Ä Ÿ ŉ Ǆ ῼ 1"`},
		{"text.lower", `"ABC ẞ Ä İ Σ Ǆ 1"`, `"abc ß ä i σ ǆ 1"`},
		{"text.trim", `"\u00a0\n a b \u2003"`, `"a b"`},
		{"text.trim", `" "`, `""`},
		{"text.contains", `"b", "abc"`, `true`},
		{"text.contains", `"", ""`, `true`},
		{"text.contains", `"d", "abc"`, `false`},
		{"text.startsWith", `"ab", "abc"`, `true`},
		{"text.startsWith", `"abcd", "abc"`, `false`},
		{"text.endsWith", `"bc", "abc"`, `true`},
		{"text.endsWith", `"", "abc"`, `true`},
		{"text.indexOf", `"😀", "ä😀b"`, `{"Some":1}`},
		{"text.indexOf", `"", "abc"`, `{"Some":0}`},
		{"text.indexOf", `"x", "abc"`, `{"None":null}`},
		{"text.replace", `"a", "bb", "aXa"`, `"bbXbb"`},
		{"text.replace", `"aa", "b", "aaa"`, `"ba"`},
		{"text.replace", `"", "-", "aä😀"`, `"a-ä-😀"`},
		{"text.replace", `"", "-", "a"`, `"a"`},
		{"text.replace", `"", "-", ""`, `""`},
		{"text.replace", `"x", "-", "abc"`, `"abc"`},
		{"text.replace", `"b", "", "abc"`, `"ac"`},
		{"text.slice", `1, 3, "hello"`, `"el"`},
		{"text.slice", `0, -1, "hello"`, `"hell"`},
		{"text.slice", `-2, 100, "hello"`, `"lo"`},
		{"text.slice", `3, 1, "hello"`, `""`},
		{"text.slice", `-100, 2, "hello"`, `"he"`},
		{"text.slice", `1, 2, "ä😀b"`, `"😀"`},
		{"text.slice", `-1, 9, "ä😀b"`, `"b"`},
		{"text.slice", `-100000000000000000000, 100000000000000000000, "ab"`, `"ab"`},
		{"text.slice", `-9223372036854775808, 9223372036854775807, "ab"`, `"ab"`},
		{"text.slice", `0.0, 1, "ab"`, `wrong kind: {"got":0.0,"want":"int"}`},
		{"text.padLeft", `5, "0", "42"`, `"00042"`},
		{"text.padLeft", `1, "0", "42"`, `"42"`},
		{"text.padLeft", `-1, "0", "42"`, `"42"`},
		{"text.padLeft", `3, "ä", "😀"`, `"ää😀"`},
		{"text.padLeft", `3, "ab", "x"`, `out of range: "ab"`},
		{"text.padLeft", `3, "", "x"`, `out of range: ""`},
		{"text.padRight", `4, ".", "ab"`, `"ab.."`},
		{"text.repeat", `3, "ab"`, `"ababab"`},
		{"text.repeat", `0, "ab"`, `""`},
		{"text.repeat", `-3, "ab"`, `""`},
		{"text.repeat", `100000000000000000000000, ""`, `""`},
		{"text.reverse", `"aä😀"`, `"😀äa"`},
		{"text.interpolate", `["a", 1, 2.0, null, [1, "x"], {"k": true}]`, `"a12.0null[1,\"x\"]{\"k\":true}"`},
		{"text.reverse", `"a€b"`, `"b€a"`},
		{"text.interpolate", `[]`, `""`},
		{"seq.append", `[1], [2, 3]`, `[1,2,3]`},
		{"seq.append", `"a", "b"`, `"ab"`},
		{"seq.append", `{"/": {"bytes": "AA"}}, {"/": {"bytes": "AQ"}}`, `{"/":{"bytes":"AAE"}}`},
		{"seq.append", `[1], "a"`, `wrong kind: {"got":"a","want":"list"}`},
		{"seq.append", `1, "a"`, `wrong kind: {"got":1,"want":"list, text or bytes"}`},
	})
}

func TestBytes(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"bytes.length", `{"/": {"bytes": "AAEC"}}`, `3`},
		{"bytes.length", `"abc"`, `wrong kind: {"got":"abc","want":"bytes"}`},
		{"bytes.slice", `1, -1, {"/": {"bytes": "AAECAw"}}`, `{"/":{"bytes":"AQI"}}`},
		{"bytes.slice", `2, 1, {"/": {"bytes": "AAECAw"}}`, `{"/":{"bytes":""}}`},
		{"bytes.toList", `{"/": {"bytes": "AAH/"}}`, `[0,1,255]`},
		{"bytes.fromList", `[0, 1, 255]`, `{"/":{"bytes":"AAH/"}}`},
		{"bytes.fromList", `[256]`, `out of range: 256`},
		{"bytes.fromList", `[-1]`, `out of range: -1`},
		{"bytes.fromList", `["a"]`, `wrong kind: {"got":"a","want":"int"}`},
		{"bytes.text", `{"/": {"bytes": "w6Q"}}`, `{"Some":"ä"}`},
		{"bytes.text", `{"/": {"bytes": "/w"}}`, `{"None":null}`},
		{"bytes.text", `{"/": {"bytes": "7aCA"}}`, `{"None":null}`},
		{"bytes.fromText", `"ä"`, `{"/":{"bytes":"w6Q"}}`},
		{"bytes.hex", `{"/": {"bytes": "AP8"}}`, `"00ff"`},
		{"bytes.fromHex", `"00fF"`, `{"Some":{"/":{"bytes":"AP8"}}}`},
		{"bytes.fromHex", `"0"`, `{"None":null}`},
		{"bytes.fromHex", `"0g"`, `{"None":null}`},
		{"bytes.base64", `{"/": {"bytes": "AP8"}}`, `"AP8="`},
		{"bytes.fromBase64", `"AP8="`, `{"Some":{"/":{"bytes":"AP8"}}}`},
		{"bytes.fromBase64", `"AP8"`, `{"Some":{"/":{"bytes":"AP8"}}}`},
		{"bytes.fromBase64", `""`, `{"Some":{"/":{"bytes":""}}}`},
		{"bytes.fromBase64", `"AP9="`, `{"None":null}`},
		{"bytes.fromBase64", `"AP8=\n"`, `{"None":null}`},
		{"bytes.fromBase64", `"A\nP8"`, `{"None":null}`},
		{"bytes.fromBase64", `"A"`, `{"None":null}`},
		{"bytes.fromBase64", `"_-8="`, `{"None":null}`},
		{"bytes.fromBase64", `"AP8=="`, `{"None":null}`},
	})
}

// TestTextLaws holds what split, join, replace, slice and reverse have to do with one another, over random texts.
func TestTextLaws(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewSource(6))
	random := func(n int) graph.Value {
		var s strings.Builder
		for range r.Intn(n + 1) {
			s.WriteRune([]rune("aabäß😀\n ")[r.Intn(8)])
		}
		return graph.Text(s.String())
	}
	must := func(name string, args ...graph.Value) graph.Value {
		t.Helper()
		v, err := b.call(name, args...)
		if err != nil {
			t.Fatalf("%s: %s", name, b.outcome(v, err))
		}
		return v
	}
	for range 3000 {
		s, sep, by := random(12), random(2), random(2)
		parts := must("text.split", sep, s)
		if sep.Text() != "" {
			if back := must("text.join", sep, parts).Text(); back != s.Text() {
				t.Fatalf("split and join of %q by %q: got %q", s.Text(), sep.Text(), back)
			}
		}
		if a, b := must("text.replace", sep, by, s).Text(), must("text.join", by, parts).Text(); a != b {
			t.Fatalf("replace %q by %q in %q: got %q, want %q", sep.Text(), by.Text(), s.Text(), a, b)
		}
		n := graph.Int(int64(r.Intn(14)))
		start, end := must("text.slice", graph.Int(0), n, s), must("text.slice", n, graph.Int(100), s)
		if start.Text()+end.Text() != s.Text() || start.TextLen() > 14 {
			t.Fatalf("slices of %q at %s: %q and %q", s.Text(), b.show(n), start.Text(), end.Text())
		}
		if back := must("text.reverse", must("text.reverse", s)).Text(); back != s.Text() {
			t.Fatalf("%q reversed twice is %q", s.Text(), back)
		}
		if back := must("text.fromCodes", must("text.codes", s)).Text(); back != s.Text() {
			t.Fatalf("the codes of %q are %q", s.Text(), back)
		}
		if at := must("text.indexOf", sep, s); must("text.contains", sep, s).Bool() {
			i, _ := at.Map().Get("Some")
			rest := must("text.slice", i, graph.Int(100), s)
			if !must("text.startsWith", sep, rest).Bool() {
				t.Fatalf("%q is not at %s in %q", sep.Text(), b.show(i), s.Text())
			}
		}
	}
}

func TestCase(t *testing.T) {
	if unicode.Version == "15.0.0" {
		for r := rune(0x80); r <= unicode.MaxRune; r++ {
			if got, want := changeCase(upperCase, r), unicode.ToUpper(r); got != want {
				t.Fatalf("upper case of %U: got %U, want %U", r, got, want)
			}
			if got, want := changeCase(lowerCase, r), unicode.ToLower(r); got != want {
				t.Fatalf("lower case of %U: got %U, want %U", r, got, want)
			}
		}
	}
	h := sha256.New()
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if u, l := changeCase(upperCase, r), changeCase(lowerCase, r); u != r || l != r {
			fmt.Fprintf(h, "%x %x %x\n", r, u, l)
		}
	}
	const want = "4b8d2cacff1a871e1821eef1e3d6d1ba5e02f948f5c99068e149c54b168ce01a"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("the case tables have changed: got %s, want %s", got, want)
	}
}

func TestWhiteSpace(t *testing.T) {
	n := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if isSpace(r) {
			n++
		}
		if isSpace(r) != unicode.Is(unicode.White_Space, r) {
			t.Errorf("%U: got %v", r, isSpace(r))
		}
	}
	if n != 25 {
		t.Errorf("got %d white space code points, want 25", n)
	}
}

func TestTextCosts(t *testing.T) {
	b := newBench(t, 0)
	ascii, wide := graph.Text(strings.Repeat("a", 256000)), graph.Text(strings.Repeat("ä", 128000))
	one, many := graph.Text("a"), graph.Int(256000)
	for _, c := range []struct {
		name string
		args []graph.Value
		want uint64
	}{
		{"text.length", []graph.Value{ascii}, 0},
		{"text.slice", []graph.Value{graph.Int(100000), graph.Int(100256), ascii}, 1},
		{"text.slice", []graph.Value{graph.Int(1), graph.Int(2), wide}, 1000},
		{"text.upper", []graph.Value{ascii}, 1000},
		{"text.split", []graph.Value{one, ascii}, 1000 + 256001/16},
		{"text.chars", []graph.Value{wide}, 1000 + 8000},
		{"text.repeat", []graph.Value{many, one}, 1000},
		{"text.padLeft", []graph.Value{many, one, graph.Text("")}, 1000},
		{"text.contains", []graph.Value{graph.Text("b"), ascii}, 1000},
		{"text.startsWith", []graph.Value{one, ascii}, 0},
		{"seq.append", []graph.Value{ascii, ascii}, 2000},
		{"cmp.eq", []graph.Value{ascii, ascii}, 1000},
		{"cmp.lt", []graph.Value{ascii, one}, 0},
		{"core.show", []graph.Value{ascii}, 1000},
		{"hash.sha256", []graph.Value{ascii}, 4000},
	} {
		got := b.steps(func() {
			if v, err := b.call(c.name, c.args...); err != nil {
				t.Fatal(b.outcome(v, err))
			}
		})
		if got != c.want {
			t.Errorf("%s: got %d steps, want %d", c.name, got, c.want)
		}
	}
}

func TestTextMemory(t *testing.T) {
	b := newBench(t, 1<<28)
	huge := graph.Int(1 << 62)
	for _, c := range []struct {
		name string
		args []graph.Value
	}{
		{"text.repeat", []graph.Value{huge, graph.Text("ab")}},
		{"text.repeat", []graph.Value{graph.Int(1 << 28), graph.Text("ab")}},
		{"text.padLeft", []graph.Value{huge, graph.Text("😀"), graph.Text("ab")}},
		{"text.replace", []graph.Value{graph.Text("a"), graph.Text(strings.Repeat("b", 1<<16)), graph.Text(strings.Repeat("a", 1<<16))}},
		{"text.replace", []graph.Value{graph.Text(""), graph.Text(strings.Repeat("b", 1<<16)), graph.Text(strings.Repeat("a", 1<<16))}},
	} {
		_, err := b.call(c.name, c.args...)
		if s, ok := err.(*Stop); !ok || s.Reason != MemoryLimit {
			t.Errorf("%s: got %v, want the memory limit", c.name, err)
		}
	}
}

func TestTextOfWhatIsNotLoaded(t *testing.T) {
	b := newBench(t, 0)
	link := b.stored(graph.Text("far"))
	list := graph.NewList(graph.Text("near"), link)
	for name, want := range map[string]string{"text.interpolate": `"nearfar"`, "core.show": `["near",` + b.show(link) + `]`} {
		v, err := b.call(name, list)
		if name == "core.show" && err == nil {
			v = b.value(v.Text())
		}
		if got := b.outcome(v, err); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if got := b.outcome(b.call("text.join", graph.Text("-"), list)); got != `"near-far"` {
		t.Errorf("got %s", got)
	}
	if got := b.outcome(b.call("text.length", link)); got != `3` {
		t.Errorf("got %s", got)
	}
}
