// This file tests the formatter: what it makes of programs, and its laws.

package lang

import (
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const formatted = "testdata/format.txt"

func TestFormat(t *testing.T) {
	out, list := cases(t, formatted)
	for _, c := range list {
		src, want, ok := strings.Cut(c, "---\n")
		if !ok {
			t.Fatalf("no --- in\n%s", c)
		}
		got, errs := Format("case", []byte(src))
		if len(errs) > 0 {
			t.Errorf("%s\n%s", src, errs.Render(false))
			continue
		}
		if got != want && !*update {
			t.Errorf("%sgot\n%swant\n%s", src, got, want)
		}
		out += src + "---\n" + got + "===\n"
		checkFormat(t, src)
		checkFormat(t, commented(src))
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(formatted, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkFormat checks the laws: the same trees, the same comments in the same order, and no change at the second time.
func checkFormat(t testing.TB, src string) {
	t.Helper()
	f, errs := Parse("source", []byte(src))
	if len(errs) > 0 {
		return
	}
	once, errs := Format("source", []byte(src))
	if len(errs) > 0 {
		t.Fatalf("%s\n%s", src, errs.Render(false))
	}
	again, errs := Parse("formatted", []byte(once))
	if len(errs) > 0 {
		t.Fatalf("%s\nis formatted as\n%s\n%s", src, once, errs.Render(false))
	}
	if got, want := dumpFile(again), dumpFile(f); got != want {
		t.Fatalf("%s\nis formatted as\n%s\ngot  %s\nwant %s", src, once, got, want)
	}
	if got, want := comments(once), comments(f.Source); !slices.Equal(got, want) {
		t.Fatalf("%s\nis formatted as\n%s\ngot  %q\nwant %q", src, once, got, want)
	}
	if twice, errs := Format("formatted", []byte(once)); twice != once {
		t.Fatalf("%s\nis formatted as\n%s\nand then as\n%s\n%v", src, once, twice, errs)
	}
}

// comments are a source's comments.
func comments(src string) []string {
	var list []string
	for _, tok := range Tokens(src) {
		if tok.Class == ClassComment || tok.Class == ClassDoc {
			list = append(list, strings.TrimRight(src[tok.Start:tok.End], " \t\r"))
		}
	}
	return list
}

// TestFormatEverything holds the laws for each program of the repository, and for the cases of the parser.
func TestFormatEverything(t *testing.T) {
	_, list := cases(t, accepted)
	for _, c := range list {
		src, _, _ := strings.Cut(c, "---\n")
		checkFormat(t, src)
		checkFormat(t, commented(src))
	}
	n := 0
	for _, pattern := range []string{"../stdlib/*.ros", "../tests/*/*.ros"} {
		files, _ := filepath.Glob(pattern)
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			n++
			checkFormat(t, string(src))
			checkFormat(t, commented(string(src)))
		}
	}
	if n < 40 {
		t.Errorf("got %d programs", n)
	}
}

// commented puts a comment behind every token of a program, in turns at the end of the line and on a line of its own.
func commented(src string) string {
	var b strings.Builder
	end := 0
	tokens := Tokens(src)
	for i, tok := range tokens {
		b.WriteString(src[end:tok.Start])
		text := src[tok.Start:tok.End]
		b.WriteString(text)
		end = tok.End
		touches := i+1 < len(tokens) && tokens[i+1].Start == tok.End
		if tok.Class == ClassComment || tok.Class == ClassDoc || touches || strings.HasSuffix(text, `\(`) {
			continue
		}
		b.WriteString([]string{" # c\n ", "\n  # c\n ", "\n\n ## c\n ", " # c\n\n  # d\n\n "}[i%4])
	}
	return b.String() + src[end:]
}

// FuzzFormat: the laws hold for whatever parses.
func FuzzFormat(f *testing.F) {
	seeds(f)
	_, list := cases(f, formatted)
	for _, c := range list {
		src, _, _ := strings.Cut(c, "---\n")
		f.Add(src)
		f.Add(commented(src))
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 10_000 {
			return
		}
		start := time.Now()
		checkFormat(t, src)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v for %d bytes", took, len(src))
		}
	})
}

// TestStyleInReference: the examples of the reference's section on style are in it.
func TestStyleInReference(t *testing.T) {
	b, err := os.ReadFile("REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "\n## Style\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for i, example := range strings.Split(section, "```\n") {
		if i%2 == 0 {
			continue
		}
		if got, errs := Format("example", []byte(example)); got != example {
			t.Errorf("got\n%s%v", got, errs)
		}
	}
}

// TestFormatGenerated formats generated trees, as they are printed and with comments everywhere.
func TestFormatGenerated(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewSource(2))}
	for range 2000 {
		f := &File{Defs: []*Def{g.def(3, false)}, Body: g.expr(4)}
		printed := PrintFile(f)
		checkFormat(t, printed)
		checkFormat(t, commented(printed))
	}
}
