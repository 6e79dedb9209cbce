// This file is the primitives that the oracle has of its own.

package eval_test

import (
	"math"
	"math/big"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// A count charges 1 for every 16.
type count struct {
	o *reducer
	n int
}

func (c *count) tick() {
	if c.n++; c.n%16 == 0 {
		c.o.charge(1)
	}
}

// naive are the primitives that are written here again.
var naive map[string]func(o *reducer, args []graph.Value) graph.Value

func init() {
	naive = map[string]func(o *reducer, args []graph.Value) graph.Value{
		"num.add":    exact("num.add", func(x, y *big.Int) *big.Int { return x.Add(x, y) }, func(x, y float64) float64 { return x + y }),
		"num.sub":    exact("num.sub", func(x, y *big.Int) *big.Int { return x.Sub(x, y) }, func(x, y float64) float64 { return x - y }),
		"num.mul":    exact("num.mul", func(x, y *big.Int) *big.Int { return x.Mul(x, y) }, func(x, y float64) float64 { return x * y }),
		"num.intdiv": exact("num.intdiv", func(x, y *big.Int) *big.Int { q, _ := floored(x, y); return q }, nil),
		"num.mod":    exact("num.mod", func(x, y *big.Int) *big.Int { _, r := floored(x, y); return r }, nil),
		"num.div":    divide,
		"num.min":    func(o *reducer, args []graph.Value) graph.Value { return args[index(o.compare(args[0], args[1]) > 0)] },
		"num.max":    func(o *reducer, args []graph.Value) graph.Value { return args[index(o.compare(args[0], args[1]) < 0)] },

		"cmp.eq": func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.equal(args[0], args[1])) },
		"cmp.ne": func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(!o.equal(args[0], args[1])) },
		"cmp.lt": func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.compare(args[0], args[1]) < 0) },
		"cmp.le": func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.compare(args[0], args[1]) <= 0) },
		"cmp.gt": func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.compare(args[0], args[1]) > 0) },
		"cmp.ge": func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.compare(args[0], args[1]) >= 0) },

		"list.map":    listMap,
		"list.filter": func(o *reducer, args []graph.Value) graph.Value { yes, _ := o.divide(args); return o.newList(yes) },
		"list.partition": func(o *reducer, args []graph.Value) graph.Value {
			yes, no := o.divide(args)
			return graph.NewList(o.newList(yes), o.newList(no))
		},
		"list.fold":      func(o *reducer, args []graph.Value) graph.Value { return o.foldList(args, false) },
		"list.foldr":     func(o *reducer, args []graph.Value) graph.Value { return o.foldList(args, true) },
		"list.flatMap":   listFlatMap,
		"list.concat":    listConcat,
		"list.zipWith":   listZipWith,
		"list.any":       func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.first(args, true) >= 0) },
		"list.all":       func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.first(args, false) < 0) },
		"list.find":      listFind,
		"list.takeWhile": func(o *reducer, args []graph.Value) graph.Value { begin, _ := o.cut(args); return o.newList(begin) },
		"list.dropWhile": func(o *reducer, args []graph.Value) graph.Value { _, rest := o.cut(args); return o.newList(rest) },
		"list.groupBy":   listGroupBy,
		"list.contains":  func(o *reducer, args []graph.Value) graph.Value { return graph.Bool(o.indexOf(args) >= 0) },
		"list.indexOf":   listIndexOf,
		"list.sort":      listSort,
		"list.sortBy":    listSortBy,
		"list.sortWith":  listSortWith,
		"list.minimum":   func(o *reducer, args []graph.Value) graph.Value { return o.extreme(args, -1) },
		"list.maximum":   func(o *reducer, args []graph.Value) graph.Value { return o.extreme(args, 1) },

		"map.map":         mapMap,
		"map.filter":      mapFilter,
		"map.fold":        mapFold,
		"map.fromEntries": mapFromEntries,
		"map.without":     mapWithout,

		"match.nullary":    matchNullary,
		"core.force":       func(o *reducer, args []graph.Value) graph.Value { return args[0] },
		"core.forceDeep":   func(o *reducer, args []graph.Value) graph.Value { return o.deep(args[0], &count{o: o}) },
		"core.enter":       coreEnter,
		"ipld.load":        ipldLoad,
		"text.interpolate": interpolate,
	}
}

// coreEnter calls a context in turns: each takes so many of the values, and what the one before has come to.
func coreEnter(o *reducer, args []graph.Value) graph.Value {
	var values []graph.Value
	turns := 1
	_, _, _, arity := o.function(args[0].Fn())
	if args[1].Kind() == graph.KindInt {
		n, _ := args[1].Int()
		turns = int(n)
	} else if values = o.list(args[1]); arity > 1 {
		turns = len(values) / (arity - 1)
	}
	x := args[2]
	for range turns {
		o.charged-- // the calls are none of the program's
		x = o.apply(args[0], append(values[:arity-1:arity-1], x)...)
		values = values[arity-1:]
	}
	return x
}

func index(second bool) int {
	if second {
		return 1
	}
	return 0
}

func isNumber(v graph.Value) bool { return v.Kind() == graph.KindInt || v.Kind() == graph.KindFloat }

// toFloat is the float nearest to a number.
func toFloat(v graph.Value) float64 {
	if v.Kind() == graph.KindFloat {
		return v.Float()
	}
	f, _ := new(big.Float).SetInt(v.BigInt()).Float64()
	if math.IsInf(f, 0) {
		fail("not a number", v)
	}
	return f
}

func newFloat(f float64, of ...graph.Value) graph.Value {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		fail("not a number", graph.NewList(of...))
	}
	return graph.Float(f)
}

// exact is an arithmetic primitive. Its cost, and what it does with floats if there is no function for that, is the table's.
func exact(name string, ints func(x, y *big.Int) *big.Int, floats func(x, y float64) float64) func(*reducer, []graph.Value) graph.Value {
	return func(o *reducer, args []graph.Value) graph.Value {
		for _, v := range args {
			if !isNumber(v) {
				failKind(v, "number")
			}
		}
		if floats == nil && toRat(args[1]).Sign() == 0 {
			fail("divide by zero", args[0])
		}
		o.cost(name, args)
		if args[0].Kind() == graph.KindInt && args[1].Kind() == graph.KindInt {
			return graph.BigInt(ints(new(big.Int).Set(args[0].BigInt()), new(big.Int).Set(args[1].BigInt())))
		}
		if floats == nil {
			v, _, err := o.machine.RunPrim(eval.Prims()[name], args)
			if e, ok := err.(*eval.Error); ok {
				fail(e.Kind, e.Value)
			}
			return v
		}
		x := toFloat(args[0])
		return newFloat(floats(x, toFloat(args[1])), args...)
	}
}

// floored is the quotient rounded down, and what is left.
func floored(x, y *big.Int) (q, r *big.Int) {
	f := new(big.Rat).SetFrac(x, y)
	q = new(big.Int).Div(f.Num(), f.Denom()) // Euclidean: the denominator is positive
	return q, new(big.Int).Sub(x, new(big.Int).Mul(q, y))
}

func divide(o *reducer, args []graph.Value) graph.Value {
	a, b := args[0], args[1]
	for _, v := range args {
		if !isNumber(v) {
			failKind(v, "number")
		}
	}
	if toRat(b).Sign() == 0 {
		fail("divide by zero", a)
	}
	o.cost("num.div", args)
	if a.Kind() == graph.KindInt && b.Kind() == graph.KindInt {
		f, _ := new(big.Rat).SetFrac(a.BigInt(), b.BigInt()).Float64()
		return newFloat(f, args...)
	}
	x := toFloat(a)
	return newFloat(x/toFloat(b), args...)
}

func toRat(v graph.Value) *big.Rat {
	if v.Kind() == graph.KindFloat {
		return new(big.Rat).SetFloat64(v.Float())
	}
	return new(big.Rat).SetInt(v.BigInt())
}

// A work charges 1 for every 256 bytes, a part being 16.
type work struct {
	o *reducer
	n int
}

func (w *work) add(n int) {
	w.n += n
	w.o.charge(uint64(w.n / 256))
	w.n %= 256
}

func (o *reducer) equal(a, b graph.Value) bool  { return o.equalParts(a, b, &work{o: o}) }
func (o *reducer) compare(a, b graph.Value) int { return o.compareParts(a, b, &work{o: o}) }

func (o *reducer) compareNumbers(a, b graph.Value, w *work) int {
	if a.Kind() == graph.KindInt && b.Kind() == graph.KindInt {
		_, small := a.Int()
		_, small2 := b.Int()
		if !small && !small2 {
			w.add(8 * ((min(a.BigInt().BitLen(), b.BigInt().BitLen()) + 63) / 64))
		}
	}
	return toRat(a).Cmp(toRat(b))
}

func (o *reducer) equalParts(a, b graph.Value, w *work) bool {
	o.spend(1)
	if a.Kind() == graph.KindLink && b.Kind() == graph.KindLink && a.Link() == b.Link() {
		return true
	}
	a = o.force(a)
	b = o.force(b)
	switch {
	case isNumber(a) && isNumber(b):
		return o.compareNumbers(a, b, w) == 0
	case a.Kind() != b.Kind():
		return false
	}
	switch a.Kind() {
	case graph.KindBool:
		return a.Bool() == b.Bool()
	case graph.KindText:
		if len(a.Text()) != len(b.Text()) {
			return false
		}
		w.add(len(a.Text()))
		return a.Text() == b.Text()
	case graph.KindBytes:
		if len(a.Bytes()) != len(b.Bytes()) {
			return false
		}
		w.add(len(a.Bytes()))
		return string(a.Bytes()) == string(b.Bytes())
	case graph.KindList:
		if a.List().Len() != b.List().Len() {
			return false
		}
		for i := range a.List().Len() {
			w.add(16)
			if !o.equalParts(a.List().At(i), b.List().At(i), w) {
				return false
			}
		}
	case graph.KindMap:
		if a.Map().Len() != b.Map().Len() {
			return false
		}
		for i := range a.Map().Len() {
			j, _ := a.Map().At(i)
			k, _ := b.Map().At(i)
			if w.add(16 + min(len(j), len(k))); j != k {
				return false
			}
		}
		for i := range a.Map().Len() {
			_, x := a.Map().At(i)
			_, y := b.Map().At(i)
			w.add(16)
			if !o.equalParts(x, y, w) {
				return false
			}
		}
	case graph.KindFn:
		fail("compare functions", graph.NewList(a, b))
	}
	return true
}

func (o *reducer) compareParts(a, b graph.Value, w *work) int {
	o.spend(1)
	a = o.force(a)
	b = o.force(b)
	switch {
	case isNumber(a) && isNumber(b):
		return o.compareNumbers(a, b, w)
	case a.Kind() != b.Kind():
	case a.Kind() == graph.KindText:
		w.add(min(len(a.Text()), len(b.Text())))
		return strings.Compare(a.Text(), b.Text())
	case a.Kind() == graph.KindBytes:
		w.add(min(len(a.Bytes()), len(b.Bytes())))
		return strings.Compare(string(a.Bytes()), string(b.Bytes()))
	case a.Kind() == graph.KindList:
		n, m := a.List().Len(), b.List().Len()
		for i := range min(n, m) {
			w.add(16)
			if c := o.compareParts(a.List().At(i), b.List().At(i), w); c != 0 {
				return c
			}
		}
		return n - m
	}
	fail("cannot compare", graph.NewList(a, b))
	return 0
}

func listMap(o *reducer, args []graph.Value) graph.Value {
	c, out := count{o: o}, []graph.Value(nil)
	for _, x := range o.list(args[1]) {
		c.tick()
		out = append(out, o.apply(args[0], x))
	}
	return o.newList(out)
}

// divide gives the elements for which a predicate holds, and the rest.
func (o *reducer) divide(args []graph.Value) (yes, no []graph.Value) {
	c := count{o: o}
	for _, x := range o.list(args[1]) {
		c.tick()
		if o.bool(o.apply(args[0], x)) {
			yes = append(yes, x)
		} else {
			no = append(no, x)
		}
	}
	return yes, no
}

func (o *reducer) foldList(args []graph.Value, fromRight bool) graph.Value {
	c, acc, xs := count{o: o}, args[1], o.list(args[2])
	for i := range xs {
		c.tick()
		if fromRight {
			acc = o.apply(args[0], xs[len(xs)-1-i], acc)
		} else {
			acc = o.apply(args[0], acc, xs[i])
		}
	}
	return acc
}

func listFlatMap(o *reducer, args []graph.Value) graph.Value {
	c, joined, out := count{o: o}, count{o: o}, []graph.Value(nil)
	for _, x := range o.list(args[1]) {
		c.tick()
		for _, y := range o.list(o.apply(args[0], x)) {
			joined.tick()
			out = append(out, y)
		}
	}
	return o.newList(out)
}

func listConcat(o *reducer, args []graph.Value) graph.Value {
	c, joined, out := count{o: o}, count{o: o}, []graph.Value(nil)
	for _, xs := range o.list(args[0]) {
		c.tick()
		for _, y := range o.list(xs) {
			joined.tick()
			out = append(out, y)
		}
	}
	return o.newList(out)
}

func listZipWith(o *reducer, args []graph.Value) graph.Value {
	c, xs, out := count{o: o}, o.list(args[1]), []graph.Value(nil)
	for i, y := range o.list(args[2]) {
		if i == len(xs) {
			break
		}
		c.tick()
		out = append(out, o.apply(args[0], xs[i], y))
	}
	return o.newList(out)
}

// first is the index of the first element for which the predicate is want, or -1.
func (o *reducer) first(args []graph.Value, want bool) int {
	c := count{o: o}
	for i, x := range o.list(args[1]) {
		c.tick()
		if o.bool(o.apply(args[0], x)) == want {
			return i
		}
	}
	return -1
}

func listFind(o *reducer, args []graph.Value) graph.Value {
	if i := o.first(args, true); i >= 0 {
		return graph.Tagged("Some", args[1].List().At(i))
	}
	return graph.Tagged("None", graph.Null())
}

func (o *reducer) cut(args []graph.Value) (begin, rest []graph.Value) {
	i, xs := o.first(args, false), o.list(args[1])
	if i < 0 {
		i = len(xs)
	}
	return xs[:i], xs[i:]
}

func listGroupBy(o *reducer, args []graph.Value) graph.Value {
	c, groups := count{o: o}, map[string][]graph.Value{}
	for _, x := range o.list(args[1]) {
		c.tick()
		k := o.force(o.apply(args[0], x))
		if k.Kind() != graph.KindText {
			k = o.run("core.show", []graph.Value{k})
		}
		groups[k.Text()] = append(groups[k.Text()], x)
	}
	out := graph.EmptyMap
	for k, xs := range groups {
		out = out.Insert(k, o.newList(xs))
	}
	return graph.MapValue(out)
}

func (o *reducer) indexOf(args []graph.Value) int {
	c := count{o: o}
	for i, y := range o.list(args[1]) {
		c.tick()
		if o.equal(args[0], y) {
			return i
		}
	}
	return -1
}

func listIndexOf(o *reducer, args []graph.Value) graph.Value {
	if i := o.indexOf(args); i >= 0 {
		return graph.Tagged("Some", graph.Int(int64(i)))
	}
	return graph.Tagged("None", graph.Null())
}

// sortMerging sorts by halving and merging; before is asked of the second half's element and the first's.
func sortMerging[T any](xs []T, before func(b, a T) bool) []T {
	if len(xs) < 2 {
		return xs
	}
	left := sortMerging(xs[:len(xs)/2], before)
	right := sortMerging(xs[len(xs)/2:], before)
	var out []T
	for len(left) > 0 && len(right) > 0 {
		if before(right[0], left[0]) {
			out, right = append(out, right[0]), right[1:]
		} else {
			out, left = append(out, left[0]), left[1:]
		}
	}
	return append(append(out, left...), right...)
}

func listSort(o *reducer, args []graph.Value) graph.Value {
	c := count{o: o}
	return o.newList(sortMerging(o.list(args[0]), func(b, a graph.Value) bool {
		c.tick()
		return o.compare(b, a) < 0
	}))
}

func listSortBy(o *reducer, args []graph.Value) graph.Value {
	var pairs [][2]graph.Value
	c := count{o: o}
	for _, x := range o.list(args[1]) {
		c.tick()
		pairs = append(pairs, [2]graph.Value{o.apply(args[0], x), x})
	}
	c = count{o: o}
	var out []graph.Value
	for _, p := range sortMerging(pairs, func(b, a [2]graph.Value) bool {
		c.tick()
		return o.compare(b[0], a[0]) < 0
	}) {
		out = append(out, p[1])
	}
	return o.newList(out)
}

func listSortWith(o *reducer, args []graph.Value) graph.Value {
	c := count{o: o}
	return o.newList(sortMerging(o.list(args[1]), func(b, a graph.Value) bool {
		c.tick()
		return o.bool(o.apply(args[0], b, a))
	}))
}

func (o *reducer) extreme(args []graph.Value, sign int) graph.Value {
	xs := o.list(args[0])
	if len(xs) == 0 {
		return graph.Tagged("None", graph.Null())
	}
	c, best := count{o: o}, xs[0]
	for _, x := range xs[1:] {
		c.tick()
		if o.compare(x, best)*sign > 0 {
			best = x
		}
	}
	return graph.Tagged("Some", best)
}

func mapMap(o *reducer, args []graph.Value) graph.Value {
	c, out := count{o: o}, graph.EmptyMap
	o.entries(args[1]).Each(func(k string, v graph.Value) bool {
		c.tick()
		out = out.Insert(k, o.apply(args[0], graph.Text(k), v))
		return true
	})
	return graph.MapValue(out)
}

func mapFilter(o *reducer, args []graph.Value) graph.Value {
	c, out := count{o: o}, graph.EmptyMap
	o.entries(args[1]).Each(func(k string, v graph.Value) bool {
		c.tick()
		if o.bool(o.apply(args[0], graph.Text(k), v)) {
			out = out.Insert(k, v)
		}
		return true
	})
	return graph.MapValue(out)
}

func mapFold(o *reducer, args []graph.Value) graph.Value {
	c, acc := count{o: o}, args[1]
	o.entries(args[2]).Each(func(k string, v graph.Value) bool {
		c.tick()
		acc = o.apply(args[0], acc, graph.Text(k), v)
		return true
	})
	return acc
}

func mapFromEntries(o *reducer, args []graph.Value) graph.Value {
	c, out := count{o: o}, graph.EmptyMap
	for _, e := range o.list(args[0]) {
		c.tick()
		if e = o.force(e); e.Kind() != graph.KindList || e.List().Len() != 2 {
			failKind(e, "pair")
		}
		out = out.Insert(o.text(e.List().At(0)), e.List().At(1))
	}
	return graph.MapValue(out)
}

func mapWithout(o *reducer, args []graph.Value) graph.Value {
	c, keys, out := count{o: o}, o.list(args[0]), o.entries(args[1])
	for _, k := range keys {
		c.tick()
		out = out.Remove(o.text(k))
	}
	return graph.MapValue(out)
}

func matchNullary(o *reducer, args []graph.Value) graph.Value {
	if args[1].Kind() != graph.KindMap || args[1].Map().Len() != 1 {
		return graph.Bool(false)
	}
	k, v := args[1].Map().At(0)
	return graph.Bool(k == args[0].Text() && o.force(v).Kind() == graph.KindNull)
}

// deep forces all the way down.
func (o *reducer) deep(v graph.Value, c *count) graph.Value {
	if o.depth++; o.depth > 100_000 {
		o.halt(tooMuch)
	}
	defer func() { o.depth-- }()
	part := func(x graph.Value) graph.Value {
		c.tick()
		o.spend(1)
		return o.deep(o.force(x), c)
	}
	switch v.Kind() {
	case graph.KindList:
		out := o.list(v)
		for i, x := range out {
			out[i] = part(x)
		}
		return o.newList(out)
	case graph.KindMap:
		out := graph.EmptyMap
		v.Map().Each(func(k string, x graph.Value) bool {
			out = out.Insert(k, part(x))
			return true
		})
		return graph.MapValue(out)
	}
	return v
}

func ipldLoad(o *reducer, args []graph.Value) graph.Value {
	c, err := cid.Decode(o.text(args[0]))
	if err != nil {
		fail("bad text", args[0])
	}
	return o.force(graph.LinkValue(c))
}

func interpolate(o *reducer, args []graph.Value) graph.Value {
	parts, out := o.list(args[0]), ""
	o.charge(uint64(len(parts) / 16))
	for _, v := range parts {
		if v = o.force(v); v.Kind() != graph.KindText {
			v = o.run("core.show", []graph.Value{v})
		}
		if out += v.Text(); len(out) > 16*maxSize {
			o.halt(tooMuch)
		}
	}
	o.charge(uint64(len(out) / 256))
	return graph.Text(out)
}
