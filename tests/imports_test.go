// This file holds the rule of DESIGN.md ("The path of a program"): imports point down.

package tests

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rosser-lang/rosser"

// Modules that only some packages may depend on.
var (
	database = []string{"github.com/cockroachdb/pebble", "github.com/ipfs/go-ds-", "go.etcd.io/bbolt", "github.com/dgraph-io/badger", "database/sql"}
	boxo     = []string{"github.com/ipfs/boxo"}
	parser   = []string{"github.com/alecthomas/participle"}
	flags    = []string{"github.com/alecthomas/kong"}
	network  = []string{"github.com/libp2p/go-libp2p/p2p", "github.com/libp2p/go-libp2p/config", "github.com/libp2p/go-libp2p/core/network", "github.com/libp2p/go-libp2p/core/host"}
)

func TestImports(t *testing.T) {
	down := func(lists ...[]string) []string { return slices.Concat(lists...) }
	rules := []struct {
		pkg    string
		ours   []string // the packages of this module that it may depend on, directly or not
		denied []string // import path prefixes that it may not depend on
	}{
		{"lang", nil, down(boxo, database, flags, []string{"github.com/ipld/go-ipld-prime"})},
		{"codec", nil, down(boxo, database, parser, flags)},
		{"graph", []string{"codec"}, down(boxo, database, parser, flags)},
		{"graph/storetest", []string{"codec", "graph"}, down(boxo, database, parser, flags)},
		{"graph/store", []string{"codec", "graph"}, down(parser, flags, []string{"github.com/libp2p/go-libp2p/"})},
		{"trust", []string{"codec", "graph", "graph/store"}, down(parser, flags, network)},
		{"compile", []string{"codec", "graph", "lang"}, down(boxo, database, flags)},
		{"media", nil, down(boxo, database, parser, flags, []string{"image", "compress"})},
		{"eval", []string{"codec", "graph", "media"}, down(boxo, database, parser, flags)},
		{"eval/gen", nil, down(boxo, database, parser, flags)},
		{"eval/ucd", nil, down(boxo, database, parser, flags)},
		{"stdlib", []string{"codec", "graph", "lang", "compile", "eval", "media"}, down(boxo, database, flags)},
		{"stdlib/gen", []string{"codec", "graph", "lang", "compile", "eval", "media", "stdlib"}, down(boxo, database, flags)},
		{"repl", []string{"codec", "graph", "graph/store", "lang", "compile", "eval", "media", "start", "stdlib", "repl/edit", "trust"}, down(flags, network)},
		{"repl/edit", nil, down(boxo, parser, flags)},
		{"node", []string{"codec", "graph", "graph/store", "lang", "compile", "eval", "media", "start", "stdlib", "repl", "repl/edit", "trust"}, flags},
		{"start", nil, []string{"golang.org/", "github.com/cockroachdb", "github.com/ipfs", "github.com/libp2p", "encoding/", "net", "text/", "html/"}}, // or it does not come early
		{"lsp", []string{"codec", "graph", "graph/store", "lang", "compile", "eval", "media", "start", "stdlib", "repl", "repl/edit", "trust"}, flags},
	}
	known := []string{module, module + "/tests"}
	for _, r := range rules {
		known = append(known, module+"/"+r.pkg)
		t.Run(strings.ReplaceAll(r.pkg, "/", "."), func(t *testing.T) {
			for _, dep := range deps(t, "-deps", module+"/"+r.pkg) {
				if ours, ok := strings.CutPrefix(dep, module+"/"); ok {
					if ours != r.pkg && !slices.Contains(r.ours, ours) {
						t.Errorf("%s depends on %s", r.pkg, ours)
					}
				}
				for _, prefix := range r.denied {
					if strings.HasPrefix(dep, prefix) {
						t.Errorf("%s depends on %s", r.pkg, dep)
					}
				}
			}
		})
	}
	// Every package has its rule; main is flags and wiring.
	for _, pkg := range deps(t, module+"/...") {
		if !slices.Contains(known, pkg) && !strings.Contains(pkg, "/internal/") && !strings.Contains(pkg, "/examples/") {
			t.Errorf("package %s has no import rule", pkg)
		}
	}
}

// deps returns the import paths that `go list ARGS` prints.
func deps(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		stderr := ""
		if e, ok := err.(*exec.ExitError); ok {
			stderr = string(e.Stderr)
		}
		t.Fatalf("go list %v: %v\n%s", args, err, stderr)
	}
	return strings.Fields(string(out))
}
