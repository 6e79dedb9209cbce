// This file fetches sub-DAGs.
//
// # How is a sub-DAG fetched?
//
// What is there is walked in the store. Where the walk meets a block that is missing, a source is asked for it and all that is below it, as one
// CAR file: never for one level after the other. Blocks are put into the store as they come, so an interrupted fetch goes on where
// it was, and of a new version of a library only what is new is asked for: there the blocks of its directories, and of what they list, are asked for alone, since
// most of what is below them is there already. What is missing in many places, as after an interruption, is asked of a node of Rosser's in
// one request: a directory of 3,000 names that broke off in the middle took 1,640 before, and 14 then. Every block is verified, and taken only if something that was taken before links to it, so
// nobody can fill the store with other things. From stock peers, which speak only Bitswap, blocks come in batches.

package node

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

const (
	fetchers = 8       // requests at a time
	maxFetch = 8 << 30 // bytes that one fetch takes, unless it is told otherwise
)

// A fetch fetches what is below a root.
type fetch struct {
	store    *store.Store
	sources  []source
	limit    int64            // bytes; 0 is maxFetch
	update   bool             // most of what is below the directories that are roots is there
	lists    bool             // only directories are wanted, and not what is in them
	progress func(store.Size) // told what has come, from any goroutine; may be nil

	mu     sync.Mutex
	cond   *sync.Cond
	seed   maphash.Seed
	seen   map[uint64]bool   // blocks that are there, or asked for, or wait for that; whether they have come
	todo   []place           // to be walked, the last first
	lacks  map[lack]struct{} // what has been asked for and did not come
	busy   int               // workers that may find more
	got    store.Size
	failed error
}

// A lack is a block that a source, by its number, did not give.
type lack struct {
	source int
	id     uint64
}

// A place is a block to be walked.
type place struct {
	cid.Cid
	listed bool // it is a root, or a directory links to it
}

// dir says whether the block may be of a directory: one that is a root, or is in one.
func (p place) dir() bool { return p.listed && p.Prefix().Codec == cid.DagProtobuf }

// A missingError says that nobody had a block.
type missingError struct {
	cid     cid.Cid
	sources []source
	errs    []error // of each
}

func (e *missingError) Error() string {
	text := fmt.Sprintf("block %s is not to be had", e.cid)
	if e.failed() {
		text = fmt.Sprintf("block %s has not come", e.cid)
	}
	for i, s := range e.sources {
		if e.errs[i] != nil {
			text += fmt.Sprintf("; %s: %v", s, e.errs[i])
		} else {
			text += fmt.Sprintf("; %s does not have it", s)
		}
	}
	return text
}

// failed says whether somebody could not be asked, who may have it.
func (e *missingError) failed() bool {
	return slices.ContainsFunc(e.errs, func(err error) bool { return err != nil })
}

func (e *missingError) Unwrap() []error { return append([]error{graph.NotFound(e.cid)}, e.errs...) }

// An ownError is the store's, and no source's.
type ownError struct{ error }

func (e *ownError) Unwrap() error { return e.error }

// below fetches what is missing below the roots, and returns when it is in the store. got says what has come, also where it fails.
func (f *fetch) below(ctx context.Context, roots ...cid.Cid) (got store.Size, err error) {
	if f.limit == 0 {
		f.limit = maxFetch
	}
	f.cond = sync.NewCond(&f.mu)
	f.seed, f.seen, f.lacks = maphash.MakeSeed(), map[uint64]bool{}, map[lack]struct{}{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { f.fail(ctx.Err()) })
	defer stop()
	f.mu.Lock()
	f.addLocked(roots, true)
	f.mu.Unlock()
	var workers sync.WaitGroup
	for range fetchers {
		workers.Go(func() { f.work(ctx, cancel) })
	}
	workers.Wait()
	stop()
	if err := f.store.Flush(context.WithoutCancel(ctx)); err != nil && f.failed == nil {
		f.failed = &ownError{err}
	}
	return f.got, f.failed
}

func (f *fetch) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = err
	}
	f.cond.Broadcast()
}

func (f *fetch) id(c cid.Cid) uint64 { return maphash.String(f.seed, c.KeyString()) }

// addLocked adds CIDs that have not been seen to what is to be walked.
func (f *fetch) addLocked(links []cid.Cid, listed bool) {
	for i := len(links) - 1; i >= 0; i-- { // the first on top
		if id := f.id(links[i]); !f.hasLocked(id) {
			f.seen[id] = false
			f.todo = append(f.todo, place{links[i], listed})
		}
	}
	f.cond.Broadcast()
}

func (f *fetch) hasLocked(id uint64) bool {
	_, ok := f.seen[id]
	return ok
}

// next returns what to walk; not ok at the end.
func (f *fetch) next() (p place, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.todo) == 0 && f.busy > 0 && f.failed == nil {
		f.cond.Wait()
	}
	if f.failed != nil || len(f.todo) == 0 {
		return place{}, false
	}
	f.busy++
	return f.popLocked(), true
}

func (f *fetch) popLocked() place {
	last := len(f.todo) - 1
	p := f.todo[last]
	f.todo = f.todo[:last]
	return p
}

func (f *fetch) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	f.cond.Broadcast()
}

func (f *fetch) work(ctx context.Context, cancel func()) {
	for {
		p, ok := f.next()
		if !ok {
			return
		}
		if err := f.walk(ctx, p); err != nil {
			f.fail(err)
			cancel()
		}
		f.rest()
	}
}

// walk looks at one block: what it links to is to be walked, and if it is missing it is fetched.
func (f *fetch) walk(ctx context.Context, p place) error {
	data, inline := codec.Inline(p.Cid)
	if !inline {
		var err error
		data, err = f.store.Block(ctx, p.Cid)
		if errors.Is(err, graph.ErrNotFound) || errors.Is(err, graph.ErrDamaged) {
			return f.fetch(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	links, err := f.linksOf(p.Cid, data)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addLocked(links, p.dir())
	return nil
}

// linksOf is what a block links to that is wanted; nothing where its codec is not known.
func (f *fetch) linksOf(c cid.Cid, data []byte) ([]cid.Cid, error) {
	links, err := codec.Links(c.Prefix().Codec, data)
	if err != nil && !errors.Is(err, codec.ErrUnknownCodec) {
		return nil, fmt.Errorf("block %s: %w", c, err)
	}
	if f.lists {
		links = slices.DeleteFunc(links, func(l cid.Cid) bool { return l.Prefix().Codec != cid.DagProtobuf })
	}
	return links, nil
}

// fetch asks the sources for a missing block, one after the other, and with it for others that wait to be walked where a source takes several.
func (f *fetch) fetch(ctx context.Context, p place) error {
	missing := &missingError{cid: p.Cid, sources: f.sources}
	for i := range f.sources {
		if f.lacking(i, p.Cid) {
			missing.errs = append(missing.errs, nil)
			continue
		}
		got, err := f.from(ctx, i, p)
		var limit *limitError
		var own *ownError
		if errors.As(err, &limit) || errors.As(err, &own) {
			return err
		}
		if got || ctx.Err() != nil {
			return ctx.Err()
		}
		missing.errs = append(missing.errs, err)
	}
	return missing
}

// A limitError says that more came than was to be taken.
type limitError struct{ bytes int64 }

func (e *limitError) Error() string {
	return fmt.Sprintf("more than %d bytes are to be fetched; --max-size SIZE allows for more", e.bytes)
}

var errUnasked = errors.New("it sends blocks that were not asked for")

func (f *fetch) lacking(source int, c cid.Cid) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lacksLocked(source, c)
}

func (f *fetch) lacksLocked(source int, c cid.Cid) bool {
	_, ok := f.lacks[lack{source, f.id(c)}]
	return ok
}

// deep says whether what is below a block that is missing is asked for with it.
func (f *fetch) deep(p place) bool { return !f.lists && (!f.update || !p.listed) }

// from asks one source, by its number, and says whether it gave p.
func (f *fetch) from(ctx context.Context, number int, p place) (got bool, err error) {
	s := f.sources[number]
	deep := f.deep(p)
	asked := map[cid.Cid]bool{p.Cid: p.listed}
	request := []cid.Cid{p.Cid}
	for _, more := range f.more(ctx, number, s.batch()-1, deep) {
		asked[more.Cid] = more.listed
		request = append(request, more.Cid)
	}
	resent := 0
	wanted := map[cid.Cid]bool{} // what may come: linked, and not come yet; whether it is listed
	maps.Copy(wanted, asked)
	err = s.fetch(ctx, request, deep, func(b graph.Block) error {
		listed, ok := wanted[b.CID]
		if !ok {
			f.mu.Lock()
			known, all := f.hasLocked(f.id(b.CID)), len(f.seen) // another worker has it, or it is there
			f.mu.Unlock()
			if resent++; known && resent <= all {
				return nil
			}
			return errUnasked
		}
		links, err := f.linksOf(b.CID, b.Data)
		if err != nil {
			return err
		}
		if err := f.store.Put(ctx, b); err != nil {
			return &ownError{err}
		}
		delete(wanted, b.CID)
		got = got || b.CID == p.Cid
		return f.took(b, links, place{b.CID, listed}.dir(), wanted)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for left, listed := range wanted {
		_, mine := asked[left]
		if id := f.id(left); left != p.Cid && (mine || !f.hasLocked(id)) {
			if !f.seen[id] { // it is known, and has not come
				f.seen[id] = false
			}
			f.todo = append(f.todo, place{left, listed})
			if mine && err == nil { // it is not waited for again, which takes long
				f.lacks[lack{number, id}] = struct{}{}
			}
		}
	}
	f.cond.Broadcast()
	return got, err
}

// more takes up to n blocks that are missing, too, that a source may have and that are asked for as deep, from what is to be walked.
func (f *fetch) more(ctx context.Context, source, n int, deep bool) (found []place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.todo) - 1; i >= 0 && len(found) < n; i-- {
		if _, inline := codec.Inline(f.todo[i].Cid); inline || deep != f.deep(f.todo[i]) || f.lacksLocked(source, f.todo[i].Cid) {
			continue
		}
		if has, err := f.store.Has(ctx, f.todo[i].Cid); err == nil && !has {
			found = append(found, f.todo[i])
			f.todo = slices.Delete(f.todo, i, i+1)
		}
	}
	return found
}

// took notes a block that has come; what it links to, and is not known, may come next.
func (f *fetch) took(b graph.Block, links []cid.Cid, dir bool, wanted map[cid.Cid]bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.id(b.CID)
	again := f.seen[id] // another worker has it, too
	f.seen[id] = true
	for _, l := range links {
		if !f.hasLocked(f.id(l)) {
			wanted[l] = dir
		}
	}
	if again {
		return nil
	}
	f.got.Blocks++
	f.got.Bytes += int64(len(b.Data))
	if f.got.Bytes > f.limit {
		return &limitError{f.limit}
	}
	if f.progress != nil {
		f.progress(f.got)
	}
	return nil
}
