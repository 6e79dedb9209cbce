// This file loads a node that serves: with requests, and with peers.

package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	libp2pnet "github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// recorded puts the answers to n expressions into the store of dir.
func recorded(t testing.TB, dir string, n int) (exprs []cid.Cid) {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := graph.NewWriter(graph.SinkFunc(func(b graph.Block) { err = errors.Join(err, s.Put(ctx, b)) }))
	for i := range n {
		f := graph.EncodeCode(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpLit, Value: graph.Int(int64(i))}}}, w).CID
		expr := graph.EncodeCode(&graph.Term{Op: graph.OpApp, Args: []*graph.Term{{Op: graph.OpRef, CID: f}, {Op: graph.OpLit, Value: graph.Int(1)}}}, w).CID
		result := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(int64(i)), Steps: 1}, w).CID
		err = errors.Join(err, s.Record(ctx, graph.Answer{Expr: expr, Result: result, By: eval.Own, Steps: 1}))
		exprs = append(exprs, expr)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return exprs
}

const endless = "let go i = if i == 0 then 0 else go (i - 1)\ngo 900000000000"

// BenchmarkServe asks a node for results, while it reduces something: at 2,000 requests a second, whose times count from when they are due,
// and as fast as it goes: go test ./tests -run xxx -bench Serve -benchtime 1000000x also tells of the memory.
func BenchmarkServe(b *testing.B) {
	for _, rate := range []int{2000, 0} {
		b.Run(fmt.Sprintf("rate=%d", rate), func(b *testing.B) {
			dir := b.TempDir()
			exprs := recorded(b, dir, 1000)
			s := serve(b, dir, "--work-time", "1h")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v0/eval", strings.NewReader(`{"source": `+strconv.Quote(endless)+`}`))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "text/event-stream")
			work, err := http.DefaultClient.Do(r)
			if err != nil || work.StatusCode != http.StatusOK {
				b.Fatal(work, err)
			}
			defer work.Body.Close()
			if line, err := bufio.NewReader(work.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "event: progress") {
				b.Fatalf("got %q, %v: it does not reduce", line, err)
			}
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			load(b, rate, func(i int) {
				answer, err := client.Get(s.url + "/api/v0/result/" + exprs[i%len(exprs)].String())
				if err != nil || answer.StatusCode != http.StatusOK {
					b.Error(answer, err)
					return
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}, func() int { return resident(b, s.cmd.Process.Pid) })
		})
	}
}

// load calls ask b.N times from 16 goroutines, rate times a second if it is not 0.
func load(b *testing.B, rate int, ask func(i int), memory func() int) {
	const clients = 16
	times := make([][]time.Duration, clients)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	var early int // memory after a fifth
	for c := range clients {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				from := time.Now()
				if rate > 0 {
					from = began.Add(time.Duration(i) * time.Second / time.Duration(rate))
					time.Sleep(time.Until(from))
				}
				ask(int(i))
				times[c] = append(times[c], time.Since(from))
				if i == int64(b.N/5) {
					early = memory()
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	sorted := slices.Sorted(slices.Values(slices.Concat(times...)))
	b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds())/1000, "ms-p99")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(early>>10), "MB-early")
	b.ReportMetric(float64(memory()>>10), "MB-end")
}

// TestManyPeers has 200 peers connected, and then more than there may be.
func TestManyPeers(t *testing.T) {
	dir := t.TempDir()
	expr := recorded(t, dir, 1)[0].String()
	s := serve(t, dir)
	few := resident(t, s.cmd.Process.Pid)
	to, err := peer.AddrInfoFromString(s.peer)
	if err != nil {
		t.Fatal(err)
	}
	var hosts []host.Host
	defer func() {
		for _, h := range hosts {
			h.Close()
		}
	}()
	more := func(n int) (refused int) {
		for range n {
			h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableMetrics(), libp2p.ResourceManager(&libp2pnet.NullResourceManager{}), libp2p.Transport(tcp.NewTCPTransport))
			if err != nil {
				t.Fatal(err)
			}
			hosts = append(hosts, h)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			if h.Connect(ctx, *to) != nil {
				refused++
			}
			cancel()
		}
		return refused
	}
	if refused := more(200); refused > 0 {
		t.Errorf("%d of 200 peers are refused", refused)
	}
	eventually(t, "200 peers are connected", func() bool { return strings.Contains(metrics(t, s.url), "rosser_peers 200") })
	time.Sleep(3 * time.Second)
	many := resident(t, s.cmd.Process.Pid)
	t.Logf("%d MB without peers, %d MB with 200", few>>10, many>>10)
	if many > 500<<10 {
		t.Errorf("%d MB with 200 idle peers", many>>10)
	}
	if testing.Short() {
		return
	}
	refused := more(400)
	m := regexp.MustCompile(`rosser_peers (\d+)`).FindStringSubmatch(metrics(t, s.url))
	t.Logf("of 400 more %d are refused; %s are connected, %d MB", refused, m[1], resident(t, s.cmd.Process.Pid)>>10)
	if n, _ := strconv.Atoi(m[1]); n < 300 || n > 500 {
		t.Errorf("%d peers are connected", n)
	}
	httpGet(t, s.url+"/api/v0/result/"+expr, http.StatusOK)
	for _, h := range hosts { // those who go make room
		h.Close()
	}
	hosts = nil
	eventually(t, "there is room again", func() bool { return strings.Contains(metrics(t, s.url), "rosser_peers 0") })
	if more(1) > 0 {
		t.Error("nobody can connect any more")
	}
}

// TestSecondMachine has a machine run programs that another one has run whom it trusts and is connected to.
func TestSecondMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some ten seconds")
	}
	ann, bob := t.TempDir(), t.TempDir()
	run := func(dir, name string) (out string, reduced float64, took time.Duration) {
		t.Helper()
		file, err := filepath.Abs("bench/" + name + ".ros")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		out, stats := succeed(t, dir, "run", "--stats", file)
		m := regexp.MustCompile(`calls +(\d+) reduced`).FindStringSubmatch(stats)
		if m == nil {
			t.Fatal(stats)
		}
		reduced, _ = strconv.ParseFloat(m[1], 64)
		return out, reduced, time.Since(began)
	}
	programs := []string{"deep", "edit1000memo", "lcs1000memo", "mergesort"}
	outs := map[string]string{}
	var first, second float64
	var long, short time.Duration
	for _, p := range programs {
		out, reduced, took := run(ann, p)
		outs[p] = out
		first, long = first+reduced, long+took
	}
	a := serve(t, ann)
	b := serve(t, bob, "--peer", a.peer)
	succeed(t, bob, "trust", "add", a.id)
	eventually(t, "bob's node is connected", func() bool { return strings.Contains(metrics(t, b.url), "rosser_peers 1") })
	for _, p := range programs {
		out, reduced, took := run(bob, p)
		if out != outs[p] {
			t.Errorf("%s: got %s, want %s", p, out, outs[p])
		}
		second, short = second+reduced, short+took
	}
	t.Logf("%.0f calls in %v, then %.0f in %v", first, long.Round(time.Millisecond), second, short.Round(time.Millisecond))
	if second > first/5 { // a twentieth, where nothing else runs
		t.Errorf("%.0f of %.0f calls are reduced again", second, first)
	}
}
