// This file reads, mixes and joins PCM audio in WAV files (RIFF/WAVE), with plain and extensible headers.

package media

import (
	"encoding/binary"
)

// A Format is how audio is coded.
type Format struct {
	Channels, Bits int   // and the bits of a sample
	Rate           int64 // samples a second
	mask           uint32
}

// Formats is the error of two files of different formats.
type Formats struct{ A, B Format }

func (e *Formats) Error() string { return "different formats" }

// A TooLong is the error of audio that no WAV file holds.
type TooLong struct{}

func (TooLong) Error() string { return "too long for a WAV file" }

const (
	wavPCM        = 1
	wavExtensible = 0xfffe
	// The rest of the GUID of a format tag.
	wavSubformat = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
)

func badWav(reason string) error { return &Error{"wav", reason} }

// unknown is the least length that says nothing where less is there: programs that write to a pipe cannot come back to the lengths, and write
// 0xffffffff (ffmpeg), 0x7ffff000 (sox), about as much, or 0 into both.
const unknown = 0x7ffff000

// readWav reads a file's format and its samples. A length that was unknown to who wrote it reaches to the end of the bytes; a file that is cut behind
// its samples has all that matters. It charges 1 per 16 chunks.
func readWav(b []byte, m Meter) (f Format, data []byte, err error) {
	if len(b) >= 12 && (string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE") {
		return f, nil, badWav("no WAVE header")
	}
	if len(b) < 12 {
		return f, nil, badWav(truncated)
	}
	size := int64(binary.LittleEndian.Uint32(b[4:]))
	if size > 0 && size < 4 {
		return f, nil, badWav("a chunk is too short")
	}
	cut := size > int64(len(b))-8
	piped := size == 0 || cut && size >= unknown
	rest := b[12:]
	if size > 0 && !cut {
		rest = b[12 : 8+size]
	}
	passed := tally{charge: m.Charge, per: 16}
	for known := false; len(rest) > 0; {
		passed.add(1)
		if len(rest) < 8 {
			return f, nil, badWav(truncated)
		}
		kind, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		left := int64(len(rest)) - 8
		toEnd := kind == "data" && (size == 0 && piped || size > left && size >= unknown)
		if toEnd {
			size = left
		}
		if size > left {
			return f, nil, badWav(truncated)
		}
		chunk := rest[8 : 8+size]
		switch {
		case kind == "fmt " && known:
			return f, nil, badWav("two formats")
		case kind == "fmt ":
			if f, err = readFormat(chunk); err != nil {
				return f, nil, err
			}
			known = true
		case kind == "data" && !known:
			return f, nil, badWav("no format before the samples")
		case kind == "data":
			half := len(chunk) % f.frame()
			if half != 0 && !toEnd {
				return f, nil, badWav("the last frame is not whole")
			}
			return f, chunk[:len(chunk)-half], nil
		}
		rest = rest[min(8+size+size&1, int64(len(rest))):]
	}
	if cut {
		return f, nil, badWav(truncated)
	}
	return f, nil, badWav("no samples")
}

// frame is how many bytes the samples of one moment are.
func (f Format) frame() int { return f.Channels * f.Bits / 8 }

func readFormat(chunk []byte) (f Format, err error) {
	if len(chunk) < 16 {
		return f, badWav("the format is too short")
	}
	le := binary.LittleEndian
	tag := le.Uint16(chunk)
	f = Format{Channels: int(le.Uint16(chunk[2:])), Rate: int64(le.Uint32(chunk[4:])), Bits: int(le.Uint16(chunk[14:]))}
	switch tag {
	case wavPCM:
	case wavExtensible:
		if len(chunk) < 40 {
			return f, badWav("the format is too short")
		}
		if le.Uint16(chunk[24:]) != wavPCM || string(chunk[26:40]) != wavSubformat {
			return f, badWav("unsupported: other than PCM")
		}
		if int(le.Uint16(chunk[18:])) != f.Bits {
			return f, badWav("unsupported: samples that leave bits free")
		}
		f.mask = le.Uint32(chunk[20:])
	default:
		return f, badWav("unsupported: other than PCM")
	}
	if f.Bits != 8 && f.Bits != 16 && f.Bits != 24 && f.Bits != 32 {
		return f, badWav("unsupported: other than 8, 16, 24 or 32 bits a sample")
	}
	if f.Channels == 0 || f.Rate == 0 || int(le.Uint16(chunk[12:])) != f.frame() {
		return f, badWav("no such format")
	}
	return f, nil
}

// appendHeader appends what stands before size bytes of samples: a plain header for one or two channels of 8 or 16 bits that have no mask, else an
// extensible one.
func (f Format) appendHeader(out []byte, size int) []byte {
	le := binary.LittleEndian
	extensible := f.Channels > 2 || f.Bits > 16 || f.mask != 0
	format, tag := 16, uint16(wavPCM)
	if extensible {
		format, tag = 40, wavExtensible
	}
	out = le.AppendUint32(append(out, "RIFF"...), uint32(4+8+format+8+size+size&1))
	out = le.AppendUint32(append(out, "WAVEfmt "...), uint32(format))
	out = le.AppendUint16(le.AppendUint16(out, tag), uint16(f.Channels))
	out = le.AppendUint32(le.AppendUint32(out, uint32(f.Rate)), uint32(f.Rate)*uint32(f.frame()))
	out = le.AppendUint16(le.AppendUint16(out, uint16(f.frame())), uint16(f.Bits))
	if extensible {
		out = le.AppendUint16(le.AppendUint16(out, 22), uint16(f.Bits))
		out = le.AppendUint16(le.AppendUint32(out, f.mask), wavPCM)
		out = append(out, wavSubformat...)
	}
	return le.AppendUint32(append(out, "data"...), uint32(size))
}

const wavHeader = 12 + 8 + 40 + 8 // bytes of the longest header

// bothWav reads two files of the same format. What one says of its channels' places holds for both if the other says nothing.
func bothWav(a, b []byte, m Meter) (f Format, x, y []byte, err error) {
	f, x, err = readWav(a, m)
	if err != nil {
		return f, nil, nil, err
	}
	g, y, err := readWav(b, m)
	if err != nil {
		return f, nil, nil, err
	}
	if f.mask == 0 || g.mask == 0 {
		f.mask |= g.mask
		g.mask = f.mask
	}
	if f != g {
		return f, nil, nil, &Formats{f, g}
	}
	return f, x, y, nil
}

// newWav begins a file of size bytes of samples.
func newWav(f Format, size int64, m Meter) ([]byte, error) {
	if size > 1<<32-1-wavHeader {
		return nil, TooLong{}
	}
	m.Reserve(size + wavHeader)
	return f.appendHeader(make([]byte, 0, size+size&1+wavHeader), int(size)), nil
}

// WavFormat reads a WAV file's format, and how many frames it has: samples of each channel. It charges 1 per 16 chunks before the samples.
func WavFormat(b []byte, m Meter) (Format, int, error) {
	f, data, err := readWav(b, m)
	if err != nil {
		return f, 0, err
	}
	return f, len(data) / f.frame(), nil
}

// JoinWav is the samples of a, then those of b. It charges 1 per 256 bytes of samples.
func JoinWav(a, b []byte, m Meter) ([]byte, error) {
	f, x, y, err := bothWav(a, b, m)
	if err != nil {
		return nil, err
	}
	size := int64(len(x)) + int64(len(y))
	m.Charge(size / 256)
	out, err := newWav(f, size, m)
	if err != nil {
		return nil, err
	}
	out = append(append(out, x...), y...)
	return padded(out, int(size)), nil
}

func padded(out []byte, size int) []byte {
	if size&1 == 1 {
		out = append(out, 0)
	}
	return out
}

// MixWav is the sums of the samples of a and b, those that are too large or too small for the format made the greatest or the least. The shorter
// one is followed by silence. It charges 1 per 64 bytes of samples of the answer.
func MixWav(a, b []byte, m Meter) ([]byte, error) {
	f, x, y, err := bothWav(a, b, m)
	if err != nil {
		return nil, err
	}
	if len(x) < len(y) {
		x, y = y, x
	}
	m.Charge(int64(len(x)) / 64)
	out, err := newWav(f, int64(len(x)), m)
	if err != nil {
		return nil, err
	}
	const piece = 3 << 16 // bytes, whole samples of each format
	for i := 0; i < len(y); i += piece {
		end := min(i+piece, len(y))
		out = appendSums(out, x[i:end], y[i:end], f.Bits)
		m.Poll()
	}
	return padded(append(out, x[len(y):]...), len(x)), nil
}

// appendSums appends the sums of as many samples in x and y.
func appendSums(out, x, y []byte, bits int) []byte {
	le := binary.LittleEndian
	switch bits {
	case 8:
		for i := range x {
			out = append(out, byte(max(0, min(int(x[i])+int(y[i])-128, 255))))
		}
	case 16:
		for i := 0; i < len(x); i += 2 {
			sum := int32(int16(le.Uint16(x[i:]))) + int32(int16(le.Uint16(y[i:])))
			out = le.AppendUint16(out, uint16(max(-1<<15, min(sum, 1<<15-1))))
		}
	case 24:
		sample := func(b []byte) int32 { return int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24) >> 8 }
		for i := 0; i < len(x); i += 3 {
			sum := max(-1<<23, min(sample(x[i:])+sample(y[i:]), 1<<23-1))
			out = append(out, byte(sum), byte(sum>>8), byte(sum>>16))
		}
	default:
		for i := 0; i < len(x); i += 4 {
			sum := int64(int32(le.Uint32(x[i:]))) + int64(int32(le.Uint32(y[i:])))
			out = le.AppendUint32(out, uint32(max(-1<<31, min(sum, 1<<31-1))))
		}
	}
	return out
}
