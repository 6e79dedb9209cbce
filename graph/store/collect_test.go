// This file tests pins and collections: that what pins reach stays with its results, that all else goes, and that nothing is lost beside
// other processes and when a collection is killed.

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

func collect(t testing.TB, s *Store, opts Collection) Collected {
	t.Helper()
	out, err := s.Collect(bg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func pin(t testing.TB, s *Store, p Pin) {
	t.Helper()
	if _, err := s.Pin(bg, p); err != nil {
		t.Fatal(err)
	}
}

// blocksOf returns the hashes of all blocks in the database.
func blocksOf(t testing.TB, s *Store) map[string]bool {
	t.Helper()
	if err := s.Flush(bg); err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	if err := s.each(bg, []byte{blockPrefix}, func(e entry) error { all[string(e.key)] = true; return nil }, func([]byte, []byte) {}); err != nil {
		t.Fatal(err)
	}
	return all
}

// reopen closes a store, so that nothing in it is used any more, and opens it again.
func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, s.Dir())
}

func TestPins(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, s)
	expr, gone := f.answer.Expr, makeFact(2, "own:1").answer.Expr
	if _, err := s.Pin(bg, Pin{CID: gone}); !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), gone.String()) {
		t.Errorf("a pin of what is not there: got %v", err)
	}
	list := block(codec.AppendLink(codec.AppendLink(codec.AppendArray(nil, 2), expr), gone))
	if err := s.Put(bg, list); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pin(bg, Pin{CID: list.CID}); !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), gone.String()) {
		t.Errorf("a pin above what is not there: got %v", err)
	}
	for _, c := range []struct {
		p      Pin
		blocks int
	}{{Pin{CID: list.CID, Partial: true, Name: "partial"}, 2}, {Pin{CID: list.CID, Direct: true, Name: "direct"}, 1}, {Pin{CID: f.answer.Result, Direct: true}, 4}, {Pin{CID: expr}, 1}} {
		size, err := s.Pin(bg, c.p)
		if err != nil || size.Blocks != c.blocks {
			t.Errorf("%+v: got %+v, %v, want %d blocks", c.p, size, err, c.blocks)
		}
	}
	odd := block([]byte("\xff"))
	if err := s.Put(bg, odd); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pin(bg, Pin{CID: odd.CID}); err == nil {
		t.Error("what is below a block that is no DAG-CBOR is pinned")
	}
	if size, err := s.Pin(bg, Pin{CID: odd.CID, Partial: true}); err != nil || size.Blocks != 1 {
		t.Errorf("a partial pin of a block that is no DAG-CBOR: got %+v, %v", size, err)
	}
	if out, err := s.Check(bg, func(Problem) {}); err != nil || out.Incomplete != 0 {
		t.Errorf("a partial pin of a block that is no DAG-CBOR: got %+v, %v", out, err)
	}
	if _, err := s.Unpin(bg, odd.CID); err != nil {
		t.Error(err)
	}
	var pins []Pin
	if err := s.Pins(bg, func(p Pin) error { pins = append(pins, p); return nil }); err != nil || len(pins) != 3 {
		t.Fatalf("got %v, %v, want 3: the second of one CID takes the place of the first", pins, err)
	}
	i := slices.IndexFunc(pins, func(p Pin) bool { return p.CID == list.CID })
	if p := pins[i]; p.Name != "direct" || !p.Direct || p.Partial || time.Since(p.Added) > time.Minute {
		t.Errorf("got %+v", p)
	}
	if err := s.PinPartly(bg, Pin{CID: gone}); !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), gone.String()) {
		t.Errorf("a partial pin of what is not there: got %v", err)
	}
	// What is imported again keeps the name that somebody gave it.
	for _, c := range []struct {
		was  Pin
		want string
	}{{Pin{CID: expr, Name: "mine"}, "mine"}, {Pin{CID: expr, Name: "mine", Direct: true}, "a.car"}, {Pin{CID: expr, Name: "b.car", Partial: true}, "a.car"}} {
		pin(t, s, c.was)
		if err := s.PinPartly(bg, Pin{CID: expr, Name: "a.car"}); err != nil {
			t.Error(err)
		}
		err := s.Pins(bg, func(p Pin) error {
			if p.CID == expr && (p.Name != c.want || p.Direct || p.Partial != (c.want == "a.car")) {
				t.Errorf("%+v: got %+v", c.was, p)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	for _, want := range []bool{true, false} {
		if ok, err := s.Unpin(bg, expr); ok != want || err != nil {
			t.Errorf("got %v, %v, want %v", ok, err, want)
		}
	}
}

// TestCollect pins one fact of three by its expression; another one stands in a root.
func TestCollect(t *testing.T) {
	s := open(t, t.TempDir())
	var facts []fact
	for i := range 3 {
		f := makeFact(i, "own:1")
		f.put(t, s)
		about := graph.EncodeAbout(graph.About{Name: "f", Term: f.answer.Expr, Source: "f = 1"}, nil)
		if err := errors.Join(s.Put(bg, about), s.SetAbout(bg, f.answer.Expr, about.CID)); err != nil {
			t.Fatal(err)
		}
		facts = append(facts, f)
	}
	pin(t, s, Pin{CID: facts[0].answer.Expr})
	if ok, err := s.SwapRoot(bg, "workspace", cid.Undef, facts[1].answer.Expr); !ok || err != nil {
		t.Fatal(err)
	}
	out := collect(t, s, Collection{})
	if out.Dropped.Count != 0 || out.Forgot.Count != 0 {
		t.Errorf("what this process uses: got %+v", out)
	}
	s = reopen(t, s)
	dry := collect(t, s, Collection{DryRun: true})
	if n := len(blocksOf(t, s)); n != 18 {
		t.Errorf("a dry run leaves %d blocks", n)
	}
	out = collect(t, s, Collection{})
	if out.Dropped != dry.Dropped || out.Forgot != dry.Forgot || out.Kept != dry.Kept {
		t.Errorf("got %+v, the dry run %+v", out, dry)
	}
	if out.Dropped.Count != 6 || out.Forgot.Count != 1 || out.Notes != 1 || out.Kept[KeepPinned].Count != 6 || out.Kept[KeepRoots].Count != 6 || out.Missing != 0 {
		t.Errorf("got %+v", out)
	}
	for i, f := range facts {
		_, ok, err := s.Answer(bg, f.answer.Expr)
		if err != nil || ok != (i < 2) {
			t.Errorf("%d: got %v, %v", i, ok, err)
		}
		if about, err := s.About(bg, f.answer.Expr); err != nil || about.Defined() != (i < 2) {
			t.Errorf("%d: got about %s, %v", i, about, err)
		}
	}
	if n := checkWhole(t, s); n != 2 {
		t.Errorf("%d answers", n)
	}
	if _, err := s.Unpin(bg, facts[0].answer.Expr); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	if out := collect(t, s, Collection{Given: []cid.Cid{facts[1].answer.Result}}); out.Dropped.Count != 6 {
		t.Errorf("after the pin is gone: got %+v", out)
	}
}

// TestCollectGuest collects all that an index has, beside the process that holds the store.
func TestCollectGuest(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, s)
	expr, about := f.answer.Expr, graph.EncodeAbout(graph.About{Name: "f", Term: f.answer.Expr, Source: "f = 1"}, nil)
	err := errors.Join(s.Put(bg, about), s.SetAbout(bg, expr, about.CID), s.Attest(bg, expr, f.answer.Result, []byte("somebody"), []byte("says so")),
		s.RecordReduct(bg, graph.Becomes{Expr: expr, Reduct: f.answer.Result, By: "own:1"}))
	if err != nil {
		t.Fatal(err)
	}
	reopen(t, s) // holds it
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	out, err := open(t, s.Dir()).Collect(ctx, Collection{})
	if err != nil || out.Dropped.Count != 6 || out.Forgot.Count != 1 || out.Reducts != 1 || out.Attested != 1 || out.Notes != 1 {
		t.Errorf("got %+v, %v", out, err)
	}
}

// TestCollectDamaged: what is below a block that cannot be read is not known, so nothing is dropped.
func TestCollectDamaged(t *testing.T) {
	s := open(t, t.TempDir())
	f, other := makeFact(1, "own:1"), makeFact(2, "own:1")
	f.put(t, s)
	other.put(t, s)
	pin(t, s, Pin{CID: f.answer.Expr})
	s = reopen(t, s)
	if err := s.current().(*holder).db.Set([]byte(blockKey(f.answer.Result)), []byte("wrong"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collect(bg, Collection{}); err == nil || !strings.Contains(err.Error(), f.answer.Result.String()) || !strings.Contains(err.Error(), "store check --repair") {
		t.Errorf("got %v", err)
	}
	if n := len(blocksOf(t, s)); n != 10 {
		t.Errorf("%d blocks are left", n)
	}
}

// TestCollectStopped: what an evaluation that was stopped has reached stays, until it has an answer.
func TestCollectStopped(t *testing.T) {
	s := open(t, t.TempDir())
	from, to := makeFact(1, "own:1"), makeFact(2, "own:1")
	expr := func(f fact) graph.Block { return f.blocks[2] }
	reduct := graph.EncodeReduct(graph.Reduct{Of: from.answer.Expr, To: to.answer.Expr, Steps: 3}, nil)
	older := graph.EncodeReduct(graph.Reduct{Of: from.answer.Expr, To: from.answer.Expr, Steps: 1}, nil)
	point := graph.EncodeCheckpoint(graph.Checkpoint{Of: from.answer.Expr, Reducts: []cid.Cid{reduct.CID}}, nil)
	before := graph.EncodeCheckpoint(graph.Checkpoint{Of: from.answer.Expr, Reducts: []cid.Cid{older.CID}}, nil)
	err := errors.Join(s.Put(bg, expr(from), expr(to), reduct, older, point, before),
		s.RecordReduct(bg, graph.Becomes{Expr: from.answer.Expr, Reduct: reduct.CID, By: "own:1"}))
	if err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	if out := collect(t, s, Collection{Stopped: true, DryRun: true}); out.Dropped.Count != 6 || out.Reducts != 1 {
		t.Errorf("given up: got %+v", out)
	}
	if out := collect(t, s, Collection{}); out.Kept[KeepStopped].Count != 4 || out.Dropped.Count != 2 || out.Reducts != 0 {
		t.Errorf("got %+v", out)
	}
	if _, ok, err := s.Reduct(bg, from.answer.Expr); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	from.put(t, s)
	s = reopen(t, s)
	if out := collect(t, s, Collection{}); out.Dropped.Count != 8 || out.Reducts != 1 {
		t.Errorf("answered: got %+v", out)
	}
}

// A maze is a random DAG of data, code, results and traces, and what of it must stay.
type maze struct {
	blocks  []graph.Block
	links   map[string][]string // by key, all of them
	own     map[string][]string // those that belong to it
	answers map[string]graph.Answer
}

func makeMaze(r *rand.Rand, n int) *maze {
	m := &maze{links: map[string][]string{}, own: map[string][]string{}, answers: map[string]graph.Answer{}}
	var data, values, code []cid.Cid // data are values, and results, which as a part of a value would be data
	lambda := func(dst []byte) []byte { return codec.AppendText(codec.AppendMap(dst, 1), "λ") }
	one := func(dst []byte, key string) []byte { return codec.AppendText(codec.AppendMap(dst, 1), key) }
	add := func(dst []byte, plain, own []cid.Cid) cid.Cid {
		b := block(dst)
		m.blocks = append(m.blocks, b)
		k := blockKey(b.CID)
		for _, c := range own {
			m.own[k] = append(m.own[k], blockKey(c))
		}
		m.links[k] = append(m.links[k], m.own[k]...)
		for _, c := range plain {
			m.links[k] = append(m.links[k], blockKey(c))
		}
		return b.CID
	}
	some := func(list []cid.Cid) (out []cid.Cid) {
		for range r.IntN(3) {
			if len(list) > 0 {
				out = append(out, list[r.IntN(len(list))])
			}
		}
		return out
	}
	for i := range n {
		switch plain, own := some(data), some(values); r.IntN(3) {
		case 0, 1: // a value with links of both kinds, some of which lead nowhere
			dst := codec.AppendInt(codec.AppendArray(nil, 2+len(plain)+len(own)), int64(i))
			for _, c := range plain {
				dst = codec.AppendLink(dst, c)
			}
			for _, c := range own {
				dst = codec.AppendLink(lambda(dst), c)
			}
			dst = codec.AppendLink(dst, codec.CIDOf(fmt.Append(nil, "not there", i)))
			c := add(dst, plain, own)
			data, values = append(data, c), append(values, c)
		case 2: // an expression, often with an answer
			args := some(code)
			dst := codec.AppendArray(one(lambda(nil), "app"), 2+len(args))
			dst = codec.AppendText(one(dst, "prim"), "num.add")
			dst = codec.AppendInt(one(dst, "lit"), int64(i))
			for _, c := range args {
				dst = codec.AppendLink(dst, c)
			}
			c := add(dst, nil, args)
			code = append(code, c)
			if r.IntN(3) == 0 {
				continue
			}
			dst = codec.AppendLink(codec.AppendText(codec.AppendMap(nil, 3), "of"), c)
			dst = codec.AppendInt(codec.AppendText(dst, "steps"), 1)
			dst = codec.AppendArray(codec.AppendText(dst, "value"), len(plain)+len(own))
			for _, c := range plain {
				dst = codec.AppendLink(dst, c)
			}
			for _, c := range own {
				dst = codec.AppendLink(lambda(dst), c)
			}
			result := add(dst, plain, append(own, c))
			trace := graph.EncodeTrace(graph.Trace{Result: result}, nil)
			m.blocks = append(m.blocks, trace)
			k := blockKey(trace.CID)
			m.own[k] = []string{blockKey(result)}
			m.links[k] = m.own[k]
			m.answers[blockKey(c)] = graph.Answer{Expr: c, Result: result, Trace: trace.CID, By: "own:1", Steps: 1}
			data = append(data, result)
		}
	}
	return m
}

// reached returns what has to stay: the plain way, by rounds.
func (m *maze) reached(pins []Pin) map[string]bool {
	whole, own := map[string]bool{}, map[string]bool{}
	var walk func(k string, links map[string][]string, seen map[string]bool)
	answer := func(k string) {
		if a, ok := m.answers[k]; ok {
			walk(blockKey(a.Trace), m.own, own)
			walk(blockKey(a.Result), m.own, own)
		}
	}
	walk = func(k string, links map[string][]string, seen map[string]bool) {
		if seen[k] {
			return
		}
		seen[k] = true
		answer(k)
		for _, l := range links[k] {
			walk(l, links, seen)
		}
	}
	for _, p := range pins {
		if p.Direct {
			walk(blockKey(p.CID), m.own, own)
		} else {
			walk(blockKey(p.CID), m.links, whole)
		}
	}
	for k := range own {
		whole[k] = true
	}
	return whole
}

// TestCollectMazes holds collections of random stores with random pins against the plain way.
func TestCollectMazes(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		m := makeMaze(r, 300)
		s := open(t, t.TempDir())
		if err := s.Put(bg, m.blocks...); err != nil {
			t.Fatal(err)
		}
		for _, a := range m.answers {
			if err := s.Record(bg, a); err != nil {
				t.Fatal(err)
			}
		}
		var pins []Pin
		for range r.IntN(6) {
			p := Pin{CID: m.blocks[r.IntN(len(m.blocks))].CID, Direct: r.IntN(2) == 0, Partial: true}
			if slices.ContainsFunc(pins, func(q Pin) bool { return q.CID == p.CID }) {
				continue
			}
			pin(t, s, p)
			pins = append(pins, p)
		}
		s = reopen(t, s)
		collect(t, s, Collection{})
		want, got := m.reached(pins), blocksOf(t, s)
		for _, b := range m.blocks {
			if k := blockKey(b.CID); got[k] != want[k] {
				t.Fatalf("seed %d: block %s (%s) is there: %v, want %v", seed, b.CID, KindOfBlock(b.Data), got[k], want[k])
			}
		}
		for k, a := range m.answers {
			if rec, ok, err := s.Recorded(bg, a.Expr); err != nil || ok != want[k] || ok && rec != a {
				t.Fatalf("seed %d: the answer of %s is there: %v, %v, want %v", seed, a.Expr, ok, err, want[k])
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCollectBeside collects, as the holder and as a guest, while other processes write and read what they wrote: they miss nothing.
func TestCollectBeside(t *testing.T) {
	for _, guest := range []bool{false, true} {
		t.Run(fmt.Sprint("guest ", guest), func(t *testing.T) {
			dir := t.TempDir()
			var s *Store
			if !guest {
				s = open(t, dir)
			}
			for i := range 2 {
				cmd, in, out := start(t, dir, "rely", 1000*i)
				defer func() {
					in.Close()
					text, _ := io.ReadAll(out)
					if err := cmd.Wait(); err != nil || !strings.Contains(string(text), "well") {
						t.Errorf("got %v, %q", err, text)
					}
				}()
			}
			if guest {
				s = open(t, dir)
			}
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
				for i := range 50 { // garbage, some of which the others come to use
					makeFact(i*40, "own:1").put(t, s)
				}
				s = reopen(t, s)
				collect(t, s, Collection{})
			}
		})
	}
}

// TestCollectKilled kills collections at any moment. What is pinned is there after each, and no answer is without its blocks.
func TestCollectKilled(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var pinned []fact
	for i := range 1000 {
		f := makeFact(i, "own:1")
		f.put(t, s)
		if i%10 == 0 {
			pin(t, s, Pin{CID: f.answer.Expr})
			pinned = append(pinned, f)
		}
	}
	left := 1000
	for round := 0; left > len(pinned) && round < 15; round++ {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		cmd, _, out := start(t, dir, "collect")
		go io.Copy(io.Discard, out)
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		kill(cmd)
		s = open(t, dir)
		left = checkWhole(t, s)
		for _, f := range pinned {
			a, ok, err := s.Recorded(bg, f.answer.Expr)
			if !ok || err != nil || a != f.answer {
				t.Fatalf("round %d: the answer of what is pinned: got %v, %v, %v", round, a, ok, err)
			}
		}
	}
	s = reopen(t, s)
	collect(t, s, Collection{})
	if n := len(blocksOf(t, s)); n != 5*len(pinned) {
		t.Errorf("%d blocks are left, want %d", n, 5*len(pinned))
	}
	if list, err := os.ReadDir(dir + "/use"); err != nil || len(list) != 1 {
		t.Errorf("files of processes that are gone are left: %v, %v", list, err)
	}
}

// TestTrim gives up the cheapest answers: all facts have values of about one size, so those of the fewest steps.
func TestTrim(t *testing.T) {
	s := open(t, t.TempDir())
	var all []cid.Cid
	n := 100
	for i := range n {
		f := makeFact(i, "own:1")
		f.put(t, s)
		all = append(all, f.answer.Expr)
	}
	list := codec.AppendArray(nil, n)
	for _, c := range all {
		list = codec.AppendLink(list, c)
	}
	root := block(list)
	if err := s.Put(bg, root); err != nil {
		t.Fatal(err)
	}
	pin(t, s, Pin{CID: root.CID})
	pin(t, s, Pin{CID: all[0]})                        // its answer is what somebody wants
	pin(t, s, Pin{CID: makeFact(1, "").answer.Result}) // as is this one
	pin(t, s, Pin{CID: makeFact(2, "").answer.Result, Direct: true})
	pin(t, s, Pin{CID: makeFact(3, "").answer.Trace, Direct: true})
	s = reopen(t, s)
	whole := collect(t, s, Collection{DryRun: true})
	if whole.Dropped.Count != 0 || whole.Answers.Count != uint64(n) {
		t.Fatalf("got %+v", whole)
	}
	st, err := s.Stat(bg)
	if err != nil {
		t.Fatal(err)
	}
	content := st.Notes.Bytes + st.Others.Bytes
	for _, a := range st.Blocks {
		content += a.Bytes
	}
	for _, a := range st.Answers {
		content += a.Bytes
	}
	if whole.Content != content {
		t.Errorf("content: got %d, want %d", whole.Content, content)
	}
	half := collect(t, s, Collection{Trim: whole.Content / 2})
	if half.Content > whole.Content/2 || half.Content < whole.Content/3 || half.Trimmed < n/3 || half.Trimmed > n*2/3 {
		t.Errorf("got %+v of %d bytes", half, whole.Content)
	}
	for i, expr := range all {
		_, ok, err := s.Answer(bg, expr)
		if want := i < 4 || i > half.Trimmed+3; err != nil || ok != want {
			t.Errorf("the answer of %d: got %v, %v, want %v", i, ok, err, want)
		}
	}
	checkWhole(t, s)
	s = reopen(t, s)
	if out := collect(t, s, Collection{Trim: 1}); out.Answers.Count != 4 || out.Content < 1 {
		t.Errorf("all that can be given up: got %+v", out)
	}
	checkWhole(t, s)
}

// TestTrimOldest gives up the oldest of the answers that are cheap, and none that is not as long as there are others.
func TestTrimOldest(t *testing.T) {
	s := open(t, t.TempDir())
	const n = 50
	list := codec.AppendArray(nil, n)
	var all []graph.Answer
	for i := range n {
		f := makeFact(i, "own:1")
		if i < 5 { // dear, and the oldest
			f.answer.Steps = 2 * cheap
		}
		if err := s.Put(bg, f.blocks...); err != nil {
			t.Fatal(err)
		}
		rec := appendAnswer(nil, f.answer)
		if i%10 != 9 { // the others are from before anything was dated
			rec = codec.AppendUint(rec, uint64(1000+i))
		}
		if i >= 5 && i < 15 {
			rec = codec.AppendUint(appendAnswer(nil, f.answer), 5000)
		}
		if err := s.enqueue(bg, op{opAnswer, answerKey(f.answer.Expr), rec}); err != nil {
			t.Fatal(err)
		}
		all = append(all, f.answer)
		list = codec.AppendLink(list, f.answer.Expr)
	}
	root := block(list)
	if err := s.Put(bg, root); err != nil {
		t.Fatal(err)
	}
	pin(t, s, Pin{CID: root.CID})
	s = reopen(t, s)
	whole := collect(t, s, Collection{DryRun: true})
	half := collect(t, s, Collection{Trim: whole.Content / 2})
	if half.Trimmed < 10 || half.Trimmed > 32 {
		t.Fatalf("got %+v", half)
	}
	for i, a := range all {
		_, ok, err := s.Answer(bg, a.Expr)
		undated := i%10 == 9 && i >= 15
		kept := i < 15 || !undated && i > 15+half.Trimmed
		if err != nil || undated && ok || kept && !ok {
			t.Errorf("the answer of %d: got %v, %v, of %d that were given up", i, ok, err, half.Trimmed)
		}
	}
	checkWhole(t, s)
}

// TestDatedRecords: when a record was made says nothing about whether it stands, and stays when who says it, or its trace, is another.
func TestDatedRecords(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	key := answerKey(f.answer.Expr)
	plain := appendAnswer(nil, f.answer)
	old := codec.AppendUint(plain, 1000)
	put := func(value []byte) {
		t.Helper()
		if err := errors.Join(s.enqueue(bg, op{opAnswer, key, value}), s.Flush(bg)); err != nil {
			t.Fatal(err)
		}
	}
	when := func(want graph.Answer) int64 {
		t.Helper()
		rec, _, err := s.get(bg, []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		a, when, _, err := readRecord(f.answer.Expr, rec)
		if err == nil && a == want {
			return when
		}
		return -1
	}
	claim := f.answer
	claim.By = "claim:alice"
	put(codec.AppendUint(appendAnswer(nil, claim), 1000))
	if err := errors.Join(s.Put(bg, f.blocks...), s.Record(bg, claim), s.Flush(bg)); err != nil || when(claim) != 1000 {
		t.Errorf("got %v and the time %d of what was there before, want 1000", err, when(claim))
	}
	if err := errors.Join(s.Drop(bg, claim), s.Flush(bg)); err != nil || when(claim) != -1 {
		t.Errorf("a record is there after it was dropped: %v", err)
	}

	for _, c := range []struct {
		rec  []byte
		want int64
	}{{old, 1000}, {plain, 0}} { // the second is from before anything was dated
		put(c.rec)
		distrusted := f.answer
		distrusted.By = graph.ClaimAnswer + Distrusted + "1"
		if _, _, _, err := s.Distrust(bg, "1"); err != nil || when(distrusted) != c.want {
			t.Errorf("distrusted: got %v and the time %d, want %d", err, when(distrusted), c.want)
		}
		if _, err := s.Trust(bg, "1"); err != nil || when(f.answer) != c.want {
			t.Errorf("trusted again: got %v and the time %d, want %d", err, when(f.answer), c.want)
		}
	}

	put(old)
	if err := errors.Join(s.forget(bg, blockKey(f.answer.Trace)), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, problems := repair(t, s.Dir())
	s = open(t, s.Dir())
	bare := f.answer
	bare.Trace = cid.Undef
	if len(problems) != 1 || when(bare) != 1000 {
		t.Errorf("without its trace: got %q and the time %d, want 1000", problems, when(bare))
	}

	for _, bad := range [][]byte{codec.AppendText(old, "x"), codec.AppendUint(old, 1), codec.AppendInt(plain, -1), codec.AppendUint(plain, 1<<63)} {
		if _, err := readAnswer(f.answer.Expr, bad); err == nil {
			t.Errorf("% x is read as a record", bad)
		}
	}
}
