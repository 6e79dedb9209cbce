// This file holds the syntax tree: what a parsed program is, with where in the text each part stands.

package lang

import (
	"math/big"

	"github.com/ipfs/go-cid"
)

// A Span is a stretch of a File's source: byte offsets, the end excluded.
type Span struct{ Start, End int }

// Where returns the span itself; every node has it by embedding.
func (s Span) Where() Span { return s }

// A File is one parsed program: definitions in source order and at most one final expression.
type File struct {
	Name   string // as the user named it; used in messages
	Source string // LF line ends, valid UTF-8
	Defs   []*Def
	Body   Expr // the final expression; nil when there is none

	commented map[Expr]bool // expressions with comments between them and a parenthesis that closes, for Format
}

// A Def is one binding of a let: a function when it has Params, else a pattern.
// Defs of one `let … and …` share Group; at top level Group does not matter.
type Def struct {
	Span
	Doc     string  // the ## lines above it, markers removed, joined by LF; top level only
	Pattern Pattern // a *NamePat when Params is not empty
	Params  []Pattern
	Value   Expr
}

// An Expr is one of the pointer types below. Parens and Piped say how it was written, for the printer; they mean nothing.
// Parens is true if it stood in parentheses.
type Expr interface{ Where() Span }

type (
	// Null, Bool, Int, Float, Text, Bytes and Link are literals.
	Null struct{ Span }
	Bool struct {
		Span
		Value bool
	}
	Int struct {
		Span
		Value *big.Int
	}
	Float struct {
		Span
		Value float64
	}
	Text struct {
		Span
		Value string
	}
	Bytes struct {
		Span
		Value []byte
	}
	// Link is @CID or {"/": "CID"}; a path after the CID becomes Gets around it.
	Link struct {
		Span
		Value cid.Cid
	}
	// Interp is a text with \(expr) in it: *Text parts and others, in order, no two *Text adjacent.
	Interp struct {
		Span
		Parts []Expr
	}
	// Name is a variable or a top-level name.
	Name struct {
		Span
		Name string
	}
	// ModuleName is Text.split: Module "Text", Name "split".
	ModuleName struct {
		Span
		Module, Name string
	}
	// List is a list display.
	List struct {
		Span
		Items []Item
	}
	// Map is a map display, entries in source order; {x} has been written out as {x: x}.
	Map struct {
		Span
		Entries []Entry
	}
	// Tag is Some x, or None when Arg is nil.
	Tag struct {
		Span
		Name   string
		Arg    Expr
		Parens bool
	}
	// TagFn is (Some): the function \x -> Some x.
	TagFn struct {
		Span
		Name string
	}
	// Apply is application; Fn is never itself an *Apply unless it stood in parentheses. x |> f is Apply{f, [x]}, Piped.
	Apply struct {
		Span
		Fn     Expr
		Args   []Expr
		Piped  bool
		Parens bool
	}
	// Binary is an operator other than |>: || && == != < <= > >= ++ + - * / // % and >>. OpSpan is the operator's.
	Binary struct {
		Span
		Op          string
		OpSpan      Span
		Left, Right Expr
		Parens      bool
	}
	// Neg is unary minus on what is not a literal number.
	Neg struct {
		Span
		Arg    Expr
		Parens bool
	}
	// OpFn is an operator as a function: (+). All operators of Binary and also "|>".
	OpFn struct {
		Span
		Op string
	}
	Lambda struct {
		Span
		Params []Pattern
		Body   Expr
		Parens bool
	}
	// Let is let … in: one Def, or several joined by `and`.
	Let struct {
		Span
		Defs   []*Def
		Body   Expr
		Parens bool
	}
	If struct {
		Span
		Cond, Then, Else Expr
		Parens           bool
	}
	Lazy struct {
		Span
		Arg    Expr
		Parens bool
	}
	Try struct {
		Span
		Arg    Expr
		Parens bool
	}
	Match struct {
		Span
		Subject Expr
		Arms    []*Arm
	}
	// Get is e.name, e.0, e."any key"; Key is the segment's text; KeySpan is the key's.
	Get struct {
		Span
		Arg     Expr
		Key     string
		KeySpan Span
	}
	// Accessor is (.a.b).
	Accessor struct {
		Span
		Keys []string
	}
	// Import is the whole right side of a top-level let: Path for a file, CID for a published library.
	Import struct {
		Span
		Path string
		CID  cid.Cid
	}
)

// A Mark points out an expression to who prints it: where On, it stands between MarkStart and MarkEnd, which no other text holds.
// It is never part of a pipe. The parser makes none.
type Mark struct {
	Span
	Arg Expr
	On  bool
}

// What a Mark is printed between.
const (
	MarkStart = "\x00"
	MarkEnd   = "\x01"
)

// An Item is an element of a list display, or ...e.
type Item struct {
	Spread bool
	Value  Expr
}

// An Entry is key: e of a map display, or ...e (no key).
type Entry struct {
	Spread  bool
	Key     string
	KeySpan Span
	Value   Expr
}

// An Arm is one `| p | p if guard -> e` of a match; Guard may be nil.
type Arm struct {
	Span
	Patterns []Pattern
	Guard    Expr
	Body     Expr
}

// A Pattern is one of the pointer types below.
type Pattern interface{ Where() Span }

type (
	NamePat struct {
		Span
		Name string
	}
	WildPat struct{ Span }
	// LitPat holds a literal expression (*Null … *Link).
	LitPat struct {
		Span
		Value Expr
	}
	// ListPat is [a, b, ...rest] or [...init, last]. Rest is the index in Items before which ...stands
	// (len(Items) at the end, 0 at the start), or -1 for none; RestPat is *NamePat or *WildPat, nil for a bare `...`.
	ListPat struct {
		Span
		Items   []Pattern
		Rest    int
		RestPat Pattern
	}
	// MapPat is {name, age: p, ...rest}. RestPat is nil for none.
	MapPat struct {
		Span
		Entries []PatEntry
		RestPat Pattern
	}
	// TagPat is Tag p, or Tag when Arg is nil.
	TagPat struct {
		Span
		Name string
		Arg  Pattern
	}
	AsPat struct {
		Span
		Pattern  Pattern
		Name     string
		NameSpan Span
	}
)

// A PatEntry is key: p in a map pattern.
type PatEntry struct {
	Key     string
	KeySpan Span
	Pattern Pattern
}

// Names are the names that a file defines, in order.
func (f *File) Names() []string {
	var names []string
	for _, d := range f.Defs {
		bound(d.Pattern, func(name string, _ Span) { names = append(names, name) })
	}
	return names
}

// parensOf gives the Parens of an expression, nil if it has none.
func parensOf(e Expr) *bool {
	switch e := e.(type) {
	case *Tag:
		return &e.Parens
	case *Apply:
		return &e.Parens
	case *Binary:
		return &e.Parens
	case *Neg:
		return &e.Parens
	case *Lambda:
		return &e.Parens
	case *Let:
		return &e.Parens
	case *If:
		return &e.Parens
	case *Lazy:
		return &e.Parens
	case *Try:
		return &e.Parens
	}
	return nil
}

// inParens reports whether e stood in parentheses.
func inParens(e Expr) bool {
	written := parensOf(e)
	return written != nil && *written
}
