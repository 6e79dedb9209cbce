// Package lsp is a language server: it tells an editor, over the Language Server Protocol, what it wants to know of the
// files that somebody is writing.
//
// Serve speaks on a pair of streams until it is told to exit. The messages come through jsonrpc2 (stream.go has the
// framing, protocol.go the types); an open file is a document (document.go), of which each change makes a new one.
// One goroutine reads messages and keeps the documents; one answers requests, each on the document as it was when
// the request came (complete.go, navigate.go, show.go); one compiles what has changed (check.go).
//
// The server evaluates nothing. It shows values that the store has already.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"github.com/rosser-lang/rosser/repl"
)

const (
	maxWaiting  = 1000 // requests that wait
	maxLate     = 4    // requests that took too long and still run
	requestTime = 5 * time.Second
)

// A server is one connection with an editor.
type server struct {
	options repl.Options
	methods map[string]method
	conn    *jsonrpc2.Conn
	ctx     context.Context
	queue   chan request
	wake    chan struct{} // there is something to check
	done    chan struct{} // exit was asked for
	opened  chan struct{} // session is there, or is known not to be had

	session *repl.Session // after opened; may be nil

	mu        sync.Mutex
	state     state
	bytes     bool // positions count bytes
	markdown  bool
	versioned bool // diagnostics may carry a version
	roots     []string
	documents map[string]*document // by URI
	dirty     map[string]change    // what is to be checked, by URI
	deps      map[string][]string  // what each document rests on, by URI
	cancels   map[jsonrpc2.ID]context.CancelFunc

	files fileCache
	late  chan struct{} // holds one for each request that took too long and still runs
}

type state uint8

const (
	fresh state = iota
	running
	shut
)

// A request waits for its answer.
type request struct {
	id     jsonrpc2.ID
	method string
	params json.RawMessage
	doc    *document // as it was when the request came; nil for none
	ctx    context.Context
	cancel context.CancelFunc
}

// Serve answers an editor until it says exit, the input ends or ctx does. The error says why it ended otherwise.
func Serve(ctx context.Context, o repl.Options, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.Stdout = os.Stderr // stdout is the protocol's
	return newServer(ctx, o).serve(in, out)
}

func newServer(ctx context.Context, o repl.Options) *server {
	return &server{
		options: o, methods: methods(), ctx: ctx, queue: make(chan request, maxWaiting), wake: make(chan struct{}, 1), done: make(chan struct{}),
		opened: make(chan struct{}), documents: map[string]*document{}, dirty: map[string]change{}, deps: map[string][]string{},
		cancels: map[jsonrpc2.ID]context.CancelFunc{}, late: make(chan struct{}, maxLate),
	}
}

func (s *server) serve(in io.Reader, out io.Writer) error {
	ctx, started := s.ctx, make(chan struct{})
	handler := handlerFunc(func(_ context.Context, conn *jsonrpc2.Conn, r *jsonrpc2.Request) {
		<-started
		s.handle(conn, r)
	})
	s.conn = jsonrpc2.NewConn(ctx, newStream(in, out, func() error { return nil }), handler, jsonrpc2.SetLogger(logger{}))
	close(started)
	go s.answer()
	go s.check()
	ended := errors.New("the editor ended the connection without `exit`")
	select {
	case <-s.done:
		ended = nil
	case <-s.conn.DisconnectNotify():
		if ctx.Err() != nil {
			ended = nil
		}
	}
	s.conn.Close()
	s.mu.Lock()
	orderly := s.state == shut
	s.mu.Unlock()
	select {
	case <-s.opened:
		if s.session != nil {
			s.session.Close()
		}
	default:
	}
	switch {
	case ended != nil:
		return repl.Failed(ended)
	case !orderly && ctx.Err() == nil:
		return repl.Failed(errors.New("got `exit` without `shutdown` before it"))
	}
	return nil
}

type handlerFunc func(context.Context, *jsonrpc2.Conn, *jsonrpc2.Request)

func (f handlerFunc) Handle(ctx context.Context, c *jsonrpc2.Conn, r *jsonrpc2.Request) { f(ctx, c, r) }

// A logger writes what the transport has to say where editors keep it.
type logger struct{}

func (logger) Printf(format string, v ...any) {
	fmt.Fprintf(os.Stderr, "rosser lsp: "+strings.TrimRight(format, "\n")+"\n", v...)
}

// handle takes one message. What changes documents is done at once, so that it is done in order.
func (s *server) handle(conn *jsonrpc2.Conn, r *jsonrpc2.Request) {
	defer func() {
		if bug := recover(); bug != nil {
			s.bug(r.Method, bug)
			if !r.Notif {
				s.fail(r.ID, jsonrpc2.CodeInternalError, fmt.Sprintf("this is a bug in rosser: %v", bug))
			}
		}
	}()
	var params json.RawMessage
	if r.Params != nil {
		params = *r.Params
	}
	s.mu.Lock()
	now := s.state
	s.mu.Unlock()
	if r.Notif {
		switch {
		case r.Method == "exit":
			close(s.done)
			<-s.ctx.Done()
		case now != running:
		case r.Method == "$/cancelRequest":
			s.cancelled(params)
		default:
			s.notified(r.Method, params)
		}
		return
	}
	switch {
	case r.Method == "initialize" && now == fresh:
		result, err := s.initialize(params)
		s.reply(r.ID, result, err)
	case r.Method == "initialize":
		s.fail(r.ID, jsonrpc2.CodeInvalidRequest, "already initialized")
	case now == fresh:
		s.fail(r.ID, codeNotInitialized, "got "+cut(r.Method)+", want initialize first")
	case now == shut:
		s.fail(r.ID, jsonrpc2.CodeInvalidRequest, "shut down: only exit is left")
	case r.Method == "shutdown":
		s.mu.Lock()
		s.state = shut
		s.mu.Unlock()
		s.reply(r.ID, nil, nil)
	case s.methods[r.Method] == nil:
		s.fail(r.ID, jsonrpc2.CodeMethodNotFound, "unknown method "+cut(r.Method))
	default:
		s.enqueue(r, params)
	}
}

// enqueue puts a request where answer takes it from.
func (s *server) enqueue(r *jsonrpc2.Request, params json.RawMessage) {
	q := request{id: r.ID, method: r.Method, params: params}
	q.ctx, q.cancel = context.WithCancel(s.ctx)
	var of documentParams
	json.Unmarshal(params, &of) // answer says what is wrong with it
	s.mu.Lock()
	q.doc = s.documents[of.TextDocument.URI]
	s.cancels[r.ID] = q.cancel
	s.mu.Unlock()
	select {
	case s.queue <- q:
	default:
		s.answered(q, func() { s.fail(r.ID, codeRequestFailed, fmt.Sprintf("more than %d requests wait", maxWaiting)) })
	}
}

func (s *server) cancelled(params json.RawMessage) {
	var p struct {
		ID jsonrpc2.ID `json:"id"`
	}
	if json.Unmarshal(params, &p) == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if cancel := s.cancels[p.ID]; cancel != nil {
			cancel()
		}
	}
}

// answer answers requests, one after another.
func (s *server) answer() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case q := <-s.queue:
			s.answerOne(q)
		}
	}
}

// answerOne answers one request. What takes too long is left to itself, and nobody waits for it.
func (s *server) answerOne(q request) {
	ctx, cancel := context.WithTimeout(q.ctx, requestTime)
	done := make(chan struct{})
	go func() {
		defer cancel()
		defer close(done)
		defer func() {
			if bug := recover(); bug != nil {
				s.bug(q.method, bug)
				s.answered(q, func() { s.fail(q.id, jsonrpc2.CodeInternalError, fmt.Sprintf("this is a bug in rosser: %v", bug)) })
			}
		}()
		if ctx.Err() != nil {
			return
		}
		result, err := s.methods[q.method](s, ctx, q)
		if ctx.Err() == nil {
			s.answered(q, func() { s.reply(q.id, result, err) })
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	if q.ctx.Err() != nil {
		s.answered(q, func() { s.fail(q.id, codeRequestCancelled, "cancelled") })
	} else {
		s.answered(q, func() { s.fail(q.id, codeRequestFailed, "took longer than "+requestTime.String()) })
	}
	select {
	case <-done:
		return
	case s.late <- struct{}{}:
	case <-s.ctx.Done():
	}
	go func() {
		<-done
		<-s.late
	}()
}

// answered sends the one answer to a request.
func (s *server) answered(q request, send func()) {
	s.mu.Lock()
	_, waits := s.cancels[q.id]
	delete(s.cancels, q.id)
	s.mu.Unlock()
	if waits {
		send()
		q.cancel()
	}
}

// A refusal is an error of the editor's or its user's making.
type refusal struct {
	code int64
	text string
}

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error {
	return &refusal{codeRequestFailed, fmt.Sprintf(format, args...)}
}

func (s *server) reply(id jsonrpc2.ID, result any, err error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		s.fail(id, refused.code, refused.text)
	case err != nil:
		s.fail(id, codeRequestFailed, err.Error())
	default:
		if err := s.conn.Reply(s.ctx, id, result); err != nil {
			logger{}.Printf("%v", err)
		}
	}
}

func (s *server) fail(id jsonrpc2.ID, code int64, text string) {
	s.conn.ReplyWithError(s.ctx, id, &jsonrpc2.Error{Code: code, Message: text})
}

func (s *server) bug(where string, bug any) {
	logger{}.Printf("%s: this is a bug in rosser: %v\n%s", cut(where), bug, debug.Stack())
}

func cut(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}

// log tells the editor's user.
func (s *server) log(level int, format string, args ...any) {
	s.conn.Notify(s.ctx, "window/logMessage", logMessageParams{level, fmt.Sprintf(format, args...)})
}

// A method answers a request.
type method func(*server, context.Context, request) (any, error)

// methods are those that are answered, beside those of the connection's own life.
func methods() map[string]method {
	return map[string]method{
		"textDocument/hover":               on((*server).hover),
		"textDocument/completion":          on((*server).completion),
		"textDocument/signatureHelp":       on((*server).signatureHelp),
		"textDocument/definition":          on((*server).definition),
		"textDocument/references":          on((*server).references),
		"textDocument/documentHighlight":   on((*server).highlight),
		"textDocument/prepareRename":       on((*server).prepareRename),
		"textDocument/rename":              on((*server).rename),
		"textDocument/documentSymbol":      on((*server).symbols),
		"textDocument/formatting":          on((*server).formatting),
		"textDocument/semanticTokens/full": on((*server).semantic),
		"completionItem/resolve": func(s *server, _ context.Context, q request) (any, error) {
			var item completionItem
			if err := decode(q.params, &item); err != nil {
				return nil, err
			}
			return s.resolveItem(item), nil
		},
	}
}

// on makes f answer a method that asks something of an open document.
func on[P any](f func(*server, context.Context, *document, P) (any, error)) method {
	return func(s *server, ctx context.Context, q request) (any, error) {
		var p P
		if err := decode(q.params, &p); err != nil {
			return nil, err
		}
		if q.doc == nil {
			return nil, &refusal{jsonrpc2.CodeInvalidParams, "the document is not open"}
		}
		return f(s, ctx, q.doc, p)
	}
}

func decode(params json.RawMessage, into any) error {
	if len(params) == 0 {
		return &refusal{jsonrpc2.CodeInvalidParams, "got no params"}
	}
	if err := json.Unmarshal(params, into); err != nil {
		return &refusal{jsonrpc2.CodeInvalidParams, err.Error()}
	}
	return nil
}

// initialize answers what the server can do.
func (s *server) initialize(params json.RawMessage) (any, error) {
	var p initializeParams
	if err := decode(params, &p); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = running
	s.bytes = slices.Contains(p.Capabilities.General.PositionEncodings, "utf-8")
	formats := p.Capabilities.TextDocument.Hover.ContentFormat
	s.markdown = len(formats) == 0 || slices.Contains(formats, "markdown")
	s.versioned = p.Capabilities.TextDocument.PublishDiagnostics.VersionSupport
	for _, f := range p.WorkspaceFolders {
		s.roots = append(s.roots, pathOf(f.URI))
	}
	if len(s.roots) == 0 && p.RootURI != nil && *p.RootURI != "" {
		s.roots = []string{pathOf(*p.RootURI)}
	}
	if len(s.roots) == 0 && p.RootPath != nil && *p.RootPath != "" {
		s.roots = []string{*p.RootPath}
	}
	go s.openStore()

	var r initializeResult
	r.ServerInfo.Name = "rosser"
	c := &r.Capabilities
	c.PositionEncoding = "utf-16"
	if s.bytes {
		c.PositionEncoding = "utf-8"
	}
	c.TextDocumentSync.OpenClose, c.TextDocumentSync.Change = true, 2
	c.CompletionProvider.TriggerCharacters, c.CompletionProvider.ResolveProvider = []string{"."}, true
	c.SignatureHelpProvider.TriggerCharacters = []string{" "}
	c.RenameProvider.PrepareProvider = true
	c.SemanticTokensProvider.Legend.TokenTypes, c.SemanticTokensProvider.Legend.TokenModifiers = tokenTypes, []string{}
	c.SemanticTokensProvider.Full = true
	c.HoverProvider, c.DefinitionProvider, c.ReferencesProvider, c.DocumentHighlightProvider = true, true, true, true
	c.DocumentSymbolProvider, c.DocumentFormattingProvider = true, true
	return r, nil
}

// openStore opens the store, without which much still works.
func (s *server) openStore() {
	defer close(s.opened)
	defer func() {
		if bug := recover(); bug != nil {
			s.bug("opening the store", bug)
		}
	}()
	session, err := repl.Open(s.options)
	if err != nil {
		s.log(2, "no results and libraries are to be had: %v", err)
		return
	}
	s.session = session
}

// store is the session, nil when there is none yet.
func (s *server) store() *repl.Session {
	select {
	case <-s.opened:
		return s.session
	default:
		return nil
	}
}

// notified takes a notification.
func (s *server) notified(method string, params json.RawMessage) {
	switch method {
	case "textDocument/didOpen":
		var p didOpenParams
		if json.Unmarshal(params, &p) == nil && p.TextDocument.URI != "" {
			s.replace(newDocument(p.TextDocument.URI, p.TextDocument.Text, p.TextDocument.Version, s.bytes), true)
		}
	case "textDocument/didChange":
		var p didChangeParams
		if err := json.Unmarshal(params, &p); err != nil {
			s.log(1, "a change that cannot be read, so what is shown may be wrong until the file is opened again: %v", err)
			return
		}
		s.mu.Lock()
		d := s.documents[p.TextDocument.URI]
		s.mu.Unlock()
		if d == nil {
			return
		}
		next, ok := d.changed(p.TextDocument.Version, p.ContentChanges)
		if !ok {
			s.log(1, "a change that does not fit, so what is shown may be wrong until the file is opened again")
			return
		}
		s.replace(next, false)
	case "textDocument/didClose":
		var p documentParams
		if json.Unmarshal(params, &p) == nil {
			s.closed(p.TextDocument.URI)
		}
	case "workspace/didChangeWatchedFiles":
		var p struct {
			Changes []documentID `json:"changes"`
		}
		json.Unmarshal(params, &p)
		for _, c := range p.Changes {
			s.disturb(pathOf(c.URI))
		}
	}
}

// replace puts a new version of a document in place of the last one.
func (s *server) replace(d *document, first bool) {
	s.mu.Lock()
	if old := s.documents[d.uri]; old != nil {
		old.retire()
	}
	s.documents[d.uri] = d
	s.markLocked(d.uri, first)
	s.mu.Unlock()
	s.disturb(d.path)
}

func (s *server) closed(uri string) {
	s.mu.Lock()
	d := s.documents[uri]
	if d != nil {
		d.retire()
	}
	delete(s.documents, uri)
	delete(s.dirty, uri)
	delete(s.deps, uri)
	s.mu.Unlock()
	if d != nil {
		s.conn.Notify(s.ctx, "textDocument/publishDiagnostics", publishParams{URI: uri, Diagnostics: []diagnostic{}})
		s.disturb(d.path)
	}
}

// document is the open document of a file, nil when there is none.
func (s *server) document(path string) *document {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.documents[uriOf(path)]; d != nil {
		return d
	}
	for _, d := range s.documents { // an editor may write the URI another way
		if d.path == path {
			return d
		}
	}
	return nil
}
