// This file finds the links of a block of any codec of the table, and gives the codecs to go-ipld-prime's LinkSystem.

package codec

import (
	"bytes"
	"errors"
	"io"

	"github.com/ipfs/go-cid"
	dagpb "github.com/ipld/go-codec-dagpb"
	ipldcodec "github.com/ipld/go-ipld-prime/codec"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/linking"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/multiformats/go-multihash"
)

// Links returns the links of a block in the order they stand in, doubles included. DAG-CBOR is scanned without
// building anything. A codec that is not in the table gives an error that wraps ErrUnknownCodec.
func Links(code uint64, data []byte) ([]cid.Cid, error) {
	var found []cid.Cid
	keep := func(c cid.Cid) error {
		found = append(found, c)
		return nil
	}
	switch code {
	case RawCode:
		return nil, nil
	case DagCBOR:
		err := check(data, keep, true)
		if err != nil {
			found = nil
			err = check(data, keep, false)
		}
		return found, err
	}
	n, err := DecodeNode(code, data)
	if err != nil {
		return nil, err
	}
	return found, nodeLinks(n, keep)
}

// nodeLinks calls f with each link in a node that a decoder made, which has bounded how deep it nests.
func nodeLinks(n datamodel.Node, f func(cid.Cid) error) error {
	switch n.Kind() {
	case datamodel.Kind_Link:
		l, err := n.AsLink()
		if err != nil {
			return err
		}
		if c, ok := l.(cidlink.Link); ok {
			return f(c.Cid)
		}
	case datamodel.Kind_List:
		for it := n.ListIterator(); !it.Done(); {
			_, item, err := it.Next()
			if err != nil {
				return err
			}
			if err := nodeLinks(item, f); err != nil {
				return err
			}
		}
	case datamodel.Kind_Map:
		for it := n.MapIterator(); !it.Done(); {
			_, item, err := it.Next()
			if err != nil {
				return err
			}
			if err := nodeLinks(item, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Inline returns the bytes that an identity CID carries itself, and whether it is one.
func Inline(c cid.Cid) ([]byte, bool) {
	if p := c.Prefix(); p.MhType != multihash.IDENTITY {
		return nil, false
	}
	mh, err := multihash.Decode(c.Hash())
	if err != nil {
		return nil, false
	}
	return mh.Digest, true
}

// LinkSystem returns a LinkSystem that reads by load, which verifies, and by this package's codecs.
func LinkSystem(load func(cid.Cid) ([]byte, error)) linking.LinkSystem {
	ls := cidlink.DefaultLinkSystem()
	ls.TrustedStorage = true
	ls.StorageReadOpener = func(_ linking.LinkContext, l datamodel.Link) (io.Reader, error) {
		c, ok := l.(cidlink.Link)
		if !ok {
			return nil, errors.New("a link that is not a CID")
		}
		if data, ok := Inline(c.Cid); ok {
			return bytes.NewReader(data), nil
		}
		data, err := load(c.Cid)
		return bytes.NewReader(data), err
	}
	ls.DecoderChooser = func(l datamodel.Link) (ipldcodec.Decoder, error) {
		c, ok := l.(cidlink.Link)
		if !ok {
			return nil, errors.New("a link that is not a CID")
		}
		return decoder(c.Prefix().Codec)
	}
	return ls
}

// decoder returns a codec of the table as go-ipld-prime has it.
func decoder(code uint64) (ipldcodec.Decoder, error) {
	if code == DagPB {
		return dagpb.Decode, nil // it has to be given its own assembler
	}
	if _, err := formatOf(code); err != nil {
		return nil, err
	}
	return func(na datamodel.NodeAssembler, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if code == DagCBOR {
			return Assemble(na, data, false)
		}
		n, err := DecodeNode(code, data)
		if err != nil {
			return err
		}
		return na.AssignNode(n)
	}, nil
}

// ChoosePrototype is a traversal's LinkTargetNodePrototypeChooser: DAG-PB has a prototype of its own.
func ChoosePrototype(l datamodel.Link, lc linking.LinkContext) (datamodel.NodePrototype, error) {
	return choose(l, lc)
}

var choose = dagpb.AddSupportToChooser(func(datamodel.Link, linking.LinkContext) (datamodel.NodePrototype, error) {
	return basicnode.Prototype.Any, nil
})
