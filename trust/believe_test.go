// This file tests what is answered under a policy.

package trust

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

const own = graph.OwnAnswer + "now"

// A stage is a store with a policy, and people who sign.
type stage struct {
	t    testing.TB
	dir  string
	s    *Store
	told []string
	keys []crypto.PrivKey
	ids  []peer.ID
}

func newStage(t testing.TB) *stage {
	t.Helper()
	g := &stage{t: t, dir: t.TempDir()}
	db, err := store.Open(g.dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	g.s = Over(db, g.dir, own, func(err error) { g.told = append(g.told, err.Error()) })
	for i := range 40 {
		key, id := seeded(t, byte(i))
		g.keys, g.ids = append(g.keys, key), append(g.ids, id)
	}
	return g
}

// result puts a result of an expression about something.
func (g *stage) result(about string, value int64) (expr, result cid.Cid) {
	g.t.Helper()
	put := graph.SinkFunc(func(b graph.Block) {
		if err := g.s.Put(g.t.Context(), b); err != nil {
			g.t.Fatal(err)
		}
	})
	expr = graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Text(about), graph.Int(1)}, put)
	return expr, graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(value), Steps: 3}, put).CID
}

func (g *stage) says(who int, expr, result cid.Cid) {
	g.t.Helper()
	if err := g.s.Keep(g.t.Context(), expr, seal(g.t, g.keys[who], Attestation{Result: result, Kind: Computed})); err != nil {
		g.t.Fatal(err)
	}
}

// policy writes the file as an editor does: into the same file.
func (g *stage) policy(format string, args ...any) {
	g.t.Helper()
	if err := os.WriteFile(PolicyFile(g.dir), fmt.Appendf(nil, format, args...), 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.s.Policy()
}

// wants is that the answer to expr is result, undefined for none, by the keys.
func (g *stage) wants(what string, expr, result cid.Cid, keys ...peer.ID) {
	g.t.Helper()
	by := ""
	if len(keys) > 0 {
		by = graph.ClaimOfKeys(texts(keys))
	}
	for name, f := range map[string]func() (graph.Answer, bool, error){
		"Answer":   func() (graph.Answer, bool, error) { return g.s.Answer(g.t.Context(), expr) },
		"Recorded": func() (graph.Answer, bool, error) { return g.s.Recorded(g.t.Context(), expr) },
	} {
		a, ok, err := f()
		if ok && !a.Own() && !g.s.Believe(a.By) { // as the evaluator sees it
			a, ok = graph.Answer{}, false
		}
		if err != nil || ok != result.Defined() || a.Result != result || ok && by != "" && a.By != by {
			g.t.Errorf("%s: %s: got %v by %q, %v; want %v by %q", what, name, a.Result, a.By, err, result, by)
		}
	}
}

func TestBelieve(t *testing.T) {
	g := newStage(t)
	expr, right := g.result("x", 1)
	_, wrong := g.result("x", 2)
	alice, bob, carol, dave, liar := g.ids[0], g.ids[1], g.ids[2], g.ids[3], 10
	claim := graph.Answer{Expr: expr, Result: right, By: graph.ClaimOf("a.car"), Steps: 3}
	if err := g.s.Record(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	g.says(0, expr, right)
	g.says(1, expr, right)
	for i := range 20 { // one liar has many keys
		g.says(liar+i, expr, wrong)
	}
	g.wants("without a policy", expr, cid.Undef)
	g.policy("key %s\n", carol)
	g.wants("who is believed says nothing", expr, cid.Undef)
	g.policy("key %s\n", alice)
	g.wants("a key", expr, right, alice)
	g.policy("key %s\nkey %s\n", bob, alice)
	g.wants("two keys", expr, right, alice, bob)
	g.policy("quorum 2\nvoter %s\nvoter %s\nvoter %s\n", alice, carol, g.ids[liar])
	g.wants("one of them and a liar", expr, cid.Undef)
	g.policy("quorum 2\nvoter %s\nvoter %s\nvoter %s\n", alice, bob, g.ids[liar])
	g.wants("two of them against a liar", expr, right, alice, bob)
	g.policy("quorum 3\nvoter %s\nvoter %s\nvoter %s\n", alice, bob, g.ids[liar])
	g.wants("three of them, with a liar", expr, cid.Undef)
	g.policy("voter %s\nvoter %s\n", alice, bob)
	g.wants("voters without a quorum", expr, cid.Undef)
	if len(g.told) > 0 {
		t.Errorf("got %q", g.told)
	}

	// Who is believed disagrees.
	g.policy("key %s alice\nkey %s eve\n", alice, g.ids[liar])
	g.wants("a conflict", expr, cid.Undef)
	g.wants("a conflict", expr, cid.Undef)
	if len(g.told) != 1 || !strings.Contains(g.told[0], right.String()+", signed by alice ("+alice.String()) ||
		!strings.Contains(g.told[0], wrong.String()+", signed by eve ("+g.ids[liar].String()) {
		t.Errorf("a conflict: got %q, want both results and keys, once", g.told)
	}
	g.policy("key %s\n", alice)
	g.says(0, expr, wrong)
	g.wants("a key that says both", expr, cid.Undef)

	// What this machine finds needs nobody.
	if err := g.s.Record(t.Context(), graph.Answer{Expr: expr, Result: right, By: own, Steps: 3}); err != nil {
		t.Fatal(err)
	}
	g.wants("found here", expr, right)
	g.policy("key %s\n", dave)
	g.wants("found here", expr, right)

	// Garbage believes nobody, and is told of once for each change.
	other, result := g.result("y", 1)
	g.says(3, other, result)
	g.wants("before the garbage", other, result, dave)
	g.told = nil
	g.policy("key %s\nvote for me\n", dave)
	for range 3 {
		g.wants("garbage", other, cid.Undef)
	}
	if len(g.told) != 1 || !strings.Contains(g.told[0], "trust:2: got \"vote\"") {
		t.Errorf("garbage: got %q", g.told)
	}
	g.policy("key %s\n", dave)
	g.wants("after the garbage", other, result, dave)
	if err := os.Remove(PolicyFile(g.dir)); err != nil {
		t.Fatal(err)
	}
	g.wants("after the file is gone", other, cid.Undef)
	if p, err := LoadPolicy(g.dir); err != nil || p.Add(Member{Key: dave}) != nil || p.Save(g.dir) != nil {
		t.Fatal(err)
	}
	time.Sleep(lookEvery + 10*time.Millisecond) // the first time that there is one it may go unnoticed so long
	g.wants("after it is back", other, result, dave)
}

// An envelope that is right for one expression is none for another, and what an attestation is for may be missing.
func TestReplay(t *testing.T) {
	g := newStage(t)
	expr, result := g.result("x", 1)
	other, _ := g.result("y", 1)
	envelope := seal(t, g.keys[0], Attestation{Result: result, Kind: Computed})
	g.policy("key %s\n", g.ids[0])
	if err := g.s.Keep(t.Context(), other, envelope); err == nil || !strings.Contains(err.Error(), "want one of "+other.String()) {
		t.Errorf("of another expression: got %v", err)
	}
	g.wants("replayed", other, cid.Undef)
	for name, bad := range hostile(t) {
		if err := g.s.Keep(t.Context(), expr, bad); err == nil {
			t.Errorf("%s: it was kept", name)
		}
	}
	if list, err := g.s.Attestations(t.Context(), expr); len(list) != 0 || err != nil {
		t.Errorf("got %v, %v", list, err)
	}
	// One that is older or newer changes nothing: the first stays.
	first := seal(t, g.keys[0], Attestation{Result: result, Kind: Computed, At: time.Unix(1_700_000_000, 0)})
	for _, at := range []int64{1_700_000_000, 0, 1_900_000_000} {
		if err := g.s.Keep(t.Context(), expr, seal(t, g.keys[0], Attestation{Result: result, Kind: Computed, At: time.Unix(at, 0)})); err != nil {
			t.Fatal(err)
		}
	}
	list, err := g.s.Attestations(t.Context(), expr)
	if err != nil || len(list) != 1 || string(list[0].Envelope) != string(first) || !list[0].Favoured {
		t.Errorf("got %v, %v", list, err)
	}
	g.wants("attested", expr, result, g.ids[0])
	words, err := g.s.Words(t.Context(), expr)
	if err != nil || len(words) != 1 || words[0].By != g.ids[0] || !words[0].Named || !words[0].Counted {
		t.Errorf("words: got %+v, %v", words, err)
	}
	// This machine's own word.
	a, err := Sign(t.Context(), g.s.Store, g.keys[5], expr, result, Checked)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Sign(t.Context(), g.s.Store, g.keys[5], expr, result, Checked); err != nil || !slices.Equal(a, b) {
		t.Errorf("signed again: got %v", err)
	}
}

func TestBelieveClaims(t *testing.T) {
	g := newStage(t)
	a, b, c := g.ids[0].String(), g.ids[1].String(), g.ids[2].String()
	key := func(keys ...string) string { return graph.ClaimOfKeys(keys) }
	many := ""
	for i := range graph.MaxSources + 1 {
		many = graph.JoinClaims(many, key(g.ids[i].String()))
	}
	g.policy("key %s\nquorum 2\nvoter %s\nvoter %s\n", a, b, c)
	for _, test := range []struct {
		by   string
		want bool
	}{
		{key(a), true},
		{key(b), false},
		{key(b, c), true},
		{key(b, a), true},
		{graph.JoinClaims(key(a), key(b, c)), true},
		{graph.JoinClaims(key(a), key(b)), false},
		{graph.JoinClaims(key(b), key(c)), false}, // each of them would have to be two
		{graph.JoinClaims(key(a), graph.ClaimOf("a.car")), false},
		{graph.ClaimOf("a.car"), false},
		{graph.ClaimOf("key " + a), false}, // a file that is called so
		{graph.ClaimOf("x & key " + a), false},
		{graph.ClaimOf("key " + a + " & x"), false},
		{graph.ManySources, false},
		{many, false},
		{own, false},
		{graph.OwnAnswer + "before", false},
		{"", false},
		{"claim:", false},
		{"claim:key ", false},
		{"claim:key x", false},
	} {
		if got := g.s.Believe(test.by); got != test.want {
			t.Errorf("%q: got %v, want %v", test.by, got, test.want)
		}
	}
	if many != graph.ManySources {
		t.Errorf("%d sources: got %q", graph.MaxSources+1, many)
	}
}

// TestClaimAgainstWord: what several have come to together, and are believed for, and another result that somebody has signed who is believed: neither is used.
func TestClaimAgainstWord(t *testing.T) {
	g := newStage(t)
	expr, right := g.result("both", 1)
	_, wrong := g.result("both", 2)
	g.policy("key %s\nkey %s\nkey %s\n", g.ids[0], g.ids[1], g.ids[2])
	by := graph.JoinClaims(graph.ClaimOfKeys([]string{g.ids[0].String()}), graph.ClaimOfKeys([]string{g.ids[1].String()}))
	if err := g.s.Record(t.Context(), graph.Answer{Expr: expr, Result: right, By: by, Steps: 3}); err != nil {
		t.Fatal(err)
	}
	answered := func(what string, want cid.Cid) {
		t.Helper()
		a, ok, err := g.s.Answer(t.Context(), expr)
		if ok = ok && g.s.Believe(a.By); err != nil || ok != want.Defined() || ok && a.Result != want {
			t.Errorf("%s: got %+v %v %v, want %s", what, a, ok, err, want)
		}
	}
	answered("the two", right)
	g.says(3, expr, wrong)
	answered("a stranger differs", right)
	g.says(2, expr, right)
	answered("somebody agrees", right)
	g.says(2, expr, wrong)
	answered("somebody says both", cid.Undef)
	g.policy("key %s\nkey %s\nkey %s\n", g.ids[0], g.ids[1], g.ids[3])
	answered("somebody differs", cid.Undef)
	if c, err := g.s.Conflict(t.Context(), expr); err != nil || c == nil || !strings.Contains(c.Error(), g.ids[0].String()) || !strings.Contains(c.Error(), g.ids[3].String()) {
		t.Errorf("got the conflict %v %v, want one that names both sides", c, err)
	} else {
		for _, line := range []string{
			fmt.Sprintf("%s, a claim that rests on %s, %s\n", right, g.ids[0], g.ids[1]),
			fmt.Sprintf("%s, signed by %s\n", wrong, g.ids[3]),
		} {
			if !strings.Contains(c.Error()+"\n", line) {
				t.Errorf("got %s, want %s", c, line)
			}
		}
	}
	g.policy("key %s\nkey %s\n", g.ids[0], g.ids[3])
	answered("one of the two is not trusted any more", wrong)
}

// A lookup that finds an answer of this machine's own, or that is made without a policy, does not look at the file or at attestations.
func BenchmarkAnswer(b *testing.B) {
	dir := b.TempDir()
	db, err := store.Open(dir, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := Over(db, dir, own, nil)
	put := graph.SinkFunc(func(block graph.Block) { db.Put(b.Context(), block) })
	expr := graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Int(1), graph.Int(1)}, put)
	missing := graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Int(1), graph.Int(2)}, put)
	signed := graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Int(1), graph.Int(3)}, put)
	result := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(2), Steps: 3}, put).CID
	theirs := graph.EncodeResult(graph.Result{Of: signed, Value: graph.Int(4), Steps: 3}, put).CID
	if err := db.Record(b.Context(), graph.Answer{Expr: expr, Result: result, By: own, Steps: 3}); err != nil {
		b.Fatal(err)
	}
	key, id := seeded(b, 1)
	if _, err := Sign(b.Context(), db, key, signed, theirs, Computed); err != nil {
		b.Fatal(err)
	}
	if err := db.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	bench := func(name string, expr cid.Cid, f func(cid.Cid) (graph.Answer, bool, error)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := f(expr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	plain := func(c cid.Cid) (graph.Answer, bool, error) { return db.Answer(b.Context(), c) }
	under := func(c cid.Cid) (graph.Answer, bool, error) { return s.Answer(b.Context(), c) }
	bench("own/store", expr, plain)
	bench("own/nopolicy", expr, under)
	bench("none/store", missing, plain)
	bench("none/nopolicy", missing, under)
	p := &Policy{}
	if err := p.Add(Member{Key: id}); err != nil {
		b.Fatal(err)
	}
	if err := p.Save(dir); err != nil {
		b.Fatal(err)
	}
	s.Policy()
	bench("own/policy", expr, under)
	bench("none/policy", missing, under)
	bench("signed/policy", signed, under)
}
