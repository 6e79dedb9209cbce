// This file measures what an editor waits for in a file of 2,000 lines. The bar is 30 ms a key.

package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/repl"
)

// longProgram is a program of some 2,000 lines: the weather program's definitions again and again, under other names.
func longProgram(tb testing.TB) string {
	src, err := os.ReadFile("../tests/programs/weather.ros")
	if err != nil {
		tb.Fatal(err)
	}
	defs, _, ok := strings.Cut(string(src), "\nmonthly\n")
	if !ok {
		tb.Fatal("weather.ros does not end in monthly")
	}
	var out strings.Builder
	for i := 0; strings.Count(out.String(), "\n") < 2000; i++ {
		again := defs + "\n"
		for _, name := range []string{"reading", "number", "mean", "tenth", "peak", "summary", "monthly"} {
			again = strings.ReplaceAll(again, name, fmt.Sprint(name, i))
		}
		out.WriteString(again)
	}
	return out.String()
}

func testServer() *server {
	s := newServer(context.Background(), repl.Options{})
	s.markdown = true
	close(s.opened)
	return s
}

// typed is a document in which a key has just been pressed in the middle of a line.
func typed(tb testing.TB) (d *document, at position, press func(n int) *document) {
	src := longProgram(tb)
	lines := strings.Count(src, "\n")
	d = newDocument("file:///long.ros", src, 1, false)
	for at.Line = lines / 2; !strings.HasPrefix(strings.Split(src, "\n")[at.Line], "let mean"); at.Line++ {
	}
	at.Character = len("let mean50 xs = ")
	return d, at, func(n int) *document {
		next, ok := d.changed(n, []contentChange{{Range: &textRange{at, at}, Text: "su "}})
		if !ok {
			tb.Fatal("the change does not fit")
		}
		return next
	}
}

// BenchmarkKey is one key: the change, what is wrong then, and what may be written there.
func BenchmarkKey(b *testing.B) {
	_, at, press := typed(b)
	s := testServer()
	checker := repl.NewChecker(nil, func(string) (string, bool) { return "", false })
	at.Character += 2
	b.Run("diagnostics", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			d := press(n)
			p := d.parse()
			if c := checker.Check(context.Background(), p.file, p.errs); len(c.Errors) != 1 {
				b.Fatal(c.Errors)
			}
		}
	})
	b.Run("completion", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			d := press(n)
			r, err := s.completion(context.Background(), d, positionParams{Position: at})
			if err != nil || len(r.(completionList).Items) < 400 {
				b.Fatal(err)
			}
			if _, err := json.Marshal(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("colours", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			r, err := s.semantic(context.Background(), press(n), documentParams{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hover", func(b *testing.B) {
		d := press(0)
		d.retire()
		for b.Loop() {
			if r, err := s.hover(context.Background(), d, positionParams{Position: position{at.Line, 20}}); r == nil || err != nil {
				b.Fatal(r, err)
			}
		}
	})
}
