// This file shows what is known of a name, colours a file, and formats it.

package lsp

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/stdlib"
)

const (
	hoverTime  = time.Second // that a hover waits for the check of what it shows
	maxAnswers = 16          // expressions around a place whose value is looked up
	maxShown   = 80          // bytes of an expression that is shown
)

// markup is text for the editor, in the form that it understands.
func (s *server) markup(markdown string) *markup {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.markdown {
		return &markup{"markdown", markdown}
	}
	var lines []string
	for l := range strings.SplitSeq(markdown, "\n") {
		if !strings.HasPrefix(l, "```") {
			lines = append(lines, l)
		}
	}
	return &markup{"plaintext", strings.Join(lines, "\n")}
}

// docMarkdown is documentation as Markdown: what it runs as examples becomes code.
func docMarkdown(doc string) string {
	var out []string
	code := false
	fence := func(on bool) {
		if on == code {
			return
		}
		if code = on; on {
			out = append(out, "```rosser")
		} else {
			out = append(out, "```")
		}
	}
	for l := range strings.SplitSeq(doc, "\n") {
		example := strings.HasPrefix(l, "> ") || code && strings.HasPrefix(l, "= ")
		fence(example)
		out = append(out, l)
	}
	fence(false)
	return strings.Join(out, "\n")
}

func (s *server) hover(ctx context.Context, d *document, p positionParams) (any, error) {
	offset := d.offset(p.Position)
	i := d.tokenAt(offset)
	if i < 0 {
		return nil, nil
	}
	select {
	case <-d.checked:
	case <-time.After(hoverTime):
	case <-ctx.Done():
		return nil, nil
	}
	var parts []string
	at := d.tokens()[i].Span
	if t, ok := s.targetAt(d, offset); ok {
		parts = s.describe(d, t)
		if t.use.End > t.use.Start {
			at = t.use.Span
		}
	} else if u, ok := d.scopes().At(offset); ok && u.Import != nil {
		parts = s.describeLibrary(d, u)
	}
	if text := s.recorded(ctx, d, offset, at); text != "" {
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return hover{*s.markup(strings.Join(parts, "\n\n")), d.span(at)}, nil
}

func code(text string) string { return "```rosser\n" + text + "\n```" }

// describe says what a name is.
func (s *server) describe(d *document, t target) []string {
	b := t.binding
	switch {
	case b == nil:
		l, ok := libraryEntry(t.use.Module, t.use.Name)
		if !ok {
			return nil
		}
		a, _ := stdlib.About(l.full)
		return append([]string{code(l.signature), docMarkdown(a.Doc)}, s.identity(a.Term, false, false)...)
	case b.Kind == lang.BoundParam:
		return []string{code(b.Name), "a parameter"}
	case b.Kind == lang.BoundArm:
		return []string{code(b.Name), "a name in a pattern"}
	}
	parts := []string{code("let " + b.Name)}
	if b.Def == nil {
		return parts
	}
	params := paramsOf(b.Def)
	if len(params) > 0 {
		parts[0] = code("let " + signatureOf(b.Name, params))
	} else if text := strings.Join(strings.Fields(t.doc.source()[b.Def.Start:b.Def.End]), " "); len(text) <= maxShown {
		parts[0] = code("let " + text)
	}
	if b.Def.Doc != "" {
		parts = append(parts, docMarkdown(b.Def.Doc))
	}
	if b.Kind != lang.BoundTop {
		return append(parts, "a local definition")
	}
	unit := d.unit()
	if unit == nil || d.result.Partial {
		return parts
	}
	if t.doc != d {
		if unit = d.result.Imports[t.doc.path]; unit == nil {
			return parts
		}
	}
	for i := range unit.Defs {
		if def := &unit.Defs[i]; def.Name == b.Name {
			parts = append(parts, s.identity(def.CID, len(params) == 0, true)...)
		}
	}
	return parts
}

// describeLibrary says what a name of a published library is.
func (s *server) describeLibrary(d *document, u lang.Use) []string {
	imp := importOf(u.Import)
	if imp == nil || !d.published(imp).Defined() {
		return nil
	}
	term := d.library(d.published(imp))[u.Name]
	if term == nil || !term.CID.Defined() {
		return nil
	}
	parts := []string{code(u.Name)}
	if store := s.store(); store != nil {
		if a, ok := store.About(term.CID); ok {
			parts[0] = code(signatureOf(u.Name, a.Params))
			if a.Doc != "" {
				parts = append(parts, docMarkdown(a.Doc))
			}
		}
	}
	return append(parts, s.identity(term.CID, true, false)...)
}

// identity is a term's CID and what is recorded of its value.
func (s *server) identity(c cid.Cid, answer, steps bool) []string {
	if !c.Defined() {
		return nil
	}
	parts := []string{"`" + c.String() + "`"}
	if store := s.store(); store != nil && answer {
		if r, ok := store.Recorded(s.ctx, c); ok {
			parts = append(parts, result(r))
		}
	}
	return parts
}

// result is what is recorded of an expression.
func result(r repl.Recorded) string {
	text := "= " + quote(r.Text)
	if r.Error {
		text = "error: " + quote(r.Text)
	}
	text += fmt.Sprintf(" (%d steps", r.Steps)
	if r.Claim != "" {
		text += "; a claim by " + quote(r.Claim) + ", not checked here"
	}
	return text + ")"
}

// quote is text as code in Markdown.
func quote(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	text = strings.Join(strings.Fields(text), " ")
	if fence != "`" {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

// recorded shows the value, if the store has it, of the smallest closed expression around a place.
func (s *server) recorded(ctx context.Context, d *document, offset int, name lang.Span) string {
	u, store := d.unit(), s.store()
	if u == nil || store == nil || d.result.Partial {
		return ""
	}
	type expression struct {
		lang.Span
		cid cid.Cid
	}
	var around []expression
	for c, spans := range u.Spans {
		if len(spans) > 0 && spans[0].Start <= offset && offset <= spans[0].End && spans[0] != name {
			around = append(around, expression{spans[0], c})
		}
	}
	sort.Slice(around, func(i, j int) bool {
		if a, b := around[i].End-around[i].Start, around[j].End-around[j].Start; a != b {
			return a < b
		}
		return around[i].cid.KeyString() < around[j].cid.KeyString()
	})
	for _, e := range around[:min(len(around), maxAnswers)] {
		if r, ok := store.Recorded(ctx, e.cid); ok {
			text := strings.Join(strings.Fields(d.source()[e.Start:e.End]), " ")
			return quote(lang.Cut(text)) + " " + result(r)
		}
	}
	return ""
}

// tokenTypes are the protocol's names of what the tokens are, in the order of their numbers.
var tokenTypes = []string{"variable", "function", "parameter", "namespace", "property", "enumMember", "keyword", "number", "string", "comment", "operator"}

const (
	colourVariable = iota
	colourFunction
	colourParameter
	colourNamespace
	colourProperty
	colourEnumMember
	colourKeyword
	colourNumber
	colourString
	colourComment
	colourOperator
)

// colourOf is a token's type; -1 for none.
func colourOf(class lang.TokenClass) int {
	switch class {
	case lang.ClassName:
		return colourVariable
	case lang.ClassTag:
		return colourEnumMember
	case lang.ClassModule:
		return colourNamespace
	case lang.ClassField:
		return colourProperty
	case lang.ClassKeyword, lang.ClassConstant:
		return colourKeyword
	case lang.ClassNumber:
		return colourNumber
	case lang.ClassText, lang.ClassLink:
		return colourString
	case lang.ClassComment, lang.ClassDoc:
		return colourComment
	case lang.ClassOperator:
		return colourOperator
	}
	return -1
}

// semantic gives the colours of a file, five numbers a token as the protocol has it: lines down, columns on, length,
// type, modifiers.
func (s *server) semantic(_ context.Context, d *document, _ documentParams) (any, error) {
	scopes, src := d.scopes(), d.source()
	names := map[int]int{}
	kind := func(b *lang.Binding) int {
		switch {
		case b == nil:
			return colourFunction // the library's
		case b.Kind == lang.BoundParam:
			return colourParameter
		case importOf(b) != nil:
			return colourNamespace
		case len(paramsOf(b.Def)) > 0:
			return colourFunction
		}
		return colourVariable
	}
	kinds := map[*lang.Binding]int{}
	for _, b := range scopes.Bindings {
		k := kind(b)
		kinds[b] = k
		for _, site := range b.Sites {
			names[site.Start] = k
		}
	}
	kinds[nil] = colourFunction
	for _, u := range scopes.Uses {
		if u.Import != nil || u.Module != "" {
			names[u.End-len(u.Name)] = colourFunction
		} else {
			names[u.Start] = kinds[u.Binding]
		}
	}
	data := []int{}
	var last position
	put := func(at lang.Span, colour int) {
		p, end := d.position(at.Start), d.position(at.End)
		if p.Line == last.Line {
			data = append(data, 0, p.Character-last.Character)
		} else {
			data = append(data, p.Line-last.Line, p.Character)
		}
		data = append(data, end.Character-p.Character, colour, 0)
		last = p
	}
	for _, t := range d.tokens() {
		colour := colourOf(t.Class)
		if k, ok := names[t.Start]; ok && (t.Class == lang.ClassName || t.Class == lang.ClassField) {
			colour = k
		}
		if colour < 0 {
			continue
		}
		for at := t.Span; at.Start < at.End; { // a text may have lines
			line := at
			if n := strings.IndexByte(src[at.Start:at.End], '\n'); n >= 0 {
				line.End = at.Start + n
			}
			at.Start = line.End + 1
			if line.Start < line.End {
				put(line, colour)
			}
		}
	}
	return semanticTokens{data}, nil
}

// formatted is a source in the one style, and whether that can be said.
func formatted(d *document) (string, bool, error) {
	p := d.parse()
	if len(p.errs) > 0 {
		line, _ := lang.Position(p.errs[0].File, p.errs[0].Span.Start)
		return "", false, refuse("only what is understood can be formatted; the first mistake is on line %d", line)
	}
	text, errs := lang.Format(p.file.Name, []byte(p.file.Source))
	if len(errs) > 0 {
		return "", false, refuse("%v", errs[0])
	}
	return text, true, nil
}

// formatting replaces what differs from the one style.
func (s *server) formatting(_ context.Context, d *document, _ documentParams) (any, error) {
	edits := []textEdit{}
	to, ok, err := formatted(d)
	if err != nil || !ok {
		return edits, err
	}
	from := d.source()
	if from == to {
		return edits, nil
	}
	// Whole lines: the first and the last ones that are the same stay, and with them the editor's cursor.
	start := 0
	for i := 0; i < len(from) && i < len(to) && from[i] == to[i]; i++ {
		if from[i] == '\n' {
			start = i + 1
		}
	}
	end := 0
	for i := 1; i <= len(from)-start && i <= len(to)-start && from[len(from)-i] == to[len(to)-i]; i++ {
		if i < len(from) && from[len(from)-i-1] == '\n' && i < len(to) && to[len(to)-i-1] == '\n' {
			end = i
		}
	}
	return append(edits, textEdit{d.span(lang.Span{Start: start, End: len(from) - end}), to[start : len(to)-end]}), nil
}
