// This file makes a match again of the ifs, lets and primitives that a compiled match is.

package repl

import (
	"strconv"
	"strings"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// A shape is a pattern that is being put together.
type shape struct {
	test  string // the primitive that looks at the value, "" for none
	tag   string
	n     int // of match.list and match.atLeast
	lit   *graph.Term
	name  string
	rest  string // the name of the rest of a list or map
	front int    // elements of a list before the rest, where a name for it says so, else -1
	keys  []string
	parts map[string]*shape // by key; of a list by "0" from the start and "-0" from the end
}

func newShape() *shape { return &shape{front: -1, parts: map[string]*shape{}} }

func (p *shape) part(key string) *shape {
	if p.parts[key] == nil {
		p.parts[key] = newShape()
		p.keys = append(p.keys, key)
	}
	return p.parts[key]
}

// An arm is an arm that is being put together.
type arm struct {
	x     *syntax
	vars  map[int]*shape // what variables stand for, by level
	guard lang.Expr
}

// match writes an if as the match that it is, or gives nil.
func (x *syntax) match(t *graph.Term, sc *scope) lang.Expr {
	subject, ok := eval.IsTest(t.Args[0])
	if !ok {
		return nil
	}
	m := &lang.Match{}
	for {
		a := &arm{x: x, vars: map[int]*shape{subject: newShape()}}
		root := a.vars[subject]
		if !a.cond(t.Args[0], sc) || root.test == "" {
			if len(m.Arms) == 0 {
				return nil
			}
			break
		}
		body := a.bind(t.Args[1], sc)
		m.Arms = append(m.Arms, &lang.Arm{Patterns: []lang.Pattern{root.pattern(x)}, Guard: a.guard, Body: body})
		next := t.Args[2]
		if again, ok := eval.IsTest(cond(next)); ok && again == subject {
			t = next
			continue
		}
		t = next
		break
	}
	if head := t; head.Op != graph.OpApp || head.Args[0].Name != "core.noMatch" {
		m.Arms = append(m.Arms, &lang.Arm{Patterns: []lang.Pattern{&lang.WildPat{}}, Body: x.term(t, sc, nil, -1, nil)})
	}
	m.Subject = x.term(&graph.Term{Op: graph.OpVar, Index: subject}, sc, nil, -1, nil)
	return m
}

var nothing = &graph.Term{Op: graph.OpPrim}

// cond is the condition of an if.
func cond(t *graph.Term) *graph.Term {
	if t.Op == graph.OpIf {
		return t.Args[0]
	}
	return nothing
}

// cond takes the tests of a condition. It is false for one that it cannot take.
func (a *arm) cond(t *graph.Term, sc *scope) bool {
	switch t.Op {
	case graph.OpIf:
		if isBool(t.Args[2], false) && a.cond(t.Args[0], sc) {
			return a.guard == nil && a.cond(t.Args[1], sc)
		}
	case graph.OpLet:
		if p, _ := a.place(t.Args[0]); p != nil {
			name, written := sc.variable(sc.level(), t.Args[1])
			if written {
				p.name = name
			}
			a.vars[sc.level()] = p
			return a.cond(t.Args[1], sc.with(name))
		}
	case graph.OpApp:
		if head := t.Args[0]; head.Op == graph.OpPrim && (strings.HasPrefix(head.Name, "match.") || head.Name == "cmp.eq" && t.Args[1].Op == graph.OpLit) {
			if p, _ := a.place(t.Args[len(t.Args)-1]); p != nil {
				return p.take(t)
			}
		}
	}
	if root := a.guard; root != nil {
		return false
	}
	a.guard = a.x.term(t, sc, nil, -1, nil)
	return true
}

// take takes a test of the value.
func (p *shape) take(t *graph.Term) bool {
	name := t.Args[0].Name
	if name == "match.has" {
		if p.test != "" && p.test != "match.map" {
			return false
		}
		k, ok := key(t.Args[1])
		if ok {
			p.part(k)
		}
		p.test = "match.map"
		return ok
	}
	if p.test != "" {
		return false
	}
	p.test = name
	switch name {
	case "cmp.eq":
		p.lit = t.Args[1]
	case "match.tag", "match.nullary":
		k, ok := key(t.Args[1])
		p.tag = k
		return ok && tagName.MatchString(k)
	case "match.list", "match.atLeast":
		if t.Args[1].Op != graph.OpLit || t.Args[1].Value.Kind() != graph.KindInt {
			return false
		}
		n, _ := t.Args[1].Value.Int()
		p.n = int(n)
		return n >= 0 && n < stepItems
	}
	return true
}

// place is the part of the pattern that a term takes; rest says that it takes the rest of it.
func (a *arm) place(t *graph.Term) (p *shape, rest bool) {
	switch t.Op {
	case graph.OpVar:
		return a.vars[t.Index], false
	case graph.OpGet:
		if p, _ := a.place(t.Args[0]); p != nil {
			return p.part(t.Name), false
		}
	case graph.OpApp:
		head := t.Args[0]
		if head.Op != graph.OpPrim {
			return nil, false
		}
		p, _ := a.place(t.Args[len(t.Args)-1])
		if p == nil {
			return nil, false
		}
		first := t.Args[1]
		n := int64(0)
		if first.Op == graph.OpLit && first.Value.Kind() == graph.KindInt {
			n, _ = first.Value.Int()
		}
		switch head.Name {
		case "list.fromEnd":
			return p.part("-" + strconv.FormatInt(n, 10)), false
		case "list.drop", "list.slice":
			p.front = int(n)
			return p, true
		case "map.without":
			return p, true
		}
	}
	return nil, false
}

// bind takes the lets of the names that a pattern binds, and writes what they are for.
func (a *arm) bind(t *graph.Term, sc *scope) lang.Expr {
	for t.Op == graph.OpLet {
		p, rest := a.place(t.Args[0])
		if p == nil || p == a.vars[sc.level()] {
			break
		}
		name, written := sc.variable(sc.level(), t.Args[1])
		delete(a.vars, sc.level())
		switch {
		case rest:
			p.rest = name
		case written:
			p.name = name
			a.vars[sc.level()] = p
		default:
			a.vars[sc.level()] = p
		}
		sc = sc.with(name)
		t = t.Args[1]
	}
	return a.x.term(t, sc, nil, -1, nil)
}

// pattern is the shape as a pattern.
func (p *shape) pattern(x *syntax) lang.Pattern {
	var out lang.Pattern
	part := func(key string) lang.Pattern {
		if q := p.parts[key]; q != nil {
			return q.pattern(x)
		}
		return &lang.WildPat{}
	}
	named := func(name string) lang.Pattern {
		if name == "" {
			return nil
		}
		return &lang.NamePat{Name: name}
	}
	switch p.test {
	case "cmp.eq":
		out = &lang.LitPat{Value: x.value(p.lit.Value)}
	case "match.nullary":
		out = &lang.TagPat{Name: p.tag}
	case "match.tag":
		out = &lang.TagPat{Name: p.tag, Arg: part(p.tag)}
	case "match.list", "match.atLeast":
		l := &lang.ListPat{Rest: -1}
		front := p.n
		if p.test == "match.atLeast" {
			if front = p.front; front < 0 {
				for front = p.n; front > 0 && p.parts["-"+strconv.Itoa(p.n-front)] != nil; front-- {
				}
			}
			front = min(front, p.n)
			l.Rest, l.RestPat = front, named(p.rest)
		}
		for i := range p.n {
			if i < front {
				l.Items = append(l.Items, part(strconv.Itoa(i)))
			} else {
				l.Items = append(l.Items, part("-"+strconv.Itoa(p.n-1-i)))
			}
		}
		out = l
	case "match.map":
		m := &lang.MapPat{RestPat: named(p.rest)}
		for _, k := range p.keys {
			m.Entries = append(m.Entries, lang.PatEntry{Key: k, Pattern: part(k)})
		}
		out = m
	default:
		if p.name == "" {
			return &lang.WildPat{}
		}
		return &lang.NamePat{Name: p.name}
	}
	if p.name != "" {
		return &lang.AsPat{Pattern: out, Name: p.name}
	}
	return out
}
