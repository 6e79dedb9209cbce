// This file tests documentation as text and as HTML, with what a hostileDoc author may have written.

package repl

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// docOf runs `rosser doc` on a store of its own.
func docOf(t *testing.T, dir, target string, names []string, html bool) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Doc(context.Background(), Options{Store: dir, Stdout: &out, Stderr: io.Discard}, target, names, html)
	return out.String(), err
}

const documented = `#!/usr/bin/env rosser
# Halves and doubles.
#
# - halves are floats

## ` + "`half x`" + ` is the half of x: a float, also of an even number, so that what it is does not depend on the number it is given.
##
## - of an int
## - of a float
##
##     let quarter = half >> half
##
## > half 3
## = 1.5
let half x = x / 2

let swap [a, b] = [b, a]
`

const documentedText = `halves.ros

Halves and doubles.

- halves are floats

half x
  ` + "`half x`" + ` is the half of x: a float, also of an even number, so that what it is
  does not depend on the number it is given.

  - of an int
  - of a float

      let quarter = half >> half

    > half 3
    = 1.5
  HALF

swap [a, b]
  SWAP
`

func TestDocText(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "halves.ros")
	if err := os.WriteFile(file, []byte(documented), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := docOf(t, dir, file, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	cids := map[string]string{}
	lines := slices.DeleteFunc(strings.Split(got, "\n"), func(l string) bool { return !strings.HasPrefix(l, "  bafy") })
	if len(lines) != 2 {
		t.Fatalf("got\n%s", got)
	}
	for i, name := range []string{"HALF", "SWAP"} {
		cids[name] = strings.TrimSpace(lines[i])
		got = strings.Replace(got, cids[name], name, 1)
	}
	if want := documentedText; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := docOf(t, dir, cids["HALF"], nil, false); err == nil {
		t.Error("doc has noted what was written of a term")
	}
	if err := Compile(context.Background(), Options{Store: dir, Stdout: io.Discard}, file); err != nil {
		t.Fatal(err)
	}
	one, err := docOf(t, dir, cids["HALF"], nil, false)
	if err != nil || !strings.HasPrefix(one, "half x\n  `half x` is the half of x") {
		t.Errorf("by its CID: got %v\n%s", err, one)
	}
	if got, err := docOf(t, dir, file, []string{"swap"}, false); err != nil || strings.Contains(got, "half") {
		t.Errorf("swap alone: got %v\n%s", err, got)
	}
	for _, c := range []struct {
		target string
		names  []string
		want   string
	}{
		{file, []string{"swop"}, "did you mean swap?"}, {"Txt", nil, "did you mean Text?"}, {"Text", []string{"splitt"}, "does not define"},
		{filepath.Join(dir, "none.ros"), nil, "no such file"},
		{"bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua", nil, "block not found"},
	} {
		if got, err := docOf(t, dir, c.target, c.names, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: got %q, %v, want an error that says %q", c.target, c.names, got, err, c.want)
		}
	}
}

// Lines are as long as the terminal is wide, for words that are not longer.
func TestDocWidth(t *testing.T) {
	for _, target := range []string{"", "Text", "prelude"} {
		m, err := libraryManual(strings.TrimSuffix(target, "prelude"))
		if err != nil {
			t.Fatal(err)
		}
		m.Brief = target == ""
		for _, width := range []int{40, 80, 100} {
			var out bytes.Buffer
			if err := m.text(&out, width, false); err != nil {
				t.Fatal(err)
			}
			for l := range strings.Lines(out.String()) {
				l = strings.TrimSuffix(l, "\n")
				fixed := strings.HasPrefix(l, "  bafy") || strings.HasPrefix(l, "    > ") || strings.HasPrefix(l, "    = ") || m.Brief
				if columns(l) > width && !fixed && strings.Contains(strings.TrimSpace(l), " ") {
					t.Errorf("%q at %d columns: %d in %q", target, width, columns(l), l)
				}
			}
		}
	}
	// A paragraph of one endless word takes time in proportion to its length.
	w := docWriter{width: 80}
	w.parts(docParts(strings.Repeat("`a`", 1<<18)), "")
	if n := w.out.Len(); n != 3<<18+1 {
		t.Errorf("got %d bytes", n)
	}
	if n := columns("añ\u0301漢"); n != 4 {
		t.Errorf("got %d columns, want 4", n)
	}
}

// hostileDoc is what an author may write who wants to do harm.
const hostileDoc = "\x1b[31m`x</code><script>alert(1)</script>` <img src=x onerror=alert(1)> \u202e\n\n    </pre><script>alert(2)</script>\n\n" +
	"> \"</pre><script>\"\n= '\"><svg onload=alert(3)>\n\n- javascript:alert(4) {{.}}"

func TestDocHostile(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lib := store.Library{Names: map[string]cid.Cid{}, About: map[string]cid.Cid{}}
	put := func(b graph.Block) {
		if err := s.Put(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	code := graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, nil)
	put(code)
	for _, name := range []string{"<script>alert(0)<script>", `x" onclick="alert(1)`, "javascript:alert(2)", "</style><script>", "a\x1b]0;title\x07b", "x'", "漢"} {
		name = strings.ReplaceAll(name, "/", "\u2215")
		about := graph.EncodeAbout(graph.About{Name: name, Term: code.CID, Params: []string{"\"><script>", "\x1b[2J"}, Doc: hostileDoc, Source: hostileDoc}, nil)
		put(about)
		lib.Names[name], lib.About[name] = code.CID, about.CID
	}
	// One whose about block tells of something else, and one without.
	sub := graph.EncodeCode(&graph.Term{Op: graph.OpPrim, Name: "num.sub"}, nil)
	other := graph.EncodeAbout(graph.About{Name: "lie", Term: sub.CID, Doc: "a lie"}, nil)
	put(sub)
	put(other)
	lib.Names["lie"], lib.About["lie"], lib.Names["none"] = code.CID, other.CID, code.CID
	p, err := s.PutLibrary(ctx, lib)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := docOf(t, dir, p.Root.String(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(text, "\x1b\x07\u202e") || strings.Contains(text, "a lie") || !strings.Contains(text, "none\n") {
		t.Errorf("got\n%q", text)
	}
	page, err := docOf(t, dir, p.Root.String(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, page)
	if page, err = docOf(t, dir, "", nil, true); err != nil {
		t.Fatal(err)
	}
	checkPage(t, page)
	if n := strings.Count(page, "<article"); n < 100 {
		t.Errorf("got %d articles of the standard library", n)
	}
}

// checkPage sees to it that a page is well formed and has only the elements and attributes that the template writes, and that
// nothing is loaded.
func checkPage(t *testing.T, page string) {
	t.Helper()
	elements := strings.Fields("html head meta title style body div nav h1 h2 h3 ul li a p pre code span article details summary main footer")
	attributes := strings.Fields("lang charset http-equiv content name class id href aria-label")
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	open := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			open++
			if !slices.Contains(elements, e.Name.Local) {
				t.Errorf("got the element %s", e.Name.Local)
			}
			for _, a := range e.Attr {
				if !slices.Contains(attributes, a.Name.Local) || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") {
					t.Errorf("got %s %s=%q", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		case xml.EndElement:
			open--
		}
	}
	if open != 0 {
		t.Errorf("%d elements are not closed", open)
	}
	style, _, _ := strings.Cut(page[strings.Index(page, "<style>"):], "</style>")
	if strings.Contains(style, "url(") || strings.Contains(style, "@import") || strings.ContainsAny(page, "\x1b\u202e") {
		t.Error("the page loads something, or has control characters")
	}
}
