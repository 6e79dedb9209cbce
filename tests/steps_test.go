// This file holds what `:steps` shows of the programs in tests/steps: each term of the reduction on a line, and the rule that
// made it. The transcript of NAME.ros is NAME.steps; -update rewrites it.

package tests

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
