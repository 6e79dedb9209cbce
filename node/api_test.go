// This file asks the HTTP API what a client that is no browser may ask.

package node

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// TestPreconditions: a tag that a proxy has weakened is the same tag, and the type with the larger weight is given.
func TestPreconditions(t *testing.T) {
	s, n := open(t, Options{})
	data := []byte{0x81, 1}
	block := graph.Block{CID: codec.CIDOf(data), Data: data}
	if err := s.Put(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	tag, weak := `"`+block.CID.String()+`.dag-json"`, `W/"`+block.CID.String()+`.dag-json"`
	for _, test := range []struct {
		header, value string
		status        int
		kind          string
	}{
		{"If-None-Match", tag, 304, ""},
		{"If-None-Match", `"x", ` + weak, 304, ""},
		{"If-None-Match", `"x"`, 200, typeDagJSON},
		{"Accept", typeDagCBOR, 200, typeDagCBOR},
		{"Accept", typeJSON + ", " + typeDagCBOR, 200, typeDagJSON},
		{"Accept", typeJSON + ";q=0.5, " + typeDagCBOR, 200, typeDagCBOR},
		{"Accept", typeDagCBOR + ";q=0, */*", 200, typeDagJSON},
	} {
		r := httptest.NewRequest("GET", "/api/v0/show/"+block.CID.String(), nil)
		r.Header.Set(test.header, test.value)
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, r)
		if w.Code != test.status || w.Header().Get("Content-Type") != test.kind {
			t.Errorf("%s: %s: got %d %s, want %d %s", test.header, test.value, w.Code, w.Header().Get("Content-Type"), test.status, test.kind)
		}
	}
}

// TestBodies: what a body lacks, or has too much of, is told.
func TestBodies(t *testing.T) {
	_, n := open(t, Options{Program: "/does/not/exist"})
	web := httptest.NewServer(n.Handler())
	defer web.Close()
	for _, test := range []struct {
		body   string
		status int
		want   string
	}{
		{``, 400, "want source, expr or checkpoint"},
		{`{"sourc": "1"}`, 400, "want source, expr or checkpoint"},
		{`{"source": 1}`, 400, "not a request to evaluate"},
		{strings.Repeat(" ", maxBody+1), 413, "longer than"},
	} {
		answer, err := http.Post(web.URL+"/api/v0/eval", typeJSON, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 500)
		got, _ := answer.Body.Read(text)
		answer.Body.Close()
		if answer.StatusCode != test.status || !strings.Contains(string(text[:got]), test.want) {
			t.Errorf("%.20q: got %d %s, want %d %s", test.body, answer.StatusCode, text[:got], test.status, test.want)
		}
	}
}

// TestUnrouted: where nothing is answered, a problem says so, as everywhere.
func TestUnrouted(t *testing.T) {
	_, n := open(t, Options{})
	for _, test := range []struct {
		method, path string
		status       int
		allow, want  string
	}{
		{"GET", "/", 404, "", "openapi.json"},
		{"GET", "/api/v0/nothing", 404, "", "openapi.json"},
		{"POST", "/api/v0/libraries", 405, "GET, HEAD", "want one of GET, HEAD"},
		{"GET", "/api/v0/eval", 405, "POST", "want one of POST"},
		{"DELETE", "/api/v0/apply/a/b", 405, "GET, HEAD, POST", "want one of"},
		{"GET", "/api//v0/nothing", 307, "", ""},
	} {
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		var p problem
		if w.Body.Len() > 0 {
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != typeJSON {
				t.Errorf("%s %s: got %s %q", test.method, test.path, w.Header().Get("Content-Type"), w.Body)
			}
		}
		if w.Code != test.status || w.Header().Get("Allow") != test.allow || !strings.Contains(p.Error, test.want) {
			t.Errorf("%s %s: got %d, Allow %q, %q", test.method, test.path, w.Code, w.Header().Get("Allow"), p.Error)
		}
	}
}
