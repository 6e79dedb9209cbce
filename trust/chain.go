// This file holds chains: how several have come to a result, one after the other. Each has signed his own part: a Reduct, that an expression becomes
// another one after so many steps, or at the end the Result of what is left. Nobody has signed the whole; whoever believes all of them may use it.
//
// A Chain is kept, and goes with the result, where an attestation does, and has room where one has. So it says only what cannot be worked out: the Reducts
// follow from what they lead to, the last Result from the one that all of it leads to, and each signer's key from his ID. In DAG-CBOR:
//
//	[result, [to, steps, at, by, kind, signature], …, [steps, at, by, kind, signature]]

package trust

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record/pb"
	"google.golang.org/protobuf/proto"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// A Part is what one of several has signed: that an expression becomes To after so many steps, or, the last of them, that it has a value then.
type Part struct {
	To       cid.Cid // undefined at the end
	Steps    uint64
	Envelope []byte
}

// A Chain is who has signed the parts of a result, in their order.
type Chain struct {
	Result  cid.Cid
	Signers []peer.ID
}

// maxParts is more than a chain has room for.
const maxParts = 16

// chainSigner begins what stands in the place of a signer where chains are kept. No key's ID begins so: it is none.
const chainSigner = "chain "

// SealChain puts the parts of a result together. A chain has room for six, of keys that stand in their IDs, as Ed25519 keys do.
func SealChain(result cid.Cid, parts []Part) ([]byte, error) {
	dst := codec.AppendLink(codec.AppendArray(nil, 1+len(parts)), result)
	for i, p := range parts {
		a, err := Open(p.Envelope)
		if err != nil {
			return nil, err
		}
		var e pb.Envelope
		if err := proto.Unmarshal(p.Envelope, &e); err != nil {
			return nil, err
		}
		n := 5
		if i < len(parts)-1 {
			n = 6
		}
		dst = codec.AppendArray(dst, n)
		if n == 6 {
			dst = codec.AppendLink(dst, p.To)
		}
		dst = codec.AppendInt(codec.AppendUint(dst, min(p.Steps, graph.MaxSteps)), a.At.Unix())
		dst = codec.AppendBytes(codec.AppendText(codec.AppendBytes(dst, []byte(a.By)), a.Kind), e.Signature)
	}
	if len(dst) > MaxEnvelope {
		return nil, fmt.Errorf("%w: a chain of %d bytes is too long, the limit is %d", ErrBadAttestation, len(dst), MaxEnvelope)
	}
	return dst, nil
}

// A signedPart is a part as it is read.
type signedPart struct {
	to        cid.Cid
	steps, at int64
	by        peer.ID
	kind      string
	signature []byte
}

func readChain(data []byte) (result cid.Cid, parts []signedPart, err error) {
	if len(data) > MaxEnvelope {
		return cid.Undef, nil, fmt.Errorf("got %d bytes, want at most %d", len(data), MaxEnvelope)
	}
	r := codec.NewReader(data, true)
	n, err := r.Array()
	if err == nil && (n < 3 || n > 1+maxParts) {
		err = r.Fail("want a result and two parts or more")
	}
	if err == nil {
		result, err = r.Link()
	}
	for i := 1; i < n && err == nil; i++ {
		var p signedPart
		p, err = readPart(r, i == n-1)
		parts = append(parts, p)
	}
	if err == nil {
		err = r.Done()
	}
	return result, parts, err
}

func readPart(r *codec.Reader, last bool) (p signedPart, err error) {
	want := 6
	if last {
		want = 5
	}
	n, err := r.Array()
	if err == nil && n != want {
		err = r.Fail("not a part")
	}
	if err == nil && !last {
		p.to, err = r.Link()
	}
	for _, number := range []*int64{&p.steps, &p.at} {
		if err == nil {
			var large *big.Int
			if *number, large, err = r.Int(); err == nil && (large != nil || *number < 0) {
				err = r.Fail("not a number of steps or seconds")
			}
		}
	}
	if err == nil {
		var by []byte
		by, err = r.Bytes()
		p.by = peer.ID(by)
	}
	if err == nil {
		p.kind, err = r.Text()
	}
	if err == nil {
		p.signature, err = r.Bytes()
	}
	return p, err
}

// envelope is the envelope that the signature of a part was in, which is for this block.
func (p *signedPart) envelope(block cid.Cid) ([]byte, error) {
	key, err := p.by.ExtractPublicKey()
	if err != nil {
		return nil, err
	}
	public, err := crypto.PublicKeyToProto(key)
	if err != nil {
		return nil, err
	}
	said, err := (&payload{Attestation{block, p.by, p.kind, time.Unix(p.at, 0)}}).MarshalRecord()
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&pb.Envelope{PublicKey: public, PayloadType: []byte(payloadType), Payload: said, Signature: p.signature})
}

// OpenChain reads a chain and verifies it: each part is signed, and they lead from expr to the result, whose block load gives. The error wraps
// ErrBadAttestation, unless it is one of load. What the signers say may still be wrong.
func OpenChain(data []byte, expr cid.Cid, load graph.Loader) (Chain, error) {
	result, parts, err := readChain(data)
	if err != nil {
		return Chain{}, fmt.Errorf("%w: a chain: %w", ErrBadAttestation, err)
	}
	block, err := load(result)
	if err != nil {
		return Chain{}, fmt.Errorf("a chain: %w", err)
	}
	c, err := openChain(result, parts, expr, block)
	if err != nil {
		return Chain{}, fmt.Errorf("%w: a chain: %w", ErrBadAttestation, err)
	}
	return c, nil
}

func openChain(result cid.Cid, parts []signedPart, expr cid.Cid, block []byte) (Chain, error) {
	c := Chain{Result: result}
	whole := graph.Reduct{Of: expr, To: expr}
	var reducts []graph.Reduct
	for i := range parts {
		p := &parts[i]
		var signed graph.Block
		if i < len(parts)-1 {
			r := graph.Reduct{Of: whole.To, To: p.to, Steps: uint64(p.steps)}
			signed, whole.To = graph.EncodeReduct(r, nil), r.To
			reducts = append(reducts, r)
		} else {
			last, err := whole.Rest(block, uint64(p.steps))
			if err != nil {
				return c, err
			}
			for signed = last; len(reducts) > 0; reducts = reducts[:len(reducts)-1] {
				if last, err = reducts[len(reducts)-1].Join(last.Data); err != nil {
					return c, err
				}
			}
			if last.CID != result {
				return c, errors.New("the steps of its parts are not those of the result")
			}
		}
		envelope, err := p.envelope(signed.CID)
		if err != nil {
			return c, err
		}
		if _, err := open(envelope); err != nil {
			return c, err
		}
		c.Signers = append(c.Signers, p.by)
	}
	return c, nil
}

// isChain says whether something that is kept among attestations, or came as one, is a chain: an envelope does not begin as an array does.
func isChain(envelope []byte) bool { return len(envelope) > 0 && envelope[0]>>5 == 4 }

// chainOf is a chain that is kept, which was verified when it came; ok is false for what is none.
func chainOf(a store.Attested) (c Chain, ok bool) {
	if !strings.HasPrefix(string(a.Signer), chainSigner) {
		return c, false
	}
	result, parts, err := readChain(a.Envelope)
	if err != nil || result != a.Result {
		return c, false
	}
	c.Result = result
	for _, p := range parts {
		c.Signers = append(c.Signers, p.by)
	}
	return c, true
}

// keepChain is Keep for a chain.
func keepChain(ctx context.Context, s *store.Store, p *Policy, expr cid.Cid, data []byte) error {
	c, err := OpenChain(data, expr, graph.LoaderOf(ctx, s))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	keep := s.Favour
	if !p.names(c.Signers) {
		keep = s.Attest
	}
	return keep(ctx, expr, c.Result, append([]byte(chainSigner), sum[:]...), data)
}

// NamesAll says whether an envelope, or a chain, is of a result of expr, and by those whom the policy names.
func (p *Policy) NamesAll(envelope []byte, expr cid.Cid, result graph.Block) bool {
	if !isChain(envelope) {
		a, err := Open(envelope)
		return err == nil && a.Result == result.CID && p.names([]peer.ID{a.By})
	}
	c, err := OpenChain(envelope, expr, func(c cid.Cid) ([]byte, error) {
		if c != result.CID {
			return nil, graph.NotFound(c)
		}
		return result.Data, nil
	})
	return err == nil && p.names(c.Signers)
}

// names says whether a policy names all of some keys.
func (p *Policy) names(keys []peer.ID) bool {
	for _, k := range keys {
		if _, ok := p.Member(k); !ok {
			return false
		}
	}
	return true
}
