// This file gives a node tasks that are too large, and too many of one peer.

package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/repl"
)

// TestTasksOfOne: what a peer asks for counts before anything is fetched for it.
func TestTasksOfOne(t *testing.T) {
	o := loopback
	o.Work, o.Program, o.Limits = true, "/does/not/exist", Limits{Each: 3}
	_, n := open(t, o)
	l := newLiar(t)
	asked, done := make(chan struct{}, 100), make(chan struct{})
	l.block = func(w http.ResponseWriter, r *http.Request) { // its program never comes
		asked <- struct{}{}
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}
	to, err := peer.AddrInfoFromString(n.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.host.Connect(context.Background(), *to); err != nil {
		t.Fatal(err)
	}
	client := streamClient(l.host, 0)
	const tasks = 20
	status := make(chan int, tasks)
	for i := range tasks {
		go func() {
			body := fmt.Sprintf(`{"expr": %q}`, junk(i).CID)
			r, err := client.Post("http://"+n.ID().String()+"/api/v0/eval", typeJSON, strings.NewReader(body))
			if err != nil {
				status <- 0
				return
			}
			r.Body.Close()
			status <- r.StatusCode
		}()
	}
	for range tasks - 3 {
		if got := <-status; got != http.StatusTooManyRequests {
			t.Errorf("got %d, want %d", got, http.StatusTooManyRequests)
		}
	}
	close(done)
	for range 3 {
		if got := <-status; got == http.StatusTooManyRequests {
			t.Error("one of the first is refused")
		}
	}
	if len(asked) > 3 {
		t.Errorf("%d programs were fetched at once", len(asked))
	}
	if n.workers.asked != 0 || len(n.workers.peers)+len(n.workers.nearby) != 0 {
		t.Errorf("%d tasks are left", n.workers.asked)
	}
}

// TestGiantTasks: what would take the node long to compile is refused at once.
func TestGiantTasks(t *testing.T) {
	o := loopback
	o.Program = "/does/not/exist"
	_, n := open(t, o)
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	for name, task := range map[string]repl.Task{
		"args":   {Expr: junk(1).CID.String(), Args: slices.Repeat([]string{junk(2).CID.String()}, 200_000)},
		"source": {Source: "[" + strings.Repeat("1,", 7_000_000) + "1]"},
	} {
		body, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r, err := http.Post(web.URL+"/api/v0/eval", typeJSON, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "the limit is") {
			t.Errorf("%s: got %d %.200s", name, r.StatusCode, text)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
}
