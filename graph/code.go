// This file holds code blocks: a Term as the canonical DAG-CBOR of its block, and back, with every rule checked.

package graph

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// Bounds of one code block.
const (
	MaxCode    = 1 << 20 // bytes
	MaxArity   = 255     // parameters of a lam, captures included
	MaxMembers = 4096    // members of a recursion group
	MaxNesting = 128     // inline terms in each other, as compile makes them
	maxNested  = 200     // the same, as the loader takes them
)

// Lambda is the sole key of code blocks and of those forms of values that the data model has no kind for.
const Lambda = "λ"

// opKeys are the keys of the union that a code block is.
var opKeys = [...]string{
	OpVar: "var", OpLam: "lam", OpApp: "app", OpRec: "rec", OpMember: "member", OpSelf: "self", OpPrim: "prim",
	OpLet: "let", OpIf: "if", OpGet: "get", OpList: "list", OpMap: "map", OpSpread: "spread", OpLit: "lit",
	OpTry: "try", OpLazy: "lazy", OpRef: "",
}

// The rules that a CodeError can name, beside codec's.
const (
	RuleShape     = "not the shape of a term"
	RuleOp        = "an unknown kind of term"
	RuleSize      = "a code block of more than 1 MiB"
	RuleNesting   = "terms nested more than 200 deep"
	RuleRootLink  = "the root is a bare link"
	RuleRootOnly  = "lam, rec and member stand only at the root of a block"
	RuleArity     = "an arity is not within 1 to 255"
	RuleNoArgs    = "an application of nothing"
	RuleHeadApp   = "an application of an application written in place"
	RuleScope     = "a variable that is not in scope"
	RuleClosed    = "closed subterm must be a block of its own"
	RuleLetLit    = "a let of a literal or a primitive"
	RuleDisplay   = "a display of literals must be a literal"
	RuleDuplicate = "a display with a duplicate key"
	RuleLitFn     = "a literal that is a function"
	RuleLazy      = "lazy of something else than a block, or a member or block applied to variables"
	RuleCodeLink  = "a link to code that is not CIDv1, dag-cbor, sha2-256"
	RuleSelf      = "self outside of a group, or of a member that is not there"
	RuleSelfUse   = "a member without parameters stands only in a lazy, and a lazy takes all of its member's parameters"
	RuleMembers   = "a group of no members or of more than 4096"
	RuleConnected = "members of a group that do not all mention each other"
	RuleGroup     = "a group that is not in canonical form"
	RulePrim      = "a primitive without a name"
)

// A CodeError says which block of code is refused, and by which rule.
type CodeError struct {
	CID  cid.Cid
	Rule string
}

func (e *CodeError) Error() string { return fmt.Sprintf("code %s: %s", e.CID, e.Rule) }

// IsCode says whether a DAG-CBOR block is code: its root is a map with the sole key λ.
func IsCode(data []byte) bool {
	return len(data) > 4 && data[0] == 0xa1 && string(data[1:4]) == "\x62λ"
}

// EncodeCode returns the block of a term that has the canonical form, and puts it after the blocks of its literals.
func EncodeCode(t *Term, put Sink) Block {
	dst := codec.AppendText(codec.AppendMap(make([]byte, 0, 128), 1), Lambda)
	dst = appendTerm(dst, t, put)
	b := Block{codec.CIDOf(dst), dst}
	if put != nil {
		put.Take(b)
	}
	return b
}

func appendTerm(dst []byte, t *Term, put Sink) []byte {
	if t.Op == OpRef {
		return codec.AppendLink(dst, t.CID)
	}
	dst = codec.AppendText(codec.AppendMap(dst, 1), opKeys[t.Op])
	switch t.Op {
	case OpVar, OpSelf:
		return codec.AppendInt(dst, int64(t.Index))
	case OpLam:
		return appendLam(dst, t, put)
	case OpRec:
		dst = codec.AppendArray(dst, len(t.Args))
		for _, m := range t.Args {
			dst = appendLam(dst, m, put)
		}
		return dst
	case OpMember:
		return codec.AppendInt(codec.AppendLink(codec.AppendArray(dst, 2), t.CID), int64(t.Index))
	case OpPrim:
		return codec.AppendText(dst, t.Name)
	case OpGet:
		dst = appendTerm(codec.AppendArray(dst, 2), t.Args[0], put)
		return codec.AppendText(dst, t.Name)
	case OpLit:
		return Place(dst, t.Value, put)
	case OpTry, OpLazy, OpSpread:
		return appendTerm(dst, t.Args[0], put)
	case OpMap:
		dst = codec.AppendArray(dst, len(t.Args))
		for i, a := range t.Args {
			if a.Op != OpSpread {
				dst = codec.AppendText(codec.AppendArray(dst, 2), t.Keys[i])
			}
			dst = appendTerm(dst, a, put)
		}
		return dst
	default: // app, let, if, list
		dst = codec.AppendArray(dst, len(t.Args))
		for _, a := range t.Args {
			dst = appendTerm(dst, a, put)
		}
		return dst
	}
}

func appendLam(dst []byte, t *Term, put Sink) []byte {
	dst = codec.AppendText(codec.AppendMap(dst, 2), "body")
	dst = appendTerm(dst, t.Args[0], put)
	return codec.AppendInt(codec.AppendText(dst, "arity"), int64(t.Arity))
}

// Walk calls f with each node of a block's term in preorder and with its number: the root is 0; links, members of
// a group and spreads count.
func Walk(t *Term, f func(index int, t *Term)) {
	stack := []*Term{t}
	for i := 0; len(stack) > 0; i++ {
		t := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		f(i, t)
		for j := len(t.Args) - 1; j >= 0; j-- {
			stack = append(stack, t.Args[j])
		}
	}
}

// DecodeCode returns the term of the code block c, whose verified bytes are data. Bytes that are not a canonical
// code block give a *CodeError. Blocks that a literal's trees stand in come from load, but a literal that is known to be equal to one of
// the values that are held is that value.
func DecodeCode(c cid.Cid, data []byte, load Loader, held ...Value) (*Term, error) {
	return decodeCode(c, data, load, nil, held)
}

// DecodeCode is as DecodeCode, but that large lists and maps stay where they are.
func (f *Far) DecodeCode(c cid.Cid, data []byte, held ...Value) (*Term, error) {
	return decodeCode(c, data, f.Load, f, held)
}

func decodeCode(c cid.Cid, data []byte, load Loader, far *Far, held []Value) (*Term, error) {
	var loadErr error
	d := codeReader{members: -1, held: held, far: far, load: func(c cid.Cid) ([]byte, error) {
		data, err := load(c)
		if err != nil {
			loadErr = err
		}
		return data, err
	}}
	t, err := d.block(c, data)
	if e := (*LoadError)(nil); errors.As(err, &e) {
		loadErr = e
	}
	switch {
	case err == nil:
		return t, nil
	case loadErr != nil:
		return nil, fmt.Errorf("code %s: %w", c, loadErr)
	}
	return nil, &CodeError{c, err.Error()}
}

// LoadCode loads and decodes a code block.
func LoadCode(c cid.Cid, load Loader) (*Term, error) {
	data, err := load(c)
	if err != nil {
		return nil, err
	}
	return DecodeCode(c, data, load)
}

// LoadMember returns the lam of the member that t, an OpMember, stands for, and its group.
func LoadMember(t *Term, load Loader) (group, lam *Term, err error) {
	group, err = LoadCode(t.CID, load)
	switch {
	case err != nil:
		return nil, nil, err
	case group.Op != OpRec:
		return nil, nil, &CodeError{t.CID, "got " + opKeys[group.Op] + ", want the rec that a member links to"}
	case t.Index >= len(group.Args):
		return nil, nil, &CodeError{t.CID, fmt.Sprintf("got member %d, want one of %d", t.Index, len(group.Args))}
	}
	return group, group.Args[t.Index], nil
}

// A codeReader reads the term of one block. Each term is read with the number of variables in scope at it.
type codeReader struct {
	r       *codec.Reader
	load    Loader
	far     *Far
	held    []Value
	depth   int
	members int       // of the group being read, -1 outside of one
	selves  []selfUse // in the group being read
	edges   [][]int   // in the group being read: the members that each member mentions
}

// A selfUse is a mention of a member: of any arity but 0 when params is -1, else of that arity.
type selfUse struct{ index, params int }

// A freeVar says what is free in a term: the lowest level of a variable, freeSelf when it mentions a member of its group,
// freeNone when it is neither. A term with n variables in scope is closed when its free is at least n.
type freeVar int

const (
	freeSelf freeVar = -1
	freeNone freeVar = math.MaxInt
)

func (d *codeReader) fail(rule string) error { return d.r.Fail(rule) }

func (d *codeReader) block(c cid.Cid, data []byte) (*Term, error) {
	if !isOwnCID(c) {
		return nil, errors.New(RuleCodeLink)
	}
	if len(data) > MaxCode {
		return nil, errors.New(RuleSize)
	}
	if err := codec.Check(data, true); err != nil {
		return nil, err
	}
	d.r = codec.NewReader(data, true)
	if !d.r.Only(Lambda) {
		return nil, d.fail(RuleShape)
	}
	if d.r.Peek() == codec.Link {
		return nil, d.fail(RuleRootLink)
	}
	t, err := d.root()
	if err != nil {
		return nil, err
	}
	return t, d.r.Done()
}

// isOwnCID says whether c is a CIDv1 of dag-cbor and sha2-256, as all CIDs are that we make.
func isOwnCID(c cid.Cid) bool {
	return strings.HasPrefix(c.KeyString(), "\x01\x71\x12\x20")
}

func (d *codeReader) root() (*Term, error) {
	start := *d.r
	op, err := d.op()
	if err != nil {
		return nil, err
	}
	switch op {
	case OpLam:
		t, _, err := d.lam(1)
		return t, err
	case OpRec:
		return d.rec()
	case OpMember:
		t := &Term{Op: OpMember}
		if err := d.tuple(2); err != nil {
			return nil, err
		}
		if t.CID, err = d.codeLink(); err != nil {
			return nil, err
		}
		t.Index, err = d.r.Small(MaxMembers - 1)
		return t, err
	}
	*d.r = start
	t, _, err := d.term(0)
	return t, err
}

// op reads the head and the key of a term that is not a link.
func (d *codeReader) op() (Op, error) {
	at := *d.r
	n, err := d.r.Map()
	if err != nil || n != 1 {
		*d.r = at
		return 0, d.fail(RuleShape)
	}
	key, err := d.r.TextBytes()
	if err != nil {
		return 0, err
	}
	switch string(key) {
	case "var":
		return OpVar, nil
	case "lam":
		return OpLam, nil
	case "app":
		return OpApp, nil
	case "rec":
		return OpRec, nil
	case "member":
		return OpMember, nil
	case "self":
		return OpSelf, nil
	case "prim":
		return OpPrim, nil
	case "let":
		return OpLet, nil
	case "if":
		return OpIf, nil
	case "get":
		return OpGet, nil
	case "list":
		return OpList, nil
	case "map":
		return OpMap, nil
	case "spread":
		return OpSpread, nil
	case "lit":
		return OpLit, nil
	case "try":
		return OpTry, nil
	case "lazy":
		return OpLazy, nil
	}
	*d.r = at
	return 0, d.fail(fmt.Sprintf("%s: %.40q", RuleOp, key))
}

// tuple reads the head of a list of n.
func (d *codeReader) tuple(n int) error {
	at := *d.r
	if got, err := d.r.Array(); err != nil || got != n {
		*d.r = at
		return d.fail(RuleShape)
	}
	return nil
}

func (d *codeReader) codeLink() (cid.Cid, error) {
	at := *d.r
	c, err := d.r.Link()
	if err == nil && !isOwnCID(c) {
		*d.r = at
		err = d.fail(RuleCodeLink)
	}
	return c, err
}

// lam reads the arity and body of a function, whose arity is at least least.
func (d *codeReader) lam(least int) (*Term, freeVar, error) {
	at := *d.r
	n, err := d.r.Map()
	if err != nil || n != 2 {
		*d.r = at
		return nil, 0, d.fail(RuleShape)
	}
	if key, err := d.r.Key("", true); err != nil || key != "body" {
		return nil, 0, d.fail(RuleShape)
	}
	// The arity, which the body's scope needs, comes after the body.
	body := *d.r
	if err := d.r.Skip(); err != nil {
		return nil, 0, err
	}
	if key, err := d.r.Key("body", false); err != nil || key != "arity" {
		return nil, 0, d.fail(RuleShape)
	}
	t := &Term{Op: OpLam, Args: make([]*Term, 1)}
	at = *d.r
	t.Arity, err = d.r.Small(MaxArity)
	if err != nil || t.Arity < least {
		*d.r = at
		return nil, 0, d.fail(RuleArity)
	}
	end := *d.r
	*d.r = body
	var f freeVar
	if t.Args[0], f, err = d.inner(t.Arity); err != nil {
		return nil, 0, err
	}
	*d.r = end
	return t, f, nil
}

// inner reads a term that stands inside another one, so it must not be closed unless it is a link, a literal or
// a primitive.
func (d *codeReader) inner(scope int) (*Term, freeVar, error) {
	if d.depth++; d.depth > maxNested {
		return nil, 0, d.fail(RuleNesting)
	}
	at := *d.r
	t, f, err := d.term(scope)
	d.depth--
	if err != nil {
		return nil, 0, err
	}
	if f >= freeVar(scope) && t.Op != OpRef && t.Op != OpLit && t.Op != OpPrim {
		*d.r = at
		return nil, 0, d.fail(RuleClosed)
	}
	return t, f, nil
}

func (d *codeReader) term(scope int) (*Term, freeVar, error) {
	if d.r.Peek() == codec.Link {
		c, err := d.codeLink()
		return &Term{Op: OpRef, CID: c}, freeNone, err
	}
	start := *d.r
	op, err := d.op()
	if err != nil {
		return nil, 0, err
	}
	t, f := &Term{Op: op}, freeNone
	switch op {
	case OpVar:
		at := *d.r
		if t.Index, err = d.r.Small(math.MaxInt32); err != nil || t.Index >= scope {
			*d.r = at
			err = d.fail(RuleScope)
		}
		f = freeVar(t.Index)
	case OpSelf:
		err = d.self(t, -1)
		f = freeSelf
	case OpPrim:
		if t.Name, err = d.r.Text(); err == nil && t.Name == "" {
			err = d.fail(RulePrim)
		}
	case OpLit:
		v := decoder{load: d.load, far: d.far, held: d.held}
		if t.Value, err = v.decode(d.r, false); err == nil && t.Value.Kind() == KindFn {
			err = d.fail(RuleLitFn)
		}
	case OpApp:
		f, err = d.app(t, scope)
	case OpLet:
		f, err = d.let(t, scope)
	case OpIf:
		if err = d.tuple(3); err == nil {
			f, err = d.args(t, 3, scope)
		}
	case OpGet:
		if err = d.tuple(2); err == nil {
			if f, err = d.args(t, 1, scope); err == nil {
				t.Name, err = d.r.Text()
			}
		}
	case OpTry:
		f, err = d.args(t, 1, scope)
	case OpLazy:
		f, err = d.lazy(t, scope)
	case OpList:
		f, err = d.list(t, scope)
	case OpMap:
		f, err = d.mapOf(t, scope)
	case OpSpread:
		*d.r = start
		err = d.fail(RuleShape)
	default:
		*d.r = start
		err = d.fail(RuleRootOnly)
	}
	if err != nil {
		return nil, 0, err
	}
	return t, f, nil
}

// args reads n terms into t.
func (d *codeReader) args(t *Term, n, scope int) (freeVar, error) {
	f := freeNone
	t.Args = make([]*Term, 0, min(n, 256))
	for ; n > 0; n-- {
		a, af, err := d.inner(scope)
		if err != nil {
			return 0, err
		}
		f = min(f, af)
		t.Args = append(t.Args, a)
	}
	return f, nil
}

func (d *codeReader) app(t *Term, scope int) (freeVar, error) {
	at := *d.r
	n, err := d.r.Array()
	if err != nil {
		return 0, err
	}
	if n < 2 {
		*d.r = at
		return 0, d.fail(RuleNoArgs)
	}
	at = *d.r
	f, err := d.args(t, n, scope)
	if err == nil && t.Args[0].Op == OpApp {
		*d.r = at
		err = d.fail(RuleHeadApp)
	}
	return f, err
}

func (d *codeReader) let(t *Term, scope int) (freeVar, error) {
	if err := d.tuple(2); err != nil {
		return 0, err
	}
	at := *d.r
	f, err := d.args(t, 1, scope)
	if err != nil {
		return 0, err
	}
	if op := t.Args[0].Op; op == OpLit || op == OpPrim {
		*d.r = at
		return 0, d.fail(RuleLetLit)
	}
	body, bf, err := d.inner(scope + 1)
	t.Args = append(t.Args, body)
	return min(f, bf), err
}

// self reads the index of a member of the group, which must have so many parameters (see selfUse).
func (d *codeReader) self(t *Term, params int) error {
	at := *d.r
	i, err := d.r.Small(MaxMembers)
	if err != nil || i >= d.members {
		*d.r = at
		return d.fail(RuleSelf)
	}
	t.Index = i
	d.selves = append(d.selves, selfUse{i, params})
	return nil
}

// lazy reads what a lazy value delays: a block, a member, or one of them applied to its captures.
func (d *codeReader) lazy(t *Term, scope int) (freeVar, error) {
	at := *d.r
	uses := len(d.selves)
	f, err := d.args(t, 1, scope)
	if err != nil {
		return 0, err
	}
	head, params := t.Args[0], 0
	ok := true
	if head.Op == OpApp {
		for _, a := range head.Args[1:] {
			ok = ok && a.Op == OpVar
			params++
		}
		head = head.Args[0]
	}
	switch {
	case ok && head.Op == OpRef:
	case ok && head.Op == OpSelf:
		d.selves[uses].params = params // the only mention in it
	default:
		*d.r = at
		return 0, d.fail(RuleLazy)
	}
	return f, nil
}

// item reads an item of a display, or a spread.
func (d *codeReader) item(scope int) (*Term, freeVar, error) {
	at := *d.r
	if !d.r.Only("spread") {
		return d.inner(scope)
	}
	t := &Term{Op: OpSpread}
	if d.r.Len() == 0 {
		*d.r = at
		return nil, 0, d.fail(RuleShape)
	}
	f, err := d.args(t, 1, scope)
	return t, f, err
}

func (d *codeReader) list(t *Term, scope int) (freeVar, error) {
	at := *d.r
	n, err := d.r.Array()
	if err != nil {
		return 0, err
	}
	f, lits := freeNone, true
	for ; n > 0; n-- {
		a, af, err := d.item(scope)
		if err != nil {
			return 0, err
		}
		f, lits = min(f, af), lits && a.Op == OpLit
		t.Args = append(t.Args, a)
	}
	if lits {
		*d.r = at
		return 0, d.fail(RuleDisplay)
	}
	return f, nil
}

func (d *codeReader) mapOf(t *Term, scope int) (freeVar, error) {
	at := *d.r
	n, err := d.r.Array()
	if err != nil {
		return 0, err
	}
	f, lits := freeNone, true
	seen := map[string]bool{}
	for ; n > 0; n-- {
		key := ""
		if d.r.Peek() == codec.Array {
			entry := *d.r
			if err := d.tuple(2); err != nil {
				return 0, err
			}
			if key, err = d.r.Text(); err != nil {
				return 0, err
			}
			if seen[key] {
				*d.r = entry
				return 0, d.fail(RuleDuplicate)
			}
			seen[key] = true
			if d.r.Peek() != codec.Map && d.r.Peek() != codec.Link {
				return 0, d.fail(RuleShape)
			}
			a, af, err := d.inner(scope)
			if err != nil {
				return 0, err
			}
			f, lits = min(f, af), lits && a.Op == OpLit
			t.Args, t.Keys = append(t.Args, a), append(t.Keys, key)
			continue
		}
		a, af, err := d.item(scope)
		if err != nil {
			return 0, err
		}
		if a.Op != OpSpread {
			*d.r = at
			return 0, d.fail(RuleShape)
		}
		f, lits = min(f, af), false
		t.Args, t.Keys = append(t.Args, a), append(t.Keys, "")
	}
	if lits {
		*d.r = at
		return 0, d.fail(RuleDisplay)
	}
	return f, nil
}

// rec reads a recursion group, and checks that it is the canonical form of itself.
func (d *codeReader) rec() (*Term, error) {
	at := *d.r
	n, err := d.r.Array()
	if err != nil {
		return nil, err
	}
	if n < 1 || n > MaxMembers {
		*d.r = at
		return nil, d.fail(RuleMembers)
	}
	t := &Term{Op: OpRec, Args: make([]*Term, n)}
	d.members, d.edges = n, make([][]int, n)
	var uses []selfUse
	for i := range t.Args {
		d.selves = d.selves[:0]
		if t.Args[i], _, err = d.lam(0); err != nil {
			return nil, err
		}
		for _, u := range d.selves {
			d.edges[i] = append(d.edges[i], u.index)
		}
		uses = append(uses, d.selves...)
	}
	for _, u := range uses {
		if arity := t.Args[u.index].Arity; u.params < 0 && arity == 0 || u.params >= 0 && arity != u.params {
			return nil, errors.New(RuleSelfUse)
		}
	}
	if !connected(d.edges) {
		return nil, errors.New(RuleConnected)
	}
	ordered, place, err := CanonicalGroup(t.Args)
	if err != nil {
		return nil, err
	}
	if len(ordered) != n {
		return nil, errors.New(RuleGroup)
	}
	for i, p := range place {
		if p != i {
			return nil, errors.New(RuleGroup)
		}
	}
	return t, nil
}

// connected says whether from every member every member is reached, and the only one from itself.
func connected(edges [][]int) bool {
	if len(edges) == 1 {
		return len(edges[0]) > 0
	}
	back := make([][]int, len(edges))
	for i, to := range edges {
		for _, j := range to {
			back[j] = append(back[j], i)
		}
	}
	return reachesAll(edges) && reachesAll(back)
}

// reachesAll says whether from member 0 every member is reached.
func reachesAll(edges [][]int) bool {
	seen := make([]bool, len(edges))
	seen[0] = true
	queue := []int{0}
	for i := 0; i < len(queue); i++ {
		for _, j := range edges[queue[i]] {
			if !seen[j] {
				seen[j] = true
				queue = append(queue, j)
			}
		}
	}
	return len(queue) == len(edges)
}
