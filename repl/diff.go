// This file shows how two values differ: the paths at which they do, and what stands there.

package repl

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/rosser-lang/rosser/graph"
)

const (
	diffParts = 1 << 20 // of the values that are looked at
	diffDepth = 100     // to which the values are taken apart
	diffShown = 20      // differences
	diffLines = 10      // of one difference
	diffBytes = 160     // of one line
	diffLooks = 1000    // behind links and lazy values
	diffEdits = 400     // lines or elements that one has and the other has not
)

// A difference is a place where two values differ: what only the first has there, and what only the second has.
type difference struct {
	path          string // from the root, as a program writes it; "" for the root
	first, second []string
}

// A differ takes two values apart side by side. It looks into what is a link or lazy only where the two are not the same.
type differ struct {
	found []difference
	more  int // differences that are not in found
	parts int // compared
	looks int
	look  func(graph.Value) graph.Value
}

// diff is how b differs from a, and how many differences there are beyond those. There may be none although a == b is false,
// if they are too far in. What look finds behind a link or a lazy value may be that itself.
func diff(a, b graph.Value, look func(graph.Value) graph.Value) ([]difference, int) {
	d := &differ{look: look}
	d.walk("", a, b, 0)
	return d.found, d.more
}

func (d *differ) add(path string, first, second []string) {
	if len(d.found) == diffShown {
		d.more++
		return
	}
	d.found = append(d.found, difference{path, first, second})
}

func (d *differ) walk(path string, a, b graph.Value, depth int) {
	if d.same(a, b) {
		return
	}
	if len(d.found) == diffShown {
		d.more++
		return
	}
	if hidden(a) || hidden(b) {
		if a, b = d.behind(a), d.behind(b); d.same(a, b) {
			return
		}
	}
	if depth < diffDepth && a.Kind() == b.Kind() {
		switch a.Kind() {
		case graph.KindList:
			d.lists(path, a.List(), b.List(), depth)
			return
		case graph.KindMap:
			if d.maps(path, a.Map(), b.Map(), depth) {
				return
			}
		case graph.KindText:
			d.texts(path, a.Text(), b.Text())
			return
		}
	}
	d.add(path, []string{briefly(a, diffBytes)}, []string{briefly(b, diffBytes)})
}

func hidden(v graph.Value) bool { return v.Kind() == graph.KindLink || v.Kind() == graph.KindLazy }

func (d *differ) behind(v graph.Value) graph.Value {
	if d.looks++; !hidden(v) || d.looks > diffLooks {
		return v
	}
	return d.look(v)
}

// lists compares lists by the longest run of elements that both have; what stands between two such is paired in order.
func (d *differ) lists(path string, a, b *graph.List, depth int) {
	gaps(a.Len(), b.Len(), func(i, j int) bool { return d.same(a.At(i), b.At(j)) }, func(i, m, j, n int) {
		for ; i < m && j < n; i, j = i+1, j+1 {
			d.walk(fmt.Sprintf("%s.%d", path, j), a.At(i), b.At(j), depth+1)
		}
		for ; i < m; i++ {
			d.add(fmt.Sprintf("%s.%d", path, i), []string{briefly(a.At(i), diffBytes)}, nil)
		}
		for ; j < n; j++ {
			d.add(fmt.Sprintf("%s.%d", path, j), nil, []string{briefly(b.At(j), diffBytes)})
		}
	})
}

// maps compares maps key by key. It does nothing if they have no key in common.
func (d *differ) maps(path string, a, b *graph.Map, depth int) bool {
	shared := false
	a.Each(func(key string, _ graph.Value) bool {
		_, shared = b.Get(key)
		return !shared
	})
	if !shared {
		return false
	}
	for i, j := 0, 0; i < a.Len() || j < b.Len(); {
		var k, l string
		var x, y graph.Value
		if i < a.Len() {
			k, x = a.At(i)
		}
		if j < b.Len() {
			l, y = b.At(j)
		}
		switch {
		case j == b.Len() || i < a.Len() && k < l:
			d.add(path+segment(k), []string{briefly(x, diffBytes)}, nil)
			i++
		case i == a.Len() || l < k:
			d.add(path+segment(l), nil, []string{briefly(y, diffBytes)})
			j++
		default:
			d.walk(path+segment(k), x, y, depth+1)
			i, j = i+1, j+1
		}
	}
	return true
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_']*$`)

// segment is a key in a path.
func segment(key string) string {
	if plainKey.MatchString(key) && len(key) <= shownBytes {
		return "." + key
	}
	return "." + briefly(graph.Text(key), shownBytes)
}

// texts compares texts of several lines line by line, and others from shortly before the first difference on.
func (d *differ) texts(path string, a, b string) {
	if strings.Contains(a, "\n") || strings.Contains(b, "\n") {
		x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
		gaps(len(x), len(y), func(i, j int) bool { return x[i] == y[j] }, func(i, m, j, n int) {
			at := fmt.Sprintf("%s line %d", path, j+1)
			d.add(strings.TrimSpace(at), quoted(x[i:m]), quoted(y[j:n]))
		})
		return
	}
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	if from > shownBytes && max(len(a), len(b)) > diffBytes {
		from -= shownBytes / 2
		for from > 0 && a[from]&0xc0 == 0x80 {
			from--
		}
		d.add(path, []string{"…" + briefly(graph.Text(a[from:]), diffBytes)}, []string{"…" + briefly(graph.Text(b[from:]), diffBytes)})
		return
	}
	d.add(path, []string{briefly(graph.Text(a), diffBytes)}, []string{briefly(graph.Text(b), diffBytes)})
}

func quoted(lines []string) []string {
	var texts []string
	for i, l := range lines {
		if i == diffLines {
			return append(texts, fmt.Sprintf("… %d lines more", len(lines)-i))
		}
		texts = append(texts, briefly(graph.Text(l), diffBytes))
	}
	return texts
}

// same says whether two values are equal as far as they are in memory. What differs when too much has been looked at counts as
// different.
func (d *differ) same(a, b graph.Value) bool {
	type pair struct{ a, b graph.Value }
	stack := []pair{{a, b}}
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if d.parts++; d.parts > diffParts {
			return false
		}
		a, b := p.a, p.b
		if a.Same(b) {
			continue
		}
		if a.Kind() != b.Kind() {
			if x, y := exact(a), exact(b); x == nil || y == nil || x.Cmp(y) != 0 {
				return false
			}
			continue
		}
		switch a.Kind() {
		case graph.KindInt:
			if a.BigInt().Cmp(b.BigInt()) != 0 {
				return false
			}
		case graph.KindBool, graph.KindFloat:
			return false // equal ones are the same
		case graph.KindNull:
		case graph.KindText:
			if a.Text() != b.Text() {
				return false
			}
		case graph.KindBytes:
			if string(a.Bytes()) != string(b.Bytes()) {
				return false
			}
		case graph.KindLink:
			if !a.Link().Equals(b.Link()) {
				return false
			}
		case graph.KindList:
			x, y := a.List(), b.List()
			if x.Len() != y.Len() || x.Len() > diffParts-d.parts {
				return false
			}
			i := 0
			x.Each(func(v graph.Value) bool {
				stack = append(stack, pair{v, y.At(i)})
				i++
				return true
			})
		case graph.KindMap:
			x, y := a.Map(), b.Map()
			if x.Len() != y.Len() || x.Len() > diffParts-d.parts {
				return false
			}
			for i := range x.Len() {
				k, v := x.At(i)
				l, w := y.At(i)
				if k != l {
					return false
				}
				stack = append(stack, pair{v, w})
			}
		case graph.KindFn, graph.KindLazy:
			if briefly(a, diffBytes) != briefly(b, diffBytes) { // the link to its code
				return false
			}
		}
	}
	return true
}

// exact is a number, nil of what is none.
func exact(v graph.Value) *big.Float {
	switch v.Kind() {
	case graph.KindInt:
		return new(big.Float).SetInt(v.BigInt())
	case graph.KindFloat:
		return big.NewFloat(v.Float())
	}
	return nil
}

// gaps finds a longest common subsequence of two sequences and calls f with each stretch between its parts: i up to m of the
// first, j up to n of the second. E. Myers, An O(ND) difference algorithm and its variations, 1986. Where more than diffEdits
// are in only one, all but what both begin and end with is one gap.
func gaps(n, m int, same func(i, j int) bool, f func(i, m, j, n int)) {
	start := 0
	for start < n && start < m && same(start, start) {
		start++
	}
	for n > start && m > start && same(n-1, m-1) {
		n, m = n-1, m-1
	}
	if start == n && start == m {
		return
	}
	i, j := start, start
	for _, p := range matches(start, n, m, same) {
		if p[0] > i || p[1] > j {
			f(i, p[0], j, p[1])
		}
		i, j = p[0]+1, p[1]+1
	}
	if i < n || j < m {
		f(i, n, j, m)
	}
}

// matches are the pairs of a longest common subsequence of start up to n and start up to m.
func matches(start, n, m int, same func(i, j int) bool) [][2]int {
	n, m = n-start, m-start
	if n == 0 || m == 0 {
		return nil
	}
	var rounds [][]int // of each number of edits e, how far each diagonal -e, -e+2 … e comes
	far := []int{0, 0, 0}
	for e := 0; e <= min(n+m, diffEdits); e++ {
		next := make([]int, 2*e+3) // diagonal k is at k+e+1
		for k := -e; k <= e; k += 2 {
			x := 0
			if e > 0 {
				if k == -e || k < e && far[k-1+e] < far[k+1+e] {
					x = far[k+1+e]
				} else {
					x = far[k-1+e] + 1
				}
			}
			y := x - k
			for x < n && y >= 0 && y < m && same(start+x, start+y) {
				x, y = x+1, y+1
			}
			next[k+e+1] = x
			if x >= n && y >= m {
				return trail(append(rounds, next), start, n, m)
			}
		}
		rounds, far = append(rounds, next), next
	}
	return nil
}

// trail walks back from the end through the rounds and gives the pairs that were passed.
func trail(rounds [][]int, start, x, y int) [][2]int {
	var pairs [][2]int
	for e := len(rounds) - 1; e >= 0; e-- {
		k := x - y
		px, py := 0, 0
		if e > 0 {
			far := rounds[e-1] // diagonal k is at k+e
			if k == -e || k < e && far[k-1+e] < far[k+1+e] {
				px = far[k+1+e]
				py = px - (k + 1)
			} else {
				px = far[k-1+e]
				py = px - (k - 1)
			}
		}
		for x > px && y > py {
			x, y = x-1, y-1
			pairs = append(pairs, [2]int{start + x, start + y})
		}
		x, y = px, py
	}
	for i, j := 0, len(pairs)-1; i < j; i, j = i+1, j-1 {
		pairs[i], pairs[j] = pairs[j], pairs[i]
	}
	return pairs
}
