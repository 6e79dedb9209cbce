// This file documents definitions, as text or as one page of HTML: those of a file, of a published library, of the standard
// library, or a single term's.

package repl

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/ipfs/go-cid"
	"golang.org/x/term"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// A manual is the documentation of definitions.
type manual struct {
	Title    string
	CID      string // of a library; "" for none
	Intro    []docPart
	Chapters []chapter
	Brief    bool // as text: a line a definition
}

// A chapter is the definitions of a module.
type chapter struct {
	Title   string
	Entries []docEntry
}

// A docEntry is one definition. Its texts have no control characters.
type docEntry struct {
	Name      string
	Params    string // each after a space
	Doc       []docPart
	Source    string
	CID       string
	Primitive bool
}

// A docPart is a lang.DocPart for the template.
type docPart struct {
	Kind  lang.DocKind
	Text  string
	Want  string
	Spans []docSpan // of a paragraph
}

type docSpan struct {
	Text string
	Code bool
}

func (p docPart) IsItem() bool    { return p.Kind == lang.DocItem }
func (p docPart) IsCode() bool    { return p.Kind == lang.DocCode }
func (p docPart) IsExample() bool { return p.Kind == lang.DocExample }

func docParts(doc string) []docPart {
	var parts []docPart
	for _, p := range lang.ParseDoc(safe(doc)) {
		d := docPart{Kind: p.Kind, Text: p.Text, Want: p.Want}
		if p.Kind == lang.DocText || p.Kind == lang.DocItem {
			lang.DocSpans(p.Text, func(piece string, code bool) { d.Spans = append(d.Spans, docSpan{piece, code}) })
		}
		parts = append(parts, d)
	}
	return parts
}

// safe is a text in which nothing steers a terminal, or reorders what is read.
func safe(text string) string {
	return lang.Clean(strings.NewReplacer("\t", " ", "\r", "").Replace(text))
}

// line is plain on one line.
func line(text string) string { return strings.Join(strings.Fields(safe(text)), " ") }

// entryOf documents the term c by what was written of it.
func entryOf(name string, c cid.Cid, a graph.About) docEntry {
	e := docEntry{Name: line(name), CID: c.String(), Doc: docParts(a.Doc)}
	if a.Source != "" {
		e.Source = "let " + strings.TrimRight(safe(a.Source), "\n")
	}
	for _, p := range a.Params {
		e.Params += " " + line(p)
	}
	if e.Params == "" && len(e.Doc) > 0 && len(e.Doc[0].Spans) > 0 && e.Doc[0].Spans[0].Code {
		// A name for a function that is made elsewhere: the documentation may begin with its use.
		if use, ok := strings.CutPrefix(e.Doc[0].Spans[0].Text, e.Name+" "); ok {
			e.Params = " " + use
		}
	}
	return e
}

// Doc is `rosser doc`.
func Doc(ctx context.Context, o Options, target string, names []string, html bool) error {
	var src []byte
	c, notCID := cid.Decode(strings.TrimPrefix(strings.TrimPrefix(target, "/ipfs/"), "@"))
	library, inLibrary := libraryManual(target)
	file := notCID != nil && inLibrary != nil
	if file && target != "-" && !strings.Contains(target, "/") && filepath.Ext(target) != ".ros" { // a mistyped name, unless there is such a file
		if _, err := os.Stat(target); err != nil {
			return inLibrary
		}
	}
	if file {
		var err error
		if src, err = o.readSource(target); err != nil {
			return err
		}
	}
	return with(o, func(s *Session) error {
		var m *manual
		var err error
		switch {
		case file:
			m, err = s.fileManual(ctx, target, src)
		case notCID == nil:
			m, err = s.cidManual(ctx, c)
		default:
			m = library
			m.Brief = target == "" && len(names) == 0
		}
		if err != nil {
			return err
		}
		if err := m.choose(names); err != nil {
			return err
		}
		if html {
			return m.html(s.opt.Stdout)
		}
		return m.text(s.opt.Stdout, textWidth(s.out.Writer), terminal(s.out.Writer))
	})
}

// fileManual documents a file's definitions in their order. The comment that the file begins with is its introduction.
func (s *Session) fileManual(ctx context.Context, path string, src []byte) (*manual, error) {
	u, err := s.Compile(ctx, path, src)
	if err != nil {
		return nil, err
	}
	m := &manual{Title: line(filepath.Base(path)), Intro: docParts(opening(u.File.Source)), Chapters: make([]chapter, 1)}
	for _, d := range u.Defs {
		m.Chapters[0].Entries = append(m.Chapters[0].Entries, entryOf(d.Name, d.CID, d.About))
	}
	return m, nil
}

// opening is the text of the comment lines that a source begins with.
func opening(source string) string {
	var lines []string
	for l := range strings.Lines(source) {
		l = strings.TrimRight(l, " \t\r\n")
		switch {
		case strings.HasPrefix(l, "#!") && len(lines) == 0:
			continue
		case !strings.HasPrefix(l, "#") || strings.HasPrefix(l, "##"):
			return strings.Join(lines, "\n")
		}
		lines = append(lines, strings.TrimPrefix(l[1:], " "))
	}
	return strings.Join(lines, "\n")
}

const maxManual = 64 << 20 // bytes of what was written of a library's definitions

// cidManual documents a published library or a term.
func (s *Session) cidManual(ctx context.Context, c cid.Cid) (*manual, error) {
	if c.Prefix().Codec != cid.DagProtobuf {
		a, ok := s.about(c)
		if !ok {
			if _, err := s.Load(c); err != nil {
				return nil, &failure{exitMissing, err}
			}
			return nil, missing("nothing is known that was written of %s", c)
		}
		m := &manual{Title: line(a.Name), Chapters: []chapter{{Entries: []docEntry{entryOf(a.Name, c, a)}}}}
		if name, ok := stdlib.NameOf(c); ok {
			m.Chapters[0].Entries[0].Primitive = isPrimitive(name)
		}
		return m, nil
	}
	lib, err := s.store.ReadNames(ctx, c)
	if err != nil {
		return nil, &failure{exitMissing, err}
	}
	m := &manual{Title: "A library", CID: c.String(), Chapters: make([]chapter, 1)}
	left := maxManual
	for _, name := range slices.Sorted(maps.Keys(lib.Names)) {
		if err := ctx.Err(); err != nil {
			return nil, reading(ctx, err)
		}
		var a graph.About
		if at, ok := lib.About[name]; ok {
			data, err := s.Load(at)
			if err != nil {
				return nil, &failure{exitMissing, fmt.Errorf("about/%s: %w", line(name), err)}
			}
			if a, err = graph.DecodeAbout(data); err != nil || a.Term != lib.Names[name] {
				a = graph.About{} // it tells of something else
			}
			left -= len(data)
		}
		if left -= len(name); left < 0 {
			return nil, &failure{exitMissing, fmt.Errorf("the library %s has more than %d bytes of documentation", c, maxManual)}
		}
		m.Chapters[0].Entries = append(m.Chapters[0].Entries, entryOf(name, lib.Names[name], a))
	}
	return m, nil
}

func isPrimitive(name string) bool {
	module, short, ok := strings.Cut(name, ".")
	if !ok {
		module, short = "", name
	}
	t, ok := stdlib.Lookup(module, short)
	return ok && t.Op == graph.OpPrim
}

// libraryManual documents the standard library, one of its modules, or one of its names.
func libraryManual(target string) (*manual, error) {
	m := &manual{Title: "The standard library"}
	modules := map[string][]docEntry{}
	var suggestions []string
	for _, name := range stdlib.Names() {
		module, _, ok := strings.Cut(name, ".")
		if !ok {
			module = ""
		}
		suggestions = append(suggestions, name)
		if module != "" && !slices.Contains(suggestions, module) {
			suggestions = append(suggestions, module)
		}
		if target != "" && target != module && target != name {
			continue
		}
		a, _ := stdlib.About(name)
		e := entryOf(name, a.Term, a)
		e.Primitive = isPrimitive(name)
		modules[module] = append(modules[module], e)
	}
	if len(modules) == 0 {
		return nil, Misuse(fmt.Errorf("got %.60q, want a file, a CID, or a module or name of the library%s", target, hint(lang.Suggest(target, suggestions))))
	}
	if target != "" {
		m.Title = target
	}
	for _, module := range slices.Sorted(maps.Keys(modules)) {
		title := module
		if module == "" && target == "" {
			title = "Without a module"
		}
		if target != "" {
			title = ""
		}
		m.Chapters = append(m.Chapters, chapter{title, modules[module]})
	}
	return m, nil
}

// choose leaves the definitions of the given names; all when there are none. In a module its own name may be left out.
func (m *manual) choose(names []string) error {
	if len(names) == 0 {
		return nil
	}
	left := map[string]bool{}
	for _, name := range names {
		left[name] = true
	}
	var known []string
	var chapters []chapter
	for _, c := range m.Chapters {
		kept := chapter{Title: c.Title}
		for _, e := range c.Entries {
			known = append(known, e.Name)
			for _, name := range names {
				if name == e.Name || m.Title+"."+name == e.Name {
					kept.Entries = append(kept.Entries, e)
					left[name] = false
					break
				}
			}
		}
		if len(kept.Entries) > 0 {
			chapters = append(chapters, kept)
		}
	}
	for _, name := range names {
		if left[name] {
			return Misuse(fmt.Errorf("%s does not define %.40q%s", m.Title, name, hint(lang.Suggest(name, known))))
		}
	}
	m.Chapters, m.Intro = chapters, nil
	return nil
}

// Widths of documentation as text, in columns.
const (
	plainWidth = 80 // where there is no terminal
	leastWidth = 20
	mostWidth  = 100
)

func textWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return min(max(width, leastWidth), mostWidth)
		}
	}
	return plainWidth
}

// A docWriter writes documentation as text.
type docWriter struct {
	out   strings.Builder
	width int
	color bool
}

// styled writes text, on a terminal with the attribute.
func (w *docWriter) styled(attribute, text string) {
	if w.color && text != "" {
		text = "\x1b[" + attribute + "m" + text + "\x1b[0m"
	}
	w.out.WriteString(text)
}

// text writes the manual in lines of at most width columns, as far as words allow.
func (m *manual) text(out io.Writer, width int, color bool) error {
	w := &docWriter{width: width, color: color}
	if m.Brief || len(m.Chapters) != 1 || len(m.Chapters[0].Entries) != 1 {
		w.styled("1", m.Title)
		w.out.WriteByte('\n')
	}
	if m.CID != "" {
		w.styled("2", m.CID)
		w.out.WriteByte('\n')
	}
	if len(m.Intro) > 0 {
		w.out.WriteByte('\n')
		w.parts(m.Intro, "")
	}
	for _, c := range m.Chapters {
		if c.Title != "" {
			w.out.WriteByte('\n')
			w.styled("1", c.Title)
			w.out.WriteByte('\n')
		}
		use := 0 // columns of the uses in a list
		for _, e := range c.Entries {
			use = min(max(use, columns(e.Name+e.Params)), width/3)
		}
		for _, e := range c.Entries {
			if m.Brief {
				w.brief(e, use)
				continue
			}
			if w.out.Len() > 0 {
				w.out.WriteByte('\n')
			}
			w.entry(e)
		}
	}
	if m.Brief {
		w.out.WriteString("\nrosser doc Text tells all of a module, rosser doc Text split of a name.\n")
	}
	_, err := io.WriteString(out, w.out.String())
	return err
}

// brief writes a line for an entry: its use, in so many columns, and the first sentence.
func (w *docWriter) brief(e docEntry, width int) {
	use := "  " + e.Name + e.Params
	use += strings.Repeat(" ", max(0, 2+width-columns(use)))
	text := ""
	if len(e.Doc) > 0 && !e.Doc[0].IsExample() {
		text = strings.TrimPrefix(e.Doc[0].Text, "`"+e.Name+e.Params+"`")
		if sentence, _, ok := strings.Cut(text, ". "); ok {
			text = sentence + "."
		}
		text = strings.TrimSpace(text)
	}
	room := w.width - columns(use) - 2
	if columns(text) > room {
		cut, n := "", 0
		for _, r := range text {
			if n += runeColumns(r); n > room-1 {
				break
			}
			cut += string(r)
		}
		text = strings.TrimRight(cut, " ") + "…"
	}
	w.styled("36", use)
	if room >= 12 {
		w.out.WriteString("  " + text)
	}
	w.out.WriteByte('\n')
}

func (w *docWriter) entry(e docEntry) {
	w.styled("1;36", e.Name)
	w.styled("36", e.Params)
	w.out.WriteByte('\n')
	w.parts(e.Doc, "  ")
	if e.Primitive {
		w.styled("2", "  "+e.CID+", a primitive")
	} else {
		w.styled("2", "  "+e.CID)
	}
	w.out.WriteByte('\n')
}

// parts writes a documentation, a blank line between paragraphs.
func (w *docWriter) parts(parts []docPart, indent string) {
	for i, p := range parts {
		if i > 0 && !(p.IsItem() && parts[i-1].IsItem()) && !(p.IsExample() && parts[i-1].Kind == lang.DocText) {
			w.out.WriteByte('\n')
		}
		switch p.Kind {
		case lang.DocItem:
			w.wrap(p.Spans, indent+"- ", indent+"  ")
		case lang.DocCode:
			w.lines(p.Text, indent+"    ", "")
		case lang.DocExample:
			w.lines(p.Text, indent+"  > ", "32")
			if p.Want != "" {
				w.lines(p.Want, indent+"  = ", "")
			}
		default:
			w.wrap(p.Spans, indent, indent)
		}
	}
}

// lines writes lines as they stand.
func (w *docWriter) lines(text, prefix, attribute string) {
	for l := range strings.SplitSeq(text, "\n") {
		line := strings.TrimRight(prefix+l, " ")
		if attribute != "" {
			w.styled(attribute, line)
		} else {
			w.out.WriteString(line)
		}
		w.out.WriteByte('\n')
	}
}

// wrap writes a paragraph in lines. Code is not broken if it has room on a line.
func (w *docWriter) wrap(spans []docSpan, first, rest string) {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, s := range spans {
		text := s.Text
		if s.Code {
			text = "`" + text + "`"
			if columns(text) <= w.width-len(rest) {
				word.WriteString(text)
				continue
			}
		}
		for i, piece := range strings.Split(text, " ") {
			if i > 0 {
				end()
			}
			word.WriteString(piece)
		}
	}
	end()
	at := 0
	for i, word := range words {
		n := columns(word)
		switch {
		case i == 0:
			w.out.WriteString(first)
			at = len(first)
		case at+1+n > w.width:
			w.out.WriteString("\n" + rest)
			at = len(rest)
		default:
			w.out.WriteByte(' ')
			at++
		}
		w.out.WriteString(word)
		at += n
	}
	w.out.WriteByte('\n')
}

func columns(text string) (n int) {
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

// wide are the ranges of characters that take two columns, as terminals draw them (Unicode Annex 11, W and F, in large parts).
var wide = [][2]rune{
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
	{0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
}

func runeColumns(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	for _, w := range wide {
		if w[0] <= r && r <= w[1] {
			return 2
		}
	}
	return 1
}

//go:embed doc.html
var docPage string

// docTemplate is made when it is needed: that takes longer than to start.
var docTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("doc").Parse(docPage)) })

// html writes the manual as one page that needs nothing else. The template escapes all texts, by where they stand.
func (m *manual) html(out io.Writer) error {
	if len(m.Chapters) == 0 {
		return errors.New("nothing to document")
	}
	return docTemplate().Execute(out, m)
}
