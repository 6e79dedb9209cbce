// This file holds the primitives of numbers: num.*. Ints are int64 where they fit and big otherwise; one that fits is
// never big, so that a value has one form. Floats are rounded at every operation, and no product is fused with a sum.

package eval

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"github.com/rosser-lang/rosser/graph"
)

var numPrims = []Spec{
	{"num.add", 2, 3, numAdd, "a b: a + b; cost: 1 per 32 words of the longer int"},
	{"num.sub", 2, 3, numSub, "a b: a - b; cost: 1 per 32 words of the longer int"},
	{"num.mul", 2, 3, numMul, "a b: a * b; cost: 1 per 16 products of words, as Karatsuba's method makes them"},
	{"num.div", 2, 3, numDiv, "a b: a / b, a float: of two ints the exact quotient, rounded once; cost: 1 per 16 words of both"},
	{"num.intdiv", 2, 3, numIntDiv, "a b: a // b, rounded down; an int of two ints, else a float; cost: that of two products of b and the quotient"},
	{"num.mod", 2, 3, numMod, "a b: a % b, the remainder of //, with the sign of b; cost: as num.intdiv"},
	{"num.neg", 1, 1, numNeg, "a: -a; cost: 1 per 32 words"},
	{"num.abs", 1, 1, numAbs, "a: a without its sign; cost: 1 per 32 words"},
	{"num.min", 2, 0, numMin, "a b: the lesser of two values that < orders, a if they are equal; cost: as cmp.lt"},
	{"num.max", 2, 0, numMax, "a b: the greater of two values that < orders, a if they are equal; cost: as cmp.lt"},
	{"num.pow", 2, 3, numPow, "a b: a to the b-th; of two ints an int, where b is at least 0, else \"out of range\"; of floats within 1 ulp; cost: that of the products of squaring"},
	{"num.gcd", 2, 3, numGcd, "a b: the greatest common divisor of two ints, never negative; cost: 1 per 16 products of words"},
	{"num.sqrt", 1, 1, numSqrt, "a: the square root, correctly rounded; cost: 1 per 32 words"},
	{"num.floor", 1, 1, rounding(math.Floor), "a: the greatest int that is not above a; costs nothing"},
	{"num.ceil", 1, 1, rounding(math.Ceil), "a: the least int that is not below a; costs nothing"},
	{"num.round", 1, 1, rounding(math.RoundToEven), "a: the nearest int, of two the even one; costs nothing"},
	{"num.truncate", 1, 1, rounding(math.Trunc), "a: the int without the fraction; costs nothing"},
	{"num.toFloat", 1, 1, numToFloat, "a: the nearest float, ties to even; cost: 1 per 32 words"},
	{"num.parseInt", 1, 1, numParseInt, "text: Some int of decimal digits behind a sign or none, else None; cost: 1 per 256 bytes, and that of the products"},
	{"num.parseFloat", 1, 1, numParseFloat, "text: Some float, correctly rounded, of the like of -1.5e3, 2, .5 and 2., else None, also where it is too large; cost: 1 per 256 bytes"},
}

// reserve asks for the memory of one large object; what no machine could have ends the evaluation, limit or not.
func reserve(m *Machine, bytes int64) {
	if bytes > math.MaxInt/4 {
		bytes = -1
	}
	if bytes < 0 || bytes > 1<<16 {
		m.Reserve(bytes)
	}
}

func isNumber(v graph.Value) bool {
	k := v.Kind()
	return k == graph.KindInt || k == graph.KindFloat
}

// numbers checks the kinds of two operands, the left one first.
func numbers(a, b graph.Value) error {
	if !isNumber(a) {
		return wrongKind(a, "number")
	}
	if !isNumber(b) {
		return wrongKind(b, "number")
	}
	return nil
}

// words is how many 64-bit words hold x's magnitude, whatever the processor's own word is.
func words(x *big.Int) int64 { return (int64(x.BitLen()) + 63) / 64 }

// karatsuba is how many products of words it takes to multiply two ints of n words.
func karatsuba(n int64) int64 {
	if n <= 40 {
		return n * n
	}
	return 3 * karatsuba((n+1)/2)
}

// mulCost is the cost of multiplying ints of a and b words.
func mulCost(a, b int64) int64 {
	if a < b {
		a, b = b, a
	}
	if b == 0 {
		return 0
	}
	return (a + b - 1) / b * karatsuba(b) / 16
}

const bigLeaf = 1 << 13 // words: above it a product is made of several, so that it can be interrupted

// mulBig is x*y, charged as it goes: mulCost of each product of at most bigLeaf words.
func mulBig(m *Machine, x, y *big.Int) *big.Int { return mulInto(m, new(big.Int), x, y) }

// mulInto is mulBig, in the memory of z if it is one product.
func mulInto(m *Machine, z, x, y *big.Int) *big.Int {
	a, b := words(x), words(y)
	if a < b {
		x, y, a, b = y, x, b, a
	}
	reserve(m, 8*(a+b))
	if b <= bigLeaf && a <= 4*bigLeaf || b <= 1 {
		m.Charge(mulCost(a, b))
		return z.Mul(x, y)
	}
	if x.Sign() < 0 || y.Sign() < 0 {
		z = mulBig(m, new(big.Int).Abs(x), new(big.Int).Abs(y))
		if x.Sign() != y.Sign() {
			z.Neg(z)
		}
		return z
	}
	half := uint(a+1) / 2 * 64
	x1, x0 := split(x, half)
	if int64(half/64) >= b { // y is short: x1*y and x0*y
		z = mulBig(m, x1, y)
		return z.Lsh(z, half).Add(z, mulBig(m, x0, y))
	}
	y1, y0 := split(y, half)
	low, high := mulBig(m, x0, y0), mulBig(m, x1, y1)
	mid := mulBig(m, x0.Add(x0, x1), y0.Add(y0, y1))
	mid.Sub(mid, low).Sub(mid, high)
	z = high.Lsh(high, half).Add(high, mid)
	return z.Lsh(z, half).Add(z, low)
}

// split gives x = high<<n + low for an x that is not negative.
func split(x *big.Int, n uint) (high, low *big.Int) {
	high = new(big.Int).Rsh(x, n)
	low = new(big.Int).Lsh(high, n)
	return high, low.Sub(x, low)
}

// intResult answers a big int, or the error that it has too many digits.
func intResult(x *big.Int, of ...graph.Value) (graph.Value, error) {
	if graph.TooLong(x) {
		return graph.Value{}, tooLong(of...)
	}
	return graph.BigInt(x), nil
}

func tooLong(of ...graph.Value) error {
	if len(of) == 1 {
		return Fail("out of range", of[0])
	}
	return Fail("out of range", graph.NewList(of...))
}

// floatResult answers f, or the error that IPLD has no such float.
func floatResult(f float64, of ...graph.Value) (graph.Value, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		if len(of) == 1 {
			return graph.Value{}, Fail("not a number", of[0])
		}
		return graph.Value{}, Fail("not a number", graph.NewList(of...))
	}
	return graph.Float(f), nil
}

// nearest is the float nearest to the number v, ties to even; infinite if v is too large.
func nearest(m *Machine, v graph.Value) float64 {
	if v.Kind() == graph.KindFloat {
		return v.Float()
	}
	if i, ok := v.Int(); ok {
		return float64(i)
	}
	x := v.BigInt()
	m.Charge(words(x) / 32)
	if x.BitLen() > 1025 {
		return math.Inf(x.Sign())
	}
	f, _ := new(big.Float).SetInt(x).Float64()
	return f
}

// floats gives two numbers, of which one at least is a float, as floats.
func floats(m *Machine, a, b graph.Value) (x, y float64, err error) {
	x, y = nearest(m, a), nearest(m, b)
	if math.IsInf(x, 0) {
		return 0, 0, Fail("not a number", a)
	}
	if math.IsInf(y, 0) {
		return 0, 0, Fail("not a number", b)
	}
	return x, y, nil
}

func bothInts(a, b graph.Value) bool {
	return a.Kind() == graph.KindInt && b.Kind() == graph.KindInt
}

// chargeLinear charges an operation that walks over two ints once.
func chargeLinear(m *Machine, x, y *big.Int) {
	n := max(words(x), words(y))
	m.Charge(n / 32)
	reserve(m, 8*n)
}

func numAdd(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok {
			if r, ok := addInts(x, y); ok {
				return graph.Int(r), nil
			}
		}
	}
	if err := numbers(a, b); err != nil {
		return graph.Value{}, err
	}
	if bothInts(a, b) {
		x, y, z := a.BigInt(), b.BigInt(), m.room()
		chargeLinear(m, x, y)
		return intResult(z.Add(x, y), a, b)
	}
	x, y, err := floats(m, a, b)
	if err != nil {
		return graph.Value{}, err
	}
	return floatResult(x+y, a, b)
}

func numSub(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok {
			if r, ok := subInts(x, y); ok {
				return graph.Int(r), nil
			}
		}
	}
	if err := numbers(a, b); err != nil {
		return graph.Value{}, err
	}
	if bothInts(a, b) {
		x, y, z := a.BigInt(), b.BigInt(), m.room()
		chargeLinear(m, x, y)
		return intResult(z.Sub(x, y), a, b)
	}
	x, y, err := floats(m, a, b)
	if err != nil {
		return graph.Value{}, err
	}
	return floatResult(x-y, a, b)
}

func numMul(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok {
			if r, ok := mulInts(x, y); ok {
				return graph.Int(r), nil
			}
		}
	}
	if err := numbers(a, b); err != nil {
		return graph.Value{}, err
	}
	if bothInts(a, b) {
		x, y, z := a.BigInt(), b.BigInt(), m.room()
		if graph.TooLongProduct(x, y) {
			return graph.Value{}, tooLong(a, b)
		}
		return intResult(mulInto(m, z, x, y), a, b)
	}
	x, y, err := floats(m, a, b)
	if err != nil {
		return graph.Value{}, err
	}
	return floatResult(x*y, a, b)
}

// isZero says whether a number is 0.
func isZero(v graph.Value) bool {
	if v.Kind() == graph.KindFloat {
		return v.Float() == 0
	}
	i, ok := v.Int()
	return ok && i == 0
}

// divisible checks the operands of a division.
func divisible(a, b graph.Value) error {
	if err := numbers(a, b); err != nil {
		return err
	}
	if isZero(b) {
		return Fail("divide by zero", a)
	}
	return nil
}

func numDiv(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	if err := divisible(a, b); err != nil {
		return graph.Value{}, err
	}
	if bothInts(a, b) {
		const exact = 1 << 53
		x, xsmall := a.Int()
		y, ysmall := b.Int()
		if xsmall && ysmall && -exact <= x && x <= exact && -exact <= y && y <= exact {
			return graph.Float(float64(x) / float64(y)), nil
		}
		p, q := a.BigInt(), b.BigInt()
		m.Charge((words(p) + words(q)) / 16)
		return floatResult(quotient(m, p, q), a, b)
	}
	x, y, err := floats(m, a, b)
	if err != nil {
		return graph.Value{}, err
	}
	return floatResult(x/y, a, b)
}

// quotient is p/q rounded once, to nearest, ties to even. It divides as many bits as fix the answer: the quotient has
// at least 66, and its last is 1 if anything was left over.
func quotient(m *Machine, p, q *big.Int) float64 {
	negative := p.Sign()*q.Sign() < 0
	shift := 66 - (p.BitLen() - q.BitLen())
	switch {
	case p.Sign() == 0 || shift > 1300:
		return 0
	case shift < -1300:
		return math.Inf(1)
	}
	p, q = new(big.Int).Abs(p), new(big.Int).Abs(q)
	reserve(m, 8*(words(p)+words(q)))
	if shift > 0 {
		p.Lsh(p, uint(shift))
	} else {
		q.Lsh(q, uint(-shift))
	}
	r := new(big.Int)
	p.QuoRem(p, q, r)
	p.Lsh(p, 1)
	if r.Sign() != 0 {
		p.SetBit(p, 0, 1)
	}
	x := new(big.Float).SetInt(p)
	f, _ := x.SetMantExp(x, -shift-1).Float64()
	if negative {
		return -f
	}
	return f
}

// costly is the cost of an operation of math/big, which cannot be stopped, from which on it runs apart: some milliseconds.
const costly = 1 << 18

// chargeDiv charges a division of ints: two products of the divisor and the quotient.
func chargeDiv(m *Machine, x, y *big.Int) {
	a, b := words(x), words(y)
	m.Charge(a/32 + 2*mulCost(max(a-b, 0), b))
	reserve(m, 16*a)
}

// divMod is floor division: r has y's sign, or is 0.
func divMod(m *Machine, x, y *big.Int) (q, r *big.Int) {
	chargeDiv(m, x, y)
	q, r = new(big.Int), new(big.Int)
	divide := func() { q.QuoRem(x, y, r) }
	if mulCost(max(words(x)-words(y), 0), words(y)) > costly {
		m.apart(divide)
	} else {
		divide()
	}
	if r.Sign() != 0 && r.Sign() != y.Sign() {
		q.Sub(q, big.NewInt(1))
		r.Add(r, y)
	}
	return q, r
}

// floatDivMod is floor division of floats: the remainder is exact before it takes b's sign, and the quotient is the
// whole number nearest to (a-r)/b (as in Python's float_divmod).
func floatDivMod(a, b float64) (q, r float64) {
	r = math.Mod(a, b)
	q = (a - r) / b
	if r != 0 && (b < 0) != (r < 0) {
		r += b
		q--
	}
	whole := math.Floor(q)
	if q-whole > 0.5 {
		whole++
	}
	return whole, r
}

func numIntDiv(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok && y != 0 {
			if q, ok := divInts(x, y); ok {
				return graph.Int(q), nil
			}
		}
	}
	if err := divisible(a, b); err != nil {
		return graph.Value{}, err
	}
	if bothInts(a, b) {
		q, _ := divMod(m, a.BigInt(), b.BigInt())
		return intResult(q)
	}
	x, y, err := floats(m, a, b)
	if err != nil {
		return graph.Value{}, err
	}
	q, _ := floatDivMod(x, y)
	return floatResult(q, a, b)
}

func numMod(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok && y != 0 {
			return graph.Int(modInts(x, y)), nil
		}
	}
	if err := divisible(a, b); err != nil {
		return graph.Value{}, err
	}
	if bothInts(a, b) {
		_, r := divMod(m, a.BigInt(), b.BigInt())
		return intResult(r)
	}
	x, y, err := floats(m, a, b)
	if err != nil {
		return graph.Value{}, err
	}
	_, r := floatDivMod(x, y)
	return floatResult(r, a, b)
}

// negInt is -x.
func negInt(x int64) graph.Value {
	if x == math.MinInt64 {
		return graph.Uint(1 << 63)
	}
	return graph.Int(-x)
}

func numNeg(m *Machine, args []graph.Value) (graph.Value, error) {
	a := args[0]
	if x, ok := a.Int(); ok {
		return negInt(x), nil
	}
	switch a.Kind() {
	case graph.KindInt:
		x := a.BigInt()
		chargeLinear(m, x, x)
		return intResult(new(big.Int).Neg(x))
	case graph.KindFloat:
		return graph.Float(-a.Float()), nil
	}
	return graph.Value{}, wrongKind(a, "number")
}

func numAbs(m *Machine, args []graph.Value) (graph.Value, error) {
	a := args[0]
	switch {
	case a.Kind() == graph.KindFloat:
		return graph.Float(math.Abs(a.Float())), nil
	case a.Kind() != graph.KindInt:
		return graph.Value{}, wrongKind(a, "number")
	}
	if x, ok := a.Int(); ok {
		if x < 0 {
			return negInt(x), nil
		}
		return a, nil
	}
	x := a.BigInt()
	chargeLinear(m, x, x)
	if x.Sign() >= 0 {
		return a, nil
	}
	return intResult(new(big.Int).Neg(x))
}

func numMin(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	c, err := compareValues(m, a, b)
	if c > 0 {
		return b, err
	}
	return a, err
}

func numMax(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	c, err := compareValues(m, a, b)
	if c < 0 {
		return b, err
	}
	return a, err
}

func numPow(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	if err := numbers(a, b); err != nil {
		return graph.Value{}, err
	}
	if bothInts(a, b) {
		return powInts(m, a, b)
	}
	x, y, err := floats(m, a, b)
	if err != nil {
		return graph.Value{}, err
	}
	return floatResult(powFloats(x, y), a, b)
}

// powInts is a to the b-th by squaring, from b's highest bit down.
func powInts(m *Machine, a, b graph.Value) (graph.Value, error) {
	x, y := a.BigInt(), b.BigInt()
	if y.Sign() < 0 {
		return graph.Value{}, Fail("out of range", b)
	}
	if x.BitLen() <= 1 { // -1, 0, 1
		switch {
		case y.Sign() == 0:
			return graph.Int(1), nil
		case x.Sign() < 0 && y.Bit(0) == 0:
			return graph.Int(1), nil
		}
		return a, nil
	}
	n, ok := b.Int()
	least := int64(x.BitLen() - 1) // |x| >= 2^least
	if !ok || n > 4*graph.MaxDigits/least {
		return graph.Value{}, tooLong(a, b)
	}
	reserve(m, least*n/8)
	z := big.NewInt(1)
	for i := bits.Len64(uint64(n)) - 1; i >= 0; i-- {
		if graph.TooLongProduct(z, z) {
			return graph.Value{}, tooLong(a, b)
		}
		z = mulBig(m, z, z)
		if n>>i&1 == 1 {
			z = mulBig(m, z, x)
		}
	}
	return intResult(z, a, b)
}

func numGcd(m *Machine, args []graph.Value) (graph.Value, error) {
	a, b := args[0], args[1]
	for _, v := range args[:2] {
		if v.Kind() != graph.KindInt {
			return graph.Value{}, wrongKind(v, "int")
		}
	}
	if x, ok := a.Int(); ok {
		if y, ok := b.Int(); ok {
			p, q := magnitude(x), magnitude(y)
			for q != 0 {
				p, q = q, p%q
			}
			return graph.Uint(p), nil
		}
	}
	x, y := new(big.Int).Abs(a.BigInt()), new(big.Int).Abs(b.BigInt())
	cost := max(words(x), words(y)) * min(words(x), words(y)) / 16
	m.Charge(cost)
	z := new(big.Int)
	if cost > costly {
		m.apart(func() { z.GCD(nil, nil, x, y) })
	} else {
		z.GCD(nil, nil, x, y)
	}
	return intResult(z)
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func numSqrt(m *Machine, args []graph.Value) (graph.Value, error) {
	if !isNumber(args[0]) {
		return graph.Value{}, wrongKind(args[0], "number")
	}
	return floatResult(math.Sqrt(nearest(m, args[0])), args[0])
}

// rounding makes the primitive that takes a number to an int by way; an int stays as it is.
func rounding(way func(float64) float64) func(*Machine, []graph.Value) (graph.Value, error) {
	return func(m *Machine, args []graph.Value) (graph.Value, error) {
		switch args[0].Kind() {
		case graph.KindInt:
			return args[0], nil
		case graph.KindFloat:
			return wholeFloat(way(args[0].Float())), nil
		}
		return graph.Value{}, wrongKind(args[0], "number")
	}
}

// wholeFloat is the int equal to f, which is finite and has no fraction.
func wholeFloat(f float64) graph.Value {
	if -1<<63 <= f && f < 1<<63 {
		return graph.Int(int64(f))
	}
	x, _ := new(big.Float).SetFloat64(f).Int(nil)
	return graph.BigInt(x)
}

func numToFloat(m *Machine, args []graph.Value) (graph.Value, error) {
	if !isNumber(args[0]) {
		return graph.Value{}, wrongKind(args[0], "number")
	}
	return floatResult(nearest(m, args[0]), args[0])
}

func numParseInt(m *Machine, args []graph.Value) (graph.Value, error) {
	if args[0].Kind() != graph.KindText {
		return graph.Value{}, wrongKind(args[0], "text")
	}
	s := args[0].Text()
	m.Charge(int64(len(s)) / 256)
	digits := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits = s[1:]
	}
	if digits == "" || digitRun(digits) != len(digits) {
		return graph.None(), nil
	}
	if len(digits) <= 18 {
		i, _ := strconv.ParseInt(s, 10, 64)
		return graph.Some(graph.Int(i)), nil
	}
	digits = strings.TrimLeft(digits[:len(digits)-1], "0") + digits[len(digits)-1:]
	if len(digits) > graph.MaxDigits {
		return graph.Value{}, tooLong(args[0])
	}
	x := parseDigits(m, digits)
	if s[0] == '-' {
		x.Neg(x)
	}
	return graph.Some(graph.BigInt(x)), nil
}

// digitRun is how many decimal digits s begins with.
func digitRun(s string) int {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

// parseDigits reads decimal digits of any number, by halves, so that long ones take no longer than their products.
func parseDigits(m *Machine, s string) *big.Int {
	const leaf = 18 * 16
	powers := []*big.Int{} // powers[i] = 10^(leaf<<i)
	for n := leaf; n < len(s); n *= 2 {
		if len(powers) == 0 {
			powers = append(powers, new(big.Int).Exp(big.NewInt(10), big.NewInt(leaf), nil))
		} else {
			p := powers[len(powers)-1]
			powers = append(powers, mulBig(m, p, p))
		}
	}
	var parse func(s string, level int) *big.Int
	parse = func(s string, level int) *big.Int {
		if len(s) <= leaf {
			x, ok := new(big.Int).SetString(s, 10)
			if !ok {
				panic("BUG: parseDigits of what is no digits")
			}
			return x
		}
		for leaf<<level >= len(s) {
			level--
		}
		cut := len(s) - leaf<<level
		z := mulBig(m, parse(s[:cut], level), powers[level])
		return z.Add(z, parse(s[cut:], level))
	}
	return parse(s, len(powers))
}

func numParseFloat(m *Machine, args []graph.Value) (graph.Value, error) {
	if args[0].Kind() != graph.KindText {
		return graph.Value{}, wrongKind(args[0], "text")
	}
	s := args[0].Text()
	m.Charge(int64(len(s)) / 256)
	if len(s) < longBytes {
		return floatOf(s), nil
	}
	return m.long(len(s), func() graph.Value { return floatOf(s) }), nil
}

// floatOf is Some of the float that s denotes, else None.
func floatOf(s string) graph.Value {
	if !isDecimal(s) {
		return graph.None()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return graph.None()
	}
	return graph.Some(graph.Float(f))
}

// isDecimal says whether s is [+-] digits [. digits] [e [+-] digits], where digits may be missing on one side of the point.
func isDecimal(s string) bool {
	sign := func() {
		if s != "" && (s[0] == '-' || s[0] == '+') {
			s = s[1:]
		}
	}
	run := func() int {
		n := digitRun(s)
		s = s[n:]
		return n
	}
	sign()
	n := run()
	if s != "" && s[0] == '.' {
		s = s[1:]
		n += run()
	}
	if n == 0 {
		return false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		sign()
		if run() == 0 {
			return false
		}
	}
	return s == ""
}
