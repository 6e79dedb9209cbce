// Package lang reads and writes the text of Rosser programs. It knows nothing of IPLD but the literals.
//
// Parse turns source into a File, the syntax tree of ast.go, together with all the mistakes it finds; Print turns a
// tree back into source, and Format source into source in one style, comments kept. The text passes through three stages:
//
//	scanner (lexer.go, literal.go)   a participle lexer.Definition: tokens, and where a top-level item ends
//	parser (grammar.go, pattern.go)  a participle custom production for an item: precedence climbing, patterns
//	Parse (this file)                item by item, so that a mistake in one hides nothing in another
//
// An Error (error.go) knows its place and renders itself with the source line and a caret. The language itself is
// described in REFERENCE.md beside this file.
package lang

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Why item by item? The layout rule makes an item end where the next begins in the first column, whatever is wrong
// inside, so one participle parse per item reports every mistaken item in one go. The price is that participle's own
// error recovery is not used.
//
// Why custom productions? A participle grammar with a struct for each level of precedence backtracks and reflects its
// way through every operand; measured, it reads 160 KB/s. Precedence climbing in a custom production reads some tens of
// times that (BenchmarkParse).

const (
	maxErrors = 50       // reported for one source
	maxRewind = 64 << 20 // bytes read again after forgotten brackets
)

// Parse reads a program. The File is never nil: it holds all that was understood, also when there are Errors.
// Parse may be called from any goroutine.
func Parse(name string, src []byte) (*File, Errors) {
	f, errs, _ := ParseContext(context.Background(), name, src)
	return f, errs
}

// ParseContext is Parse until ctx ends. Then the error is its cause, and nothing of the source is to be used.
func ParseContext(ctx context.Context, name string, src []byte) (f *File, errs Errors, err error) {
	defer func() {
		if r := recover(); r != nil {
			h, ok := r.(*halt)
			if !ok {
				panic(r)
			}
			f, errs, err = &File{Name: name}, nil, h.cause
		}
	}()
	f, errs = parse(ctx, name, src)
	return f, errs, nil
}

// A halt is the panic that ends the reading of a source whose context has ended.
type halt struct{ cause error }

// look ends the reading if ctx has ended.
func look(ctx context.Context) {
	if ctx.Err() != nil {
		panic(&halt{context.Cause(ctx)})
	}
}

func parse(ctx context.Context, name string, src []byte) (*File, Errors) {
	look(ctx)
	f := &File{Name: name}
	if len(src) > maxSource {
		return f, Errors{{File: f, Message: fmt.Sprintf("the source is %d bytes long, more than the limit of 16 MiB", len(src))}}
	}
	text := string(src)
	if !utf8.ValidString(text) {
		at := 0
		for r, n := utf8.DecodeRuneInString(text); r != utf8.RuneError || n != 1; r, n = utf8.DecodeRuneInString(text[at:]) {
			at += n
		}
		f.Source = strings.ToValidUTF8(text, "\uFFFD")
		return f, Errors{{File: f, Span: Span{at, at + len("\uFFFD")}, Message: fmt.Sprintf("got the byte 0x%02x, which is not UTF-8", text[at])}}
	}
	text = strings.TrimPrefix(text, "\uFEFF")
	f.Source = strings.ReplaceAll(text, "\r\n", "\n")

	p := parsers.Get().(*parser)
	defer func() {
		p.scanner, p.file, p.errs, p.lex, p.tok = nil, nil, nil, nil, nil
		parsers.Put(p)
	}()
	p.scanner, p.file = newScanner(name, f.Source), f
	p.scanner.ctx = ctx
	p.parseItems()
	errs := p.errs
	for _, e := range errs {
		if e.Item == "" && len(f.Defs) > 0 {
			e.Item = "the final expression"
		}
	}
	errs.sort()
	return f, errs
}

// Split gives the sources of a text's top-level items, comments above an item with it. Pasted and piped text is
// taken item by item. A line that begins with mark, outside of brackets and texts, is an item of its own; 0 marks none.
func Split(src string, mark byte) []string {
	src = strings.ReplaceAll(strings.TrimPrefix(src, "\uFEFF"), "\r\n", "\n")
	var items []string
	for _, at := range Items(src, mark) {
		items = append(items, src[at.Start:at.End])
	}
	return items
}

// Items are the stretches of a text that Split gives. The text has LF line ends.
func Items(src string, mark byte) []Span {
	var items []Span
	s := newScanner("", src)
	marked := func() bool {
		s.space()
		return mark != 0 && s.at(s.pos) == mark && len(s.open) == 0 && s.firstColumn()
	}
	for start := 0; ; start = s.pos {
		for marked() {
			if strings.TrimSpace(src[start:s.pos]) != "" {
				items = append(items, Span{start, s.pos}) // comments
			}
			start = s.pos
			s.wholeLine()
			items, start = append(items, Span{start, s.pos}), s.pos
		}
		if !s.beginItem() {
			return items
		}
		for !marked() {
			tok, _ := s.Next()
			if tok.Type != tEOF {
				continue
			}
			if !s.more {
				break
			}
			s.beginChunk()
		}
		// What stands between two items belongs to the second one.
		end := s.pos
		if end < len(src) {
			end = s.tokenEnd
		}
		items = append(items, Span{start, end})
		s.pos = end
	}
}

// A production is what participle's grammar consists of: a top-level item.
type production interface{ item() }

// An item is the syntax tree of one top-level item: definitions or an expression.
type item struct {
	start int
	defs  []*Def
	expr  Expr
}

func (*item) item() {}

// parsers holds parsers ready for use: participle's Build takes longer than reading a small program.
var parsers = sync.Pool{New: func() any {
	p := new(parser)
	p.grammar = participle.MustBuild[struct {
		Item production `parser:"@@"`
	}](participle.Lexer(definition{}), participle.ParseTypeWith(p.production))
	return p
}}

// A parser reads the items of one source. Its methods panic with a *bailout where an item cannot be read further.
type parser struct {
	grammar *participle.Parser[struct {
		Item production `parser:"@@"`
	}]
	scanner *scanner
	file    *File
	errs    Errors
	rewound int

	lex     *lexer.PeekingLexer
	tok     *lexer.Token // the next token
	end     int          // where the last one ended
	depth   int          // nesting
	wrapped Node         // the expression or pattern that last came out of parentheses
	name    string       // of the item being read, for messages
	strange strange      // what the item has that other languages write
}

// A Node is an Expr or a Pattern.
type Node interface{ Where() Span }

// A bailout ends the reading of an item.
type bailout struct{ err *Error }

// parseItems reads all items into the file.
func (p *parser) parseItems() {
	names := map[string]int{} // where each top-level name is defined
	var body *item
	p.rewound = 0
	for p.scanner.beginItem() {
		if len(p.errs) >= maxErrors {
			p.report(Span{p.scanner.pos, p.scanner.pos}, "more mistakes than these; the rest is not checked")
			return
		}
		known := len(p.errs)
		it := p.item()
		if it == nil {
			continue
		}
		if it.expr != nil {
			if body != nil {
				line, _ := Position(p.file, body.start)
				comment := ""
				if strings.HasPrefix(p.file.Source[it.start:], "--") || strings.HasPrefix(p.file.Source[body.start:], "--") {
					comment = "; " + commentHint
				}
				p.report(it.expr.Where(), "a second final expression; the first is on line %d%s", line, comment)
				continue
			}
			body, p.file.Body = it, it.expr
			continue
		}
		for _, d := range it.defs {
			p.name = defName(d)
			bound(d.Pattern, func(name string, at Span) {
				if first, twice := names[name]; twice {
					if len(p.errs) == known || p.errs[len(p.errs)-1].Span != at { // else found inside the item already
						line, _ := Position(p.file, first)
						p.report(at, "`%s` is defined twice; the first is on line %d", Cut(name), line)
					}
					return
				}
				names[name] = at.Start
			})
		}
		p.file.Defs = append(p.file.Defs, it.defs...)
	}
}

// item reads one item; nil when it has a mistake that ends it.
func (p *parser) item() *item {
	peeking, err := lexer.Upgrade(p.scanner)
	if err != nil {
		panic("BUG: the scanner never fails: " + err.Error())
	}
	p.depth, p.wrapped, p.name, p.strange = 0, nil, "", strange{}
	root, err := p.grammar.ParseFromLexer(peeking, participle.AllowTrailing(true))
	if err == nil {
		return root.Item.(*item)
	}
	failed, ok := err.(*Error)
	if !ok {
		panic("BUG: participle: " + err.Error())
	}
	p.errs = append(p.errs, failed)
	message := failed.Message
	p.recover(failed)
	if failed.Message == message && !failed.Partial {
		p.foreign(failed)
	}
	return nil
}

// production reads one item from participle's tokens.
func (p *parser) production(lex *lexer.PeekingLexer) (it production, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(*bailout)
			if !ok {
				panic(r)
			}
			err = b.err
		}
	}()
	p.lex = lex
	p.tok = lex.Peek()
	p.end = p.tok.Pos.Offset
	p.strange.start = p.end
	p.fill()
	return p.topLevel(), nil
}

// recover puts the scanner before the item that follows a mistake. When the input ends inside brackets, a `let` in the
// first column tells which of them was forgotten: it is to blame, and the `let` begins the next item.
func (p *parser) recover(failed *Error) {
	s := p.scanner
	s.skipItem()
	if len(s.open) == 0 {
		return
	}
	forgotten, let := s.forgotten()
	if failed.Partial && p.tok.Type != tBad || let > 0 && let <= failed.Span.Start {
		failed.Span, failed.Message = Span{forgotten.at, forgotten.at + 1}, fmt.Sprintf("this `%c` is never closed", s.src[forgotten.at])
		if forgotten.kind == 'i' || forgotten.kind == 'I' {
			failed.Message = "the `\\(` in this text is never closed"
		}
	}
	if let > 0 {
		if p.rewound += s.pos - let; p.rewound > maxRewind {
			p.name = ""
			p.report(Span{let, let + 3}, "too many brackets are never closed; the rest is not checked")
			return
		}
		s.rewind(let)
	}
}

// next consumes a token.
func (p *parser) next() {
	p.end = p.tok.Pos.Offset + len(p.tok.Value)
	p.lex.Next()
	p.tok = p.lex.Peek()
	if p.tok.Type == tEOF {
		p.fill()
	}
}

// fill gives participle the next chunk of the item when the last one is used up.
func (p *parser) fill() {
	for p.tok.Type == tEOF && p.scanner.more {
		p.scanner.beginChunk()
		chunk, err := lexer.Upgrade(p.scanner)
		if err != nil {
			panic("BUG: the scanner never fails: " + err.Error())
		}
		*p.lex = *chunk
		p.tok = p.lex.Peek()
	}
}

// at is where the next token begins, touches whether nothing stands between it and the last one.
func (p *parser) at() int       { return p.tok.Pos.Offset }
func (p *parser) touches() bool { return p.tok.Pos.Offset == p.end }

// from is the span from start to the end of the last token; here is that of the next one.
func (p *parser) from(start int) Span { return Span{start, p.end} }

func (p *parser) here() Span {
	if p.tok.Type == tTextMid || p.tok.Type == tTextTail {
		return Span{p.at(), p.at() + 1} // its )
	}
	return Span{p.at(), p.at() + len(p.tok.Value)}
}

// accept consumes a token of the given kind if it is next.
func (p *parser) accept(kind lexer.TokenType) bool {
	if p.tok.Type != kind {
		return false
	}
	p.next()
	return true
}

// expect consumes a token that must be next.
func (p *parser) expect(kind lexer.TokenType, want string) {
	if p.tok.Type != kind {
		p.fail(want)
	}
	p.next()
}

// enter and leave count the nesting.
func (p *parser) enter() {
	if p.depth++; p.depth > maxNesting {
		p.failAt(p.here(), "nesting is deeper than the limit of 1,000")
	}
}
func (p *parser) leave() { p.depth-- }

const maxNesting = 1000

// report adds a mistake that does not keep the item from being read further.
func (p *parser) report(at Span, format string, args ...any) {
	if len(p.errs) <= maxErrors {
		p.errs = append(p.errs, &Error{File: p.file, Span: at, Item: p.name, Message: fmt.Sprintf(format, args...)})
	}
}

// failAt ends the item with a mistake.
func (p *parser) failAt(at Span, format string, args ...any) {
	panic(&bailout{&Error{File: p.file, Span: at, Item: p.name, Message: fmt.Sprintf(format, args...)}})
}

// fail ends the item at the next token, which is not what was wanted.
func (p *parser) fail(want string) {
	if p.tok.Type == tBad {
		bad := p.scanner.bad
		panic(&bailout{&Error{File: p.file, Span: bad.span, Item: p.name, Message: bad.why, Partial: bad.partial}})
	}
	err := &Error{File: p.file, Span: p.here(), Item: p.name, Message: "got " + p.got() + ", want " + want + p.meant(want)}
	err.Partial = p.tok.Type == tEOF && p.at() >= len(p.file.Source)
	if err.Partial { // the place to look at is where the text stops, not after the last line break
		err.Span = Span{p.end, p.end}
	}
	panic(&bailout{err})
}

// meant says what somebody may have meant who wrote the next token where something else was wanted.
func (p *parser) meant(want string) string {
	after := func(text string) bool { // the token and what touches it
		return strings.HasPrefix(p.file.Source[min(p.at(), len(p.file.Source)):], text)
	}
	before := func(c byte) bool { return p.at() > 0 && p.end == p.at() && p.file.Source[p.at()-1] == c }
	switch p.tok.Type {
	case tEq:
		switch {
		case after("=>"):
			return "; an arrow is `->`"
		case before('='):
			return "; equality is `==`, for all kinds"
		case before('/'):
			return "; inequality is `!=`"
		case before('+'), before('-'), before('*'), before('%'):
			return "; a name has one value: `let y = x + 1` defines another"
		case want == "a parameter or `->`":
			return "; an arrow is `->`"
		case strings.HasPrefix(want, "a name") || strings.Contains(want, "pattern"):
			return ""
		}
		return "; equality is `==`"
	case tStar:
		if before('*') {
			return "; a power is `pow x y`"
		}
		if before('/') {
			return "; " + commentHint
		}
	case tSlash:
		if after("/*") {
			return "; " + commentHint
		}
	case tIntDiv:
		if want == "an expression" {
			return "; " + commentHint + ", a division rounded down is `x // y`"
		}
	case tMore:
		if before('<') {
			return "; lists and texts are joined by `++`, inequality is `!=`"
		}
	case tSpread:
		if want == "`,` or `]`" {
			return "; the ints from 1 to 3 are `range 1 3`"
		}
	case tAnd:
		if want != "an expression" && want != "`=`" {
			return "; bools are joined by `a && b`, and `and` joins definitions"
		}
	case tIn:
		if want == "`,` or `]`" {
			return comprehension
		}
	case tName:
		if want == afterKey && p.tok.Value == "with" {
			return changed
		}
	case tTag:
		if want == importWant {
			return "; the library's modules need no import: write `List.scan`"
		}
	case tColon:
		if after("::") || (want == "`)`" || want == arrowWant) && class[p.scanner.at(p.at()+1)] == cLower {
			return "; a list with x before the others is `[x, ...xs]`; types are not written"
		}
	case tThen:
		if want == "`else`" {
			return "; conditions are chained by `else if`"
		}
	case tLBrace, tArms:
		switch want {
		case "`then`":
			return "; it is `if c then a else b`, without braces"
		case "`else`":
			return "; it is `else b`, without braces"
		}
	case tBar:
		if want == "`{` and `|` before the first arm" {
			return "; the arms stand in braces"
		}
		switch {
		case before('<'):
			return "; an argument stands in parentheses, as in `f (g x)`"
		case want == "`,` or `]`":
			return comprehension
		case want == afterKey:
			return changed
		}
	}
	if want == "`else`" {
		return "; an `if` always has an `else`"
	}
	return ""
}

// got names the next token in a message.
func (p *parser) got() string {
	switch p.tok.Type {
	case tEOF:
		if p.at() >= len(p.file.Source) {
			return "the end of the input"
		}
		return "a new item in the first column (what continues an item is indented)"
	case tTextMid, tTextTail:
		return "`)`"
	case tTextHead:
		return "`" + Cut(p.tok.Value) + "`"
	case tArms:
		return "`{`"
	}
	return "`" + Cut(p.tok.Value) + "`"
}

// Cut shortens what a message shows to about 40 bytes of one line.
func Cut(s string) string {
	line, _, broken := strings.Cut(s, "\n")
	if len(line) > 40 {
		n := 40
		for !utf8.RuneStart(line[n]) {
			n--
		}
		return line[:n] + "…"
	}
	if broken {
		return line + "…"
	}
	return line
}
