// This file times drawing.

package edit

import (
	"strings"
	"testing"
)

// BenchmarkView draws an entry of 2,000 lines, as after every key.
func BenchmarkView(b *testing.B) {
	m := &model{Editor: &Editor{Prompt: "> ", Continue: ". ", Color: true}, width: 80, height: 24}
	m.buffer.set(strings.Repeat("let step1 xs = fold (+) 0 xs\n", 2000))
	for b.Loop() {
		m.View()
	}
}
