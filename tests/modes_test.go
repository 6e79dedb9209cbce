// This file evaluates every program of the repository under every policy of linking, from an empty store and from warm ones. The
// value or error, the steps and so the Result's CID are the same, each time.

package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// smaller makes the programs of tests/bench small enough to be reduced with no reuse at all, and with every call linked: what stands
// in a program, and what is put in its place, in turn. The others run as they are.
var smaller = map[string][]string{
	"bigfib": {"50000", "500"}, "bigmap": {"200000", "300"}, "binomial500": {"500 250", "10 5"}, "binomial500table": {"500 250", "20 9"},
	"church": {"two four", "two two"}, "deep": {"1000000", "2000"}, "edit1000": {"1000 ", "4 "}, "edit1000table": {"1000 ", "15 "},
	"edit1000memo": {"1000 ", "6 "}, "lcs1000memo": {"1000 ", "6 "},
	"edit150": {"150 ", "4 "}, "edit150table": {"150 ", "12 "}, "factorial": {"3000", "300"}, "fib27": {"27", "14"}, "fib32": {"32", "14"},
	"fib300": {"fib 300", "fib 15"}, "fib1000": {"fib 1000", "fib 15"}, "lazyprimes": {"2000", "15"}, "lcs1000": {"1000 ", "4 "},
	"lcs1000table": {"1000 ", "15 "}, "loop": {"3000000", "2000"}, "mergesort": {"200000", "150"}, "partitions400": {"400 400", "11 11"},
	"partitions400table": {"400 400", "15 15"}, "pipeline": {"999999", "999"}, "primes": {"29999", "300"}, "queens": {"9", "5"},
	"sort": {"200000", "200"}, "stream": {"100000", "300"}, "tak": {"18 12 6", "7 4 2"},
}

// sample is what the programs of tests/bench read in place of their data.
var sample = map[string]string{
	"rec.json": `[{"city": "Oslo", "amount": 3}, {"city": "Rome", "amount": 4}, {"city": "Oslo", "amount": 5}]`,
	"text.txt": "one two one three two one",
}

// A program is a source, where it stands, and arguments for its value.
type program struct {
	name, file, src string
	args            []*graph.Term
}

// everyProgram is the programs of the repository, whether they compile or not.
func everyProgram(t *testing.T) (all []program) {
	t.Helper()
	read := func(file string) string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, pattern := range []string{"lang/*.ros", "golden/*.ros"} { // cases with their output
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			lines := fileLines(t, file)
			for _, c := range parseCases(t, lines) {
				all = append(all, program{name: fmt.Sprintf("%s:%d", file, c.end), file: file, src: source(lines, c)})
			}
		}
	}
	for _, pattern := range []string{"steps/*.ros", "bench/*.ros", "failing/*.ros", "programs/*.ros", "../eval/testdata/*.ros", "../repl/project/*.ros"} {
		files, _ := filepath.Glob(pattern)
		if len(files) == 0 {
			t.Fatalf("no programs in %s", pattern)
		}
		for _, file := range files {
			p := program{name: file, file: file, src: read(file)}
			switch filepath.Dir(file) {
			case "bench":
				if r, ok := smaller[strings.TrimSuffix(filepath.Base(file), ".ros")]; ok {
					if p.src = strings.NewReplacer(r...).Replace(p.src); p.src == read(file) {
						t.Errorf("%s: it has no %q", file, r[0])
					}
				}
			case "programs":
				rows := strings.SplitAfterN(read("data/weather.csv"), "\n", 60) // of some 3,000
				p.args = []*graph.Term{{Op: graph.OpLit, Value: parsed(t, "csv", strings.Join(rows[:59], ""))}}
			}
			all = append(all, p)
		}
	}
	for _, name := range stdlib.Names() {
		about, _ := stdlib.About(name)
		for i, part := range lang.ParseDoc(about.Doc) {
			if part.Kind == lang.DocExample {
				all = append(all, program{name: fmt.Sprintf("stdlib %s, %d", name, i), src: part.Text})
			}
		}
	}
	for _, m := range regexp.MustCompile(`rosser eval '([^']+)'`).FindAllStringSubmatch(read("../README.md"), -1) {
		all = append(all, program{name: "README: " + m[1], src: m[1]})
	}
	return all
}

// parsed is the value of a text of JSON or CSV.
func parsed(t *testing.T, kind, text string) graph.Value {
	t.Helper()
	v, thrown, err := eval.New(eval.Options{Load: stdlib.Load}).Primitive(context.Background(), kind+".parse", graph.Text(text))
	if err != nil || thrown != nil {
		t.Fatal(err, thrown)
	}
	return v
}

// compiled is the blocks of a program and its expression; undefined if it does not compile or is none.
func compiled(t testing.TB, p program) (expr cid.Cid, blocks []graph.Block) {
	t.Helper()
	var unit func(file, src string) (*compile.Unit, error)
	options := compile.Options{
		Prelude: stdlib.Lookup, Names: stdlib.Names, Load: stdlib.Load,
		ImportFile: func(from, path string) (*compile.Unit, error) {
			path = filepath.Join(filepath.Dir(from), path)
			if strings.Contains(path, "cycle") {
				return nil, fmt.Errorf("%s imports itself", path)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			return unit(path, string(data))
		},
		ImportData: func(from, kind, path string) (*graph.Term, error) {
			text, ok := sample[filepath.Base(path)]
			if !ok {
				data, err := os.ReadFile(filepath.Join(filepath.Dir(from), path))
				if err != nil {
					return nil, err
				}
				text = string(data)
			}
			v := graph.BytesValue([]byte(text))
			if kind != "file" {
				var thrown *eval.Thrown
				var err error
				if v, thrown, err = eval.New(eval.Options{Load: stdlib.Load}).Primitive(context.Background(), kind+".parse", graph.Text(text)); err != nil || thrown != nil {
					return nil, fmt.Errorf("%s cannot be read", path)
				}
			}
			return &graph.Term{Op: graph.OpLit, Value: v}, nil
		},
	}
	unit = func(file, src string) (*compile.Unit, error) {
		f, errs := lang.Parse(file, []byte(src))
		if len(errs) > 0 {
			return nil, errs
		}
		u, errs := compile.File(f, options)
		if len(errs) > 0 {
			return nil, errs
		}
		blocks = append(blocks, u.Blocks...)
		return u, nil
	}
	u, err := unit(p.file, p.src)
	if err != nil || u.Body == nil {
		return cid.Undef, nil
	}
	if len(p.args) == 0 {
		return u.BodyCID, blocks
	}
	app := &graph.Term{Op: graph.OpApp, Args: append([]*graph.Term{u.Body}, p.args...)}
	return graph.EncodeCode(app, graph.SinkFunc(func(b graph.Block) { blocks = append(blocks, b) })).CID, blocks
}

// many is the steps of a program for which linking every call takes too long: some 20 microseconds each, in six runs. Such programs are
// run under the other two policies, and the test names them.
const many = 20_000

// A forgetful store knows everything but one answer.
type forgetful struct {
	*graph.Memory
	expr cid.Cid
}

func (s forgetful) Answer(ctx context.Context, expr cid.Cid) (graph.Answer, bool, error) {
	if expr == s.expr {
		return graph.Answer{}, false, nil
	}
	return s.Memory.Answer(ctx, expr)
}

func TestEveryProgramInEveryMode(t *testing.T) {
	ctx := context.Background()
	evaluated, failed, stopped, silent := 0, 0, 0, 0
	var long []string
	for _, p := range everyProgram(t) {
		expr, blocks := compiled(t, p)
		if !expr.Defined() {
			silent++
			continue
		}
		stores := map[eval.Mode]*graph.Memory{}
		for _, mode := range []eval.Mode{eval.None, eval.Auto, eval.All} {
			stores[mode] = graph.NewMemory()
			stores[mode].Put(ctx, stdlib.Blocks()...)
			stores[mode].Put(ctx, blocks...)
		}
		want, first, all := "", true, true
		for _, run := range []struct {
			mode, store eval.Mode
			forget      bool // the answer itself, which would be all that is used
		}{
			{eval.None, eval.None, false}, {eval.Auto, eval.Auto, false}, {eval.All, eval.All, false},
			{eval.None, eval.None, false}, {eval.Auto, eval.Auto, false}, {eval.All, eval.All, false},
			{eval.Auto, eval.Auto, true}, {eval.All, eval.All, true},
			{eval.None, eval.All, false}, {eval.Auto, eval.All, true}, {eval.All, eval.Auto, true},
		} {
			if !all && (run.mode == eval.All || run.store == eval.All) {
				continue
			}
			var store graph.Store = stores[run.store]
			if run.forget {
				store = forgetful{stores[run.store], expr}
			}
			out, err := eval.New(eval.Options{Store: store, Load: stores[run.store].Load, Link: run.mode, Memory: 4 << 30, Fuel: 2_000_000}).Eval(ctx, expr)
			got := ""
			switch {
			case err != nil:
				got = err.Error()
			default:
				r := graph.Result{Of: expr, Value: out.Value, Steps: out.Steps}
				if out.Error != nil {
					r.Value, r.Error = graph.Value{}, &graph.Failure{Kind: out.Error.Err.Kind, Value: out.Error.Err.Value}
				}
				result := graph.EncodeResult(r, nil).CID
				got = fmt.Sprintf("the result %s of %d steps", result, out.Steps)
				if run.mode != eval.None && out.Result != result {
					t.Errorf("%s: it linked %s, want %s", p.name, out.Result, result)
				}
			}
			if first {
				want, first = got, false
				evaluated++
				switch {
				case err != nil:
					stopped++
				case out.Error != nil:
					failed++
				}
				if all = out.Reduced < many; !all {
					long = append(long, p.name)
				}
			}
			if got != want {
				t.Errorf("%s: mode %d, with the store of mode %d, the answer forgotten %v: got %s, want %s\n%s", p.name, run.mode, run.store, run.forget, got, want, p.src)
			}
		}
	}
	t.Logf("%d programs, of which %d end in an error and %d are stopped; %d do not compile, or are definitions alone", evaluated, failed, stopped, silent)
	t.Logf("of more than %d steps: %s", many, strings.Join(long, ", "))
	if evaluated < 900 || len(long) > 40 || failed < 40 {
		t.Errorf("got %d programs, %d of many steps", evaluated, len(long))
	}
}
