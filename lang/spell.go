// This file prints what stands in expressions: names, keys and literals, spelled as they were written where there is source,
// and patterns.

package lang

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

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
		b.WriteString(PrintLine(part))
		b.WriteByte(')')
	}
	b.WriteByte('"')
	return b.String()
}

// number gives an int or a float, in its writer's spelling if that is a number alone and not `- 1` or `-(1)`.
func (p *printer) number(e Expr) string {
	s := p.source(e.Where())
	negative := false
	switch e := e.(type) {
	case *Int:
		if s == "" {
			return e.Value.String()
		}
		negative = e.Value.Sign() < 0
	case *Float:
		if s == "" {
			return floatText(e.Value)
		}
		negative = e.Value < 0
	}
	if class[s[0]] == cDigit || len(s) > 1 && class[s[1]] == cDigit {
		return s
	}
	for class[s[0]] != cDigit {
		if s[0] == '#' {
			s = s[commentLen(s):]
		} else {
			s = s[1:]
		}
	}
	n := strings.IndexAny(s, " \t\r\n#)")
	if n < 0 {
		n = len(s)
	}
	if negative {
		return "-" + s[:n]
	}
	return s[:n]
}

func (p *printer) bytes(e *Bytes) string {
	if p.file != nil {
		return `{"/": {"bytes": ` + lastText(p.source(e.Span)) + `}}`
	}
	return `{"/": {"bytes": "` + base64.RawStdEncoding.EncodeToString(e.Value) + `"}}`
}

func (p *printer) link(e *Link) string {
	s := p.source(e.Span)
	switch {
	case s == "":
		return "@" + e.Value.String()
	case s[0] == '@':
		return s
	}
	return `{"/": ` + lastText(s) + `}`
}

// lastText gives the last text literal in a map of literals.
func lastText(s string) string {
	last := ""
	for len(s) > 0 {
		n := 1
		switch s[0] {
		case '#':
			n = commentLen(s)
		case '"':
			n = textLen(s)
			last = s[:n]
		}
		s = s[n:]
	}
	return last
}

// accessor gives (.a.b), as it was written if that is without space.
func (p *printer) accessor(e *Accessor) string {
	if s := p.source(e.Span); s != "" && !strings.ContainsAny(s, " \t\r\n#") {
		return s
	}
	var b strings.Builder
	b.WriteByte('(')
	for _, k := range e.Keys {
		b.WriteString("." + keyText(k, true))
	}
	b.WriteByte(')')
	return b.String()
}

func (p *printer) imported(e *Import) string {
	if s := p.source(e.Span); s != "" {
		for s = s[len("import"):]; s[0] != '"' && s[0] != '@'; {
			if s[0] == '#' {
				s = s[commentLen(s):]
			} else {
				s = s[1:]
			}
		}
		return "import " + s
	}
	if e.CID.Defined() {
		return "import @" + e.CID.String()
	}
	return "import " + quote(e.Path)
}

// field gives what stands after a value whose field is taken: a dot and the key, or a part of a link's path.
func (p *printer) field(g *Get) *doc {
	key := p.source(g.KeySpan)
	if key == "" {
		return text("." + keyText(g.Key, true))
	}
	before := p.gap(g.KeySpan.Start)
	p.pos = g.KeySpan.End
	switch {
	case before.notes != nil:
		return cat(text("."), before.notes, text(key))
	case p.inPath(g):
		return text("/" + key)
	}
	return text("." + key)
}

// inPath reports whether a field was written as a part of a link's path.
func (p *printer) inPath(g *Get) bool { return p.file != nil && p.src[g.KeySpan.Start-1] == '/' }

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

// Where a pattern stands.
type patternPlace uint8

const (
	wholePattern patternPlace = iota
	tagOperand                // or before `as`, where a tag's operand needs no parentheses
	parameter
)

func (p *printer) pattern(pat Pattern, where patternPlace) *doc {
	parens := func() *doc {
		g := p.gap(p.start(pat))
		p.skip("(")
		return g.before(cat(text("("), p.pattern(pat, wholePattern), text(")")))
	}
	switch v := pat.(type) {
	case *NamePat:
		return p.spelled(v.Span, v.Name)
	case *WildPat:
		return p.spelled(v.Span, "_")
	case *LitPat:
		if where == parameter && p.levelOf(v.Value, true) < levelOperand {
			return parens()
		}
		return p.bare(v.Value, true)
	case *ListPat:
		return p.listPattern(v)
	case *MapPat:
		return p.mapPattern(v)
	case *TagPat:
		if v.Arg == nil {
			return p.spelled(v.Span, v.Name)
		}
		if where != wholePattern {
			return parens()
		}
		name := p.spelled(Span{v.Start, v.Start + len(v.Name)}, v.Name)
		return cat(name, text(" "), p.pattern(v.Arg, tagOperand))
	case *AsPat:
		if where != wholePattern {
			return parens()
		}
		d := p.pattern(v.Pattern, wholePattern)
		as := p.word("as")
		return cat(d, text(" "), as, text(" "), p.spelled(v.NameSpan, v.Name))
	}
	panic(fmt.Sprintf("BUG: no pattern: %T", pat))
}

func (p *printer) listPattern(v *ListPat) *doc {
	n := len(v.Items)
	if v.Rest >= 0 {
		n++
	}
	item := func(i int) int { // the index in Items, -1 for the rest
		switch {
		case i == v.Rest:
			return -1
		case v.Rest >= 0 && i > v.Rest:
			return i - 1
		}
		return i
	}
	g := p.gap(v.Start)
	return g.before(p.listing("[", n, func(i int) int {
		if item(i) < 0 {
			return p.find("...")
		}
		return p.start(v.Items[item(i)])
	}, func(i int) *doc {
		if item(i) < 0 {
			return p.rest(v.RestPat)
		}
		return p.pattern(v.Items[item(i)], wholePattern)
	}, "]", v.End-1, false))
}

func (p *printer) mapPattern(v *MapPat) *doc {
	n := len(v.Entries)
	if v.RestPat != nil || n == 1 && v.Entries[0].Key == "/" {
		n++
	}
	g := p.gap(v.Start)
	return g.before(p.listing("{", n, func(i int) int {
		if i == len(v.Entries) {
			return p.find("...")
		}
		return v.Entries[i].KeySpan.Start
	}, func(i int) *doc {
		if i == len(v.Entries) {
			return p.rest(v.RestPat)
		}
		e := v.Entries[i]
		name, short := e.Pattern.(*NamePat)
		d := p.key(e.Key, e.KeySpan, short && name.Name == e.Key && name.Span == e.KeySpan)
		if d.kind == docText && !strings.HasSuffix(d.text, ":") {
			return d
		}
		return cat(d, text(" "), p.pattern(e.Pattern, wholePattern))
	}, "}", v.End-1, false))
}

// rest gives the ... of a pattern, and what it names.
func (p *printer) rest(pat Pattern) *doc {
	d := p.word("...")
	if pat == nil {
		return d
	}
	return cat(d, p.pattern(pat, parameter))
}
