// This file tests what counts as a change of a file, also where the system tells of none.

package repl

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatcher(t *testing.T) {
	told, blind := newWatcher(), &watcher{watched: map[string]bool{}}
	defer told.close()
	for name, w := range map[string]*watcher{"told": told, "blind": blind} {
		dir := t.TempDir()
		path := func(name string) string { return filepath.Join(dir, name) }
		must := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		write := func(name, text string) { must(os.WriteFile(path(name), []byte(text), 0o666)) }
		for _, c := range []struct {
			what   string
			reads  string
			change func()
			want   bool
		}{
			{"nothing", "a", func() {}, false},
			{"written", "a", func() { write("a", "22") }, true},
			{"another file of the same size in its place", "a", func() { write("b", "22"); must(os.Rename(path("b"), path("a"))) }, true},
			{"another name", "a", func() { write("c", "1") }, false},
			{"removed", "a", func() { must(os.Remove(path("a"))) }, true},
			{"still not there", "a", func() {}, false},
			{"made", "a", func() { write("a", "1") }, true},
			{"in a folder that is not there", "d/e", func() { must(os.Mkdir(path("d"), 0o777)); write("d/e", "1") }, true},
			{"what a link leads to", "l", func() { write("d/e", "222") }, true},
			{"a test in the folder", "d", func() { write("d/x.ros", "1") }, true},
			{"no test in the folder", "d", func() { write("d/x.txt", "1") }, false},
			{"the text of a test, of the folder alone", "d", func() { write("d/x.ros", "22") }, false},
		} {
			if c.reads == "l" {
				must(os.Symlink(path("d/e"), path("l")))
			}
			w.begin()
			w.reads(path(c.reads))
			patience := 30 * time.Second
			if !c.want {
				patience = 400 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			timer := time.AfterFunc(20*time.Millisecond, c.change)
			got := w.wait(ctx)
			if !c.want {
				<-ctx.Done()
			}
			timer.Stop()
			cancel()
			if c.want && got != path(c.reads) || !c.want && got != "" {
				t.Errorf("%s: %s: got %q", name, c.what, got)
			}
			w.end()
		}
	}
}
