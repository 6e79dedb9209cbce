// This file tells values that are alike by a hash, for tables in memory. The hash is no CID: it is quick, and never leaves the process.

package graph

import "math/bits"

// # Why a polynomial?
//
// The hash of a list is the sum of m(x_i)·B^i modulo 2^64, m mixing an element's own hash. So the hash of what is behind the first
// element follows from the list's in a few nanoseconds, and recursion down a list hashes it once. Whoever knows B can make lists
// that collide; so two values of one hash are compared before anything rests on it.

const (
	hashBase    uint64 = 0x9e3779b97f4a7c15 // odd
	hashInverse uint64 = 0xf1de83e19937733d // of hashBase modulo 2^64
)

// mixed spreads the bits of an element's hash (the finalizer of MurmurHash3).
func mixed(k Kind, n uint64) uint64 {
	n += uint64(k) << 56
	n ^= n >> 33
	n *= 0xff51afd7ed558ccd
	n ^= n >> 33
	n *= 0xc4ceb9fe1a85ec53
	return n ^ n>>33
}

const shortText = 64 // bytes of a text that is hashed by what it says

// Likeness is a hash of v, equal for values that Alike finds alike. It takes a part of the budget for each element of a list that has not
// been hashed before, and gives up, and says so, when the budget is spent or there is a lazy value.
func (v Value) Likeness(budget *int) (h uint64, ok bool) {
	switch k := v.Kind(); k {
	case KindInt:
		if v.p == nil {
			return mixed(k, uint64(v.n)), true
		}
		words := v.BigInt().Bits()
		if *budget -= len(words); *budget < 0 {
			return 0, false
		}
		h = uint64(v.BigInt().Sign())
		for _, w := range words {
			h = bits.RotateLeft64(h*hashBase, 7) ^ uint64(w)
		}
		return mixed(k, h), true
	case KindBool, KindFloat, KindNull:
		return mixed(k, uint64(v.n)), true
	case KindText:
		s := v.Text()
		if len(s) > shortText {
			break
		}
		h = 14695981039346656037
		for i := range len(s) { // FNV-1a
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		return mixed(k, h), true
	case KindList:
		if v.Unmade() > 0 { // who hands it on need not make it
			return 0, false
		}
		h, ok = v.List().likeness(budget)
		return mixed(k, h), ok
	case KindLazy: // who keeps it keeps what it will come to
		return 0, false
	}
	o, n := v.Identity()
	return mixed(v.Kind(), uint64(o)^uint64(n)), true
}

func (l *List) likeness(budget *int) (h uint64, ok bool) {
	if l.hashed {
		return l.hash, true
	}
	n := l.Len()
	if *budget -= n; *budget < 0 {
		return 0, false
	}
	power := uint64(1)
	ok = true
	l.Each(func(x Value) bool {
		var m uint64
		m, ok = x.Likeness(budget)
		h += m * power
		power *= hashBase
		return ok
	})
	if ok && n > 0 {
		l.hash, l.hashed = h, true
	}
	return h, ok
}

// hashedTail hands the hash of l on to rest, which is l without its first element v.
func (l *List) hashedTail(v Value, rest *List) {
	if rest.rest == nil && rest.n == 0 {
		return // the empty list is one for all
	}
	if m, ok := known(v); ok {
		rest.hash, rest.hashed = (l.hash-m)*hashInverse, true
	}
}

// known is v's hash if that takes no time worth counting.
func known(v Value) (h uint64, ok bool) {
	if v.Kind() == KindList && !v.List().hashed || v.Kind() == KindInt && v.p != nil {
		return 0, false
	}
	budget := 0
	return v.Likeness(&budget)
}

// hashMoved hands the hash of l on to c, which is l with a elements gone from its front or, if a is negative, with so many before it.
func (l *List) hashMoved(c *List, a int) {
	h := l.hash
	for i := range a {
		m, ok := known(*at(l.items, i))
		if !ok {
			return
		}
		h = (h - m) * hashInverse
	}
	for i := -1; i >= a; i-- {
		m, ok := known(*at(l.items, i))
		if !ok {
			return
		}
		h = h*hashBase + m
	}
	c.hash, c.hashed = h, true
}

// Unplaced is about how many elements, entries and bytes of v have to be gone through to lay it out as blocks: 0 where that was done before.
// It looks at the outermost part and one element, so it costs nothing itself.
func (v Value) Unplaced() int {
	if m := v.memo(); m != nil && m.get() != nil {
		return 0
	}
	if v.MostlyFar() {
		if v.Kind() == KindList {
			return farSize + v.List().Len() + v.List().made() // blocks are cut anew where others meet
		}
		n, _ := v.Map().made()
		return farSize + 2*n
	}
	one := func(n int, x Value) int {
		switch x.Kind() {
		case KindMap:
			return n * (1 + 2*x.Map().Len())
		case KindList:
			return n * (1 + x.List().Len())
		case KindText:
			return n * (1 + len(x.Text())/32)
		}
		return n
	}
	switch v.Kind() {
	case KindText:
		return len(v.Text()) / 16
	case KindBytes:
		return v.BytesLen() / 16
	case KindList:
		if n := v.List().Len(); n > 0 {
			return one(n, v.List().At(n/2))
		}
	case KindMap:
		if n := v.Map().Len(); n > 0 {
			return one(2*n, v.Map().some())
		}
	}
	return 1
}

// Alike says whether v and w are known to be equal: the same object, or ints, floats, bools, short texts and lists of such, element by
// element. That two values are not alike says nothing: lists in lists can be exponentially longer than what they take to hold, so
// it looks at alikeMost elements.
func Alike(v, w Value) bool {
	left := alikeMost
	return alike(v, w, &left)
}

const alikeMost = 1 << 17

func alike(v, w Value, left *int) bool {
	if v == w {
		return true
	}
	k := v.Kind()
	if k != w.Kind() {
		return false
	}
	switch k {
	case KindInt:
		return v.p != nil && w.p != nil && v.BigInt().Cmp(w.BigInt()) == 0
	case KindText:
		return len(v.Text()) <= shortText && v.Text() == w.Text()
	case KindList:
		return v.List().alike(w.List(), left)
	}
	return false
}

func (l *List) alike(o *List, left *int) bool {
	if l.Len() != o.Len() || l.hashed && o.hashed && l.hash != o.hash {
		return false
	}
	if l.n == o.n && l.items == o.items && l.rest == o.rest {
		return true
	}
	a, b := l.Iter(), o.Iter()
	for {
		x, y := a.run(), b.run() // what is left of the arrays that they are in
		n := min(len(x), len(y))
		if n == 0 {
			return true
		}
		if &x[0] != &y[0] {
			if *left -= n; *left < 0 {
				return false
			}
			for i := range n {
				if !alike(x[i], y[i], left) {
					return false
				}
			}
		}
		a.skip(n)
		b.skip(n)
	}
}
