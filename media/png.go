// This file decodes PNG images (ISO/IEC 15948): all colour types and depths, interlaced or not.

package media

import (
	"encoding/binary"
	"hash/adler32"
	"hash/crc32"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// The colour types.
const (
	pngGrey      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGreyAlpha = 4
	pngRGBA      = 6
)

type pngDecoder struct {
	in            []byte
	pos           int
	m             Meter
	width, height int
	depth         int // bits of a sample
	colour        byte
	channels      int
	interlaced    bool
	palette       [256][4]uint16
	colours       int       // in the palette
	clear         [3]uint16 // the colour that is transparent
	hasClear      bool
	row           []uint16 // RGBA of a row
	to            *scaler
	image         []uint16 // RGBA of the whole, if it is interlaced

	// The filtered rows of a pass.
	pass              int
	passW, passH      int
	y                 int
	line, above       []byte // of the row in hand, and of the one above; each begins with as many zeros as a pixel has bytes
	have              int    // bytes of the row in hand
	filter            byte
	filterRead, ended bool
	polled            int
}

func (p *pngDecoder) bad(reason string) error { return &Error{"png", reason} }

// chunk reads the next chunk.
func (p *pngDecoder) chunk() (kind string, data []byte, err error) {
	rest := p.in[p.pos:]
	if len(rest) < 12 {
		return "", nil, p.bad(truncated)
	}
	size := binary.BigEndian.Uint32(rest)
	if size > 1<<31-1 {
		return "", nil, p.bad("a chunk is too long")
	}
	if int64(len(rest)) < int64(size)+12 {
		return "", nil, p.bad(truncated)
	}
	data = rest[8 : 8+size]
	if crc32.ChecksumIEEE(rest[4:8+size]) != binary.BigEndian.Uint32(rest[8+size:]) {
		return "", nil, p.bad(badChecksum)
	}
	p.pos += int(size) + 12
	return string(rest[4:8]), data, nil
}

// header reads the chunk that the file begins with.
func (p *pngDecoder) header() error {
	p.pos = len(pngSignature)
	if rest := p.in[p.pos:]; len(rest) >= 8 && (binary.BigEndian.Uint32(rest) != 13 || string(rest[4:8]) != "IHDR") {
		return p.bad("no header")
	}
	_, h, err := p.chunk()
	if err != nil {
		return err
	}
	width, height := binary.BigEndian.Uint32(h), binary.BigEndian.Uint32(h[4:])
	if width == 0 || height == 0 || width > 1<<31-1 || height > 1<<31-1 {
		return p.bad("no such size")
	}
	p.width, p.height, p.depth, p.colour, p.interlaced = int(width), int(height), int(h[8]), h[9], h[12] == 1
	good := false
	switch p.colour {
	case pngGrey:
		good = p.depth == 1 || p.depth == 2 || p.depth == 4 || p.depth == 8 || p.depth == 16
	case pngPalette:
		good = p.depth == 1 || p.depth == 2 || p.depth == 4 || p.depth == 8
	case pngRGB, pngGreyAlpha, pngRGBA:
		good = p.depth == 8 || p.depth == 16
	}
	if !good || h[10] != 0 || h[11] != 0 || h[12] > 1 {
		return p.bad("no such format")
	}
	p.channels = map[byte]int{pngGrey: 1, pngRGB: 3, pngPalette: 1, pngGreyAlpha: 2, pngRGBA: 4}[p.colour]
	if int64(width)*int64(height) > MaxPixels {
		return p.bad("too many pixels")
	}
	return nil
}

// decode decodes the image into the scaler.
func (p *pngDecoder) decode(to *scaler) error {
	p.to = to
	if err := p.header(); err != nil {
		return err
	}
	max := uint64(255)
	if p.depth == 16 {
		max = 65535
	}
	if err := to.open(p.width, p.height, max); err != nil {
		return err
	}
	var data [][]byte
	size, closed := 0, false
	for ended := false; !ended; {
		kind, chunk, err := p.chunk()
		if err != nil {
			return err
		}
		if kind != "IDAT" && len(data) > 0 {
			closed = true
		}
		switch kind {
		case "IDAT":
			if closed {
				return p.bad("a chunk is misplaced")
			}
			data, size = append(data, chunk), size+len(chunk)
		case "PLTE":
			err = p.readPalette(chunk, len(data) > 0)
		case "tRNS":
			err = p.readTransparency(chunk, len(data) > 0)
		case "IEND":
			ended = true
		default:
			if kind[0]&0x20 == 0 {
				return p.bad("an unknown critical chunk")
			}
		}
		if err != nil {
			return err
		}
		if len(data)%1024 == 1023 {
			p.m.Poll()
		}
	}
	switch {
	case len(data) == 0:
		return p.bad("no image data")
	case p.colour == pngPalette && p.colours == 0:
		return p.bad("no palette")
	}
	whole := data[0]
	if len(data) > 1 {
		p.m.Reserve(int64(size))
		whole = make([]byte, 0, size)
		for _, d := range data {
			whole = append(whole, d...)
		}
	}
	return p.pixels(whole)
}

func (p *pngDecoder) readPalette(chunk []byte, late bool) error {
	if late || p.colours > 0 || p.hasClear || p.colour == pngGrey || p.colour == pngGreyAlpha {
		return p.bad("a chunk is misplaced")
	}
	n := len(chunk) / 3
	if len(chunk)%3 != 0 || n == 0 || n > 256 || p.colour == pngPalette && n > 1<<p.depth {
		return p.bad("no such palette")
	}
	p.colours = n
	for i := range n {
		p.palette[i] = [4]uint16{uint16(chunk[3*i]), uint16(chunk[3*i+1]), uint16(chunk[3*i+2]), 255}
	}
	return nil
}

func (p *pngDecoder) readTransparency(chunk []byte, late bool) error {
	if late || p.hasClear || p.colour == pngGreyAlpha || p.colour == pngRGBA || p.colour == pngPalette && p.colours == 0 {
		return p.bad("a chunk is misplaced")
	}
	p.hasClear = true
	if p.colour == pngPalette {
		if len(chunk) > p.colours {
			return p.bad("no such transparency")
		}
		for i, a := range chunk {
			p.palette[i][3] = uint16(a)
		}
		return nil
	}
	if len(chunk) != 2*p.channels {
		return p.bad("no such transparency")
	}
	for i := range p.channels {
		p.clear[i] = binary.BigEndian.Uint16(chunk[2*i:]) & (1<<p.depth - 1)
	}
	return nil
}

// passes are where the pixels of each pass of an interlaced image stand: the first column and row, and how far it is to the next.
var passes = [7][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}

// pixels decompresses the image data and passes on the rows.
func (p *pngDecoder) pixels(data []byte) error {
	rowBytes := (int64(p.width)*int64(p.channels*p.depth) + 7) / 8
	p.m.Reserve(2*rowBytes + 8*int64(p.width) + 3*windowSize)
	if p.interlaced {
		p.m.Reserve(8 * int64(p.width) * int64(p.height))
		p.image = make([]uint16, 4*p.width*p.height)
	}
	p.row = make([]uint16, 4*p.width)
	pixel := p.pixelBytes()
	p.line, p.above = make([]byte, pixel+int(rowBytes)), make([]byte, pixel+int(rowBytes))
	p.pass = -1
	p.nextPass()
	sum := adler32.New()
	if _, err := zlibStream(data, "png", func(b []byte) error {
		sum.Write(b)
		return p.take(b)
	}, sum.Sum32); err != nil {
		return err
	}
	if !p.ended {
		return p.bad("too little image data")
	}
	if p.interlaced {
		for y := range p.height {
			p.to.row(p.image[4*p.width*y : 4*p.width*(y+1)])
			p.poll(p.width)
		}
	}
	return nil
}

// pixelBytes is how far a filter looks back: the bytes of a pixel, at least one.
func (p *pngDecoder) pixelBytes() int { return max(1, p.channels*p.depth/8) }

func (p *pngDecoder) poll(pixels int) {
	if p.polled += pixels; p.polled > 1<<16 {
		p.polled = 0
		p.m.Poll()
	}
}

// nextPass goes on to the next pass that has pixels.
func (p *pngDecoder) nextPass() {
	p.y, p.have, p.filterRead = 0, 0, false
	clear(p.above)
	for {
		p.pass++
		if !p.interlaced {
			p.passW, p.passH = p.width, p.height
			p.ended = p.pass > 0
			return
		}
		if p.pass == len(passes) {
			p.ended = true
			return
		}
		t := passes[p.pass]
		p.passW, p.passH = (p.width-t[0]+t[2]-1)/t[2], (p.height-t[1]+t[3]-1)/t[3]
		if p.passW > 0 && p.passH > 0 {
			return
		}
	}
}

// take takes what was decompressed.
func (p *pngDecoder) take(b []byte) error {
	pixel := p.pixelBytes()
	for len(b) > 0 {
		if p.ended {
			return p.bad("too much image data")
		}
		if !p.filterRead {
			if p.filter, p.filterRead = b[0], true; p.filter > 4 {
				return p.bad("no such filter")
			}
			b = b[1:]
		}
		size := int((int64(p.passW)*int64(p.channels*p.depth) + 7) / 8)
		n := copy(p.line[pixel+p.have:pixel+size], b)
		b = b[n:]
		if p.have += n; p.have < size {
			return nil
		}
		p.unfilter(p.line[:pixel+size], p.above[:pixel+size], pixel)
		if err := p.expand(p.line[pixel : pixel+size]); err != nil {
			return err
		}
		p.place()
		p.poll(p.passW)
		p.line, p.above = p.above, p.line
		p.have, p.filterRead = 0, false
		if p.y++; p.y == p.passH {
			p.nextPass()
		}
	}
	return nil
}

// unfilter undoes the row's filter. Both rows begin with back zeros.
func (p *pngDecoder) unfilter(line, above []byte, back int) {
	switch p.filter {
	case 1:
		for i := back; i < len(line); i++ {
			line[i] += line[i-back]
		}
	case 2:
		for i := back; i < len(line); i++ {
			line[i] += above[i]
		}
	case 3:
		for i := back; i < len(line); i++ {
			line[i] += byte((int(line[i-back]) + int(above[i])) / 2)
		}
	case 4:
		for i := back; i < len(line); i++ {
			line[i] += paeth(line[i-back], above[i], above[i-back])
		}
	}
}

// paeth is the one of three that is nearest to a + b - c, the first of equal ones.
func paeth(a, b, c byte) byte {
	pa, pb := int(b)-int(c), int(a)-int(c)
	pc := pa + pb
	pa, pb, pc = max(pa, -pa), max(pb, -pb), max(pc, -pc)
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

// expand makes RGBA of a row's samples.
func (p *pngDecoder) expand(line []byte) error {
	row := p.row[:4*p.passW]
	opaque := uint16(255)
	if p.depth == 16 {
		opaque = 65535
	}
	if p.depth < 8 {
		each := 255 / (1<<p.depth - 1)
		for x := range p.passW {
			v := uint16(line[x*p.depth/8]>>(8-p.depth-x*p.depth%8)) & (1<<p.depth - 1)
			switch {
			case p.colour == pngPalette:
				if int(v) >= p.colours {
					return p.bad("a colour is not in the palette")
				}
				copy(row[4*x:], p.palette[v][:])
			default:
				a := opaque
				if p.hasClear && v == p.clear[0] {
					a = 0
				}
				v *= uint16(each)
				row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = v, v, v, a
			}
		}
		return nil
	}
	sample := func(i int) uint16 { return uint16(line[i]) }
	if p.depth == 16 {
		sample = func(i int) uint16 { return uint16(line[2*i])<<8 | uint16(line[2*i+1]) }
	}
	for x := range p.passW {
		out := row[4*x : 4*x+4 : 4*x+4]
		switch p.colour {
		case pngPalette:
			v := line[x]
			if int(v) >= p.colours {
				return p.bad("a colour is not in the palette")
			}
			copy(out, p.palette[v][:])
		case pngGrey:
			v, a := sample(x), opaque
			if p.hasClear && v == p.clear[0] {
				a = 0
			}
			out[0], out[1], out[2], out[3] = v, v, v, a
		case pngGreyAlpha:
			v := sample(2 * x)
			out[0], out[1], out[2], out[3] = v, v, v, sample(2*x+1)
		case pngRGB:
			out[0], out[1], out[2], out[3] = sample(3*x), sample(3*x+1), sample(3*x+2), opaque
			if p.hasClear && [3]uint16(out) == p.clear {
				out[3] = 0
			}
		case pngRGBA:
			out[0], out[1], out[2], out[3] = sample(4*x), sample(4*x+1), sample(4*x+2), sample(4*x+3)
		}
	}
	return nil
}

// place passes a row on, or puts its pixels where the pass has them.
func (p *pngDecoder) place() {
	if !p.interlaced {
		p.to.row(p.row)
		return
	}
	t := passes[p.pass]
	at := 4 * (p.width*(t[1]+p.y*t[3]) + t[0])
	for x := range p.passW {
		copy(p.image[at+4*x*t[2]:], p.row[4*x:4*x+4])
	}
}

// encodePNG encodes RGBA pixels with 8 bits a sample: as grey if all are opaque and grey, as RGB if all are opaque, else as RGBA. Each row has the
// filter for which the sum of its bytes' magnitudes, as signed bytes, is least, the first of equal ones.
func encodePNG(pixels []byte, width, height int, m Meter) []byte {
	opaque, grey := true, true
	for i := 0; i < len(pixels); i += 4 {
		opaque = opaque && pixels[i+3] == 255
		grey = grey && pixels[i] == pixels[i+1] && pixels[i] == pixels[i+2]
	}
	colour, channels := byte(pngRGBA), 4
	switch {
	case opaque && grey:
		colour, channels = pngGrey, 1
	case opaque:
		colour, channels = pngRGB, 3
	}
	size := channels * width
	m.Reserve(3*int64(size+1)*int64(height) + 1<<20)
	data := make([]byte, 0, (size+1)*height)
	line, above := make([]byte, channels+size), make([]byte, channels+size)
	best, try := make([]byte, size), make([]byte, size)
	for y := range height {
		for x := range width {
			copy(line[channels*(1+x):channels*(2+x)], pixels[4*(y*width+x):])
		}
		least, filter := -1, byte(0)
		for f := range byte(5) {
			applyFilter(f, try, line, above, channels)
			cost := 0
			for _, v := range try {
				cost += min(int(v), 256-int(v))
			}
			if least < 0 || cost < least {
				least, filter = cost, f
				best, try = try, best
			}
		}
		data = append(append(data, filter), best...)
		line, above = above, line
		if y%64 == 63 || size > 1<<14 {
			m.Poll()
		}
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(width))
	head = binary.BigEndian.AppendUint32(head, uint32(height))
	out := appendChunk([]byte(pngSignature), "IHDR", append(head, 8, colour, 0, 0, 0))
	out = appendChunk(out, "IDAT", compress(data, m.Poll))
	return appendChunk(out, "IEND", nil)
}

// applyFilter writes a row behind filter f to out. Both rows begin with back zeros.
func applyFilter(f byte, out, line, above []byte, back int) {
	x, a, b, c := line[back:][:len(out)], line[:len(out)], above[back:][:len(out)], above[:len(out)]
	switch f {
	case 0:
		copy(out, x)
	case 1:
		for i := range out {
			out[i] = x[i] - a[i]
		}
	case 2:
		for i := range out {
			out[i] = x[i] - b[i]
		}
	case 3:
		for i := range out {
			out[i] = x[i] - byte((int(a[i])+int(b[i]))/2)
		}
	case 4:
		for i := range out {
			out[i] = x[i] - paeth(a[i], b[i], c[i])
		}
	}
}

func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	begin := len(out)
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[begin:]))
}
