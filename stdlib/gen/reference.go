// This file writes what the reference says of the library's names and of the primitives: between the two marks of each part.

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/lang"
)

// reference is the page at path with its generated parts as they should be.
func (l *library) reference(path string) ([]byte, error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct{ mark, text string }{{"names", l.nameList()}, {"primitives", primitiveList()}} {
		begin, end := []byte("<!-- "+part.mark+": go generate ./stdlib -->\n"), []byte("<!-- end of "+part.mark+" -->")
		from := bytes.Index(page, begin)
		to := bytes.Index(page, end)
		if from < 0 || to < from {
			return nil, fmt.Errorf("%s: no place for %s: want the lines %s and %s", path, part.mark, bytes.TrimSpace(begin), end)
		}
		from += len(begin)
		page = slices.Concat(page[:from], []byte(part.text), page[to:])
	}
	return page, nil
}

// nameList is an item for each name of the library, under its module.
func (l *library) nameList() string {
	var out strings.Builder
	module := ""
	for _, d := range l.defs {
		if d.own {
			continue
		}
		if d.module != module {
			module = d.module
			fmt.Fprintf(&out, "\n### %s\n\n", d.module)
		}
		text, cost, examples := splitDoc(d.About.Doc)
		fmt.Fprintf(&out, "- %s", text)
		if examples != "" {
			fmt.Fprintf(&out, " %s.", examples)
		}
		fmt.Fprintf(&out, " %s\n", cost)
	}
	return out.String()
}

// splitDoc takes a documentation apart: what it says, on one line, its cost, and its examples.
func splitDoc(doc string) (text, cost, examples string) {
	var words, code []string
	for _, p := range lang.ParseDoc(doc) {
		switch {
		case p.Kind != lang.DocExample:
			words = append(words, p.Text)
		case p.Want == "":
			code = append(code, "`"+p.Text+"`")
		default:
			code = append(code, "`"+p.Text+"` is `"+p.Want+"`")
		}
	}
	text, cost, found := strings.Cut(strings.Join(words, " "), "Cost: ")
	if found {
		cost = "Cost: " + cost
	}
	return strings.TrimSpace(text), cost, strings.Join(code, ", ")
}

// costOf is the cost in a primitive's documentation.
func costOf(doc string) string {
	if _, cost, ok := strings.Cut(doc, "cost: "); ok {
		return cost
	}
	return "none"
}

// primitiveList is an item for each primitive.
func primitiveList() string {
	prims := eval.Prims()
	var out strings.Builder
	for _, name := range slices.Sorted(keysOf(prims)) {
		fmt.Fprintf(&out, "- `%s` %s\n", name, prims[name].Doc)
	}
	return out.String()
}
