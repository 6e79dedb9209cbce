// This file keeps named roots: CIDs that people come back to, such as a workspace, and that change.

package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/ipfs/go-cid"
)

// Root returns the CID that a name stands for; undefined if there is none.
func (s *Store) Root(ctx context.Context, name string) (cid.Cid, error) {
	value, ok, err := s.get(ctx, []byte(rootKey(name)))
	if err != nil || !ok {
		return cid.Undef, err
	}
	_, c, err := cid.CidFromBytes(value)
	if err != nil {
		return cid.Undef, nil // what is no CID is as good as none
	}
	return c, nil
}

// SwapRoot makes a name stand for now, if it stands for was, and returns when that is on the disk. It returns false when
// the name stands for something else then, because another process has changed it before, or right after. Both may be undefined, for nothing.
func (s *Store) SwapRoot(ctx context.Context, name string, was, now cid.Cid) (bool, error) {
	s.swapping.Lock() // of the changes of one process none follows another before that has been looked at
	defer s.swapping.Unlock()
	key := rootKey(name)
	if err := s.enqueue(ctx, op{opSwap, key, appendSwap(was.Bytes(), now.Bytes())}); err != nil {
		return false, err
	}
	if err := s.Flush(ctx); err != nil {
		return false, err
	}
	is, err := s.Root(ctx, name)
	return is == now, err
}

func rootKey(name string) string { return string(rootPrefix) + name }

// appendSwap is the value of an opSwap: the old value with its length, and the new one.
func appendSwap(was, now []byte) []byte {
	return append(append(binary.AppendUvarint(nil, uint64(len(was))), was...), now...)
}

func readSwap(value []byte) (was, now []byte, err error) {
	n, w := binary.Uvarint(value)
	if w <= 0 || n > uint64(len(value)-w) {
		return nil, nil, errors.New("a change of a root cut short")
	}
	return value[w : w+int(n)], value[w+int(n):], nil
}

// swapped is what a root is after a change: nil for nothing.
func swapped(old, change []byte) ([]byte, error) {
	was, now, err := readSwap(change)
	if err != nil || !bytes.Equal(old, was) {
		return old, err
	}
	return now, nil
}
