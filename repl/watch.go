// This file runs something again and again, whenever a file changes that it read.
//
// A round tells the watcher of each file before it reads it. The watcher notes what the file is like at that moment and has
// the system tell of anything that happens in its folder; what happened is looked at once it is quiet. Whether a file
// changed is decided by that comparison alone. So it does not matter whether an editor writes a file in place or puts another
// one in its place, and where nothing can be watched it is looked at now and then.

package repl

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settleTime = 50 * time.Millisecond  // without events, before files are looked at
	settleMost = time.Second            // even if events go on
	lookTime   = time.Second            // between two looks at all files
	blindTime  = 250 * time.Millisecond // the same where some folder cannot be watched
)

// A watcher knows the files that a round has read. It is told of them by the round, and waits in another goroutine.
type watcher struct {
	notify *fsnotify.Watcher // nil if nothing can be watched

	mu      sync.Mutex
	files   map[string]stamp // by absolute path
	folders map[string]bool  // of this round
	watched map[string]bool  // folders that notify watches, of earlier rounds too
	blind   bool             // there is a folder of this round that it does not watch
}

// A stamp is what a file is like, from outside. That of a folder is what tests stand in it.
type stamp struct {
	info  os.FileInfo // nil if there is none
	names string
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	s := stamp{info: info}
	if info.IsDir() {
		entries, _ := os.ReadDir(path)
		var names []string
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".ros") || e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, e.Name())
			}
		}
		s.names = strings.Join(names, "/")
	}
	return s
}

func (s stamp) same(t stamp) bool {
	switch {
	case s.info == nil || t.info == nil:
		return s.info == nil && t.info == nil
	case s.info.IsDir() && t.info.IsDir():
		return s.names == t.names
	}
	return os.SameFile(s.info, t.info) && s.info.Size() == t.info.Size() && s.info.ModTime().Equal(t.info.ModTime())
}

func newWatcher() *watcher {
	w := &watcher{watched: map[string]bool{}}
	w.notify, _ = fsnotify.NewWatcher() // without, files are looked at now and then
	w.begin()
	return w
}

func (w *watcher) close() {
	if w.notify != nil {
		w.notify.Close()
	}
}

// begin begins a round: nothing has been read.
func (w *watcher) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files, w.folders, w.blind = map[string]stamp{}, map[string]bool{}, w.notify == nil
}

// reads is told of a file that is about to be read, or of a folder.
func (w *watcher) reads(path string) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.files[abs]; ok {
		return
	}
	if info, err := os.Stat(abs); err == nil && info.IsDir() {
		w.folder(abs)
	} else {
		w.folder(filepath.Dir(abs))
		if real, err := filepath.EvalSymlinks(abs); err == nil && real != abs {
			w.folder(filepath.Dir(real))
		}
	}
	w.files[abs] = stampOf(abs)
}

// folder has a folder watched. One that was gone for a while is watched anew.
func (w *watcher) folder(path string) {
	if w.folders[path] {
		return
	}
	w.folders[path] = true
	if w.notify == nil || w.notify.Add(path) != nil {
		w.blind = true
		return
	}
	w.watched[path] = true
}

// end ends a round: folders from which it read nothing are not watched any more.
func (w *watcher) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path := range w.watched {
		if !w.folders[path] {
			w.notify.Remove(path)
			delete(w.watched, path)
		}
	}
}

// changed is a file that is not what it was when it was read.
func (w *watcher) changed() (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path, s := range w.files {
		if !s.same(stampOf(path)) {
			return path, true
		}
	}
	return "", false
}

// wait waits until a file has changed, and says which; "" when ctx ends.
func (w *watcher) wait(ctx context.Context) string {
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.notify != nil {
		events, failures = w.notify.Events, w.notify.Errors
	}
	for {
		if path, ok := w.changed(); ok {
			return path
		}
		w.mu.Lock()
		pause := lookTime
		if w.blind {
			pause = blindTime
		}
		w.mu.Unlock()
		look := time.After(pause)
		var quiet, enough <-chan time.Time
	settle:
		for {
			select {
			case <-ctx.Done():
				return ""
			case <-look:
				if quiet == nil {
					break settle
				}
			case <-quiet:
				break settle
			case <-enough:
				break settle
			case e := <-events:
				if e.Op == fsnotify.Chmod {
					continue
				}
			case <-failures: // events were lost
			}
			quiet = time.After(settleTime)
			if enough == nil {
				enough = time.After(settleMost)
			}
		}
	}
}

// watch runs once, and again at every change of a file that it read, until ctx ends. What it says goes to w.
func watch(ctx context.Context, o Options, w io.Writer, once func(context.Context, Options) error) error {
	files := newWatcher()
	defer files.close()
	o.reading = files.reads
	for {
		files.begin()
		round, stop := context.WithCancel(ctx)
		changes := make(chan string, 1)
		go func() {
			changes <- files.wait(round)
			stop() // a run in progress is of no use any more
		}()
		err := once(round, o)
		files.end()
		stopped := err != nil && round.Err() != nil
		if !stopped {
			Report(err)
		}
		path := <-changes
		stop()
		if ctx.Err() != nil {
			return nil
		}
		if stopped {
			fmt.Fprintln(w, "stopped, because a file changed")
		}
		separate(w, path)
	}
}

// separate draws a line between two rounds.
func separate(w io.Writer, path string) {
	if dir, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(dir, path); err == nil && len(rel) < len(path) {
			path = rel
		}
	}
	line := fmt.Sprintf("── %s ── %s ", time.Now().Format(time.TimeOnly), path)
	line += strings.Repeat("─", max(0, 72-len([]rune(line))))
	if terminal(w) {
		line = "\x1b[2m" + line + "\x1b[0m"
	}
	fmt.Fprintf(w, "\n%s\n", line)
}
