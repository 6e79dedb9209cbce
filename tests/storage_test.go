// This file tests the commands that look after a store: pin, store stat, store gc, store check, store distrust.

package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

func TestStoreStat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, stderr, exit := command(t, dir, "store", "stat"); exit != 2 || !strings.Contains(stderr, "there is no store in") {
		t.Errorf("without a store: got exit %d, %q", exit, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "store")); err == nil {
		t.Error("it has made a store")
	}
	write(t, dir, "collatz.ros", collatz(1, 200))
	for range 2 {
		if _, stderr, exit := command(t, dir, "run", "collatz.ros"); exit != 0 {
			t.Fatal(stderr)
		}
	}
	out, stderr, exit := command(t, dir, "store", "stat", "--json")
	if exit != 0 {
		t.Fatal(stderr)
	}
	var st struct {
		Blocks, Index map[string]struct{ Count, Bytes uint64 }
		Disk, Content uint64
		Linking       struct{ Evaluations, StepsExecuted, StepsSpared, ResultsFound, ResultsLinked, BytesWritten uint64 }
	}
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		t.Fatal(err)
	}
	results := len(keys(t, dir, 'a'))
	l := st.Linking
	switch {
	case st.Blocks["code"].Count == 0, st.Blocks["about"].Count == 0, st.Disk == 0, st.Content == 0,
		st.Index["own:5"].Count != uint64(results), st.Blocks["result"].Count != uint64(results):
		t.Errorf("%d results: got %s", results, out)
	case l.Evaluations != 2, l.ResultsLinked != uint64(results), l.ResultsFound == 0, l.BytesWritten == 0, l.StepsSpared < l.StepsExecuted:
		t.Errorf("linking: got %+v, want 2 evaluations, the second of which spared what the first executed", l)
	}
	out, _, exit = command(t, dir, "store", "stat")
	for _, want := range []string{`(?m)^blocks +[0-9,]+ +[0-9.]+ [kM]?B$`, `reduced here, by evaluator 5`, `on disk: .* of content`, `linking, in 2 evaluations`} {
		if exit != 0 || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("got exit %d and no %s in\n%s", exit, want, out)
		}
	}
}

func TestStoreCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "collatz.ros", collatz(1, 200))
	run := func() {
		t.Helper()
		if out, stderr, exit := command(t, dir, "run", "collatz.ros"); exit != 0 || out != collatzValue(1, 200) {
			t.Errorf("got exit %d, %q\n%s", exit, out, stderr)
		}
	}
	check := func(want int, lines string, args ...string) {
		t.Helper()
		out, stderr, exit := command(t, dir, append([]string{"store", "check"}, args...)...)
		if exit != want || !regexp.MustCompile(lines).MatchString(out) {
			t.Errorf("check %v: got exit %d, want %d and %s\n%s%s", args, exit, want, lines, out, stderr)
		}
	}
	run()
	check(0, `^\d+ blocks, \d+ index entries, 1 note: no problems\n$`)
	// While another process holds the store.
	s := openStore(t, dir)
	check(0, "no problems")
	if _, stderr, exit := command(t, dir, "store", "check", "--repair"); exit != 2 || !strings.Contains(stderr, "another process uses the store") {
		t.Errorf("--repair of a store in use: got exit %d, %q", exit, stderr)
	}
	s.Close()
	// 200 blocks with wrong bytes are more than the lines that are printed.
	blocks := keys(t, dir, 'b')
	openDatabase(t, dir, func(db *pebble.DB) {
		for _, key := range blocks[len(blocks)-200:] {
			if err := db.Set([]byte("b"+key), []byte("wrong"), nil); err != nil {
				t.Fatal(err)
			}
		}
	})
	check(3, `(?m)^block bafy\w+: its bytes do not have its hash$(?s:.*)^… and \d+ problems more$(?s:.*)problems\n$`)
	check(0, `(?s)\d+ problems, \d+ mended\n.*quarantine`, "--repair")
	check(0, "no problems")
	kept, _ := filepath.Glob(filepath.Join(dir, "store", "quarantine", "*", "taken.jsonl"))
	if len(kept) != 1 {
		t.Fatalf("kept: %q", kept)
	}
	data, _ := os.ReadFile(kept[0])
	if n := strings.Count(string(data), `"value":"d3Jvbmc="`); n != 200 {
		t.Errorf("%d of 200 blocks are kept", n)
	}
	run()
	// The database does not open.
	manifests, _ := filepath.Glob(filepath.Join(dir, "store", "db", "MANIFEST-*"))
	for _, m := range manifests {
		if err := os.WriteFile(m, []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, exit := command(t, dir, "store", "check"); exit != 3 || !strings.Contains(stderr, "store check --repair") {
		t.Errorf("a database that does not open: got exit %d, %q", exit, stderr)
	}
	check(0, "made anew", "--repair")
	check(0, "no problems")
	run()
}

func TestStoreDistrust(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "collatz.ros", collatz(1, 200))
	reduced := func() bool {
		t.Helper()
		out, stderr, exit := command(t, dir, "run", "--stats", "collatz.ros")
		if exit != 0 || out != collatzValue(1, 200) {
			t.Fatalf("got exit %d, %q\n%s", exit, out, stderr)
		}
		return !strings.Contains(stderr, "calls      0 reduced, 1 reused")
	}
	if !reduced() || reduced() {
		t.Fatal("the second run does not use the first one's result")
	}
	if _, stderr, exit := command(t, dir, "store", "distrust", "0"); exit != 3 || !strings.Contains(stderr, "there are answers by 5") {
		t.Errorf("of nobody: got exit %d, %q", exit, stderr)
	}
	distrust := func(args ...string) {
		t.Helper()
		out, stderr, exit := command(t, dir, append([]string{"store", "distrust"}, args...)...)
		if exit != 0 || !regexp.MustCompile(`^\d+ answers of evaluator 5`).MatchString(out) {
			t.Fatalf("distrust %v: got exit %d, %q, %q", args, exit, out, stderr)
		}
	}
	distrust("5")
	expr, _, _ := command(t, dir, "compile", "collatz.ros")
	expr = strings.TrimSpace(expr[strings.Index(expr, "= ")+2:])
	if _, stderr, exit := command(t, dir, "result", expr); exit != 0 || !strings.Contains(stderr, "a claim by distrusted evaluator/5") {
		t.Errorf("result: got exit %d, %q", exit, stderr)
	}
	distrust("--undo", "5")
	if reduced() {
		t.Error("after --undo it is reduced again")
	}
	distrust("5")
	if !reduced() || reduced() {
		t.Error("it is not reduced again, once")
	}
}

func TestPins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "collatz.ros", collatz(1, 200))
	write(t, dir, "double.ros", "let double x = 2 * x\nmap double (range 1 40)\n")
	ok := func(args ...string) string {
		t.Helper()
		out, stderr, exit := command(t, dir, args...)
		if exit != 0 {
			t.Fatalf("%v: exit %d\n%s", args, exit, stderr)
		}
		return out
	}
	ok("run", "collatz.ros")
	ok("run", "--link", "all", "double.ros")
	root := strings.TrimSpace(ok("publish", "double.ros"))
	if out := ok("pin", "ls"); !regexp.MustCompile(`^` + root + `  recursive  \d+ blocks, [0-9.]+ kB  double.ros\n$`).MatchString(out) {
		t.Errorf("what is published: got %q", out)
	}
	expr := ok("compile", "collatz.ros")
	expr = strings.TrimSpace(expr[strings.Index(expr, "= ")+2:])
	answer := func(of string, want int) {
		t.Helper()
		if _, stderr, exit := command(t, dir, "result", of); exit != want {
			t.Errorf("the result of %s: got exit %d, want %d\n%s", of, exit, want, stderr)
		}
	}
	// A dry run changes nothing; what is not pinned goes, and what is published stays with its results.
	results := len(keys(t, dir, 'a'))
	if out := ok("store", "gc", "--dry-run"); !strings.Contains(out, "to be dropped") || len(keys(t, dir, 'a')) != results {
		t.Errorf("got %s", out)
	}
	ok("pin", "add", "--name", "the collatz sum", expr)
	ok("store", "gc")
	answer(expr, 0)
	answer("map (\\x -> 2 * x) (range 1 40)", 0)
	ok("pin", "rm", "the collatz sum")
	if out := ok("store", "gc"); !regexp.MustCompile(`(?m)^dropped .*\n  blocks .*\n  answers`).MatchString(out) {
		t.Errorf("got %s", out)
	}
	answer(expr, 3)
	answer("map (\\x -> 2 * x) (range 1 40)", 0)
	ok("store", "check")
	if out := ok("store", "gc"); !strings.Contains(out, "nothing dropped") {
		t.Errorf("again: got %s", out)
	}
	if checkAnswers(t, dir) == 0 {
		t.Error("no answers are left")
	}
	for _, c := range []struct {
		args, want string
		exit       int
	}{
		{"pin add " + expr, expr, 3},
		{"pin add x", "want a CID", 2},
		{"pin rm " + expr, "is not pinned", 3},
		{"pin rm duble.ros", "did you mean double.ros?", 3},
		{"pin add --direct --partial " + root, "together", 2},
	} {
		if _, stderr, exit := command(t, dir, strings.Fields(c.args)...); exit != c.exit || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: got exit %d, %q, want %d and %q", c.args, exit, stderr, c.exit, c.want)
		}
	}
	// Without its pin it is kept as a library, until that is given up too.
	if _, stderr, exit := command(t, dir, "pin", "rm", "double.ros"); exit != 0 || !strings.Contains(stderr, "until rosser library rm double") {
		t.Errorf("pin rm: got exit %d, %q", exit, stderr)
	}
	ok("store", "gc")
	answer("map (\\x -> 2 * x) (range 1 40)", 0)
	ok("library", "rm", "double")
	ok("store", "gc")
	if n := len(keys(t, dir, 'a')); n != 0 {
		t.Errorf("%d answers are left without a pin", n)
	}
	ok("run", "double.ros") // the standard library is whole
}

// TestTrim: below a size, answers for what is below a pin are given up and can be reduced again; what is pinned itself stays with its answer.
func TestTrim(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok := func(args ...string) string {
		t.Helper()
		out, stderr, exit := command(t, dir, args...)
		if exit != 0 {
			t.Fatalf("%v: exit %d\n%s", args, exit, stderr)
		}
		return out
	}
	// An answer of 600 kB for what the pinned expression holds, and a small one for the expression itself.
	write(t, dir, "big.ros", "let big = map (\\x -> Text.padLeft 300000 x \"\") [\"a\", \"b\"]\n\nsum (map Text.length big)\n")
	want := ok("run", "--link", "all", "big.ros")
	expr := ok("compile", "big.ros")
	whole, big := strings.TrimSpace(expr[strings.Index(expr, "= ")+2:]), strings.Fields(expr)[1]
	ok("pin", "add", whole)
	ok("store", "gc")
	ok("result", big)
	out := ok("store", "gc", "--trim", "400K")
	if !regexp.MustCompile(`(?m)^\d+ answers? dropped that can be reduced again cheaply$`).MatchString(out) {
		t.Errorf("got %s", out)
	}
	if _, _, exit := command(t, dir, "result", big); exit != 3 {
		t.Errorf("the result that was to go: got exit %d", exit)
	}
	if got := ok("result", whole); got != want {
		t.Errorf("the pinned answer: got %q, want %q", got, want)
	}
	if got := ok("trace", whole); !strings.Contains(got, " = … (given up), ") {
		t.Errorf("what the pinned answer rests on: got %s", got)
	}
	ok("store", "check")
	if out := ok("store", "gc", "--trim", "1K"); !strings.Contains(out, "are left, more than 1.0 kB: all of it is pinned, in use, or needed by what is") {
		t.Errorf("got %s", out)
	}
	if got := ok("run", "big.ros"); got != want {
		t.Errorf("again: got %q, want %q", got, want)
	}
	ok("result", whole)
}

// TestCollectWorkspace: what is kept in the workspace stays with what it uses, what was stopped can go on, and a session that runs
// loses nothing.
func TestCollectWorkspace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gc := func() string {
		t.Helper()
		out, stderr, exit := command(t, dir, "store", "gc")
		if exit != 0 {
			t.Fatalf("exit %d\n%s", exit, stderr)
		}
		return out
	}
	talk := func(lines string) string {
		t.Helper()
		out, stderr, exit := session(t, dir, lines)
		if exit != 0 {
			t.Fatalf("exit %d\n%s", exit, stderr)
		}
		return out
	}
	talk("let half n = n // 2\nlet quarter n = half (half n)\n:keep quarter\n")
	gc()
	if out := talk("quarter 12\n"); out != "3\n" {
		t.Errorf("kept: got %q", out)
	}
	write(t, dir, "long.ros", collatz(1, 3000))
	_, stderr, exit := command(t, dir, "run", "--fuel", "6000", "long.ros")
	if exit != 4 {
		t.Fatalf("exit %d\n%s", exit, stderr)
	}
	point := strings.TrimSpace(stderr[strings.Index(stderr, "rosser resume ")+len("rosser resume "):])
	if out := gc(); !strings.Contains(out, "stopped evaluations") {
		t.Errorf("got %s", out)
	}
	if out, stderr, exit := command(t, dir, "resume", point); exit != 0 || out != collatzValue(1, 3000) {
		t.Errorf("resumed: got exit %d, %q\n%s", exit, out, stderr)
	}
	if out := gc(); strings.Contains(out, "stopped evaluations") {
		t.Errorf("when it has an answer: got %s", out)
	}
}
