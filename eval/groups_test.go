package eval

import (
	"context"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

// TestScattered has a list fall into many groups: what is recorded of parts is of no use then, and to go through all parts for each
// group would take their product.
func TestScattered(t *testing.T) {
	const n = 3 * enoughSlots
	for _, test := range []struct{ keys, known int }{{100, 100}, {n / 2, 0}, {n, 0}} {
		s := graph.NewMemory()
		var b graph.ListBuilder
		for i := range n {
			b.Add(graph.Int(int64(i * 7919 % test.keys)))
		}
		list := graph.ValueBlock(graph.ListValue(b.List()), s)
		var want graph.Value
		for _, mode := range []Mode{None, Auto} {
			m := New(Options{Store: s, Load: s.Load, Link: mode})
			m.policy.start()
			f := graph.FnValue(&graph.Fn{Prim: "core.show", Head: primCID("core.show"), Body: m.prims["core.show"]})
			got, thrown, err := m.Primitive(context.Background(), "list.groupBy", f, m.follow(list))
			if err != nil || thrown != nil {
				t.Fatal(err, thrown)
			}
			if mode == None {
				want = got
				continue
			}
			if len(m.groups) != test.known {
				t.Errorf("%d groups of %d elements: %d are known part by part, want %d", test.keys, n, len(m.groups), test.known)
			}
			if a, b := graph.ValueBlock(got, s), graph.ValueBlock(want, s); a != b {
				t.Errorf("%d groups of %d elements: got %s with links, want %s", test.keys, n, a, b)
			}
		}
	}
}
