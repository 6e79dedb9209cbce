// This file finds the closed expressions that are looked at once, whose values need not be kept.

package eval

import (
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// # Why are uses counted before anything is reduced?
//
// A closed expression is reduced at most once a run, so its value is kept. That of one that stands in a single place, in an expression
// which is reduced once itself, is not looked at again; a stream that begins there would be kept alive from its first element on, however
// far the program has gone. Who else mentions it is known only when all code that can be reached has been read: it is, up to
// maxScanned blocks and maxScannedBytes; most of it is needed anyway. Blocks of data are left alone.

const (
	maxScanned      = 4096
	maxScannedBytes = 4 << 20
)

// countUses finds the units that are looked at once in the reduction of root. What cannot be loaded is left for who needs it.
func (m *Machine) countUses(root *unit) {
	var stack []*unit
	seen, read := map[*unit]bool{}, 0
	visit := func(u *unit) {
		if !seen[u] {
			seen[u] = true
			stack = append(stack, u)
		}
	}
	mentions := func(t *graph.Term, again bool) {
		graph.Walk(t, func(_ int, n *graph.Term) {
			if n.Op == graph.OpLazy { // it may be forced wherever it has got to
				again = true
			}
			if n.Op != graph.OpRef {
				return
			}
			u := m.unit(n.CID)
			if u.uses++; again {
				u.uses++
			}
			visit(u)
		})
	}
	visit(root)
	for len(stack) > 0 {
		if len(seen) > maxScanned || read > maxScannedBytes {
			for u := range seen {
				u.uses = 0
			}
			return
		}
		u := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if u.state == reduced {
			continue
		}
		data, err := m.opt.Load(u.cid)
		if err != nil {
			continue
		}
		read += len(data)
		if r := codec.NewReader(data, false); r.Only(graph.Lambda) && r.Only("lit") || read > maxScannedBytes || !m.canLoad(u) {
			continue
		}
		for _, f := range u.group {
			mentions(f.term, true)
		}
		switch {
		case u.lam == nil:
		case u.lam.unit != u: // a member
			visit(u.lam.unit)
		default:
			mentions(u.lam.term, u.lam.arity > 0)
		}
	}
}

// lastUse is the value of a unit that is looked at once, if it is; it is not kept then.
func (m *Machine) lastUse(u *unit, index int) graph.Value {
	v := m.refValue(u, index)
	if u.uses == 1 && u.state == reduced && u.lam != nil {
		u.value, u.state = graph.Value{}, unreduced
	}
	return v
}
