// This file tests what names mean: definitions, uses, what is in scope, renaming.

package lang

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// marked takes the cursor ‸ out of a text.
func marked(src string) (string, int) {
	at := strings.Index(src, "‸")
	return strings.Replace(src, "‸", "", 1), at
}

func TestDefinition(t *testing.T) {
	for _, c := range []struct{ src, want string }{ // want is the place line:column of the definition, or a kind of none
		{"let f x = x‸ + 1", "1:7"},
		{"let f x = f‸ x", "1:5"},
		{"let length = length‸ [1]", "library"},
		{"let g = \\x -> g‸ x", "1:5"},
		{"let a = let x = 1 in x‸ + x", "1:13"},
		{"let a = let x = x‸ in x", "library"},
		{"let a x = let x = x‸ in x", "1:7"},
		{"let a x = let x = x in x‸", "1:15"},
		{"let a = let x y = x‸ y in x", "1:13"},
		{"let a = let f x = g‸ x and g y = f y in f", "1:27"},
		{"let a m = match m { | Some x | Ok x -> x‸ | None -> 0 }", "1:28"},
		{"let a m = match m { | [x, ...rest] if x > 0 -> rest‸ | _ -> [] }", "1:30"},
		{"let a m = match m { | {name, age: n} as p -> p‸.name }", "1:41"},
		{"let a {name} = {name‸}", "1:8"},
		{"let [a, b] = [1, b‸]", "library"},
		{"let a = b‸ + 1\nlet b = 2\na", "2:5"},
		{"let a = 1\na‸", "1:5"},
		{"let a = 1 let b = \na‸", "1:5"},
		{"let broken = (1 +\nlet b = broken‸", "1:5"},
		{"let f xs = xs |> map (\\row -> row‸ +", "1:24"},
		{"let f xs = let n = 1 in xs‸ + (", "1:7"},
		{"let f = \"\\(f‸)\"", "library"},
		{"let f x = Text.len‸gth x", "library"},
		{"let f x = x.na‸me", "none"},
		{"let f x = 12‸3", "none"},
		{"let f = \\y -> (\\y -> y‸)", "1:17"},
		{"let x = 1\nlet f = \\x -> \\y -> x‸", "2:10"},
		{"(\\x -> x) x‸", "library"},
	} {
		src, at := marked(c.src)
		f, _ := Parse("test", []byte(src))
		got := "none"
		if u, ok := Resolve(f).At(at); ok {
			if got = "library"; u.Binding != nil {
				line, col := Position(f, u.Binding.Sites[0].Start)
				got = fmt.Sprintf("%d:%d", line, col)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.src, got, c.want)
		}
	}
}

func TestNamesAt(t *testing.T) {
	for _, c := range []struct{ src, want string }{ // want: innermost first, top-level ones behind the bar
		{"let f x y = ‸x", "y x|f"},
		{"let f x y = x + y  ‸", "y x|f"},
		{"let f x y = x + y\n‸", "|f"},
		{"let f x y = x + y\n  ‸", "y x|f"},
		{"let a = 1\nlet b = ‸2", "|a"},
		{"let f x = let y = 1 in ‸x", "y x|f"},
		{"let f x = let y = ‸1 in x", "x|f"},
		{"let f x = let g y = ‸1 in x", "y g x|f"},
		{"let f x = match x { | Some n -> ‸n | None -> 0 }", "n x|f"},
		{"let f x = match x { | Some n -> n | None -> ‸0 }", "x|f"},
		{"let f x = \\x -> ‸x", "x|f"},
		// Items that are not understood.
		{"let f xs = xs |> ‸", "xs|f"},
		{"let f xs = map (\\x y -> ‸", "y x xs|f"},
		{"let f xs = map (\\x y -> x) (‸", "xs|f"},
		{"let f xs = [\\x -> x, ‸", "xs|f"},
		{"let f xs = let y = 1 in let z = ‸", "y xs|f"},
		{"let f xs = let g a = 1 + in (‸", "g xs|f"},
		{"let f xs = let g a = 1 and h b = (‸", "b h g xs|f"},
		{"let f xs = match xs { | Some {k: v, w} as u -> (‸", "u w v xs|f"},
		{"let f xs = match xs { | Some v -> v | None -> (‸", "xs|f"},
		{"let f xs = \"a\\(\\x -> x)b\\(‸", "xs|f"},
		{"let f xs = (\\‸", "xs|f"},
		{"let a = 1\nlet f xs =\n  xs |>\n  ‸\nlet z = 2", "xs|z f a"},
		{"1 + + 2\nlet f = ‸(", "|f"},
	} {
		src, at := marked(c.src)
		f, _ := Parse("test", []byte(src))
		var local, top []string
		for _, b := range NamesAt(f, at) {
			if b.Kind == BoundTop {
				top = append(top, b.Name)
			} else {
				local = append(local, b.Name)
			}
		}
		if got := strings.Join(local, " ") + "|" + strings.Join(top, " "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.src, got, c.want)
		}
	}
}

func TestRename(t *testing.T) {
	for _, c := range []struct{ src, to, want string }{ // want is the new text, or what the error holds after a !
		{"let f‸ x = f x\nf 1", "g", "let g x = g x\ng 1"},
		{"let f x‸ = {x, y: x}", "n", "let f n = {x: n, y: n}"},
		{"let f {x‸} = x", "n", "let f {x: n} = n"},
		{"let f {k: x‸} = x", "n", "let f {k: n} = n"},
		{"let f m = match m { | Some x‸ | Ok x -> x }", "n", "let f m = match m { | Some n | Ok n -> n }"},
		{"let f x‸ = \\y -> x + y", "y", "!`x` on line 1"},
		{"let f x = \\y‸ -> x + y", "x", "!`x` on line 1"},
		{"let f x‸ y = x", "y", "!stands twice"},
		{"let a‸ = 1\nlet b = 2", "b", "!defined twice"},
		{"let f‸ xs = map f xs", "map", "!`map` on line 1"},
		{"let f‸ xs = xs", "map", "let map xs = xs"},
		{"let a‸ = 1", "let", "!want a name"},
		{"let a‸ = 1", "A", "!want a name"},
		{"let a‸ = 1", "a b", "!want a name"},
		{"let f x = let g‸ y = x in g x", "x", "!would mean something else"},
		{"let total‸ = total [1]", "sum", "let sum = total [1]"},
		{"let x‸ = 1\nlet y = \"\\(x)\" ", "z", "let z = 1\nlet y = \"\\(z)\" "},
	} {
		src, at := marked(c.src)
		f, errs := Parse("test", []byte(src))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		s := Resolve(f)
		u, _ := s.At(at)
		if u.Binding == nil {
			t.Errorf("%s: no binding", c.src)
			continue
		}
		edits, err := s.Rename(u.Binding, c.to)
		got := ApplyEdits(src, edits)
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s to %s: got %v, %q, want an error with %q", c.src, c.to, err, got, want)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s to %s: got %q, %v, want %q", c.src, c.to, got, err, c.want)
		}
	}
}

// A chain of operators takes no stack, and a deep nest little.
func TestScopeDepth(t *testing.T) {
	src := "let f x = " + strings.Repeat("x + ", 200_000) + strings.Repeat("(\\y -> ", 400) + "y" + strings.Repeat(")", 400)
	f, errs := Parse("deep", []byte(src))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if s := Resolve(f); len(s.Uses) != 200_001 || len(s.Bindings) != 402 {
		t.Fatalf("got %d uses and %d bindings", len(s.Uses), len(s.Bindings))
	}
}

// FuzzScopes: no text makes it fail; names lie where they are written; every definition is found from its use.
func FuzzScopes(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src string) {
		file, _ := Parse("fuzz", []byte(src))
		s := Resolve(file)
		for _, u := range s.Uses {
			if text := file.Source[u.Start:u.End]; u.Module == "" && u.Import == nil && text != u.Name {
				t.Fatalf("the use of %s stands at %q", u.Name, text)
			}
		}
		for _, b := range s.Bindings {
			for _, site := range b.Sites {
				if text := file.Source[site.Start:site.End]; text != b.Name {
					t.Fatalf("%s is bound at %q", b.Name, text)
				}
			}
		}
		for at := 0; at <= len(file.Source); at += 1 + len(file.Source)/50 {
			s.NamesAt(at)
			if u, ok := s.At(at); ok && (u.Start > at || u.End < at) {
				t.Fatalf("at %d: got %+v", at, u)
			}
		}
	})
}

// TestScopesOfPrograms: in every program of the tests each use is seen from where it stands.
func TestScopesOfPrograms(t *testing.T) {
	var files []string
	for _, dir := range []string{"../tests/programs", "../tests/bench", "../stdlib"} {
		found, _ := filepath.Glob(dir + "/*.ros")
		files = append(files, found...)
	}
	if len(files) < 10 {
		t.Fatalf("got %d programs", len(files))
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, errs := Parse(name, src)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		s := Resolve(f)
		for _, u := range s.Uses {
			if u.Module != "" || u.Import != nil {
				continue
			}
			seen := s.NamesAt(u.Start)
			i := slices.IndexFunc(seen, func(b *Binding) bool { return b.Name == u.Name })
			var b *Binding
			if i >= 0 {
				b = seen[i]
			}
			if b != u.Binding {
				line, _ := Position(f, u.Start)
				t.Errorf("%s:%d: %s is %v where it is used and %v where it is seen", name, line, u.Name, u.Binding, b)
			}
		}
	}
}

func BenchmarkScopes(b *testing.B) {
	src := ordinary(66_000) // some 2,000 lines
	f, _ := Parse("bench", src)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		s := Resolve(f)
		s.NamesAt(len(src) / 2)
	}
}
