// This file tests what a stop and an error report say: the steps to the last one, and the calls that led there.

package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFuelIsExact: a run takes no step more than it has fuel, stops at the same expression each time, and goes on to the same answer;
// the steps of the parts add up to those of the whole.
func TestFuelIsExact(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"none", "auto", "all"} {
		dir := t.TempDir()
		write(t, dir, "sum.ros", "let go i s = if i == 0 then s else go (i - 1) (s + i)\n\ngo 4999 0\n") // 5,000 steps
		run := func(store string, exit int, args ...string) (stdout, stderr string) {
			t.Helper()
			stdout, stderr, got := command(t, dir, append([]string{"--store", filepath.Join(dir, store)}, args...)...)
			if got != exit {
				t.Fatalf("%v: got exit %d, want %d: %.500s", args, got, exit, stderr)
			}
			return stdout, stderr
		}
		for _, fuel := range []string{"1", "2", "1000", "4096", "4097", "4999"} {
			_, first := run("a"+fuel, 4, "run", "--link", mode, "--fuel", fuel, "sum.ros")
			_, again := run("b"+fuel, 4, "run", "--link", mode, "--fuel", fuel, "sum.ros")
			if want := "rosser: out of fuel after " + fuel + " steps\n"; !strings.HasPrefix(first, want) || first != again {
				t.Errorf("--link %s --fuel %s: got %q, then %q, want %q", mode, fuel, first, again, want)
			}
		}
		if stdout, stderr := run("c", 0, "run", "--link", mode, "--stats", "--fuel", "5000", "sum.ros"); stdout != "12497500\n" || executed(t, stderr) != 5000 {
			t.Errorf("--link %s --fuel 5000: got %q, %q", mode, stdout, stderr)
		}
		total, legs := 0.0, 0
		args := []string{"run", "--link", mode, "--stats", "--fuel", "1200", "sum.ros"}
		for {
			legs++
			stdout, stderr, exit := command(t, dir, args...)
			total += executed(t, stderr)
			if exit == 0 {
				if stdout != "12497500\n" || legs != 5 || total != 5000 {
					t.Errorf("--link %s: got %q after %d runs of %.0f steps in all, want 5 of 5,000", mode, stdout, legs, total)
				}
				break
			}
			m := resumeLine.FindStringSubmatch(stderr)
			if m == nil || legs > 5 {
				t.Fatalf("--link %s: got exit %d after %d runs and %.0f steps: %.500s", mode, exit, legs, total, stderr)
			}
			args = []string{"resume", "--link", mode, "--stats", "--fuel", "1200", m[1]}
		}
	}
}

// TestCallChains: what led to an error is said shortly, and the same whether calls were tail calls, remembered, or found in the store.
func TestCallChains(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, src, want string }{
		{"deep recursion", "let f n = if n == 0 then 1 // n else 1 + f (n - 1)\n\nf 20000\n",
			"in f, called at x.ros:3:1, 20001 times in a row\n"},
		{"recursion of two", "let f n = if n == 0 then 1 // n else 1 + g (n - 1) and g n = 2 * f n\n\nf 9000\n", ""},
		{"a tail call", "let down n = if n == 0 then 1 // n else down (n - 1)\nlet outer n = 1 + down n\n\nouter 5000\n",
			"in down, called at x.ros:2:19\n  in outer, called at x.ros:4:1\n"},
		{"a tail call of another", "let fail n = 1 // n\nlet through n = fail n\nlet outer n = 1 + through n\n\nouter 0\n", "in outer, called at x.ros:5:1\n"},
		{"tail calls of two", "let f n = if n == 0 then 1 // n else g (n - 1) and g n = f n\nlet outer n = 1 + g n\n\nouter 5000\n",
			"in f, called at x.ros:2:19\n  in outer, called at x.ros:4:1\n"},
		{"a call that failed before", "let h n = if n == 0 then 1 // n else h (n - 1) + 1\nlet both n = [try (h n), h n]\n\nboth 3\n",
			"in h, called at x.ros:2:26, 4 times in a row\n  in both, called at x.ros:4:1\n"},
	} {
		dir, first := t.TempDir(), ""
		write(t, dir, "x.ros", c.src)
		for _, link := range []string{"none", "auto", "auto", "all"} {
			_, errText, exit := command(t, dir, "run", "--link", link, "x.ros")
			if exit != 1 || !strings.Contains(errText, "divide by zero") || !strings.HasSuffix(errText, c.want) || strings.Count(errText, "\n") > 30 {
				t.Errorf("%s, --link %s: got exit %d and\n%.2000s\nwant the end\n%s", c.name, link, exit, errText, c.want)
			}
			if first == "" {
				first = errText
			}
			if errText != first {
				t.Errorf("%s, --link %s: got\n%s\nwant\n%s", c.name, link, errText, first)
			}
		}
	}
}

// TestPlaceUnknown: an error that was recorded and takes long to happen again says that its place is not shown.
func TestPlaceUnknown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.ros", "let down n = if n == 0 then 1 // n else down (n - 1)\n\n1 + down 70000000\n")
	const note = "it is recorded; where it happened would take long to find out: rosser run or eval with --link none shows it"
	for i, want := range []string{"x.ros:1:29: divide by zero", note} {
		if _, errText, exit := command(t, dir, "run", "x.ros"); exit != 1 || !strings.Contains(errText, want) || i == 0 && strings.Contains(errText, note) {
			t.Errorf("run %d: got exit %d and\n%.2000s\nwant %s", i, exit, errText, want)
		}
	}
}

// TestFuelForOnePrimitive: one that takes more than it may overdraw would begin again for ever, so it is named, with the fuel that helps.
func TestFuelForOnePrimitive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.ros", "let xs = range 1 3000000 |> reverse\n\n(sort xs).0\n")
	hint := regexp.MustCompile(`of which list\.sort took \d+ and has not ended: it will begin again\n.*rosser resume .*\n  hint: with the same --fuel it comes no further; --fuel (\d+) takes it twice as far\n`)
	for fuel, named, leg := "1000", 0, 0; ; leg++ {
		out, errText, exit := command(t, dir, "run", "--fuel", fuel, "x.ros")
		if exit == 0 && out == "1\n" && named > 0 {
			return
		}
		if m := hint.FindStringSubmatch(errText); m != nil {
			named, fuel = named+1, m[1]
		}
		if exit != 4 || leg == 8 {
			t.Fatalf("leg %d, --fuel %s: got exit %d, %.100q and %.1000q", leg, fuel, exit, out, errText)
		}
	}
}

// TestChainsAfterStops: an error in what is left of a stopped program is shown where it happened, with all calls that led there.
func TestChainsAfterStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, src string }{
		{"deep", "let f n = if n == 0 then error \"boom\" else n + f (n - 1)\n\nf 4000\n"},
		{"the rest of a frame", "let down n = if n == 0 then 0 else down (n - 1)\nlet f n = down 5000 + [n].x\nlet g n = 1 + f n\n\ng 3\n"},
		{"a callback", "let down n = if n == 0 then 0 else down (n - 1)\nlet g xs = fold (\\a x -> if x == 900 then a.y else a + down (x % 5)) 0 xs\n\n1 + g (range 1 1000)\n"},
	} {
		dir := t.TempDir()
		write(t, dir, "x.ros", c.src)
		_, want, exit := command(t, dir, "--store", "whole", "run", "x.ros")
		if exit != 1 || !strings.Contains(want, "called at x.ros:") {
			t.Fatalf("%s: got exit %d and %s", c.name, exit, want)
		}
		for _, link := range []string{"none", "auto"} {
			if _, errText, exit := command(t, dir, "--store", link, "run", "--link", link, "--fuel", "500", "x.ros"); exit != 4 {
				t.Fatalf("%s, --link %s: got exit %d and %s, want that it is stopped", c.name, link, exit, errText)
			}
			if _, got, exit := command(t, dir, "--store", link, "run", "--link", link, "x.ros"); exit != 1 || got != want {
				t.Errorf("%s, --link %s: got exit %d and\n%s\nwant\n%s", c.name, link, exit, got, want)
			}
		}
	}
}

// TestChainsInResume: who goes on by a checkpoint's CID has no program at hand; an error is shown in what the store has of its functions' sources.
func TestChainsInResume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, src, want string }{
		{"functions", "let bad x = if x == 900 then error \"boom\" else x * 2\nlet inner xs = map bad xs\n\n1 + sum (inner (range 1 1000))\n",
			"bad:1:26: boom\n  bad x = if x == 900 then error \"boom\" else x * 2\n                           ^^^^^^^^^^^^\n  in bad, called at inner:1:12\n  in inner\n"},
		{"a group", "let f n = if n == 0 then [1].x else n + g (n - 1)\nand g n = 1 + f n\n\nf 900\n",
			"f:1:22: no field: got a list of 1 element, want a map with the field \"x\"\n  f n = if n == 0 then [1].x else n + g (n - 1)\n                       ^^^^^\n  in f\n  in g, called at f:1:37\n  … these 2 again"},
	} {
		dir := t.TempDir()
		write(t, dir, "x.ros", c.src)
		_, errText, exit := command(t, dir, "run", "--fuel", "500", "x.ros")
		m := resumeLine.FindStringSubmatch(errText)
		if exit != 4 || m == nil {
			t.Fatalf("%s: got exit %d and %s, want that it is stopped", c.name, exit, errText)
		}
		if _, errText, exit = command(t, dir, "resume", m[1]); exit != 1 || !strings.HasPrefix(errText, c.want) {
			t.Errorf("%s: got exit %d and\n%s\nwant\n%s", c.name, exit, errText, c.want)
		}
	}
}

// TestLazyAnswerGoesOn: a program whose answer is lazy is reduced when that is printed, which can be stopped and goes on like the rest.
func TestLazyAnswerGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.ros", "let slow n k = if n == 0 then k else slow (n - 1) k\n\nlazy (slow 100000 7)\n")
	for range 2 {
		_, errText, exit := command(t, dir, "run", "--fuel", "40000", "x.ros")
		if exit != 4 || !resumeLine.MatchString(errText) {
			t.Fatalf("got exit %d and %s, want a checkpoint", exit, errText)
		}
	}
	if out, errText, exit := command(t, dir, "run", "--fuel", "40000", "x.ros"); exit != 0 || out != "7\n" {
		t.Errorf("got exit %d, %q and %s", exit, out, errText)
	}
}

// TestDeadlinesOverParts stops a program over the groups of a large map in short legs, each in a process of its own.
func TestDeadlinesOverParts(t *testing.T) {
	dir := t.TempDir()
	ok := func(args ...string) string {
		t.Helper()
		out, errText, exit := command(t, dir, args...)
		if exit != 0 {
			t.Fatalf("%v: exit %d and\n%s", args, exit, errText)
		}
		return strings.TrimSpace(out)
	}
	var rows strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&rows, "{\"id\":\"u%06d\",\"n\":%d,\"c\":\"c%d\"}\n", i, i*7%1000, i%60)
	}
	if err := os.WriteFile(filepath.Join(dir, "rows.ndjson"), []byte(rows.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	list := ok("import", "rows.ndjson")
	of := strings.Trim(ok("eval", `Map.fromEntries (map (\r -> [r.id, r]) @`+list+`) |> Ipld.link |> Ipld.cid`), `"`)
	program := func(i int) string {
		return fmt.Sprintf(`let q = %d in Map.entries @%s |> groupBy (\[k, r] -> r.c) |> Map.map (\_ es -> sum (map (\[k, r] -> r.n) es))`, i, of)
	}
	want, stops := ok("eval", "--link", "none", program(0)), 0
	for i := range 4 {
		next := []string{"eval", program(i)}
		for ms := 20; ; ms += 5 {
			out, errText, exit := command(t, dir, append(next, "--deadline", fmt.Sprintf("%dms", ms))...)
			if exit == 0 {
				if got := strings.TrimSpace(out); got != want {
					t.Errorf("round %d: got %.100s, want %.100s", i, got, want)
				}
				break
			}
			m := resumeLine.FindStringSubmatch(errText)
			if exit != 4 || ms > 2000 {
				t.Fatalf("round %d, %d ms: exit %d and\n%s", i, ms, exit, errText)
			}
			if stops++; m != nil {
				next = []string{"resume", m[1]}
			}
		}
	}
	t.Logf("%d stops", stops)
}

// TestDeadlineOverData has deadlines that come while data is read, compiled and written, and after.
func TestDeadlineOverData(t *testing.T) {
	dir := t.TempDir()
	rows := joined(`{"name":"row %d","amount":1}`, "\n", 200_000)
	if err := os.WriteFile(filepath.Join(dir, "rows.json"), []byte("["+strings.ReplaceAll(rows, "\n", ",")+"]"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "p.ros"), []byte("let rows = import \"json:rows.json\"\n\nsum (map (\\r -> r.amount) rows)"), 0o666); err != nil {
		t.Fatal(err)
	}
	ended := map[int]int{}
	for ms := 20; ms < 1000; ms += ms/8 + 1 {
		os.RemoveAll(filepath.Join(dir, "store"))
		_, errText, exit := command(t, dir, "run", "--deadline", fmt.Sprintf("%dms", ms), "p.ros")
		if ended[exit]++; exit != 0 && (exit != 4 || !strings.HasPrefix(errText, "rosser: deadline reached ")) {
			t.Errorf("--deadline %dms: got exit %d and\n%s", ms, exit, errText)
		}
	}
	t.Logf("ended with %v", ended)
}
