// This file holds the functions of Math on floats: the float nearest to the exact value, always, so that no processor, no
// release of Go and no better algorithm can change a bit. Go's own rest on assembly for some processors, let the compiler
// fuse products with sums on others, and promise no bound.
//
// Each function is evaluated in pairs of floats (float_pow.go), off by less than 2^-80 of itself: reduction to a small argument by a
// table, then a series (Tang, Table-driven implementation of the exponential function, 1989; and what follows from it).
// Where that leaves two floats to choose from, some once in 2^26 calls, ints of any precision decide (Ziv, Fast evaluation
// of elementary mathematical functions with correctly rounded last bit, 1991). The functions here give infinity or NaN where there is no float.

package eval

import (
	"math"
	"math/big"
	"math/bits"
	"sync"
)

// fastError bounds what a pair is off by, relative to itself. Measured: below 2^-90 (TestPairsOfMath).
const fastError = 0x1p-80

// A scaled is p·2^n.
type scaled struct {
	p pair
	n int
}

// rounded is x rounded to the nearest float, if x is not too near the middle between two; what is below the normal floats is not tried.
func (x scaled) rounded() (float64, bool) {
	slack := float64(math.Abs(x.p.hi) * fastError)
	f := x.p.hi + float64(x.p.lo+slack)
	if f != x.p.hi+float64(x.p.lo-slack) {
		return 0, false
	}
	f = math.Ldexp(f, x.n)
	return f, math.Abs(f) >= 0x1p-1021
}

// correctly rounds f(x): by the pair that fast gives, else by exact.
func correctly(x float64, fast func(float64) scaled, exact func(float64, uint) (*big.Int, int)) float64 {
	if f, ok := fast(x).rounded(); ok {
		return f
	}
	return nearestFixed(func(w uint) (*big.Int, int) { return exact(x, w) })
}

// oddly rounds an odd function as correctly does for x > 0; where |x| is below 2^-27 it is x, since x³/3 is less than half of x's
// last bit.
func oddly(x float64, fast func(float64) scaled, exact func(float64, uint) (*big.Int, int)) float64 {
	switch {
	case math.Abs(x) < 0x1p-27:
		return x
	case x < 0:
		return -correctly(-x, fast, exact)
	}
	return correctly(x, fast, exact)
}

func (x pair) neg() pair           { return pair{-x.hi, -x.lo} }
func (x pair) plus(f float64) pair { return x.add(pair{f, 0}) }
func (x pair) ldexp(n int) pair    { return pair{math.Ldexp(x.hi, n), math.Ldexp(x.lo, n)} }
func (x pair) scaled(n int) scaled { return scaled{x, n} }
func pairOf(v *big.Int, e int) pair {
	return pairOfFloat(new(big.Float).SetMantExp(new(big.Float).SetInt(v), e))
}
func fixPair(v *big.Int, w uint) pair { return pairOf(v, -int(w)) }

// pairOfFloat is x rounded to a pair.
func pairOfFloat(x *big.Float) pair {
	hi, _ := x.Float64()
	lo, _ := new(big.Float).Sub(x, new(big.Float).SetFloat64(hi)).Float64()
	return pair{hi, lo}
}

// sqrt is the root of a pair that is not negative.
func (x pair) sqrt() pair {
	s := math.Sqrt(x.hi)
	if s == 0 {
		return pair{}
	}
	r := x.add(twoProduct(s, s).neg())
	return quickSum(s, r.hi/float64(2*s))
}

// mathTables are the constants and tables that the pairs need.
type mathTables struct {
	pi, halfPi, ln2, inverseLn2, inverseLn10 pair

	ln2Part pair     // ln 2 / 64
	exp2    [64]pair // 2^(i/64)
	ln      [48]pair // ln((i+lnFirst)/64)
	sin     [17]pair // sin(iπ/64)
	cos     [17]pair
	atan    [65]pair // atan(i/64)

	inverseFact [16]pair   // 1/i!
	twoOverPi   [22]uint64 // the bits of 2/π behind the point
}

const lnFirst = 45 // 45/64 < √½

var mathTable = sync.OnceValue(func() *mathTables {
	const w = fixScale
	t := &mathTables{}
	pi, ln2, one := fixPi(w), fixLn2(w), fixOne(w)
	t.pi, t.halfPi, t.ln2, t.ln2Part = fixPair(pi, w), pairOf(pi, -w-1), fixPair(ln2, w), pairOf(ln2, -w-6)
	t.inverseLn2 = fixPair(fixDiv(one, ln2, w), w)
	t.inverseLn10 = fixPair(fixDiv(one, fixLn(big.NewInt(10), 0, w), w), w)
	power := one // 2^(i/64)
	step, _ := fixExp(new(big.Int).Rsh(ln2, 6), w)
	for i := range t.exp2 {
		t.exp2[i] = fixPair(power, w)
		power = fixMul(power, step, w)
	}
	ln := fixLn(big.NewInt(lnFirst), 6, w) // ln(n/64), n = i+lnFirst; ln((n+1)/n) = 2·artanh(1/(2n+1))
	for i := range t.ln {
		t.ln[i] = fixPair(ln, w)
		s := new(big.Int).Quo(one, big.NewInt(2*int64(i+lnFirst)+1))
		s = fixArtanh(s, w)
		ln.Add(ln, s.Lsh(s, 1))
	}
	angle := new(big.Int) // atan(i/64); that of the next less that of i/64 is atan(64/(4096+i(i+1)))
	for i := range t.atan {
		t.atan[i] = fixPair(angle, w)
		r := new(big.Int).Quo(new(big.Int).Lsh(one, 6), big.NewInt(int64(4096+i*(i+1))))
		z := fixMul(r, r, w)
		angle.Add(angle, fixSum(r, z.Neg(z), w, odd))
	}
	for i := range int64(len(t.sin)) {
		x := new(big.Int).Mul(pi, big.NewInt(i))
		s, c := fixSinCos(x.Rsh(x, 6), w)
		t.sin[i], t.cos[i] = fixPair(s, w), fixPair(c, w)
	}
	fact := big.NewInt(1)
	for i := range int64(len(t.inverseFact)) {
		if i > 1 {
			fact.Mul(fact, big.NewInt(i))
		}
		t.inverseFact[i] = fixPair(new(big.Int).Quo(one, fact), w)
	}
	const long = 64*uint(len(t.twoOverPi)) + 64
	inverse := new(big.Int).Quo(fixOne(2*long+1), fixPi(long)) // 2/π at scale long
	inverse.Rsh(inverse, 64)
	for i := len(t.twoOverPi) - 1; i >= 0; i-- {
		t.twoOverPi[i] = new(big.Int).And(inverse, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		inverse.Rsh(inverse, 64)
	}
	return t
})

// oddSeries is s·(1 + z/3 + z²/5 + …), |z| below 2^-14: artanh s for z = s², arctan s for z = -s².
func oddSeries(s, z pair) pair {
	tail := 1.0 / 15
	tail = float64(tail*z.hi) + 1.0/13
	tail = float64(tail*z.hi) + 1.0/11
	tail = float64(tail*z.hi) + 1.0/9
	tail = float64(tail*z.hi) + 1.0/7
	sum := oddInverse[2].plus(float64(tail * z.hi))
	sum = sum.mul(z).add(oddInverse[1]).mul(z).plus(1)
	return sum.mul(s)
}

// expParts gives e^x as t·(1+p)·2^n, for |x| below 2000.
func expParts(x pair) (t, p pair, n int) {
	tab := mathTable()
	k := math.RoundToEven(float64(x.hi * (64 / math.Ln2)))
	r := x
	if k != 0 {
		r = x.add(pair{-k, 0}.mul(tab.ln2Part))
	}
	z := r.hi
	tail := 1.0 / 39916800
	tail = float64(tail*z) + 1.0/3628800
	tail = float64(tail*z) + 1.0/362880
	tail = float64(tail*z) + 1.0/40320
	tail = float64(tail*z) + 1.0/5040
	tail = float64(tail*z) + 1.0/720
	tail = float64(tail*z) + 1.0/120
	p = tab.inverseFact[4].plus(float64(tail * z))
	p = p.mul(r).add(tab.inverseFact[3]).mul(r).plus(0.5).mul(r).plus(1).mul(r)
	i := int(k) & 63
	return tab.exp2[i], p, (int(k) - i) / 64
}

func expScaled(x pair) scaled {
	t, p, n := expParts(x)
	return t.add(t.mul(p)).scaled(n)
}

// expm1Pair is e^x-1 for x below 80.
func expm1Pair(x pair) pair {
	if x.hi < -160 {
		return pair{-1, 0x1p-200}
	}
	t, p, n := expParts(x)
	p = t.mul(p).ldexp(n)
	return t.ldexp(n).plus(-1).add(p)
}

// lnPair is ln x for x > 0 whose low part is nothing or no less than 2^-900 of it.
func lnPair(x pair) pair {
	tab := mathTable()
	f, e := math.Frexp(x.hi)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	y := pair{f, math.Ldexp(x.lo, -e)}
	i := math.RoundToEven(float64(f * 64))
	c := i / 64
	s := y.plus(-c).div(y.plus(c)) // ln(y/c) = 2·artanh s
	l := oddSeries(s, s.mul(s)).ldexp(1)
	if i != 64 {
		l = tab.ln[int(i)-lnFirst].add(l)
	}
	if e != 0 {
		l = pair{float64(e), 0}.mul(tab.ln2).add(l)
	}
	return l
}

// ln1pPair is ln(1+x) for x > -1.
func ln1pPair(x pair) pair {
	if math.Abs(x.hi) < 0x1p-8 {
		s := x.div(x.plus(2))
		return oddSeries(s, s.mul(s)).ldexp(1)
	}
	return lnPair(x.plus(1))
}

// quarterTurns is x as k quarter turns and j/32+d of a further one, |j| <= 16 and |d| <= 1/64, for 2^-27 <= |x|: k mod 4, j, and
// d in radians. It multiplies x's whole number with the bits of 2/π that matter (Payne and Hanek, 1983), exactly.
func quarterTurns(x float64) (k, j int, d pair) {
	tab := mathTable()
	m, e := wholeAndExponent(math.Abs(x))
	// The bits of 2/π before the first make multiples of 4.
	first := max(e-2, 0)
	var product [5]uint64 // m times the 256 bits from first on
	word, bit := first/64, uint(first%64)
	carry := uint64(0)
	for i := 3; i >= 0; i-- {
		b := tab.twoOverPi[word+i]<<bit | tab.twoOverPi[word+i+1]>>1>>(63-bit)
		hi, lo := bits.Mul64(b, uint64(m))
		lo, c := bits.Add64(lo, carry, 0)
		product[i+1], carry = lo, hi+c
	}
	product[0] = carry
	// In units of 2^-254: the product is in units of 2^(e-256), and nothing is left of 4.
	for down := 2 - (e - first); down > 0; down -= 32 {
		n := uint(min(down, 32))
		for i := 4; i > 0; i-- {
			product[i] = product[i]>>n | product[i-1]<<(64-n)
		}
		product[0] >>= n
	}
	q := product[1:]
	k = int(q[0] >> 62)
	thirtySeconds := int(q[0] >> 57 & 31)
	rest := q[0] << 7 >> 7 // below it: the fraction of a 32nd
	negative := rest>>56 == 1
	if negative { // more than half: go up to the next
		thirtySeconds++
		borrow := uint64(0)
		for i := 3; i > 0; i-- {
			q[i], borrow = bits.Sub64(0, q[i], borrow)
		}
		rest, _ = bits.Sub64(1<<57, rest, borrow)
	}
	q[0] = rest
	if thirtySeconds > 16 {
		k++
		thirtySeconds -= 32
	}
	d = fractionPair(q).mul(tab.halfPi)
	if negative {
		d = d.neg()
	}
	if x < 0 {
		return -k & 3, -thirtySeconds, d.neg()
	}
	return k & 3, thirtySeconds, d
}

// fractionPair is four words in units of 2^-254, cut to 106 bits.
func fractionPair(q []uint64) pair {
	at, scale := 0, 192-254
	for at < 3 && q[at] == 0 {
		at++
		scale -= 64
	}
	zeros := uint(bits.LeadingZeros64(q[at]))
	word := func(i int) uint64 {
		if i < len(q) {
			return q[i]
		}
		return 0
	}
	if zeros == 64 {
		return pair{}
	}
	a := q[at]<<zeros | word(at+1)>>1>>(63-zeros)
	b := word(at+1)<<zeros | word(at+2)>>1>>(63-zeros)
	scale -= int(zeros)
	// 53 bits and 53 bits
	high, low := a>>11, a<<42&(1<<53-1)|b>>22
	return quickSum(math.Ldexp(float64(high), scale+11), math.Ldexp(float64(low), scale-42))
}

// sinCosPair is sine and cosine of x, 2^-27 <= |x|.
func sinCosPair(x float64) (sin, cos pair) {
	tab := mathTable()
	k, j, d := quarterTurns(x)
	z := d.mul(d).neg()
	// sin d = d·(1 + z/3! + z²/5! + …), cos d = 1 + z/2! + z²/4! + …
	tail := 1.0 / 1307674368000
	tail = float64(tail*z.hi) + 1.0/6227020800
	tail = float64(tail*z.hi) + 1.0/39916800
	tail = float64(tail*z.hi) + 1.0/362880
	tail = float64(tail*z.hi) + 1.0/5040
	s := tab.inverseFact[5].plus(float64(tail * z.hi))
	s = s.mul(z).add(tab.inverseFact[3]).mul(z).plus(1).mul(d)
	tail = 1.0 / 87178291200
	tail = float64(tail*z.hi) + 1.0/479001600
	tail = float64(tail*z.hi) + 1.0/3628800
	tail = float64(tail*z.hi) + 1.0/40320
	c := tab.inverseFact[6].plus(float64(tail * z.hi))
	c = c.mul(z).add(tab.inverseFact[4]).mul(z).plus(0.5).mul(z).plus(1)
	if j != 0 {
		sj, cj := tab.sin[max(j, -j)], tab.cos[max(j, -j)]
		if j < 0 {
			sj = sj.neg()
		}
		s, c = sj.mul(c).add(cj.mul(s)), cj.mul(c).add(sj.mul(s).neg())
	}
	switch k {
	case 1:
		return c, s.neg()
	case 2:
		return s.neg(), c.neg()
	case 3:
		return c.neg(), s
	}
	return s, c
}

// atanPair is arctan t for 0 <= t <= 1.
func atanPair(t pair) pair {
	i := math.RoundToEven(float64(t.hi * 64))
	if i == 0 {
		return oddSeries(t, t.mul(t).neg())
	}
	c := i / 64
	u := t.plus(-c).div(t.mul(pair{c, 0}).plus(1))
	return mathTable().atan[int(i)].add(oddSeries(u, u.mul(u).neg()))
}

// anglePair is the angle of the point (x, y), y >= 0, neither of them beyond 2^±300 of 1 unless it is 0.
func anglePair(y, x pair) pair {
	tab := mathTable()
	left := x.hi < 0
	if left {
		x = x.neg()
	}
	var a pair
	if y.hi <= x.hi {
		a = atanPair(y.div(x))
	} else {
		a = tab.halfPi.add(atanPair(x.div(y)).neg())
	}
	if left {
		a = tab.pi.add(a.neg())
	}
	return a
}

// The functions themselves: f answers what needs no rounding, fFast is its pair within the domain.

func mathExp(x float64) float64 {
	switch {
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	case math.Abs(x) < 0x1p-54:
		return 1
	}
	return correctly(x, expFast, expFixed)
}

func expFast(x float64) scaled { return expScaled(pair{x, 0}) }

func mathExpm1(x float64) float64 {
	switch {
	case x > 710:
		return math.Inf(1)
	case math.Abs(x) < 0x1p-54:
		return x
	}
	return correctly(x, expm1Fast, expm1Fixed)
}

func expm1Fast(x float64) scaled {
	if x > 80 { // the 1 is below the pair's last bit
		return expScaled(pair{x, 0})
	}
	return expm1Pair(pair{x, 0}).scaled(0)
}

// logarithm rounds a logarithm of x, to whatever base.
func logarithm(x float64, fast func(float64) scaled, exact func(float64, uint) (*big.Int, int)) float64 {
	switch {
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	case x == 1:
		return 0
	}
	return correctly(x, fast, exact)
}

func mathLog(x float64) float64   { return logarithm(x, logFast, logFixed) }
func mathLog2(x float64) float64  { return logarithm(x, log2Fast, log2Fixed) }
func mathLog10(x float64) float64 { return logarithm(x, log10Fast, log10Fixed) }

func logFast(x float64) scaled   { return lnPair(pair{x, 0}).scaled(0) }
func log2Fast(x float64) scaled  { return lnPair(pair{x, 0}).mul(mathTable().inverseLn2).scaled(0) }
func log10Fast(x float64) scaled { return lnPair(pair{x, 0}).mul(mathTable().inverseLn10).scaled(0) }

func mathLog1p(x float64) float64 {
	switch {
	case x < -1:
		return math.NaN()
	case x == -1:
		return math.Inf(-1)
	case math.Abs(x) < 0x1p-54:
		return x
	}
	return correctly(x, log1pFast, log1pFixed)
}

func log1pFast(x float64) scaled { return ln1pPair(pair{x, 0}).scaled(0) }

func mathSin(x float64) float64 { return oddly(x, sinFast, sinFixed) }

func sinFast(x float64) scaled {
	s, _ := sinCosPair(x)
	return s.scaled(0)
}

func mathCos(x float64) float64 {
	if math.Abs(x) < 0x1p-27 {
		return 1
	}
	return correctly(x, cosFast, cosFixed)
}

func cosFast(x float64) scaled {
	_, c := sinCosPair(x)
	return c.scaled(0)
}

func mathTan(x float64) float64 { return oddly(x, tanFast, tanFixed) }

func tanFast(x float64) scaled {
	s, c := sinCosPair(x)
	return s.div(c).scaled(0)
}

// legPair is the root of 1-x².
func legPair(x float64) pair { return twoSum(1, x).mul(twoSum(1, -x)).sqrt() }

func mathAsin(x float64) float64 {
	if math.Abs(x) > 1 {
		return math.NaN()
	}
	return oddly(x, asinFast, asinFixed)
}

func asinFast(x float64) scaled { return anglePair(pair{x, 0}, legPair(x)).scaled(0) }

func mathAcos(x float64) float64 {
	switch {
	case math.Abs(x) > 1:
		return math.NaN()
	case x == 1:
		return 0
	}
	return correctly(x, acosFast, acosFixed)
}

func acosFast(x float64) scaled { return anglePair(legPair(x), pair{x, 0}).scaled(0) }

func mathAtan(x float64) float64 { return mathAtan2(x, 1) }

// mathAtan2 is the angle of the point (x, y), 0 for the origin.
func mathAtan2(y, x float64) float64 {
	switch {
	case y < 0:
		return -mathAtan2(-y, x)
	case y == 0 && x >= 0:
		return 0
	case y == 0:
		return mathTable().pi.hi
	case x == 0:
		return mathTable().halfPi.hi
	}
	_, ey := math.Frexp(y)
	_, ex := math.Frexp(x)
	if x > 0 && ey-ex < -80 {
		return smallAngle(y, x)
	}
	if f, ok := atan2Fast(y, x).rounded(); ok {
		return f
	}
	return nearestFixed(func(w uint) (*big.Int, int) { return atan2Fixed(y, x, w) })
}

func atan2Fast(y, x float64) scaled {
	fy, ey := math.Frexp(y)
	fx, ex := math.Frexp(x)
	near := max(min(ey-ex, 200), -200) // beyond that, only the side of π/2 or π matters
	return anglePair(pair{math.Ldexp(fy, near), 0}, pair{fx, 0}).scaled(0)
}

// smallAngle is arctan(y/x), y/x below 2^-79: less than y/x by less than 2^-158 of it, which matters only where
// y/x is a float or lies halfway between two.
func smallAngle(y, x float64) float64 {
	my, ey := wholeAndExponent(y)
	mx, ex := wholeAndExponent(x)
	const more = 70
	q, rest := new(big.Int), new(big.Int)
	q.QuoRem(new(big.Int).Lsh(big.NewInt(my), more), big.NewInt(mx), rest)
	if rest.Sign() == 0 {
		q.Sub(q, big.NewInt(1))
	}
	return roundRoot(q, true, ey-ex-more)
}

func mathSinh(x float64) float64 {
	if math.Abs(x) > 711 {
		return math.Copysign(math.Inf(1), x)
	}
	return oddly(x, sinhFast, sinhFixed)
}

func sinhFast(x float64) scaled {
	if x > 40 { // e^-x is below the pair's last bit
		e := expScaled(pair{x, 0})
		return e.p.scaled(e.n - 1)
	}
	e := expm1Pair(pair{x, 0})
	return e.add(e.div(e.plus(1))).scaled(-1)
}

func mathCosh(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x > 711:
		return math.Inf(1)
	case x < 0x1p-27:
		return 1
	}
	return correctly(x, coshFast, coshFixed)
}

func coshFast(x float64) scaled {
	e := expScaled(pair{x, 0})
	if x > 40 {
		return e.p.scaled(e.n - 1)
	}
	v := e.p.ldexp(e.n)
	return v.add(pair{1, 0}.div(v)).scaled(-1)
}

func mathTanh(x float64) float64 {
	if math.Abs(x) > 22 { // ±1 but for less than half of its last bit
		return math.Copysign(1, x)
	}
	return oddly(x, tanhFast, tanhFixed)
}

func tanhFast(x float64) scaled {
	e := expm1Pair(pair{2 * x, 0})
	return e.div(e.plus(2)).scaled(0)
}

func mathAsinh(x float64) float64 { return oddly(x, asinhFast, asinhFixed) }

func asinhFast(x float64) scaled {
	if x > 0x1p60 { // ln 2x and less than the pair's last bit
		return lnPair(pair{x, 0}).add(mathTable().ln2).scaled(0)
	}
	z := twoProduct(x, x)
	return ln1pPair(z.div(z.plus(1).sqrt().plus(1)).plus(x)).scaled(0)
}

func mathAcosh(x float64) float64 {
	switch {
	case x < 1:
		return math.NaN()
	case x == 1:
		return 0
	}
	return correctly(x, acoshFast, acoshFixed)
}

func acoshFast(x float64) scaled {
	if x > 0x1p60 {
		return lnPair(pair{x, 0}).add(mathTable().ln2).scaled(0)
	}
	t := twoSum(x, -1)
	return ln1pPair(t.add(t.mul(twoSum(x, 1)).sqrt())).scaled(0)
}

func mathAtanh(x float64) float64 {
	switch {
	case math.Abs(x) > 1:
		return math.NaN()
	case math.Abs(x) == 1:
		return math.Copysign(math.Inf(1), x)
	}
	return oddly(x, atanhFast, atanhFixed)
}

func atanhFast(x float64) scaled { return ln1pPair(pair{2 * x, 0}.div(twoSum(1, -x))).scaled(-1) }

func mathCbrt(x float64) float64 {
	switch {
	case x == 0:
		return 0
	case x < 0:
		return -mathCbrt(-x)
	}
	if z, ok := cbrtFast(x).rounded(); ok {
		return z
	}
	return cbrtFixed(x)
}

func cbrtFast(x float64) scaled {
	f, e := math.Frexp(x)
	more := (e%3 + 3) % 3
	f = math.Ldexp(f, more) // 1/2 <= f < 4
	y := 0.75 + float64(0.25*f)
	for range 5 {
		y -= float64(y-float64(f/float64(y*y))) / 3
	}
	r := pair{f, 0}.add(twoProduct(y, y).mul(pair{y, 0}).neg())
	return quickSum(y, r.hi/float64(3*float64(y*y))).scaled((e - more) / 3)
}

func mathHypot(x, y float64) float64 {
	x, y = math.Abs(x), math.Abs(y)
	if x < y {
		x, y = y, x
	}
	_, ex := math.Frexp(x)
	_, ey := math.Frexp(y)
	if y == 0 || ex-ey > 60 { // x, and less than half of its last bit
		return x
	}
	if z, ok := hypotFast(x, y).rounded(); ok {
		return z
	}
	return hypotFixed(x, y)
}

// hypotFast takes x >= y > 0.
func hypotFast(x, y float64) scaled {
	_, e := math.Frexp(x)
	x, y = math.Ldexp(x, -e), math.Ldexp(y, -e)
	return twoProduct(x, x).add(twoProduct(y, y)).sqrt().scaled(e)
}
