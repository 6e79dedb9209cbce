// This file says where processes meet: the calls that are looked up and linked by what they are, whatever else was linked.

package eval

import (
	"math/bits"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

// # Why points and lines?
//
// A program that runs down the same recursion as an earlier one from another start finds the earlier one's results only if
// both choose the same calls, and neither knows of the other. So a hash of function and arguments chooses.
//
// For a linear recursion it is enough to choose one call in many: points. In a dynamic program the recursion finds a way around
// any point, but not around a line: the calls that have one argument in common. Where i and j grow smaller by steps, nothing gets
// from (600, 700) to (1, 1) past all the calls with i = 512, nor past those with j = 640; so what is reduced again is the rectangle
// down to the next lines. It works for all arguments that grow smaller by steps, be they numbers or the rest of a list.
//
// One argument in lineEvery makes a line. How many of them there is time to link depends on the program. A line is worth something
// only when it is whole, so that is decided for the line and not for the call; and half of the lines give way when a share of the time
// is spent, half of the others when twice that is spent, and so on. So the lines of a program that has time for few are far from each
// other, and whole.

const (
	meetEvery = 8192                  // calls with small ints, of which one is a point
	lineEvery = 32                    // arguments of which one makes a line
	topRank   = 4                     // of the lines that give way last
	lineShare = 6                     // linking lines takes at most two in so many parts of the time
	lineTime  = 30 * time.Millisecond // which it is taken to have run before it began
	lineCost  = 1500                  // steps that linking one of a line's calls takes
	storeToo  = 2                     // the store's own work takes as much again, on another goroutine
	firstLine = 32 * findCost
	lineCap   = 1 << 20
	maxWait   = 1 << 10
	lineSlots = 512 // a power of two
)

// meets says whether a call is a point, as long as its arguments are small ints. Such a call is looked up, and linked if it was costly.
func (f *lam) meets(args []graph.Value) bool {
	h := f.salt
	for _, a := range args {
		n, small := a.Int()
		if !small {
			return false
		}
		h = (h ^ uint64(n)) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h%meetEvery == 0
}

// lineOf is the key of the line that a call of f is on by its argument i, whose hash is h; 0 for none.
func (f *lam) lineOf(i int, h uint64) uint64 {
	h = (h ^ f.salt + uint64(i)) * 0x9e3779b97f4a7c15
	h ^= h >> 32
	if h%lineEvery != 0 {
		return 0
	}
	return h
}

// A line is what is known of one: whether the store has it, and whether it is linked.
type line struct {
	key        uint64
	wait, pass uint32 // calls to let pass after the next one that is not found; calls that still pass
	linking    bool
	seen, next uint32 // costly calls; how many there are when it is thought of again
}

// A lineTable is the lines met last.
type lineTable [lineSlots]line

func (t *lineTable) at(key uint64) *line {
	l := &t[key/lineEvery%lineSlots]
	if l.key != key {
		*l = line{key: key}
	}
	return l
}

// asks says whether to look the next call up. Where a line was not found it is asked for ever more seldom.
func (l *line) asks() bool {
	if l.pass > 0 {
		l.pass--
		return false
	}
	return true
}

func (l *line) found(ok bool) {
	if ok {
		l.wait, l.pass = 0, 0
	} else {
		l.wait = min(2*l.wait+1, maxWait)
		l.pass = l.wait
	}
}

// links says whether a costly call on the line is linked. A line that is being linked may take twice the time that it takes to begin one.
func (l *line) links(p *policy) bool {
	if l.seen++; !l.linking && l.seen < l.next {
		return false
	}
	rank := min(bits.TrailingZeros64(l.key/lineEvery), topRank)
	have := (time.Since(p.began) + lineTime) / lineShare >> (topRank - rank)
	if l.linking {
		have *= 2
	}
	l.linking = p.lineSpent < have
	l.next = 2 * l.seen
	return l.linking
}

// worthLine says whether a call that has come to r is linked because it is on a line, and pays for that.
func (p *policy) worthLine(f *lam, args []graph.Value, r graph.Value, key uint64) bool {
	price := lineCost + layoutCost(args) + int64(r.Unplaced())
	if f.acct.line < price || !p.lines.at(key).links(p) {
		return false
	}
	f.acct.line -= price
	return true
}

// earnLines credits f with what a hit in the table gives for lines: a part of the steps that it spared.
func (a *account) earnLines(steps uint64) {
	a.line = min(a.line+int64(min(steps/lineShare, lineCap)), lineCap)
}

// layoutCost is the steps that it takes to lay args out as blocks.
func layoutCost(args []graph.Value) int64 {
	n := 0
	for _, a := range args {
		n += a.Unplaced()
	}
	return int64(n)
}
