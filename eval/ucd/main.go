// Command ucd writes eval/unicode_table.go from the Unicode Character Database: of Debian's package unicode-data, say.
//
//	go run ./eval/ucd /usr/share/unicode > eval/unicode_table.go
//
// The version is the one that the primitives promise; another needs primitives of other names.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const version = "15.0.0"

const codePoints = 0x110000

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./eval/ucd FOLDER > eval/unicode_table.go")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// An entry is a line of a file of the database: a range of code points and the fields after it.
type entry struct {
	lo, hi int
	fields []string
}

// read gives the entries of a file.
func read(folder, name string) ([]entry, error) {
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var entries []entry
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Split(line, ";")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if n == 1 && name != "UnicodeData.txt" && !strings.Contains(lines.Text(), "-"+version+".") {
			return nil, fmt.Errorf("%s: got %q, want version %s", file.Name(), lines.Text(), version)
		}
		if fields[0] == "" {
			continue
		}
		first, last, isRange := strings.Cut(fields[0], "..")
		if !isRange {
			last = first
		}
		lo, err := strconv.ParseUint(first, 16, 32)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file.Name(), n, err)
		}
		hi, err := strconv.ParseUint(last, 16, 32)
		if err != nil || lo > hi || hi >= codePoints {
			return nil, fmt.Errorf("%s:%d: got %q, want a range of code points", file.Name(), n, fields[0])
		}
		entries = append(entries, entry{int(lo), int(hi), fields[1:]})
	}
	return entries, lines.Err()
}

func write(folder string) error {
	categories, err := categoryTable(folder)
	if err != nil {
		return err
	}
	scripts, err := scriptTable(folder)
	if err != nil {
		return err
	}
	folds, err := foldTable(folder)
	if err != nil {
		return err
	}
	fmt.Printf(`// This file holds tables of Unicode %s, which `+"`go run ./eval/ucd /usr/share/unicode`"+` wrote; unicode.go reads them.
//
// They come from the Unicode Character Database. Copyright © 1991-2022 Unicode, Inc. All rights reserved. Distributed under the
// Terms of Use in https://www.unicode.org/copyright.html: permission is granted, free of charge, to use, copy, modify, merge,
// publish, distribute and sell the data files, provided that this notice appears with all copies of them.

package eval

`, version)
	fmt.Printf("const unicodeVersion = %q\n\n", version)
	names(categories)
	runs("categoryRuns", categories)
	names(scripts)
	runs("scriptRuns", scripts)
	data("foldRuns", folds)
	return nil
}

// A table gives every code point one of some values by its index.
type table struct {
	what   string
	values []string
	of     [codePoints]int
}

func (t *table) set(e entry, value string) {
	i := slices.Index(t.values, value)
	if i < 0 {
		i = len(t.values)
		t.values = append(t.values, value)
	}
	for r := e.lo; r <= e.hi; r++ {
		t.of[r] = i
	}
}

func categoryTable(folder string) (*table, error) {
	t := &table{what: "categoryNames", values: []string{"Cn"}}
	entries, err := read(folder, "UnicodeData.txt")
	for i, e := range entries {
		if strings.HasSuffix(e.fields[0], ", Last>") {
			e.lo = entries[i-1].lo
		}
		t.set(e, e.fields[1])
	}
	return t, err
}

func scriptTable(folder string) (*table, error) {
	t := &table{what: "scriptNames", values: []string{"Unknown"}}
	entries, err := read(folder, "Scripts.txt")
	for _, e := range entries {
		t.set(e, e.fields[0])
	}
	return t, err
}

// foldTable is the full case folding: how far beyond the one before a code point is, how many it becomes, and those, as
// distances from it.
func foldTable(folder string) ([]byte, error) {
	var out []byte
	at := 0
	entries, err := read(folder, "CaseFolding.txt")
	for _, e := range entries {
		if status := e.fields[0]; status != "C" && status != "F" {
			continue
		}
		becomes := strings.Fields(e.fields[1])
		out = binary.AppendUvarint(out, uint64(e.lo-at))
		out = binary.AppendUvarint(out, uint64(len(becomes)))
		for _, b := range becomes {
			r, err := strconv.ParseUint(b, 16, 32)
			if err != nil {
				return nil, err
			}
			out = binary.AppendVarint(out, int64(r)-int64(e.lo))
		}
		at = e.lo
	}
	return out, err
}

func names(t *table) {
	fmt.Printf("// %s are the values that %s counts.\nvar %s = []string{\n", t.what, strings.TrimSuffix(t.what, "Names")+"Runs", t.what)
	line := "\t"
	for i, v := range t.values {
		line += strconv.Quote(v) + ","
		if len(line) > 110 || i == len(t.values)-1 {
			fmt.Println(line)
			line = "\t"
		} else {
			line += " "
		}
	}
	fmt.Print("}\n\n")
}

// runs writes how many code points in a row have a value, and its index, from 0 on.
func runs(name string, t *table) {
	var out []byte
	for r := 0; r < codePoints; {
		n := 1
		for r+n < codePoints && t.of[r+n] == t.of[r] {
			n++
		}
		out = binary.AppendUvarint(out, uint64(n))
		out = binary.AppendUvarint(out, uint64(t.of[r]))
		r += n
	}
	data(name, out)
}

// data writes bytes as a constant in base64.
func data(name string, b []byte) {
	text := base64.RawStdEncoding.EncodeToString(b)
	fmt.Printf("const %s = \"\" +\n", name)
	for len(text) > 120 {
		fmt.Printf("\t%q +\n", text[:120])
		text = text[120:]
	}
	fmt.Printf("\t%q\n\n", text)
}
