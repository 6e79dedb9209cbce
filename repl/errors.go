// This file says how what went wrong is shown, and which exit code it has.

package repl

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
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

// A failure is an error with its exit code. Its text is printed as it stands.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Misuse is an error of the user's: flags, files, source.
func Misuse(err error) error { return &failure{exitUser, err} }

// Failed is an error with the exit code 1.
func Failed(err error) error { return &failure{exitProgram, err} }

func missing(format string, args ...any) error {
	return &failure{exitMissing, fmt.Errorf(format, args...)}
}

// Report prints an error to stderr and returns the exit code.
func Report(err error) int {
	if err == nil {
		return exitFine
	}
	var source lang.Errors
	if errors.As(err, &source) {
		color := terminal(os.Stderr)
		for _, e := range source {
			fmt.Fprintln(os.Stderr, strings.TrimRight(e.Render(color), "\n"))
		}
		return exitUser
	}
	code := exitUser
	var f *failure
	var stop *eval.Stop
	switch {
	case errors.As(err, &f):
		code = f.code
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
		fmt.Fprintln(os.Stderr, located.text)
	} else {
		fmt.Fprintln(os.Stderr, "rosser:", err)
	}
	return code
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
	shownBytes = 40      // of a value in a message
	errorBytes = 1 << 12 // of the program's own message
)

// brief shows a value, cut. It visits no more of the value than it shows: shared parts may make that huge when written.
func brief(v graph.Value) string {
	text, err := appendBrief(nil, v)
	if err != nil {
		return "a " + v.Kind().String()
	}
	return cut(string(text), shownBytes)
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

// appendBrief appends the DAG-JSON of v, and may leave out what comes after shownBytes.
func appendBrief(dst []byte, v graph.Value) ([]byte, error) {
	if len(dst) > shownBytes {
		return dst, nil
	}
	var err error
	between := byte(0)
	switch v.Kind() {
	case graph.KindText: // a character of many bytes is worth no more when it is written
		return graph.AppendJSON(dst, graph.Text(cut(v.Text(), shownBytes)), nil)
	case graph.KindBytes:
		return graph.AppendJSON(dst, graph.BytesValue(v.Bytes()[:min(len(v.Bytes()), shownBytes)]), nil)
	case graph.KindList:
		between = '['
		v.List().Each(func(x graph.Value) bool {
			dst, err = appendBrief(append(dst, between), x)
			between = ','
			return err == nil && len(dst) <= shownBytes
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
			if dst, err = appendBrief(append(dst, between), graph.Text(key)); err == nil {
				dst, err = appendBrief(append(dst, ':'), x)
			}
			between = ','
			return err == nil && len(dst) <= shownBytes
		})
		if between == '{' {
			dst = append(dst, '{')
		}
		return append(dst, '}'), err
	}
	return graph.AppendJSON(dst, v, nil)
}

// explain makes prose of a program's error.
func explain(e *eval.Error) string {
	field := func(key string) (graph.Value, bool) {
		if e.Value.Kind() != graph.KindMap {
			return graph.Value{}, false
		}
		return e.Value.Map().Get(key)
	}
	switch e.Kind {
	case "error":
		if e.Value.Kind() == graph.KindText {
			return cut(e.Value.Text(), errorBytes)
		}
		return "error " + brief(e.Value)
	case "wrong kind":
		got, ok := field("got")
		want, ok2 := field("want")
		if ok && ok2 && want.Kind() == graph.KindText {
			text := fmt.Sprintf("wrong kind: got %s %s, want %s", got.Kind(), brief(got), want.Text())
			if got.Kind() == graph.KindText && strings.Contains(want.Text(), "number") {
				text += " (parseInt and parseFloat read numbers from text)"
			}
			return text
		}
	case "no field":
		name, ok := field("field")
		in, ok2 := field("in")
		if ok && ok2 && name.Kind() == graph.KindText {
			text := fmt.Sprintf("no field: got %s, want one with the field %q", brief(in), cut(name.Text(), errorBytes))
			if in.Kind() == graph.KindMap {
				var keys []string
				in.Map().Each(func(key string, _ graph.Value) bool {
					keys = append(keys, key)
					return len(keys) < 10000
				})
				if s := lang.Suggest(name.Text(), keys); s != "" {
					text += hint(s)
				}
			}
			return text
		}
	case "no match":
		return "no match: no pattern fits " + brief(e.Value)
	case "not a function":
		return fmt.Sprintf("not a function: got %s %s", e.Value.Kind(), brief(e.Value))
	}
	return e.Kind + ": " + brief(e.Value)
}

// programError shows a program's error: where, what, and the calls that led there. An error in code whose source is not
// at hand is shown where the program called it.
func (s *Session) programError(t *eval.Thrown) error {
	var b strings.Builder
	at, inside := s.spot(t.Block, t.Index), ""
	calls := t.Calls
	for at == nil && len(calls) > 0 {
		if inside == "" {
			inside = " (in " + s.nameOf(calls[0]) + ")"
		}
		at = s.spot(calls[0].Block, calls[0].Index)
		calls = calls[1:]
	}
	if at != nil {
		at.Message = explain(t.Err) + inside
		b.WriteString(strings.TrimRight(at.Render(terminal(s.opt.Stderr)), "\n"))
	} else {
		b.WriteString("error: " + explain(t.Err) + inside)
	}
	for _, c := range calls {
		b.WriteString("\n  called in " + s.nameOf(c))
		if c.Times > 1 {
			fmt.Fprintf(&b, ", %d times in a row", c.Times)
		}
	}
	if t.More > 0 {
		fmt.Fprintf(&b, "\n  … and %d calls more", t.More)
	}
	return &shown{b.String()}
}

// spot is the place of a node in source, or nil if that is not at hand.
func (s *Session) spot(block cid.Cid, index int) *lang.Error {
	p, ok := s.places[block]
	if !ok || index < 0 || index >= len(p.spans) {
		return nil
	}
	return &lang.Error{File: p.file, Span: p.spans[index]}
}

// A shown is a program's error as it is printed.
type shown struct{ text string }

func (e *shown) Error() string { return e.text }

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
