// This file uses the DHT of IPFS, if the node is told to: to say where roots and names are to be had, and to find that out.

package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
)

const (
	routingTime  = time.Minute
	maxProviders = 8 // that are asked for one root
)

// joinDHT joins the DHT by its bootstrap peers; without any by those of the public one.
func (n *Node) joinDHT(ctx context.Context, bootstrap []string) error {
	peers := dht.GetDefaultBootstrapPeerAddrInfos()
	if len(bootstrap) > 0 {
		peers = nil
		for _, text := range bootstrap {
			info, err := peerInfo(text)
			if err != nil {
				return fmt.Errorf("--bootstrap: %w", err)
			}
			peers = append(peers, *info)
		}
	}
	mode := dht.ModeAuto
	if len(bootstrap) > 0 { // a network of its own, in which nobody says who can be reached
		mode = dht.ModeServer
	}
	d, err := dht.New(n.host, dht.Mode(mode), dht.BootstrapPeers(peers...))
	if err != nil {
		return err
	}
	n.routing = d
	return d.Bootstrap(ctx)
}

// provide says that a root is to be had here. Only roots are announced: what is below them is asked for of who has the root.
func (n *Node) provide(ctx context.Context, root string) {
	c, err := cid.Decode(root)
	if n.routing == nil || err != nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, routingTime)
		defer cancel()
		if err := n.routing.Provide(ctx, c, true); err != nil && ctx.Err() == nil {
			n.log.Warn("a root is not announced", "root", root, "error", err)
		}
	}()
}

// providers are sources that the DHT has for a root.
func (n *Node) providers(ctx context.Context, root cid.Cid) (found []source) {
	if n.routing == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, routingTime)
	defer cancel()
	for info := range n.routing.FindProvidersAsync(ctx, root, maxProviders) {
		if info.ID == n.host.ID() {
			continue
		}
		dial, end := context.WithTimeout(ctx, connectTime)
		err := n.host.Connect(dial, info)
		end()
		if err == nil {
			s := n.peerSource(ctx, info.ID)
			if !slices.ContainsFunc(found, func(f source) bool { return f.String() == s.String() }) {
				found = append(found, s)
			}
		}
	}
	return found
}

// nameFromDHT asks the DHT for the record of a name.
func (n *Node) nameFromDHT(ctx context.Context, name ipns.Name) (nameRecord, error) {
	if n.routing == nil {
		return nameRecord{}, errors.New("the node takes no part in it (rosser serve --dht)")
	}
	data, err := n.routing.GetValue(ctx, string(name.RoutingKey()))
	if err != nil {
		return nameRecord{}, err
	}
	return readName(name, data)
}
