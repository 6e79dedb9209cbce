// This file tests the primitives over lists and maps: their answers, the order of the calls they make, and their costs.

package eval

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

// function is a primitive as a value, with its first arguments.
func (b *bench) function(name string, args ...graph.Value) graph.Value {
	b.t.Helper()
	p, ok := b.prims[name]
	if !ok {
		b.t.Fatalf("no primitive %s", name)
	}
	head := graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: name}, nil).CID
	return graph.FnValue(&graph.Fn{Prim: name, Head: head, Args: args, Body: p})
}

// spy is a function of n arguments that notes them, as DAG-JSON, and answers what f makes of them.
func (b *bench) spy(calls *[]string, n int, f func(args []graph.Value) graph.Value) graph.Value {
	p := newPrim(Spec{Name: "test.spy", Arity: n, Run: func(_ *Machine, args []graph.Value) (graph.Value, error) {
		*calls = append(*calls, b.show(graph.NewList(slices.Clone(args)...)))
		return f(args), nil
	}})
	return graph.FnValue(&graph.Fn{Prim: p.Name, Body: p})
}

func TestListPrims(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"list.reverse", `[1,2,3]`, `[3,2,1]`},
		{"list.reverse", `[]`, `[]`},
		{"list.reverse", `{"a":1}`, `wrong kind: {"got":{"a":1},"want":"list"}`},
		{"list.range", `1, 4`, `[1,2,3,4]`},
		{"list.range", `4, 1`, `[]`},
		{"list.range", `1, 1`, `[1]`},
		{"list.range", `1.0, 4`, `wrong kind: {"got":1.0,"want":"int"}`},
		{"list.range", `9223372036854775806, 9223372036854775807`, `[9223372036854775806,9223372036854775807]`},
		{"list.range", `9223372036854775807, 9223372036854775809`, `[9223372036854775807,9223372036854775808,9223372036854775809]`},
		{"list.range", `-9223372036854775809, -9223372036854775808`, `[-9223372036854775809,-9223372036854775808]`},
		{"list.range", `1, -100000000000000000000`, `[]`},
		{"list.range", `-9223372036854775808, 9223372036854775807`, `stopped: memory limit reached after 0 steps`},
		{"list.range", `1, 100000000000000000000000`, `stopped: memory limit reached after 0 steps`},
		{"list.repeat", `3, "a"`, `["a","a","a"]`},
		{"list.repeat", `-1, "a"`, `[]`},
		{"list.repeat", `100000000000000000000000, 1`, `stopped: memory limit reached after 0 steps`},
		{"list.take", `2, [1,2,3]`, `[1,2]`},
		{"list.take", `-2, [1,2,3]`, `[]`},
		{"list.take", `100000000000000000000, [1,2,3]`, `[1,2,3]`},
		{"list.take", `"2", [1]`, `wrong kind: {"got":"2","want":"int"}`},
		{"list.drop", `2, [1,2,3]`, `[3]`},
		{"list.drop", `-2, [1,2,3]`, `[1,2,3]`},
		{"list.drop", `9, [1,2,3]`, `[]`},
		{"list.slice", `1, 3, [0,1,2,3]`, `[1,2]`},
		{"list.slice", `1, -1, [0,1,2,3]`, `[1,2]`},
		{"list.slice", `3, 1, [0,1,2,3]`, `[]`},
		{"list.slice", `-9, 9, [0,1]`, `[0,1]`},
		{"list.zip", `[1,2,3], ["a","b"]`, `[[1,"a"],[2,"b"]]`},
		{"list.concat", `[[1],[],[2,3]]`, `[1,2,3]`},
		{"list.concat", `[]`, `[]`},
		{"list.concat", `[[1],2]`, `wrong kind: {"got":2,"want":"list"}`},
		{"list.enumerate", `["a","b"]`, `[[0,"a"],[1,"b"]]`},
		{"list.head", `[]`, `{"None":null}`},
		{"list.head", `[1,2]`, `{"Some":1}`},
		{"list.last", `[1,2]`, `{"Some":2}`},
		{"list.at", `1, ["a","b"]`, `{"Some":"b"}`},
		{"list.at", `-1, ["a","b"]`, `{"None":null}`},
		{"list.at", `100000000000000000000, ["a"]`, `{"None":null}`},
		{"list.fromEnd", `0, ["a","b"]`, `"b"`},
		{"list.fromEnd", `2, ["a","b"]`, `out of range: 2`},
		{"list.contains", `1.0, [2,1]`, `true`},
		{"list.contains", `[3], [2,[3,4]]`, `false`},
		{"list.indexOf", `{"a":1}, [0,{"a":1}]`, `{"Some":1}`},
		{"list.indexOf", `5, [1]`, `{"None":null}`},
		{"list.sort", `[3,1.5,-2,100000000000000000000]`, `[-2,1.5,3,100000000000000000000]`},
		{"list.sort", `[1,1.0,0,1.0,1]`, `[0,1,1.0,1.0,1]`},
		{"list.sort", `[["b"],["a","z"],[]]`, `[[],["a","z"],["b"]]`},
		{"list.sort", `[1,"a"]`, `cannot compare: ["a",1]`},
		{"list.sort", `[{}]`, `[{}]`},
		{"list.minimum", `[2,1,1.0]`, `{"Some":1}`},
		{"list.maximum", `[2,2.0,1]`, `{"Some":2}`},
		{"list.maximum", `[]`, `{"None":null}`},
		{"list.minimum", `[1,"a"]`, `cannot compare: ["a",1]`},
		{"list.unique", `[1,2,1.0,[1],[1.0],{"a":2},{"a":2.0},"a","a",null,null,false,false]`, `[1,2,[1],{"a":2},"a",null,false]`},
		{"list.unique", `[9007199254740993,9007199254740992.0,9007199254740993.0,1e300,1e300]`, `[9007199254740993,9007199254740992.0,1e+300]`},
		{"list.sum", `[]`, `0`},
		{"list.sum", `[1,2,3]`, `6`},
		{"list.sum", `[9223372036854775807,1,-2]`, `9223372036854775806`},
		{"list.sum", `[9223372036854775807,9223372036854775807]`, `18446744073709551614`},
		{"list.sum", `[0.1,1e20,0.2,-1e20]`, `0.30000000000000004`},
		{"list.sum", `[1e308,1e308,-1e308]`, `1e+308`},
		{"list.sum", `[1e308,1e308]`, `not a number: [1e+308,1e+308]`},
		{"list.sum", `[5e-324,-5e-324]`, `0.0`},
		{"list.sum", `[100000000000000000000,0.5,-100000000000000000000]`, `0.5`},
		{"list.sum", `[1,"a"]`, `wrong kind: {"got":"a","want":"number"}`},
	})
}

func TestMapPrims(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"map.keys", `{"b":1,"aa":2,"B":3}`, `["B","aa","b"]`},
		{"map.values", `{"b":1,"aa":2}`, `[2,1]`},
		{"map.entries", `{"b":1,"aa":2}`, `[["aa",2],["b",1]]`},
		{"map.fromEntries", `[["a",1],["b",2],["a",3]]`, `{"a":3,"b":2}`},
		{"map.fromEntries", `[["a"]]`, `wrong kind: {"got":["a"],"want":"pair"}`},
		{"map.fromEntries", `[[1,2]]`, `wrong kind: {"got":1,"want":"text"}`},
		{"map.get", `"a", {"a":1}`, `{"Some":1}`},
		{"map.get", `"b", {"a":1}`, `{"None":null}`},
		{"map.get", `1, {"a":1}`, `wrong kind: {"got":1,"want":"text"}`},
		{"map.has", `"a", {"a":1}`, `true`},
		{"map.insert", `"a", 2, {"a":1}`, `{"a":2}`},
		{"map.insert", `"a", 2, []`, `wrong kind: {"got":[],"want":"map"}`},
		{"map.remove", `"a", {"a":1,"b":2}`, `{"b":2}`},
		{"map.remove", `"z", {"a":1}`, `{"a":1}`},
		{"map.merge", `{"a":1,"b":1}, {"b":2,"c":2}`, `{"a":1,"b":2,"c":2}`},
		{"map.without", `["a","z"], {"a":1,"b":2}`, `{"b":2}`},
	})
}

// The order in which functions are called, with which arguments, is part of the language.
func TestOrderOfCalls(t *testing.T) {
	b := newBench(t, 0)
	first := func(args []graph.Value) graph.Value { return args[0] }
	for _, c := range []struct {
		name string
		of   int
		f    func([]graph.Value) graph.Value
		args string
		want string
	}{
		{"list.map", 1, first, `[1,2,3]`, `[[1] [2] [3]]`},
		{"list.fold", 2, first, `0,[1,2,3]`, `[[0,1] [0,2] [0,3]]`},
		{"list.foldr", 2, first, `0,[1,2,3]`, `[[3,0] [2,3] [1,2]]`},
		{"list.zipWith", 2, first, `[1,2],["a","b","c"]`, `[[1,"a"] [2,"b"]]`},
		{"list.any", 1, isTwo, `[1,2,3]`, `[[1] [2]]`},
		{"list.all", 1, isTwo, `[2,3,2]`, `[[2] [3]]`},
		{"list.find", 1, isTwo, `[1,2,3]`, `[[1] [2]]`},
		{"list.filter", 1, isTwo, `[1,2]`, `[[1] [2]]`},
		{"list.takeWhile", 1, isTwo, `[2,1,2]`, `[[2] [1]]`},
		{"list.sortBy", 1, first, `[3,1,2]`, `[[3] [1] [2]]`},
		{"list.groupBy", 1, first, `[3,1]`, `[[3] [1]]`},
		// [5,3,4,1,2]: [5,3] and [4,1,2], of which [4] and [1,2].
		{"list.sortWith", 2, less2, `[5,3,4,1,2]`, `[[3,5] [2,1] [1,4] [2,4] [1,3] [2,3] [4,3] [4,5]]`},
		{"map.map", 2, first, `{"b":1,"a":2}`, `[["a",2] ["b",1]]`},
		{"map.fold", 3, first, `0,{"b":1,"a":2}`, `[[0,"a",2] [0,"b",1]]`},
		{"map.filter", 2, func(a []graph.Value) graph.Value { return isTwo(a[1:]) }, `{"b":1,"a":2}`, `[["a",2] ["b",1]]`},
	} {
		var calls []string
		args := []graph.Value{b.spy(&calls, c.of, c.f)}
		b.value("[" + c.args + "]").List().Each(func(v graph.Value) bool {
			args = append(args, v)
			return true
		})
		if _, err := b.call(c.name, args...); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := fmt.Sprint(calls); got != c.want {
			t.Errorf("%s %s: got the calls %s, want %s", c.name, c.args, got, c.want)
		}
	}
}

func isTwo(args []graph.Value) graph.Value {
	i, _ := args[0].Int()
	return graph.Bool(i == 2)
}

func less2(args []graph.Value) graph.Value {
	i, _ := args[0].Int()
	j, _ := args[1].Int()
	return graph.Bool(i < j)
}

func TestListsWithFunctions(t *testing.T) {
	b := newBench(t, 0)
	small := b.function("cmp.gt", graph.Int(3)) // 3 > x
	for _, c := range []struct {
		name string
		args []graph.Value
		want string
	}{
		{"list.map", []graph.Value{b.function("num.neg"), b.value(`[1,2]`)}, `[-1,-2]`},
		{"list.map", []graph.Value{graph.Int(3), b.value(`[]`)}, `[]`},
		{"list.map", []graph.Value{graph.Int(3), b.value(`[1]`)}, `not a function: 3`},
		{"list.filter", []graph.Value{small, b.value(`[1,5,2]`)}, `[1,2]`},
		{"list.filter", []graph.Value{b.function("num.neg"), b.value(`[1]`)}, `wrong kind: {"got":-1,"want":"bool"}`},
		{"list.partition", []graph.Value{small, b.value(`[1,5,2]`)}, `[[1,2],[5]]`},
		{"list.takeWhile", []graph.Value{small, b.value(`[1,5,2]`)}, `[1]`},
		{"list.dropWhile", []graph.Value{small, b.value(`[1,5,2]`)}, `[5,2]`},
		{"list.dropWhile", []graph.Value{small, b.value(`[1]`)}, `[]`},
		{"list.any", []graph.Value{small, b.value(`[]`)}, `false`},
		{"list.all", []graph.Value{small, b.value(`[]`)}, `true`},
		{"list.find", []graph.Value{small, b.value(`[7,1]`)}, `{"Some":1}`},
		{"list.find", []graph.Value{small, b.value(`[7]`)}, `{"None":null}`},
		{"list.flatMap", []graph.Value{b.function("list.repeat", graph.Int(2)), b.value(`[1,"a"]`)}, `[1,1,"a","a"]`},
		{"list.flatMap", []graph.Value{b.function("num.neg"), b.value(`[1]`)}, `wrong kind: {"got":-1,"want":"list"}`},
		{"list.fold", []graph.Value{b.function("num.sub"), graph.Int(10), b.value(`[1,2,3]`)}, `4`},
		{"list.foldr", []graph.Value{b.function("num.sub"), graph.Int(10), b.value(`[1,2,3]`)}, `-8`},
		{"list.zipWith", []graph.Value{b.function("num.add"), b.value(`[1,2]`), b.value(`[3]`)}, `[4]`},
		{"list.sortWith", []graph.Value{b.function("cmp.gt"), b.value(`[1,3,2]`)}, `[3,2,1]`},
		{"list.sortWith", []graph.Value{b.function("num.add"), b.value(`[1,3]`)}, `wrong kind: {"got":4,"want":"bool"}`},
		{"list.sortBy", []graph.Value{b.function("seq.length"), b.value(`["ccc","b","dd","a"]`)}, `["b","a","dd","ccc"]`},
		{"list.groupBy", []graph.Value{b.function("seq.length"), b.value(`["aa","b","cc"]`)}, `{"1":["b"],"2":["aa","cc"]}`},
		{"list.groupBy", []graph.Value{b.function("list.head"), b.value(`[[1],[]]`)}, `{"{\"None\":null}":[[]],"{\"Some\":1}":[[1]]}`},
		{"map.map", []graph.Value{b.function("list.repeat"), b.value(`{"a":1}`)}, `wrong kind: {"got":"a","want":"int"}`},
		{"map.fold", []graph.Value{b.function("list.slice", graph.Int(0)), graph.Int(1), b.value(`{"a":[7,8]}`)}, `wrong kind: {"got":"a","want":"list"}`},
	} {
		if got := b.outcome(b.call(c.name, c.args...)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// Elements that are links or lazy stay what they are, and are looked at only where that is needed.
func TestListsPassLinksOn(t *testing.T) {
	b := newBench(t, 0)
	two, far := b.stored(graph.Int(2)), absent()
	xs := graph.NewList(two, graph.Int(1))
	v, err := b.call("list.sort", xs)
	if err != nil || b.show(v) != `[1,`+b.show(two)+`]` {
		t.Errorf("sort: got %s", b.outcome(v, err))
	}
	v, err = b.call("list.sum", xs)
	if got := b.outcome(v, err); got != "3" {
		t.Errorf("sum: got %s", got)
	}
	for _, name := range []string{"list.reverse", "list.head", "list.last", "list.enumerate"} {
		if _, err := b.call(name, graph.NewList(far, far)); err != nil {
			t.Errorf("%s looks at what it need not: %v", name, err)
		}
	}
	if v, err := b.call("list.unique", graph.NewList(far, far)); err != nil || v.List().Len() != 1 {
		t.Errorf("unique of one link twice: got %s", b.outcome(v, err))
	}
	if _, err := b.call("list.unique", graph.NewList(graph.Int(1), far)); err == nil {
		t.Error("unique compares a link with 1, and does not look at it")
	}
	v, err = b.call("list.unique", graph.NewList(graph.Int(2), two, graph.Int(3), b.stored(graph.Int(3)), graph.Int(2)))
	if got := b.outcome(v, err); got != "[2,3]" {
		t.Errorf("unique: got %s, want [2,3]", got)
	}
	id := b.function("num.neg")
	v, err = b.call("list.unique", graph.NewList(id, graph.Int(1), graph.Int(1)))
	if err != nil || v.List().Len() != 2 {
		t.Errorf("unique of a function and ints: got %v", err)
	}
	if _, err = b.call("list.unique", graph.NewList(id, graph.Int(1), id)); err == nil {
		t.Error("unique of two functions: got no error")
	}
}

// unique agrees with comparing each element with all before it.
func TestUniqueAgrees(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		xs := make([]graph.Value, r.IntN(40))
		for i := range xs {
			switch n := int64(r.IntN(4)); r.IntN(7) {
			case 0:
				xs[i] = graph.Int(n)
			case 1:
				xs[i] = graph.Float(float64(n))
			case 2:
				xs[i] = graph.Text(fmt.Sprint(n))
			case 3:
				xs[i] = graph.NewList(graph.Int(n), graph.Null())
			case 4:
				xs[i] = b.stored(graph.NewList(graph.Float(float64(n)), graph.Null()))
			case 5:
				xs[i] = graph.Tagged("k", graph.Int(n))
			case 6:
				xs[i] = nested(30, graph.Int(n))
			}
		}
		var want []graph.Value
	next:
		for _, x := range xs {
			for _, y := range want {
				if same, err := equalValues(b.m, x, y); err != nil {
					t.Fatal(err)
				} else if same {
					continue next
				}
			}
			want = append(want, x)
		}
		got, err := b.call("list.unique", graph.NewList(xs...))
		if err != nil || b.show(got) != b.show(graph.NewList(want...)) {
			t.Fatalf("unique %s: got %s, want %s", b.show(graph.NewList(xs...)), b.outcome(got, err), b.show(graph.NewList(want...)))
		}
	}
}

func nested(n int, v graph.Value) graph.Value {
	for range n {
		v = graph.NewList(v)
	}
	return v
}

// The sum of floats is the exact sum rounded once, as rational numbers have it, whatever the order.
func TestSumIsExact(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		xs := make([]graph.Value, 1+r.IntN(60))
		exact := new(big.Rat)
		for i := range xs {
			f := math.Ldexp(r.Float64()-0.5, r.IntN(2000)-1074)
			if r.IntN(3) == 0 && i > 0 && xs[i-1].Kind() == graph.KindFloat {
				f = -xs[i-1].Float() * (1 + 0x1p-52)
			}
			xs[i] = graph.Float(f)
			if r.IntN(10) == 0 {
				xs[i] = graph.Int(r.Int64() - 1<<62)
				exact.Add(exact, new(big.Rat).SetInt(xs[i].BigInt()))
				continue
			}
			exact.Add(exact, new(big.Rat).SetFloat64(xs[i].Float()))
		}
		xs = append(xs, graph.Float(0))
		want, _ := exact.Float64()
		v, err := b.call("list.sum", graph.NewList(xs...))
		if err != nil || v.Kind() != graph.KindFloat || v.Float() != want {
			t.Fatalf("sum %s: got %s, want %g", b.show(graph.NewList(xs...)), b.outcome(v, err), want)
		}
	}
}

// Whatever before answers, sortWith answers all elements, and calls it no more often than a merge sort does.
func TestSortWithoutOrder(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 40 {
		var calls []string
		before := b.spy(&calls, 2, func([]graph.Value) graph.Value { return graph.Bool(r.IntN(2) == 0) })
		xs := make([]graph.Value, n)
		for i := range xs {
			xs[i] = graph.Int(int64(i))
		}
		v, err := b.call("list.sortWith", before, graph.NewList(xs...))
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		v.List().Each(func(x graph.Value) bool {
			i, _ := x.Int()
			got = append(got, i)
			return true
		})
		slices.Sort(got)
		for i := range got {
			if got[i] != int64(i) {
				t.Fatalf("got %v", got)
			}
		}
		if len(got) != n || len(calls) > n*6 {
			t.Fatalf("%d elements: got %d, after %d calls", n, len(got), len(calls))
		}
	}
}

func TestListCosts(t *testing.T) {
	b := newBench(t, 0)
	ints := make([]graph.Value, 1000)
	for i := range ints {
		ints[i] = graph.Int(int64(i * 7919 % 1000))
	}
	xs := graph.NewList(ints...)
	halves := graph.NewList(xs, xs)
	neg, less := b.function("num.neg"), b.function("cmp.lt")
	sorted, err := b.call("list.sort", xs)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []graph.Value
		want uint64
	}{
		{"list.map", []graph.Value{neg, xs}, 62},
		{"list.reverse", []graph.Value{xs}, 62},
		{"list.range", []graph.Value{graph.Int(1), graph.Int(1000)}, 62},
		{"list.repeat", []graph.Value{graph.Int(1000), xs}, 62},
		{"list.sum", []graph.Value{xs}, 62},
		{"list.take", []graph.Value{graph.Int(999), xs}, 0},
		{"list.concat", []graph.Value{halves}, 125},
		{"list.contains", []graph.Value{graph.Int(-1), xs}, 62},
		{"list.enumerate", []graph.Value{xs}, 62},
		{"list.sort", []graph.Value{xs}, 525}, // 8 400 to 8 415 comparisons
		{"list.sort", []graph.Value{sorted}, 308},
		{"list.sortWith", []graph.Value{less, sorted}, 308},
		{"list.unique", []graph.Value{xs}, 62},
		{"seq.length", []graph.Value{xs}, 0},
	} {
		if got := b.steps(func() { b.call(c.name, c.args...) }); got != c.want {
			t.Errorf("%s: got %d steps, want %d", c.name, got, c.want)
		}
	}
}

// sortBy keeps the order of equals, and agrees with any other stable sort.
func TestSortIsStable(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 100 {
		xs := make([]graph.Value, n)
		for i := range xs {
			xs[i] = graph.NewList(graph.Int(int64(r.IntN(8))), graph.Int(int64(i)))
		}
		want := slices.Clone(xs)
		slices.SortStableFunc(want, func(x, y graph.Value) int {
			i, _ := x.List().At(0).Int()
			j, _ := y.List().At(0).Int()
			return int(i - j)
		})
		v, err := b.call("list.sortBy", b.function("core.get", graph.Int(0)), graph.NewList(xs...))
		if got := b.outcome(v, err); got != b.show(graph.NewList(want...)) {
			t.Fatalf("got %s, want %s", got, b.show(graph.NewList(want...)))
		}
	}
}

// A list that shares its parts may be longer than memory could hold without: joining refuses what nothing could walk over.
func TestJoiningForEver(t *testing.T) {
	for _, memory := range []int64{0, 64 << 20} {
		b := newBench(t, memory)
		xs, err := b.value(`[1,2,3]`), error(nil)
		for n := 0; err == nil; n++ {
			if n == 64 {
				t.Fatal("got a list of 2^64 elements, want a stop")
			}
			half := xs
			if xs, err = b.call("seq.append", half, half); err == nil && n%2 == 1 {
				xs, err = b.call("list.concat", graph.NewList(half, half))
			}
		}
		if s, ok := err.(*Stop); !ok || s.Reason != MemoryLimit {
			t.Errorf("got %v, want the memory limit", err)
		}
	}
}

// TestResumeOfBadLoops: what core.resume is given may come from anywhere.
func TestResumeOfBadLoops(t *testing.T) {
	b := newBench(t, 0)
	id := b.spy(new([]string), 1, func(args []graph.Value) graph.Value { return graph.Bool(true) })
	list := func(vs ...graph.Value) graph.Value { return graph.NewList(vs...) }
	xs := list(graph.Int(3), graph.Int(1), graph.Int(2))
	run := func(name string, state graph.Value, has bool) error {
		t.Helper()
		value := graph.Int(7)
		if name == "regex.replaceWith" {
			value = graph.Text("z")
		}
		_, _, err := b.m.RunPrim(b.prims["core.resume"], []graph.Value{graph.Text(name), state, graph.Bool(has), value})
		return err
	}
	for _, n := range []int64{-1, 1 << 40, math.MaxInt64} {
		for name, parts := range map[string]graph.Value{"list.map": list(list()), "list.foldr": list(graph.Int(0)), "list.sortBy": list(list()), "list.any": list()} {
			args := list(id, xs)
			if b.prims[name].Arity == 3 {
				args = list(id, graph.Int(0), xs)
			}
			if err := run(name, list(args, graph.Int(n), parts), true); err == nil {
				t.Errorf("%s after %d elements: got no error", name, n)
			}
		}
	}
	replacing := func(numbers ...int64) graph.Value {
		parts := []graph.Value{graph.Text("")}
		for _, n := range numbers {
			parts = append(parts, graph.Int(n))
		}
		return list(list(graph.Text("x"), id, graph.Text("xéy")), graph.Int(1), list(parts...))
	}
	if err := run("regex.replaceWith", replacing(0, 0, -1, 0, 0, 1, 1, 1, 0), true); err != nil {
		t.Errorf("the state of a loop: got %v", err)
	}
	for _, c := range []struct {
		name  string
		state graph.Value
		has   bool
	}{
		{"list.map", list(list(id, xs), graph.Int(0), list(list())), true},       // no call is in hand
		{"list.map", list(list(id, xs), graph.Int(1), list()), false},            // nothing of what it has
		{"list.map", list(list(id, xs), graph.Int(1), list(graph.Int(1))), true}, // or something else
		{"list.map", list(list(id), graph.Int(1), list(list())), true},
		{"list.map", graph.Int(1), true},
		{"list.sortWith", list(list(id, xs), graph.Int(9), list(graph.BytesValue(nil))), true},
		{"list.sortBy", list(list(id, xs), graph.Int(3), list(list())), false},
		{"core.resume", list(list(id, xs), graph.Int(1), list()), true},
		{"list.length", list(list(xs), graph.Int(1), list()), true},
		{"regex.replaceWith", replacing(0, 0, -1, 0, 1, 0, 0, 0, 0), true},   // a match that ends before it begins
		{"regex.replaceWith", replacing(2, 2, 2, 0, 0, 3, 3, 3, 0), true},    // or begins before the one before ends
		{"regex.replaceWith", replacing(0, 0, -1, 0, 0, 3, 1, 3, 0), true},   // is sought again
		{"regex.replaceWith", replacing(0, 0, -1, 0, 1, 2, 2, 2, 0), true},   // cuts a letter
		{"regex.replaceWith", replacing(0, 9, -1, 0, 0, 1, 1, 1, 0), false},  // is sought behind the text
		{"regex.replaceWith", replacing(0, 0, -1, 64, 0, 1, 1, 1, 0), false}, // after too much has been read
		{"regex.replaceWith", replacing(0, 0, -1, 0), true},
	} {
		if err := run(c.name, c.state, c.has); err == nil {
			t.Errorf("%s %s: got no error", c.name, b.show(c.state))
		}
	}
}
