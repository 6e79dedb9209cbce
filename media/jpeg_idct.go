// This file makes samples of coefficients.
//
// With K(0) = 2896 and K(u) = 4096·cos(uπ/16) rounded, the columns are transformed first and then the rows:
//
//	t(x, v) = ⌊(Σu F(u, v)·K(u, x) + 2^9) / 2^10⌋      s(x, y) = ⌊(Σv t(x, v)·K(v, y) + 2^15) / 2^16⌋ + 128, from 0 to 255
//
// where F is a coefficient times its quantizer, K(0, x) = K(0) and K(u, x) = ±K(w), the like of cos((2x+1)uπ/16). Sums are exact.

package media

// cosines are K(u, x) for x below 4; K(u, 7-x) is the same with the sign of an odd u turned.
var cosines = [8][4]int64{
	{2896, 2896, 2896, 2896},
	{4017, 3406, 2276, 799},
	{3784, 1567, -1567, -3784},
	{3406, -799, -4017, -2276},
	{2896, -2896, -2896, 2896},
	{2276, -4017, 799, 3406},
	{1567, -3784, 3784, -1567},
	{799, -2276, 3406, -4017},
}

// inverseDCT writes the 8 times 8 samples of a block; rows are stride apart.
func inverseDCT(coefs *[64]int16, quant *[64]int64, out []byte, stride int) {
	var t [64]int64
	for v := range 8 {
		var even, odd [4]int64
		for u := range 8 {
			f := int64(coefs[8*u+v]) * quant[8*u+v]
			if f == 0 {
				continue
			}
			k := &cosines[u]
			half := &even
			if u&1 == 1 {
				half = &odd
			}
			half[0] += f * k[0]
			half[1] += f * k[1]
			half[2] += f * k[2]
			half[3] += f * k[3]
		}
		for x := range 4 {
			t[8*x+v] = (even[x] + odd[x] + 1<<9) >> 10
			t[8*(7-x)+v] = (even[x] - odd[x] + 1<<9) >> 10
		}
	}
	for y := range 8 {
		in := (*[8]int64)(t[8*y:])
		row := out[stride*y:][:8]
		if in[1]|in[2]|in[3]|in[4]|in[5]|in[6]|in[7] == 0 {
			s := sample(in[0] * 2896)
			for x := range row {
				row[x] = s
			}
			continue
		}
		for x := range 4 {
			even := in[0]*cosines[0][x] + in[2]*cosines[2][x] + in[4]*cosines[4][x] + in[6]*cosines[6][x]
			odd := in[1]*cosines[1][x] + in[3]*cosines[3][x] + in[5]*cosines[5][x] + in[7]*cosines[7][x]
			row[x], row[7-x] = sample(even+odd), sample(even-odd)
		}
	}
}

func sample(sum int64) byte { return byte(max(0, min((sum+1<<15)>>16+128, 255))) }
