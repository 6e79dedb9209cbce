// This file holds the functions of Math to any precision, on ints alone: a big int v at scale w stands for v·2^-w. They decide
// where float_math.go's pairs of floats leave two floats to choose from, and fill its tables.
//
// Every function here takes its argument exactly and is off by less than 2^fixSlack units of the scale, which is bounded
// generously: a step adds a few units, and what makes an error grow (a quotient, a root, a tangent near its pole) multiplies it by less
// than 2^150. With nearestFixed, which doubles the scale until both ends of what is left round to one float, each
// answer is the float nearest to the exact value. That comes to an end since those values are transcendental, save where
// a function is asked for 0 or 1 at the points that float_math.go answers itself (Lindemann), so never halfway between floats.

package eval

import (
	"math"
	"math/big"
)

const (
	fixScale = 384 // the first scale that nearestFixed tries
	fixSlack = 180
)

// nearestFixed is the float nearest to what f approaches: v·2^e, off by less than 2^fixSlack·2^e.
func nearestFixed(f func(w uint) (v *big.Int, e int)) float64 {
	slack := new(big.Int).Lsh(big.NewInt(1), fixSlack)
	for w := uint(fixScale); w <= 1<<16; w *= 2 {
		v, e := f(w)
		low := bigFloat(new(big.Int).Sub(v, slack), e)
		if high := bigFloat(v.Add(v, slack), e); low == high {
			return low
		}
	}
	panic("BUG: a value lies halfway between two floats")
}

// bigFloat is v·2^e, rounded once to the nearest float, ties to even; infinite if it is too large.
func bigFloat(v *big.Int, e int) float64 {
	x := new(big.Float).SetInt(v)
	f, _ := x.SetMantExp(x, e).Float64()
	return f + 0 // no -0
}

// roundRoot is r·2^e rounded once, where r has at least 66 bits; rest says that the exact value is a little more.
func roundRoot(r *big.Int, rest bool, e int) float64 {
	r.Lsh(r, 1)
	if rest {
		r.SetBit(r, 0, 1)
	}
	return bigFloat(r, e-1)
}

// wholeAndExponent gives a finite x as m·2^e, exactly.
func wholeAndExponent(x float64) (m int64, e int) {
	f, e := math.Frexp(x)
	return int64(math.Ldexp(f, 53)), e - 53
}

// fixFloat is x at scale w, exactly if its last bit is no less than 2^-w.
func fixFloat(x float64, w uint) *big.Int {
	m, e := wholeAndExponent(x)
	return shift(big.NewInt(m), e+int(w))
}

// shift is x·2^n, towards 0.
func shift(x *big.Int, n int) *big.Int {
	if n >= 0 {
		return x.Lsh(x, uint(n))
	}
	if x.Sign() < 0 {
		x.Neg(x)
		x.Rsh(x, uint(-n))
		return x.Neg(x)
	}
	return x.Rsh(x, uint(-n))
}

func fixOne(w uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), w) }

func fixMul(a, b *big.Int, w uint) *big.Int { return shift(new(big.Int).Mul(a, b), -int(w)) }

func fixDiv(a, b *big.Int, w uint) *big.Int {
	z := new(big.Int).Lsh(a, w)
	return z.Quo(z, b)
}

// fixSum is the sum of t_i/d(i), t_0 = first and t_(i+1) = t_i·ratio, where d only grows and |ratio| is below 1.
func fixSum(first, ratio *big.Int, w uint, d func(i int64) int64) *big.Int {
	sum, t, q := new(big.Int), new(big.Int).Set(first), new(big.Int)
	for i := int64(0); t.Sign() != 0; i++ {
		sum.Add(sum, q.Quo(t, big.NewInt(d(i))))
		t = fixMul(t, ratio, w)
	}
	return sum
}

func odd(i int64) int64 { return 2*i + 1 }

// fixPi is π (Machin, 1706).
func fixPi(w uint) *big.Int {
	arctanInverse := func(n int64) *big.Int { // of 1/n
		sum, t, q := new(big.Int), new(big.Int), new(big.Int)
		square := big.NewInt(-n * n)
		t.Quo(fixOne(w), big.NewInt(n))
		for i := int64(0); t.Sign() != 0; i++ {
			sum.Add(sum, q.Quo(t, big.NewInt(odd(i))))
			t.Quo(t, square)
		}
		return sum
	}
	a := arctanInverse(5)
	a.Lsh(a, 2).Sub(a, arctanInverse(239))
	return a.Lsh(a, 2)
}

// fixArtanh is artanh s for |s| <= 1/3.
func fixArtanh(s *big.Int, w uint) *big.Int { return fixSum(s, fixMul(s, s, w), w, odd) }

// fixLn2 is ln 2 = 2·artanh(1/3).
func fixLn2(w uint) *big.Int {
	third := fixOne(w)
	x := fixArtanh(third.Quo(third, big.NewInt(3)), w)
	return x.Lsh(x, 1)
}

// fixLn is ln(a·2^-scale), a > 0, at scale w.
func fixLn(a *big.Int, scale, w uint) *big.Int {
	n := a.BitLen()
	k := int64(n) - int64(scale)
	f := shift(new(big.Int).Set(a), int(w)-n) // a·2^-scale = f·2^k, 1/2 <= f < 1
	one := fixOne(w)
	if f.Cmp(new(big.Int).Rsh(new(big.Int).Mul(one, big.NewInt(181)), 8)) < 0 {
		f.Lsh(f, 1)
		k--
	}
	s := fixDiv(new(big.Int).Sub(f, one), new(big.Int).Add(f, one), w) // ln f = 2·artanh s
	x := fixArtanh(s, w)
	return x.Lsh(x, 1).Add(x, new(big.Int).Mul(fixLn2(w), big.NewInt(k)))
}

// fixExp is e^x as v·2^n, v at scale w.
func fixExp(x *big.Int, w uint) (v *big.Int, n int) {
	const halvings = 8
	ln2 := fixLn2(w)
	k := new(big.Int).Quo(x, ln2)
	r := new(big.Int).Sub(x, new(big.Int).Mul(k, ln2))
	shift(r, -halvings)
	v, t := fixOne(w), fixOne(w)
	for i := int64(1); t.Sign() != 0; i++ {
		t = fixMul(t, r, w)
		v.Add(v, t.Quo(t, big.NewInt(i)))
	}
	for range halvings {
		v = fixMul(v, v, w)
	}
	return v, int(k.Int64())
}

// fixSinCos is sine and cosine of r, |r| < 1.
func fixSinCos(r *big.Int, w uint) (sin, cos *big.Int) {
	z := fixMul(r, r, w)
	z.Neg(z)
	series := func(t *big.Int, i int64) *big.Int {
		sum := new(big.Int)
		for ; t.Sign() != 0; i += 2 {
			sum.Add(sum, t)
			t = fixMul(t, z, w)
			t.Quo(t, big.NewInt(i*(i+1)))
		}
		return sum
	}
	return series(new(big.Int).Set(r), 2), series(fixOne(w), 1)
}

// fixTurn is sine and cosine of any x, at scale w.
func fixTurn(x float64, w uint) (sin, cos *big.Int) {
	m, e := wholeAndExponent(x)
	fine := w + uint(max(e+53, 0)) + 64
	half := fixPi(fine)
	half.Rsh(half, 1)
	r := shift(big.NewInt(m), e+int(fine))
	k := new(big.Int).Quo(r, half)
	r.Sub(r, new(big.Int).Mul(k, half)) // |r| < π/2; its half is below 1
	quarter := shift(r, int(w)-int(fine)-1)
	s, c := fixSinCos(quarter, w)
	sin = fixMul(s, c, w)
	sin.Lsh(sin, 1)
	cos = fixMul(s, s, w)
	cos.Sub(fixOne(w), cos.Lsh(cos, 1))
	switch k.And(k, big.NewInt(3)).Int64() {
	case 1:
		sin, cos = cos, sin.Neg(sin)
	case 2:
		sin.Neg(sin)
		cos.Neg(cos)
	case 3:
		sin, cos = cos.Neg(cos), sin
	}
	return sin, cos
}

// fixHypot is the root of a²+b².
func fixHypot(a, b *big.Int) *big.Int {
	z := new(big.Int).Mul(a, a)
	return z.Sqrt(z.Add(z, new(big.Int).Mul(b, b)))
}

// fixLeg is the root of a²-b², a >= |b|.
func fixLeg(a, b *big.Int) *big.Int {
	z := new(big.Int).Mul(a, a)
	return z.Sqrt(z.Sub(z, new(big.Int).Mul(b, b)))
}

// fixAtan is the arc tangent of r, 0 <= r <= 1.
func fixAtan(r *big.Int, w uint) *big.Int {
	const halvings = 3
	one := fixOne(w)
	for range halvings { // atan r = 2·atan(r/(1+√(1+r²)))
		r = fixDiv(r, new(big.Int).Add(one, fixHypot(one, r)), w)
	}
	z := fixMul(r, r, w)
	x := fixSum(r, z.Neg(z), w, odd)
	return x.Lsh(x, halvings)
}

// fixAtan2 is the angle of the point (x, y), of which y is not negative and not both are 0, at scale w.
func fixAtan2(y, x *big.Int, w uint) *big.Int {
	ax := new(big.Int).Abs(x)
	var a *big.Int
	if y.Cmp(ax) <= 0 {
		a = fixAtan(fixDiv(y, ax, w), w)
	} else {
		a = fixAtan(fixDiv(ax, y, w), w)
		half := fixPi(w)
		a.Sub(half.Rsh(half, 1), a)
	}
	if x.Sign() < 0 {
		a.Sub(fixPi(w), a)
	}
	return a
}

// The functions that nearestFixed is given. Each argument is within the function's domain, and no special point of it.

func expFixed(x float64, w uint) (*big.Int, int) {
	v, n := fixExp(fixFloat(x, w), w)
	return v, n - int(w)
}

func expm1Fixed(x float64, w uint) (*big.Int, int) {
	v, n := fixExp(fixFloat(x, w), w)
	return v.Sub(v, shift(fixOne(w), -n)), n - int(w)
}

func logFixed(x float64, w uint) (*big.Int, int) {
	m, e := wholeAndExponent(x)
	return fixLn(shift(big.NewInt(m), max(e, 0)), uint(max(-e, 0)), w), -int(w)
}

func log1pFixed(x float64, w uint) (*big.Int, int) {
	a := fixFloat(x, w)
	return fixLn(a.Add(a, fixOne(w)), w, w), -int(w)
}

func log2Fixed(x float64, w uint) (*big.Int, int) {
	v, e := logFixed(x, w)
	return fixDiv(v, fixLn2(w), w), e
}

func log10Fixed(x float64, w uint) (*big.Int, int) {
	v, e := logFixed(x, w)
	return fixDiv(v, fixLn(big.NewInt(10), 0, w), w), e
}

func sinFixed(x float64, w uint) (*big.Int, int) {
	s, _ := fixTurn(x, w)
	return s, -int(w)
}

func cosFixed(x float64, w uint) (*big.Int, int) {
	_, c := fixTurn(x, w)
	return c, -int(w)
}

func tanFixed(x float64, w uint) (*big.Int, int) {
	s, c := fixTurn(x, w)
	return fixDiv(s, c, w), -int(w)
}

// atan2Fixed is the angle of the point (x, y), y > 0.
func atan2Fixed(y, x float64, w uint) (*big.Int, int) {
	my, ey := wholeAndExponent(y)
	mx, ex := wholeAndExponent(x)
	low := min(ey, ex)
	return fixAtan2(shift(big.NewInt(my), ey-low), shift(big.NewInt(mx), ex-low), w), -int(w)
}

func asinFixed(x float64, w uint) (*big.Int, int) { // x > 0
	a := fixFloat(x, w)
	return fixAtan2(a, fixLeg(fixOne(w), a), w), -int(w)
}

func acosFixed(x float64, w uint) (*big.Int, int) {
	a := fixFloat(x, w)
	return fixAtan2(fixLeg(fixOne(w), a), a, w), -int(w)
}

// fixExps is e^x as v·2^n and e^-x as u·2^n, x > 0.
func fixExps(x float64, w uint) (v, u *big.Int, n int) {
	v, n = fixExp(fixFloat(x, w), w)
	return v, shift(fixDiv(fixOne(w), v, w), -2*n), n
}

func sinhFixed(x float64, w uint) (*big.Int, int) { // x > 0
	v, u, n := fixExps(x, w)
	return v.Sub(v, u), n - 1 - int(w)
}

func coshFixed(x float64, w uint) (*big.Int, int) { // x > 0
	v, u, n := fixExps(x, w)
	return v.Add(v, u), n - 1 - int(w)
}

func tanhFixed(x float64, w uint) (*big.Int, int) { // x > 0
	v, u, _ := fixExps(x, w)
	return fixDiv(new(big.Int).Sub(v, u), v.Add(v, u), w), -int(w)
}

func asinhFixed(x float64, w uint) (*big.Int, int) { // x > 0
	a := fixFloat(x, w)
	return fixLn(a.Add(a, fixHypot(a, fixOne(w))), w, w), -int(w)
}

func acoshFixed(x float64, w uint) (*big.Int, int) { // x > 1
	a := fixFloat(x, w)
	return fixLn(a.Add(a, fixLeg(a, fixOne(w))), w, w), -int(w)
}

func atanhFixed(x float64, w uint) (*big.Int, int) { // 0 < x < 1
	a, one := fixFloat(x, w), fixOne(w)
	v := fixLn(fixDiv(new(big.Int).Add(one, a), one.Sub(one, a), w), w, w)
	return v, -int(w) - 1
}

// hypotFixed is the root of x²+y², neither of which is 0, rounded once.
func hypotFixed(x, y float64) float64 {
	mx, ex := wholeAndExponent(x)
	my, ey := wholeAndExponent(y)
	low := min(ex, ey)
	a, b := shift(big.NewInt(mx), ex-low+66), shift(big.NewInt(my), ey-low+66)
	r := fixHypot(a, b)
	squares := a.Mul(a, a)
	squares.Add(squares, b.Mul(b, b))
	return roundRoot(r, squares.Cmp(new(big.Int).Mul(r, r)) != 0, low-66)
}

// cbrtFixed is the cube root of x > 0, rounded once.
func cbrtFixed(x float64) float64 {
	m, e := wholeAndExponent(x)
	up := 150 + ((e-150)%3+3)%3
	a := shift(big.NewInt(m), up)
	r := new(big.Int).Lsh(big.NewInt(1), uint(a.BitLen()+2)/3) // no less than the root; Newton's steps go down to it
	three := big.NewInt(3)
	for {
		next := new(big.Int).Mul(r, r)
		next.Quo(a, next)
		next.Add(next, r).Add(next, r).Quo(next, three)
		if next.Cmp(r) >= 0 {
			break
		}
		r = next
	}
	cube := new(big.Int).Mul(r, r)
	return roundRoot(r, cube.Mul(cube, r).Cmp(a) != 0, (e-up)/3)
}
