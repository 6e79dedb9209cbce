// This file chooses the answers that a collection gives up so that the store gets below a size: first those that are cheap to have again, the oldest
// first, and then those that take the fewest steps for each byte of their values. What is pinned itself stays, and what pins and roots lead to by links; of a pinned expression that is its answer, while
// answers for what is below it can go. A Trace that rests on an answer given up keeps the block of its Result, not the rest of its value.

package store

import (
	"cmp"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

const (
	trimRounds = 12   // answers share blocks, so what giving up so many frees is only known afterwards
	weighed    = 4096 // blocks that are looked at for the size of one value
	cheap      = 1e8  // steps of an answer that is cheap: some second
)

// A weight is an answer that can be given up.
type weight struct {
	expr, result cid.Cid
	steps, bytes uint64
	when         int64 // it was recorded, in seconds since 1970
}

// trim marks again, with answers given up, until what is marked is small enough or nothing more can be given up.
func (c *collector) trim() error {
	if c.opts.Trim == 0 {
		return nil
	}
	var rest []weight
	for round := range trimRounds {
		content, err := c.content()
		if err != nil || content <= c.opts.Trim {
			return err
		}
		if round == 0 {
			if rest, err = c.weigh(); err != nil {
				return err
			}
		}
		n, freed := 0, uint64(0)
		for n < len(rest) && freed < (content-c.opts.Trim)<<min(round, 8) {
			freed += rest[n].bytes
			n++
		}
		if n == 0 {
			return nil
		}
		if c.shed == nil {
			c.shed, c.gone = map[cid.Cid]struct{}{}, map[cid.Cid]struct{}{}
		}
		for _, w := range rest[:n] {
			c.shed[w.expr], c.gone[w.result] = struct{}{}, struct{}{}
		}
		rest = rest[n:]
		c.again()
		if err := c.mark(); err != nil {
			return err
		}
	}
	return nil
}

// content is the bytes of all that stays as it is marked.
func (c *collector) content() (n uint64, err error) {
	for prefix := range 255 {
		err := c.each(byte(prefix), func(e entry) error {
			switch prefix {
			case blockPrefix:
				key := string(e.key)
				if _, ok := c.at(key).keptFor(); !ok && c.known(key) && !c.used.has(key) {
					return nil
				}
			case answerPrefix:
				if expr, err := cid.Cast(e.key[1:]); err == nil {
					mk := c.at(blockKey(expr))
					if _, shed := c.shed[expr]; shed || mk == nil || mk.bits&noticed == 0 {
						return nil
					}
				}
			}
			n += uint64(len(e.key) + len(e.value))
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// weigh returns the answers that can be given up, those first that are to go first.
func (c *collector) weigh() ([]weight, error) {
	pinned, err := c.pinned()
	if err != nil {
		return nil, err
	}
	c.answers = slices.DeleteFunc(c.answers, func(w weight) bool {
		mk := c.at(blockKey(w.result))
		return pinned[w.expr] || pinned[w.result] || mk == nil || mk.bits&cborLinks != 0 || c.used.has(blockKey(w.expr)) || c.used.has(blockKey(w.result))
	})
	for i := range c.answers {
		w := &c.answers[i]
		rec, _, err := c.get(answerKey(w.expr))
		if err != nil {
			return nil, err
		}
		_, w.when = undated(rec)
		seen := map[graph.Own]bool{}
		for todo := []graph.Own{{CID: w.result, Role: graph.ResultRole}}; len(todo) > 0 && len(seen) < weighed; {
			o := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if seen[o] || isIdentity(o.CID) {
				continue
			}
			seen[o] = true
			data, ok, err := c.get(blockKey(o.CID))
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			w.bytes += uint64(len(data))
			next, err := graph.OwnLinks(data, o.Role)
			if err == nil {
				todo = append(todo, next...)
			}
		}
	}
	slices.SortFunc(c.answers, func(a, b weight) int { // steps that overflow are those of nobody's lifetime
		if a, b := a.steps <= cheap, b.steps <= cheap; a != b {
			if a {
				return -1
			}
			return 1
		}
		if a.steps <= cheap && a.when != b.when {
			return cmp.Compare(a.when, b.when)
		}
		return cmp.Or(cmp.Compare(float64(a.steps)/float64(a.bytes+1), float64(b.steps)/float64(b.bytes+1)), cmp.Compare(a.expr.KeyString(), b.expr.KeyString()))
	})
	return c.answers, nil
}

// pinned returns what is pinned, with the Results and other records that a direct pin of one leads to.
func (c *collector) pinned() (map[cid.Cid]bool, error) {
	pinned := map[cid.Cid]bool{}
	var todo []step
	err := c.each(pinPrefix, func(e entry) error {
		if p, err := readPin(e.key, e.value); err == nil {
			pinned[p.CID] = true
			todo = append(todo, p.step())
		}
		return nil
	})
	for err == nil && len(todo) > 0 {
		st := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if st.how != asRecord {
			continue
		}
		var data []byte
		if data, _, err = c.get(blockKey(st.cid)); err != nil {
			break
		}
		next, _ := st.next(data) // what is no record leads to none
		for _, st := range next {
			if st.how == asRecord && st.cid.Defined() && !pinned[st.cid] {
				pinned[st.cid] = true
				todo = append(todo, st)
			}
		}
	}
	return pinned, err
}
