// This file tests that hostile source ends within the limits, and that the session goes on after it.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// openTest opens a session on an empty store.
func openTest(t *testing.T, o Options) *Session {
	t.Helper()
	o.Store = t.TempDir()
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// goesOn checks that a session still compiles and evaluates.
func goesOn(t *testing.T, s *Session) {
	t.Helper()
	u, err := s.Compile(context.Background(), "expression", []byte("sum (range 1 10)"))
	if err != nil {
		t.Fatalf("the session does not go on: %v", err)
	}
	out, err := s.Evaluate(context.Background(), u.BodyCID)
	if err != nil || out.Error != nil {
		t.Fatalf("the session does not go on: %v %v", err, out.Error)
	}
	if n, ok := out.Value.Int(); !ok || n != 55 {
		t.Errorf("got %s, want 55", brief(out.Value))
	}
	if len(s.imports) > 0 {
		t.Errorf("got imports %v, want none left", s.imports)
	}
}

// hostile is sources of about 16 MiB that take long.
func hostile() map[string]string {
	const size = 16<<20 - 1000
	fill := func(head, part, tail string) string {
		return head + strings.Repeat(part, (size-len(head)-len(tail))/len(part)) + tail
	}
	// Members of a group that tell each other apart only one round after the other.
	var chain strings.Builder
	const members = 4000
	mentions := strings.Repeat("f0 n, ", 500)
	for i := range members {
		fmt.Fprintf(&chain, "let f%d n = [%sf%d n]\n", i, mentions, (i+1)%members)
	}
	var names strings.Builder
	for i := 0; names.Len() < size; i++ {
		fmt.Fprintf(&names, "let f%d x = x\n", i)
	}
	return map[string]string{
		"list":         fill("[", "1,", "1]"),
		"variables":    fill(`let f x = [`, "x,", "x]"),
		"calls":        fill("let f x = x\n", "f 1 + ", "1"),
		"items":        fill("", "let x = 1\n", ""),
		"texts":        fill("[", `"abc\(1)",`, "1]"),
		"numbers":      fill("[", strings.Repeat("7", 999_999)+",", "1]"),
		"arms":         fill("match 1 { ", "| [a,b] -> a ", "}"),
		"unknown":      names.String() + strings.Join(strings.Split(strings.Repeat("g0 ", 60), " "), "q "),
		"group":        chain.String() + "f0 1",
		"names":        names.String(),
		"maps":         fill("{a: [", "{b: 1, c: [2]},", "1]}"),
		"lambdas":      fill("[", `\x -> [x, \y -> x],`, "1]"),
		"pattern":      fill(`let f [`, "a1,", "b] = 1"),
		"let":          fill("let f n = ", "(let g x = n + x in g n) + ", "1"),
		"wrong":        fill("", "let x = )\n", "y"),
		"many unknown": fill("[", "xyzzy1,", "1]"),
	}
}

func TestHostileSource(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	s := openTest(t, Options{Memory: "256M"})
	for name, src := range hostile() {
		t.Run(name, func(t *testing.T) {
			for _, after := range []time.Duration{50 * time.Millisecond, time.Second} {
				ctx, cancel := context.WithCancel(context.Background())
				timer := time.AfterFunc(after, cancel)
				began := time.Now()
				_, err := s.Compile(ctx, "hostile", []byte(src))
				took := time.Since(began)
				timer.Stop()
				cancel()
				var source lang.Errors
				t.Logf("asked to end after %v, took %v: %.80v", after, took, err)
				if err != nil && !errors.As(err, &source) {
					if _, code := s.Describe(err, false); code != exitStopped || !strings.HasSuffix(err.Error(), " while compiling hostile") {
						t.Errorf("got %v (%d), want that it was stopped", err, code)
					}
				}
				if took > after+3*time.Second { // the machine may be busy
					t.Errorf("took %v to end", took-after)
				}
				goesOn(t, s)
			}
		})
	}
}

func TestStoppedImports(t *testing.T) {
	s := openTest(t, Options{Memory: "4G"}) // what the file before was made into may still be there
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("long.ros", "let x = ["+strings.Repeat("1,", 4<<20)+"1]")
	write("rows.csv", strings.Repeat("a,b\n", 8<<20))
	write("doc.json", "["+strings.Repeat("{},", 8<<20)+"1]")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.ros"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"./long.ros", "csv:./rows.csv", "json:./doc.json", "./pipe.ros", "file:./pipe.ros"} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		began := time.Now()
		_, err := s.Compile(ctx, filepath.Join(dir, "main.ros"), []byte(fmt.Sprintf("let m = import %q\n1", path)))
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: took %v", path, took)
		}
		if _, code := s.Describe(err, false); err == nil || code != exitStopped || !strings.HasPrefix(err.Error(), "deadline reached while ") {
			t.Errorf("%s: got %v, want that the deadline stopped it", path, err)
		}
		cancel()
		goesOn(t, s)
	}
	// The pipe has nobody at its other end; a program that imports itself is still told so.
	write("self.ros", "let m = import \"./self.ros\"\n1")
	_, err := s.Compile(context.Background(), filepath.Join(dir, "main.ros"), []byte("let m = import \"./self.ros\"\n1"))
	if err == nil || !strings.Contains(err.Error(), "imports itself") {
		t.Errorf("got %v, want that it imports itself", err)
	}
	goesOn(t, s)
}

func TestMemoryWhileCompiling(t *testing.T) {
	s := openTest(t, Options{Memory: "64M"})
	_, err := s.Compile(context.Background(), "big", []byte("let f x = ["+strings.Repeat("x,", 3<<19)+"x]"))
	if err == nil || err.Error() != "memory limit reached while compiling big" {
		t.Errorf("got %v, want the memory limit", err)
	}
	path := filepath.Join(t.TempDir(), "big.json")
	if err := os.WriteFile(path, []byte("["+strings.Repeat("1,", 1<<22)+"1]"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Argument(context.Background(), "json:"+path); err == nil || err.Error() != "memory limit reached while reading "+path {
		t.Errorf("got %v, want the memory limit", err)
	}
	goesOn(t, s)
}

// TestInterruptedBeforeTheRun has Ctrl-C come before anything is evaluated.
func TestInterruptedBeforeTheRun(t *testing.T) {
	s := openTest(t, Options{Fuel: 1000})
	u, err := s.Compile(context.Background(), "fold", []byte("\\n -> fold (\\a x -> a + x) 0 (range 1 n)"))
	if err != nil {
		t.Fatal(err)
	}
	arg, err := s.Argument(context.Background(), "5000")
	if err != nil {
		t.Fatal(err)
	}
	expr, err := s.Apply(context.Background(), u, []*graph.Term{arg})
	if err != nil {
		t.Fatal(err)
	}
	var stop *eval.Stop
	if _, err := s.Evaluate(context.Background(), expr); !errors.As(err, &stop) || !stop.Checkpoint.Defined() {
		t.Fatalf("got %v, want a checkpoint", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Apply(ctx, u, []*graph.Term{arg})
	if _, code := s.Describe(err, false); code != exitStopped || err.Error() != "interrupted while writing the arguments" {
		t.Errorf("arguments: got %v", err)
	}
	err = Resume(ctx, Options{Store: s.opt.Store, Stdout: io.Discard, Stderr: io.Discard}, stop.Checkpoint.String())
	if _, code := s.Describe(err, false); code != exitStopped {
		t.Errorf("resume: got %v", err)
	}
}

// TestPrintingIsStopped prints a long list after an interrupt that came when the answer was there.
func TestPrintingIsStopped(t *testing.T) {
	var out strings.Builder
	s := openTest(t, Options{Stdout: &out})
	var b graph.ListBuilder
	for i := range 2 * longPrinted {
		b.Add(graph.Int(int64(i)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var f *failure
	if err := s.print(ctx, graph.ListValue(b.List())); !errors.As(err, &f) || f.code != exitStopped || out.Len() > 0 {
		t.Errorf("got %v and %d bytes, want that it is interrupted, and none", err, out.Len())
	}
}
