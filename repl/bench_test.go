// This file times what happens at every key.

package repl

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// program is an ordinary program of so many lines.
func program(lines int) string {
	var out strings.Builder
	for i := 0; i < lines/4; i++ {
		fmt.Fprintf(&out, "## The number %d of a row.\nlet step%d xs =\n  let total = fold (+) 0 xs in # a comment\n  {name: \"step %d\", total, mean: total / length xs}\n", i, i, i)
	}
	return out.String()
}

func shellFor(t testing.TB) *shell {
	s, err := Open(Options{Store: t.TempDir(), Stdout: io.Discard, Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return newShell(s, io.Discard, io.Discard)
}

// BenchmarkKey is a key in an entry of 2,000 lines: colours and matching brackets.
func BenchmarkKey(b *testing.B) {
	text := program(2000)
	for b.Loop() {
		paints(text, len(text)/2)
	}
}

// BenchmarkComplete is a Tab at the end of an entry of 2,000 lines.
func BenchmarkComplete(b *testing.B) {
	sh := shellFor(b)
	text := program(2000) + "let f x = ma"
	for b.Loop() {
		if _, list := sh.complete(text, len(text)); len(list) == 0 {
			b.Fatal("nothing")
		}
	}
}

// BenchmarkWhole is an Enter after an entry of 2,000 lines.
func BenchmarkWhole(b *testing.B) {
	text := program(2000)
	for b.Loop() {
		whole(text)
	}
}
