// This file tests a store on a disk that is full.

package store

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// TestFullDisk has a disk of 24 MiB, where this user may mount one.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	defer syscall.Unmount(dir, 2)
	err := fill(filepath.Join(dir, "store"), nil)
	if !errors.As(err, new(full)) || !errors.Is(err.(full).err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Fatal(err)
	}
	// Open again while it is full: what is there can be read.
	s, err := Open(filepath.Join(dir, "store"), Options{})
	if err != nil && strings.Contains(err.Error(), "store check --repair") { // the database's log may end where it cannot be read
		if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=96m"); err != nil {
			t.Fatal(err)
		}
		if _, err := Repair(bg, filepath.Join(dir, "store"), Options{}, func(p Problem) { t.Log(p) }); err != nil {
			t.Fatal(err)
		}
		s, err = Open(filepath.Join(dir, "store"), Options{})
	}
	if err != nil {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		t.Logf("a full store does not open: %v", err)
		return
	}
	if _, ok, err := s.Answer(bg, makeFact(0, "own:1").answer.Expr); !ok || err != nil {
		t.Errorf("reading: got %v, %v", ok, err)
	}
	n := func() int {
		var page []entry
		s.ask(bg, func(l link) (err error) { page, err = l.scan([]byte{answerPrefix}, nil, 1<<20); return })
		for _, e := range page {
			a, err := readAnswer(cid.MustParse(e.key[1:]), e.value)
			if err != nil {
				t.Fatal(err)
			}
			if err := graph.ResultBlocks(a.Result, graph.LoaderOf(bg, s), nil); err != nil {
				t.Fatalf("an answer without its blocks: %v", err)
			}
		}
		return len(page)
	}()
	if n == 0 {
		t.Error("nothing is left")
	}
	s.Close()
}
