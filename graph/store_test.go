// This file holds Memory to the contract of stores.

package graph_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Open: func(*testing.T) graph.Store { return graph.NewMemory() },
		Damage: func(_ *testing.T, s graph.Store, c cid.Cid) {
			s.Put(context.Background(), graph.Block{CID: c, Data: []byte("not this")})
		},
	})
}

func TestVerify(t *testing.T) {
	data := []byte("data")
	other, err := cid.Prefix{Version: 1, Codec: codec.RawCode, MhType: 0x12, MhLength: -1}.Sum(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []cid.Cid{codec.CIDOf(data), other, cid.NewCidV0(other.Hash())} {
		if err := graph.Verify(c, data); err != nil {
			t.Errorf("%s: %v", c, err)
		}
		if err := graph.Verify(c, []byte("date")); !errors.Is(err, graph.ErrDamaged) {
			t.Errorf("%s: got %v, want %v", c, err, graph.ErrDamaged)
		}
	}
}
