// Command gen compiles the standard library: the .ros files of the folder it runs in, into stdlib.car and names.golden.
// It also writes what the reference says of the library's names and primitives. With -check it writes nothing, and fails where a
// file is not what it would have written.
package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// modules are the sources in the order in which they are compiled: each sees those before it.
var modules = []struct{ file, module string }{
	{"prelude.ros", ""}, {"text.ros", "Text"}, {"math.ros", "Math"}, {"bytes.ros", "Bytes"}, {"map.ros", "Map"}, {"json.ros", "Json"},
	{"csv.ros", "Csv"}, {"hash.ros", "Hash"}, {"ipld.ros", "Ipld"}, {"test.ros", "Test"},
	{"list.ros", "List"}, {"option.ros", "Option"}, {"result.ros", "Result"}, {"regex.ros", "Regex"}, {"date.ros", "Date"},
	{"stats.ros", "Stats"}, {"table.ros", "Table"}, {"diff.ros", "Diff"},
	{"gzip.ros", "Gzip"}, {"zlib.ros", "Zlib"}, {"image.ros", "Image"}, {"wav.ros", "Wav"}, {"file.ros", "File"}, {"dir.ros", "Dir"},
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail if a file would change")
	flag.Parse()
	files, err := build()
	if err == nil {
		err = write(files, *check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes the files that differ, or names them.
func write(files map[string][]byte, check bool) error {
	var stale []string
	for _, name := range slices.Sorted(keysOf(files)) {
		if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, files[name]) {
			continue
		}
		if check {
			stale = append(stale, name)
		} else if err := os.WriteFile(name, files[name], 0o644); err != nil {
			return err
		}
	}
	if len(stale) > 0 {
		return fmt.Errorf("not what `go generate ./stdlib` writes: %s", strings.Join(stale, ", "))
	}
	return nil
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// A definition is one name of the library.
type definition struct {
	name   string // as a program writes it
	module string
	own    bool // to its file
	compile.Def
}

// A library is what has been compiled so far.
type library struct {
	defs   []definition
	terms  map[string]*graph.Term
	blocks []graph.Block
	have   map[cid.Cid][]byte
}

func build() (map[string][]byte, error) {
	l := &library{terms: map[string]*graph.Term{}, have: map[cid.Cid][]byte{}}
	for _, m := range modules {
		if err := l.compile(m.file, m.module); err != nil {
			return nil, err
		}
	}
	reference, err := l.reference("../lang/REFERENCE.md")
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"stdlib.car": l.car(), "names.golden": l.golden(), "../lang/REFERENCE.md": reference,
	}, nil
}

func (l *library) put(b graph.Block) {
	if l.have[b.CID] == nil {
		l.have[b.CID] = b.Data
		l.blocks = append(l.blocks, b)
	}
}

func (l *library) load(c cid.Cid) ([]byte, error) {
	if data := l.have[c]; data != nil {
		return data, nil
	}
	return nil, graph.NotFound(c)
}

// lookup is the prelude of the library's own files: what is compiled already, and the primitives.
func (l *library) lookup(module, name string) (*graph.Term, bool) {
	full := name
	if module != "" {
		full = module + "." + name
		if p, ok := eval.Prims()[primitiveName(full)]; ok {
			return &graph.Term{Op: graph.OpPrim, Name: p.Name}, true
		}
	}
	t, ok := l.terms[full]
	return t, ok
}

// primitiveName is the primitive that is written full: text.split for Text.split.
func primitiveName(full string) string { return strings.ToLower(full[:1]) + full[1:] }

func (l *library) compile(file, module string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	tree, wrong := lang.Parse(file, source)
	if len(wrong) > 0 {
		return wrong
	}
	unit, wrong := compile.File(tree, compile.Options{Prelude: l.lookup, Load: l.load})
	if len(wrong) > 0 {
		return wrong
	}
	for _, b := range unit.Blocks {
		l.put(b)
	}
	for _, d := range unit.Defs {
		full := d.Name
		if module != "" {
			full = module + "." + d.Name
			if p := eval.Prims()[primitiveName(full)]; p != nil && (d.Term.Op != graph.OpPrim || d.Term.Name != p.Name) {
				return fmt.Errorf("%s: %s is not the primitive %s, which is written so", file, full, p.Name)
			}
		}
		own := strings.HasPrefix(d.Name, "_") // the file's own: no program can write it, but messages say it
		if !own {
			if d.About.Doc, err = withCost(d); err != nil {
				return fmt.Errorf("%s: %s %w", file, full, err)
			}
		}
		if d.Term.Op != graph.OpRef {
			graph.EncodeCode(d.Term, graph.SinkFunc(l.put))
		}
		if l.have[d.CID] == nil {
			return fmt.Errorf("%s: the block of %s is missing", file, full)
		}
		d.About.Name = full
		l.defs = append(l.defs, definition{full, module, own, d})
		if !own {
			l.terms[full] = d.Term
		}
	}
	return nil
}

// withCost is a definition's documentation with a line that begins "Cost:". A primitive's own cost, and none of a literal, is put
// before the examples; of what is written in Rosser it has been written.
func withCost(d compile.Def) (string, error) {
	if d.About.Doc == "" {
		return "", fmt.Errorf("has no documentation")
	}
	written := strings.Contains("\n"+d.About.Doc, "\nCost: ")
	if d.Term.Op == graph.OpLit && !written {
		what, examples, _ := strings.Cut(d.About.Doc, "\n> ")
		return what + "\nCost: none.\n> " + examples, nil
	}
	if d.Term.Op != graph.OpPrim {
		if !written {
			return "", fmt.Errorf("has no cost in its documentation: a line that begins \"Cost:\"")
		}
		return d.About.Doc, nil
	}
	if written {
		return "", fmt.Errorf("is a primitive, whose cost is the primitive's")
	}
	what, examples, _ := strings.Cut(d.About.Doc, "\n> ")
	return what + "\nCost: " + costOf(eval.Prims()[d.Term.Name].Doc) + ".\n> " + examples, nil
}

// arity is how many arguments the function takes that a term is, 0 if it is none.
func (l *library) arity(t *graph.Term) int {
	switch t.Op {
	case graph.OpPrim:
		return eval.Prims()[t.Name].Arity
	case graph.OpRef:
		code, err := graph.LoadCode(t.CID, l.load)
		if err == nil && code.Op == graph.OpMember {
			_, code, err = graph.LoadMember(code, l.load)
		}
		if err == nil && code.Op == graph.OpLam {
			return code.Arity
		}
	}
	return 0
}

// car is the embedded file; package stdlib says what is in it.
func (l *library) car() []byte {
	sorted := slices.Clone(l.defs)
	sort.Slice(sorted, func(i, j int) bool { return codec.LessKey(sorted[i].name, sorted[j].name) })
	root := codec.AppendMap(nil, len(sorted))
	for _, d := range sorted {
		about := graph.EncodeAbout(d.About, graph.SinkFunc(l.put))
		root = codec.AppendArray(codec.AppendText(root, d.name), 3)
		root = codec.AppendInt(root, int64(l.arity(d.Term)))
		root = codec.AppendLink(codec.AppendLink(root, about.CID), d.CID)
	}
	top := graph.Block{CID: codec.CIDOf(root), Data: root}
	header := codec.AppendArray(codec.AppendText(codec.AppendMap(nil, 2), "roots"), 1)
	header = codec.AppendInt(codec.AppendText(codec.AppendLink(header, top.CID), "version"), 1)
	out := append(binary.AppendUvarint(nil, uint64(len(header))), header...)
	for _, b := range append(l.blocks, top) {
		out = binary.AppendUvarint(out, uint64(b.CID.ByteLen()+len(b.Data)))
		out = append(append(out, b.CID.Bytes()...), b.Data...)
	}
	return out
}

// golden is a line for every name that a program can write: name, CID, and the primitive if it is one.
func (l *library) golden() []byte {
	var lines []string
	for _, d := range l.defs {
		if d.own {
			continue
		}
		line := d.name + " " + d.CID.String()
		if d.Term.Op == graph.OpPrim {
			line += " " + d.Term.Name
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}
