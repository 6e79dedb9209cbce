// This file holds the conformance suite of stores.

package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A Harness tells Run how to come by stores.
type Harness struct {
	// Open returns an empty store, which lives until the test ends.
	Open func(t *testing.T) graph.Store
	// Reopen, when there is one, closes the store and opens it again.
	Reopen func(t *testing.T, s graph.Store) graph.Store
	// Damage, when there is one, changes what is kept of a block, behind the store's back.
	Damage func(t *testing.T, s graph.Store, c cid.Cid)
	// Lose, when there is one, makes the store forget a block.
	Lose func(t *testing.T, s graph.Store, c cid.Cid)
}

// Run holds stores to the contract of graph.Store.
func Run(t *testing.T, h Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"blocks", blocks}, {"codecs", codecs}, {"answers", answers}, {"claims", claims}, {"reducts", reducts},
		{"unreachable", unreachable}, {"lost", lost}, {"damaged", damaged}, {"reopen", reopen}, {"hammer", hammer},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, h) })
	}
}

// block returns a block of its own for each n.
func block(n int) graph.Block {
	data := codec.AppendText(nil, fmt.Sprintf("block %d", n))
	return graph.Block{CID: codec.CIDOf(data), Data: data}
}

func put(t *testing.T, s graph.Store, blocks ...graph.Block) {
	t.Helper()
	if err := s.Put(context.Background(), blocks...); err != nil {
		t.Fatal(err)
	}
}

func blocks(t *testing.T, h Harness) {
	ctx, s := context.Background(), h.Open(t)
	a, b := block(1), block(2)
	put(t, s)
	put(t, s, a, a)
	put(t, s, a)
	for _, flushed := range []bool{false, true} {
		if flushed {
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		data, err := s.Block(ctx, a.CID)
		if err != nil || string(data) != string(a.Data) {
			t.Errorf("got %q, %v, want %q", data, err, a.Data)
		}
		if has, err := s.Has(ctx, a.CID); !has || err != nil {
			t.Errorf("got %v, %v for a block that was put", has, err)
		}
		if has, err := s.Has(ctx, b.CID); has || err != nil {
			t.Errorf("got %v, %v for a block that was not put", has, err)
		}
		_, err = s.Block(ctx, b.CID)
		if !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), b.CID.String()) {
			t.Errorf("got %v, want %v with the CID", err, graph.ErrNotFound)
		}
	}
}

// codecs puts blocks that are not ours, and one large.
func codecs(t *testing.T, h Harness) {
	ctx, s := context.Background(), h.Open(t)
	large := codec.AppendBytes(nil, make([]byte, 1<<20))
	raw := []byte("raw")
	sum, err := cid.Prefix{Version: 1, Codec: codec.DagJSON, MhType: 0x13 /* sha2-512 */, MhLength: -1}.Sum([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []graph.Block{
		{CID: codec.CIDOf(large), Data: large}, {CID: codec.RawCID(raw), Data: raw}, {CID: codec.RawCID(nil), Data: nil},
		{CID: sum, Data: []byte("{}")}, {CID: cid.NewCidV0(codec.RawCID([]byte("v0")).Hash()), Data: []byte("v0")},
	} {
		put(t, s, b)
		if data, err := s.Block(ctx, b.CID); err != nil || string(data) != string(b.Data) {
			t.Errorf("%s: got %.20q, %v, want %.20q", b.CID, data, err, b.Data)
		}
	}
}

// An outcome is a result with all that belongs to it.
type outcome struct {
	answer graph.Answer
	result graph.Block
	own    []graph.Block // the blocks of the value
}

// outcomeOf makes the result of expression n, whose value has a block of its own and a function.
func outcomeOf(t *testing.T, s graph.Store, n int, by string) outcome {
	t.Helper()
	var o outcome
	sink := graph.SinkFunc(func(b graph.Block) { o.own = append(o.own, b) })
	inner := graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: graph.Int(int64(n))}, sink)
	fn := graph.EncodeCode(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpRef, CID: inner.CID}}}, sink)
	value := graph.NewList(
		graph.Text(strings.Repeat("x", 2000)+fmt.Sprint(n)),
		graph.FnValue(&graph.Fn{Head: fn.CID, Opaque: true}),
		graph.LinkValue(block(-1).CID), // somebody else's
	)
	expr := graph.EncodeCode(&graph.Term{Op: graph.OpGet, Name: "x", Args: []*graph.Term{{Op: graph.OpRef, CID: inner.CID}}}, nil)
	o.result = graph.EncodeResult(graph.Result{Of: expr.CID, Value: value, Steps: uint64(n)}, sink)
	o.own = o.own[:len(o.own)-1]
	if len(o.own) != 3 {
		t.Fatalf("got %d blocks beside the result, want 3", len(o.own))
	}
	o.answer = graph.Answer{Expr: expr.CID, Result: o.result.CID, By: by, Steps: uint64(n)}
	put(t, s, o.own...)
	put(t, s, o.result)
	return o
}

func record(t *testing.T, s graph.Store, a graph.Answer) {
	t.Helper()
	if err := s.Record(context.Background(), a); err != nil {
		t.Fatal(err)
	}
}

func wantAnswer(t *testing.T, s graph.Store, want graph.Answer) {
	t.Helper()
	if got, ok, err := s.Answer(context.Background(), want.Expr); !ok || err != nil || got != want {
		t.Errorf("got %v, %v, %v, want %v", got, ok, err, want)
	}
}

func wantNone(t *testing.T, s graph.Store, expr cid.Cid) {
	t.Helper()
	if got, ok, err := s.Answer(context.Background(), expr); ok || err != nil {
		t.Errorf("got %v, %v, %v, want no answer", got, ok, err)
	}
}

func answers(t *testing.T, h Harness) {
	s := h.Open(t)
	a, b := outcomeOf(t, s, 1, "own:1"), outcomeOf(t, s, 2, "own:1")
	wantNone(t, s, a.answer.Expr)
	a.answer.Trace = graph.EncodeTrace(graph.Trace{Result: a.result.CID}, nil).CID
	record(t, s, a.answer)
	wantAnswer(t, s, a.answer)
	wantNone(t, s, b.answer.Expr)
	a.answer.By, a.answer.Trace = "own:2", cid.Undef
	record(t, s, a.answer)
	wantAnswer(t, s, a.answer)
	if err := s.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, s, a.answer)
}

// reducts: the latest reduct of an expression stands, but no claim in the place of one of this machine's own; one whose blocks are not
// there counts for nothing.
func reducts(t *testing.T, h Harness) {
	ctx, s := context.Background(), h.Open(t)
	link := func(n int) graph.Block {
		return graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: graph.Int(int64(n))}, nil)
	}
	of, to, gone := link(1), link(2), link(3)
	reduct := func(of, to graph.Block, by string, puts bool) graph.Becomes {
		t.Helper()
		b := graph.EncodeReduct(graph.Reduct{Of: of.CID, To: to.CID, Steps: 7}, nil)
		if puts {
			put(t, s, b, to)
		}
		out := graph.Becomes{Expr: of.CID, Reduct: b.CID, By: by}
		if err := s.RecordReduct(ctx, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	is := func(expr graph.Block, want graph.Becomes, there bool) {
		t.Helper()
		got, ok, err := s.Reduct(ctx, expr.CID)
		if err != nil || ok != there || ok && got != want {
			t.Errorf("got %v, %v, %v; want %v, %v", got, ok, err, want, there)
		}
	}
	is(of, graph.Becomes{}, false)
	claim := reduct(of, to, graph.ClaimAnswer+"x", true)
	is(of, claim, true)
	own := reduct(of, link(4), graph.OwnAnswer+"1", true)
	is(of, own, true)
	reduct(of, to, graph.ClaimAnswer+"x", true)
	is(of, own, true)
	later := reduct(of, link(5), graph.OwnAnswer+"1", true)
	is(of, later, true)
	reduct(to, gone, graph.OwnAnswer+"1", false)
	is(to, graph.Becomes{}, false)
	if err := s.RecordReduct(ctx, graph.Becomes{Expr: gone.CID, Reduct: later.Reduct, By: graph.OwnAnswer + "1"}); err != nil { // of something else
		t.Fatal(err)
	}
	is(gone, graph.Becomes{}, false)
	if _, ok, err := s.Answer(ctx, of.CID); ok || err != nil {
		t.Errorf("got %v, %v for the answer of what has a reduct alone", ok, err)
	}
	if h.Reopen != nil {
		s = h.Reopen(t, s)
		is(of, later, true)
	}
}

func claims(t *testing.T, h Harness) {
	s := h.Open(t)
	own := outcomeOf(t, s, 1, "own:1")
	claim := own.answer
	claim.By, claim.Result = "claim:somebody", outcomeOf(t, s, 7, "").result.CID
	record(t, s, claim)
	wantAnswer(t, s, claim)
	record(t, s, own.answer)
	wantAnswer(t, s, own.answer)
	record(t, s, claim)
	wantAnswer(t, s, own.answer)
}

// unreachable records answers whose blocks were never put.
func unreachable(t *testing.T, h Harness) {
	other := graph.NewMemory()
	for lost := range 4 {
		s := h.Open(t)
		o := outcomeOf(t, other, lost, "own:1")
		for i, b := range append(o.own, o.result) {
			if i != lost {
				put(t, s, b)
			}
		}
		record(t, s, o.answer)
		wantNone(t, s, o.answer.Expr)
		put(t, s, append(o.own, o.result)...)
		record(t, s, o.answer)
		wantAnswer(t, s, o.answer)
	}
}

func lost(t *testing.T, h Harness) {
	if h.Lose == nil {
		t.Skip("this store loses nothing")
	}
	for i := range 4 {
		s := h.Open(t)
		o := outcomeOf(t, s, i, "own:1")
		record(t, s, o.answer)
		if err := s.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		h.Lose(t, s, append(o.own, o.result)[i].CID)
		wantNone(t, s, o.answer.Expr)
	}
}

func damaged(t *testing.T, h Harness) {
	if h.Damage == nil {
		t.Skip("this store cannot be damaged")
	}
	ctx := context.Background()
	for i := range 4 {
		s := h.Open(t)
		o := outcomeOf(t, s, i, "own:1")
		record(t, s, o.answer)
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		bad := append(o.own, o.result)[i]
		h.Damage(t, s, bad.CID)
		if _, err := s.Block(ctx, bad.CID); !errors.Is(err, graph.ErrDamaged) || !strings.Contains(err.Error(), bad.CID.String()) {
			t.Errorf("got %v, want %v with the CID", err, graph.ErrDamaged)
		}
		wantNone(t, s, o.answer.Expr)
		// Reduced again, it is whole again.
		put(t, s, bad)
		record(t, s, o.answer)
		wantAnswer(t, s, o.answer)
	}
}

func reopen(t *testing.T, h Harness) {
	if h.Reopen == nil {
		t.Skip("this store does not outlive its process")
	}
	s := h.Open(t)
	o := outcomeOf(t, s, 1, "own:1")
	record(t, s, o.answer)
	if err := s.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = h.Reopen(t, s)
	wantAnswer(t, s, o.answer)
	for _, b := range append(o.own, o.result) {
		if data, err := s.Block(context.Background(), b.CID); err != nil || string(data) != string(b.Data) {
			t.Errorf("got %q, %v, want %q", data, err, b.Data)
		}
	}
}

// hammer calls everything from several goroutines; run it with -race.
func hammer(t *testing.T, h Harness) {
	ctx, s := context.Background(), h.Open(t)
	o := outcomeOf(t, s, 1, "own:1")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				b := block(g%4*50 + i)
				if err := s.Put(ctx, b); err != nil {
					t.Error(err)
				}
				if data, err := s.Block(ctx, b.CID); err != nil || string(data) != string(b.Data) {
					t.Errorf("got %q, %v, want %q", data, err, b.Data)
				}
				if _, err := s.Has(ctx, block(i).CID); err != nil {
					t.Error(err)
				}
				if err := s.Record(ctx, o.answer); err != nil {
					t.Error(err)
				}
				if _, ok, err := s.Answer(ctx, o.answer.Expr); !ok || err != nil {
					t.Errorf("got %v, %v for an answer that was recorded", ok, err)
				}
				if i%20 == 0 {
					if err := s.Flush(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}
