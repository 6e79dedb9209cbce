// This file names libraries by keys: IPNS.
//
// # Whose word is a name's?
//
// An IPNS record says what the name of a key stands for, and is signed with that key. So it proves itself, whoever gives it: any gateway will do.
// It does not prove that there is no newer one. The record with the highest sequence number of all that are given is taken, and it is kept, so that
// nobody can take a name back to what it stood for before it was last looked at here. What is kept, of the own keys and of others, a node's gateway
// gives to whoever asks. A record stands in a raw block, under the store's root ipns/NAME.

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/boxo/gateway"
	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/trust"
)

const (
	namePrefix = "ipns/" // of the roots that are records
	maxNames   = 8       // names that stand for names, one after the other
	nameTime   = time.Minute
	nameLife   = 30 * 24 * time.Hour // of a record; a node that serves signs it again when half of it is over
	typeRecord = "application/vnd.ipfs.ipns-record"
)

// A nameRecord is an IPNS record that has been signed with its name's key, in time or not.
type nameRecord struct {
	*ipns.Record
	data    []byte
	seq     uint64
	expires time.Time
}

// readName reads a record of a name. An error that it is late comes with the record.
func readName(name ipns.Name, data []byte) (r nameRecord, err error) {
	r.data = data
	if r.Record, err = ipns.UnmarshalRecord(data); err != nil {
		return r, err
	}
	late := ipns.ValidateWithName(r.Record, name)
	if late != nil && !errors.Is(late, ipns.ErrExpiredRecord) {
		return r, late
	}
	if r.seq, err = r.Sequence(); err != nil {
		return r, err
	}
	if r.expires, err = r.Validity(); err != nil {
		return r, err
	}
	if late != nil {
		late = fmt.Errorf("it was good until %s: whoever has its key has to publish it again", r.expires.Format(time.DateTime))
	}
	return r, late
}

// newer says whether r is what its name stands for rather than o.
func (r nameRecord) newer(o nameRecord) bool {
	return o.Record == nil || r.seq > o.seq || r.seq == o.seq && r.expires.After(o.expires)
}

// keptName is the record of a name that is in a store, and its block; without a Record if there is none.
func keptName(ctx context.Context, s *store.Store, name ipns.Name) (r nameRecord, at cid.Cid, err error) {
	if at, err = s.Root(ctx, namePrefix+name.String()); err != nil || !at.Defined() {
		return r, at, err
	}
	data, err := s.Block(ctx, at)
	if errors.Is(err, graph.ErrNotFound) || errors.Is(err, graph.ErrDamaged) {
		return r, at, nil
	}
	if err != nil {
		return r, at, err
	}
	if r, _ = readName(name, data); r.expires.IsZero() {
		return nameRecord{}, at, nil // what cannot be read is as good as none
	}
	return r, at, nil
}

// keepName puts a record into a store, unless there is a newer one, and returns the one that is there then.
func keepName(ctx context.Context, s *store.Store, name ipns.Name, r nameRecord) (nameRecord, error) {
	c := codec.RawCID(r.data)
	for {
		old, at, err := keptName(ctx, s, name)
		if err != nil || !r.newer(old) {
			return old, err
		}
		if err := s.Put(ctx, graph.Block{CID: c, Data: r.data}); err != nil {
			return r, err
		}
		if done, err := s.SwapRoot(ctx, namePrefix+name.String(), at, c); err != nil || done {
			return r, err
		}
	}
}

// PublishName signs that the name of a key stands for a root from now on, keeps the record in the store, and returns the name. A node on the
// store gives the record to whoever asks.
func PublishName(ctx context.Context, s *store.Store, key crypto.PrivKey, root cid.Cid) (name string, err error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return "", err
	}
	n := ipns.NameFromPeer(id)
	for {
		old, _, err := keptName(ctx, s, n)
		if err != nil {
			return "", err
		}
		seq := old.seq
		if old.Record != nil && !old.standsFor(root) {
			seq++
		}
		r, err := signName(key, n, root, seq)
		if err != nil {
			return "", err
		}
		if now, err := keepName(ctx, s, n, r); err != nil || now.standsFor(root) { // else another process was faster
			return n.String(), err
		}
	}
}

func (r nameRecord) standsFor(root cid.Cid) bool {
	is, err := r.Value()
	return err == nil && is.String() == path.FromCid(root).String()
}

func signName(key crypto.PrivKey, name ipns.Name, root cid.Cid, seq uint64) (nameRecord, error) {
	signed, err := ipns.NewRecord(key, path.FromCid(root), seq, time.Now().Add(nameLife), ipns.DefaultRecordTTL)
	if err != nil {
		return nameRecord{}, err
	}
	data, err := ipns.MarshalRecord(signed)
	if err != nil {
		return nameRecord{}, err
	}
	return readName(name, data)
}

// renewName signs again what the name of a key stands for, if half of the time is over for which that is good.
func renewName(ctx context.Context, s *store.Store, key crypto.PrivKey) error {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return err
	}
	r, _, err := keptName(ctx, s, ipns.NameFromPeer(id))
	if err != nil || r.Record == nil || time.Until(r.expires) > nameLife/2 {
		return err
	}
	root, _, err := nameValue(r)
	if err != nil || !root.Defined() {
		return err
	}
	_, err = PublishName(ctx, s, key, root)
	return err
}

// renewNames signs again from time to time what the names of this store's keys stand for, and tells the DHT, until ctx ends.
func (n *Node) renewNames(ctx context.Context) {
	for wait := n.gazette.every; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		keys, err := trust.Keys(n.store.Dir())
		for _, key := range keys {
			err = errors.Join(err, n.renewOwn(ctx, key))
		}
		wait = renewEvery
		if err != nil && ctx.Err() == nil {
			n.log.Warn("names", "error", err)
			wait = n.gazette.again // the DHT may not have been reached yet
		}
	}
}

const renewEvery = 6 * time.Hour

func (n *Node) renewOwn(ctx context.Context, key crypto.PrivKey) error {
	if err := renewName(ctx, n.store, key); err != nil || n.routing == nil {
		return err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return err
	}
	return n.putName(ctx, ipns.NameFromPeer(id))
}

// putName puts the record of a name into the DHT.
func (n *Node) putName(ctx context.Context, name ipns.Name) error {
	r, _, err := keptName(ctx, n.store, name)
	if err != nil || r.Record == nil || n.routing == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, routingTime)
	defer cancel()
	if err := n.routing.PutValue(ctx, string(name.RoutingKey()), r.data); err != nil {
		return fmt.Errorf("the DHT is not told of /ipns/%s, the node tries again later: %w", name, err)
	}
	return nil
}

// nameValue is what a record says that its name stands for: a root, or another name.
func nameValue(r nameRecord) (root cid.Cid, name string, err error) {
	v, err := r.Value()
	if err != nil {
		return root, "", err
	}
	at := v.Segments()
	switch {
	case len(at) != 2:
		return root, "", fmt.Errorf("it stands for %.200q, want /ipfs/CID or /ipns/NAME", v)
	case v.Namespace() == path.IPNSNamespace:
		return root, at[1], nil
	}
	root, err = cid.Decode(at[1])
	return root, "", err
}

// resolve finds out what an IPNS name stands for.
func (n *Node) resolve(ctx context.Context, name string, sources []source) (cid.Cid, error) {
	first := name
	for range maxNames {
		key, err := ipns.NameFromString(name)
		if err != nil {
			return cid.Undef, fmt.Errorf("/ipns/%.200s is not the name of a key, such as k51…: what a name in the DNS stands for (DNSLink) nobody has signed; find that out yourself, and pull from /ipfs/CID", name)
		}
		r, err := n.askName(ctx, key, sources)
		if err != nil {
			return cid.Undef, err
		}
		root, next, err := nameValue(r)
		if err != nil {
			return cid.Undef, fmt.Errorf("/ipns/%s: %w", key, err)
		}
		if root.Defined() {
			return root, nil
		}
		name = next
	}
	return cid.Undef, fmt.Errorf("/ipns/%.200s stands for a name that stands for a name, and so on, more than %d times", first, maxNames)
}

// askName asks gateways for the record of a name, all at once, and returns the newest, which is kept.
func (n *Node) askName(ctx context.Context, name ipns.Name, sources []source) (best nameRecord, err error) {
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	var asked sync.WaitGroup
	records, errs := make([]nameRecord, len(sources)+1), make([]error, len(sources)+1)
	asked.Go(func() { records[len(sources)], errs[len(sources)] = n.nameFromDHT(ctx, name) })
	for i, s := range sources {
		asked.Go(func() { records[i], errs[i] = recordFrom(ctx, s, name) })
	}
	asked.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return best, err
	}
	for i, r := range records {
		if errs[i] == nil && r.newer(best) {
			best = r
		}
	}
	if best.Record == nil {
		text := make([]string, len(sources))
		for i, s := range sources {
			text[i] = fmt.Sprintf("%s: %v", s, errs[i])
		}
		text = append(text, fmt.Sprintf("DHT: %v", errs[len(sources)]))
		return best, fmt.Errorf("nobody says what /ipns/%s stands for; %s", name, strings.Join(text, "; "))
	}
	now, err := keepName(ctx, n.store, name, best)
	if err != nil {
		return best, err
	}
	if time.Now().After(now.expires) { // a newer one was seen before, which nobody gives any more
		return best, fmt.Errorf("what is given for /ipns/%s is older (number %d) than what was seen before (%d), and that is not good any more", name, best.seq, now.seq)
	}
	return now, nil
}

// recordFrom asks one source for the record of a name.
func recordFrom(ctx context.Context, s source, name ipns.Name) (nameRecord, error) {
	g, ok := s.(*gatewaySource)
	if lost, is := s.(*lostSource); is {
		return nameRecord{}, lost.err
	}
	if !ok {
		return nameRecord{}, errors.New("it gives blocks only; with --peer URL a gateway is asked for the name")
	}
	body, err := g.get(ctx, "/ipns/"+name.String()+"?format=ipns-record", typeRecord)
	if err != nil {
		return nameRecord{}, err
	}
	if body == nil {
		return nameRecord{}, errors.New("it does not know")
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, int64(ipns.MaxRecordSize)+1))
	if body.late() {
		err = errLate
	}
	if err != nil {
		return nameRecord{}, err
	}
	r, err := readName(name, data)
	if err != nil {
		return nameRecord{}, fmt.Errorf("its record is not to be used: %w", err)
	}
	return r, nil
}

// GetIPNSRecord gives the record of a name that is kept.
func (b backend) GetIPNSRecord(ctx context.Context, c cid.Cid) ([]byte, error) {
	name, err := ipns.NameFromCid(c)
	if err != nil {
		return nil, gateway.NewErrorStatusCode(err, http.StatusBadRequest)
	}
	r, _, err := keptName(ctx, b.store, name)
	if err != nil {
		return nil, err
	}
	if r.Record == nil || time.Now().After(r.expires) {
		return nil, gateway.NewErrorStatusCode(fmt.Errorf("there is no record of %s", name), http.StatusNotFound)
	}
	return r.data, nil
}
