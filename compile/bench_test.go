// This file measures how fast syntax is compiled.

package compile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/lang"
)

// ordinary is source of functions, matches, pipes and texts.
const ordinary = `let sumEven%[1]d xs = xs |> filter (\x -> x %% 2 == 0) |> map (\x -> x * x) |> fold (+) 0

let insert%[1]d key value tree =
  match tree {
  | Leaf -> Node {left: Leaf, key, value, right: Leaf}
  | Node {left, key: k, value: v, right} if key < k -> Node {left: insert%[1]d key value left, key: k, value: v, right}
  | Node {left, key: k, value: v, right} if key > k -> Node {left, key: k, value: v, right: insert%[1]d key value right}
  | Node n -> Node {...n, value: sumEven%[1]d value}
  }

let classify%[1]d n =
  if n < %[1]d then "negative"
  else if n == 0 then "zero"
  else "positive: \(n) of \(show n) \(insert%[1]d n n Leaf)"

`

func BenchmarkFile(b *testing.B) {
	var program strings.Builder
	for i := range 200 {
		fmt.Fprintf(&program, ordinary, i)
	}
	var group strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&group, "let f%d n = if n < 1 then 0 else f%d (n - 1) + f%d (n - 2)\n", i, (i+1)%1000, i*7%1000)
	}
	for name, src := range map[string]string{"program": program.String(), "group": group.String(), "small": "1 + 1"} {
		b.Run(name, func(b *testing.B) {
			f, errs := lang.Parse("bench", []byte(src))
			if len(errs) > 0 {
				b.Fatal(errs)
			}
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, errs := File(f, Options{Prelude: testPrelude}); len(errs) > 0 {
					b.Fatal(errs)
				}
			}
		})
	}
}
