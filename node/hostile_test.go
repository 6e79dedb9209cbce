// This file has gateways, clients and pages that misbehave on purpose.

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// carOf is a CAR file of blocks, whatever they are said to be.
func carOf(root cid.Cid, blocks ...graph.Block) []byte {
	header := codec.AppendLink(codec.AppendArray(codec.AppendText(codec.AppendMap(nil, 2), "roots"), 1), root)
	header = codec.AppendInt(codec.AppendText(header, "version"), 1)
	out := appendSection(nil, header)
	for _, b := range blocks {
		out = appendSection(out, append(b.CID.Bytes(), b.Data...))
	}
	return out
}

func appendSection(dst, data []byte) []byte {
	n := uint64(len(data))
	for ; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(append(dst, byte(n)), data...)
}

// junk is a block that nobody has asked for.
func junk(i int) graph.Block {
	data := codec.AppendText(nil, fmt.Sprintf("junk %d", i))
	return graph.Block{CID: codec.CIDOf(data), Data: data}
}

// TestHostileGateways fetches from gateways that lie. Nothing that was not asked for may get into the store, and each error names whom it is about.
func TestHostileGateways(t *testing.T) {
	ctx := context.Background()
	leaf := junk(0)
	data := codec.AppendLink(codec.AppendArray(nil, 1), leaf.CID)
	root := graph.Block{CID: codec.CIDOf(data), Data: data}
	tests := map[string]struct {
		answer http.HandlerFunc
		want   string
		comes  bool // the root gets into the store
	}{
		"nothing": {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "does not have it", false},
		"html":    {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>Welcome to my hotel</html>") }, "not a CAR file", false},
		"another root": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(carOf(junk(1).CID, junk(1)))
		}, "not asked for", false},
		"wrong bytes": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(carOf(root.CID, graph.Block{CID: root.CID, Data: []byte("\x80")}))
		}, "damaged", false},
		"more": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(carOf(root.CID, root, leaf, junk(2)))
		}, "", true},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(carOf(root.CID, root))
			for i := 10; ; i++ {
				if _, err := w.Write(appendSection(nil, append(junk(i).CID.Bytes(), junk(i).Data...))); err != nil {
					return
				}
			}
		}, "not asked for", true},
		"giant": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(carOf(root.CID))
			w.Write([]byte("\xff\xff\xff\xff\xff\xff\x01"))
			w.Write(make([]byte, 1<<20))
		}, "CAR file", false},
		"half": {func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, root.CID.String()) {
				w.Write(carOf(root.CID, root))
				return
			}
			http.NotFound(w, r)
		}, leaf.CID.String() + " is not to be had", true},
		"error": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, strings.Repeat("no! ", 1000), http.StatusServiceUnavailable)
		}, "503", false},
		"no time": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "the providers were not found in time", http.StatusGatewayTimeout)
		}, "504", false},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String()+"x", http.StatusFound)
		}, "redirect", false},
		"closed": {func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				c.Close()
			}
		}, "EOF", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(test.answer)
			defer web.Close()
			s, _ := open(t, Options{})
			began := time.Now()
			f := &fetch{store: s, sources: []source{&gatewaySource{name: web.URL, base: web.URL, client: webClient}}}
			_, err := f.below(ctx, root.CID)
			if test.want == "" && err != nil {
				t.Fatal(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), web.URL)) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if err != nil && !errors.Is(err, graph.ErrNotFound) {
				t.Errorf("%v is no missing block", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			for i := range 20 {
				if has, _ := s.Has(ctx, junk(i).CID); has && i > 0 {
					t.Errorf("junk %d got into the store", i)
				}
			}
			if has, _ := s.Has(ctx, root.CID); has != test.comes {
				t.Errorf("the root is there: %v, want %v", has, test.comes)
			}
		})
	}
}

// TestFetchLimit stops at a number of bytes.
func TestFetchLimit(t *testing.T) {
	ctx := context.Background()
	a, from := open(t, loopback)
	root := chain(t, a, 1000)
	s, n := open(t, Options{})
	id, err := n.Connect(ctx, from.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	f := &fetch{store: s, sources: []source{n.peerSource(ctx, id)}, limit: 10000}
	got, err := f.below(ctx, root)
	if err == nil || !strings.Contains(err.Error(), "--max-size") || got.Bytes > 11000 {
		t.Fatal(got, err)
	}
	// It goes on where it was.
	f = &fetch{store: s, sources: []source{n.peerSource(ctx, id)}}
	rest, err := f.below(ctx, root)
	if err != nil || got.Blocks+rest.Blocks != 1000 {
		t.Fatal(got, rest, err)
	}
}

// TestFetchBitswap fetches from peers that speak nothing but Bitswap.
func TestFetchBitswap(t *testing.T) {
	ctx := context.Background()
	a, from := open(t, loopback)
	root := fill(t, a, "numbers", 300)
	from.host.RemoveStreamHandler(streamHTTP)
	s, n := open(t, Options{})
	got, err := n.Pull(ctx, Pull{From: from.Addrs()[0].String() + "/ipfs/" + root.String()}, nil)
	if err != nil || got[0].Results != 300 {
		t.Fatal(got, err)
	}
	if lib, err := s.ReadLibrary(ctx, root); err != nil || len(lib.Names) != 300 {
		t.Fatal(err)
	}
}

// TestSlowClients shows that who is slow holds up nobody.
func TestSlowClients(t *testing.T) {
	_, n := open(t, loopback)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := newServer(n.Handler())
	web.ReadHeaderTimeout = 200 * time.Millisecond
	go web.Serve(l)
	defer web.Close()
	for range 100 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET /api/v0/lib")
	}
	r, err := http.Get("http://" + l.Addr().String() + "/api/v0/libraries")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r, err)
	}
	r.Body.Close()
}

// TestAskedAgain: a node that has no time for a request for now does not lack what it is asked for.
func TestAskedAgain(t *testing.T) {
	leaf := junk(0)
	for name, refuse := range map[string]http.HandlerFunc{
		"503": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "ask again", http.StatusServiceUnavailable)
		},
		"504": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(alsoHeader, "10")
			http.Error(w, "not in time", http.StatusGatewayTimeout)
		},
	} {
		asked := 0
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked < 3 {
				refuse(w, r)
				return
			}
			w.Write(carOf(leaf.CID, leaf))
		}))
		s, _ := open(t, Options{})
		f := &fetch{store: s, sources: []source{&gatewaySource{name: web.URL, base: web.URL, client: webClient}}}
		if _, err := f.below(context.Background(), leaf.CID); err != nil || asked != 3 {
			t.Errorf("%s: asked %d times: %v", name, asked, err)
		}
		web.Close()
	}
	// A node whose turns are all taken for long says so, and gives it when there is one.
	a, from := open(t, loopback)
	root := chain(t, a, 10)
	from.walks.wait = 20 * time.Millisecond
	for range cap(from.walks.slots) {
		from.walks.slots <- struct{}{}
	}
	s, n := open(t, Options{})
	id, err := n.Connect(context.Background(), from.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(500*time.Millisecond, func() {
		for range cap(from.walks.slots) {
			<-from.walks.slots
		}
	})
	f := &fetch{store: s, sources: []source{n.peerSource(context.Background(), id)}}
	if got, err := f.below(context.Background(), root); err != nil || got.Blocks != 10 {
		t.Errorf("got %+v %v", got, err)
	}
}

// TestManyConnections: so many at a time, and whoever waits has his turn when others lose theirs, since they send nothing.
func TestManyConnections(t *testing.T) {
	_, n := open(t, loopback)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := newServer(n.Handler())
	web.ReadHeaderTimeout, web.IdleTimeout = 500*time.Millisecond, 500*time.Millisecond
	counted := &countingListener{Listener: l}
	go web.Serve(bounded(counted))
	defer web.Close()
	for range maxConns + 100 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	r, err := http.Get("http://" + l.Addr().String() + "/api/v0/libraries")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r, err)
	}
	r.Body.Close()
	if got := counted.most.Load(); got > maxConns {
		t.Errorf("%d connections at once, want at most %d", got, maxConns)
	}
}

// TestConnectionsOfOne: one customer does not get all connections, and gives back those that he has had.
func TestConnectionsOfOne(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	from := &fromListener{Listener: l}
	fair := bounded(from).(*fairListener)
	accepted := make(chan net.Conn, maxConns)
	go func() {
		for {
			c, err := fair.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	dial := func(format string, args ...any) net.Conn {
		t.Helper()
		addr, err := net.ResolveTCPAddr("tcp", fmt.Sprintf(format, args...))
		if err != nil {
			t.Fatal(err)
		}
		from.addr.Store(addr)
		before := from.count.Load()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		soon(t, "it is accepted", func() bool { return from.count.Load() > before })
		return c
	}
	var his []net.Conn
	for i := range eachConns {
		dial("[2001:db8::%x]:1", i+1)
		his = append(his, <-accepted)
	}
	if _, err := dial("[2001:db8::ffff]:1").Read(make([]byte, 1)); err == nil {
		t.Error("one customer gets one more")
	}
	for _, other := range []string{"192.0.2.1:1", "127.0.0.1:1"} {
		dial("%s", other)
		defer (<-accepted).Close()
	}
	for _, c := range his {
		c.Close()
		c.Close()
	}
	dial("[2001:db8::1]:1")
	(<-accepted).Close()
	fair.mu.Lock()
	defer fair.mu.Unlock()
	if len(fair.count) != 1 {
		t.Errorf("got %v, want the one that is open", fair.count)
	}
	l.Close()
}

// A fromListener gives its connections the address that it is told.
type fromListener struct {
	net.Listener
	addr  atomic.Pointer[net.TCPAddr]
	count atomic.Int64
}

type fromConn struct {
	net.Conn
	addr net.Addr
}

func (c *fromConn) RemoteAddr() net.Addr { return c.addr }

func (l *fromListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	defer l.count.Add(1)
	return &fromConn{c, l.addr.Load()}, nil
}

// A countingListener knows how many of its connections are open, and were at most.
type countingListener struct {
	net.Listener
	now, most atomic.Int64
}

type countedConn struct {
	net.Conn
	once sync.Once
	end  func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.end)
	return c.Conn.Close()
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if k := l.now.Add(1); k > l.most.Load() { // one goroutine accepts
		l.most.Store(k)
	}
	return &countedConn{Conn: c, end: func() { l.now.Add(-1) }}, nil
}

// TestOrigins: pages of other sites have nothing evaluated.
func TestOrigins(t *testing.T) {
	_, n := open(t, Options{Program: "/does/not/exist"})
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	for _, test := range []struct {
		name, host, origin, kind string
		want                     int
	}{
		{"no origin", "", "", typeJSON, 500}, // it would evaluate, if the program was there
		{"same origin", "", web.URL, typeJSON, 500},
		{"another origin", "", "https://evil.example", typeJSON, 403},
		{"null", "", "null", typeJSON, 403},
		{"a name that was made to lead here", "evil.example", "http://evil.example", typeJSON, 403},
		{"another host", "evil.example", "", typeJSON, 403},
		{"a form", "", "", "application/x-www-form-urlencoded", 415},
		{"text", "", "", "text/plain", 415},
		{"localhost", "localhost:1234", "http://localhost:1234", typeJSON, 500},
	} {
		r, err := http.NewRequest("POST", web.URL+"/api/v0/eval", strings.NewReader(`{"source": "1 + 2"}`))
		if err != nil {
			t.Fatal(err)
		}
		if test.host != "" {
			r.Host = test.host
		}
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		r.Header.Set("Content-Type", test.kind)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != test.want {
			t.Errorf("%s: got %d %s, want %d", test.name, answer.StatusCode, text, test.want)
		}
		if answer.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other origins may read this", test.name)
		}
	}
}

// TestHosts: a page of another site that has its own name lead to loopback reads nothing; who listens for others is asked by his names.
func TestHosts(t *testing.T) {
	_, n := open(t, Options{})
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	get := func(local, host, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(local)))))
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, r)
		return w
	}
	for _, path := range []string{"/api/v0/libraries", "/metrics", "/ipfs/bafkqaaa?format=raw", "/api/v0/openapi.json"} {
		for _, test := range []struct {
			local, host string
			want        int
		}{
			{"127.0.0.1:8174", "127.0.0.1:8174", 200},
			{"127.0.0.1:8174", "localhost", 200},
			{"127.0.0.1:8174", "LOCALHOST.:8174", 200},
			{"127.0.0.1:8174", "rosser.localhost:8174", 200},
			{"127.0.0.1:8174", "192.0.2.1", 200}, // nobody can have an address lead elsewhere
			{"[::1]:8174", "[::1]", 200},
			{"[::1]:8174", "[::1]:8174", 200},
			{"127.0.0.1:8174", "evil.example:8174", 403},
			{"127.0.0.1:8174", "evil.example", 403},
			{"127.0.0.1:8174", "localhost.evil.example", 403},
			{"127.0.0.1:8174", "evillocalhost", 403},
			{"[::1]:8174", "evil.example", 403},
			{"192.0.2.7:8174", "node.example", 200},
		} {
			w := get(test.local, test.host, path)
			if w.Code != test.want || test.want == 403 && !strings.Contains(w.Body.String(), `{"error":"over loopback`) {
				t.Errorf("%s of %s at %s: got %d %s, want %d", path, test.host, test.local, w.Code, w.Body, test.want)
			}
		}
	}
	r, err := http.NewRequest("GET", web.URL+"/api/v0/libraries", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("over a connection: got %s", answer.Status)
	}
}
