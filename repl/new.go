// This file makes a new project, and says which version of the program this is.

package repl

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/rosser-lang/rosser/eval"
)

// project holds the files of a new project. NAME in them is its name; gitignore becomes .gitignore.
//
//go:embed project
var project embed.FS

var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// New is `rosser new`: it makes a folder with a small project that works.
func New(_ context.Context, o Options, name string) (err error) {
	if !projectName.MatchString(name) {
		return Misuse(fmt.Errorf("got the name %.70q, want letters, digits, `.`, `_` and `-`, 64 at most, the first a letter or digit", name))
	}
	if err := os.Mkdir(name, 0o777); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s is there already", name)
		}
		return Misuse(err)
	}
	var made []string
	defer func() {
		if err != nil { // leave nothing half done
			for _, path := range made {
				os.Remove(path)
			}
			os.Remove(name)
		}
	}()
	entries, err := project.ReadDir("project")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := project.ReadFile("project/" + e.Name())
		if err != nil {
			return err
		}
		target := e.Name()
		if target == "gitignore" {
			target = ".gitignore"
		}
		path := filepath.Join(name, target)
		made = append(made, path)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "NAME", name)), 0o666); err != nil {
			return Misuse(err)
		}
	}
	out := o.Stdout
	if out == nil {
		out = os.Stdout
	}
	_, err = fmt.Fprintf(out, "%s\nTry:\n  cd %s\n  rosser run main.ros\n  rosser test\n", strings.Join(made, "\n"), name)
	return err
}

// Version writes which program this is, a line each: its version, the evaluator's, Go's, and the system it was built for.
func Version(w io.Writer) error {
	_, err := fmt.Fprintln(w, VersionText())
	return err
}

// VersionText is what Version writes.
func VersionText() string {
	return fmt.Sprintf("rosser %s\nevaluator %s\n%s\n%s/%s", version(), eval.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// version is the module's version, else the revision that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	if revision == "" {
		return "unreleased"
	}
	return revision + changed
}
