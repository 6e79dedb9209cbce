// This file tests whose answers are used, and what becomes of what rests on them.

package eval_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// TestClaims: what is linked after claims were used rests on all of them, and is used only where all of them are believed.
func TestClaims(t *testing.T) {
	const square = "let square x = if x == 0 then 0 else x * x\n"
	for _, n := range []int{1, 2, 3, graph.MaxSources, graph.MaxSources + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var calls []string
			for i := range n {
				calls = append(calls, fmt.Sprintf("square %d", i+1))
			}
			u, err := build(square + "[" + strings.Join(calls, ", ") + "]")
			if err != nil {
				t.Fatal(err)
			}
			s := newShop(u)
			want := ""
			right, theirs := int64(0), int64(0)
			for i := range n {
				call, err := build(square + calls[i])
				if err != nil {
					t.Fatal(err)
				}
				by := graph.ClaimOf(fmt.Sprintf("%02d", i))
				wrong := graph.EncodeResult(graph.Result{Of: call.BodyCID, Value: graph.Int(int64(1000 + i)), Steps: 1}, &s.Memory)
				s.Record(context.Background(), graph.Answer{Expr: call.BodyCID, Result: wrong.CID, By: by, Steps: 1})
				want = graph.JoinClaims(want, by)
				right, theirs = right+int64((i+1)*(i+1)), theirs+int64(1000+i)
			}
			asked := map[string]int{}
			run := func(believed func(source string) bool) (sum int64, out eval.Outcome) {
				t.Helper()
				m := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.All, Believe: func(by string) bool {
					asked[by]++
					if by == graph.ManySources {
						return false
					}
					for _, source := range graph.Sources(by) {
						if !believed(source) {
							return false
						}
					}
					return true
				}})
				out, err := m.Eval(context.Background(), u.BodyCID)
				if err != nil || out.Error != nil {
					t.Fatal(err, out.Error)
				}
				out.Value.List().Each(func(v graph.Value) bool {
					i, _ := v.Int()
					sum += i
					return true
				})
				if m.Rests() != out.Rests {
					t.Errorf("the machine rests on %q, its outcome on %q", m.Rests(), out.Rests)
				}
				return sum, out
			}
			all := func(string) bool { return true }
			if sum, out := run(all); sum != theirs || out.Rests != want || out.Claim != "" {
				t.Errorf("got %d, resting on %q, want %d, on %q", sum, out.Rests, theirs, want)
			}
			if a, ok, _ := s.Answer(context.Background(), u.BodyCID); !ok || a.By != want {
				t.Errorf("recorded by %q, want %q", a.By, want)
			}
			wantClaim := want
			if n > graph.MaxSources {
				wantClaim = ""
			}
			if sum, out := run(all); sum != theirs || out.Claim != wantClaim || out.Rests != want {
				t.Errorf("again: got %d, a claim by %q, want %d, by %q", sum, out.Claim, theirs, wantClaim)
			}
			// Without one of them all is reduced again that rests on it. That it is right does not make what rests on the others right.
			without := func(source string) bool { return source != "00" }
			sum, out := run(without)
			if sum != theirs-1000+1 || out.Claim != "" || strings.Contains(out.Rests, "00") || (out.Rests == "") != (n == 1) {
				t.Errorf("without one: got %d, resting on %q, want %d", sum, out.Rests, theirs-1000+1)
			}
			if sum, out := run(func(string) bool { return false }); sum != right || out.Rests != "" {
				t.Errorf("with none: got %d, resting on %q, want %d", sum, out.Rests, right)
			}
			// What is this machine's own by now needs nobody.
			clear(asked)
			if sum, out := run(func(string) bool { return false }); sum != right || out.Reduced != 0 || len(asked) != 0 {
				t.Errorf("found here: got %d in %d steps, and %v was asked", sum, out.Reduced, asked)
			}
		})
	}
}
