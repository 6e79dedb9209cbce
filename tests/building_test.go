// This file times how lists and maps of a million elements are built, by each route there is, against CPython's list and dict:
// go test -bench Building ./tests

package tests

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// routes are ways to build a list or map of N elements, and what a program for CPython does to get the same. Both print its length, or the sum of what was counted in it.
var routes = []struct{ name, source, python string }{
	{"append", "let go i xs = if i == N then xs else go (i + 1) (xs ++ [i])\nlength (go 0 [])", loop("xs.append(i)")},
	{"cons", "let go i xs = if i == N then xs else go (i + 1) ([i] ++ xs)\nlength (go 0 [])", loop("xs.append(i)")},
	{"spread", "let go i xs = if i == N then xs else go (i + 1) [...xs, i]\nlength (go 0 [])", loop("xs.append(i)")},
	{"foldAppend", "range 1 N |> fold (\\xs x -> xs ++ [x]) [] |> length", loop("xs.append(i)")},
	{"foldrCons", "range 1 N |> foldr (\\x xs -> [x] ++ xs) [] |> length", loop("xs.append(i)")},
	{"recursion", "let go i = if i == N then [] else [i] ++ go (i + 1)\nlength (go 0)", deep("def go(i):\n  if i == N: return []\n  xs = go(i + 1); xs.append(i); return xs\n", "len(go(0))")},
	{"halves", "let go a b = if b - a == 1 then [a] else let m = (a + b) // 2 in go a m ++ go m b\nlength (go 0 N)",
		"def go(a, b):\n  if b - a == 1: return [a]\n  m = (a + b) // 2\n  return go(a, m) + go(m, b)\nprint(len(go(0, N)))"},
	{"map", "range 1 N |> map (\\x -> x + 1) |> length", "print(len([x + 1 for x in range(N)]))"},
	{"filter", "range 1 N |> filter (\\x -> x > 0) |> length", "print(len([x for x in range(1, N + 1) if x > 0]))"},
	{"flatMap", "range 1 (N // 2) |> flatMap (\\x -> [x, x]) |> length", "print(len([y for x in range(N // 2) for y in [x, x]]))"},
	{"concat", "range 1 (N // 10) |> map (\\x -> range 1 10) |> concat |> length", "print(len([y for x in range(N // 10) for y in range(10)]))"},
	{"unfold", "List.unfold (\\i -> if i < N then Some [i, i + 1] else None) 0 |> length",
		"def unfold(f, seed):\n  xs = []\n  while (s := f(seed)) is not None:\n    x, seed = s; xs.append(x)\n  return xs\nprint(len(unfold(lambda i: (i, i + 1) if i < N else None, 0)))"},
	{"scan", "range 1 (N - 1) |> List.scan (+) 0 |> length", "from itertools import accumulate\nprint(len(list(accumulate(range(N - 1), lambda a, b: a + b, initial=0))))"},
	{"reverse", "range 1 N |> reverse |> length", "print(len(list(reversed(list(range(N))))))"},
	{"zip", "let xs = range 1 N\nzip xs xs |> length", "xs = list(range(N))\nprint(len([[a, b] for a, b in zip(xs, xs)]))"},
	{"sort", "range 1 N |> map (\\x -> x * 7919 % 1000003) |> sort |> length", "print(len(sorted([x * 7919 % 1000003 for x in range(N)])))"},
	{"split", "range 1 N |> map show |> Text.join \",\" |> Text.split \",\" |> length", "print(len(','.join([str(x) for x in range(N)]).split(',')))"},
	{"unique", "range 1 N |> unique |> length", "print(len(list(dict.fromkeys(range(N)))))"},
	{"insert", "range 1 N |> fold (\\m i -> Map.insert (show i) i m) {} |> length", loop("m[str(i)] = i")},
	{"insertRandom", "range 1 N |> fold (\\m i -> Map.insert (show (i * 7919 % 1000003)) i m) {} |> length", loop("m[str(i * 7919 % 1000003)] = i")},
	{"merge", "range 1 N |> fold (\\m i -> Map.merge m (Map.fromEntries [[show i, i]])) {} |> length", loop("m.update({str(i): i})")},
	{"mergeBefore", "range 1 N |> fold (\\m i -> {...Map.fromEntries [[show i, i]], ...m}) {} |> length", loop("m.setdefault(str(i), i)")},
	{"update", "range 1 N |> fold (\\m i -> Map.update (show (i // 2)) (\\o -> match o { | Some n -> n + 1 | None -> 1 }) m) {} |> Map.values |> sum",
		"m = {}\nfor i in range(N):\n  k = str(i // 2); m[k] = m.get(k, 0) + 1\nprint(sum(m.values()))"},
	{"remove", "let m = range 1 (2 * N) |> map (\\i -> [show i, i]) |> Map.fromEntries\nrange 1 N |> fold (\\m i -> Map.remove (show i) m) m |> length",
		"m = dict([[str(i), i] for i in range(2 * N)])\nfor i in range(N): del m[str(i)]\nprint(len(m))"},
	{"fromEntries", "range 1 N |> map (\\i -> [show i, i]) |> Map.fromEntries |> length", "print(len(dict([[str(i), i] for i in range(N)])))"},
	{"fromKeys", "range 1 N |> map show |> Map.fromKeys (\\k -> k) |> length", "print(len({k: k for k in [str(i) for i in range(N)]}))"},
	{"mapMap", "range 1 N |> map (\\i -> [show i, i]) |> Map.fromEntries |> Map.map (\\k v -> v + 1) |> length",
		"m = dict([[str(i), i] for i in range(N)])\nprint(len({k: v + 1 for k, v in m.items()}))"},
	{"groupBy", "range 1 N |> groupBy (\\i -> show (i // 10)) |> Map.values |> concat |> length",
		"m = {}\nfor i in range(N): m.setdefault(str(i // 10), []).append(i)\nprint(len([x for xs in m.values() for x in xs]))"},
	{"indexBy", "range 1 N |> List.indexBy show |> length", "m = {}\nfor i in range(N): m.setdefault(str(i), []).append(i)\nprint(len({k: v[-1] for k, v in m.items()}))"},
}

// loop is a program that does something with i, a list xs or a dict m, N times.
func loop(do string) string {
	return "xs, m = [], {}\nfor i in range(N): " + do + "\nprint(len(xs or m))"
}

// deep is a program that prints the value of expr, with a stack for deep recursion.
func deep(def, expr string) string {
	return "import sys, threading\nsys.setrecursionlimit(10**9); threading.stack_size(2**31 - 4096)\n" + def +
		"t = threading.Thread(target=lambda: print(" + expr + ")); t.start(); t.join()"
}

var wordN = regexp.MustCompile(`\bN\b`)

// of has n elements where a text says N.
func of(n, text string) string { return wordN.ReplaceAllString(text, n) }

// TestRoutes builds each with a few elements, so that a benchmark cannot rot unseen.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, r := range routes {
		if out, errText, exit := command(t, t.TempDir(), "eval", of("3000", r.source)); exit != 0 || out != "3000\n" {
			t.Errorf("%s: got exit %d and %q, want 3000\n%s", r.name, exit, out, errText)
		}
	}
}

// BenchmarkBuilding reports processor time over that of CPython, start-up taken off both, the least of the runs of each.
func BenchmarkBuilding(b *testing.B) {
	python, err := exec.LookPath("python3")
	if err != nil {
		b.Skip("there is no python3")
	}
	dir := b.TempDir()
	seconds := func(name string, args ...string) float64 {
		cmd := exec.Command(name, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	ours := func(source string) float64 {
		return seconds(rosser, "--store", filepath.Join(dir, "store"), "eval", "--link", "none", source)
	}
	theirs := func(source string) float64 { return seconds(python, "-c", source) }
	for _, r := range routes {
		b.Run(r.name, func(b *testing.B) {
			least := [4]float64{1e9, 1e9, 1e9, 1e9}
			for b.Loop() {
				for i, seconds := range [4]float64{ours(of("1000000", r.source)), ours("0"), theirs(of("1000000", r.python)), theirs("print(0)")} {
					least[i] = min(least[i], seconds)
				}
			}
			b.ReportMetric(least[0]-least[1], "s")
			b.ReportMetric((least[0]-least[1])/(least[2]-least[3]), "python-ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}
