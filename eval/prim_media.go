// This file holds the primitives of images, audio and compressed data: image.*, wav.*, gzip.* and zlib.*. Package media does the work.

package eval

import (
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/media"
)

var mediaPrims = []Spec{
	{"image.size", 1, 1, imageSize, "b: {width, height} of a PNG or JPEG image, in pixels, from its header; a malformed one is \"bad bytes\"; cost: 1 per 16 segments before the size"},
	{"image.scale", 3, 7, imageScale, "width height b: the PNG or JPEG image b scaled down to width times height, as PNG of 8 bits a sample; a size below 1 or above the image's is \"out of range\", a malformed image \"bad bytes\"; cost: 1 per 64 bytes, per 16 pixels of the image and of the answer, and per 4 blocks that the scans of a JPEG pass over"},
	{"wav.format", 1, 1, wavFormat, "b: {channels, rate, bits, frames} of a PCM WAV file; a malformed one is \"bad bytes\"; cost: 1 per 16 chunks before the samples"},
	{"wav.join", 2, 3, wavJoin, "a b: the WAV file of a's samples and then b's; \"different formats\" if channels, rate or bits differ; cost: 1 per 256 bytes of samples, and as wav.format"},
	{"wav.mix", 2, 3, wavMix, "a b: the WAV file of the sums of a's and b's samples, the greatest or least sample where a sum is beyond it, the shorter followed by silence; \"different formats\" if channels, rate or bits differ; cost: 1 per 64 bytes of samples of the answer, and as wav.format"},
	{"gzip.decompress", 1, 1, decompress(media.Gunzip), "b: what the gzip file b contains, at most 1 GiB; a malformed file, or one with a wrong checksum, is \"bad bytes\"; cost: 1 per 256 bytes of b, and per 256 decompressed"},
	{"zlib.decompress", 1, 1, decompress(media.UnZlib), "b: what the zlib stream b contains, at most 1 GiB; a malformed stream, or one with a wrong checksum, is \"bad bytes\"; cost: 1 per 256 bytes of b, and per 256 decompressed"},
}

// mediaMeter has package media ask the machine.
func mediaMeter(m *Machine) media.Meter {
	return media.Meter{Charge: m.Charge, Reserve: func(bytes int64) { reserve(m, bytes) }, Poll: m.poll}
}

// badBytes makes a program's error of one of package media.
func badBytes(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *media.Error:
		return Fail("bad bytes", graph.Record("format", e.Format, "reason", e.Reason))
	case *media.Formats:
		return Fail("different formats", graph.NewList(formatRecord(e.A), formatRecord(e.B)))
	}
	panic("BUG: " + err.Error())
}

func imageSize(m *Machine, args []graph.Value) (graph.Value, error) {
	b, err := wantBytes(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	width, height, err := media.ImageSize(b, mediaMeter(m))
	if err != nil {
		return graph.Value{}, badBytes(err)
	}
	return graph.Record("width", width, "height", height), nil
}

func imageScale(m *Machine, args []graph.Value) (graph.Value, error) {
	width, height, err := twoInts(args)
	if err != nil {
		return graph.Value{}, err
	}
	b, err := wantBytes(m, args[2])
	if err != nil {
		return graph.Value{}, err
	}
	size := graph.NewList(args[0], args[1])
	if width < 1 || height < 1 {
		return graph.Value{}, Fail("out of range", size)
	}
	out, err := media.ScaleImage(b, int(min(width, media.MaxPixels+1)), int(min(height, media.MaxPixels+1)), mediaMeter(m))
	if _, ok := err.(*media.TooLarge); ok {
		return graph.Value{}, Fail("out of range", size)
	}
	if err != nil {
		return graph.Value{}, badBytes(err)
	}
	return graph.BytesValue(out), nil
}

func formatRecord(f media.Format) graph.Value {
	return graph.Record("channels", f.Channels, "rate", f.Rate, "bits", f.Bits)
}

func wavFormat(m *Machine, args []graph.Value) (graph.Value, error) {
	b, err := wantBytes(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	f, frames, err := media.WavFormat(b, mediaMeter(m))
	if err != nil {
		return graph.Value{}, badBytes(err)
	}
	return graph.Record("channels", f.Channels, "rate", f.Rate, "bits", f.Bits, "frames", frames), nil
}

func wavJoin(m *Machine, args []graph.Value) (graph.Value, error) {
	return twoWavs(m, args, media.JoinWav)
}

func wavMix(m *Machine, args []graph.Value) (graph.Value, error) {
	return twoWavs(m, args, media.MixWav)
}

func twoWavs(m *Machine, args []graph.Value, f func(a, b []byte, m media.Meter) ([]byte, error)) (graph.Value, error) {
	a, err := wantBytes(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	b, err := wantBytes(m, args[1])
	if err != nil {
		return graph.Value{}, err
	}
	out, err := f(a, b, mediaMeter(m))
	if _, ok := err.(media.TooLong); ok {
		return graph.Value{}, Fail("out of range", graph.NewList(args[0], args[1]))
	}
	if err != nil {
		return graph.Value{}, badBytes(err)
	}
	return graph.BytesValue(out), nil
}

func decompress(f func([]byte, media.Meter) ([]byte, error)) func(*Machine, []graph.Value) (graph.Value, error) {
	return func(m *Machine, args []graph.Value) (graph.Value, error) {
		b, err := wantBytes(m, args[0])
		if err != nil {
			return graph.Value{}, err
		}
		out, err := f(b, mediaMeter(m))
		if err != nil {
			return graph.Value{}, badBytes(err)
		}
		return graph.BytesValue(out), nil
	}
}
