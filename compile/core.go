// This file holds the core tree that lies between syntax and terms: names are variables or entities, patterns are tests,
// operators are primitives; lambdas still stand where they were written.

package compile

import (
	"fmt"
	"math/big"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// A node is an expression of the core tree. Its op is one of graph's:
//
//	OpLit value · OpPrim name · OpRef cid (isFn says that it denotes a function) · OpVar v · OpLam e (a closure of e, or e's
//	expression) · OpApp · OpLet v = args[0] in args[1] · OpIf · OpGet args[0].name · OpList, OpMap, OpSpread · OpTry
type node struct {
	op     graph.Op
	isFn   bool
	height int32
	span   lang.Span
	name   string
	value  graph.Value
	cid    cid.Cid
	v      *variable
	e      *entity
	args   []*node
	keys   []string
}

// A variable is a parameter or a name bound by a let, of one entity.
type variable struct {
	owner *entity
	uses  int
	last  *node   // the node of its last use
	fn    *entity // the function that a let binds it to; a function without captures takes the variable's place
	live  bool    // mentioned by what the tops reach
	level int     // within its owner, once that is being emitted
}

// A kind says what becomes of an entity.
type kind uint8

const (
	function   kind = iota // a lam, or a member of a group
	suspension             // what a lazy delays
	expression             // a top-level definition that is neither, or the file's body
)

// An entity is what is lifted to the top: a function, the inside of a lazy, or a plain definition.
type entity struct {
	kind     kind
	named    bool   // a mention of it is its name, not its text
	name     string // for messages
	span     lang.Span
	top      *top
	into     *entity // the lambda directly around it, which took it over
	params   []*variable
	body     *node
	mentions int

	uses  []use // what the body mentions, each once, in preorder of first mention
	users []*entity
	free  map[*variable]bool // captures, as a set
	caps  []*variable        // captures, in order
	level map[*variable]int  // levels of captures

	group *group
	index int         // in its group
	term  *graph.Term // from outside of its group; for a suspension its expression
}

// A use is a mention of a variable (let-bound functions are both), or of an entity.
type use struct {
	v     *variable
	e     *entity
	bound bool // not a mention: e is bound to v here
}

// real returns the entity that took e over, or e.
func (e *entity) real() *entity {
	for e.into != nil {
		e = e.into
	}
	return e
}

func (e *entity) title() string {
	if e.name != "" {
		return lang.Cut(e.name)
	}
	switch e.kind {
	case function:
		return "this function"
	case suspension:
		return "this lazy expression"
	}
	return "this expression"
}

// mk makes a node over others.
func mk(op graph.Op, span lang.Span, args ...*node) *node {
	n := &node{op: op, span: span, args: args}
	for _, a := range args {
		n.height = max(n.height, a.height)
	}
	n.height++
	return n
}

func literal(span lang.Span, v graph.Value) *node {
	return &node{op: graph.OpLit, span: span, value: v}
}

func prim(span lang.Span, name string) *node {
	return &node{op: graph.OpPrim, span: span, name: name}
}

func (v *variable) at(span lang.Span) *node {
	v.uses++
	v.last = &node{op: graph.OpVar, span: span, v: v}
	return v.last
}

func (e *entity) at(span lang.Span) *node {
	e.mentions++
	return &node{op: graph.OpLam, span: span, e: e}
}

// again returns another node for what needs no second evaluation: a variable, a literal, a name.
func again(n *node) *node {
	switch n.op {
	case graph.OpVar:
		return n.v.at(n.span)
	case graph.OpLam:
		return n.e.at(n.span)
	}
	c := *n
	return &c
}

// isName says whether a let of n is left out, n standing wherever the name does.
func isName(n *node) bool {
	switch n.op {
	case graph.OpLit, graph.OpPrim:
		return true
	case graph.OpRef:
		return n.isFn
	case graph.OpVar:
		return n.v.fn != nil
	case graph.OpLam:
		return n.e.named && n.e.kind == function
	}
	return false
}

// app applies f. An application of an application written in place is one.
func app(span lang.Span, f *node, args ...*node) *node {
	if f.op == graph.OpApp {
		args = append(append(make([]*node, 0, len(f.args)+len(args)), f.args...), args...)
	} else {
		args = append([]*node{f}, args...)
	}
	return mk(graph.OpApp, span, args...)
}

// call applies a primitive.
func call(span lang.Span, name string, args ...*node) *node {
	return app(span, prim(span, name), args...)
}

// let binds v to bound in body.
func let(span lang.Span, v *variable, bound, body *node) *node {
	n := mk(graph.OpLet, span, bound, body)
	n.v = v
	return n
}

// and is a && b, or: a || b.
func and(span lang.Span, a, b *node) *node {
	return mk(graph.OpIf, span, a, b, literal(span, graph.Bool(false)))
}

func or(span lang.Span, a, b *node) *node {
	return mk(graph.OpIf, span, a, literal(span, graph.Bool(true)), b)
}

func get(span lang.Span, n *node, key string) *node {
	g := mk(graph.OpGet, span, n)
	g.name = key
	return g
}

// negate negates; a negated number is a literal.
func negate(span lang.Span, n *node) *node {
	if n.op == graph.OpLit {
		switch n.value.Kind() {
		case graph.KindInt:
			return literal(span, graph.BigInt(new(big.Int).Neg(n.value.BigInt())))
		case graph.KindFloat:
			return literal(span, graph.Float(-n.value.Float()))
		}
	}
	return call(span, "num.neg", n)
}

// list is a display; one of literals is a literal.
func list(span lang.Span, items []*node) *node {
	for _, it := range items {
		if it.op != graph.OpLit {
			return mk(graph.OpList, span, items...)
		}
	}
	vals := make([]graph.Value, len(items))
	for i, it := range items {
		vals[i] = it.value
	}
	return literal(span, graph.ListValue(graph.ListOf(vals)))
}

// record is a map display; one of literals is a literal.
func record(span lang.Span, keys []string, vals []*node) *node {
	for _, v := range vals {
		if v.op != graph.OpLit {
			n := mk(graph.OpMap, span, vals...)
			n.keys = keys
			return n
		}
	}
	var b graph.MapBuilder
	for i, v := range vals {
		b.Set(keys[i], v.value)
	}
	return literal(span, graph.MapValue(b.Map()))
}

func tagged(span lang.Span, tag string, n *node) *node {
	return record(span, []string{tag}, []*node{n})
}

// operators are the primitives of the binary operators that are primitives.
var operators = map[string]string{
	"==": "cmp.eq", "!=": "cmp.ne", "<": "cmp.lt", "<=": "cmp.le", ">": "cmp.gt", ">=": "cmp.ge",
	"++": "seq.append", "+": "num.add", "-": "num.sub", "*": "num.mul", "/": "num.div", "//": "num.intdiv", "%": "num.mod",
}

// describe names a few things in a message.
func describe(names []string) string {
	switch n := len(names); {
	case n == 0:
		return "nothing"
	case n == 1:
		return lang.Cut(names[0])
	case n <= 6:
		s := lang.Cut(names[0])
		for _, m := range names[1 : n-1] {
			s += ", " + lang.Cut(m)
		}
		return s + " and " + lang.Cut(names[n-1])
	default:
		return fmt.Sprintf("%s and %d more", describe(names[:5]), n-5)
	}
}
