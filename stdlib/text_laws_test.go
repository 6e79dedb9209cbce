// This file tests laws of Text and Math: programs in the language that hold for whatever texts and numbers they are given.

package stdlib_test

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

// A law is an expression over the names of a case, and is true.
type law struct{ name, expr string }

var textLaws = []law{
	{"split, join", `isEmpty sep || Text.join sep (Text.split sep s) == s`},
	{"join, split", `isEmpty sep || any (\w -> Text.contains sep w) parts || any (\w -> Text.contains (Text.slice 0 1 sep) w) parts || isEmpty parts || Text.split sep (Text.join sep parts) == parts`},
	{"chars, join", `Text.join "" (Text.chars s) == s && length (Text.chars s) == Text.length s`},
	{"split by nothing", `Text.split "" s == Text.chars s`},
	{"codes, fromCodes", `Text.fromCodes (Text.codes s) == s && Text.codes s == map (\c -> (Text.codes c).0) (Text.chars s)`},
	{"reverse twice", `Text.reverse (Text.reverse s) == s && Text.chars (Text.reverse s) == reverse (Text.chars s)`},
	{"reverse of a sum", `Text.reverse (s ++ t) == Text.reverse t ++ Text.reverse s`},
	{"length of a sum", `Text.length (s ++ t) == Text.length s + Text.length t`},
	{"padLeft", `let p = Text.padLeft n "é" s in Text.length p == max n (Text.length s) && Text.endsWith s p && Text.replace "é" "" (Text.slice 0 (max 0 (n - Text.length s)) p) == ""`},
	{"padRight", `Text.padRight n "😀" s == Text.reverse (Text.padLeft n "😀" (Text.reverse s))`},
	{"slices join", `Text.slice 0 n s ++ Text.slice n (Text.length s) s == s`},
	{"slice of slices", `Text.slice i n s == Text.join "" (take (max 0 (min n (Text.length s) - i)) (drop i (Text.chars s)))`},
	{"negative offsets", `let k = Text.length s in n == 0 || i == 0 || Text.slice (-n) (-i) s == Text.slice (max 0 (k - n)) (max 0 (k - i)) s`},
	{"replace is split and join", `Text.replace sep t s == Text.join t (Text.split sep s)`},
	{"replace by itself", `isEmpty sep || Text.replace sep sep s == s`},
	{"repeat", `Text.repeat n s == Text.join "" (repeat n s) && Text.length (Text.repeat n s) == n * Text.length s`},
	{"indexOf, slice", `match Text.indexOf sep s { | None -> not (Text.contains sep s) | Some at -> Text.contains sep s && Text.startsWith sep (Text.slice at (Text.length s) s) && not (Text.contains sep (Text.slice 0 (at + Text.length sep - 1) s) && not (isEmpty sep)) }`},
	{"startsWith, endsWith", `Text.startsWith s (s ++ t) && Text.endsWith t (s ++ t) && Text.startsWith sep s == Text.endsWith (Text.reverse sep) (Text.reverse s)`},
	{"trim", `Text.trim s == Text.trimLeft (Text.trimRight s) && Text.trim s == Text.trimRight (Text.trimLeft s) && Text.trim (Text.trim s) == Text.trim s && Text.contains (Text.trim s) s`},
	{"words", `Text.words (Text.join " " (Text.words s)) == Text.words s && all (\w -> not (isEmpty w) && Text.trim w == w) (Text.words s) && Text.isBlank s == isEmpty (Text.words s)`},
	{"lines", `Text.lines (Text.join "\n" (Text.lines s) ++ (if isEmpty s then "" else "\n")) == Text.lines s && all (\l -> not (Text.contains "\n" l || Text.contains "\r" l)) (Text.lines s)`},
	{"case has one length", `Text.length (Text.upper s) == Text.length s && Text.length (Text.lower s) == Text.length s`},
	{"case twice", `Text.upper (Text.upper s) == Text.upper s && Text.lower (Text.lower s) == Text.lower s && Text.foldCase (Text.foldCase s) == Text.foldCase s`},
	{"foldCase knows no case", `Text.foldCase (Text.lower s) == Text.foldCase s || Text.contains "İ" s`},
	{"capitalize", `let c = Text.capitalize s in Text.upper (Text.slice 0 1 c) == Text.upper (Text.slice 0 1 s) && Text.slice 1 99 c == Text.slice 1 99 s`},
	{"category", `all (\c -> Text.length (Text.category c) == 2) (Text.chars s)`},
	{"order is that of the codes", `(s < t) == (Text.codes s < Text.codes t)`},
	{"bytes", `Bytes.text (Bytes.fromText s) == Some s`},
	{"show, parse", `Json.parse (show s) == s`},
}

// randomText is some code points, of which many cause trouble.
func randomText(r *rand.Rand, n int) string {
	odd := []rune("aabAB zß,,é\u0301ÉİıΣςσΟ\n\r\t\u00a0\u2028中😀ǆǅﬁ\x00\"\\\u200b0")
	var s strings.Builder
	for range r.Intn(n + 1) {
		if r.Intn(20) == 0 {
			c := rune(r.Intn(0x110000))
			if c < 0xd800 || c > 0xdfff {
				s.WriteRune(c)
			}
			continue
		}
		s.WriteRune(odd[r.Intn(len(odd))])
	}
	return s.String()
}

// breakers shows the cases for which the laws are not true.
func breakers(t *testing.T, laws []law, names string, cases []string) {
	t.Helper()
	var program strings.Builder
	fmt.Fprintf(&program, "let cases = [%s]\n", strings.Join(cases, ", "))
	program.WriteString("let broken law = filter (\\c -> match try (law c) { | Ok true -> false | _ -> true }) cases |> take 1\n[")
	for i, l := range laws {
		if i > 0 {
			program.WriteString(", ")
		}
		fmt.Fprintf(&program, "broken (\\%s -> %s)", names, l.expr)
	}
	program.WriteString("]\n")
	v, ok := evaluate(t, program.String())
	if !ok {
		t.Fatalf("an error: %s", show(t, v))
	}
	for i, l := range laws {
		if broken := v.List().At(i); broken.List().Len() > 0 {
			t.Errorf("%s: broken for %s", l.name, show(t, broken.List().At(0)))
		}
	}
}

func TestTextLaws(t *testing.T) {
	r := rand.New(rand.NewSource(30))
	text := func(n int) string { return show(t, graph.Text(randomText(r, n))) }
	var cases []string
	for range 400 {
		cases = append(cases, fmt.Sprintf("{s: %s, t: %s, sep: %s, parts: [%s, %s], i: %d, n: %d}",
			text(12), text(4), text(2), text(3), text(3), r.Intn(6), r.Intn(14)))
	}
	breakers(t, textLaws, "{s, t, sep, parts, i, n}", cases)
}

var mathLaws = []law{
	{"oddness", `all (\f -> f (-x) == -(f x)) [Math.sin, Math.tan, Math.atan, Math.tanh, Math.asinh, Math.cbrt]`},
	{"evenness", `Math.cos (-x) == Math.cos x && Math.hypot x y == Math.hypot (-x) y && Math.hypot x y == Math.hypot y x`},
	{"bounds", `abs (Math.sin x) <= 1 && abs (Math.cos x) <= 1 && abs (Math.tanh x) <= 1 && abs (Math.atan x) <= Math.pi / 2 && abs (Math.atan2 x y) <= Math.pi`},
	{"Pythagoras", `let s = Math.sin x in let c = Math.cos x in abs (s * s + c * c - 1) < 1e-15`},
	{"order", `x == y || (x < y) == (Math.atan x < Math.atan y) || Math.atan x == Math.atan y`},
	{"log, exp", `x == 0 || abs (Math.exp (Math.log (abs x)) - abs x) <= 1e-12 * abs x`},
	{"powers of two", `let k = n - 500 in Math.log2 (pow 2.0 k) == toFloat k`},
	{"powers of ten", `let k = n % 23 in Math.log10 (pow 10 k) == toFloat k`},
	{"cubes", `Math.cbrt (n * n * n) == toFloat n`},
	{"hypot of halves", `Math.hypot (3 * n) (4 * n) == toFloat (5 * n)`},
	{"isqrt", `let q = n * n * n * n * n + n in let k = Math.isqrt q in k * k <= q && q < (k + 1) * (k + 1)`},
	{"integer division", `let d = if n == 500 then 1 else n - 500 in let a = floor x in a // d * d + a % d == a && (a % d == 0 || (a % d < 0) == (d < 0))`},
	{"rounding", `floor x <= x && x <= ceil x && ceil x - floor x <= 1 && abs (round x - x) <= 0.5 && abs (truncate x) <= abs x && floor (-x) == -(ceil x)`},
	{"parse, show", `parseFloat (show (toFloat x)) == Some (toFloat x) && parseInt (show (floor x)) == Some (floor x)`},
	{"gcd", `let a = floor x in let g = gcd a n in g >= 0 && (g == 0 || (a % g == 0 && n % g == 0)) && g == gcd n a`},
	{"min, max", `min x y + max x y == x + y && min x y <= max x y`},
	{"pow", `pow 2 n == product (repeat n 2) && pow (n - 500) 3 == (n - 500) * (n - 500) * (n - 500)`},
	{"sqrt", `let s = sqrt (abs x) in abs (s * s - abs x) <= 1e-15 * abs x`},
}

func TestMathLaws(t *testing.T) {
	r := rand.New(rand.NewSource(31))
	number := func() string {
		f := r.NormFloat64() * math.Exp2(float64(r.Intn(80)-40))
		if r.Intn(8) == 0 {
			f = float64(r.Intn(200) - 100)
		}
		return show(t, graph.Float(f))
	}
	var cases []string
	for range 300 {
		cases = append(cases, fmt.Sprintf("{x: %s, y: %s, n: %d}", number(), number(), r.Intn(1000)))
	}
	breakers(t, mathLaws, "{x, y, n}", cases)
}
