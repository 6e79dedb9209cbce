// Package stdlib is the standard library: functions written in Rosser, one file a module, embedded already compiled.
//
// [Lookup] is the prelude that compile asks what a name means; [Block] gives the code's blocks; [About] what was written.
// The sources are the .ros files; prelude.ros holds the names that need no module. `go generate ./stdlib` compiles them
// (gen/main.go) into stdlib.car, which this package embeds, and names.golden, which holds every name's CID. A name whose
// definition is a primitive is the primitive's own term. In a program a primitive that no module gives a name, such as
// match.tag, is written with a capital: Match.tag.
package stdlib

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

//go:generate go run ./gen

// car is a CAR file (version 1). Its root is a map from each name to [arity, &about, &term]; arity is 0 for what is no function.
//
//go:embed stdlib.car
var car []byte

// An entry is what the root says of a name.
type entry struct {
	arity       int
	about, term cid.Cid
}

// An index is where things are in car.
type index struct {
	blocks  map[cid.Cid][]byte
	entries map[string]entry
	names   []string
	own     map[string]entry // of names that are their file's own, as List._name: no program can write them, but messages say them
	order   []graph.Block    // as in car: the root is the last
	terms   sync.Map         // from name to *graph.Term, of those that were asked for
}

// load reads car's index: no block but the root is decoded.
var load = sync.OnceValue(func() *index {
	x, err := readIndex(car)
	if err != nil {
		panic(fmt.Sprintf("BUG: the embedded standard library cannot be read: %v", err))
	}
	return x
})

func readIndex(car []byte) (*index, error) {
	x := &index{blocks: make(map[cid.Cid][]byte, 2048), entries: make(map[string]entry, 512), own: map[string]entry{}}
	section := func() ([]byte, error) {
		n, used := binary.Uvarint(car)
		if used <= 0 || n > uint64(len(car)-used) {
			return nil, fmt.Errorf("cut short")
		}
		s := car[used : used+int(n)]
		car = car[used+int(n):]
		return s, nil
	}
	if _, err := section(); err != nil {
		return nil, err
	}
	var root []byte
	for len(car) > 0 {
		s, err := section()
		if err != nil {
			return nil, err
		}
		n, c, err := cid.CidFromBytes(s)
		if err != nil {
			return nil, err
		}
		x.blocks[c] = s[n:]
		x.order = append(x.order, graph.Block{CID: c, Data: s[n:]})
		root = s[n:] // the last block is the root
	}
	return x, x.readRoot(root)
}

// isOwn says whether a name is its file's own.
func isOwn(name string) bool { return strings.HasPrefix(name[strings.IndexByte(name, '.')+1:], "_") }

func (x *index) readRoot(root []byte) error {
	r := codec.NewReader(root, true)
	n, err := r.Map()
	if err != nil {
		return err
	}
	name := ""
	for i := range n {
		if name, err = r.Key(name, i == 0); err != nil {
			return err
		}
		if _, err := r.Array(); err != nil {
			return err
		}
		var e entry
		arity, _, err := r.Int()
		if err != nil {
			return err
		}
		e.arity = int(arity)
		if e.about, err = r.Link(); err != nil {
			return err
		}
		if e.term, err = r.Link(); err != nil {
			return err
		}
		if isOwn(name) {
			x.own[name] = e
			continue
		}
		x.entries[name] = e
		x.names = append(x.names, name)
	}
	slices.Sort(x.names)
	return r.Done()
}

// Lookup says what a name means in a program that does not define it: an OpRef, an OpPrim or an OpLit. Module is "" for a plain
// name. It is a compile.Prelude.
func Lookup(module, name string) (*graph.Term, bool) {
	full, x := Join(module, name), load()
	if t, ok := x.terms.Load(full); ok {
		return t.(*graph.Term), true
	}
	if e, ok := x.entries[full]; ok {
		t := e.toTerm()
		x.terms.Store(full, t)
		return t, true
	}
	return Primitive(module, name)
}

// toTerm is what stands in code for the name. That decodes the term's block only if it is a primitive's or a literal's.
func (e entry) toTerm() *graph.Term {
	data := load().blocks[e.term]
	t, err := graph.DecodeCode(e.term, data, Load)
	if err == nil && (t.Op == graph.OpPrim || t.Op == graph.OpLit) {
		return t
	}
	return &graph.Term{Op: graph.OpRef, CID: e.term, Arity: e.arity}
}

// Primitive is the primitive that is written as a module's name: Match.tag is match.tag.
func Primitive(module, name string) (*graph.Term, bool) {
	if module == "" {
		return nil, false
	}
	p, ok := eval.Prims()[strings.ToLower(module[:1])+module[1:]+"."+name]
	if !ok {
		return nil, false
	}
	return &graph.Term{Op: graph.OpPrim, Name: p.Name}, true
}

// Join writes a name as a program does.
func Join(module, name string) string {
	if module == "" {
		return name
	}
	return module + "." + name
}

// Names are all names of the library, as they are written ("map", "Text.split"), in order.
func Names() []string { return slices.Clone(load().names) }

// Block gives the bytes of one of the library's blocks.
func Block(c cid.Cid) ([]byte, bool) {
	data, ok := load().blocks[c]
	return data, ok
}

// Blocks are all blocks of the library, children before parents; the last one links to all others.
func Blocks() []graph.Block { return load().order }

// Load is Block as a graph.Loader.
func Load(c cid.Cid) ([]byte, error) {
	if data, ok := Block(c); ok {
		return data, nil
	}
	return nil, graph.NotFound(c)
}

// About is what was written of a name: its parameters, documentation and source, and where each node stands in it.
func About(name string) (graph.About, bool) {
	e, ok := load().entries[name]
	if !ok {
		return graph.About{}, false
	}
	a, err := graph.DecodeAbout(load().blocks[e.about])
	if err != nil {
		panic(fmt.Sprintf("BUG: the embedded standard library: about %s: %v", name, err))
	}
	return a, true
}

// terms are the names of the library's terms, by CID; of two names the first in order.
var terms = sync.OnceValue(func() map[cid.Cid]string {
	named := map[cid.Cid]string{}
	for name, e := range load().own {
		named[e.term] = name
	}
	for _, name := range slices.Backward(load().names) {
		named[load().entries[name].term] = name
	}
	return named
})

// NameOf is the name of the library that means the term in the block c.
func NameOf(c cid.Cid) (string, bool) {
	name, ok := terms()[c]
	return name, ok
}
