// This file tests regular expressions: against Go's, over generated patterns and texts, where the two promise the same; what
// patterns may not be; and what they cost.

package eval

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/graph"
)

// A regexWriter writes random patterns and texts.
type regexWriter struct{ r *rand.Rand }

func (w regexWriter) one(of ...string) string { return of[w.r.IntN(len(of))] }

func (w regexWriter) class() string {
	var b strings.Builder
	b.WriteString(w.one("[", "[", "[^"))
	for range 1 + w.r.IntN(3) {
		b.WriteString(w.one("a", "b", "k", "a-c", "b-z", "A-K", `\d`, `\W`, `\S`, "[:alpha:]", "[:^digit:]", "[:word:]", `\p{Lu}`, `\P{Cyrillic}`, `\pN`, "é", "à-ü", `\n`, `\x{100}-\x{10FFFF}`, "-", "_", "😀", `\]`))
	}
	return b.String() + "]"
}

func (w regexWriter) atom(depth int) string {
	if depth > 0 && w.r.IntN(3) == 0 {
		return w.one("(", "(", "(?:", "(?i:", "(?s:", "(?m:", "(?U:", "(?i-s:", "(?P<n>", "(?<m>") + w.alternation(depth-1) + ")"
	}
	switch w.r.IntN(10) {
	case 0:
		return w.class()
	case 1:
		return w.one("^", "$", `\b`, `\B`, `\A`, `\z`)
	case 2:
		return w.one(`\d`, `\w`, `\s`, `\D`, `\W`, `\S`, `\.`, `\x41`, `\x{e9}`, `\101`, `\Qa*b\E`, `\n`, `\*`, `\p{Any}`, `\pL`, `\p{Greek}`, `\P{Lu}`, `\p{^Nd}`, `\PN`)
	case 3:
		return w.one(".", ".", "(?i)", "(?s)", "(?m)", "{", "{,2}", "-", "]", "}", "", "x{", "(|a)", "()")
	}
	return w.one("a", "b", "c", "ab", "abc", "k", "K", "é", "É", "ſ", "S", "😀", "0", " ", "_", "σ")
}

func (w regexWriter) sequence(depth int) string {
	var b strings.Builder
	for range w.r.IntN(4) {
		b.WriteString(w.atom(depth))
		if w.r.IntN(3) == 0 {
			b.WriteString(w.one("*", "+", "?", "*?", "+?", "??", "{2}", "{0}", "{1}", "{0,2}", "{1,3}?", "{2,}", "{0,}", "{1,}?", "**"))
		}
	}
	return b.String()
}

func (w regexWriter) alternation(depth int) string {
	s := w.sequence(depth)
	for w.r.IntN(3) == 0 {
		s += "|" + w.sequence(depth)
	}
	return s
}

func (w regexWriter) text() string {
	var b strings.Builder
	for range w.r.IntN(12) {
		b.WriteString(w.one("a", "b", "c", "A", "B", "k", "K", "\u212a", "s", "S", "ſ", "é", "É", "😀", "0", "9", " ", "\n", "_", "-", "ab", "abc", "σ", "ς", "Σ", "Ж", "٣", "{", "x"))
	}
	return b.String()
}

// compareRegex compares a pattern with Go's package.
func compareRegex(t *testing.T, b *bench, pattern, text, by string) (valid bool) {
	t.Helper()
	theirs, err := regexp.Compile(pattern)
	ours, wrong := compileRegex(pattern)
	if wrong != nil && wrong.reason == "two groups of one name" {
		return false // as in RE2; Go's package lets it pass
	}
	if (err == nil) != (wrong == nil) {
		t.Fatalf("%q: got the error %v, Go's is %v", pattern, wrong, err)
	}
	if err != nil {
		return false
	}
	if got, want := fmt.Sprintf("%q", ours.names), fmt.Sprintf("%q", theirs.SubexpNames()); got != want {
		t.Fatalf("%q: got the groups %s, want %s", pattern, got, want)
	}
	var want [][]int
	want = append(want, theirs.FindAllStringSubmatchIndex(text, -1)...)
	var got [][]int
	v := ours.run(b.m, noteGroups(ours))
	v.each(text, func() error {
		got = append(got, append([]int(nil), v.match...))
		return nil
	})
	v.done()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%q in %q: got %v, want %v", pattern, text, got, want)
	}
	v = ours.run(b.m, 0)
	if v.search(text, 0) != theirs.MatchString(text) {
		t.Fatalf("%q in %q: matching and finding disagree", pattern, text)
	}
	v.done()
	args := []graph.Value{graph.Text(pattern), graph.Text(by), graph.Text(text)}
	if v, err := b.call("regex.replace", args...); err == nil {
		if want := theirs.ReplaceAllString(text, by); v.Text() != want {
			t.Fatalf("replace %q by %q in %q: got %q, want %q", pattern, by, text, v.Text(), want)
		}
	}
	parts, err := b.call("regex.split", args[0], args[2])
	if err != nil {
		t.Fatal(err)
	}
	var mine []string
	for it := parts.List().Iter(); ; {
		p, ok := it.Next()
		if !ok {
			break
		}
		mine = append(mine, p.Text())
	}
	if want := theirs.Split(text, -1); text != "" && fmt.Sprintf("%q", mine) != fmt.Sprintf("%q", want) {
		t.Fatalf("split %q by %q: got %q, want %q", text, pattern, mine, want)
	}
	return true
}

func TestRegexAsGo(t *testing.T) {
	b := newBench(t, 1<<30)
	w := regexWriter{rand.New(rand.NewPCG(1, 2))}
	n, valid := 10_000, 0
	if testing.Short() {
		n = 1_000
	}
	for range n {
		pattern := w.alternation(3)
		for range 3 {
			if compareRegex(t, b, pattern, w.text(), w.one("", "<$0>", "x", "$$", "${1}!", "${n}")) {
				valid++
			}
		}
	}
	if valid < n {
		t.Errorf("only %d of %d patterns were valid", valid/3, n)
	}
}

func FuzzRegex(f *testing.F) {
	for _, pattern := range []string{`(a|ab)(c|bcd)(d*)`, `(?i)k+[^s]`, `^(?:(a*)*|b)+?$`, `[[:alpha:]\d-]{2,5}|\bx\B`, `(?P<n>.)\Q*\E`, `\x{e9}[^\n]`, `((x{9}){9}){9}`} {
		f.Add(pattern, "abcd kK xx é\n")
	}
	b := newBench(f, 1<<30)
	f.Fuzz(func(t *testing.T, pattern, text string) {
		// What Go's package reads otherwise: classes of Unicode, invalid UTF-8, and programs larger than ours may be.
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) || len(pattern) > 200 || len(text) > 200 {
			return
		}
		if strings.Contains(pattern, `\p`) || strings.Contains(pattern, `\P`) {
			compileRegex(pattern)
			return
		}
		if _, err := syntax.Parse(pattern, syntax.Perl); err != nil {
			var wrong *syntax.Error
			if errors.As(err, &wrong) && (wrong.Code == syntax.ErrLarge || wrong.Code == syntax.ErrNestingDepth) {
				return
			}
		} else if _, wrong := compileRegex(pattern); wrong != nil && strings.Contains(wrong.reason, "more than") {
			return
		}
		compareRegex(t, b, pattern, text, "<$0>")
	})
}

// Letters are variants of each other where Unicode's simple folding, as this release of Go has it, says so.
func TestRegexFolding(t *testing.T) {
	old := unicode.Version == "15.0.0"
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := map[rune]bool{}
		for v := unicode.SimpleFold(r); v != r; v = unicode.SimpleFold(v) {
			want[v] = true
		}
		folded := foldPairs([]rune{r, r})[2:]
		for i := 0; i < len(folded); i += 2 {
			if !want[folded[i]] {
				t.Errorf("%U is no variant of %U", folded[i], r)
			}
			delete(want, folded[i])
		}
		for v := range want {
			// A later version of Unicode may know more letters, never other variants of those that there were.
			if old || assignedIn15(r) && assignedIn15(v) {
				t.Errorf("%U is a variant of %U", v, r)
			}
		}
	}
}

// assignedIn15 leaves out the letters with case that Unicode 16 and 17 have added.
func assignedIn15(r rune) bool {
	switch {
	case r == 0x1c89 || r == 0x1c8a, 0xa7cb <= r && r <= 0xa7dc, 0x10d50 <= r && r <= 0x10d8f, 0x16ea0 <= r && r <= 0x16ed3:
		return false
	}
	return true
}

func TestRegexErrors(t *testing.T) {
	b := newBench(t, 1<<30)
	for _, c := range []struct {
		pattern      string
		line, column int
		reason       string
	}{
		{"a(b", 1, 2, "( without )"},
		{"a)b", 1, 2, "unexpected )"},
		{"é\n[a", 2, 1, "[ without ]"},
		{"*a", 1, 1, "nothing to repeat"},
		{"a|+", 1, 3, "nothing to repeat"},
		{"a**", 1, 3, "a repetition of a repetition needs parentheses"},
		{"a{3,2}", 1, 2, "a repetition counts from the lesser to the greater, up to 1000"},
		{"a{1001}", 1, 2, "a repetition counts from the lesser to the greater, up to 1000"},
		{"(a{100}){11}", 1, 9, "repetitions in repetitions count more than 1000"},
		{"[z-a]", 1, 2, "a range from the greater to the lesser"},
		{"[[:foo:]]", 1, 2, "no such class: [:foo:]"},
		{`\p{greek}`, 1, 1, `\p{greek} is no class of Unicode 15`},
		{`[\pX]`, 1, 2, `\p{X} is no class of Unicode 15`},
		{strings.Repeat(`[\pL]`, 2000), 1, 3977, "the classes of Unicode have more than 524288 ranges together"},
		{`\1`, 1, 1, "there are no references back to groups"},
		{`\y`, 1, 1, "no such escape"},
		{`\C`, 1, 1, "no such escape"},
		{`a\`, 1, 2, `\ at the end`},
		{`\x{110000}`, 1, 1, `want \x and two hexadecimal digits, or \x{…} up to 10FFFF`},
		{`(?P<a>x)(?P<a>y)`, 1, 9, "two groups of one name"},
		{`(?P<a-b>x)`, 1, 1, "a group's name is letters, digits and _ between < and >"},
		{`(?=a)`, 1, 1, "malformed flags: want some of i, m, s, U and -, and then : or )"},
		{strings.Repeat("(", 2000), 1, 1001, "brackets are nested deeper than 1000"},
		{strings.Repeat("()", 1001), 1, 2001, "more than 1000 groups"},
		{strings.Repeat("x", 1<<16+1), 1, 1, "the pattern has more than 65536 bytes"},
		{strings.Repeat("((a{10}){10}){10}", 200), 1, 1, "the pattern stands for more than 131072 instructions"},
	} {
		_, err := b.call("regex.matches", graph.Text(c.pattern), graph.Text("a"))
		want := `bad text: ` + b.show(graph.Record("column", c.column, "format", "regex", "line", c.line, "reason", c.reason))
		if got := b.outcome(graph.Null(), err); got != want {
			t.Errorf("%.40q: got %s, want %s", c.pattern, got, want)
		}
	}
	b.run([]primCase{
		{"regex.replace", `"(a)", "$2", "a"`, `bad text: {"column":1,"format":"replacement","line":1,"reason":"the pattern has no such group"}`},
		{"regex.replace", `"(a)", "x${b}", "a"`, `bad text: {"column":2,"format":"replacement","line":1,"reason":"the pattern has no such group"}`},
		{"regex.replace", `"(a)", "$", "a"`, `bad text: {"column":1,"format":"replacement","line":1,"reason":"a $ begins $1, ${1}, ${name} or $$"}`},
		{"regex.matches", `1, "a"`, `wrong kind: {"got":1,"want":"text"}`},
		{"regex.matches", `"a", 1`, `wrong kind: {"got":1,"want":"text"}`},
		{"regex.replaceWith", `"a", 1, "a"`, `not a function: 1`},
		{"regex.replaceWith", `"a", 1, "b"`, `"b"`},
	})
}

func TestRegexPrims(t *testing.T) {
	newBench(t, 1<<30).run([]primCase{
		{"regex.find", `"(?P<y>\\d+)-(\\d+)?", "é 12- x"`, `{"Some":{"end":5,"groups":["12",null],"named":{"y":"12"},"start":2,"text":"12-"}}`},
		{"regex.find", `"z", "abc"`, `{"None":null}`},
		{"regex.findAll", `"😀|b*", "a😀bb"`, `[{"end":0,"groups":[],"named":{},"start":0,"text":""},{"end":2,"groups":[],"named":{},"start":1,"text":"😀"},{"end":4,"groups":[],"named":{},"start":2,"text":"bb"}]`},
		{"regex.split", `"[,;] *", "a, b;c,"`, `["a","b","c",""]`},
		{"regex.split", `"", "añb"`, `["a","ñ","b"]`},
		{"regex.split", `"x", ""`, `[""]`},
		{"regex.replace", `"(\\w)(\\w*)", "$2${1}$$", "ab c"`, `"ba$ c$"`},
		{"regex.escape", `"a.b*[é]"`, `"a\\.b\\*\\[é\\]"`},
	})
}

// The cost is what the documentation says, whether the pattern is new or not, and bounds the time.
func TestRegexCost(t *testing.T) {
	b := newBench(t, 1<<30)
	for _, c := range []struct {
		pattern string
		size    int64
	}{
		{"", 1}, {"a", 2}, {"abc", 4}, {"a|b", 4}, {"a*", 3}, {"(a)", 4}, {"(?:a*)*", 5}, {"a{2,4}", 7}, {"a{3,}", 5}, {"^[a-z]+$", 5},
		{"(((((((a)))))))", 16}, {"((((((((a))))))))", 36},
	} {
		x, wrong := compileRegex(c.pattern)
		if wrong != nil || x.size != c.size {
			t.Errorf("%q: got the size %d, want %d", c.pattern, x.size, c.size)
		}
	}
	text := graph.Text(strings.Repeat("é", 10_000))
	for range 2 {
		// xyz and the end are 4; 10,001 places are read, and 1 is the pattern's own.
		if got := b.steps(func() { b.call("regex.matches", graph.Text("xyz"), text) }); got != 4*10_002/64 {
			t.Errorf("got %d steps, want %d", got, 4*10_002/64)
		}
	}
	hostile := graph.Text("(" + strings.Repeat("a?", 500) + strings.Repeat("a", 500) + ")*b")
	b.m.opt.Fuel = 100_000
	before := b.m.steps
	b.m.fuelEnd = b.m.executed() + b.m.opt.Fuel
	_, err := b.call("regex.findAll", hostile, graph.Text(strings.Repeat("a", 1_000_000)))
	var stop *Stop
	if !errors.As(err, &stop) || stop.Reason != OutOfFuel {
		t.Errorf("got %v after %d steps, want no more fuel", err, b.m.steps-before)
	}
}

// The machine keeps a bounded number of patterns.
func TestRegexCache(t *testing.T) {
	b := newBench(t, 1<<30)
	for i := range 20_000 {
		if v, err := b.call("regex.matches", graph.Text(fmt.Sprintf("a%d|%d", i, i)), graph.Text("x")); err != nil || v.Bool() {
			t.Fatal(v, err)
		}
		if c := b.m.regexes; c.size > regexCacheSize || len(c.patterns) > regexCacheSize {
			t.Fatalf("%d patterns of size %d", len(c.patterns), c.size)
		}
	}
}

func BenchmarkRegex(b *testing.B) {
	m := newBench(b, 0)
	text := graph.Text(strings.Repeat("2024-02-29 some words, and others; 12:30:00\n", 2000))
	for _, pattern := range []string{`\d{4}-\d\d-\d\d`, `xyz`, `(\w+)\s(\w+)`, `(?i)OTHERS|some`} {
		b.Run(pattern, func(b *testing.B) {
			b.SetBytes(int64(len(text.Text())))
			for b.Loop() {
				m.call("regex.findAll", graph.Text(pattern), text)
			}
		})
		b.Run("go/"+pattern, func(b *testing.B) {
			b.SetBytes(int64(len(text.Text())))
			x := regexp.MustCompile(pattern)
			for b.Loop() {
				x.FindAllStringSubmatchIndex(text.Text(), -1)
			}
		})
	}
}
