// This file walks a reduction one step at a time, for showing it: each redex and what it becomes, as they come in
// applicative order.
//
// A Walk is a CEK machine (Felleisen and Friedman, Control operators, the SECD-machine, and the λ-calculus, 1986) over the terms
// of the graph: a node in hand, what its variables stand for, and the frames around it. All of these are shared and never
// changed, so the steps that were taken are kept at little cost, and going back is free. It is no second evaluator: values are
// made, primitives run, lazy values and closed expressions remembered, and steps counted by the Machine. What is its own is
// the order, which TestWalkAgrees holds against the Machine's.

package eval

import (
	"context"
	"fmt"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multicodec"

	"github.com/rosser-lang/rosser/graph"
)

// A Rule says why a redex becomes what it becomes.
type Rule uint8

const (
	RuleCall   Rule = iota // a saturated call becomes the function's body
	RulePrim               // a primitive's call becomes its value
	RuleUnfold             // a primitive that calls a function on a short list becomes those calls
	RuleIf                 // one of the branches
	RuleLet                // the body, the variable bound
	RuleGet                // a field
	RuleMatch              // tests and bindings of a match, up to the arm's body or something in a guard that takes steps
	RuleSpread             // a display becomes the list or map
	RuleTry                // Ok and the value
	RuleRaise              // what is around an error becomes Err and the error, or the error
	RuleName               // a named expression becomes what it stands for
	RuleForce              // a lazy value is looked at, and becomes its expression
	RuleLoad               // a link is looked at, and becomes what it links to
	RuleKnown              // an expression that was reduced before becomes its value
)

var ruleNames = [...]string{"call", "primitive", "unfold", "if", "let", "get", "match", "display", "try", "error", "name", "force", "load", "known"}

func (r Rule) String() string { return ruleNames[r] }

// A Node is a term with what its variables stand for, a value, or an error on its way.
type Node struct {
	Term  *graph.Term // nil for a value or an error
	Env   *Env
	Vals  []graph.Value // what the first parts of the term have come to
	Value graph.Value   // where Term and Err are nil
	Err   *Error
}

// An Env is what the variables of a piece of code stand for: those in scope so far, by level.
type Env struct {
	Values []graph.Value
	lam    *lam
}

// A Code is where a piece of code stands: the lam or closed expression itself, and the block that it is in.
type Code struct {
	CID   cid.Cid
	Block cid.Cid
	Term  *graph.Term // an OpLam, of a closed expression without parameters
	Body  int         // preorder index of its body in the block
}

// Code says where the code stands; false for what a primitive has become.
func (e *Env) Code() (Code, bool) {
	if e == nil || e.lam == nil {
		return Code{}, false
	}
	return Code{e.lam.cid, e.lam.unit.cid, e.lam.term, e.lam.base + 1}, true
}

// Member is the CID of a member of the group that the code stands in.
func (e *Env) Member(i int) cid.Cid { return e.lam.group[i].cid }

// A Frame is a term around a node: the node takes the place of its part number Hole, and the parts before that have values.
type Frame struct {
	Node
	Hole int
	Up   *Frame // nil at the root
	memo *memo  // not nil for a frame that only remembers what the node comes to, and is not seen
}

// Seen says whether the frame is a term, and not a note of the walk's own.
func (f *Frame) Seen() bool { return f.memo == nil }

// A memo is what a node's value is remembered in.
type memo struct {
	start  since
	rewind bool         // its steps are its own: the looker is charged none
	unit   *unit        // a closed expression
	thunk  *graph.Thunk // a lazy value with captures
}

// A Step is a redex and what it becomes. The whole term is the redex in its frames; the frames from In up to At, that one
// excluded, belong to the redex, and those from Then up to At to what it becomes.
type Step struct {
	Rule   Rule
	Fn     cid.Cid // of a call the function; of a name, a forced or a known expression its CID
	Prim   string  // the primitive
	At     *Frame
	In     *Frame
	Redex  Node
	Then   *Frame
	Reduct Node
	Steps  uint64 // executed in it: one for a call, a primitive's cost and its calls
}

// maxWalk is how many steps a Walk keeps.
const maxWalk = 100_000

// A Walk is the reduction of an expression, step by step. It is not safe for use by several goroutines.
type Walk struct {
	m     *Machine
	named func(cid.Cid) bool
	fuel  uint64
	steps []*Step
	pos   int    // steps taken, of those that are known
	at    *Frame // the term after the last known step
	node  Node
	ended bool
	match *matching // a match in progress
	begin Node
}

// NewWalk begins the reduction of a closed expression, on a machine of its own that links nothing. Closed expressions of which
// named says that they have a name take a step to become what they stand for.
func NewWalk(o Options, expr cid.Cid, named func(cid.Cid) bool) *Walk {
	w := &Walk{named: named, fuel: o.Fuel}
	o.Link = None
	w.m = New(o)
	w.begin = Node{Term: &graph.Term{Op: graph.OpRef, CID: expr}, Env: &Env{}}
	w.node = w.begin
	return w
}

// Pos is how many steps have been taken.
func (w *Walk) Pos() int { return w.pos }

// Start is the term before the first step.
func (w *Walk) Start() Node { return w.begin }

// End is what the expression came to, once Next has said that there is no further step: a value or an error. Steps is what
// the expression takes, as an Outcome has it.
func (w *Walk) End() (n Node, steps uint64, ok bool) {
	return w.node, w.m.stepsSince(since{}), w.ended && w.pos == len(w.steps)
}

// Next takes a step forwards. It is false when there is none: the term is a value or an error. The error is a *Stop, or says
// that there are too many steps; the walk stands where it stood, and Next may be called again.
func (w *Walk) Next(ctx context.Context) (Step, bool, error) {
	if w.pos == len(w.steps) && !w.ended {
		if err := w.extend(ctx); err != nil {
			return Step{}, false, err
		}
	}
	if w.pos == len(w.steps) {
		return Step{}, false, nil
	}
	w.pos++
	return *w.steps[w.pos-1], true, nil
}

// Back takes a step backwards: it gives the step that was taken last.
func (w *Walk) Back() (Step, bool) {
	if w.pos == 0 {
		return Step{}, false
	}
	w.pos--
	return *w.steps[w.pos], true
}

// ahead is for how long more steps are found in one go.
const ahead = time.Millisecond

// extend finds more steps, or that there is none.
func (w *Walk) extend(ctx context.Context) error {
	if len(w.steps) >= maxWalk {
		return fmt.Errorf("this takes more than %d steps to show", maxWalk)
	}
	if ctx.Err() != nil {
		reason := Interrupted
		if ctx.Err() == context.DeadlineExceeded {
			reason = Deadline
		}
		return &Stop{Reason: reason, Steps: w.m.executed()}
	}
	if w.fuel > 0 {
		if w.m.executed() >= w.fuel {
			return &Stop{Reason: OutOfFuel, Steps: w.m.executed()}
		}
		w.m.opt.Fuel = w.fuel - w.m.executed()
	}
	known := len(w.steps)
	err := w.m.guarded(ctx, func() {
		w.m.tries = 1 // chains of calls are not wanted
		for begin := time.Now(); !w.ended && len(w.steps) < maxWalk; {
			w.advance()
			if time.Since(begin) > ahead {
				break
			}
		}
	})
	if len(w.steps) > known {
		return nil // what stopped the walk after a step stops it again
	}
	if w.match != nil { // stopped in it
		w.keep(w.match.step)
		w.match = nil
		return nil
	}
	return err
}

func (w *Walk) keep(s Step) { w.steps = append(w.steps, &s) }

// advance goes on to the end of one step.
func (w *Walk) advance() {
	for {
		if !w.settle() {
			if w.ended = w.match == nil; !w.ended {
				w.keep(w.match.step)
				w.match = nil
			}
			return
		}
		if w.match != nil && !w.match.goesOn(w.at, &w.node) {
			w.keep(w.match.step)
			w.match = nil
			return
		}
		at, redex, before := w.at, w.node, w.m.executed()
		s := Step{At: at, In: at, Redex: redex}
		if !w.contract(&s) {
			continue
		}
		s.Then, s.Reduct, s.Steps = w.at, w.node, w.m.executed()-before
		switch {
		case w.match != nil:
			if w.match.add(&s) {
				continue
			}
			s, w.match = w.match.step, nil
		default:
			if w.match = beginMatch(&s); w.match != nil {
				continue
			}
		}
		w.keep(s)
		return
	}
}

// settle goes on to the next redex, down into a term and up out of a value. It is false at the end.
func (w *Walk) settle() bool {
	for {
		if w.m.memHigh.Load() || w.m.stopping.Load() != nil {
			w.m.safepoint()
		}
		n := &w.node
		switch {
		case n.Err != nil:
			for f := w.at; f != nil; f = f.Up {
				if f.memo == nil {
					return true
				}
			}
			w.unwind(nil)
			return false
		case n.Term == nil:
			if w.at == nil {
				return false
			}
			w.plug()
			continue
		}
		t := n.Term
		switch t.Op {
		case graph.OpVar:
			w.value(n.Env.Values[t.Index])
		case graph.OpLit:
			w.value(t.Value)
		case graph.OpPrim:
			p := w.m.prim(t.Name, n.Env.lam.cid)
			w.value(graph.FnValue(&graph.Fn{Prim: p.Name, Head: primCID(p.Name), Body: p}))
		case graph.OpLazy:
			w.value(w.lazy(t.Args[0], n.Env))
		case graph.OpRef, graph.OpSelf:
			u := w.unit(n)
			if u.state != function {
				return true
			}
			w.value(w.m.refValue(u, -1))
		default:
			hole := len(n.Vals)
			if hole == demanded(t) {
				return true
			}
			if n.Vals == nil {
				n.Vals = make([]graph.Value, 0, demanded(t))
			}
			part := t.Args[hole]
			if part.Op == graph.OpSpread {
				part = part.Args[0]
			}
			env := n.Env
			w.at = &Frame{Node: *n, Hole: hole, Up: w.at}
			w.node = Node{Term: part, Env: env}
		}
	}
}

// demanded is how many parts of a term are reduced before it is a redex.
func demanded(t *graph.Term) int {
	switch t.Op {
	case graph.OpApp, graph.OpList, graph.OpMap:
		return len(t.Args)
	}
	return 1
}

func (w *Walk) value(v graph.Value) { w.node = Node{Value: v} }

// unit is the loaded unit of a mention of code.
func (w *Walk) unit(n *Node) *unit {
	c := n.Term.CID
	if n.Term.Op == graph.OpSelf {
		c = n.Env.lam.group[n.Term.Index].cid
	}
	u := w.m.unit(c)
	w.m.loadUnit(u)
	return u
}

// plug puts the value in hand into the frame around it.
func (w *Walk) plug() {
	f, v := w.at, w.node.Value
	w.at = f.Up
	if f.memo != nil {
		f.memo.done(w.m, v, nil)
		return
	}
	w.node = f.Node
	if f.Hole == len(f.Vals) {
		w.node.Vals = append(f.Vals, v) // nothing else is appended to these
		return
	}
	w.node.Vals = append([]graph.Value(nil), f.Vals...)
	w.node.Vals[f.Hole] = v
}

// done notes what a closed expression or lazy value came to.
func (k *memo) done(m *Machine, v graph.Value, err *Error) {
	state, thrown := reduced, (*Thrown)(nil)
	if err != nil {
		state, thrown = failed, &Thrown{Err: err}
	}
	v = v.Held()
	if u := k.unit; u != nil {
		u.value, u.err, u.steps, u.state = v, thrown, m.stepsSince(k.start), state
	} else {
		setForced(k.thunk, forced{value: v, err: thrown})
	}
	if k.rewind {
		m.rewind(k.start)
	}
}

// unwind takes away the frames up to one.
func (w *Walk) unwind(to *Frame) {
	for ; w.at != to; w.at = w.at.Up {
		if w.at.memo != nil {
			w.at.memo.done(w.m, graph.Value{}, w.node.Err)
		}
	}
}

// lazy makes a lazy value, as generator.lazy does.
func (w *Walk) lazy(t *graph.Term, env *Env) graph.Value {
	head := t
	if t.Op == graph.OpApp {
		head = t.Args[0]
	}
	code := &graph.Head{CID: head.CID}
	var f *lam
	if head.Op == graph.OpSelf {
		f = env.lam.group[head.Index]
		code.CID = f.cid
	}
	if t.Op != graph.OpApp {
		return graph.NewThunk(code)
	}
	var captures []graph.Value
	for _, a := range t.Args[1:] {
		captures = append(captures, env.Values[a.Index])
	}
	if u := w.m.unit(code.CID); f == nil && w.m.canLoad(u) {
		f = u.lam
	}
	if f != nil {
		code.CID, code.Body = f.cid, f
	}
	w.m.recognise(captures)
	return graph.NewThunk(code, captures...)
}

// contract rewrites the redex in hand. It is false where that is nothing to be shown.
func (w *Walk) contract(s *Step) bool {
	n := w.node
	if n.Err != nil {
		w.raise(s)
		return true
	}
	t := n.Term
	switch t.Op {
	case graph.OpRef, graph.OpSelf:
		return w.enter(s, w.unit(&n), false)
	case graph.OpApp:
		return w.apply(s)
	case graph.OpLet:
		s.Rule = RuleLet
		env := &Env{append(n.Env.Values[:len(n.Env.Values):len(n.Env.Values)], n.Vals[0]), n.Env.lam}
		w.node = Node{Term: t.Args[1], Env: env}
		return true
	case graph.OpTry:
		s.Rule = RuleTry
		w.value(graph.Tagged("Ok", n.Vals[0]))
		return true
	case graph.OpIf:
		v := n.Vals[0]
		if isBehind(v) {
			return w.force(s, 0)
		}
		s.Rule = RuleIf
		if v.Kind() != graph.KindBool {
			return w.fail(wrongKind(v, "bool"))
		}
		branch := t.Args[2]
		if v.Bool() {
			branch = t.Args[1]
		}
		w.node = Node{Term: branch, Env: n.Env}
		return true
	case graph.OpGet:
		if isBehind(n.Vals[0]) {
			return w.force(s, 0)
		}
		s.Rule = RuleGet
		v, err := field(n.Vals[0], t.Name)
		if err != nil {
			return w.fail(err)
		}
		w.value(v)
		return true
	}
	return w.display(s)
}

// isBehind says whether looking at a value finds another one.
func isBehind(v graph.Value) bool { return v.Kind() == graph.KindLazy || v.Kind() == graph.KindLink }

// fail puts a program's error in hand.
func (w *Walk) fail(err error) bool {
	e, ok := err.(*Error)
	if !ok {
		panic(&Stop{Reason: Missing, Err: err})
	}
	w.node = Node{Err: e}
	return true
}

// raise takes an error up to the nearest try, or to the root.
func (w *Walk) raise(s *Step) {
	s.Rule = RuleRaise
	f := w.at
	for f != nil && (f.memo != nil || f.Term.Op != graph.OpTry) {
		f = f.Up
	}
	w.unwind(f)
	if s.At = f; f != nil {
		e := w.node.Err
		s.At, w.at = f.Up, f.Up
		w.value(graph.Tagged("Err", graph.Record("kind", graph.Text(e.Kind), "value", e.Value)))
	}
}

// display makes a list or map of its parts.
func (w *Walk) display(s *Step) bool {
	t, vals := w.node.Term, w.node.Vals
	want, kind := "list", graph.KindList
	if t.Op == graph.OpMap {
		want, kind = "map", graph.KindMap
	}
	s.Rule = RuleSpread
	spreads := false
	for i, a := range t.Args {
		if a.Op != graph.OpSpread {
			continue
		}
		spreads = true
		if isBehind(vals[i]) {
			return w.force(s, i)
		}
		if vals[i].Kind() != kind {
			return w.fail(wrongKind(vals[i], want))
		}
	}
	if t.Op == graph.OpMap {
		out := graph.EmptyMap
		for i, a := range t.Args {
			if a.Op == graph.OpSpread {
				out = out.Merge(vals[i].Map())
			} else {
				out = out.Insert(t.Keys[i], vals[i])
			}
		}
		w.value(graph.MapValue(out))
		return spreads
	}
	if !spreads {
		w.value(graph.NewList(vals...))
		return false
	}
	out := graph.EmptyList
	for i, a := range t.Args {
		if a.Op == graph.OpSpread {
			out = w.m.concatLists(out, vals[i].List())
		} else {
			out = out.Append(vals[i])
		}
	}
	w.value(graph.ListValue(out))
	return true
}

// apply makes a call, or a part of the application the redex.
func (w *Walk) apply(s *Step) bool {
	n := w.node
	if isBehind(n.Vals[0]) {
		return w.force(s, 0)
	}
	if n.Vals[0].Kind() != graph.KindFn {
		return w.fail(Fail("not a function", n.Vals[0]))
	}
	fn, args := n.Vals[0].Fn(), n.Vals[1:]
	if fn.Body == nil {
		w.m.resolve(fn)
	}
	switch need := arityOf(fn) - len(fn.Args); {
	case len(args) < need:
		w.value(w.m.partial(fn, args))
		return false
	case len(args) > need:
		rest := application(append([]graph.Value{{}}, args[need:]...)...)
		w.at = &Frame{Node: Node{Term: rest, Env: n.Env, Vals: make([]graph.Value, 0, len(rest.Args))}, Up: w.at}
		w.node = call(n.Env, n.Vals[:need+1]...)
		return false
	}
	if f, ok := fn.Body.(*lam); ok {
		s.Rule, s.Fn = RuleCall, f.cid
		w.m.Charge(1)
		w.node = Node{Term: f.term.Args[0], Env: &Env{append(fn.Args[:len(fn.Args):len(fn.Args)], args...), f}}
		return true
	}
	p := fn.Body.(*Prim)
	if len(fn.Args) > 0 {
		all := append([]graph.Value{graph.FnValue(&graph.Fn{Prim: p.Name, Head: primCID(p.Name), Body: p})}, fn.Args...)
		w.node = call(n.Env, append(all, args...)...)
		return false
	}
	for i, a := range args {
		if p.Demand>>i&1 != 0 && isBehind(a) {
			return w.force(s, i+1)
		}
	}
	s.Rule, s.Prim = RulePrim, p.Name
	if t := unfold(p.Name, n.Vals[0], args); t != nil {
		s.Rule = RuleUnfold
		w.node = Node{Term: t, Env: n.Env}
		return true
	}
	v, thrown := w.m.protect(func() graph.Value { return w.m.saturate(&graph.Fn{Body: p}, args, nil) })
	if thrown != nil {
		e, ok := thrown.(*Thrown)
		if !ok {
			panic(thrown)
		}
		w.m.tries = 1
		return w.fail(e.Err)
	}
	w.value(v)
	return true
}

// literal is a value as a term. It may hold functions, which a literal in a block may not.
func literal(v graph.Value) *graph.Term { return &graph.Term{Op: graph.OpLit, Value: v} }

// application is an application of values as a term.
func application(vals ...graph.Value) *graph.Term {
	t := &graph.Term{Op: graph.OpApp, Args: make([]*graph.Term, len(vals))}
	for i, v := range vals {
		t.Args[i] = literal(v)
	}
	return t
}

// call is an application of values, all of them there.
func call(env *Env, vals ...graph.Value) Node {
	return Node{Term: application(vals...), Env: env, Vals: vals}
}

// unfoldBelow is the length from which on a list's primitive is one step. Shorter ones cost nothing of their own.
const unfoldBelow = 16

// unfold gives the calls that a primitive makes:
//
//	map f [a, b]         [f a, f b]
//	fold f z [a, …]      fold f (f z a) […]      fold f z []      z
//	foldr f z […, a]     foldr f (f a z) […]     foldr f z []     z
//	filter f [a, …]      if f a then [a, ...filter f […]] else filter f […]
//	any f [a, …]         if f a then true else any f […]
//	all f [a, …]         if f a then all f […] else false
//	find f [a, …]        if f a then Some a else find f […]
//
// It is nil for other primitives, long lists, and where the call takes no function's call.
func unfold(name string, prim graph.Value, args []graph.Value) *graph.Term {
	data := args[len(args)-1]
	if data.Kind() != graph.KindList || data.List().Len() >= unfoldBelow || data.List().Len() == 0 {
		return nil
	}
	xs, f := data.List(), args[0]
	first, rest := xs.At(0), graph.ListValue(xs.Slice(1, xs.Len()))
	again := application(prim, f, rest)
	branch := func(then, other *graph.Term) *graph.Term {
		return &graph.Term{Op: graph.OpIf, Args: []*graph.Term{application(f, first), then, other}}
	}
	switch name {
	case "list.map":
		t := &graph.Term{Op: graph.OpList}
		xs.Each(func(x graph.Value) bool {
			t.Args = append(t.Args, application(f, x))
			return true
		})
		return t
	case "list.fold":
		return &graph.Term{Op: graph.OpApp, Args: []*graph.Term{literal(prim), literal(f), application(f, args[1], first), literal(rest)}}
	case "list.foldr":
		last, init := xs.At(xs.Len()-1), graph.ListValue(xs.Slice(0, xs.Len()-1))
		return &graph.Term{Op: graph.OpApp, Args: []*graph.Term{literal(prim), literal(f), application(f, last, args[1]), literal(init)}}
	case "list.filter":
		return branch(&graph.Term{Op: graph.OpList, Args: []*graph.Term{literal(first), {Op: graph.OpSpread, Args: []*graph.Term{again}}}}, again)
	case "list.any":
		return branch(literal(graph.Bool(true)), again)
	case "list.all":
		return branch(again, literal(graph.Bool(false)))
	case "list.find":
		return branch(literal(graph.Some(first)), again)
	}
	return nil
}

// enter goes into a closed expression. Rewind says that something looks at it, which takes no steps.
func (w *Walk) enter(s *Step, u *unit, rewind bool) bool {
	s.Fn = u.cid
	switch u.state {
	case running:
		panic(&Stop{Reason: Endless})
	case reduced, failed:
		if !rewind {
			w.m.addSteps(u.steps)
		}
		s.Rule = RuleKnown
		if u.state == failed {
			return w.fail(u.err.Err)
		}
		w.value(u.value)
		return u.lam != nil // else it is a literal
	case function:
		w.value(w.m.refValue(u, -1))
		return true
	}
	u.state = running
	s.Rule = RuleName
	w.at = &Frame{Up: w.at, memo: &memo{start: w.m.now(), rewind: rewind, unit: u}}
	w.node = Node{Term: u.lam.term.Args[0], Env: &Env{lam: u.lam}}
	return w.named != nil && w.named(u.cid) && !w.isKnot(w.node.Term)
}

// isKnot says whether a term is a lazy that mentions itself or its group: its name is all that can be shown for it.
func (w *Walk) isKnot(t *graph.Term) bool {
	if t.Op != graph.OpLazy || t.Args[0].Op != graph.OpRef {
		return false
	}
	u := w.m.unit(t.Args[0].CID)
	return w.m.canLoad(u) && u.lam != nil && u.lam.group != nil && u.lam.arity == 0
}

// force looks at part i of the node in hand, which is a link or a lazy value.
func (w *Walk) force(s *Step, i int) bool {
	v := w.node.Vals[i]
	w.at = &Frame{Node: w.node, Hole: i, Up: w.at}
	s.At, s.In, s.Redex = w.at, w.at, Node{Value: v}
	s.Rule = RuleForce
	// What is known already is followed at once, and must not come back to itself.
	seen := map[any]bool{}
	for v.Kind() == graph.KindLazy {
		t := v.Thunk()
		var key any = t
		var state unitState
		var value graph.Value
		var thrown *Thrown
		if len(t.Args()) > 0 {
			f := forcedOf(t)
			state, value, thrown = unitState(t.State), f.value, f.err
		} else {
			u := w.m.unit(t.CID)
			w.m.loadUnit(u)
			key, state, value, thrown = t.CID, u.state, u.value, u.err
		}
		if state == running || seen[key] {
			panic(&Stop{Reason: Endless})
		}
		if seen[key] = true; state == failed {
			s.Rule = RuleKnown
			return w.fail(thrown.Err)
		}
		if state != reduced {
			break
		}
		v, s.Rule = value, RuleKnown
	}
	if s.Rule == RuleKnown {
		w.value(v)
		return true
	}
	if v.Kind() == graph.KindLink {
		return w.load(s, v.Link())
	}
	t := v.Thunk()
	if len(t.Args()) == 0 {
		w.enter(s, w.m.unit(t.CID), true)
		s.Rule = RuleForce
		return true
	}
	l, ok := t.Body.(*lam)
	if !ok {
		l = w.m.thunkLam(t)
	}
	start := w.m.now()
	w.m.Charge(1)
	t.State = uint8(running)
	s.Fn = t.CID
	w.at = &Frame{Up: w.at, memo: &memo{start: start, rewind: true, thunk: t}}
	w.node = Node{Term: l.term.Args[0], Env: &Env{t.Args(), l}}
	return true
}

// load looks behind a link: code is what it denotes, data is itself.
func (w *Walk) load(s *Step, c cid.Cid) bool {
	if s.Fn = c; !w.isCode(c) {
		s.Rule = RuleLoad
		w.value(w.m.follow(c))
		return true
	}
	u := w.m.unit(c)
	w.m.loadUnit(u)
	if u.group != nil {
		w.m.refValue(u, -1) // stops: it is no expression
	}
	w.enter(s, u, true)
	if s.Rule != RuleKnown {
		s.Rule = RuleLoad
	}
	return true
}

func (w *Walk) isCode(c cid.Cid) bool {
	if u := w.m.units[c]; u != nil && u.state != unloaded {
		return true
	}
	if _, ok := w.m.loaded[c]; ok {
		return false
	}
	return multicodec.Code(c.Prefix().Codec) == multicodec.DagCbor && graph.IsCode(w.m.Load(c))
}
