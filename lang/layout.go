// This file breaks what is printed into lines: the pretty printer of Wadler, "A prettier printer" (2003), in Lindig's
// strict form ("Strictly pretty", 2000), without recursion, since a chain of operators may have any length.

package lang

import (
	"strings"
	"unicode/utf8"
)

// A doc is text with places where it may be broken. Indentation goes by lines: what is nested is two columns deeper than
// the line on which the nest begins, so that a bracket opened at the end of a line is closed below that line's beginning.
type doc struct {
	kind  docKind
	hard  bool   // a line break stands in it, so that no group around it is on one line
	stiff bool   // and not only inside the blocks of what comes last, so that no head around it is either
	text  string // of docText and notes; of docLine, what stands there when the line is not broken; of docHead, not "" if it is broken rather than its blocks when that is enough
	kids  []*doc
}

type docKind uint8

const (
	docText  docKind = iota
	docLine          // a line break where the group around it is broken
	docBreak         // a line break always
	docBlank         // makes the next line break a blank line
	docNote          // a comment at the end of a line
	docOwn           // a comment on a line of its own
	docCat           // its kids one after another
	docNest          // the same, lines broken in them are two columns deeper than the line it begins on
	docBase          // the same, lines broken in them are as deep as the line it begins on
	docGroup         // the same, on one line if that fits, else broken at each of its own lines
	docBlock         // a group that a head may leave to be broken: what stands between brackets or after an arrow
	docHead          // the same, on one line if what stands before the first block of what comes last in it fits, else broken at each of its own lines
)

func text(s string) *doc         { return &doc{kind: docText, text: s} }
func cat(kids ...*doc) *doc      { return compose(docCat, kids) }
func nest(kids ...*doc) *doc     { return compose(docNest, kids) }
func base(kids ...*doc) *doc     { return compose(docBase, kids) }
func group(kids ...*doc) *doc    { return compose(docGroup, kids) }
func block(kids ...*doc) *doc    { return compose(docBlock, kids) }
func headDoc(kids ...*doc) *doc  { return compose(docHead, kids) }
func belowDoc(kids ...*doc) *doc { d := compose(docHead, kids); d.text = "below"; return d }
func note(s string) *doc         { return &doc{kind: docNote, text: s, hard: true, stiff: true} }
func ownNote(s string) *doc      { return &doc{kind: docOwn, text: s, hard: true, stiff: true} }
func (d *doc) isGroup() bool     { return d.kind >= docGroup }
func (d *doc) isComposite() bool { return d.kind >= docCat }

func compose(kind docKind, kids []*doc) *doc {
	d := &doc{kind: kind, kids: kids}
	for i, k := range kids {
		d.hard = d.hard || k.hard
		d.stiff = d.stiff || kind != docBlock && (k.stiff || k.hard && kind == docNest && i < len(kids)-1)
	}
	return d
}

var (
	line      = &doc{kind: docLine, text: " "}
	softLine  = &doc{kind: docLine}
	hardLine  = &doc{kind: docBreak, hard: true, stiff: true}
	blankLine = &doc{kind: docBlank, hard: true, stiff: true}
)

// A mode says how the lines of a doc are laid out.
type mode uint8

const (
	broken mode = iota
	flat
	free    // its own lines are not broken, the groups in it decide for themselves
	leading // only in fits: not broken up to the first block of what comes last
)

// A place is how far layout has come in one doc.
type place struct {
	d      *doc
	kid    int
	indent int
	mode   mode
}

// A writer holds the text that has been laid out. Space and line breaks wait until more text comes, so that a comment can
// still end the line before.
type writer struct {
	out        []byte
	width      int // 0 allows no breaks at all
	limit      int // of bytes, 0 for none; what is longer is cut
	col        int
	indent     int  // of the line being written
	wait       byte // what waits: a space, a line break, or 0 for nothing
	waitIndent int  // of the line after it
	blank      bool // the line break that waits is followed by a blank line
	noted      bool // a comment was written last
	inItem     bool // a token of the item has been written, so that no other line may look like the beginning of one
	stack      []place
	work       []place
}

// full reports whether the text is longer than the limit. Indentation can make it the square of its source.
func (w *writer) full() bool { return w.limit > 0 && len(w.out) > w.limit }

// here is the indentation of the line on which the next text stands.
func (w *writer) here() int {
	if w.wait == '\n' {
		return w.waitIndent
	}
	return w.indent
}

func (w *writer) trim() {
	for len(w.out) > 0 && w.out[len(w.out)-1] == ' ' {
		w.out = w.out[:len(w.out)-1]
	}
}

// newline writes the line break that waits.
func (w *writer) newline() {
	w.trim()
	if n := len(w.out); n > 0 {
		w.out = append(w.out, '\n')
		if w.blank && strings.IndexByte("([{=>", w.out[n-1]) < 0 {
			w.out = append(w.out, '\n')
		}
		w.out = append(w.out, spaces(w.waitIndent)...)
	}
	w.indent, w.col, w.wait, w.blank = w.waitIndent, w.waitIndent, 0, false
}

// word writes a piece of text, which may go over several lines if it is a literal that does.
func (w *writer) word(s string) {
	if s == "" {
		return
	}
	switch w.wait {
	case ' ':
		w.out = append(w.out, ' ')
		w.col++
		w.wait = 0
	case '\n':
		if w.waitIndent == 0 && w.inItem && (&scanner{src: s}).beginsItem() {
			w.waitIndent = 2
		}
		w.newline()
	}
	w.inItem, w.noted = true, false
	w.out = append(w.out, s...)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
		w.col = 0
	}
	w.col += utf8.RuneCountInString(s)
}

// comment writes a comment; a line break follows.
func (w *writer) comment(d *doc) {
	indent := w.waitIndent
	if w.wait == 0 {
		indent = w.indent + 2
	}
	switch {
	case d.kind == docOwn, w.noted:
		w.waitIndent = indent
		w.newline()
	case len(w.out) > 0:
		w.trim()
		w.out = append(w.out, ' ')
	}
	w.out = append(w.out, d.text...)
	w.wait, w.waitIndent, w.noted = '\n', indent, true
}

// layout writes a doc in lines of the writer's width where it can.
func (w *writer) layout(d *doc) {
	first := place{d: d, indent: w.here()}
	if w.width == 0 {
		first.mode = flat
	}
	w.stack = append(w.stack[:0], first)
	for len(w.stack) > 0 && !w.full() {
		top := &w.stack[len(w.stack)-1]
		d := top.d
		if !d.isComposite() {
			switch d.kind {
			case docText:
				w.word(d.text)
			case docLine:
				if top.mode == broken {
					w.wait, w.waitIndent = '\n', top.indent
				} else if d.text != "" && w.wait == 0 {
					w.wait, w.waitIndent = ' ', top.indent
				}
			case docBreak:
				w.wait, w.waitIndent = '\n', top.indent
			case docBlank:
				w.blank = true
			default:
				w.comment(d)
			}
			w.stack = w.stack[:len(w.stack)-1]
			continue
		}
		if top.kid == 0 {
			switch d.kind {
			case docNest:
				top.indent = w.here() + 2
			case docBase:
				top.indent = w.here()
			case docGroup, docBlock:
				if top.mode != flat {
					top.mode = broken
					if !d.hard && w.fits(flat, w.room()) {
						top.mode = flat
					}
				}
			case docHead:
				if top.mode != flat {
					top.mode = broken
					if !d.hard && w.fits(flat, w.room()) {
						top.mode = flat
					} else if !d.stiff && w.fits(leading, w.room()) && (d.hard || d.text == "" || !w.fits(flat, w.width-w.here()-1)) {
						top.mode = free
					}
				}
			}
		}
		if top.kid == len(d.kids) {
			w.stack = w.stack[:len(w.stack)-1]
			continue
		}
		next := place{d: d.kids[top.kid], indent: top.indent, mode: top.mode}
		top.kid++
		w.stack = append(w.stack, next)
	}
}

// room is the number of columns left on the line.
func (w *writer) room() int {
	switch w.wait {
	case ' ':
		return w.width - w.col - 1
	case '\n':
		return w.width - w.waitIndent
	}
	return w.width - w.col
}

// fits reports whether the group on top of the stack, laid out in a mode, and what follows up to the next place where a
// line may be broken, take no more than so many columns.
func (w *writer) fits(m mode, room int) bool {
	at := len(w.stack) - 1
	work := append(w.work[:0], place{d: w.stack[at].d, mode: m})
	defer func() { w.work = work }()
	for room >= 0 {
		if len(work) == 0 {
			if at == 0 {
				return true
			}
			at--
			work = append(work, w.stack[at])
		}
		top := &work[len(work)-1]
		d := top.d
		switch d.kind {
		case docText:
			first, _, more := strings.Cut(d.text, "\n")
			room -= utf8.RuneCountInString(first)
			if more {
				return room >= 0
			}
			work = work[:len(work)-1]
			continue
		case docLine:
			if top.mode == broken {
				return true
			}
			room -= len(d.text)
			work = work[:len(work)-1]
			continue
		case docBreak, docBlank, docNote, docOwn:
			return true
		}
		if top.kid == len(d.kids) {
			work = work[:len(work)-1]
			continue
		}
		next := place{d: d.kids[top.kid], mode: top.mode}
		switch {
		case top.mode == free && next.d.isGroup(), top.mode == leading && next.d.kind == docBlock:
			next.mode = broken
		case top.mode == leading && d.kind == docNest && top.kid < len(d.kids)-1:
			next.mode = flat
		}
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
