// This file runs programs that allocate for ever. Each must end at the memory limit, soon and near it, with a message that says
// so and what to do, nothing recorded; and a session must go on after it.

package tests

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// memory is the limit that they run with, in MiB. A process takes some 40 MiB more, and garbage comes on top.
const memory, mostMemory = 64, 2*64 + 80

// hungry are programs: definitions, and an expression in the last line.
var hungry = []struct{ name, src string }{
	{"an endless list", "let f n = [n, ...f (n + 1)]\nf 0"},
	{"a list built by a loop", "let f xs n = f (xs ++ [range n (n + 100)]) (n + 1)\nf [] 0"},
	{"a list built from its head", "let f xs n = f [range n (n + 100), ...xs] (n + 1)\nf [] 0"},
	{"lists in lists", "let f xs = f [xs, [1, 2, 3]]\nf []"},
	{"a factorial", "let factorial n = if n < 2 then 1 else n * factorial (n - 1)\nfactorial 1000000000"},
	{"a text that doubles", "let f t = f (t ++ t)\nf \"ab\""},
	{"a text that grows", "let f t piece = f \"\\(t), \\(piece)\" piece\nf \"\" (Text.repeat 500000 \"ab\")"},
	{"bytes that double", "let f b = f (b ++ b)\nf (Bytes.fromText \"ab\")"},
	{"a map that grows", "let f m n = f (Map.insert (show n) (range n (n + 100)) m) (n + 1)\nf {} 0"},
	{"a record in a record", "let f r = f {...r, inner: r, list: [r, 1]}\nf {}"},
	{"recursion", "let f n = 1 + f (n + 1)\nf 0"},
	{"mutual recursion", "let f n = 1 + g n and g n = f (n + 1) + 2\nf 0"},
	{"recursion in a callback", "let f n = fold (\\a x -> a + f (n + x)) 0 [1, 2]\nf 0"},
	{"recursion under try", "let f n = match try (f (n + 1)) { | Ok x -> x + 1 | Err _ -> 0 }\nf 0"},
	{"captures", "let f g n = f (\\x -> g x + n) (n + 1)\nf id 0"},
	{"a stream that is held", "let from n = {head: n, tail: lazy (from (n + 1))}\nlet last s n = if n == 0 then s.head else last s.tail (n - 1)\nlet both s = last s 1000000000 + s.head\nboth (from 0)"},
	{"a stream that a name holds", "let from n = {head: n, tail: lazy (from (n + 1))}\nlet s = from 0\nlet last s n = if n == 0 then s.head else last s.tail (n - 1)\nlast s 1000000000 + s.head"},
	{"a range", "range 1 1000000000000 |> length"},
	{"a range in a pipeline", "range 1 30000000 |> map (\\x -> [x, x]) |> filter (\\p -> p.0 > 2) |> length"},
	{"a repeated element", "repeat 1000000000000 0 |> length"},
	{"a repeated text", "Text.repeat 1000000000000 \"ab\" |> Text.length"},
	{"an unfolded list", "List.unfold (\\n -> Some [range n (n + 100), n + 1]) 0"},
	{"matches in a text", "Text.repeat 10000000 \"ab\" |> Regex.findAll \"a\" |> length"},
	{"the parts of a text", "Text.repeat 10000000 \"a,\" |> Text.split \",\" |> length"},
	{"replacements in a text", "Text.repeat 1000000 \"ab\" |> Regex.replaceWith \"a\" (\\m -> Text.repeat 1000 m.text) |> Text.length"},
	{"JSON of what is shared", "let f n x = if n == 0 then x else f (n - 1) [x, x]\nJson.show (f 40 1) |> Text.length"},
	{"a text of what is shared", "let f n x = if n == 0 then x else f (n - 1) {a: x, b: [x, \"x\"]}\nText.length \"\\(f 40 1)\""},
}

// hungryRun runs the command under the limit, and says how much memory it took at most, in MiB; 0 if that is not known.
func hungryRun(t *testing.T, dir, stdin string, args ...string) (stdout, stderr string, exit, most int) {
	t.Helper()
	if rosser == "" {
		t.Fatal("rosser did not build")
	}
	cmd := exec.Command(rosser, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "NO_COLOR=1")
	var out, errs strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, peak := make(chan struct{}), make(chan int)
	go func() { // the usage that a process leaves behind counts its parent's memory as well
		most := 0
		for {
			select {
			case <-ended:
				peak <- most
				return
			case <-time.After(10 * time.Millisecond):
				most = max(most, peakMemory(cmd.Process.Pid))
			}
		}
	}()
	cmd.Wait()
	close(ended)
	most = <-peak
	for _, crash := range []string{"goroutine ", "fatal error", "BUG"} {
		if strings.Contains(errs.String(), crash) {
			t.Fatalf("crashed:\n%.3000s", errs.String())
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode(), most
}

// peakMemory is the most that a process has had resident so far, in MiB; 0 if that is not known.
func peakMemory(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib := 0
	fmt.Sscan(rest, &kib)
	return kib >> 10
}

func TestMemoryLimit(t *testing.T) {
	for _, c := range hungry {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "hungry.ros", c.src+"\n")
			check := func(out, errText string, exit, most int, want string) {
				t.Helper()
				if exit != 4 || out != want || !strings.Contains(errText, "memory limit reached") || !strings.Contains(errText, "hint: the limit is 64M; --memory SIZE sets another") {
					t.Errorf("got exit %d, %.100q and %.500q; want exit 4, %q, and the memory limit with a hint", exit, out, errText, want)
				}
				if most > mostMemory {
					t.Errorf("it took %d MiB, want at most %d with --memory %dM", most, mostMemory, memory)
				}
			}
			out, errText, exit, most := hungryRun(t, dir, "", "run", "--memory", "64M", "hungry.ros")
			check(out, errText, exit, most, "")
			t.Logf("%d MiB, %.60q", most, errText)
			if out, errText, exit := command(t, dir, "result", c.src); exit != 3 || out != "" {
				t.Errorf("result: got exit %d and %.100q, want that none is recorded: %.300s", exit, out, errText)
			}
			// The session has the store of the run, and goes on from what was reached, if that was kept.
			const more = "let double x = 2 * x\nlength (map double (range 1 300000)) // 10000 + 12" // it needs some memory, too
			out, errText, exit, most = hungryRun(t, dir, c.src+"\n"+more+"\n", "repl", "--memory", "64M")
			check(out, errText, exit, most, "42\n")
			if out, errText, exit := command(t, dir, "result", more); exit != 0 || out != "42\n" {
				t.Errorf("result of what came after it: got exit %d and %.100q: %.300s", exit, out, errText)
			}
		})
	}
}

// TestTooLargeToPrint: a value may be small in memory, its parts being shared, and huge when it is written.
func TestTooLargeToPrint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const src = "let f n x = if n == 0 then x else f (n - 1) [x, x]\nf 40 1"
	write(t, dir, "shared.ros", src+"\n")
	out, errText, exit, most := hungryRun(t, dir, "", "run", "--memory", "64M", "--stats", "shared.ros")
	if exit != 4 || out != "" || !strings.Contains(errText, "memory limit reached while printing the value\n") || strings.Contains(errText, "resume") || most > mostMemory {
		t.Errorf("got exit %d, %d MiB, %.100q and %.500q", exit, most, out, errText)
	}
	if stats(errText)["result"] == "" {
		t.Errorf("got no result in %q", errText)
	}
	zeros := strings.Repeat("/0", 40)
	if out, errText, exit := command(t, dir, "get", stats(errText)["result"]+"/value"+zeros); exit != 0 || out != "1\n" {
		t.Errorf("get: got exit %d and %.100q: %.300s", exit, out, errText)
	}
	if out, errText, exit, _ := hungryRun(t, dir, src+"\n"+strings.Replace(src, "40", "2", 1)+"\n", "repl", "--memory", "64M"); exit != 4 || out != "[[1,1],[1,1]]\n" {
		t.Errorf("session: got exit %d and %.100q: %.300s", exit, out, errText)
	}
}

// TestStreams: a program that goes down a stream keeps what is left of it, not what it has passed.
func TestStreams(t *testing.T) {
	const stream = "let from n = [n, lazy (from (n + 1))]\nlet mapped f [h, t] = [f h, lazy (mapped f t)]\n" +
		"let go i total [h, t] = if i == 600000 then total else go (i + 1) (total + h) t\n"
	for name, main := range map[string]string{
		"at once":          "go 0 0 (mapped (\\n -> n % 7) (from 1))",
		"by name":          "let squares = mapped (\\n -> n % 7) (from 1)\ngo 0 0 squares",
		"handed on":        "let run n s = go n 0 s\nrun 0 (mapped (\\n -> n % 7) (from 1))",
		"through branches": "let run n s = if n > 5 then 0 else match [n] { | [] -> 0 | [m] -> go m 0 s }\nrun 0 (mapped (\\n -> n % 7) (from 1))",
	} {
		for _, link := range []string{"none", "auto"} {
			t.Run(name+", "+link, func(t *testing.T) {
				dir := t.TempDir()
				write(t, dir, "main.ros", stream+main)
				out, errs, exit, _ := hungryRun(t, dir, "", "run", "--link", link, "--memory", "80M", "main.ros")
				if exit != 0 || strings.TrimSpace(out) != "1799997" {
					t.Errorf("got exit %d, %s%s", exit, out, errs)
				}
			})
		}
	}
}

// TestMemoryAtStart: a process that does next to nothing takes little memory, each time.
func TestMemoryAtStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	dir := t.TempDir()
	for range 25 {
		cmd := exec.Command(rosser, "repl", "--link", "none")
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
		io.WriteString(in, "1\n2\n") // an entry ends where the next one begins
		if _, err := io.ReadFull(out, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		n := resident(t, cmd.Process.Pid)
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if n > 256<<10 {
			t.Fatalf("got %d KiB", n)
		}
	}
}

// TestStart: what a command that evaluates one expression does about its heap comes before the packages are initialised that make most of it, and until it
// evaluates nothing is collected but what that takes. Other commands are as they were.
func TestStart(t *testing.T) {
	t.Setenv("GODEBUG", "inittrace=1,gctrace=1")
	_, stderr, _ := command(t, t.TempDir(), "eval", "1")
	start, assets := strings.Index(stderr, "rosser/start @"), strings.Index(stderr, "boxo/gateway/assets @")
	if start < 0 || assets < start {
		t.Errorf("got at %d of the initialisations, and the gateway's at %d\n%s", start, assets, stderr)
	}
	if n := strings.Count(stderr, "\ngc "); n > 1 {
		t.Errorf("got %d collections, want the one that is asked for\n%s", n, stderr)
	}
	if _, stderr, _ = command(t, t.TempDir(), "fmt", "--help"); strings.Contains(stderr, "(forced)") {
		t.Errorf("another command: got\n%s", stderr)
	}
}
