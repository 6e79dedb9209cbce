package eval

import (
	"runtime/debug"
	"testing"
)

// deeper calls f below n frames of a KiB and more.
//
//go:noinline
func deeper(n int, f func()) int {
	var frame [1 << 10]byte
	if n == 0 {
		f()
		return int(frame[n])
	}
	frame[n%len(frame)] = byte(n)
	return deeper(n-1, f) + int(frame[(n+1)%len(frame)])
}

func TestRoom(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which halves a stack of which less than a quarter is used
	for _, test := range []struct{ given, frames, want int }{
		{8 << 20, 100, leastRoom / 2},
		{8 << 20, 1500, 2 << 20},
		{8 << 20, 3000, 4 << 20},
		{4 << 20, 3000, 4 << 20},
		{4 << 20, 1500, 2 << 20},
		{2 << 20, 1500, 2 << 20},
		{8 << 20, 6500, mostRoom},
	} {
		got := make(chan int)
		go func() {
			takeRoom(test.given)
			base := here()
			deeper(test.frames, func() { got <- roomAfter(base, test.given) })
		}()
		if room := <-got; room != test.want {
			t.Errorf("%d frames of a KiB in a room of %d: got %d for the next one, want %d", test.frames, test.given, room, test.want)
		}
	}
	if room := roomAfter(0, leastRoom); room != mostRoom {
		t.Errorf("after the first stack: got %d, want %d", room, mostRoom)
	}
	if room := roomAfter(here()-1<<30, 2<<20); room != 4<<20 {
		t.Errorf("after a stack that was moved: got %d, want %d", room, 4<<20)
	}
}
