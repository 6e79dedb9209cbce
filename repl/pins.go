// This file holds the commands that say what a store keeps: pin add, pin rm, pin ls, store gc.

package repl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// libraryRoot is a block that links to all code of the standard library, so that it is in a store as a whole or not at all.
func libraryRoot() graph.Block {
	blocks := stdlib.Blocks()
	dst := codec.AppendArray(nil, len(blocks))
	for _, b := range blocks {
		dst = codec.AppendLink(dst, b.CID)
	}
	return graph.Block{CID: codec.CIDOf(dst), Data: dst}
}

// A Pinning says how a pin is made.
type Pinning struct {
	Name            string
	Direct, Partial bool
}

// PinAdd is `rosser pin add`.
func PinAdd(ctx context.Context, o Options, text string, p Pinning) error {
	c, err := parseCID(text)
	if err != nil {
		return err
	}
	return with(o, func(s *Session) error {
		size, err := s.store.Pin(ctx, store.Pin{CID: c, Name: p.Name, Direct: p.Direct, Partial: p.Partial})
		var gone *graph.NotFoundError
		switch {
		case ctx.Err() != nil:
			return reading(ctx, err)
		case errors.As(err, &gone) && gone.CID != c:
			return &failure{exitMissing, fmt.Errorf("%w, which is below %s; --partial pins what is there, --direct what belongs to the block itself", err, c)}
		case err != nil:
			return &failure{exitMissing, err}
		}
		fmt.Fprintf(s.opt.Stderr, "pinned: %s\n", sizeText(size))
		return nil
	})
}

// PinRemove is `rosser pin rm`: of CIDs, or of the names of pins.
func PinRemove(ctx context.Context, o Options, list []string) error {
	return storage(o, func(s *store.Store, out io.Writer) error {
		for _, text := range list {
			c, err := pinned(ctx, s, text)
			if err != nil {
				return err
			}
			ok, err := s.Unpin(ctx, c)
			if err != nil {
				return reading(ctx, err)
			}
			if !ok {
				return missing("%s is not pinned; `rosser pin ls` says what is", c)
			}
			fmt.Fprintln(out, c)
			if err := stillKept(ctx, s, o, c); err != nil {
				return reading(ctx, err)
			}
		}
		return nil
	})
}

// stillKept says so when a root that has lost its pin is a library of the store.
func stillKept(ctx context.Context, s *store.Store, o Options, c cid.Cid) error {
	return s.Libraries(ctx, store.LibraryRoot, func(name string, root cid.Cid) error {
		if root == c {
			fmt.Fprintf(o.stderr(), "rosser: it is kept as the library %s, until rosser library rm %s\n", name, name)
		}
		return nil
	})
}

// pinned is the CID that text is, or of the pin that it is the name of.
func pinned(ctx context.Context, s *store.Store, text string) (cid.Cid, error) {
	var found []cid.Cid
	var names []string
	err := s.Pins(ctx, func(p store.Pin) error {
		if p.Name == text {
			found = append(found, p.CID)
		}
		names = append(names, p.Name)
		return nil
	})
	switch {
	case err != nil:
		return cid.Undef, reading(ctx, err)
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return cid.Undef, Misuse(fmt.Errorf("%d pins have the name %.60q; say which by its CID, as `rosser pin ls` prints them", len(found), text))
	}
	c, err := cid.Decode(strings.TrimPrefix(text, "@"))
	if err != nil {
		return c, missing("got %.60q, want a CID or the name of a pin%s; `rosser pin ls` says which there are", text, hint(lang.Suggest(text, names)))
	}
	return c, nil
}

// smallPin is how many blocks are counted for a pin's size.
const smallPin = 10_000

type pinRecord struct {
	CID    string `json:"cid"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Added  string `json:"added"`
	Blocks int    `json:"blocks,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	Gone   string `json:"missing,omitempty"`
}

// PinList is `rosser pin ls`.
func PinList(ctx context.Context, o Options, asJSON bool) error {
	return storage(o, func(s *store.Store, out io.Writer) error {
		gone := 0
		err := s.Pins(ctx, func(p store.Pin) error {
			r := pinRecord{CID: p.CID.String(), Kind: pinKind(p), Name: p.Name, Added: p.Added.UTC().Format(time.RFC3339)}
			size, err := s.PinSize(ctx, p, smallPin)
			text := plural64(uint64(size.Blocks), "block") + ", " + byteText(uint64(size.Bytes))
			switch {
			case err == nil:
				r.Blocks, r.Bytes = size.Blocks, size.Bytes
			case errors.Is(err, store.ErrManyBlocks):
				text = fmt.Sprintf("more than %s blocks", thousands(smallPin))
			case errors.Is(err, graph.ErrNotFound), errors.Is(err, graph.ErrDamaged):
				gone++
				r.Gone, text = err.Error(), err.Error()
			default:
				return err
			}
			if asJSON {
				return json.NewEncoder(out).Encode(r)
			}
			_, err = fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%s  %-9s  %s  %s", r.CID, r.Kind, text, oneLine(lang.Clean(p.Name), shownBytes)), " "))
			return err
		})
		if err != nil {
			return reading(ctx, err)
		}
		if gone > 0 {
			return missing("%s not whole; import what is missing, or `rosser pin add --partial`", plural(gone, "pin"))
		}
		return nil
	})
}

func pinKind(p store.Pin) string {
	switch {
	case p.Direct:
		return "direct"
	case p.Partial:
		return "partial"
	}
	return "recursive"
}

// A Sweeping says what `store gc` does.
type Sweeping struct {
	DryRun bool
	Forget bool   // what stopped evaluations have reached
	Trim   string // a size, or ""
}

// StoreCollect is `rosser store gc`.
func StoreCollect(ctx context.Context, o Options, w Sweeping) error {
	opts := store.Collection{Given: []cid.Cid{libraryRoot().CID}, DryRun: w.DryRun, Stopped: w.Forget}
	if w.Trim != "" {
		size, err := sizeFlag("--trim", w.Trim)
		if err != nil {
			return Misuse(err)
		}
		opts.Trim = uint64(size)
	}
	return storage(o, func(s *store.Store, out io.Writer) error {
		got, err := s.Collect(ctx, opts)
		if errors.Is(err, store.ErrCollecting) {
			return Misuse(err)
		}
		if err != nil && got.Dropped.Count+got.Forgot.Count > 0 && !w.DryRun {
			fmt.Fprintf(out, "dropped before it ended: %s blocks, %s, and %s answers; nothing that is kept is lost, and `rosser store gc` goes on\n",
				thousands(got.Dropped.Count), byteText(got.Dropped.Bytes), thousands(got.Forgot.Count))
		}
		if err != nil {
			return reading(ctx, err)
		}
		printCollected(out, got, w.DryRun)
		if opts.Trim > 0 && got.Content > opts.Trim {
			fmt.Fprintf(out, "%s are left, more than %s: all of it is pinned, in use, or needed by what is\n", byteText(got.Content), byteText(opts.Trim))
		}
		return nil
	})
}

// keepNames say why blocks are kept.
var keepNames = [...]string{
	store.KeepPinned: "pinned, and answers for it", store.KeepRoots: "workspace and libraries, and answers for them", store.KeepGiven: "the standard library",
	store.KeepStopped: "stopped evaluations", store.KeepUsed: "in use now",
}

func printCollected(out io.Writer, got store.Collected, dry bool) {
	t := table{out: out}
	for why, a := range got.Kept {
		t.row(keepNames[why], a)
	}
	t.end("blocks kept")
	verb := "dropped"
	if dry {
		verb = "to be dropped"
	}
	t.row("blocks", got.Dropped)
	t.row("answers, from an expression to its result", got.Forgot)
	t.end(verb)
	if got.Trimmed > 0 {
		fmt.Fprintf(out, "%s %s that can be reduced again cheaply\n", plural(got.Trimmed, "answer"), verb)
	}
	if got.Dropped.Count+got.Forgot.Count == 0 {
		fmt.Fprintf(out, "\nnothing %s\n", verb)
	}
	if got.Missing > 0 {
		fmt.Fprintf(out, "\n%s to what is not here, such as %s\n", plural(got.Missing, "link"), got.First)
	}
	if !dry && got.Disk > 0 {
		fmt.Fprintf(out, "\non disk: %s, before %s\n", byteText(got.DiskLeft), byteText(got.Disk))
	}
}
