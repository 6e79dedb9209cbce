// This file tells others of what is published: `rosser publish --ipns KEY --to ADDRESS`.

package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/trust"
)

// A Telling says who is told of what is published.
type Telling struct {
	IPNS string   // name of the key whose name shall stand for the root; "" for none
	To   []string // addresses of peers, and URLs of kubo's RPC API
}

// Announce tells of the root of a library.
func (t Telling) Announce(o repl.Options) func(ctx context.Context, s *store.Store, name string, root cid.Cid) error {
	if t.IPNS == "" && len(t.To) == 0 {
		return nil
	}
	return func(ctx context.Context, s *store.Store, name string, root cid.Cid) error {
		if err := s.Flush(ctx); err != nil {
			return err
		}
		if t.IPNS != "" {
			if err := t.name(ctx, o, s, root); err != nil {
				return err
			}
		}
		for _, to := range t.To {
			note, err := tell(ctx, s, to, Shared{name, root.String()})
			if err != nil {
				return repl.Networked(ctx, fmt.Errorf("%s: %w", to, err))
			}
			repl.Note(o, "%s: %s", to, note)
		}
		return nil
	}
}

// name has the name of a key stand for root.
func (t Telling) name(ctx context.Context, o repl.Options, s *store.Store, root cid.Cid) error {
	key, err := trust.NamedKey(s.Dir(), t.IPNS)
	if err != nil {
		return repl.Misuse(err)
	}
	name, err := PublishName(ctx, s, key, root)
	if err != nil {
		return err
	}
	repl.Note(o, "/ipns/%s", name)
	if c, err := Running(s.Dir()); err == nil {
		return repl.Networked(ctx, c.call(ctx, "name", name, func(json.RawMessage) error { return nil }))
	}
	repl.Note(o, "others learn of it from a node on this store: rosser serve")
	return nil
}

// tell tells one of them, and returns what came of it.
func tell(ctx context.Context, s *store.Store, to string, news Shared) (string, error) {
	if strings.HasPrefix(to, "http://") || strings.HasPrefix(to, "https://") {
		u, err := url.Parse(to)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("%.200q is not a URL", to)
		}
		return toKubo(ctx, s, u, news)
	}
	if c, err := Running(s.Dir()); err == nil {
		var note string
		err := c.call(ctx, "tell", tellRequest{to, news}, func(line json.RawMessage) error { return json.Unmarshal(line, &note) })
		return note, err
	}
	key, err := trust.Key(s.Dir())
	if err != nil {
		return "", err
	}
	n, err := Open(s, Options{Key: key, Serve: true}) // it is fetched from here
	if err != nil {
		return "", err
	}
	defer n.Close()
	return n.tellPeer(ctx, to, news)
}

type tellRequest struct {
	To   string `json:"to"`
	News Shared `json:"news"`
}

// tellPeer tells a peer, which pulls the library from here if it follows that.
func (n *Node) tellPeer(ctx context.Context, addr string, news Shared) (string, error) {
	id, err := n.Connect(ctx, addr)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(news)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, newsTime+idleTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+id.String()+"/api/v0/announce", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", typeJSON)
	answer, err := n.tasks.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", refusal(answer)
	}
	var got Pulled
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&got); err != nil {
		return "", fmt.Errorf("it answers what cannot be read: %w", err)
	}
	switch {
	case !got.Root.Defined():
		return "pulls it already", nil
	case got.Old == got.Root:
		return "has it already", nil
	}
	return fmt.Sprintf("has pulled it, %s", repl.Plural(got.Came.Blocks, "block")), nil
}

// toKubo gives a library to a kubo, by its RPC API: it is imported and pinned there.
func toKubo(ctx context.Context, s *store.Store, base *url.URL, news Shared) (string, error) {
	root, err := cid.Decode(news.Root)
	if err != nil {
		return "", err
	}
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreateFormFile("path", news.Name+".car")
		if err == nil {
			_, err = s.WriteCAR(ctx, []cid.Cid{root}, part, true)
		}
		if err == nil {
			err = form.Close()
		}
		w.CloseWithError(err)
	}()
	defer r.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(base.String(), "/")+"/api/v0/dag/import?pin-roots=true", r)
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	client := *webClient
	transport := webClient.Transport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 0
	client.Transport = transport
	answer, err := client.Do(request)
	if err != nil {
		return "", unanswered(err, "is its ipfs daemon running, and is this the URL of its RPC API?")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		head, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		return "", fmt.Errorf("it answers %s %s; a URL is that of kubo's RPC API, such as http://127.0.0.1:5001", answer.Status, strings.TrimSpace(string(head)))
	}
	lines := json.NewDecoder(io.LimitReader(answer.Body, 1<<20))
	for {
		var line struct {
			Root *struct {
				Cid         map[string]string
				PinErrorMsg string
			}
		}
		if err := lines.Decode(&line); err == io.EOF {
			return "", fmt.Errorf("it does not say that it has pinned %s", root)
		} else if err != nil {
			return "", fmt.Errorf("it answers what cannot be read: %w", err)
		}
		if line.Root != nil && line.Root.Cid["/"] == root.String() {
			if line.Root.PinErrorMsg != "" {
				return "", fmt.Errorf("it cannot pin it: %s", line.Root.PinErrorMsg)
			}
			return "has imported and pinned it", nil
		}
	}
}
