// This file tests the everyday tools on the built binary: test, --watch, new, completions, version.

package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var seconds = regexp.MustCompile(`[0-9]+\.[0-9] s\n$`)

// TestTestReport holds what is said of tests that fail, each in its own way.
func TestTestReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"fail.ros", "lib.ros"} {
		text, err := os.ReadFile(filepath.Join("failing", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(text))
	}
	got, errText, exit := command(t, dir, "test", "--fuel", "100000", "fail.ros", "lib.ros")
	if exit != 2 || errText != "" {
		t.Errorf("got exit %d and %q, want 2 and nothing on stderr", exit, errText)
	}
	got = seconds.ReplaceAllString(got, "… s\n")
	golden := filepath.Join("failing", "report.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	// A second run reduces no test again, and says the same.
	again, _, _ := command(t, dir, "test", "--fuel", "100000", "fail.ros", "lib.ros")
	report, summary := again[:strings.LastIndex(strings.TrimSpace(again), "\n")], again[strings.LastIndex(strings.TrimSpace(again), "\n")+1:]
	if !strings.HasPrefix(got, report) || !strings.HasPrefix(summary, "7 passed (6 unchanged), ") {
		t.Errorf("again: got\n%s", again)
	}
}

// TestTestExits holds the exit codes, and what is looked at when nothing is named.
func TestTestExits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const fails = "let test_a = 1 == 2\n"
	write(t, dir, "good.ros", "let test_a = 1 == 1\nlet test_b = Test.fails (lazy (1 // 0))\n1 // 0\n")
	write(t, dir, "sub/fails.ros", fails)
	write(t, dir, "sub/deeper/mistake.ros", fails+"let x =\n")
	write(t, dir, "stops/stop.ros", "let f n = f (n + 1)\nlet test_a = f 0\n"+"let test_b = f 1\n")
	write(t, dir, "lacks/lacks.ros", "let test_a = force @bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua == 1\n")
	write(t, dir, "none/none.ros", "let x = 1\n")
	write(t, dir, ".hidden/fails.ros", fails)
	os.Symlink("sub", filepath.Join(dir, "link"))
	for _, c := range []struct {
		args string
		exit int
		last string // line of stdout
		err  string
	}{
		{"good.ros", 0, "2 passed, … s", ""},
		{"good.ros ./good.ros", 0, "2 passed (2 unchanged), … s", ""},
		{"good.ros sub/fails.ros", 1, "2 passed (2 unchanged), 1 failed, … s", ""},
		{"sub", 2, "0 passed, 1 failed, 1 mistake in the source, … s", ""},
		{"link", 2, "0 passed, 1 failed, 1 mistake in the source, … s", ""},
		{"--fuel 10000 stops", 4, "0 passed, 2 stopped, … s", ""},
		{"--deadline 300ms stops", 4, "0 passed, 1 stopped, 1 not run, … s", ""},
		{"lacks", 3, "0 passed, 1 without a block that they need, … s", ""},
		{"none", 2, "0 passed, … s", "there are no tests"},
		{"good.ros --filter b", 0, "1 passed (1 unchanged), … s", ""},
		{"good.ros --link none", 0, "2 passed, … s", ""},
		{"good.ros --filter c", 2, "0 passed, … s", `no test and no example has a name with "c"`},
		{"gone.ros", 2, "", "no such file"},
		{"-", 2, "", "not from standard input"},
		{"--fuel 10000", 2, "2 passed (2 unchanged), 2 failed, 2 stopped, 1 without a block that they need, 1 mistake in the source, … s", ""},
	} {
		out, errText, exit := command(t, dir, append([]string{"test"}, strings.Fields(c.args)...)...)
		lines := strings.Split(strings.TrimSuffix(seconds.ReplaceAllString(out, "… s\n"), "\n"), "\n")
		if last := lines[len(lines)-1]; c.args != "--fuel 10000" && (exit != c.exit || last != c.last) || c.err != "" && !strings.Contains(errText, c.err) || exit != c.exit {
			t.Errorf("test %s: got exit %d and %q\n%s%s", c.args, exit, last, out, errText)
		}
	}
}

// TestUnchanged changes a function: what rests on it is tested again, and nothing else.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := func(f string) string {
		var b strings.Builder
		b.WriteString("let helper = import \"./helper.ros\"\n\n## > f 1\n## = 1\nlet f x = " + f + "\nlet g x = x - 0\n")
		for i := range 300 {
			fmt.Fprintf(&b, "let test_g%d = Test.equal %d (g %d)\n", i, i, i)
		}
		for i := range 20 {
			fmt.Fprintf(&b, "let test_f%d = Test.equal %d (f %d)\nlet test_h%d = helper.h %d == %d\n", i, i, i, i, i, i)
		}
		return b.String()
	}
	write(t, dir, "helper.ros", "let h x = x\nlet test_h = h 100 == 100\n")
	for _, c := range []struct{ f, want string }{
		{"x + 0", "342 passed, "},
		{"x + 0", "342 passed (342 unchanged), "},
		{"x * 1", "342 passed (321 unchanged), "},
		{"x + 0 # a remark", "342 passed (342 unchanged), "},
		{"x + 1", "321 passed (321 unchanged), 21 failed, "},
		{"x + 1", "321 passed (321 unchanged), 21 failed, "},
	} {
		write(t, dir, "main.ros", program(c.f))
		out, errText, _ := command(t, dir, "test")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if !strings.HasPrefix(lines[len(lines)-1], c.want) {
			t.Errorf("f x = %s: got %q, want %q\n%s", c.f, lines[len(lines)-1], c.want, errText)
		}
	}
}

// TestTestClaims holds that a claim passes no test, but for who trusts it.
func TestTestClaims(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.ros", "let f n = if n == 0 then 0 else f (n - 1)\nlet test_a = f 100 == 0\n")
	out, errText, _ := command(t, dir, "compile", "a.ros")
	command(t, dir, "test", "a.ros")
	term := regexp.MustCompile(`test_a (\S+)`).FindStringSubmatch(out)
	if term == nil {
		t.Fatal(out, errText)
	}
	if _, errText, exit := command(t, dir, "export", term[1], "a.car"); exit != 0 {
		t.Fatal(errText)
	}
	command(t, dir, "--store", "other", "import", "a.car")
	out, errText, _ = command(t, dir, "--store", "other", "test", "--trust-results", "a.ros")
	if !strings.HasPrefix(out, "1 passed (1 unchanged), ") || !strings.Contains(errText, "claims by a.car") {
		t.Errorf("--trust-results: got %q and %q", out, errText)
	}
	if out, errText, _ = command(t, dir, "--store", "other", "test", "a.ros"); !strings.HasPrefix(out, "1 passed, ") || errText != "" {
		t.Errorf("got %q and %q, want the test to be run", out, errText)
	}
}

// A watching is a command that runs until it is interrupted.
type watching struct {
	t   *testing.T
	cmd *exec.Cmd

	mu       sync.Mutex
	out, err bytes.Buffer
}

type lockedBuffer struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func startWatching(t *testing.T, dir string, args ...string) *watching {
	t.Helper()
	b := &watching{t: t, cmd: exec.Command(rosser, args...)}
	b.cmd.Dir = dir
	b.cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "NO_COLOR=1")
	b.cmd.Stdout, b.cmd.Stderr = lockedBuffer{&b.mu, &b.out}, lockedBuffer{&b.mu, &b.err}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.cmd.Process.Kill() })
	return b
}

// wait waits until the command has written text, and forgets all it wrote.
func (b *watching) wait(text string) {
	b.t.Helper()
	for range 1200 {
		time.Sleep(50 * time.Millisecond)
		b.mu.Lock()
		all := b.out.String() + b.err.String()
		if strings.Contains(all, text) {
			b.out.Reset()
			b.err.Reset()
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
	}
	b.t.Fatalf("waited for %q, got\n%s\n%s", text, b.out.String(), b.err.String())
}

// interrupt ends the command as Ctrl-C does.
func (b *watching) interrupt() {
	b.t.Helper()
	b.cmd.Process.Signal(syscall.SIGINT)
	if err := b.cmd.Wait(); err != nil {
		b.t.Errorf("interrupted: %v\n%s", err, b.err.String())
	}
}

// TestWatchRun changes a program and what it reads, in the ways in which editors do.
func TestWatchRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "main.ros", "let lib = import \"./lib/double.ros\"\nlet d = import \"json:d.json\"\n\\rows -> [lib.double d.x, length rows]\n")
	write(t, dir, "lib/double.ros", "let double x = x * 2\n")
	write(t, dir, "d.json", `{"x": 4}`)
	write(t, dir, "rows.csv", "a\n1\n")
	b := startWatching(t, dir, "run", "--watch", "main.ros", "csv:rows.csv")
	b.wait("[8,1]")
	write(t, dir, "d.json", `{"x": 5}`) // written in place
	b.wait("[10,1]")
	write(t, dir, "lib/double.ros~", "let double x = x * 3\n") // another file in its place
	if err := os.Rename(filepath.Join(dir, "lib/double.ros~"), filepath.Join(dir, "lib/double.ros")); err != nil {
		t.Fatal(err)
	}
	b.wait("[15,1]")
	write(t, dir, "rows.csv", "a\n1\n2\n") // an argument
	b.wait("[15,2]")
	os.RemoveAll(filepath.Join(dir, "lib"))
	b.wait("no such file")
	write(t, dir, "lib/double.ros", "let double x = x + x\n") // its folder is another one
	b.wait("[10,2]")
	write(t, dir, "main.ros", "let loop n = loop (n + 1)\nloop 0\n")
	b.wait("── main.ros ──")
	time.Sleep(300 * time.Millisecond)
	write(t, dir, "main.ros", "1 +\n") // a run in progress is stopped, a mistake ends nothing
	b.wait("want an expression")
	write(t, dir, "main.ros", "1 // 0\n")
	b.wait("divide by zero")
	write(t, dir, "unrelated.ros", "1\n")
	write(t, dir, "main.ros", "[4, 2]\n")
	b.wait("[4,2]")
	b.interrupt()
	if out, errText, exit := command(t, dir, "run", "--watch", "-"); exit != 2 || out != "" {
		t.Errorf("run --watch -: got exit %d\n%s", exit, errText)
	}
}

// TestWatchTest adds and changes files of a folder whose tests are watched.
func TestWatchTest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.ros", "let test_a = 1 == 1\n")
	b := startWatching(t, dir, "test", "--watch")
	b.wait("1 passed, ")
	write(t, dir, "sub/b.ros", "let test_b = 1 == 2\n")
	b.wait("1 passed (1 unchanged), 1 failed, ")
	write(t, dir, "sub/b.ros", "let test_b = 2 == 2\n")
	b.wait("2 passed (1 unchanged), ")
	os.Remove(filepath.Join(dir, "a.ros"))
	b.wait("1 passed (1 unchanged), ")

	// Many rounds need no more memory than a few.
	pid := b.cmd.Process.Pid
	var early int
	for i := range 40 {
		write(t, dir, "sub/b.ros", fmt.Sprintf("let test_b = sum (range 1 1000) + %d > 1\n", i))
		b.wait("1 passed, ")
		if i == 10 {
			early = resident(t, pid)
		}
	}
	if late := resident(t, pid); runtime.GOOS == "linux" && late > early*3/2+16<<10 {
		t.Errorf("got %d KiB after 40 rounds, %d after 10", late, early)
	}
	b.interrupt()
}

// resident is the memory of a process in KiB.
func resident(t testing.TB, pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmRSS:\s+([0-9]+) kB`).FindSubmatch(data)
	if m == nil {
		t.Fatalf("no VmRSS in %s", data)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// TestNew makes a project and does with it what its README says.
func TestNew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, errText, exit := command(t, dir, "new", "stars-2")
	if exit != 0 || !strings.Contains(out, "rosser run main.ros") {
		t.Fatalf("new: got exit %d and %q\n%s", exit, out, errText)
	}
	project := filepath.Join(dir, "stars-2")
	readme, err := os.ReadFile(filepath.Join(project, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^    rosser (.*)$`).FindAllStringSubmatch(string(readme), -1)
	if len(commands) < 5 {
		t.Fatalf("got %d commands in\n%s", len(commands), readme)
	}
	for _, c := range commands {
		if strings.Contains(c[1], "--watch") {
			continue
		}
		out, errText, exit := command(t, project, strings.Fields(c[1])...)
		if exit != 0 || out == "" {
			t.Errorf("rosser %s: got exit %d and %q\n%s", c[1], exit, out, errText)
		}
	}
	if out, _, _ := command(t, project, "run", "main.ros"); !strings.HasPrefix(out, `[["Rigel",`) {
		t.Errorf("run main.ros: got %q", out)
	}
	if out, _, _ := command(t, project, "test"); !regexp.MustCompile(`^[0-9]+ passed \([0-9]+ unchanged\), `).MatchString(out) {
		t.Errorf("test: got %q", out)
	}
	if help, _, _ := command(t, project, "--help"); strings.Contains(help, "\n  fmt ") {
		if out, errText, exit := command(t, project, "fmt", "--check", "main.ros"); exit != 0 {
			t.Errorf("fmt --check: got exit %d\n%s%s", exit, out, errText)
		}
	}
	for _, path := range []string{".gitignore", "stars.csv"} {
		if _, err := os.Stat(filepath.Join(project, path)); err != nil {
			t.Error(err)
		}
	}
	main, _ := os.ReadFile(filepath.Join(project, "main.ros"))
	if text := string(readme) + string(main); strings.Contains(text, "NAME") || strings.Count(text, "stars-2") < 2 {
		t.Errorf("the name is not filled in:\n%s", text)
	}

	write(t, dir, "file", "")
	for _, name := range []string{"stars-2", "file", "", ".", "..", "a/b", "-x", ".x", "x y", "ü", strings.Repeat("x", 65)} {
		if out, errText, exit := command(t, dir, "new", "--", name); exit != 2 || out != "" || errText == "" {
			t.Errorf("new %q: got exit %d and %q\n%s", name, exit, out, errText)
		}
	}
	if again, _ := os.ReadFile(filepath.Join(project, "main.ros")); string(again) != string(main) {
		t.Error("new has overwritten a file")
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, arg := range []string{"version", "--version"} {
		out, errText, exit := command(t, dir, arg)
		want := `^rosser \S+\nevaluator [0-9]+\ngo[0-9.]+\n` + runtime.GOOS + "/" + runtime.GOARCH + `\n$`
		if exit != 0 || errText != "" || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: got exit %d and %q\n%s", arg, exit, out, errText)
		}
	}
}

// TestCompletions has each shell that is here complete lines with its script.
func TestCompletions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"main.ros", "a b.ros", "x.car", "y.txt", "sub/z.ros"} {
		write(t, dir, name, "")
	}
	bin, err := filepath.Abs(rosser)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bin, filepath.Join(dir, "bin", "rosser")); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, shell string, args ...string) string {
		t.Helper()
		path, err := exec.LookPath(shell)
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed", shell)
			}
			t.Skipf("NOT TESTED: completions for %s: it is not installed", shell)
		}
		cmd := exec.Command(path, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "TERM=dumb", "LC_ALL=C.UTF-8")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil || errs.Len() > 0 {
			t.Errorf("%s: %v\n%s", shell, err, errs.String())
		}
		return string(out)
	}
	t.Run("bash", func(t *testing.T) {
		script := `source <(rosser completions bash)
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rosser; printf '%s =>' "$*"; printf ' %s;' "${COMPREPLY[@]}"; echo; }
`
		var want strings.Builder
		for _, c := range [][2]string{
			{"rosser tr", "trace; trust;"},
			{"rosser trust ''", "add; quorum; rm; ls;"},
			{"rosser trust add --v", "--voter; --version;"},
			{"rosser run m", "main.ros;"},
			{"rosser run --li", "--link;"},
			{"rosser run --link ''", "auto; all; none;"},
			{"rosser run --link = a", "auto; all;"},
			{"rosser run --link = auto ma", "main.ros;"},
			{"rosser run main.ros csv : y", "y.txt;"},
			{"rosser test main.ros a", "a b.ros;"},
			{"rosser import x", "x.car;"},
			{"rosser export bafy x", "x.car;"},
			{"rosser publish main.ros --car x", "x.car;"},
			{"rosser --store s", "sub;"},
			{"rosser --store sub ev", "eval;"},
			{"rosser completions ''", "bash; zsh; fish;"},
			{"rosser eval ''", ";"},
			{"rosser nothing ''", ";"},
		} {
			script += "try " + c[0] + "\n"
			fmt.Fprintf(&want, "%s => %s\n", strings.ReplaceAll(c[0], "''", ""), c[1])
		}
		if got := run(t, "bash", "--norc", "-c", script); got != want.String() {
			t.Errorf("got\n%s\nwant\n%s", got, want.String())
		}
	})
	t.Run("zsh", func(t *testing.T) {
		// A terminal of its own, in which a key completes what was typed and prints it.
		script := `zmodload zsh/zpty
zpty z "zsh -f -i"
zpty -w z "PS1='REA''DY>'; source <(rosser completions zsh) 2>/dev/null; autoload -U compinit; compinit -u -D; source <(rosser completions zsh); probe() { zle complete-word; print -r -- \"<\$BUFFER>\"; BUFFER= }; zle -N probe; bindkey '^T' probe"
zpty -r -m z out '*READY>*'
for line in "$@"; do
	zpty -w -n z "$line"$'\x14'
	zpty -r -m z out '*<*>*'
	print -r -- "${${out##*<}%>*}"
done
zpty -d z
`
		lines := []string{"rosser tra", "rosser trust q", "rosser run ma", "rosser run --li", "rosser completions f", "rosser run --link au", "rosser --store sub ev", "rosser run main.ros y", "rosser test mai", "rosser export bafy x"}
		want := "rosser trace \nrosser trust quorum \nrosser run main.ros \nrosser run --link=\nrosser completions fish \nrosser run --link auto \nrosser --store sub eval \nrosser run main.ros y.txt \nrosser test main.ros \nrosser export bafy x.car \n"
		if got := run(t, "zsh", append([]string{"-f", "-c", script, "zsh"}, lines...)...); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("fish", func(t *testing.T) {
		for line, want := range map[string]string{
			"rosser tra": "trace\t", "rosser trust q": "quorum\t", "rosser run m": "main.ros", "rosser run --link n": "none\t", "rosser completions b": "bash",
			"rosser run --stat": "--stats\t", "rosser --store sub ev": "eval\t", "rosser import x": "x.car",
		} {
			got := run(t, "fish", "--no-config", "-c", "rosser completions fish | source; complete -C '"+line+"'")
			if !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
				t.Errorf("%s: got %q, want %q", line, got, want)
			}
		}
	})
}
