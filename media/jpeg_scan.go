// This file reads the scans of a JPEG image: Huffman codes and coefficients (T.81, annexes C, F and G).

package media

const jpegFastBits = 9

// A jpegCode decodes one Huffman code.
type jpegCode struct {
	fast   [1 << jpegFastBits]uint16 // value<<4 | length of the code word, by the next bits; 0 where the word is longer or there is none
	last   [17]int32                 // the last word of each length, -1 if there is none
	shift  [17]int32                 // what is added to a word of each length to get its place in values
	values [256]byte
}

func (j *jpegDecoder) huffman(data []byte) error {
	for len(data) > 0 {
		class, id := data[0]>>4, data[0]&15
		if class > 1 || id > 3 {
			return j.bad("no such Huffman table")
		}
		if len(data) < 17 {
			return j.bad("a Huffman table is too short")
		}
		c := &jpegCode{}
		word, total := int32(0), 0
		for n := 1; n <= 16; n++ {
			count := int(data[n])
			c.shift[n] = int32(total) - word
			c.last[n] = -1
			if total += count; total > 256 || word+int32(count) > 1<<n || len(data) < 17+total {
				return j.bad("no such Huffman table")
			}
			for i := range count {
				value := data[17+total-count+i]
				c.values[total-count+i] = value
				if n <= jpegFastBits {
					from := int(word) << (jpegFastBits - n)
					for k := range 1 << (jpegFastBits - n) {
						c.fast[from+k] = uint16(value)<<4 | uint16(n)
					}
				}
				c.last[n] = word
				word++
			}
			word <<= 1
		}
		j.codes[class][id] = c
		data = data[17+total:]
	}
	return nil
}

// fill reads bytes of the scan until there are 16 bits or a marker comes.
func (j *jpegDecoder) fill() {
	for j.n <= 24 && j.pos < len(j.in) {
		b := j.in[j.pos]
		if b == 0xff {
			if j.pos+1 >= len(j.in) || j.in[j.pos+1] != 0 {
				return
			}
			j.pos++
		}
		j.pos++
		j.acc = j.acc<<8 | uint32(b)
		j.n += 8
	}
}

var errScan = &Error{"jpeg", "image data is missing or malformed"}

// value decodes a value.
func (j *jpegDecoder) value(c *jpegCode) (byte, error) {
	if j.n < 16 {
		j.fill()
	}
	next := j.acc // 16 bits, zeros where there are no more
	if j.n >= 16 {
		next >>= j.n - 16
	} else {
		next <<= 16 - j.n
	}
	next &= 0xffff
	if e := c.fast[next>>(16-jpegFastBits)]; e != 0 {
		n := uint(e & 15)
		if n > j.n {
			return 0, errScan
		}
		j.n -= n
		return byte(e >> 4), nil
	}
	for n := uint(jpegFastBits + 1); n <= 16; n++ {
		if word := int32(next >> (16 - n)); word <= c.last[n] {
			if n > j.n {
				return 0, errScan
			}
			j.n -= n
			return c.values[word+c.shift[n]], nil
		}
	}
	return 0, errScan
}

// bits is the next k bits, k ≤ 16.
func (j *jpegDecoder) bits(k uint) (int32, error) {
	if j.n < k {
		if j.fill(); j.n < k {
			return 0, errScan
		}
	}
	j.n -= k
	return int32(j.acc >> j.n & (1<<k - 1)), nil
}

// signed is the next k bits as the number that they code among those of k bits.
func (j *jpegDecoder) signed(k uint) (int32, error) {
	v, err := j.bits(k)
	if k > 0 && v < 1<<(k-1) {
		v -= 1<<k - 1
	}
	return v, err
}

// A band is what a scan codes of a block: coefficients from first to last, without the low bits, and whether it adds to earlier scans.
type band struct {
	first, last int
	high, low   uint
}

// scan reads a scan.
func (j *jpegDecoder) scan(head []byte) error {
	if j.components == nil {
		return j.bad("a scan before the frame")
	}
	if len(head) < 1 || len(head) != 4+2*int(head[0]) || head[0] < 1 || int(head[0]) > len(j.components) {
		return j.bad("no such scan")
	}
	tail := head[len(head)-3:]
	b := band{int(tail[0]), int(tail[1]), uint(tail[2] >> 4), uint(tail[2] & 15)}
	if !j.progressive {
		b = band{0, 63, 0, 0}
	}
	n := int(head[0])
	if b.last > 63 || b.first > b.last || b.low > 13 || b.high != 0 && b.high != b.low+1 ||
		j.progressive && (b.first == 0 && b.last > 0 || b.first > 0 && n > 1) {
		return j.bad("no such scan")
	}
	var parts []*component
	size := 0
	for i := range n {
		var c *component
		for k := range j.components {
			if j.components[k].id == head[1+2*i] {
				c = &j.components[k]
			}
		}
		tables := head[2+2*i]
		if c == nil || tables>>4 > 3 || tables&15 > 3 {
			return j.bad("no such scan")
		}
		for _, other := range parts {
			if other == c {
				return j.bad("no such scan")
			}
		}
		parts = append(parts, c)
		size += c.h * c.v
		c.dcCode, c.acCode = j.codes[0][tables>>4], j.codes[1][tables&15]
		if b.first == 0 && b.high == 0 && c.dcCode == nil || b.last > 0 && c.acCode == nil {
			return j.bad("a Huffman table is missing")
		}
		if !c.begun {
			if !j.haveQuant[c.table] {
				return j.bad("a quantization table is missing")
			}
			for k, q := range j.quants[c.table] {
				c.quant[k] = int64(q)
			}
			c.begun = true
		}
	}
	if n > 1 && size > 10 {
		return j.bad("no such scan")
	}
	unitsX, unitsY := j.unitsX, j.unitsY
	if n == 1 {
		unitsX, unitsY = parts[0].wide, parts[0].high
		size = 1
	}
	j.m.Charge(int64(unitsX) * int64(unitsY) * int64(size) / 4)
	j.startInterval(parts)
	left := j.restart
	interval := 0
	for y := range unitsY {
		for x := range unitsX {
			if j.restart > 0 && left == 0 {
				mark, err := j.marker()
				if err != nil {
					return err
				}
				if mark != markRST0+byte(interval%8) {
					return j.bad("a restart marker is missing")
				}
				interval++
				left = j.restart
				j.startInterval(parts)
			}
			left--
			if err := j.unit(parts, b, x, y); err != nil {
				return err
			}
		}
		j.poll(64 * unitsX * size)
	}
	return j.skipToMarker()
}

func (j *jpegDecoder) startInterval(parts []*component) {
	j.acc, j.n, j.eobrun = 0, 0, 0
	for _, c := range parts {
		c.dc = 0
	}
}

// skipToMarker passes over what is left of a scan's data.
func (j *jpegDecoder) skipToMarker() error {
	for ; j.pos+1 < len(j.in); j.pos++ {
		if j.in[j.pos] == 0xff && j.in[j.pos+1] != 0 && (j.in[j.pos+1] < markRST0 || j.in[j.pos+1] > markRST7) {
			return nil
		}
	}
	return j.bad(truncated)
}

// unit reads the blocks of one unit: of one component a block, of several as many of each as its sampling factors say.
func (j *jpegDecoder) unit(parts []*component, b band, x, y int) error {
	if len(parts) == 1 {
		return j.block(parts[0], b, y*parts[0].padWide+x)
	}
	for _, c := range parts {
		for by := range c.v {
			for bx := range c.h {
				if err := j.block(c, b, (y*c.v+by)*c.padWide+x*c.h+bx); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (j *jpegDecoder) block(c *component, b band, i int) error {
	coefs := (*[64]int16)(c.coefs[64*i:])
	first := b.first
	if first == 0 {
		if b.high > 0 {
			bit, err := j.bits(1)
			if bit == 1 {
				coefs[0] |= 1 << b.low
			}
			return err
		}
		size, err := j.value(c.dcCode)
		if err != nil {
			return err
		}
		if size > 15 {
			return errScan
		}
		diff, err := j.signed(uint(size))
		if err != nil {
			return err
		}
		c.dc += diff
		coefs[0] = int16(c.dc << b.low)
		first = 1
	}
	if b.high > 0 {
		return j.refine(c.acCode, coefs, b)
	}
	if j.eobrun > 0 {
		j.eobrun--
		return nil
	}
	for k := first; k <= b.last; k++ {
		v, err := j.value(c.acCode)
		if err != nil {
			return err
		}
		run, size := int(v>>4), uint(v&15)
		if size == 0 {
			if run == 15 {
				k += 15
				continue
			}
			if run > 0 && !j.progressive {
				return errScan
			}
			more, err := j.bits(uint(run))
			j.eobrun = 1<<run + int(more) - 1
			return err
		}
		if k += run; k > b.last {
			return errScan
		}
		x, err := j.signed(size)
		if err != nil {
			return err
		}
		coefs[zigzag[k]] = int16(x << b.low)
	}
	return nil
}

// refine reads a bit more of each coefficient of a band that is not zero, and those that become one more than zero (G.1.2.3).
func (j *jpegDecoder) refine(code *jpegCode, coefs *[64]int16, b band) error {
	one := int16(1) << b.low
	k := b.first
	if j.eobrun == 0 {
	coded:
		for k <= b.last {
			v, err := j.value(code)
			if err != nil {
				return err
			}
			run, fresh := int(v>>4), int16(0)
			switch v & 15 {
			case 0:
				if run < 15 {
					more, err := j.bits(uint(run))
					if err != nil {
						return err
					}
					j.eobrun = 1<<run + int(more)
					break coded
				}
			case 1:
				bit, err := j.bits(1)
				if err != nil {
					return err
				}
				if fresh = one; bit == 0 {
					fresh = -one
				}
			default:
				return errScan
			}
			for ; k <= b.last; k++ {
				c := &coefs[zigzag[k]]
				if *c != 0 {
					if err := j.correct(c, one); err != nil {
						return err
					}
					continue
				}
				if run == 0 {
					*c = fresh
					k++
					break
				}
				run--
			}
		}
	}
	if j.eobrun > 0 {
		j.eobrun--
		for ; k <= b.last; k++ {
			if c := &coefs[zigzag[k]]; *c != 0 {
				if err := j.correct(c, one); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// correct reads one bit more of a coefficient.
func (j *jpegDecoder) correct(c *int16, one int16) error {
	bit, err := j.bits(1)
	if bit == 1 && *c&one == 0 {
		if *c > 0 {
			*c += one
		} else {
			*c -= one
		}
	}
	return err
}
