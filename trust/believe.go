// This file answers by the policy: a Store is a graph.Store whose answers are this machine's own, or of those who are believed.

package trust

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// A Watch is the policy of a store as it stands in its file. Any goroutine may use it.
type Watch struct {
	dir  string
	warn func(error)

	now    atomic.Pointer[Policy] // as it stood when it was looked at
	looked atomic.Int64           // when that was, since began
	began  time.Time

	mu   sync.Mutex
	info fs.FileInfo // of the file that was read; nil if there was none
	read time.Time   // when
	err  error       // that was found then
}

const (
	lookEvery = 100 * time.Millisecond // so long may a policy stay unnoticed that believes somebody, where there was none
	raceTime  = 20 * time.Millisecond  // two changes within this may leave a file with the same time
)

// NewWatch watches the policy of the store in dir. A file that cannot be read believes nobody; warn is told, once for each change.
func NewWatch(dir string, warn func(error)) *Watch {
	w := &Watch{dir: dir, warn: warn, began: time.Now()}
	w.now.Store(&Policy{})
	w.Policy()
	return w
}

// Policy returns the policy as its file has it now. That costs a look at the file's time and size.
func (w *Watch) Policy() *Policy {
	info, err := os.Stat(PolicyFile(w.dir))
	if err != nil {
		info = nil // why it cannot be read is found out again
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.same(info) {
		var p *Policy
		w.read = time.Now()
		p, w.info, err = loadPolicy(w.dir)
		if err != nil {
			p = &Policy{}
			if w.warn != nil && (w.err == nil || w.err.Error() != err.Error()) {
				w.warn(fmt.Errorf("%w\nno policy, so only what was reduced here is used", err))
			}
		}
		w.err = err
		w.now.Store(p)
	}
	w.looked.Store(int64(time.Since(w.began)))
	return w.now.Load()
}

func (w *Watch) same(info fs.FileInfo) bool {
	if info == nil || w.info == nil {
		return info == nil && w.info == nil && w.err == nil
	}
	return os.SameFile(info, w.info) && info.ModTime().Equal(w.info.ModTime()) && info.Size() == w.info.Size() && w.read.Sub(info.ModTime()) > raceTime
}

// recent is the policy as it stood at most lookEvery ago.
func (w *Watch) recent() *Policy {
	if time.Since(w.began)-time.Duration(w.looked.Load()) > lookEvery {
		return w.Policy()
	}
	return w.now.Load()
}

// A Store is a store.Store whose answers are those to be used under the policy in its folder: this machine's own; else those of who is
// believed; else the claim that is recorded, which Believe refuses unless all that it rests on is believed. Of two that are believed and differ
// neither is an answer. The policy is looked at again at each lookup that finds no answer of this machine's own.
type Store struct {
	*store.Store
	*Watch
	own  string
	warn func(error)

	told     sync.Mutex
	conflict map[cid.Cid]struct{} // expressions that were told of
}

const maxTold = 1000

// Over makes a Store. The policy is that of the folder dir; own is the By of what the evaluator has reduced itself; warn is told of
// policies that cannot be read and, once for each expression, of conflicts. It may be called from any goroutine.
func Over(s *store.Store, dir, own string, warn func(error)) *Store {
	return &Store{Store: s, Watch: NewWatch(dir, warn), own: own, warn: warn, conflict: map[cid.Cid]struct{}{}}
}

// Answer returns the answer to expr.
func (s *Store) Answer(ctx context.Context, expr cid.Cid) (graph.Answer, bool, error) {
	a, ok, err := s.Store.Answer(ctx, expr)
	if err != nil || ok && a.By == s.own || s.recent().Nobody() {
		return a, ok, err
	}
	return s.judge(ctx, expr, a, ok)
}

// Recorded is Answer, but does not look at the blocks of this machine's own answers.
func (s *Store) Recorded(ctx context.Context, expr cid.Cid) (graph.Answer, bool, error) {
	a, ok, err := s.Store.Recorded(ctx, expr)
	if err != nil || ok && a.By == s.own || s.recent().Nobody() {
		return a, ok, err
	}
	return s.judge(ctx, expr, a, ok)
}

// judge is what is believed of an expression, or a, which is recorded if ok.
func (s *Store) judge(ctx context.Context, expr cid.Cid, a graph.Answer, ok bool) (graph.Answer, bool, error) {
	list, err := s.Attestations(ctx, expr)
	if err != nil {
		return graph.Answer{}, false, err
	}
	if len(list) == 0 {
		return a, ok, nil
	}
	believed := s.believedOf(list, a, ok, s.Policy())
	switch len(believed) {
	case 0:
		return a, ok, nil
	case 1:
	default:
		s.report(expr, believed)
		return graph.Answer{}, false, nil
	}
	result := believed[0].result
	claim, here, err := s.Claim(ctx, expr, result, believed[0].by)
	if err != nil || !here {
		return a, ok, err
	}
	if ok && a.Result == result {
		claim.Trace = a.Trace
	}
	return claim, true, nil
}

// believedOf are the verdicts on those results that a policy believes: of attestations, and, where it differs from them, of the claim a that is
// recorded if ok. That one several may have come to together, who have signed no word for it as a whole.
func (s *Store) believedOf(list []store.Attested, a graph.Answer, ok bool, p *Policy) []verdict {
	believed := slices.DeleteFunc(p.verdicts(list), func(v verdict) bool { return len(v.believed) == 0 })
	if !ok || len(believed) == 0 || slices.ContainsFunc(believed, func(v verdict) bool { return v.result == a.Result }) {
		return believed
	}
	if !s.believe(a.By, func() *Policy { return p }) {
		return believed
	}
	v := verdict{result: a.Result, by: a.By, joint: true}
	for _, source := range graph.Sources(a.By) {
		keys, _ := graph.SourceKeys(source)
		for _, text := range keys {
			if id, err := peer.Decode(text); err == nil && !slices.Contains(v.believed, id) {
				v.believed = append(v.believed, id)
			}
		}
	}
	return append(believed, v)
}

// A verdict is what a policy makes of a result.
type verdict struct {
	result   cid.Cid
	signers  []peer.ID
	chains   [][]peer.ID // those of each chain to it
	believed []peer.ID   // those that it is believed for; none if it is not
	by       string      // the claim of these
	joint    bool        // it rests on all of them, and none of them has signed it
}

// verdicts are those of the results of one expression.
func (p *Policy) verdicts(list []store.Attested) []verdict {
	var out []verdict
	for i, a := range list {
		if i == 0 || a.Result != list[i-1].Result {
			out = append(out, verdict{result: a.Result})
		}
		v := &out[len(out)-1]
		if c, ok := chainOf(a); ok {
			v.chains = append(v.chains, c.Signers)
		} else {
			v.signers = append(v.signers, peer.ID(a.Signer))
		}
	}
	for i := range out {
		v := &out[i]
		if v.believed = p.believed(v.signers); len(v.believed) > 0 {
			v.by = graph.ClaimOfKeys(texts(v.believed))
		} else if v.joint = p.chained(v); v.joint {
			slices.SortFunc(v.believed, func(a, b peer.ID) int { return cmp.Compare(a.String(), b.String()) })
			v.believed = slices.Compact(v.believed)
		}
	}
	return out
}

// chained says whether a result is believed for chains to it: for one whose signers are each believed alone, or for as many as voters have to be, of
// voters and of chains of such, that have no key in common.
func (p *Policy) chained(v *verdict) bool {
	if p.Nobody() {
		return false
	}
	var groups [][]peer.ID
	for _, c := range v.chains {
		if !slices.ContainsFunc(c, func(k peer.ID) bool { return !p.Believes([]peer.ID{k}) }) {
			v.believed, v.by = slices.Clone(c), graph.ClaimOfAny([][]string{texts(c)})
			return v.by != graph.ManySources
		}
		if p.names(c) {
			groups = append(groups, c)
		}
	}
	for _, k := range v.signers {
		if _, named := p.Member(k); named {
			groups = append(groups, []peer.ID{k})
		}
	}
	slices.SortStableFunc(groups, func(a, b []peer.ID) int { return len(a) - len(b) })
	var apart [][]string
	for _, g := range groups {
		if len(apart) < p.quorum && !slices.ContainsFunc(g, func(k peer.ID) bool { return slices.Contains(v.believed, k) }) {
			apart, v.believed = append(apart, texts(g)), append(v.believed, g...)
		}
	}
	if v.by = graph.ClaimOfAny(apart); p.quorum == 0 || len(apart) < p.quorum || v.by == graph.ManySources {
		v.believed, v.by = nil, ""
	}
	return len(v.believed) > 0
}

func texts(keys []peer.ID) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.String()
	}
	return list
}

// report tells of a conflict, once.
func (s *Store) report(expr cid.Cid, believed []verdict) {
	s.told.Lock()
	_, told := s.conflict[expr]
	if len(s.conflict) < maxTold {
		s.conflict[expr] = struct{}{}
	} else {
		told = true
	}
	s.told.Unlock()
	if !told && s.warn != nil {
		s.warn(&Conflict{expr, believed, s.now.Load()})
	}
}

// A Conflict is that results of an expression are believed which differ: one of those whom they are believed for is wrong.
type Conflict struct {
	Expr     cid.Cid
	believed []verdict
	policy   *Policy
}

func (c *Conflict) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "conflict: %d results of %s are believed, and none is used:", len(c.believed), c.Expr)
	for _, v := range c.believed {
		how := "signed by"
		if v.joint {
			how = "a claim that rests on"
		}
		fmt.Fprintf(&b, "\n  %s, %s %s", v.result, how, strings.Join(c.policy.Names(v.believed), ", "))
	}
	return b.String()
}

// Names are the keys as people are shown them: the name that the policy has for each, and the key.
func (p *Policy) Names(keys []peer.ID) []string {
	list := texts(keys)
	for i, k := range keys {
		if m, ok := p.Member(k); ok && m.Name != "" {
			list[i] = fmt.Sprintf("%s (%s)", m.Name, list[i])
		}
	}
	return list
}

// Conflict returns the conflict about an expression under the policy as it is now; nil if there is none.
func (s *Store) Conflict(ctx context.Context, expr cid.Cid) (*Conflict, error) {
	list, err := s.Attestations(ctx, expr)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	a, ok, err := s.Store.Recorded(ctx, expr)
	if err != nil {
		return nil, err
	}
	p := s.Policy()
	believed := s.believedOf(list, a, ok, p)
	if len(believed) < 2 {
		return nil, nil
	}
	return &Conflict{expr, believed, p}, nil
}

// Believe says whether all that a claim rests on is believed, by the policy as it is now. What is no claim is not.
func (s *Store) Believe(by string) bool { return s.believe(by, s.Policy) }

func (s *Store) believe(by string, policy func() *Policy) bool {
	if !strings.HasPrefix(by, graph.ClaimAnswer) {
		return false
	}
	var all [][]peer.ID
	for _, source := range graph.Sources(by) {
		list, ok := graph.SourceKeys(source)
		if !ok {
			return false
		}
		var keys []peer.ID
		for _, text := range list {
			if id, err := peer.Decode(text); err == nil {
				keys = append(keys, id)
			}
		}
		all = append(all, keys)
	}
	p := policy()
	return !slices.ContainsFunc(all, func(keys []peer.ID) bool { return !p.Believes(keys) })
}

// Keep opens an envelope, or a chain, and keeps what it attests among the attestations of expr, whose Result has to be there. Those whom the policy names
// come before others, where there are too many.
func (s *Store) Keep(ctx context.Context, expr cid.Cid, envelope []byte) error {
	return Keep(ctx, s.Store, s.recent(), expr, envelope)
}

// Keep is Store.Keep for a policy at hand.
func Keep(ctx context.Context, s *store.Store, p *Policy, expr cid.Cid, envelope []byte) error {
	if isChain(envelope) {
		return keepChain(ctx, s, p, expr, envelope)
	}
	a, err := Open(envelope)
	if err != nil {
		return err
	}
	keep := s.Attest
	if _, named := p.Member(a.By); named {
		keep = s.Favour
	}
	return keep(ctx, expr, a.Result, []byte(a.By), envelope)
}

// Sign attests the result of expr with the key of this machine, and keeps that. What it has signed before stays.
func Sign(ctx context.Context, s *store.Store, key crypto.PrivKey, expr, result cid.Cid, kind string) ([]byte, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	list, err := s.Attestations(ctx, expr)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Result == result && peer.ID(a.Signer) == id {
			return a.Envelope, nil
		}
	}
	envelope, err := Seal(key, Attestation{Result: result, Kind: kind})
	if err != nil {
		return nil, err
	}
	return envelope, s.Favour(ctx, expr, result, []byte(id), envelope)
}

// Envelopes are the attestations of a result of expr that this machine has reduced: its own, which is made where it is not there, and others'.
func Envelopes(ctx context.Context, s *store.Store, key crypto.PrivKey, expr, result cid.Cid) ([][]byte, error) {
	own, err := Sign(ctx, s, key, expr, result, Computed)
	if err != nil {
		return nil, err
	}
	all, err := Others(ctx, s, expr, result)
	return append([][]byte{own}, slices.DeleteFunc(all, func(e []byte) bool { return bytes.Equal(e, own) })...), err
}

// Others are the attestations of a result of expr that are kept, and the chains to it, whoever has reduced it.
func Others(ctx context.Context, s *store.Store, expr, result cid.Cid) (all [][]byte, err error) {
	list, err := s.Attestations(ctx, expr)
	for _, a := range list {
		if a.Result == result {
			all = append(all, a.Envelope)
		}
	}
	return all, err
}

// A Word is somebody's attestation as people are shown it.
type Word struct {
	Attestation
	Name    string // that the policy has for the key
	Named   bool   // the policy names the key
	Voter   bool   // and believes it only together with others
	Counted bool   // it is one of those that its result is believed for
}

// Chains are all chains of an expression.
func (s *Store) Chains(ctx context.Context, expr cid.Cid) (chains []Chain, err error) {
	list, err := s.Attestations(ctx, expr)
	for _, a := range list {
		if c, ok := chainOf(a); ok {
			chains = append(chains, c)
		}
	}
	return chains, err
}

// Believed says whether the policy, as it is now, believes a result of expr for what is kept that was signed.
func (s *Store) Believed(ctx context.Context, expr, result cid.Cid) (bool, error) {
	list, err := s.Attestations(ctx, expr)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(s.Policy().verdicts(list), func(v verdict) bool { return v.result == result && len(v.believed) > 0 }), nil
}

// Forget forgets all that a key has signed, alone or in a chain, and returns of how many expressions.
func Forget(ctx context.Context, s *store.Store, key peer.ID) (int, error) {
	return s.Unattest(ctx, func(a store.Attested) bool {
		c, _ := chainOf(a)
		return peer.ID(a.Signer) == key || slices.Contains(c.Signers, key)
	})
}

// Words are all attestations of an expression, by the policy as it is now. What is kept and cannot be opened is left out.
func (s *Store) Words(ctx context.Context, expr cid.Cid) ([]Word, error) {
	list, err := s.Attestations(ctx, expr)
	if err != nil {
		return nil, err
	}
	p := s.Policy()
	believed := map[cid.Cid][]peer.ID{}
	for _, v := range p.verdicts(list) {
		if !v.joint {
			believed[v.result] = v.believed
		}
	}
	var words []Word
	for _, kept := range list {
		a, err := Open(kept.Envelope)
		if err != nil || a.Result != kept.Result || a.By != peer.ID(kept.Signer) {
			continue
		}
		m, named := p.Member(a.By)
		words = append(words, Word{a, m.Name, named, m.Voter, slices.Contains(believed[a.Result], a.By)})
	}
	return words, nil
}
