// This file stops evaluations, and goes on with them.

package eval_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
)

// A journey is an evaluation that is stopped again and again, and resumed by a new machine each time.
type journey struct {
	store    *shop
	mode     eval.Mode
	small    bool                     // stacks in small chunks
	fuel     func(stop int) uint64    // for the next leg
	between  func(checkpoint cid.Cid) // called at each stop
	stops    int
	executed uint64
}

// run goes from the expression to its answer.
func (j *journey) run(expr cid.Cid, most int) (out eval.Outcome, err error) {
	var at cid.Cid
	for {
		m := eval.New(eval.Options{Store: j.store, Load: j.store.Load, Link: j.mode, Memory: 8 << 30})
		if j.small {
			m.SmallChunks(1024)
		}
		m.SetFuel(j.fuel(j.stops))
		if at.Defined() {
			out, err = m.Resume(context.Background(), at)
		} else {
			out, err = m.Eval(context.Background(), expr)
		}
		j.executed += out.Reduced
		var stop *eval.Stop
		if !errors.As(err, &stop) || stop.Reason != eval.OutOfFuel {
			return out, err
		}
		if !stop.Checkpoint.Defined() {
			return out, fmt.Errorf("stop %d: there is no checkpoint", j.stops)
		}
		at = stop.Checkpoint
		if j.between != nil {
			j.between(at)
		}
		if j.stops++; j.stops > most {
			return out, fmt.Errorf("it does not come to its end in %d stops; %d steps", most, j.executed)
		}
	}
}

// resumes says where stopping and going on comes to something else than the oracle, or takes too many steps.
func resumes(u *compile.Unit, budget int64, r *rand.Rand) error {
	base := newShop(u)
	want := newReducer(&base.Memory, base.Load, budget).reduce(u.BodyCID)
	if want.halt != nil {
		return errTooMuch
	}
	if s := newShop(u); true { // a lazy value is reduced once here, and each time by the oracle: what there is to do is what the machine does
		m := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.None})
		if out, err := m.Eval(context.Background(), u.BodyCID); err != nil || out.Reduced == 0 {
			return errTooMuch
		}
	}
	for _, mode := range []eval.Mode{eval.None, eval.Auto, eval.All} {
		for small := range 2 {
			few := uint64(r.IntN(40))
			j := &journey{store: newShop(u), mode: mode, small: small == 1, fuel: func(stop int) uint64 {
				return 1 + uint64(stop*stop)/4 + uint64(r.Uint64N(1+few+want.steps/8))
			}}
			out, err := j.run(u.BodyCID, 400)
			if err := same(u.BodyCID, want, out, err, mode != eval.None); err != nil {
				return fmt.Errorf("mode %d, small %d, %d stops: %w", mode, small, j.stops, err)
			}
		}
	}
	return nil
}

func TestResumedAgreesWithOracle(t *testing.T) {
	failures := 0
	n := *programs
	if testing.Short() {
		n = min(n, 200)
	}
	for i := range n {
		data := randomChoices(*seed + int64(i))
		fails := func(data []byte) error {
			u, err := build(program(data))
			if err != nil {
				return errTooMuch
			}
			return resumes(u, generatedBudget, rand.New(rand.NewPCG(uint64(*seed), uint64(i))))
		}
		err := fails(data)
		if err == nil || err == errTooMuch {
			continue
		}
		first, until := err, time.Now().Add(15*time.Second)
		data = shorten(data, func(data []byte) bool {
			if time.Now().After(until) {
				return false
			}
			err := fails(data)
			return err != nil && err != errTooMuch
		})
		t.Errorf("seed %d: %v; shorter: %v\n%s", *seed+int64(i), first, fails(data), program(data))
		if failures++; failures == 3 {
			t.FailNow()
		}
	}
}

func TestResumedKeptPrograms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ros")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs under testdata", err)
	}
	done := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		u, err := build(string(src))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range uint64(3) {
			switch err := resumes(u, generatedBudget, rand.New(rand.NewPCG(3, i))); err {
			case nil:
				done++
			case errTooMuch:
			default:
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if done < 9 {
		t.Errorf("only %d journeys were made", done)
	}
}
