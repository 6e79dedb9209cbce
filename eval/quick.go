// This file holds the quick ways through primitives that need neither the machine nor its stack for the usual kinds of arguments: those
// that match patterns, take lists and records apart and put them together. Whatever a quick way does not take, the primitive does.

package eval

import (
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// quick1 is the quick way of a primitive of one argument, nil if it has none. It charges nothing and cannot fail.
func quick1(name string) func(x graph.Value) (graph.Value, bool) {
	switch name {
	case "seq.length":
		return func(x graph.Value) (graph.Value, bool) {
			switch x.Kind() {
			case graph.KindList:
				return graph.Int(int64(x.ListLen())), true
			case graph.KindMap:
				return graph.Int(int64(x.Map().Len())), true
			}
			return x, false
		}
	case "seq.isEmpty":
		return func(x graph.Value) (graph.Value, bool) {
			switch x.Kind() {
			case graph.KindList:
				return graph.Bool(x.ListLen() == 0), true
			case graph.KindMap:
				return graph.Bool(x.Map().Len() == 0), true
			}
			return x, false
		}
	case "list.head":
		return func(x graph.Value) (graph.Value, bool) {
			if x.Kind() != graph.KindList {
				return x, false
			}
			if x.ListLen() == 0 {
				return graph.None(), true
			}
			return graph.Some(x.ListAt(0)), true
		}
	case "match.map":
		return func(x graph.Value) (graph.Value, bool) { return graph.Bool(x.Kind() == graph.KindMap), isThere(x) }
	case "num.neg":
		return func(x graph.Value) (graph.Value, bool) {
			if i, ok := x.Int(); ok {
				if r, ok := subInts(0, i); ok {
					return graph.Int(r), true
				}
			}
			return x, false
		}
	case "num.abs":
		return func(x graph.Value) (graph.Value, bool) {
			if i, ok := x.Int(); ok {
				if i >= 0 {
					return x, true
				}
				if r, ok := subInts(0, i); ok {
					return graph.Int(r), true
				}
			}
			return x, false
		}
	}
	return nil
}

// isThere says that looking at x needs no work.
func isThere(x graph.Value) bool {
	k := x.Kind()
	return k != graph.KindLazy && k != graph.KindLink
}

// quick2 is quick1 for primitives of two arguments.
func quick2(name string) func(x, y graph.Value) (graph.Value, bool) {
	switch name {
	case "match.list":
		return func(x, y graph.Value) (graph.Value, bool) {
			n, small := x.Int()
			return graph.Bool(y.Kind() == graph.KindList && int64(y.ListLen()) == n), small && isThere(y)
		}
	case "match.atLeast":
		return func(x, y graph.Value) (graph.Value, bool) {
			n, small := x.Int()
			return graph.Bool(y.Kind() == graph.KindList && int64(y.ListLen()) >= n), small && isThere(y)
		}
	case "match.has":
		return func(x, y graph.Value) (graph.Value, bool) {
			if x.Kind() != graph.KindText || !isThere(y) {
				return y, false
			}
			if y.Kind() != graph.KindMap {
				return graph.Bool(false), true
			}
			_, ok := y.Map().Get(x.Text())
			return graph.Bool(ok), true
		}
	case "match.tag":
		return func(x, y graph.Value) (graph.Value, bool) {
			if x.Kind() != graph.KindText || !isThere(y) {
				return y, false
			}
			if y.Kind() != graph.KindMap || y.Map().Len() != 1 {
				return graph.Bool(false), true
			}
			_, ok := y.Map().Get(x.Text())
			return graph.Bool(ok), true
		}
	case "match.nullary":
		return func(x, y graph.Value) (graph.Value, bool) {
			if x.Kind() != graph.KindText || !isThere(y) {
				return y, false
			}
			if y.Kind() != graph.KindMap || y.Map().Len() != 1 {
				return graph.Bool(false), true
			}
			v, ok := y.Map().Get(x.Text())
			return graph.Bool(ok && v.Kind() == graph.KindNull), !ok || isThere(v)
		}
	case "list.drop":
		return func(x, y graph.Value) (graph.Value, bool) {
			n, small := x.Int()
			if x.Kind() != graph.KindInt || !small || n < 0 || y.Kind() != graph.KindList {
				return y, false
			}
			switch k := y.ListLen(); {
			case n >= int64(k):
				return graph.ListValue(nil), true
			case n == 1:
				return y.ListTail(), true
			default:
				return graph.ListValue(y.List().Slice(int(n), k)), true
			}
		}
	case "list.take":
		return func(x, y graph.Value) (graph.Value, bool) {
			n, small := x.Int()
			if x.Kind() != graph.KindInt || !small || n < 0 || y.Kind() != graph.KindList {
				return y, false
			}
			if n < int64(y.ListLen()) {
				return graph.ListValue(y.List().Slice(0, int(n))), true
			}
			return y, true
		}
	case "list.at", "map.get":
		peek := peek2(name)
		return func(x, y graph.Value) (graph.Value, bool) {
			v, found, ok := peek(x, y)
			if found {
				return graph.Some(v), true
			}
			return graph.None(), ok
		}
	case "map.has":
		return func(x, y graph.Value) (graph.Value, bool) {
			if x.Kind() != graph.KindText || y.Kind() != graph.KindMap {
				return y, false
			}
			_, ok := y.Map().Get(x.Text())
			return graph.Bool(ok), true
		}
	case "num.min":
		return func(x, y graph.Value) (graph.Value, bool) {
			i, ok := x.Int()
			j, ok2 := y.Int()
			return graph.Int(min(i, j)), ok && ok2
		}
	case "num.max":
		return func(x, y graph.Value) (graph.Value, bool) {
			i, ok := x.Int()
			j, ok2 := y.Int()
			return graph.Int(max(i, j)), ok && ok2
		}
	case "seq.append":
		return func(x, y graph.Value) (graph.Value, bool) {
			if x.Kind() != graph.KindList || y.Kind() != graph.KindList {
				return y, false
			}
			a, b := x.List(), y.List()
			if a.Len() > quickList || b.Len() > quickList {
				return y, false
			}
			return graph.ListValue(a.Concat(b)), true
		}
	}
	return nil
}

// quick3 is quick1 for primitives of three arguments.
func quick3(name string) func(x, y, z graph.Value) (graph.Value, bool) {
	if name != "map.insert" {
		return nil
	}
	return func(key, v, entries graph.Value) (graph.Value, bool) {
		if key.Kind() != graph.KindText || entries.Kind() != graph.KindMap {
			return key, false
		}
		return graph.MapValue(entries.Map().Insert(key.Text(), v)), true
	}
}

// peek2 finds what a primitive of two arguments gives a Some of. It says whether it can say, and whether there is one.
func peek2(name string) func(x, y graph.Value) (v graph.Value, found, ok bool) {
	switch name {
	case "map.get":
		return func(x, y graph.Value) (v graph.Value, found, ok bool) {
			if x.Kind() != graph.KindText || y.Kind() != graph.KindMap {
				return v, false, false
			}
			v, found = y.Map().Get(x.Text())
			return v, found, true
		}
	case "list.at":
		return func(x, y graph.Value) (v graph.Value, found, ok bool) {
			n, small := x.Int()
			if !small || x.Kind() != graph.KindInt || n < 0 || y.Kind() != graph.KindList {
				return v, false, false
			}
			if n >= int64(y.ListLen()) {
				return v, false, true
			}
			return y.ListAt(int(n)), true, true
		}
	}
	return nil
}

// quickList is the length of lists that are joined without a look at the memory limit.
const quickList = 1 << 20

// pushBack generates xs ++ [x], which needs no list of x.
func (g *generator) pushBack(p *Prim, t *graph.Term, level int, at *site) code {
	if p.Name != "seq.append" || t.Args[2].Op != graph.OpList || len(t.Args[2].Args) != 1 || t.Args[2].Args[0].Op == graph.OpSpread {
		return nil
	}
	before := g.waiting
	xs := g.gen(t.Args[1], level, false)
	off := g.hold(t, 1)
	g.index++ // the display
	x := g.gen(t.Args[2].Args[0], level, false)
	g.waiting = before
	return func(m *Machine, fp unsafe.Pointer) graph.Value {
		v := xs(m, fp)
		if off != 0 {
			*slot(fp, off) = v
		}
		w := x(m, fp)
		if v.Kind() == graph.KindList && v.ListLen() <= quickList {
			return v.ListAppend(w)
		}
		return m.prim2(p, v, graph.NewList(w), at)
	}
}
