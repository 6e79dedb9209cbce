// This file drives `rosser lsp` as an editor does: messages on its standard input and output.

package tests

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An editor is a language client.
type editor struct {
	t        *testing.T
	dir      string // its workspace; the store is dir/store
	cmd      *exec.Cmd
	in       io.WriteCloser
	stderr   strings.Builder
	messages chan map[string]json.RawMessage
	next     int
	late     []map[string]json.RawMessage // read and not asked for yet
}

// startEditor starts the server, without a word said to it.
func startEditor(t *testing.T) *editor {
	t.Helper()
	if rosser == "" {
		t.Fatal("rosser did not build")
	}
	e := &editor{t: t, dir: t.TempDir(), messages: make(chan map[string]json.RawMessage, 1000)}
	e.cmd = exec.Command(rosser, "lsp")
	e.cmd.Dir = e.dir
	e.cmd.Env = append(os.Environ(), "HOME="+e.dir, "ROSSER_STORE="+filepath.Join(e.dir, "store"))
	e.cmd.Stderr = &e.stderr
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(e.messages)
		r := bufio.NewReader(out)
		for {
			size := 0
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line = strings.TrimRight(line, "\r\n"); line == "" {
					break
				}
				if n, ok := strings.CutPrefix(line, "Content-Length: "); ok {
					size, _ = strconv.Atoi(n)
				}
			}
			body := make([]byte, size)
			if _, err := io.ReadFull(r, body); err != nil {
				return
			}
			var m map[string]json.RawMessage
			if json.Unmarshal(body, &m) != nil {
				m = map[string]json.RawMessage{"broken": body}
			}
			e.messages <- m
		}
	}()
	t.Cleanup(func() {
		e.in.Close()
		e.cmd.Process.Kill()
		e.cmd.Wait()
		if strings.Contains(e.stderr.String(), "bug in rosser") {
			t.Errorf("stderr: %s", e.stderr.String())
		}
	})
	return e
}

// openEditor starts the server and initializes it.
func openEditor(t *testing.T, encodings ...string) *editor {
	t.Helper()
	e := startEditor(t)
	var r struct {
		Capabilities struct {
			PositionEncoding string
			HoverProvider    bool
		}
	}
	e.call("initialize", map[string]any{
		"processId": os.Getpid(), "rootUri": e.uri(""),
		"capabilities": map[string]any{
			"general":      map[string]any{"positionEncodings": encodings},
			"textDocument": map[string]any{"publishDiagnostics": map[string]any{"versionSupport": true}},
		},
	}, &r)
	want := "utf-16"
	if slices.Contains(encodings, "utf-8") {
		want = "utf-8"
	}
	if r.Capabilities.PositionEncoding != want || !r.Capabilities.HoverProvider {
		t.Fatalf("got the capabilities %+v", r.Capabilities)
	}
	e.notify("initialized", map[string]any{})
	return e
}

func (e *editor) uri(name string) string {
	return "file://" + filepath.ToSlash(filepath.Join(e.dir, name))
}

// raw writes bytes to the server.
func (e *editor) raw(text string) {
	e.t.Helper()
	if _, err := io.WriteString(e.in, text); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) send(m map[string]any) {
	e.t.Helper()
	m["jsonrpc"] = "2.0"
	body, err := json.Marshal(m)
	if err != nil {
		e.t.Fatal(err)
	}
	e.raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
}

func (e *editor) notify(method string, params any) {
	e.t.Helper()
	e.send(map[string]any{"method": method, "params": params})
}

// until gives the first message that fits; those before it wait for others.
func (e *editor) until(what string, fits func(map[string]json.RawMessage) bool) map[string]json.RawMessage {
	e.t.Helper()
	for i, m := range e.late {
		if fits(m) {
			e.late = slices.Delete(e.late, i, i+1)
			return m
		}
	}
	limit := time.After(time.Minute)
	for {
		select {
		case m, ok := <-e.messages:
			if !ok {
				e.t.Fatalf("the server ended before it sent %s; stderr: %s", what, e.stderr.String())
			}
			if fits(m) {
				return m
			}
			e.late = append(e.late, m)
		case <-limit:
			e.t.Fatalf("no %s in a minute; stderr: %s", what, e.stderr.String())
		}
	}
}

// A rpcError is the error of a response.
type rpcError struct {
	Code    int
	Message string
}

func (r *rpcError) Error() string { return fmt.Sprintf("%d: %s", r.Code, r.Message) }

// ask sends a request and returns its error.
func (e *editor) ask(method string, params, result any) error {
	e.t.Helper()
	e.next++
	id := strconv.Itoa(e.next)
	m := map[string]any{"id": e.next, "method": method}
	if params != nil {
		m["params"] = params
	}
	e.send(m)
	return e.response(id, result)
}

func (e *editor) response(id string, result any) error {
	e.t.Helper()
	m := e.until("the response "+id, func(m map[string]json.RawMessage) bool { return string(m["id"]) == id && m["method"] == nil })
	if m["error"] != nil {
		var r rpcError
		if err := json.Unmarshal(m["error"], &r); err != nil {
			e.t.Fatal(err)
		}
		return &r
	}
	if m["result"] == nil {
		e.t.Fatalf("got a response with neither result nor error: %v", m)
	}
	if result != nil {
		if err := json.Unmarshal(m["result"], result); err != nil {
			e.t.Fatalf("%s: %v", m["result"], err)
		}
	}
	return nil
}

func (e *editor) call(method string, params, result any) {
	e.t.Helper()
	if err := e.ask(method, params, result); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

// write writes a file without telling the server.
func (e *editor) write(name, text string) {
	e.t.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o666); err != nil {
		e.t.Fatal(err)
	}
}

// open opens a document, whose text may hold the cursor ‸, and returns where that is.
func (e *editor) open(name string, text string) pos {
	e.t.Helper()
	at := cursor(text)
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": e.uri(name), "languageId": "rosser", "version": 1, "text": strings.Replace(text, "‸", "", 1)}})
	return at
}

// change replaces the text of a document.
func (e *editor) change(name string, version int, text string) pos {
	e.t.Helper()
	e.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": e.uri(name), "version": version},
		"contentChanges": []any{map[string]any{"text": strings.Replace(text, "‸", "", 1)}}})
	return cursor(text)
}

// A pos is a position in UTF-16 units.
type pos struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

func (p pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Character) }

func cursor(text string) pos {
	before, _, ok := strings.Cut(text, "‸")
	if !ok {
		return pos{}
	}
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return pos{strings.Count(before, "\n"), utf16Len(line)}
}

func utf16Len(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

func (e *editor) at(name string, p pos) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": e.uri(name)}, "position": p}
}

type rng struct{ Start, End pos }

func (r rng) String() string { return r.Start.String() + "-" + r.End.String() }

// diagnostics waits for the diagnostics of a version of a document: range and message of each.
func (e *editor) diagnostics(name string, version int) []string {
	e.t.Helper()
	var p struct {
		URI         string
		Version     int
		Diagnostics []struct {
			Range   rng
			Message string
		}
	}
	e.until(fmt.Sprintf("the diagnostics of version %d of %s", version, name), func(m map[string]json.RawMessage) bool {
		if string(m["method"]) != `"textDocument/publishDiagnostics"` {
			return false
		}
		p.Version, p.Diagnostics = 0, nil
		return json.Unmarshal(m["params"], &p) == nil && p.URI == e.uri(name) && p.Version == version
	})
	found := []string{}
	for _, d := range p.Diagnostics {
		found = append(found, d.Range.String()+" "+d.Message)
	}
	return found
}

func (e *editor) expect(got, want []string) {
	e.t.Helper()
	if !slices.Equal(got, want) {
		e.t.Errorf("got  %q\nwant %q", got, want)
	}
}

// labels are the labels of a completion.
func (e *editor) labels(name string, p pos) []string {
	e.t.Helper()
	var r struct {
		Items []struct {
			Label    string
			SortText string
			TextEdit *struct {
				Range   rng
				NewText string
			}
		}
	}
	e.call("textDocument/completion", e.at(name, p), &r)
	slices.SortStableFunc(r.Items, func(a, b struct {
		Label    string
		SortText string
		TextEdit *struct {
			Range   rng
			NewText string
		}
	}) int {
		return strings.Compare(a.SortText, b.SortText)
	})
	var labels []string
	for _, it := range r.Items {
		if it.TextEdit == nil || it.TextEdit.NewText != it.Label || it.TextEdit.Range.End != p {
			e.t.Errorf("the item %s has the edit %+v", it.Label, it.TextEdit)
		}
		labels = append(labels, it.Label)
	}
	return labels
}

func (e *editor) hover(name string, p pos) string {
	e.t.Helper()
	var r *struct{ Contents struct{ Value string } }
	e.call("textDocument/hover", e.at(name, p), &r)
	if r == nil {
		return ""
	}
	return r.Contents.Value
}

// exit ends the session and returns the exit code.
func (e *editor) exit(orderly bool) int {
	e.t.Helper()
	if orderly {
		e.call("shutdown", nil, nil)
	}
	e.send(map[string]any{"method": "exit"})
	return e.ended()
}

func (e *editor) ended() int {
	e.t.Helper()
	done := make(chan error, 1)
	go func() { done <- e.cmd.Wait() }()
	select {
	case err := <-done:
		var exited *exec.ExitError
		if err != nil && !errors.As(err, &exited) {
			e.t.Fatal(err)
		}
	case <-time.After(time.Minute):
		e.t.Fatal("the server does not end")
	}
	return e.cmd.ProcessState.ExitCode()
}

func TestLSPDiagnostics(t *testing.T) {
	e := openEditor(t)
	e.open("a.ros", "let f x = y\nlet g = (1 +\nlet 😀 = 1\nlet h x = lenght x\n")
	e.expect(e.diagnostics("a.ros", 1), []string{
		"0:10-0:11 unknown name y",
		"1:8-1:9 this `(` is never closed",
		"2:4-2:6 got `😀`, which begins nothing",
		"3:10-3:16 unknown name lenght; did you mean length?",
	})
	// By ranges, in UTF-16 units: after the emoji of a text.
	e.change("a.ros", 2, "let f = \"😀\" ++ z\r\nlet g = 1")
	e.expect(e.diagnostics("a.ros", 2), []string{"0:16-0:17 unknown name z"})
	e.notify("textDocument/didChange", map[string]any{
		"textDocument": map[string]any{"uri": e.uri("a.ros"), "version": 3},
		"contentChanges": []any{
			map[string]any{"range": map[string]any{"start": pos{0, 16}, "end": pos{0, 17}}, "text": "\"!\""},
			map[string]any{"range": map[string]any{"start": pos{1, 8}, "end": pos{1, 99}}, "text": "q"},
		}})
	e.expect(e.diagnostics("a.ros", 3), []string{"1:8-1:9 unknown name q"})
	e.change("a.ros", 4, "let f = 1")
	e.expect(e.diagnostics("a.ros", 4), []string{})
	e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": e.uri("a.ros")}})
	e.expect(e.diagnostics("a.ros", 0), []string{})
	if code := e.exit(true); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestLSPImports(t *testing.T) {
	e := openEditor(t)
	e.write("lib.ros", "## Twice x.\nlet twice x = x * 2\nlet other = 1\n")
	e.write("rows.csv", "name,age\nAnn,3\n")
	src := "let lib = import \"./lib.ros\"\nlet rows = import \"csv:./rows.csv\"\nlet a = lib.twice‸ rows.0\nlet b = lib.twise 2\n"
	at := e.open("main.ros", src)
	e.expect(e.diagnostics("main.ros", 1), []string{"3:12-3:17 lib has no twise; did you mean twice?"})
	var loc struct {
		URI   string
		Range rng
	}
	e.call("textDocument/definition", e.at("main.ros", at), &loc)
	if loc.URI != e.uri("lib.ros") || loc.Range.String() != "1:4-1:9" {
		t.Errorf("definition: got %v", loc)
	}
	e.call("textDocument/definition", e.at("main.ros", pos{0, 22}), &loc)
	if loc.URI != e.uri("lib.ros") {
		t.Errorf("definition of a path: got %v", loc)
	}
	// A buffer wins over the disk, and its change is seen where it is imported.
	e.open("lib.ros", "## Twice x.\nlet twise x = x * 2\n")
	e.expect(e.diagnostics("lib.ros", 1), []string{})
	e.expect(e.diagnostics("main.ros", 1), []string{"2:12-2:17 lib has no twice; did you mean twise?"})
	e.change("lib.ros", 2, "## Twice x.\nlet twice x = x * 2\nlet twise x = twice x x\n")
	e.diagnostics("lib.ros", 2)
	e.expect(e.diagnostics("main.ros", 1), []string{})
	if got := e.hover("main.ros", at); !strings.Contains(got, "let twice x") || !strings.Contains(got, "Twice x.") || !strings.Contains(got, "`bafy") {
		t.Errorf("hover: got %q", got)
	}
	e.change("lib.ros", 3, "let twice x = \nlet twise x = 1")
	e.diagnostics("lib.ros", 3)
	got := e.diagnostics("main.ros", 1)
	if len(got) != 1 || !strings.HasPrefix(got[0], "0:10-0:28 lib.ros has mistakes: line 2: ") {
		t.Errorf("an import with mistakes: got %q", got)
	}
	// Closed without saving: what is on disk counts again.
	e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": e.uri("lib.ros")}})
	e.expect(e.diagnostics("main.ros", 1), []string{"3:12-3:17 lib has no twise; did you mean twice?"})
	e.write("lib.ros", "let twice x = x\nlet twise x = x\n")
	e.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": e.uri("lib.ros"), "type": 2}}})
	e.expect(e.diagnostics("main.ros", 1), []string{})
	if got := e.labels("main.ros", e.change("main.ros", 2, "let lib = import \"./lib.ros\"\nlet a = lib.‸\n")); !slices.Equal(got, []string{"twice", "twise"}) {
		t.Errorf("completion of a module: got %q", got)
	}
	e.diagnostics("main.ros", 2)
	// Cycles end.
	e.write("x.ros", "let y = import \"./y.ros\"")
	e.write("y.ros", "let x = import \"./x.ros\"")
	e.open("x.ros", "let y = import \"./y.ros\"")
	e.open("y.ros", "let x = import \"./x.ros\"")
	for _, name := range []string{"x.ros", "y.ros"} {
		if got := e.diagnostics(name, 1); len(got) != 1 || !strings.Contains(got[0], "import") {
			t.Errorf("a cycle: got %q", got)
		}
	}
}

func TestLSPHover(t *testing.T) {
	e := openEditor(t)
	src := "## The answer.\nlet answer = 6 * 7\n\n## x doubled.\nlet double x = x + x\n\nlet total = sum (map double [1, 2, 3])\n\ndouble total\n"
	e.write("a.ros", src)
	if _, stderr, code := command(t, e.dir, "run", "a.ros"); code != 0 {
		t.Fatal(stderr)
	}
	out, _, _ := command(t, e.dir, "compile", "a.ros")
	cids := map[string]string{}
	for line := range strings.Lines(out) {
		name, c, _ := strings.Cut(strings.TrimSpace(line), " ")
		cids[name] = c
	}
	e.open("a.ros", src)
	e.expect(e.diagnostics("a.ros", 1), []string{})
	for _, c := range []struct {
		at   pos
		want []string
	}{
		{pos{8, 8}, []string{"let total = sum", cids["total"], "= `12`"}},
		{pos{8, 2}, []string{"let double x", "x doubled.", cids["double"], "`double total` = `24`"}},
		{pos{4, 15}, []string{"a parameter"}},
		{pos{6, 13}, []string{"sum xs", "`bafy"}},
		{pos{6, 18}, []string{"map f xs"}},
		{pos{1, 4}, []string{"let answer = 6 * 7", "The answer.", cids["answer"]}},
	} {
		got := e.hover("a.ros", c.at)
		for _, want := range c.want {
			if want == "" || !strings.Contains(got, want) {
				t.Errorf("hover at %v: got %q, want %q", c.at, got, want)
			}
		}
	}
	// Somebody else's answer is a claim.
	other := t.TempDir()
	if _, stderr, code := command(t, e.dir, "export", cids["="], filepath.Join(other, "answer.car")); code != 0 {
		t.Fatal(stderr)
	}
	if code := e.exit(true); code != 0 {
		t.Errorf("exit code %d", code)
	}
	e = openEditor(t)
	if _, stderr, code := command(t, e.dir, "import", filepath.Join(other, "answer.car")); code != 0 {
		t.Fatal(stderr)
	}
	e.open("a.ros", src)
	e.diagnostics("a.ros", 1)
	if got := e.hover("a.ros", pos{8, 2}); !strings.Contains(got, "`double total` = `24`") || !strings.Contains(got, "a claim by `answer.car`, not checked here") {
		t.Errorf("hover of a claim: got %q", got)
	}
}

func TestLSPCompletion(t *testing.T) {
	e := openEditor(t)
	e.open("a.ros", "")
	version := 1
	complete := func(src string) []string {
		t.Helper()
		version++
		return e.labels("a.ros", e.change("a.ros", version, src))
	}
	has := func(src string, want ...string) {
		t.Helper()
		got := complete(src)
		for _, w := range want {
			if w, not := strings.CutPrefix(w, "-"); slices.Contains(got, w) == not {
				t.Errorf("%s: %s missing or there: got %q", src, w, got[:min(len(got), 30)])
			}
		}
	}
	first := func(src string, want ...string) {
		t.Helper()
		if got := complete(src); !slices.Equal(got[:min(len(got), len(want))], want) {
			t.Errorf("%s: got %q, want %q first", src, got[:min(len(got), 30)], want)
		}
	}
	first("let total rows = rows |> ma‸", "rows", "total", "abs")
	has("let total rows = ‸", "rows", "total", "map", "let", "Text", "Some")
	has("let f rows = rows |> (\\row -> ‸", "rows", "row", "f")
	has("let f rows = 1\nlet g = ‸", "f", "-rows")
	has("let f rows = Text.‸", "chars", "codes", "-map", "-rows", "-let")
	has("let f rows = Text.sp‸", "split", "-map")
	has("let f rows = 1 # Te‸", "-map")
	has("let f rows = \"Te‸xt\"", "-map")
	has("let f rows = \"\\(ro‸)\"", "rows")
	first("let p = {name: 1, age: {years: 3}}\nlet a = p.‸", "age", "name")
	first("let p = {name: 1, age: {years: 3}}\nlet a = p.age.‸", "years")
	first("let p = {...q, age: 1}\nlet q = {name: 1}\nlet a = p.n‸", "age", "name")
	first("let p = [{name: 1}]\nlet a = p.0.‸", "name")
	first("let f row = row.name ++ row.‸", "name")
	first("let f row = map (.‸)\nlet p = {name: 1}", "name")
	has("let fo‸", "-map")
	has("let x = 42‸", "-map")

	// Values: imported data, and what the store knows.
	e.write("d.json", `{"city": "Ulm", "a b": 1}`)
	version++
	e.change("a.ros", version, "let d = import \"json:./d.json\"")
	e.diagnostics("a.ros", version)
	first("let d = import \"json:./d.json\"\nlet x = d.c‸", "city")
	e.write("b.ros", "let r = Map.fromEntries [[\"north\", 1]]\nr")
	if _, stderr, code := command(t, e.dir, "run", "b.ros"); code != 0 {
		t.Fatal(stderr)
	}
	version++
	e.change("a.ros", version, "let r = Map.fromEntries [[\"north\", 1]]\nr")
	e.diagnostics("a.ros", version)
	first("let r = Map.fromEntries [[\"north\", 1]]\nr.‸", "north")

	// Documentation comes when it is asked for.
	var r struct {
		Detail        string
		Documentation struct{ Value string }
	}
	e.call("completionItem/resolve", map[string]any{"label": "map", "kind": 3, "data": map[string]any{"library": "map"}}, &r)
	if !strings.Contains(r.Documentation.Value, "map f xs") {
		t.Errorf("resolve: got %+v", r)
	}

	// The arguments of a call.
	var h *struct {
		Signatures      []struct{ Label string }
		ActiveParameter int
	}
	for _, c := range []struct {
		src, label string
		arg        int
	}{
		{"let f row {n} = 1\nlet a = f (1 + 2) ‸", "f row {n}", 1},
		{"let f row {n} = 1\nlet a = f (g.x ‸", "", 0},
		{"let a = fold (+) 0‸", "fold f acc xs", 1},
		{"let a = [1] |> Text.padLeft 3 ‸", "Text.padLeft n char text", 1},
		{"let f x y = x\nlet a = \"\\(f 1 ‸)\"", "f x y", 1},
		{"let a = f‸", "", 0},
	} {
		version++
		at := e.change("a.ros", version, c.src)
		h = nil
		e.call("textDocument/signatureHelp", e.at("a.ros", at), &h)
		if h == nil {
			if c.label != "" {
				t.Errorf("%s: no signature", c.src)
			}
		} else if h.Signatures[0].Label != c.label || h.ActiveParameter != c.arg {
			t.Errorf("%s: got %+v", c.src, *h)
		}
	}
}

type locations []struct {
	URI   string
	Range rng
}

func (e *editor) places(l locations) []string {
	found := []string{}
	for _, x := range l {
		found = append(found, strings.TrimPrefix(x.URI, e.uri("")+"/")+" "+x.Range.String())
	}
	return found
}

func TestLSPReferences(t *testing.T) {
	e := openEditor(t)
	lib := "let twice x = x * 2\nlet four = twice 2\n"
	e.write("lib.ros", lib)
	e.write("other.ros", "let l = import \"./lib.ros\"\nlet a = l.twice 1 + l.four\n")
	e.open("lib.ros", lib)
	e.open("main.ros", "let lib = import \"./lib.ros\"\nlet f x = let y = x in lib.twice (y + x)\nmap f (map (\\{k} -> {k}) [])\n")
	e.diagnostics("main.ros", 1)
	references := func(name string, at pos, declaration bool) []string {
		t.Helper()
		var l locations
		p := e.at(name, at)
		p["context"] = map[string]any{"includeDeclaration": declaration}
		e.call("textDocument/references", p, &l)
		return e.places(l)
	}
	uri := func(s ...string) []string { return s }
	e.expect(references("main.ros", pos{1, 6}, true), uri("main.ros 1:6-1:7", "main.ros 1:18-1:19", "main.ros 1:38-1:39"))
	e.expect(references("main.ros", pos{1, 18}, false), uri("main.ros 1:18-1:19", "main.ros 1:38-1:39"))
	e.expect(references("main.ros", pos{2, 0}, true), uri("main.ros 2:0-2:3", "main.ros 2:7-2:10"))
	want := uri("lib.ros 0:4-0:9", "lib.ros 1:11-1:16", "main.ros 1:27-1:32", "other.ros 1:10-1:15")
	e.expect(references("lib.ros", pos{0, 5}, true), want)
	e.expect(references("main.ros", pos{1, 29}, true), want)
	var marks []struct{ Range rng }
	e.call("textDocument/documentHighlight", e.at("lib.ros", pos{0, 14}), &marks)
	if len(marks) != 2 {
		t.Errorf("got %v", marks)
	}

	rename := func(name string, at pos, to string) ([]string, error) {
		t.Helper()
		var r struct {
			Changes map[string][]struct {
				Range   rng
				NewText string
			}
		}
		p := e.at(name, at)
		p["newName"] = to
		err := e.ask("textDocument/rename", p, &r)
		found := []string{}
		for u, edits := range r.Changes {
			for _, x := range edits {
				found = append(found, fmt.Sprintf("%s %s %s", strings.TrimPrefix(u, e.uri("")+"/"), x.Range, x.NewText))
			}
		}
		slices.Sort(found)
		return found, err
	}
	got, err := rename("main.ros", pos{1, 29}, "double")
	if err != nil {
		t.Error(err)
	}
	e.expect(got, uri("lib.ros 0:4-0:9 double", "lib.ros 1:11-1:16 double", "main.ros 1:27-1:32 double", "other.ros 1:10-1:15 double"))
	got, err = rename("main.ros", pos{2, 14}, "key")
	if err != nil {
		t.Error(err)
	}
	e.expect(got, uri("main.ros 2:14-2:15 k: key", "main.ros 2:21-2:22 k: key"))
	for _, c := range []struct {
		at       pos
		to, want string
	}{
		{pos{1, 6}, "y", "`x` on line 2 would mean something else"},
		{pos{1, 4}, "lib", "defined twice"},
		{pos{1, 4}, "map", "would mean something else"},
		{pos{1, 4}, "Some", "want a name"},
		{pos{2, 1}, "mapp", "library"},
		{pos{2, 23}, "x", "no name"},
	} {
		if got, err := rename("main.ros", c.at, c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("rename at %v to %s: got %v, %v, want %q", c.at, c.to, got, err, c.want)
		}
	}
	var prepared struct {
		Range       rng
		Placeholder string
	}
	e.call("textDocument/prepareRename", e.at("main.ros", pos{1, 29}), &prepared)
	if prepared.Placeholder != "twice" || prepared.Range.String() != "1:27-1:32" {
		t.Errorf("got %+v", prepared)
	}
	e.change("main.ros", 2, "let f x = x +\n")
	if _, err := rename("main.ros", pos{0, 6}, "y"); err == nil {
		t.Error("a broken file was renamed in")
	}
}

func TestLSPShapes(t *testing.T) {
	e := openEditor(t)
	src := "## Doc.\nlet f x y=x+y\nlet [a, b] = [1,\n  2]\nlet m = import \"./lib.ros\"\nlet g = (\n"
	e.open("a.ros", src)
	var symbols []struct {
		Name, Detail          string
		Kind                  int
		Range, SelectionRange rng
	}
	doc := map[string]any{"textDocument": map[string]any{"uri": e.uri("a.ros")}}
	e.call("textDocument/documentSymbol", doc, &symbols)
	var got []string
	for _, s := range symbols {
		got = append(got, fmt.Sprintf("%s %s %d %s %s", s.Name, s.Detail, s.Kind, s.Range, s.SelectionRange))
	}
	e.expect(got, []string{"f x y 12 1:0-1:13 1:4-1:5", "a  13 2:0-3:4 2:5-2:6", "b  13 2:8-2:9 2:8-2:9", "m  2 4:0-4:26 4:4-4:5", "g  13 5:4-5:5 5:4-5:5"})

	options := map[string]any{"textDocument": doc["textDocument"], "options": map[string]any{"tabSize": 2, "insertSpaces": true}}
	if err := e.ask("textDocument/formatting", options, nil); err == nil || !strings.Contains(err.Error(), "line 6") {
		t.Errorf("formatting what is broken: got %v", err)
	}
	e.change("a.ros", 2, "## Doc.\nlet f x y=x+y\n")
	var edits []struct {
		Range   rng
		NewText string
	}
	e.call("textDocument/formatting", options, &edits)
	if len(edits) != 1 || edits[0].Range.String() != "1:0-2:0" || edits[0].NewText != "let f x y = x + y\n" {
		t.Errorf("formatting: got %+v", edits)
	}

	e.change("a.ros", 3, "let f x = Text.join \"😀\" x.k\n\"\"\"a\n😀b\"\"\" # c")
	var colours struct{ Data []int }
	e.call("textDocument/semanticTokens/full", doc, &colours)
	want := []int{
		0, 0, 3, 6, 0, // let
		0, 4, 1, 1, 0, // f
		0, 2, 1, 2, 0, // x
		0, 4, 4, 3, 0, // Text
		0, 5, 4, 1, 0, // join
		0, 5, 4, 8, 0, // "😀"
		0, 5, 1, 2, 0, // x
		0, 2, 1, 4, 0, // k
		1, 0, 4, 8, 0, // """a
		1, 0, 6, 8, 0, // 😀b"""
		0, 7, 3, 9, 0, // # c
	}
	if !slices.Equal(colours.Data, want) {
		t.Errorf("colours: got  %v\nwant %v", colours.Data, want)
	}
}

// Columns may be bytes if both sides agree.
func TestLSPBytes(t *testing.T) {
	e := openEditor(t, "utf-16", "utf-8")
	e.open("a.ros", "let f = \"😀é\" ++ zz")
	e.expect(e.diagnostics("a.ros", 1), []string{"0:20-0:22 unknown name zz"})
	e.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": e.uri("a.ros"), "version": 2},
		"contentChanges": []any{map[string]any{"range": map[string]any{"start": pos{0, 20}, "end": pos{0, 22}}, "text": "q"}}})
	e.expect(e.diagnostics("a.ros", 2), []string{"0:20-0:21 unknown name q"})
}

func TestLSPMalformed(t *testing.T) {
	e := startEditor(t)
	frame := func(body string) { e.raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)) }
	expect := func(id string, code int) {
		t.Helper()
		var r *rpcError
		if err := e.response(id, nil); !errors.As(err, &r) || r.Code != code {
			t.Errorf("got %v, want the error %d for %s", err, code, id)
		}
	}
	frame("{not json")
	expect("null", -32700)
	frame(`{"jsonrpc":"2.0"}`)
	expect("null", -32600)
	frame(`[{"jsonrpc":"2.0","id":1,"method":"initialize"}]`)
	expect("null", -32600)
	frame(`{"jsonrpc":"2.0","id":7,"method":3}`)
	expect("7", -32600)
	frame(`{"jsonrpc":"2.0","id":8,"method":"textDocument/hover","params":{}}`)
	expect("8", -32002)
	frame(`{"jsonrpc":"2.0","id":9,"method":"initialize","params":[1]}`)
	expect("9", -32602)
	frame(strings.Repeat("[", 100_000))
	expect("null", -32700)
	e.raw("content-length:  86 \r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n" +
		`{"jsonrpc":"2.0","id":10,"method":"initialize","params":{"capabilities":{},"x":"1234"}}`[:86])
	expect("null", -32700)
	// A message that is too large is passed over, not kept.
	e.raw(fmt.Sprintf("Content-Length: %d\r\n\r\n", 80<<20))
	chunk := strings.Repeat(" ", 1<<20)
	for range 80 {
		e.raw(chunk)
	}
	expect("null", -32600)
	e.next = 100
	e.call("initialize", map[string]any{"capabilities": map[string]any{}}, nil)
	var r *rpcError
	if err := e.ask("initialize", map[string]any{}, nil); !errors.As(err, &r) || r.Code != -32600 {
		t.Errorf("a second initialize: got %v", err)
	}
	if err := e.ask("workspace/nonsense", map[string]any{}, nil); !errors.As(err, &r) || r.Code != -32601 {
		t.Errorf("an unknown method: got %v", err)
	}
	e.notify("$/nonsense", map[string]any{})
	e.notify("textDocument/didChange", 5)
	e.notify("textDocument/didOpen", []int{1})
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": "file:///nowhere", "version": 1}, "contentChanges": []any{}})
	if err := e.ask("textDocument/hover", e.at("never.ros", pos{}), nil); !errors.As(err, &r) || r.Code != -32602 {
		t.Errorf("a document that is not open: got %v", err)
	}
	if err := e.ask("textDocument/hover", "x", nil); !errors.As(err, &r) || r.Code != -32602 {
		t.Errorf("wrong params: got %v", err)
	}
	// Positions that are nowhere.
	e.open("a.ros", "let f x = x\n")
	for _, p := range []pos{{-1, -1}, {0, 1 << 30}, {1 << 30, 0}, {1, 5}} {
		for _, method := range []string{"hover", "completion", "definition", "documentHighlight", "signatureHelp"} {
			e.call("textDocument/"+method, e.at("a.ros", p), nil)
		}
	}
	e.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": e.uri("a.ros"), "version": 2},
		"contentChanges": []any{map[string]any{"range": map[string]any{"start": pos{9, 9}, "end": pos{0, 0}}, "text": "!"}}})
	e.call("textDocument/hover", e.at("a.ros", pos{0, 10}), nil)
	e.call("shutdown", nil, nil)
	if err := e.ask("textDocument/hover", e.at("a.ros", pos{}), nil); !errors.As(err, &r) || r.Code != -32600 {
		t.Errorf("after shutdown: got %v", err)
	}
	e.raw("what is this\r\n\r\n")
	if code := e.ended(); code != 1 {
		t.Errorf("no protocol at all: exit code %d", code)
	}
}

func TestLSPEnds(t *testing.T) {
	e := openEditor(t)
	if code := e.exit(false); code != 1 {
		t.Errorf("exit without shutdown: exit code %d", code)
	}
	e = openEditor(t)
	e.in.Close()
	if code := e.ended(); code != 1 {
		t.Errorf("the input ends: exit code %d", code)
	}
}

// A request that is cancelled is answered all the same; hostile files are checked or refused, and others go on.
func TestLSPHostile(t *testing.T) {
	e := openEditor(t)
	for i, src := range []string{
		strings.Repeat("(", 100_000), "let x = " + strings.Repeat("1 + ", 150_000) + "1", strings.Repeat("let x = {\n", 20_000),
		"\"\"\"" + strings.Repeat("\\(", 10_000), strings.Repeat("let a = b\n", 50_000),
		"let f x = " + strings.Repeat("match x { | _ -> ", 900), strings.Repeat("\\x -> ", 100_000) + "x",
	} {
		name := fmt.Sprintf("hostile%d.ros", i)
		e.open(name, src)
		e.diagnostics(name, 1)
		for _, method := range []string{"completion", "hover", "definition", "signatureHelp", "references"} {
			began := time.Now()
			if err := e.ask("textDocument/"+method, e.at(name, pos{0, 9}), nil); err != nil && !strings.Contains(err.Error(), "took longer") {
				t.Errorf("%s in case %d: %v", method, i, err)
			}
			t.Logf("%d %s %v", i, method, time.Since(began))
		}
		doc := map[string]any{"textDocument": map[string]any{"uri": e.uri(name)}}
		for _, method := range []string{"documentSymbol", "semanticTokens/full", "formatting"} {
			began := time.Now()
			e.ask("textDocument/"+method, doc, nil)
			t.Logf("%d %s %v", i, method, time.Since(began))
		}
	}
	e.send(map[string]any{"id": 5000, "method": "textDocument/references", "params": e.at("hostile4.ros", pos{0, 8})})
	e.notify("$/cancelRequest", map[string]any{"id": 5000})
	var r *rpcError
	if err := e.response("5000", nil); err != nil && (!errors.As(err, &r) || r.Code != -32800) {
		t.Errorf("cancelled: got %v", err)
	}
	e.open("fine.ros", "let f x = y")
	e.expect(e.diagnostics("fine.ros", 1), []string{"0:10-0:11 unknown name y"})
}
