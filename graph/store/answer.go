// This file holds an Answer's record, as it stands in the database: a DAG-CBOR list [by, steps, result, trace or null].

package store

import (
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
	a := graph.Answer{Expr: expr}
	r := codec.NewReader(rec, true)
	n, err := r.Array()
	if err != nil || n != 4 {
		return a, errors.New("not the record of an answer")
	}
	if a.By, err = r.Text(); err != nil {
		return a, err
	}
	steps, large, err := r.Int()
	if err != nil || large != nil || steps < 0 {
		return a, errors.New("not a number of steps")
	}
	a.Steps = uint64(steps)
	if a.Result, err = r.Link(); err != nil {
		return a, err
	}
	if r.Peek() == codec.Null {
		err = r.Null()
	} else {
		a.Trace, err = r.Link()
	}
	if err != nil {
		return a, err
	}
	return a, r.Done()
}

// outranks says whether the record old stays when the record rec comes: what this machine reduced does, when a
// claim comes.
func outranks(old, rec []byte) bool {
	return recordBy(old, graph.OwnAnswer) && !recordBy(rec, graph.OwnAnswer)
}

func recordBy(rec []byte, by string) bool {
	r := codec.NewReader(rec, true)
	if _, err := r.Array(); err != nil {
		return false
	}
	got, err := r.Text()
	return err == nil && strings.HasPrefix(got, by)
}
