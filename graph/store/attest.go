// This file keeps attestations: who has signed which Result of an expression. What an envelope says and whether its signature holds is not
// known here: whoever hands one in has opened it (package trust), and what is kept was handed in.
//
// All attestations of an expression are one record under its CID, a DAG-CBOR list of lists [result, signer, envelope, favoured], in the
// order of result and signer; a chain of several who have come to a result together (trust/chain.go) is one of them. A lookup of an expression that nobody has signed costs what one costs that has no Answer.
//
// Anybody can make any number of keys, so what is kept is bounded, and whoever comes first does not keep the others out: a signer that somebody
// here has named (Favour) takes the place of one that nobody has. One signer has two attestations of an expression at most: the first, and another
// one that contradicts it.

package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// What is kept of the attestations of one expression, and the largest of them, in bytes.
const (
	MaxSigners  = 64  // of one result
	MaxResults  = 8   // that differ
	MaxAttested = 128 // in all
	MaxEnvelope = 1 << 10
	MaxSigner   = 64

	maxWord = 2 // of one signer
)

// An Attested is an attestation of an expression's Result.
type Attested struct {
	Result   cid.Cid
	Signer   []byte // whatever names the key, or the chain
	Envelope []byte
	Favoured bool // somebody here has named the signer
}

func (a *Attested) compare(b *Attested) int {
	return cmp.Or(cmp.Compare(a.Result.KeyString(), b.Result.KeyString()), bytes.Compare(a.Signer, b.Signer))
}

func (a *Attested) check() error {
	switch {
	case !ours(a.Result.KeyString()):
		return fmt.Errorf("got %s, want the CID of a result", a.Result)
	case len(a.Signer) == 0 || len(a.Signer) > MaxSigner:
		return fmt.Errorf("got a signer of %d bytes, want 1 to %d", len(a.Signer), MaxSigner)
	case len(a.Envelope) == 0 || len(a.Envelope) > MaxEnvelope:
		return fmt.Errorf("got an envelope of %d bytes, want 1 to %d", len(a.Envelope), MaxEnvelope)
	}
	return nil
}

func attestKey(expr cid.Cid) string { return string(attestPrefix) + expr.KeyString() }

func appendAttested(dst []byte, list []Attested) []byte {
	dst = codec.AppendArray(dst, len(list))
	for i := range list {
		a := &list[i]
		dst = codec.AppendLink(codec.AppendArray(dst, 4), a.Result)
		dst = codec.AppendBool(codec.AppendBytes(codec.AppendBytes(dst, a.Signer), a.Envelope), a.Favoured)
	}
	return dst
}

// readAttested reads a record. What it returns shares memory with it.
func readAttested(rec []byte) ([]Attested, error) {
	r := codec.NewReader(rec, true)
	n, err := r.Array()
	if err != nil || n > MaxAttested {
		return nil, errors.New("not a list of attestations")
	}
	list := make([]Attested, n)
	for i := range list {
		a := &list[i]
		if n, err := r.Array(); err != nil || n != 4 {
			return nil, errors.New("not an attestation")
		}
		if a.Result, err = r.Link(); err != nil {
			return nil, err
		}
		if a.Signer, err = r.Bytes(); err != nil {
			return nil, err
		}
		if a.Envelope, err = r.Bytes(); err != nil {
			return nil, err
		}
		if a.Favoured, err = r.Bool(); err != nil {
			return nil, err
		}
		if err := a.check(); err != nil {
			return nil, err
		}
		if i > 0 && list[i-1].compare(a) >= 0 {
			return nil, errors.New("attestations out of order")
		}
	}
	return list, r.Done()
}

// attested is the record old with those of the record add, which are within the bounds; what was there stays, unless a signer that is
// favoured needs its place.
func attested(old, add []byte) []byte {
	list, err := readAttested(old)
	if err != nil {
		list = nil // what is not a record is as good as none
	}
	more, err := readAttested(add)
	if err != nil {
		return old
	}
	changed := false
	for i := range more {
		var did bool
		list, did = withAttested(list, &more[i])
		changed = changed || did
	}
	if !changed {
		return old
	}
	return appendAttested(nil, list)
}

func withAttested(list []Attested, a *Attested) ([]Attested, bool) {
	at, there := slices.BinarySearchFunc(list, a, func(b Attested, a *Attested) int { return b.compare(a) })
	if there {
		if list[at].Favoured || !a.Favoured {
			return list, false
		}
		list[at].Favoured = true
		return list, true
	}
	words, signers, results, known := 0, 0, 0, false
	for i := range list {
		b := &list[i]
		if bytes.Equal(b.Signer, a.Signer) {
			words++
		}
		if i == 0 || b.Result != list[i-1].Result {
			results++
		}
		if b.Result == a.Result {
			known = true
			signers++
		}
	}
	if words >= maxWord {
		return list, false
	}
	// The one that gives its place is the last of those that nobody has named: of the result when that has too many, else of any.
	spare := func(of func(*Attested) bool) bool {
		for i := len(list) - 1; i >= 0; i-- {
			if b := &list[i]; !b.Favoured && of(b) {
				list = slices.Delete(list, i, i+1)
				return true
			}
		}
		return false
	}
	any := func(*Attested) bool { return true }
	switch {
	case signers >= MaxSigners:
		if !a.Favoured || !spare(func(b *Attested) bool { return b.Result == a.Result }) {
			return list, false
		}
	case !known && results >= MaxResults:
		if !a.Favoured {
			return list, false
		}
		out := leastResult(list)
		if !out.Defined() {
			return list, false
		}
		list = slices.DeleteFunc(list, func(b Attested) bool { return b.Result == out })
	case len(list) >= MaxAttested:
		if !a.Favoured || !spare(any) {
			return list, false
		}
	}
	at, _ = slices.BinarySearchFunc(list, a, func(b Attested, a *Attested) int { return b.compare(a) })
	return slices.Insert(list, at, *a), true
}

// leastResult is the result of the fewest signers that none is favoured of; undefined if there is none.
func leastResult(list []Attested) (least cid.Cid) {
	fewest := MaxAttested + 1
	for i := 0; i < len(list); {
		n, favoured := 0, false
		for j := i; j < len(list) && list[j].Result == list[i].Result; j++ {
			n++
			favoured = favoured || list[j].Favoured
		}
		if !favoured && n < fewest {
			least, fewest = list[i].Result, n
		}
		i += n
	}
	return least
}

// Attest queues an attestation of a result of expr. The Result's block has to be there, and be one of expr: then the attestation tells of expr,
// whoever says so. The first one of a signer stays.
func (s *Store) Attest(ctx context.Context, expr, result cid.Cid, signer, envelope []byte) error {
	return s.attest(ctx, expr, Attested{Result: result, Signer: signer, Envelope: envelope})
}

// Favour is Attest for a signer that somebody here has named. Where there are too many, it takes the place of one that nobody has.
func (s *Store) Favour(ctx context.Context, expr, result cid.Cid, signer, envelope []byte) error {
	return s.attest(ctx, expr, Attested{Result: result, Signer: signer, Envelope: envelope, Favoured: true})
}

func (s *Store) attest(ctx context.Context, expr cid.Cid, a Attested) error {
	if !ours(expr.KeyString()) {
		return fmt.Errorf("got %s, want the CID of an expression", expr)
	}
	if err := a.check(); err != nil {
		return err
	}
	data, err := s.Block(ctx, a.Result)
	if err != nil {
		return fmt.Errorf("an attestation: %w", err)
	}
	if err := isResultOf(data, a.Result, expr); err != nil {
		return fmt.Errorf("an attestation: %w", err)
	}
	s.use.add(blockKey(expr))
	return s.enqueue(ctx, op{opAttest, attestKey(expr), appendAttested(nil, []Attested{a})})
}

func isResultOf(data []byte, result, expr cid.Cid) error {
	of, _, err := ResultHead(data)
	if err != nil {
		return fmt.Errorf("%s: %w", result, err)
	}
	if of != expr {
		return fmt.Errorf("%s is a result of %s, want one of %s", result, of, expr)
	}
	return nil
}

// Attestations returns what is kept of an expression, in the order of result and signer.
func (s *Store) Attestations(ctx context.Context, expr cid.Cid) ([]Attested, error) {
	rec, there, err := s.played(ctx, attestKey(expr))
	if err != nil || !there {
		return nil, err
	}
	list, err := readAttested(rec)
	if err != nil {
		return nil, nil // store check says so
	}
	return list, nil
}

// Claim returns an Answer to expr by the Result that somebody claims, if that is one of expr and the value's own blocks are there and whole. It is
// not recorded.
func (s *Store) Claim(ctx context.Context, expr, result cid.Cid, by string) (graph.Answer, bool, error) {
	bad, trouble := s.intact(ctx, result)
	if bad != nil || trouble != nil {
		return graph.Answer{}, false, trouble
	}
	data, err := s.Block(ctx, result)
	if err != nil {
		return graph.Answer{}, false, err
	}
	of, steps, err := ResultHead(data)
	if err != nil || of != expr {
		return graph.Answer{}, false, nil
	}
	return graph.Answer{Expr: expr, Result: result, By: by, Steps: steps}, true, nil
}

// Unattest forgets all attestations of which forget says so, and returns of how many expressions.
func (s *Store) Unattest(ctx context.Context, forget func(Attested) bool) (n int, err error) {
	if err := s.Flush(ctx); err != nil {
		return 0, err
	}
	err = s.each(ctx, []byte{attestPrefix}, func(e entry) error {
		list, err := readAttested(e.value)
		if err != nil || !slices.ContainsFunc(list, forget) {
			return nil
		}
		n++
		rest := slices.DeleteFunc(list, forget)
		if err := s.enqueue(ctx, op{opDrop, string(e.key), e.value}); err != nil || len(rest) == 0 {
			return err
		}
		return s.enqueue(ctx, op{opAttest, string(e.key), appendAttested(nil, rest)})
	}, func([]byte, []byte) {})
	if err == nil {
		err = s.Flush(ctx)
	}
	return n, err
}
