// This file holds the log of a large map: what was inserted and removed lately, found by a hash.

package graph

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"
)

// # How is a map inserted into at the cost of a hash table?
//
// Versions of a map share a log, of which each sees a beginning. Whoever holds the version that sees all of it claims the next
// entry by compare-and-swap, so a fold that inserts copies nothing. An index leads from a key to its newest entry, and each entry
// to the one it stands in for; an older version goes back until it comes to an entry that it sees. A version that is not the newest
// any more begins a log of its own when it is inserted into.
//
// The order of keys is made when it is asked for, from the tree that the log began with and the sorted entries; leaves without
// a change stay what they are, so what chunk.go remembers of them holds. A program that asks for the order after each insertion
// pays what copying a path of the tree costs.
//
// Who alone has a version, as a fold that drops each one but the last (eval/own.go), changes it with Set: an entry that no other
// version sees takes another value, and no version is made.
//
// A log that has grown, of one entry a key, is gone on with in another one with a larger index, which has the same entries.
//
// An entry that was stood in for keeps its value alive for as long as the log lasts. Their sizes are estimated, and a log goes when
// it holds more in vain than its own size.

const (
	firstLog  = 8    // entries of a new log
	copiedLog = 16   // entries that are copied to a new log rather than put in order
	keyBlock  = 1024 // bytes of keys that stand together
	shortKey  = 32   // bytes of a key that is copied, so that comparing finds it near
	maxMarks  = 24
	firstRun  = 8 // entries of a log's first run, a power of two
	maxRuns   = 28
)

var hashSeed = maphash.MakeSeed()

func hashOf(key string) uint32 { return uint32(maphash.String(hashSeed, key)) }

// gone is the value of an entry that removes its key.
var gone = Value{p: &header{255}}

// A logEntry is one insertion or removal. Its fields do not change once the index leads to it.
type logEntry struct {
	key     string
	val     Value
	version uint32 // how many entries of the key came before
	prev    uint32 // the last of them; of the first entry of a key, the key's hash
	jump    uint32 // the one of them whose version is this one's without its lowest bit
	len     uint32 // entries of the map after it
}

// A mapLog is a log, of which the entries below n are claimed.
type mapLog struct {
	n      atomic.Uint32
	full   bool        // the index has every key, those of the tree too
	spent  atomic.Bool // its entries were moved to another log
	begin  uint32      // entries it had from the start: one a key
	shared uint32      // entries that others may see than the newest version; only for who has that
	vain   atomic.Int64
	marks  atomic.Pointer[[]logMark]
	keys   atomic.Uint32   // in the index
	index  []atomic.Uint32 // 1 + the newest entry of a key, in the bits of atMask, and above them those of the hash; 0: none
	atMask uint32
	room   uint32                  // entries there may be
	runs   [maxRuns]unsafe.Pointer // the entries, each run twice as long as the one before; nil if not begun
	text   []byte                  // where the next key is copied to; only for who claimed the last entry
}

// A logMark is the tree of the version that sees at entries. The marks of a log ascend, and the first is below all its versions.
type logMark struct {
	at   uint32
	root *mapNode
}

// newMapLog returns an empty log of size entries, for a number of keys, over a tree.
func newMapLog(root *mapNode, size, keys int) *mapLog {
	l := &mapLog{room: uint32(size), atMask: 1<<bits.Len(uint(size)) - 1, index: make([]atomic.Uint32, 1<<bits.Len(uint(keys+keys/3)))}
	l.marks.Store(&[]logMark{{0, root}})
	return l
}

// at returns an entry. One that is written first must be begun.
func (l *mapLog) at(i uint32) *logEntry {
	k := bits.Len32(i+firstRun) - bits.Len32(firstRun)
	return (*logEntry)(unsafe.Add(l.runs[k], uintptr(i+firstRun-firstRun<<k)*unsafe.Sizeof(logEntry{})))
}

// begun returns an entry to be written, for who claimed it.
func (l *mapLog) begun(i uint32) *logEntry {
	if n := i + firstRun; n&(n-1) == 0 {
		if k := bits.Len32(n) - bits.Len32(firstRun); l.runs[k] == nil {
			l.runs[k] = unsafe.Pointer(unsafe.SliceData(make([]logEntry, firstRun<<k)))
		}
	}
	return l.at(i)
}

// worn says whether no entry should be claimed any more: there is no room, or too much is held in vain.
func (l *mapLog) worn(seen uint32) bool {
	return seen == l.room || int(l.keys.Load()) >= len(l.index)/4*3 || l.inVain()
}

func (l *mapLog) inVain() bool { return l.vain.Load() > 64*int64(l.room) }

// len returns the number of entries of the map of the version that sees seen entries.
func (l *mapLog) len(seen uint32) int {
	if seen == 0 {
		return (*l.marks.Load())[0].root.n
	}
	return int(l.at(seen - 1).len)
}

// probe returns the place of a key in the index, and the key's newest entry, or -1.
func (l *mapLog) probe(h uint32, key string) (slot, at int) {
	mask := len(l.index) - 1
	for i := int(h) & mask; ; i = (i + 1) & mask {
		s := l.index[i].Load()
		if s == 0 {
			return i, -1
		}
		if (s^h)&^l.atMask == 0 {
			if at := s&l.atMask - 1; l.at(at).key == key {
				return i, int(at)
			}
		}
	}
}

// visible returns the newest entry of a key that a version sees, given one of the key's, or -1.
func (l *mapLog) visible(at int, seen uint32) int {
	for at >= int(seen) {
		e := l.at(uint32(at))
		switch {
		case e.version == 0:
			return -1
		case e.jump >= seen:
			at = int(e.jump)
		default:
			at = int(e.prev)
		}
	}
	return at
}

func (l *mapLog) get(seen uint32, key string) (Value, bool) {
	if _, at := l.probe(hashOf(key), key); at >= 0 {
		if at = l.visible(at, seen); at >= 0 {
			if v := l.at(uint32(at)).val; v != gone {
				return v, true
			}
			return Value{}, false
		}
	}
	if l.full {
		return Value{}, false
	}
	return (*l.marks.Load())[0].root.get(key)
}

// put returns m, which is not flat, with v as the value of key, or without it if v is gone; then m has the key.
func (m *Map) put(key string, v Value) *Map {
	h := hashOf(key)
	l, seen := m.log, m.n
	if l == nil {
		l, seen = newMapLog(m.root, firstLog, firstLog), 0
	}
	if l.n.Load() == seen && l.worn(seen) {
		l, seen = m.renewed()
	}
	slot, at := l.probe(h, key)
	if !l.n.CompareAndSwap(seen, seen+1) {
		l, seen = m.forked()
		slot, at = l.probe(h, key)
		l.n.Store(seen + 1)
	}
	if l == m.log {
		l.shared = seen
	}
	l.write(seen, slot, at, h, key, v)
	n := &Map{header: header{KindMap}, n: seen + 1, log: l}
	if v == gone && n.Len() <= minFlat {
		return MapSorted(n.flatten())
	}
	return n
}

// Set is Insert for who alone has m, and changes it. It says whether it has: a flat map is not changed.
func (m *Map) Set(key string, v Value) bool {
	l, seen := m.log, m.n
	if l == nil {
		return false
	}
	v = held(v)
	h := hashOf(key)
	slot, at := l.probe(h, key)
	if at >= int(l.shared) && at >= 0 {
		if e := l.at(uint32(at)); e.val != gone && at >= int(l.lastMark().at) {
			e.val = v
			m.renew()
			return true
		}
	}
	if l.n.Load() == seen && l.worn(seen) {
		to, n := m.renewed()
		to.shared = min(to.shared, l.shared)
		l, seen = to, n
		m.log, m.n = l, seen
		slot, at = l.probe(h, key)
	}
	if !l.n.CompareAndSwap(seen, seen+1) {
		return false
	}
	l.write(seen, slot, at, h, key, v)
	m.n = seen + 1
	m.renew()
	return true
}

// renew forgets what was found out about m, which was changed.
func (m *Map) renew() {
	if m.ordered() != nil {
		atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&m.root)), nil)
	}
	if m.memo.get() != nil {
		m.memo.set(nil)
	}
}

// write fills entry n, which was claimed. The key's place in the index and its newest entry are those that probe finds.
func (l *mapLog) write(n uint32, slot, at int, h uint32, key string, v Value) {
	e := l.begun(n)
	there := false
	if at >= 0 {
		old := l.at(uint32(at))
		e.key, e.version, e.prev, e.jump = old.key, old.version+1, uint32(at), uint32(at)
		for range bits.TrailingZeros32(e.version) {
			e.jump = l.at(e.jump).jump
		}
		there = old.val != gone
		if w := weight(old.val, 3); w > 0 {
			l.vain.Add(int64(w))
		}
	} else {
		e.key, e.prev = l.near(key), h
		l.keys.Add(1)
		if !l.full {
			_, there = (*l.marks.Load())[0].root.get(key)
		}
	}
	e.val, e.len = v, uint32(l.len(n))
	if there {
		e.len--
	}
	if v != gone {
		e.len++
	}
	l.index[slot].Store(h&^l.atMask | (n + 1))
}

// near returns a short key near the others.
func (l *mapLog) near(key string) string {
	if len(key) > shortKey || len(key) == 0 {
		return key
	}
	if cap(l.text)-len(l.text) < len(key) {
		l.text = make([]byte, 0, min(keyBlock, max(8*len(key), 2*cap(l.text))))
	}
	n := len(l.text)
	l.text = append(l.text, key...)
	return unsafe.String(&l.text[n], len(key))
}

// add appends an entry for a key that a log in the course of being made has none for.
func (l *mapLog) add(h uint32, key string, v Value) {
	*l.begun(l.begin) = logEntry{key: key, val: v, prev: h}
	l.begin++
	l.lead(h, l.begin-1)
}

// lead has the index of a log in the course of being made lead from a new key's hash to its entry.
func (l *mapLog) lead(h, at uint32) {
	mask := len(l.index) - 1
	i := int(h) & mask
	for l.index[i].Load() != 0 {
		i = (i + 1) & mask
	}
	l.index[i].Store(h&^l.atMask | (at + 1))
}

// made ends the making of a log, of which m sees all.
func (l *mapLog) made(m *Map) (*mapLog, uint32) {
	if l.begin > 0 {
		l.at(l.begin - 1).len = uint32(m.Len())
	}
	l.n.Store(l.begin)
	l.keys.Store(l.begin)
	return l, l.begin
}

// renewed returns a log with room, and how much of it m sees: m sees all of its own log, which is full or holds too much in vain.
func (m *Map) renewed() (*mapLog, uint32) {
	l, seen := m.log, m.n
	if l.spent.Swap(true) {
		return m.forked()
	}
	c := l.lastMark()
	if c.at > seen {
		return m.forked()
	}
	keys, removed := int(l.keys.Load()), 0
	if l.full {
		removed = keys - m.Len()
	} else {
		for i := range l.index {
			if at := l.newest(i, seen); at >= 0 && l.at(uint32(at)).val == gone {
				removed++
			}
		}
	}
	if removed > m.Len() || l.inVain() && int(seen-l.begin) < keys/4 {
		return newMapLog(m.tree(), firstLog, firstLog), 0
	}
	full := l.full || c.root.n <= 4*keys
	if !l.full && full {
		keys += c.root.n
	}
	room, span, root := 2*keys, 2*keys, c.root
	switch {
	case int(seen) > keys+keys/2: // keys come again and again
		room, span = 4*keys, keys+keys/4
	case full: // a larger index is made fewer times
		room, span = 3*keys, 3*keys
	}
	if full && 4*c.root.n <= keys { // so that the keys of the tree can be set too, which are the first that came
		root = new(mapNode)
	}
	to := newMapLog(root, max(firstLog, room), max(firstLog, span))
	to.full = full
	if l.full && int(seen) == keys && removed == 0 { // an entry a key: they stay where they are
		to.begin, to.shared, to.runs = seen, seen, l.runs
		for i := range seen {
			to.lead(l.at(i).prev, i)
		}
		if root == c.root {
			to.marks.Store(&[]logMark{{c.at, root}})
		}
		return to.made(m)
	}
	for i := range l.index {
		if at := l.newest(i, seen); at >= 0 && at < int(c.at) && l.at(uint32(at)).val != gone {
			to.add(l.hashAt(at), l.at(uint32(at)).key, l.at(uint32(at)).val)
		}
	}
	if !l.full && full {
		c.root.runs(func(_ *ident, keys []string, vals []Value) bool {
			for i, k := range keys {
				h := hashOf(k)
				if _, at := l.probe(h, k); at < 0 || l.visible(at, seen) < 0 {
					to.add(h, k, vals[i])
				}
			}
			return true
		})
	}
	if root == c.root {
		to.marks.Store(&[]logMark{{to.begin, root}})
	}
	for i := range l.index {
		at := l.newest(i, seen)
		if at < int(c.at) {
			continue
		}
		e := l.at(uint32(at))
		if e.val == gone {
			if _, ok := root.get(e.key); !ok {
				continue
			}
		}
		to.add(l.hashAt(at), e.key, e.val)
	}
	return to.made(m)
}

// hashAt returns the hash of an entry's key.
func (l *mapLog) hashAt(at int) uint32 {
	if e := l.at(uint32(at)); e.version > 0 {
		return hashOf(e.key)
	} else {
		return e.prev
	}
}

// newest returns the newest entry that a version sees of the key at a place of the index, or -1.
func (l *mapLog) newest(slot int, seen uint32) int {
	s := l.index[slot].Load()
	if s == 0 {
		return -1
	}
	return l.visible(int(s&l.atMask)-1, seen)
}

// forked returns a log that nobody else has, and how much of it m sees.
func (m *Map) forked() (*mapLog, uint32) {
	l, seen := m.log, m.n
	if c, _ := l.mark(seen); seen-c.at <= copiedLog && m.ordered() == nil {
		size := max(firstLog, 2*int(seen-c.at))
		to := newMapLog(c.root, size, size)
		for i := c.at; i < seen; i++ {
			e := l.at(i)
			h := hashOf(e.key)
			if _, at := to.probe(h, e.key); at >= 0 {
				to.at(uint32(at)).val = e.val
			} else {
				to.add(h, e.key, e.val)
			}
		}
		return to.made(m)
	}
	return newMapLog(m.tree(), firstLog, firstLog), 0
}

// mark returns the last mark that is not above a version, and whether there is one above it.
func (l *mapLog) mark(seen uint32) (c logMark, above bool) {
	for _, o := range *l.marks.Load() {
		if o.at > seen {
			return c, true
		}
		c = o
	}
	return c, false
}

func (l *mapLog) lastMark() logMark {
	marks := *l.marks.Load()
	return marks[len(marks)-1]
}

// setMark adds a mark. Of two at the same time one may be lost.
func (l *mapLog) setMark(c logMark) {
	old := *l.marks.Load()
	i := 0
	for i < len(old) && old[i].at < c.at {
		i++
	}
	switch {
	case i < len(old) && old[i].at == c.at:
		return
	case i == len(old): // versions are put in order as they come: none before the last will be
		old = []logMark{old[0], c}
	default: // or they are gone through backwards
		old = slices.Insert(slices.Clone(old), i, c)
		old = old[:min(len(old), maxMarks)]
	}
	l.marks.Store(&old)
}

// tree returns the tree of m, nil when m is flat.
func (m *Map) tree() *mapNode {
	if m.log == nil {
		return m.root
	}
	t := m.ordered()
	if t == nil {
		t = m.log.treeAt(m.n)
		atomic.StorePointer((*unsafe.Pointer)(unsafe.Pointer(&m.root)), unsafe.Pointer(t))
	}
	return t
}

// Unordered returns how many changes Order, or the first visit to the entries, puts in order; 0 if blocks would be read for it.
func (m *Map) Unordered() int {
	if m == nil || m.log == nil || m.ordered() != nil {
		return 0
	}
	c, _ := m.log.mark(m.n)
	if c.root.isFar() {
		return 0
	}
	return int(m.n - c.at)
}

// Order puts the entries in order, so that visiting them takes no longer the first time.
func (m *Map) Order() { m.tree() }

// ordered returns the tree of m, which has a log, if it is made.
func (m *Map) ordered() *mapNode {
	return (*mapNode)(atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(&m.root))))
}

// treeAt returns the tree of a version.
func (l *mapLog) treeAt(seen uint32) *mapNode {
	c, above := l.mark(seen)
	if c.at == seen {
		return c.root
	}
	for above && seen-c.at > copiedLog { // so that going through versions backwards halves the way again and again
		mid := c.at + (seen-c.at)/2
		c = logMark{mid, c.root.with(l.changes(c.at, mid))}
		l.setMark(c)
	}
	c = logMark{seen, c.root.with(l.changes(c.at, seen))}
	l.setMark(c)
	return c.root
}

// A change is a key's new value, which may be gone.
type change struct {
	key string
	val Value
}

// changes returns what the entries from a version on change for a later version, by key.
func (l *mapLog) changes(from, to uint32) []change {
	cs := make([]change, 0, to-from)
	for i := from; i < to; i++ {
		e := l.at(i)
		if _, at := l.probe(hashOf(e.key), e.key); l.visible(at, to) == int(i) {
			cs = append(cs, change{e.key, e.val})
		}
	}
	slices.SortFunc(cs, func(a, b change) int { return strings.Compare(a.key, b.key) })
	return cs
}

// weight estimates the bytes that v keeps alive from some of its parts.
func weight(v Value, depth int) int {
	const most = 1 << 28
	if v.p == nil || depth == 0 {
		return 0
	}
	if v.MostlyFar() {
		return farSize
	}
	n, one := 0, 0
	switch v.Kind() {
	case KindInt:
		return 64 + 8*len(v.BigInt().Bits())
	case KindText:
		return 64 + len(v.Text())
	case KindBytes:
		return 64 + len(v.bytes().b)
	case KindList:
		if n = v.List().Len(); n > 0 {
			one = 16 + weight(v.List().At(n/2), depth-1)
		}
	case KindMap:
		if n = v.Map().Len(); n > 0 {
			one = 64 + weight(v.Map().some(), depth-1)
		}
		if n <= 8 && v.Map().log == nil && v.Map().root == nil {
			one = 0
			for _, x := range v.Map().flatVals() {
				one = max(one, 32+weight(x, depth-1))
			}
		}
	case KindFn:
		n = len(v.Fn().Args)
		for _, x := range v.Fn().Args {
			one = max(one, 16+weight(x, depth-1))
		}
	case KindLazy:
		return 1024
	default:
		return 0
	}
	if n > 0 && one > most/n {
		return most
	}
	return 64 + n*one
}
