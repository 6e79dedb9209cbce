// This file tests the primitives of comparison.

package eval

import (
	"math"
	"math/big"
	"math/rand"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

func TestComparing(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"cmp.eq", `1, 1.0`, `true`},
		{"cmp.eq", `1, true`, `false`},
		{"cmp.eq", `null, null`, `true`},
		{"cmp.eq", `null, []`, `false`},
		{"cmp.eq", `"", []`, `false`},
		{"cmp.eq", `"ä", "ä"`, `true`},
		{"cmp.eq", `[1, [2.0, "x"]], [1.0, [2, "x"]]`, `true`},
		{"cmp.eq", `[1, 2], [1, 2, 3]`, `false`},
		{"cmp.eq", `{"a": 1, "b": [2]}, {"b": [2], "a": 1}`, `true`},
		{"cmp.eq", `{"a": 1}, {"b": 1}`, `false`},
		{"cmp.eq", `{"a": 1}, {"a": 2}`, `false`},
		{"cmp.eq", `{}, []`, `false`},
		{"cmp.eq", `[], []`, `true`},
		{"cmp.eq", `{"/": {"bytes": "AAE"}}, {"/": {"bytes": "AAE"}}`, `true`},
		{"cmp.eq", `{"/": {"bytes": "AAE"}}, {"/": {"bytes": "AAI"}}`, `false`},
		{"cmp.eq", `9007199254740993, 9007199254740992.0`, `false`},
		{"cmp.eq", `9223372036854775808, 9223372036854775808.0`, `true`},
		{"cmp.eq", `100000000000000000001, 1e20`, `false`},
		{"cmp.eq", `100000000000000000000, 1e20`, `true`},
		{"cmp.ne", `1, 2`, `true`},
		{"cmp.ne", `"a", "a"`, `false`},
		{"cmp.lt", `1, 1.5`, `true`},
		{"cmp.lt", `-1, -1.5`, `false`},
		{"cmp.lt", `-1.5, -1`, `true`},
		{"cmp.lt", `9007199254740992.0, 9007199254740993`, `true`},
		{"cmp.le", `9007199254740993, 9007199254740992.0`, `false`},
		{"cmp.lt", `1e300, 100000000000000000000`, `false`},
		{"cmp.lt", `"a", "b"`, `true`},
		{"cmp.lt", `"Z", "a"`, `true`},
		{"cmp.lt", `"\uffff", "\ud83d\ude00"`, `true`},
		{"cmp.lt", `"a", "ab"`, `true`},
		{"cmp.lt", `"a", 1`, `cannot compare: ["a",1]`},
		{"cmp.lt", `null, null`, `cannot compare: [null,null]`},
		{"cmp.lt", `true, false`, `cannot compare: [true,false]`},
		{"cmp.lt", `{}, {}`, `cannot compare: [{},{}]`},
		{"cmp.lt", `[1, 2], [1, 3]`, `true`},
		{"cmp.lt", `[1, 2], [1, 2, 0]`, `true`},
		{"cmp.lt", `[], [null]`, `true`},
		{"cmp.ge", `[2], [1, null]`, `true`},
		{"cmp.lt", `[1, null], [2, null]`, `true`},
		{"cmp.lt", `[1, null], [1, null]`, `cannot compare: [null,null]`},
		{"cmp.lt", `[[1], [2]], [[1], [2, 3]]`, `true`},
		{"cmp.le", `[[1], 2], [[1], 2]`, `true`},
		{"cmp.gt", `[1, [2, 3]], [1, [2]]`, `true`},
		{"cmp.lt", `{"/": {"bytes": "AAE"}}, {"/": {"bytes": "AAI"}}`, `true`},
		{"cmp.ge", `1, 1`, `true`},
	})
}

func TestFunctionsAreNotCompared(t *testing.T) {
	b := newBench(t, 0)
	f := graph.FnValue(&graph.Fn{Prim: "num.add", Head: primCID("num.add")})
	for _, c := range []struct {
		a, b graph.Value
		want string
	}{
		{f, graph.Int(1), "false"},
		{f, f, "compare functions"},
		{graph.NewList(graph.Int(1), f), graph.NewList(graph.Int(2), f), "false"},
		{graph.NewList(f, graph.Int(1)), graph.NewList(f, graph.Int(2)), "compare functions"},
		{graph.Record("a", graph.Int(1), "b", f), graph.Record("a", graph.Int(1), "b", f), "compare functions"},
	} {
		v, err := b.call("cmp.eq", c.a, c.b)
		got := ""
		if e, ok := err.(*Error); ok {
			got = e.Kind
		} else {
			got = b.outcome(v, err)
		}
		if got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	same := graph.NewList(f)
	if _, err := b.call("cmp.eq", same, same); err == nil {
		t.Error("a list with a function was equal to itself")
	}
}

func TestComparingLinks(t *testing.T) {
	b := newBench(t, 0)
	three, other := b.stored(graph.NewList(graph.Int(3))), b.stored(graph.NewList(graph.Float(3)))
	for _, c := range []struct {
		name string
		a, b graph.Value
		want string
	}{
		{"cmp.eq", absent(), absent(), "true"},
		{"cmp.eq", graph.NewList(absent()), graph.NewList(absent()), "true"},
		{"cmp.eq", three, other, "true"},
		{"cmp.eq", three, graph.NewList(graph.Int(3)), "true"},
		{"cmp.eq", graph.NewList(graph.Int(1), absent()), graph.NewList(graph.Int(2), absent()), "false"},
		{"cmp.lt", three, graph.NewList(graph.Int(4)), "true"},
		{"cmp.lt", graph.NewList(three), graph.NewList(other), "false"},
	} {
		if got := b.outcome(b.call(c.name, c.a, c.b)); got != c.want {
			t.Errorf("%s %s %s: got %s, want %s", c.name, b.show(c.a), b.show(c.b), got, c.want)
		}
	}
	if _, err := b.call("cmp.eq", absent(), graph.Int(1)); err == nil {
		t.Error("a missing block was compared")
	}
	// min answers the link, not what is behind it
	if v, err := b.call("num.min", three, graph.NewList(graph.Int(4))); err != nil || v.Kind() != graph.KindLink {
		t.Errorf("min of a link: got %s", b.outcome(v, err))
	}
}

func TestComparingDeepValues(t *testing.T) {
	b := newBench(t, 0)
	const n = 1000000
	x, y := deep(n, graph.Int(1)), deep(n, graph.Int(2))
	if equal, err := equalValues(b.m, x, y); equal || err != nil {
		t.Error("deep lists that differ were equal", err)
	}
	if c, err := compareValues(b.m, x, y); c >= 0 || err != nil {
		t.Errorf("got %d, want less; %v", c, err)
	}
	if steps := b.steps(func() { equalValues(b.m, x, y) }); steps != n/16 {
		t.Errorf("got %d steps, want %d", steps, n/16)
	}
}

func TestNumbersInOrder(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	exact := func(v graph.Value) *big.Rat {
		if v.Kind() == graph.KindFloat {
			return new(big.Rat).SetFloat64(v.Float())
		}
		return new(big.Rat).SetInt(v.BigInt())
	}
	random := func() graph.Value {
		x := graph.BigInt(randomInt(r, 80))
		f, _ := new(big.Float).SetInt(x.BigInt()).Float64()
		switch r.Intn(4) {
		case 0:
			return graph.Float(f)
		case 1:
			return graph.Float(math.Nextafter(f, math.Inf(r.Intn(2)*2-1)))
		case 2:
			return graph.Float(f / 4)
		}
		return x
	}
	pool := make([]graph.Value, 400)
	for i := range pool {
		pool[i] = random()
		if i > 0 && i%4 == 0 && pool[i-1].Kind() == graph.KindFloat {
			pool[i] = wholeFloat(math.Floor(pool[i-1].Float()))
		}
	}
	for _, a := range pool {
		for _, b := range pool {
			if got, want := compareNumbers(a, b), exact(a).Cmp(exact(b)); got != want {
				t.Fatalf("%v %v: got %d, want %d", exact(a), exact(b), got, want)
			}
		}
	}
}
