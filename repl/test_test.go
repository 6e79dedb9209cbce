// This file tests how tests and examples are found, and how long it takes to find that none has changed.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/lang"
)

// Every line of an example is where the source has it.
func FuzzExamples(f *testing.F) {
	f.Add("> 1\n= 2")
	f.Add("text\n> f\n>   x\n= [1,\n=  2]\n\n> no value\n> two\n= 2\n= 3\nmore")
	f.Add("> a \t\n=  b\t\n>\n= c")
	f.Add("    > code\n= x\n- item\n> y\n= z")
	f.Fuzz(func(t *testing.T, doc string) {
		for _, marker := range []string{"## ", "##", "  ## "} {
			source := "# top\n" + marker + strings.ReplaceAll(doc, "\n", "\n"+marker) + "\n# between\n\nlet f x = x\n\n## > 1\n## = 1\nlet g = 1\n"
			file, _ := lang.Parse("f.ros", []byte(source))
			for _, e := range examples(file) {
				for _, p := range append(e.program, e.want...) {
					if got := file.Source[p.at : p.at+len(p.text)]; got != p.text {
						t.Fatalf("%q: got %q at %d, want %q", source, got, p.at, p.text)
					}
				}
			}
		}
	})
}

func TestExamplesAreFound(t *testing.T) {
	file, wrong := lang.Parse("f.ros", []byte("## > f 1\r\n##  = 1\r\n## = 1\r\nlet f x = x\n\n  ## > 1\n  ## = 1\nand g y = f y\n## > h\n## = 2\n# not of it\n\nlet h = 2\n### > 1\n### = 2\nlet i = 1\n"))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	var got []string
	for _, e := range examples(file) {
		line, column := lang.Position(file, e.at.Start)
		got = append(got, fmt.Sprintf("%s %d:%d %s", e.def, line, column, e.want[0].text))
	}
	if s := strings.Join(got, ", "); s != "g 6:8 1, h 9:6 2" {
		t.Errorf("got %s", s)
	}
}

// Whatever stands in an example, it is an example alone: nothing of it defines or closes anything outside of it.
func TestExamplesKeepToThemselves(t *testing.T) {
	s, err := Open(Options{Store: t.TempDir(), Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	for _, c := range []struct{ program, want, mistake string }{
		{"x", "1", ""},
		{"_example0", "1", "unknown name"},
		{"let x = 2 in x", "1", ""},
		{"1)", "(1", "got `)`"},
		{"1 +", "2", "the end"},
		{"1", "2 == 2", ""},
		{"1 == 1", "2", ""},
		{"\"\"\"a", "b\"\"\"", "never closed"},
		{"import \"./x.ros\"", "1", "want an expression"},
		{"let y = 1", "1", "the end"},
		{"[1, # remark", "1", "never closed"},
		{"1 # remark", "1 # remark", ""},
		{"\\z -> z", "id", ""},
		{"lazy 1", "1", ""},
	} {
		src := "## > " + c.program + "\n## = " + c.want + "\n## > x\n## = 1\nlet x = 1\n"
		u, err := s.translate(ctx, "f.ros", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		s.held = map[cid.Cid][]byte{}
		trials, err := s.trials(ctx, u, examples(u.File))
		if err != nil || len(trials) != 2 {
			t.Fatalf("%q: got %d examples, %v", c.program, len(trials), err)
		}
		if trials[1].wrong != nil || trials[1].equal == nil {
			t.Errorf("%q: the other example got %v", c.program, trials[1].wrong)
		}
		switch got := trials[0].wrong; {
		case c.mistake == "" && got != nil, c.mistake != "" && (got == nil || !strings.Contains(got.Error(), c.mistake)):
			t.Errorf("%q: got %v, want %q", c.program, got, c.mistake)
		case got != nil:
			if line, _ := lang.Position(got[0].File, got[0].Span.Start); line > 2 {
				t.Errorf("%q: got line %d", c.program, line)
			}
		}
	}
}

// BenchmarkUnchanged is `rosser test` for 10,000 tests that have not changed.
func BenchmarkUnchanged(b *testing.B) {
	dir := b.TempDir()
	var src strings.Builder
	src.WriteString("let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n\n")
	for i := range 2500 {
		fmt.Fprintf(&src, "## A test.\nlet test_a%d = Test.equal %d (%d + %d)\n\n", i, 2*i, i, i)
		fmt.Fprintf(&src, "let test_b%d = sum (range 1 %d) + %d == %d\n\n", i, i%50, i, (i%50)*(i%50+1)/2+i)
		fmt.Fprintf(&src, "let test_c%d = Test.equal [%d, 3] (map (\\x -> x + 1) [%d, 2])\n\n", i, i+1, i)
		fmt.Fprintf(&src, "let test_d%d = fib %d + %d == %d + fib %d\n\n", i, i%15, i, i, i%15)
	}
	path := filepath.Join(dir, "big.ros")
	if err := os.WriteFile(path, []byte(src.String()), 0o666); err != nil {
		b.Fatal(err)
	}
	var out strings.Builder
	test := func() {
		out.Reset()
		err := Test(context.Background(), Options{Store: filepath.Join(dir, "store"), Stdout: &out}, []string{path}, "")
		if err != nil || !strings.HasPrefix(out.String(), "10000 passed") {
			b.Fatal(err, out.String())
		}
	}
	test()
	for b.Loop() {
		test()
	}
	if !strings.HasPrefix(out.String(), "10000 passed (10000 unchanged), ") {
		b.Fatal(errors.New(out.String()))
	}
}
