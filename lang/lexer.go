// This file turns source into tokens: a participle lexer.Definition written by hand, which also knows the layout rule.

package lang

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// The kinds of token. A text with interpolation comes as a head `"a\(`, then the tokens of the expression,
// then mids `)b\(` and a tail `)c"`, as templates do in JavaScript; any other text is one token.
const (
	tEOF = lexer.EOF

	tName lexer.TokenType = iota + 1
	tTag
	tInt
	tFloat
	tDigits // the decimal digits of e.0
	tText
	tTextHead
	tTextMid
	tTextTail
	tLink
	tOpFn // an operator alone in parentheses
	tBad  // what cannot be a token; scanner.bad says why

	tLParen
	tRParen
	tLBracket
	tRBracket
	tLBrace
	tArms // a { followed by |
	tRBrace
	tComma
	tColon
	tDot
	tSpread
	tBackslash
	tArrow
	tBar
	tEq

	// The operators, in the order of the table in grammar.go.
	tPipe
	tCompose
	tOrOr
	tAndAnd
	tEqEq
	tNotEq
	tLess
	tLessEq
	tMore
	tMoreEq
	tConcat
	tPlus
	tMinus
	tStar
	tSlash
	tIntDiv
	tPercent

	tLet
	tAnd
	tIn
	tIf
	tThen
	tElse
	tMatch
	tAs
	tLazy
	tTry
	tImport
	tTrue
	tFalse
	tNull
)

const (
	maxSource  = 16 << 20 // bytes of source
	lookEvery  = 4096     // bytes read between looks at the context
	chunkSize  = 256      // tokens handed to participle at a time, so that a huge item does not stand in memory as tokens
	maxDigits  = 1000000  // digits of one number
	maxCIDText = 4096     // characters of one CID
)

// A definition is the language's lexer.Definition. It has no state.
type definition struct{}

// Symbols names the kinds of token.
func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": tEOF, "Name": tName, "Tag": tTag, "Int": tInt, "Float": tFloat, "Digits": tDigits, "Text": tText,
		"TextHead": tTextHead, "TextMid": tTextMid, "TextTail": tTextTail, "Link": tLink, "OpFn": tOpFn, "Bad": tBad,
		"(": tLParen, ")": tRParen, "[": tLBracket, "]": tRBracket, "{": tLBrace, "{|": tArms, "}": tRBrace,
		",": tComma, ":": tColon, ".": tDot, "...": tSpread, "\\": tBackslash, "->": tArrow, "|": tBar, "=": tEq,
		"|>": tPipe, ">>": tCompose, "||": tOrOr, "&&": tAndAnd, "==": tEqEq, "!=": tNotEq, "<": tLess, "<=": tLessEq,
		">": tMore, ">=": tMoreEq, "++": tConcat, "+": tPlus, "-": tMinus, "*": tStar, "/": tSlash, "//": tIntDiv, "%": tPercent,
		"let": tLet, "and": tAnd, "in": tIn, "if": tIf, "then": tThen, "else": tElse, "match": tMatch, "as": tAs,
		"lazy": tLazy, "try": tTry, "import": tImport, "true": tTrue, "false": tFalse, "null": tNull,
	}
}

// Lex implements lexer.Definition; the tokens are those of the first item.
func (definition) Lex(filename string, r io.Reader) (lexer.Lexer, error) {
	src, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return newScanner(filename, string(src)), nil
}

// Keywords are the words that cannot be names.
func Keywords() []string {
	return []string{"let", "and", "in", "if", "then", "else", "match", "as", "lazy", "try", "import", "true", "false", "null"}
}

// keyword gives the kind of a lower-case word.
func keyword(word string) lexer.TokenType {
	switch word {
	case "let":
		return tLet
	case "and":
		return tAnd
	case "in":
		return tIn
	case "if":
		return tIf
	case "then":
		return tThen
	case "else":
		return tElse
	case "match":
		return tMatch
	case "as":
		return tAs
	case "lazy":
		return tLazy
	case "try":
		return tTry
	case "import":
		return tImport
	case "true":
		return tTrue
	case "false":
		return tFalse
	case "null":
		return tNull
	}
	return tName
}

// An opener is a bracket that has not been closed yet: ( [ {, or an interpolation in a "text" (i) or a """text""" (I).
type opener struct {
	kind byte
	at   int
}

// A scanner reads the tokens of one source, item by item. Next ends an item with an EOF token, and also a chunk of
// it: more tells the two apart. A token's Pos holds the offset alone; lines are counted when an error is shown.
type scanner struct {
	name     string
	src      string
	ctx      context.Context // reading ends with it
	lookAt   int             // where to look at it next
	pos      int             // where the next token, or the space before it, begins
	tokenEnd int             // where the last token ended
	prev     lexer.TokenType // the last token of this item, tEOF before its first
	left     int             // tokens until the chunk is full
	more     bool            // the last EOF token ended a chunk, not an item

	open      []opener
	opened    [128]int       // how many of each kind are open
	lets      []strayLet     // of this item
	bad       *badToken      // the first tBad of this item
	doc       []string       // the ## lines since the last token
	docLive   bool           // the next ## line continues them
	docs      map[int]string // by the offset of the token they stand above
	lineStart bool           // nothing but space since the line began
}

// A badToken says what is wrong with a tBad, and where.
type badToken struct {
	span    Span
	why     string
	partial bool // more input could mend it
}

// A strayLet is a `let` in the first column inside brackets: most likely its opener was never closed.
type strayLet struct {
	at     int
	opener opener
}

func newScanner(name, src string) *scanner {
	return &scanner{name: name, src: src, ctx: context.Background(), left: chunkSize, prev: tEOF, lineStart: true}
}

// look looks whether reading is to end, and says where to look again.
func (s *scanner) look() {
	look(s.ctx)
	s.lookAt = s.pos + lookEvery
}

// beginItem makes the scanner read on with the next item; false at the end of the source.
func (s *scanner) beginItem() bool {
	s.prev, s.left, s.more = tEOF, chunkSize, false
	s.popAll()
	s.lets, s.bad = s.lets[:0], nil
	s.space()
	return s.pos < len(s.src)
}

// beginChunk makes the scanner read on in the same item.
func (s *scanner) beginChunk() { s.left, s.more = chunkSize, false }

// skipItem leaves the rest of an item, so that the scanner stands before the next one or at the end of the source.
func (s *scanner) skipItem() {
	for !s.itemEnds() {
		s.token()
	}
}

// itemEnds passes over space, and reports whether the item ends there.
func (s *scanner) itemEnds() bool {
	s.space()
	return s.pos >= len(s.src) || s.prev != tEOF && len(s.open) == 0 && s.firstColumn() && s.beginsItem()
}

// forgotten gives, of the brackets open at the end of the source, the one most likely forgotten: the first inside
// which a `let` stands in the first column, with where that is, else the innermost, and 0.
func (s *scanner) forgotten() (opener, int) {
	for _, l := range s.lets {
		i := sort.Search(len(s.open), func(i int) bool { return s.open[i].at >= l.opener.at })
		if i < len(s.open) && s.open[i].at == l.opener.at {
			return l.opener, l.at
		}
	}
	return s.open[len(s.open)-1], 0
}

// rewind makes the item that begins at offset the next one.
func (s *scanner) rewind(offset int) {
	s.popAll()
	s.pos, s.doc, s.lineStart, s.lookAt = offset, nil, true, offset
}

// Next implements lexer.Lexer.
func (s *scanner) Next() (lexer.Token, error) {
	if s.itemEnds() {
		s.more = false
		return s.end(), nil
	}
	if s.left == 0 {
		s.more = true
		return s.end(), nil
	}
	s.left--
	return s.token(), nil
}

func (s *scanner) end() lexer.Token {
	return lexer.Token{Type: tEOF, Pos: lexer.Position{Filename: s.name, Offset: s.pos}}
}

// wholeLine passes over the rest of the line, whatever it is.
func (s *scanner) wholeLine() {
	if i := strings.IndexByte(s.src[s.pos:], '\n'); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.src)
	}
	s.prev = tEOF
}

func (s *scanner) firstColumn() bool { return s.pos == 0 || s.src[s.pos-1] == '\n' }

// beginsItem reports whether the token here can begin an expression or is a `let`.
func (s *scanner) beginsItem() bool {
	switch c := s.src[s.pos]; class[c] {
	case cLower:
		switch s.wordAt(s.pos) {
		case "and", "in", "then", "else", "as", "import":
			return false
		}
		return true
	case cUpper, cDigit:
		return true
	default:
		switch c {
		case '"', '@', '(', '[', '\\':
			return true
		case '{':
			return !s.barAfter(s.pos + 1)
		case '-':
			return s.at(s.pos+1) != '>'
		}
		return false
	}
}

// space passes over white space and comments, and collects the ## lines among them.
func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\r':
			s.pos++
		case '\n':
			if s.lineStart {
				s.docLive = false
			}
			s.lineStart = true
			s.pos++
		case '#':
			line := s.src[s.pos:]
			if i := strings.IndexByte(line, '\n'); i >= 0 {
				line = line[:i]
			}
			s.pos += len(line)
			if len(s.open) == 0 {
				s.comment(line)
			}
			s.lineStart = false
		default:
			return
		}
	}
}

func (s *scanner) comment(line string) {
	if s.pos >= s.lookAt {
		s.look()
	}
	if !s.lineStart || !strings.HasPrefix(line, "##") || strings.HasPrefix(line, "###") {
		s.docLive = false
		return
	}
	if !s.docLive {
		s.doc = nil
	}
	s.doc, s.docLive = append(s.doc, strings.TrimRight(strings.TrimPrefix(line[2:], " "), " \t\r")), true
}

// after gives the offset of the first byte from pos on that is neither white space nor in a comment.
func (s *scanner) after(pos int) int {
	for pos < len(s.src) {
		switch s.src[pos] {
		case ' ', '\t', '\r', '\n':
			pos++
		case '#':
			i := strings.IndexByte(s.src[pos:], '\n')
			if i < 0 {
				return len(s.src)
			}
			pos += i
		default:
			return pos
		}
	}
	return pos
}

// barAfter reports whether the next token from pos on is a |.
func (s *scanner) barAfter(pos int) bool {
	pos = s.after(pos)
	return s.at(pos) == '|' && s.at(pos+1) != '|' && s.at(pos+1) != '>'
}

// at is the byte at pos, 0 past the end.
func (s *scanner) at(pos int) byte {
	if pos < len(s.src) {
		return s.src[pos]
	}
	return 0
}

// wordAt is the run of letters, digits, _ and ' that begins at pos.
func (s *scanner) wordAt(pos int) string {
	end := pos
	for end < len(s.src) && (class[s.src[end]] >= cLower || s.src[end] == '\'') {
		end++
	}
	return s.src[pos:end]
}

// token reads the token at pos, which is neither space nor the end.
func (s *scanner) token() lexer.Token {
	start := s.pos
	if start >= s.lookAt {
		s.look()
	}
	if s.doc != nil {
		if len(s.open) == 0 {
			if s.docs == nil {
				s.docs = map[int]string{}
			}
			s.docs[start] = strings.Join(s.doc, "\n")
		}
		s.doc = nil
	}
	s.docLive = false
	var kind lexer.TokenType
	switch c := s.src[start]; class[c] {
	case cLower:
		word := s.wordAt(start)
		s.pos += len(word)
		kind = keyword(word)
		if kind == tLet && len(s.open) > 0 && (start == 0 || s.src[start-1] == '\n') {
			s.lets = append(s.lets, strayLet{start, s.open[len(s.open)-1]})
		}
	case cUpper:
		for s.pos < len(s.src) && class[s.src[s.pos]] >= cLower {
			s.pos++
		}
		kind = tTag
	case cDigit:
		if s.prev == tDot {
			kind = s.digits()
		} else {
			kind = s.number()
		}
	default:
		kind = s.punctuation(c)
	}
	s.lineStart = false
	s.prev, s.tokenEnd = kind, s.pos
	return lexer.Token{Type: kind, Value: s.src[start:s.pos], Pos: lexer.Position{Filename: s.name, Offset: start}}
}

// Classes of bytes; those of names come last.
const (
	cOther = iota
	cLower // also _
	cUpper
	cDigit
)

var class = func() (t [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = cLower, cUpper
	}
	t['_'] = cLower
	for c := '0'; c <= '9'; c++ {
		t[c] = cDigit
	}
	return t
}()

// punctuation reads the token at pos, whose first byte is c: anything but a word or a number.
func (s *scanner) punctuation(c byte) lexer.TokenType {
	next := s.at(s.pos + 1)
	pick := func(n int, kind lexer.TokenType) lexer.TokenType {
		s.pos += n
		return kind
	}
	switch c {
	case '(':
		return s.opens(c, tLParen)
	case '[':
		return s.opens(c, tLBracket)
	case '{':
		if s.barAfter(s.pos + 1) {
			return s.opens(c, tArms)
		}
		return s.opens(c, tLBrace)
	case ')':
		return s.closes('(', tRParen)
	case ']':
		return s.closes('[', tRBracket)
	case '}':
		return s.closes('{', tRBrace)
	case ',':
		return pick(1, tComma)
	case ':':
		return pick(1, tColon)
	case '\\':
		return pick(1, tBackslash)
	case '"':
		return s.text(s.pos)
	case '@':
		return s.link()
	case '.':
		if next == '.' && s.at(s.pos+2) == '.' {
			return pick(3, tSpread)
		}
		if next == '.' {
			return s.refuse(s.pos, s.pos+2, "got `..`; the ints from 1 to 3 are `range 1 3`, and the rest of a list or map is `...`")
		}
		if class[next] == cDigit && s.prev != tLParen && !s.touchesOperand() {
			return s.refuse(s.pos, s.pos+1, "a number begins with a digit: write 0.5, not .5")
		}
		return pick(1, tDot)
	case '=':
		if next != '=' {
			return pick(1, tEq)
		}
		return s.operator(2, tEqEq)
	case '-':
		if next == '>' {
			return pick(2, tArrow)
		}
		return s.operator(1, tMinus)
	case '|':
		switch next {
		case '>':
			return s.operator(2, tPipe)
		case '|':
			return s.operator(2, tOrOr)
		}
		return pick(1, tBar)
	case '>':
		switch next {
		case '>':
			return s.operator(2, tCompose)
		case '=':
			return s.operator(2, tMoreEq)
		}
		return s.operator(1, tMore)
	case '<':
		if next == '=' {
			return s.operator(2, tLessEq)
		}
		return s.operator(1, tLess)
	case '&':
		if next == '&' {
			return s.operator(2, tAndAnd)
		}
		return s.refuse(s.pos, s.pos+1, "got `&`; the operator is `&&`")
	case '!':
		if next == '=' {
			return s.operator(2, tNotEq)
		}
		return s.refuse(s.pos, s.pos+1, "got `!`; negation is `not x`")
	case '+':
		if next == '+' {
			return s.operator(2, tConcat)
		}
		return s.operator(1, tPlus)
	case '*':
		return s.operator(1, tStar)
	case '/':
		if next == '/' {
			return s.operator(2, tIntDiv)
		}
		return s.operator(1, tSlash)
	case '%':
		return s.operator(1, tPercent)
	}
	return s.unknown()
}

// operator reads an operator of n bytes; alone in parentheses it is a function.
func (s *scanner) operator(n int, kind lexer.TokenType) lexer.TokenType {
	s.pos += n
	if s.prev == tLParen && s.at(s.after(s.pos)) == ')' {
		return tOpFn
	}
	return kind
}

// touchesOperand reports whether the byte before pos can end an operand.
func (s *scanner) touchesOperand() bool {
	if s.pos == 0 {
		return false
	}
	c := s.src[s.pos-1]
	return class[c] >= cLower || strings.IndexByte(`)]}"'`, c) >= 0
}

func (s *scanner) opens(c byte, kind lexer.TokenType) lexer.TokenType {
	s.push(opener{c, s.pos})
	s.pos++
	return kind
}

func (s *scanner) push(o opener) {
	s.open = append(s.open, o)
	s.opened[o.kind]++
}

func (s *scanner) pop() opener {
	o := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.opened[o.kind]--
	return o
}

func (s *scanner) popAll() { s.open, s.opened = s.open[:0], [128]int{} }

// closes reads a closing bracket. One that closes nothing, or not what was opened last, is left to the parser to
// report; here it closes the innermost bracket of its kind, so that the item ends where its writer meant it to.
func (s *scanner) closes(kind byte, tok lexer.TokenType) lexer.TokenType {
	for s.opened[kind] > 0 || kind == '(' && s.opened['i']+s.opened['I'] > 0 {
		o := s.pop()
		if o.kind == kind {
			break
		}
		if kind == '(' && (o.kind == 'i' || o.kind == 'I') {
			return s.textAfter(o)
		}
	}
	s.pos++
	return tok
}

// refuse makes the bytes from start to end a bad token, for the reason given.
func (s *scanner) refuse(start, end int, why string) lexer.TokenType {
	if s.bad == nil {
		s.bad = &badToken{span: Span{start, end}, why: why}
	}
	s.pos = max(end, s.pos)
	return tBad
}

// unknown refuses a character that begins no token, with what its writer may have meant.
func (s *scanner) unknown() lexer.TokenType {
	r, size := utf8.DecodeRuneInString(s.src[s.pos:])
	why := fmt.Sprintf("got `%c`, which begins nothing", r)
	switch {
	case r == '\'':
		why = "got `'`; a text stands in double quotes"
	case r == '^':
		why = "got `^`; a power is `pow x y`"
	case r == '$':
		why = "got `$`; an argument stands in parentheses, or before a `|>`: `f (g x)`, `x |> g |> f`"
	case r == '?':
		why = "got `?`; a choice is `if c then a else b`, and what may be missing is `Some x` or `None`"
	case r == '`':
		why = "got a backtick; a text stands in double quotes"
	case r == '~':
		why = "got `~`; negation is `-x` of a number, `not x` of a bool"
	case r == ';':
		why = "got `;`; items end where the next begins in the first column"
	case r == 'λ':
		why = "got `λ`; a function is written `\\x -> …`"
	case r == '“' || r == '”' || r == '‘' || r == '’':
		why = fmt.Sprintf("got `%c`; a text stands in straight quotes", r)
	case !unicode.IsPrint(r):
		why = fmt.Sprintf("got the character U+%04X, which begins nothing", r)
	}
	return s.refuse(s.pos, s.pos+size, why)
}
