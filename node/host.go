// This file makes the libp2p host, and speaks HTTP over its streams as libp2p's HTTP specification has it.

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	libp2phttp "github.com/libp2p/go-libp2p/p2p/http"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/gostream"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/x/rate"
	"github.com/multiformats/go-multiaddr"
)

const (
	streamHTTP     = libp2phttp.ProtocolIDForMultistreamSelect
	gatewayService = protocol.ID("/ipfs/gateway") // as kubo's Gateway over libp2p is called
	apiService     = protocol.ID("/rosser/api/v0")

	fewPeers, manyPeers = 320, 400 // connections: beyond many, the least useful are closed until few are left
)

// newHost makes a host that finds nobody by itself: no discovery, no relays, no mapping of ports.
func newHost(o Options) (host.Host, error) {
	manager, err := connmgr.NewConnManager(fewPeers, manyPeers)
	if err != nil {
		return nil, err
	}
	limits, err := newLimits()
	if err != nil {
		return nil, err
	}
	options := []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()), libp2p.NoListenAddrs, libp2p.Security(noise.ID, noise.New), libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ConnectionManager(manager), libp2p.ResourceManager(limits), libp2p.DisableRelay(), libp2p.UserAgent("rosser"), libp2p.DisableMetrics(),
	}
	if o.Key != nil {
		options = append(options, libp2p.Identity(o.Key))
	}
	if o.Private != nil { // QUIC has no pre-shared keys
		options = append(options, libp2p.PrivateNetwork(pnet.PSK(o.Private)))
	} else {
		options = append(options, libp2p.Transport(libp2pquic.NewTransport))
	}
	h, err := libp2p.New(options...)
	if err != nil {
		return nil, err
	}
	for _, text := range o.Listen { // one by one: together it is enough for libp2p if one of them can be had
		addr, err := multiaddr.NewMultiaddr(text)
		if err == nil {
			err = h.Network().Listen(addr)
		}
		if err != nil {
			h.Close()
			return nil, fmt.Errorf("cannot listen on %s: %w (--listen ADDRESS gives another one)", text, err)
		}
	}
	return h, nil
}

// newLimits is what peers may take together. Without it that depends on the machine's memory: with 4 GB libp2p refuses the hundredth peer.
// Of one public address eight may be connected, as libp2p has it; those of private networks, which have one address when they come through a
// bridge, may be as many as all. libp2p takes a new connection of one address every five seconds, which a script that pulls is past soon.
func newLimits() (network.ResourceManager, error) {
	limits := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&limits)
	most := rcmgr.PartialLimitConfig{System: rcmgr.ResourceLimits{
		Conns: 2 * manyPeers, ConnsInbound: manyPeers + manyPeers/4, ConnsOutbound: manyPeers, FD: 2 * manyPeers,
		Streams: 64 * manyPeers, StreamsInbound: 32 * manyPeers, StreamsOutbound: 32 * manyPeers,
	}}.Build(limits.Scale(1<<30, 2*manyPeers))
	rates := &rate.Limiter{SubnetRateLimiter: rate.SubnetLimiter{
		IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 2, Burst: 32}}},
		IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: rate.Limit{RPS: 2, Burst: 32}}, {PrefixLength: 48, Limit: rate.Limit{RPS: 5, Burst: 160}}},
		GracePeriod:      time.Minute,
	}}
	for _, text := range []string{"127.0.0.0/8", "::1/128"} {
		rates.NetworkPrefixLimits = append(rates.NetworkPrefixLimits, rate.PrefixLimit{Prefix: netip.MustParsePrefix(text)})
	}
	four, six := slices.Clone(rcmgr.DefaultNetworkPrefixLimitV4), slices.Clone(rcmgr.DefaultNetworkPrefixLimitV6)
	for _, text := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"} {
		one := rcmgr.NetworkPrefixLimit{Network: netip.MustParsePrefix(text), ConnCount: manyPeers}
		rates.NetworkPrefixLimits = append(rates.NetworkPrefixLimits, rate.PrefixLimit{Prefix: one.Network})
		if one.Network.Addr().Is4() {
			four = append(four, one)
		} else {
			six = append(six, one)
		}
	}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(most), rcmgr.WithNetworkPrefixLimit(four, six), rcmgr.WithConnRateLimiters(rates), rcmgr.WithMetricsDisabled())
}

// streamClient makes HTTP requests over streams of h: the host of a URL is the ID of a peer that h is connected to, or knows where to find.
// Headers have to come within wait; 0 is no limit.
func streamClient(h host.Host, wait time.Duration) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				id, _, err := net.SplitHostPort(addr)
				if err != nil {
					return nil, err
				}
				to, err := peer.Decode(id)
				if err != nil {
					return nil, err
				}
				if h.Network().Connectedness(to) != network.Connected && len(h.Peerstore().Addrs(to)) == 0 {
					return nil, fmt.Errorf("peer %s is not connected any more", to)
				}
				return gostream.Dial(ctx, h, to, streamHTTP)
			},
			DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: wait,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// serveStreams answers HTTP requests that come over streams of h.
func serveStreams(h host.Host, handler http.Handler) (*http.Server, error) {
	l, err := gostream.Listen(h, streamHTTP)
	if err != nil {
		return nil, err
	}
	var known libp2phttp.WellKnownHandler
	known.AddProtocolMeta(gatewayService, libp2phttp.ProtocolMeta{Path: "/"})
	known.AddProtocolMeta(apiService, libp2phttp.ProtocolMeta{Path: "/api/v0/"})
	mux := http.NewServeMux()
	mux.Handle(libp2phttp.WellKnownProtocols, &known)
	mux.Handle("/", handler)
	s := newServer(mux)
	go s.Serve(l)
	return s, nil
}

type remoteKey struct{}

// remoteOf names who is at the other end of a connection: a peer ID, or an address without its port.
func remoteOf(c net.Conn) string {
	text := c.RemoteAddr().String()
	if c.RemoteAddr().Network() == gostream.Network {
		return text
	}
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host
	}
	return text
}

// remote is whom a request comes from.
func remote(r *http.Request) string {
	if who, ok := r.Context().Value(remoteKey{}).(string); ok {
		return who
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

// remotePeer is the peer whom a request comes from, if it came over a stream of its own connection.
func remotePeer(r *http.Request) (peer.ID, bool) {
	id, err := peer.Decode(remote(r))
	return id, err == nil
}

// plainDial takes out of the error of a dial what only tells of libp2p's inside.
func plainDial(err error) error {
	var dial *swarm.DialError
	if errors.As(err, &dial) {
		for _, e := range dial.DialErrors {
			if e.Cause != nil {
				return fmt.Errorf("%s: %w", e.Address, e.Cause)
			}
		}
		if dial.Cause != nil {
			return dial.Cause
		}
	}
	return err
}
