// This file keeps pins: what a collection (collect.go) keeps, with all that is below it.

package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A Pin keeps a block in the store, and the results of all code below it. Its record is a DAG-CBOR list [direct, partial, name, second].
type Pin struct {
	CID     cid.Cid
	Name    string // whatever people want to call it
	Direct  bool   // only the blocks that belong to it: what its plain links lead to is somebody else's
	Partial bool   // blocks below it may be missing, or not in the form of their codec
	Added   time.Time
}

// MaxPinName is how long a pin's name may be, in bytes.
const MaxPinName = 1000

func appendPin(dst []byte, p Pin) []byte {
	dst = codec.AppendBool(codec.AppendBool(codec.AppendArray(dst, 4), p.Direct), p.Partial)
	return codec.AppendInt(codec.AppendText(dst, p.Name), p.Added.Unix())
}

func readPin(key, rec []byte) (p Pin, err error) {
	if p.CID, err = cid.Cast(key[1:]); err != nil {
		return p, fmt.Errorf("its key is not a CID: %w", err)
	}
	r := codec.NewReader(rec, true)
	if n, err := r.Array(); err != nil || n != 4 {
		return p, errors.New("not the record of a pin")
	}
	if p.Direct, err = r.Bool(); err != nil {
		return p, err
	}
	if p.Partial, err = r.Bool(); err != nil {
		return p, err
	}
	if p.Name, err = r.Text(); err != nil {
		return p, err
	}
	second, large, err := r.Int()
	if err != nil || large != nil {
		return p, errors.New("not a time")
	}
	p.Added = time.Unix(second, 0)
	return p, r.Done()
}

func pinKey(c cid.Cid) string { return string(pinPrefix) + c.KeyString() }

// Pin keeps p.CID from now on, in place of an earlier pin of it, and returns the size of what that keeps when it is on the disk. A block that is
// missing is an error that names it, unless the pin is partial; the root has to be there. Of the libraries that came before one that is pinned what is
// there is kept.
func (s *Store) Pin(ctx context.Context, p Pin) (Size, error) {
	size, err := s.PinSize(ctx, p, 0)
	if err != nil {
		return size, err
	}
	return size, s.setPin(ctx, p)
}

func (s *Store) setPin(ctx context.Context, p Pin) error {
	if len(p.Name) > MaxPinName {
		return fmt.Errorf("a pin's name of %d bytes is too long, the limit is %d", len(p.Name), MaxPinName)
	}
	p.Added = time.Now()
	if err := s.enqueue(ctx, op{opNote, pinKey(p.CID), appendPin(nil, p)}); err != nil {
		return err
	}
	return s.Flush(ctx)
}

// PinPartly is Pin with a partial pin, but looks at no block below p.CID, and leaves a pin as it is that keeps all of them: somebody gave
// it its name.
func (s *Store) PinPartly(ctx context.Context, p Pin) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	key := []byte(pinKey(p.CID))
	rec, ok, err := s.get(ctx, key)
	if err != nil {
		return err
	}
	if was, err := readPin(key, rec); ok && err == nil && !was.Direct && !was.Partial {
		return nil
	}
	if has, err := s.Has(ctx, p.CID); err != nil {
		return err
	} else if !has {
		return graph.NotFound(p.CID)
	}
	p.Partial, p.Direct = true, false
	return s.setPin(ctx, p)
}

// ErrManyBlocks is returned by PinSize.
var ErrManyBlocks = errors.New("more blocks than asked for")

// PinSize returns the size of what is below a pin, without the results that rest on it. It stops after limit blocks with ErrManyBlocks; 0 is no
// limit.
func (s *Store) PinSize(ctx context.Context, p Pin, limit int) (Size, error) {
	return p.size(ctx, graph.LoaderOf(ctx, s), limit)
}

func (p Pin) size(ctx context.Context, load graph.Loader, limit int) (size Size, err error) {
	// A block is known by 64 bits, as in a collection; where it can be walked through in several ways, by the way too.
	seed := maphash.MakeSeed()
	seen, counted := map[step]struct{}{}, map[uint64]struct{}{}
	var older []step // libraries that came before, which may be missing; they come last
	for todo, late := []step{p.step()}, false; len(todo) > 0 || len(older) > 0; {
		if len(todo) == 0 {
			todo, older, late = older, nil, true
		}
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		block := maphash.String(seed, at.cid.KeyString())
		if at.how != wholly {
			if _, ok := seen[at]; ok {
				continue
			}
			seen[at] = struct{}{}
		} else if _, ok := counted[block]; ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return size, err
		}
		data, err := load(at.cid)
		if (p.Partial || late) && errors.Is(err, graph.ErrNotFound) && at.cid != p.CID {
			continue
		}
		if err != nil {
			return size, err
		}
		if _, ok := counted[block]; !ok && !isIdentity(at.cid) {
			counted[block] = struct{}{}
			size.Blocks++
			size.Bytes += int64(len(data))
			if limit > 0 && size.Blocks > limit {
				return size, ErrManyBlocks
			}
		}
		next, err := at.next(data)
		if err != nil && p.Partial { // data of strangers may be in no good form: nothing is known to be below it
			continue
		}
		if err != nil {
			return size, fmt.Errorf("%s: %w", at.cid, err)
		}
		if parent := parentOf(at.cid.Prefix().Codec, data); at.how == wholly && parent.Defined() {
			next = slices.DeleteFunc(next, func(s step) bool { return s.cid == parent })
			older = append(older, step{cid: parent, how: wholly})
		}
		todo = append(todo, next...)
	}
	return size, nil
}

// step is where a walk of what a pin keeps begins.
func (p Pin) step() step {
	if p.Direct {
		return step{cid: p.CID, how: asRecord}
	}
	return step{cid: p.CID, how: wholly}
}

// Unpin takes a pin away, and returns when that is on the disk. It returns false if there is none.
func (s *Store) Unpin(ctx context.Context, c cid.Cid) (bool, error) {
	key := pinKey(c)
	if err := s.Flush(ctx); err != nil {
		return false, err
	}
	rec, ok, err := s.get(ctx, []byte(key))
	if err != nil || !ok {
		return false, err
	}
	if err := s.enqueue(ctx, op{opDrop, key, rec}); err != nil {
		return false, err
	}
	return true, s.Flush(ctx)
}

// Pins calls f with each pin, in the order of the CIDs in binary.
func (s *Store) Pins(ctx context.Context, f func(Pin) error) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	return s.each(ctx, []byte{pinPrefix}, func(e entry) error {
		p, err := readPin(e.key, e.value)
		if err != nil {
			return nil // store check says so
		}
		return f(p)
	}, func([]byte, []byte) {})
}
