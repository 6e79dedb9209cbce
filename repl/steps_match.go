// This file makes a match again of the ifs, lets and primitives that a compiled match is.

package repl

import (
	"slices"
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
	x       *syntax
	vars    map[int]*shape // what variables stand for, by level
	subject int
	roots   []*shape // alternatives
	guard   lang.Expr
}

// match writes an if as the match that it is, or gives nil. Where the if is what a let of a variable is for, bound is what the
// variable of that level is bound to, and the match is of that.
func (x *syntax) match(t *graph.Term, sc *scope, level int, bound lang.Expr) lang.Expr {
	subject, ok := eval.IsTest(condition(t))
	if !ok || bound != nil && subject != level || strings.HasPrefix(sc.source.of(t), "if") {
		return nil
	}
	m := &lang.Match{Subject: bound}
	if bound == nil {
		m.Subject = x.term(&graph.Term{Op: graph.OpVar, Index: subject}, sc, nil, -1, nil)
	}
	// named gives a pattern a name where an arm mentions what is matched.
	named := func(p lang.Pattern, in ...*graph.Term) lang.Pattern {
		for _, t := range in {
			if bound != nil && x.mentionsWhole(t, subject) {
				name := sc.names[level-len(sc.values)]
				if _, any := p.(*lang.WildPat); any {
					return &lang.NamePat{Name: name}
				}
				if _, already := p.(*lang.AsPat); !already {
					return &lang.AsPat{Pattern: p, Name: name}
				}
			}
		}
		return p
	}
	for {
		a := &arm{x: x, vars: map[int]*shape{subject: newShape()}, subject: subject}
		a.roots = []*shape{a.vars[subject]}
		if !a.cond(t.Args[0], sc) || a.roots[0].test == "" {
			if len(m.Arms) == 0 {
				return nil
			}
			break
		}
		a.vars[subject] = a.roots[0]
		body := a.bind(t.Args[1], sc)
		arm := &lang.Arm{Guard: a.guard, Body: body}
		for _, root := range a.roots {
			arm.Patterns = append(arm.Patterns, named(root.pattern(x), t.Args[1], t.Args[0]))
		}
		m.Arms = append(m.Arms, arm)
		t = t.Args[2]
		if again, ok := eval.IsTest(condition(t)); !ok || again != subject {
			break
		}
	}
	if t.Op != graph.OpApp || t.Args[0].Name != "core.noMatch" {
		m.Arms = append(m.Arms, &lang.Arm{Patterns: []lang.Pattern{named(&lang.WildPat{}, t)}, Body: x.term(t, sc, nil, -1, nil)})
	}
	return m
}

// mentionsWhole says whether a term mentions a variable otherwise than to take a part of its value.
func (x *syntax) mentionsWhole(t *graph.Term, level int) bool {
	if root, ok := eval.PathRoot(t); ok {
		return t.Op == graph.OpVar && root == level
	}
	if t.Op == graph.OpApp && eval.IsPatternTest(t) {
		_, ok := eval.PathRoot(t.Args[len(t.Args)-1])
		return !ok && x.mentionsWhole(t.Args[len(t.Args)-1], level)
	}
	return slices.ContainsFunc(t.Args, func(t *graph.Term) bool { return x.mentionsWhole(t, level) })
}

var nothing = &graph.Term{Op: graph.OpPrim}

// condition is that of an if.
func condition(t *graph.Term) *graph.Term {
	if t.Op == graph.OpIf {
		return t.Args[0]
	}
	return nothing
}

// cond takes the tests of a condition. It is false for one that it cannot take.
func (a *arm) cond(t *graph.Term, sc *scope) bool {
	switch t.Op {
	case graph.OpIf:
		if isBool(t.Args[2], false) {
			return a.cond(t.Args[0], sc) && a.guard == nil && a.cond(t.Args[1], sc)
		}
		if _, ok := eval.IsTest(t); ok && isBool(t.Args[1], true) && a.cond(t.Args[0], sc) && a.guard == nil {
			a.vars = map[int]*shape{a.subject: newShape()}
			a.roots = append(a.roots, a.vars[a.subject])
			return a.cond(t.Args[2], sc) && a.guard == nil
		}
	case graph.OpLet:
		if p, _ := a.place(t.Args[0]); p != nil {
			name, written := a.x.variable(sc, t.Args[1])
			if written {
				p.name = name
			}
			a.vars[sc.level()] = p
			return a.cond(t.Args[1], sc.with(name))
		}
	case graph.OpApp:
		if eval.IsPatternTest(t) {
			if p, _ := a.place(t.Args[len(t.Args)-1]); p != nil {
				return p.take(t)
			}
		}
	}
	if a.guard != nil {
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
		if _, ok := eval.PathRoot(t); !ok {
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
		if p == nil {
			break
		}
		name, written := a.x.variable(sc, t.Args[1])
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
