// This file marks what a collection keeps: the blocks that are reached from pins and other roots, and the entries of the index
// for all code among them.

package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A step is a block to walk through, and how.
type step struct {
	cid  cid.Cid
	how  how
	role graph.Role // of asOwn
}

type how byte

const (
	wholly   how = iota // along all its links
	asOwn               // along those to blocks that belong to it in its role
	asRecord            // along those to blocks that belong to it, by what its bytes say that it is
)

// next returns the steps from a block.
func (st step) next(data []byte) (next []step, err error) {
	code := st.cid.Prefix().Codec
	own := func(role graph.Role) error {
		found, err := graph.OwnLinks(data, role)
		for _, o := range found {
			next = append(next, step{o.CID, asOwn, o.Role})
		}
		return err
	}
	add := func(how how, cids ...cid.Cid) {
		for _, c := range cids {
			next = append(next, step{c, how, graph.Role{}})
		}
	}
	switch {
	case st.how == wholly:
		links, err := codec.Links(code, data)
		if err != nil && !errors.Is(err, codec.ErrUnknownCodec) {
			return nil, err
		}
		add(wholly, links...)
		return next, nil
	case st.how == asOwn:
		return next, own(st.role)
	case code != cid.DagCBOR:
		return nil, nil
	}
	term := func(c cid.Cid) { next = append(next, step{c, asOwn, graph.CodeRole}) }
	switch KindOfBlock(data) {
	case CodeBlock:
		err = own(graph.CodeRole)
	case ResultBlock:
		of, _ := ResultOf(data)
		term(of)
		err = own(graph.ResultRole)
	case TraceBlock:
		t, err := graph.DecodeTrace(data)
		if err != nil {
			return nil, err
		}
		add(asRecord, t.Result)
		for _, u := range t.Uses {
			add(asRecord, u.Trace)
		}
	case ReductBlock:
		r, err := graph.DecodeReduct(data)
		if err != nil {
			return nil, err
		}
		term(r.Of)
		term(r.To)
	case CheckpointBlock:
		c, err := graph.DecodeCheckpoint(data)
		if err != nil {
			return nil, err
		}
		term(c.Of)
		add(asRecord, c.Reducts...)
		add(asRecord, c.Uses...)
	case DataBlock:
		err = own(graph.ValueRole)
	}
	return next, err
}

// A mark is what is known of a block: why it is kept, and how it has been walked through. The role is the first that it was found in.
type mark struct {
	bits uint16
	role uint16
}

const (
	kept      uint16 = 1 << iota
	noticed          // it is code, and the index was asked about it
	recorded         // walked asRecord
	owned            // walked asOwn, in the role that the mark has
	cborLinks        // walked wholly, as DAG-CBOR
	pbLinks          // as DAG-PB
	jsonLinks        // as DAG-JSON
	otherLinks
	becauseAt = iota // the Keep that keeps it stands above these bits
)

// A marker has a mark for each block that is in the store when it begins: 12 bytes for each, and no more, whatever the blocks are. It knows a block by a hash of
// 64 bits of its key. That is safe: blocks of the store that share one are found while it begins, and told apart by their
// keys; one that is put later is not collected (collector). Only where such a one, or one that is not there, shares the hash of another would what is below that be missed: the
// hash has a random key, so that is one chance in 2^64 for each pair, and nobody can make it so.
type marker struct {
	s   *Store
	ctx context.Context

	seed   maphash.Seed
	hashes []uint64 // of the keys, ascending
	marks  []mark   // by the same index
	twins  map[uint64]struct{}
	others map[string]*mark     // by key: twins, what was put later, what is not there and has an entry in the index
	roles  map[step]struct{}    // what was walked asOwn in a second role
	points []cid.Cid            // checkpoints that were seen
	shed   map[cid.Cid]struct{} // expressions whose answers are given up, with what their values are made of
	gone   map[cid.Cid]struct{} // their results
	answer func(graph.Answer)   // told of each answer that is kept; may be nil

	todo    []step
	because Keep
	missing int // links to what is not there, from what is kept
	first   cid.Cid
}

// A Keep says why a block is kept.
type Keep int

// Why a block is kept; the first that applies counts.
const (
	KeepPinned  Keep = iota // below a pin, or of a result that rests on what is
	KeepRoots               // below a named root, such as the workspace
	KeepGiven               // below what the caller gave
	KeepStopped             // an evaluation that was stopped and can go on
	KeepUsed                // used by a process
	keeps
)

// begin notes which blocks there are.
func (m *marker) begin() error {
	m.seed = maphash.MakeSeed()
	m.others, m.roles, m.twins = map[string]*mark{}, map[step]struct{}{}, map[uint64]struct{}{}
	err := m.each(blockPrefix, func(e entry) error {
		m.hashes = append(m.hashes, maphash.Bytes(m.seed, e.key))
		if len(e.value) > 4 && string(e.value[:4]) == "\xa3\x62of" { // it may be one
			if _, err := graph.DecodeCheckpoint(e.value); err == nil {
				m.points = append(m.points, codec.CIDOf(e.value))
			}
		}
		return nil
	})
	slices.Sort(m.hashes)
	n := 0
	for i, h := range m.hashes {
		if i > 0 && h == m.hashes[i-1] {
			m.twins[h] = struct{}{}
			continue
		}
		m.hashes[n] = h
		n++
	}
	m.hashes = slices.Clip(m.hashes[:n])
	m.marks = make([]mark, n)
	return err
}

// again forgets all marks.
func (m *marker) again() {
	clear(m.marks)
	clear(m.others)
	clear(m.roles)
	m.todo, m.missing = nil, 0
}

// each goes through the entries with a prefix; what cannot be read ends it.
func (m *marker) each(prefix byte, f func(entry) error) error {
	lost := false
	err := m.s.each(m.ctx, []byte{prefix}, func(e entry) error {
		if lost {
			return errDamaged
		}
		return f(e)
	}, func([]byte, []byte) { lost = true })
	if err == nil && lost {
		err = errDamaged
	}
	return err
}

var errDamaged = errors.New("its database is damaged, so nobody knows what would be lost; `rosser store check --repair` comes first")

// at returns the mark of the block under a key; nil if it was not there, and has no other.
func (m *marker) at(key string) *mark {
	h := maphash.String(m.seed, key)
	if i, ok := slices.BinarySearch(m.hashes, h); ok {
		if _, twin := m.twins[h]; !twin {
			return &m.marks[i]
		}
	}
	return m.others[key]
}

// known says whether a block was there when the marking began. Of twins that is said of all.
func (m *marker) known(key string) bool {
	_, ok := slices.BinarySearch(m.hashes, maphash.String(m.seed, key))
	return ok
}

// make is at, and makes a mark.
func (m *marker) make(key string) *mark {
	mk := m.at(key)
	if mk == nil {
		mk = &mark{}
		m.others[key] = mk
	}
	return mk
}

// from walks from a root and marks all that it reaches.
func (m *marker) from(root step, because Keep) error {
	m.because = because
	m.todo = append(m.todo, root)
	for len(m.todo) > 0 {
		st := m.todo[len(m.todo)-1]
		m.todo = m.todo[:len(m.todo)-1]
		if err := m.walk(st); err != nil {
			return err
		}
	}
	return nil
}

// done says whether a block has been walked through like that, and if not, that it is now.
func (m *marker) done(mk *mark, st step) bool {
	bit := recorded
	switch {
	case mk.bits&cborLinks != 0 && st.how != wholly: // those it owns are among them
		return true
	case st.how == asOwn && mk.bits&owned != 0 && mk.role != st.role.Number():
		_, ok := m.roles[st]
		m.roles[st] = struct{}{}
		return ok
	case st.how == asOwn:
		bit = owned
		mk.role = st.role.Number()
	case st.how == wholly:
		switch st.cid.Prefix().Codec {
		case cid.DagCBOR:
			bit = cborLinks
		case cid.DagProtobuf:
			bit = pbLinks
		case cid.DagJSON:
			bit = jsonLinks
		case cid.Raw:
			bit = kept
		default:
			bit = otherLinks
		}
	}
	if mk.bits&bit != 0 {
		return true
	}
	mk.bits |= bit
	return false
}

func (m *marker) keep(mk *mark) {
	if mk.bits>>becauseAt == 0 {
		mk.bits |= kept | uint16(m.because+1)<<becauseAt
	}
}

// keptFor says why a block is kept.
func (mk *mark) keptFor() (Keep, bool) {
	if mk == nil || mk.bits&kept == 0 || mk.bits>>becauseAt == 0 {
		return 0, false
	}
	return Keep(mk.bits>>becauseAt) - 1, true
}

func (m *marker) walk(st step) error {
	if !st.cid.Defined() {
		return nil
	}
	if isIdentity(st.cid) {
		inline, err := identity(st.cid)
		if err != nil {
			return nil
		}
		next, err := st.next(inline)
		if err == nil {
			m.todo = append(m.todo, next...)
		}
		return nil
	}
	key := blockKey(st.cid)
	mk := m.at(key)
	switch {
	case mk != nil && mk.bits>>becauseAt != 0 && m.done(mk, st):
		return nil
	case mk != nil && st.cid.Prefix().Codec == cid.Raw: // it is there, and leads nowhere
		m.keep(mk)
		return nil
	}
	data, ok, err := m.get(key)
	switch {
	case err != nil:
		return err
	case !ok:
		if m.missing++; m.missing == 1 {
			m.first = st.cid
		}
		if st.cid.Prefix().Codec == cid.DagCBOR && m.others[key] == nil {
			return m.notice(st.cid, nil)
		}
		return nil
	}
	if err := graph.Verify(st.cid, data); errors.Is(err, graph.ErrDamaged) {
		return fmt.Errorf("%w, so nobody knows what is below it; `rosser store check --repair` takes it out, or import it again", err)
	}
	mk = m.make(key)
	m.keep(mk)
	m.done(mk, st)
	if st.cid.Prefix().Codec == cid.DagCBOR && mk.bits&noticed == 0 && graph.IsCode(data) {
		if err := m.notice(st.cid, mk); err != nil {
			return err
		}
	}
	if _, ok := m.gone[st.cid]; ok && st.how != wholly { // a trace leads to it
		return nil
	}
	next, err := st.next(data)
	if err != nil {
		return nil // it is not what the link says: nothing is known to be below it
	}
	m.todo = append(m.todo, next...)
	return nil
}

// notice adds what the index has of a term, whose mark may be nil.
func (m *marker) notice(c cid.Cid, mk *mark) error {
	if mk != nil {
		mk.bits |= noticed
	}
	found := false
	a, ok, err := m.record(answerKey(c), c)
	if err != nil {
		return err
	}
	own := ok && a.Own()
	if _, shed := m.shed[c]; ok && !shed {
		found = true
		m.todo = append(m.todo, step{a.Result, asRecord, graph.Role{}}, step{a.Trace, asRecord, graph.Role{}})
		if m.answer != nil {
			m.answer(a)
		}
	}
	r, ok, err := m.record(reductKey(c), c)
	if err != nil {
		return err
	}
	if ok && !own {
		found = true
		m.todo = append(m.todo, step{r.Result, asRecord, graph.Role{}})
	}
	note, ok, err := m.get(noteKey(c))
	if err != nil {
		return err
	}
	if about, notCID := cid.Cast(note); ok && notCID == nil {
		found = true
		m.todo = append(m.todo, step{about, asRecord, graph.Role{}})
	}
	if _, shed := m.shed[c]; !shed {
		signed, ok, err := m.get(attestKey(c))
		if err != nil {
			return err
		}
		if list, bad := readAttested(signed); ok && bad == nil {
			found = true
			for i := range list {
				if i == 0 || list[i].Result != list[i-1].Result {
					m.todo = append(m.todo, step{list[i].Result, asRecord, graph.Role{}})
				}
			}
		}
	}
	if mk == nil && found { // the term is not there, but what is known of it is
		m.others[blockKey(c)] = &mark{bits: noticed}
	}
	return nil
}

func (m *marker) get(key string) (data []byte, ok bool, err error) {
	err = m.s.ask(m.ctx, func(l link) (err error) { data, ok, err = l.peek([]byte(key)); return })
	var lost *damage
	if errors.As(err, &lost) {
		err = errDamaged
	}
	return data, ok, err
}

func (m *marker) record(key string, expr cid.Cid) (graph.Answer, bool, error) {
	rec, ok, err := m.get(key)
	if err != nil || !ok {
		return graph.Answer{}, false, err
	}
	a, err := readAnswer(expr, rec)
	return a, err == nil, nil
}
