package node

import (
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"github.com/rosser-lang/rosser/codec"
)

// TestLongHints: what peers say that they have answers of takes as much memory as expressions do.
func TestLongHints(t *testing.T) {
	var g gazette
	hash, err := multihash.Sum(make([]byte, 30000), multihash.IDENTITY, -1)
	if err != nil {
		t.Fatal(err)
	}
	expr := junk(1).CID
	g.note("peer", message{Answers: []string{cid.NewCidV1(cid.DagCBOR, hash).String(), cid.NewCidV0(expr.Hash()).String(), codec.RawCID(nil).String(), expr.String()}})
	if _, ok := g.hint(expr); len(g.hints) != 1 || !ok {
		t.Errorf("got %d hints, want one", len(g.hints))
	}
}
