// This file runs primitives one by one: each case is a name, its arguments and its answer as DAG-JSON, or the error's
// kind and value.

package eval

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// A primCase is one call. want is DAG-JSON, or "kind: DAG-JSON" of an error.
type primCase struct{ name, args, want string }

// A bench is a machine whose primitives can be called from outside, with a store in memory behind it.
type bench struct {
	t     testing.TB
	m     *Machine
	store *graph.Memory
	prims map[string]*Prim
}

func newBench(t testing.TB, memory int64) *bench {
	store := graph.NewMemory()
	b := &bench{t: t, store: store, prims: map[string]*Prim{}}
	b.m = New(Options{Store: store, Load: graph.LoaderOf(context.Background(), store), Memory: memory})
	b.m.ctx = context.Background()
	b.m.fuelEnd = math.MaxUint64
	b.m.limit = checkEvery
	b.m.policy.start()
	for name, p := range Prims() {
		b.prims[name] = p
	}
	return b
}

// call runs a primitive as the machine does: what it demands is forced first.
func (b *bench) call(name string, args ...graph.Value) (v graph.Value, err error) {
	p, ok := b.prims[name]
	if !ok || p.Arity != len(args) {
		b.t.Fatalf("%s of %d arguments: no such primitive", name, len(args))
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Stop:
			err = r
		case *Thrown:
			err = r.Err
		default:
			panic(r)
		}
	}()
	args = append([]graph.Value(nil), args...)
	for i, a := range args {
		if p.Demand>>i&1 == 1 {
			args[i] = head(b.m, a)
		}
	}
	return p.Run(b.m, args)
}

func (b *bench) show(v graph.Value) string {
	b.t.Helper()
	out, err := graph.AppendJSON(nil, v, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(out)
}

// outcome writes what a call came to as a primCase's want.
func (b *bench) outcome(v graph.Value, err error) string {
	b.t.Helper()
	if err == nil {
		return b.show(v)
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind + ": " + b.show(e.Value)
	}
	return "stopped: " + err.Error()
}

func (b *bench) value(json string) graph.Value {
	b.t.Helper()
	v, err := graph.ParseJSON([]byte(json))
	if err != nil {
		b.t.Fatalf("%s: %v", json, err)
	}
	return v
}

func (b *bench) run(cases []primCase) {
	b.t.Helper()
	for _, c := range cases {
		var args []graph.Value
		for it := b.value("[" + c.args + "]").List().Iter(); ; {
			v, ok := it.Next()
			if !ok {
				break
			}
			args = append(args, v)
		}
		if got := b.outcome(b.call(c.name, args...)); got != c.want {
			b.t.Errorf("%s %s: got %s, want %s", c.name, c.args, short(got), short(c.want))
		}
	}
}

func short(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// steps is what f charges.
func (b *bench) steps(f func()) uint64 {
	before := b.m.now()
	f()
	return b.m.stepsSince(before)
}

// stored puts v into the store and gives a link to it.
func (b *bench) stored(v graph.Value) graph.Value {
	b.t.Helper()
	return graph.LinkValue(graph.ValueBlock(v, graph.SinkFunc(func(block graph.Block) {
		if err := b.store.Put(context.Background(), block); err != nil {
			b.t.Fatal(err)
		}
	})))
}

// absent is a link to a block that nobody has.
func absent() graph.Value {
	return graph.LinkValue(cid.MustParse("bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"))
}

// deep is a list in a list in a list …, n times around v.
func deep(n int, v graph.Value) graph.Value {
	for range n {
		v = graph.NewList(v)
	}
	return v
}

func TestPrimTables(t *testing.T) {
	seen := map[string]bool{}
	for _, table := range [][]Spec{numPrims, mathPrims, cmpPrims, textPrims, bytesPrims, dataPrims, listPrims, mapPrims, mediaPrims, corePrims} {
		for _, p := range table {
			if seen[p.Name] {
				t.Errorf("%s stands twice", p.Name)
			}
			seen[p.Name] = true
			if p.Arity < 1 || p.Demand>>p.Arity != 0 || p.Run == nil || !strings.Contains(p.Doc, "cost") || !strings.Contains(p.Doc, ":") {
				t.Errorf("%s: the entry is not complete", p.Name)
			}
		}
	}
}

// TestPrimsOnAnything calls every primitive of these tables with every choice from a pool of values: it answers or
// fails as a program fails, the same way and at the same cost each time.
func TestPrimsOnAnything(t *testing.T) {
	b := newBench(t, 1<<28)
	pool := []graph.Value{
		b.stored(graph.Text("a")), absent(), b.stored(graph.NewList(graph.Int(65), graph.Int(66))),
		graph.FnValue(&graph.Fn{Prim: "num.add", Head: primCID("num.add")}),
	}
	for it := b.value(`[null, true, 0, -1, 3, 1267650600228229401496703205376, -9223372036854775808, 1.5, -1e300, "", "a", "ä€😀, \"x\"\r\n 12", "-12",
		[], [1, "b", [2.5]], ["x", "y"], {}, {"a": 1}, {"a": "b", "c": null}, {"/": {"bytes": ""}}, {"/": {"bytes": "AAH/"}}, [{"a": "1"}]]`).List().Iter(); ; {
		v, ok := it.Next()
		if !ok {
			break
		}
		pool = append(pool, v)
	}
	for _, table := range [][]Spec{numPrims, mathPrims, cmpPrims, textPrims, bytesPrims, dataPrims} {
		for _, p := range table {
			args := make([]graph.Value, p.Arity)
			answers := 0
			for i := range int(math.Pow(float64(len(pool)), float64(p.Arity))) {
				for j := range args {
					args[j] = pool[i%len(pool)]
					i /= len(pool)
				}
				var got [2]string
				var steps [2]uint64
				for k := range got {
					steps[k] = b.steps(func() {
						v, err := b.call(p.Name, args...)
						if got[k] = b.outcome(v, err); err == nil {
							answers++
						}
					})
				}
				if got[0] != got[1] || steps[0] != steps[1] || !utf8.ValidString(got[0]) {
					t.Fatalf("%s %s: got %s in %d steps, then %s in %d", p.Name, b.show(graph.NewList(args...)), short(got[0]), steps[0], short(got[1]), steps[1])
				}
			}
			if answers == 0 {
				t.Errorf("%s never answered", p.Name)
			}
		}
	}
}
