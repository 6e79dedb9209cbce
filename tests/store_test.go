// This file tests what programs leave in a store: blocks that are what the schema says, answers that others can use, and
// nothing wrong after processes were killed, blocks damaged, and the disk full.

package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/graph/storetest"
)

var background = context.Background()

// collatz is a program of many different calls.
func collatz(from, to int) string {
	return "let collatz n = if n == 1 then 0 else 1 + collatz (if n % 2 == 0 then n // 2 else 3 * n + 1)\n" +
		fmt.Sprintf("range %d %d |> map collatz |> sum\n", from, to)
}

func collatzValue(from, to int) string {
	sum := 0
	for i := from; i <= to; i++ {
		for n := i; n != 1; sum++ {
			if n%2 == 0 {
				n /= 2
			} else {
				n = 3*n + 1
			}
		}
	}
	return fmt.Sprint(sum, "\n")
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// keys returns the keys of a store's database that begin with a byte, without that byte.
func keys(t *testing.T, dir string, first byte) (keys []string) {
	t.Helper()
	openDatabase(t, dir, func(db *pebble.DB) {
		it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{first}, UpperBound: []byte{first + 1}})
		if err != nil {
			t.Fatal(err)
		}
		defer it.Close()
		for it.First(); it.Valid(); it.Next() {
			keys = append(keys, string(it.Key()[1:]))
		}
	})
	return keys
}

// silence is a log to which nothing is written.
type silence struct{}

func (silence) Infof(string, ...any)         {}
func (silence) Errorf(string, ...any)        {}
func (silence) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

// openDatabase opens the database under the store of the folder dir, behind its back.
func openDatabase(t *testing.T, dir string, use func(*pebble.DB)) {
	t.Helper()
	options := &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: silence{}}
	db, err := pebble.Open(filepath.Join(dir, "store", "db"), options)
	if err != nil {
		t.Fatal(err)
	}
	use(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// openStore opens the store of the folder dir. All that it drops fails the test.
func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{Notice: func(err error) { t.Errorf("dropped: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// checkAnswers sees to it that every Answer in the store of the folder dir has its blocks, and returns how many there are.
func checkAnswers(t *testing.T, dir string) int {
	t.Helper()
	exprs, s := keys(t, dir, 'a'), openStore(t, dir)
	for _, key := range exprs {
		expr, err := cid.Cast([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Answer(background, expr); !ok || err != nil {
			t.Errorf("the answer to %s: got %v, %v", expr, ok, err)
		}
	}
	s.Close()
	return len(exprs)
}

// TestEveryBlock holds every block of stores that programs have filled to the schema.
func TestEveryBlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "weather.csv", strings.Join(fileLines(t, "data/weather.csv")[:600], "\n"))
	for _, name := range []string{"weather", "spells"} {
		program, _ := filepath.Abs("programs/" + name + ".ros")
		if _, errText, exit := command(t, dir, "run", "--link", "all", program, "csv:weather.csv"); exit != 0 {
			t.Fatalf("%s: exit %d\n%.1000s", name, exit, errText)
		}
	}
	for file, cases := range goldenCases(t) {
		for _, c := range cases {
			write(t, dir, "golden.ros", source(fileLines(t, file), c))
			command(t, dir, "run", "--link", "all", "golden.ros")
		}
	}
	if checkAnswers(t, dir) < 100 {
		t.Error("next to nothing was linked")
	}
	kinds := map[string]int{}
	hashes, s := keys(t, dir, 'b'), openStore(t, dir)
	for _, hash := range hashes {
		c := cid.NewCidV1(cid.DagCBOR, []byte(hash))
		data, err := s.Block(background, c)
		if err != nil {
			t.Fatal(err)
		}
		kind := kindOf(data)
		kinds[kind]++
		if err := storetest.Conform(kind, data); err != nil {
			t.Errorf("%s as %s: %v", c, kind, err)
		}
		if kind == "Code" {
			if _, err := graph.LoadCode(c, graph.LoaderOf(background, s)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, kind := range []string{"Code", "Result", "Trace", "About", "Value"} {
		if kinds[kind] == 0 {
			t.Errorf("no block is a %s: %v", kind, kinds)
		}
	}
}

// kindOf tells a block's kind by its keys, which no data of the programs here has.
func kindOf(data []byte) string {
	if graph.IsCode(data) {
		return "Code"
	}
	n, err := codec.DecodeNode(codec.DagCBOR, data)
	if err != nil {
		return "Value"
	}
	for kind, key := range map[string]string{"Reduct": "to", "Trace": "uses", "About": "spans", "Result": "of"} {
		if _, err := n.LookupByString(key); err == nil {
			if _, err := n.LookupByString("to"); err == nil {
				return "Reduct"
			}
			return kind
		}
	}
	return "Value"
}

// TestShare runs published code in a store that has never seen its source.
func TestShare(t *testing.T) {
	t.Parallel()
	here, there := t.TempDir(), t.TempDir()
	write(t, here, "numbers.ros", `let even n = if n == 0 then true else odd (n - 1)
let odd n = if n == 0 then false else even (n - 1)
## Those that hold.
let evens = filter even
let half n = n // 2
let bad xs = map (\x -> 1 // x) xs
evens (range 1 9)
`)
	root, errText, exit := command(t, here, "publish", "--car", "numbers.car", "numbers.ros")
	if exit != 0 {
		t.Fatalf("publish: exit %d\n%s", exit, errText)
	}
	root = strings.TrimSpace(root)
	names := map[string]string{}
	out, _, _ := command(t, here, "compile", "numbers.ros")
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		names[f[0]] = f[1]
	}
	if err := os.Rename(filepath.Join(here, "numbers.car"), filepath.Join(there, "numbers.car")); err != nil {
		t.Fatal(err)
	}
	if _, errText, exit := command(t, there, "import", "numbers.car"); exit != 0 {
		t.Fatalf("import: exit %d\n%s", exit, errText)
	}
	for _, c := range []struct {
		src  string
		exit int
		want string
	}{
		{"@" + names["evens"] + " [1, 2, 4]", 0, "[2,4]\n"},
		{"map @" + names["half"] + " (@" + names["evens"] + " (range 1 9))", 0, "[1,2,3,4]\n"},
		{"let m = import @" + root + "\n[m.odd 7, m.half 7, m.evens [2]]", 0, "[true,3,[2]]\n"},
		{"let m = import @" + root + "\nlet half = 1\nshow m.half == show @" + names["half"], 0, "true\n"},
		{"@" + names["bad"] + " [1, 0]", 1, "divide by zero"},
		{"let m = import @" + root + "\nm.third 7", 2, "third"},
	} {
		out, errText, exit := command(t, there, "eval", "--as", "json", c.src)
		if exit != c.exit || exit == 0 && out != c.want || !strings.Contains(out+errText, c.want) {
			t.Errorf("eval %q: got exit %d and %.200q, want exit %d and %q\n%.500s", c.src, exit, out, c.exit, c.want, errText)
		}
	}
	// What is shown of a function compiles to it.
	out, _, _ = command(t, there, "show", names["evens"])
	write(t, there, "shown.ros", out)
	if again, errText, _ := command(t, there, "compile", "shown.ros"); !strings.Contains(again, " "+names["evens"]+"\n") {
		t.Errorf("show: got\n%swhich compiles to\n%s\n%s", out, again, errText)
	}
}

// TestKill kills a run a dozen times. What it has linked by then is whole and is used.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "long.ros", collatz(1, 30_000))
	random := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		cmd := exec.Command(rosser, "--store", filepath.Join(dir, "store"), "run", "--link", "all", filepath.Join(dir, "long.ros"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50*time.Millisecond + time.Duration(random.IntN(300))*time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
	}
	if n := checkAnswers(t, dir); n < 100 {
		t.Errorf("%d answers are left", n)
	}
	for _, reused := range []string{"", ", 1 reused, 0 linked"} {
		out, errText, exit := command(t, dir, "run", "--link", "all", "--stats", "long.ros")
		if exit != 0 || out != collatzValue(1, 30_000) || !strings.Contains(errText, reused) || strings.Contains(errText, "reduced again") {
			t.Errorf("got exit %d and %.200q, want %q and %q\n%.1000s", exit, out, collatzValue(1, 30_000), reused, errText)
		}
	}
	checkAnswers(t, dir)
}

// TestTwoProcesses has two programs link into one store at the same time.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	t.Run("", func(t *testing.T) {
		for _, from := range []int{1, 10_000} {
			t.Run(fmt.Sprint(from), func(t *testing.T) {
				t.Parallel()
				name := fmt.Sprintf("from%d.ros", from)
				write(t, dir, name, collatz(from, from+15_000))
				out, errText, exit := command(t, dir, "run", "--link", "all", name)
				if exit != 0 || out != collatzValue(from, from+15_000) || errText != "" {
					t.Errorf("got exit %d and %q\n%.1000s", exit, out, errText)
				}
			})
		}
	})
	if n := checkAnswers(t, dir); n < 10_000 {
		t.Errorf("%d answers are left", n)
	}
	for _, from := range []int{1, 10_000} {
		_, errText, _ := command(t, dir, "run", "--stats", fmt.Sprintf("from%d.ros", from))
		if !strings.Contains(errText, " 0 reduced, 1 reused") {
			t.Errorf("the answer is not there:\n%s", errText)
		}
	}
}

// TestDamagedValue flips a bit of a block that an answer's value is made of.
func TestDamagedValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	src := `{big: Text.repeat 2000 "x", small: [sum (range 1 100)]}`
	want, errText, exit := command(t, dir, "eval", "--as", "json", "--stats", src)
	if exit != 0 {
		t.Fatalf("exit %d\n%s", exit, errText)
	}
	s := openStore(t, dir)
	data, err := s.Block(background, cid.MustParse(stats(errText)["result"]))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	result, err := codec.DecodeNode(codec.DagCBOR, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"value", "big", "λ"} {
		if result, err = result.LookupByString(key); err != nil {
			t.Fatal(err)
		}
	}
	link, err := result.AsLink()
	if err != nil {
		t.Fatal(err)
	}
	block := cid.MustParse(link.String())
	openDatabase(t, dir, func(db *pebble.DB) {
		key := append([]byte{'b'}, block.Hash()...)
		data, closer, err := db.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		damaged := append([]byte{}, data...)
		damaged[len(damaged)/2] ^= 1
		closer.Close()
		if err := db.Set(key, damaged, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	})
	if out, errText, exit := command(t, dir, "get", block.String()); exit != 3 || out != "" || !strings.Contains(errText, block.String()) {
		t.Errorf("get: got exit %d and %.100q, want exit 3 naming %s\n%s", exit, out, block, errText)
	}
	for _, again := range []bool{true, false} {
		out, errText, exit := command(t, dir, "eval", "--as", "json", "--stats", src)
		if exit != 0 || out != want {
			t.Errorf("got exit %d and %.200q, want %.200q", exit, out, want)
		}
		if strings.Contains(errText, block.String()) != again || strings.Contains(errText, " 0 reduced") == again {
			t.Errorf("reduced again, naming %s: want %v in\n%s", block, again, errText)
		}
	}
}

// TestFullDisk runs programs on disks that have no room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size string
		full bool
		want string
	}{
		{"12m", false, "was linked"}, // gets full in the middle
		{"12m", true, "nothing was kept"},
	} {
		dir, work := t.TempDir(), t.TempDir()
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+c.size); err != nil {
			t.Skipf("NOT TESTED: mounting a small disk: %v", err)
		}
		defer syscall.Unmount(dir, 2)
		if c.full {
			f, err := os.Create(filepath.Join(dir, "full"))
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = f.Write(make([]byte, 4096))
			}
			f.Close()
		}
		write(t, work, "long.ros", collatz(1, 20_000))
		for range 2 { // the second one opens a full store
			out, errText, exit := command(t, work, "run", "--store", filepath.Join(dir, "store"), "--link", "all", "long.ros")
			if exit != 3 || out != collatzValue(1, 20_000) || !strings.Contains(errText, "no space left") || !strings.Contains(errText, c.want) {
				t.Errorf("got exit %d and %.200q, want exit 3, %q, and %q in\n%.1000s", exit, out, collatzValue(1, 20_000), c.want, errText)
			}
		}
	}
}
