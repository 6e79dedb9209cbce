// This file tests how values differ, against edit distances that are found in the plainest way.

package repl

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/graph"
)

func TestDiff(t *testing.T) {
	value := func(text string) graph.Value {
		v, err := graph.ParseJSON([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	}
	long := strings.Repeat("é", 200)
	for _, c := range []struct{ a, b, want string }{
		{`1`, `1.0`, ``},
		{`1`, `"1"`, `: -1 +"1"`},
		{`9007199254740993`, `9007199254740992.0`, `: -9007199254740993 +9007199254740992.0`},
		{`123456789012345678901234567890`, `123456789012345678901234567890`, ``},
		{`[1,2,3]`, `[1,2,3]`, ``},
		{`[1,2,3]`, `[1,5,3]`, `.1: -2 +5`},
		{`[1,2,3]`, `[0,1,2,3]`, `.0: +0`},
		{`[1,2,3,4]`, `[1,4]`, `.1: -2; .2: -3`},
		{`[1,2,3,4,5]`, `[9,1,3,4,6]`, `.0: +9; .1: -2; .4: -5 +6`},
		{`{"a":{"b":[1,{"c":1}]},"d":1}`, `{"a":{"b":[1,{"c":2}]},"e":1}`, `.a.b.1.c: -1 +2; .d: -1; .e: +1`},
		{`{"Ok":1}`, `{"Err":2}`, `: -{"Ok":1} +{"Err":2}`},
		{`{"a b":1,"":1,"0":1}`, `{"a b":2,"":2,"0":2}`, `."": -1 +2; ."0": -1 +2; ."a b": -1 +2`},
		{`"a\nb\nc"`, `"a\nc\nd"`, `line 2: -"b"; line 3: +"d"`},
		{`{"t":"a\n"}`, `{"t":"a"}`, `.t line 2: -""`},
		{`"` + long + `x"`, `"` + long + `y"`, `: -…"` + long[:20] + `x" +…"` + long[:20] + `y"`},
		{`[]`, `{}`, `: -[] +{}`},
		{`true`, `false`, `: -true +false`},
		{`null`, `[null]`, `: -null +[null]`},
		{strings.Repeat("[", 150) + "1" + strings.Repeat("]", 150), strings.Repeat("[", 150) + "2" + strings.Repeat("]", 150),
			strings.Repeat(".0", 100) + ": -" + strings.Repeat("[", 50) + "1" + strings.Repeat("]", 50) + " +" + strings.Repeat("[", 50) + "2" + strings.Repeat("]", 50)},
	} {
		found, more := diff(value(c.a), value(c.b), func(v graph.Value) graph.Value { return v })
		var got []string
		for _, d := range found {
			line := d.path + ":"
			for _, x := range d.first {
				line += " -" + x
			}
			for _, x := range d.second {
				line += " +" + x
			}
			got = append(got, line)
		}
		if s := strings.Join(got, "; "); s != c.want || more != 0 {
			t.Errorf("%.60s and %.60s: got %s, %d more, want %s", c.a, c.b, s, more, c.want)
		}
	}
}

// A difference that is large is counted, and found in little time.
func TestDiffLarge(t *testing.T) {
	var a, b graph.ListBuilder
	const n = 200_000
	for i := range n {
		a.Add(graph.Int(int64(i)))
		b.Add(graph.Int(int64(-i - 1)))
	}
	found, more := diff(graph.ListValue(a.List()), graph.ListValue(b.List()), func(v graph.Value) graph.Value { return v })
	if len(found) != diffShown || len(found)+more != n {
		t.Errorf("got %d differences and %d more, want %d", len(found), more, n)
	}
}

// Links are looked into where they are not the same, and only there.
func TestDiffLooks(t *testing.T) {
	link := func(x int64) graph.Value {
		return graph.LinkValue(graph.EncodeCode(&graph.Term{Op: graph.OpLit, Value: graph.Int(x)}, nil).CID)
	}
	looks := 0
	look := func(v graph.Value) graph.Value {
		for x := range int64(3) {
			if v.Link().Equals(link(x).Link()) {
				looks++
				return graph.Int(x)
			}
		}
		t.Fatalf("looked at %s", v.Link())
		return v
	}
	found, _ := diff(graph.NewList(link(0), link(9), link(1)), graph.NewList(link(0), link(9), link(2)), look)
	if fmt.Sprint(found) != "[{.2 [1] [2]}]" || looks != 2 {
		t.Errorf("got %v after %d looks", found, looks)
	}
	if found, _ := diff(graph.NewList(link(1)), graph.NewList(graph.Int(1)), look); len(found) > 0 {
		t.Errorf("got %v, want no difference", found)
	}
}

// gaps leaves out a longest common subsequence.
func TestGaps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		word := func() []byte {
			w := make([]byte, random.IntN(12))
			for i := range w {
				w[i] = "abc"[random.IntN(3)]
			}
			return w
		}
		a, b := word(), word()
		same := func(i, j int) bool { return a[i] == b[j] }
		edits, i, j := 0, 0, 0
		gaps(len(a), len(b), same, func(i2, m, j2, n int) {
			if i2-i != j2-j || string(a[i:i2]) != string(b[j:j2]) || i2 > m || j2 > n || i2 == m && j2 == n {
				t.Fatalf("%s and %s: the gap [%d:%d], [%d:%d] after %d, %d", a, b, i2, m, j2, n, i, j)
			}
			edits += m - i2 + n - j2
			i, j = m, n
		})
		if string(a[i:]) != string(b[j:]) {
			t.Fatalf("%s and %s: %s and %s are left", a, b, a[i:], b[j:])
		}
		// The table of lengths.
		table := make([][]int, len(a)+1)
		for i := range table {
			table[i] = make([]int, len(b)+1)
		}
		for i := range a {
			for j := range b {
				if table[i+1][j+1] = max(table[i][j+1], table[i+1][j]); a[i] == b[j] {
					table[i+1][j+1] = table[i][j] + 1
				}
			}
		}
		if want := len(a) + len(b) - 2*table[len(a)][len(b)]; edits != want {
			t.Fatalf("%s and %s: got %d edits, want %d", a, b, edits, want)
		}
	}
}
