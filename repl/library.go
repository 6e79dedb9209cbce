// This file holds the commands that make libraries and look after them: publish, and library ls, log, diff, merge, rm.

package repl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/trust"
)

// A Publishing says what `rosser publish` does besides.
type Publishing struct {
	Library string // the library's name; "" for that of the file
	Car     string // a CAR file to write; "" for none
	Attest  bool   // this machine's key signs the results, and what others have signed is in it

	Announce func(ctx context.Context, s *store.Store, library string, root cid.Cid) error // tells others of it; nil for nobody
}

// Publish is `rosser publish`.
func Publish(ctx context.Context, o Options, file string, names []string, p Publishing) error {
	src, err := o.readSource(file)
	if err != nil {
		return err
	}
	library, pin := p.Library, p.Library
	if library == "" {
		pin = filepath.Base(file)
		library = strings.TrimSuffix(pin, ".ros")
		if file == "-" {
			return Misuse(errors.New("standard input has no name for the library: give it one by --library NAME"))
		}
	}
	if err := store.CheckLibraryName(library); err != nil {
		return Misuse(fmt.Errorf("%w; --library NAME gives it another", err))
	}
	return with(o, func(s *Session) error {
		u, err := s.Compile(ctx, file, src)
		if err != nil {
			return err
		}
		if err := s.keepAbout(ctx, u); err != nil {
			return err
		}
		terms, about := map[string]cid.Cid{}, map[string]cid.Cid{}
		known := make([]string, len(u.Defs))
		for i, d := range u.Defs {
			known[i] = d.Name
			terms[d.Name], about[d.Name] = d.CID, graph.EncodeAbout(d.About, nil).CID
		}
		if len(names) > 0 {
			chosen := map[string]bool{}
			for _, name := range names {
				if _, ok := terms[name]; !ok {
					return Misuse(fmt.Errorf("%s does not define %.40q%s", file, name, hint(lang.Suggest(name, known))))
				}
				chosen[name] = true
			}
			for name := range terms {
				if !chosen[name] {
					delete(terms, name)
					delete(about, name)
				}
			}
		}
		if len(terms) == 0 {
			return Misuse(fmt.Errorf("%s has no definitions to publish", file))
		}
		var asked []cid.Cid
		if u.Body != nil {
			asked = append(asked, u.BodyCID)
		}
		debug.SetGCPercent(100) // what is looked at is garbage at once
		publication := store.Publication{
			Names: terms, About: about, Asked: asked, Library: library, Add: len(names) > 0, Pin: oneLine(lang.Clean(pin), shownBytes),
		}
		if p.Attest {
			key, err := trust.Key(s.store.Dir())
			if err != nil {
				return Misuse(err)
			}
			publication.Attest = func(ctx context.Context, expr, result cid.Cid) ([][]byte, error) {
				a, ok, err := s.store.Recorded(ctx, expr)
				if err != nil {
					return nil, err
				}
				if !ok || a.By != eval.Own || a.Result != result { // it stands in a trace, or another version reduced it
					return trust.Others(ctx, s.store, expr, result)
				}
				return trust.Envelopes(ctx, s.store, key, expr, result)
			}
		}
		r, err := s.store.Update(ctx, publication)
		if err != nil {
			return &failure{exitMissing, err}
		}
		fmt.Fprintln(s.opt.Stdout, r.Root)
		fmt.Fprintf(s.opt.Stderr, "%s: %s\n", library, revisionText(r))
		if p.Car != "" {
			err = s.export(ctx, r.Root, p.Car, false)
		}
		if p.Announce != nil && err == nil {
			err = p.Announce(ctx, s.store, library, r.Root)
		}
		return err
	})
}

func revisionText(r store.Revision) string {
	switch {
	case r.Unchanged:
		return "unchanged: " + plural(r.Names, "name")
	case r.Parent.Defined():
		return fmt.Sprintf("%s in %s, after %s", plural(r.Names, "name"), sizeText(r.Size), r.Parent)
	}
	return fmt.Sprintf("%s in %s", plural(r.Names, "name"), sizeText(r.Size))
}

// findLibrary is the root that text is the CID of, or a library of this store, or one that it follows, is called.
func findLibrary(ctx context.Context, s *store.Store, text string) (cid.Cid, error) {
	c, err := cid.Decode(strings.TrimPrefix(text, "@"))
	if err == nil {
		return c, nil
	}
	roots := []string{store.LibraryRoot + text, store.FollowRoot + text}
	if strings.HasPrefix(text, store.LibraryRoot) || strings.HasPrefix(text, store.FollowRoot) {
		roots = append(roots, text)
	}
	for _, name := range roots {
		root, err := s.Root(ctx, name)
		if err != nil {
			return cid.Undef, reading(ctx, err)
		}
		if root.Defined() {
			return root, nil
		}
	}
	var names []string
	for _, prefix := range []string{store.LibraryRoot, store.FollowRoot} {
		err := s.Libraries(ctx, prefix, func(name string, _ cid.Cid) error {
			names = append(names, name)
			return nil
		})
		if err != nil {
			return cid.Undef, reading(ctx, err)
		}
	}
	return cid.Undef, missing("got %.60q, want a CID or the name of a library%s; `rosser library ls` says which there are", text, hint(lang.Suggest(text, names)))
}

// A libraryRecord is a line of `library ls --json`.
type libraryRecord struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // own or followed
	Root  string `json:"root"`
	Names int    `json:"names"`
	Gone  string `json:"missing,omitempty"`
}

// LibraryList is `rosser library ls`: of all libraries, or of what one lists.
func LibraryList(ctx context.Context, o Options, which string, asJSON bool) error {
	if which != "" {
		return libraryNames(ctx, o, which, asJSON)
	}
	return storage(o, func(s *store.Store, out io.Writer) error {
		var all []libraryRecord
		for _, p := range []struct{ prefix, kind string }{{store.LibraryRoot, "own"}, {store.FollowRoot, "followed"}} {
			err := s.Libraries(ctx, p.prefix, func(name string, root cid.Cid) error {
				r := libraryRecord{Name: name, Kind: p.kind, Root: root.String()}
				lib, err := s.ReadNames(ctx, root)
				var gone *graph.NotFoundError
				switch {
				case ctx.Err() != nil:
					return ctx.Err()
				case errors.As(err, &gone):
					r.Gone = gone.Error()
				case err != nil:
					r.Gone = err.Error()
				}
				r.Names = len(lib.Names)
				all = append(all, r)
				return nil
			})
			if err != nil {
				return reading(ctx, err)
			}
		}
		width := 0
		for _, r := range all {
			width = min(max(width, columns(r.Name)), shownBytes)
		}
		for _, r := range all {
			if asJSON {
				if err := json.NewEncoder(out).Encode(r); err != nil {
					return err
				}
				continue
			}
			text := plural(r.Names, "name")
			if r.Gone != "" {
				text = oneLine(lang.Clean(r.Gone), 4*shownBytes)
			}
			if r.Kind != "own" {
				text += ", followed"
			}
			name := oneLine(lang.Clean(r.Name), shownBytes)
			fmt.Fprintf(out, "%s%s  %s  %s\n", name, strings.Repeat(" ", max(width-columns(name), 0)), r.Root, text)
		}
		return nil
	})
}

type nameRecord struct {
	Name string `json:"name"`
	CID  string `json:"cid"`
}

func libraryNames(ctx context.Context, o Options, which string, asJSON bool) error {
	return with(o, func(s *Session) error {
		root, err := findLibrary(ctx, s.store, which)
		if err != nil {
			return err
		}
		if !asJSON {
			lib, err := s.cidManual(ctx, root)
			if err != nil {
				return err
			}
			return s.showLibrary(lib)
		}
		lib, err := s.store.ReadNames(ctx, root)
		if err != nil {
			return reading(ctx, err)
		}
		out := json.NewEncoder(s.opt.Stdout)
		for _, name := range slices.Sorted(maps.Keys(lib.Names)) {
			if err := out.Encode(nameRecord{name, lib.Names[name].String()}); err != nil {
				return Misuse(err)
			}
		}
		return nil
	})
}

// A changeRecord counts what changed in a library.
type changeRecord struct {
	Names   store.Changed `json:"names"`
	About   store.Changed `json:"about"`
	Results store.Changed `json:"results"`
	Traces  store.Changed `json:"traces"`
	Attest  store.Changed `json:"attest"`
}

func changesOf(d store.LibraryDiff) changeRecord {
	return changeRecord{d.Name, d.About, d.Results, d.Traces, d.Attest}
}

// text says what changed, "" for nothing. Names are left out where they are listed.
func (r changeRecord) text(names bool) string {
	var parts []string
	for _, p := range []struct {
		what string
		store.Changed
	}{{"names", r.Names}, {"about", r.About}, {"results", r.Results}, {"traces", r.Traces}, {"attest", r.Attest}} {
		if p.Changed == (store.Changed{}) || p.what == "names" && !names {
			continue
		}
		text := p.what
		for _, n := range []struct {
			sign string
			n    int
		}{{"+", p.Added}, {"-", p.Removed}, {"~", p.Changed.Changed}} {
			if n.n > 0 {
				text += " " + n.sign + fmt.Sprint(n.n)
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

type versionRecord struct {
	Root    string        `json:"root"`
	Parent  string        `json:"parent,omitempty"`
	Changes *changeRecord `json:"changes,omitempty"`
	Gone    string        `json:"missing,omitempty"`
}

// LibraryLog is `rosser library log`: a library and at most limit before it; 0 is no limit.
func LibraryLog(ctx context.Context, o Options, which string, limit int, asJSON bool) error {
	return storage(o, func(s *store.Store, out io.Writer) error {
		root, err := findLibrary(ctx, s, which)
		if err != nil {
			return err
		}
		n := 0
		var bad error
		err = s.History(ctx, root, func(v store.Version) bool {
			n++
			r := versionRecord{Root: v.Root.String()}
			changes := changesOf(v.Diff)
			text := changes.text(true)
			if v.Parent.Defined() {
				r.Parent = v.Parent.String()
			}
			switch {
			case v.Gone != nil:
				var gone *graph.NotFoundError
				if r.Gone = oneLine(lang.Clean(v.Gone.Error()), 4*shownBytes); errors.As(v.Gone, &gone) {
					r.Gone = gone.Error()
				}
				text = "the one before cannot be read: " + r.Gone
			case text == "":
				text = "nothing changed"
				fallthrough
			default:
				r.Changes = &changes
			}
			if asJSON {
				bad = json.NewEncoder(out).Encode(r)
			} else {
				_, bad = fmt.Fprintf(out, "%s  %s\n", v.Root, text)
			}
			if bad == nil && n == limit && v.Parent.Defined() && v.Gone == nil {
				fmt.Fprintf(o.stderr(), "there are more: --limit %d, or 0 for all\n", 10*limit)
			}
			return bad == nil && n != limit
		})
		if err == nil {
			err = bad
		}
		return reading(ctx, err)
	})
}

type nameChangeRecord struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	Now    string `json:"now,omitempty"`
}

// LibraryDiff is `rosser library diff`. That the libraries differ is the exit code 1.
func LibraryDiff(ctx context.Context, o Options, a, b string, asJSON bool) error {
	return storage(o, func(s *store.Store, out io.Writer) error {
		before, err := findLibrary(ctx, s, a)
		if err != nil {
			return err
		}
		now, err := findLibrary(ctx, s, b)
		if err != nil {
			return err
		}
		d, err := s.DiffLibraries(ctx, before, now)
		if err != nil {
			return reading(ctx, err)
		}
		for _, c := range d.Names {
			name := oneLine(lang.Clean(c.Name), shownBytes)
			switch {
			case asJSON:
				r := nameChangeRecord{Name: c.Name}
				if c.Before.Defined() {
					r.Before = c.Before.String()
				}
				if c.Now.Defined() {
					r.Now = c.Now.String()
				}
				if err := json.NewEncoder(out).Encode(r); err != nil {
					return err
				}
			case !c.Before.Defined():
				fmt.Fprintf(out, "+ %s  %s\n", name, c.Now)
			case !c.Now.Defined():
				fmt.Fprintf(out, "- %s  %s\n", name, c.Before)
			default:
				fmt.Fprintf(out, "~ %s  %s  was %s\n", name, c.Now, c.Before)
			}
		}
		if asJSON {
			if err := json.NewEncoder(out).Encode(changesOf(d)); err != nil {
				return err
			}
		} else if text := changesOf(d).text(false); text != "" {
			fmt.Fprintln(out, text)
		}
		if !d.Same() {
			return &failure{code: exitProgram}
		}
		return nil
	})
}

// A Merging says how `rosser library merge` does it.
type Merging struct {
	Library string // what the new library is called; "" for nothing
	Prefer  string // whose terms count where names are the same
	JSON    bool
}

type conflictRecord struct {
	Expr    string           `json:"expr"`
	Results []disputedRecord `json:"results"`
}

type disputedRecord struct {
	Result string   `json:"result"`
	From   []string `json:"from"`
}

type mergedRecord struct {
	Root      string           `json:"root"`
	Names     int              `json:"names"`
	Results   int              `json:"results"`
	Conflicts []conflictRecord `json:"conflicts"`
}

const conflictsShown = 20

// LibraryMerge is `rosser library merge`. That there are two results for one expression is the exit code 1; the library is made without them.
func LibraryMerge(ctx context.Context, o Options, which []string, m Merging) error {
	prefer := -1
	if m.Prefer != "" {
		if prefer = slices.Index(which, m.Prefer); prefer < 0 {
			return Misuse(fmt.Errorf("--prefer: got %.60q, want one of the libraries that are merged", m.Prefer))
		}
	}
	if m.Library != "" {
		if err := store.CheckLibraryName(m.Library); err != nil {
			return Misuse(err)
		}
	}
	return storage(o, func(s *store.Store, out io.Writer) error {
		libs := make([]store.Library, len(which))
		for i, text := range which {
			root, err := findLibrary(ctx, s, text)
			if err != nil {
				return err
			}
			if libs[i], err = s.ReadLibrary(ctx, root); err != nil {
				return reading(ctx, fmt.Errorf("%s: %w", text, err))
			}
		}
		merged, conflicts, err := store.Union(libs, prefer)
		var names store.NamesError
		if errors.As(err, &names) {
			return Misuse(namesError(names, which))
		}
		if err != nil {
			return err
		}
		var r store.Revision
		if m.Library != "" {
			r, err = s.Replace(ctx, m.Library, m.Library, func(store.Library) (store.Library, error) { return merged, nil })
		} else {
			r.Names = len(merged.Names)
			if r.Published, err = s.PutLibrary(ctx, merged); err == nil {
				err = s.PinPartly(ctx, store.Pin{CID: r.Root, Name: oneLine(lang.Clean("merge of "+strings.Join(which, ", ")), shownBytes)})
			}
		}
		if err != nil {
			return reading(ctx, err)
		}
		records := []conflictRecord{}
		for _, c := range conflicts {
			records = append(records, conflictRecord{c.Expr.String(), disputed(c.Results, c.From, which)})
		}
		if m.JSON {
			err = json.NewEncoder(out).Encode(mergedRecord{r.Root.String(), r.Names, len(merged.Results), records})
		} else {
			_, err = fmt.Fprintln(out, r.Root)
		}
		if err != nil {
			return err
		}
		if m.Library != "" {
			fmt.Fprintf(o.stderr(), "%s: ", m.Library)
		}
		fmt.Fprintln(o.stderr(), revisionText(r))
		if len(records) == 0 {
			return nil
		}
		fmt.Fprintf(o.stderr(), "rosser: %s different results, of which the merged library has none; somebody is wrong:\n", plural(len(records), "expression")+map[bool]string{true: " has", false: " have"}[len(records) == 1])
		for i, c := range records {
			if i == conflictsShown {
				fmt.Fprintf(o.stderr(), "  … and %d more; --json lists all\n", len(records)-i)
				break
			}
			fmt.Fprintf(o.stderr(), "  %s\n", c.Expr)
			for _, d := range c.Results {
				fmt.Fprintf(o.stderr(), "    is %s in %s\n", d.Result, strings.Join(d.From, ", "))
			}
		}
		return &failure{code: exitProgram}
	})
}

func disputed(found []cid.Cid, from [][]int, which []string) (list []disputedRecord) {
	for i, c := range found {
		d := disputedRecord{Result: c.String()}
		for _, n := range from[i] {
			d.From = append(d.From, which[n])
		}
		list = append(list, d)
	}
	return list
}

// namesError says which names libraries give to different terms, and what to do.
func namesError(names store.NamesError, which []string) error {
	var b strings.Builder
	b.WriteString("a name can have only one term:")
	for i, n := range names {
		if i == conflictsShown {
			fmt.Fprintf(&b, "\n  … and %d more", len(names)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s", oneLine(lang.Clean(n.Name), shownBytes))
		for _, d := range disputed(n.Terms, n.From, which) {
			fmt.Fprintf(&b, "\n    is %s in %s", d.Result, strings.Join(d.From, ", "))
		}
	}
	fmt.Fprintf(&b, "\n  hint: --prefer %s takes what %s has, or give one of them another name in its file and publish that again", which[0], which[0])
	return errors.New(b.String())
}

// LibraryRemove is `rosser library rm`.
func LibraryRemove(ctx context.Context, o Options, names []string) error {
	return storage(o, func(s *store.Store, out io.Writer) error {
		for _, name := range names {
			root, err := s.RemoveLibrary(ctx, name)
			if err != nil {
				return reading(ctx, err)
			}
			if root.Defined() {
				fmt.Fprintln(out, root)
				continue
			}
			if root, err = s.Unfollow(ctx, name); err != nil {
				return reading(ctx, err)
			}
			if root.Defined() {
				fmt.Fprintln(out, root)
				continue
			}
			var known []string
			for _, prefix := range []string{store.LibraryRoot, store.FollowRoot} {
				err = s.Libraries(ctx, prefix, func(name string, _ cid.Cid) error {
					known = append(known, name)
					return nil
				})
				if err != nil {
					return reading(ctx, err)
				}
			}
			return missing("there is no library %.60q%s; `rosser library ls` says which there are", name, hint(lang.Suggest(name, known)))
		}
		return nil
	})
}
