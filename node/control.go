// This file is how other commands on a store use the node that serves it: the folder's file `node` says where it listens for them, on
// loopback, and which word it wants to hear, which only who may read the folder knows.

package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/repl"
)

// A Control reaches the node that serves a store.
type Control struct {
	Address string `json:"address"`
	Word    string `json:"word"`
	Process int    `json:"process"`
	Peer    string `json:"peer"`
}

const (
	controlFile = "node"
	controlTime = time.Second
)

var errNotServed = errors.New("no process serves this store")

// Running finds the node that serves the store in the folder dir.
func Running(dir string) (Control, error) {
	var c Control
	data, err := os.ReadFile(filepath.Join(dir, controlFile))
	if err != nil || len(data) > 4096 || json.Unmarshal(data, &c) != nil {
		return c, errNotServed
	}
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	if err := c.call(ctx, "status", nil, func(json.RawMessage) error { return nil }); err != nil {
		return c, errNotServed
	}
	return c, nil
}

// Others are whom the node reaches that serves the store in a folder, if one does.
func Others(dir string) repl.Network {
	f := &finder{dir: dir}
	return repl.Network{Ask: f.ask, Made: f.made}
}

// A finder finds the node that serves a store, and finds it again.
type finder struct {
	dir  string
	mu   sync.Mutex
	node Control
	next time.Time // when it is looked for again
}

func (f *finder) running() (c Control, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); f.node.Address == "" && now.After(f.next) {
		if c, err := Running(f.dir); err == nil {
			f.node = c
		}
		f.next = now.Add(lookAgain)
	}
	return f.node, f.node.Address != ""
}

func (f *finder) ask(ctx context.Context, expr cid.Cid, any bool) (found bool) {
	c, ok := f.running()
	if !ok {
		return false
	}
	err := c.call(ctx, "find", findRequest{expr.String(), any}, func(line json.RawMessage) error { return json.Unmarshal(line, &found) })
	if err != nil && ctx.Err() == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.node = Control{}
	}
	return found && err == nil
}

func (f *finder) made(ctx context.Context, expr cid.Cid) {
	if c, ok := f.running(); ok {
		ctx, cancel := context.WithTimeout(ctx, controlTime)
		defer cancel()
		c.call(ctx, "made", expr.String(), func(json.RawMessage) error { return nil }) // news may be lost
	}
}

const lookAgain = 5 * time.Second

// call has the node do something, and calls each with every line that it answers.
func (c Control) call(ctx context.Context, what string, request any, each func(json.RawMessage) error) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.Address+"/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.Word)
	answer, err := controlClient.Do(r)
	if err != nil {
		return fmt.Errorf("the process %d that serves this store does not answer: %w", c.Process, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the process %d that serves this store answers %s", c.Process, answer.Status)
	}
	lines := json.NewDecoder(answer.Body)
	for {
		var line controlLine
		if err := lines.Decode(&line); err == io.EOF {
			return nil
		} else if err != nil {
			return &endedError{c.Process, err}
		}
		switch {
		case line.Misuse:
			return repl.Misuse(errors.New(line.Error))
		case line.Error != "":
			return errors.New(line.Error)
		}
		if err := each(line.Value); err != nil {
			return err
		}
	}
}

// An endedError says that the process that serves the store has ended while it did something.
type endedError struct {
	process int
	err     error
}

func (e *endedError) Error() string {
	return fmt.Sprintf("the process %d that serves this store has ended: %v", e.process, e.err)
}

func (e *endedError) Unwrap() error { return e.err }

var controlClient = &http.Client{Transport: &http.Transport{Proxy: nil, DisableCompression: true}}

// A findRequest asks for an answer; for any, or one that is believed.
type findRequest struct {
	Expr string `json:"expr"`
	Any  bool   `json:"any,omitempty"`
}

// A controlLine is a line of an answer.
type controlLine struct {
	Value  json.RawMessage `json:"value,omitempty"`
	Error  string          `json:"error,omitempty"`
	Misuse bool            `json:"misuse,omitempty"` // the error is the user's
}

// A controller answers other commands.
type controller struct {
	*http.Server
	file string
	own  []byte // what the file holds
}

// asked has f do what the body of a request asks for.
func asked[T any](f func(ctx context.Context, what T, line func(any)) error) func(context.Context, []byte, func(any)) error {
	return func(ctx context.Context, body []byte, line func(any)) error {
		var what T
		if err := json.Unmarshal(body, &what); err != nil {
			return err
		}
		return f(ctx, what, line)
	}
}

// control listens for other commands on the store in dir.
func (n *Node) control(dir string) (*controller, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := Control{Address: l.Addr().String(), Word: rand.Text(), Process: os.Getpid(), Peer: n.ID().String()}
	mux := http.NewServeMux()
	handle := func(what string, f func(ctx context.Context, body []byte, line func(any)) error) {
		mux.HandleFunc("POST /"+what, func(w http.ResponseWriter, r *http.Request) {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+c.Word)) != 1 {
				http.Error(w, "the word is another one", http.StatusForbidden)
				return
			}
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			answer := http.NewResponseController(w)
			answer.SetReadDeadline(time.Time{})
			out := json.NewEncoder(w)
			err = f(r.Context(), body, func(v any) {
				text, err := json.Marshal(v)
				if err != nil {
					panic("BUG: " + err.Error())
				}
				out.Encode(controlLine{Value: text})
				answer.Flush()
			})
			if err != nil {
				out.Encode(controlLine{Error: err.Error(), Misuse: repl.IsMisuse(err)})
			}
		})
	}
	handle("status", asked(func(_ context.Context, _ any, line func(any)) error {
		line(map[string]any{"peer": n.ID().String(), "peers": len(n.host.Network().Peers())})
		return nil
	}))
	pull := func(f func(ctx context.Context, p Pull, came func(store.Size)) ([]Pulled, error)) func(context.Context, []byte, func(any)) error {
		return asked(func(ctx context.Context, p Pull, line func(any)) error {
			pulled, err := f(ctx, p, slowly(func(z store.Size) { line(pullLine{Came: &z}) }))
			for _, one := range pulled {
				line(pullLine{Pulled: &one})
			}
			return err
		})
	}
	handle("pull", pull(n.Pull))
	handle("pull-all", pull(func(ctx context.Context, _ Pull, came func(store.Size)) ([]Pulled, error) {
		return n.PullAll(ctx, came)
	}))
	handle("ask", asked(func(ctx context.Context, a Ask, line func(any)) error {
		var mu sync.Mutex
		say := func(l askLine) {
			mu.Lock()
			defer mu.Unlock()
			line(l)
		}
		result, err := n.Ask(ctx, a,
			func(who string, p repl.TaskProgress) { say(askLine{Who: who, Progress: &p}) },
			func(one Asked) { say(askLine{Asked: &one}) })
		if flushed := n.store.Flush(ctx); err == nil { // who asks may hold the store
			err = flushed
		}
		if err == nil {
			line(askLine{Result: result.String()})
		}
		return err
	}))
	handle("tell", asked(func(ctx context.Context, t tellRequest, line func(any)) error {
		note, err := n.tellPeer(ctx, t.To, t.News)
		line(note)
		return err
	}))
	handle("name", asked(func(ctx context.Context, text string, _ func(any)) error {
		name, err := ipns.NameFromString(text)
		if err != nil {
			return err
		}
		return n.putName(ctx, name)
	}))
	handle("made", asked(func(_ context.Context, expr string, _ func(any)) error {
		n.gazette.answered(expr)
		return nil
	}))
	handle("find", asked(func(ctx context.Context, r findRequest, line func(any)) error {
		expr, err := cid.Decode(r.Expr)
		if err != nil {
			return err
		}
		found, err := n.Find(ctx, expr, r.Any)
		if err == nil && found {
			err = n.store.Flush(ctx) // who asks may hold the store
		}
		line(found)
		return err
	}))
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, controlFile)
	if err := writeFile(file, data); err != nil {
		l.Close()
		return nil, err
	}
	s := newServer(mux)
	go s.Serve(bounded(l))
	return &controller{s, file, data}, nil
}

// gone gives an error when the file, and so maybe the store, has been taken away: other commands do not find this one any more, and make a new
// store where this one was.
func (c *controller) gone(ctx context.Context, every time.Duration) <-chan error {
	told := make(chan error, 1)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now, err := os.ReadFile(c.file)
			if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Equal(now, c.own) {
				told <- fmt.Errorf("%s, by which other commands find this process, has been taken away: is the store still there?", c.file)
				return
			}
		}
	}()
	return told
}

// Close ends it; the file is left to who serves the store now, if somebody does.
func (c *controller) Close() error {
	if now, err := os.ReadFile(c.file); err == nil && bytes.Equal(now, c.own) {
		os.Remove(c.file)
	}
	return c.Server.Close()
}

// writeFile makes a file that only its owner may read, whole or not at all.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
