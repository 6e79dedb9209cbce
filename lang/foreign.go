// This file says what somebody may have meant who writes as in another language. All of it is for messages alone.

package lang

import (
	"fmt"
	"strings"
)

const (
	commentHint   = "a comment begins with `#`"
	comprehension = "; a list is made from another by `map (\\x -> …) xs`, and `filter` takes elements out"
	changed       = "; `{...p, key: value}` is the map p with an entry changed"

	afterKey   = "`:`, `,` or `}` after the key"
	arrowWant  = "`->`, `|`, `as` or a guard"
	importWant = "the path of a file in quotes, or a link"

	maxSection = 20 // bytes of an operand that are shown
)

// strange is what an item has that means something else in other languages. Offsets are 0 for what it does not have,
// but for start.
type strange struct {
	start  int // of the item
	caseAt int // the end of `case`
	of     bool
	where  int // the end of `where`
	dashes int // the end of `--`
}

// strangeName notes a name that is a keyword elsewhere.
func (p *parser) strangeName(name string, start int) {
	switch name {
	case "case":
		p.strange.caseAt, p.strange.of = start+len(name), false
	case "of":
		p.strange.of = true
	case "where":
		p.strange.where = start + len(name)
	}
}

// dashes notes the second `-` of what may begin a comment: after space, and not before a number.
func (p *parser) dashes() {
	src, at := p.file.Source, p.at()
	if at == 0 || src[at-1] != '-' || at > 1 && strings.IndexByte(" \t\n", src[at-2]) < 0 {
		return
	}
	if c := p.scanner.at(at + 1); class[c] != cDigit && strings.IndexByte("-(.", c) < 0 {
		p.strange.dashes = at + 1
	}
}

// foreign blames a mistake on what made it, where that is the habit of another language.
func (p *parser) foreign(failed *Error) {
	src, at := p.file.Source, failed.Span.Start
	blame := func(end, length int, message string) {
		failed.Span, failed.Message = Span{end - length, end}, message
	}
	s := &p.strange
	if s.dashes > 0 && s.dashes <= at && (strings.IndexByte(src[s.dashes:at], '\n') < 0 || p.scanner.after(s.dashes) == at) {
		blame(s.dashes, len("--"), "got `--`, which is two signs; "+commentHint)
		return
	}
	if s.caseAt > 0 && s.of {
		blame(s.caseAt, len("case"), "got `case … of`, want `match x { | p -> … | q -> … }`")
		return
	}
	assigns := at < len(src) && src[at] == '='
	if s.where > 0 && assigns {
		blame(s.where, len("where"), "got `where`; local names stand before the expression: `let x = … in …`")
		return
	}
	word := p.scanner.wordAt(s.start)
	next := p.scanner.after(s.start + len(word))
	if next > at {
		return
	}
	capital := next < len(src) && class[src[next]] == cUpper
	name := next < len(src) && class[src[next]] == cLower
	switch word {
	case "type", "data", "newtype", "class", "struct", "enum", "interface":
		if capital || name && assigns || p.scanner.wordAt(next) == "alias" {
			blame(s.start+len(word), len(word), fmt.Sprintf("got `%s`; tags need no declaration: `Circle 2` is a value, and types are not written", word))
		}
	case "module":
		if capital {
			blame(s.start+len(word), len(word), "got `module`; a file has no head: another reads its definitions by `let m = import \"./m.ros\"`")
		}
	case "def", "defn", "fn", "fun", "func", "function":
		if name && at < len(src) && (strings.IndexByte("=:-", src[at]) >= 0 || word == "function") {
			blame(s.start+len(word), len(word), fmt.Sprintf("got `%s`; a definition is `let f x = …`", word))
		}
	case "for", "foreach":
		if strings.HasPrefix(src[at:], "in") {
			blame(s.start+len(word), len(word), fmt.Sprintf("got `%s`; there are no loops: `map f xs`, `filter f xs` and `fold f acc xs` go over lists", word))
		}
	}
}

// failImport fails at an `import` that is not the right side of a definition.
func (p *parser) failImport() {
	at := p.here()
	p.next()
	const alone = "an import can only be the whole right side of a top-level `let`"
	switch p.tok.Type {
	case tTag:
		p.failAt(at, "%s; the library's modules need none: write `List.scan`", alone)
	case tText, tName:
		p.failAt(at, "%s: `let m = import \"./m.ros\"`", alone)
	}
	p.failAt(at, "%s", alone)
}

// failDot fails at a `.` that touches no operand.
func (p *parser) failDot() {
	const touching = "the `.` of a field touches what it belongs to"
	if strings.IndexByte(" \n", p.scanner.at(p.here().End)) >= 0 {
		p.failAt(p.here(), "%s; `f . g` of functions is `g >> f`", touching)
	}
	p.failAt(p.here(), "%s; a function is `(.name)`", touching)
}

// section is the function that an operator with one operand is elsewhere.
func section(left, op, right string) string {
	x := "x"
	operand := strings.TrimSpace(left + right)
	if strings.Contains(operand, x) {
		x = "y"
	}
	if len(operand) > maxSection || strings.ContainsAny(operand, "\n`") || strings.Contains(operand, x) {
		x, operand = "x", "…"
	}
	if left == "" {
		return fmt.Sprintf("`\\%s -> %s %s %s`", x, x, op, operand)
	}
	return fmt.Sprintf("`\\%s -> %s %s %s`", x, operand, op, x)
}
