// This file holds what packages above this one need to be commands, too: the store, the terminal, exit codes.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
)

// WithStore opens the store, made if it is not there and with the standard library in it, runs f on it, and closes it. What f writes to out is the
// command's output.
func WithStore(o Options, f func(s *store.Store, out io.Writer) error) error {
	return moving(o, func(db *store.Store) error {
		s := &Session{opt: o, store: db}
		s.opt.Stderr = o.stderr()
		s.keepLibrary()
		out := &output{Writer: o.stdout()}
		err := f(db, out)
		if err == nil && out.err != nil {
			err = Misuse(out.err)
		}
		return err
	})
}

// WithSession opens a session, runs f on it and closes it.
func WithSession(o Options, f func(s *Session) error) error { return with(o, f) }

// Store is the store that s is on.
func (s *Session) Store() *store.Store { return s.store }

// Expression is the CID of an expression given as text or as a CID.
func (s *Session) Expression(ctx context.Context, text string) (cid.Cid, error) {
	return s.expression(ctx, text)
}

// PrintResult prints what is in the block of a Result, as Result does.
func (s *Session) PrintResult(ctx context.Context, expr, result cid.Cid) error {
	r, err := eval.LoadAnswer(graph.Answer{Expr: expr, Result: result}, s.Load)
	if err != nil {
		return &failure{exitMissing, err}
	}
	if r.Error != nil {
		return &failure{exitProgram, s.programError(&eval.Thrown{Err: &eval.Error{Kind: r.Error.Kind, Value: r.Error.Value}})}
	}
	return s.print(ctx, r.Value)
}

// Plural is so many of something, as words.
func Plural(n int, what string) string { return plural(n, what) }

// Hint says which of some names was meant, if that can be guessed.
func Hint(name string, known []string) string { return hint(lang.Suggest(name, known)) }

// Note says something on stderr.
func Note(o Options, format string, args ...any) {
	fmt.Fprintln(o.stderr(), lang.Clean(fmt.Sprintf(format, args...)))
}

// Coming shows on a terminal how many blocks have come, until end is called.
func Coming(o Options) (came func(store.Size), end func()) {
	var blocks, bytes atomic.Int64
	end = ticking(withStatus(o.stderr()), func() {}, func(elapsed time.Duration) string {
		n := bytes.Load()
		rate := float64(n) / max(elapsed.Seconds(), 0.001)
		return fmt.Sprintf("%s · %s, %s, %s/s", elapsed.Round(100*time.Millisecond), plural(int(blocks.Load()), "block"), byteText(uint64(n)), byteText(uint64(rate)))
	})
	return func(z store.Size) {
		blocks.Store(int64(z.Blocks))
		bytes.Store(z.Bytes)
	}, end
}

// Telling shows a line of text on a terminal, the last that it was told, until end is called.
func Telling(o Options) (tell func(string), end func()) {
	var line atomic.Pointer[string]
	end = ticking(withStatus(o.stderr()), func() {}, func(elapsed time.Duration) string {
		text := elapsed.Round(100 * time.Millisecond).String()
		if told := line.Load(); told != nil {
			text += " · " + *told
		}
		return text
	})
	return func(text string) { line.Store(&text) }, end
}

// Networked gives what went wrong on the network its exit code: that of what is not to be had, or of what was interrupted.
func Networked(ctx context.Context, err error) error {
	var f *failure
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &failure{exitStopped, errors.New("interrupted; what has come is kept, and the same again goes on from there")}
	case errors.As(err, &f):
		return err
	}
	return &failure{exitMissing, err}
}
