// This file estimates the memory that values keep alive, for tables that are bounded in bytes.

package graph

import "unsafe"

// A Scale weighs values: each part that they share once, as far as it remembers. Lists that begin or end with the same elements share
// them. What it does not know it takes to be a part by itself, so it errs to the high side.
type Scale struct{ seen [scaleSlots]weighed }

const scaleSlots = 4096

// weighed says that so much of what begins or ends at a place has been weighed.
type weighed struct {
	at uintptr
	n  int
}

// Reset forgets what has been weighed.
func (s *Scale) Reset() { clear(s.seen[:]) }

// fresh is how many of n parts that begin or end at p have not been weighed, and notes that they are. A nil Scale remembers nothing.
func (s *Scale) fresh(p unsafe.Pointer, n int) int {
	if s == nil {
		return n
	}
	at := uintptr(p)
	w := &s.seen[uint64(at)*hashBase>>52%scaleSlots]
	if w.at != at {
		*w = weighed{at, n}
		return n
	}
	n -= w.n
	if n <= 0 {
		return 0
	}
	w.n += n
	return n
}

const (
	objectSize = 96 // of a list, a map, a closure, with what the heap adds
	deepest    = 4  // levels of values in values that are looked into
)

// Weigh is about how many bytes v keeps alive that have not been weighed. bounded is false for a value that may come to
// keep more alive than it does: one that is lazy.
func (s *Scale) Weigh(v Value) (bytes int, bounded bool) { return s.weigh(v, deepest) }

func (s *Scale) weigh(v Value, depth int) (bytes int, bounded bool) {
	switch v.Kind() {
	case KindInt:
		if v.p != nil {
			bytes = s.fresh(unsafe.Pointer(v.p), 48+8*len(v.BigInt().Bits()))
		}
	case KindText:
		bytes = s.fresh(unsafe.Pointer(v.p), 48+len(v.Text()))
	case KindBytes:
		bytes = s.fresh(unsafe.Pointer(v.p), 48+len(v.bytes().b)) // far bytes are let go when nobody has them
	case KindList:
		if v.MostlyFar() {
			return s.fresh(unsafe.Pointer(v.p), farSize), true
		}
		return s.list(v, depth)
	case KindMap:
		if v.MostlyFar() {
			return s.fresh(unsafe.Pointer(v.p), farSize), true
		}
		m := v.Map()
		n := s.fresh(unsafe.Pointer(v.p), m.Len())
		if n == 0 {
			return 0, true
		}
		each, ok := s.sample(m.some(), depth) // a key in the middle would have to be found
		return objectSize + n*(64+each), ok
	case KindFn:
		bytes = s.fresh(unsafe.Pointer(v.p), objectSize)
		for _, a := range v.Fn().Args {
			if depth == 0 {
				return bytes, false
			}
			more, ok := s.weigh(a, depth-1)
			if !ok {
				return bytes, false
			}
			bytes += int(slotBytes) + more
		}
	case KindLazy:
		return 0, false
	}
	return bytes, true
}

const slotBytes = unsafe.Sizeof(Value{})

func (s *Scale) list(v Value, depth int) (bytes int, bounded bool) {
	l := v.List()
	n := l.Len()
	if n == 0 {
		return 0, true
	}
	last := l.front()
	if l.rest != nil {
		last = l.rest.last()
	}
	begin := s.fresh(unsafe.Pointer(l.items), n)
	end := s.fresh(unsafe.Pointer(&last.slice()[last.n-1]), n)
	each, ok := s.sample(l.At(n/2), depth)
	return s.fresh(unsafe.Pointer(v.p), objectSize) + min(begin, end)*(int(slotBytes)+each), ok
}

// last is the last array of what r holds.
func (r *rest) last() run {
	if r.back.n > 0 {
		return r.back
	}
	t := r.root
	for t.height > 0 {
		t = t.near()
		t = t.kids[len(t.kids)-1]
	}
	return t.leaf
}

// sample weighs an element for all.
func (s *Scale) sample(v Value, depth int) (bytes int, bounded bool) {
	if v.p == nil {
		return 0, true
	}
	if depth == 0 {
		return 1 << 16, true
	}
	return (*Scale)(nil).weigh(v, depth-1)
}
