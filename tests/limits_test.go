// This file runs programs too large or too hostile to write down: each must end in its answer or in a message, soon.

package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nested returns open n times, middle, close n times.
func nested(open, middle, end string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
}

// joined returns the n parts that format makes of 0, 1, …, with sep between.
func joined(format, sep string, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, sep)
}

func TestLimits(t *testing.T) {
	const stopped, refused = 4, 2
	// want is the output when exit is 0, else in the message; exit -1 takes any end but a crash.
	for _, c := range []struct {
		name, src string
		exit      int
		want      string
		flags     string
	}{
		{"brackets", nested("(", "1", ")", 1000), 0, "1", ""},
		{"brackets too deep", nested("(", "1", ")", 1001), refused, "1,000", ""},
		{"lists", nested("[", "", "]", 1000), 0, nested("[", "", "]", 1000), ""},
		{"lists too deep", nested("[", "", "]", 1001), refused, "1,000", ""},
		{"lists far too deep", nested("[", "", "]", 100_000), refused, "1,000", ""},
		{"open brackets", strings.Repeat("[", 100_000), refused, "", ""},
		{"closing brackets", strings.Repeat("]", 100_000), refused, "", ""},
		{"maps too deep", nested("{a: ", "1", "}", 100_000), refused, "1,000", ""},
		{"patterns too deep", "match 1 { | " + nested("[", "", "]", 100_000) + " -> 1 }", refused, "1,000", ""},
		{"matches too deep", nested("match 1 { | x -> ", "1", " }", 100_000), refused, "1,000", ""},
		{"interpolation too deep", nested(`"\(`, "1", `)"`, 100_000), refused, "1,000", ""},
		{"try", strings.Repeat("try ", 1000) + "1", 0, nested(`{"Ok":`, "1", "}", 1000), ""},
		{"try too deep", strings.Repeat("try ", 100_000) + "1", refused, "1,000", ""},
		{"lambdas too deep", strings.Repeat(`f \x -> `, 100_000) + "1", refused, "1,000", ""},
		{"minus far too deep", strings.Repeat("- ", 100_000) + "id 1", refused, "1,000", ""},
		{"let in", strings.Repeat("let x = 1 in ", 1000) + "x", 0, "1", ""},
		{"let in too deep", strings.Repeat("let x = 1 in ", 1001) + "x", refused, "1,000", ""},
		{"sum", joined("%d", " + ", 20_000), 0, "199990000", ""},
		{"++", joined("[%d]", " ++ ", 20_000) + " |> length", 0, "20000", ""},
		{"|>", "1" + strings.Repeat(" |> id", 20_000), 0, "1", ""},
		{"&&", strings.Repeat("true && ", 20_000) + "true", 0, "true", ""},
		{"||", strings.Repeat("false || ", 20_000) + "true", 0, "true", ""},
		{"else if", "let f n = " + joined("if n == %d then 1", " else ", 5_000) + " else n\nf 7000", 0, "7000", ""},
		{"long list", "length [" + joined("%d", ", ", 200_000) + "]", 0, "200000", ""},
		{"long map", "length {" + joined("k%d: 1", ", ", 100_000) + "}", 0, "100000", ""},
		{"many definitions", joined("let f%d x = x", "\n", 5_000) + "\nf4999 1", 0, "1", ""},
		{"many arms", "match 4999 { " + joined("| %d -> 1", " ", 4_000) + " | n -> n }", 0, "4999", ""},
		{"a long int", "Text.length (show " + strings.Repeat("7", 200_000) + ")", 0, "200000", ""},
		{"a long text", `Text.length "` + strings.Repeat("x", 5_000_000) + `"`, 0, "5000000", ""},
		{"an open text", `"` + strings.Repeat("x", 5_000_000), refused, "", ""},
		{"an open multi-line text", `"""` + strings.Repeat("x\n", 1_000_000), refused, "", ""},
		{"a long name", strings.Repeat("x", 1_000_000), refused, "unknown", ""},
		{"a long comment", "#" + strings.Repeat("x", 5_000_000) + "\n1", 0, "1", ""},
		{"16 MiB", strings.Repeat(" ", 16<<20-1) + "1", 0, "1", ""},
		{"over 16 MiB", strings.Repeat(" ", 16<<20) + "1", refused, "16 MiB", ""},
		{"50 MB", strings.Repeat("[1, 2]\n", 7_000_000), refused, "16 MiB", ""},
		{"invalid UTF-8", "\"a\xff\"", refused, "UTF-8", ""},
		{"invalid UTF-8 in a comment", "# \xc3\n1", refused, "UTF-8", ""},
		{"a NUL", "1 \x00", refused, "", ""},
		{"a control character in a text", "\"a\x01\"", refused, "", ""},
		{"CRLF", "let x =\r\n  1\r\n\r\n[x, \"\"\"\r\n  a\r\n  b\r\n  \"\"\"]\r\n", 0, `[1,"a\nb"]`, ""},
		{"no final line break", "1 + 1", 0, "2", ""},
		{"255 parameters", `let f` + joined(" x%d", "", 255) + " = x254\nf" + joined(" %d", "", 255), 0, "254", ""},
		{"256 parameters", `let wide` + joined(" x%d", "", 256) + " = x0\n1", refused, "wide", ""},
		{"parameters and captures", `let wide` + joined(" x%d", "", 200) + " = [" + `\` + joined("y%d", " ", 56) + " -> [" + joined("x%d", ", ", 200) + "]]\n1", refused, "255", ""},
		{"a group of 4,097", group(4097), refused, "4096", ""},

		{"1,000,000 deep", "let s n = if n == 0 then 0 else n + s (n - 1)\ns 1000000", 0, "500000500000", "--memory 800MB"},
		{"maps in maps, 100,000 deep", "let build n t = if n == 0 then t else build (n - 1) [t]\nlet depth t = 1 + (map depth t |> fold (+) 0)\ndepth (build 100000 [])", 0, "100001", ""},
		{"folds in folds, 100,000 deep", "let f n = fold (\\a x -> if x == 0 then a else a + f (x - 1)) 1 [n]\nf 100000", 0, "100001", ""},
		{"flatMaps in flatMaps, 100,000 deep", "let f n = flatMap (\\x -> if x == 0 then [7] else f (x - 1)) [n]\nf 100000", 0, "[7]", ""},
		{"sorts in sorts, 100,000 deep", "let f n = if n == 0 then [1] else sortWith (\\a b -> a < b + length (f (n - 1))) [n, n + 1]\nlength (f 100000)", 0, "2", ""},
		{"fuel", "let loop n = loop (n + 1)\nloop 0", stopped, "fuel", "--fuel 1000000"},
		{"fuel in a primitive", "fold (+) 0 (range 1 100000000)", stopped, "fuel", "--fuel 100000"},
		{"no try sees fuel", "let loop n = loop (n + 1)\ntry (loop 0)", stopped, "fuel", "--fuel 1000000"},
		{"deadline", "let loop n = loop (n + 1)\nloop 0", stopped, "deadline", "--deadline 500ms"},
		{"recursion for ever", "let f n = 1 + f (n + 1)\nf 0", stopped, "memory", "--memory 200MB"},
		{"mutual recursion for ever", "let f n = 1 + g n\nlet g n = 1 + f n\nf 0", stopped, "memory", "--memory 200MB"},
		{"allocation for ever", "let f xs = f (xs ++ range 1 1000)\nf []", stopped, "memory", "--memory 200MB"},
		{"captures for ever", `let f g n = f (\x -> g x + n) (n + 1)` + "\nf id 0", stopped, "memory", "--memory 200MB"},
		{"numbers for ever", "let f x = f (x * x)\nf 3", 1, "out of range", "--memory 200MB"},
		{"texts for ever", `let f x = f (x ++ x)` + "\n" + `f "ab"`, stopped, "memory", "--memory 200MB"},
		{"no try sees memory", "let f n = 1 + f (n + 1)\ntry (f 0)", stopped, "memory", "--memory 200MB"},
		{"a callback's recursion for ever", `let f n = map f [n]` + "\nf 0", stopped, "memory", "--memory 200MB"},
		{"a list doubled for ever", "let f xs = f (xs ++ xs)\nf [1]", -1, "", "--memory 200MB --deadline 10s"},
		{"a huge power", "pow 2 (pow 2 70)", 1, "4,000,000 digits", "--memory 200MB"},
		{"a power that would fit", "pow 2 1000000000", 1, "4,000,000 digits", "--memory 2G"},
		{"a huge list", "repeat 1000000000000 0 |> sort |> length", -1, "", "--memory 200MB"},
		{"a huge text", `Text.repeat 1000000000000 "ab" |> Text.reverse |> Text.length`, -1, "", "--memory 200MB"},
		{"a huge padding", `Text.padLeft 1000000000000 " " "ab" |> Text.length`, -1, "", "--memory 200MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "limit.ros"), []byte(c.src), 0o666); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"run", "--as", "json", "--link", "none"}, strings.Fields(c.flags)...)
			start := time.Now()
			out, errText, exit := command(t, dir, append(args, "limit.ros")...)
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			for _, crash := range []string{"goroutine ", "fatal error", "BUG"} {
				if strings.Contains(errText, crash) {
					t.Fatalf("crashed:\n%.3000s", errText)
				}
			}
			if len(errText) > 10_000 {
				t.Errorf("a message of %d bytes, which begins\n%.300s", len(errText), errText)
			}
			switch {
			case c.exit < 0: // whichever limit it meets, or a way around it
			case exit != c.exit:
				t.Errorf("got exit %d and %.200q, want exit %d\n%.1000s", exit, out, c.exit, errText)
			case exit == 0 && strings.TrimSpace(out) != c.want:
				t.Errorf("got %.300q, want %.300q", out, c.want)
			case exit != 0 && !strings.Contains(errText, c.want):
				t.Errorf("want %q in\n%.1000s", c.want, errText)
			}
		})
	}
}

// group returns a recursion group of n members, no two alike.
func group(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "let f%d n = if n < 1 then %d else f%d (n - 1)\n", i, i, (i+1)%n)
	}
	return b.String() + "f0 10\n"
}
