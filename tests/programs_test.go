// This file runs the programs of tests/programs over the data of tests/data, and what else the command line gives programs.

package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// programs are those of tests/programs, with their arguments, among them files of tests/data.
var programs = []struct {
	name string
	args []string
}{
	{"weather", []string{"csv:weather.csv"}},
	{"spells", []string{"csv:weather.csv"}},
	{"totals", []string{"csv:weather.csv"}},
	{"count", []string{"file:opticks.txt"}},
	{"words", []string{"25", "file:opticks.txt"}},
	{"search", []string{`"(?i)refrangib(le|ility)\\b"`, "file:opticks.txt"}},
	{"changes", []string{"file:gettysburg-hay.txt", "file:gettysburg-bliss.txt"}},
	{"quakes", []string{"json:earthquakes.json"}},
	{"identify", []string{"file:opticks.txt"}},
}

// programArgs is the i-th program's file and arguments, with absolute paths.
func programArgs(i int) []string {
	file, _ := filepath.Abs("programs/" + programs[i].name + ".ros")
	args := []string{file}
	for _, arg := range programs[i].args {
		if kind, name, ok := strings.Cut(arg, ":"); ok && !strings.HasPrefix(arg, `"`) {
			path, _ := filepath.Abs("data/" + name)
			arg = kind + ":" + path
		}
		args = append(args, arg)
	}
	return args
}

// TestPrograms compares each program's value with NAME.json, which was computed without Rosser, and the CIDs of the expression and
// of its Result with the line in results.golden.
func TestPrograms(t *testing.T) {
	facts := make([]string, len(programs))
	t.Run("values", func(t *testing.T) {
		for i, p := range programs {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				args := append([]string{"run", "--as", "json", "--stats"}, programArgs(i)...)
				out, errText, exit := command(t, dir, args...)
				if exit != 0 {
					t.Fatalf("exit %d\n%s", exit, errText)
				}
				s := stats(errText)
				facts[i] = fmt.Sprintf("%s %s %s\n", p.name, s["expression"], s["result"])
				data, err := os.ReadFile("programs/" + p.name + ".json")
				if err != nil {
					t.Fatal(err)
				}
				var got, want any
				if err := json.Unmarshal([]byte(out), &got); err != nil {
					t.Fatalf("%v in %.300q", err, out)
				}
				if err := json.Unmarshal(data, &want); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got\n%.3000s\nwant\n%.3000s", out, data)
				}
				// Again: the same answer to the byte, now from the store.
				if again, errText, _ := command(t, dir, args...); again != out {
					t.Errorf("again: got %.500q, want %.500q\n%s", again, out, errText)
				}
			})
		}
	})
	got, golden := strings.Join(facts, ""), "programs/results.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || got != string(want) {
		t.Errorf("%s: %v; got\n%swant\n%s", golden, err, got, want)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"add.ros": `\a b -> a + b`, "show.ros": `\x -> [Ipld.kind x, x]`, "value.ros": "1 + 1", "three.ros": "let f x y z = [x, y, z]\nf 1",
		"data.json": `{"a": [1, 2.5]}`, "data.csv": "a,b\n1,x\n", "data.txt": "h\u00e9\n", "bad.json": `{"a":`, "definitions.ros": "let f x = x\nlet g x = f x",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args string
		exit int
		want string
	}{
		{"add.ros 1 2", 0, "3"},
		{"add.ros 1+1 [1].0", 0, "3"},
		{"-- add.ros 1 -2", 0, "-1"},
		{"three.ros 2 3", 0, "[1,2,3]"},
		{"show.ros json:data.json", 0, `["map",{"a":[1,2.5]}]`},
		{"show.ros csv:data.csv", 0, `["list",[{"a":"1","b":"x"}]]`},
		{"show.ros file:data.txt", 0, `["bytes",{"/":{"bytes":"aMOpCg"}}]`},
		{"show.ros Some(1)", 0, `["map",{"Some":1}]`},
		{"value.ros", 0, "2"},
		{"data.json", 0, `{"a":[1,2.5]}`},
		{"value.ros 1", 1, "not a function"},
		{"add.ros 1 (", 2, ""},
		{"add.ros 1 unknownName", 2, "unknownName"},
		{"show.ros json:bad.json", 2, "bad.json:1:6: got the end, want a value"},
		{"show.ros json:gone.json", 2, "gone.json"},
		{"gone.ros", 2, "gone.ros"},
		{"--fuel x value.ros", 2, ""},
	} {
		args := append([]string{"run", "--as", "json", "--link", "none"}, strings.Fields(c.args)...)
		out, errText, exit := command(t, dir, args...)
		if exit != c.exit || exit == 0 && strings.TrimSpace(out) != c.want || !strings.Contains(out+errText, c.want) {
			t.Errorf("run %s: got exit %d and %.200q, want exit %d and %q\n%.500s", c.args, exit, out, c.exit, c.want, errText)
		}
	}
}

// TestPolicies runs programs with every policy of linking, in empty stores and in one that knows the answer. Value,
// error, Result and steps never depend on it.
func TestPolicies(t *testing.T) {
	t.Parallel()
	runs := map[string][]string{} // files by where they come from, with their arguments
	for i, p := range programs {
		runs[p.name] = programArgs(i)
	}
	dir := t.TempDir()
	add := func(name, src string) {
		file := fmt.Sprintf("%d.ros", len(runs))
		write(t, dir, file, src)
		runs[name] = []string{filepath.Join(dir, file)}
	}
	for i, src := range []string{
		"fold (+) 0 (range 1 1000)",
		"let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2) in fib 16",
		"let f n = if n == 0 then 1 // 0 else f (n - 1) + 1 in f 100",
		"try (map (\\x -> 10 // x) [1, 0])",
		"let s = lazy (fold (+) 0 (range 1 5000)) in [s + 1, s + 2]",
		"range 1 3000 |> map (\\x -> x * 7919 % 3001) |> sort |> length",
	} {
		add(fmt.Sprint("expression ", i+1), src)
	}
	for file, cases := range goldenCases(t) {
		for _, c := range cases {
			add(fmt.Sprintf("%s:%d", filepath.Base(file), c.start+1), source(fileLines(t, file), c))
		}
	}
	for name, program := range runs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policies(t, program...)
		})
	}
}

func policies(t *testing.T, program ...string) {
	root := t.TempDir()
	var first, result string
	for _, run := range []struct{ store, link string }{
		{"all", "all"}, {"all", "auto"}, {"all", "none"}, {"auto", "auto"}, {"auto", "all"}, {"none", "none"},
	} {
		args := []string{"run", "--store", filepath.Join(root, run.store), "--as", "json", "--stats", "--link", run.link}
		out, errText, exit := command(t, root, append(args, program...)...)
		s := stats(errText)
		if exit > 1 || s["steps"] == "" {
			t.Fatalf("--link %s: got exit %d\n%.1000s", run.link, exit, errText)
		}
		message, _, _ := strings.Cut(errText, "\n")
		if exit == 0 {
			message = ""
		}
		facts := fmt.Sprintf("exit %d, %s, expression %s, steps %s, %s", exit, out, s["expression"], s["steps"], message)
		if first == "" {
			first, result = facts, s["result"]
		}
		if facts != first || s["result"] != "" && s["result"] != result {
			t.Errorf("--link %s, where --link %s had filled the store, got\n%.500s, result %s\nwant\n%.500s, result %s",
				run.link, run.store, facts, s["result"], first, result)
		}
	}
}
