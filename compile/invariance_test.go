// This file tests what must not change a CID, what must, and what is refused.

package compile

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

// TestAlike holds programs that are the same program: renamed, in another order, laid out otherwise.
func TestAlike(t *testing.T) {
	evenOdd := `
let even n = if n == 0 then true else odd (n - 1)
let odd n = if n == 0 then false else even (n - 1)
even`
	for name, alike := range map[string][]string{
		"renamed":  {`\x y -> x + y`, `\a b -> a + b`, "# c\n\\a -> \\b ->\n  a+b # d", "let f = \\x y -> x + y\nf", "let f q = \\x -> q + x\nf", `let f x y = x + y in f`},
		"named":    {`(1 + 2) * 3`, "let a = 1 + 2\na * 3", "let b = a * c\nlet c = 3\nlet a = 1 + two\nlet two = 2\nb", "let n = 3 in (1 + 2) * n", "(+) 1 2 * 3"},
		"displays": {`[1, {a: -2}]`, "let n = -2\nlet m = {a: n}\n[1, m]", `let n = 2 in [1, {a: -n}]`},
		"even/odd": {evenOdd, `
let odd m = if m == 0 then false else even (m - 1)
let even n = if n == 0 then true else odd (n - 1)
even`, `
let gerade n = if n == 0 then true else ungerade (n - 1) and ungerade n = if n == 0 then false else gerade (n - 1)
gerade`, `let even n = if n == 0 then true else odd (n - 1) and odd n = if n == 0 then false else even (n - 1) in even`, `let odd n = if n == 0 then false else even (n - 1) and even n = if n == 0 then true else odd (n - 1) in even`},
		"a member twice": {"let f x = f (x + 1)\nf", "let f x = g (x + 1)\nlet g x = f (x + 1)\nf", "let a x = b (x + 1)\nlet b x = c (x + 1)\nlet c y = a (y + 1)\nb", `let f x = f (x + 1) in f`},
		"two of three equal": {
			"let a x = b [x]\nlet b x = a (x + 1)\na",
			"let a x = b [x]\nlet b x = c (x + 1)\nlet c x = b2 [x]\nlet b2 x = a (x + 1)\na",
		},
		"even twice": {evenOdd, `
let even n = if n == 0 then true else odd (n - 1)
let odd n = if n == 0 then false else even2 (n - 1)
let even2 n = if n == 0 then true else odd (n - 1)
even2`},
		"captures": {
			`\x y -> let f a = g a + x and g b = f b + y in [f, g]`,
			`\p q -> let g b = f b + q and f a = g a + p in [f, g]`,
			`\p q -> let g b = f b + q and h a = g2 a + p and f a = g a + p and g2 b = h b + q in [f, g]`,
		},
		"lambda in a member": {
			"let f xs = map (\\y -> f [y]) xs\nf",
			"let f xs = let g y = f [y] in map g xs\nf",
			"let f xs = map g xs\nlet g y = f [y]\nf",
		},
		"lazy":    {"let ones = lazy {head: 1, tail: ones}\nones", "let ones = lazy {head: 1, tail: twos}\nlet twos = lazy {head: 1, tail: ones}\ntwos"},
		"pipes":   {`\x -> map (\y -> y) x`, `\x -> x |> map \y -> y`, `\x -> (map \y -> y) x`},
		"logic":   {`\a b -> a && b || a`, `\a b -> if (if a then b else false) then true else a`},
		"aliases": {"let f x = x\nlet g = f\n\\x -> let h = g in h x", `\x -> let f x = x in f x`},
		"lazies":  {`\x -> let a = lazy [b, x] and b = lazy {k: a} in [b, a]`, `\x -> let b = lazy {k: a} and a = lazy [b, x] in [b, a]`},
		"chained": {"let a = 1 + 2\nlet b = a\nb", `1 + 2`},
		"patterns": {`\x -> match x { | Some {a, b: [c, ...]} -> a + c | _ -> 0 }`, `\x -> match x { | Some {a: q, b: [r, ..._]} -> q + r
  | zzz -> 0 }`},
	} {
		first := ""
		for _, src := range alike {
			u := mustCompile(t, src)
			got := u.BodyCID.String()
			if first == "" {
				first = got
			} else if got != first {
				t.Errorf("%s: %s\n got %s\nwant %s", name, src, dump(u, u.BodyCID), dump(mustCompile(t, alike[0]), mustCompile(t, alike[0]).BodyCID))
			}
		}
	}
}

// TestUnlike holds programs that are different programs.
func TestUnlike(t *testing.T) {
	seen := map[string]string{}
	for _, src := range []string{
		`1`, `1.0`, `"1"`, `[1]`, `{a: 1}`, `\x y -> x`, `\x y -> y`, `\x -> x`, `\x -> [x]`, `lazy 1`, `try 1`, `(+)`, `1 + 2`, `2 + 1`, `\x -> 1 + 2`,
		"let f x = f x\nf", "let f x = g x\nlet g x = [f x]\nf", "let f x = g x\nlet g x = [f x]\ng", `\x -> {a: x, b: 1}`, `\x -> {b: 1, a: x}`, `{...{a: 1}}`,
	} {
		u := mustCompile(t, src)
		if other, ok := seen[u.BodyCID.String()]; ok {
			t.Errorf("%s and %s have one CID", src, other)
		}
		seen[u.BodyCID.String()] = src
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`foo 1`, "test.ros:1:1: unknown name foo"},
		{`mapp 1`, "did you mean map?"},
		{"let fun x = x\nfum 1", "2:1: unknown name fum; did you mean fun?"},
		{`\long -> lonh`, "did you mean long?"},
		{"let x = y\nlet y = x", "x is defined in terms of itself, and is neither a function nor lazy: x -> y -> x"},
		{"let f a = x + a\nlet x = f 1\nx", "x is defined in terms of itself, and is neither a function nor lazy: x -> f -> x"},
		{"let x = x + 1", "unknown name x"},
		{"let [a, b] = f 1\nlet f x = a", "a is defined in terms of itself, and is neither a function nor lazy: a -> a and b -> f -> a"},
		{"let m = import \"./a.ros\"\nm.x", "nothing can be imported here"},
		{`\x -> match x { | A y | B z -> y }`, "all bind the same names"},
		{"a\nlet b = c\nlet d = e", "3:9: in d: unknown name e"},
		{"let f x = x\nlet f y = y", "twice"},
		{"\\" + params(200) + "-> \\" + params(56) + "-> 1", "255"},
		{"\\" + params(200) + "-> map (\\" + strings.ReplaceAll(params(100), "p", "q") + "-> [" + strings.ReplaceAll(strings.TrimSpace(params(200)), " ", ",") + "]) []", "want at most 255 together"},
	} {
		_, errs := compileSource(c.src)
		if len(errs) == 0 {
			t.Errorf("%.200s: compiled, want %q", c.src, c.want)
			continue
		}
		if got := errs.Error(); !strings.Contains(got, c.want) {
			t.Errorf("%.200s\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

func params(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d ", i)
	}
	return b.String()
}

// TestLong compiles what is long or deep in every way that the grammar lets through.
func TestLong(t *testing.T) {
	const n = 100_000
	for name, src := range map[string]string{
		"closed sum":      "1" + strings.Repeat(" + 1", n),
		"open sum":        `\x -> x` + strings.Repeat(" + x", n),
		"append":          `\x -> x` + strings.Repeat(" ++ x", n),
		"closed append":   `"a"` + strings.Repeat(` ++ "a"`, n),
		"and":             `\x -> x` + strings.Repeat(" && x", n),
		"else if":         `\x -> ` + strings.Repeat("if x == 1 then x else ", n) + "x",
		"pipe":            `\x f -> x` + strings.Repeat(" |> f", n),
		"compose":         `\f -> f` + strings.Repeat(" >> f", n),
		"get":             `\x -> x` + strings.Repeat(".a", n),
		"arms":            `\x -> match x {` + strings.Repeat(" | Some y -> y", n/4) + "}",
		"alternatives":    `\x -> match x { | 1` + strings.Repeat(" | 2", n/4) + "-> x }",
		"named":           `\x -> match x { | A y` + strings.Repeat(" | B y", n/4) + " if y -> y + y }",
		"literals":        "[1" + strings.Repeat(", 1", n) + "]",
		"longest":         `\x f -> x` + strings.Repeat(" |> f", maxChain-10),
		"longest append":  `\x f -> x` + strings.Repeat(" ++ f x", maxChain/2-10),
		"lets":            `\x -> ` + strings.Repeat("let y = x + 1 in ", 900) + "y",
		"let chain":       `\x -> ` + letChain(120) + "x",
		"lambdas":         strings.Repeat(`\x -> [`, 300) + strings.Repeat("]", 300),
		"recursive":       "let f x = f x" + strings.Repeat(" + f x", n/5) + "\nf",
		"recursive, none": "let f x = f 1" + strings.Repeat(" + f 1", n/5) + "\nf",
		"nested lambdas":  strings.Repeat(`\x -> [x, `, 200) + "x" + strings.Repeat("]", 200),
		"plain":           plainChain(n / 4),
		"functions":       functionChain(n / 4),
		"cycle":           bigCycle(graph.MaxMembers),
	} {
		start := time.Now()
		u := mustCompile(t, src)
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s took %v for %d bytes and %d blocks", name, d, len(src), len(u.Blocks))
		} else if testing.Verbose() {
			t.Logf("%s: %v, %d blocks", name, d, len(u.Blocks))
		}
	}
}

func letChain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "let v%d = x + %d in ", i, i)
	}
	return b.String()
}

func plainChain(n int) string {
	var b strings.Builder
	for i := n; i > 0; i-- {
		fmt.Fprintf(&b, "let x%d = x%d + 1\n", i, i-1)
	}
	b.WriteString("let x0 = 1\n")
	return b.String()
}

func functionChain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "let f%d x = f%d [x, %d]\n", i, i+1, i)
	}
	fmt.Fprintf(&b, "let f%d x = x\n", n)
	return b.String()
}

func TestTooLong(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"1" + strings.Repeat(" + 1", 1_000_000), "more than 200000 operators"},
		{bigCycle(5000), "want at most 4096"},
		{`\x -> [x` + strings.Repeat(", x", 400_000) + "]", "in one block"},
		{"\\" + params(200) + "-> let go x = [go, " + strings.ReplaceAll(strings.TrimSpace(params(200)), " ", ",") + "] in [go" + strings.Repeat(", go", 1_000_000) + "]", "in one block"},
		{"[" + strings.Repeat("x,", 1_000_000) + "x]", "unknown name x"},
	} {
		_, errs := compileSource(c.src)
		if len(errs) == 0 || !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%.50s: got %.300s, want %s", c.src, errs, c.want)
		}
	}
}

func bigCycle(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "let f%d x = f%d [x, %d]\n", i, (i+1)%n, i)
	}
	return b.String()
}

// FuzzFile compiles anything that parses: what comes out is canonical, and can be written as source or is refused.
func FuzzFile(f *testing.F) {
	for seed := range 50 {
		w := &writer{Rand: rand.New(rand.NewSource(int64(seed)))}
		body, defs := w.program()
		f.Add(strings.Join(append(defs, body), "\n"))
	}
	f.Add("let [a, {b: c, ...d} as e] = x\nlet x = 1\na")
	f.Add("\\[a, ...b] {c} (Some d) -> match a { | 1 | 2 if b -> c | A p | B [p] -> p }")
	f.Fuzz(func(t *testing.T, src string) {
		defer time.AfterFunc(5*time.Second, func() { panic("slow: " + src) }).Stop()
		u, errs := compileSource(src)
		if len(errs) > 0 {
			return
		}
		checkBlocks(t, u)
		if u.Body != nil {
			if text, err := Readable(u.BodyCID, Source{Load: unitLoader(u)}); err == nil {
				if _, errs := compileSource(text); len(errs) > 0 {
					t.Fatalf("%s\ndoes not compile: %s", text, errs)
				}
			}
		}
	})
}
