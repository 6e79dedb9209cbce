// This file generates arithmetic and comparison on small ints without a call; anything else goes to the primitive.

package eval

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// # Why is every operator written out?
//
// One generator for all operators, that calls the operator as a function value, takes 1.15 times as long on tests/bench/loop.ros
// and 1.22 times on primes.ros (medians of nine pairs; fib32 did not change). Go inlines the operator only where it is named.

// An operand is how a side of an operator is reached: a slot, a small int, or code.
type operand struct {
	isSlot, isInt bool
	off           uintptr
	n             int64
	run           code
}

func (g *generator) operand(t *graph.Term, level int) operand {
	switch t.Op {
	case graph.OpVar:
		g.index++
		off := slotOffset(t.Index)
		return operand{isSlot: true, off: off, run: func(m *Machine, fp unsafe.Pointer) graph.Value { return *slot(fp, off) }}
	case graph.OpLit:
		if n, ok := t.Value.Int(); ok {
			g.index++
			return operand{isInt: true, n: n, run: func(*Machine, unsafe.Pointer) graph.Value { return graph.Int(n) }}
		}
	}
	return operand{run: g.gen(t, level, false)}
}

// get reduces the operand.
func (o operand) get(m *Machine, fp unsafe.Pointer) graph.Value {
	if o.isSlot {
		return *slot(fp, o.off)
	}
	return o.run(m, fp)
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

// divInts floors; y is not 0.
func divInts(x, y int64) (int64, bool) {
	q := x / y
	if x%y != 0 && (x < 0) != (y < 0) {
		q--
	}
	return q, !(x == math.MinInt64 && y == -1)
}

// modInts is the remainder of the floored division; it has the sign of y, which is not 0.
func modInts(x, y int64) (int64, bool) {
	r := x % y
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r, true
}

// arithmetic generates an application of an arithmetic primitive to both its arguments, or nil if it is another one.
func (g *generator) arithmetic(t *graph.Term, level int, at *site) code {
	if len(t.Args) != 3 {
		return nil
	}
	name := t.Args[0].Name
	if c := g.compare2(t, level, at); c != nil {
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return graph.Bool(c(m, fp)) }
	}
	switch name {
	case "num.add", "num.sub", "num.mul", "num.intdiv", "num.mod":
	default:
		return nil
	}
	p := g.m.prim(name, g.f.cid)
	g.index++
	a := g.operand(t.Args[1], level)
	before := g.waiting
	hold := g.hold(t, 1)
	b := g.operand(t.Args[2], level)
	g.waiting = before
	switch name {
	case "num.add":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					if r, ok := addInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		if a.isSlot && b.isSlot {
			off, off2 := a.off, b.off
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v, w := *slot(fp, off), *slot(fp, off2)
				if x, ok := v.Int(); ok {
					if y, ok := w.Int(); ok {
						if r, ok := addInts(x, y); ok {
							return graph.Int(r)
						}
					}
				}
				return m.prim2(p, v, w, at)
			}
		}
		if b.isInt {
			c, y := a.run, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := c(m, fp)
				if x, ok := v.Int(); ok {
					if r, ok := addInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					if r, ok := addInts(x, y); ok {
						return graph.Int(r)
					}
				}
			}
			return m.prim2(p, v, w, at)
		}
	case "num.sub":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					if r, ok := subInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		if a.isSlot && b.isSlot {
			off, off2 := a.off, b.off
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v, w := *slot(fp, off), *slot(fp, off2)
				if x, ok := v.Int(); ok {
					if y, ok := w.Int(); ok {
						if r, ok := subInts(x, y); ok {
							return graph.Int(r)
						}
					}
				}
				return m.prim2(p, v, w, at)
			}
		}
		if b.isInt {
			c, y := a.run, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := c(m, fp)
				if x, ok := v.Int(); ok {
					if r, ok := subInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					if r, ok := subInts(x, y); ok {
						return graph.Int(r)
					}
				}
			}
			return m.prim2(p, v, w, at)
		}
	case "num.mul":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					if r, ok := mulInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		if a.isSlot && b.isSlot {
			off, off2 := a.off, b.off
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v, w := *slot(fp, off), *slot(fp, off2)
				if x, ok := v.Int(); ok {
					if y, ok := w.Int(); ok {
						if r, ok := mulInts(x, y); ok {
							return graph.Int(r)
						}
					}
				}
				return m.prim2(p, v, w, at)
			}
		}
		if b.isInt {
			c, y := a.run, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := c(m, fp)
				if x, ok := v.Int(); ok {
					if r, ok := mulInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					if r, ok := mulInts(x, y); ok {
						return graph.Int(r)
					}
				}
			}
			return m.prim2(p, v, w, at)
		}
	case "num.intdiv":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok && y != 0 {
					if r, ok := divInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		if a.isSlot && b.isSlot {
			off, off2 := a.off, b.off
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v, w := *slot(fp, off), *slot(fp, off2)
				if x, ok := v.Int(); ok {
					if y, ok := w.Int(); ok && y != 0 {
						if r, ok := divInts(x, y); ok {
							return graph.Int(r)
						}
					}
				}
				return m.prim2(p, v, w, at)
			}
		}
		if b.isInt {
			c, y := a.run, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := c(m, fp)
				if x, ok := v.Int(); ok && y != 0 {
					if r, ok := divInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok && y != 0 {
					if r, ok := divInts(x, y); ok {
						return graph.Int(r)
					}
				}
			}
			return m.prim2(p, v, w, at)
		}
	case "num.mod":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok && y != 0 {
					if r, ok := modInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		if a.isSlot && b.isSlot {
			off, off2 := a.off, b.off
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v, w := *slot(fp, off), *slot(fp, off2)
				if x, ok := v.Int(); ok {
					if y, ok := w.Int(); ok && y != 0 {
						if r, ok := modInts(x, y); ok {
							return graph.Int(r)
						}
					}
				}
				return m.prim2(p, v, w, at)
			}
		}
		if b.isInt {
			c, y := a.run, b.n
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				v := c(m, fp)
				if x, ok := v.Int(); ok && y != 0 {
					if r, ok := modInts(x, y); ok {
						return graph.Int(r)
					}
				}
				return m.prim2(p, v, graph.Int(y), at)
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok && y != 0 {
					if r, ok := modInts(x, y); ok {
						return graph.Int(r)
					}
				}
			}
			return m.prim2(p, v, w, at)
		}
	}
	return nil
}

// compare generates a comparison as a condition, or nil if t is none.
func (g *generator) compare(t *graph.Term, level int) condition {
	if t.Op != graph.OpApp || len(t.Args) != 3 || t.Args[0].Op != graph.OpPrim {
		return nil
	}
	index := g.index
	g.index++
	c := g.compare2(t, level, g.site(index))
	if c == nil {
		g.index = index
	}
	return c
}

// compare2 is compare behind the preorder index of the application.
func (g *generator) compare2(t *graph.Term, level int, at *site) condition {
	switch t.Args[0].Name {
	case "cmp.eq", "cmp.ne", "cmp.lt", "cmp.le", "cmp.gt", "cmp.ge":
	default:
		return nil
	}
	p := g.m.prim(t.Args[0].Name, g.f.cid)
	g.index++
	a := g.operand(t.Args[1], level)
	before := g.waiting
	hold := g.hold(t, 1)
	b := g.operand(t.Args[2], level)
	g.waiting = before
	switch p.Name {
	case "cmp.eq":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) bool {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					return x == y
				}
				return m.prim2(p, v, graph.Int(y), at).Bool()
			}
		}
		return func(m *Machine, fp unsafe.Pointer) bool {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					return x == y
				}
			}
			return m.prim2(p, v, w, at).Bool()
		}
	case "cmp.ne":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) bool {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					return x != y
				}
				return m.prim2(p, v, graph.Int(y), at).Bool()
			}
		}
		return func(m *Machine, fp unsafe.Pointer) bool {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					return x != y
				}
			}
			return m.prim2(p, v, w, at).Bool()
		}
	case "cmp.lt":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) bool {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					return x < y
				}
				return m.prim2(p, v, graph.Int(y), at).Bool()
			}
		}
		return func(m *Machine, fp unsafe.Pointer) bool {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					return x < y
				}
			}
			return m.prim2(p, v, w, at).Bool()
		}
	case "cmp.le":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) bool {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					return x <= y
				}
				return m.prim2(p, v, graph.Int(y), at).Bool()
			}
		}
		return func(m *Machine, fp unsafe.Pointer) bool {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					return x <= y
				}
			}
			return m.prim2(p, v, w, at).Bool()
		}
	case "cmp.gt":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) bool {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					return x > y
				}
				return m.prim2(p, v, graph.Int(y), at).Bool()
			}
		}
		return func(m *Machine, fp unsafe.Pointer) bool {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					return x > y
				}
			}
			return m.prim2(p, v, w, at).Bool()
		}
	case "cmp.ge":
		if a.isSlot && b.isInt {
			off, y := a.off, b.n
			return func(m *Machine, fp unsafe.Pointer) bool {
				v := *slot(fp, off)
				if x, ok := v.Int(); ok {
					return x >= y
				}
				return m.prim2(p, v, graph.Int(y), at).Bool()
			}
		}
		return func(m *Machine, fp unsafe.Pointer) bool {
			v := a.get(m, fp)
			if hold != 0 {
				*slot(fp, hold) = v
			}
			w := b.get(m, fp)
			if x, ok := v.Int(); ok {
				if y, ok := w.Int(); ok {
					return x >= y
				}
			}
			return m.prim2(p, v, w, at).Bool()
		}
	}
	return nil
}
