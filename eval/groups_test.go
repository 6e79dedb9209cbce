package eval

import (
	"context"
	"fmt"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

// TestScattered has a list fall into many groups: what is recorded of parts is of no use then, and to go through all parts for each
// group would take their product.
func TestScattered(t *testing.T) {
	const n = 3 * enoughSlots
	for _, test := range []struct{ dense, keys, known int }{{0, 100, 100}, {0, n / 2, 0}, {0, n, 0}, {n / 3, n, 0}, {n * 2 / 3, n, 100 + n/3}} { // dense elements fall into 100 groups
		s := graph.NewMemory()
		var b graph.ListBuilder
		for i := range n {
			if i < test.dense {
				b.Add(graph.Text(fmt.Sprint("dense ", i%100)))
			} else {
				b.Add(graph.Text(fmt.Sprint(i * 7919 % test.keys)))
			}
		}
		list := graph.ValueBlock(graph.ListValue(b.List()), s)
		var want graph.Value
		for round, mode := range []Mode{None, Auto, Auto} { // the third finds what the second has recorded
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
				t.Errorf("%v, round %d: %d groups are known part by part, want %d", test, round, len(m.groups), test.known)
			}
			if a, b := graph.ValueBlock(got, s), graph.ValueBlock(want, s); a != b {
				t.Errorf("%v, round %d: got %s with links, want %s", test, round, a, b)
			}
		}
	}
}
