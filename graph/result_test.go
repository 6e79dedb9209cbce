// This file tests the blocks that stand beside code, and which blocks belong to a result.

package graph_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/storetest"
)

// code returns the CID of a code block that is put in m.
func code(m *graph.Memory, t *graph.Term) cid.Cid { return graph.EncodeCode(t, m).CID }

func lit(v graph.Value) *graph.Term { return &graph.Term{Op: graph.OpLit, Value: v} }

func TestResult(t *testing.T) {
	m := graph.NewMemory()
	of := code(m, lit(graph.Int(1)))
	long := graph.Text(strings.Repeat("long ", 1000))
	for _, r := range []graph.Result{
		{Of: of, Value: graph.Int(5), Steps: 7},
		{Of: of, Value: graph.Null()},
		{Of: of, Value: long, Steps: math.MaxInt64},
		{Of: of, Error: &graph.Failure{Kind: "divide by zero", Value: graph.NewList(graph.Int(1))}, Steps: 1},
		{Of: of, Error: &graph.Failure{Kind: "error", Value: long}},
	} {
		b := graph.EncodeResult(r, m)
		storetest.CheckSchema(t, "Result", b.Data)
		got, err := graph.DecodeResult(b.Data, m.Load)
		if err != nil {
			t.Fatal(err)
		}
		if got.Of != r.Of || got.Steps != r.Steps || (got.Error == nil) != (r.Error == nil) {
			t.Errorf("got %v, want %v", got, r)
		}
		if again := graph.EncodeResult(got, nil); again.CID != b.CID {
			t.Errorf("read and written again it is %x, want %x", again.Data, b.Data)
		}
	}
	if b := graph.EncodeResult(graph.Result{Of: of, Steps: math.MaxUint64}, nil); b.CID != graph.EncodeResult(graph.Result{Of: of, Steps: graph.MaxSteps}, nil).CID {
		t.Error("steps do not stop at 2^63-1")
	}
}

func TestRecordsRefused(t *testing.T) {
	for _, c := range []struct{ kind, json, want string }{
		{"result", `{"of":&,"steps":1}`, "want one of 3"},
		{"result", `{"of":&,"steps":1,"value":1,"x":1}`, "want one of 3"},
		{"result", `{"of":&,"step2":1,"value":1}`, `want "steps"`},
		{"result", `{"of":&,"steps":-1,"value":1}`, "2^63-1"},
		{"result", `{"of":&,"steps":"1","value":1}`, "want an int"},
		{"result", `{"of":1,"steps":1,"value":1}`, "want a link"},
		{"result", `{"of":{"/":"` + codec.RawCID(nil).String() + `"},"steps":1,"value":1}`, "sha2-256"},
		{"result", `{"of":&,"steps":1,"error":{"kind":"x"}}`, "want one of 2"},
		{"result", `{"of":&,"steps":1,"error":{"kind":1,"value":1}}`, "want a text"},
		{"result", `{"of":&,"steps":1,"value":{"λ":{"what":1}}}`, ""},
		{"result", `[]`, "want a map"},
		{"reduct", `{"of":&,"to":1,"steps":1}`, "want a link"},
		{"reduct", `{"of":&,"steps":1}`, "want one of 3"},
		{"trace", `{"result":&,"uses":[{"at":1,"trace":&}]}`, "want a text"},
		{"trace", `{"result":&,"uses":[{"at":"","trace":&,"x":1}]}`, "want one of 2"},
		{"trace", `{"result":&,"uses":` + `[` + strings.Repeat(`{"at":"","trace":&},`, 256) + `{"at":"","trace":&}]}`, "at most 256"},
		{"about", `{"doc":"","name":"","term":&,"spans":[[&,[1]]],"params":[],"source":""}`, "without an end"},
		{"about", `{"doc":"","name":"","term":&,"spans":[[&,[2,1]]],"params":[],"source":""}`, "out of range"},
		{"about", `{"doc":"","name":"","term":&,"spans":[[&]],"params":[],"source":""}`, "want one of 2"},
		{"about", `{"doc":"","name":"","term":&,"spans":[],"params":[1],"source":""}`, "want a text"},
	} {
		data := block(t, c.json)
		if err := decode(c.kind, data); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "not a "+c.kind) {
			t.Errorf("%.80s: got %v, want %q", c.json, err, c.want)
		}
	}
	if err := decode("reduct", append(block(t, `{"of":&,"to":&,"steps":1}`), 0)); err == nil {
		t.Error("trailing bytes passed")
	}
}

func decode(kind string, data []byte) error {
	var err error
	switch kind {
	case "result":
		_, err = graph.DecodeResult(data, nothing)
	case "reduct":
		_, err = graph.DecodeReduct(data)
	case "trace":
		_, err = graph.DecodeTrace(data)
	case "about":
		_, err = graph.DecodeAbout(data)
	}
	return err
}

func TestReductAndAbout(t *testing.T) {
	r := graph.Reduct{Of: nowhere, To: nowhere, Steps: 9}
	b := graph.EncodeReduct(r, nil)
	storetest.CheckSchema(t, "Reduct", b.Data)
	if got, err := graph.DecodeReduct(b.Data); err != nil || got != r {
		t.Errorf("got %v, %v, want %v", got, err, r)
	}
	a := graph.About{
		Name: "double", Params: []string{"x", "y"}, Doc: "Doubles.", Source: "double x y = x + x", Term: nowhere,
		Spans: []graph.BlockSpans{{Block: nowhere, Spans: [][2]int{{0, 18}, {13, 18}}}, {Block: nowhere}},
	}
	b = graph.EncodeAbout(a, nil)
	storetest.CheckSchema(t, "About", b.Data)
	if got, err := graph.DecodeAbout(b.Data); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("got %v, %v, want %v", got, err, a)
	}
}

func TestTrace(t *testing.T) {
	for _, n := range []int{0, 1, 256, 257, 1000, 256*256 + 1} {
		m := graph.NewMemory()
		leaf := graph.EncodeTrace(graph.Trace{Result: codec.CIDOf([]byte("leaf"))}, m).CID
		want := graph.Trace{Result: nowhere}
		for i := range n {
			at := fmt.Sprint(i)
			if i%3 == 0 {
				at = ""
			}
			want.Uses = append(want.Uses, graph.Use{At: at, Trace: leaf})
		}
		sink := graph.Sink(m)
		if n <= 1000 {
			sink = storetest.CheckSink(t, sink, "Trace")
		}
		b := graph.EncodeTrace(want, sink)
		var got []graph.Use
		err := graph.EachUse(b.CID, m.Load, func(u graph.Use) bool {
			got = append(got, u)
			return true
		})
		if err != nil || len(got) != n || n > 0 && !reflect.DeepEqual(got, want.Uses) {
			t.Errorf("%d uses: got %d, %v", n, len(got), err)
		}
		if n > 0 {
			seen := 0
			if err := graph.EachUse(b.CID, m.Load, func(graph.Use) bool { seen++; return false }); err != nil || seen != 1 {
				t.Errorf("a walk that is stopped saw %d uses, %v", seen, err)
			}
		}
	}
}

// TestSharedGroups: groups that share their groups do not take for ever.
func TestSharedGroups(t *testing.T) {
	m := graph.NewMemory()
	inner := graph.Use{Trace: graph.EncodeTrace(graph.Trace{Result: nowhere}, m).CID}
	for range 12 {
		uses := make([]graph.Use, 256)
		for i := range uses {
			uses[i] = inner
		}
		inner.Trace = graph.EncodeTrace(graph.Trace{Result: nowhere, Uses: uses}, m).CID
	}
	if err := graph.EachUse(inner.Trace, m.Load, func(graph.Use) bool { return true }); err == nil {
		t.Error("2^96 uses were walked through")
	}
}

// TestResultBlocks: the blocks under λ belong to a value, and all code that its functions need; links do not.
func TestResultBlocks(t *testing.T) {
	m := graph.NewMemory()
	inner := code(m, lit(graph.Text("inner")))
	lam := code(m, &graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpRef, CID: inner}}})
	rec := graph.Block{Data: block(t, `{"λ":{"rec":[{"arity":1,"body":{"map":[["a",{"self":0}],{"spread":{"app":[{"/":"`+lam.String()+`"},{"var":0}]}}]}}]}}`)}
	rec.CID = codec.CIDOf(rec.Data)
	m.Take(rec)
	member := code(m, &graph.Term{Op: graph.OpMember, CID: rec.CID})
	lazy := code(m, &graph.Term{Op: graph.OpLazy, Args: []*graph.Term{{Op: graph.OpRef, CID: inner}}})
	items := make([]graph.Value, 20000)
	for i := range items {
		items[i] = graph.Text(fmt.Sprint("item ", i))
	}
	before := m.Len()
	value := graph.Record(
		"big", graph.ListValue(graph.ListOf(items)),
		"text", graph.Text(strings.Repeat("a long text ", 20000)),
		"fn", graph.FnValue(&graph.Fn{Head: member, Opaque: true}),
		"lazy", graph.NewThunk(&graph.Head{CID: lazy}),
		"link", graph.LinkValue(nowhere),
	)
	b := graph.EncodeResult(graph.Result{Of: nowhere, Value: value}, m)
	if m.Len() < before+10 {
		t.Fatalf("the value has only %d blocks", m.Len()-before)
	}
	loaded := map[cid.Cid]bool{}
	count := func(c cid.Cid) ([]byte, error) {
		if loaded[c] {
			t.Errorf("%s was loaded twice", c)
		}
		loaded[c] = true
		return m.Load(c)
	}
	if err := graph.ResultBlocks(b.CID, count, nil); err != nil {
		t.Fatal(err)
	}
	if len(loaded) != m.Len() {
		t.Errorf("%d blocks were loaded, want all %d", len(loaded), m.Len())
	}
	for lost := range loaded {
		err := graph.ResultBlocks(b.CID, func(c cid.Cid) ([]byte, error) {
			if c == lost {
				return nil, graph.NotFound(c)
			}
			return m.Load(c)
		}, nil)
		if !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), lost.String()) {
			t.Errorf("without %s: got %v", lost, err)
		}
	}
	none := 0
	graph.ResultBlocks(b.CID, func(c cid.Cid) ([]byte, error) { none++; return m.Load(c) }, func(c cid.Cid) bool { return c != b.CID })
	if none != 1 {
		t.Errorf("%d blocks were loaded, want the result alone", none)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add(block(f, `{"of":&,"steps":5,"value":{"a":[1]}}`))
	f.Add(block(f, `{"of":&,"steps":5,"error":{"kind":"a","value":1}}`))
	f.Add(block(f, `{"of":&,"steps":5,"to":&}`))
	f.Add(block(f, `{"of":&,"uses":[&],"reducts":[&,&]}`))
	f.Add(block(f, `{"result":&,"uses":[{"at":"1","trace":&}]}`))
	f.Add(block(f, `{"doc":"","name":"","term":&,"spans":[[&,[1,2]]],"params":["x"],"source":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		want := codec.CIDOf(data)
		if r, err := graph.DecodeResult(data, nothing); err == nil {
			if b := graph.EncodeResult(r, nil); b.CID != want {
				t.Fatalf("%x\nwritten again is\n%x", data, b.Data)
			}
			storetest.CheckSchema(t, "Result", data)
		}
		if r, err := graph.DecodeReduct(data); err == nil {
			if b := graph.EncodeReduct(r, nil); b.CID != want {
				t.Fatalf("%x\nwritten again is\n%x", data, b.Data)
			}
		}
		if c, err := graph.DecodeCheckpoint(data); err == nil {
			if b := graph.EncodeCheckpoint(c, nil); b.CID != want {
				t.Fatalf("%x\nwritten again is\n%x", data, b.Data)
			}
			storetest.CheckSchema(t, "Checkpoint", data)
		}
		if r, err := graph.DecodeTrace(data); err == nil {
			if b := graph.EncodeTrace(r, nil); b.CID != want {
				t.Fatalf("%x\nwritten again is\n%x", data, b.Data)
			}
		}
		if r, err := graph.DecodeAbout(data); err == nil {
			if b := graph.EncodeAbout(r, nil); b.CID != want {
				t.Fatalf("%x\nwritten again is\n%x", data, b.Data)
			}
		}
	})
}

// TestGoldenRecords: the CIDs of results, reducts, traces and abouts are a promise.
func TestGoldenRecords(t *testing.T) {
	var b strings.Builder
	add := func(kind string, block graph.Block) {
		storetest.CheckSchema(t, kind, block.Data)
		fmt.Fprintf(&b, "%s %s\n%x\n", block.CID, kind, block.Data)
	}
	add("Result", graph.EncodeResult(graph.Result{Of: nowhere, Value: graph.Record("x", graph.Int(1), "y", graph.Float(1)), Steps: 1000}, nil))
	add("Result", graph.EncodeResult(graph.Result{Of: nowhere, Value: graph.Text(strings.Repeat("long", 300)), Steps: 1}, nil))
	add("Result", graph.EncodeResult(graph.Result{Of: nowhere, Error: &graph.Failure{Kind: "divide by zero", Value: graph.Int(1)}, Steps: 3}, nil))
	add("Reduct", graph.EncodeReduct(graph.Reduct{Of: nowhere, To: nowhere, Steps: 5}, nil))
	add("Checkpoint", graph.EncodeCheckpoint(graph.Checkpoint{Of: nowhere, Reducts: []cid.Cid{nowhere, nowhere}, Uses: []cid.Cid{nowhere}}, nil))
	add("Trace", graph.EncodeTrace(graph.Trace{Result: nowhere}, nil))
	uses := make([]graph.Use, 300)
	for i := range uses {
		uses[i] = graph.Use{At: "app/1", Trace: nowhere}
	}
	add("Trace", graph.EncodeTrace(graph.Trace{Result: nowhere, Uses: uses}, nil))
	add("About", graph.EncodeAbout(graph.About{Name: "f", Params: []string{"x"}, Doc: "F.", Source: "f x = x", Term: nowhere, Spans: []graph.BlockSpans{{Block: nowhere, Spans: [][2]int{{0, 7}, {6, 7}}}}}, nil))
	golden(t, "testdata/records.golden", b.String())
}

// TestJoin: the Result of an expression by that of what it becomes.
func TestJoin(t *testing.T) {
	s := graph.NewMemory()
	of, to := graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: graph.Int(1)}, s).CID, graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: graph.Int(2)}, s).CID
	large := graph.ListValue(graph.ListOf(slices.Repeat([]graph.Value{graph.Text(strings.Repeat("x", 2000))}, 100)))
	for _, r := range []graph.Result{
		{Value: graph.Int(7), Steps: 5},
		{Value: large, Steps: 1 << 40},
		{Error: &graph.Failure{"overflow", large}, Steps: 5},
		{Value: graph.Null(), Steps: graph.MaxSteps},
	} {
		r.Of = to
		b, err := graph.Reduct{Of: of, To: to, Steps: 300}.Join(graph.EncodeResult(r, s).Data)
		if err != nil {
			t.Fatal(err)
		}
		r.Of, r.Steps = of, min(r.Steps+300, graph.MaxSteps)
		if want := graph.EncodeResult(r, s); b.CID != want.CID || !bytes.Equal(b.Data, want.Data) {
			t.Errorf("got %x, want %x", b.Data, want.Data)
		}
		if _, err := (graph.Reduct{Of: of, To: of, Steps: 300}).Join(b.Data[:len(b.Data)-1]); err == nil {
			t.Error("a result that is cut off is joined")
		}
		if _, err := (graph.Reduct{Of: of, To: to, Steps: 300}).Join(b.Data); err == nil {
			t.Error("a result of something else is joined")
		}
	}
	if b, err := (graph.Reduct{Of: of, To: to, Steps: 1}).Join(graph.EncodeReduct(graph.Reduct{Of: to, To: of}, s).Data); err == nil {
		t.Errorf("a reduct is joined: %x", b.Data)
	}
}
