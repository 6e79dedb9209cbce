// This file holds the literals: how the scanner finds the end of one, how the parser reads it, and what it denotes.

package lang

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
	"github.com/ipfs/go-cid"
)

// number reads an int or a float.
func (s *scanner) number() lexer.TokenType {
	start, kind := s.pos, tInt
	if s.src[start] == '0' && (s.at(start+1) == 'x' || s.at(start+1) == 'b') {
		digit := isHex
		if s.src[start+1] == 'b' {
			digit = isBinary
		}
		s.pos += 2
		if !s.digitRun(digit) {
			s.wordEnd()
			return s.refuse(start, s.pos, "got `"+Cut(s.src[start:s.pos])+"`, want digits after `"+s.src[start:start+2]+"`")
		}
	} else {
		s.digitRun(isDecimal)
		if s.at(s.pos) == '.' && class[s.at(s.pos+1)] == cDigit {
			kind = tFloat
			s.pos++
			s.digitRun(isDecimal)
		}
		if c := s.at(s.pos); c == 'e' || c == 'E' {
			n := 1
			if sign := s.at(s.pos + 1); sign == '+' || sign == '-' {
				n = 2
			}
			if class[s.at(s.pos+n)] == cDigit {
				kind = tFloat
				s.pos += n
				s.digitRun(isDecimal)
			}
		}
	}
	if s.pos-start > maxDigits && s.numberEnds() {
		return s.refuse(start, s.pos, "a number of more than 1,000,000 digits")
	}
	return s.endNumber(start, kind)
}

// digits reads the decimal digits after a dot.
func (s *scanner) digits() lexer.TokenType {
	start := s.pos
	for class[s.at(s.pos)] == cDigit {
		s.pos++
	}
	return s.endNumber(start, tDigits)
}

func (s *scanner) numberEnds() bool { return class[s.at(s.pos)] < cLower }

// endNumber refuses a number that runs into a letter or _.
func (s *scanner) endNumber(start int, kind lexer.TokenType) lexer.TokenType {
	if s.numberEnds() {
		return kind
	}
	at := s.pos
	c := s.src[at]
	s.wordEnd()
	return s.refuse(at, s.pos, fmt.Sprintf("got `%c` right after the number `%s`, want a space or an operator", c, Cut(s.src[start:at])))
}

func (s *scanner) wordEnd() {
	for class[s.at(s.pos)] >= cLower {
		s.pos++
	}
}

// digitRun passes over digits with single _ between them; false when there are none.
func (s *scanner) digitRun(digit func(byte) bool) bool {
	if !digit(s.at(s.pos)) {
		return false
	}
	for {
		s.pos++
		if c := s.at(s.pos); !digit(c) && (c != '_' || !digit(s.at(s.pos+1))) {
			return true
		}
	}
}

func isDecimal(c byte) bool { return c-'0' <= 9 }
func isBinary(c byte) bool  { return c-'0' <= 1 }
func isHex(c byte) bool     { return c-'0' <= 9 || c-'a' <= 5 || c-'A' <= 5 }

// newInt makes the node of an int literal: for a short one, nearly every one, in one piece of memory.
func newInt(ctx context.Context, at Span, lit string) *Int {
	if len(lit) > 9 || len(lit) > 1 && class[lit[1]] != cDigit {
		return &Int{at, intValue(ctx, lit)}
	}
	n := new(struct {
		node Int
		big  big.Int
		word [1]big.Word
	})
	for i := range len(lit) {
		if lit[i] != '_' {
			n.word[0] = n.word[0]*10 + big.Word(lit[i]-'0')
		}
	}
	n.node = Int{at, n.big.SetBits(n.word[:])}
	return &n.node
}

// intValue is what an int literal denotes, in time that does not grow with the square of its length.
func intValue(ctx context.Context, lit string) *big.Int {
	lit = strings.ReplaceAll(lit, "_", "")
	n := new(big.Int)
	switch {
	case len(lit) > 2 && lit[1] == 'x':
		n.SetString(lit[2:], 16)
	case len(lit) > 2 && lit[1] == 'b':
		n.SetString(lit[2:], 2)
	default:
		return decimal(ctx, lit)
	}
	return n
}

// decimal reads long runs of digits by halves: big.Int's own reader is quadratic.
func decimal(ctx context.Context, digits string) *big.Int {
	if len(digits) <= 2000 {
		n, _ := new(big.Int).SetString(digits, 10)
		return n
	}
	look(ctx)
	low := 2000
	for low*2 < len(digits) {
		low *= 2
	}
	n := decimal(ctx, digits[:len(digits)-low])
	n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(low)), nil))
	return n.Add(n, decimal(ctx, digits[len(digits)-low:]))
}

// floatValue is what a float literal denotes; false when it is too large.
func floatValue(lit string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(lit, "_", ""), 64)
	return f, err == nil
}

// text reads a text whose opening quote is at start.
func (s *scanner) text(start int) lexer.TokenType {
	if strings.HasPrefix(s.src[start:], `"""`) {
		s.pos += 3
		return s.textRest(opener{'I', start}, tText, tTextHead)
	}
	s.pos++
	return s.textRest(opener{'i', start}, tText, tTextHead)
}

// textAfter goes on with a text after the ) of an interpolation.
func (s *scanner) textAfter(o opener) lexer.TokenType {
	s.pos++
	return s.textRest(o, tTextTail, tTextMid)
}

// textRest reads up to the closing quote, or the next interpolation.
func (s *scanner) textRest(o opener, closed, interpolated lexer.TokenType) lexer.TokenType {
	long := o.kind == 'I'
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			if !long {
				s.pos++
				return closed
			}
			if strings.HasPrefix(s.src[s.pos:], `"""`) {
				s.pos += 3
				return closed
			}
		case c == '\\':
			s.pos++
			if s.at(s.pos) == '(' {
				s.pos++
				s.push(o)
				return interpolated
			}
			if s.at(s.pos) == '\n' {
				continue
			}
		case c == '\n' && !long:
			return s.refuse(o.at, s.pos, "this text is not closed on its line; a text of several lines stands in `\"\"\"`")
		case c < ' ' && c != '\n' && c != '\t':
			at := s.pos
			s.pos++
			for s.pos < len(s.src) && s.src[s.pos] != '\n' && s.src[s.pos] != '"' {
				s.pos++
			}
			if s.at(s.pos) == '"' {
				s.pos++
			}
			return s.refuse(at, at+1, fmt.Sprintf("a control character in a text is written `\\u%04x`", c))
		}
		s.pos++
	}
	s.pos = len(s.src)
	if long {
		kind := s.refuse(o.at, o.at+3, "this text is never closed; want `\"\"\"`")
		s.bad.partial = s.bad.span.Start == o.at
		return kind
	}
	return s.refuse(o.at, s.pos, "this text is never closed; want `\"`")
}

// link reads @, a CID and the path that touches it.
func (s *scanner) link() lexer.TokenType {
	start := s.pos
	s.pos++
	for c := s.at(s.pos); class[c] >= cLower && c != '_'; c = s.at(s.pos) {
		s.pos++
	}
	if s.pos == start+1 {
		return s.refuse(start, s.pos, "got `@`, want a CID right after it")
	}
	for s.at(s.pos) == '/' {
		s.pos++
		from := s.pos
		if s.at(from) == '"' {
			s.pos++
			if kind := s.textRest(opener{'i', from}, tText, tTextHead); kind != tText {
				if kind == tTextHead {
					s.pop()
					return s.refuse(from, s.pos, "no interpolation in a path")
				}
				return kind
			}
			continue
		}
		for s.pos < len(s.src) && strings.IndexByte(" \t\r\n()[]{},/", s.src[s.pos]) < 0 {
			s.pos++
		}
		if s.pos == from {
			return s.refuse(from-1, from, "got nothing after the `/` of a path; for a division put a space before it")
		}
	}
	return tLink
}

// cidValue reads the text of a CID.
func cidValue(text string) (cid.Cid, error) {
	if len(text) > maxCIDText {
		return cid.Undef, fmt.Errorf("a CID of more than %d characters", maxCIDText)
	}
	c, err := cid.Decode(text)
	if err != nil {
		return cid.Undef, fmt.Errorf("`%s` is no CID: %s", Cut(text), strings.ReplaceAll(err.Error(), "invalid cid: ", ""))
	}
	return c, nil
}

// unescape gives what the characters between the quotes of a text denote. On failure it tells at which byte and why.
func unescape(raw string) (text string, at, size int, why string) {
	i := strings.IndexByte(raw, '\\')
	if i < 0 {
		return raw, 0, 0, ""
	}
	out := make([]byte, 0, len(raw))
	for {
		out = append(out, raw[:i]...)
		at += i
		raw = raw[i:]
		n := 2
		if len(raw) < 2 {
			return "", at, 1, "got nothing after `\\`"
		}
		switch raw[1] {
		case '"', '\\', '/':
			out = append(out, raw[1])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			var r rune
			if r, n, why = codePoint(raw); why != "" {
				return "", at, n, why
			}
			out = utf8.AppendRune(out, r)
		case '\n':
			return "", at, 1, "got a `\\` at the end of the line"
		default:
			r, size := utf8.DecodeRuneInString(raw[1:])
			return "", at, 1 + size, fmt.Sprintf("got the escape `\\%c`, want one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0041 \\u{1F600} \\(x)", r)
		}
		at += n
		raw = raw[n:]
		if i = strings.IndexByte(raw, '\\'); i < 0 {
			return string(append(out, raw...)), 0, 0, ""
		}
	}
}

// codePoint reads the escape \u0041, \ud83d\ude00 or \u{1F600} at the front of raw, and gives its length.
func codePoint(raw string) (r rune, n int, why string) {
	if strings.HasPrefix(raw, `\u{`) {
		end := strings.IndexByte(raw[:min(len(raw), 12)], '}')
		if end < 0 {
			return 0, min(len(raw), 3), "got `\\u{`, want 1 to 6 hexadecimal digits and `}`"
		}
		v, err := strconv.ParseUint(raw[3:end], 16, 32)
		switch {
		case err != nil || end > 9:
			return 0, end + 1, "got `" + raw[:end+1] + "`, want 1 to 6 hexadecimal digits"
		case v > utf8.MaxRune:
			return 0, end + 1, "got `" + raw[:end+1] + "`, want at most \\u{10FFFF}"
		case 0xD800 <= v && v < 0xE000:
			return 0, end + 1, "`" + raw[:end+1] + "` is a surrogate, not a character"
		}
		return rune(v), end + 1, ""
	}
	r, ok := hex4(raw)
	switch {
	case !ok:
		return 0, 2, "got `\\u`, want four hexadecimal digits, or `\\u{…}`"
	case 0xDC00 <= r && r < 0xE000:
		return 0, 6, "`" + raw[:6] + "` is the second half of a surrogate pair without its first"
	case 0xD800 <= r && r < 0xDC00:
		low, ok := hex4(raw[6:])
		if !ok || low < 0xDC00 || low >= 0xE000 {
			return 0, 6, "`" + raw[:6] + "` is the first half of a surrogate pair without its second"
		}
		return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), 12, ""
	}
	return r, 6, ""
}

// hex4 reads \uXXXX.
func hex4(raw string) (rune, bool) {
	if len(raw) < 6 || raw[:2] != `\u` {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		if !isHex(raw[i]) {
			return 0, false
		}
	}
	v, _ := strconv.ParseUint(raw[2:6], 16, 32)
	return rune(v), true
}

// A piece is a stretch of a text between its quotes and interpolations, as written, with where it stands.
type piece struct {
	raw string
	at  int
}

// dedent takes the layout out of the pieces of a """text""": the line break after the opening quotes, the line break
// and space before the closing ones, and the indentation common to the lines. What remains of a piece may be in
// several parts, so that an escape that is wrong can still be found in the source.
func dedent(pieces []piece) [][]piece {
	last := len(pieces) - 1
	first := &pieces[0]
	afterBreak := strings.HasPrefix(first.raw, "\n")
	if afterBreak {
		*first = piece{first.raw[1:], first.at + 1}
	}
	var common string
	known := false
	meet := func(indent string) {
		if !known {
			common, known = indent, true
			return
		}
		n := 0
		for n < len(common) && n < len(indent) && common[n] == indent[n] {
			n++
		}
		common = common[:n]
	}
	for i, p := range pieces {
		lineStart := i == 0 && afterBreak
		for rest := p.raw; ; {
			line, after, broken := strings.Cut(rest, "\n")
			if lineStart {
				body := strings.TrimLeft(line, " \t")
				if body != "" || !broken { // not blank, or an interpolation or the closing quotes follow
					meet(line[:len(line)-len(body)])
				}
			}
			if !broken {
				break
			}
			rest, lineStart = after, true
		}
	}
	out := make([][]piece, len(pieces))
	for i, p := range pieces {
		lineStart := i == 0 && afterBreak
		for at := p.at; ; {
			line, _, broken := strings.Cut(p.raw[at-p.at:], "\n")
			next := at + len(line) + 1
			if lineStart {
				n := 0
				for n < len(common) && n < len(line) && line[n] == common[n] {
					n++
				}
				line, at = line[n:], at+n
			}
			if broken && i == last && strings.TrimLeft(p.raw[next-p.at:], " \t") == "" {
				out[i] = append(out[i], piece{line, at}) // the closing quotes stand alone on the next line
				break
			}
			if i == last && !broken && lineStart && strings.TrimLeft(line, " \t") == "" {
				break // they stand alone on the first line
			}
			if broken {
				line += "\n"
			}
			out[i] = append(out[i], piece{line, at})
			if !broken {
				break
			}
			at, lineStart = next, true
		}
	}
	return out
}

// number reads a literal number that began at start, perhaps with a minus sign.
func (p *parser) number(start int, negative bool) Expr {
	lit, kind := p.tok.Value, p.tok.Type
	if kind == tInt {
		p.next()
		n := newInt(p.scanner.ctx, p.from(start), lit)
		if negative {
			n.Value.Neg(n.Value)
		}
		return n
	}
	f, ok := floatValue(lit)
	if !ok {
		p.failAt(p.here(), "the float `%s` is too large: the largest is 1.7976931348623157e308", Cut(lit))
	}
	p.next()
	if negative {
		f = 0 - f // never -0.0
	}
	return &Float{p.from(start), f}
}

// link reads @CID and its path.
func (p *parser) link() Expr {
	start, raw := p.at(), p.tok.Value
	n := 1
	for n < len(raw) && raw[n] != '/' {
		n++
	}
	c, err := cidValue(raw[1:n])
	if err != nil {
		p.failAt(Span{start, start + n}, "%s", err)
	}
	var e Expr = &Link{Span{start, start + n}, c}
	for n < len(raw) {
		from := n + 1
		if raw[from] == '"' {
			n = from + 1
			for raw[n] != '"' {
				if raw[n] == '\\' {
					n++
				}
				n++
			}
			n++
			key := p.unescape(piece{raw[from+1 : n-1], start + from + 1})
			e = &Get{Span{start, start + n}, e, key, Span{start + from, start + n}}
			continue
		}
		for n = from; n < len(raw) && raw[n] != '/'; n++ {
		}
		e = &Get{Span{start, start + n}, e, raw[from:n], Span{start + from, start + n}}
	}
	p.next()
	return e
}

// unescape gives what a stretch of text denotes.
func (p *parser) unescape(t piece) string {
	s, at, n, why := unescape(t.raw)
	if why != "" {
		p.failAt(Span{t.at + at, t.at + at + n}, "%s", why)
	}
	return s
}

// text reads a text, with the expressions interpolated in it.
func (p *parser) text() Expr {
	start := p.at()
	quotes := 1
	if len(p.tok.Value) >= 3 && p.tok.Value[:3] == `"""` {
		quotes = 3
	}
	if p.tok.Type == tText {
		pieces := []piece{{p.tok.Value[quotes : len(p.tok.Value)-quotes], start + quotes}}
		p.next()
		return &Text{p.from(start), p.join(pieces, quotes)[0]}
	}
	p.enter()
	defer p.leave()
	pieces := []piece{{p.tok.Value[quotes : len(p.tok.Value)-2], start + quotes}}
	spans := []Span{{start, p.at() + len(p.tok.Value)}}
	var exprs []Expr
	for {
		p.next()
		exprs = append(exprs, p.expr()) // its parentheses are the text's, so (None) is None here
		if p.tok.Type != tTextMid && p.tok.Type != tTextTail {
			p.afterExpr("`)`")
		}
		tail, n := p.tok.Type == tTextTail, 2
		if tail {
			n = quotes
		}
		pieces = append(pieces, piece{p.tok.Value[1 : len(p.tok.Value)-n], p.at() + 1})
		spans = append(spans, Span{p.at(), p.at() + len(p.tok.Value)})
		if tail {
			break
		}
	}
	p.next()
	texts := p.join(pieces, quotes)
	var parts []Expr
	add := func(e Expr) {
		t, isText := e.(*Text)
		if !isText {
			parts = append(parts, e)
			return
		}
		if t.Value == "" {
			return
		}
		if len(parts) > 0 {
			if last, ok := parts[len(parts)-1].(*Text); ok {
				parts[len(parts)-1] = &Text{Span{last.Start, t.End}, last.Value + t.Value}
				return
			}
		}
		parts = append(parts, t)
	}
	for i, t := range texts {
		add(&Text{spans[i], t})
		if i < len(exprs) {
			add(exprs[i])
		}
	}
	if len(parts) == 0 {
		return &Text{p.from(start), ""}
	}
	if t, ok := parts[0].(*Text); ok && len(parts) == 1 {
		return &Text{p.from(start), t.Value}
	}
	return &Interp{p.from(start), parts}
}

// join gives what the pieces of a text denote.
func (p *parser) join(pieces []piece, quotes int) []string {
	out := make([]string, len(pieces))
	if quotes == 1 {
		for i, t := range pieces {
			out[i] = p.unescape(t)
		}
		return out
	}
	for i, lines := range dedent(pieces) {
		if len(lines) == 1 {
			out[i] = p.unescape(lines[0])
			continue
		}
		var b []byte
		for _, t := range lines {
			b = append(b, p.unescape(t)...)
		}
		out[i] = string(b)
	}
	return out
}
