// This file follows libraries: it keeps where each was pulled from, and pulls again when there is news of it.

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

const (
	pullAgain = 10 * time.Minute // after so long a node looks for new versions that it was not told of
	newsTime  = 5 * time.Minute  // that a pull takes of which there was news
)

// A followed library is pulled again from where it was pulled. This stands as JSON in a raw block, under the root store.SourceRoot and its name here.
type followed struct {
	From  string   `json:"from"`
	Peers []string `json:"peers,omitempty"`
	Limit int64    `json:"limit,omitempty"`
	Names []string `json:"names,omitempty"`
}

// follow notes where a library was pulled from. A root never changes, so it is not followed.
func (n *Node) follow(ctx context.Context, name string, ref reference, p Pull) error {
	from, err := ref.changing()
	if name == "" || err != nil {
		return nil
	}
	data, err := json.Marshal(followed{from, p.Peers, p.Limit, p.Names})
	if err != nil {
		return err
	}
	c := codec.RawCID(data)
	if err := n.store.Put(ctx, graph.Block{CID: c, Data: data}); err != nil {
		return err
	}
	for {
		was, err := n.store.Root(ctx, store.SourceRoot+name)
		if err != nil || was == c {
			return err
		}
		if done, err := n.store.SwapRoot(ctx, store.SourceRoot+name, was, c); err != nil || done {
			return err
		}
	}
}

// following returns where followed libraries are from, by their names here.
func (n *Node) following(ctx context.Context) (map[string]followed, error) {
	all := map[string]followed{}
	err := n.store.Libraries(ctx, store.SourceRoot, func(name string, c cid.Cid) error {
		data, err := n.store.Block(ctx, c)
		if err != nil {
			return err
		}
		var f followed
		if json.Unmarshal(data, &f) != nil {
			return nil // store check says so
		}
		root, err := n.store.Root(ctx, store.FollowRoot+name)
		if err == nil && root.Defined() { // else it has been removed
			all[name] = f
		}
		return err
	})
	return all, err
}

// PullAll pulls all libraries that are followed again. What cannot be pulled is told, and is not in the way of the others.
func (n *Node) PullAll(ctx context.Context, progress func(store.Size)) (pulled []Pulled, err error) {
	all, err := n.following(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("no library is followed: rosser pull ADDRESS follows those of a peer")
	}
	var errs []error
	for _, name := range sorted(all) {
		f := all[name]
		got, err := n.Pull(ctx, Pull{From: f.From, Peers: f.Peers, Name: name, Limit: f.Limit, Names: f.Names}, progress)
		pulled = append(pulled, got...)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return pulled, errors.Join(errs...)
}

func sorted[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// keepFollowing pulls all libraries again from time to time until ctx ends: news may be lost.
func (n *Node) keepFollowing(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pullAgain/2 + rand.N(pullAgain)):
		}
		if all, err := n.following(ctx); err != nil || len(all) == 0 {
			continue
		}
		if _, err := n.spare(0); err != nil {
			n.log.Warn("pull", "error", err)
			continue
		}
		pulled, err := n.PullAll(ctx, nil)
		if err != nil && ctx.Err() == nil {
			n.log.Warn("pull", "error", err)
		}
		n.logPulled(pulled)
	}
}

func (n *Node) logPulled(pulled []Pulled) {
	for _, p := range pulled {
		if p.Root != p.Old {
			n.log.Info("pulled", "library", p.Name, "root", p.Root.String(), "names", p.Names, "results", p.Results, "blocks", p.Came.Blocks)
		}
	}
}

// A newsroom sees to it that of a library of which there is news again and again one pull runs, and one waits.
type newsroom struct {
	mu   sync.Mutex
	busy map[string]bool // by name here: it runs; whether there is news again
}

var errNotFollowed = errors.New("this node follows no such library of yours")

// heard is told that a peer says that a library of its own has a root now. It returns what came of that; without a root where a pull runs already.
func (n *Node) heard(ctx context.Context, from peer.ID, news Shared) (got Pulled, err error) {
	all, err := n.following(ctx)
	if err != nil {
		return got, err
	}
	for _, name := range sorted(all) {
		ref, err := parseReference(all[name].From)
		if err != nil || ref.name != news.Name || !strings.HasSuffix(ref.peer, "/p2p/"+from.String()) {
			continue
		}
		root, err := cid.Decode(news.Root)
		if err != nil {
			return got, fmt.Errorf("%.100q is not a CID", news.Root)
		}
		if is, err := n.store.Root(ctx, store.FollowRoot+name); err != nil || is == root {
			return Pulled{Name: name, Root: root, Old: is, Who: from.String()}, err
		}
		return n.pullNews(ctx, name, all[name])
	}
	return got, errNotFollowed
}

// spare is how many bytes are fetched that nobody at this machine has asked for just now: as many as may be, and leave the disk some room.
func (n *Node) spare(limit int64) (int64, error) {
	if limit == 0 {
		limit = maxFetch
	}
	free, err := freeBytes(n.store.Dir())
	switch {
	case err != nil:
		return limit, nil
	case free <= minFree:
		return 0, errNoRoom
	}
	return min(limit, int64(min(free-minFree, maxFetch))), nil
}

func (n *Node) pullNews(ctx context.Context, name string, f followed) (got Pulled, err error) {
	r := &n.news
	r.mu.Lock()
	if _, runs := r.busy[name]; runs {
		r.busy[name] = true
		r.mu.Unlock()
		return Pulled{Name: name}, nil
	}
	if r.busy == nil {
		r.busy = map[string]bool{}
	}
	r.busy[name] = false
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, newsTime)
	defer cancel()
	for {
		var pulled []Pulled
		limit, err := n.spare(f.Limit)
		if err == nil {
			pulled, err = n.Pull(ctx, Pull{From: f.From, Peers: f.Peers, Name: name, Limit: limit, Names: f.Names}, nil)
		}
		n.logPulled(pulled)
		r.mu.Lock()
		again := r.busy[name] && err == nil
		r.busy[name] = false
		if !again {
			delete(r.busy, name)
		}
		r.mu.Unlock()
		if err != nil || !again {
			if len(pulled) > 0 {
				got = pulled[0]
			}
			return got, err
		}
	}
}
