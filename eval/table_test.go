// This file tests that the table in memory keeps to its bytes.

package eval

import (
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

func hashOf(i int) uint64 { return uint64(i+1) * 0x9e3779b97f4a7c15 }

func longList(from, n int) graph.Value {
	var b graph.ListBuilder
	for i := range n {
		b.Add(graph.Int(int64(from + i)))
	}
	return graph.ListValue(b.List())
}

// held is the bytes of the different values that the table keeps alive.
func (t *table) held() (bytes, entries int) {
	var s graph.Scale
	for k := range t.sets {
		for i, epoch := range t.sets[k].epoch {
			if epoch == 0 {
				continue
			}
			entries++
			e := &t.entries[k*ways+i]
			for _, v := range append(e.args[:], e.value) {
				n, _ := s.Weigh(v)
				bytes += n
			}
		}
	}
	return bytes, entries
}

func TestTableBytes(t *testing.T) {
	f := &lam{arity: 1}
	var tab table
	tab.init(128 << 20) // 16 MB for the table
	insert := func(i int, v graph.Value) {
		tab.insert(hashOf(i), f, []graph.Value{graph.Int(int64(i))}, v, 1000, use{})
	}
	const each = 6000 // elements, some 100 kB
	for i := range 2000 {
		insert(i, longList(i, each))
		if bytes, _ := tab.held(); i%100 == 0 && bytes > tab.limit {
			t.Fatalf("after %d lists the table holds %d bytes, want at most %d", i+1, bytes, tab.limit)
		}
	}
	if _, n := tab.held(); n < 20 {
		t.Errorf("got %d entries left of 2000, want as many as there is room for", n)
	}
	if tab.find(hashOf(1999), f, []graph.Value{graph.Int(1999)}) == nil {
		t.Error("the last entry is not found")
	}
	// Calls that share a list keep it alive once, and it is let go with the last of them.
	tab.reset()
	for i := range 1000 {
		v := longList(i, each)
		for j := range 10 {
			insert(10*i+j, v)
		}
	}
	if bytes, n := tab.held(); bytes > tab.limit || n < 200 {
		t.Errorf("got %d entries that hold %d bytes, want at most %d", n, bytes, tab.limit)
	}
	// What keeps nothing alive is not driven out.
	tab.reset()
	insert(0, graph.Int(7))
	for i := range 300 {
		insert(i+1, longList(i, each))
	}
	if tab.find(hashOf(0), f, []graph.Value{graph.Int(0)}) == nil {
		t.Error("long lists have driven out a small entry")
	}
	// What is lazy has no bound.
	before := tab.used
	insert(5000, graph.NewThunk(&graph.Head{}))
	if tab.used != before {
		t.Error("a lazy value is remembered")
	}
}
