// This file compares images with Go's decoders and with exact arithmetic.

package media

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// free is a Meter that asks nobody, and counts.
func free() (Meter, *int64) {
	steps := new(int64)
	return Meter{Charge: func(n int64) { *steps += n }, Reserve: func(int64) {}, Poll: func() {}}, steps
}

// goImages are the images that Go's own tests have, where Go's source is.
func goImages(t *testing.T, patterns ...string) []string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, p := range patterns {
		found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src/image", p))
		files = append(files, found...)
	}
	own, _ := filepath.Glob("testdata/*.jpg")
	for _, f := range own {
		if filepath.Ext(patterns[0]) == ".jpeg" {
			files = append(files, f)
		}
	}
	return files
}

// same decodes b, scaled to its own size and as Go does, and gives the greatest difference of two samples.
func same(t *testing.T, b []byte, want image.Image) int {
	t.Helper()
	m, _ := free()
	size := want.Bounds()
	if w, h, err := ImageSize(b, m); err != nil || w != size.Dx() || h != size.Dy() {
		t.Fatalf("size: got %d, %d, %v, want %v", w, h, err, size)
	}
	out, err := ScaleImage(b, size.Dx(), size.Dy(), m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	worst := 0
	for y := range size.Dy() {
		for x := range size.Dx() {
			g, w := straight(got.At(x, y)), straight(want.At(size.Min.X+x, size.Min.Y+y))
			if w[3] == 0 {
				w = [4]int{}
			}
			for i := range w {
				n, wanted := g[i]/257, (w[i]*255+32767)/65535
				worst = max(worst, n-wanted, wanted-n)
			}
		}
	}
	return worst
}

// straight is a colour's samples of 16 bits, not premultiplied.
func straight(c color.Color) [4]int {
	switch c := c.(type) {
	case color.NRGBA:
		return [4]int{int(c.R) * 257, int(c.G) * 257, int(c.B) * 257, int(c.A) * 257}
	case color.NRGBA64:
		return [4]int{int(c.R), int(c.G), int(c.B), int(c.A)}
	}
	r, g, b, a := c.RGBA()
	return [4]int{int(r), int(g), int(b), int(a)}
}

func TestPNG(t *testing.T) {
	for _, file := range goImages(t, "png/testdata/pngsuite/*.png", "testdata/*.png") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if d := same(t, b, want); d > 0 {
			t.Errorf("%s: differs by %d", filepath.Base(file), d)
		}
	}
	// Every format, all filters, interlaced and not.
	r := rand.New(rand.NewPCG(1, 2))
	for _, format := range pngFormats {
		for _, interlaced := range []bool{false, true} {
			for _, size := range [][2]int{{1, 1}, {1, 9}, {7, 3}, {33, 17}} {
				b := randomPNG(r, size[0], size[1], format[0], format[1], interlaced, r.IntN(2) == 0)
				want, err := png.Decode(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				if d := same(t, b, want); d > 0 {
					t.Errorf("colour type %d, depth %d, interlaced %v, %v: differs by %d", format[0], format[1], interlaced, size, d)
				}
			}
		}
	}
}

var pngFormats = [][2]int{{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {3, 1}, {3, 2}, {3, 4}, {3, 8}, {4, 8}, {4, 16}, {6, 8}, {6, 16}}

// randomPNG is a PNG of random bytes behind random filters.
func randomPNG(r *rand.Rand, w, h, colour, depth int, interlaced, clear bool) []byte {
	channels := map[int]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
	var data []byte
	pass := func(w, h int) {
		for range h {
			data = append(data, byte(r.IntN(5)))
			for range (w*channels*depth + 7) / 8 {
				data = append(data, byte(r.Uint32()))
			}
		}
	}
	lace := byte(0)
	if interlaced {
		lace = 1
		for _, p := range passes {
			if pw, ph := (w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3]; pw > 0 && ph > 0 {
				pass(pw, ph)
			}
		}
	} else {
		pass(w, h)
	}
	out := appendChunk([]byte(pngSignature), "IHDR", []byte{0, 0, 0, byte(w), 0, 0, 0, byte(h), byte(depth), byte(colour), 0, 0, lace})
	if colour == 3 {
		palette := make([]byte, 3<<depth)
		for i := range palette {
			palette[i] = byte(r.Uint32())
		}
		out = appendChunk(out, "PLTE", palette)
	}
	if clear && colour <= 3 {
		out = appendChunk(out, "tRNS", []byte{0, 1, 0, 1, 0, 1}[:2*channels])
	}
	packed := compress(data, func() {})
	cut := r.IntN(len(packed))
	out = appendChunk(appendChunk(out, "IDAT", packed[:cut]), "IDAT", packed[cut:])
	return appendChunk(out, "IEND", nil)
}

func TestJPEG(t *testing.T) {
	files := goImages(t, "testdata/*.jpeg")
	if len(files) == 0 {
		t.Error("no files")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := b
		if name := strings.TrimSuffix(file, "422restart.jpg"); name != file { // which Go refuses: the same without restart markers
			if plain, err = os.ReadFile(name + "422.jpg"); err != nil {
				t.Fatal(err)
			}
		}
		want, err := jpeg.Decode(bytes.NewReader(plain))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		d := same(t, b, want)
		t.Logf("%s: differs by %d", filepath.Base(file), d)
		if d > 4 {
			t.Errorf("%s: differs by %d", filepath.Base(file), d)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][2]int{{1, 1}, {8, 8}, {17, 9}, {100, 75}} {
		img := image.NewRGBA(image.Rect(0, 0, size[0], size[1]))
		grey := image.NewGray(img.Rect)
		for y := range size[1] {
			for x := range size[0] {
				img.Set(x, y, color.RGBA{byte(x * 3), byte(y*2 + r.IntN(40)), byte(x + y), 255})
				grey.Set(x, y, color.Gray{byte(x*y + r.IntN(20))})
			}
		}
		for _, quality := range []int{5, 50, 95, 100} {
			for _, img := range []image.Image{img, grey} {
				var b bytes.Buffer
				jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
				want, _ := jpeg.Decode(bytes.NewReader(b.Bytes()))
				if d := same(t, b.Bytes(), want); d > 4 {
					t.Errorf("%v, quality %d: differs by %d", size, quality, d)
				}
			}
		}
	}
}

// TestScale compares with fractions.
func TestScale(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 40 {
		w, h := 1+r.IntN(12), 1+r.IntN(12)
		deep := r.IntN(2) == 1
		depth := 8
		if deep {
			depth = 16
		}
		b := randomPNG(r, w, h, pngRGBA, depth, false, false)
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		ow, oh := 1+r.IntN(w), 1+r.IntN(h)
		m, steps := free()
		out, err := ScaleImage(b, ow, oh, m)
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(len(b)/64 + w*h/16 + ow*oh/16); *steps != want {
			t.Errorf("got %d steps, want %d", *steps, want)
		}
		got, err := png.Decode(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		for y := range oh {
			for x := range ow {
				var sums [4]*big.Rat // alpha and what is multiplied by it
				for i := range sums {
					sums[i] = new(big.Rat)
				}
				for sy := range h {
					for sx := range w {
						area := new(big.Rat).Mul(overlap(sx, x, w, ow), overlap(sy, y, h, oh))
						var c [4]int64
						if deep {
							p := img.(*image.NRGBA64).NRGBA64At(sx, sy)
							c = [4]int64{int64(p.R), int64(p.G), int64(p.B), int64(p.A)}
						} else {
							p := img.(*image.NRGBA).NRGBAAt(sx, sy)
							c = [4]int64{int64(p.R), int64(p.G), int64(p.B), int64(p.A)}
						}
						for i := range 3 {
							sums[i].Add(sums[i], new(big.Rat).Mul(area, big.NewRat(c[i]*c[3], 1)))
						}
						sums[3].Add(sums[3], new(big.Rat).Mul(area, big.NewRat(c[3], 1)))
					}
				}
				max := int64(255)
				if deep {
					max = 65535
				}
				pixel := new(big.Rat).Mul(big.NewRat(int64(w), int64(ow)), big.NewRat(int64(h), int64(oh)))
				want := color.NRGBA{A: nearest(sums[3], pixel, max)}
				want.R, want.G, want.B = nearest(sums[0], sums[3], max), nearest(sums[1], sums[3], max), nearest(sums[2], sums[3], max)
				if g := color.NRGBAModel.Convert(got.At(x, y)); g != want {
					t.Fatalf("%d x %d to %d x %d: pixel %d, %d: got %v, want %v", w, h, ow, oh, x, y, g, want)
				}
			}
		}
	}
}

// overlap is how much of pixel i of n is in the x-th of m equal parts.
func overlap(i, x, n, m int) *big.Rat {
	from, to := big.NewRat(int64(x*n), int64(m)), big.NewRat(int64((x+1)*n), int64(m))
	if p := big.NewRat(int64(i), 1); p.Cmp(from) > 0 {
		from = p
	}
	if p := big.NewRat(int64(i+1), 1); p.Cmp(to) < 0 {
		to = p
	}
	if from.Cmp(to) >= 0 {
		return new(big.Rat)
	}
	return to.Sub(to, from)
}

func nearest(n, d *big.Rat, max int64) byte {
	if d.Sign() == 0 {
		return 0
	}
	q := new(big.Rat).Quo(n, d)
	q.Mul(q, big.NewRat(255, max)).Add(q, big.NewRat(1, 2))
	return byte(new(big.Int).Div(q.Num(), q.Denom()).Int64())
}

func TestBadImages(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	m, _ := free()
	good := randomPNG(r, 20, 20, 6, 8, false, false)
	var photo bytes.Buffer
	jpeg.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 40, 30)), nil)
	for _, b := range [][]byte{good, photo.Bytes()} {
		for n := range len(b) {
			if _, err := ScaleImage(b[:n], 1, 1, m); err == nil {
				t.Fatalf("an image cut after %d of %d bytes is no error", n, len(b))
			}
		}
	}
	if _, err := ScaleImage(good, 21, 1, m); fmt.Sprint(err) != "larger than the image" {
		t.Errorf("got %v", err)
	}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1 << r.IntN(8)
		if _, err := ScaleImage(b, 1, 1, m); err == nil {
			t.Errorf("byte %d is wrong, and there is no error", i)
		}
	}
}

func FuzzPNG(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, format := range pngFormats {
		f.Add(randomPNG(r, 5, 3, format[0], format[1], r.IntN(2) == 0, r.IntN(2) == 0), 2, 2)
	}
	f.Fuzz(fuzzImage)
}

func FuzzJPEG(f *testing.F) {
	for _, img := range []image.Image{image.NewGray(image.Rect(0, 0, 9, 9)), image.NewRGBA(image.Rect(0, 0, 17, 9))} {
		var b bytes.Buffer
		jpeg.Encode(&b, img, nil)
		f.Add(b.Bytes(), 1, 1)
	}
	files, _ := filepath.Glob("testdata/*.jpg")
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && len(b) < 4096 {
			f.Add(b, 1, 1)
		}
	}
	f.Fuzz(fuzzImage)
}

// What an image comes to is bounded by what was charged and asked for, and the same each time.
func fuzzImage(t *testing.T, b []byte, w, h int) {
	type broke struct{}
	run := func() (out []byte, steps int64, err error) {
		asked := int64(0)
		m := Meter{Poll: func() {}, Charge: func(n int64) {
			if steps += n; steps > 1<<20 {
				panic(broke{})
			}
		}, Reserve: func(n int64) {
			if asked += n; asked > 1<<28 {
				panic(broke{})
			}
		}}
		defer func() {
			if r := recover(); r != nil && r != any(broke{}) {
				panic(r)
			}
		}()
		out, err = ScaleImage(b, max(1, w), max(1, h), m)
		return
	}
	out, steps, err := run()
	again, steps2, err2 := run()
	if !bytes.Equal(out, again) || fmt.Sprint(err) != fmt.Sprint(err2) || steps != steps2 {
		t.Fatalf("got %v in %d steps, then %v in %d", err, steps, err2, steps2)
	}
	if out != nil {
		if _, err := png.Decode(bytes.NewReader(out)); err != nil {
			t.Fatal(err)
		}
	}
}
