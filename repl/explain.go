// This file makes prose of a program's error: what happened, and what may have been meant.

package repl

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// An explanation is what is said of a program's error.
type explanation struct {
	text  string   // what happened, which begins with the kind
	notes []string // lines that belong to it
	hint  string   // what to do about it, "" when nothing is known
}

// A fault is the node of code at which a program's error happened, as far as it is at hand.
type fault struct {
	node   *graph.Term
	prim   string   // the primitive that is applied there, or "get"
	arity  int      // of the function that is applied there, 0 if that is not known
	source string   // of the node
	parts  []string // of its parts, the function of an application first
	spans  []lang.Span
}

// fault finds the node at which an error happened.
func (s *Session) fault(t *eval.Thrown) (f fault) {
	if !t.Block.Defined() {
		return f
	}
	code, err := graph.LoadCode(t.Block, s.Load)
	if err != nil {
		return f
	}
	count := 0
	graph.Walk(code, func(i int, n *graph.Term) {
		if i == t.Index {
			f.node = n
		}
		count++
	})
	if f.node == nil {
		return f
	}
	if f.node.Op == graph.OpGet {
		f.prim = "get"
	}
	if f.node.Op == graph.OpApp {
		head := f.node.Args[0]
		if head.Op == graph.OpPrim {
			f.prim = head.Name
		}
		if head.Op == graph.OpVar {
			head = bindingOf(code, f.node, head.Index)
		}
		f.arity = s.arity(head, code)
	}
	p, ok := s.places[t.Block]
	if !ok || len(p.spans) != count {
		return f
	}
	text := func(at lang.Span) string { return p.file.Source[at.Start:at.End] }
	f.source = text(p.spans[t.Index])
	index := t.Index + 1
	for _, a := range f.node.Args {
		f.parts, f.spans = append(f.parts, text(p.spans[index])), append(f.spans, p.spans[index])
		graph.Walk(a, func(int, *graph.Term) { index++ })
	}
	return f
}

// arity is how many arguments a function in code waits for, 0 if that is not known.
func (s *Session) arity(fn, code *graph.Term) int {
	switch {
	case fn == nil:
	case fn.Op == graph.OpApp:
		return max(0, s.arity(fn.Args[0], code)-len(fn.Args)+1)
	case fn.Op == graph.OpPrim:
		if p := eval.Prims()[fn.Name]; p != nil {
			return p.Arity
		}
	case fn.Op == graph.OpSelf && code.Op == graph.OpRec && fn.Index < len(code.Args):
		return code.Args[fn.Index].Arity
	case fn.Op == graph.OpRef:
		t, err := graph.LoadCode(fn.CID, s.Load)
		if err == nil && t.Op == graph.OpMember {
			_, t, err = graph.LoadMember(t, s.Load)
		}
		if err == nil && t.Op == graph.OpLam {
			return t.Arity
		}
	}
	return 0
}

// bindingOf is what a let around a node binds to the variable of a level, nil if it is a parameter.
func bindingOf(code, node *graph.Term, level int) (bound *graph.Term) {
	var find func(t *graph.Term, depth int, has *graph.Term) bool
	find = func(t *graph.Term, depth int, has *graph.Term) bool {
		if t == node {
			bound = has
			return true
		}
		switch t.Op {
		case graph.OpLam:
			return find(t.Args[0], t.Arity, nil)
		case graph.OpLet:
			within := has
			if depth == level {
				within = t.Args[0]
			}
			return find(t.Args[0], depth, has) || find(t.Args[1], depth+1, within)
		}
		for _, a := range t.Args {
			if find(a, depth, has) {
				return true
			}
		}
		return false
	}
	find(code, 0, nil)
	return bound
}

// part is the source of a part on one line, cut.
func (f *fault) part(i int) string {
	if i >= len(f.parts) {
		return ""
	}
	return oneLine(f.parts[i], shownBytes)
}

// symbols are the operators that are primitives.
var symbols = map[string]string{
	"num.add": "+", "num.sub": "-", "num.mul": "*", "num.div": "/", "num.intdiv": "//", "num.mod": "%", "seq.append": "++",
	"cmp.eq": "==", "cmp.ne": "!=", "cmp.lt": "<", "cmp.le": "<=", "cmp.gt": ">", "cmp.ge": ">=",
}

// articled is a kind, or what a primitive says that it wants, with its article.
func articled(kind string) string {
	switch {
	case kind == "", kind == "text", kind == "bytes", kind == "null", strings.HasPrefix(kind, "text "), strings.HasPrefix(kind, "bytes "):
		return kind
	case strings.IndexByte("aeiou", kind[0]) >= 0:
		return "an " + kind
	}
	return "a " + kind
}

// called is a value with its kind, cut: int 5.
func (s *Session) called(v graph.Value) string {
	switch v.Kind() {
	case graph.KindNull:
		return "null"
	case graph.KindFn:
		name, missing := s.function(v.Fn())
		if _, anonymous := strings.CutPrefix(name, "a function "); anonymous {
			return name
		}
		text := "the function " + name
		if len(v.Fn().Args) > 0 {
			text += " with " + plural(len(v.Fn().Args), "argument")
		}
		if missing > 0 {
			text += fmt.Sprintf(", which waits for %d more", missing)
		}
		if len(v.Fn().Args) == 0 {
			return "the function " + name
		}
		return text
	}
	return v.Kind().String() + " " + brief(v)
}

// function is the name of a function value, and how many arguments it waits for, 0 if that is not known.
func (s *Session) function(fn *graph.Fn) (name string, missing int) {
	if fn.Prim != "" {
		if p := eval.Prims()[fn.Prim]; p != nil {
			missing = p.Arity - len(fn.Args)
		}
		return primitiveName(fn.Prim), missing
	}
	missing = s.arity(&graph.Term{Op: graph.OpRef, CID: fn.Head}, nil) - len(fn.Args)
	return s.nameOf(eval.Call{Fn: fn.Head}), max(missing, 0)
}

// explain says what is known of an error.
func (s *Session) explain(e *eval.Error, at fault) explanation {
	field := func(key string) (graph.Value, bool) {
		if e.Value.Kind() != graph.KindMap {
			return graph.Value{}, false
		}
		return e.Value.Map().Get(key)
	}
	pair := func() (a, b graph.Value, ok bool) {
		if e.Value.Kind() != graph.KindList || e.Value.List().Len() != 2 {
			return a, b, false
		}
		return e.Value.List().At(0), e.Value.List().At(1), true
	}
	symbol := symbols[at.prim]
	switch e.Kind {
	case "error":
		if e.Value.Kind() == graph.KindText {
			return explanation{text: cutLines(e.Value.Text())}
		}
		return explanation{text: "error " + brief(e.Value)}
	case "wrong kind":
		got, ok := field("got")
		want, ok2 := field("want")
		if ok && ok2 && want.Kind() == graph.KindText {
			text := fmt.Sprintf("wrong kind: got %s, want %s", s.called(got), articled(oneLine(want.Text(), shownBytes)))
			if symbol != "" {
				text += " for " + symbol
			}
			return explanation{text: text, hint: s.wrongKind(got, want.Text(), at)}
		}
	case "no field":
		name, ok := field("field")
		in, ok2 := field("in")
		if ok && ok2 {
			return s.noField(name, in, at)
		}
	case "no match":
		return s.noMatch(e.Value, at)
	case "not a function":
		return explanation{text: "not a function: got " + s.called(e.Value), hint: s.notFunction(e.Value, at)}
	case "divide by zero":
		if symbol != "" {
			return explanation{text: fmt.Sprintf("divide by zero: got %s %s 0", brief(e.Value), symbol)}
		}
	case "not a number":
		x := explanation{hint: "a float is finite: what would be infinite, or no number at all, is an error"}
		if a, b, ok := pair(); ok && symbol != "" {
			x.text = fmt.Sprintf("not a number: no float is the answer of %s %s %s", brief(a), symbol, brief(b))
		} else {
			x.text = "not a number: no float is the answer for " + brief(e.Value)
		}
		return x
	case "out of range":
		x := explanation{text: "out of range: got " + brief(e.Value)}
		a, b, two := pair()
		switch {
		case at.prim == "image.scale" && two:
			x.text = fmt.Sprintf("out of range: got a size of %s × %s", brief(a), brief(b))
			x.hint = "an image is scaled down, to 1 × 1 or more: Image.fit keeps its proportions and never enlarges it"
		case two && a.Kind() == graph.KindInt && b.Kind() == graph.KindInt:
			if symbol != "" {
				x.text = fmt.Sprintf("out of range: got %s %s %s", brief(a), symbol, brief(b))
			}
			x.hint = "an int has at most 4,000,000 digits"
		case at.prim == "num.pow" && e.Value.Kind() == graph.KindInt:
			x.hint = "an exponent of ints is 0 or more; of floats it may be negative: pow 2.0 (-1)"
		case e.Value.Kind() == graph.KindText && strings.HasPrefix(at.prim, "text.pad"):
			x.hint = "the padding is one character"
		case at.prim == "text.fromCodes":
			x.hint = "that is no code point of Unicode"
		case strings.HasPrefix(at.prim, "bytes."):
			x.hint = "a byte is an int from 0 to 255"
		}
		return x
	case "compare functions":
		x := explanation{text: "compare functions: functions are not equal or different"}
		if a, b, ok := pair(); ok {
			x.text = fmt.Sprintf("compare functions: got %s and %s", s.called(a), s.called(b))
			x.hint = "functions have no equality: compare what they answer"
		}
		return x
	case "cannot compare":
		if a, b, ok := pair(); ok {
			x := explanation{text: fmt.Sprintf("cannot compare: got %s and %s", s.called(a), s.called(b)), hint: s.cannotCompare(a, b)}
			if symbol != "" {
				x.text += " for " + symbol
			}
			return x
		}
	case "cannot show":
		return explanation{text: "cannot show: got a map whose sole key is \"/\", which would read as a link or bytes"}
	case "bad text":
		format, _ := field("format")
		line, ok := field("line")
		column, ok2 := field("column")
		reason, ok3 := field("reason")
		if ok && ok2 && ok3 && reason.Kind() == graph.KindText && format.Kind() == graph.KindText {
			return explanation{text: fmt.Sprintf("bad text: at line %s, column %s of the %s: %s", brief(line), brief(column), strings.ToUpper(oneLine(format.Text(), shownBytes)), oneLine(reason.Text(), errorBytes))}
		}
	case "bad bytes":
		format, ok := field("format")
		reason, ok2 := field("reason")
		if ok && ok2 && reason.Kind() == graph.KindText && format.Kind() == graph.KindText {
			return explanation{text: fmt.Sprintf("bad bytes: in the %s data: %s", oneLine(format.Text(), shownBytes), oneLine(reason.Text(), errorBytes))}
		}
	case "different formats":
		if a, b, ok := pair(); ok {
			return explanation{text: fmt.Sprintf("different formats: got %s and %s", brief(a), brief(b))}
		}
	case "test failed":
		actual, ok := field("actual")
		expected, ok2 := field("expected")
		if ok && ok2 {
			return explanation{text: fmt.Sprintf("test failed: got %s, want %s", brief(actual), brief(expected))}
		}
	}
	return explanation{text: oneLine(e.Kind, shownBytes) + ": " + brief(e.Value)}
}

// oneLine is a text without line breaks, cut.
func oneLine(text string, n int) string {
	return cut(strings.Join(strings.Fields(cut(text, 4*n)), " "), n)
}

const maxLines = 20 // of a program's own message

// cutLines shortens a program's own message.
func cutLines(text string) string {
	lines := strings.SplitN(cut(text, errorBytes), "\n", maxLines+1)
	if len(lines) > maxLines {
		lines[maxLines] = "…"
	}
	return strings.Join(lines, "\n  ")
}

// wrapper is the tag of a value that is Some, None, Ok or Err.
func wrapper(v graph.Value) string {
	if v.Kind() == graph.KindMap {
		if key, x, ok := v.Map().Only(); ok {
			switch key {
			case "Some", "Ok", "Err":
				return key
			case "None":
				if x.Kind() == graph.KindNull {
					return key
				}
			}
		}
	}
	return ""
}

// unwrap says how to get at what a value wraps; "" when it wraps nothing.
func unwrap(v graph.Value) string {
	switch tag := wrapper(v); tag {
	case "Some", "None":
		return "it may be there or not: match e { | Some x -> … | None -> … } takes it out"
	case "Ok", "Err":
		return "it may have failed: match e { | Ok x -> … | Err e -> … } takes it out"
	}
	if v.Kind() == graph.KindNull {
		return "null is told apart by a match: match e { | null -> … | x -> … }"
	}
	return ""
}

// Names of other languages' constants, which are tags here.
var constants = map[string]string{"True": "true", "False": "false", "Null": "null", "Nil": "null", "Nothing": "None", "Just": "Some"}

// wrongKind is the hint for a value where another kind is wanted.
func (s *Session) wrongKind(got graph.Value, want string, at fault) string {
	if hint := unwrap(got); hint != "" {
		return hint
	}
	kind := got.Kind()
	wants := func(kinds ...string) bool { return slices.Contains(kinds, want) }
	if kind == graph.KindMap {
		if key, x, ok := got.Map().Only(); ok && x.Kind() == graph.KindNull && constants[key] != "" {
			return fmt.Sprintf("%s is a tag; the constant is %s", key, constants[key])
		}
	}
	if kind == graph.KindFn {
		name, missing := s.function(got.Fn())
		switch {
		case at.prim != "" && symbols[at.prim] == "" && at.prim != "get" && len(got.Fn().Args) == 0:
			return "a function stands before the data, which is the last argument: map f xs"
		case missing > 0:
			return fmt.Sprintf("%s waits for %s more: f x y applies a function", name, plural(missing, "argument"))
		}
		return ""
	}
	switch {
	case at.prim == "get":
		if hint := method(at.node.Name, map[graph.Kind]string{graph.KindText: "Text", graph.KindBytes: "Bytes"}[kind]); hint != "" {
			return hint
		}
		switch kind {
		case graph.KindText:
			return "a text has no fields: Text.slice and Text.chars take parts of it, Json.parse reads a document"
		case graph.KindInt, graph.KindFloat, graph.KindBool:
			return "only maps and lists have fields"
		case graph.KindBytes:
			return "Bytes.slice and Bytes.toList take parts of bytes"
		}
	case at.prim == "num.add" && kind == graph.KindText:
		return "texts are joined by ++; parseInt and parseFloat read numbers from text"
	case at.prim == "num.add" && kind == graph.KindList:
		return "lists are joined by ++"
	case at.prim == "seq.append" && want == "text" || want == "text" && kind != graph.KindBytes && kind != graph.KindList:
		return "show makes text of any value, and so does \"\\(x)\" in a text"
	case at.prim == "seq.append" && want == "list":
		return "an element is put in by [...xs, x]"
	case (at.prim == "seq.append" || at.prim == "num.intdiv") && kind == graph.KindMap:
		return "maps are joined by {...a, ...b}"
	case at.prim == "seq.append" && (kind == graph.KindInt || kind == graph.KindFloat):
		return "numbers are added by +; show makes text of one"
	}
	switch {
	case kind == graph.KindText && want == "int":
		return "parseInt reads an int from text: Some n, or None"
	case kind == graph.KindText && wants("number", "float"):
		return "parseInt and parseFloat read numbers from text: Some n, or None"
	case kind == graph.KindFloat && wants("int", "text or int"):
		return "round, floor, ceil or truncate make one"
	case want == "bool":
		how := map[graph.Kind]string{graph.KindInt: "x != 0", graph.KindFloat: "x != 0", graph.KindText: `x != ""`, graph.KindList: "not (isEmpty xs)", graph.KindMap: "not (isEmpty m)"}[kind]
		if how != "" {
			return "only true and false are bools: compare, as in " + how
		}
		return "only true and false are bools"
	case want == "list" && kind == graph.KindMap:
		return "Map.entries, Map.keys and Map.values make lists of a map"
	case want == "list" && kind == graph.KindText:
		return "Text.chars, Text.words and Text.lines make lists of a text"
	case want == "list" && kind == graph.KindBytes:
		return "Bytes.toList makes a list of bytes"
	case want == "list" && kind == graph.KindInt:
		return "range a b is the list of the ints from a to b; [x] is a list of one"
	case want == "map" && kind == graph.KindList:
		return "Map.fromEntries makes a map of a list of pairs; map f xs goes over a list"
	case want == "pair":
		return "a pair is a list of two, as [key, value]"
	case want == "text" && kind == graph.KindList:
		return "Text.join joins a list of texts; show makes text of any value"
	case want == "text" && kind == graph.KindBytes:
		return "File.text makes text of a file's bytes; Bytes.text gives Some text, or None"
	case wants("bytes", "bytes or text") && kind == graph.KindMap:
		return "a directory is a map: Dir.at finds the file at a path in it"
	case wants("bytes", "bytes or text") && kind == graph.KindText:
		return "Bytes.fromText makes bytes of a text"
	}
	return ""
}

const maxNames = 10000 // fields that are looked at for a suggestion

// noField explains e.key where there is no such key.
func (s *Session) noField(name, in graph.Value, at fault) explanation {
	var key string
	switch name.Kind() {
	case graph.KindText:
		key = oneLine(name.Text(), errorBytes)
	default:
		key = brief(name)
	}
	shown := fmt.Sprintf("%q", cut(key, shownBytes))
	if in.Kind() == graph.KindList {
		n := in.List().Len()
		if _, ok := new(big.Int).SetString(key, 10); !ok {
			x := explanation{text: fmt.Sprintf("no field: got a list of %s, want a map with the field %s", plural(n, "element"), shown)}
			if x.hint = method(key, ""); x.hint == "" && n > 0 && in.List().At(0).Kind() == graph.KindMap {
				x.hint = fmt.Sprintf("map (.%s) xs takes the field of each element", cut(key, shownBytes))
			}
			return x
		}
		x := explanation{text: fmt.Sprintf("no field: got index %s, want one of a list of %s", cut(key, shownBytes), plural(n, "element"))}
		switch {
		case n == 0:
			x.hint = "the list is empty: `at 0 xs`, `head` and `last` answer None then"
		default:
			x.hint = fmt.Sprintf("its indices are 0 to %d; `at i xs` answers Some or None", n-1)
			if n == 1 {
				x.hint = "its only index is 0; `at i xs` answers Some or None"
			}
		}
		return x
	}
	x := explanation{text: fmt.Sprintf("no field: got %s, want one with the field %s", brief(in), shown)}
	if in.Kind() != graph.KindMap {
		return x
	}
	if hint := unwrap(in); hint != "" {
		x.hint = hint
		return x
	}
	var keys []string
	in.Map().Each(func(key string, _ graph.Value) bool {
		keys = append(keys, key)
		return len(keys) < maxNames
	})
	switch near := lang.Suggest(key, keys); {
	case near != "":
		x.hint = "did you mean " + near + "?"
	case len(keys) == 0:
		x.hint = "the map is empty; Map.get answers Some or None"
	default:
		if x.hint = method(key, "Map"); x.hint == "" {
			x.hint = "it has " + few(keys, in.Map().Len())
		}
	}
	return x
}

// method is the hint for a field that is a function's name, of a module or of none.
func method(name, module string) string {
	t, ok := stdlib.Lookup(module, name)
	if ok && module != "" {
		name = module + "." + name
	} else if t, ok = stdlib.Lookup("", name); !ok {
		return ""
	}
	others := " …"
	if p := eval.Prims()[t.Name]; t.Arity == 1 || t.Op == graph.OpPrim && p != nil && p.Arity == 1 {
		others = ""
	}
	return fmt.Sprintf("a function stands before what it is applied to: %s%s x, or x |> %s%s", name, others, name, others)
}

// few lists names, cut; n is how many there are in all.
func few(names []string, n int) string {
	text, shown := "", 0
	for _, name := range names {
		name = oneLine(name, shownBytes)
		if shown == 12 || len(text)+len(name) > 2*shownBytes && shown > 0 {
			break
		}
		if shown > 0 {
			text += ", "
		}
		text += name
		shown++
	}
	if shown < n {
		text += fmt.Sprintf(", … (%d in all)", n)
	}
	return text
}

const (
	maxMatch = 1 << 16 // bytes of a match that is read again
	maxTried = 6       // of its patterns that are shown
)

// noMatch explains a value that no pattern fits.
func (s *Session) noMatch(v graph.Value, at fault) explanation {
	x := explanation{text: "no match: no pattern fits " + brief(v)}
	if len(at.source) > 0 && len(at.source) <= maxMatch {
		var arms []string
		f, errs := lang.Parse("match", []byte(at.source))
		if m, ok := f.Body.(*lang.Match); ok && len(errs) == 0 && strings.HasPrefix(at.source, "match") {
			for _, a := range m.Arms {
				for _, p := range a.Patterns {
					text := f.Source[p.Where().Start:p.Where().End]
					if a.Guard != nil {
						text += " if …"
					}
					arms = append(arms, oneLine(text, shownBytes))
				}
			}
			shown := arms[:min(len(arms), maxTried)]
			if len(shown) > 0 {
				note := "tried | " + strings.Join(shown, " | ")
				if len(shown) < len(arms) {
					note += fmt.Sprintf(" | … (%d in all)", len(arms))
				}
				x.notes = []string{note}
			}
			x.hint = "an arm | _ -> … fits whatever the others do not"
		} else {
			x.text = fmt.Sprintf("no match: got %s, want %s", brief(v), oneLine(at.source, shownBytes))
		}
	}
	if key, x2, ok := onlyTag(v); ok && constants[key] != "" && x2.Kind() == graph.KindNull {
		x.hint = fmt.Sprintf("%s is a tag; the constant is %s", key, constants[key])
	}
	return x
}

func onlyTag(v graph.Value) (string, graph.Value, bool) {
	if v.Kind() != graph.KindMap {
		return "", graph.Value{}, false
	}
	return v.Map().Only()
}

// callbacks are how many arguments the functions get that some primitives call.
var callbacks = map[string]int{"list.fold": 2, "list.foldr": 2, "list.zipWith": 2, "list.sortWith": 2}

// notFunction is the hint for a value that is applied.
func (s *Session) notFunction(v graph.Value, at fault) string {
	if at.node == nil || at.node.Op != graph.OpApp {
		return ""
	}
	written := 0 // arguments, but not what the function captures, which stands where its name does
	for i := 1; i < len(at.spans); i++ {
		if at.spans[i] != at.spans[0] {
			written++
		}
	}
	head, arg := at.part(0), at.part(1)
	if extra := len(at.node.Args) - 1 - at.arity; at.arity > 0 && extra > 0 {
		if head == "" || extra >= written {
			return ""
		}
		return fmt.Sprintf("%s takes %s, got %d", head, plural(written-extra, "argument"), written)
	}
	if n := callbacks[at.prim]; n > 0 {
		return fmt.Sprintf("%s calls its function with %d arguments, and the function comes first", primitiveName(at.prim), n)
	}
	if at.prim != "" {
		return fmt.Sprintf("%s calls a function, which comes first: %s f xs", primitiveName(at.prim), primitiveName(at.prim))
	}
	if hint := unwrap(v); hint != "" {
		return hint
	}
	if head == "" {
		return ""
	}
	switch {
	case v.Kind() == graph.KindMap && strings.HasPrefix(arg, `["`) && strings.HasSuffix(arg, `"]`) && strings.Count(arg, `"`) == 2:
		key := arg[1 : len(arg)-1]
		field := key
		if name := strings.Trim(key, `"`); lang.IsName(name) {
			field = name
		}
		return fmt.Sprintf("a field is %s.%s, or `Map.get %s %s`, which is Some x or None", head, field, key, head)
	case strings.HasPrefix(arg, "[") && (v.Kind() == graph.KindList || v.Kind() == graph.KindMap || v.Kind() == graph.KindText):
		return fmt.Sprintf("an element is %s.0, or `at i %s`; a list after it is an argument", head, head)
	case v.Kind() == graph.KindText && strings.HasPrefix(arg, `"`):
		return "texts are joined by ++"
	case at.node.Args[0].Op == graph.OpLit && written > 0:
		return fmt.Sprintf("%s %s applies %s to %s: an operator or a comma may be missing", head, arg, head, arg)
	case written == 1:
		return fmt.Sprintf("%s is applied to %s as if it were one", head, arg)
	default:
		return fmt.Sprintf("%s is applied to %d arguments: it may take fewer", head, written)
	}
}

// cannotCompare is the hint for two values that < does not order.
func (s *Session) cannotCompare(a, b graph.Value) string {
	number := func(v graph.Value) bool { return v.Kind() == graph.KindInt || v.Kind() == graph.KindFloat }
	for _, v := range []graph.Value{a, b} {
		if hint := unwrap(v); hint != "" {
			return hint
		}
	}
	switch {
	case number(a) && b.Kind() == graph.KindText || number(b) && a.Kind() == graph.KindText:
		return "parseInt and parseFloat read numbers from text: Some n, or None"
	case a.Kind() == graph.KindMap && b.Kind() == graph.KindMap:
		return "compare one of their fields; sortBy (.name) xs orders by it"
	case a.Kind() != b.Kind():
		return "what is ordered is of one kind: numbers, texts, bytes, or lists of those"
	}
	return "only numbers, texts, bytes, and lists of those have an order"
}
