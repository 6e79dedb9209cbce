// This file tests what values weigh.

package graph

import "testing"

func TestWeigh(t *testing.T) {
	var b ListBuilder
	for i := range 10_000 {
		b.Add(Int(int64(i)))
	}
	l := b.List()
	var s Scale
	weigh := func(v Value) int {
		n, bounded := s.Weigh(v)
		if !bounded {
			t.Error("got no bound")
		}
		return n
	}
	if n := weigh(ListValue(l)); n < 160_000 || n > 200_000 {
		t.Errorf("got %d bytes for 10,000 ints, want some 160,000", n)
	}
	if n := weigh(ListValue(l)); n != 0 {
		t.Errorf("got %d bytes for what was weighed", n)
	}
	grown := l
	for range 100 {
		grown = grown.Append(Int(1))
	}
	if n := weigh(ListValue(grown)); n > 4000 {
		t.Errorf("got %d bytes for 100 elements more", n)
	}
	total := 0
	for rest := l; rest.Len() > 0; {
		_, rest = rest.Uncons()
		total += weigh(ListValue(rest))
	}
	if total > 10_000*2*objectSize {
		t.Errorf("got %d bytes for all that is behind the first elements", total)
	}
	if n := weigh(Int(5)); n != 0 {
		t.Errorf("got %d bytes for a small int", n)
	}
	if _, bounded := s.Weigh(NewThunk(&Head{})); bounded {
		t.Error("got a bound for a lazy value")
	}
}
