// This file holds the table in memory that remembers calls. When a call is looked up in it and entered is the policy's business
// (policy.go).

package eval

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// # What does the table hold at most?
//
// It has tableEnd entries at most, and so many bytes: tableMost, or an eighth of the memory that the machine may use if that is
// less. Its own arrays take up to 5/8 of them; the rest is for what its entries keep alive that is not of a fixed size: lists, texts, large
// ints. These are weighed as they come (graph.Scale), in epochs: what is entered or found belongs to the epoch in which that was,
// and is weighed for it. When the epoch has half of the bytes, the next one begins, and the entries that were not used in the last one
// are dropped. So two epochs hold no more than the limit, whatever the entries share with each other. An entry that keeps nothing alive
// stays until another one needs its place: the least costly one in its set, or one that has not been asked for long
// (GreedyDual: Young, The k-Server Dual and Loose Competitiveness for Paging, 1994).
//
// The table grows only while it hits. What tells entries from each other stands beside them, a cache line for each set.

const (
	maxArgs    = 4 // of a call that is remembered
	tableStart = 1 << 12
	tableEnd   = 1 << 18
	tableMost  = 64 << 20
	ways       = 4
	entrySize  = unsafe.Sizeof(entry{}) + unsafe.Sizeof(set{})/ways
)

// A table remembers calls.
type table struct {
	sets    []set
	entries []entry // ways for each set
	used    int
	hits    int
	clock   uint32

	limit  int // bytes for the table and what it keeps alive
	epoch  uint32
	weight int // bytes that entries of the epoch keep alive
	scale  graph.Scale
}

// A set tells the entries of a few ways from each other.
type set struct {
	hash  [ways]uint64
	worth [ways]uint32 // the table's clock when it was used last, and more for the steps it saves
	epoch [ways]uint32 // in which it was used last; 0: empty
}

// anyEpoch is that of an entry that keeps nothing alive.
const anyEpoch = math.MaxUint32

type entry struct {
	fn    *lam
	args  [maxArgs]graph.Value
	value graph.Value
	steps uint64
	use   use // its Result, if it was linked
}

// init sets the limit, given the bytes that the machine may use; 0 is any number.
func (t *table) init(memory int64) {
	t.limit = tableMost
	if memory > 0 {
		t.limit = int(min(memory/8, tableMost))
	}
	t.reset()
}

func (t *table) reset() {
	if len(t.entries) != tableStart {
		t.make(tableStart)
	} else {
		clear(t.sets)
		clear(t.entries)
	}
	t.used, t.hits, t.clock, t.weight = 0, 0, 0, 0
	t.epoch = 1
	t.scale.Reset()
}

func (t *table) make(n int) { t.sets, t.entries = make([]set, n/ways), make([]entry, n) }

// full says whether the epoch has its share of the bytes.
func (t *table) full() bool {
	return t.weight > max(t.limit-len(t.entries)*int(entrySize), t.limit/4)/2
}

// find returns the entry of a call, or nil. It is good until the next insert.
func (t *table) find(h uint64, f *lam, args []graph.Value) *entry {
	k := int(h & uint64(len(t.sets)-1))
	s := &t.sets[k]
next:
	for i := range s.hash {
		if s.hash[i] != h || s.epoch[i] == 0 {
			continue
		}
		e := &t.entries[k*ways+i]
		if e.fn != f {
			continue
		}
		for j, a := range args {
			if !graph.Alike(a, e.args[j]) {
				continue next
			}
		}
		t.hits++
		s.worth[i] = t.clock + uint32(4*bits.Len64(e.steps))
		if s.epoch[i] < t.epoch {
			s.epoch[i] = t.epoch
			for j := range args {
				t.weigh(e.args[j])
			}
			t.weigh(e.value)
		}
		return e
	}
	return nil
}

// weigh adds what v keeps alive to the epoch's weight, and returns that, and whether it is bounded.
func (t *table) weigh(v graph.Value) (bytes int, bounded bool) {
	bytes, bounded = t.scale.Weigh(v)
	t.weight += bytes
	return bytes, bounded
}

// insert remembers a call, unless there is no bound to what that may keep alive.
func (t *table) insert(h uint64, f *lam, args []graph.Value, v graph.Value, steps uint64, u use) {
	if t.full() {
		t.nextEpoch()
	}
	one := [1]graph.Value{v}
	graph.Hold(one[:])
	v = one[0]
	epoch := uint32(anyEpoch)
	for i := -1; i < len(args); i++ {
		x := v
		if i >= 0 {
			x = args[i]
		}
		if k := x.Kind(); k == graph.KindBool || k == graph.KindFloat || k == graph.KindNull {
			continue
		}
		bytes, bounded := t.weigh(x)
		if !bounded {
			return
		}
		if bytes > 0 || x.Kind() != graph.KindInt {
			epoch = t.epoch
		}
	}
	if t.used > len(t.entries)/4*3 && t.hits > len(t.entries)/4 && len(t.entries) < tableEnd && 2*len(t.entries)*int(entrySize) <= t.limit/8*5 {
		t.grow()
	}
	t.place(h, entry{fn: f, value: v, steps: steps, use: u}, args, epoch)
}

// place puts an entry into its set.
func (t *table) place(h uint64, e entry, args []graph.Value, epoch uint32) {
	k := int(h & uint64(len(t.sets)-1))
	s := &t.sets[k]
	at := 0
	for i := range s.hash {
		if s.epoch[i] == 0 || s.hash[i] == h {
			at = i
			break
		}
		if s.worth[i] < s.worth[at] {
			at = i
		}
	}
	if s.epoch[at] == 0 {
		t.used++
	} else if s.hash[at] != h {
		t.clock = max(t.clock, s.worth[at])
		if t.clock > 1<<31 {
			t.rewind()
		}
	}
	s.hash[at], s.epoch[at], s.worth[at] = h, epoch, t.clock+uint32(4*bits.Len64(e.steps))
	to := &t.entries[k*ways+at]
	*to = e
	copy(to.args[:], args)
}

// rewind sets the clock to 0.
func (t *table) rewind() {
	for k := range t.sets {
		for i, w := range t.sets[k].worth {
			t.sets[k].worth[i] = max(w, t.clock) - t.clock
		}
	}
	t.clock = 0
}

// nextEpoch drops the entries that were not used in this epoch, and begins another.
func (t *table) nextEpoch() {
	if t.epoch++; t.epoch == anyEpoch {
		t.reset()
		return
	}
	for k := range t.sets {
		s := &t.sets[k]
		for i, e := range s.epoch {
			if e != 0 && e != anyEpoch && e+1 < t.epoch {
				s.epoch[i] = 0
				t.entries[k*ways+i] = entry{}
				t.used--
			}
		}
	}
	t.weight = 0
	t.scale.Reset()
}

func (t *table) grow() {
	sets, entries := t.sets, t.entries
	t.make(2 * len(entries))
	t.used, t.hits = 0, 0
	for k := range sets {
		for i, epoch := range sets[k].epoch {
			if epoch != 0 {
				e := &entries[k*ways+i]
				t.place(sets[k].hash[i], *e, nil, epoch)
			}
		}
	}
}
