// This file makes terms: bottom-up, with every closed subterm cut out into a block of its own, and what is nested too
// deeply into a function of its own.

package compile

import (
	"math"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// An emitter makes the term of one entity.
type emitter struct {
	*compiler
	e *entity
}

// A group is a recursion group while it is being emitted: its entities' functions first, then those that deep nesting
// made.
type group struct {
	lams  []*graph.Term
	count int // members, also those whose lams are still to come
}

// An out is a term with what is free in it.
type out struct {
	t      *graph.Term
	low    int  // the lowest level of a variable in it
	height int  // of its inline part
	size   int  // nodes of its inline part
	self   bool // it mentions a member of its own group
}

const (
	closed = math.MaxInt
	// maxInline is a number of nodes that no block has room for, at five bytes a node.
	maxInline = graph.MaxCode / 5
	// minShare is the part of a group's block, as a divisor, that a definition must have made for its about block to
	// list the spans of all of it: so that the spans of all definitions together are not quadratic.
	minShare = 64
)

// emitEntity makes the term of an entity that is not in a group.
func (c *compiler) emitEntity(e *entity) {
	c.cur = e.top
	m := &emitter{c, e}
	if e.kind == function || len(e.caps) > 0 {
		e.term = c.refTo(m.lam())
		e.term.Arity = len(e.caps) + len(e.params)
		return
	}
	o := m.emit(e.body, 0)
	e.term = o.t
	if e.kind == suspension && o.t.Op != graph.OpRef {
		e.term = c.refTo(o.t)
	}
}

// emitGroup makes the terms of the members of a recursion group.
func (c *compiler) emitGroup(members []*entity) {
	if c.cycle(members) {
		return
	}
	first := members[0]
	for _, e := range members {
		if e.span.Start < first.span.Start {
			first = e
		}
	}
	g := &group{count: len(members), lams: make([]*graph.Term, len(members))}
	for i, e := range members {
		e.group, e.index = g, i
	}
	if len(members) > graph.MaxMembers {
		c.errorf(first.span, "%s is one of %d functions that are defined in terms of each other, want at most %d", first.title(), len(members), graph.MaxMembers)
		return
	}
	for _, e := range members {
		e.order(g, c.tick)
	}
	for i, e := range members {
		c.cur = e.top
		g.lams[i] = (&emitter{c, e}).lam()
	}
	if len(g.lams) > graph.MaxMembers {
		c.errorf(first.span, "%s is one of %d functions that are defined in terms of each other, want at most %d", first.title(), len(g.lams), graph.MaxMembers)
		return
	}
	if len(c.errors) > 0 {
		return
	}
	canonical, place, err := graph.CanonicalGroupContext(c.ctx, g.lams)
	c.look()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	rec := &graph.Term{Op: graph.OpRec, Args: canonical}
	seen := make([]bool, len(canonical))
	for i, lam := range g.lams {
		if !seen[place[i]] {
			seen[place[i]] = true
			c.copySpans(lam, canonical[place[i]])
		}
	}
	c.spans[rec] = first.span
	own := map[*top]int{} // nodes
	for i, e := range members {
		c.look()
		graph.Walk(g.lams[i], func(int, *graph.Term) { own[e.top]++ })
	}
	c.cur = nil
	block := c.block(rec)
	spans := c.unit.Spans[block]
	for i, e := range members {
		c.cur = e.top
		if own[e.top]*minShare >= len(spans) {
			c.cur.note(block, spans)
		}
		t := &graph.Term{Op: graph.OpMember, CID: block, Index: place[i]}
		c.spans[t] = e.span
		e.term = c.refTo(t)
		if e.kind == function {
			e.term.Arity = len(e.caps) + len(e.params)
		}
		e.group = nil // from now on it is seen from outside
	}
}

// copySpans gives the nodes of a term the spans of those of another one of the same shape.
func (c *compiler) copySpans(from, to *graph.Term) {
	if from != to {
		c.spans[to] = c.spans[from]
		delete(c.spans, from)
	}
	for i, a := range from.Args {
		c.copySpans(a, to.Args[i])
	}
}

// lam makes the lam of e.
func (m *emitter) lam() *graph.Term {
	e := m.e
	for i, v := range e.params {
		v.level = len(e.caps) + i
	}
	arity := len(e.caps) + len(e.params)
	body := m.emit(e.body, arity)
	return m.at(e.span, &graph.Term{Op: graph.OpLam, Arity: arity, Args: []*graph.Term{body.t}})
}

// at notes where a new term stands.
func (c *compiler) at(span lang.Span, t *graph.Term) *graph.Term {
	c.spans[t] = span
	return t
}

// emit makes the term of a node at which so many variables are in scope. If it is closed, it becomes a block.
func (m *emitter) emit(n *node, depth int) out {
	m.tick()
	o := m.inline(n, depth)
	if o.low < depth || o.self {
		return o
	}
	switch o.t.Op {
	case graph.OpRef, graph.OpLit, graph.OpPrim, graph.OpSpread:
		return o
	}
	if depth > 0 {
		lower(o.t, depth)
	}
	o.t = m.at(n.span, m.refTo(o.t))
	o.height, o.size = 1, 1
	return o
}

// lower takes n off the level of every variable.
func lower(t *graph.Term, n int) {
	if t.Op == graph.OpVar {
		t.Index -= n
	}
	for _, a := range t.Args {
		lower(a, n)
	}
}

// inline makes the term of a node without cutting it out.
func (m *emitter) inline(n *node, depth int) out {
	switch n.op {
	case graph.OpLit:
		return m.leaf(n, &graph.Term{Op: graph.OpLit, Value: n.value})
	case graph.OpPrim:
		return m.leaf(n, &graph.Term{Op: graph.OpPrim, Name: n.name})
	case graph.OpRef:
		t := &graph.Term{Op: graph.OpRef, CID: n.cid}
		return m.leaf(n, t)
	case graph.OpVar:
		if n.v.fn != nil {
			if fn := n.v.fn.real(); len(fn.free) == 0 {
				return m.mention(n.span, fn)
			}
		}
		return m.variable(n.span, n.v)
	case graph.OpLam:
		return m.mention(n.span, n.e.real())
	case graph.OpLet:
		return m.let(n, depth)
	}
	t := &graph.Term{Op: n.op, Name: n.name, Keys: n.keys, Args: make([]*graph.Term, 0, len(n.args))}
	outs := make([]out, len(n.args))
	size := 0
	for i, a := range n.args {
		outs[i] = m.emit(a, depth)
		if size += outs[i].size; size > maxInline {
			m.tooLarge(n.span)
			return m.leaf(n, &graph.Term{Op: graph.OpLit, Value: graph.Null()})
		}
	}
	if n.op == graph.OpApp && outs[0].t.Op == graph.OpApp {
		// app [app [f, a], b] = app [f, a, b]
		t.Args = append(t.Args, outs[0].t.Args...)
		delete(m.spans, outs[0].t)
	} else {
		t.Args = append(t.Args, m.shallow(&outs[0], n.args[0].span, depth))
	}
	for i := 1; i < len(outs); i++ {
		t.Args = append(t.Args, m.shallow(&outs[i], n.args[i].span, depth))
	}
	return m.over(n.span, t, outs...)
}

func (m *emitter) leaf(n *node, t *graph.Term) out {
	return out{t: m.at(n.span, t), low: closed, height: 1, size: 1}
}

func (m *emitter) variable(span lang.Span, v *variable) out {
	level := v.level
	if v.owner.real() != m.e {
		l, ok := m.e.level[v]
		if !ok {
			panic("BUG: a variable that is not captured")
		}
		level = l
	}
	return out{t: m.at(span, &graph.Term{Op: graph.OpVar, Index: level}), low: level, height: 1, size: 1}
}

// over is a term made of others.
func (m *emitter) over(span lang.Span, t *graph.Term, parts ...out) out {
	o := out{t: m.at(span, t), low: closed}
	for _, p := range parts {
		o.low = min(o.low, p.low)
		o.self = o.self || p.self
		o.height = max(o.height, p.height)
		o.size += p.size
	}
	o.height++
	o.size++
	return o
}

// mention makes the term for an entity: a closure of a function, a lazy of what is suspended, a plain definition's term.
func (m *emitter) mention(span lang.Span, e *entity) out {
	var o out
	if e.group != nil && e.group == m.e.group {
		o = out{t: m.at(span, &graph.Term{Op: graph.OpSelf, Index: e.index}), low: closed, height: 1, size: 1, self: true}
	} else {
		t := *e.term
		o = out{t: m.at(span, &t), low: closed, height: 1, size: 1}
	}
	if len(e.caps) > 0 {
		parts := []out{o}
		args := []*graph.Term{o.t}
		for _, v := range e.caps {
			p := m.variable(span, v)
			parts = append(parts, p)
			args = append(args, p.t)
		}
		o = m.over(span, &graph.Term{Op: graph.OpApp, Args: args}, parts...)
	}
	if e.kind == suspension {
		o = m.over(span, &graph.Term{Op: graph.OpLazy, Args: []*graph.Term{o.t}}, o)
	}
	return o
}

func (m *emitter) let(n *node, depth int) out {
	if fn := n.v.fn; fn != nil && (!n.v.live || len(fn.real().free) == 0) {
		return m.inline(n.args[1], depth)
	}
	bound := m.emit(n.args[0], depth)
	n.v.level = depth
	body := m.emit(n.args[1], depth+1)
	t := &graph.Term{Op: graph.OpLet}
	t.Args = []*graph.Term{m.shallow(&bound, n.args[0].span, depth), m.shallow(&body, n.args[1].span, depth+1)}
	return m.over(n.span, t, bound, body)
}

// shallow returns the term of a part of another one. If that would be nested too deeply, the part becomes a function
// of its free variables.
func (m *emitter) shallow(o *out, span lang.Span, depth int) *graph.Term {
	if o.height < graph.MaxNesting {
		return o.t
	}
	if o.t.Op == graph.OpSpread {
		inner := *o
		inner.t = o.t.Args[0]
		o.t.Args[0] = m.outline(&inner, span, depth)
		o.height, o.size = inner.height+1, inner.size+1
		return o.t
	}
	return m.outline(o, span, depth)
}

func (m *emitter) outline(o *out, span lang.Span, depth int) *graph.Term {
	levels := map[int]int{}
	var free []int
	var find func(t *graph.Term)
	find = func(t *graph.Term) {
		if t.Op == graph.OpVar && t.Index < depth {
			if _, ok := levels[t.Index]; !ok {
				levels[t.Index] = len(free)
				free = append(free, t.Index)
			}
		}
		for _, a := range t.Args {
			find(a)
		}
	}
	find(o.t)
	// A member of a group without parameters is what a lazy delays: one that is called takes null.
	arity := max(1, len(free))
	if arity > graph.MaxArity {
		m.errorf(span, "an expression nested so deeply that it becomes a function of its own uses %d variables of %s, want at most %d", len(free), m.e.title(), graph.MaxArity)
		o.height, o.size = 1, 1
		return o.t
	}
	var move func(t *graph.Term)
	move = func(t *graph.Term) {
		if t.Op == graph.OpVar {
			if t.Index < depth {
				t.Index = levels[t.Index]
			} else {
				t.Index += arity - depth
			}
		}
		for _, a := range t.Args {
			move(a)
		}
	}
	move(o.t)
	lam := m.at(span, &graph.Term{Op: graph.OpLam, Arity: arity, Args: []*graph.Term{o.t}})
	head := &graph.Term{Op: graph.OpSelf}
	if o.self {
		g := m.e.group
		head.Index = g.count
		g.count++
		g.lams = append(g.lams, lam)
	} else {
		head = m.refTo(lam)
	}
	args := []*graph.Term{m.at(span, head)}
	for _, level := range free {
		args = append(args, m.at(span, &graph.Term{Op: graph.OpVar, Index: level}))
	}
	if len(free) == 0 {
		args = append(args, m.at(span, &graph.Term{Op: graph.OpLit, Value: graph.Null()}))
	}
	o.height, o.size = 2, 1+len(args)
	o.t = m.at(span, &graph.Term{Op: graph.OpApp, Args: args})
	return o.t
}

// block makes the block of a closed term.
func (c *compiler) block(t *graph.Term) cid.Cid {
	b := graph.EncodeCode(t, c.writer)
	if len(b.Data) > graph.MaxCode {
		c.tooLarge(c.spans[t])
	}
	var spans []lang.Span
	graph.Walk(t, func(_ int, t *graph.Term) {
		spans = append(spans, c.spans[t])
		delete(c.spans, t)
	})
	if c.unit.Spans[b.CID] == nil {
		c.unit.Spans[b.CID] = spans
	}
	if c.cur != nil {
		c.cur.note(b.CID, spans)
	}
	return b.CID
}

// note keeps that a block is part of a top's definition, and where it stands there.
func (t *top) note(c cid.Cid, spans []lang.Span) {
	if t.spans[c] != nil {
		return
	}
	if t.spans == nil {
		t.spans = map[cid.Cid][]lang.Span{}
	}
	t.spans[c] = spans
	t.blocks = append(t.blocks, c)
}

func (c *compiler) tooLarge(at lang.Span) {
	c.errorf(at, "got code of more than %d bytes in one block; name parts of it with let", graph.MaxCode)
}

// refTo makes the block of a closed term, and a link to it.
func (c *compiler) refTo(t *graph.Term) *graph.Term {
	return &graph.Term{Op: graph.OpRef, CID: c.block(t)}
}

// put keeps a block that was made.
func (c *compiler) put(b graph.Block) {
	c.tick()
	if !c.made[b.CID] {
		c.made[b.CID] = true
		c.unit.Blocks = append(c.unit.Blocks, b)
	}
}

// finish makes the unit's definitions of the tops.
func (c *compiler) finish() {
	for _, t := range c.order {
		c.tick()
		c.cur = t
		e := t.entity
		term := *e.term
		if e.kind == suspension {
			// The definition is the lazy value; a mention of it is the same block.
			inner := &graph.Term{Op: graph.OpRef, CID: e.term.CID}
			term = *c.refTo(c.at(e.span, &graph.Term{Op: graph.OpLazy, Args: []*graph.Term{c.at(e.span, inner)}}))
		}
		root := term.CID
		if term.Op != graph.OpRef {
			root = c.block(&term)
		}
		switch {
		case t.def == nil:
			c.unit.Body, c.unit.BodyCID = &term, root
		case t.name != "":
			c.unit.Defs = append(c.unit.Defs, Def{Name: t.name, Term: &term, CID: root, Span: t.def.Span, About: c.about(t, root)})
		}
	}
}

// about is what is known of a definition beside its term. Its spans are in the definition's own source.
func (c *compiler) about(t *top, root cid.Cid) graph.About {
	d := t.def
	a := graph.About{Name: t.name, Doc: d.Doc, Source: c.file.Source[d.Start:d.End], Term: root}
	params := d.Params
	if x, ok := d.Value.(*lang.Lambda); ok && t.entity.kind == function {
		params = append(params[:len(params):len(params)], x.Params...)
	}
	for _, p := range params {
		a.Params = append(a.Params, c.file.Source[p.Where().Start:p.Where().End])
	}
	owners := []*top{t}
	if t.source != nil {
		owners = append(owners, t.source)
	}
	for _, owner := range owners {
		for _, block := range owner.blocks {
			b := graph.BlockSpans{Block: block}
			for _, s := range owner.spans[block] {
				if s.Start < d.Start || s.End > d.End {
					s = lang.Span{Start: d.Start, End: d.Start} // of another member of the group
				}
				b.Spans = append(b.Spans, [2]int{s.Start - d.Start, s.End - d.Start})
			}
			a.Spans = append(a.Spans, b)
		}
	}
	return a
}
