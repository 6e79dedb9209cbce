// This file stops evaluations, and goes on with them.

package eval_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// A journey is an evaluation that is stopped again and again, and resumed by a new machine each time.
type journey struct {
	store    *shop
	mode     eval.Mode
	small    bool                     // stacks in small chunks
	fuel     func(stop int) uint64    // for the next leg
	between  func(checkpoint cid.Cid) // called at each stop
	stops    int
	executed uint64
}

// run goes from the expression to its answer.
func (j *journey) run(expr cid.Cid, most int) (out eval.Outcome, err error) {
	var at cid.Cid
	for {
		m := eval.New(eval.Options{Store: j.store, Load: j.store.Load, Link: j.mode, Memory: 8 << 30})
		if j.small {
			m.SmallChunks(1024)
		}
		m.SetFuel(j.fuel(j.stops))
		if at.Defined() {
			out, err = m.Resume(context.Background(), at)
		} else {
			out, err = m.Eval(context.Background(), expr)
		}
		j.executed += out.Reduced
		var stop *eval.Stop
		if !errors.As(err, &stop) || stop.Reason != eval.OutOfFuel {
			return out, err
		}
		if !stop.Checkpoint.Defined() {
			return out, fmt.Errorf("stop %d: there is no checkpoint", j.stops)
		}
		at = stop.Checkpoint
		if j.between != nil {
			j.between(at)
		}
		if j.stops++; j.stops > most {
			return out, fmt.Errorf("it does not come to its end in %d stops; %d steps", most, j.executed)
		}
	}
}

// resumes says where stopping and going on comes to something else than the oracle, or takes too many steps.
func resumes(u *compile.Unit, budget int64, r *rand.Rand) error {
	base := newShop(u)
	want := newReducer(&base.Memory, base.Load, budget).reduce(u.BodyCID)
	if want.halt != nil {
		return errTooMuch
	}
	if s := newShop(u); true { // a lazy value is reduced once here, and each time by the oracle: what there is to do is what the machine does
		m := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.None})
		if out, err := m.Eval(context.Background(), u.BodyCID); err != nil || out.Reduced == 0 {
			return errTooMuch
		}
	}
	for _, mode := range []eval.Mode{eval.None, eval.Auto, eval.All} {
		for small := range 2 {
			few := uint64(r.IntN(40))
			j := &journey{store: newShop(u), mode: mode, small: small == 1, fuel: func(stop int) uint64 {
				return 1 + uint64(stop*stop)/4 + uint64(r.Uint64N(1+few+want.steps/8))
			}}
			out, err := j.run(u.BodyCID, 400)
			if err := same(u.BodyCID, want, out, err, mode != eval.None); err != nil {
				return fmt.Errorf("mode %d, small %d, %d stops: %w", mode, small, j.stops, err)
			}
		}
	}
	return nil
}

func TestResumedAgreesWithOracle(t *testing.T) {
	failures := 0
	n := *programs
	if testing.Short() {
		n = min(n, 200)
	}
	for i := range n {
		data := randomChoices(*seed + int64(i))
		fails := func(data []byte) error {
			u, err := build(program(data))
			if err != nil {
				return errTooMuch
			}
			return resumes(u, generatedBudget, rand.New(rand.NewPCG(uint64(*seed), uint64(i))))
		}
		err := fails(data)
		if err == nil || err == errTooMuch {
			continue
		}
		first, until := err, time.Now().Add(15*time.Second)
		data = shorten(data, func(data []byte) bool {
			if time.Now().After(until) {
				return false
			}
			err := fails(data)
			return err != nil && err != errTooMuch
		})
		t.Errorf("seed %d: %v; shorter: %v\n%s", *seed+int64(i), first, fails(data), program(data))
		if failures++; failures == 3 {
			t.FailNow()
		}
	}
}

func TestResumedKeptPrograms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ros")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs under testdata", err)
	}
	done := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		u, err := build(string(src))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range uint64(3) {
			switch err := resumes(u, generatedBudget, rand.New(rand.NewPCG(3, i))); err {
			case nil:
				done++
			case errTooMuch:
			default:
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if done < 9 {
		t.Errorf("only %d journeys were made", done)
	}
}

// TestStopWhileDeep: a stop does not wait for its stack to be unwound, and whatever the machine does next finds it whole.
func TestStopWhileDeep(t *testing.T) {
	u, err := build("let s n = if n == 0 then 0 else n + s (n - 1)\n\ns 40000")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, mode := range []eval.Mode{eval.None, eval.Auto, eval.All} {
		store := newShop(u)
		m := eval.New(eval.Options{Store: store, Load: store.Load, Link: mode, Memory: 8 << 30})
		m.SmallChunks(1024)
		stops := 0
		for fuel := uint64(1000); ; fuel += 7000 {
			m.SetFuel(fuel)
			out, err := m.Eval(ctx, u.BodyCID)
			var stop *eval.Stop
			if errors.As(err, &stop) {
				if stops++; !stop.Checkpoint.Defined() || stop.Lost != nil || stop.Steps < fuel || out.Reduced != stop.Steps {
					t.Fatalf("mode %d: got %+v, %+v", mode, stop, out)
				}
				if v, thrown, err := m.Primitive(ctx, "num.neg", graph.Int(7)); err != nil || thrown != nil || v != graph.Int(-7) {
					t.Fatalf("mode %d: then got %v, %v, %v", mode, v, thrown, err)
				}
				continue
			}
			if err != nil || out.Error != nil || out.Value != graph.Int(800020000) || out.Steps != 40001 || stops < 2 {
				t.Fatalf("mode %d: after %d stops got %+v, %v", mode, stops, out, err)
			}
			break
		}
	}
}

// TestStopWhileLinking has the deadline come while a list of 2^29 elements, most of them shared, is written: as the answer, as that of
// another call, or of many.
func TestStopWhileLinking(t *testing.T) {
	const doubled = "foldr (\\x acc -> [x, ...acc] ++ acc) [] (range 1 29)"
	for _, c := range []struct {
		src  string
		mode eval.Mode
		lost bool // the answer cannot be written in time
	}{
		{doubled, eval.Auto, true},
		{"let xs = " + doubled + "\n\nlength xs", eval.All, false},
	} {
		u, err := build(c.src)
		if err != nil {
			t.Fatal(err)
		}
		store := newShop(u)
		m := eval.New(eval.Options{Store: store, Load: store.Load, Link: c.mode})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		out, err := m.Eval(ctx, u.BodyCID)
		cancel()
		var stop *eval.Stop
		switch lost := errors.As(err, &stop) && stop.Reason == eval.Deadline && stop.Lost != nil; {
		case lost != c.lost:
			t.Errorf("%s, mode %d: got %+v, %v", c.src, c.mode, out, err)
		case !lost && out.Linked >= 29:
			t.Errorf("%s, mode %d: all of %d calls are linked", c.src, c.mode, out.Linked)
		}
	}
}

// A failing shop does not keep a block now and then.
type failing struct {
	*shop
	fail func() bool
}

func (f *failing) Put(ctx context.Context, blocks ...graph.Block) error {
	if f.fail() {
		return errors.New("the disk is full")
	}
	return f.shop.Put(ctx, blocks...)
}

// TestStopWhileDiskIsFull stops an evaluation twice where one block, of a checkpoint or of what is linked, is not kept. The last checkpoint lacks nothing,
// if there is one: from what the store has another machine goes on.
func TestStopWhileDiskIsFull(t *testing.T) {
	u, err := build(`let even n k = if n == 0 then k 1 else odd (n - 1) (\x -> k (x + 1))
and odd n k = if n == 0 then k 0 else even (n - 1) (\x -> k (x * 2 % 1000003))

let deep n = if n == 0 then 0 else 1 + deep (n - 1)

[fold (\a x -> a + even x (\y -> y)) 0 (range 1 200), deep 3000, fold (\a x -> odd (200 + a % 7 + x % 90) (\y -> y + x)) 0 (range 1 200)]`)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	want := once(t, u, eval.Auto)
	for at := 0; ; at += 1 + at/16 {
		puts, failed, late := 0, false, false
		s := &failing{newShop(u), func() bool {
			puts++
			failed = failed || puts == at+1
			return puts == at+1
		}}
		m := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.Auto})
		var stop *eval.Stop
		for i := range 2 {
			late = i == 1 && !failed
			m.SetFuel(want.Reduced / 4)
			if _, err := m.Eval(ctx, u.BodyCID); !errors.As(err, &stop) {
				t.Fatalf("block %d is not kept: got %v, want a stop", at, err)
			}
		}
		if !failed {
			t.Logf("each of %d blocks was not kept", at)
			break
		}
		if !stop.Checkpoint.Defined() {
			if !late || stop.Reason != eval.OutOfFuel || stop.Lost == nil {
				t.Errorf("block %d is not kept: %v, lost: %v", at, stop, stop.Lost)
			}
			continue
		}
		other := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.Auto})
		out, err := other.Resume(ctx, stop.Checkpoint)
		if err != nil || describe(out.Value, nil, out.Steps) != describe(want.Value, nil, want.Steps) {
			t.Fatalf("block %d is not kept: got %s, %v; want %s", at, describe(out.Value, nil, out.Steps), err, describe(want.Value, nil, want.Steps))
		}
		if out.Reduced > want.Reduced*7/8 {
			t.Errorf("block %d is not kept: %d of %d steps are executed once more", at, out.Reduced, want.Reduced)
		}
	}
}

// TestFuelOfNestedPrimitives: a primitive that is not stopped halfway may go beyond the fuel; those that it calls may not, each in
// its turn.
func TestFuelOfNestedPrimitives(t *testing.T) {
	u, err := build("let f n = (map (\\x -> Regex.replaceWith \"a\" (\\m -> f (n + 1)) \"a\") [1]).0\n\nf 0")
	if err != nil {
		t.Fatal(err)
	}
	for fuel := uint64(1); fuel <= 8; fuel++ {
		m := eval.New(eval.Options{Load: newShop(u).Load, Link: eval.None, Fuel: fuel})
		out, err := m.Eval(context.Background(), u.BodyCID)
		var stop *eval.Stop
		if !errors.As(err, &stop) || stop.Reason != eval.OutOfFuel || out.Reduced > 10_000 {
			t.Errorf("fuel %d: got %v after %d steps", fuel, err, out.Reduced)
		}
	}
}

// TestHostileCheckpoints: whatever a checkpoint says, going on from it ends, and without trust it comes to what the expression is.
func TestHostileCheckpoints(t *testing.T) {
	u, err := build("let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n\nfib 15")
	if err != nil {
		t.Fatal(err)
	}
	ctx, store := context.Background(), newShop(u)
	prim := func(name string) *graph.Term { return &graph.Term{Op: graph.OpPrim, Name: name} }
	lit := func(v graph.Value) *graph.Term { return &graph.Term{Op: graph.OpLit, Value: v} }
	block := func(t *graph.Term) cid.Cid { return graph.EncodeCode(t, store).CID }
	app := func(parts ...*graph.Term) cid.Cid { return block(&graph.Term{Op: graph.OpApp, Args: parts}) }
	ref := func(c cid.Cid) *graph.Term { return &graph.Term{Op: graph.OpRef, CID: c} }
	x := &graph.Term{Op: graph.OpVar}
	identity := block(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{x}})
	again := block(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpApp, Args: []*graph.Term{prim("core.enter"), x, lit(graph.Int(1)), x}}}})
	many := block(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpApp, Args: []*graph.Term{prim("core.enter"), ref(identity), lit(graph.Int(1 << 16)), x}}}})
	a, b := app(prim("num.neg"), lit(graph.Int(1))), app(prim("num.neg"), lit(graph.Int(2)))
	missing := graph.EncodeCode(lit(graph.Int(5)), nil).CID
	for name, to := range map[string]cid.Cid{
		"itself":                  u.BodyCID,
		"a circle":                a,
		"nothing that is there":   missing,
		"a function":              identity,
		"too many turns":          app(prim("core.enter"), ref(identity), lit(graph.Int(1<<62)), lit(graph.Int(0))),
		"no turns":                app(prim("core.enter"), ref(identity), lit(graph.Int(0)), lit(graph.Int(0))),
		"values for nobody":       app(prim("core.enter"), ref(identity), lit(graph.NewList(graph.Int(1))), lit(graph.Int(0))),
		"entering for ever":       app(prim("core.enter"), ref(again), lit(graph.Int(1)), ref(again)),
		"entering very often":     app(prim("core.enter"), ref(many), lit(graph.Int(1<<16)), lit(graph.Int(0))),
		"parts that end too soon": app(prim("core.parted"), lit(graph.NewList(graph.Int(0), graph.NewList(graph.NewList(graph.NewThunk(&graph.Head{CID: missing}), graph.Int(1<<31-1)), graph.NewList(graph.NewThunk(&graph.Head{CID: missing}), graph.Int(1<<31-1)))))),
		"parts of parts":          app(prim("core.parted"), lit(graph.NewList(graph.Int(1), graph.NewList(graph.NewList(graph.Int(7), graph.NewList()))))),
		"too many arguments":      app(prim("core.parted"), lit(graph.NewList(graph.Int(2), graph.FnValue(&graph.Fn{Head: identity, Opaque: true}), graph.NewList(graph.NewList(graph.Int(1)), graph.NewList(graph.Int(1)))))),
		"a loop that never began": app(prim("core.resume"), lit(graph.Text("list.map")), lit(graph.NewList(graph.NewList(), graph.Int(1<<40), graph.NewList())), lit(graph.Bool(true)), lit(graph.Null())),
	} {
		reducts := []graph.Reduct{{Of: u.BodyCID, To: to, Steps: 1<<63 - 1}, {Of: a, To: b, Steps: 1}, {Of: b, To: a, Steps: 1}, {Of: to, To: u.BodyCID, Steps: 3}}
		point := graph.Checkpoint{Of: u.BodyCID, Uses: []cid.Cid{missing, u.BodyCID}}
		for _, r := range reducts {
			point.Reducts = append(point.Reducts, graph.EncodeReduct(r, store).CID)
		}
		point.Reducts = append(point.Reducts, missing, u.BodyCID)
		c := graph.EncodeCheckpoint(point, store).CID
		for _, trust := range []bool{false, true} {
			m := eval.New(eval.Options{Store: store, Load: store.Load, Link: eval.None, Believe: believing(trust), Fuel: 100_000, Memory: 256 << 20})
			out, err := m.Resume(ctx, c)
			if !trust && (err != nil || out.Value != graph.Int(610) || out.Steps != 1973) {
				t.Errorf("%s: got %+v, %v", name, out, err)
			}
			if trust && err == nil && out.Rests == "" && out.Steps != 1973 {
				t.Errorf("%s: got %+v, which rests on a claim", name, out)
			}
		}
	}
}
