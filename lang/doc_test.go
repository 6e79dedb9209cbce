// This file tests how documentation is taken apart.

package lang

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseDoc(t *testing.T) {
	names := map[DocKind]string{DocText: "text", DocItem: "item", DocCode: "code", DocExample: "example"}
	for _, c := range []struct{ doc, want string }{
		{"", ""},
		{"\n \n", ""},
		{"one\ntwo", `0 text "one two"`},
		{"one\n\n two \r\n", `0 text "one"; 2 text "two"`},
		{"`half x` is half.\n> half 3\n= 1.5", "0 text \"`half x` is half.\"; 1 example \"half 3\" is \"1.5\""},
		{"> a\n> b\n= c\n= d\n> e\n= f\nmore", `0 example "a\nb" is "c\nd"; 4 example "e" is "f"; 6 text "more"`},
		{"> a\n\n> b", `0 example "a" is ""; 2 example "b" is ""`},
		{"= a\n> b\n\n= c", `0 text "= a"; 1 example "b" is ""; 3 text "= c"`},
		{">\n=\n>b\n=b\n-\n-c", `0 text "> = >b =b - -c"`},
		{"list:\n- one\n  more\n- two\nthree\n\nfour", `0 text "list:"; 1 item "one more"; 3 item "two three"; 6 text "four"`},
		{"see\n\n    let x =\n\n      1\n\n\nend", `0 text "see"; 2 code "let x =\n\n  1"; 7 text "end"`},
		{"see\n    not code", `0 text "see not code"`},
		{"    a\nb", `0 code "a"; 1 text "b"`},
		{"> if x\n>   then y\n= 1", `0 example "if x\n  then y" is "1"`},
	} {
		var got []string
		for _, p := range ParseDoc(c.doc) {
			s := fmt.Sprintf("%d %s %q", p.Line, names[p.Kind], p.Text)
			if p.Kind == DocExample {
				s += fmt.Sprintf(" is %q", p.Want)
			}
			got = append(got, s)
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%q:\ngot  %s\nwant %s", c.doc, s, c.want)
		}
	}
}

func TestDocSpans(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"plain", `"plain"`},
		{"`f x` is `g`.", "`f x` \" is \" `g` \".\""},
		{"a ` b", "\"a ` b\""},
		{"a `b` c ` d", "\"a \" `b` \" c ` d\""},
		{"``x", `"x"`},
	} {
		var got []string
		DocSpans(c.text, func(piece string, code bool) {
			if code {
				got = append(got, "`"+piece+"`")
			} else {
				got = append(got, fmt.Sprintf("%q", piece))
			}
		})
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q: got %s, want %s", c.text, s, c.want)
		}
	}
}

// A long documentation takes time in proportion to its length.
func TestParseDocLong(t *testing.T) {
	const n = 1 << 18
	for _, line := range []string{"a", "> a", "    a", "- a", "`"} {
		parts := ParseDoc(strings.Repeat(line+"\n", n))
		if got := len(parts); got != 1 && !(line == "- a" && got == n) {
			t.Errorf("%q: got %d parts", line, got)
		}
	}
	pieces := 0
	DocSpans(strings.Repeat("`", n), func(string, bool) { pieces++ })
	if pieces != 0 {
		t.Errorf("got %d pieces of nothing", pieces)
	}
}
