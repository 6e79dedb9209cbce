// This file holds what a claim may and may not do: it is used when asked for, and what rests on it stays a claim.

package tests

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

func TestClaims(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) (stdout, stderr string, exit int) {
		t.Helper()
		return command(t, dir, args...)
	}
	const call = "call.ros"
	write(t, dir, call, "let f x = if x == 0 then 0 else x\nf 7\n")
	const rests = "let f x = if x == 0 then 0 else x\n[f 7, 0]"
	out, _, _ := run("compile", call)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	expr, err := cid.Decode(strings.TrimPrefix(lines[len(lines)-1], "= "))
	if err != nil {
		t.Fatal(err)
	}
	// Somebody says that f 7 is 8.
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	put := graph.SinkFunc(func(b graph.Block) {
		if err := s.Put(background, b); err != nil {
			t.Fatal(err)
		}
	})
	lie := graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(8), Steps: 1}, put)
	if err := s.Record(background, graph.Answer{Expr: expr, Result: lie.CID, By: graph.ClaimAnswer + "liar", Steps: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if out, warned, _ := run("result", expr.String()); out != "8\n" || !strings.Contains(warned, "claim by liar") {
		t.Errorf("result: got %q and %q, want 8, marked as a claim by liar", out, warned)
	}
	if out, warned, _ := run("eval", "--trust-results", rests); out != "[8,0]\n" || !strings.Contains(warned, "liar") {
		t.Errorf("with --trust-results: got %q and %q, want [8,0] and a warning that names liar", out, warned)
	}
	// What was found with the claim's help is no answer of this machine's own.
	if out, _, _ := run("eval", rests); out != "[7,0]\n" {
		t.Errorf("without --trust-results: got %q, want [7,0]", out)
	}
	// What this machine finds replaces the claim.
	if out, _, _ := run("run", call); out != "7\n" {
		t.Errorf("run: got %q, want 7", out)
	}
	if out, warned, _ := run("result", expr.String()); out != "7\n" || warned != "" {
		t.Errorf("result: got %q and %q, want 7, unmarked", out, warned)
	}
}
