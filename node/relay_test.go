// This file has peers reduce a program one after the other, some of whom lie.

package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/stdlib"
	"github.com/rosser-lang/rosser/trust"
)

const relayProgram = `let go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)

go 30000 1 + go 20000 2`

// A track is a program that peers reduce in turns, and what it comes to.
type track struct {
	expr   cid.Cid
	steps  uint64
	result cid.Cid
	blocks *graph.Memory // all that the peers have
}

func newTrack(t *testing.T) *track {
	t.Helper()
	ctx := context.Background()
	f, errs := lang.Parse("relay.ros", []byte(relayProgram))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	u, errs := compile.File(f, compile.Options{Prelude: stdlib.Lookup, Names: stdlib.Names, Load: stdlib.Load})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	r := &track{expr: u.BodyCID, blocks: graph.NewMemory()}
	r.blocks.Put(ctx, u.Blocks...)
	alone := graph.NewMemory()
	alone.Put(ctx, u.Blocks...)
	out, err := eval.New(eval.Options{Store: alone, Load: alone.Load, Link: eval.Auto}).Eval(ctx, r.expr)
	if err != nil {
		t.Fatal(err)
	}
	r.steps, r.result = out.Steps, out.Result
	return r
}

// asker is a node on a store that has the program.
func (r *track) asker(t *testing.T, o ...Options) *Node {
	t.Helper()
	s, n := open(t, append(o, Options{})[0])
	err := graph.Closure(context.Background(), []cid.Cid{r.expr}, r.blocks.Load, func(c cid.Cid, data []byte) error {
		return s.Put(context.Background(), graph.Block{CID: c, Data: data})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A runner is a peer that reduces so many steps of what it is asked.
type runner struct {
	*liar
	mu    sync.Mutex
	asked []string
	fuel  uint64
	lie   func(*graph.Reduct) // of what it says is left
	wrong bool                // it says that a value is one more than it is
	mute  bool                // it vouches for nothing
}

func (r *track) runner(t *testing.T, fuel uint64) *runner {
	t.Helper()
	p := &runner{liar: newLiar(t), fuel: fuel}
	p.block = func(w http.ResponseWriter, q *http.Request) {
		c, err := cid.Decode(q.PathValue("cid"))
		data, err2 := r.blocks.Load(c)
		if err != nil || err2 != nil {
			http.NotFound(w, q)
			return
		}
		w.Write(carOf(c, graph.Block{CID: c, Data: data}))
	}
	p.eval = func(w http.ResponseWriter, q *http.Request) {
		var task repl.Task
		if err := json.NewDecoder(q.Body).Decode(&task); err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		p.asked = append(p.asked, task.Expr)
		p.mu.Unlock()
		a, err := r.reduce(p, task)
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		w.Header().Set("Content-Type", typeEvents)
		writeEvent(w, "end", a)
	}
	return p
}

// reduce does a task with what p has: code, and nothing that others have found out.
func (r *track) reduce(p *runner, task repl.Task) (a taskAnswer, err error) {
	ctx := context.Background()
	expr, err := cid.Decode(task.Expr)
	if err != nil {
		return a, err
	}
	s := graph.NewMemory()
	err = graph.Closure(ctx, []cid.Cid{expr}, r.blocks.Load, func(c cid.Cid, data []byte) error { return s.Put(ctx, graph.Block{CID: c, Data: data}) })
	if err != nil {
		return a, err
	}
	out, err := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.Auto, Fuel: p.fuel}).Eval(ctx, expr)
	vouched := out.Result
	var stop *eval.Stop
	switch {
	case errors.As(err, &stop) && stop.Checkpoint.Defined():
		data, err := s.Load(stop.Checkpoint)
		if err != nil {
			return a, err
		}
		point, err := graph.DecodeCheckpoint(data)
		if err != nil {
			return a, err
		}
		left, ok, err := eval.Remainder(point, s.Load, s)
		if err != nil || !ok {
			return a, errors.Join(err, errors.New("nothing is done"))
		}
		if p.lie != nil {
			p.lie(&left)
		}
		vouched = graph.EncodeReduct(left, s).CID
		a.Stopped, a.Reduct = "out of fuel", vouched.String()
	case err != nil:
		return a, err
	default:
		if p.wrong {
			n, _ := out.Value.Int()
			vouched = graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(n + 1), Steps: out.Steps}, s).CID
		}
		a.Result, a.Steps = vouched.String(), out.Steps
	}
	if !p.mute {
		if a.Attestation, err = trust.Seal(p.key, trust.Attestation{Result: vouched, Kind: trust.Computed}); err != nil {
			return a, err
		}
	}
	roots := []cid.Cid{vouched}
	if a.Reduct != "" {
		data, err := s.Load(vouched)
		if err != nil {
			return a, err
		}
		r.blocks.Take(graph.Block{CID: vouched, Data: data})
		left, err := graph.DecodeReduct(data)
		if err != nil {
			return a, err
		}
		roots[0] = left.To
		if has, err := s.Has(ctx, left.To); err != nil || !has { // it is elsewhere, or nowhere
			return a, err
		}
	}
	return a, graph.Closure(ctx, roots, s.Load, func(c cid.Cid, data []byte) error { return r.blocks.Put(ctx, graph.Block{CID: c, Data: data}) })
}

func ask(t *testing.T, n *Node, expr cid.Cid, quorum int, peers ...*runner) (cid.Cid, []Asked, error) {
	t.Helper()
	a := Ask{Expr: expr.String(), Quorum: quorum}
	for _, p := range peers {
		a.Peers = append(a.Peers, p.addr)
	}
	var heard []Asked
	result, err := n.Ask(context.Background(), a, func(string, repl.TaskProgress) {}, func(a Asked) {
		t.Log(a.text())
		heard = append(heard, a)
	})
	return result, heard, err
}

// believes says whether the answer to expr is used when these are trusted.
func believes(t *testing.T, n *Node, expr cid.Cid, keys ...peer.ID) bool {
	t.Helper()
	trusting(t, n.store, keys...)
	b := trust.Over(n.store, n.store.Dir(), eval.Own, func(err error) { t.Error(err) })
	a, ok, err := b.Answer(context.Background(), expr)
	if err != nil {
		t.Fatal(err)
	}
	return ok && b.Believe(a.By)
}

// TestRelay: peers that trust nobody go on from one another. The answer is that of one who does it all, and rests on each of them.
func TestRelay(t *testing.T) {
	r := newTrack(t)
	a, b, c := r.runner(t, r.steps/3), r.runner(t, r.steps/3), r.runner(t, 0)
	n := r.asker(t)
	got, heard, err := ask(t, n, r.expr, 0, a, b, c)
	if err != nil || got != r.result {
		t.Fatalf("got %s %v, want %s", got, err, r.result)
	}
	if len(heard) != 3 || heard[0].Left == "" || heard[1].Left == "" || len(heard[2].After) != 2 || heard[2].Steps != r.steps {
		t.Errorf("got %+v", heard)
	}
	if len(b.asked) != 1 || b.asked[0] != heard[0].Left || c.asked[0] != heard[1].Left {
		t.Errorf("asked %v and %v, want what is left: %+v", b.asked, c.asked, heard)
	}
	all := []peer.ID{a.id, b.id, c.id}
	if believes(t, n, r.expr) {
		t.Error("nobody is trusted, and it is believed")
	}
	for i, p := range all {
		if believes(t, n, r.expr, slices.Delete(slices.Clone(all), i, i+1)...) {
			t.Errorf("%s is not trusted, and it is believed", p)
		}
	}
	if !believes(t, n, r.expr, all...) {
		t.Error("all are trusted, and it is not believed")
	}
	answer, _, err := n.store.Recorded(context.Background(), r.expr)
	if err != nil || answer.By != graph.JoinClaims(graph.JoinClaims(wordOf(a.id, true), wordOf(b.id, true)), wordOf(c.id, true)) {
		t.Errorf("got a claim by %q %v", answer.By, err)
	}
}

// TestRelayPulled: what several have come to, who are believed, stays when a library has a result of the same that nobody has signed.
func TestRelayPulled(t *testing.T) {
	ctx := context.Background()
	r := newTrack(t)
	a, b := r.runner(t, r.steps/3), r.runner(t, 0)
	n := r.asker(t)
	if _, _, err := ask(t, n, r.expr, 0, a, b); err != nil {
		t.Fatal(err)
	}
	wrong := graph.EncodeResult(graph.Result{Of: r.expr, Value: graph.Int(1), Steps: 1}, nil)
	if err := n.store.Put(ctx, wrong); err != nil {
		t.Fatal(err)
	}
	for _, result := range []cid.Cid{r.result, wrong.CID} {
		p, err := n.store.PutLibrary(ctx, store.Library{Names: map[string]cid.Cid{"main": r.expr}, Results: map[cid.Cid]cid.Cid{r.expr: result}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.store.AdoptLibrary(ctx, p.Root, "a publisher"); err != nil {
			t.Fatal(err)
		}
		if !believes(t, n, r.expr, a.id, b.id) {
			t.Errorf("with %s in a library it is not believed any more", result)
		}
	}
}

// TestRelayTravels: who has signed which part goes with the answer, in what this node answers and in libraries, and others believe it who trust them all.
func TestRelayTravels(t *testing.T) {
	ctx := context.Background()
	r := newTrack(t)
	a, b, c := r.runner(t, r.steps/3), r.runner(t, r.steps/3), r.runner(t, 0)
	all := []peer.ID{a.id, b.id, c.id}
	asker := r.asker(t, loopback)
	if _, _, err := ask(t, asker, r.expr, 0, a, b, c); err != nil {
		t.Fatal(err)
	}
	if told := asker.gazette.take(); !slices.Contains(told, r.expr.String()) {
		t.Errorf("others are told of %v", told)
	}
	others, err := trust.Others(ctx, asker.store, r.expr, r.result)
	if err != nil || len(others) != 1 {
		t.Fatalf("got %d chains, %v", len(others), err)
	}
	lib := store.Library{Names: map[string]cid.Cid{"main": r.expr}, Results: map[cid.Cid]cid.Cid{r.expr: r.result}, Attest: map[cid.Cid][][]byte{r.expr: others}}
	p, err := asker.store.PutLibrary(ctx, lib)
	if err != nil {
		t.Fatal(err)
	}
	addr := asker.Addrs()[0].String()
	for way, get := range map[string]func(*Node, bool) error{
		"an answer": func(n *Node, trusted bool) error {
			if _, err := n.Connect(ctx, addr); err != nil {
				return err
			}
			found, err := n.Find(ctx, r.expr, false)
			if found != trusted {
				t.Errorf("trusted %v: found %v", trusted, found)
			}
			return err
		},
		"a library": func(n *Node, _ bool) error {
			_, err := n.Pull(ctx, Pull{From: addr + "/ipfs/" + p.Root.String()}, nil)
			return err
		},
	} {
		for i := range 4 {
			trusted := slices.Clone(all)
			if i < 3 {
				trusted = slices.Delete(trusted, i, i+1)
			}
			s, n := open(t, Options{})
			trusting(t, s, trusted...)
			if err := get(n, i == 3); err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			if got := believes(t, n, r.expr, trusted...); got != (i == 3) {
				t.Errorf("%s: %d of them are trusted, believed %v", way, len(trusted), got)
			}
			words, err := trust.Others(ctx, s, r.expr, r.result)
			if kept := way == "a library" || i == 3; err != nil || (len(words) == 1) != kept {
				t.Errorf("%s: %d of them are trusted, %d chains are kept, %v", way, len(trusted), len(words), err)
			}
		}
	}
}

// TestRelayUnsigned: what one of them does not vouch for is a claim, whoever is trusted.
func TestRelayUnsigned(t *testing.T) {
	r := newTrack(t)
	a, b := r.runner(t, r.steps/3), r.runner(t, 0)
	a.mute = true
	n := r.asker(t)
	if got, _, err := ask(t, n, r.expr, 0, a, b); err != nil || got != r.result {
		t.Fatalf("got %s %v, want %s", got, err, r.result)
	}
	if believes(t, n, r.expr, a.id, b.id) {
		t.Error("it is believed")
	}
}

// TestRelayLimits: where all stop, what was reached is kept, and leads to the end here.
func TestRelayLimits(t *testing.T) {
	ctx := context.Background()
	r := newTrack(t)
	a, b := r.runner(t, r.steps/4), r.runner(t, r.steps/4)
	n := r.asker(t)
	_, _, err := ask(t, n, r.expr, 0, a, b)
	if !errors.Is(err, errNoAnswers) {
		t.Fatal(err)
	}
	text := err.Error()
	point, err := cid.Decode(text[strings.LastIndex(text, " ")+1:])
	if err != nil {
		t.Fatal(text)
	}
	for _, trusted := range []bool{false, true} {
		s := trust.Over(n.store, n.store.Dir(), eval.Own, func(err error) { t.Error(err) })
		load := func(c cid.Cid) ([]byte, error) { return n.store.Block(ctx, c) }
		m := eval.New(eval.Options{Store: s, Load: load, Link: eval.None, Believe: func(string) bool { return trusted }})
		out, err := m.Resume(ctx, point)
		if err != nil || out.Steps != r.steps {
			t.Fatal(out, err)
		}
		if most := r.steps * 6 / 10; trusted != (out.Reduced < most) {
			t.Errorf("trusted %v: %d steps of %d executed", trusted, out.Reduced, r.steps)
		}
	}
}

// TestRelayLiars: what is plainly no answer is refused, and the next peer is asked the question itself; what else a peer says is believed by nobody but who trusts it.
func TestRelayLiars(t *testing.T) {
	r := newTrack(t)
	other := graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: graph.Int(7)}, r.blocks)
	data := junk(7)
	r.blocks.Take(data)
	for name, test := range map[string]struct {
		lie     func(*graph.Reduct)
		refused string // how what is left is refused
		right   bool   // the answer is
		failing bool   // it fails at what is left
	}{
		"of another question":    {func(l *graph.Reduct) { l.Of = other.CID }, "is of", true, false},
		"no blocks":              {func(l *graph.Reduct) { l.To = junk(8).CID }, "not to be had", true, false},
		"no code":                {func(l *graph.Reduct) { l.To = data.CID }, "no expression", true, false},
		"back to the question":   {func(l *graph.Reduct) { l.To = l.Of }, "leads back", true, false},
		"no steps":               {func(l *graph.Reduct) { l.Steps = 0 }, "no steps", true, false},
		"fewer steps":            {func(l *graph.Reduct) { l.Steps -= 7 }, "", false, false},
		"as many as there are":   {func(l *graph.Reduct) { l.Steps = graph.MaxSteps }, "", false, false},
		"something else is left": {func(l *graph.Reduct) { l.To = other.CID }, "", false, false},
		"what nobody can reduce": {func(l *graph.Reduct) {
			b := graph.EncodeCode(&graph.Term{Op: graph.OpApp, Args: []*graph.Term{{Op: graph.OpPrim, Name: "no.such"}, {Op: graph.OpLit, Value: graph.Int(1)}}}, r.blocks)
			l.To = b.CID
		}, "", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := r.runner(t, r.steps/3), r.runner(t, 0)
			bad.lie = test.lie
			n := r.asker(t)
			got, heard, err := ask(t, n, r.expr, 0, bad, good)
			if err != nil || (got == r.result) != test.right {
				t.Fatalf("got %s %v, want %s", got, err, r.result)
			}
			if !strings.Contains(heard[0].Error, test.refused) || (test.refused != "") != (heard[0].Error != "") {
				t.Errorf("got %+v, want %q", heard[0], test.refused)
			}
			if test.failing != (len(good.asked) == 2) {
				t.Errorf("it was asked %v", good.asked)
			}
			if alone := believes(t, n, r.expr, good.id); alone != test.right {
				t.Errorf("the other one is trusted: believed %v, want %v", alone, test.right)
			}
			if believes(t, n, r.expr, bad.id) {
				t.Error("the liar alone is believed")
			}
			if !believes(t, n, r.expr, bad.id, good.id) {
				t.Error("both are trusted, and it is not believed")
			}
		})
	}
}

// TestRelayFurthest: who fails at what is left, and does less of the question than was done, takes nothing from what was done.
func TestRelayFurthest(t *testing.T) {
	r := newTrack(t)
	a, b, c := r.runner(t, r.steps/2), r.runner(t, r.steps/8), r.runner(t, 0)
	whole := b.eval
	b.eval = func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		if !bytes.Contains(body, []byte(r.expr.String())) {
			refuse(w, http.StatusTooManyRequests, errBusy)
			return
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		whole(w, q)
	}
	n := r.asker(t)
	got, heard, err := ask(t, n, r.expr, 0, a, b, c)
	if err != nil || got != r.result {
		t.Fatalf("got %s %v, want %s", got, err, r.result)
	}
	if len(heard) != 4 || heard[2].Left == "" || c.asked[0] != heard[0].Left {
		t.Errorf("got %+v, want that the last one goes on from what the first one left", heard)
	}
}

// TestRelayConflict: two answers that peers have come to together, who are all believed, and that differ: none is used. A stranger's takes no believed one's place.
func TestRelayConflict(t *testing.T) {
	r := newTrack(t)
	a, b, wrong, stranger := r.runner(t, r.steps/3), r.runner(t, 0), r.runner(t, 0), r.runner(t, 0)
	wrong.wrong, stranger.wrong = true, true
	n := r.asker(t)
	trusting(t, n.store, a.id, b.id, wrong.id)
	used := func() (cid.Cid, bool) {
		t.Helper()
		got, ok, err := n.believed.Answer(context.Background(), r.expr)
		if err != nil {
			t.Fatal(err)
		}
		return got.Result, ok && n.believed.Believe(got.By)
	}
	if got, _, err := ask(t, n, r.expr, 0, a, b); err != nil || got != r.result {
		t.Fatalf("got %s %v, want %s", got, err, r.result)
	}
	for _, peers := range [][]*runner{{stranger}, {a, stranger}} {
		if got, _, err := ask(t, n, r.expr, 0, peers...); err != nil || got == r.result {
			t.Fatalf("got %s %v", got, err)
		}
		if got, ok := used(); !ok || got != r.result {
			t.Errorf("a stranger has answered, and %s is used: %v, want %s", got, ok, r.result)
		}
	}
	wrong.eval = func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) { // the question itself it does not answer
			body, err := io.ReadAll(q.Body)
			if err != nil {
				t.Error(err)
			}
			if bytes.Contains(body, []byte(r.expr.String())) {
				refuse(w, http.StatusTooManyRequests, errBusy)
				return
			}
			q.Body = io.NopCloser(bytes.NewReader(body))
			next(w, q)
		}
	}(wrong.eval)
	_, heard, err := ask(t, n, r.expr, 0, a, wrong)
	if !errors.Is(err, errNoAnswers) || !strings.Contains(fmt.Sprint(heard), "conflict") {
		t.Errorf("got %v %+v, want that there is a conflict", err, heard)
	}
	if got, ok := used(); ok {
		t.Errorf("%s is used, and there is a conflict", got)
	}
}

// TestRelayCycle: what is left of what is left is the question again.
func TestRelayCycle(t *testing.T) {
	r := newTrack(t)
	a, b, c := r.runner(t, r.steps/4), r.runner(t, r.steps/4), r.runner(t, 0)
	b.lie = func(l *graph.Reduct) { l.To = r.expr }
	n := r.asker(t)
	got, heard, err := ask(t, n, r.expr, 0, a, b, c)
	if err != nil || got != r.result || !strings.Contains(heard[1].Error, "leads back") {
		t.Fatalf("got %s %v %+v", got, err, heard)
	}
	if len(heard[len(heard)-1].After) > 1 {
		t.Errorf("the liar has a part in the answer: %+v", heard)
	}
}

// TestRelayEndless: what is left grows for ever. Each peer is asked once.
func TestRelayEndless(t *testing.T) {
	r := newTrack(t)
	var peers []*runner
	for range 4 {
		p := r.runner(t, r.steps/9)
		p.lie = func(l *graph.Reduct) {
			l.To = graph.EncodeCode(&graph.Term{Op: graph.OpList, Args: []*graph.Term{{Op: graph.OpRef, CID: r.expr}, {Op: graph.OpRef, CID: l.Of}}}, r.blocks).CID
		}
		peers = append(peers, p)
	}
	n := r.asker(t)
	_, heard, err := ask(t, n, r.expr, 0, peers...)
	if !errors.Is(err, errNoAnswers) || len(heard) > 2*len(peers) {
		t.Errorf("got %v after %d answers", err, len(heard))
	}
}

// TestRelayQuorum: as many answers as are wanted, of peers that have no part in one another's.
func TestRelayQuorum(t *testing.T) {
	r := newTrack(t)
	half := func() *runner { return r.runner(t, r.steps*6/10) }
	whole := func() *runner { return r.runner(t, 0) }
	wrong := whole()
	wrong.wrong = true
	short := half()
	short.lie = func(l *graph.Reduct) { l.Steps -= 7 }
	for name, test := range map[string]struct {
		peers []*runner
		k     int
		right bool
	}{
		"two who stop are one voice":            {[]*runner{whole(), half(), half()}, 2, true},
		"four who stop are two":                 {[]*runner{half(), half(), half(), half()}, 2, true},
		"two who stop are not two":              {[]*runner{half(), half()}, 2, false},
		"a liar at the end is one":              {[]*runner{half(), half(), wrong, whole()}, 2, true},
		"a liar in the middle":                  {[]*runner{short, short, whole()}, 2, false},
		"three of which two stop are not three": {[]*runner{whole(), half(), half()}, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := r.asker(t)
			got, heard, err := ask(t, n, r.expr, test.k, test.peers...)
			if test.right != (err == nil) || test.right && got != r.result {
				t.Fatalf("got %s %v, want %s", got, err, r.result)
			}
			if err != nil {
				return
			}
			// It is believed for one voice, and for as many voters as it takes out of different ones.
			var voices [][]peer.ID
			for _, a := range heard {
				if a.Result != got.String() {
					continue
				}
				var ids []peer.ID
				for _, text := range append(slices.Clone(a.After), a.Peer) {
					id, err := peer.Decode(text)
					if err != nil {
						t.Fatal(err)
					}
					ids = append(ids, id)
				}
				voices = append(voices, ids)
			}
			for _, v := range voices {
				if !believes(t, n, r.expr, v...) {
					t.Errorf("%v are trusted, and it is not believed", v)
				}
				if len(v) > 1 && believes(t, n, r.expr, v[0]) {
					t.Errorf("half of %v is believed", v)
				}
			}
			p := &trust.Policy{}
			for _, v := range voices {
				for _, id := range v {
					if err := p.Add(trust.Member{Key: id, Voter: true}); err != nil {
						t.Fatal(err)
					}
				}
			}
			for k, want := range map[int]bool{2: true, 3: false} {
				if err := p.SetQuorum(k); err != nil {
					t.Fatal(err)
				}
				if err := p.Save(n.store.Dir()); err != nil {
					t.Fatal(err)
				}
				b := trust.Over(n.store, n.store.Dir(), eval.Own, func(err error) { t.Error(err) })
				a, _, err := b.Answer(context.Background(), r.expr)
				if err != nil || b.Believe(a.By) != want && len(voices) == 2 {
					t.Errorf("a quorum of %d voters: believed %v, want %v (%s)", k, !want, want, a.By)
				}
			}
		})
	}
}
