// This file asks others, through the node that serves the store, for what the machine has in progress.

package repl

import (
	"context"

	"github.com/ipfs/go-cid"
)

// An Asker asks others for the answer to an expression, and says whether one is in the store now. It is nil where there is nobody to ask.
type Asker func(ctx context.Context, expr cid.Cid) bool

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
	if s.opt.Asker == nil || s.opt.Link == "none" || s.unkept {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &asking{make(chan cid.Cid, waiting), cancel}
	s.asking = append(s.asking, a)
	started := false
	return func(expr cid.Cid) {
		if !started { // it takes long enough to be worth it
			started = true
			ask := s.opt.Asker(s.store.Dir())
			for range askers {
				go a.work(ctx, ask, found)
			}
		}
		select {
		case a.questions <- expr:
		default:
		}
	}
}

func (a *asking) work(ctx context.Context, ask Asker, found func(cid.Cid)) {
	for {
		select {
		case expr := <-a.questions:
			if ask(ctx, expr) && ctx.Err() == nil {
				found(expr)
			}
		case <-ctx.Done():
			return
		}
	}
}
