// This file makes one expression of what a checkpoint says: what is left to do of the expression that was asked for.

package eval

import (
	"fmt"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// # Why does a checkpoint not say it in one expression?
//
// Where the machine is stopped while it reduces a closed expression on behalf of another, the residual of the outer one looks at
// the inner one again, whose own Reduct says how far it has come. This machine finds it, since it believes its own Reducts, and the inner one gets a
// result of its own in the end. Somebody else who believes nothing would begin the inner one anew. For him the inner one's residual is put in its
// place: there, once, the two have the same value, and the steps add up.
//
//	f (E)   E becomes E' after n      f (E) becomes f (E') after n
//
// Where E stands in a lazy value, or is looked at from within a context, it stays as it is and is begun anew.

// maxInner is how many expressions in progress, each waiting for the next one, a remainder is made of.
const maxInner = 1 << 16

// Remainder returns what is left of the expression of a checkpoint, as one expression that rests on no other Reduct. Its blocks are put. ok is false
// where the checkpoint says nothing of the expression that would spare anybody a step.
func Remainder(point graph.Checkpoint, load graph.Loader, put graph.Sink) (r graph.Reduct, ok bool, err error) {
	becomes := map[cid.Cid]graph.Reduct{}
	for _, c := range point.Reducts {
		data, err := load(c)
		if err != nil {
			return r, false, err
		}
		reduct, err := graph.DecodeReduct(data)
		if err != nil {
			return r, false, fmt.Errorf("%s: %w", c, err)
		}
		becomes[reduct.Of] = reduct
	}
	type waiting struct {
		data []byte // of an expression's block
		at   int    // where in it the CID stands of the one that it waits for
	}
	var outer []waiting
	r.Of, r.To = point.Of, point.Of
	seen, moved := map[cid.Cid]bool{}, 0
	for at := point.Of; len(outer) < maxInner && !seen[at]; {
		seen[at] = true
		if b, ok := becomes[at]; ok {
			at, r.To, moved = b.To, b.To, len(outer)
			r.Steps = min(r.Steps+b.Steps, graph.MaxSteps)
			continue
		}
		data, err := load(at)
		if err != nil {
			return r, false, err
		}
		inner, end := waitsFor(data)
		if !inner.Defined() {
			break
		}
		outer = append(outer, waiting{data, end - len(inner.Bytes())})
		at = inner
	}
	for _, w := range slices.Backward(outer[:moved]) {
		data := slices.Clone(w.data)
		copy(data[w.at:], r.To.Bytes()) // of the same length: both are of code
		b := graph.Block{CID: codec.CIDOf(data), Data: data}
		put.Take(b)
		r.To = b.CID
	}
	return r, r.Steps > 0 && r.To != r.Of, nil
}

// waitsFor is the closed expression that one waits for which was written at a stop, and where its CID ends in the block; undefined if it waits for none.
//
//	core.enter f values inner
//	inner arg …
//	try inner
func waitsFor(data []byte) (inner cid.Cid, end int) {
	r := codec.NewReader(data, true)
	if !r.Only(graph.Lambda) {
		return cid.Undef, 0
	}
	link := func() (cid.Cid, int) {
		if r.Peek() != codec.Link {
			return cid.Undef, 0
		}
		c, err := r.Link()
		if p := c.Prefix(); err != nil || p.Version != 1 || p.Codec != cid.DagCBOR || len(c.Bytes()) != ownCID {
			return cid.Undef, 0
		}
		return c, r.Offset()
	}
	if n, err := r.Map(); err != nil || n != 1 {
		return cid.Undef, 0
	}
	switch op, err := r.Key("", true); {
	case err != nil:
		return cid.Undef, 0
	case op == "try":
		return link()
	case op != "app":
		return cid.Undef, 0
	}
	n, err := r.Array()
	if err != nil {
		return cid.Undef, 0
	}
	if r.Peek() == codec.Link {
		return link()
	}
	if n != 4 || !r.Only("prim") {
		return cid.Undef, 0
	}
	if name, err := r.Text(); err != nil || name != enterName || r.Skip() != nil || r.Skip() != nil {
		return cid.Undef, 0
	}
	return link()
}

const ownCID = 36 // bytes of the CID of a block of code

// A member is the place of a member in its group.
type member struct {
	group cid.Cid
	index int
}

// noteMember notes a member whose CID was made here: its block is one that whoever gave the group need not have given.
func (m *Machine) noteMember(c, group cid.Cid, index int) {
	if m.members == nil {
		m.members = map[cid.Cid]member{}
	}
	m.members[c] = member{group, index}
}

// writeMembers writes the blocks of the members that were met, once, or somebody else could not go on with what is left: what is written at a stop
// mentions them, and so does what was written before.
func (m *Machine) writeMembers() {
	for c, at := range m.members {
		if m.Blocks().Take(graph.EncodeCode(&graph.Term{Op: graph.OpMember, CID: at.group, Index: at.index}, nil)); m.policy.failure == nil {
			delete(m.members, c)
		}
	}
}
