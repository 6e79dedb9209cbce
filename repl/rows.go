// This file holds `rosser import` of rows: a file of any size becomes a list in the store.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// An importing is an import of rows in progress.
type importing struct {
	s       *Session
	path    string
	in      counted
	rows    atomic.Int64
	skipBad bool
	bad     int64
	first   string // the first bad row
	cut     bool   // the file ends before its list does
	failed  error  // of the store
}

// A counted counts what is read from r. Others may look at n meanwhile.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// importRows puts the list of all rows into the store, and prints its CID.
func (s *Session) importRows(ctx context.Context, r io.Reader, path, format string, skipBad bool) error {
	began := time.Now()
	ctx, stop := s.bounded(ctx)
	defer stop(nil)
	debug.SetGCPercent(100) // a row is garbage as soon as it is encoded
	i := &importing{s: s, path: path, skipBad: skipBad}
	i.in.r = &awaited{ctx: ctx, r: r}
	end := ticking(s.opt.Stderr, func() {}, i.progress)
	root, err := i.run(ctx, format)
	if err == nil {
		err = s.pinImported(ctx, []cid.Cid{root}, path)
	}
	if err == nil {
		err = s.store.Flush(ctx)
	}
	end()
	switch {
	case ctx.Err() != nil:
		return stopped(context.Cause(ctx), "importing "+path)
	case errors.Is(err, errMemory):
		return stopped(err, "importing "+path)
	case err != nil:
		return err
	}
	fmt.Fprintln(s.opt.Stdout, root)
	if _, ok := s.opt.Stderr.(*statusLine); ok {
		fmt.Fprintf(s.opt.Stderr, "%s, %s in %s\n", plural64(uint64(i.rows.Load()), "row"), byteText(uint64(i.in.n.Load())), time.Since(began).Round(time.Millisecond))
	}
	if i.bad > 0 {
		s.warn("%s left out, the first at %s", plural64(uint64(i.bad), "bad row"), i.first)
	}
	if i.cut {
		s.warn("%s ends before its list does: rows may be missing", path)
	}
	return nil
}

func (i *importing) progress(elapsed time.Duration) string {
	n := i.in.n.Load()
	return fmt.Sprintf("%s · %s · %s, %s/s", elapsed.Round(100*time.Millisecond), plural64(uint64(i.rows.Load()), "row"), byteText(uint64(n)),
		byteText(uint64(float64(n)/max(elapsed.Seconds(), 0.001))))
}

func (i *importing) run(ctx context.Context, format string) (cid.Cid, error) {
	put := graph.SinkFunc(func(b graph.Block) {
		if i.failed == nil {
			i.failed = i.s.store.Put(ctx, b)
		}
	})
	rows := graph.NewRows(&i.in, format)
	rows.Reserve = func(bytes int64) error {
		if eval.MemoryInUse()+bytes > i.s.memory {
			return errMemory
		}
		return nil
	}
	if format == "json" {
		v, whole, err := rows.Whole()
		if err != nil {
			return cid.Undef, i.wrong(err)
		}
		if whole {
			i.rows.Store(1)
			root := graph.ValueBlock(v, put)
			return root, i.failed
		}
	}
	list := graph.NewListWriter(put)
	for i.failed == nil {
		v, err := rows.Next()
		if err == io.EOF {
			i.cut = rows.Cut
			root := list.ValueBlock()
			return root, i.failed
		}
		if err != nil {
			if err = i.wrong(err); err != nil {
				return cid.Undef, err
			}
			continue
		}
		list.Add(v)
		i.rows.Store(list.Len())
	}
	return cid.Undef, i.failed
}

// wrong is the error of a row or of reading; nil if it is a bad row that is left out.
func (i *importing) wrong(err error) error {
	var bad *graph.RowError
	if !errors.As(err, &bad) {
		return Misuse(fmt.Errorf("%s: %w", i.path, err))
	}
	text := fmt.Sprintf("%s:%d:%d: %s", i.path, bad.Line, bad.Column, bad.Msg)
	switch {
	case bad.Last:
		return Misuse(errors.New(text))
	case !i.skipBad:
		return Misuse(errors.New(text + "\n  hint: --skip-bad leaves bad rows out"))
	}
	if i.bad++; i.bad == 1 {
		i.first = text
	}
	return nil
}
