// This file has peers answer with what is wrong, too much, or nothing at all.

package node

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/trust"
)

// A liar is a peer that answers as it is told to.
type liar struct {
	host   host.Host
	addr   string
	id     peer.ID
	key    crypto.PrivKey
	blocks map[cid.Cid][]byte                           // its gateway gives these, one at a time
	block  func(w http.ResponseWriter, r *http.Request) // of what is not in blocks
	shares func(w http.ResponseWriter, r *http.Request)
	result func(w http.ResponseWriter, r *http.Request)
	eval   func(w http.ResponseWriter, r *http.Request)
	news   func(w http.ResponseWriter, r *http.Request)
}

func newLiar(t testing.TB) *liar {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	l := &liar{host: h, id: h.ID(), key: h.Peerstore().PrivKey(h.ID()), blocks: map[cid.Cid][]byte{}}
	addrs, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	l.addr = addrs[0].String()
	mux := http.NewServeMux()
	mux.HandleFunc("/ipfs/bafkqaaa", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/ipfs/{cid}", func(w http.ResponseWriter, r *http.Request) {
		c, err := cid.Decode(r.PathValue("cid"))
		data, ok := l.blocks[c]
		switch {
		case err == nil && ok:
		case l.block != nil:
			l.block(w, r)
			return
		default:
			http.NotFound(w, r)
			return
		}
		w.Write(carOf(c, graph.Block{CID: c, Data: data}))
	})
	mux.HandleFunc("/api/v0/result/{expr}", func(w http.ResponseWriter, r *http.Request) { l.result(w, r) })
	mux.HandleFunc("/api/v0/libraries", func(w http.ResponseWriter, r *http.Request) { l.shares(w, r) })
	mux.HandleFunc("/api/v0/eval", func(w http.ResponseWriter, r *http.Request) { l.eval(w, r) })
	mux.HandleFunc("/api/v0/news", func(w http.ResponseWriter, r *http.Request) { l.news(w, r) })
	s, err := serveStreams(h, mux)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return l
}

// claim makes a Result of expr, whose blocks the liar has, but for those that are left out.
func (l *liar) claim(expr cid.Cid, v graph.Value, steps uint64, without int) cid.Cid {
	var blocks []graph.Block
	r := graph.EncodeResult(graph.Result{Of: expr, Value: v, Steps: steps}, graph.SinkFunc(func(b graph.Block) { blocks = append(blocks, b) }))
	blocks = append(blocks, r)
	for i, b := range blocks {
		if i >= without {
			l.blocks[b.CID] = b.Data
		}
	}
	return r.CID
}

// answers has the liar answer with a Result, and with envelopes.
func (l *liar) answers(result cid.Cid, envelopes ...[]byte) {
	l.result = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Rosser-Result", result.String())
		for _, e := range envelopes {
			w.Header().Add("Rosser-Attestation", base64.StdEncoding.EncodeToString(e))
		}
		w.Write(l.blocks[result])
	}
	l.eval = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", typeEvents)
		a := taskAnswer{TaskReport: repl.TaskReport{Result: result.String()}}
		if len(envelopes) > 0 {
			a.Attestation = envelopes[0]
		}
		writeEvent(w, "end", a)
	}
}

func seal(t testing.TB, key crypto.PrivKey, result cid.Cid) []byte {
	t.Helper()
	e, err := trust.Seal(key, trust.Attestation{Result: result, Kind: trust.Computed, At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// big is a value of several blocks.
func big() graph.Value {
	var vs []graph.Value
	for i := range 30000 {
		vs = append(vs, graph.Text(fmt.Sprintf("element %d", i)))
	}
	return graph.ListValue(graph.ListOf(vs))
}

// TestLiars asks peers that lie, by both ways in which answers come from peers. Nothing that they say may be believed under a policy that does not name
// them, and only what they have signed themselves under one that does.
func TestLiars(t *testing.T) {
	ctx := context.Background()
	_, honest := open(t, loopback)
	expr := question(t, honest, 1)
	other := question(t, honest, 2)
	tests := map[string]struct {
		lie   func(l *liar, ally *liar)
		comes bool // a claim gets into the store
		ally  bool // and is believed where the ally is trusted
		own   bool // and is believed where the liar is trusted
	}{
		"wrong value":        {func(l, _ *liar) { l.answers(l.claim(expr, graph.Int(666), 1, 0)) }, true, false, false},
		"wrong value signed": {func(l, _ *liar) { r := l.claim(expr, graph.Int(666), 1, 0); l.answers(r, seal(t, l.key, r)) }, true, false, true},
		"wrong steps":        {func(l, _ *liar) { l.answers(l.claim(expr, graph.Int(1), 1<<62, 0)) }, true, false, false},
		"of something else":  {func(l, _ *liar) { l.answers(l.claim(other, graph.Int(2), 1, 0)) }, false, false, false},
		"without a block":    {func(l, _ *liar) { l.answers(l.claim(expr, big(), 1, 1)) }, false, false, false},
		"large":              {func(l, _ *liar) { r := l.claim(expr, big(), 1, 0); l.answers(r, seal(t, l.key, r)) }, true, false, true},
		"another's word for another result": {func(l, ally *liar) {
			r := l.claim(expr, graph.Int(666), 1, 0)
			l.answers(r, seal(t, ally.key, l.claim(expr, graph.Int(1), 1, 0)))
		}, true, false, false},
		"another's word": {func(l, ally *liar) { r := l.claim(expr, graph.Int(1), 1, 0); l.answers(r, seal(t, ally.key, r)) }, true, true, false},
		"a word that is cut": {func(l, _ *liar) {
			r := l.claim(expr, graph.Int(666), 1, 0)
			l.answers(r, seal(t, l.key, r)[:40])
		}, true, false, false},
		"not its block": {func(l, _ *liar) {
			r := l.claim(expr, graph.Int(1), 1, 0)
			l.answers(r)
			l.blocks[r] = append([]byte{}, l.blocks[r]...)
			l.blocks[r][len(l.blocks[r])-1] ^= 1
		}, false, false, false},
		"nonsense": {func(l, _ *liar) {
			l.result = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }
			l.eval = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "event: end\ndata: hello\n\n") }
		}, false, false, false},
		"endless": {func(l, _ *liar) {
			endless := func(w http.ResponseWriter, r *http.Request) {
				for {
					if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
						return
					}
				}
			}
			l.result, l.eval = endless, endless
		}, false, false, false},
		"gone": {func(l, _ *liar) {
			gone := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
			l.result, l.eval = gone, gone
		}, false, false, false},
		"giant header": {func(l, _ *liar) {
			giant := func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Rosser-Result", strings.Repeat("b", 1<<20))
			}
			l.result, l.eval = giant, giant
		}, false, false, false},
	}
	for name, test := range tests {
		for _, way := range []string{"find", "ask"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				l, ally := newLiar(t), newLiar(t)
				test.lie(l, ally)
				s, n := open(t, Options{})
				if _, err := n.Connect(ctx, l.addr); err != nil {
					t.Fatal(err)
				}
				came := false
				var err error
				if way == "find" {
					trusting(t, s, l.id, ally.id) // whose words are kept
					came, err = n.Find(ctx, expr, true)
				} else {
					var result cid.Cid
					result, err = n.Ask(ctx, Ask{Expr: expr.String()}, func(string, repl.TaskProgress) {}, func(a Asked) { t.Log(a.text()) })
					came = result.Defined()
				}
				// Asked to reduce, a peer that gives others' words, or broken ones, for its own, has given no answer.
				comes := test.comes
				if way == "ask" && strings.Contains(name, "word") {
					comes = false
				}
				if came != comes {
					t.Errorf("a claim comes: %v, want %v (%v)", came, comes, err)
				}
				believed := func(keys ...peer.ID) bool {
					trusting(t, s, keys...)
					b := trust.Over(s, s.Dir(), eval.Own, func(err error) { t.Error(err) })
					a, ok, err := b.Answer(ctx, expr)
					return err == nil && ok && (a.By == eval.Own || b.Believe(a.By))
				}
				if believed() {
					t.Error("it is believed, and nobody is trusted")
				}
				if believed(honest.ID()) {
					t.Error("it is believed, and somebody else is trusted")
				}
				if got, want := believed(ally.id), test.ally && comes; got != want {
					t.Errorf("the ally is trusted: believed %v, want %v", got, want)
				}
				if got, want := believed(l.id), test.own && comes; got != want {
					t.Errorf("it is trusted: believed %v, want %v", got, want)
				}
			})
		}
	}
}

// trusting has a store's policy be these keys.
func trusting(t testing.TB, s *store.Store, keys ...peer.ID) {
	t.Helper()
	p := &trust.Policy{}
	for _, k := range keys {
		if err := p.Add(trust.Member{Key: k}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Save(s.Dir()); err != nil {
		t.Fatal(err)
	}
}

// TestFindBelieved: a liar who is fast is no obstacle to who is believed, and nothing of his gets into the store.
func TestFindBelieved(t *testing.T) {
	ctx := context.Background()
	_, honest := open(t, Options{Listen: loopback.Listen, Serve: true, Key: aKey(t)})
	expr := question(t, honest, 1)
	l := newLiar(t)
	wrong := l.claim(expr, graph.Int(666), 1, 0)
	l.answers(wrong, seal(t, l.key, wrong))
	s, n := open(t, Options{})
	for _, addr := range []string{l.addr, honest.Addrs()[0].String()} {
		if _, err := n.Connect(ctx, addr); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := n.Find(ctx, expr, false); ok || err != nil {
		t.Fatal("nobody is trusted", ok, err)
	}
	trusting(t, s, honest.ID())
	n.missed = missSet{}
	if ok, err := n.Find(ctx, expr, false); !ok || err != nil {
		t.Fatal("the honest one is trusted", ok, err)
	}
	if has, err := s.Has(ctx, wrong); has || err != nil {
		t.Error("the liar's result is in the store", err)
	}
}

// TestFindQuorum: the words of two voters, each from his own node, are enough.
func TestFindQuorum(t *testing.T) {
	ctx := context.Background()
	s, n := open(t, Options{})
	p := &trust.Policy{}
	var expr cid.Cid
	for range 2 {
		_, voter := open(t, Options{Listen: loopback.Listen, Serve: true, Key: aKey(t)})
		expr = question(t, voter, 1)
		if err := p.Add(trust.Member{Key: voter.ID(), Voter: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Connect(ctx, voter.Addrs()[0].String()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.SetQuorum(2); err != nil {
		t.Fatal(err)
	}
	if err := p.Save(s.Dir()); err != nil {
		t.Fatal(err)
	}
	if ok, err := n.Find(ctx, expr, false); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func aKey(t testing.TB) crypto.PrivKey {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestSilentPeers: who does not answer costs nothing, when somebody else does.
func TestSilentPeers(t *testing.T) {
	ctx := context.Background()
	_, good := open(t, loopback)
	expr := question(t, good, 1)
	_, n := open(t, Options{})
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	for range 5 {
		l := newLiar(t)
		l.result = func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-done:
			case <-r.Context().Done():
			}
		}
		if _, err := n.Connect(ctx, l.addr); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Connect(ctx, good.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if ok, err := n.Find(ctx, expr, true); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if took := time.Since(began); took >= findTime {
		t.Errorf("it took %v", took)
	}
	// Nothing is left of the questions that are not answered.
	before := runtime.NumGoroutine()
	for range 50 {
		n.Find(ctx, expr, true)
	}
	after := runtime.NumGoroutine()
	for end := time.Now().Add(time.Minute); after > before+50 && time.Now().Before(end); after = runtime.NumGoroutine() {
		time.Sleep(100 * time.Millisecond)
	}
	if after > before+50 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// TestQuorumOfOne: many keys of one liar are not the two that are asked for.
func TestQuorumOfOne(t *testing.T) {
	ctx := context.Background()
	_, honest := open(t, loopback)
	expr := question(t, honest, 1)
	_, n := open(t, Options{})
	var addrs []string
	for i := range 3 {
		l := newLiar(t)
		r := l.claim(expr, graph.Int(int64(666+i)), 1, 0)
		l.answers(r, seal(t, l.key, r))
		addrs = append(addrs, l.addr, l.addr) // asked twice, it has one vote
	}
	var heard []Asked
	_, err := n.Ask(ctx, Ask{Expr: expr.String(), Peers: addrs, Quorum: 2}, func(string, repl.TaskProgress) {}, func(a Asked) { heard = append(heard, a) })
	if err == nil || !strings.Contains(err.Error(), "no quorum") || len(heard) != 3 {
		t.Fatal(err, heard)
	}
	for _, a := range heard {
		if a.Result == "" || a.Peer == "" {
			t.Errorf("who differs is not named: %+v", a)
		}
	}
}

// TestGiantWords: what a peer says in its answer to a task is bounded, also what people are told of it.
func TestGiantWords(t *testing.T) {
	ctx := context.Background()
	_, honest := open(t, loopback)
	expr := question(t, honest, 1)
	_, n := open(t, Options{})
	giant := strings.Repeat("no ", 5<<20)
	long := strings.Repeat("no ", 100<<10)
	for name, test := range map[string]struct {
		says func(w http.ResponseWriter)
		want string
	}{
		"a giant line": {func(w http.ResponseWriter) { io.WriteString(w, "data: "+giant+"\n") }, "token too long"},
		"a giant answer": {func(w http.ResponseWriter) {
			writeEvent(w, "end", taskAnswer{TaskReport: repl.TaskReport{Stopped: giant}})
		}, "token too long"},
		"a long problem": {func(w http.ResponseWriter) {
			writeEvent(w, "end", taskAnswer{TaskReport: repl.TaskReport{Problem: long}})
		}, "no no"},
		"a long stop": {func(w http.ResponseWriter) {
			writeEvent(w, "end", taskAnswer{TaskReport: repl.TaskReport{Stopped: long, Checkpoint: long, Rests: long, Value: []byte(strings.Repeat("[", 9000) + strings.Repeat("]", 9000))}})
		}, "no no"},
		"no answer": {func(w http.ResponseWriter) { writeEvent(w, "progress", repl.TaskProgress{}) }, "ended without an answer: unexpected EOF"},
	} {
		l := newLiar(t)
		l.eval = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", typeEvents)
			test.says(w)
		}
		var heard []Asked
		_, err := n.Ask(ctx, Ask{Expr: expr.String(), Peers: []string{l.addr}}, func(string, repl.TaskProgress) {}, func(a Asked) { heard = append(heard, a) })
		if err == nil || len(heard) != 1 {
			t.Fatal(name, err, heard)
		}
		if text := heard[0].text(); len(text) > 3*maxSaying || !strings.Contains(text, test.want) {
			t.Errorf("%s: got %d bytes, %.200s, want %s", name, len(text), text, test.want)
		}
		if r := heard[0].Report; r != nil && len(r.Value) > 0 {
			t.Errorf("%s: a value is taken that was not asked for", name)
		}
	}
}
