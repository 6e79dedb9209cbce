// This file tests that the schema refuses.

package storetest

import (
	"testing"

	"github.com/rosser-lang/rosser/codec"
)

func TestSchemaRefuses(t *testing.T) {
	const link = `{"/":"bafyreie4iyyqaxmzu6fs77oqv4hjoo5n4ljtxacqovcqyoltyd4d4vldge"}`
	for _, c := range []struct {
		kind, good string
		bad        []string
	}{
		{"Code", `{"λ":{"lam":{"arity":1,"body":{"var":0}}}}`, []string{
			`{"λ":{"lam":{"arity":1}}}`, `{"λ":{"lam":{"arity":1,"body":{"var":0},"x":1}}}`, `{"λ":{"lam":{"arity":"1","body":{"var":0}}}}`,
			`{"λ":{"var":0}}`, `{"λ":` + link + `}`, `{"λ":{"list":[{"lam":{"arity":1,"body":{"var":0}}}]}}`, `{"λ":{"map":[["a"]]}}`,
			`{"λ":{"lit":{"λ":{"what":1}}}}`, `{"λ":{"try":{"spread":` + link + `}}}`, `{"x":1}`, `[]`,
		}},
		{"Value", `{"a":[1,{"λ":` + link + `},{"λ":{"list":[1,2,` + link + `]}},{"λ":{"lit":{"λ":1}}}]}`, []string{
			`[{"λ":1}]`, `[{"λ":{"int":5}}]`, `[{"λ":{"fn":"x"}}]`, `[{"λ":{"map":[1,` + link + `]}}]`, `{"λ":{"lit":{"x":1}}}`, `{"λ":{"lit":{"λ":{"λ":1}}}}`,
		}},
		{"Result", `{"of":` + link + `,"value":{"x":null},"steps":5}`, []string{
			`{"of":` + link + `,"steps":5}`, `{"of":null,"value":1,"steps":5}`, `{"of":` + link + `,"value":1,"steps":null}`,
			`{"of":1,"value":1,"steps":5}`, `{"of":` + link + `,"value":1}`, `{"of":` + link + `,"value":{"λ":1},"steps":5}`,
			`{"of":` + link + `,"value":1,"steps":5,"error":{"kind":"error","value":1}}`, `{"of":` + link + `,"error":{"kind":1,"value":1},"steps":5}`,
		}},
		{"Checkpoint", `{"of":` + link + `,"uses":[` + link + `],"reducts":[]}`, []string{`{"of":` + link + `,"uses":[]}`}},
		{"Reduct", `{"of":` + link + `,"to":` + link + `,"steps":5}`, []string{`{"of":` + link + `,"steps":5}`}},
		{"Attestation", `{"at":5,"by":"x","kind":"computed","result":` + link + `}`, []string{
			`{"at":5,"by":"x","kind":"computed"}`, `{"at":"5","by":"x","kind":"computed","result":` + link + `}`, `{"at":5,"by":"x","kind":"computed","result":` + link + `,"x":1}`,
		}},
		{"Trace", `{"result":` + link + `,"uses":[{"at":"1","trace":` + link + `}]}`, []string{`{"result":` + link + `,"uses":[{"at":"1"}]}`, `{"uses":[]}`}},
	} {
		for i, json := range append([]string{c.good}, c.bad...) {
			n, err := codec.DecodeNode(codec.DagJSON, []byte(json))
			if err != nil {
				t.Fatalf("%s: %v", json, err)
			}
			data, err := codec.EncodeNode(codec.DagCBOR, n)
			if err != nil {
				t.Fatal(err)
			}
			if err := Conform(c.kind, data); (err == nil) != (i == 0) {
				t.Errorf("%s as %s: got %v", json, c.kind, err)
			}
		}
	}
	if Conform("Value", []byte{0x18, 5}) == nil {
		t.Error("bytes that are not canonical passed")
	}
}
