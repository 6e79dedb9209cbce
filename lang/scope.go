// This file says what the names of a program mean: where each is bound, where it is used, and what can be seen where.

package lang

import (
	"fmt"
	"sort"
	"strings"
)

// Scopes are the bindings and uses of names in one file. They serve completion, definitions, references and renaming;
// the compiler has its own, which also know what the names stand for. Both follow the same rules.
type Scopes struct {
	File     *File
	Bindings []*Binding // top-level ones in source order, then others, an outer scope's before an inner one's
	Uses     []Use      // in source order
	items    []Span     // what was understood, in order
}

// A Binding is a name that a program gives to something.
type Binding struct {
	Name   string
	Kind   BindingKind
	Sites  []Site // where it is written: one, or in a match one for each alternative
	Def    *Def   // what binds it, if that is a definition that was understood
	Scope  Span   // where it can be seen, unless an inner one hides it
	hidden Span   // where it cannot: the right side of a plain top-level definition
}

// A BindingKind says what binds a name.
type BindingKind uint8

const (
	BoundTop   BindingKind = iota // a definition of the file
	BoundLet                      // a local definition
	BoundParam                    // a parameter
	BoundArm                      // a pattern of a match
)

// A Site is a place where a name is written.
type Site struct {
	Span
	Short bool // {name}: the key of a map too
}

// A Use is a name in an expression.
type Use struct {
	Site
	Name    string
	Module  string   // Text of Text.split
	Binding *Binding // nil for what the file does not bind
	Import  *Binding // m of m.f, which is a use of the imported file's f
}

// Resolve finds the bindings and uses of a file. The file may have mistakes: what was not understood has no uses, and
// of its bindings only the top-level names are known.
func Resolve(f *File) *Scopes {
	r := &resolver{s: &Scopes{File: f}, tops: map[string]*Binding{}, scope: map[string][]*Binding{}}
	for _, d := range f.Defs {
		r.s.items = append(r.s.items, d.Span)
		eachSite(d.Pattern, false, func(name string, at Site) {
			b := &Binding{Name: name, Kind: BoundTop, Sites: []Site{at}, Def: d, Scope: Span{0, len(f.Source)}}
			if !recursive(d) {
				b.hidden = d.Value.Where()
			}
			r.top(b)
		})
	}
	if f.Body != nil {
		r.s.items = append(r.s.items, f.Body.Where())
	}
	sort.Slice(r.s.items, func(i, j int) bool { return r.s.items[i].Start < r.s.items[j].Start })
	r.brokenTops()
	for _, d := range f.Defs {
		r.def = d
		r.later(func() { r.value(d) })
		r.run()
	}
	r.def = nil
	if f.Body != nil {
		r.work = append(r.work, task{expr: f.Body})
		r.run()
	}
	sort.SliceStable(r.s.Uses, func(i, j int) bool { return r.s.Uses[i].Start < r.s.Uses[j].Start })
	return r.s
}

// A resolver walks over expressions with a stack of its own: a chain of operators may have any length.
type resolver struct {
	s     *Scopes
	tops  map[string]*Binding
	scope map[string][]*Binding // local ones, the innermost last
	def   *Def                  // the top-level definition it is in
	work  []task
}

// A task is an expression to visit, or something to do.
type task struct {
	expr Expr
	do   func()
}

func (r *resolver) later(do func()) { r.work = append(r.work, task{do: do}) }

func (r *resolver) visit(exprs ...Expr) {
	for i := len(exprs) - 1; i >= 0; i-- {
		if exprs[i] != nil {
			r.work = append(r.work, task{expr: exprs[i]})
		}
	}
}

func (r *resolver) run() {
	for len(r.work) > 0 {
		t := r.work[len(r.work)-1]
		r.work = r.work[:len(r.work)-1]
		if t.do != nil {
			t.do()
		} else {
			r.expr(t.expr)
		}
	}
}

func (r *resolver) top(b *Binding) {
	if r.tops[b.Name] == nil {
		r.tops[b.Name] = b
		r.s.Bindings = append(r.s.Bindings, b)
	}
}

// brokenTops adds the names of top-level definitions that were not understood.
func (r *resolver) brokenTops() {
	src, found := r.s.File.Source, len(r.s.Bindings)
	for start := 0; start < len(src); {
		word := ""
		if strings.HasPrefix(src[start:], "let ") || strings.HasPrefix(src[start:], "and ") {
			at := start + len("let ")
			for at < len(src) && src[at] == ' ' {
				at++
			}
			for n := at; n < len(src) && (class[src[n]] >= cLower || src[n] == '\''); n++ {
				word = src[at : n+1]
			}
			if word != "" && word != "_" && class[word[0]] == cLower && keyword(word) == tName && !r.s.understood(at) {
				r.top(&Binding{Name: word, Kind: BoundTop, Sites: []Site{{Span: Span{at, at + len(word)}}}, Scope: Span{0, len(src)}})
			}
		}
		next := strings.IndexByte(src[start:], '\n')
		if next < 0 {
			break
		}
		start += next + 1
	}
	if len(r.s.Bindings) > found {
		sort.SliceStable(r.s.Bindings, func(i, j int) bool { return r.s.Bindings[i].Sites[0].Start < r.s.Bindings[j].Sites[0].Start })
	}
}

// understood reports whether an offset is in an item without mistakes, its end included.
func (s *Scopes) understood(offset int) bool {
	i := sort.Search(len(s.items), func(i int) bool { return s.items[i].Start > offset })
	return i > 0 && offset <= s.items[i-1].End
}

// eachSite calls f with the names that a pattern binds.
func eachSite(pat Pattern, short bool, f func(name string, at Site)) {
	switch v := pat.(type) {
	case *NamePat:
		f(v.Name, Site{v.Span, short})
	case *ListPat:
		if v.Rest == 0 && v.RestPat != nil {
			eachSite(v.RestPat, false, f)
		}
		for _, item := range v.Items {
			eachSite(item, false, f)
		}
		if v.Rest > 0 && v.RestPat != nil {
			eachSite(v.RestPat, false, f)
		}
	case *MapPat:
		for _, e := range v.Entries {
			eachSite(e.Pattern, e.Pattern.Where() == e.KeySpan, f)
		}
		if v.RestPat != nil {
			eachSite(v.RestPat, false, f)
		}
	case *TagPat:
		if v.Arg != nil {
			eachSite(v.Arg, false, f)
		}
	case *AsPat:
		eachSite(v.Pattern, false, f)
		f(v.Name, Site{v.NameSpan, false})
	}
}

// bind opens the scope of the names in some patterns, which is where the span says; what it returns closes it. A name
// that stands in several alternatives of an arm is one binding.
func (r *resolver) bind(kind BindingKind, d *Def, where Span, pats ...Pattern) (unbind func()) {
	first := len(r.s.Bindings)
	for _, pat := range pats {
		eachSite(pat, false, func(name string, at Site) {
			for _, b := range r.s.Bindings[first:] {
				if b.Name == name && kind == BoundArm {
					b.Sites = append(b.Sites, at)
					return
				}
			}
			b := &Binding{Name: name, Kind: kind, Sites: []Site{at}, Def: d, Scope: where}
			r.s.Bindings = append(r.s.Bindings, b)
			r.scope[name] = append(r.scope[name], b)
		})
	}
	bound := r.s.Bindings[first:len(r.s.Bindings):len(r.s.Bindings)]
	return func() {
		for _, b := range bound {
			if s := r.scope[b.Name]; len(s) == 1 {
				delete(r.scope, b.Name)
			} else {
				r.scope[b.Name] = s[:len(s)-1]
			}
		}
	}
}

// within visits expressions with the names of some patterns in scope.
func (r *resolver) within(kind BindingKind, d *Def, pats []Pattern, exprs ...Expr) {
	where := exprs[len(exprs)-1].Where()
	if exprs[0] != nil {
		where.Start = exprs[0].Where().Start
	}
	r.later(r.bind(kind, d, where, pats...))
	r.visit(exprs...)
}

// value visits the right side of a definition with its parameters in scope.
func (r *resolver) value(d *Def) { r.within(BoundParam, nil, d.Params, d.Value) }

// name notes the use of a name.
func (r *resolver) name(name string, at Site) *Binding {
	u := Use{Site: at, Name: name}
	if s := r.scope[name]; len(s) > 0 {
		u.Binding = s[len(s)-1]
	} else if b := r.tops[name]; b != nil && (b.Def == nil || b.Def != r.def || recursive(b.Def)) {
		u.Binding = b
	}
	r.s.Uses = append(r.s.Uses, u)
	return u.Binding
}

// isImport reports whether a binding is `let m = import …` of a file or a library.
func (b *Binding) isImport() bool {
	if b == nil || b.Kind != BoundTop || b.Def == nil {
		return false
	}
	_, ok := b.Def.Value.(*Import)
	return ok
}

// expr visits one expression and leaves its parts to later.
func (r *resolver) expr(e Expr) {
	switch e := e.(type) {
	case *Name:
		r.name(e.Name, Site{Span: e.Span})
	case *ModuleName:
		r.s.Uses = append(r.s.Uses, Use{Site: Site{Span: e.Span}, Name: e.Name, Module: e.Module})
	case *Interp:
		r.visit(e.Parts...)
	case *List:
		for i := len(e.Items) - 1; i >= 0; i-- {
			r.visit(e.Items[i].Value)
		}
	case *Map:
		for i := len(e.Entries) - 1; i >= 0; i-- {
			entry := e.Entries[i]
			if name, ok := entry.Value.(*Name); ok && !entry.Spread && name.Span == entry.KeySpan {
				r.later(func() { r.name(name.Name, Site{name.Span, true}) })
				continue
			}
			r.visit(entry.Value)
		}
	case *Tag:
		r.visit(e.Arg)
	case *Apply:
		r.visit(e.Args...)
		r.visit(e.Fn)
	case *Binary:
		r.visit(e.Left, e.Right)
	case *Neg:
		r.visit(e.Arg)
	case *Lambda:
		r.within(BoundParam, nil, e.Params, e.Body)
	case *Let:
		r.let(e)
	case *If:
		r.visit(e.Cond, e.Then, e.Else)
	case *Lazy:
		r.visit(e.Arg)
	case *Try:
		r.visit(e.Arg)
	case *Match:
		for i := len(e.Arms) - 1; i >= 0; i-- {
			arm := e.Arms[i]
			r.later(func() { r.within(BoundArm, nil, arm.Patterns, arm.Guard, arm.Body) })
		}
		r.visit(e.Subject)
	case *Get:
		if name, ok := e.Arg.(*Name); ok {
			if b := r.name(name.Name, Site{Span: name.Span}); b.isImport() {
				r.s.Uses = append(r.s.Uses, Use{Site: Site{Span: e.KeySpan}, Name: e.Key, Import: b})
			}
			return
		}
		r.visit(e.Arg)
	}
}

// let visits a let: a name with parameters, and one of a lambda or a lazy, can be seen in the right sides.
func (r *resolver) let(e *Let) {
	if d := e.Defs[0]; len(e.Defs) == 1 && !recursive(d) {
		r.later(func() { r.within(BoundLet, d, []Pattern{d.Pattern}, e.Body) })
		r.visit(d.Value)
		return
	}
	for _, d := range e.Defs {
		r.later(r.bind(BoundLet, d, Span{e.Defs[0].Start, e.Body.Where().End}, d.Pattern))
	}
	r.visit(e.Body)
	for i := len(e.Defs) - 1; i >= 0; i-- {
		d := e.Defs[i]
		r.later(func() { r.value(d) })
	}
}

// At gives the name that stands at an offset, the byte after it included: the binding (nil if the file has none),
// where it stands there, and what is written. In what was not understood it is the name that would be seen there.
func (s *Scopes) At(offset int) (Use, bool) {
	for i := sort.Search(len(s.Uses), func(i int) bool { return s.Uses[i].End >= offset }); i < len(s.Uses) && s.Uses[i].Start <= offset; i++ {
		if u := s.Uses[i]; offset <= u.End {
			if next := i + 1; u.End == offset && next < len(s.Uses) && s.Uses[next].Start == offset {
				continue
			}
			return u, true
		}
	}
	for _, b := range s.Bindings {
		for _, site := range b.Sites {
			if site.Start <= offset && offset <= site.End {
				return Use{Site: site, Name: b.Name, Binding: b}, true
			}
		}
	}
	if s.understood(offset) {
		return Use{}, false
	}
	return s.wordAt(offset)
}

// wordAt is the name at an offset in what was not understood.
func (s *Scopes) wordAt(offset int) (Use, bool) {
	src := s.File.Source
	part := func(i int) bool { return class[src[i]] >= cLower || src[i] == '\'' }
	start, end := min(offset, len(src)), min(offset, len(src))
	for start > 0 && part(start-1) {
		start--
	}
	for end < len(src) && part(end) {
		end++
	}
	word := src[start:end]
	if word == "" || class[word[0]] != cLower || keyword(word) != tName {
		return Use{}, false
	}
	u := Use{Site: Site{Span: Span{start, end}}, Name: word}
	if start > 1 && src[start-1] == '.' {
		from := start - 1
		for from > 0 && part(from-1) {
			from--
		}
		if u.Module = src[from : start-1]; u.Module == "" || class[u.Module[0]] != cUpper {
			return Use{}, false // a field
		}
		u.Start = from
		return u, true
	}
	for _, b := range s.NamesAt(start) {
		if b.Name == word {
			u.Binding = b
		}
	}
	return u, true
}

// UsesOf are the uses of a binding, in source order.
func (s *Scopes) UsesOf(b *Binding) []Use {
	var uses []Use
	for _, u := range s.Uses {
		if u.Binding == b {
			uses = append(uses, u)
		}
	}
	return uses
}

// NamesAt are the bindings that can be seen at an offset, innermost first. White space belongs to the item before it.
func (s *Scopes) NamesAt(offset int) []*Binding {
	src := s.File.Source
	offset = min(max(offset, 0), len(src))
	at, newItem := offset, offset == 0 || src[offset-1] == '\n'
	for !newItem && at > 0 && strings.IndexByte(" \t\r\n", src[at-1]) >= 0 {
		at--
	}
	if newItem {
		at = -1 // in no local scope
	}
	var seen []*Binding
	hidden := map[string]bool{}
	if !newItem && !s.understood(at) {
		for _, b := range s.brokenLocals(offset) {
			if !hidden[b.Name] {
				hidden[b.Name] = true
				seen = append(seen, b)
			}
		}
	}
	for i := len(s.Bindings) - 1; i >= 0; i-- {
		b := s.Bindings[i]
		visible := b.Scope.has(at) || b.Scope.has(offset) && !newItem
		if b.Kind == BoundTop {
			visible = b.hidden == Span{} || newItem || !b.hidden.has(at) && !b.hidden.has(offset)
		}
		if visible && !hidden[b.Name] {
			hidden[b.Name] = true
			seen = append(seen, b)
		}
	}
	return seen
}

// has reports whether an offset is in a span, its end included.
func (s Span) has(offset int) bool { return s.Start <= offset && offset <= s.End }

// NamesAt are the names that a file binds and that can be seen at an offset, innermost first.
func NamesAt(f *File, offset int) []*Binding { return Resolve(f).NamesAt(offset) }

// Definition gives the binding of the name at an offset of a file, nil if the file has none.
func Definition(f *File, offset int) *Binding {
	u, _ := Resolve(f).At(offset)
	return u.Binding
}

// brokenLocals are the local names that tokens alone tell at an offset of an item with mistakes, innermost first.
func (s *Scopes) brokenLocals(offset int) []*Binding {
	src := s.File.Source
	start := strings.LastIndexByte(src[:offset], '\n') + 1
	for start > 0 {
		if c := src[start]; class[c] >= cLower || c == '\\' || c == '(' || c == '[' || c == '"' || c == '@' {
			if word := (&scanner{src: src}).wordAt(start); word != "and" && word != "in" && word != "then" && word != "else" {
				break
			}
		}
		start = strings.LastIndexByte(src[:start-1], '\n') + 1
	}
	t := &tokenScopes{src: src[start:offset], base: start}
	t.read()
	names := t.names
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	return names
}

// A tokenScopes tells the local names at the end of a text by its tokens: a lambda reaches to the end of the bracket
// it is in, a definition's parameters to its `in`, an arm to the next.
type tokenScopes struct {
	src    string
	base   int // where src begins in the file
	kinds  []tokenAt
	names  []*Binding
	frames []frame
}

type tokenAt struct {
	Span
	kind int
}

// A frame is an open bracket or an open let; names is how many were in scope before it.
type frame struct {
	close int // the kind of token that closes it; tIn for a let
	names int
	let   []*Binding // the names of the let
}

func (t *tokenScopes) read() {
	sc := newScanner("", t.src)
	for sc.beginItem() {
		for {
			tok, _ := sc.Next()
			if tok.Type == tEOF {
				if !sc.more {
					break
				}
				sc.beginChunk()
				continue
			}
			t.kinds = append(t.kinds, tokenAt{Span{tok.Pos.Offset, tok.Pos.Offset + len(tok.Value)}, int(tok.Type)})
		}
	}
	for i := 0; i < len(t.kinds); {
		i = t.token(i)
	}
}

// token reads one token, or a pattern, and returns where it goes on.
func (t *tokenScopes) token(i int) int {
	top := frame{close: -1}
	if n := len(t.frames) - 1; n >= 0 {
		top = t.frames[n]
	}
	open := func(close int) { t.frames = append(t.frames, frame{close: close, names: len(t.names)}) }
	switch kind := t.kinds[i].kind; kind {
	case int(tLParen):
		open(int(tRParen))
	case int(tLBracket):
		open(int(tRBracket))
	case int(tLBrace):
		open(int(tRBrace))
	case int(tArms):
		open(int(tBar))
	case int(tTextHead):
		open(int(tTextTail))
	case int(tRParen), int(tRBracket), int(tRBrace), int(tTextTail):
		t.closes(kind)
	case int(tComma), int(tTextMid):
		if top.close != int(tIn) {
			t.names = t.names[:top.names]
		}
	case int(tBackslash):
		return t.patterns(i+1, BoundParam, int(tArrow))
	case int(tBar):
		for len(t.frames) > 0 && t.frames[len(t.frames)-1].close == int(tIn) {
			t.frames = t.frames[:len(t.frames)-1]
		}
		if n := len(t.frames) - 1; n >= 0 && t.frames[n].close == int(tBar) {
			t.names = t.names[:t.frames[n].names]
			return t.patterns(i+1, BoundArm, int(tArrow), int(tIf), int(tBar))
		}
	case int(tLet):
		open(int(tIn))
		return t.binding(i + 1)
	case int(tAnd):
		if top.close == int(tIn) {
			t.names = append(t.names[:top.names], top.let...)
			return t.binding(i + 1)
		}
	case int(tIn):
		t.closes(kind)
	}
	return i + 1
}

// closes ends the innermost frame that a token closes, and those inside it.
func (t *tokenScopes) closes(kind int) {
	for n := len(t.frames) - 1; n >= 0; n-- {
		f := t.frames[n]
		if f.close == kind || f.close == int(tBar) && kind == int(tRBrace) {
			t.frames = t.frames[:n]
			t.names = append(t.names[:f.names], f.let...)
			if kind != int(tIn) {
				t.names = t.names[:f.names]
			}
			return
		}
		if kind == int(tIn) {
			return // an `in` closes no bracket
		}
	}
}

// patterns binds the names between token i and one of the kinds given, outside brackets. Without one the cursor is in
// the patterns, and nothing is bound.
func (t *tokenScopes) patterns(i int, kind BindingKind, ends ...int) int {
	depth := 0
	var found []*Binding
	for ; i < len(t.kinds); i++ {
		k := t.kinds[i]
		switch k.kind {
		case int(tLParen), int(tLBracket), int(tLBrace):
			depth++
		case int(tRParen), int(tRBracket), int(tRBrace):
			depth--
		case int(tName):
			if word := t.src[k.Start:k.End]; word != "_" && (i+1 == len(t.kinds) || t.kinds[i+1].kind != int(tColon)) {
				at := Span{t.base + k.Start, t.base + k.End}
				found = append(found, &Binding{Name: word, Kind: kind, Sites: []Site{{Span: at}}, Scope: Span{at.End, t.base + len(t.src)}})
			}
		}
		for _, end := range ends {
			if k.kind == end && depth == 0 {
				t.names = append(t.names, found...)
				if end == int(tBar) {
					return i // the next alternative, or arm
				}
				return i + 1
			}
		}
		if depth < 0 || k.kind == int(tLet) || k.kind == int(tIn) {
			return i
		}
	}
	return i
}

// binding reads the left side of a definition, token i being its first.
func (t *tokenScopes) binding(i int) int {
	f := &t.frames[len(t.frames)-1]
	before := len(t.names)
	next := t.patterns(i, BoundLet, int(tEq))
	bound := append([]*Binding{}, t.names[before:]...)
	if len(bound) == 0 {
		return next
	}
	if len(t.frames) == 1 && t.kinds[i-1].Start == 0 { // a top-level name
		t.names = append(t.names[:before], bound[1:]...)
		return next
	}
	function := i+1 < len(t.kinds) && t.kinds[i].kind == int(tName) && t.kinds[i+1].kind != int(tEq) && t.kinds[i+1].kind != int(tAs)
	recursive := function || next < len(t.kinds) && (t.kinds[next].kind == int(tBackslash) || t.kinds[next].kind == int(tLazy))
	switch {
	case function:
		for _, b := range bound[1:] {
			b.Kind = BoundParam
		}
		f.let = append(f.let, bound[0])
	case recursive:
		f.let = append(f.let, bound[0])
	default:
		f.let = append(f.let, bound...)
		t.names = t.names[:before]
	}
	return next
}

// An Edit replaces a stretch of a source.
type Edit struct {
	Span
	Text string
}

// IsName reports whether a text can be the name of a definition.
func IsName(text string) bool {
	if text == "" || text == "_" || class[text[0]] != cLower || keyword(text) != tName {
		return false
	}
	return len((&scanner{src: text}).wordAt(0)) == len(text)
}

// Rename gives the edits that make a binding's name another. It refuses what would change the meaning of any name,
// found by resolving what comes of it.
func (s *Scopes) Rename(b *Binding, to string) ([]Edit, error) {
	if !IsName(to) {
		return nil, fmt.Errorf("got `%s`, want a name: a small letter, then letters, digits, _ or '", Cut(to))
	}
	if to == b.Name {
		return nil, nil
	}
	var edits []Edit
	edit := func(at Site) {
		text := to
		if at.Short {
			text = b.Name + ": " + to
		}
		edits = append(edits, Edit{at.Span, text})
	}
	for _, site := range b.Sites {
		edit(site)
	}
	for _, u := range s.UsesOf(b) {
		edit(u.Site)
	}
	sort.Slice(edits, func(i, j int) bool { return edits[i].Start < edits[j].Start })
	f, errs := Parse(s.File.Name, []byte(ApplyEdits(s.File.Source, edits)))
	if len(errs) > 0 {
		return nil, fmt.Errorf("`%s` cannot become `%s`: %s", Cut(b.Name), Cut(to), errs[0].Message)
	}
	return edits, s.same(Resolve(f), b, to)
}

// same tells which name of a file means something else in another, which is the same but for the name of b.
func (s *Scopes) same(after *Scopes, b *Binding, to string) error {
	number := func(s *Scopes) map[*Binding]int {
		n := map[*Binding]int{}
		for i, b := range s.Bindings {
			n[b] = i + 1
		}
		return n
	}
	now, then := number(s), number(after)
	if len(now) != len(then) || len(s.Uses) != len(after.Uses) {
		return fmt.Errorf("`%s` cannot become `%s`, which is taken", Cut(b.Name), Cut(to))
	}
	for i, u := range s.Uses {
		if now[u.Binding] != then[after.Uses[i].Binding] || now[u.Import] != then[after.Uses[i].Import] {
			line, _ := Position(s.File, u.Start)
			return fmt.Errorf("`%s` cannot become `%s`: `%s` on line %d would mean something else", Cut(b.Name), Cut(to), Cut(u.Name), line)
		}
	}
	return nil
}

// ApplyEdits makes edits, which are in order and do not overlap.
func ApplyEdits(src string, edits []Edit) string {
	var out strings.Builder
	end := 0
	for _, e := range edits {
		out.WriteString(src[end:e.Start])
		out.WriteString(e.Text)
		end = e.End
	}
	out.WriteString(src[end:])
	return out.String()
}
