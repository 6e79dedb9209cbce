// This file holds the one type for what the user did wrong in source, and how it is shown.

package lang

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Error is a mistake in a program's source, found before anything runs.
type Error struct {
	File    *File // its Name and Source; Defs may be incomplete
	Span    Span
	Item    string // the definition it is in; "" for the final expression, or for the file as a whole
	Message string // lower case, no final dot, "got X, want Y", the value cut at about 40 bytes
	Partial bool   // the text so far could be the beginning of a correct program: a REPL asks for another line
	Cause   error  // why an import could not be had; nil for other mistakes
}

// Errors are the mistakes of one program, in source order; an error when not empty.
type Errors []*Error

// Error is `file:line:col: message`, and the item it is in, as Clean makes it.
func (e *Error) Error() string {
	line, col := Position(e.File, e.Span.Start)
	in := ""
	if e.Item != "" {
		in = "in " + Cut(e.Item) + ": "
	}
	return Clean(fmt.Sprintf("%s:%d:%d: %s%s", e.File.Name, line, col, in, e.Message))
}

// Clean makes a text safe for a terminal: what is not UTF-8 becomes U+FFFD, and control characters other than line breaks and
// tabs, escape sequences so, and what turns the direction of text around, are written as the language writes them, \u{1b}.
func Clean(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.IndexFunc(text, Hostile) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if Hostile(r) {
			fmt.Fprintf(&b, "\\u{%x}", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Hostile says whether a character can steer a terminal, or turns the direction of the text around it.
func Hostile(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r >= 0x80 && unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// Render is the error as a person reads it: the message, the source line, and a caret under the mistake.
func (e *Error) Render(color bool) string {
	msg := e.Error()
	if color {
		msg = bold + msg + plain
	}
	if x := Excerpt(e.File, e.Span, color); x != "" {
		msg += "\n" + x
	}
	return msg
}

// Error is one line for each mistake.
func (errs Errors) Error() string {
	lines := make([]string, len(errs))
	for i, e := range errs {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Render renders each mistake.
func (errs Errors) Render(color bool) string {
	parts := make([]string, len(errs))
	for i, e := range errs {
		parts[i] = e.Render(color)
	}
	return strings.Join(parts, "\n")
}

// Partial reports whether the text could be the beginning of a correct program: nothing is wrong with it but its end.
func (errs Errors) Partial() bool {
	for _, e := range errs {
		if !e.Partial {
			return false
		}
	}
	return len(errs) > 0
}

func (errs Errors) sort() {
	sort.SliceStable(errs, func(i, j int) bool { return errs[i].Span.Start < errs[j].Span.Start })
}

// Position gives the line and column of a byte of a file's source, both from 1; columns count characters.
func Position(f *File, offset int) (line, col int) {
	before := f.Source[:min(max(offset, 0), len(f.Source))]
	lineStart := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[lineStart:]) + 1
}

const (
	bold     = "\x1b[1m"
	red      = "\x1b[31m"
	plain    = "\x1b[0m"
	tabWidth = 4
	maxLine  = 100 // columns of a source line that are shown
)

// Excerpt is the source line a span begins on and, below it, carets under the span. It is "" when the file has no source.
func Excerpt(f *File, at Span, color bool) string {
	if f.Source == "" {
		return ""
	}
	start := min(max(at.Start, 0), len(f.Source))
	lineStart := strings.LastIndexByte(f.Source[:start], '\n') + 1
	lineEnd := len(f.Source)
	if i := strings.IndexByte(f.Source[start:], '\n'); i >= 0 {
		lineEnd = start + i
	}
	end := min(max(at.End, start), lineEnd)

	// A long line is shown around the span: a third of the room before it, the rest from there on.
	from, cutFront, room := start, false, maxLine/3
	if lineWidth(f.Source[lineStart:lineEnd]) <= maxLine {
		room = maxLine
	}
	for from > lineStart {
		r, n := utf8.DecodeLastRuneInString(f.Source[lineStart:from])
		if room -= width(r); room < 0 {
			cutFront = true
			break
		}
		from -= n
	}
	var line, marks strings.Builder
	if cutFront {
		line.WriteString("…")
		marks.WriteString(" ")
	}
	col, lit := 0, false
	for i := from; i < lineEnd; {
		r, n := utf8.DecodeRuneInString(f.Source[i:])
		w := width(r)
		if col+w > maxLine {
			line.WriteString("…")
			break
		}
		if color && i == start && i < end {
			line.WriteString(red)
			lit = true
		}
		switch {
		case r == '\t':
			line.WriteString(strings.Repeat(" ", w))
		case Hostile(r) && w == 0:
			// it would turn the rest of the line around
		case w == 1 && !unicode.IsPrint(r):
			line.WriteRune('\uFFFD')
		default:
			line.WriteRune(r)
		}
		switch {
		case i < start:
			marks.WriteString(strings.Repeat(" ", w))
		case i < end:
			marks.WriteString(strings.Repeat("^", w))
		}
		col += w
		i += n
		if lit && i >= end {
			line.WriteString(plain)
			lit = false
		}
	}
	if lit {
		line.WriteString(plain)
	}
	mark := strings.TrimRight(marks.String(), " ")
	if !strings.Contains(mark, "^") {
		mark = marks.String() + "^"
	}
	if color {
		indent := mark[:len(mark)-len(strings.TrimLeft(mark, " "))]
		mark = indent + red + mark[len(indent):] + plain
	}
	return "  " + line.String() + "\n  " + mark
}

// lineWidth is the number of columns of a line, or some number above maxLine.
func lineWidth(line string) int {
	if len(line) > 4*maxLine {
		return len(line)
	}
	n := 0
	for _, r := range line {
		n += width(r)
	}
	return n
}

// width is the number of columns a terminal gives a character.
func width(r rune) int {
	switch {
	case r == '\t':
		return tabWidth
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && (r <= 0x115F || r == 0x2329 || r == 0x232A || r >= 0x2E80 && r <= 0xA4CF && r != 0x303F ||
		r >= 0xAC00 && r <= 0xD7A3 || r >= 0xF900 && r <= 0xFAFF || r >= 0xFE30 && r <= 0xFE6F || r >= 0xFF00 && r <= 0xFF60 ||
		r >= 0xFFE0 && r <= 0xFFE6 || r >= 0x1F300 && r <= 0x1F64F || r >= 0x1F680 && r <= 0x1F6FF || r >= 0x1F900 && r <= 0x1F9FF ||
		r >= 0x20000 && r <= 0x3FFFD):
		return 2
	}
	return 1
}

// Suggest gives the candidate most like a name that is unknown, "" when none is like it. Candidates may come in any
// order; of equally good ones the first in the order of their bytes is taken.
func Suggest(name string, candidates []string) string {
	limit := max(1, len(name)/3)
	if len(name) <= 2 {
		limit = 1
	}
	best, distance := "", limit+1
	lower := strings.ToLower(name)
	for _, c := range candidates {
		if c == name || len(c) > len(name)+limit || len(c)+limit < len(name) || len(name) > 100 {
			continue
		}
		d := 0
		if strings.ToLower(c) != lower {
			d = editDistance(name, c)
		}
		if d >= len(name) && d > 0 { // nothing in common
			continue
		}
		if d < distance || d == distance && d <= limit && c < best {
			best, distance = c, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
func editDistance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
