// This file looks at files and directories of UnixFS from programs, and counts the blocks that they load.

package tests

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multicodec"
	"github.com/multiformats/go-multihash"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/stdlib"
)

// A fileBench is a store with files, and what programs load of it.
type fileBench struct {
	*store.Store
	loaded map[cid.Cid]bool // but for the library's blocks and programs
	own    map[cid.Cid]bool
}

func newFileBench(t *testing.T) *fileBench {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &fileBench{Store: s, own: map[cid.Cid]bool{}}
}

// add puts what stands at path.
func (b *fileBench) add(t *testing.T, path string) cid.Cid {
	t.Helper()
	c, err := b.AddPath(context.Background(), path, store.AddOptions{Profile: store.Profiles["default"]})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put puts a block of any codec.
func (b *fileBench) put(t *testing.T, code multicodec.Code, data string) cid.Cid {
	t.Helper()
	c, err := cid.Prefix{Version: 1, Codec: uint64(code), MhType: multihash.SHA2_256, MhLength: 32}.Sum([]byte(data))
	if err == nil {
		err = b.Put(context.Background(), graph.Block{CID: c, Data: []byte(data)})
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run evaluates a program in a machine that has loaded nothing yet.
func (b *fileBench) run(t *testing.T, src string, o eval.Options) (string, error) {
	t.Helper()
	expr, own := compiled(t, program{name: src, file: "files.ros", src: src})
	if !expr.Defined() {
		t.Fatalf("%s does not compile", src)
	}
	for _, block := range own {
		b.own[block.CID] = true
	}
	b.Put(context.Background(), own...)
	b.loaded = map[cid.Cid]bool{}
	o.Store = b.Store
	o.Load = func(c cid.Cid) ([]byte, error) {
		if data, ok := stdlib.Block(c); ok {
			return data, nil
		}
		if !b.own[c] {
			b.loaded[c] = true
		}
		return b.Block(context.Background(), c)
	}
	out, err := eval.New(o).Eval(context.Background(), expr)
	if err != nil {
		return "", err
	}
	if out.Error != nil {
		text, _ := graph.AppendJSON(nil, out.Error.Err.Value, nil)
		return out.Error.Err.Kind + " " + string(text), nil
	}
	text, err := graph.AppendJSON(nil, out.Value, nil)
	return string(text), err
}

func TestFilesAsValues(t *testing.T) {
	b, dir := newFileBench(t), t.TempDir()
	random := make([]byte, 60_000_000)
	rand.NewChaCha8([32]byte{}).Read(random)
	text := strings.Repeat("a line of the text\r\n", 50_000)
	write(t, dir, "hello.txt", "hello\n")
	write(t, dir, "sub/deep/random", string(random))
	write(t, dir, "sub/lines", text)
	for i := range 6000 {
		write(t, dir, fmt.Sprintf("many/entry-%05d", i), fmt.Sprintln(i))
	}
	if err := os.Symlink("sub/lines", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	root := b.add(t, dir)
	size, sum := len(random), sha256.Sum256(random)
	total := 6 + size + len(text)
	for i := range 6000 {
		total += len(fmt.Sprintln(i))
	}
	cbor := b.put(t, multicodec.DagCbor, string(codec.AppendLink(codec.AppendText(codec.AppendMap(nil, 1), "dir"), root)))
	json := b.put(t, multicodec.DagJson, `{"data": {"/": "`+cbor.String()+`"}, "note": "by hand"}`)
	raw := b.put(t, multicodec.Raw, "raw bytes")
	over := b.put(t, multicodec.DagPb, pbLinkTo(json, "")+"\x0a\x01x") // no UnixFS
	whole := 1 << 20
	for _, c := range []struct {
		src, want string
		most      int
	}{
		{"map head (Dir.entries @ROOT)", `[{"Some":"empty"},{"Some":"hello.txt"},{"Some":"link"},{"Some":"many"},{"Some":"sub"}]`, 1},
		{`@ROOT."hello.txt" |> File.text`, `"hello\n"`, 2},
		{`force @ROOT.empty`, `{}`, 2},
		{`force @ROOT.link`, `"sub/lines"`, 2},
		{`File.size @ROOT.sub.deep.random`, fmt.Sprint(size), 4},
		{`Bytes.slice 30000000 30000003 @ROOT.sub.deep.random |> Bytes.toList`, strings.ReplaceAll(fmt.Sprint([]int{int(random[3e7]), int(random[3e7+1]), int(random[3e7+2])}), " ", ","), 6},
		{`[Bytes.slice 0 1 @ROOT.sub.deep.random |> length, Bytes.slice (-1) 60000000 @ROOT.sub.deep.random |> length]`, "[1,1]", 8},
		{`length @ROOT.sub.deep.random`, fmt.Sprint(size), 4},
		{`@ROOT.sub.deep.random == @ROOT.sub.lines`, "false", 5},
		{`Hash.sha256 @ROOT.sub.deep.random |> Bytes.hex`, fmt.Sprintf(`"%x"`, sum), whole},
		{`File.lines @ROOT.sub.lines |> unique`, `["a line of the text"]`, whole},
		{`File.lines @ROOT.sub.lines |> length`, "50000", whole},
		{`length (File.text @ROOT.sub.lines)`, fmt.Sprint(len(text)), whole},
		{`Ipld.cid (File.bytes @ROOT.sub.lines) == Ipld.cid (Bytes.fromText (File.text @ROOT.sub.lines))`, "true", whole},
		{`length @ROOT.many`, "6000", 600},
		{`(Dir.at "many/entry-04321" @ROOT).Some |> File.text`, `"4321\n"`, 6},
		{`[File.text @ROOT/many/entry-00077, File.text @ROOT.many."entry-00078"]`, `["77\n","78\n"]`, 10},
		{`(try @ROOT.many.nobody).Err.kind`, `"no field"`, 600},
		{`let d = force @ROOT.many in [length d, File.text d."entry-00077"]`, `[6000,"77\n"]`, 600},
		{`Dir.at "many/entry-06000" @ROOT`, `{"None":null}`, 5},
		{`Dir.at "sub/deep/random" @ROOT |> Option.map Ipld.kind`, `{"Some":"link"}`, 3},
		{`[Dir.at "hello.txt/x" @ROOT, Dir.at "link/x" @ROOT, Dir.at "no/x" @ROOT]`, `[{"None":null},{"None":null},{"None":null}]`, 3},
		{`(Dir.at "data/dir/sub/lines" @JSON).Some |> File.size`, fmt.Sprint(len(text)), 5},
		{`(Dir.at "sub/deep/random" (Map.remove "many" @ROOT)).Some |> File.size`, fmt.Sprint(size), 4},
		{`@JSON.data.dir."hello.txt" |> File.text`, `"hello\n"`, 4},
		{`[@OVER.Data |> Bytes.text, @OVER.Links.0.Hash.note]`, `[{"Some":"x"},"by hand"]`, 2},
		{`[File.size @RAW, File.text @RAW]`, `[9,"raw bytes"]`, 1},
		{`Dir.size @ROOT`, fmt.Sprint(total), 6000 + 600},
		{`Dir.size {a: @ROOT.sub, b: @ROOT, c: @RAW, d: @JSON}`, fmt.Sprint(total + size + len(text) + 9), 6000 + 600},
		{`Dir.size @ROOT.sub.lines`, fmt.Sprint(len(text)), 4},
		{`Dir.size @JSON`, `wrong kind {"got":{"/":"` + json.String() + `"},"want":"map"}`, 1},
		{`[try (File.size @ROOT), try (Dir.entries @RAW)] |> map (\e -> e.Err.kind)`, `["wrong kind","wrong kind"]`, 3},
		{`forceDeep @ROOT.sub.deep |> length`, "1", whole},
	} {
		src := replaced(c.src, "ROOT", root.String(), "JSON", json.String(), "OVER", over.String(), "RAW", raw.String())
		for _, mode := range []eval.Mode{eval.None, eval.Auto} {
			got, err := b.run(t, src, eval.Options{Link: mode, Memory: 4 << 30})
			if err != nil || got != c.want {
				t.Errorf("%s, links %v: got %.200s %v, want %s", c.src, mode, got, err, c.want)
			}
			if len(b.loaded) > c.most {
				t.Errorf("%s, links %v: %d blocks are loaded, want at most %d", c.src, mode, len(b.loaded), c.most)
			}
		}
	}
	// What is not to be had, or would not fit, ends the evaluation, whatever the program tries.
	for src, want := range map[string]eval.StopReason{
		`try (length (Bytes.toList (File.bytes @ROOT.sub.deep.random)))`: eval.MemoryLimit,
		`try (File.text @ROOT.sub.deep.random)`:                          eval.MemoryLimit,
		`try (Bytes.slice 1000 59000000 @ROOT.sub.deep.random)`:          eval.MemoryLimit,
	} {
		var stop *eval.Stop
		got, err := b.run(t, replaced(src, "ROOT", root.String()), eval.Options{Memory: 30 << 20})
		if !errors.As(err, &stop) || stop.Reason != want {
			t.Errorf("%s: got %.100s %v, want %v", src, got, err, want)
		}
	}
	// In little memory: a file that is hashed and compared part by part, and one file after another.
	parts := t.TempDir()
	for i := range 30 {
		write(t, parts, fmt.Sprint("part", i), string(random[i<<20:(i+3)<<20]))
	}
	write(t, parts, "again", string(random))
	folder := b.add(t, parts)
	for src, want := range map[string]string{
		`Hash.sha256 @ROOT.sub.deep.random |> Bytes.hex`:                                      fmt.Sprintf(`"%x"`, sum),
		`@ROOT.sub.deep.random == @FOLDER.again ++ Bytes.fromList []`:                         "true",
		`Map.remove "again" @FOLDER |> Map.values |> map (\f -> length (Bytes.hex f)) |> sum`: fmt.Sprint(30 * 3 << 21),
	} {
		src = replaced(src, "ROOT", root.String(), "FOLDER", folder.String())
		limit := int64(90 << 20)
		if strings.Contains(src, "++") {
			limit = 200 << 20 // which makes bytes of all
		}
		runtime.GC()
		got, err := b.run(t, src, eval.Options{Memory: limit + eval.MemoryInUse()}) // beside what other tests have left
		if err != nil || got != want {
			t.Errorf("%s in %d MiB: got %s %v", src, limit>>20, got, err)
		}
	}
}

// pbLinkTo is a link as it stands in a block of DAG-PB.
func pbLinkTo(c cid.Cid, name string) string {
	l := "\x0a" + string(rune(len(c.Bytes()))) + string(c.Bytes()) + "\x12" + string(rune(len(name))) + name
	return "\x12" + string(rune(len(l))) + l
}

// TestFilesMissing looks at files of which a block is not there, and at blocks that make no sense.
func TestFilesMissing(t *testing.T) {
	b, dir := newFileBench(t), t.TempDir()
	write(t, dir, "file", string(bytes.Repeat([]byte("0123456789abcdef"), 100_000)))
	file := b.add(t, filepath.Join(dir, "file"))
	five := b.put(t, multicodec.Raw, "12345")
	gone, err := cid.Prefix{Version: 1, Codec: cid.Raw, MhType: multihash.SHA2_256, MhLength: 32}.Sum([]byte("gone"))
	if err != nil {
		t.Fatal(err)
	}
	part := func(to cid.Cid, size byte) cid.Cid { // a file of one part
		return b.put(t, multicodec.DagPb, pbLinkTo(to, "")+"\x0a\x06\x08\x02\x18"+string(rune(size))+"\x20"+string(rune(size)))
	}
	noText := b.put(t, multicodec.DagPb, pbLinkTo(five, "a\xff")+"\x0a\x02\x08\x01")
	shards := b.put(t, multicodec.DagPb, pbLinkTo(gone, "00")+"\x0a\x0a\x08\x05\x12\x01\x01\x28\x22\x30\x80\x02")
	for _, c := range []struct {
		src   string
		names cid.Cid
		text  string
	}{
		{"File.text @" + part(gone, 5).String(), gone, "not found"},
		{"Bytes.slice 1 2 @" + part(gone, 5).String(), gone, "not found"},
		{"File.text @" + part(five, 9).String(), five, "a part of 5 bytes in the place of one of 9"},
		{"File.lines @" + part(noText, 5).String(), noText, "a directory or symlink within a file"},
		{"length @" + noText.String(), noText, "is not UTF-8"},
		{"Dir.at \"x\" @" + noText.String(), noText, "is not UTF-8"},
		{"length @" + shards.String(), gone, "not found"},
		{"Dir.size @" + shards.String(), gone, "not found"},
		{"Ipld.cid (File.bytes @" + part(gone, 5).String() + ")", gone, "not found"},
	} {
		for _, mode := range []eval.Mode{eval.None, eval.Auto, eval.All} {
			var stop *eval.Stop
			began := time.Now()
			got, err := b.run(t, "try ("+c.src+")", eval.Options{Link: mode})
			if !errors.As(err, &stop) || stop.Reason != eval.Missing || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), c.names.String()) {
				t.Errorf("%s, links %v: got %s %v, want %q of %s", c.src, mode, got, err, c.text, c.names)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s: took %v", c.src, took)
			}
		}
	}
	if got, err := b.run(t, "[File.size @"+part(gone, 5).String()+", File.size @"+file.String()+"]", eval.Options{}); err != nil || got != "[5,1600000]" || len(b.loaded) != 2 {
		t.Errorf("sizes: got %s %v, %d blocks loaded", got, err, len(b.loaded))
	}
}

// TestTree runs a program over a folder that the command adds. The CIDs hold the layout of directories and of what is said of them.
func TestTree(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	out, errText, exit := command(t, dir, "add", "data")
	if exit != 0 || out != folderCID+"\n" {
		t.Fatalf("add: got exit %d and %s%s", exit, out, errText)
	}
	tree, err := filepath.Abs("programs/tree.ros")
	if err != nil {
		t.Fatal(err)
	}
	out, errText, exit = command(t, dir, "run", "--as", "json", "--stats", tree, "@"+folderCID)
	if want := `{"bytes":300006,"files":[["sub/zeros",300000],["hello.txt",6]]}` + "\n"; exit != 0 || out != want {
		t.Errorf("got exit %d and %s%s\nwant %s", exit, out, errText, want)
	}
	const result = "bafyreiabqrtdjjpctakxzlzntbqodhfc6uckeyo54douoyztbpg7u2q2nm"
	if got := stats(errText)["result"]; got != result {
		t.Errorf("got the Result %s, want %s", got, result)
	}
	for src, want := range map[string]string{
		"force @" + folderCID:          `{"hello.txt":{"/":"` + helloCID + `"},"link":{"/":"bafybeiar537gtgwbfdxiqzybddgre3qnehtxmegnc573cpzs3lza53a4la"},"sub":{"/":"bafybeibx7ktgp5jomfv4pjvenuoozupcm3l65pv6zehbgp6hqeuqkyppcy"}}`,
		"@" + folderCID + "/hello.txt": `{"/":{"bytes":"aGVsbG8K"}}`,
		"File.bytes @" + zerosCID + " == Bytes.fromList (repeat 300000 0)":                              "true",
		"Ipld.cid (force @" + folderCID + ".sub.zeros) == Ipld.cid (Bytes.fromList (repeat 300000 0))":  "true",
		"[Ipld.rawCid (File.bytes @" + helloCID + "), Ipld.cid (Ipld.link (force @" + folderCID + "))]": `["` + helloCID + `","bafyreibdnvly2d5wbvlnmvu5jwwy32ssrpzkqzpmnvembhsvij73avc42u"]`,
	} {
		if out, errText, exit := command(t, dir, "eval", "--as", "json", src); exit != 0 || out != want+"\n" {
			t.Errorf("%s: got exit %d and %s%s\nwant %s", src, exit, out, errText, want)
		}
	}
}
