// This file tests code blocks: what they are as bytes, and what is refused.

package graph_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/storetest"
)

// link is a link to code that is nowhere, in DAG-JSON.
var (
	nowhere = codec.CIDOf([]byte("nowhere"))
	link    = `{"/":"` + nowhere.String() + `"}`
)

// block makes DAG-CBOR of DAG-JSON in which & stands for a link.
func block(t testing.TB, json string) []byte {
	t.Helper()
	n, err := codec.DecodeNode(codec.DagJSON, []byte(strings.ReplaceAll(json, "&", link)))
	if err != nil {
		t.Fatalf("%s: %v", json, err)
	}
	data, err := codec.EncodeNode(codec.DagCBOR, n)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// nothing is a Loader without blocks.
func nothing(c cid.Cid) ([]byte, error) { return nil, graph.NotFound(c) }

func nest(n int, open, inner, end string) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
}

var goodCode = []string{
	`{"lam":{"arity":1,"body":{"var":0}}}`,
	`{"lam":{"arity":255,"body":{"var":254}}}`,
	`{"lam":{"arity":1,"body":{"lit":5}}}`,
	`{"lam":{"arity":1,"body":&}}`,
	`{"lam":{"arity":2,"body":{"app":[{"prim":"num.add"},{"var":0},{"var":1}]}}}`,
	`{"lam":{"arity":1,"body":{"let":[{"get":[{"var":0},"x"]},{"app":[&,{"var":1},{"var":0}]}]}}}`,
	`{"lam":{"arity":1,"body":{"if":[{"var":0},{"try":{"var":0}},{"lazy":{"app":[&,{"var":0}]}}]}}}`,
	`{"lam":{"arity":1,"body":{"list":[{"lit":1},{"spread":{"var":0}}]}}}`,
	`{"lam":{"arity":1,"body":{"list":[{"spread":{"lit":[1]}},{"var":0}]}}}`,
	`{"lam":{"arity":1,"body":{"map":[["a",{"var":0}],{"spread":&},["b",{"lit":{"x":null}}]]}}}`,
	`{"app":[&,{"lit":1},{"prim":"num.neg"},&]}`,
	`{"app":[{"prim":"num.add"},{"lit":{"λ":{"int":"123456789012345678901234567890"}}}]}`,
	`{"let":[&,{"app":[&,{"var":0}]}]}`,
	`{"let":[&,{"let":[{"app":[&,{"var":0}]},{"list":[{"var":0},{"var":1}]}]}]}`,
	`{"if":[&,{"lit":1},&]}`,
	`{"get":[&,""]}`,
	`{"list":[&]}`,
	`{"list":[{"prim":"num.add"}]}`,
	`{"list":[{"spread":{"lit":[]}}]}`,
	`{"map":[["",&]]}`,
	`{"lit":[1,{"λ":{"fn":&}}]}`,
	`{"lit":{"λ":{"lazy":&}}}`,
	`{"lit":&}`,
	`{"lit":null}`,
	`{"try":&}`,
	`{"lazy":&}`,
	`{"prim":"num.add"}`,
	`{"member":[&,0]}`,
	`{"rec":[{"arity":1,"body":{"app":[{"self":0},{"var":0}]}}]}`,
	`{"rec":[{"arity":0,"body":{"app":[&,{"lazy":{"self":0}}]}}]}`,
	`{"rec":[{"arity":1,"body":{"lazy":{"app":[{"self":0},{"var":0}]}}}]}`,
	`{"lam":{"arity":1,"body":` + nest(150, `{"try":`, `{"var":0}`, `}`) + `}}`,
}

func TestCode(t *testing.T) {
	for _, json := range goodCode {
		data := block(t, `{"λ":`+json+`}`)
		storetest.CheckSchema(t, "Code", data)
		if !graph.IsCode(data) {
			t.Errorf("%.100s is not taken for code", json)
		}
		term, err := graph.DecodeCode(codec.CIDOf(data), data, nothing)
		if err != nil {
			t.Errorf("%.100s: %v", json, err)
			continue
		}
		var last graph.Block
		b := graph.EncodeCode(term, graph.SinkFunc(func(b graph.Block) { last = b }))
		if !bytes.Equal(b.Data, data) || b.CID != codec.CIDOf(data) || last.CID != b.CID {
			t.Errorf("%.100s: written again is\n%x, want\n%x", json, b.Data, data)
		}
	}
}

// group returns a ring of n members, each of which mentions the next.
func group(n int) string {
	var b strings.Builder
	b.WriteString(`{"rec":[`)
	for i := range n {
		fmt.Fprintf(&b, `{"arity":1,"body":{"app":[{"prim":"p%d"},{"self":%d}]}},`, i, (i+1)%n)
	}
	return strings.TrimSuffix(b.String(), ",") + "]}"
}

func TestCodeRefused(t *testing.T) {
	for _, c := range []struct{ json, rule string }{
		{`&`, graph.RuleRootLink},
		{`5`, graph.RuleShape},
		{`{}`, graph.RuleShape},
		{`{"prim":"a","lit":1}`, graph.RuleShape},
		{`{"lambda":1}`, graph.RuleOp},
		{`{"var":0}`, graph.RuleScope},
		{`{"lam":{"arity":1,"body":{"var":1}}}`, graph.RuleScope},
		{`{"lam":{"arity":1,"body":{"var":-1}}}`, graph.RuleScope},
		{`{"lam":{"arity":1,"body":{"var":9223372036854775807}}}`, graph.RuleScope},
		{`{"let":[&,{"var":1}]}`, graph.RuleScope},
		{`{"lam":{"arity":0,"body":{"lit":1}}}`, graph.RuleArity},
		{`{"lam":{"arity":256,"body":{"var":0}}}`, graph.RuleArity},
		{`{"lam":{"arity":"1","body":{"var":0}}}`, graph.RuleArity},
		{`{"lam":{"body":{"var":0}}}`, graph.RuleShape},
		{`{"lam":{"arity":1,"body":{"var":0},"extra":1}}`, graph.RuleShape},
		{`{"lam":{"arity":1,"bods":{"var":0}}}`, graph.RuleShape},
		{`{"lam":{"arity":1,"body":{"lam":{"arity":1,"body":{"var":0}}}}}`, graph.RuleRootOnly},
		{`{"list":[{"rec":[{"arity":1,"body":{"self":0}}]}]}`, graph.RuleRootOnly},
		{`{"list":[{"member":[&,0]}]}`, graph.RuleRootOnly},
		{`{"app":[]}`, graph.RuleNoArgs},
		{`{"app":[&]}`, graph.RuleNoArgs},
		{`{"lam":{"arity":1,"body":{"app":[{"app":[&,{"var":0}]},{"var":0}]}}}`, graph.RuleHeadApp},
		{`{"app":[&,{"app":[&,&]}]}`, graph.RuleClosed},
		{`{"lam":{"arity":1,"body":{"app":[&,{"lit":1}]}}}`, graph.RuleClosed},
		{`{"lam":{"arity":1,"body":{"list":[{"var":0},{"get":[&,"x"]}]}}}`, graph.RuleClosed},
		{`{"lam":{"arity":1,"body":{"list":[{"var":0},{"spread":{"get":[&,"x"]}}]}}}`, graph.RuleClosed},
		{`{"lam":{"arity":1,"body":{"list":[{"var":0},{"let":[&,{"get":[{"var":1},"x"]}]}]}}}`, graph.RuleClosed},
		{`{"rec":[{"arity":1,"body":{"list":[{"self":0},{"try":&}]}}]}`, graph.RuleClosed},
		{`{"let":[{"lit":1},{"var":0}]}`, graph.RuleLetLit},
		{`{"let":[{"prim":"num.add"},{"var":0}]}`, graph.RuleLetLit},
		{`{"list":[]}`, graph.RuleDisplay},
		{`{"list":[{"lit":1},{"lit":2}]}`, graph.RuleDisplay},
		{`{"map":[]}`, graph.RuleDisplay},
		{`{"map":[["a",{"lit":1}]]}`, graph.RuleDisplay},
		{`{"map":[["a",&],["a",&]]}`, graph.RuleDuplicate},
		{`{"map":[["a",&],["b",{"spread":&}]]}`, graph.RuleShape},
		{`{"map":[["a"]]}`, graph.RuleShape},
		{`{"map":[&]}`, graph.RuleShape},
		{`{"map":[["a",["b",&]]]}`, graph.RuleShape},
		{`{"spread":&}`, graph.RuleShape},
		{`{"try":{"spread":&}}`, graph.RuleShape},
		{`{"lit":{"λ":{"fn":&}}}`, graph.RuleLitFn},
		{`{"lazy":{"lit":1}}`, graph.RuleLazy},
		{`{"lazy":{"prim":"num.add"}}`, graph.RuleLazy},
		{`{"lam":{"arity":1,"body":{"lazy":{"var":0}}}}`, graph.RuleLazy},
		{`{"lam":{"arity":1,"body":{"lazy":{"app":[&,{"var":0},{"lit":1}]}}}}`, graph.RuleLazy},
		{`{"lam":{"arity":1,"body":{"lazy":{"app":[{"prim":"p"},{"var":0}]}}}}`, graph.RuleLazy},
		{`{"self":0}`, graph.RuleSelf},
		{`{"rec":[{"arity":1,"body":{"self":1}}]}`, graph.RuleSelf},
		{`{"rec":[]}`, graph.RuleMembers},
		{`{"rec":[{"arity":0,"body":{"self":0}}]}`, graph.RuleSelfUse},
		{`{"rec":[{"arity":1,"body":{"lazy":{"self":0}}}]}`, graph.RuleSelfUse},
		{`{"rec":[{"arity":2,"body":{"lazy":{"app":[{"self":0},{"var":0}]}}}]}`, graph.RuleSelfUse},
		{`{"rec":[{"arity":1,"body":{"var":0}}]}`, graph.RuleConnected},
		{`{"rec":[{"arity":1,"body":{"self":0}},{"arity":2,"body":{"self":1}}]}`, graph.RuleConnected},
		{`{"rec":[{"arity":1,"body":{"self":1}},{"arity":2,"body":{"self":1}}]}`, graph.RuleConnected},
		{`{"rec":[{"arity":1,"body":{"self":1}},{"arity":1,"body":{"self":0}}]}`, graph.RuleGroup}, // equal members
		{`{"member":[&]}`, graph.RuleShape},
		{`{"member":[&,4096]}`, "not within 0 to 4095"},
		{`{"prim":""}`, graph.RulePrim},
		{`{"prim":5}`, "want a text"},
		{`{"get":[&,5]}`, "want a text"},
		{`{"lit":{"λ":{"what":1}}}`, ""},
		{`{"if":[&,&]}`, graph.RuleShape},
		{`{"app":[{"/":"` + codec.RawCID(nil).String() + `"},{"lit":1}]}`, graph.RuleCodeLink},
		{`{"lam":{"arity":1,"body":` + nest(201, `{"try":`, `{"var":0}`, `}`) + `}}`, graph.RuleNesting},
		{`{"lam":{"arity":1,"body":` + nest(450, `{"try":`, `{"var":0}`, `}`) + `}}`, graph.RuleNesting},
	} {
		refused(t, c.json, block(t, `{"λ":`+c.json+`}`), c.rule)
	}
	for name, c := range map[string]struct {
		data []byte
		rule string
	}{
		"trailing bytes":    {append(block(t, `{"λ":{"lit":1}}`), 0), codec.RuleTrailing},
		"not code":          {block(t, `{"a":1}`), graph.RuleShape},
		"a second key":      {block(t, `{"λ":{"lit":1},"a":1}`), graph.RuleShape},
		"nothing":           {nil, codec.RuleTruncated},
		"too large":         {append([]byte("\xa1\x62λ\xa1\x63lit\x5a\x00\x10\x00\x00"), make([]byte, 1<<20)...), graph.RuleSize},
		"a wide int":        {[]byte("\xa1\x62λ\xa1\x63lit\x18\x05"), codec.RuleMinimal},
		"a half float":      {[]byte("\xa1\x62λ\xa1\x63lit\xf9\x3c\x00"), codec.RuleFloatSize},
		"NaN":               {[]byte("\xa1\x62λ\xa1\x63lit\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00"), codec.RuleFinite},
		"undefined":         {[]byte("\xa1\x62λ\xa1\x63lit\xf7"), codec.RuleUndefined},
		"unsorted keys":     {[]byte("\xa1\x62λ\xa1\x63lit\xa2\x61b\x01\x61a\x02"), codec.RuleOrder},
		"duplicate keys":    {[]byte("\xa1\x62λ\xa1\x63lit\xa2\x61a\x01\x61a\x02"), codec.RuleDuplicate},
		"invalid UTF-8":     {[]byte("\xa1\x62λ\xa1\x63lit\x61\xff"), codec.RuleUTF8},
		"a tag":             {[]byte("\xa1\x62λ\xa1\x63lit\xc1\x01"), codec.RuleTag},
		"-2^64":             {[]byte("\xa1\x62λ\xa1\x63lit\x3b\xff\xff\xff\xff\xff\xff\xff\xff"), codec.RuleIntRange},
		"an indefinite map": {[]byte("\xa1\x62λ\xbf\x63lit\x01\xff"), codec.RuleIndefinite},
		"arity before body": {[]byte("\xa1\x62λ\xa1\x63lam\xa2\x65arity\x01\x64body\xa1\x63var\x00"), codec.RuleOrder},
	} {
		refused(t, name, c.data, c.rule)
	}
}

// refused wants a CodeError that names the block and the rule.
func refused(t *testing.T, name string, data []byte, rule string) {
	t.Helper()
	c := codec.CIDOf(data)
	term, err := graph.DecodeCode(c, data, nothing)
	var e *graph.CodeError
	if !errors.As(err, &e) {
		t.Errorf("%.100s: got %v, %v, want a CodeError", name, term, err)
		return
	}
	if e.CID != c || !strings.Contains(e.Rule, rule) || !strings.Contains(err.Error(), c.String()) {
		t.Errorf("%.100s: got %q of %s, want %q of %s", name, e.Rule, e.CID, rule, c)
	}
}

// TestGroupOnce: of all orders of a group's members just one is taken.
func TestGroupOnce(t *testing.T) {
	members := func(order ...int) []byte {
		place := make([]int, len(order))
		for i, m := range order {
			place[m] = i
		}
		var b strings.Builder
		for i, m := range order {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"arity":1,"body":{"app":[{"prim":"p%d"},{"self":%d}]}}`, m, place[(m+1)%len(order)])
		}
		return block(t, `{"λ":{"rec":[`+b.String()+`]}}`)
	}
	taken := 0
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		data := members(order...)
		_, err := graph.DecodeCode(codec.CIDOf(data), data, nothing)
		if err == nil {
			taken++
		} else if !strings.Contains(err.Error(), graph.RuleGroup) {
			t.Errorf("%v: got %v, want %q", order, err, graph.RuleGroup)
		}
	}
	if taken != 1 {
		t.Errorf("%d orders of a group were taken, want 1", taken)
	}
}

// TestLargeGroup: a group as large as can be takes little time, whether or not it is taken.
func TestLargeGroup(t *testing.T) {
	data := block(t, `{"λ":`+group(graph.MaxMembers)+`}`)
	if _, err := graph.DecodeCode(codec.CIDOf(data), data, nothing); err == nil || !strings.Contains(err.Error(), graph.RuleGroup) {
		t.Errorf("got %v, want %q", err, graph.RuleGroup)
	}
	refused(t, "a group of 4097", block(t, `{"λ":`+group(graph.MaxMembers+1)+`}`), graph.RuleMembers)
}

func TestLoadMember(t *testing.T) {
	m := graph.NewMemory()
	add := func(json string) cid.Cid {
		data := block(t, json)
		b := graph.Block{CID: codec.CIDOf(data), Data: data}
		m.Take(b)
		return b.CID
	}
	rec := add(`{"λ":{"rec":[{"arity":1,"body":{"app":[{"self":0},{"var":0}]}}]}}`)
	lit := add(`{"λ":{"lit":1}}`)
	group, lam, err := graph.LoadMember(&graph.Term{Op: graph.OpMember, CID: rec}, m.Load)
	if err != nil || group.Op != graph.OpRec || lam.Op != graph.OpLam || lam != group.Args[0] {
		t.Errorf("got %v, %v, %v", group, lam, err)
	}
	for _, bad := range []*graph.Term{{CID: rec, Index: 1}, {CID: lit}} {
		var e *graph.CodeError
		if _, _, err := graph.LoadMember(bad, m.Load); !errors.As(err, &e) || e.CID != bad.CID {
			t.Errorf("got %v, want a CodeError of %s", err, bad.CID)
		}
	}
	if _, _, err := graph.LoadMember(&graph.Term{CID: nowhere}, m.Load); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("got %v, want %v", err, graph.ErrNotFound)
	}
}

// TestWalk: links, members of a group and spreads count.
func TestWalk(t *testing.T) {
	data := block(t, `{"λ":{"rec":[{"arity":1,"body":{"map":[["a",{"self":0}],{"spread":{"app":[&,{"var":0}]}}]}}]}}`)
	term, err := graph.DecodeCode(codec.CIDOf(data), data, nothing)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	graph.Walk(term, func(i int, t *graph.Term) { got = append(got, fmt.Sprint(i, ":", t.Op)) })
	want := fmt.Sprint([]string{
		fmt.Sprint(0, ":", graph.OpRec), fmt.Sprint(1, ":", graph.OpLam), fmt.Sprint(2, ":", graph.OpMap), fmt.Sprint(3, ":", graph.OpSelf),
		fmt.Sprint(4, ":", graph.OpSpread), fmt.Sprint(5, ":", graph.OpApp), fmt.Sprint(6, ":", graph.OpRef), fmt.Sprint(7, ":", graph.OpVar),
	})
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestLoadFails: a block of a literal that cannot be had is no fault of the code.
func TestLoadFails(t *testing.T) {
	data := block(t, `{"λ":{"lit":{"λ":&}}}`)
	_, err := graph.DecodeCode(codec.CIDOf(data), data, nothing)
	var e *graph.CodeError
	if err != nil && (!errors.Is(err, graph.ErrNotFound) || errors.As(err, &e)) {
		t.Errorf("got %v, want %v", err, graph.ErrNotFound)
	}
}

func FuzzCode(f *testing.F) {
	for _, json := range goodCode {
		f.Add(block(f, `{"λ":`+json+`}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := codec.CIDOf(data)
		term, err := graph.DecodeCode(c, data, nothing)
		if err != nil {
			if !strings.Contains(err.Error(), c.String()) {
				t.Fatalf("%v does not name %s", err, c)
			}
			return
		}
		if b := graph.EncodeCode(term, nil); !bytes.Equal(b.Data, data) {
			t.Fatalf("%x\nwritten again is\n%x", data, b.Data)
		}
		if err := storetest.Conform("Code", data); err != nil {
			t.Fatal(err)
		}
		if err := graph.CodeBlocks(c, func(x cid.Cid) ([]byte, error) {
			if x == c {
				return data, nil
			}
			return nothing(x)
		}, nil); err != nil && !errors.Is(err, graph.ErrNotFound) {
			t.Fatal(err)
		}
	})
}

func BenchmarkDecodeCode(b *testing.B) {
	data := block(b, `{"λ":{"lam":{"arity":2,"body":{"if":[{"app":[{"prim":"cmp.lt"},{"var":0},{"lit":2}]},{"var":0},{"app":[&,{"var":1},{"var":0}]}]}}}}`)
	c := codec.CIDOf(data)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := graph.DecodeCode(c, data, nothing); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeCode(b *testing.B) {
	data := block(b, `{"λ":{"app":[&,{"lit":1},{"lit":2}]}}`)
	term, err := graph.DecodeCode(codec.CIDOf(data), data, nothing)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		graph.EncodeCode(term, nil)
	}
}

// TestGoldenCode: the CIDs of code are a promise.
func TestGoldenCode(t *testing.T) {
	const file = "testdata/code.golden"
	var b strings.Builder
	for _, json := range goodCode {
		if len(json) > 300 {
			continue
		}
		data := block(t, `{"λ":`+json+`}`)
		term, err := graph.DecodeCode(codec.CIDOf(data), data, nothing)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s\n%x\n", graph.EncodeCode(term, nil).CID, json, data)
	}
	golden(t, file, b.String())
}

// golden compares got with a file, or writes it when the tests run with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; got\n%s\nwant\n%s", file, got, want)
	}
}
