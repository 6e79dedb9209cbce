// This file puts a store on a disk that has little room.

package node

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rosser-lang/rosser/graph/store"
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
	// The user may pull all the same; what he follows does not come by itself.
	ctx := context.Background()
	a, from := open(t, loopback)
	old := fill(t, a, "numbers", 2)
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, err := Open(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.Pull(ctx, Pull{From: from.Addrs()[0].String()}, nil); err != nil {
		t.Fatal(err)
	}
	root := fill(t, a, "numbers", 3)
	if _, err := n.heard(ctx, from.ID(), Shared{"numbers", root.String()}); err != errNoRoom {
		t.Errorf("got %v, want %v", err, errNoRoom)
	}
	if is, err := s.Root(ctx, store.FollowRoot+"numbers"); err != nil || is != old {
		t.Errorf("got %s, %v, want %s", is, err, old)
	}
}
