// This file tests what processes mark: nothing is forgotten, little is marked for nothing, and files stay as long as they have to.

package store

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rosser-lang/rosser/codec"
)

func TestUse(t *testing.T) {
	dir := t.TempDir()
	u := startUse(dir)
	if u == nil {
		t.Fatal("no file")
	}
	key := func(i int) string { return blockKey(codec.CIDOf(fmt.Append(nil, i))) }
	const n = 100_000 // more than three filters have room for
	for i := range n {
		u.add(key(i))
		u.add(key(i / 2))
	}
	short := string(blockPrefix) + "\x00\x01x"
	u.add(short)
	for _, living := range []bool{true, false} {
		all, err := readUses(dir, living)
		if err != nil || len(all) < 3 {
			t.Fatalf("got %d filters, %v", len(all), err)
		}
		for i := range n {
			if !all.has(key(i)) {
				t.Fatalf("%d is forgotten", i)
			}
		}
		if !all.has(short) {
			t.Error("a short key is forgotten")
		}
		wrong := 0
		for i := range n {
			if all.has(key(n + i)) {
				wrong++
			}
		}
		if wrong > n/2000 {
			t.Errorf("%d of %d are marked for nothing", wrong, n)
		}
	}
	files := func() int {
		list, err := os.ReadDir(filepath.Join(dir, useFolder))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	// While there is a collection the file stays, though nobody lives who has it.
	lock := lockCollector(dir, syscall.LOCK_EX)
	u.end()
	u.add(key(1))
	all, err := readUses(dir, true)
	if err != nil || len(all) != 0 || files() != 1 {
		t.Errorf("got %d filters of the living, %v, %d files", len(all), err, files())
	}
	if all, _ := readUses(dir, false); !all.has(key(1)) {
		t.Error("what was used by a process that has ended is forgotten")
	}
	if err := clearUses(dir); err != nil || files() != 0 {
		t.Errorf("got %v, %d files", err, files())
	}
	lock.Close()
	u = startUse(dir)
	if err := clearUses(dir); err != nil || files() != 1 {
		t.Errorf("the file of who lives: got %v, %d files", err, files())
	}
	u.end()
	if files() != 0 {
		t.Error("the file is left")
	}
	(*use)(nil).add(key(1)) // of a process that could not make one
	(*use)(nil).end()
}

func BenchmarkUse(b *testing.B) {
	u := startUse(b.TempDir())
	defer u.end()
	keys := make([]string, 1<<16)
	for i := range keys {
		keys[i] = blockKey(codec.CIDOf(fmt.Append(nil, i)))
	}
	b.ResetTimer()
	for i := range b.N {
		u.add(keys[i&(len(keys)-1)])
	}
}
