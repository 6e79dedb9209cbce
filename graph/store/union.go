// This file compares libraries and joins them.

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// A Conflict is an expression that libraries list different results of: somebody is wrong. From has the libraries of each, by number.
type Conflict struct {
	Expr    cid.Cid
	Results []cid.Cid
	From    [][]int
}

// A NameConflict is a name that libraries give to different terms. From has the libraries of each, by number.
type NameConflict struct {
	Name  string
	Terms []cid.Cid
	From  [][]int
}

// A NamesError says that libraries cannot be joined as they are.
type NamesError []NameConflict

func (e NamesError) Error() string {
	return fmt.Sprintf("%q is %s in one library and %s in another", e[0].Name, e[0].Terms[0], e[0].Terms[1])
}

// Union returns a library with all that the given ones list. Where some of them give one name to different terms that of the one with the number
// prefer counts; if it has none, that is a NamesError, with all such names. Of an expression with different results there is none
// in the union, and a Conflict. The union has no parent.
func Union(libs []Library, prefer int) (Library, []Conflict, error) {
	all := newLibrary()
	var bad NamesError
	terms := func(l Library) map[string]cid.Cid { return l.Names }
	for _, name := range slices.Sorted(maps.Keys(joined(libs, terms))) {
		found, from := variants(libs, func(l Library) cid.Cid { return l.Names[name] })
		switch {
		case len(found) == 1:
			all.Names[name] = found[0]
		case prefer >= 0 && libs[prefer].Names[name].Defined():
			all.Names[name] = libs[prefer].Names[name]
		default:
			bad = append(bad, NameConflict{name, found, from})
			continue
		}
		// Of what people wrote there can be several; the first one stays.
		for _, l := range libs {
			if a, ok := l.About[name]; ok && l.Names[name] == all.Names[name] {
				all.About[name] = a
				break
			}
		}
	}
	if bad != nil {
		return Library{}, nil, bad
	}
	var conflicts []Conflict
	for expr := range joined(libs, func(l Library) map[cid.Cid]cid.Cid { return l.Results }) {
		found, from := variants(libs, func(l Library) cid.Cid { return l.Results[expr] })
		if len(found) > 1 {
			conflicts = append(conflicts, Conflict{expr, found, from})
			continue
		}
		all.Results[expr] = found[0]
		var lists [][][]byte
		for _, l := range libs {
			if l.Results[expr] != found[0] {
				continue
			}
			if t, ok := l.Traces[expr]; ok && !all.Traces[expr].Defined() {
				all.Traces[expr] = t
			}
			lists = append(lists, l.Attest[expr])
		}
		if list := Envelopes(lists...); len(list) > 0 {
			all.Attest[expr] = list
		}
	}
	slices.SortFunc(conflicts, func(a, b Conflict) int { return compareCIDs(a.Expr, b.Expr) })
	return all, conflicts, nil
}

// joined has the keys of what part has of some libraries.
func joined[K comparable](libs []Library, part func(Library) map[K]cid.Cid) map[K]cid.Cid {
	all := map[K]cid.Cid{}
	for _, l := range libs {
		maps.Copy(all, part(l))
	}
	return all
}

// variants are the different things that of finds in libraries, and in which of them.
func variants(libs []Library, of func(Library) cid.Cid) (found []cid.Cid, from [][]int) {
	for i, l := range libs {
		c := of(l)
		if !c.Defined() {
			continue
		}
		at := slices.Index(found, c)
		if at < 0 {
			at = len(found)
			found, from = append(found, c), append(from, nil)
		}
		from[at] = append(from[at], i)
	}
	return found, from
}

// A NameChange is a name that has another term in a library than in the one before; undefined where it has none.
type NameChange struct {
	Name        string
	Before, Now cid.Cid
}

// A Changed counts entries of one directory of a library against those of another.
type Changed struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
}

// A LibraryDiff is how a library differs from another one.
type LibraryDiff struct {
	Names                          []NameChange // by name
	Name                           Changed      // counts of Names
	About, Results, Traces, Attest Changed
}

// Same says whether there is no difference.
func (d LibraryDiff) Same() bool {
	none := Changed{}
	return d.Name == none && d.About == none && d.Results == none && d.Traces == none && d.Attest == none
}

// DiffLibraries says how the library at now differs from that at before, which may be undefined for an empty one. It reads only the
// directories that are not the same.
func (s *Store) DiffLibraries(ctx context.Context, before, now cid.Cid) (LibraryDiff, error) {
	var d LibraryDiff
	old, err := s.topOf(ctx, before)
	if err != nil {
		return d, err
	}
	top, err := s.topOf(ctx, now)
	if err != nil {
		return d, err
	}
	for part, count := range map[string]*Changed{namesName: &d.Name, aboutName: &d.About, resultsName: &d.Results, tracesName: &d.Traces, attestName: &d.Attest} {
		a, b := old[part], top[part]
		if a == b {
			continue
		}
		was, err := s.partOf(ctx, before, part, a)
		if err != nil {
			return d, err
		}
		is, err := s.partOf(ctx, now, part, b)
		if err != nil {
			return d, err
		}
		change := func(name string, a, b cid.Cid, n *int) {
			*n++
			if part == namesName {
				d.Names = append(d.Names, NameChange{name, a, b})
			}
		}
		for name, b := range is {
			if a, ok := was[name]; !ok {
				change(name, cid.Undef, b, &count.Added)
			} else if a != b {
				change(name, a, b, &count.Changed)
			}
		}
		for name, a := range was {
			if _, ok := is[name]; !ok {
				change(name, a, cid.Undef, &count.Removed)
			}
		}
	}
	slices.SortFunc(d.Names, func(a, b NameChange) int { return strings.Compare(a.Name, b.Name) })
	return d, nil
}

// topOf is what the root of a library lists.
func (s *Store) topOf(ctx context.Context, root cid.Cid) (map[string]cid.Cid, error) {
	if !root.Defined() {
		return nil, nil
	}
	top, err := s.entries(ctx, root)
	if err == nil && !top[namesName].Defined() {
		err = fmt.Errorf("%w: it has no directory names", ErrNoLibrary)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	return top, nil
}

func (s *Store) partOf(ctx context.Context, root cid.Cid, part string, c cid.Cid) (map[string]cid.Cid, error) {
	if !c.Defined() {
		return nil, nil
	}
	found, err := s.entries(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", root, part, err)
	}
	return found, nil
}

// A Version is one of the libraries that a library took the place of, or itself.
type Version struct {
	Root, Parent cid.Cid
	Diff         LibraryDiff // from the parent
	Gone         error       // the parent is not all there, or is no library; then there is no Diff
}

// History calls f with the library at root, its parent, and so on, until f returns false. Where something is missing it ends, and the
// last one says so.
func (s *Store) History(ctx context.Context, root cid.Cid, f func(Version) bool) error {
	for at := root; at.Defined(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		top, err := s.topOf(ctx, at)
		if err != nil {
			return err
		}
		v := Version{Root: at, Parent: top[parentName]}
		v.Diff, err = s.DiffLibraries(ctx, v.Parent, at)
		switch {
		case err == nil:
		case v.Parent.Defined() && (errors.Is(err, graph.ErrNotFound) || errors.Is(err, ErrNoLibrary)):
			v.Gone = err
		default:
			return err
		}
		if !f(v) || v.Gone != nil {
			return nil
		}
		at = v.Parent
	}
	return nil
}
