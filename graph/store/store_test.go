// This file tests a Store by itself: that it keeps what it is given, and notices damage.

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/storetest"
)

var bg = context.Background()

// A fact is an expression with its answer: a sum, whose value is a list of two texts that stand in blocks of their own.
type fact struct {
	blocks []graph.Block // the last but one is the Result, the last the Trace
	answer graph.Answer
}

func block(data []byte) graph.Block { return graph.Block{CID: codec.CIDOf(data), Data: data} }

func makeFact(i int, by string) fact {
	lambda := func(dst []byte) []byte { return codec.AppendText(codec.AppendMap(dst, 1), "λ") }
	one := func(dst []byte, key string) []byte { return codec.AppendText(codec.AppendMap(dst, 1), key) }
	e := codec.AppendArray(one(lambda(nil), "app"), 3)
	e = codec.AppendText(one(e, "prim"), "num.add")
	e = codec.AppendInt(one(e, "lit"), 1)
	e = codec.AppendInt(one(e, "lit"), int64(i))
	expr := block(e)
	var f fact
	r := codec.AppendLink(codec.AppendText(codec.AppendMap(nil, 3), "of"), expr.CID)
	r = codec.AppendInt(codec.AppendText(r, "steps"), int64(i))
	r = codec.AppendArray(codec.AppendText(r, "value"), 2)
	for part := range 2 {
		text := block(codec.AppendText(nil, strings.Repeat(fmt.Sprintf("%d/%d ", i, part), 300)))
		f.blocks = append(f.blocks, text)
		r = codec.AppendLink(lambda(r), text.CID)
	}
	result := block(r)
	trace := graph.EncodeTrace(graph.Trace{Result: result.CID}, nil)
	f.blocks = append(f.blocks, expr, result, trace)
	f.answer = graph.Answer{Expr: expr.CID, Result: result.CID, Trace: trace.CID, By: by, Steps: uint64(i)}
	return f
}

func (f fact) put(t testing.TB, s graph.Store) {
	t.Helper()
	if err := f.tryPut(s); err != nil {
		t.Fatal(err)
	}
}

func (f fact) tryPut(s graph.Store) error {
	if err := s.Put(bg, f.blocks...); err != nil {
		return err
	}
	return s.Record(bg, f.answer)
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// records returns the index as it stands in the database.
func records(t testing.TB, s *Store) []graph.Answer {
	t.Helper()
	if err := s.Flush(bg); err != nil {
		t.Fatal(err)
	}
	var all []graph.Answer
	var after []byte
	for {
		var page []entry
		err := s.ask(bg, func(l link) (err error) { page, err = l.scan([]byte{answerPrefix}, after, 100); return })
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for _, e := range page {
			a, err := readAnswer(cid.MustParse(e.key[1:]), e.value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
			after = e.key
		}
	}
}

// TestConformance holds a Store to the contract, as the one that holds the database and as a guest of another.
func TestConformance(t *testing.T) {
	database := func(s graph.Store) *holder { return s.(*Store).current().(*holder) }
	holding := storetest.Harness{
		Open: func(t *testing.T) graph.Store { return open(t, t.TempDir()) },
		Reopen: func(t *testing.T, s graph.Store) graph.Store {
			dir := s.(*Store).Dir()
			if err := s.(*Store).Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, dir)
		},
		Damage: func(t *testing.T, s graph.Store, c cid.Cid) {
			if err := database(s).db.Set([]byte(blockKey(c)), []byte("wrong"), nil); err != nil {
				t.Fatal(err)
			}
		},
		Lose: func(t *testing.T, s graph.Store, c cid.Cid) {
			if err := database(s).db.Delete([]byte(blockKey(c)), nil); err != nil {
				t.Fatal(err)
			}
		},
	}
	t.Run("holder", func(t *testing.T) { storetest.Run(t, holding) })

	hosts := map[graph.Store]*Store{}
	visiting := storetest.Harness{
		Open: func(t *testing.T) graph.Store {
			dir := t.TempDir()
			host := open(t, dir)
			s := open(t, dir)
			if _, ok := s.current().(*guest); !ok {
				t.Fatal("the second to open a store is not a guest")
			}
			hosts[s] = host
			return s
		},
		// The holder ends: the guest takes over.
		Reopen: func(t *testing.T, s graph.Store) graph.Store {
			if err := hosts[s].Close(); err != nil {
				t.Fatal(err)
			}
			return s
		},
		Damage: func(t *testing.T, s graph.Store, c cid.Cid) { holding.Damage(t, hosts[s], c) },
		Lose:   func(t *testing.T, s graph.Store, c cid.Cid) { holding.Lose(t, hosts[s], c) },
	}
	t.Run("guest", func(t *testing.T) { storetest.Run(t, visiting) })
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var facts []fact
	for i := range 100 {
		facts = append(facts, makeFact(i, "own:1"))
		facts[i].put(t, s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(bg, facts[0].blocks...); !errors.Is(err, ErrClosed) {
		t.Errorf("put into a closed store: got %v", err)
	}
	s = open(t, dir)
	for _, f := range facts {
		if a, ok, err := s.Answer(bg, f.answer.Expr); !ok || err != nil || a != f.answer {
			t.Fatalf("got %v, %v, %v, want %v", a, ok, err, f.answer)
		}
	}
	if n := len(records(t, s)); n != len(facts) {
		t.Errorf("got %d records, want %d", n, len(facts))
	}
}

// TestQueuedDrop: what is read while a drop and what comes after it are queued is what stands when they are written.
func TestQueuedDrop(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range 300 {
		own := makeFact(i, "own:1")
		own.put(t, s)
		if i%2 == 0 {
			if err := s.Flush(bg); err != nil {
				t.Fatal(err)
			}
		}
		claim := own.answer
		claim.By = "claim:them"
		if err := errors.Join(s.Drop(bg, own.answer), s.Record(bg, makeFact(i, "claim:somebody").answer), s.Record(bg, claim)); err != nil {
			t.Fatal(err)
		}
		if a, ok, err := s.Answer(bg, claim.Expr); !ok || err != nil || a != claim {
			t.Fatalf("%d: got %v, %v, %v, want %v", i, a, ok, err, claim)
		}
	}
}

// TestForeignCIDs keeps blocks of other codecs and hashes, and those that are their own CID.
func TestForeignCIDs(t *testing.T) {
	s := open(t, t.TempDir())
	data := []byte("some bytes")
	for _, p := range []cid.Prefix{
		{Version: 1, Codec: cid.Raw, MhType: 0x12, MhLength: 32},
		{Version: 1, Codec: cid.DagCBOR, MhType: 0x13, MhLength: 64},
		{Version: 1, Codec: cid.Raw, MhType: 0x1e, MhLength: 32},
		{Version: 0, Codec: cid.DagProtobuf, MhType: 0x12, MhLength: 32},
		{Version: 1, Codec: cid.Raw, MhType: 0, MhLength: -1},
	} {
		c, err := p.Sum(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Put(bg, graph.Block{CID: c, Data: data}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := s.Block(bg, c); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v: got %q, %v", p, got, err)
			}
			if ok, err := s.Has(bg, c); !ok || err != nil {
				t.Errorf("%v: got %v, %v", p, ok, err)
			}
			if err := s.Flush(bg); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Block(bg, cid.Undef); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("no CID: got %v", err)
	}
	big := block(make([]byte, MaxBlock+1))
	if err := s.Put(bg, big); err == nil {
		t.Error("a block above the limit was taken")
	}
}

// TestDamagedBlock finds wrong bytes under a CID: the block is named, what rested on it is dropped, and it can be
// put again.
func TestDamagedBlock(t *testing.T) {
	s := open(t, t.TempDir())
	f := makeFact(1, "own:1")
	f.put(t, s)
	if err := s.Flush(bg); err != nil {
		t.Fatal(err)
	}
	bad := f.blocks[0]
	spoil := func() {
		t.Helper()
		h := s.current().(*holder)
		key := []byte(blockKey(bad.CID))
		if err := h.db.Set(key, []byte("wrong"), nil); err != nil {
			t.Fatal(err)
		}
	}
	spoil()
	if _, err := s.Block(bg, bad.CID); !errors.Is(err, graph.ErrDamaged) || !strings.Contains(err.Error(), bad.CID.String()) {
		t.Fatalf("got %v, want damage of %s", err, bad.CID)
	}
	if err := s.Put(bg, bad); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(bg); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Block(bg, bad.CID); err != nil {
		t.Fatalf("after it was put again: %v", err)
	}
	spoil()
	if _, ok, err := s.Answer(bg, f.answer.Expr); ok || err != nil {
		t.Fatalf("answer over a damaged block: got %v, %v", ok, err)
	}
	if n := len(records(t, s)); n != 0 {
		t.Errorf("%d records are left, want none", n)
	}
	if _, err := s.Blockstore().Get(bg, f.blocks[1].CID); err != nil {
		t.Error(err)
	}
}

// TestDamagedTable flips bits in pebble's tables, one after the other: reading ends in an error that says damage or
// in the right bytes, and never in a crash; the block can be put again.
func TestDamagedTable(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var facts []fact
	for i := range 300 {
		facts = append(facts, makeFact(i, "own:1"))
		facts[i].put(t, s)
	}
	if err := s.Flush(bg); err != nil {
		t.Fatal(err)
	}
	if err := s.current().(*holder).db.Flush(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	tables, _ := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	if len(tables) == 0 {
		t.Fatal("no tables")
	}
	data, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := 1000; at < len(data)/2; at += 4096 {
		data[at] ^= 0x40
	}
	if err := os.WriteFile(tables[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	damaged, dropped := 0, 0
	for _, f := range facts {
		for _, b := range f.blocks {
			got, err := s.Block(bg, b.CID)
			switch {
			case errors.Is(err, graph.ErrDamaged) && strings.Contains(err.Error(), b.CID.String()):
				damaged++
			case err != nil && !errors.Is(err, graph.ErrNotFound):
				t.Fatal(err)
			case err == nil && !bytes.Equal(got, b.Data):
				t.Fatalf("%s: wrong bytes", b.CID)
			}
		}
		if _, ok, err := s.Answer(bg, f.answer.Expr); err != nil {
			t.Fatal(err)
		} else if !ok {
			dropped++
		}
		f.put(t, s)
		if a, ok, err := s.Answer(bg, f.answer.Expr); err != nil || !ok || a != f.answer {
			t.Fatalf("after it was put again: %v, %v, %v", a, ok, err)
		}
	}
	if damaged == 0 || dropped == 0 {
		t.Errorf("%d blocks damaged, %d answers dropped: the damage was not noticed", damaged, dropped)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedDatabase names the folder and says what can be done.
func TestDamagedDatabase(t *testing.T) {
	for _, pattern := range []string{"MANIFEST-*", "marker.manifest*", "marker.format*", "OPTIONS*", "*.log"} {
		for name, harm := range map[string]func(path string) error{
			"garbage": func(path string) error {
				return os.WriteFile(path, bytes.Repeat([]byte("not this "), 1000), 0o600)
			},
			"empty":   func(path string) error { return os.Truncate(path, 0) },
			"missing": os.Remove,
		} {
			dir := t.TempDir()
			s := open(t, dir)
			for i := range 20 {
				makeFact(i, "own:1").put(t, s)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(dir, "db", pattern))
			if len(files) == 0 {
				t.Fatalf("no %s", pattern)
			}
			for _, f := range files {
				if err := harm(f); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(dir, Options{})
			if err == nil { // pebble can do without, or takes it for what a crash leaves
				makeFact(1, "own:1").put(t, s)
				if err := s.Close(); err != nil {
					t.Errorf("%s %s: %v", pattern, name, err)
				}
				continue
			}
			for _, want := range []string{dir, "does not open", "store check --repair"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s %s: got %q, want it to say %q", pattern, name, err, want)
				}
			}
		}
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	for _, dir := range []string{"", file, filepath.Join(file, "below"), "\x00"} {
		if s, err := Open(dir, Options{}); err == nil {
			s.Close()
			t.Errorf("%q: no error", dir)
		}
	}
}

// TestHammer has two stores and eight goroutines write and read while a third, which holds the database, ends. It is
// for -race.
func TestHammer(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	guests := []*Store{open(t, dir), open(t, dir)}
	var wg sync.WaitGroup
	for w := range 8 {
		s := guests[w%2]
		wg.Go(func() {
			for i := range 150 {
				f := makeFact(i*8/(w+1), "own:1")
				if err := f.tryPut(s); err != nil {
					t.Error(err)
					return
				}
				for _, x := range f.blocks {
					if _, err := s.Block(bg, x.CID); err != nil {
						t.Error(err)
					}
				}
				if _, ok, err := s.Answer(bg, f.answer.Expr); !ok || err != nil {
					t.Errorf("answer: %v, %v", ok, err)
				}
				if i%50 == w {
					if err := s.Flush(bg); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for i := range 50 {
		makeFact(100000+i, "own:1").put(t, first)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := guests[1].Flush(bg); err != nil {
		t.Fatal(err)
	}
	want := map[int]bool{}
	for w := range 8 {
		for i := range 150 {
			want[i*8/(w+1)] = true
		}
	}
	if n := len(records(t, guests[0])); n != len(want)+50 {
		t.Errorf("got %d records, want %d", n, len(want)+50)
	}
	_, one := guests[0].current().(*holder)
	_, other := guests[1].current().(*holder)
	if one == other {
		t.Errorf("the first guest holds the store: %v, the second: %v", one, other)
	}
}

// TestFullQueue waits for the writer, and no longer than its context.
func TestFullQueue(t *testing.T) {
	s := open(t, t.TempDir())
	h := s.current().(*holder)
	h.mu.Lock()
	h.database.mu.Lock() // the writer waits here
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(bg, 50*time.Millisecond)
	defer cancel()
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		data := make([]byte, 1<<20)
		data[0] = byte(n)
		err = s.Put(ctx, block(data))
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after %d MiB: got %v", n, err)
	}
	h.database.mu.Unlock()
	if err := s.Flush(bg); err != nil {
		t.Fatal(err)
	}
}

func TestBlockstore(t *testing.T) {
	s := open(t, t.TempDir())
	bs := s.Blockstore()
	b := blocks.NewBlock([]byte("old style"))
	if _, err := bs.Get(bg, b.Cid()); err == nil {
		t.Error("got what was never put")
	}
	if err := bs.PutMany(bg, []blocks.Block{b, blocks.NewBlock([]byte("another"))}); err != nil {
		t.Fatal(err)
	}
	got, err := bs.Get(bg, b.Cid())
	if err != nil || string(got.RawData()) != "old style" {
		t.Fatalf("got %v, %v", got, err)
	}
	if n, err := bs.GetSize(bg, b.Cid()); n != 9 || err != nil {
		t.Errorf("size: got %d, %v", n, err)
	}
	keys, err := bs.AllKeysChan(bg)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range keys {
		n++
	}
	if n != 2 {
		t.Errorf("got %d keys, want 2", n)
	}
	if err := bs.DeleteBlock(bg, b.Cid()); err != nil {
		t.Fatal(err)
	}
	s.Flush(bg)
	if ok, err := bs.Has(bg, b.Cid()); ok || err != nil {
		t.Errorf("after deleting: %v, %v", ok, err)
	}
}

func BenchmarkOpenNew(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.TempDir(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

func BenchmarkOpenSmall(b *testing.B) {
	dir := b.TempDir()
	n := 0
	for b.Loop() {
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		makeFact(n, "own:1").put(b, s)
		n++
		s.Close()
		b.StartTimer()
	}
}

func BenchmarkPut(b *testing.B) {
	s := open(b, b.TempDir())
	all := make([]graph.Block, b.N)
	for i := range all {
		all[i] = block(codec.AppendBytes(nil, fmt.Appendf(make([]byte, 80), "%d", i)))
	}
	b.ResetTimer()
	for i := range all {
		if err := s.Put(bg, all[i]); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(bg); err != nil {
		b.Fatal(err)
	}
}
