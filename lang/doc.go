// This file takes documentation apart: the text of the ## lines above a definition.

package lang

import "strings"

// A DocKind says what a part of a documentation is.
type DocKind uint8

const (
	DocText    DocKind = iota // a paragraph: its lines joined by spaces
	DocItem                   // the same, of a list: it began with "- "
	DocCode                   // lines that are indented by four columns or more, as they stand, less what they share
	DocExample                // an expression, and what it is
)

// A DocPart is a part of a documentation.
type DocPart struct {
	Kind DocKind
	Text string // of an example, the program: its lines joined by LF
	Want string // of an example, what the program is, as a program; "" if that is not said
	Line int    // the line it begins on, from 0
}

// ParseDoc takes a documentation apart, as Def.Doc and an about block hold it. A blank line ends a paragraph. Lines that begin
// with "> " are an example's program, all that follow each other one program; the lines after them that begin with
// "= " are what it is. Any text is a documentation.
//
//	`half x` is the half of x.
//	> half 3
//	= 1.5
func ParseDoc(doc string) []DocPart {
	var parts []DocPart
	var lines, want []string // of the part in hand
	open := false            // it may go on
	end := func() {
		if len(lines) > 0 {
			p := &parts[len(parts)-1]
			switch p.Kind {
			case DocText, DocItem:
				p.Text = strings.Join(lines, " ")
			case DocExample:
				p.Text, p.Want = strings.Join(lines, "\n"), strings.Join(want, "\n")
			case DocCode:
				p.Text = strings.TrimRight(outdent(lines), "\n")
			}
		}
		lines, want, open = nil, nil, false
	}
	number := 0
	add := func(kind DocKind, line string, more bool) {
		if !more {
			end()
			parts, open = append(parts, DocPart{Kind: kind, Line: number}), true
		}
		lines = append(lines, line)
	}
	for line := range strings.SplitSeq(doc, "\n") {
		line = strings.TrimRight(line, " \t\r")
		marker, rest, _ := strings.Cut(line, " ")
		in := func(kind DocKind) bool { return open && parts[len(parts)-1].Kind == kind }
		switch {
		case line == "" && in(DocCode):
			lines = append(lines, "")
		case line == "":
			open = false
		case marker == ">" && rest != "":
			add(DocExample, rest, in(DocExample) && len(want) == 0)
		case marker == "=" && rest != "" && in(DocExample):
			want = append(want, rest)
		case strings.HasPrefix(line, "    ") && (!open || in(DocCode)):
			add(DocCode, line, in(DocCode))
		case marker == "-" && rest != "":
			add(DocItem, strings.TrimSpace(rest), false)
		default:
			add(DocText, strings.TrimSpace(line), in(DocText) || in(DocItem))
		}
		number++
	}
	end()
	return parts
}

// outdent takes from each line the spaces that all lines which are not blank begin with.
func outdent(lines []string) string {
	shared := len(lines[0])
	for _, l := range lines {
		if l != "" {
			shared = min(shared, len(l)-len(strings.TrimLeft(l, " ")))
		}
	}
	for i, l := range lines {
		lines[i] = l[min(shared, len(l)):]
	}
	return strings.Join(lines, "\n")
}

// DocSpans calls f with the pieces of a paragraph in their order: text, and code that stands between backquotes. A backquote
// without a second one is text.
func DocSpans(paragraph string, f func(piece string, code bool)) {
	for {
		text, rest, ok := strings.Cut(paragraph, "`")
		code, after, closed := strings.Cut(rest, "`")
		if !ok || !closed {
			break
		}
		if text != "" {
			f(text, false)
		}
		if code != "" {
			f(code, true)
		}
		paragraph = after
	}
	if paragraph != "" {
		f(paragraph, false)
	}
}
