// This file holds the commands that go to the network for a while: pull, ask.

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

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

// PullCommand is `rosser pull`.
func PullCommand(ctx context.Context, o repl.Options, p Pull) error {
	return repl.WithStore(o, func(s *store.Store, out io.Writer) error {
		came, end := repl.Coming(o)
		var pulled []Pulled
		c, err := Running(s.Dir())
		if err == nil {
			err = c.call(ctx, "pull", p, func(text json.RawMessage) error {
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
		} else {
			var n *Node
			if n, err = Open(s, Options{}); err == nil {
				defer n.Close()
				pulled, err = n.Pull(ctx, p, came)
			}
		}
		end()
		for _, one := range pulled {
			one.print(out, o)
		}
		return repl.Network(ctx, err)
	})
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
	repl.Note(o, "%s: %s, %s as claims of %s; %s came, %d bytes; %s", name, count(p.Names, "name"), count(p.Results, "result"), p.Who, count(p.Came.Blocks, "block"), p.Came.Bytes, note)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
