// This file is the HTTP API.

package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// routes is what is answered, to peers and on the web.
func (n *Node) routes(gate http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ipfs/", gate)
	mux.HandleFunc("GET /api/v0/result/{expr}", n.getResult)
	mux.HandleFunc("GET /api/v0/libraries", n.getLibraries)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics, promhttp.HandlerOpts{}))
	return mux
}

// A problem is what the API answers when something is wrong.
type problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(problem{err.Error()})
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
	expr, ok := cidOf(w, r, "expr")
	if !ok {
		return
	}
	a, ok, err := n.store.Answer(r.Context(), expr)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	if !ok {
		refuse(w, http.StatusNotFound, fmt.Errorf("there is no result of %s", expr))
		return
	}
	w.Header().Set("Rosser-Result", a.Result.String())
	w.Header().Set("Rosser-By", a.By)
	n.writeBlock(w, r, a.Result)
}

const (
	typeJSON    = "application/json"
	typeDagJSON = "application/vnd.ipld.dag-json"
	typeDagCBOR = "application/vnd.ipld.dag-cbor"
)

// writeBlock answers with a block of data, as DAG-JSON or as it is.
func (n *Node) writeBlock(w http.ResponseWriter, r *http.Request, c cid.Cid) {
	raw := strings.Contains(r.Header.Get("Accept"), typeDagCBOR)
	tag := `"` + c.String() + `.json"`
	if raw {
		tag = `"` + c.String() + `"`
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Vary", "Accept")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	data, err := n.store.Block(r.Context(), c)
	if errors.Is(err, graph.ErrNotFound) {
		refuse(w, http.StatusNotFound, err)
		return
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	if raw {
		w.Header().Set("Content-Type", typeDagCBOR)
		w.Write(data)
		return
	}
	text, err := dagJSON(c, data)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", typeDagJSON)
	w.Write(text)
}

// dagJSON is a block as DAG-JSON.
func dagJSON(c cid.Cid, data []byte) ([]byte, error) {
	n, err := codec.DecodeNode(c.Prefix().Codec, data)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", c, err)
	}
	return codec.EncodeNode(cid.DagJSON, n)
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
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", typeJSON)
	w.Header().Set("Cache-Control", "no-cache")
	json.NewEncoder(w).Encode(libs)
}
