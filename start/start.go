// Package start prepares the heap of a process before other packages are initialised.
//
// A command that evaluates one expression may find its answer recorded, and then lasts about as long as the initialisation of what it is linked with: that
// makes 12 MB, most of it for web pages that it never serves. So its heap is put on huge pages, and the collector is off, before that memory is
// touched. Go initialises packages in the order of their paths, each after those that it imports, so one that imports next to nothing comes early.
//
// What else a process does about its heap it does later: see repl.Open.
package start

import (
	"os"
	"runtime/debug"
)

// percent is what the collector was set to; nothing is changed for commands of other kinds.
var percent = prepare()

func prepare() (percent int) {
	if !short(os.Args) {
		return unchanged
	}
	AdviseHeap(heapSize)
	return debug.SetGCPercent(-1)
}

const (
	unchanged = -2
	heapSize  = 1 << 30
)

// short says whether a command may be one that evaluates one expression. Flags may stand before its name.
func short(args []string) bool {
	for _, a := range args[min(1, len(args)):min(4, len(args))] {
		if a == "eval" || a == "run" || a == "work" {
			return true
		}
	}
	return false
}

// Done has garbage be collected again as the environment says. What evaluates one expression does without: Open says how it is collected there.
func Done() {
	if percent != unchanged {
		debug.SetGCPercent(percent)
	}
}
