// This file checks that programs over large lists come to the same whatever is recorded of the lists' parts, or of those of other lists: value or
// error, steps and Result, also of runs that are stopped.

package tests

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/stdlib"
)

var (
	pipelines = flag.Int("pipelines", 2, "how many random programs over large lists are run")
	pipeline  = flag.Uint64("pipeline", 1, "the first one's seed")
)

// A parted is a store with a list of records, and others that differ from it in few places; and with maps of them, once these are asked for.
type parted struct {
	r      *rand.Rand
	store  *graph.Memory
	blocks []graph.Block // all that stands in it, but for what evaluations put
	rows   []keyed
	bad    int    // elements in 10,000 that a program fails on
	lazy   int    // ... that are lazy or a link
	keys   uint64 // says of what kinds the keys are
	lists  []cid.Cid
	lent   [][]keyed // what each of the lists is of
	maps   []cid.Cid // of the same, if they are made
}

func newParted(seed uint64, n int) *parted {
	p := &parted{r: rand.New(rand.NewPCG(seed, 2)), store: graph.NewMemory(), keys: seed + 2}
	p.put(stdlib.Blocks()...)
	if p.r.IntN(5) == 0 {
		p.bad = 3
	}
	if p.r.IntN(3) == 0 {
		p.lazy = 1000
	}
	for i := range n {
		p.rows = append(p.rows, p.row(i))
	}
	p.add(p.rows)
	p.add(p.changed())
	p.add(p.changed())
	return p
}

func (p *parted) put(blocks ...graph.Block) {
	p.blocks = append(p.blocks, blocks...)
	p.store.Put(context.Background(), blocks...)
}

// Take is put: a parted is a Sink.
func (p *parted) Take(b graph.Block) { p.put(b) }

func (p *parted) add(rows []keyed) {
	var b graph.ListBuilder
	for _, r := range rows {
		b.Add(r.row)
	}
	p.lent = append(p.lent, rows)
	p.lists = append(p.lists, graph.ValueBlock(graph.ListValue(b.List()), p))
}

func (p *parted) row(i int) keyed {
	r := p.r
	n := graph.Int(int64(r.IntN(1000)))
	if r.IntN(10_000) < p.bad {
		n = graph.Text("bad")
	}
	if r.IntN(10_000) < p.lazy {
		n = graph.NewThunk(&graph.Head{CID: graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Int(int64(i)), graph.Int(1)}, p)})
	} else if r.IntN(10_000) < p.lazy {
		n = graph.LinkValue(graph.ValueBlock(graph.Int(int64(i%77)), p))
	}
	xs := make([]graph.Value, r.IntN(4))
	for i := range xs {
		xs[i] = graph.Int(int64(r.IntN(100) - 50))
	}
	row := graph.MapValue(graph.MapSorted([]string{"f", "k", "n", "note", "xs"}, []graph.Value{
		graph.Float(r.NormFloat64()), graph.Text(fmt.Sprint("city", r.IntN(12))), n, graph.Text(fmt.Sprintf("row %d of many, with a note of some length", i)), graph.NewList(xs...),
	}))
	if r.IntN(10_000) < p.lazy {
		row = graph.LinkValue(graph.ValueBlock(row, p))
	}
	return keyed{p.keyOf(i), row}
}

// changed is the rows with a few changes.
func (p *parted) changed() []keyed {
	rows, r := slices.Clone(p.rows), p.r
	for range 1 + r.IntN(4) {
		i, n := r.IntN(len(rows)), len(rows)
		switch r.IntN(9) {
		case 0:
			rows[i] = p.row(n)
		case 1:
			rows[i].row = p.row(n).row
		case 2:
			rows = slices.Insert(rows, i, p.row(n))
		case 3:
			rows = slices.Delete(rows, i, min(n, i+1+r.IntN(50)))
		case 4:
			rows = append(rows, p.row(n))
		case 5:
			rows = slices.Insert(rows, 0, p.row(n))
		case 6:
			rows = slices.Concat(rows, rows[:r.IntN(n/3)])
		case 7:
			rows = slices.Concat(rows[i:], rows[:i])
		case 8:
			rows = rows[r.IntN(n/5) : n-r.IntN(n/5)]
		}
	}
	return rows
}

func (p *parted) pick(of ...string) string { return of[p.r.IntN(len(of))] }

func (p *parted) key() string {
	return p.pick(`\r -> r.k`, `\r -> show (length r.xs)`, `\r -> if length r.xs > 2 then "many" else r.k`, `\r -> show (truncate (r.f * 40.0))`, `\r -> Text.slice 0 6 r.note`)
}

// records is an expression that comes to a list of records.
func (p *parted) records(depth int) string {
	if depth <= 0 {
		return p.pick("@A", "@A", "@A", "@A", "@B")
	}
	sub := func() string { return p.records(depth - 1) }
	switch p.r.IntN(14) {
	case 0, 1:
		return fmt.Sprintf("(filter (%s) %s)", p.pick(`\r -> r.f > 0.3`, `\r -> r.f > 2.9`, `\r -> length r.xs == 1`, `\r -> r.n % 3 != 0`, `\r -> false`, `\r -> true`, `\r -> r.k == "city3"`), sub())
	case 2, 3:
		return fmt.Sprintf("(map (%s) %s)", p.pick(`\r -> {f: r.f * 2.0, k: r.k, n: r.n + 1, note: r.note, xs: r.xs}`, `\r -> {f: r.f, k: r.k, n: lazy (r.n + 1), note: r.note, xs: [1, ...r.xs]}`, `\r -> r`), sub())
	case 4:
		return fmt.Sprintf("(flatMap (%s) %s)", p.pick(`\r -> if length r.xs == 0 then [] else [r, r]`, `\r -> map (\x -> {f: r.f, k: r.k, n: x, note: r.note, xs: r.xs}) r.xs`, `\r -> []`, `\r -> [r]`), sub())
	case 5:
		return fmt.Sprintf("(%s %d %s)", p.pick("take", "drop"), p.r.IntN(len(p.rows)), sub())
	case 6:
		return fmt.Sprintf("(List.slice %d (-%d) %s)", p.r.IntN(len(p.rows)/2), 1+p.r.IntN(100), sub())
	case 7:
		return fmt.Sprintf("(%s ++ %s)", sub(), sub())
	case 8:
		return fmt.Sprintf(`[{f: 1.0, k: "new", n: 1, note: "", xs: []}, ...%s]`, sub())
	case 9:
		return fmt.Sprintf(`[...%s, {f: 1.0, k: "new", n: 1, note: "", xs: [1, 2]}]`, sub())
	case 10:
		return fmt.Sprintf("(Map.getOr [] %q (groupBy (%s) %s))", p.pick("city3", "many", "2", "-4", "none"), p.key(), sub())
	case 11:
		return fmt.Sprintf("(concat (Map.values (groupBy (%s) %s)))", p.key(), sub())
	case 12:
		return fmt.Sprintf("(let xs = %s in xs ++ xs)", sub())
	}
	return fmt.Sprintf(`(let xs = %s in let n = length xs in filter (\r -> r.n < n) xs)`, sub())
}

// numbers is an expression that comes to a list of numbers.
func (p *parted) numbers(depth int) string {
	rs := p.records(depth - 1)
	switch p.r.IntN(8) {
	case 0, 1:
		return fmt.Sprintf(`(map (\r -> r.n) %s)`, rs)
	case 2:
		return fmt.Sprintf(`(map (\r -> r.f) %s)`, rs)
	case 3:
		return fmt.Sprintf(`(flatMap (\r -> r.xs) %s)`, rs)
	case 4:
		return fmt.Sprintf(`(filter (\n -> n > %d) %s)`, p.r.IntN(100)-20, p.numbers(depth-1))
	case 5:
		return fmt.Sprintf(`(map (\n -> n * %d + 1) %s)`, p.r.IntN(1<<30), p.numbers(depth-1))
	case 6:
		return fmt.Sprintf(`(map (\r -> if length r.xs > 2 then r.f else r.n) %s)`, rs)
	}
	return fmt.Sprintf(`(map (\r -> length r.xs + sum r.xs) %s)`, rs)
}

// program is an expression that is a whole program.
func (p *parted) program(depth int) string {
	rs, ns := p.records(depth), p.numbers(depth)
	switch p.r.IntN(22) {
	case 0, 1:
		return "sum " + ns
	case 2:
		return fmt.Sprintf("length %s", rs)
	case 3:
		return fmt.Sprintf("reduce (+) 0 %s", ns)
	case 4:
		return fmt.Sprintf(`reduce (\a b -> if a.n > b.n then a else b) {n: 0} %s`, rs)
	case 5:
		return fmt.Sprintf(`let g = groupBy (%s) %s in Map.map (\_ rs -> sum (map (\r -> r.n) rs)) g`, p.key(), rs)
	case 6:
		return fmt.Sprintf(`let g = groupBy (%s) %s in [Map.map (\_ rs -> length rs) g, Map.map (\_ rs -> sum (map (\r -> r.f) (filter (\r -> r.f > 0.0) rs))) g]`, p.key(), rs)
	case 7:
		return fmt.Sprintf(`groupBy (%s) %s`, p.key(), rs)
	case 8:
		return fmt.Sprintf(`Map.map (\_ rs -> map (\r -> [r.n, r.f]) (filter (\r -> r.f > 0.0) rs)) (groupBy (%s) %s)`, p.key(), rs)
	case 9:
		return rs
	case 10:
		return ns
	case 11:
		return fmt.Sprintf("List.sort (map (\\r -> [r.k, r.f]) %s)", rs)
	case 12:
		return fmt.Sprintf("let xs = %s in [at %d xs, last xs, length xs, take 3 (List.reverse xs)]", rs, p.r.IntN(len(p.rows)))
	case 13:
		return fmt.Sprintf("let xs = %s in [xs == xs, xs == map (\\x -> x) xs]", ns)
	case 14:
		return fmt.Sprintf("show %s", ns)
	case 15:
		return fmt.Sprintf("fold (\\a x -> a * 31 + x) 7 %s %% 1000003", ns)
	case 16:
		return fmt.Sprintf("let xs = %s in [Test.associative (+) xs, length xs]", ns)
	case 17:
		return fmt.Sprintf(`let t = sum %s in sum (map (\r -> if t > 0.0 then r.n else 1) %s)`, ns, rs)
	case 18:
		return fmt.Sprintf(`map (\g -> [length g, sum (map (\r -> r.f) g)]) (Map.values (groupBy (%s) %s))`, p.key(), rs)
	case 19:
		return fmt.Sprintf(`[try (sum %s), try (length (map (\r -> r.n + 1) %s)), try (Map.map (\_ rs -> sum (map (\r -> r.n) rs)) (groupBy (%s) %s))]`, ns, rs, p.key(), rs)
	case 20:
		return fmt.Sprintf(`let each rs = sum (map (\r -> r.n + length rs) rs) in [each %s, each (filter (\r -> r.f > 0.0) %s), each @B]`, rs, rs)
	}
	return fmt.Sprintf(`let go k xs = if k == 0 then sum xs else go (k - 1) (map (\x -> x + k) xs) in go 4 %s`, ns)
}

// orders are functions by which records are sorted, or cannot be.
var orders = []string{
	`\r -> r.n`, `\r -> r.f`, `\r -> r.k`, `\r -> [r.k, r.f]`, `\r -> r.note`, `\r -> -r.n`,
	`\r -> length r.xs`, `\r -> if length r.xs > 2 then r.f else r.n`, `\r -> r.xs`, `\r -> Bytes.fromText r.k`, `\r -> 7`,
	`\r -> if r.n == 7 then r.k else r.n`, `\r -> [r.k, length r.xs, r.f]`, `\r -> r.n * 9007199254740993 * 9007199254740993`, `\r -> [r.f > 0.0]`, `\r -> Text.repeat 60 r.k`, `\r -> truncate (r.f * 9.0)`,
}

func (p *parted) order() string { return p.pick(orders...) }

// ordering is a program that sorts, or looks for equal elements.
func (p *parted) ordering(depth int) string {
	rs, ns := p.records(depth), p.numbers(depth)
	switch p.r.IntN(9) {
	case 0, 1:
		return p.look(fmt.Sprintf("sortBy (%s) %s", p.order(), rs))
	case 2:
		return p.look(fmt.Sprintf("sort %s", ns))
	case 3:
		return p.look(fmt.Sprintf("sort (map (%s) %s)", p.pick(p.order(), `\r -> lazy r.n`), rs))
	case 4:
		return p.look(fmt.Sprintf("unique (map (%s) %s)", p.order(), rs))
	case 5:
		return p.look(fmt.Sprintf("unique %s", p.pick("(take 900 "+rs+")", ns))) // of what is lazy each is compared with each
	case 6:
		return p.look(fmt.Sprintf("sortBy (%s) (sortBy (%s) %s)", p.order(), p.order(), rs))
	case 7:
		return fmt.Sprintf("let g = groupBy (%s) %s in Map.map (\\_ rs -> take 3 (sortBy (%s) rs)) g", p.key(), rs, p.order())
	}
	return fmt.Sprintf("let xs = sortBy (%s) %s in [try (sum (map (\\r -> r.n) xs)), try (take 2 xs), try (length (unique (map (%s) xs)))]", p.order(), rs, p.order())
}

// look is a program that looks at some elements of a list.
func (p *parted) look(xs string) string {
	i := p.r.IntN(len(p.rows))
	switch p.r.IntN(9) {
	case 0:
		return xs
	case 1:
		return fmt.Sprintf("let xs = %s in [at %d xs, length xs, last xs, at %d xs]", xs, i, i/9)
	case 2:
		return fmt.Sprintf("fold (\\a x -> [a.0 + 1, x]) [0, 0] (%s)", xs)
	case 3:
		return fmt.Sprintf("List.reverse (%s)", xs)
	case 4:
		return fmt.Sprintf("take 3 (drop %d (%s))", i, xs)
	case 5:
		return fmt.Sprintf("map (\\x -> [x]) (%s)", xs)
	case 6:
		return fmt.Sprintf("let xs = %s in [take 2 xs, filter (\\x -> false) xs, take 2000 xs, xs == xs]", xs)
	case 7:
		return fmt.Sprintf("length (%s)", xs)
	}
	return fmt.Sprintf("take 10 (%s)", xs)
}

// An answered is what is compared of an outcome.
type answered struct {
	result cid.Cid
	what   string
}

func answerOf(expr cid.Cid, out eval.Outcome) answered {
	r := graph.Result{Of: expr, Value: out.Value, Steps: out.Steps}
	what := "a value"
	if e := out.Error; e != nil {
		r.Value, r.Error = graph.Value{}, &graph.Failure{Kind: e.Err.Kind, Value: e.Err.Value}
		what = e.Err.Kind
	}
	return answered{graph.EncodeResult(r, nil).CID, fmt.Sprintf("%s in %d steps", what, out.Steps)}
}

// expr compiles a program about the i-th list and map, @A and @M, and the first, @B and @N.
func (p *parted) expr(t *testing.T, src string, i int) cid.Cid {
	t.Helper()
	at := func(c cid.Cid) string { return "@" + c.String() }
	names := []string{"@A", at(p.lists[i]), "@B", at(p.lists[0])}
	if strings.Contains(src, "@M") || strings.Contains(src, "@N") {
		p.makeMaps()
		names = append(names, "@M", at(p.maps[i]), "@N", at(p.maps[0]))
	}
	src = strings.NewReplacer(names...).Replace(src)
	expr, own := compiled(t, program{name: src, file: "parted.ros", src: src})
	if !expr.Defined() {
		t.Fatalf("%s does not compile", src)
	}
	p.put(own...)
	return expr
}

// fresh is a store with the blocks that there were, and no answers.
func (p *parted) fresh() *graph.Memory {
	s := graph.NewMemory()
	s.Put(context.Background(), p.blocks...)
	return s
}

// A generator makes up a program.
type generator func(p *parted, depth int) string

// generators are run from each seed.
var generators = []generator{(*parted).program, (*parted).ordering, (*parted).mapping}

// A trial is a program over the lists of a parted, and what it comes to with each of them.
type trial struct {
	*parted
	t     *testing.T
	seed  uint64
	src   string
	exprs []cid.Cid
	want  []answered
	steps []uint64
}

func newTrial(t *testing.T, of generator, seed uint64, n, depth int) *trial {
	p := newParted(seed, n)
	x := &trial{parted: p, t: t, seed: seed, src: of(p, depth)}
	for i := range p.lists {
		expr := p.expr(t, x.src, i)
		out := x.evaluate("with no links", eval.New(eval.Options{Load: p.store.Load}), expr)
		x.exprs, x.want, x.steps = append(x.exprs, expr), append(x.want, answerOf(expr, out)), append(x.steps, out.Reduced)
	}
	return x
}

func (x *trial) fail(format string, args ...any) {
	x.t.Helper()
	x.t.Fatalf("seed %d: %s\n%s", x.seed, fmt.Sprintf(format, args...), x.src)
}

func (x *trial) evaluate(when string, m *eval.Machine, expr cid.Cid) eval.Outcome {
	x.t.Helper()
	out, err := x.run(when, func() (eval.Outcome, error) { return m.Eval(context.Background(), expr) })
	if err != nil {
		x.fail("%s: %v", when, err)
	}
	return out
}

func (x *trial) run(when string, evaluate func() (eval.Outcome, error)) (eval.Outcome, error) {
	x.t.Helper()
	defer func() {
		if bug := recover(); bug != nil {
			x.fail("%s: %v\n%s", when, bug, debug.Stack())
		}
	}()
	return evaluate()
}

// is checks what the program came to with the i-th list.
func (x *trial) is(when string, i int, out eval.Outcome) {
	x.t.Helper()
	if got := answerOf(x.exprs[i], out); got != x.want[i] {
		x.fail("list %d, %s: got %v, want %v", i, when, got, x.want[i])
	}
	if out.Result.Defined() && out.Result != x.want[i].result {
		x.fail("list %d, %s: the result is %s, want %s", i, when, out.Result, x.want[i].result)
	}
}

func (x *trial) machine(mode eval.Mode, s *graph.Memory) *eval.Machine {
	return eval.New(x.options(mode, s))
}

func (x *trial) options(mode eval.Mode, s *graph.Memory) eval.Options {
	o := eval.Options{Store: s, Load: s.Load, Link: mode, Once: x.r.IntN(3) == 0}
	switch x.r.IntN(8) {
	case 0, 1, 2:
		o.Memory = 4 << 30
	case 3:
		runtime.GC()
		in, free := eval.MemoryInUse(), int64(48<<20)
		if mode == eval.All {
			free = 128 << 20 // for what the store keeps
		}
		o.Memory = max(in*5/2, in+free) // so that what can be made again is not held
	}
	return o
}

// TestPipelines runs random programs over a list, and then over ones that are much like it, from stores that know ever more.
func TestPipelines(t *testing.T) {
	for seed, of := range trials(109) {
		r := rand.New(rand.NewPCG(seed, 3))
		x := newTrial(t, of, seed, 3000+r.IntN(9000), r.IntN(4))
		kept := x.machine(eval.Auto, x.store)
		for k, i := range r.Perm(len(x.lists)) {
			m, when := kept, fmt.Sprintf("list %d, %d before", i, k)
			if r.IntN(2) == 0 {
				m = x.machine(eval.Auto, x.store)
			}
			x.is(when, i, x.evaluate(when, m, x.exprs[i]))
			if r.IntN(3) == 0 {
				x.is(when+", again", i, x.evaluate(when, kept, x.exprs[i]))
			}
		}
		if slices.Max(x.steps) < 60_000 {
			s := x.fresh()
			for i := range x.exprs {
				x.is("all", i, x.evaluate("all", x.machine(eval.All, s), x.exprs[i]))
			}
		}
	}
}

// TestOrders sorts a list by keys of all kinds, and then ones that are much like it.
func TestOrders(t *testing.T) {
	x := &trial{parted: newParted(1, 5000), t: t}
	if x.bad+x.lazy > 0 {
		t.Fatal("another seed is wanted")
	}
	for _, order := range orders {
		for _, src := range []string{"let xs = sortBy (%s) @A in [take 10 xs, xs]", "unique (map (%s) @A)", "let xs = sort (map (%s) @A) in [last xs, at 2500 xs, length (unique xs)]"} {
			x.src, x.exprs, x.want = fmt.Sprintf(src, order), nil, nil
			s := x.fresh()
			for i := range x.lists {
				expr := x.expr(t, x.src, i)
				x.exprs = append(x.exprs, expr)
				x.want = append(x.want, answerOf(expr, x.evaluate("with no links", eval.New(eval.Options{Load: x.store.Load}), expr)))
				s.Put(context.Background(), x.blocks...)
				x.is("", i, x.evaluate("", x.machine(eval.Auto, s), expr))
			}
		}
	}
}

// trials are the seeds that a test runs, and some that it always does, each with all programs.
func trials(always ...uint64) iter.Seq2[uint64, generator] {
	all := always
	if *pipeline != 1 {
		all = nil
	}
	for i := range uint64(*pipelines) {
		all = append(all, *pipeline+i)
	}
	return func(yield func(uint64, generator) bool) {
		for _, seed := range all {
			for _, of := range generators {
				if !yield(seed, of) {
					return
				}
			}
		}
	}
}

// TestPipelinesStopped stops programs in their midst, and goes on in other machines, until they are done.
func TestPipelinesStopped(t *testing.T) {
	ctx := context.Background()
	stops := 0
	var executed, whole uint64 // steps, with stops and without
	for seed, of := range trials(7, 12) {
		r := rand.New(rand.NewPCG(seed, 5))
		x := newTrial(t, of, seed, 3000+r.IntN(9000), r.IntN(4))
		for round := range 3 {
			s, other := x.fresh(), x.fresh()
			for _, i := range r.Perm(len(x.lists)) {
				var at cid.Cid
				o := x.options(eval.Auto, other)
				o.Memory = 0
				all := x.evaluate("without stops", eval.New(o), x.exprs[i])
				if round < 2 {
					whole += all.Steps - all.Spared
				}
				fuel := 1 + x.steps[i]/uint64(2+r.IntN(10))
				for try := 0; ; try++ {
					if try > 20 {
						fuel *= 2
					}
					o := x.options(eval.Auto, s)
					c, end := ctx, func() {}
					switch round {
					case 0, 1:
						o.Fuel = fuel
					case 2:
						c, end = context.WithTimeout(ctx, time.Duration(r.IntN(1+1<<try))*100*time.Microsecond)
						if r.IntN(3) == 0 {
							o.Memory = eval.MemoryInUse() + int64(r.IntN(1+1<<try))<<16
						}
					}
					m := eval.New(o)
					out, err := x.run("stopped", func() (eval.Outcome, error) {
						if at.Defined() && r.IntN(8) > 0 {
							return m.Resume(c, at)
						}
						return m.Eval(c, x.exprs[i])
					})
					end()
					if err == nil {
						if round < 2 {
							executed += out.Steps - out.Spared
						}
						x.is(fmt.Sprintf("round %d, after %d stops", round, try), i, out)
						break
					}
					stop := err.(*eval.Stop)
					if stop.Reason == eval.Missing || stop.Reason == eval.Endless {
						x.fail("round %d: %v", round, err)
					}
					if try > 40 {
						x.fail("round %d: stopped for ever: %v", round, err)
					}
					if stops++; round < 2 {
						executed += stop.Steps
					}
					if at = stop.Checkpoint; !at.Defined() {
						x.fail("round %d: nothing to go on from: %v", round, stop.Lost)
					}
				}
			}
		}
	}
	t.Logf("%d stops; %.3f times the steps were executed", stops, float64(executed)/float64(whole))
}

// TestStoppedAnyTime stops programs that do a lot in one step, at whatever time, and goes on in another machine, until they are done.
func TestStoppedAnyTime(t *testing.T) {
	const count = "let count n = fold (\\a k -> a * 31 % 1000003 + k) n (range 1 3000)\n"
	for i, src := range []string{
		`groupBy (\r -> r.note) @A`,
		`let xs = sort (flatMap (\r -> r.xs) (@A ++ @A)) in [at 1546 xs, length xs, last xs, at 171 xs]`,
		`let f n xs = let k = count n in [k, at (n * 1000) xs, count (k + 1), {a: at 77 xs, b: count 7, c: [n, at 5 xs]}] in let xs = sortBy (\r -> r.note) @A in [f 1 xs, f 2 (map (\r -> r.n) xs), length xs]`,
		`let m = Map.map (\_ r -> r.f) @M in let xs = Map.entries m in [count 1, at 1000 xs, Map.getOr 0.0 "none" m, {a: count 2, b: last xs, c: length (Map.values (Map.filter (\k _ -> k > "k") m))}]`,
	} {
		x := &trial{parted: newParted(uint64(i), 9000), t: t, seed: uint64(i), src: count + src}
		x.bad, x.lazy = 0, 0
		expr := x.expr(t, x.src, 0)
		want := answerOf(expr, x.evaluate("with no links", eval.New(eval.Options{Load: x.store.Load}), expr))
		for round := range 12 {
			s, at, stops := x.fresh(), cid.Undef, 0
			for wait := 200 * time.Microsecond; ; wait += wait / 4 {
				ctx, end := context.WithTimeout(context.Background(), wait+time.Duration(x.r.Int64N(int64(wait))))
				m := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.Auto, Memory: 8 << 30})
				out, err := x.run("stopped", func() (eval.Outcome, error) {
					if at.Defined() {
						return m.Resume(ctx, at)
					}
					return m.Eval(ctx, expr)
				})
				end()
				if err == nil {
					if got := answerOf(expr, out); got != want {
						x.fail("round %d, after %d stops: got %v, want %v", round, stops, got, want)
					}
					break
				}
				if stop, ok := err.(*eval.Stop); ok && stop.Reason == eval.Deadline {
					at, stops = stop.Checkpoint, stops+1
					continue
				}
				x.fail("round %d: %v", round, err)
			}
		}
	}
}

// TestFoldStopped stops a fold over a list, and one over a map, whose elements are not there: each leg goes on where the one before stood, and makes no
// elements but those that the fold comes to.
func TestFoldStopped(t *testing.T) {
	foldStopped(t, "let ys = map (\\r -> length r.xs) @A in ", "sum ys", "fold (\\a y -> ")
	foldStopped(t, "let ys = Map.map (\\_ r -> length r.xs) @M in ", "sum (Map.values ys)", "Map.fold (\\a _ y -> ")
}

func foldStopped(t *testing.T, ys, sum, fold string) {
	ctx := context.Background()
	x := &trial{parted: newParted(1, 40000), t: t, src: ys + sum}
	first := x.expr(t, x.src, 0)
	x.evaluate("at first", eval.New(eval.Options{Store: x.store, Load: x.store.Load, Link: eval.Auto}), first)
	x.src = ys + "[" + sum + ", " + fold + "fold (\\s k -> s * 31 % 1000003 + k) (a + y) (range 1 20)) 7 ys, length ys]"
	expr := x.expr(t, x.src, 0)
	plain := x.evaluate("with no links", eval.New(eval.Options{Load: x.store.Load}), expr)
	want := answerOf(expr, plain)
	var at cid.Cid
	executed, stops := uint64(0), 0
	for {
		m := eval.New(eval.Options{Store: x.store, Load: x.store.Load, Link: eval.Auto, Fuel: 100_000, Memory: 8 << 30})
		out, err := x.run("stopped", func() (eval.Outcome, error) {
			if at.Defined() {
				return m.Resume(ctx, at)
			}
			return m.Eval(ctx, expr)
		})
		executed += out.Reduced
		if err == nil {
			if got := answerOf(expr, out); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
			break
		}
		if at = err.(*eval.Stop).Checkpoint; !at.Defined() || stops == 30 {
			t.Fatalf("stop %d: %v, %v", stops, err, err.(*eval.Stop).Lost)
		}
		stops++
	}
	t.Logf("%d stops, %d steps of %d", stops, executed, plain.Reduced)
	if stops < 3 || executed > plain.Reduced*5/4 {
		t.Errorf("%d steps were executed in %d legs, want %d", executed, stops+1, plain.Reduced)
	}
}

// TestMadeInTheMidst has elements made again, which takes long, where a function is in the midst of something else.
func TestMadeInTheMidst(t *testing.T) {
	const slow = "let count r = fold (\\a k -> a + k) (truncate (r.f * 1000000.0)) (range 1 300)\n" // so that the stack is cleared meanwhile
	for i, src := range []string{
		`let f ys k = let zs = [k, k + 1] in [at 5 ys, zs, length ys, last ys, zs] in f (map (\r -> count r + length r.xs) @A) 1`,
		`let ys = map (\r -> count r + length r.xs) @A in let a = at 2000 ys in let zs = filter (\n -> n > 1) ys in [a, length ys, at 7 zs, length zs, a]`,
		`let f xs = match xs { | [a, b, ...rest] -> [a, length rest, b, at 9 rest, length xs] | _ -> [] } in f (map (\r -> count r + length r.xs) @A)`,
		`let f xs k = let zs = [k, k * 2] in (match xs { | [a, b, ...rest] -> [a, zs, b, zs, length rest] | _ -> [] }) in f (map (\r -> count r + length r.xs) @A) 7`,
		`let go ys i s = if i > 3000 then s else go ys (i + 1000) (s + (match at i ys { | Some n -> n | None -> 0 })) in let ys = map (\r -> count r + length r.xs) @A in [go ys 1 0, go ys 2 0]`,
		`let g = groupBy (\r -> if count r == 1 then r.note else r.k) @A in let ys = map (\r -> count r + length r.xs) g.city3 in let h = Map.getOr [] "city4" g in [at 5 ys, (match at 7 h { | Some r -> r.k | _ -> ""}), last ys, length h]`,
		`let f m k = let zs = [k, k + 1] in [Map.get "user110" m, zs, length m, Map.get "user5910" m, zs, Map.has "user10" m] in f (Map.map (\_ r -> count r + length r.xs) @M) 1`,
		`let m = Map.map (\_ r -> count r + length r.xs) @M in let a = Map.get "user10" m in let zs = filter (\n -> n > 1) (Map.values m) in [a, length m, at 7 zs, length zs, a]`,
		`let m = Map.filter (\_ r -> count r + length r.xs > 1) @M in let f a m = match m { | {user10: x, ...rest} -> [a, x.k, length rest, a] | _ -> [a, length m] } in [f "of it" m, f "again" (Map.insert "user10" {k: "new"} m)]`,
	} {
		x := &trial{parted: newParted(1, 9000), t: t, seed: uint64(i), src: slow + src}
		x.exprs = []cid.Cid{x.expr(t, x.src, 0), x.expr(t, x.src, 1), x.expr(t, x.src, 2)}
		for _, expr := range x.exprs {
			x.want = append(x.want, answerOf(expr, x.evaluate("with no links", eval.New(eval.Options{Load: x.store.Load}), expr)))
		}
		for i, expr := range x.exprs {
			for _, fuel := range []uint64{0, 200_000} {
				m := eval.New(eval.Options{Store: x.store, Load: x.store.Load, Link: eval.Auto, Fuel: fuel})
				out, err := x.run("made", func() (eval.Outcome, error) { return m.Eval(context.Background(), expr) })
				if stop, ok := err.(*eval.Stop); ok && stop.Checkpoint.Defined() {
					m = eval.New(eval.Options{Store: x.store, Load: x.store.Load, Link: eval.Auto})
					out, err = x.run("resumed", func() (eval.Outcome, error) { return m.Resume(context.Background(), stop.Checkpoint) })
				}
				if err == nil {
					x.is("made", i, out)
				} else if fuel == 0 {
					x.fail("%v", err)
				}
			}
		}
	}
}

// A noting is a store that notes what is recorded.
type noting struct {
	*graph.Memory
	answers []graph.Answer
}

func (s *noting) Record(ctx context.Context, a graph.Answer) error {
	s.answers = append(s.answers, a)
	return s.Memory.Record(ctx, a)
}

// TestHostileParts has a machine trust records of parts that lie: it comes to an answer or says what is wrong, and a machine that does not trust them
// comes to what is right.
func TestHostileParts(t *testing.T) {
	ctx := context.Background()
	right, wrong, refused := 0, 0, 0
	for seed, of := range trials(3) {
		r := rand.New(rand.NewPCG(seed, 6))
		x := newTrial(t, of, seed, 3000+r.IntN(4000), r.IntN(4))
		first := &noting{Memory: x.fresh()}
		x.is("first", 0, x.evaluate("first", eval.New(eval.Options{Store: first, Load: first.Load, Link: eval.Auto}), x.exprs[0]))
		for round := range 4 {
			s := x.fresh()
			for _, a := range first.answers {
				if a.Expr == x.exprs[0] {
					continue
				}
				data, _ := first.Load(a.Expr)
				s.Put(ctx, graph.Block{CID: a.Expr, Data: data})
				result, err := eval.LoadAnswer(a, first.Load)
				if err != nil {
					t.Fatal(err)
				}
				if r.IntN(1<<round) == 0 {
					lie(r, &result)
				}
				claim := graph.Answer{Expr: a.Expr, Result: graph.EncodeResult(result, s).CID, By: graph.ClaimAnswer + "liar", Steps: result.Steps}
				claim.Trace = graph.EncodeTrace(graph.Trace{Result: claim.Result}, s).CID
				s.Record(ctx, claim)
			}
			for i := range 2 {
				c, end := context.WithTimeout(ctx, time.Minute)
				began := time.Now()
				m := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.Auto, Believe: func(string) bool { return true }, Memory: 2 << 30})
				out, err := x.run("trusting", func() (eval.Outcome, error) { return m.Eval(c, x.exprs[i]) })
				if stop, ok := err.(*eval.Stop); ok && stop.Reason != eval.Missing && stop.Reason != eval.MemoryLimit {
					x.fail("list %d, trusting: %v", i, err)
				}
				switch got, made := looked(x.exprs[i], out); {
				case err != nil || !made:
					refused++
				case got == x.want[i]:
					right++
				case out.Rests == "":
					x.fail("list %d: a lie without a word of whose claims it rests on: %v", i, got)
				default:
					wrong++
				}
				end()
				if d := time.Since(began); d > 50*time.Second {
					x.fail("list %d, trusting: it takes %v", i, d)
				}
			}
			for i := range x.exprs {
				x.is("not trusting", i, x.evaluate("not trusting", eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.Auto}), x.exprs[i]))
			}
		}
	}
	if t.Logf("%d right, %d wrong, %d refused", right, wrong, refused); wrong == 0 && *pipeline == 1 {
		t.Error("nobody was deceived")
	}
}

// looked is the answer of an outcome that may hold lists which cannot be made.
func looked(expr cid.Cid, out eval.Outcome) (a answered, made bool) {
	var err error
	func() {
		defer graph.CatchLoad(&err)
		a = answerOf(expr, out)
	}()
	return a, err == nil
}

// lie has a result say something else.
func lie(r *rand.Rand, result *graph.Result) {
	switch r.IntN(12) {
	case 0:
		result.Error = &graph.Failure{Kind: "error", Value: graph.Text("a lie")}
	case 1:
		result.Steps = []uint64{0, 1, graph.MaxSteps, result.Steps + 1}[r.IntN(4)]
	default:
		result.Value = lied(r, result.Value, 0)
	}
}

func lied(r *rand.Rand, v graph.Value, depth int) graph.Value {
	if depth < 5 && r.IntN(8) > 0 {
		switch {
		case v.Kind() == graph.KindList && v.List().Len() > 0:
			i := r.IntN(v.List().Len())
			return graph.ListValue(v.List().Set(i, lied(r, v.List().At(i), depth+1)))
		case v.Kind() == graph.KindMap && v.Map().Len() > 0:
			key, x := v.Map().At(r.IntN(v.Map().Len()))
			switch r.IntN(6) {
			case 0:
				return graph.MapValue(v.Map().Remove(key).Insert("another", x))
			case 1:
				return graph.MapValue(v.Map().Remove(key))
			}
			return graph.MapValue(v.Map().Insert(key, lied(r, x, depth+1)))
		}
	}
	if i, small := int64(0), false; v.Kind() == graph.KindInt && r.IntN(4) > 0 {
		if i, small = v.Int(); small {
			return []graph.Value{graph.Int(i + 1), graph.Int(i - 1), graph.Int(-i), graph.Int(-1), graph.Int(0), graph.Int(1 << 31), graph.Int(1<<31 - 1), graph.Int(1 << 62), graph.Int(9), graph.Int(i + 1000)}[r.IntN(10)]
		}
	}
	return []graph.Value{graph.Null(), graph.Text("x"), graph.NewList(), graph.NewList(graph.Int(1), graph.Int(-2)), graph.Int(7), graph.Float(0.5), graph.MapValue(graph.MapSorted([]string{"k"}, []graph.Value{graph.Int(-5)})), graph.LinkValue(graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Int(1)}, nil))}[r.IntN(8)]
}
