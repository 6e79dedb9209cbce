// This file tests what linking may cost.

package eval

import (
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

func TestStoreRoom(t *testing.T) {
	s := graph.NewMemory()
	m := New(Options{Store: s, Load: s.Load})
	p := &m.policy
	p.start()
	if !p.worth(grain) || p.room(1) < storeStart {
		t.Fatalf("got room for %d bytes at the start, want %d", p.room(1), storeStart)
	}
	m.stats.Written = storeStart - 1<<20
	if !p.payable(nil, longList(0, 100)) || p.payable(nil, longList(0, 200_000)) {
		t.Error("a list of more than a megabyte is linked where a megabyte is left, or one of a hundred bytes is not")
	}
	m.stats.Written = storeStart + 1<<20
	if p.worth(grain) || p.room(2) == 0 {
		t.Errorf("got room for %d and %d bytes, want none and some", p.room(1), p.room(2))
	}
	l := line{key: lineEvery * 16}
	if l.links(p) {
		t.Error("a line is linked where there is no room")
	}
	p.began = p.began.Add(-time.Minute)
	if room := p.room(1); room < 60*storeRate-1<<20 || room > 61*storeRate {
		t.Errorf("after a minute: got room for %d bytes, want some %d", room, 60*storeRate-1<<20)
	}
	if !l.links(p) {
		t.Error("a line is not linked where there is room")
	}
	m.opt.Link = All
	m.stats.Written = 1 << 40
	if !p.worth(1) {
		t.Error("all is bounded")
	}
}

// TestStartIn: what has just been entered has begun no 2^44 steps ago.
func TestStartIn(t *testing.T) {
	for _, c := range []struct{ start, now, want uint64 }{
		{0, 0, 0}, {5, 5, 5}, {5, 9, 5}, {9700, 9699, 9700}, {1, 1<<43 + 7, 1}, {1<<44 + 3, 1<<44 + 5, 1<<44 + 3}, {1<<44 + 3, 1<<44 + 2, 1<<44 + 3},
	} {
		m := Machine{steps: c.start}
		if got := startIn(m.entered(-1), c.now); got != c.want {
			t.Errorf("begun at %d, now %d: got %d", c.start, c.now, got)
		}
	}
}
