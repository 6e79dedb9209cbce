// This file has names stand for roots, by records that are good, late, or forged.

package node

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/trust"
)

// newKey makes a key and its name.
func newKey(t *testing.T) (crypto.PrivKey, ipns.Name) {
	t.Helper()
	key, err := trust.NamedKey(t.TempDir(), "k")
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, ipns.NameFromPeer(id)
}

func someCID(i int64) cid.Cid {
	return graph.EncodeCode(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpLit, Value: graph.Int(i)}}}, nil).CID
}

func TestPullName(t *testing.T) {
	ctx := context.Background()
	a, from := open(t, loopback)
	web := httptest.NewServer(from.Handler())
	defer web.Close()
	first := fill(t, a, "numbers", 10)
	key, id := newKey(t)
	name, err := PublishName(ctx, a, key, first)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{web.URL + "/ipns/" + name, from.Addrs()[0].String() + "/ipns/" + name} {
		s, n := open(t, Options{})
		got, err := n.Pull(ctx, Pull{From: source, Name: "numbers"}, nil)
		if err != nil || len(got) != 1 || got[0].Root != first {
			t.Fatal(got, err)
		}
		second := fill(t, a, "numbers", 20)
		if again, err := PublishName(ctx, a, key, second); err != nil || again != name {
			t.Fatal(again, err)
		}
		got, err = n.Pull(ctx, Pull{From: source, Name: "numbers"}, nil)
		if err != nil || got[0].Root != second || got[0].Old != first {
			t.Fatal(got, err)
		}
		// Whoever has pulled it can say it too.
		r, _, err := keptName(ctx, s, id)
		if err != nil || !r.standsFor(second) {
			t.Fatal(r, err)
		}
		if _, err := PublishName(ctx, a, key, fill(t, a, "numbers", 10)); err != nil {
			t.Fatal(err)
		}
	}
}

// A nameServer gives records as they are set.
func nameServer(t *testing.T) (source, func(status int, body []byte)) {
	var status atomic.Int64
	var data atomic.Value
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("format") != "ipns-record" || r.Header.Get("Accept") != typeRecord {
			t.Errorf("got %s", r.URL)
		}
		w.WriteHeader(int(status.Load()))
		w.Write(data.Load().([]byte))
	}))
	t.Cleanup(web.Close)
	return &gatewaySource{name: web.URL, base: web.URL, client: web.Client()}, func(n int, b []byte) { status.Store(int64(n)); data.Store(b) }
}

func signed(t *testing.T, key crypto.PrivKey, value string, seq uint64, life time.Duration) []byte {
	t.Helper()
	p, err := path.NewPath(value)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ipns.NewRecord(key, p, seq, time.Now().Add(life), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	data, err := ipns.MarshalRecord(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestResolve(t *testing.T) {
	ctx := context.Background()
	_, n := open(t, Options{})
	key, name := newKey(t)
	other, otherName := newKey(t)
	one, set := nameServer(t)
	two, setTwo := nameServer(t)
	both := []source{one, two}
	root := func(i int64) string { return "/ipfs/" + someCID(i).String() }
	fails := func(wrong string) {
		t.Helper()
		got, err := n.resolve(ctx, name.String(), both)
		if err == nil || !strings.Contains(err.Error(), wrong) {
			t.Fatalf("got %v, %v, want %q", got, err, wrong)
		}
	}
	is := func(i int64) {
		t.Helper()
		if got, err := n.resolve(ctx, name.String(), both); err != nil || got != someCID(i) {
			t.Fatal(got, err)
		}
	}
	// Nobody has it, or what they have is no good.
	set(404, nil)
	setTwo(500, []byte("ipns: routing: not found"))
	fails(one.String() + ": it does not know; " + two.String() + ": it does not know")
	setTwo(500, []byte("kaput"))
	fails("it answers 500 Internal Server Error: kaput")
	good := signed(t, key, root(1), 9, time.Hour)
	flipped := slices.Clone(good)
	flipped[len(flipped)-10] ^= 1
	for _, wrong := range []struct {
		data []byte
		text string
	}{
		{[]byte("no record"), "is not to be used"}, {good[:40], "is not to be used"}, {flipped, "is not to be used"}, {make([]byte, 20<<10), "is not to be used"},
		{signed(t, other, root(1), 9, time.Hour), "signature verification failed"}, {signed(t, key, root(1), 9, -time.Hour), "was good until"},
		{signed(t, key, root(1)+"/names", 1, time.Hour), "want /ipfs/CID"},
	} {
		setTwo(200, wrong.data)
		fails(wrong.text)
	}

	// One of them is enough, and the newest counts.
	set(200, signed(t, key, root(2), 3, time.Hour))
	setTwo(404, nil)
	is(2)
	setTwo(200, signed(t, key, root(3), 4, time.Hour))
	is(3)
	// An old one does not come back.
	setTwo(404, nil)
	is(3)
	set(404, nil)
	fails("it does not know")
	// With one sequence number the later one counts.
	set(200, signed(t, key, root(4), 4, 2*time.Hour))
	is(4)

	// A name for a name, and one for itself.
	set(200, signed(t, key, "/ipns/"+otherName.String(), 5, time.Hour))
	fails("verification failed") // the server gives that for the other name, too
	set(200, signed(t, key, "/ipns/"+name.String(), 6, time.Hour))
	fails("more than 8 times")
	set(200, signed(t, key, "/ipns/example.org", 7, time.Hour))
	fails("DNSLink")
	if _, err := n.resolve(ctx, "example.org", both); err == nil || !strings.Contains(err.Error(), "DNSLink") {
		t.Fatal(err)
	}
	if _, err := n.resolve(ctx, name.String(), []source{&bitswapSource{"peer X", nil}}); err == nil || !strings.Contains(err.Error(), "--peer URL") {
		t.Fatal(err)
	}
	// Names are written in several ways.
	set(200, signed(t, key, root(8), 8, time.Hour))
	for _, text := range []string{name.Peer().String(), name.Cid().String(), name.String()} {
		if got, err := n.resolve(ctx, text, both); err != nil || got != someCID(8) {
			t.Fatal(text, got, err)
		}
	}
}

func TestPublishName(t *testing.T) {
	ctx := context.Background()
	s, n := open(t, loopback)
	key, name := newKey(t)
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	from := &gatewaySource{name: web.URL, base: web.URL, client: web.Client()}
	if _, err := recordFrom(ctx, from, name); err == nil || err.Error() != "it does not know" {
		t.Fatal(err)
	}
	for i, c := range []int64{1, 2, 2, 1} {
		if _, err := PublishName(ctx, s, key, someCID(c)); err != nil {
			t.Fatal(err)
		}
		r, err := recordFrom(ctx, from, name)
		if want := []uint64{0, 1, 1, 2}[i]; err != nil || r.seq != want || !r.standsFor(someCID(c)) {
			t.Fatal(r, want, err)
		}
	}
	// What is about to be late is signed again, by whoever has the key.
	soon, err := readName(name, signed(t, key, "/ipfs/"+someCID(5).String(), 9, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keepName(ctx, s, name, soon); err != nil {
		t.Fatal(err)
	}
	if err := renewName(ctx, s, key); err != nil {
		t.Fatal(err)
	}
	r, err := recordFrom(ctx, from, name)
	if err != nil || r.seq != 9 || !r.standsFor(someCID(5)) || time.Until(r.expires) < nameLife-time.Hour {
		t.Fatal(r, err)
	}
	if err := renewName(ctx, s, key); err != nil {
		t.Fatal(err)
	}
	if again, _, err := keptName(ctx, s, name); err != nil || string(again.data) != string(r.data) {
		t.Fatal("signed again without need", err)
	}
	// What is late is not given.
	late, lateName := newKey(t)
	lateRecord, _ := readName(lateName, signed(t, late, "/ipfs/"+someCID(5).String(), 9, -time.Hour))
	if _, err := keepName(ctx, s, lateName, lateRecord); err != nil {
		t.Fatal(err)
	}
	if _, err := recordFrom(ctx, from, lateName); err == nil || err.Error() != "it does not know" {
		t.Fatal(err)
	}
}

// TestNamesAreToldAgain: a name that could not be put into the DHT when the node began is put there when somebody of it is connected.
func TestNamesAreToldAgain(t *testing.T) {
	ctx := t.Context()
	var warnings atomic.Int32
	o := loopback
	o.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "msg=names") {
			warnings.Add(1)
		}
		return len(p), nil
	}), nil))
	s, n := open(t, o)
	_, other := open(t, loopback)
	key, err := trust.NamedKey(s.Dir(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PublishName(ctx, s, key, someCID(1)); err != nil {
		t.Fatal(err)
	}
	const nobody = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQepS7CDhcGG462SFNxJGcoos2HCGP7CwnNtJEHQu2Dyw"
	for _, one := range []*Node{n, other} {
		if err := one.joinDHT(ctx, []string{nobody}); err != nil {
			t.Fatal(err)
		}
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name := ipns.NameFromPeer(id)
	if err := n.putName(ctx, name); err == nil || !strings.Contains(err.Error(), "/ipns/"+name.String()) {
		t.Errorf("got %v, want an error that says which name", err)
	}
	n.gazette.every, n.gazette.again = time.Millisecond, 50*time.Millisecond
	go n.renewNames(ctx)
	for end := time.Now().Add(20 * time.Second); warnings.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was tried")
		}
	}
	if _, err := n.Connect(ctx, other.Addrs()[0].String()); err != nil {
		t.Fatal(err)
	}
	ask, err := pb.NewProtocolMessenger(n.routing.MessageSender())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if r, _, err := ask.GetValue(ctx, other.ID(), string(name.RoutingKey())); err == nil && r != nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the other one has not got it")
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
