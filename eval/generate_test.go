// This file generates programs: well-scoped source text that mostly ends, often in an error, and that uses every construct.
// A program is a function of a string of bytes, each of which is a choice; where the bytes end, the choice is the first one.

package eval_test

import (
	"fmt"
	"math/rand"
	"strings"
)

type choices struct {
	data []byte
	size int // of the program so far
}

// randomChoices are the choices of a seed.
func randomChoices(seed int64) []byte {
	r := rand.New(rand.NewSource(seed))
	data := make([]byte, 40+r.Intn(1500))
	r.Read(data)
	return data
}

func (c *choices) n(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % n
}

func (c *choices) one(of ...string) string { return of[c.n(len(of))] }

// A kind is what an expression is meant to come to.
type kind uint8

const (
	anInt kind = iota
	aFloat
	aText
	aBool
	ints // a list
	option
	record // {a: int, b: text, f: function, l: ints, z: lazy or link}
	function
	function2
	predicate
	kinds
)

type variable struct {
	name string
	kind kind
}

// A callable is a function by its name: what it takes, and what its value is. A counted one takes a small counter first.
type callable struct {
	name    string
	params  []kind
	result  kind
	counted int // 0, or the largest counter
}

type generator struct {
	choices
	names int
	vars  []variable
	fns   []callable
}

// program is a whole file.
func program(data []byte) string {
	g := &generator{choices: choices{data: data}}
	var items []string
	for i := g.n(7); i > 0; i-- {
		g.size = min(g.size, 250)
		items = append(items, g.definition())
	}
	for i := len(items) - 1; i > 0; i-- {
		j := g.n(i + 1)
		items[i], items[j] = items[j], items[i]
	}
	parts := []string{g.any(6)}
	for _, c := range g.fns { // what is defined is called
		g.size = min(g.size, 300)
		parts = append(parts, g.one("try ", "try ", "try ", "")+g.call(c, 4))
		if g.n(4) == 0 {
			parts = append(parts, "try ("+g.general(c.result, 4)+")")
		}
	}
	body := parts[0]
	if len(parts) > 1 {
		body = "[" + strings.Join(parts, ", ") + "]"
	}
	return strings.Join(append(items, body), "\n") + "\n"
}

func (g *generator) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

// with generates in the scope of more variables.
func (g *generator) with(vars []variable, f func() string) string {
	n := len(g.vars)
	g.vars = append(g.vars, vars...)
	s := f()
	g.vars = g.vars[:n]
	return s
}

// withFn generates in the scope of one more function.
func (g *generator) withFn(c callable, f func() string) string {
	n := len(g.fns)
	g.fns = append(g.fns, c)
	s := f()
	g.fns = g.fns[:n]
	return s
}

// definition is a top-level definition; it stays in scope.
func (g *generator) definition() string {
	switch g.n(16) {
	case 0, 1: // a value
		v := variable{g.name("v"), g.kind()}
		s := "let " + v.name + " = " + g.expr(v.kind, 4)
		g.vars = append(g.vars, v)
		return s
	case 3:
		name := g.name("s")
		s := fmt.Sprintf("let %s = lazy {h: %s, t: %s, z: %s}", name, g.expr(anInt, 2), name, g.expr(anInt, 3))
		g.fns = append(g.fns, callable{name: "walk" + name, params: []kind{anInt}, result: anInt, counted: 6})
		return s + fmt.Sprintf("\nlet walk%s k = walks%s k %s\nlet walks%s k s = if k <= 0 then s.h + s.z else walks%s (k - 1) s.t", name, name, name, name, name)
	case 4: // numbers without end
		name := g.name("nats")
		g.fns = append(g.fns, callable{name: "take" + name, params: []kind{anInt, anInt}, result: anInt, counted: 8})
		return fmt.Sprintf("let %s n = {h: n, t: lazy (%s (n + %s))}\nlet take%s k n = let go k s = if k == 0 then s.h else go (k - 1) s.t in go k (%s n)",
			name, name, g.expr(anInt, 1), name, name)
	case 5: // fib: few calls that differ
		name := g.name("fib")
		g.fns = append(g.fns, callable{name: name, params: []kind{anInt}, result: anInt, counted: 11})
		return fmt.Sprintf("let %s n = if n < 2 then %s else %s (n - 1) + %s (n - 2)", name, g.expr(anInt, 2), name, name)
	case 6: // deep, at times
		if g.n(3) > 0 {
			break
		}
		name, bottom := g.name("deep"), g.expr(anInt, 3)
		g.fns = append(g.fns, callable{name: name, params: []kind{anInt, anInt}, result: anInt, counted: 9000})
		return fmt.Sprintf("let %s n x = if n <= 0 then %s else %s", name, bottom, g.one(
			fmt.Sprintf("1 + %s (n - 1) x", name),
			fmt.Sprintf("n - %s (n - 1) (x + 1)", name),
			fmt.Sprintf("let y = %s (n - 1) n in if n %% 4000 == 7 then y // (n - x) else y + 1", name),
			fmt.Sprintf("if n %% 3000 == 5 then match try %s (n - 1) x { | Ok v -> v + 1 | Err e -> if n > 3000 then error [n, e.value] else n } else 1 + %s (n - 1) x", name, name),
			fmt.Sprintf("fold (\\a y -> a + %s (n - y) x) 0 [1]", name)))
	case 7, 8:
		s, fns := g.mutual()
		g.fns = append(g.fns, fns...)
		return s
	}
	s, c := g.function(4)
	g.fns = append(g.fns, c)
	return s
}

// function is a `let` of a function, without `in`.
func (g *generator) function(depth int) (string, callable) {
	c := callable{name: g.name("f"), result: g.kind()}
	if g.n(3) == 0 {
		return g.counting(c, depth)
	}
	var params []string
	var vars []variable
	for i := 1 + g.n(3); i > 0; i-- {
		p, bound, k := g.parameter()
		params, vars, c.params = append(params, p), append(vars, bound...), append(c.params, k)
	}
	body := g.with(vars, func() string { return g.expr(c.result, depth) })
	return "let " + c.name + " " + strings.Join(params, " ") + " = " + body, c
}

// parameter is a name mostly, or a pattern.
func (g *generator) parameter() (text string, bound []variable, k kind) {
	k = g.kind()
	name, other := g.name("p"), g.name("p")
	switch {
	case k == ints && g.n(4) == 0:
		return "[" + name + ", ..." + other + "]", []variable{{name, anInt}, {other, ints}}, k
	case k == record && g.n(3) == 0:
		return "{a: " + name + ", f: " + other + "}", []variable{{name, anInt}, {other, function}}, k
	case k == option && g.n(4) == 0:
		return "(Some " + name + ")", []variable{{name, anInt}}, k
	case g.n(20) == 0:
		return "_", nil, k
	}
	return name, []variable{{name, k}}, k
}

// counting is a function that calls itself with a counter that decreases: in a loop, or with something left to do.
func (g *generator) counting(c callable, depth int) (string, callable) {
	n, acc, more := g.name("n"), g.name("acc"), ""
	c.params, c.counted = []kind{anInt, c.result}, []int{8, 20, 20, 300}[g.n(4)]
	vars := []variable{{n, anInt}, {acc, c.result}}
	for range g.n(2) * g.n(4) {
		v := variable{g.name("x"), g.kind()}
		vars, c.params, more = append(vars, v), append(c.params, v.kind), more+" "+v.name
	}
	return g.with(vars, func() string {
		step := g.expr(c.result, depth-2)
		for _, k := range c.params[2:] {
			step += " " + g.expr(k, depth-2)
		}
		call := fmt.Sprintf("%s (%s - 1) %s", c.name, n, step)
		switch g.n(5) {
		case 0: // something is left to do
			back := g.name("x")
			call = "let " + back + " = " + call + " in " + g.with([]variable{{back, c.result}}, func() string { return g.expr(c.result, depth-1) })
		case 1: // in one branch
			call = "if " + g.expr(predicate, 2) + " " + n + " then " + call + " else " + g.expr(c.result, 1)
		case 2:
			call = "match " + n + " { | 3 -> " + call + " | m if m > 1000 -> " + acc + " | _ -> " + c.name + " (" + n + " - 1) " + acc + more + " }"
		}
		return fmt.Sprintf("let %s %s %s%s = if %s <= 0 then %s else %s", c.name, n, acc, more, n, g.expr(c.result, depth-2), call)
	}), c
}

// mutual is two functions that call each other.
func (g *generator) mutual() (string, []callable) {
	k := g.kind()
	a, b := g.name("even"), g.name("odd")
	g.vars = append(g.vars, variable{"n", anInt}, variable{"x", k})
	one, two, three := g.expr(k, 2), g.expr(k, 3), g.expr(k, 2)
	g.vars = g.vars[:len(g.vars)-2]
	s := fmt.Sprintf("let %s n x = if n == 0 then %s else %s (n - 1) %s %s %s n x = if n == 0 then %s else %s (n - 1) x",
		a, one, b, two, g.one("and", "\nlet"), b, three, a)
	if g.n(2) == 0 {
		s = strings.Replace(s, "\nlet", "and", 1)
	}
	max := []int{9, 10, 400}[g.n(3)]
	return s, []callable{{a, []kind{anInt, k}, k, max}, {b, []kind{anInt, k}, k, max}}
}

func (g *generator) kind() kind { return kind(g.n(int(kinds))) }

func (g *generator) any(depth int) string { return g.expr(g.kind(), depth) }

// expr is an operand that comes to k, mostly.
func (g *generator) expr(k kind, depth int) string {
	g.size++
	if depth <= 0 || g.size > 400 || len(g.data) == 0 {
		return g.leaf(k)
	}
	switch g.n(40) {
	case 0:
		return g.mistake(k, depth-1)
	case 1, 2:
		return "(lazy " + g.expr(k, depth-1) + ")"
	case 3:
		return "(Ipld.link " + g.expr(k, depth-1) + ")"
	case 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16:
		return g.general(k, depth-1)
	case 17, 18, 19, 20, 21:
		return g.leaf(k)
	}
	switch k {
	case anInt:
		return g.int(depth - 1)
	case aFloat:
		return g.float(depth - 1)
	case aText:
		return g.text(depth - 1)
	case aBool:
		return g.bool(depth - 1)
	case ints:
		return g.ints(depth - 1)
	case option:
		return g.option(depth - 1)
	case record:
		return g.record(depth - 1)
	case function:
		return g.fn(depth - 1)
	case function2:
		return g.fn2(depth - 1)
	}
	return g.predicate(depth - 1)
}

// mistake is an error, or something of another kind.
func (g *generator) mistake(k kind, depth int) string {
	switch g.n(10) {
	case 0:
		return "(error " + g.any(depth) + ")"
	case 1:
		return "(" + g.expr(anInt, depth) + g.one(" // ", " / ", " % ") + g.one("0", "(0 * 2)", "0.0") + ")"
	case 2:
		return "{a: 1, b: " + g.any(depth) + "}.c"
	case 3:
		return "(match " + g.any(depth) + " { | [9, 9, 9] -> " + g.expr(k, depth) + " })"
	case 4:
		return "(" + g.any(depth) + " " + g.any(depth) + ")"
	case 5:
		return "(1e300 * " + g.one("1e300", "toFloat 5", "9") + ")"
	case 6:
		return "(" + g.expr(function, depth) + " == " + g.expr(function, depth) + ")"
	case 7:
		return "(" + g.any(depth) + " < " + g.any(depth) + ")"
	case 8:
		return "(pow 2 (-1))"
	}
	return g.any(depth)
}

// general is what can come to anything.
func (g *generator) general(k kind, depth int) string {
	switch g.n(26) {
	case 0, 1:
		v := variable{g.name("x"), g.kind()}
		bound := g.expr(v.kind, depth)
		return "(let " + v.name + " = " + bound + " in " + g.with([]variable{v}, func() string { return g.expr(k, depth) }) + ")"
	case 2, 3:
		return "(if " + g.expr(aBool, depth) + " then " + g.expr(k, depth) + " else " + g.expr(k, depth) + ")"
	case 4, 5, 6, 7:
		return g.callOf(k, depth)
	case 8, 9, 10:
		return g.match(k, depth)
	case 11, 12:
		s, c := g.function(depth)
		c.result = k
		return "(" + s + " in " + g.withFn(c, func() string { return g.expr(k, depth) }) + ")"
	case 13:
		v := variable{g.name("x"), g.kind()}
		arg := g.expr(v.kind, depth)
		return g.with([]variable{v}, func() string {
			return g.one("((\\"+v.name+" -> "+g.expr(k, depth)+") "+arg+")", "("+arg+" |> \\"+v.name+" -> "+g.expr(k, depth)+")")
		})
	case 14: // more arguments than the function takes
		x, y := variable{g.name("x"), g.kind()}, variable{g.name("y"), g.kind()}
		a, b := g.expr(x.kind, depth), g.expr(y.kind, depth)
		first := g.with([]variable{x}, func() string { return g.any(1) })
		return g.with([]variable{x, y}, func() string {
			return "((\\" + x.name + " -> let w = " + first + " in " + g.one("", "lazy ") + "\\" + y.name + " -> " + g.expr(k, depth) + ") " + a + " " + b + ")"
		})
	case 15:
		return "(match try " + g.expr(k, depth) + " { | Ok v -> v | Err {kind, value} -> " + g.one("", "debug kind ") + g.expr(k, depth) + " })"
	case 16:
		return "(try " + g.expr(k, depth) + ").Ok"
	case 17:
		x := g.expr(k, depth)
		return "(force " + g.one("(lazy "+x+")", "(Ipld.link "+x+")", "(id "+x+")", "(Ipld.link (lazy "+x+"))") + ")"
	case 18:
		return g.one("{a: "+g.expr(k, depth)+", b: "+g.any(depth)+"}.a", "["+g.any(depth)+", "+g.expr(k, depth)+"].1", "((.a) {a: "+g.expr(k, depth)+"})")
	case 19:
		acc, x := variable{g.name("acc"), k}, variable{g.name("x"), anInt}
		start, over := g.expr(k, depth), g.expr(ints, depth)
		return g.with([]variable{acc, x}, func() string {
			body := g.expr(k, depth)
			return g.one("(fold (\\"+acc.name+" "+x.name, "(foldr (\\"+x.name+" "+acc.name) + " -> " + body + ") " + start + " " + over + ")"
		})
	case 20:
		return g.one("(const ", "(flip (\\a b -> b) ") + g.expr(k, depth) + " " + g.any(depth) + ")"
	case 21:
		a, b, c := g.name("a"), g.name("b"), g.name("c")
		source := "[" + g.expr(anInt, depth) + ", " + g.expr(record, depth) + "]"
		return "(let [" + a + ", {l: " + b + ", ..." + c + "}] = " + source + " in " +
			g.with([]variable{{a, anInt}, {b, ints}, {c, record}}, func() string { return g.expr(k, depth) }) + ")"
	case 22: // one call several times
		f, x := g.name("g"), variable{g.name("x"), anInt}
		body := g.with([]variable{x}, func() string { return g.expr(k, depth) })
		arg := g.expr(anInt, 1)
		return fmt.Sprintf("(let %s %s = %s in let q = %s in [%s q, %s 3, %s q].%d)", f, x.name, body, arg, f, f, f, g.n(3))
	case 23:
		s, fns := g.mutual()
		s = strings.Replace(s, "\nlet", "and", 1)
		g.fns = append(g.fns, fns...)
		s = "(" + s + " in " + g.call(fns[g.n(2)], depth) + ")"
		g.fns = g.fns[:len(g.fns)-2]
		return s
	case 24: // a lazy value used twice
		x := variable{g.name("z"), k}
		bound := g.expr(k, depth)
		return "(let " + x.name + " = lazy " + bound + " in " + g.with([]variable{x}, func() string {
			return g.one("[force "+x.name+", "+x.name+"].1", "(if Ipld.kind "+x.name+" == \"lazy\" then "+g.expr(k, depth)+" else null)", g.expr(k, depth))
		}) + ")"
	}
	return "(force (forceDeep {a: [" + g.expr(k, depth) + "]})).a.0"
}

// callOf calls a function that is in scope and comes to k.
func (g *generator) callOf(k kind, depth int) string {
	var fit []callable
	for _, c := range g.fns {
		if c.result == k {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return g.leaf(k)
	}
	return g.call(fit[g.n(len(fit))], depth)
}

func (g *generator) call(c callable, depth int) string {
	var s strings.Builder
	s.WriteString("(" + c.name)
	for i, k := range c.params {
		s.WriteByte(' ')
		switch {
		case i > 0 || c.counted == 0:
			s.WriteString(g.expr(k, depth-1))
		case c.counted > 1000:
			fmt.Fprint(&s, 1000+g.n(200)*c.counted/200)
		default:
			fmt.Fprint(&s, g.n(c.counted))
		}
	}
	s.WriteByte(')')
	return s.String()
}

func (g *generator) match(k kind, depth int) string {
	arms := []string{}
	arm := func(pattern string, vars ...variable) {
		if g.n(4) > 0 {
			arms = append(arms, "| "+pattern+" -> "+g.with(vars, func() string { return g.expr(k, depth) }))
		}
	}
	a, b, c := g.name("m"), g.name("m"), g.name("m")
	subject := ""
	switch g.n(6) {
	case 0:
		subject = g.expr(anInt, depth)
		arm("0")
		arm("1 | 2 | -3")
		guard := g.with([]variable{{a, anInt}}, func() string { return g.expr(aBool, 2) })
		arm(a+" if "+guard, variable{a, anInt})
		arm("18446744073709551616 | 2.0")
	case 1:
		subject = g.expr(ints, depth)
		arm("[]")
		arm("["+a+"]", variable{a, anInt})
		arm("[0, ..."+b+"] as "+c, variable{b, ints}, variable{c, ints})
		arm("[..."+b+", "+a+"]", variable{a, anInt}, variable{b, ints})
		arm("["+a+", _, ..."+b+"] | [..."+b+", 3, "+a+"] if true", variable{a, anInt}, variable{b, ints})
	case 2:
		subject = g.expr(option, depth)
		arm("Some 0")
		guard := g.with([]variable{{a, anInt}}, func() string { return g.expr(aBool, 2) })
		arm("Some "+a+" if "+guard, variable{a, anInt})
		arm("None")
		arm("(Some ("+a+" as "+b+"))", variable{a, anInt}, variable{b, anInt})
	case 3:
		subject = g.expr(record, depth)
		arm("{a: 0, ..."+c+"}", variable{c, record})
		arm("{zz}")
		arm("{a: "+a+", l: ["+b+", ..._], \"f\": "+c+"}", variable{a, anInt}, variable{b, anInt}, variable{c, function})
		arm("{b: \"x\", a: "+a+"} as "+b, variable{a, anInt}, variable{b, record})
	case 4:
		subject = g.expr(aText, depth)
		arm("\"\" | \"a\" | \"b\\n\"")
		arm(a+" if length "+a+" > 2", variable{a, aText})
	default:
		subject = g.any(depth)
		arm("null | true | 1.5")
		arm("{a, ...b}")
		arm("[[x], ...y]")
		arm("Err {kind, value: [v]}")
	}
	if g.n(5) > 0 || len(arms) == 0 {
		arms = append(arms, "| _ -> "+g.expr(k, depth))
	}
	return "(match " + subject + " { " + strings.Join(arms, " ") + " })"
}

// leaf is a variable or a literal.
func (g *generator) leaf(k kind) string {
	var fit []string
	for _, v := range g.vars {
		if v.kind == k {
			fit = append(fit, v.name)
		}
	}
	if len(fit) > 0 && g.n(4) > 0 {
		return fit[len(fit)-1-g.n(min(len(fit), 6))]
	}
	switch k {
	case anInt:
		return g.one("0", "1", "2", "3", "7", "16", "(-1)", "(-5)", "255", "1000000", "9223372036854775807", "(-9223372036854775808)", "4611686018427387904",
			"18446744073709551615", "18446744073709551616", "(-340282366920938463463374607431768211456)", "1e0")
	case aFloat:
		return g.one("0.0", "1.5", "(-2.25)", "1e300", "5e-324", "9007199254740993.0", "3")
	case aText:
		return g.one(`""`, `"a"`, `"déjà vu"`, `"12"`, `"b\n\"c"`, `"😀x"`, `"k,v"`)
	case aBool:
		return g.one("true", "false")
	case ints:
		return g.one("[]", "[1, 2, 3]", "[3, 1, 2, 1]", "[0]", "(range 1 20)", "(range (-3) 40)", "[5, 4.0, 18446744073709551616]", "(repeat 4 7)")
	case option:
		return g.one("((None))", "(Some 3)", "(Some 0)", "{None: lazy null}")
	case record:
		return g.one(`{a: 1, b: "x", f: \x -> x, l: [1], z: lazy 5}`, `{a: 0, b: "", f: (+) 1, l: [], z: Ipld.link 7}`,
			`{a: lazy 2, b: "y", f: const 4, l: lazy [8, 9], z: 1, k: null}`, `{a: 3, b: "z", f: lazy (\x -> x - 1), l: Ipld.link [1, 2], z: Ipld.link (lazy 3)}`)
	case function:
		return g.one("id", `(\x -> x + 1)`, "((-) 9)", "(min 5)", "abs", "(const 2)", "(flip (-) 1)")
	case function2:
		return g.one("(+)", "(-)", "max", "gcd", `(\x y -> x)`, "(flip (-))", "(*)")
	}
	return g.one(`(\x -> x > 1)`, `((<) 3)`, `((==) 1)`, `(\x -> x % 2 == 0)`, "(const true)")
}

func (g *generator) int(d int) string {
	i, l := func() string { return g.expr(anInt, d) }, func() string { return g.expr(ints, d) }
	switch g.n(22) {
	case 0, 1, 2, 3, 4:
		return "(" + i() + g.one(" + ", " - ", " * ") + i() + ")"
	case 5:
		return "(" + i() + g.one(" // ", " % ") + g.one(i(), "3", "(-7)", "2") + ")"
	case 6:
		return "(-" + i() + ")"
	case 7:
		return "(" + g.one("length ", "sum ", "product ") + l() + ")"
	case 8:
		return "(fold " + g.expr(function2, d) + " " + i() + " " + l() + ")"
	case 9:
		return "(reduce " + g.one("(+)", "max", g.expr(function2, d)) + " 0 " + l() + ")"
	case 10:
		return "(" + g.expr(function, d) + " " + i() + ")"
	case 11:
		return "(" + g.expr(function2, d) + " " + i() + " " + i() + ")"
	case 12:
		return "(length " + g.expr(aText, d) + ")"
	case 13:
		return "(match " + g.expr(option, d) + " { | Some n -> n | None -> " + i() + " })"
	case 14, 15:
		return g.expr(record, d) + g.one(".a", ".z", ".l.0")
	case 16:
		return "(" + g.expr(record, d) + ".f " + i() + ")"
	case 17:
		return "(" + g.one("floor ", "round ", "truncate ") + g.expr(aFloat, d) + ")"
	case 18:
		return "(pow " + i() + " " + g.one("2", "5", "70") + ")"
	case 19:
		return "(Map.fold (\\a k v -> a + v) " + i() + " (Map.map (\\k v -> " + g.one("length k", "v", i()) + ") {x: " + i() + ", y: " + i() + "}))"
	case 20:
		return "(foldr " + g.expr(function2, d) + " " + i() + " " + l() + ")"
	}
	return "(match parseInt " + g.expr(aText, d) + " { | Some n -> n | _ -> " + i() + " })"
}

func (g *generator) float(d int) string {
	switch g.n(5) {
	case 0:
		return "(toFloat " + g.expr(anInt, d) + ")"
	case 1:
		return "(" + g.expr(anInt, d) + " / " + g.expr(anInt, d) + ")"
	case 2:
		return "(sqrt (abs " + g.expr(aFloat, d) + "))"
	}
	return "(" + g.expr(aFloat, d) + g.one(" + ", " - ", " * ", " / ", " // ", " % ") + g.expr(g.oneKind(aFloat, anInt), d) + ")"
}

func (g *generator) oneKind(of ...kind) kind { return of[g.n(len(of))] }

func (g *generator) text(d int) string {
	t := func() string { return g.expr(aText, d) }
	switch g.n(11) {
	case 0, 1:
		return "\"<\\(" + g.any(d) + ")\\(" + g.expr(anInt, d) + ")>\""
	case 2:
		return "(show " + g.any(d) + ")"
	case 3:
		return "(" + t() + " ++ " + t() + ")"
	case 4:
		return "(Text." + g.one("upper ", "trim ", "reverse ", "slice 1 3 ", "padLeft 5 \"-\" ", "repeat 3 ") + t() + ")"
	case 5:
		return "(Text.join \",\" (map show " + g.expr(ints, d) + "))"
	case 6:
		return "(" + g.one("Ipld.kind ", "Ipld.cid ") + g.any(d) + ")"
	case 7:
		return "(let t = force " + t() + " in let l = Ipld.link t in Ipld.load (Ipld.cid t))"
	case 8:
		return "(Regex.replaceWith \"[a-x0-9]\" (\\m -> " + g.one("m.text ++ \"_\"", t(), "show ("+g.expr(function, d)+" 2)") + ") " + t() + ")"
	case 9:
		return "(fold (\\t x -> \"\\(t)\\(" + g.expr(function, d) + " x)\") " + t() + " " + g.expr(ints, d) + ")"
	}
	return g.expr(record, d) + ".b"
}

func (g *generator) bool(d int) string {
	k := g.kind()
	switch g.n(10) {
	case 0, 1, 2:
		return "(" + g.expr(anInt, d) + g.one(" == ", " != ", " < ", " <= ", " > ", " >= ") + g.expr(anInt, d) + ")"
	case 3:
		return "(" + g.expr(k, d) + g.one(" == ", " != ") + g.expr(k, d) + ")"
	case 4:
		k = g.oneKind(anInt, aFloat, aText, ints)
		return "(" + g.expr(k, d) + g.one(" < ", " <= ", " > ", " >= ") + g.expr(k, d) + ")"
	case 5:
		return "(" + g.one("any ", "all ") + g.expr(predicate, d) + " " + g.expr(ints, d) + ")"
	case 6:
		return "(" + g.expr(aBool, d) + g.one(" && ", " || ") + g.expr(aBool, d) + ")"
	case 7:
		return "(not " + g.expr(aBool, d) + ")"
	case 8:
		return "(" + g.expr(predicate, d) + " " + g.expr(anInt, d) + ")"
	}
	return g.one("(contains "+g.expr(anInt, d)+" "+g.expr(ints, d)+")", "(isEmpty "+g.expr(ints, d)+")", "((&&) "+g.expr(aBool, d)+" "+g.expr(aBool, d)+")")
}

func (g *generator) ints(d int) string {
	l, i := func() string { return g.expr(ints, d) }, func() string { return g.expr(anInt, d) }
	switch g.n(27) {
	case 0, 1:
		return "[" + i() + ", " + g.one("", "...") + l() + ", " + i() + "]"
	case 2:
		return "[" + i() + ", ..." + l() + "]"
	case 3:
		return "[..." + l() + ", ..." + l() + "]"
	case 4, 5:
		return "(map " + g.expr(function, d) + " " + l() + ")"
	case 6:
		return "(filter " + g.expr(predicate, d) + " " + l() + ")"
	case 7:
		return "(" + l() + " ++ " + l() + ")"
	case 8:
		return "(" + g.one("reverse ", "sort ", "unique ", "forceDeep ", "enumerate ") + l() + ")"
	case 9:
		return "(sortBy " + g.expr(function, d) + " " + l() + ")"
	case 10:
		return "(sortWith " + g.one("(<)", "(>)", "(\\a b -> "+g.expr(aBool, d)+")") + " " + l() + ")"
	case 11:
		return "(" + g.one("take ", "drop ") + i() + " " + l() + ")"
	case 12:
		return "(" + g.one("takeWhile ", "dropWhile ") + g.expr(predicate, d) + " " + l() + ")"
	case 13:
		return "(zipWith " + g.expr(function2, d) + " " + l() + " " + l() + ")"
	case 14:
		return "(flatMap (\\x -> " + g.one("[x, x]", "range 1 (x % 5)", l()) + ") " + l() + ")"
	case 15:
		return "(partition " + g.expr(predicate, d) + " " + l() + ")." + g.one("0", "1")
	case 16:
		return "(concat (Map.values (groupBy " + g.one("(\\x -> x % 3)", g.expr(function, d)) + " " + l() + ")))"
	case 17:
		return g.expr(record, d) + ".l"
	case 18:
		return "(map (\\p -> p.1) (zip " + l() + " " + l() + "))"
	case 19:
		return "(List.scan " + g.expr(function2, d) + " " + i() + " " + l() + ")"
	case 20:
		x := variable{g.name("x"), anInt}
		return "(List.unfold (\\" + x.name + " -> if " + x.name + " > 6 then None else Some [" +
			g.with([]variable{x}, func() string { return g.expr(anInt, d) }) + ", " + x.name + " + 1]) " + g.one("1", "0", "5", i()) + ")"
	case 21:
		return "(map sum (List." + g.one("chunks", "windows") + " " + g.one("2", "3", i()) + " " + l() + "))"
	case 22:
		return "(List.filterMap " + g.one("(\\x -> "+g.expr(option, d)+")", "((Some))", "(\\x -> find ((==) x) [1, 2])") + " " + l() + ")"
	case 23:
		return "(List." + g.one("uniqueBy ", "sortDescendingBy ") + g.expr(function, d) + " " + l() + ")"
	case 24:
		return "(Map.values (Map.map (\\k v -> " + i() + ") (groupBy " + g.expr(function, d) + " " + l() + ")))"
	case 25:
		return "(let [yes, no] = partition " + g.expr(predicate, d) + " " + l() + " in yes ++ no)"
	}
	return "(concat [" + l() + ", " + l() + "])"
}

func (g *generator) option(d int) string {
	switch g.n(9) {
	case 0, 1:
		return "(Some " + g.expr(anInt, d) + ")"
	case 2:
		return "(" + g.one("head ", "last ", "minimum ", "maximum ") + g.expr(ints, d) + ")"
	case 3:
		return "(find " + g.expr(predicate, d) + " " + g.expr(ints, d) + ")"
	case 4:
		return "(" + g.one("at ", "indexOf ") + g.expr(anInt, d) + " " + g.expr(ints, d) + ")"
	case 5:
		return "((Some) " + g.expr(anInt, d) + ")"
	case 6:
		return "(Option.map " + g.expr(function, d) + " " + g.expr(option, d) + ")"
	case 7:
		return "(Result.toOption (try " + g.expr(anInt, d) + "))"
	}
	return "(Map.get " + g.one(`"a"`, `"zz"`, g.expr(aText, d)) + " " + g.expr(record, d) + ")"
}

func (g *generator) record(d int) string {
	switch g.n(8) {
	case 0:
		return "{..." + g.expr(record, d) + ", a: " + g.expr(anInt, d) + "}"
	case 1:
		return "{a: " + g.expr(anInt, d) + ", f: " + g.expr(function, d) + ", ..." + g.expr(record, d) + "}"
	case 2:
		return "(Map.insert \"a\" " + g.expr(anInt, d) + " " + g.expr(record, d) + ")"
	case 3:
		return "(Map.update \"a\" (\\o -> match o { | Some n -> " + g.one("n", "n + 1", "lazy n") + " | None -> " + g.expr(anInt, d) + " }) " + g.expr(record, d) + ")"
	case 4:
		return "(Map.filter (\\k v -> " + g.one("k != \"q\"", g.expr(aBool, d)) + ") " + g.expr(record, d) + ")"
	case 5:
		return "(Map.merge " + g.expr(record, d) + " " + g.expr(record, d) + ")"
	}
	return "{a: " + g.expr(anInt, d) + ", b: " + g.expr(aText, d) + ", f: " + g.expr(function, d) + ", l: " + g.expr(ints, d) + ", z: lazy " + g.expr(anInt, d) + "}"
}

func (g *generator) fn(d int) string {
	switch g.n(8) {
	case 0, 1, 2:
		x := variable{g.name("x"), anInt}
		return "(\\" + x.name + " -> " + g.with([]variable{x}, func() string { return g.expr(anInt, d) }) + ")"
	case 3, 4:
		return "(" + g.expr(function2, d) + " " + g.expr(anInt, d) + ")"
	case 5:
		return "(" + g.expr(function, d) + " >> " + g.expr(function, d) + ")"
	case 6:
		return g.expr(record, d) + ".f"
	}
	for _, c := range g.fns { // one that is in scope, with all arguments but the last
		if n := len(c.params); c.result == anInt && n > 0 && c.params[n-1] == anInt && (n > 1 || c.counted == 0) && g.n(2) == 0 {
			c.params = c.params[:n-1]
			return g.call(c, d)
		}
	}
	return "(\\x -> " + g.expr(anInt, d) + " + x)"
}

func (g *generator) fn2(d int) string {
	if g.n(3) == 0 {
		return "(flip " + g.expr(function2, d) + ")"
	}
	x, y := variable{g.name("x"), anInt}, variable{g.name("y"), anInt}
	first := g.with([]variable{x}, func() string { return g.expr(anInt, 1) })
	return "(\\" + x.name + " " + g.one(y.name, y.name, "-> let w = "+first+" in \\"+y.name) + " -> " +
		g.with([]variable{x, y}, func() string { return g.expr(anInt, d) }) + ")"
}

func (g *generator) predicate(d int) string {
	if g.n(4) == 0 {
		return "(" + g.expr(predicate, d) + " >> not)"
	}
	x := variable{g.name("x"), anInt}
	return "(\\" + x.name + " -> " + g.with([]variable{x}, func() string { return g.expr(aBool, d) }) + ")"
}
