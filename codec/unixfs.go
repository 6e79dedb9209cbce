// This file reads blocks of UnixFS, each by itself. What they link to is graph's to read.

package codec

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/ipfs/go-cid"
	dagpb "github.com/ipld/go-codec-dagpb"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/multiformats/go-multicodec"
	"google.golang.org/protobuf/encoding/protowire"
)

// ErrNotUnixFS says that a block is no part of a file or a directory.
var ErrNotUnixFS = errors.New("not UnixFS")

// A UnixKind is what a block of UnixFS is.
type UnixKind byte

const (
	FilePart UnixKind = iota // a file, or a part of one
	Directory
	Shard // of a directory, or the root of one
	Symlink
)

// A UnixNode is a block of UnixFS. Of a file's part the bytes are Data, then those of what the links lead to.
type UnixNode struct {
	Kind   UnixKind
	Data   []byte // of a file's part; of a symlink, its target
	Size   int64  // of a file's part: how many bytes it has with those below it, as it says
	Links  []UnixLink
	Fanout int // of a shard
}

// A UnixLink is a link of a UnixNode.
type UnixLink struct {
	CID  cid.Cid
	Name string // of an entry; in a shard "" says that the link leads to a shard below it
	Size int64  // in a file's part: of what it leads to, as the block says
	Slot int    // in a shard: the digit of a name's hash; links are in the order of theirs
}

const maxFanout = 1 << 10 // of a shard; boxo's own bound

// The fields of the message that a block of UnixFS has as its data.
const (
	unixType = iota + 1
	unixData
	unixSize
	unixSizes
	unixHash
	unixFanout
)

// The types of that message.
const (
	typeRaw = iota
	typeDirectory
	typeFile
	typeMetadata
	typeSymlink
	typeShard
)

// unixFields is that message.
type unixFields struct {
	kind, fanout, hash, size uint64
	hasSize                  bool
	data                     []byte
	sizes                    []uint64
}

// DecodeUnixFS reads a block, raw or DAG-PB, and checks that its numbers agree with each other. What is no UnixFS at all is ErrNotUnixFS;
// any other error says what is wrong with it. The node keeps data.
func DecodeUnixFS(code uint64, data []byte) (n *UnixNode, err error) {
	switch code {
	case RawCode:
		return &UnixNode{Data: data, Size: int64(len(data))}, nil
	case DagPB:
	default:
		return nil, ErrNotUnixFS
	}
	defer func() {
		if p := recover(); p != nil { // in go-codec-dagpb, over a block that nobody would make
			n, err = nil, fmt.Errorf("%v", p)
		}
	}()
	decoded, err := decodePB(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNotUnixFS, err)
	}
	pb := decoded.(dagpb.PBNode)
	if !pb.FieldData().Exists() {
		return nil, ErrNotUnixFS
	}
	f, ok := readUnixFields(pb.FieldData().Must().Bytes())
	if !ok {
		return nil, ErrNotUnixFS
	}
	n = &UnixNode{Data: f.data, Links: make([]UnixLink, 0, pb.FieldLinks().Length())}
	for it := pb.FieldLinks().Iterator(); !it.Done(); {
		_, l := it.Next()
		to := UnixLink{CID: l.FieldHash().Link().(cidlink.Link).Cid}
		if l.FieldName().Exists() {
			to.Name = l.FieldName().Must().String()
		}
		n.Links = append(n.Links, to)
	}
	switch f.kind {
	case typeFile, typeRaw:
		err = n.filePart(f)
	case typeDirectory:
		n.Kind = Directory
	case typeSymlink:
		n.Kind = Symlink
	case typeShard:
		err = n.shard(f)
	case typeMetadata:
		err = errors.New("UnixFS of the type Metadata")
	default:
		err = fmt.Errorf("UnixFS of the type %d", f.kind)
	}
	return n, err
}

// readUnixFields reads the message. Of a number that stands there twice the last counts, and sizes may be packed, as in any protobuf.
func readUnixFields(data []byte) (f unixFields, ok bool) {
	hasType := false
	for len(data) > 0 {
		field, wire, n := protowire.ConsumeTag(data)
		if n < 0 {
			return f, false
		}
		data = data[n:]
		var number uint64
		var bytes []byte
		switch {
		case wire == protowire.VarintType:
			number, n = protowire.ConsumeVarint(data)
		case wire == protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(field, wire, data)
		}
		if n < 0 {
			return f, false
		}
		data = data[n:]
		fits := wire == protowire.VarintType
		switch field {
		case unixType:
			f.kind, hasType = number, true
		case unixData:
			f.data, fits = bytes, wire == protowire.BytesType
		case unixSize:
			f.size, f.hasSize = number, true
		case unixSizes:
			if fits {
				f.sizes = append(f.sizes, number)
			} else if fits = wire == protowire.BytesType; fits {
				for len(bytes) > 0 {
					if number, n = protowire.ConsumeVarint(bytes); n < 0 {
						return f, false
					}
					f.sizes, bytes = append(f.sizes, number), bytes[n:]
				}
			}
		case unixHash:
			f.hash = number
		case unixFanout:
			f.fanout = number
		default:
			fits = true
		}
		if !fits {
			return f, false
		}
	}
	return f, hasType
}

func (n *UnixNode) filePart(f unixFields) error {
	if len(f.sizes) != len(n.Links) {
		return fmt.Errorf("a part of a file with %d links and the sizes of %d", len(n.Links), len(f.sizes))
	}
	n.Size = int64(len(n.Data))
	for i, size := range f.sizes {
		if size > uint64(math.MaxInt64-n.Size) {
			return errors.New("a file's parts are larger than any file")
		}
		n.Links[i].Size = int64(size)
		n.Size += int64(size)
	}
	if f.hasSize && f.size != uint64(n.Size) {
		return fmt.Errorf("a part of a file says it has %d bytes, and its parts have %d", f.size, n.Size)
	}
	return nil
}

// shard reads the links of a shard: each begins with its slot in hexadecimal digits, and the bits of the data say which slots there are,
// the last byte's lowest the first.
func (n *UnixNode) shard(f unixFields) error {
	n.Kind = Shard
	if f.fanout < 8 || f.fanout > maxFanout || f.fanout&(f.fanout-1) != 0 {
		return fmt.Errorf("a shard of a directory with the fanout %d", f.fanout)
	}
	n.Fanout = int(f.fanout)
	if f.hash != uint64(multicodec.Murmur3X64_64) {
		return fmt.Errorf("a shard of a directory with the hash function %#x", f.hash)
	}
	set := 0
	for _, b := range n.Data {
		set += bits.OnesCount8(b)
	}
	if set != len(n.Links) {
		return fmt.Errorf("a shard of a directory with %d links and places for %d", len(n.Links), set)
	}
	digits := len(strconv.FormatInt(int64(n.Fanout-1), 16))
	for i := range n.Links {
		l := &n.Links[i]
		slot, err := strconv.ParseUint(l.Name[:min(digits, len(l.Name))], 16, 32)
		if err != nil || len(l.Name) < digits || slot >= f.fanout {
			return fmt.Errorf("a shard with the link %q", CutName(l.Name))
		}
		l.Slot, l.Name = int(slot), l.Name[digits:]
	}
	slices.SortStableFunc(n.Links, func(a, b UnixLink) int { return cmp.Compare(a.Slot, b.Slot) })
	for i, l := range n.Links {
		at := len(n.Data) - 1 - l.Slot/8
		if at < 0 || n.Data[at]>>(l.Slot%8)&1 == 0 || i > 0 && n.Links[i-1].Slot == l.Slot {
			return fmt.Errorf("a shard with a link in the place %d, which is not free for it", l.Slot)
		}
	}
	return nil
}

// At returns the link in a slot of a shard, nil if there is none.
func (n *UnixNode) At(slot int) *UnixLink {
	i, ok := slices.BinarySearchFunc(n.Links, slot, func(l UnixLink, slot int) int { return cmp.Compare(l.Slot, slot) })
	if !ok {
		return nil
	}
	return &n.Links[i]
}

// CutName is a name as a message shows it.
func CutName(name string) string {
	const shown = 40
	if len(name) > shown {
		return name[:shown] + "…"
	}
	return name
}
