// This file completes names and helps with the arguments of a call.

package lsp

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/stdlib"
)

const (
	maxItems  = 5000 // of one completion
	maxFields = 500  // of one value
	maxFollow = 50   // names that are followed to find a value's fields
)

var keywords = []string{"let", "and", "in", "if", "then", "else", "match", "as", "lazy", "try", "import", "true", "false", "null"}

// A libraryName is a name of the standard library with its parameters.
type libraryName struct {
	full, module, name, signature string
	params                        []string
}

// library is the standard library in order.
var library = sync.OnceValue(func() []libraryName {
	var all []libraryName
	for _, full := range stdlib.Names() {
		module, name, ok := strings.Cut(full, ".")
		if !ok {
			module, name = "", full
		}
		a, _ := stdlib.About(full)
		params := a.Params
		if len(params) == 0 {
			params = docParams(full, a.Doc)
		}
		all = append(all, libraryName{full, module, name, strings.Join(append([]string{full}, params...), " "), params})
	}
	return all
})

// docParams are the parameters that documentation gives a name: those of "`full a b` is …".
func docParams(full, doc string) []string {
	rest, ok := strings.CutPrefix(doc, "`"+full+" ")
	if !ok {
		return nil
	}
	call, _, ok := strings.Cut(rest, "`")
	if !ok || strings.Contains(call, "\n") {
		return nil
	}
	return strings.Fields(call)
}

func libraryEntry(module, name string) (libraryName, bool) {
	full := stdlib.Join(module, name)
	i, ok := slices.BinarySearchFunc(library(), full, func(l libraryName, full string) int { return strings.Compare(l.full, full) })
	if !ok {
		return libraryName{}, false
	}
	return library()[i], true
}

// A completion in the making.
type completing struct {
	s     *server
	d     *document
	items []completionItem
	seen  map[string]bool
	edit  textRange // what is replaced
}

func (c *completing) add(item completionItem) {
	if c.seen[item.Label] || len(c.items) >= maxItems {
		return
	}
	c.seen[item.Label] = true
	item.TextEdit = &textEdit{c.edit, item.Label}
	item.SortText += item.Label
	c.items = append(c.items, item)
}

func (s *server) completion(_ context.Context, d *document, p positionParams) (any, error) {
	offset := d.offset(p.Position)
	tokens := d.tokens()
	i := d.tokenAt(offset)
	start := offset
	c := &completing{s: s, d: d, seen: map[string]bool{}, items: []completionItem{}}
	if i >= 0 && tokens[i].Start < offset {
		t := tokens[i]
		switch {
		case t.Class == lang.ClassComment, t.Class == lang.ClassDoc:
			return completionList{Items: c.items}, nil
		case t.Class == lang.ClassText && (t.End > offset || !strings.HasSuffix(d.tokenText(i), `\(`)), t.Class == lang.ClassNumber, t.Class == lang.ClassLink, t.Class == lang.ClassBad && t.End > offset:
			return completionList{Items: c.items}, nil
		case wordy(t.Class), t.Class == lang.ClassConstant:
			start = t.Start
			i--
		}
	} else {
		for i = len(tokens) - 1; i >= 0 && tokens[i].End > offset; i-- {
		}
	}
	// Token i is the last one before the word that is being written, which begins at start.
	c.edit = d.span(lang.Span{Start: start, End: offset})
	before := ""
	if i >= 0 {
		before = d.tokenText(i)
	}
	switch {
	case before == "." && tokens[i].End == start && i > 0 && tokens[i-1].End == tokens[i].Start:
		c.members(i-1, offset)
	case before == "." && tokens[i].End == start: // (.name)
		c.fieldsOfFile(offset)
	case before == "let" || before == "\\":
	default:
		c.names(offset)
	}
	return completionList{IsIncomplete: len(c.items) >= maxItems, Items: c.items}, nil
}

// names completes what may stand where an expression begins.
func (c *completing) names(offset int) {
	for _, b := range c.d.scopes().NamesAt(offset) {
		item := completionItem{Label: b.Name, Kind: itemVariable, SortText: "1"}
		if b.Kind == lang.BoundTop {
			item.SortText = "2"
		}
		if params := paramsOf(b.Def); len(params) > 0 {
			item.Kind = itemFunction
			item.Detail = signatureOf(b.Name, params)
		}
		if b.Def != nil && b.Kind == lang.BoundTop {
			if _, ok := b.Def.Value.(*lang.Import); ok {
				item.Kind = itemModule
			}
			if b.Def.Doc != "" {
				item.Documentation = c.s.markup(b.Def.Doc)
			}
		}
		c.add(item)
	}
	modules := map[string]bool{}
	for _, l := range library() {
		if l.module == "" {
			c.add(libraryItem(l, "3"))
		} else if !modules[l.module] {
			modules[l.module] = true
			c.add(completionItem{Label: l.module, Kind: itemModule, SortText: "4"})
		}
	}
	for _, k := range keywords {
		c.add(completionItem{Label: k, Kind: itemKeyword, SortText: "5"})
	}
	for _, tag := range []string{"Some", "None", "Ok", "Err"} {
		c.add(completionItem{Label: tag, Kind: itemEnumMember, SortText: "6"})
	}
	src := c.d.source()
	for _, t := range c.d.tokens() {
		if t.Class == lang.ClassTag && t.End != offset {
			c.add(completionItem{Label: src[t.Start:t.End], Kind: itemEnumMember, SortText: "6"})
		}
	}
}

func libraryItem(l libraryName, sort string) completionItem {
	kind := itemFunction
	if len(l.params) == 0 {
		kind = itemVariable
	}
	return completionItem{Label: l.name, Kind: kind, Detail: l.signature, SortText: sort, Data: &completionData{l.full}}
}

// resolveItem adds the documentation of a name of the library.
func (s *server) resolveItem(item completionItem) completionItem {
	if item.Data != nil && item.Documentation == nil {
		if a, ok := stdlib.About(item.Data.Library); ok {
			item.Documentation = s.markup(docMarkdown(a.Doc))
		}
	}
	return item
}

// members completes what stands after the dot that touches token i.
func (c *completing) members(i, offset int) {
	d, tokens := c.d, c.d.tokens()
	if tokens[i].Class == lang.ClassModule || tokens[i].Class == lang.ClassTag {
		for _, l := range library() {
			if l.module == d.tokenText(i) {
				c.add(libraryItem(l, "1"))
			}
		}
		return
	}
	// A chain of fields: name.a.b
	var path []string
	for i >= 2 && d.tokenText(i-1) == "." && tokens[i-1].End == tokens[i].Start && tokens[i-2].End == tokens[i-1].Start {
		path = append(path, strings.Trim(d.tokenText(i), `"`))
		i -= 2
	}
	slices.Reverse(path)
	if tokens[i].Class == lang.ClassName {
		u, _ := d.scopes().At(tokens[i].Start)
		if b := u.Binding; b != nil {
			if imp := importOf(b); imp != nil && len(path) == 0 {
				c.imported(imp)
				return
			}
			for _, field := range c.s.fieldsOf(d, b, path) {
				c.add(completionItem{Label: field, Kind: itemField, SortText: "1"})
			}
			if len(path) == 0 {
				for _, field := range fieldsUsed(d, b) {
					c.add(completionItem{Label: field, Kind: itemField, SortText: "2"})
				}
			}
		}
	}
	c.fieldsOfFile(offset)
}

// importOf is the import of a file or a library that a binding names, nil if it names something else.
func importOf(b *lang.Binding) *lang.Import {
	if b == nil || b.Kind != lang.BoundTop || b.Def == nil {
		return nil
	}
	imp, ok := b.Def.Value.(*lang.Import)
	if !ok {
		return nil
	}
	if _, _, isData := compile.DataPath(imp.Path); isData {
		return nil
	}
	return imp
}

// imported completes the names of a file or a library.
func (c *completing) imported(imp *lang.Import) {
	if root := c.d.published(imp); root.Defined() {
		var names []string
		for name := range c.d.library(root) {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			c.add(completionItem{Label: name, Kind: itemFunction, SortText: "1"})
		}
		return
	}
	other := c.s.file(besides(c.d.path, imp.Path))
	if other == nil {
		return
	}
	for _, b := range other.scopes().Bindings {
		if b.Kind != lang.BoundTop || importOf(b) != nil {
			continue
		}
		item := completionItem{Label: b.Name, Kind: itemVariable, SortText: "1"}
		if params := paramsOf(b.Def); len(params) > 0 {
			item.Kind, item.Detail = itemFunction, signatureOf(b.Name, params)
		}
		if b.Def != nil && b.Def.Doc != "" {
			item.Documentation = c.s.markup(docMarkdown(b.Def.Doc))
		}
		c.add(item)
	}
}

// fieldsOfFile completes the fields that are written anywhere in the file.
func (c *completing) fieldsOfFile(offset int) {
	src := c.d.source()
	for _, t := range c.d.tokens() {
		if t.Class == lang.ClassField && t.End != offset && t.End-t.Start < 100 {
			c.add(completionItem{Label: src[t.Start:t.End], Kind: itemField, SortText: "9"})
		}
	}
}

// fieldsOf are the fields of what a name stands for, as far as its definition, an import or a recorded result tells.
func (s *server) fieldsOf(d *document, b *lang.Binding, path []string) []string {
	if v, ok := s.valueOf(d, b); ok {
		for _, key := range path {
			switch v.Kind() {
			case graph.KindMap:
				v, ok = v.Map().Get(key)
			case graph.KindList:
				n, err := strconv.Atoi(key)
				if ok = err == nil && n >= 0 && n < v.List().Len(); ok {
					v = v.List().At(n)
				}
			default:
				ok = false
			}
			if !ok {
				return nil
			}
		}
		return keysOf(v)
	}
	if b.Def == nil || b.Kind == lang.BoundParam || len(b.Def.Params) > 0 {
		return nil
	}
	if _, plain := b.Def.Pattern.(*lang.NamePat); !plain {
		return nil
	}
	x := known(d, b.Def.Value, path, maxFollow)
	m, ok := x.(*lang.Map)
	if !ok {
		return nil
	}
	var fields []string
	for _, e := range m.Entries {
		if !e.Spread {
			fields = append(fields, e.Key)
		} else if more, ok := known(d, e.Value, nil, maxFollow).(*lang.Map); ok {
			for _, e := range more.Entries {
				if !e.Spread {
					fields = append(fields, e.Key)
				}
			}
		}
	}
	return bare(fields)
}

// bare leaves those that can be written after a dot as they are.
func bare(keys []string) []string {
	keys = slices.DeleteFunc(keys, func(key string) bool {
		for i := 0; i < len(key); i++ {
			if c := key[i]; c != '_' && (c < '0' || c > '9' || i == 0) && (c|0x20 < 'a' || c|0x20 > 'z') {
				return true
			}
		}
		return key == ""
	})
	return keys[:min(len(keys), maxFields)]
}

func keysOf(v graph.Value) []string {
	var keys []string
	if v.Kind() == graph.KindMap {
		v.Map().Each(func(key string, _ graph.Value) bool {
			keys = append(keys, key)
			return len(keys) < 10*maxFields
		})
	}
	return bare(keys)
}

// valueOf is the value of a top-level name, if it is a literal, imported data, or in the store.
func (s *server) valueOf(d *document, b *lang.Binding) (graph.Value, bool) {
	good := d.lastGood() // while a name is being written there are mistakes
	if good == nil || b.Kind != lang.BoundTop {
		return graph.Null(), false
	}
	for i := range good.Unit.Defs {
		if def := &good.Unit.Defs[i]; def.Name == b.Name {
			if def.Term.Op == graph.OpLit {
				return def.Term.Value, true
			}
			if store := s.store(); store != nil && !good.Partial {
				r, ok := store.Recorded(s.ctx, def.CID)
				return r.Value, ok && !r.Error
			}
		}
	}
	return graph.Null(), false
}

// known goes down a path in an expression, through names that are written out in the file.
func known(d *document, x lang.Expr, path []string, follow int) lang.Expr {
	for ; follow > 0; follow-- {
		switch v := x.(type) {
		case *lang.Name:
			u, _ := d.scopes().At(v.Start)
			b := u.Binding
			if b == nil || b.Def == nil || b.Kind == lang.BoundParam || len(b.Def.Params) > 0 {
				return nil
			}
			if _, plain := b.Def.Pattern.(*lang.NamePat); !plain {
				return nil
			}
			x = b.Def.Value
		case *lang.Let:
			x = v.Body
		case *lang.If:
			x = v.Then
		case *lang.Lazy:
			x = v.Arg
		case *lang.Get:
			x, path = v.Arg, append([]string{v.Key}, path...)
		case *lang.Map:
			if len(path) == 0 {
				return x
			}
			i := slices.IndexFunc(v.Entries, func(e lang.Entry) bool { return !e.Spread && e.Key == path[0] })
			if i < 0 {
				return nil
			}
			x, path = v.Entries[i].Value, path[1:]
		case *lang.List:
			if len(path) == 0 {
				return x
			}
			n, err := strconv.Atoi(path[0])
			if err != nil || n < 0 || n >= len(v.Items) || slices.ContainsFunc(v.Items[:n+1], func(it lang.Item) bool { return it.Spread }) {
				return nil
			}
			x, path = v.Items[n].Value, path[1:]
		case *lang.Tag:
			if len(path) == 0 || path[0] != v.Name || v.Arg == nil {
				return nil
			}
			x, path = v.Arg, path[1:]
		default:
			return nil
		}
	}
	return nil
}

// fieldsUsed are the fields that the program takes of a name elsewhere.
func fieldsUsed(d *document, b *lang.Binding) []string {
	var fields []string
	src := d.source()
	for _, u := range d.scopes().UsesOf(b) {
		if u.End >= len(src) || src[u.End] != '.' {
			continue
		}
		if i := d.tokenAt(u.End + 1); i >= 0 && d.tokens()[i].Class == lang.ClassField && !slices.Contains(fields, d.tokenText(i)) {
			fields = append(fields, d.tokenText(i))
		}
	}
	return fields
}

// paramsOf are the parameters of a definition that is a function, as they are written.
func paramsOf(def *lang.Def) []string {
	if def == nil {
		return nil
	}
	pats := def.Params
	if fn, ok := def.Value.(*lang.Lambda); ok {
		if _, plain := def.Pattern.(*lang.NamePat); plain {
			pats = append(pats[:len(pats):len(pats)], fn.Params...)
		}
	}
	params := make([]string, len(pats))
	for i, p := range pats {
		params[i] = operand(p)
	}
	return params
}

// operand is a pattern as a parameter, shortened.
func operand(p lang.Pattern) string {
	text := lang.PrintPattern(p)
	switch p.(type) {
	case *lang.AsPat, *lang.TagPat:
		if strings.Contains(text, " ") {
			text = "(" + text + ")"
		}
	}
	if len(text) > 60 {
		n := 60
		for !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "…"
	}
	return text
}

func signatureOf(name string, params []string) string {
	return strings.Join(append([]string{name}, params...), " ")
}

// signatureHelp shows the parameters of the function whose arguments are being written.
func (s *server) signatureHelp(_ context.Context, d *document, p positionParams) (any, error) {
	offset := d.offset(p.Position)
	head, args := d.call(offset)
	if head < 0 {
		return nil, nil
	}
	name, params, doc := s.function(d, d.tokens()[head].Start)
	if len(params) == 0 {
		return nil, nil
	}
	sig := signature{Label: name}
	for _, param := range params {
		at := utf16Of(sig.Label) + 1
		sig.Label += " " + param
		sig.Parameters = append(sig.Parameters, parameterInfo{[2]int{at, at + utf16Of(param)}})
	}
	if doc != "" {
		sig.Documentation = s.markup(docMarkdown(doc))
	}
	return signatureHelp{Signatures: []signature{sig}, ActiveParameter: args}, nil
}

// call finds the application that an offset is in: the first token of its function, and which argument it is.
func (d *document) call(offset int) (head, arg int) {
	tokens, src := d.tokens(), d.source()
	i := len(tokens) - 1
	for ; i >= 0 && tokens[i].Start >= offset; i-- {
	}
	if i < 0 || tokens[i].End > offset && (tokens[i].Class == lang.ClassText || tokens[i].Class == lang.ClassComment) {
		return -1, 0
	}
	// A new item begins in the first column.
	if line := strings.LastIndexByte(src[:offset], '\n') + 1; line == offset && offset > 0 {
		return -1, 0
	}
	touching := tokens[i].End >= offset
	n, first := 0, -1 // operands, and the token that the leftmost begins with
	for n < 300 {
		for i >= 0 && (tokens[i].Class == lang.ClassComment || tokens[i].Class == lang.ClassDoc) {
			i--
		}
		start := d.operandFrom(i)
		if start < 0 {
			break
		}
		n, first = n+1, start
		if at := tokens[start].Start; at == 0 || src[at-1] == '\n' {
			break
		}
		i = start - 1
	}
	if n == 0 || n == 1 && touching {
		return -1, 0
	}
	if arg = n - 1; touching {
		arg--
	}
	return first, arg
}

// operandFrom is the token that the operand which ends with token i begins with, -1 if there is none.
func (d *document) operandFrom(i int) int {
	tokens := d.tokens()
	for i >= 0 {
		switch text := d.tokenText(i); tokens[i].Class {
		case lang.ClassBracket:
			if i = d.opening(i); i < 0 {
				return -1
			}
		case lang.ClassText:
			if strings.HasPrefix(text, ")") || strings.HasSuffix(text, `\(`) { // interpolation
				return -1
			}
		case lang.ClassName, lang.ClassTag, lang.ClassModule, lang.ClassField, lang.ClassConstant, lang.ClassNumber, lang.ClassLink:
		default:
			return -1
		}
		if i < 2 || d.tokenText(i-1) != "." || tokens[i-1].End != tokens[i].Start || tokens[i-2].End != tokens[i-1].Start {
			return i
		}
		i -= 2 // the left side of a dot
	}
	return -1
}

// opening is the bracket that the closing bracket i closes, -1 if i is none.
func (d *document) opening(i int) int {
	depth := 0
	for ; i >= 0; i-- {
		if d.tokens()[i].Class != lang.ClassBracket {
			continue
		}
		switch d.tokenText(i) {
		case ")", "]", "}":
			depth++
		default:
			depth--
		}
		if depth <= 0 {
			break
		}
	}
	if depth < 0 {
		return -1
	}
	return i
}

// function says what is known of the function whose name stands at an offset.
func (s *server) function(d *document, offset int) (name string, params []string, doc string) {
	u, ok := d.scopes().At(offset)
	if !ok {
		return "", nil, ""
	}
	if b := u.Binding; b != nil {
		if imp := importOf(b); imp != nil {
			return s.importedFunction(d, offset, imp)
		}
		if b.Def == nil {
			return "", nil, ""
		}
		return b.Name, paramsOf(b.Def), b.Def.Doc
	}
	if u.Import != nil {
		if imp := importOf(u.Import); imp != nil {
			return s.importedFunction(d, offset, imp)
		}
	}
	if l, ok := libraryEntry(u.Module, u.Name); ok {
		a, _ := stdlib.About(l.full)
		return l.full, l.params, a.Doc
	}
	return "", nil, ""
}

// importedFunction is the f of the m.f that begins at an offset.
func (s *server) importedFunction(d *document, offset int, imp *lang.Import) (name string, params []string, doc string) {
	i := d.tokenAt(offset)
	if i < 0 || i+2 >= len(d.tokens()) || d.published(imp).Defined() {
		return "", nil, ""
	}
	if other := s.file(besides(d.path, imp.Path)); other != nil {
		if b := topLevel(other, d.tokenText(i+2)); b != nil && b.Def != nil {
			return b.Name, paramsOf(b.Def), b.Def.Doc
		}
	}
	return "", nil, ""
}
