// This file breaks what is printed into lines: the pretty printer of Wadler, "A prettier printer" (2003), in Lindig's
// strict form ("Strictly pretty", 2000), without recursion, since a chain of operators may have any length.

package lang

import (
	"strings"
	"unicode/utf8"
)

// A doc is text with places where it may be broken.
type doc struct {
	kind docKind
	text string // of docText; of docLine, what stands there when the line is not broken
	kids []*doc // of docCat, docNest and docGroup
}

type docKind uint8

const (
	docText  docKind = iota
	docLine          // a line break where the group around it is broken
	docCat           // its kids one after another
	docNest          // the same, lines broken in them are indented two columns more
	docGroup         // the same, on one line if that fits, else broken at each of its own lines
)

func text(s string) *doc                       { return &doc{kind: docText, text: s} }
func cat(kids ...*doc) *doc                    { return &doc{kind: docCat, kids: kids} }
func nest(kids ...*doc) *doc                   { return &doc{kind: docNest, kids: kids} }
func group(kids ...*doc) *doc                  { return &doc{kind: docGroup, kids: kids} }
func surround(a string, d *doc, b string) *doc { return cat(text(a), d, text(b)) }

var (
	line     = &doc{kind: docLine, text: " "}
	softLine = &doc{kind: docLine}
)

// A place is how far layout has come in one doc.
type place struct {
	d      *doc
	kid    int
	indent int
	flat   bool
}

// layout writes a doc in lines of the given width where it can; a width of 0 allows no breaks at all.
func (d *doc) layout(out *strings.Builder, width int) {
	stack := []place{{d: d, flat: width == 0}}
	col := 0
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		d := top.d
		switch d.kind {
		case docText, docLine:
			if d.kind == docLine && !top.flat {
				out.WriteByte('\n')
				out.WriteString(spaces(top.indent))
				col = top.indent
			} else {
				out.WriteString(d.text)
				col += utf8.RuneCountInString(d.text)
			}
			stack = stack[:len(stack)-1]
			continue
		case docGroup:
			if top.kid == 0 && !top.flat {
				top.flat = fits(stack, width-col)
			}
		}
		if top.kid == len(d.kids) {
			stack = stack[:len(stack)-1]
			continue
		}
		next := place{d: d.kids[top.kid], indent: top.indent, flat: top.flat}
		if d.kind == docNest {
			next.indent += 2
		}
		top.kid++
		stack = append(stack, next)
	}
}

// fits reports whether the group on top of the stack, laid out on one line, and what follows up to the next line
// break, take no more than room columns.
func fits(stack []place, room int) bool {
	base := len(stack) - 1
	work := []place{{d: stack[base].d, flat: true}}
	for room >= 0 {
		if len(work) == 0 {
			if base == 0 {
				return true
			}
			base--
			work = append(work, stack[base])
		}
		top := &work[len(work)-1]
		d := top.d
		switch d.kind {
		case docText, docLine:
			if d.kind == docLine && !top.flat {
				return true
			}
			room -= utf8.RuneCountInString(d.text)
			work = work[:len(work)-1]
			continue
		}
		if top.kid == len(d.kids) {
			work = work[:len(work)-1]
			continue
		}
		next := place{d: d.kids[top.kid], flat: top.flat}
		top.kid++
		work = append(work, next)
	}
	return false
}

const blanks = "                                                                                "

func spaces(n int) string {
	if n <= len(blanks) {
		return blanks[:n]
	}
	return strings.Repeat(" ", n)
}
