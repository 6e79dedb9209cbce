// This file tests the command line: its help, what cannot be had, and how a run is stopped.

package tests

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, _, exit := command(t, dir, "--help")
	names := regexp.MustCompile(`(?m)^  ([a-z]+) `).FindAllStringSubmatch(out, -1)
	if exit != 0 || len(names) < 10 {
		t.Fatalf("--help: got exit %d and %d commands\n%s", exit, len(names), out)
	}
	for _, m := range names {
		out, _, exit := command(t, dir, m[1], "--help")
		if exit != 0 || !regexp.MustCompile("Example:\n\n    rosser "+m[1]+"[ \n]").MatchString(out) {
			t.Errorf("%s --help: got exit %d and no example in\n%.300s", m[1], exit, out)
		}
	}
}

// TestMissing asks for what no store has.
func TestMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const unknown = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
	const hint = "hint: with kubo: ipfs dag export " + unknown + " > x.car, then rosser import x.car"
	for _, args := range []string{
		"result " + unknown, "trace " + unknown, "get " + unknown, "get " + unknown + "/a/b", "show " + unknown, "export " + unknown + " out.car",
		"eval @" + unknown, "eval @" + unknown + ".a", "eval 1+@" + unknown, "eval try(@" + unknown + "+1)",
	} {
		out, errText, exit := command(t, dir, strings.Fields(args)...)
		if exit != 3 || out != "" || !strings.Contains(errText, unknown) {
			t.Errorf("%s: got exit %d and %q, want exit 3 naming the CID\n%.500s", args, exit, out, errText)
		}
		if strings.HasPrefix(args, "result") || strings.HasPrefix(args, "trace") {
			continue
		}
		if first, _, _ := strings.Cut(errText, "\n"); strings.Count(first, unknown) != 1 || !strings.Contains(errText, hint) {
			t.Errorf("%s: want the CID once, and %q\n%.500s", args, hint, errText)
		}
	}
	const root = "bafybeiaysi4s6lnjev27ln5icwm6tueaw2vdykrtjkwiphwekaywqhcjze"
	write(t, dir, "rosser.lock", "geo "+root+"\n")
	write(t, dir, "uses.ros", "let g = import \"geo\"\ng.double 21\n")
	if _, errText, exit := command(t, dir, "run", "uses.ros"); exit != 3 || !strings.Contains(errText, "a library also by rosser pull "+root+" --peer ADDRESS") {
		t.Errorf("a locked library: got exit %d, want 3 and how it is pulled\n%.500s", exit, errText)
	}
	// A program whose only mistake is that a library is not there is not wrong.
	library := "let m = import @" + unknown + "\n"
	write(t, dir, "lib.ros", library)
	for src, want := range map[string]int{library + "m.x": 3, "let l = import \"./lib.ros\"\n1": 3, library + "m.x + nothing": 2, "let x = 1 +\n" + library: 2} {
		write(t, dir, "main.ros", src)
		_, errText, exit := command(t, dir, "run", "main.ros")
		if exit != want || strings.Count(errText, "block not found: "+unknown) != 1 || strings.Count(errText, hint) != 1 {
			t.Errorf("%q: got exit %d, want %d\n%.800s", src, exit, want, errText)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out.car")); err == nil {
		t.Error("an export that failed left a file")
	}
	// An expression that nobody has reduced has no result, and asking for one reduces nothing.
	for range 2 {
		if out, errText, exit := command(t, dir, "result", "1 + 1"); exit != 3 || out != "" || !strings.Contains(errText, "; evaluate it first\n") {
			t.Errorf("result: got exit %d and %q\n%s", exit, out, errText)
		}
	}
	for _, args := range []string{"get x", "result (", "show 1", "export x y", "import gone.car", "nonsense", "eval", "eval --link some 1"} {
		if out, errText, exit := command(t, dir, strings.Fields(args)...); exit != 2 || out != "" || errText == "" {
			t.Errorf("%s: got exit %d and %q, want exit 2\n%.500s", args, exit, out, errText)
		}
	}
}

// TestShowLibrary shows a published library and what is in it, and imports what is no library.
func TestShowLibrary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "quad.ros", "## `quad x` is four times x. It is quick.\nlet quad x = 4 * x\n\nlet ten = quad 2 + 2\n")
	root, errText, exit := command(t, dir, "publish", "quad.ros")
	if root = strings.TrimSpace(root); exit != 0 {
		t.Fatal(errText)
	}
	cids, _, _ := command(t, dir, "compile", "quad.ros")
	names := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(\S+) (\S+)$`).FindAllStringSubmatch(cids, -1) {
		names[m[1]] = m[2]
	}
	const source = "## `quad x` is four times x. It is quick.\nlet quad x = 4 * x\n"
	want := "A library of 2 names\n  quad x  is four times x.\n  ten     \n\nlet mine = import @" + root + " uses them, as in mine.quad; rosser doc CID tells more.\n"
	for path, want := range map[string]string{
		root: want, "@" + root: want, "/ipfs/" + root + "/": want, root + "/names/quad": source, names["quad"]: source, root + "/about/quad/params": "[\"x\"]\n",
		root + "/names": `{"quad":{"/":"` + names["quad"] + `"},"ten":{"/":"` + names["ten"] + "\"}}\n",
	} {
		if got, errText, exit := command(t, dir, "show", path); got != want || exit != 0 {
			t.Errorf("show %s: got exit %d and\n%s%s\nwant\n%s", path, exit, got, errText, want)
		}
	}
	if _, errText, exit := command(t, dir, "show", root+"/names/quat"); exit != 3 || !strings.Contains(errText, "no such path") {
		t.Errorf("got exit %d\n%s", exit, errText)
	}
	if _, errText, exit := command(t, dir, "show", "quad"); exit != 2 || !strings.Contains(errText, `got "quad", want a CID (a session shows names: rosser repl, then :show quad)`) {
		t.Errorf("got exit %d\n%s", exit, errText)
	}
	data, errText, exit := command(t, dir, "eval", "--stats", "quad 2\nlet quad x = 4 * x")
	result := regexp.MustCompile(`result +(\S+)`).FindStringSubmatch(errText)
	if exit != 0 || result == nil {
		t.Fatal(data, errText)
	}
	for c, what := range map[string]string{names["quad"]: "a function", names["ten"]: "an expression", result[1]: "data"} {
		_, errText, exit := command(t, dir, "eval", "let q = import @"+c+"\nq.x")
		if exit != 2 || !strings.Contains(errText, "this is "+what+", not a library: let q = @"+c+"\n") {
			t.Errorf("import of %s: got exit %d\n%s", what, exit, errText)
		}
	}
}

// TestUsage holds that a wrong command line is answered with how the command is used.
func TestUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"run": "rosser run <file> [<args> ...]", "eval --link some 1": "rosser eval <expr>", "show": "rosser show <cid[/path]>"} {
		out, errText, exit := command(t, t.TempDir(), strings.Fields(args)...)
		if exit != 2 || out != "" || !strings.HasPrefix(errText, "rosser: ") || !strings.Contains(errText, "\nUsage: "+want) {
			t.Errorf("%s: got exit %d and %q\n%s", args, exit, out, errText)
		}
	}
}

// TestInterrupt stops runs in the middle: with exit code 4, and with nothing recorded of what was not finished.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"let loop n = loop (n + 1)\nloop 0",
		"let f n = 1 + f (n + 1)\nf 0",
		"range 1 100000000 |> map (\\x -> x + 1) |> sum",
		"let f seed = if seed > 1000 then 0 else f (seed + length (sort (map (\\x -> x * seed % 300007) (range 1 300000))) // 300000)\nf 1",
		"let f n = if n < 0 then n else f (pow 7 1000000 % 10)\nf 1",
	} {
		for _, link := range []string{"all", "none"} {
			dir := t.TempDir()
			write(t, dir, "long.ros", src)
			cmd := exec.Command(rosser, "run", "--link", link, filepath.Join(dir, "long.ros"))
			cmd.Env = append(os.Environ(), "ROSSER_STORE="+filepath.Join(dir, "store"))
			var out, errText bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errText
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(700 * time.Millisecond)
			cmd.Process.Signal(syscall.SIGINT)
			start := time.Now()
			cmd.Wait()
			took := time.Since(start)
			if exit := cmd.ProcessState.ExitCode(); exit != 4 || took > 10*time.Second || out.Len() > 0 || !strings.Contains(errText.String(), "interrupt") {
				t.Errorf("--link %s %q: got exit %d after %v\n%.500s", link, src, exit, took, errText.String())
			}
			if _, errText, exit := command(t, dir, "result", src); exit != 3 {
				t.Errorf("result of %q: got exit %d\n%.500s", src, exit, errText)
			}
		}
	}
}

// TestTrace holds what a trace says that an answer rests on.
func TestTrace(t *testing.T) {
	const fib = "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\nfib 4\n"
	const tree = `fib 4 = 3, 9 steps
├ fib 3 = 2, 5 steps
│ ├ fib 2 = 1, 3 steps
│ │ ├ fib 1 = 1, 1 step
│ │ └ fib 0 = 0, 1 step
│ └ fib 1 = 1, 1 step *
└ fib 2 = 1, 3 steps *
* drawn above
`
	dir := t.TempDir()
	write(t, dir, "fib.ros", fib)
	if _, errText, exit := command(t, dir, "run", "--link", "all", "fib.ros"); exit != 0 {
		t.Fatal(errText)
	}
	if out, errText, _ := command(t, dir, "trace", "--depth", "9", fib); out != tree {
		t.Errorf("got\n%s%s\nwant\n%s", out, errText, tree)
	}

	// What a loop looks at again at each turn is noted once.
	const loop = "let a = sum (range 1 9)\nlet b = sum (range 1 7)\nlet go i x = if i == 0 then x else go (i - 1) (x + a - b)\ngo 100000 0\n"
	write(t, dir, "loop.ros", loop)
	if _, errText, exit := command(t, dir, "run", "loop.ros"); exit != 0 {
		t.Fatal(errText)
	}
	out, errText, _ := command(t, dir, "trace", "--depth", "1", "--json", loop)
	var root struct{ Uses []any }
	if err := json.Unmarshal([]byte(out), &root); err != nil || len(root.Uses) == 0 || len(root.Uses) > 4 {
		t.Errorf("got %d uses in %.200s %s, want those of a, b and the ranges", len(root.Uses), out, errText)
	}
}

// TestCompilingIsBounded holds that the limits count for source too.
func TestCompilingIsBounded(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "long.ros", "["+strings.Repeat("1,", 4<<20)+"1]")
	for flag, value := range map[string]string{"--memory": "48M", "--deadline": "50ms"} {
		_, errText, exit := command(t, dir, "run", flag, value, "long.ros")
		if exit != 4 || !strings.Contains(errText, "while compiling long.ros") {
			t.Errorf("%s %s: got exit %d and %.300q, want 4 while compiling", flag, value, exit, errText)
		}
	}
}

// TestAnswerOfCID: who asks for @CID asks for the answer of the expression with that CID, if that is no function.
func TestAnswerOfCID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "lib.ros", "let answer = sum (map (\\x -> x * x) (range 1 100))\n\nlet twice x = x * 2\n")
	compiled, _, _ := command(t, dir, "compile", "lib.ros")
	lines := strings.Fields(compiled)
	if len(lines) != 4 {
		t.Fatalf("got %q, want two names and their CIDs", compiled)
	}
	answer, twice := lines[1], lines[3]
	out, errText, exit := command(t, dir, "eval", "--stats", "@"+answer)
	if exit != 0 || out != "338350\n" || !strings.Contains(errText, "expression "+answer+"\n") {
		t.Errorf("got exit %d and %q\n%s", exit, out, errText)
	}
	if out, errText, _ := command(t, dir, "result", answer); out != "338350\n" {
		t.Errorf("its result: got %q\n%s", out, errText)
	}
	if out, _, _ := command(t, dir, "eval", "@"+twice); out != `{"/":"`+twice+"\"}\n" {
		t.Errorf("a function: got %q", out)
	}
}
