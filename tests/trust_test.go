// This file holds whose results are used: what a policy believes is, what it does not is reduced again, and what rests on it too.

package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/trust"
)

// A neighbour signs results, right or wrong.
type neighbour struct {
	key crypto.PrivKey
	id  string
}

func newNeighbour(t *testing.T) neighbour {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(nil)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return neighbour{key, id.String()}
}

// records records an answer in the store of dir.
func records(t *testing.T, dir string, a graph.Answer) {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(background, a); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// square is a function whose calls with different arguments have values that a wrong result is told from.
const square = "let square x = if x == 0 then 0 else x * x\n"

// callTo is the expression of square n.
func callTo(t *testing.T, n int) cid.Cid {
	t.Helper()
	expr, _ := compiled(t, program{src: fmt.Sprintf("%ssquare %d", square, n)})
	return expr
}

// says has neighbours sign that square n is value, in the store of dir.
func says(t *testing.T, dir string, n int, value int64, who ...neighbour) (expr, result cid.Cid) {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	expr, blocks := compiled(t, program{src: fmt.Sprintf("%ssquare %d", square, n)})
	put := graph.SinkFunc(func(b graph.Block) {
		if err := s.Put(background, b); err != nil {
			t.Fatal(err)
		}
	})
	for _, b := range blocks {
		put.Take(b)
	}
	result = graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(value), Steps: 1}, put).CID
	for _, w := range who {
		envelope, err := trust.Seal(w.key, trust.Attestation{Result: result, Kind: trust.Computed})
		if err == nil {
			err = trust.Keep(background, s, nil, expr, envelope)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return expr, result
}

func TestTrust(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alice, bob, carol, liar := newNeighbour(t), newNeighbour(t), newNeighbour(t), newNeighbour(t)
	run := func(args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, exit := command(t, dir, args...)
		if exit != 0 {
			t.Errorf("%v: got exit %d: %s", args, exit, stderr)
		}
		return stdout, stderr
	}
	// wants is what a program of these calls comes to, and what is said of it.
	wants := func(what, list, want string, said ...string) {
		t.Helper()
		out, stderr := run("eval", square+"["+list+"]")
		if out != want+"\n" {
			t.Errorf("%s: got %s, want %s", what, strings.TrimSpace(out), want)
		}
		for _, s := range said {
			if !strings.Contains(stderr, s) {
				t.Errorf("%s: got %q, want %q", what, stderr, s)
			}
		}
		if len(said) == 0 && stderr != "" {
			t.Errorf("%s: got %q", what, stderr)
		}
	}

	// What they sign is wrong, so that it shows where it is used.
	seven, _ := says(t, dir, 7, 700, alice)
	says(t, dir, 8, 800, bob)
	says(t, dir, 9, 900, alice, bob)
	says(t, dir, 10, 1000, alice)
	if out, stderr := run("eval", square+"square 10"); out != "100\n" || stderr != "" {
		t.Errorf("nobody is trusted: got %q and %q", out, stderr)
	}
	run("trust", "add", alice.id, "--name", "alice")
	run("trust", "add", bob.id, "--name", "bob")
	wants("found here", "square 10, 0", "[100,0]")
	wants("by alice and by bob", "square 7, square 8", "[700,800]", "alice ("+alice.id+")", "bob ("+bob.id+")", ", trusted here\n")
	wants("once more", "square 7, square 8", "[700,800]", "alice ("+alice.id+")", "bob ("+bob.id+")", " and ", ", trusted here\n")
	out, _ := run("result", "--who", square+"[square 7, square 8]")
	if !strings.Contains(out, "a claim by") || !strings.Contains(out, "  used: all that it rests on is by those who are trusted\n") {
		t.Errorf("--who: got\n%s", out)
	}
	out, _ = run("result", "--who", seven.String())
	for _, want := range []string{seven.String() + "\n", " = 700, 1 step\n", "  computed by alice (" + alice.id + "), 2", "Z: trusted\n", "  used: it is by alice (" + alice.id + "), who is trusted\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("--who: got\n%s\nwant %q", out, want)
		}
	}
	out, _ = run("trace", "--who", square+"[square 7, square 8]")
	if !strings.Contains(out, "= [700,800], 2 steps\n") || !strings.Contains(out, "used: all that it rests on") {
		t.Errorf("trace --who: got\n%s", out)
	}

	// What rests on two goes with either of them.
	run("trust", "rm", "bob")
	out, _ = run("result", "--who", square+"[square 7, square 8]")
	if !strings.Contains(out, "not used: nobody who is trusted says so") {
		t.Errorf("--who: got\n%s", out)
	}
	wants("bob is not trusted any more", "square 7, square 8", "[700,64]", "alice")
	run("trust", "add", bob.id)
	wants("what was reduced meanwhile rests on alice", "square 7, square 8", "[700,64]", "alice")
	run("trust", "rm", alice.id)
	wants("bob alone", "square 7, square 9", "[49,900]", bob.id)

	// Voters.
	run("trust", "rm", bob.id)
	says(t, dir, 11, 1100, alice)
	says(t, dir, 12, 1200, alice, carol)
	says(t, dir, 13, 1300, liar, newNeighbour(t), newNeighbour(t), newNeighbour(t), newNeighbour(t))
	if _, stderr := run("trust", "add", "--voter", alice.id, "--name", "alice"); !strings.Contains(stderr, "trust quorum K") {
		t.Errorf("a voter without a quorum: got %q", stderr)
	}
	run("trust", "add", "--voter", carol.id)
	run("trust", "add", "--voter", liar.id)
	run("trust", "quorum", "2")
	wants("two of three, and not one", "square 11, square 12, square 13", "[121,1200,169]", "alice ("+alice.id+")", carol.id, ", trusted here\n")

	// A conflict: each of two is believed.
	run("trust", "quorum", "0")
	run("trust", "add", alice.id)
	run("trust", "add", liar.id, "--name", "liar")
	twenty, one := says(t, dir, 20, 1, alice)
	_, two := says(t, dir, 20, 2, liar)
	if out, stderr, exit := command(t, dir, "result", twenty.String()); exit != 3 || out != "" || !strings.Contains(stderr, "--who") {
		t.Errorf("result of a conflict: got exit %d, %q, %q", exit, out, stderr)
	}
	out, _ = run("result", "--who", twenty.String())
	if strings.Count(out, "not used: another result is believed too") != 2 {
		t.Errorf("--who of a conflict: got\n%s", out)
	}
	wants("a conflict", "square 20", "[400]", one.String(), two.String(), alice.id, "liar ("+liar.id+")", "conflict: ")
	if out, _ := run("eval", square+"square 20"); out != "400\n" {
		t.Errorf("a conflict: got %q", out)
	}
	wants("found here", "square 20, 0", "[400,0]")
	together, three := says(t, dir, 23, 3) // what both have a part in, and one says otherwise
	records(t, dir, graph.Answer{Expr: together, Result: three, By: graph.JoinClaims(graph.ClaimOfKeys([]string{alice.id}), graph.ClaimOfKeys([]string{liar.id})), Steps: 1})
	says(t, dir, 23, 4, alice)
	out, _ = run("result", "--who", together.String())
	if strings.Count(out, "not used: another result is believed too") != 2 {
		t.Errorf("--who of a conflict with what two have come to: got\n%s", out)
	}

	// A file that is garbage.
	policy := filepath.Join(dir, "store", "trust")
	kept, err := os.ReadFile(policy)
	if err != nil {
		t.Fatal(err)
	}
	says(t, dir, 21, 1, alice)
	if err := os.WriteFile(policy, append(kept, "nonsense\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	wants("garbage", "square 21", "[441]", fmt.Sprintf("store/trust:%d: got \"nonsense\"", 1+bytes.Count(kept, []byte("\n"))), "only what was reduced here is used")
	for _, args := range [][]string{{"trust", "ls"}, {"trust", "add", bob.id}, {"trust", "rm", "alice"}} {
		if _, stderr, exit := command(t, dir, args...); exit != 2 || !strings.Contains(stderr, "nonsense") {
			t.Errorf("%v: got exit %d and %q", args, exit, stderr)
		}
	}
	if now, err := os.ReadFile(policy); err != nil || string(now) != string(kept)+"nonsense\n" {
		t.Errorf("the file was changed: %q", now)
	}
}

func TestTrustCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alice, bob := newNeighbour(t), newNeighbour(t)
	for _, c := range []struct {
		args     string
		exit     int
		out, err string
	}{
		{"trust add " + alice.id + " --name alice", 0, "key    " + alice.id + "  alice\n", ""},
		{"trust add " + bob.id + " --name alice", 2, "", "is called \"alice\" already"},
		{"trust add " + bob.id + " --name " + bob.id, 2, "", "is a key"},
		{"trust add bob", 2, "", "want the ID of a peer"},
		{"trust add --voter " + alice.id, 0, "voter  " + alice.id + "  alice\n", "trust quorum K"},
		{"trust quorum 2", 0, "quorum 2, of 1 voter\n", "not so many voters"},
		{"trust quorum 65", 2, "", "want 0 to 64"},
		{"trust quorum -- -1", 2, "", "want 0 to 64"},
		{"trust add " + bob.id, 0, "key    " + bob.id + "\n", ""},
		{"trust rm alicia", 2, "", "did you mean alice?"},
		{"trust rm 12D3KooWNothing", 2, "", "want a key or a name"},
		{"trust rm alice " + bob.id, 0, "voter  " + alice.id + "  alice\nkey    " + bob.id + "\n", ""},
		{"trust rm " + bob.id, 2, "", "is not trusted"},
		{"trust quorum 0", 0, "no quorum\n", ""},
	} {
		out, stderr, exit := command(t, dir, strings.Fields(c.args)...)
		if exit != c.exit || out != c.out || !strings.Contains(stderr, c.err) {
			t.Errorf("%s: got exit %d, %q, %q", c.args, exit, out, stderr)
		}
	}
	command(t, dir, "trust", "add", alice.id, "--name", "alice")
	command(t, dir, "trust", "add", "--voter", bob.id)
	command(t, dir, "trust", "quorum", "1")
	out, _, _ := command(t, dir, "trust", "ls")
	key, err := trust.Key(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	self, _ := peer.IDFromPrivateKey(key)
	want := fmt.Sprintf("self   %s  what this machine reduced is always used\nkey    %s  alice\nquorum 1, of 1 voter\nvoter  %s\n", self, alice.id, bob.id)
	if out != want {
		t.Errorf("ls: got\n%s\nwant\n%s", out, want)
	}
	out, _, _ = command(t, dir, "trust", "ls", "--json")
	var got struct {
		Self         string
		Keys, Voters []struct{ Key, Name string }
		Quorum       int
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Self != self.String() || len(got.Keys) != 1 || got.Keys[0].Name != "alice" || len(got.Voters) != 1 || got.Quorum != 1 {
		t.Errorf("ls --json: got %s", out)
	}
}

// TestTrustSession changes the policy under a session that is open, which has used what was believed before.
func TestTrustSession(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alice := newNeighbour(t)
	for n := range 8 {
		says(t, dir, 30+n, int64(n), alice)
	}
	cmd := exec.Command(rosser, "repl")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "NO_COLOR=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	answers := bufio.NewReader(stdout)
	wants := func(what, expr, want string) {
		t.Helper()
		io.WriteString(in, expr+"\nlet z = 0\n") // over a pipe an entry ends where the next one begins
		if got, err := answers.ReadString('\n'); err != nil || got != want+"\n" {
			t.Errorf("%s: %s: got %q, want %s (%v)", what, expr, got, want, err)
		}
	}
	policy := func(args ...string) {
		t.Helper()
		if _, stderr, exit := command(t, dir, append([]string{"trust"}, args...)...); exit != 0 {
			t.Fatal(stderr)
		}
	}
	io.WriteString(in, square)
	wants("nobody is trusted", "square 30", "900")
	policy("add", alice.id)
	wants("alice is", "[square 31]", "[1]")
	wants("found here", "[square 30, 1]", "[900,1]")
	wants("alice is", "[square 31, square 32]", "[1,2]")
	policy("rm", alice.id)
	wants("the same question, after she was", "[square 31, square 32]", "[961,1024]")
	wants("after she was", "square 31", "961")
	wants("after she was", "square 33", "1089")
	policy("add", alice.id)
	wants("she is again", "[square 34]", "[4]")
	wants("found here meanwhile", "[square 31, square 33]", "[961,1089]")
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTrustMidway changes the policy while a program is reduced: it has used what one call came to, and does not use the next one.
func TestTrustMidway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alice := newNeighbour(t)
	says(t, dir, 7, 700, alice)
	says(t, dir, 8, 800, alice)
	folder := filepath.Join(dir, "store")
	db, err := store.Open(folder, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := trust.Over(db, folder, eval.Own, func(err error) { t.Error(err) })
	id, err := peer.Decode(alice.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := trust.Change(folder, func(p *trust.Policy) error { return p.Add(trust.Member{Key: id}) }); err != nil {
		t.Fatal(err)
	}
	s.Policy()
	expr, blocks := compiled(t, program{src: square + "[square 7, square 8]"})
	if err := db.Put(background, blocks...); err != nil {
		t.Fatal(err)
	}
	asked := 0
	m := eval.New(eval.Options{Store: s, Load: func(c cid.Cid) ([]byte, error) { return db.Block(background, c) }, Link: eval.Auto, Believe: func(by string) bool {
		asked++
		ok := s.Believe(by)
		if asked == 1 {
			if err := trust.Change(folder, func(p *trust.Policy) error { p.Remove(id); return nil }); err != nil {
				t.Error(err)
			}
		}
		return ok
	}})
	out, err := m.Eval(background, expr)
	if err != nil {
		t.Fatal(err)
	}
	by := graph.ClaimOfKeys([]string{alice.id})
	if out.Rests != by || m.Rests() != by {
		t.Errorf("it rests on %q, want %q", out.Rests, by)
	}
	first, _ := out.Value.List().At(0).Int()
	second, _ := out.Value.List().At(1).Int()
	if first+second != 700+64 && first+second != 49+800 {
		t.Errorf("got %d and %d, want one of alice's and one found here", first, second)
	}
	a, ok, err := db.Answer(background, expr)
	if err != nil || !ok || a.By != by || s.Believe(a.By) {
		t.Errorf("it is recorded as by %q, want %q, which is not believed any more (%v)", a.By, by, err)
	}
}

// TestTrustStore: attestations are counted, checked, collected and forgotten with the rest of a store.
func TestTrustStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alice, bob := newNeighbour(t), newNeighbour(t)
	says(t, dir, 7, 700, alice)
	says(t, dir, 8, 800, alice, bob)
	run := func(want string, args ...string) {
		t.Helper()
		out, stderr, exit := command(t, dir, args...)
		if exit != 0 || !strings.Contains(out+stderr, want) {
			t.Errorf("%v: got exit %d\n%s%s\nwant %q", args, exit, out, stderr, want)
		}
	}
	run("who has signed results of which term", "store", "stat")
	run(`"attested":{"count":2,`, "store", "stat", "--json")
	run(", 3 attestations: no problems\n", "store", "check")
	run("", "trust", "add", alice.id, "--name", "alice")
	run("[700,800]", "eval", square+"[square 7, square 8]")
	run("claims by key "+alice.id[:30], "store", "stat")
	run("2 attestations by "+alice.id+": forgotten\n", "store", "distrust", alice.id)
	run(", 1 attestation: no problems\n", "store", "check")
	run("[49,64]", "eval", square+"[square 7, square 8]")
	if _, stderr, exit := command(t, dir, "store", "distrust", alice.id); exit != 3 || !strings.Contains(stderr, "no answer is by "+alice.id) {
		t.Errorf("distrusted again: got exit %d and %q", exit, stderr)
	}
	run("pinned", "pin", "add", callTo(t, 8).String())
	run("dropped", "store", "gc")
	run(", 1 attestation: no problems\n", "store", "check")
	run("", "pin", "rm", callTo(t, 8).String())
	run("dropped", "store", "gc")
	run(" notes: no problems\n", "store", "check")
}
