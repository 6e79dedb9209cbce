// This file measures bytes and pixels a second.

package media

import (
	"bytes"
	"compress/gzip"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
)

// photo is like a photograph: smooth, with some noise.
func photo(w, h int) *image.NRGBA {
	r := rand.New(rand.NewPCG(15, 16))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			n := r.IntN(12)
			img.SetNRGBA(x, y, color.NRGBA{byte(200*x/w + n), byte(200*y/h + n), byte(100*(x+y)/(w+h) + 60 + n), 255})
		}
	}
	return img
}

func benchScale(b *testing.B, data []byte, w, h int) {
	m, _ := free()
	b.SetBytes(int64(w * h))
	for b.Loop() {
		if _, err := ScaleImage(data, 320, 240, m); err != nil {
			b.Fatal(err)
		}
	}
}

// A pixel counts as a byte.
func BenchmarkScale(b *testing.B) {
	const w, h = 2000, 1500
	var p, j bytes.Buffer
	if err := png.Encode(&p, photo(w, h)); err != nil {
		b.Fatal(err)
	}
	if err := jpeg.Encode(&j, photo(w, h), &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	b.Run("png", func(b *testing.B) { benchScale(b, p.Bytes(), w, h) })
	b.Run("jpeg", func(b *testing.B) { benchScale(b, j.Bytes(), w, h) })
	b.Run("same size", func(b *testing.B) {
		m, _ := free()
		b.SetBytes(w * h)
		for b.Loop() {
			if _, err := ScaleImage(j.Bytes(), w, h, m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGunzip(b *testing.B) {
	r := rand.New(rand.NewPCG(17, 18))
	var text strings.Builder
	for text.Len() < 8<<20 {
		text.WriteString([]string{"the ", "quick ", "brown ", "fox ", "jumps ", "over ", "lazy ", "dogs\n", "0123", "größe "}[r.IntN(10)])
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(text.String()))
	w.Close()
	m, _ := free()
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := Gunzip(z.Bytes(), m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMix(b *testing.B) {
	a := wav(Format{Channels: 2, Bits: 16, Rate: 44100}, make([]byte, 8<<20))
	m, _ := free()
	b.SetBytes(8 << 20)
	for b.Loop() {
		if _, err := MixWav(a, a, m); err != nil {
			b.Fatal(err)
		}
	}
}
