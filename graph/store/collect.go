// This file collects what nothing keeps any more, and gives its room back.
//
// What is kept: what pins reach, what named roots such as the workspace reach, what evaluations that were stopped need to go on,
// and what living processes use (use.go). Beside each piece of code that is kept stays what the index has of it: its Result with the blocks of
// the value, its Trace, its Reduct, its about block. A value's plain links belong to somebody else and are followed only below a pin.
//
// Other processes go on meanwhile. What they put after the collection has begun it does not know, and does not drop; what was there and
// they come to use they mark before they are told of it, and it is dropped, a batch at a time, under a lock that nobody is told
// under, unless it is marked. Entries of the index go before any block does: killed anywhere, a collection leaves no entry without its
// blocks, and what it has not dropped the next one will.

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// ErrCollecting is returned by Collect while another process collects.
var ErrCollecting = errors.New("another process is collecting already; try again when it has ended")

// A Collection says what Collect is to do.
type Collection struct {
	Given   []cid.Cid // roots beside those that the store has
	Stopped bool      // give up what evaluations that were stopped have reached
	DryRun  bool      // drop nothing
	Trim    uint64    // give up answers until the content is below so many bytes; 0 for no limit
}

// A Collected says what Collect has kept and dropped. Bytes are those of keys and values.
type Collected struct {
	Kept     [keeps]Amount // blocks, by why
	Dropped  Amount        // blocks
	Answers  Amount        // entries of the index that are kept: answers
	Forgot   Amount        // answers that were dropped
	Reducts  int           // reducts that were dropped
	Notes    int           // notes that were dropped
	Attested int           // expressions whose attestations were dropped
	Trimmed  int           // answers given up for Trim, which are among those dropped
	Missing  int           // links, from what is kept, to what is not there
	First    cid.Cid       // one of these
	Content  uint64        // bytes of all that is left
	Disk     uint64        // bytes of the database's files when it began
	DiskLeft uint64        // when it has ended
}

// A collector collects.
type collector struct {
	*marker
	opts Collection
	used uses
	out  Collected

	answers []weight // those that are kept, when some are to be given up
	rest    uint64   // bytes of what is no block and no answer, and stays
}

// Collect drops what nothing keeps. It may be ended by ctx at any moment: what is dropped by then is dropped. One process collects at a
// time, beside any others.
func (s *Store) Collect(ctx context.Context, opts Collection) (Collected, error) {
	c := &collector{opts: opts}
	if !s.inMemory {
		if !opts.DryRun {
			lock, err := s.startCollecting(ctx)
			if err != nil {
				return c.out, err
			}
			defer lock.Close()
		}
		c.out.Disk = filesSize(filepath.Join(s.dir, "db"))
	}
	if err := s.Flush(ctx); err != nil {
		return c.out, err
	}
	c.marker = &marker{s: s, ctx: ctx}
	if opts.Trim > 0 {
		c.answer = func(a graph.Answer) {
			if c.shed == nil { // only the first time
				c.answers = append(c.answers, weight{expr: a.Expr, result: a.Result, steps: a.Steps})
			}
		}
	}
	if err := c.begin(); err != nil {
		return c.out, err
	}
	if err := errors.Join(c.mark(), ctx.Err()); err != nil {
		return c.out, err
	}
	if err := c.trim(); err != nil {
		return c.out, err
	}
	if err := errors.Join(c.index(), s.Flush(ctx)); err != nil {
		return c.out, err
	}
	err := c.blocks()
	c.out.Missing, c.out.First = c.missing, c.first
	c.out.Content = c.out.Answers.Bytes + c.rest
	for _, a := range c.out.Kept {
		c.out.Content += a.Bytes
	}
	if err == nil && !opts.DryRun && c.out.Dropped.Count > 0 {
		err = c.compact()
	}
	if !s.inMemory {
		c.out.DiskLeft = settledSize(filepath.Join(s.dir, "db"))
	}
	return c.out, err
}

// settledSize is filesSize when that has stopped to change: pebble removes files behind everybody's back.
func settledSize(dir string) (size uint64) {
	for range 30 {
		before := size
		if size = filesSize(dir); size == before {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return size
}

// startCollecting is the only one who collects until what it returns is closed. A process that opens or leaves the store
// holds the lock for a moment.
func (s *Store) startCollecting(ctx context.Context) (io.Closer, error) {
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if lock := lockCollector(s.dir, syscall.LOCK_EX); lock != nil {
			if err := clearUses(s.dir); err != nil {
				lock.Close()
				return nil, err
			}
			return lock, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("store %s: %w", s.dir, ErrCollecting)
		}
	}
}

// look reads what processes use as it is now.
func (c *collector) look() (err error) {
	if !c.s.inMemory {
		c.used, err = readUses(c.s.dir, c.opts.DryRun)
	}
	return err
}

// mark marks what is kept, from all roots.
func (c *collector) mark() error {
	err := c.each(pinPrefix, func(e entry) error {
		p, err := readPin(e.key, e.value)
		if err != nil {
			return fmt.Errorf("a pin cannot be read: %w; `rosser store check --repair` comes first", err)
		}
		return c.from(p.step(), KeepPinned)
	})
	if err != nil {
		return err
	}
	err = c.each(rootPrefix, func(e entry) error {
		root, err := cid.Cast(e.value)
		if err != nil {
			return nil
		}
		return c.from(step{cid: root, how: wholly}, KeepRoots)
	})
	if err != nil {
		return err
	}
	for _, root := range c.opts.Given {
		if err := c.from(step{cid: root, how: wholly}, KeepGiven); err != nil {
			return err
		}
	}
	if !c.opts.Stopped {
		for _, point := range c.points {
			if on, err := c.resumable(point); err != nil {
				return err
			} else if !on {
				continue
			}
			if err := c.from(step{cid: point, how: asRecord}, KeepStopped); err != nil {
				return err
			}
		}
	}
	return c.markUsed()
}

// resumable says whether an evaluation can go on from a checkpoint: what it was for has no answer yet, and it is not an older one.
func (c *collector) resumable(point cid.Cid) (bool, error) {
	data, ok, err := c.get(blockKey(point))
	if err != nil || !ok {
		return false, err
	}
	p, err := graph.DecodeCheckpoint(data)
	if err != nil {
		return false, nil
	}
	a, ok, err := c.record(answerKey(p.Of), p.Of)
	if err != nil || ok && a.Own() {
		return false, err
	}
	now, ok, err := c.record(reductKey(p.Of), p.Of)
	if err != nil || !ok {
		return false, err
	}
	for _, r := range p.Reducts {
		if r == now.Result {
			return true, nil
		}
	}
	return false, nil
}

// markUsed marks what processes use, with all below it. Of what codec a block is its bytes tell.
func (c *collector) markUsed() error {
	if err := c.look(); err != nil || len(c.used) == 0 {
		return err
	}
	return c.each(blockPrefix, func(e entry) error {
		key := string(e.key)
		if _, ok := c.at(key).keptFor(); ok || !c.used.has(key) {
			return nil
		}
		for _, code := range []uint64{cid.DagCBOR, cid.DagProtobuf, cid.Raw} {
			st := step{cid: cid.NewCidV1(code, e.key[1:]), how: wholly}
			if _, err := st.next(e.value); err == nil {
				return c.from(st, KeepUsed)
			}
		}
		return nil
	})
}

// index drops the entries of the index that are of no code that is kept.
func (c *collector) index() error {
	if err := c.look(); err != nil {
		return err
	}
	page := 0
	drop := func(e entry) error {
		if c.opts.DryRun {
			return nil
		}
		if page++; page%scanPage == 0 { // what others begin to use is seen soon
			if err := c.look(); err != nil {
				return err
			}
		}
		return c.s.enqueue(c.ctx, op{opDrop, string(e.key), e.value})
	}
	rest := func(e entry) error {
		c.rest += uint64(len(e.key) + len(e.value))
		return nil
	}
	// stays says whether an entry stays: of expr, that leads to the block to.
	stays := func(expr, to cid.Cid) (bool, error) {
		if mk := c.at(blockKey(expr)); mk != nil && mk.bits&noticed != 0 {
			return true, nil
		}
		if !c.used.has(blockKey(expr)) && !c.used.has(blockKey(to)) {
			return false, nil
		}
		return true, c.from(step{to, asRecord, graph.Role{}}, KeepUsed)
	}
	err := c.each(answerPrefix, func(e entry) error {
		expr, err := cid.Cast(e.key[1:])
		if err != nil {
			return nil
		}
		a, err := readAnswer(expr, e.value)
		if err != nil {
			return nil
		}
		_, trimmed := c.shed[expr]
		if !trimmed {
			ok, err := stays(expr, a.Result)
			if err == nil && ok && a.Trace.Defined() {
				err = c.from(step{a.Trace, asRecord, graph.Role{}}, KeepUsed)
			}
			if err != nil || ok {
				c.out.Answers.add(e)
				return err
			}
		}
		c.out.Forgot.add(e)
		if trimmed {
			c.out.Trimmed++
		}
		return drop(e)
	})
	if err != nil {
		return err
	}
	err = c.each(reductPrefix, func(e entry) error {
		expr, err := cid.Cast(e.key[1:])
		if err != nil {
			return nil
		}
		a, err := readAnswer(expr, e.value)
		if err != nil {
			return nil
		}
		if mk := c.at(blockKey(a.Result)); mk != nil && mk.bits&recorded != 0 {
			return rest(e)
		}
		if ok, err := stays(expr, a.Result); err != nil || ok && c.reached(a.Result) {
			return errors.Join(err, rest(e))
		}
		c.out.Reducts++
		return drop(e)
	})
	if err != nil {
		return err
	}
	for _, prefix := range []byte{pinPrefix, rootPrefix} {
		if err := c.each(prefix, rest); err != nil {
			return err
		}
	}
	err = c.each(attestPrefix, func(e entry) error {
		expr, err := cid.Cast(e.key[1:])
		if err != nil {
			return nil
		}
		list, err := readAttested(e.value)
		if err != nil || len(list) == 0 {
			return nil
		}
		if _, trimmed := c.shed[expr]; !trimmed {
			here := true
			for i := range list { // a result that is used keeps them as the expression does
				if i > 0 && list[i].Result == list[i-1].Result {
					continue
				}
				ok, err := stays(expr, list[i].Result)
				if err != nil {
					return err
				}
				here = here && ok && c.reached(list[i].Result)
			}
			if here {
				return rest(e)
			}
		}
		c.out.Attested++
		return drop(e)
	})
	if err != nil {
		return err
	}
	return c.each(notePrefix, func(e entry) error {
		term, err := cid.Cast(e.key[1:])
		if err != nil {
			return nil
		}
		about, err := cid.Cast(e.value)
		if err != nil {
			return nil
		}
		if ok, err := stays(term, about); err != nil || ok && c.reached(about) {
			return errors.Join(err, rest(e))
		}
		c.out.Notes++
		return drop(e)
	})
}

func (c *collector) reached(id cid.Cid) bool {
	_, ok := c.at(blockKey(id)).keptFor()
	return ok
}

// blocks drops the blocks that are not marked, and counts.
func (c *collector) blocks() error {
	if err := c.look(); err != nil {
		return err
	}
	var keys []string
	var sizes []uint64
	sweep := func() error {
		var spared []int
		if !c.opts.DryRun {
			err := c.s.ask(c.ctx, func(l link) (err error) { spared, err = l.sweep(keys); return })
			if err != nil {
				return err
			}
			c.s.whole.clear()
		}
		for i, size := range sizes {
			a := &c.out.Dropped
			if len(spared) > 0 && spared[0] == i {
				spared = spared[1:]
				a = &c.out.Kept[KeepUsed]
			}
			a.Count++
			a.Bytes += size
		}
		keys, sizes = keys[:0], sizes[:0]
		return c.ctx.Err()
	}
	err := c.each(blockPrefix, func(e entry) error {
		key := string(e.key)
		if why, ok := c.at(key).keptFor(); ok {
			c.out.Kept[why].add(e)
			return nil
		}
		if !c.known(key) || c.opts.DryRun && c.used.has(key) {
			c.out.Kept[KeepUsed].add(e)
			return nil
		}
		keys = append(keys, key)
		sizes = append(sizes, uint64(len(e.key)+len(e.value)))
		if len(keys) < scanPage {
			return nil
		}
		return sweep()
	})
	if err != nil {
		return err
	}
	return sweep()
}

// compactParts is in how many parts the room is given back, at most: each may take some seconds.
const compactParts = 256

// compact gives back the room of what was dropped. Between two parts it can be stopped.
func (c *collector) compact() error {
	parts := min(compactParts, 1+int(c.out.Disk>>26))
	edge := func(i int) []byte { // blocks of SHA-256 are spread evenly
		if i == parts {
			return []byte{blockPrefix + 1}
		}
		return []byte{blockPrefix, 0x12, 0x20, byte(256 * i / parts)}
	}
	from := []byte{answerPrefix}
	for i := 1; i <= parts; i++ {
		to := edge(i)
		if err := c.s.ask(c.ctx, func(l link) error { return l.compact(from, to) }); err != nil {
			return err
		}
		from = to
	}
	return c.s.ask(c.ctx, func(l link) error { return l.compact([]byte{blockPrefix + 1}, []byte{rootPrefix}) })
}
