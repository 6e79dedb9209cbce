// This file writes what the reference says of the library's names and of the primitives: between the two marks of each part.

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
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
	for i, d := range l.defs {
		if d.module != "" && d.module != l.defs[i-1].module {
			fmt.Fprintf(&out, "\n### %s\n\n", d.module)
		}
		text, example := splitDoc(d.About.Doc)
		fmt.Fprintf(&out, "- %s", text)
		if example != "" {
			fmt.Fprintf(&out, " %s.", example)
		}
		if d.Term.Op == graph.OpPrim {
			fmt.Fprintf(&out, " Cost: %s.\n", costOf(eval.Prims()[d.Term.Name].Doc))
		} else {
			out.WriteString(" Cost: that of the calls it makes, and 1 for its own.\n")
		}
	}
	return out.String()
}

// splitDoc takes a documentation apart: what it says, on one line, and its example.
func splitDoc(doc string) (text, example string) {
	var words, code []string
	for _, line := range strings.Split(doc, "\n") {
		switch {
		case strings.HasPrefix(line, "> "):
			code = append(code, "`"+line[2:]+"`")
		case strings.HasPrefix(line, "= "):
			code = append(code, "is `"+line[2:]+"`")
		default:
			words = append(words, line)
		}
	}
	return strings.Join(words, " "), strings.Join(code, " ")
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
