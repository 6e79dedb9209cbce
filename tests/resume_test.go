// This file stops programs and has other processes go on with them.

package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// journeys are programs that are stopped twenty times each; share is what the steps executed may come to, as a multiple of those of
// one run to the end.
var journeys = []struct {
	name  string
	modes []eval.Mode
	share float64
	src   string
	short string // instead of src under -short
}{
	{"fib", []eval.Mode{eval.All, eval.Auto}, 1.05, "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n\nfib 32", ""},
	{"fib without links", []eval.Mode{eval.None}, 1.05, "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n\nfib 27", ""},
	{"queens", []eval.Mode{eval.Auto, eval.None}, 1.05, "bench/queens.ros", ""},
	{"loop", []eval.Mode{eval.Auto}, 1.05, "let go i s = if i > 100000000 then s else go (i + 1) (s + i * i % 7)\n\ngo 1 0",
		"let go i s = if i > 1000000 then s else go (i + 1) (s + i * i % 7)\n\ngo 1 0"},
	{"fold", []eval.Mode{eval.Auto}, 1.05, "let step s x = (s * 31 + x) % 1000003\n\nrange 1 1000000 |> fold step 7",
		"let step s x = (s * 31 + x) % 1000003\n\nrange 1 100000 |> fold step 7"},
	{"sort", []eval.Mode{eval.Auto}, 1.05, "let step x = (x * 16807 + 7) % 2147483647\n\nrange 1 20000 |> map step |> sortWith (\\a b -> a < b) |> fold (\\c v -> (c * 31 + v) % 1000000007) 0", ""},
	{"sort by a key", []eval.Mode{eval.Auto}, 1.05, "let key x = (x * 16807 + 7) % 2147483647\n\nrange 1 50000 |> sortBy key |> fold (\\c v -> (c * 31 + v) % 1000000007) 0", ""},
	{"mergesort", []eval.Mode{eval.Auto}, 1.05, "bench/mergesort.ros", ""},
	{"even and odd", []eval.Mode{eval.Auto}, 1.05, "let even n = if n == 0 then true else odd (n - 1)\nand odd n = if n == 0 then false else even (n - 1)\n\neven 1000000", ""},
	{"deep", []eval.Mode{eval.Auto}, 2, "bench/deep.ros", "let s n = if n == 0 then 0 else n + s (n - 1)\n\ns 50000"},
	{"deep without links", []eval.Mode{eval.None}, 2, "let s n = if n == 0 then 0 else n + s (n - 1)\n\ns 200000", "let s n = if n == 0 then 0 else n + s (n - 1)\n\ns 50000"},
	{"two in turns", []eval.Mode{eval.None}, 2, "let f n = if n == 0 then 0 else n + g (n - 1) * 2 % 1000003\nand g n = if n == 0 then 1 else (3 * f (n - 1) - n) % 1000003\n\nf 100000", ""},
	{"nested maps", []eval.Mode{eval.Auto, eval.None}, 2, "let build n t = if n == 0 then t else build (n - 1) [t]\nlet depth t = 1 + (map depth t |> fold (+) 0)\n\ndepth (build 3000 [])", ""},
	{"nested folds", []eval.Mode{eval.None}, 2, "let f n = fold (\\a x -> if x == 0 then a else a + f (x - 1)) 1 [n]\n\nf 20000", ""},
	{"nested flatMaps", []eval.Mode{eval.None}, 2, "let f n = flatMap (\\x -> if x == 0 then [7] else f (x - 1)) [n]\n\nf 20000", ""},
	{"nested sorts", []eval.Mode{eval.None}, 2, "let f n = if n == 0 then [1] else sortWith (\\a b -> a < b + length (f (n - 1))) [n, n + 1]\n\nf 5000", ""},
	{"sum of lazy values", []eval.Mode{eval.Auto, eval.None}, 1.05, "let slow n k = if n == 0 then k else slow (n - 1) k\n\nsum (map (\\x -> lazy (slow 300 x)) (range 1 2000))", ""},
	{"sort of lazy values", []eval.Mode{eval.Auto, eval.None}, 1.05, "let slow n k = if n == 0 then k else slow (n - 1) k\n\nlength (filter (\\x -> x > 7) (sort (map (\\x -> lazy (slow 300 (x * 7 % 2003))) (range 1 2000))))", ""},
	{"table of lazy values", []eval.Mode{eval.None}, 1.05, "let slow n k = if n == 0 then k else slow (n - 1) k\n\nlet t = lazy (map (\\i -> lazy (if i == 0 then 0 else slow 300 (1 + force (at (i - 1) t).Some))) (range 0 1999))\n\nlet go i = if i == 2000 then 0 else (at i t).Some + go (i + 1)\n\ngo 0", ""},
	{"replacements", []eval.Mode{eval.Auto, eval.None}, 1.05, "let slow n k = if n == 0 then k else slow (n - 1) k\n\nText.length (Regex.replaceWith \"a\" (\\m -> show (slow 300 m.start)) (Text.repeat 2000 \"xa\"))", ""},
	{"arguments that take long", []eval.Mode{eval.None}, 1.05, "let ack m n = if m == 0 then n + 1 else if n == 0 then ack (m - 1) 1 else ack (m - 1) (ack m (n - 1))\n\nack 2 100", ""},
	{"a function that takes long", []eval.Mode{eval.Auto, eval.None}, 1.05, "let all k = range 1 k |> map (\\i -> \\x -> x + i) |> foldr (\\f g -> f >> g) id\n\nall 1000 0", ""},
	{"tries in a recursion", []eval.Mode{eval.Auto, eval.None}, 1.05, "let less n = if n == 0 then error n else n - 1\n\nlet count n = match try (less n) { | Ok m -> 1 + count m | Err e -> 0 }\n\ncount 2000", ""},
	{"callbacks that call themselves", []eval.Mode{eval.Auto, eval.None}, 2, "let f n = if n == 0 then 1 else 1 + (map f [n - 1] |> fold (+) 0)\n\nf 20000", ""},
}

func TestStoppedTwentyTimes(t *testing.T) {
	for _, j := range journeys {
		src := j.src
		if testing.Short() && j.short != "" {
			src = j.short
		}
		if strings.HasPrefix(src, "bench/") {
			data, err := os.ReadFile(src)
			if err != nil {
				t.Fatal(err)
			}
			src = string(data)
		}
		for _, mode := range j.modes {
			t.Run(fmt.Sprintf("%s/%d", j.name, mode), func(t *testing.T) { stoppedTwentyTimes(t, src, mode, j.share) })
		}
	}
}

func stoppedTwentyTimes(t *testing.T, src string, mode eval.Mode, share float64) {
	ctx := context.Background()
	f, errs := lang.Parse("program.ros", []byte(src))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	u, errs := compile.File(f, compile.Options{Prelude: stdlib.Lookup, Names: stdlib.Names, Load: stdlib.Load})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	shop := func() *graph.Memory {
		s := graph.NewMemory()
		s.Put(ctx, stdlib.Blocks()...)
		s.Put(ctx, u.Blocks...)
		return s
	}
	machine := func(s *graph.Memory, fuel uint64) *eval.Machine {
		return eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, Fuel: fuel, Memory: 8 << 30})
	}
	want, err := machine(shop(), 0).Eval(ctx, u.BodyCID)
	if err != nil || want.Error != nil {
		t.Fatal(err, want.Error)
	}
	s, fuel := shop(), max(want.Reduced/20, 10)
	var at cid.Cid
	executed, stops := uint64(0), 0
	for {
		m := machine(s, fuel)
		evaluate := func() (eval.Outcome, error) { return m.Eval(ctx, u.BodyCID) }
		if at.Defined() {
			evaluate = func() (eval.Outcome, error) { return m.Resume(ctx, at) }
		}
		out, err := evaluate()
		executed += out.Reduced
		var stop *eval.Stop
		if errors.As(err, &stop) && stop.Checkpoint.Defined() {
			if at = stop.Checkpoint; stops < 40 {
				stops++
				continue
			}
		}
		if err != nil || out.Error != nil {
			if stop != nil {
				err = fmt.Errorf("%w (%v)", err, stop.Lost)
			}
			t.Fatalf("after %d stops and %d of %d steps: %v", stops, executed, want.Reduced, err)
		}
		result := func(o eval.Outcome) cid.Cid {
			return graph.EncodeResult(graph.Result{Of: u.BodyCID, Value: o.Value, Steps: o.Steps}, nil).CID
		}
		if result(out) != result(want) || out.Result != want.Result {
			t.Errorf("got the result %s of %d steps, want %s of %d", result(out), out.Steps, result(want), want.Steps)
		}
		t.Logf("%d stops, %d steps executed of %d", stops, executed, want.Reduced)
		if most := float64(want.Reduced)*share + float64(stops*2); float64(executed) > most {
			t.Errorf("%d stops, %d steps executed, want at most %.2f times %d", stops, executed, share, want.Reduced)
		}
		if reduct, ok, err := s.Reduct(ctx, u.BodyCID); stops > 0 && (!ok || err != nil || reduct.By != eval.Own) {
			t.Errorf("got %v, %v: no reduct of the expression", reduct, err)
		}
		if fuel > 100 && stops < 15 {
			t.Errorf("it was stopped %d times", stops)
		}
		return
	}
}

// TestHandedOn has a program be reduced by machines that know nothing of one another: each is given what the one before has left to do, as an
// expression, with the blocks below it. The results join to that of one run to the end, to the byte.
func TestHandedOn(t *testing.T) {
	ctx := context.Background()
	more := []struct{ name, src string }{
		{"one after the other", "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\nlet go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)\n\n[fib 16, go 8000 1, fib 17, go 8001 1]"},
		{"twice the same", "let go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)\nlet a = go 9000 1\n\na + sum (map (\\x -> x + a) [1, 2, 3])"},
		{"within another", "let go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)\nlet a = go 9000 1\nlet b = go (a % 9001) a\nlet f x = if b % 2 == 0 then x else go 5000 (b + x)\n\nf 7 + 1"},
		{"an error", "let go i x = if i == 0 then x % (x - x) else go (i - 1) (x * 16807 % 2147483647)\n\n1 + go 9000 1"},
		{"a function", "let go i f = if i == 0 then f else go (i - 1) (\\x -> x + i)\n\n(go 9000 (\\x -> x)) 7"},
		{"deep", "let s n = if n == 0 then 0 else n + s (n - 1)\n\ns 20000 + s 20001"},
		{"within a try", "let go i x = if i == 0 then x % (x - x) else go (i - 1) (x * 16807 % 2147483647)\nlet f x = match try (1 + go 9000 x) { | Ok v -> v | Err e -> e.kind }\n\n[f 1, f 2]"},
		{"try of an expression", "let go i x = if i == 0 then x % (x - x) else go (i - 1) (x * 16807 % 2147483647)\n\n[try (go 9000 1), try (go 9001 1)]"},
		{"callbacks", "let go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)\n\nrange 1 30 |> map (go 500) |> sortBy (go 300) |> fold (\\a x -> a + go 10 x) 0"},
		{"callbacks in each other", "let f n = if n == 0 then 1 else 1 + (map f [n - 1] |> fold (+) 0)\n\nf 3000"},
		{"two in turns", "let f n = if n == 0 then 0 else n + g (n - 1) * 2 % 1000003\nand g n = if n == 0 then 1 else (3 * f (n - 1) - n) % 1000003\n\nf 20000"},
		{"a large value", "let go i xs = if i == 0 then xs else go (i - 1) (xs ++ [i])\n\ngo 9000 []"},
	}
	for _, p := range more {
		t.Run(p.name, func(t *testing.T) {
			expr, blocks := compiled(t, program{src: p.src})
			shop := func() *graph.Memory {
				s := graph.NewMemory()
				s.Put(ctx, stdlib.Blocks()...)
				return s
			}
			all := shop()
			all.Put(ctx, blocks...)
			machine := func(s *graph.Memory, fuel uint64) *eval.Machine {
				return eval.New(eval.Options{Store: s, Load: s.Load, Fuel: fuel, Memory: 8 << 30, Link: eval.Auto})
			}
			want, err := machine(all, 0).Eval(ctx, expr)
			if err != nil {
				t.Fatal(err)
			}
			full := want.Steps
			var links []graph.Reduct
			var result []byte
			executed, at := uint64(0), expr
			all = shop() // what has been handed on, but none of the results
			all.Put(ctx, blocks...)
			for result == nil {
				s := graph.NewMemory()
				err := graph.Closure(ctx, []cid.Cid{at}, all.Load, func(c cid.Cid, data []byte) error { return s.Put(ctx, graph.Block{CID: c, Data: data}) })
				if err != nil {
					t.Fatal(err)
				}
				out, err := machine(s, full/7).Eval(ctx, at)
				executed += out.Reduced
				var stop *eval.Stop
				if !errors.As(err, &stop) {
					if err != nil {
						t.Fatal(err)
					}
					if result, err = s.Load(out.Result); err != nil {
						t.Fatal(err)
					}
					break
				}
				data, err := s.Load(stop.Checkpoint)
				if err != nil {
					t.Fatal(err)
				}
				point, err := graph.DecodeCheckpoint(data)
				if err != nil {
					t.Fatal(err)
				}
				left, ok, err := eval.Remainder(point, s.Load, s)
				if err != nil || !ok || left.Of != at {
					t.Fatalf("after %d: %+v %v %v", len(links), left, ok, err)
				}
				err = graph.Closure(ctx, []cid.Cid{left.To}, s.Load, func(c cid.Cid, data []byte) error { return all.Put(ctx, graph.Block{CID: c, Data: data}) })
				if err != nil {
					t.Fatal(err)
				}
				if links, at = append(links, left), left.To; len(links) > 40 {
					t.Fatal("it comes to no end")
				}
			}
			for i := len(links) - 1; i >= 0; i-- {
				b, err := links[i].Join(result)
				if err != nil {
					t.Fatal(err)
				}
				result = b.Data
			}
			if got := codec.CIDOf(result); got != want.Result || len(links) < 4 {
				r, err := graph.DecodeResult(result, all.Load)
				t.Errorf("got the result %s after %d machines, want %s of %d steps: %+v %v", got, len(links)+1, want.Result, full, r, err)
			}
			if executed > full+full/4 {
				t.Errorf("%d steps were executed, want about %d", executed, full)
			}
			t.Logf("%d machines executed %d steps of %d", len(links)+1, executed, full)
		})
	}
}

// TestStoppedAfterManySteps: steps that were found done already may be more than there ever can be time for, and are counted like others.
func TestStoppedAfterManySteps(t *testing.T) {
	src := "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\nlet spin n = if n == 0 then 1 else spin (n - 1)\nlet h x = fib x + spin 100000\n\nh 66 + h 67"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "many.ros"), []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	result := func(store string, code int, flags ...string) string {
		t.Helper()
		args := append([]string{"--store", store, "run", "--stats"}, flags...)
		_, stderr, exit := command(t, dir, append(args, "many.ros")...)
		if exit != code {
			t.Fatalf("got exit %d, want %d: %s", exit, code, stderr)
		}
		return regexp.MustCompile(`result .*`).FindString(stderr)
	}
	want := result(filepath.Join(dir, "a"), 0)
	b := filepath.Join(dir, "b")
	result(b, 4, "--fuel", "5000")
	result(b, 4, "--fuel", "40000")
	if got := result(b, 0); got != want {
		t.Errorf("stopped and resumed: got %s, want %s", got, want)
	}
}

var resumeLine = regexp.MustCompile(`to go on: rosser resume (\S+)`)

// TestResumeElsewhere stops a program by its fuel in one process, goes on in others, and takes it to another store.
func TestResumeElsewhere(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	run := func(store string, code int, args ...string) (string, string) {
		t.Helper()
		stdout, stderr, exit := command(t, ".", append([]string{"--store", store}, args...)...)
		if exit != code {
			t.Fatalf("%v: got exit %d, want %d: %s", args, exit, code, stderr)
		}
		return stdout, stderr
	}
	checkpoint := func(stderr string) string {
		t.Helper()
		m := resumeLine.FindStringSubmatch(stderr)
		if m == nil {
			t.Fatalf("no checkpoint in %q", stderr)
		}
		return m[1]
	}
	_, stderr := run(a, 4, "run", "--fuel", "200000", "bench/queens.ros")
	first := checkpoint(stderr)
	_, stderr = run(a, 4, "resume", "--fuel", "50000", first)
	second := checkpoint(stderr)
	car := filepath.Join(dir, "stopped.car")
	run(a, 0, "export", second, car)
	run(b, 0, "import", car)

	stdout, stderr := run(b, 0, "resume", "--trust-results", "--stats", second)
	if stdout != "352\n" || !strings.Contains(stderr, "claim") {
		t.Errorf("got %q, %q", stdout, stderr)
	}
	var reduced int
	if i := strings.Index(stderr, "calls "); i < 0 {
		t.Errorf("no counts in %q", stderr)
	} else if fmt.Sscanf(stderr[i:], "calls %d", &reduced); reduced > 377063-250000+1000 {
		t.Errorf("got %d steps reduced, want what was left of 377063 after 250000", reduced)
	}
	if _, stderr := run(a, 3, "result", second); !strings.Contains(stderr, "rosser resume "+second) {
		t.Errorf("result of a checkpoint: got %q, want it to say what that is", stderr)
	}
	for _, args := range [][]string{{"show", second}, {"eval", "@" + second}} {
		if stdout, stderr := run(a, 0, args...); !strings.Contains(stderr, "rosser resume "+second) || !strings.Contains(stdout, `"reducts"`) {
			t.Errorf("%s of a checkpoint: got %q, %q, want it to say what that is", args[0], stdout, stderr)
		}
	}
	stdout, _ = run(a, 0, "resume", second)
	if stdout != "352\n" {
		t.Errorf("got %q", stdout)
	}

	c := filepath.Join(dir, "c")
	run(c, 0, "import", car)
	stdout, stderr = run(c, 0, "resume", second)
	if stdout != "352\n" || !strings.Contains(stderr, "--trust-results") {
		t.Errorf("got %q, %q: want all reduced again, and to be told", stdout, stderr)
	}
}

// TestResumeOfAnythingElse: what is no checkpoint, or not there, is an error that names it.
func TestResumeOfAnythingElse(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	compiled, _, _ := command(t, ".", "--store", store, "compile", "bench/queens.ros")
	fn := strings.Fields(compiled)[1]
	for _, c := range []struct {
		arg  string
		code int
		text string
	}{
		{"nonsense", 2, "nonsense"},
		{fn, 2, "is no checkpoint"},
		{strings.Repeat("b", 59), 2, "bbb"},
		{"bafyreigwqsxdv4unkwgdaxh5zzvvbgjeowpf7e6aajiuqp2lgjcvg6svka", 3, "not found"},
	} {
		if _, stderr, code := command(t, ".", "--store", store, "resume", c.arg); code != c.code || !strings.Contains(stderr, c.text) {
			t.Errorf("resume %s: got exit %d, %q; want %d and %q", c.arg, code, stderr, c.code, c.text)
		}
	}
}
