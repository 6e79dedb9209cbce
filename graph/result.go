// This file holds the blocks that stand beside code: results, reducts, traces, and what people wrote.

package graph

import (
	"fmt"
	"math"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// A Result links an expression to its value, or to its error.
type Result struct {
	Of    cid.Cid
	Value Value
	Error *Failure // nil when there is a value
	Steps uint64   // without any reuse; at most MaxSteps
}

// A Failure is a program's error: its kind, and the value that explains it.
type Failure struct {
	Kind  string
	Value Value
}

// A Reduct links an expression to another one that it becomes, after so many steps.
type Reduct struct {
	Of, To cid.Cid
	Steps  uint64
}

// A Checkpoint is where the reduction of an expression was stopped: the reducts of what was in progress, which lead from it to
// what is left to do, and the traces of what it had used.
type Checkpoint struct {
	Of      cid.Cid
	Reducts []cid.Cid
	Uses    []cid.Cid
}

// A Trace links a Result to the traces of the results that it rests on, in the order they were demanded.
type Trace struct {
	Result cid.Cid
	Uses   []Use
}

// A Use is one result that another rests on: the path in the expression where it was demanded, and its trace.
type Use struct {
	At    string
	Trace cid.Cid
}

// An About is what people wrote of a term. It has no part in the term's CID.
type About struct {
	Name   string
	Params []string
	Doc    string
	Source string
	Term   cid.Cid
	Spans  []BlockSpans
}

// BlockSpans says where in the source the nodes of one block of code stand: for each, by its number in preorder
// (see Walk), the offset of its first byte and the one after its last.
type BlockSpans struct {
	Block cid.Cid
	Spans [][2]int
}

const (
	// MaxSteps is where steps stop counting.
	MaxSteps = math.MaxInt64
	// MaxReducts is how many reducts a checkpoint has at most, and how many uses.
	MaxReducts = 4096
	// maxUses is how many uses one block of a trace has; more are grouped.
	maxUses = 256
)

// putBlock makes a block of dst and puts it.
func putBlock(dst []byte, put Sink) Block {
	b := Block{codec.CIDOf(dst), dst}
	if put != nil {
		put.Take(b)
	}
	return b
}

func appendSteps(dst []byte, steps uint64) []byte {
	return codec.AppendUint(codec.AppendText(dst, "steps"), min(steps, MaxSteps))
}

// EncodeResult returns the block of a result, and puts it after the blocks of its value.
func EncodeResult(r Result, put Sink) Block {
	dst := codec.AppendMap(make([]byte, 0, 128), 3)
	dst = codec.AppendLink(codec.AppendText(dst, "of"), r.Of)
	if r.Error != nil {
		dst = codec.AppendMap(codec.AppendText(dst, "error"), 2)
		dst = codec.AppendText(codec.AppendText(dst, "kind"), r.Error.Kind)
		dst = Place(codec.AppendText(dst, "value"), r.Error.Value, put)
		return putBlock(appendSteps(dst, r.Steps), put)
	}
	dst = appendSteps(dst, r.Steps)
	return putBlock(Place(codec.AppendText(dst, "value"), r.Value, put), put)
}

// Join returns the block of the Result of r.Of, given that of r.To: the value is the same, and the steps add up.
func (r Reduct) Join(result []byte) (Block, error) {
	return restate(result, r.To, r.Of, func(n uint64) uint64 { return min(n, MaxSteps) + min(r.Steps, MaxSteps) })
}

// Rest returns the block of the Result that r.To has, after so many steps, if result is that of r.Of: the value is the same.
func (r Reduct) Rest(result []byte, steps uint64) (Block, error) {
	return restate(result, r.Of, r.To, func(uint64) uint64 { return steps })
}

// restate is the Result of another expression with the same value.
func restate(result []byte, was, now cid.Cid, steps func(uint64) uint64) (Block, error) {
	d := newRecord(result)
	d.fields(3)
	d.key("of")
	if of := d.link(); d.err == nil && of != was {
		return Block{}, fmt.Errorf("got a result of %s, want one of %s", of, was)
	}
	dst := codec.AppendMap(make([]byte, 0, len(result)+8), 3)
	dst = codec.AppendLink(codec.AppendText(dst, "of"), now)
	add := func() {
		d.key("steps")
		dst = appendSteps(dst, steps(d.natural()))
	}
	rest := func(key string) {
		d.key(key)
		if d.err == nil {
			start := d.r.Offset()
			d.ok(d.r.Skip())
			dst = append(codec.AppendText(dst, key), d.r.Raw(start)...)
		}
	}
	if d.err == nil && isKey(*d.r, "error") {
		rest("error")
		add()
	} else {
		add()
		rest("value")
	}
	if err := d.done("result"); err != nil {
		return Block{}, err
	}
	return putBlock(dst, nil), nil
}

// EncodeReduct returns the block of a reduct, and puts it.
func EncodeReduct(r Reduct, put Sink) Block {
	dst := codec.AppendMap(make([]byte, 0, 128), 3)
	dst = codec.AppendLink(codec.AppendText(dst, "of"), r.Of)
	dst = codec.AppendLink(codec.AppendText(dst, "to"), r.To)
	return putBlock(appendSteps(dst, r.Steps), put)
}

// EncodeCheckpoint returns the block of a checkpoint, and puts it. It keeps the first MaxReducts reducts and uses.
func EncodeCheckpoint(c Checkpoint, put Sink) Block {
	links := func(dst []byte, key string, list []cid.Cid) []byte {
		list = list[:min(len(list), MaxReducts)]
		dst = codec.AppendArray(codec.AppendText(dst, key), len(list))
		for _, c := range list {
			dst = codec.AppendLink(dst, c)
		}
		return dst
	}
	dst := codec.AppendMap(make([]byte, 0, 128+41*(len(c.Reducts)+len(c.Uses))), 3)
	dst = codec.AppendLink(codec.AppendText(dst, "of"), c.Of)
	dst = links(dst, "uses", c.Uses)
	return putBlock(links(dst, "reducts", c.Reducts), put)
}

// EncodeTrace returns the block of a trace, and puts it. When it has more than 256 uses, each 256 of them stand in
// a trace of the same result, which is used at ""; and so on until one block has room.
func EncodeTrace(t Trace, put Sink) Block {
	for len(t.Uses) > maxUses {
		groups := make([]Use, 0, (len(t.Uses)+maxUses-1)/maxUses)
		for rest := t.Uses; len(rest) > 0; {
			n := min(len(rest), maxUses)
			groups = append(groups, Use{"", encodeUses(t.Result, rest[:n], put).CID})
			rest = rest[n:]
		}
		t.Uses = groups
	}
	return encodeUses(t.Result, t.Uses, put)
}

func encodeUses(result cid.Cid, uses []Use, put Sink) Block {
	dst := codec.AppendMap(make([]byte, 0, 64+64*len(uses)), 2)
	dst = codec.AppendArray(codec.AppendText(dst, "uses"), len(uses))
	for _, u := range uses {
		dst = codec.AppendText(codec.AppendMap(dst, 2), "at")
		dst = codec.AppendText(codec.AppendText(dst, u.At), "trace")
		dst = codec.AppendLink(dst, u.Trace)
	}
	return putBlock(codec.AppendLink(codec.AppendText(dst, "result"), result), put)
}

// EncodeAbout returns the block of an about, and puts it.
func EncodeAbout(a About, put Sink) Block {
	dst := codec.AppendMap(make([]byte, 0, 256+len(a.Source)), 6)
	dst = codec.AppendText(codec.AppendText(dst, "doc"), a.Doc)
	dst = codec.AppendText(codec.AppendText(dst, "name"), a.Name)
	dst = codec.AppendLink(codec.AppendText(dst, "term"), a.Term)
	dst = codec.AppendArray(codec.AppendText(dst, "spans"), len(a.Spans))
	for _, b := range a.Spans {
		dst = codec.AppendLink(codec.AppendArray(dst, 2), b.Block)
		dst = codec.AppendArray(dst, 2*len(b.Spans))
		for _, s := range b.Spans {
			dst = codec.AppendInt(codec.AppendInt(dst, int64(s[0])), int64(s[1]))
		}
	}
	dst = codec.AppendArray(codec.AppendText(dst, "params"), len(a.Params))
	for _, p := range a.Params {
		dst = codec.AppendText(dst, p)
	}
	return putBlock(codec.AppendText(codec.AppendText(dst, "source"), a.Source), put)
}

// A recordReader reads the strict form of these blocks. It keeps the first error, after which it reads nothing.
type recordReader struct {
	r   *codec.Reader
	far *Far
	err error
}

func newRecord(data []byte) *recordReader {
	return &recordReader{r: codec.NewReader(data, true), err: codec.Check(data, true)}
}

// ok keeps err and says whether all is well.
func (d *recordReader) ok(err error) bool {
	if d.err == nil {
		d.err = err
	}
	return d.err == nil
}

// fields reads the head of a map of n.
func (d *recordReader) fields(n int) {
	if d.err != nil {
		return
	}
	if got, err := d.r.Map(); d.ok(err) && got != n {
		d.err = d.r.Fail(fmt.Sprintf("got a map of %d, want one of %d", got, n))
	}
}

func (d *recordReader) key(want string) {
	if d.err != nil {
		return
	}
	at := *d.r
	if got, err := d.r.Key("", true); d.ok(err) && got != want {
		d.err = at.Fail(fmt.Sprintf("got key %.40q, want %q", got, want))
	}
}

// link reads a link to a block that we make.
func (d *recordReader) link() (c cid.Cid) {
	if d.err != nil {
		return cid.Undef
	}
	at := *d.r
	c, err := d.r.Link()
	if d.ok(err) && !isOwnCID(c) {
		d.err = at.Fail("a link that is not CIDv1, dag-cbor, sha2-256")
	}
	return c
}

func (d *recordReader) text() (s string) {
	if d.err == nil {
		var err error
		s, err = d.r.Text()
		d.ok(err)
	}
	return s
}

// array reads the head of a list; n is at most the bytes that remain.
func (d *recordReader) array() (n int) {
	if d.err == nil {
		var err error
		n, err = d.r.Array()
		d.ok(err)
	}
	return n
}

func (d *recordReader) natural() uint64 {
	if d.err != nil {
		return 0
	}
	at := *d.r
	i, large, err := d.r.Int()
	if d.ok(err) && (large != nil || i < 0) {
		d.err = at.Fail("an int is not within 0 to 2^63-1")
	}
	return uint64(i)
}

func (d *recordReader) value(load Loader) (v Value) {
	if d.err == nil {
		var err error
		v, err = (&decoder{load: load, far: d.far}).decode(d.r, false)
		d.ok(err)
	}
	return v
}

// done returns the error, or one if something is left.
func (d *recordReader) done(what string) error {
	if d.err == nil {
		d.err = d.r.Done()
	}
	if d.err != nil {
		return fmt.Errorf("not a %s: %w", what, d.err)
	}
	return nil
}

// DecodeResult returns the result that a block is, strictly.
func DecodeResult(data []byte, load Loader) (Result, error) { return decodeResult(data, load, nil) }

// DecodeResult is as DecodeResult, but that large lists and maps stay where they are.
func (f *Far) DecodeResult(data []byte) (Result, error) { return decodeResult(data, f.Load, f) }

func decodeResult(data []byte, load Loader, far *Far) (Result, error) {
	var r Result
	d := newRecord(data)
	d.far = far
	d.fields(3)
	d.key("of")
	r.Of = d.link()
	if d.err == nil && isKey(*d.r, "error") {
		r.Error = &Failure{}
		d.key("error")
		d.fields(2)
		d.key("kind")
		r.Error.Kind = d.text()
		d.key("value")
		r.Error.Value = d.value(load)
		d.key("steps")
		r.Steps = d.natural()
	} else {
		d.key("steps")
		r.Steps = d.natural()
		d.key("value")
		r.Value = d.value(load)
	}
	return r, d.done("result")
}

// isKey says whether the key want comes next.
func isKey(r codec.Reader, want string) bool {
	got, err := r.Key("", true)
	return err == nil && got == want
}

// DecodeReduct returns the reduct that a block is, strictly.
func DecodeReduct(data []byte) (Reduct, error) {
	var r Reduct
	d := newRecord(data)
	d.fields(3)
	d.key("of")
	r.Of = d.link()
	d.key("to")
	r.To = d.link()
	d.key("steps")
	r.Steps = d.natural()
	return r, d.done("reduct")
}

// DecodeCheckpoint returns the checkpoint that a block is, strictly.
func DecodeCheckpoint(data []byte) (Checkpoint, error) {
	var c Checkpoint
	d := newRecord(data)
	links := func(key string) (list []cid.Cid) {
		d.key(key)
		n := d.array()
		if n > MaxReducts {
			d.ok(fmt.Errorf("got %d %s, want at most %d", n, key, MaxReducts))
		}
		for ; n > 0 && d.err == nil; n-- {
			list = append(list, d.link())
		}
		return list
	}
	d.fields(3)
	d.key("of")
	c.Of = d.link()
	c.Uses = links("uses")
	c.Reducts = links("reducts")
	return c, d.done("checkpoint")
}

// DecodeTrace returns the trace that one block is, strictly; a group of uses stands in it as one use (see EachUse).
func DecodeTrace(data []byte) (Trace, error) {
	var t Trace
	d := newRecord(data)
	d.fields(2)
	d.key("uses")
	n := d.array()
	if n > maxUses {
		d.ok(fmt.Errorf("got %d uses, want at most %d", n, maxUses))
	}
	for ; n > 0 && d.err == nil; n-- {
		var u Use
		d.fields(2)
		d.key("at")
		u.At = d.text()
		d.key("trace")
		u.Trace = d.link()
		t.Uses = append(t.Uses, u)
	}
	d.key("result")
	t.Result = d.link()
	return t, d.done("trace")
}

// Groups can share their groups, so that a small trace has more uses than anyone can count.
const (
	maxTraceUses = 1 << 22 // that EachUse looks at
	maxGroups    = 8       // in each other: enough for 2^64 uses
)

// EachUse loads the trace c and calls f with each of its uses in order, until f returns false. Groups are opened;
// one that cannot be had is given to f as if it were a use.
func EachUse(c cid.Cid, load Loader, f func(Use) bool) error {
	data, err := load(c)
	if err != nil {
		return err
	}
	t, err := DecodeTrace(data)
	if err != nil {
		return fmt.Errorf("trace %s: %w", c, err)
	}
	left := maxTraceUses
	var last [maxGroups]struct { // the group opened last at each depth; shared groups are opened often
		cid   cid.Cid
		trace Trace
	}
	stack := [][]Use{t.Uses}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(*top) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		u := (*top)[0]
		*top = (*top)[1:]
		if left--; left < 0 {
			return fmt.Errorf("trace %s: more than %d uses", c, maxTraceUses)
		}
		if u.At == "" && len(stack) < maxGroups {
			inner := &last[len(stack)]
			if inner.cid != u.Trace {
				data, err := load(u.Trace)
				if err == nil {
					if inner.trace, err = DecodeTrace(data); err != nil {
						return fmt.Errorf("trace %s: %w", u.Trace, err)
					}
					inner.cid = u.Trace
				}
			}
			if inner.cid == u.Trace && inner.trace.Result == t.Result {
				stack = append(stack, inner.trace.Uses)
				continue
			}
		}
		if !f(u) {
			return nil
		}
	}
	return nil
}

// DecodeAbout returns the about that a block is, strictly.
func DecodeAbout(data []byte) (About, error) {
	var a About
	d := newRecord(data)
	d.fields(6)
	d.key("doc")
	a.Doc = d.text()
	d.key("name")
	a.Name = d.text()
	d.key("term")
	a.Term = d.link()
	d.key("spans")
	for n := d.array(); n > 0 && d.err == nil; n-- {
		var b BlockSpans
		d.pair()
		b.Block = d.link()
		ints := d.array()
		if ints%2 != 0 {
			d.ok(d.r.Fail("a span without an end"))
		}
		for ; ints > 0 && d.err == nil; ints -= 2 {
			start, end := d.natural(), d.natural()
			if d.err == nil && (start > end || end > math.MaxInt32) {
				d.err = d.r.Fail("a span out of range")
			}
			b.Spans = append(b.Spans, [2]int{int(start), int(end)})
		}
		a.Spans = append(a.Spans, b)
	}
	d.key("params")
	for n := d.array(); n > 0 && d.err == nil; n-- {
		a.Params = append(a.Params, d.text())
	}
	d.key("source")
	a.Source = d.text()
	return a, d.done("about")
}

// pair reads the head of a list of 2.
func (d *recordReader) pair() {
	if n := d.array(); d.err == nil && n != 2 {
		d.err = d.r.Fail(fmt.Sprintf("got a list of %d, want one of 2", n))
	}
}
