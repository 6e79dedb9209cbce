// This file makes the shapes of a stack's frames: what a frame that waits still has to do, as a term.

package eval

import (
	"math"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// A shape is the context of a lam's frame that waits at one of its nodes.
type shape struct {
	id     int
	term   *graph.Term // with opHole where the frame waits, variables being params, or lets from letBase on
	params []source
	depth  int    // of the hole
	inHead bool   // the hole is the function of an application
	outer  *shape // what is around a try that the hole stands in
}

// A source says where a parameter of a context comes from: the slot of the frame at off, or the operand off of a run.
type source struct {
	run int // -1 for a slot
	off uintptr
}

// A shapeKey says whose context a shape is: of a frame, or of the loop of a primitive.
type shapeKey struct {
	f     *lam
	index int
	have  bool
	runs  int
	loop  string
}

const (
	opHole  graph.Op = 255
	letBase          = 1 << 30
)

// shape gives the shape of a frame of f that waits at the node index: for a value that is to stand there (have), or to look again
// at the operands in the first of the runs. It is nil if that cannot be read back.
func (m *Machine) shape(k shapeKey, runs []operandRun) *shape {
	if s, ok := m.shapes[k]; ok {
		return s
	}
	b := shaper{f: k.f, at: k.index, have: k.have, runs: runs}
	for i := range k.f.arity {
		b.env = append(b.env, variable{slot: slotOffset(i)})
	}
	b.part = &shape{}
	t, ok := b.path(k.f.term.Args[0], k.f.base+1, 0, 0)
	var s *shape
	if ok && k.index >= 0 {
		b.part.term = t
		s = b.first
		if s == nil {
			s = b.part
		} else {
			b.last.outer = b.part
		}
	}
	m.keepShape(k, s)
	return s
}

func (m *Machine) keepShape(k shapeKey, s *shape) {
	if m.shapes == nil {
		m.shapes = map[shapeKey]*shape{}
	}
	for p := s; p != nil; p = p.outer {
		m.shapeCount++
		p.id = m.shapeCount
	}
	m.shapes[k] = s
}

// A shaper makes the shape of a frame.
type shaper struct {
	f           *lam
	at          int
	have        bool
	runs        []operandRun
	env         []variable // by de Bruijn level
	part        *shape     // in hand
	first, last *shape     // those inside of a try, innermost first
}

// A variable is a slot that has its value, or a let of the residual.
type variable struct {
	slot uintptr
	let  int // number from 1, 0 for a slot
}

// path is the residual of t, whose preorder index is index and in which, waiting operands before it, the frame waits.
// depth is how far t is inside of the part in hand.
func (b *shaper) path(t *graph.Term, index, waiting, depth int) (*graph.Term, bool) {
	if index == b.at {
		b.part.depth = max(b.part.depth, depth+1)
		if b.have {
			return &graph.Term{Op: opHole}, true
		}
		return b.again(t)
	}
	at, which := index+1, -1
	for i, a := range t.Args {
		n := nodes(a)
		if b.at < at+n {
			which = i
			break
		}
		at += n
	}
	if which < 0 || t.Op == graph.OpLazy {
		return nil, false
	}
	part := t.Args[which]
	if part.Op == graph.OpSpread && b.at == at { // the list or map looks at what it spreads
		return nil, false
	}
	switch t.Op {
	case graph.OpLet:
		if which == 1 {
			b.env = append(b.env, variable{slot: slotOffset(len(b.env))})
			return b.path(part, at, waiting, depth)
		}
	case graph.OpIf:
		if which > 0 {
			return b.path(part, at, waiting, depth)
		}
	case graph.OpTry:
		inner, ok := b.path(part, at, waiting, 0)
		if !ok {
			return nil, false
		}
		done := b.part
		done.term = inner
		if b.first == nil {
			b.first = done
		} else {
			b.last.outer = done
		}
		b.last = done
		b.part = &shape{depth: depth + 1}
		return &graph.Term{Op: opHole}, true
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	run := b.runOf(index)
	inner, env, before := part, b.env, waiting
	for i := range which {
		if waits(t, i) {
			before++
		}
	}
	ok := false
	if part.Op == graph.OpSpread {
		if inner, ok = b.path(part.Args[0], at+1, before, depth+2); ok {
			inner = &graph.Term{Op: graph.OpSpread, Args: []*graph.Term{inner}}
		}
	} else {
		inner, ok = b.path(part, at, before, depth+1)
	}
	if !ok {
		return nil, false
	}
	b.env = env
	out.Args[which] = inner
	before = waiting
	for i := range which { // those before it are reduced
		a := t.Args[i]
		first := 0
		if run >= 0 {
			first = len(t.Args) - b.operandsOf(run, t)
		}
		switch {
		case run >= 0 && i >= first:
			out.Args[i] = b.param(source{run, uintptr(i - first)})
		case waits(t, i):
			out.Args[i] = b.param(source{-1, slotOffset(b.f.slots + before)})
			before++
		case isRead(a) || t.Op == graph.OpApp && i == 0:
			out.Args[i] = b.rest(a)
			continue
		default:
			return nil, false
		}
		if a.Op == graph.OpSpread {
			out.Args[i] = &graph.Term{Op: graph.OpSpread, Args: []*graph.Term{out.Args[i]}}
		}
	}
	for i := which + 1; i < len(t.Args); i++ {
		if t.Op == graph.OpLet {
			out.Args[i] = b.under(t.Args[i])
		} else {
			out.Args[i] = b.rest(t.Args[i])
		}
	}
	if out.Op == graph.OpApp && which == 0 {
		switch inner.Op {
		case opHole:
			b.part.inHead = true
		case graph.OpApp: // the function of an application is none itself, and it is reduced before the arguments
			return nil, false
		}
	}
	return out, true
}

// again is a node that has all its operands and looks at them once more.
func (b *shaper) again(t *graph.Term) (*graph.Term, bool) {
	run := b.runOf(b.at)
	if run < 0 {
		return nil, false
	}
	operand := func(i int) *graph.Term { return b.param(source{run, uintptr(i)}) }
	n := len(b.runs[run].values)
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys}
	switch t.Op {
	case graph.OpIf:
		out.Args = []*graph.Term{operand(0), b.rest(t.Args[1]), b.rest(t.Args[2])}
	case graph.OpGet:
		out.Args = []*graph.Term{operand(0)}
	case graph.OpList, graph.OpMap:
		for i, a := range t.Args {
			x := operand(i)
			if a.Op == graph.OpSpread {
				x = &graph.Term{Op: graph.OpSpread, Args: []*graph.Term{x}}
			}
			out.Args = append(out.Args, x)
		}
	case graph.OpApp:
		for i := range n {
			out.Args = append(out.Args, operand(i))
		}
		if n < 2 {
			return nil, false
		}
	default:
		return nil, false
	}
	return out, true
}

// runOf is the run of the node of that index that was made last, or -1.
func (b *shaper) runOf(index int) int {
	return slices.IndexFunc(b.runs, func(r operandRun) bool { return r.index == index })
}

// operandsOf is how many of the parts of t, the last ones, the run holds: all, or all but the function.
func (b *shaper) operandsOf(run int, t *graph.Term) int {
	if t.Op == graph.OpApp && len(b.runs[run].values) != len(t.Args) {
		return len(t.Args) - 1
	}
	return len(t.Args)
}

// param is a parameter of the part in hand.
func (b *shaper) param(s source) *graph.Term {
	i := slices.Index(b.part.params, s)
	if i < 0 {
		i = len(b.part.params)
		b.part.params = append(b.part.params, s)
	}
	return &graph.Term{Op: graph.OpVar, Index: i}
}

// under is rest for the body of a let of the residual.
func (b *shaper) under(t *graph.Term) *graph.Term {
	lets := 1
	for _, v := range b.env {
		lets = max(lets, v.let+1)
	}
	b.env = append(b.env, variable{let: lets})
	out := b.rest(t)
	b.env = b.env[:len(b.env)-1]
	return out
}

// rest is a term that is still to be reduced, with what is known in place of its variables.
func (b *shaper) rest(t *graph.Term) *graph.Term {
	switch t.Op {
	case graph.OpVar:
		if v := b.env[t.Index]; v.let > 0 {
			return &graph.Term{Op: graph.OpVar, Index: letBase + v.let - 1}
		}
		return b.param(source{-1, b.env[t.Index].slot})
	case graph.OpSelf:
		return &graph.Term{Op: graph.OpRef, CID: b.f.group[t.Index].cid}
	case graph.OpLit, graph.OpPrim, graph.OpRef:
		return t
	case graph.OpLet:
		return &graph.Term{Op: graph.OpLet, Args: []*graph.Term{b.rest(t.Args[0]), b.under(t.Args[1])}}
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		out.Args[i] = b.rest(a)
	}
	return out
}

// nodes counts the nodes of a term.
func nodes(t *graph.Term) int {
	n := 1
	for _, a := range t.Args {
		n += nodes(a)
	}
	return n
}

// contextFn is the function that the contexts, innermost first, make together. Its last parameter of arity is what the innermost
// waits for, unless that looks again.
func (r *reader) contextFn(shapes []*shape, arity int) cid.Cid {
	known, put := &r.m.contexts, r.put
	if r.rest != nil {
		known, put = &r.m.restContexts, r.rest
	}
	key := make([]byte, 0, 4*len(shapes))
	for _, s := range shapes {
		key = append(key, byte(s.id), byte(s.id>>8), byte(s.id>>16), byte(s.id>>24))
	}
	if c, ok := (*known)[string(key)]; ok {
		return c
	}
	first, term := 0, &graph.Term{Op: graph.OpVar, Index: arity - 1}
	for _, s := range shapes {
		term = fill(s.term, first, arity, term)
		first += len(s.params)
	}
	term, _ = splitClosed(term, arity, put)
	c := graph.EncodeCode(&graph.Term{Op: graph.OpLam, Arity: arity, Args: []*graph.Term{term}}, put).CID
	if *known == nil {
		*known = map[string]cid.Cid{}
	}
	(*known)[string(key)] = c
	return c
}

// fill is a context's term with its parameters from first on, its lets behind all params, and inner in the hole.
func fill(t *graph.Term, first, params int, inner *graph.Term) *graph.Term {
	switch t.Op {
	case opHole:
		return inner
	case graph.OpVar:
		if t.Index >= letBase {
			return &graph.Term{Op: graph.OpVar, Index: params + t.Index - letBase}
		}
		return &graph.Term{Op: graph.OpVar, Index: first + t.Index}
	}
	if len(t.Args) == 0 {
		return t
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		out.Args[i] = fill(a, first, params, inner)
	}
	return out
}

// splitClosed puts the closed terms in t into blocks of their own, but for literals and primitives. scope is the number of variables
// around t; free is the least that t has, scope or above if it has none.
func splitClosed(t *graph.Term, scope int, put graph.Sink) (out *graph.Term, free int) {
	if t.Op == graph.OpVar {
		return t, t.Index
	}
	if len(t.Args) == 0 {
		return t, math.MaxInt
	}
	free = math.MaxInt
	out = &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		inner := scope
		if t.Op == graph.OpLet {
			inner += i
		}
		var f int
		out.Args[i], f = splitClosed(a, inner, put)
		free = min(free, f)
	}
	if free >= scope && t.Op != graph.OpSpread {
		return &graph.Term{Op: graph.OpRef, CID: graph.EncodeCode(lower(out, scope), put).CID}, math.MaxInt
	}
	return out, free
}

// lower is a closed term as it stands when there are no variables around it, of which there were so many.
func lower(t *graph.Term, scope int) *graph.Term {
	if t.Op == graph.OpVar {
		return &graph.Term{Op: graph.OpVar, Index: t.Index - scope}
	}
	if len(t.Args) == 0 {
		return t
	}
	out := &graph.Term{Op: t.Op, Name: t.Name, Keys: t.Keys, Args: make([]*graph.Term, len(t.Args))}
	for i, a := range t.Args {
		out.Args[i] = lower(a, scope)
	}
	return out
}
