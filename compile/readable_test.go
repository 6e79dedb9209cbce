// This file tests the law that what Readable writes compiles to the same CID.

package compile

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/graph"
)

func unitLoader(u *Unit) graph.Loader {
	blocks := map[cid.Cid][]byte{}
	for _, b := range u.Blocks {
		blocks[b.CID] = b.Data
	}
	return func(c cid.Cid) ([]byte, error) {
		if data, ok := blocks[c]; ok {
			return data, nil
		}
		return nil, graph.NotFound(c)
	}
}

// readsBack says whether what Readable writes compiles to the same CID.
func readsBack(u *Unit, c cid.Cid) bool {
	src, err := Readable(c, Source{Load: unitLoader(u)})
	if err != nil {
		return false
	}
	again, errs := compileSource(src)
	return len(errs) == 0 && again.BodyCID == c
}

func readBack(t *testing.T, u *Unit, c cid.Cid) {
	t.Helper()
	src, err := Readable(c, Source{Load: unitLoader(u)})
	if err != nil {
		t.Fatalf("%v\n%.3000s", err, dump(u, c))
	}
	again, errs := compileSource(src)
	if len(errs) > 0 {
		t.Fatalf("%.3000s\ndoes not compile: %s\n%.3000s", src, errs, dump(u, c))
	}
	if again.BodyCID != c {
		got, want := dump(again, again.BodyCID), dump(u, c)
		i := 0
		for i < len(got) && i < len(want) && got[i] == want[i] {
			i++
		}
		i = max(0, i-60)
		t.Fatalf("%.5000s\n got … %.300s\nwant … %.300s", src, got[min(i, len(got)):], want[min(i, len(want)):])
	}
}

func TestReadable(t *testing.T) {
	for _, src := range []string{
		`1`, `-1`, `-1.5`, `[1, {a: -2, "b c": [null, true]}, Some -3, None]`, `{"a": 1, ...{b: 2}}`,
		`\x y -> x + y * (x - y)`, `\x -> \y -> [\z -> x + y + z]`, `\x -> -x`, `-(1 + 2)`, `(1 + 2) * (1 + 2)`,
		`\f -> (f 1) 2`, "let g = (+) 1\ng 2", "let f x = \\y -> x\n\\z -> f", `\x -> let g a b = a + b + x in \y -> g y`,
		`\x -> let g a b = a + b + x in g x`, `\x -> map (\y -> map (\z -> x + y + z) y) x`,
		"let even n = if n == 0 then true else odd (n - 1)\nlet odd n = if n == 0 then false else even (n - 1)\n[even, odd, odd]",
		"let even n = if n == 0 then true else odd (n - 1)\nlet odd n = if n == 0 then false else even (n - 1)\nodd",
		`\n -> let go i = if i == n then [] else [i, ...go (i + 1)] in go 0`,
		"let ones = lazy {head: 1, tail: ones}\nones", `\x -> let xs = lazy {head: x, tail: xs} in [xs, xs, lazy x, lazy 5, lazy (1 + 2)]`,
		`\x -> let a = lazy [x, a, lazy [a, x]] in a`,
		"let f x = let xs = lazy {head: f x, tail: xs} in xs\nf",
		"let f x = lazy [x, f]\nf", "let nats n = lazy {head: n, tail: nats (n + 1)}\nnats 0",
		`\x -> "a\(x)b\(1 + 2)\(x)"`, `\x -> match x { | Some {a, b: [c, ...r]} if a > c -> [r, a] | [1, ..._] | {k: null} -> x | A p | B p -> p * p }`,
		`\x -> try x.a."b c".0`, `\x y -> x && y || x`, `\f g -> f >> g >> f`, `(&&)`, `(.a.b)`, `(Some)`,
		`let f x = match x { | 0 -> [] | n -> map (\y -> [f (y - 1), \z -> z + x]) [n] } in f`,
		`\x -> let y = x in let z = lazy y in [y, z]`, `@bafyreihbvwc2vya4guk5jiwdwrzkocbwq34rb3i3hg6vsajdgdwcjcut7m.a`,
		`\x -> (if x then (+) else (-)) 1 2`, `\x -> {a: x, "/": 1}`, `\x -> {"some key": {Some: x, b: 2}}`,
		"let f x = f x" + strings.Repeat(" + f x", 1000) + "\nf", `\x y -> x` + strings.Repeat(" + x * y", 1000), "1" + strings.Repeat(" + 1", 1000),
		`\x -> ` + strings.Repeat("if x == 1 then x else ", 1000) + "x", `\x -> ` + strings.Repeat("let y = x + 1 in ", 500) + "y",
		strings.Repeat(`\x -> [x, `, 60) + "1" + strings.Repeat("]", 60), strings.Repeat(`lazy [`, 200) + "1" + strings.Repeat("]", 200),
		functionChain(50) + "f0",
	} {
		u := mustCompile(t, src)
		// Every block that is an expression or a function can be read back.
		for _, b := range u.Blocks {
			if term, err := graph.LoadCode(b.CID, unitLoader(u)); err == nil && term.Op != graph.OpRec && (term.Op != graph.OpMember || b.CID == u.BodyCID) && len(u.Blocks) < 100 {
				if term.Op == graph.OpList && len(src) > 300 {
					continue
				}
				readBack(t, u, b.CID)
			}
		}
		readBack(t, u, u.BodyCID)
	}
}

// A writer writes random programs.
type writer struct {
	*rand.Rand
	fns []string // top-level functions of one parameter
	n   int
}

func (w *writer) name() string {
	w.n++
	return fmt.Sprintf("v%d", w.n)
}

func (w *writer) expr(depth int, vars []string) string {
	if depth <= 0 {
		switch k := w.Intn(6); {
		case k < 3 && len(vars) > 0:
			return vars[w.Intn(len(vars))]
		case k == 3 && len(w.fns) > 0:
			return w.fns[w.Intn(len(w.fns))]
		case k == 4:
			return []string{"(+)", "map", `"t"`, "null", "1.5", "(Some)", "(.a)", "(&&)"}[w.Intn(8)]
		}
		return fmt.Sprint(w.Intn(4))
	}
	sub := func() string { return w.expr(depth-1-w.Intn(2), vars) }
	with := func(n string) string { return w.expr(depth-1, append(vars[:len(vars):len(vars)], n)) }
	switch w.Intn(19) {
	case 0, 1:
		return "(" + sub() + []string{" + ", " * ", " ++ ", " == ", " && ", " || ", " >> ", " |> "}[w.Intn(8)] + sub() + ")"
	case 2, 3:
		x := w.name()
		return "(\\" + x + " -> " + with(x) + ")"
	case 4, 5:
		return "((" + sub() + ") (" + sub() + "))"
	case 6:
		x := w.name()
		return "(let " + x + " = " + sub() + " in " + with(x) + ")"
	case 7:
		f, x, y := w.name(), w.name(), w.name()
		inner := w.expr(depth-1, append(vars[:len(vars):len(vars)], f, x, y))
		return "(let " + f + " " + x + " " + y + " = " + inner + " in " + with(f) + ")"
	case 8:
		f, g, x := w.name(), w.name(), w.name()
		in := append(vars[:len(vars):len(vars)], f, g)
		return "(let " + f + " " + x + " = " + w.expr(depth-1, append(in, x)) + " and " + g + " " + x + " = " + w.expr(depth-1, append(in[:len(in):len(in)], x)) + " in " + w.expr(depth-1, in) + ")"
	case 9:
		return "(if " + sub() + " then " + sub() + " else " + sub() + ")"
	case 10:
		return "[" + sub() + ", ..." + sub() + ", " + sub() + "]"
	case 11:
		return "{a: " + sub() + ", ..." + sub() + ", b: " + sub() + "}"
	case 12:
		return "(" + sub() + ").a"
	case 13:
		return "(lazy " + sub() + ")"
	case 14:
		x := w.name()
		return "(let " + x + " = lazy " + with(x) + " in " + with(x) + ")"
	case 15:
		x, y := w.name(), w.name()
		return "(match " + sub() + " { | Some " + x + " -> " + with(x) + " | [" + x + ", ..." + y + "] if " + with(y) + " -> " + with(y) + " | A " + x + " | B {k: " + x + "} -> " + with(x) + " | " + x + " -> " + with(x) + "})"
	case 16:
		return "(try " + sub() + ")"
	case 17:
		return `"a\(` + sub() + `)b"`
	default:
		return "(Some (" + sub() + "))"
	}
}

func (w *writer) program() (string, []string) {
	w.fns, w.n = nil, 0
	for i := range w.Intn(5) {
		w.fns = append(w.fns, fmt.Sprintf("f%d", i))
	}
	var defs []string
	for _, f := range w.fns {
		if w.Intn(6) == 0 {
			defs = append(defs, "let "+f+" = lazy "+w.expr(1+w.Intn(4), nil))
			continue
		}
		x := w.name()
		defs = append(defs, "let "+f+" "+x+" = "+w.expr(1+w.Intn(5), []string{x}))
	}
	return w.expr(3+w.Intn(4), nil), defs
}

// TestRandomPrograms checks, of random programs, that their blocks are canonical, that order of definitions and names
// do not matter, and that they can be read back.
func TestRandomPrograms(t *testing.T) {
	n, lost := 2000, 0
	if testing.Short() {
		n = 300
	}
	for seed := range n {
		w := &writer{Rand: rand.New(rand.NewSource(int64(seed)))}
		body, defs := w.program()
		src := strings.Join(append(defs, body), "\n")
		u := mustCompile(t, src)
		w.Shuffle(len(defs), func(i, j int) { defs[i], defs[j] = defs[j], defs[i] })
		other := strings.NewReplacer("v1", "zz1", "v2", "q2", "v3", "a3", "f0", "g0", "f1", "a1").Replace(strings.Join(append(defs, body), "\n"))
		if v := mustCompile(t, other); v.BodyCID != u.BodyCID {
			t.Fatalf("seed %d\n%s\nand\n%s\ngot %s\nand %s", seed, src, other, dump(u, u.BodyCID), dump(v, v.BodyCID))
		}
		if !strings.Contains(src, "lazy") {
			readBack(t, u, u.BodyCID)
		} else if !readsBack(u, u.BodyCID) {
			lost++
		}
	}
	// What a lazy delays may be a member of a group with functions that share its captures. Such a group is not always
	// found again from definitions at top level.
	if lost > n/200 {
		t.Errorf("%d of %d programs cannot be read back", lost, n)
	}
}
