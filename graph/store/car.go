// This file moves what hangs below a CID from store to store, as a CAR file.

package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ipfs/boxo/verifcid"
	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/multiformats/go-varint"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A Size is that of a sub-DAG: everything that is reached from its root, each block once.
type Size struct {
	Blocks int
	Bytes  int64
}

// An Exported says what an Export wrote.
type Exported struct {
	Size
	Older int // libraries that came before one that was written, and were too
	Cut   int // blocks of these that are not there
}

// Export writes all blocks below root to w, as a CARv1, parents before children. When there is an Answer for root,
// its Result and Trace are roots of the CAR beside it, with all that hangs below them: then the answer travels with
// the question. A block that is missing or damaged is an error that names it; what was written by then is no whole
// CAR file. Of a library all those before it come last, as far as they are there.
func (s *Store) Export(ctx context.Context, root cid.Cid, w io.Writer) (Exported, error) {
	return s.export(ctx, root, w, true)
}

// ExportNewest is Export without the libraries before one. Tools that want all below a root miss its parent.
func (s *Store) ExportNewest(ctx context.Context, root cid.Cid, w io.Writer) (Exported, error) {
	return s.export(ctx, root, w, false)
}

func (s *Store) export(ctx context.Context, root cid.Cid, w io.Writer, history bool) (Exported, error) {
	roots := []cid.Cid{root}
	a, ok, err := s.Answer(ctx, root)
	if err != nil {
		return Exported{}, err
	}
	if ok {
		roots = append(roots, a.Result)
		if has, err := s.complete(ctx, a.Trace); err != nil {
			return Exported{}, err
		} else if has {
			roots = append(roots, a.Trace)
		}
	}
	got, err := s.WriteCAR(ctx, roots, w, history)
	if err != nil {
		return got, fmt.Errorf("export %s: %w", root, err)
	}
	return got, nil
}

// WriteCAR writes all blocks below the roots to w, as a CARv1 with these roots, parents before children. Of libraries those before them come last,
// as far as they are there, if history is wanted. Any other block that is missing or damaged is an error that names it.
func (s *Store) WriteCAR(ctx context.Context, roots []cid.Cid, w io.Writer, history bool) (Exported, error) {
	out := bufio.NewWriterSize(w, 256<<10)
	if err := writeHeader(out, roots); err != nil {
		return Exported{}, err
	}
	var got Exported
	written := map[cid.Cid]struct{}{}
	var parents []cid.Cid // of libraries that were written
	links := func(code uint64, data []byte) ([]cid.Cid, error) {
		found, parent, err := linksNow(code, data)
		if parent.Defined() {
			parents = append(parents, parent)
		}
		return found, err
	}
	write := func(c cid.Cid, data []byte) error {
		written[c] = struct{}{}
		got.Blocks++
		got.Bytes += int64(len(data))
		return writeSection(out, c.Bytes(), data)
	}
	load := graph.LoaderOf(ctx, s)
	err := graph.ClosureBy(ctx, roots, load, links, write)
	for ; err == nil && history && len(parents) > 0; parents = parents[1:] {
		parent := parents[0]
		if _, ok := written[parent]; ok {
			continue
		}
		err = graph.ClosureBy(ctx, parents[:1:1], func(c cid.Cid) ([]byte, error) {
			if _, ok := written[c]; ok {
				return nil, graph.ErrSkip
			}
			data, err := load(c)
			if errors.Is(err, graph.ErrNotFound) {
				got.Cut++
				return nil, graph.ErrSkip
			}
			if c == parent && err == nil {
				got.Older++
			}
			return data, err
		}, links, write)
	}
	if err != nil {
		return got, err
	}
	return got, out.Flush()
}

// WriteBlocks writes the blocks of CIDs, without what is below them, to w as a CARv1 with these roots.
func (s *Store) WriteBlocks(ctx context.Context, roots []cid.Cid, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	if err := writeHeader(out, roots); err != nil {
		return err
	}
	for _, c := range roots {
		data, err := s.Block(ctx, c)
		if err == nil {
			err = writeSection(out, c.Bytes(), data)
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

// writeHeader writes the header of a CARv1.
func writeHeader(w *bufio.Writer, roots []cid.Cid) error {
	header := codec.AppendArray(codec.AppendText(codec.AppendMap(nil, 2), "roots"), len(roots))
	for _, r := range roots {
		header = codec.AppendLink(header, r)
	}
	return writeSection(w, codec.AppendInt(codec.AppendText(header, "version"), 1))
}

// linksNow are the links of a block, but of a library without its parent, which stands beside them.
func linksNow(code uint64, data []byte) (found []cid.Cid, parent cid.Cid, err error) {
	found, err = codec.Links(code, data)
	if err != nil {
		return nil, cid.Undef, err
	}
	if parent = parentOf(code, data); parent.Defined() {
		found = slices.DeleteFunc(found, func(c cid.Cid) bool { return c == parent })
	}
	return found, parent, nil
}

// writeSection writes a section of a CAR file: its length as a varint, and its parts.
func writeSection(w *bufio.Writer, parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if _, err := w.Write(varint.ToUvarint(uint64(n))); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// complete says whether c is defined and nothing below it is missing.
func (s *Store) complete(ctx context.Context, c cid.Cid) (bool, error) {
	if !c.Defined() {
		return false, nil
	}
	err := graph.Closure(ctx, []cid.Cid{c}, graph.LoaderOf(ctx, s), func(cid.Cid, []byte) error { return nil })
	if errors.Is(err, graph.ErrNotFound) || errors.Is(err, graph.ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// ErrTruncated says that a CAR file ended in the middle.
var ErrTruncated = errors.New("the file ends in the middle of a block")

// An Imported says what an Import brought.
type Imported struct {
	Roots  []cid.Cid
	Size           // of what came, which may have been there already
	Claims int     // results and reducts that came, and are now in the index as claims
	Lacks  cid.Cid // a root, or what a block that came links to, that is not there; undefined where all is, and when the file was cut short
}

// maxHeader is the longest header of a CAR file that Import reads, in bytes.
const maxHeader = 1 << 20

// Import puts the blocks of a CAR file into the store, each verified against its CID; one that does not have its
// hash ends the import with an error that names it. Results that are roots of the file, or that a library among its
// roots lists, are recorded as claims of who, and with them those they rest on; a claim never replaces what this
// machine found itself. When the file is cut short, what was whole is kept, and the error wraps ErrTruncated.
func (s *Store) Import(ctx context.Context, r io.Reader, who string) (Imported, error) {
	var got Imported
	ends := newLooseEnds()
	roots, size, end := ReadCAR(r, func(b graph.Block) error {
		ends.block(b)
		return s.Put(ctx, b)
	})
	got.Roots, got.Size = roots, size
	if end != nil && !errors.Is(end, ErrTruncated) {
		return got, end
	}
	claims, err := s.claims(ctx, got.Roots, who)
	got.Claims = claims
	if err == nil && end == nil {
		got.Lacks, err = s.lacks(ctx, ends, roots)
	}
	if err == nil {
		err = s.Flush(ctx)
	}
	return got, errors.Join(end, err)
}

// maxLooseEnds is how many links looseEnds remembers, and a quarter of how many blocks.
const maxLooseEnds = 1 << 20

// linkTag begins each link of DAG-CBOR to what is no inline block, whose CID has 24 to 255 bytes.
var linkTag = []byte{0xd8, 42, 0x58}

// looseEnds are the links of blocks that have come to such as have not. A block is known by 64 bits.
type looseEnds struct {
	seed  maphash.Seed
	came  map[uint64]struct{}
	links map[uint64]cid.Cid
}

func newLooseEnds() *looseEnds {
	return &looseEnds{maphash.MakeSeed(), map[uint64]struct{}{}, map[uint64]cid.Cid{}}
}

// block takes a block that comes.
func (e *looseEnds) block(b graph.Block) {
	key := maphash.String(e.seed, b.CID.KeyString())
	if len(e.came) < 4*maxLooseEnds {
		e.came[key] = struct{}{}
	}
	delete(e.links, key)
	if b.CID.Prefix().Codec == cid.DagCBOR && !bytes.Contains(b.Data, linkTag) {
		return // most blocks of a list of rows are such, and a scan of all that they hold takes as long as to hash it
	}
	found, _, _ := linksNow(b.CID.Prefix().Codec, b.Data) // of data in no good form nothing is known to be below it
	for _, c := range found {
		key := maphash.String(e.seed, c.KeyString())
		if _, ok := e.came[key]; !ok && !isIdentity(c) && len(e.links) < maxLooseEnds {
			e.links[key] = c
		}
	}
}

// lacks is the first of the roots and the loose ends that is not in the store; undefined if all are.
func (s *Store) lacks(ctx context.Context, ends *looseEnds, roots []cid.Cid) (cid.Cid, error) {
	links := slices.SortedFunc(maps.Values(ends.links), compareCIDs)
	for _, c := range slices.Concat(roots, links) {
		if has, err := s.Has(ctx, c); err != nil || !has {
			return c, err
		}
	}
	return cid.Undef, nil
}

// ReadCAR reads a CAR file and calls take with each of its blocks, verified against its CID. Those that are their own CIDs (identity) are
// counted and not taken. When the file is cut short, what was whole has been taken, and the error wraps ErrTruncated.
func ReadCAR(r io.Reader, take func(graph.Block) error) (roots []cid.Cid, size Size, err error) {
	in := &counter{r: bufio.NewReaderSize(r, 256<<10)}
	whole := in.announced()
	blocks, err := openCAR(in)
	if err != nil {
		return nil, size, fmt.Errorf("not a CAR file: %w", err)
	}
	expected := in.n // bytes of the file up to the end of the last whole block
	for {
		c, data, err := nextBlock(blocks)
		if err == io.EOF && in.n == expected && in.n >= whole {
			return blocks.Roots, size, nil
		}
		if (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && in.ended() {
			return blocks.Roots, size, fmt.Errorf("%w, after %d whole ones, which are kept", ErrTruncated, size.Blocks)
		}
		if err != nil {
			return blocks.Roots, size, fmt.Errorf("CAR file, after %d blocks: %w", size.Blocks, err)
		}
		section := uint64(c.ByteLen() + len(data))
		expected += int64(varint.UvarintSize(section)) + int64(section)
		if isIdentity(c) { // its CID is the block, so it is not stored
			inline, err := identity(c)
			if err == nil && !bytes.Equal(inline, data) {
				err = fmt.Errorf("%w: %s", graph.ErrDamaged, c)
			}
			if err != nil {
				return blocks.Roots, size, fmt.Errorf("CAR file: the bytes of a block are not those of its CID: %w", err)
			}
		} else {
			if err := verifcid.ValidateCid(verifcid.DefaultAllowlist, c); err != nil {
				return blocks.Roots, size, fmt.Errorf("CAR file: block %s: %w", c, err)
			}
			if err := graph.Verify(c, data); err != nil {
				return blocks.Roots, size, fmt.Errorf("CAR file: the bytes of a block do not have its hash: %w", err)
			}
			if err := take(graph.Block{CID: c, Data: data}); err != nil {
				return blocks.Roots, size, err
			}
		}
		size.Blocks++
		size.Bytes += int64(len(data))
	}
}

func openCAR(r io.Reader) (blocks *car.BlockReader, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return car.NewBlockReader(r, car.MaxAllowedHeaderSize(maxHeader))
}

// nextBlock reads the next block, whose bytes are not verified. It is io.EOF where there is none.
func nextBlock(blocks *car.BlockReader) (cid.Cid, []byte, error) {
	c, r, n, err := blocks.NextReader()
	if err != nil {
		return c, nil, err
	}
	if n > MaxBlock {
		return c, nil, fmt.Errorf("block %s has %d bytes, and a store takes at most %d", c, n, MaxBlock)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return c, nil, fmt.Errorf("block %s: %w", c, io.ErrUnexpectedEOF)
	}
	return c, data, nil
}

// A counter counts what is read from r.
type counter struct {
	r *bufio.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// announced returns at which byte the blocks of a CARv2 end, as its header has it; 0 for any other file. Nothing is read.
func (c *counter) announced() int64 {
	head, _ := c.r.Peek(car.PragmaSize + car.HeaderSize)
	if len(head) < car.PragmaSize+car.HeaderSize || !bytes.Equal(head[:car.PragmaSize], car.Pragma) {
		return 0
	}
	var h car.Header
	if _, err := h.ReadFrom(bytes.NewReader(head[car.PragmaSize:])); err != nil {
		return 0
	}
	return int64(h.DataOffset + h.DataSize)
}

// ended says whether there is nothing more to read.
func (c *counter) ended() bool {
	_, err := c.r.Peek(1)
	return err == io.EOF
}

// claims records the results that the roots are, or list, as claims of who.
func (s *Store) claims(ctx context.Context, roots []cid.Cid, who string) (int, error) {
	results, traces := map[cid.Cid]cid.Cid{}, map[cid.Cid]cid.Cid{} // by expression
	seen := map[cid.Cid]bool{}
	n := 0
	by := graph.ClaimOf(strings.ToValidUTF8(who, "\uFFFD"))
	for _, root := range roots {
		data, err := s.Block(ctx, root)
		if errors.Is(err, graph.ErrNotFound) {
			continue // a CAR file may have roots that it does not hold
		}
		if err != nil {
			return 0, err
		}
		switch root.Prefix().Codec {
		case cid.DagCBOR:
			if of, err := ResultOf(data); err == nil {
				results[of] = root
			} else if _, err := graph.DecodeTrace(data); err == nil {
				if err := traced(graph.LoaderOf(ctx, s), root, results, traces, seen); err != nil {
					return 0, err
				}
			} else if c, err := graph.DecodeCheckpoint(data); err == nil {
				if err := s.checkpoint(ctx, c, by, results, traces, seen, &n); err != nil {
					return 0, err
				}
			}
		case cid.DagProtobuf:
			lib, err := s.readShelf(ctx, root, true, resultsName, tracesName)
			if errors.Is(err, ErrNoLibrary) || errors.Is(err, graph.ErrNotFound) {
				continue
			}
			if err != nil {
				return 0, err
			}
			for of, result := range lib.Results {
				results[of] = result
			}
			for of, trace := range lib.Traces {
				traces[of] = trace
			}
		}
	}
	err := s.eachClaim(ctx, results, traces, by, func(there bool, err error) error {
		if there {
			n++
		}
		return err
	})
	return n, err
}

// eachClaim is claim for results by expression, several at once. What became of each done is told, one after the other, until it returns an error.
func (s *Store) eachClaim(ctx context.Context, results, traces map[cid.Cid]cid.Cid, by string, done func(there bool, err error) error) error {
	exprs := slices.Collect(maps.Keys(results)) // in the order in which the results stand in the database
	slices.SortFunc(exprs, func(a, b cid.Cid) int { return compareCIDs(results[a], results[b]) })
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var mu sync.Mutex
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 8, len(exprs)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(exprs)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				there, err := s.claim(ctx, exprs[i], results[exprs[i]], traces[exprs[i]], by)
				mu.Lock()
				if ctx.Err() == nil {
					if err := done(there, err); err != nil {
						stop(err)
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// errLie says that a library is wrong about a result.
var errLie = errors.New("the library is wrong")

// claim records a result as a claim. It does not when the result is not there, or not all of its value; that it is of another
// expression is an errLie.
func (s *Store) claim(ctx context.Context, of, result, trace cid.Cid, by string) (there bool, err error) {
	// Only what can be read: with its value's own blocks, and really about this expression. What several have in common, as the rest of a
	// stream, is read once.
	if bad, _ := s.intact(ctx, result); bad != nil {
		return false, ctx.Err()
	}
	data, err := s.Block(ctx, result)
	if err != nil {
		return false, ctx.Err()
	}
	really, steps, err := ResultHead(data)
	if err != nil || really != of {
		return false, fmt.Errorf("%w: it says that %s is a result of %s, which it is not", errLie, result, of)
	}
	a := graph.Answer{Expr: of, Result: result, Trace: trace, By: by, Steps: steps}
	if a.Trace.Defined() {
		if t, err := s.Block(ctx, a.Trace); err != nil {
			a.Trace = cid.Undef
		} else if t, err := graph.DecodeTrace(t); err != nil || t.Result != result {
			a.Trace = cid.Undef
		}
	}
	return true, s.Record(ctx, a)
}

// An Adopted says what AdoptLibrary found of a library: what it lists, and what became of its results.
type Adopted struct {
	Library
	Claims  int   // results that are in the index now, or were there as this machine's own
	Missing int   // results of which blocks are not there
	Wrong   int   // results that are of another expression, or no results
	First   error // says which the first of these is
	Absent  int   // directories and lists of envelopes that are not there, so nothing is known of what they list
}

// AdoptLibrary records the results that the library at root lists, and that are there, as claims of who, as Import does. A library that
// is not all there, such as one of which only the names were fetched, is no error.
func (s *Store) AdoptLibrary(ctx context.Context, root cid.Cid, who string) (Adopted, error) {
	sh, err := s.readShelf(ctx, root, true, namesName, aboutName, resultsName, tracesName, attestName)
	got := Adopted{Library: sh.Library, Absent: sh.absent}
	if err != nil {
		return got, err
	}
	by := graph.ClaimOf(strings.ToValidUTF8(who, "\uFFFD"))
	err = s.eachClaim(ctx, sh.Results, sh.Traces, by, func(there bool, err error) error {
		switch {
		case errors.Is(err, errLie):
			if got.Wrong++; got.Wrong == 1 {
				got.First = err
			}
		case err != nil:
			return err
		case there:
			got.Claims++
		default:
			got.Missing++
		}
		return nil
	})
	if err != nil {
		return got, err
	}
	return got, s.Flush(ctx)
}

// checkpoint records the reducts of a checkpoint as claims, counts them, and adds the results that it used.
func (s *Store) checkpoint(ctx context.Context, c graph.Checkpoint, by string, results, traces map[cid.Cid]cid.Cid, seen map[cid.Cid]bool, n *int) error {
	for _, reduct := range c.Reducts {
		data, err := s.Block(ctx, reduct)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		if r, err := graph.DecodeReduct(data); err == nil {
			if err := s.RecordReduct(ctx, graph.Becomes{Expr: r.Of, Reduct: reduct, By: by}); err != nil {
				return err
			}
			*n++
		}
	}
	for _, trace := range c.Uses {
		if err := traced(graph.LoaderOf(ctx, s), trace, results, traces, seen); err != nil {
			return err
		}
	}
	return nil
}

// traced walks the trace at root and adds the results and traces in it, by expression; what was seen it passes over. What is missing or is not
// what it should be is passed over too: a trace explains, and nothing depends on it.
func traced(load graph.Loader, root cid.Cid, results, traces map[cid.Cid]cid.Cid, seen map[cid.Cid]bool) error {
	type step struct{ trace, above cid.Cid } // above is the result of the trace that uses this one
	for stack := []step{{trace: root}}; len(stack) > 0; {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[at.trace] {
			continue
		}
		seen[at.trace] = true
		data, err := load(at.trace)
		if err == nil {
			t, bad := graph.DecodeTrace(data)
			if bad != nil {
				continue
			}
			for _, u := range t.Uses {
				stack = append(stack, step{u.Trace, t.Result})
			}
			if t.Result == at.above {
				continue // a group of the uses of the one above
			}
			if data, err = load(t.Result); err == nil {
				if of, err := ResultOf(data); err == nil {
					results[of], traces[of] = t.Result, at.trace
				}
			}
		}
		if err != nil && !errors.Is(err, graph.ErrNotFound) && !errors.Is(err, graph.ErrDamaged) {
			return err
		}
	}
	return nil
}

var errNoResult = errors.New("not a result")

// ResultOf is the expression that a block is a Result of. It looks at no other block.
func ResultOf(data []byte) (cid.Cid, error) {
	of, _, err := ResultHead(data)
	return of, err
}

// ResultHead reads of a Result {"of", "steps", "value"} or {"of", "error", "steps"} without the value.
func ResultHead(data []byte) (of cid.Cid, steps uint64, err error) {
	r := codec.NewReader(data, true)
	if n, err := r.Map(); err != nil || n != 3 {
		return cid.Undef, 0, errNoResult
	}
	key := ""
	for i := range 3 {
		if key, err = r.Key(key, i == 0); err != nil {
			return cid.Undef, 0, err
		}
		switch {
		case i == 0 && key == "of":
			of, err = r.Link()
		case i > 0 && key == "steps":
			var n int64
			if n, _, err = r.Int(); n < 0 {
				err = errNoResult
			}
			steps = uint64(n)
		case i == 2 && key == "value", i == 1 && key == "error":
			err = r.Skip()
		default:
			err = errNoResult
		}
		if err != nil {
			return cid.Undef, 0, err
		}
	}
	return of, steps, r.Done()
}

// Claims records the results that root is, or lists, as claims of who, and returns how many.
func (s *Store) Claims(ctx context.Context, root cid.Cid, who string) (int, error) {
	return s.claims(ctx, []cid.Cid{root}, who)
}
