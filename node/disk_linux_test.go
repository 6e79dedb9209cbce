package node

import (
	"syscall"
	"testing"
)

// TestNoRoom has a disk of 24 MiB, where this user may mount one.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	defer syscall.Unmount(dir, 2)
	if err := newWorkers("", dir, Limits{}).room(); err != errNoRoom {
		t.Errorf("got %v, want %v", err, errNoRoom)
	}
}
