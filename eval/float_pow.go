// This file holds the power of floats: one portable implementation, the same bits on every processor. Go's own math.Pow
// rests on assembly for some processors and lets the compiler fuse products with sums on others.
//
// x^y is exp(y·ln x) with ln x, the product and the argument of exp kept as unevaluated sums of two floats (Dekker, A
// floating-point technique for extending the available precision, 1971), some 100 bits; so the error is below 0.51 ulp
// (0.76 ulp where the result is subnormal), and a power that is a float itself comes out exact.

package eval

import "math"

// A pair is the number hi+lo, where hi is the sum rounded.
type pair struct{ hi, lo float64 }

// twoSum is a+b exactly (Knuth).
func twoSum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, float64(a-float64(s-t)) + float64(b-t)}
}

// quickSum is a+b exactly, for |a| >= |b|.
func quickSum(a, b float64) pair {
	s := a + b
	return pair{s, b - float64(s-a)}
}

// twoProduct is a·b exactly, by Veltkamp's splitting; |a| and |b| are below 2^990 and the product is not subnormal.
func twoProduct(a, b float64) pair {
	const c = 1<<27 + 1
	p := float64(a * b)
	t := float64(c * a)
	ah := t - float64(t-a)
	al := a - ah
	t = float64(c * b)
	bh := t - float64(t-b)
	bl := b - bh
	e := float64(ah*bh) - p
	e += float64(ah * bl)
	e += float64(al * bh)
	e += float64(al * bl)
	return pair{p, e}
}

func (x pair) add(y pair) pair {
	s := twoSum(x.hi, y.hi)
	t := twoSum(x.lo, y.lo)
	s = quickSum(s.hi, s.lo+t.hi)
	return quickSum(s.hi, s.lo+t.lo)
}

func (x pair) mul(y pair) pair {
	p := twoProduct(x.hi, y.hi)
	cross := float64(x.hi*y.lo) + float64(x.lo*y.hi)
	return quickSum(p.hi, p.lo+cross)
}

func (x pair) div(y pair) pair {
	q := x.hi / y.hi
	p := pair{q, 0}.mul(y)
	r := x.add(pair{-p.hi, -p.lo})
	return quickSum(q, float64(r.hi+r.lo)/y.hi)
}

var (
	ln2        = pair{math.Ln2, 2.3190468138462996e-17}
	oddInverse = [...]pair{ // 1/(2i+1)
		{1, 0}, {1.0 / 3, 1.850371707708594e-17}, {1.0 / 5, -1.1102230246251566e-17}, {1.0 / 7, 7.93016446160826e-18},
		{1.0 / 9, 6.1679056923619804e-18},
	}
	factInverse = [...]pair{ // 1/i!
		{1, 0}, {1, 0}, {0.5, 0}, {1.0 / 6, 9.25185853854297e-18}, {1.0 / 24, 2.3129646346357427e-18},
		{1.0 / 120, 1.1564823173178714e-19}, {1.0 / 720, -5.300543954373577e-20}, {1.0 / 5040, 1.7209558293420705e-22},
	}
)

// logPair is ln x for a finite x > 0.
func logPair(x float64) pair {
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	// ln f = 2·artanh s, s = (f-1)/(f+1), |s| < 0.1716; f-1 is exact
	s := pair{f - 1, 0}.div(twoSum(f, 1))
	z := s.mul(s)
	const head = len(oddInverse)
	tail := 0.0
	for i := 15; i >= head; i-- {
		tail = float64(tail*z.hi) + 1/float64(2*i+1)
	}
	sum := pair{float64(tail * z.hi), 0}
	for i := head - 1; i > 0; i-- {
		sum = sum.add(oddInverse[i]).mul(z)
	}
	sum = sum.add(oddInverse[0]).mul(s)
	sum = pair{2 * sum.hi, 2 * sum.lo}
	if e == 0 {
		return sum
	}
	return pair{float64(e), 0}.mul(ln2).add(sum)
}

// expPair is e^x for |x.hi| below 1000, rounded.
func expPair(x pair) float64 {
	n := math.RoundToEven(x.hi / math.Ln2)
	if n != 0 {
		x = x.add(pair{-n, 0}.mul(ln2))
	}
	const head = len(factInverse)
	tail := 0.0
	for i := 19; i >= head; i-- {
		tail = float64(float64(tail+1)*x.hi) / float64(i)
	}
	// tail is the sum of (head-1)!·x^i/i! over i >= head, but for the factor x^(head-1)
	sum := pair{tail, 0}.mul(factInverse[head-1])
	for i := head - 1; i > 0; i-- {
		sum = sum.add(factInverse[i]).mul(x)
	}
	sum = sum.add(pair{1, 0})
	return math.Ldexp(sum.hi, int(n))
}

// powWhole is x to the n-th by squaring, where neither that nor a step on the way is large or small.
func powWhole(x float64, n int) float64 {
	z, p := pair{1, 0}, pair{x, 0}
	for k := max(n, -n); k > 0; k >>= 1 {
		if k&1 == 1 {
			z = z.mul(p)
		}
		p = p.mul(p)
	}
	if n < 0 {
		z = pair{1, 0}.div(z)
	}
	return z.hi
}

// powFloats is x to the y-th; infinite or NaN where that is no number.
func powFloats(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case y == 1:
		return x
	case x == 0 && y > 0:
		return 0
	case x == 0:
		return math.Inf(1)
	}
	sign := 1.0
	if x < 0 {
		if math.Trunc(y) != y {
			return math.NaN()
		}
		if math.Abs(y) < 1<<53 && int64(y)&1 == 1 {
			sign = -1
		}
		x = -x
	}
	if math.Abs(y) < 64 && math.Trunc(y) == y && 1.0/128 < x && x < 128 {
		return sign * powWhole(x, int(y))
	}
	l := logPair(x)
	switch p := y * l.hi; {
	case p > 720:
		return math.Inf(1)
	case p < -760:
		return 0
	case math.Abs(p) < 1e-20:
		return sign
	}
	return sign * expPair(pair{y, 0}.mul(l))
}
