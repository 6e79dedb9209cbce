// This file holds the commands of a session: lines that begin with a colon.

package repl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/rivo/uniseg"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// What a command's argument is, for completion.
type argument uint8

const (
	argNone argument = iota
	argExpr          // an expression
	argName          // names
	argFile
	argCommand
	argMode
)

// A colon is a command of a session.
type colon struct {
	name  string
	args  string
	brief string
	help  string // more, with examples; what :help NAME adds to brief
	takes argument
	run   func(sh *shell, ctx context.Context, arg string) error
}

// colons are the commands, as :help lists them.
func colons() []colon {
	return []colon{
		{"help", "[NAME]", "lists the commands; says more of one, or of a function", "Example:\n  :help keep\n  :help Text.split", argCommand, (*shell).help},
		{"doc", "NAME", "prints what is written of a name: what it does, its cost, examples", "Names are the library's, a module's (:doc Text lists it), or yours: write lines that begin with ## above a definition.\nExample:\n  :doc groupBy", argName, (*shell).doc},
		{"names", "[PREFIX]", "lists what is defined here, * before what is kept; with a prefix the library's names too", "Example:\n  :names Text.", argName, (*shell).listNames},
		{"search", "WORDS", "finds names whose documentation has the words", "Example:\n  :search median", argNone, (*shell).search},
		{"kind", "EXPR", "says of which kind a value is, and what is in it", "Example:\n  :kind json", argExpr, (*shell).kind},
		{"cid", "[EXPR or NAME]", "prints the CID of an expression or a definition; without, those of the last question and answer", "The expression's CID is the question: whoever has it can ask anybody for the answer. Nothing is evaluated.\nExample:\n  :cid fib 30", argExpr, (*shell).cid},
		{"show", "NAME or CID", "prints source, readable code, or data", "Example:\n  :show mean", argName, (*shell).showCode},
		{"get", "CID[/path]", "walks from block to block and prints what is there; evaluates nothing", "Example:\n  :get @bafy…/value/0/name", argExpr, (*shell).get},
		{"result", "EXPR or CID", "prints the recorded answer; evaluates nothing", "Example:\n  :result fib 30", argExpr, (*shell).result},
		{"trace", "[DEPTH] [EXPR or CID]", "draws the results that an answer rests on, with what each cost; * marks what is drawn above", "Without an argument it is the last answer's. It looks up what was recorded, so evaluate the expression first.\nExample:\n  :trace 6 fib 10", argExpr, (*shell).traceOf},
		{"steps", "EXPR", "walks through a reduction: what is replaced in each step, and by what", "Space and the arrow keys go forwards and back, q leaves. Over a pipe all steps are printed.\nExample:\n  :steps fold (+) 0 [1, 2, 3]", argExpr, (*shell).steps},
		{"time", "EXPR", "evaluates with nothing reused and nothing linked, and prints how long it takes", "Example:\n  :time range 1 1000000 |> sum", argExpr, (*shell).time},
		{"more", "", "shows the next page of a value that was cut", "", argNone, (*shell).moreOf},
		{"table", "[EXPR]", "shows a list of records in columns", "Without an argument it is `it`.\nExample:\n  :table [{name: \"Ada\", born: 1815}, {name: \"Alan\", born: 1912}]", argExpr, (*shell).tableOf},
		{"tree", "[EXPR]", "shows nested data as a tree", "Without an argument it is `it`.", argExpr, (*shell).treeOf},
		{"load", "FILE", "defines here what a file defines, and evaluates its expression", "Example:\n  :load weather.ros", argFile, (*shell).loadFile},
		{"reload", "", "loads the files again that were loaded", "", argNone, (*shell).reload},
		{"save", "FILE", "writes what is defined here as a program; :save! replaces a file", "Example:\n  :save notes.ros", argFile, (*shell).save},
		{"update", "[NAME…]", "compiles again what still uses old definitions", "Redefining a name leaves those that used it with the definition they had; this is how they get the new one.\nExample:\n  :update", argName, (*shell).updateNames},
		{"keep", "[NAME…]", "keeps definitions for later sessions, in the workspace; without a name lists what is kept; * keeps all", "Each :keep is a version of the workspace, and :undo goes back one. The workspace is a block of your store like any other.\nExample:\n  :keep mean tenth", argName, (*shell).keep},
		{"undo", "", "takes back the last :keep, or the last :drop of what was kept", "The workspace goes back a version. What is defined in this session stays.", argNone, (*shell).undo},
		{"drop", "NAME…", "removes names from here and from the workspace", "Their blocks stay in the store, and :undo brings kept names back.\nExample:\n  :drop mean", argName, (*shell).drop},
		{"publish", "[NAME…]", "makes a library, an IPFS directory of names, sources and known results, and prints its CID", "Without a name it has all that is defined here. Anybody who has the blocks uses it by its CID:\n  let mine = import @bafy…\n  mine.mean [1, 2]\n`rosser export CID OUT.car` writes a file with all of it for somebody else, `:import OUT.car` reads one.\nExample:\n  :publish mean", argName, (*shell).publish},
		{"import", "FILE.car", "reads the blocks of a CAR file into the store; results become claims", "Example:\n  :import quakes.car", argFile, (*shell).importCar},
		{"link", "[auto|all|none]", "says or sets what is linked: what is worth it, all, or nothing", "", argMode, (*shell).link},
		{"fuel", "[N|off]", "says or sets after how many steps an evaluation is stopped", "", argNone, (*shell).fuel},
		{"quit", "", "leaves, as Ctrl-D does", "", argNone, (*shell).leave},
	}
}

// command runs a line without its colon. A name may be cut as far as it is the only one that begins so.
func (sh *shell) command(ctx context.Context, line string) error {
	word, arg, _ := strings.Cut(line, " ")
	if i := strings.IndexByte(word, '\n'); i >= 0 {
		word, arg = line[:i], line[i+1:]
	}
	arg = strings.TrimSpace(arg)
	if word == "save!" {
		word, arg = "save", "!"+arg
	}
	if to, ok := foreign[word]; ok {
		return Misuse(fmt.Errorf("got :%s; that is %s here", word, to))
	}
	var fits []colon
	for _, c := range colons() {
		if c.name == word {
			fits = []colon{c}
			break
		}
		if word != "" && strings.HasPrefix(c.name, word) {
			fits = append(fits, c)
		}
	}
	switch len(fits) {
	case 1:
		return fits[0].run(sh, ctx, arg)
	case 0:
		var names []string
		for _, c := range colons() {
			names = append(names, c.name)
		}
		suggestion := ""
		if s := lang.Suggest(word, names); s != "" {
			suggestion = "; did you mean :" + s + "?"
		}
		return Misuse(fmt.Errorf("got :%s, which is no command%s (:help lists them)", lang.Cut(word), suggestion))
	}
	var names []string
	for _, c := range fits {
		names = append(names, ":"+c.name)
	}
	return Misuse(fmt.Errorf("got :%s, want one of %s", word, strings.Join(names, " ")))
}

// foreign are commands of other languages' sessions.
var foreign = map[string]string{
	"t": ":kind EXPR, or :doc NAME", "type": ":kind EXPR, or :doc NAME", "i": ":doc NAME", "info": ":doc NAME", "browse": ":names Text.", "b": ":names Text.",
	"edit": ":show NAME, then the entry again with the Up key", "e": ":show NAME, then the entry again with the Up key", "exit": ":quit", "add": ":keep NAME",
	"module": "let name = import", "set": ":link or :fuel", "?": ":help", "find": ":search WORDS", "ls": ":names", "history": "the Up key, or Ctrl-R", "lf": ":load FILE",
}

// need refuses an empty argument.
func need(arg, want string) error {
	if arg == "" {
		return Misuse(fmt.Errorf("want %s", want))
	}
	return nil
}

const introduction = `An expression is evaluated and its value shown; ` + "`it`" + ` is the last one. let defines a name:

    range 1 10 |> map (\x -> x * x) |> sum
    let mean xs = sum xs / length xs
    mean [1, 2, 4.5]

Every function and every question has a CID (:cid), and the answer is linked to the question: the line below a value has both, the time, the steps that it takes without any reuse, and how many calls were reduced and reused. :publish mean gives your function to others: it prints a CID that works wherever its blocks are.
Enter ends what is complete, Alt-Enter begins another line, Tab completes, Ctrl-R searches what you entered before, Ctrl-C stops, Ctrl-D leaves. :help syntax shows the language. The commands:
`

const syntaxPage = `Values, as in JSON, and more:
    null true 42 1.5e3 "text \(1 + 1)" [1, 2, ...xs] {name: "Ada", born: 1815}
    Some 3, None, Ok x, Err e          tags: a map with one key
    @bafy…/a/0                         a link, and what stands at a path below it
Definitions and functions:
    let area r = Math.pi * r * r       f x y applies f; f (g x) nests
    \x y -> x + y                      a function without a name
    xs |> filter (\x -> x > 1) |> sum  x |> f a is f a x;  f >> g is \x -> g (f x)
    let y = 2 in y * y                 a local name
Taking apart:
    p.name, xs.0                       a field, an element
    {...p, age: 36}                    p with a field changed or added
    if a then b else c                 && || == != < <= > >= ++ + - * / // %
    match xs { | [] -> 0 | [x, ...rest] -> x }
    match r { | Some x if x > 0 -> x | _ -> 0 }
    try e                              Ok v, or Err {kind, value}
    lazy e                             is reduced when somebody looks
Data and code of others:
    let rows = import "csv:./x.csv"    json: and file: too
    let m = import "./other.ros"       m.name is what it defines
    let m = import @bafy…              a published library
# begins a comment, ## a definition's documentation, with examples: ## > mean [1, 3] and below it ## = 2.0
`

func (sh *shell) help(_ context.Context, arg string) error {
	if arg == "syntax" || slices.Contains(lang.Keywords(), arg) {
		fmt.Fprint(sh.out, syntaxPage)
		return nil
	}
	if arg != "" {
		for _, c := range colons() {
			if c.name == strings.TrimPrefix(arg, ":") {
				fmt.Fprintln(sh.out, sh.paint(styleName, strings.TrimSpace(":"+c.name+" "+c.args)))
				width, _ := sh.size()
				sh.flow("  ", c.brief+".\n"+c.help, min(width, mostWidth))
				return nil
			}
		}
		return sh.doc(context.Background(), arg)
	}
	width, _ := sh.size()
	sh.flow("", introduction, min(width, mostWidth))
	for _, c := range colons() {
		left := strings.TrimSpace(":" + c.name + " " + c.args)
		if width < 60 {
			fmt.Fprintln(sh.out, sh.paint(styleName, left))
			sh.flow("    ", c.brief, width)
			continue
		}
		gap := strings.Repeat(" ", max(22-len([]rune(left)), 2))
		fmt.Fprintf(sh.out, "%s%s%s\n", sh.paint(styleName, left), gap, clip(c.brief, width-len([]rune(left))-len(gap)))
	}
	fmt.Fprintln(sh.out, "\n:help NAME says more of one.")
	return nil
}

// flow prints a text with an indentation, broken between words to a width; lines that are indented stay as they are.
func (sh *shell) flow(indent, text string, width int) {
	room := max(width-len(indent), 12)
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, " ") {
			fmt.Fprintln(sh.out, indent+line)
			continue
		}
		out := ""
		for _, word := range strings.Fields(line) {
			if out != "" && uniseg.StringWidth(out+" "+word) > room {
				fmt.Fprintln(sh.out, indent+out)
				out = ""
			}
			if out != "" {
				out += " "
			}
			out += word
		}
		fmt.Fprintln(sh.out, indent+out)
	}
}

func (sh *shell) leave(context.Context, string) error {
	sh.quit = true
	return nil
}

// farewell says what is lost.
func (sh *shell) farewell() {
	if n := len(sh.scope.unkept()); n > 0 && sh.typed {
		fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%s not kept (:keep * before leaving keeps all; what was entered is in the history)", plural(n, "definition"))))
	}
}

func (sh *shell) moreOf(context.Context, string) error {
	if sh.rest == nil {
		return Misuse(errors.New("there is no more to show"))
	}
	_, height := sh.size()
	sh.more(height - 3)
	return nil
}

// aboutName is what was written of a name: the session's or the library's.
func (sh *shell) aboutName(name string) (graph.About, cid.Cid, bool) {
	if b := sh.scope.defs[name]; b != nil && b.module == nil {
		return b.about, b.cid, true
	}
	if module, key, ok := strings.Cut(name, "."); ok {
		terms, _ := sh.scope.module(module)
		if t := terms[key]; t != nil {
			c := graph.EncodeCode(t, nil).CID
			if t.Op == graph.OpRef {
				c = t.CID
			}
			a, ok := sh.about(c)
			return a, c, ok
		}
	}
	a, ok := stdlib.About(name)
	return a, a.Term, ok
}

func (sh *shell) doc(_ context.Context, arg string) error {
	if err := need(arg, "a name, as in :doc map"); err != nil {
		return err
	}
	if a, c, ok := sh.aboutName(arg); ok {
		sh.printDoc(arg, a, c)
		return nil
	}
	module := strings.TrimSuffix(arg, ".")
	var list []string
	for _, name := range stdlib.Names() {
		if strings.HasPrefix(name, module+".") {
			list = append(list, name)
		}
	}
	terms, _ := sh.scope.module(module)
	for name := range terms {
		list = append(list, module+"."+name)
	}
	if len(list) == 0 {
		return Misuse(fmt.Errorf("nothing is known of %s%s", lang.Cut(arg), hint(lang.Suggest(arg, sh.scope.names()))))
	}
	slices.Sort(list)
	sh.listed(list)
	return nil
}

// printDoc prints what is written of a term.
func (sh *shell) printDoc(name string, a graph.About, c cid.Cid) {
	width, _ := sh.size()
	w := &docWriter{width: min(width, mostWidth), color: sh.color}
	e := entryOf(name, c, a)
	e.Primitive = sh.scope.defs[name] == nil && isPrimitive(name)
	w.entry(e)
	if a.Doc == "" {
		w.out.WriteString("  Nothing is written of it; :show prints its source.\n")
	}
	fmt.Fprint(sh.out, w.out.String())
}

// source colours a program.
func (sh *shell) source(text string) string {
	if !sh.color {
		return text
	}
	var out strings.Builder
	end := 0
	for _, p := range paints(text, -1) {
		out.WriteString(text[end:p.Start])
		out.WriteString(sh.paint(p.SGR, text[p.Start:p.End]))
		end = p.End
	}
	return out.String() + text[end:]
}

// listed prints names with the first line of what is written of each.
func (sh *shell) listed(names []string) {
	width, _ := sh.size()
	wide := 0
	for _, name := range names {
		wide = max(wide, min(len(name), 28))
	}
	done := 0
	lines := func(yield func(string) bool) {
		for _, name := range names {
			use, text := name, ""
			if a, _, ok := sh.aboutName(name); ok {
				use, text = brieflyOf(name, a)
			}
			pad := strings.Repeat(" ", max(wide-uniseg.StringWidth(use), 0)+2)
			done++
			if text == "" {
				pad = ""
			}
			if !yield(sh.paint(styleName, use) + pad + sh.paint(styleDim, clip(text, max(width-uniseg.StringWidth(use)-len(pad), 10)))) {
				return
			}
		}
	}
	sh.page(lines, func() string {
		return fmt.Sprintf("%s of %s names more", thousands(uint64(len(names)-done)), thousands(uint64(len(names))))
	})
}

// brieflyOf is a name with its parameters, and the first sentence of what is written of it.
func brieflyOf(name string, a graph.About) (use, text string) {
	e := entryOf(name, cid.Undef, a)
	use, text = e.Name+e.Params, firstSentence(a)
	return use, strings.TrimSpace(strings.TrimPrefix(text, "`"+use+"`"))
}

// firstSentence is the first sentence of a documentation, else the definition itself.
func firstSentence(a graph.About) string {
	text := strings.Join(strings.Fields(a.Doc), " ")
	if text == "" {
		text, _, _ = strings.Cut(a.Source, "\n")
		return text
	}
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i+1]
	}
	if i := strings.Index(text, " > "); i >= 0 {
		text = text[:i]
	}
	return text
}

func (sh *shell) listNames(_ context.Context, arg string) error {
	width, _ := sh.size()
	found := false
	for _, b := range sh.scope.all() {
		if !strings.HasPrefix(b.name, arg) {
			continue
		}
		found = true
		mark := " "
		if b.kept {
			mark = "*"
		}
		if b.module != nil {
			fmt.Fprintf(sh.out, "%s %s  %s\n", mark, sh.paint(styleName, b.name), sh.paint(styleDim, clip(b.about.Source, max(width-len(b.name)-4, 20))))
			continue
		}
		text := strings.Join(append([]string{b.name}, b.about.Params...), " ")
		gap := strings.Repeat(" ", max(20-len([]rune(text)), 2))
		c := "@" + b.cid.String()
		if len([]rune(text))+len(gap)+len(c)+2 > width {
			c = shortCID(b.cid)
		}
		fmt.Fprintf(sh.out, "%s %s%s%s\n", mark, sh.paint(styleName, text), gap, sh.paint(styleDim, c))
	}
	if arg != "" {
		var list []string
		module, key, dotted := strings.Cut(arg, ".")
		if terms, ok := sh.scope.module(module); ok && dotted {
			for name := range terms {
				if strings.HasPrefix(name, key) {
					list = append(list, module+"."+name)
				}
			}
			slices.Sort(list)
		}
		for _, name := range stdlib.Names() {
			if strings.HasPrefix(name, arg) {
				list = append(list, name)
			}
		}
		if len(list) > 0 {
			sh.listed(list)
			return nil
		}
	}
	if !found {
		fmt.Fprintln(sh.errs, sh.paint(styleDim, "nothing is defined here"))
	}
	return nil
}

func (sh *shell) search(_ context.Context, arg string) error {
	if err := need(arg, "words to search, as in :search median"); err != nil {
		return err
	}
	words := strings.Fields(strings.ToLower(arg))
	type hit struct {
		name  string
		score int
	}
	var hits []hit
	for _, name := range sh.scope.names() {
		a, _, _ := sh.aboutName(name)
		low, doc := strings.ToLower(name), strings.ToLower(a.Doc)
		score := 0
		for _, w := range words {
			switch {
			case low == w || strings.HasSuffix(low, "."+w):
				score += 100
			case strings.Contains(low, w):
				score += 10
			case strings.Contains(doc, w):
				score++
			default:
				score -= 1000
			}
		}
		if score > 0 {
			hits = append(hits, hit{name, score})
		}
	}
	if len(hits) == 0 {
		return Misuse(fmt.Errorf("nothing is found for %s", lang.Cut(arg)))
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	var names []string
	for _, h := range hits {
		names = append(names, h.name)
	}
	sh.listed(slices.Compact(names))
	return nil
}

// valueOf evaluates an argument; `it` stands for none.
func (sh *shell) valueOf(ctx context.Context, arg string) (graph.Value, error) {
	if arg == "" {
		if !sh.last.ok {
			return graph.Value{}, Misuse(errors.New("want an expression: nothing has been asked yet"))
		}
		return sh.last.value, nil
	}
	ctx, cancel := sh.within(ctx)
	defer cancel()
	expr, err := sh.expression(ctx, arg)
	if err != nil {
		return graph.Value{}, err
	}
	_, v, err := sh.reduce(ctx, expr)
	if err == nil {
		sh.setIt(v)
		sh.last = asked{expr: expr, value: v, ok: true}
	}
	return v, err
}

func (sh *shell) kind(ctx context.Context, arg string) error {
	v, err := sh.valueOf(ctx, arg)
	if err == nil {
		fmt.Fprintln(sh.out, kindOf(v, 3))
	}
	return err
}

func (sh *shell) tableOf(ctx context.Context, arg string) error {
	v, err := sh.valueOf(ctx, arg)
	if err != nil {
		return err
	}
	return sh.table(v)
}

func (sh *shell) treeOf(ctx context.Context, arg string) error {
	v, err := sh.valueOf(ctx, arg)
	if err != nil {
		return err
	}
	return sh.tree(v)
}

func (sh *shell) cid(ctx context.Context, arg string) error {
	if arg == "" {
		if !sh.last.ok {
			return Misuse(errors.New("want an expression: nothing has been asked yet"))
		}
		fmt.Fprintf(sh.out, "expression @%s\n", sh.last.expr)
		if sh.last.result.Defined() {
			fmt.Fprintf(sh.out, "result     @%s\n", sh.last.result)
		}
		return nil
	}
	if b := sh.scope.defs[arg]; b != nil && b.module == nil {
		fmt.Fprintln(sh.out, "@"+b.cid.String())
		return nil
	}
	c, err := sh.expression(ctx, arg)
	if err == nil {
		fmt.Fprintln(sh.out, "@"+c.String())
	}
	return err
}

// target is the CID that a name, a CID or an expression means.
func (sh *shell) target(ctx context.Context, arg string) (cid.Cid, error) {
	if _, c, ok := sh.aboutName(arg); ok && c.Defined() {
		return c, nil
	}
	return sh.expression(ctx, arg)
}

func (sh *shell) showCode(ctx context.Context, arg string) error {
	if err := need(arg, "a name or CID, as in :show mean"); err != nil {
		return err
	}
	c, err := sh.target(ctx, arg)
	if err != nil {
		return err
	}
	return sh.showTerm(ctx, c, sh.source)
}

func (sh *shell) get(ctx context.Context, arg string) error {
	if err := need(arg, "a CID or CID/path, as in :get @bafy…/value"); err != nil {
		return err
	}
	v, err := sh.at(ctx, arg)
	if err != nil {
		return err
	}
	return sh.show(ctx, v)
}

func (sh *shell) result(ctx context.Context, arg string) error {
	if err := need(arg, "an expression or CID, as in :result fib 30"); err != nil {
		return err
	}
	_, r, err := sh.answer(ctx, arg)
	if err != nil {
		return err
	}
	if r.Error != nil {
		return sh.Failed(&eval.Thrown{Err: &eval.Error{Kind: r.Error.Kind, Value: r.Error.Value}})
	}
	return sh.show(ctx, r.Value)
}

const traceDepth = 4

func (sh *shell) traceOf(ctx context.Context, arg string) error {
	if !sh.last.ok && (arg == "" || strings.Trim(arg, "0123456789") == "") {
		return Misuse(errors.New("want an expression or CID: nothing has been asked yet"))
	}
	if arg == "" {
		arg = sh.last.expr.String()
	}
	depth := traceDepth
	word, rest, _ := strings.Cut(arg, " ")
	if n, err := strconv.Atoi(word); err == nil {
		if depth, arg = n, rest; rest == "" {
			arg = sh.last.expr.String()
		}
	}
	return sh.trace(ctx, arg, depth, false, false)
}

func (sh *shell) time(ctx context.Context, arg string) error {
	if err := need(arg, "an expression, as in :time fib 20"); err != nil {
		return err
	}
	ctx, cancel := sh.within(ctx)
	defer cancel()
	expr, err := sh.expression(ctx, arg)
	if err != nil {
		return err
	}
	m := eval.New(eval.Options{Load: sh.Load, Link: eval.None, Fuel: sh.opt.Fuel, Memory: sh.memory, Debug: sh.errs})
	type measured struct {
		out  eval.Outcome
		took time.Duration
	}
	got := make(chan measured, 1)
	kept := sh.machine
	sh.machine = m
	err = sh.heed(ctx, func(m *eval.Machine) error {
		began := time.Now()
		out, err := m.Eval(ctx, expr)
		got <- measured{out, time.Since(began)}
		return err
	})
	sh.machine = kept
	if err != nil {
		return err
	}
	t := <-got
	out, took := t.out, t.took
	if out.Error != nil {
		return sh.Failed(out.Error, expr)
	}
	rate := ""
	if out.Steps > 0 && took > 0 {
		rate = fmt.Sprintf(", %s steps a second", thousands(uint64(float64(out.Steps)/took.Seconds())))
	}
	fmt.Fprintf(sh.out, "%s, %s%s\n", timeText(took), plural64(out.Steps, "step"), rate)
	return nil
}

func (sh *shell) loadFile(ctx context.Context, arg string) error {
	if err := need(arg, "a file, as in :load weather.ros"); err != nil {
		return err
	}
	return sh.load(ctx, unquoted(arg))
}

// unquoted is a path that may stand in quotes.
func unquoted(arg string) string {
	if path, err := strconv.Unquote(arg); err == nil {
		return path
	}
	return arg
}

func (sh *shell) reload(ctx context.Context, _ string) error {
	if len(sh.files) == 0 {
		return Misuse(errors.New("no file has been loaded; :load FILE loads one"))
	}
	wd, _ := os.Getwd()
	for _, path := range sh.files {
		if rel, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(rel, "..") {
			path = rel
		}
		if err := sh.load(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

func (sh *shell) save(_ context.Context, arg string) error {
	path, replace := strings.CutPrefix(arg, "!")
	path = unquoted(strings.TrimSpace(path))
	if err := need(path, "a file, as in :save notes.ros"); err != nil {
		return err
	}
	var out strings.Builder
	said, n := map[string]bool{}, 0
	for _, b := range sh.scope.all() {
		if text := sh.saved(b, filepath.Dir(path)); !said[text] {
			said[text] = true
			if n++; n > 1 {
				out.WriteString("\n")
			}
			out.WriteString(text + "\n")
		}
	}
	if n == 0 {
		return Misuse(errors.New("nothing is defined here, so there is nothing to save"))
	}
	mode := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	if replace {
		mode = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o644)
	if errors.Is(err, os.ErrExist) {
		return Misuse(fmt.Errorf("%s is there already; :save! %s replaces it", path, path))
	}
	if err != nil {
		return Misuse(err)
	}
	_, err = f.WriteString(out.String())
	if err = errors.Join(err, f.Close()); err != nil {
		return Misuse(err)
	}
	fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%s: %s", path, plural(n, "definition"))))
	for _, b := range sh.scope.all() {
		for name := range b.uses {
			if sh.scope.defs[name] == nil {
				fmt.Fprintln(sh.errs, sh.paint(styleDim, b.name+" uses "+name+", which is not defined here and so not in the file"))
			}
		}
	}
	for _, b := range sh.scope.stale() {
		fmt.Fprintln(sh.errs, sh.paint(styleDim, b.name+" uses in the file what its names mean now, not what they meant here"))
	}
	return nil
}

const savedLiteral = 4096 // bytes of a value that is written out

// saved is a binding as a program in the folder dir writes it. What was made of `it` is written as its value, or as a link.
func (sh *shell) saved(b *binding, dir string) string {
	if b.ofIt {
		text := "@" + b.cid.String()
		if b.term.Op == graph.OpLit {
			if data, err := graph.AppendJSON(nil, b.term.Value, sh.sink()); err == nil && len(data) <= savedLiteral {
				text = string(data)
			}
		}
		return "let " + b.name + " = " + text
	}
	source := b.source()
	f, wrong := lang.Parse(b.name, []byte(source))
	if len(wrong) > 0 || len(f.Defs) != 1 {
		return source
	}
	imp, ok := f.Defs[0].Value.(*lang.Import)
	if !ok || imp.CID.Defined() {
		return source
	}
	kind, file := "", imp.Path
	if k, rest, is := compile.DataPath(imp.Path); is {
		kind, file = k+":", rest
	}
	if moved, err := filepath.Rel(dir, file); err == nil && !filepath.IsAbs(file) {
		if moved = filepath.ToSlash(moved); !strings.HasPrefix(moved, ".") {
			moved = "./" + moved
		}
		imp.Path = kind + moved
		return strings.TrimRight(lang.PrintDef(f.Defs[0]), "\n")
	}
	return source
}

func (sh *shell) updateNames(ctx context.Context, arg string) error {
	return sh.update(ctx, strings.Fields(arg))
}

// chosen are the bindings that an argument names; * names all.
func (sh *shell) chosen(arg string) ([]*binding, error) {
	if arg == "*" {
		return sh.scope.all(), nil
	}
	var list []*binding
	for _, name := range strings.Fields(arg) {
		b := sh.scope.defs[name]
		if b == nil || b.about.Source == "" {
			var known []string
			for _, b := range sh.scope.all() {
				known = append(known, b.name)
			}
			if name == "it" && b != nil {
				return nil, Misuse(errors.New("`it` changes with every value; give it a name first: let x = it"))
			}
			return nil, Misuse(fmt.Errorf("%s is not defined here%s", lang.Cut(name), hint(lang.Suggest(name, known))))
		}
		list = append(list, b)
	}
	return list, nil
}

func (sh *shell) keep(ctx context.Context, arg string) error {
	if arg == "" {
		kept := 0
		for _, b := range sh.scope.all() {
			if b.kept {
				kept++
				what := b.about.Source
				if b.module == nil {
					what = shortCID(b.cid)
				}
				fmt.Fprintf(sh.out, "* %s %s\n", sh.paint(styleName, b.name), sh.paint(styleDim, what))
			}
		}
		if n := len(sh.scope.unkept()); kept == 0 || n > 0 {
			fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%d kept, %d not; :keep NAME keeps one, :keep * all", kept, n)))
		}
		notes, err := sh.work.history(5)
		if len(notes) > 0 {
			fmt.Fprintln(sh.errs, sh.paint(styleDim, "done: "+strings.Join(notes, " ← ")))
		}
		return err
	}
	list, err := sh.chosen(arg)
	if err != nil {
		return err
	}
	if list = sh.scope.with(list); len(list) == 0 {
		return Misuse(errors.New("nothing is defined here, so there is nothing to keep"))
	}
	if sh.unkept {
		return missing("the store is in memory only, so nothing can be kept")
	}
	if err := sh.work.keep(ctx, list); err != nil {
		return err
	}
	var names []string
	for _, b := range list {
		names = append(names, b.name)
	}
	fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%s kept; workspace @%s", strings.Join(names, ", "), sh.work.root)))
	return nil
}

func (sh *shell) undo(ctx context.Context, _ string) error {
	note, err := sh.work.undo(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(sh.errs, sh.paint(styleDim, "undone: "+note))
	return nil
}

func (sh *shell) drop(ctx context.Context, arg string) error {
	if err := need(arg, "names, as in :drop mean"); err != nil {
		return err
	}
	list, err := sh.chosen(arg)
	if err != nil {
		return err
	}
	var kept []string
	for _, b := range list {
		if _, ok := sh.work.names.Get(b.name); ok {
			kept = append(kept, b.name)
		}
	}
	if len(kept) > 0 {
		if err := sh.work.change(ctx, "drop "+strings.Join(kept, " "), func(m *graph.Map) *graph.Map {
			for _, name := range kept {
				m = m.Remove(name)
			}
			return m
		}); err != nil {
			return err
		}
	}
	for _, b := range list {
		delete(sh.scope.defs, b.name)
	}
	text := plural(len(list), "name") + " dropped"
	if len(kept) > 0 {
		text += "; :undo brings back in the workspace: " + strings.Join(kept, ", ")
	}
	fmt.Fprintln(sh.errs, sh.paint(styleDim, text))
	return nil
}

func (sh *shell) publish(ctx context.Context, arg string) error {
	if arg == "" {
		arg = "*"
	}
	all := arg == "*"
	list, err := sh.chosen(arg)
	if err != nil {
		return err
	}
	for _, b := range list {
		if b.module != nil && !all {
			return Misuse(fmt.Errorf("%s is an import; publish what is defined of it: let name = %s.name", b.name, b.name))
		}
	}
	if list = slices.DeleteFunc(list, func(b *binding) bool { return b.module != nil }); len(list) == 0 {
		return Misuse(errors.New("nothing is defined here, so there is nothing to publish"))
	}
	terms, about := map[string]cid.Cid{}, map[string]cid.Cid{}
	for _, b := range list {
		block := graph.EncodeAbout(b.about, sh.sink())
		sh.sink().Take(block)
		if b.term.Op != graph.OpRef {
			sh.sink().Take(graph.EncodeCode(b.term, sh.sink()))
		}
		terms[b.name], about[b.name] = b.cid, block.CID
	}
	p, err := sh.store.Publish(ctx, terms, about)
	what := "library of " + strings.Join(strings.Fields(arg), " ")
	if err == nil {
		_, err = sh.store.Pin(ctx, store.Pin{CID: p.Root, Name: oneLine(what, shownBytes)})
	}
	if err != nil {
		return &failure{exitMissing, err}
	}
	sh.seen[p.Root] = what
	fmt.Fprintln(sh.out, "@"+p.Root.String())
	fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%s in %s; let mine = import @… uses them", plural(len(terms), "name"), sizeText(p.Size))))
	return nil
}

func (sh *shell) importCar(ctx context.Context, arg string) error {
	if err := need(arg, "a CAR file, as in :import quakes.car (a library is imported by let name = import @CID)"); err != nil {
		return err
	}
	path := unquoted(arg)
	f, err := os.Open(path)
	if err != nil {
		return Misuse(err)
	}
	defer f.Close()
	got, err := sh.store.Import(ctx, f, filepath.Base(path))
	if err == nil {
		err = sh.pinImported(ctx, got.Roots, path)
	}
	if err == nil || got.Blocks > 0 {
		fmt.Fprintln(sh.errs, sh.paint(styleDim, fmt.Sprintf("%s, %s", sizeText(got.Size), plural(got.Claims, "claim"))))
	}
	if err != nil {
		return &failure{exitMissing, fmt.Errorf("%s: %w", path, err)}
	}
	sh.warnLacks(path, got)
	for _, root := range got.Roots {
		sh.seen[root] = "imported from " + filepath.Base(path)
		fmt.Fprintln(sh.out, "@"+root.String())
	}
	return nil
}

func (sh *shell) link(_ context.Context, arg string) error {
	switch arg {
	case "":
		if arg = sh.opt.Link; arg == "" {
			arg = "auto"
		}
		fmt.Fprintln(sh.out, arg)
		return nil
	case "auto", "all", "none":
		sh.opt.Link = arg
		sh.machine = sh.newMachine()
		return nil
	}
	return Misuse(fmt.Errorf("got %s, want auto, all or none", lang.Cut(arg)))
}

func (sh *shell) fuel(_ context.Context, arg string) error {
	switch arg {
	case "":
		if sh.opt.Fuel == 0 {
			fmt.Fprintln(sh.out, "off")
		} else {
			fmt.Fprintln(sh.out, sh.opt.Fuel)
		}
		return nil
	case "off", "0":
		sh.opt.Fuel = 0
	default:
		n, err := strconv.ParseUint(strings.ReplaceAll(strings.ReplaceAll(arg, "_", ""), ",", ""), 10, 64)
		if err != nil {
			return Misuse(fmt.Errorf("got %s, want a number of steps, or off", lang.Cut(arg)))
		}
		sh.opt.Fuel = n
	}
	sh.machine = sh.newMachine()
	return nil
}

func (sh *shell) steps(ctx context.Context, arg string) error {
	if err := need(arg, "an expression, as in :steps fold (+) 0 [1, 2, 3]"); err != nil {
		return err
	}
	expr, err := sh.expression(ctx, arg)
	if err != nil {
		return err
	}
	return sh.walk(ctx, expr)
}
