// This file hands random programs on, from one machine to the next.

package eval_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/stdlib"
)

// handedOn has a program be stopped where choice says, and be gone on with from what is left by a machine that has only the blocks below that. Its
// result has to join with those before to that of one run.
func handedOn(data []byte, choice uint64, budget int64) error {
	u, err := build(program(data))
	if err != nil {
		return errTooMuch
	}
	ctx := context.Background()
	base := newShop(u)
	if newReducer(&base.Memory, base.Load, budget).reduce(u.BodyCID).halt != nil {
		return errTooMuch
	}
	r := rand.New(rand.NewPCG(choice, 5))
	var log []string
	all := graph.NewMemory()
	all.Put(ctx, stdlib.Blocks()...)
	all.Put(ctx, u.Blocks...)
	machine := func(at cid.Cid, mode eval.Mode, fuel uint64) (*graph.Memory, eval.Outcome, error) {
		s := graph.NewMemory()
		err := graph.Closure(ctx, []cid.Cid{at}, all.Load, func(c cid.Cid, data []byte) error { return s.Put(ctx, graph.Block{CID: c, Data: data}) })
		if err != nil {
			return nil, eval.Outcome{}, fmt.Errorf("what is left is not all there: %w", err)
		}
		m := eval.New(eval.Options{Store: s, Load: s.Load, Fuel: fuel, Memory: 4 << 30, Link: mode})
		if r.IntN(2) == 0 {
			m.SmallChunks(1024)
		}
		out, err := m.Eval(ctx, at)
		return s, out, err
	}
	_, want, err := machine(u.BodyCID, eval.Auto, 0)
	if err != nil {
		return err
	}
	var links []graph.Reduct
	at, more := u.BodyCID, uint64(0)
	for range 400 {
		mode := []eval.Mode{eval.Auto, eval.All}[r.IntN(2)]
		s, out, err := machine(at, mode, 1+more+r.Uint64N(2+want.Steps/4))
		log = append(log, fmt.Sprintf("%s, mode %d: %d executed, %v", at, mode, out.Reduced, err))
		failed := func(format string, args ...any) error {
			return fmt.Errorf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(log, "\n"))
		}
		var stop *eval.Stop
		switch {
		case err == nil:
			result, err := s.Load(out.Result)
			if err == nil {
				err = graph.ResultBlocks(out.Result, s.Load, nil)
			}
			if err != nil {
				return failed("the result is not all there: %v", err)
			}
			for i := len(links) - 1; i >= 0; i-- {
				b, err := links[i].Join(result)
				if err != nil {
					return failed("%v", err)
				}
				result = b.Data
			}
			if got := codec.CIDOf(result); got != want.Result {
				return failed("after %d links the result is %x, want %d steps, %v", len(links), result, want.Steps, want.Value)
			}
			return nil
		case !errors.As(err, &stop) || stop.Reason != eval.OutOfFuel:
			return failed("%v", err)
		case !stop.Checkpoint.Defined():
			return failed("there is no checkpoint: %v", stop.Lost)
		}
		data, err := s.Load(stop.Checkpoint)
		if err != nil {
			return failed("%v", err)
		}
		point, err := graph.DecodeCheckpoint(data)
		if err != nil {
			return failed("%v", err)
		}
		left, ok, err := eval.Remainder(point, s.Load, s)
		switch {
		case err != nil || left.Of != at:
			return failed("what is left is %+v: %v", left, err)
		case !ok: // nothing was done that is of use
			more = 2*more + 16
			continue
		}
		err = graph.Closure(ctx, []cid.Cid{left.To}, s.Load, func(c cid.Cid, data []byte) error { return all.Put(ctx, graph.Block{CID: c, Data: data}) })
		if err != nil {
			return failed("what is left is not all there: %v", err)
		}
		links, at = append(links, left), left.To
	}
	return fmt.Errorf("it does not come to its end in 400 machines\n%s", strings.Join(log[:20], "\n"))
}

func TestHandedOnAgrees(t *testing.T) {
	n := *programs / 4
	if testing.Short() {
		n = min(n, 100)
	}
	for i := range n {
		data := randomChoices(*seed + int64(i))
		if err := handedOn(data, uint64(i), generatedBudget); err != nil && err != errTooMuch {
			t.Fatalf("seed %d: %v\n%s", *seed+int64(i), err, program(data))
		}
	}
}
