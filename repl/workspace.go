// This file keeps names across sessions: a workspace is a block that links what each name means, and the workspace
// before it.

package repl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// workspaceRoot is the store's root that is the workspace.
const workspaceRoot = "workspace"

// A workspace is what was kept. Its block is a map:
//
//	names     {name: {term: &code, about: &about, uses: {name: &code or null}}}, or {import: {name: &code}, source} for an import
//	note      what was done
//	previous  &workspace, or null
type workspace struct {
	s     *Session
	root  cid.Cid
	names *graph.Map
}

// openWorkspace reads the workspace of the session's store, and defines what it has.
func openWorkspace(s *Session) *workspace {
	w := &workspace{s: s, names: graph.EmptyMap}
	if err := w.read(context.Background()); err != nil {
		s.warn("the workspace cannot be read: %v", err)
		return w
	}
	w.define()
	return w
}

// read reads the workspace as it is now.
func (w *workspace) read(ctx context.Context) error {
	root, err := w.s.store.Root(ctx, workspaceRoot)
	if err != nil || !root.Defined() {
		w.root, w.names = cid.Undef, graph.EmptyMap
		return err
	}
	v, err := w.block(root)
	if err != nil {
		return err
	}
	w.root, w.names = root, v.names
	return nil
}

// An edition is a workspace's block.
type edition struct {
	names    *graph.Map
	note     string
	previous cid.Cid
}

func (w *workspace) block(c cid.Cid) (edition, error) {
	bad := fmt.Errorf("%s is no workspace", c)
	data, err := w.s.Load(c)
	if err != nil {
		return edition{}, err
	}
	v, err := graph.DecodeValue(data, w.s.Load)
	if err != nil {
		return edition{}, err
	}
	if v.Kind() != graph.KindMap {
		return edition{}, bad
	}
	names, _ := v.Map().Get("names")
	note, _ := v.Map().Get("note")
	previous, _ := v.Map().Get("previous")
	if names.Kind() != graph.KindMap || note.Kind() != graph.KindText {
		return edition{}, bad
	}
	out := edition{names: names.Map(), note: note.Text()}
	if previous.Kind() == graph.KindLink {
		out.previous = previous.Link()
	}
	return out, nil
}

// link is a field that is a link.
func link(m *graph.Map, key string) cid.Cid {
	if v, ok := m.Get(key); ok && v.Kind() == graph.KindLink {
		return v.Link()
	}
	return cid.Undef
}

// define defines in the session what is kept.
func (w *workspace) define() {
	w.names.Each(func(name string, v graph.Value) bool {
		if err := w.defineOne(name, v); err != nil {
			w.s.warn("%s in the workspace cannot be used: %v", name, err)
		}
		return true
	})
}

func (w *workspace) defineOne(name string, v graph.Value) error {
	if v.Kind() != graph.KindMap {
		return errors.New("it is no definition")
	}
	if brought, ok := v.Map().Get("import"); ok && brought.Kind() == graph.KindMap {
		return w.defineImport(name, brought.Map(), v.Map())
	}
	b := &binding{name: name, cid: link(v.Map(), "term"), kept: true, uses: map[string]cid.Cid{}}
	var err error
	if b.term, err = w.term(b.cid); err != nil {
		return err
	}
	data, err := w.s.Load(link(v.Map(), "about"))
	if err == nil {
		b.about, err = graph.DecodeAbout(data)
	}
	if err != nil {
		return err
	}
	if uses, ok := v.Map().Get("uses"); ok && uses.Kind() == graph.KindMap {
		uses.Map().Each(func(name string, c graph.Value) bool {
			if b.uses[name] = cid.Undef; c.Kind() == graph.KindLink {
				b.uses[name] = c.Link()
			}
			return true
		})
	}
	if of, ok := v.Map().Get("it"); ok && of.Kind() == graph.KindBool {
		b.ofIt = of.Bool()
	}
	w.s.scope.bind(b)
	w.s.names[b.cid] = name
	return nil
}

// term is the code that stands where a name is written.
func (w *workspace) term(c cid.Cid) (*graph.Term, error) {
	t, err := graph.LoadCode(c, w.s.Load)
	if err != nil || t.Op == graph.OpPrim || t.Op == graph.OpLit {
		return t, err
	}
	return &graph.Term{Op: graph.OpRef, CID: c}, nil
}

func (w *workspace) defineImport(name string, brought, entry *graph.Map) (err error) {
	source, _ := entry.Get("source")
	if source.Kind() != graph.KindText {
		return errors.New("it is no import")
	}
	b := &binding{name: name, kept: true, module: map[string]*graph.Term{}, about: graph.About{Name: name, Source: source.Text()}}
	brought.Each(func(key string, _ graph.Value) bool {
		b.module[key], err = w.term(link(brought, key))
		return err == nil
	})
	if err == nil {
		w.s.scope.bind(b)
	}
	return err
}

// entry is what the workspace has of a binding.
func (w *workspace) entry(b *binding) graph.Value {
	put := w.s.sink()
	if b.module != nil {
		brought := graph.EmptyMap
		for name, t := range b.module {
			c := t.CID
			if t.Op != graph.OpRef {
				block := graph.EncodeCode(t, put)
				put.Take(block)
				c = block.CID
			}
			brought = brought.Insert(name, graph.LinkValue(c))
		}
		return graph.Record("import", graph.MapValue(brought), "source", graph.Text(b.about.Source))
	}
	if b.term.Op != graph.OpRef {
		put.Take(graph.EncodeCode(b.term, put))
	}
	uses := graph.EmptyMap
	for name, c := range b.uses {
		use := graph.Null()
		if c.Defined() {
			use = graph.LinkValue(c)
		}
		uses = uses.Insert(name, use)
	}
	about := graph.EncodeAbout(b.about, put)
	put.Take(about)
	return graph.Record("about", graph.LinkValue(about.CID), "it", graph.Bool(b.ofIt), "term", graph.LinkValue(b.cid), "uses", graph.MapValue(uses))
}

// change makes a new version: f changes the names as they are then, after what other processes did.
func (w *workspace) change(ctx context.Context, note string, f func(*graph.Map) *graph.Map) error {
	for range 100 {
		if err := w.read(ctx); err != nil {
			return err
		}
		names := f(w.names)
		previous := graph.Null()
		if w.root.Defined() {
			previous = graph.LinkValue(w.root)
		}
		root := graph.ValueBlock(graph.Record("names", graph.MapValue(names), "note", graph.Text(note), "previous", previous), w.s.sink())
		ok, err := w.s.store.SwapRoot(ctx, workspaceRoot, w.root, root)
		if err != nil {
			return err
		}
		if ok {
			w.root, w.names = root, names
			return nil
		}
	}
	return errors.New("the workspace is changed all the time by others; try again")
}

// keep keeps definitions.
func (w *workspace) keep(ctx context.Context, list []*binding) error {
	var names []string
	for _, b := range list {
		names = append(names, b.name)
	}
	err := w.change(ctx, "keep "+strings.Join(names, " "), func(m *graph.Map) *graph.Map {
		for _, b := range list {
			m = m.Insert(b.name, w.entry(b))
		}
		return m
	})
	if err == nil {
		for _, b := range list {
			b.kept = true
		}
	}
	return err
}

// undo goes back to the version before the last one, which its note names.
func (w *workspace) undo(ctx context.Context) (note string, err error) {
	if err := w.read(ctx); err != nil {
		return "", err
	}
	if !w.root.Defined() {
		return "", Misuse(errors.New("nothing has been kept yet, so there is nothing to undo"))
	}
	v, err := w.block(w.root)
	if err != nil {
		return "", err
	}
	names := graph.EmptyMap
	if v.previous.Defined() {
		before, err := w.block(v.previous)
		if err != nil {
			return "", err
		}
		names = before.names
	}
	ok, err := w.s.store.SwapRoot(ctx, workspaceRoot, w.root, v.previous)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("another process has changed the workspace; look at :keep and try again")
	}
	// What was kept last is the session's own again; what it had replaced comes back.
	for name, b := range w.s.scope.defs {
		if _, still := names.Get(name); b.kept && !still {
			b.kept = false
		}
	}
	names.Each(func(name string, is graph.Value) bool {
		if was, ok := w.names.Get(name); !ok || graph.ValueBlock(was, nil) != graph.ValueBlock(is, nil) {
			if err := w.defineOne(name, is); err != nil {
				w.s.warn("%s in the workspace cannot be used: %v", name, err)
			}
		}
		return true
	})
	w.root, w.names = v.previous, names
	return v.note, nil
}

// history are the notes of the versions, the latest first, at most n of them.
func (w *workspace) history(n int) ([]string, error) {
	var notes []string
	for c := w.root; c.Defined() && len(notes) < n; {
		v, err := w.block(c)
		if err != nil {
			return notes, err
		}
		notes = append(notes, v.note)
		c = v.previous
	}
	return notes, nil
}

// unkept are the session's definitions that the workspace does not have as they are.
func (sc *bindings) unkept() []*binding {
	return slices.DeleteFunc(sc.all(), func(b *binding) bool { return b.kept })
}
