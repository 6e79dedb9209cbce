// This file measures what the library adds to every start.

package stdlib

import "testing"

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		x, err := readIndex(car)
		if err != nil || len(x.names) == 0 {
			b.Fatal(err)
		}
	}
}
