// This file bounds what is done before evaluation: reading files, parsing, compiling. Each ends soon when its context
// does, and the context ends when memory runs out.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/rosser-lang/rosser/eval"
)

var errMemory = errors.New("memory limit reached")

// boundedBy is the key under which a context holds the session that watches the memory for it.
type boundedBy struct{}

// bounded is ctx, ended with errMemory as its cause when more memory is in use than the session may take. The function
// ends it for another cause, and must be called.
func (s *Session) bounded(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	watched := ctx.Value(boundedBy{}) == s
	ctx, end := context.WithCancelCause(ctx)
	if watched {
		return ctx, end
	}
	ctx = context.WithValue(ctx, boundedBy{}, s)
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if eval.MemoryInUse() > s.memory {
					if runtime.GC(); eval.MemoryInUse() > s.memory {
						end(errMemory)
					}
				}
			}
		}
	}()
	return ctx, end
}

// ending ends a context with an error, and passes it on, if the error says that something was stopped.
func ending(end context.CancelCauseFunc, err error) error {
	var f *failure
	var stop *eval.Stop
	if errors.As(err, &f) && f.code == exitStopped || errors.As(err, &stop) {
		end(err)
	}
	return err
}

// stopped is the error of work that the end of its context has stopped, for the cause given.
func stopped(cause error, doing string) error {
	var f *failure
	var stop *eval.Stop
	why := errors.New("interrupted")
	switch {
	case errors.As(cause, &f) && f.code == exitStopped:
		return cause
	case errors.Is(cause, context.DeadlineExceeded):
		why = errors.New("deadline reached")
	case errors.Is(cause, errMemory):
		why = errMemory
	case errors.As(cause, &stop):
		switch stop.Reason {
		case eval.Deadline:
			why = errors.New("deadline reached")
		case eval.MemoryLimit:
			why = errMemory
		case eval.Interrupted:
		default:
			return cause
		}
	}
	return &failure{exitStopped, fmt.Errorf("%w while %s", why, doing)}
}

// await is what f comes to, or the cause of ctx if that ends first: a pipe may never give anything. Then f is left to
// itself; it must not touch what others use.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := f()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// An awaited reads what may never come, until its context ends.
type awaited struct {
	ctx context.Context
	r   io.Reader
	buf []byte
}

func (a *awaited) Read(p []byte) (int, error) {
	if a.ctx.Err() != nil {
		return 0, context.Cause(a.ctx)
	}
	if a.buf == nil {
		a.buf = make([]byte, 64<<10)
	}
	n := min(len(p), len(a.buf))
	data, err := await(a.ctx, func() ([]byte, error) {
		n, err := a.r.Read(a.buf[:n])
		return a.buf[:n], err
	})
	return copy(p, data), err
}
