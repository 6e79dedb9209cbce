// This file tells a node who has answers.

package node

import (
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"github.com/rosser-lang/rosser/codec"
)

// TestLongHints: what peers say that they have answers of takes as much memory as expressions do.
func TestLongHints(t *testing.T) {
	_, n := open(t, Options{})
	hash, err := multihash.Sum(make([]byte, 30000), multihash.IDENTITY, -1)
	if err != nil {
		t.Fatal(err)
	}
	expr := junk(1).CID
	for _, c := range []cid.Cid{cid.NewCidV1(cid.DagCBOR, hash), cid.NewCidV0(expr.Hash()), codec.RawCID(nil), expr} {
		n.note("peer", []told{{Expr: c.String(), Result: c.String(), Word: make([]byte, 2000)}})
	}
	if _, ok := n.gazette.hint(expr); len(n.gazette.hints) != 1 || !ok || len(n.journal.others) != 0 {
		t.Errorf("got %d hints, want one", len(n.gazette.hints))
	}
}
