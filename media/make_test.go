// This file makes the pictures and sounds of tests/data, and the pictures of testdata before libjpeg's tools recoded them. What encoders write may
// differ from one release to the next, so what they wrote is kept.

package media

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var makeData = flag.String("make", "", "the folder into which TestMake puts the files")

// lake is a picture: a sky with a sun, hills, and water that mirrors them, with some noise.
func lake(w, h int) *image.NRGBA {
	r := rand.New(rand.NewPCG(19, 20))
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			light := 1.0
			if v > 0.62 { // the water
				v = 1.24 - v + 0.012*math.Sin(160*v*v)
				light = 0.75
			}
			c := [3]float64{90 + 130*v, 130 + 90*v, 210 - 20*v}
			sun := math.Exp(-160 * ((u-0.7)*(u-0.7) + (v-0.22)*(v-0.22)))
			for i, s := range [3]float64{165, 120, 30} {
				c[i] += s * sun
			}
			for i, ridge := range []float64{0.36 + 0.06*math.Sin(7*u) + 0.03*math.Sin(19*u), 0.48 + 0.05*math.Sin(5*u+2) + 0.02*math.Sin(31*u)} {
				if v > ridge {
					c = [3]float64{70 - 30*float64(i), 95 - 15*float64(i), 90 - 45*float64(i)}
				}
			}
			noise := 9 * (r.Float64() - 0.5)
			for i := range c {
				c[i] = max(0, min(light*c[i]+noise, 255))
			}
			img.SetNRGBA(x, y, color.NRGBA{byte(c[0]), byte(c[1]), byte(c[2]), 255})
		}
	}
	return img
}

// tone is a tone that fades: samples of 16 bits, 8,000 a second.
func tone(frequency, seconds float64) []byte {
	var data []byte
	for i := range int(8000 * seconds) {
		t := float64(i) / 8000
		v := int16(22000 * math.Exp(-3*t) * math.Sin(2*math.Pi*frequency*t))
		data = append(data, byte(v), byte(v>>8))
	}
	return wav(Format{Channels: 1, Rate: 8000, Bits: 16}, data)
}

func TestMake(t *testing.T) {
	if *makeData == "" {
		t.Skip("without -make there is nothing to do")
	}
	img := lake(160, 120)
	cut := image.NewNRGBA(img.Rect) // a round picture: what is outside is transparent, and the edge partly
	for y := range 120 {
		for x := range 160 {
			c := img.NRGBAAt(x, y)
			c.A = byte(255 * max(0, min((58-math.Hypot(float64(x)-80, float64(y)-60))/4, 1)))
			cut.SetNRGBA(x, y, c)
		}
	}
	var p, j bytes.Buffer
	if err := png.Encode(&p, cut); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&j, img, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"lake.png": p.Bytes(), "lake.jpg": j.Bytes(), "a.wav": tone(440, 0.3), "e.wav": tone(659.25, 0.2)} {
		if err := os.WriteFile(filepath.Join(*makeData, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
