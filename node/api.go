// This file is the HTTP API, which openapi.json describes.

package node

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipfs/boxo/gateway"
	"github.com/ipfs/go-cid"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/repl"
)

//go:embed openapi.json
var openAPI []byte

// routes is what is answered, to peers and on the web.
func (n *Node) routes(gate http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /ipfs/", gate)
	mux.Handle("GET /ipns/", gate)
	mux.HandleFunc("GET /api/v0/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", typeJSON)
		w.Write(openAPI)
	})
	mux.HandleFunc("GET /api/v0/result/{expr}", n.getResult)
	mux.HandleFunc("GET /api/v0/apply/{function}/{argument}", n.getApply)
	mux.HandleFunc("POST /api/v0/apply/{function}/{argument}", n.postApply)
	mux.HandleFunc("POST /api/v0/eval", n.postEval)
	mux.HandleFunc("GET /api/v0/show/{cid}", n.getShow)
	mux.HandleFunc("GET /api/v0/trace/{expr}", n.getTrace)
	mux.HandleFunc("GET /api/v0/libraries", n.getLibraries)
	mux.HandleFunc("GET /api/v0/news", n.getNews)
	mux.HandleFunc("POST /api/v0/announce", n.postAnnounce)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{}))
	return n.counted(mux)
}

// dispatch answers a request to mux, of which the route is known; "" for none.
func dispatch(mux *http.ServeMux, route string, w http.ResponseWriter, r *http.Request) {
	switch {
	case misled(r):
		refuse(w, http.StatusForbidden, errHost)
	case route == "":
		mux.ServeHTTP(problemWriter{w}, r)
	default:
		mux.ServeHTTP(w, r)
	}
}

var (
	errHost  = errors.New("over loopback the Host of a request has to be localhost or an address: a page whose own name leads here may read nothing (a proxy sends Host: localhost)")
	errRoute = errors.New("there is nothing at this path: /api/v0/openapi.json says what there is")
)

// misled says whether a request that came over loopback has a name for its host. A page of another site that has its own name lead here, which
// makes it one of the same origin to its browser, cannot hide that. Other addresses are for others, who may have names for them.
func misled(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.IP.IsLoopback() && hasName(r.Host)
}

// hasName says whether a host is a name, of which whoever owns it says where it leads.
func hasName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return err != nil && host != "" && host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// A problemWriter tells as a problem what net/http tells as text: that nothing is there, or nothing by this method.
type problemWriter struct{ http.ResponseWriter }

func (w problemWriter) WriteHeader(status int) {
	switch status {
	case http.StatusNotFound:
		refuse(w.ResponseWriter, status, errRoute)
	case http.StatusMethodNotAllowed:
		refuse(w.ResponseWriter, status, fmt.Errorf("got another method, want one of %s", w.Header().Get("Allow")))
	default:
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w problemWriter) Write(p []byte) (int, error) { return len(p), nil }

// A problem is what the API answers when something is wrong.
type problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, problem{err.Error()})
}

// writeJSON answers with what is not named by its content.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", typeJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// fail answers that something in the store went wrong, or is not there.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var again *gateway.ErrorRetryAfter
	switch {
	case errors.Is(err, graph.ErrNotFound):
		status = http.StatusNotFound
	case errors.As(err, &again):
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", again.RetryAfterHeader())
	}
	refuse(w, status, err)
}

// cidOf reads a CID in a request's path.
func cidOf(w http.ResponseWriter, r *http.Request, name string) (cid.Cid, bool) {
	c, err := cid.Decode(r.PathValue(name))
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("%.100q is not a CID: %w", r.PathValue(name), err))
	}
	return c, err == nil
}

// getResult answers with the Result that is recorded of an expression.
func (n *Node) getResult(w http.ResponseWriter, r *http.Request) {
	if expr, ok := cidOf(w, r, "expr"); ok {
		n.writeResult(w, r, expr)
	}
}

func (n *Node) writeResult(w http.ResponseWriter, r *http.Request, expr cid.Cid) {
	a, ok, err := n.store.Answer(r.Context(), expr)
	if err != nil {
		fail(w, err)
		return
	}
	if !ok {
		refuse(w, http.StatusNotFound, fmt.Errorf("no result of %s is recorded here", expr))
		return
	}
	h := w.Header()
	h.Set("Rosser-Expression", expr.String())
	h.Set("Rosser-Result", a.Result.String())
	h.Set("Rosser-By", headerText(a.By))
	if _, ok := remotePeer(r); ok {
		for _, envelope := range n.words(r.Context(), a) {
			h.Add("Rosser-Attestation", base64.StdEncoding.EncodeToString(envelope))
		}
	}
	h.Set("Cache-Control", "no-cache") // who says so may change, and there may be none any more
	n.writeBlock(w, r, a.Result)
}

// headerText is text as a header can carry it.
func headerText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

const (
	typeJSON    = "application/json"
	typeDagJSON = "application/vnd.ipld.dag-json"
	typeDagCBOR = "application/vnd.ipld.dag-cbor"
	typeEvents  = "text/event-stream"

	immutable = "public, max-age=29030400, immutable"
)

// accepts says whether a request prefers a type to JSON.
func accepts(r *http.Request, kind string) bool {
	best, preferred := 0.0, false
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		got, params, _ := mime.ParseMediaType(strings.TrimSpace(part))
		if got != kind && got != typeJSON && got != typeDagJSON {
			continue
		}
		weight := 1.0
		if text, ok := params["q"]; ok {
			weight, _ = strconv.ParseFloat(text, 64)
		}
		if weight > best {
			best, preferred = weight, got == kind
		}
	}
	return preferred
}

// has says whether a request names a tag in If-None-Match, where it does not matter that a proxy has made it a weak one.
func has(r *http.Request, tag string) bool {
	for _, part := range strings.Split(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if strings.TrimPrefix(strings.TrimSpace(part), "W/") == tag {
			return true
		}
	}
	return false
}

// writeBlock answers with a block of data, as DAG-JSON or as it is.
func (n *Node) writeBlock(w http.ResponseWriter, r *http.Request, c cid.Cid) {
	raw := c.Prefix().Codec == cid.DagCBOR && accepts(r, typeDagCBOR)
	kind, tag := typeDagJSON, `"`+c.String()+`.dag-json"`
	if raw {
		kind, tag = typeDagCBOR, `"`+c.String()+`"`
	}
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Vary", "Accept")
	if has(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	data, err := n.store.Block(r.Context(), c)
	if err == nil && !raw {
		data, err = n.dagJSON(r.Context(), c, data)
	}
	if err != nil {
		h.Del("ETag")
		fail(w, err)
		return
	}
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(data)
}

// dagJSON is a block as DAG-JSON.
func (n *Node) dagJSON(ctx context.Context, c cid.Cid, data []byte) ([]byte, error) {
	if len(data) > smallBlock {
		_, leave, err := n.decoding.take(ctx, "")
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	node, err := codec.DecodeNode(c.Prefix().Codec, data)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", c, err)
	}
	return codec.EncodeNode(cid.DagJSON, node)
}

const smallBlock = 16 << 10 // bytes of one that is decoded at once

// getShow answers with a block.
func (n *Node) getShow(w http.ResponseWriter, r *http.Request) {
	if c, ok := cidOf(w, r, "cid"); ok {
		w.Header().Set("Cache-Control", immutable)
		n.writeBlock(w, r, c)
	}
}

// getTrace answers with the Trace that is recorded of an expression.
func (n *Node) getTrace(w http.ResponseWriter, r *http.Request) {
	expr, ok := cidOf(w, r, "expr")
	if !ok {
		return
	}
	a, ok, err := n.store.Answer(r.Context(), expr)
	if err != nil {
		fail(w, err)
		return
	}
	if !ok || !a.Trace.Defined() {
		refuse(w, http.StatusNotFound, fmt.Errorf("no trace of %s is recorded here", expr))
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	n.writeBlock(w, r, a.Trace)
}

// A Shared library is one that a node gives to whoever asks.
type Shared struct {
	Name string `json:"name"`
	Root string `json:"root"`
}

// getLibraries lists the libraries that have been published here.
func (n *Node) getLibraries(w http.ResponseWriter, r *http.Request) {
	libs, err := n.libraries(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, libs)
}

// postAnnounce is told by a peer that a library of its own has changed; it is pulled if it is followed.
func (n *Node) postAnnounce(w http.ResponseWriter, r *http.Request) {
	from, ok := remotePeer(r)
	if !ok {
		refuse(w, http.StatusForbidden, errNotFollowed)
		return
	}
	var news Shared
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&news); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("the body is not a library's name and root: %w", err))
		return
	}
	if n.gazette.often(from, hearEach) {
		refuse(w, http.StatusTooManyRequests, errBusy)
		return
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(newsTime + idleTime))
	got, err := n.heard(r.Context(), from, news)
	switch {
	case errors.Is(err, errNotFollowed):
		refuse(w, http.StatusForbidden, err)
	case err != nil:
		refuse(w, http.StatusBadGateway, err)
	default:
		writeJSON(w, http.StatusOK, got)
	}
}

// getApply answers with what is recorded of a function applied to an argument.
func (n *Node) getApply(w http.ResponseWriter, r *http.Request) {
	t, ok := applied(w, r)
	if !ok {
		return
	}
	expr, _, err := n.expression(r.Context(), t)
	if err != nil {
		n.refuseTask(w, err)
		return
	}
	n.writeResult(w, r, expr)
}

// applied is the task of a path with a function and an argument.
func applied(w http.ResponseWriter, r *http.Request) (t repl.Task, ok bool) {
	f, ok := cidOf(w, r, "function")
	if !ok {
		return t, false
	}
	a, ok := cidOf(w, r, "argument")
	return repl.Task{Expr: f.String(), Args: []string{a.String()}}, ok
}

// expression is the CID of what a task is about, and the blocks of its code.
func (n *Node) expression(ctx context.Context, t repl.Task) (cid.Cid, []graph.Block, error) {
	ctx, cancel := context.WithTimeout(ctx, compileTime)
	defer cancel()
	select {
	case n.compiling <- struct{}{}:
		defer func() { <-n.compiling }()
	case <-ctx.Done():
		return cid.Undef, nil, errBusy
	}
	return repl.On(n.store).TaskExpr(ctx, t)
}

const compileTime = 5 * time.Second

func (n *Node) refuseTask(w http.ResponseWriter, err error) {
	if slices.ContainsFunc([]error{errBusy, errManyOfIt, errNearby, errSpent}, func(e error) bool { return errors.Is(err, e) }) {
		if !errors.Is(err, errSpent) { // that takes longer
			w.Header().Set("Retry-After", "1")
		}
		refuse(w, http.StatusTooManyRequests, err)
		return
	}
	if errors.Is(err, errNoRoom) {
		refuse(w, http.StatusInsufficientStorage, err)
		return
	}
	r := repl.Problem(err)
	status := http.StatusBadRequest
	if r.Missing != "" {
		status = http.StatusNotFound
	}
	writeJSON(w, status, r)
}

// A request to evaluate is a repl.Task, of which limits beyond the node's are cut down to those.

func (n *Node) postEval(w http.ResponseWriter, r *http.Request) {
	var t repl.Task
	if n.mayEval(w, r) && n.readTask(w, r, &t) {
		n.eval(w, r, t)
	}
}

func (n *Node) postApply(w http.ResponseWriter, r *http.Request) {
	t, ok := applied(w, r)
	if !ok || !n.mayEval(w, r) {
		return
	}
	var limits repl.Task
	if !n.readTask(w, r, &limits) {
		return
	}
	t.Fuel, t.Milli, t.Value = limits.Fuel, limits.Milli, limits.Value
	n.eval(w, r, t)
}

const maxBody = 16 << 20 // bytes of a request

func (n *Node) readTask(w http.ResponseWriter, r *http.Request, t *repl.Task) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, t)
	}
	if errors.As(err, new(*http.MaxBytesError)) {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is longer than %d bytes: large data is given as an argument", maxBody))
		return false
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("the body is not a request to evaluate, such as {\"source\": \"1 + 2\"}: %w", err))
		return false
	}
	if err := t.Check(); err != nil {
		n.refuseTask(w, err)
		return false
	}
	return true
}

var (
	errOrigin  = errors.New("pages of other sites may not have anything evaluated here")
	errType    = errors.New("got another content type, want application/json")
	errNoWork  = errors.New("this node reduces nothing for others; its owner may start it with --work")
	errNoTasks = errors.New("this node evaluates nothing")
)

// mayEval refuses pages of other sites, and strangers where the node does not work for them.
func (n *Node) mayEval(w http.ResponseWriter, r *http.Request) bool {
	deny := func(status int, err error) bool {
		refuse(w, status, err)
		return false
	}
	if n.workers == nil {
		return deny(http.StatusForbidden, errNoTasks)
	}
	if _, peer := remotePeer(r); peer {
		if !n.work {
			return deny(http.StatusForbidden, errNoWork)
		}
	} else {
		if hasName(r.Host) {
			return deny(http.StatusForbidden, errOrigin)
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				return deny(http.StatusForbidden, errOrigin)
			}
		}
		if addr, err := netip.ParseAddr(remote(r)); (err != nil || !addr.IsLoopback()) && !n.work {
			return deny(http.StatusForbidden, errNoWork)
		}
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != typeJSON {
		return deny(http.StatusUnsupportedMediaType, errType)
	}
	return true
}

// eval does a task and answers with what came of it: as one document, or as events while it goes on.
func (n *Node) eval(w http.ResponseWriter, r *http.Request, t repl.Task) {
	ctx := r.Context()
	who := n.clientOf(r)
	leave, err := n.workers.admit(who)
	if err != nil {
		n.refuseTask(w, err)
		return
	}
	defer leave()
	if from, ok := remotePeer(r); ok {
		err := n.workers.room()
		if err == nil {
			err = n.fetchTask(ctx, t, from)
		}
		if err != nil {
			n.refuseTask(w, err)
			return
		}
	}
	expr, blocks, err := n.expression(ctx, t)
	if err == nil && t.Checkpoint != "" {
		expr, err = n.pointOf(ctx, t.Checkpoint, expr)
	}
	if err == nil {
		err = n.store.Put(ctx, blocks...)
	}
	if err != nil {
		n.refuseTask(w, err)
		return
	}
	t.Source, t.Expr, t.Args = "", expr.String(), nil // what is the same expression is one task
	events := accepts(r, typeEvents)
	answer := http.NewResponseController(w)
	answer.SetWriteDeadline(time.Time{})
	answer.SetReadDeadline(time.Time{})
	tell := func(repl.TaskProgress) {}
	if events {
		w.Header().Set("Content-Type", typeEvents)
		w.Header().Set("Cache-Control", "no-store")
		tell = func(p repl.TaskProgress) {
			answer.SetWriteDeadline(time.Now().Add(idleTime))
			writeEvent(w, "progress", p)
			answer.Flush()
		}
	}
	report, err := n.workers.do(ctx, who, t, tell)
	switch {
	case errors.Is(err, errBusy):
		n.refuseTask(w, err)
		return
	case err != nil && ctx.Err() != nil:
		return // nobody listens
	case err != nil:
		n.log.Warn("task failed", "expr", t.Expr, "error", err)
		report = repl.TaskReport{Expr: t.Expr, Problem: err.Error()}
	}
	if report.Executed >= repl.WorthTelling && report.Result != "" && report.Rests == "" {
		n.gazette.answered(report.Expr)
	}
	status := http.StatusOK
	switch {
	case report.Problem != "" && err != nil:
		status = http.StatusInternalServerError
	case report.Missing != "":
		status = http.StatusNotFound
	case report.Problem != "":
		status = http.StatusBadRequest
	case report.Stopped != "":
		status = http.StatusAccepted
	}
	answer.SetWriteDeadline(time.Now().Add(idleTime))
	if events {
		writeEvent(w, "end", n.signed(ctx, report))
		return
	}
	writeJSON(w, status, n.signed(ctx, report))
}

// pointOf is the expression that a checkpoint is of, which is expr where that is defined. Who gives another one may not have it stand in the way of
// those who ask for expr.
func (n *Node) pointOf(ctx context.Context, text string, expr cid.Cid) (cid.Cid, error) {
	c, err := cid.Decode(text)
	if err != nil {
		return cid.Undef, repl.Misuse(fmt.Errorf("%.100q is not a CID", text))
	}
	data, err := n.store.Block(ctx, c)
	if err != nil {
		return cid.Undef, err
	}
	point, err := graph.DecodeCheckpoint(data)
	switch {
	case err != nil:
		return cid.Undef, repl.Misuse(fmt.Errorf("%s is no checkpoint: %w", c, err))
	case expr.Defined() && point.Of != expr:
		return cid.Undef, repl.Misuse(fmt.Errorf("%s is no checkpoint of %s, but of %s", c, expr, point.Of))
	}
	return point.Of, nil
}

// An answer to a task is a TaskReport, and what this node vouches for.
type taskAnswer struct {
	repl.TaskReport
	Attestation []byte `json:"attestation,omitempty"` // a signed envelope
}

func writeEvent(w io.Writer, kind string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, text)
}
