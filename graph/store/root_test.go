// This file tests named roots, also when several processes change one.

package store

import (
	"fmt"
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
	done := make(chan error)
	for range 4 {
		go func() {
			for n := 0; n < 10; {
				was, err := guest.Root(ctx, "count")
				if err != nil {
					done <- err
					return
				}
				ok, err := guest.SwapRoot(ctx, "count", was, codec.CIDOf([]byte(fmt.Sprint(was))))
				if err != nil {
					done <- err
					return
				}
				if ok {
					n++
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	want := cid.Undef
	for range 40 {
		want = codec.CIDOf([]byte(fmt.Sprint(want)))
	}
	if got, err := guest.Root(ctx, "count"); got != want || err != nil {
		t.Errorf("a change was lost or made twice: %v", err)
	}
	guest.Close()
}
