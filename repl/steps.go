// This file shows a reduction step by step: `:steps EXPR`, and the same for a pipe.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/lang"
)

// Steps is a walk through the reduction of an expression, with its text. It stands at a term; Next and Back move it.
type Steps struct {
	s    *Session
	walk *eval.Walk
	syntax
}

// A StepView is a term in a reduction, as it is shown.
type StepView struct {
	Text  string
	Redex lang.Span // in Text: what is reduced next, empty at the end
	Rule  string    // what will be done to it: "call fib", "*", "if"; "" at the end
	Last  string    // what led here, "" at the start
	Pos   int       // steps taken
	End   bool      // the term is a value or an error
	Error bool      // it is an error
	Total uint64    // at the end: the steps that the expression takes, as the machine counts them
}

// Steps begins a walk through the reduction of a compiled expression. It evaluates within the session's limits, on a machine of its
// own, links nothing and uses no result.
func (s *Session) Steps(expr cid.Cid) *Steps {
	st := &Steps{s: s}
	st.syntax = newSyntax(s)
	st.walk = eval.NewWalk(eval.Options{
		Store: s.trust, Load: s.Load, Believe: s.believe, Fuel: s.opt.Fuel, Memory: s.memory,
	}, expr, func(c cid.Cid) bool { return st.known(c) != "" })
	return st
}

// Next takes a step forwards. It is false at the end. After an error, such as an interrupt, the walk stands where it stood.
func (st *Steps) Next(ctx context.Context) (bool, error) {
	_, ok, err := st.walk.Next(ctx)
	return ok, err
}

// Pos is how many steps have been taken.
func (st *Steps) Pos() int { return st.walk.Pos() }

// Back takes a step backwards. It is false at the start.
func (st *Steps) Back() bool {
	_, ok := st.walk.Back()
	return ok
}

// View shows the term where the walk stands, in at most so many lines of so many columns, cut around its redex. To know the redex
// it reduces one step ahead; where that fails it gives the error, and the view is without one.
func (st *Steps) View(ctx context.Context, width, lines int) (StepView, error) {
	v := StepView{Pos: st.walk.Pos()}
	if s, ok := st.walk.Back(); ok {
		v.Last = st.rule(&s)
		st.walk.Next(ctx)
	}
	step, more, err := st.walk.Next(ctx)
	st.begin()
	var e lang.Expr
	switch {
	case more:
		st.walk.Back()
		v.Rule = st.rule(&step)
		e = st.around(&step)
	case err != nil:
		if s, ok := st.walk.Back(); ok {
			st.walk.Next(ctx)
			e = st.whole(st.node(&s.Reduct), s.Then)
		} else {
			n := st.walk.Start()
			e = st.node(&n)
		}
	default:
		n, total, _ := st.walk.End()
		e, v.End, v.Error, v.Total = st.node(&n), true, n.Err != nil, total
	}
	text := lang.PrintLine(e)
	if lines > 1 && columnsOf(text) > width {
		text = lang.PrintWidth(e, width)
	}
	v.Text, v.Redex = marked(text)
	if lines <= 1 {
		v.Text, v.Redex = cutAround(v.Text, v.Redex, width)
	} else {
		v.Text, v.Redex = linesAround(v.Text, v.Redex, width, lines)
	}
	return v, err
}

// around is the whole term with the redex of a step marked.
func (st *Steps) around(s *eval.Step) lang.Expr {
	e := st.node(&s.Redex)
	f := s.In
	for ; f != s.At; f = f.Up {
		e = st.frame(f, e)
	}
	return st.whole(&lang.Mark{Arg: e, On: true}, f)
}

// maxFrames is how many terms around a redex are written.
const maxFrames = 40

// whole puts a piece of syntax into its frames.
func (st *Steps) whole(e lang.Expr, f *eval.Frame) lang.Expr {
	n := 0
	for ; f != nil; f = f.Up {
		if !f.Seen() {
			continue
		}
		if n++; n > maxFrames {
			return &lang.Apply{Fn: ellipsis, Args: []lang.Expr{&lang.Mark{Arg: e}}}
		}
		e = st.frame(f, e)
	}
	return e
}

// rule says what a step did.
func (st *Steps) rule(s *eval.Step) string {
	text := s.Rule.String()
	switch s.Rule {
	case eval.RuleCall:
		if name := st.called(s.Fn); name != "" {
			text += " " + name
		}
	case eval.RulePrim, eval.RuleUnfold:
		text = operatorOrName(s.Prim)
	case eval.RuleRaise:
		if text = "raise"; s.Reduct.Err == nil {
			text = "try"
		}
	case eval.RuleName, eval.RuleForce, eval.RuleKnown:
		if name := st.called(s.Fn); s.Fn.Defined() && name != "" {
			text += " " + name
		}
	case eval.RuleGet:
		text = lang.PrintLine(&lang.Accessor{Keys: []string{s.Redex.Term.Name}})
		text = strings.Trim(text, "()")
	}
	if s.Rule == eval.RulePrim && s.Steps > 0 {
		text += ", " + stepCount(s.Steps)
	}
	return text
}

func stepCount(steps uint64) string {
	if steps == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", steps)
}

// ruleColumn is where the rules stand behind terms.
const ruleColumn = 60

// WriteSteps writes a reduction, a term a line and behind it what led there, at most so many steps.
func (s *Session) WriteSteps(ctx context.Context, w io.Writer, expr cid.Cid, width, most int) error {
	st := s.Steps(expr)
	for {
		v, err := st.View(ctx, width, 1)
		line := v.Text
		if v.Pos > 0 {
			line = "=> " + line
			line += strings.Repeat(" ", max(4, min(ruleColumn, width-20)-columnsOf(line))) + v.Last
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
		var stop *eval.Stop
		switch {
		case errors.As(err, &stop):
			return err
		case err != nil:
			_, err := fmt.Fprintln(w, "…", err)
			return err
		case v.End:
			_, err := fmt.Fprintln(w, stepCount(v.Total))
			return err
		case v.Pos == most:
			_, err := fmt.Fprintln(w, "… more")
			return err
		}
		if _, err := st.Next(ctx); err != nil {
			return err
		}
	}
}

// marked takes the mark out of a text.
func marked(text string) (string, lang.Span) {
	before, rest, ok := strings.Cut(text, lang.MarkStart)
	if !ok {
		return text, lang.Span{}
	}
	redex, after, _ := strings.Cut(rest, lang.MarkEnd)
	return before + redex + after, lang.Span{Start: len(before), End: len(before) + len(redex)}
}

func columnsOf(text string) int { return utf8.RuneCountInString(text) }

// cutAround cuts a line to so many columns, so that as much as can be of the span and of what is on both sides of it stays.
func cutAround(text string, span lang.Span, width int) (string, lang.Span) {
	width = max(width, 20)
	if columnsOf(text) <= width {
		return text, span
	}
	before, redex, after := []rune(text[:span.Start]), []rune(text[span.Start:span.End]), []rune(text[span.End:])
	if most := width - width/4; len(redex) > most {
		redex = append(redex[:most-1:most-1], '…')
	}
	room := width - len(redex)
	left := min(len(before), max(room/2, room-len(after)))
	right := min(len(after), room-left)
	if left < len(before) {
		before = before[len(before)-left:]
		if left > 0 {
			before[0] = '…'
		}
	}
	if right < len(after) {
		after = after[:right]
		if right > 0 {
			after[right-1] = '…'
		}
	}
	text = string(before) + string(redex)
	return text + string(after), lang.Span{Start: len(string(before)), End: len(text)}
}

// linesAround keeps so many lines around the beginning of the span, and so many columns of each.
func linesAround(text string, span lang.Span, width, lines int) (string, lang.Span) {
	all := strings.Split(text, "\n")
	at := strings.Count(text[:span.Start], "\n")
	from := max(0, min(at-lines/2, len(all)-lines))
	to := min(len(all), from+lines)
	var b strings.Builder
	out, offset := lang.Span{Start: -1}, 0
	for i, line := range all {
		start, end := max(span.Start-offset, 0), min(span.End-offset, len(line))
		covered := start < end
		offset += len(line) + 1
		if i < from || i >= to {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if (i == from && from > 0) || (i == to-1 && to < len(all)) {
			if i != at {
				line = "…"
				if start, end = 0, 0; covered {
					end = len(line)
				}
			}
		}
		if start > end {
			start, end = len(line), len(line)
		}
		inside := start < end && end <= len(line)
		if !inside {
			start, end = 0, 0
		}
		cut, s := cutAround(line, lang.Span{Start: start, End: end}, width)
		if inside {
			if out.Start < 0 {
				out.Start = b.Len() + s.Start
			}
			out.End = b.Len() + s.End
		}
		b.WriteString(cut)
	}
	if out.Start < 0 {
		out = lang.Span{}
	}
	return b.String(), out
}
