// This file gives the tokens of a source to whoever colours, completes or formats it.

package lang

import (
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// A TokenClass says what a token is to a reader.
type TokenClass uint8

const (
	ClassName        TokenClass = iota // of a variable or a definition
	ClassTag                           // Some
	ClassModule                        // the Text of Text.split
	ClassField                         // the name after a dot, the key before a colon
	ClassKeyword                       // let, match, …
	ClassConstant                      // true, false, null
	ClassNumber                        // 42, 1.5
	ClassText                          // a text, or the parts of one around its interpolations
	ClassLink                          // @bafy…
	ClassOperator                      // +, |>, (+) without its parentheses
	ClassBracket                       // ( ) [ ] { }
	ClassPunctuation                   // , : . ... \ -> | =
	ClassComment                       // # …
	ClassDoc                           // ## …
	ClassBad                           // what cannot be a token
)

// A Token is a stretch of a source that is not white space.
type Token struct {
	Span
	Class TokenClass
}

// Tokens are the tokens of a source in order, comments among them. Mistakes do not end it: what no token can be is ClassBad.
// CRLF line ends count as the two bytes that they are.
func Tokens(src string) []Token {
	var tokens []Token
	end := 0
	gap := func(to int) {
		for from := end; from < to; {
			i := strings.IndexByte(src[from:to], '#')
			if i < 0 {
				return
			}
			start := from + i
			line := src[start:to]
			if n := strings.IndexByte(line, '\n'); n >= 0 {
				line = line[:n]
			}
			from = start + len(line)
			class := ClassComment
			if strings.HasPrefix(line, "##") && !strings.HasPrefix(line, "###") {
				class = ClassDoc
			}
			tokens = append(tokens, Token{Span{start, start + len(strings.TrimRight(line, "\r"))}, class})
		}
	}
	s := newScanner("", src)
	for s.beginItem() {
		for {
			tok, _ := s.Next()
			if tok.Type == tEOF {
				if !s.more {
					break
				}
				s.beginChunk()
				continue
			}
			start := tok.Pos.Offset
			gap(start)
			end = start + len(tok.Value)
			class := classOf(tok.Type)
			n := len(tokens) - 1
			for n >= 0 && (tokens[n].Class == ClassComment || tokens[n].Class == ClassDoc) {
				n--
			}
			if n >= 0 {
				last := src[tokens[n].Start:tokens[n].End]
				switch {
				case last == "." && tokens[n].End == start && (class == ClassName || class == ClassTag || class == ClassKeyword || class == ClassConstant):
					class = ClassField
					if n > 0 && tokens[n-1].Class == ClassModule {
						class = ClassName
					}
				case tok.Type == tDot && tokens[n].Class == ClassTag && tokens[n].End == start:
					tokens[n].Class = ClassModule
				case tok.Type == tColon && tokens[n].Class != ClassText:
					tokens[n].Class = ClassField
				}
			}
			tokens = append(tokens, Token{Span{start, end}, class})
		}
	}
	gap(len(src))
	return tokens
}

func classOf(kind lexer.TokenType) TokenClass {
	switch kind {
	case tName:
		return ClassName
	case tTag:
		return ClassTag
	case tInt, tFloat, tDigits:
		return ClassNumber
	case tText, tTextHead, tTextMid, tTextTail:
		return ClassText
	case tLink:
		return ClassLink
	case tBad:
		return ClassBad
	case tTrue, tFalse, tNull:
		return ClassConstant
	case tLParen, tRParen, tLBracket, tRBracket, tLBrace, tArms, tRBrace:
		return ClassBracket
	case tComma, tColon, tDot, tSpread, tBackslash, tArrow, tBar, tEq:
		return ClassPunctuation
	}
	if kind >= tLet && kind <= tNull {
		return ClassKeyword
	}
	return ClassOperator
}
