// This file fuzzes the parser and the printer.

package lang

import (
	"strings"
	"testing"
	"time"
)

func seeds(f *testing.F) {
	for _, name := range []string{accepted, rejected} {
		_, list := cases(f, name)
		for _, c := range list {
			src, _, _ := strings.Cut(c, "---\n")
			f.Add(src)
		}
	}
	f.Add(string(ordinary(1000)))
	f.Add("\"a\\\f\"") // an escape of a control character, which no message shows as it is
	f.Add("let x = (\n\"a\\(\nlet y = \"\"\"\n \\(")
}

// FuzzParse: Parse neither hangs nor panics, its spans lie in the source, and every error can be shown.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		start := time.Now()
		file, errs := Parse("fuzz", []byte(src))
		if took := time.Since(start); took > 2*time.Second+time.Duration(len(src))*10*time.Microsecond {
			t.Errorf("took %v for %d bytes", took, len(src))
		}
		for i, e := range errs {
			if e.Span.Start < 0 || e.Span.Start > e.Span.End || e.Span.End > len(file.Source) {
				t.Errorf("%v: got the span %v of %d bytes", e, e.Span, len(file.Source))
			}
			if i > 0 && errs[i-1].Span.Start > e.Span.Start {
				t.Errorf("errors out of order: %v", errs)
			}
			if s := e.Render(true); !strings.Contains(s, Clean(e.Message)) {
				t.Errorf("got %q", s)
			}
		}
		var items strings.Builder
		for _, item := range Split(src, 0) {
			items.WriteString(item)
		}
		if !strings.HasPrefix(strings.ReplaceAll(strings.TrimPrefix(src, "\uFEFF"), "\r\n", "\n"), items.String()) {
			t.Errorf("the items are not the source: %q", items.String())
		}
	})
}

// FuzzPrint: what is printed is read as the same trees, and printed the same way again.
func FuzzPrint(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		file, errs := Parse("fuzz", []byte(src))
		if len(errs) > 0 || len(src) > 10_000 {
			return
		}
		checkPrint(t, file)
	})
}
