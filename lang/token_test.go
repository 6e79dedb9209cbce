// This file tests the tokens that colouring and completion read.

package lang

import (
	"fmt"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	names := []string{"name", "tag", "module", "field", "keyword", "constant", "number", "text", "link", "operator", "bracket", "punctuation", "comment", "doc", "bad"}
	for _, c := range []struct{ src, want string }{
		{"let f x = x.name + Text.length \"a\" # sum\r\n",
			"keyword let|name f|name x|punctuation =|name x|punctuation .|field name|operator +|module Text|punctuation .|name length|text \"a\"|comment # sum"},
		{"## Doc.\nlet a = {k: Some 1, if: true}", "doc ## Doc.|keyword let|name a|punctuation =|bracket {|field k|punctuation :|tag Some|number 1|punctuation ,|field if|punctuation :|constant true|bracket }"},
		{`"a\(b)c" @bafy (+) ^`, `text "a\(|name b|text )c"|link @bafy|bracket (|operator +|bracket )|bad ^`},
		{"[1, # one\n 2", "bracket [|number 1|punctuation ,|comment # one|number 2"},
		{"{a # c\n: 1}", "bracket {|field a|comment # c|punctuation :|number 1|bracket }"},
		{"x.0.Some", "name x|punctuation .|number 0|punctuation .|field Some"},
	} {
		var got []string
		for _, tok := range Tokens(c.src) {
			got = append(got, fmt.Sprintf("%s %s", names[tok.Class], c.src[tok.Start:tok.End]))
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.src, s, c.want)
		}
	}
}

// FuzzTokens: tokens lie in order in the source, and between them is white space only.
func FuzzTokens(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		end := 0
		for _, tok := range Tokens(src) {
			if tok.Start < end || tok.End <= tok.Start || tok.End > len(src) {
				t.Fatalf("got the token %v after %d of %d bytes", tok, end, len(src))
			}
			if between := strings.Trim(src[end:tok.Start], " \t\r\n"); between != "" {
				t.Fatalf("%q is in no token", between)
			}
			end = tok.End
		}
		if rest := strings.Trim(src[end:], " \t\r\n"); rest != "" {
			t.Fatalf("%q is in no token", rest)
		}
	})
}
