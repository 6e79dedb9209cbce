// This file holds what `reduce` is made of: runs of a list that end where the elements say, and folds over them.

package eval

import (
	"math"
	"slices"
	"sort"

	"github.com/cespare/xxhash/v2"
	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # Where does a run end?
//
// A reduction that is cut by position joins other elements as soon as one is inserted. Cut where the elements say, it joins the
// same ones again but for the runs that have changed, and what they came to is found. It is a hash of sixteen elements in a row that says so: the
// values of a column are often few, and one that comes again and again cuts everywhere or nowhere; stretches of them are many. (A gear hash, which
// what is behind the stretch has been shifted out of: Xia et al., "FastCDC", 2016.) Where no stretch says so, as in a column that counts to a thousand
// again and again, the one with the lowest hash does, the same in each round. The hash is part of the language: a run's calls are what reduce's steps
// count.

var runPrims = []Spec{
	{cutsName, 1, 0b1, listCuts, "xs: the ascending indices that cut xs into the runs of `reduce`; cost: 1 per 16 elements visited"},
	{runMarksName, 1, 0b1, listRunMarks, "xs: [the hashes of the elements up to each of the first fifteen and up to the last, the places behind the sixteenth or a later one where a run may end]; what list.cuts records of a part; cost: 1 per 16 elements visited"},
	{foldRunsName, 4, 0b1100, listFoldRuns, "f acc cuts xs: the list of fold f acc for each run of xs: up to the first of the cuts, ascending indices, from there to the next, and at last to the end; cost: 1 per 16 elements visited"},
}

const (
	cutsName     = "list.cuts"
	runMarksName = "list.runMarks"
	foldRunsName = "list.foldRuns"

	runWindow  = 16             // elements that say whether a run ends behind them
	runShift   = 64 / runWindow // bits by which each moves the hash of those before it
	markShift  = 58             // behind one stretch in 2^6 a run may end
	endShift   = 55             // and behind one in 2^9 it does
	endBytes   = 64             // of a text that count for its hash
	endFields  = 8              // of an element that is a list or map
	endDepth   = 2
	markRecord = 16 // elements of a part for each mark in its record, at least

	shortRun = 128  // elements: less are no run but at the end
	longRun  = 2048 // elements of a run, at most
	blindRun = 1024 // elements of a run that is cut where nothing says so
)

// A mark is a place where a run may end.
type mark struct {
	at    int
	level uint8 // the hash's bits behind those that say that it is one; the lowest of them mark ends
}

const endLevel = 1 << (8 - (64 - endShift) + (64 - markShift)) // above the levels of ends

func (k mark) ends() bool { return k.level < endLevel }

// markOf returns the mark behind elements of that hash, if there is one.
func markOf(at int, hash uint64) (mark, bool) {
	return mark{at, uint8(hash >> (markShift - 8))}, hash>>markShift == 0
}

// endHash is the hash of an element. It looks at nothing that is lazy or not loaded.
func endHash(v graph.Value, depth int) uint64 {
	switch k := v.Kind(); k {
	case graph.KindInt:
		if i, small := v.Int(); small {
			return mix(1, uint64(i))
		}
		return mix(2, xxhash.Sum64(v.BigInt().Bytes()))
	case graph.KindFloat:
		return mix(3, math.Float64bits(v.Float()))
	case graph.KindBool:
		if v.Bool() {
			return mix(4, 1)
		}
		return mix(4, 0)
	case graph.KindText:
		s := v.Text()
		return mix(5+uint64(len(s))<<8, xxhash.Sum64String(s[:min(len(s), endBytes)]))
	case graph.KindLink:
		return mix(6, xxhash.Sum64(v.Link().Bytes()))
	case graph.KindList:
		l := v.List()
		h, left := mix(7, uint64(l.Len())), endFields
		if depth < endDepth && l.Len() <= partedFrom {
			l.Each(func(x graph.Value) bool {
				h = mix(h, endHash(x, depth+1))
				left--
				return left > 0
			})
		}
		return h
	case graph.KindMap:
		o := v.Map()
		h, left := mix(8, uint64(o.Len())), endFields
		if depth < endDepth && o.Len() <= partedFrom {
			o.Each(func(key string, x graph.Value) bool {
				h = mix(mix(h, xxhash.Sum64String(key)), endHash(x, depth+1))
				left--
				return left > 0
			})
		}
		return h
	case graph.KindBytes:
		return mix(9, uint64(v.BytesLen()))
	}
	return math.MaxUint64
}

// runMarks say where runs may end in a part of a list, once the hash of what is before it is known.
type runMarks struct {
	hashes []uint64 // of the elements up to each of the first, as far as no window is full, and up to the last
	marks  []mark   // where a window is full; between ends that are near each other no others
}

func marksOf(c *meter, xs *graph.List) (r runMarks) {
	var hash uint64
	end := 0 // marks up to the last end
	for i, it := 1, xs.Iter(); ; i++ {
		x, ok := it.Next()
		if !ok {
			return r
		}
		c.tick()
		hash = hash<<runShift + endHash(x, 0)
		if i < runWindow || i == xs.Len() {
			r.hashes = append(r.hashes, hash)
		}
		k, ok := markOf(i, hash)
		if !ok || i < runWindow {
			continue
		}
		if k.ends() {
			if end > 0 && i-r.marks[end-1].at <= longRun-shortRun { // any cut without an end to choose looks farther
				r.marks = r.marks[:end]
			}
			end = len(r.marks) + 1
		}
		r.marks = append(r.marks, k)
	}
}

// after returns the marks in a part of n elements that comes after elements of some hash, and the hash with those of the part.
func (r *runMarks) after(hash uint64, n int) (marks []mark, all uint64) {
	for i := 1; i < runWindow && i <= n; i++ {
		if k, ok := markOf(i, hash<<(runShift*i)+r.hashes[i-1]); ok {
			marks = append(marks, k)
		}
	}
	if n > 0 {
		hash = hash<<(runShift*n) + r.hashes[len(r.hashes)-1]
	}
	return append(marks, r.marks...), hash
}

func (r *runMarks) value() graph.Value {
	hashes, marks := make([]graph.Value, len(r.hashes)), make([]graph.Value, len(r.marks))
	for i, h := range r.hashes {
		hashes[i] = graph.Int(int64(h))
	}
	for i, k := range r.marks {
		marks[i] = graph.Int(int64(k.at)<<8 | int64(k.level))
	}
	return graph.NewList(graph.NewList(hashes...), graph.NewList(marks...))
}

// marksIn reads what value wrote of a part of n elements.
func marksIn(v graph.Value, n int) (r runMarks, ok bool) {
	if v.Kind() != graph.KindList || v.List().Len() != 2 {
		return r, false
	}
	hashes, marks := v.List().At(0), v.List().At(1)
	if hashes.Kind() != graph.KindList || hashes.List().Len() != min(n, runWindow) || marks.Kind() != graph.KindList || marks.List().Len() > n {
		return r, false
	}
	ok = true
	hashes.List().Each(func(x graph.Value) bool {
		if ok = x.Kind() == graph.KindInt; ok {
			var h int64
			h, ok = x.Int()
			r.hashes = append(r.hashes, uint64(h))
		}
		return ok
	})
	last := runWindow - 1
	marks.List().Each(func(x graph.Value) bool {
		if ok = ok && x.Kind() == graph.KindInt; ok {
			i, small := x.Int()
			k := mark{int(i >> 8), uint8(i)}
			ok = small && k.at > last && k.at <= n
			r.marks, last = append(r.marks, k), k.at
		}
		return ok
	})
	return r, ok
}

// cuts chooses from the marks of a list of n elements: the first end that is not too near the cut before; the lowest mark where an end is too far; or
// a place by position.
func cuts(marks []mark, n int) (at []int) {
	for last := 0; ; at = append(at, last) {
		for len(marks) > 0 && marks[0].at < last+shortRun {
			marks = marks[1:]
		}
		cut := mark{last + blindRun, math.MaxUint8}
		for _, k := range marks {
			if k.at > last+longRun || k.at >= n {
				break
			}
			if k.level < cut.level {
				cut = k
			}
			if k.ends() {
				cut = k
				break
			}
		}
		if !cut.ends() && n-last <= longRun {
			return at
		}
		last = cut.at
	}
}

func listRunMarks(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	r := marksOf(&meter{m: m}, xs)
	return r.value(), nil
}

func listCuts(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	parts := m.partsOf(xs, nil)
	if parts == nil {
		parts = []graph.Part{{Len: xs.Len(), Of: graph.Null()}}
	}
	records := m.stageOf(costsName, len(parts), func(i int) cid.Cid {
		if !parts[i].Known() {
			return cid.Undef
		}
		return m.application(runMarksName, m.valueOf(parts[i]))
	})
	c, all, hash := meter{m: m}, []mark(nil), uint64(0)
	for i, p := range parts {
		own := uint64(p.Len) / 16
		v, steps, ok := costOf(records.begin(i))
		var marks runMarks
		if ok = ok && steps == own; ok {
			marks, ok = marksIn(v, p.Len)
		}
		record, e := graph.Null(), extent{}
		if ok {
			m.reusedPart((c.n&15 + uint64(p.Len)) / 16)
			c.n += uint64(p.Len)
		} else {
			e = m.policy.open()
			marks = marksOf(&c, xs.Slice(p.At, p.At+p.Len))
			if records.of[i].Defined() && len(marks.marks) <= p.Len/markRecord {
				record = graph.NewList(marks.value(), graph.Int(int64(own)))
			} else {
				m.policy.shut(e)
			}
		}
		records.end(i, record, e)
		var here []mark
		here, hash = marks.after(hash, p.Len)
		for _, k := range here {
			all = append(all, mark{p.At + k.at, k.level})
		}
	}
	out := listOut{m: m}
	for _, i := range cuts(all, xs.Len()) {
		out.add(graph.Int(int64(i)))
	}
	return out.value(), nil
}

// indices are the elements of a list, if they are ascending ints of 1 to most.
func indices(v graph.Value, most int) (is []int, ok bool) {
	if v.Kind() != graph.KindList || v.List().Len() > most {
		return nil, false
	}
	last := int64(0)
	ok = true
	v.List().Each(func(x graph.Value) bool {
		i, small := x.Int()
		ok = x.Kind() == graph.KindInt && small && i > last && i <= int64(most)
		is, last = append(is, int(i)), i
		return ok
	})
	return is, ok
}

func listFoldRuns(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[3])
	if err != nil {
		return graph.Value{}, err
	}
	cuts, ok := indices(args[2], max(0, xs.Len()-1))
	if !ok {
		return graph.Value{}, wrongKind(args[2], "list of ascending indices")
	}
	cuts = append(cuts, xs.Len())
	l := m.loop(args)
	l.acc = args[1]
	if err := l.resume(foldRunsName); err != nil {
		return graph.Value{}, err
	}
	lead, at := args[:2], l.done()
	first := l.out.Len() // the run in hand
	if first > len(cuts) {
		return graph.Value{}, l.refuse()
	}
	var parts []graph.Part
	if m.policy.on() {
		parts = m.partsOf(xs, lead)
	}
	records := m.stageOf(costsName, len(cuts), func(i int) cid.Cid {
		a := 0
		if i > 0 {
			a = cuts[i-1]
		}
		if parts == nil || i < first || i == first && (at > a || l.replay) {
			return cid.Undef
		}
		return m.runOfParts(lead, parts, a, cuts[i])
	})
	for i := first; i < len(cuts); i++ {
		n := cuts[i] - int(l.n)
		v, steps, ok := costOf(records.begin(i))
		if own := uint64(n) / 16; ok && steps >= own {
			m.reusedPart(steps - own + (l.n&15+uint64(n))/16)
			l.n += uint64(n)
			l.out.add(v)
			l.settle()
			records.end(i, graph.Null(), extent{})
			continue
		}
		e, start, visited := m.policy.open(), m.now(), l.n
		for l.it = xs.Slice(min(l.done(), cuts[i]), cuts[i]).Iter(); ; {
			x, ok := l.next()
			if !ok {
				break
			}
			l.acc = l.call(args[0], l.acc, x)
		}
		steps = m.stepsSince(start) - (l.n/16 - visited/16) + uint64(n)/16
		v = l.acc
		l.out.add(v)
		l.acc = args[1]
		record := graph.Null()
		if records.of[i].Defined() && v.Unplaced() <= n && steps < graph.MaxSteps {
			record = graph.NewList(v, graph.Int(int64(steps)))
			m.forgive(steps)
		} else {
			m.policy.shut(e)
		}
		records.end(i, record, e)
	}
	v := l.out.value()
	l.end()
	return v, nil
}

// runOfParts is the expression that the fold over the elements from a up to, not including, b is, of the parts that they are in; undefined if one of
// those is not known as anything.
func (m *Machine) runOfParts(lead []graph.Value, parts []graph.Part, a, b int) cid.Cid {
	first := sort.Search(len(parts), func(i int) bool { return parts[i].At+parts[i].Len > a })
	var of []graph.Value
	for _, p := range parts[first:] {
		if p.At >= b {
			break
		}
		if !p.Known() || len(of) == maxPartList {
			return cid.Undef
		}
		v := m.valueOf(p)
		if from, to := max(a, p.At)-p.At, min(b, p.At+p.Len)-p.At; from > 0 || to < p.Len {
			v = m.applied("list.slice", graph.Int(int64(from)), graph.Int(int64(to)), v)
		}
		of = append(of, v)
	}
	switch len(of) {
	case 0:
		return cid.Undef
	case 1:
		return m.application("list.fold", append(slices.Clone(lead), of[0])...)
	}
	return m.application("list.fold", append(slices.Clone(lead), m.applied("list.concat", graph.NewList(of...)))...)
}

func saveRuns(l *loop) []graph.Value { return []graph.Value{graph.ListValue(l.out.SoFar()), l.acc} }

func restoreRuns(l *loop) bool {
	if len(l.parts) != 2 || l.parts[0].Kind() != graph.KindList {
		return false
	}
	l.acc = l.parts[1]
	return l.fill(&l.out, l.parts[0].List())
}
