// This file repairs a store: what Check finds wrong is taken out, with a copy in the folder DIR/quarantine, and a database that
// cannot be read through, or not even be opened, is made anew from what can be read of it.

package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// ErrInUse is returned by Repair for a store that another process has open.
var ErrInUse = errors.New("another process uses the store; it can be repaired when that has ended")

// Recovered is whose claims the results are that Repair finds without an entry in the index: who reduced them is not known.
const Recovered = "recovered"

const (
	quarantine = "quarantine"  // the folder in a store's folder
	takenFile  = "taken.jsonl" // in a folder of it
	newDB      = "db.new"      // a database in the making; whole if there is none at db
)

// A mender changes the database that a checker checks.
type mender struct {
	dir  string // the store's
	at   string // its folder in the quarantine; made when it is needed
	db   *database
	made bool
	kept *os.File // there, of what is taken out

	changes []entry // to be made; a nil value removes
}

// Repair checks the store in dir as Check does, and mends what it finds. Blocks that do not have their hash, and entries that
// lie or lead nowhere, are taken out; a trace that is not there, or not of its result, is taken out of its entry. A copy of each
// goes to a file, taken.jsonl, in a folder of this repair in DIR/quarantine. When a part of the database cannot be read, or it cannot be opened, a new
// one is made of what can be read, and the old one moved there too. When entries of the index are lost, results without one
// become claims of Recovered. No other process may use the store meanwhile.
func Repair(ctx context.Context, dir string, opts Options, report func(Problem)) (Checked, error) {
	dir, err := folder(dir)
	if err != nil {
		return Checked{}, err
	}
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return Checked{}, fmt.Errorf("store %s: %w", dir, err)
	}
	if lock == nil {
		return Checked{}, fmt.Errorf("store %s: %w", dir, ErrInUse)
	}
	defer lock.Close()
	finishRebuild(dir)
	m := &mender{dir: dir, at: filepath.Join(dir, quarantine, time.Now().UTC().Format("20060102T150405.000Z"))}
	c := &checker{ctx: ctx, report: report, mend: m}
	m.db, err = openDatabase(filepath.Join(dir, "db"), opts)
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
			return c.out, err
		}
		if err := m.salvage(ctx, opts.FS); err != nil {
			return c.out, err
		}
		c.index, c.out.Unpinned = true, true
		c.problem(Problem{"database", errors.New("it does not open"), "made anew of what can be read of its files"})
		if m.db, err = openDatabase(filepath.Join(dir, "db"), opts); err != nil {
			return c.out, err
		}
	}
	c.s = newStore(dir, opts)
	c.s.link = &holder{database: m.db}
	if err = c.all(); err == nil {
		err = m.flush()
	}
	if m.kept != nil {
		defer m.kept.Close()
	}
	if err == nil && c.holes {
		if err = m.rebuild(ctx, c.s, opts.FS); err == nil {
			c.s.link = &holder{database: m.db}
		}
	}
	if err == nil && c.index {
		err = c.recover()
	}
	if m.made {
		c.out.Quarantine = m.at
	}
	return c.out, errors.Join(err, m.db.close())
}

// A taken is a line of the file that keeps what a repair took out: where it stood, what stood there, why it is gone.
type taken struct {
	What  string `json:"what"`
	Why   string `json:"why"`
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

// take changes the value of an entry, or removes it with nil, and keeps a copy of what was there. The changes are made together
// by flush.
func (m *mender) take(e entry, value []byte, p Problem) error {
	if m.kept == nil {
		if err := m.makeFolder(); err != nil {
			return err
		}
		var err error
		if m.kept, err = os.OpenFile(filepath.Join(m.at, takenFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			return err
		}
	}
	line, err := json.Marshal(taken{p.What, p.Err.Error(), e.key, e.value})
	if err == nil {
		_, err = m.kept.Write(append(line, '\n'))
	}
	if err != nil {
		return err
	}
	m.changes = append(m.changes, entry{e.key, value})
	if len(m.changes) < 1024 {
		return nil
	}
	return m.flush()
}

// flush makes the changes, after the copies of what they take are on the disk.
func (m *mender) flush() error {
	if len(m.changes) == 0 {
		return nil
	}
	if err := m.kept.Sync(); err != nil {
		return err
	}
	err := m.db.raw(func(b *pebble.Batch) error {
		for _, e := range m.changes {
			var err error
			if e.value == nil {
				err = b.Delete(e.key, nil)
			} else {
				err = b.Set(e.key, e.value, nil)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	m.changes = nil
	return err
}

func (m *mender) makeFolder() error {
	if m.made {
		return nil
	}
	err := os.MkdirAll(m.at, 0o700)
	m.made = err == nil
	return err
}

// raw makes changes as they stand, without the rules of an op.
func (d *database) raw(f func(*pebble.Batch) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writing(func() error {
		b := d.db.NewBatch()
		if err := f(b); err != nil {
			return err
		}
		if b.Empty() {
			return b.Close()
		}
		d.dirty = true
		return d.db.Apply(b, pebble.NoSync)
	})
}

// A filling is a database that is being made.
type filling struct {
	db    *database
	batch []entry
	bytes int
}

func (m *mender) newDatabase(fs vfs.FS) (*filling, error) {
	dir := filepath.Join(m.dir, newDB)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	db, err := openDatabase(dir, Options{FS: fs})
	return &filling{db: db}, err
}

func (f *filling) add(e entry) error {
	f.batch = append(f.batch, e)
	if f.bytes += len(e.key) + len(e.value); f.bytes < maxApply {
		return nil
	}
	return f.flush()
}

func (f *filling) flush() error {
	err := f.db.raw(func(b *pebble.Batch) error {
		for _, e := range f.batch {
			if err := b.Set(e.key, e.value, nil); err != nil {
				return err
			}
		}
		return nil
	})
	f.batch, f.bytes = nil, 0
	return err
}

// rebuild makes a new database of what s can read, and puts it in the place of the old one.
func (m *mender) rebuild(ctx context.Context, s *Store, fs vfs.FS) error {
	to, err := m.newDatabase(fs)
	if err != nil {
		return err
	}
	for prefix := range 255 {
		if err := s.each(ctx, []byte{byte(prefix)}, to.add, func([]byte, []byte) {}); err != nil {
			return errors.Join(err, to.db.close())
		}
	}
	if err := errors.Join(to.flush(), to.db.close()); err != nil {
		return err
	}
	m.db.close() // what is damaged may not let it end well
	if err := m.swap(); err != nil {
		return err
	}
	db, err := openDatabase(filepath.Join(m.dir, "db"), Options{FS: fs})
	if err == nil {
		m.db = db
	}
	return err
}

// swap moves the old database into the quarantine and the new one to its place. Killed in between, finishRebuild goes on.
func (m *mender) swap() error {
	if err := m.makeFolder(); err != nil {
		return err
	}
	syncDir(m.at)
	if err := os.Rename(filepath.Join(m.dir, "db"), filepath.Join(m.at, "db")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(m.dir, newDB), filepath.Join(m.dir, "db")); err != nil {
		return err
	}
	syncDir(m.dir)
	return nil
}

// finishRebuild ends what a process that was killed in swap has begun. The caller holds the store's lock.
func finishRebuild(dir string) {
	db := filepath.Join(dir, "db")
	if _, err := os.Lstat(db); errors.Is(err, os.ErrNotExist) {
		os.Rename(filepath.Join(dir, newDB), db) // there mostly is none
	}
}

func syncDir(dir string) {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
}

// recover puts results without an entry into the index, as claims.
func (c *checker) recover() error {
	to := &filling{db: c.mend.db}
	given := map[string]bool{} // what is in to's batch
	err := c.s.each(c.ctx, []byte{blockPrefix}, func(e entry) error {
		of, steps, err := ResultHead(e.value)
		if err != nil {
			return nil
		}
		key := answerKey(of)
		if _, ok, err := c.s.get(c.ctx, []byte(key)); err != nil || ok || given[key] {
			return err
		}
		a := graph.Answer{Expr: of, Result: codec.CIDOf(e.value), By: graph.ClaimAnswer + Recovered, Steps: steps}
		rec := appendAnswer(nil, a)
		if bad, _, err := c.judge(entry{[]byte(key), rec}); err != nil || bad != nil {
			return err
		}
		c.out.Recovered++
		given[key] = true
		if err := to.add(entry{[]byte(key), rec}); err != nil || len(to.batch) > 0 {
			return err
		}
		clear(given)
		return nil
	}, func([]byte, []byte) {})
	return errors.Join(err, to.flush())
}

// salvagePrefix is where salvage keeps what is not a block until it has seen all: the number of the change before the value, and
// whether there is one.
const salvagePrefix = 0xfe

// salvage makes a new database from the files of one that does not open: its tables, and its logs. What cannot be read is
// left out.
func (m *mender) salvage(ctx context.Context, fs vfs.FS) error {
	to, err := m.newDatabase(fs)
	if err != nil {
		return err
	}
	old := filepath.Join(m.dir, "db")
	take := func(number uint64, kind pebble.InternalKeyKind, key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		there := kind == pebble.InternalKeyKindSet || kind == pebble.InternalKeyKindSetWithDelete
		gone := kind == pebble.InternalKeyKindDelete || kind == pebble.InternalKeyKindSingleDelete || kind == pebble.InternalKeyKindDeleteSized
		if len(key) < 2 || key[0] == salvagePrefix || !there && !gone {
			return nil
		}
		if key[0] == blockPrefix { // any copy that has its hash will do, and one that has not is put last nowhere
			if known, bad := verifyKey(entry{key, value}); gone || known && bad != nil {
				return nil
			}
			return to.add(entry{bytes.Clone(key), bytes.Clone(value)})
		}
		if err := to.flush(); err != nil { // for the look that follows
			return err
		}
		at := append([]byte{salvagePrefix}, key...)
		if newer, ok, err := to.db.get(at); err != nil || ok && binary.BigEndian.Uint64(newer) > number {
			return err
		}
		kept := binary.BigEndian.AppendUint64(nil, number)
		if there {
			kept = append(append(kept, 1), value...)
		} else {
			kept = append(kept, 0)
		}
		return to.add(entry{at, kept})
	}
	err = errors.Join(eachTable(fs, old, take), eachLog(fs, old, take), to.flush())
	if err == nil {
		s := newStore(m.dir, Options{})
		s.link = &holder{database: to.db}
		err = s.each(ctx, []byte{salvagePrefix}, func(e entry) error {
			if e.value[8] == 1 {
				if err := to.add(entry{e.key[1:], e.value[9:]}); err != nil {
					return err
				}
			}
			return to.db.raw(func(b *pebble.Batch) error { return b.Delete(e.key, nil) })
		}, func([]byte, []byte) {})
	}
	if err = errors.Join(err, to.flush(), to.db.close()); err != nil {
		return err
	}
	return m.swap()
}

// eachTable calls f with what the tables in a folder hold, as far as they can be read.
func eachTable(fs vfs.FS, dir string, f func(number uint64, kind pebble.InternalKeyKind, key, value []byte) error) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	options := (&database{}).options(fs, true)
	options.EnsureDefaults()
	for _, name := range names {
		if filepath.Ext(name) != ".sst" {
			continue
		}
		var stop error
		read := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = panicked(r)
				}
			}()
			file, err := options.FS.Open(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			readable, err := sstable.NewSimpleReadable(file)
			if err != nil {
				return errors.Join(err, file.Close())
			}
			r, err := sstable.NewReader(context.Background(), readable, options.MakeReaderOptions())
			if err != nil {
				return errors.Join(err, readable.Close())
			}
			defer r.Close()
			for from := []byte(nil); ; {
				last, err := readTable(r, from, func(number uint64, kind pebble.InternalKeyKind, key, value []byte) error {
					stop = f(number, kind, key, value)
					return stop
				})
				if d := (*damage)(nil); stop != nil || !errors.As(err, &d) {
					return err
				}
				once := errors.New("one is enough")
				from, err = pastDamage(nil, last, func(key []byte) error {
					_, err := readTable(r, key, func(uint64, pebble.InternalKeyKind, []byte, []byte) error { return once })
					if err == once {
						err = nil
					}
					return err
				})
				if err != nil || from == nil {
					return err
				}
			}
		}
		if read(); stop != nil { // what the table does not yield is lost
			return stop
		}
	}
	return nil
}

// readTable calls f with what a table holds from a key on, and returns the last key before the error, which is a damage where the table cannot be read.
func readTable(r *sstable.Reader, from []byte, f func(number uint64, kind pebble.InternalKeyKind, key, value []byte) error) (last []byte, err error) {
	it, err := r.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err == nil {
		defer it.Close()
		for kv := it.SeekGE(from, 0); kv != nil && err == nil; kv = it.Next() {
			from = bytes.Clone(kv.K.UserKey)
			var value []byte
			if value, _, err = kv.Value(nil); err == nil {
				err = f(uint64(kv.K.SeqNum()), kv.K.Kind(), from, value)
			}
		}
		err = cmp.Or(err, it.Error())
	}
	if pebble.IsCorruptionError(err) {
		err = &damage{err}
	}
	return from, err
}

// eachLog does the same with the logs.
func eachLog(fs vfs.FS, dir string, f func(number uint64, kind pebble.InternalKeyKind, key, value []byte) error) error {
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil {
		return err
	}
	for _, log := range logs {
		var stop error
		read := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = panicked(r)
				}
			}()
			r := log.OpenForRead()
			defer r.Close()
			for {
				record, _, err := r.NextRecord()
				if err != nil {
					return err
				}
				repr, err := io.ReadAll(record)
				if err != nil {
					return err
				}
				if len(repr) < batchrepr.HeaderLen {
					continue
				}
				number := uint64(batchrepr.ReadSeqNum(repr))
				for changes := batchrepr.Read(repr); ; number++ {
					kind, key, value, ok, err := changes.Next()
					if err != nil || !ok {
						break
					}
					if stop = f(number, kind, key, value); stop != nil {
						return stop
					}
				}
			}
		}
		if read(); stop != nil {
			return stop
		}
	}
	return nil
}
