// This file reads a node of go-ipld-prime as a value, and finds a link's path within a block.

package graph

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-ipld-prime/datamodel"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"

	"github.com/rosser-lang/rosser/codec"
)

const maxNodeDepth = 1000

// FromNode reads a node of go-ipld-prime as a value. What no value can be is an error: NaN, a text that is not UTF-8.
func FromNode(n datamodel.Node) (Value, error) { return fromNode(n, 0) }

func fromNode(n datamodel.Node, depth int) (Value, error) {
	if depth > maxNodeDepth {
		return Value{}, fmt.Errorf("got data nested more than %d deep", maxNodeDepth)
	}
	switch n.Kind() {
	case datamodel.Kind_Null:
		return Null(), nil
	case datamodel.Kind_Bool:
		b, err := n.AsBool()
		return Bool(b), err
	case datamodel.Kind_Int:
		switch n := n.(type) {
		case datamodel.UintNode:
			x, err := n.AsUint()
			return Uint(x), err
		case *codec.WideInt:
			digits, negative := strings.CutPrefix(n.Decimal(), "-")
			if len(digits) > MaxDigits {
				return Value{}, fmt.Errorf("got an int of %d digits, want at most %d", len(digits), MaxDigits)
			}
			x := parseDigits(digits)
			if negative {
				x.Neg(x)
			}
			return BigInt(x), nil
		}
		i, err := n.AsInt()
		return Int(i), err
	case datamodel.Kind_Float:
		f, err := n.AsFloat()
		if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = fmt.Errorf("got the float %v, want a finite one", f)
		}
		return Float(f), err
	case datamodel.Kind_String:
		s, err := textOf(n)
		return Text(s), err
	case datamodel.Kind_Bytes:
		b, err := n.AsBytes()
		return BytesValue(bytes.Clone(b)), err
	case datamodel.Kind_Link:
		l, err := n.AsLink()
		if err != nil {
			return Value{}, err
		}
		c, ok := l.(cidlink.Link)
		if !ok || !c.Cid.Defined() {
			return Value{}, fmt.Errorf("got a link of type %T, want a CID", l)
		}
		return LinkValue(c.Cid), nil
	case datamodel.Kind_List:
		var b ListBuilder
		for it := n.ListIterator(); !it.Done(); {
			_, item, err := it.Next()
			if err != nil {
				return Value{}, err
			}
			v, err := fromNode(item, depth+1)
			if err != nil {
				return Value{}, err
			}
			b.Add(v)
		}
		return ListValue(b.List()), nil
	case datamodel.Kind_Map:
		var b MapBuilder
		for it := n.MapIterator(); !it.Done(); {
			k, item, err := it.Next()
			if err != nil {
				return Value{}, err
			}
			key, err := textOf(k)
			if err != nil {
				return Value{}, err
			}
			v, err := fromNode(item, depth+1)
			if err != nil {
				return Value{}, err
			}
			b.Set(key, v)
		}
		return MapValue(b.Map()), nil
	}
	return Value{}, fmt.Errorf("got a node of kind %s, want data", n.Kind())
}

func textOf(n datamodel.Node) (string, error) {
	s, err := n.AsString()
	if err == nil && !utf8.ValidString(s) {
		err = errors.New("got a text that is not UTF-8")
	}
	return s, err
}

// PathTo is the path, segments joined by /, of the first link to c in a DAG-CBOR block, or "" if there is none. It does
// not look below keys that no segment can be.
func PathTo(data []byte, c cid.Cid) string {
	var path []string
	if found, err := pathTo(codec.NewReader(data, false), c, &path); !found || err != nil {
		return ""
	}
	return strings.Join(path, "/")
}

func pathTo(r *codec.Reader, c cid.Cid, path *[]string) (bool, error) {
	depth := len(*path)
	part := func(segment string) (bool, error) {
		*path = append(*path, segment)
		found, err := pathTo(r, c, path)
		if !found {
			*path = (*path)[:depth]
		}
		return found, err
	}
	switch kind := r.Peek(); {
	case kind == codec.Link:
		l, err := r.Link()
		return l == c, err
	case kind == codec.Array && depth < maxNodeDepth:
		n, err := r.Array()
		for i := 0; i < n && err == nil; i++ {
			var found bool
			if found, err = part(strconv.Itoa(i)); found {
				return true, err
			}
		}
		return false, err
	case kind == codec.Map && depth < maxNodeDepth:
		n, err := r.Map()
		key := ""
		for i := 0; i < n && err == nil; i++ {
			if key, err = r.Key(key, i == 0); err != nil {
				break
			}
			if key == "" || strings.Contains(key, "/") {
				err = r.Skip()
				continue
			}
			var found bool
			if found, err = part(key); found {
				return true, err
			}
		}
		return false, err
	}
	return false, r.Skip()
}
