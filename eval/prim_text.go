// This file holds the primitives of text: text.*, and seq.append, which is `++`. Offsets and lengths are in code points.
//
// White space is the 25 code points with Unicode's property White_Space, case is case.go's table, the rest unicode.go's: no
// release of Go and no locale has a say. A line ends at LF, CR LF or CR.

package eval

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/graph"
)

var textPrims = []Spec{
	{"text.length", 1, 1, textLength, "text: how many code points; costs nothing"},
	{"text.split", 2, 3, textSplit, "sep text: the parts between the seps; the characters if sep is empty; cost: 1 per 256 bytes and per 16 parts"},
	{"text.join", 2, 3, textJoin, "sep list: the texts with sep between them; cost: 1 per 256 bytes of the answer and per 16 texts"},
	{"text.lines", 1, 1, textLines, "text: the lines without their line breaks (LF, CR LF, CR); a final line break begins no further line; cost: as text.split"},
	{"text.words", 1, 1, textWords, "text: what stands between white space; cost: as text.split"},
	{"text.chars", 1, 1, textChars, "text: a list of texts of one code point; cost: as text.split"},
	{"text.codes", 1, 1, textCodes, "text: a list of the code points as ints; cost: as text.split"},
	{"text.fromCodes", 1, 1, textFromCodes, "list: the text of code points; a surrogate and what is above 0x10ffff are \"out of range\"; cost: 1 per 16"},
	{"text.upper", 1, 1, textUpper, "text: in upper case by the simple mappings of Unicode 15, one code point for one (ß stays); cost: 1 per 256 bytes"},
	{"text.lower", 1, 1, textLower, "text: in lower case by the simple mappings of Unicode 15, one code point for one; cost: 1 per 256 bytes"},
	{"text.foldCase", 1, 1, textFoldCase, "text: with letters that differ only in case made one, by the full case folding of Unicode 15 (ß and ẞ become ss); cost: 1 per 256 bytes"},
	{"text.category", 1, 1, textCategory, "char: the general category of a text of one code point by Unicode 15, as \"Lu\"; \"Cn\" of one that is not assigned, \"out of range\" of a longer text; costs nothing"},
	{"text.trim", 1, 1, textTrim, "text: without white space at both ends; cost: 1 per 256 bytes"},
	{"text.trimLeft", 1, 1, textTrimLeft, "text: without white space at its beginning; cost: 1 per 256 bytes"},
	{"text.trimRight", 1, 1, textTrimRight, "text: without white space at its end; cost: 1 per 256 bytes"},
	{"text.contains", 2, 3, textContains, "part text: whether part stands in text; cost: 1 per 256 bytes"},
	{"text.startsWith", 2, 3, textStartsWith, "start text: whether text begins with start; cost: 1 per 256 bytes of start"},
	{"text.endsWith", 2, 3, textEndsWith, "end text: whether text ends with end; cost: 1 per 256 bytes of end"},
	{"text.indexOf", 2, 3, textIndexOf, "part text: Some offset of the first place where part stands, else None; cost: 1 per 256 bytes"},
	{"text.replace", 3, 7, textReplace, "old new text: new for every old, from the left, which is join new (split old text); cost: 1 per 256 bytes of text and of the answer, and per 16 olds"},
	{"text.slice", 3, 7, textSlice, "from to text: the code points from from up to, not including, to; a negative offset counts from the end, one beyond an end is that end; cost: 1 per 256 bytes, of the answer where text is ASCII, else of text"},
	{"text.padLeft", 3, 7, textPadLeft, "n char text: text with chars before it, so that it has at least n code points; a char that is not one code point is \"out of range\"; cost: 1 per 256 bytes of the answer"},
	{"text.padRight", 3, 7, textPadRight, "n char text: as text.padLeft, with the chars behind text; cost: as text.padLeft"},
	{"text.repeat", 2, 3, textRepeat, "n text: n times text, empty where n is below 1; cost: 1 per 256 bytes of the answer"},
	{"text.reverse", 1, 1, textReverse, "text: the code points from the last to the first; cost: 1 per 256 bytes"},
	{"text.interpolate", 1, 1, textInterpolate, "parts: one text of a list: texts as they are, any other value as show writes it; cost: 1 per 16 parts, those of the values shown too, and per 256 bytes of the answer"},
	{"seq.append", 2, 3, seqAppend, "a b: a ++ b of two lists, two texts or two bytes; cost: of lists nothing, else 1 per 256 bytes of the answer"},
}

// textArg is v's text, if it is one.
func textArg(v graph.Value) (string, error) {
	if v.Kind() != graph.KindText {
		return "", wrongKind(v, "text")
	}
	return v.Text(), nil
}

// twoTexts are two arguments that are texts, the left one checked first.
func twoTexts(args []graph.Value) (a, b string, err error) {
	if a, err = textArg(args[0]); err == nil {
		b, err = textArg(args[1])
	}
	return a, b, err
}

// chargeBytes charges work on n bytes.
func chargeBytes(m *Machine, n int) { m.Charge(int64(n) / 256) }

// reserveParts asks for the memory of n values that are texts or the like.
func reserveParts(m *Machine, n int) { reserve(m, 64*int64(n)) }

func isASCII(v graph.Value) bool { return v.TextLen() == len(v.Text()) }

// isSpace says whether r has Unicode's property White_Space.
func isSpace(r rune) bool {
	switch {
	case r <= ' ':
		return r == ' ' || '\t' <= r && r <= '\r'
	case r < 0x1680:
		return r == 0x85 || r == 0xa0
	case r < 0x2000:
		return r == 0x1680
	}
	return r <= 0x200a || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000
}

func textLength(m *Machine, args []graph.Value) (graph.Value, error) {
	if _, err := textArg(args[0]); err != nil {
		return graph.Value{}, err
	}
	return graph.Int(int64(args[0].TextLen())), nil
}

func textSplit(m *Machine, args []graph.Value) (graph.Value, error) {
	sep, s, err := twoTexts(args)
	if err != nil {
		return graph.Value{}, err
	}
	if sep == "" {
		return textChars(m, args[1:])
	}
	chargeBytes(m, len(s))
	n := strings.Count(s, sep) + 1
	m.Charge(int64(n) / 16)
	reserveParts(m, n)
	var parts graph.ListBuilder
	var texts graph.TextMaker
	for {
		i := strings.Index(s, sep)
		if i < 0 {
			break
		}
		parts.Add(texts.Text(s[:i]))
		s = s[i+len(sep):]
		if parts.Len()%pollEvery == 0 {
			m.poll()
		}
	}
	parts.Add(texts.Text(s))
	return graph.ListValue(parts.List()), nil
}

func textJoin(m *Machine, args []graph.Value) (graph.Value, error) {
	sep, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	list, err := wantList(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	m.Charge(int64(list.Len()) / 16)
	// Looking at an element may run anything, so the texts are gathered first.
	reserve(m, 16*int64(list.Len()))
	texts := make([]string, 0, list.Len())
	size := int64(0)
	for it := list.Iter(); ; {
		v, ok := it.Next()
		if !ok {
			break
		}
		s, err := textArg(head(m, v))
		if err != nil {
			return graph.Value{}, err
		}
		texts = append(texts, s)
		size += int64(len(s))
		if len(texts)%pollEvery == 0 {
			m.poll()
		}
	}
	size += int64(len(sep)) * int64(max(len(texts)-1, 0))
	m.Charge(size / 256)
	reserve(m, size)
	return m.long(int(size), func() graph.Value { return graph.Text(strings.Join(texts, sep)) }), nil
}

// lineEnd finds the first line break of s: where it begins, and where the next line does; -1 if there is none.
func lineEnd(s string) (end, next int) {
	end = strings.IndexAny(s, "\r\n")
	if end < 0 {
		return -1, -1
	}
	if strings.HasPrefix(s[end:], "\r\n") {
		return end, end + 2
	}
	return end, end + 1
}

func textLines(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	reserveParts(m, strings.Count(s, "\n")+strings.Count(s, "\r"))
	var lines graph.ListBuilder
	for s != "" {
		end, next := lineEnd(s)
		if end < 0 {
			end, next = len(s), len(s)
		}
		lines.Add(graph.Text(s[:end]))
		s = s[next:]
		if lines.Len()%pollEvery == 0 {
			m.poll()
		}
	}
	m.Charge(int64(lines.Len()) / 16)
	return graph.ListValue(lines.List()), nil
}

func textWords(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	var words graph.ListBuilder
	start := -1
	for i, r := range s {
		switch space := isSpace(r); {
		case space && start >= 0:
			words.Add(graph.Text(s[start:i]))
			start = -1
			if words.Len()%1024 == 0 {
				m.Charge(1024 / 16)
			}
		case !space && start < 0:
			start = i
		}
	}
	if start >= 0 {
		words.Add(graph.Text(s[start:]))
	}
	m.Charge(int64(words.Len()%1024) / 16)
	return graph.ListValue(words.List()), nil
}

// asciiChars are the texts of one ASCII character, which are shared.
var asciiChars = func() (chars [utf8.RuneSelf]graph.Value) {
	for i := range chars {
		chars[i] = graph.Text(string(rune(i)))
	}
	return chars
}()

func textChars(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	n := args[0].TextLen()
	chargeBytes(m, len(s))
	m.Charge(int64(n) / 16)
	reserveParts(m, n)
	var chars graph.ListBuilder
	for i := 0; i < len(s); {
		w := width(s[i])
		if w == 1 {
			chars.Add(asciiChars[s[i]])
		} else {
			chars.Add(graph.Text(s[i : i+w]))
		}
		i += w
		if chars.Len()%pollEvery == 0 {
			m.poll()
		}
	}
	return graph.ListValue(chars.List()), nil
}

// width is how many bytes the code point has that begins with b.
func width(b byte) int {
	switch {
	case b < 0x80:
		return 1
	case b < 0xe0:
		return 2
	case b < 0xf0:
		return 3
	}
	return 4
}

func textCodes(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	n := args[0].TextLen()
	chargeBytes(m, len(s))
	m.Charge(int64(n) / 16)
	reserve(m, 24*int64(n))
	var codes graph.ListBuilder
	for _, r := range s {
		codes.Add(graph.Int(int64(r)))
		if codes.Len()%pollEvery == 0 {
			m.poll()
		}
	}
	return graph.ListValue(codes.List()), nil
}

func textFromCodes(m *Machine, args []graph.Value) (graph.Value, error) {
	list, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	m.Charge(int64(list.Len()) / 16)
	reserve(m, 4*int64(list.Len()))
	out := make([]byte, 0, list.Len())
	it := list.Iter()
	for n := 1; ; n++ {
		v, ok := it.Next()
		if !ok {
			break
		}
		if n%pollEvery == 0 {
			m.poll()
		}
		v = head(m, v)
		code, err := wantCount(v)
		if err != nil {
			return graph.Value{}, err
		}
		if code < 0 || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
			return graph.Value{}, Fail("out of range", v)
		}
		out = utf8.AppendRune(out, rune(code))
	}
	return graph.Text(string(out)), nil
}

func textUpper(m *Machine, args []graph.Value) (graph.Value, error) {
	return mapCase(m, args[0], 'a', 'z', upperCase)
}

func textLower(m *Machine, args []graph.Value) (graph.Value, error) {
	return mapCase(m, args[0], 'A', 'Z', lowerCase)
}

// mapCase changes every code point by mapping, which of ASCII changes those from first to last.
func mapCase(m *Machine, v graph.Value, first, last byte, mapping []caseRange) (graph.Value, error) {
	s, err := textArg(v)
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	reserve(m, int64(len(s))*3/2)
	return m.long(len(s), func() graph.Value {
		out := make([]byte, 0, len(s))
		changed := false
		for _, r := range s {
			if r < utf8.RuneSelf {
				b := byte(r)
				if first <= b && b <= last {
					b ^= 0x20
					changed = true
				}
				out = append(out, b)
				continue
			}
			c := changeCase(mapping, r)
			changed = changed || c != r
			out = utf8.AppendRune(out, c)
		}
		if !changed {
			return v
		}
		return graph.Text(string(out))
	}), nil
}

func textTrim(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	return trimmed(m, args[0], strings.TrimFunc), nil
}

func textTrimLeft(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	return trimmed(m, args[0], strings.TrimLeftFunc), nil
}

func textTrimRight(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	return trimmed(m, args[0], strings.TrimRightFunc), nil
}

// trimmed is v's text cut by trim.
func trimmed(m *Machine, v graph.Value, trim func(s string, space func(rune) bool) string) graph.Value {
	s := v.Text()
	if len(s) < longBytes {
		return part(v, trim(s, isSpace))
	}
	return m.long(len(s), func() graph.Value { return part(v, trim(s, isSpace)) })
}

func textFoldCase(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	if isASCII(args[0]) {
		return mapCase(m, args[0], 'A', 'Z', nil)
	}
	reserve(m, 3*int64(len(s)))
	fold := foldings()
	return m.long(len(s), func() graph.Value {
		var out []byte
		for _, r := range s {
			if becomes, ok := fold[r]; ok {
				out = append(out, becomes...)
			} else {
				out = utf8.AppendRune(out, r)
			}
		}
		return graph.Text(string(out))
	}), nil
}

func textCategory(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	if s == "" || width(s[0]) != len(s) {
		return graph.Value{}, Fail("out of range", args[0])
	}
	r, _ := utf8.DecodeRuneInString(s)
	return graph.Text(category(r)), nil
}

// part is s as a value, s being a part of v's text. A small part does not keep all of a large text in memory.
func part(v graph.Value, s string) graph.Value {
	whole := len(v.Text())
	switch {
	case len(s) == whole:
		return v
	case len(s) == 1:
		return asciiChars[s[0]]
	case len(s) < whole/4:
		s = strings.Clone(s)
	}
	return graph.Text(s)
}

func textContains(m *Machine, args []graph.Value) (graph.Value, error) {
	sub, s, err := twoTexts(args)
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	if len(s) < longBytes {
		return graph.Bool(strings.Contains(s, sub)), nil
	}
	return m.long(len(s), func() graph.Value { return graph.Bool(strings.Contains(s, sub)) }), nil
}

func textStartsWith(m *Machine, args []graph.Value) (graph.Value, error) {
	start, s, err := twoTexts(args)
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(start))
	return graph.Bool(strings.HasPrefix(s, start)), nil
}

func textEndsWith(m *Machine, args []graph.Value) (graph.Value, error) {
	end, s, err := twoTexts(args)
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(end))
	return graph.Bool(strings.HasSuffix(s, end)), nil
}

func textIndexOf(m *Machine, args []graph.Value) (graph.Value, error) {
	sub, s, err := twoTexts(args)
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	return m.long(len(s), func() graph.Value {
		i := strings.Index(s, sub)
		if i < 0 {
			return graph.None()
		}
		return graph.Some(graph.Int(int64(utf8.RuneCountInString(s[:i]))))
	}), nil
}

func textReplace(m *Machine, args []graph.Value) (graph.Value, error) {
	was, by, err := twoTexts(args)
	if err != nil {
		return graph.Value{}, err
	}
	s, err := textArg(args[2])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	var n int
	if was == "" {
		n = max(args[2].TextLen()-1, 0)
	} else {
		n = strings.Count(s, was)
	}
	m.Charge(int64(n) / 16)
	if n == 0 {
		return args[2], nil
	}
	size := int64(len(s)) + int64(n)*(int64(len(by))-int64(len(was)))
	m.Charge(size / 256)
	reserve(m, size)
	return m.long(len(s)+int(size), func() graph.Value {
		if was != "" {
			return graph.Text(strings.ReplaceAll(s, was, by))
		}
		out := make([]byte, 0, size)
		for i := 0; i < len(s); {
			if i > 0 {
				out = append(out, by...)
			}
			w := width(s[i])
			out = append(out, s[i:i+w]...)
			i += w
		}
		return graph.Text(string(out))
	}), nil
}

// sliceBounds are the bounds of a slice of n things: negative offsets count from the end, and both are cut to what there is.
func sliceBounds(from, to int64, n int) (int, int) {
	cut := func(i int64) int {
		if i < 0 {
			return int(max(i+int64(n), 0))
		}
		return int(min(i, int64(n)))
	}
	a, b := cut(from), cut(to)
	return a, max(a, b)
}

// twoInts are two arguments that are ints, the left one checked first.
func twoInts(args []graph.Value) (a, b int64, err error) {
	if a, err = wantCount(args[0]); err == nil {
		b, err = wantCount(args[1])
	}
	return a, b, err
}

func textSlice(m *Machine, args []graph.Value) (graph.Value, error) {
	from, to, err := twoInts(args)
	if err != nil {
		return graph.Value{}, err
	}
	v := args[2]
	s, err := textArg(v)
	if err != nil {
		return graph.Value{}, err
	}
	a, b := sliceBounds(from, to, v.TextLen())
	if isASCII(v) {
		chargeBytes(m, b-a)
		return part(v, s[a:b]), nil
	}
	chargeBytes(m, len(s))
	return m.long(len(s), func() graph.Value {
		start := byteOffset(s, a)
		return part(v, s[start:start+byteOffset(s[start:], b-a)])
	}), nil
}

// byteOffset is where the code point n of s begins.
func byteOffset(s string, n int) int {
	i := 0
	for ; n > 0; n-- {
		i += width(s[i])
	}
	return i
}

func textPadLeft(m *Machine, args []graph.Value) (graph.Value, error) {
	pad, err := padding(m, args)
	if err != nil || pad == "" {
		return args[2], err
	}
	return graph.Text(pad + args[2].Text()), nil
}

func textPadRight(m *Machine, args []graph.Value) (graph.Value, error) {
	pad, err := padding(m, args)
	if err != nil || pad == "" {
		return args[2], err
	}
	return graph.Text(args[2].Text() + pad), nil
}

// padding is what is to be added to args[2] so that it has args[0] code points.
func padding(m *Machine, args []graph.Value) (string, error) {
	n, err := wantCount(args[0])
	if err != nil {
		return "", err
	}
	char, err := textArg(args[1])
	if err != nil {
		return "", err
	}
	s, err := textArg(args[2])
	if err != nil {
		return "", err
	}
	if char == "" || width(char[0]) != len(char) {
		return "", Fail("out of range", args[1])
	}
	missing := n - int64(args[2].TextLen())
	if missing <= 0 {
		return "", nil
	}
	return repeated(m, char, missing, len(s)), nil
}

// repeated is n times s; extra is what else the answer has in bytes.
func repeated(m *Machine, s string, n int64, extra int) string {
	if s == "" || n <= 0 {
		return ""
	}
	if n > math.MaxInt64/2/int64(len(s)) {
		m.Reserve(-1)
	}
	size := n*int64(len(s)) + int64(extra)
	reserve(m, 2*size)
	m.Charge(size / 256)
	return m.long(int(size), func() graph.Value { return graph.Text(strings.Repeat(s, int(n))) }).Text()
}

func textRepeat(m *Machine, args []graph.Value) (graph.Value, error) {
	n, err := wantCount(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	s, err := textArg(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	return graph.Text(repeated(m, s, n, 0)), nil
}

func textReverse(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	reserve(m, 2*int64(len(s)))
	return m.long(len(s), func() graph.Value {
		out := make([]byte, len(s))
		for i := 0; i < len(s); {
			w := width(s[i])
			copy(out[len(s)-i-w:], s[i:i+w])
			i += w
		}
		return graph.Text(string(out))
	}), nil
}

func textInterpolate(m *Machine, args []graph.Value) (graph.Value, error) {
	list, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	m.Charge(int64(list.Len()) / 16)
	var out []byte
	for it := list.Iter(); ; {
		v, ok := it.Next()
		if !ok {
			break
		}
		v = head(m, v)
		if v.Kind() == graph.KindText {
			reserve(m, int64(len(out)+len(v.Text())))
			out = append(out, v.Text()...)
			continue
		}
		if out, err = appendShown(m, out, v); err != nil {
			return graph.Value{}, err
		}
	}
	chargeBytes(m, len(out))
	return graph.Text(string(out)), nil
}

func seqAppend(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	switch k := a.Kind(); k {
	case graph.KindList, graph.KindText, graph.KindBytes:
		if b.Kind() != k {
			return graph.Value{}, wrongKind(b, k.String())
		}
	default:
		return graph.Value{}, wrongKind(a, "list, text or bytes")
	}
	switch a.Kind() {
	case graph.KindList:
		return graph.ListValue(m.concatLists(a.List(), b.List())), nil
	case graph.KindText:
		x, y := a.Text(), b.Text()
		size := len(x) + len(y)
		chargeBytes(m, size)
		reserve(m, int64(size))
		if size < longBytes {
			return graph.Text(x + y), nil
		}
		return m.long(size, func() graph.Value { return graph.Text(x + y) }), nil
	}
	x, y := allBytes(m, a), allBytes(m, b)
	size := len(x) + len(y)
	chargeBytes(m, size)
	reserve(m, int64(size))
	return graph.BytesValue(append(append(make([]byte, 0, size), x...), y...)), nil
}
