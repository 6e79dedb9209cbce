// This file gives the memory of large ints that a loop is done with to those that it makes next.

package eval

import (
	"math/big"
	"slices"
	"unsafe"

	"github.com/rosser-lang/rosser/graph"
)

// # Which ints can be overwritten?
//
// In go i a b = if i == n then a else go (i + 1) b (a + b) each a is done with at the end of its turn, and the next sum can take its place.
// Values are copied freely and nobody counts who holds one, so it is known from the code. A slot of a function that turns is sole if
// its variable stands only
//
//   - where it is read and not kept: as an operand of arithmetic or of a comparison;
//   - as an argument of a turn, for a parameter that is sole as well;
//   - where it is what the body comes to, which ends the loop;
//
// and in no `try`, as an error holds the operands that it is about. Anything else, a list, a lazy value, the argument of another call, may
// keep the value. Sums, differences and products that go into sole slots, as an argument of a turn or by a let on the way to it, are
// made by the loop, and only they are ever overwritten: what the loop was called with is somebody else's. So an int that it has made, that stands
// in none of the sole slots, and is no argument of the turn that is being made, is dead.
//
// That is of code. Between the turns of a loop that is looked up at each (policy.turn), its arguments may be kept for the table, so it begins anew at
// each, with nothing made. It also begins anew when it is entered: what it came to, or an error or a stop took away, is out of its reach.
// Whoever reads frames otherwise does so at safepoints, and there the loop forgets what it has made as well, though a checkpoint keeps no value.
// All it takes is a slot, which may be cleared at any time.

// spares is what a loop in progress has made, in the slot lam.spares of its frame.
type spares struct {
	graph.Tag
	safepoints uint64              // how many there had been
	made       [maxSpares]*big.Int // that are in sole slots, or dead
	last       [few + 1]*big.Int   // by the number of the argument: while one is made, those before it may wait
}

const (
	maxSpares  = 8
	spareWords = 16 // of an operand: the memory of less is not worth it
)

// A maker is an operator whose result goes into a sole slot of f. It is the n-th argument of a turn; 0 for a let, before which nothing waits.
type maker struct {
	f *lam
	n int
}

// makes says whether t can be a maker.
func makes(t *graph.Term) bool {
	if t.Op != graph.OpApp || len(t.Args) != 3 || t.Args[0].Op != graph.OpPrim {
		return false
	}
	switch t.Args[0].Name {
	case "num.add", "num.sub", "num.mul":
		return true
	}
	return false
}

// borrows says whether t reads its operands, if they are ints, and keeps none of them.
func borrows(t *graph.Term) bool {
	if t.Op != graph.OpApp || len(t.Args) != 3 || t.Args[0].Op != graph.OpPrim {
		return false
	}
	switch name := t.Args[0].Name; name {
	case "num.intdiv", "num.mod":
		return true
	default:
		is, _ := relationOf(name)
		return is != noRelation || makes(t)
	}
}

// A survey finds the sole slots of a member of a group.
type survey struct {
	arity, self int
	kept        []bool // by slot
	turns       bool
	moves       [][2]int // from a slot to a parameter
	made        []int    // the slots that makers' results go to
}

// soleSlots says which slots of the member self of a group are sole, if any of them takes a maker's result; else it is nil.
func soleSlots(t *graph.Term, slots, self int) []bool {
	s := survey{arity: t.Arity, self: self, kept: make([]bool, slots)}
	s.look(t.Args[0], t.Arity, true)
	for more := true; more; {
		more = false
		for _, m := range s.moves {
			if s.kept[m[1]] && !s.kept[m[0]] {
				s.kept[m[0]], more = true, true
			}
		}
	}
	sole := func(i int) bool { return !s.kept[i] }
	if !s.turns || !slices.ContainsFunc(s.made, sole) {
		return nil
	}
	for i := range s.kept {
		s.kept[i] = !s.kept[i]
	}
	return s.kept
}

// look goes through t. tail says that its value is the body's.
func (s *survey) look(t *graph.Term, level int, tail bool) {
	switch {
	case t.Op == graph.OpVar:
		if !tail {
			s.kept[t.Index] = true
		}
	case t.Op == graph.OpLet:
		if tail && makes(t.Args[0]) {
			s.made = append(s.made, level)
		}
		s.look(t.Args[0], level, false)
		s.look(t.Args[1], level+1, tail)
	case t.Op == graph.OpIf:
		s.look(t.Args[0], level, false)
		s.look(t.Args[1], level, tail)
		s.look(t.Args[2], level, tail)
	case t.Op == graph.OpTry:
		graph.Walk(t, func(_ int, x *graph.Term) {
			if x.Op == graph.OpVar {
				s.kept[x.Index] = true
			}
		})
	case borrows(t):
		for _, a := range t.Args[1:] {
			if a.Op != graph.OpVar {
				s.look(a, level, false)
			}
		}
	case tail && t.Op == graph.OpApp && t.Args[0].Op == graph.OpSelf && t.Args[0].Index == s.self && len(t.Args) == s.arity+1:
		s.turns = true
		for i, a := range t.Args[1:] {
			if a.Op == graph.OpVar {
				s.moves = append(s.moves, [2]int{a.Index, i})
				continue
			}
			if makes(a) && i < few {
				s.made = append(s.made, i)
			}
			s.look(a, level, false)
		}
	default:
		for _, a := range t.Args {
			s.look(a, level, false)
		}
	}
}

// maker is that of t, which is to go into a slot, as the n-th argument of a turn or by a let; nil if it is none.
func (g *generator) maker(t *graph.Term, slot, n int) *maker {
	if n > few || g.f.sole == nil || !g.f.sole[slot] || !makes(t) {
		return nil
	}
	return &maker{g.f, n}
}

// makers are those of the arguments of a turn.
func (g *generator) makers(ts []*graph.Term) (all []*maker) {
	for i, t := range ts {
		all = append(all, g.maker(t, i, i+1))
	}
	return all
}

// forget begins the loop of f in the frame fp anew.
func (f *lam) forget(fp unsafe.Pointer) { *slot(fp, f.spares) = graph.Value{} }

// calculate is prim2 for arithmetic on what are no small ints, in the frame fp.
func (m *Machine) calculate(p *Prim, x, y graph.Value, at *site, fp unsafe.Pointer) graph.Value {
	if at.into == nil || x.Kind() != graph.KindInt || y.Kind() != graph.KindInt || !isLong(x) && !isLong(y) {
		return m.prim2(p, x, y, at)
	}
	return m.make(p, x, y, at, fp)
}

func isLong(v graph.Value) bool {
	_, small := v.Int()
	return !small && len(v.BigInt().Bits()) >= spareWords
}

// make calculates in the memory of a dead int, if there is one.
func (m *Machine) make(p *Prim, x, y graph.Value, at *site, fp unsafe.Pointer) graph.Value {
	f, n := at.into.f, at.into.n
	s := (*spares)(nil)
	if v := slot(fp, f.spares); v.Kind() == sparesTag {
		t, _ := v.Tag()
		s = (*spares)(unsafe.Pointer(t))
	} else {
		s = new(spares)
		s.Init(sparesTag)
		*v = s.Value(0)
	}
	s.look(m)
	m.into = s.dead(f, fp, n, len(x.BigInt().Bits())+len(y.BigInt().Bits())+spareWords)
	v := m.prim2(p, x, y, at) // it looks into nothing: ints are there
	m.into = nil
	s.look(m)
	if _, small := v.Int(); !small {
		z := v.BigInt()
		s.add(z)
		s.last[n] = z
	}
	return v
}

// look forgets everything if there was a safepoint.
func (s *spares) look(m *Machine) {
	if s.safepoints != m.safepoints {
		*s = spares{Tag: s.Tag, safepoints: m.safepoints}
	}
}

// dead finds an int that nobody holds, for the n-th argument of a turn of f, of no more words; nil if there is none.
func (s *spares) dead(f *lam, fp unsafe.Pointer, n, words int) *big.Int {
next:
	for i, z := range s.made {
		if z == nil {
			continue
		}
		if cap(z.Bits()) > words { // it would be kept alive by a small one
			s.made[i] = nil
			continue
		}
		for _, other := range s.last[:n] {
			if z == other {
				continue next
			}
		}
		for i, sole := range f.sole {
			if !sole {
				continue
			}
			v := slot(fp, slotOffset(i))
			if _, small := v.Int(); !small && v.Kind() == graph.KindInt && v.BigInt() == z {
				continue next
			}
		}
		return z
	}
	return nil
}

// add notes an int that was made, if there is room.
func (s *spares) add(z *big.Int) {
	free := -1
	for i, other := range s.made {
		switch other {
		case z:
			return
		case nil:
			free = i
		}
	}
	if free >= 0 {
		s.made[free] = z
	}
}

// room is where the primitive in hand puts its result: memory that may be overwritten. It is asked for once, before anything else is done.
func (m *Machine) room() *big.Int {
	z := m.into
	if z == nil {
		return new(big.Int)
	}
	m.into = nil
	return z
}
