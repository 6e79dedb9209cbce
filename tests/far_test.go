// This file checks that a program loads the blocks of a large value that it looks at, and no others.

package tests

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/stdlib"
)

const farRows = 100_000

// farStore is a store with a list and a map of farRows entries, whose CIDs it returns, and their blocks.
func farStore(t *testing.T) (store *graph.Memory, list, fields cid.Cid, blocks map[cid.Cid]bool) {
	t.Helper()
	store, blocks = graph.NewMemory(), map[cid.Cid]bool{}
	put := graph.SinkFunc(func(b graph.Block) {
		blocks[b.CID] = true
		store.Put(context.Background(), b)
	})
	store.Put(context.Background(), stdlib.Blocks()...)
	var rows graph.ListBuilder
	keys, vals := make([]string, farRows), make([]graph.Value, farRows)
	for i := range farRows {
		row := graph.MapValue(graph.MapSorted([]string{"amount", "city"}, []graph.Value{graph.Int(int64(i * 31 % 1000)), graph.Text(fmt.Sprint("city", i*7919%50))}))
		rows.Add(row)
		keys[i], vals[i] = fmt.Sprintf("k%06d", i), row
	}
	list = graph.ValueBlock(graph.ListValue(rows.List()), put)
	fields = graph.ValueBlock(graph.MapValue(graph.MapSorted(keys, vals)), put)
	if len(blocks) < 100 {
		t.Fatalf("%d blocks, want many", len(blocks))
	}
	return store, list, fields, blocks
}

func TestLoadsWhatItTouches(t *testing.T) {
	store, list, fields, blocks := farStore(t)
	for _, c := range []struct {
		src, want string
		most      int // blocks of the value
	}{
		{"length @LIST", "100000", 4},
		{"at 50000 @LIST", `{"Some":{"amount":0,"city":"city0"}}`, 5},
		{"last @LIST", `{"Some":{"amount":969,"city":"city31"}}`, 5},
		{"List.slice 33333 33336 @LIST |> map (\\r -> r.amount)", "[323,354,385]", 6},
		{"take 2 @LIST |> map (\\r -> r.amount)", "[0,31]", 4},
		{"length (drop 99000 @LIST)", "1000", 6},
		{"length (@LIST ++ @LIST)", "200000", 6},
		{"@LIST == @LIST", "true", 4},
		{"match @LIST { | [a, ...rest] -> [a.amount, length rest] }", "[0,99999]", 4},
		{"Map.get \"k050000\" @MAP", `{"Some":{"amount":0,"city":"city0"}}`, 5},
		{"Map.has \"nobody\" @MAP", "false", 5},
		{"length @MAP", "100000", 3},
		{"(Map.insert \"new\" 1 @MAP).k000001.amount", "31", 10},
		{"({...@MAP, new: 1}).k000001.amount", "31", 10},
		{"({...{new: 1, k000001: 2}, ...@MAP}).k000001.amount", "31", 10},
		{"length (Map.merge {new: 1} @MAP)", "100001", 10},
		{"@LIST |> filter (\\r -> r.amount > 990) |> length", "900", 1 << 20},
		{"@LIST |> fold (\\s r -> s + r.amount) 0", "49950000", 1 << 20},
	} {
		src := replaced(c.src, "LIST", list.String(), "MAP", fields.String())
		for _, mode := range []eval.Mode{eval.None, eval.Auto} {
			expr, own := compiled(t, program{name: c.src, file: "far.ros", src: src})
			if !expr.Defined() {
				t.Fatalf("%s does not compile", src)
			}
			store.Put(context.Background(), own...)
			touched := map[cid.Cid]bool{}
			load := func(k cid.Cid) ([]byte, error) {
				if blocks[k] {
					touched[k] = true
				}
				return store.Load(k)
			}
			out, err := eval.New(eval.Options{Store: store, Load: load, Link: mode, Memory: 4 << 30}).Eval(context.Background(), expr)
			if err != nil || out.Error != nil {
				t.Fatalf("%s: %v %v", c.src, err, out.Error)
			}
			got, err := graph.AppendJSON(nil, out.Value, nil)
			if err != nil || string(got) != c.want {
				t.Errorf("%s = %s, want %s (%v)", c.src, got, c.want, err)
			}
			if len(touched) > c.most {
				t.Errorf("%s, links %v: %d blocks of the value are loaded, want at most %d", c.src, mode, len(touched), c.most)
			}
		}
	}
}

// TestFollowedPath looks at a large value behind a path in one process after another: nobody has all of its blocks looked at, as who finds an answer has.
func TestFollowedPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, errText, exit := command(t, dir, "eval", "--stats", `range 1 50000 |> map (\x -> x * x)`)
	_, result, ok := strings.Cut(errText, "\nresult ")
	if exit != 0 || !ok {
		t.Fatalf("got exit %d\n%s", exit, errText)
	}
	result = strings.Fields(result)[0]
	for _, at := range []string{"2", "3"} {
		out, errText, exit := command(t, dir, "eval", "--stats", "let big = @"+result+"/value in [at "+at+" big, at 1"+at+" big]")
		if exit != 0 || !strings.HasPrefix(out, "[{") || !strings.Contains(errText, "0 reduced, 0 reused") {
			t.Errorf("at %s: got exit %d and %q\n%s", at, exit, out, errText)
		}
	}
}

// TestMissingLeaf looks at a list of which one leaf cannot be had: it is missing to who looks at it, and to nobody else.
func TestMissingLeaf(t *testing.T) {
	store, list, _, blocks := farStore(t)
	gone := cid.Undef
	for _, mode := range []eval.Mode{eval.None, eval.Auto, eval.All} {
		touched := []cid.Cid{}
		load := func(k cid.Cid) ([]byte, error) {
			if k == gone {
				return nil, graph.NotFound(k)
			}
			if blocks[k] {
				touched = append(touched, k)
			}
			return store.Load(k)
		}
		run := func(src string) (eval.Outcome, error) {
			expr, own := compiled(t, program{name: src, file: "far.ros", src: replaced(src, "LIST", list.String())})
			store.Put(context.Background(), own...)
			return eval.New(eval.Options{Store: store, Load: load, Link: mode, Memory: 4 << 30}).Eval(context.Background(), expr)
		}
		if mode == eval.None {
			if _, err := run("at 77777 @LIST"); err != nil {
				t.Fatal(err)
			}
			gone = touched[len(touched)-1]
		}
		var stop *eval.Stop
		for _, src := range []string{"(match at 77777 @LIST { | Some r -> r.amount })", "try (sum (map (\\r -> r.amount) @LIST))", "@LIST == (@LIST ++ [])", "Json.write @LIST"} {
			_, err := run(src)
			if src == "@LIST == (@LIST ++ [])" && err == nil {
				continue // it is the same list
			}
			if !errors.As(err, &stop) || stop.Reason != eval.Missing || !errors.Is(err, graph.ErrNotFound) {
				t.Errorf("%s, links %v: %v, want a block that is missing", src, mode, err)
			}
		}
		if out, err := run("[length @LIST, (match at 7 @LIST { | Some r -> r.amount })]"); err != nil || out.Error != nil {
			t.Errorf("links %v: what is there: %v %v", mode, err, out.Error)
		}
	}
}

func replaced(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }

// TestPrintsInParts prints a list that is printed some elements at a time.
func TestPrintsInParts(t *testing.T) {
	const n = 1<<16 + 1<<12 + 5
	var want strings.Builder
	for i := range n {
		want.WriteString(",[" + strconv.Itoa(i) + "]")
	}
	stdout, stderr, exit := evalProgram(t, t.TempDir(), "long.ros", fmt.Sprintf("range 0 %d |> map (\\i -> [i])", n-1))
	if exit != 0 || stdout != "["+want.String()[1:]+"]\n" {
		t.Errorf("exit %d, %d bytes: %.100s %s", exit, len(stdout), stdout, stderr)
	}
	if _, stderr, exit = evalProgram(t, t.TempDir(), "wrong.ros", fmt.Sprintf("range 0 %d |> map (\\i -> Map.fromEntries [[if i == %d then \"/\" else \"x\", i]])", n-1, n-2)); exit != 1 || !strings.Contains(stderr, "cannot show") {
		t.Errorf("exit %d: %s", exit, stderr)
	}
}
