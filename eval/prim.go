// This file says what a primitive is: an entry in a table of names, arities, demands and functions.

package eval

import (
	"sync"

	"github.com/rosser-lang/rosser/graph"
)

// A Prim is a primitive function. Its name is its meaning and its cost for ever: a changed meaning takes a new name.
type Prim struct {
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

// primTable is all primitives by name.
var primTable = sync.OnceValue(func() map[string]*Prim {
	table := map[string]*Prim{}
	for _, prims := range [][]Prim{numPrims, cmpPrims, textPrims, bytesPrims, dataPrims, listPrims, mapPrims, corePrims} {
		for i := range prims {
			p := &prims[i]
			if table[p.Name] != nil {
				panic("BUG: two primitives of the name " + p.Name)
			}
			table[p.Name] = p
		}
	}
	return table
})

// Prims are all primitives, by name.
func Prims() map[string]*Prim { return primTable() }
