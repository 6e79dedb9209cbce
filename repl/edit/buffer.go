// This file is the text being edited: the cursor's movements, insertion and deletion, and undoing them.

package edit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// A buffer is a text of any number of lines and a cursor, a byte offset between two grapheme clusters.
type buffer struct {
	text   string
	cursor int
	goal   int // the column that up and down aim at, -1 for the cursor's own
	killed string
	undo   []snapshot
	held   int  // bytes in undo
	typing bool // the last change was a character typed: the next one is undone with it
}

// A snapshot is the text before a change.
type snapshot struct {
	text   string
	cursor int
}

const maxUndo = 8 << 20 // bytes of text kept for undo

// set replaces the whole text, with no way back; the cursor stands at its end.
func (b *buffer) set(text string) {
	*b = buffer{text: text, cursor: len(text), goal: -1, killed: b.killed}
}

// save keeps the text as it is, for undo.
func (b *buffer) save() {
	b.typing = false
	if n := len(b.undo); n > 0 && b.undo[n-1].text == b.text {
		return
	}
	b.undo = append(b.undo, snapshot{b.text, b.cursor})
	b.held += len(b.text)
	for b.held > maxUndo && len(b.undo) > 1 {
		b.held -= len(b.undo[0].text)
		b.undo = b.undo[1:]
	}
}

func (b *buffer) revert() {
	n := len(b.undo) - 1
	if n < 0 {
		return
	}
	s := b.undo[n]
	b.undo, b.held, b.typing = b.undo[:n], b.held-len(s.text), false
	b.text, b.cursor, b.goal = s.text, s.cursor, -1
}

// replace puts text in the place of the bytes from start to end.
func (b *buffer) replace(start, end int, text string) {
	b.save()
	b.text = b.text[:start] + text + b.text[end:]
	b.cursor, b.goal = start+len(text), -1
}

func (b *buffer) insert(text string) { b.replace(b.cursor, b.cursor, text) }

// typed inserts a character that was typed; characters typed in a row are undone together.
func (b *buffer) typed(text string) {
	if !b.typing {
		b.save()
	}
	b.text = b.text[:b.cursor] + text + b.text[b.cursor:]
	b.cursor, b.goal, b.typing = b.cursor+len(text), -1, !strings.ContainsAny(text, " \n")
}

// kill deletes from start to end and keeps what stood there for yank.
func (b *buffer) kill(start, end int) {
	if start < end {
		b.killed = b.text[start:end]
		b.replace(start, end, "")
	}
}

func (b *buffer) move(to int) { b.cursor, b.goal, b.typing = to, -1, false }

// lineStart and lineEnd are the bounds of the line that pos is in.
func (b *buffer) lineStart(pos int) int { return strings.LastIndexByte(b.text[:pos], '\n') + 1 }

func (b *buffer) lineEnd(pos int) int {
	if i := strings.IndexByte(b.text[pos:], '\n'); i >= 0 {
		return pos + i
	}
	return len(b.text)
}

// right is the position after the grapheme cluster at pos.
func (b *buffer) right(pos int) int {
	if pos == len(b.text) {
		return pos
	}
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(b.text[pos:], -1)
	return pos + len(cluster)
}

// left is the position before the grapheme cluster that ends at pos.
func (b *buffer) left(pos int) int {
	if pos == 0 {
		return 0
	}
	start := b.lineStart(pos)
	if start == pos {
		return pos - 1
	}
	for {
		next := b.right(start)
		if next >= pos {
			return start
		}
		start = next
	}
}

func inWord(r rune) bool { return r == '_' || r == '\'' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// wordRight is the end of the word at or after pos.
func (b *buffer) wordRight(pos int) int {
	seen := false
	for pos < len(b.text) {
		r, n := utf8.DecodeRuneInString(b.text[pos:])
		if inWord(r) {
			seen = true
		} else if seen {
			break
		}
		pos += n
	}
	return pos
}

// wordLeft is the start of the word at or before pos.
func (b *buffer) wordLeft(pos int) int {
	seen := false
	for pos > 0 {
		r, n := utf8.DecodeLastRuneInString(b.text[:pos])
		if inWord(r) {
			seen = true
		} else if seen {
			break
		}
		pos -= n
	}
	return pos
}

// blankLeft is the start of the run of characters other than white space at or before pos.
func (b *buffer) blankLeft(pos int) int {
	trimmed := strings.TrimRight(b.text[:pos], " \t\n")
	return strings.LastIndexAny(trimmed, " \t\n") + 1
}

// vertical moves the cursor a line up or down, and says whether there is one.
func (b *buffer) vertical(down bool) bool {
	start, end := b.lineStart(b.cursor), b.lineEnd(b.cursor)
	if down && end == len(b.text) || !down && start == 0 {
		return false
	}
	goal := b.goal
	if goal < 0 {
		goal = uniseg.StringWidth(b.text[start:b.cursor])
	}
	to := end + 1
	if !down {
		to = b.lineStart(start - 1)
	}
	stop := b.lineEnd(to)
	for col := 0; to < stop; {
		next := b.right(to)
		if col += uniseg.StringWidth(b.text[to:next]); col > goal {
			break
		}
		to = next
	}
	b.cursor, b.goal, b.typing = to, goal, false
	return true
}

// transpose swaps the two characters before the cursor, or around it within a line.
func (b *buffer) transpose() {
	mid := b.cursor
	if mid == b.lineEnd(mid) {
		mid = b.left(mid)
	}
	if mid == b.lineStart(mid) {
		return
	}
	start, end := b.left(mid), b.right(mid)
	b.replace(start, end, b.text[mid:end]+b.text[start:mid])
}

// newline begins a new line with the indentation of the cursor's own, two columns at least: what begins in the first
// column is something new.
func (b *buffer) newline() {
	line := b.text[b.lineStart(b.cursor):b.cursor]
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if len(indent) < 2 {
		indent = "  "
	}
	b.insert("\n" + indent)
}
