// This file completes what somebody types: commands, names, fields, CIDs, files.

package repl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl/edit"
	"github.com/rosser-lang/rosser/stdlib"
)

const maxCandidates = 500

// complete is the edit.Editor's Complete. What cannot be read has no fields.
func (sh *shell) complete(text string, cursor int) (from int, list []edit.Candidate) {
	if loading(func() error { from, list = sh.candidates(text, cursor); return nil }) != nil {
		return -1, nil
	}
	return from, list
}

func (sh *shell) candidates(text string, cursor int) (int, []edit.Candidate) {
	before := text[:cursor]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	if strings.HasPrefix(line, ":") {
		word, arg, argued := strings.Cut(line[1:], " ")
		if !argued {
			var list []edit.Candidate
			for _, c := range colons() {
				if strings.HasPrefix(c.name, word) {
					list = append(list, edit.Candidate{Text: ":" + c.name, Note: c.brief})
				}
			}
			return cursor - len(line), list
		}
		for _, c := range colons() {
			if c.name != word {
				continue
			}
			switch c.takes {
			case argFile:
				return completeFile(cursor, strings.TrimLeft(arg, " "))
			case argCommand:
				arg = strings.TrimLeft(arg, " :")
				var list []edit.Candidate
				for _, c := range colons() {
					if strings.HasPrefix(c.name, arg) {
						list = append(list, edit.Candidate{Text: c.name, Note: c.brief})
					}
				}
				if len(list) > 0 && arg != "" {
					return cursor - len(arg), list
				}
			case argMode:
				var list []edit.Candidate
				for _, mode := range []string{"auto", "all", "none"} {
					if strings.HasPrefix(mode, arg) {
						list = append(list, edit.Candidate{Text: mode})
					}
				}
				return cursor - len(arg), list
			}
		}
		line = line[1+len(word):]
		before = line
	}
	start, list := sh.completeCode(before)
	if start < 0 {
		return cursor, nil
	}
	if len(list) > 0 && list[0].Text[0] != '@' { // of CIDs the session's own come first
		slices.SortStableFunc(list, func(a, b edit.Candidate) int { return strings.Compare(a.Text, b.Text) })
	}
	list = slices.CompactFunc(list, func(a, b edit.Candidate) bool { return a.Text == b.Text })
	return cursor - len(before) + start, list[:min(len(list), maxCandidates)]
}

// completeCode completes a program that ends where the cursor is. It returns where the completed text begins, -1 for nowhere.
func (sh *shell) completeCode(src string) (int, []edit.Candidate) {
	tokens := lang.Tokens(src)
	n := len(tokens)
	if n == 0 || tokens[n-1].End < len(src) && tokens[n-1].Class != lang.ClassComment {
		if n > 0 && tokens[n-1].Class == lang.ClassKeyword && src[tokens[n-1].Start:] == "import " {
			return -1, nil
		}
		return len(src), sh.completeName("", tokens, src)
	}
	last := tokens[n-1]
	word := src[last.Start:last.End]
	switch last.Class {
	case lang.ClassComment, lang.ClassDoc, lang.ClassNumber:
		return -1, nil
	case lang.ClassBad, lang.ClassText:
		if n > 1 && src[tokens[n-2].Start:tokens[n-2].End] == "import" && strings.HasPrefix(word, `"`) {
			path := word[1:]
			for _, kind := range []string{"csv:", "json:", "file:"} {
				path = strings.TrimPrefix(path, kind)
			}
			return completeFile(len(src), path)
		}
		if last.Class == lang.ClassText || !strings.HasPrefix(word, "@") {
			return -1, nil
		}
		return last.Start, sh.completeCID(word[1:])
	case lang.ClassLink:
		return last.Start, sh.completeCID(word[1:])
	case lang.ClassPunctuation:
		if word == "." && n > 1 && tokens[n-2].End == last.Start {
			return last.End, sh.completeField("", tokens[:n-1], src)
		}
		return last.End, sh.completeName("", tokens, src)
	case lang.ClassField:
		if n > 2 && src[tokens[n-2].Start:tokens[n-2].End] == "." {
			return last.Start, sh.completeField(word, tokens[:n-2], src)
		}
		return -1, nil
	case lang.ClassName, lang.ClassTag, lang.ClassKeyword, lang.ClassConstant, lang.ClassModule:
		if n > 2 && tokens[n-2].End == last.Start && src[tokens[n-2].Start:tokens[n-2].End] == "." {
			return last.Start, sh.completeField(word, tokens[:n-2], src)
		}
		return last.Start, sh.completeName(word, tokens[:n-1], src)
	}
	return last.End, sh.completeName("", tokens, src)
}

// completeName completes a name in scope. tokens are those before it.
func (sh *shell) completeName(word string, tokens []lang.Token, src string) []edit.Candidate {
	var list []edit.Candidate
	add := func(name, note string) {
		if strings.HasPrefix(name, word) {
			list = append(list, edit.Candidate{Text: name, Note: note})
		}
	}
	for _, b := range sh.scope.defs {
		if b.module != nil {
			add(b.name, "an import")
		} else {
			add(b.name, note(b.about))
		}
	}
	here := map[string]bool{} // what is named in this entry
	for _, tok := range tokens {
		if name := src[tok.Start:tok.End]; tok.Class == lang.ClassName && strings.HasPrefix(name, word) && sh.scope.defs[name] == nil {
			here[name] = true
		}
	}
	if word != "" {
		for _, k := range lang.Keywords() {
			add(k, "")
		}
	}
	for _, name := range stdlib.Names() {
		if module, _, ok := strings.Cut(name, "."); ok {
			if strings.HasPrefix(module, word) && (word != "" || len(tokens) > 0) {
				list = append(list, edit.Candidate{Text: module + ".", Note: "a module"})
			}
			continue
		}
		if strings.HasPrefix(name, word) {
			a, _ := stdlib.About(name)
			list = append(list, edit.Candidate{Text: name, Note: note(a)})
			delete(here, name)
		}
	}
	for name := range here {
		add(name, "")
	}
	return list
}

// note is what stands beside a name that is offered.
func note(a graph.About) string {
	use, text := brieflyOf(a.Name, a)
	_, params, _ := strings.Cut(use, " ")
	return strings.TrimSpace(params + "  " + text)
}

// completeField completes what stands behind a dot: a module's name, or a field of a value that is known. The tokens end before the
// dot.
func (sh *shell) completeField(word string, tokens []lang.Token, src string) []edit.Candidate {
	n := len(tokens)
	var path []string
	i := n - 1
	for ; i > 0; i -= 2 { // a.b.c
		if tokens[i].Class != lang.ClassField && tokens[i].Class != lang.ClassNumber || src[tokens[i-1].Start:tokens[i-1].End] != "." || tokens[i-1].End != tokens[i].Start {
			break
		}
		path = append(path, src[tokens[i].Start:tokens[i].End])
	}
	slices.Reverse(path)
	head := src[tokens[i].Start:tokens[i].End]
	var list []edit.Candidate
	if c := tokens[i].Class; len(path) == 0 && (c == lang.ClassTag || c == lang.ClassModule) {
		for _, name := range stdlib.Names() {
			if module, key, ok := strings.Cut(name, "."); ok && module == head && strings.HasPrefix(key, word) {
				a, _ := stdlib.About(name)
				list = append(list, edit.Candidate{Text: key, Note: note(a)})
			}
		}
		return list
	}
	if terms, ok := sh.scope.module(head); ok && len(path) == 0 {
		for key := range terms {
			if strings.HasPrefix(key, word) {
				a, _, _ := sh.aboutName(head + "." + key)
				list = append(list, edit.Candidate{Text: key, Note: note(a)})
			}
		}
		return list
	}
	v, ok := sh.known(head)
	for _, key := range path {
		if !ok {
			return nil
		}
		v, ok = field(v, key)
	}
	if !ok || v.Kind() != graph.KindMap {
		return nil
	}
	v.Map().Each(func(key string, x graph.Value) bool {
		if strings.HasPrefix(key, word) {
			if f, wrong := lang.Parse("", []byte("x."+key)); len(wrong) > 0 || f.Body == nil {
				key = `"` + safeJSON(key) + `"`
			}
			list = append(list, edit.Candidate{Text: key, Note: brief(x)})
		}
		return len(list) < maxCandidates
	})
	return list
}

func field(v graph.Value, key string) (graph.Value, bool) {
	switch v.Kind() {
	case graph.KindMap:
		return v.Map().Get(key)
	case graph.KindList:
		var i int
		if _, err := fmt.Sscanf(key, "%d", &i); err == nil && i >= 0 && i < v.List().Len() {
			return v.List().At(i), true
		}
	}
	return graph.Value{}, false
}

// known is the value of a name if nothing has to be reduced for it.
func (sh *shell) known(name string) (graph.Value, bool) {
	b := sh.scope.defs[name]
	if b == nil || b.module != nil {
		return graph.Value{}, false
	}
	if b.term.Op == graph.OpLit {
		return b.term.Value, true
	}
	a, ok, err := sh.trust.Answer(context.Background(), b.cid)
	if err != nil || !ok || !a.Own() && !sh.believe(a.By) {
		return graph.Value{}, false
	}
	r, err := eval.LoadAnswer(a, sh.Load)
	return r.Value, err == nil && r.Error == nil
}

// completeCID completes a CID: those that this session has shown, then those of the store.
func (sh *shell) completeCID(prefix string) []edit.Candidate {
	var list []edit.Candidate
	for c, note := range sh.seen {
		if strings.HasPrefix(c.String(), prefix) {
			list = append(list, edit.Candidate{Text: "@" + c.String(), Note: note})
		}
	}
	slices.SortFunc(list, func(a, b edit.Candidate) int { return strings.Compare(a.Text, b.Text) })
	const most = 40
	found, err := sh.store.Find(context.Background(), prefix, most)
	if err != nil {
		return list
	}
	for _, c := range found {
		if _, ok := sh.seen[c]; ok {
			continue
		}
		list = append(list, edit.Candidate{Text: "@" + c.String(), Note: sh.blockNote(c)})
	}
	return list
}

// blockNote says in short what a block is.
func (sh *shell) blockNote(c cid.Cid) string {
	if name := sh.termName(c); !strings.HasPrefix(name, "@") {
		return name
	}
	data, err := sh.Load(c)
	if err != nil || c.Prefix().Codec != cid.DagCBOR {
		return ""
	}
	if graph.IsCode(data) {
		return sh.expressionText(c)
	}
	if r, err := (&graph.Far{Load: sh.Load}).DecodeResult(data); err == nil {
		if r.Error != nil {
			return "a result: error " + r.Error.Kind
		}
		return "a result: " + brief(r.Value)
	}
	return "data"
}

// completeFile completes a path that ends where the cursor is.
func completeFile(cursor int, path string) (int, []edit.Candidate) {
	dir, base := filepath.Split(path)
	where := dir
	if where == "" {
		where = "."
	}
	entries, err := os.ReadDir(where)
	if err != nil {
		return cursor, nil
	}
	var list []edit.Candidate
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base) || strings.HasPrefix(name, ".") && base == "" {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		list = append(list, edit.Candidate{Text: dir + name})
	}
	return cursor - len(path), list[:min(len(list), maxCandidates)]
}
