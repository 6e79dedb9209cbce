package eval

import "unsafe"

// Each chunk of the machine's stack has a goroutine of its own (see hop). Go starts a goroutine's stack at some KiB and doubles it whenever it is
// full, which copies all frames and looks each of them up; for what recurses deep that takes half of the time. So a new goroutine's stack is made as large at
// once as that of the chunk before came to be. What nobody touches of it is no memory.

const (
	leastRoom = 1 << 20 // bytes; what is smaller grows soon enough
	mostRoom  = 8 << 20
)

// here is about where the stack of the goroutine ends. It means something only beside another one of that goroutine, and not where the stack was moved between.
func here() uintptr {
	var b byte
	return uintptr(unsafe.Pointer(&b))
}

// roomAfter is the room for the next goroutine where one that was given room, and whose stack began at base, has filled its chunk. base is 0
// for the first, whose stack has grown from little.
func roomAfter(base uintptr, given int) int {
	if base == 0 {
		return mostRoom
	}
	used := int(base - here())
	if used <= 0 || used > mostRoom { // it was moved; where that is not seen the next one may have to grow
		return min(2*given, mostRoom)
	}
	room := leastRoom / 2
	for room < mostRoom && used > room-room/16 {
		room *= 2
	}
	return room
}

// takeRoom makes the stack of the goroutine at least half and at most all of room, if it is not so large.
func takeRoom(room int) {
	const all, rest = 1 << 20, 64 << 10 // of which the rest is for who calls, and what is called
	switch {
	case room >= 8*all:
		frame[[(8*all - rest) / 2]byte](nil)
	case room >= 4*all:
		frame[[(4*all - rest) / 2]byte](nil)
	case room >= 2*all:
		frame[[(2*all - rest) / 2]byte](nil)
	case room >= all:
		frame[[(all - rest) / 2]byte](nil)
	}
}

// frame has a frame in which a T is laid out twice, to be copied and to be handed over. It is never done, but the stack has to have the place.
//
//go:noinline
func frame[T any](never *T) {
	if never != nil {
		handed(*never)
	}
}

//go:noinline
func handed[T any](T) {}
