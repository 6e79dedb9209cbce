// This file keeps what each process uses: the blocks that it has put, read or asked for since it opened the store. A collection
// (collect.go) drops none of them, whoever holds the database and whatever becomes of the process while it runs.
//
// It stands in a file of the process, DIR/use/*, locked (flock) while the process lives and mapped into its memory, so that
// what is marked is seen by others at once and costs no call of the system. A block is marked before the database is asked about it;
// a collection looks at the marks, and drops, while nobody is answered. Thus whoever was told of a block keeps it. Files of processes that
// are gone are removed when a collection begins, not while it runs: what a process wrote that has ended meanwhile may be pinned
// by now, without the collection knowing.
//
// A file is a row of Bloom filters, each twice as large as the one before; so it takes some four bytes a block, and where it is
// wrong, once in 100,000 times, it keeps what could go. (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007: all
// bits of a block are in one line of memory.)

package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	useFolder  = "use"
	collecting = "collecting" // the file that who collects has locked
	firstPart  = 64 << 10     // bytes of the first filter
	useLine    = 64           // bytes of memory that a block's bits are in
	usePerKey  = 4            // bytes for each block that a filter has room for
)

// A use is what this process uses. A nil use marks nothing.
type use struct {
	dir string

	mu    sync.Mutex
	file  *os.File
	parts [][]byte // filters, mapped
	left  int      // blocks that the last one has room for
}

// startUse makes this process's file. Where that cannot be, on a full disk, there is none: who cannot make a file writes no block.
func startUse(dir string) *use {
	folder := filepath.Join(dir, useFolder)
	if os.Mkdir(folder, 0o700) != nil {
		if err := isPrivate(folder); err != nil {
			return nil
		}
	}
	for range 10 {
		f, err := os.CreateTemp(folder, fmt.Sprintf("%d-*", os.Getpid()))
		if err != nil {
			return nil
		}
		u := &use{dir: dir, file: f}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && stillAt(f) && u.grow() == nil {
			return u
		}
		f.Close() // somebody took it for one that is left over
		os.Remove(f.Name())
	}
	return nil
}

// stillAt says whether f is the file that its name leads to.
func stillAt(f *os.File) bool {
	is, err := f.Stat()
	at, err2 := os.Stat(f.Name())
	return err == nil && err2 == nil && os.SameFile(is, at)
}

// grow adds a filter. Its bytes are written, so that there is room for them on the disk: a page of a mapped file that has none
// would end the process.
func (u *use) grow() error {
	at, size := int64(0), firstPart<<len(u.parts)
	for _, p := range u.parts {
		at += int64(len(p))
	}
	if _, err := u.file.WriteAt(make([]byte, size), at); err != nil {
		u.file.Truncate(at)
		return err
	}
	part, err := syscall.Mmap(int(u.file.Fd()), at, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	u.parts, u.left = append(u.parts, part), size/usePerKey
	return nil
}

// add marks the block that stands under key.
func (u *use) add(key string) {
	if u == nil {
		return
	}
	h := useHash(key)
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.parts) == 0 { // it is over
		return
	}
	if !h.set(u.parts[len(u.parts)-1]) {
		return
	}
	if u.left--; u.left == 0 && u.grow() != nil {
		u.left = firstPart // it gets too full, and keeps too much
	}
}

// end ends it. The file stays while there is a collection, which counts what is in it.
func (u *use) end() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.file == nil {
		return
	}
	for _, p := range u.parts {
		syscall.Munmap(p)
	}
	u.parts = nil
	if f := lockCollector(u.dir, syscall.LOCK_SH); f != nil {
		os.Remove(u.file.Name())
		f.Close()
	}
	u.file.Close()
	u.file = nil
}

// lockCollector locks the file that says whether there is a collection; nil if it cannot.
func lockCollector(dir string, how int) *os.File {
	f, err := os.OpenFile(filepath.Join(dir, collecting), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil
	}
	if syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB) != nil {
		f.Close()
		return nil
	}
	return f
}

// A keyHash is where in a filter the bits of a key are. Keys end with a hash, so there is nothing to hash.
type keyHash struct{ line, bits uint64 }

func useHash(key string) keyHash {
	var tail [16]byte
	copy(tail[max(0, 16-len(key)):], key[max(0, len(key)-16):])
	return keyHash{binary.LittleEndian.Uint64(tail[:]), binary.LittleEndian.Uint64(tail[8:])}
}

// each calls f with the byte and the bit of each of the key's eight bits, until it returns false.
func (h keyHash) each(part []byte, f func(b *byte, bit byte) bool) {
	lines := uint64(len(part) / useLine) // a power of two
	line := part[h.line%lines*useLine:][:useLine]
	bits := h.bits
	for i := range 8 {
		if i == 7 {
			bits = h.line >> 55
		}
		if !f(&line[bits>>3&(useLine-1)], 1<<(bits&7)) {
			return
		}
		bits >>= 9
	}
}

// set sets the bits, and says whether one was not set.
func (h keyHash) set(part []byte) (fresh bool) {
	h.each(part, func(b *byte, bit byte) bool {
		fresh = fresh || *b&bit == 0
		*b |= bit
		return true
	})
	return fresh
}

func (h keyHash) in(part []byte) bool {
	all := true
	h.each(part, func(b *byte, bit byte) bool {
		all = *b&bit != 0
		return all
	})
	return all
}

// uses are the filters of all processes.
type uses [][]byte

// readUses reads what is used as it stands now. With living, only of processes that live; else of all whose files are there.
func readUses(dir string, living bool) (uses, error) {
	var all uses
	err := eachUse(dir, func(path string) error {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		if living && syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
			return nil
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		data := make([]byte, info.Size())
		n, _ := f.ReadAt(data, 0)
		data = data[:n]
		for size := firstPart; len(data) >= size; size *= 2 {
			all, data = append(all, data[:size]), data[size:]
		}
		return nil
	})
	return all, err
}

func (u uses) has(key string) bool {
	h := useHash(key)
	for _, part := range u {
		if h.in(part) {
			return true
		}
	}
	return false
}

func eachUse(dir string, f func(path string) error) error {
	folder := filepath.Join(dir, useFolder)
	list, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		if err == nil {
			err = f(filepath.Join(folder, e.Name()))
		}
	}
	return err
}

// clearUses removes what processes that are gone have left. The caller collects, or knows that nobody does.
func clearUses(dir string) error {
	return eachUse(dir, func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return nil // it is gone
		}
		defer f.Close()
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return os.Remove(path)
		}
		return nil
	})
}
