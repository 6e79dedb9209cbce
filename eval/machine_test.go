// This file holds the machine against the oracle (oracle_test.go) on generated programs (generate_test.go) and on those
// that are kept under testdata: in every mode of linking, from an empty store, from a warm one, and from one that has
// lost some of its answers, value or error, steps and the Result's CID must be the oracle's.

package eval_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

var (
	programs = flag.Int("programs", 600, "half as many generated programs as TestMachineAgreesWithOracle runs, and about as many as the others do")
	seed     = flag.Int64("seed", 1, "the first one's seed")
)

// A shop is a store in memory that can hide answers and lose blocks, and notes what is recorded.
type shop struct {
	graph.Memory
	hide     func(expr cid.Cid) bool
	gone     func(block cid.Cid) bool
	looked   func() // called when an answer is looked for
	more     *shop  // where blocks are that it lacks
	by       string // whose claims it records; "" for whoever makes them
	recorded []graph.Answer
	became   []graph.Becomes
}

func (s *shop) Answer(ctx context.Context, expr cid.Cid) (graph.Answer, bool, error) {
	if s.looked != nil {
		s.looked()
	}
	if s.hide != nil && s.hide(expr) {
		return graph.Answer{}, false, nil
	}
	a, ok, err := s.Memory.Answer(ctx, expr)
	if ok && s.gone != nil && s.gone(a.Result) {
		return graph.Answer{}, false, nil
	}
	return a, ok, err
}

func (s *shop) Reduct(ctx context.Context, expr cid.Cid) (graph.Becomes, bool, error) {
	b, ok, err := s.Memory.Reduct(ctx, expr)
	if ok && s.gone != nil && s.gone(b.Reduct) {
		return graph.Becomes{}, false, nil
	}
	return b, ok, err
}

// Load, Block and Has know nothing of what is gone.
func (s *shop) Load(c cid.Cid) ([]byte, error) {
	if s.gone != nil && s.gone(c) {
		return nil, graph.NotFound(c)
	}
	data, err := s.Memory.Load(c)
	if err != nil && s.more != nil {
		return s.more.Memory.Load(c)
	}
	return data, err
}

func (s *shop) Block(_ context.Context, c cid.Cid) ([]byte, error) { return s.Load(c) }

func (s *shop) Has(ctx context.Context, c cid.Cid) (bool, error) {
	if s.gone != nil && s.gone(c) {
		return false, nil
	}
	return s.Memory.Has(ctx, c)
}

func (s *shop) Record(ctx context.Context, a graph.Answer) error {
	if s.by != "" {
		a.By = s.by
	}
	s.recorded = append(s.recorded, a)
	return s.Memory.Record(ctx, a)
}

func (s *shop) RecordReduct(ctx context.Context, b graph.Becomes) error {
	if s.by != "" {
		b.By = s.by
	}
	s.became = append(s.became, b)
	return s.Memory.RecordReduct(ctx, b)
}

// sound says which of the answers and reducts that were recorded are not what the oracle says; it looks at a dozen of each.
func (s *shop) sound(budget int64) error {
	o := newReducer(&s.Memory, s.Load, budget)
	for i := 0; i < len(s.recorded); i += 1 + len(s.recorded)/12 {
		a := s.recorded[i]
		if err := flat(a.Expr, s.Load); err != nil {
			return err
		}
		want := o.reduce(a.Expr)
		if want.halt == nil && want.result(a.Expr) != a.Result {
			data, _ := s.Load(a.Result)
			r, err := graph.DecodeResult(data, s.Load)
			return fmt.Errorf("recorded of %s: got %s, %v; want %s", a.Expr, describe(r.Value, r.Error, r.Steps), err, describe(want.value, want.err, want.steps))
		}
	}
	for i := 0; i < len(s.became); i += 1 + len(s.became)/12 {
		r, err := graph.LoadReduct(s.became[i], s.Memory.Load)
		if err != nil {
			return err
		}
		want, got := o.reduce(r.Of), o.reduce(r.To)
		got.steps += r.Steps
		if want.halt == nil && got.halt == nil && got.result(r.Of) != want.result(r.Of) {
			return fmt.Errorf("%s has become %s: got %s; want %s", r.Of, r.To, describe(got.value, got.err, got.steps), describe(want.value, want.err, want.steps))
		}
	}
	return nil
}

func newShop(u *compile.Unit) *shop {
	s := &shop{}
	s.Put(context.Background(), stdlib.Blocks()...)
	s.Put(context.Background(), u.Blocks...)
	return s
}

func build(src string) (*compile.Unit, error) {
	f, errs := lang.Parse("program.ros", []byte(src))
	if len(errs) > 0 {
		return nil, errs
	}
	u, errs := compile.File(f, compile.Options{Prelude: stdlib.Lookup, Names: stdlib.Names, Load: stdlib.Load})
	if len(errs) > 0 {
		return nil, errs
	}
	return u, nil
}

// generatedBudget is what the oracle may do for a generated program: steps, and about what takes as long as a step.
const generatedBudget = 12_000

var errTooMuch = errors.New("more than the oracle can reduce")

// agree says where machine and oracle disagree about a program; errTooMuch if the oracle has no answer within the budget.
func agree(u *compile.Unit, budget int64) error {
	base := newShop(u)
	want := newReducer(&base.Memory, base.Load, budget).reduce(u.BodyCID)
	if want.halt != nil && want.halt != endless {
		if s, ok := want.halt.(*eval.Stop); ok && !errors.Is(s, graph.ErrNotFound) {
			return s
		}
		return errTooMuch // or a block is missing, which a linked result may bring
	}
	expr := u.BodyCID
	var m *eval.Machine
	machines := 0
	run := func(what string, s *shop, mode eval.Mode, hide func(cid.Cid) bool) error {
		s.hide = hide
		if m == nil {
			m = eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, Memory: 4 << 30})
			if machines++; machines%2 == 1 {
				m.SmallChunks(1024)
			}
		}
		if strings.HasPrefix(what, "asleep") {
			m.SleepSoon(uint64(machines%3) * 50)
		}
		m.SetFuel(uint64(4 * budget))
		if strings.HasSuffix(what, "stopped") {
			m.SetFuel(1 + want.steps/2)
		}
		out, err := m.Eval(context.Background(), expr)
		if s, ok := err.(*eval.Stop); ok && s.Reason == eval.OutOfFuel && strings.HasSuffix(what, "stopped") {
			return nil
		}
		if err == nil && m.Failure() != nil {
			err = m.Failure()
		}
		if err := same(expr, want, out, err, mode != eval.None); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if notes := m.Notes(); len(notes) > 0 {
			return fmt.Errorf("%s: %v", what, notes)
		}
		return nil
	}
	everything := func(cid.Cid) bool { return true }
	root := func(c cid.Cid) bool { return c == expr }
	half := func(c cid.Cid) bool { return c == expr || c.Hash()[10]&1 == 0 }
	none, auto, asleep, all := newShop(u), newShop(u), newShop(u), newShop(u)
	for _, r := range []struct {
		what  string
		store *shop
		mode  eval.Mode
		hide  func(cid.Cid) bool
		again bool // on the machine of the run before
	}{
		{"none, stopped", none, eval.None, nil, false},
		{"none", none, eval.None, nil, true},
		{"none, again", none, eval.None, nil, true},
		{"auto, stopped", auto, eval.Auto, nil, false},
		{"auto", auto, eval.Auto, nil, true},
		{"auto, again without the root", auto, eval.Auto, root, true},
		{"auto from the store", auto, eval.Auto, nil, false},
		{"auto from the store without the root", auto, eval.Auto, root, false},
		{"asleep, stopped", asleep, eval.Auto, everything, false},
		{"asleep", asleep, eval.Auto, everything, true},
		{"asleep, again without the root", asleep, eval.Auto, root, true},
		{"asleep from half the store", asleep, eval.Auto, half, false},
		{"all, stopped", all, eval.All, nil, false},
		{"all", all, eval.All, nil, true},
		{"all, again without any answer", all, eval.All, everything, true},
		{"all from the store", all, eval.All, nil, false},
		{"all from the store without the root", all, eval.All, root, false},
		{"all from half the store", all, eval.All, half, false},
		{"auto from half the store that all left", all, eval.Auto, half, false},
		{"auto from the store that all left", all, eval.Auto, root, false},
	} {
		if !r.again {
			m = nil
		}
		if err := run(r.what, r.store, r.mode, r.hide); err != nil {
			return err
		}
	}
	for _, s := range []*shop{auto, asleep, all} {
		if err := s.sound(budget); err != nil {
			return err
		}
	}
	return nil
}

// flat says what is wrong with the form of an expression that was linked: in an application a primitive stands itself.
func flat(expr cid.Cid, load graph.Loader) error {
	t, err := graph.LoadCode(expr, load)
	if err != nil || t.Op != graph.OpApp {
		return err
	}
	for _, a := range t.Args {
		if a.Op != graph.OpRef {
			continue
		}
		if arg, err := graph.LoadCode(a.CID, load); err != nil || arg.Op == graph.OpPrim {
			return fmt.Errorf("recorded of %s: it links to a primitive, %v", expr, err)
		}
	}
	return nil
}

func (a answer) result(expr cid.Cid) cid.Cid {
	return graph.EncodeResult(graph.Result{Of: expr, Value: a.value, Error: a.err, Steps: a.steps}, nil).CID
}

// same compares an outcome with the oracle's answer.
func same(expr cid.Cid, want answer, out eval.Outcome, err error, linked bool) error {
	if want.halt == endless {
		if s, ok := err.(*eval.Stop); !ok || s.Reason != eval.Endless {
			return fmt.Errorf("got %s, %v; want an endless value", describe(out.Value, nil, out.Steps), err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("got %w; want %s", err, describe(want.value, want.err, want.steps))
	}
	got := answer{value: out.Value, steps: out.Steps}
	if out.Error != nil {
		got.err = &graph.Failure{Kind: out.Error.Err.Kind, Value: out.Error.Err.Value}
	}
	if got.result(expr) != want.result(expr) {
		return fmt.Errorf("got %s; want %s", describe(got.value, got.err, got.steps), describe(want.value, want.err, want.steps))
	}
	if linked && out.Result != want.result(expr) {
		return fmt.Errorf("got the result %s, want %s", out.Result, want.result(expr))
	}
	return nil
}

func describe(v graph.Value, err *graph.Failure, steps uint64) string {
	kind := "value"
	if err != nil {
		kind, v = err.Kind, err.Value
	}
	text := []byte("a large value")
	if size := 10_000; parts(v, &size) {
		text, _ = graph.AppendJSON(nil, v, nil)
	}
	return fmt.Sprintf("%s %.300s (%s) in %d steps", kind, text, v.Kind(), steps)
}

// parts says whether v has no more than so many parts, shared ones counting each time.
func parts(v graph.Value, most *int) bool {
	each := func(v graph.Value) bool { return parts(v, most) }
	if *most--; *most < 0 {
		return false
	}
	switch v.Kind() {
	case graph.KindList:
		v.List().Each(each)
	case graph.KindMap:
		v.Map().Each(func(_ string, v graph.Value) bool { return each(v) })
	}
	return *most >= 0
}

// shorten looks for a shorter string of choices whose program fails in the same way.
func shorten(data []byte, fails func([]byte) bool) []byte {
	for size := len(data) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(data); {
			if cut := append(append([]byte(nil), data[:at]...), data[at+size:]...); fails(cut) {
				data = cut
			} else if zero := append([]byte(nil), data...); clearNew(zero[at:at+size]) && fails(zero) {
				data = zero
			} else {
				at += size
			}
		}
	}
	return data
}

// clearNew sets b to zero, and says whether that changed it.
func clearNew(b []byte) (changed bool) {
	for i := range b {
		changed = changed || b[i] != 0
		b[i] = 0
	}
	return changed
}

func TestMachineAgreesWithOracle(t *testing.T) {
	agreeOnAll(t, program, 2**programs) // the others take longer, since they stop, or lose blocks
}

// agreeOnAll tests n generated programs.
func agreeOnAll(t *testing.T, program func(data []byte) string, n int) {
	skipped, failures := 0, 0
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	if testing.Short() {
		n = min(n, 200)
	}
	for i := range n {
		data := randomChoices(*seed + int64(i))
		src := program(data)
		u, err := build(src)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", *seed+int64(i), err, src)
		}
		err = agree(u, generatedBudget)
		if err == errTooMuch {
			skipped++
			continue
		}
		if err != nil {
			data = shorten(data, func(data []byte) bool {
				u, err := build(program(data))
				if err == nil {
					err = agree(u, generatedBudget)
				}
				return err != nil && err != errTooMuch
			})
			src = program(data)
			if u, err := build(src); err == nil {
				t.Errorf("seed %d: %v\n%s", *seed+int64(i), agree(u, generatedBudget), src)
			}
			if failures++; failures == 3 {
				t.FailNow()
			}
		}
	}
	if skipped > n/5 {
		t.Errorf("%d of %d programs were too much for the oracle", skipped, n)
	}
}

func TestMachineOnKeptPrograms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ros")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs under testdata", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			u, err := build(string(src))
			if err != nil {
				t.Fatal(err)
			}
			if err := agree(u, 200_000); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzMachine(f *testing.F) {
	for i := range int64(20) {
		f.Add(randomChoices(i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := program(data)
		u, err := build(src)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		if err := agree(u, generatedBudget); err != nil && err != errTooMuch {
			t.Fatalf("%v\n%s", err, src)
		}
	})
}

// Naive fib takes fib(n+1) calls for each one of the last argument, so its steps are known where nobody could count them.
func TestStepsStopCounting(t *testing.T) {
	calls := func(n int) uint64 { // 2 fib(n+1) - 1, up to 2^63-1
		a, b := big.NewInt(0), big.NewInt(1)
		for range n {
			a, b = b, a.Add(a, b)
		}
		c := b.Lsh(b, 1)
		if c.Sub(c, big.NewInt(1)); !c.IsInt64() {
			return math.MaxInt64
		}
		return c.Uint64()
	}
	const fib = "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n"
	for _, c := range []struct {
		src   string
		steps uint64
	}{
		{"fib 89", calls(89)},
		{"fib 90", calls(90)},
		{"fib 91", calls(91)},
		{"fib 400", math.MaxInt64},
		{"[fib 88, fib 88].1", 2 * calls(88)},
		{"[fib 90, fib 89]", min(calls(90)+calls(89), math.MaxInt64)},
		{"[fib 400, fib 10, fib 400]", math.MaxInt64},
		{"[force (lazy (fib 400)), fib 10]", calls(10)},
		{"[try (fib 90 // 0), try (fib 400 // 0), fib 5]", math.MaxInt64},
		{"fib 400 // 0", math.MaxInt64},
		{"let v = fib 85\n[v, v, v, v]", 4 * calls(85)},
		{"let v = fib 85\nlet w = [v, v, v, v]\n[w, w, w]", min(12*calls(85), math.MaxInt64)},
		{"map fib (repeat 17 84)", 17*calls(84) + 2},
		{"map fib (repeat 40 88)", math.MaxInt64},
		{"let f n = lazy (fib n)\n[force (f 400), force (f 90)]", 2},
	} {
		src := fib + c.src
		if !strings.HasPrefix(c.src, "let") {
			src = fib + "\n" + c.src
		}
		u, err := build(src)
		if err != nil {
			t.Fatal(err)
		}
		results := map[cid.Cid]bool{}
		for _, mode := range []eval.Mode{eval.Auto, eval.All} {
			s := newShop(u)
			for _, hide := range []func(cid.Cid) bool{nil, func(c cid.Cid) bool { return c == u.BodyCID }, func(c cid.Cid) bool { return c == u.BodyCID || c.Hash()[10]&1 == 0 }} {
				s.hide = hide
				m := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, Fuel: 10_000_000})
				out, err := m.Eval(context.Background(), u.BodyCID)
				if err != nil || out.Steps != c.steps {
					t.Errorf("%s: got %d steps, %v; want %d", c.src, out.Steps, err, c.steps)
				}
				results[out.Result] = true
			}
		}
		if len(results) != 1 {
			t.Errorf("%s: got %d results", c.src, len(results))
		}
	}
}

// TestManyConditions: a condition has as many parts as a block of code has room for.
func TestManyConditions(t *testing.T) {
	for _, c := range []struct {
		op, x string
		want  int64
	}{{" && ", "true", 6}, {" || ", "false", 3}} {
		all := "x"
		for range 4 {
			all = "(" + strings.Repeat(all+c.op, 11) + all + ")"
		}
		u, err := build("let f x n = if n > 0 && " + all + " then n + f x (n - 1) else n\n\nf " + c.x + " 3")
		if err != nil {
			t.Fatal(err)
		}
		if out := once(t, u, eval.None); out.Value != graph.Int(c.want) {
			t.Errorf("f %s 3: got %v, want %d", c.x, out.Value, c.want)
		}
	}
}

// believing is Options.Believe that believes all, or nobody.
func believing(all bool) func(string) bool { return func(string) bool { return all } }

// TestChainsAgree: an error has the same calls in progress, whether they are linked or not; one that was recorded in the same run, where it was
// caught, those that it was found by.
func TestChainsAgree(t *testing.T) {
	chainsAgree(t, program, *programs/3)
}

func chainsAgree(t *testing.T, program func(data []byte) string, n int) {
	errs, failures := 0, 0
	for i := range n {
		data := randomChoices(*seed + int64(i))
		u, err := build(program(data))
		if err != nil {
			continue
		}
		var want *eval.Thrown
		for run, mode := range []eval.Mode{eval.None, eval.Auto, eval.Auto, eval.All} {
			s := newShop(u)
			m := eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, Memory: 4 << 30, Fuel: 4 * generatedBudget})
			if run == 2 {
				m.SleepSoon(uint64(i%2) * forEver)
			}
			if mode == eval.All || i%4 == 0 {
				m.SmallChunks(1024)
			}
			out, err := m.Eval(context.Background(), u.BodyCID)
			switch {
			case err != nil || out.Error == nil:
			case mode == eval.None:
				want = out.Error
				errs++
			case want != nil && out.Error.More == 0 && out.Stats.Reused > 0 && areOuter(out.Error.Calls, want.Calls):
			case want == nil || !slices.Equal(out.Error.Calls, want.Calls) || out.Error.More != want.More:
				t.Errorf("seed %d, mode %d, run %d: got the calls %v and %d, want %v and %d of\n%s", *seed+int64(i), mode, run, out.Error.Calls, out.Error.More, want.Calls, want.More, program(data))
				failures++
			}
		}
		if failures > 2 {
			return
		}
	}
	t.Logf("%d errors", errs)
}

// areOuter says whether calls are the outer ones of all.
func areOuter(calls, all []eval.Call) bool {
	n := len(all) - len(calls)
	if n < 0 || len(calls) == 0 {
		return n >= 0
	}
	first, outer := calls[0], all[n]
	outer.Times = min(outer.Times, first.Times)
	return first == outer && slices.Equal(calls[1:], all[n+1:])
}

// TestProgressBeginsAnew: before the first safepoint of an evaluation nothing is told of the one before.
func TestProgressBeginsAnew(t *testing.T) {
	long, err := build("sum (map (\\x -> x) (range 1 20000))")
	if err != nil {
		t.Fatal(err)
	}
	short, err := build("(\\x -> x) 1")
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(long)
	s.Put(context.Background(), short.Blocks...)
	m := eval.New(eval.Options{Store: s, Load: s.Load})
	m.Progress()
	for _, u := range []*compile.Unit{long, short} {
		if _, err := m.Eval(context.Background(), u.BodyCID); err != nil {
			t.Fatal(err)
		}
	}
	if p := m.Progress(); p != (eval.Progress{}) {
		t.Errorf("got %v", p)
	}
}
