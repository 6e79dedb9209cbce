// This file compiles more in the scope of a compiled file: the examples in its documentation, and parts of its own
// expressions.
//
// Examples are text in comments. All those of a file become one program, `let` by `let`, so that the file's names are
// looked up once; its spans are mapped back to where the examples stand.

package repl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// An example is `## > program` and `## = want` of a definition's documentation.
type example struct {
	def           string    // the name of the definition that it documents
	program, want []piece   // line by line
	at            lang.Span // of the program's first line
}

// A piece is a line of an example, where it stands in the source.
type piece struct {
	text string
	at   int
}

// examples are those of a file that say what their program is.
func examples(f *lang.File) []example {
	var found []example
	for _, d := range f.Defs {
		if d.Doc == "" || !strings.Contains(d.Doc, "= ") {
			continue
		}
		var lines []piece // of the documentation, found when an example needs them
		for _, p := range lang.ParseDoc(d.Doc) {
			if p.Kind != lang.DocExample || p.Want == "" {
				continue
			}
			if lines == nil {
				if lines = docLines(f.Source, d); lines == nil {
					break
				}
			}
			n := p.Line + strings.Count(p.Text, "\n") + 1
			e := example{def: defName(f, d), program: codeLines(lines[p.Line:n]), want: codeLines(lines[n : n+strings.Count(p.Want, "\n")+1])}
			e.at = lang.Span{Start: e.program[0].at, End: e.program[0].at + len(e.program[0].text)}
			found = append(found, e)
		}
	}
	return found
}

// defName is what a definition is called in a report.
func defName(f *lang.File, d *lang.Def) string {
	at := d.Pattern.Where()
	return lang.Cut(f.Source[at.Start:at.End])
}

// docLines are the ## lines above a definition without their markers; nil if they are not what the parser found.
func docLines(source string, d *lang.Def) []piece {
	var lines []piece
	end := strings.LastIndexByte(source[:d.Start], '\n') // of the line above
	for end >= 0 {
		start := strings.LastIndexByte(source[:end], '\n') + 1
		text := source[start:end]
		trimmed := strings.TrimLeft(text, " \t\r")
		isDoc := strings.HasPrefix(trimmed, "##") && !strings.HasPrefix(trimmed, "###")
		if !isDoc && (len(lines) > 0 || trimmed != "" && trimmed[0] != '#') {
			break
		}
		if isDoc {
			content := strings.TrimPrefix(trimmed[2:], " ")
			lines = append(lines, piece{strings.TrimRight(content, " \t\r"), start + len(text) - len(content)})
		}
		end = start - 1
	}
	slices.Reverse(lines)
	i := 0
	for line := range strings.SplitSeq(d.Doc, "\n") {
		if i == len(lines) || lines[i].text != line {
			return nil
		}
		i++
	}
	if i != len(lines) {
		return nil
	}
	return lines
}

// codeLines are the lines of an example without their > or =.
func codeLines(lines []piece) []piece {
	code := make([]piece, len(lines))
	for i, l := range lines {
		code[i] = piece{l.text[2:], l.at + 2}
	}
	return code
}

// A patchwork is a program that is put together from pieces of a source.
type patchwork struct {
	text  strings.Builder
	parts []patch
}

// A patch maps a part of the text, from start up to the next patch, to the source: to the same distance from the span's start, but
// not beyond its end.
type patch struct {
	start int
	span  lang.Span
}

// write adds text that stands for a span of the source as a whole.
func (p *patchwork) write(text string, span lang.Span) {
	p.parts = append(p.parts, patch{p.text.Len(), span})
	p.text.WriteString(text)
}

// binding adds a definition. The lines are indented, so that it does not end before they do.
func (p *patchwork) binding(name string, lines []piece) {
	p.write("let "+name+" =\n", lang.Span{Start: lines[0].at, End: lines[0].at})
	for _, l := range lines {
		p.write("    ", lang.Span{Start: l.at, End: l.at})
		p.write(l.text, lang.Span{Start: l.at, End: l.at + len(l.text)})
		p.write("\n", lang.Span{Start: l.at + len(l.text), End: l.at + len(l.text)})
	}
}

// back is the span of the source that a span of the text stands for.
func (p *patchwork) back(s lang.Span) lang.Span {
	return lang.Span{Start: p.offset(s.Start, false), End: p.offset(s.End, true)}
}

func (p *patchwork) offset(at int, end bool) int {
	i, found := slices.BinarySearchFunc(p.parts, at, func(x patch, at int) int { return x.start - at })
	if !found || end && i > 0 { // an end belongs to the part before it
		i--
	}
	if i < 0 {
		return 0
	}
	x := p.parts[i]
	return min(x.span.Start+at-x.start, x.span.End)
}

// A trial is an example, compiled: what its program and its want are, and whether they are equal.
type trial struct {
	example
	program, want, equal *compile.Def
	wrong                lang.Errors // it could not be compiled
}

// trials compiles a file's examples in the file's scope. A mistake in one hides nothing in the others.
func (s *Session) trials(ctx context.Context, u *compile.Unit, list []example) ([]trial, error) {
	found := make([]trial, len(list))
	prefix := freshName(u.File)
	name := func(i int, side string) string { return fmt.Sprintf("%s%d%s", prefix, i, side) }
	var todo []int
	for i, e := range list { // each alone first, for what is wrong with its syntax
		found[i].example = e
		for _, lines := range [][]piece{e.program, e.want} {
			var p patchwork
			p.binding(name(i, "'"), lines)
			f, wrong := lang.Parse(u.File.Name, []byte(p.text.String()))
			if len(wrong) == 0 && (len(f.Defs) != 1 || f.Body != nil || imports(f.Defs[0])) {
				wrong = lang.Errors{{Span: lang.Span{End: p.text.Len()}, Message: "got a definition, want an expression"}}
			}
			found[i].wrong = append(found[i].wrong, p.mapped(u.File, wrong, e)...)
		}
		if found[i].wrong == nil {
			todo = append(todo, i)
		}
	}
	for len(todo) > 0 {
		var p patchwork
		begins := make([]int, len(todo))
		for k, i := range todo {
			e := list[i]
			begins[k] = p.text.Len()
			p.binding(name(i, "'"), e.program)
			p.binding(name(i, "''"), e.want)
			p.write(fmt.Sprintf("let %s = %s == %s\n", name(i, ""), name(i, "'"), name(i, "''")), e.at)
		}
		if p.text.Len() > maxSource {
			return nil, Misuse(fmt.Errorf("%s: the examples are too long to be tested", u.File.Name))
		}
		var unit *compile.Unit
		var wrong lang.Errors
		err := s.limited(ctx, "compiling "+u.File.Name, func(o compile.Options, ctx context.Context) (err error) {
			var f *lang.File
			if f, wrong, err = lang.ParseContext(ctx, u.File.Name, []byte(p.text.String())); err == nil && len(wrong) == 0 {
				unit, wrong, err = inScope(ctx, o, u, f)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(wrong) == 0 {
			for c, spans := range unit.Spans {
				back := make([]lang.Span, len(spans))
				for i, at := range spans {
					back[i] = p.back(at)
				}
				unit.Spans[c] = back
			}
			unit.File = u.File
			s.adopt(unit)
			s.hold(unit)
			for i := range unit.Defs { // in the order they were written
				d := &unit.Defs[i]
				t := &found[todo[i/3]]
				*[]**compile.Def{&t.program, &t.want, &t.equal}[i%3] = d
			}
			return found, nil
		}
		broken := map[int]bool{}
		for _, e := range wrong {
			k, exact := slices.BinarySearch(begins, e.Span.Start)
			if !exact {
				k--
			}
			i := todo[max(k, 0)]
			broken[i] = true
			found[i].wrong = append(found[i].wrong, p.mapped(u.File, lang.Errors{e}, list[i])...)
		}
		todo = slices.DeleteFunc(todo, func(i int) bool { return broken[i] })
	}
	return found, nil
}

// mapped are mistakes in an example as mistakes in its file.
func (p *patchwork) mapped(f *lang.File, wrong lang.Errors, e example) lang.Errors {
	var errs lang.Errors
	for _, w := range wrong {
		errs = append(errs, &lang.Error{File: f, Span: p.back(w.Span), Item: "an example of " + e.def, Message: w.Message})
	}
	return errs
}

func imports(d *lang.Def) bool {
	_, ok := d.Value.(*lang.Import)
	return ok
}

// freshName is how no name in a file begins, in its examples neither.
func freshName(f *lang.File) string {
	name := "_example"
	for strings.Contains(f.Source, name) {
		name += "_"
	}
	return name
}

// inScope compiles a file in which the names of a unit mean what they mean there.
func inScope(ctx context.Context, o compile.Options, u *compile.Unit, f *lang.File) (*compile.Unit, lang.Errors, error) {
	library, names := o.Prelude, o.Names
	terms := make(map[string]*graph.Term, len(u.Defs))
	for i := range u.Defs {
		terms[u.Defs[i].Name] = u.Defs[i].Term
	}
	o.Prelude = func(module, name string) (*graph.Term, bool) {
		if t, ok := terms[name]; ok && module == "" {
			return t, true
		}
		return library(module, name)
	}
	o.Names = func() []string {
		known := names()
		for name := range terms {
			known = append(known, name)
		}
		return known
	}
	all := *f
	for _, d := range u.File.Defs { // what an import brings is no term
		if name, ok := d.Pattern.(*lang.NamePat); ok && imports(d) && terms[name.Name] == nil {
			all.Defs = append(all.Defs, d)
		}
	}
	return compile.FileContext(ctx, &all, o)
}
