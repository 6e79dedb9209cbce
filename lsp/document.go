// This file holds open documents: their text as it changes, and where in it a position is.

package lsp

import (
	"net/url"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl"
)

// A document is one version of a file in the editor. It does not change; what is derived from it is made when it is
// asked for, once. Any goroutine may use it.
type document struct {
	uri     string
	path    string // absolute; for a document that is no file, something that is unique
	version int
	text    string // as the editor has it
	bytes   bool   // columns are bytes
	parse   func() parsed
	scopes  func() *lang.Scopes
	tokens  func() []lang.Token

	good *repl.Checked // of the last version before this one that had no mistakes; nil for none

	lastMu     sync.Mutex // of what follows: the last offset whose position was asked for, and its column
	lastOffset int
	lastUnits  int

	checked chan struct{} // closed when result is there
	once    sync.Once
	result  repl.Checked
}

// parsed is what the text of a document says.
type parsed struct {
	file  *lang.File
	errs  lang.Errors
	lines []int // where each line begins in file.Source
}

func newDocument(uri, text string, version int, bytes bool) *document {
	d := &document{uri: uri, path: pathOf(uri), version: version, text: text, bytes: bytes, checked: make(chan struct{})}
	d.parse = sync.OnceValue(func() parsed {
		f, errs := lang.Parse(d.path, []byte(text))
		return parsed{f, errs, lineStarts(f.Source)}
	})
	d.scopes = sync.OnceValue(func() *lang.Scopes { return lang.Resolve(d.parse().file) })
	d.tokens = sync.OnceValue(func() []lang.Token { return lang.Tokens(d.source()) })
	return d
}

// finish notes what checking has found. Only the first time counts.
func (d *document) finish(result repl.Checked) {
	d.once.Do(func() {
		d.result = result
		close(d.checked)
	})
}

// retire ends the wait for a check of a version that is none any more.
func (d *document) retire() { d.finish(repl.Checked{}) }

// unit is the compiled document, nil when it has not been compiled yet or has mistakes.
func (d *document) unit() *compile.Unit {
	select {
	case <-d.checked:
		return d.result.Unit
	default:
		return nil
	}
}

func (d *document) source() string { return d.parse().file.Source }

// pathOf is the absolute path of a file: URI. Another URI stands for itself.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return uri
	}
	path := u.Path
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/")
	}
	return filepath.Clean(filepath.FromSlash(path))
}

// uriOf is the URI of a file.
func uriOf(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		if strings.Contains(path, ":") && !filepath.IsAbs(path) {
			return path // what pathOf left as it was
		}
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// lineStarts are the offsets where the lines of a text begin. Lines end as the protocol has it: \n, \r\n or \r.
func lineStarts(text string) []int {
	starts := make([]int, 1, 64)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			starts = append(starts, i+1)
		case '\r':
			if i+1 == len(text) || text[i+1] != '\n' {
				starts = append(starts, i+1)
			}
		}
	}
	return starts
}

// offsetIn is where a position is in a text. A position beyond a line is at its end, one beyond the text at the end of it.
func offsetIn(text string, lines []int, p position, bytes bool) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(lines) {
		return len(text)
	}
	start, end := lines[p.Line], len(text)
	if p.Line+1 < len(lines) {
		end = lines[p.Line+1]
	}
	line := strings.TrimRight(text[start:end], "\r\n")
	if bytes {
		n := min(max(p.Character, 0), len(line))
		for n > 0 && n < len(line) && !utf8.RuneStart(line[n]) {
			n--
		}
		return start + n
	}
	units := 0
	for i, r := range line {
		if units >= p.Character {
			return start + i
		}
		units += utf16Len(r)
	}
	return start + len(line)
}

func utf16Len(r rune) int {
	if r >= 0x10000 {
		return 2
	}
	return 1
}

// utf16Of is the length of a text in UTF-16 units.
func utf16Of(text string) int {
	n := 0
	for _, r := range text {
		n += utf16Len(r)
	}
	return n
}

// bom is a byte order mark, which the parser leaves out of the source.
const bom = "\uFEFF"

// offset is where a position of the editor's is in the source.
func (d *document) offset(p position) int {
	parsed := d.parse()
	if p.Line == 0 && strings.HasPrefix(d.text, bom) {
		if p.Character--; d.bytes {
			p.Character -= len(bom) - 1
		}
	}
	return offsetIn(parsed.file.Source, parsed.lines, p, d.bytes)
}

// position is where an offset of the source is for the editor.
func (d *document) position(offset int) position {
	parsed := d.parse()
	src := parsed.file.Source
	offset = min(max(offset, 0), len(src))
	line := sort.SearchInts(parsed.lines, offset+1) - 1
	start := parsed.lines[line]
	p := position{line, offset - start}
	if !d.bytes {
		d.lastMu.Lock()
		if start <= d.lastOffset && d.lastOffset <= offset { // a line may be very long
			p.Character = d.lastUnits + utf16Of(src[d.lastOffset:offset])
		} else {
			p.Character = utf16Of(src[start:offset])
		}
		d.lastOffset, d.lastUnits = offset, p.Character
		d.lastMu.Unlock()
	}
	if line == 0 && strings.HasPrefix(d.text, bom) {
		if p.Character++; d.bytes {
			p.Character += len(bom) - 1
		}
	}
	return p
}

func (d *document) span(s lang.Span) textRange {
	return textRange{d.position(s.Start), d.position(s.End)}
}

// changed is the document after some changes; ok is false when one does not fit.
func (d *document) changed(version int, changes []contentChange) (*document, bool) {
	text := d.text
	for _, c := range changes {
		if c.Range == nil {
			text = c.Text
			continue
		}
		lines := lineStarts(text)
		from, to := offsetIn(text, lines, c.Range.Start, d.bytes), offsetIn(text, lines, c.Range.End, d.bytes)
		if from > to {
			return d, false
		}
		text = text[:from] + c.Text + text[to:]
	}
	next := newDocument(d.uri, text, version, d.bytes)
	next.good = d.lastGood()
	return next, true
}

// again is the document as if it had just come, to be checked anew.
func (d *document) again() *document {
	next := newDocument(d.uri, d.text, d.version, d.bytes)
	next.good = d.lastGood()
	return next
}

// lastGood is what compiling the document, or the last version of it without mistakes, has given; nil for none.
func (d *document) lastGood() *repl.Checked {
	if d.unit() != nil {
		return &d.result
	}
	return d.good
}

// tokenAt is the number of the token that an offset is in or, failing that, right behind; -1 for none.
func (d *document) tokenAt(offset int) int {
	tokens := d.tokens()
	i := sort.Search(len(tokens), func(i int) bool { return tokens[i].End > offset })
	if i < len(tokens) && tokens[i].Start <= offset {
		if i > 0 && tokens[i].Start == offset && tokens[i-1].End == offset && !wordy(tokens[i].Class) && wordy(tokens[i-1].Class) {
			return i - 1
		}
		return i
	}
	if i > 0 && tokens[i-1].End == offset {
		return i - 1
	}
	return -1
}

func wordy(c lang.TokenClass) bool {
	return c == lang.ClassName || c == lang.ClassTag || c == lang.ClassModule || c == lang.ClassField || c == lang.ClassKeyword
}

// tokenText is what a token says.
func (d *document) tokenText(i int) string {
	t := d.tokens()[i]
	return d.source()[t.Start:t.End]
}
