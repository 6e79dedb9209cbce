// This file asks others, through the node that serves the store, for what the machine has in progress.

package repl

import (
	"context"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
)

// A Network is others, through the node that serves the store.
type Network struct {
	// Ask asks for the answer to an expression, for any, or for one that the policy believes, and says whether one is in the store now.
	Ask  func(ctx context.Context, expr cid.Cid, any bool) bool
	Made func(ctx context.Context, expr cid.Cid) // is told of an answer that was expensive
}

// WorthTelling is how many steps were executed for an answer that others are told of.
const WorthTelling = 10_000_000

const (
	askers  = 4  // questions at a time
	waiting = 64 // more are dropped: the machine goes on meanwhile
)

// asking has others asked for a machine.
type asking struct {
	questions chan cid.Cid
	end       context.CancelFunc
}

// startAsking gives what the machine tells of its terms in progress; nil where nobody is asked. found is told of answers.
func (s *Session) startAsking(found func(cid.Cid)) func(cid.Cid) {
	if s.opt.Network == nil || s.opt.Link == "none" || s.unkept {
		return nil
	}
	if s.asking != nil { // of the machine before
		s.asking.end()
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &asking{make(chan cid.Cid, waiting), cancel}
	s.asking = a
	started := false
	return func(expr cid.Cid) {
		if !started { // it takes long enough to be worth it
			started = true
			others := s.network()
			for range askers {
				go a.work(ctx, func(expr cid.Cid) bool { return others.Ask(ctx, expr, s.opt.Trust) }, found)
			}
		}
		select {
		case a.questions <- expr:
		default:
		}
	}
}

// network is others, as far as they are reached now.
func (s *Session) network() Network {
	if s.others.Ask == nil {
		s.others = s.opt.Network(s.store.Dir())
	}
	return s.others
}

// askTime is how long an evaluation waits for an answer before it begins: about a round trip.
const askTime = 20 * time.Millisecond

// askFirst asks others for the answer to what is about to be evaluated, if there is none here: one that comes at once spares all of the work, also that of
// programs that do not take long enough to be asked for while they run.
func (s *Session) askFirst(ctx context.Context, expr cid.Cid) {
	if s.asking == nil || !s.opt.Trust && s.trust.Policy().Nobody() {
		return
	}
	if a, ok, err := s.trust.Recorded(ctx, expr); err != nil || ok && (a.By == eval.Own || s.believe(a.By)) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	s.network().Ask(ctx, expr, s.opt.Trust)
}

func (a *asking) work(ctx context.Context, ask func(cid.Cid) bool, found func(cid.Cid)) {
	for {
		select {
		case expr := <-a.questions:
			if ask(expr) && ctx.Err() == nil {
				found(expr)
			}
		case <-ctx.Done():
			return
		}
	}
}

// made tells others of an answer that this machine has found out itself, if it was expensive.
func (s *Session) made(ctx context.Context, out eval.Outcome) {
	if s.asking != nil && out.Reduced >= WorthTelling && out.Result.Defined() && out.Rests == "" && s.store.Flush(ctx) == nil {
		s.network().Made(ctx, out.Expr)
	}
}
