// This file decodes JPEG images (ITU-T T.81): sequential and progressive ones, of 8 bits a sample, with Huffman codes. What it does with the
// samples is exact: jpeg_idct.go says how coefficients become samples, and emit how those become colours.

package media

import "encoding/binary"

// Markers.
const (
	markSOF0  = 0xc0 // sequential
	markSOF1  = 0xc1
	markSOF2  = 0xc2 // progressive
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markSOF15 = 0xcf
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markDQT   = 0xdb
	markDNL   = 0xdc
	markDRI   = 0xdd
	markAPP0  = 0xe0
	markAPP14 = 0xee
)

// A component is one of the planes of an image.
type component struct {
	id             byte
	h, v           int // sampling factors
	table          byte
	quant          [64]int64
	begun          bool // a scan has had it, so that quant is set
	wide, high     int  // blocks that it has
	padWide        int  // blocks of a row, and of a column, that are whole in the units that all components share
	padHigh        int
	coefs          []int16 // 64 a block, in rows
	dc             int32   // of the block before
	dcCode, acCode *jpegCode
	plane          []byte // samples of a row of units
	columns        []int32
}

type jpegDecoder struct {
	in       []byte
	pos      int
	m        Meter
	to       *scaler
	sizeOnly bool

	width, height  int
	progressive    bool
	components     []component
	maxH, maxV     int
	unitsX, unitsY int // of all components together
	quants         [4][64]uint16
	haveQuant      [4]bool
	codes          [2][4]*jpegCode // DC and AC
	restart        int
	jfif           bool
	adobe          int // the transform, or -1

	acc    uint32 // bits of a scan, the next highest of the n lowest
	n      uint
	eobrun int
	polled int
}

func (j *jpegDecoder) bad(reason string) error { return &Error{"jpeg", reason} }

// segments reads the file. What follows its end is not looked at.
func (j *jpegDecoder) segments() error {
	j.adobe = -1
	if len(j.in) < 2 || j.in[0] != 0xff || j.in[1] != markSOI {
		return &Error{"image", "neither PNG nor JPEG"}
	}
	j.pos = 2
	passed := tally{charge: j.m.Charge, per: 16}
	for {
		mark, err := j.marker()
		if err != nil {
			return err
		}
		if j.sizeOnly {
			passed.add(1)
		}
		if mark == markEOI {
			return j.finish()
		}
		if mark == 1 || markRST0 <= mark && mark <= markSOI {
			return j.bad("a marker is misplaced")
		}
		data, err := j.segment()
		if err != nil {
			return err
		}
		switch {
		case mark == markSOF0, mark == markSOF1, mark == markSOF2:
			j.progressive = mark == markSOF2
			err = j.frame(data)
			if err == nil && j.sizeOnly {
				return nil
			}
		case mark == markDHT:
			err = j.huffman(data)
		case markSOF0 < mark && mark <= markSOF15:
			if mark == markJPG || mark == markDAC {
				return j.bad("unsupported: arithmetic coding")
			}
			return j.bad("unsupported: lossless, hierarchical or arithmetic coding")
		case mark == markDQT:
			err = j.quantization(data)
		case mark == markDRI:
			if len(data) != 2 {
				return j.bad("no such restart interval")
			}
			j.restart = int(binary.BigEndian.Uint16(data))
		case mark == markDNL:
			return j.bad("unsupported: a height that comes later")
		case mark == markSOS:
			err = j.scan(data)
		case mark == markAPP0:
			j.jfif = j.jfif || len(data) >= 5 && string(data[:5]) == "JFIF\x00"
		case mark == markAPP14:
			if len(data) >= 12 && string(data[:5]) == "Adobe" {
				j.adobe = int(data[11])
			}
		}
		if err != nil {
			return err
		}
	}
}

// marker reads up to the next marker.
func (j *jpegDecoder) marker() (byte, error) {
	if j.pos < len(j.in) && j.in[j.pos] != 0xff {
		return 0, j.bad("no marker where one must be")
	}
	for j.pos < len(j.in) && j.in[j.pos] == 0xff {
		j.pos++
	}
	if j.pos >= len(j.in) {
		return 0, j.bad(truncated)
	}
	mark := j.in[j.pos]
	j.pos++
	if mark == 0 {
		return 0, j.bad("no marker where one must be")
	}
	return mark, nil
}

// segment reads what a marker's length says.
func (j *jpegDecoder) segment() ([]byte, error) {
	rest := j.in[j.pos:]
	if len(rest) < 2 {
		return nil, j.bad(truncated)
	}
	size := int(binary.BigEndian.Uint16(rest))
	if size < 2 {
		return nil, j.bad("a segment is too short")
	}
	if size > len(rest) {
		return nil, j.bad(truncated)
	}
	j.pos += size
	return rest[2:size], nil
}

// frame reads the header of the image.
func (j *jpegDecoder) frame(data []byte) error {
	if j.components != nil {
		return j.bad("a second image")
	}
	if len(data) < 6 || len(data) != 6+3*int(data[5]) {
		return j.bad("no such frame")
	}
	if data[0] != 8 {
		return j.bad("unsupported: other than 8 bits a sample")
	}
	j.height, j.width = int(binary.BigEndian.Uint16(data[1:])), int(binary.BigEndian.Uint16(data[3:]))
	if j.height == 0 && j.width > 0 {
		return j.bad("unsupported: a height that comes later")
	}
	if j.width == 0 {
		return j.bad("no such size")
	}
	if int64(j.width)*int64(j.height) > MaxPixels {
		return j.bad("too many pixels")
	}
	n := int(data[5])
	if n != 1 && n != 3 && n != 4 {
		return j.bad("unsupported: other than 1, 3 or 4 components")
	}
	j.components = make([]component, n)
	for i := range j.components {
		c := &j.components[i]
		spec := data[6+3*i:]
		c.id, c.h, c.v, c.table = spec[0], int(spec[1]>>4), int(spec[1]&15), spec[2]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return j.bad("no such component")
		}
		for _, other := range j.components[:i] {
			if other.id == c.id {
				return j.bad("two components of one name")
			}
		}
		j.maxH, j.maxV = max(j.maxH, c.h), max(j.maxV, c.v)
	}
	if j.sizeOnly {
		return nil
	}
	if err := j.to.open(j.width, j.height, 255); err != nil {
		return err
	}
	j.unitsX, j.unitsY = (j.width+8*j.maxH-1)/(8*j.maxH), (j.height+8*j.maxV-1)/(8*j.maxV)
	blocks := int64(0)
	for i := range j.components {
		c := &j.components[i]
		c.wide, c.high = (j.width*c.h+8*j.maxH-1)/(8*j.maxH), (j.height*c.v+8*j.maxV-1)/(8*j.maxV)
		c.padWide, c.padHigh = j.unitsX*c.h, j.unitsY*c.v
		blocks += int64(c.padWide) * int64(c.padHigh)
	}
	j.m.Reserve(128 * blocks)
	for i := range j.components {
		c := &j.components[i]
		c.coefs = make([]int16, 64*c.padWide*c.padHigh)
	}
	return nil
}

// zigzag is where the coefficients stand in a block, in the order in which they are coded.
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

func (j *jpegDecoder) quantization(data []byte) error {
	for len(data) > 0 {
		precision, id := data[0]>>4, data[0]&15
		if precision > 1 || id > 3 {
			return j.bad("no such quantization table")
		}
		size := 64 * (1 + int(precision))
		if len(data) < 1+size {
			return j.bad("a quantization table is too short")
		}
		for i := range 64 {
			if precision == 0 {
				j.quants[id][zigzag[i]] = uint16(data[1+i])
			} else {
				j.quants[id][zigzag[i]] = binary.BigEndian.Uint16(data[1+2*i:])
			}
		}
		j.haveQuant[id] = true
		data = data[1+size:]
	}
	return nil
}

// finish makes samples of the coefficients and passes on the rows.
func (j *jpegDecoder) finish() error {
	if j.components == nil {
		return j.bad("no image")
	}
	for i := range j.components {
		c := &j.components[i]
		if !c.begun {
			return j.bad("a component is missing")
		}
		j.m.Reserve(int64(64*c.padWide*c.v) + 4*int64(j.width))
		c.plane = make([]byte, 64*c.padWide*c.v)
		c.columns = make([]int32, j.width)
		for x := range c.columns {
			c.columns[x] = int32(x * c.h / j.maxH)
		}
	}
	row := make([]uint16, 4*j.width)
	for unit := range j.unitsY {
		for i := range j.components {
			c := &j.components[i]
			for by := range c.v {
				for bx := range c.padWide {
					at := 64 * ((unit*c.v+by)*c.padWide + bx)
					inverseDCT((*[64]int16)(c.coefs[at:]), &c.quant, c.plane[8*(8*by*c.padWide+bx):], 8*c.padWide)
				}
			}
		}
		for y := range min(8*j.maxV, j.height-unit*8*j.maxV) {
			j.emit(row, y)
			j.to.row(row)
			j.poll(j.width)
		}
	}
	return nil
}

func (j *jpegDecoder) poll(work int) {
	if j.polled += work; j.polled > 1<<16 {
		j.polled = 0
		j.m.Poll()
	}
}

// emit makes RGBA of row y of the unit in hand. A component with fewer samples than the image has pixels has each sample stand for all pixels that
// it covers. One component is grey; three are Y, Cb and Cr, or R, G and B if an Adobe segment says so, or if they are named that and there is no
// JFIF or Adobe segment; four are C, M, Y and K, of which the first three may be coded as Y, Cb and Cr, with 255 for no ink if there is an Adobe segment.
func (j *jpegDecoder) emit(row []uint16, y int) {
	var lines [4][]byte
	var columns [4][]int32
	for i := range j.components {
		c := &j.components[i]
		lines[i] = c.plane[8*c.padWide*(y*c.v/j.maxV):][:8*c.padWide]
		columns[i] = c.columns
	}
	switch len(j.components) {
	case 1:
		for x := range j.width {
			v := uint16(lines[0][columns[0][x]])
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = v, v, v, 255
		}
		return
	case 3:
		rgb := j.adobe == 0 || j.adobe < 0 && !j.jfif && j.components[0].id == 'R' && j.components[1].id == 'G' && j.components[2].id == 'B'
		for x := range j.width {
			a, b, c := lines[0][columns[0][x]], lines[1][columns[1][x]], lines[2][columns[2][x]]
			if !rgb {
				a, b, c = fromYCbCr(a, b, c)
			}
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = uint16(a), uint16(b), uint16(c), 255
		}
		return
	}
	for x := range j.width {
		a, b, c, k := lines[0][columns[0][x]], lines[1][columns[1][x]], lines[2][columns[2][x]], lines[3][columns[3][x]]
		if j.adobe == 2 {
			a, b, c = fromYCbCr(a, b, c)
		}
		if j.adobe < 0 {
			a, b, c, k = 255-a, 255-b, 255-c, 255-k
		}
		for i, v := range [3]byte{a, b, c} {
			row[4*x+i] = (uint16(v)*uint16(k) + 127) / 255
		}
		row[4*x+3] = 255
	}
}

// fromYCbCr is JFIF's R, G and B, with factors rounded to 16 binary places, rounded to the nearest int, halves up.
func fromYCbCr(y, cb, cr byte) (r, g, b byte) {
	l, u, v := int32(y)<<16+1<<15, int32(cb)-128, int32(cr)-128
	return clampByte((l + 91881*v) >> 16), clampByte((l - 22554*u - 46802*v) >> 16), clampByte((l + 116130*u) >> 16)
}

func clampByte(v int32) byte { return byte(max(0, min(v, 255))) }
