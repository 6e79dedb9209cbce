// This file holds what a session has defined: the names that programs entered later see.

package repl

import (
	"slices"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

// A binding is a name that was defined in a session, and what it means.
type binding struct {
	name  string
	term  *graph.Term
	cid   cid.Cid
	about graph.About        // its source, documentation and parameters; without source for `it`
	uses  map[string]cid.Cid // the session's names in its source, and what they meant
	file  string             // that it was loaded from
	kept  bool               // the workspace has it like this
	order int                // when it was defined
}

// source is a binding as a program writes it.
func (b *binding) source() string {
	var out strings.Builder
	for line := range strings.Lines(b.about.Doc) {
		out.WriteString(strings.TrimRight("## "+line, " \n") + "\n")
	}
	out.WriteString("let " + strings.TrimRight(b.about.Source, "\n"))
	return out.String()
}

// A bindings is what a session has defined and imported. A nil one has nothing, so that names mean the standard library's.
type bindings struct {
	defs    map[string]*binding
	modules map[string]map[string]*graph.Term
	imports map[string]string // the imports' own lines
	looked  map[string]cid.Cid
	defined int
}

func newBindings() *bindings {
	return &bindings{defs: map[string]*binding{}, modules: map[string]map[string]*graph.Term{}, imports: map[string]string{}, looked: map[string]cid.Cid{}}
}

// lookup is a compile.Prelude. It notes which of the session's names were asked for.
func (sc *bindings) lookup(module, name string) (*graph.Term, bool) {
	if sc != nil && module == "" {
		if b := sc.defs[name]; b != nil {
			sc.looked[name] = b.cid
			return b.term, true
		}
	}
	return stdlib.Lookup(module, name)
}

func (sc *bindings) names() []string {
	all := stdlib.Names()
	if sc != nil {
		for name := range sc.defs {
			all = append(all, name)
		}
		for name := range sc.modules {
			all = append(all, name)
		}
	}
	return all
}

func (sc *bindings) module(name string) (map[string]*graph.Term, bool) {
	if sc == nil {
		return nil, false
	}
	terms, ok := sc.modules[name]
	return terms, ok
}

// bind defines a name, or defines it anew.
func (sc *bindings) bind(b *binding) {
	sc.defined++
	b.order = sc.defined
	delete(sc.modules, b.name)
	delete(sc.imports, b.name)
	sc.defs[b.name] = b
}

// all are the bindings in the order in which they were defined, `it` not among them.
func (sc *bindings) all() []*binding {
	var list []*binding
	for _, b := range sc.defs {
		if b.about.Source != "" {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b *binding) int { return a.order - b.order })
	return list
}

// stale are the bindings whose source mentions a name that has come to mean something else, directly or through others.
func (sc *bindings) stale() []*binding {
	old := map[string]bool{}
	for again := true; again; {
		again = false
		for _, b := range sc.defs {
			if old[b.name] {
				continue
			}
			for name, was := range b.uses {
				if now := sc.defs[name]; now != nil && name != b.name && (now.cid != was || old[name]) {
					old[b.name], again = true, true
					break
				}
			}
		}
	}
	return slices.DeleteFunc(sc.all(), func(b *binding) bool { return !old[b.name] })
}

// usesOf picks, of the names that were looked up, those that stand in a source.
func usesOf(source string, looked map[string]cid.Cid) map[string]cid.Cid {
	uses := map[string]cid.Cid{}
	for _, tok := range lang.Tokens(source) {
		if tok.Class == lang.ClassName {
			if c, ok := looked[source[tok.Start:tok.End]]; ok {
				uses[source[tok.Start:tok.End]] = c
			}
		}
	}
	return uses
}
