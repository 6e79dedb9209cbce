// This file finds the equal elements of large lists: the different ones of a part are recorded, and compared with those of the parts before it.

package eval

import (
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # How does unique follow a small change?
//
//	core.costs [lazy (unique slot)]  =  [[[element, …], steps]]
//
// What equals none before it in the whole list is the first of its kind in its slot. An element that has an equal one takes one comparison, which costs
// the same whichever of the equal ones it is made with; so the steps are those recorded, and one comparison for each element of a record that is in one
// before. It holds as long as all elements are plain (hashPlain) and no two different ones have one hash, else the whole list is gone through.
// A big int is not plain here: compared with an equal float it costs less than with an int. Of a slot that stands in blocks a record of many elements
// saves nothing, of one whose elements have to be made it does.

const uniqueRecord = 8 // elements of a slot that stands in blocks for each in its record, at least

// firsts are the elements that equal none before them.
type firsts struct {
	kept []graph.Value
	at   map[uint64]int32 // by hash, the index in kept
}

func newFirsts() *firsts { return &firsts{at: map[uint64]int32{}} }

// add adds x if it equals none in f, and says what it has looked at of it. It compares x with one at most. ok is false if that is not enough to tell.
func (f *firsts) add(m *Machine, x graph.Value) (twin bool, touched int64, ok bool) {
	hash, touched, plain := hashPlain(x, 0)
	if !plain || hasBigInt(x) {
		return false, 0, false
	}
	if i, seen := f.at[hash]; seen {
		equal, err := equalValues(m, f.kept[i], x)
		return true, touched, equal && err == nil
	}
	f.at[hash] = int32(len(f.kept))
	if f.kept = append(f.kept, x); len(f.kept)&4095 == 0 {
		reserve(m, 1<<20)
	}
	return false, touched, true
}

// hasBigInt says whether there is an int beyond 64 bits in v, which is plain.
func hasBigInt(v graph.Value) (big bool) {
	switch v.Kind() {
	case graph.KindInt:
		_, small := v.Int()
		return !small
	case graph.KindList:
		v.List().Each(func(x graph.Value) bool {
			big = hasBigInt(x)
			return !big
		})
	case graph.KindMap:
		v.Map().Each(func(_ string, x graph.Value) bool {
			big = hasBigInt(x)
			return !big
		})
	}
	return big
}

// uniqueOfParts is listUnique of a list that has parts; ok is false if it is to be gone through as a whole.
func (m *Machine) uniqueOfParts(xs *graph.List) (unique graph.Value, ok bool) {
	parts := m.partsOf(xs, nil)
	if parts == nil {
		return unique, false
	}
	of, ends := m.slotsOf(xs, parts)
	if of == nil {
		return unique, false
	}
	s := m.slotStage(costsName, len(of), func(i int) cid.Cid { return m.application("list.unique", of[i]) })
	begun, forgiven, c, all := m.now(), m.policy.forgiven, meter{m: m}, newFirsts()
	from := 0
	for i, end := range ends {
		slot, p := parts[from:end], slotPart(parts, from, end)
		from = end
		kept, steps, ok := uniqueIn(s.begin(i), p.Len)
		e, record := extent{}, graph.Null()
		if ok {
			ticks := 2*uint64(p.Len) - uint64(len(kept))
			m.reusedPart(steps - ticks/16 + (c.n&15+ticks)/16)
			c.n += ticks
		} else {
			e = m.policy.open()
			own, start, ticked := newFirsts(), m.now(), c.n
			ok = true
			bytes := int64(0)
			for it := xs.Slice(p.At, p.At+p.Len).Iter(); ok; {
				x, more := it.Next()
				if !more {
					break
				}
				c.tick()
				var twin bool
				var touched int64
				if twin, touched, ok = own.add(m, x); twin {
					c.tick()
				} else {
					bytes += touched + 9
				}
				m.Charge(touched / 256)
			}
			kept = own.kept
			steps = m.stepsSince(start) - (c.n/16 - ticked/16) + (c.n-ticked)/16
			few := bytes <= keyBytes*int64(p.Len) && (len(kept)*uniqueRecord <= p.Len || slices.ContainsFunc(slot, isLazy))
			if ok && few && steps < graph.MaxSteps {
				record = graph.NewList(graph.NewList(kept...), graph.Int(int64(steps)))
				m.forgive(steps)
			} else {
				m.policy.shut(e)
			}
			ok = ok && (few || i > 0) // it takes half as long to go through them all at once
		}
		s.end(i, record, e)
		for _, x := range kept {
			if !ok {
				break
			}
			var twin bool
			if twin, _, ok = all.add(m, x); twin {
				c.tick()
			}
		}
		if !ok {
			m.rewind(begun)
			m.policy.forgiven = forgiven
			return unique, false
		}
	}
	return graph.NewList(all.kept...), true
}

// uniqueIn reads what is recorded of a slot of n elements.
func uniqueIn(record graph.Value, n int) (kept []graph.Value, steps uint64, ok bool) {
	v, steps, ok := costOf(record)
	if !ok || v.Kind() != graph.KindList || v.List().Len() > n {
		return nil, 0, false
	}
	return listValues(v.List()), steps, steps >= (2*uint64(n)-uint64(v.List().Len()))/16
}
