//go:build !linux

package start

// AdviseHeap does nothing here.
func AdviseHeap(int64) {}
