// Package media decodes, scales and encodes what programs meet as bytes: PNG and JPEG images, gzip and zlib streams, PCM WAV audio.
//
// [ImageSize] and [ScaleImage] work on images, [Gunzip] and [UnZlib] decompress, [WavFormat], [MixWav] and [JoinWav] work on audio.
// Everything is computed in integers, and the bytes that come out depend on this package alone: on no library, Go release or machine.
// What is wrong with the input is an [Error]; a [Meter] is asked for steps and memory before they are taken.
package media

import "fmt"

// A Meter is who pays for the work. Any of its functions may panic to end it.
type Meter struct {
	Charge  func(steps int64)
	Reserve func(bytes int64) // called before that much is allocated
	Poll    func()            // called every millisecond or so of work that was charged in advance
}

// An Error says what is wrong with the input.
type Error struct{ Format, Reason string }

func (e *Error) Error() string { return fmt.Sprintf("bad %s: %s", e.Format, e.Reason) }

// What is common to formats.
const (
	truncated   = "truncated"
	badChecksum = "bad checksum"
	moreBehind  = "more bytes behind the end"
)

// A tally charges 1 for every so many units, as they come.
type tally struct {
	charge  func(int64)
	per     int64
	pending int64
}

func (t *tally) add(n int) {
	t.pending += int64(n)
	if t.pending >= t.per {
		steps := t.pending / t.per
		t.pending %= t.per
		t.charge(steps)
	}
}
