// This file tests chains.

package trust

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A relay is a result that several have come to.
type relay struct {
	expr, result cid.Cid
	parts        []Part
}

// relay has keys reduce an expression one after the other, each so many steps. The value is an error where it is said.
func (g *stage) relay(about string, failing bool, who ...int) relay {
	g.t.Helper()
	sink := graph.SinkFunc(func(b graph.Block) {
		if err := g.s.Put(g.t.Context(), b); err != nil {
			g.t.Fatal(err)
		}
	})
	at := func(i int) cid.Cid {
		return graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Text(about), graph.Int(int64(i))}, sink)
	}
	r := relay{expr: at(0)}
	last := len(who) - 1
	value := graph.Result{Of: at(last), Value: graph.Int(7), Steps: 5}
	if failing {
		value = graph.Result{Of: at(last), Error: &graph.Failure{Kind: "bad", Value: graph.Int(7)}, Steps: 5}
	}
	block := graph.EncodeResult(value, sink)
	r.parts = []Part{{Steps: 5, Envelope: g.seal(who[last], block.CID)}}
	for i := last - 1; i >= 0; i-- {
		step := graph.Reduct{Of: at(i), To: at(i + 1), Steps: uint64(10 + i)}
		r.parts = slices.Insert(r.parts, 0, Part{step.To, step.Steps, g.seal(who[i], graph.EncodeReduct(step, nil).CID)})
		var err error
		if block, err = step.Join(block.Data); err != nil {
			g.t.Fatal(err)
		}
	}
	sink.Take(block)
	r.result = block.CID
	return r
}

func (g *stage) seal(who int, block cid.Cid) []byte {
	return seal(g.t, g.keys[who], Attestation{Result: block, Kind: Computed, At: time.Unix(1_800_000_000, 0)})
}

// keep keeps the chain of a relay.
func (g *stage) keep(r relay) {
	g.t.Helper()
	chain, err := SealChain(r.result, r.parts)
	if err == nil {
		err = g.s.Keep(g.t.Context(), r.expr, chain)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

func TestChain(t *testing.T) {
	g := newStage(t)
	for name, failing := range map[string]bool{"value": false, "error": true} {
		r := g.relay(name, failing, 0, 1, 2)
		g.policy("key %s\nkey %s\nkey %s\n", g.ids[0], g.ids[1], g.ids[2])
		g.wants("before it comes", r.expr, cid.Undef)
		g.keep(r)
		g.wants("all three", r.expr, r.result)
		a, _, err := g.s.Answer(t.Context(), r.expr)
		if want := graph.ClaimOfAny([][]string{texts(g.ids[:3])}); err != nil || a.By != want {
			t.Errorf("got a claim by %q, %v, want %q", a.By, err, want)
		}
		for i := range 3 {
			two := slices.Delete(slices.Clone(g.ids[:3]), i, i+1)
			g.policy("key %s\nkey %s\n", two[0], two[1])
			g.wants("two of three", r.expr, cid.Undef)
		}
		g.policy("quorum 2\nvoter %s\nvoter %s\nvoter %s\n", g.ids[0], g.ids[1], g.ids[2])
		g.wants("voters who are needed for one chain", r.expr, cid.Undef)
	}
}

// TestChainQuorum: voters are believed together, alone or in chains, if none of them is in two of these.
func TestChainQuorum(t *testing.T) {
	g := newStage(t)
	r := g.relay("x", false, 0, 1)
	same := r
	for _, who := range [][]int{{2, 3}, {1, 4}} {
		other := g.relay("x", false, who...)
		if other.expr != r.expr || other.result != r.result {
			t.Fatal("another result")
		}
		if who[0] == 2 {
			same = other
		}
		g.keep(other)
	}
	g.keep(r)
	voters := "quorum 2\nvoter " + strings.Join(texts(g.ids[:6]), "\nvoter ") + "\n"
	g.policy("%s", voters)
	g.wants("two chains apart", r.expr, r.result)
	if n, err := Forget(t.Context(), g.s.Store, g.ids[2]); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	g.wants("two chains that share a key", r.expr, cid.Undef)
	g.says(1, r.expr, r.result)
	g.wants("a word by one who is in both", r.expr, cid.Undef)
	g.says(5, r.expr, r.result)
	g.wants("a word and another, or a chain", r.expr, r.result)
	g.policy("quorum 3\nvoter %s\n", strings.Join(texts(g.ids[:6]), "\nvoter "))
	g.wants("more are wanted", r.expr, cid.Undef)
	g.keep(same)
	g.wants("a word and two chains", r.expr, r.result)
	a, _, err := g.s.Answer(t.Context(), r.expr)
	if err != nil || !g.s.Believe(a.By) {
		t.Errorf("got %+v, %v", a, err)
	}
}

// TestBadChains: nothing but the parts of this result of this expression, in their order, is kept.
func TestBadChains(t *testing.T) {
	g := newStage(t)
	r, other := g.relay("x", false, 0, 1, 2), g.relay("y", false, 0, 1, 2)
	_, wrong := g.result("x", 1)
	change := func(f func(*relay)) relay {
		c := r
		c.parts = slices.Clone(r.parts)
		f(&c)
		return c
	}
	for name, bad := range map[string]relay{
		"a replay":               change(func(c *relay) { c.expr = other.expr }),
		"parts of another":       change(func(c *relay) { c.parts[1] = other.parts[1] }),
		"another result":         change(func(c *relay) { c.result = other.result }),
		"a result of another":    change(func(c *relay) { c.result = wrong }),
		"a part is left out":     change(func(c *relay) { c.parts = slices.Delete(c.parts, 1, 2) }),
		"the first is left out":  change(func(c *relay) { c.parts = c.parts[1:] }),
		"the order":              change(func(c *relay) { c.parts[0], c.parts[1] = c.parts[1], c.parts[0] }),
		"fewer steps":            change(func(c *relay) { c.parts[0].Steps-- }),
		"steps moved":            change(func(c *relay) { c.parts[0].Steps--; c.parts[2].Steps++ }),
		"it leads elsewhere":     change(func(c *relay) { c.parts[0].To = other.expr }),
		"signed by nobody of it": change(func(c *relay) { c.parts[1].Envelope = g.seal(3, r.result) }),
	} {
		chain, err := SealChain(bad.result, bad.parts)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := g.s.Keep(t.Context(), bad.expr, chain); err == nil {
			t.Errorf("%s: it is kept", name)
		} else if name != "a result of another" && !errors.Is(err, ErrBadAttestation) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	good, err := SealChain(r.result, r.parts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good { // each byte counts
		for _, bit := range []byte{1, 0x80} {
			bad := slices.Clone(good)
			bad[i] ^= bit
			if c, err := OpenChain(bad, r.expr, func(c cid.Cid) ([]byte, error) { return g.s.Block(context.Background(), c) }); err == nil {
				t.Fatalf("byte %d: got %+v", i, c)
			}
			if _, err := OpenChain(good[:i], r.expr, nil); !errors.Is(err, ErrBadAttestation) {
				t.Fatalf("%d bytes: got %v", i, err)
			}
		}
	}
	if list, err := g.s.Attestations(t.Context(), r.expr); len(list) != 0 || err != nil {
		t.Errorf("%d are kept, %v", len(list), err)
	}
	if c, err := OpenChain(good, r.expr, func(c cid.Cid) ([]byte, error) { return g.s.Block(context.Background(), c) }); err != nil || !slices.Equal(c.Signers, g.ids[:3]) {
		t.Errorf("got %+v, %v", c, err)
	}
	// As long as one may be, and longer.
	six := g.relay("z", false, 0, 1, 2, 3, 4, 5)
	g.keep(six)
	g.policy("key %s\n", strings.Join(texts(g.ids[:6]), "\nkey "))
	g.wants("six", six.expr, six.result)
	seven := g.relay("z", false, 0, 1, 2, 3, 4, 5, 6)
	if _, err := SealChain(seven.result, seven.parts); !errors.Is(err, ErrBadAttestation) {
		t.Errorf("seven: got %v", err)
	}
}

// FuzzChain: whatever comes as a chain is refused, or is the one form of what it says.
func FuzzChain(f *testing.F) {
	g := newStage(f)
	r := g.relay("x", false, 0, 1)
	good, err := SealChain(r.result, r.parts)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	load := func(c cid.Cid) ([]byte, error) { return g.s.Block(context.Background(), c) }
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := OpenChain(data, r.expr, load); err == nil && !bytes.Equal(data, good) {
			t.Errorf("%x is taken", data)
		}
	})
}

// TestChainBytes: what a chain is on its way is for ever.
func TestChainBytes(t *testing.T) {
	g := newStage(t)
	r := g.relay("x", false, 0, 1)
	chain, err := SealChain(r.result, r.parts)
	if err != nil {
		t.Fatal(err)
	}
	const want = "bafyreic6fw6sa3scyxikuz5fukz3y35al4lsble2ul75pv6z4hhzq6yb7i"
	if got := codec.CIDOf(chain).String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
