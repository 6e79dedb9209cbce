// This file is the trustless gateway: blocks and CAR files of the store, over HTTP.

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/files"
	"github.com/ipfs/boxo/gateway"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph/store"
)

const (
	maxRequests = 256              // to the gateway at a time
	maxWalks    = 8                // whole sub-DAGs that are being written: each remembers which blocks it has written
	maxDecoding = 2                // blocks that are being decoded: one of 2 MB takes 200
	walksEach   = 32               // of one peer, that are being written or wait
	walkTime    = 10 * time.Second // that one has, where others wait: who asked asks again for what he lacks
	idleTime    = 30 * time.Second
	turnWait    = 20 * time.Second // for a turn: then who asked is told to ask again, before he or boxo gives up

	alsoParameter = "also"        // of the URL of a CAR file: other CIDs, with commas between them, whose blocks are to be in it, too
	alsoHeader    = "Rosser-Also" // how many of them a gateway takes; others take none, and do not say so
	maxAlso       = 200           // some 12 kB
)

type alsoKey struct{}

// also puts what a CAR file is to hold, too, into the context of a request: many small sub-DAGs in one answer.
func also(gate http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(alsoHeader, strconv.Itoa(maxAlso))
		if text := r.URL.Query().Get(alsoParameter); text != "" {
			var others []cid.Cid
			for one := range strings.SplitSeq(text, ",") {
				c, err := cid.Decode(one)
				if err == nil && len(others) == maxAlso {
					err = fmt.Errorf("more than %d CIDs", maxAlso)
				}
				if err != nil {
					refuse(w, http.StatusBadRequest, fmt.Errorf("%s: %w", alsoParameter, err))
					return
				}
				others = append(others, c)
			}
			r = r.WithContext(context.WithValue(r.Context(), alsoKey{}, others))
		}
		gate.ServeHTTP(w, r)
	})
}

// newGateway answers /ipfs/CID with blocks and CAR files only, and /ipns/NAME with records. A page that is rendered from somebody's data would share its origin
// with the API.
func newGateway(s *store.Store, walks, decoding *turns, registry *prometheus.Registry) (http.Handler, error) {
	bs := s.Blockstore()
	blocks, err := gateway.NewBlocksBackend(blockservice.New(bs, offline.Exchange(bs)),
		gateway.WithMaxTraversalDepth(0), gateway.WithPrometheusRegistry(registry))
	if err != nil {
		return nil, err
	}
	return also(gateway.NewHandler(gateway.Config{
		NoDNSLink: true, DisableHTMLErrors: true, MetricsRegistry: registry, MaxConcurrentRequests: maxRequests, RetrievalTimeout: idleTime,
	}, backend{blocks, s, walks, decoding})), nil
}

// A backend is boxo's, but writes whole sub-DAGs itself: boxo walks them with a selector, whose time and memory grow with the square of
// the depth.
type backend struct {
	*gateway.BlocksBackend
	store           *store.Store
	walks, decoding *turns
}

func (b backend) GetCAR(ctx context.Context, p path.ImmutablePath, params gateway.CarParams) (gateway.ContentPathMetadata, io.ReadCloser, error) {
	if root := p.RootCid(); len(p.Segments()) == 2 { // what is not there is no empty CAR file
		if has, err := b.store.Has(ctx, root); err != nil || !has {
			return gateway.ContentPathMetadata{}, nil, errors.Join(err, ipld.ErrNotFound{Cid: root})
		}
	}
	others, _ := ctx.Value(alsoKey{}).([]cid.Cid)
	_, inline := codec.Inline(p.RootCid())
	alone := params.Scope == gateway.DagScopeBlock && !inline
	if !alone && params.Scope != gateway.DagScopeAll || params.Range != nil || len(p.Segments()) > 2 || params.Duplicates.Bool() {
		return b.boxoCAR(ctx, p, params)
	}
	about, err := b.ResolvePath(ctx, p)
	if err != nil {
		return b.boxoCAR(ctx, p, params)
	}
	if alone && len(others) == 0 {
		var car bytes.Buffer
		err := b.store.WriteBlocks(ctx, []cid.Cid{about.LastSegment.RootCid()}, &car)
		return about, io.NopCloser(&car), err
	}
	who, _ := ctx.Value(remoteKey{}).(string)
	turn, leave, err := b.walks.take(ctx, who)
	if err != nil {
		return gateway.ContentPathMetadata{}, nil, err
	}
	roots := []cid.Cid{about.LastSegment.RootCid()}
	for _, c := range others {
		if has, err := b.store.Has(ctx, c); err == nil && has {
			roots = append(roots, c)
		}
	}
	r, w := io.Pipe()
	context.AfterFunc(turn, func() { w.CloseWithError(context.Cause(turn)) }) // it may wait for who does not read
	go func() {
		defer leave()
		var err error
		if alone {
			err = b.store.WriteBlocks(turn, roots, w)
		} else {
			_, err = b.store.WriteCAR(turn, roots, w, true)
		}
		w.CloseWithError(err)
	}()
	return about, r, nil
}

// boxoCAR is boxo's GetCAR. It decodes each block, which takes a hundred times its bytes and more.
func (b backend) boxoCAR(ctx context.Context, p path.ImmutablePath, params gateway.CarParams) (gateway.ContentPathMetadata, io.ReadCloser, error) {
	who, _ := ctx.Value(remoteKey{}).(string)
	turn, leave, err := b.decoding.take(ctx, who)
	if err != nil {
		return gateway.ContentPathMetadata{}, nil, err
	}
	about, r, err := b.BlocksBackend.GetCAR(turn, p, params)
	if err != nil {
		leave()
		return about, nil, err
	}
	return about, turnReader{r, sync.OnceFunc(leave)}, nil // boxo closes it twice
}

// A turnReader leaves when it is closed.
type turnReader struct {
	io.ReadCloser
	leave func()
}

func (r turnReader) Close() error {
	defer r.leave()
	return r.ReadCloser.Close()
}

// decoded has its turn where a path goes through blocks.
func decoded[T any](ctx context.Context, b backend, p path.ImmutablePath, f func(context.Context) (T, error)) (got T, err error) {
	if len(p.Segments()) > 2 {
		who, _ := ctx.Value(remoteKey{}).(string)
		_, leave, err := b.decoding.take(ctx, who)
		if err != nil {
			return got, err
		}
		defer leave()
	}
	return f(ctx)
}

func (b backend) ResolvePath(ctx context.Context, p path.ImmutablePath) (gateway.ContentPathMetadata, error) {
	return decoded(ctx, b, p, func(ctx context.Context) (gateway.ContentPathMetadata, error) {
		return b.BlocksBackend.ResolvePath(ctx, p)
	})
}

func (b backend) GetBlock(ctx context.Context, p path.ImmutablePath) (about gateway.ContentPathMetadata, f files.File, err error) {
	f, err = decoded(ctx, b, p, func(ctx context.Context) (f files.File, err error) {
		about, f, err = b.BlocksBackend.GetBlock(ctx, p)
		return f, err
	})
	return about, f, err
}

// Turns let a few in at a time. Where others wait, the one who has been in for longest is ended when his time is over.
type turns struct {
	slots chan struct{}
	each  int
	time  time.Duration
	wait  time.Duration

	mu    sync.Mutex
	in    []*turn        // in the order in which they came in
	count map[string]int // who are in or wait
}

type turn struct {
	began time.Time
	end   context.CancelCauseFunc
}

var (
	errTurn  = errors.New("others wait, and this has gone on for long; ask again for what is missing")
	errTurns = errors.New("others are before you; ask again")
)

// askAgain is an error that says so: it is not that something is not there.
func askAgain(err error, status int) error {
	return gateway.NewErrorRetryAfter(gateway.NewErrorStatusCode(err, status), time.Second)
}

func newTurns(n, each int, time time.Duration) *turns {
	return &turns{slots: make(chan struct{}, n), each: each, time: time, wait: turnWait, count: map[string]int{}}
}

// take waits for a turn. The context that it returns ends with it; leave has to be called.
func (t *turns) take(ctx context.Context, who string) (_ context.Context, leave func(), err error) {
	t.mu.Lock()
	if t.count[who] >= t.each {
		t.mu.Unlock()
		return nil, nil, askAgain(errManyOfIt, http.StatusTooManyRequests)
	}
	t.count[who]++
	t.mu.Unlock()
	out := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.count[who]--; t.count[who] == 0 {
			delete(t.count, who)
		}
	}
	look, end := time.NewTicker(t.time/4), time.NewTimer(t.wait)
	defer look.Stop()
	defer end.Stop()
	for {
		select {
		case t.slots <- struct{}{}:
			ctx, end := context.WithCancelCause(ctx)
			mine := &turn{time.Now(), end}
			t.mu.Lock()
			t.in = append(t.in, mine)
			t.mu.Unlock()
			return ctx, func() {
				t.mu.Lock()
				t.in = slices.DeleteFunc(t.in, func(o *turn) bool { return o == mine })
				t.mu.Unlock()
				end(nil)
				<-t.slots
				out()
			}, nil
		case <-look.C:
			t.mu.Lock()
			if len(t.in) > 0 && time.Since(t.in[0].began) > t.time {
				t.in[0].end(errTurn)
			}
			t.mu.Unlock()
		case <-end.C:
			out()
			return nil, nil, askAgain(errTurns, http.StatusServiceUnavailable)
		case <-ctx.Done():
			out()
			return nil, nil, ctx.Err()
		}
	}
}
