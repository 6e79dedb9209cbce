// This file holds what graph wants of a store, and the store that lives in memory.

package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// What a store's errors wrap; each error names the CID.
var (
	ErrNotFound = errors.New("block not found")
	ErrDamaged  = errors.New("block damaged")
)

// A NotFoundError is an ErrNotFound that names the block.
type NotFoundError struct{ CID cid.Cid }

func (e *NotFoundError) Error() string { return fmt.Sprintf("%v: %s", ErrNotFound, e.CID) }
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// NotFound returns a NotFoundError.
func NotFound(c cid.Cid) error { return &NotFoundError{c} }

// A Store keeps blocks, and beside them the index from an expression to its result. Any goroutine may call it.
type Store interface {
	// Block returns the bytes of a block, verified. They must not be changed.
	Block(ctx context.Context, c cid.Cid) ([]byte, error)
	Has(ctx context.Context, c cid.Cid) (bool, error)
	// Put keeps blocks whose CIDs are known to be right. It may keep them back for a while, but they are durable
	// before any Answer that is recorded after them, and Block finds them at once.
	Put(ctx context.Context, blocks ...Block) error
	// Answer returns what is recorded of an expression, if the result and all blocks that belong to its value are
	// there and sound. Otherwise it forgets what was recorded.
	Answer(ctx context.Context, expr cid.Cid) (Answer, bool, error)
	// Record keeps an answer. A claim never replaces an answer of this machine's own.
	Record(ctx context.Context, a Answer) error
	// Reduct returns what is recorded of an expression that was not reduced to the end, if the Reduct and what it became are there.
	Reduct(ctx context.Context, expr cid.Cid) (Becomes, bool, error)
	// RecordReduct keeps it; the latest stands. A claim never replaces one of this machine's own.
	RecordReduct(ctx context.Context, b Becomes) error
	// Flush returns when all that was put and recorded is durable.
	Flush(ctx context.Context) error
}

// An Answer is an entry of the index: what an expression was reduced to, and who says so.
type Answer struct {
	Expr   cid.Cid
	Result cid.Cid
	Trace  cid.Cid // may be undefined
	By     string  // OwnAnswer and the version of the evaluator, or ClaimAnswer and whose claim it is (claim.go)
	Steps  uint64
}

// A Becomes is an entry of the index of reducts: what an expression became before its reduction was stopped, and who says so.
type Becomes struct {
	Expr   cid.Cid
	Reduct cid.Cid
	By     string // as an Answer's
}

// Own says whether this machine reduced the expression itself.
func (b Becomes) Own() bool { return strings.HasPrefix(b.By, OwnAnswer) }

// LoadReduct reads the Reduct that an index entry names.
func LoadReduct(b Becomes, load Loader) (Reduct, error) {
	data, err := load(b.Reduct)
	if err != nil {
		return Reduct{}, err
	}
	r, err := DecodeReduct(data)
	if err == nil && r.Of != b.Expr {
		err = fmt.Errorf("reduct %s: got one of %s, want one of %s", b.Reduct, r.Of, b.Expr)
	}
	return r, err
}

// How the By of an Answer begins.
const (
	OwnAnswer   = "own:"
	ClaimAnswer = "claim:"
)

// Own says whether this machine reduced the expression itself.
func (a Answer) Own() bool { return strings.HasPrefix(a.By, OwnAnswer) }

// Verify returns an error that wraps ErrDamaged unless data is the block that c names.
func Verify(c cid.Cid, data []byte) error {
	if isOwnCID(c) {
		if codec.CIDOf(data) != c {
			return fmt.Errorf("%w: %s", ErrDamaged, c)
		}
		return nil
	}
	got, err := c.Prefix().Sum(data)
	if err != nil {
		return fmt.Errorf("%s cannot be verified: %w", c, err)
	}
	if !got.Equals(c) {
		return fmt.Errorf("%w: %s", ErrDamaged, c)
	}
	return nil
}

// LoaderOf returns the Loader of a store, which loads nothing more when ctx has ended.
func LoaderOf(ctx context.Context, s Store) Loader {
	return func(c cid.Cid) ([]byte, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return s.Block(ctx, c)
	}
}

// Memory is a Store that keeps everything in memory. The zero Memory is empty and ready.
type Memory struct {
	mu      sync.RWMutex
	blocks  map[cid.Cid][]byte
	answers map[cid.Cid]Answer
	reducts map[cid.Cid]Becomes
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{} }

// Block returns a block's bytes, and verifies them.
func (m *Memory) Block(_ context.Context, c cid.Cid) ([]byte, error) { return m.Load(c) }

// Load is Block as a Loader.
func (m *Memory) Load(c cid.Cid) ([]byte, error) {
	m.mu.RLock()
	data, ok := m.blocks[c]
	m.mu.RUnlock()
	if !ok {
		return nil, NotFound(c)
	}
	if err := Verify(c, data); err != nil {
		return nil, err
	}
	return data, nil
}

// Has says whether a block is there.
func (m *Memory) Has(_ context.Context, c cid.Cid) (bool, error) {
	m.mu.RLock()
	_, ok := m.blocks[c]
	m.mu.RUnlock()
	return ok, nil
}

// Put keeps blocks.
func (m *Memory) Put(_ context.Context, blocks ...Block) error {
	m.mu.Lock()
	if m.blocks == nil {
		m.blocks = map[cid.Cid][]byte{}
	}
	for _, b := range blocks {
		m.blocks[b.CID] = b.Data
	}
	m.mu.Unlock()
	return nil
}

// Take is Put: a Memory is a Sink.
func (m *Memory) Take(b Block) { m.Put(context.Background(), b) }

// Len returns the number of blocks.
func (m *Memory) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.blocks)
}

// Answer returns what is recorded of expr.
func (m *Memory) Answer(_ context.Context, expr cid.Cid) (Answer, bool, error) {
	m.mu.RLock()
	a, ok := m.answers[expr]
	m.mu.RUnlock()
	if !ok {
		return Answer{}, false, nil
	}
	err := ResultBlocks(a.Result, m.Load, nil)
	if err == nil {
		return a, true, nil
	}
	m.mu.Lock()
	if m.answers[expr] == a {
		delete(m.answers, expr)
	}
	m.mu.Unlock()
	return Answer{}, false, nil
}

// Record keeps an answer.
func (m *Memory) Record(_ context.Context, a Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.answers[a.Expr]; ok && old.Own() && !a.Own() {
		return nil
	}
	if m.answers == nil {
		m.answers = map[cid.Cid]Answer{}
	}
	m.answers[a.Expr] = a
	return nil
}

// Reduct returns what is recorded of an expression that was not reduced to the end.
func (m *Memory) Reduct(_ context.Context, expr cid.Cid) (Becomes, bool, error) {
	m.mu.RLock()
	b, ok := m.reducts[expr]
	m.mu.RUnlock()
	if !ok {
		return Becomes{}, false, nil
	}
	r, err := LoadReduct(b, m.Load)
	if err == nil {
		_, err = m.Load(r.To)
	}
	return b, err == nil, nil
}

// RecordReduct keeps it.
func (m *Memory) RecordReduct(_ context.Context, b Becomes) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.reducts[b.Expr]; ok && old.Own() && !b.Own() {
		return nil
	}
	if m.reducts == nil {
		m.reducts = map[cid.Cid]Becomes{}
	}
	m.reducts[b.Expr] = b
	return nil
}

// Flush does nothing: memory has nothing more durable.
func (m *Memory) Flush(context.Context) error { return nil }
