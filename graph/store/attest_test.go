// This file tests the index of attestations: its bounds, its queue, guests, collections, checks.

package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// putResult puts an expression, and a result of it that is n.
func putResult(t *testing.T, s *Store, about string, n int) (expr, result cid.Cid) {
	t.Helper()
	put := graph.SinkFunc(func(b graph.Block) {
		if err := s.Put(bg, b); err != nil {
			t.Fatal(err)
		}
	})
	e := graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "num.add"}, []graph.Value{graph.Text(about), graph.Int(1)}, put)
	return e, graph.EncodeResult(graph.Result{Of: e, Value: graph.Int(int64(n)), Steps: 3}, put).CID
}

func signer(i int) []byte { return fmt.Appendf(nil, "signer %03d", i) }

// words are what is kept of an expression: the signers of each result, a * at those that are favoured.
func words(t *testing.T, s *Store, expr cid.Cid) map[cid.Cid]string {
	t.Helper()
	list, err := s.Attestations(bg, expr)
	if err != nil {
		t.Fatal(err)
	}
	got := map[cid.Cid]string{}
	for _, a := range list {
		mark := ""
		if a.Favoured {
			mark = "*"
		}
		got[a.Result] += fmt.Sprintf("%s%s ", bytes.TrimPrefix(a.Signer, []byte("signer ")), mark)
	}
	return got
}

func TestAttest(t *testing.T) {
	dir := t.TempDir()
	holder := open(t, dir)
	guest := open(t, dir)
	expr, one := putResult(t, holder, "x", 1)
	_, two := putResult(t, holder, "x", 2)
	other, stray := putResult(t, holder, "y", 1)
	if err := holder.Flush(bg); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		what                       string
		expr, result               cid.Cid
		signerBytes, envelopeBytes int
	}{
		{"a result of another expression", expr, stray, 10, 10},
		{"no result", expr, other, 10, 10},
		{"no signer", expr, one, 0, 10},
		{"a giant signer", expr, one, MaxSigner + 1, 10},
		{"no envelope", expr, one, 10, 0},
		{"a giant envelope", expr, one, 10, MaxEnvelope + 1},
		{"no expression", cid.NewCidV1(cid.Raw, []byte{0, 1, 65}), one, 10, 10},
	} {
		if err := guest.Attest(bg, bad.expr, bad.result, make([]byte, bad.signerBytes), make([]byte, bad.envelopeBytes)); err == nil {
			t.Errorf("%s: it was taken", bad.what)
		}
	}
	missing, _ := putResult(t, open(t, t.TempDir()), "z", 1)
	if err := holder.Attest(bg, missing, missing, signer(1), []byte("e")); !errors.Is(err, graph.ErrNotFound) {
		t.Errorf("of a result that is not there: got %v", err)
	}

	// What is queued is seen at once, also where several are of one expression.
	for i := range 3 {
		if err := holder.Attest(bg, expr, one, signer(i), []byte("first")); err != nil {
			t.Fatal(err)
		}
	}
	if err := holder.Attest(bg, expr, one, signer(1), []byte("second")); err != nil {
		t.Fatal(err)
	}
	list, err := holder.Attestations(bg, expr)
	if err != nil || len(list) != 3 || string(list[1].Envelope) != "first" {
		t.Errorf("queued: got %v, %v", list, err)
	}
	if err := holder.Flush(bg); err != nil {
		t.Fatal(err)
	}
	// A signer who contradicts himself is kept doing it, once.
	_, three := putResult(t, guest, "x", 3)
	for _, result := range []cid.Cid{two, three} {
		if err := guest.Attest(bg, expr, result, signer(2), []byte("other")); err != nil {
			t.Fatal(err)
		}
	}
	if err := guest.Favour(bg, expr, one, signer(0), []byte("later")); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(map[cid.Cid]string{one: "000* 001 002 ", two: "002 "})
	for name, s := range map[string]*Store{"guest": guest, "holder": holder} {
		if name == "holder" {
			if err := guest.Flush(bg); err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(words(t, s, expr)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(words(t, guest, expr)); got != want {
		t.Errorf("after the holder has left: got %s, want %s", got, want)
	}
	st, err := guest.Stat(bg)
	if err != nil || st.Attested.Count != 1 {
		t.Errorf("stat: got %v, %v", st.Attested, err)
	}
	// Unattest forgets one signer, wherever he is.
	if n, err := guest.Unattest(bg, func(a Attested) bool { return bytes.Equal(a.Signer, signer(2)) }); n != 1 || err != nil {
		t.Errorf("unattest: got %d, %v", n, err)
	}
	want = fmt.Sprint(map[cid.Cid]string{one: "000* 001 "})
	if got := fmt.Sprint(words(t, guest, expr)); got != want {
		t.Errorf("unattest: got %s, want %s", got, want)
	}
}

func TestAttestBounds(t *testing.T) {
	s := open(t, t.TempDir())
	// Of one result: strangers who come first do not keep out a signer that somebody has named, and no stranger gets a named one's place.
	expr, result := putResult(t, s, "x", 1)
	attest := func(result cid.Cid, i int, favour bool) {
		t.Helper()
		f := s.Attest
		if favour {
			f = s.Favour
		}
		if err := f(bg, expr, result, signer(i), []byte("e")); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (all, favoured int) {
		t.Helper()
		if err := s.Flush(bg); err != nil { // where the bounds hold
			t.Fatal(err)
		}
		list, err := s.Attestations(bg, expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if a.Favoured {
				favoured++
			}
		}
		return len(list), favoured
	}
	for i := range MaxSigners + 10 {
		attest(result, i, false)
	}
	attest(result, 500, true)
	if all, favoured := count(); all != MaxSigners || favoured != 1 {
		t.Errorf("got %d, of which %d are favoured, want %d and 1", all, favoured, MaxSigners)
	}
	for i := range MaxSigners + 10 {
		attest(result, 600+i, true)
	}
	attest(result, 900, false)
	if all, favoured := count(); all != MaxSigners || favoured != MaxSigners {
		t.Errorf("got %d, of which %d are favoured, want %d of both", all, favoured, MaxSigners)
	}
	// Results that differ.
	expr, result = putResult(t, s, "y", 0)
	for i := range MaxResults + 3 {
		_, r := putResult(t, s, "y", 10+i)
		attest(r, i, false)
		attest(r, 100+i, false)
	}
	attest(result, 500, true)
	got := words(t, s, expr)
	if all, favoured := count(); len(got) != MaxResults || got[result] != "500* " || all != 2*MaxResults-1 || favoured != 1 {
		t.Errorf("results: got %v", got)
	}
	// All together.
	expr, _ = putResult(t, s, "z", 0)
	for i := range 4 * MaxSigners {
		_, r := putResult(t, s, "z", i/MaxSigners)
		attest(r, i, false)
	}
	_, r := putResult(t, s, "z", 9)
	attest(r, 999, true)
	if all, favoured := count(); all != MaxAttested || favoured != 1 {
		t.Errorf("all: got %d and %d, want %d and 1", all, favoured, MaxAttested)
	}
}

func TestAttestCollected(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	kept, result := putResult(t, s, "kept", 1)
	_, second := putResult(t, s, "kept", 2)
	lost, gone := putResult(t, s, "lost", 1)
	for _, a := range []struct{ expr, result cid.Cid }{{kept, result}, {kept, second}, {lost, gone}} {
		if err := s.Attest(bg, a.expr, a.result, signer(len(a.result.String())%7), []byte("e")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Pin(bg, Pin{CID: kept}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // what it has used is kept
		t.Fatal(err)
	}
	s = open(t, dir)
	out, err := s.Collect(bg, Collection{})
	if err != nil || out.Attested != 1 {
		t.Fatalf("got %d dropped, %v", out.Attested, err)
	}
	for expr, want := range map[cid.Cid]int{kept: 2, lost: 0} {
		if list, err := s.Attestations(bg, expr); len(list) != want || err != nil {
			t.Errorf("%d attestations are left, want %d (%v)", len(list), want, err)
		}
	}
	for c, want := range map[cid.Cid]bool{result: true, second: true, gone: false, lost: false} {
		if has, err := s.Has(bg, c); has != want || err != nil {
			t.Errorf("%s: is there %v, want %v (%v)", c, has, want, err)
		}
	}
	if checked, err := s.Check(bg, func(p Problem) { t.Error(p) }); err != nil || checked.Attested != 2 {
		t.Errorf("check: got %d attestations, %v", checked.Attested, err)
	}
}

func TestAttestChecked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	expr, result := putResult(t, s, "x", 1)
	_, missing := putResult(t, s, "x", 2)
	broken, of := putResult(t, s, "y", 1)
	for _, a := range []struct{ expr, result cid.Cid }{{expr, result}, {expr, missing}, {broken, of}} {
		if err := s.Attest(bg, a.expr, a.result, signer(1), []byte("e")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(bg); err != nil {
		t.Fatal(err)
	}
	s.forget(bg, blockKey(missing))
	rec, _, err := s.get(bg, []byte(attestKey(broken)))
	if err != nil {
		t.Fatal(err)
	}
	s.enqueue(bg, op{opNote, attestKey(broken), rec[:len(rec)-1]})
	var problems []string
	checked, err := s.Check(bg, func(p Problem) { problems = append(problems, p.String()) })
	if err != nil || len(problems) != 2 || checked.Attested != 2 {
		t.Errorf("check: got %q, %d attestations, %v", problems, checked.Attested, err)
	}
	if list, err := s.Attestations(bg, broken); list != nil || err != nil {
		t.Errorf("a broken record: got %v, %v", list, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := Repair(bg, dir, Options{}, func(Problem) {})
	if err != nil || got.Mended != 2 || got.Quarantine == "" {
		t.Errorf("repair: got %+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(got.Quarantine, takenFile)); err != nil {
		t.Error(err)
	}
	s = open(t, dir)
	if checked, err := s.Check(bg, func(p Problem) { t.Error(p) }); err != nil || checked.Attested != 1 {
		t.Errorf("after the repair: got %d attestations, %v", checked.Attested, err)
	}
	if list, err := s.Attestations(bg, expr); len(list) != 1 || list[0].Result != result || err != nil {
		t.Errorf("after the repair: got %v, %v", list, err)
	}
}
