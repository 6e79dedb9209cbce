// This file has peers reduce one after the other: where one stops at its limits the next one goes on.
//
// # Why does the next one need not believe the one before?
//
// What is left of a stopped reduction is an expression (eval/remainder.go), so it is a question like any other: the next peer reduces it from its
// beginning, and vouches for its Result. The peer before vouches for the Reduct, that the question becomes that expression after so many steps.
// Only who has asked puts the two together, and his answer rests on every one of them: it is a claim that names all their keys.
//
//	expr --(n steps, A)--> left --(m steps, B)--> value        expr has the value after n + m steps, if A and B are right
//
// A peer that lies about what is left leads to a wrong answer, under its own name, or to work that has no end and takes the turns of those who come
// after it. Whoever fails at what is left is asked the question itself.

package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/trust"
)

// A link is what one peer says that a question becomes.
type link struct {
	graph.Reduct
	block  cid.Cid // of the Reduct
	peer   peer.ID
	signed bool
	word   []byte // by which it is
}

// A relay leads from an expression to what is left of it.
type relay struct {
	expr  cid.Cid
	links []link
}

// at is what is left to do.
func (c relay) at() cid.Cid {
	if len(c.links) == 0 {
		return c.expr
	}
	return c.links[len(c.links)-1].To
}

// with is c with one more link.
func (c relay) with(l link) relay {
	return relay{c.expr, append(slices.Clip(c.links), l)}
}

// met says whether an expression is one that c has come by.
func (c relay) met(expr cid.Cid) bool {
	return expr == c.expr || slices.ContainsFunc(c.links, func(l link) bool { return l.To == expr })
}

// whole is c as one Reduct.
func (c relay) whole() graph.Reduct {
	r := graph.Reduct{Of: c.expr, To: c.at()}
	for _, l := range c.links {
		r.Steps = min(r.Steps+min(l.Steps, graph.MaxSteps), graph.MaxSteps)
	}
	return r
}

// peers are those who made c.
func (c relay) peers() (list []peer.ID) {
	for _, l := range c.links {
		list = append(list, l.peer)
	}
	return list
}

// signed says whether each of them vouches for his part.
func (c relay) signed() bool {
	return !slices.ContainsFunc(c.links, func(l link) bool { return !l.signed })
}

// wordOf is the By of what a peer says.
func wordOf(id peer.ID, signed bool) string {
	if signed {
		return graph.ClaimOfKeys([]string{id.String()})
	}
	return graph.ClaimOf(id.String())
}

// An Asked is what one peer came to.
type Asked struct {
	Peer   string           `json:"peer"`
	Report *repl.TaskReport `json:"report,omitempty"`
	Error  string           `json:"error,omitempty"`  // why it has no answer
	Result string           `json:"result,omitempty"` // CID, of what has been fetched and is an answer to what was asked
	Left   string           `json:"left,omitempty"`   // CID of the expression that is left to do, which has been fetched
	Steps  uint64           `json:"steps,omitempty"`  // of the answer, or of what was done
	After  []string         `json:"after,omitempty"`  // those whose part is done before its own
	Signed bool             `json:"signed,omitempty"` // it vouches for its part
}

// An outcome is what one peer has made of a relay: a Result of the expression that it began with, or a longer relay, or neither.
type outcome struct {
	Asked
	relay  relay // as it is now
	result cid.Cid
	votes  bool // each part is vouched for by who did it, and is his own
}

// peers are all whose part an outcome has.
func (o outcome) peers() []string { return append(slices.Clone(o.After), o.Peer) }

// Ask has peers reduce an expression, and calls heard with what each comes to, from one goroutine. Without a quorum they are asked one after
// the other, until one comes to the end; each goes on from where the one before reached its limits. With a quorum of k all are asked at once, until
// k of them have come to the same Result, or k relays of them that have no peer in common. It returns that Result's CID: which is in the store, as a claim.
func (n *Node) Ask(ctx context.Context, a Ask, progress func(string, repl.TaskProgress), heard func(Asked)) (cid.Cid, error) {
	expr, err := cid.Decode(a.Expr)
	if err != nil {
		return cid.Undef, repl.Misuse(fmt.Errorf("%.100q is not a CID", a.Expr))
	}
	for _, addr := range a.Peers {
		if _, err := peerInfo(addr); err != nil {
			return cid.Undef, repl.Misuse(fmt.Errorf("--peer: %w", err))
		}
	}
	peers, err := n.toAsk(ctx, a.Peers, func(addr string, err error) { heard(Asked{Peer: addr, Error: err.Error()}) })
	if err != nil {
		return cid.Undef, err
	}
	if a.Quorum > len(peers) {
		return cid.Undef, fmt.Errorf("%w: %d equal answers are wanted, of %s to ask", errNoQuorum, a.Quorum, repl.Plural(len(peers), "peer"))
	}
	if a.Quorum > 1 {
		return n.quorum(ctx, a, expr, peers, progress, heard)
	}
	c := relay{expr: expr}
	for _, p := range peers {
		o := n.askOne(ctx, p, c, a, progress)
		if ctx.Err() != nil && !o.result.Defined() { // which is not the peer's fault
			return cid.Undef, ctx.Err()
		}
		heard(o.Asked)
		if o.Error != "" && len(c.links) > 0 { // what is left may be what is wrong
			if again := n.askOne(ctx, p, relay{expr: expr}, a, progress); again.Error == "" {
				heard(again.Asked)
				o = again
			}
		}
		if o.result.Defined() {
			return o.result, nil
		}
		if ctx.Err() != nil {
			return cid.Undef, ctx.Err()
		}
		if o.Left != "" && (len(o.relay.links) > len(c.links) || o.relay.whole().Steps > c.whole().Steps) { // who was asked the question itself may have done less
			c = o.relay
		}
	}
	if len(c.links) > 0 {
		point, err := n.keepRelay(ctx, c)
		if err != nil {
			return cid.Undef, err
		}
		return cid.Undef, fmt.Errorf("%w; what was reached is kept, and goes on here by rosser resume %s", errNoAnswers, point)
	}
	return cid.Undef, errNoAnswers
}

// keepRelay writes a Checkpoint that says what c does.
func (n *Node) keepRelay(ctx context.Context, c relay) (cid.Cid, error) {
	var blocks []graph.Block
	put := graph.SinkFunc(func(b graph.Block) { blocks = append(blocks, b) })
	r := graph.EncodeReduct(c.whole(), put)
	point := graph.EncodeCheckpoint(graph.Checkpoint{Of: c.expr, Reducts: []cid.Cid{r.CID}}, put)
	return point.CID, n.store.Put(ctx, blocks...)
}

// askOne has a peer go on with a relay, and fetches what it came to.
func (n *Node) askOne(ctx context.Context, id peer.ID, c relay, a Ask, progress func(string, repl.TaskProgress)) outcome {
	o := outcome{Asked: Asked{Peer: id.String()}, relay: c}
	for _, p := range c.peers() {
		o.After = append(o.After, p.String())
	}
	question := c.at()
	answer, err := n.request(ctx, id, repl.Task{Expr: question.String(), Fuel: a.Fuel, Milli: a.Milli}, func(p repl.TaskProgress) { progress(id.String(), p) })
	if err != nil {
		o.Error = err.Error()
		return o
	}
	o.Report = &answer.TaskReport
	from := n.peerSource(ctx, id)
	switch {
	case answer.Result != "":
		if o.result, err = n.takeResult(ctx, id, &o, answer, from); err != nil {
			o.result = cid.Undef
			o.Error = fmt.Sprintf("it answers with what is no answer: %v", err)
			if differs := (*conflict)(nil); errors.As(err, &differs) {
				o.Error = differs.Error()
			}
			return o
		}
		o.Result = o.result.String()
	case answer.Reduct != "":
		l, err := n.takeReduct(ctx, id, c, answer, from)
		if err != nil {
			o.Error = fmt.Sprintf("it stopped, and what it says is left is not: %v", err)
			return o
		}
		o.relay = c.with(l)
		o.Left, o.Steps, o.Signed = l.To.String(), l.Steps, l.signed
	}
	return o
}

// takeReduct fetches what a peer says is left of the question that it was asked last, and keeps that it says so.
func (n *Node) takeReduct(ctx context.Context, id peer.ID, c relay, answer taskAnswer, from source) (l link, err error) {
	if l.block, err = cid.Decode(answer.Reduct); err != nil {
		return l, err
	}
	l.peer = id
	f := &fetch{store: n.store, sources: []source{from}, limit: maxTaskBytes}
	data, err := f.block(ctx, l.block)
	if err == nil {
		l.Reduct, err = graph.DecodeReduct(data)
	}
	if err != nil {
		return l, err
	}
	switch {
	case l.Of != c.at():
		return l, fmt.Errorf("%s is of %s", l.block, l.Of)
	case !isExpr(l.To):
		return l, fmt.Errorf("%s is no expression", l.To)
	case c.met(l.To):
		return l, fmt.Errorf("%s leads back to %s", l.block, l.To)
	case l.Steps == 0:
		return l, fmt.Errorf("%s takes no steps", l.block)
	}
	if len(answer.Attestation) > 0 {
		if err := vouches(answer.Attestation, l.block, id); err != nil {
			return l, err
		}
		l.signed, l.word = true, answer.Attestation
	}
	f = &fetch{store: n.store, sources: []source{from}, limit: maxTaskBytes}
	if _, err := f.below(ctx, l.To); err != nil {
		return l, err
	}
	if data, err := n.store.Block(ctx, l.To); err != nil || !graph.IsCode(data) {
		return l, fmt.Errorf("%s is no expression", l.To)
	}
	becomes := graph.Becomes{Expr: l.Of, Reduct: l.block, By: wordOf(id, l.signed)}
	if was, ok, err := n.store.Reduct(ctx, l.Of); err != nil || ok && (was.Own() || n.believed.Believe(was.By)) && !n.believed.Believe(becomes.By) {
		return l, err
	}
	return l, n.store.RecordReduct(ctx, becomes)
}

// takeResult fetches the Result that a peer answers with, and makes one of the expression that the relay began with of it.
func (n *Node) takeResult(ctx context.Context, id peer.ID, o *outcome, answer taskAnswer, from source) (cid.Cid, error) {
	c, question := o.relay, o.relay.at()
	result, err := cid.Decode(answer.Result)
	if err == nil {
		err = n.fetchResult(ctx, question, result, maxAnswer, from)
	}
	if err == nil && len(answer.Attestation) > 0 {
		o.Signed, err = n.vouched(ctx, question, result, id, answer.Attestation)
	}
	if err != nil {
		return cid.Undef, err
	}
	o.votes = o.Signed && answer.Rests == "" && c.signed()
	o.Steps = answer.Steps
	if len(c.links) == 0 {
		return result, n.claimOf(ctx, question, result, id.String())
	}
	// The Result of each expression on the way rests on that of the next one.
	by, steps := wordOf(id, o.Signed), min(answer.Steps, graph.MaxSteps)
	var differs *conflict // the last, which is of the expression itself where that has one
	trace, err := n.claim(ctx, question, result, cid.Undef, by)
	if err != nil && !errors.As(err, &differs) {
		return cid.Undef, err
	}
	last, _, err := n.store.Claim(ctx, question, result, by)
	if err != nil {
		return cid.Undef, err
	}
	parts := []trust.Part{{Steps: last.Steps, Envelope: answer.Attestation}}
	for _, l := range slices.Backward(c.links) {
		data, err := n.store.Block(ctx, result)
		if err != nil {
			return cid.Undef, err
		}
		joined, err := l.Join(data)
		if err == nil {
			err = n.store.Put(ctx, joined)
		}
		if err != nil {
			return cid.Undef, err
		}
		by, steps, result = graph.JoinClaims(by, wordOf(l.peer, l.signed)), min(steps+min(l.Steps, graph.MaxSteps), graph.MaxSteps), joined.CID
		if parts = slices.Insert(parts, 0, trust.Part{To: l.To, Steps: l.Steps, Envelope: l.word}); o.Signed && c.signed() {
			if err := n.keepChain(ctx, l.Of, result, parts); err != nil {
				return cid.Undef, err
			}
		}
		if trace, err = n.claim(ctx, l.Of, result, trace, by); err != nil && !errors.As(err, &differs) {
			return cid.Undef, err
		}
	}
	if differs != nil {
		return cid.Undef, differs
	}
	if o.Signed && c.signed() {
		n.gazette.answered(c.expr.String())
	}
	o.Steps = steps
	return result, nil
}

// keepChain keeps who has signed which part of a result, so that who is told of it may believe it, too. A chain that is too long is not kept.
func (n *Node) keepChain(ctx context.Context, expr, result cid.Cid, parts []trust.Part) error {
	chain, err := trust.SealChain(result, parts)
	if err == nil {
		err = n.believed.Keep(ctx, expr, chain)
	}
	if errors.Is(err, trust.ErrBadAttestation) {
		n.log.Debug("who has signed the parts of a result is not kept", "expr", expr.String(), "error", err)
		return nil
	}
	return err
}

// A conflict is that two results of an expression are believed which differ, and neither is vouched for as a whole.
type conflict struct {
	expr, result cid.Cid
	was          graph.Answer
}

func (c *conflict) Error() string {
	return fmt.Sprintf("conflict: %s and %s are results of %s, both are by whom the policy believes, and none is used; the other one is a claim by %s",
		c.result, c.was.Result, c.expr, strings.TrimPrefix(c.was.By, graph.ClaimAnswer))
}

// claim records a Result that is in the store as a claim, unless one is recorded that is believed, as this one is not. It rests on the trace uses, if that
// is defined. It returns its own trace, also with a conflict.
func (n *Node) claim(ctx context.Context, expr, result, uses cid.Cid, by string) (cid.Cid, error) {
	a, ok, err := n.store.Claim(ctx, expr, result, by)
	if err == nil && !ok {
		err = fmt.Errorf("%s is no result of %s", result, expr)
	}
	if err != nil {
		return cid.Undef, err
	}
	t := graph.Trace{Result: result}
	if uses.Defined() {
		t.Uses = []graph.Use{{Trace: uses}}
	}
	trace := graph.EncodeTrace(t, nil)
	if err := n.store.Put(ctx, trace); err != nil {
		return cid.Undef, err
	}
	was, ok, err := n.store.Recorded(ctx, expr)
	switch {
	case err != nil:
		return cid.Undef, err
	case !ok || !n.believed.Believe(was.By):
	case !n.believed.Believe(by):
		return trace.CID, nil
	case was.Result != result: // no word would tell of it, since none is signed for the whole
		if err := n.store.Drop(ctx, was); err != nil {
			return cid.Undef, err
		}
		return trace.CID, &conflict{expr, result, was}
	}
	a.Trace = trace.CID
	return trace.CID, n.store.Record(ctx, a)
}

// claimOf records a Result that is in the store as what a peer claims, unless what is recorded is believed: whether this one is, too, the words for it say.
func (n *Node) claimOf(ctx context.Context, expr, result cid.Cid, who string) error {
	if was, ok, err := n.store.Recorded(ctx, expr); err != nil || ok && n.believed.Believe(was.By) {
		return err
	}
	_, err := n.store.Claims(ctx, result, who)
	return err
}

// An asking is that a peer is to go on with a relay.
type asking struct {
	relay
	to peer.ID
}

// quorum asks all peers at once. Those who have stopped go on with what others of them have left, and leave their own, as long as that makes
// fewer of them.
func (n *Node) quorum(ctx context.Context, a Ask, expr cid.Cid, peers []peer.ID, progress func(string, repl.TaskProgress), heard func(Asked)) (cid.Cid, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	votes := &ballot{want: a.Quorum, equal: map[cid.Cid][]outcome{}}
	var round []asking
	for _, p := range peers {
		round = append(round, asking{relay{expr: expr}, p})
	}
	var stopped []relay
	var spare []peer.ID // who has stopped, and has a part in no relay
	limited := 0
	for len(round) > 0 && !votes.agreed.Defined() {
		stopped = append(stopped, n.askAll(ctx, cancel, a, round, votes, progress, heard)...)
		limited = len(stopped)
		if round, stopped, spare = nextRound(stopped, spare); votes.most()+len(round)+len(stopped) < a.Quorum {
			break
		}
	}
	if votes.agreed.Defined() && votes.rivals() == 1 {
		return votes.agreed, n.keepVotes(ctx, expr, votes)
	}
	return cid.Undef, votes.failure(ctx.Err(), limited)
}

// nextRound has peers who have stopped go on with what others have left: of the relays that have come furthest, half of them. It returns the relays
// that wait, and the peers that are free then.
func nextRound(stopped []relay, spare []peer.ID) ([]asking, []relay, []peer.ID) {
	slices.SortStableFunc(stopped, func(a, b relay) int { return cmp.Compare(b.whole().Steps, a.whole().Steps) })
	for half := (len(stopped) + 1) / 2; len(stopped) > half; {
		last := len(stopped) - 1
		spare = append(spare, stopped[last].peers()...)
		stopped = stopped[:last]
	}
	var round []asking
	for len(stopped) > 0 && len(spare) > 0 {
		round = append(round, asking{stopped[0], spare[0]})
		stopped, spare = stopped[1:], spare[1:]
	}
	return round, stopped, spare
}

// askAll has a round of peers go on, and returns what those have left who stopped.
func (n *Node) askAll(ctx context.Context, cancel func(), a Ask, round []asking, votes *ballot, progress func(string, repl.TaskProgress), heard func(Asked)) (stopped []relay) {
	answers := make(chan outcome)
	var mu sync.Mutex
	for _, r := range round {
		go func() {
			answers <- n.askOne(ctx, r.to, r.relay, a, func(who string, p repl.TaskProgress) {
				mu.Lock()
				defer mu.Unlock()
				progress(who, p)
			})
		}()
	}
	var grace <-chan time.Time
	for left := len(round); left > 0; {
		select {
		case got := <-answers:
			left--
			if ctx.Err() != nil && !got.result.Defined() {
				continue // it was not waited for
			}
			heard(got.Asked)
			if votes.count(got) {
				grace = time.After(quorumGrace)
			}
			if got.Left != "" {
				stopped = append(stopped, got.relay)
			} else if !got.result.Defined() && len(got.relay.links) > 0 {
				stopped = append(stopped, got.relay) // somebody else may do better
			}
		case <-grace:
			grace = nil
			cancel()
		}
	}
	return stopped
}

// A ballot counts equal answers.
type ballot struct {
	want   int
	equal  map[cid.Cid][]outcome
	agreed cid.Cid // what as many as are wanted have come to first
}

// count counts an answer, and says whether there are as many as are wanted now, for the first time. What is no word of the peers' own does not count.
func (b *ballot) count(o outcome) bool {
	if !o.result.Defined() || !o.votes {
		return false
	}
	b.equal[o.result] = append(b.equal[o.result], o)
	if len(b.equal[o.result]) < b.want || b.agreed.Defined() {
		return false
	}
	b.agreed = o.result
	return true
}

// rivals counts the results that have as many votes as are wanted.
func (b *ballot) rivals() (n int) {
	for _, votes := range b.equal {
		if len(votes) >= b.want {
			n++
		}
	}
	return n
}

// most is how many votes the result has that has the most.
func (b *ballot) most() (n int) {
	for _, votes := range b.equal {
		n = max(n, len(votes))
	}
	return n
}

func (b *ballot) failure(ended error, stopped int) error {
	most := b.most()
	limits := ""
	if stopped > 0 {
		limits = fmt.Sprintf("; %s stopped at a limit, and what is left needs more peers", repl.Plural(stopped, "reduction"))
	}
	switch {
	case b.agreed.Defined():
		return fmt.Errorf("%w: %d results have %d votes and more", errNoQuorum, b.rivals(), b.want)
	case ended != nil:
		return ended
	case most == 0:
		return fmt.Errorf("%w%s", errNoAnswers, limits)
	}
	return fmt.Errorf("%w: no more than %d of the peers came to the same result, want %d%s", errNoQuorum, most, b.want, limits)
}

// keepVotes records for whom the answer is to be believed, where it is not vouched for as a whole by as many as were wanted: those are kept with it.
func (n *Node) keepVotes(ctx context.Context, expr cid.Cid, b *ballot) error {
	votes := b.equal[b.agreed]
	slices.SortStableFunc(votes, func(a, b outcome) int { return len(a.After) - len(b.After) })
	votes = votes[:b.want]
	if !slices.ContainsFunc(votes, func(o outcome) bool { return len(o.After) > 0 }) {
		return nil
	}
	var groups [][]string
	for _, o := range votes {
		groups = append(groups, o.peers())
	}
	was, ok, err := n.store.Recorded(ctx, expr)
	if err != nil || !ok || was.Own() {
		return err
	}
	a, ok, err := n.store.Claim(ctx, expr, b.agreed, graph.ClaimOfAny(groups))
	switch {
	case err != nil || !ok:
		return err
	case was.Result == a.Result:
		a.Trace = was.Trace
	case n.believed.Believe(was.By) && n.believed.Believe(a.By):
		return errors.Join(&conflict{expr, a.Result, was}, n.store.Drop(ctx, was))
	}
	if n.believed.Believe(was.By) && !n.believed.Believe(a.By) {
		return nil
	}
	return n.store.Record(ctx, a)
}
