// This file generates arithmetic and test on small ints without a call; anything else goes to the primitive.

package eval

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

//go:generate go run ./gen

// # Why is every operator written out?
//
// One generator for all operators, that calls the operator as a function value, takes 1.15 times as long on tests/bench/loop.ros
// and 1.22 times on primes.ros (medians of nine pairs; fib32 did not change). Go inlines the operator only where it is named, and a
// closure takes as long to call as an addition with its checks: so operators.go has a closure for each operator and shape of operands.

// An operand is how a side of an operator, or an argument, is reached.
type operand struct {
	shape     operandShape
	off, off2 uintptr
	n         int64
	by        divisor // n
	hold      uintptr // the offset of the slot in which it waits while operands after it are reduced, or 0
	reads     bool    // it is a slot, or addInt
	run       code    // in any case
}

// An operandShape is what is known of an operand. Those behind anInt are operators on small ints.
type operandShape uint8

const (
	aCode operandShape = iota
	atSlot
	anInt
	addInt  // the slot at off, and n
	mulInt  // the same
	modInt  // n is not 0
	subSlot // the slots at off and off2
	mulSlot
	modSlot
)

type sides struct{ left, right operandShape }

func (g *generator) operand(t *graph.Term, level int) operand {
	o := shapeOf(t)
	o.reads = o.shape == atSlot || o.shape == addInt && o.n != 0
	o.run = g.gen(t, level, false)
	return o
}

// shapeOf gives an operand without its code.
func shapeOf(t *graph.Term) (o operand) {
	switch t.Op {
	case graph.OpVar:
		return operand{shape: atSlot, off: slotOffset(t.Index)}
	case graph.OpLit:
		if n, ok := t.Value.Int(); ok {
			return operand{shape: anInt, n: n, by: newDivisor(n)}
		}
	case graph.OpApp:
		if len(t.Args) != 3 || t.Args[0].Op != graph.OpPrim || t.Args[1].Op != graph.OpVar {
			break
		}
		o.off = slotOffset(t.Args[1].Index)
		switch y := shapeOf(t.Args[2]); y.shape {
		case atSlot:
			o.off2 = y.off
			switch t.Args[0].Name {
			case "num.sub":
				o.shape = subSlot
			case "num.mul":
				o.shape = mulSlot
			case "num.mod":
				o.shape = modSlot
			}
		case anInt:
			o.n, o.by = y.n, y.by
			switch name := t.Args[0].Name; {
			case name == "num.add":
				o.shape = addInt
			case name == "num.sub" && y.n != math.MinInt64:
				o.shape, o.n = addInt, -y.n
			case name == "num.mul":
				o.shape = mulInt
			case name == "num.mod" && y.n != 0:
				o.shape = modInt
			}
		}
	}
	return o
}

// read gives an operand that is a slot, or differs from it by an int, if there is nothing to do for it. Calls and turns say this in full and
// do not use get, which Go does not inline: with it tests/bench/tak.ros takes 1.24 times as long, and loop.ros 1.17 times.
func (o *operand) read(fp unsafe.Pointer) (graph.Value, bool) {
	v, ok := slot(fp, o.off).Plus(o.n)
	return v, ok && o.reads
}

// get reduces the operand and puts it where it waits.
func (o *operand) get(m *Machine, fp unsafe.Pointer) graph.Value {
	v, ok := o.read(fp)
	if !ok {
		v = o.run(m, fp)
	}
	if o.hold != 0 {
		*slot(fp, o.hold) = v
	}
	return v
}

// addInts, subInts and mulInts say whether the result is within int64.
func addInts(x, y int64) (int64, bool) { r := x + y; return r, (x^r)&(y^r) >= 0 }
func subInts(x, y int64) (int64, bool) { r := x - y; return r, (x^y)&(x^r) >= 0 }

func mulInts(x, y int64) (int64, bool) {
	if int64(int32(x)) == x && int64(int32(y)) == y {
		return x * y, true
	}
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	hi -= uint64(x>>63)&uint64(y) + uint64(y>>63)&uint64(x)
	return int64(lo), hi == uint64(int64(lo)>>63)
}

// divInts floors. It says whether y is not 0, and the result within int64.
func divInts(x, y int64) (int64, bool) {
	if y == 0 {
		return 0, false
	}
	q := x / y
	if x%y != 0 && (x < 0) != (y < 0) {
		q--
	}
	return q, !(x == math.MinInt64 && y == -1)
}

// modInts is the remainder of the floored division; it has the sign of y, which is not 0.
func modInts(x, y int64) int64 {
	r := x % y
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r
}

// A divisor is an int that others are divided by: with a multiplication, if they are not negative (Granlund and Montgomery,
// Division by Invariant Integers using Multiplication, theorem 4.2, for dividends of 63 bits).
type divisor struct {
	n     int64
	magic uint64 // 2^(63+l) / n + 1 with the least l for which n <= 2^l; 0 if n < 2
	shift uint   // l-1
}

func newDivisor(n int64) divisor {
	if n < 2 {
		return divisor{n: n}
	}
	shift := uint(bits.Len64(uint64(n-1))) - 1
	magic, _ := bits.Div64(1<<shift, 0, uint64(n))
	return divisor{n, magic + 1, shift}
}

// mod is modInts; n is not 0.
func (d divisor) mod(x int64) int64 {
	if x < 0 || d.magic == 0 {
		return modInts(x, d.n)
	}
	q, _ := bits.Mul64(uint64(x), d.magic)
	return x - int64(q>>(d.shift&63))*d.n
}

// div is divInts.
func (d divisor) div(x int64) (int64, bool) {
	if x < 0 || d.magic == 0 {
		return divInts(x, d.n)
	}
	q, _ := bits.Mul64(uint64(x), d.magic)
	return int64(q >> (d.shift & 63)), true
}

// arithmetic generates an application of an arithmetic primitive to both its arguments, or nil if it is another one.
func (g *generator) arithmetic(t *graph.Term, level int, at *site) code {
	if len(t.Args) != 3 {
		return nil
	}
	var generate func(p *Prim, a, b operand, hold uintptr, slow code, at *site) code
	switch t.Args[0].Name {
	case "num.add":
		generate = addCode
	case "num.sub":
		generate = subCode
	case "num.mul":
		generate = mulCode
	case "num.intdiv":
		generate = intdivCode
	case "num.mod":
		generate = modCode
	default:
		if is, not := relationOf(t.Args[0].Name); is != noRelation {
			return g.compare(t, is, not, level, at).code()
		}
		return nil
	}
	p, a, b, hold := g.sides(t, level)
	slow := onSides(p, a, b, hold, at)
	if !together(a.shape, b.shape) {
		a.shape, b.shape = aCode, aCode
	}
	return generate(p, a, b, hold, slow, at)
}

// sides generates the sides of an operator. hold is the offset of the slot in which the left one waits, or 0.
func (g *generator) sides(t *graph.Term, level int) (p *Prim, a, b operand, hold uintptr) {
	p = g.m.prim(t.Args[0].Name, g.f.cid)
	g.index++
	a = g.operand(t.Args[1], level)
	before := g.waiting
	hold = g.hold(t, 1)
	b = g.operand(t.Args[2], level)
	g.waiting = before
	return p, a, b, hold
}

// onSides applies the primitive itself.
func onSides(p *Prim, a, b operand, hold uintptr, at *site) code {
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		v := a.run(m, fp)
		if hold != 0 {
			*slot(fp, hold) = v
		}
		return m.calculate(p, v, b.run(m, fp), at, fp)
	}
}

// A relation is a test.
type relation uint8

const (
	noRelation relation = iota
	isEqual
	isLess
	isAtMost
)

func relationOf(name string) (is relation, not bool) {
	switch name {
	case "cmp.eq":
		return isEqual, false
	case "cmp.ne":
		return isEqual, true
	case "cmp.lt":
		return isLess, false
	case "cmp.ge":
		return isLess, true
	case "cmp.le":
		return isAtMost, false
	case "cmp.gt":
		return isAtMost, true
	}
	return noRelation, false
}

// A test is a comparison in code; it is generated as a value or as a branch.
type test struct {
	is   relation
	not  bool
	p    *Prim
	a, b operand
	hold uintptr
	slow code
	at   *site
}

// compare generates the sides of a test, behind the preorder index of the application.
func (g *generator) compare(t *graph.Term, is relation, not bool, level int, at *site) test {
	c := test{is: is, not: not, at: at}
	c.p, c.a, c.b, c.hold = g.sides(t, level)
	c.slow = onSides(c.p, c.a, c.b, c.hold, at)
	if c.a.shape == anInt && c.b.shape == atSlot {
		c.a, c.b = c.b, c.a
		switch is { // x < y is not (y <= x)
		case isLess:
			c.is, c.not = isAtMost, !not
		case isAtMost:
			c.is, c.not = isLess, !not
		}
	}
	if !together(c.a.shape, c.b.shape) {
		c.a.shape, c.b.shape = aCode, aCode
	}
	return c
}

func (c test) code() code {
	switch c.is {
	case isEqual:
		return equalCode(c.p, c.a, c.b, c.not, c.hold, c.slow, c.at)
	case isLess:
		return lessCode(c.p, c.a, c.b, c.not, c.hold, c.slow, c.at)
	}
	return atMostCode(c.p, c.a, c.b, c.not, c.hold, c.slow, c.at)
}

func (c test) branch(then, other code) code {
	switch c.is {
	case isEqual:
		return equalBranch(c.p, c.a, c.b, then, other, c.not, c.hold, c.slow, c.at)
	case isLess:
		return lessBranch(c.p, c.a, c.b, then, other, c.not, c.hold, c.slow, c.at)
	}
	return atMostBranch(c.p, c.a, c.b, then, other, c.not, c.hold, c.slow, c.at)
}
