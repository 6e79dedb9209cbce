// This file has nodes on loopback share functions and answers, by the command line.

package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A served is a running `rosser serve`.
type served struct {
	t    testing.TB
	dir  string
	cmd  *exec.Cmd
	peer string // address
	id   string
	url  string
	mu   sync.Mutex
	logs bytes.Buffer
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs.Write(p)
}

func (s *served) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs.String()
}

// serve starts a node on the store of dir, as command uses it, and returns when it listens.
func serve(t testing.TB, dir string, args ...string) *served {
	t.Helper()
	return serveBy(t, []string{rosser}, dir, append([]string{"--listen", "/ip4/127.0.0.1/tcp/0", "--http", "127.0.0.1:0"}, args...)...)
}

// serveBy is serve by another command line, which says where it listens.
func serveBy(t testing.TB, binary []string, dir string, args ...string) *served {
	t.Helper()
	s := &served{t: t, dir: dir}
	args = append(append(binary[1:len(binary):len(binary)], "serve"), args...)
	s.cmd = exec.Command(binary[0], args...)
	s.cmd.Dir = dir
	s.cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "NO_COLOR=1")
	s.cmd.Stderr = s
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	lines := bufio.NewScanner(out)
	for s.url == "" && lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "listening on http"):
			s.url = strings.TrimPrefix(line, "listening on ")
		case strings.HasPrefix(line, "listening on "):
			s.peer = strings.TrimPrefix(line, "listening on ")
		case strings.HasPrefix(line, "peer "):
			s.id = strings.TrimPrefix(line, "peer ")
		}
	}
	if s.url == "" {
		t.Fatalf("the node does not start\n%s", s.log())
	}
	go io.Copy(io.Discard, out)
	return s
}

// TestServeStoppedAtOnce stops nodes that have hardly begun.
func TestServeStoppedAtOnce(t *testing.T) {
	dir := t.TempDir()
	for range 8 {
		serve(t, dir).stop()
	}
}

// stop ends the node in order, which it has to do in time.
func (s *served) stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			s.t.Errorf("serve ended with %v\n%s", err, s.log())
		}
	case <-time.After(20 * time.Second):
		s.cmd.Process.Kill()
		s.t.Errorf("serve did not end\n%s", s.log())
	}
}

// kill ends the node as a crash does.
func (s *served) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// succeed is command for what has to end with 0.
func succeed(t testing.TB, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, exit := command(t, dir, args...)
	if exit != 0 {
		t.Fatalf("rosser %q ends with %d\n%s%s", args, exit, stdout, stderr)
	}
	return strings.TrimSpace(stdout), stderr
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		if f() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not in half a minute", what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

const slowProgram = `## A number that takes a while.
let work n = go (n * 1000000) n

let go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)

[work 1, work 2, work 3]
`

// TestTwoMachines has one machine pull what another has published, use its answers when it is trusted, and follow it.
func TestTwoMachines(t *testing.T) {
	t.Parallel()
	ann, bob := t.TempDir(), t.TempDir()
	write(t, ann, "slow.ros", slowProgram)
	write(t, bob, "slow.ros", slowProgram)
	want, _ := succeed(t, ann, "run", "slow.ros")
	first, _ := succeed(t, ann, "publish", "slow.ros", "--attest")
	a := serve(t, ann)

	out, _ := succeed(t, bob, "pull", a.peer)
	if out != first {
		t.Fatalf("pulled %q, want %q", out, first)
	}
	if out, _ := succeed(t, bob, "library", "ls"); !strings.Contains(out, "slow") || !strings.Contains(out, first) {
		t.Errorf("library ls prints %q", out)
	}
	expr, _ := succeed(t, bob, "compile", "slow.ros")
	expr = expr[strings.LastIndex(expr, " ")+1:]
	who, _ := succeed(t, bob, "result", "--who", expr)
	if !strings.Contains(who, "a claim by "+a.id+"\n") || !strings.Contains(who, "computed by "+a.id) {
		t.Errorf("result --who says %q", who)
	}
	// A claim is not used until its key is trusted.
	got, stats := succeed(t, bob, "run", "slow.ros", "--stats", "--link", "none")
	if got != want || executed(t, stats) < 6000000 {
		t.Errorf("got %s\n%s", got, stats)
	}
	succeed(t, bob, "trust", "add", a.id, "--name", "ann")
	got, stats = succeed(t, bob, "run", "slow.ros", "--stats")
	if got != want || executed(t, stats) > 1000 {
		t.Errorf("ann is trusted: got %s\n%s", got, stats)
	}
	succeed(t, bob, "trust", "rm", "ann")

	// What is new is pulled, when it is asked for and when there is news of it.
	write(t, ann, "slow.ros", "let one = 1\n\n"+slowProgram)
	second, _ := succeed(t, ann, "publish", "slow.ros", "--attest")
	out, note := succeed(t, bob, "pull")
	if out != second || !strings.Contains(note, "was "+first) {
		t.Errorf("pulled %q, want %q\n%s", out, second, note)
	}
	b := serve(t, bob, "--peer", a.peer)
	eventually(t, "bob's node is connected", func() bool { return strings.Contains(metrics(t, b.url), "rosser_peers 1") })
	write(t, ann, "slow.ros", "let two = 2\n\n"+slowProgram)
	third, _ := succeed(t, ann, "publish", "slow.ros")
	eventually(t, "the news comes", func() bool {
		out, _ := succeed(t, bob, "library", "ls")
		return strings.Contains(out, third)
	})
	// And when it is told.
	write(t, ann, "slow.ros", "let three = 3\n\n"+slowProgram)
	fourth, note := succeed(t, ann, "publish", "slow.ros", "--to", b.peer)
	if !strings.Contains(note, "has pulled it") {
		t.Errorf("publish --to says %q", note)
	}
	if out, _ := succeed(t, bob, "library", "ls"); !strings.Contains(out, fourth) {
		t.Errorf("library ls prints %q, want %s", out, fourth)
	}
	// Nobody else has bob pull anything.
	eve := t.TempDir()
	write(t, eve, "slow.ros", "let evil = 666\n")
	if _, note, exit := command(t, eve, "publish", "slow.ros", "--to", "http://127.0.0.1:1"); exit != 3 || !strings.Contains(note, "is its ipfs daemon running") || strings.Contains(note, "Post") {
		t.Errorf("a kubo that is not there: %d\n%s", exit, note)
	}
	if _, note, exit := command(t, eve, "publish", "slow.ros", "--to", b.peer); exit != 3 || !strings.Contains(note, "follows no such library") {
		t.Errorf("eve's library: %d %q", exit, note)
	}
	// The library stays when ann's machine is gone.
	a.stop()
	if out, _ := succeed(t, bob, "eval", "let m = import @"+fourth+"\nm.three"); out != "3" {
		t.Errorf("got %q", out)
	}
}

func metrics(t testing.TB, url string) string {
	t.Helper()
	return httpGet(t, url+"/metrics", http.StatusOK)
}

func httpGet(t testing.TB, url string, status int) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		t.Fatalf("%s: %s %v\n%s", url, r.Status, err, text)
	}
	return string(text)
}

// TestAskWhileComputing: what a trusted peer has found out is used in the middle of a reduction.
func TestAskWhileComputing(t *testing.T) {
	t.Parallel()
	const program = `let go i x = if i == 0 then x else go (i - 1) (x * 16807 %% 2147483647)

let work n = go (n * 100000000) n

[%s, work 2]
`
	ann, bob := t.TempDir(), t.TempDir()
	write(t, ann, "slow.ros", fmt.Sprintf(program, "work 1"))
	write(t, bob, "slow.ros", fmt.Sprintf(program, "work 1 + 0"))
	want, _ := succeed(t, ann, "run", "slow.ros")
	a := serve(t, ann)
	b := serve(t, bob, "--peer", a.peer)
	succeed(t, bob, "trust", "add", a.id)
	eventually(t, "bob's node is connected", func() bool { return strings.Contains(metrics(t, b.url), "rosser_peers 1") })
	got, stats := succeed(t, bob, "run", "slow.ros", "--stats")
	if got != want || executed(t, stats) > 150000000 {
		t.Errorf("got %s, want %s\n%s", got, want, stats)
	}
	if !strings.Contains(stats, a.id) {
		t.Errorf("it is not said on whose claim this rests:\n%s", stats)
	}
	t.Logf("%.0f of 300,000,000 steps", executed(t, stats))
}

// TestAsk has peers reduce.
func TestAsk(t *testing.T) {
	t.Parallel()
	ann, bob, cat, dan := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	a, b, c := serve(t, ann, "--work"), serve(t, bob, "--work", "--work-fuel", "1000000"), serve(t, cat)
	const program = "let go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)\ngo 3000000 1"
	want, _ := succeed(t, ann, "eval", "--link", "none", program)

	out, note := succeed(t, dan, "ask", program, "--peer", a.peer)
	if out != want || !strings.Contains(note, a.id) || !strings.Contains(note, "signed") {
		t.Errorf("got %q, want %q\n%s", out, want, note)
	}
	_, note, exit := command(t, dan, "ask", program, "--peer", c.peer)
	if exit != 3 || !strings.Contains(note, "reduces nothing for others") {
		t.Errorf("a node without --work: %d\n%s", exit, note)
	}
	// The limits of one are where the next one goes on, if it believes that; its answer is right anyway.
	out, note = succeed(t, dan, "ask", strings.Replace(program, "3000000 1", "3000000 2", 1), "--peer", b.peer, "--peer", a.peer)
	if !strings.Contains(note, "out of fuel") || !strings.Contains(note, "result ") {
		t.Errorf("got %q\n%s", out, note)
	}
	if w, _ := succeed(t, ann, "eval", "--link", "none", strings.Replace(program, "3000000 1", "3000000 2", 1)); w != out {
		t.Errorf("got %q, want %q", out, w)
	}
	_, note, exit = command(t, dan, "ask", program+" + 1", "--peer", a.peer, "--peer", b.peer, "--quorum", "2")
	if exit != 3 || !strings.Contains(note, "quorum") {
		t.Errorf("a quorum that is not reached: %d\n%s", exit, note)
	}
	out, note = succeed(t, dan, "ask", "map (\\x -> x * x) (range 1 10)", "--peer", a.peer, "--peer", b.peer, "--quorum", "2")
	if out != "[1,4,9,16,25,36,49,64,81,100]" {
		t.Errorf("got %q\n%s", out, note)
	}
	// Errors of the program are answers.
	_, note, exit = command(t, dan, "ask", "1 % 0", "--peer", a.peer)
	if exit != 1 || !strings.Contains(note, "zero") {
		t.Errorf("an error: %d\n%s", exit, note)
	}
	if _, note, exit = command(t, dan, "ask", "2 + 2", "--peer", "/ip4/127.0.0.1/tcp/1/p2p/"+a.id); exit != 3 || !strings.Contains(note, "none of the peers that are given can be reached") {
		t.Errorf("a peer that is not there: %d\n%s", exit, note)
	}
	// What cannot be compiled is not sent.
	if _, _, exit = command(t, dan, "ask", "1 +", "--peer", a.peer); exit != 2 {
		t.Errorf("a mistake: %d", exit)
	}
}

// TestAskRelay has peers that trust nobody go on from one another: the answer rests on all of them, and is used when all are trusted.
func TestAskRelay(t *testing.T) {
	t.Parallel()
	ann, bob, cat, dan, eve := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	a, b, c := serve(t, ann, "--work", "--work-fuel", "2000000"), serve(t, bob, "--work", "--work-fuel", "2000000"), serve(t, cat, "--work")
	const program = "let go i x = if i == 0 then x else go (i - 1) (x * 16807 % 2147483647)\nsum (map (\\n -> go 1000000 n) (range 1 6))"
	want, stats := succeed(t, eve, "eval", "--link", "none", "--stats", program)
	var e *served
	for _, dir := range []string{dan, eve} {
		if dir == eve { // whose node serves its store meanwhile
			e = serve(t, eve)
		}
		out, note := succeed(t, dir, "ask", program, "--peer", a.peer, "--peer", b.peer, "--peer", c.peer)
		if out != want || strings.Count(note, "is left, signed") != 2 || !strings.Contains(note, "it goes on from what "+a.id+" and "+b.id+" reached") {
			t.Fatalf("got %q, want %q\n%s", out, want, note)
		}
	}
	steps := regexp.MustCompile(`(?m)^steps +(\d+)$`).FindStringSubmatch(stats)
	who, _ := succeed(t, dan, "result", "--who", program)
	for _, s := range []string{" = " + want + ", " + steps[1] + " steps", "to its value: by " + c.id, "not used: "} {
		if !strings.Contains(who, s) {
			t.Errorf("want %q in\n%s", s, who)
		}
	}
	if strings.Count(who, "to what is left") != 2 {
		t.Errorf("got\n%s", who)
	}
	if trace, _ := succeed(t, dan, "trace", "--who", program); !strings.Contains(trace, a.id) || !strings.Contains(trace, c.id) {
		t.Errorf("got\n%s", trace)
	}
	for i, id := range []string{a.id, b.id, c.id} {
		succeed(t, dan, "trust", "add", id)
		// What it comes to is reduced only as long as one of them is not trusted. What one has done who is trusted is taken from him.
		got, stats := succeed(t, dan, "result", "--who", program)
		if used := strings.Contains(got, "\n  used: "); used != (i == 2) {
			t.Errorf("%d of them are trusted: used %v\n%s%s", i+1, used, got, stats)
		}
	}
	got, stats := succeed(t, dan, "eval", "--stats", program)
	if got != want || executed(t, stats) > 1000 {
		t.Errorf("all are trusted: got %s\n%s", got, stats)
	}
	// Somebody who trusts them, too, has it of one who has asked, and reduces nothing.
	fay := t.TempDir()
	for _, id := range []string{a.id, b.id, c.id} {
		succeed(t, fay, "trust", "add", id)
	}
	serve(t, fay, "--peer", e.peer)
	got, stats = succeed(t, fay, "eval", "--stats", program)
	if got != want || executed(t, stats) > 1000 {
		t.Errorf("of another one: got %s\n%s", got, stats)
	}
	who, _ = succeed(t, fay, "result", "--who", program)
	for _, s := range []string{"signed in parts, one after the other, by " + a.id + ", " + b.id + ", " + c.id, "used: all that it rests on"} {
		if !strings.Contains(who, s) {
			t.Errorf("of another one: want %q in\n%s", s, who)
		}
	}
	_, note, exit := command(t, dan, "ask", strings.Replace(program, "6))", "7))", 1), "--peer", a.peer, "--peer", b.peer)
	if exit != 3 || !strings.Contains(note, "rosser resume") {
		t.Errorf("all stop: %d %s", exit, note)
	}
}

// TestAPI goes through the HTTP API of a node as a program would that knows only its description.
func TestAPI(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "double.ros", "let double x = x * 2\n\ndouble 21\n")
	lines, _ := succeed(t, dir, "compile", "double.ros")
	double, expr := strings.Fields(lines)[1], lines[strings.LastIndex(lines, " ")+1:]
	data := filepath.Join(dir, "data.json")
	write(t, dir, "data.json", "[1, 2, 3]")
	rows, _ := succeed(t, dir, "import", data)
	s := serve(t, dir, "--work-time", "3s")

	var api struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(httpGet(t, s.url+"/api/v0/openapi.json", 200)), &api); err != nil || len(api.Paths) < 5 {
		t.Fatal(err, api)
	}
	for path, methods := range api.Paths { // each that is described is there
		for method := range methods {
			if method != "get" && method != "post" {
				continue
			}
			url := s.url + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "x")
			r, err := http.NewRequest(strings.ToUpper(method), url, strings.NewReader("{"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if strings.HasPrefix(string(text), "404 page") || answer.StatusCode == http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %s", method, path, answer.Status)
			}
			operation, _ := methods[method].(map[string]any)
			if responses, _ := operation["responses"].(map[string]any); responses[fmt.Sprint(answer.StatusCode)] == nil {
				t.Errorf("%s %s: %s, which is not described", method, path, answer.Status)
			}
		}
	}

	httpGet(t, s.url+"/api/v0/result/"+expr, 404)
	httpGet(t, s.url+"/api/v0/result/nothing", 400)
	httpGet(t, s.url+"/api/v0/apply/"+double+"/"+rows, 404)
	type report struct {
		Result, Checkpoint, Stopped, Problem, Missing string
		Value                                         any
		Error                                         *struct{ Kind, Message string }
	}
	post := func(path, body string, status int) (got report) {
		t.Helper()
		r, err := http.Post(s.url+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != status {
			t.Fatalf("%s %s: %s %v, want %d\n%s", path, body, r.Status, err, status, text)
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := post("/api/v0/eval", `{"expr": "`+expr+`", "value": true}`, 200); got.Value != 42.0 || got.Result == "" {
		t.Errorf("got %+v", got)
	}
	record := httpGet(t, s.url+"/api/v0/result/"+expr, 200)
	if !strings.Contains(record, `"value":42`) || !strings.Contains(record, expr) {
		t.Errorf("got %s", record)
	}
	if trace := httpGet(t, s.url+"/api/v0/trace/"+expr, 200); !strings.Contains(trace, "result") {
		t.Errorf("got %s", trace)
	}
	if got := post("/api/v0/apply/"+double+"/"+rows, `{}`, 200); got.Error == nil || !strings.Contains(got.Error.Message, "list") {
		t.Errorf("got %+v", got)
	}
	if got := httpGet(t, s.url+"/api/v0/apply/"+double+"/"+rows, 200); !strings.Contains(got, `"error"`) {
		t.Errorf("got %s", got)
	}
	if got := post("/api/v0/eval", `{"source": "let go i = if i == 0 then 0 else go (i - 1)\ngo 100000000000", "fuel": 100000}`, 202); got.Checkpoint == "" || !strings.Contains(got.Stopped, "fuel") {
		t.Errorf("got %+v", got)
	} else if again := post("/api/v0/eval", `{"checkpoint": "`+got.Checkpoint+`", "deadline": 100}`, 202); again.Checkpoint == "" || !strings.Contains(again.Stopped, "deadline") {
		t.Errorf("got %+v", again)
	}
	// The node's own limit of time.
	began := time.Now()
	if got := post("/api/v0/eval", `{"source": "let go i = if i == 0 then 0 else go (i - 1)\ngo 900000000000", "deadline": 1000000}`, 202); got.Checkpoint == "" {
		t.Errorf("got %+v", got)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("a limit of 3 s took %v", took)
	}
	for body, want := range map[string]string{
		`{"source": "1 +"}`: "program:1",
		`{"source": "let x = import \"file:/etc/passwd\"\nx"}`: "no files",
		`{"source": "let x = import \"/etc/passwd.ros\"\nx"}`:  "no files",
		`{"expr": "nothing"}`: "CID",
	} {
		if got := post("/api/v0/eval", body, 400); !strings.Contains(got.Problem, want) {
			t.Errorf("%s: got %q, want %q", body, got.Problem, want)
		}
	}
	const nowhere = "bafyreigrcda3skoqtdtawteaw4sbrhtc4etjf3eyqle2zaysvt6db4vpli"
	if got := post("/api/v0/eval", `{"expr": "`+nowhere+`"}`, 404); got.Missing != nowhere {
		t.Errorf("got %+v", got)
	}
	// An endless list ends at the memory limit; the node goes on.
	post("/api/v0/eval", `{"source": "let grow xs = grow (xs ++ xs)\ngrow [1]"}`, 202)
	if got := post("/api/v0/eval", `{"source": "1 + 1", "value": true}`, 200); got.Value != 2.0 {
		t.Errorf("got %+v", got)
	}
	// Progress comes as events.
	r, err := http.NewRequest("POST", s.url+"/api/v0/eval", strings.NewReader(`{"source": "let go i = if i == 0 then 0 else go (i - 1)\ngo 800000000000", "deadline": 1500}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	events, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if !strings.Contains(string(events), "event: progress\ndata: {") || !strings.Contains(string(events), "event: end\ndata: {") {
		t.Errorf("got %s", events)
	}
}

// TestServeTwice: a store is served by one process, and by another one when that has been killed.
func TestServeTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serve(t, dir)
	_, note, exit := command(t, dir, "serve", "--listen", "/ip4/127.0.0.1/tcp/0", "--http", "")
	if exit != 2 || !strings.Contains(note, "served already") {
		t.Errorf("got %d %q", exit, note)
	}
	if out, _ := succeed(t, dir, "eval", "1 + 2"); out != "3" {
		t.Errorf("got %q", out)
	}
	// What is wrong with a command is told from what is not to be had, as without a node.
	for _, where := range []string{dir, t.TempDir()} {
		for _, c := range []struct {
			exit int
			args []string
		}{
			{2, []string{"pull", "nonsense"}},
			{2, []string{"serve", "--work-time=-1s"}},
			{2, []string{"serve", "--work-peer-time=0s"}},
			{2, []string{"ask", "1 + 2", "--peer", "nonsense"}},
			{2, []string{"ask", "1 + 2", "--quorum", "-1"}},
			{3, []string{"pull", "/ip4/127.0.0.1/tcp/1/p2p/" + s.id + "/x"}},
			{3, []string{"ask", "1 + 2", "--quorum", "2", "--peer", s.peer}},
		} {
			if out, note, exit := command(t, where, c.args...); exit != c.exit || out != "" {
				t.Errorf("%v: got exit %d %q %q, want %d", c.args, exit, out, note, c.exit)
			}
		}
	}
	s.kill()
	again := serve(t, dir)
	if again.id != s.id {
		t.Errorf("the node was %s, and is %s", s.id, again.id)
	}
	// A port that is taken is an error that says what to do.
	other := t.TempDir()
	_, note, exit = command(t, other, "serve", "--listen", again.peer[:strings.Index(again.peer, "/p2p")], "--http", "")
	if exit != 2 || !strings.Contains(note, "--listen") {
		t.Errorf("got %d %q", exit, note)
	}
	_, note, exit = command(t, other, "serve", "--listen", "/ip4/127.0.0.1/tcp/0", "--http", strings.TrimPrefix(again.url, "http://"))
	if exit != 2 || !strings.Contains(note, "--http") {
		t.Errorf("got %d %q", exit, note)
	}
}

// TestSomeNames: who has pulled some names of a library imports it, and uses these.
func TestSomeNames(t *testing.T) {
	t.Parallel()
	ann, bob := t.TempDir(), t.TempDir()
	write(t, ann, "two.ros", "let double x = 2 * x\nlet triple x = 3 * x\nlet four = 4\n")
	root, _ := succeed(t, ann, "publish", "two.ros")
	a := serve(t, ann)
	succeed(t, bob, "pull", a.peer+"/two", "double")
	source := "let l = import @" + root + "\n"
	if out, _ := succeed(t, bob, "eval", source+"l.double 21"); out != "42" {
		t.Errorf("got %s", out)
	}
	for _, text := range []string{"l.triple 21", "l.four"} { // what they are is not known, and so what the program is
		if _, note, exit := command(t, bob, "eval", source+text); exit != 3 || !strings.Contains(note, "expression:2:1: block not found: bafy") || !strings.Contains(note, "hint: ") {
			t.Errorf("%s: got %d %s", text, exit, note)
		}
	}
	succeed(t, bob, "pull", a.peer+"/two")
	if out, _ := succeed(t, bob, "eval", source+"l.triple 21 + l.four"); out != "67" {
		t.Errorf("got %s", out)
	}
}

// TestNames: a library is pulled by the name of a key, and what it stands for by then.
func TestNames(t *testing.T) {
	t.Parallel()
	ann, bob, cat := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, ann, "one.ros", "let one = 1\n")
	first, note := succeed(t, ann, "publish", "one.ros", "--ipns", "mine")
	name := regexp.MustCompile(`/ipns/\w+`).FindString(note)
	if name == "" {
		t.Fatalf("publish --ipns says %q", note)
	}
	a := serve(t, ann)
	for dir, args := range map[string][]string{bob: {"--name", "ann"}, cat: nil} { // it is followed without a name of the reader's, too
		if out, _ := succeed(t, dir, append([]string{"pull", a.url + name}, args...)...); out != first {
			t.Errorf("pulled %q, want %q", out, first)
		}
	}
	write(t, ann, "one.ros", "let one = 1\n\nlet two = 2\n")
	second, _ := succeed(t, ann, "publish", "one.ros", "--ipns", "mine")
	for _, dir := range []string{bob, cat} {
		if out, _ := succeed(t, dir, "pull"); out != second {
			t.Errorf("pulled %q, want %q", out, second)
		}
		if out, note := succeed(t, dir, "pull", a.peer+name); out != second || !strings.Contains(note, "unchanged") {
			t.Errorf("pulled %q, want %q\n%s", out, second, note)
		}
	}
	if out, _ := succeed(t, bob, "library", "ls"); !strings.HasPrefix(out, "ann ") {
		t.Errorf("library ls prints %q", out)
	}
	if out, _ := succeed(t, cat, "library", "ls"); !strings.HasPrefix(out, "ipns-"+name[len(name)-8:]+" ") {
		t.Errorf("library ls prints %q", out)
	}
}

// TestDHT: three nodes with a DHT of their own; a root is found by its CID alone, and a name by its key.
func TestDHT(t *testing.T) {
	t.Parallel()
	ann, bob, cat := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, ann, "one.ros", "let one = 1\n")
	root, note := succeed(t, ann, "publish", "one.ros", "--ipns", "self")
	name := regexp.MustCompile(`/ipns/\w+`).FindString(note)
	b := serve(t, bob, "--dht", "--bootstrap", "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQepS7CDhcGG462SFNxJGcoos2HCGP7CwnNtJEHQu2Dyw")
	serve(t, ann, "--bootstrap", b.peer)
	serve(t, cat, "--bootstrap", b.peer)
	eventually(t, "the root is found", func() bool {
		out, _, exit := command(t, cat, "pull", root, "--name", "byroot")
		return exit == 0 && strings.TrimSpace(out) == root
	})
	eventually(t, "the name is found", func() bool {
		out, _, exit := command(t, cat, "pull", name, "--name", "byname")
		return exit == 0 && strings.TrimSpace(out) == root
	})
}

// TestPrivateNetwork: who has not the key cannot connect.
func TestPrivateNetwork(t *testing.T) {
	t.Parallel()
	ann, bob := t.TempDir(), t.TempDir()
	key := "/key/swarm/psk/1.0.0/\n/base16/\n" + strings.Repeat("0123456789abcdef", 4) + "\n"
	write(t, ann, "swarm.key", key)
	write(t, bob, "swarm.key", key)
	write(t, ann, "one.ros", "let one = 1\n")
	succeed(t, ann, "publish", "one.ros")
	a := serve(t, ann, "--private-network", "swarm.key")
	if _, note, exit := command(t, bob, "pull", a.peer); exit != 3 || !strings.Contains(note, "cannot be reached") {
		t.Errorf("without the key: %d %q", exit, note)
	}
	serve(t, bob, "--private-network", "swarm.key")
	succeed(t, bob, "pull", a.peer)
}
