// This file holds the primitives that work on any value: length, show, force, error; those that compiled patterns use (match.*);
// those about links (ipld.*) and tests (test.*).

package eval

import (
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

var corePrims = []Spec{
	{"core.get", 2, 0b11, coreGet, "key v: what `v.key` is, for a key that is a text, or an int of a list; costs nothing"},
	{"core.error", 1, 0, coreError, "v: fails with {kind: \"error\", value: v}; costs nothing"},
	{"core.show", 1, 0b1, coreShow, "v: its DAG-JSON; links and lazy values in it are written as links, functions as links to their code; cost: 1 per 16 parts of v and per 256 bytes"},
	{"core.force", 1, 0b1, coreForce, "x: what looking at a link or a lazy value finds; any other value as it is; costs nothing"},
	{"core.forceDeep", 1, 0b1, coreForceDeep, "x: x without any link or lazy value left in it; cost: 1 per 16 parts visited, each as often as it stands in the value"},
	{"core.debug", 2, 0, coreDebug, "label v: v; writes a line for the user; cost: as core.show for both"},
	{"core.noMatch", 1, 0, coreNoMatch, "v: fails with {kind: \"no match\", value: v}; costs nothing"},

	{"seq.length", 1, 0b1, seqLength, "xs: elements of a list, entries of a map, bytes, code points of a text; costs nothing"},
	{"seq.isEmpty", 1, 0b1, seqIsEmpty, "xs: whether the length is 0; costs nothing"},

	{"match.tag", 2, 0b10, matchTag, "key v: whether v is a map with exactly that key; costs nothing"},
	{"match.nullary", 2, 0b10, matchNullary, "key v: whether v is a map with exactly that key, and null its value; costs nothing"},
	{"match.list", 2, 0b10, matchList, "n v: whether v is a list of n elements; costs nothing"},
	{"match.atLeast", 2, 0b10, matchAtLeast, "n v: whether v is a list of n elements or more; costs nothing"},
	{"match.has", 2, 0b10, matchHas, "key v: whether v is a map with that key; costs nothing"},
	{"match.map", 1, 0b1, matchMap, "v: whether it is a map; costs nothing"},

	{"ipld.link", 1, 0, ipldLink, "v: stores it and gives the link to it: a function's code, a lazy value's expression, a link itself; cost: 1 per 256 bytes or 16 elements of the root"},
	{"ipld.cid", 1, 0, ipldCID, "v: the text of the CID that ipld.link's link has; stores nothing; cost: as ipld.link"},
	{"ipld.load", 1, 0b1, ipldLoad, "text: what the link with this CID finds; \"bad text\" if it is no CID; costs nothing"},
	{"ipld.kind", 1, 0, ipldKind, "v: its kind, without looking: null bool int float text bytes list map link lazy function; costs nothing"},

	{resumeName, resumeArity, 0b0111, coreResume, "name [args, n, parts] has value: goes on with a loop of the primitive name that was stopped; the n-th call is answered by value, if has; what a machine writes when it is stopped; cost: what is left of the loop's"},
	{enterName, 3, 0b010, coreEnter, "f values x: f applied to the first of the values and x, then to the next of them and what that came to, and so on, where f takes k values and x; where k is 0, values may be a number of turns; what a machine writes when it is stopped; cost: that of what f does, without the calls of f"},
	{measuresName, 1, 0b1, coreMeasures, "xs: of each of the lazy values xs, which come to lists or maps, [its length, the steps that its expression takes], and the list or map itself if it has at most 8 elements, else of a map its first key; what is recorded of the parts of a large list or map; costs nothing"},
	{partedName, 1, 0b1, coreParted, "entry: the value that it stands for: of [x] x; of [0, parts] the list of these one after the other, where a part is [elements], or [a lazy value, the length of the list that it comes to]; of [1, entries] the list of what those stand for; of [2, f, entries] f with these arguments; of [3, parts] the map of these, where a part is [map], or [a lazy value, the length of the map that it comes to, its first key]; what a machine writes when it is stopped; costs nothing"},
	{costsName, 1, 0b1, coreCosts, "xs: of each of the lazy values xs, [what it comes to, the steps that its expression takes]; costs nothing"},
	{groupsName, 1, 0b1, coreGroups, "xs: of each of the lazy values xs, which come to maps of lists, [the map of their lengths, the steps that its expression takes]; costs nothing"},
	{groupMeasuresName, 2, 0b10, coreGroupMeasures, "f gs: of each map of lists in gs, how many keys it has, and for each the key and what core.measures says of f xs, one after the other in one list; costs nothing"},
	{groupCostsName, 2, 0b10, coreGroupCosts, "f gs: of each map of lists in gs, how many keys it has, and for each the key and what core.costs says of f xs, one after the other in one list; costs nothing"},
	{"test.failed", 1, 0, testFailed, "v: fails with {kind: \"test failed\", value: v}; costs nothing"},
}

func seqLength(m *Machine, args []graph.Value) (graph.Value, error) {
	switch v := args[0]; v.Kind() {
	case graph.KindList:
		return graph.Int(int64(v.List().Len())), nil
	case graph.KindMap:
		return graph.Int(int64(v.Map().Len())), nil
	case graph.KindBytes:
		return graph.Int(int64(v.BytesLen())), nil
	case graph.KindText:
		return graph.Int(int64(v.TextLen())), nil
	}
	return graph.Value{}, wrongKind(args[0], "list, map, text or bytes")
}

func seqIsEmpty(m *Machine, args []graph.Value) (graph.Value, error) {
	switch v := args[0]; v.Kind() {
	case graph.KindList:
		return graph.Bool(v.List().Len() == 0), nil
	case graph.KindMap:
		return graph.Bool(v.Map().Len() == 0), nil
	case graph.KindBytes:
		return graph.Bool(v.BytesLen() == 0), nil
	case graph.KindText:
		return graph.Bool(v.Text() == ""), nil
	}
	return graph.Value{}, wrongKind(args[0], "list, map, text or bytes")
}

func coreGet(m *Machine, args []graph.Value) (graph.Value, error) {
	switch key, v := args[0], args[1]; key.Kind() {
	case graph.KindText:
		return field(v, key.Text())
	case graph.KindInt:
		if v.Kind() != graph.KindList {
			return graph.Value{}, wrongKind(v, "list")
		}
		if i, err := wantCount(key); err == nil && i >= 0 && i < int64(v.List().Len()) {
			return v.List().At(int(i)), nil
		}
		return graph.Value{}, Fail("no field", graph.Record("field", key, "in", v))
	}
	return graph.Value{}, wrongKind(args[0], "text or int")
}

func coreError(m *Machine, args []graph.Value) (graph.Value, error) {
	return graph.Value{}, Fail("error", args[0])
}

func coreNoMatch(m *Machine, args []graph.Value) (graph.Value, error) {
	return graph.Value{}, Fail("no match", args[0])
}

func testFailed(m *Machine, args []graph.Value) (graph.Value, error) {
	return graph.Value{}, Fail("test failed", args[0])
}

func coreShow(m *Machine, args []graph.Value) (graph.Value, error) {
	if n, small := args[0].Int(); small {
		return graph.IntText(n), nil
	}
	out, err := appendShown(m, nil, args[0])
	return graph.Text(string(out)), err
}

// plainText is what v reads as in an interpolation: a text as it is, any other value as `show` writes it.
func plainText(m *Machine, v graph.Value) (string, error) {
	if v = head(m, v); v.Kind() == graph.KindText {
		return v.Text(), nil
	}
	out, err := appendShown(m, nil, v)
	return string(out), err
}

// coreDebug looks at nothing: what is lazy or not loaded stays so, and what cannot be shown is named by its kind.
func coreDebug(m *Machine, args []graph.Value) (graph.Value, error) {
	var line []byte
	for i, v := range args {
		if i > 0 {
			line = append(line, ": "...)
		}
		if i == 0 && v.Kind() == graph.KindText {
			line = append(line, v.Text()...)
		} else if shown, err := appendShown(m, line, v); err == nil {
			line = shown
		} else {
			line = append(line, "a "+v.Kind().String()+" that DAG-JSON cannot write"...)
		}
	}
	m.Debug(string(line))
	return args[1], nil
}

func coreForce(m *Machine, args []graph.Value) (graph.Value, error) { return args[0], nil }

// A deepFrame is a list or a map on its way to being forced all the way down.
type deepFrame struct {
	of    graph.Value // as it was
	list  *graph.List // as it is so far, for a list
	items graph.ListIter
	m     *graph.Map // as it is so far, for a map
	next  int        // the index of the next element or entry
	key   string     // of the entry in hand
	parts uint64     // parts below, each as often as it stands there; stops at 2^62
	deep  bool       // something below had to be looked into, or is a list or map itself
}

// A deepResult is what a list or map came to, for when it stands somewhere else too.
type deepResult struct {
	value graph.Value
	parts uint64
	open  bool // it is on the stack: there is nothing yet
}

const manyParts = 1 << 62

// coreForceDeep walks with a stack of its own: a value may be nested more deeply than Go's stack allows. Shared parts are
// forced once, so that a DAG takes the time of its nodes, but charged as often as they stand in the value.
func coreForceDeep(m *Machine, args []graph.Value) (graph.Value, error) {
	args[0] = args[0].Held() // what was met is known by where it stands
	root, ok := deepFrameOf(args[0])
	if !ok {
		return args[0], nil
	}
	stack := []deepFrame{root}
	met := map[unsafe.Pointer]deepResult{objectOf(root.of): {open: true}}
	var charged uint64 // parts on the stack and below that have been charged
	charge := func(n uint64) {
		before := charged >> 4
		charged = min(charged+n, manyParts)
		m.Charge(int64(charged>>4 - before))
	}
	for {
		top := &stack[len(stack)-1]
		x, more := top.take()
		if more {
			charge(1)
			top.parts = min(top.parts+1, manyParts)
			v := head(m, x)
			child, nested := deepFrameOf(v)
			if !nested {
				top.put(x, v)
				continue
			}
			top.deep = true
			object := objectOf(v)
			if r, ok := met[object]; ok {
				if r.open {
					panic(&Stop{Reason: Endless})
				}
				charge(r.parts)
				top.parts = min(top.parts+r.parts, manyParts)
				top.put(x, r.value)
				continue
			}
			met[object] = deepResult{open: true}
			if n := len(stack); n == cap(stack) && n > 256 {
				reserve(m, 3*int64(n)*int64(unsafe.Sizeof(child)))
			}
			stack = append(stack, child)
			continue
		}
		r := deepResult{value: top.value(), parts: top.parts}
		if object := objectOf(top.of); top.deep || top.parts > 64 {
			if met[object] = r; len(met)&1023 == 0 {
				reserve(m, 1<<17)
			}
		} else {
			delete(met, object)
		}
		stack[len(stack)-1] = deepFrame{}
		stack = stack[:len(stack)-1]
		if len(stack) == 0 {
			return r.value, nil
		}
		parent := &stack[len(stack)-1]
		parent.parts = min(parent.parts+r.parts, manyParts)
		parent.put(graph.Value{}, r.value)
	}
}

func deepFrameOf(v graph.Value) (deepFrame, bool) {
	switch v.Kind() {
	case graph.KindList:
		return deepFrame{of: v, list: v.List(), items: v.List().Iter()}, true
	case graph.KindMap:
		return deepFrame{of: v, m: v.Map()}, true
	}
	return deepFrame{}, false
}

// objectOf is the identity of a list or map in memory.
func objectOf(v graph.Value) unsafe.Pointer {
	if v.Kind() == graph.KindList {
		return unsafe.Pointer(v.List())
	}
	return unsafe.Pointer(v.Map())
}

// take gives the next part.
func (f *deepFrame) take() (x graph.Value, more bool) {
	if f.list != nil {
		x, more = f.items.Next()
	} else if of := f.of.Map(); f.next < of.Len() {
		f.key, x = of.At(f.next)
		more = true
	}
	if more {
		f.next++
	}
	return x, more
}

// put notes that the part taken last, x, has become v.
func (f *deepFrame) put(x, v graph.Value) {
	if x.Same(v) {
		return
	}
	f.deep = true
	if f.list != nil {
		if i := f.next - 1; !f.list.At(i).Same(v) {
			f.list = f.list.Set(i, v)
		}
	} else if was, _ := f.m.Get(f.key); !was.Same(v) {
		f.m = f.m.Insert(f.key, v)
	}
}

func (f *deepFrame) value() graph.Value {
	switch {
	case f.list != nil && f.list != f.of.List():
		return graph.ListValue(f.list)
	case f.m != nil && f.m != f.of.Map():
		return graph.MapValue(f.m)
	}
	return f.of
}

func isTag(args []graph.Value) (graph.Value, bool) {
	if args[1].Kind() != graph.KindMap || args[0].Kind() != graph.KindText {
		return graph.Value{}, false
	}
	key, v, ok := args[1].Map().Only()
	return v, ok && key == args[0].Text()
}

func matchTag(m *Machine, args []graph.Value) (graph.Value, error) {
	_, ok := isTag(args)
	return graph.Bool(ok), nil
}

func matchNullary(m *Machine, args []graph.Value) (graph.Value, error) {
	v, ok := isTag(args)
	return graph.Bool(ok && head(m, v).Kind() == graph.KindNull), nil
}

func matchList(m *Machine, args []graph.Value) (graph.Value, error) {
	n, err := wantCount(args[0])
	return graph.Bool(args[1].Kind() == graph.KindList && int64(args[1].List().Len()) == n), err
}

func matchAtLeast(m *Machine, args []graph.Value) (graph.Value, error) {
	n, err := wantCount(args[0])
	return graph.Bool(args[1].Kind() == graph.KindList && int64(args[1].List().Len()) >= n), err
}

func matchHas(m *Machine, args []graph.Value) (graph.Value, error) {
	if args[1].Kind() != graph.KindMap || args[0].Kind() != graph.KindText {
		return graph.Bool(false), nil
	}
	_, ok := args[1].Map().Get(args[0].Text())
	return graph.Bool(ok), nil
}

func matchMap(m *Machine, args []graph.Value) (graph.Value, error) {
	return graph.Bool(args[0].Kind() == graph.KindMap), nil
}

// linkTo is the CID that stands for v, whose own blocks go to put.
func linkTo(m *Machine, v graph.Value, put graph.Sink) cid.Cid {
	switch v.Kind() {
	case graph.KindLink:
		return v.Link()
	case graph.KindText:
		chargeBytes(m, len(v.Text()))
	case graph.KindBytes:
		chargeBytes(m, v.BytesLen())
	case graph.KindList:
		m.Charge(int64(v.List().Len()) / 16)
	case graph.KindMap:
		m.Charge(int64(v.Map().Len()) / 16)
	}
	m.polls = true
	defer func() { m.polls = false }()
	return graph.ValueBlock(v, put)
}

func ipldLink(m *Machine, args []graph.Value) (graph.Value, error) {
	return graph.LinkValue(linkTo(m, args[0], m.Blocks())), nil
}

func ipldCID(m *Machine, args []graph.Value) (graph.Value, error) {
	return graph.Text(linkTo(m, args[0], m.hasher).String()), nil
}

func ipldLoad(m *Machine, args []graph.Value) (graph.Value, error) {
	text, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	c, err := cid.Decode(text)
	if err != nil {
		return graph.Value{}, Fail("bad text", args[0])
	}
	return m.Force(graph.LinkValue(c)), nil
}

func ipldKind(m *Machine, args []graph.Value) (graph.Value, error) {
	return graph.Text(args[0].Kind().String()), nil
}
