// This file asks the gateway for more than it gives at once.

package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// TestStalledReaders: who asks for large files and does not read them keeps nobody else from reading his.
func TestStalledReaders(t *testing.T) {
	ctx := context.Background()
	s, n := open(t, loopback)
	n.walks.time = time.Second
	var links []cid.Cid
	for i := range 40 {
		data := codec.AppendBytes(nil, []byte(strings.Repeat(fmt.Sprint(i), 500_000)))
		b := graph.Block{CID: codec.CIDOf(data), Data: data}
		if err := s.Put(ctx, b); err != nil {
			t.Fatal(err)
		}
		links = append(links, b.CID)
	}
	data := codec.AppendArray(nil, len(links))
	for _, l := range links {
		data = codec.AppendLink(data, l)
	}
	root := graph.Block{CID: codec.CIDOf(data), Data: data}
	if err := s.Put(ctx, root); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := newServer(n.Handler())
	web.Handler = steady(n.Handler(), time.Second)
	go web.Serve(l)
	defer web.Close()
	path := "/ipfs/" + root.CID.String() + "?format=car"
	for range 2 * maxWalks {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	}
	time.Sleep(200 * time.Millisecond) // they are all in, or wait
	client := http.Client{Timeout: 20 * time.Second}
	r, err := client.Get("http://" + l.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK || got < 20_000_000 {
		t.Errorf("got %s, %d bytes, %v", r.Status, got, err)
	}
}

// TestTurns: nobody waits for more than his share, and whoever leaves is counted no more.
func TestTurns(t *testing.T) {
	turns := newTurns(1, 2, time.Hour)
	first, leave, err := turns.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := turns.take(short, "a"); err != context.DeadlineExceeded {
		t.Errorf("got %v, want that there is no turn yet", err)
	}
	if first.Err() != nil {
		t.Error("the first is ended before its time")
	}
	turns.time = 20 * time.Millisecond
	go func() {
		<-first.Done()
		leave()
	}()
	_, leave2, err := turns.take(t.Context(), "a")
	if err != nil || context.Cause(first) != errTurn {
		t.Fatal(err, context.Cause(first))
	}
	waiting, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, _, err := turns.take(waiting, "a")
		done <- err
	}()
	for deadline := time.Now().Add(5 * time.Second); ; {
		turns.mu.Lock()
		n := turns.count["a"]
		turns.mu.Unlock()
		if n == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits")
		}
		time.Sleep(time.Millisecond)
	}
	if _, _, err := turns.take(t.Context(), "a"); err == nil {
		t.Error("one has more than his share")
	}
	stop()
	<-done
	leave2()
	if len(turns.count) != 0 || len(turns.in) != 0 || len(turns.slots) != 0 {
		t.Errorf("got %v %v, want nobody", turns.count, turns.in)
	}
}

// TestPartsOfDAGs: the parts of a DAG that a path or a scope names come as CAR files, each of which ends, and every turn is given back.
func TestPartsOfDAGs(t *testing.T) {
	s, n := open(t, loopback)
	root := fill(t, s, "numbers", 3)
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	client := http.Client{Timeout: 20 * time.Second}
	for _, path := range []string{"?format=car&dag-scope=entity", "/names?format=car", "/names?format=car&dag-scope=entity", "/nothing?format=car"} {
		r, err := client.Get(web.URL + "/ipfs/" + root.String() + path)
		if err != nil {
			t.Fatal(path, err)
		}
		car, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || len(car) == 0 {
			t.Errorf("%s: got %s, %d bytes, %v", path, r.Status, len(car), err)
		}
	}
	n.decoding.mu.Lock()
	defer n.decoding.mu.Unlock()
	if len(n.decoding.count) != 0 || len(n.decoding.in) != 0 {
		t.Errorf("got %v, %d, want nobody", n.decoding.count, len(n.decoding.in))
	}
}

// TestLargeBlocks: a block that takes a hundred times its bytes when it is decoded is given to many at once in bounded memory.
func TestLargeBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long")
	}
	ctx := context.Background()
	s, n := open(t, loopback)
	const elements = 400_000
	data := codec.AppendArray(nil, elements)
	for range elements {
		data = codec.AppendArray(data, 0)
	}
	b := graph.Block{CID: codec.CIDOf(data), Data: data}
	if err := s.Put(ctx, b); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	for _, path := range []string{"/api/v0/show/%s", "/ipfs/%s?format=car&dag-scope=block", "/ipfs/%s?format=car&dag-scope=entity"} {
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		var most atomic.Uint64
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				most.Store(max(most.Load(), now.HeapInuse))
			}
		}()
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				r, err := http.Get(web.URL + fmt.Sprintf(path, b.CID))
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Body.Close()
				if size, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK || size < elements {
					t.Errorf("%s: got %s, %d bytes, %v", path, r.Status, size, err)
				}
			})
		}
		clients.Wait()
		close(stop)
		<-stopped
		t.Logf("%s: %d MB", path, (int64(most.Load())-int64(before.HeapInuse))>>20)
		if most.Load() > before.HeapInuse+300<<20 {
			t.Errorf("%s: %d MB were in use", path, most.Load()>>20)
		}
	}
}
