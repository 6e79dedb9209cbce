// This file tests the printer on generated trees.

package lang

import (
	"math/big"
	"math/rand"
	"testing"

	"github.com/ipfs/go-cid"
)

// A generator makes trees that the parser could have made.
type generator struct {
	*rand.Rand
	fresh int
}

func pick[T any](g *generator, from ...T) T { return from[g.Intn(len(from))] }

func (g *generator) name() string { return pick(g, "x", "y", "f'", "_a", "xs", "letter") }
func (g *generator) key() string {
	return pick(g, "x", "Tag", "if", "a b", "", "0", "12", "_", "é", "a\"\n", "/", "x'")
}

// distinct gives a name no other pattern has.
func (g *generator) distinct() string {
	g.fresh++
	return "v" + big.NewInt(int64(g.fresh)).Text(36)
}

func (g *generator) literal(negative bool) Expr {
	sign := int64(1)
	if negative && g.Intn(2) == 0 {
		sign = -1
	}
	switch g.Intn(7) {
	case 0:
		return &Null{}
	case 1:
		return &Bool{Value: g.Intn(2) == 0}
	case 2:
		n := new(big.Int).Exp(big.NewInt(10), big.NewInt(g.Int63n(30)), nil)
		return &Int{Value: n.Mul(n, big.NewInt(sign))}
	case 3:
		return &Float{Value: float64(sign) * pick(g, 0.5, 1, 1e21, 1e-7, 123456.75, 1.7976931348623157e308, 5e-324)}
	case 4:
		return &Text{Value: pick(g, "", "a", "\\(x)", "\"\"\"", "\n\t\x01", "世😀")}
	case 5:
		return &Bytes{Value: []byte{1, 2, 3}[:g.Intn(4)]}
	}
	c, _ := cid.Decode("bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
	return &Link{Value: c}
}

func (g *generator) pattern(depth int) Pattern {
	n := g.Intn(8)
	if depth == 0 {
		n = g.Intn(4)
	}
	switch n {
	case 0:
		return &NamePat{Name: g.distinct()}
	case 1:
		return &WildPat{}
	case 2:
		return &LitPat{Value: g.literal(true)}
	case 3:
		return &TagPat{Name: pick(g, "None", "Some")}
	case 4:
		return &TagPat{Name: "Some", Arg: g.pattern(depth - 1)}
	case 5:
		p := &ListPat{Rest: -1}
		for range g.Intn(3) {
			p.Items = append(p.Items, g.pattern(depth-1))
		}
		if g.Intn(2) == 0 {
			p.Rest = pick(g, 0, len(p.Items))
			p.RestPat = pick[Pattern](g, nil, &WildPat{}, &NamePat{Name: g.distinct()})
		}
		return p
	case 6:
		p := &MapPat{}
		var seen names
		for range g.Intn(3) {
			if key := g.key(); seen.add(key) {
				p.Entries = append(p.Entries, PatEntry{Key: key, Pattern: g.pattern(depth - 1)})
			}
		}
		if g.Intn(2) == 0 {
			p.RestPat = pick[Pattern](g, &WildPat{}, &NamePat{Name: g.distinct()})
		}
		if len(p.Entries) == 1 && p.Entries[0].Key == "/" && p.RestPat == nil {
			p.Entries[0].Key = "a"
		}
		return p
	default:
		return &AsPat{Pattern: g.pattern(depth - 1), Name: g.distinct()}
	}
}

func (g *generator) def(depth int, function bool) *Def {
	d := &Def{Pattern: &NamePat{Name: g.distinct()}}
	if function || g.Intn(2) == 0 {
		for range 1 + g.Intn(2) {
			d.Params = append(d.Params, g.pattern(1))
		}
	} else {
		d.Pattern = g.pattern(2)
	}
	d.Value = g.expr(depth)
	return d
}

func (g *generator) expr(depth int) Expr {
	if depth == 0 {
		switch g.Intn(8) {
		case 0:
			return g.literal(true)
		case 1:
			return &ModuleName{Module: "Text", Name: g.name()}
		case 2:
			return &Tag{Name: pick(g, "None", "Some")}
		case 3:
			return &TagFn{Name: "Some"}
		case 4:
			return &OpFn{Op: operators[g.Intn(len(operators))].text}
		case 5:
			return &Accessor{Keys: []string{g.key(), g.key()}[:1+g.Intn(2)]}
		}
		return &Name{Name: g.name()}
	}
	depth--
	sub := func() Expr { return g.expr(g.Intn(depth + 1)) }
	switch g.Intn(15) {
	case 0:
		l := &List{}
		for range g.Intn(4) {
			l.Items = append(l.Items, Item{g.Intn(4) == 0, sub()})
		}
		return l
	case 1:
		m := &Map{}
		var seen names
		for range g.Intn(4) {
			if g.Intn(4) == 0 {
				m.Entries = append(m.Entries, Entry{Spread: true, Value: sub()})
			} else if key := g.key(); seen.add(key) {
				m.Entries = append(m.Entries, Entry{Key: key, Value: sub()})
			}
		}
		if len(m.Entries) == 1 && m.Entries[0].Key == "/" {
			m.Entries[0].Key = "x"
		}
		return m
	case 2:
		return &Tag{Name: "Some", Arg: sub()}
	case 3, 4, 5:
		a := &Apply{Fn: sub()}
		for range 1 + g.Intn(3) {
			a.Args = append(a.Args, sub())
		}
		if t, ok := a.Fn.(*Tag); ok && t.Arg == nil {
			a.Fn = &TagFn{Name: t.Name}
		}
		return a
	case 6, 7:
		op := operators[1+g.Intn(len(operators)-1)].text
		return &Binary{Op: op, Left: sub(), Right: sub()}
	case 8:
		arg := sub()
		switch arg.(type) {
		case *Int, *Float:
			return arg
		}
		return &Neg{Arg: arg}
	case 9:
		l := &Lambda{}
		for range 1 + g.Intn(2) {
			l.Params = append(l.Params, g.pattern(1))
		}
		l.Body = sub()
		if inner, ok := l.Body.(*Lambda); ok {
			l.Params, l.Body = append(l.Params, inner.Params...), inner.Body
		}
		return l
	case 10:
		l := &Let{Body: sub()}
		if g.Intn(3) > 0 {
			l.Defs = []*Def{g.def(depth, false)}
		} else {
			l.Defs = []*Def{g.def(depth, true), g.def(depth, true)}
		}
		return l
	case 11:
		return &If{Cond: sub(), Then: sub(), Else: sub()}
	case 12:
		return pick[Expr](g, &Lazy{Arg: sub()}, &Try{Arg: sub()})
	case 13:
		m := &Match{Subject: sub()}
		for range 1 + g.Intn(3) {
			a := &Arm{Patterns: []Pattern{g.pattern(2)}, Body: sub()}
			if g.Intn(3) == 0 {
				a.Guard = sub()
			}
			m.Arms = append(m.Arms, a)
		}
		return m
	default:
		if g.Intn(2) == 0 {
			var i Interp
			for range 1 + g.Intn(3) {
				if e := sub(); !isText(e) {
					i.Parts = append(i.Parts, e, &Text{Value: pick(g, "a", "\\", " \"")})
				}
			}
			if len(i.Parts) > 0 {
				return &i
			}
		}
		return &Get{Arg: sub(), Key: g.key()}
	}
}

func isText(e Expr) bool { _, ok := e.(*Text); return ok }

func TestPrintGenerated(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewSource(1))}
	for range 20000 {
		f := &File{Defs: []*Def{g.def(3, false)}, Body: g.expr(4)}
		f.Defs[0].Doc = pick(g, "", "one", "one\n\n two")
		checkPrint(t, f)
		if t.Failed() {
			return
		}
	}
}
