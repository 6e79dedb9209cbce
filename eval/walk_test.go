// This file holds the walk against the oracle and the machine: over generated programs and those of tests/lang it must
// come to the same value or error in as many steps.

package eval_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// walked walks to the end.
func walked(u *compile.Unit, expr cid.Cid, s *shop, fuel uint64) (*eval.Walk, error) {
	defined := map[cid.Cid]bool{}
	for _, d := range u.Defs {
		defined[d.CID] = true
	}
	w := eval.NewWalk(eval.Options{Store: s, Load: s.Load, Fuel: fuel, Memory: 4 << 30}, expr, func(c cid.Cid) bool { return defined[c] })
	ctx := context.Background()
	for {
		if _, ok, err := w.Next(ctx); err != nil {
			return w, err
		} else if !ok {
			return w, nil
		}
	}
}

// walkAgrees says where the walk and the machine disagree.
func walkAgrees(u *compile.Unit, expr cid.Cid, fuel uint64) error {
	s := newShop(u)
	m := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.None, Fuel: fuel, Memory: 4 << 30})
	want, wantErr := m.Eval(context.Background(), expr)
	w, err := walked(u, expr, s, fuel)
	var stop, wantStop *eval.Stop
	errors.As(err, &stop)
	errors.As(wantErr, &wantStop)
	switch {
	case err != nil && stop == nil:
		return errTooMuch
	case wantStop != nil && wantStop.Reason == eval.OutOfFuel, stop != nil && stop.Reason == eval.OutOfFuel:
		return errTooMuch
	case (stop != nil) != (wantStop != nil) || stop != nil && stop.Reason != wantStop.Reason:
		return fmt.Errorf("got the stop %v, want %v", err, wantErr)
	case stop != nil:
		return nil
	}
	end, steps, ok := w.End()
	if !ok {
		return errors.New("the walk has not ended")
	}
	if got, want := outcome(end.Value, end.Err), outcome(want.Value, thrown(want.Error)); got != want {
		return fmt.Errorf("got %.300s, want %.300s", got, want)
	}
	if steps != want.Steps {
		return fmt.Errorf("got %d steps, want %d", steps, want.Steps)
	}
	return nil
}

func thrown(t *eval.Thrown) *eval.Error {
	if t == nil {
		return nil
	}
	return t.Err
}

// outcome is a value or error as the bytes of a Result.
func outcome(v graph.Value, e *eval.Error) string {
	r := graph.Result{Of: graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: "x"}, nil).CID, Value: v}
	if e != nil {
		r.Error = &graph.Failure{Kind: e.Kind, Value: e.Value}
	}
	return string(graph.EncodeResult(r, nil).Data)
}

func TestWalkAgrees(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	n := *programs / 4
	if testing.Short() {
		n /= 4
	}
	shown := 0
	for i := range int64(n) {
		src := program(randomChoices(*seed + i))
		u, err := build(src)
		if err != nil {
			continue
		}
		switch err := walkAgrees(u, u.BodyCID, generatedBudget); {
		case errors.Is(err, errTooMuch):
		case err != nil:
			t.Fatalf("seed %d: %v\n%s", *seed+i, err, src)
		default:
			shown++
		}
	}
	if shown < n/2 {
		t.Errorf("got only %d of %d programs to their end", shown, n)
	}
}

func TestWalkLanguage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	files, _ := filepath.Glob("../tests/lang/*.ros")
	if len(files) == 0 {
		t.Fatal("there are no programs")
	}
	marker := regexp.MustCompile(`\s#[1-4] .+$`)
	cases, ended := 0, 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// As tests/run_test.go says: a program ends at the lines after a tab, or, with a marker, at a blank line.
		var lines []string
		marked := false
		for line := range strings.Lines(string(src) + "\n\t\n") {
			marked = marked || marker.MatchString(strings.TrimRight(line, "\n"))
			if !strings.HasPrefix(line, "\t") && !(marked && strings.TrimSpace(line) == "") {
				lines = append(lines, line)
				continue
			}
			program := strings.Join(lines, "")
			lines, marked = nil, false
			u, err := build(program)
			if err != nil || u.Body == nil {
				continue // a mistake, an import, or nothing
			}
			cases++
			switch err := walkAgrees(u, u.BodyCID, 20_000); {
			case errors.Is(err, errTooMuch):
			case err != nil:
				t.Errorf("%s: %v\n%s", filepath.Base(file), err, program)
			default:
				ended++
			}
		}
	}
	if cases < 500 || ended < cases-cases/20 {
		t.Errorf("got %d of %d programs to their end", ended, cases)
	}
}

// walkOf begins a walk of a program.
func walkOf(t *testing.T, src string, o eval.Options) *eval.Walk {
	t.Helper()
	u, err := build(src)
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(u)
	o.Store, o.Load = s, s.Load
	return eval.NewWalk(o, u.BodyCID, nil)
}

// TestWalkBack goes forwards and back: the steps are the same ones, and nothing is reduced again.
func TestWalkBack(t *testing.T) {
	w := walkOf(t, "let f n = if n == 0 then [lazy 1] else f (n - 1)\n[f 3, try (f 2).7]", eval.Options{})
	ctx := context.Background()
	var steps []eval.Step
	for {
		s, ok, err := w.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		steps = append(steps, s)
		if _, _, ended := w.End(); ended && len(steps) < 10 {
			t.Fatal("it ended before its end")
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if s, ok := w.Back(); !ok || s.At != steps[i].At || s.Redex.Term != steps[i].Redex.Term || w.Pos() != i {
			t.Fatalf("back to %d: got another step", i)
		}
	}
	if _, ok := w.Back(); ok {
		t.Error("got a step before the first")
	}
	if s, ok, err := w.Next(ctx); !ok || err != nil || s.Redex.Term != steps[0].Redex.Term {
		t.Error("got another first step")
	}
}

// TestWalkStops stops walks, which go on where they stood.
func TestWalkStops(t *testing.T) {
	endless := "let f n = 1 + f (n + 1)\nf 0"
	run := func(w *eval.Walk, ctx context.Context) error {
		for {
			if _, ok, err := w.Next(ctx); err != nil || !ok {
				return err
			}
		}
	}
	stopped := func(err error, why eval.StopReason) {
		t.Helper()
		if s, ok := err.(*eval.Stop); !ok || s.Reason != why {
			t.Errorf("got %v, want a stop for reason %d", err, why)
		}
	}
	stopped(run(walkOf(t, endless, eval.Options{Fuel: 1000}), context.Background()), eval.OutOfFuel)
	err := run(walkOf(t, endless, eval.Options{}), context.Background())
	if err == nil || !strings.Contains(err.Error(), "more than 100000 steps") {
		t.Errorf("got %v", err)
	}
	// One primitive that never ends.
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	w := walkOf(t, "let f n = f (n + 1)\nlet xs = range 1 20\nsortBy f xs", eval.Options{})
	stopped(run(w, ctx), eval.Deadline)
	pos := w.Pos()
	again, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	stopped(run(w, again), eval.Interrupted)
	if w.Pos() != pos {
		t.Errorf("got to step %d, want %d", w.Pos(), pos)
	}
	stopped(run(walkOf(t, "let z = lazy (z + 1)\n1 + z", eval.Options{}), context.Background()), eval.Endless)
	stopped(run(walkOf(t, "let y = lazy z and z = lazy y\n1 + z", eval.Options{}), context.Background()), eval.Endless)
	long := "fold (\\s _ -> s ++ s) \"0123456789abcdef\" (range 1 60)"
	stopped(run(walkOf(t, long, eval.Options{Memory: 256 << 20}), context.Background()), eval.MemoryLimit)
}
