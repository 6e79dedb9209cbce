// This file writes lists and maps whose elements are not there, at a stop: what mentions one mentions the expressions that come to its parts.

package eval

import (
	"math"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # How is a list written that has no elements?
//
// As what its parts are known as, and their lengths (parts.go): core.parted makes such a list of those, which costs nothing, and makes none of the
// elements either. It takes an entry, which stands for a value:
//
//	[x]                   x
//	[0, [part, …]]        a list; a part is [lazy value, length], or [elements]
//	[1, [entry, …]]       the list of what these stand for
//	[2, f, [entry, …]]    f with these arguments, too few for a call
//	[3, [part, …]]        a map; a part is [lazy value, length, first key], or [map]
//
// Lists of a groupBy are known slot by slot and not written so: what mentions one begins again. So does what mentions a map that was changed where
// its entries are not there.

const (
	partedName = "core.parted"
	mostLooked = 1 << 13 // values that are looked at for lists without elements, in an application
	entryDepth = 8
)

// The kinds of entries.
const (
	entryParts = iota
	entryList
	entryFn
	entryFields
)

// callOf is the application of head to args, in a residual.
func (r *reader) callOf(head *graph.Term, args []graph.Value) cid.Cid {
	if len(r.m.making) > 0 && r.rest == nil {
		left, own := mostLooked, args
		for i, v := range own {
			if e, has := r.entry(v, entryDepth, &left); has {
				if &own[0] == &args[0] {
					args = slices.Clone(own)
				}
				args[i] = childArg(r.m.callOf(primHead(r.m.prims[partedName]), []graph.Value{e}, r.put))
			}
		}
	}
	return r.m.callOf(head, args, r.put)
}

// entry is what stands for v in what core.parted takes, and whether v has lists without elements.
func (r *reader) entry(v graph.Value, depth int, left *int) (e graph.Value, has bool) {
	var of []graph.Value
	switch v.Kind() {
	case graph.KindList:
		if v.Unmade() > 0 {
			return r.parted(v.List()), true
		}
		if !v.MostlyFar() && v.List().Len() <= *left {
			of = listValues(v.List())
		}
	case graph.KindMap:
		if v.Unmade() > 0 {
			return r.partedMap(v.Map()), true
		}
	case graph.KindFn:
		of = v.Fn().Args
	}
	if *left -= len(of); *left < 0 || depth == 0 {
		of = nil
	}
	entries := make([]graph.Value, len(of))
	for i, x := range of {
		var unmade bool
		entries[i], unmade = r.entry(x, depth-1, left)
		has = has || unmade
	}
	switch {
	case !has:
		return graph.NewList(v), false
	case v.Kind() == graph.KindFn:
		fn := *v.Fn()
		return graph.NewList(graph.Int(entryFn), graph.FnValue(&graph.Fn{Prim: fn.Prim, Head: fn.Head, Body: fn.Body, Opaque: fn.Opaque}), graph.NewList(entries...)), true
	}
	return graph.NewList(graph.Int(entryList), graph.NewList(entries...)), true
}

// parted is the entry of a list that has no elements in places.
func (r *reader) parted(l *graph.List) graph.Value {
	if e, ok := r.entries[graph.ListValue(l)]; ok {
		return e
	}
	at, parts := 0, []graph.Value(nil)
	upTo := func(end int) {
		if end > at {
			parts = append(parts, graph.NewList(graph.ListValue(l.Slice(at, end))))
		}
	}
	l.EachUnmade(func(from, n int, of graph.Value) {
		if r.m.canBeMade(of) {
			upTo(from)
			parts, at = append(parts, graph.NewList(of, graph.Int(int64(n)))), from+n
		}
	})
	upTo(l.Len())
	return r.keep(graph.ListValue(l), entryParts, parts)
}

// partedMap is as parted.
func (r *reader) partedMap(o *graph.Map) graph.Value {
	if e, ok := r.entries[graph.MapValue(o)]; ok {
		return e
	}
	at, parts := 0, []graph.Value(nil)
	upTo := func(end int) {
		if end > at {
			var b graph.MapBuilder
			o.Range(at, end, func(key string, v graph.Value) bool {
				b.Set(key, v)
				return true
			})
			parts = append(parts, graph.NewList(graph.MapValue(b.Map())))
		}
	}
	o.EachUnmade(func(p graph.Part) {
		if r.m.canBeMade(p.Of) {
			upTo(p.At)
			parts, at = append(parts, graph.NewList(p.Of, graph.Int(int64(p.Len)), graph.Text(p.First))), p.At+p.Len
		}
	})
	upTo(o.Len())
	return r.keep(graph.MapValue(o), entryFields, parts)
}

// canBeMade puts the expression that a part is known as, if that is one.
func (m *Machine) canBeMade(of graph.Value) bool {
	if of.Kind() != graph.KindLazy {
		return false
	}
	c := of.Thunk().CID
	how := m.making[c]
	if how == nil || m.groups[c] != nil {
		return false
	}
	m.putMaking(how)
	return true
}

// keep is the entry of v, of some parts.
func (r *reader) keep(v graph.Value, kind int64, parts []graph.Value) graph.Value {
	e := graph.NewList(graph.Int(kind), graph.NewList(parts...))
	if r.entries == nil {
		r.entries = map[graph.Value]graph.Value{}
	}
	r.entries[v] = e
	return e
}

// isParted says whether a term is one whose value may hold lists without elements, at any depth.
func isParted(t *graph.Term) bool {
	return t.Op == graph.OpApp && t.Args[0].Op == graph.OpPrim && t.Args[0].Name == partedName
}

func coreParted(m *Machine, args []graph.Value) (graph.Value, error) {
	return m.ofEntry(args[0], entryDepth)
}

// ofEntry is the value that an entry stands for.
func (m *Machine) ofEntry(e graph.Value, depth int) (v graph.Value, err error) {
	bad := func() (graph.Value, error) { return v, wrongKind(e, "entry") }
	if e.Kind() != graph.KindList || depth < 0 {
		return bad()
	}
	l := e.List()
	if l.Len() == 1 {
		return l.At(0), nil
	}
	if l.Len() < 2 || l.Len() > 3 || l.At(l.Len()-1).Kind() != graph.KindList {
		return bad()
	}
	kind, _ := l.At(0).Int()
	of := listValues(l.At(l.Len() - 1).List())
	if l.At(0).Kind() != graph.KindInt || (kind == entryFn) != (l.Len() == 3) {
		return bad()
	}
	switch kind {
	case entryParts:
		return m.ofParts(e, of)
	case entryFields:
		return m.ofMapParts(e, of)
	}
	for i, x := range of {
		if of[i], err = m.ofEntry(x, depth-1); err != nil {
			return v, err
		}
	}
	switch {
	case kind == entryList:
		return graph.NewList(of...), nil
	case kind != entryFn || l.At(1).Kind() != graph.KindFn:
		return bad()
	}
	fn := *m.function(l.At(1), m.caller)
	if len(fn.Args) > 0 || len(of) == 0 || len(of) >= arityOf(&fn) {
		return bad()
	}
	return graph.FnValue(&graph.Fn{Prim: fn.Prim, Head: fn.Head, Body: fn.Body, Args: of}), nil
}

// ofParts is the list of parts that an entry says.
func (m *Machine) ofParts(e graph.Value, parts []graph.Value) (v graph.Value, err error) {
	all := graph.EmptyList
	for _, p := range parts {
		switch {
		case p.Kind() == graph.KindList && p.List().Len() == 1 && p.List().At(0).Kind() == graph.KindList:
			all = m.concatLists(all, p.List().At(0).List())
		case p.Kind() == graph.KindList && p.List().Len() == 2:
			c, k, ok := m.partOf(p.List(), 0)
			if !ok {
				return v, wrongKind(e, "entry")
			}
			m.concatLength(all.Len(), k)
			all = all.AppendKnown(lazyOf(c), k, nil, m.maker(c, k))
		default:
			return v, wrongKind(e, "entry")
		}
	}
	return graph.ListValue(all), nil
}

// ofMapParts is the map of parts that an entry says.
func (m *Machine) ofMapParts(e graph.Value, parts []graph.Value) (v graph.Value, err error) {
	var all graph.MapParts
	for i, x := range parts {
		first, ok := firstOf(x)
		end := ""
		if ok && i+1 < len(parts) {
			if end, ok = firstOf(parts[i+1]); ok {
				ok = first < end
			}
		}
		if !ok {
			return v, wrongKind(e, "entry")
		}
		if x.List().Len() == 1 {
			if all.Add(x.List().At(0).Map()); !all.Close(end) {
				return v, wrongKind(e, "entry")
			}
			continue
		}
		c, k, ok := m.partOf(x.List(), fewKnown)
		if !ok {
			return v, wrongKind(e, "entry")
		}
		m.concatLength(all.Len(), k)
		p := graph.Part{Of: lazyOf(c), Len: k, First: first, End: end}
		all.AddKnown(p, nil, m.mapMaker(p))
	}
	return graph.MapValue(all.With(graph.EmptyMap)), nil
}

// firstOf is the first key of a part in the entry of a map.
func firstOf(part graph.Value) (key string, ok bool) {
	if part.Kind() != graph.KindList {
		return "", false
	}
	switch p := part.List(); {
	case p.Len() == 1 && p.At(0).Kind() == graph.KindMap && p.At(0).Map().Len() > 0:
		key, _ = p.At(0).Map().At(0)
		return key, true
	case p.Len() == 3 && p.At(2).Kind() == graph.KindText:
		return p.At(2).Text(), true
	}
	return "", false
}

// partOf is the expression of a part in an entry, which comes to more than least elements, and how many these are.
func (m *Machine) partOf(p *graph.List, least int64) (of cid.Cid, n int, ok bool) {
	v := p.At(0)
	k, small := p.At(1).Int()
	if v.Kind() != graph.KindLazy || len(v.Thunk().Args()) > 0 || p.At(1).Kind() != graph.KindInt || !small || k <= least || k > math.MaxInt32 {
		return of, 0, false
	}
	of = v.Thunk().CID
	m.knownMaking(of)
	return of, int(k), true
}

// knownMaking is how the elements of a part are made that an expression in the store comes to.
func (m *Machine) knownMaking(c cid.Cid) *making {
	how := m.making[c]
	if how == nil {
		if m.making == nil {
			m.making = map[cid.Cid]*making{}
		}
		how = &making{of: c, has: true, read: true}
		m.making[c] = how
	}
	return how
}

// readFrom finds what the expression of a part that was read mentions, so that it can be forgotten as well.
func (m *Machine) readFrom(how *making, u *unit) {
	if how.read = false; u.lam == nil {
		return
	}
	var look func(t *graph.Term)
	lazy := func(v graph.Value) bool {
		if v.Kind() == graph.KindLazy && len(v.Thunk().Args()) == 0 {
			how.from = append(how.from, m.knownMaking(v.Thunk().CID))
		}
		return true
	}
	look = func(t *graph.Term) {
		switch t.Op {
		case graph.OpLazy:
			if t.Args[0].Op == graph.OpRef {
				how.from = append(how.from, m.knownMaking(t.Args[0].CID))
			}
		case graph.OpLit:
			if lazy(t.Value); t.Value.Kind() == graph.KindList && t.Value.List().Len() <= maxPartList {
				t.Value.List().Each(lazy)
			}
		case graph.OpApp, graph.OpList:
			for _, a := range t.Args {
				look(a)
			}
		}
	}
	look(u.lam.term.Args[0])
}
