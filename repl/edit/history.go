// This file keeps what was entered, across sessions, in a file of one JSON text a line.

package edit

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strings"
)

const (
	maxEntries = 5000    // kept when the file is read
	maxEntry   = 1 << 20 // bytes; a longer one is not kept
)

// A History is the entries of this and earlier sessions, the oldest first. Several sessions can append to one file;
// each sees what the others have written when it begins.
type History struct {
	Entries []string
	path    string
}

// OpenHistory reads a history; path "" keeps none. Lines that cannot be read are passed over. A file that has grown to
// twice what is kept is written anew.
func OpenHistory(path string) (*History, error) {
	h := &History{path: path}
	if path == "" {
		return h, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		h.path = ""
		return h, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 2*maxEntry)
	read := 0
	for lines.Scan() {
		var entry string
		if read++; json.Unmarshal(lines.Bytes(), &entry) == nil && entry != "" {
			h.Entries = append(h.Entries, entry)
		}
		if len(h.Entries) > 2*maxEntries {
			h.Entries = append([]string(nil), h.Entries[maxEntries:]...)
		}
	}
	h.Entries = h.Entries[max(0, len(h.Entries)-maxEntries):]
	if read > 2*maxEntries {
		h.rewrite()
	}
	return h, lines.Err()
}

// rewrite puts a file with what is kept in the place of the old one. If that fails the old one stays.
func (h *History) rewrite() {
	var text strings.Builder
	for _, e := range h.Entries {
		text.Write(line(e))
	}
	if os.WriteFile(h.path+".new", []byte(text.String()), 0o600) == nil {
		os.Rename(h.path+".new", h.path)
	}
}

func line(entry string) []byte {
	data, _ := json.Marshal(entry) // a text cannot fail
	return append(data, '\n')
}

// Add appends an entry, unless it repeats the last one.
func (h *History) Add(entry string) error {
	entry = strings.TrimRight(entry, " \t\n")
	if entry == "" || len(entry) > maxEntry || len(h.Entries) > 0 && h.Entries[len(h.Entries)-1] == entry {
		return nil
	}
	h.Entries = append(h.Entries, entry)
	if h.path == "" {
		return nil
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line(entry))
	return errors.Join(err, f.Close())
}

// older is the newest entry before i for which f holds, -1 for none.
func (h *History) older(i int, f func(string) bool) int {
	for i--; i >= 0 && !f(h.Entries[i]); i-- {
	}
	return i
}

// newer is the oldest entry after i for which f holds, len(h.Entries) for none.
func (h *History) newer(i int, f func(string) bool) int {
	for i++; i < len(h.Entries) && !f(h.Entries[i]); i++ {
	}
	return i
}
