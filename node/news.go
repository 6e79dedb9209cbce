// This file spreads news: which roots libraries have now, and who has answers that were expensive.
//
// News goes over gossipsub, and so to peers of peers. Gossipsub drops messages when there are many, and who was away missed them. So answers go many
// to a message and are asked for again (answers.go), libraries are named again from time to time, and who follows a library pulls again from time to time even if he has heard
// nothing. News proves nothing: a root is pulled only of a library that is followed, from whom it is followed; an answer is a claim.

package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multihash"
)

const (
	newsTopic  = "/rosser/news/2"
	newsBytes  = 64 << 10 // of a message
	newsEvery  = 2 * time.Second
	sayAgain   = 5 * time.Minute
	saySoon    = 30 * time.Second // after a batch it is said again which there are
	repairTime = 10 * time.Second // at least, between two questions to one peer for what has not come
	maxHints   = 1 << 16
	maxAnswers = 500 // in a message
	maxTold    = 100 // libraries in a message: their names may be long
	hearEach   = 20  // messages of one peer in hearTime
	hearMany   = 10  // as many times that of those that he passes on
	hearTime   = 10 * time.Second
)

// A message is what a node tells. Who it is by is known from its signature.
type message struct {
	Addrs     []string `json:"addrs,omitempty"` // where the node can be reached
	Libraries []Shared `json:"libraries,omitempty"`
	Batch     uint64   `json:"batch,omitempty"` // number of the answers, in this process
	Answers   []told   `json:"answers,omitempty"`

	// Which batches are given again, and of which process.
	Run   string `json:"run,omitempty"`
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
}

// A gazette spreads and hears news.
type gazette struct {
	topic *pubsub.Topic
	mu    sync.Mutex
	made  []string            // answers that have not been told
	hints map[cid.Cid]peer.ID // who has an answer
	heard map[peer.ID]int     // messages, since
	since time.Time

	every, again, soon, repair time.Duration // newsEvery and the like, but for tests
}

// publishNews takes part in the news until ctx ends.
func (n *Node) publishNews(ctx context.Context) error {
	g := &n.gazette
	g.every, g.again, g.soon, g.repair = cmp.Or(g.every, newsEvery), cmp.Or(g.again, sayAgain), cmp.Or(g.soon, saySoon), cmp.Or(g.repair, repairTime)
	n.journal.begin(rand.Text())
	ps, err := pubsub.NewGossipSub(ctx, n.host, pubsub.WithMessageSignaturePolicy(pubsub.StrictSign), pubsub.WithMaxMessageSize(newsBytes+4096))
	if err != nil {
		return err
	}
	err = ps.RegisterTopicValidator(newsTopic, func(_ context.Context, sender peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		var got message
		if len(m.Data) > newsBytes || json.Unmarshal(m.Data, &got) != nil || len(got.Answers) > maxAnswers || len(got.Libraries) > maxAnswers {
			return pubsub.ValidationReject
		}
		// Keys are free, so who passes news on answers for all of it.
		if sender != n.host.ID() && (n.gazette.often(sender, hearEach*hearMany) || sender != m.GetFrom() && n.gazette.often(m.GetFrom(), hearEach)) {
			return pubsub.ValidationIgnore
		}
		m.ValidatorData = got
		return pubsub.ValidationAccept
	})
	if err != nil {
		return err
	}
	if n.gazette.topic, err = ps.Join(newsTopic); err != nil {
		return err
	}
	sub, err := n.gazette.topic.Subscribe()
	if err != nil {
		return err
	}
	go n.hear(ctx, sub)
	go n.tell(ctx)
	return nil
}

// often says whether a peer tells more than is listened to.
func (g *gazette) often(who peer.ID, most int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.since) > hearTime {
		g.heard, g.since = map[peer.ID]int{}, now
	}
	g.heard[who]++
	return g.heard[who] > most
}

// hear listens.
func (n *Node) hear(ctx context.Context, sub *pubsub.Subscription) {
	pulls := make(chan struct{}, fetchers)
	for {
		m, err := sub.Next(ctx)
		if err != nil {
			return
		}
		got, ok := m.ValidatorData.(message)
		from := m.GetFrom()
		if !ok || from == n.host.ID() {
			continue
		}
		n.know(from, got.Addrs)
		n.note(from, got.Answers)
		if numbers := n.journal.lacks(from, got, n.gazette.repair); len(numbers) > 0 && n.near(from) {
			select {
			case pulls <- struct{}{}:
				go func() {
					defer func() { <-pulls }()
					if err := n.repair(ctx, from, got.Run, numbers); err != nil && ctx.Err() == nil {
						n.journal.lost(from, numbers)
						n.log.Debug("news", "peer", from.String(), "error", err)
					}
				}()
			default:
				n.journal.lost(from, numbers)
			}
		}
		for _, news := range got.Libraries {
			select {
			case pulls <- struct{}{}:
				go func() {
					defer func() { <-pulls }()
					if _, err := n.heard(ctx, from, news); err != nil && err != errNotFollowed && ctx.Err() == nil {
						n.log.Warn("news", "peer", from.String(), "library", news.Name, "error", err)
					}
				}()
			default: // it is told again
			}
		}
	}
}

const maxAddrs = 8 // of a peer, that are believed

// know notes where a peer says that it can be reached.
func (n *Node) know(id peer.ID, addrs []string) {
	for _, text := range addrs[:min(len(addrs), maxAddrs)] {
		if a, err := multiaddr.NewMultiaddr(text); err == nil {
			n.host.Peerstore().AddAddr(id, a, sayAgain*2)
		}
	}
}

// note remembers who has an answer.
func (g *gazette) note(from peer.ID, expr cid.Cid) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hints == nil || len(g.hints) >= maxHints {
		g.hints = map[cid.Cid]peer.ID{}
	}
	g.hints[expr] = from
}

// isExpr says whether a CID may be that of an expression.
func isExpr(c cid.Cid) bool {
	p := c.Prefix()
	return p.Version == 1 && p.Codec == cid.DagCBOR && p.MhType == multihash.SHA2_256 && p.MhLength == 32
}

// hint is who is said to have an answer.
func (g *gazette) hint(expr cid.Cid) (peer.ID, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id, ok := g.hints[expr]
	return id, ok
}

// forget forgets a hint that led to nothing.
func (g *gazette) forget(expr cid.Cid) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.hints, expr)
}

// answered notes an answer that is worth telling of.
func (g *gazette) answered(expr string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.made, expr) {
		g.made = append(g.made[max(0, len(g.made)-maxAnswers+1):], expr)
	}
}

func (g *gazette) take() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	made := g.made
	g.made = nil
	return made
}

// tell tells what is new, and from time to time what libraries and batches of answers there are.
func (n *Node) tell(ctx context.Context) {
	roots := map[string]string{} // that have been told
	g, last, soon := &n.gazette, time.Now(), time.Time{}
	warn := func(err error) {
		if err != nil && ctx.Err() == nil {
			n.log.Warn("news", "error", err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(g.every):
		}
		_, _, before := n.journal.digest()
		warn(n.tellAnswers(ctx))
		_, _, batches := n.journal.digest()
		if batches > before {
			soon = time.Now().Add(g.soon)
		}
		libs, err := n.libraries(ctx)
		if err != nil {
			continue
		}
		again := !soon.IsZero() && time.Now().After(soon)
		if time.Since(last) > g.again {
			roots, last, again = map[string]string{}, time.Now(), batches > 0
		}
		var m message
		for _, l := range libs {
			if roots[l.Name] != l.Root && len(m.Libraries) < maxTold {
				m.Libraries = append(m.Libraries, l)
			}
		}
		if len(m.Libraries) == 0 && !again {
			continue
		}
		soon = time.Time{}
		if err := n.publishMessage(ctx, m); err != nil {
			warn(err)
			continue
		}
		for _, l := range m.Libraries {
			roots[l.Name] = l.Root
			n.provide(ctx, l.Root)
		}
	}
}

func (n *Node) publishMessage(ctx context.Context, m message) error {
	for _, a := range n.host.Addrs() {
		m.Addrs = append(m.Addrs, a.String())
	}
	if run, first, last := n.journal.digest(); last > 0 {
		m.Run, m.First, m.Last = run, first, last
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(data) > newsBytes {
		return fmt.Errorf("news of %d bytes is too long, the limit is %d", len(data), newsBytes)
	}
	return n.gazette.topic.Publish(ctx, data)
}
