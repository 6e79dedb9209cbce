// This file decompresses gzip files (RFC 1952) and zlib streams (RFC 1950).

package media

import (
	"bytes"
	"encoding/binary"
	"hash/adler32"
	"hash/crc32"
)

// MaxInflated is how many bytes a compressed file may come to.
const MaxInflated = 1 << 30

// An output collects what is decompressed. It charges 1 per 256 bytes and asks for memory before it grows.
type output struct {
	m      Meter
	tally  tally
	data   []byte
	format string
}

func newOutput(m Meter, format string) *output {
	return &output{m: m, format: format, tally: tally{charge: m.Charge, per: 256}}
}

func (o *output) write(p []byte) error {
	o.tally.add(len(p))
	if len(o.data)+len(p) > MaxInflated {
		return &Error{o.format, "more than 1 GiB when decompressed"}
	}
	if need := len(o.data) + len(p); need > cap(o.data) {
		size := min(max(need, 2*cap(o.data)), MaxInflated)
		o.m.Reserve(int64(size))
		o.data = append(make([]byte, 0, size), o.data...)
	}
	o.data = append(o.data, p...)
	return nil
}

// result is what was collected, in little more memory than it takes.
func (o *output) result() []byte {
	if n := len(o.data); cap(o.data)-n > n/4+1024 {
		o.m.Reserve(int64(n))
		return bytes.Clone(o.data)
	}
	return o.data
}

// Gunzip decompresses a gzip file: its members, one after another. Header and data checksums, where there are such, must be right, and
// nothing but zeros, as a tape's blocks are filled with, may follow the last member. It charges 1 per 256 bytes of b and 1 per 256 that come out.
func Gunzip(b []byte, m Meter) ([]byte, error) {
	const format = "gzip"
	bad := func(reason string) ([]byte, error) { return nil, &Error{format, reason} }
	m.Charge(int64(len(b)) / 256)
	out := newOutput(m, format)
	f := newInflater(b, format, out.write)
	for first := true; first || f.pos < len(b); first = false {
		if rest := b[f.pos:]; !first && !bytes.HasPrefix(rest, gzipMagic) {
			if len(bytes.TrimLeft(rest, "\x00")) > 0 {
				return bad(moreBehind)
			}
			break
		}
		n, reason := gzipHeader(b[f.pos:])
		if reason != "" {
			return bad(reason)
		}
		f.pos += n
		begin := len(out.data)
		if err := f.stream(); err != nil {
			return nil, err
		}
		if f.pos+8 > len(b) {
			return bad(truncated)
		}
		data := out.data[begin:]
		if binary.LittleEndian.Uint32(b[f.pos:]) != crc32.ChecksumIEEE(data) || binary.LittleEndian.Uint32(b[f.pos+4:]) != uint32(len(data)) {
			return bad(badChecksum)
		}
		f.pos += 8
	}
	return out.result(), nil
}

var gzipMagic = []byte{0x1f, 0x8b}

// gzipHeader is the length of the header that b begins with, or what is wrong with it.
func gzipHeader(b []byte) (n int, wrong string) {
	if !bytes.HasPrefix(b, gzipMagic[:min(len(b), 2)]) {
		return 0, "no gzip header"
	}
	if len(b) < 10 {
		return 0, truncated
	}
	const (
		headerSum = 1 << 1
		extra     = 1 << 2
		name      = 1 << 3
		comment   = 1 << 4
	)
	flags := b[3]
	if b[2] != 8 || flags&0xe0 != 0 {
		return 0, "unsupported compression"
	}
	n = 10
	if flags&extra != 0 {
		if len(b) < n+2 {
			return 0, truncated
		}
		if n += 2 + int(binary.LittleEndian.Uint16(b[n:])); len(b) < n {
			return 0, truncated
		}
	}
	for _, flag := range []byte{name, comment} {
		if flags&flag != 0 {
			end := bytes.IndexByte(b[n:], 0)
			if end < 0 {
				return 0, truncated
			}
			n += end + 1
		}
	}
	if flags&headerSum != 0 {
		if len(b) < n+2 {
			return 0, truncated
		}
		if binary.LittleEndian.Uint16(b[n:]) != uint16(crc32.ChecksumIEEE(b[:n])) {
			return 0, badChecksum
		}
		n += 2
	}
	return n, ""
}

// UnZlib decompresses a zlib stream, whose checksum must be right and which nothing may follow. It charges as Gunzip does.
func UnZlib(b []byte, m Meter) ([]byte, error) {
	m.Charge(int64(len(b)) / 256)
	out := newOutput(m, "zlib")
	sum := adler32.New()
	n, err := zlibStream(b, "zlib", func(p []byte) error {
		sum.Write(p)
		return out.write(p)
	}, sum.Sum32)
	if err == nil && n < len(b) {
		err = &Error{"zlib", moreBehind}
	}
	if err != nil {
		return nil, err
	}
	return out.result(), nil
}

// zlibStream decompresses the zlib stream at the beginning of b into sink and gives its length. sum is the checksum of what sink got.
func zlibStream(b []byte, format string, sink func([]byte) error, sum func() uint32) (int, error) {
	if len(b) < 2 {
		return 0, &Error{format, truncated}
	}
	if b[0]&15 != 8 || b[0]>>4 > 7 || (int(b[0])<<8|int(b[1]))%31 != 0 {
		return 0, &Error{format, "no zlib header"}
	}
	if b[1]&0x20 != 0 {
		return 0, &Error{format, "unsupported: a preset dictionary"}
	}
	f := newInflater(b, format, sink)
	f.pos = 2
	if err := f.stream(); err != nil {
		return 0, err
	}
	if f.pos+4 > len(b) {
		return 0, &Error{format, truncated}
	}
	if binary.BigEndian.Uint32(b[f.pos:]) != sum() {
		return 0, &Error{format, badChecksum}
	}
	return f.pos + 4, nil
}
