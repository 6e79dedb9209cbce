// This file tests the primitives of images, audio and compressed data: that the machine bounds and stops them, and what a program sees of
// bad input. Package media tests what they compute.

package eval

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

func gzipped(size int) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, 9)
	for ; size > 0; size -= 1 << 16 {
		w.Write(make([]byte, min(size, 1<<16)))
	}
	w.Close()
	return b.Bytes()
}

func pngOf(w, h int) []byte {
	var b bytes.Buffer
	png.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h)))
	return b.Bytes()
}

func TestMediaPrims(t *testing.T) {
	b := newBench(t, 1<<28)
	wav := func(bits string) string {
		return map[string]string{
			"8":  "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAyA",
			"16": "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAACAyA",
		}[bits]
	}
	picture := graph.BytesValue(pngOf(4, 2))
	of := func(s string) string { return `{"/": {"bytes": "` + s + `"}}` }
	shown := b.show(picture)
	b.run([]primCase{
		{"image.size", shown, `{"height":2,"width":4}`},
		{"image.size", `"text"`, `wrong kind: {"got":"text","want":"bytes"}`},
		{"image.size", of(""), `bad bytes: {"format":"image","reason":"neither PNG nor JPEG"}`},
		{"image.size", of("/9g"), `bad bytes: {"format":"jpeg","reason":"truncated"}`},
		{"image.scale", "0, 1, " + shown, `out of range: [0,1]`},
		{"image.scale", "5, 1, " + shown, `out of range: [5,1]`},
		{"image.scale", "1, 1267650600228229401496703205376, " + shown, `out of range: [1,1267650600228229401496703205376]`},
		{"image.scale", "1.0, 1, " + shown, `wrong kind: {"got":1.0,"want":"int"}`},
		{"gzip.decompress", of("H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA"), `{"/":{"bytes":"aGVsbG8"}}`},
		{"gzip.decompress", of("H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAQ"), `bad bytes: {"format":"gzip","reason":"bad checksum"}`},
		{"gzip.decompress", of("H4sI"), `bad bytes: {"format":"gzip","reason":"truncated"}`},
		{"zlib.decompress", of("eJwDAAAAAAE"), `{"/":{"bytes":""}}`},
		{"zlib.decompress", of("eJwDAAAAAAEA"), `bad bytes: {"format":"zlib","reason":"more bytes behind the end"}`},
		{"wav.format", of(wav("8")), `{"bits":8,"channels":1,"frames":2,"rate":8000}`},
		{"wav.format", of(wav("16")), `{"bits":16,"channels":1,"frames":1,"rate":8000}`},
		{"wav.mix", of(wav("8")) + "," + of(wav("16")), `different formats: [{"bits":8,"channels":1,"rate":8000},{"bits":16,"channels":1,"rate":8000}]`},
		{"wav.join", of(wav("8")) + "," + of(""), `bad bytes: {"format":"wav","reason":"truncated"}`},
	})
}

// What they cost is what the documentation says.
func TestMediaCosts(t *testing.T) {
	b := newBench(t, 1<<28)
	packed := gzipped(100_000)
	picture := pngOf(50, 30)
	for _, c := range []struct {
		prim string
		args []graph.Value
		want int
	}{
		{"gzip.decompress", []graph.Value{graph.BytesValue(packed)}, len(packed)/256 + 100_000/256},
		{"gzip.decompress", []graph.Value{graph.BytesValue(packed[:len(packed)-1])}, (len(packed)-1)/256 + 100_000/256},
		{"image.size", []graph.Value{graph.BytesValue(picture)}, 0},
		{"image.scale", []graph.Value{graph.Int(8), graph.Int(4), graph.BytesValue(picture)}, len(picture)/64 + 50*30/16 + 8*4/16},
	} {
		if got := b.steps(func() { b.call(c.prim, c.args...) }); got != uint64(c.want) {
			t.Errorf("%s: got %d steps, want %d", c.prim, got, c.want)
		}
	}
}

// Small inputs that ask for much end at the memory limit, at fuel, or at the deadline.
func TestHostileMedia(t *testing.T) {
	huge := bytes.Clone(pngOf(1, 1)) // its header says 16,384 times 16,384 pixels, interlaced
	binary.BigEndian.PutUint32(huge[16:], 1<<14)
	binary.BigEndian.PutUint32(huge[20:], 1<<14)
	huge[28] = 1
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	bomb := gzipped(100 << 20)
	for _, c := range []struct {
		prim string
		args []graph.Value
		opt  Options
		want StopReason
	}{
		{"gzip.decompress", []graph.Value{graph.BytesValue(bomb)}, Options{Memory: 64 << 20}, MemoryLimit},
		{"image.scale", []graph.Value{graph.Int(1 << 14), graph.Int(1 << 14), graph.BytesValue(huge)}, Options{Memory: 256 << 20}, MemoryLimit},
		{"gzip.decompress", []graph.Value{graph.BytesValue(bomb)}, Options{}, Deadline},
		{"image.scale", []graph.Value{graph.Int(1000), graph.Int(1000), graph.BytesValue(pngOf(3000, 3000))}, Options{}, Deadline},
	} {
		c.opt.Link = None
		m := New(c.opt)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		if c.want != Deadline {
			ctx = context.Background()
		}
		began := time.Now()
		_, thrown, err := m.Primitive(ctx, c.prim, c.args...)
		took := time.Since(began)
		cancel()
		if s, ok := err.(*Stop); !ok || s.Reason != c.want || thrown != nil || took > 20*time.Second {
			t.Errorf("%s: got %v %v after %v, want %v", c.prim, err, thrown, took, c.want)
		}
		t.Logf("%s: %v after %v", c.prim, err, took)
	}
}
