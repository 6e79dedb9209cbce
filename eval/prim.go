// This file says what a primitive is: an entry in a table of names, arities, demands and functions.

package eval

import (
	"sync"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// A Prim is a primitive function, as the machine holds it.
type Prim struct {
	graph.Tag // it stands in the header of its run of slots (stack.go)
	Spec
	size uintptr // of its run, in bytes
	// The quick ways through it (quick.go), nil if it has none.
	quick1 func(x graph.Value) (graph.Value, bool)
	quick2 func(x, y graph.Value) (graph.Value, bool)
	quick3 func(x, y, z graph.Value) (graph.Value, bool)
	peek   func(x, y graph.Value) (v graph.Value, found, ok bool) // see peek2
}

// A Spec says what a primitive is. Its name is its meaning and its cost for ever: a changed meaning takes a new name.
type Spec struct {
	Name   string
	Arity  int
	Demand uint8 // bit i: argument i is forced before the call, so that Run never sees a link or a lazy value there
	// Run computes the result. args is valid only during the call. A program's error is returned as an *Error.
	Run func(m *Machine, args []graph.Value) (graph.Value, error)
	Doc string // one line for the reference: what it does and what it costs
}

// An Error is a program's error: what `try` sees as Err {kind, value}.
type Error struct {
	Kind  string
	Value graph.Value
}

func (e *Error) Error() string { return e.Kind }

// Fail makes a program's error.
func Fail(kind string, value graph.Value) error { return &Error{Kind: kind, Value: value} }

// newPrim makes the primitive that a Spec describes.
func newPrim(s Spec) *Prim {
	p := &Prim{Spec: s, size: uintptr(1+s.Arity+primSlots) * slotSize}
	p.Init(primTag)
	p.quick1, p.quick2, p.quick3 = quick1(s.Name), quick2(s.Name), quick3(s.Name)
	p.peek = peek2(s.Name)
	return p
}

// primOf is the primitive whose header is t.
func primOf(t *graph.Tag) *Prim { return (*Prim)(unsafe.Pointer(t)) }

// primTable is all primitives by name.
var primTable = sync.OnceValue(func() map[string]*Prim {
	table := map[string]*Prim{}
	for _, specs := range [][]Spec{numPrims, mathPrims, cmpPrims, textPrims, bytesPrims, dataPrims, listPrims, mapPrims, mediaPrims, filesPrims, corePrims} {
		for _, s := range specs {
			if table[s.Name] != nil {
				panic("BUG: two primitives of the name " + s.Name)
			}
			table[s.Name] = newPrim(s)
		}
	}
	return table
})

// Prims are all primitives, by name.
func Prims() map[string]*Prim { return primTable() }
