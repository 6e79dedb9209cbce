// This file holds the sum of a list: exact, in fixed point, and rounded once.

package eval

import (
	"math"
	"math/big"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

func listSum(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := sumOf(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	if s.floats == nil {
		return s.whole(args[0])
	}
	f := s.floats.round(s.ints.value().BigInt())
	if math.IsInf(f, 0) {
		return graph.Value{}, Fail("not a number", args[0])
	}
	return graph.Float(f), nil
}

// listExactSum gives the sum that listSum rounds.
func listExactSum(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := sumOf(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	ints, err := s.whole(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	if s.floats == nil {
		return graph.NewList(ints, graph.Null()), nil
	}
	return graph.NewList(ints, graph.BigInt(s.floats.fixed())), nil
}

// A numberSum is a sum of numbers.
type numberSum struct {
	ints   intSum
	floats *floatSum // nil: there was none
	meter  meter
}

func sumOf(m *Machine, list graph.Value) (*numberSum, error) {
	xs, err := wantList(list)
	if err != nil {
		return nil, err
	}
	s := &numberSum{meter: meter{m: m}}
	parts := m.partsOf(xs, nil)
	if parts == nil {
		return s, s.addAll(m, xs)
	}
	records := m.stageOf(costsName, len(parts), func(i int) cid.Cid {
		if !parts[i].Known() || m.groupOf(parts[i]) != nil {
			return cid.Undef
		}
		return m.application(exactSumName, m.valueOf(parts[i]))
	})
	for i, p := range parts {
		if gr := m.groupOf(p); gr != nil {
			if err := s.addGroup(m, gr); err != nil {
				return nil, err
			}
			continue
		}
		own := uint64(p.Len) / 16
		if ints, fixed, steps, ok := exactSumOf(records.begin(i)); ok && steps >= own {
			m.reusedPart(steps - own + (s.meter.n&15+uint64(p.Len))/16)
			s.meter.n += uint64(p.Len)
			s.join(ints, fixed)
			records.end(i, graph.Null(), extent{})
			continue
		}
		e := m.policy.open()
		sum, steps, err := s.addPart(m, xs.Slice(p.At, p.At+p.Len))
		if err != nil {
			return nil, err
		}
		if !records.of[i].Defined() || steps > graph.MaxSteps {
			m.policy.shut(e)
			records.end(i, graph.Null(), extent{})
			continue
		}
		m.forgive(steps)
		records.end(i, graph.NewList(sum, graph.Int(int64(steps))), e)
	}
	return s, nil
}

// addPart adds a part, and returns its exact sum and the steps that this takes for a list of just its elements.
func (s *numberSum) addPart(m *Machine, xs *graph.List) (sum graph.Value, steps uint64, err error) {
	start, part := m.now(), &numberSum{meter: s.meter}
	if err := part.addAll(m, xs); err != nil {
		return sum, 0, err
	}
	steps = m.stepsSince(start) - (part.meter.n/16 - s.meter.n/16) + uint64(xs.Len())/16
	s.meter.n = part.meter.n
	sum = part.value()
	s.join(sum.List().At(0), sum.List().At(1))
	return sum, steps, nil
}

// value is what exactSumOf reads in a record.
func (s *numberSum) value() graph.Value {
	fixed := graph.Null()
	if s.floats != nil {
		fixed = graph.BigInt(s.floats.fixed())
	}
	return graph.NewList(s.ints.value(), fixed)
}

// exactSumOf reads what is recorded of the exact sum of a part.
func exactSumOf(record graph.Value) (ints, fixed graph.Value, steps uint64, ok bool) {
	v, steps, ok := costOf(record)
	if !ok || v.Kind() != graph.KindList || v.List().Len() != 2 {
		return ints, fixed, 0, false
	}
	ints, fixed = v.List().At(0), v.List().At(1)
	ok = ints.Kind() == graph.KindInt && (fixed.Kind() == graph.KindNull || fixed.Kind() == graph.KindInt && fixed.BigInt().BitLen() <= 32*floatLimbs)
	return ints, fixed, steps, ok
}

func (s *numberSum) addAll(m *Machine, xs *graph.List) error {
	for it := xs.Iter(); ; {
		x, ok := it.Next()
		if !ok {
			return nil
		}
		s.meter.tick()
		switch x = head(m, x); x.Kind() {
		case graph.KindInt:
			s.ints.add(m, x)
		case graph.KindFloat:
			if s.floats == nil {
				s.floats = new(floatSum)
			}
			s.floats.add(x.Float())
		default:
			return wrongKind(x, "number")
		}
	}
}

// join adds an exact sum.
func (s *numberSum) join(ints, fixed graph.Value) {
	if i, small := ints.Int(); small {
		s.ints.spill(big.NewInt(i))
	} else {
		s.ints.spill(ints.BigInt())
	}
	if fixed.Kind() == graph.KindInt {
		if s.floats == nil {
			s.floats = new(floatSum)
		}
		s.floats.addFixed(fixed.BigInt())
	}
}

// whole is the sum of the ints of a list.
func (s *numberSum) whole(list graph.Value) (graph.Value, error) {
	if s.ints.big == nil {
		return s.ints.value(), nil
	}
	return intResult(s.ints.value().BigInt(), list)
}

// An intSum is a sum of ints.
type intSum struct {
	small int64
	big   *big.Int // nil until something is outside int64
}

func (s *intSum) add(m *Machine, x graph.Value) {
	if i, ok := x.Int(); ok {
		if sum, ok := addInts(s.small, i); ok {
			s.small = sum
			return
		}
		s.spill(big.NewInt(i))
		return
	}
	m.Charge(words(x.BigInt()) / 32)
	s.spill(x.BigInt())
}

func (s *intSum) spill(x *big.Int) {
	if s.big == nil {
		s.big = new(big.Int)
	}
	s.big.Add(s.big, big.NewInt(s.small))
	s.big.Add(s.big, x)
	s.small = 0
}

func (s *intSum) value() graph.Value {
	if s.big == nil {
		return graph.Int(s.small)
	}
	return graph.BigInt(new(big.Int).Add(s.big, big.NewInt(s.small)))
}

const (
	floatUnit  = 1074                        // the unit of a floatSum is 2^-1074, the least float
	floatLimbs = (1023+floatUnit)/32 + 1 + 2 // all floats, and room for sums of 2^62 of them
	carryAfter = 1 << 30                     // additions of less than 2^32 that an int64 limb takes
)

// A floatSum is an exact sum of floats: a fixed-point number in limbs of 32 bits, each with room for carries (a small
// superaccumulator, Neal, "Fast exact summation using small and large superaccumulators", 2015).
type floatSum struct {
	limbs [floatLimbs]int64
	adds  int
}

func (s *floatSum) add(f float64) {
	bits := math.Float64bits(f)
	mantissa, exponent := bits&(1<<52-1), int(bits>>52&0x7ff)
	if exponent > 0 {
		mantissa |= 1 << 52
		exponent--
	}
	at, shift := exponent/32, uint(exponent%32)
	low, high := mantissa<<shift, mantissa>>(64-shift)
	a, b, c := int64(low&math.MaxUint32), int64(low>>32), int64(high)
	if bits>>63 != 0 {
		a, b, c = -a, -b, -c
	}
	s.limbs[at] += a
	s.limbs[at+1] += b
	s.limbs[at+2] += c
	if s.adds++; s.adds == carryAfter {
		s.carry()
	}
}

// carry leaves all limbs but the last in 0 … 2^32-1.
func (s *floatSum) carry() {
	for i := range s.limbs[:floatLimbs-1] {
		s.limbs[i+1] += s.limbs[i] >> 32
		s.limbs[i] &= math.MaxUint32
	}
	s.adds = 0
}

// fixed is the sum in units of 2^-1074.
func (s *floatSum) fixed() *big.Int {
	s.carry()
	sum, limb := new(big.Int), new(big.Int)
	for i := floatLimbs - 1; i >= 0; i-- {
		sum.Lsh(sum, 32)
		sum.Add(sum, limb.SetInt64(s.limbs[i]))
	}
	return sum
}

// addFixed adds a sum in units of 2^-1074 that fixed gave.
func (s *floatSum) addFixed(x *big.Int) {
	s.carry()
	abs, sign := new(big.Int).Abs(x), int64(x.Sign())
	low, limb := big.NewInt(math.MaxUint32), new(big.Int)
	for i := 0; i < floatLimbs-1 && abs.Sign() != 0; i++ {
		s.limbs[i] += sign * limb.And(abs, low).Int64()
		abs.Rsh(abs, 32)
	}
	s.limbs[floatLimbs-1] += sign * abs.Int64()
	s.adds++
}

// round is the float nearest to the sum and n together, ties to even; infinite if that is too large.
func (s *floatSum) round(n *big.Int) float64 {
	sum := s.fixed()
	sum.Add(sum, new(big.Int).Lsh(n, floatUnit))
	if sum.Sign() == 0 {
		return 0
	}
	f := new(big.Float).SetInt(sum)
	r, _ := f.SetMantExp(f, -floatUnit).Float64()
	return r
}
