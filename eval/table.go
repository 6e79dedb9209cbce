// This file holds the table in memory that remembers calls. When a call is looked up in it and entered is the policy's business
// (policy.go).

package eval

import (
	"math/bits"

	"github.com/rosser-lang/rosser/graph"
)

const (
	maxArgs    = 4 // of a call that is remembered
	tableStart = 1 << 12
	tableEnd   = 1 << 18
	ways       = 4
)

// A table remembers calls: sets of a few ways, where the least costly makes place, or one that has not been asked for long
// (GreedyDual: Young, The k-Server Dual and Loose Competitiveness for Paging, 1994). It grows only while it hits.
type table struct {
	entries []entry
	used    int
	hits    int
	clock   uint64
}

type entry struct {
	hash  uint64
	fn    *lam
	args  [maxArgs]graph.Value
	value graph.Value
	steps uint64
	use   use    // its Result, if it was linked
	worth uint64 // the table's clock when it came, and more for the steps it saves
}

func (t *table) reset() {
	if len(t.entries) != tableStart {
		t.entries = make([]entry, tableStart)
	} else {
		clear(t.entries)
	}
	t.used, t.hits, t.clock = 0, 0, 0
}

func (t *table) set(h uint64) []entry {
	i := h & uint64(len(t.entries)-1) &^ (ways - 1)
	return t.entries[i : i+ways : i+ways]
}

func (t *table) find(h uint64, f *lam, args []graph.Value) *entry {
	set := t.set(h)
next:
	for i := range set {
		e := &set[i]
		if e.hash != h || e.fn != f {
			continue
		}
		for j, a := range args {
			if !graph.Alike(a, e.args[j]) {
				continue next
			}
		}
		t.hits++
		e.worth = t.clock + uint64(4*bits.Len64(e.steps))
		return e
	}
	return nil
}

func (t *table) insert(h uint64, f *lam, args []graph.Value, v graph.Value, steps uint64, u use) {
	if t.used > len(t.entries)/4*3 && t.hits > len(t.entries)/4 && len(t.entries) < tableEnd {
		t.grow()
	}
	set := t.set(h)
	place := &set[0]
	for i := range set {
		e := &set[i]
		if e.fn == nil || e.hash == h {
			place = e
			break
		}
		if e.worth < place.worth {
			place = e
		}
	}
	if place.fn == nil {
		t.used++
	} else if place.hash != h {
		t.clock = max(t.clock, place.worth)
	}
	*place = entry{hash: h, fn: f, value: v, steps: steps, use: u, worth: t.clock + uint64(4*bits.Len64(steps))}
	copy(place.args[:], args)
}

func (t *table) grow() {
	old := t.entries
	t.entries, t.used, t.hits = make([]entry, 2*len(old)), 0, 0
	for i := range old {
		if e := &old[i]; e.fn != nil {
			t.insert(e.hash, e.fn, e.args[:e.fn.arity], e.value, e.steps, e.use)
		}
	}
}
