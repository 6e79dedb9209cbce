// This file tests what the machine gives the store: each block of a value once, and all of them again after a failure.

package eval_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// A fullDisk is a store that takes only some more blocks.
type fullDisk struct {
	*graph.Memory
	room, puts int
}

func (s *fullDisk) Put(ctx context.Context, blocks ...graph.Block) error {
	for _, b := range blocks {
		if s.puts++; s.puts > s.room {
			return errors.New("the disk is full")
		}
		s.Memory.Put(ctx, b)
	}
	return nil
}

func TestBlocks(t *testing.T) {
	store := &fullDisk{Memory: graph.NewMemory()}
	ref := func(t *graph.Term) *graph.Term {
		return &graph.Term{Op: graph.OpRef, CID: graph.EncodeCode(t, store.Memory).CID}
	}
	lit := func(n int64) *graph.Term { return &graph.Term{Op: graph.OpLit, Value: graph.Int(n)} }
	long := ref(&graph.Term{Op: graph.OpApp, Args: []*graph.Term{{Op: graph.OpPrim, Name: "list.range"}, lit(1), lit(100_000)}})
	with := func(n int64) cid.Cid {
		return ref(&graph.Term{Op: graph.OpList, Args: []*graph.Term{long, lit(n)}}).CID
	}
	m := eval.New(eval.Options{Store: store, Load: store.Load, Link: eval.All})
	run := func(expr cid.Cid, room int) eval.Outcome {
		t.Helper()
		store.room, store.puts = room, 0
		out, err := m.Eval(context.Background(), expr)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if run(with(1), 5); m.Failure() == nil {
		t.Fatal("got no failure of a full disk")
	}
	out := run(with(2), 1<<30)
	if m.Failure() != nil || store.puts < 10 {
		t.Errorf("after a failure: got %d blocks and %v, want all of the value's", store.puts, m.Failure())
	}
	if err := graph.ResultBlocks(out.Result, store.Load, nil); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	if run(with(3), 1<<30); store.puts > 5 {
		t.Errorf("got %d blocks for a value whose parts the store has", store.puts)
	}
}
