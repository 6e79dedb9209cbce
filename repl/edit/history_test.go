// This file tests the history's file.

package edit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	h, err := OpenHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []string{"a", "a", "let x =\n  1", "  ", strings.Repeat("x", maxEntry+1), "b"} {
		if err := h.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	// What another session or a hand has put there.
	f, _ := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	f.WriteString("not JSON\n\"c\"\n[1]\n\"cut sho")
	f.Close()
	want := []string{"a", "let x =\n  1", "b", "c"}
	if h, err = OpenHistory(path); err != nil || !slices.Equal(h.Entries, want) {
		t.Errorf("got %q, %v, want %q", h.Entries, err, want)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
}

// A file that grows for years is cut.
func TestHistoryGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var text strings.Builder
	for i := range 2*maxEntries + 7 {
		fmt.Fprintf(&text, "\"entry %d\"\n", i)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h, err := OpenHistory(path)
		if err != nil || len(h.Entries) != maxEntries || h.Entries[maxEntries-1] != fmt.Sprintf("entry %d", 2*maxEntries+6) {
			t.Fatalf("got %d entries, %v", len(h.Entries), err)
		}
	}
	if data, _ := os.ReadFile(path); strings.Count(string(data), "\n") != maxEntries {
		t.Error("the file was not written anew")
	}
}

// A history without a file, or with one that cannot be written, is the session's own.
func TestHistoryWithoutFile(t *testing.T) {
	h, _ := OpenHistory("")
	if err := h.Add("a"); err != nil || len(h.Entries) != 1 {
		t.Errorf("got %v, %v", h.Entries, err)
	}
	h, _ = OpenHistory(filepath.Join(t.TempDir(), "no", "such"))
	if err := h.Add("a"); err == nil || len(h.Entries) != 1 {
		t.Errorf("got %v, %v", h.Entries, err)
	}
}
