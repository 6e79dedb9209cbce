// This file tells peers of answers that were expensive, and keeps what they tell.
//
// An answer goes with what its teller has signed, so who trusts him takes it from whoever has it, also when he is gone. What is told is kept in memory, up
// to a limit: what is by those whom the policy names, which is verified when it comes, apart from what is by others, which proves nothing and is verified
// when it is asked for. Answers go in batches that are numbered. Gossipsub drops messages, so each message says which batches its
// teller still has, and who lacks some asks him for them.

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/trust"
)

// A told is an answer as it is told.
type told struct {
	Expr   string `json:"expr"`   // CID
	Result string `json:"result"` // CID
	Word   []byte `json:"attestation,omitempty"`
}

// A batch is answers that were told together, by their number.
type batch struct {
	Number  uint64 `json:"number"`
	Answers []told `json:"answers"`
}

const (
	batchBytes = 40 << 10 // of the answers in a message
	maxBatches = 16       // that a node gives again
	maxTellers = 1 << 10  // of which it is known what has come
	maxClaims  = 1 << 12  // expressions of which it is kept what strangers say, and as many by those whom the policy names
	maxSaid    = 4        // of one expression
)

// A said is what somebody has told of an expression.
type said struct {
	by     peer.ID
	result cid.Cid
	word   []byte
}

// A claimSet keeps what was told. When it is full it begins anew: what is told again comes again.
type claimSet map[cid.Cid][]said

func (s *claimSet) add(expr cid.Cid, c said) {
	if *s == nil || len(*s) >= maxClaims && (*s)[expr] == nil {
		*s = claimSet{}
	}
	list := (*s)[expr]
	for i := range list {
		if list[i].by == c.by {
			list[i] = c
			return
		}
	}
	if len(list) < maxSaid {
		(*s)[expr] = append(list, c)
	}
}

// A teller is of whom it is known which batches have come.
type teller struct {
	run   string // of its process: numbers begin anew with it
	came  map[uint64]bool
	asked time.Time
}

// A journal is what a node has told, and what it has been told.
type journal struct {
	mu      sync.Mutex
	run     string
	last    uint64  // number of the last batch
	recent  []batch // those that are given again
	named   claimSet
	others  claimSet
	tellers map[peer.ID]*teller
}

// begin gives the process its name: peers may ask already.
func (j *journal) begin(run string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.run = run
}

// add makes a batch of answers, which is told now and given again later.
func (j *journal) add(answers []told) batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	b := batch{j.last, answers}
	j.recent = append(j.recent[max(0, len(j.recent)-maxBatches+1):len(j.recent):len(j.recent)], b)
	return b
}

// digest says which batches are given again.
func (j *journal) digest() (run string, first, last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.run, j.last - uint64(len(j.recent)) + 1, j.last
}

// give is the batches with these numbers, as far as they are there.
func (j *journal) give(run string, numbers []uint64) (list []batch) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, b := range j.recent {
		for _, n := range numbers {
			if b.Number == n && run == j.run {
				list = append(list, b)
			}
		}
	}
	return list
}

// lacks notes the batch of a message, and says which batches its teller still has that have not come. They are asked for now, so they are not
// named again.
func (j *journal) lacks(from peer.ID, m message, every time.Duration) (numbers []uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if m.Run == "" || len(m.Run) > maxRun || m.First == 0 || m.Last < m.First || m.Last-m.First >= maxBatches {
		return nil
	}
	t := j.tellers[from]
	if t == nil || t.run != m.Run {
		if j.tellers == nil || t == nil && len(j.tellers) >= maxTellers {
			j.tellers = map[peer.ID]*teller{}
		}
		asked := time.Time{}
		if t != nil {
			asked = t.asked
		}
		t = &teller{run: m.Run, came: map[uint64]bool{}, asked: asked}
		j.tellers[from] = t
	}
	for n := range t.came { // what is not given any more need not be known
		if n < m.First || n > m.Last {
			delete(t.came, n)
		}
	}
	if m.Batch >= m.First && m.Batch <= m.Last {
		t.came[m.Batch] = true
	}
	if time.Since(t.asked) < every {
		return nil
	}
	for i := range m.Last - m.First + 1 { // Last may be the last number there is
		if n := m.First + i; !t.came[n] {
			t.came[n] = true
			numbers = append(numbers, n)
		}
	}
	if len(numbers) > 0 {
		t.asked = time.Now()
	}
	return numbers
}

const maxRun = 64 // bytes

// lost notes that batches which were asked for have not come.
func (j *journal) lost(from peer.ID, numbers []uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if t := j.tellers[from]; t != nil {
		for _, n := range numbers {
			delete(t.came, n)
		}
	}
}

// near says whether a peer is connected, or named by the policy. Others may have any address said to be theirs, and are not dialled for what they tell.
func (n *Node) near(id peer.ID) bool {
	_, named := n.believed.Policy().Member(id)
	return named || n.host.Network().Connectedness(id) == network.Connected
}

// note keeps what a peer tells of answers.
func (n *Node) note(from peer.ID, answers []told) {
	_, named := n.believed.Policy().Member(from)
	for _, a := range answers[:min(len(answers), maxAnswers)] {
		expr, err := cid.Decode(a.Expr)
		if err != nil || !isExpr(expr) { // others may be long
			continue
		}
		n.gazette.note(from, expr)
		n.missed.drop(expr)
		result, err := cid.Decode(a.Result)
		if err != nil || !isExpr(result) || len(a.Word) == 0 || len(a.Word) > trust.MaxEnvelope {
			continue
		}
		if named && vouches(a.Word, result, from) != nil {
			continue
		}
		n.journal.mu.Lock()
		set := &n.journal.others
		if named {
			set = &n.journal.named
		}
		set.add(expr, said{from, result, a.Word})
		n.journal.mu.Unlock()
	}
}

// said is what was told of an expression.
func (n *Node) said(expr cid.Cid) []said {
	n.journal.mu.Lock()
	defer n.journal.mu.Unlock()
	return append(append([]said{}, n.journal.named[expr]...), n.journal.others[expr]...)
}

// tellAnswers tells of the answers that were made, as many as one message takes; the others wait for the next one.
func (n *Node) tellAnswers(ctx context.Context) error {
	var list []told
	size := 0
	exprs := n.gazette.take()
	for i, text := range exprs {
		t, ok := n.tellOf(ctx, text)
		if !ok {
			continue
		}
		line, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if size += len(line) + 1; size > batchBytes || len(list) == maxAnswers {
			for _, later := range exprs[i:] {
				n.gazette.answered(later)
			}
			break
		}
		list = append(list, t)
	}
	if len(list) == 0 {
		return nil
	}
	b := n.journal.add(list)
	return n.publishMessage(ctx, message{Batch: b.Number, Answers: b.Answers})
}

// tellOf is what is told of an expression that this node has an answer to.
func (n *Node) tellOf(ctx context.Context, text string) (t told, ok bool) {
	expr, err := cid.Decode(text)
	if err != nil {
		return t, false
	}
	a, ok, err := n.store.Answer(ctx, expr)
	if err != nil || !ok {
		return t, false
	}
	return told{text, a.Result.String(), n.attestation(ctx, a)}, true
}

// getNews gives batches again.
func (n *Node) getNews(w http.ResponseWriter, r *http.Request) {
	var numbers []uint64
	for text := range strings.SplitSeq(r.URL.Query().Get("batch"), ",") {
		k, err := strconv.ParseUint(text, 10, 64)
		if err == nil && len(numbers) == maxBatches {
			err = fmt.Errorf("more than %d numbers", maxBatches)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("batch: %w; want numbers with commas between them", err))
			return
		}
		numbers = append(numbers, k)
	}
	list := n.journal.give(r.URL.Query().Get("run"), numbers)
	if len(list) == 0 {
		refuse(w, http.StatusNotFound, fmt.Errorf("no such news is here any more"))
		return
	}
	writeJSON(w, http.StatusOK, list)
}

// repair asks a peer for batches that have not come.
func (n *Node) repair(ctx context.Context, from peer.ID, run string, numbers []uint64) error {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	var texts []string
	for _, k := range numbers {
		texts = append(texts, strconv.FormatUint(k, 10))
	}
	query := url.Values{"run": {run}, "batch": {strings.Join(texts, ",")}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+from.String()+"/api/v0/news?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	answer, err := n.streams.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	var list []batch
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxBatches*newsBytes)).Decode(&list); err != nil {
		return err
	}
	for _, b := range list[:min(len(list), maxBatches)] {
		n.note(from, b.Answers)
	}
	return nil
}

// findSaid takes the answer to an expression that somebody has told of from whoever has it, if it may be used.
func (n *Node) findSaid(ctx context.Context, expr cid.Cid, list []said, peers []peer.ID, any bool) (bool, error) {
	var results []cid.Cid
	words, tellers := map[cid.Cid][][]byte{}, map[cid.Cid]peer.ID{}
	policy := n.believed.Policy()
	for _, s := range list {
		if _, named := policy.Member(s.by); !named && !any || vouches(s.word, s.result, s.by) != nil {
			continue
		}
		if words[s.result] == nil {
			results, tellers[s.result] = append(results, s.result), s.by
		}
		words[s.result] = append(words[s.result], s.word)
	}
	var sources []source
	for _, id := range peers {
		sources = append(sources, n.streamSource(id))
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	type taken struct {
		ok  bool
		err error
	}
	found := make(chan taken, len(results))
	for _, result := range results { // one that is not to be had, or is no answer, keeps nobody from another one
		go func() {
			ok, err := n.takeSaid(ctx, expr, result, words[result], tellers[result], sources, any)
			found <- taken{ok, err}
		}()
	}
	var failed error
	for range results {
		one := <-found
		if one.ok {
			return true, nil
		}
		failed = errors.Join(failed, one.err)
	}
	return false, failed
}

// firstOf is a block from the source that gives it first, which is returned as well: who is silent costs nothing.
func (n *Node) firstOf(ctx context.Context, c cid.Cid, sources []source) (data []byte, from source, err error) {
	if data, err := n.store.Block(ctx, c); err == nil {
		return data, nil, nil
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	type given struct {
		data []byte
		from source
		err  error
	}
	came := make(chan given, len(sources))
	for _, s := range sources {
		go func() {
			data, err := (&fetch{store: n.store, sources: []source{s}}).block(ctx, c)
			came <- given{data, s, err}
		}()
	}
	err = graph.NotFound(c)
	for range sources {
		one := <-came
		if one.err == nil {
			return one.data, one.from, nil
		}
		err = one.err
	}
	return nil, nil, err
}

// takeSaid takes a Result that a peer has told of from sources, with the words for it, and says whether it may be used.
func (n *Node) takeSaid(ctx context.Context, expr, result cid.Cid, words [][]byte, by peer.ID, sources []source, any bool) (bool, error) {
	data, first, err := n.firstOf(ctx, result, sources)
	if err == nil {
		err = resultOf(expr, result, data)
	}
	if err != nil {
		return false, err
	}
	if first != nil { // who has this has the value, too, or nearly always
		sources = append([]source{first}, slices.DeleteFunc(slices.Clone(sources), func(s source) bool { return s == first })...)
	}
	return n.takeFound(ctx, expr, graph.Block{CID: result, Data: data}, words, by, any, sources...)
}
