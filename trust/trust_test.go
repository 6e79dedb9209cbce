// This file tests attestations, keys and policies.

package trust

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph/storetest"
)

// seeded is a key that is the same in every run.
func seeded(t testing.TB, n byte) (crypto.PrivKey, peer.ID) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(bytes.NewReader(bytes.Repeat([]byte{n}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, id
}

var aResult = codec.CIDOf([]byte{1})

func seal(t testing.TB, key crypto.PrivKey, a Attestation) []byte {
	t.Helper()
	e, err := Seal(key, a)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSealOpen(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	for name, generate := range map[string]func() (crypto.PrivKey, crypto.PubKey, error){
		"Ed25519":   func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateEd25519Key(rand.Reader) },
		"secp256k1": func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateSecp256k1Key(rand.Reader) },
		"ECDSA":     func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateECDSAKeyPair(rand.Reader) },
		"RSA":       func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateRSAKeyPair(2048, rand.Reader) },
		"RSA 3072":  func() (crypto.PrivKey, crypto.PubKey, error) { return crypto.GenerateRSAKeyPair(3072, rand.Reader) },
	} {
		key, pub, err := generate()
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{Computed, Checked} {
			got, err := Open(seal(t, key, Attestation{Result: aResult, Kind: kind, At: at}))
			if err != nil || got.Result != aResult || got.Kind != kind || !got.At.Equal(at) || !got.By.MatchesPublicKey(pub) {
				t.Errorf("%s: got %+v, %v", name, got, err)
			}
		}
	}
	key, id := seeded(t, 1)
	if got, err := Open(seal(t, key, Attestation{Result: aResult, Kind: Computed})); err != nil || got.By != id || time.Since(got.At) > time.Minute {
		t.Errorf("got %+v, %v", got, err)
	}
	large, _, err := crypto.GenerateRSAKeyPair(4096, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other := seeded(t, 2)
	for what, f := range map[string]func() ([]byte, error){
		"of a key too large": func() ([]byte, error) { return Seal(large, Attestation{Result: aResult, Kind: Computed}) },
		"by another":         func() ([]byte, error) { return Seal(key, Attestation{Result: aResult, Kind: Computed, By: other}) },
		"of no kind":         func() ([]byte, error) { return Seal(key, Attestation{Result: aResult}) },
		"of no result":       func() ([]byte, error) { return Seal(key, Attestation{Kind: Computed}) },
		"before all time": func() ([]byte, error) {
			return Seal(key, Attestation{Result: aResult, Kind: Computed, At: time.Unix(-1, 0)})
		},
		"of a raw block": func() ([]byte, error) {
			return Seal(key, Attestation{Result: codec.RawCID([]byte{1}), Kind: Computed})
		},
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: sealed", what)
		}
	}
}

// The bytes of an attestation never change: others have signed them.
func TestGolden(t *testing.T) {
	key, id := seeded(t, 1)
	e := seal(t, key, Attestation{Result: aResult, Kind: Computed, At: time.Unix(1_800_000_000, 0)})
	const wantID = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
	const want = "0a24080112208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c12132f726f737365722f6174746573746174696f6e1a8001a46261741a6b49d2006262797834313244334b6f6f574b3939566f56784e4537587a79427758457a573778684b37477076383572394633563366794b53554b504835646b696e6468636f6d707574656466726573756c74d82a582500017112204bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a2a40a26b5995eb4bf4e6483b2539b023ed7ea1e48dab4079538e028a6a5e9ab937af2228c2c13a5b072201dcd86f52022411d2254374924b430411fc3dae34d6ce0e"
	if id.String() != wantID || fmt.Sprintf("%x", e) != want {
		t.Errorf("got %s and %x", id, e)
	}
	signed, err := record.UnmarshalEnvelope(e)
	if err != nil {
		t.Fatal(err)
	}
	storetest.CheckSchema(t, "Attestation", signed.RawPayload)
}

// A forged is a record with any domain, type and payload.
type forged struct {
	domain, kind string
	data         []byte
}

func (f *forged) Domain() string                 { return f.domain }
func (f *forged) Codec() []byte                  { return []byte(f.kind) }
func (f *forged) MarshalRecord() ([]byte, error) { return f.data, nil }
func (f *forged) UnmarshalRecord([]byte) error   { return nil }

// payloadOf is a payload with its fields as they are given, whatever they are.
func payloadOf(fields ...any) []byte {
	dst := codec.AppendMap(nil, len(fields)/2)
	for _, f := range fields {
		switch f := f.(type) {
		case string:
			dst = codec.AppendText(dst, f)
		case int:
			dst = codec.AppendInt(dst, int64(f))
		case cid.Cid:
			dst = codec.AppendLink(dst, f)
		case []byte: // as it stands
			dst = append(dst, f...)
		}
	}
	return dst
}

func hostile(t testing.TB) map[string][]byte {
	key, id := seeded(t, 1)
	_, other := seeded(t, 2)
	good := seal(t, key, Attestation{Result: aResult, Kind: Computed, At: time.Unix(1_800_000_000, 0)})
	forge := func(r record.Record) []byte {
		e, err := record.Seal(r, key)
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	signed := func(fields ...any) []byte {
		return forge(&forged{domain, payloadType, payloadOf(fields...)})
	}
	flipped := func(i int) []byte {
		data := bytes.Clone(good)
		data[i] ^= 1
		return data
	}
	// The signature of one, the rest of another: a field of the protobuf comes after the other, the signature last.
	spliced := func() []byte {
		later := seal(t, key, Attestation{Result: aResult, Kind: Computed, At: time.Unix(1_700_000_000, 0)})
		return append(bytes.Clone(later[:len(later)-64]), good[len(good)-64:]...)
	}
	stolen := func() []byte { // another key in the place of the one that signed
		data := bytes.Clone(good)
		raw, _ := other.ExtractPublicKey()
		b, _ := raw.Raw()
		mine, _ := key.GetPublic().Raw()
		return bytes.Replace(data, mine, b, 1)
	}
	by := id.String()
	at := 1_800_000_000
	return map[string][]byte{
		"nothing":              {},
		"noise":                bytes.Repeat([]byte{0xa5}, 300),
		"cut short":            good[:len(good)-1],
		"with bytes after":     append(bytes.Clone(good), 0),
		"an unknown field":     append(bytes.Clone(good), 0x7a, 1, 0),
		"the signature twice":  append(bytes.Clone(good), good[len(good)-66:]...),
		"a flipped key":        flipped(8),
		"a flipped payload":    flipped(len(good) - 100),
		"a flipped signature":  flipped(len(good) - 1),
		"a signature replayed": spliced(),
		"another one's key":    stolen(),
		"oversized":            bytes.Repeat(good, 5),
		"giant":                make([]byte, 10<<20),
		"another domain":       forge(&forged{"libp2p-peer-record", payloadType, payloadOf("at", at, "by", by, "kind", "computed", "result", aResult)}),
		"another type":         forge(&forged{domain, "/rosser/other", payloadOf("at", at, "by", by, "kind", "computed", "result", aResult)}),
		"by somebody else":     signed("at", at, "by", other.String(), "kind", "computed", "result", aResult),
		"by a CID":             signed("at", at, "by", peer.ToCid(id).String(), "kind", "computed", "result", aResult),
		"by nobody":            signed("at", at, "by", "", "kind", "computed", "result", aResult),
		"no kind":              signed("at", at, "by", by, "kind", "guessed", "result", aResult),
		"no result":            signed("at", at, "by", by, "kind", "computed", "result", "x"),
		"a raw result":         signed("at", at, "by", by, "kind", "computed", "result", codec.RawCID([]byte{1})),
		"an inline result":     signed("at", at, "by", by, "kind", "computed", "result", cid.NewCidV1(cid.DagCBOR, []byte{0, 1, 65})),
		"backdated before all": signed("at", -1, "by", by, "kind", "computed", "result", aResult),
		"far too late":         signed("at", maxTime+1, "by", by, "kind", "computed", "result", aResult),
		"a time as text":       signed("at", "now", "by", by, "kind", "computed", "result", aResult),
		"a time as a float":    signed("at", codec.AppendFloat(nil, 1), "by", by, "kind", "computed", "result", aResult),
		"a time too large":     signed("at", codec.AppendUint(nil, 1<<63), "by", by, "kind", "computed", "result", aResult),
		"a time not short":     signed("at", []byte{0x18, 1}, "by", by, "kind", "computed", "result", aResult),
		"fields out of order":  signed("by", by, "at", at, "kind", "computed", "result", aResult),
		"a field too many":     signed("at", at, "by", by, "kind", "computed", "note", "", "result", aResult),
		"a field too few":      signed("at", at, "by", by, "kind", "computed"),
		"a field twice":        signed("at", at, "at", at, "kind", "computed", "result", aResult),
		"another field":        signed("at", at, "by", by, "kinds", "computed", "result", aResult),
		"a list":               forge(&forged{domain, payloadType, codec.AppendArray(nil, 4)}),
		"an empty payload":     forge(&forged{domain, payloadType, nil}),
		"bytes after it":       forge(&forged{domain, payloadType, append(payloadOf("at", at, "by", by, "kind", "computed", "result", aResult), 0)}),
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, data := range hostile(t) {
		if a, err := Open(data); !errors.Is(err, ErrBadAttestation) {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key, _ := seeded(f, 1)
	f.Add(seal(f, key, Attestation{Result: aResult, Kind: Checked, At: time.Unix(1_800_000_000, 0)}))
	for _, data := range hostile(f) {
		if len(data) < 4<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Open(data)
		if err != nil {
			if !errors.Is(err, ErrBadAttestation) {
				t.Errorf("got %v", err)
			}
			return
		}
		e, err := record.UnmarshalEnvelope(data)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := e.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Error("two envelopes are one")
		}
		if again, err := (&payload{a}).MarshalRecord(); err != nil || !bytes.Equal(again, e.RawPayload) {
			t.Errorf("two payloads are one: %x and %x", again, e.RawPayload)
		}
	})
}

func TestKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	ids := make([]peer.ID, 16)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			key, err := Key(dir)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i], _ = peer.IDFromPrivateKey(key)
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("several keys: %v", ids)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("got the files %v, want the key alone", left)
	}
	path := KeyFile(dir)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := crypto.UnmarshalPrivateKey(data); err != nil || key.Type() != pb.KeyType_Ed25519 {
		t.Errorf("got a key of type %v, %v", key.Type(), err)
	}
	refused := func(want string) {
		t.Helper()
		if _, err := Key(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	refused("its mode is 0640")
	for what, bad := range map[string][]byte{"not a libp2p private key": []byte("garbage"), "more than": make([]byte, maxKeyFile+1)} {
		os.Remove(path)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(what)
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, bad) {
			t.Errorf("%s: the file was changed", what)
		}
	}
	os.Remove(path)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	refused("want a file")
}

func TestPolicy(t *testing.T) {
	_, a := seeded(t, 1)
	_, b := seeded(t, 2)
	_, c := seeded(t, 3)
	_, d := seeded(t, 4)
	text := fmt.Sprintf("# who is believed\nkey %s alice, of the next room\n\n  voter %s\t bob\nquorum 2\nvoter %s\nvoter %s dave\n", a, b, c, d)
	p, err := ParsePolicy("trust", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if p.String() != text {
		t.Errorf("got %q, want %q", p, text)
	}
	if m, ok := p.Member(b); !ok || m != (Member{b, "bob", true}) {
		t.Errorf("got %v, %v", m, ok)
	}
	many := make([]peer.ID, 100)
	for i := range many {
		_, many[i] = seeded(t, byte(100+i))
	}
	for _, test := range []struct {
		what string
		keys []peer.ID
		want bool
	}{
		{"nobody", nil, false},
		{"a key", []peer.ID{a}, true},
		{"a voter", []peer.ID{b}, false},
		{"a voter twice", []peer.ID{b, b}, false},
		{"two voters", []peer.ID{d, b}, true},
		{"three voters", []peer.ID{b, c, d}, true},
		{"a hundred strangers", many, false},
		{"a hundred strangers and a voter", append([]peer.ID{b}, many...), false},
		{"a hundred strangers and a key", append([]peer.ID{a}, many...), true},
	} {
		if got := p.Believes(test.keys); got != test.want {
			t.Errorf("%s: got %v, want %v", test.what, got, test.want)
		}
	}
	for _, nobody := range []*Policy{nil, {}} {
		if nobody.Believes([]peer.ID{a, b}) || !nobody.Nobody() {
			t.Error("somebody is believed without a policy")
		}
	}
	// What is changed keeps the rest of the file.
	if !p.Remove(d) || p.Remove(d) || p.Believes([]peer.ID{d, b}) {
		t.Error("dave was not removed")
	}
	if err := errors.Join(p.SetQuorum(1), p.Add(Member{Key: c, Name: "carol"}), p.Add(Member{Key: d, Voter: true})); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("# who is believed\nkey %s alice, of the next room\n\n  voter %s\t bob\nquorum 1\nkey %s carol\nvoter %s\n", a, b, c, d)
	if p.String() != want {
		t.Errorf("got %q, want %q", p, want)
	}
	if k, n := p.Quorum(); k != 1 || n != 2 || !p.Believes([]peer.ID{d}) {
		t.Errorf("got a quorum of %d of %d", k, n)
	}
	again, err := ParsePolicy("trust", []byte(p.String()))
	if err != nil || fmt.Sprint(again.Members()) != fmt.Sprint(p.Members()) {
		t.Errorf("got %v, %v", again.Members(), err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	if p, err := LoadPolicy(dir); err != nil || !p.Nobody() {
		t.Errorf("without a file: got %v, %v", p, err)
	}
	if err := p.Save(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadPolicy(dir); err != nil || got.String() != want {
		t.Errorf("got %q, %v", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("got the files %v", left)
	}
	if err := p.Add(Member{Key: a, Name: "two\nlines"}); err == nil {
		t.Error("a name of two lines was taken")
	}
}

func TestPolicyGarbage(t *testing.T) {
	_, a := seeded(t, 1)
	_, b := seeded(t, 2)
	key := "key " + a.String()
	for text, want := range map[string]string{
		"key\n":                               "trust:1: got no key",
		"# fine\nkey 12D3KooW\n":              "trust:2: got \"12D3KooW\", want the ID of a peer",
		key + "\n\n" + key + "\n":             "trust:3: " + a.String() + " stands in line 1 already",
		key + "\nvoter " + a.String() + "\n":  "trust:2: " + a.String() + " stands in line 1 already",
		"trust " + a.String() + "\n":          "trust:1: got \"trust\", want key, voter, quorum",
		"quorum\n":                            "trust:1: got the quorum \"\"",
		"quorum 0\n":                          "trust:1: got the quorum \"0\"",
		"quorum 65\n":                         "trust:1: got the quorum",
		"quorum 02\n":                         "trust:1: got the quorum",
		"quorum 2 3\n":                        "trust:1: got the quorum",
		"quorum 2\nquorum 2\n":                "trust:2: there is a quorum already",
		key + " \x1b[31mred\n":                "trust:1: the name",
		key + " " + strings.Repeat("x", 101):  "trust:1: a name of 101 bytes",
		"\xff\n":                              "trust:1: not UTF-8",
		"\x00\x01\x02":                        "trust:1: got",
		"key bafkqaaa\n":                      "trust:1: got",
		"key QmYwAPJzv5CZsnA625s3Xf2nemtY\n":  "trust:1: got",
		"kye " + b.String() + "\n" + "kye x":  "trust:2: got",
		strings.Repeat("#\n", 1+maxPolicy/2):  "want at most",
		strings.Repeat("quorum x\n", 100_000): "trust:10: ",
	} {
		p, err := ParsePolicy("trust", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || p.Believes([]peer.ID{a}) {
			t.Errorf("%.60q: got %v, want %s", text, err, want)
		}
	}
}

func TestNamedKey(t *testing.T) {
	dir := t.TempDir()
	one, err := NamedKey(dir, "one")
	if err != nil {
		t.Fatal(err)
	}
	again, err := NamedKey(dir, "one")
	if err != nil || !again.Equals(one) {
		t.Fatal(err)
	}
	two, err := NamedKey(dir, "two")
	if err != nil || two.Equals(one) {
		t.Fatal(err)
	}
	if own, err := NamedKey(dir, "self"); err != nil || own.Equals(one) {
		t.Fatal(err)
	} else if again, err := Key(dir); err != nil || !again.Equals(own) {
		t.Fatal(err)
	}
	if all, err := Keys(dir); err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	if none, err := Keys(t.TempDir()); err != nil || len(none) != 0 {
		t.Fatal(none, err)
	}
	file := filepath.Join(dir, "keys", "one")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	for _, name := range []string{"", ".", "..", "a/b", "../one", strings.Repeat("a", 65), ".hidden"} {
		if _, err := NamedKey(dir, name); err == nil {
			t.Errorf("%q is the name of a key", name)
		}
	}
	os.Chmod(file, 0o644)
	if _, err := NamedKey(dir, "one"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error(err)
	}
	os.Chmod(file, 0o600)
	os.WriteFile(file, []byte("no key"), 0o600)
	if _, err := NamedKey(dir, "one"); err == nil || !strings.Contains(err.Error(), "private key") {
		t.Error(err)
	}
	if all, err := Keys(dir); err == nil || len(all) != 2 {
		t.Error(len(all), err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "keys")); err != nil || len(entries) != 2 {
		t.Error(entries, err)
	}
}
