// This file reads regular expressions in RE2's syntax into trees. What a pattern means depends on nothing but this package:
// Perl's classes are ASCII, as in RE2, case folds by the table of case.go, and classes of Unicode are those of unicode.go.

package eval

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// What a pattern may be at most.
const (
	regexBytes  = 1 << 16 // of its text
	regexDepth  = 1000    // brackets in brackets
	regexRepeat = 1000    // the counts of a repetition, and of repetitions in it, multiplied
	regexGroups = 1000
	regexRanges = 1 << 19 // in its classes of Unicode
)

type regexOp uint8

const (
	regexEmpty regexOp = iota
	regexSet           // one code point of set
	regexAssert
	regexGroup // subs[0], captured as group n
	regexConcat
	regexAlternate
	regexTimes // subs[0] at least least and at most most times; most < 0 is no limit
)

// A regexNode is a part of a pattern.
type regexNode struct {
	op          regexOp
	set         *runeSet
	assert      assertion
	group       int
	least, most int
	lazy        bool
	subs        []*regexNode
	nullable    bool // it matches the empty text, as far as the tree shows
	load        int  // the largest product of nested counts in it
}

// An assertion is what holds at a place in a text.
type assertion uint8

const (
	beginText assertion = 1 << iota
	endText
	beginLine
	endLine
	wordBoundary
	noWordBoundary
)

// A regexError says what is wrong with a pattern, and at which byte.
type regexError struct {
	offset int
	reason string
}

// A regexParser reads a pattern. The first error stays, and ends the pattern.
type regexParser struct {
	s      string
	pos    int
	depth  int
	fold   bool // i
	lines  bool // m
	dot    bool // s
	swap   bool // U
	names  []string
	ranges int // in classes of Unicode so far
	err    *regexError
}

// parseRegex gives the tree of a pattern and the names of its groups, "" for one without; the first is the match itself.
func parseRegex(s string) (*regexNode, []string, *regexError) {
	if len(s) > regexBytes {
		return nil, nil, &regexError{0, fmt.Sprintf("the pattern has more than %d bytes", regexBytes)}
	}
	p := &regexParser{s: s, names: []string{""}}
	tree := p.alternation()
	if p.err == nil && p.pos < len(s) {
		p.fail(p.pos, "unexpected )")
	}
	return tree, p.names, p.err
}

func (p *regexParser) fail(offset int, reason string) {
	if p.err == nil {
		p.err = &regexError{offset, reason}
	}
	p.pos = len(p.s)
}

// next takes a code point; there is one.
func (p *regexParser) next() rune {
	r, w := utf8.DecodeRuneInString(p.s[p.pos:])
	p.pos += w
	return r
}

func (p *regexParser) peek(start string) bool { return strings.HasPrefix(p.s[p.pos:], start) }

func (p *regexParser) take(start string) bool {
	if p.peek(start) {
		p.pos += len(start)
		return true
	}
	return false
}

func (p *regexParser) alternation() *regexNode {
	n := &regexNode{op: regexAlternate, load: 1}
	for {
		sub := p.sequence()
		n.subs = append(n.subs, sub)
		n.nullable = n.nullable || sub.nullable
		n.load = max(n.load, sub.load)
		if !p.take("|") {
			break
		}
	}
	if len(n.subs) == 1 {
		return n.subs[0]
	}
	return n
}

func (p *regexParser) sequence() *regexNode {
	n := &regexNode{op: regexConcat, nullable: true, load: 1}
	repeated := false // what stands before is a repetition
	for p.pos < len(p.s) && !p.peek("|") && !p.peek(")") {
		at := p.pos
		if least, most, ok := p.count(); ok {
			switch {
			case len(n.subs) == 0:
				p.fail(at, "nothing to repeat")
			case repeated:
				p.fail(at, "a repetition of a repetition needs parentheses")
			default:
				p.repeat(at, n, least, most)
			}
			repeated = true
			continue
		}
		repeated = false
		n.subs = p.atom(n.subs)
	}
	for _, sub := range n.subs {
		n.nullable = n.nullable && sub.nullable
		n.load = max(n.load, sub.load)
	}
	return n
}

// count takes a repetition operator without its final `?`. A brace that begins none is a character.
func (p *regexParser) count() (least, most int, ok bool) {
	switch p.s[p.pos] {
	case '*':
		p.pos++
		return 0, -1, true
	case '+':
		p.pos++
		return 1, -1, true
	case '?':
		p.pos++
		return 0, 1, true
	case '{':
		start := p.pos
		p.pos++
		if least, ok = p.number(); ok {
			most = least
			if p.take(",") {
				if most = -1; !p.peek("}") {
					most, ok = p.number()
				}
			}
			if ok && p.take("}") {
				if least > regexRepeat || most > regexRepeat || most >= 0 && least > most {
					p.fail(start, fmt.Sprintf("a repetition counts from the lesser to the greater, up to %d", regexRepeat))
				}
				return least, most, true
			}
		}
		p.pos = start
	}
	return 0, 0, false
}

// number takes a decimal number without leading zeros; one that is too large is regexRepeat+1.
func (p *regexParser) number() (int, bool) {
	n, start := 0, p.pos
	for p.pos < len(p.s) && '0' <= p.s[p.pos] && p.s[p.pos] <= '9' {
		n = min(n*10+int(p.s[p.pos]-'0'), regexRepeat+1)
		p.pos++
	}
	return n, p.pos > start && (p.pos == start+1 || p.s[start] != '0')
}

func (p *regexParser) repeat(at int, n *regexNode, least, most int) {
	lazy := p.take("?") != p.swap
	last := &n.subs[len(n.subs)-1]
	sub := *last
	times := &regexNode{op: regexTimes, least: least, most: most, lazy: lazy, subs: []*regexNode{sub}, load: 1}
	times.nullable = least == 0 || sub.nullable
	if most != 0 {
		times.load = max(least, most, 1) * sub.load
	}
	if (least >= 2 || most >= 2) && times.load > regexRepeat {
		p.fail(at, fmt.Sprintf("repetitions in repetitions count more than %d", regexRepeat))
	}
	times.load = min(times.load, regexRepeat+1)
	*last = times
}

// atom appends what stands at pos: nothing for a setting of flags.
func (p *regexParser) atom(to []*regexNode) []*regexNode {
	at := p.pos
	switch r := p.next(); r {
	case '(':
		return p.bracket(at, to)
	case '[':
		return append(to, p.set(p.class(at)))
	case '.':
		if p.dot {
			return append(to, p.set([]rune{0, utf8.MaxRune}))
		}
		return append(to, p.set([]rune{0, '\n' - 1, '\n' + 1, utf8.MaxRune}))
	case '^':
		if p.lines {
			return append(to, assertNode(beginLine))
		}
		return append(to, assertNode(beginText))
	case '$':
		if p.lines {
			return append(to, assertNode(endLine))
		}
		return append(to, assertNode(endText))
	case '\\':
		return p.backslash(at, to)
	default:
		return append(to, p.char(r))
	}
}

func assertNode(a assertion) *regexNode {
	return &regexNode{op: regexAssert, assert: a, nullable: true, load: 1}
}

// set is the node of a set given as pairs of bounds.
func (p *regexParser) set(pairs []rune) *regexNode {
	return &regexNode{op: regexSet, set: newRuneSet(cleanPairs(pairs)), load: 1}
}

func (p *regexParser) char(r rune) *regexNode {
	if p.fold {
		return p.set(foldPairs([]rune{r, r}))
	}
	return &regexNode{op: regexSet, set: newRuneSet([]rune{r, r}), load: 1}
}

// bracket reads on behind a parenthesis: a group, or flags.
func (p *regexParser) bracket(at int, to []*regexNode) []*regexNode {
	if p.depth++; p.depth > regexDepth {
		p.fail(at, fmt.Sprintf("brackets are nested deeper than %d", regexDepth))
	}
	defer func() { p.depth-- }()
	fold, lines, dot, swap := p.fold, p.lines, p.dot, p.swap
	group := 0
	if p.take("?") {
		if p.peek("P<") || p.peek("<") {
			p.take("P")
			group = p.groupName(at)
		} else if inside := p.flags(at); !inside {
			return to
		}
	} else {
		group = p.newGroup(at, "")
	}
	sub := p.alternation()
	if p.err == nil && !p.take(")") {
		p.fail(at, "( without )")
	}
	p.fold, p.lines, p.dot, p.swap = fold, lines, dot, swap
	if group == 0 {
		return append(to, sub)
	}
	return append(to, &regexNode{op: regexGroup, group: group, subs: []*regexNode{sub}, nullable: sub.nullable, load: sub.load})
}

func (p *regexParser) newGroup(at int, name string) int {
	if len(p.names) > regexGroups {
		p.fail(at, fmt.Sprintf("more than %d groups", regexGroups))
	}
	p.names = append(p.names, name)
	return len(p.names) - 1
}

// groupName reads `<name>`.
func (p *regexParser) groupName(at int) int {
	p.take("<")
	name, _, closed := strings.Cut(p.s[p.pos:], ">")
	valid := name != ""
	for i := range len(name) {
		valid = valid && isWordByte(name[i])
	}
	if !closed || !valid {
		p.fail(at, "a group's name is letters, digits and _ between < and >")
		return 0
	}
	p.pos += len(name) + 1
	if slices.Contains(p.names, name) {
		p.fail(at, "two groups of one name")
	}
	return p.newGroup(at, name)
}

// flags reads flags behind `(?`, and says whether a group follows.
func (p *regexParser) flags(at int) (inside bool) {
	on, some := true, true // some: flags have been seen since the sign
	for p.pos < len(p.s) {
		switch p.next() {
		case 'i':
			p.fold, some = on, true
		case 'm':
			p.lines, some = on, true
		case 's':
			p.dot, some = on, true
		case 'U':
			p.swap, some = on, true
		case '-':
			if !on {
				p.fail(at, "malformed flags")
			}
			on, some = false, false
		case ':', ')':
			if !some {
				p.fail(at, "malformed flags")
			}
			return p.s[p.pos-1] == ':'
		default:
			p.fail(at, "malformed flags: want some of i, m, s, U and -, and then : or )")
		}
	}
	p.fail(at, "( without )")
	return false
}

// backslash reads on behind a backslash that stands in no class.
func (p *regexParser) backslash(at int, to []*regexNode) []*regexNode {
	rest := p.s[p.pos:]
	if rest == "" {
		p.fail(at, `\ at the end`)
		return to
	}
	a := assertion(0)
	switch rest[0] {
	case 'A':
		a = beginText
	case 'z':
		a = endText
	case 'b':
		a = wordBoundary
	case 'B':
		a = noWordBoundary
	case 'Q':
		text, _, _ := strings.Cut(rest[1:], `\E`)
		p.pos = min(p.pos+1+len(text)+2, len(p.s))
		for _, r := range text {
			to = append(to, p.char(r))
		}
		return to
	}
	if a != 0 {
		p.pos++
		return append(to, assertNode(a))
	}
	if pairs, ok := p.perl(at); ok {
		return append(to, p.set(pairs))
	}
	return append(to, p.char(p.escape(at)))
}

// perl takes \d and its like, and \p, whose backslash has been taken.
func (p *regexParser) perl(at int) ([]rune, bool) {
	c := p.s[p.pos]
	switch c {
	case 'p', 'P':
		p.pos++
		return p.property(at, c == 'P'), true
	case 'd', 'D', 's', 'S', 'w', 'W':
		p.pos++
		return p.folded(perlClasses[c|0x20], c < 'a'), true
	}
	return nil, false
}

// folded is a class as the flags have it.
func (p *regexParser) folded(pairs []rune, negated bool) []rune {
	if p.fold {
		pairs = foldPairs(pairs)
	}
	if negated {
		return negatePairs(cleanPairs(pairs))
	}
	return pairs
}

// property reads the name of a class of Unicode: a letter, or `{name}` or `{^name}`.
func (p *regexParser) property(at int, negated bool) []rune {
	name := ""
	if p.take("{") {
		var closed bool
		if name, _, closed = strings.Cut(p.s[p.pos:], "}"); !closed {
			p.fail(at, `\p{ without }`)
			return nil
		}
		p.pos += len(name) + 1
	} else if p.pos < len(p.s) {
		start := p.pos
		p.next()
		name = p.s[start:p.pos]
	}
	if strings.HasPrefix(name, "^") {
		name, negated = name[1:], !negated
	}
	pairs, ok := unicodeClass(name)
	if !ok {
		p.fail(at, `\p{`+name+"} is no class of Unicode 15")
		return nil
	}
	if p.ranges += len(pairs) / 2; p.ranges > regexRanges {
		p.fail(at, fmt.Sprintf("the classes of Unicode have more than %d ranges together", regexRanges))
	}
	return p.folded(pairs, negated)
}

// escape reads the code point that an escape denotes, whose backslash has been taken.
func (p *regexParser) escape(at int) rune {
	if p.pos == len(p.s) {
		p.fail(at, `\ at the end`)
		return 0
	}
	switch r := p.next(); r {
	case '1', '2', '3', '4', '5', '6', '7':
		if p.pos == len(p.s) || p.s[p.pos] < '0' || '7' < p.s[p.pos] {
			p.fail(at, "there are no references back to groups")
			return 0
		}
		return p.octal(r - '0')
	case '0':
		return p.octal(0)
	case 'x':
		return p.hex(at)
	case 'a':
		return '\a'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	default:
		if r < utf8.RuneSelf && (r == '_' || !isWordByte(byte(r))) {
			return r
		}
		p.fail(at, "no such escape")
		return 0
	}
}

// octal takes up to two more digits.
func (p *regexParser) octal(r rune) rune {
	for range 2 {
		if p.pos == len(p.s) || p.s[p.pos] < '0' || '7' < p.s[p.pos] {
			break
		}
		r = r*8 + rune(p.s[p.pos]-'0')
		p.pos++
	}
	return r
}

func (p *regexParser) hex(at int) rune {
	digits := ""
	if p.take("{") {
		var closed bool
		if digits, _, closed = strings.Cut(p.s[p.pos:], "}"); !closed {
			digits = ""
		}
		p.pos += len(digits) + 1
	} else if len(p.s)-p.pos >= 2 {
		digits = p.s[p.pos : p.pos+2]
		p.pos += 2
	}
	r := rune(0)
	for i := range len(digits) {
		d := strings.IndexByte("0123456789abcdef", digits[i]|0x20)
		if d < 0 || digits[i] < '0' || r > utf8.MaxRune>>4 {
			digits = ""
			break
		}
		r = r<<4 | rune(d)
	}
	if digits == "" || r > utf8.MaxRune {
		p.fail(at, `want \x and two hexadecimal digits, or \x{…} up to 10FFFF`)
		return 0
	}
	return r
}

// class reads on behind a `[`, and gives pairs of bounds.
func (p *regexParser) class(at int) []rune {
	negated := p.take("^")
	var pairs []rune
	for first := true; first || !p.peek("]"); first = false {
		if p.pos == len(p.s) {
			p.fail(at, "[ without ]")
			return nil
		}
		start := p.pos
		if p.peek("[:") {
			if name, _, closed := strings.Cut(p.s[p.pos+2:], ":]"); closed {
				base, not := strings.CutPrefix(name, "^")
				class, ok := posixClasses[base]
				if !ok {
					p.fail(start, "no such class: [:"+name+":]")
					return nil
				}
				pairs = append(pairs, p.folded(class, not)...)
				p.pos += len(name) + 4
				continue
			}
		}
		if p.peek(`\`) && p.pos+1 < len(p.s) {
			p.pos++
			if class, ok := p.perl(start); ok {
				pairs = append(pairs, class...)
				continue
			}
			p.pos--
		}
		lo := p.classChar()
		hi := lo
		if p.peek("-") && !p.peek("-]") && p.pos+1 < len(p.s) {
			p.pos++
			if hi = p.classChar(); hi < lo {
				p.fail(start, "a range from the greater to the lesser")
			}
		}
		if p.fold {
			pairs = append(pairs, foldPairs([]rune{lo, hi})...)
		} else {
			pairs = append(pairs, lo, hi)
		}
	}
	p.take("]")
	if pairs = cleanPairs(pairs); negated {
		return negatePairs(pairs)
	}
	return pairs
}

func (p *regexParser) classChar() rune {
	if p.pos == len(p.s) {
		return 0 // class sees the end itself
	}
	at := p.pos
	if r := p.next(); r != '\\' {
		return r
	}
	return p.escape(at)
}

var perlClasses = map[byte][]rune{
	'd': {'0', '9'},
	's': {'\t', '\n', '\f', '\r', ' ', ' '},
	'w': {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'},
}

var posixClasses = map[string][]rune{
	"alnum": {'0', '9', 'A', 'Z', 'a', 'z'}, "alpha": {'A', 'Z', 'a', 'z'}, "ascii": {0, 0x7f}, "blank": {'\t', '\t', ' ', ' '},
	"cntrl": {0, 0x1f, 0x7f, 0x7f}, "digit": {'0', '9'}, "graph": {'!', '~'}, "lower": {'a', 'z'}, "print": {' ', '~'},
	"punct": {'!', '/', ':', '@', '[', '`', '{', '~'}, "space": {'\t', '\r', ' ', ' '}, "upper": {'A', 'Z'},
	"word": {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}, "xdigit": {'0', '9', 'A', 'F', 'a', 'f'},
}

// unicodeClass is a class of code points by the name of a property, as pairs of bounds in order.
func unicodeClass(name string) ([]rune, bool) {
	if name == "Any" {
		return []rune{0, utf8.MaxRune}, true
	}
	return unicodeProperty(name)
}

func isWordByte(b byte) bool {
	return '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || b == '_' || 'a' <= b && b <= 'z'
}

// cleanPairs sorts pairs of bounds and joins those that touch.
func cleanPairs(pairs []rune) []rune {
	type bounds struct{ lo, hi rune }
	sorted := make([]bounds, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		sorted = append(sorted, bounds{pairs[i], pairs[i+1]})
	}
	slices.SortFunc(sorted, func(a, b bounds) int { return int(a.lo - b.lo) })
	out := make([]rune, 0, len(pairs))
	for _, b := range sorted {
		if n := len(out); n > 0 && b.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], b.hi)
		} else {
			out = append(out, b.lo, b.hi)
		}
	}
	return out
}

// negatePairs is what clean pairs leave out.
func negatePairs(pairs []rune) []rune {
	var out []rune
	next := rune(0)
	for i := 0; i < len(pairs); i += 2 {
		if next < pairs[i] {
			out = append(out, next, pairs[i]-1)
		}
		next = pairs[i+1] + 1
	}
	if next <= utf8.MaxRune {
		out = append(out, next, utf8.MaxRune)
	}
	return out
}

// A caseVariant says that two code points are one letter in different case.
type caseVariant struct{ of, is rune }

// caseVariants are all pairs of variants, both ways, in order: the classes that the simple mappings of case.go join. The dotted
// capital and the dotless small i join nothing, as in Unicode's simple folding.
var caseVariants = sync.OnceValue(func() []caseVariant {
	class := map[rune][]rune{}
	join := func(a, b rune) {
		ca, cb := class[a], class[b]
		if ca == nil {
			ca = []rune{a}
		}
		if cb == nil {
			cb = []rune{b}
		}
		if slices.Contains(ca, b) {
			return
		}
		both := slices.Concat(ca, cb)
		for _, r := range both {
			class[r] = both
		}
	}
	for r := 'a'; r <= 'z'; r++ {
		join(r, r^0x20)
	}
	for _, mapping := range [][]caseRange{upperCase, lowerCase} {
		for _, c := range mapping {
			for r := c.lo; r <= c.hi; r += c.step {
				if r != 0x130 && r != 0x131 {
					join(r, r+c.delta)
				}
			}
		}
	}
	var all []caseVariant
	for r, variants := range class {
		for _, v := range variants {
			if v != r {
				all = append(all, caseVariant{r, v})
			}
		}
	}
	slices.SortFunc(all, func(a, b caseVariant) int {
		if a.of != b.of {
			return int(a.of - b.of)
		}
		return int(a.is - b.is)
	})
	return all
})

// foldPairs adds the variants of everything that pairs have.
func foldPairs(pairs []rune) []rune {
	variants := caseVariants()
	out := slices.Clone(pairs)
	for i := 0; i < len(pairs); i += 2 {
		at, _ := slices.BinarySearchFunc(variants, pairs[i], func(v caseVariant, r rune) int { return int(v.of - r) })
		for ; at < len(variants) && variants[at].of <= pairs[i+1]; at++ {
			if is := variants[at].is; is < pairs[i] || is > pairs[i+1] {
				out = append(out, is, is)
			}
		}
	}
	return out
}
