// This file holds lists whose ends move: what most programs do with lists, without a heap object for each step.

package graph

import "unsafe"

// # Why two numbers beside the pointer?
//
// Going down a list, and building one up, make a new list at each element, most of which live for a moment. So a Value that is a
// list points to a List and says, in the word that ints have their number in, how the ends have moved since: how many elements are gone
// from the front (less than none: how many came before it), and how many came behind the last. Those that came stand in
// the List's own arrays, in slots that were claimed as for a List. List makes a List of it, when somebody needs one. What is kept
// in lists, maps and functions has no moved ends (held), so that each object there has one place, whose CID is computed once.

// moved is the list l with a elements gone from its front, or -a before it, and b behind it. What is left of the front is not empty.
func moved(l *List, a, b int) Value { return Value{&l.header, int64(a)<<32 | int64(b)} }

// ends is how the ends of v have moved. v is a list.
func (v Value) ends() (l *List, a, b int) {
	return (*List)(unsafe.Pointer(v.p)), int(v.n >> 32), int(uint32(v.n))
}

// List returns v's list. v is a list.
func (v Value) List() *List {
	if v.n == 0 {
		return (*List)(unsafe.Pointer(v.p))
	}
	return v.movedList()
}

func (v Value) movedList() *List {
	l, a, b := v.ends()
	front, r := l.front().moved(a), l.rest
	switch {
	case b == 0:
	case r == nil:
		front.n += uint32(b)
	default:
		back := r.back
		back.n += uint32(b)
		r = &rest{n: r.n + b, root: r.root, back: back}
	}
	c := newList(front, r)
	if l.hashed && b == 0 {
		l.hashMoved(c, a)
	}
	return c
}

// moved is the run from a elements later on, or -a earlier.
func (r run) moved(a int) run {
	return run{uint32(int(r.n) - a), (*Value)(unsafe.Add(unsafe.Pointer(r.items), a*int(unsafe.Sizeof(Value{})))), r.buf}
}

// held is v for what keeps it: a list without moved ends.
func held(v Value) Value {
	if v.n != 0 && v.p != nil && v.p.kind == KindList {
		return ListValue(v.movedList())
	}
	return v
}

// Held is v such as can be kept.
func (v Value) Held() Value { return held(v) }

// Hold makes values, in their place, such as can be kept.
func Hold(vs []Value) {
	for i, v := range vs {
		if v.n != 0 && v.p != nil && v.p.kind == KindList {
			vs[i] = ListValue(v.movedList())
		}
	}
}

// ListLen returns how many elements v has. v is a list.
func (v Value) ListLen() int {
	l, a, b := v.ends()
	n := int(l.n) - a + b
	if l.rest != nil {
		n += l.rest.n
	}
	return n
}

// ListEmpty says whether v has no elements. v is a list.
func (v Value) ListEmpty() bool { // one with moved ends has some
	l := (*List)(unsafe.Pointer(v.p))
	return l.n == 0 && l.rest == nil
}

// ListAt returns element i of v, 0 <= i < ListLen. v is a list.
func (v Value) ListAt(i int) Value {
	l, a, _ := v.ends()
	if i += a; i < int(l.n) || l.rest == nil {
		return *at(l.items, i)
	}
	r := l.rest
	i -= int(l.n)
	if r.root != nil {
		if i < r.root.n {
			run, i := r.root.runAt(i)
			return *at(run.items, i)
		}
		i -= r.root.n
	}
	return *at(r.back.items, i)
}

func at(items *Value, i int) *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(items), i*int(unsafe.Sizeof(Value{}))))
}

// ListTail returns v without its first element. v is a list that is not empty.
func (v Value) ListTail() Value {
	l, a, b := v.ends()
	left := int(l.n) - a
	if l.rest == nil {
		left += b
	}
	if left > 1 {
		return moved(l, a+1, b)
	}
	_, tail := v.List().Uncons()
	return ListValue(tail)
}

// ListUncons returns the first element of v and v without it. v is a list that is not empty.
func (v Value) ListUncons() (first, tail Value) {
	l, a, b := v.ends()
	left := int(l.n) - a
	if l.rest == nil {
		left += b
	}
	if left > 1 {
		return *at(l.items, a), moved(l, a+1, b)
	}
	return v.ListAt(0), v.ListTail()
}

// ListAppend returns v with x after its last element. v is a list.
func (v Value) ListAppend(x Value) Value {
	l, a, b := v.ends()
	end := run{l.n, l.items, l.buf}
	if l.rest != nil {
		end = l.rest.back
	}
	if end.buf != nil {
		if i := end.offset() + int(end.n) + b; i < len(end.buf.vals) && end.buf.hi.CompareAndSwap(int32(i), int32(i+1)) {
			end.buf.vals[i] = held(x)
			return moved(l, a, b+1)
		}
	}
	return ListValue(v.List().Append(x))
}

// ListPrepend returns v with x before its first element. v is a list.
func (v Value) ListPrepend(x Value) Value {
	l, a, b := v.ends()
	if l.buf != nil {
		if i := l.front().offset() + a; i > 0 && l.buf.lo.CompareAndSwap(int32(i), int32(i-1)) {
			l.buf.vals[i-1] = held(x)
			return moved(l, a-1, b)
		}
	}
	return ListValue(v.List().Prepend(x))
}
