// This file holds the primitives over maps. Entries are visited in the bytewise order of their keys; what visits all of them
// costs 1 step for every 16, beside the calls it makes.

package eval

import "github.com/rosser-lang/rosser/graph"

var mapPrims = []Spec{
	{"map.keys", 1, 0b1, mapKeys, "m: the list of m's keys; cost: 1 per 16 entries"},
	{"map.values", 1, 0b1, mapValues, "m: the list of m's values, in the order of their keys; cost: 1 per 16 entries"},
	{entriesName, 1, 0b1, mapEntries, "m: the list of m's entries, as pairs [key, value]; cost: 1 per 16 entries"},
	{"map.fromEntries", 1, 0b1, mapFromEntries, "entries: the map of pairs [key, value]; of those with one key the last counts; cost: 1 per 16 entries"},
	{"map.get", 2, 0b11, mapGet, "key m: Some of the value of key, else None; costs nothing"},
	{"map.has", 2, 0b11, mapHas, "key m: whether m has the key; costs nothing"},
	{"map.insert", 3, 0b101, mapInsert, "key v m: m with v as the value of key; costs nothing"},
	{"map.remove", 2, 0b11, mapRemove, "key m: m without the key; costs nothing"},
	{"map.merge", 2, 0b11, mapMerge, "a b: the entries of both, b's where both have the key; cost: 1 per 16 entries of both, of b alone if a has at least 8 times as many"},
	{"map.map", 2, 0b10, mapMap, "f m: m with each value v of a key k replaced by f k v; cost: 1 per 16 entries"},
	{"map.filter", 2, 0b10, mapFilter, "f m: the entries for which f k v is true; cost: 1 per 16 entries"},
	{"map.fold", 3, 0b100, mapFold, "f acc m: f acc k v for the entries in order, each call's value the next one's acc; cost: 1 per 16 entries"},
	{"map.without", 2, 0b11, mapWithout, "keys m: m without the keys in the list; cost: 1 per 16 of these"},
}

// wantMap gives v's map. v is not lazy and no link.
func wantMap(v graph.Value) (*graph.Map, error) {
	if v.Kind() != graph.KindMap {
		return nil, wrongKind(v, "map")
	}
	return v.Map(), nil
}

// inOrder gives a map whose entries are about to be visited.
func (m *Machine) inOrder(o *graph.Map) *graph.Map {
	if o.Unordered() >= longMap {
		m.apart(o.Order)
	}
	return o
}

// mergeMaps is a.Merge(b), which visits all entries unless one of them has few.
func (m *Machine) mergeMaps(a, b *graph.Map) *graph.Map {
	if b.Len()*8 > a.Len() && a.Len()*8 > b.Len() {
		m.inOrder(a)
		m.inOrder(b)
	}
	return a.Merge(b)
}

// keyAndMap checks the first argument as a key and the last as a map.
func keyAndMap(args []graph.Value) (string, *graph.Map, error) {
	if args[0].Kind() != graph.KindText {
		return "", nil, wrongKind(args[0], "text")
	}
	m, err := wantMap(args[len(args)-1])
	return args[0].Text(), m, err
}

// listOfEntries lists something of each entry.
func listOfEntries(m *Machine, name string, v graph.Value, each func(key string, v graph.Value) graph.Value) (graph.Value, error) {
	entries, err := wantMap(v)
	if err != nil {
		return graph.Value{}, err
	}
	if parts := m.partsOfMap(m.inOrder(entries), nil); parts != nil {
		return graph.ListValue(m.listOfParts(name, entries, parts, each)), nil
	}
	reserveList(m, entries.Len())
	c, out := meter{m: m}, graph.ListBuilder{}
	entries.Each(func(key string, v graph.Value) bool {
		c.tick()
		out.Add(each(key, v))
		return true
	})
	return graph.ListValue(out.List()), nil
}

func mapKeys(m *Machine, args []graph.Value) (graph.Value, error) {
	return listOfEntries(m, "map.keys", args[0], func(key string, _ graph.Value) graph.Value { return graph.Text(key) })
}

func mapValues(m *Machine, args []graph.Value) (graph.Value, error) {
	return listOfEntries(m, "map.values", args[0], func(_ string, v graph.Value) graph.Value { return v })
}

func mapEntries(m *Machine, args []graph.Value) (graph.Value, error) {
	return listOfEntries(m, entriesName, args[0], func(key string, v graph.Value) graph.Value { return graph.NewList(graph.Text(key), v) })
}

func mapFromEntries(m *Machine, args []graph.Value) (graph.Value, error) {
	entries, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	c, out := meter{m: m}, mapOut{m: m}
	for it := entries.Iter(); ; {
		e, ok := it.Next()
		if !ok {
			return out.value(), nil
		}
		c.tick()
		if e = head(m, e); e.Kind() != graph.KindList || e.List().Len() != 2 {
			return graph.Value{}, wrongKind(e, "pair")
		}
		key := head(m, e.List().At(0))
		if key.Kind() != graph.KindText {
			return graph.Value{}, wrongKind(key, "text")
		}
		out.set(key.Text(), e.List().At(1))
	}
}

// A mapOut builds a map whose size is not known before.
type mapOut struct {
	b graph.MapBuilder
	n int
	m *Machine
}

func (o *mapOut) set(key string, v graph.Value) {
	o.b.Set(key, v)
	if o.n++; o.n&4095 == 0 {
		reserve(o.m, 8192*2*valueSize)
	}
}

func (o *mapOut) value() graph.Value {
	if o.n < longMap {
		return graph.MapValue(o.b.Map())
	}
	b := o.b // whose arrays are only read
	v := mapOf(o.m, &b, o.n)
	o.b = graph.MapBuilder{}
	return v
}

// mapOf is the map of the n entries of b, which nobody else adds to.
func mapOf(m *Machine, b *graph.MapBuilder, n int) graph.Value {
	return m.long(n*(longBytes/longMap), func() graph.Value { return graph.MapValue(b.Map()) })
}

const longMap = 1 << 14 // entries that take some milliseconds to be put in order

func mapGet(m *Machine, args []graph.Value) (graph.Value, error) {
	key, entries, err := keyAndMap(args)
	if err != nil {
		return graph.Value{}, err
	}
	if v, ok := entries.Get(key); ok {
		return graph.Some(v), nil
	}
	return graph.None(), nil
}

func mapHas(m *Machine, args []graph.Value) (graph.Value, error) {
	key, entries, err := keyAndMap(args)
	if err != nil {
		return graph.Value{}, err
	}
	_, ok := entries.Get(key)
	return graph.Bool(ok), nil
}

func mapInsert(m *Machine, args []graph.Value) (graph.Value, error) {
	key, entries, err := keyAndMap(args)
	if err != nil {
		return graph.Value{}, err
	}
	return graph.MapValue(entries.Insert(key, args[1])), nil
}

func mapRemove(m *Machine, args []graph.Value) (graph.Value, error) {
	key, entries, err := keyAndMap(args)
	if err != nil {
		return graph.Value{}, err
	}
	return graph.MapValue(entries.Remove(key)), nil
}

func mapMerge(m *Machine, args []graph.Value) (graph.Value, error) {
	a, err := wantMap(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	b, err := wantMap(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	n, k := int64(a.Len()), int64(b.Len())
	if k*8 <= n {
		m.Charge(k / 16)
		reserve(m, k*1024)
	} else {
		m.Charge((n + k) / 16) // also where a has few, which then takes less
		if n*8 <= k {
			reserve(m, n*1024)
		} else {
			reserve(m, (n+k)*2*valueSize)
		}
	}
	return graph.MapValue(m.mergeMaps(a, b)), nil
}

func mapMap(m *Machine, args []graph.Value) (graph.Value, error) {
	entries, err := wantMap(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume("map.map"); err != nil {
		return graph.Value{}, err
	}
	return l.overFields("map.map", args[:1], entries, func(key string, v graph.Value) error {
		l.fields.set(key, l.call(args[0], graph.Text(key), v))
		return nil
	})
}

// each calls f for the entries of a map that are not dealt with, up to the one at index end.
func (l *loop) each(entries *graph.Map, end int, f func(key string, v graph.Value) error) (err error) {
	l.m.inOrder(entries).Range(l.done(), end, func(key string, v graph.Value) bool {
		l.turn()
		if err = f(key, v); err == nil {
			l.settle() // before what comes next is loaded
		}
		return err == nil
	})
	return err
}

func mapFilter(m *Machine, args []graph.Value) (graph.Value, error) {
	entries, err := wantMap(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	if err := l.resume("map.filter"); err != nil {
		return graph.Value{}, err
	}
	return l.overFields("map.filter", args[:1], entries, func(key string, v graph.Value) error {
		keep, err := l.holds(args[0], graph.Text(key), v)
		if keep {
			l.fields.set(key, v)
		}
		return err
	})
}

func mapFold(m *Machine, args []graph.Value) (graph.Value, error) {
	entries, err := wantMap(args[2])
	if err != nil {
		return graph.Value{}, err
	}
	l := m.loop(args)
	l.acc = args[1]
	if err := l.resume("map.fold"); err != nil {
		return graph.Value{}, err
	}
	l.each(entries, entries.Len(), func(key string, v graph.Value) error {
		l.fold(args[0], 0, l.acc, graph.Text(key), v)
		return nil
	})
	v := l.acc
	l.end()
	return v, nil
}

func mapWithout(m *Machine, args []graph.Value) (graph.Value, error) {
	keys, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	entries, err := wantMap(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	c := meter{m: m}
	for it := keys.Iter(); ; {
		key, ok := it.Next()
		if !ok {
			return graph.MapValue(entries), nil
		}
		c.tick()
		if key = head(m, key); key.Kind() != graph.KindText {
			return graph.Value{}, wrongKind(key, "text")
		}
		entries = entries.Remove(key.Text())
	}
}
