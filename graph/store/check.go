// This file checks a store: that every block has its hash, that every entry of the index tells the truth and can be used, and
// that what is noted of terms is there.

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"

	"github.com/rosser-lang/rosser/graph"
)

// A Problem is something in a store that is not as it should be.
type Problem struct {
	What string // such as "block bafy…"
	Err  error
	Done string // what Repair has done about it; "" for nothing
}

func (p Problem) String() string {
	text := fmt.Sprintf("%s: %v", p.What, p.Err)
	if p.Done != "" {
		text += " (" + p.Done + ")"
	}
	return text
}

// A Checked says what Check has looked at and what it found.
type Checked struct {
	Blocks     int // blocks
	Answers    int // entries of the index, and of that of reducts
	Notes      int // which about block tells of a term
	Pins       int
	Attested   int // attestations
	Incomplete int // pins and named roots below which blocks are missing or damaged: these can only come from elsewhere
	Unverified int // blocks of a hash function that is not known here
	Problems   int
	Mended     int    // problems that Repair has dealt with
	Unpinned   bool   // pins, or names that keep something, are among what cannot be read
	Recovered  int    // results that Repair has put into the index, as claims
	Quarantine string // the folder where Repair has put what it took out; "" if it took nothing
}

// A checker checks; with a mender it repairs as well, and has the database for itself.
type checker struct {
	s      *Store
	ctx    context.Context
	report func(Problem)
	mend   *mender // nil: only look
	out    Checked
	whole  known
	holes  bool // a part of the database cannot be read
	index  bool // entries of the index are lost
}

// Check reads the whole store and calls report for each problem. It changes nothing; others may use the store meanwhile, and
// what they write may be seen or not. The error is one of reading, or ctx's.
func (s *Store) Check(ctx context.Context, report func(Problem)) (Checked, error) {
	s.Flush(ctx) // a store that cannot be written can be checked
	c := &checker{s: s, ctx: ctx, report: report}
	err := c.all()
	return c.out, err
}

func (c *checker) all() error {
	parts := map[int]struct {
		what  string
		check func(entry) error
	}{blockPrefix: {"blocks", c.block}, answerPrefix: {"index", c.answer}, reductPrefix: {"reducts", c.reduct}, notePrefix: {"notes", c.note},
		rootPrefix: {"names", c.root}, pinPrefix: {"pins", c.pin}, attestPrefix: {"attestations", c.attested}}
	order := []int{blockPrefix, answerPrefix, reductPrefix, notePrefix, rootPrefix, pinPrefix, attestPrefix} // what is taken out of one is missed by those after it
	for prefix := range 255 {
		if _, ok := parts[prefix]; !ok {
			order = append(order, prefix)
		}
	}
	for _, prefix := range order {
		part, ok := parts[prefix]
		if !ok { // kept for other ends: it is read, and that is all
			part.what, part.check = "other records", func(entry) error { return nil }
		}
		err := c.s.each(c.ctx, []byte{byte(prefix)}, part.check, func(after, next []byte) {
			c.holes = true
			c.index = c.index || prefix == answerPrefix
			c.out.Unpinned = c.out.Unpinned || prefix == pinPrefix || prefix == rootPrefix
			done := ""
			if c.mend != nil {
				done = "left out"
			}
			c.problem(Problem{part.what, fmt.Errorf("the database cannot be read from %s to %s", place(after, "its beginning"), place(next, "its end")), done})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// place shows a key; nil is the end that is given.
func place(key []byte, end string) string {
	if key == nil {
		return end
	}
	return fmt.Sprintf("key %.20x", key)
}

func (c *checker) problem(p Problem) {
	c.out.Problems++
	if p.Done != "" {
		c.out.Mended++
	}
	c.report(p)
}

var errHash = errors.New("its bytes do not have its hash")

// verifyKey says whether a block has the hash that it stands under. Known is false if that cannot be said.
func verifyKey(e entry) (known bool, err error) {
	hash := e.key[1:]
	d, err := mh.Decode(hash)
	if err != nil {
		return true, fmt.Errorf("its key is not a hash: %w", err)
	}
	if d.Code == mh.SHA2_256 && d.Length == sha256.Size {
		if sha256.Sum256(e.value) != [sha256.Size]byte(d.Digest) {
			return true, errHash
		}
		return true, nil
	}
	sum, err := mh.Sum(e.value, d.Code, d.Length)
	if err != nil {
		return false, nil
	}
	if string(sum) != string(hash) {
		return true, errHash
	}
	return true, nil
}

// blockName names a block by its hash, as a CID of DAG-CBOR if it can be one.
func blockName(key []byte) string {
	if _, err := mh.Cast(key[1:]); err != nil {
		return fmt.Sprintf("block with the key %.40x", key)
	}
	return "block " + cid.NewCidV1(cid.DagCBOR, key[1:]).String()
}

// now returns what stands under a key by now: while the check goes on, others may have mended what was found.
func (c *checker) now(e entry) (entry, bool, error) {
	value, ok, err := c.s.get(c.ctx, e.key)
	var d *damage
	if errors.As(err, &d) {
		return e, true, nil
	}
	return entry{e.key, value}, ok, err
}

func (c *checker) block(e entry) error {
	c.out.Blocks++
	known, bad := verifyKey(e)
	if !known {
		c.out.Unverified++
	}
	if bad == nil {
		return nil
	}
	e, ok, err := c.now(e)
	if err != nil || !ok {
		return err
	}
	if _, bad = verifyKey(e); bad == nil {
		return nil
	}
	p := Problem{What: blockName(e.key), Err: bad}
	if c.mend != nil {
		p.Done = "taken out"
		err = c.mend.take(e, nil, p)
	}
	c.problem(p)
	return err
}

// load returns a block, verified, and changes nothing. Trouble is set to an error that is not the block's.
func (c *checker) load(trouble *error) graph.Loader {
	return func(id cid.Cid) ([]byte, error) {
		if !id.Defined() {
			return nil, graph.NotFound(id)
		}
		if isIdentity(id) {
			return identity(id)
		}
		data, ok, err := c.s.get(c.ctx, []byte(blockKey(id)))
		var d *damage
		switch {
		case errors.As(err, &d):
			return nil, fmt.Errorf("%w: %s (%v)", graph.ErrDamaged, id, d)
		case err != nil:
			*trouble = err
			return nil, err
		case !ok:
			return nil, graph.NotFound(id)
		}
		return data, graph.Verify(id, data)
	}
}

func (c *checker) answer(e entry) error {
	c.out.Answers++
	bad, badTrace, err := c.judge(e)
	if err != nil || bad == nil && badTrace == nil {
		return err
	}
	e, ok, err := c.now(e)
	if err != nil || !ok {
		return err
	}
	if bad, badTrace, err = c.judge(e); err != nil || bad == nil && badTrace == nil {
		return err
	}
	p := Problem{What: fmt.Sprintf("index entry with the key %.40x", e.key), Err: bad}
	expr, notCID := cid.Cast(e.key[1:])
	if notCID == nil {
		p.What = "index entry of " + expr.String()
	}
	if bad == nil {
		p.Err = badTrace
	}
	if c.mend != nil {
		a, unreadable := readAnswer(expr, e.value)
		if bad == nil {
			p.Done = "the trace taken out"
			a.Trace = cid.Undef
			_, when := undated(e.value)
			err = c.mend.take(e, dated(appendAnswer(nil, a), when), p)
		} else {
			p.Done = "taken out"
			c.index = c.index || notCID != nil || unreadable != nil
			err = c.mend.take(e, nil, p)
		}
	}
	c.problem(p)
	return err
}

// judge says what is wrong with an entry of the index: with all of it, or only with its trace. The error is one of reading.
func (c *checker) judge(e entry) (bad, trace, err error) {
	expr, bad := cid.Cast(e.key[1:])
	if bad != nil {
		return fmt.Errorf("its key is not a CID: %w", bad), nil, nil
	}
	a, bad := readAnswer(expr, e.value)
	if bad != nil {
		return fmt.Errorf("its record cannot be read: %w", bad), nil, nil
	}
	load := c.load(&err)
	asOf := c.whole.turn()
	var seen []cid.Cid
	var result []byte
	bad = graph.ResultBlocks(a.Result, func(id cid.Cid) ([]byte, error) {
		data, err := load(id)
		if id == a.Result {
			result = data
		}
		if len(seen) < maxKnown {
			seen = append(seen, id)
		}
		return data, err
	}, c.whole.has)
	if err != nil || bad != nil {
		return bad, nil, err
	}
	c.whole.add(seen, asOf)
	if result == nil { // it was found to be whole before
		if result, bad = load(a.Result); err != nil || bad != nil {
			return bad, nil, err
		}
	}
	of, steps, bad := ResultHead(result)
	switch {
	case bad != nil:
		return fmt.Errorf("%s: %w", a.Result, bad), nil, nil
	case of != expr:
		return fmt.Errorf("%s is a result of %s", a.Result, of), nil, nil
	case steps != a.Steps:
		return fmt.Errorf("it says %d steps, its result %s says %d", a.Steps, a.Result, steps), nil, nil
	case !a.Trace.Defined():
		return nil, nil, nil
	}
	data, bad := load(a.Trace)
	if err != nil {
		return nil, nil, err
	}
	if bad == nil {
		var t graph.Trace
		if t, bad = graph.DecodeTrace(data); bad == nil && t.Result != a.Result {
			bad = fmt.Errorf("it is one of the result %s", t.Result)
		}
	}
	if bad != nil {
		return nil, fmt.Errorf("its trace %s: %w", a.Trace, bad), nil
	}
	return nil, nil, nil
}

// reduct checks an entry of the index of reducts. One that is wrong costs nothing but what was reached.
func (c *checker) reduct(e entry) error {
	c.out.Answers++
	return c.spare(e, c.judgeReduct, "entry of a reduct", "reduct of ")
}

// spare checks an entry that can be taken out when it is bad. It is named by its key, what, or the term it is of.
func (c *checker) spare(e entry, judge func(entry) (bad, err error), what, of string) error {
	return c.partly(e, judge, func() []byte { return nil }, what, of)
}

// partly is spare for an entry of which a part may be sound: left is what stays of it.
func (c *checker) partly(e entry, judge func(entry) (bad, err error), left func() []byte, what, of string) error {
	bad, err := judge(e)
	if err != nil || bad == nil {
		return err
	}
	e, ok, err := c.now(e)
	if err != nil || !ok {
		return err
	}
	if bad, err = judge(e); err != nil || bad == nil {
		return err
	}
	p := Problem{What: fmt.Sprintf("%s with the key %.40x", what, e.key), Err: bad}
	if term, err := cid.Cast(e.key[1:]); err == nil {
		p.What = of + term.String()
	}
	if c.mend != nil {
		p.Done = "taken out"
		err = c.mend.take(e, left(), p)
	}
	c.problem(p)
	return err
}

func (c *checker) judgeReduct(e entry) (bad, err error) {
	expr, bad := cid.Cast(e.key[1:])
	if bad != nil {
		return fmt.Errorf("its key is not a CID: %w", bad), nil
	}
	a, bad := readAnswer(expr, e.value)
	if bad != nil {
		return fmt.Errorf("its record cannot be read: %w", bad), nil
	}
	load := c.load(&err)
	r, bad := graph.LoadReduct(graph.Becomes{Expr: expr, Reduct: a.Result, By: a.By}, load)
	if bad == nil && err == nil {
		_, bad = load(r.To)
	}
	return bad, err
}

// pin checks a pin: its record, and that all below it is there.
func (c *checker) pin(e entry) error {
	c.out.Pins++
	err := c.spare(e, func(e entry) (bad, err error) {
		_, bad = readPin(e.key, e.value)
		return bad, nil
	}, "pin", "pin of ")
	p, bad := readPin(e.key, e.value)
	if err != nil || bad != nil {
		return err
	}
	what := "pin of " + p.CID.String()
	if p.Name != "" {
		what += fmt.Sprintf(" (%.40s)", p.Name)
	}
	return c.below(what, p)
}

// root checks that all below a named root is there. What stands there by now is not looked at: a root changes all the time.
func (c *checker) root(e entry) error {
	root, err := cid.Cast(e.value)
	if err != nil {
		return c.spare(e, func(entry) (bad, err error) { return errors.New("it is not a CID"), nil }, fmt.Sprintf("name %.40q", e.key[1:]), "")
	}
	return c.below(fmt.Sprintf("%.40s", e.key[1:]), Pin{CID: root, Partial: true})
}

// below reports the first block that is missing or damaged below a pin. Only who has the block can mend that, so it stays as it is; of a partial
// pin only the root has to be there.
func (c *checker) below(what string, p Pin) error {
	var trouble error
	_, bad := p.size(c.ctx, c.load(&trouble), 0)
	switch {
	case trouble != nil:
		return trouble
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case bad == nil:
		return nil
	}
	c.out.Incomplete++
	c.problem(Problem{What: what, Err: fmt.Errorf("%w; import it again, or take the pin away", bad)})
	return nil
}

func (c *checker) note(e entry) error {
	c.out.Notes++
	return c.spare(e, c.judgeNote, "note", "what is noted of ")
}

func (c *checker) judgeNote(e entry) (bad, err error) {
	term, bad := cid.Cast(e.key[1:])
	if bad != nil {
		return fmt.Errorf("its key is not a CID: %w", bad), nil
	}
	about, bad := cid.Cast(e.value)
	if bad != nil {
		return fmt.Errorf("it is not a CID: %w", bad), nil
	}
	data, bad := c.load(&err)(about)
	if err != nil || bad != nil {
		return bad, err
	}
	a, bad := graph.DecodeAbout(data)
	if bad == nil && a.Term != term {
		bad = fmt.Errorf("it tells of %s", a.Term)
	}
	if bad != nil {
		return fmt.Errorf("%s: %w", about, bad), nil
	}
	return nil, nil
}

// attested checks the attestations of an expression. Where one of the results is missing the others stay.
func (c *checker) attested(e entry) error {
	list, _, err := c.judgeAttested(e)
	c.out.Attested += len(list)
	if err != nil {
		return err
	}
	var rest []Attested
	bad := func(e entry) (bad, err error) {
		list, rest, err = c.judgeAttested(e)
		if err == nil && (list == nil || len(rest) < len(list)) {
			bad = errors.New("it cannot be read")
			if list != nil {
				bad = fmt.Errorf("%d of %d are of results that are missing, damaged, or of another expression", len(list)-len(rest), len(list))
			}
		}
		return bad, err
	}
	return c.partly(e, bad, func() []byte {
		if len(rest) == 0 {
			return nil
		}
		return appendAttested(nil, rest)
	}, "attestations", "attestations of ")
}

// judgeAttested returns the attestations in an entry, nil if it is none, and those among them that are sound.
func (c *checker) judgeAttested(e entry) (list, sound []Attested, err error) {
	expr, notCID := cid.Cast(e.key[1:])
	list, bad := readAttested(e.value)
	if notCID != nil || bad != nil || len(list) == 0 {
		return nil, nil, nil
	}
	load := c.load(&err)
	for i, a := range list {
		if i > 0 && a.Result == list[i-1].Result {
			if n := len(sound); n > 0 && sound[n-1].Result == a.Result {
				sound = append(sound, a)
			}
			continue
		}
		data, bad := load(a.Result)
		if err != nil {
			return nil, nil, err
		}
		if bad == nil && isResultOf(data, a.Result, expr) == nil {
			sound = append(sound, a)
		}
	}
	return list, sound, nil
}
