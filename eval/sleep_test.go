// This file tests functions that sleep, because the table is not paid for (policy.go).

package eval_test

import (
	"context"
	"testing"

	"github.com/rosser-lang/rosser/eval"
)

const forEver = 1 << 60 // steps to sleep

// TestSleepersWake: a function that sleeps at the end of an evaluation is awake in the next.
func TestSleepersWake(t *testing.T) {
	const f = "let f k n = if n < 2 then length k else f k (n - 1) + f k (n - 2)\n\nf (range 1 60) " // too many arguments to be looked up in the store
	first, err := build(f + "2")
	if err != nil {
		t.Fatal(err)
	}
	next, err := build(f + "28")
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(first)
	s.Put(context.Background(), next.Blocks...)
	m := eval.New(eval.Options{Store: s, Load: s.Load})
	m.SleepSoon(forEver)
	if _, err := m.Eval(context.Background(), first.BodyCID); err != nil {
		t.Fatal(err)
	}
	m.SleepLate()
	if out, err := m.Eval(context.Background(), next.BodyCID); err != nil || out.Reduced > 100 {
		t.Errorf("got %d steps executed, %v; want some 60 of %d", out.Reduced, err, out.Steps)
	}
}
