// This file lets several processes use one store: who holds the database, how the others find it, and what happens
// when it ends.
//
// The folder's lock (flock on DIR/lock) says who holds the database. The holder listens on a Unix socket; every
// other process is a guest and asks it (socket.go). When the holder ends, whichever guest notices first gets the
// lock and is the holder, and the others find its socket. Nothing is lost on the way: a guest keeps what the holder
// has not confirmed to be on the disk and tells it to the next one, and since blocks are named by their content,
// telling twice is telling once.

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// A link is a way to the database: the database itself, or a connection to the process that holds it.
type link interface {
	get(key []byte) (value []byte, ok bool, err error)
	peek(key []byte) (value []byte, ok bool, err error) // get, for who builds nothing on it
	has(key []byte) (bool, error)
	scan(prefix, after []byte, limit int) ([]entry, error)
	apply(ops []op) error
	sweep(keys []string) (spared []int, err error)
	compact(from, to []byte) error
	sync() error
	close() error
}

// errLost says that the holder is gone, or talks nonsense: another link has to be found.
var errLost = errors.New("the process that holds the store is gone")

const (
	keepBytes  = 8 << 20 // how much a guest keeps before it asks for a sync
	socketPath = 100     // longest path of a socket that every system takes
)

// folder makes dir if need be and returns the one path by which all processes know it.
func folder(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("store: no folder given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return dir, nil
}

// join takes the database if nobody holds it, else connects to the one who does.
func (s *Store) join() (link, error) {
	wait := time.Millisecond
	for end := time.Now().Add(s.opts.Wait); ; {
		lock, err := lockFile(filepath.Join(s.dir, "lock"))
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", s.dir, err)
		}
		if lock != nil {
			return hold(s.dir, lock, s.opts)
		}
		g, err := visit(s.dir, end)
		if err == nil {
			return g, nil
		}
		var other *otherProtocol
		if errors.As(err, &other) {
			return nil, fmt.Errorf("store %s: %w", s.dir, err)
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("store %s: another process holds it and does not answer; is it stopped? (%w)", s.dir, err)
		}
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}

// lockFile returns the locked file, or nil when another one has locked it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if err != syscall.EINTR {
			break
		}
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("locking %s: %w", path, err)
}

// A holder is the database with the lock and the socket.
type holder struct {
	*database
	lock   *os.File     // nil in memory
	listen net.Listener // nil when there can be no socket here: the others have to wait

	mu     sync.Mutex
	guests map[net.Conn]struct{}
	ending bool
	served sync.WaitGroup
}

func hold(dir string, lock *os.File, opts Options) (*holder, error) {
	finishRebuild(dir)
	if f := lockCollector(dir, syscall.LOCK_EX); f != nil {
		clearUses(dir)
		f.Close()
	}
	db, err := openDatabase(filepath.Join(dir, "db"), opts)
	if err != nil {
		lock.Close()
		return nil, err
	}
	h := &holder{database: db, lock: lock, guests: map[net.Conn]struct{}{}}
	if h.listen = listen(dir); h.listen != nil {
		h.served.Add(1)
		go h.serve()
	}
	return h, nil
}

func (h *holder) close() error {
	h.mu.Lock()
	if h.ending {
		h.mu.Unlock()
		return nil
	}
	h.ending = true
	if h.listen != nil {
		h.listen.Close()
	}
	for c := range h.guests {
		c.Close()
	}
	h.mu.Unlock()
	answered := make(chan struct{})
	go func() {
		h.served.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-h.failed: // whoever writes may hang
	}
	err := h.database.close()
	if h.lock != nil {
		h.lock.Close()
	}
	return err
}

// failureOf returns a channel that is closed when l has failed.
func failureOf(l link) <-chan struct{} {
	if h, ok := l.(*holder); ok {
		return h.failed
	}
	return nil
}

// listen makes the socket. The folder it is in is the user's alone: who can reach the socket can write the store.
func listen(dir string) net.Listener {
	at := filepath.Join(dir, "socket")
	if len(at)+2 > socketPath {
		// The path is too long for a socket: it is elsewhere, and what is here leads there.
		short := shortFolder(dir)
		if privateFolder(short) != nil {
			return nil
		}
		os.Remove(at)
		if os.Symlink(short, at) != nil {
			return nil
		}
		at = short
	} else {
		if fi, err := os.Lstat(at); err == nil && !fi.IsDir() {
			os.Remove(at)
		}
		if privateFolder(at) != nil {
			return nil
		}
	}
	path := filepath.Join(at, "s")
	os.Remove(path) // left by a holder that was killed
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil
	}
	return l
}

// socketOf returns where the holder's socket is.
func socketOf(dir string) (string, error) {
	at := filepath.Join(dir, "socket")
	if len(at)+2 > socketPath {
		short, err := os.Readlink(at)
		if err != nil {
			return "", err
		}
		if err := isPrivate(short); err != nil {
			return "", err
		}
		at = short
	}
	return filepath.Join(at, "s"), nil
}

func shortFolder(dir string) string {
	name := fmt.Sprintf("rosser-%d-%x", os.Geteuid(), sha256.Sum256([]byte(dir)))[:40]
	if at := filepath.Join(os.TempDir(), name); len(at)+2 <= socketPath {
		return at
	}
	return filepath.Join("/tmp", name)
}

func privateFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return isPrivate(path)
}

// isPrivate says whether path is a folder, itself and not through a link, that only this user can use.
func isPrivate(path string) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || fi.Mode().Perm()&0o077 != 0 || !ok || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a folder of this user alone", path)
	}
	return nil
}

func (s *Store) current() link {
	s.linkMu.RLock()
	defer s.linkMu.RUnlock()
	return s.link
}

// rejoin finds another link in place of old, and tells it what the old one may have lost.
func (s *Store) rejoin(old link) error {
	s.joining.Lock()
	defer s.joining.Unlock()
	for s.current() == old {
		old.close()
		l, err := s.join()
		if err != nil {
			return err
		}
		err = l.apply(s.retained)
		if err != nil && !errors.Is(err, errLost) {
			l.close()
			return err
		}
		if _, ok := l.(*holder); ok {
			s.retained, s.kept = nil, 0
		}
		s.linkMu.Lock()
		s.link = l
		s.linkMu.Unlock()
		if err != nil {
			old = l
		}
	}
	return nil
}

// ask calls f with the link, and again with another when that one is lost.
func (s *Store) ask(ctx context.Context, f func(link) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		l := s.current()
		err := f(l)
		if !errors.Is(err, errLost) {
			return err
		}
		if err := s.rejoin(l); err != nil {
			return err
		}
	}
}

func (s *Store) get(ctx context.Context, key []byte) (value []byte, ok bool, err error) {
	err = s.ask(ctx, func(l link) (err error) { value, ok, err = l.get(key); return })
	return value, ok, err
}

// apply writes ops, for the writer.
func (s *Store) apply(ops []op, size int) error {
	if len(ops) == 0 {
		return nil
	}
	s.joining.Lock()
	l := s.current()
	if _, ok := l.(*guest); ok {
		s.retained = append(s.retained, ops...)
		s.kept += size
	}
	full := s.kept >= keepBytes
	s.joining.Unlock()
	err := l.apply(ops)
	if errors.Is(err, errLost) {
		err = s.rejoin(l) // which tells what is retained, and so these
	}
	if err == nil && full {
		err = s.sync()
	}
	return err
}

// sync makes what was applied durable, for the writer.
func (s *Store) sync() error {
	for {
		l := s.current()
		err := l.sync()
		if errors.Is(err, errLost) {
			if err := s.rejoin(l); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		s.joining.Lock()
		same := s.current() == l
		if same {
			s.retained, s.kept = nil, 0
		}
		s.joining.Unlock()
		if same {
			return nil
		}
	}
}
