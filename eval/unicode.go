// This file reads the tables of Unicode in unicode_table.go: general categories, scripts and full case folding. The simple
// mappings of case are case.go's. Nothing here asks Go's package unicode or x/text, whose tables change with their releases.

package eval

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A propertyRun gives the code points from lo up to the next run the value with the index value.
type propertyRun struct {
	lo    rune
	value int
}

// tableBytes reads a constant of unicode_table.go.
func tableBytes(s string) []byte {
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		panic("BUG: a table of Unicode is damaged: " + err.Error())
	}
	return b
}

// readRuns reads lengths and values from 0 on.
func readRuns(s string) []propertyRun {
	b := tableBytes(s)
	var runs []propertyRun
	for lo := rune(0); len(b) > 0; {
		n, size := binary.Uvarint(b)
		value, more := binary.Uvarint(b[size:])
		b = b[size+more:]
		runs = append(runs, propertyRun{lo, int(value)})
		lo += rune(n)
	}
	return runs
}

var (
	categories = sync.OnceValue(func() []propertyRun { return readRuns(categoryRuns) })
	scripts    = sync.OnceValue(func() []propertyRun { return readRuns(scriptRuns) })
)

// category is the general category of a code point, as "Lu"; "Cn" of one that is not assigned.
func category(r rune) string {
	runs := categories()
	at, found := slices.BinarySearchFunc(runs, r, func(run propertyRun, r rune) int { return int(run.lo - r) })
	if !found {
		at--
	}
	return categoryNames[runs[at].value]
}

// unicodeProperty is the code points of a general category ("Lu", or "L" for all that begin so), of "LC" (Lu, Ll and Lt), or of a script
// ("Greek", "Old_Italic"), as pairs of bounds in order, no two of which touch. Names are the database's, to the letter.
func unicodeProperty(name string) ([]rune, bool) {
	if pairs := pairsOf(scripts(), scriptNames, func(s string) bool { return s == name }); pairs != nil {
		return pairs, true
	}
	pairs := pairsOf(categories(), categoryNames, func(c string) bool {
		return c == name || len(name) == 1 && strings.HasPrefix(c, name) || name == "LC" && (c == "Lu" || c == "Ll" || c == "Lt")
	})
	return pairs, pairs != nil
}

// pairsOf is the bounds of the runs whose value is wanted.
func pairsOf(runs []propertyRun, names []string, wanted func(string) bool) []rune {
	want := make([]bool, len(names))
	for i, name := range names {
		want[i] = wanted(name)
	}
	if !slices.Contains(want, true) {
		return nil
	}
	var pairs []rune
	for i, run := range runs {
		if !want[run.value] {
			continue
		}
		hi := rune(utf8.MaxRune)
		if i+1 < len(runs) {
			hi = runs[i+1].lo - 1
		}
		if n := len(pairs); n > 0 && pairs[n-1]+1 == run.lo {
			pairs[n-1] = hi
		} else {
			pairs = append(pairs, run.lo, hi)
		}
	}
	return pairs
}

// foldings are the code points that full case folding changes, and what they become.
var foldings = sync.OnceValue(func() map[rune]string {
	b := tableBytes(foldRuns)
	all := map[rune]string{}
	for r := rune(0); len(b) > 0; {
		gap, size := binary.Uvarint(b)
		n, more := binary.Uvarint(b[size:])
		b = b[size+more:]
		r += rune(gap)
		becomes := make([]rune, n)
		for i := range becomes {
			d, size := binary.Varint(b)
			b = b[size:]
			becomes[i] = r + rune(d)
		}
		all[r] = string(becomes)
	}
	return all
})
