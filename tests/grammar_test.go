// This file tests that editors colour programs as the language reads them.

package tests

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/lang"
)

var tokenClasses = map[lang.TokenClass]string{
	lang.ClassName: "name", lang.ClassTag: "tag", lang.ClassModule: "module", lang.ClassField: "field", lang.ClassKeyword: "keyword",
	lang.ClassConstant: "constant", lang.ClassNumber: "number", lang.ClassText: "text", lang.ClassLink: "link", lang.ClassOperator: "operator",
	lang.ClassBracket: "bracket", lang.ClassPunctuation: "punctuation", lang.ClassComment: "comment", lang.ClassDoc: "doc",
}

// TestGrammar compares the grammar of editors/vscode with lang.Tokens on every program under tests and stdlib, in the
// engine that VS Code uses. Lines with a token that is none do not count, nor what stands after a text that is not closed.
func TestGrammar(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed", tool)
			}
			t.Skipf("NOT TESTED: the grammar of editors/vscode: %s is not installed", tool)
		}
	}
	var input bytes.Buffer
	enc := json.NewEncoder(&input)
	programs, tokens := 0, 0
	for _, root := range []string{".", "../stdlib"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".ros" {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			p := grammarProgram(path, string(src))
			programs, tokens = programs+1, tokens+len(p["tokens"].([][4]any))
			return enc.Encode(p)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// What programs seldom hold.
	enc.Encode(grammarProgram("corners", strings.Join([]string{
		`"a\(f "b\(g (1) ")")c" x`, `"""a "quoted" \("x") \\ \u{1F600}"""`, "\"\"\"\n  b\n\"\"\" y", `"😀" x # é "`, `x.if.0.Some."k k" y'`, `{let: 1, "a": b, Tag: c, ...d}`,
		`@bafyabc/a/0/"b c" / 2`, `(.a.b) (+) (|>) f`, `0xff_f0 0b1_0 1_000.5e-3 x.0.1 -1`, `Text.split Some None Csv.parse`, "## doc\n### no doc\n#! x\nlet f' _ = 1", `[...xs, x, ...Map.map f m, ...Some]`, `x.Text.split`, `let in' = lets`,
		`\x y -> x|>f||g&&h`, `match x { | {a, b: [c, ...d]} as e if a >= b -> c }`,
	}, "\n")))
	if programs < 40 || tokens < 10_000 {
		t.Fatalf("got %d programs with %d tokens", programs, tokens)
	}
	cmd := exec.Command("node", filepath.Join(grammarModules(t), "grammar_check.js"), "../editors/vscode/syntaxes/rosser.tmLanguage.json")
	cmd.Stdin = &input
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if len(out) > 0 {
		t.Errorf("the grammar reads otherwise:\n%.4000s", out)
	}
	t.Log(strings.TrimSpace(stderr.String()))
}

// grammarProgram is a program as grammar_check.js reads it.
func grammarProgram(name, src string) map[string]any {
	src = strings.ReplaceAll(src, "\r\n", "\n")
	lines := strings.Split(src, "\n")
	starts := make([]int, len(lines)+1)
	for i, l := range lines {
		starts[i+1] = starts[i] + len(l) + 1
	}
	tokens := [][4]any{}
	bad := map[int]bool{}
	all := lang.Tokens(src)
	line := 0
	at := func(offset int) int {
		for starts[line+1] <= offset {
			line++
		}
		return line
	}
	for _, tok := range all {
		if tok.Class == lang.ClassBad {
			bad[at(tok.Start)] = true
		}
	}
	line = 0
	for _, tok := range all {
		if tok.Class == lang.ClassBad && strings.Contains(src[tok.Start:tok.End], "\n") {
			break // a text that is never closed
		}
		for from := tok.Start; from < tok.End; { // a text may have lines
			n := at(from)
			to := min(tok.End, starts[n]+len(lines[n]))
			if from < to && !bad[n] && tok.Class != lang.ClassBad {
				tokens = append(tokens, [4]any{n, utf16Len(src[starts[n]:from]), utf16Len(src[starts[n]:to]), tokenClasses[tok.Class]})
			}
			from = to + 1
		}
	}
	return map[string]any{"name": name, "lines": lines, "tokens": tokens}
}

// grammarModules is a folder with the check and what it needs, kept for the next time.
func grammarModules(t *testing.T) string {
	const from = "../editors/vscode"
	sum := sha256.New()
	files := []string{"package.json", "package-lock.json", "grammar_check.js"}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "rosser-tests", fmt.Sprintf("grammar-%x", sum.Sum(nil)[:8]))
	if _, err := os.Stat(filepath.Join(dir, "done")); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("npm: %v\n%s", err, out)
		}
		t.Skipf("NOT TESTED: the grammar of editors/vscode: npm: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "done"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}
