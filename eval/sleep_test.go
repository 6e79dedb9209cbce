// This file tests functions that sleep, because the table is not paid for (policy.go).

package eval_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/eval"
)

const forEver = 1 << 60 // steps to sleep

// A sounding is where `debug` writes: it measures the stack.
type sounding struct {
	m              *eval.Machine
	chunks, frames int
}

func (s *sounding) Write(line []byte) (int, error) {
	s.chunks = s.m.Chunks()
	s.frames = runtime.Callers(0, make([]uintptr, 10_000))
	return len(line), nil
}

// TestSleepersTakeNoStack: functions that only end in a call of another one, however many, take no stack while they sleep, nor where one
// of them reduces what is lazy.
func TestSleepersTakeNoStack(t *testing.T) {
	var chain strings.Builder
	for i := range 400 {
		fmt.Fprintf(&chain, "let f%d k n = f%d k n\n", i, i+1)
	}
	chain.WriteString("let f400 k n = k n\nlet same n = n\n")
	for _, c := range []struct{ what, src string }{
		{"a loop", `
let idn x = x
let h n = idn (n - 1) + 1
let a k n i = if n == 0 then (if i == 0 then debug "end" i else i) else k n i (lazy (h n))
let f n i x = a f (n - 1 + x * 0) i
let warm i s = if i == 0 then s else warm (i - 1) (s + a f 2 i)

warm 20 0 + a f 100000 0`},
		{"a chain", chain.String() + "let warm i = if i == 0 then f0 (\\n -> debug \"end\" n) 0 else f0 same i + warm (i - 1)\n\nsum (map (\\n -> f0 same n) (range 1 400)) + warm 1"},
	} {
		u, err := build(c.src)
		if err != nil {
			t.Fatal(err)
		}
		s, depth := newShop(u), &sounding{}
		depth.m = eval.New(eval.Options{Store: s, Load: s.Load, Debug: depth})
		depth.m.SleepSoon(forEver)
		out, err := depth.m.Eval(context.Background(), u.BodyCID)
		if err != nil || out.Error != nil || depth.chunks != 1 || depth.frames > 200 {
			t.Errorf("%s: got %v, %v with %d chunks and %d frames of Go's, want 1 and a few", c.what, out.Error, err, depth.chunks, depth.frames)
		}
	}
}

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
