// This file tests the primitives of numbers.

package eval

import (
	"math"
	"math/big"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

func TestNumbers(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"num.add", `1, 2`, `3`},
		{"num.add", `9223372036854775807, 1`, `9223372036854775808`},
		{"num.add", `-9223372036854775808, -1`, `-9223372036854775809`},
		{"num.add", `9223372036854775808, -1`, `9223372036854775807`},
		{"num.add", `1, 0.5`, `1.5`},
		{"num.add", `0.1, 0.2`, `0.30000000000000004`},
		{"num.add", `9007199254740993, 0.0`, `9007199254740992.0`},
		{"num.add", `9007199254740995, 0.0`, `9007199254740996.0`},
		{"num.add", `1e308, 1e308`, `not a number: [1e+308,1e+308]`},
		{"num.add", `"a", 1`, `wrong kind: {"got":"a","want":"number"}`},
		{"num.add", `1, null`, `wrong kind: {"got":null,"want":"number"}`},
		{"num.add", `[], null`, `wrong kind: {"got":[],"want":"number"}`},
		{"num.sub", `-9223372036854775808, 1`, `-9223372036854775809`},
		{"num.sub", `0, -9223372036854775808`, `9223372036854775808`},
		{"num.sub", `1.5, 1.5`, `0.0`},
		{"num.mul", `4294967296, 4294967296`, `18446744073709551616`},
		{"num.mul", `-9223372036854775808, -1`, `9223372036854775808`},
		{"num.mul", `-9223372036854775808, 1`, `-9223372036854775808`},
		{"num.mul", `3037000500, 3037000500`, `9223372037000250000`},
		{"num.mul", `3037000499, 3037000499`, `9223372030926249001`},
		{"num.mul", `0, -1.5`, `0.0`},
		{"num.mul", `100000000000000000000, 0`, `0`},
		{"num.div", `6, 3`, `2.0`},
		{"num.div", `1, 3`, `0.3333333333333333`},
		{"num.div", `-1, 3`, `-0.3333333333333333`},
		{"num.div", `0, -3`, `0.0`},
		{"num.div", `1, 0`, `divide by zero: 1`},
		{"num.div", `0, 0.0`, `divide by zero: 0`},
		{"num.div", `1.5, 0`, `divide by zero: 1.5`},
		{"num.div", `null, 0`, `wrong kind: {"got":null,"want":"number"}`},
		{"num.div", `9007199254740993, 1`, `9007199254740992.0`},
		// both operands rounded before the division would give 1.0
		{"num.div", `9007199254740993, 9007199254740992`, `1.0`},
		{"num.div", `27021597764222977, 3`, `9007199254740992.0`},
		{"num.div", `1, 1` + strings.Repeat("0", 400), `0.0`},
		{"num.div", `1` + strings.Repeat("0", 400) + `, 1` + strings.Repeat("0", 399), `10.0`},
		{"num.intdiv", `7, 2`, `3`},
		{"num.intdiv", `-7, 2`, `-4`},
		{"num.intdiv", `7, -2`, `-4`},
		{"num.intdiv", `-7, -2`, `3`},
		{"num.intdiv", `-9223372036854775808, -1`, `9223372036854775808`},
		{"num.intdiv", `-100000000000000000001, 10`, `-10000000000000000001`},
		{"num.intdiv", `1, 0`, `divide by zero: 1`},
		{"num.intdiv", `7.5, 2`, `3.0`},
		{"num.intdiv", `-7.5, 2`, `-4.0`},
		{"num.intdiv", `1e308, 1e-10`, `not a number: [1e+308,1e-10]`},
		{"num.mod", `7, 2`, `1`},
		{"num.mod", `-7, 2`, `1`},
		{"num.mod", `7, -2`, `-1`},
		{"num.mod", `-7, -2`, `-1`},
		{"num.mod", `-9223372036854775808, -1`, `0`},
		{"num.mod", `-100000000000000000001, 10`, `9`},
		{"num.mod", `-7.5, 2`, `0.5`},
		{"num.mod", `7.5, -2`, `-0.5`},
		{"num.mod", `-4.0, 2`, `0.0`},
		{"num.mod", `1.0, 0.0`, `divide by zero: 1.0`},
		{"num.neg", `-9223372036854775808`, `9223372036854775808`},
		{"num.neg", `9223372036854775808`, `-9223372036854775808`},
		{"num.neg", `0.0`, `0.0`},
		{"num.neg", `"x"`, `wrong kind: {"got":"x","want":"number"}`},
		{"num.abs", `-5`, `5`},
		{"num.abs", `-9223372036854775808`, `9223372036854775808`},
		{"num.abs", `-100000000000000000000`, `100000000000000000000`},
		{"num.abs", `-2.5`, `2.5`},
		{"num.min", `1, 2`, `1`},
		{"num.min", `1, 1.0`, `1`},
		{"num.max", `1.0, 1`, `1.0`},
		{"num.max", `"a", "b"`, `"b"`},
		{"num.max", `1, "b"`, `cannot compare: [1,"b"]`},
		{"num.pow", `2, 10`, `1024`},
		{"num.pow", `-3, 3`, `-27`},
		{"num.pow", `2, 64`, `18446744073709551616`},
		{"num.pow", `0, 0`, `1`},
		{"num.pow", `0, 5`, `0`},
		{"num.pow", `-1, 1000000000000000000001`, `-1`},
		{"num.pow", `-1, 1000000000000000000000`, `1`},
		{"num.pow", `1, 1000000000000000000000`, `1`},
		{"num.pow", `2, -1`, `out of range: -1`},
		{"num.pow", `2.0, -1`, `0.5`},
		{"num.pow", `2, 0.5`, `1.4142135623730951`},
		{"num.pow", `10.0, 22`, `1e+22`},
		{"num.pow", `-8.0, 3`, `-512.0`},
		{"num.pow", `-8.0, 0.5`, `not a number: [-8.0,0.5]`},
		{"num.pow", `0.0, -1`, `not a number: [0.0,-1]`},
		{"num.pow", `10.0, 309`, `not a number: [10.0,309]`},
		{"num.pow", `10.0, -400`, `0.0`},
		{"num.pow", `2.0, -1074`, `5e-324`},
		{"num.gcd", `12, -18`, `6`},
		{"num.gcd", `0, 0`, `0`},
		{"num.gcd", `-9223372036854775808, 0`, `9223372036854775808`},
		{"num.gcd", `100000000000000000000, 60`, `20`},
		{"num.gcd", `1, 1.0`, `wrong kind: {"got":1.0,"want":"int"}`},
		{"num.sqrt", `2`, `1.4142135623730951`},
		{"num.sqrt", `-1`, `not a number: -1`},
		{"num.floor", `-1.5`, `-2`},
		{"num.floor", `7`, `7`},
		{"num.ceil", `-1.5`, `-1`},
		{"num.round", `2.5`, `2`},
		{"num.round", `3.5`, `4`},
		{"num.round", `-0.5`, `0`},
		{"num.truncate", `-1.9`, `-1`},
		{"num.truncate", `1e20`, `100000000000000000000`},
		{"num.floor", `9223372036854775808.0`, `9223372036854775808`},
		{"num.floor", `-9223372036854775808.0`, `-9223372036854775808`},
		{"num.floor", `"1"`, `wrong kind: {"got":"1","want":"number"}`},
		{"num.toFloat", `9007199254740993`, `9007199254740992.0`},
		{"num.toFloat", `1` + strings.Repeat("0", 308), `1e+308`},
		{"num.parseInt", `"42"`, `{"Some":42}`},
		{"num.parseInt", `"-007"`, `{"Some":-7}`},
		{"num.parseInt", `"+9223372036854775808"`, `{"Some":9223372036854775808}`},
		{"num.parseInt", `"-123456789012345678901234567890"`, `{"Some":-123456789012345678901234567890}`},
		{"num.parseInt", `""`, `{"None":null}`},
		{"num.parseInt", `"-"`, `{"None":null}`},
		{"num.parseInt", `" 1"`, `{"None":null}`},
		{"num.parseInt", `"1_000"`, `{"None":null}`},
		{"num.parseInt", `"0x10"`, `{"None":null}`},
		{"num.parseInt", `"1.0"`, `{"None":null}`},
		{"num.parseInt", `"٣"`, `{"None":null}`},
		{"num.parseInt", `1`, `wrong kind: {"got":1,"want":"text"}`},
		{"num.parseFloat", `"-1.5e3"`, `{"Some":-1500.0}`},
		{"num.parseFloat", `"2"`, `{"Some":2.0}`},
		{"num.parseFloat", `".5"`, `{"Some":0.5}`},
		{"num.parseFloat", `"5."`, `{"Some":5.0}`},
		{"num.parseFloat", `"."`, `{"None":null}`},
		{"num.parseFloat", `"1e"`, `{"None":null}`},
		{"num.parseFloat", `"1e400"`, `{"None":null}`},
		{"num.parseFloat", `"1e-400"`, `{"Some":0.0}`},
		{"num.parseFloat", `"-0"`, `{"Some":0.0}`},
		{"num.parseFloat", `"NaN"`, `{"None":null}`},
		{"num.parseFloat", `"Inf"`, `{"None":null}`},
		{"num.parseFloat", `"0x1p3"`, `{"None":null}`},
		{"num.parseFloat", `"1_0.0"`, `{"None":null}`},
	})
}

func TestIntTooLargeForFloat(t *testing.T) {
	b := newBench(t, 0)
	huge := graph.BigInt(new(big.Int).Lsh(big.NewInt(1), 1024))
	for _, name := range []string{"num.add", "num.sub", "num.mul", "num.div", "num.intdiv", "num.mod", "num.pow"} {
		for _, args := range [][]graph.Value{{huge, graph.Float(2)}, {graph.Float(2), huge}} {
			got := b.outcome(b.call(name, args...))
			if want := "not a number: " + b.show(huge); got != want {
				t.Errorf("%s: got %s, want %s", name, short(got), short(want))
			}
		}
	}
	// the greatest int that still rounds down to the greatest float
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1024), new(big.Int).Lsh(big.NewInt(1), 970))
	most.Sub(most, big.NewInt(1))
	got := b.outcome(b.call("num.toFloat", graph.BigInt(most)))
	if want := "1.7976931348623157e+308"; got != want {
		t.Errorf("got %s, want %s", short(got), want)
	}
}

// randomInt is an int of up to n bits, often near a power of two.
func randomInt(r *rand.Rand, n int) *big.Int {
	x := new(big.Int).Rand(r, new(big.Int).Lsh(big.NewInt(1), uint(r.Intn(n)+1)))
	if r.Intn(3) == 0 {
		x = new(big.Int).Lsh(big.NewInt(1), uint(r.Intn(n)))
		x.Add(x, big.NewInt(int64(r.Intn(3)-1)))
	}
	if r.Intn(2) == 0 {
		x.Neg(x)
	}
	return x
}

func TestIntsAgainstBig(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewSource(1))
	for i := range 20000 {
		x, y := randomInt(r, 140), randomInt(r, 140)
		if i%20 == 0 {
			x, y = randomInt(r, 3000), randomInt(r, 3000)
		}
		vx, vy := graph.BigInt(new(big.Int).Set(x)), graph.BigInt(new(big.Int).Set(y))
		check := func(name string, want *big.Int) {
			t.Helper()
			got, err := b.call(name, vx, vy)
			if err != nil || got.Kind() != graph.KindInt || got.BigInt().Cmp(want) != 0 {
				t.Fatalf("%s %v %v: got %s, want %v", name, x, y, b.outcome(got, err), want)
			}
			if _, small := got.Int(); small != want.IsInt64() {
				t.Fatalf("%s %v %v: not in normal form", name, x, y)
			}
		}
		check("num.add", new(big.Int).Add(x, y))
		check("num.sub", new(big.Int).Sub(x, y))
		check("num.mul", new(big.Int).Mul(x, y))
		check("num.gcd", new(big.Int).GCD(nil, nil, new(big.Int).Abs(x), new(big.Int).Abs(y)))
		if y.Sign() == 0 {
			continue
		}
		q, m := new(big.Int).DivMod(x, y, new(big.Int)) // Euclid's: 0 <= m
		if y.Sign() < 0 && m.Sign() != 0 {
			q.Sub(q, big.NewInt(1))
			m.Add(m, y)
		}
		check("num.intdiv", q)
		check("num.mod", m)
		f, _ := new(big.Rat).SetFrac(x, y).Float64()
		got, err := b.call("num.div", vx, vy)
		switch {
		case math.IsInf(f, 0):
			if err == nil {
				t.Fatalf("%v / %v: got %s, want an error", x, y, b.show(got))
			}
		case err != nil || got.Float() != f:
			t.Fatalf("%v / %v: got %s, want %v", x, y, b.outcome(got, err), f)
		}
	}
}

func TestQuotientOfSubnormals(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewSource(2))
	for range 2000 {
		x := randomInt(r, 80)
		y := new(big.Int).Lsh(big.NewInt(r.Int63()|1), uint(1000+r.Intn(130)))
		f, _ := new(big.Rat).SetFrac(x, y).Float64()
		got, err := b.call("num.div", graph.BigInt(new(big.Int).Set(x)), graph.BigInt(y))
		if err != nil || got.Float() != f+0 {
			t.Fatalf("%v / %v: got %s, want %v", x, y, b.outcome(got, err), f)
		}
	}
}

func TestLargeInts(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewSource(3))
	for _, n := range [][2]int{{bigLeaf * 64 * 3, bigLeaf * 64 * 3}, {bigLeaf * 64 * 9, bigLeaf * 64}, {bigLeaf * 64 * 5, 700}} {
		x := new(big.Int).Rand(r, new(big.Int).Lsh(big.NewInt(1), uint(n[0])))
		y := new(big.Int).Rand(r, new(big.Int).Lsh(big.NewInt(1), uint(n[1])))
		y.Neg(y)
		for range 2 {
			if got := mulBig(b.m, x, y); got.Cmp(new(big.Int).Mul(x, y)) != 0 {
				t.Errorf("a product of %v bits is wrong", n)
			}
			x, y = y, x
		}
	}
	digits := make([]byte, 300000)
	for i := range digits {
		digits[i] = byte('0' + r.Intn(10))
	}
	digits[0] = '9'
	v, err := b.call("num.parseInt", graph.Text(string(digits)))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := v.Map().Get("Some")
	if x.BigInt().String() != string(digits) {
		t.Error("300000 digits were not read as they are")
	}
	for _, n := range []int{18, 19, 287, 288, 289, 575, 576, 577, 2000} {
		if got := parseDigits(b.m, string(digits[:n])).String(); got != string(digits[:n]) {
			t.Errorf("%d digits: got %s", n, short(got))
		}
	}
}

func TestTooManyDigits(t *testing.T) {
	b := newBench(t, 1<<30)
	for _, args := range []string{`10, 4000000`, `10, 1000000000000`, `2, 100000000000000000000000`, `-7, 9223372036854775807`, `2, 13287713`} {
		start := time.Now()
		v := b.value("[" + args + "]")
		_, err := b.call("num.pow", v.List().At(0), v.List().At(1))
		if e, ok := err.(*Error); !ok || e.Kind != "out of range" || b.show(e.Value) != b.show(v) {
			t.Errorf("pow %s: got %v, want it out of range", args, err)
		}
		if time.Since(start) > time.Minute {
			t.Errorf("pow %s took %v", args, time.Since(start))
		}
	}
	most := strings.Repeat("9", graph.MaxDigits)
	x, err := b.call("num.parseInt", graph.Text("-000"+most))
	if err != nil {
		t.Fatal(err)
	}
	x, _ = x.Map().Get("Some")
	if _, err := b.call("num.add", x, graph.Int(1)); err != nil {
		t.Error(err)
	}
	if y, err := b.call("num.neg", x); err != nil || y.BigInt().Sign() < 0 {
		t.Error(err)
	}
	for name, args := range map[string][]graph.Value{
		"num.sub": {x, graph.Int(1)}, "num.add": {graph.Int(-1), x}, "num.mul": {x, x}, "list.sum": {graph.NewList(x, graph.Int(-1))},
		"num.parseInt": {graph.Text(most + "0")},
	} {
		_, err := b.call(name, args...)
		if e, ok := err.(*Error); !ok || e.Kind != "out of range" {
			t.Errorf("%s: got %v, want it out of range", name, err)
		}
	}
}

// exactPow is x to the y-th by squaring and roots in 300 bits: y = n + k/2^52.
func exactPow(x, y float64) float64 {
	const precision = 300
	z := new(big.Float).SetPrec(precision).SetInt64(1)
	base := new(big.Float).SetPrec(precision).SetFloat64(x)
	whole, fraction := math.Modf(math.Abs(y))
	for n, p := uint64(whole), new(big.Float).Copy(base); n > 0; n >>= 1 {
		if n&1 == 1 {
			z.Mul(z, p)
		}
		p.Mul(p, p)
	}
	root := new(big.Float).Copy(base)
	for fraction != 0 {
		root.Sqrt(root)
		if fraction *= 2; fraction >= 1 {
			z.Mul(z, root)
			fraction--
		}
	}
	if y < 0 {
		z.Quo(new(big.Float).SetPrec(precision).SetInt64(1), z)
	}
	f, _ := z.Float64()
	return f
}

func TestPowOfFloats(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	wrong := 0
	const n = 4000
	for i := range n {
		x, y := math.Exp2(r.Float64()*4-2), r.Float64()*200-100
		switch i % 4 {
		case 1:
			x = 1 + (r.Float64()-0.5)*1e-3
			y = (r.Float64() - 0.5) * 1e5
		case 2:
			x, y = float64(r.Intn(50)+1), float64(r.Intn(60))-30
		case 3:
			x, y = math.Exp2(r.Float64()*1000-500), r.Float64()*2-1
			if r.Intn(2) == 0 {
				x, y = math.Exp2(r.Float64()*14-7), float64(r.Intn(127)-63)
			}
		}
		got, want := powFloats(x, y), exactPow(x, y)
		if got == want {
			continue
		}
		if wrong++; got != math.Nextafter(want, got) {
			t.Errorf("%v to the %v: got %v, want %v", x, y, got, want)
		}
	}
	if wrong > 2 {
		t.Errorf("%d of %d powers are not correctly rounded", wrong, n)
	}
	for _, c := range [][3]float64{
		{2, 0.5, math.Sqrt2}, {-2, 3, -8}, {-2, -3, -0.125}, {-1, 1 << 60, 1}, {5e-324, 0.5, 2.2227587494850775e-162}, {math.MaxFloat64, 1, math.MaxFloat64},
		{math.MaxFloat64, -1, 5.562684646268003e-309}, {0.5, 1074, 5e-324}, {0.5, 1080, 0}, {2, 1e308, math.Inf(1)}, {1 + 1e-15, 1e308, math.Inf(1)},
		{0.9999999999999999, 1e300, 0}, {3, 1e-300, 1}, {-3, 5e-324, math.NaN()},
	} {
		if got := powFloats(c[0], c[1]); got != c[2] && !(math.IsNaN(got) && math.IsNaN(c[2])) {
			t.Errorf("%v to the %v: got %v, want %v", c[0], c[1], got, c[2])
		}
	}
}

func TestCostOfInts(t *testing.T) {
	b := newBench(t, 0)
	big1 := new(big.Int).Lsh(big.NewInt(1), 64*1000-1)
	v := graph.BigInt(big1)
	for _, c := range []struct {
		name string
		want uint64
	}{{"num.add", 31}, {"num.mul", uint64(karatsuba(1000)) / 16}, {"num.div", 125}, {"num.gcd", 62500}} {
		got := b.steps(func() {
			if _, err := b.call(c.name, v, v); err != nil {
				t.Fatal(err)
			}
		})
		if got != c.want {
			t.Errorf("%s of 1000 words: got %d steps, want %d", c.name, got, c.want)
		}
	}
	if got := b.steps(func() { b.call("num.add", graph.Int(1), graph.Int(2)) }); got != 0 {
		t.Errorf("1 + 2: got %d steps, want 0", got)
	}
}

func BenchmarkPowOfFloats(b *testing.B) {
	x := 1.5
	for b.Loop() {
		if x = powFloats(x, 1.0000001); x > 2 {
			x = 1.5
		}
	}
}
