// This file tests that one program finds what another has reduced: an expensive call in another context, by what is executed
// again. go test -v prints the table.

package tests

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

var reducedRE = regexp.MustCompile(`(?m)^calls +(\d+) reduced`)

// executed is how many calls a run reduced itself.
func executed(t *testing.T, stderr string) float64 {
	t.Helper()
	m := reducedRE.FindStringSubmatch(stderr)
	if m == nil {
		t.Fatalf("got no count of calls in\n%s", stderr)
	}
	count, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// executedAgain is how many calls are executed of a program, and then of another one on the same store, where it has the value that it has on an empty one.
func executedAgain(t *testing.T, program, another string) (first, again float64) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "first.ros", program+"\n")
	write(t, dir, "second.ros", another+"\n")
	run := func(program string) (out string, calls float64) {
		t.Helper()
		out, errText, exit := command(t, dir, "run", "--as", "json", "--stats", "--link", "auto", program)
		if exit != 0 {
			t.Fatalf("%s: got exit %d\n%.2000s", program, exit, errText)
		}
		return out, executed(t, errText)
	}
	_, first = run("first.ros")
	got, again := run("second.ros")
	if err := os.RemoveAll(dir + "/store"); err != nil {
		t.Fatal(err)
	}
	want, alone := run("second.ros")
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if alone < 100_000 {
		t.Errorf("got only %.0f calls from an empty store", alone)
	}
	return first, again
}

func TestReuseAcrossPrograms(t *testing.T) {
	// slow is an expensive function whose calls repeat nothing within one run. Its copy has other names, and
	// stands in another order among others.
	const (
		slow    = "let turn i acc = if i == 0 then acc else turn (i - 1) ((acc * 31 + i) % 1000003)\nlet slow x = turn 600000 x\n"
		other   = "let unused a = a + 1\nlet costly seed = spin 600000 seed\nlet spin n s = if n == 0 then s else spin (n - 1) ((s * 31 + n) % 1000003)\n"
		tree    = "let turn i acc = if i == 0 then acc else turn (i - 1) ((acc * 31 + i) % 1000003)\nlet walk d x = if d == 0 then turn 100000 x else walk (d - 1) (2 * x) + walk (d - 1) (2 * x + 1)\n"
		tree2   = "let wander deep at = if deep == 0 then spin 100000 at else wander (deep - 1) (2 * at) + wander (deep - 1) (2 * at + 1)\nlet spin n s = if n == 0 then s else spin (n - 1) ((s * 31 + n) % 1000003)\n"
		lev     = "let dist i j = if i == 0 then j else if j == 0 then i else min (min (dist (i - 1) j + 1) (dist i (j - 1) + 1)) (dist (i - 1) (j - 1) + (if i * 7 % 11 == j * 5 % 13 then 0 else 1))\n"
		lev2    = "let far m n = if m == 0 then n else if n == 0 then m else min (min (far (m - 1) n + 1) (far m (n - 1) + 1)) (far (m - 1) (n - 1) + (if m * 7 % 11 == n * 5 % 13 then 0 else 1))\n"
		letters = "let letters n seed = let go i x acc = if i == n then acc else let y = (x * 1103515245 + 12345) % 2147483648 in go (i + 1) y (acc ++ [y // 65536 % 4]) in go 0 seed []\n"
		edit    = "let edit a b = match a { | [] -> length b | [x, ...s] -> match b { | [] -> length a | [y, ...t] -> if x == y then edit s t else 1 + min (edit s t) (min (edit s b) (edit a t)) } }\n"
		edit2   = "let edist u v = match u { | [] -> length v | [p, ...q] -> match v { | [] -> length u | [r, ...w] -> if p == r then edist q w else 1 + min (edist q w) (min (edist q v) (edist u w)) } }\n"
		linear  = "let down n = if n == 0 then 0 else (n * 7 + down (n - 1)) % 1000003\n"
		linear2 = "let sink k = if k == 0 then 0 else (k * 7 + sink (k - 1)) % 1000003\n"
	)
	for _, c := range []struct {
		name, first, second string
		most                float64 // the share of the first run's steps that may be executed again
	}{
		{"an element's call in map", slow + "map slow [1, 2, 3, 4]", other + "map costly [9, 3, 4] |> sum", 0.30},
		{"an element's call in fold", slow + `fold (\a x -> a + slow x) 0 [1, 2, 3, 4]`, other + `fold (\a x -> a * 2 + costly x) 7 [4, 2, 3, 1]`, 0.02},
		{"an element's call in sortBy", slow + "sortBy slow [1, 2, 3, 4]", other + "sortBy costly [4, 3, 1] |> length", 0.02},
		{"an argument", slow + "slow (slow 5)", other + "1 + costly (costly 5 + 0) * 2", 0.02},
		{"deep in a tree recursion", tree + "walk 3 1", tree2 + "[wander 2 2, 1]", 0.02},
		{"a sub-problem of a dynamic program", lev + "dist 400 400", lev2 + "1 + far 380 390", 0.35},
		{"a sub-problem of a dynamic program over lists", letters + edit + "edit (letters 600 1) (letters 600 2)", letters + edit2 + "1 + edist (List.drop 50 (letters 600 1)) (List.drop 20 (letters 600 2))", 0.35},
		{"linear recursion", linear + "down 1000000", linear2 + "1 + sink 950000", 0.05},
		{"a lazy", slow + "force (lazy (slow 5))", other + "let l = lazy (costly 5)\nforce l + 1", 0.02},
		{"a field of a record", slow + "{a: slow 5, b: 2}", other + "{c: {z: costly 5}}.c.z + 1", 0.02},
		{"a closure given to a higher-order function", slow + "let apply f x = f x\nlet make k = \\x -> slow (x + k)\napply (make 3) 4", other + "let apply2 x f = f x\nlet made k2 = \\y -> costly (y + k2)\n1 + apply2 4 (made 3)", 0.02},
	} {
		t.Run(c.name, func(t *testing.T) {
			var again, first float64
			for range 3 { // what is linked depends on the clock, and on what else the machine does
				first, again = executedAgain(t, c.first, c.second)
				if again/first <= c.most {
					break
				}
			}
			t.Logf("%-45s %9.0f calls, then %9.0f: %.4f", c.name, first, again, again/first)
			if again/first > c.most {
				t.Errorf("got %.4f of the calls executed again, want at most %v", again/first, c.most)
			}
		})
	}
}
