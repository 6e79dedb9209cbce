// This file prints a syntax tree as source, with no more parentheses than needed. Reading it again gives the same
// tree, spans aside: parse∘print is the identity on what the parser makes.

package lang

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const printWidth = 80

// Print writes an expression in lines of 80 columns where it can. Its first line begins where the caller stands, the
// others are indented, so that it may stand at top level.
func Print(e Expr) string { return render(nest(expression(e, levelPipe, true)), printWidth) }

// PrintLine writes an expression on one line.
func PrintLine(e Expr) string { return render(expression(e, levelPipe, true), 0) }

// PrintWidth writes an expression in lines of so many columns where it can.
func PrintWidth(e Expr, width int) string {
	return render(nest(expression(e, levelPipe, true)), max(width, 1))
}

// PrintDef writes a definition as a top-level item, its documentation above it.
func PrintDef(d *Def) string {
	doc := ""
	if d.Doc != "" {
		for l := range strings.SplitSeq(d.Doc, "\n") {
			doc += strings.TrimRight("## "+l, " ") + "\n"
		}
	}
	return doc + render(binding("let ", d), printWidth)
}

// PrintPattern writes a pattern on one line.
func PrintPattern(p Pattern) string {
	var b strings.Builder
	pattern(&b, p, wholePattern)
	return b.String()
}

// PrintFile writes a program: its definitions, then its expression.
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

func render(d *doc, width int) string {
	var b strings.Builder
	d.layout(&b, width)
	return b.String()
}

const levelOperand = levelApply + 1 // what may be an argument

// expression gives the doc of e where an operator of the given level may stand. Last tells that nothing follows up to
// a bracket or keyword, so that a form that reaches as far right as it can needs no parentheses.
func expression(e Expr, level int, last bool) *doc {
	if levelOf(e, last) < level {
		return group(surround("(", bare(e, true), ")"))
	}
	return bare(e, last)
}

// levelOf gives the level of e's loosest operator.
func levelOf(e Expr, last bool) int {
	switch e := e.(type) {
	case *Int:
		if e.Value.Sign() < 0 {
			return levelUnary
		}
	case *Float:
		if e.Value < 0 {
			return levelUnary
		}
	case *Tag:
		return levelApply
	case *Apply:
		if len(stages(e)) >= pipeStages {
			return levelPipe
		}
		return levelApply
	case *Neg:
		return levelUnary
	case *Binary:
		return operatorNamed(e.Op).level
	case *Mark:
		return levelOf(e.Arg, last)
	case *Lambda, *If, *Let, *Lazy, *Try, *Import:
		if !last {
			return 0
		}
	}
	return levelOperand
}

// bare gives the doc of e without parentheses around it.
func bare(e Expr, last bool) *doc {
	switch e := e.(type) {
	case *Null:
		return text("null")
	case *Bool:
		return text(strconv.FormatBool(e.Value))
	case *Int:
		return text(e.Value.String())
	case *Float:
		return text(floatText(e.Value))
	case *Text:
		return text(quote(e.Value))
	case *Bytes:
		return text(bytesText(e))
	case *Link:
		return text("@" + e.Value.String())
	case *Interp:
		return text(interpText(e))
	case *Name:
		return text(e.Name)
	case *ModuleName:
		return text(e.Module + "." + e.Name)
	case *TagFn:
		return text("(" + e.Name + ")")
	case *OpFn:
		return text("(" + e.Op + ")")
	case *Accessor:
		var b strings.Builder
		for _, k := range e.Keys {
			b.WriteString("." + keyText(k, true))
		}
		return text("(" + b.String() + ")")
	case *List:
		items := make([]*doc, len(e.Items))
		for i, it := range e.Items {
			items[i] = spread(it.Spread, expression(it.Value, levelPipe, true))
		}
		return bracketed("[", items, "]")
	case *Map:
		return mapDoc(e)
	case *Match:
		return matchDoc(e)
	case *Get:
		return getDoc(e)
	case *Tag:
		if e.Arg == nil {
			return text(e.Name)
		}
		return cat(text(e.Name+" "), operand(e.Arg, last))
	case *Apply:
		return applyDoc(e, last)
	case *Neg:
		if beginsWithNumber(e.Arg) {
			return cat(text("- "), expression(e.Arg, levelUnary, last))
		}
		return cat(text("-"), expression(e.Arg, levelUnary, last))
	case *Binary:
		return binaryDoc(e, last)
	case *Lambda:
		return lambdaDoc(e)
	case *If:
		return ifDoc(e)
	case *Let:
		return letDoc(e)
	case *Lazy:
		return cat(text("lazy "), expression(e.Arg, levelPipe, true))
	case *Try:
		return cat(text("try "), expression(e.Arg, levelPipe, true))
	case *Import:
		if e.CID.Defined() {
			return text("import @" + e.CID.String())
		}
		return text("import " + quote(e.Path))
	case *Mark:
		if !e.On {
			return bare(e.Arg, last)
		}
		return surround(MarkStart, bare(e.Arg, last), MarkEnd)
	}
	panic(fmt.Sprintf("BUG: no expression: %T", e))
}

// operand gives the doc of an argument. A tag without operand needs parentheses, two pairs of them, unless nothing follows it.
func operand(e Expr, last bool) *doc {
	if t, ok := e.(*Tag); ok && t.Arg == nil {
		if last {
			return text(t.Name)
		}
		return text("((" + t.Name + "))")
	}
	return expression(e, levelOperand, last)
}

// head gives the doc of what is applied, or has its field taken.
func head(e Expr) *doc { return operand(e, false) }

func spread(is bool, d *doc) *doc {
	if is {
		return cat(text("..."), d)
	}
	return d
}

// bracketed gives items with commas between them.
func bracketed(open string, items []*doc, end string) *doc {
	if len(items) == 0 {
		return text(open + end)
	}
	kids := make([]*doc, 0, 3*len(items)+1)
	kids = append(kids, softLine)
	for i, it := range items {
		if i > 0 {
			kids = append(kids, text(","), line)
		}
		kids = append(kids, it)
	}
	return group(text(open), nest(kids...), softLine, text(end))
}

func mapDoc(m *Map) *doc {
	items := make([]*doc, len(m.Entries))
	for i, e := range m.Entries {
		if e.Spread {
			items[i] = spread(true, expression(e.Value, levelPipe, true))
			continue
		}
		if n, ok := e.Value.(*Name); ok && n.Name == e.Key && isName(e.Key) {
			items[i] = text(e.Key)
			continue
		}
		items[i] = group(text(keyText(e.Key, false)+":"), nest(line, expression(e.Value, levelPipe, true)))
	}
	if len(m.Entries) == 1 && m.Entries[0].Key == "/" && !m.Entries[0].Spread {
		items = append(items, text("...{}")) // else it would be read as a link
	}
	return bracketed("{", items, "}")
}

func matchDoc(m *Match) *doc {
	kids := make([]*doc, 0, 2*len(m.Arms))
	for _, a := range m.Arms {
		var b strings.Builder
		for i, p := range a.Patterns {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString("| ")
			pattern(&b, p, wholePattern)
		}
		arm := []*doc{text(b.String())}
		if a.Guard != nil {
			arm = append(arm, text(" if "), expression(a.Guard, levelPipe, true))
		}
		arm = append(arm, text(" ->"), nest(line, expression(a.Body, levelPipe, true)))
		kids = append(kids, line, group(arm...))
	}
	return group(text("match "), expression(m.Subject, levelPipe, true), text(" {"), nest(kids...), line, text("}"))
}

func getDoc(g *Get) *doc {
	var keys []string
	var e Expr = g
	for {
		g, ok := e.(*Get)
		if !ok {
			break
		}
		keys = append(keys, g.Key)
		e = g.Arg
	}
	var b strings.Builder
	for i := len(keys) - 1; i >= 0; i-- {
		b.WriteString("." + keyText(keys[i], true))
	}
	switch e.(type) {
	case *Int, *Float: // the dot would be the number's
		return cat(text("("), expression(e, levelPipe, true), text(")"+b.String()))
	}
	return cat(head(e), text(b.String()))
}

// Applications nested in their last arguments, at least so many, are printed as a pipe.
const pipeStages = 3

// stages gives a and the applications nested in its last argument, outermost first.
func stages(a *Apply) []*Apply {
	list := []*Apply{a}
	for {
		inner, ok := a.Args[len(a.Args)-1].(*Apply)
		if !ok {
			return list
		}
		a = inner
		list = append(list, a)
	}
}

// applyDoc gives f a b, or x |> f a |> g b.
func applyDoc(a *Apply, last bool) *doc {
	stages := stages(a)
	if len(stages) < pipeStages {
		return group(head(a.Fn), nest(arguments(a.Args, last)...))
	}
	kids := make([]*doc, 0, 3*len(stages))
	for i := len(stages) - 1; i >= 0; i-- {
		s := stages[i]
		args := s.Args[:len(s.Args)-1]
		stageLast := last && i == 0
		var stage *doc
		if len(args) > 0 {
			stage = group(head(s.Fn), nest(arguments(args, stageLast)...))
		} else if fn, isApply := s.Fn.(*Apply); isApply { // its parentheses make it one application of another
			stage = head(fn)
		} else if t, ok := s.Fn.(*Tag); ok && t.Arg == nil {
			stage = head(t)
		} else {
			stage = expression(s.Fn, levelPipe+1, stageLast)
		}
		kids = append(kids, line, text("|> "), nest(stage))
	}
	inner := stages[len(stages)-1].Args
	return group(expression(inner[len(inner)-1], levelPipe, false), nest(kids...))
}

func arguments(args []Expr, last bool) []*doc {
	kids := make([]*doc, 0, 2*len(args))
	for i, arg := range args {
		kids = append(kids, line, operand(arg, last && i == len(args)-1))
	}
	return kids
}

// binaryDoc gives a chain of operators of one level in one group.
func binaryDoc(b *Binary, last bool) *doc {
	op := operatorNamed(b.Op)
	if op.assoc == 'r' {
		var kids []*doc
		var e Expr = b
		for {
			b, ok := e.(*Binary)
			if !ok || b.Op != op.text {
				break
			}
			kids = append(kids, expression(b.Left, op.level+1, false), line, text(op.text+" "))
			e = b.Right
		}
		kids = append(kids, nest(expression(e, op.level+1, last)))
		return group(kids[0], nest(kids[1:]...))
	}
	var chain []*Binary
	var e Expr = b
	for {
		b, ok := e.(*Binary)
		if !ok || operatorNamed(b.Op).level != op.level || len(chain) > 0 && op.assoc == 'n' {
			break
		}
		chain = append(chain, b)
		e = b.Left
	}
	first := op.level
	if op.assoc == 'n' {
		first++
	}
	kids := make([]*doc, 0, 3*len(chain))
	for i := len(chain) - 1; i >= 0; i-- {
		b := chain[i]
		kids = append(kids, line, text(b.Op+" "), nest(expression(b.Right, op.level+1, last && i == 0)))
	}
	return group(expression(e, first, false), nest(kids...))
}

func operatorNamed(op string) operator {
	for _, o := range operators {
		if o.text == op {
			return o
		}
	}
	panic("BUG: no operator: " + op)
}

func lambdaDoc(l *Lambda) *doc {
	var b strings.Builder
	var seen names
	for i, p := range l.Params {
		clash := i == 0
		bound(p, func(name string, _ Span) {
			if !seen.add(name) {
				clash = true
			}
		})
		if clash { // a parameter that hides an earlier one stands after a \ of its own
			if i > 0 {
				b.WriteString(" -> ")
			}
			b.WriteByte('\\')
			seen = names{}
			bound(p, func(name string, _ Span) { seen.add(name) })
		} else {
			b.WriteByte(' ')
		}
		pattern(&b, p, parameter)
	}
	b.WriteString(" ->")
	return group(text(b.String()), nest(line, expression(l.Body, levelPipe, true)))
}

func ifDoc(i *If) *doc {
	var kids []*doc
	opening := "if "
	for {
		kids = append(kids, group(text(opening), expression(i.Cond, levelPipe, true), text(" then"),
			nest(line, expression(i.Then, levelPipe, true))), line)
		next, ok := i.Else.(*If)
		if !ok {
			break
		}
		i, opening = next, "else if "
	}
	kids = append(kids, group(text("else"), nest(line, expression(i.Else, levelPipe, true))))
	return group(kids...)
}

func letDoc(l *Let) *doc {
	var kids []*doc
	for i, d := range l.Defs {
		if i > 0 {
			kids = append(kids, line, binding("and ", d))
		} else if len(l.Defs) == 1 {
			kids = append(kids, group(binding("let ", d), line, text("in")))
		} else {
			kids = append(kids, binding("let ", d))
		}
	}
	if len(l.Defs) > 1 {
		kids = append(kids, line, text("in"))
	}
	return group(append(kids, line, expression(l.Body, levelPipe, true))...)
}

// binding gives one definition after `let` or `and`.
func binding(keyword string, d *Def) *doc {
	var b strings.Builder
	b.WriteString(keyword)
	pattern(&b, d.Pattern, wholePattern)
	for _, p := range d.Params {
		b.WriteByte(' ')
		pattern(&b, p, parameter)
	}
	b.WriteString(" =")
	return group(text(b.String()), nest(line, expression(d.Value, levelPipe, true)))
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

// Where a pattern stands.
type patternPlace uint8

const (
	wholePattern patternPlace = iota
	tagOperand                // or before `as`, where a tag's operand needs no parentheses
	parameter
)

func pattern(b *strings.Builder, p Pattern, where patternPlace) {
	parens := func() { b.WriteByte('('); pattern(b, p, wholePattern); b.WriteByte(')') }
	switch v := p.(type) {
	case *NamePat:
		b.WriteString(v.Name)
	case *WildPat:
		b.WriteByte('_')
	case *LitPat:
		if where == parameter && levelOf(v.Value, true) < levelOperand {
			parens()
			return
		}
		bare(v.Value, true).layout(b, 0)
	case *ListPat:
		b.WriteByte('[')
		for i := 0; i <= len(v.Items); i++ {
			if i == v.Rest {
				comma(b, i > 0)
				b.WriteString("...")
				if v.RestPat != nil {
					pattern(b, v.RestPat, parameter)
				}
			}
			if i < len(v.Items) {
				comma(b, i > 0 || i == v.Rest)
				pattern(b, v.Items[i], wholePattern)
			}
		}
		b.WriteByte(']')
	case *MapPat:
		b.WriteByte('{')
		for i, e := range v.Entries {
			comma(b, i > 0)
			if n, ok := e.Pattern.(*NamePat); ok && n.Name == e.Key && isName(e.Key) {
				b.WriteString(e.Key)
				continue
			}
			b.WriteString(keyText(e.Key, false) + ": ")
			pattern(b, e.Pattern, wholePattern)
		}
		if v.RestPat != nil || len(v.Entries) == 1 && v.Entries[0].Key == "/" {
			comma(b, len(v.Entries) > 0)
			b.WriteString("...")
			if v.RestPat != nil {
				pattern(b, v.RestPat, parameter)
			}
		}
		b.WriteByte('}')
	case *TagPat:
		if v.Arg == nil {
			b.WriteString(v.Name)
			return
		}
		if where != wholePattern {
			parens()
			return
		}
		b.WriteString(v.Name + " ")
		pattern(b, v.Arg, tagOperand)
	case *AsPat:
		if where != wholePattern {
			parens()
			return
		}
		pattern(b, v.Pattern, wholePattern)
		b.WriteString(" as " + v.Name)
	default:
		panic(fmt.Sprintf("BUG: no pattern: %T", p))
	}
}

func comma(b *strings.Builder, needed bool) {
	if needed {
		b.WriteString(", ")
	}
}

// isName reports whether s can stand as a name.
func isName(s string) bool {
	if s == "" || s == "_" || class[s[0]] != cLower || keyword(s) != tName {
		return false
	}
	return isWord(s)
}

// isWord reports whether s is a name, a tag or a keyword.
func isWord(s string) bool {
	if s == "" || class[s[0]] != cLower && class[s[0]] != cUpper {
		return false
	}
	for i := range len(s) {
		if class[s[i]] < cLower && (s[i] != '\'' || class[s[0]] == cUpper) {
			return false
		}
	}
	return true
}

// keyText gives a key as it stands before a colon or, for a field, after a dot.
func keyText(key string, field bool) string {
	if isWord(key) || field && key != "" && strings.Trim(key, "0123456789") == "" {
		return key
	}
	return quote(key)
}

// quote gives a text between quotes.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	escape(&b, s)
	b.WriteByte('"')
	return b.String()
}

func escape(b *strings.Builder, s string) {
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b.WriteString(s[from:i])
		from = i + 1
		switch c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\b':
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(b, `\u%04x`, c)
		}
	}
	b.WriteString(s[from:])
}

func interpText(e *Interp) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, part := range e.Parts {
		if t, ok := part.(*Text); ok {
			escape(&b, t.Value)
			continue
		}
		b.WriteString(`\(`)
		expression(part, levelPipe, true).layout(&b, 0)
		b.WriteByte(')')
	}
	b.WriteByte('"')
	return b.String()
}

func bytesText(e *Bytes) string {
	return `{"/": {"bytes": "` + base64.RawStdEncoding.EncodeToString(e.Value) + `"}}`
}

// floatText writes a float as ECMAScript does, with .0 where there is neither point nor exponent.
func floatText(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		s := strconv.FormatFloat(f, 'e', -1, 64)
		mantissa, exponent, _ := strings.Cut(s, "e")
		return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
