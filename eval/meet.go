// This file says where processes meet: the calls that are looked up and linked by what they are, whatever else was linked.

package eval

import (
	"math/bits"
	"unsafe"

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
	meetEvery = 8192    // calls with small ints, of which one is a point
	lineEvery = 32      // arguments of which one makes a line
	lineEarns = 8       // one in so many steps that the table's hits spare pays for its function's lines
	lineStart = 3 << 20 // steps of work that are taken to have been done before it begins
	lineWork  = 100     // steps that it takes to find that the table does not have a call, and to enter it
	lineCost  = 2000    // steps that linking one of a line's calls takes
	firstLine = 1 << 17 // steps that go into looking up calls on lines of functions that have earned none,
	lineLooks = 64      // and one step in so many
	lineCap   = 1 << 20
	maxWait   = 1 << 10
	lineSlots = 1024 // a power of two
)

// meets says whether a call is a point, as long as its arguments are small ints. Such a call is looked up, and linked if it was costly.
func (f *lam) meets(args []graph.Value) bool {
	for i := len(args) - 1; i >= 0; i-- {
		if _, small := args[i].Int(); !small {
			return false
		}
	}
	h := f.salt
	for _, a := range args {
		n, _ := a.Int()
		h = (h ^ uint64(n)) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h%meetEvery == 0
}

// lines are the keys of the lines that a call is on: two of them, should there be more; 0 for none.
type lines [2]uint64

// add adds the line that a call of f is on by its argument i, whose hash is h.
func (on *lines) add(f *lam, i int, h uint64) {
	h = (h ^ f.salt + uint64(i)) * 0x9e3779b97f4a7c15
	h ^= h >> 32
	if h%lineEvery == 0 {
		on[0], on[1] = h, on[0]
	}
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
	l := &t[key>>32%lineSlots]
	if l.key != key {
		*l = line{key: key}
	}
	return l
}

// ask says whether to look up the next call on those lines: if one of them asks for it. Where a line was not found it is asked for ever
// more seldom.
func (t *lineTable) ask(on lines) (yes bool) {
	for _, key := range on {
		if key == 0 {
			break
		}
		if l := t.at(key); l.pass > 0 {
			l.pass--
		} else {
			yes = true
		}
	}
	return yes
}

// found notes that a call on those lines was found, or was not.
func (t *lineTable) found(on lines, ok bool) {
	for _, key := range on {
		if key == 0 {
			break
		}
		switch l := t.at(key); {
		case ok:
			l.wait, l.pass = 0, 0
		case l.pass == 0:
			l.wait = min(2*l.wait+1, maxWait)
			l.pass = l.wait
		}
	}
}

// A turned call is one on a line that another call became by turning.
type turned struct {
	args  [maxArgs]graph.Value
	hash  uint64
	on    lines
	start since
	uses  extent
}

const (
	maxTurned   = 64      // that wait for their value
	lookedTurns = 1 << 11 // at which a function is looked up without a hit; a hit pays for more
)

// turn reduces the body of f, and looks for what it becomes at each turn as long as f is awake: a recursion that turns must not get
// past a line unseen. Where turns hit nothing they are not looked up for long.
func (p *policy) turn(f *lam, fp unsafe.Pointer) graph.Value {
	m := p.m
	args := slots(fp, slotSize, f.arity)
	var waiting []turned
	r := f.once(m, fp)
	for r == graph.Again() {
		if f.acct.asleep || f.acct.turns <= 0 {
			r = f.body(m, fp)
			break
		}
		f.acct.turns--
		h, on, known := p.hash(f, args)
		p.pay(f, lookupCost)
		if known {
			if e := p.table.find(h, f, args); e != nil {
				f.acct.turns = min(f.acct.turns+int64(min(e.steps, creditCap)/lookupCost), lookedTurns)
				r = p.hit(f, e)
				break
			}
		}
		if on != (lines{}) && len(waiting) < maxTurned {
			if p.lookup(f, args, on) {
				r = p.take(f, args, h, true)
				break
			}
			w := turned{hash: h, on: on, start: m.now(), uses: p.open()}
			copy(w.args[:], args)
			waiting = append(waiting, w)
		}
		r = f.once(m, fp)
	}
	for i := len(waiting) - 1; i >= 0; i-- {
		w := &waiting[i]
		if steps := m.stepsSince(w.start) + 1; !r.IsMark() && steps >= worthKeeping {
			u := p.linkCall(f, w.args[:f.arity], r, w.start, w.uses, w.on)
			p.remember(w.hash, f, w.args[:f.arity], r, steps, u)
		} else {
			p.shut(w.uses)
		}
	}
	return r
}

// lineShares are the parts of the work, one in so many, that linking lines of a rank may take. Half of that must be left when one begins.
var lineShares = [...]int64{32, 16, 8, 4, 3}

// links says whether a costly call on the line is linked.
func (l *line) links(p *policy) bool {
	if l.seen++; !l.linking && l.seen < l.next {
		return false
	}
	rank := min(bits.TrailingZeros64(l.key/lineEvery), len(lineShares)-1)
	have := int64(p.m.executed()+p.lineWork+lineStart) / lineShares[rank]
	if !l.linking {
		have /= 2
	}
	l.linking = p.lineSpent < have && p.room(1) > 0
	l.next = 2 * l.seen
	return l.linking
}

// worthLine says whether a call that has come to r is linked because it is on a line, and pays for that.
func (p *policy) worthLine(f *lam, args []graph.Value, r graph.Value, on lines) bool {
	price := lineCost + layoutCost(args) + int64(r.Unplaced())
	if f.acct.line < price {
		return false
	}
	linking := p.lines.at(on[0]).links(p)
	if on[1] != 0 && p.lines.at(on[1]).links(p) {
		linking = true
	}
	if !linking {
		return false
	}
	f.acct.line -= price
	p.lineSpent += price
	return true
}

// payLine takes the price of a lookup from what the function's hits have earned, or else from the pool.
func (p *policy) payLine(a *account, price int64) bool {
	from := &a.line
	if *from < price {
		from = &p.linePool
	}
	if *from < price {
		return false
	}
	*from -= price
	return true
}

// earnLines credits f with what a hit in the table gives for lines: a part of the steps that it spared.
func (a *account) earnLines(steps uint64) {
	a.line = min(a.line+int64(min(steps/lineEarns, lineCap)), lineCap)
}

// layoutCost is the steps that it takes to lay args out as blocks.
func layoutCost(args []graph.Value) int64 {
	n := 0
	for _, a := range args {
		n += a.Unplaced()
	}
	return int64(n) / 2
}
