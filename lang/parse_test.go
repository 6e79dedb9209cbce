// This file tests the parser: what it accepts, and that printing is its inverse.

package lang

import (
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const accepted = "testdata/accept.txt"

// cases reads a golden file: a comment, then cases that end with a line ===.
func cases(t testing.TB, name string) (comment string, list []string) {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for strings.HasPrefix(s, "# ") {
		l, rest, _ := strings.Cut(s, "\n")
		comment, s = comment+l+"\n", rest
	}
	list = strings.Split(s, "===\n")
	if list[len(list)-1] != "" {
		t.Fatalf("%s: no === after the last case", name)
	}
	return comment, list[:len(list)-1]
}

func TestAccept(t *testing.T) {
	out, list := cases(t, accepted)
	for _, c := range list {
		src, want, ok := strings.Cut(c, "---\n")
		if !ok {
			t.Fatalf("no --- in\n%s", c)
		}
		f, errs := Parse("case", []byte(src))
		if len(errs) > 0 {
			t.Errorf("%s\n%s", src, errs.Render(false))
			continue
		}
		got := dumpFile(f) + "\n"
		if got != want && !*update {
			t.Errorf("%sgot  %swant %s", src, got, want)
		}
		out += src + "---\n" + got + "===\n"
		checkPrint(t, f)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(accepted, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkPrint checks that printing a file and reading it again gives the same trees, and that each expression can
// also be printed on one line.
func checkPrint(t testing.TB, f *File) {
	t.Helper()
	printed := PrintFile(f)
	again, errs := Parse("printed", []byte(printed))
	if len(errs) > 0 {
		t.Errorf("%s\nis printed as\n%s\n%s", f.Source, printed, errs.Render(false))
		return
	}
	if got, want := dumpFile(again), dumpFile(f); got != want {
		t.Errorf("%s\nis printed as\n%s\ngot  %s\nwant %s", f.Source, printed, got, want)
	}
	if twice := PrintFile(again); twice != printed {
		t.Errorf("%s\nis printed as\n%s\nand then as\n%s", f.Source, printed, twice)
	}
	if f.Body == nil {
		return
	}
	again, errs = Parse("line", []byte(PrintLine(f.Body)))
	if len(errs) > 0 || dump(again.Body) != dump(f.Body) {
		t.Errorf("%s\nis printed as\n%s\n%s", f.Source, PrintLine(f.Body), errs.Render(false))
	}
}

const rejected = "testdata/reject.txt"

func TestReject(t *testing.T) {
	out, list := cases(t, rejected)
	for _, c := range list {
		src, want, ok := strings.Cut(c, "---\n")
		if !ok {
			t.Fatalf("no --- in\n%s", c)
		}
		_, errs := Parse("case", []byte(src))
		got := errs.Render(false) + "\n"
		if errs.Partial() {
			got += "(partial)\n"
		}
		if len(errs) == 0 || got != want && !*update {
			t.Errorf("%sgot\n%swant\n%s", src, got, want)
		}
		out += src + "---\n" + got + "===\n"
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(rejected, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestParallel parses in many goroutines at once: no state is shared.
func TestParallel(t *testing.T) {
	src := ordinary(20_000)
	f, _ := Parse("one", src)
	want := PrintFile(f)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if i%2 == 0 {
				Parse("broken", src[:len(src)/2])
			}
			if f, errs := Parse("many", src); len(errs) > 0 || PrintFile(f) != want {
				t.Errorf("got another tree, or %v", errs)
			}
		})
	}
	wg.Wait()
}
