// This file compiles the trees of regular expressions to programs, and runs these: a machine of threads in step (Pike's; Cox,
// Regular Expression Matching: the Virtual Machine Approach, 2009), which visits each instruction at most once a code point.
// So the time is bounded by the product of the two, whatever the pattern. Of the matches it is the leftmost, and of those the
// one that backtracking would find first.

package eval

import (
	"fmt"
	"sort"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/graph"
)

const regexProgram = 1 << 17 // instructions a pattern may have

// A runeSet is a set of code points.
type runeSet struct {
	ascii [2]uint64
	pairs []rune // bounds, both included, in order; those of ASCII too
}

func newRuneSet(pairs []rune) *runeSet {
	s := &runeSet{pairs: pairs}
	for i := 0; i < len(pairs) && pairs[i] < utf8.RuneSelf; i += 2 {
		for r := pairs[i]; r <= min(pairs[i+1], utf8.RuneSelf-1); r++ {
			s.ascii[r>>6] |= 1 << (r & 63)
		}
	}
	return s
}

func (s *runeSet) has(r rune) bool {
	if r < utf8.RuneSelf {
		return s.ascii[r>>6]>>(r&63)&1 == 1
	}
	i := sort.Search(len(s.pairs)/2, func(i int) bool { return r <= s.pairs[2*i+1] })
	return 2*i < len(s.pairs) && s.pairs[2*i] <= r
}

// beyondASCII says whether the set has anything there.
func (s *runeSet) beyondASCII() bool {
	return len(s.pairs) > 0 && s.pairs[len(s.pairs)-1] >= utf8.RuneSelf
}

type instructionOp uint8

const (
	instructionMatch  instructionOp = iota
	instructionSet                  // a code point of set, then out
	instructionSplit                // out, or else other
	instructionAssert               // if assert holds, out
	instructionSave                 // note the place in slot other, then out
)

type instruction struct {
	op         instructionOp
	assert     assertion
	out, other int32
	set        *runeSet
}

// A regex is a compiled pattern. It is not safe for use by several goroutines.
type regex struct {
	code  []instruction
	start int32
	names []string // of the groups; the first is the match
	size  int64    // what reading a code point costs; see regexPrims
	// first are the bytes that a match can begin with, if all begin with a code point and no assertion.
	first    [256]bool
	anywhere bool // first is not known
	anchored bool // a match begins at the text's beginning, if anywhere
	idle     *regexThreads
}

// compileRegex compiles a pattern, whose size is the number of its instructions: one for every code point or set of these, assertion, and end
// of a group; one for every bar, `*`, `+` and `?` (two for a `*` of what may be empty); a repetition counts as what it stands for: x{2,4} is xx(x(x)?)?; and one at
// the end. That number times 1 + groups // 8 is the size.
func compileRegex(pattern string) (*regex, *regexError) {
	tree, names, err := parseRegex(pattern)
	if err != nil {
		return nil, err
	}
	x := &regex{code: []instruction{{op: instructionMatch}}, names: names}
	x.start = x.add(tree, 0)
	if len(x.code) > regexProgram {
		return nil, &regexError{0, fmt.Sprintf("the pattern stands for more than %d instructions", regexProgram)}
	}
	x.size = int64(len(x.code)) * int64(1+(len(names)-1)/8)
	x.findFirst()
	return x, nil
}

// emit appends an instruction. Past the limit nothing is appended any more.
func (x *regex) emit(i instruction) int32 {
	if len(x.code) <= regexProgram {
		x.code = append(x.code, i)
	}
	return int32(len(x.code) - 1)
}

func (x *regex) split(lazy bool, out, other int32) int32 {
	if lazy {
		out, other = other, out
	}
	return x.emit(instruction{op: instructionSplit, out: out, other: other})
}

// add compiles n to go on at next, and gives where it begins.
func (x *regex) add(n *regexNode, next int32) int32 {
	if len(x.code) > regexProgram {
		return next
	}
	switch n.op {
	case regexSet:
		return x.emit(instruction{op: instructionSet, set: n.set, out: next})
	case regexAssert:
		return x.emit(instruction{op: instructionAssert, assert: n.assert, out: next})
	case regexGroup:
		end := x.emit(instruction{op: instructionSave, other: int32(2*n.group + 1), out: next})
		return x.emit(instruction{op: instructionSave, other: int32(2 * n.group), out: x.add(n.subs[0], end)})
	case regexConcat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next = x.add(n.subs[i], next)
		}
		return next
	case regexAlternate:
		last := len(n.subs) - 1
		at := x.add(n.subs[last], next)
		for i := last - 1; i >= 0; i-- {
			at = x.split(false, x.add(n.subs[i], next), at)
		}
		return at
	case regexTimes:
		return x.times(n, next)
	}
	return next
}

func (x *regex) times(n *regexNode, next int32) int32 {
	sub, at, copies := n.subs[0], next, n.least
	switch {
	case n.most >= 0:
		for range n.most - n.least {
			if at = x.split(n.lazy, x.add(sub, at), next); len(x.code) > regexProgram {
				break
			}
		}
	case n.least == 0 && !sub.nullable:
		// x*: L: split body, next; body: x, then L
		loop := x.split(n.lazy, 0, next)
		x.aim(loop, n.lazy, x.add(sub, loop))
		return loop
	default:
		// x+: body: x, then L; L: split body, next
		loop := x.split(n.lazy, 0, next)
		at = x.add(sub, loop)
		x.aim(loop, n.lazy, at)
		if n.least == 0 {
			// x* of an x that may be empty is (x+)?, so that the order of preference is that of backtracking.
			return x.split(n.lazy, at, next)
		}
		copies--
	}
	for range copies {
		before := at
		if at = x.add(sub, at); at == before {
			break // sub is empty, or the limit is reached
		}
	}
	return at
}

// aim sets where the split at loop goes on with another turn.
func (x *regex) aim(loop int32, lazy bool, body int32) {
	if lazy {
		x.code[loop].other = body
	} else {
		x.code[loop].out = body
	}
}

// findFirst finds out what a match begins with.
func (x *regex) findFirst() {
	seen := make([]bool, len(x.code))
	todo := []int32{x.start}
	x.anchored = true
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch i := &x.code[pc]; i.op {
		case instructionMatch:
			x.anywhere, x.anchored = true, false
		case instructionAssert:
			x.anywhere = true
			if i.assert != beginText {
				x.anchored = false
			}
		case instructionSave:
			todo = append(todo, i.out)
		case instructionSplit:
			todo = append(todo, i.out, i.other)
		case instructionSet:
			x.anchored = false
			for b := range 256 {
				if b < utf8.RuneSelf && i.set.has(rune(b)) || b >= utf8.RuneSelf && i.set.beyondASCII() {
					x.first[b] = true
				}
			}
		}
	}
}

// A regexThread is at an instruction, with what it has noted so far in slots[saved:].
type regexThread struct{ pc, saved int32 }

// A threadList is a set of threads in the order of preference, one an instruction (Briggs and Torczon's sparse set).
// Beside those that wait for a code point it holds the instructions that have been visited on the way, with saved < 0.
type threadList struct {
	threads []regexThread
	place   []uint32
	live    int // threads that wait
}

func (l *threadList) has(pc int32) bool {
	i := l.place[pc]
	return int(i) < len(l.threads) && l.threads[i].pc == pc
}

// A visit is what following an instruction has left to do: go to pc, or, if pc < 0, set a slot back.
type visit struct {
	pc, slot int32
	old      int
}

// A regexThreads runs a regex.
type regexThreads struct {
	x         *regex
	now, then threadList
	noted     int   // slots a thread notes
	slots     []int // of all threads, noted for each
	free      []int32
	scratch   []int // of the thread in hand
	todo      []visit
	match     []int // of the best match so far
	units     int64 // work not charged yet, as a multiple of the size
	m         *Machine
}

// run takes threads that nobody uses. They are given back with done.
func (x *regex) run(m *Machine, noted int) *regexThreads {
	v := x.idle
	x.idle = nil
	if v == nil || v.noted != noted {
		n := len(x.code)
		reserve(m, int64(n)*24)
		v = &regexThreads{x: x, noted: noted, scratch: make([]int, noted), match: make([]int, noted)}
		v.now.place, v.then.place = make([]uint32, n), make([]uint32, n)
	}
	v.m, v.units = m, 0
	v.read(1)
	return v
}

func (v *regexThreads) done() {
	if v.m = nil; len(v.slots) < 1<<16 {
		v.x.idle = v
	}
}

// read counts code points.
func (v *regexThreads) read(n int64) {
	v.units += n * v.x.size
	if v.units >= regexUnits {
		v.m.Charge(v.units / regexUnits)
		v.units %= regexUnits
	}
}

// regexUnits is how many instructions, each for a code point that was read, are a step.
const regexUnits = 64

// holdsAt are the assertions that hold at byte pos of s.
func holdsAt(s string, pos int) assertion {
	var a assertion
	before, after := false, false
	if pos == 0 {
		a |= beginText | beginLine
	} else {
		if s[pos-1] == '\n' {
			a |= beginLine
		}
		before = isWordByte(s[pos-1])
	}
	if pos == len(s) {
		a |= endText | endLine
	} else {
		if s[pos] == '\n' {
			a |= endLine
		}
		after = isWordByte(s[pos])
	}
	if before != after {
		return a | wordBoundary
	}
	return a | noWordBoundary
}

// search looks for the first match in s that begins at byte from or later, and leaves it in v.match.
func (v *regexThreads) search(s string, from int) bool {
	x, matched := v.x, false
	v.clear(&v.now)
	for pos := from; ; {
		if v.now.live == 0 {
			v.clear(&v.now)
			if matched || x.anchored && pos > 0 {
				break
			}
			if !x.anywhere {
				start := pos
				for pos < len(s) && !x.first[s[pos]] {
					pos++
				}
				v.read(int64(utf8.RuneCountInString(s[start:pos])))
				if pos == len(s) {
					v.read(1)
					break
				}
			}
		}
		v.read(1)
		if !matched {
			for i := range v.scratch {
				v.scratch[i] = -1
			}
			if v.noted > 0 {
				v.scratch[0] = pos
			}
			v.follow(&v.now, x.start, pos, holdsAt(s, pos))
		}
		r, w := rune(-1), 0
		if pos < len(s) {
			r, w = utf8.DecodeRuneInString(s[pos:])
		}
		if v.step(s, pos, r, w) {
			if matched = true; v.noted == 0 {
				break
			}
		}
		v.now, v.then = v.then, v.now
		if pos == len(s) {
			break
		}
		pos += w
	}
	v.clear(&v.now)
	v.clear(&v.then)
	return matched
}

// step runs the threads of v.now over the code point r, which is w bytes wide, and says whether one matches before it.
func (v *regexThreads) step(s string, pos int, r rune, w int) (matched bool) {
	v.clear(&v.then)
	ahead := assertion(0)
	if r >= 0 {
		ahead = holdsAt(s, pos+w)
	}
	for n, t := range v.now.threads {
		switch i := &v.x.code[t.pc]; i.op {
		case instructionMatch:
			if v.noted > 0 {
				copy(v.match, v.slots[t.saved:])
				v.match[1] = pos
			}
			for _, rest := range v.now.threads[n:] {
				v.drop(rest)
			}
			v.now.threads, v.now.live = v.now.threads[:0], 0
			return true
		case instructionSet:
			if r >= 0 && i.set.has(r) {
				if v.noted > 0 {
					copy(v.scratch, v.slots[t.saved:])
				}
				v.follow(&v.then, i.out, pos+w, ahead)
			}
		}
		v.drop(t)
	}
	v.now.threads, v.now.live = v.now.threads[:0], 0
	return false
}

func (v *regexThreads) clear(l *threadList) {
	for _, t := range l.threads {
		v.drop(t)
	}
	l.threads, l.live = l.threads[:0], 0
}

func (v *regexThreads) drop(t regexThread) {
	if t.saved >= 0 && v.noted > 0 {
		v.free = append(v.free, t.saved)
	}
}

// follow adds the threads that pc leads to without reading, with v.scratch as what they have noted.
func (v *regexThreads) follow(l *threadList, pc int32, pos int, holds assertion) {
	v.todo = append(v.todo[:0], visit{pc: pc})
	for len(v.todo) > 0 {
		t := v.todo[len(v.todo)-1]
		v.todo = v.todo[:len(v.todo)-1]
		if t.pc < 0 {
			v.scratch[t.slot] = t.old
			continue
		}
		for pc := t.pc; !l.has(pc); {
			l.place[pc] = uint32(len(l.threads))
			i := &v.x.code[pc]
			if i.op <= instructionSet {
				l.threads = append(l.threads, regexThread{pc, v.keep()})
				l.live++
				break
			}
			l.threads = append(l.threads, regexThread{pc, -1})
			if i.op == instructionAssert && i.assert&holds == 0 {
				break
			}
			switch i.op {
			case instructionSplit:
				v.todo = append(v.todo, visit{pc: i.other})
			case instructionSave:
				if int(i.other) < v.noted {
					v.todo = append(v.todo, visit{pc: -1, slot: i.other, old: v.scratch[i.other]})
					v.scratch[i.other] = pos
				}
			}
			pc = i.out
		}
	}
}

// keep copies v.scratch to a place of its own.
func (v *regexThreads) keep() int32 {
	if v.noted == 0 {
		return 0
	}
	if len(v.free) == 0 {
		more := max(16, len(v.slots)/v.noted)
		reserve(v.m, int64(2*more*v.noted*8))
		for i := range more {
			v.free = append(v.free, int32(len(v.slots)+(more-1-i)*v.noted))
		}
		v.slots = append(v.slots, make([]int, more*v.noted)...)
	}
	at := v.free[len(v.free)-1]
	v.free = v.free[:len(v.free)-1]
	copy(v.slots[at:], v.scratch)
	return at
}

// A regexCache holds compiled patterns, of a bounded size together.
type regexCache struct {
	patterns map[string]*regex
	size     int
}

const regexCacheSize = 1 << 18 // bytes of patterns and instructions

// regexFor is the compiled pattern that v is.
func (m *Machine) regexFor(v graph.Value) (*regex, error) {
	pattern, err := textArg(v)
	if err != nil {
		return nil, err
	}
	m.Charge(int64(len(pattern)) / 16)
	c := &m.regexes
	x := c.patterns[pattern]
	if x == nil {
		var wrong *regexError
		if x, wrong = compileRegex(pattern); wrong != nil {
			return nil, badText("regex", pattern, wrong.offset, wrong.reason)
		}
		size := len(pattern) + len(x.code)
		if c.size += size; c.size > regexCacheSize || c.patterns == nil {
			c.patterns, c.size = map[string]*regex{}, size
		}
		c.patterns[pattern] = x
	}
	return x, nil
}
