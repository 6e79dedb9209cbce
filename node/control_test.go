// This file takes away the file by which commands find the process that serves a store.

package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestControlGone: a node whose folder was taken away from under it says so.
func TestControlGone(t *testing.T) {
	s, n := open(t, Options{})
	c, err := n.control(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if info, err := os.Stat(filepath.Join(s.Dir(), controlFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the word: %v %v", info, err)
	}
	told := c.gone(t.Context(), 10*time.Millisecond)
	select {
	case err := <-told:
		t.Fatal(err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := os.Remove(filepath.Join(s.Dir(), controlFile)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-told:
		if !strings.Contains(err.Error(), s.Dir()) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not say so")
	}
}
