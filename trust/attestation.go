// Package trust says whose word for a result is taken: who has signed what, and who of these is believed.
//
// A Result is the same block whoever has reduced its expression, so it carries no name. An Attestation is somebody's word for one, signed with
// his libp2p key: Seal makes one, Open reads one and verifies it, and Keep puts it into a store. Key is the key of this machine. A Policy, the
// file DIR/trust, says who is believed: any of some keys, or K of N voters; without one, nobody is. A Store is a store.Store that answers by it:
// what this machine has reduced itself, else what those have signed who are believed.
package trust

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph/store"
)

// What somebody has done who attests a result.
const (
	Computed = "computed" // reduced the expression
	Checked  = "checked"  // checked the result otherwise
)

// An Attestation is somebody's word for a Result, or for a Reduct where he was stopped; the block names its expression itself.
type Attestation struct {
	Result cid.Cid // of the block
	By     peer.ID
	Kind   string    // Computed or Checked
	At     time.Time // in seconds, as the signer says: nothing rests on it
}

// MaxEnvelope is how long an envelope may be, in bytes. It has room for RSA keys of 3072 bits, and for all that are shorter.
const MaxEnvelope = store.MaxEnvelope

const (
	domain      = "rosser-attestation"
	payloadType = "/rosser/attestation"
	maxTime     = 253402300799 // the last second of the year 9999
)

// ErrBadAttestation is what is wrong with an envelope that Open refuses.
var ErrBadAttestation = errors.New("bad attestation")

// A payload is an Attestation as a libp2p record. Its bytes are a DAG-CBOR map {at, by, kind, result} in canonical order.
type payload struct{ Attestation }

func (*payload) Domain() string { return domain }
func (*payload) Codec() []byte  { return []byte(payloadType) }

// MarshalRecord writes it.
func (p *payload) MarshalRecord() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	dst := codec.AppendText(codec.AppendMap(nil, 4), "at")
	dst = codec.AppendText(codec.AppendInt(dst, p.At.Unix()), "by")
	dst = codec.AppendText(codec.AppendText(dst, p.By.String()), "kind")
	dst = codec.AppendText(codec.AppendText(dst, p.Kind), "result")
	return codec.AppendLink(dst, p.Result), nil
}

// UnmarshalRecord reads the bytes that MarshalRecord writes, and no others.
func (p *payload) UnmarshalRecord(data []byte) error {
	r := codec.NewReader(data, true)
	n, err := r.Map()
	if err == nil && n != 4 {
		err = r.Fail("want a map of at, by, kind and result")
	}
	if err != nil {
		return err
	}
	key := ""
	for i, want := range []string{"at", "by", "kind", "result"} {
		if key, err = r.Key(key, i == 0); err != nil {
			return err
		}
		if key != want {
			return fmt.Errorf("got the field %.20q, want %q", key, want)
		}
		switch want {
		case "at":
			second, large, e := r.Int()
			if err = e; e == nil && large != nil {
				err = r.Fail("not a time")
			}
			p.At = time.Unix(second, 0)
		case "by":
			text, e := r.Text()
			if err = e; e == nil {
				p.By, err = peer.Decode(text)
			}
			if err == nil && p.By.String() != text {
				err = errors.New("the key is not written as it should be")
			}
		case "kind":
			p.Kind, err = r.Text()
		case "result":
			p.Result, err = r.Link()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", want, err)
		}
	}
	if err := r.Done(); err != nil {
		return err
	}
	return p.check()
}

func (a *Attestation) check() error {
	prefix := a.Result.Prefix()
	switch second := a.At.Unix(); {
	case !a.Result.Defined() || prefix.Version != 1 || prefix.Codec != cid.DagCBOR || prefix.MhType != sha256Code || prefix.MhLength != 32:
		return fmt.Errorf("got %s, want the CID of a result", a.Result)
	case a.Kind != Computed && a.Kind != Checked:
		return fmt.Errorf("got the kind %.20q, want %s or %s", a.Kind, Computed, Checked)
	case second < 0 || second > maxTime:
		return fmt.Errorf("%d is not a time", second)
	}
	return a.By.Validate()
}

const sha256Code = 0x12

// Seal signs an attestation. By and At need not be set: the first is the key's, the second now.
func Seal(key crypto.PrivKey, a Attestation) ([]byte, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	if a.By == "" {
		a.By = id
	}
	if a.At.IsZero() {
		a.At = time.Now()
	}
	if a.By != id {
		return nil, fmt.Errorf("an attestation by %s cannot be signed with the key of %s", a.By, id)
	}
	e, err := record.Seal(&payload{a}, key)
	if err != nil {
		return nil, err
	}
	data, err := e.Marshal()
	if err == nil && len(data) > MaxEnvelope {
		err = fmt.Errorf("an attestation of %d bytes is too long, the limit is %d: the key is too large", len(data), MaxEnvelope)
	}
	return data, err
}

// Open reads an envelope and verifies it: an attestation, canonical to the byte, signed with the key that it says it is by. The error wraps
// ErrBadAttestation. What it says of a result may still be wrong; and it says nothing of an expression but that of the Result.
func Open(envelope []byte) (Attestation, error) {
	if len(envelope) > MaxEnvelope {
		return Attestation{}, fmt.Errorf("%w: got %d bytes, want at most %d", ErrBadAttestation, len(envelope), MaxEnvelope)
	}
	a, err := open(envelope)
	if err != nil {
		return Attestation{}, fmt.Errorf("%w: %w", ErrBadAttestation, err)
	}
	return a, nil
}

func open(envelope []byte) (Attestation, error) {
	e, err := record.UnmarshalEnvelope(envelope)
	if err != nil {
		return Attestation{}, err
	}
	if string(e.PayloadType) != payloadType {
		return Attestation{}, fmt.Errorf("got a payload of %.40q, want %s", e.PayloadType, payloadType)
	}
	// What costs little comes first: the bytes, what they say, the signature.
	if again, err := e.Marshal(); err != nil || !bytes.Equal(again, envelope) {
		return Attestation{}, errors.New("the envelope is not in its one form")
	}
	var p payload
	if err := p.UnmarshalRecord(e.RawPayload); err != nil {
		return Attestation{}, err
	}
	id, err := peer.IDFromPublicKey(e.PublicKey)
	if err != nil {
		return Attestation{}, err
	}
	if p.By != id {
		return Attestation{}, fmt.Errorf("it says that it is by %s, and is signed by %s", p.By, id)
	}
	if _, err := record.ConsumeTypedEnvelope(envelope, new(payload)); err != nil {
		return Attestation{}, err
	}
	return p.Attestation, nil
}
