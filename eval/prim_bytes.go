// This file holds the primitives of bytes: bytes.*.

package eval

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/graph"
)

var bytesPrims = []Spec{
	{"bytes.length", 1, 1, bytesLength, "b: how many; costs nothing"},
	{"bytes.slice", 3, 7, bytesSlice, "from to b: to excluded; a negative offset counts from the end, one beyond an end is that end; cost: 1 per 256 bytes of the answer"},
	{"bytes.toList", 1, 1, bytesToList, "b: a list of ints from 0 to 255; cost: 1 per 16"},
	{"bytes.fromList", 1, 1, bytesFromList, "list: the bytes that its ints are; one that is not from 0 to 255 is \"out of range\"; cost: 1 per 16"},
	{"bytes.text", 1, 1, bytesText, "b: Some text if b is UTF-8, else None; cost: 1 per 256 bytes"},
	{"bytes.fromText", 1, 1, bytesFromText, "text: its UTF-8; cost: 1 per 256 bytes"},
	{"bytes.hex", 1, 1, bytesHex, "b: two lower-case hexadecimal digits a byte; cost: 1 per 256 bytes"},
	{"bytes.fromHex", 1, 1, bytesFromHex, "text: Some bytes of digits in either case, else None; cost: 1 per 256 bytes"},
	{"bytes.base64", 1, 1, bytesBase64, "b: RFC 4648's base64 (section 4), padded; cost: 1 per 256 bytes"},
	{"bytes.fromBase64", 1, 1, bytesFromBase64, "text: Some bytes of base64, padded or not, without line breaks and with no bits left over, else None; cost: 1 per 256 bytes"},
}

// wantBytes gives v's bytes. v is not lazy and no link.
func wantBytes(m *Machine, v graph.Value) ([]byte, error) {
	if v.Kind() != graph.KindBytes {
		return nil, wrongKind(v, "bytes")
	}
	return allBytes(m, v), nil
}

// allBytes gives v's bytes, and asks for room if they are not in memory.
func allBytes(m *Machine, v graph.Value) []byte {
	reserve(m, v.Absent())
	return v.Bytes()
}

func bytesLength(m *Machine, args []graph.Value) (graph.Value, error) {
	if args[0].Kind() != graph.KindBytes {
		return graph.Value{}, wrongKind(args[0], "bytes")
	}
	return graph.Int(int64(args[0].BytesLen())), nil
}

func bytesSlice(m *Machine, args []graph.Value) (graph.Value, error) {
	from, to, err := twoInts(args)
	if err != nil {
		return graph.Value{}, err
	}
	b := args[2]
	if b.Kind() != graph.KindBytes {
		return graph.Value{}, wrongKind(b, "bytes")
	}
	n := b.BytesLen()
	i, j := sliceBounds(from, to, n)
	chargeBytes(m, j-i)
	if j-i >= n/4 {
		reserve(m, b.Absent())
		return graph.BytesValue(b.BytesAt(i, j)), nil
	}
	reserve(m, int64(j-i))
	return graph.BytesValue(slices.Clone(b.BytesAt(i, j))), nil // so that it does not keep all of b in memory
}

func bytesToList(m *Machine, args []graph.Value) (graph.Value, error) {
	b, err := wantBytes(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	m.Charge(int64(len(b)) / 16)
	reserveList(m, len(b))
	var list graph.ListBuilder
	for i, c := range b {
		list.Add(graph.Int(int64(c)))
		if i%pollEvery == pollEvery-1 {
			m.poll()
		}
	}
	return graph.ListValue(list.List()), nil
}

func bytesFromList(m *Machine, args []graph.Value) (graph.Value, error) {
	list, err := wantList(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	c := meter{m: m}
	reserve(m, int64(list.Len()))
	out := make([]byte, 0, list.Len())
	for it := list.Iter(); ; {
		v, ok := it.Next()
		if !ok {
			return graph.BytesValue(out), nil
		}
		c.tick()
		v = head(m, v)
		b, err := wantCount(v)
		if err != nil {
			return graph.Value{}, err
		}
		if b < 0 || b > 255 {
			return graph.Value{}, Fail("out of range", v)
		}
		out = append(out, byte(b))
	}
}

func bytesText(m *Machine, args []graph.Value) (graph.Value, error) {
	b, err := wantBytes(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(b))
	reserve(m, int64(len(b)))
	return m.long(len(b), func() graph.Value {
		if !utf8.Valid(b) {
			return graph.None()
		}
		return graph.Some(graph.Text(string(b)))
	}), nil
}

func bytesFromText(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	reserve(m, int64(len(s)))
	return m.long(len(s), func() graph.Value { return graph.BytesValue([]byte(s)) }), nil
}

func bytesHex(m *Machine, args []graph.Value) (graph.Value, error) {
	b, err := wantBytes(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(b))
	reserve(m, 4*int64(len(b)))
	return m.long(len(b), func() graph.Value { return graph.Text(hex.EncodeToString(b)) }), nil
}

func bytesFromHex(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	reserve(m, int64(len(s)))
	return m.long(len(s), func() graph.Value {
		b, err := hex.DecodeString(s)
		if err != nil {
			return graph.None()
		}
		return graph.Some(graph.BytesValue(b))
	}), nil
}

func bytesBase64(m *Machine, args []graph.Value) (graph.Value, error) {
	b, err := wantBytes(m, args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(b))
	reserve(m, 3*int64(len(b)))
	return m.long(len(b), func() graph.Value { return graph.Text(base64.StdEncoding.EncodeToString(b)) }), nil
}

func bytesFromBase64(m *Machine, args []graph.Value) (graph.Value, error) {
	s, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	chargeBytes(m, len(s))
	reserve(m, int64(len(s)))
	encoding := base64.RawStdEncoding
	if strings.HasSuffix(s, "=") {
		encoding = base64.StdEncoding
	}
	return m.long(len(s), func() graph.Value {
		b, err := encoding.Strict().DecodeString(s)
		if err != nil || strings.ContainsAny(s, "\r\n") { // Go's decoder passes over line breaks
			return graph.None()
		}
		return graph.Some(graph.BytesValue(b))
	}), nil
}
