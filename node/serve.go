// This file is `rosser serve`: the process that puts a store on the network.

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/pnet"

	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/trust"
)

// Serving says how a store is served.
type Serving struct {
	Listen    []string // multiaddrs; nil for the usual ones
	HTTP      string   // address of TCP; "" for none
	Peers     []string // that it stays connected to
	DHT       bool     // take part in the DHT
	Bootstrap []string // by these peers; without, by those of the public one
	Private   string   // file with the key of a private network
	Work      bool
	Limits    Limits
	LogJSON   bool
	Offline   bool // no libp2p: the gateway and the API only
}

// Where a node listens that is not told where.
const (
	listenTCP  = "/ip4/127.0.0.1/tcp/4174"
	listenQUIC = "/ip4/127.0.0.1/udp/4174/quic-v1"
)

// Serve is `rosser serve`. It ends in order when ctx does.
func Serve(ctx context.Context, o repl.Options, v Serving) error {
	return repl.WithStore(o, func(s *store.Store, out io.Writer) error {
		var handler slog.Handler = slog.NewTextHandler(os.Stderr, nil)
		if v.LogJSON {
			handler = slog.NewJSONHandler(os.Stderr, nil)
		}
		log := slog.New(handler)
		key, err := trust.Key(s.Dir())
		if err != nil {
			return err
		}
		program, err := os.Executable()
		if err != nil {
			return err
		}
		options := Options{Key: key, Listen: v.Listen, Offline: v.Offline, Serve: true, Program: program, Work: v.Work, Limits: v.Limits, Log: log}
		if v.Private != "" { // QUIC knows no such keys
			if v.Listen == nil {
				options.Listen = []string{listenTCP}
			}
			if options.Private, err = privateKey(v.Private); err != nil {
				return repl.Misuse(err)
			}
		}
		for _, p := range v.Peers {
			if _, err := peerInfo(p); err != nil {
				return repl.Misuse(fmt.Errorf("--peer: %w", err))
			}
		}
		if other, err := Running(s.Dir()); err == nil {
			return repl.Misuse(fmt.Errorf("the store is served already, by process %d", other.Process))
		}
		if v.Listen == nil && v.Private == "" {
			options.Listen = []string{listenTCP, listenQUIC}
		}
		if v.Offline {
			options.Listen, v.Peers, v.Bootstrap, v.DHT = nil, nil, nil, false
		}
		n, err := Open(s, options)
		if err != nil {
			return repl.Misuse(err)
		}
		defer n.Close()
		control, err := n.control(s.Dir())
		if err != nil {
			return err
		}
		defer control.Close()
		fmt.Fprintf(out, "peer %s\n", n.ID())
		if !v.Offline {
			for _, a := range n.Addrs() {
				fmt.Fprintln(out, "listening on", a)
			}
		}
		web := newServer(n.Handler())
		failed := make(chan error, 1)
		if v.HTTP != "" {
			l, err := net.Listen("tcp", v.HTTP)
			if err != nil {
				return repl.Misuse(fmt.Errorf("%w (--http ADDRESS gives another one)", err))
			}
			fmt.Fprintf(out, "listening on http://%s\n", l.Addr())
			go func() { failed <- web.Serve(bounded(l)) }()
		}
		for _, p := range v.Peers {
			go n.keep(ctx, p)
		}
		if v.DHT || len(v.Bootstrap) > 0 {
			if err := n.joinDHT(ctx, v.Bootstrap); err != nil && ctx.Err() == nil {
				return repl.Misuse(err)
			}
		}
		if !v.Offline {
			if err := n.publishNews(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			go n.keepFollowing(ctx)
			go n.renewNames(ctx)
		}
		log.Info("serving", "store", s.Dir(), "peer", n.ID().String())
		select {
		case <-ctx.Done():
		case err = <-failed:
		case err = <-control.gone(ctx, lookAgain):
		}
		log.Info("stopping")
		n.endTasks() // or the server would wait for those who wait for them
		end, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		if stop := web.Shutdown(end); stop != nil && !errors.Is(stop, context.DeadlineExceeded) {
			err = errors.Join(err, stop)
		}
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		return err
	})
}

// keep stays connected to a peer until ctx ends.
func (n *Node) keep(ctx context.Context, addr string) {
	wait := time.Second
	for ctx.Err() == nil {
		id, err := n.Connect(ctx, addr)
		if err != nil {
			n.log.Warn("peer", "address", addr, "error", err)
		} else {
			n.host.ConnManager().Protect(id, "kept")
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			if err != nil {
				wait = min(2*wait, time.Minute)
			} else {
				wait = 5 * time.Second
			}
		}
	}
}

// privateKey reads the key of a private network, as IPFS's swarm.key has it.
func privateKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	key, err := pnet.DecodeV1PSK(io.LimitReader(f, 4096))
	if err != nil {
		return nil, fmt.Errorf("%s is not the key of a private network, such as\n/key/swarm/psk/1.0.0/\n/base16/\n%s\n%w", path, strings.Repeat("0123456789abcdef", 4), err)
	}
	return key, nil
}
