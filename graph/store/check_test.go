// This file tests looking after a store on disk: what it holds, what is damaged in it, and what Repair makes of that.

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// filled makes a store of n facts, the first of a claimant, and of an about block for each expression.
func filled(t testing.TB, n int) (dir string, facts []fact) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir)
	for i := range n {
		by := "own:1"
		if i == 0 {
			by = "claim:a.car"
		}
		f := makeFact(i, by)
		f.put(t, s)
		about := graph.EncodeAbout(graph.About{Name: "f", Term: f.answer.Expr, Source: "f = 1"}, nil)
		if err := errors.Join(s.Put(bg, about), s.SetAbout(bg, f.answer.Expr, about.CID)); err != nil {
			t.Fatal(err)
		}
		facts = append(facts, f)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, facts
}

// edit changes a closed store by hand.
func edit(t testing.TB, dir string, f func(db *pebble.DB) error) {
	t.Helper()
	db, err := openDatabase(filepath.Join(dir, "db"), Options{FS: vfs.Default})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f(db.db), db.close()); err != nil {
		t.Fatal(err)
	}
}

func check(t testing.TB, dir string) (Checked, []string) {
	t.Helper()
	s := open(t, dir)
	defer s.Close()
	var problems []string
	out, err := s.Check(bg, func(p Problem) { problems = append(problems, p.String()) })
	if err != nil {
		t.Fatal(err)
	}
	if out.Problems != len(problems) {
		t.Errorf("%d problems are counted, %d reported", out.Problems, len(problems))
	}
	return out, problems
}

func repair(t testing.TB, dir string) (Checked, []string) {
	t.Helper()
	var problems []string
	out, err := Repair(bg, dir, Options{}, func(p Problem) { problems = append(problems, p.String()) })
	if err != nil {
		t.Fatal(err)
	}
	return out, problems
}

// answers counts the facts that the store answers, and looks whether all their blocks are whole.
func answered(t testing.TB, dir string, facts []fact) (n int) {
	t.Helper()
	s := open(t, dir)
	defer s.Close()
	for _, f := range facts {
		if a, ok, err := s.Answer(bg, f.answer.Expr); err != nil {
			t.Fatal(err)
		} else if ok && a.Result == f.answer.Result {
			n++
		}
	}
	return n
}

func set(key, value []byte) func(*pebble.DB) error {
	return func(db *pebble.DB) error { return db.Set(key, value, pebble.Sync) }
}

// A bit of a large block flips. Pebble alone looks for it at each read, some 60 of them, for 5 s or more.
func TestFlippedBit(t *testing.T) {
	dir, _ := filled(t, 0)
	noise := make([]byte, 900_000) // is not compressed
	rand.NewChaCha8([32]byte{}).Read(noise)
	large := block(noise)
	s := open(t, dir)
	if err := errors.Join(s.Put(bg, large), s.Close()); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, func(db *pebble.DB) error { return db.Flush() })
	tables, err := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := false
	for _, name := range tables {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(data, large.Data[:100]); at >= 0 {
			data[at+len(large.Data)-9] ^= 4
			flipped = true
			if err := os.WriteFile(name, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !flipped {
		t.Fatal("the block stands in no table")
	}
	s = open(t, dir)
	_, err = graph.LoaderOf(bg, s)(large.CID)
	if !errors.Is(err, graph.ErrDamaged) || !strings.Contains(err.Error(), "the checksum of") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want a block that pebble has not looked at", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, look := range []func(testing.TB, string) (Checked, []string){check, repair} {
		if out, problems := look(t, dir); out.Unpinned || len(problems) != 1 || !strings.Contains(problems[0], "from its beginning to ") {
			t.Errorf("got %q, want one problem", problems)
		}
	}
	if _, problems := check(t, dir); len(problems) != 0 {
		t.Errorf("got %v after the repair", problems)
	}
}

func TestCheckAndRepair(t *testing.T) {
	const n = 20
	record := func(a graph.Answer) []byte { return appendAnswer(nil, a) }
	other := makeFact(99, "own:1")
	for _, c := range []struct {
		name   string
		damage func(f fact) func(*pebble.DB) error
		want   []string // what the problems say, in order
		left   int      // of n facts, those that are still answered
		kept   int      // lines in the quarantine
	}{
		{"nothing", func(f fact) func(*pebble.DB) error { return func(*pebble.DB) error { return nil } }, nil, n, 0},
		{"block of a value", func(f fact) func(*pebble.DB) error {
			return set([]byte(blockKey(f.blocks[0].CID)), []byte("wrong"))
		}, []string{"its bytes do not have its hash", "block damaged"}, n - 1, 2},
		{"block gone", func(f fact) func(*pebble.DB) error {
			return func(db *pebble.DB) error { return db.Delete([]byte(blockKey(f.blocks[0].CID)), nil) }
		}, []string{"block not found"}, n - 1, 1},
		{"key that is no hash", func(f fact) func(*pebble.DB) error { return set([]byte("bx"), []byte("y")) }, []string{"its key is not a hash"}, n, 1},
		{"record that is none", func(f fact) func(*pebble.DB) error {
			return set([]byte(answerKey(f.answer.Expr)), []byte("junk"))
		}, []string{"its record cannot be read"}, n, 1}, // it is a claim then
		{"key that is no CID", func(f fact) func(*pebble.DB) error { return set([]byte("ax"), record(f.answer)) }, []string{"its key is not a CID"}, n, 1},
		{"lie", func(f fact) func(*pebble.DB) error {
			a := f.answer
			a.Result, a.Trace = makeFact(7, "").answer.Result, cid.Undef
			return set([]byte(answerKey(a.Expr)), record(a))
		}, []string{"is a result of"}, n - 1, 1},
		{"wrong number of steps", func(f fact) func(*pebble.DB) error {
			a := f.answer
			a.Steps++
			return set([]byte(answerKey(a.Expr)), record(a))
		}, []string{"it says 4 steps"}, n - 1, 1},
		{"no result", func(f fact) func(*pebble.DB) error {
			return set([]byte(answerKey(other.answer.Expr)), record(other.answer))
		},
			[]string{"block not found"}, n, 1},
		{"no trace", func(f fact) func(*pebble.DB) error {
			return func(db *pebble.DB) error { return db.Delete([]byte(blockKey(f.answer.Trace)), nil) }
		}, []string{"its trace"}, n, 1},
		{"trace of another", func(f fact) func(*pebble.DB) error {
			a := f.answer
			a.Trace = makeFact(7, "").answer.Trace
			return set([]byte(answerKey(a.Expr)), record(a))
		}, []string{"it is one of the result"}, n, 1},
		{"note of another", func(f fact) func(*pebble.DB) error {
			about := graph.EncodeAbout(graph.About{Name: "f", Term: makeFact(7, "").answer.Expr, Source: "f = 1"}, nil)
			return set([]byte(noteKey(f.answer.Expr)), about.CID.Bytes())
		}, []string{"it tells of"}, n, 1},
		{"note that is no CID", func(f fact) func(*pebble.DB) error { return set([]byte(noteKey(f.answer.Expr)), []byte("x")) }, []string{"it is not a CID"}, n, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, facts := filled(t, n)
			edit(t, dir, c.damage(facts[3]))
			for range 2 { // looking changes nothing
				_, problems := check(t, dir)
				if len(problems) != len(c.want) {
					t.Fatalf("got %q, want %q", problems, c.want)
				}
				for i, want := range c.want {
					if !strings.Contains(problems[i], want) {
						t.Errorf("got %q, want %q", problems[i], want)
					}
				}
			}
			out, problems := repair(t, dir)
			if len(problems) != len(c.want) || out.Mended != out.Problems {
				t.Errorf("Repair: got %q, %d mended", problems, out.Mended)
			}
			kept, _ := os.ReadFile(filepath.Join(out.Quarantine, takenFile))
			if bytes.Count(kept, []byte("\n")) != c.kept {
				t.Errorf("in the quarantine: %q, want %d", kept, c.kept)
			}
			if out, problems := check(t, dir); len(problems) > 0 || out.Blocks < 6*n-2 {
				t.Errorf("after it: %+v %q", out, problems)
			}
			if got := answered(t, dir, facts); got != c.left {
				t.Errorf("%d of %d are answered, want %d", got, n, c.left)
			}
		})
	}
}

// A table that is damaged on the disk: what can be read stays, and the database can be used without limits again.
func TestRepairTable(t *testing.T) {
	const n = 2000
	dir, facts := filled(t, n)
	edit(t, dir, func(db *pebble.DB) error {
		return errors.Join(db.Flush(), db.Compact(bg, []byte{0}, []byte{255}, false))
	})
	tables, _ := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	if len(tables) == 0 {
		t.Fatal("no tables")
	}
	slices.SortFunc(tables, func(a, b string) int { return int(fileSize(b) - fileSize(a)) })
	data, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{len(data) / 5, len(data) / 2} {
		copy(data[at:], bytes.Repeat([]byte{0xee}, 64))
	}
	if err := os.WriteFile(tables[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, problems := check(t, dir)
	if len(problems) == 0 || !strings.Contains(strings.Join(problems, "\n"), "the database cannot be read from") {
		t.Fatalf("got %q", problems)
	}
	if out.Blocks < 6*n*9/10 {
		t.Errorf("only %d of %d blocks were read", out.Blocks, 6*n)
	}
	out, problems = repair(t, dir)
	if out.Mended != out.Problems {
		t.Errorf("%d of %d mended: %q", out.Mended, out.Problems, problems)
	}
	if _, problems := check(t, dir); len(problems) > 0 {
		t.Errorf("after it: %q", problems)
	}
	if got := answered(t, dir, facts); got < n*9/10 || got == n {
		t.Errorf("%d of %d are answered", got, n)
	}
	if _, err := os.Stat(filepath.Join(out.Quarantine, "db", filepath.Base(tables[0]))); err != nil {
		t.Errorf("the old database is not kept: %v", err)
	}
	edit(t, dir, func(db *pebble.DB) error { return db.Compact(bg, []byte{0}, []byte{255}, false) })
}

// A database whose manifest is lost has a damaged table, too: what stands behind the damage is read.
func TestSalvageTable(t *testing.T) {
	const n = 2000
	dir, facts := filled(t, n)
	edit(t, dir, func(db *pebble.DB) error {
		return errors.Join(db.Flush(), db.Compact(bg, []byte{0}, []byte{255}, false))
	})
	tables, _ := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	for _, name := range tables {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, len(data) / 5, len(data) / 2} {
			copy(data[at:], bytes.Repeat([]byte{0xee}, 64))
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	manifests, _ := filepath.Glob(filepath.Join(dir, "db", "MANIFEST-*"))
	for _, name := range manifests {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	out, problems := repair(t, dir)
	if out.Mended != out.Problems || out.Blocks < 6*n*9/10 {
		t.Errorf("got %+v, %q, want most of %d blocks", out, problems, 6*n)
	}
	if got := answered(t, dir, facts); got < n*8/10 || got == n {
		t.Errorf("%d of %d are answered", got, n)
	}
}

// A database that does not open is made anew from its tables and logs.
func TestRepairUnopenable(t *testing.T) {
	const n = 100
	dir, facts := filled(t, n)
	edit(t, dir, func(db *pebble.DB) error { return db.Flush() })
	// A second part of the store is in the log alone.
	s := open(t, dir)
	for i := n; i < n+10; i++ {
		f := makeFact(i, "own:1")
		f.put(t, s)
		facts = append(facts, f)
	}
	if err := s.Drop(bg, facts[5].answer); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	manifests, _ := filepath.Glob(filepath.Join(dir, "db", "MANIFEST*"))
	for _, m := range manifests {
		if err := os.Truncate(m, 10); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := Open(dir, Options{}); err == nil {
		s.Close()
		t.Fatal("the database opens")
	} else if !strings.Contains(err.Error(), "store check --repair") {
		t.Errorf("%v: does not say what to do", err)
	}
	out, problems := repair(t, dir)
	if !out.Unpinned {
		t.Error("nothing says that pins may be lost")
	}
	if len(problems) == 0 || !strings.Contains(problems[0], "does not open") {
		t.Errorf("got %q", problems)
	}
	if out.Answers != len(facts)-1 || out.Recovered != 1 { // what was dropped is a result without an entry
		t.Errorf("%d entries, %d recovered", out.Answers, out.Recovered)
	}
	if _, problems := check(t, dir); len(problems) > 0 {
		t.Errorf("after it: %q", problems)
	}
	if got := answered(t, dir, facts); got != len(facts) {
		t.Errorf("%d of %d are answered", got, len(facts))
	}
	own := 0
	for _, a := range records(t, open(t, dir)) {
		if a.Own() {
			own++
		}
	}
	if own != len(facts)-2 { // the claim of a.car, and what is recovered
		t.Errorf("%d are this machine's own", own)
	}
}

// A process killed between the two steps of putting a new database in its place.
func TestRepairKilled(t *testing.T) {
	dir, facts := filled(t, 3)
	if err := os.Rename(filepath.Join(dir, "db"), filepath.Join(dir, newDB)); err != nil {
		t.Fatal(err)
	}
	if got := answered(t, dir, facts); got != 3 {
		t.Errorf("%d of 3 are answered", got)
	}
}

func TestCheckInUse(t *testing.T) {
	dir, _ := filled(t, 10)
	holder := open(t, dir)
	if _, err := Repair(bg, dir, Options{}, func(Problem) {}); !errors.Is(err, ErrInUse) {
		t.Errorf("Repair of a store in use: %v", err)
	}
	// As a guest, while the holder writes.
	guest := open(t, dir)
	done := make(chan error)
	go func() {
		for i := 100; i < 600; i++ {
			if err := makeFact(i, "own:1").tryPut(holder); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 3 {
		if _, err := guest.Check(bg, func(p Problem) { t.Errorf("%v", p) }); err != nil {
			t.Error(err)
		}
		if _, err := guest.Stat(bg); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if _, err := guest.Check(ctx, func(Problem) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
	if _, err := guest.Stat(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
}

func TestStat(t *testing.T) {
	dir, _ := filled(t, 10)
	s := open(t, dir)
	if _, err := s.PutLibrary(bg, Library{}); err != nil {
		t.Fatal(err)
	}
	extra := []graph.Block{block(graph.EncodeReduct(graph.Reduct{Of: makeFact(1, "").answer.Expr, To: makeFact(2, "").answer.Expr, Steps: 1}, nil).Data),
		block(graph.EncodeCheckpoint(graph.Checkpoint{Of: makeFact(1, "").answer.Expr}, nil).Data),
		{CID: codec.RawCID([]byte("\xff raw")), Data: []byte("\xff raw")}}
	if err := s.Put(bg, extra...); err != nil {
		t.Fatal(err)
	}
	st, err := s.Stat(bg)
	if err != nil {
		t.Fatal(err)
	}
	want := map[BlockKind]uint64{CodeBlock: 10, ResultBlock: 10, TraceBlock: 10, AboutBlock: 10, DataBlock: 20, ReductBlock: 1, CheckpointBlock: 1, FilesBlock: 2, OtherBlock: 1}
	for _, kind := range BlockKinds {
		if got := st.Blocks[kind]; got.Count != want[kind] || got.Bytes == 0 {
			t.Errorf("%s: got %+v, want %d", kind, got, want[kind])
		}
	}
	if st.Answers["own:1"].Count != 9 || st.Answers["claim:a.car"].Count != 1 || st.Notes.Count != 10 || st.Disk == 0 {
		t.Errorf("got %+v", st)
	}
}

func TestDistrust(t *testing.T) {
	dir, facts := filled(t, 10)
	s := open(t, dir)
	by := func() (list string) {
		counts := map[string]int{}
		for _, a := range records(t, s) {
			counts[a.By]++
		}
		return fmt.Sprint(counts)
	}
	distrust := func(who string) (own, claims int, err error) {
		own, claims, _, err = s.Distrust(bg, who)
		return own, claims, err
	}
	for _, c := range []struct {
		do         func() (int, int, error)
		own, other int
		want       string
	}{
		{func() (int, int, error) { return distrust("2") }, 0, 0, "map[claim:a.car:1 own:1:9]"},
		{func() (int, int, error) { return distrust("1") }, 9, 0, "map[claim:a.car:1 claim:distrusted evaluator/1:9]"},
		{func() (int, int, error) { return 0, 0, s.Record(bg, facts[3].answer) }, 0, 0, "map[claim:a.car:1 claim:distrusted evaluator/1:8 own:1:1]"},
		{func() (int, int, error) { n, err := s.Trust(bg, "1"); return n, 0, err }, 8, 0, "map[claim:a.car:1 own:1:9]"},
		{func() (int, int, error) { return distrust("a.car") }, 0, 1, "map[own:1:9]"},
	} {
		own, claims, err := c.do()
		if err != nil || own != c.own || claims != c.other {
			t.Errorf("got %d, %d, %v, want %d, %d", own, claims, err, c.own, c.other)
		}
		if got := by(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// Counts of several processes, and of one that ends in the middle of writing them.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	a.Count(Usage{Runs: 1, Executed: 100, Linked: 3})
	b.Count(Usage{Runs: 2, Spared: 50, Written: 1000})
	if got := a.Usage(); got != (Usage{Runs: 1, Executed: 100, Linked: 3}) {
		t.Errorf("got %+v", got)
	}
	if err := errors.Join(b.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	want := Usage{Runs: 3, Executed: 100, Spared: 50, Linked: 3, Written: 1000}
	c := open(t, dir)
	if got := c.Usage(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// The newer record is cut: the older one counts.
	path := filepath.Join(dir, "usage")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[20] ^= 1 // of the second record, which is in the first slot
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.Usage(); got == want || got == (Usage{}) {
		t.Errorf("got %+v", got)
	}
	c.Count(Usage{Runs: 1<<64 - 1})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir).Usage(); got.Runs != 1<<64-1 {
		t.Errorf("got %+v, want the greatest number of runs", got)
	}
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Files of the database that are cut short, lost, or overwritten: whatever that does, the store is sound after Repair, and holds
// what was in the other files.
func TestRepairFiles(t *testing.T) {
	const tables, logged = 200, 20
	dir, facts := filled(t, tables)
	edit(t, dir, func(db *pebble.DB) error {
		return errors.Join(db.Flush(), db.Compact(bg, []byte{0}, []byte{255}, false))
	})
	s := open(t, dir)
	for i := tables; i < tables+logged; i++ {
		f := makeFact(i, "own:1")
		f.put(t, s)
		facts = append(facts, f)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	harms := map[string]func(path string, size int64) error{
		"halved":  func(path string, size int64) error { return os.Truncate(path, size/2) },
		"emptied": func(path string, _ int64) error { return os.Truncate(path, 0) },
		"gone":    func(path string, _ int64) error { return os.Remove(path) },
		"overwritten": func(path string, size int64) error {
			return os.WriteFile(path, bytes.Repeat([]byte("nonsense"), int(size/8)+1), 0o600)
		},
	}
	least := map[string]int{"*.sst": logged, "*.log": tables, "MANIFEST-*": tables + logged, "OPTIONS-*": tables + logged, "marker.*": tables + logged, "marker.manifest.*": tables + logged}
	for _, pattern := range []string{"*.sst", "*.log", "MANIFEST-*", "OPTIONS-*", "marker.*", "marker.manifest.*"} {
		for name, harm := range harms {
			t.Run(pattern+" "+name, func(t *testing.T) {
				copied := t.TempDir()
				if err := os.CopyFS(filepath.Join(copied, "db"), os.DirFS(filepath.Join(dir, "db"))); err != nil {
					t.Fatal(err)
				}
				files, _ := filepath.Glob(filepath.Join(copied, "db", pattern))
				if len(files) == 0 {
					t.Fatal("no such file")
				}
				for _, f := range files {
					if err := harm(f, fileSize(f)); err != nil {
						t.Fatal(err)
					}
				}
				out, problems := repair(t, copied)
				if out.Mended != out.Problems {
					t.Errorf("%d of %d mended: %q", out.Mended, out.Problems, problems)
				}
				if _, problems := check(t, copied); len(problems) > 0 {
					t.Errorf("after it: %q", problems)
				}
				n := answered(t, copied, facts)
				t.Logf("%d of %d are answered; %d problems, %d recovered", n, len(facts), out.Problems, out.Recovered)
				if want := least[pattern]; n < want {
					t.Errorf("%d are answered, want %d", n, want)
				}
			})
		}
	}
}

// TestCheckReducts: an entry of the index of reducts is checked like an answer, counted, and forgotten with the evaluator that wrote it.
func TestCheckReducts(t *testing.T) {
	dir, facts := filled(t, 4)
	s := open(t, dir)
	gone := graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: graph.Int(-7)}, nil)
	for i, to := range []cid.Cid{facts[1].answer.Expr, gone.CID} {
		b := graph.EncodeReduct(graph.Reduct{Of: facts[i].answer.Expr, To: to, Steps: 3}, nil)
		entry := graph.Becomes{Expr: facts[i].answer.Expr, Reduct: b.CID, By: "own:1"}
		if err := errors.Join(s.Put(bg, b), s.RecordReduct(bg, entry)); err != nil {
			t.Fatal(err)
		}
	}
	of := graph.EncodeReduct(graph.Reduct{Of: facts[0].answer.Expr, To: facts[1].answer.Expr, Steps: 3}, nil)
	if err := s.RecordReduct(bg, graph.Becomes{Expr: facts[2].answer.Expr, Reduct: of.CID, By: "own:1"}); err != nil { // of something else
		t.Fatal(err)
	}
	if st, err := s.Stat(bg); err != nil || st.Reducts.Count != 3 {
		t.Errorf("got %+v, %v, want 3", st.Reducts, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	out, problems := check(t, dir)
	if out.Answers != 4+3 || len(problems) != 2 || !strings.Contains(strings.Join(problems, "\n"), "reduct of "+facts[1].answer.Expr.String()) {
		t.Errorf("got %+v, %q", out, problems)
	}
	if out, problems := repair(t, dir); out.Mended != 2 {
		t.Errorf("got %+v, %q", out, problems)
	}
	if _, problems := check(t, dir); len(problems) > 0 {
		t.Errorf("got %q after repairing", problems)
	}
	s = open(t, dir)
	defer s.Close()
	if _, _, reducts, err := s.Distrust(bg, "1"); reducts != 1 || err != nil {
		t.Errorf("got %d, %v, want one that is begun again", reducts, err)
	}
	if _, ok, err := s.Reduct(bg, facts[0].answer.Expr); ok || err != nil {
		t.Errorf("got %v, %v of what is not trusted", ok, err)
	}
}

// TestCheckPins: what is missing below a pin is named, and stays a problem when all else is mended.
func TestCheckPins(t *testing.T) {
	dir, facts := filled(t, 4)
	s := open(t, dir)
	pin(t, s, Pin{CID: facts[1].answer.Expr, Name: "one"})
	pin(t, s, Pin{CID: facts[2].answer.Result})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out, problems := check(t, dir); out.Pins != 2 || len(problems) > 0 {
		t.Errorf("got %+v, %q", out, problems)
	}
	edit(t, dir, func(db *pebble.DB) error {
		key := append([]byte(pinKey(facts[3].answer.Expr)), 0)
		return errors.Join(db.Delete([]byte(blockKey(facts[2].blocks[0].CID)), nil), db.Set(key, []byte("nonsense"), nil))
	})
	out, problems := repair(t, dir)
	if text := strings.Join(problems, "\n"); out.Problems != 3 || out.Mended != 2 || out.Incomplete != 1 ||
		!strings.Contains(text, "pin of "+facts[2].answer.Result.String()) || !strings.Contains(text, facts[2].blocks[0].CID.String()) {
		t.Errorf("got %+v, %q", out, problems)
	}
	if out, problems := check(t, dir); out.Problems != 1 || out.Incomplete != 1 {
		t.Errorf("got %+v, %q", out, problems)
	}
	s = open(t, dir)
	if _, err := s.Unpin(bg, facts[2].answer.Result); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out, problems := check(t, dir); out.Problems != 0 {
		t.Errorf("got %+v, %q", out, problems)
	}
}
