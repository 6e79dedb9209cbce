// This file tests how errors are shown: the programs of testdata/errors.txt, each with its message under it.

package repl

import (
	"context"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

var update = flag.Bool("update", false, "rewrite goldens")

// styles are how the escape sequences of colours stand in the golden file.
var styles = strings.NewReplacer(bold, "<b>", dim, "<dim>", cyan, "<cyan>", unstyled, "</>", "\x1b[31m", "<red>")

// TestErrors runs the cases of testdata/errors.txt. A case is a program and, each line after one tab, the exit code and what
// is shown; blank lines inside a program do not matter. One that begins with `# colour` is shown as on a terminal.
// -update rewrites what is shown.
func TestErrors(t *testing.T) {
	const golden = "testdata/errors.txt"
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var program, want []string
	s := openTest(t, Options{})
	finish := func() {
		if len(want) == 0 && strings.TrimSpace(strings.Join(program, "")) == "" {
			return
		}
		src := strings.Join(program, "\n")
		text, code := "", exitFine
		if err := s.run(context.Background(), "test.ros", []byte(src), nil); err != nil {
			text, code = s.Describe(err, strings.HasPrefix(strings.TrimSpace(src), "# colour"))
		}
		got := "exit " + string(rune('0'+code)) + "\n" + styles.Replace(text)
		if strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && r < ' ' || r == 0x7f || r == 0x202e }) {
			t.Errorf("%s\ngot control characters in %q", src, got)
		}
		if w := strings.Join(want, "\n"); got != w && !*update {
			t.Errorf("%s\ngot\n%s\nwant\n%s", src, got, w)
		}
		out.WriteString(src + "\n\t" + strings.ReplaceAll(got, "\n", "\n\t") + "\n")
		program, want = nil, nil
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "\t"); ok {
			want = append(want, text)
			continue
		}
		if len(want) > 0 {
			finish()
		}
		program = append(program, line)
	}
	finish()
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileValues holds that no value makes a message long, or makes it take long.
func TestHostileValues(t *testing.T) {
	s := openTest(t, Options{})
	deep := graph.Int(1)
	for range 100_000 {
		deep = graph.NewList(deep)
	}
	shared := graph.Text("\x1b[2J\u202e")
	for range 200 {
		shared = graph.NewList(shared, shared)
	}
	var wide graph.MapBuilder
	for i := range 20_000 {
		wide.Set(strings.Repeat("k", 50)+string(rune('a'+i%26))+strings.Repeat("x", i%100), graph.Int(int64(i)))
	}
	values := []graph.Value{deep, shared, graph.MapValue(wide.Map()), graph.Text(strings.Repeat("\n\r\x1b]0;x\x07", 10_000)), graph.BytesValue(make([]byte, 1<<20)),
		graph.Record("/", graph.Int(1)), graph.FnValue(&graph.Fn{Head: cid.Undef}), graph.Null(), graph.Some(graph.Null()), graph.ListValue(graph.ListOf(nil)), graph.MapValue(new(graph.MapBuilder).Map())}
	for _, v := range values {
		for _, kind := range []string{"error", "no match", "wrong kind", "no field", "not a function", "divide by zero", "not a number", "out of range", "compare functions",
			"cannot compare", "cannot show", "bad text", "bad bytes", "different formats", "empty", "test failed", "something else"} {
			for _, value := range []graph.Value{v, graph.NewList(v, v), graph.Record("got", v, "want", graph.Text("int")), graph.Record("got", v, "want", v), graph.Record("field", v, "in", v),
				graph.Record("field", graph.Text("x"), "in", v), graph.Record("expected", v, "actual", v), graph.Record("format", v, "line", v, "column", v, "reason", v)} {
				text, code := s.Describe(s.Failed(&eval.Thrown{Err: &eval.Error{Kind: kind, Value: value}}), false)
				if code != exitProgram || len(text) > 100_000 || strings.Count(text, "\n") > 2*maxLines || lang.Clean(text) != text {
					t.Fatalf("%s: got exit %d and %.300q", kind, code, text)
				}
			}
		}
	}
}

// TestRecordedErrors holds that an error that is found in the store, or was met before, is shown with its place and calls.
func TestRecordedErrors(t *testing.T) {
	dir := t.TempDir()
	open := func() *Session {
		s, err := Open(Options{Store: dir, Link: "all", Stdout: io.Discard, Stderr: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	show := func(s *Session, src string) string {
		text, _ := s.Describe(s.run(context.Background(), "test.ros", []byte(src), nil), false)
		return text
	}
	for _, src := range []string{
		"let f x = lazy (Test.equal x 1)\nf 2",
		"let f x = lazy [sum [x, \"a\"]]\nlet g x = f (x + 1)\ng 2",
		"let boom = 1 // 0\nlet f x = x + boom\nf 1",
		"lazy (Text.join 1 2)",
		"Test.equal 1 2",
	} {
		s := open()
		first := show(s, src)
		again := show(s, src)
		s.Close()
		s = open()
		recorded := show(s, src)
		s.Close()
		if !strings.HasPrefix(first, "test.ros:") || again != first || recorded != first {
			t.Errorf("%s\ngot at first\n%s\nthen\n%s\nfrom the store\n%s", src, first, again, recorded)
		}
	}
	// The calls are those that led there this time.
	s := open()
	defer s.Close()
	show(s, "let boom = 1 // 0\nlet f x = x + boom\nf 1")
	if text := show(s, "let boom = 1 // 0\nlet g x = x - boom\n1 + g 2"); !strings.Contains(text, "in g, called at test.ros:3:5") {
		t.Errorf("got\n%s\nwant the call of g", text)
	}
}
