// This file keeps blocks and index entries in a pebble database: the state of a store, in the process that holds it.

package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/rosser-lang/rosser/graph"
)

// Keys. A block stands under its multihash: the same bytes under two codecs are one block, as in every IPFS store.
const (
	blockPrefix  = 'b' // + multihash: the block
	answerPrefix = 'a' // + CID of an expression: an Answer's record
	reductPrefix = 'r' // + CID of an expression: what it became, as an Answer's record whose result is the Reduct
	notePrefix   = 'n' // + CID of a term: the CID of its latest about block
	rootPrefix   = 'w' // + name: a CID that is worked on
	pinPrefix    = 'p' // + CID: a Pin's record
	attestPrefix = 't' // + CID of an expression: who has signed which results of it (attest.go)
)

// An op is one change to the database.
type op struct {
	kind  opKind
	key   string
	value []byte
}

type opKind byte

const (
	opBlock  opKind = iota + 1 // key is there, with value
	opForget                   // key is gone: a block that was found to be damaged
	opAnswer                   // key is an Answer with the record value, unless what is there outranks it
	opDrop                     // key is gone, if its record is still value
	opNote                     // key, a note or a pin, is there, with value, whatever it was
	opSwap                     // key has the second half of value, if it has the first
	opAttest                   // key has the attestations of value beside those that it has
)

func (o op) size() int { return len(o.key) + len(o.value) + 16 }

// An entry is a key with its value.
type entry struct{ key, value []byte }

const (
	memTableSize = 8 << 20
	cacheSize    = 16 << 20
	maxApply     = 1 << 20 // bytes in one pebble batch; far below memTableSize, or pebble sets such a batch aside
)

// A database is a pebble database in a folder. Reads may come from any goroutine, also after a write has failed.
type database struct {
	dir     string
	lean    bool // Options.Lean
	db      *pebble.DB
	failure atomic.Pointer[error] // the first error in writing; no write is tried after it
	failed  chan struct{}         // closed with the first failure
	alone   bool                  // in memory: no other process can use it

	telling sync.RWMutex // held for reading while somebody is told of a block, for writing while blocks are dropped

	mu       sync.Mutex          // held by the one who writes
	checked  int                 // blocks that were looked for before they were written, and
	found    int                 // how many of them were there
	guests   int                 // other processes served
	unsynced map[string]struct{} // what was written since the last sync, while there are guests
	dirty    bool
}

// openDatabase opens the database in dir, and makes it when it is not there. The caller holds the store's lock.
func openDatabase(dir string, opts Options) (*database, error) {
	fs := opts.FS
	d := &database{dir: dir, lean: opts.Lean, failed: make(chan struct{})}
	if unmarked(fs, dir) {
		return nil, d.openError(errors.New("the file marker.manifest.… is not there"))
	}
	err := d.open(fs, false)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS) {
		// Nothing can be written, not even the log that opening starts; what is there can be read.
		readable := &database{dir: dir, failed: make(chan struct{})}
		readable.fail(readable.named(err))
		if readable.open(fs, true) == nil {
			return readable, nil
		}
	}
	if err != nil {
		return nil, d.openError(err)
	}
	return d, nil
}

// unmarked says whether a database has lost the empty file whose name says which its manifest is, say to a copy without empty files. Pebble would take
// it for none, begin a new one, and delete the tables of the old one.
func unmarked(fs vfs.FS, dir string) bool {
	names, _ := fs.List(dir)
	marked := slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "marker.manifest.") })
	return !marked && slices.ContainsFunc(names, func(name string) bool {
		return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".log")
	})
}

// open opens the database for reading and writing, or for reading. When a table cannot be written while it opens,
// pebble tries again for ever: then it is left alone, and cannot do anything any more.
func (d *database) open(fs vfs.FS, readOnly bool) error {
	type opened struct {
		db  *pebble.DB
		err error
	}
	done := make(chan opened, 1)
	go func() {
		var o opened
		defer func() {
			if r := recover(); r != nil {
				o = opened{nil, panicked(r)}
			}
			done <- o
		}()
		o.db, o.err = pebble.Open(d.dir, d.options(fs, readOnly))
	}()
	failed := d.failed
	if readOnly {
		failed = nil
	}
	var o opened
	select {
	case o = <-done:
	case <-failed:
		select {
		case o = <-done:
		case <-time.After(200 * time.Millisecond):
			return d.err()
		}
	}
	if o.err == nil && !readOnly {
		o.err = d.err()
	}
	d.db = o.db
	return o.err
}

func (d *database) options(fs vfs.FS, readOnly bool) *pebble.Options {
	o := &pebble.Options{
		FS:                 brake{fs, d},
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             silence{d},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) {
				// Damage in a table stands in the way of compacting it, not of reading and writing elsewhere.
				if !pebble.IsCorruptionError(err) {
					d.fail(d.named(err))
				}
			},
			DataCorruption: func(pebble.DataCorruptionInfo) {}, // comes as an error to whoever reads
		},
		CacheSize:                   cacheSize,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 4,
		L0StopWritesThreshold:       1000, // a table that cannot be compacted must not stop writing
		MaxOpenFiles:                256,
		ReadOnly:                    readOnly,
	}
	if d.lean {
		o.MemTableStopWritesThreshold = 2
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most lookups are for what is not there
	}
	return o
}

func (d *database) openError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return d.named(err)
	}
	return fmt.Errorf("store %s: its database does not open: %w\n"+
		"`rosser store check --repair` makes a new one of what can be read, and keeps the old one", filepath.Dir(d.dir), err)
}

// silence is pebble's log. Nothing is written to it; what pebble calls fatal makes the database fail, not the process.
type silence struct{ d *database }

func (silence) Infof(string, ...any)  {}
func (silence) Errorf(string, ...any) {}
func (s silence) Fatalf(format string, args ...any) {
	for _, a := range args {
		if err, ok := a.(error); ok {
			s.d.fail(s.d.named(err))
			return
		}
	}
	s.d.fail(fmt.Errorf("store %s: %s", filepath.Dir(s.d.dir), fmt.Sprintf(format, args...)))
}

// A brake is the file system below pebble. Pebble tries a failed flush again at once and for ever; after a failure
// no new file is made, and each trial takes a second. And where its log cannot be made or written pebble panics without its
// locks, which ends the process: so it is told that all went well (deaf), when the database has failed and nothing that is
// written after that counts.
type brake struct {
	vfs.FS
	d *database
}

const walCategory = "pebble-wal"

func (b brake) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category == walCategory {
		return b.log(b.FS.Create(name, category))
	}
	if err := b.d.err(); err != nil {
		time.Sleep(time.Second)
		return nil, err
	}
	return b.FS.Create(name, category)
}

func (b brake) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := b.FS.ReuseForWrite(from, to, category)
	if category == walCategory {
		return b.log(f, err)
	}
	return f, err
}

// log is pebble's log. One that could not be made is a file in memory.
func (b brake) log(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		b.d.fail(b.d.named(err))
		if f, err = vfs.NewMem().Create("log", walCategory); err != nil {
			return nil, err
		}
	}
	return deaf{f, b.d}, nil
}

// OpenDir gives the folders that pebble syncs.
func (b brake) OpenDir(name string) (vfs.File, error) {
	f, err := b.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return deaf{f, b.d}, nil
}

// A deaf file hears of no failure: the database has failed then, and the file is not written any more.
type deaf struct {
	vfs.File
	d *database
}

func (f deaf) try(write func() error) {
	if f.d.err() != nil {
		return
	}
	if err := write(); err != nil {
		f.d.fail(f.d.named(err))
	}
}

func (f deaf) Write(p []byte) (int, error) {
	f.try(func() error { _, err := f.File.Write(p); return err })
	return len(p), nil
}

func (f deaf) Preallocate(offset, length int64) error {
	f.File.Preallocate(offset, length) // where there is no room, writing finds out
	return nil
}

func (f deaf) Sync() error { f.try(f.File.Sync); return nil }

func (f deaf) SyncData() error { f.try(f.File.SyncData); return nil }

func (f deaf) SyncTo(length int64) (full bool, err error) {
	f.try(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, nil
}

func (f deaf) Close() error {
	if err := f.File.Close(); err != nil {
		f.d.fail(f.d.named(err))
	}
	return nil
}

// Open opens a table so that its blocks are checked first.
func (b brake) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := b.FS.Open(name, opts...)
	if err == nil && strings.HasSuffix(name, ".sst") {
		f = table{f}
	}
	return f, err
}

// A table is a file of which pebble reads one block at a time, and its checksum behind it. Where that is wrong pebble looks for a bit that mends it,
// with a checksum for each of 40 KB: 5 s of work for a block of 256 KB, at each read, and a minute for the largest. So pebble does not get such a block.
type table struct{ vfs.File }

const (
	trailer     = 5    // bytes behind a block: its compression and checksum
	leastSummed = 1024 // shorter ones are looked through quickly; among them is what is no block, the end of the table
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (t table) ReadAt(p []byte, at int64) (int, error) {
	n, err := t.File.ReadAt(p, at)
	if err != nil || n < leastSummed {
		return n, err
	}
	data, sum := p[:n-trailer+1], binary.LittleEndian.Uint32(p[n-trailer+1:])
	crc := crc32.Checksum(data, castagnoli)
	if bits.RotateLeft32(crc, -15)+0xa282ead8 != sum && uint32(xxhash.Sum64(data)) != sum {
		return 0, fmt.Errorf("%w: the checksum of %d bytes at %d is another one", pebble.ErrCorruption, n, at)
	}
	return n, nil
}

// Lock does nothing: the store's own lock is held (process.go), and a database that pebble does not let go of when it
// fails to open must not keep it from being read.
func (b brake) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// named returns an error that says which store it is of.
func (d *database) named(err error) error {
	store := "store " + filepath.Dir(d.dir) + ": "
	if strings.HasPrefix(err.Error(), store) {
		return err
	}
	return fmt.Errorf("%s%w", store, err)
}

func (d *database) fail(err error) {
	if d.failure.CompareAndSwap(nil, &err) {
		close(d.failed)
	}
}

// err returns what made the database fail, nil while it has not.
func (d *database) err() error {
	if p := d.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// panicked returns what pebble panics with as an error.
func panicked(r any) error {
	if err, ok := r.(error); ok {
		return err
	}
	return fmt.Errorf("%v", r)
}

func (d *database) get(key []byte) (value []byte, ok bool, err error) {
	d.telling.RLock()
	defer d.telling.RUnlock()
	defer func() {
		if r := recover(); r != nil {
			err = d.named(panicked(r))
		}
	}()
	v, closer, err := d.db.Get(key)
	if err == pebble.ErrNotFound {
		return nil, false, nil
	}
	if err != nil {
		if pebble.IsCorruptionError(err) {
			return nil, false, &damage{err}
		}
		return nil, false, d.named(err)
	}
	v = bytes.Clone(v)
	return v, true, closer.Close()
}

func (d *database) peek(key []byte) (value []byte, ok bool, err error) { return d.get(key) }

func (d *database) has(key []byte) (ok bool, err error) {
	d.telling.RLock()
	defer d.telling.RUnlock()
	defer func() {
		if r := recover(); r != nil {
			err = d.named(panicked(r))
		}
	}()
	_, closer, err := d.db.Get(key)
	if err == pebble.ErrNotFound {
		return false, nil
	}
	if err != nil {
		if pebble.IsCorruptionError(err) {
			return false, nil
		}
		return false, d.named(err)
	}
	return true, closer.Close()
}

// A damage is an error of the database in reading one key: what stood there is lost.
type damage struct{ err error }

// Error is the first line: behind it pebble has something for programs.
func (d *damage) Error() string {
	line, _, _ := strings.Cut(d.err.Error(), "\n")
	return line
}

// settle comes before another process is told about a key. What that process has seen it may build on, and so it
// must not be lost before what is built on it: it is made durable.
func (d *database) settle(key []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, fresh := d.unsynced[string(key)]; fresh {
		return d.syncLocked()
	}
	return nil
}

// guest counts the processes served.
func (d *database) guest(n int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guests += n
	if d.guests == 0 {
		d.unsynced = nil
		return nil
	}
	if d.unsynced == nil {
		if err := d.syncLocked(); err != nil && d.err() == nil {
			return err
		}
		d.unsynced = map[string]struct{}{}
	}
	return nil
}

// apply makes the changes in their order: a crash may lose the last of them, never one without those after it.
func (d *database) apply(ops []op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writing(func() error {
		batch := d.newBatch()
		fresh := map[string][]byte{} // in the batch: records written, and nil for what is gone
		for i := range ops {
			if err := d.change(batch, &ops[i], fresh); err != nil {
				return err
			}
			if batch.Len() >= maxApply || i == len(ops)-1 && !batch.Empty() {
				if err := d.db.Apply(batch, pebble.NoSync); err != nil {
					return err
				}
				d.dirty = true
				if err := d.err(); err != nil {
					return err
				}
				batch.Close() // its memory is that of the next
				batch = d.newBatch()
				clear(fresh)
			}
		}
		return batch.Close()
	})
}

// newBatch is an empty batch with the memory of an earlier one.
func (d *database) newBatch() *pebble.Batch {
	return d.db.NewBatch(pebble.WithMaxRetainedSizeBytes(4 * maxApply))
}

// writing runs f unless the database has failed; an error or a panic of pebble in f makes it fail.
func (d *database) writing(f func() error) (err error) {
	if err := d.err(); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = d.named(panicked(r))
		}
		if err != nil {
			d.fail(err)
			err = d.err()
		}
	}()
	return f()
}

// change puts one op into the batch.
func (d *database) change(batch *pebble.Batch, o *op, fresh map[string][]byte) error {
	key := []byte(o.key)
	switch o.kind {
	case opBlock:
		// Looking costs more than writing, but a program that is run again would write all its code again:
		// look as long as it is found often enough.
		if _, gone := fresh[o.key]; !gone && (d.checked < 512 || d.found >= d.checked/8) {
			d.checked++
			if ok, err := d.has(key); err == nil && ok {
				d.found++
				return nil
			}
		}
		if err := batch.Set(key, o.value, nil); err != nil {
			return err
		}
	case opForget:
		fresh[o.key] = nil
		if err := batch.Delete(key, nil); err != nil {
			return err
		}
	case opAnswer, opDrop:
		old, ok := fresh[o.key]
		if !ok && (o.kind == opDrop || !strings.HasPrefix(byOf(o.value), graph.OwnAnswer)) { // nothing outranks this machine's own
			var err error
			if old, _, err = d.get(key); err != nil {
				var lost *damage
				if !errors.As(err, &lost) {
					return err
				}
				old = nil
			}
		}
		if o.kind == opDrop {
			if !alike(old, o.value) {
				return nil
			}
			fresh[o.key] = nil
			return batch.Delete(key, nil)
		}
		if alike(old, o.value) || outranks(old, o.value) {
			return nil
		}
		fresh[o.key] = o.value
		if err := batch.Set(key, o.value, nil); err != nil {
			return err
		}
	case opNote:
		if err := batch.Set(key, o.value, nil); err != nil {
			return err
		}
	case opSwap:
		old, ok := fresh[o.key]
		if !ok {
			var err error
			if old, _, err = d.get(key); err != nil {
				return err
			}
		}
		now, err := swapped(old, o.value)
		if err != nil {
			return err
		}
		fresh[o.key] = now
		if len(now) == 0 {
			err = batch.Delete(key, nil)
		} else {
			err = batch.Set(key, now, nil)
		}
		if err != nil {
			return err
		}
	case opAttest:
		old, ok := fresh[o.key]
		if !ok {
			var err error
			if old, _, err = d.get(key); err != nil {
				var lost *damage
				if !errors.As(err, &lost) {
					return err
				}
				old = nil
			}
		}
		now := attested(old, o.value)
		if len(now) == 0 || bytes.Equal(old, now) {
			return nil
		}
		fresh[o.key] = now
		if err := batch.Set(key, now, nil); err != nil {
			return err
		}
	default:
		return fmt.Errorf("BUG: change of kind %d", o.kind)
	}
	if d.unsynced != nil {
		d.unsynced[o.key] = struct{}{}
	}
	return nil
}

// sweep drops the blocks under keys but those that a process uses, and returns the places of these in keys.
func (d *database) sweep(keys []string) (spared []int, err error) {
	d.mu.Lock() // first, for who writes also looks
	defer d.mu.Unlock()
	d.telling.Lock()
	defer d.telling.Unlock()
	var used uses
	if !d.alone {
		if used, err = readUses(filepath.Dir(d.dir), false); err != nil {
			return nil, err
		}
	}
	err = d.writing(func() error {
		b := d.db.NewBatch()
		for i, key := range keys {
			if used.has(key) {
				spared = append(spared, i)
			} else if err := b.Delete([]byte(key), nil); err != nil {
				return err
			}
		}
		d.dirty = true
		return d.db.Apply(b, pebble.NoSync)
	})
	return spared, err
}

// compact gives back the room of what was dropped between two keys.
func (d *database) compact(from, to []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = d.named(panicked(r))
		}
	}()
	if err := d.err(); err != nil {
		return err
	}
	if err := d.db.Compact(context.Background(), from, to, false); err != nil {
		return d.named(err)
	}
	return nil
}

// sync makes all that was applied durable.
func (d *database) sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncLocked()
}

func (d *database) syncLocked() error {
	if err := d.err(); err != nil || !d.dirty {
		return err
	}
	err := d.writing(func() error {
		if err := d.db.LogData(nil, pebble.Sync); err != nil {
			return err
		}
		return d.err()
	})
	if err == nil {
		d.dirty = false
		clear(d.unsynced)
	}
	return err
}

// scan returns up to limit entries whose keys begin with prefix and come after the key after: those before the first that
// cannot be read, and when there is none, a damage.
func (d *database) scan(prefix, after []byte, limit int) (found []entry, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = d.named(panicked(r))
		}
	}()
	lower := append(bytes.Clone(after), 0)
	if len(after) == 0 {
		lower = prefix
	}
	upper := bytes.Clone(prefix)
	upper[len(upper)-1]++
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, d.named(err)
	}
	size := 0
	for ok := it.First(); ok && len(found) < limit; ok = it.Next() {
		e := entry{it.Key(), it.Value()}
		if size += len(e.key) + len(e.value) + 16; size > maxApply && len(found) > 0 {
			break // all of it has to go into one frame
		}
		found = append(found, entry{bytes.Clone(e.key), bytes.Clone(e.value)})
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		switch {
		case !pebble.IsCorruptionError(err):
			return nil, d.named(err)
		case len(found) == 0:
			return nil, &damage{err}
		}
	}
	return found, nil
}

// close ends the database. One that has failed may not be able to end; it is left after two seconds.
func (d *database) close() error {
	err := d.sync()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- panicked(r)
			}
		}()
		done <- d.db.Close()
	}()
	if err == nil {
		select {
		case e := <-done:
			if e != nil {
				err = d.named(e)
			}
			return err
		case <-d.failed:
			err = d.err()
		}
	}
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
	return err
}
