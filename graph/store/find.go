// This file finds CIDs by how they begin.

package store

import (
	"context"
	"encoding/base32"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multicodec"
	mh "github.com/multiformats/go-multihash"
)

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Find returns up to limit CIDs that begin with a text, such as bafyreid: those of terms with an about block first, then
// of expressions with an Answer, then of any block. Only CIDs of version 1 in base32 with SHA-256 are found.
func (s *Store) Find(ctx context.Context, prefix string, limit int) ([]cid.Cid, error) {
	var found []cid.Cid
	have := map[cid.Cid]bool{}
	add := func(c cid.Cid) {
		if strings.HasPrefix(c.String(), prefix) && !have[c] && len(found) < limit {
			have[c] = true
			found = append(found, c)
		}
	}
	for _, codec := range []multicodec.Code{multicodec.DagCbor, multicodec.DagPb, multicodec.Raw} {
		head := []byte{1, byte(codec), mh.SHA2_256, 32}
		least, ok := startsWith(head, prefix)
		if !ok {
			continue
		}
		// The index has CIDs as they are, the blocks stand under their multihashes.
		for _, at := range []byte{notePrefix, answerPrefix} {
			if err := s.some(ctx, append([]byte{at}, head...), least, limit, func(key string) {
				if _, c, err := cid.CidFromBytes([]byte(key[1:])); err == nil {
					add(c)
				}
			}); err != nil {
				return found, err
			}
		}
		if len(prefix) < len("bafyrei") { // else the start says little, and blocks do not know their codec
			continue
		}
		if err := s.some(ctx, []byte{blockPrefix, mh.SHA2_256, 32}, least, limit, func(key string) {
			if hash := mh.Multihash(key[1:]); len(hash) == 34 {
				add(cid.NewCidV1(uint64(codec), hash))
			}
		}); err != nil {
			return found, err
		}
	}
	return found, nil
}

// startsWith says whether a CID that begins with the bytes head can begin with the text prefix, and gives the least bytes
// after head that such a CID goes on with.
func startsWith(head []byte, prefix string) (least []byte, ok bool) {
	if prefix == "" || prefix == "b" {
		return nil, true
	}
	// Each character has five bits.
	digits := prefix[1:]
	n := (len(digits)*5 + 7) / 8
	data, err := lowerBase32.DecodeString(digits + strings.Repeat("a", (8-len(digits)%8)%8))
	if err != nil || prefix[0] != 'b' {
		return nil, false
	}
	data = data[:n]
	if n > len(head) {
		return data[len(head):], string(data[:len(head)]) == string(head)
	}
	high := head[:n:n]
	if bits := len(digits) * 5 % 8; bits != 0 { // the last byte is known in part
		high = append(high[:n-1:n-1], high[n-1]&^(0xff>>bits))
	}
	return nil, string(data) == string(high)
}

// some calls f with up to limit keys that begin with prefix and go on with least or what comes after it.
func (s *Store) some(ctx context.Context, prefix, least []byte, limit int, f func(key string)) error {
	var after []byte
	if len(least) > 0 {
		after = append(append(after, prefix...), least...)
	}
	var found []entry
	err := s.ask(ctx, func(l link) (err error) { found, err = l.scan(prefix, after, limit); return })
	if err != nil {
		return err
	}
	for _, e := range found {
		f(string(e.key))
	}
	return nil
}
