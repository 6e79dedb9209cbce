// This file holds the primitives of regular expressions: regex.*. The pattern is read by regex_parse.go and run by
// regex_match.go. Compiled patterns are kept, which changes no cost.
//
// What reading costs: the size of a pattern (compileRegex says what that is) for every code point that a search reads, for
// its end, and once for the pattern itself, and a step for every 64 of that. A search reads on until no way is left to a better match than it
// has, and the next one begins where the match ended.

package eval

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/graph"
)

var regexPrims = []Spec{
	{"regex.matches", 2, 3, regexMatches, "pattern text: whether the pattern matches somewhere in text; cost: 1 per 64 of the pattern's size, times the code points read and 2, and 1 per 16 bytes of pattern"},
	{"regex.find", 2, 3, regexFind, "pattern text: Some {start, end, text, groups, named} of the first match, else None; cost: as regex.matches"},
	{"regex.findAll", 2, 3, regexFindAll, "pattern text: the list of the matches, from the left, none of which overlap; cost: as regex.matches, and 1 per match"},
	{"regex.split", 2, 3, regexSplit, "pattern text: the parts of text between the matches; an empty match at an end of text does not count; cost: as regex.findAll"},
	{"regex.replace", 3, 7, regexReplace, "pattern new text: text with new in place of every match, in which $1, ${1} and ${name} are groups, $0 the match and $$ a dollar; cost: as regex.findAll, and 1 per 256 bytes of the answer"},
	{"regex.replaceWith", 3, 5, regexReplaceWith, "pattern f text: text with the text f m in place of every match m, from the left; cost: as regex.replace"},
	{"regex.escape", 1, 1, regexEscape, "text: the pattern that matches just this text; cost: 1 per 256 bytes of the answer"},
}

// regexRun compiles the pattern args[0] and takes the text that is the last of args. The threads note the ends of groups, or of
// the match alone, or nothing.
func regexRun(m *Machine, args []graph.Value, note func(x *regex) int) (*regexThreads, graph.Value, error) {
	x, err := m.regexFor(args[0])
	if err != nil {
		return nil, graph.Value{}, err
	}
	text := args[len(args)-1]
	if _, err := textArg(text); err != nil {
		return nil, graph.Value{}, err
	}
	return x.run(m, note(x)), text, nil
}

func noteGroups(x *regex) int { return 2 * len(x.names) }
func noteMatch(*regex) int    { return 2 }
func noteNothing(*regex) int  { return 0 }

func regexMatches(m *Machine, args []graph.Value) (graph.Value, error) {
	v, text, err := regexRun(m, args, noteNothing)
	if err != nil {
		return graph.Value{}, err
	}
	defer v.done()
	return graph.Bool(v.search(text.Text(), 0)), nil
}

// A place is an offset in bytes and the same in code points.
type place struct{ bytes, points int }

// to moves to a later byte.
func (p *place) to(s string, bytes int) int {
	p.points += utf8.RuneCountInString(s[p.bytes:bytes])
	p.bytes = bytes
	return p.points
}

// record is the match that v has found, as programs see it; at is at or before it and moves to its end.
func (v *regexThreads) record(text graph.Value, at *place) graph.Value {
	s := text.Text()
	start := at.to(s, v.match[0])
	end := at.to(s, v.match[1])
	groups := make([]graph.Value, 0, len(v.x.names)-1)
	var named graph.MapBuilder
	for i, name := range v.x.names {
		if i == 0 {
			continue
		}
		group := graph.Null()
		if from := v.match[2*i]; from >= 0 {
			group = part(text, s[from:v.match[2*i+1]])
		}
		groups = append(groups, group)
		if name != "" {
			named.Set(name, group)
		}
	}
	return graph.MapValue(graph.MapSorted(matchKeys, []graph.Value{graph.Int(int64(end)), graph.NewList(groups...),
		graph.MapValue(named.Map()), graph.Int(int64(start)), part(text, s[v.match[0]:v.match[1]])}))
}

var matchKeys = []string{"end", "groups", "named", "start", "text"}

func regexFind(m *Machine, args []graph.Value) (graph.Value, error) {
	v, text, err := regexRun(m, args, noteGroups)
	if err != nil {
		return graph.Value{}, err
	}
	defer v.done()
	if !v.search(text.Text(), 0) {
		return graph.None(), nil
	}
	return graph.Some(v.record(text, &place{})), nil
}

// each calls f for every match, from the left. An empty match right behind another one is none.
func (v *regexThreads) each(s string, f func() error) error {
	for pos, last := 0, -1; v.next(s, &pos, &last); {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// next finds the next match. pos is where it is sought from, last where the one before ended, and both move on.
func (v *regexThreads) next(s string, pos, last *int) bool {
	for *pos <= len(s) && v.search(s, *pos) {
		from, to := v.match[0], v.match[1]
		empty := to == *pos
		if empty && *pos < len(s) {
			*pos += width(s[*pos])
		} else if empty {
			*pos++
		} else {
			*pos = to
		}
		again := empty && from == *last
		*last = to
		if !again {
			v.m.Charge(1)
			return true
		}
	}
	return false
}

func regexFindAll(m *Machine, args []graph.Value) (graph.Value, error) {
	v, text, err := regexRun(m, args, noteGroups)
	if err != nil {
		return graph.Value{}, err
	}
	defer v.done()
	out, at := listOut{m: m}, place{}
	err = v.each(text.Text(), func() error {
		if out.Len()&1023 == 1023 {
			reserve(m, 1024*int64(512+32*len(v.x.names)))
		}
		out.add(v.record(text, &at))
		return nil
	})
	return out.value(), err
}

func regexSplit(m *Machine, args []graph.Value) (graph.Value, error) {
	v, text, err := regexRun(m, args, noteMatch)
	if err != nil {
		return graph.Value{}, err
	}
	defer v.done()
	out, s, begin := listOut{m: m}, text.Text(), 0
	err = v.each(s, func() error {
		from, to := v.match[0], v.match[1]
		if from == to && (to == 0 || from == len(s)) {
			return nil
		}
		if out.Len()&1023 == 1023 {
			reserveParts(m, 2048)
		}
		out.add(part(text, s[begin:from]))
		begin = to
		return nil
	})
	out.add(part(text, s[begin:]))
	return out.value(), err
}

// A piece of a replacement is a text, or the text of a group.
type piece struct {
	text  string
	group int
}

// pieces reads a replacement.
func pieces(x *regex, s string) ([]piece, error) {
	var out []piece
	bad := func(at int, reason string) ([]piece, error) { return nil, badText("replacement", s, at, reason) }
	for at := 0; at < len(s); {
		i := strings.IndexByte(s[at:], '$')
		if i < 0 {
			return append(out, piece{s[at:], -1}), nil
		}
		out = append(out, piece{s[at : at+i], -1})
		dollar := at + i
		at = dollar + 1
		if strings.HasPrefix(s[at:], "$") {
			out = append(out, piece{"$", -1})
			at++
			continue
		}
		braced := strings.HasPrefix(s[at:], "{")
		if braced {
			at++
		}
		start := at
		for at < len(s) && isWordByte(s[at]) && (braced || '0' <= s[at] && s[at] <= '9') {
			at++
		}
		name := s[start:at]
		if braced && !strings.HasPrefix(s[at:], "}") || name == "" {
			return bad(dollar, "a $ begins $1, ${1}, ${name} or $$")
		}
		if braced {
			at++
		}
		group := -1
		if n, err := strconv.Atoi(name); err == nil {
			group = n
		} else {
			for i, known := range x.names {
				if known == name {
					group = i
				}
			}
		}
		if group < 0 || group >= len(x.names) {
			return bad(dollar, "the pattern has no such group")
		}
		out = append(out, piece{"", group})
	}
	return out, nil
}

// substitute is text with what with appends in place of every match of v.
func (v *regexThreads) substitute(text graph.Value, with func(out []byte) ([]byte, error)) (graph.Value, error) {
	var out []byte
	s, begin, some := text.Text(), 0, false
	err := v.each(s, func() error {
		some = true
		from, to := v.match[0], v.match[1] // f may run other threads, but not these
		out = v.grow(out, from-begin)
		out = append(out, s[begin:from]...)
		begin = to
		var err error
		out, err = with(out)
		return err
	})
	switch {
	case err != nil:
		return graph.Value{}, err
	case !some:
		chargeBytes(v.m, len(s))
		return text, nil
	}
	out = append(v.grow(out, len(s)-begin), s[begin:]...)
	chargeBytes(v.m, len(out))
	return graph.Text(string(out)), nil
}

// grow asks for the memory of n more bytes.
func (v *regexThreads) grow(out []byte, n int) []byte {
	if len(out)+n > cap(out) {
		reserve(v.m, 2*int64(len(out)+n))
	}
	return out
}

func regexReplace(m *Machine, args []graph.Value) (graph.Value, error) {
	x, err := m.regexFor(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	by, err := textArg(args[1])
	if err != nil {
		return graph.Value{}, err
	}
	text := args[2]
	if _, err := textArg(text); err != nil {
		return graph.Value{}, err
	}
	with, err := pieces(x, by)
	if err != nil {
		return graph.Value{}, err
	}
	v := x.run(m, noteGroups(x))
	defer v.done()
	s := text.Text()
	return v.substitute(text, func(out []byte) ([]byte, error) {
		for _, p := range with {
			t := p.text
			if p.group >= 0 {
				if t = ""; v.match[2*p.group] >= 0 {
					t = s[v.match[2*p.group]:v.match[2*p.group+1]]
				}
			}
			chargeBytes(m, len(t))
			out = append(v.grow(out, len(t)), t...)
		}
		return out, nil
	})
}

// A replacing is how far regex.replaceWith has come, before the match in hand and with it.
type replacing struct {
	out         []byte
	begin       int   // of what is still to be copied
	pos, last   int   // see next
	units       int64 // see regexThreads.read
	from, to    int   // the match in hand
	pos1, last1 int   // as pos, last and units, after it
	units1      int64
}

func regexReplaceWith(m *Machine, args []graph.Value) (graph.Value, error) {
	l := m.loop(args)
	l.whole = true // but for the calls
	if err := l.resume("regex.replaceWith"); err != nil {
		return graph.Value{}, err
	}
	begun := l.parts != nil
	start := m.now()
	v, text, err := regexRun(m, args, noteGroups)
	if err != nil {
		return graph.Value{}, err
	}
	defer v.done()
	r := &l.replacing
	if begun { // that is charged already
		m.rewind(start)
	} else {
		r.last, r.units = -1, v.units
	}
	s, at := text.Text(), place{}
	for {
		var t graph.Value
		if l.replay {
			l.whole = false
			t = l.call(args[1])
		} else {
			l.whole = true
			l.settle()
			v.units, r.pos1, r.last1 = r.units, r.pos, r.last
			if !v.next(s, &r.pos1, &r.last1) {
				break
			}
			r.from, r.to, r.units1 = v.match[0], v.match[1], v.units
			match := v.record(text, &at)
			l.n++
			l.whole = false
			t = l.call(args[1], match)
		}
		new, err := textArg(head(m, t))
		if err != nil {
			return graph.Value{}, err
		}
		r.out = v.grow(r.out, r.from-r.begin+len(new))
		r.out = append(append(r.out, s[r.begin:r.from]...), new...)
		r.begin, r.pos, r.last, r.units = r.to, r.pos1, r.last1, r.units1
	}
	if l.n == 0 {
		chargeBytes(m, len(s))
		l.end()
		return text, nil
	}
	out := append(v.grow(r.out, len(s)-r.begin), s[r.begin:]...)
	chargeBytes(m, len(out))
	l.end()
	return graph.Text(string(out)), nil
}

func saveReplacing(l *loop) []graph.Value {
	r := &l.replacing
	parts := []graph.Value{graph.Text(string(r.out))}
	for _, n := range []int{r.begin, r.pos, r.last, int(r.units), r.from, r.to, r.pos1, r.last1, int(r.units1)} {
		parts = append(parts, graph.Int(int64(n)))
	}
	return parts
}

func restoreReplacing(l *loop) bool {
	if len(l.parts) != 10 || l.parts[0].Kind() != graph.KindText || l.args[2].Kind() != graph.KindText {
		return false
	}
	s := l.args[2].Text()
	var n [9]int
	for i, v := range l.parts[1:] {
		k, ok := v.Int()
		if v.Kind() != graph.KindInt || !ok || k < -1 || k > int64(len(s)+regexUnits) {
			return false
		}
		n[i] = int(k)
	}
	cut := func(at int) bool { return 0 <= at && at <= len(s) && (at == len(s) || utf8.RuneStart(s[at])) }
	next := func(at int) bool { return cut(at) || at == len(s)+1 }
	r := &l.replacing
	*r = replacing{[]byte(l.parts[0].Text()), n[0], n[1], n[2], int64(n[3]), n[4], n[5], n[6], n[7], int64(n[8])}
	return cut(r.begin) && cut(r.from) && cut(r.to) && next(r.pos) && next(r.pos1) &&
		min(r.units, r.units1) >= 0 && max(r.units, r.units1) < regexUnits && (!l.replay || r.begin <= r.from && r.from <= r.to && r.to <= r.pos1) && r.begin <= r.pos
}

func regexEscape(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	reserve(m, 2*int64(len(s)))
	v := args[0]
	v = m.long(len(s), func() graph.Value {
		var out []byte
		for i := range len(s) {
			if strings.IndexByte(`\.+*?()|[]{}^$`, s[i]) >= 0 {
				out = append(out, '\\')
			}
			out = append(out, s[i])
		}
		if len(out) == len(s) {
			return v
		}
		return graph.Text(string(out))
	})
	chargeBytes(m, len(v.Text()))
	return v, nil
}
