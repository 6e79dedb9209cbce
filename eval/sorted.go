// This file sorts large lists: what is known of the keys of a part is found again, and elements are put in order for who looks at them.

package eval

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # How does a sort follow a small change?
//
// mergeSort halves by position. One element more shifts most halves, so no part of that tree stands in the changed list. What a part has
// recorded is its keys:
//
//	core.costs [lazy (map key slot)]       =  [[[key, …], steps]]
//	core.costs [lazy (concat [part, …])]   =  [[[element, …], steps]]   for sort, where the parts are in no block
//
// All the rest is made of the keys. The order is, when somebody looks at an element. And so are the comparisons that mergeSort would make, which
// the steps count: a merge of two runs ends when the one with the lesser last element is empty, and what is left of the other is not compared, so
// it makes as many as there are elements in both, without those of the other that do not come before that last element. That is a count over half of the
// elements for each level, in their old order, at a nanosecond each. It holds where a comparison can neither fail nor cost a step; else the keys are sorted.

const (
	keyBytes   = 48   // of a key in a record, on average, at most
	keyParts   = 7    // of a key that is a list
	firstPiece = 16   // elements at the ends of a sorted list that are made at once
	lastPiece  = 256  // in its midst
	headOnly   = 1024 // of so many at its beginning, the others are not put in order
	fetchShare = 1024 // one in so many elements is fetched where it stands; then they are all gone through
	manyShares = 16   // that they are held in, one at a time, where memory is tight
)

// A keyKind is what can be compared with one another.
type keyKind uint8

const (
	noKey keyKind = iota
	numberKey
	textKey
	bytesKey
	listKey
)

// keyKinds say that the keys seen so far can be compared without an error, at no steps.
type keyKinds struct {
	key keyKind
	at  [keyParts]keyKind // of lists
}

// kindOf is the kind of v, which is no list, if comparing it costs no steps. size is about the bytes of its encoding.
func kindOf(v graph.Value) (k keyKind, size int) {
	switch v.Kind() {
	case graph.KindInt:
		if _, small := v.Int(); small {
			return numberKey, 9
		}
	case graph.KindFloat:
		return numberKey, 9
	case graph.KindText:
		if n := len(v.Text()); n < 256 {
			return textKey, n + 2
		}
	case graph.KindBytes:
		if n := v.BytesLen(); n < 256 {
			return bytesKey, n + 2
		}
	}
	return noKey, 0
}

// fits says whether v can be compared with the keys before it.
func (s *keyKinds) fits(v graph.Value) (size int, ok bool) {
	if v.Kind() != graph.KindList {
		k, size := kindOf(v)
		return size, k != noKey && same(&s.key, k)
	}
	l := v.List()
	if l.Len() > keyParts || !same(&s.key, listKey) {
		return 0, false
	}
	work := 0
	for i := range l.Len() {
		k, n := kindOf(l.At(i))
		if k == noKey || !same(&s.at[i], k) {
			return 0, false
		}
		size += n
		work += n + 16
	}
	return size, work < 256
}

func same(seen *keyKind, k keyKind) bool {
	if *seen == noKey {
		*seen = k
	}
	return *seen == k
}

// keysIn reads a record of costsName of n keys.
func keysIn(record graph.Value, n int) (keys *graph.List, steps uint64, ok bool) {
	v, steps, ok := costOf(record)
	if !ok || v.Kind() != graph.KindList || v.List().Len() != n {
		return nil, 0, false
	}
	var kinds keyKinds
	v.List().Each(func(x graph.Value) bool {
		_, ok = kinds.fits(x)
		return ok
	})
	return v.List(), steps, ok
}

// keysOf is a list of keys, if it is worth a record.
func keysOf(keys []graph.Value) (v graph.Value, ok bool) {
	var kinds keyKinds
	left := keyBytes * len(keys)
	for _, x := range keys {
		size, ok := kinds.fits(x)
		if left -= size; !ok || left < 0 {
			return v, false
		}
	}
	return graph.NewList(keys...), true
}

// addAll appends a list.
func (b *listOut) addAll(xs *graph.List) {
	reserveList(b.m, xs.Len())
	xs.Chunks(func(vs []graph.Value) bool {
		b.AddAll(vs)
		return true
	})
}

// slotStage looks up what is recorded of slots (groups.go), each by itself.
func (m *Machine) slotStage(kind string, n int, apply func(i int) cid.Cid) *stage {
	s := m.stageOf(kind, n, apply)
	for i := range s.batch {
		if s.batch[i] != nil {
			s.batch[i] = &batch{from: i, to: i + 1}
		}
	}
	return s
}

// slotPart is the stretch that a slot is.
func slotPart(parts []graph.Part, from, end int) graph.Part {
	last := parts[end-1]
	return graph.Part{At: parts[from].At, Len: last.At + last.Len - parts[from].At}
}

// isLazy says whether the elements of a part have to be made.
func isLazy(p graph.Part) bool { return p.Of.Kind() == graph.KindLazy }

// keysOfParts puts the keys of what is left of xs into l.out, and returns the expression that this is, sorted by f, and how many keys were found; it
// does nothing if xs is gone through as a whole.
func (l *loop) keysOfParts(f graph.Value, xs *graph.List) (sorted cid.Cid, found int, err error) {
	m, half := l.m, l.replay
	xs, parts := l.partsLeft(xs, []graph.Value{f})
	if parts == nil {
		return cid.Undef, 0, nil
	}
	of, ends := m.slotsOf(xs, parts)
	if of == nil {
		return cid.Undef, 0, nil
	}
	s := m.slotStage(costsName, len(of), func(i int) cid.Cid {
		if i == 0 && half {
			return cid.Undef
		}
		return m.application("list.map", f, of[i])
	})
	sorted = m.application("list.sortBy", f, m.applied("list.concat", graph.NewList(of...)))
	from := 0
	for i, end := range ends {
		p := slotPart(parts, from, end)
		from = end
		own := uint64(p.Len) / 16
		if keys, steps, ok := keysIn(s.begin(i), p.Len); ok && steps >= own {
			m.reusedPart(steps - own + (l.n&15+uint64(p.Len))/16)
			l.n += uint64(p.Len)
			l.out.addAll(keys)
			l.settle()
			s.end(i, graph.Null(), extent{})
			found += p.Len
			continue
		}
		e, start, visited := m.policy.open(), m.now(), l.n
		made := make([]graph.Value, 0, p.Len)
		if err := l.through(xs, p, func(x graph.Value) error {
			key := l.call(f, x)
			l.out.Add(key)
			made = append(made, key)
			return nil
		}); err != nil {
			return sorted, found, err
		}
		steps := m.stepsSince(start) - (l.n/16 - visited/16) + own
		keys, ok := keysOf(made)
		if !ok || !s.of[i].Defined() || steps > graph.MaxSteps {
			m.policy.shut(e)
			s.end(i, graph.Null(), extent{})
			continue
		}
		m.forgive(steps)
		s.end(i, graph.NewList(keys, graph.Int(int64(steps))), e)
	}
	return sorted, found, nil
}

// sortParts is list.sort of a list that has parts; nil if the comparisons have to be made. A part that stands in blocks is read.
func (m *Machine) sortParts(xs *graph.List) *graph.List {
	parts := m.partsOf(xs, nil)
	if parts == nil {
		return nil
	}
	of, ends := m.slotsOf(xs, parts)
	if of == nil {
		return nil
	}
	first := func(i int) int {
		if i == 0 {
			return 0
		}
		return ends[i-1]
	}
	s := m.slotStage(costsName, len(of), func(i int) cid.Cid {
		slot := parts[first(i):ends[i]]
		if !slices.ContainsFunc(slot, isLazy) {
			return cid.Undef
		}
		if len(slot) == 1 {
			return m.application("list.concat", graph.NewList(of[i]))
		}
		return of[i].Thunk().CID
	})
	out, found := listOut{m: m}, 0
	for i, end := range ends {
		p := slotPart(parts, first(i), end)
		takes := uint64(end-first(i))/16 + uint64(p.Len)/16
		if keys, steps, ok := keysIn(s.begin(i), p.Len); ok && steps == takes {
			m.stats.Reused++
			out.addAll(keys)
			s.end(i, graph.Null(), extent{})
			found += p.Len
			continue
		}
		e := m.policy.open()
		reserveList(m, p.Len)
		made := listValues(xs.Slice(p.At, p.At+p.Len))
		out.AddAll(made)
		record := graph.Null()
		if keys, ok := keysOf(made); ok && s.of[i].Defined() {
			record = graph.NewList(keys, graph.Int(int64(takes)))
		} else {
			m.policy.shut(e)
		}
		s.end(i, record, e)
	}
	all := out.List()
	return m.sorted(all, all, found, m.application("list.sort", m.applied("list.concat", graph.NewList(of...))))
}

// A sorting is a list that is put in order when somebody looks at it. Several goroutines may.
type sorting struct {
	m     *Machine
	of    cid.Cid     // an expression that it is, for messages; of a resumed loop, what that began with is not in it
	xs    *graph.List // the elements as they were
	keys  *graph.List // theirs; xs, if they are that themselves
	order keyOrder

	sync.Mutex
	head    []int32 // the indices of the first of the sorted elements
	all     []int32 // of all
	fetched int
	at      int // of what is held
	held    []graph.Value
}

// A keyOrder is keys in the order of the elements.
type keyOrder interface {
	// comparisons is how many mergeSort makes.
	comparisons(poll func()) uint64
	// first returns the indices of the first k of the elements in order, those with equal keys as they stand.
	first(k int) []int32
	// all returns those of all.
	all(poll func()) []int32
}

// sorted returns xs in the order of its keys, of which so many were found, and charges for that; nil if the comparisons have to be made.
func (m *Machine) sorted(xs, keys *graph.List, found int, of cid.Cid) *graph.List {
	order := m.orderOf(keys)
	if order == nil {
		return nil
	}
	steps := order.comparisons(m.poll) / 16
	spared := steps * uint64(found) / uint64(keys.Len())
	m.Charge(int64(steps - spared))
	m.stats.Spared = min(m.stats.Spared+spared, graph.MaxSteps)
	m.forgive(spared)
	m.addSteps(spared)
	s := &sorting{m: m, of: of, xs: xs, keys: keys, order: order}
	return s.list()
}

// orderOf is the order of keys, nil if they cannot be compared without steps.
func (m *Machine) orderOf(keys *graph.List) keyOrder {
	var kinds keyKinds
	ints, floats, ok := true, true, true
	keys.Each(func(v graph.Value) bool {
		_, ok = kinds.fits(v)
		ints, floats = ints && v.Kind() == graph.KindInt, floats && v.Kind() == graph.KindFloat
		return ok
	})
	n := keys.Len()
	switch {
	case !ok:
		return nil
	case ints:
		return orderedBy(m, keys, func(v graph.Value) int64 { i, _ := v.Int(); return i })
	case floats:
		return orderedBy(m, keys, graph.Value.Float)
	case kinds.key == textKey:
		return orderedBy(m, keys, graph.Value.Text)
	}
	type key struct {
		v graph.Value
		i int32
	}
	reserve(m, int64(n)*(valueSize+8+4))
	all := make([]key, 0, n)
	keys.Each(func(v graph.Value) bool {
		all = append(all, key{v, int32(len(all))})
		return true
	})
	polled := 0
	slices.SortFunc(all, func(a, b key) int {
		if polled++; polled&0xffff == 0 {
			m.poll()
		}
		d, _ := compareValues(m, a.v, b.v)
		return cmp.Or(d, cmp.Compare(a.i, b.i))
	})
	ranks := make(ordered[int32], n)
	rank := int32(0)
	for i := range all {
		if i > 0 {
			if d, _ := compareValues(m, all[i-1].v, all[i].v); d != 0 {
				rank++
			}
		}
		ranks[all[i].i] = rank
	}
	return ranks
}

// ordered is keys that Go can compare.
type ordered[T cmp.Ordered] []T

func orderedBy[T cmp.Ordered](m *Machine, keys *graph.List, of func(graph.Value) T) ordered[T] {
	reserve(m, int64(keys.Len())*valueSize)
	all := make(ordered[T], 0, keys.Len())
	keys.Each(func(v graph.Value) bool {
		all = append(all, of(v))
		return true
	})
	return all
}

func (o ordered[T]) comparisons(poll func()) uint64 {
	if len(o) == 0 {
		return 0
	}
	n, _ := o.merges(poll)
	return n
}

// merges returns the comparisons, and the last key in order.
func (o ordered[T]) merges(poll func()) (n uint64, last T) {
	switch len(o) {
	case 1:
		return 0, o[0]
	case 2:
		return 1, max(o[0], o[1])
	}
	if len(o) > 1<<16 {
		poll()
	}
	a, b := o[:len(o)/2], o[len(o)/2:]
	n, left := a.merges(poll)
	more, right := b.merges(poll)
	over := 0
	if left <= right {
		for _, k := range b {
			if k >= left {
				over++
			}
		}
		last = right
	} else {
		for _, k := range a {
			if k > right {
				over++
			}
		}
		last = left
	}
	return n + more + uint64(len(o)-over), last
}

func (o ordered[T]) first(k int) []int32 {
	least := make([]int32, 0, 2*k)
	cut := func() {
		slices.SortFunc(least, func(a, b int32) int { return cmp.Or(cmp.Compare(o[a], o[b]), cmp.Compare(a, b)) })
		least = least[:min(k, len(least))]
	}
	full := false
	for i, key := range o {
		if full && key >= o[least[k-1]] {
			continue
		}
		if least = append(least, int32(i)); len(least) == 2*k {
			cut()
			full = true
		}
	}
	cut()
	return least
}

func (o ordered[T]) all(poll func()) []int32 {
	type at struct {
		key T
		i   int32
	}
	pairs := make([]at, len(o))
	for i, key := range o {
		pairs[i] = at{key, int32(i)}
	}
	polled := 0
	slices.SortFunc(pairs, func(a, b at) int {
		if polled++; polled&0xffff == 0 {
			poll()
		}
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return int(a.i) - int(b.i)
	})
	is := make([]int32, len(o))
	for i := range pairs {
		is[i] = pairs[i].i
	}
	return is
}

// list is the sorted list, made piece by piece.
func (s *sorting) list() *graph.List {
	l, n := graph.EmptyList, s.keys.Len()
	for at := 0; at < n; {
		a := at
		size := min(max(firstPiece, min(at, n-at)/2), lastPiece, n-at)
		at += size
		l = l.AppendKnown(graph.Null(), size, nil, func() *graph.List { return s.piece(a, a+size) })
	}
	return l
}

// piece returns the elements from index a up to, not including, b.
func (s *sorting) piece(a, b int) (made *graph.List) {
	if s.m.writing { // a checkpoint, for which nothing is evaluated
		if !s.TryLock() { // it was stopped in make
			panic(&Stop{Reason: Missing, Err: errNotMade})
		}
		defer s.Unlock()
		return s.make(a, b)
	}
	return within(s.m, s.of, func() *graph.List {
		s.Lock()
		defer s.Unlock()
		return s.make(a, b)
	})
}

// make is piece under the lock.
func (s *sorting) make(a, b int) *graph.List {
	if s.at <= a && b <= s.at+len(s.held) {
		return graph.NewList(s.held[a-s.at : b-s.at]...).List()
	}
	if s.fetched += b - a; s.keys == s.xs || s.fetched <= s.keys.Len()/fetchShare {
		out := graph.ListBuilder{}
		for _, i := range s.indices(a, b) {
			out.Add(s.xs.At(int(i)))
		}
		return out.List()
	}
	n := s.keys.Len()
	size := n
	if s.m.tight() {
		size = max((n+manyShares-1)/manyShares, lastPiece)
	}
	s.at, s.held = a/size*size, nil
	if b > s.at+size {
		s.at = a
	}
	end := min(n, s.at+size)
	s.reserve(int64(end-s.at)*valueSize + int64(n)*4)
	held, to := make([]graph.Value, end-s.at), make([]int32, n)
	for k, i := range s.indices(s.at, end) {
		to[i] = int32(k + 1)
	}
	i := 0
	s.xs.Each(func(x graph.Value) bool {
		if k := to[i]; k > 0 {
			held[k-1] = x
		}
		if i++; i&0xffff == 0 {
			s.poll()
		}
		return true
	})
	s.held = held
	return graph.NewList(held[a-s.at : b-s.at]...).List()
}

// indices are where the sorted elements from index a up to, not including, b are in xs.
func (s *sorting) indices(a, b int) []int32 {
	switch {
	case s.all != nil:
	case b <= len(s.head):
		return s.head[a:b]
	case b <= headOnly:
		s.head = s.order.first(b)
		return s.head[a:b]
	default:
		s.reserve(int64(s.keys.Len()) * (valueSize + 8 + 4))
		s.all, s.head, s.order = s.order.all(s.poll), nil, nil
	}
	return s.all[a:b]
}

func (s *sorting) reserve(bytes int64) {
	if s.m.writing {
		if err := s.m.afford(bytes); err != nil {
			panic(err)
		}
		return
	}
	reserve(s.m, bytes)
}

func (s *sorting) poll() {
	if s.m.writing {
		s.m.tooLong()
		return
	}
	s.m.poll()
}
