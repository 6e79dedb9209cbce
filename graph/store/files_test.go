// This file tests files and folders as UnixFS. The CIDs were printed by kubo 0.43, `ipfs add -r --cid-version=1`, for the same
// bytes: as it is configured at first, and after `ipfs config profile apply unixfs-v1-2025`.

package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/spaolacci/murmur3"

	"github.com/rosser-lang/rosser/graph"
)

// noise reads n bytes of SplitMix64, little-endian.
func noise(n int64) io.Reader { return io.LimitReader(new(splitMix), n) }

type splitMix struct {
	state uint64
	word  [8]byte
	used  int // of word; 0 when it is to be made
}

func (s *splitMix) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (s *splitMix) Read(p []byte) (int, error) {
	i := 0
	for i < len(p) {
		if s.used == 0 && len(p)-i >= 8 {
			binary.LittleEndian.PutUint64(p[i:], s.next())
			i += 8
			continue
		}
		if s.used == 0 {
			binary.LittleEndian.PutUint64(s.word[:], s.next())
		}
		p[i] = s.word[s.used]
		s.used = (s.used + 1) % 8
		i++
	}
	return i, nil
}

func TestAddReader(t *testing.T) {
	s := open(t, t.TempDir())
	for _, c := range []struct {
		size          int64
		usual, v12025 string
	}{
		{0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
		{1, "bafkreic2nz5eovfprz7up7eusmca3bj6pma6hhktpsy52nj4so324whlhu", "bafkreic2nz5eovfprz7up7eusmca3bj6pma6hhktpsy52nj4so324whlhu"},
		{256<<10 - 1, "bafkreiccosczhbogoyt7wj2djv3uith52wa5emz6wto2d7j4e5l3pbnjki", "bafkreiccosczhbogoyt7wj2djv3uith52wa5emz6wto2d7j4e5l3pbnjki"},
		{256 << 10, "bafkreifqzfsm2qu5n5iboy6vk35jki5z2pmoghuathwoloyyk5hwz2jjve", "bafkreifqzfsm2qu5n5iboy6vk35jki5z2pmoghuathwoloyyk5hwz2jjve"},
		{256<<10 + 1, "bafybeiblyqcnkjlhri2bairo6xlmsipyo56dqrijs54k6cbr3w7sebq6re", "bafkreihhvxf5yyxywjvgup5lyyusyzrohtsc4asqommga4mzz2tuvavjuu"},
		{1 << 20, "bafybeicuenspv6jlapdaeb6z3fpgrpmxnoidu75dqxlwy3zptcajb42a4a", "bafkreif4tuoqcultkhz6fqbngjevwo73zos6yvhf6gsewbxvc5k5acdkae"},
		{1<<20 + 1, "bafybeielxlktwlinlr5jxgytzsdwnlm5g5nvltq3v5bgxzvwpmzkwwxho4", "bafybeidserfpbx4rhuf7liqogeovlhaokxsro253k6bf5ndgyet5asb2xy"},
		{174 << 18, "bafybeial4b64cuobrax5bf7wpnyshj5vhxt3gfnxi6faz2r6osumdicccy", "bafybeica27zfw7r7arvkmc2obowsteqkw2d2y4nmtjjs5iflb6tpp3p6vy"},
		{174<<18 + 1, "bafybeief7qowfmdjkp2crbqhn6ystowuwin35aionbwn4ybbqbmtvm5c4q", "bafybeifbesdiknf4u7q64k4pytzjqsbohr5ipyziweusc6p5mbnpm56wdq"},
		{100_000_000, "bafybeic5uzykwducufuplz2hrnnidg7zlc5wtaqaqu2kdjb253ua6n3r5m", "bafybeiajugmviosek6qjt4zknr7ca7amtuwpw7owkbetobohceyj5ifgfe"},
	} {
		if c.size > 1<<24 && testing.Short() {
			continue
		}
		want := sha256.New()
		io.Copy(want, noise(c.size))
		for profile, golden := range map[string]string{"default": c.usual, "unixfs-v1-2025": c.v12025} {
			told := int64(0)
			root, err := s.AddReader(bg, "noise", noise(c.size), AddOptions{Profile: Profiles[profile], Progress: func(n int) { told += int64(n) }})
			if err != nil || root.String() != golden || told != c.size {
				t.Errorf("%d bytes, %s: got %v, %v, %d bytes, want %s", c.size, profile, root, err, told, golden)
				continue
			}
			if info, err := graph.ReadFileInfo(root, graph.LoaderOf(bg, s)); err != nil || info.Kind != graph.PlainFile || info.Size != int64(c.size) {
				t.Errorf("%d bytes, %s: got %+v, %v", c.size, profile, info, err)
			}
			got := sha256.New()
			if err := graph.WriteFile(root, graph.LoaderOf(bg, s), got); err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
				t.Errorf("%d bytes, %s: got other bytes, %v", c.size, profile, err)
			}
		}
	}
}

// tree makes the folder whose CIDs the tests know.
func tree(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "dir")
	big, _ := io.ReadAll(noise(300_000))
	for path, text := range map[string]string{
		"hello.txt": "hello\n", "empty": "", ".hidden": "hidden\n", "sub/größe.txt": "size\n", "sub/deeper/.git/config": "x",
		"sub/deeper/a b": "a b\n", "sub/big": string(big),
	} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Mkdir(filepath.Join(dir, "nothing"), 0o777), os.Symlink("hello.txt", filepath.Join(dir, "link")),
		os.Symlink("/nowhere/at all", filepath.Join(dir, "sub/broken")))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAddFolder(t *testing.T) {
	s, dir := open(t, t.TempDir()), tree(t)
	for _, c := range []struct {
		profile, path string
		hidden        bool
		want          string
	}{
		{"default", ".", false, "bafybeigay7g3cosrezuklrfcdtcsfx5k7fyadun5ndsvmv7d57vltjesky"},
		{"default", ".", true, "bafybeifbvl2ifnarsxu6fk3pmleupdoeiorulgxjhna5vk5uyyhmblhohe"},
		{"unixfs-v1-2025", ".", false, "bafybeigdwxu4q4cd3lcy7rjb33alrjcku5c4qdtp6wahzyzdqet75brytu"},
		{"unixfs-v1-2025", ".", true, "bafybeieoxrhy4jmy5xzkhf5aoytcyzm6e5ohpayoayai7hmrkykcf7l27y"},
		{"default", "nothing", false, "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"},
		{"default", "link", false, "bafybeiar537gtgwbfdxiqzybddgre3qnehtxmegnc573cpzs3lza53a4la"},
		{"default", ".hidden", false, "bafkreihaqsrwqpxxsxi43p26tmst6lfb66b24dinnzd6ignmxpcpzaf37i"},
	} {
		got, err := s.AddPath(bg, filepath.Join(dir, c.path), AddOptions{Profile: Profiles[c.profile], Hidden: c.hidden})
		if err != nil || got.String() != c.want {
			t.Errorf("%s, %s, hidden %v: got %v, %v, want %s", c.path, c.profile, c.hidden, got, err, c.want)
		}
	}
	root := cid.MustParse("bafybeigay7g3cosrezuklrfcdtcsfx5k7fyadun5ndsvmv7d57vltjesky")
	entries, err := graph.ReadDirectory(root, graph.LoaderOf(bg, s))
	got := ""
	for _, e := range entries {
		info, err := graph.ReadFileInfo(e.CID, graph.LoaderOf(bg, s))
		got += fmt.Sprintf("%s %+v %v\n", e.Name, info, err)
	}
	const want = `empty {Kind:file Size:0 Target:} <nil>
hello.txt {Kind:file Size:6 Target:} <nil>
link {Kind:symlink Size:0 Target:hello.txt} <nil>
nothing {Kind:directory Size:0 Target:} <nil>
sub {Kind:directory Size:0 Target:} <nil>
`
	if got != want || err != nil {
		t.Errorf("got %v and\n%s\nwant\n%s", err, got, want)
	}
}

// TestAddSharded grows a folder over the edges where it is sharded: by the sizes of names and CIDs, and by that of the block.
func TestAddSharded(t *testing.T) {
	s, dir := open(t, t.TempDir()), t.TempDir()
	done := 0
	for _, c := range []struct {
		entries       int
		usual, v12025 string
	}{
		{4766, "bafybeibkopoq4awawug42ghvypuraa3j2clz5ye5ickociukd3en3w52pm", "bafybeibkopoq4awawug42ghvypuraa3j2clz5ye5ickociukd3en3w52pm"},
		{4767, "bafybeia5nxemtxpzlikv4uu5nblscj3nehtwkoh55ektz4qunufpjzouvm", "bafybeicyxh7q2h3ksi2r7c6qevjjtrok43zezdvpcif7editqjivnsa2ji"},
		{5577, "bafybeibrsocbkjlmfhdruajh7bshosmnkypev7tklffsnbtqndz4pj4wwi", "bafybeidgrcuo67az6dwtetf4pp77y3aexsxoilxbc22xu67l7w4qehq3ui"},
		{5578, "bafybeif7moqatdqlihnp3oxk7mqa3s3jdrkw6ycobhae5dzd3ez2x647t4", "bafybeif7moqatdqlihnp3oxk7mqa3s3jdrkw6ycobhae5dzd3ez2x647t4"},
	} {
		for ; done < c.entries; done++ {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("entry-%05d", done)), fmt.Appendln(nil, done), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for profile, golden := range map[string]string{"default": c.usual, "unixfs-v1-2025": c.v12025} {
			root, err := s.AddPath(bg, dir, AddOptions{Profile: Profiles[profile]})
			if err != nil || root.String() != golden {
				t.Errorf("%d entries, %s: got %v, %v, want %s", c.entries, profile, root, err, golden)
				continue
			}
			entries, err := graph.ReadDirectory(root, graph.LoaderOf(bg, s))
			if err != nil || len(entries) != c.entries {
				t.Fatalf("%d entries, %s: got %d, %v", c.entries, profile, len(entries), err)
			}
			for i, e := range entries {
				if e.Name != fmt.Sprintf("entry-%05d", i) {
					t.Fatalf("entry %d: got %v", i, e)
				}
				if i%100 > 0 {
					continue
				}
				var text strings.Builder
				if err := graph.WriteFile(e.CID, graph.LoaderOf(bg, s), &text); err != nil || text.String() != strconv.Itoa(i)+"\n" {
					t.Errorf("entry %d: got %q, %v", i, text.String(), err)
				}
			}
		}
	}
}

// hasty is a reader that does something when half of it has been read.
type hasty struct {
	io.Reader
	left int
	do   func()
}

func (h *hasty) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if h.left -= n; h.left < 0 && h.do != nil {
		h.do()
		h.do = nil
	}
	return n, err
}

func TestAddInterrupted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx, cancel := context.WithCancel(bg)
	options := AddOptions{Profile: Profiles["default"]}
	if c, err := s.AddReader(ctx, "noise", &hasty{noise(10 << 20), 5 << 20, cancel}, options); !errors.Is(err, context.Canceled) || c.Defined() {
		t.Errorf("got %v, %v, want that it was canceled", c, err)
	}
	broken := errors.New("broken")
	var at *FileError
	_, err := s.AddReader(bg, "the pipe", io.MultiReader(noise(10<<20), errorReader{broken}), options)
	if !errors.As(err, &at) || at.Path != "the pipe" || !errors.Is(err, broken) {
		t.Errorf("got %v, want a FileError of the pipe", err)
	}
	if c, err := s.AddReader(bg, "noise", noise(1<<20), options); err != nil || c.String() != "bafybeicuenspv6jlapdaeb6z3fpgrpmxnoidu75dqxlwy3zptcajb42a4a" {
		t.Errorf("after that: got %v, %v", c, err)
	}
	s.Close()
	if _, problems := check(t, dir); len(problems) > 0 {
		t.Errorf("got %q in the store", problems)
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func TestAddChanging(t *testing.T) {
	s := open(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	shrink := func(int) { os.Truncate(path, 1<<19) }
	grow := func(n int) { // as fast as it is read
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			f.Write(make([]byte, n))
			f.Close()
		}
	}
	for _, change := range []func(int){shrink, grow} {
		_, err := s.AddPath(bg, path, AddOptions{Profile: Profiles["default"], Progress: change})
		var at *FileError
		if !errors.As(err, &at) || !strings.Contains(err.Error(), path+": changed while it was read: add it again, or a copy of it") {
			t.Errorf("got %v", err)
		}
	}
}

// A unixData is the data of a block of UnixFS, which may be wrong in any way.
type unixData []byte

func dataOf(kind uint64, data string) unixData {
	d := unixData(nil).number(1, kind)
	return append(binary.AppendUvarint(append(d, 2<<3|2), uint64(len(data))), data...)
}

// number appends a field of protobuf.
func (d unixData) number(field byte, n uint64) unixData {
	return binary.AppendUvarint(append(d, field<<3), n)
}

func partOf(data string, size uint64, sizes ...uint64) unixData {
	d := dataOf(uint64(unixfs.TFile), data).number(3, size)
	for _, n := range sizes {
		d = d.number(4, n)
	}
	return d
}

var folderData = dataOf(uint64(unixfs.TDirectory), "")

// unixBlock puts a block of UnixFS.
func unixBlock(t *testing.T, s *Store, data unixData, links ...*ipld.Link) cid.Cid {
	t.Helper()
	node := merkledag.NodeWithData(data)
	node.SetCidBuilder(merkledag.V1CidPrefix())
	node.SetLinks(links)
	if err := s.dag().Add(bg, node); err != nil {
		t.Fatal(err)
	}
	return node.Cid()
}

func linkTo(c cid.Cid, name string) *ipld.Link { return &ipld.Link{Name: name, Cid: c} }

// TestHostileFiles reads files that nobody makes who means well: each an error that names a block, soon, or no bytes at all.
func TestHostileFiles(t *testing.T) {
	s := open(t, t.TempDir())
	five, err := s.AddReader(bg, "", strings.NewReader("12345"), AddOptions{Profile: Profiles["default"]})
	if err != nil {
		t.Fatal(err)
	}
	folder := unixBlock(t, s, folderData)
	data := graph.Block{CID: block([]byte{0x80}).CID, Data: []byte{0x80}}
	if err := s.Put(bg, data); err != nil {
		t.Fatal(err)
	}
	deep, wide, empty := five, five, unixBlock(t, s, partOf("", 0))
	for range 270 {
		deep = unixBlock(t, s, partOf("", 5, 5), linkTo(deep, ""))
	}
	const many = 50_000
	for i := range 60 {
		links, sizes := []*ipld.Link{linkTo(wide, "")}, []uint64{5 + uint64(i)*(many)}
		for range many / 5 {
			links, sizes = append(links, linkTo(five, "")), append(sizes, 5)
		}
		wide = unixBlock(t, s, partOf("", sizes[0]+many, sizes...), links...)
	}
	for range 30 {
		var links []*ipld.Link
		for range 1000 {
			links = append(links, linkTo(empty, ""))
		}
		empty = unixBlock(t, s, partOf("", 0, make([]uint64, len(links))...), links...)
	}
	gone := cid.MustParse("bafkreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua")
	for _, c := range []struct {
		name string
		root cid.Cid
		want error
		text string
	}{
		{"nothing, often", empty, nil, ""},
		{"a part that is smaller", unixBlock(t, s, partOf("", 6, 6), linkTo(five, "")), graph.ErrBadUnixFS, five.String() + " is UnixFS that cannot be read: a part of 5 bytes in the place of one of 6"},
		{"a part that is larger", unixBlock(t, s, partOf("", 4, 4), linkTo(five, "")), graph.ErrBadUnixFS, "a part of 5 bytes in the place of one of 4"},
		{"a sum that is wrong", unixBlock(t, s, partOf("", 6, 5), linkTo(five, "")), graph.ErrBadUnixFS, "says it has 6 bytes, and its parts have 5"},
		{"data that is not counted", unixBlock(t, s, partOf("x", 0)), graph.ErrBadUnixFS, "says it has 0 bytes, and its parts have 1"},
		{"too few sizes", unixBlock(t, s, partOf("", 0), linkTo(five, "")), graph.ErrBadUnixFS, "1 links and the sizes of 0"},
		{"too many sizes", unixBlock(t, s, partOf("", 10, 5, 5), linkTo(five, "")), graph.ErrBadUnixFS, "1 links and the sizes of 2"},
		{"sizes without end", unixBlock(t, s, partOf("", 4, math.MaxUint64, 5), linkTo(five, ""), linkTo(five, "")), graph.ErrBadUnixFS, "larger than any file"},
		{"blocks above each other", deep, graph.ErrBadUnixFS, "more than 256 blocks above each other"},
		{"links", wide, graph.ErrBadUnixFS, "whose blocks have more than"},
		{"a directory in a file", unixBlock(t, s, partOf("", 5, 5), linkTo(folder, "")), graph.ErrBadUnixFS, "a directory or symlink within a file"},
		{"data in a file", unixBlock(t, s, partOf("", 1, 1), linkTo(data.CID, "")), graph.ErrNotUnixFS, data.CID.String() + " is not UnixFS"},
		{"a block that is not there", unixBlock(t, s, partOf("", 5, 5), linkTo(gone, "")), graph.ErrNotFound, gone.String()},
		{"a directory", folder, nil, folder.String() + " is no file"},
		{"metadata", unixBlock(t, s, dataOf(uint64(unixfs.TMetadata), "")), graph.ErrBadUnixFS, "UnixFS of the type Metadata"},
	} {
		began := time.Now()
		var out bytes.Buffer
		err := graph.WriteFile(c.root, graph.LoaderOf(bg, s), &out)
		switch {
		case c.want != nil && !errors.Is(err, c.want), c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)), c.text == "" && (err != nil || out.Len() > 0):
			t.Errorf("%s: got %v and %d bytes, want %v, %q", c.name, err, out.Len(), c.want, c.text)
		case time.Since(began) > 10*time.Second:
			t.Errorf("%s: took %v", c.name, time.Since(began))
		}
	}
}

// TestHostileShards lists sharded directories that nobody makes who means well.
func TestHostileShards(t *testing.T) {
	s := open(t, t.TempDir())
	shardOf := func(fanout, hash uint64, bitmap []byte, links ...*ipld.Link) cid.Cid {
		return unixBlock(t, s, dataOf(uint64(unixfs.THAMTShard), string(bitmap)).number(5, hash).number(6, fanout), links...)
	}
	const murmur = 0x22
	five, err := s.AddReader(bg, "", strings.NewReader("12345"), AddOptions{Profile: Profiles["default"]})
	if err != nil {
		t.Fatal(err)
	}
	data := graph.Block{CID: block([]byte{0x80}).CID, Data: []byte{0x80}}
	if err := s.Put(bg, data); err != nil {
		t.Fatal(err)
	}
	all := bytes.Repeat([]byte{0xff}, 32)
	place := func(name string, level int) string {
		return fmt.Sprintf("%02X", byte(murmur3.Sum64([]byte(name))>>(56-8*level)))
	}
	alone := func(to cid.Cid, name string) cid.Cid { // the shard with that link alone
		slot, err := strconv.ParseUint(name[:2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		bitmap := make([]byte, 32)
		bitmap[31-slot/8] = 1 << (slot % 8)
		return shardOf(256, murmur, bitmap, linkTo(to, name))
	}
	good := alone(five, place("a", 0)+"a")
	if entries, err := graph.ReadDirectory(good, graph.LoaderOf(bg, s)); err != nil || len(entries) != 1 || entries[0].Name != "a" {
		t.Fatalf("got %v, %v", entries, err)
	}
	// Few blocks that say they list 256 to the power of 7 names, and a chain that goes on.
	bomb := alone(five, place("a", 7)+"a")
	for range 7 {
		var links []*ipld.Link
		for i := range 256 {
			links = append(links, linkTo(bomb, fmt.Sprintf("%02X", i)))
		}
		bomb = shardOf(256, murmur, all, links...)
	}
	chain := shardOf(256, murmur, []byte{1}, linkTo(five, "00a"))
	for range 20 {
		chain = shardOf(256, murmur, []byte{1}, linkTo(chain, "00"))
	}
	hollow := shardOf(256, murmur, nil)
	for range 7 {
		var links []*ipld.Link
		for i := range 256 {
			links = append(links, linkTo(hollow, fmt.Sprintf("%02X", i)))
		}
		hollow = shardOf(256, murmur, all, links...)
	}
	for _, c := range []struct {
		name string
		root cid.Cid
		want string
	}{
		{"no fanout", shardOf(0, murmur, nil), "the fanout 0"},
		{"a fanout of 7", shardOf(7, murmur, nil), "the fanout 7"},
		{"a huge fanout", shardOf(1<<62, murmur, nil), "the fanout 4611686018427387904"},
		{"a hash function", shardOf(256, 0x12, nil), "the hash function 0x12"},
		{"more links than places", shardOf(256, murmur, []byte{1}, linkTo(five, "00a"), linkTo(five, "01b")), "2 links and places for 1"},
		{"more places than links", shardOf(256, murmur, all), "0 links and places for 256"},
		{"a name in a wrong place", shardOf(256, murmur, []byte{1}, linkTo(five, "00a")), `where "a" does not belong`},
		{"a short name", shardOf(256, murmur, []byte{1}, linkTo(five, "0")), `a shard with the link "0"`},
		{"no name", shardOf(256, murmur, []byte{1}, linkTo(five, "")), `a shard with the link ""`},
		{"no number", shardOf(256, murmur, []byte{1}, linkTo(five, "xya")), `a shard with the link "xya"`},
		{"a link in no place", shardOf(256, murmur, []byte{2}, linkTo(five, "00a")), "in the place 0, which is not free"},
		{"two links in a place", shardOf(256, murmur, []byte{3}, linkTo(five, "00a"), linkTo(five, "00b")), "in the place 0, which is not free"},
		{"a place beyond the fanout", shardOf(256, murmur, append([]byte{1}, all...), linkTo(five, "00a")), "1 links and places for 257"},
		{"data for a shard", alone(data.CID, "00"), "no shard of the directory"},
		{"a file for a shard", shardOf(256, murmur, []byte{1}, linkTo(five, "00")), "no shard of the directory that links it"},
		{"another fanout below", shardOf(256, murmur, []byte{1}, linkTo(shardOf(16, murmur, []byte{1}, linkTo(five, "0a")), "00")), "no shard of the directory"},
		{"a bomb", bomb, "does not belong"},
		{"a chain", chain, "shards deeper than the hash of a name"},
		{"a hollow bomb", hollow, "no shard of the directory"},
		{"two of a name", unixBlock(t, s, folderData, linkTo(five, "a"), linkTo(five, "a")), `two entries of the name "a"`},
		{"no UTF-8", unixBlock(t, s, folderData, linkTo(five, "a\xff")), `the name "a\xff" is not UTF-8`},
	} {
		began := time.Now()
		_, err := graph.ReadDirectory(c.root, graph.LoaderOf(bg, s))
		if !errors.Is(err, graph.ErrBadUnixFS) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
	}
}
