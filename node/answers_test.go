// This file has peers tell a node of answers, some of whom lose batches, flood it, or lie.

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/trust"
)

// spreading is a node that takes part in the news, and hurries.
func spreading(t *testing.T, to ...*Node) *Node {
	t.Helper()
	o := loopback
	o.Key = aKey(t)
	_, n := open(t, o)
	n.gazette.every, n.gazette.again, n.gazette.soon, n.gazette.repair = 20*time.Millisecond, 300*time.Millisecond, 100*time.Millisecond, 50*time.Millisecond
	ctx, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	if err := n.publishNews(ctx); err != nil {
		t.Fatal(err)
	}
	for _, other := range to {
		if _, err := n.Connect(ctx, other.Addrs()[0].String()); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// soon waits until f is true.
func soon(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not in half a minute", what)
		}
	}
}

// TestToldAnswers: an answer that was told is taken from whoever has its blocks when who told it is gone, and used as the policy says.
func TestToldAnswers(t *testing.T) {
	ctx := context.Background()
	b := spreading(t)
	a, c, d := spreading(t, b), spreading(t, b), spreading(t, b)
	expr := question(t, a, 1)
	answer, _, err := a.store.Answer(ctx, expr)
	if err != nil {
		t.Fatal(err)
	}
	data, err := a.store.Block(ctx, answer.Result)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Put(ctx, graph.Block{CID: answer.Result, Data: data}); err != nil { // it has the block, and has no answer
		t.Fatal(err)
	}
	trusting(t, c.store, a.ID())
	for _, n := range []*Node{c, d} {
		soon(t, "the answer is told", func() bool {
			a.gazette.answered(expr.String()) // gossipsub may not have come together yet
			return len(n.said(expr)) == 1
		})
	}
	if len(c.journal.named) != 1 || len(d.journal.named) != 0 {
		t.Errorf("got %d and %d of whom they trust, want one and none", len(c.journal.named), len(d.journal.named))
	}
	a.Close()
	if ok, err := c.Find(ctx, expr, false); !ok || err != nil {
		t.Errorf("it is not found: %v %v", ok, err)
	}
	if got, ok, err := c.believed.Answer(ctx, expr); err != nil || !ok || !c.believed.Believe(got.By) {
		t.Errorf("got %+v %v %v, want that it is believed", got, ok, err)
	}
	if ok, err := d.Find(ctx, expr, false); ok || err != nil {
		t.Errorf("it trusts nobody, and finds it: %v", err)
	}
	if has, err := d.store.Has(ctx, answer.Result); has || err != nil {
		t.Errorf("it trusts nobody, and has it: %v", err)
	}
}

// TestToldDifferently: of two who are trusted one tells of a Result that nobody has. The other one's is taken.
func TestToldDifferently(t *testing.T) {
	ctx := context.Background()
	_, a := open(t, loopback)
	_, n := open(t, Options{})
	expr := question(t, a, 1)
	answer, _, err := a.store.Answer(ctx, expr)
	if err != nil {
		t.Fatal(err)
	}
	var keys []peer.ID
	words := map[peer.ID]told{}
	for _, result := range []cid.Cid{junk(1).CID, answer.Result} {
		key := aKey(t)
		id, err := peer.IDFromPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, id)
		words[id] = told{expr.String(), result.String(), seal(t, key, result)}
	}
	trusting(t, n.store, keys...)
	for _, id := range keys {
		n.note(id, []told{words[id]})
	}
	if _, err := n.Connect(ctx, a.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	if ok, err := n.findSaid(ctx, expr, n.said(expr), []peer.ID{a.ID()}, false); !ok || err != nil {
		t.Fatalf("it is not found: %v", err)
	}
	if got, ok, err := n.believed.Answer(ctx, expr); err != nil || !ok || got.Result != answer.Result {
		t.Errorf("got %+v %v %v, want %s", got, ok, err, answer.Result)
	}
}

// TestLostBatch: a message that did not come is asked for; and so is what was told before somebody came.
func TestLostBatch(t *testing.T) {
	ctx := context.Background()
	a := spreading(t)
	b := spreading(t, a)
	trusting(t, b.store, a.ID())
	var exprs []cid.Cid
	for i := range 3 {
		exprs = append(exprs, question(t, a, i))
		list, ok := a.tellOf(ctx, exprs[i].String())
		if !ok {
			t.Fatal("there is no answer to be told")
		}
		a.journal.add([]told{list}) // gossipsub drops it
	}
	exprs = append(exprs, question(t, a, 3))
	a.gazette.answered(exprs[3].String())
	heard := func(n *Node) func() bool {
		return func() bool {
			for _, e := range exprs {
				if len(n.said(e)) != 1 {
					return false
				}
			}
			return true
		}
	}
	soon(t, "what was lost comes", heard(b))
	late := spreading(t, a)
	soon(t, "who comes late hears of it", heard(late))
	if got := len(late.journal.named); got != 0 {
		t.Errorf("it trusts nobody, and has kept %d", got)
	}
}

// TestFloodOfAnswers: strangers fill no more memory than there is for them, and keep out nobody who is trusted.
func TestFloodOfAnswers(t *testing.T) {
	_, n := open(t, Options{})
	friend, stranger := aKey(t), aKey(t)
	id, err := peer.IDFromPrivateKey(friend)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := peer.IDFromPrivateKey(stranger)
	if err != nil {
		t.Fatal(err)
	}
	trusting(t, n.store, id)
	result := junk(1).CID
	n.note(id, []told{{junk(0).CID.String(), result.String(), seal(t, friend, result)}})
	forged := seal(t, stranger, result)
	n.note(id, []told{{junk(2).CID.String(), result.String(), forged}}) // it is not by whom it comes from
	var list []told
	for i := range maxAnswers {
		list = append(list, told{junk(i).CID.String(), result.String(), make([]byte, trust.MaxEnvelope)})
	}
	for k := range 12 {
		for i := range list {
			list[i].Expr = junk(k*maxAnswers + i).CID.String()
		}
		for who := range maxSaid + 2 {
			n.note(peer.ID(fmt.Sprint(bad, who)), list)
		}
	}
	if len(n.journal.others) > maxClaims || len(n.journal.named) != 1 || len(n.said(junk(0).CID)) < 1 {
		t.Errorf("got %d of strangers and %d of a friend", len(n.journal.others), len(n.journal.named))
	}
	for _, s := range n.journal.others {
		if len(s) > maxSaid {
			t.Errorf("%d strangers tell of one expression, want at most %d", len(s), maxSaid)
		}
	}
	// Digests that are none.
	for _, m := range []message{
		{}, {Run: "x"}, {Run: "x", First: 1, Last: 1 << 60}, {Run: "x", First: 9, Last: 1}, {Run: string(make([]byte, 1000)), First: 1, Last: 2},
	} {
		if got := n.journal.lacks(bad, m, 0); len(got) > 0 {
			t.Errorf("%+v: it asks for %v", m, got)
		}
	}
	const most = math.MaxUint64
	if got := n.journal.lacks(bad, message{Run: "most", First: most - 1, Last: most}, 0); len(got) != 2 || got[0] != most-1 || got[1] != most {
		t.Errorf("of the last numbers that there are it lacks %d: %.100v", len(got), got)
	}
	for i := range 3 * maxTellers {
		n.journal.lacks(peer.ID(fmt.Sprint(i)), message{Run: "x", First: 1, Last: 2}, 0)
	}
	if len(n.journal.tellers) > maxTellers {
		t.Errorf("it keeps what %d have told, want at most %d", len(n.journal.tellers), maxTellers)
	}
	if got := n.journal.lacks("last", message{Run: "x", First: math.MaxUint64 - 1, Last: math.MaxUint64}, 0); len(got) != 2 {
		t.Errorf("at the last numbers that there are it asks for %v", got)
	}
	m := message{Run: "x", First: 1, Last: 3, Batch: 2}
	if got := n.journal.lacks(bad, m, time.Hour); fmt.Sprint(got) != "[1 3]" {
		t.Errorf("it lacks %v, want 1 and 3", got)
	}
	if got := n.journal.lacks(bad, message{Run: "x", First: 1, Last: 4}, time.Hour); len(got) > 0 {
		t.Errorf("it asks for %v at once again", got)
	}
	if got := n.journal.lacks(bad, message{Run: "x", First: 1, Last: 4}, 0); fmt.Sprint(got) != "[4]" {
		t.Errorf("it lacks %v, want 4", got)
	}
}

// TestBadRepairs: what a peer gives again is bounded as what it tells.
func TestBadRepairs(t *testing.T) {
	_, n := open(t, Options{})
	l := newLiar(t)
	if _, err := n.Connect(context.Background(), l.addr); err != nil {
		t.Fatal(err)
	}
	many := make([]batch, 100_000)
	for name, news := range map[string]http.HandlerFunc{
		"nothing":  func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"nonsense": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `[{"number": 1, "answers": [`)
			for {
				if _, err := io.WriteString(w, `{"expr": "x"},`); err != nil {
					return
				}
			}
		},
		"many": func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(many) },
	} {
		l.news = news
		if err := n.repair(context.Background(), l.id, "x", []uint64{1}); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// TestNewsAtStart: a node may be asked for batches while its news begin.
func TestNewsAtStart(t *testing.T) {
	ctx := context.Background()
	o := loopback
	o.Key = aKey(t)
	_, a := open(t, o)
	_, b := open(t, Options{})
	if _, err := b.Connect(ctx, a.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for range 20 {
			if err := b.repair(ctx, a.ID(), "", []uint64{1}); err == nil {
				t.Error("it gives what there is not")
			}
		}
	})
	if err := a.publishNews(t.Context()); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	a.journal.add(nil)
	run, _, last := a.journal.digest()
	if err := b.repair(ctx, a.ID(), run, []uint64{last}); err != nil {
		t.Error(err)
	}
	if err := b.repair(ctx, a.ID(), run+"x", []uint64{last}); err == nil {
		t.Error("it gives what another process has told")
	}
}

// TestSaidByLiars: an answer that was told is found though another one was told that nobody has, and though somebody who is connected does not answer.
func TestSaidByLiars(t *testing.T) {
	ctx := context.Background()
	_, honest := open(t, Options{Listen: loopback.Listen, Serve: true, Key: aKey(t)})
	expr := question(t, honest, 1)
	right, _, err := honest.store.Answer(ctx, expr)
	if err != nil {
		t.Fatal(err)
	}
	s, n := open(t, Options{})
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	silent := newLiar(t)
	wait := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}
	silent.block, silent.result = wait, wait
	liar, teller := aKey(t), aKey(t)
	var ids []peer.ID
	for _, k := range []crypto.PrivKey{liar, teller} {
		id, err := peer.IDFromPrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	trusting(t, s, ids...)
	for _, addr := range []string{silent.addr, honest.Addrs()[0].String()} {
		if _, err := n.Connect(ctx, addr); err != nil {
			t.Fatal(err)
		}
	}
	wrong := junk(7).CID
	list := []said{{ids[0], wrong, seal(t, liar, wrong)}, {ids[1], right.Result, seal(t, teller, right.Result)}}
	ctx, end := context.WithTimeout(ctx, idleTime*2/3)
	defer end()
	if ok, err := n.findSaid(ctx, expr, list, []peer.ID{silent.id, honest.ID()}, false); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if got, ok, err := n.believed.Answer(ctx, expr); err != nil || !ok || got.Result != right.Result || !n.believed.Believe(got.By) {
		t.Errorf("got %+v %v %v, want that it is believed", got, ok, err)
	}
}
