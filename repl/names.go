// This file says what a block of code is called, for traces and chains of calls.

package repl

import (
	"context"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/stdlib"
)

// termName is a name for a closed term: what this session or the library calls it, else a short form of its CID.
func (s *Session) termName(c cid.Cid) string {
	if name, ok := s.names[c]; ok {
		return name
	}
	if name, ok := stdlib.NameOf(c); ok {
		return name
	}
	if a, ok := s.about(c); ok {
		return a.Name
	}
	text := c.String()
	return "@…" + text[len(text)-8:]
}

const shownTerm = 60 // bytes of an expression in a drawing

// expressionText is a short text of an expression: a call as function and arguments.
func (s *Session) expressionText(c cid.Cid) string {
	t, err := graph.LoadCode(c, s.Load)
	if err != nil || t.Op != graph.OpApp {
		return s.termName(c)
	}
	parts := make([]string, len(t.Args))
	for i, a := range t.Args {
		switch a.Op {
		case graph.OpPrim:
			parts[i] = a.Name
		case graph.OpRef:
			parts[i] = s.termName(a.CID)
		case graph.OpLit:
			parts[i] = brief(a.Value)
		default:
			parts[i] = "…"
		}
	}
	text := strings.Join(parts, " ")
	if len(text) > shownTerm {
		cut := shownTerm
		for cut > 0 && text[cut]&0xc0 == 0x80 {
			cut--
		}
		text = text[:cut] + "…"
	}
	return text
}

// about is what was written of a term: of the library's, or noted in the store.
func (s *Session) about(c cid.Cid) (graph.About, bool) {
	if name, ok := stdlib.NameOf(c); ok {
		return stdlib.About(name)
	}
	at, err := s.store.About(context.Background(), c)
	if err != nil || !at.Defined() {
		return graph.About{}, false
	}
	data, err := s.Load(at)
	if err != nil {
		return graph.About{}, false
	}
	a, err := graph.DecodeAbout(data)
	return a, err == nil && a.Term == c
}
