// This file asks peers.

package node

import (
	"context"
	"fmt"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/repl"
)

const maxTaskBytes = 256 << 20 // of the program and data of a task that a peer gives

// fetchTask fetches what a task of a peer needs, from that peer.
func (n *Node) fetchTask(ctx context.Context, t repl.Task, from peer.ID) error {
	var roots []cid.Cid
	for _, text := range append([]string{t.Expr, t.Checkpoint}, t.Args...) {
		if text == "" {
			continue
		}
		c, err := cid.Decode(text)
		if err != nil {
			return repl.Misuse(fmt.Errorf("%.100q is not a CID", text))
		}
		roots = append(roots, c)
	}
	f := &fetch{store: n.store, sources: []source{n.peerSource(ctx, from)}, limit: maxTaskBytes}
	_, err := f.below(ctx, roots...)
	return err
}
