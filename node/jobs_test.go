// This file has one process reduce what several want, and counts what each of them has had.

package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/repl"
)

// TestMain is `rosser work` for the nodes of these tests that reduce. It begins when the file is there that gateVariable names.
func TestMain(m *testing.M) {
	if os.Getenv(workVariable) == "" || len(os.Args) != 4 || os.Args[3] != "work" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	for gate := os.Getenv(gateVariable); gate != "" && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(gate); err == nil {
			break
		}
	}
	err := repl.Work(ctx, repl.Options{Store: os.Args[2]}, os.Stdin, os.Stdout)
	stop()
	os.Exit(repl.Report(err))
}

const (
	workVariable = "ROSSER_NODE_TEST_WORK"
	gateVariable = "ROSSER_NODE_TEST_GATE"
)

// working is a node that reduces.
func working(t *testing.T, l Limits) (*Node, *httptest.Server) {
	t.Helper()
	t.Setenv(workVariable, "1")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := loopback
	o.Program, o.Work, o.Limits = program, true, l
	_, n := open(t, o)
	web := httptest.NewServer(n.Handler())
	t.Cleanup(web.Close)
	return n, web
}

// evaluate posts a task.
func evaluate(t *testing.T, url string, task repl.Task) (a taskAnswer, status int) {
	t.Helper()
	body, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url+"/api/v0/eval", typeJSON, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return a, 0
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return a, r.StatusCode
}

const countdown = "let go i x = if i == 0 then x else go (i - 1) (x * 16807 %% 2147483647)\ngo %d 1"

// until waits until f, which looks at the workers, is true.
func until(t *testing.T, n *Node, what string, f func(w *workers) bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		n.workers.mu.Lock()
		ok := f(n.workers)
		n.workers.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not in a minute", what)
		}
	}
}

// waiting says whether there is one job, that runs, for so many.
func waiting(want int) func(w *workers) bool {
	return func(w *workers) bool {
		for _, j := range w.jobs {
			return len(w.jobs) == 1 && w.running == 1 && !j.began.IsZero() && len(j.waiting) == want
		}
		return want == 0
	}
}

// theJob is the one job that there is.
func theJob(n *Node) *job {
	n.workers.mu.Lock()
	defer n.workers.mu.Unlock()
	for _, j := range n.workers.jobs {
		return j
	}
	return nil
}

// TestOneJob: the same expression asked at once, within different limits, runs once.
func TestOneJob(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "gate")
	t.Setenv(gateVariable, gate)
	n, web := working(t, Limits{Each: 8})
	const steps = 3_000_000
	source := fmt.Sprintf(countdown, steps)
	var all sync.WaitGroup
	post := func(task repl.Task, check func(taskAnswer, int)) {
		task.Source = source
		all.Go(func() { check(evaluate(t, web.URL, task)) })
	}
	complete := func(a taskAnswer, status int) {
		if status != http.StatusOK || a.Result == "" || a.Steps != steps+1 || a.Executed > steps+steps/50 {
			t.Errorf("got %d %+v", status, a)
		}
	}
	post(repl.Task{Fuel: steps / 2}, func(a taskAnswer, status int) { // the first, whose limit ends the first process
		if status != http.StatusAccepted || a.Checkpoint == "" {
			t.Errorf("got %d %+v, want a checkpoint", status, a)
		}
	})
	until(t, n, "it runs", waiting(1))
	post(repl.Task{Value: true}, func(a taskAnswer, status int) {
		if complete(a, status); len(a.Value) == 0 {
			t.Error("the value is wanted, and does not come")
		}
	})
	post(repl.Task{}, func(a taskAnswer, status int) {
		if complete(a, status); len(a.Value) != 0 {
			t.Error("the value is not wanted, and comes")
		}
	})
	until(t, n, "three wait for it", waiting(3))
	for word, task := range map[string]repl.Task{"deadline": {Milli: 1}, "fuel": {Fuel: 1}} {
		left := make(chan struct{})
		post(task, func(a taskAnswer, status int) {
			defer close(left)
			if status != http.StatusAccepted || !strings.Contains(a.Stopped, word) || a.Checkpoint != "" {
				t.Errorf("got %d %+v, want that it is stopped, and goes on for others: %s", status, a, word)
			}
		})
		if task.Fuel > 0 {
			until(t, n, "it waits, too", waiting(4))
			n.workers.tell(theJob(n), repl.TaskProgress{Steps: 1})
		}
		<-left
		until(t, n, "it goes on for the others", waiting(3))
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	until(t, n, "nothing is left", func(w *workers) bool { return w.asked == 0 && w.running == 0 && len(w.jobs)+len(w.queue) == 0 })
}

// TestLastOfAJob: who is the last to wait, with a limit below that of one who has left, ends the job and is given what was reached.
func TestLastOfAJob(t *testing.T) {
	n, web := working(t, Limits{})
	source := fmt.Sprintf(countdown, 900_000_000_000)
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	body := fmt.Sprintf(`{"source": %q}`, source)
	first, err := http.NewRequestWithContext(ctx, http.MethodPost, web.URL+"/api/v0/eval", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	first.Header.Set("Content-Type", typeJSON)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if r, err := http.DefaultClient.Do(first); err == nil {
			r.Body.Close()
		}
	}()
	until(t, n, "it has done something", func(w *workers) bool {
		for _, j := range w.jobs {
			return waiting(1)(w) && j.steps > 0
		}
		return false
	})
	type answer struct {
		taskAnswer
		status int
	}
	second := make(chan answer, 1)
	go func() {
		a, status := evaluate(t, web.URL, repl.Task{Source: source})
		second <- answer{a, status}
	}()
	until(t, n, "two wait for it", waiting(2))
	leave()
	until(t, n, "the second one waits alone, and has a limit that is over", func(w *workers) bool {
		for _, j := range w.jobs {
			if len(j.waiting) == 1 && j.steps > 0 { // its process is there to be told
				j.waiting[0].task.Milli = 1
				return true
			}
		}
		return false
	})
	a := <-second
	<-gone
	if a.status != http.StatusAccepted || a.Checkpoint == "" || a.Reduct == "" {
		t.Errorf("got %+v, want a checkpoint", a)
	}
}

// TestStoppedAtOnce: a task whose process is told to end before it can say anything was stopped, as one that has come further.
func TestStoppedAtOnce(t *testing.T) {
	program := filepath.Join(t.TempDir(), "mute")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec sleep 600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, n := open(t, Options{Program: program})
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	var asked sync.WaitGroup
	asked.Go(func() {
		if a, status := evaluate(t, web.URL, repl.Task{Source: "1 + 2"}); status != http.StatusAccepted || a.Stopped != "interrupted" || a.Expr == "" || a.Problem != "" {
			t.Errorf("got %d %+v", status, a)
		}
	})
	until(t, n, "it has begun", waiting(1))
	n.workers.close()
	asked.Wait()
}

// TestParting: a node that closes tells the peer that waits for it how far it has come, and lets it fetch that.
func TestParting(t *testing.T) {
	n, _ := working(t, Limits{})
	n.parting = time.Minute
	s, asker := open(t, loopback)
	expr, blocks, err := repl.On(s).TaskExpr(t.Context(), repl.Task{Source: fmt.Sprintf(countdown, 900_000_000_000)})
	if err == nil {
		err = s.Put(t.Context(), blocks...)
	}
	if err != nil {
		t.Fatal(err)
	}
	var heard []Asked
	asked := make(chan error, 1)
	go func() {
		_, err := asker.Ask(t.Context(), Ask{Expr: expr.String(), Peers: []string{n.Addrs()[0].String()}}, func(string, repl.TaskProgress) {}, func(a Asked) { heard = append(heard, a) })
		asker.Close()
		asked <- err
	}()
	until(t, n, "it has done something", func(w *workers) bool {
		for _, j := range w.jobs {
			return waiting(1)(w) && j.steps > 0
		}
		return false
	})
	n.Close()
	if err := <-asked; !errors.Is(err, errNoAnswers) || len(heard) != 1 || heard[0].Error != "" || heard[0].Left == "" || heard[0].Steps == 0 || !strings.Contains(err.Error(), "rosser resume") {
		t.Errorf("got %v, %+v, want what is left", err, heard)
	}
}

// TestAccounts: a peer has its tasks, its time and its steps, and the peers of one address have some times that together.
func TestAccounts(t *testing.T) {
	w := newWorkers("/does/not/exist", t.TempDir(), Limits{Each: 2, Address: 3, EachTime: time.Minute, EachFuel: 100})
	admit := func(who, address string, want error) func() {
		t.Helper()
		leave, err := w.admit(client{who, address})
		if err != want {
			t.Errorf("%s of %s: got %v, want %v", who, address, err, want)
		}
		return leave
	}
	var leaves []func()
	for i := range 3 {
		for range 2 {
			leaves = append(leaves, admit(fmt.Sprint("key ", i), "192.0.2.1", nil))
		}
		admit(fmt.Sprint("key ", i), "192.0.2.1", errManyOfIt)
	}
	admit("key 4", "192.0.2.1", errNearby)
	leaves = append(leaves, admit("key 4", "192.0.2.2", nil))
	for _, leave := range leaves {
		leave()
	}
	if w.asked != 0 || len(w.peers)+len(w.nearby) != 0 {
		t.Errorf("%d tasks are left, of %d", w.asked, len(w.peers))
	}
	charge := func(who, address string, took time.Duration, steps uint64) {
		w.chargeLocked(client{who, address}, took, steps)
	}
	charge("a", "192.0.2.1", time.Minute, 1)
	admit("a", "192.0.2.1", errSpent)
	admit("b", "192.0.2.1", nil)()
	charge("b", "192.0.2.1", time.Second, 100)
	admit("b", "192.0.2.1", errSpent)
	charge("c", "192.0.2.1", 2*time.Minute, 0)
	admit("d", "192.0.2.1", errSpent) // its address
	admit("d", "192.0.2.2", nil)()
	charge("127.0.0.1", "", time.Hour, 1<<62)
	admit("127.0.0.1", "", nil)()
	w.peers["a"].since = time.Now().Add(-2 * accountTime)
	w.nearby["192.0.2.1"].since = time.Now().Add(-2 * accountTime)
	admit("a", "192.0.2.1", nil)()
	web := func(addr string) client {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = net.JoinHostPort(addr, "1234")
		return (&Node{}).clientOf(r)
	}
	if got, want := web("2001:db8:1:2::3"), (client{"2001:db8:1:2::3", "2001:db8:1::/56"}); got != want {
		t.Errorf("got the client %v, want %v: who has a network has many addresses", got, want)
	}
	if got := web("::1"); got.address != "" || !got.free() {
		t.Errorf("got the client %v, want one of this machine's own", got)
	}
	// Keys are free, take no memory, and make nobody forget who has had his time.
	charge("glutton", "192.0.2.7", time.Hour, 1)
	for i := range 3 * maxAccounts {
		charge(fmt.Sprint("key ", i), "192.0.2.1", time.Second, 1)
	}
	if n := len(w.peers); n > maxAccounts+1 {
		t.Errorf("%d accounts are kept, want at most %d", n, maxAccounts)
	}
	admit("glutton", "192.0.2.8", errSpent)
}

// TestTurnsOfPeers: one peer has no more processes at a time than it may, whatever it asks for, and another one goes before what it waits for.
func TestTurnsOfPeers(t *testing.T) {
	n, _ := working(t, Limits{Jobs: 2, EachJobs: 1, Each: 8})
	var clients []*http.Client
	for range 2 {
		l := newLiar(t)
		to, err := peer.AddrInfoFromString(n.Addrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.host.Connect(context.Background(), *to); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, streamClient(l.host, 0))
	}
	var all sync.WaitGroup
	ctx, leave := context.WithCancel(context.Background())
	post := func(c *http.Client, i int) {
		body := fmt.Sprintf(`{"source": %q}`, fmt.Sprintf(countdown, 900_000_000_000+i))
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+n.ID().String()+"/api/v0/eval", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", typeJSON)
		all.Go(func() {
			if r, err := c.Do(q); err == nil {
				r.Body.Close()
				t.Errorf("got %s", r.Status)
			}
		})
	}
	for i := range 3 {
		post(clients[0], i)
	}
	look := func(running, queue int) func(w *workers) bool {
		return func(w *workers) bool {
			for _, a := range w.peers {
				if a.running > 1 {
					t.Errorf("%d processes of one run", a.running)
				}
			}
			return w.running == running && len(w.queue) == queue
		}
	}
	until(t, n, "one asks for three, and one of them runs", look(1, 2))
	post(clients[1], 3)
	until(t, n, "another one asks, and goes before", look(2, 2))
	leave()
	all.Wait()
	until(t, n, "nothing is left", look(0, 0))
}

// TestJobOfAnother: who wants what somebody else wants, too, who has as many processes as he may, does not wait for those.
func TestJobOfAnother(t *testing.T) {
	w := newWorkers("/does/not/exist", t.TempDir(), Limits{Jobs: 2, EachJobs: 1})
	w.peers.of("a").running, w.running = 1, 1
	want := func(who string) *waiter {
		t.Helper()
		m := &waiter{client: client{who: who}, task: w.limits.clamp(repl.Task{Expr: "x"}), since: time.Now(), news: make(chan repl.TaskProgress, 1), answer: make(chan answered, 1)}
		if _, err := w.join(m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	a := want("a")
	if len(w.queue) != 1 {
		t.Fatal("one who has his processes is given another one")
	}
	b := want("b")
	for _, m := range []*waiter{a, b} {
		if got := <-m.answer; got.err == nil {
			t.Errorf("got %+v of a program that is not there", got)
		}
	}
	w.close()
	if len(w.queue)+len(w.jobs) != 0 || w.peers.of("b").running != 0 || w.peers.of("a").running != 1 {
		t.Errorf("%d tasks are left, and %d processes of b", len(w.queue)+len(w.jobs), w.peers.of("b").running)
	}
}

// TestCheckpointOfAnother: a task whose checkpoint is of something else, or is none, is refused before others wait for it.
func TestCheckpointOfAnother(t *testing.T) {
	ctx := context.Background()
	n, web := working(t, Limits{})
	x, y := question(t, n, 1), question(t, n, 2)
	var blocks []graph.Block
	put := graph.SinkFunc(func(b graph.Block) { blocks = append(blocks, b) })
	point := func(of cid.Cid) string { return graph.EncodeCheckpoint(graph.Checkpoint{Of: of}, put).CID.String() }
	ofX, ofY := point(x), point(y)
	if err := n.store.Put(ctx, blocks...); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		task   repl.Task
		status int
		text   string
	}{
		"of another":          {repl.Task{Expr: x.String(), Checkpoint: ofY}, http.StatusBadRequest, "is no checkpoint of"},
		"of a source":         {repl.Task{Source: "1 + 1", Checkpoint: ofY}, http.StatusBadRequest, "is no checkpoint of"},
		"no checkpoint":       {repl.Task{Expr: x.String(), Checkpoint: x.String()}, http.StatusBadRequest, "is no checkpoint:"},
		"no CID":              {repl.Task{Checkpoint: "x"}, http.StatusBadRequest, "is not a CID"},
		"not there":           {repl.Task{Expr: x.String(), Checkpoint: junk(3).CID.String()}, http.StatusNotFound, "not"},
		"of the expression":   {repl.Task{Expr: x.String(), Checkpoint: ofX}, http.StatusOK, ""},
		"without expression":  {repl.Task{Checkpoint: ofX}, http.StatusOK, ""},
		"without checkpoints": {repl.Task{Expr: x.String()}, http.StatusOK, ""},
	} {
		a, status := evaluate(t, web.URL, test.task)
		if status != test.status || !strings.Contains(a.Problem, test.text) || status == http.StatusOK && (a.Expr != x.String() || a.Result == "") {
			t.Errorf("%s: got %d %+v, want %d %s", name, status, a, test.status, test.text)
		}
	}
}

// TestCustomers: addresses of one customer have one account, over HTTP as well.
func TestCustomers(t *testing.T) {
	_, n := open(t, Options{})
	for from, want := range map[string]string{
		"[2001:db8:0:7::1]:80": "2001:db8::/56", "[2001:db8:0:9::2]:80": "2001:db8::/56", "[2001:db8:0:100::2]:80": "2001:db8:0:100::/56",
		"[fe80::1%eth0]:80": "fe80::/56", "192.0.2.1:80": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "127.0.0.1:80": "", "[::1]:80": "",
	} {
		if got := n.clientOf(&http.Request{RemoteAddr: from}); got.address != want || got.free() != (want == "") {
			t.Errorf("%s: got %+v, want %q", from, got, want)
		}
	}
}
