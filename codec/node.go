// This file joins codec to go-ipld-prime: nodes built by the Reader, a table of codecs for the edges, and the hooks
// by which dagcbor.Encode and dagcbor.Decode take the fast way.

package codec

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ipfs/go-cid"
	dagpb "github.com/ipld/go-codec-dagpb"
	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/codec/dagjson"
	"github.com/ipld/go-ipld-prime/codec/raw"
	"github.com/ipld/go-ipld-prime/datamodel"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/multiformats/go-multicodec"
)

// The codecs of the table, as a CID names them.
const (
	DagCBOR = uint64(multicodec.DagCbor)
	DagJSON = uint64(multicodec.DagJson)
	DagPB   = uint64(multicodec.DagPb)
	RawCode = uint64(multicodec.Raw)
)

// ErrUnknownCodec says that a CID's codec is not in the table.
var ErrUnknownCodec = errors.New("unknown codec")

// A format is what the table knows of a codec.
type format struct {
	decode func(data []byte) (datamodel.Node, error)
	encode func(n datamodel.Node, w io.Writer) error
}

func formatOf(code uint64) (format, error) {
	switch code {
	case DagCBOR:
		return format{decodeCBOR, dagcbor.Encode}, nil
	case DagJSON:
		return format{decodeJSON, dagjson.Encode}, nil
	case RawCode:
		return format{decodeRaw, raw.Encode}, nil
	case DagPB:
		return format{decodePB, dagpb.Encode}, nil
	}
	return format{}, fmt.Errorf("%w %s (0x%x)", ErrUnknownCodec, multicodec.Code(code), code)
}

// A WideInt is an int that go-ipld-prime has no node for, below -2^63 or above 2^64-1: who asks it for an int64 gets an error.
type WideInt struct {
	datamodel.Node // of kind int
	decimal        string
}

func wideInt(decimal string) *WideInt { return &WideInt{basicnode.NewInt(0), decimal} }

// AsInt is an error.
func (n *WideInt) AsInt() (int64, error) { return 0, errors.New(RuleIntRange) }

// Decimal is the int in decimal digits, with a minus before them if it is negative.
func (n *WideInt) Decimal() string { return n.decimal }

// DecodeNode decodes a block of any codec of the table to a node. DAG-CBOR is read leniently, and so that the gaps
// of go-ipld-prime's decoder are closed: invalid UTF-8 and undefined are errors, and an int below -2^63 is a WideInt (it
// reads -2^64 as 0). An int of DAG-JSON may be one as well (it reads none beyond those of 64 bits).
func DecodeNode(code uint64, data []byte) (datamodel.Node, error) {
	f, err := formatOf(code)
	if err != nil {
		return nil, err
	}
	n, err := f.decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", multicodec.Code(code), err)
	}
	return n, nil
}

// EncodeNode encodes a node with any codec of the table. What would not be read back as it was written (NaN, an
// infinity, invalid UTF-8) is an error.
func EncodeNode(code uint64, n datamodel.Node) ([]byte, error) {
	f, err := formatOf(code)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := f.encode(n, &b); err != nil {
		return nil, fmt.Errorf("%s: %w", multicodec.Code(code), err)
	}
	if code == DagCBOR {
		if err := Check(b.Bytes(), true); err != nil {
			return nil, fmt.Errorf("%s: the node has no canonical form: %w", multicodec.DagCbor, err)
		}
	}
	return b.Bytes(), nil
}

func decodeCBOR(data []byte) (datamodel.Node, error) {
	nb := basicnode.Prototype.Any.NewBuilder()
	if err := Assemble(nb, data, false); err != nil {
		return nil, err
	}
	return nb.Build(), nil
}

func decodeJSON(data []byte) (datamodel.Node, error) {
	if !utf8.Valid(data) { // go-ipld-prime would read it as U+FFFD
		return nil, &Error{0, RuleUTF8}
	}
	data, wide := cutWideInts(data)
	nb := basicnode.Prototype.Any.NewBuilder()
	if err := dagjson.Decode(nb, bytes.NewReader(data)); err != nil {
		return nil, err
	}
	n := nb.Build()
	if len(wide) == 0 {
		return n, nil
	}
	nb = basicnode.Prototype.Any.NewBuilder()
	numbers := 0
	if err := withWideInts(nb, n, &numbers, wide); err != nil {
		return nil, err
	}
	return nb.Build(), nil
}

// cutWideInts returns a JSON text with 0 in the places of the ints that an int64 cannot hold, and these by how many numbers stand before each.
func cutWideInts(data []byte) (cut []byte, wide map[int]datamodel.Node) {
	const digits = "-0123456789"
	from, numbers := 0, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case strings.IndexByte(digits, c) >= 0:
			start := i
			for i+1 < len(data) && strings.IndexByte(digits+"+.eE", data[i+1]) >= 0 {
				i++
			}
			text := string(data[start : i+1])
			if n := wideNode(text); n != nil {
				if wide == nil {
					wide = map[int]datamodel.Node{}
				}
				wide[numbers] = n
				cut = append(append(cut, data[from:start]...), '0')
				from = i + 1
			}
			numbers++
		}
	}
	if wide == nil {
		return data, nil
	}
	return append(cut, data[from:]...), wide
}

// wideNode is the node of an int that an int64 cannot hold, nil of any other number.
func wideNode(text string) datamodel.Node {
	if _, err := strconv.ParseInt(text, 10, 64); !errors.Is(err, strconv.ErrRange) || strings.TrimPrefix(text, "-")[0] == '0' {
		return nil
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return basicnode.NewUint(u)
	}
	return wideInt(text)
}

// withWideInts assembles n with the ints that were cut out. Numbers is how many were there before n.
func withWideInts(na datamodel.NodeAssembler, n datamodel.Node, numbers *int, wide map[int]datamodel.Node) error {
	switch n.Kind() {
	case datamodel.Kind_Map:
		m, err := na.BeginMap(n.Length())
		if err != nil {
			return err
		}
		for it := n.MapIterator(); !it.Done(); {
			k, v, err := it.Next()
			if err != nil {
				return err
			}
			key, err := k.AsString()
			if err != nil {
				return err
			}
			entry, err := m.AssembleEntry(key)
			if err == nil {
				err = withWideInts(entry, v, numbers, wide)
			}
			if err != nil {
				return err
			}
		}
		return m.Finish()
	case datamodel.Kind_List:
		l, err := na.BeginList(n.Length())
		if err != nil {
			return err
		}
		for it := n.ListIterator(); !it.Done(); {
			_, v, err := it.Next()
			if err == nil {
				err = withWideInts(l.AssembleValue(), v, numbers, wide)
			}
			if err != nil {
				return err
			}
		}
		return l.Finish()
	case datamodel.Kind_Int, datamodel.Kind_Float:
		if w := wide[*numbers]; w != nil {
			n = w
		}
		*numbers++
	}
	return na.AssignNode(n)
}

func decodeRaw(data []byte) (datamodel.Node, error) { return basicnode.NewBytes(data), nil }

func decodePB(data []byte) (datamodel.Node, error) {
	nb := dagpb.Type.PBNode.NewBuilder()
	if err := dagpb.DecodeBytes(nb, data); err != nil {
		return nil, err
	}
	return nb.Build(), nil
}

// Assemble decodes DAG-CBOR into any of go-ipld-prime's assemblers, by the strict or the lenient rules.
func Assemble(na datamodel.NodeAssembler, data []byte, strict bool) error {
	if err := Check(data, strict); err != nil {
		return err
	}
	return (&Reader{data: data, strict: strict}).assemble(na)
}

// assemble reads an item that Check has passed, so it nests no deeper than MaxDepth.
func (r *Reader) assemble(na datamodel.NodeAssembler) error {
	switch r.Peek() {
	case Null:
		r.off++
		return na.AssignNull()
	case Bool:
		b, err := r.Bool()
		if err != nil {
			return err
		}
		return na.AssignBool(b)
	case Int:
		i, large, err := r.Int()
		switch {
		case err != nil:
			return err
		case large == nil:
			return na.AssignInt(i)
		case large.IsUint64():
			return na.AssignNode(basicnode.NewUint(large.Uint64()))
		}
		return na.AssignNode(wideInt(large.String()))
	case Float:
		f, err := r.Float()
		if err != nil {
			return err
		}
		return na.AssignFloat(f)
	case Text:
		s, err := r.Text()
		if err != nil {
			return err
		}
		return na.AssignString(s)
	case Bytes:
		b, err := r.Bytes()
		if err != nil {
			return err
		}
		return na.AssignBytes(b)
	case Link:
		c, err := r.Link()
		if err != nil {
			return err
		}
		return na.AssignLink(cidlink.Link{Cid: c})
	case Array:
		n, err := r.Array()
		if err != nil {
			return err
		}
		la, err := na.BeginList(int64(n))
		if err != nil {
			return err
		}
		for ; n > 0; n-- {
			if err := r.assemble(la.AssembleValue()); err != nil {
				return err
			}
		}
		return la.Finish()
	case Map:
		n, err := r.Map()
		if err != nil {
			return err
		}
		ma, err := na.BeginMap(int64(n))
		if err != nil {
			return err
		}
		for ; n > 0; n-- {
			key, err := r.Key("", true)
			if err != nil {
				return err
			}
			va, err := ma.AssembleEntry(key)
			if err != nil {
				return err
			}
			if err := r.assemble(va); err != nil {
				return err
			}
		}
		return ma.Finish()
	}
	return r.invalid("an item")
}

// AppendNode appends a node's canonical encoding by the appenders.
func AppendNode(dst []byte, n datamodel.Node) ([]byte, error) { return appendNode(dst, n, 0) }

func appendNode(dst []byte, n datamodel.Node, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, errors.New(RuleDepth)
	}
	switch n.Kind() {
	case datamodel.Kind_Null:
		return AppendNull(dst), nil
	case datamodel.Kind_Bool:
		b, err := n.AsBool()
		return AppendBool(dst, b), err
	case datamodel.Kind_Int:
		if u, ok := n.(datamodel.UintNode); ok {
			i, err := u.AsUint()
			return AppendUint(dst, i), err
		}
		i, err := n.AsInt()
		return AppendInt(dst, i), err
	case datamodel.Kind_Float:
		f, err := n.AsFloat()
		if err != nil {
			return nil, err
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errors.New(RuleFinite)
		}
		return AppendFloat(dst, f), nil
	case datamodel.Kind_String:
		s, err := n.AsString()
		if err == nil && !utf8.ValidString(s) {
			err = errors.New(RuleUTF8)
		}
		return AppendText(dst, s), err
	case datamodel.Kind_Bytes:
		b, err := n.AsBytes()
		return AppendBytes(dst, b), err
	case datamodel.Kind_Link:
		l, err := n.AsLink()
		if err != nil {
			return nil, err
		}
		c, ok := l.(cidlink.Link)
		if !ok || c.Cid == cid.Undef {
			return nil, fmt.Errorf("a link that is not a CID: %v", l)
		}
		return AppendLink(dst, c.Cid), nil
	case datamodel.Kind_List:
		dst = AppendArray(dst, int(n.Length()))
		for it := n.ListIterator(); !it.Done(); {
			_, item, err := it.Next()
			if err != nil {
				return nil, err
			}
			if dst, err = appendNode(dst, item, depth+1); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case datamodel.Kind_Map:
		return appendMapNode(dst, n, depth)
	}
	return nil, fmt.Errorf("a node of kind %s has no encoding", n.Kind())
}

func appendMapNode(dst []byte, n datamodel.Node, depth int) ([]byte, error) {
	entries := make([]entry, 0, max(n.Length(), 0))
	for it := n.MapIterator(); !it.Done(); {
		k, v, err := it.Next()
		if err != nil {
			return nil, err
		}
		if v.IsAbsent() {
			continue
		}
		key, err := k.AsString()
		if err != nil {
			return nil, err
		}
		if !utf8.ValidString(key) {
			return nil, errors.New(RuleUTF8)
		}
		entries = append(entries, entry{key, v})
	}
	sortEntries(entries)
	dst = AppendMap(dst, len(entries))
	for i, e := range entries {
		if i > 0 && entries[i-1].key == e.key {
			return nil, errors.New(RuleDuplicate)
		}
		var err error
		if dst, err = appendNode(AppendText(dst, e.key), e.value, depth+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// A Node is a node of go-ipld-prime that keeps its canonical bytes: encoding it as DAG-CBOR copies them.
type Node struct {
	datamodel.Node
	data []byte
}

// NewNode returns the node of a canonical DAG-CBOR block. It keeps data.
func NewNode(data []byte) (*Node, error) {
	nb := basicnode.Prototype.Any.NewBuilder()
	if err := Assemble(nb, data, true); err != nil {
		return nil, err
	}
	return &Node{nb.Build(), data}, nil
}

// Data returns the node's canonical bytes, which must not be changed.
func (n *Node) Data() []byte { return n.data }

// EncodeDagCbor is the hook by which dagcbor.Encode writes n.
func (n *Node) EncodeDagCbor(w io.Writer) error {
	_, err := w.Write(n.data)
	return err
}

// Prototype returns n's prototype.
func (n *Node) Prototype() datamodel.NodePrototype { return Prototype{} }

// Prototype is the prototype of nodes that are strictly canonical DAG-CBOR: dagcbor.Decode with its builder reads by
// the strict rules and builds a *Node. Assembled in any other way, its builder makes plain basic nodes.
type Prototype struct{}

// NewBuilder returns a builder.
func (Prototype) NewBuilder() datamodel.NodeBuilder {
	return &builder{NodeBuilder: basicnode.Prototype.Any.NewBuilder()}
}

type builder struct {
	datamodel.NodeBuilder
	data []byte
}

// maxBlock bounds what DecodeDagCbor reads: no more than go-ipld-prime itself would allow.
const maxBlock = 10 << 20

// DecodeDagCbor is the hook by which dagcbor.Decode reads strictly.
func (b *builder) DecodeDagCbor(r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxBlock+1))
	if err != nil {
		return err
	}
	if len(data) > maxBlock {
		return fmt.Errorf("a block of more than %d bytes", maxBlock)
	}
	if err := Assemble(b.NodeBuilder, data, true); err != nil {
		return err
	}
	b.data = data
	return nil
}

func (b *builder) Build() datamodel.Node {
	n := b.NodeBuilder.Build()
	if b.data == nil {
		return n
	}
	return &Node{n, b.data}
}

func (b *builder) Reset() {
	b.NodeBuilder.Reset()
	b.data = nil
}

func (b *builder) Prototype() datamodel.NodePrototype { return Prototype{} }

// An entry is a map's entry, on the way to its place.
type entry struct {
	key   string
	value datamodel.Node
}

func sortEntries(entries []entry) {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(len(a.key), len(b.key)), strings.Compare(a.key, b.key))
	})
}
