// This file holds loops over large ints against the oracle, whose ints are new each time: what one turn makes may take the place of what
// another has done with, and nobody may see that.

package eval_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/eval"
)

// longs are ints of which some are long enough to be overwritten, if they could be.
const longs = "let p = pow 7 500\n\nlet q = pow 3 1100 + 5\n\nlet r = 1 - pow 11 450\n\nlet m = pow 2 1279 - 1\n\nlet n = 12345\n\nlet tell x y = [x, {y: y}]\n\n"

// A looper writes functions that turn, with parameters of which some are only calculated with, and others kept in some way.
type looper struct {
	*rand.Rand
	loops []loopOf
	names int
}

type loopOf struct {
	name string
	ints int
	list bool // it takes one more, and comes to a list
}

func (l *looper) one(of ...string) string { return of[l.IntN(len(of))] }

// program is a file.
func (l *looper) program() string {
	var b strings.Builder
	b.WriteString(longs)
	for range 1 + l.IntN(3) {
		b.WriteString(l.loop())
	}
	vars := []string{"p", "q", "r", "m", "n"}
	var rows []string
	for i := range 2 + l.IntN(3) {
		name := fmt.Sprintf("v%d", i)
		f := l.loops[l.IntN(len(l.loops))]
		fmt.Fprintf(&b, "let %s = %s\n\n", name, l.enter(f, 1+l.IntN(25), vars))
		rows = append(rows, name)
		if !f.list {
			vars = append(vars, name, name)
		}
	}
	return b.String() + "[" + strings.Join(append(rows, vars...), ", ") + "]\n"
}

// enter calls a loop from outside.
func (l *looper) enter(f loopOf, turns int, vars []string) string {
	s := fmt.Sprintf("%s %d", f.name, turns)
	for range f.ints {
		s += " " + l.one(vars...)
	}
	if f.list {
		s += l.one(" []", " ["+l.one(vars...)+"]")
	}
	return s
}

func (l *looper) loop() string {
	f := loopOf{fmt.Sprintf("f%d", len(l.loops)), 1 + l.IntN(4), l.IntN(2) == 0}
	var vars []string
	head := "let " + f.name + " i"
	for i := range f.ints {
		vars = append(vars, string(rune('a'+i)))
		head += " " + vars[i]
	}
	end := l.one(vars...)
	if l.IntN(3) == 0 {
		end = l.int(vars, 1)
	}
	if f.list {
		head += " out"
		end = l.one("out", "out", "out", "["+end+", ...out]", "["+strings.Join(vars, ", ")+", ...out]")
	}
	s := fmt.Sprintf("%s = if i <= 0 then %s else %s\n\n", head, end, l.tail(f, vars, 3))
	l.loops = append(l.loops, f)
	return s
}

// tail is what a loop ends in.
func (l *looper) tail(f loopOf, vars []string, depth int) string {
	switch k := l.IntN(12); {
	case depth > 0 && k < 3:
		l.names++
		name := fmt.Sprintf("t%d", l.names)
		value := l.made(vars)
		if k == 0 {
			value = l.one(l.int(vars, 1), l.one(vars...)+" * "+l.one(vars...))
			return fmt.Sprintf("(let %s = (%s) %% m in %s)", name, value, l.tail(f, append(vars[:len(vars):len(vars)], name, name), depth-1))
		}
		return fmt.Sprintf("(let %s = %s in %s)", name, value, l.tail(f, append(vars[:len(vars):len(vars)], name, name), depth-1))
	case depth > 0 && k < 5:
		return fmt.Sprintf("(if %s then %s else %s)", l.condition(vars), l.tail(f, vars, depth-1), l.tail(f, vars, depth-1))
	case k == 5 && l.IntN(3) == 0: // the end comes before
		if f.list {
			return "out"
		}
		return l.one(vars...)
	}
	s := f.name + " (i - 1)"
	for i := range f.ints {
		switch k := l.IntN(20); {
		case k < 7:
			s += " " + l.one(vars...)
		case k < 16:
			s += " (" + l.made(vars) + ")"
		case k == 16:
			s += " " + string(rune('a'+i))
		default:
			s += " " + l.int(vars, 2)
		}
	}
	if f.list {
		s += " " + l.one("out", "out", "["+l.any(vars)+", ...out]", "["+l.any(vars)+", ...out]", "["+l.any(vars)+", "+l.any(vars)+", ...out]")
	}
	return "(" + s + ")"
}

// made is an int that is made anew.
func (l *looper) made(vars []string) string {
	x, y := l.one(vars...), l.one(vars...)
	return l.one(x+" + "+y, x+" + "+y, x+" - "+y, x+" + i", "i - "+x, x+" * 3", x+" * i", x+" * (-1)", x+" + "+l.int(vars, 1), l.int(vars, 1)+" - "+y, "("+x+" + "+y+") * 2")
}

func (l *looper) condition(vars []string) string {
	x, y := l.one(vars...), l.one(vars...)
	return l.one(x+" < "+y, x+" == "+y, x+" % 3 == 1", "i % 2 == 0", x+" >= 0 && "+y+" != i")
}

// int is an int in parentheses; its parts may be held anywhere meanwhile.
func (l *looper) int(vars []string, depth int) string {
	x, y := l.one(vars...), l.one(vars...)
	if depth == 0 {
		return x
	}
	sub := func() string { return l.int(vars, depth-1) }
	switch l.IntN(16) {
	case 0:
		return fmt.Sprintf("(let u = %s in u + %s)", x, sub())
	case 1:
		return fmt.Sprintf("(if %s then %s else %s)", l.condition(vars), x, sub())
	case 2:
		return fmt.Sprintf("(force (lazy (%s - %s)))", x, y)
	case 3:
		return fmt.Sprintf("((\\z -> z + %s) %s)", x, sub())
	case 4:
		return fmt.Sprintf("[%s, %s].%d", x, sub(), l.IntN(2))
	case 5:
		return fmt.Sprintf("{x: %s}.x", x)
	case 6:
		return fmt.Sprintf("(try (%s + %s)).Ok", x, y)
	case 7:
		return fmt.Sprintf("(try (%s // 0)).Err.value", x)
	case 8:
		return fmt.Sprintf("(%s %s %s)", l.one("max", "min"), x, sub())
	case 9:
		return fmt.Sprintf("(%s %s)", l.one("abs", "force", "sum [1] +"), x)
	case 10:
		return fmt.Sprintf("(%s * %s %% m)", x, y)
	case 11:
		return fmt.Sprintf("(%s // 3)", sub())
	case 12:
		return fmt.Sprintf("(fold (\\s e -> s + e) %s [%s, %s])", x, y, sub())
	case 13:
		for _, f := range l.loops {
			if !f.list && l.IntN(2) == 0 {
				return "(" + l.enter(f, l.IntN(4), vars) + ")"
			}
		}
	}
	return "(" + l.made(vars) + ")"
}

// any is a value that holds ints.
func (l *looper) any(vars []string) string {
	x, y := l.one(vars...), l.one(vars...)
	if k := l.IntN(3); k == 0 {
		for _, f := range l.loops {
			if l.IntN(2) == 0 {
				return l.enter(f, l.IntN(4), vars)
			}
		}
	}
	return l.one(x, x, "["+x+", "+y+"]", "{x: "+x+"}", "lazy ("+x+" + "+y+")", "\\z -> z + "+x, "tell "+x, "tell "+x+" "+y, "try ("+x+" // (i - i))", "try ("+x+" % (i - i))", "try ("+x+" + \"\")", "try ("+x+" - "+y+" + [])",
		"Some "+x, l.int(vars, 2), "map (\\z -> z + "+x+") ["+y+"]")
}

// keeping are loops each of which keeps what it has made in one way.
var keeping = []string{
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [a, ...out]\n\ngo 9 p q []",
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [{x: a}, ...out]\n\ngo 9 p q []",
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [lazy (a * 2), ...out]\n\ngo 9 p q []",
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [\\z -> a * z, ...out]\n\ngo 9 p q []",
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [tell a, ...out]\n\ngo 9 p q []",
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [tell a b, ...out]\n\ngo 9 p q []",
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [try (a // (i - i)), ...out]\n\ngo 9 p q []",
	"let go i a b out = if i <= 0 then out else go (i - 1) b (a + b) [try (a + \"\"), ...out]\n\ngo 9 p q []",
	"let go i a b c = if i <= 0 then c else go (i - 1) b (a + b) [a, c]\n\ngo 9 p q []",
	"let go i a b c d = if i <= 0 then d else go (i - 1) b (a + b) a [c, d]\n\ngo 9 p q r []", // by way of a parameter
	"let go i a b = if i <= 0 then a else go (i - 1) b (a + b)\n\nlet x = go 9 p q\n\nlet y = go 5 x x\n\n[x, y, go 3 x y, go 4 y x, x, y, p, q]",
	"let go i a b = if i <= 0 then a else go (i - 1) (a + b) (a - b)\n\n[go 8 p q, go 9 p q, go 20 p q, p, q]",
	"let go i a b c = if i <= 0 then a * b * c else go (i - 1) (a + b) (b + c) (c + a)\n\n[go 8 p q r, go 9 p q r, p, q, r]",
	"let go i a b = if i <= 0 then a else go (i - 1) (max a b) (a + b)\n\n[go 8 p q, go 9 q p]",
	"let go i a b = if i <= 0 then a else go (i - 1) a (a + b)\n\n[go 8 p q, go 9 q p, p, q]",
	"let go i a b = if i <= 0 then a else go (i - 1) b b\n\n[go 8 p q, go 9 q p, p, q]",
	"let go i a b = if i <= 0 then a else (let t = a + b in let u = t - a in go (i - 1) t (u + t))\n\n[go 8 p q, go 9 q p, p, q]",
	"let go i a b = if i > 20 then 1 + go (i - 1) b a else (let t = a + b in t)\n\n[go 0 p q, go 1 q r, go 22 p r, p, q, r]", // it does not turn
	"let go i a b = (let t = a * i in if i <= 0 then a else go (i - 1) t (b * 3))\n\n[go 7 p q, go 9 q r, go 4 r p, p, q, r]",
	"let go i a b out = if i <= 0 then out else (let t = a + b in let u = [t, ...out] in go (i - 1) b t u)\n\ngo 9 p q []",
	"let sub i a b = if i <= 0 then a else sub (i - 1) b (a - b)\n\nlet go i a b = if i <= 0 then a else go (i - 1) (sub 3 a b) (a + b)\n\n[go 9 p q, p, q]",
	"let go i a b = if i <= 0 then [a, b] else if i % 3 == 0 then [a, go (i - 1) b (a + b)] else go (i - 1) b (a + b)\n\ngo 20 p q",
	"let go i a b = if i <= 0 then a // (i - i) else go (i - 1) b (a + b)\n\nlet e = (try (go 9 p q)).Err.value\n\n[e, go 5 e e, e, go 6 e p, e]",
}

// TestLoopsKeepNothing: in every mode, from stores of before, stopped and resumed, all values are the oracle's.
func TestLoopsKeepNothing(t *testing.T) {
	n := *programs / 2
	if testing.Short() {
		n = min(n, 100)
	}
	done := 0
	for i := range n + len(keeping) {
		r := rand.New(rand.NewPCG(uint64(*seed), uint64(i)))
		var src string
		if i < len(keeping) {
			src = longs + keeping[i] + "\n"
		} else {
			src = (&looper{Rand: r}).program()
		}
		u, err := build(src)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		err = agree(u, generatedBudget)
		if err == nil && (i%4 == 0 || i < len(keeping)) {
			err = resumes(u, generatedBudget, r)
		}
		switch {
		case errors.Is(err, errTooMuch):
		case err != nil:
			t.Fatalf("program %d: %v\n%s", i, err, src)
		default:
			done++
		}
	}
	t.Logf("%d of %d programs", done, n)
	if done < n/2 {
		t.Errorf("the oracle could reduce %d of %d programs only", done, n)
	}
}

// TestLoopsReuse: a loop over large ints takes the memory of those that it has done with.
func TestLoopsReuse(t *testing.T) {
	const turns = 5000
	for _, c := range []struct{ name, src string }{
		{"sum", "let go i a b = if i == %d then a else go (i + 1) b (a + b)\n\ngo 0 0 (pow 2 9999)"},
		{"difference", "let go i a b = if i == %d then a else go (i + 1) b (a - b)\n\ngo 0 0 (pow 2 9999)"},
		{"product", "let go i a = if i == %d then a else go (i + 1) (a * 1)\n\ngo 0 (pow 2 9999)"},
		{"let", "let go i a b = if i == %d then a else let c = a + b in if c < 0 then c else go (i + 1) b c\n\ngo 0 0 (pow 2 9999)"},
		{"several", "let go i a b = if i == %d then a else go (i + 1) (a + b) (b - a)\n\ngo 0 (pow 2 9999) (pow 3 6000)"},
	} {
		taken := func(turns int) uint64 {
			u, err := build(fmt.Sprintf(c.src, turns))
			if err != nil {
				t.Fatal(err)
			}
			_, bytes := allocated(func() { once(t, u, eval.None) })
			return bytes
		}
		if more := int64(taken(2*turns)) - int64(taken(turns)); more > turns*1250/5 {
			t.Errorf("%s: %d turns over ints of 1,250 bytes and more have taken %d bytes", c.name, turns, more)
		}
	}
}
