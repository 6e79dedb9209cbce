// This file holds the commands that go to the network for a while: pull, ask.

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/repl"
)

// A pullLine is what a node says of a pull: how much has come, and what.
type pullLine struct {
	Came   *store.Size `json:"came,omitempty"`
	Pulled *Pulled     `json:"pulled,omitempty"`
}

// slowly calls f at most every tenth of a second.
func slowly(f func(store.Size)) func(store.Size) {
	var mu sync.Mutex
	var last time.Time
	return func(z store.Size) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			last = now
			f(z)
		}
	}
}

// PullCommand is `rosser pull`; without From, of all that is followed.
func PullCommand(ctx context.Context, o repl.Options, p Pull) error {
	return repl.WithStore(o, func(s *store.Store, out io.Writer) error {
		came, end := repl.Coming(o)
		var pulled []Pulled
		what := "pull"
		if p.From == "" {
			what = "pull-all"
		}
		c, err := Running(s.Dir())
		if err == nil {
			err = c.call(ctx, what, p, func(text json.RawMessage) error {
				var line pullLine
				if err := json.Unmarshal(text, &line); err != nil {
					return err
				}
				if line.Came != nil {
					came(*line.Came)
				}
				if line.Pulled != nil {
					pulled = append(pulled, *line.Pulled)
				}
				return nil
			})
			var ended *endedError
			if errors.As(err, &ended) {
				err = fmt.Errorf("%w; %s", err, goesOn)
			}
		} else {
			var n *Node
			if n, err = Open(s, Options{}); err == nil {
				defer n.Close()
				if p.From == "" {
					pulled, err = n.PullAll(ctx, came)
				} else {
					pulled, err = n.Pull(ctx, p, came)
				}
			}
		}
		end()
		for _, one := range pulled {
			one.print(out, o)
		}
		return repl.Networked(ctx, err)
	})
}

// An askLine is what a node says while it asks others.
type askLine struct {
	Who      string             `json:"who,omitempty"`
	Progress *repl.TaskProgress `json:"progress,omitempty"`
	Asked    *Asked             `json:"asked,omitempty"`
	Result   string             `json:"result,omitempty"`
}

// AskCommand is `rosser ask`.
func AskCommand(ctx context.Context, o repl.Options, text string, a Ask) error {
	if a.Quorum < 0 {
		return repl.Misuse(fmt.Errorf("--quorum: got %d, want how many equal answers are to be had", a.Quorum))
	}
	return repl.WithSession(o, func(s *repl.Session) error {
		expr, err := s.Expression(ctx, text)
		if err != nil {
			return err
		}
		a.Expr = expr.String()
		var result cid.Cid
		var answers []Asked
		heard := func(one Asked) {
			repl.Note(o, "%s", one.text())
			answers = append(answers, one)
		}
		tell, end := repl.Telling(o)
		progress := func(who string, p repl.TaskProgress) {
			tell(fmt.Sprintf("%s: %d steps", short(who), p.Steps))
		}
		db := s.Store()
		c, err := Running(db.Dir())
		if err == nil {
			if err := db.Flush(ctx); err != nil { // the program
				return err
			}
			err = c.call(ctx, "ask", a, func(text json.RawMessage) (err error) {
				var line askLine
				if err := json.Unmarshal(text, &line); err != nil {
					return err
				}
				switch {
				case line.Progress != nil:
					progress(line.Who, *line.Progress)
				case line.Asked != nil:
					heard(*line.Asked)
				case line.Result != "":
					result, err = cid.Decode(line.Result)
				}
				return err
			})
		} else {
			var n *Node
			if n, err = Open(db, Options{Serve: true}); err == nil { // the peers fetch the program from here
				defer n.Close()
				result, err = n.Ask(ctx, a, progress, heard)
			}
		}
		end()
		if err != nil {
			return repl.Networked(ctx, err)
		}
		for _, one := range answers {
			if one.Result != "" && one.Result != result.String() {
				who := fmt.Sprintf("peer %s differs: its result is %s", one.Peer, one.Result)
				if len(one.After) > 0 {
					who += ", from what " + strings.Join(one.After, " and ") + " reached"
				}
				repl.Note(o, "rosser: %s", who)
			}
		}
		return s.PrintResult(ctx, expr, result)
	})
}

// short is a peer's ID as people tell it from others.
func short(id string) string {
	if len(id) > 12 {
		return "…" + id[len(id)-8:]
	}
	return id
}

// text says what a peer came to.
func (a Asked) text() string {
	text := "peer " + a.Peer + ": "
	switch r := a.Report; {
	case a.Error != "":
		return text + a.Error
	case a.Result != "":
		text += fmt.Sprintf("result %s, %d steps", a.Result, a.Steps)
		if a.Signed {
			text += ", signed"
		}
		if len(a.After) > 0 {
			text += "; it goes on from what " + strings.Join(a.After, " and ") + " reached"
		}
		if r.Rests != "" {
			text += "; it may rest on claims by " + r.Rests
		}
		return text
	case a.Left != "":
		text += fmt.Sprintf("%s; %d steps are done, and %s is left", r.Stopped, a.Steps, a.Left)
		if a.Signed {
			text += ", signed"
		}
		return text
	case r.Checkpoint != "":
		return text + r.Stopped + ", checkpoint " + r.Checkpoint
	case r.Stopped != "":
		return text + r.Stopped
	}
	return text + "no answer"
}

func (p Pulled) print(out io.Writer, o repl.Options) {
	fmt.Fprintln(out, p.Root)
	note := "new"
	switch {
	case p.Old == p.Root:
		note = "unchanged"
	case p.Old.Defined():
		note = "was " + p.Old.String()
	}
	name := p.Name
	if name == "" {
		name = "library"
	}
	if p.Wrong > 0 {
		repl.Note(o, "rosser: %s lists %s that are none, which are left out: %s", name, repl.Plural(p.Wrong, "result"), p.First)
	}
	if p.Results > 0 && p.Words == 0 {
		defer repl.Note(o, "  nobody has signed these results, so no policy uses them: whoever publishes signs them by --attest")
	}
	repl.Note(o, "%s: %s, %s as claims of %s, %s; %s came, %d bytes; %s", name, repl.Plural(p.Names, "name"), repl.Plural(p.Results, "result"), p.Who, repl.Plural(p.Words, "attestation"), repl.Plural(p.Came.Blocks, "block"), p.Came.Bytes, note)
}
