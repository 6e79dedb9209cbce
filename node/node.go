// Package node puts a store on the network, on the protocols that IPFS has: libp2p with Bitswap, the trustless gateway over HTTP and over
// libp2p streams.
//
// Open makes a Node of a store, which answers its peers until it is closed. Serve, PullCommand, AskCommand and Telling are the command line's.
//
//	host.go, metrics.go            the libp2p host and HTTP over its streams; counts for Prometheus
//	gateway.go, api.go             what is answered: blocks and CAR files, recorded answers, tasks
//	work.go, jobs.go, accounts.go  tasks, each in a process of its own; who waits for which, and who has had how much
//	source.go, fetch.go            what is fetched: sub-DAGs from gateways and by Bitswap, each block verified
//	pull.go, follow.go, ipns.go    libraries of others, and the names that stand for them
//	ask.go, relay.go               peers are asked for what they have recorded, and to reduce, one after the other
//	news.go, answers.go, dht.go    what is told: to peers of peers, and in the DHT
//	serve.go, control.go           the process that serves a store, and how other commands on the same store use it
//	commands.go, publish.go        commands that go to the network for a while
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap"
	bsclient "github.com/ipfs/boxo/bitswap/client"
	bsnet "github.com/ipfs/boxo/bitswap/network/bsnet"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/trust"
)

// Options configure a Node. The zero Options are those of one that only asks: it listens nowhere, and has a key of its own for as long as it
// lives.
type Options struct {
	Key     crypto.PrivKey // who it is; nil: nobody in particular
	Listen  []string       // multiaddrs
	Private []byte         // key of a private network (libp2p's pre-shared key), 32 bytes; nil for none
	Serve   bool           // answer peers
	Offline bool           // connect to nobody
	Program string         // rosser itself, to reduce with; "": nothing is reduced
	Work    bool           // reduce for others, too
	Limits  Limits         // of what is reduced
	Log     *slog.Logger   // nil: nothing is logged
}

// A Node is a store on the network. Any goroutine may call its methods.
type Node struct {
	store     *store.Store
	believed  *trust.Store // the store, with what the policy believes
	log       *slog.Logger
	key       crypto.PrivKey // nil: it vouches for nothing
	host      host.Host
	bitswap   *bitswap.Bitswap
	streams   *http.Client // HTTP over libp2p streams: the host of a URL is a peer ID
	tasks     *http.Client // the same, for what takes long to answer
	handler   http.Handler // what peers are answered
	metrics   *prometheus.Registry
	workers   *workers // nil: nothing is reduced
	work      bool     // for others
	offline   bool
	compiling chan struct{} // holds one for each expression that is being compiled
	missed    missSet
	walks     *turns       // to write CAR files
	decoding  *turns       // to decode blocks
	routing   *dht.IpfsDHT // nil: it takes no part in the DHT
	news      newsroom
	gazette   gazette
	journal   journal
	serving   *http.Server  // over libp2p streams
	parting   time.Duration // that peers have to fetch what was reached when it closes
	close     context.CancelFunc
}

const (
	queuedWants = 16384 // of one peer; boxo's 1024 stalls who asks for more at once
	wantMessage = 256 << 10
	wantBytes   = 8 << 20 // on their way to one peer
)

// Open puts s on the network.
func Open(s *store.Store, o Options) (*Node, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	h, err := newHost(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Node{store: s, log: o.Log, host: h, metrics: prometheus.NewRegistry(), close: cancel, key: o.Key, work: o.Work, offline: o.Offline, compiling: make(chan struct{}, 2), parting: partingTime}
	if o.Program != "" {
		n.workers = newWorkers(o.Program, s.Dir(), o.Limits)
	}
	n.bitswap = bitswap.New(ctx, bsnet.NewFromIpfsHost(h), nil, s.Blockstore(),
		bitswap.MaxQueuedWantlistEntriesPerPeer(queuedWants), bitswap.WithTargetMessageSize(wantMessage),
		bitswap.MaxOutstandingBytesPerPeer(wantBytes), bitswap.WithServerEnabled(o.Serve), bitswap.WithClientOption(bsclient.WithoutDuplicatedBlockStats()))
	n.streams, n.tasks = streamClient(h, idleTime), streamClient(h, 0)
	n.believed = trust.Over(s, s.Dir(), eval.Own, func(err error) { n.log.Warn("trust", "error", err) })
	n.walks, n.decoding = newTurns(maxWalks, walksEach, walkTime), newTurns(maxDecoding, maxRequests, walkTime)
	gate, err := newGateway(s, n.walks, n.decoding, n.metrics)
	if err != nil {
		n.Close()
		return nil, err
	}
	n.handler = n.routes(gate)
	if o.Serve {
		if n.serving, err = serveStreams(h, n.handler); err != nil {
			n.Close()
			return nil, err
		}
	}
	return n, nil
}

// Close leaves the network; the store stays open. Requests that are being answered get a moment to end.
func (n *Node) Close() error {
	n.endTasks()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	var errs []error
	if n.serving != nil {
		if err := n.serving.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err)
		}
	}
	n.streams.CloseIdleConnections()
	n.tasks.CloseIdleConnections()
	errs = append(errs, n.bitswap.Close(), n.host.Close())
	if n.routing != nil {
		errs = append(errs, n.routing.Close())
	}
	n.close()
	return errors.Join(errs...)
}

// endTasks ends what is being reduced. Who waits for it is told how far it has come, and as long as peers are connected they have a moment to
// fetch that.
func (n *Node) endTasks() {
	if n.workers == nil || !n.workers.close() {
		return
	}
	for end := time.Now().Add(n.parting); len(n.host.Network().Peers()) > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

const (
	closeTime   = 2 * time.Second
	partingTime = time.Second
)

// ID is the node's peer ID.
func (n *Node) ID() peer.ID { return n.host.ID() }

// Addrs are the multiaddrs by which it can be reached, with its ID.
func (n *Node) Addrs() []multiaddr.Multiaddr {
	all, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: n.host.ID(), Addrs: n.host.Addrs()})
	if err != nil {
		return nil
	}
	return all
}

// Connect connects to the peer at a multiaddr that ends in /p2p/ID, and returns its ID.
func (n *Node) Connect(ctx context.Context, addr string) (peer.ID, error) {
	info, err := peerInfo(addr)
	if err != nil {
		return "", err
	}
	if n.offline {
		return "", errors.New("this node is offline (--offline)")
	}
	if info.ID == n.host.ID() {
		return "", fmt.Errorf("%s is this node itself", info.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if err := n.host.Connect(ctx, *info); err != nil {
		hint := askRunning
		switch text := err.Error(); {
		case strings.Contains(text, "peer id mismatch"):
			hint = "another peer has this address now: is its ID right, and is it that of the same store as before?"
		case strings.Contains(text, "failed to negotiate security protocol"):
			hint = "it answers, and takes no connection: it may have as many as it takes, now or of this address, or be in another private network"
		}
		return "", fmt.Errorf("peer %s cannot be reached: %w (%s)", info.ID, plainDial(err), hint)
	}
	return info.ID, nil
}

func peerInfo(addr string) (*peer.AddrInfo, error) {
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		return nil, fmt.Errorf("%.200q is not the address of a peer, such as /ip4/127.0.0.1/tcp/4174/p2p/12D3…: %w", addr, err)
	}
	return info, nil
}

const (
	connectTime = 15 * time.Second
	askRunning  = "is its rosser serve running, and is this its address?"
	goesOn      = "what has come is kept, and the same again goes on from there"
)

// Handler answers HTTP as peers are answered: for a listener of TCP.
func (n *Node) Handler() http.Handler { return n.handler }

// newServer is an HTTP server that nobody can hold up by being slow.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: steady(h, idleTime), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, remoteKey{}, remoteOf(c))
		},
	}
}

const (
	maxConns  = 512          // over TCP, of the web and of this machine's own programs each: others wait; a few files each
	eachConns = maxConns / 4 // of one customer (customerOf); more are closed at once
)

// bounded takes so many connections at a time. Who sends nothing, or has nothing more to ask, loses his soon.
func bounded(l net.Listener) net.Listener {
	return &fairListener{Listener: netutil.LimitListener(l, maxConns), count: map[string]int{}}
}

// A fairListener leaves no one customer all connections. This machine's own programs may have them.
type fairListener struct {
	net.Listener
	mu    sync.Mutex
	count map[string]int // by customer
}

func (l *fairListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr, err := netip.ParseAddr(remoteOf(c))
		if err != nil || addr.Unmap().IsLoopback() {
			return c, nil
		}
		who := customerOf(addr)
		if l.add(who, 1) <= eachConns {
			return &fairConn{Conn: c, end: sync.OnceFunc(func() { l.add(who, -1) })}, nil
		}
		l.add(who, -1)
		c.Close()
	}
}

func (l *fairListener) add(who string, n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[who] += n
	left := l.count[who]
	if left == 0 {
		delete(l.count, who)
	}
	return left
}

type fairConn struct {
	net.Conn
	end func()
}

func (c *fairConn) Close() error {
	c.end()
	return c.Conn.Close()
}

// steady ends answers of which nothing is taken for a while: who does not read would hold for ever what answers him.
func steady(h http.Handler, wait time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &steadyWriter{w, http.NewResponseController(w), wait}
		defer out.goOn() // what is left in buffers
		h.ServeHTTP(out, r)
	})
}

// A steadyWriter gives each part of an answer its time.
type steadyWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
	wait time.Duration
}

const steadyPart = 64 << 10

func (w *steadyWriter) goOn() { w.conn.SetWriteDeadline(time.Now().Add(w.wait)) }

func (w *steadyWriter) Write(p []byte) (n int, err error) {
	for first := true; err == nil && (first || n < len(p)); first = false {
		var k int
		w.goOn()
		k, err = w.ResponseWriter.Write(p[n:min(len(p), n+steadyPart)])
		n += k
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *steadyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
