// This file follows libraries that strangers have named.

package node

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph/store"
)

// TestNamesOfStrangers: what others call their libraries takes the place of nothing here, and is a name.
func TestNamesOfStrangers(t *testing.T) {
	ctx := context.Background()
	a, from := open(t, loopback)
	root := fill(t, a, "numbers", 3)
	s, n := open(t, Options{})
	addr := from.Addrs()[0].String()
	if _, err := n.Pull(ctx, Pull{From: addr}, nil); err != nil {
		t.Fatal(err)
	}
	b, other := open(t, loopback)
	fill(t, b, "numbers", 5)
	fill(t, b, "others", 2)
	// Another peer's library of the name does not take its place; its others are pulled all the same.
	got, err := n.Pull(ctx, Pull{From: other.Addrs()[0].String()}, nil)
	if err == nil || !strings.Contains(err.Error(), "--name") || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v, want whom the name is taken by", err)
	}
	if len(got) != 1 || got[0].Name != "others" {
		t.Errorf("got %+v, want others", got)
	}
	is := func(want cid.Cid) {
		t.Helper()
		if now, err := s.Root(ctx, store.FollowRoot+"numbers"); err != nil || now != want {
			t.Errorf("numbers is %s now, want %s (%v)", now, want, err)
		}
	}
	is(root)
	// The one that it is from may change it, wherever it is reached, and the user may say so.
	root = fill(t, a, "numbers", 4)
	elsewhere := "/dns4/localhost" + strings.TrimPrefix(addr, "/ip4/127.0.0.1")
	if _, err := n.Pull(ctx, Pull{From: elsewhere}, nil); err != nil {
		t.Error(err)
	}
	is(root)
	got, err = n.Pull(ctx, Pull{From: other.Addrs()[0].String() + "/numbers", Name: "numbers"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	is(got[0].Root)

	l := newLiar(t)
	for _, name := range []string{"\x1b[31mred", "a b", "../../x", "--all", strings.Repeat("x", 5000), root.String()} {
		l.shares = func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, http.StatusOK, []Shared{{name, root.String()}})
		}
		if got, err := n.Pull(ctx, Pull{From: l.addr}, nil); err == nil || len(got) > 0 {
			t.Errorf("a library is called %.20q here", name)
		} else if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("got %.2000q", err)
		}
	}
	l.shares = func(w http.ResponseWriter, r *http.Request) {
		var all []Shared
		for i := range 30000 {
			all = append(all, Shared{fmt.Sprint("l", i), root.String()})
		}
		writeJSON(w, http.StatusOK, all)
	}
	if _, err := n.Pull(ctx, Pull{From: l.addr}, nil); err == nil || !strings.Contains(err.Error(), "30000 libraries") {
		t.Errorf("got %v, want that there are too many", err)
	}
}
