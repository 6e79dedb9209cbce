// This file follows paths and links through blocks of any codec. It never evaluates anything.

package graph

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-unixfsnode"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/linking"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/schema"
	"github.com/rosser-lang/rosser/codec"
)

// ErrNoPath says that there is nothing at a path, although every block on the way is there.
var ErrNoPath = errors.New("no such path")

// A PathError says at which segment of a path it went no further.
type PathError struct {
	Root    cid.Cid
	Path    []string // the segments that were found
	Segment string   // the one that was not, unless the path ended
	Err     error    // wraps ErrNoPath, ErrNotFound, ErrDamaged, or says why a block cannot be read
}

func (e *PathError) Error() string {
	at := strings.Join(append([]string{e.Root.String()}, e.Path...), "/")
	if e.Segment == "" {
		return fmt.Sprintf("%s: %v", at, e.Err)
	}
	return fmt.Sprintf("%s: at %.40q: %v", at, e.Segment, e.Err)
}

func (e *PathError) Unwrap() error { return e.Err }

// SplitPath returns the segments of a path written with slashes; empty ones do not count.
func SplitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// A Found is what stands at the end of a path.
type Found struct {
	Block cid.Cid        // the block that it stands in
	Whole bool           // it is that block's root
	Node  datamodel.Node // it; a link is not followed any further
}

// maxHops bounds the links crossed for one segment: blocks that are nothing but a link can be linked in a long row.
const maxHops = 1024

// Resolve follows path from the block root, through blocks of any codec of the table, and through UnixFS
// directories by the names in them. On a list a segment is an index. Where a value's component stands in a block of
// its own, or a list or a map is a tree of blocks, a path may go through it as if it were not (rows/3), or by its
// λ (rows/λ/3), as IPLD tools do.
func Resolve(ctx context.Context, root cid.Cid, path []string, load Loader) (Found, error) {
	p := &resolver{ctx: ctx, load: load}
	p.ls = codec.LinkSystem(load)
	fail := func(i int, err error) (Found, error) {
		e := &PathError{Root: root, Path: path[:i:i], Err: err}
		if i < len(path) {
			e.Segment = path[i]
		}
		return Found{}, e
	}
	if err := p.enter(root); err != nil {
		return fail(0, err)
	}
	for i, segment := range path {
		if err := p.step(segment); err != nil {
			return fail(i, err)
		}
	}
	if _, plain := p.at.Node.(unixfsnode.PathedPBNode); plain { // no UnixFS: the names of its links are not all that it has
		p.at.Node = p.raw
	}
	return p.at, nil
}

// A resolver stands at a node.
type resolver struct {
	ctx  context.Context
	load Loader
	ls   linking.LinkSystem
	at   Found
	raw  datamodel.Node // what a UnixFS directory was before it was reified, else nil
}

// enter goes to the root of the block c.
func (p *resolver) enter(c cid.Cid) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	data, ok := codec.Inline(c)
	if !ok {
		var err error
		if data, err = p.load(c); err != nil {
			return err
		}
	}
	n, err := codec.DecodeNode(c.Prefix().Codec, data)
	if err != nil {
		return fmt.Errorf("block %s: %w", c, err)
	}
	p.at, p.raw = Found{c, true, n}, nil
	if c.Prefix().Codec == codec.DagPB {
		return p.reify()
	}
	return nil
}

// guard turns a panic into an error: UnixFS of strangers is read by code that is not ours.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("not UnixFS that can be read: %v", r)
	}
}

// reify makes a UnixFS directory or file of a DAG-PB node, where it is one.
func (p *resolver) reify() (err error) {
	defer guard(&err)
	n, err := unixfsnode.Reify(linking.LinkContext{Ctx: p.ctx}, p.at.Node, &p.ls)
	if err != nil {
		return fmt.Errorf("block %s: %w", p.at.Block, err)
	}
	p.at.Node, p.raw = n, p.at.Node
	return nil
}

// follow goes to where the node's link leads, as long as it is one.
func (p *resolver) follow() error {
	for hops := 0; p.at.Node.Kind() == datamodel.Kind_Link; hops++ {
		if hops == maxHops {
			return fmt.Errorf("%d links that lead only to a link", maxHops)
		}
		c, err := linkOf(p.at.Node)
		if err != nil {
			return err
		}
		if err := p.enter(c); err != nil {
			return err
		}
	}
	return nil
}

func linkOf(n datamodel.Node) (cid.Cid, error) {
	l, err := n.AsLink()
	if err != nil {
		return cid.Undef, err
	}
	c, ok := l.(cidlink.Link)
	if !ok {
		return cid.Undef, errors.New("a link that is not a CID")
	}
	return c.Cid, nil
}

// step goes to what stands at segment.
func (p *resolver) step(segment string) error {
	for range maxHops {
		if err := p.follow(); err != nil {
			return err
		}
		if p.raw != nil { // a directory is no form of a value, and asking it for its size can load all of it
			return p.lookup(p.at.Node, segment)
		}
		form := lambdaForm(p.at.Node)
		if form == nil || segment == Lambda {
			return p.lookup(p.at.Node, segment)
		}
		// A form of a value: go through it.
		whole := p.at.Whole
		p.at.Node, p.at.Whole = form, false
		if form.Kind() == datamodel.Kind_Link {
			continue
		}
		if lit := soleKey(form, "lit"); lit != nil {
			if whole && lambdaForm(lit) != nil { // the block of a literal, and its value stands in others
				p.at.Node = lit
				continue
			}
			return p.lookup(lit, segment)
		}
		if tree := soleKey(form, "list"); tree != nil {
			return p.listTree(tree, segment)
		}
		if tree := soleKey(form, "map"); tree != nil {
			return p.mapTree(tree, segment)
		}
		return p.lookup(form, segment)
	}
	return errors.New("forms of values nested without end")
}

// soleKey returns what stands in n when it is a map with the sole key key, else nil.
func soleKey(n datamodel.Node, key string) datamodel.Node {
	if n.Kind() != datamodel.Kind_Map || n.Length() != 1 {
		return nil
	}
	inner, err := n.LookupByString(key)
	if err != nil {
		return nil
	}
	return inner
}

// lambdaForm returns what stands under the key λ when n is a form of a value, else nil. Under the λ of a block of
// code stands a term, whose keys are others.
func lambdaForm(n datamodel.Node) datamodel.Node {
	form := soleKey(n, Lambda)
	if form == nil || form.Kind() == datamodel.Kind_Link {
		return form
	}
	for _, key := range []string{"lit", "list", "map"} {
		if inner := soleKey(form, key); inner != nil {
			return form
		}
	}
	return nil
}

// lookup goes to what stands at segment in n.
func (p *resolver) lookup(n datamodel.Node, segment string) (err error) {
	defer guard(&err)
	var next datamodel.Node
	switch n.Kind() {
	case datamodel.Kind_Map:
		if next, err = n.LookupByString(segment); err != nil && p.raw != nil {
			// Not a name in a directory; then by the fields of DAG-PB.
			if raw, rawErr := p.raw.LookupByString(segment); rawErr == nil && !raw.IsAbsent() {
				next, err = raw, nil
			}
		}
		if notThere(err) {
			return ErrNoPath
		}
	case datamodel.Kind_List:
		i, ok := index(segment)
		if !ok {
			return fmt.Errorf("%w: a list has only indices", ErrNoPath)
		}
		if i >= n.Length() {
			return fmt.Errorf("%w: the list has %d items", ErrNoPath, n.Length())
		}
		next, err = n.LookupByIndex(i)
	default:
		return fmt.Errorf("%w: nothing stands in %s", ErrNoPath, kindPhrase(n.Kind()))
	}
	if err != nil {
		return err
	}
	p.at.Node, p.at.Whole, p.raw = next, false, nil
	return nil
}

func kindPhrase(k datamodel.Kind) string {
	switch k {
	case datamodel.Kind_Null, datamodel.Kind_Bytes:
		return k.String()
	case datamodel.Kind_Int:
		return "an int"
	case datamodel.Kind_String:
		return "a text"
	}
	return "a " + k.String()
}

// notThere says whether err means that a key is not there; a block that cannot be had is another thing.
func notThere(err error) bool {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		return false
	}
	var notExists datamodel.ErrNotExists
	var noField schema.ErrNoSuchField
	return errors.As(err, &notExists) || errors.As(err, &noField)
}

// index reads a segment as an index.
func index(segment string) (int64, bool) {
	i, err := strconv.ParseInt(segment, 10, 64)
	return i, err == nil && i >= 0 && strconv.FormatInt(i, 10) == segment
}

// treeForm reads [height, count, &root].
func treeForm(tree datamodel.Node) (height int64, count int64, root datamodel.Node, err error) {
	if tree.Kind() != datamodel.Kind_List || tree.Length() != 3 {
		return 0, 0, nil, errShape
	}
	if height, err = intAt(tree, 0); err != nil {
		return 0, 0, nil, err
	}
	if count, err = intAt(tree, 1); err != nil {
		return 0, 0, nil, err
	}
	if height < 0 || height > 64 {
		return 0, 0, nil, errShape
	}
	root, err = tree.LookupByIndex(2)
	return height, count, root, err
}

func intAt(n datamodel.Node, i int64) (int64, error) {
	item, err := n.LookupByIndex(i)
	if err != nil {
		return 0, err
	}
	return item.AsInt()
}

// child goes to the block that a node of a tree links to, which is a list.
func (p *resolver) child(link datamodel.Node) error {
	if link.Kind() != datamodel.Kind_Link {
		return errShape
	}
	p.at.Node = link
	c, err := linkOf(link)
	if err != nil {
		return err
	}
	if err := p.enter(c); err != nil {
		return err
	}
	if p.at.Node.Kind() != datamodel.Kind_List {
		return errShape
	}
	return nil
}

// listTree goes to the item of a list that is a tree of blocks.
func (p *resolver) listTree(tree datamodel.Node, segment string) error {
	height, count, root, err := treeForm(tree)
	if err != nil {
		return err
	}
	i, ok := index(segment)
	if !ok {
		return fmt.Errorf("%w: a list has only indices", ErrNoPath)
	}
	if i >= count {
		return fmt.Errorf("%w: the list has %d items", ErrNoPath, count)
	}
	for ; ; height-- {
		if err := p.child(root); err != nil {
			return err
		}
		if height == 0 {
			return p.lookup(p.at.Node, strconv.FormatInt(i, 10))
		}
		if root, err = childAt(p.at.Node, &i); err != nil {
			return err
		}
	}
}

// childAt returns the link of the child that item i is in, and makes i the item's index in it.
func childAt(node datamodel.Node, i *int64) (datamodel.Node, error) {
	for it := node.ListIterator(); !it.Done(); {
		_, e, err := it.Next()
		if err != nil {
			return nil, err
		}
		if e.Kind() != datamodel.Kind_List || e.Length() != 2 {
			return nil, errShape
		}
		n, err := intAt(e, 0)
		if err != nil {
			return nil, err
		}
		if *i < n {
			return e.LookupByIndex(1)
		}
		*i -= n
	}
	return nil, errShape
}

// mapTree goes to the entry of a map that is a tree of blocks, whose keys ascend bytewise.
func (p *resolver) mapTree(tree datamodel.Node, key string) error {
	height, _, root, err := treeForm(tree)
	if err != nil {
		return err
	}
	for ; ; height-- {
		if err := p.child(root); err != nil {
			return err
		}
		width := int64(3)
		if height == 0 {
			width = 2
		}
		// The last entry whose key is not after key.
		node := p.at.Node
		low, high := int64(0), node.Length()
		for low < high {
			mid := (low + high) / 2
			k, err := keyAt(node, mid, width)
			if err != nil {
				return err
			}
			if k <= key {
				low = mid + 1
			} else {
				high = mid
			}
		}
		if low == 0 {
			return ErrNoPath
		}
		e, err := node.LookupByIndex(low - 1)
		if err != nil {
			return err
		}
		last, err := e.LookupByIndex(width - 1)
		if err != nil {
			return err
		}
		if height > 0 {
			root = last
			continue
		}
		if k, err := keyAt(node, low-1, width); err != nil || k != key {
			return ErrNoPath
		}
		p.at.Node, p.at.Whole = last, false
		return nil
	}
}

func keyAt(node datamodel.Node, i, width int64) (string, error) {
	e, err := node.LookupByIndex(i)
	if err != nil {
		return "", err
	}
	if e.Kind() != datamodel.Kind_List || e.Length() != width {
		return "", errShape
	}
	k, err := e.LookupByIndex(0)
	if err != nil {
		return "", err
	}
	return k.AsString()
}

// ErrSkip is returned by a visit of Closure for a block below which it need not look.
var ErrSkip = errors.New("skip what is below")

// Closure loads every block that is reached by links from the roots, each once, and calls visit with it, a parent
// before its children, depth first in the order of the links. Blocks of a codec that is not in the table have no
// links that can be known. CIDs that carry their data themselves are looked through and not visited. Memory grows
// with the number of blocks, not with how deep they lie.
func Closure(ctx context.Context, roots []cid.Cid, load Loader, visit func(c cid.Cid, data []byte) error) error {
	return ClosureBy(ctx, roots, load, codec.Links, visit)
}

// ClosureBy is Closure along what links returns of a block. A block for which load returns ErrSkip is passed over.
func ClosureBy(ctx context.Context, roots []cid.Cid, load Loader, links func(code uint64, data []byte) ([]cid.Cid, error), visit func(c cid.Cid, data []byte) error) error {
	seen := map[cid.Cid]struct{}{}
	stack := [][]cid.Cid{roots}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(*top) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		c := (*top)[0]
		*top = (*top)[1:]
		if _, ok := seen[c]; ok {
			continue
		}
		seen[c] = struct{}{}
		if err := ctx.Err(); err != nil {
			return err
		}
		data, inline := codec.Inline(c)
		if !inline {
			var err error
			if data, err = load(c); err == ErrSkip {
				continue
			} else if err != nil {
				return err
			}
			if err := visit(c, data); err == ErrSkip {
				continue
			} else if err != nil {
				return err
			}
		}
		found, err := links(c.Prefix().Codec, data)
		if errors.Is(err, codec.ErrUnknownCodec) {
			continue
		}
		if err != nil {
			return fmt.Errorf("block %s: %w", c, err)
		}
		fresh := found[:0]
		for _, l := range found {
			if _, ok := seen[l]; !ok {
				fresh = append(fresh, l)
			}
		}
		stack = append(stack, fresh)
	}
	return nil
}
