// This file is how to read an answer with nothing of Rosser's: a CAR file, go-ipld-prime, and a path.

package tests

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-car/v2/storage"
	_ "github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/linking"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/ipld/go-ipld-prime/traversal"
)

// It walks from a Result to a number in its value. A component of a value that stands in a block of its own is
// reached through `λ`.
func Example_readAnswer() {
	dir, err := os.MkdirTemp("", "rosser")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	car, result := exportWeather(dir)

	f, err := os.Open(car)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	blocks, err := storage.OpenReadable(f)
	if err != nil {
		log.Fatal(err)
	}
	links := cidlink.DefaultLinkSystem()
	links.SetReadStorage(blocks)
	walk := traversal.Progress{Cfg: &traversal.Config{
		Ctx:        context.Background(),
		LinkSystem: links,
		LinkTargetNodePrototypeChooser: func(datamodel.Link, linking.LinkContext) (datamodel.NodePrototype, error) {
			return basicnode.Prototype.Any, nil
		},
	}}
	root, err := links.Load(linking.LinkContext{}, cidlink.Link{Cid: cid.MustParse(result)}, basicnode.Prototype.Any)
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"steps", "value/Seattle/λ/2015-12/warmest", "value/Seattle/λ/2015-12/rain"} {
		n, err := walk.Get(root, datamodel.ParsePath(path))
		if err != nil {
			log.Fatal(err)
		}
		switch n.Kind() {
		case datamodel.Kind_String:
			s, _ := n.AsString()
			fmt.Println(s)
		case datamodel.Kind_Float:
			x, _ := n.AsFloat()
			fmt.Println(x)
		default:
			x, _ := n.AsInt()
			fmt.Println(x)
		}
	}
	// Output:
	// 40173
	// 2015-12-03
	// 284.5
}

// exportWeather runs the weather program and exports its answer; it returns the file and the Result's CID.
func exportWeather(dir string) (car, result string) {
	store, car := filepath.Join(dir, "store"), filepath.Join(dir, "answer.car")
	run := func(args ...string) string {
		out, err := exec.Command(rosser, append([]string{"--store", store}, args...)...).CombinedOutput()
		if err != nil {
			log.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	facts := stats(run("run", "--stats", "programs/weather.ros", "csv:data/weather.csv"))
	run("export", facts["expression"], car)
	return car, strings.TrimSpace(facts["result"])
}
