// This file joins the steps of a match into one: its tests, up to the arm that fits, and the bindings of that arm's names.
// They are ifs, lets and the primitives of compiled patterns, and nobody wrote them.

package eval

import (
	"strings"

	"github.com/rosser-lang/rosser/graph"
)

// A matching is a match in progress.
type matching struct {
	step    Step
	subject int  // level of the variable that is matched
	bound   bool // an arm was chosen: its names are being bound
}

// IsTest says whether a condition tests patterns, and gives the level of the variable that it looks at.
func IsTest(t *graph.Term) (subject int, ok bool) {
	switch t.Op {
	case graph.OpApp:
		if name := t.Args[0].Name; t.Args[0].Op == graph.OpPrim && strings.HasPrefix(name, "match.") {
			return PathRoot(t.Args[len(t.Args)-1])
		}
	case graph.OpIf:
		if lit := t.Args[2]; lit.Op == graph.OpLit && lit.Value.Kind() == graph.KindBool && !lit.Value.Bool() {
			return IsTest(t.Args[0])
		}
	case graph.OpLet:
		return PathRoot(t.Args[0])
	}
	return 0, false
}

// PathRoot says whether a term is a part of a variable's value as patterns take it, and gives that variable's level.
func PathRoot(t *graph.Term) (level int, ok bool) {
	for {
		switch t.Op {
		case graph.OpVar:
			return t.Index, true
		case graph.OpGet:
			t = t.Args[0]
			continue
		case graph.OpApp:
			if head := t.Args[0]; head.Op == graph.OpPrim {
				switch head.Name {
				case "list.fromEnd", "list.drop", "list.slice", "map.without":
					t = t.Args[len(t.Args)-1]
					continue
				}
			}
		}
		return 0, false
	}
}

// beginMatch begins a match if the step is the first test of one.
func beginMatch(s *Step) *matching {
	if s.Rule != RulePrim || !strings.HasPrefix(s.Prim, "match.") || s.Reduct.Err != nil {
		return nil
	}
	root := (*Frame)(nil)
	for f := s.At; f != nil && f.memo == nil && f.Term.Op == graph.OpIf && f.Hole == 0; f = f.Up {
		root = f
	}
	if root == nil {
		return nil
	}
	subject, ok := IsTest(root.Term.Args[0])
	if !ok {
		return nil
	}
	k := &matching{subject: subject}
	k.step = Step{
		Rule: RuleMatch, At: root.Up, In: root.Up, Redex: Node{Term: root.Term, Env: root.Env},
		Then: s.Then, Reduct: s.Reduct, Steps: s.Steps,
	}
	return k
}

// goesOn says whether the next redex belongs to the match.
func (k *matching) goesOn(at *Frame, n *Node) bool {
	if n.Err != nil || !k.isPart(n, at == k.step.At) {
		return false
	}
	for f := at; f != k.step.At; f = f.Up {
		if f == nil || f.memo != nil || f.Hole > 0 && (f.Term.Op == graph.OpIf || f.Term.Op == graph.OpLet) {
			return false
		}
		if !k.isPart(&f.Node, f.Up == k.step.At) {
			return false
		}
	}
	return true
}

// isPart says whether a node belongs to tests and bindings. Outermost, it is the next arm's if, or the next name's let.
func (k *matching) isPart(n *Node, outermost bool) bool {
	t := n.Term
	switch t.Op {
	case graph.OpGet:
		return !outermost
	case graph.OpLet:
		_, ok := PathRoot(t.Args[0])
		return ok && (k.bound || !outermost)
	case graph.OpIf:
		if !outermost {
			return true
		}
		subject, ok := IsTest(t.Args[0])
		return ok && !k.bound && subject == k.subject
	case graph.OpApp:
		if t.Args[0].Op != graph.OpPrim {
			return false
		}
		switch name := t.Args[0].Name; name {
		case "core.noMatch":
			return outermost && !k.bound
		case "list.fromEnd", "list.drop", "list.slice", "map.without", "num.sub", "seq.length":
			return !outermost
		case "cmp.eq":
			return !outermost && t.Args[1].Op == graph.OpLit
		default:
			return !outermost && strings.HasPrefix(name, "match.")
		}
	}
	return false
}

// add adds a step to the match. It is false when that ends it.
func (k *matching) add(s *Step) bool {
	k.step.Then, k.step.Reduct = s.Then, s.Reduct
	k.step.Steps += s.Steps
	if s.Rule == RuleIf && s.At == k.step.At && s.Reduct.Term == s.Redex.Term.Args[1] {
		k.bound = true
	}
	return s.Reduct.Err == nil
}
