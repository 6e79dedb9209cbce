// This file holds the primitives of Math: math.*. Each takes numbers to the float nearest to the exact value (float_math.go). An int
// counts as the float nearest to it.

package eval

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/rosser-lang/rosser/graph"
)

// mathCost is what one function of Math costs.
const mathCost = 16

var mathPrims = []Spec{
	{"math.exp", 1, 1, mathPrim(mathExp), "a: e to the a-th, correctly rounded; too large is \"not a number\"; cost: 16, and 1 per 32 words of an int"},
	{"math.expm1", 1, 1, mathPrim(mathExpm1), "a: e to the a-th less 1, correctly rounded; too large is \"not a number\"; cost: as math.exp"},
	{"math.log", 1, 1, mathPrim(mathLog), "a: the natural logarithm, correctly rounded; of what is not above 0 \"not a number\"; cost: as math.exp"},
	{"math.log1p", 1, 1, mathPrim(mathLog1p), "a: the natural logarithm of 1 + a, correctly rounded; of what is not above -1 \"not a number\"; cost: as math.exp"},
	{"math.log2", 1, 1, mathPrim(mathLog2), "a: the logarithm to base 2, correctly rounded; of what is not above 0 \"not a number\"; cost: as math.exp"},
	{"math.log10", 1, 1, mathPrim(mathLog10), "a: the logarithm to base 10, correctly rounded; of what is not above 0 \"not a number\"; cost: as math.exp"},
	{"math.sin", 1, 1, mathPrim(mathSin), "a: the sine of a in radians, correctly rounded, however large a is; cost: as math.exp"},
	{"math.cos", 1, 1, mathPrim(mathCos), "a: the cosine of a in radians, correctly rounded, however large a is; cost: as math.exp"},
	{"math.tan", 1, 1, mathPrim(mathTan), "a: the tangent of a in radians, correctly rounded, however large a is; cost: as math.exp"},
	{"math.asin", 1, 1, mathPrim(mathAsin), "a: the angle from -π/2 to π/2 whose sine is a, correctly rounded; beyond ±1 \"not a number\"; cost: as math.exp"},
	{"math.acos", 1, 1, mathPrim(mathAcos), "a: the angle from 0 to π whose cosine is a, correctly rounded; beyond ±1 \"not a number\"; cost: as math.exp"},
	{"math.atan", 1, 1, mathPrim(mathAtan), "a: the angle between -π/2 and π/2 whose tangent is a, correctly rounded; cost: as math.exp"},
	{"math.atan2", 2, 3, mathPrim2(mathAtan2), "y x: the angle of the point (x, y) above -π and up to π, correctly rounded; 0 for the origin; cost: as math.exp"},
	{"math.sinh", 1, 1, mathPrim(mathSinh), "a: the hyperbolic sine, correctly rounded; too large is \"not a number\"; cost: as math.exp"},
	{"math.cosh", 1, 1, mathPrim(mathCosh), "a: the hyperbolic cosine, correctly rounded; too large is \"not a number\"; cost: as math.exp"},
	{"math.tanh", 1, 1, mathPrim(mathTanh), "a: the hyperbolic tangent, correctly rounded; cost: as math.exp"},
	{"math.asinh", 1, 1, mathPrim(mathAsinh), "a: the number whose hyperbolic sine is a, correctly rounded; cost: as math.exp"},
	{"math.acosh", 1, 1, mathPrim(mathAcosh), "a: the number, not below 0, whose hyperbolic cosine is a, correctly rounded; below 1 \"not a number\"; cost: as math.exp"},
	{"math.atanh", 1, 1, mathPrim(mathAtanh), "a: the number whose hyperbolic tangent is a, correctly rounded; unless between -1 and 1 \"not a number\"; cost: as math.exp"},
	{"math.cbrt", 1, 1, mathPrim(mathCbrt), "a: the cube root, of a negative number too, correctly rounded; cost: as math.exp"},
	{"math.hypot", 2, 3, mathPrim2(mathHypot), "a b: the square root of a² + b², correctly rounded, ties to even; too large is \"not a number\"; cost: as math.exp"},
	{"math.isqrt", 1, 1, mathIsqrt, "a: the greatest int whose square is not above the int a; below 0 \"out of range\"; cost: twice that of dividing a by the root"},
}

// mathPrim makes a primitive of a function of one float.
func mathPrim(f func(float64) float64) func(*Machine, []graph.Value) (graph.Value, error) {
	return func(m *Machine, args []graph.Value) (graph.Value, error) {
		if !isNumber(args[0]) {
			return graph.Value{}, wrongKind(args[0], "number")
		}
		m.Charge(mathCost)
		x := nearest(m, args[0])
		if math.IsInf(x, 0) {
			return graph.Value{}, Fail("not a number", args[0])
		}
		return floatResult(f(x), args[0])
	}
}

// mathPrim2 makes a primitive of a function of two floats.
func mathPrim2(f func(a, b float64) float64) func(*Machine, []graph.Value) (graph.Value, error) {
	return func(m *Machine, args []graph.Value) (graph.Value, error) {
		a, b := args[0], args[1]
		if err := numbers(a, b); err != nil {
			return graph.Value{}, err
		}
		m.Charge(mathCost)
		x, y, err := floats(m, a, b)
		if err != nil {
			return graph.Value{}, err
		}
		return floatResult(f(x, y), a, b)
	}
}

func mathIsqrt(m *Machine, args []graph.Value) (graph.Value, error) {
	a := args[0]
	if a.Kind() != graph.KindInt {
		return graph.Value{}, wrongKind(a, "int")
	}
	if x, ok := a.Int(); ok && 0 <= x && x < 1<<52 { // the float's root is above no square that x is below
		return graph.Int(int64(math.Sqrt(float64(x)))), nil
	}
	x := a.BigInt()
	if x.Sign() < 0 {
		return graph.Value{}, Fail("out of range", a)
	}
	return graph.BigInt(rootBig(m, x)), nil
}

// rootBig is the square root of x >= 0, rounded down. It goes from the root of x's first bits to that of twice as many, by one
// division each (Dickinson, in CPython's math.isqrt); only the last step can be one too high.
func rootBig(m *Machine, x *big.Int) *big.Int {
	if x.Sign() == 0 {
		return new(big.Int)
	}
	c := uint(x.BitLen()-1) / 2
	a, d := big.NewInt(1), uint(0)
	for s := bits.Len(c) - 1; s >= 0; s-- {
		e := d
		d = c >> s
		q := new(big.Int).Rsh(x, 2*c-e-d+1)
		chargeDiv(m, q, a)
		q.Quo(q, a)
		a.Lsh(a, d-e-1).Add(a, q)
	}
	if mulBig(m, a, a).Cmp(x) > 0 {
		a.Sub(a, big.NewInt(1))
	}
	return a
}
