// This file tests the library as it is embedded: its files are what the generator writes, every name's documentation tells the
// truth, and the reference leaves nothing out.

package stdlib_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

func TestGenerateIsANoOp(t *testing.T) {
	if out, err := exec.Command("go", "run", "./gen", "-check").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// evaluate runs a program and gives its value, or the program's error as {kind, value}.
func evaluate(t *testing.T, source string) (graph.Value, bool) {
	t.Helper()
	tree, wrong := lang.Parse("test.ros", []byte(source))
	if len(wrong) > 0 {
		t.Fatalf("%v", wrong)
	}
	store := graph.NewMemory()
	load := func(c cid.Cid) ([]byte, error) {
		if data, ok := stdlib.Block(c); ok {
			return data, nil
		}
		return store.Block(context.Background(), c)
	}
	unit, wrong := compile.File(tree, compile.Options{Prelude: stdlib.Lookup, Names: stdlib.Names, Load: load})
	if len(wrong) > 0 {
		t.Fatalf("%v", wrong)
	}
	if err := store.Put(context.Background(), unit.Blocks...); err != nil {
		t.Fatal(err)
	}
	m := eval.New(eval.Options{Store: store, Load: load, Link: eval.None, Fuel: 10_000_000, Memory: 1 << 30})
	out, err := m.Eval(context.Background(), unit.BodyCID)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	if out.Error != nil {
		return graph.Record("kind", out.Error.Err.Kind, "value", out.Error.Err.Value), false
	}
	return out.Value, true
}

func show(t *testing.T, v graph.Value) string {
	t.Helper()
	text, err := graph.AppendJSON(nil, v, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every name is documented by what it is, and by an example that holds.
func TestExamples(t *testing.T) {
	for _, name := range stdlib.Names() {
		about, ok := stdlib.About(name)
		if !ok {
			t.Fatalf("no about block for %s", name)
		}
		if !strings.HasPrefix(about.Doc, "`"+name+" ") && !strings.HasPrefix(about.Doc, "`"+name+"` ") {
			t.Errorf("%s: the documentation begins %.40q, want its use in backquotes", name, about.Doc)
		}
		examples := 0
		for _, p := range lang.ParseDoc(about.Doc) {
			if p.Kind != lang.DocExample {
				continue
			}
			examples++
			got, _ := evaluate(t, p.Text)
			if expected, _ := evaluate(t, p.Want); show(t, got) != show(t, expected) {
				t.Errorf("%s: %s is %s, want %s", name, p.Text, show(t, got), p.Want)
			}
		}
		if examples == 0 {
			t.Errorf("%s: no example", name)
		}
	}
}

// What is written in Rosser, where an example is not enough.
func TestDefinitions(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`reduce (+) 0 []`, `0`},
		{`reduce (++) "" ["a", "b", "c"]`, `"abc"`},
		{`let n = 5000 in reduce (++) [] (map (\x -> [x]) (range 1 n)) == range 1 n`, `true`},
		{`let xs = range 1 4096 in reduce (+) 1 xs == 1 + sum xs`, `true`},
		// Each run has its zero.
		{`let xs = range 1 20000 in let cuts = List.cuts xs in (length cuts > 10) && reduce (+) 0 xs == sum xs && reduce (+) 1 xs == sum xs + length cuts + 1`, `true`},
		// What comes before a cut is sixteen elements; one value over and over has none, and is cut behind 1,024.
		{`let xs = map (\i -> i * i * i // 977 % 2 == 0) (range 1 20000) in length (List.cuts xs) > 10`, `true`},
		{`List.cuts (repeat 5000 true)`, `[1024,2048,3072]`},
		{`reduce (+) 1 (repeat 20000 0)`, `19`},
		// Behind a change the cuts are the same again, also where the elements come again and again.
		{`let xs = range 1 20000 in let far = filter (\e -> e > 5100) (List.cuts xs) in map (\e -> e - 100) far == filter (\e -> e > 5000) (List.cuts (drop 100 xs))`, `true`},
		{`let xs = map (\i -> i * 7919 % 1000) (range 1 20000) in let far = filter (\e -> e > 5000) (List.cuts xs) in (length far > 10) && map (\e -> e + 1) far == filter (\e -> e > 5001) (List.cuts [5, ...xs])`, `true`},
		{`reduce (+) 0 (repeat 5000 1)`, `5000`},
		{`product []`, `1`},
		{`product [2, 0.5, 3]`, `3.0`},
		{`unzip []`, `[[],[]]`},
		{`try (not 1)`, `{"Err":{"kind":"wrong kind","value":{"got":1,"want":"bool"}}}`},
		{`Map.update "b" (\old -> old) {a: 1}`, `{"a":1,"b":{"None":null}}`},
		{`{a: 1} |> Map.insert "b" 2 |> Map.remove "a" |> Map.entries`, `[["b",2]]`},
		{`try (Test.equal 1 2)`, `{"Err":{"kind":"test failed","value":{"actual":2,"expected":1}}}`},
		{`try (Test.equal 1 1.0)`, `{"Ok":true}`},
		{`try (Test.fails (lazy 1))`, `{"Err":{"kind":"test failed","value":{"actual":1,"expected":"an error"}}}`},
		{`try (Test.fails \_ -> 1)`, `{"Err":{"kind":"test failed","value":{"actual":1,"expected":"an error"}}}`},
		{`try (Test.fails 3)`, `{"Err":{"kind":"test failed","value":{"actual":3,"expected":"an error"}}}`},
		{`Test.fails \x -> x.name`, `true`},
		{`force (lazy (lazy 1))`, `1`},
		{`Ipld.kind (id (lazy (error 1)))`, `"lazy"`},
		{`let xs = lazy [1, lazy (1 // 0)] in [length xs, try (forceDeep xs)]`, `[2,{"Err":{"kind":"divide by zero","value":1}}]`},
		{`let ones = lazy {head: 1, tail: ones} in (force ones).tail.tail.head`, `1`},
		{`groupBy (\x -> if x > 1 then "big" else 0) [1, 2, 3, 0]`, `{"0":[1,0],"big":[2,3]}`},
		{`Seq.length [1, 2]`, `2`},
	} {
		if got, _ := evaluate(t, c.expr); show(t, got) != c.want {
			t.Errorf("%s: got %s, want %s", c.expr, show(t, got), c.want)
		}
	}
}

// names.golden, the embedded blocks and what Lookup says agree, and every block has its CID.
func TestNames(t *testing.T) {
	file, err := os.Open("names.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var names []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := strings.Fields(lines.Text())
		names = append(names, f[0])
		module, name, ok := strings.Cut(f[0], ".")
		if !ok {
			module, name = "", f[0]
		}
		term, ok := stdlib.Lookup(module, name)
		if !ok {
			t.Errorf("%s is in names.golden, but not in the library", f[0])
			continue
		}
		about, _ := stdlib.About(f[0])
		if about.Term.String() != f[1] || about.Name != f[0] {
			t.Errorf("%s: about says %s, %s, want %s", f[0], about.Name, about.Term, f[1])
		}
		if term.Op == graph.OpRef && term.CID.String() != f[1] || term.Op == graph.OpPrim && (len(f) < 3 || f[2] != term.Name) {
			t.Errorf("%s: got %v, want %v", f[0], term, f[1:])
		}
		data, ok := stdlib.Block(about.Term)
		if !ok || codec.CIDOf(data) != about.Term {
			t.Errorf("%s: the block %s is missing or damaged", f[0], about.Term)
		}
		if known, ok := stdlib.NameOf(about.Term); !ok || known > f[0] {
			t.Errorf("NameOf(%s) is %q", about.Term, known)
		}
	}
	if want := stdlib.Names(); !slices.Equal(names, want) {
		t.Errorf("names.golden has %v, the library %v", names, want)
	}
	if _, ok := stdlib.Lookup("", "nothing"); ok {
		t.Error("Lookup knows nothing")
	}
	if term, ok := stdlib.Lookup("Match", "tag"); !ok || term.Name != "match.tag" {
		t.Errorf("Match.tag: got %v, want the primitive match.tag", term)
	}
}

// The names that LANGUAGE promises.
func TestComplete(t *testing.T) {
	promised := map[string]string{
		"": `id const flip not error show force forceDeep debug parseInt parseFloat toFloat floor ceil round truncate sqrt abs min max pow gcd
			length map filter fold foldr reduce reverse range sum product sort sortBy sortWith take drop takeWhile dropWhile zip zipWith unzip
			any all find concat flatMap unique groupBy partition head last at indexOf contains repeat enumerate minimum maximum isEmpty`,
		"Text": "length split join lines words chars codes fromCodes upper lower trim contains startsWith endsWith indexOf replace slice padLeft padRight repeat reverse " +
			"trimLeft trimRight isBlank capitalize foldCase category",
		"Math":  "pi e exp expm1 log log1p log2 log10 sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh cbrt hypot isqrt",
		"Bytes": "length slice toList fromList text fromText hex fromHex base64 fromBase64",
		"Map":   "keys values entries fromEntries get has insert remove merge map filter fold update",
		"Json":  "parse show", "Csv": "parse show", "Hash": "sha256", "Ipld": "link cid load kind", "Test": "equal fails",
	}
	names := stdlib.Names()
	for module, promise := range promised {
		for _, name := range strings.Fields(promise) {
			if full := stdlib.Join(module, name); !slices.Contains(names, full) {
				t.Errorf("there is no %s", full)
			}
		}
		// What needs no module stays what is promised: the rest has a place in one.
		if module == "" {
			for _, name := range names {
				if !strings.Contains(name, ".") && !slices.Contains(strings.Fields(promise), name) {
					t.Errorf("%s is not promised", name)
				}
			}
		}
	}
}

// What is a file's own has no name in programs, but one in messages.
func TestOwn(t *testing.T) {
	if term, ok := stdlib.Lookup("Date", "_two"); ok {
		t.Errorf("a program can write Date._two: %v", term)
	}
	own := 0
	for _, b := range stdlib.Blocks() {
		if name, ok := stdlib.NameOf(b.CID); ok && strings.Contains(name, "._") {
			own++
		}
	}
	if own < 10 {
		t.Errorf("got %d names that are their file's own", own)
	}
}

// Every name's documentation says the cost, once.
func TestCosts(t *testing.T) {
	for _, name := range stdlib.Names() {
		if about, _ := stdlib.About(name); strings.Count(about.Doc, "\nCost: ") != 1 {
			t.Errorf("%s: the documentation does not say the cost, once, in a line of its own", name)
		}
	}
}

// The reference names every primitive, every name and every kind of error, and no kind that there is not.
func TestReference(t *testing.T) {
	page, err := os.ReadFile("../lang/REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	reference := string(page)
	for name, p := range eval.Prims() {
		if !strings.Contains(reference, "- `"+name+"` ") {
			t.Errorf("the reference lacks the primitive %s", name)
		}
		if !strings.Contains(p.Doc, "cost: ") && !strings.Contains(p.Doc, "costs nothing") {
			t.Errorf("%s: %q says nothing of the cost", name, p.Doc)
		}
	}
	for _, name := range stdlib.Names() {
		if !strings.Contains(reference, "- `"+name+" ") && !strings.Contains(reference, "- `"+name+"` is") {
			t.Errorf("the reference lacks %s", name)
		}
	}
	_, section, ok := strings.Cut(reference, "## Error kinds\n")
	if !ok {
		t.Fatal("the reference has no section on error kinds")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	fail := regexp.MustCompile(`Fail\("([^"]*)"`)
	files, _ := filepath.Glob("../eval/*.go")
	kinds := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range fail.FindAllStringSubmatch(string(source), -1) {
			kinds[match[1]] = true
		}
	}
	listed := map[string]bool{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]*)` \\|").FindAllStringSubmatch(section, -1) {
		listed[match[1]] = true
	}
	for kind := range kinds {
		if !listed[kind] {
			t.Errorf("the reference lacks the error kind %q", kind)
		}
	}
	for kind := range listed {
		if !kinds[kind] {
			t.Errorf("the reference lists the error kind %q, which nothing makes", kind)
		}
	}
}
