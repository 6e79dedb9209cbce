// This file runs a real kubo on loopback, beside a store and a node: libraries go from one to the other and back. Nothing outside is dialled.

package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/node"
	"github.com/rosser-lang/rosser/trust"
)

// kuboBinary is what ROSSER_KUBO names, or what .ci/kubo has built.
func kuboBinary(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("ROSSER_KUBO"); bin != "" {
		if _, err := os.Stat(bin); err != nil {
			t.Fatalf("ROSSER_KUBO: %v", err)
		}
		return bin
	}
	mod, err := os.ReadFile("kubo/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^require github.com/ipfs/kubo (v\S+)`).FindSubmatch(mod)
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil || version == nil {
		t.Fatal("cannot tell where kubo is", err)
	}
	bin := filepath.Join(filepath.Dir(strings.TrimSpace(string(cache))), "rosser", "kubo-"+string(version[1]))
	if _, err := os.Stat(bin); err != nil {
		t.Skip("THERE IS NO KUBO, so nothing is tested against it. This builds one: ./.ci/kubo")
	}
	return bin
}

// A kubo is a repository of kubo's, with its daemon.
type kubo struct {
	t             testing.TB
	bin, dir      string
	addr, gateway string // of the daemon: a multiaddr with its peer ID, a URL
	stop          func()
}

// kuboQuiet is what a configuration needs so that a daemon stays on loopback and dials nobody.
var kuboQuiet = map[string]any{
	"Bootstrap": []string{}, "AutoConf.Enabled": false, "AutoTLS.Enabled": false, "AutoNAT.ServiceMode": "disabled", "Routing.Type": "none", "Provide.Enabled": false,
	"HTTPRetrieval.Enabled": false, "Discovery.MDNS.Enabled": false, "Version.SwarmCheckEnabled": false, "Gateway.NoDNSLink": true,
	"Swarm.RelayClient.Enabled": false, "Swarm.RelayService.Enabled": false, "Swarm.EnableHolePunching": false, "Swarm.DisableNatPortMap": true,
	"Swarm.Transports.Network.QUIC": false, "Swarm.Transports.Network.WebTransport": false, "Swarm.Transports.Network.WebRTCDirect": false,
	"Swarm.Transports.Network.Websocket": false, "Swarm.Transports.Network.Relay": false,
	"Addresses.Swarm": []string{"/ip4/127.0.0.1/tcp/0"}, "Addresses.API": "/ip4/127.0.0.1/tcp/0", "Addresses.Gateway": "/ip4/127.0.0.1/tcp/0",
}

// newKubo makes a repository without a daemon. settings are names and values of the configuration.
func newKubo(t testing.TB, settings ...any) *kubo {
	t.Helper()
	k := &kubo{t: t, bin: kuboBinary(t), dir: t.TempDir()}
	k.ipfs("init", "--profile=test")
	file := filepath.Join(k.dir, "repo", "config")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) {
		at := config
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			next, ok := at[part].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[part] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = value
	}
	for name, value := range kuboQuiet {
		set(name, value)
	}
	for i := 0; i < len(settings); i += 2 {
		set(settings[i].(string), settings[i+1])
	}
	if data, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// startKubo makes a repository and runs a daemon on it until the test is over.
func startKubo(t testing.TB, settings ...any) *kubo {
	t.Helper()
	k := newKubo(t, settings...)
	k.start()
	return k
}

func (k *kubo) start() {
	t := k.t
	t.Helper()
	cmd := k.command(context.Background(), "daemon")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	var said bytes.Buffer // read when it has ended
	go func() {
		defer close(ended)
		chunk := make([]byte, 4096)
		for waiting := true; ; {
			n, err := out.Read(chunk)
			said.Write(chunk[:n])
			if waiting && bytes.Contains(said.Bytes(), []byte("Daemon is ready")) {
				waiting = false
				close(ready)
			}
			if err != nil {
				cmd.Wait()
				return
			}
		}
	}()
	k.stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	}
	t.Cleanup(func() { k.stop() })
	select {
	case <-ready:
	case <-time.After(time.Minute):
		k.stop()
		t.Fatalf("kubo is not ready\n%s\n%s", &said, &errs)
	case <-ended:
		t.Fatalf("kubo ended\n%s\n%s", &said, &errs)
	}
	var id struct{ Addresses []string }
	if err := json.Unmarshal([]byte(k.ipfs("id")), &id); err != nil || len(id.Addresses) != 1 || !strings.HasPrefix(id.Addresses[0], "/ip4/127.0.0.1/") {
		t.Fatal("kubo listens at", id.Addresses, err)
	}
	url, err := os.ReadFile(filepath.Join(k.dir, "repo", "gateway"))
	if err != nil {
		t.Fatal(err)
	}
	k.addr, k.gateway = id.Addresses[0], strings.TrimSpace(string(url))
}

func (k *kubo) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.bin, args...)
	cmd.Dir = k.dir
	cmd.Env = []string{"IPFS_PATH=" + filepath.Join(k.dir, "repo"), "HOME=" + k.dir, "IPFS_TELEMETRY=off", "PATH=" + os.Getenv("PATH")}
	return cmd
}

// ipfs runs a command that has to work, and returns what it prints.
func (k *kubo) ipfs(args ...string) string {
	k.t.Helper()
	return strings.TrimSpace(string(k.bytes(args...)))
}

// bytes is ipfs for what is not text.
func (k *kubo) bytes(args ...string) []byte {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := k.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		k.t.Fatalf("ipfs %s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.Bytes()
}

// page is what the gateway answers a browser.
func (k *kubo) page(path string) string {
	k.t.Helper()
	r, _ := http.NewRequest(http.MethodGet, k.gateway+path, nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		k.t.Fatalf("%s: got %s, %s, %v\n%.1000s", path, answer.Status, answer.Header.Get("Content-Type"), err, text)
	}
	return string(text)
}

// A machine is a store in a folder of its own with a node on it, which the commands in that folder use.
type machine struct {
	dir   string
	store *store.Store
	node  *node.Node
	close func()
}

func newMachine(t testing.TB, o node.Options) *machine {
	t.Helper()
	m := &machine{dir: t.TempDir()}
	s, err := store.Open(filepath.Join(m.dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	m.store, m.node = s, n
	m.close = func() {
		if n != nil {
			n.Close()
			s.Close()
			n = nil
		}
	}
	t.Cleanup(m.close)
	return m
}

var onLoopback = node.Options{Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Serve: true}

// rosser runs a command that has to work, and returns what it prints.
func (m *machine) rosser(t testing.TB, args ...string) (stdout, stderr string) {
	t.Helper()
	out, errText, exit := command(t, m.dir, args...)
	if exit != 0 {
		t.Fatalf("rosser %s: exit %d\n%s%s", strings.Join(args, " "), exit, out, errText)
	}
	return strings.TrimSpace(out), errText
}

var aCID = regexp.MustCompile(`\bbafy[a-z2-7]{55}\b`)

const squares = `## The mean of some numbers.
let mean = \xs -> sum xs / length xs
## The squares of the numbers up to n.
let squares = \n -> map (\x -> x * x) (range 0 n)
let answer = {"mean": mean (squares 10), "all": squares 20000, "deep": [{"name": "a", "at": [1, 2, 3]}]}
answer
`

// A published library: its root, an expression whose result is in it, the steps of that, and how many blocks it is.
type published struct {
	root, expr, steps string
	blocks            int
}

// publishSquares runs a program and publishes it.
func publishSquares(t *testing.T, m *machine) (p published) {
	t.Helper()
	write(t, m.dir, "squares.ros", squares)
	_, stats := m.rosser(t, "run", "--stats", "squares.ros")
	p.expr = aCID.FindString(stats)
	if steps := regexp.MustCompile(`(?m)^steps +(\d+)$`).FindStringSubmatch(stats); steps != nil {
		p.steps = steps[1]
	}
	out, size := m.rosser(t, "publish", "squares.ros")
	p.root = aCID.FindString(out)
	if blocks := regexp.MustCompile(`in (\d+) blocks`).FindStringSubmatch(size); blocks != nil {
		p.blocks, _ = strconv.Atoi(blocks[1])
	}
	if p.root == "" || p.expr == "" || p.steps == "" || p.blocks == 0 {
		t.Fatalf("got %+v from\n%s%s%s", p, stats, out, size)
	}
	return p
}

// hasSquares looks at the library with kubo's commands.
func (k *kubo) hasSquares(p published) {
	k.t.Helper()
	names := k.ipfs("ls", "--size=false", p.root+"/names")
	if fields := strings.Fields(names); len(fields) != 6 || fields[1] != "answer" || fields[3] != "mean" || fields[5] != "squares" {
		k.t.Errorf("ipfs ls: got\n%s", names)
	}
	at := p.root + "/results/" + p.expr + "/value"
	for path, want := range map[string]string{"/mean": "35", "/deep/0/at": "[1,2,3]", "/deep/0": `{"at":[1,2,3],"name":"a"}`} {
		if got := k.ipfs("dag", "get", at+path); got != want {
			k.t.Errorf("ipfs dag get %s: got %s, want %s", path, got, want)
		}
	}
	var all struct {
		List json.RawMessage `json:"λ"`
	}
	if err := json.Unmarshal([]byte(k.ipfs("dag", "get", at+"/all")), &all); err != nil || all.List == nil { // a tree of blocks
		k.t.Errorf("ipfs dag get: %v", err)
	}
	if got := k.ipfs("dag", "get", p.root+"/results/"+p.expr+"/steps"); got != p.steps {
		k.t.Errorf("steps: got %s", got)
	}
}

// TestKuboPins has kubo pin a library over Bitswap, and read from it when we are gone.
func TestKuboPins(t *testing.T) {
	t.Parallel()
	k := startKubo(t)
	m := newMachine(t, onLoopback)
	p := publishSquares(t, m)
	k.ipfs("swarm", "connect", m.node.Addrs()[0].String())
	if got := k.ipfs("dag", "get", p.root+"/results/"+p.expr+"/value/mean"); got != "35" { // block by block, from us
		t.Errorf("got %s", got)
	}
	began := time.Now()
	k.ipfs("pin", "add", p.root)
	t.Logf("pinned in %v", time.Since(began))
	k.hasSquares(p)
	m.close()
	k.hasSquares(p)
	if got := k.ipfs("pin", "ls", "--type=recursive", "--quiet", p.root); got != p.root {
		t.Errorf("got the pin %s", got)
	}
	k.showsSquares(p, k.page)
}

// showsSquares looks at the library as a browser does, by a function that gives the page of a path.
func (k *kubo) showsSquares(p published, get func(path string) string) {
	k.t.Helper()
	page := get("/ipfs/" + p.root + "/names/")
	for _, name := range []string{"answer", "mean", "squares"} {
		if !strings.Contains(page, ">"+name+"</a>") {
			k.t.Errorf("the page does not show %s\n%s", name, page)
		}
	}
	if page := get("/ipfs/" + p.root + "/results/" + p.expr); !strings.Contains(page, "steps") || !strings.Contains(page, "value") {
		k.t.Errorf("the page of a result has no value\n%s", page)
	}
}

// isPulled says whether all of the p.root is in m, and its results are claims of who.
func (m *machine) isPulled(t *testing.T, p published, who string) {
	t.Helper()
	ctx := context.Background()
	e, err := cid.Decode(p.expr)
	if err != nil {
		t.Fatal(err)
	}
	a, ok, err := m.store.Recorded(ctx, e)
	if err != nil || !ok || a.Own() || !strings.Contains(a.By, who) {
		t.Errorf("the result is recorded as by %q, want a claim of %s: %v", a.By, who, err)
	}
	root, err := cid.Decode(p.root)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := m.store.PinSize(ctx, store.Pin{CID: root}, 0); err != nil || size.Blocks != p.blocks {
		t.Errorf("got %v, want %d blocks: %v", size, p.blocks, err)
	}
	if got, _ := m.rosser(t, "get", p.root+"/results/"+p.expr+"/value/deep/0/at"); got != "[1,2,3]" {
		t.Errorf("got %s", got)
	}
	write(t, m.dir, "use.ros", "let m = import @"+p.root+"\nm.mean [1, 2, 3, 6]\n")
	if got, _ := m.rosser(t, "run", "use.ros"); got != "3.0" {
		t.Errorf("got %s", got)
	}
}

// TestPullsFromKubo pulls a library from kubo in every way that it has.
func TestPullsFromKubo(t *testing.T) {
	t.Parallel()
	origin := newMachine(t, node.Options{})
	p := publishSquares(t, origin)
	origin.rosser(t, "export", p.root, "ours.car")
	origin.close()

	// Our CAR file, read by a kubo without a daemon, and kubo's, read by us.
	offline := newKubo(t)
	offline.ipfs("dag", "import", filepath.Join(origin.dir, "ours.car"))
	offline.hasSquares(p)
	reader := newMachine(t, node.Options{})
	if err := os.WriteFile(filepath.Join(reader.dir, "theirs.car"), offline.bytes("dag", "export", p.root), 0o600); err != nil {
		t.Fatal(err)
	}
	reader.rosser(t, "import", "theirs.car")
	reader.isPulled(t, p, "theirs.car")

	k := startKubo(t)
	modern := startKubo(t, "Experimental.GatewayOverLibp2p", true)
	for _, k := range []*kubo{k, modern} {
		k.ipfs("dag", "import", filepath.Join(origin.dir, "ours.car"))
	}
	id := k.addr[strings.LastIndex(k.addr, "/")+1:]
	for name, from := range map[string][2]string{
		"bitswap":             {k.addr + "/ipfs/" + p.root, id},
		"gateway":             {k.gateway + "/ipfs/" + p.root, strings.TrimPrefix(k.gateway, "http://")},
		"gateway over libp2p": {modern.addr + "/ipfs/" + p.root, modern.addr[strings.LastIndex(modern.addr, "/")+1:]},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, node.Options{})
			began := time.Now()
			got, err := m.node.Pull(context.Background(), node.Pull{From: from[0], Name: "squares"}, nil)
			if err != nil || len(got) != 1 || got[0].Root.String() != p.root || got[0].Names != 3 || got[0].Results == 0 {
				t.Fatalf("got %+v, %v", got, err)
			}
			t.Logf("%d of %d blocks in %v", got[0].Came.Blocks, p.blocks, time.Since(began))
			m.isPulled(t, p, from[1])
		})
	}
}

// TestKuboPinsManyNames has kubo pin a library whose directories are sharded, and show it to a browser.
func TestKuboPinsManyNames(t *testing.T) {
	t.Parallel()
	const names, long = 3000, "theTemperatureOfTheAirTwoMetresAboveTheGroundAtNoonAtTheStation_"
	k := startKubo(t)
	m := newMachine(t, onLoopback)
	var text strings.Builder
	for i := range names {
		fmt.Fprintf(&text, "let %s%05d = \\x -> x + %d\n", long, i, i)
	}
	write(t, m.dir, "many.ros", text.String())
	out, _ := m.rosser(t, "publish", "many.ros")
	root := aCID.FindString(out)
	k.ipfs("swarm", "connect", m.node.Addrs()[0].String())
	began := time.Now()
	k.ipfs("pin", "add", root)
	took := time.Since(began)
	t.Logf("pinned %d names in %v", names, took)
	if took > time.Minute { // kubo asks for 32 blocks at a time, every 20 ms: some 4 s
		t.Errorf("pinning %d names took %v", names, took)
	}
	m.close()
	var dir struct{ Links []struct{ Name string } }
	if err := json.Unmarshal([]byte(k.ipfs("dag", "get", root+"/names")), &dir); err == nil && len(dir.Links) == names {
		t.Error("the directory is not sharded")
	}
	name := regexp.MustCompile(long + `\d{5}(</a>|\n|$)`)
	for what, text := range map[string]string{"page": k.page("/ipfs/" + root + "/names/"), "list": k.ipfs("ls", "--size=false", root+"/names")} {
		if n := len(name.FindAllString(text, -1)); n != names {
			t.Errorf("the %s has %d names, want %d\n%.1000s", what, n, names, text)
		}
	}
	var term struct {
		Code json.RawMessage `json:"λ"`
	}
	if err := json.Unmarshal([]byte(k.ipfs("dag", "get", root+"/names/"+long+"00042")), &term); err != nil || term.Code == nil {
		t.Errorf("a name in it is no code: %v", err)
	}
}

// TestKuboNames pulls from an IPNS name of kubo's, and has kubo take one of ours.
func TestKuboNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	k := startKubo(t, "Gateway.NoFetch", true) // so that the gateway answers for the names that the repository knows
	origin := newMachine(t, onLoopback)
	p := publishSquares(t, origin)
	origin.rosser(t, "export", p.root, "ours.car")
	k.ipfs("dag", "import", filepath.Join(origin.dir, "ours.car"))
	follow := func(m *machine, from, root string) {
		t.Helper()
		got, err := m.node.Pull(ctx, node.Pull{From: from, Name: "squares", Peers: []string{k.gateway}}, nil)
		if err != nil || got[0].Root.String() != root {
			t.Fatalf("%s: got %+v, want %s: %v", from, got, root, err)
		}
	}
	name := strings.Fields(k.ipfs("key", "list", "-l", "--ipns-base=base36"))[0]
	m := newMachine(t, node.Options{})
	if _, err := m.node.Pull(ctx, node.Pull{From: k.gateway + "/ipns/" + name}, nil); err == nil || !strings.Contains(err.Error(), k.gateway+": it does not know") {
		t.Fatal(err)
	}
	k.ipfs("--offline", "name", "publish", "/ipfs/"+p.root)
	follow(m, k.gateway+"/ipns/"+name, p.root)
	m.isPulled(t, p, "/ipns/"+name)
	follow(m, k.addr+"/ipns/"+name, p.root) // whose gateway, which knows, is asked beside

	// A new version, and a name for the name.
	write(t, origin.dir, "more.ros", squares+"\nlet more = 1\n")
	out, _ := origin.rosser(t, "publish", "more.ros")
	more := aCID.FindString(out)
	origin.rosser(t, "export", more, "more.car")
	k.ipfs("dag", "import", filepath.Join(origin.dir, "more.car"))
	k.ipfs("--offline", "name", "publish", "/ipfs/"+more)
	follow(m, k.gateway+"/ipns/"+name, more)
	k.ipfs("key", "gen", "alias")
	k.ipfs("--offline", "name", "publish", "--key=alias", "/ipns/"+name)
	alias := regexp.MustCompile(`(?m)^(\S+)\s+alias`).FindStringSubmatch(k.ipfs("key", "list", "-l", "--ipns-base=base36"))[1]
	follow(m, k.gateway+"/ipns/"+alias, more)

	// Ours: kubo takes the record that our gateway gives, and is asked for it by others.
	web := httptest.NewServer(origin.node.Handler())
	defer web.Close()
	for _, program := range []string{"squares.ros", "more.ros"} {
		out, note := origin.rosser(t, "publish", "--library=mine", "--ipns=mine", program)
		root, found := aCID.FindString(out), regexp.MustCompile(`/ipns/(k51\w+)\s`).FindStringSubmatch(note)
		if root == "" || found == nil {
			t.Fatalf("got\n%s%s", out, note)
		}
		mine := found[1]
		origin.rosser(t, "export", root, "mine.car")
		k.ipfs("dag", "import", filepath.Join(origin.dir, "mine.car"))
		answer, err := http.Get(web.URL + "/ipns/" + mine + "?format=ipns-record")
		if err != nil {
			t.Fatal(err)
		}
		record, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/vnd.ipfs.ipns-record" {
			t.Fatalf("got %s, %s, %v", answer.Status, record, err)
		}
		file := filepath.Join(k.dir, "record")
		if err := os.WriteFile(file, record, 0o600); err != nil {
			t.Fatal(err)
		}
		var seen struct {
			Entry      struct{ Value string }
			Validation struct{ Valid bool }
		}
		if err := json.Unmarshal([]byte(k.ipfs("name", "inspect", "--enc=json", "--verify="+mine, file)), &seen); err != nil || !seen.Validation.Valid || seen.Entry.Value != "/ipfs/"+root {
			t.Fatalf("ipfs name inspect: got %+v, %v", seen, err)
		}
		k.ipfs("--offline", "name", "put", mine, file)
		follow(m, k.gateway+"/ipns/"+mine, root)
		if page := k.page("/ipns/" + mine + "/names/"); !strings.Contains(page, ">squares</a>") {
			t.Errorf("the page of a name shows no names\n%s", page)
		}
	}

	// Keys go from one to the other.
	k.ipfs("key", "import", "mine", filepath.Join(origin.dir, "store", "keys", "mine"))
	k.ipfs("key", "export", "-o", filepath.Join(origin.dir, "store", "keys", "alias"), "alias")
	if theirs, err := trust.NamedKey(origin.store.Dir(), "alias"); err != nil {
		t.Error(err)
	} else if id, err := peer.IDFromPrivateKey(theirs); err != nil || ipns.NameFromPeer(id).String() != alias {
		t.Errorf("kubo's key is that of %s, want %s: %v", id, alias, err)
	}
}

// TestKuboDHT is in one DHT with kubo: each finds the other's names there, and kubo who has a root of ours.
func TestKuboDHT(t *testing.T) {
	t.Parallel()
	k := startKubo(t, "Routing.Type", "dhtserver")
	m := &machine{dir: t.TempDir()}
	id := serve(t, m.dir, "--bootstrap="+k.addr).id
	write(t, m.dir, "squares.ros", squares)
	var mine, root string
	for _, program := range []string{squares, squares + "let more = 1\n"} {
		write(t, m.dir, "squares.ros", program)
		out, note := m.rosser(t, "publish", "--ipns=mine", "squares.ros")
		found := regexp.MustCompile(`/ipns/(k51\w+)\s`).FindStringSubmatch(note)
		if root = aCID.FindString(out); root == "" || found == nil {
			t.Fatalf("got\n%s%s", out, note)
		}
		mine = found[1]
		if got := k.ipfs("name", "resolve", "--nocache", "/ipns/"+mine); got != "/ipfs/"+root {
			t.Errorf("%s stands for %s, want %s", mine, got, root)
		}
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(k.ipfs("routing", "findprovs", "-n=1", root), id); {
		if time.Now().After(end) {
			t.Fatal("kubo does not find who has the root")
		}
		time.Sleep(50 * time.Millisecond)
	}
	k.ipfs("pin", "add", "/ipns/"+mine)

	theirs := strings.Fields(k.ipfs("key", "list", "-l", "--ipns-base=base36"))[0]
	k.ipfs("name", "publish", "/ipfs/"+root)
	other := &machine{dir: t.TempDir()}
	serve(t, other.dir, "--bootstrap="+k.addr)
	for _, name := range []string{mine, theirs} {
		if out, note := other.rosser(t, "pull", "--name=squares", "/ipns/"+name); aCID.FindString(out) != root || !strings.Contains(note, "claims of /ipns/"+name) {
			t.Errorf("pull: got\n%s%s", out, note)
		}
	}
}

// TestPublishToKubo gives a library to a kubo.
func TestPublishToKubo(t *testing.T) {
	t.Parallel()
	k := startKubo(t)
	m := &machine{dir: t.TempDir()}
	write(t, m.dir, "squares.ros", squares)
	_, stats := m.rosser(t, "run", "--stats", "squares.ros")
	api, err := os.ReadFile(filepath.Join(k.dir, "repo", "api"))
	if err != nil {
		t.Fatal(err)
	}
	out, note := m.rosser(t, "publish", "--to=http://"+strings.NewReplacer("/ip4/", "", "/tcp/", ":").Replace(strings.TrimSpace(string(api))), "squares.ros")
	root := aCID.FindString(out)
	if !strings.Contains(note, "has imported and pinned it") {
		t.Errorf("got %s", note)
	}
	if got := k.ipfs("pin", "ls", "--type=recursive", "--quiet"); !strings.Contains(got, root) {
		t.Errorf("got the pins %s, want %s", got, root)
	}
	if got := k.ipfs("dag", "get", root+"/results/"+aCID.FindString(stats)+"/value/deep/0/at"); got != "[1,2,3]" {
		t.Errorf("got %s", got)
	}
	if _, errText, exit := command(t, m.dir, "publish", "--to="+k.gateway, "squares.ros"); exit != 3 || !strings.Contains(errText, "RPC API, such as http://127.0.0.1:5001") {
		t.Errorf("got exit %d\n%s", exit, errText)
	}
}

// TestKuboTransports goes both ways over QUIC, and in a private network.
func TestKuboTransports(t *testing.T) {
	t.Parallel()
	const swarmKey = "/key/swarm/psk/1.0.0/\n/base16/\n000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
	const quic = "/ip4/127.0.0.1/udp/0/quic-v1"
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	for name, c := range map[string]struct {
		settings []any
		options  node.Options
	}{
		"quic":    {[]any{"Swarm.Transports.Network.QUIC", true, "Addresses.Swarm", []string{quic}}, node.Options{Listen: []string{quic}, Serve: true}},
		"private": {nil, node.Options{Listen: onLoopback.Listen, Serve: true, Private: secret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKubo(t, c.settings...)
			if c.options.Private != nil {
				if err := os.WriteFile(filepath.Join(k.dir, "repo", "swarm.key"), []byte(swarmKey), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			k.start()
			m := newMachine(t, c.options)
			p := publishSquares(t, m)
			k.ipfs("swarm", "connect", m.node.Addrs()[0].String())
			k.ipfs("pin", "add", p.root)
			m.close()
			k.hasSquares(p)
			other := newMachine(t, node.Options{Private: c.options.Private})
			if _, err := other.node.Pull(context.Background(), node.Pull{From: k.addr + "/ipfs/" + p.root, Name: "squares"}, nil); err != nil {
				t.Fatal(err)
			}
			other.isPulled(t, p, k.addr[strings.LastIndex(k.addr, "/")+1:])
			if c.options.Private != nil {
				stranger := newMachine(t, node.Options{})
				if _, err := stranger.node.Pull(context.Background(), node.Pull{From: k.addr + "/ipfs/" + p.root}, nil); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
					t.Errorf("without the key: %v", err)
				}
			}
		})
	}
}

// TestKuboLacksBlocks pulls what kubo does not have, or has not all of: that is an error which names it, and what did come stays.
func TestKuboLacksBlocks(t *testing.T) {
	t.Parallel()
	k := startKubo(t, "Gateway.NoFetch", true)
	origin := newMachine(t, node.Options{})
	p := publishSquares(t, origin)
	origin.rosser(t, "export", p.root, "ours.car")
	for _, have := range []string{"nothing", "a part"} {
		var missing string
		if have == "a part" {
			k.ipfs("dag", "import", "--pin-roots=false", filepath.Join(origin.dir, "ours.car"))
			missing = k.ipfs("dag", "resolve", p.root+"/results/"+p.expr)
			k.ipfs("block", "rm", missing)
		} else {
			missing = p.root
		}
		for _, from := range []string{k.addr, k.gateway} {
			m := newMachine(t, node.Options{})
			_, err := m.node.Pull(context.Background(), node.Pull{From: from + "/ipfs/" + p.root}, nil)
			who := from[strings.LastIndex(from, "/")+1:]
			if !errors.Is(err, graph.ErrNotFound) || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), who+" (by Bitswap) does not have it") && !strings.Contains(err.Error(), who+" does not have it") {
				t.Errorf("%s, from %s: got %v", have, from, err)
			}
			if have == "nothing" {
				continue
			}
			k.ipfs("dag", "import", "--pin-roots=false", filepath.Join(origin.dir, "ours.car"))
			got, err := m.node.Pull(context.Background(), node.Pull{From: from + "/ipfs/" + p.root}, nil)
			if err != nil || got[0].Came.Blocks >= p.blocks {
				t.Errorf("again, from %s: %d of %d blocks came: %v", from, got[0].Came.Blocks, p.blocks, err)
			}
			k.ipfs("block", "rm", missing)
		}
	}
}

// TestPullsDeepFromKubo pulls what is deeper than kubo's gateway goes in one answer.
func TestPullsDeepFromKubo(t *testing.T) {
	t.Parallel()
	const depth = 1500
	k := startKubo(t)
	origin := newMachine(t, node.Options{})
	text := "let f0 = \\x -> x\n"
	for i := 1; i <= depth; i++ {
		text += fmt.Sprintf("let f%d = \\x -> f%d (x + %d)\n", i, i-1, i)
	}
	write(t, origin.dir, "deep.ros", text)
	out, _ := origin.rosser(t, "publish", "deep.ros", fmt.Sprint("f", depth))
	root := aCID.FindString(out)
	origin.rosser(t, "export", root, "deep.car")
	k.ipfs("dag", "import", filepath.Join(origin.dir, "deep.car"))

	m := newMachine(t, node.Options{})
	began := time.Now()
	got, err := m.node.Pull(context.Background(), node.Pull{From: k.gateway + "/ipfs/" + root, Name: "deep"}, nil)
	if err != nil || got[0].Came.Blocks < depth {
		t.Fatalf("got %+v, %v", got, err)
	}
	t.Logf("%d blocks in %v", got[0].Came.Blocks, time.Since(began))
	write(t, m.dir, "use.ros", fmt.Sprintf("let deep = import @%s\ndeep.f%d 0\n", root, depth))
	if got, _ := m.rosser(t, "run", "use.ros"); got != fmt.Sprint(depth*(depth+1)/2) {
		t.Errorf("got %s", got)
	}
}

// TestReadmeKubo runs what the README shows beside a daemon of kubo's.
func TestReadmeKubo(t *testing.T) {
	t.Parallel()
	k := startKubo(t)
	if err := os.Symlink(k.bin, filepath.Join(k.dir, "ipfs")); err != nil {
		t.Fatal(err)
	}
	runReadme(t, "sh session kubo", k.dir, "IPFS_PATH="+filepath.Join(k.dir, "repo"), "IPFS_TELEMETRY=off")
}
