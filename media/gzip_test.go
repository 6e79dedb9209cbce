// This file compares compressed data with Go's packages.

package media

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// texts are what is compressed: of all sizes, repetitive and not.
func texts() [][]byte {
	r := rand.New(rand.NewPCG(11, 12))
	out := [][]byte{nil, []byte("a"), []byte(strings.Repeat("a", 100_000)), []byte(strings.Repeat("to be or not to be, ", 5000))}
	for _, n := range []int{1, 2, 3, 100, 40_000, 200_000} {
		random, words := make([]byte, n), make([]byte, 0, n+10)
		for i := range random {
			random[i] = byte(r.Uint32())
		}
		for len(words) < n {
			words = append(words, strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(9))...)
		}
		out = append(out, random, words)
	}
	return out
}

func TestInflate(t *testing.T) {
	m, _ := free()
	for _, text := range texts() {
		for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
			var b bytes.Buffer
			for _, part := range [][]byte{text[:len(text)/3], text[len(text)/3:]} { // two members
				w, _ := gzip.NewWriterLevel(&b, level)
				w.Name, w.Comment, w.Extra = "näme", "comment", []byte("extra")
				w.Write(part)
				w.Close()
			}
			got, err := Gunzip(b.Bytes(), m)
			if err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%d bytes at level %d: got %d bytes, %v", len(text), level, len(got), err)
			}
		}
	}
}

func TestCompress(t *testing.T) {
	m, _ := free()
	for _, text := range texts() {
		b := compress(text, func() {})
		z, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes: Go reads %d, %v", len(text), len(got), err)
		}
		if got, err := UnZlib(b, m); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes: got %d, %v", len(text), len(got), err)
		}
	}
}

func TestBadGzip(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, strings.Repeat("hello, wörld ", 20))
	w.Close()
	good := b.Bytes()
	m, _ := free()
	for n := range good {
		if _, err := Gunzip(good[:n], m); err == nil || !strings.Contains(err.Error(), truncated) {
			t.Errorf("cut after %d bytes: got %v", n, err)
		}
	}
	for _, c := range []struct {
		at   int
		to   byte
		want string
	}{
		{0, 0, "no gzip header"}, {2, 7, "unsupported"}, {3, 0x80, "unsupported"}, {len(good) - 8, ^good[len(good)-8], badChecksum}, {len(good) - 4, 1, badChecksum},
	} {
		bad := bytes.Clone(good)
		bad[c.at] = c.to
		if _, err := Gunzip(bad, m); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("byte %d is %d: got %v, want %s", c.at, c.to, err, c.want)
		}
	}
	text, _ := Gunzip(good, m)
	for _, c := range []struct{ behind, want string }{ // as gzip(1) has it, but that it warns of more bytes
		{"\x00", ""}, {strings.Repeat("\x00", 100_000), ""}, {string(good), ""}, {string(good) + "\x00\x00", ""},
		{"rest", moreBehind}, {"\x00\x00rest", moreBehind}, {"\x1f", moreBehind}, {"\x1f\x8c", moreBehind}, {"\x00" + string(good), moreBehind},
		{"\x1f\x8b", truncated}, {string(good[:len(good)-1]), truncated},
	} {
		got, err := Gunzip([]byte(string(good)+c.behind), m)
		if c.want == "" && (err != nil || !bytes.HasPrefix(got, text)) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.20q behind the file: got %.20q, %v, want %q", c.behind, got, err, c.want)
		}
	}
}

// A small file that comes to more than there is fuel for is stopped on the way.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, 9)
	for range 64 {
		w.Write(make([]byte, 1<<20))
	}
	w.Close()
	steps, asked := int64(0), int64(0)
	m := Meter{Poll: func() {}, Reserve: func(n int64) { asked = max(asked, n) }, Charge: func(n int64) {
		if steps += n; steps > 10_000 {
			panic("fuel")
		}
	}}
	defer func() {
		if r := recover(); r != "fuel" || asked > 8<<20 {
			t.Errorf("got %v, with %d bytes", r, asked)
		}
	}()
	Gunzip(b.Bytes(), m)
}

func FuzzInflate(f *testing.F) {
	for _, text := range texts() {
		if len(text) > 200 {
			text = text[:200]
		}
		for _, level := range []int{0, 1, 9} {
			var b bytes.Buffer
			w, _ := flate.NewWriter(&b, level)
			w.Write(text)
			w.Close()
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 1 << 22
		var got []byte
		in := newInflater(b, "deflate", func(p []byte) error {
			if got = append(got, p...); len(got) > most {
				return errScan
			}
			return nil
		})
		err := in.stream()
		r := flate.NewReader(bytes.NewReader(b))
		want, wantErr := io.ReadAll(io.LimitReader(r, most+1))
		if len(got) > most || len(want) > most {
			return
		}
		// Go refuses distance codes of one word that is longer than a bit, as we do, and takes what is incomplete otherwise nowhere.
		if err == nil && wantErr != nil || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("got %d bytes, Go %d and %v", len(got), len(want), wantErr)
		}
	})
}
