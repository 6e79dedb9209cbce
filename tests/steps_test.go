// This file holds what `:steps` shows of the programs in tests/steps: each term of the reduction on a line, and the rule that
// made it. The transcript of NAME.ros is NAME.steps; -update rewrites it.

package tests

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl"
)

// walkOf opens a session and begins a walk.
func walkOf(t *testing.T, src string) (*repl.Session, *repl.Steps) {
	t.Helper()
	s, err := repl.Open(repl.Options{Store: t.TempDir(), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	u, err := s.Compile(context.Background(), "steps.ros", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return s, s.Steps(u.BodyCID)
}

func TestSteps(t *testing.T) {
	files, _ := filepath.Glob("steps/*.ros")
	if len(files) < 12 {
		t.Fatalf("got %d programs", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".ros"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := walkOf(t, string(src))
			u, err := s.Compile(context.Background(), file, src)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := s.WriteSteps(context.Background(), &out, u.BodyCID, 100, 120); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".ros") + ".steps"
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("got\n%swant\n%s", out.String(), want)
			}
		})
	}
}

// TestStepsOfLang shows the reduction of each program of tests/lang: every line fits, and the redex is where the view says.
func TestStepsOfLang(t *testing.T) {
	files, _ := filepath.Glob("lang/*.ros")
	s, err := repl.Open(repl.Options{Store: t.TempDir(), Stdout: io.Discard, Stderr: io.Discard, Fuel: 50_000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	shown := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(src), "\n")
		for _, c := range parseCases(t, lines) {
			program := strings.Join(lines[c.start:c.end], "\n")
			u, err := s.Compile(ctx, file, []byte(program))
			if err != nil || u.Body == nil {
				continue
			}
			shown++
			st := s.Steps(u.BodyCID)
			var seen []string
			for range 60 {
				v, err := st.View(ctx, 60, 1+len(seen)%4)
				if _, stopped := err.(*eval.Stop); err != nil && !stopped {
					t.Fatalf("%s: %v\n%s", file, err, program)
				}
				checkView(t, v, 60, 1+len(seen)%4)
				seen = append(seen, v.Text)
				if more, _ := st.Next(ctx); !more {
					break
				}
			}
			for i := len(seen) - 1; i >= 0; i-- {
				for st.Pos() > i {
					st.Back()
				}
				if v, _ := st.View(ctx, 60, 1+i%4); i < len(seen)-1 && v.Text != seen[i] {
					t.Fatalf("%s: back at step %d: got %q, want %q\n%s", file, i, v.Text, seen[i], program)
				}
			}
			if t.Failed() {
				t.Fatalf("%s\n%s", file, program)
			}
		}
	}
	if shown < 500 {
		t.Errorf("got only %d programs", shown)
	}
}

// checkView says what is wrong with the form of a view.
func checkView(t *testing.T, v repl.StepView, width, lines int) {
	t.Helper()
	if !utf8.ValidString(v.Text) || strings.ContainsAny(v.Text, "\x00\x01") {
		t.Errorf("got the text %q", v.Text)
	}
	all := strings.Split(v.Text, "\n")
	if len(all) > lines {
		t.Errorf("got %d lines, want at most %d: %q", len(all), lines, v.Text)
	}
	for _, line := range all {
		if n := utf8.RuneCountInString(line); n > width {
			t.Errorf("got %d columns, want at most %d: %q", n, width, line)
		}
	}
	r := v.Redex
	if r.Start < 0 || r.End < r.Start || r.End > len(v.Text) {
		t.Fatalf("got the redex %v in %q", r, v.Text)
	}
	if v.Rule != "" && r.Start == r.End || v.End && r != (lang.Span{}) {
		t.Errorf("got the redex %v by rule %q in %q", r, v.Rule, v.Text)
	}
	if redex := v.Text[r.Start:r.End]; !utf8.ValidString(redex) {
		t.Errorf("got the redex %q", redex)
	}
}

// TestStepsMark shows which part of a term the view marks.
func TestStepsMark(t *testing.T) {
	_, st := walkOf(t, "let double x = 2 * x\n[1 + 1, if true then double 4 else 0].1 + 1")
	var got []string
	for {
		v, err := st.View(context.Background(), 80, 1)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v.Text[:v.Redex.Start]+"⟨"+v.Text[v.Redex.Start:v.Redex.End]+"⟩"+v.Text[v.Redex.End:]+"  "+v.Rule)
		if more, _ := st.Next(context.Background()); !more {
			break
		}
	}
	want := []string{
		"[⟨1 + 1⟩, if true then double 4 else 0].1 + 1  +",
		"[2, ⟨if true then double 4 else 0⟩].1 + 1  if",
		"[2, ⟨double 4⟩].1 + 1  call double",
		"[2, ⟨2 * 4⟩].1 + 1  *",
		"⟨[2, 8].1⟩ + 1  .1",
		"⟨8 + 1⟩  +",
		"⟨⟩9  ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestStepsStop stops a reduction that has no end, and one that must wait for its first step.
func TestStepsStop(t *testing.T) {
	s, st := walkOf(t, "let f n = f (n + 1)\nmap f (range 1 20)")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	for {
		v, err := st.View(ctx, 80, 1)
		checkView(t, v, 80, 1)
		if err != nil {
			if !strings.Contains(v.Text, "map f [1, 2, 3") {
				t.Errorf("got %q", v.Text)
			}
			break
		}
		if _, err := st.Next(ctx); err != nil {
			t.Error(err)
		}
	}
	u, err := s.Compile(context.Background(), "grow.ros", []byte("let f n = 1 + f (n + 1)\nf 0"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.WriteSteps(context.Background(), &out, u.BodyCID, 80, 30); err != nil || !strings.HasSuffix(out.String(), "\n… more\n") {
		t.Errorf("got %v and %s", err, out.String())
	}
}

// TestStepsOfBlocks walks what a CID names: code that is no expression, code that links to what is not there, a block that is
// not there, and a large display.
func TestStepsOfBlocks(t *testing.T) {
	s, _ := walkOf(t, "1 + 1")
	ctx := context.Background()
	block := func(src string) *repl.Steps {
		u, err := s.Compile(ctx, "blocks.ros", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		return s.Steps(u.BodyCID)
	}
	gone := "bafyreigdoeuj7gwh3vbuxl3b6y4xn5jqzwdrmcwr7oehd27g3pxyisuy5q"
	for _, c := range []struct{ src, text, err string }{
		{"@" + gone + " 1", "@bafyreig…", gone},
		{"[@" + gone + "].0 + 1", "@bafyreig…", gone},
		{"if (\\x -> x) true then 1 else @" + gone + ".a", "@bafyreig…", ""},
		{"\\x -> [x]", "\\x -> [x]", ""},
		{"\\y -> y", "id", ""},
		{"let f x = g [x] and g x = f x\n[f, lazy f, lazy (f 1)]", "[f, lazy f, lazy f 1]", ""},
		{"[" + strings.Repeat("1 + 1, ", 3000) + "2]", "[2, 1 + 1, ", ""},
		{"{" + strings.Repeat("\"", 2) + ": 1 + 1, \"a b\": 2}", "{\"\": 1 + 1, \"a b\": 2}", ""},
		{strings.Repeat("1 + (", 300) + "1" + strings.Repeat(")", 300), "1 + 1", ""},
		{"\"" + strings.Repeat("é", 1000) + "\" ++ \"b\"", "éé…", ""},
		{"pow 7 100000 + 1", "pow 7 100000", ""},
	} {
		st := block(c.src)
		var all []string
		for range 10 {
			v, err := st.View(ctx, 80, 1)
			checkView(t, v, 80, 1)
			all = append(all, v.Text)
			if err != nil {
				if c.err == "" || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%.60s: got %v", c.src, err)
				}
				c.err = ""
				break
			}
			if more, _ := st.Next(ctx); !more {
				break
			}
		}
		if c.err != "" || !strings.Contains(strings.Join(all, "\n"), c.text) {
			t.Errorf("%.60s: got\n%s", c.src, strings.Join(all, "\n"))
		}
	}
}
