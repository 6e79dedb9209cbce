// This file checks that an answer over a large list follows small changes of it at a small cost.

package tests

import (
	"context"
	"fmt"
	"maps"
	"math/rand"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/stdlib"
)

// A notedStore keeps what it was given, in order.
type notedStore struct {
	*graph.Memory
	blocks  []graph.Block
	answers []graph.Answer
}

func (s *notedStore) Put(ctx context.Context, blocks ...graph.Block) error {
	s.blocks = append(s.blocks, blocks...)
	return s.Memory.Put(ctx, blocks...)
}

func (s *notedStore) Record(ctx context.Context, a graph.Answer) error {
	s.answers = append(s.answers, a)
	return s.Memory.Record(ctx, a)
}

const changeRecords = 1_000_000

// changePrograms are programs over the list @LIST. Those that sort take long, so the test makes only one change to their list.
var changePrograms = []string{
	`@LIST |> filter (\r -> r.age > 30) |> map (\r -> r.amount * 2) |> reduce (\a b -> a + b) 0`,
	`@LIST |> filter (\r -> r.age > 5) |> map (\r -> r.age % 9) |> reduce max 0`, // no element says by itself where a run ends
	`@LIST |> groupBy (\r -> r.city) |> Map.map (\_ rs -> sum (map (\r -> r.amount) rs))`,
	`@LIST |> flatMap (\r -> if r.age == 7 then [r.amount, 0.5] else []) |> sum`,
	`@LIST |> sortBy (\r -> -r.amount) |> take 10`,
	`@LIST |> map (\r -> r.amount * 7 % 100003) |> sort |> (\xs -> [at 500000 xs, take 3 xs])`,
	`@LIST |> map (\r -> [r.city, r.age % 5]) |> unique |> length`,
}

// countedPrograms are programs over a list of countedRecord.
var countedPrograms = []string{
	`@LIST |> filter (\r -> r.x > 100) |> map (\r -> r.x * 2) |> reduce (\a b -> a + b) 0`,
	`@LIST |> groupBy (\r -> r.g) |> Map.map (\_ rs -> sum (map (\r -> r.x) rs))`,
}

// mapPrograms are programs over a map of the records, called @LIST too.
var mapPrograms = []string{
	`@LIST |> Map.filter (\_ r -> r.age > 30) |> Map.map (\_ r -> r.amount * 2) |> Map.values |> sum`,
	`@LIST |> Map.values |> groupBy (\r -> r.city) |> Map.map (\_ rs -> sum (map (\r -> r.amount) rs))`,
	`@LIST |> Map.entries |> map (\[k, r] -> if r.age == 7 then Text.length k else 1) |> reduce (\a b -> a + b) 0`,
	`let young = Map.filter (\_ r -> r.age < 9) @LIST in [length young, Map.has "user0001234" young, Map.getOr 0 "user0777777" (Map.map (\_ r -> r.age) @LIST)]`,
	`@LIST |> Map.filter (\k _ -> not (Text.endsWith "7" k)) |> Map.keys |> map Text.length |> unique |> length`,
}

var ordering = regexp.MustCompile(`sort|unique`)

// A changeBench is a list of changeRecords records, and what it is with a few changed.
type changeBench struct {
	lists   *graph.Memory
	blocks  map[cid.Cid]bool // of the lists
	first   cid.Cid
	all     int // blocks of the first
	changed map[string]cid.Cid
}

var userKeys = []string{"age", "amount", "city", "id", "name"}

// userRecord is a record of some sixty bytes.
func userRecord(random *rand.Rand, i int) graph.Value {
	return graph.MapValue(graph.MapSorted(userKeys, []graph.Value{
		graph.Int(random.Int63n(99)), graph.Int(random.Int63n(100_000)), graph.Text(fmt.Sprintf("city%02d", random.Intn(60))),
		graph.Int(int64(i)), graph.Text(fmt.Sprint("user", i)),
	}))
}

// countedRecord is a record of some twenty bytes, in which x comes again and again but for changes.
func countedRecord(random *rand.Rand, i int) graph.Value {
	x := int64(i) * 7919 % 1000
	if i < 0 {
		x = random.Int63n(1000)
	}
	return graph.Record("g", graph.Int(int64(max(i, -i)%97)), "id", graph.Int(int64(i)), "x", graph.Int(x))
}

// newChangeBench puts a list or map, and what it is with a few changes.
func newChangeBench(first graph.Value, changed map[string]graph.Value) *changeBench {
	c := &changeBench{lists: graph.NewMemory(), blocks: map[cid.Cid]bool{}, changed: map[string]cid.Cid{}}
	put := graph.SinkFunc(func(b graph.Block) {
		c.blocks[b.CID] = true
		c.lists.Put(context.Background(), b)
	})
	c.first = graph.ValueBlock(first, put)
	c.all = len(c.blocks)
	for name, v := range changed {
		c.changed[name] = graph.ValueBlock(v, put)
	}
	return c
}

func changedLists(recordOf func(*rand.Rand, int) graph.Value) (first graph.Value, changed map[string]graph.Value) {
	random := rand.New(rand.NewSource(1))
	record := func(i int) graph.Value { return recordOf(random, i) }
	var b graph.ListBuilder
	for i := range changeRecords {
		b.Add(record(i))
	}
	list := b.List()
	k := random.Intn(changeRecords)
	tail := list
	for i := range 1000 {
		tail = tail.Append(record(changeRecords + i))
	}
	return graph.ListValue(list), map[string]graph.Value{
		"one is another":  graph.ListValue(list.Set(k, record(-2))),
		"one more within": graph.ListValue(list.Slice(0, k).Append(record(-1)).Concat(list.Slice(k, changeRecords))),
		"a thousand more": graph.ListValue(tail),
	}
}

func changedMaps() (first graph.Value, changed map[string]graph.Value) {
	random := rand.New(rand.NewSource(1))
	key := func(i int) string { return fmt.Sprintf("user%07d", i) }
	var b graph.MapBuilder
	for i := range changeRecords {
		b.Set(key(i), userRecord(random, i))
	}
	all := b.Map()
	k := key(random.Intn(changeRecords))
	tail := all
	for i := range 1000 {
		tail = tail.Insert(key(changeRecords+i), userRecord(random, i))
	}
	return graph.MapValue(all), map[string]graph.Value{
		"one is another":  graph.MapValue(all.Insert(k, userRecord(random, 0))),
		"one more within": graph.MapValue(all.Insert(k+"a", userRecord(random, 0))),
		"a thousand more": graph.MapValue(tail),
	}
}

func newNotedStore() *notedStore {
	s := &notedStore{Memory: graph.NewMemory()}
	s.Memory.Put(context.Background(), stdlib.Blocks()...)
	return s
}

// run runs a program over a list on a new machine, and returns how many of the lists' blocks it loads.
func (c *changeBench) run(t testing.TB, src string, s graph.Store, list cid.Cid, o eval.Options) (out eval.Outcome, loaded int) {
	t.Helper()
	expr, own := compiled(t, program{name: src, file: "changes.ros", src: replaced(src, "LIST", list.String())})
	if !expr.Defined() {
		t.Fatalf("%s does not compile", src)
	}
	s.Put(context.Background(), own...)
	touched := map[cid.Cid]bool{}
	if o.Store = s; o.Memory == 0 {
		o.Memory = 512<<20 + eval.MemoryInUse()
	}
	o.Load = func(k cid.Cid) ([]byte, error) {
		if c.blocks[k] {
			touched[k] = true
			return c.lists.Load(k)
		}
		return s.Block(context.Background(), k)
	}
	out, err := eval.New(o).Eval(context.Background(), expr)
	if err != nil || out.Error != nil {
		t.Fatalf("%s: %v %v", src, err, out.Error)
	}
	return out, len(touched)
}

// TestSmallChanges runs programs over a million records, and again after a change of some of them: on the same store, and on one that has the first
// run's results as claims.
func TestSmallChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a million records")
	}
	testSmallChanges(t, newChangeBench(changedLists(userRecord)), changePrograms)
	testSmallChanges(t, newChangeBench(changedLists(countedRecord)), countedPrograms)
	testSmallChanges(t, newChangeBench(changedMaps()), mapPrograms)
}

func testSmallChanges(t *testing.T, c *changeBench, programs []string) {
	for _, src := range programs {
		same := func(name string, got, want eval.Outcome) {
			t.Helper()
			if g, w := string(graph.Encode(got.Value, nil)), string(graph.Encode(want.Value, nil)); g != w || got.Steps != want.Steps {
				t.Errorf("%s, %s: got %v in %d steps, want %v in %d", src, name, got.Value, got.Steps, want.Value, want.Steps)
			}
		}
		own := newNotedStore()
		plain, _ := c.run(t, src, newNotedStore(), c.first, eval.Options{Link: eval.None})
		out, _ := c.run(t, src, own, c.first, eval.Options{})
		same("at first", out, plain)
		results, answers := own.blocks, own.answers
		for name, list := range c.changed {
			if ordering.MatchString(src) && name != "one more within" {
				continue
			}
			plain, _ := c.run(t, src, newNotedStore(), list, eval.Options{Link: eval.None})
			claims := newNotedStore()
			claims.Put(context.Background(), results...)
			for _, a := range answers {
				a.By = graph.ClaimAnswer + "somebody"
				claims.Record(context.Background(), a)
			}
			for who, s := range map[string]graph.Store{"own results": own, "claims": claims} {
				out, loaded := c.run(t, src, s, list, eval.Options{Believe: func(string) bool { return true }})
				same(name+", "+who, out, plain)
				t.Logf("%s, %s, %s: %d of %d steps, %d of %d blocks", src, name, who, out.Reduced, out.Steps, loaded, c.all)
				if out.Reduced*100 > out.Steps {
					t.Errorf("%s, %s, %s: %d steps of %d are executed, want one in a hundred at most", src, name, who, out.Reduced, out.Steps)
				}
				if loaded*20 > c.all {
					t.Errorf("%s, %s, %s: %d of %d blocks are loaded, want one in twenty at most", src, name, who, loaded, c.all)
				}
			}
		}
	}
}

// BenchmarkSmallChanges reports the time of a run after a change over that of the first, and of the first over that without links.
func BenchmarkSmallChanges(b *testing.B) {
	c := newChangeBench(changedLists(userRecord))
	timed := func(src string, s graph.Store, list cid.Cid, o eval.Options) time.Duration {
		runtime.GC()
		start := time.Now()
		c.run(b, src, s, list, o)
		return time.Since(start)
	}
	for i, src := range slices.Concat(changePrograms, mapPrograms) {
		if i == len(changePrograms) {
			c = newChangeBench(changedMaps())
		}
		name := []string{"reduce", "few values", "groups", "flatMap", "sortBy", "sort", "unique", "map", "map, groups", "map, reduce", "map, get", "map, keys"}[i]
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				own := newNotedStore()
				plain := timed(src, newNotedStore(), c.first, eval.Options{Link: eval.None, Memory: 8 << 30})
				first := timed(src, own, c.first, eval.Options{Memory: 8 << 30})
				b.ReportMetric(float64(first)/float64(plain), "first/none")
				for name, list := range c.changed {
					b.ReportMetric(float64(timed(src, own, list, eval.Options{Memory: 8 << 30}))/float64(first), strings.ReplaceAll(name, " ", "-")+"/first")
				}
			}
		})
	}
}

// TestRecordsHold reduces, without links, each expression that was recorded on the way.
func TestRecordsHold(t *testing.T) {
	var b graph.ListBuilder
	var of graph.MapBuilder
	for i := range 40_000 {
		r := graph.Record("age", graph.Int(int64(i*7919%99)), "amount", graph.Int(int64(i*104729%100_003)), "city", graph.Text(fmt.Sprint("city", i*31%17)), "id", graph.Int(int64(i)))
		b.Add(r)
		of.Set(fmt.Sprintf("user%07d", i), r)
	}
	seen := map[string]int{}
	few := []string{
		`@LIST |> groupBy (\r -> r.city) |> Map.map (\_ rs -> rs |> flatMap (\r -> if r.age == 7 then [r.amount, 0.5] else []) |> sum)`,
		`@LIST |> groupBy (\r -> r.city) |> Map.map (\_ rs -> rs |> filter (\r -> r.id % 999 == 7) |> map (\r -> r.age) |> sum)`,
		`@LIST |> groupBy (\r -> if r.id % 3 == 0 then r.city else show (r.id // 3000)) |> Map.map (\_ rs -> rs |> filter (\r -> r.age > 50) |> map (\r -> r.age) |> sum)`, // not all keys are in all slots
	}
	list, entries := b.List(), of.Map()
	lists, tables := map[string]graph.Value{}, map[string]graph.Value{}
	for i := range 5 {
		at := 21_000 + i*i*100
		lists[fmt.Sprint(i)] = graph.ListValue(list.Slice(0, at).Append(list.At(i)).Concat(list.Slice(at, list.Len())))
		tables[fmt.Sprint(i)] = graph.MapValue(entries.Insert(fmt.Sprintf("user%07da", at), list.At(i)))
	}
	recordsHold(t, newChangeBench(graph.ListValue(list), lists), slices.Concat(changePrograms, few), seen)
	recordsHold(t, newChangeBench(graph.MapValue(entries), tables), mapPrograms, seen)
	for _, name := range []string{"core.measures", "core.costs", "core.groups", "core.groupMeasures", "core.groupCosts", "of maps", "of batches"} {
		if seen[name] == 0 {
			t.Errorf("no %s is recorded: %v", name, seen)
		}
	}
}

func recordsHold(t *testing.T, c *changeBench, programs []string, seen map[string]int) {
	for _, src := range programs {
		s := newNotedStore()
		c.run(t, src, s, c.first, eval.Options{})
		for _, name := range slices.Sorted(maps.Keys(c.changed)) { // what comes of what was found
			c.run(t, src, s, c.changed[name], eval.Options{})
		}
		for _, a := range s.answers {
			load := func(k cid.Cid) ([]byte, error) {
				if c.blocks[k] {
					return c.lists.Load(k)
				}
				return s.Load(k)
			}
			r, err := eval.LoadAnswer(a, load)
			if err != nil {
				t.Fatal(err)
			}
			code, err := graph.LoadCode(a.Expr, load)
			if err != nil {
				t.Fatal(err)
			}
			if code.Op == graph.OpApp && code.Args[0].Op == graph.OpPrim {
				seen[code.Args[0].Name]++
				if v := r.Value; code.Args[0].Name == "core.measures" && v.List().At(0).List().Len() == 3 {
					switch v.List().At(0).List().At(2).Kind() {
					case graph.KindText, graph.KindMap:
						seen["of maps"]++
					}
				}
				if v := r.Value; code.Args[0].Name == "core.groups" {
					n := int64(0)
					v.List().At(0).List().At(0).Map().Each(func(_ string, k graph.Value) bool {
						i, _ := k.Int()
						n += i
						return true
					})
					if n > 10_000 {
						seen["of batches"]++
					}
				}
			}
			out, err := eval.New(eval.Options{Load: load, Link: eval.None, Memory: 4 << 30}).Eval(context.Background(), a.Expr)
			if err != nil || out.Error != nil {
				t.Fatalf("%s of %s: %v %v", a.Expr, src, err, out.Error)
			}
			if got, want := string(graph.Encode(out.Value, nil)), string(graph.Encode(r.Value, nil)); got != want || out.Steps != r.Steps {
				t.Errorf("%s of %s: got %v in %d steps, recorded are %v in %d", a.Expr, src, out.Value, out.Steps, r.Value, r.Steps)
			}
		}
	}
}
