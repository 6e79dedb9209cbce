// This file tests how claims are named and joined.

package graph

import (
	"fmt"
	"slices"
	"testing"
)

func TestClaims(t *testing.T) {
	a, b, c := ClaimOfKeys([]string{"A"}), ClaimOfKeys([]string{"B"}), ClaimOf("x.car")
	if got := ClaimOfKeys([]string{"B", "A", "B"}); got != "claim:key A,B" {
		t.Errorf("got %q", got)
	}
	for _, test := range []struct{ left, right, want string }{
		{"", "", ""},
		{a, "", a},
		{"", a, a},
		{a, a, a},
		{b, a, "claim:key A & key B"},
		{"claim:key A & key B", c, "claim:key A & key B & x.car"},
		{"claim:key A & key B & x.car", "claim:key B & x.car", "claim:key A & key B & x.car"},
		{a, ManySources, ManySources},
		{ManySources, a, ManySources},
	} {
		if got := JoinClaims(test.left, test.right); got != test.want {
			t.Errorf("%q and %q: got %q, want %q", test.left, test.right, got, test.want)
		}
		if there, back := JoinClaims(test.left, test.right), JoinClaims(test.right, test.left); there != back {
			t.Errorf("%q and %q: got %q one way and %q the other", test.left, test.right, there, back)
		}
	}
	// No order of joining makes another claim.
	var parts []string
	for i := range MaxSources {
		parts = append(parts, ClaimOf(fmt.Sprint(i, ".car")))
	}
	all := func() (by string) {
		for _, p := range parts {
			by = JoinClaims(by, p)
		}
		return by
	}
	want := all()
	slices.Reverse(parts)
	if got := all(); got != want || len(Sources(got)) != MaxSources {
		t.Errorf("got %q, want %q", got, want)
	}
	parts = append(parts, ClaimOf("one more"))
	if got := all(); got != ManySources {
		t.Errorf("got %q", got)
	}
	for _, test := range []struct {
		by, source string
		want       bool
	}{
		{"claim:key A,B & x.car", "A", true},
		{"claim:key A,B & x.car", "B", true},
		{"claim:key A,B & x.car", "x.car", true},
		{"claim:key A,B & x.car", "C", false},
		{"claim:A & B.car", "A & B.car", true},
		{"own:4", "4", false},
		{"own:4", "own:4", false},
		{"claim:A", "A", true},
		{ClaimOf("key A"), "A", false},
	} {
		if got := RestsOn(test.by, test.source); got != test.want {
			t.Errorf("%q rests on %q: got %v, want %v", test.by, test.source, got, test.want)
		}
	}
}

func TestKeysAlone(t *testing.T) {
	for by, want := range map[string]bool{
		"claim:key A": true, "claim:key A,B & key C": true,
		"claim:key A & x.car": false, "claim:x.car": false, ClaimOf("key A"): false, ManySources: false, "own:4": false, "": false,
	} {
		if got := KeysAlone(by); got != want {
			t.Errorf("%q: got %v, want %v", by, got, want)
		}
	}
}

// TestClaimOfAny: each group vouches for all of it, every key of a group for a part.
func TestClaimOfAny(t *testing.T) {
	for _, test := range []struct {
		groups [][]string
		want   string
	}{
		{[][]string{{"A"}}, "claim:key A"},
		{[][]string{{"A"}, {"B"}}, "claim:key A,B"},
		{[][]string{{"A", "B"}}, "claim:key A & key B"},
		{[][]string{{"A"}, {"B", "C"}}, "claim:key A,B & key A,C"},
		{[][]string{{"A", "B"}, {"C", "D"}}, "claim:key A,C & key A,D & key B,C & key B,D"},
		{slices.Repeat([][]string{{"A", "B", "C"}}, 3), ManySources},
	} {
		if got := ClaimOfAny(test.groups); got != test.want {
			t.Errorf("%v: got %q, want %q", test.groups, got, test.want)
		}
	}
}
