// This file tests what source compiles to: golden programs, errors, and long chains.

package compile

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// testPrelude knows every primitive by its capitalised name, and a few plain names.
func testPrelude(module, name string) (*graph.Term, bool) {
	if module != "" {
		return &graph.Term{Op: graph.OpPrim, Name: strings.ToLower(module[:1]) + module[1:] + "." + name}, true
	}
	switch name {
	case "map", "fold", "range", "filter", "zipWith":
		return &graph.Term{Op: graph.OpPrim, Name: "list." + name}, true
	case "show", "force", "error":
		return &graph.Term{Op: graph.OpPrim, Name: "core." + name}, true
	}
	return nil, false
}

func compileSource(src string) (*Unit, lang.Errors) {
	f, errs := lang.Parse("test.ros", []byte(src))
	if len(errs) > 0 {
		return nil, errs
	}
	return File(f, Options{Prelude: testPrelude, Names: func() []string { return []string{"map", "fold", "range"} }})
}

// mustCompile compiles a program and checks every block that it makes.
func mustCompile(t testing.TB, src string) *Unit {
	t.Helper()
	u, errs := compileSource(src)
	if len(errs) > 0 {
		t.Fatalf("%.300s\n%.2000s", src, errs)
	}
	checkBlocks(t, u)
	return u
}

// checkBlocks loads every block strictly, and checks that its children came before it.
func checkBlocks(t testing.TB, u *Unit) {
	t.Helper()
	have := map[cid.Cid][]byte{}
	load := func(c cid.Cid) ([]byte, error) {
		if data, ok := have[c]; ok {
			return data, nil
		}
		return nil, graph.NotFound(c)
	}
	for _, b := range u.Blocks {
		if _, ok := have[b.CID]; ok {
			t.Fatalf("block %s came twice", b.CID)
		}
		have[b.CID] = b.Data
		if !graph.IsCode(b.Data) {
			continue
		}
		term, err := graph.DecodeCode(b.CID, b.Data, load)
		if err != nil {
			t.Fatalf("%v\n%s", err, dump(u, b.CID))
		}
		n := 0
		graph.Walk(term, func(_ int, x *graph.Term) {
			n++
			if x.Op == graph.OpRef || x.Op == graph.OpMember {
				if have[x.CID] == nil {
					t.Fatalf("block %s came before its child %s", b.CID, x.CID)
				}
			}
		})
		if spans := u.Spans[b.CID]; len(spans) != n {
			t.Fatalf("block %s has %d nodes and %d spans", b.CID, n, len(spans))
		}
	}
}

// dump writes the term of a block, links followed.
func dump(u *Unit, c cid.Cid) string {
	load := unitLoader(u)
	var text func(t *graph.Term) string
	block := func(c cid.Cid) string {
		t, err := graph.LoadCode(c, load)
		if err != nil {
			return err.Error()
		}
		return "<" + text(t) + ">"
	}
	text = func(t *graph.Term) string {
		var args []string
		for i, a := range t.Args {
			s := text(a)
			if t.Op == graph.OpMap && a.Op != graph.OpSpread {
				s = t.Keys[i] + ": " + s
			}
			args = append(args, s)
		}
		all := strings.Join(args, " ")
		switch t.Op {
		case graph.OpRef:
			return block(t.CID)
		case graph.OpVar:
			return fmt.Sprintf("%d", t.Index)
		case graph.OpLam:
			return fmt.Sprintf("\\%d %s", t.Arity, all)
		case graph.OpApp:
			return "(" + all + ")"
		case graph.OpRec:
			return "rec " + strings.Join(args, " and ")
		case graph.OpMember:
			return fmt.Sprintf("%s.%d", block(t.CID), t.Index)
		case graph.OpSelf:
			return fmt.Sprintf("self%d", t.Index)
		case graph.OpPrim:
			return t.Name
		case graph.OpLet:
			return "let " + all
		case graph.OpIf:
			return "if " + all
		case graph.OpGet:
			return all + "." + t.Name
		case graph.OpList:
			return "[" + all + "]"
		case graph.OpMap:
			return "{" + all + "}"
		case graph.OpSpread:
			return "..." + all
		case graph.OpLit:
			s, err := graph.AppendJSON(nil, t.Value, nil)
			if err != nil {
				return err.Error()
			}
			return string(s)
		case graph.OpTry:
			return "try " + all
		case graph.OpLazy:
			return "lazy " + all
		}
		return "?"
	}
	return block(c)
}

var update = flag.Bool("update", false, "rewrite the golden file")

// TestGolden holds the code that programs become. Each program in the file is followed by its terms, in which <…> is
// a block of its own and a number is a variable, and by the CID of its final expression.
func TestGolden(t *testing.T) {
	const name = "testdata/golden.txt"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, entry := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n\n") {
		src, want, ok := strings.Cut(entry, "\n=")
		if !ok {
			t.Fatalf("no = after %s", src)
		}
		u := mustCompile(t, src)
		got := fmt.Sprintf(" %s\n= %s", dump(u, u.BodyCID), u.BodyCID)
		if got != want && !*update {
			t.Errorf("%s\n got %s\nwant %s", src, got, want)
		}
		fmt.Fprintf(&out, "%s\n=%s\n\n", src, got)
	}
	if *update {
		if err := os.WriteFile(name, []byte(strings.TrimSuffix(out.String(), "\n")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnit checks what a unit says beside its blocks.
func TestUnit(t *testing.T) {
	src := "## Adds one.\n## Twice.\nlet inc x = x + 1\nlet [a, b] = [inc 1, 1 + 2]\nlet f y = g y\nlet g [z] w = f z // 2\nlet n = 5\nlet plus = (+)\nlet later = lazy (inc n)\n[inc, a, 1 + 2]"
	u := mustCompile(t, src)
	var names []string
	for _, d := range u.Defs {
		names = append(names, d.Name)
		about, err := graph.DecodeAbout(graph.EncodeAbout(d.About, nil).Data)
		if err != nil {
			t.Fatalf("%s: %v", d.Name, err)
		}
		if about.Term != d.CID {
			t.Errorf("%s is %s, its about says %s", d.Name, d.CID, about.Term)
		}
		if _, err := graph.LoadCode(d.CID, unitLoader(u)); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		for _, b := range d.About.Spans {
			for _, s := range b.Spans {
				if s[0] > s[1] || s[1] > len(d.About.Source) {
					t.Errorf("%s: span %v is not in %q", d.Name, s, d.About.Source)
				}
			}
		}
	}
	if got := strings.Join(names, " "); got != "inc a b f g n plus later" {
		t.Errorf("got definitions %s", got)
	}
	inc := u.Defs[0].About
	if inc.Doc != "Adds one.\nTwice." || len(inc.Params) != 1 || inc.Params[0] != "x" || !strings.Contains(inc.Source, "inc x = x + 1") {
		t.Errorf("got %+v", inc)
	}
	if g := u.Defs[4].About; strings.Join(g.Params, " ") != "[z] w" {
		t.Errorf("got parameters %q of g", g.Params)
	}
	if op := u.Defs[5].Term.Op; op != graph.OpLit {
		t.Errorf("n is %d", op)
	}
	if op := u.Defs[6].Term.Op; op != graph.OpPrim {
		t.Errorf("plus is %d", op)
	}
	if u.Defs[0].Term.Arity != 1 || u.Defs[4].Term.Arity != 2 || u.Defs[1].Term.Arity != 0 {
		t.Error("arities of inc, g and a are not 1, 2 and 0")
	}
	// The spans of inc's block are those of its text, wherever it is compiled.
	spans := u.Spans[u.Defs[0].CID]
	var texts []string
	for _, s := range spans {
		texts = append(texts, u.File.Source[s.Start:s.End])
	}
	if got := strings.Join(texts[1:], "|"); got != "x + 1|+|x|1" {
		t.Errorf("got spans %q", got)
	}
	// An expression that stands in two definitions has its place in both.
	found := 0
	for _, s := range u.Defs[1].About.Spans {
		for _, at := range s.Spans {
			if u.Defs[1].About.Source[at[0]:at[1]] == "1 + 2" {
				found++
			}
		}
	}
	if found == 0 {
		t.Error("the place of 1 + 2 in a is not known")
	}
}

// TestImports compiles what imports bring.
func TestImports(t *testing.T) {
	other := mustCompile(t, "let f x = x + n\nlet n = 3\nlet e = f 1")
	library := map[string]*graph.Term{"f": {Op: graph.OpRef, CID: other.Defs[0].CID}}
	compile := func(src string) (*Unit, lang.Errors) {
		f, errs := lang.Parse("test.ros", []byte(src))
		if len(errs) > 0 {
			return nil, errs
		}
		return File(f, Options{
			Prelude: testPrelude,
			Load:    unitLoader(other),
			ImportFile: func(from, path string) (*Unit, error) {
				if from != "test.ros" || path != "./other.ros" {
					return nil, fmt.Errorf("no file %s", path)
				}
				return other, nil
			},
			ImportLibrary: func(cid.Cid) (map[string]*graph.Term, error) { return library, nil },
		})
	}
	want := mustCompile(t, "let f x = x + 3\n\\y -> f y + f 1").BodyCID
	for _, src := range []string{
		"let m = import \"./other.ros\"\n\\y -> m.f y + m.e",
		"let m = import @bafyreihbvwc2vya4guk5jiwdwrzkocbwq34rb3i3hg6vsajdgdwcjcut7m\n\\y -> m.f y + m.f 1",
		"let m = import @bafyreihbvwc2vya4guk5jiwdwrzkocbwq34rb3i3hg6vsajdgdwcjcut7m\n\\y -> let g = m.f in g y + g 1",
	} {
		u, errs := compile(src)
		if len(errs) > 0 {
			t.Fatalf("%s\n%s", src, errs)
		}
		if u.BodyCID != want {
			t.Errorf("%s\n got %s\nwant %s", src, u.BodyCID, want)
		}
	}
	for _, c := range []struct{ src, want string }{
		{"let m = import \"./other.ros\"\nm.ff", "m has no ff; did you mean f?"},
		{"let m = import \"./other.ros\"\n[m]", "m is an import: it can only be followed by .name"},
		{"let m = import \"./another.ros\"\n[m.x, m.y]", "no file ./another.ros"},
		{"let m = import \"./other.ros\"\n\\m -> [m.x, y]", "unknown name y"},
	} {
		_, errs := compile(c.src)
		if len(errs) != 1 || !strings.Contains(errs.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.src, errs, c.want)
		}
	}
}

// An import of data is a definition whose right side is the data.
func TestImportData(t *testing.T) {
	var asked []string
	compileWith := func(src string, data func(from, kind, path string) (*graph.Term, error)) (*Unit, lang.Errors) {
		f, errs := lang.Parse("dir/test.ros", []byte(src))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		return File(f, Options{Prelude: testPrelude, ImportData: data})
	}
	rows := graph.NewList(graph.Int(1), graph.Text(strings.Repeat("long ", 20000)))
	u, errs := compileWith("let rows = import \"csv:a:b.csv\"\nlet f x = [x, rows, rows.0]\nlet [a, b] = rows\nf rows", func(from, kind, path string) (*graph.Term, error) {
		asked = append(asked, from, kind, path)
		return &graph.Term{Op: graph.OpLit, Value: rows}, nil
	})
	if len(errs) > 0 || strings.Join(asked, " ") != "dir/test.ros csv a:b.csv" {
		t.Fatal(asked, errs)
	}
	checkBlocks(t, u)
	if d, ok := u.Lookup("rows"); !ok || d.Op != graph.OpLit || !d.Value.Same(rows) {
		t.Error("rows is not the data")
	}
	if _, ok := u.Lookup("b"); !ok {
		t.Error("the names of a pattern over data are not defined")
	}
	bad := func(_, _, path string) (*graph.Term, error) { return nil, fmt.Errorf("%s: cannot be read", path) }
	for src, want := range map[string]string{
		"let x = 1\nlet rows = import \"json:a.json\"\nrows": "2:12: in rows: a.json: cannot be read",
		"let rows = import \"xml:a\"\n1":                     "1:12: in rows: nothing can be imported here",
	} {
		_, errs := compileWith(src, bad)
		if !strings.Contains(errs.Error(), "dir/test.ros:"+want) {
			t.Errorf("%q: got %v, want %s", src, errs, want)
		}
	}
}

// Messages cut the names that they quote.
func TestLongNames(t *testing.T) {
	n := strings.Repeat("n", 1<<20)
	u := strings.ToUpper(n)
	for _, src := range []string{
		n, u + "." + n, "let m = import \"lib\"\nm." + n, "let " + n + " = import \"lib\"\n" + n, "let m = import \"" + n + "\"\n1",
		"let m = import \"csv:" + n + "\"\n1", "let " + n + " = " + n + "x + 1\nlet " + n + "x = " + n + "\n1",
		"match 1 { | [" + n + "] | [x, y, " + n + "] -> 1 }", "{\"" + n + "\": 1, \"" + n + "\": 2}",
		"let f" + strings.Repeat(" a", 300) + " = 1\n1", "let " + n + n + " = 1\nlet " + n + n + " = 1\n1",
		"let f " + u + "2 = " + n + "\n1", "let " + n + " _" + strings.Repeat(" _", 300) + " = 1\n1", "f " + u + " x",
	} {
		f, errs := lang.Parse("test.ros", []byte(src))
		if len(errs) == 0 {
			_, errs = File(f, Options{
				Prelude: testPrelude, Names: func() []string { return []string{"map"} },
				ImportFile: func(_, path string) (*Unit, error) { return &Unit{}, nil },
				ImportData: func(_, _, path string) (*graph.Term, error) { return nil, fmt.Errorf("%s: no such file", path) },
			})
		}
		if len(errs) == 0 {
			t.Errorf("%.100q: got no error", src)
		}
		for _, e := range errs {
			if len(e.Message) > 400 || len(e.Render(false)) > 2000 {
				t.Errorf("%.100q: got a message of %d bytes, %d with the line: %.200s", src, len(e.Message), len(e.Render(false)), e.Message)
			}
		}
	}
}
