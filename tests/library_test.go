// This file tests libraries by the command line: how they change, are compared and merged, and how programs import them by a name.

package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// A desk runs commands in a folder of its own.
type desk struct {
	t   *testing.T
	dir string
}

// ok is the output of a command that ends well, without the line's end.
func (d desk) ok(args ...string) string {
	d.t.Helper()
	out, errText, exit := command(d.t, d.dir, args...)
	if exit != 0 {
		d.t.Fatalf("rosser %s: exit %d\n%s", strings.Join(args, " "), exit, errText)
	}
	return strings.TrimSuffix(out, "\n")
}

// ends runs a command that ends with a code, and gives what it wrote: a line for each line of it, that are regular expressions.
func (d desk) ends(want int, out, errText string, args ...string) {
	d.t.Helper()
	gotOut, gotErr, exit := command(d.t, d.dir, args...)
	if exit != want || !regexp.MustCompile(`\A(?:`+out+`)\n*\z`).MatchString(gotOut) || !regexp.MustCompile(errText).MatchString(gotErr) {
		d.t.Errorf("rosser %s: got exit %d, want %d, and\n%s%s\nwant\n%s\n%s", strings.Join(args, " "), exit, want, gotOut, gotErr, out, errText)
	}
}

const geoSource = "## Twice.\nlet double x = 2 * x\nlet area w h = w * h\nmap double (range 1 40)\n"

func TestLibrary(t *testing.T) {
	t.Parallel()
	d := desk{t, t.TempDir()}
	write(t, d.dir, "geo.ros", geoSource)
	d.ok("run", "--link", "all", "geo.ros")
	first := d.ok("publish", "geo.ros")
	// Its bytes, and so its root, are those of the first release.
	if first != "bafybeidjub4tefq45iece65nwz54qzc77ghcqfmws35ficvuzvxbalr7ti" {
		t.Errorf("got the root %s", first)
	}
	d.ends(0, first, "^geo: unchanged: 2 names\n$", "publish", "geo.ros")
	d.ends(0, "geo  "+first+"  2 names", "^$", "library", "ls")
	d.ends(0, first+"  recursive  .*  geo.ros", "^$", "pin", "ls")

	write(t, d.dir, "geo.ros", strings.Replace(geoSource, "w * h", "h * w\nlet third = 3", 1))
	second := d.ok("publish", "geo.ros")
	d.ends(0, second+"  names \\+1 ~1, about \\+1 ~1\n"+first+"  names \\+2, about \\+2, results \\+43, traces \\+43", "^$", "library", "log", "geo")
	d.ends(0, second+"  recursive  .*  geo.ros", "^$", "pin", "ls")
	d.ends(0, "A library of 3 names\n  area w h *\n  double x  Twice.\n  third *\n\nlet mine = (?s:.*)", "^$", "library", "ls", "geo")
	d.ends(0, `\{"name":"area","cid":"bafy\w+"\}\n\{"name":"double","cid":"bafy\w+"\}\n\{"name":"third","cid":"bafy\w+"\}`, "^$", "library", "ls", "--json", second)
	d.ends(1, "~ area  bafy\\w+  was bafy\\w+\n\\+ third  bafy\\w+\nabout \\+1 ~1", "^$", "library", "diff", first, "geo")
	d.ends(1, "~ area  bafy\\w+  was bafy\\w+\n- third  bafy\\w+\nabout -1 ~1", "^$", "library", "diff", "geo", first)
	d.ends(0, "", "^$", "library", "diff", "geo", "library/geo")
	var change struct{ Name, Before, Now string }
	out, _, _ := command(t, d.dir, "library", "diff", "--json", first, "geo")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if json.Unmarshal([]byte(lines[1]), &change) != nil || change.Name != "third" || change.Before != "" || change.Now == "" || len(lines) != 3 || !strings.HasPrefix(lines[2], `{"names":{"added":1,"removed":0,"changed":1},"about":`) {
		t.Errorf("diff --json: got %s", out)
	}

	// One name besides; the file has others now, and the library keeps what it had.
	write(t, d.dir, "other.ros", "let fourth = 4\nlet fifth = 5\n")
	third := d.ok("publish", "other.ros", "fourth", "--library", "geo")
	d.ends(0, `\S+  names \+1, about \+1\n(?s:.*)`, "there are more: --limit 10, or 0 for all", "library", "log", "geo", "--limit", "1")
	d.ends(0, fmt.Sprintf(`\{"root":"%s","parent":"%s","changes":(?s:.*)\n\{"root":"%s","changes":.*\}`, third, second, first), "^$", "library", "log", "--json", "geo")
	d.ends(0, "(?s:.*)area(?s:.*)double(?s:.*)fourth(?s:.*)third(?s:.*)", "^$", "show", third)
	d.ends(2, "", "does not define \"sixth\"", "publish", "other.ros", "sixth")
	d.ends(2, "", "--library NAME", "publish", "-")
	d.ends(2, "", "want one without spaces and slashes", "publish", "other.ros", "--library", "a/b")

	// With all that came before it, or alone.
	d.ends(0, "", "geo.car: \\d+ blocks, \\d+ bytes, with 2 earlier versions, which --newest leaves out", "export", "geo", "geo.car")
	d.ends(0, "", "new.car: \\d+ blocks, \\d+ bytes\n$", "export", "--newest", "geo", "new.car")
	d.ends(2, "", `want a CID or the name of a library; did you mean geo\?`, "export", "gea", "x.car")
	for car, want := range map[string]string{"geo.car": third + "  names(?s:.*)\n" + second + "(?s:.*)\n" + first + ".*", "new.car": third + "  the one before cannot be read: block not found: " + second} {
		store := filepath.Join(d.dir, car+".store")
		d.ends(0, third, "43 claims", "--store", store, "import", car)
		d.ends(0, want, "^$", "--store", store, "library", "log", third)
		d.ends(0, "(?s:.*)", "^$", "--store", store, "store", "gc")
		d.ends(0, "(?s:.*)no problems", "^$", "--store", store, "store", "check")
	}

	d.ends(3, "", `there is no library "gei"; did you mean geo\?`, "library", "rm", "gei")
	d.ends(0, third, "^$", "library", "rm", "geo")
	d.ends(0, "", "^$", "library", "ls")
	d.ends(0, "", "^$", "pin", "ls")
	d.ends(3, "", "`rosser library ls` says which there are", "library", "log", "geo")
	d.ok("store", "gc")
	d.ends(3, "", third, "library", "log", third)
	d.ends(3, "", "not a library", "library", "log", regexp.MustCompile(`bafy\w+`).FindString(d.ok("compile", "geo.ros")))
}

// TestLibraryMerge joins libraries of two people, one of whom is wrong about a result.
func TestLibraryMerge(t *testing.T) {
	t.Parallel()
	d := desk{t, t.TempDir()}
	write(t, d.dir, "a.ros", "let f x = if x == 0 then 0 else x\nlet g x = x + 1\nf 7\n")
	write(t, d.dir, "b.ros", "let f x = if x == 0 then 0 else x\nlet h x = x + 2\n")
	write(t, d.dir, "c.ros", "let g x = x - 1\nlet h x = x + 2\n")
	d.ok("run", "--link", "all", "a.ros")
	for _, name := range []string{"a", "b", "c"} {
		d.ok("publish", name+".ros")
	}
	root := d.ok("library", "merge", "a", "b")
	d.ends(1, `\+ h  bafy\w+\nabout.*`, "", "library", "diff", "a", root)
	if again := d.ok("library", "merge", "b", "a", "--library", "both"); again != root {
		t.Errorf("in another order: got %s, want %s", again, root)
	}
	d.ends(2, "", `a name can have only one term:\n  g\n    is bafy\w+ in a, both\n    is bafy\w+ in c\n  hint: --prefer a takes`, "library", "merge", "a", "both", "c")
	all := d.ok("library", "merge", "a", "b", "c", "--prefer", "c", "--library", "both")
	d.ends(0, all+"  names ~1, about ~1\n"+root+"  names \\+3.*", "", "library", "log", "both")
	d.ends(2, "", "want one of the libraries that are merged", "library", "merge", "a", "b", "--prefer", "c")
	d.ends(2, "", "two or more", "library", "merge", "a")

	// Somebody publishes that f 7 is 8.
	s, err := store.Open(filepath.Join(d.dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	compiled := d.ok("compile", "a.ros")
	expr := cid.MustParse(compiled[strings.Index(compiled, "= ")+2:])
	good, _, err := s.Answer(background, expr)
	if err != nil {
		t.Fatal(err)
	}
	put := graph.SinkFunc(func(b graph.Block) { s.Put(background, b) })
	lie := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(8), Steps: 1}, put)
	liar, err := s.PutLibrary(background, store.Library{Results: map[cid.Cid]cid.Cid{expr: lie.CID}})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.SwapRoot(background, store.FollowRoot+"theirs", cid.Undef, cid.MustParse(all)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d.ends(0, `(?s:.*)both    \S+  3 names\n(?s:.*)theirs  `+all+`  3 names, followed`, "^$", "library", "ls")
	d.ends(0, `(?s:.*)\{"name":"theirs","kind":"followed","root":"`+all+`","names":3\}`, "^$", "library", "ls", "--json")
	d.ends(0, "", "^$", "library", "diff", "theirs", "both")
	d.ends(0, "theirs "+all+"\ny "+all, "^$", "library", "lock", "theirs", "y=follow/theirs")
	d.ends(0, all, "^$", "library", "rm", "theirs")
	d.ends(3, "", `there is no library "theirs"`, "library", "rm", "theirs")
	said := fmt.Sprintf("1 expression has different results, of which the merged library has none; somebody is wrong:\n  %s\n    is %s in a\n    is %s in %s\n", expr, good.Result, lie.CID, liar.Root)
	d.ends(1, `bafy\w+`, regexp.QuoteMeta(said), "library", "merge", "a", liar.Root.String())
	var merged struct {
		Root      string
		Names     int
		Conflicts []struct {
			Expr    string
			Results []struct {
				Result string
				From   []string
			}
		}
	}
	out, _, exit := command(t, d.dir, "library", "merge", "--json", "a", liar.Root.String(), "--library", "disputed")
	if err := json.Unmarshal([]byte(out), &merged); err != nil || exit != 1 || merged.Names != 2 || len(merged.Conflicts) != 1 || merged.Conflicts[0].Results[1].From[0] != liar.Root.String() {
		t.Errorf("merge --json: got exit %d and %s", exit, out)
	}
	if out := d.ok("get", merged.Root+"/results"); strings.Contains(out, expr.String()) {
		t.Errorf("the merged library has a result of what is disputed: %s", out)
	}
}

// TestLock imports libraries by their names.
func TestLock(t *testing.T) {
	t.Parallel()
	d := desk{t, t.TempDir()}
	write(t, d.dir, "geo.ros", geoSource)
	first := d.ok("publish", "geo.ros")
	write(t, d.dir, "main.ros", "let g = import \"geo\"\ng.double 21\n")
	d.ends(2, "", `main.ros:1:9: in g: there is no file "geo" here, and no rosser.lock that says which library it is; a file is imported by its whole name, "./geo.ros"`, "run", "main.ros")
	write(t, d.dir, "else.ros", "let g = import \"stars\"\n1\n")
	d.ends(2, "", "`rosser library lock stars` writes it", "run", "else.ros")

	write(t, d.dir, "rosser.lock", "# what main.ros uses\n\n# the rows\nrows "+first+"   # pinned by hand\n")
	d.ends(2, "", `rosser.lock does not list "geo"`, "run", "main.ros")
	d.ends(0, "geo "+first, "^$", "library", "lock", "geo")
	d.ends(0, "rows "+first+"\nzeta "+first+"\nalpha "+first, "^$", "library", "lock", "rows="+first, "zeta=geo", "alpha=@"+first)
	lockText := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(d.dir, "rosser.lock")); err != nil || string(got) != want {
			t.Errorf("got the lock file\n%s\nwant\n%s%v", got, want, err)
		}
	}
	lockText("# what main.ros uses\n\nalpha " + first + "\ngeo " + first + "\n# the rows\nrows " + first + "   # pinned by hand\nzeta " + first + "\n")
	d.ends(0, "42", "^$", "run", "main.ros")
	// Whatever is published under the name, the program has what it had.
	write(t, d.dir, "geo.ros", "let double x = 3 * x\n")
	second := d.ok("publish", "geo.ros")
	d.ends(0, "42", "^$", "run", "main.ros")
	d.ok("library", "lock", "geo", "rows=geo")
	d.ends(0, "63", "^$", "run", "main.ros")
	lockText("# what main.ros uses\n\nalpha " + first + "\ngeo " + second + "\n# the rows\nrows " + second + " # pinned by hand\nzeta " + first + "\n")
	write(t, d.dir, "gea.ros", "let g = import \"gea\"\n1\n")
	d.ends(2, "", `rosser.lock does not list "gea"; did you mean "geo"\?`, "run", "gea.ros")

	// The lock file of the file that imports counts, and a file of that name where no lock file lists it.
	write(t, d.dir, "sub/use.ros", "let g = import \"geo\"\nlet four = g.double 2\n")
	write(t, d.dir, "above.ros", "let u = import \"./sub/use.ros\"\nu.four\n")
	d.ends(2, "", `use.ros:1:9: in g: there is no file "geo" here`, "run", "above.ros")
	write(t, d.dir, "sub/geo", "let double x = 5 * x\n")
	d.ends(0, "10", "^$", "run", "above.ros")
	d.ok("library", "lock", "geo="+first, "--dir", "sub")
	d.ends(0, "4", "^$", "run", "above.ros")
	d.ends(0, "63", "^$", "eval", "let g = import \"geo\"\ng.double 21")

	for text, want := range map[string]string{
		"geo bafy\n":                           `rosser.lock:1: got "bafy" for geo, want the CID of a library`,
		"# x\ngeo\n":                           `rosser.lock:2: got "geo", want a name and a CID`,
		"geo " + first + " x\n":                `rosser.lock:1: got "geo bafy.*, want a name and a CID`,
		"geo " + first + "\n\ngeo " + second:   `rosser.lock:3: geo stands in line 1 already`,
		"./geo " + first + "\n":                `rosser.lock:1: got the name "./geo", want one without a dot`,
		"geo " + first[:20] + "\n":             `rosser.lock:1: got "bafybei`,
		strings.Repeat("# "+first+"\n", 20000): `rosser.lock has more than 1048576 bytes`,
		"geo bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua\n": "block not found: bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
	} {
		write(t, d.dir, "rosser.lock", text)
		exit := 2
		if strings.Contains(want, "not found") {
			exit = 3
		}
		d.ends(exit, "", want, "run", "main.ros")
		if exit == 2 {
			d.ends(2, "", strings.TrimPrefix(want, "rosser.lock"), "library", "lock", "geo")
		}
	}
	write(t, d.dir, "rosser.lock", "\ufeffgeo\t@"+second+"\r\n")
	d.ends(0, "63", "^$", "run", "main.ros")
	for entry, want := range map[string]string{"geo=stars": `got "stars", want a CID or the name of a library`, "a.b=geo": "want one without a dot", "=geo": "want one without", "geo=": "want a CID or the name"} {
		_, errText, exit := command(t, d.dir, "library", "lock", entry)
		if exit == 0 || !strings.Contains(errText, want) {
			t.Errorf("library lock %s: got exit %d and %s", entry, exit, errText)
		}
	}
	const far = "bafybeigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
	d.ends(0, "far "+far, "is not here, or not all of it", "library", "lock", "far="+far)
	d.ends(3, "", "not a library", "library", "lock", "far=bafyrei"+far[7:])
	d.ends(2, "geo bafy.*", "^rosser: none/rosser.lock cannot be written: no such file or directory\n$", "library", "lock", "geo", "--dir", "none")
	write(t, d.dir, "odd/rosser.lock/x", "")
	write(t, d.dir, "odd/main.ros", "let g = import \"geo\"\n1\n")
	d.ends(2, "", "in g: rosser.lock: is a directory\n", "run", "odd/main.ros")

}

// TestLockWatched changes a lock file while something looks at it.
func TestLockWatched(t *testing.T) {
	t.Parallel()
	e := openEditor(t)
	d := desk{t, e.dir}
	write(t, d.dir, "geo.ros", geoSource)
	first := d.ok("publish", "geo.ros")
	write(t, d.dir, "geo.ros", "let double x = 3 * x\nlet triple = double\n")
	second := d.ok("publish", "geo.ros")
	const source = "let g = import \"geo\"\ng.double 21\n"
	write(t, d.dir, "main.ros", source)
	b := startWatching(t, d.dir, "run", "--watch", "main.ros")
	b.wait("there is no file")
	write(t, d.dir, "rosser.lock", "geo "+first+"\n")
	b.wait("42")
	d.ok("library", "lock", "geo")
	b.wait("63")
	b.interrupt()

	changed := func() {
		e.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": e.uri("rosser.lock"), "type": 2}}})
	}
	e.open("main.ros", strings.Replace(source, "double", "triple", 1))
	e.expect(e.diagnostics("main.ros", 1), []string{})
	write(t, d.dir, "rosser.lock", "geo "+first+"\n")
	changed()
	e.expect(e.diagnostics("main.ros", 1), []string{"1:2-1:8 g has no triple"})
	write(t, d.dir, "rosser.lock", "geo bafy\n")
	changed()
	e.expect(e.diagnostics("main.ros", 1), []string{"0:8-0:20 rosser.lock:1: got \"bafy\" for geo, want the CID of a library"})
	write(t, d.dir, "rosser.lock", "geo "+second+"\n")
	changed()
	e.expect(e.diagnostics("main.ros", 1), []string{})
	if got := e.hover("main.ros", pos{1, 4}); !strings.Contains(got, "triple") {
		t.Errorf("hover: got %q", got)
	}
	if got := e.labels("main.ros", e.change("main.ros", 2, "let g = import \"geo\"\nlet a = g.‸\n")); strings.Join(got, " ") != "double triple" {
		t.Errorf("completion: got %q", got)
	}
}
