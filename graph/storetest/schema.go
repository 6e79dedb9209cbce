// Package storetest holds what every store, and everything that is put in one, must pass.
//
// Run is the conformance suite of graph.Store. CheckSchema holds a block to schema.ipldsch; tests of other packages call
// it, or CheckSink, on all that they make.
package storetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/node/bindnode"
	"github.com/ipld/go-ipld-prime/schema"
	schemadmt "github.com/ipld/go-ipld-prime/schema/dmt"
	schemadsl "github.com/ipld/go-ipld-prime/schema/dsl"
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// The Go types of the schema's: a union is a struct of pointers, of which one is not nil.
type (
	code struct{ Term root }
	root struct {
		Lam     *lam
		Group   *group
		Member  *member
		App     *app
		Let     *let
		If      *ifElse
		Get     *get
		Items   *items
		Entries *entries
		Literal *literal
		Try     *term
		Lazy    *term
		Prim    *string
	}
	term struct {
		Code   *datamodel.Link
		Inline *inline
	}
	inline struct {
		Var     *int64
		Self    *int64
		App     *app
		Let     *let
		If      *ifElse
		Get     *get
		Items   *items
		Entries *entries
		Literal *literal
		Try     *term
		Lazy    *term
		Prim    *string
	}
	lam struct {
		Arity int64
		Body  term
	}
	group  []lam
	member struct {
		Group datamodel.Link
		Index int64
	}
	app []term
	let struct {
		Bound term
		Body  term
	}
	ifElse struct{ Test, Then, Else term }
	get    struct {
		Subject term
		Key     string
	}
	items []item
	item  struct {
		Code   *datamodel.Link
		Inline *inlineItem
	}
	inlineItem struct {
		Spread  *term
		Var     *int64
		Self    *int64
		App     *app
		Let     *let
		If      *ifElse
		Get     *get
		Items   *items
		Entries *entries
		Literal *literal
		Try     *term
		Lazy    *term
		Prim    *string
	}
	entries []entry
	entry   struct {
		Keyed  *keyedEntry
		Spread *spreadEntry
	}
	keyedEntry struct {
		Key   string
		Value term
	}
	spreadEntry struct{ Of term }
	literal     = datamodel.Node

	form     struct{ Form formBody }
	formBody struct {
		Block  *datamodel.Link
		Lambda *lambda
	}
	lambda struct {
		Digits *digits
		Lit    *litMap
		Fn     *datamodel.Link
		Lazy   *datamodel.Link
		List   *tree
		Map    *tree
		Text   *tree
		Bytes  *tree
	}
	digits struct {
		Text *string
		Form *form
	}
	litMap struct{ Value literal }
	tree   struct {
		Height int64
		Count  int64
		Root   datamodel.Link
	}
	listLeaf []literal
	mapLeaf  []mapEntry
	mapEntry struct {
		Key   string
		Value literal
	}
	branch []child
	child  struct {
		Count int64
		Child datamodel.Link
	}
	mapBranch []mapChild
	mapChild  struct {
		First string
		Count int64
		Child datamodel.Link
	}

	result struct {
		Of    datamodel.Link
		Value *literal
		Error *failure
		Steps int64
	}
	failure struct {
		Kind  string
		Value literal
	}
	reduct struct {
		Of, To datamodel.Link
		Steps  int64
	}
	checkpoint struct {
		Of            datamodel.Link
		Uses, Reducts []datamodel.Link
	}
	attestation struct {
		At       int64
		By, Kind string
		Result   datamodel.Link
	}
	trace struct {
		Result datamodel.Link
		Uses   []use
	}
	use struct {
		At    string
		Trace datamodel.Link
	}
	about struct {
		Name   string
		Params []string
		Doc    string
		Source string
		Term   datamodel.Link
		Spans  []blockSpans
	}
	blockSpans struct {
		Block   datamodel.Link
		Offsets []int64
	}
)

// The kinds of blocks, by their names in the schema, and the Go types of them.
var goTypes = map[string]any{
	"Code": (*code)(nil), "Form": (*form)(nil),
	"ListLeaf": (*listLeaf)(nil), "MapLeaf": (*mapLeaf)(nil), "TextLeaf": (*string)(nil), "BytesLeaf": (*[]byte)(nil),
	"Branch": (*branch)(nil), "MapBranch": (*mapBranch)(nil),
	"Result": (*result)(nil), "Reduct": (*reduct)(nil), "Checkpoint": (*checkpoint)(nil), "Trace": (*trace)(nil), "Attestation": (*attestation)(nil), "About": (*about)(nil),
}

// prototypes compiles the schema once.
var prototypes = sync.OnceValues(func() (map[string]schema.TypedPrototype, error) {
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "schema.ipldsch"))
	if err != nil {
		return nil, err
	}
	parsed, err := schemadsl.ParseBytes(text)
	if err != nil {
		return nil, err
	}
	// go-ipld-prime reads `type A = B` but does not compile it.
	for name, defn := range parsed.Types.Values {
		if c := defn.TypeDefnCopy; c != nil {
			from, ok := parsed.Types.Values[c.FromType]
			if !ok {
				return nil, fmt.Errorf("type %s copies %s, which is not there", name, c.FromType)
			}
			parsed.Types.Values[name] = from
		}
	}
	ts := new(schema.TypeSystem)
	ts.Init()
	if err := schemadmt.Compile(ts, parsed); err != nil {
		return nil, err
	}
	found := map[string]schema.TypedPrototype{}
	for name, goType := range goTypes {
		t := ts.TypeByName(name)
		if t == nil {
			return nil, fmt.Errorf("the schema has no type %s", name)
		}
		found[name] = bindnode.Prototype(goType, t)
	}
	return found, nil
})

// Conform returns an error unless a block's canonical bytes are of the schema's type kind. Kind Value is any data,
// each of whose maps with the sole key λ is a Form.
func Conform(kind string, data []byte) error {
	if err := codec.Check(data, true); err != nil {
		return err
	}
	n, err := codec.DecodeNode(codec.DagCBOR, data)
	if err != nil {
		return err
	}
	if kind == "Value" {
		return conformValue(n)
	}
	protos, err := prototypes()
	if err != nil {
		return err
	}
	proto, ok := protos[kind]
	if !ok {
		return fmt.Errorf("no kind of block is called %q", kind)
	}
	plain := withoutNulls(data)
	nb := proto.Representation().NewBuilder()
	if err := codec.Assemble(nb, plain, true); err != nil {
		return err
	}
	if kind != "Code" { // bindnode reads any in a union, but does not give it back
		if err := same(nb.Build().(schema.TypedNode), plain); err != nil {
			return fmt.Errorf("as %s %w", kind, err)
		}
	}
	if kind == "Result" {
		r := bindnode.Unwrap(nb.Build()).(*result)
		if (r.Value == nil) == (r.Error == nil) {
			return fmt.Errorf("a result has a value or an error")
		}
	}
	return conformLiterals(kind, n)
}

// withoutNulls returns a block with false in place of each null. bindnode cannot assign null where the schema says
// any; and nowhere else do our types have a null or a bool.
func withoutNulls(data []byte) []byte {
	data = bytes.Clone(data)
	left, r := 1, codec.NewReader(data, true)
	for ; left > 0; left-- {
		switch at := r.Offset(); r.Peek() {
		case codec.Null:
			r.Skip()
			codec.AppendBool(data[:at], false)
		case codec.Array:
			n, _ := r.Array()
			left += n
		case codec.Map:
			n, _ := r.Map()
			left += 2 * n
		default:
			r.Skip()
		}
	}
	return data
}

// same says whether a typed node is encoded as data.
func same(n schema.TypedNode, data []byte) error {
	back, err := codec.EncodeNode(codec.DagCBOR, n.Representation())
	if err != nil {
		return err
	}
	if !bytes.Equal(back, data) {
		return fmt.Errorf("it is written again as\n%x, want\n%x", back, data)
	}
	return nil
}

// conformLiterals looks at the values that stand in a block, which to the schema are anything.
func conformLiterals(kind string, n datamodel.Node) error {
	switch kind {
	case "Code":
		return eachLiteral(n)
	case "Result":
		for _, key := range []string{"value", "error"} {
			if v, err := n.LookupByString(key); err == nil {
				if err := conformValue(v); err != nil {
					return err
				}
			}
		}
	case "ListLeaf", "MapLeaf", "Form":
		return conformValue(n)
	}
	return nil
}

// eachLiteral looks at all values under a key lit; where else that key stands, it holds a value too.
func eachLiteral(n datamodel.Node) error {
	switch n.Kind() {
	case datamodel.Kind_Map:
		for it := n.MapIterator(); !it.Done(); {
			k, v, err := it.Next()
			if err != nil {
				return err
			}
			if key, _ := k.AsString(); key == "lit" {
				err = conformValue(v)
			} else {
				err = eachLiteral(v)
			}
			if err != nil {
				return err
			}
		}
	case datamodel.Kind_List:
		for it := n.ListIterator(); !it.Done(); {
			_, v, err := it.Next()
			if err != nil {
				return err
			}
			if err := eachLiteral(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// conformValue holds each map with the sole key λ to the type Form, and goes into the maps that are data in one.
func conformValue(n datamodel.Node) error {
	switch n.Kind() {
	case datamodel.Kind_Map:
		if n.Length() == 1 {
			if body, err := n.LookupByString(graph.Lambda); err == nil {
				return conformForm(n, body)
			}
		}
		for it := n.MapIterator(); !it.Done(); {
			_, v, err := it.Next()
			if err != nil {
				return err
			}
			if err := conformValue(v); err != nil {
				return err
			}
		}
	case datamodel.Kind_List:
		for it := n.ListIterator(); !it.Done(); {
			_, v, err := it.Next()
			if err != nil {
				return err
			}
			if err := conformValue(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func conformForm(n, body datamodel.Node) error {
	protos, err := prototypes()
	if err != nil {
		return err
	}
	data, err := codec.EncodeNode(codec.DagCBOR, n)
	if err != nil {
		return err
	}
	if err := codec.Assemble(protos["Form"].Representation().NewBuilder(), withoutNulls(data), true); err != nil {
		return fmt.Errorf("form %x: %w", data, err)
	}
	if body.Kind() != datamodel.Kind_Map {
		return nil
	}
	lit, err := body.LookupByString("lit")
	if err != nil {
		return nil
	}
	value, err := lit.LookupByString(graph.Lambda)
	if err != nil {
		return err
	}
	return conformValue(value)
}

// CheckSchema fails the test unless a block's bytes are of the schema's type kind: Code, Value, Result, Reduct, Checkpoint, Trace,
// About, or one of the nodes of trees.
func CheckSchema(t testing.TB, kind string, data []byte) {
	t.Helper()
	if err := Conform(kind, data); err != nil {
		t.Errorf("block %s is no %s: %v\n%x", codec.CIDOf(data), kind, err, data)
	}
}

// CheckSink returns a Sink that checks every block it takes, as Code if it is code and else as the first of kinds
// that it is, and gives it to next, which may be nil. A block that is of none of them fails the test.
func CheckSink(t testing.TB, next graph.Sink, kinds ...string) graph.Sink {
	return graph.SinkFunc(func(b graph.Block) {
		t.Helper()
		if graph.IsCode(b.Data) {
			CheckSchema(t, "Code", b.Data)
		} else {
			var last error
			for _, kind := range kinds {
				if last = Conform(kind, b.Data); last == nil {
					break
				}
			}
			if last != nil {
				t.Errorf("block %s is none of %v: %v\n%x", b.CID, kinds, last, b.Data)
			}
		}
		if b.CID != codec.CIDOf(b.Data) {
			t.Errorf("a block is said to be %s, want %s", b.CID, codec.CIDOf(b.Data))
		}
		if next != nil {
			next.Take(b)
		}
	})
}
