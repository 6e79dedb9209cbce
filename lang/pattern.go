// This file holds the grammar of patterns, and the names they bind.

package lang

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// pattern reads a whole pattern.
func (p *parser) pattern() Pattern {
	start := p.at()
	if p.tok.Type != tTag {
		return p.asNames(p.atom(true))
	}
	tag := &TagPat{Name: p.tok.Value}
	p.next()
	if p.tok.Type == tDot && p.touches() {
		p.failAt(p.here(), "got `.`, want a pattern; a module's function is none")
	}
	if p.startsAtom() || p.tok.Type == tMinus {
		operand := p.at()
		tag.Arg = p.atom(true)
		if p.startsAtom() {
			p.failAt(p.here(), "got %s, a second operand of the tag `%s`: a tag takes one; write `%s (%s …)`",
				p.got(), Cut(tag.Name), Cut(tag.Name), Cut(p.file.Source[operand:p.end]))
		}
	}
	tag.Span = p.from(start)
	return p.asNames(tag)
}

// asNames reads the `as name` that follow a pattern.
func (p *parser) asNames(pat Pattern) Pattern {
	depth := p.depth
	for p.accept(tAs) {
		p.enter()
		if p.tok.Type != tName || p.tok.Value == "_" {
			p.fail("a name after `as`")
		}
		a := &AsPat{Pattern: pat, Name: p.tok.Value, NameSpan: p.here()}
		p.next()
		a.Span = p.from(pat.Where().Start)
		pat = a
	}
	p.depth = depth
	return pat
}

// startsAtom reports whether the next token begins a parameter.
func (p *parser) startsAtom() bool {
	switch p.tok.Type {
	case tName, tTag, tInt, tFloat, tText, tTextHead, tLink, tLParen, tLBracket, tLBrace, tTrue, tFalse, tNull:
		return true
	}
	return false
}

// atom reads a parameter, or a tag's operand, which may also be a negative number.
func (p *parser) atom(negative bool) Pattern {
	start := p.at()
	switch p.tok.Type {
	case tName:
		name := p.tok.Value
		p.next()
		if name == "_" {
			return &WildPat{p.from(start)}
		}
		return &NamePat{p.from(start), name}
	case tTag:
		name := p.tok.Value
		p.next()
		return &TagPat{p.from(start), name, nil}
	case tMinus:
		if !negative {
			break
		}
		p.next()
		if !p.touches() || p.tok.Type != tInt && p.tok.Type != tFloat {
			p.fail("a number right after the `-` of a pattern")
		}
		n := p.number(start, true)
		return &LitPat{p.from(start), n}
	case tTextHead:
		p.failAt(p.here(), "no interpolation in a pattern")
	case tLink:
		link, ok := p.link().(*Link)
		if !ok {
			p.failAt(p.from(start), "a link in a pattern has no path")
		}
		return &LitPat{p.from(start), link}
	case tInt, tFloat, tText, tTrue, tFalse, tNull:
		lit := p.primary()
		return &LitPat{p.from(start), lit}
	case tLParen:
		p.enter()
		p.next()
		pat := p.pattern()
		switch p.tok.Type {
		case tComma:
			p.failAt(p.here(), "got `,`, want `)`; parameters are written `f a b`, and a pair is a list: `[a, b]`")
		case tBar:
			p.failAt(p.here(), "got `|`, want `)`; alternatives stand side by side in an arm, not inside a pattern")
		}
		p.expect(tRParen, "`)`")
		p.leave()
		return pat
	case tLBracket:
		return p.listPattern()
	case tLBrace:
		return p.mapPattern()
	}
	if p.tok.Type >= tLet && p.tok.Type <= tNull {
		p.failAt(p.here(), "got the keyword `%s`, want a pattern", p.tok.Value)
	}
	p.fail("a pattern")
	return nil
}

// restPattern reads what may follow `...`: a name, `_` or nothing.
func (p *parser) restPattern() Pattern {
	if p.tok.Type != tName {
		return nil
	}
	return p.atom(false)
}

func (p *parser) listPattern() Pattern {
	l := &ListPat{Rest: -1}
	start := p.at()
	p.enter()
	p.next()
	for p.tok.Type != tRBracket {
		at := p.here()
		if p.accept(tSpread) {
			if l.Rest >= 0 {
				p.failAt(at, "a second `...` in one pattern")
			}
			l.Rest = len(l.Items)
			l.RestPat = p.restPattern()
		} else {
			if l.Rest > 0 {
				p.failAt(at, "the `...` of a list pattern stands first or last")
			}
			l.Items = append(l.Items, p.pattern())
		}
		if !p.accept(tComma) {
			break
		}
	}
	if p.tok.Type == tBar {
		p.failAt(p.here(), "got `|`, want `,` or `]`; the rest of a list is `[x, ...xs]`")
	}
	p.expect(tRBracket, "`,` or `]`")
	p.leave()
	l.Span = p.from(start)
	return l
}

func (p *parser) mapPattern() Pattern {
	m := &MapPat{}
	var seen names
	start := p.at()
	rest := false
	p.enter()
	p.next()
	for p.tok.Type != tRBrace {
		if rest {
			p.failAt(p.here(), "the `...` of a map pattern stands last")
		}
		if p.accept(tSpread) {
			rest = true
			m.RestPat = p.restPattern()
		} else {
			key, at, short := p.key()
			e := PatEntry{Key: key, KeySpan: at}
			if short {
				e.Pattern = &NamePat{at, key}
			} else {
				e.Pattern = p.pattern()
			}
			if !seen.add(key) {
				p.report(at, "the key %s is written twice in one map", quoteKey(key))
			}
			m.Entries = append(m.Entries, e)
		}
		if !p.accept(tComma) {
			break
		}
	}
	p.expect(tRBrace, "`,` or `}`")
	p.leave()
	m.Span = p.from(start)
	if len(m.Entries) == 1 && m.Entries[0].Key == "/" && !rest {
		return &LitPat{m.Span, p.slash(m.Span, literalOf(m.Entries[0].Pattern))}
	}
	return m
}

// literalOf gives the expression that a pattern of literals is, for the two that {"/": …} may hold.
func literalOf(pat Pattern) Expr {
	switch v := pat.(type) {
	case *LitPat:
		return v.Value
	case *MapPat:
		if len(v.Entries) == 1 && v.RestPat == nil {
			e := v.Entries[0]
			if lit := literalOf(e.Pattern); lit != nil {
				return &Map{v.Span, []Entry{{false, e.Key, e.KeySpan, lit}}}
			}
		}
	}
	return nil
}

// base64 reads the bytes of {"/": {"bytes": …}}.
func (p *parser) base64(t *Text) []byte {
	b, err := base64.RawStdEncoding.Strict().DecodeString(t.Value)
	if err != nil || strings.ContainsAny(t.Value, "\r\n") {
		p.failAt(t.Span, "got `%s`, want base64 without padding", Cut(t.Value))
	}
	return b
}

// names is a set that is cheap while it is small. Its zero value is empty.
type names struct {
	few  []string
	many map[string]bool
}

// add puts a name into the set; false when it is there already.
func (n *names) add(name string) bool {
	if n.many == nil {
		for _, have := range n.few {
			if have == name {
				return false
			}
		}
		n.few = append(n.few, name)
		if len(n.few) <= 16 {
			return true
		}
		n.many = make(map[string]bool, 64)
		for _, have := range n.few {
			n.many[have] = true
		}
		return true
	}
	if n.many[name] {
		return false
	}
	n.many[name] = true
	return true
}

// bound calls f with each name that a pattern binds, in source order.
func bound(pat Pattern, f func(name string, at Span)) {
	switch v := pat.(type) {
	case *NamePat:
		f(v.Name, v.Span)
	case *ListPat:
		if v.Rest == 0 && v.RestPat != nil {
			bound(v.RestPat, f)
		}
		for _, item := range v.Items {
			bound(item, f)
		}
		if v.Rest > 0 && v.RestPat != nil {
			bound(v.RestPat, f)
		}
	case *MapPat:
		for _, e := range v.Entries {
			bound(e.Pattern, f)
		}
		if v.RestPat != nil {
			bound(v.RestPat, f)
		}
	case *TagPat:
		if v.Arg != nil {
			bound(v.Arg, f)
		}
	case *AsPat:
		bound(v.Pattern, f)
		f(v.Name, v.NameSpan)
	}
}

// distinct reports names that stand twice in patterns matched together.
func (p *parser) distinct(pats ...Pattern) {
	var seen names
	for _, pat := range pats {
		bound(pat, func(name string, at Span) {
			if !seen.add(name) {
				p.report(at, "`%s` stands twice in one pattern", Cut(name))
			}
		})
	}
}

// sameNames reports alternatives of an arm that do not bind the same names.
func (p *parser) sameNames(pats []Pattern) {
	if len(pats) < 2 {
		return
	}
	first := map[string]bool{}
	bound(pats[0], func(name string, _ Span) { first[name] = true })
	for _, pat := range pats[1:] {
		if len(p.errs) > maxErrors { // each may lack as many names as the first one has
			return
		}
		here := map[string]bool{}
		bound(pat, func(name string, at Span) {
			here[name] = true
			if !first[name] {
				p.report(at, "`%s` is not bound by the first alternative; all bind the same names", Cut(name))
			}
		})
		bound(pats[0], func(name string, _ Span) {
			if !here[name] {
				here[name] = true
				p.report(pat.Where(), "this alternative does not bind `%s`; all bind the same names", Cut(name))
			}
		})
	}
}

// defName is what messages call a definition.
func defName(d *Def) string {
	name := ""
	bound(d.Pattern, func(n string, _ Span) {
		if name == "" {
			name = n
		}
	})
	return name
}

// quoteKey shows a key in a message.
func quoteKey(key string) string { return fmt.Sprintf("%q", Cut(key)) }
