// This file counts what linking cost and what it saved, over all processes that ever used a store.
//
// The counts stand in a file beside the database, DIR/usage: two slots of 512 bytes, each {magic, number of the record,
// counts, checksum}, all integers of 64 bits, little-endian. Whoever adds locks the file and writes the sum over the
// older slot, so that a crash leaves the other one. Nothing is synced: a crash of the machine loses the last moments.

package store

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A Usage is what evaluations on a store came to. The counts stop at their greatest value.
type Usage struct {
	Runs     uint64 // evaluations
	Executed uint64 // steps that were executed
	Spared   uint64 // steps that results found in the store take, which were not executed again
	Found    uint64 // such results
	Linked   uint64 // results written
	Written  uint64 // bytes of blocks that were written for them
}

func (u *Usage) counts() [6]*uint64 {
	return [...]*uint64{&u.Runs, &u.Executed, &u.Spared, &u.Found, &u.Linked, &u.Written}
}

func (u *Usage) add(more Usage) {
	to, from := u.counts(), more.counts()
	for i := range to {
		if sum := *to[i] + *from[i]; sum >= *to[i] {
			*to[i] = sum
		} else {
			*to[i] = 1<<64 - 1
		}
	}
}

const (
	usageMagic = "rosser u"
	usageSlot  = 512
	usageSize  = len(usageMagic) + 8*(1+6+1)
	countEvery = 10 * time.Second
)

// Count adds to the store's usage. It is written now and then and when the store is closed; that it cannot be written
// is no error.
func (s *Store) Count(u Usage) {
	s.usageMu.Lock()
	defer s.usageMu.Unlock()
	s.usage.add(u)
	if time.Since(s.counted) >= countEvery {
		s.writeUsageLocked()
	}
}

// Usage returns what has been counted on this store, by any process, as far as it is written, and by this one.
func (s *Store) Usage() Usage {
	s.usageMu.Lock()
	defer s.usageMu.Unlock()
	all := s.usage
	if f, err := os.Open(s.usagePath()); err == nil {
		written, _ := readUsage(f)
		f.Close()
		all.add(written)
	}
	return all
}

func (s *Store) usagePath() string { return filepath.Join(s.dir, "usage") }

// writeUsageLocked adds what this process has counted to the file; if that cannot be, it is tried again later.
func (s *Store) writeUsageLocked() {
	if s.usage == (Usage{}) || s.inMemory {
		return
	}
	s.counted = time.Now()
	f, err := os.OpenFile(s.usagePath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close() // and with it the lock
	for tries := 0; ; tries++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if tries == 50 { // held for a few microseconds at a time, unless its holder is stopped
			return
		}
		time.Sleep(time.Millisecond)
	}
	sum, number := readUsage(f)
	sum.add(s.usage)
	record := append(make([]byte, 0, usageSize), usageMagic...)
	record = binary.LittleEndian.AppendUint64(record, number+1)
	for _, n := range sum.counts() {
		record = binary.LittleEndian.AppendUint64(record, *n)
	}
	record = binary.LittleEndian.AppendUint64(record, xxhash.Sum64(record))
	if _, err := f.WriteAt(record, int64((number+1)%2*usageSlot)); err == nil {
		s.usage = Usage{}
	}
}

// readUsage returns the newer of the file's records that are whole, and its number; nothing and 0 if none is.
func readUsage(f *os.File) (u Usage, number uint64) {
	for slot := range int64(2) {
		record := make([]byte, usageSize)
		if _, err := f.ReadAt(record, slot*usageSlot); err != nil || string(record[:len(usageMagic)]) != usageMagic {
			continue
		}
		body, sum := record[:usageSize-8], record[usageSize-8:]
		if xxhash.Sum64(body) != binary.LittleEndian.Uint64(sum) {
			continue
		}
		body = body[len(usageMagic):]
		n := binary.LittleEndian.Uint64(body)
		if n < number || n == 0 {
			continue
		}
		number = n
		for i, count := range u.counts() {
			*count = binary.LittleEndian.Uint64(body[8*(i+1):])
		}
	}
	return u, number
}
