// Package edit is a line editor for entries of any number of lines: history, completion, colours, search.
//
// An Editor is made by its caller, with functions that say what belongs together, what is complete and which colours
// there are; it knows nothing of the language. Loop reads entries until the end. The terminal itself (its modes, keys,
// pastes, sizes, and redrawing what changed) is Bubble Tea's; buffer.go is the text, history.go what was entered before.
package edit

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
)

// A Paint colours the bytes from Start to End; SGR is the parameters of an ANSI sequence, such as "1;34".
type Paint struct {
	Start, End int
	SGR        string
}

// A Candidate is a way to complete a text; Note is shown beside it.
type Candidate struct{ Text, Note string }

// An Editor reads entries from a terminal.
type Editor struct {
	Prompt   string // of one line, without colours
	Continue string // before the other lines, as wide as Prompt
	Color    bool
	History  *History
	// Paints are the colours of a text in order, without overlaps; what Cursor stands at may be marked. May be nil.
	Paints func(text string, cursor int) []Paint
	// Complete gives what the text from start to the cursor can be completed to. May be nil.
	Complete func(text string, cursor int) (start int, candidates []Candidate)
	// Whole says whether Enter ends the entry, or begins another line.
	Whole func(text string) bool
	In    *os.File
	Out   *os.File
}

// Loop reads entries and calls handle with each, in the terminal's usual mode, until handle returns false or Ctrl-D ends
// the input. Lines typed while handle runs are read after it.
func (e *Editor) Loop(ctx context.Context, handle func(text string) bool) error {
	m := &model{Editor: e, handle: handle, width: 80, height: 24, out: &screen{File: e.Out}}
	m.buffer.set("")
	m.at = len(e.History.Entries)
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(e.In), tea.WithOutput(m.out), tea.WithoutSignalHandler())
	m.program = p
	_, err := p.Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// A model is an Editor at work: Bubble Tea calls Update with what happens, and View for what the screen shows.
type model struct {
	*Editor
	handle        func(string) bool
	buffer        buffer
	width, height int
	out           *screen
	program       *tea.Program

	at     int    // the history's entry in the buffer; its length for none
	draft  string // what was typed before going back in the history
	prefix string // what entries have to begin with

	menu     []Candidate
	menuAt   int // the chosen one, -1 for none
	menuFrom int // where the text begins that they complete

	searching bool
	query     string
	found     int    // the entry that the search shows; the history's length for none
	before    buffer // the text before the search

	busy    bool      // an entry is being handled
	running bool      // and has been handed over
	stopped bool      // Ctrl-C came before that
	waiting []tea.Msg // keys that came meanwhile
	leaving bool
	echo    string // behind a text that was given up
}

// Messages of the model to itself.
type (
	handleNow struct{}
	handled   struct{ more bool }
	drawn     struct{ before int64 } // by when the prompt has to stand on the screen
)

// A screen is the terminal, and counts what is drawn.
type screen struct {
	*os.File
	writes atomic.Int64
}

func (s *screen) Write(p []byte) (int, error) {
	s.writes.Add(1)
	return s.File.Write(p)
}

func (m *model) Init() tea.Cmd { return nil }

func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 1), max(msg.Height, 1)
		return m, nil
	case handleNow:
		if m.stopped {
			m.echo = "^C"
		}
		m.running = true
		return m, m.run(m.handOver(), m.buffer.text, m.echo == "")
	case handled:
		if m.leaving = !msg.more; m.leaving {
			return m, tea.Quit
		}
		m.fresh()
		check := drawn{m.out.writes.Load()}
		return m, tea.Batch(m.resume(), tea.Tick(frames, func(time.Time) tea.Msg { return check }))
	case drawn:
		if m.out.writes.Load() == msg.before && !m.busy {
			return m, func() tea.Msg {
				m.program.ReleaseTerminal()
				time.Sleep(10 * halt)
				m.program.RestoreTerminal()
				return nil
			}
		}
		return m, nil
	case tea.KeyPressMsg, tea.PasteMsg:
		if k, ok := msg.(tea.KeyPressMsg); m.busy && ok && k.String() == "ctrl+c" {
			if m.stopped, m.waiting = true, nil; m.running { // it was pressed before the terminal was given back, and read after
				self, _ := os.FindProcess(os.Getpid())
				self.Signal(os.Interrupt)
			}
			return m, nil
		}
		if m.busy {
			m.waiting = append(m.waiting, msg)
			return m, nil
		}
		return m, m.input(msg)
	}
	return m, nil
}

// fresh begins a new entry.
func (m *model) fresh() {
	m.buffer.set("")
	m.busy, m.running, m.stopped, m.echo = false, false, false, ""
	m.at = len(m.History.Entries)
}

// resume plays the keys that came while an entry was handled.
func (m *model) resume() tea.Cmd {
	for len(m.waiting) > 0 && !m.busy {
		msg := m.waiting[0]
		m.waiting = m.waiting[1:]
		if cmd := m.input(msg); cmd != nil {
			return cmd
		}
	}
	return nil
}

// run gives the terminal back, has the entry handled, and takes the terminal again. That is done beside Bubble Tea's loop, which
// goes on taking the keys that were read already: they wait in order. (In the loop, as its Exec does it, they would be mixed with those
// that are read afterwards.)
func (m *model) run(shown, text string, handle bool) tea.Cmd {
	return func() tea.Msg {
		m.program.ReleaseTerminal()
		began := time.Now()
		m.Out.WriteString(shown)
		more := true
		if handle {
			more = m.handle(text)
		}
		time.Sleep(time.Until(began.Add(halt)))
		m.program.RestoreTerminal()
		return handled{more}
	}
}

// Bubble Tea v2.1.1 stops drawing for good when the terminal is given back and taken again so soon that the goroutine that
// draws has not ended meanwhile: it stops the clock of the next one. So an entry takes the time of halt at least, and when
// nothing has been drawn after some frames, the terminal is given back and taken once more.
const (
	halt   = 2 * time.Millisecond
	frames = 150 * time.Millisecond
)

// settle is how long the keys that came with an Enter have to arrive, so that they are read and wait.
const settle = 2 * time.Millisecond

// accept hands the text on.
func (m *model) accept() tea.Cmd {
	m.menu = nil
	m.buffer.set(strings.TrimRight(m.buffer.text, " \t\n"))
	m.History.Add(m.buffer.text) // a history that cannot be written is this session's only
	m.busy = true
	return tea.Tick(settle, func(time.Time) tea.Msg { return handleNow{} })
}

// input takes a key or a paste.
func (m *model) input(msg tea.Msg) tea.Cmd {
	if paste, ok := msg.(tea.PasteMsg); ok {
		m.menu = nil
		m.endSearch(true)
		text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(paste.Content)
		m.buffer.insert(strings.ToValidUTF8(text, "\uFFFD"))
		return nil
	}
	k := msg.(tea.KeyPressMsg)
	if m.searching {
		if cmd, done := m.search(k); done {
			return cmd
		}
	}
	if m.menu != nil {
		if m.choose(k.String()) {
			return nil
		}
	}
	cmd, known := m.command(k.String())
	if known || k.Text == "" {
		return cmd
	}
	m.buffer.typed(k.Text)
	if m.menu != nil {
		m.refine()
	}
	return nil
}

// command does what a key that is no character does.
func (m *model) command(key string) (cmd tea.Cmd, known bool) {
	b := &m.buffer
	end := b.lineEnd(b.cursor)
	switch key {
	case "enter", "ctrl+j", "ctrl+m":
		if m.Whole(b.text) {
			return m.accept(), true
		}
		b.newline()
	case "alt+enter", "shift+enter", "ctrl+enter":
		b.newline()
	case "ctrl+c":
		m.menu = nil
		if b.text == "" {
			return nil, true
		}
		m.History.Entries = append(m.History.Entries, b.text) // for this session: a slip of the fingers loses nothing
		m.busy, m.echo = true, "^C"
		b.move(len(b.text))
		return tea.Tick(settle, func(time.Time) tea.Msg { return handleNow{} }), true
	case "ctrl+d":
		if b.text == "" {
			m.leaving, m.busy = true, true
			return tea.Quit, true
		}
		b.replace(b.cursor, b.right(b.cursor), "")
	case "left", "ctrl+b":
		b.move(b.left(b.cursor))
	case "right", "ctrl+f":
		b.move(b.right(b.cursor))
	case "alt+b", "ctrl+left", "alt+left":
		b.move(b.wordLeft(b.cursor))
	case "alt+f", "ctrl+right", "alt+right":
		b.move(b.wordRight(b.cursor))
	case "home", "ctrl+a":
		b.move(b.lineStart(b.cursor))
	case "end", "ctrl+e":
		b.move(end)
	case "ctrl+home", "alt+<":
		b.move(0)
	case "ctrl+end", "alt+>":
		b.move(len(b.text))
	case "up", "ctrl+p":
		if m.at != len(m.History.Entries) && b.cursor == len(b.text) || !b.vertical(false) {
			m.recall(false)
		}
	case "down", "ctrl+n":
		if m.at != len(m.History.Entries) && b.cursor == len(b.text) || !b.vertical(true) {
			m.recall(true)
		}
	case "pgup":
		for range m.height - 1 {
			b.vertical(false)
		}
	case "pgdown":
		for range m.height - 1 {
			b.vertical(true)
		}
	case "backspace", "ctrl+h":
		b.replace(b.left(b.cursor), b.cursor, "")
		m.refine()
	case "delete":
		b.replace(b.cursor, b.right(b.cursor), "")
	case "ctrl+w":
		b.kill(b.blankLeft(b.cursor), b.cursor)
	case "alt+backspace", "ctrl+backspace":
		b.kill(b.wordLeft(b.cursor), b.cursor)
	case "alt+d", "ctrl+delete":
		b.kill(b.cursor, b.wordRight(b.cursor))
	case "ctrl+k":
		if end == b.cursor {
			end = b.right(end)
		}
		b.kill(b.cursor, end)
	case "ctrl+u":
		b.kill(b.lineStart(b.cursor), b.cursor)
	case "ctrl+y":
		b.insert(b.killed)
	case "ctrl+t":
		b.transpose()
	case "ctrl+_", "ctrl+z", "ctrl+/":
		b.revert()
	case "ctrl+l":
		return tea.ClearScreen, true
	case "ctrl+r":
		m.searching, m.query, m.before, m.found, m.menu = true, "", *b, len(m.History.Entries), nil
	case "tab":
		m.complete()
	case "esc", "ctrl+g":
		m.menu = nil
	default:
		return nil, false
	}
	if key != "tab" && key != "backspace" && key != "ctrl+h" {
		m.menu = nil
	}
	return nil, true
}

// recall goes a step in the history, among the entries that begin with what was typed.
func (m *model) recall(newer bool) {
	n := len(m.History.Entries)
	if m.at == n {
		m.draft, m.prefix = m.buffer.text, m.buffer.text
	}
	fits := func(e string) bool { return strings.HasPrefix(e, m.prefix) && e != m.buffer.text }
	to := 0
	if newer {
		to = m.History.newer(m.at, fits)
	} else if to = m.History.older(m.at, fits); to < 0 {
		return
	}
	if m.at = to; to >= n {
		m.at = n
		m.buffer.set(m.draft)
		return
	}
	m.buffer.set(m.History.Entries[to])
}

// search takes a key while searching; done says that it needs no more.
func (m *model) search(k tea.KeyPressMsg) (cmd tea.Cmd, done bool) {
	switch k.String() {
	case "ctrl+r":
		m.find(m.found, false)
	case "ctrl+s":
		m.find(m.found, true)
	case "backspace", "ctrl+h":
		if m.query != "" {
			m.query = m.query[:(&buffer{text: m.query}).left(len(m.query))]
			m.find(len(m.History.Entries), false)
		}
	case "ctrl+g", "ctrl+c":
		m.endSearch(false)
	case "enter", "esc", "tab":
		m.endSearch(true)
	default:
		if k.Text == "" {
			m.endSearch(true)
			return nil, false
		}
		m.query += k.Text
		m.find(min(m.found+1, len(m.History.Entries)), false)
	}
	return nil, true
}

// find shows the next entry from i that contains the query.
func (m *model) find(i int, newer bool) {
	fits := func(e string) bool { return strings.Contains(e, m.query) }
	if newer {
		i = m.History.newer(i, fits)
	} else {
		i = m.History.older(i, fits)
	}
	if m.query == "" || i < 0 || i >= len(m.History.Entries) {
		return
	}
	m.found = i
	m.buffer.set(m.History.Entries[i])
	m.buffer.cursor = strings.Index(m.buffer.text, m.query)
}

// endSearch leaves the search, with what it has found or with what was there before.
func (m *model) endSearch(keep bool) {
	if !m.searching {
		return
	}
	m.searching = false
	if !keep || m.found == len(m.History.Entries) {
		m.buffer = m.before
		return
	}
	m.buffer.set(m.History.Entries[m.found])
	m.at, m.draft, m.prefix = m.found, m.before.text, ""
}

// complete completes the text before the cursor as far as all candidates agree, and shows them when that is no further.
func (m *model) complete() {
	if m.Complete == nil {
		return
	}
	b := &m.buffer
	if line := b.text[b.lineStart(b.cursor):b.cursor]; strings.TrimSpace(line) == "" && b.cursor > 0 {
		b.insert("  ")
		return
	}
	start, all := m.Complete(b.text, b.cursor)
	if len(all) == 0 {
		return
	}
	common := all[0].Text
	for _, c := range all[1:] {
		n := 0
		for n < len(common) && n < len(c.Text) && common[n] == c.Text[n] {
			n++
		}
		common = strings.ToValidUTF8(common[:n], "")
	}
	typed := b.text[start:b.cursor]
	if common != typed && strings.HasPrefix(common, typed) {
		b.replace(start, b.cursor, common)
	} else if len(all) == 1 {
		b.replace(start, b.cursor, all[0].Text)
	}
	m.menu, m.menuAt, m.menuFrom = nil, -1, start
	if len(all) > 1 {
		m.menu = all
	}
}

// choose takes a key while candidates are shown, if it is one of the menu's.
func (m *model) choose(key string) bool {
	n := len(m.menu)
	switch key {
	case "tab", "down", "ctrl+n":
		m.menuAt = (m.menuAt + 1) % n
	case "shift+tab", "up", "ctrl+p":
		m.menuAt = (max(m.menuAt, 0) + n - 1) % n
	case "enter":
		if m.menuAt < 0 {
			return false
		}
		m.menu = nil
		return true
	case "esc", "ctrl+g":
		m.menu = nil
		return true
	default:
		return false
	}
	m.buffer.replace(m.menuFrom, m.buffer.cursor, m.menu[m.menuAt].Text)
	if n == 1 {
		m.menu = nil
	}
	return true
}

// refine shows what can still be chosen after a character more or less.
func (m *model) refine() {
	if m.menu == nil {
		return
	}
	m.menu = nil
	start, all := m.Complete(m.buffer.text, m.buffer.cursor)
	typed := m.buffer.text[start:m.buffer.cursor]
	all = slices.DeleteFunc(all, func(c Candidate) bool { return c.Text == typed })
	if typed != "" && len(all) > 0 {
		m.menu, m.menuAt, m.menuFrom = all, -1, start
	}
}
