// This file generates applications: of primitives, of lams that are known, of whatever a term comes to. A call in tail position gives
// the mark, with the callee and its arguments in hand; one of the function itself writes its own parameters and turns.

package eval

import (
	"slices"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// app generates an application by what its function is known to be.
func (g *generator) app(t *graph.Term, level int, tail bool, index int) code {
	head, n, at := t.Args[0], len(t.Args)-1, g.site(index)
	at.into, g.into = g.into, nil
	var f *lam
	switch head.Op {
	case graph.OpSelf:
		f = g.f.group[head.Index]
		if f.arity == 0 {
			f = nil
		}
	case graph.OpPrim:
		if p := g.m.prims[head.Name]; p != nil && p.Arity == n {
			if c := g.arithmetic(t, level, at); c != nil {
				return c
			}
			g.index++
			return g.callPrim(p, t, level, at)
		}
	case graph.OpRef:
		u := g.m.unit(head.CID)
		if !g.m.canLoad(u) { // it stops the evaluation only where it is called
			break
		}
		if u.state == function && u.lam != nil {
			f = u.lam
		} else if u.state == function && u.group == nil && u.lam == nil {
			if p, ok := u.value.Fn().Body.(*Prim); ok && p.Arity == n {
				g.index++
				return g.callPrim(p, t, level, at)
			}
		}
	}
	passes := tail && head.Op == graph.OpRef && f != nil && f.arity == n
	g.passes = g.passes || passes
	g.calls = g.calls || !passes
	switch {
	case f != nil && n < f.arity && n <= 2:
		g.index++
		return waitForMore(f.value().Fn(), g.wait(t, 1, level))
	case f == nil || f.arity != n:
		return g.callUnknown(t, level, tail, at)
	}
	g.index++
	if tail && f == g.f && g.m.opt.Link != All {
		f.loops = true
		return turn(t.Args[1:], g.wait(t, 1, level, g.makers(t.Args[1:])...), at)
	}
	args := g.wait(t, 1, level)
	if tail {
		return callLast(f, args, at)
	}
	return callKnown(f, args, at)
}

func (g *generator) callPrim(p *Prim, t *graph.Term, level int, at *site) code {
	if c := g.pushBack(p, t, level, at); c != nil {
		return c
	}
	if c := g.dropOne(p, t, at); c != nil {
		return c
	}
	args := g.wait(t, 1, level)
	n := len(args)
	g.calls = g.calls || p.quick1 == nil && p.quick2 == nil
	if n == 1 {
		a := args[0].run
		if quick := p.quick1; quick != nil {
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				x := a(m, fp)
				if v, ok := quick(x); ok {
					return v
				}
				return m.prim1(p, x, at)
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.prim1(p, a(m, fp), at) }
	}
	if n == 2 {
		a, b, off := args[0].run, args[1].run, args[0].hold
		if quick := p.quick2; quick != nil {
			if lit, second := t.Args[1], t.Args[2]; lit.Op == graph.OpLit && second.Op == graph.OpVar {
				x, off := lit.Value, slotOffset(second.Index)
				return func(m *Machine, fp unsafe.Pointer) graph.Value {
					y := *slot(fp, off)
					if v, ok := quick(x, y); ok {
						return v
					}
					return m.prim2(p, x, y, at)
				}
			}
			return func(m *Machine, fp unsafe.Pointer) graph.Value {
				x := a(m, fp)
				if off != 0 {
					*slot(fp, off) = x
				}
				y := b(m, fp)
				if v, ok := quick(x, y); ok {
					return v
				}
				return m.prim2(p, x, y, at)
			}
		}
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x := a(m, fp)
			if off != 0 {
				*slot(fp, off) = x
			}
			return m.prim2(p, x, b(m, fp), at)
		}
	}
	if c := g.insertOwn(p, t, args, at); c != nil {
		return c
	}
	if quick := p.quick3; quick != nil && n == 3 {
		a, b, c := &args[0], &args[1], &args[2]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x := a.get(m, fp)
			y := b.get(m, fp)
			z, ok := c.read(fp)
			if !ok {
				z = c.run(m, fp)
			}
			if v, ok := quick(x, y, z); ok {
				return v
			}
			return m.prim3(p, x, y, z, at)
		}
	}
	var run code
	run = func(m *Machine, fp unsafe.Pointer) graph.Value {
		base, _, ok := m.reserveAhead(n+primSlots, at)
		if !ok {
			return m.hop(func() graph.Value { return run(m, fp) })
		}
		vs := slots(base, slotSize, n)
		for i := range args {
			vs[i] = args[i].run(m, fp)
		}
		r := m.callPrim(p, base, at)
		m.sp = base
		return r
	}
	return run
}

func (m *Machine) prim1(p *Prim, x graph.Value, at *site) graph.Value {
	if x.Kind() == graph.KindLazy && p.quick1 != nil {
		if v, ok := p.quick1(seen(x)); ok {
			return v
		}
	}
	base := m.sp
	if uintptr(base)+p.size > m.end {
		return m.hop(func() graph.Value { return m.prim1(p, x, at) })
	}
	m.sp = unsafe.Add(base, p.size)
	*slot(base, slotSize) = x
	r := m.callPrim(p, base, at)
	m.sp = base
	return r
}

func (m *Machine) prim2(p *Prim, x, y graph.Value, at *site) graph.Value {
	if y.Kind() == graph.KindLazy && p.quick2 != nil && p.Demand&2 != 0 { // what is not demanded may be the answer, as it is
		if v, ok := p.quick2(x, seen(y)); ok {
			return v
		}
	}
	base := m.sp
	if uintptr(base)+p.size > m.end {
		return m.hop(func() graph.Value { return m.prim2(p, x, y, at) })
	}
	m.sp = unsafe.Add(base, p.size)
	*slot(base, slotSize) = x
	*slot(base, 2*slotSize) = y
	r := m.callPrim(p, base, at)
	m.sp = base
	return r
}

func (m *Machine) prim3(p *Prim, x, y, z graph.Value, at *site) graph.Value {
	base := m.sp
	if uintptr(base)+p.size > m.end {
		return m.hop(func() graph.Value { return m.prim3(p, x, y, z, at) })
	}
	m.sp = unsafe.Add(base, p.size)
	*slot(base, slotSize) = x
	*slot(base, 2*slotSize) = y
	*slot(base, 3*slotSize) = z
	r := m.callPrim(p, base, at)
	m.sp = base
	return r
}

// callKnown calls a lam that is known and has just its arguments.
func callKnown(f *lam, args []operand, at *site) code {
	index := at.index
	const o1, o2, o3 = slotSize, 2 * slotSize, 3 * slotSize
	switch len(args) {
	case 1:
		a := &args[0]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			nfp := m.sp
			if uintptr(nfp)+f.size > m.end {
				m.targs[0] = x
				return m.callOnNewChunk(f, index)
			}
			m.sp = unsafe.Add(nfp, f.size)
			*slot(nfp, 0) = f.Value(m.entered(index))
			*slot(nfp, o1) = x
			m.steps++
			if m.steps >= m.limit {
				m.safepoint()
			}
			r := f.enter(m, nfp)
			if r.IsMark() {
				r = m.trampoline(nfp)
			}
			m.sp = nfp
			return r
		}
	case 2:
		a, b := &args[0], &args[1]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			if a.hold != 0 {
				*slot(fp, a.hold) = x
			}
			y, ok := b.read(fp)
			if !ok {
				y = b.run(m, fp)
			}
			nfp := m.sp
			if uintptr(nfp)+f.size > m.end {
				m.targs[0], m.targs[1] = x, y
				return m.callOnNewChunk(f, index)
			}
			m.sp = unsafe.Add(nfp, f.size)
			*slot(nfp, 0) = f.Value(m.entered(index))
			*slot(nfp, o1) = x
			*slot(nfp, o2) = y
			return m.run(f, nfp)
		}
	case 3:
		a, b, c := &args[0], &args[1], &args[2]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			if a.hold != 0 {
				*slot(fp, a.hold) = x
			}
			y, ok := b.read(fp)
			if !ok {
				y = b.run(m, fp)
			}
			if b.hold != 0 {
				*slot(fp, b.hold) = y
			}
			z, ok := c.read(fp)
			if !ok {
				z = c.run(m, fp)
			}
			nfp := m.sp
			if uintptr(nfp)+f.size > m.end {
				m.targs[0], m.targs[1], m.targs[2] = x, y, z
				return m.callOnNewChunk(f, index)
			}
			m.sp = unsafe.Add(nfp, f.size)
			*slot(nfp, 0) = f.Value(m.entered(index))
			*slot(nfp, o1) = x
			*slot(nfp, o2) = y
			*slot(nfp, o3) = z
			return m.run(f, nfp)
		}
	}
	if len(args) > few {
		use := func(m *Machine, _ unsafe.Pointer, vs []graph.Value) graph.Value { return m.call(f, vs, index) }
		all := codes(args)
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.evaluate(all, fp, 0, at, use) }
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		var vs [few]graph.Value
		operandsOf(m, fp, &vs, args)
		return m.call(f, vs[:len(args)], index)
	}
}

func codes(operands []operand) []code {
	out := make([]code, len(operands))
	for i, o := range operands {
		out[i] = o.run
	}
	return out
}

// operandsOf reduces few operands, from the left.
func operandsOf(m *Machine, fp unsafe.Pointer, vs *[few]graph.Value, args []operand) {
	for i := range args {
		o := &args[i]
		v, ok := o.read(fp)
		if !ok {
			v = o.run(m, fp)
		}
		vs[i] = v
		if o.hold != 0 {
			*slot(fp, o.hold) = v
		}
	}
}

// callLast is a tail call of another lam that is known and has just its arguments.
func callLast(f *lam, args []operand, at *site) code {
	switch {
	case len(args) == 2:
		a, b := &args[0], &args[1]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			if a.hold != 0 {
				*slot(fp, a.hold) = x
			}
			y, ok := b.read(fp)
			if !ok {
				y = b.run(m, fp)
			}
			vs := m.handOver(f, 2)
			vs[0], vs[1] = x, y
			return graph.Mark()
		}
	case len(args) == 3:
		a, b, c := &args[0], &args[1], &args[2]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			if a.hold != 0 {
				*slot(fp, a.hold) = x
			}
			y, ok := b.read(fp)
			if !ok {
				y = b.run(m, fp)
			}
			if b.hold != 0 {
				*slot(fp, b.hold) = y
			}
			z, ok := c.read(fp)
			if !ok {
				z = c.run(m, fp)
			}
			vs := m.handOver(f, 3)
			vs[0], vs[1], vs[2] = x, y, z
			return graph.Mark()
		}
	case len(args) <= few:
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			var vs [few]graph.Value
			operandsOf(m, fp, &vs, args)
			return m.tailCall(f, vs[:len(args)]...)
		}
	}
	use := func(m *Machine, _ unsafe.Pointer, vs []graph.Value) graph.Value { return m.tailCall(f, vs...) }
	all := codes(args)
	return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.evaluate(all, fp, 0, at, use) }
}

// turn is a tail call of a function by itself: its arguments take the place of its parameters. Those that stay are not touched.
func turn(ts []*graph.Term, args []operand, at *site) code {
	var moves []operand
	var to []uintptr
	for i, t := range ts {
		if t.Op != graph.OpVar || t.Index != i {
			moves, to = append(moves, args[i]), append(to, slotOffset(i))
		}
	}
	if len(args) > few && len(moves) > 1 {
		use := func(_ *Machine, fp unsafe.Pointer, vs []graph.Value) graph.Value {
			copy(slots(fp, slotSize, len(vs)), vs)
			return graph.Value{}
		}
		all := codes(args)
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			m.evaluate(all, fp, 0, at, use)
			return m.again()
		}
	}
	switch len(moves) {
	case 0:
		return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.again() }
	case 1:
		a, o1 := &moves[0], to[0]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			*slot(fp, o1) = x
			m.steps++
			if m.steps >= m.limit {
				m.safepoint()
			}
			return graph.Again()
		}
	case 2:
		a, b, o1, o2 := &moves[0], &moves[1], to[0], to[1]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			if a.hold != 0 {
				*slot(fp, a.hold) = x
			}
			y, ok := b.read(fp)
			if !ok {
				y = b.run(m, fp)
			}
			*slot(fp, o1) = x
			*slot(fp, o2) = y
			m.steps++
			if m.steps >= m.limit {
				m.safepoint()
			}
			return graph.Again()
		}
	case 3:
		a, b, c, o1, o2, o3 := &moves[0], &moves[1], &moves[2], to[0], to[1], to[2]
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			if a.hold != 0 {
				*slot(fp, a.hold) = x
			}
			y, ok := b.read(fp)
			if !ok {
				y = b.run(m, fp)
			}
			if b.hold != 0 {
				*slot(fp, b.hold) = y
			}
			z, ok := c.read(fp)
			if !ok {
				z = c.run(m, fp)
			}
			*slot(fp, o1) = x
			*slot(fp, o2) = y
			*slot(fp, o3) = z
			return m.again()
		}
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		var vs [few]graph.Value
		operandsOf(m, fp, &vs, moves)
		for i, off := range to {
			*slot(fp, off) = vs[i]
		}
		return m.again()
	}
}

// waitForMore applies a function to one or two arguments, where it waits for more than that.
func waitForMore(fn *graph.Fn, args []operand) code {
	a, b := &args[0], &args[len(args)-1]
	if len(args) == 1 {
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			vs := [1]graph.Value{a.get(m, fp)}
			return m.partial(fn, vs[:])
		}
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		x := a.get(m, fp)
		vs := [2]graph.Value{x, b.get(m, fp)}
		return m.partial(fn, vs[:])
	}
}

// callUnknown applies whatever the function turns out to be.
func (g *generator) callUnknown(t *graph.Term, level int, tail bool, at *site) code {
	use := func(m *Machine, _ unsafe.Pointer, vs []graph.Value) graph.Value { return m.apply(vs[0], vs[1:], at) }
	if tail {
		use = func(m *Machine, _ unsafe.Pointer, vs []graph.Value) graph.Value { return m.applyLast(vs, at) }
	}
	if len(t.Args) <= 3 && t.Args[0].Op == graph.OpVar {
		g.index++
		head, args := slotOffset(t.Args[0].Index), g.wait(t, 1, level)
		if tail {
			return applySlotLast(head, args, use, at)
		}
		return applySlot(head, args, use, at)
	}
	all := codes(g.wait(t, 0, level)) // they stand in a run, but what waits inside of them has the slots behind those of waits
	return func(m *Machine, fp unsafe.Pointer) graph.Value { return m.evaluate(all, fp, 0, at, use) }
}

// applySlot applies the function in the slot at head to one or two arguments: at once, if it is a lam and these are its last.
func applySlot(head uintptr, args []operand, use operandUse, at *site) code {
	a, b := &args[0], &args[len(args)-1]
	if len(args) == 1 {
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			nfp := m.sp
			fn, f := saturated(slot(fp, head), 1)
			if f == nil || uintptr(nfp)+f.size > m.end {
				return m.applyOperands(use, at, *slot(fp, head), x)
			}
			m.sp = unsafe.Add(nfp, f.size)
			*slot(nfp, 0) = f.Value(m.entered(at.index))
			off := slotSize
			for _, v := range fn.Args {
				*slot(nfp, off) = v
				off += slotSize
			}
			*slot(nfp, off) = x
			return m.run(f, nfp)
		}
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		x, ok := a.read(fp)
		if !ok {
			x = a.run(m, fp)
		}
		if a.hold != 0 {
			*slot(fp, a.hold) = x
		}
		y, ok := b.read(fp)
		if !ok {
			y = b.run(m, fp)
		}
		nfp := m.sp
		fn, f := saturated(slot(fp, head), 2)
		if f == nil || uintptr(nfp)+f.size > m.end {
			return m.applyOperands(use, at, *slot(fp, head), x, y)
		}
		m.sp = unsafe.Add(nfp, f.size)
		*slot(nfp, 0) = f.Value(m.entered(at.index))
		off := slotSize
		for _, v := range fn.Args {
			*slot(nfp, off) = v
			off += slotSize
		}
		*slot(nfp, off) = x
		*slot(nfp, off+slotSize) = y
		return m.run(f, nfp)
	}
}

// applySlotLast is applySlot in tail position.
func applySlotLast(head uintptr, args []operand, use operandUse, at *site) code {
	a, b := &args[0], &args[len(args)-1]
	if len(args) == 1 {
		return func(m *Machine, fp unsafe.Pointer) graph.Value {
			x, ok := a.read(fp)
			if !ok {
				x = a.run(m, fp)
			}
			fn, f := saturated(slot(fp, head), 1)
			if f == nil {
				return m.applyOperands(use, at, *slot(fp, head), x)
			}
			vs := m.handOver(f, len(fn.Args)+1)
			//lint:ignore S1001 for the few that there are, copy takes longer
			for i, v := range fn.Args {
				vs[i] = v
			}
			vs[len(fn.Args)] = x
			return graph.Mark()
		}
	}
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		x, ok := a.read(fp)
		if !ok {
			x = a.run(m, fp)
		}
		if a.hold != 0 {
			*slot(fp, a.hold) = x
		}
		y, ok := b.read(fp)
		if !ok {
			y = b.run(m, fp)
		}
		fn, f := saturated(slot(fp, head), 2)
		if f == nil {
			return m.applyOperands(use, at, *slot(fp, head), x, y)
		}
		vs := m.handOver(f, len(fn.Args)+2)
		//lint:ignore S1001 as above
		for i, v := range fn.Args {
			vs[i] = v
		}
		vs[len(fn.Args)], vs[len(fn.Args)+1] = x, y
		return graph.Mark()
	}
}

// saturated is the function at v and its lam, if it is one that waits for n arguments; else the lam is nil.
func saturated(v *graph.Value, n int) (*graph.Fn, *lam) {
	if v.Kind() == graph.KindFn {
		fn := v.Fn()
		if f, ok := fn.Body.(*lam); ok && f.arity == len(fn.Args)+n {
			return fn, f
		}
	}
	return nil, nil
}

// applyOperands hands a function and its arguments to use, in a run of slots.
func (m *Machine) applyOperands(use operandUse, at *site, all ...graph.Value) graph.Value {
	base, ok := m.reserve(len(all), at)
	if !ok {
		held := slices.Clone(all)
		return m.hop(func() graph.Value { return m.applyOperands(use, at, held...) })
	}
	vs := slots(base, slotSize, len(all))
	copy(vs, all)
	r := use(m, nil, vs)
	m.sp = base
	return r
}

// applyLast applies the function vs[0] to the others in tail position. They stand in a run of slots of the node at.
func (m *Machine) applyLast(vs []graph.Value, at *site) graph.Value {
	f, args := vs[0], vs[1:]
	for {
		fn := m.function(f, at)
		need := arityOf(fn) - len(fn.Args)
		if len(args) < need {
			return m.partial(fn, args)
		}
		if l, ok := fn.Body.(*lam); ok && len(args) == need {
			all := m.handOver(l, l.arity)
			copy(all[copy(all, fn.Args):], args)
			return graph.Mark()
		}
		if len(args) == need {
			return m.saturate(fn, args, at)
		}
		// The value and the arguments that are left take the place of the operands.
		vs[0] = m.saturateFirst(fn, args, need, at)
		args = vs[1 : 1+copy(vs[1:], args[need:])]
		f = vs[0]
		base := unsafe.Add(unsafe.Pointer(unsafe.SliceData(vs)), -int(slotSize))
		*slot(base, 0) = operands(1+len(args), at.index)
		m.sp = unsafe.Add(base, slotOffset(1+len(args)))
	}
}
