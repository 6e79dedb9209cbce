// This file runs tests: definitions whose names begin with test_, and the examples in documentation.
//
// A test's result is recorded in the store like any other, under the CID of its expression. So a test is reduced again
// only when something changed that it depends on: then it is another expression. What is left of a file in which nothing
// changed is to compile it and to look the results up; its code is not even put into the store again.

package repl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
)

const testPrefix = "test_"

// Test is `rosser test`: it runs the tests of files, and of those below folders, whose name holds filter.
func Test(ctx context.Context, o Options, paths []string, filter string) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	once := func(ctx context.Context, o Options) error {
		began := time.Now()
		files, err := testFiles(ctx, &o, paths)
		if err != nil {
			return err
		}
		return with(o, func(s *Session) error {
			s.held, s.kept = map[cid.Cid][]byte{}, map[cid.Cid]bool{}
			t := &suite{s: s, filter: filter, color: terminal(s.out.Writer), notes: map[string]bool{}}
			return t.run(ctx, files, began)
		})
	}
	if o.Watch {
		if o.Stdout == nil {
			o.Stdout = os.Stdout
		}
		return watch(ctx, o, o.Stdout, once)
	}
	return once(ctx, o)
}

// testFiles are the .ros files that paths name: a folder stands for those in it and below it, what is hidden left out.
func testFiles(ctx context.Context, o *Options, paths []string) ([]string, error) {
	var files []string
	seen := map[string]bool{}
	add := func(path string) {
		if path = filepath.Clean(path); !seen[path] {
			seen[path] = true
			files = append(files, path)
		}
	}
	for _, path := range paths {
		if path == "-" {
			return nil, Misuse(errors.New("tests are read from files, not from standard input"))
		}
		info, err := os.Stat(path)
		if err != nil {
			o.notice(path)
			return nil, Misuse(err)
		}
		if !info.IsDir() {
			add(path)
			continue
		}
		root := strings.TrimRight(path, "/") + "/" // what a link to a folder leads to
		err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			switch {
			case err == nil && ctx.Err() != nil:
				return ctx.Err()
			case err != nil && p == root:
				return err
			case err != nil: // it is gone, or not ours to read
				return nil
			case d.IsDir():
				if p != root && (strings.HasPrefix(d.Name(), ".") || same(p, o.Store)) {
					return fs.SkipDir
				}
				o.notice(p)
			case strings.HasSuffix(p, ".ros"):
				add(p)
			}
			return nil
		})
		if ctx.Err() != nil {
			return nil, &failure{exitStopped, errors.New("interrupted")}
		}
		if err != nil {
			return nil, Misuse(err)
		}
	}
	return files, nil
}

// same says whether two paths are of one folder.
func same(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// A suite runs tests and counts how they went.
type suite struct {
	s      *Session
	filter string
	color  bool

	passed, unchanged int
	failed            []string // where and what, of those that are told again at the end
	failures          int
	mistakes          int // in source
	stopped, missing  int
	left              int             // not run
	notes             map[string]bool // whose claims were used
}

// A check is one test or example.
type check struct {
	name  string
	file  *lang.File
	unit  *compile.Unit
	at    lang.Span
	def   *lang.Def // of a test
	trial *trial    // of an example
	code  *compile.Def

	known  bool // the result is recorded
	answer graph.Result
	claim  string
}

func (t *suite) run(ctx context.Context, files []string, began time.Time) error {
	limited, cancel := t.s.within(ctx)
	defer cancel()
	var halt error
	for i, file := range files {
		if halt = t.file(limited, file); halt != nil {
			if i < len(files)-1 {
				fmt.Fprintf(t.s.opt.Stdout, "%d files were not looked at\n", len(files)-1-i)
			}
			break
		}
	}
	for by := range t.notes {
		t.s.sayClaim("some of these results are claims", by)
	}
	if len(t.failed) > 1 {
		fmt.Fprintf(t.s.opt.Stdout, "\n%s\n", strings.Join(t.failed, "\n"))
	}
	if t.failures+t.mistakes+t.stopped+t.missing > 0 {
		fmt.Fprintln(t.s.opt.Stdout)
	}
	fmt.Fprintln(t.s.opt.Stdout, t.summary(time.Since(began)))
	total := t.passed + t.failures + t.stopped + t.missing
	switch {
	case halt != nil:
		return halt
	case t.mistakes > 0:
		return &failure{exitUser, nil}
	case t.stopped > 0:
		return &failure{exitStopped, nil}
	case t.missing > 0:
		return &failure{exitMissing, nil}
	case t.failures > 0:
		return &failure{exitProgram, nil}
	case total == 0:
		if t.filter != "" {
			return Misuse(fmt.Errorf("no test and no example has a name with %q", t.filter))
		}
		return Misuse(fmt.Errorf("there are no tests: got no definition that begins with %s, and no example in documentation", testPrefix))
	}
	return nil
}

// summary is the last line.
func (t *suite) summary(took time.Duration) string {
	text := fmt.Sprintf("%d passed", t.passed)
	if t.unchanged > 0 {
		text += fmt.Sprintf(" (%d unchanged)", t.unchanged)
	}
	for _, part := range []struct {
		n    int
		what string
	}{{t.failures, "failed"}, {t.stopped, "stopped"}, {t.missing, "without a block that they need"}, {t.left, "not run"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	if t.mistakes > 0 {
		text += ", " + plural(t.mistakes, "mistake") + " in the source"
	}
	return t.paint(t.failures+t.mistakes+t.stopped+t.missing == 0, text) + fmt.Sprintf(", %.1f s", took.Seconds())
}

// paint is a text in green or red.
func (t *suite) paint(good bool, text string) string {
	switch {
	case !t.color:
		return text
	case good:
		return "\x1b[32m" + text + "\x1b[0m"
	}
	return "\x1b[31m" + text + "\x1b[0m"
}

// file runs the tests of one file. The error is one that ends everything.
func (t *suite) file(ctx context.Context, path string) error {
	s := t.s
	u, err := t.compile(ctx, path)
	var wrong lang.Errors
	if errors.As(err, &wrong) {
		t.mistake(wrong)
		return nil
	}
	if err != nil {
		return err
	}
	checks, err := t.checks(ctx, u)
	if err != nil {
		return err
	}
	if s.opt.Link != "none" {
		t.lookUp(ctx, checks)
	}
	var todo []cid.Cid
	for _, c := range checks {
		if !c.known {
			todo = append(todo, c.code.CID)
		}
	}
	if err := s.keep(ctx, u, todo); err != nil {
		s.warn("the store cannot be written: %v", err)
	}
	for i, c := range checks {
		if err := t.check(ctx, c); err != nil {
			t.left += len(checks) - i
			return err
		}
	}
	return nil
}

// compile compiles a file, unless it was compiled already because another one imports it.
func (t *suite) compile(ctx context.Context, path string) (*compile.Unit, error) {
	s := t.s
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, Misuse(err)
	}
	if u := s.imports[abs]; u != nil {
		return u, nil
	}
	src, err := s.opt.readSource(path)
	if err != nil {
		return nil, err
	}
	u, err := s.translate(ctx, path, src)
	if err != nil {
		return nil, err
	}
	s.hold(u)
	s.imports[abs] = u
	return u, nil
}

// hold keeps a unit's code at hand, beside the store.
func (s *Session) hold(u *compile.Unit) {
	for _, b := range u.Blocks {
		s.held[b.CID] = b.Data
	}
}

// keep puts into the store what is held of the code below roots, and what the unit's file says of it.
func (s *Session) keep(ctx context.Context, u *compile.Unit, roots []cid.Cid) error {
	if len(roots) == 0 || s.opt.Link == "none" {
		return nil
	}
	kept := map[cid.Cid]bool{}
	for len(roots) > 0 {
		c := roots[len(roots)-1]
		roots = roots[:len(roots)-1]
		data, ok := s.held[c]
		if !ok || s.kept[c] {
			continue
		}
		s.kept[c], kept[c] = true, true
		if err := s.store.Put(ctx, graph.Block{CID: c, Data: data}); err != nil {
			return err
		}
		links, err := codec.Links(c.Prefix().Codec, data)
		if err != nil {
			return err
		}
		roots = append(roots, links...)
	}
	written := &compile.Unit{}
	for _, d := range u.Defs {
		if kept[d.CID] {
			written.Defs = append(written.Defs, d)
		}
	}
	return s.keepAbout(ctx, written)
}

// mistake shows what is wrong with source.
func (t *suite) mistake(wrong lang.Errors) {
	t.mistakes += len(wrong)
	for _, e := range wrong {
		fmt.Fprintln(t.s.opt.Stdout, strings.TrimRight(e.Render(t.color), "\n"))
	}
}

// checks are a file's tests and examples, in the order of their places.
func (t *suite) checks(ctx context.Context, u *compile.Unit) ([]*check, error) {
	var checks []*check
	defs := map[lang.Span]*lang.Def{}
	for _, d := range u.File.Defs {
		defs[d.Span] = d
	}
	for i := range u.Defs {
		d := &u.Defs[i]
		if strings.HasPrefix(d.Name, testPrefix) && strings.Contains(d.Name, t.filter) {
			checks = append(checks, &check{name: d.Name, file: u.File, unit: u, at: d.Span, def: defs[d.Span], code: d})
		}
	}
	list := slices.DeleteFunc(examples(u.File), func(e example) bool { return !strings.Contains(e.def, t.filter) })
	trials, err := t.s.trials(ctx, u, list)
	if err != nil {
		return nil, err
	}
	for i := range trials {
		e := &trials[i]
		if e.wrong != nil {
			t.mistake(e.wrong)
			continue
		}
		checks = append(checks, &check{name: "example of " + e.def, file: u.File, unit: u, at: e.at, trial: e, code: e.equal})
	}
	slices.SortStableFunc(checks, func(a, b *check) int { return a.at.Start - b.at.Start })
	return checks, nil
}

// lookUp finds the results that are recorded. It goes by CID, as the database does, so that what is read from the disk at
// once is needed at once.
func (t *suite) lookUp(ctx context.Context, checks []*check) {
	var list []*check
	for _, c := range checks {
		if c.code.Term.Op == graph.OpRef {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *check) int { return strings.Compare(a.code.CID.KeyString(), b.code.CID.KeyString()) })
	var done sync.WaitGroup
	parts := 4 * runtime.GOMAXPROCS(0) // another process may have to be asked
	for part := range slices.Chunk(list, len(list)/parts+1) {
		done.Go(func() {
			for _, c := range part {
				if ctx.Err() == nil {
					t.recorded(ctx, c)
				}
			}
		})
	}
	done.Wait()
}

func (t *suite) recorded(ctx context.Context, c *check) {
	a, ok, err := t.s.trust.Recorded(ctx, c.code.CID)
	if err != nil || !ok || a.By != eval.Own && !t.s.believe(a.By) {
		return
	}
	if c.answer, err = eval.LoadAnswer(a, t.s.Load); err != nil {
		return // what cannot be read is reduced again, which drops the record
	}
	c.known = true
	t.s.store.Count(store.Usage{Found: 1, Spared: c.answer.Steps})
	if !a.Own() {
		c.claim = a.By
	}
}

// check runs one test. The error is one that ends everything.
func (t *suite) check(ctx context.Context, c *check) error {
	out := eval.Outcome{Value: c.answer.Value, Steps: c.answer.Steps, Claim: c.claim}
	var err error
	switch {
	case c.known && c.answer.Error != nil:
		out.Error = &eval.Thrown{Err: &eval.Error{Kind: c.answer.Error.Kind, Value: c.answer.Error.Value}}
	case c.known:
	case c.code.Term.Op == graph.OpLit:
		out.Value = c.code.Term.Value
	default:
		t.s.Renew()
		out, err = t.s.Evaluate(ctx, c.code.CID)
	}
	if by := cmp.Or(out.Claim, out.Rests); by != "" {
		t.notes[by] = true
	}
	if k := out.Value.Kind(); err == nil && out.Error == nil && (k == graph.KindLazy || k == graph.KindLink) {
		out.Value, out.Error, err = t.s.machine.Look(ctx, out.Value)
	}
	if err == nil && out.Error == nil && out.Value.Kind() == graph.KindBool && out.Value.Bool() {
		t.passed++
		if c.known {
			t.unchanged++
		}
		return nil
	}
	var stop *eval.Stop
	if err != nil {
		switch {
		case !errors.As(err, &stop):
			return err
		case ctx.Err() != nil || stop.Reason == eval.Deadline || stop.Reason == eval.Interrupted:
			t.head(c, "stopped")
			t.indented(stop.Error())
			t.stopped++
			t.left-- // it is not among those that were not begun
			return &failure{exitStopped, nil}
		case stop.Reason == eval.Missing:
			t.head(c, "cannot be run")
			t.missing++
		default:
			t.head(c, "stopped")
			t.stopped++
		}
		t.indented(stop.Error())
		return nil
	}
	t.head(c, "failed")
	t.failures++
	t.explain(ctx, c, out)
	return nil
}

const toldAgain = 20 // failures that are named again at the end

// head begins the report of a test that did not pass.
func (t *suite) head(c *check, how string) {
	line, _ := lang.Position(c.file, c.at.Start)
	place := fmt.Sprintf("%s:%d", c.file.Name, line)
	fmt.Fprintf(t.s.opt.Stdout, "%s: %s %s\n", place, c.name, t.paint(false, how))
	switch again := place + ": " + c.name + " " + how; {
	case len(t.failed) < toldAgain:
		t.failed = append(t.failed, again)
	case len(t.failed) == toldAgain:
		t.failed = append(t.failed, "…")
	}
}

func (t *suite) indented(text string) {
	fmt.Fprintln(t.s.opt.Stdout, "  "+strings.ReplaceAll(text, "\n", "\n  "))
}

// explain shows why a test failed.
func (t *suite) explain(ctx context.Context, c *check, out eval.Outcome) {
	if out.Error != nil {
		expected, actual, ok := unequal(out.Error.Err)
		if !ok {
			text, _ := describe(t.s.programError(t.s.located(ctx, c.code.CID, out), c.code.CID), t.color)
			t.indented(text)
			return
		}
		t.source(c)
		t.difference(ctx, "expected", "actual", expected, actual)
		return
	}
	t.source(c)
	if c.trial != nil {
		actual, ok := t.side(ctx, c.trial.program)
		expected, ok2 := t.side(ctx, c.trial.want)
		if ok && ok2 {
			t.difference(ctx, "expected", "actual", expected, actual)
		}
		return
	}
	switch v := out.Value; {
	case v.Kind() == graph.KindFn:
		t.indented("got a function, want true: a test has no parameters")
	case v.Kind() != graph.KindBool:
		t.indented("got " + briefly(v, diffBytes) + ", want true")
	default:
		t.untrue(ctx, c)
	}
}

// unequal is what Test.equal and Test.fails say of a failure.
func unequal(e *eval.Error) (expected, actual graph.Value, ok bool) {
	if e.Kind != "test failed" || e.Value.Kind() != graph.KindMap {
		return expected, actual, false
	}
	expected, ok = e.Value.Map().Get("expected")
	actual, ok2 := e.Value.Map().Get("actual")
	return expected, actual, ok && ok2
}

const sourceLines = 8 // of a failing expression that are shown

// source shows the failing expression.
func (t *suite) source(c *check) {
	text := ""
	if c.trial != nil {
		for i, l := range c.trial.example.program {
			if i > 0 {
				text += "\n"
			}
			text += l.text
		}
	} else if c.def != nil {
		at := c.def.Value.Where()
		lineStart := strings.LastIndexByte(c.file.Source[:at.Start], '\n') + 1
		text = outdented(c.file.Source[at.Start:at.End], at.Start-lineStart)
	}
	t.excerpt(text)
}

// excerpt shows the first lines of some source.
func (t *suite) excerpt(text string) {
	lines := strings.Split(text, "\n")
	if len(lines) > sourceLines {
		lines = append(lines[:sourceLines], "…")
	}
	for _, l := range lines {
		t.indented(lang.Clean(cut(l, diffBytes)))
	}
}

// outdented takes up to n spaces from the lines after the first.
func outdented(text string, n int) string {
	lines := strings.Split(text, "\n")
	for _, l := range lines[1:] {
		if strings.TrimSpace(l) != "" {
			n = min(n, len(l)-len(strings.TrimLeft(l, " ")))
		}
	}
	for i, l := range lines {
		if i > 0 {
			lines[i] = l[min(n, len(l)-len(strings.TrimLeft(l, " "))):]
		}
	}
	return strings.Join(lines, "\n")
}

// side evaluates one side of a comparison, for showing it.
func (t *suite) side(ctx context.Context, d *compile.Def) (graph.Value, bool) {
	if d.Term.Op == graph.OpLit {
		return d.Term.Value, true
	}
	out, err := t.s.Evaluate(ctx, d.CID)
	if err != nil {
		t.indented(err.Error())
		return graph.Value{}, false
	}
	if out.Error != nil {
		text, _ := describe(t.s.programError(t.s.located(ctx, d.CID, out), d.CID), t.color)
		t.indented(text)
		return graph.Value{}, false
	}
	return out.Value, true
}

// difference shows how two values differ.
func (t *suite) difference(ctx context.Context, first, second string, a, b graph.Value) {
	found, more := diff(a, b, func(v graph.Value) graph.Value {
		if inside, thrown, err := t.s.machine.Look(ctx, v); err == nil && thrown == nil {
			return inside
		}
		return v
	})
	if len(found) == 0 {
		t.indented("the values differ far from where they begin: " + briefly(a, diffBytes))
		return
	}
	t.indented(t.paint(false, "- "+first) + "  " + t.paint(true, "+ "+second))
	for _, d := range found {
		if d.path != "" {
			t.indented(d.path)
		}
		for _, l := range d.first {
			t.indented(t.paint(false, "- "+l))
		}
		for _, l := range d.second {
			t.indented(t.paint(true, "+ "+l))
		}
	}
	if more > 0 {
		t.indented(fmt.Sprintf("… and %d differences more", more))
	}
}

// untrue shows why a test is false: of the comparison that it consists of, or of the first false one of several joined by &&, both
// sides.
func (t *suite) untrue(ctx context.Context, c *check) {
	if c.def == nil || len(c.def.Params) > 0 {
		t.indented("it is false")
		return
	}
	var lets []*lang.Let // around the expression
	parts := conjuncts(c.def.Value, &lets)
	within := func(e lang.Expr) lang.Expr {
		for _, l := range slices.Backward(lets) {
			e = &lang.Let{Span: l.Span, Defs: l.Defs, Body: e}
		}
		return e
	}
	for _, e := range parts {
		if len(parts) > 1 {
			d, err := t.extra(ctx, c, within(e))
			if err != nil {
				break
			}
			v, ok := t.side(ctx, d[0])
			if !ok {
				return
			}
			if v.Kind() != graph.KindBool || v.Bool() {
				continue
			}
			at := e.Where()
			t.excerpt("false: " + outdented(c.file.Source[at.Start:at.End], 1<<16))
		}
		op, ok := e.(*lang.Binary)
		if !ok || !comparing[op.Op] {
			break
		}
		d, err := t.extra(ctx, c, within(op.Left), within(op.Right))
		if err != nil {
			break
		}
		left, ok := t.side(ctx, d[0])
		right, ok2 := t.side(ctx, d[1])
		switch {
		case !ok || !ok2:
		case op.Op == "==":
			t.difference(ctx, "left", "right", left, right)
		default:
			t.indented("left   " + briefly(left, diffBytes))
			t.indented("right  " + briefly(right, diffBytes))
		}
		return
	}
	t.indented("it is false")
}

var comparing = map[string]bool{"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true}

// conjuncts are the parts of a && b && …, and the lets that they stand in.
func conjuncts(e lang.Expr, lets *[]*lang.Let) []lang.Expr {
	for {
		l, ok := e.(*lang.Let)
		if !ok {
			break
		}
		*lets = append(*lets, l)
		e = l.Body
	}
	var parts []lang.Expr
	stack := []lang.Expr{e}
	for len(stack) > 0 {
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if b, ok := e.(*lang.Binary); ok && b.Op == "&&" {
			stack = append(stack, b.Right, b.Left)
			continue
		}
		parts = append(parts, e)
	}
	return parts
}

// extra compiles expressions that are parts of a test.
func (t *suite) extra(ctx context.Context, c *check, parts ...lang.Expr) ([]*compile.Def, error) {
	f := &lang.File{Name: c.file.Name, Source: c.file.Source}
	prefix := freshName(c.file)
	for i, e := range parts {
		at := e.Where()
		f.Defs = append(f.Defs, &lang.Def{Span: at, Pattern: &lang.NamePat{Span: at, Name: fmt.Sprint(prefix, i)}, Value: e})
	}
	var unit *compile.Unit
	var wrong lang.Errors
	err := t.s.limited(ctx, "compiling "+c.file.Name, func(o compile.Options, ctx context.Context) (err error) {
		unit, wrong, err = inScope(ctx, o, c.unit, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	t.s.adopt(unit)
	t.s.hold(unit)
	var roots []cid.Cid
	var defs []*compile.Def
	for i := range unit.Defs {
		defs = append(defs, &unit.Defs[i])
		roots = append(roots, unit.Defs[i].CID)
	}
	return defs, t.s.keep(ctx, &compile.Unit{}, roots)
}
