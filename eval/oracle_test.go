// This file is the oracle: a reducer as naive as can be, which works on the terms of the graph themselves. It looks each
// block up by its CID, keeps an environment as a slice, calls by Go calls, and remembers no result: a closed subterm is
// reduced, and charged, each time it is met; a lazy value is reduced each time it is looked at, and charged to nobody.
//
// Application, forcing, arithmetic, comparison, every primitive that calls a function, and most that look at the parts
// of a list or map are written here again, from what is said of them. The primitives that remain are the table's own;
// they run on a machine of their own, for their value and cost.

package eval_test

import (
	"strconv"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// A failure is a program's error on its way.
type failure struct {
	kind  string
	value graph.Value
}

// A halt ends a reduction without an answer: the budget is spent, or a value needs itself.
type halt string

const (
	tooMuch halt = "more than the oracle's budget"
	endless halt = "a value that needs itself"
)

func fail(kind string, v graph.Value) { panic(failure{kind, v}) }

func failKind(got graph.Value, want string) {
	fail("wrong kind", graph.Record("got", got, "want", graph.Text(want)))
}

// A reducer reduces. charged is what the term in hand takes; budget is what may still be done at all.
type reducer struct {
	load    graph.Loader
	machine *eval.Machine // for the primitives that are the table's own
	terms   map[cid.Cid]*graph.Term
	prims   map[string]graph.Value // as function values
	charged uint64
	budget  int64
	most    int64 // budget of one reduction
	depth   int
	halted  bool                  // there is no answer
	closed  map[cid.Cid]bool      // closed expressions in progress
	thunks  map[*graph.Thunk]bool // lazy values in progress
}

func newReducer(store *graph.Memory, load graph.Loader, budget int64) *reducer {
	return &reducer{
		load: load, most: budget, terms: map[cid.Cid]*graph.Term{}, prims: map[string]graph.Value{}, closed: map[cid.Cid]bool{}, thunks: map[*graph.Thunk]bool{},
		machine: eval.New(eval.Options{Store: store, Load: load, Link: eval.None, Fuel: 200_000, Memory: 1 << 29}),
	}
}

// An answer is what an expression comes to.
type answer struct {
	value graph.Value
	err   *graph.Failure
	steps uint64
	halt  any // not nil where there is no answer
}

// reduce reduces a closed expression.
func (o *reducer) reduce(expr cid.Cid) (a answer) {
	o.charged, o.depth, o.budget, o.halted = 0, 0, o.most, false
	clear(o.closed)
	clear(o.thunks)
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			a.err = &graph.Failure{Kind: r.kind, Value: r.value}
		case halt, *eval.Stop:
			a.halt = r
		default:
			panic(r)
		}
		a.steps = o.charged
	}()
	a.value = o.ref(expr)
	return a
}

// halt ends the reduction, with a halt or a *eval.Stop.
func (o *reducer) halt(why any) {
	o.halted = true
	panic(why)
}

func (o *reducer) charge(n uint64) {
	o.charged += n
	o.spend(int64(n))
}

func (o *reducer) spend(n int64) {
	if o.budget -= n; o.budget < 0 {
		o.halt(tooMuch)
	}
}

// term is the code in a block.
func (o *reducer) term(c cid.Cid) *graph.Term {
	t := o.terms[c]
	if t == nil {
		var err error
		if t, err = graph.LoadCode(c, o.load); err != nil {
			o.halt(&eval.Stop{Reason: eval.Missing, Err: err})
		}
		o.terms[c] = t
	}
	return t
}

// member is the block of a group's member.
func member(group cid.Cid, i int) cid.Cid {
	return graph.EncodeCode(&graph.Term{Op: graph.OpMember, CID: group, Index: i}, nil).CID
}

func (o *reducer) primitive(name string) graph.Value {
	v, ok := o.prims[name]
	if !ok {
		block := graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: name}, nil)
		v = graph.FnValue(&graph.Fn{Prim: name, Head: block.CID})
		o.prims[name] = v
	}
	return v
}

// ref is what a block of code denotes.
func (o *reducer) ref(c cid.Cid) graph.Value {
	t, group := o.term(c), cid.Undef
	switch t.Op {
	case graph.OpLam:
		return graph.FnValue(&graph.Fn{Head: c})
	case graph.OpPrim:
		return o.primitive(t.Name)
	case graph.OpLit:
		return t.Value
	case graph.OpMember:
		lam := o.term(t.CID).Args[t.Index]
		if lam.Arity > 0 {
			return graph.FnValue(&graph.Fn{Head: c})
		}
		t, group = lam.Args[0], t.CID
	}
	if o.closed[c] {
		o.halt(endless)
	}
	o.spend(1)
	o.closed[c] = true
	defer delete(o.closed, c)
	return o.eval(t, nil, group)
}

// eval reduces a term in an environment; Self is a member of group.
func (o *reducer) eval(t *graph.Term, env []graph.Value, group cid.Cid) graph.Value {
	o.depth++
	defer func() { o.depth-- }()
	if o.depth > 400_000 {
		o.halt(tooMuch)
	}
	switch t.Op {
	case graph.OpVar:
		return env[t.Index]
	case graph.OpLit:
		return t.Value
	case graph.OpPrim:
		return o.primitive(t.Name)
	case graph.OpRef:
		return o.ref(t.CID)
	case graph.OpSelf:
		return o.ref(member(group, t.Index))
	case graph.OpLet:
		bound := o.eval(t.Args[0], env, group)
		return o.eval(t.Args[1], append(env[:len(env):len(env)], bound), group)
	case graph.OpIf:
		if o.bool(o.eval(t.Args[0], env, group)) {
			return o.eval(t.Args[1], env, group)
		}
		return o.eval(t.Args[2], env, group)
	case graph.OpGet:
		return get(o.force(o.eval(t.Args[0], env, group)), t.Name)
	case graph.OpTry:
		return o.try(t.Args[0], env, group)
	case graph.OpLazy:
		return o.lazy(t.Args[0], env, group)
	case graph.OpApp:
		all := o.all(t.Args, env, group)
		return o.apply(all[0], all[1:]...)
	case graph.OpList:
		var out []graph.Value
		for i, v := range o.all(t.Args, env, group) {
			if t.Args[i].Op == graph.OpSpread {
				out = append(out, o.list(v)...)
			} else {
				out = append(out, v)
			}
		}
		return o.newList(out)
	case graph.OpMap:
		out := graph.EmptyMap
		for i, v := range o.all(t.Args, env, group) {
			if t.Args[i].Op != graph.OpSpread {
				out = out.Insert(t.Keys[i], v)
				continue
			}
			o.entries(v).Each(func(k string, v graph.Value) bool {
				out = out.Insert(k, v)
				return true
			})
		}
		return graph.MapValue(out)
	}
	panic("BUG: no rule for this term")
}

// all reduces terms from the left. What is spread is looked at after that, as operands are.
func (o *reducer) all(ts []*graph.Term, env []graph.Value, group cid.Cid) []graph.Value {
	out := make([]graph.Value, len(ts))
	for i, t := range ts {
		if t.Op == graph.OpSpread {
			t = t.Args[0]
		}
		out[i] = o.eval(t, env, group)
	}
	return out
}

func (o *reducer) try(t *graph.Term, env []graph.Value, group cid.Cid) (v graph.Value) {
	defer func() {
		if o.halted { // to recover and panic again, at each of many in each other, would take quadratic time
			return
		}
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			v = graph.Tagged("Err", graph.Record("kind", graph.Text(f.kind), "value", f.value))
		}
	}()
	return graph.Tagged("Ok", o.eval(t, env, group))
}

func (o *reducer) lazy(t *graph.Term, env []graph.Value, group cid.Cid) graph.Value {
	var args []graph.Value
	if t.Op == graph.OpApp {
		args = o.named(o.all(t.Args[1:], env, group))
		t = t.Args[0]
	}
	head := t.CID
	if t.Op == graph.OpSelf {
		head = member(group, t.Index)
	}
	return graph.NewThunk(&graph.Head{CID: head}, args...)
}

func get(v graph.Value, key string) graph.Value {
	switch v.Kind() {
	case graph.KindMap:
		if x, ok := v.Map().Get(key); ok {
			return x
		}
	case graph.KindList:
		for i := range v.List().Len() {
			if strconv.Itoa(i) == key {
				return v.List().At(i)
			}
		}
	default:
		failKind(v, "map or list")
	}
	fail("no field", graph.Record("field", graph.Text(key), "in", v))
	return v
}

// apply calls f with arguments: fewer than it takes are kept, more go to its value.
func (o *reducer) apply(f graph.Value, args ...graph.Value) graph.Value {
	if f = o.force(f); f.Kind() != graph.KindFn {
		fail("not a function", f)
	}
	prim, head, all, arity := o.function(f.Fn())
	all = append(all[:len(all):len(all)], args...)
	switch {
	case len(all) < arity:
		return graph.FnValue(&graph.Fn{Prim: prim, Head: head, Args: o.named(all)})
	case len(all) > arity:
		return o.apply(o.call(prim, head, all[:arity]), all[arity:]...)
	}
	return o.call(prim, head, all)
}

// named is arguments, a primitive that was read back from its block among them being itself again.
func (o *reducer) named(args []graph.Value) []graph.Value {
	for i, a := range args {
		if a.Kind() == graph.KindFn && a.Fn().Opaque {
			if t := o.term(a.Fn().Head); t.Op == graph.OpPrim {
				args[i] = o.primitive(t.Name)
			}
		}
	}
	return args
}

// function takes a function value apart.
func (o *reducer) function(f *graph.Fn) (prim string, head cid.Cid, args []graph.Value, arity int) {
	if f.Prim != "" {
		return f.Prim, f.Head, f.Args, eval.Prims()[f.Prim].Arity
	}
	switch t := o.term(f.Head); t.Op {
	case graph.OpLam:
		return "", f.Head, f.Args, t.Arity
	case graph.OpMember:
		return "", f.Head, f.Args, o.term(t.CID).Args[t.Index].Arity
	case graph.OpPrim:
		return t.Name, f.Head, f.Args, eval.Prims()[t.Name].Arity
	case graph.OpApp: // a value that was read back
		return o.function(o.eval(t, nil, cid.Undef).Fn())
	}
	panic("BUG: a function value of other code")
}

// call makes a saturated call.
func (o *reducer) call(prim string, head cid.Cid, args []graph.Value) graph.Value {
	if prim != "" {
		return o.prim(prim, args)
	}
	o.charge(1)
	t, group := o.term(head), cid.Undef
	if t.Op == graph.OpMember {
		t, group = o.term(t.CID).Args[t.Index], t.CID
	}
	return o.eval(t.Args[0], args[:len(args):len(args)], group)
}

// force looks inside. What that takes is not charged.
func (o *reducer) force(v graph.Value) graph.Value {
	for v.Kind() == graph.KindLazy || v.Kind() == graph.KindLink {
		v = o.behind(v)
	}
	return v
}

func (o *reducer) behind(v graph.Value) graph.Value {
	defer func(charged uint64) { o.charged = charged }(o.charged)
	o.spend(1)
	if v.Kind() == graph.KindLazy {
		t := v.Thunk()
		if len(t.Args()) == 0 {
			return o.ref(t.CID)
		}
		if o.thunks[t] {
			o.halt(endless)
		}
		o.thunks[t] = true
		defer delete(o.thunks, t)
		return o.call("", t.CID, t.Args())
	}
	data, err := o.load(v.Link())
	if err != nil {
		o.halt(&eval.Stop{Reason: eval.Missing, Err: err})
	}
	if graph.IsCode(data) {
		return o.ref(v.Link())
	}
	if v, err = graph.DecodeForeign(v.Link(), data, o.load); err != nil {
		o.halt(&eval.Stop{Reason: eval.Missing, Err: err})
	}
	return v
}

func (o *reducer) bool(v graph.Value) bool {
	if v = o.force(v); v.Kind() != graph.KindBool {
		failKind(v, "bool")
	}
	return v.Bool()
}

// list is the elements of a list.
func (o *reducer) list(v graph.Value) []graph.Value {
	if v = o.force(v); v.Kind() != graph.KindList {
		failKind(v, "list")
	}
	out := make([]graph.Value, v.List().Len())
	for i := range out {
		out[i] = v.List().At(i)
	}
	return out
}

func (o *reducer) entries(v graph.Value) *graph.Map {
	if v = o.force(v); v.Kind() != graph.KindMap {
		failKind(v, "map")
	}
	return v.Map()
}

func (o *reducer) text(v graph.Value) string {
	if v = o.force(v); v.Kind() != graph.KindText {
		failKind(v, "text")
	}
	return v.Text()
}

// maxSize is how large a list, text or int may become before the oracle gives up.
const maxSize = 1 << 15

func (o *reducer) newList(items []graph.Value) graph.Value {
	if len(items) > maxSize {
		o.halt(tooMuch)
	}
	return graph.NewList(items...)
}

// prim forces what a primitive demands, and runs it.
func (o *reducer) prim(name string, args []graph.Value) graph.Value {
	p := eval.Prims()[name]
	args = append([]graph.Value(nil), args...)
	for i := range args {
		if p.Demand>>i&1 != 0 {
			args[i] = o.force(args[i])
		}
	}
	if f := naive[name]; f != nil {
		return f(o, args)
	}
	return o.run(name, args)
}

// run runs the table's own primitive.
func (o *reducer) run(name string, args []graph.Value) graph.Value {
	v, steps, err := o.machine.RunPrim(eval.Prims()[name], append([]graph.Value(nil), args...))
	o.charge(steps)
	switch err := err.(type) {
	case nil:
		switch v.Kind() {
		case graph.KindText:
			o.spend(int64(len(v.Text()) / 64))
		case graph.KindList:
			o.spend(int64(v.List().Len() / 64))
		case graph.KindInt:
			if _, small := v.Int(); !small {
				o.spend(int64(v.BigInt().BitLen() / 64))
			}
		}
		return v
	case *eval.Error:
		fail(err.Kind, err.Value)
	case *eval.Stop:
		if err.Reason == eval.Endless {
			o.halt(endless)
		}
		o.halt(tooMuch)
	}
	panic(err)
}

// cost charges what the table's own primitive charges.
func (o *reducer) cost(name string, args []graph.Value) {
	_, steps, err := o.machine.RunPrim(eval.Prims()[name], append([]graph.Value(nil), args...))
	o.charge(steps)
	if _, stopped := err.(*eval.Stop); stopped {
		o.halt(tooMuch)
	}
}
