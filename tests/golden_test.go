// This file holds the promises: what blocks a program becomes, the CIDs of its expression and result, and its steps.
//
// tests/golden/*.ros have the form of tests/lang (run_test.go). The output of a case in code.ros is blocks derived by
// hand from DESIGN.md: `NAME twin` says that the block of the definition NAME (or one that another mentions) is the
// DAG-JSON twin, in which {"/":"NAME"} is a link to NAME's block; compiling must give the same CIDs. The output of a case
// in any other file is the facts about its run, as goldenFacts writes them; -update rewrites those. What is long is cut
// (see cut).

package tests

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-car/v2"
	"github.com/ipld/go-ipld-prime"
	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/codec/dagjson"
	"github.com/ipld/go-ipld-prime/datamodel"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/ipld/go-ipld-prime/traversal"
	"github.com/multiformats/go-multihash"
)

// statRE matches what --stats says: `expression CID`, `result CID`, `steps N`, one a line.
var statRE = regexp.MustCompile(`(?m)^\s*(expression|result|steps):?\s+(\S+)`)

// stats returns the facts that --stats printed.
func stats(stderr string) map[string]string {
	facts := map[string]string{}
	for _, m := range statRE.FindAllStringSubmatch(stderr, -1) {
		facts[m[1]] = m[2]
	}
	return facts
}

func stepsOf(stderr string) int64 {
	n, _ := strconv.ParseInt(strings.NewReplacer("_", "", ",", "").Replace(stats(stderr)["steps"]), 10, 64)
	return n
}

// goldenCases returns the cases of every file of tests/golden but code.ros.
func goldenCases(t *testing.T) map[string][]testCase {
	files, _ := filepath.Glob("golden/*.ros")
	cases := map[string][]testCase{}
	for _, file := range files {
		if filepath.Base(file) != "code.ros" {
			cases[file] = parseCases(t, fileLines(t, file))
		}
	}
	if len(cases) == 0 {
		t.Fatal("no golden programs")
	}
	return cases
}

func fileLines(t *testing.T, file string) []string {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")
}

func source(lines []string, c testCase) string {
	return strings.Trim(strings.Join(lines[c.start:c.end], "\n"), "\n") + "\n"
}

// runFacts runs a program and returns the facts that hold on every processor.
func runFacts(t *testing.T, binary []string, dir, src string) (facts, expression string) {
	if err := os.WriteFile(filepath.Join(dir, "golden.ros"), []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	out, errText, exit := commandOf(t, binary, dir, "run", "--as", "json", "--link", "all", "--stats", "golden.ros")
	if exit > 1 {
		t.Errorf("got exit %d, want 0 or 1\n%s\n%.1000s", exit, src, errText)
	}
	s := stats(errText)
	for _, name := range []string{"expression", "result", "steps"} {
		if s[name] == "" {
			t.Fatalf("--stats does not tell %s\n%s", name, errText)
		}
	}
	if exit == 1 {
		out = "an error"
	}
	return fmt.Sprintf("expression %s\nresult %s\nsteps %s\nvalue %s\n", s["expression"], s["result"], s["steps"], cut(strings.TrimSpace(out))), s["expression"]
}

// cut returns a text of at most some hundred bytes: the start of a longer one, its length and its hash.
func cut(text string) string {
	if len(text) <= 800 {
		return text
	}
	return fmt.Sprintf("%s… %d bytes, sha256 %x", strings.ToValidUTF8(text[:400], ""), len(text), sha256.Sum256([]byte(text)))
}

// goldenFacts adds to runFacts the expression's own blocks and the Result: CID, bytes in hex, and their twin in DAG-JSON.
// The twin is go-ipld-prime's, which writes 1.0 as 1.
func goldenFacts(t *testing.T, dir, src string) string {
	facts, expression := runFacts(t, []string{rosser}, dir, src)
	if _, errText, exit := command(t, dir, "export", expression, "out.car"); exit != 0 {
		t.Fatalf("export %s: exit %d\n%s", expression, exit, errText)
	}
	file, err := os.Open(filepath.Join(dir, "out.car"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := car.NewBlockReader(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]byte{}
	for {
		b, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks[b.Cid().String()] = b.RawData()
	}
	// Depth first, each block once, so that the order does not depend on the CAR's.
	var text strings.Builder
	block := func(c string) datamodel.Node {
		data, ok := blocks[c]
		if !ok {
			t.Fatalf("the CAR of %s lacks %s", expression, c)
		}
		node, err := ipld.DecodeUsingPrototype(data, dagcbor.Decode, basicnode.Prototype.Any)
		if err != nil {
			t.Fatalf("block %s: %v", c, err)
		}
		twin, err := ipld.Encode(node, dagjson.Encode)
		if err != nil && strings.Contains(err.Error(), "out of range of int64") {
			twin, err = []byte("go-ipld-prime has no DAG-JSON for an int above int64"), nil
		}
		if err != nil {
			t.Fatalf("block %s: %v", c, err)
		}
		fmt.Fprintf(&text, "block %s %s\n  %s\n", c, cut(hex.EncodeToString(data)), cut(string(bytes.TrimSpace(twin))))
		return node
	}
	seen := map[string]bool{}
	var walk func(c string)
	walk = func(c string) {
		if seen[c] {
			return
		}
		seen[c] = true
		links, err := traversal.SelectLinks(block(c))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			walk(l.String())
		}
	}
	walk(expression)
	block(stats(facts)["result"])
	return facts + text.String()
}

func TestGolden(t *testing.T) {
	for file, cases := range goldenCases(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".ros"), func(t *testing.T) {
			t.Parallel()
			dir, lines := t.TempDir(), fileLines(t, file)
			var updated strings.Builder
			for _, c := range cases {
				src := source(lines, c)
				got := goldenFacts(t, dir, src)
				if got != c.want && !*update {
					t.Errorf("%s:%d: got\n%.6000s\nwant\n%.6000s", file, c.end, got, c.want)
				}
				updated.WriteString(src + "\t" + strings.ReplaceAll(strings.TrimSuffix(got, "\n"), "\n", "\n\t") + "\n\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimSuffix(updated.String(), "\n")), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestGoldenElsewhere runs the golden programs with builds for other processors: the same facts, to the byte.
func TestGoldenElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	for _, target := range []struct{ name, env, emulator string }{
		{"arm64", "GOARCH=arm64", "qemu-aarch64-static"}, // takes the longest
		{"386", "GOARCH=386", "qemu-i386-static"},
		{"amd64v3", "GOARCH=amd64 GOAMD64=v3", "qemu-x86_64-static"},
	} {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "rosser")
			build := exec.Command("go", "build", "-o", path, "..")
			build.Env = append(os.Environ(), append(strings.Fields(target.env), "CGO_ENABLED=0", "GOOS=linux")...)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("building for %s: %v\n%.3000s", target.name, err, out)
			}
			binary := []string{path}
			if exec.Command(path, "--help").Run() != nil { // this processor is another one
				emulator, err := exec.LookPath(target.emulator)
				if err != nil {
					if os.Getenv("CI") == "true" {
						t.Fatalf("%s is not installed (Debian: qemu-user-static)", target.emulator)
					}
					t.Skipf("NOT TESTED on %s: %s is not installed (Debian: qemu-user-static)", target.name, target.emulator)
				}
				binary = []string{emulator, path}
			}
			for file, cases := range goldenCases(t) {
				dir, lines := t.TempDir(), fileLines(t, file)
				for _, c := range cases {
					got, _ := runFacts(t, binary, dir, source(lines, c))
					if !strings.HasPrefix(c.want, got) {
						t.Errorf("%s:%d: on %s got\n%.1500s\nwant\n%.600s", file, c.end, target.name, got, c.want)
					}
				}
			}
		})
	}
}

// TestGoldenCode compiles golden/code.ros in one piece and compares each definition's CID with that of its twin.
func TestGoldenCode(t *testing.T) {
	lines := fileLines(t, "golden/code.ros")
	var program strings.Builder
	cids := map[string]string{}
	twins := map[string]string{}
	for _, c := range parseCases(t, lines) {
		program.WriteString(source(lines, c))
		for _, line := range strings.Split(strings.TrimSpace(c.want), "\n") {
			name, twin, ok := strings.Cut(line, " ")
			if !ok || twins[name] != "" {
				t.Fatalf("golden/code.ros:%d: got %q, want a new name and a twin", c.end, line)
			}
			cids[name], twins[name] = blockCID(t, twin, cids), twin
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "code.ros"), []byte(program.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	out, errText, exit := command(t, dir, "compile", "code.ros")
	if exit != 0 {
		t.Fatalf("exit %d\n%s", exit, errText)
	}
	var compiled []string
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			t.Fatalf("got %q, want a name and a CID", line)
		}
		name := fields[0]
		compiled = append(compiled, name)
		if cids[name] != fields[1] {
			block, _, _ := command(t, dir, "get", fields[1])
			t.Errorf("%s: got %s\n  %swant %s\n  %s", name, fields[1], block, cids[name], twins[name])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^let (\w+)`).FindAllStringSubmatch(program.String(), -1) {
		if !slices.Contains(compiled, m[1]) {
			t.Errorf("compile does not tell the CID of %s", m[1])
		}
	}
}

// blockCID encodes a twin with go-ipld-prime and returns the block's CID. Its links are names.
func blockCID(t *testing.T, twin string, cids map[string]string) string {
	t.Helper()
	twin = regexp.MustCompile(`\{"/":"(\w+)"\}`).ReplaceAllStringFunc(twin, func(link string) string {
		var l map[string]string
		if err := json.Unmarshal([]byte(link), &l); err != nil || cids[l["/"]] == "" {
			t.Fatalf("link to %s, which has no block yet", link)
		}
		return `{"/":"` + cids[l["/"]] + `"}`
	})
	node, err := ipld.DecodeUsingPrototype([]byte(twin), dagjson.Decode, basicnode.Prototype.Any)
	if err != nil {
		t.Fatalf("%s: %v", twin, err)
	}
	system := cidlink.DefaultLinkSystem()
	prototype := cidlink.LinkPrototype{Prefix: cid.NewPrefixV1(cid.DagCBOR, multihash.SHA2_256)}
	link, err := system.ComputeLink(prototype, node)
	if err != nil {
		t.Fatal(err)
	}
	return link.String()
}
