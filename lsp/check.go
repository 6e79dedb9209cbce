// This file checks what has changed, beside the goroutines that listen and answer, and publishes what is wrong.

package lsp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl"
)

// Why wait at all? A check of 2,000 lines takes some 15 ms, a key comes every 100. The wait is there for what takes
// longer, and for an editor that sends a message for each of a hundred cursors.
const (
	quiet       = 20 * time.Millisecond  // after the last change of a document, before it is checked
	patience    = 150 * time.Millisecond // after the first
	checkTime   = 10 * time.Second       // for one check
	storeTime   = time.Second            // that the first check waits for the store
	retry       = 500 * time.Millisecond // between looks at a check that takes too long
	maxCompiled = 4 << 20                // bytes of source that are compiled while somebody types; the syntax of more is checked
)

// A change says since when a document waits to be checked.
type change struct{ first, last time.Time }

// markLocked notes that a document is to be checked, under s.mu.
func (s *server) markLocked(uri string, now bool) {
	at := time.Now()
	c, waiting := s.dirty[uri]
	if c.last = at; !waiting {
		c.first = at
	}
	if now {
		c.first, c.last = at.Add(-patience), at.Add(-quiet)
	}
	s.dirty[uri] = c
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// disturb marks the documents that rest on a file.
func (s *server) disturb(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uri, deps := range s.deps {
		d := s.documents[uri]
		if d == nil || d.path == path || !slices.Contains(deps, path) {
			continue
		}
		if _, waiting := s.dirty[uri]; !waiting {
			s.documents[uri] = d.again()
			d.retire()
		}
		s.markLocked(uri, false)
	}
}

// due takes a document whose time has come, or says how long to wait for one.
func (s *server) due() (*document, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := time.Hour
	now := time.Now()
	for uri, c := range s.dirty {
		left := min(quiet-now.Sub(c.last), patience-now.Sub(c.first))
		if left > 0 {
			wait = min(wait, left)
			continue
		}
		delete(s.dirty, uri)
		if d := s.documents[uri]; d != nil {
			return d, 0
		}
	}
	return nil, wait
}

// A checking is the state of the goroutine that checks.
type checking struct {
	s       *server
	checker *repl.Checker
	opened  chan struct{}     // nil once the checker has the store, or there is none
	late    chan repl.Checked // of a check that took too long and still runs; nil for none
}

// check is the goroutine that checks.
func (s *server) check() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	c := &checking{s: s, opened: s.opened, checker: repl.NewChecker(nil, s.openText)}
	for {
		d, wait := s.due()
		if d != nil {
			if c.opened != nil {
				select {
				case <-c.opened:
					c.useStore()
				case <-time.After(storeTime):
				case <-s.ctx.Done():
				}
			}
			c.check(d)
			continue
		}
		timer.Reset(wait)
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		case <-c.opened:
			c.useStore()
		}
	}
}

// useStore makes what is checked from now on see the store.
func (c *checking) useStore() {
	c.opened = nil
	if c.s.session == nil {
		return
	}
	c.checker = repl.NewChecker(c.s.session, c.s.openText)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for uri, d := range c.s.documents {
		select {
		case <-d.checked: // without the store
			c.s.documents[uri] = d.again()
			c.s.markLocked(uri, true)
		default:
		}
	}
}

// openText is what the editor holds of a file.
func (s *server) openText(path string) (string, bool) {
	if d := s.document(path); d != nil {
		return d.text, true
	}
	return "", false
}

// check checks one document and publishes what it finds.
func (c *checking) check(d *document) {
	p := d.parse()
	if len(p.file.Source) > maxCompiled {
		d.finish(repl.Checked{Errors: p.errs})
		c.publish(d, p.errs, fmt.Sprintf("only the syntax is checked of more than %d MiB", maxCompiled>>20))
		return
	}
	if c.late != nil {
		select {
		case <-c.late:
			c.late = nil
		default: // two at a time would not be done sooner
			c.publish(d, p.errs, "")
			c.s.mu.Lock()
			if _, waiting := c.s.dirty[d.uri]; !waiting && c.s.documents[d.uri] == d {
				then := time.Now().Add(retry)
				c.s.dirty[d.uri] = change{then, then}
			}
			c.s.mu.Unlock()
			return
		}
	}
	ctx, cancel := context.WithTimeout(c.s.ctx, checkTime)
	defer cancel()
	done := make(chan repl.Checked, 1)
	checker := c.checker
	go func() {
		var result repl.Checked
		defer func() {
			if bug := recover(); bug != nil {
				c.s.bug("checking "+d.path, bug)
				result = repl.Checked{Errors: append(slices.Clip(p.errs), &lang.Error{File: p.file, Message: fmt.Sprintf("this is a bug in rosser: %v", bug)})}
			}
			done <- result
		}()
		result = checker.Check(ctx, p.file, p.errs)
	}()
	select {
	case result := <-done:
		if ctx.Err() != nil {
			break // it gave up on its imports
		}
		d.finish(result)
		c.s.mu.Lock()
		if c.s.documents[d.uri] == d {
			c.s.deps[d.uri] = result.Deps
		}
		c.s.mu.Unlock()
		c.publish(d, result.Errors, "")
		return
	case <-ctx.Done():
		c.late = done
	}
	if c.s.ctx.Err() == nil {
		d.finish(repl.Checked{Errors: p.errs})
		c.publish(d, p.errs, fmt.Sprintf("only the syntax is checked: the rest takes longer than %s", checkTime))
	}
}

// publish sends the mistakes of a document, if it is still the one in the editor, and a note.
func (c *checking) publish(d *document, errs lang.Errors, note string) {
	out := publishParams{URI: d.uri, Diagnostics: make([]diagnostic, 0, len(errs))}
	for _, e := range errs {
		at := e.Span
		if at.End <= at.Start && at.Start > 0 && at.Start == len(e.File.Source) { // nothing to underline at the end
			at.Start--
		}
		out.Diagnostics = append(out.Diagnostics, diagnostic{Range: d.span(at), Severity: severityError, Source: "rosser", Message: e.Message})
	}
	if note != "" {
		out.Diagnostics = append(out.Diagnostics, diagnostic{Severity: severityInformation, Source: "rosser", Message: note})
	}
	c.s.mu.Lock()
	current, versioned := c.s.documents[d.uri] == d, c.s.versioned
	c.s.mu.Unlock()
	if !current {
		return
	}
	if versioned {
		out.Version = &d.version
	}
	c.s.conn.Notify(c.s.ctx, "textDocument/publishDiagnostics", out)
}
