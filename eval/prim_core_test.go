// This file tests the primitives that work on any value, those of patterns, of links, and of tests.

package eval

import (
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

func TestCorePrims(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"seq.length", `[1,2]`, `2`},
		{"seq.length", `{"a":1}`, `1`},
		{"seq.length", `"déjà"`, `4`},
		{"seq.length", `{"/":{"bytes":"AQID"}}`, `3`},
		{"seq.length", `1`, `wrong kind: {"got":1,"want":"list, map, text or bytes"}`},
		{"seq.isEmpty", `""`, `true`},
		{"seq.isEmpty", `{"a":1}`, `false`},
		{"core.get", `"a", {"a":1}`, `1`},
		{"core.get", `"1", [5,6]`, `6`},
		{"core.get", `1, [5,6]`, `6`},
		{"core.get", `2, [5,6]`, `no field: {"field":2,"in":[5,6]}`},
		{"core.get", `"b", {"a":1}`, `no field: {"field":"b","in":{"a":1}}`},
		{"core.get", `null, {"a":1}`, `wrong kind: {"got":null,"want":"text or int"}`},
		{"core.error", `{"a":1}`, `error: {"a":1}`},
		{"core.noMatch", `[1]`, `no match: [1]`},
		{"core.force", `[1]`, `[1]`},
		{"core.forceDeep", `{"a":[1,{"b":2}]}`, `{"a":[1,{"b":2}]}`},
		{"core.forceDeep", `1`, `1`},
		{"match.tag", `"Some", {"Some":1}`, `true`},
		{"match.tag", `"Some", {"Some":1,"x":2}`, `false`},
		{"match.tag", `"Some", 1`, `false`},
		{"match.nullary", `"None", {"None":null}`, `true`},
		{"match.nullary", `"None", {"None":0}`, `false`},
		{"match.nullary", `"None", "None"`, `false`},
		{"match.list", `2, [1,2]`, `true`},
		{"match.list", `2, [1,2,3]`, `false`},
		{"match.list", `0, {}`, `false`},
		{"match.atLeast", `2, [1,2,3]`, `true`},
		{"match.atLeast", `2, [1]`, `false`},
		{"match.has", `"a", {"a":1,"b":2}`, `true`},
		{"match.has", `"a", ["a"]`, `false`},
		{"match.map", `{}`, `true`},
		{"match.map", `[]`, `false`},
		{"ipld.kind", `1.0`, `"float"`},
		{"ipld.kind", `null`, `"null"`},
		{"ipld.kind", `{"/":"bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"}`, `"link"`},
		{"ipld.cid", `{"hello":"world"}`, `"bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"`},
		{"ipld.cid", `{"/":"bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"}`, `"bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"`},
		{"ipld.link", `{"hello":"world"}`, `{"/":"bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"}`},
		{"ipld.load", `"nothing"`, `bad text: "nothing"`},
		{"ipld.load", `1`, `wrong kind: {"got":1,"want":"text"}`},
		{"test.failed", `{"expected":1,"actual":2}`, `test failed: {"actual":2,"expected":1}`},
	})
}

func TestLinkLoads(t *testing.T) {
	b := newBench(t, 0)
	for _, v := range []string{`{"a":[1,2]}`, `18446744073709551616`, `"` + strings.Repeat("x", 100_000) + `"`, `{"λ":1}`} {
		link, err := b.call("ipld.link", b.value(v))
		if err != nil {
			t.Fatal(err)
		}
		back, err := b.call("core.force", link)
		if err != nil || b.show(back) != v {
			t.Errorf("force (link %s) is %s", short(v), short(b.outcome(back, err)))
		}
		again, err := b.call("ipld.link", link)
		if err != nil || again.Link() != link.Link() {
			t.Errorf("link of a link: got %s", b.outcome(again, err))
		}
		text, err := b.call("ipld.cid", b.value(v))
		if err != nil || text.Text() != link.Link().String() {
			t.Errorf("cid: got %s, want %s", b.outcome(text, err), link.Link())
		}
		loaded, err := b.call("ipld.load", text)
		if err != nil || b.show(loaded) != v {
			t.Errorf("load: got %s", short(b.outcome(loaded, err)))
		}
	}
	unstored := b.value(`["not stored"]`)
	text, err := b.call("ipld.cid", unstored)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.call("ipld.load", text); err == nil {
		t.Error("cid stores what it names")
	}
}

func TestDebugLooksAtNothing(t *testing.T) {
	b := newBench(t, 0)
	var out strings.Builder
	b.m.opt.Debug = &out
	for _, v := range []graph.Value{absent(), graph.Int(1), graph.Tagged("/", graph.Int(1))} {
		got, err := b.call("core.debug", graph.Text("x"), v)
		if err != nil || !got.Same(v) {
			t.Errorf("debug: got %v", err)
		}
	}
	if _, err := b.call("core.debug", graph.NewList(graph.Int(1)), graph.Null()); err != nil {
		t.Error(err)
	}
	want := `x: {"/":"` + absent().Link().String() + `"}` + "\nx: 1\nx: a map that DAG-JSON cannot write\n[1]: null\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestForceDeep(t *testing.T) {
	b := newBench(t, 0)
	inner := b.stored(graph.NewList(graph.Int(1), graph.Int(2)))
	outer := b.stored(graph.Record("a", inner, "b", graph.NewList(inner, graph.Int(3))))
	v, err := b.call("core.forceDeep", graph.NewList(outer, graph.Int(0), inner))
	if got, want := b.outcome(v, err), `[{"a":[1,2],"b":[[1,2],3]},0,[1,2]]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := b.call("core.forceDeep", graph.NewList(graph.NewList(absent()))); err == nil {
		t.Error("forceDeep does not look at a link two lists down")
	}
	same := b.value(`[[1],{"a":[]}]`)
	if v, err := b.call("core.forceDeep", same); err != nil || !v.Same(same) {
		t.Errorf("forceDeep copies what it need not: %v", err)
	}
}

// Nested 300,000 deep, and a DAG whose tree has 2^60 nodes.
func TestForceDeepLargeValues(t *testing.T) {
	b := newBench(t, 0)
	v, err := b.call("core.forceDeep", nested(300_000, b.stored(graph.Int(7))))
	if err != nil {
		t.Fatal(err)
	}
	depth := 0
	for ; v.Kind() == graph.KindList; depth++ {
		v = v.List().At(0)
	}
	if i, _ := v.Int(); i != 7 || depth != 300_000 {
		t.Errorf("got %d lists around %s", depth, b.show(v))
	}
	twice := b.stored(graph.Int(7))
	for range 60 {
		twice = graph.NewList(twice, twice)
	}
	steps := b.steps(func() { _, err = b.call("core.forceDeep", twice) })
	if want := uint64(1)<<57 - 1; err != nil || steps != want { // 2^61 - 2 parts
		t.Errorf("got %d steps, %v, want %d", steps, err, want)
	}
}

// A lazy value that contains itself has no end, and is found out.
func TestForceDeepEndless(t *testing.T) {
	b := newBench(t, 0)
	thunk := graph.NewThunk(&graph.Head{}, graph.Null())
	v := graph.NewList(graph.Int(1), thunk)
	setForced(thunk.Thunk(), forced{value: v})
	if _, err := b.call("core.forceDeep", v); err == nil || !strings.Contains(err.Error(), "never end") {
		t.Errorf("got %v, want a stop", err)
	}
}
