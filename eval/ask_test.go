// This file answers terms while they are reduced: early, late, twice and never, with answers that may be used and such as may not.

package eval_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// answersOf is a store that has an answer to all that is reduced on the way to u's, and whatever blocks these need.
func answersOf(u *compile.Unit) (*shop, error) {
	s := newShop(u)
	out, err := eval.New(eval.Options{Store: s, Load: s.Load, Link: eval.All, Memory: 4 << 30}).Eval(context.Background(), u.BodyCID)
	if err == nil && out.Steps > 1<<62 {
		err = errTooMuch
	}
	return s, err
}

// A friend is asked by a machine, and has answers.
type friend struct {
	knows *shop // has the answers
	tells *shop // of the machine
	m     *eval.Machine
	will  func(expr cid.Cid) bool // whether it answers

	mu    sync.Mutex
	r     *rand.Rand
	late  []cid.Cid // what it will answer when it is asked the next time
	asked map[cid.Cid]int
	wait  sync.WaitGroup
	apart bool // it answers on a goroutine of its own
}

// ask is the machine's Ask.
func (f *friend) ask(expr cid.Cid) {
	f.mu.Lock()
	f.asked[expr]++
	var now []cid.Cid
	for _, c := range f.late {
		if f.r.IntN(3) == 0 {
			now = append(now, c)
		}
	}
	f.late = slices.DeleteFunc(f.late, func(c cid.Cid) bool { return slices.Contains(now, c) })
	switch {
	case !f.will(expr):
	case f.r.IntN(4) == 0:
		f.late = append(f.late, expr)
	default:
		now = append(now, expr)
	}
	f.mu.Unlock()
	for _, c := range now {
		if f.apart {
			f.wait.Add(1)
			go func() {
				defer f.wait.Done()
				f.mu.Lock()
				pause := time.Duration(f.r.IntN(200)) * time.Microsecond
				f.mu.Unlock()
				time.Sleep(pause)
				f.answer(c)
			}()
		} else {
			f.answer(c)
		}
	}
}

// answer records what it knows of expr, and says so; or something else.
func (f *friend) answer(expr cid.Cid) {
	ctx := context.Background()
	f.mu.Lock()
	what := f.r.IntN(12)
	f.mu.Unlock()
	a, ok, _ := f.knows.Memory.Answer(ctx, expr)
	if !ok {
		return
	}
	a.Trace = cid.Undef
	switch what {
	case 0: // of something else
		wrong := a
		wrong.Expr = graph.EncodeCode(&graph.Term{Op: graph.OpApp, Args: []*graph.Term{{Op: graph.OpRef, CID: expr}, {Op: graph.OpLit, Value: graph.Int(1)}}}, nil).CID
		f.tells.Memory.Record(ctx, wrong)
		f.m.Found(wrong.Expr)
		f.m.Found(expr) // there is none
	case 1: // whose claim is not used
		wrong := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(-777), Steps: 3}, graph.SinkFunc(f.tells.Take))
		f.tells.Memory.Record(ctx, graph.Answer{Expr: expr, Result: wrong.CID, By: graph.ClaimAnswer + "liar", Steps: 3})
		f.m.Found(expr)
	case 2: // without its blocks
		missing := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(-778), Steps: 4}, graph.SinkFunc(func(graph.Block) {}))
		f.tells.Memory.Record(ctx, graph.Answer{Expr: expr, Result: missing.CID, By: eval.Own, Steps: 4})
		f.m.Found(expr)
	case 3: // of another expression, by its entry
		other := graph.EncodeResult(graph.Result{Of: f.knows.recorded[0].Expr, Value: graph.Int(-779), Steps: 4}, graph.SinkFunc(f.tells.Take))
		if f.knows.recorded[0].Expr != expr {
			f.tells.Memory.Record(ctx, graph.Answer{Expr: expr, Result: other.CID, By: eval.Own, Steps: 4})
		}
		f.m.Found(expr)
	default:
		if err := graph.ResultBlocks(a.Result, func(c cid.Cid) ([]byte, error) {
			data, err := f.knows.Memory.Load(c)
			f.tells.Put(ctx, graph.Block{CID: c, Data: data})
			return data, err
		}, nil); err != nil {
			panic(err)
		}
		f.tells.Memory.Record(ctx, a)
		f.m.Found(expr)
		if what == 4 {
			f.m.Found(expr)
		}
	}
}

// An answeredRun is an evaluation that is answered on the way, and maybe stopped and resumed as well.
type answeredRun struct {
	mode       eval.Mode
	small      bool   // chunks of the stack
	every      uint64 // steps between looks
	stops      bool
	apart      bool // answers come from other goroutines
	share      int  // of 16 expressions that are answered
	sound      bool // what is recorded is compared with the oracle
	checkpoint bool // some are written while it goes on
	asleep     bool // functions are
}

// cuts counts what was answered while it was in progress, in all tests.
var cuts atomic.Int64

func (a answeredRun) run(u *compile.Unit, knows *shop, want answer, r *rand.Rand) error {
	ctx := context.Background()
	s := newShop(u)
	s.more = knows
	salt := byte(r.IntN(256))
	will := func(c cid.Cid) bool {
		return c != u.BodyCID && int((c.Hash()[10]^salt)&15) < a.share || c == u.BodyCID && a.share == 16
	}
	f := &friend{knows: knows, tells: s, will: will, r: rand.New(rand.NewPCG(r.Uint64(), 5)), asked: map[cid.Cid]int{}, apart: a.apart}
	defer f.wait.Wait()
	s.hide = func(c cid.Cid) bool { return c == u.BodyCID && a.share < 16 }
	var m *eval.Machine
	var at cid.Cid
	for stop := 0; stop < 300; stop++ {
		if m == nil || r.IntN(3) == 0 {
			f.wait.Wait()
			m = eval.New(eval.Options{Store: s, Load: s.Load, Link: a.mode, Memory: 4 << 30, Ask: f.ask, AskAfter: 1})
			m.LookBackOften(a.every)
			if a.small {
				m.SmallChunks(1024)
			}
			if a.asleep {
				m.SleepSoon(r.Uint64N(200))
			}
			f.m = m
		}
		if s.looked = nil; a.checkpoint {
			mm := m
			left := 30
			s.looked = func() {
				if left > 0 && r.IntN(6) == 0 {
					left--
					mm.CheckpointSoon()
				}
			}
		}
		m.SetFuel(0)
		if a.stops {
			m.SetFuel(1 + uint64(stop*stop)/8 + r.Uint64N(2+r.Uint64N(2+want.steps/4)))
		}
		clear(f.asked)
		var out eval.Outcome
		var err error
		if at.Defined() && r.IntN(3) > 0 {
			out, err = m.Resume(ctx, at)
		} else {
			out, err = m.Eval(ctx, u.BodyCID)
		}
		f.mu.Lock()
		f.late = nil
		f.mu.Unlock()
		cuts.Add(int64(m.Cuts()))
		var stopped *eval.Stop
		if errors.As(err, &stopped) && stopped.Reason == eval.OutOfFuel {
			at = stopped.Checkpoint
			continue
		}
		if err := same(u.BodyCID, want, out, err, a.mode != eval.None); err != nil {
			return fmt.Errorf("%+v: after %d stops: %w", a, stop, err)
		}
		f.wait.Wait()
		if a.sound {
			return s.sound(generatedBudget / 3)
		}
		return nil
	}
	return fmt.Errorf("%+v: it does not come to its end", a)
}

// answered says where answers on the way make a difference.
func answered(u *compile.Unit, budget int64, r *rand.Rand, runs int) error {
	base := newShop(u)
	want := newReducer(&base.Memory, base.Load, budget).reduce(u.BodyCID)
	if want.halt != nil {
		return errTooMuch
	}
	return answeredAs(u, want, r, runs, true)
}

// answeredAs is answered for what comes to want.
func answeredAs(u *compile.Unit, want answer, r *rand.Rand, runs int, sound bool) error {
	knows, err := answersOf(u)
	if err != nil || len(knows.recorded) == 0 {
		return errTooMuch
	}
	for range runs {
		a := answeredRun{
			mode: []eval.Mode{eval.None, eval.Auto, eval.All}[r.IntN(3)], small: r.IntN(2) == 0, every: 1 + r.Uint64N(1+r.Uint64N(12)), stops: r.IntN(2) == 0,
			apart: r.IntN(4) == 0, share: 1 + r.IntN(16), sound: sound, checkpoint: r.IntN(4) == 0, asleep: r.IntN(3) == 0,
		}
		if err := a.run(u, knows, want, r); err != nil {
			return err
		}
	}
	return nil
}

func TestAnsweredAgreesWithOracle(t *testing.T) {
	n := *programs / 3
	if testing.Short() {
		n = min(n, 40)
	}
	failures := 0
	before := cuts.Load()
	for i := range n {
		data := randomChoices(*seed + int64(i))
		if i%2 == 1 {
			for j := range int64(3) {
				data = append(data, randomChoices(*seed+int64(i)+1000*j)...)
			}
		}
		fails := func(data []byte) error {
			u, err := build(program(data))
			if err != nil {
				return errTooMuch
			}
			return answered(u, generatedBudget, rand.New(rand.NewPCG(uint64(*seed), uint64(i))), 6)
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
	t.Logf("%d terms were answered", cuts.Load()-before)
	if cuts.Load()-before < int64(n) {
		t.Errorf("only %d terms were answered while they were in progress", cuts.Load()-before)
	}
}

func TestAnsweredKeptPrograms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ros")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs under testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".ros"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			u, err := build(string(src))
			if err != nil {
				t.Fatal(err)
			}
			if err := answered(u, 200_000, rand.New(rand.NewPCG(1, 2)), 20); err != nil && err != errTooMuch {
				t.Error(err)
			}
		})
	}
}

// longPrograms have a call in progress in every place that a frame may wait at.
const slowly = `let s n = if n == 0 then 0 else 1 + s (n - 1)
let t a b n = if n < 2 then a + b else t b (a + 1) (n - 1) + t a b (n - 2)
let loop i acc = if i == 0 then acc else loop (i - 1) (acc + s 3)
let ping i acc = if i == 0 then acc else pong (i - 1) (acc + s 2)
let pong i acc = if i == 0 then 0 - acc else ping (i - 1) (acc + loop 2 1)
let bad n = if n == 0 then error {bad: n} else s 5 + bad (n - 1)
`

// farList is a list that is loaded from blocks, in parts.
var farList = func() string {
	items := make([]string, 1200)
	for i := range items {
		items[i] = fmt.Sprint(100_000_000_000_000_000 + i*i*7919*7919)
	}
	return "[" + strings.Join(items, ", ") + "]"
}()

var longPrograms = []string{
	"t 1 2 8 + t 2 3 7",
	"[s 30, loop 20 0, ping 9 0, pong 10 1]",
	"map (\\x -> s x + t x 1 4) (range 1 12)",
	"map (\\x -> map (\\y -> s y + x) (range 1 x)) (range 1 7)",
	"filter (\\x -> s x > 3 && t x x 4 > 0) (range 1 9)",
	"fold (\\acc x -> acc + t acc x 4 % 100) 0 (range 1 9)",
	"foldr (\\x acc -> [s x + length acc, ...acc]) [] (range 1 9)",
	"fold (\\acc x -> fold (\\b y -> b + s y + x) acc (range 1 4)) 0 (range 1 6)",
	"flatMap (\\x -> [s x, loop x 1]) (range 1 8)",
	"zipWith (\\x y -> s x * t x y 3) (range 1 8) (range 3 12)",
	"sortBy (\\x -> 0 - t x 1 4) [3, 1, 4, 1, 5, 9, 2, 6]",
	"sortWith (\\a b -> s a < loop b 1) [3, 1, 4, 1, 5, 9, 2, 6]",
	"groupBy (\\x -> if s x % 2 == 0 then \"even\" else \"odd\") (range 1 12)",
	"partition (\\x -> t x 2 4 % 3 == 0) (range 1 12)",
	"[any (\\x -> s x > 7) (range 1 9), all (\\x -> s x < 7) (range 1 9), find (\\x -> t x x 3 > 9) (range 1 9), takeWhile (\\x -> s x < 5) (range 1 9), dropWhile (\\x -> s x < 5) (range 1 9)]",
	"Map.map (\\k v -> s v + length k) {a: 3, bb: 9, ccc: 20}",
	"Map.filter (\\k v -> t v 1 5 > length k) {a: 3, bb: 9, ccc: 20}",
	"Map.fold (\\acc k v -> acc + s v) 0 {a: 3, bb: 9, ccc: 20}",
	"Regex.replaceWith \"[a-c]\" (\\m -> if s 9 > t 1 2 3 then \"x\" else \"y\") \"abcdcba\"",
	"[try bad 6, try (s 4 + bad 3), match try bad 4 { | Ok v -> v | Err e -> [e.kind, e.value, s 9] }, try map bad [0, 3]]",
	"try (try (1 + bad 5) == try (s 4 + bad 2))",
	"bad 8",
	"s 3 + fold (\\a x -> a + bad x) 1 [4, 5]",
	"[1 + s 8, ...map s [3, 9, 4], ...[t 1 1 5], s (s 6)]",
	"{a: s 9, b: {c: loop 5 s 3, ...{d: t 1 2 5}}}",
	"{a: s 9, b: {c: loop 5 (s 3), ...{d: t 1 2 5}}, e: [s 2, {f: s 11}].1.f}",
	"let f a = let u = s a in \\b -> let v = u + s b in \\c -> u + v + s c in f 9 8 7 + f 7 (s 8) (s 9)",
	"let z = lazy (s 20) in let g y = lazy (t y z 5) in [z + s 9, force (g 3), g 4 + g 5]",
	"let z n = if n == 0 then lazy 1 else lazy (1 + force (z (n - 1)) + s 3) in force (z 9) + s 2",
	"let nats n = [n, lazy (nats (n + s 2))] in let walk k xs = if k == 0 then xs.0 else walk (k - 1) (force xs.1) + t 1 2 3 in walk 9 (nats 1)",
	"if s 9 > 8 && t 1 2 4 > 0 || loop 3 3 == 1 then match [s 4, s 5] { | [a, b] if a + s b > 100 -> 1 | [a, ...r] -> [a, r, s 8] } else 0",
	"let many a b c d e f g = [a, b, c, d, e, f, g] in many (s 3) (s 8) 1 (t 1 2 5) (s 2) (loop 4 0) (s 6)",
	"let four a b c d = a + b + c + d in four (s 9) (four (s 1) (s 8) 3 (s 7)) (t 1 2 5) (s 2)",
	"let k = s 12\nlet w = k + s 14\n\n[w, k, w + t k 1 4]",
	"\"\\(s 9) and \\(t 1 2 5)\" ++ \"\\(loop 6 1)\"",
	"let ack m n = if m == 0 then n + 1 else if n == 0 then ack (m - 1) 1 else ack (m - 1) (ack m (n - 1)) in ack 2 4",
	"let even n = if n == 0 then true else odd (n - 1)\nlet odd n = if n == 0 then false else even (n - 1)\n\n[even 40, odd (s 31), even (s 9 + s 8)]",
	"let twice f x = f (f x) in twice (twice (\\x -> s x + t x 1 3)) 3",
	"let c n = if n == 0 then 0 else match try (1 + c (n - 1)) { | Ok v -> v + s 2 | _ -> 0 } in c 25",
	"let c n = if n == 0 then bad 4 else match try (1 + c (n - 1)) { | Ok v -> v + s 2 | Err e -> if n % 3 == 0 then error e else n } in [try c 20, c 21]",
	"let d n = if n == 0 then \\x -> x else \\x -> d (n - 1) (x + s 2) in d 12 (s 9) + ((d 3) (s 4))",
	"let e n = if n == 0 then \\a b -> a + s b else e (n - 1) in e 9 (s 3) (s 5) + (\\x -> e 4) 1 2 (s 9)",
	"map (\\x -> try fold (\\a y -> if y > 4 then bad 2 else a + s 9) x (range 1 x)) (range 1 7)",
	"s 60 + s 50 + t 3 4 9",
	"[map (\\x -> s (x % 9)) " + farList + ", filter (\\x -> s (x % 5) > 2) " + farList + "]",
	"map (\\[k, v] -> [k, length v, sum v]) (Map.entries (groupBy (\\x -> \"\\(s (x % 4))\") " + farList + "))",
	"sum (map (\\x -> lazy (s x + 1)) (range 1 12)) + sum [lazy (t 1 2 7), lazy (s 9)]",
	"let hanoi n a b c = if n == 0 then [] else hanoi (n - 1) a c b ++ [[a, b]] ++ hanoi (n - 1) c b a in length (hanoi 6 1 2 3)",
	"let queens n = let go k qs = if k == 0 then [qs] else flatMap (\\q -> if all (\\p -> p != q) qs then go (k - 1) [q, ...qs] else []) (range 1 n) in go n [] in length (queens 4)",
}

// TestAnsweredInAllPlaces: wherever a call waits, an answer to it, or to what it is called by, comes to the same.
func TestAnsweredInAllPlaces(t *testing.T) {
	runs := 20
	if testing.Short() {
		runs = 4
	}
	before := cuts.Load()
	for i, body := range longPrograms {
		src := slowly + "\n" + body
		if strings.HasPrefix(body, "let") && strings.Contains(body, "\n\n") {
			src = slowly + body
		}
		u, err := build(src)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		if err := answered(u, 200_000, rand.New(rand.NewPCG(uint64(*seed), uint64(i))), runs); err != nil {
			t.Errorf("%v\n%s", err, body)
		}
	}
	if n := cuts.Load() - before; n < int64(5*len(longPrograms)) {
		t.Errorf("only %d terms were answered while they were in progress", n)
	}
}

const spin = `let spin i acc = if i == 0 then acc else spin (i - 1) ((acc * 31 + i) % 1000003)
let deep d n = if d == 0 then spin n 7 else 1 + deep (d - 1) n
let go n = spin n 7 + 1
`

// answerTo is what an expression of a program comes to, and its CID.
func answerTo(t *testing.T, src string) (expr cid.Cid, out eval.Outcome) {
	t.Helper()
	u, err := build(src)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return u.BodyCID, once(t, u, eval.None)
}

// TestLongCallsAreCutShort: a call that is answered takes hardly any steps of what it would take, wherever it stands.
func TestLongCallsAreCutShort(t *testing.T) {
	const n = 4_000_000
	call, full := answerTo(t, spin+fmt.Sprintf("\nspin %d 7", n))
	for _, c := range []struct {
		name, body, call string
		modes            []eval.Mode // all, if there are none
		frames           uint64      // of the stack, when it is answered
	}{
		{"a call", "go N", "", nil, 0},
		{"a closed expression", "1 + spin N 7", "", nil, 0},
		{"what was asked for", "spin N 7", "", nil, 0},
		{"in a fold", "fold (\\acc n -> acc + spin n 7) 3 [4, N, 5]", "", nil, 0},
		{"in a map", "map (\\n -> 1 + spin n 7) [4, N, 5]", "", nil, 0},
		{"in what sorts", "sortBy (\\n -> 1 + spin n 7) [4, N, 5]", "", nil, 0},
		{"in loops in each other", "map (\\x -> fold (\\acc y -> acc + spin (x * y) 7) 0 [1, N]) [1, 1]", "", nil, 0},
		{"in a lazy value", "let f n = lazy (1 + spin n 7) in 1 + force (f N)", "", nil, 0},
		{"a lazy value itself", "let f n = lazy (spin n 7) in 1 + force (f N)", "", []eval.Mode{eval.None, eval.Auto}, 0},
		{"in a try", "let f n = try (1 + spin n 7) in [f N]", "", nil, 0},
		{"before an error", "let f n = try (1 + spin n 7 + [1].x) in [f N]", "", nil, 0},
		{"as one of many operands", "let f a b c d e g h = [a, b, c, d, e, g, h] in let h n = f 1 (go 3) (spin n 7) (go 4) (go 5) 6 7 in h N", "", nil, 0},
		{"as a tail call", "let f n = spin n 7 in let h n = 1 + f n in h N", "", []eval.Mode{eval.None, eval.Auto}, 0},
		{"below 100,000 frames", "let h n = 2 * deep 100000 n in h N", "deep 100000 N", []eval.Mode{eval.None, eval.Auto}, 90_000},
		{"below a million frames", "let h n = 2 * deep 1000000 n in h N", "deep 1000000 N", []eval.Mode{eval.None}, 900_000},
		{"above some frames", "deep 10 N", "", []eval.Mode{eval.None, eval.Auto}, 0},
	} {
		n := n
		if c.frames > 0 { // who answers may be late on a busy machine
			n *= 10
		}
		number := func(s string) string { return strings.ReplaceAll(s, "N", fmt.Sprint(n)) }
		u, err := build(spin + "\n" + number(c.body))
		if err != nil {
			t.Fatal(err)
		}
		want := once(t, u, eval.None)
		call, full := call, full
		if c.call != "" {
			call, full = answerTo(t, spin+"\n"+number(c.call))
		}
		if c.modes == nil {
			c.modes = []eval.Mode{eval.None, eval.Auto, eval.All}
		}
		for _, mode := range c.modes {
			t.Run(fmt.Sprintf("%s/%d", c.name, mode), func(t *testing.T) {
				s := newShop(u)
				var m *eval.Machine
				asked := map[cid.Cid]int{}
				answer := func() {
					r := graph.EncodeResult(graph.Result{Of: call, Value: full.Value, Steps: full.Steps}, graph.SinkFunc(s.Take))
					s.Memory.Record(context.Background(), graph.Answer{Expr: call, Result: r.CID, By: eval.Own, Steps: full.Steps})
					m.Found(call)
				}
				m = eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, AskAfter: time.Millisecond, Ask: func(expr cid.Cid) {
					switch asked[expr]++; {
					case expr != call:
					case c.frames == 0:
						answer()
					default:
						go func() {
							for m.Progress().Depth < c.frames {
								time.Sleep(time.Millisecond / 10)
							}
							answer()
						}()
					}
				}})
				out, err := m.Eval(context.Background(), u.BodyCID)
				if err != nil || describe(out.Value, nil, out.Steps) != describe(want.Value, nil, want.Steps) {
					t.Errorf("got %s, %v; want %s", describe(out.Value, nil, out.Steps), err, describe(want.Value, nil, want.Steps))
				}
				if out.Reduced > full.Steps/3 || m.Cuts() == 0 || out.Found == 0 {
					t.Errorf("%d steps of %d were executed, %d found, %d asked", out.Reduced, full.Steps, out.Found, len(asked))
				}
				if asked[call] != 1 {
					t.Errorf("the call was asked for %d times", asked[call])
				}
				t.Logf("%s, mode %d: %d steps of %d", c.name, mode, out.Reduced, full.Steps)
			})
		}
	}
}

// TestStoppedAfterAnswer: what is left of a term whose call was answered is written at a stop as what it is, and not begun again.
func TestStoppedAfterAnswer(t *testing.T) {
	const n = 2_000_000
	call, full := answerTo(t, spin+fmt.Sprintf("\nspin %d 7", n))
	for _, body := range []string{
		"let f n = spin n 7 + spin (n + 1) 7 in f N",
		"let f n = [1, try (spin n 7 + spin (n + 1) 7)] in f N",
		"let f n = lazy (spin n 7 + spin (n + 1) 7) in force (f N)",
		"fold (\\a x -> a + spin x 7) 0 [N, N + 1]",
		"let f d n = if d == 0 then spin n 7 else f (d - 1) n + spin 5 7 in let g n = f 9 n + spin (n + 1) 7 in g N",
	} {
		u, err := build(spin + "\n" + strings.ReplaceAll(body, "N", fmt.Sprint(n)))
		if err != nil {
			t.Fatal(err)
		}
		want := once(t, u, eval.None)
		for _, mode := range []eval.Mode{eval.None, eval.Auto} {
			s := newShop(u)
			var m *eval.Machine
			m = eval.New(eval.Options{Store: s, Load: s.Load, Link: mode, AskAfter: time.Millisecond, Ask: func(expr cid.Cid) {
				if expr == call {
					r := graph.EncodeResult(graph.Result{Of: expr, Value: full.Value, Steps: full.Steps}, graph.SinkFunc(s.Take))
					s.Memory.Record(context.Background(), graph.Answer{Expr: expr, Result: r.CID, By: eval.Own, Steps: full.Steps})
					m.Found(expr)
				}
			}})
			m.SetFuel(n * 3 / 4) // which is not enough for what comes after the answer
			out, err := m.Eval(context.Background(), u.BodyCID)
			var stopped *eval.Stop
			if !errors.As(err, &stopped) || !stopped.Checkpoint.Defined() || m.Cuts() == 0 {
				t.Fatalf("%s: got %v after %d steps, %d answers", body, err, out.Reduced, m.Cuts())
			}
			first := out.Reduced
			m = eval.New(eval.Options{Store: s, Load: s.Load, Link: mode})
			out, err = m.Resume(context.Background(), stopped.Checkpoint)
			if err != nil || describe(out.Value, nil, out.Steps) != describe(want.Value, nil, want.Steps) {
				t.Errorf("%s: got %s, %v; want %s", body, describe(out.Value, nil, out.Steps), err, describe(want.Value, nil, want.Steps))
			}
			if out.Reduced+first > n*5/4 {
				t.Errorf("%s, mode %d: %d steps and then %d steps were executed", body, mode, first, out.Reduced)
			}
		}
	}
}

// TestAnsweredLanguage runs the programs that the tests of the language consist of.
func TestAnsweredLanguage(t *testing.T) {
	files, err := filepath.Glob("../tests/lang/*.ros")
	if err != nil || len(files) == 0 {
		t.Fatal("no programs of the language", err)
	}
	runs, done := 4, 0
	if testing.Short() {
		runs = 1
	}
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(uint64(*seed), uint64(i)))
		var program []string
		for _, line := range append(strings.Split(string(data), "\n"), "\t") {
			if !strings.HasPrefix(line, "\t") {
				program = append(program, line)
				continue
			}
			if len(program) == 0 {
				continue
			}
			src := strings.Join(program, "\n")
			program = program[:0]
			u, err := build(src)
			if err != nil { // an error is what it shows
				continue
			}
			plain := eval.New(eval.Options{Load: newShop(u).Load, Link: eval.None, Fuel: 20_000})
			out, err := plain.Eval(context.Background(), u.BodyCID)
			if err != nil || testing.Short() && r.IntN(4) > 0 {
				continue
			}
			want := answer{value: out.Value, steps: out.Steps}
			if out.Error != nil {
				want.err = &graph.Failure{Kind: out.Error.Err.Kind, Value: out.Error.Err.Value}
			}
			switch err := answeredAs(u, want, r, runs, false); err {
			case nil:
				done++
			case errTooMuch:
			default:
				t.Errorf("%s: %v\n%s", file, err, src)
			}
		}
	}
	if done < 100 {
		t.Errorf("only %d programs were run", done)
	}
}
