// This file formats source: it prints the trees of a file together with what they do not hold, which is its comments and
// what its writer chose.

package lang

import "strings"

// Why comments go by tokens: the printer writes tokens in the order of the source, and looks before each at what the source
// has between it and the one before. So every comment comes out, in order, between the same two tokens, on the same line as
// the first one or on a line of its own. A second run finds the same, which makes it idempotent.

// Format gives a program in the one style: the same trees, and every comment. Source with mistakes is not formatted. Line
// ends are LF, the last one too, and there is no byte order mark. Format may be called from any goroutine.
func Format(name string, src []byte) (string, Errors) {
	f, errs := Parse(name, src)
	if len(errs) > 0 {
		return "", errs
	}
	p := &printer{file: f, src: f.Source}
	w := &writer{width: printWidth, limit: maxSource}
	between := func(to int) {
		g := p.gap(to)
		w.wait, w.waitIndent, w.inItem = '\n', 0, false
		if g.notes != nil {
			w.layout(g.notes)
		} else {
			w.blank = g.lines > 1
		}
	}
	body := func() {
		between(f.Body.Where().Start)
		w.layout(p.topLevel(f.Body))
	}
	done := f.Body == nil
	for _, d := range f.Defs {
		if !done && f.Body.Where().Start < d.Start {
			body()
			done = true
		}
		keyword := "and "
		at := p.find("let")
		if strings.HasPrefix(p.src[at:], "let") {
			keyword = "let "
		} else {
			at = p.find("and")
		}
		between(at)
		w.layout(p.binding(keyword, d))
	}
	if !done {
		body()
	}
	between(len(p.src))
	w.trim()
	if len(w.out) > 0 {
		w.out = append(w.out, '\n')
	}
	if w.full() {
		return "", Errors{{File: f, Message: "the source is longer than the limit of 16 MiB when it is formatted"}}
	}
	return string(w.out), nil
}

// A gap is what stands between two tokens: comments, and how many line breaks in a row, 2 for a blank line or several.
type gap struct {
	notes *doc
	lines int
}

// before gives the comments and what follows them.
func (g gap) before(d *doc) *doc {
	if g.notes == nil {
		return d
	}
	return cat(g.notes, d)
}

// separator gives the place between two parts: where the writer broke the line, or put a comment, it is broken.
func (g gap) separator(sep *doc, blank bool) *doc {
	switch {
	case g.notes != nil:
		return cat(hardLine, g.notes)
	case g.lines > 1 && blank:
		return brokenBlank
	case g.lines > 0:
		return hardLine
	}
	return sep
}

var brokenBlank = cat(blankLine, hardLine)

// gap passes over the source up to an offset. Tokens on the way, such as parentheses that are of no use, are left out.
func (p *printer) gap(to int) gap {
	var g gap
	if p.file == nil || to <= p.pos {
		return g
	}
	var notes []*doc
	lines := 0 // since the last token or comment
	if p.pos == 0 {
		lines = 1
	}
	for i := p.pos; i < to; {
		switch p.src[i] {
		case '\n':
			lines++
			g.lines = max(g.lines, min(lines, 2))
			i++
		case ' ', '\t', '\r':
			i++
		case '#':
			end := i + commentLen(p.src[i:])
			comment := strings.TrimRight(p.src[i:end], " \t\r")
			if lines == 0 {
				notes = append(notes, note(comment))
			} else {
				if lines > 1 {
					notes = append(notes, blankLine)
				}
				notes = append(notes, ownNote(comment))
			}
			lines = 0
			i = end
		case '"':
			lines = 0
			i += textLen(p.src[i:to])
		default:
			lines = 0
			i++
		}
	}
	p.pos = to
	if len(notes) > 0 {
		if lines > 1 {
			notes = append(notes, blankLine)
		}
		g.notes = cat(notes...)
	}
	return g
}

// commentLen is the length of the comment at the front of src.
func commentLen(src string) int {
	if i := strings.IndexByte(src, '\n'); i >= 0 {
		return i
	}
	return len(src)
}

// textLen is the length of the text literal, without interpolation, at the front of src.
func textLen(src string) int {
	quotes := `"`
	if strings.HasPrefix(src, `"""`) {
		quotes = `"""`
	}
	for i := len(quotes); i < len(src); i++ {
		if src[i] == '\\' {
			i++
		} else if strings.HasPrefix(src[i:], quotes) {
			return i + len(quotes)
		}
	}
	return len(src)
}

// find gives the offset of the token that is next in the source, parentheses and commas left out; where the source has
// another one there, that of what was printed last.
func (p *printer) find(token string) int {
	for i := p.pos; i < len(p.src); {
		if strings.HasPrefix(p.src[i:], token) {
			return i
		}
		switch p.src[i] {
		case ' ', '\t', '\r', '\n', '(', ')', ',':
			i++
		case '#':
			i += commentLen(p.src[i:])
		default:
			return p.pos
		}
	}
	return p.pos
}

// start gives where a part begins in the source: at the parenthesis before it, if there is one.
func (p *printer) start(n Node) int {
	at := n.Where().Start
	if p.file == nil {
		return at
	}
	if i := p.find("("); i < at && p.src[i] == '(' {
		return i
	}
	if e, ok := n.(Expr); ok {
		return p.begin(e)
	}
	return at
}

// begin gives where an expression begins in the source, without its parentheses; or where its first token ends, if that is made
// of several in which there are comments. They come out before it.
func (p *printer) begin(e Expr) int {
	at := e.Where().Start
	for p.file != nil {
		next := e
		switch v := e.(type) {
		case *Apply:
			next = v.Fn
			if v.Piped {
				next = v.Args[len(v.Args)-1]
			}
		case *Binary:
			next = v.Left
		case *Get:
			next = v.Arg
		case *Int, *Float, *Bytes, *Link, *TagFn, *OpFn, *Accessor, *ModuleName, *Import:
			if hasComment(p.source(e.Where())) {
				return e.Where().End
			}
		case *Tag:
			if v.Arg == nil && hasComment(p.source(v.Span)) {
				return v.End
			}
		}
		if next == e || inParens(next) || p.commented(next) {
			break
		}
		e = next
	}
	return at
}

// hasComment reports whether a comment stands in source that may have texts without interpolation.
func hasComment(src string) bool {
	for i := strings.IndexAny(src, `"#`); i >= 0; i = strings.IndexAny(src, `"#`) {
		if src[i] == '#' {
			return src[0] != '@'
		}
		src = src[i:]
		src = src[textLen(src):]
	}
	return false
}

// pass passes over n bytes of the source that have been printed.
func (p *printer) pass(n int) {
	if p.file != nil {
		p.pos = min(p.pos+n, len(p.src))
	}
}

// word gives a keyword or another token that is always the same, with the comments before it.
func (p *printer) word(token string) *doc {
	at := p.find(token)
	g := p.gap(at)
	p.skip(token)
	return g.before(text(token))
}

// skip passes over a token if it is next.
func (p *printer) skip(token string) {
	if strings.HasPrefix(p.src[p.pos:], token) {
		p.pos += len(token)
	}
}

// spelled gives the text of what has a span, with the comments before it and in it.
func (p *printer) spelled(at Span, s string) *doc { return p.gap(at.End).before(text(s)) }

// verbatim gives what stands at a span.
func (p *printer) verbatim(at Span) *doc {
	g := p.gap(at.Start)
	p.pos = at.End
	d := text(p.src[at.Start:at.End])
	d.hard = strings.IndexByte(d.text, '\n') >= 0
	return g.before(d)
}

// source is what stands at a span, "" when there is no source.
func (p *printer) source(at Span) string {
	if p.file == nil {
		return ""
	}
	return p.src[at.Start:at.End]
}

// commented reports whether e stood in parentheses, with a comment before the closing one. They cannot be left out then: a
// comment at the end of an item might become the documentation of the next.
func (p *printer) commented(e Expr) bool {
	if p.file == nil || len(p.file.commented) == 0 || !p.file.commented[e] {
		return false
	}
	t, isTag := e.(*Tag)
	return !isTag || t.Arg != nil
}
