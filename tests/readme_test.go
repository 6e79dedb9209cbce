// This file runs the sessions of README.md: fences opened with ```sh session, and those with ```sh session kubo beside a daemon of kubo's.
//
// In a session a line `$ command` is run by one shell per README, in a folder that looks like the checkout, with an
// empty home and the built binary first on the PATH; a command goes on over lines that end in a backslash. The lines
// under it are what it prints, stdout and stderr. `…` in a line stands for anything, a line of nothing else for any lines.
// In a fence opened with ```text session what stands after › is typed into a session at a terminal.

package tests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A sessionStep is one command of a session and what it should print.
type sessionStep struct {
	line    int
	command string
	want    []string
}

func readSessions(text, fence string) (steps []sessionStep) {
	in, more := false, false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case !in:
			in = strings.TrimSpace(line) == "```"+fence
		case strings.HasPrefix(line, "```"):
			in = false
		case more || strings.HasPrefix(line, "$ "):
			if more {
				steps[len(steps)-1].command += "\n" + line
			} else {
				steps = append(steps, sessionStep{line: i + 1, command: line[2:]})
			}
			more = strings.HasSuffix(line, "\\")
		case len(steps) > 0:
			s := &steps[len(steps)-1]
			s.want = append(s.want, line)
		}
	}
	return steps
}

func TestReadme(t *testing.T) { runReadme(t, "sh session", "") }

// runReadme runs the fences of a kind, with a folder more on the PATH and more in the environment.
func runReadme(t *testing.T, fence, folder string, env ...string) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := readSessions(string(text), fence)
	if len(steps) == 0 {
		t.Fatalf("README.md has no %s", fence)
	}
	if rosser == "" {
		t.Fatal("rosser did not build")
	}
	// Files that a session writes land here, not in the checkout.
	work, home, bin := t.TempDir(), t.TempDir(), t.TempDir()
	root, _ := filepath.Abs("..")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			os.Symlink(filepath.Join(root, e.Name()), filepath.Join(work, e.Name()))
		}
	}
	abs, _ := filepath.Abs(rosser)
	if err := os.Symlink(abs, filepath.Join(bin, "rosser")); err != nil {
		t.Fatal(err)
	}

	const mark = "\x01end of step"
	var script strings.Builder
	for _, s := range steps {
		script.WriteString(s.command + "\nprintf '%s\\n' '" + mark + "'\n")
	}
	cmd := exec.Command("sh", "-c", "exec 2>&1\n"+script.String())
	cmd.Dir = work
	cmd.Env = []string{"HOME=" + home, "PATH=" + strings.TrimSuffix(bin+":"+folder, ":") + ":" + os.Getenv("PATH"), "LANG=C.UTF-8", "NO_COLOR=1"}
	cmd.Env = append(cmd.Env, env...)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS"} { // a session may run a Go example
		out, _ := exec.Command("go", "env", name).Output()
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(out)))
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		t.Logf("the last command: %v", err)
	}
	outputs := strings.Split(out.String(), mark+"\n")
	for i, s := range steps {
		if i >= len(outputs)-1 {
			t.Fatalf("README.md:%d: `%s` ended the session", s.line, s.command)
		}
		want := strings.TrimRight(strings.Join(s.want, "\n"), "\n")
		got := strings.TrimRight(outputs[i], "\n")
		if !regexp.MustCompile(wildcards(want)).MatchString(got) {
			t.Errorf("README.md:%d: `%s`\ngot:\n%s\nwant:\n%s", s.line, s.command, got, want)
		}
	}
}

// wildcards returns the pattern of a text with … in it.
func wildcards(want string) string {
	var p strings.Builder
	p.WriteString(`\A`)
	anything := true
	for _, line := range strings.Split(want, "\n") {
		if line == "…" {
			p.WriteString(`(?s:.*)`)
			anything = true
			continue
		}
		if !anything {
			p.WriteString(`\n`)
		}
		p.WriteString(strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(line, " ")), "…", ".*"))
		anything = false
	}
	return p.String() + `\z`
}

// TestReadmeTyped types what the README types.
func TestReadmeTyped(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, fence, ok := strings.Cut(string(text), "```text session\n")
	fence, _, closed := strings.Cut(fence, "\n```")
	if !ok || !closed {
		t.Fatal("README.md has no typed session")
	}
	s := atTerminal(t, t.TempDir(), 100, 60, []string{"NO_COLOR=1"})
	var seen strings.Builder
	for _, step := range strings.Split("\n"+fence, "\n› ")[1:] {
		typed, _, _ := strings.Cut(step, "\n")
		seen.WriteString("› " + typed)
		s.await("prompt", func(text string) bool { return strings.HasSuffix(text, "\n›") })
		s.typeIn(typed + "\r")
		if strings.HasPrefix(typed, ":steps") {
			s.await("walk", func(text string) bool { return strings.Contains(text, "q leave") })
			s.typeIn("q")
		}
		s.await("what was typed", func(text string) bool { return strings.Contains(text, typed) && strings.HasSuffix(text, "\n›") })
	}
	_, got, _ := strings.Cut(s.text(), "\n")
	got = strings.TrimSuffix(got, "\n›")
	if !regexp.MustCompile(wildcards(fence)).MatchString(got) {
		t.Errorf("got:\n%s\nwant:\n%s", got, fence)
	}
}
