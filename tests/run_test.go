// This file runs the programs of tests/lang and compares what they print.

package tests

// A file tests/lang/TOPIC.ros is a list of cases. A case is a program and, under it, what it prints, each line after
// one tab; blank lines inside a program do not matter. It is run as `rosser run --as json`, exit code 0.
//
//	let x = 20
//	x + 1
//		21
//
// A program that must fail has no output. The line at fault ends in a comment `#N text` instead, where N is the exit
// code: 1 the program's error, 2 a mistake in the source, 3 a block that cannot be had, 4 stopped. The case ends at
// the next blank line. The message holds text and names that line (only the exit code and text count for 3 and 4);
// when a source has several mistakes, each has its marker, and no others are reported.
//
//	1 // 0 #1 divide by zero
//
// Programs may import ./lib/*.ros. -update rewrites the outputs, never the markers.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// evalProgram runs src as the file name in dir.
func evalProgram(t *testing.T, dir, name, src string) (stdout, stderr string, exit int) {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	return command(t, dir, "run", "--as", "json", "--link", "none", name)
}

// A testCase is one case of a file: lines[start:end] its program, the output after it.
type testCase struct {
	start, end int
	want       string // without the tabs
	exit       int
	markers    []marker
}

type marker struct {
	line int // from 1, in the file
	text string
}

var (
	markerRE   = regexp.MustCompile(`\s#([1-4]) (.+)$`)
	positionRE = regexp.MustCompile(`(?m)^(?:rosser: )?\S+\.ros:(\d+):(\d+): ?(.*)$`)
)

// parseCases splits a file.
func parseCases(t *testing.T, lines []string) (cases []testCase) {
	var c testCase
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if m := markerRE.FindStringSubmatch(line); m != nil && line[0] != '\t' {
			c.exit = int(m[1][0] - '0')
			c.markers = append(c.markers, marker{i + 1, m[2]})
		}
		switch {
		case strings.HasPrefix(line, "\t"):
			c.end = i
			for ; i < len(lines) && strings.HasPrefix(lines[i], "\t"); i++ {
				c.want += lines[i][1:] + "\n"
			}
			if c.exit != 0 {
				t.Fatalf("line %d: a case has both an output and a marker", i)
			}
			cases = append(cases, c)
			c = testCase{start: i}
			i--
		case strings.TrimSpace(line) == "" && c.exit != 0:
			c.end = i
			cases = append(cases, c)
			c = testCase{start: i}
		}
	}
	if strings.TrimSpace(strings.Join(lines[c.start:], "")) != "" {
		t.Fatalf("line %d: the last case has no output", c.start+1)
	}
	return cases
}

func TestLang(t *testing.T) {
	files, _ := filepath.Glob("lang/*.ros")
	if len(files) < 20 {
		t.Fatalf("got %d files in lang, want at least 20", len(files))
	}
	lib, _ := filepath.Abs("lang/lib")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".ros"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.Symlink(lib, filepath.Join(dir, "lib")); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(data), "\n")
			updated, last := []string{}, 0
			for _, c := range parseCases(t, lines) {
				// The program stands at its own lines, so that messages name the line in file.
				src := strings.Repeat("\n", c.start) + strings.Join(lines[c.start:c.end], "\n") + "\n"
				out, errText, exit := evalProgram(t, dir, filepath.Base(file), src)
				if !checkCase(t, file, c, out, errText, exit) && c.exit == 0 && exit == 0 {
					updated = append(updated, lines[last:c.end]...)
					updated = append(updated, "\t"+strings.ReplaceAll(strings.TrimSuffix(out, "\n"), "\n", "\n\t"))
					last = c.end + strings.Count(c.want, "\n")
				}
			}
			if *update && last > 0 {
				updated = append(updated, lines[last:]...)
				if err := os.WriteFile(file, []byte(strings.Join(updated, "\n")), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// checkCase reports whether a case went as it should.
func checkCase(t *testing.T, file string, c testCase, out, errText string, exit int) bool {
	fail := func(format string, args ...any) bool {
		t.Errorf("%s:%d: %s\n%.1500s", file, c.end, fmt.Sprintf(format, args...), errText)
		return false
	}
	if exit != c.exit {
		return fail("got exit %d and %.400q, want exit %d and %q", exit, out, c.exit, c.want)
	}
	if exit == 0 && out != c.want {
		return fail("got %.2000q, want %q", out, c.want)
	}
	found := positionRE.FindAllStringSubmatch(errText, -1)
	for i, m := range c.markers {
		if exit <= 2 && (i >= len(found) || found[i][1] != fmt.Sprint(m.line)) {
			return fail("want %q at line %d", m.text, m.line)
		}
		if exit == 2 && !strings.Contains(found[i][3], m.text) || !strings.Contains(errText, m.text) {
			return fail("want %q at line %d", m.text, m.line)
		}
	}
	if exit == 2 && len(found) != len(c.markers) {
		return fail("got %d errors, want %d", len(found), len(c.markers))
	}
	return true
}
