// This file times how results are asked for, over HTTP and of a peer.

package node

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
)

// question records the answer to an expression, and returns that.
func question(t testing.TB, n *Node, i int) cid.Cid {
	t.Helper()
	ctx := context.Background()
	w := graph.NewWriter(graph.SinkFunc(func(b graph.Block) { n.store.Put(ctx, b) }))
	f := graph.EncodeCode(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpLit, Value: graph.Int(int64(i))}}}, w).CID
	expr := graph.EncodeCode(&graph.Term{Op: graph.OpApp, Args: []*graph.Term{{Op: graph.OpRef, CID: f}, {Op: graph.OpLit, Value: graph.Int(1)}}}, w).CID
	result := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(int64(i)), Steps: 1}, w).CID
	if err := n.store.Record(ctx, graph.Answer{Expr: expr, Result: result, By: eval.Own, Steps: 1}); err != nil {
		t.Fatal(err)
	}
	return expr
}

// BenchmarkGetResult has 16 clients ask for results over HTTP.
func BenchmarkGetResult(b *testing.B) {
	_, n := open(b, loopback)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := newServer(n.Handler())
	go web.Serve(l)
	defer web.Close()
	var urls []string
	for i := range 1000 {
		urls = append(urls, "http://"+l.Addr().String()+"/api/v0/result/"+question(b, n, i).String())
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	times := make(chan []time.Duration, 64)
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var mine []time.Duration
		for i := 0; pb.Next(); i++ {
			began := time.Now()
			r, err := client.Get(urls[i%len(urls)])
			if err != nil || r.StatusCode != http.StatusOK {
				b.Error(r, err)
				return
			}
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
			mine = append(mine, time.Since(began))
		}
		times <- mine
	})
	b.StopTimer()
	reportTimes(b, times)
}

func reportTimes(b *testing.B, times chan []time.Duration) {
	var all []time.Duration
	for len(times) > 0 {
		all = append(all, <-times...)
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "ms-p99")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkFind asks a connected peer for what it has recorded.
func BenchmarkFind(b *testing.B) {
	ctx := context.Background()
	_, from := open(b, loopback)
	_, n := open(b, Options{})
	if _, err := n.Connect(ctx, from.Addrs()[0].String()); err != nil {
		b.Fatal(err)
	}
	var exprs []cid.Cid
	for i := range b.N {
		exprs = append(exprs, question(b, from, i))
	}
	times := make(chan []time.Duration, 1)
	var mine []time.Duration
	b.ResetTimer()
	for _, expr := range exprs {
		began := time.Now()
		if ok, err := n.Find(ctx, expr, true); err != nil || !ok {
			b.Fatal(ok, err)
		}
		mine = append(mine, time.Since(began))
	}
	b.StopTimer()
	times <- mine
	reportTimes(b, times)
}
