// This file tests that recursion groups have one form, however they are written.

package graph

import (
	"math/rand"
	"reflect"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
)

func self(i int) *Term { return &Term{Op: OpSelf, Index: i} }

func member(arity int, body *Term) *Term {
	return &Term{Op: OpLam, Arity: arity, Args: []*Term{body}}
}

func apply(f *Term, args ...*Term) *Term {
	return &Term{Op: OpApp, Args: append([]*Term{f}, args...)}
}

func level(i int) *Term { return &Term{Op: OpVar, Index: i} }

func groupBytes(t testing.TB, members []*Term) (string, []int) {
	t.Helper()
	canonical, place, err := CanonicalGroup(members)
	if err != nil {
		t.Fatal(err)
	}
	b := EncodeCode(&Term{Op: OpRec, Args: canonical}, nil)
	if _, err := DecodeCode(b.CID, b.Data, func(c cid.Cid) ([]byte, error) { return nil, NotFound(c) }); err != nil {
		t.Fatalf("the canonical form is refused: %v", err)
	}
	return string(b.Data), place
}

func lit(i int64) *Term { return &Term{Op: OpLit, Value: Int(i)} }

// lazyList is a list of one lazy member.
func lazyList(i int) *Term {
	return &Term{Op: OpList, Args: []*Term{{Op: OpLazy, Args: []*Term{self(i)}}}}
}

// permuted returns the group with member i at place to[i].
func permuted(members []*Term, to []int) []*Term {
	out := make([]*Term, len(members))
	for i, m := range members {
		out[to[i]] = withMentions(m, func(j int) int { return to[j] })
	}
	return out
}

func TestCanonicalGroup(t *testing.T) {
	even := func(odd int) *Term { return member(1, apply(self(odd), level(0), lit(0))) }
	odd := func(even int) *Term { return member(1, apply(self(even), level(0), lit(1))) }
	for name, groups := range map[string][][]*Term{
		"even and odd":         {{even(1), odd(0)}, {odd(1), even(0)}, {even(2), even(2), odd(1)}, {even(3), odd(0), even(1), odd(2)}},
		"alone":                {{member(1, apply(self(0), level(0)))}, {member(1, apply(self(1), level(0))), member(1, apply(self(0), level(0)))}},
		"two of three equal":   {{even(1), odd(0)}, {even(2), even(2), odd(0)}, {odd(1), even(2), odd(1)}},
		"lazies":               {{member(0, lazyList(0))}, {member(0, lazyList(1)), member(0, lazyList(0))}},
		"a cycle that differs": {{even(1), even(2), odd(0)}, {even(2), odd(0), even(1)}, {odd(2), even(0), even(1)}},
	} {
		want := ""
		for _, g := range groups {
			got, place := groupBytes(t, g)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
			// The canonical form is canonical.
			canonical, _, _ := CanonicalGroup(g)
			again, stay, _ := CanonicalGroup(canonical)
			if !reflect.DeepEqual(canonical, again) || len(stay) != len(canonical) {
				t.Errorf("%s: canonical form of %v changes", name, place)
			}
		}
	}
}

// TestGroupsAreInvariant permutes, doubles and merges the members of random groups.
func TestGroupsAreInvariant(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 300 {
		n := 1 + rnd.Intn(8)
		members := make([]*Term, n)
		for i := range members {
			args := []*Term{level(0), self((i + 1) % n)}
			for range rnd.Intn(3) {
				args = append(args, self(rnd.Intn(n)))
			}
			if rnd.Intn(4) == 0 {
				args = append(args, lit(int64(rnd.Intn(3))))
			}
			members[i] = member(1, apply(args[0], args[1:]...))
		}
		want, place := groupBytes(t, members)
		perm := rnd.Perm(n)
		got, moved := groupBytes(t, permuted(members, perm))
		if got != want {
			t.Fatalf("permuting %v changes the group", perm)
		}
		for i := range members {
			if moved[perm[i]] != place[i] {
				t.Fatalf("member %d is at %d, and permuted at %d", i, place[i], moved[perm[i]])
			}
		}
		// Every member twice; each mention is of either.
		double := make([]*Term, 0, 2*n)
		for range 2 {
			for _, m := range members {
				double = append(double, withMentions(m, func(j int) int { return j + n*rnd.Intn(2) }))
			}
		}
		// Both halves are reached, or they are not a group; equal members are one either way.
		canonical, _, err := CanonicalGroup(double)
		if err != nil {
			t.Fatal(err)
		}
		if b := EncodeCode(&Term{Op: OpRec, Args: canonical}, nil); string(b.Data) != want {
			t.Fatal("doubling the members changes the group")
		}
	}
}

// TestHostileGroups are slow to refine: a cycle in which only one member differs, mentioned by everything.
func TestHostileGroups(t *testing.T) {
	members := make([]*Term, MaxMembers)
	for i := range members {
		args := []*Term{level(0)}
		for k := 1; k <= 20; k++ {
			args = append(args, self(min(i+k, len(members)-1)))
		}
		if i == len(members)-1 {
			args = append(args, self(0), lit(1))
		}
		members[i] = member(1, apply(args[0], args[1:]...))
	}
	start := time.Now()
	canonical, _, err := CanonicalGroup(members)
	if err != nil || len(canonical) != MaxMembers {
		t.Fatalf("got %d members, %v", len(canonical), err)
	}
	d := time.Since(start)
	t.Log(d)
	if d > 20*time.Second {
		t.Errorf("took %v", d)
	}
	if _, _, err := CanonicalGroup(append(members, members[0])); err == nil {
		t.Error("a group of 4097 is taken")
	}
	if _, _, err := CanonicalGroup([]*Term{member(1, self(1))}); err == nil {
		t.Error("a mention of nobody is taken")
	}
}
