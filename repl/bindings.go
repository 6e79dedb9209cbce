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

// A binding is a name that was defined in a session, and what it means: a term, or what an import brings.
type binding struct {
	name   string
	term   *graph.Term
	cid    cid.Cid
	module map[string]*graph.Term // of an import
	about  graph.About            // its source, documentation and parameters; without source for `it`
	uses   map[string]cid.Cid     // the session's names in its source, and what they meant
	ofIt   bool                   // its source mentions `it`
	file   string                 // that it was loaded from
	kept   bool                   // the workspace has it like this
	order  int                    // when it was defined
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
	looked  map[string]cid.Cid
	defined int
}

func newBindings() *bindings {
	return &bindings{defs: map[string]*binding{}, looked: map[string]cid.Cid{}}
}

// lookup is a compile.Prelude. It notes which of the session's names were asked for.
func (sc *bindings) lookup(module, name string) (*graph.Term, bool) {
	if sc != nil && module == "" {
		if b := sc.defs[name]; b != nil && b.module == nil {
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
	}
	return all
}

// module is what an import brings.
func (sc *bindings) module(name string) (map[string]*graph.Term, bool) {
	if sc == nil || sc.defs[name] == nil || sc.defs[name].module == nil {
		return nil, false
	}
	sc.looked[name] = cid.Undef
	return sc.defs[name].module, true
}

// bind defines a name, or defines it anew.
func (sc *bindings) bind(b *binding) {
	sc.defined++
	b.order = sc.defined
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
				if now := sc.defs[name]; now != nil && was.Defined() && name != b.name && (now.cid != was || old[name]) {
					old[b.name], again = true, true
					break
				}
			}
		}
	}
	return slices.DeleteFunc(sc.all(), func(b *binding) bool { return !old[b.name] })
}

// with are bindings and those that they use, directly or through others, in the order in which they were defined.
func (sc *bindings) with(list []*binding) []*binding {
	in := map[string]bool{}
	for i := 0; i < len(list); i++ {
		if in[list[i].name] {
			continue
		}
		in[list[i].name] = true
		for name := range list[i].uses {
			if b := sc.defs[name]; b != nil && !in[name] {
				list = append(list, b)
			}
		}
	}
	return slices.DeleteFunc(sc.all(), func(b *binding) bool { return !in[b.name] })
}

// usesOf picks, of the names that were looked up, those that stand in a source, and says whether `it` does.
func usesOf(source string, looked map[string]cid.Cid) (uses map[string]cid.Cid, ofIt bool) {
	uses = map[string]cid.Cid{}
	for _, tok := range lang.Tokens(source) {
		if tok.Class == lang.ClassName {
			name := source[tok.Start:tok.End]
			if c, ok := looked[name]; ok && name == "it" {
				ofIt = true
			} else if ok {
				uses[name] = c
			}
		}
	}
	return uses, ofIt
}
