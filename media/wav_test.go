// This file tests audio.

package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// wav is a file of samples with a chunk of an odd size before them.
func wav(f Format, data []byte) []byte {
	b := f.appendHeader(nil, len(data))
	at := len(b) - 8
	b = bytes.Join([][]byte{b[:at], []byte("LIST\x03\x00\x00\x00abc\x00"), b[at:], data}, nil)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func samples(f Format, data []byte) []int64 {
	var out []int64
	for ; len(data) > 0; data = data[f.Bits/8:] {
		v := int64(0)
		for i := f.Bits/8 - 1; i >= 0; i-- {
			v = v<<8 | int64(data[i])
		}
		if f.Bits == 8 {
			v -= 128
		} else if v >= 1<<(f.Bits-1) {
			v -= 1 << f.Bits
		}
		out = append(out, v)
	}
	return out
}

func TestWav(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	m, _ := free()
	for _, bits := range []int{8, 16, 24, 32} {
		for _, channels := range []int{1, 2, 3} {
			for range 20 {
				f := Format{Channels: channels, Bits: bits, Rate: 8000}
				random := func() []byte {
					b := make([]byte, f.frame()*r.IntN(9))
					for i := range b {
						b[i] = byte(r.Uint32())
					}
					return b
				}
				x, y := random(), random()
				a, b := wav(f, x), wav(f, y)
				if got, frames, err := WavFormat(a, m); err != nil || got != f || frames != len(x)/f.frame() {
					t.Fatalf("%v: got %v, %d, %v", f, got, frames, err)
				}
				joined, err := JoinWav(a, b, m)
				if err != nil {
					t.Fatal(err)
				}
				if g, data, err := readWav(joined, m); err != nil || g != f || !bytes.Equal(data, append(bytes.Clone(x), y...)) {
					t.Fatalf("joined: got %v %v %v", g, data, err)
				}
				mixed, err := MixWav(a, b, m)
				if err != nil {
					t.Fatal(err)
				}
				g, data, err := readWav(mixed, m)
				if err != nil || g != f {
					t.Fatalf("mixed: got %v %v", g, err)
				}
				p, q := samples(f, x), samples(f, y)
				if len(p) < len(q) {
					p, q = q, p
				}
				for i, v := range q {
					p[i] = max(-1<<(bits-1), min(p[i]+v, 1<<(bits-1)-1))
				}
				if fmt.Sprint(samples(f, data)) != fmt.Sprint(p) {
					t.Fatalf("%v: mixed %v and %v: got %v, want %v", f, samples(f, x), samples(f, y), samples(f, data), p)
				}
			}
		}
	}
}

// What wrote to a pipe knew no lengths: the samples are what is there. What stands behind the samples may be cut, or lack its last byte.
func TestWavLengths(t *testing.T) {
	m, _ := free()
	f := Format{Channels: 1, Bits: 16, Rate: 8000}
	const riff, size = 4, 12 + 8 + 16 + 8 + 4 + 4 // where the lengths of the file and of its samples stand
	le := binary.LittleEndian
	le4 := func(n uint32) string { return string(le.AppendUint32(nil, n)) }
	for _, c := range []struct {
		riff, size   uint32 // 1 leaves what is there
		behind, want string
	}{
		{1<<32 - 1, 1<<32 - 1, "", "abcd"},
		{1<<32 - 1, 1<<32 - 1, "efg", "abcdef"},
		{0, 0, "", "abcd"},
		{0, 1<<32 - 1, "e", "abcd"},
		{0x7ffff024, 0x7ffff000, "", "abcd"},
		{1<<32 - 1, 0, "", "abcd"},
		{1<<32 - 1, 4, "LIST", "abcd"},
		{0, 2, "", "ab"},
		{1, 1<<32 - 1, "not the file's", "abcd"},
		{1, 0, "", ""},
		{200, 4, "LIST" + le4(5) + "hello", "abcd"},
		{200, 4, "LIST" + le4(5) + "he", "abcd"},
		{200, 4, "LI", "abcd"},
		{200, 3, "", "the last frame is not whole"},
		{200, 6, "", truncated},
		{0, 6, "", truncated},
		{1, 0x7fffefff, "", truncated},
		{200, 0, "efgh", ""},
		{3, 4, "", "too short"},
	} {
		b := append(wav(f, []byte("abcd")), c.behind...)
		if c.riff != 1 {
			le.PutUint32(b[riff:], c.riff)
		}
		if c.size != 1 {
			le.PutUint32(b[size:], c.size)
		}
		_, data, err := readWav(b, m)
		if got := string(data); err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) || err == nil && got != c.want {
			t.Errorf("lengths %#x and %#x, %q behind: got %q, %v, want %q", c.riff, c.size, c.behind, got, err, c.want)
		}
	}
	if _, _, err := WavFormat(le.AppendUint32([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), 16), m); err == nil || !strings.Contains(err.Error(), truncated) {
		t.Errorf("a piped file without samples: got %v", err)
	}
}

func TestBadWav(t *testing.T) {
	m, _ := free()
	f := Format{Channels: 2, Bits: 24, Rate: 44100}
	good := wav(f, make([]byte, 12))
	for n := range good {
		if _, _, err := WavFormat(good[:n], m); err == nil || !strings.Contains(err.Error(), truncated) {
			t.Errorf("cut after %d bytes: got %v", n, err)
		}
	}
	_, err := MixWav(good, wav(Format{Channels: 1, Bits: 24, Rate: 44100}, nil), m)
	if e, ok := err.(*Formats); !ok || e.A.Channels != 2 || e.B.Channels != 1 {
		t.Errorf("got %v, want different formats", err)
	}
}

func FuzzWav(f *testing.F) {
	for _, bits := range []int{8, 16, 24, 32} {
		f.Add(wav(Format{Channels: 1, Bits: bits, Rate: 8000}, make([]byte, 24)), wav(Format{Channels: 1, Bits: bits, Rate: 8000, mask: 4}, make([]byte, 48)))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		m, _ := free()
		mixed, err := MixWav(a, b, m)
		joined, err2 := JoinWav(a, b, m)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("got %v and %v", err, err2)
		}
		for _, out := range [][]byte{mixed, joined} {
			if _, _, err := WavFormat(out, m); out != nil && err != nil {
				t.Fatal(err)
			}
		}
	})
}
