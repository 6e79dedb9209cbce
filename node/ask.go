// This file asks peers for answers: for what they have recorded, and to reduce.

package node

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/trust"
)

const (
	maxTaskBytes = 256 << 20 // of the program and data of a task that a peer gives
	maxAnswer    = 1 << 30   // bytes of a value that a peer answers with
	maxFound     = 16 << 20  // the same, where nobody is believed who vouches for it: it was asked of all who are connected
	findTime     = 5 * time.Second
	prepareTime  = 5 * time.Minute
	quorumGrace  = time.Second // that others have to differ, once a quorum is reached
	maxWords     = 16          // attestations that go with a result
)

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

// An Ask says what is asked of whom.
type Ask struct {
	Expr   string   `json:"expr"`            // CID; the code and data below it have to be in the store
	Peers  []string `json:"peers,omitempty"` // addresses; without, all who are connected
	Quorum int      `json:"quorum,omitempty"`
	Fuel   uint64   `json:"fuel,omitempty"` // of each peer
	Milli  int64    `json:"deadline,omitempty"`
}

var (
	errNoPeers   = errors.New("no peer is given or connected: --peer ADDRESS says whom to ask")
	errUnreached = errors.New("none of the peers that are given can be reached")
	errNoQuorum  = errors.New("no quorum")
	errNoAnswers = errors.New("nobody has an answer: --peer ADDRESS asks others")
)

// toAsk connects to peers and returns those that are there, each once.
func (n *Node) toAsk(ctx context.Context, addrs []string, failed func(addr string, err error)) (peers []peer.ID, err error) {
	for _, addr := range addrs {
		id, err := n.Connect(ctx, addr)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			failed(addr, err)
		case !slices.Contains(peers, id):
			peers = append(peers, id)
		}
	}
	if len(addrs) == 0 {
		peers = n.host.Network().Peers()
	}
	switch {
	case len(peers) > 0:
		return peers, nil
	case len(addrs) > 0:
		return nil, errUnreached
	}
	return nil, errNoPeers
}

// vouched keeps a peer's attestation of a result, and says whether it is that.
func (n *Node) vouched(ctx context.Context, expr, result cid.Cid, id peer.ID, envelope []byte) (bool, error) {
	if err := vouches(envelope, result, id); err != nil {
		return false, err
	}
	return true, n.believed.Keep(ctx, expr, envelope)
}

// vouches says whether an envelope is a peer's attestation of a block.
func vouches(envelope []byte, block cid.Cid, id peer.ID) error {
	a, err := trust.Open(envelope)
	if err == nil && (a.Result != block || a.By != id) {
		err = fmt.Errorf("it vouches for %s as %s", a.Result, a.By)
	}
	return err
}

// resultOf says whether data, which is the block result, is a Result of expr.
func resultOf(expr, result cid.Cid, data []byte) error {
	of, err := store.ResultOf(data)
	if err == nil && of != expr {
		err = fmt.Errorf("%s is a result of %s", result, of)
	}
	return err
}

// fetchResult fetches a Result and the blocks of its value, at most so many bytes, from sources; it has to be one of expr.
func (n *Node) fetchResult(ctx context.Context, expr, result cid.Cid, left int64, from ...source) error {
	f := &fetch{store: n.store, sources: from}
	data, err := f.block(ctx, result)
	if err != nil {
		return err
	}
	if err := resultOf(expr, result, data); err != nil {
		return err
	}
	return graph.ResultBlocks(result, func(c cid.Cid) ([]byte, error) {
		if data, err := n.store.Block(ctx, c); err == nil || !errors.Is(err, graph.ErrNotFound) {
			return data, err
		}
		f := &fetch{store: n.store, sources: from, limit: max(left, 1)}
		got, err := f.below(ctx, c)
		if err != nil {
			return nil, err
		}
		left = max(left-got.Bytes, 1)
		return n.store.Block(ctx, c)
	}, nil)
}

// request sends a task to a peer and reads the events that it answers with.
func (n *Node) request(ctx context.Context, id peer.ID, t repl.Task, progress func(repl.TaskProgress)) (answer taskAnswer, err error) {
	body, err := json.Marshal(t)
	if err != nil {
		return answer, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(prepareTime, func() { cancel(errLate) }) // while it fetches what it needs it says nothing
	defer timer.Stop()
	if t.Milli > 0 { // saying something keeps nobody waiting beyond that
		limit := time.AfterFunc(prepareTime+time.Duration(t.Milli)*time.Millisecond, func() { cancel(errLate) })
		defer limit.Stop()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+id.String()+"/api/v0/eval", bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	r.Header.Set("Content-Type", typeJSON)
	r.Header.Set("Accept", typeEvents)
	got, err := n.tasks.Do(r)
	if err != nil {
		return answer, late(ctx, err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusAccepted {
		return answer, refusal(got)
	}
	lines := bufio.NewScanner(io.LimitReader(got.Body, maxReport))
	lines.Buffer(nil, maxLine)
	for event := ""; ; {
		if !lines.Scan() {
			return answer, late(ctx, fmt.Errorf("it has ended without an answer: %w", cmp.Or(lines.Err(), io.ErrUnexpectedEOF)))
		}
		timer.Reset(idleTime)
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case key == "event":
			event = value
		case key == "data" && event == "progress":
			var p repl.TaskProgress
			if err := json.Unmarshal([]byte(value), &p); err != nil {
				return answer, err
			}
			progress(p)
		case key == "data" && event == "end":
			if err := json.Unmarshal([]byte(value), &answer); err != nil {
				return answer, err
			}
			if answer.Problem != "" {
				return answer, errors.New(cut(answer.Problem))
			}
			answer.Value, answer.Error = nil, nil // the Result has them
			answer.Stopped, answer.Checkpoint, answer.Rests = cut(answer.Stopped), cut(answer.Checkpoint), cut(answer.Rests)
			return answer, nil
		}
	}
}

const (
	maxLine   = 1 << 20 // bytes of a line of what a peer answers: it is asked for no value
	maxSaying = 2 << 10 // bytes of what it says that people read
)

// refusal is why a peer does not do what it is asked, as it says.
func refusal(answer *http.Response) error {
	var p struct {
		Error   string `json:"error"`
		Problem string `json:"problem"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&p); err != nil || p.Error+p.Problem == "" {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return errors.New(cut(p.Error + p.Problem))
}

// cut is what a peer says for people, or the beginning of it.
func cut(text string) string {
	if len(text) <= maxSaying {
		return text
	}
	return strings.ToValidUTF8(text[:maxSaying], "") + "…"
}

// late is err, or that nothing has come for too long.
func late(ctx context.Context, err error) error {
	if context.Cause(ctx) == errLate {
		return errLate
	}
	return err
}

// signed is a report as it is sent: with this node's attestation of a result that it reduced itself, or of how far it has come.
func (n *Node) signed(ctx context.Context, r repl.TaskReport) taskAnswer {
	out := taskAnswer{TaskReport: r}
	expr, err := cid.Decode(r.Expr)
	if err != nil || r.Result == "" {
		if reduct, err := cid.Decode(r.Reduct); err == nil && r.Rests == "" && n.key != nil {
			if out.Attestation, err = trust.Seal(n.key, trust.Attestation{Result: reduct, Kind: trust.Computed}); err != nil {
				n.log.Warn("a reduct is not attested", "reduct", r.Reduct, "error", err)
			}
		}
		return out
	}
	a, ok, err := n.store.Answer(ctx, expr)
	if err == nil && ok && a.Result.String() == r.Result {
		out.Attestation = n.attestation(ctx, a)
	}
	return out
}

// attestation is this node's attestation of an answer; nil unless it is its own.
func (n *Node) attestation(ctx context.Context, a graph.Answer) []byte {
	if n.key == nil || a.By != eval.Own { // what another version of the evaluator reduced is reduced again here, too
		return nil
	}
	envelope, err := trust.Sign(ctx, n.store, n.key, a.Expr, a.Result, trust.Computed)
	if err != nil {
		n.log.Warn("a result is not attested", "expr", a.Expr.String(), "error", err)
		return nil
	}
	return envelope
}

// words are the attestations of an answer that go with it.
func (n *Node) words(ctx context.Context, a graph.Answer) (envelopes [][]byte) {
	if n.key != nil && a.By == eval.Own {
		envelopes, err := trust.Envelopes(ctx, n.store, n.key, a.Expr, a.Result)
		if err != nil {
			n.log.Warn("a result is not attested", "expr", a.Expr.String(), "error", err)
		}
		return envelopes[:min(len(envelopes), maxWords)]
	}
	envelopes, err := trust.Others(ctx, n.store, a.Expr, a.Result)
	if err != nil {
		return nil
	}
	return envelopes[:min(len(envelopes), maxWords)]
}

// Find asks peers for the answer that they have recorded of an expression, and says whether one is in the store now that may be used: that the policy
// believes, or any, if any is wanted. Nothing else that they say gets into the store but attestations by those whom the policy names. The first
// such answer is taken. Where no answer could be believed nobody is asked.
func (n *Node) Find(ctx context.Context, expr cid.Cid, any bool) (bool, error) {
	if !any && n.believed.Policy().Nobody() {
		return false, nil
	}
	peers := n.host.Network().Peers()
	hint, hinted := n.gazette.hint(expr)
	hinted = hinted && !slices.Contains(peers, hint)
	if len(peers) == 0 || n.missed.has(expr) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	found := make(chan bool, len(peers)+2)
	asked := 0
	ask := func(id peer.ID, dial bool) {
		asked++
		go func() {
			err := error(nil)
			if dial {
				to, end := context.WithTimeout(ctx, hintTime)
				err = n.host.Connect(to, peer.AddrInfo{ID: id})
				end()
			}
			ok := false
			if err == nil {
				ok, err = n.findAt(ctx, expr, id, any)
			}
			if err != nil && ctx.Err() == nil {
				n.log.Debug("find", "peer", id.String(), "expr", expr.String(), "error", err)
			}
			found <- ok
		}()
	}
	var speaking []peer.ID
	for _, p := range peers {
		if spoken, err := n.host.Peerstore().SupportsProtocols(p, streamHTTP); err == nil && len(spoken) > 0 {
			speaking = append(speaking, p)
			ask(p, false)
		}
	}
	if list := n.said(expr); len(list) > 0 {
		asked++
		go func() {
			ok, err := n.findSaid(ctx, expr, list, speaking, any)
			if err != nil && ctx.Err() == nil {
				n.log.Debug("find", "expr", expr.String(), "error", err)
			}
			found <- ok
		}()
	}
	if hinted { // a peer of a peer
		ask(hint, true)
	}
	for range asked {
		if <-found {
			return true, nil
		}
	}
	if ctx.Err() == nil {
		n.missed.add(expr)
		n.gazette.forget(expr)
	}
	return false, ctx.Err()
}

const hintTime = 2 * time.Second // to connect to who is said to have an answer

// findAt asks one peer, and says whether there is an answer now that may be used.
func (n *Node) findAt(ctx context.Context, expr cid.Cid, id peer.ID, any bool) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+id.String()+"/api/v0/result/"+expr.String(), nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Accept", typeDagCBOR)
	answer, err := n.streams.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("it answers %s", answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxResult+1))
	if err != nil {
		return false, err
	}
	result, err := cid.Decode(answer.Header.Get("Rosser-Result"))
	if err == nil {
		err = graph.Verify(result, data)
	}
	if err == nil {
		err = resultOf(expr, result, data)
	}
	if err != nil {
		return false, err
	}
	return n.takeFound(ctx, expr, graph.Block{CID: result, Data: data}, envelopesOf(answer.Header.Values("Rosser-Attestation")), id, any, n.streamSource(id))
}

// takeFound keeps what is vouched for of a Result, and takes it, with the blocks of its value, as a claim of a peer's, if it may be used then.
func (n *Node) takeFound(ctx context.Context, expr cid.Cid, result graph.Block, envelopes [][]byte, by peer.ID, any bool, from ...source) (bool, error) {
	believed, err := n.keepWords(ctx, expr, result, envelopes)
	if err != nil || !believed && !any {
		return false, err
	}
	if err := n.store.Put(ctx, result); err != nil {
		return false, err
	}
	limit := int64(maxFound)
	if believed {
		limit = maxAnswer
	}
	if err := n.fetchResult(ctx, expr, result.CID, limit, from...); err != nil {
		return false, err
	}
	err = n.claimOf(ctx, expr, result.CID, by.String())
	return err == nil, err
}

// envelopesOf is the envelopes in a header.
func envelopesOf(texts []string) (envelopes [][]byte) {
	for _, text := range texts[:min(len(texts), maxWords)] {
		if e, err := base64.StdEncoding.DecodeString(text); err == nil {
			envelopes = append(envelopes, e)
		}
	}
	return envelopes
}

// keepWords keeps the attestations of a Result, and the chains to it, that are by those whom the policy names, and the Result's block if there are any. It
// says whether the policy believes the Result now.
func (n *Node) keepWords(ctx context.Context, expr cid.Cid, result graph.Block, envelopes [][]byte) (believed bool, err error) {
	policy, kept := n.believed.Policy(), false
	for _, envelope := range envelopes {
		if !policy.NamesAll(envelope, expr, result) {
			continue
		}
		if !kept {
			if err := n.store.Put(ctx, result); err != nil {
				return false, err
			}
			kept = true
		}
		if err := n.believed.Keep(ctx, expr, envelope); err != nil {
			return false, err
		}
	}
	if !kept {
		return false, nil
	}
	return n.believed.Believed(ctx, expr, result.CID)
}

const maxResult = 256 << 10 // bytes of a Result's block: what is large stands in others

// A missSet remembers for a while what nobody had.
type missSet struct {
	mu   sync.Mutex
	when map[cid.Cid]time.Time
}

const (
	missTime  = 30 * time.Second
	maxMisses = 1 << 16
)

func (m *missSet) has(c cid.Cid) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.when[c]
	return ok && time.Since(at) < missTime
}

func (m *missSet) add(c cid.Cid) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.when == nil || len(m.when) >= maxMisses {
		m.when = map[cid.Cid]time.Time{}
	}
	m.when[c] = time.Now()
}

// drop forgets that nobody had it.
func (m *missSet) drop(c cid.Cid) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.when, c)
}
