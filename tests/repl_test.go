// This file tests sessions over a pipe: tests/repl/NAME.pipe is the input, then after lines of three dashes what comes
// out on stdout and stderr, and the exit code.

package tests

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPipe(t *testing.T) {
	files, err := filepath.Glob("repl/*.pipe")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".pipe"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, _, _ := strings.Cut(string(data), "---\n")
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "lib.ros"), []byte("## Twice.\nlet twice x = 2 * x\nlet three = 3\ntwice three\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := session(t, dir, input)
			got := fmt.Sprintf("%s---\n%s---\n%s---\n%d\n", input, stdout, stderr, code)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(data) {
				t.Errorf("got\n%s\nwant\n%s", got, data)
			}
		})
	}
}

// session gives input to a session.
func session(t testing.TB, dir, input string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if rosser == "" {
		t.Fatal("rosser did not build")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, rosser, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"))
	cmd.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// What comes over a pipe is answered when the next item begins, not at the end.
func TestPipeAnswers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, rosser)
	dir := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	for _, step := range []struct{ in, out string }{
		{"let f x = g x + 1\n", ""}, {"let g x = 2 * x\n", ""}, {"f 1\n", ""}, {"f 2\n", "3\n"}, {":kind it\n", "5\nint\n"},
	} {
		io.WriteString(in, step.in)
		if step.out == "" {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		buf := make([]byte, len(step.out))
		if _, err := io.ReadFull(out, buf); err != nil || string(buf) != step.out {
			t.Fatalf("after %q: got %q, %v, want %q", step.in, buf, err, step.out)
		}
	}
}
