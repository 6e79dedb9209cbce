// This file holds the sum of a list: exact, in fixed point, and rounded once.

package eval

import (
	"math"
	"math/big"

	"github.com/rosser-lang/rosser/graph"
)

func listSum(m *Machine, args []graph.Value) (graph.Value, error) {
	xs, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	var ints intSum
	var floats *floatSum
	c := meter{m: m}
	for it := xs.Iter(); ; {
		x, ok := it.Next()
		if !ok {
			break
		}
		c.tick()
		switch x = head(m, x); x.Kind() {
		case graph.KindInt:
			ints.add(m, x)
		case graph.KindFloat:
			if floats == nil {
				floats = new(floatSum)
			}
			floats.add(x.Float())
		default:
			return graph.Value{}, wrongKind(x, "number")
		}
	}
	if floats == nil {
		if ints.big == nil {
			return ints.value(), nil
		}
		return intResult(ints.value().BigInt(), args[0])
	}
	f := floats.round(ints.value().BigInt())
	if math.IsInf(f, 0) {
		return graph.Value{}, Fail("not a number", args[0])
	}
	return graph.Float(f), nil
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

// round is the float nearest to the sum and n together, ties to even; infinite if that is too large.
func (s *floatSum) round(n *big.Int) float64 {
	s.carry()
	sum, limb := new(big.Int), new(big.Int)
	for i := floatLimbs - 1; i >= 0; i-- {
		sum.Lsh(sum, 32)
		sum.Add(sum, limb.SetInt64(s.limbs[i]))
	}
	sum.Add(sum, limb.Lsh(n, floatUnit))
	if sum.Sign() == 0 {
		return 0
	}
	f := new(big.Float).SetInt(sum)
	r, _ := f.SetMantExp(f, -floatUnit).Float64()
	return r
}
