// This file says what a name may have meant that nothing defines.

package compile

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rosser-lang/rosser/lang"
)

// foreign are names that people bring from other languages, with what to write instead.
var foreign = [...]struct{ names, hint string }{
	{"print println printf puts putStrLn echo log trace", "the value of a program is printed; `debug \"label\" x` shows one on the way"},
	{"len size count strlen", "`length x` is that of a list, map, text or bytes"},
	{"for foreach forEach each iter loop while until", "there are no loops: `map`, `filter`, `fold` and `range` go over lists, and functions call themselves"},
	{"lambda fn fun func function def defn proc", "a function is `\\x -> …`, a definition `let f x = …`"},
	{"var val const", "a definition is `let x = …`"},
	{"elif elsif elseif unless", "a chain of conditions is `if … then … else if … then … else …`"},
	{"switch case when", "cases are `match x { | p -> … | q -> … }`"},
	{"where", "local names stand before the expression: `let x = … in …`; `filter f xs` keeps elements"},
	{"return", "the value of a function is its body"},
	{"nil none undefined nothing void NULL", "what says nothing is `null`; what may be missing is `Some x` or `None`"},
	{"throw raise panic fail failwith abort assert", "`error v` makes an error, `try e` catches one"},
	{"catch except rescue", "`match try e { | Ok x -> … | Err e -> … }` catches an error"},
	{"str toString to_string string repr stringify format sprintf", "`show x` makes text of any value, and so does \"\\(x)\" in a text"},
	{"int toInt to_int atoi", "`parseInt s` reads an int from text, `truncate x` and `round x` make one of a float"},
	{"float to_float atof", "`toFloat x` makes a float of an int, `parseFloat s` reads one from text"},
	{"append push cons snoc prepend", "an element is put in by `[...xs, x]` or `[x, ...xs]`; lists are joined by `++`"},
	{"concatenate strcat extend", "lists and texts are joined by `++`"},
	{"tail rest cdr tl", "`drop 1 xs` is the list without its first element"},
	{"first car hd", "`head xs` is Some of the first element, or None"},
	{"init pop", "`take (length xs - 1) xs` is the list without its last element"},
	{"nth elemAt get index", "an element is `xs.0`, or `at i xs`, which is Some x or None; of a map, `m.key` or `Map.get`"},
	{"foldl foldl' foldLeft fold_left inject accumulate aggregate", "`fold f acc xs` calls `f acc x`, from the left"},
	{"foldRight fold_right", "`foldr f acc xs` calls `f x acc`, from the right"},
	{"select keep", "`filter f xs` keeps the elements for which f is true"},
	{"reject exclude", "`filter (f >> not) xs` leaves out the elements for which f is true"},
	{"collect transform fmap lapply", "`map f xs` calls f on each element"},
	{"concatMap flat_map mapcat", "`flatMap f xs` joins the lists that f answers"},
	{"flatten flat", "`concat xss` joins lists"},
	{"includes member has elem", "`contains x xs` says whether a list has x, `Map.has key m` whether a map has a key"},
	{"mod rem modulo", "the remainder is `x % y`"},
	{"div quot", "division is `x / y`, a float, or `x // y`, rounded down"},
	{"power expt", "a power is `pow x y`"},
	{"or xor", "bools are joined by `a && b` and `a || b`"},
	{"items pairs", "`Map.entries m`, `Map.keys m` and `Map.values m` are the parts of a map"},
	{"list array tuple dict hash", "a list is written `[a, b]`, a pair too, a map `{key: value}`"},
	{"require include use open", "definitions are read by `let m = import \"./other.ros\"`, data by `import \"csv:PATH\"` or `\"json:PATH\"`"},
	{"type data class struct enum interface", "no types are declared: values are lists, maps and tags, as in `Circle r`"},
	{"sorted orderBy order_by sort_by sortOn", "`sort xs`, `sortBy key xs` and `sortWith before xs` answer a sorted list"},
	{"empty null", "`isEmpty xs` says whether a list, map or text is empty"},
	{"rev reversed", "`reverse xs` is the list from its end"},
	{"zipWithIndex withIndex", "`enumerate xs` is the list of [index, x]"},
	{"uniq distinct nub", "`unique xs` leaves out what comes again"},
	{"exists some every forall", "`any f xs` and `all f xs` ask all elements"},
	{"identity", "`id x` is x"},
	{"even isEven", "an even number is `n % 2 == 0`"},
	{"odd isOdd", "an odd number is `n % 2 != 0`"},
	{"fst", "the first of a pair is `p.0`"},
	{"snd", "the second of a pair is `p.1`"},
	{"succ inc", "the next number is `n + 1`"},
	{"pred dec", "the number before is `n - 1`"},
	{"negate neg", "a negative is written `-x`; the function is `\\x -> -x`"},
	{"square sqr", "a square is `x * x`"},
	{"unwords", "`Text.join \" \" xs` joins texts"},
	{"unlines", "`Text.join \"\\n\" xs` joins lines"},
	{"module package namespace", "a file has no head: another reads its definitions by `let m = import \"./m.ros\"`"},
	{"compose", "`f >> g` calls f, then g"},
	{"otherwise", "the last case is an `else`, or the arm `| _ -> …` of a `match`"},
	{"input readLine getLine readline scanf getchar", "a program reads nothing while it runs; data is read by `import \"csv:PATH\"`, `json:` or `file:`"},
}

// typed are the words that people type first in a session, as a whole expression.
var typed = map[string]string{
	"help": "in a session, `:help` says what can be typed", "man": "in a session, `:help NAME` says what a function does",
	"quit": "a session ends with `:quit` or Ctrl-D", "exit": "a session ends with `:quit` or Ctrl-D", "bye": "a session ends with `:quit` or Ctrl-D",
	"ls": "in a session, `:help` lists what can be typed", "dir": "in a session, `:help` lists what can be typed",
}

var foreignHints = sync.OnceValue(func() map[string]string {
	hints := map[string]string{}
	for _, f := range foreign {
		for _, name := range strings.Fields(f.names) {
			hints[name] = f.hint
		}
	}
	return hints
})

// maxKnown is how many of a file's names are looked at for a suggestion.
const maxKnown = 10_000

// meant says what an unknown name at a place may have meant: one of the file's own, one of another language, one of the library.
func (r *resolver) meant(at lang.Span, module, name string) string {
	full := name
	var own, library []string
	if module == "" {
		for name := range r.scope {
			own = append(own, name)
		}
		for _, t := range r.order[:min(len(r.order), maxKnown)] {
			if t.name != "" {
				own = append(own, t.name)
			}
		}
	} else {
		full = module + "." + name
	}
	if module == "" && r.alone(at) && typed[name] != "" {
		return "; " + typed[name]
	}
	if r.afterDashes(at) {
		return "; a comment begins with `#`"
	}
	if s := suggestion(full, own); s != "" {
		return s
	}
	if module == "" && r.isRec(name) {
		return "; `rec` is a name like others here: a function sees itself without it, as in `let f x = …`"
	}
	if hint := foreignHints()[name]; hint != "" && module == "" {
		return "; " + hint
	}
	if r.Names != nil {
		library = r.Names()
	}
	if s := suggestion(full, library); s != "" {
		return s
	}
	// The same name elsewhere.
	var same []string
	for _, n := range library {
		if n == name || strings.HasSuffix(n, "."+name) {
			same = append(same, n)
		}
	}
	if len(same) > 0 {
		slices.Sort(same)
		return fmt.Sprintf("; did you mean %s?", strings.Join(same[:min(len(same), 3)], " or "))
	}
	if module != "" {
		var has []string
		for _, n := range library {
			if rest, ok := strings.CutPrefix(n, module+"."); ok {
				has = append(has, rest)
			}
		}
		if len(has) == 0 {
			return "; there is no module of that name"
		}
		slices.Sort(has)
		return fmt.Sprintf("; %s has %s", lang.Cut(module), describe(has))
	}
	return ""
}

// isRec says whether a name is what `let rec f x = …` seems to define.
func (r *resolver) isRec(name string) bool {
	t := r.tops["rec"]
	if t == nil || t.def == nil || len(t.def.Params) == 0 {
		return false
	}
	first, ok := t.def.Params[0].(*lang.NamePat)
	return ok && first.Name == name
}

// alone says whether the name at a place is the program's final expression, or what that applies.
func (r *resolver) alone(at lang.Span) bool {
	body := r.file.Body
	if a, ok := body.(*lang.Apply); ok {
		body = a.Fn
	}
	return body != nil && body.Where() == at
}

// afterDashes says whether a place follows `--`, or `//` at the start of a line, which begin a comment elsewhere.
func (r *resolver) afterDashes(at lang.Span) bool {
	src := r.file.Source // "" for a tree that was not parsed
	before := strings.TrimRight(src[:min(at.Start, len(src))], " ")
	return strings.HasSuffix(before, "--") || strings.HasSuffix(before, "\n//")
}
