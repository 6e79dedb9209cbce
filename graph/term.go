// Package graph is the model: code, values and answers, in memory and as IPLD blocks.
//
// A [Term] is a node of the expression graph; [EncodeCode] makes its block and [DecodeCode] reads one, strictly
// (code.go). [CanonicalGroup] orders the members of a recursion group (group.go). A [Value] is any value of the language
// (value.go), with persistent lists and maps (list.go, map.go); [Encode] and [Place] lay it out as blocks (layout.go,
// chunk.go), [DecodeValue] and [DecodeForeign] read it (decode.go), and what is large in parts ([Far]: far.go, and files and directories of
// UnixFS, unixfs.go). A [ListWriter] lays out a list that comes element by element
// (stream.go), such as the [Rows] of a file (rows.go). [Result], [Reduct], [Trace] and [About] are the
// blocks that stand beside code (result.go). [Resolve] and [Closure] walk from block to block and evaluate nothing
// (traverse.go). A [Store] keeps blocks and answers; package store is the one on disk. schema.ipldsch describes every block.
//
// Start with EncodeCode and DecodeCode for code, and with Encode and DecodeValue for values.
package graph

import "github.com/ipfs/go-cid"

// An Op says which rule of the graph a Term is.
type Op uint8

const (
	OpRef    Op = iota // CID: a closed term that stands in a block of its own
	OpVar              // Index: a variable, by de Bruijn level: parameters first, then each let in scope, outermost first
	OpLam              // Arity, Args[0] = body: a closed function (supercombinator)
	OpApp              // Args[0] applied to Args[1:]
	OpRec              // Args: the members of a recursion group, each an OpLam (arity 0 for a lazy)
	OpMember           // CID of the group's block, Index: one member, seen from outside
	OpSelf             // Index: a member, seen from inside its own group
	OpPrim             // Name: a primitive
	OpLet              // Args[0] = bound, Args[1] = body
	OpIf               // Args[0..2]
	OpGet              // Args[0] = subject, Name = key (a path segment; on a list decimal digits are an index)
	OpList             // Args: items; an item may be OpSpread
	OpMap              // Args: values in source order, Keys[i] their keys ("" where Args[i] is OpSpread)
	OpSpread           // Args[0]; only directly in OpList and OpMap
	OpLit              // Value: literal data
	OpTry              // Args[0]
	OpLazy             // Args[0]: OpRef (closed), OpApp of a closed function to its captures, or OpSelf/OpMember (arity 0)
)

// A Term is a node of an expression graph. It is not changed once it is shared.
type Term struct {
	Op    Op
	Index int
	Arity int
	Name  string
	CID   cid.Cid
	Args  []*Term
	Keys  []string
	Value Value
}

// A Block is bytes and their CID.
type Block struct {
	CID  cid.Cid
	Data []byte
}

// A Sink takes the blocks that encoding makes, children before parents. The same block may come more than once. Nil drops them.
type Sink interface{ Take(Block) }

// A SinkFunc is a function as a Sink.
type SinkFunc func(Block)

// Take calls f.
func (f SinkFunc) Take(b Block) { f(b) }

// A Loader gives the bytes of a block, verified against its CID, or an error that names it (ErrNotFound wrapped when it cannot be had).
type Loader func(cid.Cid) ([]byte, error)
