// This file tests named roots, also when several processes change one.

package store

import (
	"fmt"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
)

func TestRoot(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	holder, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	guest, err := Open(dir, Options{}) // it reaches the database through the holder's socket
	if err != nil {
		t.Fatal(err)
	}
	a, b := codec.CIDOf([]byte{1}), codec.CIDOf([]byte{2})
	for i, c := range []struct {
		s        *Store
		was, now cid.Cid
		ok       bool
	}{
		{holder, cid.Undef, a, true},
		{guest, cid.Undef, b, false},
		{guest, a, b, true},
		{holder, b, cid.Undef, true},
		{guest, cid.Undef, a, true},
	} {
		if ok, err := c.s.SwapRoot(ctx, "work", c.was, c.now); ok != c.ok || err != nil {
			t.Errorf("%d: got %v, %v", i, ok, err)
		}
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := guest.Root(ctx, "work"); got != a || err != nil {
		t.Errorf("after the holder has left: got %v, %v", got, err)
	}
	// Several change it at once: each change is made on top of another, none is lost.
	var mu sync.Mutex
	after := map[cid.Cid]cid.Cid{}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for n := 0; n < 10; {
				was, err := guest.Root(ctx, "count")
				now := codec.CIDOf([]byte(fmt.Sprint(g, was)))
				ok, err2 := guest.SwapRoot(ctx, "count", was, now)
				if err != nil || err2 != nil {
					t.Error(err, err2)
					return
				}
				if ok {
					n++
					mu.Lock()
					after[was] = now
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	at, made := cid.Undef, 0
	for ; after[at].Defined() && made < 100; made++ {
		at = after[at]
	}
	if got, err := guest.Root(ctx, "count"); made != 40 || got != at || err != nil {
		t.Errorf("got %d changes in a row, want 40, %v", made, err)
	}
	guest.Close()
}
