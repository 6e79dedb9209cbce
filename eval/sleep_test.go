// This file tests functions that sleep, because the table is not paid for (policy.go).

package eval_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/eval"
)

const forEver = 1 << 60 // steps to sleep

// A sounding is where `debug` writes: it measures the stack.
type sounding struct {
	m              *eval.Machine
	chunks, frames int
}

func (s *sounding) Write(line []byte) (int, error) {
	s.chunks = s.m.Chunks()
	s.frames = runtime.Callers(0, make([]uintptr, 10_000))
	return len(line), nil
}

// TestSleepersTakeNoStack: functions that only end in a call of another one, however many, take no stack while they sleep, nor where one
// of them reduces what is lazy.
func TestSleepersTakeNoStack(t *testing.T) {
	var chain strings.Builder
	for i := range 400 {
		fmt.Fprintf(&chain, "let f%d k n = f%d k n\n", i, i+1)
	}
	chain.WriteString("let f400 k n = k n\nlet same n = n\n")
	for _, c := range []struct{ what, src string }{
		{"a loop", `
let idn x = x
let h n = idn (n - 1) + 1
let a k n i = if n == 0 then (if i == 0 then debug "end" i else i) else k n i (lazy (h n))
let f n i x = a f (n - 1 + x * 0) i
let warm i s = if i == 0 then s else warm (i - 1) (s + a f 2 i)

warm 20 0 + a f 100000 0`},
		{"a chain", chain.String() + "let warm i = if i == 0 then f0 (\\n -> debug \"end\" n) 0 else f0 same i + warm (i - 1)\n\nsum (map (\\n -> f0 same n) (range 1 400)) + warm 1"},
	} {
		u, err := build(c.src)
		if err != nil {
			t.Fatal(err)
		}
		s, depth := newShop(u), &sounding{}
		depth.m = eval.New(eval.Options{Store: s, Load: s.Load, Debug: depth})
		depth.m.SleepSoon(forEver)
		out, err := depth.m.Eval(context.Background(), u.BodyCID)
		if err != nil || out.Error != nil || depth.chunks != 1 || depth.frames > 200 {
			t.Errorf("%s: got %v, %v with %d chunks and %d frames of Go's, want 1 and a few", c.what, out.Error, err, depth.chunks, depth.frames)
		}
	}
}

// TestSleepersWake: a function that sleeps at the end of an evaluation is awake in the next.
func TestSleepersWake(t *testing.T) {
	const f = "let f k n = if n < 2 then length k else f k (n - 1) + f k (n - 2)\n\nf (range 1 60) " // too many arguments to be looked up in the store
	first, err := build(f + "2")
	if err != nil {
		t.Fatal(err)
	}
	next, err := build(f + "28")
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(first)
	s.Put(context.Background(), next.Blocks...)
	m := eval.New(eval.Options{Store: s, Load: s.Load})
	m.SleepSoon(forEver)
	if _, err := m.Eval(context.Background(), first.BodyCID); err != nil {
		t.Fatal(err)
	}
	m.SleepLate()
	if out, err := m.Eval(context.Background(), next.BodyCID); err != nil || out.Reduced > 100 {
		t.Errorf("got %d steps executed, %v; want some 60 of %d", out.Reduced, err, out.Steps)
	}
}

// TestSleepersAreFoundAgain: what a costly call of a function that sleeps came to is found by another program, though the call only ends in one
// of a function that is handed a list too large to be looked up by.
func TestSleepersAreFoundAgain(t *testing.T) {
	const turn = "let turn t i s = if i == 0 then s else turn t (i - 1) ((s * 31 + t.5 + i) % 1000003)\n"
	for _, c := range []struct{ first, second string }{
		{"let table = range 1 777\nlet f n = turn table n 8\n", "let numbers = range 1 777\nlet g n = turn numbers n 8\n"},
		{"let f n = turn [n, 2, 3, 4, 5, 6] n 8\n", "let g n = turn [n, 2, 3, 4, 5, 6] n 8\n"},
	} {
		first, err := build(turn + c.first + "\nsum (map (\\i -> f i) [1, 2, 3, 4, 5, 6, 30011])")
		if err != nil {
			t.Fatal(err)
		}
		second, err := build(turn + c.second + "\nfold (\\s i -> s + g i) 0 [30011, 9]")
		if err != nil {
			t.Fatal(err)
		}
		again := uint64(0)
		for range 5 { // what is linked depends on the clock
			s := newShop(first)
			s.Put(context.Background(), second.Blocks...)
			m := eval.New(eval.Options{Store: s, Load: s.Load})
			m.SleepSoon(forEver)
			if _, err := m.Eval(context.Background(), first.BodyCID); err != nil {
				t.Fatal(err)
			}
			out, err := eval.New(eval.Options{Store: s, Load: s.Load}).Eval(context.Background(), second.BodyCID)
			if err != nil {
				t.Fatal(err)
			}
			if again = out.Reduced; again < 100 {
				break
			}
		}
		if again >= 100 {
			t.Errorf("got %d steps executed again by%s", again, c.second)
		}
	}
}

// TestSleepersAgreeWithOracle: what functions come to that hand on what they do, asleep or not, in all that the machine is tested with.
func TestSleepersAgreeWithOracle(t *testing.T) {
	t.Run("linked", func(t *testing.T) { agreeOnAll(t, handing, *programs/3) })
	t.Run("stopped", func(t *testing.T) { disturb(t, handing, *programs/4) })
	t.Run("answered", func(t *testing.T) {
		for i := range *programs / 12 {
			src := handing(randomChoices(*seed + int64(i)))
			u, err := build(src)
			if err != nil {
				t.Fatal(err)
			}
			if err := answered(u, generatedBudget, rand.New(rand.NewPCG(uint64(*seed), uint64(i))), 4); err != nil && err != errTooMuch {
				t.Fatalf("seed %d: %v\n%s", *seed+int64(i), err, src)
			}
		}
	})
	t.Run("failed", func(t *testing.T) { chainsAgree(t, handing, *programs/6) })
}

// handing is a program of functions that mostly end in calls of each other. Each takes a function k, a number n and an x that may be lazy or a
// map; whoever calls what may call it back counts n down.
func handing(data []byte) string {
	c := &choices{data: data}
	name := func(i int) string { return fmt.Sprintf("f%d", i) }
	number := func() string {
		return c.one("n", "1", "n + 1", "(n * 7) % 5", "(x + n) % 11", "x % 3 + n", "2 - n", "n // (n - 2)", "force x % 7")
	}
	var src strings.Builder
	n := 0 // functions so far
	value := func() string {
		later := "(lazy (x + n))"
		if n > 0 {
			later = "(lazy (" + name(c.n(n)) + " k 0 x))"
		}
		return c.one("x", "x", "(x + 1)", "(lazy (x + n))", later, later, "(n * 1000000007 * 1000000007)", "(x // n)", "(match x { | 0 -> 1 | y -> y })", "(error [n])")
	}
	function := func(self int) string {
		f := func() string {
			if n == 0 {
				return "k"
			}
			return name(c.n(n))
		}
		return c.one("k", "k", f(), f(), f(), name(self), "(\\n x -> "+f()+" k n x)", "(\\k n x -> k n x) k", "{h: "+f()+"}.h", "("+f()+" k)", "(\\n x -> n + x)", "("+name(self)+" k)")
	}
	// passed is a call of an earlier function: k and the others have three arguments, or two.
	passed := func(self int) string {
		if n == 0 {
			return "n + x"
		}
		return name(c.n(n)) + " " + c.one("k", "k", function(self)) + " (" + number() + ") " + value()
	}
	// back is a call of what may come back.
	back := func(self int) string {
		return "if n <= 0 then " + c.one("x + 0", "0", passed(self)) + " else " + c.one(
			"k k (n - 1) "+value(),
			"k k (n - 1) "+value(),
			"k k (n - 1)", // a function is what it comes to
			name(self)+" "+function(self)+" (n - 1) "+value(),
			name(self)+" k (n - 1) (x + 1)",
			"1 + "+name(self)+" k (n - 1) "+value(),
			name(self)+" k (n - 1) x + "+name(self)+" k (n - 2) "+value(),
			"(try ("+passed(self)+") ).Ok",
			"fold (\\s y -> s + k k (n - 2) y) 0 [x, n]",
			"Map.get \"3\" (fold (\\m y -> Map.insert \"\\(y % 5)\" (k k (n - 2) y) m) {} (range 1 5))",
			"sum (map ("+function(self)+" (n - 1)) [x, 2])",
			"(match try (k k (n - 1) x) { | Ok v -> v + 1 | Err e -> n })")
	}
	for n < 3+c.n(9) {
		body := ""
		switch c.n(8) {
		case 0, 1, 2:
			body = passed(n)
		case 3:
			body = "if x " + c.one("<", "==", ">=") + " n then " + passed(n) + " else " + c.one(passed(n), "x", "n + x")
		case 4:
			body = "let y = " + value() + " in let x = y + n in " + passed(n)
		case 5:
			body = "match k { | f -> " + passed(n) + " }"
		default:
			body = back(n)
		}
		fmt.Fprintf(&src, "let %s k n x = %s\n", name(n), body)
		n++
	}
	calls := []string{}
	for range 2 + c.n(4) {
		calls = append(calls, fmt.Sprintf("try (%s (\\k n x -> %s) %d i)", name(n-1-c.n(min(n, 3))), c.one("n + x", "k k n x", passed(n-1), "if n <= 0 then x else k k (n - 1) (x + 1)"), c.n(6)))
	}
	many := c.one("30", "60", "100")
	fmt.Fprintf(&src, "let all i = [%s]\n\n[map all (range 1 %s), %s %s %d 5]\n", strings.Join(calls, ", "), many, name(n-1), name(c.n(n)), 1+c.n(14))
	return src.String()
}
