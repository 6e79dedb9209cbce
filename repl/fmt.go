// This file holds the command that formats source.

package repl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rosser-lang/rosser/lang"
)

// Fmt is `rosser fmt`: it prints one file formatted, or with write rewrites files, or with check lists those that are not
// formatted. A folder stands for the .ros files in it and below, - for standard input.
func Fmt(o Options, files []string, write, check bool) error {
	f := formatter{out: o.Stdout, err: o.Stderr, write: write, check: check}
	if f.out == nil {
		f.out = os.Stdout
	}
	if f.err == nil {
		f.err = os.Stderr
	}
	var all []string
	for _, name := range files {
		if name == "-" && write {
			return Misuse(errors.New("standard input cannot be written to; without -w the formatted source is printed"))
		}
		found, err := sources(name)
		if err != nil {
			f.failed(err)
		}
		all = append(all, found...)
	}
	if !write && !check && len(all) != 1 && f.failures == 0 {
		return Misuse(fmt.Errorf("got %d files to print, want one; --check lists what would change, -w rewrites files", len(all)))
	}
	for _, name := range all {
		f.file(name)
	}
	switch {
	case len(f.mistakes) > 0:
		return f.mistakes
	case f.failures > 0:
		return Misuse(fmt.Errorf("%d of %d not done", f.failures, max(len(all), f.failures)))
	case f.unformatted > 0:
		return &failure{exitProgram, fmt.Errorf("%d of %d not formatted", f.unformatted, len(all))}
	}
	return nil
}

// sources gives the files that a name on the command line stands for.
func sources(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return []string{name}, err
	}
	var found []string
	err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != name && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".ros"):
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

// A formatter formats one file after another.
type formatter struct {
	out, err     io.Writer
	write, check bool
	mistakes     lang.Errors
	failures     int
	unformatted  int
}

func (f *formatter) failed(err error) {
	f.failures++
	fmt.Fprintln(f.err, "rosser:", err)
}

func (f *formatter) file(name string) {
	src, err := (&Options{}).readSource(name)
	if err != nil {
		f.failed(err)
		return
	}
	text, errs := lang.Format(name, src)
	same := text == string(src)
	switch {
	case len(errs) > 0:
		f.mistakes = append(f.mistakes, errs...)
	case f.check && !same:
		f.unformatted++
		_, err = fmt.Fprintln(f.out, name)
	case f.write && !same:
		err = replaceFile(name, src, text)
	case !f.check && !f.write:
		_, err = io.WriteString(f.out, text)
	}
	if err != nil {
		f.failed(err)
	}
}

// replaceFile gives a file that holds old a new text, all of it or none, and keeps its mode. A link stays a link.
func replaceFile(name string, old []byte, text string) (err error) {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0) // refused where the file may not be written
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a file that can be rewritten", name)
	}
	now, err := io.ReadAll(io.LimitReader(file, int64(len(old))+1))
	if err != nil {
		return err
	}
	if !bytes.Equal(now, old) {
		return fmt.Errorf("%s: changed while it was formatted", name)
	}
	next, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		next.Close()
		if err != nil {
			os.Remove(next.Name())
		}
	}()
	if _, err = next.WriteString(text); err != nil {
		return err
	}
	if err = next.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if err = next.Sync(); err != nil {
		return err
	}
	if err = next.Close(); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
