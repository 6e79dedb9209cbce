// This file is the read-eval-print loop without its terminal: what an entry does, be it typed, pasted or piped.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/rivo/uniseg"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// A shell is a Session that somebody talks to.
type shell struct {
	*Session
	in    *os.File
	out   io.Writer // for values and what commands print
	errs  io.Writer
	color bool
	typed bool // somebody types: values have their line of figures, and are cut
	size  func() (width, height int)
	work  *workspace
	last  asked    // what was asked last
	files []string // that were loaded
	rest  *more    // what :more goes on with
	code  int      // of the last error
	quit  bool
	seen  map[cid.Cid]string // CIDs that were shown, for completion
}

// An asked is a question and its answer.
type asked struct {
	expr, result cid.Cid
	value        graph.Value
	ok           bool
}

// newShell makes a shell on a session.
func newShell(s *Session, out, errs io.Writer) *shell {
	s.scope = newBindings()
	sh := &shell{Session: s, in: os.Stdin, out: out, errs: errs, size: func() (int, int) { return 80, 24 }, seen: map[cid.Cid]string{}}
	sh.work = openWorkspace(s)
	return sh
}

// entry does what a text says, which may be several items and commands, until one of them is in error or leaves.
func (sh *shell) entry(ctx context.Context, text string) {
	for part := range parts(text) {
		if sh.quit {
			return
		}
		if !sh.part(ctx, part) {
			return
		}
	}
}

// part does one command or item, or several definitions that belong together, and says whether it went well. Ctrl-C stops it.
func (sh *shell) part(parent context.Context, text string) (ok bool) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt)
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(sh.errs, "rosser: this is a bug in rosser; the session goes on: %v\n%s", r, debug.Stack())
			sh.code, ok = exitUser, false
		}
	}()
	err := loading(func() error {
		if command, is := strings.CutPrefix(text, ":"); is {
			return sh.command(ctx, command)
		}
		return sh.evaluate(ctx, "input", text)
	})
	if err == nil {
		return true
	}
	var stopped *eval.Stop
	if sh.typed && errors.As(err, &stopped) && stopped.Reason == eval.Interrupted {
		fmt.Fprintln(sh.errs) // the terminal has written ^C
	}
	message, code := sh.Describe(err, sh.color)
	fmt.Fprintln(sh.errs, message)
	sh.code = code
	return false
}

// parts splits an entry: lines that begin with a colon are commands; of the items between them, definitions in a row are one
// part, so that they see each other. A name that is defined again begins a new part.
func parts(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var group strings.Builder
		names := map[string]bool{}
		flush := func() bool {
			defer clear(names)
			defer group.Reset()
			return group.Len() == 0 || yield(group.String())
		}
		for _, item := range lang.Split(text, ':') {
			if strings.TrimSpace(item) == "" {
				continue
			}
			if item[0] == ':' {
				if !flush() || !yield(item) {
					return
				}
				continue
			}
			f, wrong := lang.Parse("", []byte(item))
			if f.Body != nil || len(wrong) > 0 && len(f.Defs) == 0 {
				if !flush() || !yield(strings.TrimLeft(item, "\n")) {
					return
				}
				continue
			}
			defined := f.Names()
			if slices.ContainsFunc(defined, func(n string) bool { return names[n] }) && !flush() {
				return
			}
			for _, n := range defined {
				names[n] = true
			}
			group.WriteString(strings.TrimLeft(item, "\n") + "\n")
		}
		flush()
	}
}

// evaluate compiles a program, takes over what it defines and shows the value of its expression.
func (sh *shell) evaluate(ctx context.Context, name, src string) error {
	ctx, cancel := sh.within(ctx)
	defer cancel()
	began := time.Now()
	u, err := sh.compile(ctx, name, src)
	if err != nil {
		return err
	}
	if u.Body == nil {
		return nil
	}
	expr, err := sh.Apply(ctx, u, nil)
	if err != nil {
		return err
	}
	return sh.answerTo(ctx, expr, began)
}

// compile compiles a program in the session's scope, and takes over what it defines.
func (sh *shell) compile(ctx context.Context, name, src string) (*compile.Unit, error) {
	clear(sh.scope.looked)
	u, err := sh.Compile(ctx, name, []byte(src))
	if err != nil {
		return nil, err
	}
	if slices.Contains(u.File.Names(), "it") {
		return nil, Misuse(errors.New("`it` is the last value; take another name"))
	}
	if err := sh.keepAbout(ctx, u); err != nil {
		sh.warn("the store cannot be written: %v", err)
	}
	sh.define(u, name)
	return u, nil
}

// define takes over what a unit defines, and says so.
func (sh *shell) define(u *compile.Unit, from string) {
	looked := maps.Clone(sh.scope.looked)
	for _, d := range u.Defs {
		looked[d.Name] = d.CID
	}
	replaced := map[string]bool{}
	for _, d := range u.Defs {
		b := &binding{name: d.Name, term: d.Term, cid: d.CID, about: d.About}
		b.uses, b.ofIt = usesOf(d.About.Source, looked)
		delete(b.uses, d.Name)
		if from != "input" {
			b.file = from
		}
		if old := sh.scope.defs[d.Name]; old != nil {
			b.kept = old.kept && old.cid == b.cid
			replaced[d.Name] = old.cid != b.cid
		}
		sh.scope.bind(b)
		sh.seen[d.CID] = d.Name
		if sh.typed {
			fmt.Fprintf(sh.errs, "%s %s\n", sh.paint(styleName, d.Name), sh.paint(styleDim, "@"+d.CID.String()))
		}
	}
	for _, d := range u.File.Defs {
		p, ok := d.Pattern.(*lang.NamePat)
		if !ok || u.Modules[p.Name] == nil {
			continue
		}
		terms := u.Modules[p.Name]
		sh.scope.bind(&binding{name: p.Name, module: terms, about: graph.About{Name: p.Name, Source: u.File.Source[d.Start:d.End]}})
		if sh.typed {
			names := slices.Sorted(maps.Keys(terms))
			for i, name := range names {
				names[i] = p.Name + "." + name
			}
			width, _ := sh.size()
			fmt.Fprintf(sh.errs, "%s %s\n", sh.paint(styleName, p.Name), sh.paint(styleDim, clip(strings.Join(names, " "), max(width-len(p.Name)-1, 20))))
		}
	}
	if !sh.typed {
		return
	}
	for name, changed := range replaced {
		if !changed {
			delete(replaced, name)
		}
	}
	if len(replaced) > 0 {
		sh.noteStale()
	}
}

// noteStale lists what still means old definitions.
func (sh *shell) noteStale() {
	var old []string
	for _, b := range sh.scope.stale() {
		old = append(old, b.name)
	}
	if len(old) > 0 {
		fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%s still %s what was there before; :update recompiles",
			strings.Join(old, ", "), map[bool]string{true: "uses", false: "use"}[len(old) == 1])))
	}
}

// answerTo reduces an expression and shows its value, which becomes `it`.
func (sh *shell) answerTo(ctx context.Context, expr cid.Cid, began time.Time) error {
	out, v, err := sh.reduce(ctx, expr)
	if err != nil {
		return err
	}
	took := time.Since(began)
	sh.setIt(v)
	sh.last = asked{expr, out.Result, v, true}
	sh.seen[expr] = "asked here"
	if out.Result.Defined() {
		sh.seen[out.Result] = "a result"
	}
	if err := sh.show(ctx, v); err != nil {
		return err
	}
	sh.figures(expr, out, took)
	return nil
}

// reduce evaluates an expression and forces the root of its value.
func (sh *shell) reduce(ctx context.Context, expr cid.Cid) (eval.Outcome, graph.Value, error) {
	type answer struct {
		out eval.Outcome
		v   graph.Value
	}
	got := make(chan answer, 1) // from a goroutine that may be left to itself
	err := sh.heed(ctx, func(m *eval.Machine) error {
		out, err := sh.Evaluate(ctx, expr)
		if err != nil {
			return err
		}
		if out.Error != nil {
			return sh.Failed(sh.located(ctx, expr, out), expr)
		}
		v, thrown, err := m.Look(ctx, out.Value)
		if err == nil && thrown != nil {
			err = sh.Failed(thrown, expr)
		}
		got <- answer{out, v}
		return err
	})
	if err != nil {
		return eval.Outcome{}, graph.Value{}, err
	}
	a := <-got
	out, v := a.out, a.v
	sh.sayClaims(out)
	return out, v, nil
}

// patience is how long an evaluation that was stopped has to notice it.
const patience = 700 * time.Millisecond

// heed runs f, which uses the machine. When f does not end soon after ctx, as in one operation on a huge number, it is left
// to itself with its machine, and the session goes on with another one.
func (sh *shell) heed(ctx context.Context, f func(*eval.Machine) error) error {
	sh.Renew()
	m := sh.machine
	done := make(chan error, 1)
	var bug any
	go func() {
		defer func() {
			if bug = recover(); bug != nil {
				done <- nil
			}
		}()
		done <- f(m)
	}()
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(patience, func() { close(late) }) })
	defer stop()
	select {
	case err := <-done:
		if bug != nil {
			panic(bug)
		}
		return err
	case <-late:
		sh.machine = sh.newMachine()
		return &failure{exitStopped, errors.New("interrupted; what was running does not look up and is left to itself")}
	}
}

// setIt makes a value what `it` means.
func (sh *shell) setIt(v graph.Value) {
	sh.scope.bind(&binding{name: "it", term: sh.valueTerm(v)})
	b := sh.scope.defs["it"]
	b.cid = graph.EncodeCode(b.term, sh.Session.sink()).CID
}

// valueTerm is code for a value.
func (s *Session) valueTerm(v graph.Value) *graph.Term {
	switch v.Kind() {
	case graph.KindFn, graph.KindLazy:
		t, err := graph.LoadCode(graph.ValueBlock(v, s.sink()), s.Load)
		if err == nil && t.Op == graph.OpPrim {
			return t
		}
		return &graph.Term{Op: graph.OpRef, CID: graph.ValueBlock(v, s.sink())}
	}
	return &graph.Term{Op: graph.OpLit, Value: v}
}

// figures is the line after a value.
func (sh *shell) figures(expr cid.Cid, out eval.Outcome, took time.Duration) {
	if !sh.typed {
		return
	}
	width, _ := sh.size()
	duration := timeText(took)
	line := fmt.Sprintf("%s · %s · %s reduced, %d reused", duration, plural64(out.Steps, "step"), plural64(out.Reduced, "call"), out.Reused)
	cids := func(text func(cid.Cid) string) string {
		if !out.Result.Defined() {
			return text(expr)
		}
		return text(expr) + " → " + text(out.Result)
	}
	// Where the line is broken does not depend on how long things take.
	fits := func(line string) bool {
		const widest = len("123.4ms")
		return uniseg.StringWidth(line)-uniseg.StringWidth(duration)+widest <= width
	}
	if long := cids(func(c cid.Cid) string { return "@" + c.String() }) + " · " + line; fits(long) {
		line = long
	} else if short := cids(shortCID) + " · " + line; fits(short) {
		line = short
	} else {
		line = cids(shortCID) + "\n" + line
	}
	fmt.Fprintln(sh.errs, sh.paint(styleDim, line))
}

// shortCID is enough of a CID to complete it.
func shortCID(c cid.Cid) string {
	text := c.String()
	return "@" + text[:min(len(text), 14)] + "…"
}

// timeText is a duration in three digits or so.
func timeText(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func plural64(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", thousands(n), what)
}

// load defines what a file defines, and evaluates its expression.
func (sh *shell) load(ctx context.Context, path string) error {
	src, err := sh.opt.readSource(path)
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return Misuse(err)
	}
	clear(sh.imports) // what is imported may have changed too
	before := len(sh.scope.defs)
	if err := sh.evaluate(ctx, path, string(src)); err != nil {
		return err
	}
	if !slices.Contains(sh.files, abs) {
		sh.files = append(sh.files, abs)
	}
	if !sh.typed {
		return nil
	}
	fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%s loaded, %d new", path, len(sh.scope.defs)-before)))
	return nil
}

// update compiles again what still means old definitions, all of it together.
func (sh *shell) update(ctx context.Context, only []string) error {
	stale := sh.scope.stale()
	if len(only) > 0 {
		for _, name := range only {
			if sh.scope.defs[name] == nil {
				return Misuse(fmt.Errorf("%s is not defined here", lang.Cut(name)))
			}
		}
		stale = slices.DeleteFunc(stale, func(b *binding) bool { return !slices.Contains(only, b.name) })
	}
	var made []string
	for _, b := range stale {
		if b.ofIt {
			made = append(made, b.name)
		}
	}
	if len(made) > 0 {
		fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("made of `it`, so to be defined again by hand: %s", strings.Join(made, ", "))))
		stale = slices.DeleteFunc(stale, func(b *binding) bool { return b.ofIt })
	}
	if len(stale) == 0 {
		fmt.Fprintln(sh.errs, sh.paint(styleDim, "nothing to update"))
		return nil
	}
	var src strings.Builder
	said := map[string]bool{}
	for _, b := range stale {
		if text := b.source(); !said[text] { // the names of one pattern have one source
			said[text] = true
			src.WriteString(text + "\n")
		}
	}
	_, err := sh.compile(ctx, "input", src.String())
	return err
}
