// This file holds the commands of the command line.

package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"golang.org/x/term"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
)

// with opens a session, runs f on it and closes it. What closing finds is said, but an answer that is printed stays.
func with(o Options, f func(*Session) error) error {
	s, err := Open(o)
	if err != nil {
		return err
	}
	if err = loading(func() error { return f(s) }); err == nil && s.out.err != nil {
		err = Misuse(s.out.err)
	}
	if e := s.Close(); e != nil {
		s.warn("the store could not be written to its end: %v", e)
		if err == nil {
			err = &failure{exitMissing, errors.New("what was linked may be lost")}
		}
	}
	if err == nil && s.unkept {
		err = &failure{exitMissing, errors.New("nothing was kept")}
	}
	return err
}

// loading runs f, which may go through a value whose blocks cannot be read.
func loading(f func() error) (err error) {
	defer func() {
		if e := (*graph.LoadError)(nil); errors.As(err, &e) {
			err = &failure{exitMissing, err}
		}
	}()
	defer graph.CatchLoad(&err)
	return f()
}

// terminal says whether w is a terminal that shows colours.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// Run is `rosser run`.
func Run(ctx context.Context, o Options, file string, args []string) error {
	o.single = true
	once := func(ctx context.Context, o Options) error {
		src, err := o.readSource(file)
		if err != nil {
			return err
		}
		return with(o, func(s *Session) error { return s.run(ctx, file, src, args) })
	}
	switch {
	case !o.Watch:
		return once(ctx, o)
	case file == "-":
		return Misuse(errors.New("--watch: standard input cannot be watched"))
	}
	return watch(ctx, o, os.Stderr, once)
}

// Eval is `rosser eval`.
func Eval(ctx context.Context, o Options, src string) error {
	o.single = true
	return with(o, func(s *Session) error { return s.run(ctx, "expression", []byte(src), nil) })
}

func (s *Session) run(ctx context.Context, name string, src []byte, args []string) error {
	began := time.Now()
	limited, cancel := s.within(ctx)
	defer cancel()
	u, err := s.Compile(limited, name, src)
	if err != nil {
		return err
	}
	if err := s.keepAbout(ctx, u); err != nil && ctx.Err() == nil {
		s.warn("the store cannot be written: %v", err)
	}
	if u.Body == nil {
		return Misuse(fmt.Errorf("%s has no final expression to run", name))
	}
	terms := make([]*graph.Term, len(args))
	for i, a := range args {
		if terms[i], err = s.Argument(limited, a); err != nil {
			return err
		}
	}
	expr, err := s.Apply(ctx, u, terms)
	if err != nil {
		return err
	}
	out, err := s.Evaluate(limited, expr)
	if err == nil {
		s.made(ctx, out)
	}
	return s.conclude(ctx, limited, expr, u.BodyCID, began, out, err)
}

// Resume is `rosser resume`: it goes on from a checkpoint.
func Resume(ctx context.Context, o Options, text string) error {
	o.single = true
	return with(o, func(s *Session) error {
		began := time.Now()
		limited, cancel := s.within(ctx)
		defer cancel()
		c, err := parseCID(strings.TrimSpace(text))
		if err != nil {
			return Misuse(err)
		}
		data, err := s.Load(c)
		if err != nil {
			return missing("%v", err)
		}
		point, err := graph.DecodeCheckpoint(data)
		if err != nil {
			return Misuse(fmt.Errorf("%s is no checkpoint: %w", c, err))
		}
		if claimed, err := s.claimed(context.WithoutCancel(ctx), point); err != nil { // which takes no time
			return err
		} else if claimed && !s.opt.Trust {
			s.warn("this checkpoint was not written here, so what it says is a claim: only what this store knows itself is used; --trust-results goes on from it")
		}
		end := s.progress()
		out, err := s.evaluated(s.machine.Resume(limited, c))
		end()
		return s.conclude(ctx, limited, point.Of, point.Of, began, out, err)
	})
}

// checkpoint is the checkpoint that a block is, if it is there and is one.
func (s *Session) checkpoint(c cid.Cid) (graph.Checkpoint, bool) {
	data, err := s.Load(c)
	if err != nil {
		return graph.Checkpoint{}, false
	}
	point, err := graph.DecodeCheckpoint(data)
	return point, err == nil
}

// sayCheckpoint says what a block is that is shown as data, if it is a checkpoint.
func (s *Session) sayCheckpoint(c cid.Cid) {
	if point, ok := s.checkpoint(c); ok {
		s.warn("%s is a checkpoint of %s; to go on: rosser resume %s", c, point.Of, c)
	}
}

// claimed says whether some of a checkpoint's reducts were not found out here.
func (s *Session) claimed(ctx context.Context, point graph.Checkpoint) (bool, error) {
	for _, c := range point.Reducts {
		data, err := s.Load(c)
		if err != nil {
			return true, nil
		}
		r, err := graph.DecodeReduct(data)
		if err != nil {
			return true, nil
		}
		b, ok, err := s.store.Reduct(ctx, r.Of)
		if err != nil {
			return false, err
		}
		if !ok || !b.Own() {
			return true, nil
		}
	}
	return false, nil
}

// conclude prints what an evaluation of expr has come to. of is the program's own expression, without arguments.
func (s *Session) conclude(ctx, limited context.Context, expr, of cid.Cid, began time.Time, out eval.Outcome, err error) error {
	ended := err == nil
	if err == nil && out.Error == nil {
		err = s.printForced(limited, out.Value, of)
	}
	if s.opt.Stats {
		s.stats(expr, out, ended, time.Since(began))
	}
	if s.opt.Profile {
		s.showProfile(s.opt.Stderr, s.profile)
	}
	if s.opt.Pprof != "" {
		if failed := s.writePprof(s.opt.Pprof, s.profile); err == nil {
			err = failed
		}
	}
	s.sayClaims(out)
	if err == nil && out.Error != nil {
		return s.Failed(s.located(ctx, expr, out), expr, of)
	}
	return err
}

// Bounds of reducing an error again to see where it happens.
const (
	locateSteps = 1 << 26
	locateTime  = time.Second
)

// located is the error that an expression came to, with the place where it happened and the calls that led there. A recorded error has none, nor has
// one in what was left of a stopped evaluation all of them, so what is cheap is reduced again, beside the store.
func (s *Session) located(ctx context.Context, expr cid.Cid, out eval.Outcome) *eval.Thrown {
	if out.Error.Block.Defined() && !out.Cut || out.Steps > locateSteps {
		return out.Error
	}
	ctx, cancel := context.WithTimeout(ctx, locateTime)
	defer cancel()
	m := eval.New(eval.Options{Load: s.Load, Link: eval.None, Fuel: 2 * locateSteps, Memory: s.memory})
	again, err := m.Eval(ctx, expr)
	if err != nil || again.Error == nil || again.Error.Err.Kind != out.Error.Err.Kind {
		return out.Error
	}
	return placed(out.Error, again.Error)
}

// placed is an error with the place of another one.
func placed(t, at *eval.Thrown) *eval.Thrown {
	return &eval.Thrown{Err: t.Err, Block: at.Block, Index: at.Index, Calls: at.Calls, More: at.More}
}

// locatedIn is located for what forcing a lazy value came to.
func (s *Session) locatedIn(ctx context.Context, v graph.Value, t *eval.Thrown) *eval.Thrown {
	if t.Block.Defined() || v.Kind() != graph.KindLazy {
		return t
	}
	expr := graph.ThunkCode(v.Thunk(), graph.SinkFunc(func(b graph.Block) { s.store.Put(ctx, b) }))
	ctx, cancel := context.WithTimeout(ctx, locateTime)
	defer cancel()
	m := eval.New(eval.Options{Load: s.Load, Link: eval.None, Fuel: 2 * locateSteps, Memory: s.memory})
	out, err := m.Eval(ctx, expr)
	again := out.Error
	if err == nil && again == nil {
		_, again, err = m.Look(ctx, out.Value)
	}
	if err != nil || again == nil || again.Err.Kind != t.Err.Kind {
		return t
	}
	return placed(t, again)
}

func (s *Session) stats(expr cid.Cid, out eval.Outcome, ended bool, took time.Duration) {
	fmt.Fprintf(s.opt.Stderr, "expression %s\n", expr)
	if out.Result.Defined() {
		fmt.Fprintf(s.opt.Stderr, "result     %s\n", out.Result)
	}
	fmt.Fprintf(s.opt.Stderr, "time       %s\n", took.Round(10*time.Microsecond))
	if ended {
		fmt.Fprintf(s.opt.Stderr, "steps      %d\n", out.Steps)
	}
	fmt.Fprintf(s.opt.Stderr, "calls      %d reduced, %d reused, %d linked\n", out.Reduced, out.Reused, out.Linked)
}

// printForced prints the value of a run: its root forced, nothing below it. The roots are those of Failed.
func (s *Session) printForced(ctx context.Context, v graph.Value, roots ...cid.Cid) error {
	if v.Kind() == graph.KindLink {
		s.sayCheckpoint(v.Link())
	}
	found, thrown, err := s.machine.Look(ctx, v)
	if err != nil {
		return err
	}
	if thrown != nil {
		if v.Kind() == graph.KindLazy {
			head := v.Thunk().CID
			if t, err := graph.LoadCode(head, s.Load); err == nil && t.Op == graph.OpApp && t.Args[0].Op == graph.OpRef {
				head = t.Args[0].CID
			}
			roots = append([]cid.Cid{head}, roots...)
		}
		return s.Failed(s.locatedIn(ctx, v, thrown), roots...)
	}
	return s.print(ctx, found)
}

// prettyBytes and prettyDepth bound the values that are indented on a terminal.
const (
	prettyBytes = 1 << 20
	prettyDepth = 100
)

// shallow says whether no more than prettyDepth lists and maps stand in each other in a DAG-JSON text.
func shallow(text string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '[', c == '{':
			if depth++; depth > prettyDepth {
				return false
			}
		case c == ']', c == '}':
			depth--
		}
	}
	return true
}

// print writes a value to stdout as --as says.
func (s *Session) print(ctx context.Context, v graph.Value) error {
	put := graph.SinkFunc(func(b graph.Block) { s.store.Put(ctx, b) })
	if s.opt.As == "cbor" {
		_, err := s.opt.Stdout.Write(graph.Encode(v, put))
		return err
	}
	var text string
	if s.opt.As == "text" && v.Kind() == graph.KindText {
		text = v.Text()
	} else {
		if v.Kind() == graph.KindList && v.List().Len() > longPrinted {
			return s.printParts(ctx, v.List())
		}
		var err error
		if text, err = s.shown(ctx, v); err != nil {
			return err
		}
		if f, ok := s.out.Writer.(*os.File); ok && s.opt.As != "text" && len(text) < prettyBytes && shallow(text) && term.IsTerminal(int(f.Fd())) {
			if pretty, err := graph.PrettyJSON(nil, v, put); err == nil {
				text = string(pretty)
			}
		}
	}
	_, err := fmt.Fprintln(s.opt.Stdout, text)
	return err
}

// shown is v as JSON.
func (s *Session) shown(ctx context.Context, v graph.Value) (string, error) {
	// The primitive knows how large the text gets before it is made, and can be stopped.
	shown, thrown, err := s.machine.Primitive(ctx, "core.show", v)
	switch {
	case err != nil:
		return "", stopped(err, "printing the value")
	case thrown != nil:
		return "", &failure{exitProgram, s.programError(thrown)}
	}
	return shown.Text(), nil
}

const (
	longPrinted = 1 << 16 // elements of a list that is printed in parts
	printedPart = 1 << 12
)

// printParts writes a list that need not fit into memory, as print does.
func (s *Session) printParts(ctx context.Context, l *graph.List) error {
	it, before := l.Iter(), "["
	for left := l.Len(); left > 0; {
		if ctx.Err() != nil { // what is short does not look
			return stopped(context.Cause(ctx), "printing the value")
		}
		part := make([]graph.Value, min(left, printedPart))
		for i := range part {
			part[i], _ = it.Next()
		}
		left -= len(part)
		text, err := s.shown(ctx, graph.ListValue(graph.ListOf(part)))
		if err == nil {
			_, err = fmt.Fprint(s.opt.Stdout, before, text[1:len(text)-1])
		}
		if err != nil {
			return err
		}
		before = ","
	}
	_, err := fmt.Fprintln(s.opt.Stdout, "]")
	return err
}

// Compile is `rosser compile`.
func Compile(ctx context.Context, o Options, file string) error {
	src, err := o.readSource(file)
	if err != nil {
		return err
	}
	return with(o, func(s *Session) error {
		u, err := s.Compile(ctx, file, src)
		if err != nil {
			return err
		}
		if err := s.keepAbout(ctx, u); err != nil {
			return err
		}
		for _, d := range u.Defs {
			fmt.Fprintln(s.opt.Stdout, d.Name, d.CID)
		}
		if u.Body != nil {
			fmt.Fprintln(s.opt.Stdout, "=", u.BodyCID)
		}
		return nil
	})
}

// keepAbout stores what people wrote beside the code.
func (s *Session) keepAbout(ctx context.Context, u *compile.Unit) error {
	for _, d := range u.Defs {
		b := graph.EncodeAbout(d.About, nil)
		if err := s.store.Put(ctx, b); err != nil {
			return err
		}
		if err := s.store.SetAbout(ctx, d.CID, b.CID); err != nil {
			return err
		}
	}
	return nil
}

// expression is the CID of an expression given as text or as a CID.
func (s *Session) expression(ctx context.Context, text string) (cid.Cid, error) {
	if c, err := cid.Decode(strings.TrimPrefix(strings.TrimSpace(text), "@")); err == nil {
		return c, nil
	}
	u, err := s.Compile(ctx, "expression", []byte(text))
	if err != nil {
		return cid.Undef, err
	}
	if u.Body == nil {
		return cid.Undef, Misuse(errors.New("got definitions, want an expression"))
	}
	return u.BodyCID, nil
}

// Get is `rosser get`.
func Get(ctx context.Context, o Options, path string) error {
	return with(o, func(s *Session) error {
		v, err := s.at(ctx, path)
		if err != nil {
			return err
		}
		return s.print(ctx, v)
	})
}

// at is what stands at a CID or CID/path.
func (s *Session) at(ctx context.Context, path string) (graph.Value, error) {
	root, segments, err := parsePath(path)
	if err != nil {
		return graph.Value{}, err
	}
	v, ok, err := s.files(ctx, root, segments)
	if err == nil && !ok {
		return s.node(ctx, root, segments)
	}
	return v, err
}

// parsePath reads a CID or CID/path.
func parsePath(path string) (cid.Cid, []string, error) {
	segments := graph.SplitPath(strings.TrimPrefix(path, "/ipfs/"))
	if len(segments) == 0 {
		return cid.Undef, nil, Misuse(errors.New("got an empty path, want CID or CID/path"))
	}
	root, err := parseCID(segments[0])
	return root, segments[1:], err
}

// node is what stands at a path; one that ends at a link goes on to what it links, if that is there.
func (s *Session) node(ctx context.Context, root cid.Cid, path []string) (graph.Value, error) {
	found, err := graph.Resolve(ctx, root, path, s.Load)
	if err != nil {
		return graph.Value{}, &failure{exitMissing, err}
	}
	if l, err := found.Node.AsLink(); err == nil {
		c := l.(cidlink.Link).Cid
		if _, err := s.Load(c); err == nil {
			return s.node(ctx, c, nil)
		}
	}
	v, err := graph.FromNode(found.Node)
	if err != nil {
		return v, &failure{exitMissing, err}
	}
	return v, nil
}

// printNode prints what stands at a path.
func (s *Session) printNode(ctx context.Context, root cid.Cid, path []string) error {
	v, err := s.node(ctx, root, path)
	if err != nil {
		return err
	}
	return s.print(ctx, v)
}

// leastCID is the length of the shortest CIDs in use, Qm…: what is shorter and a name is meant as one.
const leastCID = 46

func parseCID(text string) (cid.Cid, error) {
	c, err := cid.Decode(strings.TrimPrefix(text, "@"))
	switch {
	case err != nil && lang.IsName(text) && len(text) < leastCID:
		return c, Misuse(fmt.Errorf("got %.60q, want a CID (a session shows names: rosser repl, then :show %s)", text, text))
	case err != nil:
		return c, Misuse(fmt.Errorf("got %.60q, want a CID: %w", text, err))
	}
	return c, nil
}

// answer finds what is recorded of an expression.
func (s *Session) answer(ctx context.Context, text string) (graph.Answer, graph.Result, error) {
	var r graph.Result
	expr, err := s.expression(ctx, text)
	if err != nil {
		return graph.Answer{}, r, err
	}
	a, ok, err := s.trust.Answer(ctx, expr)
	if err != nil {
		return a, r, err
	}
	if !ok {
		if conflict, err := s.trust.Conflict(ctx, expr); err != nil {
			return a, r, err
		} else if conflict != nil {
			return a, r, missing("no result of %s is used, for those are believed that differ; --who says more", expr)
		}
		if _, err := parseCID(strings.TrimSpace(text)); err == nil {
			if point, ok := s.checkpoint(expr); ok {
				return a, r, missing("%s is a checkpoint of %s, which has no result yet; to go on: rosser resume %s", expr, point.Of, expr)
			}
			return a, r, missing("no result is recorded for %s", expr)
		}
		return a, r, missing("no result is recorded for %s; evaluate it first", expr)
	}
	r, err = eval.LoadAnswer(a, s.Load)
	if err != nil {
		return a, r, &failure{exitMissing, err}
	}
	if !a.Own() {
		s.sayClaim("this is a claim", a.By)
	}
	return a, r, nil
}

// Result is `rosser result`.
func Result(ctx context.Context, o Options, text string) error {
	return with(o, func(s *Session) error {
		_, r, err := s.answer(ctx, text)
		if err != nil {
			return err
		}
		if r.Error != nil {
			return &failure{exitProgram, s.programError(&eval.Thrown{Err: &eval.Error{Kind: r.Error.Kind, Value: r.Error.Value}})}
		}
		return s.print(ctx, r.Value)
	})
}

// Trace is `rosser trace`.
func Trace(ctx context.Context, o Options, text string, depth int, asJSON, who bool) error {
	return with(o, func(s *Session) error { return s.trace(ctx, text, depth, asJSON, who) })
}

// trace draws what the answer to an expression rests on, and who says so.
func (s *Session) trace(ctx context.Context, text string, depth int, asJSON, who bool) error {
	a, _, err := s.answer(ctx, text)
	if err != nil {
		return err
	}
	if !a.Trace.Defined() {
		return missing("no trace is recorded for %s", a.Expr)
	}
	d := drawing{s: s, seen: map[cid.Cid]bool{}, depth: max(depth, 0)}
	if who {
		d.who = func(expr, result cid.Cid) (standing, error) { return s.who(ctx, expr, result) }
	}
	if asJSON {
		v, err := d.tree(a.Trace, "", 0)
		if err != nil {
			return &failure{exitMissing, err}
		}
		return s.print(ctx, v)
	}
	err = d.draw(a.Trace, "", "", "", 0)
	if d.shared {
		fmt.Fprintln(s.opt.Stdout, "* drawn above")
	}
	if err != nil {
		return &failure{exitMissing, err}
	}
	return nil
}

// A drawing draws a tree of traces; what it has drawn once it only mentions.
type drawing struct {
	s      *Session
	seen   map[cid.Cid]bool
	shared bool
	depth  int
	who    func(expr, result cid.Cid) (standing, error) // nil if nobody asks
}

// node loads a trace, its result, and its uses with groups of uses flattened. Of a result that was given up the value is not there.
func (d *drawing) node(trace cid.Cid) (r graph.Result, there bool, uses []graph.Use, err error) {
	t, err := d.trace(trace)
	if err != nil {
		return r, false, nil, err
	}
	data, err := d.s.Load(t.Result)
	if err != nil {
		return r, false, nil, err
	}
	r, err = (&graph.Far{Load: d.s.Load}).DecodeResult(data)
	there = err == nil
	if errors.Is(err, graph.ErrNotFound) {
		r = graph.Result{}
		r.Of, r.Steps, err = store.ResultHead(data)
	}
	if err != nil {
		return r, false, nil, fmt.Errorf("result %s: %w", t.Result, err)
	}
	err = graph.EachUse(trace, d.s.Load, func(u graph.Use) bool {
		uses = append(uses, u)
		return true
	})
	return r, there, uses, err
}

func (d *drawing) trace(c cid.Cid) (graph.Trace, error) {
	data, err := d.s.Load(c)
	if err != nil {
		return graph.Trace{}, err
	}
	t, err := graph.DecodeTrace(data)
	if err != nil {
		return t, fmt.Errorf("trace %s: %w", c, err)
	}
	return t, nil
}

const maxDrawn = 40 // uses of one result that are drawn

func (d *drawing) draw(trace cid.Cid, at, first, rest string, level int) error {
	r, there, uses, err := d.node(trace)
	if err != nil {
		return err
	}
	value := "… (given up)"
	switch {
	case r.Error != nil:
		value = "error " + r.Error.Kind
	case there:
		value = brief(r.Value)
	}
	mark := ""
	if d.seen[trace] {
		mark, d.shared = " *", true
	}
	fmt.Fprintf(d.s.opt.Stdout, "%s%s = %s, %s%s\n", first, d.s.expressionText(r.Of), value, stepCount(r.Steps), mark)
	if d.seen[trace] {
		return nil
	}
	d.seen[trace] = true
	if d.who != nil {
		below := "│ "
		if len(uses) == 0 {
			below = "  "
		}
		t, err := d.trace(trace)
		if err != nil {
			return err
		}
		st, err := d.who(r.Of, t.Result)
		if err != nil {
			return err
		}
		for _, line := range append(st.lines, st.verdict()) {
			fmt.Fprintf(d.s.opt.Stdout, "%s%s    %s\n", rest, below, line)
		}
	}
	if level >= d.depth {
		if len(uses) > 0 {
			how := "--depth"
			if d.s.scope != nil {
				how = ":trace DEPTH EXPR"
			}
			fmt.Fprintf(d.s.opt.Stdout, "%s└ … %d below (%s)\n", rest, len(uses), how)
		}
		return nil
	}
	for i, u := range uses {
		if i == maxDrawn {
			fmt.Fprintf(d.s.opt.Stdout, "%s└ … %d more\n", rest, len(uses)-i)
			break
		}
		branch, below := "├ ", "│ "
		if i == len(uses)-1 {
			branch, below = "└ ", "  "
		}
		if err := d.draw(u.Trace, u.At, rest+branch, rest+below, level+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *drawing) tree(trace cid.Cid, at string, level int) (graph.Value, error) {
	r, _, uses, err := d.node(trace)
	if err != nil {
		return graph.Value{}, err
	}
	t, err := d.trace(trace)
	if err != nil {
		return graph.Value{}, err
	}
	v := graph.Record("at", graph.Text(at), "of", graph.LinkValue(r.Of), "result", graph.LinkValue(t.Result), "steps", graph.Uint(r.Steps), "trace", graph.LinkValue(trace))
	if d.who != nil && !d.seen[trace] {
		st, err := d.who(r.Of, t.Result)
		if err != nil {
			return v, err
		}
		var lines graph.ListBuilder
		for _, line := range st.lines {
			lines.Add(graph.Text(line))
		}
		v = graph.MapValue(v.Map().Insert("who", graph.ListValue(lines.List())).Insert("used", graph.Bool(st.used)).Insert("why", graph.Text(st.why)))
	}
	if d.seen[trace] || level >= d.depth {
		return v, nil
	}
	d.seen[trace] = true
	var list graph.ListBuilder
	for _, u := range uses {
		sub, err := d.tree(u.Trace, u.At, level+1)
		if err != nil {
			return v, err
		}
		list.Add(sub)
	}
	return graph.MapValue(v.Map().Insert("uses", graph.ListValue(list.List()))), nil
}
