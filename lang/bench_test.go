// This file measures how fast source is read. The bar is 400 KB/s.

package lang

import (
	"fmt"
	"strings"
	"testing"
)

// program is ordinary source: functions, matches, pipes, texts and documentation.
const program = `## The sum of the squares of the even numbers in a list.
let sumEven xs = xs |> filter (\x -> x %% 2 == 0) |> map (\x -> x * x) |> fold (+) 0

# A tree is Leaf or Node {left, value, right}.
let insert%[1]d key value tree =
  match tree {
  | Leaf -> Node {left: Leaf, key, value, right: Leaf}
  | Node {left, key: k, value: v, right} if key < k -> Node {left: insert%[1]d key value left, key: k, value: v, right}
  | Node {left, key: k, value: v, right} if key > k -> Node {left, key: k, value: v, right: insert%[1]d key value right}
  | Node n -> Node {...n, value}
  }

let classify%[1]d n =
  if n < 0 then "negative"
  else if n == 0 then "zero"
  else "positive: \(n) of \(Text.padLeft 10 " " (show n))"

let report%[1]d rows =
  let total = rows |> map (.amount) |> sum in
  let line row = row.name ++ ": " ++ show (row.amount * 100.0 / total) ++ "%%" in
  rows |> sortBy (.amount) |> map line |> Text.join "\n"
`

func ordinary(size int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, strings.Replace(program, "sumEven", fmt.Sprint("sumEven", i), 1), i)
		b.WriteString("\n")
	}
	return []byte(b.String())
}

func document(size int) []byte {
	var b strings.Builder
	b.WriteString("[")
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteString(",\n ")
		}
		fmt.Fprintf(&b, `{"id": %d, "name": "row %d", "tags": ["a", "b\u0020c"], "amount": %d.5, "on": true, "next": null}`, i, i, i)
	}
	return []byte(b.String() + "]")
}

func BenchmarkParse(b *testing.B) {
	for name, src := range map[string][]byte{"program": ordinary(200_000), "document": document(1_000_000), "small": []byte("1 + 1")} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, errs := Parse("bench", src); len(errs) > 0 {
					b.Fatal(errs)
				}
			}
		})
	}
}

func BenchmarkPrint(b *testing.B) {
	src := ordinary(200_000)
	f, errs := Parse("bench", src)
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		PrintFile(f)
	}
}

func BenchmarkFormat(b *testing.B) {
	for name, src := range map[string][]byte{"program": ordinary(200_000), "2000 lines": ordinary(71_000), "document": document(1_000_000)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, errs := Format("bench", src); len(errs) > 0 {
					b.Fatal(errs)
				}
			}
		})
	}
}
