// This file holds the primitives over lists. One that calls a function calls it once an element, in the order that its line
// says: that order is part of the language, as is its cost, 1 step for every 16 elements visited unless the line says otherwise.

package eval

import (
	"math"
	"math/big"
	"slices"

	"github.com/rosser-lang/rosser/graph"
)

var listPrims = slices.Concat(orderPrims, runPrims, []Spec{
	{"list.map", 2, 0b10, listMap, "f xs: the list of f x, from the first on; cost: 1 per 16 elements visited"},
	{"list.filter", 2, 0b10, listFilter, "f xs: the elements for which f x is true; cost: 1 per 16 elements visited"},
	{"list.fold", 3, 0b100, listFold, "f acc xs: f acc x from the first on, each call's value the next one's acc; cost: 1 per 16 elements visited"},
	{"list.foldr", 3, 0b100, listFoldr, "f acc xs: f x acc from the last on, each call's value the next one's acc; cost: 1 per 16 elements visited"},
	{"list.flatMap", 2, 0b10, listFlatMap, "f xs: the lists f x, joined; cost: 1 per 16 elements visited, and per 16 of the answer"},
	{"list.zipWith", 3, 0b110, listZipWith, "f xs ys: the list of f x y, as long as the shorter; cost: 1 per 16 elements visited"},
	{"list.any", 2, 0b10, listAny, "f xs: whether f x is true for some element; stops at the first; cost: 1 per 16 elements visited"},
	{"list.all", 2, 0b10, listAll, "f xs: whether f x is true for every element; stops at the first that is not; cost: 1 per 16 elements visited"},
	{"list.find", 2, 0b10, listFind, "f xs: Some x for the first element for which f x is true, else None; cost: 1 per 16 elements visited"},
	{"list.partition", 2, 0b10, listPartition, "f xs: [the elements for which f x is true, the rest]; cost: 1 per 16 elements visited"},
	{"list.takeWhile", 2, 0b10, listTakeWhile, "f xs: the longest beginning all of whose elements satisfy f; cost: 1 per 16 elements visited"},
	{"list.dropWhile", 2, 0b10, listDropWhile, "f xs: what takeWhile leaves; cost: 1 per 16 elements visited"},
	{"list.groupBy", 2, 0b10, listGroupBy, "f xs: a map from the text of f x (as show writes it, if it is no text) to the list of such x; cost: 1 per 16 elements visited"},
	{"list.reverse", 1, 0b1, listReverse, "xs: the elements from the last to the first; cost: 1 per 16 elements visited"},
	{"list.range", 2, 0b11, listRange, "a b: the ints a … b, both included; empty when a > b; cost: 1 per 16 elements visited"},
	{"list.repeat", 2, 0b1, listRepeat, "n x: a list of n times x; empty when n < 0; cost: 1 per 16 elements visited"},
	{"list.sum", 1, 0b1, listSum, "xs: the sum; ints exactly; if any is a float, the exact sum of all rounded once to a float; cost: 1 per 16 elements visited"},
	{eachGroupName, 2, 0b10, listEachGroup, "f groups: the map of lists groups with each list xs replaced by f xs; cost: 1 per 16 entries"},
	{exactSumName, 1, 0b1, listExactSum, "xs: [the sum of its ints, that of its floats in units of 2^-1074, null if there is none]; cost: 1 per 16 elements visited"},
	{"list.take", 2, 0b11, listTake, "n xs: the first n elements, or all; costs nothing"},
	{"list.drop", 2, 0b11, listDrop, "n xs: all but the first n elements; costs nothing"},
	{"list.slice", 3, 0b111, listSlice, "a b xs: the elements from index a up to, not including, b; a negative one counts from the end, one beyond an end is that end; costs nothing"},
	{"list.zip", 2, 0b11, listZip, "xs ys: the list of pairs [x, y], as long as the shorter; cost: 1 per 16 elements visited"},
	{"list.concat", 1, 0b1, listConcat, "xss: the lists in xss, joined; cost: 1 per 16 lists, and per 16 elements of the answer"},
	{"list.enumerate", 1, 0b1, listEnumerate, "xs: the list of pairs [index from 0, x]; cost: 1 per 16 elements visited"},
	{"list.head", 1, 0b1, listHead, "xs: Some of the first element, else None; costs nothing"},
	{"list.last", 1, 0b1, listLast, "xs: Some of the last element, else None; costs nothing"},
	{"list.at", 2, 0b11, listAt, "i xs: Some of the element at index i, else None; costs nothing"},
	{"list.fromEnd", 2, 0b11, listFromEnd, "i xs: the i-th element from the end, 0 the last; out of range otherwise; costs nothing"},
	{"list.contains", 2, 0b10, listContains, "x xs: whether an element equals x; cost: 1 per 16 elements visited"},
	{"list.indexOf", 2, 0b10, listIndexOf, "x xs: Some of the index of the first element that equals x, else None; cost: 1 per 16 elements visited"},
})

// A meter charges 1 step for every 16 elements.
type meter struct {
	m *Machine
	n uint64
}

func (c *meter) tick() {
	if c.n++; c.n&15 == 0 {
		c.m.Charge(1)
	}
}

// valueSize is what a list takes for an element, in bytes.
const valueSize = 16

// reserveList makes sure of the memory for a list of n elements.
func reserveList(m *Machine, n int) { reserveValues(m, int64(n)) }

func reserveValues(m *Machine, n int64) { reserve(m, min(n, math.MaxInt64/valueSize)*valueSize) }

// A listOut builds a list whose length is not known before.
type listOut struct {
	graph.ListBuilder
	m *Machine
}

func (b *listOut) add(v graph.Value) {
	if b.Len()&4095 == 4095 {
		reserveList(b.m, 8192)
	}
	b.Add(v)
}

func (b *listOut) value() graph.Value { return graph.ListValue(b.List()) }

// wantList gives v's list. v is not lazy and no link.
func wantList(v graph.Value) (*graph.List, error) {
	if v.Kind() != graph.KindList {
		return nil, wrongKind(v, "list")
	}
	return v.List(), nil
}

// wantCount gives the int v, cut to what int64 holds: no count of anything is larger.
func wantCount(v graph.Value) (int64, error) {
	if v.Kind() != graph.KindInt {
		return 0, wrongKind(v, "int")
	}
	if i, small := v.Int(); small {
		return i, nil
	}
	if v.BigInt().Sign() < 0 {
		return math.MinInt64, nil
	}
	return math.MaxInt64, nil
}

// head is what looking at v finds.
func head(m *Machine, v graph.Value) graph.Value {
	if k := v.Kind(); k == graph.KindLazy || k == graph.KindLink {
		return m.Force(v)
	}
	return v
}

func listMap(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	reserveList(m, xs.Len())
	l := m.loop(args)
	if err := l.resume("list.map"); err != nil {
		return graph.Value{}, err
	}
	if rest, parts := l.partsLeft(xs, args[:1]); parts != nil {
		return l.overParts("list.map", args[:1], rest, parts, func(x graph.Value) error {
			l.out.Add(l.call(args[0], x))
			return nil
		})
	}
	for l.over(xs); ; {
		x, ok := l.next()
		if !ok {
			v := l.made()
			l.end()
			return v, nil
		}
		l.out.Add(l.call(args[0], x))
	}
}

func listFilter(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume("list.filter"); err != nil {
		return graph.Value{}, err
	}
	if rest, parts := l.partsLeft(xs, args[:1]); parts != nil {
		return l.overParts("list.filter", args[:1], rest, parts, func(x graph.Value) error {
			keep, err := l.holds(args[0], x)
			if keep {
				l.out.add(x)
			}
			return err
		})
	}
	for l.over(xs); ; {
		x, ok := l.next()
		if !ok {
			v := l.made()
			l.end()
			return v, nil
		}
		keep, err := l.holds(args[0], x)
		if err != nil {
			return graph.Value{}, err
		}
		if keep {
			l.out.add(x)
		}
	}
}

func listPartition(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume("list.partition"); err != nil {
		return graph.Value{}, err
	}
	for l.over(xs); ; {
		x, ok := l.next()
		if !ok {
			v := graph.NewList(l.out.value(), l.other.value())
			l.end()
			return v, nil
		}
		keep, err := l.holds(args[0], x)
		if err != nil {
			return graph.Value{}, err
		}
		if keep {
			l.out.add(x)
		} else {
			l.other.add(x)
		}
	}
}

func listFold(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[2])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	l.acc = args[1]
	if err := l.resume("list.fold"); err != nil {
		return graph.Value{}, err
	}
	for l.over(xs); ; {
		x, ok := l.next()
		if !ok {
			v := l.acc
			l.end()
			return v, nil
		}
		l.fold(args[0], 0, l.acc, x)
	}
}

func listFoldr(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[2])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	l.acc = args[1]
	if err := l.resume("list.foldr"); err != nil {
		return graph.Value{}, err
	}
	backwards(xs.Slice(0, xs.Len()-min(l.done(), xs.Len())), func(x graph.Value) {
		l.turn()
		l.fold(args[0], 1, x, l.acc)
	})
	v := l.acc
	l.end()
	return v, nil
}

// backwards calls f for each element from the last to the first.
func backwards(xs *graph.List, f func(graph.Value)) {
	var window [64]graph.Value
	for end := xs.Len(); end > 0; {
		start, n := max(0, end-len(window)), 0
		xs.Slice(start, end).Each(func(x graph.Value) bool {
			window[n] = x
			n++
			return true
		})
		for n > 0 {
			n--
			f(window[n])
		}
		end = start
	}
}

// group puts x into the group that f says.
func (l *loop) group(f, x graph.Value) error {
	k, err := plainText(l.m, l.call(f, x))
	if err != nil {
		return err
	}
	l.of(l.m, k).add(x)
	return nil
}

func listReverse(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	reserveList(m, xs.Len())
	c, out := meter{m: m}, graph.ListBuilder{}
	backwards(xs, func(x graph.Value) {
		c.tick()
		out.Add(x)
	})
	return graph.ListValue(out.List()), nil
}

func listFlatMap(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume("list.flatMap"); err != nil {
		return graph.Value{}, err
	}
	if rest, parts := l.partsLeft(xs, args[:1]); parts != nil {
		return l.overParts("list.flatMap", args[:1], rest, parts, func(x graph.Value) error {
			return l.joined.join(l.call(args[0], x))
		})
	}
	for l.over(xs); ; {
		x, ok := l.next()
		if !ok {
			v := graph.ListValue(l.joined.list())
			l.end()
			return v, nil
		}
		if err := l.joined.join(l.call(args[0], x)); err != nil {
			return graph.Value{}, err
		}
	}
}

func listConcat(m *Machine, args []graph.Value) (graph.Value, error) {
	xss, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	c, out := meter{m: m}, joiner{m: m}
	for it := xss.Iter(); ; {
		xs, ok := it.Next()
		if !ok {
			return graph.ListValue(out.list()), nil
		}
		c.tick()
		if err := out.join(xs); err != nil {
			return graph.Value{}, err
		}
	}
}

// A joiner joins lists: short ones by copying, long ones by sharing.
type joiner struct {
	m     *Machine
	done  *graph.List // what is joined already, but for short
	short graph.ListBuilder
	n     int64 // elements
}

const joinByCopy = 256 // elements

func (j *joiner) join(v graph.Value) error {
	xs, err := wantList(head(j.m, v))
	if err != nil {
		return err
	}
	n := int64(xs.Len())
	j.m.Charge((j.n&15 + n) / 16)
	j.n += n
	if xs.Len() > joinByCopy {
		j.flush()
		j.done = j.m.concatLists(j.done, xs)
		return nil
	}
	if j.short.Len()&4095+xs.Len() > 4095 {
		reserveList(j.m, 8192)
	}
	xs.Each(func(x graph.Value) bool {
		j.short.Add(x)
		return true
	})
	return nil
}

func (j *joiner) flush() {
	if j.short.Len() > 0 {
		j.done = j.m.concatLists(j.done, j.short.List())
		j.short = graph.ListBuilder{}
	}
}

// soFar is what list would be.
func (j *joiner) soFar() *graph.List {
	if j.short.Len() == 0 {
		return graph.EmptyList.Concat(j.done)
	}
	return j.done.Concat(j.short.SoFar())
}

func (j *joiner) list() *graph.List {
	if j.done == nil {
		return j.short.List()
	}
	j.flush()
	return j.done
}

// concatLists joins two lists. Joining shares what it joins, so that a list could be longer than anything that walks over it could
// bear: one that would not fit into memory without sharing is refused as if it did not share.
func (m *Machine) concatLists(a, b *graph.List) *graph.List {
	m.concatLength(a.Len(), b.Len())
	return a.Concat(b)
}

func (m *Machine) concatLength(a, b int) {
	if m.tooMany(a, b) {
		m.Reserve(-1)
	}
}

// tooMany says whether a list of a and b elements would not fit into memory.
func (m *Machine) tooMany(a, b int) bool {
	most := m.opt.Memory
	if most <= 0 {
		most = 1 << 40
	}
	return int64(a)+int64(b) > min(most, math.MaxInt/2)/valueSize
}

func listZipWith(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, ys, err := twoLists(m, args[1], args[2])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume("list.zipWith"); err != nil {
		return graph.Value{}, err
	}
	j := ys.Slice(min(l.done(), ys.Len()), ys.Len()).Iter()
	for l.over(xs.Slice(0, min(xs.Len(), ys.Len()))); ; {
		x, ok := l.next()
		if !ok {
			v := l.out.value()
			l.end()
			return v, nil
		}
		y, _ := j.Next()
		l.out.Add(l.call(args[0], x, y))
	}
}

func listZip(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, ys, err := twoLists(m, args[0], args[1])
	if err != nil {
		return graph.Value{}, err
	}
	c, out, pairs := meter{m: m}, graph.ListBuilder{}, graph.PairMaker{}
	for i, j := xs.Iter(), ys.Iter(); ; {
		x, more := i.Next()
		y, both := j.Next()
		if !more || !both {
			return graph.ListValue(out.List()), nil
		}
		c.tick()
		out.Add(pairs.Pair(x, y))
	}
}

// twoLists gives two lists that are gone through together, and makes sure of the memory for what comes of it.
func twoLists(m *Machine, a, b graph.Value) (xs, ys *graph.List, err error) {
	if xs, err = wantList(a); err != nil {
		return nil, nil, err
	}
	if ys, err = wantList(b); err != nil {
		return nil, nil, err
	}
	reserveList(m, min(xs.Len(), ys.Len()))
	return xs, ys, nil
}

func listEnumerate(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	reserveList(m, xs.Len())
	c, out, pairs := meter{m: m}, graph.ListBuilder{}, graph.PairMaker{}
	for it := xs.Iter(); ; {
		x, ok := it.Next()
		if !ok {
			return graph.ListValue(out.List()), nil
		}
		c.tick()
		out.Add(pairs.Pair(graph.Int(int64(out.Len())), x))
	}
}

// firstWhere is the index and the element of the first x for which f x is want, -1 if there is none. f and the list are
// the arguments of the primitive of that name.
func firstWhere(m *Machine, name string, args []graph.Value, want bool) (int, graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return 0, graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume(name); err != nil {
		return 0, graph.Value{}, err
	}
	for l.over(xs); ; {
		x, ok := l.next()
		if !ok {
			l.end()
			return -1, graph.Value{}, nil
		}
		is, err := l.holds(args[0], x)
		if err != nil {
			return 0, graph.Value{}, err
		}
		if is == want {
			i := int(l.n) - 1
			l.end()
			return i, x, nil
		}
	}
}

func listAny(m *Machine, args []graph.Value) (graph.Value, error) {
	i, _, err := firstWhere(m, "list.any", args, true)
	return graph.Bool(i >= 0), err
}

func listAll(m *Machine, args []graph.Value) (graph.Value, error) {
	i, _, err := firstWhere(m, "list.all", args, false)
	return graph.Bool(i < 0), err
}

func listFind(m *Machine, args []graph.Value) (graph.Value, error) {
	i, x, err := firstWhere(m, "list.find", args, true)
	if err != nil || i < 0 {
		return graph.None(), err
	}
	return graph.Some(x), nil
}

func listTakeWhile(m *Machine, args []graph.Value) (graph.Value, error) {
	i, _, err := firstWhere(m, "list.takeWhile", args, false)
	if err != nil || i < 0 {
		return args[1], err
	}
	return graph.ListValue(args[1].List().Slice(0, i)), nil
}

func listDropWhile(m *Machine, args []graph.Value) (graph.Value, error) {
	i, _, err := firstWhere(m, "list.dropWhile", args, false)
	if err != nil || i < 0 {
		return graph.NewList(), err
	}
	xs := args[1].List()
	return graph.ListValue(xs.Slice(i, xs.Len())), nil
}

func listGroupBy(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume("list.groupBy"); err != nil {
		return graph.Value{}, err
	}
	l.index = make(map[string]int, len(l.keys))
	for i, k := range l.keys {
		l.index[k] = i
	}
	if len(l.keys) == 0 && !l.replay {
		if rest, parts := l.partsLeft(xs, args[:1]); parts != nil {
			if of, ends := m.slotsOf(rest, parts); of != nil {
				return l.overSlots(args[0], rest, parts, of, ends)
			}
		}
	}
	for l.over(xs); ; {
		x, ok := l.next()
		if !ok {
			break
		}
		if err := l.group(args[0], x); err != nil {
			return graph.Value{}, err
		}
	}
	return l.grouped(), nil
}

func (l *loop) grouped() graph.Value {
	v := l.groupsOut.value(l.m)
	l.end()
	return v
}

func listRange(m *Machine, args []graph.Value) (graph.Value, error) {
	for _, v := range args {
		if v.Kind() != graph.KindInt {
			return graph.Value{}, wrongKind(v, "int")
		}
	}
	a, aSmall := args[0].Int()
	b, bSmall := args[1].Int()
	if !aSmall || !bSmall {
		return bigRange(m, args[0].BigInt(), args[1].BigInt())
	}
	if a > b {
		return graph.NewList(), nil
	}
	reserveValues(m, int64(min(uint64(b)-uint64(a), math.MaxInt64-1)+1))
	c, out := meter{m: m}, graph.ListBuilder{}
	for i := a; ; i++ {
		c.tick()
		out.Add(graph.Int(i))
		if i == b {
			return graph.ListValue(out.List()), nil
		}
	}
}

func bigRange(m *Machine, a, b *big.Int) (graph.Value, error) {
	n := new(big.Int).Sub(b, a)
	if n.Sign() < 0 {
		return graph.NewList(), nil
	}
	if !n.IsInt64() || n.Int64() >= math.MaxInt32 {
		m.Reserve(-1)
	}
	size := int64(max(a.BitLen(), b.BitLen()))/8 + 64
	reserve(m, (n.Int64()+1)*size)
	c, out, one := meter{m: m}, graph.ListBuilder{}, big.NewInt(1)
	for i := a; i.Cmp(b) <= 0; i = new(big.Int).Add(i, one) {
		c.tick()
		m.Charge(size / 256)
		out.Add(graph.BigInt(new(big.Int).Set(i)))
	}
	return graph.ListValue(out.List()), nil
}

func listRepeat(m *Machine, args []graph.Value) (graph.Value, error) {
	n, err := wantCount(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	reserveValues(m, max(n, 0))
	c, out := meter{m: m}, graph.ListBuilder{}
	for ; n > 0; n-- {
		c.tick()
		out.Add(args[1])
	}
	return graph.ListValue(out.List()), nil
}

func listTake(m *Machine, args []graph.Value) (graph.Value, error) {
	n, err := wantCount(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	return cutList(args[1], 0, max(n, 0))
}

func listDrop(m *Machine, args []graph.Value) (graph.Value, error) {
	n, err := wantCount(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	return cutList(args[1], max(n, 0), math.MaxInt64)
}

func listSlice(m *Machine, args []graph.Value) (graph.Value, error) {
	a, err := wantCount(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	b, err := wantCount(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	return cutList(args[2], a, b)
}

func cutList(v graph.Value, from, to int64) (graph.Value, error) {
	xs, err := wantList(v)
	if err != nil {
		return graph.Value{}, err
	}
	a, b := sliceBounds(from, to, xs.Len())
	if a == 0 && b == xs.Len() {
		return v, nil
	}
	return graph.ListValue(xs.Slice(a, b)), nil
}

func listHead(m *Machine, args []graph.Value) (graph.Value, error) {
	return elementAt(args[0], func(n int) int64 { return 0 })
}

func listLast(m *Machine, args []graph.Value) (graph.Value, error) {
	return elementAt(args[0], func(n int) int64 { return int64(n) - 1 })
}

func listAt(m *Machine, args []graph.Value) (graph.Value, error) {
	i, err := wantCount(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	return elementAt(args[1], func(int) int64 { return i })
}

// elementAt gives Some of the element at an index that may depend on the length, or None.
func elementAt(v graph.Value, index func(n int) int64) (graph.Value, error) {
	xs, err := wantList(v)
	if err != nil {
		return graph.Value{}, err
	}
	i := index(xs.Len())
	if i < 0 || i >= int64(xs.Len()) {
		return graph.None(), nil
	}
	return graph.Some(xs.At(int(i))), nil
}

func listFromEnd(m *Machine, args []graph.Value) (graph.Value, error) {
	i, err := wantCount(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	xs, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	if i < 0 || i >= int64(xs.Len()) {
		return graph.Value{}, Fail("out of range", args[0])
	}
	return xs.At(xs.Len() - 1 - int(i)), nil
}

func listContains(m *Machine, args []graph.Value) (graph.Value, error) {
	i, err := indexOf(m, args[0], args[1])
	return graph.Bool(i >= 0), err
}

func listIndexOf(m *Machine, args []graph.Value) (graph.Value, error) {
	i, err := indexOf(m, args[0], args[1])
	if err != nil || i < 0 {
		return graph.None(), err
	}
	return graph.Some(graph.Int(int64(i))), nil
}

// indexOf is the index of the first element that equals x, or -1.
func indexOf(m *Machine, x, list graph.Value) (int, error) {
	xs, err := wantList(list)
	if err != nil {
		return 0, err
	}
	c := meter{m: m}
	it := xs.Iter()
	for i := 0; ; i++ {
		y, ok := it.Next()
		if !ok {
			return -1, nil
		}
		c.tick()
		same, err := equalValues(m, x, y)
		if err != nil || same {
			return i, err
		}
	}
}
