package repl

import (
	"fmt"
	"testing"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// TestCompleteMissing presses Tab behind a large map whose fields are not there.
func TestCompleteMissing(t *testing.T) {
	sh := shellFor(t)
	var b graph.MapBuilder
	for i := range 20_000 {
		b.Set(fmt.Sprintf("key%05d", i), graph.Int(int64(i)))
	}
	blocks := map[cid.Cid][]byte{}
	data := graph.Encode(graph.MapValue(b.Map()), graph.SinkFunc(func(b graph.Block) { blocks[b.CID] = b.Data }))
	first := true
	v, err := (&graph.Far{Load: func(c cid.Cid) ([]byte, error) {
		if data, ok := blocks[c]; ok && first {
			first = false
			return data, nil
		}
		return nil, graph.NotFound(c)
	}}).DecodeValue(data)
	if err != nil {
		t.Fatal(err)
	}
	sh.scope.bind(&binding{name: "it", term: &graph.Term{Op: graph.OpLit, Value: v}})
	for _, text := range []string{"it.", "it.key00001."} {
		if at, list := sh.complete(text, len(text)); at >= 0 || len(list) > 0 {
			t.Errorf("%s: got %d candidates at %d, want none", text, len(list), at)
		}
	}
}
