// This file tests that the work of Diff.lines is bounded, and what it finds in texts that are bad for parts of its algorithm.

package stdlib_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

func TestDiffWork(t *testing.T) {
	const n = 3000
	r := rand.New(rand.NewPCG(44, 0))
	text := func(n int, line func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i) + "\n")
		}
		return b.String()
	}
	number := func(i int) string { return fmt.Sprint(i) }
	shuffled := r.Perm(n)
	edited := func(i int) string {
		if i%50 == 7 {
			return number(i) + " edited"
		}
		return number(i)
	}
	few := func(int) string { return string(rune('a' + r.IntN(4))) }
	// Each line is the only one of its kind once those before it are paired.
	chain := func(other string) func(i int) string {
		return func(i int) string {
			return []string{fmt.Sprint(other, i/3), number(i/3 + 1), number(i / 3)}[i%3]
		}
	}
	for _, c := range []struct {
		name     string
		old, new string
		kept     int // at least
	}{
		{"the same", text(n, number), text(n, number), n},
		{"one line in fifty", text(n, number), text(n, edited), n - n/50},
		{"nothing in common", text(n, number), text(n, func(i int) string { return number(-i - 1) }), 0},
		{"another order", text(n, number), text(n, func(i int) string { return number(shuffled[i]) }), 80},
		{"few kinds of lines", text(n, few), text(n, few), n / 2},
		{"one kind of lines", text(n, func(int) string { return "" }), text(n/2, func(int) string { return "" }), n / 2},
		{"a chain of pairs", text(n, chain("x")), text(n, chain("y")), n / 3},
		{"an empty text", "", text(n, number), 0},
	} {
		// evaluate has fuel for 3,300 steps a line.
		v, ok := evaluate(t, fmt.Sprintf("let old = %s\nlet new = %s\nlet d = Diff.lines old new\n[Diff.patch d old == new, List.count (Map.has \"Kept\") d]",
			show(t, graph.Text(c.old)), show(t, graph.Text(c.new))))
		if !ok {
			t.Fatalf("%s: %s", c.name, show(t, v))
		}
		kept, _ := v.List().At(1).Int()
		if show(t, v.List().At(0)) != "true" || int(kept) < c.kept {
			t.Errorf("%s: got %s, want true and at least %d", c.name, show(t, v), c.kept)
		}
	}
}
