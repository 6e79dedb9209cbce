// Package store keeps a graph on disk: blocks under their CIDs and, beside them, the index from an expression to its
// Answer.
//
// Open gives a Store, which is a graph.Store: Put and Record hand their things to a queue and return; a goroutine
// writes the queue to the database in the order it came, so that whatever a crash loses, no Answer is left without
// the blocks that were put before it. Reading sees the queue. Every block is verified against its CID when it is
// read. Any number of processes can open one folder (see process.go). Blockstore gives the same blocks to boxo.
//
// What leaves and enters a store: Export and Import move what hangs below a CID as a CAR file, and Publish makes a
// library, an IPFS directory of names, their code and their results (library.go). Update keeps one under a name, with those before it; Union joins several;
// AdoptLibrary makes claims of what a fetched one lists. AddPath and AddReader put files and folders into it as UnixFS,
// with the CIDs that kubo gives them.
// Stat says what takes the space, Check whether all is sound, and Repair mends it.
//
// # Why the hot path does not go through boxo's blockstore
//
// Its keys are base32 text, 0.3 us there and back for a block that is hashed in 0.2 us, and its batches cannot carry an
// index entry. So Put and Block use the database's keys; the blockstore, for the walker, UnixFS and the network, is
// boxo's, over a datastore that is this Store (blockstore.go).
package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"

	"github.com/rosser-lang/rosser/graph"
)

// MaxBlock is the largest block that a store takes, in bytes.
const MaxBlock = 4 << 20

// ErrClosed is returned by a Store that has been closed.
var ErrClosed = errors.New("the store is closed")

// Options say how a Store is opened. The zero Options are good for everything.
type Options struct {
	// Notice is told of a result that is dropped because a block of it is missing or damaged; nil for nobody. It may be
	// called from any goroutine.
	Notice func(error)
	FS     vfs.FS // the database's file system; nil is the system's own
	// Lean has this process hold less back while it writes. Adding 2 GB of files takes 190 MB of memory with it and 270 without, in the
	// same time; small blocks take some 15 % longer.
	Lean bool
	Wait time.Duration // how long to try for a holder that does not answer; 0 is 15 seconds
}

const (
	queueBytes = 16 << 20               // Put waits while so much is queued
	syncEvery  = 200 * time.Millisecond // a crash of the machine loses no more than this
)

// A Store is a graph.Store in a folder. All methods may be called from any goroutine.
type Store struct {
	dir  string
	opts Options

	// The queue: what came since the writer last took it, and what the writer took and has not written yet.
	mu       sync.Mutex
	wake     *sync.Cond // any change of what follows
	incoming generation
	flying   generation
	queued   uint64 // ops queued so far
	written  uint64 // ops written so far
	durable  uint64 // ops synced so far
	syncTo   uint64 // a Flush wants so many to be durable
	err      error  // writing failed, for good
	closing  bool
	stopped  chan struct{} // the writer has returned

	whole known
	use   *use // nil in memory

	swapping sync.Mutex // of roots

	// What was counted and is not written (usage.go).
	usageMu  sync.Mutex
	usage    Usage
	counted  time.Time // when it was written last
	inMemory bool

	// The link to the database (process.go).
	joining  sync.Mutex // held by the one who replaces the link
	linkMu   sync.RWMutex
	link     link
	retained []op // under joining: what a holder was told and has not made durable
	kept     int  // its bytes
}

// A generation is a part of the queue: changes in order, and where to read them.
type generation struct {
	ops     []op
	bytes   int
	blocks  map[string][]byte // by key
	answers map[string]change // by key
}

// A change is the last op of a key; of attestations, all since the last op of another kind. Where what a key has after it hangs on the
// op before, because one of the two is a drop, that one is kept too.
type change struct {
	op
	before *change
}

func (g *generation) reset() {
	*g = generation{blocks: map[string][]byte{}, answers: map[string]change{}}
}

func (g *generation) add(o op) {
	g.ops = append(g.ops, o)
	g.bytes += o.size()
	switch o.kind {
	case opBlock:
		g.blocks[o.key] = o.value
	case opForget:
		delete(g.blocks, o.key)
	default:
		old, ok := g.answers[o.key]
		next := change{op: o}
		switch {
		case ok && o.kind == opAttest && old.kind == opAttest:
			next = change{op{opAttest, o.key, attested(old.value, o.value)}, old.before}
		case ok && (o.kind == opDrop || old.kind == opDrop):
			before := old
			next.before = &before
		case ok && o.kind == opAnswer && old.kind == opAnswer:
			next.before = old.before
		}
		g.answers[o.key] = next
	}
}

// Open opens the store in the folder dir, and makes it when it is not there. When another process holds it, that
// one is asked for everything, and this one takes over when that one ends.
func Open(dir string, opts Options) (*Store, error) {
	dir, err := folder(dir)
	if err != nil {
		return nil, err
	}
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	if opts.Wait == 0 {
		opts.Wait = 15 * time.Second
	}
	s := newStore(dir, opts)
	s.use = startUse(dir) // before anything is looked at
	if s.link, err = s.join(); err != nil {
		s.use.end()
		return nil, err
	}
	go s.write()
	return s, nil
}

// OpenMemory opens a store that keeps all in memory and forgets it when it is closed: for when there is no disk.
func OpenMemory(opts Options) (*Store, error) {
	opts.FS = vfs.NewMem()
	db, err := openDatabase("db", opts)
	if err != nil {
		return nil, err
	}
	db.alone = true
	s := newStore("memory", opts)
	s.link, s.inMemory = &holder{database: db}, true
	go s.write()
	return s, nil
}

func newStore(dir string, opts Options) *Store {
	s := &Store{dir: dir, opts: opts, stopped: make(chan struct{}), counted: time.Now()}
	s.wake = sync.NewCond(&s.mu)
	s.incoming.reset()
	s.flying.reset()
	return s
}

// Dir returns the store's folder.
func (s *Store) Dir() string { return s.dir }

// Close writes what is queued and leaves the store. It returns the error that made writing fail, if one did.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		<-s.stopped
		return nil
	}
	s.closing = true
	s.wake.Broadcast()
	s.mu.Unlock()
	s.usageMu.Lock()
	s.writeUsageLocked()
	s.usageMu.Unlock()

	// A writer that hangs in a database that has failed is left alone.
	l := s.current()
	select {
	case <-s.stopped:
	case <-failureOf(l):
		select {
		case <-s.stopped:
		case <-time.After(time.Second):
		}
	}
	s.joining.Lock()
	defer s.joining.Unlock()
	err := s.current().close()
	s.use.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		err = s.err
	}
	return err
}

// Put queues blocks to be written, and keeps their bytes; it waits while the queue is full. That each block's bytes have its CID is the
// caller's promise: Import is for what comes from elsewhere. A failure to write is returned by every call after it.
func (s *Store) Put(ctx context.Context, blocks ...graph.Block) error {
	for i := range blocks {
		b := &blocks[i]
		if isIdentity(b.CID) {
			continue
		}
		if err := s.putKey(ctx, blockKey(b.CID), b.Data); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) putKey(ctx context.Context, key string, data []byte) error {
	if len(data) > MaxBlock {
		return fmt.Errorf("a block of %d bytes is too large for the store, the limit is %d", len(data), MaxBlock)
	}
	s.use.add(key)
	return s.enqueue(ctx, op{opBlock, key, data})
}

// pending returns a block that is in the queue.
func (s *Store) pending(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.incoming.blocks[key]; ok {
		return data, true
	}
	data, ok := s.flying.blocks[key]
	return data, ok
}

func (s *Store) hasKey(ctx context.Context, key string) (ok bool, err error) {
	s.use.add(key)
	if _, ok := s.pending(key); ok {
		return true, nil
	}
	err = s.ask(ctx, func(l link) (err error) { ok, err = l.has([]byte(key)); return })
	return ok, err
}

// Record queues an Answer. A claim does not replace what this machine found out itself, and one that only a name makes none that rests on keys.
func (s *Store) Record(ctx context.Context, a graph.Answer) error {
	return s.recordAt(ctx, a, time.Now().Unix())
}

func (s *Store) recordAt(ctx context.Context, a graph.Answer, when int64) error {
	if !a.Expr.Defined() || !a.Result.Defined() {
		return errors.New("an answer needs an expression and a result")
	}
	s.use.add(blockKey(a.Expr))
	s.use.add(blockKey(a.Result))
	return s.enqueue(ctx, op{opAnswer, answerKey(a.Expr), dated(appendAnswer(nil, a), when)})
}

// Drop takes an Answer out of the index, unless another one has taken its place.
func (s *Store) Drop(ctx context.Context, a graph.Answer) error {
	return s.enqueue(ctx, op{opDrop, answerKey(a.Expr), appendAnswer(nil, a)})
}

func (s *Store) enqueue(ctx context.Context, o op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.kind == opBlock {
		if _, ok := s.incoming.blocks[o.key]; ok {
			return s.stateLocked()
		}
		if _, ok := s.flying.blocks[o.key]; ok {
			return s.stateLocked()
		}
	}
	if s.incoming.bytes >= queueBytes && s.stateLocked() == nil {
		stop := context.AfterFunc(ctx, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.wake.Broadcast()
		})
		defer stop()
		for s.incoming.bytes >= queueBytes && s.stateLocked() == nil && ctx.Err() == nil {
			s.wake.Wait()
		}
	}
	if err := errors.Join(s.stateLocked(), ctx.Err()); err != nil {
		return err
	}
	if old, ok := s.incoming.answers[o.key]; ok && o.kind == opAnswer && old.kind == opAnswer && outranks(old.value, o.value) {
		return nil
	}
	s.incoming.add(o)
	s.queued++
	if len(s.incoming.ops) == 1 {
		s.wake.Broadcast()
	}
	return nil
}

func (s *Store) stateLocked() error {
	if s.err != nil {
		return s.err
	}
	if s.closing {
		return ErrClosed
	}
	return nil
}

// SetAbout notes which about block tells of a term. The latest one stands.
func (s *Store) SetAbout(ctx context.Context, term, about cid.Cid) error {
	s.use.add(blockKey(term))
	s.use.add(blockKey(about))
	return s.enqueue(ctx, op{opNote, noteKey(term), about.Bytes()})
}

// About returns the CID of the about block that was last noted for a term; undefined if there is none.
func (s *Store) About(ctx context.Context, term cid.Cid) (cid.Cid, error) {
	key := noteKey(term)
	s.mu.Lock()
	o, ok := s.incoming.answers[key]
	if !ok {
		o, ok = s.flying.answers[key]
	}
	s.mu.Unlock()
	value := o.value
	if !ok {
		var err error
		if value, ok, err = s.get(ctx, []byte(key)); err != nil || !ok {
			return cid.Undef, err
		}
	}
	_, about, err := cid.CidFromBytes(value)
	if err != nil {
		return cid.Undef, nil // what is no CID is as good as none
	}
	return about, nil
}

// Flush returns when all that was put and recorded before it is on the disk.
func (s *Store) Flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	want := s.queued
	s.syncTo = max(s.syncTo, want)
	s.wake.Broadcast()
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wake.Broadcast()
	})
	defer stop()
	for s.durable < want {
		if s.err != nil {
			return s.err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		s.wake.Wait()
	}
	return s.err
}

// Block returns the bytes of a block, verified. The error wraps graph.ErrNotFound or graph.ErrDamaged and names
// the CID; a damaged block is forgotten, so that it can be put again.
func (s *Store) Block(ctx context.Context, c cid.Cid) ([]byte, error) {
	if !c.Defined() {
		return nil, graph.NotFound(c)
	}
	if isIdentity(c) {
		return identity(c)
	}
	key := blockKey(c)
	s.use.add(key)
	if data, ok := s.pending(key); ok {
		return data, nil
	}
	data, ok, err := s.get(ctx, []byte(key))
	var lost *damage
	if errors.As(err, &lost) {
		s.forget(ctx, key)
		return nil, fmt.Errorf("%w: %s (%v)", graph.ErrDamaged, c, lost)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	if !ok {
		s.whole.clear()
		return nil, graph.NotFound(c)
	}
	if err := graph.Verify(c, data); err != nil {
		if errors.Is(err, graph.ErrDamaged) {
			s.forget(ctx, key)
		}
		return nil, err
	}
	return data, nil
}

// forget takes a block out of the store.
func (s *Store) forget(ctx context.Context, key string) error {
	s.whole.clear()
	return s.enqueue(ctx, op{kind: opForget, key: key})
}

// Has says whether a block is there. It does not verify it.
func (s *Store) Has(ctx context.Context, c cid.Cid) (bool, error) {
	if !c.Defined() {
		return false, nil
	}
	if isIdentity(c) {
		return true, nil
	}
	ok, err := s.hasKey(ctx, blockKey(c))
	if err != nil {
		return false, fmt.Errorf("%s: %w", c, err)
	}
	return ok, nil
}

// Answer returns what is recorded of an expression if its Result and the value's own blocks are there and whole.
// Otherwise it drops the record, and the expression has to be reduced again.
func (s *Store) Answer(ctx context.Context, expr cid.Cid) (graph.Answer, bool, error) {
	a, ok, err := s.lookup(ctx, expr)
	if err != nil || !ok {
		return graph.Answer{}, false, err
	}
	bad, trouble := s.intact(ctx, a.Result)
	if trouble != nil {
		return graph.Answer{}, false, trouble
	}
	if bad != nil {
		s.Drop(ctx, a) // if that fails, it is found out again
		if s.opts.Notice != nil {
			s.opts.Notice(fmt.Errorf("result %s of %s cannot be used: %w", a.Result, expr, bad))
		}
		return graph.Answer{}, false, nil
	}
	return a, true, nil
}

// intact says what is wrong with a Result and the blocks of its value, or what is in the way of reading them.
func (s *Store) intact(ctx context.Context, result cid.Cid) (bad, trouble error) {
	var seen []cid.Cid
	asOf := s.whole.turn()
	bad = graph.ResultBlocks(result, func(c cid.Cid) ([]byte, error) {
		data, err := s.Block(ctx, c)
		if err != nil && !errors.Is(err, graph.ErrNotFound) && !errors.Is(err, graph.ErrDamaged) {
			trouble = err
		}
		seen = append(seen, c)
		return data, err
	}, s.whole.has)
	if bad == nil {
		s.whole.add(seen, asOf)
	}
	return bad, trouble
}

// Recorded returns what the index says of an expression, without a look at the blocks of the answer: whoever goes on to load them
// all finds out whether they are there.
func (s *Store) Recorded(ctx context.Context, expr cid.Cid) (graph.Answer, bool, error) {
	return s.lookup(ctx, expr)
}

// lookup returns what the index says of an expression.
func (s *Store) lookup(ctx context.Context, expr cid.Cid) (graph.Answer, bool, error) {
	return s.record(ctx, expr, answerKey(expr))
}

// Reduct returns what is recorded of an expression that was not reduced to the end.
func (s *Store) Reduct(ctx context.Context, expr cid.Cid) (graph.Becomes, bool, error) {
	a, ok, err := s.record(ctx, expr, reductKey(expr))
	if err != nil || !ok {
		return graph.Becomes{}, false, err
	}
	b := graph.Becomes{Expr: expr, Reduct: a.Result, By: a.By}
	r, err := graph.LoadReduct(b, graph.LoaderOf(ctx, s))
	if err == nil {
		_, err = s.Block(ctx, r.To)
	}
	switch {
	case err == nil:
		return b, true, nil
	case ctx.Err() != nil:
		return graph.Becomes{}, false, ctx.Err()
	}
	s.enqueue(ctx, op{opDrop, reductKey(expr), appendAnswer(nil, a)}) // if that fails, it is found out again
	return graph.Becomes{}, false, nil
}

// RecordReduct queues it.
func (s *Store) RecordReduct(ctx context.Context, b graph.Becomes) error {
	if !b.Expr.Defined() || !b.Reduct.Defined() {
		return errors.New("a reduct needs an expression and its block")
	}
	s.use.add(blockKey(b.Expr))
	s.use.add(blockKey(b.Reduct))
	return s.enqueue(ctx, op{opAnswer, reductKey(b.Expr), appendAnswer(nil, graph.Answer{Result: b.Reduct, By: b.By})})
}

// record returns what stands in the index under a key that belongs to an expression.
func (s *Store) record(ctx context.Context, expr cid.Cid, key string) (graph.Answer, bool, error) {
	rec, there, err := s.played(ctx, key)
	if err != nil || !there {
		return graph.Answer{}, false, err
	}
	a, err := readAnswer(expr, rec)
	return a, err == nil, nil // what is not a record is as good as none
}

// played returns what stands under a key, with what is queued played on it, as the database will do it.
func (s *Store) played(ctx context.Context, key string) (rec []byte, there bool, err error) {
	s.mu.Lock()
	newer, ok := s.incoming.answers[key]
	older, ok2 := s.flying.answers[key]
	s.mu.Unlock()
	rec, there, err = s.get(ctx, []byte(key))
	var lost *damage
	if errors.As(err, &lost) {
		rec, there, err = nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if ok2 {
		rec, there = older.play(rec, there)
	}
	if ok {
		rec, there = newer.play(rec, there)
	}
	return rec, there, nil
}

// A known is a set of blocks that were found whole, with all that belongs to them: many answers share what is large
// in their values, and it is looked at once. It is emptied when a block is found to be missing or damaged.
type known struct {
	mu    sync.Mutex
	set   map[cid.Cid]struct{}
	turns uint64 // how often it was emptied
}

const maxKnown = 1 << 16

func (k *known) has(c cid.Cid) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.set[c]
	return ok
}

func (k *known) turn() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.turns
}

// add adds what was found since the set was emptied for the turn-th time, unless it has been emptied again.
func (k *known) add(found []cid.Cid, turn uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turns != turn {
		return
	}
	if k.set == nil || len(k.set)+len(found) > maxKnown {
		k.set = map[cid.Cid]struct{}{}
	}
	for _, c := range found[:min(len(found), maxKnown)] {
		k.set[c] = struct{}{}
	}
}

func (k *known) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set = nil
	k.turns++
}

// play returns the record of an Answer, or of attestations, after c.
func (c *change) play(old []byte, there bool) ([]byte, bool) {
	if c.before != nil {
		old, there = c.before.play(old, there)
	}
	switch o := c.op; {
	case o.kind == opAttest:
		return attested(old, o.value), true
	case o.kind == opDrop && there && alike(old, o.value):
		return nil, false
	case o.kind == opAnswer && !(there && outranks(old, o.value)):
		return o.value, true
	}
	return old, there
}

// write is the writer: it takes what is queued, writes it, and syncs when it is time.
func (s *Store) write() {
	defer close(s.stopped)
	var since time.Time // of the oldest write that is not durable
	for {
		s.mu.Lock()
		for len(s.incoming.ops) == 0 && s.syncTo <= s.durable && !s.closing {
			if s.durable < s.written {
				left := time.Until(since.Add(syncEvery))
				if left <= 0 {
					break
				}
				timer := time.AfterFunc(left, func() {
					s.mu.Lock()
					defer s.mu.Unlock()
					s.wake.Broadcast()
				})
				s.wake.Wait()
				timer.Stop()
				continue
			}
			s.wake.Wait()
		}
		s.flying, s.incoming = s.incoming, s.flying
		s.incoming.reset()
		ops, size := s.flying.ops, s.flying.bytes
		closing := s.closing
		s.wake.Broadcast()
		s.mu.Unlock()

		err := s.apply(ops, size)
		if s.durable == s.written {
			since = time.Now()
		}
		written := s.written + uint64(len(ops))
		syncing := closing || s.wants(written) || written > s.durable && time.Since(since) >= syncEvery
		if err == nil && syncing {
			err = s.sync()
		}
		s.mu.Lock()
		if err != nil {
			s.err = err // what could not be written stays readable
			s.wake.Broadcast()
			s.mu.Unlock()
			return
		}
		s.written = written
		if syncing {
			s.durable = written
		}
		s.flying.reset()
		done := s.closing && len(s.incoming.ops) == 0 && s.durable == s.queued
		s.wake.Broadcast()
		s.mu.Unlock()
		if done {
			return
		}
	}
}

// wants says whether a Flush waits for the first n ops.
func (s *Store) wants(n uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.syncTo > s.durable && n > s.durable
}

func blockKey(c cid.Cid) string {
	if k := c.KeyString(); ours(k) {
		return string(blockPrefix) + k[2:]
	}
	return string(blockPrefix) + string(c.Hash())
}

func noteKey(term cid.Cid) string { return string(notePrefix) + term.KeyString() }

func reductKey(expr cid.Cid) string { return string(reductPrefix) + expr.KeyString() }

func answerKey(expr cid.Cid) string { return string(answerPrefix) + expr.KeyString() }

// ours says whether k is a CID of version 1, with a codec of one byte and sha2-256, in binary.
func ours(k string) bool {
	return len(k) == 36 && k[0] == 1 && k[1] < 0x80 && k[2] == mh.SHA2_256 && k[3] == 32
}

// isIdentity says whether c carries its own data.
func isIdentity(c cid.Cid) bool { return !ours(c.KeyString()) && c.Prefix().MhType == mh.IDENTITY }

func identity(c cid.Cid) ([]byte, error) {
	d, err := mh.Decode(c.Hash())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	return d.Digest, nil
}
