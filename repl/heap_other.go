//go:build !linux

package repl

func adviseHeap(int64) {}
