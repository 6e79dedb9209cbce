// This file says how what went wrong is shown, and which exit code it has.

package repl

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// Exit codes.
const (
	exitFine    = 0
	exitProgram = 1 // the program's error
	exitUser    = 2 // found before evaluation
	exitMissing = 3 // a block or a result that is not to be had
	exitStopped = 4 // fuel, deadline, interrupt, memory
)

// A failure is an error with its exit code. Its text is printed as it stands; one without err has been told already.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}
func (f *failure) Unwrap() error { return f.err }

// Misuse is an error of the user's: flags, files, source.
func Misuse(err error) error { return &failure{exitUser, err} }

// IsMisuse says whether an error is the user's.
func IsMisuse(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.code == exitUser
}

// Failed is an error with the exit code 1.
func Failed(err error) error { return &failure{exitProgram, err} }

// NoCommand is the error of a first word that is neither a command nor a file.
func NoCommand(word string, commands []string) error {
	return Misuse(fmt.Errorf("got %.60q, want a command or a file%s (--help lists the commands)", word, hint(lang.Suggest(word, commands))))
}

func missing(format string, args ...any) error {
	return &failure{exitMissing, fmt.Errorf(format, args...)}
}

// Report prints an error to stderr and returns the exit code.
func Report(err error) int {
	if err == nil {
		return exitFine
	}
	text, code := describe(err, terminal(os.Stderr))
	if text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	return code
}

// Describe is the text that says what went wrong, of one or more lines, and the exit code. The error is one that a
// method of the session or a command gave.
func (s *Session) Describe(err error, color bool) (text string, code int) {
	var stop *eval.Stop
	if errors.As(err, &stop) && stop.Checkpoint.Defined() && s.opt.Link != "none" { // who talks to it just asks again
		again := *stop
		again.Checkpoint = cid.Undef
		text, code = describe(&again, color)
		return text + "\n  what was reached is kept; the same again goes on from there", code
	}
	return describe(err, color)
}

func describe(err error, color bool) (text string, code int) {
	var source lang.Errors
	if errors.As(err, &source) {
		code = exitUser
		gone, all := unavailable(source)
		if all {
			code = exitMissing
		}
		return strings.TrimRight(source.Render(color), "\n") + wayIn(gone, color), code
	}
	code = exitUser
	var f *failure
	var stop *eval.Stop
	switch {
	case errors.As(err, &f):
		if code = f.code; f.err == nil {
			return "", code
		}
	case errors.As(err, &stop):
		code = exitStopped
		if stop.Reason == eval.Missing {
			code = exitMissing
		}
	case errors.Is(err, graph.ErrNotFound), errors.Is(err, graph.ErrDamaged):
		code = exitMissing
	}
	var located *shown
	if errors.As(err, &located) {
		return located.render(color), code
	}
	gone, _ := unavailable(err)
	text = lang.Clean("rosser: "+once(err)) + wayIn(gone, color)
	switch {
	case stop == nil:
	case stop.Checkpoint.Defined():
		text += "\n  what was reached is kept; to go on: rosser resume " + stop.Checkpoint.String()
	case stop.Lost != nil:
		text += lang.Clean("\n  where it stood could not be kept: " + once(stop.Lost) + "; the same again reduces all but what was linked once more, for which it needs more time, fuel or memory")
	}
	hint := ""
	switch {
	case stop != nil && stop.Primitive != "":
		hint = fmt.Sprintf("hint: with the same --fuel it comes no further; --fuel %d takes it twice as far", stop.Took)
	case stop != nil && stop.Reason == eval.MemoryLimit && stop.Memory > 0:
		hint = fmt.Sprintf("hint: the limit is %dM; --memory SIZE sets another", stop.Memory>>20)
	case errors.Is(err, errMemory) || stop != nil && stop.Reason == eval.MemoryLimit:
		hint = "hint: --memory SIZE sets the limit"
	}
	if hint != "" {
		if color {
			hint = cyan + hint + unstyled
		}
		text += "\n  " + hint
	}
	return text, code
}

// unavailable names the first block that is not to be had, if any, and says whether nothing else went wrong.
func unavailable(err error) (c cid.Cid, all bool) {
	var source lang.Errors
	if errors.As(err, &source) {
		all = true
		for _, e := range source {
			first, only := unavailable(e.Cause)
			if !c.Defined() {
				c = first
			}
			all = all && only
		}
		return c, all
	}
	var gone *graph.NotFoundError
	if errors.As(err, &gone) {
		c = gone.CID
	}
	return c, errors.Is(err, graph.ErrNotFound) || errors.Is(err, graph.ErrDamaged)
}

// once is the text of an error, without what stands before the name of a missing block when that names it too.
func once(err error) string {
	text := err.Error()
	var gone *graph.NotFoundError
	if errors.As(err, &gone) {
		if before, rest, ok := strings.Cut(text, gone.Error()); ok && strings.Contains(before, gone.CID.String()) {
			return gone.Error() + rest
		}
	}
	return text
}

// wayIn is a line that says how a block comes into the store; "" for none.
func wayIn(c cid.Cid, color bool) string {
	if !c.Defined() {
		return ""
	}
	text := fmt.Sprintf("hint: with kubo: ipfs dag export %s > x.car, then rosser import x.car", c)
	if c.Prefix().Codec == cid.DagProtobuf { // as the root of a library is
		text += fmt.Sprintf("; a library also by rosser pull %s --peer ADDRESS", c)
	}
	if color {
		text = cyan + text + unstyled
	}
	return "\n  " + text
}

// Bug reports a panic that nothing should have caused.
func Bug(r any) int {
	fmt.Fprintf(os.Stderr, "rosser: this is a bug in rosser: %v\n%s", r, debug.Stack())
	return exitUser
}

// Interrupt ends a process that was interrupted and does not heed it. A store is whole at any moment.
func Interrupt() {
	fmt.Fprintln(os.Stderr, "rosser: interrupted")
	os.Exit(exitStopped)
}

const (
	shownBytes  = 40      // of a value in a message
	sourceBytes = 60      // of whose a claim is: the ID of a peer has 52
	errorBytes  = 1 << 12 // of the program's own message
)

// brief shows a value, cut. It visits no more of the value than it shows: shared parts may make that huge when written.
func brief(v graph.Value) string { return briefly(v, shownBytes) }

// briefly is brief, cut after n bytes.
func briefly(v graph.Value, n int) string {
	text, err := appendBrief(nil, v, n)
	if err != nil {
		return "a " + v.Kind().String()
	}
	return cut(string(text), n)
}

// cut shortens a text to n bytes, between two characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// appendBrief appends the DAG-JSON of v, and may leave out what comes after n bytes.
func appendBrief(dst []byte, v graph.Value, n int) ([]byte, error) {
	if len(dst) > n {
		return dst, nil
	}
	var err error
	between := byte(0)
	switch v.Kind() {
	case graph.KindText: // a character of many bytes is worth no more when it is written
		return graph.AppendJSON(dst, graph.Text(cut(v.Text(), n)), nil)
	case graph.KindBytes:
		return graph.AppendJSON(dst, graph.BytesValue(v.BytesAt(0, min(v.BytesLen(), n))), nil)
	case graph.KindList:
		between = '['
		v.List().Each(func(x graph.Value) bool {
			dst, err = appendBrief(append(dst, between), x, n)
			between = ','
			return err == nil && len(dst) <= n
		})
		if between == '[' {
			dst = append(dst, '[')
		}
		return append(dst, ']'), err
	case graph.KindMap:
		if key, _, ok := v.Map().Only(); ok && key == "/" {
			return graph.AppendJSON(dst, graph.MapValue(v.Map().Insert(key, graph.Int(0))), nil) // its error
		}
		between = '{'
		v.Map().Each(func(key string, x graph.Value) bool {
			if dst, err = appendBrief(append(dst, between), graph.Text(key), n); err == nil {
				dst, err = appendBrief(append(dst, ':'), x, n)
			}
			between = ','
			return err == nil && len(dst) <= n
		})
		if between == '{' {
			dst = append(dst, '{')
		}
		return append(dst, '}'), err
	}
	return graph.AppendJSON(dst, v, nil)
}

// programError is a program's error as it is shown: where, what, and the calls that led there. An error in code whose
// source is not at hand is shown where the program called it. Where nothing is at hand, as when a stopped run goes on, what the store
// has of the functions' sources is.
func (s *Session) programError(t *eval.Thrown, roots ...cid.Cid) error {
	at := func(c eval.Call) bool { return s.spot(c.Block, c.Index) != nil }
	if s.spot(t.Block, t.Index) == nil && !slices.ContainsFunc(t.Calls, at) {
		s.recall(t.Calls)
	}
	e := &shown{at: s.spot(t.Block, t.Index), why: s.explain(t.Err, s.fault(t))}
	calls := t.Calls
	for inside := ""; e.at == nil && len(calls) > 0; calls = calls[1:] {
		if inside == "" {
			inside = " (in " + s.nameOf(calls[0]) + ")"
			e.why.text += inside
		}
		e.at = s.spot(calls[0].Block, calls[0].Index)
	}
	for i := 0; e.at == nil && i < len(roots); i++ {
		e.at = s.spot(roots[i], 0)
	}
	if e.at == nil { // in none of them
		calls = t.Calls
	}
	if !t.Block.Defined() {
		e.why.notes = append(e.why.notes, "it is recorded; where it happened would take long to find out: rosser run or eval with --link none shows it")
	}
	e.calls = s.chain(calls, t.More)
	return e
}

// recall remembers where the code of functions came from, as far as the store has that.
func (s *Session) recall(calls []eval.Call) {
	for _, c := range calls {
		if libraryName(c.Fn) != "" {
			continue
		}
		a, ok := s.about(c.Fn)
		if !ok {
			continue
		}
		s.names[c.Fn] = a.Name
		file := &lang.File{Name: a.Name, Source: a.Source}
		for _, b := range a.Spans {
			if _, ok := s.places[b.Block]; ok { // a group is one block: the innermost of its functions counts
				continue
			}
			p := place{file: file}
			for _, span := range b.Spans {
				p.spans = append(p.spans, lang.Span{Start: span[0], End: span[1]})
			}
			s.places[b.Block] = p
		}
	}
}

// Failed is a program's error as an error that Describe shows.
// The roots are the code that was asked for: an error without any other place is shown at the first that has one.
func (s *Session) Failed(t *eval.Thrown, roots ...cid.Cid) error {
	return &failure{exitProgram, s.programError(t, roots...)}
}

// spot is the place of a node in source, or nil if that is not at hand.
func (s *Session) spot(block cid.Cid, index int) *lang.Error {
	p, ok := s.places[block]
	if !ok || index < 0 || index >= len(p.spans) || p.spans[index].End == 0 { // 0: of another function of its group
		return nil
	}
	return &lang.Error{File: p.file, Span: p.spans[index]}
}

// A shown is a program's error, ready to be shown.
type shown struct {
	at    *lang.Error // where; nil if that is not known
	why   explanation
	calls []string // a line each, innermost first
}

func (e *shown) Error() string { return e.render(false) }

func (e *shown) render(color bool) string {
	paint := func(style, text string) string {
		text = lang.Clean(text)
		if !color {
			return text
		}
		return style + text + unstyled
	}
	var b strings.Builder
	if e.at != nil {
		at := *e.at
		at.Message = e.why.text
		b.WriteString(strings.TrimRight(at.Render(color), "\n"))
	} else {
		b.WriteString(paint(bold, "error: "+e.why.text))
	}
	for _, note := range e.why.notes {
		b.WriteString("\n  " + lang.Clean(note))
	}
	if e.why.hint != "" {
		b.WriteString("\n  " + paint(cyan, "hint: "+e.why.hint))
	}
	for _, line := range e.calls {
		b.WriteString("\n  " + paint(dim, line))
	}
	return b.String()
}

// How parts of an error look on a terminal.
const (
	bold     = "\x1b[1m"
	dim      = "\x1b[2m"
	cyan     = "\x1b[36m"
	unstyled = "\x1b[0m"
)

// Bounds of a chain of calls that is shown.
const (
	maxCycle = 4  // calls that come again together
	maxChain = 10 // lines
)

// chain says which calls led to an error, innermost first. Calls that come again in the same order are shown once.
func (s *Session) chain(calls []eval.Call, more int) (lines []string) {
	same := func(a, b []eval.Call) bool {
		return slices.EqualFunc(a, b, func(x, y eval.Call) bool { return x.Fn == y.Fn && x.Index == y.Index && x.Block == y.Block })
	}
	for len(calls) > 0 && len(lines) < maxChain {
		period, turns := 1, 1
		for n := 2; n <= maxCycle; n++ {
			k := 1
			for (k+1)*n <= len(calls) && same(calls[:n], calls[k*n:(k+1)*n]) {
				k++
			}
			if k > 1 {
				period, turns = n, k
				break
			}
		}
		for _, c := range calls[:period] {
			line := "in " + s.nameOf(c)
			if at := s.spot(c.Block, c.Index); at != nil {
				row, col := lang.Position(at.File, at.Span.Start)
				line += fmt.Sprintf(", called at %s:%d:%d", at.File.Name, row, col)
			}
			if c.Times > 1 {
				line += fmt.Sprintf(", %d times in a row", c.Times)
			}
			lines = append(lines, line)
		}
		if turns > 1 {
			lines = append(lines, fmt.Sprintf("… these %d again, %s more", period, plural(turns-1, "time")))
		}
		calls = calls[period*turns:]
	}
	for _, c := range calls {
		more += c.Times
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("… and %s more", plural(more, "call")))
	}
	return lines
}

// nameOf is a function's name, or its CID.
func (s *Session) nameOf(c eval.Call) string {
	if name, ok := s.names[c.Fn]; ok {
		return name
	}
	if p, ok := s.places[c.Fn]; ok && len(p.spans) > 0 {
		line, _ := lang.Position(p.file, p.spans[0].Start)
		return fmt.Sprintf("a function at %s:%d", p.file.Name, line)
	}
	if name := libraryName(c.Fn); name != "" {
		return name
	}
	return c.Fn.String()
}
