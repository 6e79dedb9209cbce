// This file tests the primitives of Math: kinds, edges and costs. float_math_test.go tests the functions themselves.

package eval

import (
	"math/big"
	"math/rand"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

func TestMath(t *testing.T) {
	huge := "1" + strings.Repeat("0", 400)
	newBench(t, 0).run([]primCase{
		{"math.exp", `0`, `1.0`},
		{"math.exp", `0.0`, `1.0`},
		{"math.exp", `1`, `2.718281828459045`},
		{"math.exp", `709.782712893384`, `1.7976931348622732e+308`},
		{"math.exp", `709.7827128933841`, `not a number: 709.7827128933841`},
		{"math.exp", `1000000`, `not a number: 1000000`},
		{"math.exp", `-745.1332191019411`, `5e-324`},
		{"math.exp", `-745.1332191019412`, `0.0`},
		{"math.exp", `-1e308`, `0.0`},
		{"math.exp", `"1"`, `wrong kind: {"got":"1","want":"number"}`},
		{"math.exp", huge, `not a number: ` + huge},
		{"math.exp", "-" + huge, `not a number: -` + huge},
		{"math.expm1", `0`, `0.0`},
		{"math.expm1", `-1e308`, `-1.0`},
		{"math.expm1", `710`, `not a number: 710`},
		{"math.expm1", `5e-324`, `5e-324`},
		{"math.log", `1`, `0.0`},
		{"math.log", `0`, `not a number: 0`},
		{"math.log", `0.0`, `not a number: 0.0`},
		{"math.log", `-1`, `not a number: -1`},
		{"math.log", `5e-324`, `-744.4400719213812`},
		{"math.log", `1.7976931348623157e308`, `709.782712893384`},
		{"math.log", huge, `not a number: ` + huge},
		{"math.log", `null`, `wrong kind: {"got":null,"want":"number"}`},
		{"math.log1p", `0`, `0.0`},
		{"math.log1p", `-1`, `not a number: -1`},
		{"math.log1p", `-1.5`, `not a number: -1.5`},
		{"math.log1p", `-0.9999999999999999`, `-36.7368005696771`},
		{"math.log2", `1024`, `10.0`},
		{"math.log2", `5e-324`, `-1074.0`},
		{"math.log2", `0`, `not a number: 0`},
		{"math.log10", `1000000000000000000000`, `21.0`},
		{"math.log10", `-5`, `not a number: -5`},
		{"math.sin", `0`, `0.0`},
		{"math.sin", `-0.0`, `0.0`},
		{"math.sin", `5e-324`, `5e-324`},
		{"math.sin", `3.141592653589793`, `1.2246467991473532e-16`},
		{"math.sin", `1.7976931348623157e308`, `0.004961954789184062`},
		{"math.sin", `-1.7976931348623157e308`, `-0.004961954789184062`},
		{"math.sin", `[]`, `wrong kind: {"got":[],"want":"number"}`},
		{"math.cos", `0`, `1.0`},
		{"math.cos", `1.5707963267948966`, `6.123233995736766e-17`},
		{"math.cos", `1.7976931348623157e308`, `-0.9999876894265599`},
		{"math.tan", `1.5707963267948966`, `16331239353195370.0`},
		{"math.tan", `0.0`, `0.0`},
		{"math.asin", `1`, `1.5707963267948966`},
		{"math.asin", `-1`, `-1.5707963267948966`},
		{"math.asin", `1.0000000000000002`, `not a number: 1.0000000000000002`},
		{"math.acos", `1`, `0.0`},
		{"math.acos", `0`, `1.5707963267948966`},
		{"math.acos", `-1`, `3.141592653589793`},
		{"math.acos", `-2`, `not a number: -2`},
		{"math.acos", `0.9999999999999999`, `1.4901161193847656e-8`},
		{"math.atan", `1`, `0.7853981633974483`},
		{"math.atan", `-1.7976931348623157e308`, `-1.5707963267948966`},
		{"math.atan", `5e-324`, `5e-324`},
		{"math.atan2", `0, 0`, `0.0`},
		{"math.atan2", `0, -1`, `3.141592653589793`},
		{"math.atan2", `-0.0, -1`, `3.141592653589793`},
		{"math.atan2", `-5e-324, -1`, `-3.141592653589793`},
		{"math.atan2", `1, 0`, `1.5707963267948966`},
		{"math.atan2", `-1, 0`, `-1.5707963267948966`},
		{"math.atan2", `5e-324, 1.7976931348623157e308`, `0.0`},
		{"math.atan2", `"a", null`, `wrong kind: {"got":"a","want":"number"}`},
		{"math.atan2", `1, null`, `wrong kind: {"got":null,"want":"number"}`},
		{"math.atan2", `1, ` + huge, `not a number: ` + huge},
		{"math.sinh", `0`, `0.0`},
		{"math.sinh", `-711`, `not a number: -711`},
		{"math.sinh", `710`, `1.1169973830808555e+308`},
		{"math.cosh", `-1`, `1.5430806348152437`},
		{"math.cosh", `1000`, `not a number: 1000`},
		{"math.tanh", `1000`, `1.0`},
		{"math.tanh", `-1000`, `-1.0`},
		{"math.tanh", `0`, `0.0`},
		{"math.asinh", `0`, `0.0`},
		{"math.asinh", `-1.7976931348623157e308`, `-710.475860073944`},
		{"math.acosh", `1`, `0.0`},
		{"math.acosh", `0.9999999999999999`, `not a number: 0.9999999999999999`},
		{"math.atanh", `0`, `0.0`},
		{"math.atanh", `1`, `not a number: 1`},
		{"math.atanh", `-2`, `not a number: -2`},
		{"math.cbrt", `0`, `0.0`},
		{"math.cbrt", `-27`, `-3.0`},
		{"math.cbrt", `5e-324`, `1.7031839360032603e-108`},
		{"math.hypot", `3, 4`, `5.0`},
		{"math.hypot", `0, -2`, `2.0`},
		{"math.hypot", `0.0, 0`, `0.0`},
		{"math.hypot", `1e308, 1.7e308`, `not a number: [1e+308,1.7e+308]`},
		{"math.hypot", `5e-324, 5e-324`, `5e-324`},
		{"math.isqrt", `0`, `0`},
		{"math.isqrt", `1`, `1`},
		{"math.isqrt", `4503599627370495`, `67108863`},
		{"math.isqrt", `9223372036854775807`, `3037000499`},
		{"math.isqrt", `-1`, `out of range: -1`},
		{"math.isqrt", `4.0`, `wrong kind: {"got":4.0,"want":"int"}`},
	})
}

func TestIsqrt(t *testing.T) {
	b := newBench(t, 0)
	r := rand.New(rand.NewSource(1))
	one := big.NewInt(1)
	for i := range 20000 {
		n := 70
		if i%10 == 0 {
			n = 2000
		}
		x := new(big.Int).Abs(randomInt(r, n))
		if i%3 == 0 {
			x.Mul(x, x)
			x.Add(x, big.NewInt(int64(r.Intn(3)-1)))
			if x.Sign() < 0 {
				continue
			}
		}
		got, err := b.call("math.isqrt", graph.BigInt(new(big.Int).Set(x)))
		if err != nil {
			t.Fatal(err)
		}
		y := got.BigInt()
		next := new(big.Int).Add(y, one)
		if y.Sign() < 0 || y.Mul(y, y).Cmp(x) > 0 || next.Mul(next, next).Cmp(x) <= 0 {
			t.Fatalf("isqrt of %v: got %s", x, b.show(got))
		}
	}
}

func TestCostOfMath(t *testing.T) {
	b := newBench(t, 0)
	for _, c := range []struct {
		name string
		args []graph.Value
		want uint64
	}{
		{"math.sin", []graph.Value{graph.Float(1)}, 16},
		{"math.hypot", []graph.Value{graph.Int(3), graph.Int(4)}, 16},
		{"math.isqrt", []graph.Value{graph.Int(1 << 40)}, 0},
	} {
		if got := b.steps(func() { b.call(c.name, c.args...) }); got != c.want {
			t.Errorf("%s: got %d steps, want %d", c.name, got, c.want)
		}
	}
}
