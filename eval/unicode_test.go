// This file tests the tables of Unicode: against the database where it is installed, against Go's package unicode where that has the
// same version, and against their own hash, always.

package eval

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestUnicodeTables(t *testing.T) {
	h := sha256.New()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		fmt.Fprintf(h, "%s %s\n", category(r), foldings()[r])
	}
	for _, s := range scriptNames {
		pairs, _ := unicodeProperty(s)
		fmt.Fprintln(h, s, pairs)
	}
	const want = "71502587dba9429b8417ddce40ee7bd99d045ec57737ae9d71d87ad17bb5f650"
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("the tables have changed: got %s, want %s", got, want)
	}
}

// Pairs of bounds are in order and do not touch, the categories share out all code points, and so do the scripts.
func TestUnicodeProperties(t *testing.T) {
	for _, names := range [][]string{categoryNames, scriptNames, {"L", "M", "N", "P", "S", "Z", "C"}} {
		sum := 0
		for _, name := range names {
			pairs, ok := unicodeProperty(name)
			if !ok || len(pairs)%2 != 0 {
				t.Fatalf("%s: got %v, %v", name, pairs, ok)
			}
			for i := range pairs {
				if i%2 == 1 && pairs[i] < pairs[i-1] || i%2 == 0 && i > 0 && pairs[i] <= pairs[i-1]+1 {
					t.Fatalf("%s: %U does not follow on %U", name, pairs[i], pairs[i-1])
				}
				if i%2 == 1 {
					sum += int(pairs[i]-pairs[i-1]) + 1
				}
			}
		}
		if sum != unicode.MaxRune+1 {
			t.Errorf("%v: got %d code points in all", names[:3], sum)
		}
	}
	for _, name := range []string{"", "l", "Lx", "greek", "Latin1", "LU"} {
		if pairs, ok := unicodeProperty(name); ok {
			t.Errorf("%q: got %v", name, pairs[:2])
		}
	}
}

func TestUnicodeAgainstGo(t *testing.T) {
	if unicode.Version != unicodeVersion {
		t.Skipf("this release of Go has Unicode %s", unicode.Version)
	}
	bounds := func(table *unicode.RangeTable) []rune {
		var pairs []rune
		add := func(lo, hi, stride rune) {
			for r := lo; r <= hi; r += stride {
				end := r
				if stride == 1 {
					end = hi
				}
				if n := len(pairs); n > 0 && pairs[n-1]+1 == r {
					pairs[n-1] = end
				} else {
					pairs = append(pairs, r, end)
				}
				if stride == 1 {
					break
				}
			}
		}
		for _, r := range table.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range table.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		return pairs
	}
	compared := 0
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts} {
		for name, table := range tables {
			if name == "C" || name == "Cn" { // Go's C has been without the unassigned ones
				continue
			}
			got, _ := unicodeProperty(name)
			if want := bounds(table); !slices.Equal(got, want) {
				t.Errorf("%s: got %x, want %x", name, got[:min(20, len(got))], want[:min(20, len(want))])
			}
			compared++
		}
	}
	if want := len(scriptNames) - 1 + len(categoryNames) - 1 + 6; compared < want {
		t.Errorf("compared %d tables, want %d", compared, want)
	}
	// What folds to one code point folds as Go has it: to the same as all of its variants.
	for r, becomes := range foldings() {
		to := []rune(becomes)
		if len(to) > 1 {
			continue
		}
		found := false
		for v := unicode.SimpleFold(r); v != r; v = unicode.SimpleFold(v) {
			found = found || v == to[0]
		}
		if !found {
			t.Errorf("%U folds to %U, which is no variant of it", r, to[0])
		}
	}
}

// The table is what the generator makes of the database.
func TestUnicodeTableIsGenerated(t *testing.T) {
	const folder = "/usr/share/unicode"
	first, err := os.ReadFile(filepath.Join(folder, "CaseFolding.txt"))
	if err != nil || !strings.HasPrefix(string(first), "# CaseFolding-"+unicodeVersion+".") {
		if os.Getenv("CI") == "true" && err != nil {
			t.Fatal(err)
		}
		t.Skipf("NOT TESTED: Unicode %s is not in %s (Debian: unicode-data)", unicodeVersion, folder)
	}
	out, err := exec.Command("go", "run", "./ucd", folder).Output()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = format.Source(out); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("unicode_table.go")
	if err != nil || !bytes.Equal(out, table) {
		t.Error("unicode_table.go is not what eval/ucd writes")
	}
}

func TestFoldAndCategory(t *testing.T) {
	newBench(t, 0).run([]primCase{
		{"text.foldCase", `""`, `""`},
		{"text.foldCase", `"Hello World"`, `"hello world"`},
		{"text.foldCase", `"Straße ẞ"`, `"strasse ss"`},
		{"text.foldCase", `"ΣΑΣ σας"`, `"σασ σασ"`},
		{"text.foldCase", `"ﬁ ŉ İ ǰ"`, "\"fi ʼn i\u0307 j\u030c\""},
		{"text.foldCase", `"K Å ſ"`, `"k å s"`},
		{"text.foldCase", `1`, `wrong kind: {"got":1,"want":"text"}`},
		{"text.category", `"A"`, `"Lu"`},
		{"text.category", `"ǅ"`, `"Lt"`},
		{"text.category", `"٣"`, `"Nd"`},
		{"text.category", `"\u0301"`, `"Mn"`},
		{"text.category", `"\u0000"`, `"Cc"`},
		{"text.category", `"\u0378"`, `"Cn"`},
		{"text.category", `"😀"`, `"So"`},
		{"text.category", `"中"`, `"Lo"`},
		{"text.category", `"\uffff"`, `"Cn"`},
		{"text.category", `""`, `out of range: ""`},
		{"text.category", `"ab"`, `out of range: "ab"`},
		{"text.category", `null`, `wrong kind: {"got":null,"want":"text"}`},
		{"text.trimLeft", `"\u3000 a b \u00a0"`, "\"a b \u00a0\""},
		{"text.trimLeft", `" \n"`, `""`},
		{"text.trimLeft", `""`, `""`},
		{"text.trimRight", `" a b \u2003\r\n"`, `" a b"`},
		{"text.trimRight", `"\t"`, `""`},
		{"text.trimRight", `[]`, `wrong kind: {"got":[],"want":"text"}`},
	})
	if got := category(unicode.MaxRune); got != "Cn" {
		t.Errorf("the last code point is %s", got)
	}
}
