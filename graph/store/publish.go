// This file publishes: it makes libraries of names with what this machine has found for them, and keeps those that have a name in the store.
//
// A library of this store is a named root, "library/" and its name; one that somebody else publishes and this store follows is "follow/" and
// a name. A library that changes is a new one, whose parent is the one before.

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// Prefixes of named roots.
const (
	LibraryRoot = "library/"
	FollowRoot  = "follow/"
	SourceRoot  = "source/" // where a followed library is from: a raw block that package node writes
)

// A Publication says what is published.
type Publication struct {
	Names, About map[string]cid.Cid // terms, and their about blocks by the same names
	Asked        []cid.Cid          // expressions whose results are published too
	// Attest gives the envelopes of who says that a result is right; nil for nobody. It may give more than a library takes.
	Attest func(ctx context.Context, expr, result cid.Cid) ([][]byte, error)

	Library string // what the library is called in this store; "" for one that has no name, and so no parent
	Add     bool   // the names are added to those that the library of this name has; else they are all
	Pin     string // the name of its pin; "" for none
}

// A Revision says what became of a Publication.
type Revision struct {
	Published
	Names     int
	Parent    cid.Cid // the root before it, if there was one
	Unchanged bool    // the root is what it was; its size is not known
}

// Publish makes a library of names, with their about blocks, and with the results that this machine has found for
// any expression in their code, for the expressions asked, and for all that these rest on. Everything below the root
// must be there: a block that is not is an error that names it.
func (s *Store) Publish(ctx context.Context, names, about map[string]cid.Cid, asked ...cid.Cid) (Published, error) {
	r, err := s.Update(ctx, Publication{Names: names, About: about, Asked: asked})
	return r.Published, err
}

// Update is Publish for a library that may have a name, and so may have been published before: then it returns the same root if nothing has
// changed, and else one whose parent is that. Of several processes that publish under one name each goes on from what the one before made.
func (s *Store) Update(ctx context.Context, p Publication) (Revision, error) {
	if p.Library != "" {
		if err := CheckLibraryName(p.Library); err != nil {
			return Revision{}, err
		}
	}
	lib := newLibrary()
	lib.Names, lib.About = p.Names, p.About
	for name := range p.About {
		if _, ok := p.Names[name]; !ok {
			return Revision{}, fmt.Errorf("publish: %q has an about block and no term", name)
		}
	}
	g := s.gatherer(ctx, &lib)
	if err := g.gather(p.Names, p.Asked); err != nil {
		return Revision{}, err
	}
	for name, a := range p.About { // last: what they link to is no reason to look for answers, and has been walked through
		if _, err := g.walk(nil, a); err != nil {
			return Revision{}, fmt.Errorf("publish about/%s: %w", name, err)
		}
	}
	if p.Attest != nil {
		for expr, result := range lib.Results {
			list, err := p.Attest(ctx, expr, result)
			if err != nil {
				return Revision{}, err
			}
			if list = Envelopes(list); len(list) > 0 {
				lib.Attest[expr] = list
			}
		}
	}
	if p.Library == "" {
		made, err := s.putLibrary(ctx, lib, nil, g.sizes)
		if err == nil && p.Pin != "" {
			err = s.setPin(ctx, Pin{CID: made.Root, Name: p.Pin})
		}
		return Revision{Published: made, Names: len(lib.Names)}, err
	}
	return s.replace(ctx, p.Library, p.Pin, g.sizes, func(before Library) (Library, error) {
		if !p.Add {
			return lib.attestedBy(before), nil
		}
		return before.with(lib), nil
	})
}

// Replace makes the library that f returns the one of a name, and pins it. What f gets is the one that it takes the place of, or an empty one; f is
// called again when another process was faster. The parent of what f returns is not looked at.
func (s *Store) Replace(ctx context.Context, name, pin string, f func(before Library) (Library, error)) (Revision, error) {
	if err := CheckLibraryName(name); err != nil {
		return Revision{}, err
	}
	return s.replace(ctx, name, pin, map[cid.Cid]uint32{}, f)
}

// replace is Replace. The sizes are as in putLibrary.
func (s *Store) replace(ctx context.Context, name, pin string, sizes map[cid.Cid]uint32, f func(before Library) (Library, error)) (Revision, error) {
	for {
		root, err := s.Root(ctx, LibraryRoot+name)
		if err != nil {
			return Revision{}, err
		}
		before := shelf{Library: newLibrary()}
		if root.Defined() {
			before, err = s.readShelf(ctx, root, false, namesName, aboutName, resultsName, tracesName, attestName)
			if err != nil {
				return Revision{}, fmt.Errorf("the library %s as it was: %w; import that again, or begin anew after `rosser library rm %s`", name, err, name)
			}
		}
		lib, err := f(before.Library)
		if err != nil {
			return Revision{}, err
		}
		r := Revision{Names: len(lib.Names), Parent: root}
		known := lib.sameParts(before)
		if root.Defined() && len(known) == len(before.dirs) && len(known) == lib.countParts() {
			r.Root, r.Parent, r.Unchanged = root, before.Parent, true
			if pin != "" {
				err = s.setPin(ctx, Pin{CID: root, Name: pin})
			}
			return r, err
		}
		lib.Parent = root
		if r.Published, err = s.putLibrary(ctx, lib, known, sizes); err != nil {
			return Revision{}, err
		}
		if pin != "" { // before the name has it, and before the old one is let go
			if err := s.setPin(ctx, Pin{CID: r.Root, Name: pin}); err != nil {
				return Revision{}, err
			}
		}
		done, err := s.SwapRoot(ctx, LibraryRoot+name, root, r.Root)
		switch {
		case err != nil:
			return Revision{}, err
		case done:
			return r, s.unpinLibrary(ctx, root, name)
		}
		if err := s.unpinLibrary(ctx, r.Root, name); err != nil {
			return Revision{}, err
		}
	}
}

// unpinLibrary takes away the pin that a root got as the library of a name. One that somebody gave another name stays.
func (s *Store) unpinLibrary(ctx context.Context, root cid.Cid, name string) error {
	if !root.Defined() {
		return nil
	}
	if err := s.Flush(ctx); err != nil {
		return err
	}
	rec, ok, err := s.get(ctx, []byte(pinKey(root)))
	if err != nil || !ok {
		return err
	}
	if p, err := readPin([]byte(pinKey(root)), rec); err != nil || p.Direct || p.Partial || strings.TrimSuffix(p.Name, ".ros") != name {
		return nil
	}
	_, err = s.Unpin(ctx, root)
	return err
}

// with is what l lists and n, where both have something the latter's.
func (l Library) with(n Library) Library {
	all := newLibrary()
	for _, l := range []Library{l, n} {
		for name := range l.Names {
			delete(all.About, name) // it told of another term
		}
		maps.Copy(all.Names, l.Names)
		maps.Copy(all.About, l.About)
		for expr, result := range l.Results {
			if all.Results[expr] != result { // these are of another result
				delete(all.Traces, expr)
				delete(all.Attest, expr)
			}
		}
		maps.Copy(all.Results, l.Results)
		maps.Copy(all.Traces, l.Traces)
		for expr, list := range l.Attest {
			all.Attest[expr] = Envelopes(list, all.Attest[expr])
		}
	}
	return all
}

// attestedBy is l with the envelopes that before has for the same results.
func (l Library) attestedBy(before Library) Library {
	own := l.Attest
	l.Attest = maps.Clone(own)
	for expr, list := range before.Attest {
		if result, ok := l.Results[expr]; ok && before.Results[expr] == result {
			l.Attest[expr] = Envelopes(own[expr], list)
		}
	}
	return l
}

// sameParts are the directories of before that l has too.
func (l Library) sameParts(before shelf) map[string]cid.Cid {
	same := map[string]cid.Cid{}
	add := func(part string, equal bool) {
		if c, ok := before.dirs[part]; ok && equal {
			same[part] = c
		}
	}
	add(namesName, maps.Equal(l.Names, before.Names))
	add(aboutName, maps.Equal(l.About, before.About))
	add(resultsName, maps.Equal(l.Results, before.Results))
	add(tracesName, maps.Equal(l.Traces, before.Traces))
	add(attestName, maps.EqualFunc(l.Attest, before.Attest, func(a, b [][]byte) bool { return slices.EqualFunc(a, b, slices.Equal) }))
	return same
}

// countParts is how many directories a library has.
func (l Library) countParts() int {
	if len(l.Attest) > 0 {
		return 5
	}
	return 4
}

// CheckLibraryName says what is wrong with the name of a library.
func CheckLibraryName(name string) error {
	const most = 200 // bytes
	bad := strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) || unicode.IsSpace(r) })
	switch {
	case name == "" || bad || !utf8.ValidString(name) || name[0] == '@' || name[0] == '-' || name[0] == '.':
		return fmt.Errorf("got %.60q for the name of a library, want one without spaces and slashes that does not begin with -, @ or a dot", name)
	case len(name) > most:
		return fmt.Errorf("the name of a library has %d bytes, the limit is %d", len(name), most)
	}
	if _, err := cid.Decode(name); err == nil {
		return fmt.Errorf("got the CID %.80s for the name of a library", name)
	}
	return nil
}

// Libraries calls f with each named root of the prefix LibraryRoot or FollowRoot, without the prefix, in the order of their bytes.
func (s *Store) Libraries(ctx context.Context, prefix string, f func(name string, root cid.Cid) error) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	key := rootKey(prefix)
	return s.each(ctx, []byte(key), func(e entry) error {
		root, err := cid.Cast(e.value)
		if err != nil {
			return nil // store check says so
		}
		return f(string(e.key[len(key):]), root)
	}, func([]byte, []byte) {})
}

// Unfollow forgets a library of somebody else that is followed, and returns what its root was; undefined if there was none.
func (s *Store) Unfollow(ctx context.Context, name string) (was cid.Cid, err error) {
	for _, key := range []string{SourceRoot + name, FollowRoot + name} {
		for done := false; !done; {
			if was, err = s.Root(ctx, key); err != nil {
				return was, err
			}
			if done, err = s.SwapRoot(ctx, key, was, cid.Undef); err != nil {
				return was, err
			}
		}
	}
	return was, nil
}

// RemoveLibrary takes a name away from its library, with the pin that it got by publishing, and returns what its root was; undefined if there was none.
// It returns when that is on the disk.
func (s *Store) RemoveLibrary(ctx context.Context, name string) (cid.Cid, error) {
	for {
		root, err := s.Root(ctx, LibraryRoot+name)
		if err != nil || !root.Defined() {
			return cid.Undef, err
		}
		if ok, err := s.SwapRoot(ctx, LibraryRoot+name, root, cid.Undef); err != nil {
			return cid.Undef, err
		} else if ok {
			return root, s.unpinLibrary(ctx, root, name)
		}
	}
}

// A gatherer collects what is published, and notes how large each block is that it has walked through: all below it is there.
type gatherer struct {
	s      *Store
	ctx    context.Context
	lib    *Library
	sizes  map[cid.Cid]uint32
	traced map[cid.Cid]bool

	recent map[cid.Cid][]byte // an answer's blocks are looked at several times in a row
	held   int                // their bytes
}

const gatherRecent = 4 << 20 // bytes

func (s *Store) gatherer(ctx context.Context, lib *Library) *gatherer {
	return &gatherer{s: s, ctx: ctx, lib: lib, sizes: map[cid.Cid]uint32{}, traced: map[cid.Cid]bool{}, recent: map[cid.Cid][]byte{}}
}

func (g *gatherer) load(c cid.Cid) ([]byte, error) {
	if data, ok := g.recent[c]; ok {
		return data, nil
	}
	if err := g.ctx.Err(); err != nil {
		return nil, err
	}
	data, err := g.s.Block(g.ctx, c)
	if err == nil {
		if g.held += len(data); g.held > gatherRecent {
			clear(g.recent)
			g.held = len(data)
		}
		g.recent[c] = data
	}
	return data, err
}

// gather adds the answers for all code below names and asked, and for all code below these answers, and so on. What is looked up goes in the
// order in which it stands in the database, as far as that is known: several stand in each page that is read.
func (g *gatherer) gather(names map[string]cid.Cid, asked []cid.Cid) error {
	var code []cid.Cid
	called := map[cid.Cid]string{}
	order := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(compareCIDs(names[a], names[b]), strings.Compare(a, b))
	})
	for _, name := range order {
		var err error
		if code, err = g.walk(code, names[name]); err != nil {
			return fmt.Errorf("publish %s: %w", name, err)
		}
		called[names[name]] = name
	}
	for _, expr := range asked { // the library itself does not list it: it is there if it has an answer
		err := graph.Closure(g.ctx, []cid.Cid{expr}, g.load, func(c cid.Cid, data []byte) error {
			if c.Prefix().Codec == cid.DagCBOR && graph.IsCode(data) {
				code = append(code, c)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("publish %s: %w", expr, err)
		}
	}
	for len(code) > 0 {
		slices.SortFunc(code, compareCIDs)
		var found []graph.Answer
		for _, expr := range code {
			a, ok, err := g.s.lookup(g.ctx, expr)
			if err != nil {
				return err
			}
			if ok && a.Own() {
				found = append(found, a)
			}
		}
		slices.SortFunc(found, func(a, b graph.Answer) int { return compareCIDs(a.Result, b.Result) })
		code = nil
		for _, a := range found {
			if _, ok := g.lib.Results[a.Expr]; ok {
				continue
			}
			roots, err := g.answer(a)
			if err == nil && roots != nil {
				code, err = g.walk(code, roots...)
			}
			if err != nil {
				return fmt.Errorf("publish %s: %w", cmp.Or(called[a.Expr], a.Expr.String()), err)
			}
		}
	}
	return nil
}

func compareCIDs(a, b cid.Cid) int { return strings.Compare(a.KeyString(), b.KeyString()) }

// walk goes through all below some roots that it has not been through, and adds what of it is code.
func (g *gatherer) walk(code []cid.Cid, roots ...cid.Cid) ([]cid.Cid, error) {
	load := func(c cid.Cid) ([]byte, error) {
		if _, ok := g.sizes[c]; ok {
			return nil, graph.ErrSkip
		}
		return g.load(c)
	}
	err := graph.ClosureBy(g.ctx, roots, load, codec.Links, func(c cid.Cid, data []byte) error {
		g.sizes[c] = uint32(len(data))
		if c.Prefix().Codec == cid.DagCBOR && graph.IsCode(data) {
			code = append(code, c)
		}
		return nil
	})
	return code, err
}

// answer adds an answer that this machine has found, if all of its value is there, and returns what is below it.
func (g *gatherer) answer(a graph.Answer) ([]cid.Cid, error) {
	if graph.ResultBlocks(a.Result, g.load, nil) != nil {
		_, _, err := g.s.Answer(g.ctx, a.Expr) // which says what is missing, and drops it
		return nil, errors.Join(err, g.ctx.Err())
	}
	g.lib.Results[a.Expr] = a.Result
	if !a.Trace.Defined() {
		return []cid.Cid{a.Result}, nil
	}
	switch _, err := g.load(a.Trace); {
	case errors.Is(err, graph.ErrNotFound):
		return []cid.Cid{a.Result}, nil
	case err != nil:
		return nil, err
	}
	if err := traced(g.load, a.Trace, g.lib.Results, g.lib.Traces, g.traced); err != nil {
		return nil, err
	}
	g.lib.Results[a.Expr], g.lib.Traces[a.Expr] = a.Result, a.Trace
	return []cid.Cid{a.Result, a.Trace}, nil
}
