// This file holds equality and order: cmp.*. Both walk two values side by side over a stack of their own, so that the
// depth of a value is bounded by memory alone, look into what is lazy or not loaded as they come to it, and stop at the
// first difference.
//
// # Why does a value not equal itself at a glance?
//
// Two functions are an error, wherever they stand. A list that is one object on both sides may hold some, so it is
// walked like any other; only a link is equal to itself unseen. The cost counts what is walked, never what objects are
// shared, since sharing depends on how a value came to be.

package eval

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"strings"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

var cmpPrims = []Spec{
	{"cmp.eq", 2, 0, cmpEq, "a b: a == b; cost: 1 per 16 parts compared, and per 256 bytes of text and bytes"},
	{"cmp.ne", 2, 0, cmpNe, "a b: a != b; cost: as cmp.eq"},
	{"cmp.lt", 2, 3, ordering(func(c int) bool { return c < 0 }), "a b: a < b; cost: as cmp.eq"},
	{"cmp.le", 2, 3, ordering(func(c int) bool { return c <= 0 }), "a b: a <= b; cost: as cmp.eq"},
	{"cmp.gt", 2, 3, ordering(func(c int) bool { return c > 0 }), "a b: a > b; cost: as cmp.eq"},
	{"cmp.ge", 2, 3, ordering(func(c int) bool { return c >= 0 }), "a b: a >= b; cost: as cmp.eq"},
}

func cmpEq(m *Machine, args []graph.Value) (graph.Value, error) {
	equal, err := equalValues(m, args[0], args[1])
	return graph.Bool(equal), err
}

func cmpNe(m *Machine, args []graph.Value) (graph.Value, error) {
	equal, err := equalValues(m, args[0], args[1])
	return graph.Bool(!equal), err
}

func ordering(holds func(int) bool) func(*Machine, []graph.Value) (graph.Value, error) {
	return func(m *Machine, args []graph.Value) (graph.Value, error) {
		c, err := compareValues(m, args[0], args[1])
		return graph.Bool(holds(c)), err
	}
}

// equalValues is a == b. It charges its cost.
func equalValues(m *Machine, a, b graph.Value) (bool, error) {
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok {
			return x == y, nil
		}
	}
	c := comparison{m: m, part: (*comparison).equal}
	d, err := c.run(a, b)
	return d == 0, err
}

// compareValues orders a and b: negative, 0 or positive. It charges its cost.
func compareValues(m *Machine, a, b graph.Value) (int, error) {
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok {
			return cmp.Compare(x, y), nil
		}
	}
	c := comparison{m: m, part: (*comparison).order}
	return c.run(a, b)
}

// A comparison is one walk over two values. part compares two parts, or pushes them if they have parts themselves.
type comparison struct {
	m     *Machine
	part  func(c *comparison, a, b graph.Value) (int, error)
	work  int64 // 256 are a step
	stack []pairing
}

// A pairing is two lists or two maps of which the parts before the iterators, or index, are equal.
type pairing struct {
	list, other   graph.ListIter
	fields, right *graph.Map // nil for lists
	index         int
	length        int // what is left to compare where all parts are equal
}

func (c *comparison) run(a, b graph.Value) (int, error) {
	d, err := c.part(c, a, b)
	for d == 0 && err == nil && len(c.stack) > 0 {
		top := &c.stack[len(c.stack)-1]
		var x, y graph.Value
		more := false
		if top.fields != nil {
			if more = top.index < top.fields.Len(); more {
				_, x = top.fields.At(top.index)
				_, y = top.right.At(top.index)
				top.index++
			}
		} else if x, more = top.list.Next(); more {
			y, more = top.other.Next()
		}
		if !more {
			d = top.length
			*top = pairing{}
			c.stack = c.stack[:len(c.stack)-1]
			continue
		}
		c.spend(16)
		d, err = c.part(c, x, y)
	}
	c.m.Charge(c.work >> 8)
	return d, err
}

func (c *comparison) spend(n int) {
	c.work += int64(n)
	if c.work >= 1<<16 {
		c.m.Charge(c.work >> 8)
		c.work &= 255
	}
}

// compareBytes compares bytes in windows, as eachWindow reads them.
func compareBytes(m *Machine, a, b graph.Value) (d int) {
	n := min(a.BytesLen(), b.BytesLen())
	for at := 0; at < n && d == 0; at += windowBytes {
		m.poll()
		end := min(at+windowBytes, n)
		d = bytes.Compare(a.BytesAt(at, end), b.BytesAt(at, end))
	}
	return cmp.Or(d, cmp.Compare(a.BytesLen(), b.BytesLen()))
}

func (c *comparison) push(p pairing) {
	if n := len(c.stack); n == cap(c.stack) && n > 256 {
		reserve(c.m, 2*int64(n)*int64(unsafe.Sizeof(p)))
	}
	c.stack = append(c.stack, p)
}

// look is what is behind a link or a lazy value.
func (c *comparison) look(v graph.Value) graph.Value {
	if k := v.Kind(); k == graph.KindLink || k == graph.KindLazy {
		c.m.Charge(c.work >> 8) // looking may fail
		c.work &= 255
		return c.m.Force(v)
	}
	return v
}

// equal compares two parts: 0 if they are equal, or if they have been pushed.
func (c *comparison) equal(a, b graph.Value) (int, error) {
	if a.Kind() == graph.KindLink && b.Kind() == graph.KindLink && a.Link().Equals(b.Link()) {
		return 0, nil
	}
	a, b = c.look(a), c.look(b)
	if isNumber(a) && isNumber(b) {
		return c.numbers(a, b), nil
	}
	if a.Kind() != b.Kind() {
		return 1, nil
	}
	switch a.Kind() {
	case graph.KindNull:
		return 0, nil
	case graph.KindBool:
		return unequal(a.Bool() != b.Bool()), nil
	case graph.KindText:
		x, y := a.Text(), b.Text()
		if len(x) != len(y) {
			return 1, nil
		}
		c.spend(len(x))
		return unequal(x != y), nil
	case graph.KindBytes:
		if a.BytesLen() != b.BytesLen() {
			return 1, nil
		}
		c.spend(a.BytesLen())
		return unequal(compareBytes(c.m, a, b) != 0), nil
	case graph.KindList:
		x, y := a.List(), b.List()
		if x.Len() != y.Len() {
			return 1, nil
		}
		if x.Len() > 0 {
			c.push(pairing{list: x.Iter(), other: y.Iter()})
		}
		return 0, nil
	case graph.KindMap:
		x, y := a.Map(), b.Map()
		if x.Len() != y.Len() {
			return 1, nil
		}
		c.m.inOrder(x)
		c.m.inOrder(y)
		for i := range x.Len() {
			j, _ := x.At(i)
			k, _ := y.At(i)
			c.spend(16 + min(len(j), len(k)))
			if j != k {
				return 1, nil
			}
		}
		if x.Len() > 0 {
			c.push(pairing{fields: x, right: y})
		}
		return 0, nil
	case graph.KindFn:
		return 0, Fail("compare functions", graph.NewList(a, b))
	}
	panic("BUG: equality of a kind that is not known: " + a.Kind().String())
}

func unequal(differ bool) int {
	if differ {
		return 1
	}
	return 0
}

// order compares two parts: 0 also if they have been pushed.
func (c *comparison) order(a, b graph.Value) (int, error) {
	a, b = c.look(a), c.look(b)
	if isNumber(a) && isNumber(b) {
		return c.numbers(a, b), nil
	}
	if a.Kind() == b.Kind() {
		switch a.Kind() {
		case graph.KindText:
			x, y := a.Text(), b.Text()
			c.spend(min(len(x), len(y)))
			return strings.Compare(x, y), nil
		case graph.KindBytes:
			c.spend(min(a.BytesLen(), b.BytesLen()))
			return compareBytes(c.m, a, b), nil
		case graph.KindList:
			x, y := a.List(), b.List()
			if x.Len() == 0 || y.Len() == 0 {
				return cmp.Compare(x.Len(), y.Len()), nil
			}
			c.push(pairing{list: x.Iter(), other: y.Iter(), length: cmp.Compare(x.Len(), y.Len())})
			return 0, nil
		}
	}
	return 0, Fail("cannot compare", graph.NewList(a, b))
}

func (c *comparison) numbers(a, b graph.Value) int {
	if bothInts(a, b) {
		_, asmall := a.Int()
		_, bsmall := b.Int()
		if !asmall && !bsmall {
			c.spend(8 * int(min(words(a.BigInt()), words(b.BigInt()))))
		}
	}
	return compareNumbers(a, b)
}

// compareNumbers orders two numbers exactly by value.
func compareNumbers(a, b graph.Value) int {
	if a.Kind() == graph.KindFloat {
		if b.Kind() == graph.KindFloat {
			return cmp.Compare(a.Float(), b.Float())
		}
		return -compareIntFloat(b, a.Float())
	}
	if b.Kind() == graph.KindFloat {
		return compareIntFloat(a, b.Float())
	}
	x, xsmall := a.Int()
	y, ysmall := b.Int()
	if xsmall && ysmall {
		return cmp.Compare(x, y)
	}
	return a.BigInt().Cmp(b.BigInt())
}

// compareIntFloat orders an int and a float. A float of 2^63 and more has no fraction.
func compareIntFloat(a graph.Value, f float64) int {
	x, small := a.Int()
	switch {
	case !small:
		if math.Abs(f) < 1<<63 {
			return a.BigInt().Sign()
		}
		y, _ := new(big.Float).SetFloat64(f).Int(nil)
		return a.BigInt().Cmp(y)
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := math.Trunc(f)
	if y := int64(whole); x != y {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(whole, f) // the fraction decides
}
