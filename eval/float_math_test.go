// This file tests the functions of Math against math/big: references of 700 bits by other methods than the ones tested (Newton's
// iteration, Gauss and Legendre's π, plain series), over random arguments and those where functions go wrong.

package eval

import (
	"math"
	"math/big"
	"math/rand"
	"testing"
)

const refPrec = 700

func ref(x float64) *big.Float { return new(big.Float).SetPrec(refPrec).SetFloat64(x) }
func refNew() *big.Float       { return new(big.Float).SetPrec(refPrec) }

func refAdd(a, b *big.Float) *big.Float { return refNew().Add(a, b) }
func refSub(a, b *big.Float) *big.Float { return refNew().Sub(a, b) }
func refMul(a, b *big.Float) *big.Float { return refNew().Mul(a, b) }
func refQuo(a, b *big.Float) *big.Float { return refNew().Quo(a, b) }
func refSqrt(a *big.Float) *big.Float   { return refNew().Sqrt(a) }
func refScale(a *big.Float, n int) *big.Float {
	return refNew().SetMantExp(a, n)
}

// refExp is e^x: the series of x/2^k, squared k times.
func refExp(x *big.Float) *big.Float {
	const k = 60
	wide := func() *big.Float { return new(big.Float).SetPrec(refPrec + 100) }
	r := wide().SetMantExp(wide().Set(x), -k)
	sum, t := wide().SetInt64(1), wide().SetInt64(1)
	for i := int64(1); i < 60; i++ {
		t.Mul(t, r)
		t.Quo(t, wide().SetInt64(i))
		sum.Add(sum, t)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return refNew().Set(sum)
}

// negligible says that t changes no digit of sum.
func negligible(t, sum *big.Float) bool {
	return t.Sign() == 0 || sum.Sign() != 0 && t.MantExp(nil) < sum.MantExp(nil)-refPrec-2
}

// refExpm1 is e^x-1 with all its digits.
func refExpm1(x *big.Float) *big.Float {
	if x.MantExp(nil) > -3 {
		return refSub(refExp(x), ref(1))
	}
	sum, t := refNew(), ref(1)
	for i := int64(1); !negligible(t, sum); i++ {
		t = refQuo(refMul(t, x), refNew().SetInt64(i))
		sum = refAdd(sum, t)
	}
	return sum
}

// refLog is ln x by Halley's iteration on e^y = x.
func refLog(x *big.Float) *big.Float {
	m := new(big.Float)
	e := x.MantExp(m)
	f, _ := m.Float64()
	y := refAdd(ref(math.Log(f)), refMul(refNew().SetInt64(int64(e)), ref(math.Ln2)))
	for range 3 { // 50, 150, 450, 1350 bits
		v := refExp(y)
		y = refAdd(y, refScale(refQuo(refSub(x, v), refAdd(x, v)), 1))
	}
	return y
}

// refLog1p is ln(1+x), by Newton's iteration on e^y-1 = x where x is small.
func refLog1p(x *big.Float) *big.Float {
	if x.MantExp(nil) > -3 {
		return refLog(new(big.Float).SetPrec(2200).Add(x, ref(1)))
	}
	f, _ := x.Float64()
	y := ref(math.Log1p(f))
	for range 5 { // 45, 90, 180, 360, 720 bits and more
		v := refExpm1(y)
		step := refQuo(refSub(v, x), refAdd(v, ref(1)))
		if y = refSub(y, step); negligible(step, y) {
			break
		}
	}
	return y
}

// piOf is π by Gauss's and Legendre's iteration.
func piOf(prec uint) *big.Float {
	n := func() *big.Float { return new(big.Float).SetPrec(prec + 64) }
	a, b, t, p := n().SetInt64(1), n().Sqrt(n().SetFloat64(0.5)), n().SetFloat64(0.25), 0
	for range 12 {
		next := n().Add(a, b)
		next.SetMantExp(next, -1)
		b = n().Sqrt(n().Mul(a, b))
		d := n().Sub(a, next)
		t.Sub(t, n().SetMantExp(n().Mul(d, d), p))
		a, p = next, p+1
	}
	s := n().Add(a, b)
	return new(big.Float).SetPrec(prec).Quo(n().Mul(s, s), n().SetMantExp(t, 2))
}

var longPi = piOf(2200)

// refSinCos is sine and cosine of x by their series, after x is taken to within π/4 of a multiple of π/2.
func refSinCos(x *big.Float) (sin, cos *big.Float) {
	prec := uint(refPrec + 100 + max(x.MantExp(nil), 0))
	long := func() *big.Float { return new(big.Float).SetPrec(prec) }
	half := long().SetMantExp(longPi, -1)
	q := long().Quo(x, half)
	k, _ := long().Add(q, long().SetFloat64(math.Copysign(0.5, float64(x.Sign())))).Int(nil)
	r := refNew().Set(long().Sub(x, long().Mul(long().SetInt(k), half)))
	z := refMul(r, r)
	z.Neg(z)
	series := func(t *big.Float, i int64) *big.Float {
		sum := refNew()
		for ; !negligible(t, sum); i += 2 {
			sum = refAdd(sum, t)
			t = refQuo(refMul(t, z), refNew().SetInt64(i*(i+1)))
		}
		return sum
	}
	s, c := series(r, 2), series(ref(1), 1)
	switch k.And(k, big.NewInt(3)).Int64() {
	case 1:
		return c, s.Neg(s)
	case 2:
		return s.Neg(s), c.Neg(c)
	case 3:
		return c.Neg(c), s
	}
	return s, c
}

// refAngle is the angle of (x, y): a guess, turned back until nothing is left.
func refAngle(y, x *big.Float) *big.Float {
	fy, ey := refNew(), 0
	fx, ex := refNew(), 0
	ey, ex = y.MantExp(fy), x.MantExp(fx)
	a, _ := fy.Float64()
	b, _ := fx.Float64()
	low := max(min(ey-ex, 900), -900)
	angle := ref(math.Atan2(math.Ldexp(a, low), b))
	h := refSqrt(refAdd(refMul(x, x), refMul(y, y)))
	for range 3 { // 50, 250, 1250 bits
		s, c := refSinCos(angle)
		off := refQuo(refSub(refMul(y, c), refMul(x, s)), h) // the sine of what is left
		angle = refAdd(angle, refAdd(off, refQuo(refMul(off, refMul(off, off)), ref(6))))
	}
	return angle
}

// exactly gives x at twice the reference's precision, for sums that must not be rounded.
func exactly(x float64) *big.Float { return new(big.Float).SetPrec(4400).SetFloat64(x) }

func exactSum(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(4400).Add(a, b) }

// refLeg is the root of a²-b² of two numbers whose squares are exact.
func refLeg(a, b float64) *big.Float {
	one, two := exactSum(exactly(a), exactly(b)), exactSum(exactly(a), exactly(-b))
	return refSqrt(refMul(refNew().Set(one), refNew().Set(two)))
}

var refTen = refLog(ref(10))
var refTwo = refLog(ref(2))

func refSinh(x float64) *big.Float {
	e := refExpm1(ref(math.Abs(x)))
	return refMul(refAdd(e, refQuo(e, refAdd(e, ref(1)))), ref(math.Copysign(0.5, x)))
}

type mathCase struct {
	name string
	f    func(float64) float64
	fast func(float64) scaled
	full func(float64, uint) (*big.Int, int)
	ref  func(float64) *big.Float
	// The arguments are of both signs where signed is set, and within 2^low and 2^high but for the edges.
	signed    bool
	low, high float64
	edges     []float64
}

var nearPi = []float64{
	math.Pi, math.Pi / 2, math.Pi / 4, 3 * math.Pi / 2, 2 * math.Pi, 100 * math.Pi, 6381956970095103 * 0x1p797, 0x1.6ac5b262ca1ffp849,
	5.319372648326541e+255, 0x1.921fb54442d19p0, 0x1.b951f1572eba5p23, 1e22, math.MaxFloat64, 1e300, 0x1p1023, 0x1p53, 0x1p54 + 2, 0x1p-26, 0x1p-27,
	0x1.fffffffffffffp-28, 1e-300, 5e-324, 0.5, 1, 1.5, 2, 3, 22, 355, 103993, 245850922, 411557987, 0x1p20,
}
var nearOne = []float64{
	1, math.Nextafter(1, 0), 0.5, 0.75, 1 - 0x1p-27, 1 - 0x1p-20, 0x1p-26, 0x1p-27, 0x1.fffffffffffffp-28, 1e-10, 1e-300, 5e-324, 0.707, 0.7072,
}
var wide = []float64{
	1, math.Nextafter(1, 0), math.Nextafter(1, 2), 2, 3, 10, 100, 1e10, 1e15, 1e22, 1e23, 0x1p52, 0x1p53, 0x1p61, 0x1p1023, math.MaxFloat64, 0x1p-1022, 5e-324, 1e-310,
	math.Sqrt2, math.Sqrt2 / 2, 0.5, 0.1, math.E, 8, 27, 1000, 0x1.62a88613629b5p678, 0x1.ab50b409c8aeep8, 0x1p60, 0x1p-54, 0x1p-27, 1 + 0x1p-30,
}
var exponents = []float64{
	0, 1, 2, 0.5, 0x1p-54, 0x1.fffffffffffffp-55, 0x1p-53, 0x1p-30, 0x1p-27, 1e-300, 5e-324, 709.782712893384, 709.7827128933841, 710.4758600739439, 710.475860073944, 711, 5000, 20,
	21.9, 22, 22.1, 36.7, 37.5, 40, 40.1, 79.9, 80.1, 160, 708.4, 710.2, 744.4, 745.1332191019411, 745.1332191019412, 746, 0.6931471805599453, 0.34657359027997264, 0x1.e4596526bf94dp-10,
}

var mathCases = []mathCase{
	{"exp", mathExp, expFast, expFixed, func(x float64) *big.Float { return refExp(ref(x)) }, true, -56, 9.6, exponents},
	{"expm1", mathExpm1, expm1Fast, expm1Fixed, func(x float64) *big.Float { return refExpm1(ref(x)) }, true, -56, 9.6, exponents},
	{"log", mathLog, logFast, logFixed, func(x float64) *big.Float { return refLog(ref(x)) }, false, -1074, 1024, wide},
	{"log near 1", mathLog, logFast, logFixed, func(x float64) *big.Float { return refLog(ref(x)) }, false, -2, 2, wide},
	{"log2", mathLog2, log2Fast, log2Fixed, func(x float64) *big.Float { return refQuo(refLog(ref(x)), refTwo) }, false, -1074, 1024, wide},
	{"log10", mathLog10, log10Fast, log10Fixed, func(x float64) *big.Float { return refQuo(refLog(ref(x)), refTen) }, false, -1074, 1024, wide},
	{"log1p", mathLog1p, log1pFast, log1pFixed, func(x float64) *big.Float { return refLog1p(ref(x)) }, false, -60, 1024, wide},
	{"log1p below 0", func(x float64) float64 { return mathLog1p(-x) }, nil, nil, func(x float64) *big.Float { return refLog1p(ref(-x)) }, false, -60, 0, []float64{math.Nextafter(1, 0), 0.5, 1e-300}},
	{"sin", mathSin, sinFast, sinFixed, func(x float64) *big.Float { s, _ := refSinCos(ref(x)); return s }, true, -30, 1024, nearPi},
	{"cos", mathCos, cosFast, cosFixed, func(x float64) *big.Float { _, c := refSinCos(ref(x)); return c }, true, -30, 1024, nearPi},
	{"tan", mathTan, tanFast, tanFixed, func(x float64) *big.Float { s, c := refSinCos(ref(x)); return refQuo(s, c) }, true, -30, 1024, nearPi},
	{"sin of less", mathSin, sinFast, sinFixed, func(x float64) *big.Float { s, _ := refSinCos(ref(x)); return s }, true, -20, 10, nearPi},
	{"cos of less", mathCos, cosFast, cosFixed, func(x float64) *big.Float { _, c := refSinCos(ref(x)); return c }, true, -20, 10, nearPi},
	{"asin", mathAsin, asinFast, asinFixed, func(x float64) *big.Float { return refAngle(ref(x), refLeg(1, x)) }, true, -30, 0, nearOne},
	{"acos", mathAcos, acosFast, acosFixed, func(x float64) *big.Float { return refAngle(refLeg(1, x), ref(x)) }, true, -30, 0, nearOne},
	{"atan", mathAtan, func(x float64) scaled { return atan2Fast(x, 1) }, nil, func(x float64) *big.Float { return refAngle(ref(x), ref(1)) }, true, -30, 70, wide},
	{"sinh", mathSinh, sinhFast, sinhFixed, refSinh, true, -28, 9.5, exponents},
	{"cosh", mathCosh, coshFast, coshFixed, func(x float64) *big.Float {
		return refScale(refAdd(refExp(ref(x)), refExp(ref(-x))), -1)
	}, false, -28, 9.5, exponents},
	{"tanh", mathTanh, tanhFast, tanhFixed, func(x float64) *big.Float {
		e := refExpm1(ref(2 * math.Copysign(min(math.Abs(x), 400), x)))
		return refQuo(e, refAdd(e, ref(2)))
	}, true, -28, 5.5, exponents},
	{"asinh", mathAsinh, asinhFast, asinhFixed, func(x float64) *big.Float {
		z := refMul(ref(x), ref(x))
		y := refLog1p(refAdd(ref(math.Abs(x)), refQuo(z, refAdd(ref(1), refSqrt(refAdd(z, ref(1)))))))
		return refMul(y, ref(math.Copysign(1, x)))
	}, true, -28, 1024, wide},
	{"acosh", mathAcosh, acoshFast, acoshFixed, func(x float64) *big.Float {
		return refLog1p(refAdd(refNew().Set(exactSum(exactly(x), exactly(-1))), refLeg(x, 1)))
	}, false, 0, 70, []float64{1, math.Nextafter(1, 2), 1 + 0x1p-40, 1.5, 2, 0x1p60, 0x1p61, 1e300, math.MaxFloat64}},
	{"atanh", mathAtanh, atanhFast, atanhFixed, func(x float64) *big.Float {
		return refScale(refLog1p(refQuo(ref(2*x), refNew().Set(exactSum(exactly(1), exactly(-x))))), -1)
	}, true, -28, 0, nearOne[1:]},
	{"cbrt", mathCbrt, cbrtFast, nil, func(x float64) *big.Float { return refCbrt(x) }, true, -1074, 1024, wide},
}

func refCbrt(x float64) *big.Float {
	if x == 0 {
		return ref(0)
	}
	y := ref(math.Cbrt(x))
	for range 5 {
		y = refQuo(refAdd(refScale(y, 1), refQuo(ref(x), refMul(y, y))), ref(3))
	}
	return y
}

// random is an argument between 2^low and 2^high, its exponent even between them.
func (c *mathCase) random(r *rand.Rand) float64 {
	x := 0.0
	for x == 0 || math.IsInf(x, 0) {
		x = math.Exp2(c.low + r.Float64()*(c.high-c.low))
		if c.low < 0 && c.high == 1024 && r.Intn(4) == 0 {
			x = math.Float64frombits(r.Uint64() >> 1 % 0x7ff0000000000000)
		}
		x = math.Float64frombits(math.Float64bits(x) ^ uint64(r.Intn(1<<20)))
		if c.high == 0 && x >= 1 || c.low == 0 && x < 1 {
			x = 0
		}
	}
	if c.signed && r.Intn(2) == 0 {
		return -x
	}
	return x
}

func (c *mathCase) arguments(r *rand.Rand, n int) []float64 {
	var xs []float64
	for _, x := range c.edges {
		xs = append(xs, x)
		if c.signed {
			xs = append(xs, -x)
		}
	}
	for range n {
		xs = append(xs, c.random(r))
	}
	return xs
}

func TestMathIsCorrectlyRounded(t *testing.T) {
	n := 600
	if testing.Short() {
		n = 100
	}
	for _, c := range mathCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewSource(20))
			for _, x := range c.arguments(r, n) {
				got := c.f(x)
				if want, _ := c.ref(x).Float64(); math.IsNaN(got) || got != want {
					t.Errorf("%s %v (%x): got %v (%x), want %v (%x)", c.name, x, x, got, got, want, want)
				}
			}
		})
	}
}

// The pairs are as good as fastError says, with room to spare, and the ints alone come to the same floats.
func TestPairsOfMath(t *testing.T) {
	n := 150
	if testing.Short() {
		n = 50
	}
	for _, c := range mathCases {
		if c.fast == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewSource(21))
			worst := 0.0
			for range n {
				x := math.Abs(c.random(r))
				if c.full != nil && x > 0x1p-27 && !math.IsInf(c.f(x), 0) && c.f(x) != 0 && c.name != "tanh" {
					if slow := nearestFixed(func(w uint) (*big.Int, int) { return c.full(x, w) }); slow != c.f(x) {
						t.Errorf("%s %v: the ints say %v, the pairs %v", c.name, x, slow, c.f(x))
					}
				}
				if x <= 0x1p-27 || math.Abs(c.f(x)) < 1e-290 || math.IsInf(c.f(x), 0) {
					continue
				}
				want, p := c.ref(x), c.fast(x)
				off := refSub(refScale(refAdd(ref(p.p.hi), ref(p.p.lo)), p.n), want)
				relative, _ := refQuo(off, want).Float64()
				worst = max(worst, math.Abs(relative))
			}
			if worst > 0x1p-90 {
				t.Errorf("%s: off by 2^%.1f", c.name, math.Log2(worst))
			}
			t.Logf("2^%.1f", math.Log2(worst))
		})
	}
}

func TestMathOfTwo(t *testing.T) {
	r := rand.New(rand.NewSource(22))
	n := 1000
	if testing.Short() {
		n = 200
	}
	check := func(y, x float64) {
		t.Helper()
		if got := mathAtan2(y, x); x != 0 || y != 0 {
			want, _ := refAngle(ref(y), ref(x)).Float64()
			if math.Abs(y) > math.Ldexp(math.Abs(x), -900) && got != want {
				t.Errorf("atan2 %v %v: got %v, want %v", y, x, got, want)
			}
		}
		hypot, _ := new(big.Float).SetPrec(4400).Sqrt(exactSum(new(big.Float).SetPrec(4400).Mul(exactly(x), exactly(x)), new(big.Float).SetPrec(4400).Mul(exactly(y), exactly(y)))).Float64()
		if got := mathHypot(x, y); got != hypot {
			t.Errorf("hypot %v %v: got %v, want %v", x, y, got, hypot)
		}
		if x != 0 && y != 0 {
			if got := hypotFixed(x, y); math.Abs(math.Log2(math.Abs(y/x))) < 900 && got != hypot {
				t.Errorf("the ints' hypot %v %v: got %v, want %v", x, y, got, hypot)
			}
		}
	}
	for range n {
		y, x := r.NormFloat64(), r.NormFloat64()
		switch r.Intn(4) {
		case 0:
			y = math.Ldexp(y, r.Intn(200)-100)
		case 1:
			y, x = math.Ldexp(y, -r.Intn(1070)), math.Ldexp(x, -r.Intn(1070))
		case 2:
			y, x = float64(r.Intn(1<<26)), float64(r.Intn(1<<26))
		}
		check(y, x)
	}
	edges := []float64{0, 1, 3, 4, 5e-324, 1e-310, 0x1p-1022, 1e-200, 1e200, 0x1p1023, math.MaxFloat64, 0x1p-60, 0x1p60, 0x1p61, 0x1p-80, 0x1p-81, math.Nextafter(1, 2)}
	for _, y := range edges {
		for _, x := range edges {
			check(y, x)
			check(-y, x)
			check(y, -x)
		}
	}
	// Just below the middle of two subnormals, and of a float and the next.
	for _, c := range [][3]float64{
		{15e-324, 2, 5e-324}, {15e-324, -2, math.Pi}, {0x1p-1074, 2, 0}, {25e-324, 2, 10e-324}, {35e-324, 2, 15e-324}, {1e-300, 1, 1e-300}, {0x1p-1074, 0.5, 0x1p-1073}, {5e-324, math.MaxFloat64, 0},
		{0, 0, 0}, {0, -1, math.Pi}, {1, 0, math.Pi / 2}, {-1, 0, -math.Pi / 2}, {math.MaxFloat64, 5e-324, math.Pi / 2}, {1, 1, math.Pi / 4}, {math.MaxFloat64, -math.MaxFloat64, 3 * math.Pi / 4},
	} {
		if got := mathAtan2(c[0], c[1]); got != c[2] {
			t.Errorf("atan2 %v %v: got %v, want %v", c[0], c[1], got, c[2])
		}
	}
	// A root halfway between two floats: to the even one.
	for _, c := range [][3]float64{{3, 4, 5}, {5, 12, 13}, {0x1p-1074, 0, 0x1p-1074}, {0x1p-1074 * 3, 0x1p-1074 * 4, 0x1p-1074 * 5}, {1e308, 1e308, 1.4142135623730952e308}} {
		if got := mathHypot(c[0], c[1]); got != c[2] {
			t.Errorf("hypot %v %v: got %v, want %v", c[0], c[1], got, c[2])
		}
	}
}

// m²-n², 2mn, m²+n² with m²+n² odd and of 54 bits is a root that lies halfway between two floats.
func TestHypotHalfway(t *testing.T) {
	r := rand.New(rand.NewSource(23))
	found := 0
	for found < 200 {
		m, n := int64(1<<26+r.Intn(1<<26)), int64(r.Intn(1<<26))
		a, b, c := m*m-n*n, 2*m*n, m*m+n*n
		if c>>53 != 1 || c&1 == 0 || float64(a) != float64(int64(float64(a))) || int64(float64(a)) != a || int64(float64(b)) != b {
			continue
		}
		found++
		want := float64(c) // ties to even, as the hardware has it
		if got := mathHypot(float64(a), float64(b)); got != want {
			t.Errorf("hypot %d %d: got %v, want %v", a, b, got, want)
		}
	}
}

// What has a float as its value comes out as it, and the roots by ints alone are right.
func TestMathExactValues(t *testing.T) {
	for i := -1074; i <= 1023; i++ {
		if got := mathLog2(math.Ldexp(1, i)); got != float64(i) {
			t.Errorf("log2 of 2^%d: got %v", i, got)
		}
	}
	p := 1.0
	for i := range 23 {
		if got := mathLog10(p); got != float64(i) {
			t.Errorf("log10 of %v: got %v", p, got)
		}
		p *= 10
	}
	r := rand.New(rand.NewSource(24))
	for i := range 5000 {
		x := float64(r.Intn(1 << 17))
		if got := mathCbrt(x * x * x); got != x {
			t.Errorf("cbrt of %v: got %v, want %v", x*x*x, got, x)
		}
		x = math.Float64frombits(r.Uint64() >> 1 % 0x7ff0000000000000)
		if x == 0 || i > 1000 {
			continue
		}
		want, _ := refCbrt(x).Float64()
		if got := cbrtFixed(x); got != want {
			t.Errorf("the ints' cbrt of %v: got %v, want %v", x, got, want)
		}
	}
}

func BenchmarkMath(b *testing.B) {
	for _, c := range mathCases {
		x := 0.7
		if c.name == "acosh" {
			x = 1.7
		}
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.f(x)
			}
		})
		if c.full != nil {
			b.Run(c.name+" by ints", func(b *testing.B) {
				for b.Loop() {
					nearestFixed(func(w uint) (*big.Int, int) { return c.full(x, w) })
				}
			})
		}
	}
}

// Arguments, found by trying some 10^8 in a row, whose values lie so near the middle between two floats that the ints must decide.
func TestArgumentsForTheInts(t *testing.T) {
	for name, x := range map[string]float64{"exp": 0x1.666666ac064a8p-1, "log": 0x1.666666fc27875p-1, "sin": 0x1.6666667977e8ap-1} {
		for _, c := range mathCases {
			if c.name != name {
				continue
			}
			if f, ok := c.fast(x).rounded(); ok {
				t.Errorf("%s %v: the pairs decided for %v", name, x, f)
			}
			if want, _ := c.ref(x).Float64(); c.f(x) != want {
				t.Errorf("%s %v: got %v, want %v", name, x, c.f(x), want)
			}
		}
	}
}
