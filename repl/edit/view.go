// This file draws the entry, and below it the candidates or the search.

package edit

import (
	"fmt"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/rivo/uniseg"
)

// A row is a stretch of the text that stands on one row of the screen.
type row struct {
	start, end int
	first      bool // the first of its line
}

const (
	maxMenu  = 8 // rows of candidates
	tabWidth = 4
	dim      = "2"
	reverse  = "7"
)

// shown is how a grapheme cluster looks and how wide it is: controls are pictures of themselves.
func shown(cluster string) (string, int) {
	if len(cluster) == 1 {
		switch c := cluster[0]; {
		case c == '\t':
			return strings.Repeat(" ", tabWidth), tabWidth
		case c < 0x20:
			return string(rune(0x2400) + rune(c)), 1
		case c == 0x7f:
			return "\u2421", 1
		}
		return cluster, 1
	}
	if r, n := utf8.DecodeRuneInString(cluster); n == len(cluster) && (r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
		return "\uFFFD", 1 // controls that would change what stands around them
	}
	return cluster, uniseg.StringWidth(cluster)
}

// next is the grapheme cluster at the start of a text that is not empty.
func next(text string) string {
	if c := text[0]; c < 0x80 && (len(text) == 1 || text[1] < 0x80) {
		return text[:1]
	}
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(text, -1)
	return cluster
}

// rows breaks a text into rows of so many columns, and says where the cursor is.
func rows(text string, cursor, columns int) (all []row, cursorRow, cursorCol int) {
	start, col, first := 0, 0, true
	pos := 0
	for pos < len(text) {
		if pos == cursor {
			cursorRow, cursorCol = len(all), col
		}
		if text[pos] == '\n' {
			all = append(all, row{start, pos, first})
			pos++
			start, col, first = pos, 0, true
			continue
		}
		cluster := next(text[pos:])
		_, w := shown(cluster)
		if col+w > columns && pos > start {
			all = append(all, row{start, pos, first})
			start, col, first = pos, 0, false
			if pos == cursor {
				cursorRow, cursorCol = len(all), 0
			}
		}
		pos += len(cluster)
		col += w
	}
	if cursor >= len(text) {
		if col >= columns && len(text) > start { // the cursor needs a cell
			all = append(all, row{start, pos, first})
			start, col, first = pos, 0, false
		}
		cursorRow, cursorCol = len(all), col
	}
	return append(all, row{start, pos, first}), cursorRow, cursorCol
}

// View draws the screen.
func (m *model) View() tea.View {
	if m.busy { // what stays is printed by handOver
		return tea.NewView(" ")
	}
	margin := m.margin()
	all, cursorRow, cursorCol := rows(m.buffer.text, m.buffer.cursor, max(m.width-margin, 1))
	below := m.below()
	height := max(m.height-1-len(below), 1)
	from := max(0, min(cursorRow-height/2, len(all)-height))
	if len(all) <= height {
		from = 0
	}
	to := min(len(all), from+height)

	var out strings.Builder
	m.write(&out, all, from, to, margin, m.buffer.cursor)
	for _, line := range below {
		out.WriteByte('\n')
		out.WriteString(line)
	}
	v := tea.NewView(out.String())
	v.Cursor = tea.NewCursor(margin+cursorCol, cursorRow-from)
	v.Cursor.Shape, v.Cursor.Blink = tea.CursorBar, true
	return v
}

// handOver is the entry as it stays on the screen when it is handled.
func (m *model) handOver() string {
	margin := m.margin()
	all, _, _ := rows(m.buffer.text, -1, max(m.width-margin, 1))
	var out strings.Builder
	m.write(&out, all, 0, len(all), margin, -1)
	return "\r" + out.String() + m.styled(m.echo, dim) + "\n"
}

// margin is the width of the prompt, 0 where there is no room for one.
func (m *model) margin() int {
	if w := uniseg.StringWidth(m.Prompt); w <= m.width/3 {
		return w
	}
	return 0
}

// write writes some of the rows.
func (m *model) write(out *strings.Builder, all []row, from, to, margin, cursor int) {
	var paints []Paint
	if m.Color && m.Paints != nil {
		paints = m.Paints(m.buffer.text, cursor)
	}
	for i, r := range all[from:to] {
		if i > 0 {
			out.WriteByte('\n')
		}
		if margin > 0 {
			switch {
			case from+i == 0:
				out.WriteString(m.styled(m.Prompt, "1;35"))
			case r.first:
				out.WriteString(m.styled(m.Continue, dim))
			default:
				out.WriteString(strings.Repeat(" ", margin))
			}
		}
		for len(paints) > 0 && paints[0].End <= r.start {
			paints = paints[1:]
		}
		m.draw(out, r, paints)
	}
}

func (m *model) styled(text, sgr string) string {
	if !m.Color || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[m"
}

// draw writes a row in its colours.
func (m *model) draw(out *strings.Builder, r row, paints []Paint) {
	for pos := r.start; pos < r.end; {
		end, sgr := r.end, ""
		for len(paints) > 0 && paints[0].End <= pos {
			paints = paints[1:]
		}
		if len(paints) > 0 {
			if p := paints[0]; p.Start <= pos {
				end, sgr = min(end, p.End), p.SGR
			} else {
				end = min(end, p.Start)
			}
		}
		var part strings.Builder
		for pos < end {
			cluster := next(m.buffer.text[pos:])
			look, _ := shown(cluster)
			part.WriteString(look)
			pos += len(cluster)
		}
		if sgr == "" {
			out.WriteString(part.String())
		} else {
			out.WriteString(m.styled(part.String(), sgr))
		}
	}
}

// below are the lines below the entry.
func (m *model) below() []string {
	if m.searching {
		label := "search: "
		if m.query != "" && !strings.Contains(m.buffer.text, m.query) {
			label = "nothing: "
		}
		return []string{m.styled(fit(label+m.query, m.width), dim)}
	}
	n := len(m.menu)
	if n == 0 {
		return nil
	}
	height := min(maxMenu, max(1, m.height/2))
	from := max(0, min(m.menuAt-height/2, n-height))
	to := min(n, from+height)
	wide := 0
	for _, c := range m.menu[from:to] {
		wide = max(wide, uniseg.StringWidth(c.Text))
	}
	wide = min(wide, max(m.width/2, m.width-40))
	var lines []string
	for i := from; i < to; i++ {
		c := m.menu[i]
		name := fit(c.Text, wide)
		name += strings.Repeat(" ", wide-uniseg.StringWidth(name))
		style := ""
		if i == m.menuAt {
			style = reverse
		}
		note := fit(c.Note, m.width-wide-4)
		lines = append(lines, "  "+m.styled2(name, style)+"  "+m.styled(note, dim))
	}
	if n > height {
		lines = append(lines, m.styled(fit(fmt.Sprintf("  … %d more", n-(to-from)), m.width), dim))
	}
	return lines
}

func (m *model) styled2(text, sgr string) string {
	if sgr == "" {
		return text
	}
	if !m.Color {
		return "\x1b[" + sgr + "m" + text + "\x1b[m" // what is chosen has to be seen
	}
	return m.styled(text, sgr)
}

// fit cuts a text to one line of so many columns.
func fit(text string, columns int) string {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i] + "…"
	}
	var out strings.Builder
	col := 0
	for len(text) > 0 {
		cluster := next(text)
		look, w := shown(cluster)
		text = text[len(cluster):]
		if col+w > columns-1 && text != "" || col+w > columns {
			if columns > 0 {
				out.WriteString("…")
			}
			break
		}
		out.WriteString(look)
		col += w
	}
	return out.String()
}
