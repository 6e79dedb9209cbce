// This file asks the kernel for huge pages.

package start

import (
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

var advised sync.Once

// AdviseHeap has the kernel back so much of the heap by huge pages, a GiB at most, once a process: of a program that
// allocates much, a third of the time would else go to faults of small ones. It takes address space, and no memory: a slice that nobody
// touches is advised and let go, and the heap grows where it was. The advice changes no behaviour, so errors are none.
func AdviseHeap(most int64) {
	if strconv.IntSize < 64 {
		return
	}
	advised.Do(func() {
		size := int(min(heapSize, most))
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
