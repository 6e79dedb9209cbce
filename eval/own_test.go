// This file tests the maps that a fold changes in their place: programs that keep versions of a map wherever they can, against the
// oracle, which changes none.

package eval_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// An owning generates functions that take a map m and a text k to a map.
type owning struct {
	*rand.Rand
	leaks bool // m may get out, and other maps may be what a function comes to
}

func (g *owning) one(of ...func() string) string { return of[g.IntN(len(of))]() }

func is(s string) func() string { return func() string { return s } }

func (g *owning) key(d int) string {
	if d == 0 {
		return []string{"k", `"a"`, `"7"`}[g.IntN(3)]
	}
	return g.one(is("k"), is("k"), is("k"), is(`"9"`), is("(lazy k)"), func() string { return "(show " + g.val(d-1) + ")" }, func() string { return "(" + g.key(d-1) + ` ++ "x")` },
		func() string { return "(if " + g.cond(d-1) + " then " + g.key(d-1) + " else k)" })
}

func (g *owning) val(d int) string {
	if d == 0 {
		return []string{"1", "length m", "length k"}[g.IntN(3)]
	}
	all := []func() string{is("1"), is("(length m)"), func() string { return "(Map.getOr 0 " + g.key(d-1) + " base)" },
		func() string {
			return "(match Map.get " + g.key(d-1) + " m { | Some n -> n | None -> " + g.val(d-1) + " })"
		},
		func() string { return "(if " + g.cond(d-1) + " then " + g.val(d-1) + " else [" + g.val(d-1) + "])" },
		func() string { return "(length (fold g base [k, \"b\", " + g.key(d-1) + "]))" },
		func() string { return "(Map.get k (fold g {} [k, \"b\"]))" },
		func() string { return "(try (error (fold g base [k])))" },
		func() string { return "(try (fold g base [k, " + g.key(d-1) + ", 1]))" }, // which fails on its way
		func() string {
			return "(fold (+) 0 (range 1 " + []string{"9", "99", "999", "9000"}[min(g.IntN(8), g.IntN(8), 3)] + "))"
		},
		func() string { return "(Map.keys (g base k))" }}
	if g.leaks {
		all = append(all, is("m"), is("[m]"), is("(lazy m)"), is("(lazy (length m))"), is(`(\x -> Map.get x m)`), is("(try (m.zz))"), is("(try (error m))"), is("(g m k)"),
			is("(Map.keys m)"), is("(fold g m [k])"), is("(let o = m in o)"), is("(try (Map.insert 1 2 m))"))
	}
	return all[g.IntN(len(all))]()
}

func (g *owning) cond(d int) string {
	return g.one(func() string { return "Map.has " + g.key(d) + " m" }, func() string { return "length m % 3 == 0" }, is("length k > 1"), func() string { return g.val(d) + " == " + g.val(d) }, is("isEmpty m"), is("k < \"5\""))
}

// tail comes to the map.
func (g *owning) tail(d int) string {
	if d == 0 {
		return []string{"Map.insert k 0 m", "m"}[g.IntN(2)]
	}
	insert := func() string { return "Map.insert " + g.key(d-1) + " " + g.val(d-1) + " m" }
	all := []func() string{insert, insert, insert, is("m"), func() string { return "(if " + g.cond(d-1) + " then m else " + insert() + ")" },
		func() string { return "(if " + g.cond(d-1) + " then " + g.tail(d-1) + " else " + g.tail(d-1) + ")" },
		func() string {
			return "(match Map.get " + g.key(d-1) + " m { | Some n -> " + g.tail(d-1) + " | None -> " + g.tail(d-1) + " })"
		},
		func() string { return "(let v = " + g.val(d-1) + " in Map.insert k v m)" },
		func() string {
			return "(match " + g.val(d-1) + " { | 1 -> " + g.tail(d-1) + " | _ -> " + g.tail(d-1) + " })"
		}}
	if g.leaks {
		all = append(all, is("base"), is("g m k"), is("fold g m [k, \"c\"]"), is("Map.remove k m"), is("{...m, zz: 1}"), is("(let o = m in Map.insert k 3 o)"), is("held"),
			func() string { return "Map.insert k 1 (Map.insert " + g.key(d-1) + " 2 m)" }, func() string { return "Map.insert " + g.key(d-1) + " 4 base" }, is("Map.merge m base"), is("try (Map.insert k 1 m)"))
	}
	return all[g.IntN(len(all))]()
}

// text is a list of keys.
func (g *owning) text(n int) string {
	keys := make([]string, g.IntN(n))
	for i := range keys {
		keys[i] = fmt.Sprintf("%q", fmt.Sprint(g.IntN(60)))
	}
	return "[" + strings.Join(keys, ", ") + "]"
}

func (g *owning) program() string {
	var b strings.Builder
	fmt.Fprintf(&b, "let base = fold (\\m i -> Map.insert (show i) i m) {} (range 1 %d)\n", 20+g.IntN(40))
	fmt.Fprintf(&b, "let held = Map.insert \"h\" 1 base\n")
	b.WriteString("let g m k = match Map.get k m { | Some n -> Map.insert k [n] m | None -> Map.insert k 0 m }\n")
	var out []string
	for i := range 4 {
		fmt.Fprintf(&b, "let f%d m k = %s\nlet a%d = try (fold f%d base %s)\nlet b%d = try (fold f%d a%d.Ok %s)\n", i, g.tail(4), i, i, g.text(40), i, i, i, g.text(20))
		out = append(out, fmt.Sprintf("a%d, b%d, try (f%d a%d.Ok \"k\"), try (f%d base \"3\")", i, i, i, i, i))
	}
	fmt.Fprintf(&b, "let h k m = %s\nlet e m k v = %s\nlet c = try (foldr h base %s)\nlet d = try (Map.fold e base c.Ok)\n", g.tail(3), g.tail(3), g.text(30))
	fmt.Fprintf(&b, "[%s, c, d, base, held, try (fold (\\[m, all] k -> let n = f0 m k in [n, [...all, n]]) [base, []] %s), try (g base \"5\"), a0, base]\n", strings.Join(out, ", "), g.text(9))
	return b.String()
}

// TestOwnedMaps: a fold that changes a map in its place comes to what one that copies comes to, whatever its function does with the map.
func TestOwnedMaps(t *testing.T) {
	n := *programs / 16
	if testing.Short() {
		n = min(n, 20)
	}
	skipped := 0
	for i := range n {
		r := rand.New(rand.NewPCG(uint64(*seed), uint64(i)))
		src := (&owning{r, i%3 == 0}).program()
		u, err := build(src)
		if err != nil {
			t.Fatalf("program %d: %v\n%s", i, err, src)
		}
		switch err := agree(u, 200_000); {
		case err == errTooMuch:
			skipped++
		case err != nil:
			t.Fatalf("program %d: %v\n%s", i, err, src)
		}
		if err := resumes(u, 20_000, r); err != nil && err != errTooMuch {
			t.Fatalf("program %d, resumed: %v\n%s", i, err, src)
		}
	}
	if skipped > n/3 {
		t.Errorf("%d of %d programs were too much for the oracle", skipped, n)
	}
}
