// This file has a real browser look at what a gateway and a node show, and at what pages of other sites can have done.

package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// chromium is the binary that ROSSER_CHROMIUM names, or one on the path.
func chromium(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv("ROSSER_CHROMIUM"); bin != "" {
		return bin
	}
	bin, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("THERE IS NO CHROMIUM, so nothing is tested in a browser. ROSSER_CHROMIUM says where one is")
	}
	return bin
}

// browse gives the document at a URL as Chromium has it once its scripts have run.
func browse(t *testing.T, url string) string {
	t.Helper()
	bin := chromium(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--user-data-dir="+t.TempDir(), "--virtual-time-budget=20000", "--dump-dom", url)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("%s %s: %v", bin, url, err)
	}
	return string(out)
}

// TestBrowserReads has a browser show the names of a library, through kubo's gateway, and an answer by the API of a node.
func TestBrowserReads(t *testing.T) {
	chromium(t)
	k := startKubo(t)
	m := newMachine(t, onLoopback)
	p := publishSquares(t, m)
	k.ipfs("swarm", "connect", m.node.Addrs()[0].String())
	k.showsSquares(p, func(path string) string { return browse(t, k.gateway+path) })
}

// TestBrowserOrigins has a page of another site ask a node to evaluate in every way that a browser has.
func TestBrowserOrigins(t *testing.T) {
	chromium(t)
	s := serve(t, t.TempDir(), "--work")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<body><iframe name="f"></iframe>
<form target="f" method="post" enctype="text/plain" action="%[1]s/api/v0/eval"><input name='{"source": "41 + 1", "form": "' value='"}'></form>
<script>
document.forms[0].submit()
const eval_ = "%[1]s/api/v0/eval", body = '{"source": "41 + 1"}', json = {"Content-Type": "application/json"}
const ways = {
  simple: () => fetch(eval_, {method: "POST", body}),
  json: () => fetch(eval_, {method: "POST", body, headers: json}),
  blind: () => fetch(eval_, {method: "POST", body, mode: "no-cors"}).then(r => ({status: r.type})),
  beacon: async () => ({status: navigator.sendBeacon(eval_, body)}),
}
Promise.all(Object.keys(ways).map(k => ways[k]().then(r => k + "=" + r.status, e => k + "=refused"))).then(all => { document.body.append(all.join(" ")) })
</script>`, s.url)
	}))
	t.Cleanup(other.Close)
	page := browse(t, other.URL)
	for _, want := range []string{"simple=refused", "json=refused", "blind=opaque", "beacon=true"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %s\n%s", want, page)
		}
	}
	counted := regexp.MustCompile(`rosser_http_requests_total\{route="POST /api/v0/eval",status="(\d+)"\} (\d+)`)
	if got := counted.FindAllStringSubmatch(metrics(t, s.url), -1); len(got) != 1 || got[0][1] != "403" || got[0][2] != "4" { // the form, and all but json, which is not sent
		t.Errorf("requests by another site's page: got %v", got)
	}
	answer, err := http.Post(s.url+"/api/v0/eval", "application/json", strings.NewReader(`{"source": "41 + 1"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("without another site: got %s", answer.Status)
	}
}
