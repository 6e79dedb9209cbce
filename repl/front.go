// This file holds what packages above this one need to be commands, too: the store, the terminal, exit codes.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

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

// Network gives what went wrong on the network its exit code: that of what is not to be had, or of what was interrupted.
func Network(ctx context.Context, err error) error {
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
