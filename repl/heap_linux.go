// This file asks the kernel for huge pages.

package repl

import (
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

var advised sync.Once

// adviseHeap has the kernel back the heap's first GiB, or first quarter of the limit, by huge pages, once a process: of a program that
// allocates much, a third of the time would else go to faults of small ones. It takes address space, and no memory: a slice that nobody
// touches is advised and let go, and the heap grows where it was. The advice changes no behaviour, so errors are none.
func adviseHeap(limit int64) {
	if strconv.IntSize < 64 {
		return
	}
	advised.Do(func() {
		size := int(min(1<<30, limit/4))
		probe, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil { // ulimit -v, or strict overcommitment
			return
		}
		syscall.Munmap(probe)
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		var heap strings.Builder // its memory is not zeroed: make touched all of it in every fourth process, where the heap ended in pages that had been used
		heap.Grow(size)
		heap.WriteByte(0)
		syscall.Madvise(unsafe.Slice(unsafe.StringData(heap.String()), size), syscall.MADV_HUGEPAGE)
		debug.FreeOSMemory()
	})
}
