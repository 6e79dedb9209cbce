// This file tests moving, changing and undoing in a text.

package edit

import (
	"strings"
	"testing"
)

// at makes a buffer of a text in which | is the cursor.
func at(text string) *buffer {
	b := &buffer{}
	i := strings.IndexByte(text, '|')
	b.set(text[:i] + text[i+1:])
	b.cursor = i
	return b
}

func (b *buffer) String() string { return b.text[:b.cursor] + "|" + b.text[b.cursor:] }

func TestMoves(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		move           func(b *buffer)
	}{
		{"left over a cluster", "ae\u0301|", "a|e\u0301", func(b *buffer) { b.move(b.left(b.cursor)) }},
		{"left over a line", "a\n|b", "a|\nb", func(b *buffer) { b.move(b.left(b.cursor)) }},
		{"left at the start", "|a", "|a", func(b *buffer) { b.move(b.left(b.cursor)) }},
		{"right over a flag", "|🇫🇷x", "🇫🇷|x", func(b *buffer) { b.move(b.right(b.cursor)) }},
		{"right at the end", "a|", "a|", func(b *buffer) { b.move(b.right(b.cursor)) }},
		{"word right", "a|b + cd", "ab| + cd", func(b *buffer) { b.move(b.wordRight(b.cursor)) }},
		{"word right over signs", "ab| + cd", "ab + cd|", func(b *buffer) { b.move(b.wordRight(b.cursor)) }},
		{"word left", "ab + cd| ", "ab + |cd ", func(b *buffer) { b.move(b.wordLeft(b.cursor)) }},
		{"blank left", "x f(a, b)|", "x f(a, |b)", func(b *buffer) { b.move(b.blankLeft(b.cursor)) }},
		{"up to a shorter line", "a\nbcd|", "a|\nbcd", func(b *buffer) { b.vertical(false) }},
		{"up and down keep the column", "abc\n\nd|ef", "abc\n\nd|ef", func(b *buffer) { b.vertical(false); b.vertical(false); b.vertical(true); b.vertical(true) }},
		{"up over wide characters", "日本\nabc|", "日|本\nabc", func(b *buffer) { b.vertical(false) }},
		{"no line below", "a|b", "a|b", func(b *buffer) { b.vertical(true) }},
		{"transpose at the end", "ab|", "ba|", (*buffer).transpose},
		{"transpose within", "a|bc", "ba|c", (*buffer).transpose},
		{"transpose at the start", "|ab", "|ab", (*buffer).transpose},
		{"a new line", "let f =|", "let f =\n  |", (*buffer).newline},
		{"a new line keeps the indentation", "    x|", "    x\n    |", (*buffer).newline},
		{"kill and yank", "a |b c", "a b c|", func(b *buffer) { b.kill(b.cursor, len(b.text)); b.insert(b.killed) }},
		{"undo a kill", "a |b", "a |b", func(b *buffer) { b.kill(b.cursor, len(b.text)); b.revert() }},
		{"undo what was typed", "a|", "a|", func(b *buffer) { b.typed("b"); b.typed("c"); b.revert() }},
		{"undo word by word", "|", "ab |", func(b *buffer) { b.typed("a"); b.typed("b"); b.typed(" "); b.typed("c"); b.revert() }},
		{"nothing to undo", "a|", "a|", (*buffer).revert},
	} {
		b := at(c.from)
		if c.move(b); b.String() != c.to {
			t.Errorf("%s: got %q, want %q", c.name, b, c.to)
		}
	}
}

// FuzzBuffer: whatever is done, the cursor stays between two clusters of the text.
func FuzzBuffer(f *testing.F) {
	f.Add("ab\ncd e\u0301", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	f.Fuzz(func(t *testing.T, text string, doing []byte) {
		b := &buffer{}
		b.set(strings.ToValidUTF8(text, "?"))
		for _, d := range doing[:min(len(doing), 200)] {
			switch d % 14 {
			case 0:
				b.move(b.left(b.cursor))
			case 1:
				b.move(b.right(b.cursor))
			case 2:
				b.move(b.wordLeft(b.cursor))
			case 3:
				b.move(b.wordRight(b.cursor))
			case 4:
				b.vertical(false)
			case 5:
				b.vertical(true)
			case 6:
				b.typed("é")
			case 7:
				b.kill(b.lineStart(b.cursor), b.cursor)
			case 8:
				b.kill(b.cursor, b.lineEnd(b.cursor))
			case 9:
				b.insert(b.killed)
			case 10:
				b.transpose()
			case 11:
				b.newline()
			case 12:
				b.revert()
			case 13:
				b.kill(b.blankLeft(b.cursor), b.cursor)
			}
			if b.cursor < 0 || b.cursor > len(b.text) || strings.ToValidUTF8(b.text, "") != b.text {
				t.Fatalf("after %d: %q, cursor %d", d, b.text, b.cursor)
			}
			all, row, col := rows(b.text, b.cursor, 7)
			if row < 0 || row >= len(all) || col < 0 || all[len(all)-1].end != len(b.text) {
				t.Fatalf("rows of %q, cursor %d: got %v, %d, %d", b.text, b.cursor, all, row, col)
			}
		}
	})
}
