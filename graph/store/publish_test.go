// This file tests libraries that change.

package store

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
)

// TestLargeLibrary publishes 25,000 names and as many results, and changes a few.
func TestLargeLibrary(t *testing.T) {
	const n = 25000
	s := open(t, t.TempDir())
	names, about := map[string]cid.Cid{}, map[string]cid.Cid{}
	for i := range n {
		f := makeFact(i, "own:1")
		f.put(t, s)
		name := fmt.Sprintf("name%d", i)
		names[name], about[name] = f.answer.Expr, aboutOf(s, f, name)
	}
	s.Flush(bg)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	p, err := s.Update(bg, Publication{Names: names, About: about, Library: "large"})
	runtime.ReadMemStats(&after)
	t.Log(p, err, time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20)
	delete(names, "name7")
	delete(about, "name7")
	start = time.Now()
	q, err := s.Update(bg, Publication{Names: names, About: about, Library: "large"})
	t.Log(q, err, time.Since(start))
	start = time.Now()
	q, err = s.Update(bg, Publication{Names: names, About: about, Library: "large"})
	t.Log(q, err, time.Since(start))
	start = time.Now()
	d, err := s.DiffLibraries(bg, p.Root, q.Root)
	t.Log(d, err, time.Since(start))
	start = time.Now()
	a, err := s.AdoptLibrary(bg, p.Root, "x")
	t.Log(a.Claims, a.Missing, a.Wrong, err, time.Since(start))
}
