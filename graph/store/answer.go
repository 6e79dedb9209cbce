// This file holds an Answer's record, as it stands in the database: a DAG-CBOR list [by, steps, result, trace or null], and behind it when it was
// recorded, in seconds since 1970, an int, which may be missing; and who is trusted.

package store

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

func appendAnswer(dst []byte, a graph.Answer) []byte {
	dst = codec.AppendText(codec.AppendArray(dst, 4), a.By)
	dst = codec.AppendLink(codec.AppendUint(dst, min(a.Steps, graph.MaxSteps)), a.Result)
	if !a.Trace.Defined() {
		return codec.AppendNull(dst)
	}
	return codec.AppendLink(dst, a.Trace)
}

func readAnswer(expr cid.Cid, rec []byte) (graph.Answer, error) {
	a, _, _, err := readRecord(expr, rec)
	return a, err
}

// readRecord returns what a record of expr says, when it was made, in seconds since 1970, 0 if it does not say, and where in the record that stands.
func readRecord(expr cid.Cid, rec []byte) (a graph.Answer, when int64, end int, err error) {
	a.Expr = expr
	fail := func(err error) (graph.Answer, int64, int, error) { return a, 0, 0, err }
	r := codec.NewReader(rec, true)
	n, err := r.Array()
	if err != nil || n != 4 {
		return fail(errors.New("not the record of an answer"))
	}
	if a.By, err = r.Text(); err != nil {
		return fail(err)
	}
	steps, large, err := r.Int()
	if err != nil || large != nil || steps < 0 {
		return fail(errors.New("not a number of steps"))
	}
	a.Steps = uint64(steps)
	if a.Result, err = r.Link(); err != nil {
		return fail(err)
	}
	if r.Peek() == codec.Null {
		err = r.Null()
	} else {
		a.Trace, err = r.Link()
	}
	if err != nil {
		return fail(err)
	}
	end = r.Offset()
	if r.Len() > 0 {
		when, large, err = r.Int()
		if err != nil || large != nil || when < 0 {
			return fail(errors.New("not a time"))
		}
	}
	if err := r.Done(); err != nil {
		return fail(err)
	}
	return a, when, end, nil
}

// dated is a record that was made when, in seconds since 1970; 0 if that is not known.
func dated(rec []byte, when int64) []byte {
	if when <= 0 {
		return rec
	}
	return codec.AppendUint(rec, uint64(when))
}

// undated is a record without when it was made, and that, in seconds since 1970: 0 if it does not say.
func undated(rec []byte) (without []byte, when int64) {
	_, when, end, err := readRecord(cid.Undef, rec)
	if err != nil {
		return rec, 0
	}
	return rec[:end], when
}

// alike says whether two records say the same, whenever they were made.
func alike(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	a, _ = undated(a)
	b, _ = undated(b)
	return bytes.Equal(a, b)
}

// outranks says whether the record old stays when the record rec comes: what this machine reduced does when a claim comes, and what rests on
// keys alone does when something comes that only a name says. A policy may believe the one, and never the other.
func outranks(old, rec []byte) bool { return rank(old) > rank(rec) }

func rank(rec []byte) int {
	by := byOf(rec)
	switch {
	case strings.HasPrefix(by, graph.OwnAnswer):
		return 2
	case graph.KeysAlone(by):
		return 1
	}
	return 0
}

// byOf is the By of a record; "" if it is none.
func byOf(rec []byte) string {
	r := codec.NewReader(rec, true)
	if _, err := r.Array(); err != nil {
		return ""
	}
	by, err := r.Text()
	if err != nil {
		return ""
	}
	return by
}

// Distrusted is who claims what a version of the evaluator reduced that is not trusted any more: this and the version. No
// file is called so.
const Distrusted = "distrusted evaluator/"

// Distrust makes claims of what the version who of the evaluator reduced, so that it is reduced again, and forgets the claims
// that rest on who: a name, or a key as text. It returns how many of each, and how many expressions that were stopped are begun again.
func (s *Store) Distrust(ctx context.Context, who string) (own, claims, reducts int, err error) {
	err = s.eachAnswer(ctx, func(a graph.Answer) error {
		switch {
		case a.By == graph.OwnAnswer+who:
			own++
			return s.rename(ctx, a, graph.ClaimAnswer+Distrusted+who)
		case graph.RestsOn(a.By, who):
			claims++
			return s.Drop(ctx, a)
		}
		return nil
	})
	if err == nil { // what it was in the midst of is begun again
		err = s.eachRecord(ctx, reductPrefix, func(a graph.Answer) error {
			if a.By != graph.OwnAnswer+who && !graph.RestsOn(a.By, who) {
				return nil
			}
			reducts++
			return s.enqueue(ctx, op{opDrop, reductKey(a.Expr), appendAnswer(nil, a)})
		})
	}
	if err == nil {
		err = s.Flush(ctx)
	}
	return own, claims, reducts, err
}

// Trust undoes Distrust for a version of the evaluator, where nothing has been reduced again since, and returns how many answers
// are this machine's own again.
func (s *Store) Trust(ctx context.Context, version string) (own int, err error) {
	err = s.eachAnswer(ctx, func(a graph.Answer) error {
		if a.By != graph.ClaimAnswer+Distrusted+version {
			return nil
		}
		own++
		return s.rename(ctx, a, graph.OwnAnswer+version)
	})
	if err == nil {
		err = s.Flush(ctx)
	}
	return own, err
}

// rename changes who an Answer is by, and not when it was recorded.
func (s *Store) rename(ctx context.Context, a graph.Answer, by string) error {
	rec, _, err := s.played(ctx, answerKey(a.Expr))
	if err != nil {
		return err
	}
	_, when := undated(rec)
	if err := s.Drop(ctx, a); err != nil { // which a claim could not replace
		return err
	}
	a.By = by
	return s.recordAt(ctx, a, when)
}

// eachAnswer calls f with each entry of the index that can be read.
func (s *Store) eachAnswer(ctx context.Context, f func(graph.Answer) error) error {
	return s.eachRecord(ctx, answerPrefix, f)
}

func (s *Store) eachRecord(ctx context.Context, prefix byte, f func(graph.Answer) error) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	return s.each(ctx, []byte{prefix}, func(e entry) error {
		expr, err := cid.Cast(e.key[1:])
		if err != nil {
			return nil
		}
		a, err := readAnswer(expr, e.value)
		if err != nil {
			return nil
		}
		return f(a)
	}, func([]byte, []byte) {})
}

// Sources returns how many entries of the index each By has; those of more than 1000 are together under "".
func (s *Store) Sources(ctx context.Context) (map[string]int, error) {
	sources := map[string]int{}
	err := s.eachAnswer(ctx, func(a graph.Answer) error {
		if _, ok := sources[a.By]; !ok && len(sources) >= maxSources {
			a.By = ""
		}
		sources[a.By]++
		return nil
	})
	return sources, err
}
