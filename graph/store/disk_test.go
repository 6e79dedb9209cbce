// This file tests what a store does when it cannot write.

package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// fill writes into the store in dir until that fails, and checks what a store must still do then.
func fill(dir string, fs vfs.FS) error {
	s, err := Open(dir, Options{FS: fs})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	first := makeFact(0, "own:1")
	if err := first.tryPut(s); err != nil {
		return err
	}
	if err := s.Flush(bg); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	for i := 1; ; i++ {
		err = makeFact(i, "own:1").tryPut(s)
		if err == nil && i%100 == 0 {
			err = s.Flush(bg)
		}
		if err != nil {
			break
		}
		if i > 40000 {
			return errors.New("it never got full")
		}
	}
	if again := s.Put(bg, makeFact(-1, "own:1").blocks...); again == nil || again.Error() != err.Error() {
		return fmt.Errorf("the error does not stay: %v, then %v", err, again)
	}
	if again := s.Flush(bg); again == nil || again.Error() != err.Error() {
		return fmt.Errorf("the error does not stay: %v, then flush: %v", err, again)
	}
	for range 3 {
		if _, ok, err := s.Answer(bg, first.answer.Expr); !ok || err != nil {
			return fmt.Errorf("reading after it was full: %v, %v", ok, err)
		}
	}
	begin := time.Now()
	if again := s.Close(); again == nil {
		return errors.New("close does not tell")
	}
	if d := time.Since(begin); d > 10*time.Second {
		return fmt.Errorf("close took %v", d)
	}
	return full{err}
}

// full says that all is as it should be, and what the error of the full disk was.
type full struct{ err error }

func (f full) Error() string { return "full: " + f.err.Error() }

// TestFileLimit is another kind of full.
func TestFileLimit(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("ROSSER_STORE_TEST=limited %d", 3<<20), "ROSSER_STORE_DIR="+dir)
	out, _ := cmd.CombinedOutput()
	if !strings.HasPrefix(string(out), "full: ") || !strings.Contains(string(out), "file too large") {
		t.Errorf("got %s", out)
	}
	checkWhole(t, open(t, dir))
}

// TestFailingDisk fails the n-th write to the disk and all after it, for many n.
func TestFailingDisk(t *testing.T) {
	for _, n := range []int32{0, 1, 2, 5, 10, 12, 14, 16, 18, 20, 25, 30, 40, 60, 100, 200, 400} {
		dir := t.TempDir()
		var left = n
		var mu sync.Mutex
		inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if left--; left >= 0 {
				return nil
			}
			return syscall.ENOSPC
		})
		done := make(chan error, 1)
		go func() { done <- fill(dir, errorfs.Wrap(vfs.Default, inject)) }()
		select {
		case err := <-done:
			if !errors.Is(err, syscall.ENOSPC) && !(errors.As(err, new(full)) && errors.Is(err.(full).err, syscall.ENOSPC)) {
				t.Errorf("from write %d on: %v", n, err)
			}
		case <-time.After(60 * time.Second):
			t.Fatalf("from write %d on: hangs", n)
		}
		if s, err := Open(dir, Options{}); err != nil {
			t.Errorf("from write %d on: afterwards: %v", n, err)
		} else {
			checkWhole(t, s)
			s.Close()
		}
	}
}
