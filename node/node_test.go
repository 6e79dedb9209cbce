// This file pulls libraries, and goes on with pulls that broke off.

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// open opens a node on a store in a folder of its own.
func open(t testing.TB, o Options) (*store.Store, *Node) {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	n, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return s, n
}

var loopback = Options{Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Serve: true}

// fill publishes a library of n definitions, each with a result.
func fill(t testing.TB, s *store.Store, name string, n int) cid.Cid {
	t.Helper()
	ctx := context.Background()
	lib := store.Library{Names: map[string]cid.Cid{}, About: map[string]cid.Cid{}, Results: map[cid.Cid]cid.Cid{}, Traces: map[cid.Cid]cid.Cid{}}
	for i := range n {
		w := graph.NewWriter(graph.SinkFunc(func(b graph.Block) { s.Put(ctx, b) }))
		lam := &graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpLit, Value: graph.Int(int64(i))}}}
		f := graph.EncodeCode(lam, w).CID
		expr := graph.EncodeCode(&graph.Term{Op: graph.OpApp, Args: []*graph.Term{{Op: graph.OpRef, CID: f}, {Op: graph.OpLit, Value: graph.Int(1)}}}, w).CID
		result := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(int64(i)), Steps: 1}, w).CID
		lib.Names[fmt.Sprintf("name%d", i)] = f
		lib.Results[expr] = result
	}
	p, err := s.PutLibrary(ctx, lib)
	if err != nil {
		t.Fatal(err)
	}
	old, err := s.Root(ctx, store.LibraryRoot+name)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.SwapRoot(ctx, store.LibraryRoot+name, old, p.Root); err != nil || !ok {
		t.Fatal(ok, err)
	}
	return p.Root
}

func TestPull(t *testing.T) {
	ctx := context.Background()
	a, from := open(t, loopback)
	web := httptest.NewServer(from.Handler())
	defer web.Close()
	root := fill(t, a, "numbers", 100)
	for name, source := range map[string]string{
		"peer":    from.Addrs()[0].String(),
		"library": from.Addrs()[0].String() + "/numbers",
		"root":    from.Addrs()[0].String() + "/ipfs/" + root.String(),
		"url":     web.URL,
		"gateway": web.URL + "/ipfs/" + root.String(),
	} {
		t.Run(name, func(t *testing.T) {
			s, n := open(t, Options{})
			got, err := n.Pull(ctx, Pull{From: source, Name: "numbers"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Root != root || got[0].Names != 100 || got[0].Results != 100 {
				t.Fatalf("got %+v", got)
			}
			if _, err := s.Publish(ctx, nil, nil); err != nil {
				t.Fatal(err)
			}
			if size, err := s.PinSize(ctx, store.Pin{CID: root}, 0); err != nil || size.Blocks < 300 {
				t.Fatal(size, err)
			}
			// A new version: what is new comes.
			next := fill(t, a, "numbers", 110)
			defer fill(t, a, "numbers", 100)
			if name == "root" || name == "gateway" {
				return
			}
			again, err := n.Pull(ctx, Pull{From: source, Name: "numbers"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if again[0].Root != next || again[0].Old != root || again[0].Came.Blocks > 40 {
				t.Fatalf("got %+v", again)
			}
		})
	}
}

// TestPullNames fetches what is asked for, and no more.
func TestPullNames(t *testing.T) {
	ctx := context.Background()
	a, from := open(t, loopback)
	root := fill(t, a, "numbers", 3000)
	s, n := open(t, Options{})
	got, err := n.Pull(ctx, Pull{From: from.Addrs()[0].String(), Names: []string{"name7", "name8"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	lib, err := s.ReadListing(ctx, root)
	if err != nil || len(lib.Names) != 3000 {
		t.Fatal(err)
	}
	here := 0
	for _, c := range lib.Names {
		if has, err := s.Has(ctx, c); err != nil || has {
			here++
		}
	}
	if here != 2 || got[0].Came.Blocks > 500 {
		t.Errorf("%d definitions and %d blocks came", here, got[0].Came.Blocks)
	}
	_, err = n.Pull(ctx, Pull{From: from.Addrs()[0].String(), Names: []string{"nam7"}}, nil)
	if err == nil || !strings.Contains(err.Error(), "did you mean name7") {
		t.Errorf("got %v", err)
	}
}

// A cutListener has connections that break after so many bytes, together.
type cutListener struct {
	net.Listener
	left, sent atomic.Int64
}

type cutConn struct {
	net.Conn
	l *cutListener
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return cutConn{c, l}, err
}

func (c cutConn) Write(p []byte) (int, error) {
	if c.l.left.Add(-int64(len(p))) < 0 {
		c.Close()
		return 0, net.ErrClosed
	}
	c.l.sent.Add(int64(len(p)))
	return c.Conn.Write(p)
}

// TestPullGoesOn has a pull break off anywhere; the next one asks for the rest in few requests.
func TestPullGoesOn(t *testing.T) {
	const all = 3*3000 + 336
	ctx := context.Background()
	a, from := open(t, loopback)
	root := fill(t, a, "numbers", 3000)
	var requests atomic.Int64
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		from.Handler().ServeHTTP(w, r)
	}))
	l := &cutListener{Listener: web.Listener}
	web.Listener = l
	web.Start()
	defer web.Close()
	whole := int64(0)
	for _, cut := range []int64{1 << 40, 100000, 300000, 600000, 900000, 1200000} {
		s, n := open(t, Options{})
		l.left.Store(cut)
		l.sent.Store(0)
		got, err := n.Pull(ctx, Pull{From: web.URL, Name: "numbers"}, nil)
		if whole == 0 {
			if err != nil || got[0].Came.Blocks != all {
				t.Fatal(got, err)
			}
			whole = l.sent.Load()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), web.URL) || !strings.Contains(err.Error(), goesOn) {
			t.Fatalf("cut after %d bytes: got %v", cut, err)
		}
		l.left.Store(1 << 40)
		l.sent.Store(0)
		requests.Store(0)
		if got, err = n.Pull(ctx, Pull{From: web.URL, Name: "numbers"}, nil); err != nil || got[0].Root != root || got[0].Results != 3000 {
			t.Fatal(got, err)
		}
		if size, err := s.PinSize(ctx, store.Pin{CID: root}, 0); err != nil || size.Blocks != all {
			t.Fatal(size, err)
		}
		t.Logf("cut after %d of %d bytes: %d requests and %d bytes for the rest", cut, whole, requests.Load(), l.sent.Load())
		if requests.Load() > 60 || l.sent.Load() > whole-cut/2+whole/4 {
			t.Errorf("cut after %d of %d bytes: %d requests and %d bytes for the rest", cut, whole, requests.Load(), l.sent.Load())
		}
	}
}

// TestPullLost: a peer that cannot be reached is no reason not to ask another one, and is named where that has not all.
func TestPullLost(t *testing.T) {
	s, n := open(t, loopback)
	root := fill(t, s, "lib", 3)
	_, gone := open(t, loopback)
	dead, alive := gone.Addrs()[0].String(), n.Addrs()[0].String()
	gone.Close()
	for _, c := range []struct {
		from  string
		peers []string
		wrong []string
	}{
		{root.String(), []string{dead, alive}, nil},
		{alive, []string{dead}, nil},
		{root.String(), []string{dead}, []string{gone.ID().String() + " cannot be reached"}},
		{codec.RawCID([]byte("nobody has it")).String(), []string{dead, alive}, []string{gone.ID().String() + " cannot be reached", n.ID().String() + " does not have it"}},
		{root.String(), []string{"nonsense", alive}, []string{"is not the address of a peer"}},
		{dead, []string{alive}, []string{gone.ID().String() + " cannot be reached"}},
	} {
		_, to := open(t, Options{})
		got, err := to.Pull(t.Context(), Pull{From: c.from, Peers: c.peers}, nil)
		if len(c.wrong) == 0 && (err != nil || len(got) != 1 || got[0].Root != root) || len(c.wrong) > 0 && err == nil {
			t.Errorf("%s of %s: got %v, %v", c.from, c.peers, got, err)
		}
		for _, wrong := range c.wrong {
			if !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s of %s: got %v, want %q", c.from, c.peers, err, wrong)
			}
		}
	}
}

func TestPullNobody(t *testing.T) {
	ctx := context.Background()
	_, n := open(t, Options{})
	c := graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: "int.add"}, nil).CID
	if _, err := n.Pull(ctx, Pull{From: c.String()}, nil); err == nil {
		t.Fatal("no error")
	}
	_, other := open(t, loopback)
	_, err := n.Pull(ctx, Pull{From: other.Addrs()[0].String() + "/ipfs/" + c.String()}, nil)
	if !errors.Is(err, graph.ErrNotFound) {
		t.Fatal(err)
	}
	t.Log(err)
}

// chain makes a list of cells, n deep.
func chain(t testing.TB, s *store.Store, n int) cid.Cid {
	t.Helper()
	var last cid.Cid
	for i := range n {
		term := &graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpLit, Value: graph.Int(int64(i))}}}
		if last.Defined() {
			term.Args[0] = &graph.Term{Op: graph.OpRef, CID: last}
		}
		b := graph.EncodeCode(term, nil)
		s.Put(context.Background(), b)
		last = b.CID
	}
	return last
}

func BenchmarkPull(b *testing.B) {
	ctx := context.Background()
	s, from := open(b, loopback)
	web := httptest.NewServer(from.Handler())
	defer web.Close()
	fill(b, s, "numbers", 25000)
	b.Run("libp2p", func(b *testing.B) { pulling(ctx, b, from.Addrs()[0].String()) })
	b.Run("http", func(b *testing.B) { pulling(ctx, b, web.URL) })
	b.Run("chain", func(b *testing.B) {
		root := chain(b, s, 1000)
		s.Flush(ctx)
		for range b.N {
			t, n := open(b, Options{})
			id, err := n.Connect(ctx, from.Addrs()[0].String())
			if err != nil {
				b.Fatal(err)
			}
			f := fetch{store: t, sources: []source{n.peerSource(ctx, id)}}
			b.ResetTimer()
			got, err := f.below(ctx, root)
			if err != nil || got.Blocks != 1000 {
				b.Fatal(got, err)
			}
			n.Close() // a node takes so many connections of one address
		}
	})
}

func pulling(ctx context.Context, b *testing.B, from string) {
	for range b.N {
		_, n := open(b, Options{})
		began := time.Now()
		got, err := n.Pull(ctx, Pull{From: from}, nil)
		if err != nil || got[0].Results != 25000 {
			b.Fatal(got, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/pull")
		b.ReportMetric(float64(got[0].Came.Blocks), "blocks")
	}
}

// TestOtherPeer: where another peer answers than the one that is asked for, the error says both, and not that it is full.
func TestOtherPeer(t *testing.T) {
	_, n := open(t, Options{})
	_, there := open(t, loopback)
	at, _, _ := strings.Cut(there.Addrs()[0].String(), "/p2p/")
	const wanted = "12D3KooWQepS7CDhcGG462SFNxJGcoos2HCGP7CwnNtJEHQu2Dyw"
	_, err := n.Connect(t.Context(), at+"/p2p/"+wanted)
	if err == nil || !strings.Contains(err.Error(), wanted) || !strings.Contains(err.Error(), there.ID().String()) || !strings.Contains(err.Error(), "another peer has this address") {
		t.Errorf("got %v", err)
	}
}
