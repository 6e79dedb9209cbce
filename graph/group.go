// This file puts recursion groups into their canonical form, whatever order and however often their members were
// written.
//
// The members are classed by colour refinement on content alone. A colour is a rank: at first that of the hash of the
// member with its mentions of members zeroed; then, round by round, that of the sequence of its own colour and the
// colours of the members it mentions, in the order it mentions them; until no class splits any more. Two members are in one
// class exactly when no context can tell them apart (they are bisimilar), so a class becomes one member. Ranks are
// dense and depend on which classes there are, not on how many members each has: the group that has been merged
// already has the same ranks, which is why its members need no second refinement to be sorted.

package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
)

// CanonicalGroup returns the canonical members of a recursion group, and for each member given the place where it
// stands among them. The members are OpLams, whose bodies mention each other by OpSelf, each index within the group.
// They are not changed; subterms without mentions are shared with the result.
func CanonicalGroup(members []*Term) (canonical []*Term, place []int, err error) {
	return CanonicalGroupContext(context.Background(), members)
}

// CanonicalGroupContext is CanonicalGroup until ctx ends. Then the error is its cause.
func CanonicalGroupContext(ctx context.Context, members []*Term) (canonical []*Term, place []int, err error) {
	n := len(members)
	if n == 0 || n > MaxMembers {
		return nil, nil, fmt.Errorf("got a group of %d members, want 1 to %d", n, MaxMembers)
	}
	mentions := make([][]int, n)
	hashes := make([][sha256.Size]byte, n)
	for i, m := range members {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		for _, j := range mentionsOf(m, nil) {
			if j < 0 || j >= n {
				return nil, nil, fmt.Errorf("got a mention of member %d, want one of %d", j, n)
			}
			mentions[i] = append(mentions[i], j)
		}
		zeroed := withMentions(m, func(int) int { return 0 })
		hashes[i] = sha256.Sum256(appendLam(nil, zeroed, nil))
	}
	place = refine(ctx, mentions, hashes)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	canonical = make([]*Term, 1+slices.Max(place))
	for i, m := range members {
		if canonical[place[i]] == nil {
			canonical[place[i]] = withMentions(m, func(j int) int { return place[j] })
		}
	}
	return canonical, place, nil
}

const refineLook = 1 << 16 // mentions compared between looks at the context

// refine returns the ranks of the members in the coarsest classing that mentions respect and hashes begin. It may stop
// short of that when ctx ends.
func refine(ctx context.Context, mentions [][]int, hashes [][sha256.Size]byte) []int {
	n := len(hashes)
	order := make([]int, n) // the members, by rank
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(hashes[a][:], hashes[b][:]) })
	rank := make([]int, n)
	classes := ranks(order, rank, func(a, b int) bool { return hashes[a] == hashes[b] })
	next := make([]int, n)
	left, ended := refineLook, false
	for classes < n && !ended {
		byMentions := func(a, b int) int {
			if ended {
				return 0
			}
			for k, j := range mentions[a] {
				if left--; left < 0 {
					left, ended = refineLook, ctx.Err() != nil
				}
				// Members of one class mention as many.
				if d := rank[j] - rank[mentions[b][k]]; d != 0 {
					return d
				}
			}
			return 0
		}
		// Only classes of several members are looked at again.
		for from := 0; from < n; {
			to := from + 1
			for to < n && rank[order[to]] == rank[order[from]] {
				to++
			}
			if to > from+1 {
				slices.SortFunc(order[from:to], byMentions)
			}
			from = to
		}
		more := ranks(order, next, func(a, b int) bool { return rank[a] == rank[b] && byMentions(a, b) == 0 })
		if more == classes {
			break
		}
		rank, next, classes = next, rank, more
	}
	return rank
}

// ranks gives each member its dense rank in an order, and returns how many ranks there are.
func ranks(order, rank []int, same func(a, b int) bool) int {
	r := 0
	for i, m := range order {
		if i > 0 && !same(order[i-1], m) {
			r++
		}
		rank[m] = r
	}
	return r + 1
}

// mentionsOf appends the indices of the members that a term mentions, in preorder.
func mentionsOf(t *Term, to []int) []int {
	if t.Op == OpSelf {
		return append(to, t.Index)
	}
	for _, a := range t.Args {
		to = mentionsOf(a, to)
	}
	return to
}

// withMentions returns a term with the indices of members mapped.
func withMentions(t *Term, f func(int) int) *Term {
	if t.Op == OpSelf {
		return &Term{Op: OpSelf, Index: f(t.Index)}
	}
	var args []*Term
	for i, a := range t.Args {
		b := withMentions(a, f)
		if b != a && args == nil {
			args = slices.Clone(t.Args)
		}
		if args != nil {
			args[i] = b
		}
	}
	if args == nil {
		return t
	}
	c := *t
	c.Args = args
	return &c
}
