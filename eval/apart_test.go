// This file tests that operations on huge ints and texts can be stopped, and that the machine goes on after it.

package eval

import (
	"context"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

func TestHugeIntsAreStopped(t *testing.T) {
	huge := func(bits uint) graph.Value {
		x := new(big.Int).Lsh(big.NewInt(1), bits)
		return graph.BigInt(x.Sub(x, big.NewInt(159)).Div(x, big.NewInt(7)))
	}
	a, b := huge(12_000_000), huge(9_000_001)
	m := New(Options{Link: None})
	for _, c := range []struct {
		prim string
		args []graph.Value
	}{{"num.gcd", []graph.Value{a, b}}, {"num.intdiv", []graph.Value{a, huge(6_000_000)}}, {"num.mod", []graph.Value{a, huge(6_000_000)}}, {"core.show", []graph.Value{a}}} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		began := time.Now()
		_, thrown, err := m.Primitive(ctx, c.prim, c.args...)
		took := time.Since(began)
		cancel()
		if s, ok := err.(*Stop); err != nil && (!ok || s.Reason != Deadline) || thrown != nil || took > 20*time.Second {
			t.Errorf("%s: got %v %v after %v, want the deadline", c.prim, err, thrown, took)
		}
		t.Logf("%s: %v after %v", c.prim, err, took)
	}
	// What runs apart comes to what it comes to otherwise.
	x, y := huge(600_000), huge(400_001)
	q, r := new(big.Int).QuoRem(x.BigInt(), y.BigInt(), new(big.Int))
	for prim, want := range map[string]*big.Int{"num.intdiv": q, "num.mod": r, "num.gcd": new(big.Int).GCD(nil, nil, x.BigInt(), y.BigInt())} {
		v, thrown, err := m.Primitive(context.Background(), prim, x, y)
		if err != nil || thrown != nil || v.BigInt().Cmp(want) != 0 {
			t.Errorf("%s: got another int (%v %v)", prim, err, thrown)
		}
	}
	v, _, err := m.Primitive(context.Background(), "core.show", x)
	if err != nil || v.Text() != x.BigInt().String() {
		t.Errorf("show: got other digits (%v)", err)
	}
}

// TestLongWorkIsStopped has a deadline come while tens of megabytes are gone through, which takes several times as long on any machine.
func TestLongWorkIsStopped(t *testing.T) {
	m := New(Options{Link: None})
	text := func(s string, n int) graph.Value { return graph.Text(strings.Repeat(s, n)) }
	var texts graph.ListBuilder
	for range 5_000_000 {
		texts.Add(graph.Text("a"))
	}
	list := graph.ListValue(texts.List())
	letters, digits, bytes := text("aé", 10_000_000), text("1", 60_000_000), graph.BytesValue([]byte(strings.Repeat("a", 60_000_000)))
	for _, c := range []struct {
		prim string
		args []graph.Value
	}{
		{"json.parse", []graph.Value{graph.Text("[" + strings.Repeat("1,", 15_000_000) + "1]")}},
		{"text.lines", []graph.Value{text("a\n", 15_000_000)}},
		{"text.split", []graph.Value{graph.Text(","), text("a,", 15_000_000)}},
		{"text.join", []graph.Value{graph.Text(","), list}},
		{"text.chars", []graph.Value{letters}},
		{"text.codes", []graph.Value{letters}},
		{"text.upper", []graph.Value{letters}},
		{"text.foldCase", []graph.Value{letters}},
		{"text.reverse", []graph.Value{letters}},
		{"core.show", []graph.Value{letters}},
		{"core.show", []graph.Value{list}},
		{"regex.escape", []graph.Value{letters}},
		{"num.parseFloat", []graph.Value{digits}},
		{"bytes.toList", []graph.Value{bytes}},
		{"bytes.hex", []graph.Value{bytes}},
		{"ipld.cid", []graph.Value{list}},
		{"ipld.link", []graph.Value{list}},
	} {
		var err error
		stopped := false
		for try := 0; try < 5 && !stopped; try++ { // a timer may be late on a busy machine
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
			_, _, err = m.Primitive(ctx, c.prim, c.args...)
			cancel()
			s, ok := err.(*Stop)
			stopped = ok && s.Reason == Deadline
		}
		if !stopped {
			t.Errorf("%s: got %v, want the deadline", c.prim, err)
		}
	}
}

// TestOrderIsStopped has a deadline come while a map of a million entries that were inserted one by one is put in order.
func TestOrderIsStopped(t *testing.T) {
	ins := func(n int) *graph.Map {
		o := graph.EmptyMap
		for i := range n {
			o = o.Insert(strconv.Itoa(i*7919%1000003), graph.Int(int64(i)))
		}
		return o
	}
	a, b := ins(1_000_000), ins(200_000)
	m := New(Options{Link: None})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, _, err := m.Primitive(ctx, "map.merge", graph.MapValue(a), graph.MapValue(b))
	if s, ok := err.(*Stop); !ok || s.Reason != Deadline {
		t.Errorf("got %v, want the deadline", err)
	}
	v, _, err := m.Primitive(context.Background(), "map.merge", graph.MapValue(a), graph.MapValue(b))
	if err != nil || v.Map().Len() != a.Len() {
		t.Errorf("got %d entries (%v), want %d", v.Map().Len(), err, a.Len())
	}
	if k, x := v.Map().At(7); k != "1000000" || x != graph.Int(23993) {
		t.Errorf("got %s: %v, want 1000000: 23993", k, x)
	}
}

// TestYielding has the evaluation be stopped while a value that is nested deep is encoded to look a call up, or to link one.
func TestYielding(t *testing.T) {
	m := New(Options{Store: graph.NewMemory()})
	for name, put := range map[string]graph.Sink{"lookup": m.hasher, "link": m.Blocks()} {
		deep := graph.Int(1)
		for range 100_000 {
			deep = graph.Record("head", graph.Int(2), "tail", deep)
		}
		encode := func() { m.callOf(primHead(m.prims["core.show"]), []graph.Value{deep}, put) }
		m.stopping.Store(&Stop{Reason: Deadline})
		if m.yielding(encode) {
			t.Errorf("%s: it is encoded to its end, though the evaluation is to stop", name)
		}
		m.stopping.Store(nil)
		if !m.yielding(encode) {
			t.Errorf("%s: it is not encoded to its end", name)
		}
	}
}
