// This file reads through the whole database in the order of its keys, a page at a time, past what cannot be read. So it
// needs little memory, sees what others write meanwhile or does not, and can be stopped between two pages.

package store

import (
	"bytes"
	"context"
	"errors"
	"math/big"
)

const (
	scanPage = 1024
	keyBits  = 8 * 80 // longer keys are looked at up to there when what is damaged is measured
)

// each calls f with every entry whose key begins with prefix, and lost with the key before and the first key after
// entries that cannot be read; nil for the end. What f is given is its own.
func (s *Store) each(ctx context.Context, prefix []byte, f func(entry) error, lost func(after, next []byte)) error {
	var after []byte
	for {
		page, err := s.page(ctx, prefix, after, scanPage)
		var d *damage
		if errors.As(err, &d) {
			next, err := pastDamage(prefix, after, func(key []byte) error {
				_, err := s.page(ctx, prefix, key, 1)
				return err
			})
			if err != nil {
				return err
			}
			lost(after, next)
			if next == nil {
				return nil
			}
			after = next
			continue
		}
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := f(e); err != nil {
				return err
			}
			after = e.key
		}
	}
}

func (s *Store) page(ctx context.Context, prefix, after []byte, limit int) (page []entry, err error) {
	err = s.ask(ctx, func(l link) (err error) { page, err = l.scan(prefix, after, limit); return })
	return page, err
}

// pastDamage returns a key after which can be read, as read tries, whose error is a damage where that cannot be; nil when there is none. Keys are taken
// for fractions: it goes on in doubled steps until reading works, and then back to where it begins to. Between two places that are damaged, what is
// readable can be passed over.
func pastDamage(prefix, after []byte, read func(after []byte) error) ([]byte, error) {
	if len(after) == 0 {
		after = prefix
	}
	at := make([]byte, keyBits/8)
	copy(at, after)
	base := new(big.Int).SetBytes(at)
	// try reads behind base+step. Ended says that no key with the prefix is there.
	try := func(step *big.Int) (key []byte, ok, ended bool, err error) {
		sum := new(big.Int).Add(base, step)
		if sum.BitLen() > keyBits {
			return nil, true, true, nil
		}
		key = sum.FillBytes(make([]byte, keyBits/8))
		if !bytes.HasPrefix(key, prefix) {
			return nil, true, true, nil
		}
		err = read(key)
		var d *damage
		if errors.As(err, &d) {
			return key, false, false, nil
		}
		return key, err == nil, false, err
	}
	step := big.NewInt(1)
	step.Lsh(step, keyBits-8*48) // more than a hair's breadth of what hashes differ in
	for {
		key, ok, ended, err := try(step)
		if err != nil {
			return nil, err
		}
		if ended {
			key = nil
		}
		if ok {
			low, high := new(big.Int).Rsh(step, 1), step
			for range 40 {
				middle := new(big.Int).Add(low, high)
				middle.Rsh(middle, 1)
				k, ok, ended, err := try(middle)
				if err != nil {
					return nil, err
				}
				if !ok {
					low = middle
					continue
				}
				high = middle
				if key = k; ended {
					key = nil
				}
			}
			return key, nil
		}
		step = new(big.Int).Lsh(step, 1)
	}
}
