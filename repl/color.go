// This file colours source and matches its brackets.

package repl

import (
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl/edit"
)

// The styles of what is shown, as parameters of an ANSI sequence.
const (
	styleDim     = "2"
	styleName    = "1;36"
	styleKeyword = "35"
	styleText    = "32"
	styleNumber  = "33"
	styleLink    = "34"
	styleKey     = "36"
	styleBad     = "31"
	styleMatch   = "1;4"
)

var classStyles = [...]string{
	lang.ClassTag: styleNumber, lang.ClassModule: styleKey, lang.ClassField: styleKey, lang.ClassKeyword: styleKeyword, lang.ClassConstant: styleNumber,
	lang.ClassNumber: styleNumber, lang.ClassText: styleText, lang.ClassLink: styleLink, lang.ClassComment: styleDim, lang.ClassDoc: styleDim,
	lang.ClassBad: styleBad,
}

// paint writes text in a style, where there are colours.
func (sh *shell) paint(style, text string) string {
	if !sh.color || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[m"
}

// paints are the colours of a program, with the bracket at the cursor and the one that belongs to it marked.
func paints(text string, cursor int) []edit.Paint {
	if len(text) > 0 && text[0] == ':' {
		n := 0
		for n < len(text) && text[n] != ' ' && text[n] != '\n' {
			n++
		}
		all := []edit.Paint{{Start: 0, End: n, SGR: styleKeyword}}
		rest := paints(" "+text[n:], -1)
		for _, p := range rest {
			all = append(all, edit.Paint{Start: p.Start + n - 1, End: p.End + n - 1, SGR: p.SGR})
		}
		return all
	}
	tokens := lang.Tokens(text)
	all := make([]edit.Paint, 0, len(tokens))
	at, to := brackets(text, tokens, cursor)
	for i, tok := range tokens {
		style := classStyles[tok.Class]
		if i == at || i == to {
			style = styleMatch
			if to < 0 {
				style = styleBad
			}
		}
		if style != "" {
			all = append(all, edit.Paint{Start: tok.Start, End: tok.End, SGR: style})
		}
	}
	return all
}

// brackets are the tokens of the bracket at or before the cursor, and of the one that belongs to it: -1 for none.
func brackets(text string, tokens []lang.Token, cursor int) (at, to int) {
	at, to = -1, -1
	if cursor < 0 {
		return
	}
	for i, tok := range tokens {
		if tok.Class == lang.ClassBracket && (tok.Start == cursor || tok.End == cursor && at < 0) {
			at = i
		}
	}
	if at < 0 {
		return
	}
	opens := func(i int) bool {
		return text[tokens[i].Start] == '(' || text[tokens[i].Start] == '[' || text[tokens[i].Start] == '{'
	}
	step := 1
	if !opens(at) {
		step = -1
	}
	depth := 0
	for i := at; i >= 0 && i < len(tokens); i += step {
		if tokens[i].Class != lang.ClassBracket {
			continue
		}
		if opens(i) == (step > 0) {
			depth++
		} else {
			depth--
		}
		if depth == 0 {
			if partner := map[byte]byte{'(': ')', '[': ']', '{': '}', ')': '(', ']': '[', '}': '{'}[text[tokens[at].Start]]; text[tokens[i].Start] == partner {
				to = i
			}
			return
		}
	}
	return
}
