// This file dumps syntax trees as S-expressions, without spans, for tests to compare.

package lang

import (
	"fmt"
	"strings"
)

func dumpFile(f *File) string {
	var lines []string
	for _, d := range f.Defs {
		lines = append(lines, dumpDef(d))
	}
	if f.Body != nil {
		lines = append(lines, dump(f.Body))
	}
	return strings.Join(lines, "\n")
}

func dumpDef(d *Def) string {
	s := "(def "
	if d.Doc != "" {
		s += fmt.Sprintf("#%q ", d.Doc)
	}
	s += dump(d.Pattern)
	for _, p := range d.Params {
		s += " " + dump(p)
	}
	return s + " = " + dump(d.Value) + ")"
}

// dump is recursive, and so not for chains of a hundred thousand links.
func dump(n Node) string {
	form := func(head string, kids ...any) string {
		s := "(" + head
		for _, k := range kids {
			switch k := k.(type) {
			case string:
				s += " " + k
			case Node:
				s += " " + dump(k)
			}
		}
		return s + ")"
	}
	switch n := n.(type) {
	case *Null:
		return "null"
	case *Bool:
		return fmt.Sprint(n.Value)
	case *Int:
		return n.Value.String()
	case *Float:
		return "f" + fmt.Sprint(n.Value)
	case *Text:
		return fmt.Sprintf("%q", n.Value)
	case *Bytes:
		return fmt.Sprintf("0x%x", n.Value)
	case *Link:
		return "@" + n.Value.String()
	case *Interp:
		s := "(interp"
		for _, p := range n.Parts {
			s += " " + dump(p)
		}
		return s + ")"
	case *Name:
		return n.Name
	case *ModuleName:
		return n.Module + "." + n.Name
	case *List:
		s := "["
		for i, it := range n.Items {
			if i > 0 {
				s += " "
			}
			if it.Spread {
				s += "..."
			}
			s += dump(it.Value)
		}
		return s + "]"
	case *Map:
		s := "{"
		for i, e := range n.Entries {
			if i > 0 {
				s += " "
			}
			if e.Spread {
				s += "..." + dump(e.Value)
			} else {
				s += fmt.Sprintf("%q:%s", e.Key, dump(e.Value))
			}
		}
		return s + "}"
	case *Tag:
		if n.Arg == nil {
			return "<" + n.Name + ">"
		}
		return "<" + n.Name + " " + dump(n.Arg) + ">"
	case *TagFn:
		return form("tagfn", n.Name)
	case *Apply:
		s := "(" + dump(n.Fn)
		for _, a := range n.Args {
			s += " " + dump(a)
		}
		return s + ")"
	case *Binary:
		return form(n.Op, n.Left, n.Right)
	case *Neg:
		return form("neg", n.Arg)
	case *OpFn:
		return form("op", n.Op)
	case *Lambda:
		s := "(\\"
		for _, p := range n.Params {
			s += dump(p) + " "
		}
		return s + "-> " + dump(n.Body) + ")"
	case *Let:
		s := "(let"
		for _, d := range n.Defs {
			s += " " + dumpDef(d)
		}
		return s + " " + dump(n.Body) + ")"
	case *If:
		return form("if", n.Cond, n.Then, n.Else)
	case *Lazy:
		return form("lazy", n.Arg)
	case *Try:
		return form("try", n.Arg)
	case *Match:
		s := "(match " + dump(n.Subject)
		for _, a := range n.Arms {
			s += " ("
			for _, p := range a.Patterns {
				s += "| " + dump(p) + " "
			}
			if a.Guard != nil {
				s += "if " + dump(a.Guard) + " "
			}
			s += "-> " + dump(a.Body) + ")"
		}
		return s + ")"
	case *Get:
		return form("get", n.Arg, fmt.Sprintf("%q", n.Key))
	case *Accessor:
		return form("accessor", fmt.Sprintf("%q", n.Keys))
	case *Import:
		if n.CID.Defined() {
			return form("import", "@"+n.CID.String())
		}
		return form("import", fmt.Sprintf("%q", n.Path))
	case *NamePat:
		return n.Name
	case *WildPat:
		return "_"
	case *LitPat:
		return dump(n.Value)
	case *ListPat:
		s := "["
		for i := 0; i <= len(n.Items); i++ {
			if i == n.Rest {
				s += " ..."
				if n.RestPat != nil {
					s += dump(n.RestPat)
				}
			}
			if i < len(n.Items) {
				s += " " + dump(n.Items[i])
			}
		}
		return s + " ]"
	case *MapPat:
		s := "{"
		for _, e := range n.Entries {
			s += fmt.Sprintf(" %q:%s", e.Key, dump(e.Pattern))
		}
		if n.RestPat != nil {
			s += " ..." + dump(n.RestPat)
		}
		return s + " }"
	case *TagPat:
		if n.Arg == nil {
			return "<" + n.Name + ">"
		}
		return "<" + n.Name + " " + dump(n.Arg) + ">"
	case *AsPat:
		return form("as", n.Pattern, n.Name)
	}
	return fmt.Sprintf("?%T", n)
}
