// This file goes through large maps part by part, as parts.go goes through lists.

package eval

import (
	"fmt"
	"slices"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// # How does a map follow a small change?
//
// The parts of a map that is loaded from blocks are those of the list of its entries, since that is what its leaves are. So
//
//	map.fromEntries (concat [leaf, …])
//
// comes to the map that a part p is. What Map.map f makes of it is recorded by its length, its steps and its first key:
//
//	core.measures [lazy (map.map f p)]  =  [[length, steps, key]]
//
// and stands, without entries, in the new map. Of a map that has parts, Map.values is a list of as many, each known as lazy (map.values p), and so are
// keys and entries: no record is needed for that.

const (
	entriesName     = "map.entries"
	fromEntriesName = "map.fromEntries"
)

// partsOfMap is as partsOf.
func (m *Machine) partsOfMap(o *graph.Map, lead []graph.Value) []graph.Part {
	if !m.byParts(o.Len(), lead) {
		return nil
	}
	return o.Parts(m.blocks)
}

// mapOfPart is a value that comes to a part of a map which is known as something.
func (m *Machine) mapOfPart(p graph.Part) graph.Value {
	if len(p.Leaves) == 0 {
		return p.Of
	}
	return m.applied(fromEntriesName, m.valueOf(p))
}

// listOfParts lists something of each entry of a map that has parts, for the primitive of that name.
func (m *Machine) listOfParts(name string, entries *graph.Map, parts []graph.Part, each func(key string, v graph.Value) graph.Value) *graph.List {
	all, n := graph.EmptyList, uint64(0)
	for _, p := range parts {
		m.poll()
		list := func() *graph.List {
			reserveList(m, p.Len)
			var out graph.ListBuilder
			entries.Range(p.At, p.At+p.Len, func(key string, v graph.Value) bool {
				out.Add(each(key, v))
				return true
			})
			return out.List()
		}
		steps := (n&15 + uint64(p.Len)) / 16
		n += uint64(p.Len)
		if !p.Known() {
			m.Charge(int64(steps))
			all = m.concatLists(all, list())
			continue
		}
		m.addSteps(steps) // nobody executes them
		m.policy.forgiven += steps
		of := m.application(name, m.mapOfPart(p))
		m.making[of].steps = uint64(p.Len) / 16
		m.concatLength(all.Len(), p.Len)
		all = all.AppendKnown(lazyOf(of), p.Len, nil, func() *graph.List { return within(m, of, list) })
	}
	return all
}

// overFields is map.map or map.filter, whose other arguments are lead: each deals with an entry that nothing is known of, and puts what comes of it
// into l.fields.
func (l *loop) overFields(name string, lead []graph.Value, entries *graph.Map, each func(key string, v graph.Value) error) (graph.Value, error) {
	m := l.m
	parts := m.partsOfMap(m.inOrder(entries), lead)
	if !l.precedes(entries) {
		return graph.Value{}, l.refuse()
	}
	if parts == nil {
		if err := l.each(entries, entries.Len(), each); err != nil {
			return graph.Value{}, err
		}
	} else if err := l.overMapParts(name, lead, entries, parts, each); err != nil {
		return graph.Value{}, err
	}
	v := l.madeFields()
	l.end()
	return v, nil
}

// precedes says whether the keys that the loop is resumed with come before those of the entries that are not dealt with.
func (l *loop) precedes(entries *graph.Map) bool {
	done := l.done()
	if l.parted.Len() == 0 && l.fields.n == 0 || done >= entries.Len() {
		return true
	}
	next, _ := entries.At(done)
	if l.fields.n > 0 {
		had := l.fields.b.SoFar()
		if last, _ := had.At(had.Len() - 1); last >= next {
			return false
		}
	}
	return l.parted.Close(next)
}

func (l *loop) overMapParts(name string, lead []graph.Value, entries *graph.Map, parts []graph.Part, each func(key string, v graph.Value) error) error {
	m, done := l.m, l.done()
	for len(parts) > 0 && parts[0].At+parts[0].Len <= done {
		parts = parts[1:]
	}
	if len(parts) > 0 && (parts[0].At < done || l.replay) { // it is dealt with in part
		parts[0].Of, parts[0].Leaves = graph.Null(), nil
	}
	l.takeFields(cid.Undef, "")
	s := m.stageOf(measuresName, len(parts), func(i int) cid.Cid {
		if !parts[i].Known() {
			return cid.Undef
		}
		return m.application(name, append(slices.Clone(lead), m.mapOfPart(parts[i]))...)
	})
	for i, p := range parts {
		if k, ok := knownMap(s.begin(i), p); ok {
			l.passFields(name, s.of[i], p, k)
			s.end(i, graph.Null(), extent{})
			continue
		}
		e, start, n := m.policy.open(), m.now(), l.n
		if err := l.each(entries, p.At+p.Len, each); err != nil {
			return err
		}
		steps := m.stepsSince(start) - (l.n/16 - n/16) + uint64(p.Len)/16
		made := l.takeFields(s.of[i], p.End)
		s.made(i, graph.MapValue(made), recordOfMap(made, steps), steps, e)
	}
	return nil
}

// takeFields puts what is in l.fields behind l.parted, where it is known as of, if that is defined. Its keys come before end.
func (l *loop) takeFields(of cid.Cid, end string) *graph.Map {
	made := l.fields.value().Map()
	l.fields = mapOut{m: l.m}
	if of.Defined() && made.Len() > fewKnown {
		had := made
		if l.m.tight() {
			had = nil
		}
		first, _ := made.At(0)
		p := graph.Part{Of: lazyOf(of), Len: made.Len(), First: first, End: end}
		l.parted.AddKnown(p, had, l.m.mapMaker(p))
	} else {
		l.parted.Add(made)
	}
	return made
}

// passFields passes a part of which all that is needed is known.
func (l *loop) passFields(name string, of cid.Cid, p graph.Part, k known) {
	l.passSteps(name, p, k)
	l.m.making[of].steps = k.steps
	if k.apart != nil {
		l.parted.Add(k.apart)
	} else {
		made := graph.Part{Of: lazyOf(of), Len: k.n, First: k.first, End: p.End}
		l.parted.AddKnown(made, nil, l.m.mapMaker(made))
	}
	l.settle()
}

// mapMaker returns the function that makes the entries of a part, which are kept as long as there is memory: who looks up keys comes back to a part
// again and again.
func (m *Machine) mapMaker(p graph.Part) func() (made *graph.Map, keep bool) {
	of := p.Of.Thunk().CID
	how := m.making[of]
	return func() (*graph.Map, bool) {
		return within(m, of, func() *graph.Map {
			v := m.reduceAgain(how)
			if v.Kind() != graph.KindMap || v.Map().Len() != p.Len || !isPart(v.Map(), p) {
				panic(&Stop{Reason: Missing, Err: fmt.Errorf("%s was recorded to come to a map of %d entries from %.40q on, and does not", of, p.Len, p.First)})
			}
			return v.Map()
		}), !m.tight()
	}
}

// isPart says whether the keys of a map are from the part's first one on, and before its end.
func isPart(o *graph.Map, p graph.Part) bool {
	first, _ := o.At(0)
	last, _ := o.At(o.Len() - 1)
	return first == p.First && (p.End == "" || last < p.End)
}

// recordOfMap is as recordOf.
func recordOfMap(o *graph.Map, steps uint64) graph.Value {
	n, s := graph.Int(int64(o.Len())), stepsValue(steps)
	if o.Len() <= fewKnown {
		return graph.NewList(n, s, graph.MapValue(o))
	}
	first, _ := o.At(0)
	return graph.NewList(n, s, graph.Text(first))
}

// knownMap reads a record of measuresName of what map.map or map.filter makes of a part.
func knownMap(record graph.Value, p graph.Part) (k known, ok bool) {
	if record.Kind() != graph.KindList || record.List().Len() != 3 {
		return k, false
	}
	v := record.List()
	if k.n, k.steps, ok = count(v.At(0), v.At(1)); !ok || k.n > p.Len {
		return k, false
	}
	inside := func(key string) bool { return key >= p.First && (p.End == "" || key < p.End) }
	switch x := v.At(2); {
	case k.n > fewKnown:
		if x.Kind() != graph.KindText {
			return k, false
		}
		k.first = x.Text()
		return k, inside(k.first)
	case x.Kind() != graph.KindMap || x.Map().Len() != k.n:
		return k, false
	default:
		k.apart = x.Map()
		k.apart.Each(func(key string, _ graph.Value) bool {
			ok = inside(key)
			return ok
		})
		return k, ok
	}
}
