// This file tests hostile source: each limit has its own error, and everything ends in bounded time.

package lang

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	const deep = 100_000
	rep := strings.Repeat
	for _, c := range []struct {
		name, src, want string // want "" for no error
	}{
		{"parentheses", rep("(", deep) + "1" + rep(")", deep), "limit of 1,000"},
		{"open parentheses", rep("(", deep), "limit of 1,000"},
		{"lists", rep("[", deep), "limit of 1,000"},
		{"maps", rep(`{"a":`, deep), "limit of 1,000"},
		{"matches", rep("match x {|a->", deep), "limit of 1,000"},
		{"match subjects", rep("match ", deep), "limit of 1,000"},
		{"interpolations", rep(`"\(`, deep), "limit of 1,000"},
		{"lambdas", rep(`\x->`, deep) + "x", "limit of 1,000"},
		{"ifs", rep("if a then ", deep), "limit of 1,000"},
		{"conditions", rep("if ", deep), "limit of 1,000"},
		{"lets", rep("let x = 1 in ", deep) + "x", "limit of 1,000"},
		{"let right sides", rep("let x = ", deep) + "1", "limit of 1,000"},
		{"lazies", rep("lazy ", deep) + "1", "limit of 1,000"},
		{"minuses", rep("-", deep) + "1", "limit of 1,000"},
		{"patterns", "match x { | " + rep("[", deep), "limit of 1,000"},
		{"map patterns", "match x { | " + rep("{a:", deep), "limit of 1,000"},
		{"pattern parentheses", "let " + rep("(", deep), "limit of 1,000"},
		{"parameters", `\` + rep("[", deep), "limit of 1,000"},
		{"as", "let x" + rep(" as y", deep), "limit of 1,000"},
		{"operand prefixes", rep("f try ", deep) + "1", "limit of 1,000"},
		{"parentheses within", rep("(", 999) + "1" + rep(")", 999), ""},
		{"lets within", rep("let x = 1 in ", 999) + "x", ""},
		{"lambda in parentheses", rep(`(\x -> `, 500) + "x" + rep(")", 500), ""},

		{"sum", "1" + rep(" + 1", deep), ""},
		{"append", "a" + rep(" ++ a", deep), ""},
		{"or", "a" + rep(" || a", deep), ""},
		{"pipes", "a" + rep(" |> f", deep), ""},
		{"pipes with arguments", "a" + rep(" |> f x y", deep), ""},
		{"compositions", "a" + rep(" >> f", deep), ""},
		{"arguments", "f" + rep(" x", deep), ""},
		{"else ifs", rep("if a then b else ", deep) + "c", ""},
		{"fields", "f" + rep(".x", deep), ""},
		{"path", "@bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy" + rep("/x", deep), ""},
		{"list", "[" + rep("1,", deep) + "]", ""},
		{"arms", "match x {" + rep("| 1 -> 2", deep) + "}", ""},
		{"alternatives", "match x {" + rep("| 1", deep) + " -> 2}", ""},
		{"group", "let f x = 1" + rep(" and f x = 1", deep), "defined twice"},
		{"interpolated", `"` + rep(`\(x)`, deep) + `"`, ""},
		{"digits", rep("9", 900_000), ""},

		{"16 MiB", rep(" ", maxSource-1) + "1", ""},
		{"50 MB", rep("1", 50_000_000), "limit of 16 MiB"},
		{"endless int", rep("1", 10_000_000), "1,000,000 digits"},
		{"endless hex", "0x" + rep("f", 10_000_000), "1,000,000 digits"},
		{"endless fraction", "0." + rep("1", 10_000_000), "1,000,000 digits"},
		{"endless exponent", "1e" + rep("1", 500_000), "too large"},
		{"endless text", `"` + rep("a", 10_000_000), "never closed"},
		{"endless long text", `"""` + rep("a\n", 5_000_000), "never closed"},
		{"endless escape", `"` + rep("\\", 10_000_001), "never closed"},
		{"endless name", rep("a", 10_000_000), ""},
		{"endless CID", "@" + rep("Q", 10_000_000), "a CID of more than"},
		{"endless CID in a map", `{"/": "` + rep("Q", 10_000_000) + `"}`, "a CID of more than"},
		{"endless comment", "#" + rep("a", 10_000_000) + "\n1", ""},
		{"endless documentation", rep("## a\n", 2_000_000) + "let a = 1", ""},
		{"braces before space", rep("{ # \n a: ", 1_000_000), "limit of 1,000"},
		{"mistakes", rep("let x = )\n", 1_000_000), "more mistakes"},
		{"forgotten brackets", rep("let x = (\n", 1_000_000), "the rest is not checked"},
		{"bad characters", rep("\u00a0", 1_000_000), "begins nothing"},
		{"duplicate definitions", rep("let x = 1\n", 1_000_000), "defined twice"},
		{"duplicate keys", "{" + rep("a: 1,", 300_000) + "}", "written twice"},
		{"many keys", manyKeys(100_000), ""},
		{"duplicate names", "let [" + rep("a,", 300_000) + "] = x", "twice"},
		{"alternatives of other names", "match x {" + rep("| [a, b]", 50_000) + rep("| c", 50_000) + "-> 1}", "same names"},
		{"closed too often", rep(")", 5_000_000), "want an expression"},
		{"closed in the wrong order", rep("(", 900) + rep("]", 5_000_000), "want an expression"},
		{"blank lines in a text", "\"\"\"\n" + rep("    \n", 500_000) + "\"\"\"", ""},
		{"wide last line in a text", "\"\"\"\n" + rep("a\n", 1_000_000) + rep(" ", 10_000_000) + "\"\"\"", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			f, errs := Parse("limit", []byte(c.src))
			took := time.Since(start)
			if took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			switch {
			case c.want == "" && len(errs) > 0:
				t.Fatalf("got %s", errs[0].Render(false))
			case c.want != "" && len(errs) == 0:
				t.Fatalf("got no error, want %q", c.want)
			case c.want != "" && !strings.Contains(errs.Error(), c.want):
				t.Errorf("got %s, want %q", errs[0].Render(false), c.want)
			case len(errs) > maxErrors+1:
				t.Errorf("got %d errors", len(errs))
			}
			if r := errs.Render(true); len(r) > 1000*maxErrors {
				t.Errorf("got %d bytes of messages", len(r))
			}
			if c.want == "" && f.Body != nil && len(c.src) < 2_000_000 {
				checkReprint(t, f)
			}
			if took > time.Second {
				t.Logf("took %v", took)
			}
		})
	}
}

// checkReprint checks that what is printed is read and printed again to the same text, without recursion over chains.
func checkReprint(t *testing.T, f *File) {
	t.Helper()
	once := PrintFile(f)
	again, errs := Parse("printed", []byte(once))
	if len(errs) > 0 {
		t.Fatalf("printed: %s", errs[0].Render(false))
	}
	if PrintFile(again) != once {
		t.Errorf("got another text when printed twice")
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		fmt.Fprintf(&b, `"k%d": %d, `, i, i)
	}
	return b.String() + "}"
}

func TestUTF8(t *testing.T) {
	for src, col := range map[string]int{"\xff": 1, "\"é\xc3\"": 3, "let a = 1\n  \xed\xa0\x80": 3, "a\xf4\x90\x80\x80": 2} {
		f, errs := Parse("bytes", []byte(src))
		if len(errs) != 1 || !strings.Contains(errs[0].Message, "not UTF-8") || len(f.Defs) > 0 {
			t.Errorf("%q: got %v", src, errs)
			continue
		}
		if _, got := Position(f, errs[0].Span.Start); got != col {
			t.Errorf("%q: got column %d, want %d", src, got, col)
		}
	}
	if f, errs := Parse("bom", []byte("\uFEFFlet a = 1\r\nlet b =\r\n  \"\"\"\r\n  x\r\n  y\r\n  \"\"\"\r\n")); len(errs) > 0 || dumpFile(f) != "(def a = 1)\n(def b = \"x\\ny\")" {
		t.Errorf("got %s %v", dumpFile(f), errs)
	}
}

// checkFormatOnce checks that source is formatted in bounded time, and stays as it is the second time; or that it is refused
// because it would be too long.
func checkFormatOnce(t *testing.T, src string) {
	t.Helper()
	start := time.Now()
	once, errs := Format("limit", []byte(src))
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("formatting took %v", took)
	} else if took > time.Second {
		t.Logf("formatting took %v", took)
	}
	if len(errs) > 0 && strings.Contains(errs.Error(), "longer than the limit") {
		return
	}
	if len(errs) > 0 {
		t.Fatalf("formatted: %s", errs[0].Render(false))
	}
	if twice, errs := Format("formatted", []byte(once)); twice != once {
		t.Errorf("got another text when formatted twice: %.300s", errs)
	}
}

// TestFormatLimits formats what is hostile to a formatter.
func TestFormatLimits(t *testing.T) {
	const size = 1 << 18
	rep := strings.Repeat
	fill := func(s string) string { return rep(s, size/len(s)) }
	for name, src := range map[string]string{
		"numbers":          "[" + fill("1,") + "]",
		"maps":             "[" + fill("{a: 1, b: [2]},") + "]",
		"comments":         "[" + fill("1, # c\n") + "]",
		"comments alone":   fill("# c\n\n") + "1",
		"items":            fill("## d\nlet _ = 1\n"),
		"parentheses":      "[" + fill("((-x)),") + "]",
		"commented ones":   "[" + fill("((-x # c\n)),") + "]",
		"sum":              "1" + fill(" + 1"),
		"append":           "a" + fill(" ++ a"),
		"pipes":            "a" + fill(" |> f x"),
		"lambda stages":    "a" + fill(" |> (\\x -> x)"),
		"arguments":        "f" + fill(" x"),
		"wide arguments":   "f" + fill(" [1,2]"),
		"fields":           "f" + fill(".x"),
		"else ifs":         fill("if a then b else ") + "c",
		"arms":             "match x {" + fill("| Some y if z -> y") + "}",
		"alternatives":     "match x {" + fill("| 1") + " -> 2}",
		"deep lists":       "[" + fill(rep("[", 900)+"1"+rep("]", 900)+",") + "]",
		"deep lambdas":     "[" + fill(rep("f (\\x -> ", 400)+"1"+rep(")", 400)+",") + "]",
		"deep tries":       "[" + fill(rep("try ", 900)+"1,") + "]",
		"deep lets":        "[" + fill(rep("let x = 1 in ", 900)+"1,") + "]",
		"deep last":        rep("f [", 900) + fill("x, ") + rep("]", 900),
		"deep pipes":       "[" + fill(rep("(x |> ", 400)+"f"+rep(")", 400)+",") + "]",
		"blank lines":      "[1," + fill("\n") + "2]",
		"long names":       "f " + fill("a") + " b",
		"texts":            "[" + fill("\"\"\"\n a\n \"\"\",") + "]",
		"interpolated":     `"` + fill(`\(x)`) + `"`,
		"spaces":           "f" + fill(" ") + "x",
		"comment gap":      "f (a" + fill(" # c\n") + ") b",
		"open parentheses": rep("(", 900) + "1 + 2" + rep("# c\n)", 900),
	} {
		t.Run(name, func(t *testing.T) { checkFormatOnce(t, src) })
	}
}
