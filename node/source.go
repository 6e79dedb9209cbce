// This file holds sources: whom blocks are fetched from.

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// A source gives blocks.
type source interface {
	String() string // whose blocks they are, as an error names it
	// fetch asks for blocks and calls take with each that comes, verified, from one goroutine. deep says that what is below them is wanted
	// too, which a source may give with them. One that does not come is no error.
	fetch(ctx context.Context, wanted []cid.Cid, deep bool, take func(graph.Block) error) error
	batch() int // how many it is best asked for at once
}

// A gatewaySource is a trustless gateway.
type gatewaySource struct {
	name   string
	base   string // URL without /ipfs/…
	client *http.Client
	also   atomic.Int32 // how many other sub-DAGs it gives in one answer
}

func (g *gatewaySource) String() string { return g.name }
func (g *gatewaySource) batch() int     { return 1 + int(g.also.Load()) }

// errRefused is what a gateway answers that is neither a block nor that there is none.
type errRefused struct {
	status int
	text   string
}

func (e *errRefused) Error() string {
	return fmt.Sprintf("it answers %d %s%s", e.status, http.StatusText(e.status), e.text)
}

func (g *gatewaySource) fetch(ctx context.Context, wanted []cid.Cid, deep bool, take func(graph.Block) error) error {
	for part := range slices.Chunk(wanted, g.batch()) {
		if err := g.one(ctx, part, deep, take); err != nil {
			return err
		}
	}
	return nil
}

// one asks for what one CAR file may hold.
func (g *gatewaySource) one(ctx context.Context, wanted []cid.Cid, deep bool, take func(graph.Block) error) error {
	scope := "block"
	if deep {
		scope = "all"
	}
	path := "/ipfs/" + wanted[0].String() + "?format=car&dag-scope=" + scope
	for i, c := range wanted[1:] {
		if i == 0 {
			path += "&" + alsoParameter + "="
		} else {
			path += ","
		}
		path += c.String()
	}
	body, err := g.get(ctx, path, "application/vnd.ipld.car; version=1; order=dfs; dups=n")
	if err != nil || body == nil {
		return err
	}
	defer body.Close()
	tail := &tailReader{r: body}
	_, size, err := store.ReadCAR(tail, take)
	switch {
	case body.late():
		return errLate
	case errors.Is(err, store.ErrTruncated), errors.Is(err, io.ErrUnexpectedEOF) && size.Blocks > 0, err != nil && tail.cut(): // what is missing is asked for again
		if len(wanted) > 1 {
			return errCut
		}
		return nil
	}
	return err
}

// A tailReader knows the last bytes that it read.
type tailReader struct {
	r    io.Reader
	tail []byte
}

func (t *tailReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.tail = append(t.tail, p[max(0, n-tailBytes):n]...)
	t.tail = t.tail[max(0, len(t.tail)-tailBytes):]
	return n, err
}

const tailBytes = 512

// cut says whether the gateway has written that it cuts the file short: boxo does so where blocks should stand, with status 200.
func (t *tailReader) cut() bool {
	io.CopyN(io.Discard, t, tailBytes)
	return bytes.Contains(t.tail, []byte("[Gateway Error: "))
}

// errCut says that an answer ends before all has come that was asked for, which may be there.
var errCut = errors.New("its answer breaks off")

// errLate says that nothing has come for idleTime.
var errLate = fmt.Errorf("nothing has come for %v", idleTime)

const (
	askTries = 8               // of what a gateway says to ask again for
	askPause = 5 * time.Second // between two of them, at most
)

// get asks for what is at a path, again where the gateway says so. It is nil without an error where the gateway has nothing there.
func (g *gatewaySource) get(ctx context.Context, path, accept string) (*idleReader, error) {
	for try := 1; ; try++ {
		body, again, err := g.once(ctx, path, accept)
		if again == 0 || try == askTries {
			return body, err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// unanswered is why a request over HTTP had no answer, and the hint where nobody listens.
func unanswered(err error, hint string) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = plainDial(u.Err)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		err = fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

// once asks once. again says after how long it should be asked again; 0 for never.
func (g *gatewaySource) once(ctx context.Context, path, accept string) (_ *idleReader, again time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base+path, nil)
	if err != nil {
		cancel(nil)
		return nil, 0, err
	}
	r.Header.Set("Accept", accept)
	body := &idleReader{cancel: cancel, ctx: ctx, timer: time.AfterFunc(idleTime, func() { cancel(errLate) })}
	answer, err := g.client.Do(r)
	if err != nil {
		body.Close()
		err = unanswered(err, askRunning)
		if context.Cause(ctx) == errLate {
			err = errLate
		}
		return nil, 0, err
	}
	body.body = answer.Body
	if n, err := strconv.Atoi(answer.Header.Get(alsoHeader)); err == nil {
		g.also.Store(int32(min(max(n, 0), maxAlso)))
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return body, 0, nil
	case http.StatusNotFound, http.StatusGone:
		body.Close()
		return nil, 0, nil
	}
	head, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
	body.Close()
	text := strings.TrimSpace(strings.ToValidUTF8(string(head), "\uFFFD"))
	if answer.StatusCode == http.StatusInternalServerError && strings.Contains(text, "not found") { // as gateways say of a block that they do not find
		return nil, 0, nil
	}
	if text != "" {
		text = ": " + text
	}
	return nil, askAgainAfter(answer), &errRefused{answer.StatusCode, text}
}

// askAgainAfter is when to ask again what a gateway has no time for now: it says so, or it is a node of Rosser's, which has what it does not say that it
// has not.
func askAgainAfter(answer *http.Response) time.Duration {
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0
	}
	if seconds, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16); err == nil {
		return min(max(time.Duration(seconds)*time.Second, time.Second/10), askPause)
	}
	if answer.StatusCode == http.StatusGatewayTimeout && answer.Header.Get(alsoHeader) != "" {
		return time.Second
	}
	return 0
}

// An idleReader ends when nothing comes for idleTime.
type idleReader struct {
	body   io.ReadCloser // nil before the answer
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (r *idleReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.timer.Reset(idleTime)
	return n, err
}

// late says whether it has been given up.
func (r *idleReader) late() bool { return context.Cause(r.ctx) == errLate }

func (r *idleReader) Close() error {
	r.timer.Stop()
	r.cancel(nil)
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}

// A bitswapSource is the peers that a node is connected to, asked by Bitswap: for those who speak nothing better.
type bitswapSource struct {
	name    string
	bitswap *bitswap.Bitswap
}

const (
	bitswapBatch = 500              // boxo may stall when it is asked for a thousand and more at once
	bitswapTime  = 10 * time.Second // Bitswap never says that a block is not there
)

func (b *bitswapSource) String() string { return b.name }
func (b *bitswapSource) batch() int     { return bitswapBatch }

func (b *bitswapSource) fetch(ctx context.Context, wanted []cid.Cid, _ bool, take func(graph.Block) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(bitswapTime, cancel)
	defer timer.Stop()
	blocks, err := b.bitswap.NewSession(ctx).GetBlocks(ctx, wanted)
	if err != nil {
		return err
	}
	for block := range blocks {
		timer.Reset(bitswapTime)
		if err := take(graph.Block{CID: block.Cid(), Data: block.RawData()}); err != nil { // Bitswap has verified it
			return err
		}
	}
	return nil
}

// A lostSource is a peer that cannot be reached.
type lostSource struct {
	name string
	err  error
}

func (l *lostSource) String() string { return l.name }
func (l *lostSource) batch() int     { return 1 }

func (l *lostSource) fetch(context.Context, []cid.Cid, bool, func(graph.Block) error) error {
	return l.err
}

// peerSource is the peer that n is connected to: its gateway over libp2p if it has one, else Bitswap.
func (n *Node) peerSource(ctx context.Context, id peer.ID) source {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if spoken, err := n.host.Peerstore().SupportsProtocols(id, streamHTTP); err == nil && len(spoken) > 0 {
		g := n.streamSource(id)
		body, err := g.get(ctx, "/ipfs/bafkqaaa?format=raw", "application/vnd.ipld.raw") // the block without bytes, which everybody has
		if err == nil && body != nil {
			body.Close()
			return g
		}
	}
	return &bitswapSource{"peer " + id.String() + " (by Bitswap)", n.bitswap}
}

// streamSource is the gateway of a peer, over libp2p.
func (n *Node) streamSource(id peer.ID) *gatewaySource {
	return &gatewaySource{name: "peer " + id.String(), base: "http://" + id.String(), client: n.streams}
}

// urlSource is the gateway at a URL.
func urlSource(base *url.URL) source {
	u := url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimRight(base.Path, "/")}
	return &gatewaySource{name: u.String(), base: u.String(), client: webClient}
}

// webClient makes HTTP requests over TCP.
var webClient = &http.Client{Transport: &http.Transport{
	DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: idleTime, MaxResponseHeaderBytes: 64 << 10,
	Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
}}
