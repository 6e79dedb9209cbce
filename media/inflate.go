// This file decompresses deflate streams (RFC 1951).
//
// Which streams are good is what zlib says: a code must be complete, except that a literal or distance code may consist of one
// code word of one bit, and a distance code of none.

package media

import (
	"encoding/binary"
	"math/bits"
)

const (
	windowSize  = 1 << 15 // how far back a match may reach
	maxMatch    = 258
	fastBits    = 10 // of the next bits that are looked up in one go
	maxCodeBits = 15
)

// A decodeTable decodes one Huffman code.
type decodeTable struct {
	fast    [1 << fastBits]uint16 // symbol<<4 | length of its code word, by the next bits; 0 where the code word is longer or there is none
	count   [maxCodeBits + 1]int  // code words of each length
	symbols [288]uint16           // in the order of their code words
}

// set makes the table for the code whose words have these lengths. lone says whether the code may be a single word of one bit.
func (t *decodeTable) set(lengths []uint8, lone bool) bool {
	t.count = [maxCodeBits + 1]int{}
	used := 0
	for _, n := range lengths {
		t.count[n]++
	}
	used = len(lengths) - t.count[0]
	t.count[0] = 0
	var first, index [maxCodeBits + 2]int
	left := 1 // code words of a length that are free
	for n := 1; n <= maxCodeBits; n++ {
		left = 2*left - t.count[n]
		if left < 0 {
			return false
		}
		first[n+1] = (first[n] + t.count[n]) << 1
		index[n+1] = index[n] + t.count[n]
	}
	if left > 0 && (!lone || used > 1 || used == 1 && t.count[1] == 0) {
		return false
	}
	clear(t.fast[:])
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		code := first[n]
		first[n]++
		t.symbols[index[n]] = uint16(symbol)
		index[n]++
		if n <= fastBits {
			for i := int(bits.Reverse16(uint16(code)) >> (16 - n)); i < 1<<fastBits; i += 1 << n {
				t.fast[i] = uint16(symbol)<<4 | uint16(n)
			}
		}
	}
	return true
}

// next is the symbol whose code word the bits begin with, and the word's length; 0 if there is none.
func (t *decodeTable) next(in uint64) (symbol, length uint) {
	if e := t.fast[in&(1<<fastBits-1)]; e != 0 {
		return uint(e >> 4), uint(e & 15)
	}
	code, first, index := 0, 0, 0
	for n := 1; n <= maxCodeBits; n++ {
		code |= int(in & 1)
		in >>= 1
		if code-first < t.count[n] {
			return uint(t.symbols[index+code-first]), uint(n)
		}
		index += t.count[n]
		first = (first + t.count[n]) << 1
		code <<= 1
	}
	return 0, 0
}

// What the length symbols from 257 and the distance symbols mean: a base, and how many bits are added to it.
var (
	lengthBase = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase   = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distBits   = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	codeOrder  = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// An inflater decompresses one deflate stream after another. It passes what comes out to sink, in pieces.
type inflater struct {
	in     []byte
	pos    int
	acc    uint64 // the next n bits of the input, the first lowest; what is above them are bits of in[pos:]
	n      uint
	buf    []byte
	w      int // bytes in buf
	sent   int // of them that sink has
	begin  int // where in buf the stream's own output begins, or what is left of it
	sink   func([]byte) error
	format string

	literals, distances decodeTable
}

func newInflater(in []byte, format string, sink func([]byte) error) *inflater {
	return &inflater{in: in, format: format, sink: sink, buf: make([]byte, 3*windowSize)}
}

func (f *inflater) bad(reason string) error { return &Error{f.format, reason} }

func (f *inflater) fill() {
	if f.pos+8 <= len(f.in) {
		f.acc |= binary.LittleEndian.Uint64(f.in[f.pos:]) << f.n
		more := (63 - f.n) / 8
		f.pos += int(more)
		f.n += 8 * more
		return
	}
	if f.n < 64 {
		f.acc &= 1<<f.n - 1
	}
	for f.n <= 56 && f.pos < len(f.in) {
		f.acc |= uint64(f.in[f.pos]) << f.n
		f.pos++
		f.n += 8
	}
}

// take is the next k bits, k ≤ 16.
func (f *inflater) take(k uint) (uint, error) {
	if f.n < k {
		if f.fill(); f.n < k {
			return 0, f.bad(truncated)
		}
	}
	v := uint(f.acc & (1<<k - 1))
	f.acc >>= k
	f.n -= k
	return v, nil
}

// flush passes on what has come out, and makes room.
func (f *inflater) flush() error {
	if f.sent < f.w {
		if err := f.sink(f.buf[f.sent:f.w]); err != nil {
			return err
		}
	}
	if drop := f.w - windowSize; drop > 0 {
		copy(f.buf, f.buf[drop:f.w])
		f.w -= drop
		f.begin = max(0, f.begin-drop)
	}
	f.sent = f.w
	return nil
}

// stream decompresses the stream that begins at in[pos]. pos is then behind it. What comes before an error goes to sink too.
func (f *inflater) stream() error {
	f.begin = f.w
	f.acc, f.n = 0, 0
	err := f.blocks()
	if flushed := f.flush(); err == nil {
		err = flushed
	}
	f.pos -= int(f.n / 8)
	f.acc, f.n = 0, 0
	return err
}

func (f *inflater) blocks() error {
	for {
		head, err := f.take(3)
		if err != nil {
			return err
		}
		switch head >> 1 {
		case 0:
			err = f.stored()
		case 1:
			f.fixedCodes()
			err = f.block()
		case 2:
			if err = f.readCodes(); err == nil {
				err = f.block()
			}
		default:
			err = f.bad("no such block type")
		}
		if err != nil {
			return err
		}
		if head&1 == 1 {
			return nil
		}
	}
}

func (f *inflater) stored() error {
	f.pos -= int(f.n / 8)
	f.acc, f.n = 0, 0
	if f.pos+4 > len(f.in) {
		return f.bad(truncated)
	}
	size := int(binary.LittleEndian.Uint16(f.in[f.pos:]))
	if size^int(binary.LittleEndian.Uint16(f.in[f.pos+2:])) != 0xffff {
		return f.bad("a stored block's lengths differ")
	}
	f.pos += 4
	for size > 0 {
		if f.pos == len(f.in) {
			return f.bad(truncated)
		}
		n := copy(f.buf[f.w:], f.in[f.pos:min(f.pos+size, len(f.in))])
		f.pos, f.w, size = f.pos+n, f.w+n, size-n
		if f.w > len(f.buf)-maxMatch {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *inflater) fixedCodes() {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144, i >= 280:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		default:
			lengths[i] = 7
		}
	}
	f.literals.set(lengths[:], false)
	for i := range 32 {
		lengths[i] = 5
	}
	f.distances.set(lengths[:32], false)
}

// readCodes reads the codes that a block begins with.
func (f *inflater) readCodes() error {
	v, err := f.take(14)
	if err != nil {
		return err
	}
	literals, distances, codes := 257+int(v&31), 1+int(v>>5&31), 4+int(v>>10)
	if literals > 286 || distances > 30 {
		return f.bad("too many code words")
	}
	var lengths [286 + 30]uint8
	for i := range codes {
		n, err := f.take(3)
		if err != nil {
			return err
		}
		lengths[codeOrder[i]] = uint8(n)
	}
	if !f.literals.set(lengths[:19], false) {
		return f.bad("no such code")
	}
	clear(lengths[:19])
	for i := 0; i < literals+distances; {
		f.fill()
		symbol, n := f.literals.next(f.acc)
		if n == 0 || n > f.n {
			return f.bad(truncated)
		}
		f.acc >>= n
		f.n -= n
		if symbol < 16 {
			lengths[i] = uint8(symbol)
			i++
			continue
		}
		value, least, extra := uint8(0), uint(3), uint(3)
		switch symbol {
		case 16:
			if i == 0 {
				return f.bad("no such code")
			}
			value, extra = lengths[i-1], 2
		case 18:
			least, extra = 11, 7
		}
		more, err := f.take(extra)
		if err != nil {
			return err
		}
		if i+int(least+more) > literals+distances {
			return f.bad("no such code")
		}
		for range least + more {
			lengths[i] = value
			i++
		}
	}
	if lengths[256] == 0 || !f.literals.set(lengths[:literals], true) || !f.distances.set(lengths[literals:literals+distances], true) {
		return f.bad("no such code")
	}
	return nil
}

// block decompresses the rest of a block, whose codes are known.
func (f *inflater) block() error {
	for {
		if f.w > len(f.buf)-maxMatch {
			if err := f.flush(); err != nil {
				return err
			}
		}
		f.fill() // enough for a length and a distance: 15 + 5 + 15 + 13 bits
		symbol, n := f.literals.next(f.acc)
		if n == 0 || n > f.n {
			return f.badWord()
		}
		f.acc >>= n
		f.n -= n
		if symbol < 256 {
			f.buf[f.w] = byte(symbol)
			f.w++
			continue
		}
		if symbol == 256 {
			return nil
		}
		if symbol > 285 {
			return f.bad("no such length")
		}
		length, err := f.number(uint(lengthBase[symbol-257]), uint(lengthBits[symbol-257]))
		if err != nil {
			return err
		}
		symbol, n = f.distances.next(f.acc)
		if n == 0 || n > f.n {
			return f.badWord()
		}
		f.acc >>= n
		f.n -= n
		if symbol > 29 {
			return f.bad("no such distance")
		}
		distance, err := f.number(uint(distBase[symbol]), uint(distBits[symbol]))
		if err != nil {
			return err
		}
		from := f.w - distance
		if from < f.begin {
			return f.bad("a distance reaches before the beginning")
		}
		if distance >= length {
			copy(f.buf[f.w:f.w+length], f.buf[from:])
			f.w += length
			continue
		}
		for end := f.w + length; f.w < end; {
			f.w += copy(f.buf[f.w:end], f.buf[from:f.w])
		}
	}
}

func (f *inflater) badWord() error {
	if f.n < maxCodeBits {
		return f.bad(truncated)
	}
	return f.bad("no such code word")
}

// number reads the bits that are added to a base.
func (f *inflater) number(base, extra uint) (int, error) {
	if f.n < extra {
		return 0, f.bad(truncated)
	}
	v := base + uint(f.acc&(1<<extra-1))
	f.acc >>= extra
	f.n -= extra
	return int(v), nil
}
