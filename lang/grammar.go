// This file holds the grammar of items and expressions.

package lang

import (
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// An operator binds the tighter the higher its level.
type operator struct {
	text  string
	level int
	assoc byte // 'l' left, 'r' right, 'n' none
}

const (
	levelPipe    = 1
	levelCompare = 5
)

// operators is the table of binary operators, by kind of token, from tPipe on.
var operators = [...]operator{
	0:                {"|>", levelPipe, 'l'},
	tCompose - tPipe: {">>", 2, 'l'},
	tOrOr - tPipe:    {"||", 3, 'r'},
	tAndAnd - tPipe:  {"&&", 4, 'r'},
	tEqEq - tPipe:    {"==", levelCompare, 'n'},
	tNotEq - tPipe:   {"!=", levelCompare, 'n'},
	tLess - tPipe:    {"<", levelCompare, 'n'},
	tLessEq - tPipe:  {"<=", levelCompare, 'n'},
	tMore - tPipe:    {">", levelCompare, 'n'},
	tMoreEq - tPipe:  {">=", levelCompare, 'n'},
	tConcat - tPipe:  {"++", 6, 'r'},
	tPlus - tPipe:    {"+", 7, 'l'},
	tMinus - tPipe:   {"-", 7, 'l'},
	tStar - tPipe:    {"*", 8, 'l'},
	tSlash - tPipe:   {"/", 8, 'l'},
	tIntDiv - tPipe:  {"//", 8, 'l'},
	tPercent - tPipe: {"%", 8, 'l'},
}

const (
	levelUnary = 9  // -x
	levelApply = 10 // f x
)

// operator gives the operator that the next token is; its level is 0 when it is none.
func (p *parser) operator() operator {
	if k := p.tok.Type - tPipe; k >= 0 && int(k) < len(operators) {
		return operators[k]
	}
	return operator{}
}

// topLevel reads an item: definitions, or an expression.
func (p *parser) topLevel() *item {
	it := &item{start: p.at()}
	if p.tok.Type == tLet {
		p.enter()
		p.next()
		it.defs = p.bindings(true)
		if p.tok.Type == tIn {
			for _, d := range it.defs {
				if m, ok := d.Value.(*Import); ok {
					p.failAt(m.Span, "an import stands at top level: got one in a `let … in`")
				}
				d.Doc = ""
			}
			p.name = "" // it was no definition
			p.next()
			body := p.expr()
			it.expr, it.defs = &Let{Span: p.from(it.start), Defs: it.defs, Body: body}, nil
		}
		p.leave()
	} else {
		it.expr = p.expr()
	}
	if p.tok.Type != tEOF {
		p.afterExpr("the end of the item")
	}
	return it
}

// afterExpr fails at a token that cannot follow an expression.
func (p *parser) afterExpr(want string) {
	switch p.tok.Type {
	case tEq:
		if m := p.meant(want); m != "; equality is `==`" {
			p.failAt(p.here(), "got `=`, want %s%s", want, m)
		}
		p.failAt(p.here(), "got `=`, want %s; equality is `==`, a definition begins with `let`", want)
	case tImport:
		p.failImport()
	case tDot:
		p.failDot()
	case tArrow:
		p.failAt(p.here(), "got `->`, want %s; a function is written `\\x -> …`", want)
	case tColon:
		m := p.meant(want)
		if m == "" {
			m = "; a `:` stands after a key in a map, and types are not written"
		}
		p.failAt(p.here(), "got `:`, want %s%s", want, m)
	}
	p.fail(want)
}

// bindings reads what stands after `let`: definitions joined by `and`.
func (p *parser) bindings(top bool) []*Def {
	var defs []*Def
	seen := names{}
	for {
		doc := ""
		if top {
			doc = p.scanner.docs[p.end-len("let")] // the ## lines above the `let` or the `and`
		}
		d := p.def(top)
		d.Doc = doc
		bound(d.Pattern, func(name string, at Span) {
			if !seen.add(name) {
				p.report(at, "`%s` is defined twice", Cut(name))
			}
		})
		defs = append(defs, d)
		if !p.accept(tAnd) {
			break
		}
	}
	if len(defs) > 1 {
		for _, d := range defs {
			if _, plain := d.Pattern.(*NamePat); !plain || !recursive(d) {
				p.report(d.Pattern.Where(), "each member of a group joined by `and` is a function or `lazy`")
			}
		}
	}
	return defs
}

// recursive reports whether a definition's own name may stand in its right side.
func recursive(d *Def) bool {
	switch d.Value.(type) {
	case *Lambda, *Lazy:
		return true
	}
	return len(d.Params) > 0
}

// def reads one binding.
func (p *parser) def(top bool) *Def {
	d := &Def{}
	start := p.at()
	if p.tok.Type == tName && p.tok.Value != "_" {
		name := &NamePat{p.here(), p.tok.Value}
		if top && p.name == "" {
			p.name = name.Name
		}
		p.next()
		d.Pattern = name
		if p.startsAtom() {
			d.Params = p.params(tEq)
		} else {
			d.Pattern = p.asNames(name)
			p.distinct(d.Pattern)
		}
	} else {
		d.Pattern = p.pattern()
		p.distinct(d.Pattern)
		if top && p.name == "" {
			p.name = defName(&Def{Pattern: d.Pattern})
		}
	}
	switch p.tok.Type {
	case tColon:
		if strings.HasPrefix(p.file.Source[p.at():], ":=") {
			p.failAt(Span{p.at(), p.at() + 2}, "got `:=`, want `=`")
		}
		p.failAt(p.here(), "got `:`, want `=`; definitions have no types")
	case tArrow, tEqEq:
		p.failAt(p.here(), "got %s, want `=`", p.got())
	case tMinus:
		if _, plain := d.Pattern.(*NamePat); plain {
			p.failAt(p.here(), "got `-`, want `=`; a negative number as a parameter stands in parentheses")
		}
	}
	p.expect(tEq, "`=`")
	if p.tok.Type == tImport {
		if !top {
			p.failAt(p.here(), "an import can only be the whole right side of a top-level `let`")
		}
		if _, plain := d.Pattern.(*NamePat); !plain || len(d.Params) > 0 {
			p.failAt(Span{start, p.end}, "an import is bound to a plain name: got a pattern or parameters")
		}
		d.Value = p.importFrom()
	} else {
		d.Value = p.expr()
	}
	d.Span = p.from(start)
	return d
}

// importFrom reads `import "path"` or `import @CID`.
func (p *parser) importFrom() Expr {
	start := p.at()
	p.next()
	switch p.tok.Type {
	case tText:
		path := p.text().(*Text)
		if path.Value == "" {
			p.failAt(path.Span, "got an empty path, want the path of a file")
		}
		return &Import{Span: p.from(start), Path: path.Value}
	case tTextHead:
		p.failAt(p.here(), "no interpolation in an import")
	case tLink:
		link, ok := p.link().(*Link)
		if !ok {
			p.failAt(p.from(start), "an import names a library by its CID alone, without a path")
		}
		return &Import{Span: p.from(start), CID: link.Value}
	}
	p.fail(importWant)
	return nil
}

// params reads the parameters of a function up to the token end.
func (p *parser) params(end lexer.TokenType) []Pattern {
	var params []Pattern
	for p.startsAtom() {
		params = append(params, p.atom(false))
	}
	p.distinct(params...)
	return params
}

// expr reads an expression.
func (p *parser) expr() Expr { return p.binary(levelPipe) }

// binary reads operands joined by operators of at least the given level. It recurs once for a level, never for an operator.
func (p *parser) binary(level int) Expr {
	start := p.at()
	left := p.unary()
	for {
		op := p.operator()
		if op.level == 0 || op.level < level {
			return left
		}
		at := p.here()
		p.next()
		if p.tok.Type == tRParen && strings.HasSuffix(strings.TrimRight(p.file.Source[:start], " "), "(") {
			p.failAt(p.here(), "got `)`, want an expression; the function is %s", section(p.file.Source[start:at.Start], op.text, ""))
		}
		if op.assoc == 'r' {
			left = p.rightChain(op, left, start, at)
			continue
		}
		right := p.binary(op.level + 1)
		if op.level == levelPipe {
			left = p.pipe(left, right, start)
			continue
		}
		left = &Binary{Span: p.from(start), Op: op.text, OpSpan: at, Left: left, Right: right}
		if next := p.operator(); op.assoc == 'n' && next.level == op.level {
			p.failAt(p.here(), "comparisons do not chain: got `%s` after `%s`; write a %s b && b %s c", next.text, op.text, op.text, next.text)
		}
	}
}

// rightChain reads the rest of a chain of one right-associative operator, of which the first stood at the span given.
func (p *parser) rightChain(op operator, left Expr, start int, at Span) Expr {
	type link struct {
		start int
		left  Expr
		at    Span
	}
	links := []link{{start, left, at}}
	var last Expr
	for {
		start = p.at()
		last = p.binary(op.level + 1)
		if p.operator() != op {
			break
		}
		links = append(links, link{start, last, p.here()})
		p.next()
	}
	for i := len(links) - 1; i >= 0; i-- {
		l := links[i]
		last = &Binary{Span: p.from(l.start), Op: op.text, OpSpan: l.at, Left: l.left, Right: last}
	}
	return last
}

// pipe makes x |> f, which is f x, and x |> f a, which is f a x.
func (p *parser) pipe(x, f Expr, start int) Expr {
	if a, ok := f.(*Apply); ok && p.wrapped != f {
		a.Span = p.from(start)
		a.Args, a.Piped = append(a.Args, x), true
		return a
	}
	if t, ok := f.(*Tag); ok && t.Arg == nil && p.wrapped != f {
		p.failAt(t.Span, "`%s` alone is a map, not a function: write `|> (%s)`", Cut(t.Name), Cut(t.Name))
	}
	return &Apply{Span: p.from(start), Fn: f, Args: []Expr{x}, Piped: true}
}

// unary reads an operand of the binary operators.
func (p *parser) unary() Expr {
	if p.tok.Type != tMinus {
		return p.application()
	}
	start := p.at()
	p.dashes()
	p.next()
	if p.touches() && (p.tok.Type == tInt || p.tok.Type == tFloat) {
		return p.applicationOf(p.fields(p.number(start, true), start), start)
	}
	p.enter()
	arg := p.unary()
	p.leave()
	switch n := arg.(type) {
	case *Int:
		n.Value.Neg(n.Value)
		n.Span = p.from(start)
		return n
	case *Float:
		n.Value = 0 - n.Value
		n.Span = p.from(start)
		return n
	}
	return &Neg{Span: p.from(start), Arg: arg}
}

// startsOperand reports whether the next token begins an operand.
func (p *parser) startsOperand() bool {
	switch p.tok.Type {
	case tName, tTag, tInt, tFloat, tText, tTextHead, tLink, tLParen, tLBracket, tLBrace, tTrue, tFalse, tNull, tMatch:
		return true
	}
	return p.startsPrefix()
}

// startsPrefix reports whether the next token begins a form that reaches as far right as it can.
func (p *parser) startsPrefix() bool {
	switch p.tok.Type {
	case tBackslash, tIf, tLet, tLazy, tTry:
		return true
	}
	return false
}

// application reads a function and its arguments, a tag and its operand, or either alone.
func (p *parser) application() Expr {
	if p.startsPrefix() {
		return p.prefix()
	}
	start := p.at()
	if p.tok.Type == tTag {
		head := p.tag(start)
		tag, ok := head.(*Tag)
		if !ok {
			return p.applicationOf(p.fields(head, start), start)
		}
		if !p.startsOperand() {
			return tag
		}
		operand := p.at()
		tag.Arg = p.argument()
		tag.Span = p.from(start)
		if p.startsOperand() {
			p.failAt(p.here(), "got %s, a second operand of the tag `%s`: a tag takes one; for an application write `%s (%s …)`",
				p.got(), Cut(tag.Name), Cut(tag.Name), Cut(p.file.Source[operand:tag.End]))
		}
		return tag
	}
	return p.applicationOf(p.operand(), start)
}

// applicationOf reads the arguments of fn, which began at start.
func (p *parser) applicationOf(fn Expr, start int) Expr {
	if !p.startsOperand() {
		return fn
	}
	a := &Apply{Fn: fn}
	for p.startsOperand() {
		a.Args = append(a.Args, p.argument())
	}
	a.Span = p.from(start)
	return a
}

// argument reads an operand of an application or a tag: a tag takes nothing there.
func (p *parser) argument() Expr {
	if p.startsPrefix() {
		return p.prefix()
	}
	if p.tok.Type != tTag {
		return p.operand()
	}
	start := p.at()
	head := p.tag(start)
	tag, ok := head.(*Tag)
	if !ok {
		return p.fields(head, start)
	}
	if p.startsOperand() {
		p.failAt(Span{start, p.here().End}, "a tag that is an operand takes nothing: write `(%s %s)`, or `((%s))` for the tag alone",
			Cut(tag.Name), Cut(p.tok.Value), Cut(tag.Name))
	}
	return tag
}

// tag reads a tag, or the module's function that it begins.
func (p *parser) tag(start int) Expr {
	name := p.tok.Value
	p.next()
	if p.tok.Type != tDot || !p.touches() {
		return &Tag{Span: p.from(start), Name: name}
	}
	p.next()
	if p.tok.Type != tName || p.tok.Value == "_" {
		p.fail("the name of a function of the module `" + name + "`")
	}
	fn := p.tok.Value
	p.next()
	return &ModuleName{p.from(start), name, fn}
}

// prefix reads a form that reaches as far right as it can.
func (p *parser) prefix() Expr {
	start := p.at()
	p.enter()
	defer p.leave()
	switch p.tok.Type {
	case tBackslash:
		p.next()
		if !p.startsAtom() {
			p.fail("a parameter")
		}
		params := p.params(tArrow)
		if p.tok.Type == tMinus {
			p.failAt(p.here(), "got `-`, want `->`; a negative number as a parameter stands in parentheses")
		}
		p.expect(tArrow, "a parameter or `->`")
		body := p.expr()
		if inner, ok := body.(*Lambda); ok {
			params, body = append(params, inner.Params...), inner.Body
		}
		return &Lambda{Span: p.from(start), Params: params, Body: body}
	case tIf:
		return p.ifThenElse(start)
	case tLet:
		p.next()
		defs := p.bindings(false)
		p.expect(tIn, "`in`")
		body := p.expr()
		return &Let{Span: p.from(start), Defs: defs, Body: body}
	case tLazy:
		p.next()
		arg := p.expr()
		return &Lazy{Span: p.from(start), Arg: arg}
	default: // tTry
		p.next()
		arg := p.expr()
		return &Try{Span: p.from(start), Arg: arg}
	}
}

// ifThenElse reads a chain of `if`s, each in the `else` of the one before.
func (p *parser) ifThenElse(start int) Expr {
	var chain []*If
	for p.tok.Type == tIf {
		link := &If{Span: Span{Start: p.at()}}
		p.next()
		link.Cond = p.expr()
		p.expect(tThen, "`then`")
		link.Then = p.expr()
		p.expect(tElse, "`else`")
		chain = append(chain, link)
	}
	last := p.expr()
	for i := len(chain) - 1; i >= 0; i-- {
		chain[i].Else, chain[i].End = last, p.end
		last = chain[i]
	}
	return last
}

// operand reads a primary expression and its fields.
func (p *parser) operand() Expr {
	start := p.at()
	return p.fields(p.primary(), start)
}

// fields reads the .a.b that touch e, which began at start.
func (p *parser) fields(e Expr, start int) Expr {
	for p.tok.Type == tDot && p.touches() {
		p.next()
		key, at := p.field()
		e = &Get{p.from(start), e, key, at}
	}
	return e
}

// field reads what stands after a dot.
func (p *parser) field() (string, Span) {
	at := p.here()
	if p.tok.Type == tTextHead {
		p.failAt(at, "no interpolation in a field")
	}
	key := ""
	switch {
	case p.tok.Type == tText:
		return p.text().(*Text).Value, at
	case p.tok.Type == tDigits, p.isWord():
		key = p.tok.Value
	default:
		p.fail("the name of a field, an index, or a key in quotes")
	}
	p.next()
	return key, at
}

// isWord reports whether the next token is a name, a tag or a keyword.
func (p *parser) isWord() bool {
	return p.tok.Type == tName || p.tok.Type == tTag || p.tok.Type >= tLet && p.tok.Type <= tNull
}

// primary reads an operand without its fields.
func (p *parser) primary() Expr {
	start := p.at()
	switch p.tok.Type {
	case tName:
		name := p.tok.Value
		if name == "_" {
			p.failAt(p.here(), "`_` is a pattern; it has no value")
		}
		p.next()
		p.strangeName(name, start)
		return &Name{p.from(start), name}
	case tTag:
		return p.tag(start)
	case tInt, tFloat:
		return p.number(start, false)
	case tText, tTextHead:
		return p.text()
	case tLink:
		return p.link()
	case tTrue, tFalse:
		b := p.tok.Type == tTrue
		p.next()
		return &Bool{p.from(start), b}
	case tNull:
		p.next()
		return &Null{p.from(start)}
	case tLParen:
		return p.parens()
	case tLBracket:
		return p.list()
	case tLBrace:
		return p.mapDisplay()
	case tMatch:
		return p.match()
	}
	p.noExpr()
	return nil
}

// noExpr fails where an expression must begin.
func (p *parser) noExpr() {
	switch p.tok.Type {
	case tImport:
		p.failImport()
	case tDot:
		p.failDot()
	case tSpread:
		p.failAt(p.here(), "got `...`, want an expression; it stands only in lists, maps and their patterns")
	case tArms:
		p.failAt(p.here(), "got `{ |`, want an expression before the arms of a `match`")
	case tPlus:
		p.failAt(p.here(), "got `+`, want an expression; numbers have no sign but `-`")
	}
	if m := p.meant("an expression"); m != "" {
		p.failAt(p.here(), "got %s, want an expression%s", p.got(), m)
	}
	if op := p.operator(); op.level > 0 {
		p.failAt(p.here(), "got `%s`, want an expression; the operator as a function is `(%s)`", op.text, op.text)
	}
	if p.tok.Type > tLet && p.tok.Type <= tNull {
		p.failAt(p.here(), "got the keyword `%s`, want an expression", p.tok.Value)
	}
	p.fail("an expression")
}

// parens reads what stands in parentheses: an expression, an operator, an accessor, or a tag as a function.
func (p *parser) parens() Expr {
	start := p.at()
	p.enter()
	defer p.leave()
	p.next()
	switch p.tok.Type {
	case tOpFn:
		op := p.tok.Value
		p.next()
		p.next() // the scanner saw the )
		return &OpFn{p.from(start), op}
	case tDot:
		a := &Accessor{}
		for p.accept(tDot) {
			key, _ := p.field()
			a.Keys = append(a.Keys, key)
		}
		p.expect(tRParen, "`.` or `)`")
		a.Span = p.from(start)
		return a
	case tRParen:
		p.failAt(p.from(start), "got `()`, want an expression in it; the value that says nothing is `null`")
	}
	if op := p.operator(); op.level > 0 && p.tok.Type != tMinus {
		rest := p.file.Source[p.here().End:]
		if i := strings.IndexAny(rest[:min(len(rest), 2*maxSection)], "()\n"); i > 0 && rest[i] == ')' {
			p.failAt(p.here(), "got `%s`, want an expression; the function is %s", op.text, section("", op.text, rest[:i]))
		}
	}
	e := p.expr()
	if p.tok.Type == tComma {
		p.failAt(p.here(), "got `,`, want `)`; arguments are written `f a b`, and a pair is a list: `[a, b]`")
	}
	if p.tok.Type != tRParen {
		p.afterExpr("`)`")
	}
	if strings.IndexByte(p.file.Source[e.Where().End:p.at()], '#') >= 0 {
		if p.file.commented == nil {
			p.file.commented = map[Expr]bool{}
		}
		p.file.commented[e] = true
	}
	p.next()
	switch t := e.(type) {
	case *Tag: // alone in one pair of parentheses
		if t.Arg == nil {
			t.Span = p.from(start)
			if p.wrapped != e {
				e = &TagFn{t.Span, t.Name}
			}
		} else {
			t.Parens = true
		}
	case *TagFn: // in two
		e = &Tag{Span: p.from(start), Name: t.Name}
	default:
		if written := parensOf(e); written != nil {
			*written = true
		}
	}
	p.wrapped = e
	return e
}

// list reads a list display.
func (p *parser) list() Expr {
	l := &List{}
	start := p.at()
	p.enter()
	p.next()
	for p.tok.Type != tRBracket {
		spread := p.accept(tSpread)
		e := p.expr()
		l.Items = append(l.Items, Item{spread, e})
		if !p.accept(tComma) {
			break
		}
	}
	if p.tok.Type != tRBracket {
		p.afterExpr("`,` or `]`")
	}
	p.next()
	p.leave()
	l.Span = p.from(start)
	return l
}

// mapDisplay reads a map display, or the link or bytes that it stands for.
func (p *parser) mapDisplay() Expr {
	m := &Map{}
	var seen names
	start := p.at()
	p.enter()
	p.next()
	for p.tok.Type != tRBrace {
		var e Entry
		if p.accept(tSpread) {
			e = Entry{Spread: true, Value: p.expr()}
		} else {
			e = p.entry()
			if !seen.add(e.Key) {
				p.report(e.KeySpan, "the key %s is written twice in one map", quoteKey(e.Key))
			}
		}
		m.Entries = append(m.Entries, e)
		if !p.accept(tComma) {
			break
		}
	}
	if p.tok.Type != tRBrace {
		p.afterExpr("`,` or `}`")
	}
	p.next()
	p.leave()
	m.Span = p.from(start)
	if len(m.Entries) == 1 && m.Entries[0].Key == "/" && !m.Entries[0].Spread {
		return p.slash(m.Span, m.Entries[0].Value)
	}
	return m
}

// entry reads key: e, or x for x: x.
func (p *parser) entry() Entry {
	key, at, short := p.key()
	if short {
		return Entry{Key: key, KeySpan: at, Value: &Name{at, key}}
	}
	return Entry{Key: key, KeySpan: at, Value: p.expr()}
}

// key reads what stands before the colon of an entry, and the colon; short when there is none, and need be none.
func (p *parser) key() (key string, at Span, short bool) {
	at = p.here()
	if p.tok.Type == tText {
		key = p.text().(*Text).Value
	} else {
		switch {
		case p.tok.Type == tTextHead:
			p.failAt(at, "no interpolation in a key")
		case p.tok.Type == tInt:
			p.failAt(at, "got the number `%s`, want a key; a key is text: `\"%s\"`", Cut(p.tok.Value), Cut(p.tok.Value))
		case !p.isWord():
			p.fail("a key or `}`")
		}
		key, short = p.tok.Value, p.tok.Type == tName && p.tok.Value != "_"
		p.next()
	}
	if p.accept(tColon) {
		return key, at, false
	}
	if p.tok.Type == tEq {
		p.failAt(p.here(), "got `=`, want `:` after the key")
	}
	if short && p.tok.Type != tComma && p.tok.Type != tRBrace {
		p.fail(afterKey)
	}
	if !short {
		p.fail("`:` after the key")
	}
	return key, at, true
}

// slash gives the link or the bytes that {"/": e} stands for.
func (p *parser) slash(at Span, e Expr) Expr {
	switch v := e.(type) {
	case *Text:
		c, err := cidValue(v.Value)
		if err != nil {
			p.failAt(v.Span, "%s", err)
		}
		return &Link{at, c}
	case *Map:
		if len(v.Entries) != 1 || v.Entries[0].Key != "bytes" {
			break
		}
		if t, ok := v.Entries[0].Value.(*Text); ok {
			return &Bytes{at, p.base64(t)}
		}
	}
	p.failAt(at, "a map whose sole key is \"/\" is a link, {\"/\": \"CID\"}, or bytes, {\"/\": {\"bytes\": \"base64\"}}, written out")
	return nil
}

// match reads a match with its arms.
func (p *parser) match() Expr {
	start := p.at()
	p.enter()
	defer p.leave()
	p.next()
	m := &Match{Subject: p.expr()}
	if p.tok.Type != tArms {
		p.fail("`{` and `|` before the first arm")
	}
	p.next()
	for p.tok.Type == tBar {
		m.Arms = append(m.Arms, p.arm())
	}
	if p.tok.Type != tRBrace {
		p.afterExpr("`|` or `}`")
	}
	p.next()
	m.Span = p.from(start)
	return m
}

// arm reads the alternatives of an arm, its guard and its right side.
func (p *parser) arm() *Arm {
	a := &Arm{Span: Span{Start: p.at()}}
	for p.accept(tBar) {
		a.Patterns = append(a.Patterns, p.pattern())
		p.distinct(a.Patterns[len(a.Patterns)-1])
	}
	p.sameNames(a.Patterns)
	if p.accept(tIf) {
		a.Guard = p.expr()
	}
	if p.tok.Type == tEq {
		p.failAt(p.here(), "got `=`, want `->`")
	}
	if a.Guard == nil {
		p.expect(tArrow, arrowWant)
	} else {
		p.expect(tArrow, "`->` after the guard")
	}
	a.Body = p.expr()
	a.End = p.end
	return a
}
