// This file tests how nodes of go-ipld-prime become values, and the paths of links.

package graph_test

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/fluent/qp"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

func nested(depth int) datamodel.Node {
	n := basicnode.NewInt(1)
	for range depth {
		inner := n
		n, _ = qp.BuildList(basicnode.Prototype.Any, 1, func(la datamodel.ListAssembler) { qp.ListEntry(la, qp.Node(inner)) })
	}
	return n
}

func TestFromNode(t *testing.T) {
	for _, v := range []graph.Value{
		graph.Null(), graph.Bool(true), graph.Int(-5), graph.Int(math.MinInt64), graph.Uint(math.MaxUint64), graph.Float(-1.5), graph.Text("é\x00"),
		graph.BytesValue([]byte{0, 255}), graph.LinkValue(nowhere), graph.NewList(), graph.NewList(graph.Int(1), graph.NewList()),
		graph.Record("b", graph.Some(graph.Int(1)), "aa", graph.Text("")),
	} {
		want := graph.Encode(v, nil)
		n, err := codec.DecodeNode(codec.DagCBOR, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := graph.FromNode(n)
		if err != nil || string(graph.Encode(got, nil)) != string(want) {
			t.Errorf("%x: got %x, %v", want, graph.Encode(got, nil), err)
		}
	}
	low := []byte("\xa1\x61a\x82\x3b\xff\xff\xff\xff\xff\xff\xff\xff\x3b\x80\x00\x00\x00\x00\x00\x00\x00") // {"a":[-2^64,-2^63-1]}
	n, err := codec.DecodeNode(codec.DagCBOR, low)
	if err != nil {
		t.Fatal(err)
	}
	two := func(exp uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), exp) }
	want := graph.Record("a", graph.NewList(graph.BigInt(two(64).Neg(two(64))), graph.BigInt(new(big.Int).Not(two(63)))))
	if got, err := graph.FromNode(n); err != nil || !bytes.Equal(graph.Encode(got, nil), graph.Encode(want, nil)) {
		t.Errorf("ints below -2^63: got %x, %v", graph.Encode(got, nil), err)
	}
	json := []byte(`{"a":[-18446744073709551616,-9223372036854775809]}`)
	if n, err = codec.DecodeNode(codec.DagJSON, json); err != nil {
		t.Fatal(err)
	}
	if got, err := graph.FromNode(n); err != nil || !bytes.Equal(graph.Encode(got, nil), graph.Encode(want, nil)) {
		t.Errorf("the same ints in DAG-JSON: got %x, %v", graph.Encode(got, nil), err)
	}
	if v, err := graph.FromNode(nested(1000)); err != nil || v.Kind() != graph.KindList {
		t.Errorf("nested 1000 deep: %v", err)
	}
	badKey, _ := qp.BuildMap(basicnode.Prototype.Any, 1, func(ma datamodel.MapAssembler) { qp.MapEntry(ma, "\xff", qp.Int(1)) })
	for _, bad := range []struct {
		n    datamodel.Node
		want string
	}{
		{nested(1001), "nested more than 1000 deep"},
		{basicnode.NewFloat(math.NaN()), "NaN"},
		{basicnode.NewFloat(math.Inf(-1)), "-Inf"},
		{basicnode.NewString("a\xff"), "not UTF-8"},
		{badKey, "not UTF-8"},
		{basicnode.NewLink(cidlink.Link{}), "want a CID"},
	} {
		if _, err := graph.FromNode(bad.n); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("got %v, want %q", err, bad.want)
		}
	}
	raw := []byte("raw")
	v, _ := graph.FromNode(basicnode.NewBytes(raw))
	if raw[0] = 'b'; string(v.Bytes()) != "raw" {
		t.Error("a value's bytes are the node's")
	}
}

func TestPathTo(t *testing.T) {
	target, other := codec.CIDOf([]byte("target")), codec.CIDOf([]byte("other"))
	to, no := graph.LinkValue(target), graph.LinkValue(other)
	for _, c := range []struct {
		v    graph.Value
		want string
	}{
		{to, ""},
		{no, ""},
		{graph.NewList(no, graph.NewList(), to, to), "2"},
		{graph.Record("b", graph.NewList(graph.Record("x", to)), "aa", to), "b/0/x"},
		{graph.Record("a/b", to, "", to, "éé", graph.NewList(graph.BytesValue([]byte{1}), graph.Float(1), to)), "éé/2"},
		{graph.Record("a/b", to), ""},
	} {
		if got := graph.PathTo(graph.Encode(c.v, nil), target); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	// Hostile blocks: nested deep, cut short, and with many parts announced at every level.
	deep := codec.AppendLink([]byte(strings.Repeat("\x81", 1000)), target)
	if got := graph.PathTo(deep, target); got != strings.Repeat("0/", 999)+"0" {
		t.Errorf("1000 deep: got a path of %d bytes", len(got))
	}
	for _, data := range []string{
		"", "\xff", "\x82\x01", "\xa1\x61", "\x81" + string(deep), strings.Repeat("\x81", 1<<20),
		strings.Repeat("\x9a\x00\x08\x00\x00", 1<<17) + strings.Repeat("\xf7", 1<<19),
	} {
		start := time.Now()
		if got := graph.PathTo([]byte(data), target); got != "" || time.Since(start) > 2*time.Second {
			t.Errorf("%.20q: got %.20q in %v", data, got, time.Since(start))
		}
	}
	if got := graph.PathTo(deep, cid.Undef); got != "" {
		t.Errorf("the path of no link: got %.20q", got)
	}
}
