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
		if IsPatternTest(t) {
			return PathRoot(t.Args[len(t.Args)-1])
		}
	case graph.OpIf: // a && b, a || b
		if isLiteral(t.Args[2], false) || isLiteral(t.Args[1], true) {
			return IsTest(t.Args[0])
		}
	case graph.OpLet:
		return PathRoot(t.Args[0])
	}
	return 0, false
}

// IsPatternTest says whether an application is a test that a pattern makes of a value, its last argument.
func IsPatternTest(t *graph.Term) bool {
	switch head := t.Args[0]; {
	case head.Op != graph.OpPrim:
	case head.Name == "match.map":
		return len(t.Args) == 2
	case head.Name == "cmp.eq":
		return len(t.Args) == 3 && t.Args[1].Op == graph.OpLit
	case strings.HasPrefix(head.Name, "match."):
		return len(t.Args) == 3
	}
	return false
}

func isLiteral(t *graph.Term, b bool) bool {
	return t.Op == graph.OpLit && t.Value.Kind() == graph.KindBool && t.Value.Bool() == b
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
				switch name := head.Name; {
				case len(t.Args) == 3 && (name == "list.fromEnd" || name == "list.drop" || name == "map.without"), len(t.Args) == 4 && name == "list.slice":
					t = t.Args[len(t.Args)-1]
					continue
				}
			}
		}
		return 0, false
	}
}

// beginMatch begins a match if the step is the first one of a match: the binding of what is matched, a test, or the choice of
// an arm behind its guard.
func beginMatch(s *Step) *matching {
	t := s.Redex.Term
	if t == nil || s.Reduct.Err != nil {
		return nil
	}
	k := &matching{step: *s}
	k.step.Rule = RuleMatch
	switch s.Rule {
	case RuleLet:
		k.subject = len(s.Redex.Env.Values)
		if body := t.Args[1]; body.Op == graph.OpIf {
			if subject, ok := IsTest(body.Args[0]); ok && subject == k.subject {
				return k
			}
		}
	case RuleIf:
		k.step.Rule = RuleIf
		if k.bound = isBinding(t.Args[1]) && s.Reduct.Term == t.Args[1]; k.bound {
			return k
		}
	case RulePrim:
		if !IsPatternTest(t) {
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
		k.subject, k.step.At, k.step.In, k.step.Redex = subject, root.Up, root.Up, Node{Term: root.Term, Env: root.Env}
		if ok {
			return k
		}
	}
	return nil
}

// isBinding says whether a term binds a part of a pattern's value.
func isBinding(t *graph.Term) bool {
	if t.Op != graph.OpLet {
		return false
	}
	_, ok := PathRoot(t.Args[0])
	return ok
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
		return isBinding(t) && (k.bound || !outermost)
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
		switch t.Args[0].Name {
		case "core.noMatch":
			return outermost && !k.bound
		case "list.fromEnd", "list.drop", "list.slice", "map.without", "num.sub", "seq.length":
			return !outermost
		}
		return !outermost && IsPatternTest(t)
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
