// This file reads values from blocks.

package graph

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// The rules of values that an error can name, beside codec's.
const (
	RuleForm      = "not one of the forms that λ begins"
	RuleInline    = "a component that must stand in a block of its own"
	RuleOwnBlock  = "a component that must stand in place"
	RuleTree      = "a value that must be a tree"
	RuleNoTree    = "a tree that is too small to be one"
	RuleTreeNode  = "not the shape of a tree's node"
	RuleTreeCut   = "a tree that is not cut where its content says"
	RuleTreeCount = "a tree whose counts or keys do not fit"
	RuleLargeInt  = "not the decimal digits of an int outside of -2^63 to 2^64-1"
	RuleDigits    = "an int of more than 4,000,000 digits"
	RuleLit       = "a form lit that is not a map with the sole key λ"
	RuleRepeats   = "a value whose parts repeat too often to be loaded"
	RuleCycle     = "a block that contains itself"
)

// MaxDigits is how many decimal digits an int can have: reading that many is seconds of work.
const MaxDigits = 4_000_000

// digitBits is the length in bits of the least int with more than MaxDigits digits, as TestTooLong knows.
const digitBits = 13_287_713

var tooLong = sync.OnceValue(func() *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(MaxDigits), nil) })

// TooLong says whether x has more than MaxDigits digits. Such an int is encoded, but not decoded again.
func TooLong(x *big.Int) bool {
	n := x.BitLen()
	return n > digitBits || n == digitBits && x.CmpAbs(tooLong()) >= 0
}

// TooLongProduct says whether the length of x*y alone makes it an int that is TooLong.
func TooLongProduct(x, y *big.Int) bool { return x.BitLen()+y.BitLen()-1 > digitBits }

// maxRepeat bounds the elements and bytes of the trees of one load, however small the blocks that repeat in them are.
const maxRepeat = 1 << 28

// DecodeValue returns the value that data, made by Encode, is the encoding of. What a canonical encoder does not make is refused, so
// that Encode gives data again. Blocks of the value's own come from load; links and code are not followed.
func DecodeValue(data []byte, load Loader) (Value, error) {
	return (&Far{Load: load}).decodeValue(data, nil)
}

// DecodeValue is as DecodeValue, but that large lists and maps stay where they are.
func (f *Far) DecodeValue(data []byte) (Value, error) { return f.decodeValue(data, f) }

func (f *Far) decodeValue(data []byte, far *Far) (Value, error) {
	r := codec.NewReader(data, true)
	d := decoder{load: f.Load, far: far}
	v, err := d.decode(r, true)
	if err == nil {
		err = r.Done()
	}
	return v, err
}

// DecodeForeign returns the data of a block that somebody else may have made: valid DAG-CBOR need not be canonical, and what other
// codecs hold is read too. It must not be code.
func DecodeForeign(c cid.Cid, data []byte, load Loader) (Value, error) {
	return decodeForeign(c, data, load, nil)
}

// DecodeForeign is as DecodeForeign, but that large lists and maps stay where they are.
func (f *Far) DecodeForeign(c cid.Cid, data []byte) (Value, error) {
	return decodeForeign(c, data, f.Load, f)
}

func decodeForeign(c cid.Cid, data []byte, load Loader, far *Far) (Value, error) {
	v, err := foreignValue(c, data, load, far)
	if err != nil {
		return v, fmt.Errorf("block %s: %w", c, err)
	}
	return v, nil
}

func foreignValue(c cid.Cid, data []byte, load Loader, far *Far) (Value, error) {
	switch code := c.Type(); code {
	case cid.Raw:
		return BytesValue(slices.Clone(data)), nil
	case cid.DagCBOR:
	default:
		n, err := codec.DecodeNode(code, data)
		if err != nil {
			return Value{}, err
		}
		if data, err = codec.AppendNode(nil, n); err != nil {
			return Value{}, err
		}
	}
	r := codec.NewReader(data, false)
	if IsCode(data) {
		return Value{}, r.Fail(RuleForm)
	}
	d := decoder{load: load, far: far}
	v, err := d.decode(r, true)
	if err == nil {
		err = r.Done()
	}
	return v, err
}

// A decoder reads one value with the blocks that are its own. It keeps a stack of its own, since values can be nested a million deep.
type decoder struct {
	load   Loader
	far    *Far // nil: all is read
	held   []Value
	stack  []decodeFrame
	blocks map[cid.Cid]*Value // nil while one is being read
	nodes  map[nodeKey]*subtree
	shape  []string // the keys of the last map: rows have the same
	spent  int64
	loaded int64

	// What was read last:
	val   Value
	depth int32
	lit   bool
	sub   *subtree
}

type decodeKind uint8

const (
	decodeList decodeKind = iota
	decodeMap
	decodeLit
	decodeInt
	decodeBlock
	decodeTree
	decodeInner
	decodeLeaf
)

type decodeFrame struct {
	r       *codec.Reader
	kind    decodeKind
	root    bool
	litRoot bool  // decodeBlock: the block is a literal
	level   int32 // of nesting in its block
	depth   int32 // of its parts
	n       int   // parts to come
	start   int   // where it, or the entry in progress, begins
	vals    []Value
	keys    []string
	node    *nodeFrame // decodeBlock and after: what few frames have
}

type nodeFrame struct {
	block  cid.Cid
	tree   Kind
	height int
	count  int64 // decodeTree: all; decodeInner: of the child in progress
	sub    *subtree
	edge   edge
}

func (d *decoder) decode(r *codec.Reader, root bool) (Value, error) {
	return d.run(d.value(r, root, 0))
}

// run reads what is on the stack.
func (d *decoder) run(done bool, err error) (Value, error) {
	for err == nil && len(d.stack) > 0 {
		f := &d.stack[len(d.stack)-1]
		if done {
			if err = d.part(f); err != nil {
				break
			}
		}
		if f.n > 0 {
			f.n--
			done, err = d.next(f)
			continue
		}
		top := *f
		d.stack = d.stack[:len(d.stack)-1]
		done = true
		err = d.finish(&top)
	}
	return d.val, err
}

func (d *decoder) push(f decodeFrame) (bool, error) {
	if f.level > codec.MaxDepth {
		return false, f.r.Fail(codec.RuleDepth)
	}
	d.stack = append(d.stack, f)
	return false, nil
}

// value reads a value, or pushes a frame for it and returns false.
func (d *decoder) value(r *codec.Reader, root bool, level int32) (bool, error) {
	start := r.Offset()
	d.depth, d.lit = 0, false
	switch r.Peek() {
	case codec.Null:
		d.val = Null()
		return true, r.Null()
	case codec.Bool:
		b, err := r.Bool()
		d.val = Bool(b)
		return true, err
	case codec.Int:
		i, large, err := r.Int()
		d.val = Int(i)
		if large != nil {
			d.val = BigInt(large)
		}
		return true, err
	case codec.Float:
		f, err := r.Float()
		d.val = Float(f)
		return true, err
	case codec.Text:
		s, err := r.Text()
		if err != nil {
			return true, err
		}
		d.val = Text(s)
		return true, d.fits(r, start, root)
	case codec.Bytes:
		b, err := r.Bytes()
		if err != nil {
			return true, err
		}
		d.val = BytesValue(slices.Clone(b))
		return true, d.fits(r, start, root)
	case codec.Link:
		c, err := r.Link()
		if err == nil {
			d.val = LinkValue(c)
		}
		return true, err
	case codec.Map:
		if r.Only(Lambda) {
			return d.form(r, start, root, level)
		}
		n, err := r.Map()
		if err != nil {
			return true, err
		}
		if n == 0 {
			d.val, d.depth = MapValue(EmptyMap), 1
			return true, nil
		}
		return d.push(decodeFrame{r: r, kind: decodeMap, root: root, level: level + 1, n: n, start: start,
			keys: make([]string, 0, n), vals: make([]Value, 0, n)})
	default: // a list, or something invalid, for which Array has the error
		n, err := r.Array()
		if err != nil {
			return true, err
		}
		if n == 0 {
			d.val, d.depth = ListValue(EmptyList), 1
			return true, nil
		}
		return d.push(decodeFrame{r: r, kind: decodeList, root: root, level: level + 1, n: n, start: start, vals: make([]Value, 0, n)})
	}
}

// fits refuses what a canonical encoder would have put elsewhere.
func (d *decoder) fits(r *codec.Reader, start int, root bool) error {
	if !r.Strict() {
		return nil
	}
	size := r.Offset() - start
	switch {
	case !root && (size > maxInline || d.depth > maxDepth):
		return &codec.Error{Offset: start, Rule: RuleInline}
	case root && size > maxFlatly && !d.lit:
		return &codec.Error{Offset: start, Rule: RuleTree}
	}
	return nil
}

// form reads what follows the key λ.
func (d *decoder) form(r *codec.Reader, start int, root bool, level int32) (bool, error) {
	if r.Peek() == codec.Link {
		if root {
			return true, r.Fail(RuleOwnBlock)
		}
		c, err := r.Link()
		if err != nil {
			return true, err
		}
		return d.ownBlock(r, c)
	}
	name := ""
	for _, s := range [...]string{"fn", "lazy", "lit", "int", "list", "map", "text", "bytes"} {
		if r.Only(s) {
			name = s
			break
		}
	}
	tree := KindNull
	switch name {
	case "fn", "lazy":
		at := r.Offset()
		c, err := r.Link()
		if err == nil && !isOwnCID(c) {
			err = &codec.Error{Offset: at, Rule: RuleCodeLink}
		}
		if name == "fn" {
			d.val = FnValue(&Fn{Head: c, Opaque: true})
		} else {
			d.val = NewThunk(&Head{CID: c})
		}
		d.depth = 2
		return true, err
	case "lit":
		if !r.Only(Lambda) {
			return true, r.Fail(RuleLit)
		}
		return d.push(decodeFrame{r: r, kind: decodeLit, root: root, level: level + 3, n: 1, start: start})
	case "int":
		return d.push(decodeFrame{r: r, kind: decodeInt, root: root, level: level + 2, n: 1, start: start})
	case "list":
		tree = KindList
	case "map":
		tree = KindMap
	case "text":
		tree = KindText
	case "bytes":
		tree = KindBytes
	default:
		return true, r.Fail(RuleForm)
	}
	n, err := r.Array()
	if err == nil && n != 3 {
		err = &codec.Error{Offset: start, Rule: RuleForm}
	}
	if err != nil {
		return true, err
	}
	height, err := r.Small(40)
	if err != nil {
		return true, err
	}
	count, large, err := r.Int()
	if err == nil && (large != nil || count < 0) {
		err = &codec.Error{Offset: start, Rule: RuleTreeCount}
	}
	if err != nil {
		return true, err
	}
	c, err := r.Link()
	if err != nil {
		return true, err
	}
	for _, v := range d.held {
		if m := v.memo(); m != nil {
			if p := m.get(); p != nil && bytes.Equal(p.form, r.Raw(start)) {
				d.val, d.depth = v, p.depth
				return true, nil
			}
		}
	}
	if d.far != nil && height > 0 && tree != KindText && count > 0 && count < maxCount(tree) && isOwnCID(c) {
		d.val, err = d.farValue(tree, height, count, c, r.Raw(start))
		d.depth = 3
		return true, err
	}
	return d.push(decodeFrame{r: r, kind: decodeTree, n: 1, start: start, node: &nodeFrame{block: c, tree: tree, height: height, count: count}})
}

// farValue returns a list, map or bytes whose blocks are read when something looks at them.
func (d *decoder) farValue(tree Kind, height int, count int64, root cid.Cid, form []byte) (v Value, err error) {
	defer CatchLoad(&err)
	f := newFar(d.far, tree, height, count, root)
	switch tree {
	case KindList:
		v = ListValue(listOf(run{}, listNode(f), run{}))
	case KindMap:
		v = MapValue(mapOver(fieldsNode(f, f.kids()[0].first)))
	default:
		o := &bytesObj{header: header{KindBytes}, far: &farBytes{count: count, in: bytesTree{f, slices.Clone(form)}, block: root, afford: d.far.Afford}}
		v = Value{p: &o.header}
	}
	p := &placement{form: slices.Clone(form), depth: 3}
	if d.far.Writer != nil {
		p.mark = d.far.Writer.loaded
	}
	v.memo().set(p)
	return v, nil
}

// fetch loads a block of the value's own.
func (d *decoder) fetch(r *codec.Reader, c cid.Cid) (*codec.Reader, error) {
	if !isOwnCID(c) {
		return nil, r.Fail(RuleCodeLink)
	}
	data, err := d.load(c)
	if err != nil {
		return nil, err
	}
	d.loaded += int64(len(data))
	return codec.NewReader(data, true), nil
}

// ownBlock reads the component that stands in a block of its own.
func (d *decoder) ownBlock(r *codec.Reader, c cid.Cid) (bool, error) {
	if v, ok := d.blocks[c]; ok {
		if v == nil {
			return true, inBlock(c, errors.New(RuleCycle))
		}
		d.val, d.depth = *v, 1
		return true, nil
	}
	r, err := d.fetch(r, c)
	if err != nil {
		return true, err
	}
	if d.blocks == nil {
		d.blocks = map[cid.Cid]*Value{}
	}
	d.blocks[c] = nil
	return d.push(decodeFrame{r: r, kind: decodeBlock, n: 1, node: &nodeFrame{block: c}})
}

func inBlock(c cid.Cid, err error) error {
	if e := (*codec.Error)(nil); errors.As(err, &e) || errors.Unwrap(err) == nil {
		return fmt.Errorf("block %s: %w", c, err)
	}
	return err
}

// next reads the next part of f.
func (d *decoder) next(f *decodeFrame) (bool, error) {
	switch f.kind {
	case decodeBlock:
		return d.blockRoot(f)
	case decodeTree:
		return d.node(f.r, f.node.block, f.node.tree, f.node.height)
	case decodeInner:
		return d.inner(f)
	case decodeMap:
		prev := ""
		if len(f.keys) > 0 {
			prev = f.keys[len(f.keys)-1]
		}
		key, err := f.r.Key(prev, len(f.keys) == 0)
		if err != nil {
			return true, err
		}
		f.keys = append(f.keys, key)
	case decodeLeaf:
		f.start = f.r.Offset()
		if f.node.tree == KindMap {
			n, err := f.r.Array()
			if err == nil && n != 2 {
				err = &codec.Error{Offset: f.start, Rule: RuleTreeNode}
			}
			if err != nil {
				return true, err
			}
			at := f.r.Offset()
			key, err := f.r.Text()
			if err != nil {
				return true, err
			}
			if len(f.keys) > 0 && key <= f.keys[len(f.keys)-1] {
				return true, &codec.Error{Offset: at, Rule: RuleTreeCount}
			}
			f.keys = append(f.keys, key)
		}
	}
	return d.value(f.r, false, f.level)
}

func (d *decoder) blockRoot(f *decodeFrame) (bool, error) {
	if f.litRoot = f.r.Only(Lambda); !f.litRoot {
		return d.value(f.r, true, 0)
	}
	if !f.r.Only("lit") {
		return true, inBlock(f.node.block, f.r.Fail(RuleForm))
	}
	f.start = f.r.Offset()
	return d.value(f.r, true, 2)
}

// part takes note of a part of f that was read.
func (d *decoder) part(f *decodeFrame) error {
	f.depth = max(f.depth, d.depth)
	switch f.kind {
	case decodeTree:
		f.node.sub = d.sub
	case decodeInner:
		return d.joined(f)
	case decodeLeaf:
		f.vals = append(f.vals, d.val)
		return f.entry(f.r.Raw(f.start))
	default:
		f.vals = append(f.vals, d.val)
	}
	return nil
}

// entry takes note of an entry of a tree's node, and refuses one that the cuts do not allow.
func (f *decodeFrame) entry(data []byte) error {
	e, z, least := &f.node.edge, len(data), 1
	if f.kind == decodeInner {
		least = minBranch
	}
	if e.closed || endsBefore(e.size, e.entries, z, least) {
		return inBlock(f.node.block, &codec.Error{Offset: f.start, Rule: RuleTreeCut})
	}
	if e.entries == 0 {
		e.first = z
	}
	e.size += z
	e.entries++
	e.closed = endsAfter(f.node.tree, e.size, e.entries, data, least)
	return nil
}

// finish makes the value of a frame all of whose parts were read.
func (d *decoder) finish(f *decodeFrame) error {
	d.lit = false
	switch f.kind {
	case decodeList:
		d.val, d.depth = ListValue(ListOf(f.vals)), f.depth+1
		return d.fits(f.r, f.start, f.root)
	case decodeMap:
		m, err := d.mapOf(f)
		if err != nil {
			return err
		}
		d.val, d.depth = MapValue(m), f.depth+1
		return d.fits(f.r, f.start, f.root)
	case decodeLit:
		d.val, d.depth, d.lit = Tagged(Lambda, f.vals[0]), f.depth+3, true
		return d.fits(f.r, f.start, f.root)
	case decodeInt:
		if v := f.vals[0]; v.Kind() == KindText && len(v.Text()) > MaxDigits+1 {
			return &codec.Error{Offset: f.start, Rule: RuleDigits}
		}
		i, ok := largeInt(f.vals[0])
		if !ok {
			return &codec.Error{Offset: f.start, Rule: RuleLargeInt}
		}
		d.val, d.depth = BigInt(i), f.depth+2
		return nil
	case decodeBlock:
		err := f.r.Done()
		m, isMap := d.val, d.val.Kind() == KindMap
		lambda := false
		if isMap {
			key, _, ok := m.Map().Only()
			lambda = ok && key == Lambda
		}
		switch {
		case err != nil:
		case f.litRoot != lambda || !ownKind(d.val.Kind()):
			err = errors.New(RuleForm)
		case f.r.Offset()-f.start <= maxInline && f.depth <= maxDepth:
			err = errors.New(RuleOwnBlock)
		}
		if err != nil {
			return inBlock(f.node.block, err)
		}
		v := d.val
		d.blocks[f.node.block] = &v
		d.depth = 1
		return nil
	case decodeTree:
		return d.treeDone(f)
	default:
		if err := f.r.Done(); err != nil {
			return inBlock(f.node.block, err)
		}
		return d.nodeDone(f)
	}
}

func ownKind(k Kind) bool { return k == KindList || k == KindMap || k == KindText || k == KindBytes }

// mapOf makes the map of a frame whose keys are in DAG-CBOR's order, or in any.
func (d *decoder) mapOf(f *decodeFrame) (*Map, error) {
	keys, vals := f.keys, f.vals
	if !slices.IsSorted(keys) {
		sort.Sort(byBytes{byKey{keys, vals}})
	}
	if !f.r.Strict() {
		for i := 1; i < len(keys); i++ {
			if keys[i] == keys[i-1] {
				return nil, &codec.Error{Offset: f.start, Rule: codec.RuleDuplicate}
			}
		}
	}
	if slices.Equal(keys, d.shape) {
		keys = d.shape
	} else if len(keys) <= maxFlat {
		d.shape = keys
	}
	return MapSorted(keys, vals), nil
}

// byBytes orders keys as a Map does.
type byBytes struct{ byKey }

func (s byBytes) Less(i, j int) bool { return s.keys[i] < s.keys[j] }

// largeInt returns the int outside of int64 and uint64 whose decimal digits are v, a text.
func largeInt(v Value) (*big.Int, bool) {
	if v.Kind() != KindText {
		return nil, false
	}
	s := v.Text()
	digits, neg := strings.CutPrefix(s, "-")
	if len(digits) < 19 || digits[0] == '0' {
		return nil, false
	}
	for i := range len(digits) {
		if digits[i]-'0' > 9 {
			return nil, false
		}
	}
	i := parseDigits(digits)
	if neg {
		i.Neg(i)
	}
	return i, !i.IsInt64() && !i.IsUint64()
}

// parseDigits returns the int of decimal digits. big.Int.SetString takes time quadratic in their number.
func parseDigits(s string) *big.Int {
	const direct = 4096
	if len(s) <= direct {
		i, _ := new(big.Int).SetString(s, 10)
		return i
	}
	// powers[k] is 10^(direct<<k)
	powers := []*big.Int{new(big.Int).Exp(big.NewInt(10), big.NewInt(direct), nil)}
	for direct<<len(powers) < len(s) {
		p := powers[len(powers)-1]
		powers = append(powers, new(big.Int).Mul(p, p))
	}
	var parse func(s string, k int) *big.Int
	parse = func(s string, k int) *big.Int {
		for k >= 0 && len(s) <= direct<<k {
			k--
		}
		if k < 0 {
			i, _ := new(big.Int).SetString(s, 10)
			return i
		}
		low := direct << k
		i := parse(s[:len(s)-low], k)
		i.Mul(i, powers[k])
		return i.Add(i, parse(s[len(s)-low:], k-1))
	}
	return parse(s, len(powers)-1)
}
