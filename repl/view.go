// This file shows values to somebody who looks at them: cut to the screen, as a table, as a tree.

package repl

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/rosser-lang/rosser/compile"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// A more is what is left of something that was shown in part.
type more struct {
	next func() (string, bool)
	stop func()
	left func() string // says how much is left
}

// page prints the first lines of something, as many as the screen has room for, and keeps the rest for :more.
func (sh *shell) page(lines iter.Seq[string], left func() string) {
	if sh.rest != nil {
		sh.rest.stop()
		sh.rest = nil
	}
	if !sh.typed {
		for line := range lines {
			fmt.Fprintln(sh.out, line)
		}
		return
	}
	next, stop := iter.Pull(lines)
	sh.rest = &more{next, stop, left}
	_, height := sh.size()
	sh.more(min(height-4, firstPage))
}

const firstPage = 12 // lines that are shown unasked

// more shows the next page. A last line is shown in the place of saying that there is one.
func (sh *shell) more(height int) {
	var ahead []string
	for n := 0; n < max(height, 4); n++ {
		line, ok := sh.rest.next()
		if !ok {
			break
		}
		fmt.Fprintln(sh.out, line)
	}
	left := sh.rest.left()
	for len(ahead) < 2 {
		line, ok := sh.rest.next()
		if !ok {
			break
		}
		ahead = append(ahead, line)
	}
	if len(ahead) < 2 {
		for _, line := range ahead {
			fmt.Fprintln(sh.out, line)
		}
		sh.rest.stop()
		sh.rest = nil
		return
	}
	next := sh.rest.next
	sh.rest.next = func() (string, bool) {
		if len(ahead) > 0 {
			line := ahead[0]
			ahead = ahead[1:]
			return line, true
		}
		return next()
	}
	fmt.Fprintln(sh.errs, sh.paint(styleDim, "… "+left+"  (:more)"))
}

// show shows a value: all of it over a pipe, its beginning to somebody who types.
func (sh *shell) show(ctx context.Context, v graph.Value) error {
	if !sh.typed {
		return sh.print(ctx, v)
	}
	if v.Kind() == graph.KindFn {
		fmt.Fprintln(sh.out, sh.functionLine(v))
		return nil
	}
	width, _ := sh.size()
	w := &writer{sh: sh, width: max(width, 20)}
	sh.page(func(yield func(string) bool) { w.lines(v, yield) }, w.left)
	return nil
}

// functionLine shows a function: what is known of its name and parameters, and its link.
func (sh *shell) functionLine(v graph.Value) string {
	c := graph.ValueBlock(v, sh.sink())
	name := sh.termName(c)
	if a, ok := sh.about(c); ok && len(a.Params) > 0 {
		name += " " + strings.Join(a.Params, " ")
	} else if strings.HasPrefix(name, "@") {
		name = sh.expressionText(c)
		if code, err := compile.Readable(c, compile.Source{Load: sh.Load, Name: libraryName, Prim: primitiveName}); err == nil {
			if code = strings.TrimSpace(code); len(code) < 200 && !strings.Contains(code, "\n") {
				return sh.source(code) + sh.paint(styleDim, "  @"+c.String())
			}
		}
	}
	return sh.paint(styleDim, "function ") + sh.paint(styleName, name) + sh.paint(styleDim, "  @"+c.String())
}

// A writer writes values as DAG-JSON in lines of a width, as much as it is asked for.
type writer struct {
	sh    *shell
	width int
	stack []level // the lists and maps that are being written
	text  int     // characters of a text that are left
}

// A level is a list or map in the middle of which the writer is.
type level struct {
	kind      graph.Kind
	done, all int
}

// left says how much of the outermost list, map or text is left.
func (w *writer) left() string {
	if w.text > 0 {
		return thousands(uint64(w.text)) + " characters more"
	}
	if len(w.stack) == 0 {
		return "more"
	}
	top := w.stack[0]
	what := "elements"
	if top.kind == graph.KindMap {
		what = "entries"
	}
	return fmt.Sprintf("%s of %s %s more", thousands(uint64(top.all-top.done)), thousands(uint64(top.all)), what)
}

const (
	maxInline = 4096 // characters of a text within a value
	maxNest   = 60   // lists and maps in each other that are shown
)

// lines yields a value's lines.
func (w *writer) lines(v graph.Value, yield func(string) bool) {
	if line, ok := w.flat(v, w.width); ok {
		yield(w.colored(line))
		return
	}
	if v.Kind() == graph.KindText {
		w.textLines(v.Text(), yield)
		return
	}
	w.value("", v, "", 0, yield)
}

// textLines yields a long text, as JSON writes it, in lines of the width.
func (w *writer) textLines(s string, yield func(string) bool) {
	room := max(w.width-1, 8)
	w.text = utf8.RuneCountInString(s)
	line := `"`
	for s != "" {
		_, n := utf8.DecodeRuneInString(s)
		part := safeJSON(s[:n])
		if uniseg.StringWidth(line+part) > room {
			if !yield(w.sh.paint(styleText, line)) {
				return
			}
			line = ""
		}
		line += part
		s = s[n:]
		w.text--
	}
	yield(w.sh.paint(styleText, line+`"`))
}

// safeJSON is a text within quotes, without them, in which what could move a terminal's cursor or turn its writing is escaped.
func safeJSON(s string) string {
	data, _ := graph.AppendJSON(nil, graph.Text(s), nil) // a text has no error
	return guarded(string(data[1 : len(data)-1]))
}

// guarded escapes the controls that JSON leaves as they are.
func guarded(s string) string {
	if strings.IndexFunc(s, lang.Hostile) < 0 {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if lang.Hostile(r) {
			fmt.Fprintf(&out, "\\u%04x", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// flat is a value on one line, if that takes no more than room columns. It looks at no more of the value than that.
func (w *writer) flat(v graph.Value, room int) (string, bool) {
	if room <= 0 {
		return "", false
	}
	switch v.Kind() {
	case graph.KindList:
		if v.List().Len()*2 > room {
			return "", false
		}
		out, ok := "[", true
		v.List().Each(func(x graph.Value) bool {
			if len(out) > 1 {
				out += ","
			}
			var part string
			if part, ok = w.flat(x, room-len(out)-1); ok {
				out += part
			}
			return ok
		})
		return out + "]", ok && uniseg.StringWidth(out)+1 <= room
	case graph.KindMap:
		if v.Map().Len()*4 > room {
			return "", false
		}
		out, ok := "{", true
		v.Map().Each(func(key string, x graph.Value) bool {
			if len(out) > 1 {
				out += ","
			}
			if len(key) > room {
				ok = false
				return false
			}
			out += `"` + safeJSON(key) + `":`
			var part string
			if part, ok = w.flat(x, room-len(out)-1); ok {
				out += part
			}
			return ok
		})
		return out + "}", ok && uniseg.StringWidth(out)+1 <= room
	case graph.KindText:
		if len(v.Text()) > 4*room {
			return "", false
		}
		out := `"` + safeJSON(v.Text()) + `"`
		return out, uniseg.StringWidth(out) <= room
	case graph.KindBytes:
		if v.BytesLen() > room {
			return "", false
		}
	case graph.KindInt:
		if b := v.BigInt(); b.BitLen() > 4*room {
			return "", false
		}
	}
	data, err := graph.AppendJSON(nil, v, w.sh.sink())
	return string(data), err == nil && len(data) <= room
}

// scalar is a value that is no list or map, on one line, cut where it is long.
func (w *writer) scalar(v graph.Value) string {
	switch v.Kind() {
	case graph.KindText:
		s := v.Text()
		if n := utf8.RuneCountInString(s); n > maxInline {
			cut := 0
			for range maxInline {
				_, size := utf8.DecodeRuneInString(s[cut:])
				cut += size
			}
			return fmt.Sprintf(`"%s…" (%s characters)`, safeJSON(s[:cut]), thousands(uint64(n)))
		}
		return `"` + safeJSON(s) + `"`
	case graph.KindBytes:
		if n := v.BytesLen(); n > maxInline {
			data, _ := graph.AppendJSON(nil, graph.BytesValue(v.BytesAt(0, w.width*3/8)), nil)
			return fmt.Sprintf("%s… (%s bytes)", strings.TrimSuffix(string(data), `"}}`), thousands(uint64(n)))
		}
	case graph.KindInt:
		if b := v.BigInt(); b.BitLen() > 1<<14 {
			const shown = 1 << 10 // digits of a number that is too long to write: its first ones
			if b.BitLen() > 1<<22 {
				return fmt.Sprintf("an int of %s bits", thousands(uint64(b.BitLen())))
			}
			text := b.String()
			return fmt.Sprintf("%s… (%s digits)", text[:shown], thousands(uint64(len(text))))
		}
	}
	data, err := graph.AppendJSON(nil, v, w.sh.sink())
	if err != nil {
		return "a " + v.Kind().String() + " that cannot be shown: " + err.Error()
	}
	return string(data)
}

// value yields the lines of a value: before stands in front of it, after behind.
func (w *writer) value(before string, v graph.Value, after string, depth int, yield func(string) bool) bool {
	indent := strings.Repeat("  ", depth)
	if line, ok := w.flat(v, w.width-len(indent)-uniseg.StringWidth(before)-len(after)); ok {
		return yield(indent + w.colored(before+line+after))
	}
	kind := v.Kind()
	if kind != graph.KindList && kind != graph.KindMap {
		return yield(indent + w.colored(before+w.scalar(v)+after))
	}
	if depth == maxNest {
		return yield(indent + before + "…" + after)
	}
	w.stack = append(w.stack, level{kind: kind})
	defer func() { w.stack = w.stack[:len(w.stack)-1] }()
	here := len(w.stack) - 1
	if kind == graph.KindMap {
		n := v.Map().Len()
		w.stack[here].all = n
		if !yield(indent + w.colored(before+"{")) {
			return false
		}
		ok, i := true, 0
		v.Map().Each(func(key string, x graph.Value) bool {
			comma := ","
			if i++; i == n {
				comma = ""
			}
			ok = w.value(`"`+safeJSON(cut(key, maxInline))+`":`, x, comma, depth+1, yield)
			w.stack[here].done++
			return ok
		})
		return ok && yield(indent+"}"+after)
	}
	n := v.List().Len()
	w.stack[here].all = n
	if !yield(indent + w.colored(before+"[")) {
		return false
	}
	ok, i := true, 0
	filled, count := "", 0 // short elements share lines
	room := w.width - len(indent) - 2
	flush := func() {
		w.stack[here].done += count
		if filled != "" && ok {
			ok = yield(indent + "  " + w.colored(filled))
		}
		filled, count = "", 0
	}
	v.List().Each(func(x graph.Value) bool {
		comma := ","
		if i++; i == n {
			comma = ""
		}
		if x.Kind() != graph.KindList && x.Kind() != graph.KindMap {
			if part, short := w.flat(x, min(room, 24)); short {
				if filled != "" && uniseg.StringWidth(filled)+len(part)+2 > room {
					flush()
				}
				if filled != "" {
					filled += " "
				}
				filled += part + comma
				count++
				return ok
			}
		}
		if flush(); ok {
			ok = w.value("", x, comma, depth+1, yield)
			w.stack[here].done++
		}
		return ok
	})
	flush()
	return ok && yield(indent+"]"+after)
}

// colored colours a line of DAG-JSON.
func (w *writer) colored(line string) string {
	if !w.sh.color {
		return line
	}
	var out strings.Builder
	for i := 0; i < len(line); {
		start, c := i, line[i]
		style := ""
		switch {
		case c == '"':
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' {
					i++
				}
			}
			i = min(i+1, len(line))
			style = styleText
			if i < len(line) && line[i] == ':' {
				style = styleKey
			}
		case c == '-' || c >= '0' && c <= '9':
			for i < len(line) && strings.IndexByte("+-.eE0123456789", line[i]) >= 0 {
				i++
			}
			style = styleNumber
		case c >= 'a' && c <= 'z':
			for i < len(line) && line[i] >= 'a' && line[i] <= 'z' {
				i++
			}
			if word := line[start:i]; word == "true" || word == "false" || word == "null" {
				style = styleNumber
			}
		default:
			i++
		}
		if style == "" {
			out.WriteString(line[start:i])
		} else {
			out.WriteString(w.sh.paint(style, line[start:i]))
		}
	}
	return out.String()
}

// A cell is what stands in a table.
type cell struct {
	text   string
	number bool
}

func (w *writer) cell(v graph.Value) cell {
	number := v.Kind() == graph.KindInt || v.Kind() == graph.KindFloat
	if v.Kind() == graph.KindText && !strings.ContainsAny(v.Text(), "\n\t\r\"\\") && len(v.Text()) < 200 {
		return cell{guarded(v.Text()), false}
	}
	if line, ok := w.flat(v, 60); ok {
		return cell{line, number}
	}
	return cell{brief(v), number}
}

const tableRows = 500 // that the widths of the columns are taken from

// table shows a list of records, or a map of them, in columns.
func (sh *shell) table(v graph.Value) error {
	type record struct {
		key string
		v   graph.Value
	}
	n, keyed := 0, v.Kind() == graph.KindMap
	var each func(f func(record) bool)
	switch v.Kind() {
	case graph.KindList:
		n = v.List().Len()
		each = func(f func(record) bool) { v.List().Each(func(x graph.Value) bool { return f(record{v: x}) }) }
	case graph.KindMap:
		n = v.Map().Len()
		each = func(f func(record) bool) { v.Map().Each(func(k string, x graph.Value) bool { return f(record{k, x}) }) }
	default:
		return Misuse(fmt.Errorf("got %s, want a list or map of records for a table", brief(v)))
	}
	width, _ := sh.size()
	w := &writer{sh: sh, width: width}
	var columns []string
	at := map[string]int{}
	plain := false // some are no records
	i := 0
	each(func(r record) bool {
		if r.v.Kind() != graph.KindMap {
			plain = true
		} else {
			r.v.Map().Each(func(key string, _ graph.Value) bool {
				if _, ok := at[key]; !ok {
					at[key] = 0
					columns = append(columns, key)
				}
				return len(columns) < 200
			})
		}
		i++
		return i < tableRows
	})
	slices.Sort(columns)
	if plain {
		columns = append(columns, "")
	}
	row := func(r record, i int) []cell {
		cells := make([]cell, 0, len(columns)+1)
		if keyed {
			cells = append(cells, cell{guarded(r.key), false})
		} else {
			cells = append(cells, cell{fmt.Sprint(i), true})
		}
		for _, c := range columns {
			var x graph.Value
			ok := false
			if r.v.Kind() == graph.KindMap {
				x, ok = r.v.Map().Get(c)
			} else if c == "" {
				x, ok = r.v, true
			}
			if ok {
				cells = append(cells, w.cell(x))
			} else {
				cells = append(cells, cell{})
			}
		}
		return cells
	}
	heads := append([]string{""}, columns...)
	widths := make([]int, len(heads))
	for i, h := range heads {
		widths[i] = min(uniseg.StringWidth(guarded(h)), 30)
	}
	i = 0
	each(func(r record) bool {
		for j, c := range row(r, i) {
			widths[j] = max(widths[j], min(uniseg.StringWidth(c.text), 30))
		}
		i++
		return i < tableRows
	})
	fitting := 0 // columns that the screen has room for
	for total := 0; fitting < len(widths); fitting++ {
		if total += widths[fitting] + 2; total-2 > width && fitting > 1 {
			break
		}
	}
	line := func(cells []cell, style string) string {
		var out strings.Builder
		for j, c := range cells[:fitting] {
			if j > 0 {
				out.WriteString("  ")
			}
			text := clip(c.text, widths[j])
			pad := strings.Repeat(" ", widths[j]-uniseg.StringWidth(text))
			look := style
			if look == "" && j == 0 {
				look = styleDim
			}
			painted := text
			if look != "" {
				painted = sh.paint(look, text)
			}
			if c.number {
				out.WriteString(pad + painted)
			} else if j < fitting-1 {
				out.WriteString(painted + pad)
			} else {
				out.WriteString(painted)
			}
		}
		return strings.TrimRight(out.String(), " ")
	}
	done := 0
	lines := func(yield func(string) bool) {
		head := make([]cell, len(heads))
		for j, h := range heads {
			head[j] = cell{text: guarded(h)}
		}
		if !yield(line(head, styleKey)) {
			return
		}
		each(func(r record) bool {
			done++
			return yield(line(row(r, done-1), ""))
		})
		if hidden := len(heads) - fitting; hidden > 0 {
			yield(sh.paint(styleDim, fmt.Sprintf("… %s more: %s", plural(hidden, "column"), strings.Join(columns[fitting-1:], ", "))))
		}
	}
	sh.page(lines, func() string {
		return fmt.Sprintf("%s of %s rows more", thousands(uint64(n-done)), thousands(uint64(n)))
	})
	return nil
}

// clip cuts a text to so many columns.
func clip(s string, columns int) string {
	if uniseg.StringWidth(s) <= columns {
		return s
	}
	out, col := "", 0
	graphemes := uniseg.NewGraphemes(s)
	for graphemes.Next() {
		if col += graphemes.Width(); col > columns-1 {
			break
		}
		out += graphemes.Str()
	}
	return out + "…"
}

const treeDepth = 4

// tree draws nested data.
func (sh *shell) tree(v graph.Value) error {
	width, _ := sh.size()
	w := &writer{sh: sh, width: max(width, 20)}
	var draw func(label string, v graph.Value, first, rest string, depth int, yield func(string) bool) bool
	draw = func(label string, v graph.Value, first, rest string, depth int, yield func(string) bool) bool {
		n, size := 0, ""
		switch v.Kind() {
		case graph.KindList:
			n = v.List().Len()
			size = fmt.Sprintf("[%s]", thousands(uint64(n)))
		case graph.KindMap:
			n = v.Map().Len()
			size = fmt.Sprintf("{%s}", thousands(uint64(n)))
		}
		head := sh.paint(styleDim, first) + sh.paint(styleKey, label)
		room := w.width - uniseg.StringWidth(first+label) - 2
		if label != "" {
			head += " "
		}
		if n == 0 || depth >= treeDepth {
			text, ok := w.flat(v, room)
			if !ok && n > 0 {
				text = size + " …"
			} else if !ok {
				text = clip(w.scalar(v), max(room, 8))
			}
			return yield(head + w.colored(text))
		}
		if !yield(head + sh.paint(styleDim, size)) {
			return false
		}
		ok, i := true, 0
		sub := func(label string, x graph.Value) bool {
			branch, below := "├ ", "│ "
			if i++; i == n {
				branch, below = "└ ", "  "
			}
			ok = draw(label, x, rest+branch, rest+below, depth+1, yield)
			return ok
		}
		if v.Kind() == graph.KindMap {
			v.Map().Each(func(key string, x graph.Value) bool { return sub(guarded(cut(key, 60)), x) })
		} else {
			v.List().Each(func(x graph.Value) bool { return sub(fmt.Sprint(i), x) })
		}
		return ok
	}
	sh.page(func(yield func(string) bool) { draw("", v, "", "", 0, yield) }, func() string { return "more" })
	return nil
}

// kindOf describes a value: its kind, and what is in it.
func kindOf(v graph.Value, depth int) string {
	switch v.Kind() {
	case graph.KindList:
		n := v.List().Len()
		if n == 0 {
			return "list, empty"
		}
		kinds := map[string]int{}
		var order []string
		i := 0
		v.List().Each(func(x graph.Value) bool {
			k := x.Kind().String()
			if depth > 0 {
				k = kindOf(x, depth-1)
			}
			if kinds[k]++; kinds[k] == 1 {
				order = append(order, k)
			}
			i++
			return i < 1000 && len(order) < 5
		})
		of := strings.Join(order, " or ")
		if len(order) >= 5 {
			of = "different things"
		}
		return fmt.Sprintf("list of %s: %s", thousands(uint64(n)), of)
	case graph.KindMap:
		if tag, x, ok := v.Map().Only(); ok && tag != "" && tag[0] >= 'A' && tag[0] <= 'Z' {
			if x.Kind() == graph.KindNull {
				return tag
			}
			return tag + " of " + kindOf(x, depth-1)
		}
		if depth <= 0 {
			return "map"
		}
		var fields []string
		v.Map().Each(func(key string, x graph.Value) bool {
			fields = append(fields, guarded(cut(key, 40))+": "+kindOf(x, depth-1))
			return len(fields) < 12
		})
		if n := v.Map().Len(); n > len(fields) {
			fields = append(fields, fmt.Sprintf("… %s more", thousands(uint64(n-len(fields)))))
		}
		return "map {" + strings.Join(fields, ", ") + "}"
	}
	return v.Kind().String()
}
