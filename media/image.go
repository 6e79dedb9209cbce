// This file scales images down.

package media

import (
	"bytes"
	"math/bits"
)

// MaxPixels is how many an image may have.
const MaxPixels = 1 << 28

// ImageSize reads the size of a PNG or JPEG image from its header. It charges 1 per 16 segments that stand before a JPEG's size.
func ImageSize(b []byte, m Meter) (width, height int, err error) {
	if isPNG(b) {
		p := pngDecoder{in: b}
		err := p.header()
		return p.width, p.height, err
	}
	j := jpegDecoder{in: b, m: m, sizeOnly: true}
	err = j.segments()
	return j.width, j.height, err
}

func isPNG(b []byte) bool { return bytes.HasPrefix(b, []byte(pngSignature)) }

// A TooLarge is the error of an image that is not as large as what was asked for.
type TooLarge struct{ Width, Height int }

func (e *TooLarge) Error() string { return "larger than the image" }

// ScaleImage scales a PNG or JPEG image down to width times height, which are at least 1 and at most the image's, and gives it as PNG.
//
// The image is cut into width times height equal rectangles. What comes out for one is the average of the samples in it, weighted by the area that
// each covers, colours by alpha too, computed exactly and rounded once, halves up: the alpha is Σwa·255 / (max·Σw), a colour is Σwac·255 / (max·Σwa),
// and 0 where Σwa is 0, with max the greatest sample, 255 or 65535. Samples are taken as they are: no gamma, profile or orientation is applied.
//
// It charges 1 per 64 bytes of b, 1 per 16 pixels of the image and of the answer, and for a JPEG 1 per 4 blocks that its scans pass over.
func ScaleImage(b []byte, width, height int, m Meter) ([]byte, error) {
	m.Charge(int64(len(b)) / 64)
	s := &scaler{m: m, outWidth: width, outHeight: height}
	var err error
	if isPNG(b) {
		p := pngDecoder{in: b, m: m}
		err = p.decode(s)
	} else {
		j := jpegDecoder{in: b, m: m, to: s}
		err = j.segments()
	}
	if err != nil {
		return nil, err
	}
	return encodePNG(s.out, width, height, m), nil
}

// A scaler takes the rows of an image and makes those of a smaller one.
type scaler struct {
	m                   Meter
	width, height       int // of the image
	outWidth, outHeight int
	max                 uint64
	line                []uint64 // for each column of the answer the weighted sums of the row in hand: colours by alpha, and alpha
	sum                 []uint64 // those of the row of the answer in hand
	left                int      // what its rectangles lack in height, in units of 1/outHeight of a row
	out                 []byte   // RGBA
}

// open says how large the image is whose rows come, and pays for it.
func (s *scaler) open(width, height int, max uint64) error {
	if s.outWidth > width || s.outHeight > height {
		return &TooLarge{width, height}
	}
	s.width, s.height, s.max, s.left = width, height, max, height
	s.m.Charge(int64(width) * int64(height) / 16)
	pixels := int64(s.outWidth) * int64(s.outHeight)
	s.m.Charge(pixels / 16)
	s.m.Reserve(4*pixels + 64*int64(s.outWidth))
	s.out = make([]byte, 0, 4*pixels)
	s.line, s.sum = make([]uint64, 4*s.outWidth), make([]uint64, 4*s.outWidth)
	return nil
}

// row takes the next row: RGBA, not premultiplied, from 0 to max.
func (s *scaler) row(pixels []uint16) {
	clear(s.line)
	line, left := s.line, uint64(s.width)
	for i := 0; i < len(pixels); i += 4 {
		p := pixels[i : i+4 : i+4]
		a := uint64(p[3])
		r, g, b := uint64(p[0])*a, uint64(p[1])*a, uint64(p[2])*a
		for span := uint64(s.outWidth); span > 0; {
			part := min(span, left)
			l := line[:4:4]
			l[0] += r * part
			l[1] += g * part
			l[2] += b * part
			l[3] += a * part
			span -= part
			if left -= part; left == 0 {
				line, left = line[4:], uint64(s.width)
			}
		}
	}
	for span := s.outHeight; span > 0; {
		part := min(span, s.left)
		for i, v := range s.line {
			s.sum[i] += v * uint64(part)
		}
		span -= part
		if s.left -= part; s.left == 0 {
			s.emit()
			clear(s.sum)
			s.left = s.height
		}
	}
}

// emit appends the row of the answer in hand.
func (s *scaler) emit() {
	area := uint64(s.width) * uint64(s.height)
	for i := 0; i < len(s.sum); i += 4 {
		alpha := s.sum[i+3]
		for _, c := range s.sum[i : i+3] {
			s.out = append(s.out, rounded(c, s.max*alpha))
		}
		s.out = append(s.out, rounded(alpha, s.max*area))
	}
}

// rounded is 255·n/d to the nearest int, halves up, and 0 if d is. n ≤ d < 2^61.
func rounded(n, d uint64) byte {
	if d == 0 {
		return 0
	}
	hi, lo := bits.Mul64(n, 510)
	lo, carry := bits.Add64(lo, d, 0)
	q, _ := bits.Div64(hi+carry, lo, 2*d)
	return byte(q)
}
