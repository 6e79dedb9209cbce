// This file tests rosser fmt: what it writes where, and that no CID changes.

package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	unformatted = "\uFEFF# What f is for.\r\nlet f   x =(x+1) # plus\r\n\r\n\r\n\r\nf 1"
	tidy        = "# What f is for.\nlet f x = x + 1 # plus\n\nf 1\n"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFmt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, folder := range []string{"deep/er", ".hidden"} {
		if err := os.MkdirAll(in(folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.ros", "deep/er/b.ros", ".hidden/c.ros", "d.txt"} {
		write(t, dir, name, unformatted)
	}
	write(t, dir, "tidy.ros", tidy)

	if out, errText, exit := command(t, dir, "fmt", "a.ros"); exit != 0 || out != tidy {
		t.Errorf("got exit %d and %q, want %q\n%s", exit, out, tidy, errText)
	}
	cmd := exec.Command(rosser, "fmt", "-")
	cmd.Stdin = strings.NewReader(unformatted)
	if out, err := cmd.Output(); err != nil || string(out) != tidy {
		t.Errorf("standard input: got %v and %q, want %q", err, out, tidy)
	}
	if out, _, exit := command(t, dir, "fmt", "a.ros", "tidy.ros"); exit != 2 || out != "" {
		t.Errorf("two files: got exit %d and %q, want exit 2", exit, out)
	}
	if out, errText, exit := command(t, dir, "fmt", "--check", "."); exit != 1 || out != "a.ros\ndeep/er/b.ros\n" {
		t.Errorf("--check: got exit %d and %q\n%s", exit, out, errText)
	}
	if read(t, in("a.ros")) != unformatted {
		t.Error("--check has changed a file")
	}

	// Rewriting keeps the mode and a link, leaves no other file, and does not touch what is formatted already.
	if err := os.Chmod(in("a.ros"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(in("d.txt"), in("target")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", in("link.ros")); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(in("tidy.ros"))
	for range 2 {
		if out, errText, exit := command(t, dir, "fmt", "-w", "."); exit != 0 || out+errText != "" {
			t.Errorf("-w: got exit %d and %q\n%s", exit, out, errText)
		}
	}
	for name, want := range map[string]string{"a.ros": tidy, "deep/er/b.ros": tidy, "target": tidy, ".hidden/c.ros": unformatted} {
		if got := read(t, in(name)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if info, _ := os.Stat(in("a.ros")); info.Mode().Perm() != 0o750 {
		t.Errorf("got the mode %v", info.Mode())
	}
	if info, _ := os.Lstat(in("link.ros")); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is gone")
	}
	if after, _ := os.Stat(in("tidy.ros")); !os.SameFile(before, after) {
		t.Error("a formatted file was written anew")
	}
	left, _ := filepath.Glob(in(".*-*"))
	if len(left) > 0 {
		t.Errorf("got the files %v", left)
	}
	if out, errText, exit := command(t, dir, "fmt", "--check", "."); exit != 0 || out != "" {
		t.Errorf("--check: got exit %d and %q\n%s", exit, out, errText)
	}
}

// TestFmtMistakes: a file with mistakes stays as it is, and keeps no other from being formatted.
func TestFmtMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const wrong = "let a = )\nlet  b = ]\n"
	write(t, dir, "a.ros", wrong)
	write(t, dir, "b.ros", unformatted)
	for _, args := range [][]string{{"fmt", "a.ros"}, {"fmt", "--check", "a.ros", "b.ros"}, {"fmt", "-w", "a.ros", "b.ros"}} {
		_, errText, exit := command(t, dir, args...)
		if exit != 2 || !strings.Contains(errText, "a.ros:1:9") || !strings.Contains(errText, "a.ros:2:10") {
			t.Errorf("%v: got exit %d\n%s", args, exit, errText)
		}
	}
	if read(t, filepath.Join(dir, "a.ros")) != wrong || read(t, filepath.Join(dir, "b.ros")) != tidy {
		t.Error("want the first file as it was, and the second one formatted")
	}
	for _, args := range [][]string{{"fmt"}, {"fmt", "gone.ros"}, {"fmt", "-w", "-"}, {"fmt", "-w", "--check", "b.ros"}, {"fmt", "-w", "gone.ros", "b.ros"}} {
		if out, errText, exit := command(t, dir, args...); exit != 2 || out != "" || errText == "" {
			t.Errorf("%v: got exit %d and %q\n%s", args, exit, out, errText)
		}
	}
}

// TestFmtKeepsCIDs compiles programs as they are and formatted.
func TestFmtKeepsCIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{"programs/*.ros", "lang/lib/[a-bo-z]*.ros", "bench/*.ros"} {
		found, _ := filepath.Glob(pattern)
		for _, name := range found {
			if !strings.Contains(read(t, name), "@DATA@") {
				files = append(files, name)
			}
		}
	}
	write(t, dir, "odd.ros", "## A doc.\nlet a=(\\x->\\y -> [x,(y), # c\n  -(1), {x:x,y , \"z\":0x10}])\nlet b x =\n   x|>(a 1)|>map (\\z->(z*2)+1) |> fold (+) 0\nlet c = lazy [1,(lazy (2))]\nlet even n = if n==0 then true else odd(n-1)\n## odd\nand odd n=match n {|0->false|_ if (n>0)->even(n-1)\n|_->\"\\(n)\"}\nc\n")
	files = append(files, "odd.ros")
	want := map[string]string{}
	for _, name := range files {
		out, errText, exit := command(t, dir, "compile", name)
		if exit != 0 {
			t.Fatalf("%s: %s", name, errText)
		}
		want[name] = out
	}
	if _, errText, exit := command(t, dir, append([]string{"fmt", "-w"}, files...)...); exit != 0 {
		t.Fatal(errText)
	}
	for _, name := range files {
		if out, errText, _ := command(t, dir, "compile", name); out != want[name] {
			t.Errorf("%s: got\n%s%swant\n%s", name, out, errText, want[name])
		}
	}
	if read(t, filepath.Join(dir, "odd.ros")) == "" {
		t.Error("want a program")
	}
}

// TestProgramsAreFormatted: what others read as examples is in the one style.
func TestProgramsAreFormatted(t *testing.T) {
	t.Parallel()
	if out, errText, exit := command(t, ".", "fmt", "--check", "programs", "bench", "lang/lib", "../stdlib"); exit != 0 {
		t.Errorf("got exit %d and\n%s%s", exit, out, errText)
	}
}

// TestShowFormats: show prints a definition formatted, with its comments.
func TestShowFormats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.ros", "## The next number.\nlet next   n = (n+1) # one more\n\nlet twice n = # two\n  next(next n)\n")
	out, errText, exit := command(t, dir, "compile", "a.ros")
	if exit != 0 {
		t.Fatal(errText)
	}
	shown := ""
	for l := range strings.Lines(out) {
		text, errText, _ := command(t, dir, "show", strings.Fields(l)[1])
		shown += text + errText
	}
	const want = "## The next number.\nlet next n = n + 1\nlet twice n = # two\n  next (next n)\n"
	if shown != want {
		t.Errorf("got\n%swant\n%s", shown, want)
	}
}
