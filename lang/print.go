// This file prints a syntax tree as source, with what parentheses are needed and those that its writer put around operands.
// Reading it again gives the same tree, spans aside: parse∘print is the identity on what the parser makes.

package lang

import (
	"fmt"
	"strconv"
	"strings"
)

// printWidth is how long lines may be where they can be broken.
const printWidth = 100

// Print writes an expression in lines of 100 columns where it can. Its first line begins where the caller stands; none of
// the others could begin a new item there, so that it may stand at top level.
func Print(e Expr) string { return render(new(printer).topLevel(e)) }

// PrintLine writes an expression on one line.
func PrintLine(e Expr) string { return renderLine(new(printer).expression(e, whole, true)) }

// PrintWidth writes an expression in lines of so many columns where it can.
func PrintWidth(e Expr, width int) string {
	w := writer{width: max(width, 1)}
	w.layout(new(printer).topLevel(e))
	return string(w.out)
}

// PrintDef writes a definition as a top-level item, its documentation above it.
func PrintDef(d *Def) string {
	doc := ""
	if d.Doc != "" {
		for l := range strings.SplitSeq(d.Doc, "\n") {
			doc += strings.TrimRight("## "+l, " ") + "\n"
		}
	}
	return doc + render(new(printer).binding("let ", d))
}

// PrintPattern writes a pattern on one line.
func PrintPattern(p Pattern) string { return renderLine(new(printer).pattern(p, wholePattern)) }

// PrintFile writes a program: its definitions, then its expression. What is not in the trees, such as comments, is not
// written; Format keeps it.
func PrintFile(f *File) string {
	var b strings.Builder
	for _, d := range f.Defs {
		b.WriteString(PrintDef(d))
		b.WriteString("\n")
	}
	if f.Body != nil {
		b.WriteString(Print(f.Body))
		b.WriteString("\n")
	}
	return b.String()
}

func render(d *doc) string {
	w := writer{width: printWidth}
	w.layout(d)
	return string(w.out)
}

func renderLine(d *doc) string {
	var w writer
	w.layout(d)
	return string(w.out)
}

// A printer makes docs of trees, in the order of their source. With that source at hand it takes from it what the trees do
// not hold: comments, line breaks, how literals are spelled (format.go).
type printer struct {
	file *File  // nil when there is no source
	src  string // of the file
	pos  int    // up to where the source has been printed
}

const (
	whole        = 0              // the level where nothing stands beside an expression, and parentheses are of no use
	levelOperand = levelApply + 1 // what may be an argument
)

// expression gives the doc of e where an operator of the given level may stand. Last tells that nothing follows up to
// a bracket or keyword, so that a form that reaches as far right as it can needs no parentheses.
func (p *printer) expression(e Expr, level int, last bool) *doc {
	g := p.gap(p.start(e))
	if p.parenthesized(e, level, last) {
		return g.before(p.parens(e))
	}
	within := p.gap(p.begin(e))
	return g.before(within.before(p.bare(e, last)))
}

func (p *printer) parenthesized(e Expr, level int, last bool) bool {
	return p.levelOf(e, last) < level || level > whole && inParens(e) || p.commented(e)
}

// parens gives e in parentheses, with the comments that stand in them.
func (p *printer) parens(e Expr) *doc {
	p.skip("(")
	within := p.gap(p.begin(e))
	d := within.before(p.bare(e, true))
	g := p.gap(p.find(")"))
	p.skip(")")
	switch {
	case g.notes != nil:
		return base(text("("), nest(d, hardLine, g.notes), hardLine, text(")"))
	case within.notes != nil:
		return base(text("("), nest(d), text(")"))
	}
	return cat(text("("), d, text(")"))
}

// isPrefix reports whether e is a form that reaches as far right as it can.
func isPrefix(e Expr) bool {
	switch e.(type) {
	case *Lambda, *If, *Let, *Lazy, *Try, *Import:
		return true
	}
	return false
}

// levelOf gives the level of e's loosest operator.
func (p *printer) levelOf(e Expr, last bool) int {
	switch e := e.(type) {
	case *Int, *Float:
		if strings.HasPrefix(p.number(e), "-") {
			return levelUnary
		}
	case *Tag:
		return levelApply
	case *Apply:
		if p.piped(e) {
			return levelPipe
		}
		return levelApply
	case *Neg:
		return levelUnary
	case *Binary:
		return operatorNamed(e.Op).level
	case *Mark:
		return p.levelOf(e.Arg, last)
	case *Lambda, *If, *Let, *Lazy, *Try, *Import:
		if !last {
			return whole
		}
	}
	return levelOperand
}

// bare gives the doc of e without parentheses around it.
func (p *printer) bare(e Expr, last bool) *doc {
	switch e := e.(type) {
	case *Null:
		return p.spelled(e.Span, "null")
	case *Bool:
		return p.spelled(e.Span, strconv.FormatBool(e.Value))
	case *Int:
		return p.spelled(e.Span, p.number(e))
	case *Float:
		return p.spelled(e.Span, p.number(e))
	case *Text:
		if p.file != nil {
			return p.verbatim(e.Span)
		}
		return text(quote(e.Value))
	case *Interp:
		if p.file != nil {
			return p.verbatim(e.Span)
		}
		return text(interpText(e))
	case *Bytes:
		return p.spelled(e.Span, p.bytes(e))
	case *Link:
		return p.spelled(e.Span, p.link(e))
	case *Name:
		return p.spelled(e.Span, e.Name)
	case *ModuleName:
		return p.spelled(e.Span, e.Module+"."+e.Name)
	case *TagFn:
		return p.spelled(e.Span, "("+e.Name+")")
	case *OpFn:
		return p.spelled(e.Span, "("+e.Op+")")
	case *Accessor:
		return p.spelled(e.Span, p.accessor(e))
	case *List:
		return p.listDoc(e)
	case *Map:
		return p.mapDoc(e)
	case *Match:
		return p.matchDoc(e)
	case *Get:
		return p.getDoc(e)
	case *Tag:
		if e.Arg == nil {
			return p.spelled(e.Span, e.Name)
		}
		name := p.spelled(Span{e.Start, e.Start + len(e.Name)}, e.Name)
		return cat(name, text(" "), p.operand(e.Arg, last))
	case *Apply:
		if p.piped(e) {
			return p.pipeDoc(e, last)
		}
		return p.applyDoc(e.Fn, e.Args, last)
	case *Neg:
		d := p.word("-")
		if beginsWithNumber(e.Arg) && !inParens(e.Arg) {
			d = cat(d, text(" "))
		}
		return cat(d, p.expression(e.Arg, levelUnary, last))
	case *Binary:
		return p.binaryDoc(e, last)
	case *Lambda:
		return p.lambdaDoc(e)
	case *If:
		return p.ifDoc(e)
	case *Let:
		return p.letDoc(e, false)
	case *Lazy:
		d := p.word("lazy")
		return cat(d, text(" "), p.expression(e.Arg, levelPipe, true))
	case *Try:
		d := p.word("try")
		return cat(d, text(" "), p.expression(e.Arg, levelPipe, true))
	case *Import:
		return p.spelled(e.Span, p.imported(e))
	case *Mark:
		d := p.bare(e.Arg, last)
		if e.On {
			d = cat(text(MarkStart), d, text(MarkEnd))
		}
		return d
	}
	panic(fmt.Sprintf("BUG: no expression: %T", e))
}

// topLevel gives the doc of a final expression.
func (p *printer) topLevel(e Expr) *doc {
	if l, ok := e.(*Let); ok && !p.commented(e) {
		g := p.gap(l.Start)
		return g.before(p.letDoc(l, true))
	}
	return p.expression(e, whole, true)
}

// inner gives the doc of an expression that a keyword or a brace ends. Around a form that would reach up to there
// parentheses are kept.
func (p *printer) inner(e Expr) *doc {
	if isPrefix(e) && inParens(e) {
		return p.expression(e, levelPipe, true)
	}
	return p.expression(e, whole, true)
}

// operand gives the doc of an argument. A tag without operand needs parentheses, two pairs of them, unless nothing follows it.
func (p *printer) operand(e Expr, last bool) *doc {
	if t, ok := e.(*Tag); ok && t.Arg == nil {
		if last {
			return p.spelled(t.Span, t.Name)
		}
		return p.spelled(t.Span, "(("+t.Name+"))")
	}
	return p.expression(e, levelOperand, last)
}

// head gives the doc of what is applied, or has its field taken.
func (p *printer) head(e Expr) *doc { return p.operand(e, false) }

// hugs reports whether e may begin on a line and go on below it: what ends with something in brackets, a function, or a
// text of several lines.
func (p *printer) hugs(e Expr) bool {
	for range 8 {
		if p.opens(e) {
			return true
		}
		if inParens(e) || p.commented(e) {
			return false
		}
		switch v := e.(type) {
		case *Tag:
			return v.Arg != nil && p.opens(v.Arg)
		case *Apply:
			last := v.Args[len(v.Args)-1]
			if p.piped(v) {
				if len(v.Args) > 1 {
					last = v.Args[len(v.Args)-2]
				} else {
					last = v.Fn
				}
			}
			return p.opens(last)
		case *Lazy:
			e = v.Arg
		case *Try:
			e = v.Arg
		default:
			return false
		}
	}
	return false
}

// opens reports whether e is such a thing itself.
func (p *printer) opens(e Expr) bool {
	several := false
	switch v := e.(type) {
	case *List:
		several = len(v.Items) > 0
	case *Map:
		several = len(v.Entries) > 0
	case *Match:
		several = true
	case *Lambda:
		return !p.commented(e)
	case *Text, *Interp:
	default:
		return false
	}
	return several || strings.IndexByte(p.source(e.Where()), '\n') >= 0
}

// after gives what follows `=`, `->`, a colon or a keyword: on the same line if it fits or hugs, else below.
func (p *printer) after(e Expr, show func(Expr) *doc) *doc {
	sep := p.gap(p.start(e)).separator(line, false)
	hugs := p.hugs(e)
	d := show(e)
	switch {
	case sep != line:
		return nest(sep, d)
	case !hugs:
		return group(nest(line, d))
	case p.opens(e):
		return headDoc(nest(line, d))
	}
	return belowDoc(nest(line, d))
}

func (p *printer) wholeExpr(e Expr) *doc { return p.expression(e, whole, true) }

// listing gives n parts with commas between them. The opening bracket is next in the source, the closing one at its offset.
func (p *printer) listing(open string, n int, start func(int) int, part func(int) *doc, end string, endAt int, fill bool) *doc {
	p.pass(len(open))
	kids := make([]*doc, 0, 3*n+3)
	for i := range n {
		sep := line
		if i == 0 {
			sep = softLine
		} else {
			kids = append(kids, comma)
		}
		sep = p.gap(start(i)).separator(sep, true)
		if fill && i > 0 && sep == line {
			sep = group(line)
		}
		kids = append(kids, sep, part(i))
	}
	g := p.gap(endAt)
	if g.notes != nil {
		kids = append(kids, hardLine, g.notes)
	}
	p.pass(len(end))
	if len(kids) == 0 {
		return text(open + end)
	}
	return base(text(open), block(nest(kids...), softLine), text(end))
}

var comma = text(",")

func (p *printer) listDoc(l *List) *doc {
	fill := len(l.Items) > 1
	for _, it := range l.Items {
		switch it.Value.(type) {
		case *Int, *Float:
		default:
			fill = false
		}
	}
	return p.listing("[", len(l.Items), func(i int) int {
		if l.Items[i].Spread {
			return p.find("...")
		}
		return p.start(l.Items[i].Value)
	}, func(i int) *doc {
		return p.spread(l.Items[i].Spread, l.Items[i].Value)
	}, "]", l.End-1, fill)
}

func (p *printer) spread(is bool, e Expr) *doc {
	if is {
		d := p.word("...")
		return cat(d, p.wholeExpr(e))
	}
	return p.wholeExpr(e)
}

func (p *printer) mapDoc(m *Map) *doc {
	return p.listing("{", len(m.Entries), func(i int) int {
		if m.Entries[i].Spread {
			return p.find("...")
		}
		return m.Entries[i].KeySpan.Start
	}, func(i int) *doc {
		e := m.Entries[i]
		if e.Spread {
			return p.spread(true, e.Value)
		}
		n, short := e.Value.(*Name)
		d := p.key(e.Key, e.KeySpan, short && n.Name == e.Key && n.Span == e.KeySpan)
		if d.kind == docText && !strings.HasSuffix(d.text, ":") {
			return d
		}
		d = cat(d, p.after(e.Value, p.wholeExpr))
		if len(m.Entries) == 1 && e.Key == "/" {
			return cat(d, text(", ...{}")) // else it would be read as a link
		}
		return d
	}, "}", m.End-1, false)
}

// key gives a key of a map with its colon, or a name that stands for both.
func (p *printer) key(key string, at Span, short bool) *doc {
	if short && isName(key) {
		p.pass(len(key))
		return text(key)
	}
	spelling := p.source(at)
	if spelling == "" {
		spelling = keyText(key, false)
	}
	d := p.spelled(at, spelling)
	if g := p.gap(p.find(":")); g.notes != nil {
		d = cat(d, g.notes)
	} else if d.kind == docText {
		p.pass(1)
		return text(d.text + ":")
	}
	p.pass(1)
	return cat(d, text(":"))
}

func (p *printer) matchDoc(m *Match) *doc {
	d := p.word("match")
	d = cat(d, text(" "), p.inner(m.Subject))
	brace := p.word("{")
	kids := make([]*doc, 0, 2*len(m.Arms)+3)
	for _, a := range m.Arms {
		kids = append(kids, p.gap(a.Start).separator(line, true), p.arm(a))
	}
	if g := p.gap(m.End - 1); g.notes != nil {
		kids = append(kids, hardLine, g.notes)
	}
	p.pass(1)
	return base(d, text(" "), brace, block(nest(kids...), line), text("}"))
}

func (p *printer) arm(a *Arm) *doc {
	alts := make([]*doc, 0, 3*len(a.Patterns))
	for i, pat := range a.Patterns {
		if i > 0 {
			alts = append(alts, p.gap(p.find("|")).separator(line, false))
		}
		bar := p.word("|")
		alts = append(alts, bar, text(" "), p.pattern(pat, wholePattern))
	}
	kids := []*doc{base(group(alts...))}
	if a.Guard != nil {
		d := p.word("if")
		kids = append(kids, text(" "), d, text(" "), p.inner(a.Guard))
	}
	d := p.word("->")
	kids = append(kids, text(" "), d, p.after(a.Body, p.wholeExpr))
	return cat(kids...)
}

func (p *printer) getDoc(g *Get) *doc {
	var chain []*Get
	var e Expr = g
	for {
		g, ok := e.(*Get)
		if !ok || len(chain) > 0 && p.commented(g) {
			break
		}
		chain = append(chain, g)
		e = g.Arg
	}
	var d *doc
	switch e.(type) {
	case *Int, *Float: // the dot would be the number's
		d = p.parens(e)
	default:
		d = p.head(e)
	}
	kids := make([]*doc, 0, len(chain)+1)
	kids = append(kids, d)
	for i := len(chain) - 1; i >= 0; i-- {
		if i < len(chain)-1 && p.inPath(chain[i+1]) && !p.inPath(chain[i]) { // the dot would be the path's
			kids = []*doc{text("("), cat(kids...), text(")")}
		}
		kids = append(kids, p.field(chain[i]))
	}
	return cat(kids...)
}

// Applications nested in their last arguments, at least so many, are printed as a pipe when there is no source.
const pipeStages = 3

// piped reports whether an application is printed as a pipe.
func (p *printer) piped(a *Apply) bool {
	if a.Piped || p.file != nil {
		return a.Piped
	}
	for n := 1; n < pipeStages; n++ {
		inner, ok := a.Args[len(a.Args)-1].(*Apply)
		if !ok || inner.Piped || inner.Parens {
			return false
		}
		a = inner
	}
	return true
}

// pipeDoc gives x |> f a |> g b.
func (p *printer) pipeDoc(a *Apply, last bool) *doc {
	hugs := p.hugs(a) || a.Parens && p.hugs(&Apply{Fn: a.Fn, Args: a.Args, Piped: a.Piped})
	stages := []*Apply{a}
	for p.file == nil || a.Piped {
		inner, ok := a.Args[len(a.Args)-1].(*Apply)
		if !ok || inner.Parens && (inner.Piped || p.file != nil) || p.commented(inner) || !inner.Piped && (p.file != nil || a.Piped) {
			break
		}
		a = inner
		stages = append(stages, a)
	}
	kids := make([]*doc, 0, 4*len(stages)+1)
	inner := stages[len(stages)-1].Args
	kids = append(kids, p.expression(inner[len(inner)-1], levelPipe, false))
	for i := len(stages) - 1; i >= 0; i-- {
		s := stages[i]
		sep := p.gap(p.find("|>")).separator(line, false)
		pipe := p.word("|>")
		kids = append(kids, sep, pipe, text(" "), p.stage(s.Fn, s.Args[:len(s.Args)-1], last && i == 0))
	}
	if hugs {
		return headDoc(nest(kids...))
	}
	return group(nest(kids...))
}

// stage gives what stands after a |>.
func (p *printer) stage(fn Expr, args []Expr, last bool) *doc {
	if len(args) > 0 {
		return p.applyDoc(fn, args, last)
	}
	switch v := fn.(type) {
	case *Apply: // its parentheses make it one application of another
		return p.head(fn)
	case *Tag:
		if v.Arg == nil {
			return p.head(fn)
		}
	}
	return p.expression(fn, levelPipe+1, last)
}

// applyDoc gives f a b.
func (p *printer) applyDoc(fn Expr, args []Expr, last bool) *doc {
	kids := make([]*doc, 0, 2*len(args)+1)
	kids = append(kids, p.head(fn))
	short := 0 // so many arguments stand beside the function if the others are below it
	for short < len(args) && isShort(args[short]) {
		short++
	}
	if short == len(args) {
		short = 0
	}
	for i, arg := range args {
		sep := p.gap(p.start(arg)).separator(line, false)
		if i < short && sep == line {
			sep = group(line)
		}
		kids = append(kids, sep, p.operand(arg, last && i == len(args)-1))
	}
	if p.opens(args[len(args)-1]) {
		return headDoc(nest(kids...))
	}
	return group(nest(kids...))
}

// isShort reports whether e is a name, a literal or the like.
func isShort(e Expr) bool {
	switch e := e.(type) {
	case *Null, *Bool, *Int, *Float, *Text, *Name, *ModuleName, *TagFn, *OpFn, *Accessor:
		return true
	case *Get:
		_, name := e.Arg.(*Name)
		return name
	}
	return false
}

// binaryDoc gives a chain of operators of one level in one group.
func (p *printer) binaryDoc(b *Binary, last bool) *doc {
	op := operatorNamed(b.Op)
	var kids []*doc
	operator := func(b *Binary) {
		kids = append(kids, p.gap(b.OpSpan.Start).separator(line, false), text(b.Op), text(" "))
		p.pass(len(b.Op))
	}
	var end Expr
	if op.assoc == 'r' {
		end = b
		for {
			b, ok := end.(*Binary)
			if !ok || b.Op != op.text || len(kids) > 0 && p.parenthesized(b, op.level, last) {
				break
			}
			kids = append(kids, p.expression(b.Left, op.level+1, false))
			operator(b)
			end = b.Right
		}
		kids = append(kids, p.expression(end, op.level+1, last))
	} else {
		var chain []*Binary
		var e Expr = b
		for {
			b, ok := e.(*Binary)
			if !ok || operatorNamed(b.Op).level != op.level || len(chain) > 0 && (op.assoc == 'n' || p.parenthesized(b, op.level, false)) {
				break
			}
			chain = append(chain, b)
			e = b.Left
		}
		first := op.level
		if op.assoc == 'n' {
			first++
		}
		kids = append(kids, p.expression(e, first, false))
		for i := len(chain) - 1; i >= 0; i-- {
			operator(chain[i])
			kids = append(kids, p.expression(chain[i].Right, op.level+1, last && i == 0))
		}
		end = chain[0].Right
	}
	if p.opens(end) {
		return headDoc(nest(kids...))
	}
	return group(nest(kids...))
}

func operatorNamed(op string) operator {
	for _, o := range operators {
		if o.text == op {
			return o
		}
	}
	panic("BUG: no operator: " + op)
}

func (p *printer) lambdaDoc(l *Lambda) *doc {
	kids := []*doc{p.word(`\`)}
	var seen names
	for i, param := range l.Params {
		clash := false
		bound(param, func(name string, _ Span) {
			if !seen.add(name) {
				clash = true
			}
		})
		if clash { // a parameter that hides an earlier one stands after a \ of its own
			kids = append(kids, text(` -> \`))
			seen = names{}
			bound(param, func(name string, _ Span) { seen.add(name) })
		} else if i > 0 {
			kids = append(kids, text(" "))
		}
		kids = append(kids, p.pattern(param, parameter))
	}
	d := p.word("->")
	kids = append(kids, text(" "), d, block(p.after(l.Body, p.wholeExpr)))
	return cat(kids...)
}

func (p *printer) ifDoc(i *If) *doc {
	var kids []*doc
	for {
		d := p.word("if")
		kids = append(kids, d, text(" "), p.inner(i.Cond))
		d = p.word("then")
		kids = append(kids, text(" "), d, p.after(i.Then, p.inner))
		kids = append(kids, p.gap(p.find("else")).separator(line, false), text("else"))
		p.pass(len("else"))
		next, ok := i.Else.(*If)
		if !ok || p.commented(next) {
			break
		}
		if g := p.gap(next.Start); g.notes != nil {
			kids = append(kids, g.notes)
		}
		kids = append(kids, text(" "))
		i = next
	}
	return base(group(append(kids, p.after(i.Else, p.wholeExpr))...))
}

// letDoc gives let … in, whose lines at top level are indented.
func (p *printer) letDoc(l *Let, top bool) *doc {
	var kids []*doc
	below := false // whether `in` stands on a line of its own
	for i, d := range l.Defs {
		keyword := "let "
		if i > 0 {
			keyword = "and "
			kids = append(kids, p.gap(p.find("and")).separator(line, true))
		}
		b := p.binding(keyword, d)
		g := p.gap(p.find("in"))
		if i < len(l.Defs)-1 {
			kids = append(kids, b)
			continue
		}
		below = g.notes != nil || len(l.Defs) > 1 && b.hard || b.hard && !p.hugs(d.Value)
		p.pass(len("in"))
		switch {
		case g.notes != nil:
			kids = append(kids, b, hardLine, g.notes, text("in"))
		case len(l.Defs) > 1:
			kids = append(kids, b, line, text("in"))
		case p.hugs(d.Value):
			kids = append(kids, b, text(" in"))
		default:
			kids = append(kids, group(b, line, text("in")))
		}
	}
	sep := p.gap(p.start(l.Body)).separator(line, true)
	body := func() *doc { return p.wholeExpr(l.Body) }
	if sep == line && below {
		return base(group(kids...), group(line, body()))
	}
	if top {
		return base(group(append(kids, nest(sep, body()))...))
	}
	return base(group(append(kids, sep, body())...))
}

// binding gives one definition after `let` or `and`.
func (p *printer) binding(keyword string, d *Def) *doc {
	word := p.word(strings.TrimSpace(keyword))
	kids := []*doc{word, text(" "), p.pattern(d.Pattern, wholePattern)}
	for _, param := range d.Params {
		sep := p.gap(p.start(param)).separator(line, false)
		kids = append(kids, sep, p.pattern(param, parameter))
	}
	eq := p.word("=")
	show := p.wholeExpr
	if keyword == "let " {
		show = p.inner
	}
	return cat(group(nest(kids...)), text(" "), eq, p.after(d.Value, show))
}

// beginsWithNumber reports whether e is printed with a digit in front, which a minus sign must not touch.
func beginsWithNumber(e Expr) bool {
	for {
		switch v := e.(type) {
		case *Apply:
			e = v.Fn
		case *Int, *Float:
			return true
		default:
			return false
		}
	}
}
