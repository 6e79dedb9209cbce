// This file holds the appender: canonical DAG-CBOR written straight into a byte slice, without nodes.

package codec

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/ipfs/go-cid"
)

// The major types of CBOR, in the top three bits of a head.
const (
	majorUint  = 0 << 5
	majorNeg   = 1 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorMap   = 5 << 5
	majorTag   = 6 << 5
	majorOther = 7 << 5
)

const (
	byteFalse = majorOther | 20
	byteTrue  = majorOther | 21
	byteNull  = majorOther | 22
	byteUndef = majorOther | 23
	byteF16   = majorOther | 25
	byteF32   = majorOther | 26
	byteF64   = majorOther | 27
	tagLink   = 42
)

// appendHead appends the shortest head of a major type with the argument n.
func appendHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return append(dst, major|25, byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return append(dst, major|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

// HeadLen returns the length of the shortest head with the argument n.
func HeadLen(n uint64) int {
	switch {
	case n < 24:
		return 1
	case n <= math.MaxUint8:
		return 2
	case n <= math.MaxUint16:
		return 3
	case n <= math.MaxUint32:
		return 5
	}
	return 9
}

// AppendNull appends null.
func AppendNull(dst []byte) []byte { return append(dst, byteNull) }

// AppendBool appends a bool.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, byteTrue)
	}
	return append(dst, byteFalse)
}

// AppendInt appends an int.
func AppendInt(dst []byte, i int64) []byte {
	if i < 0 {
		return appendHead(dst, majorNeg, uint64(^i))
	}
	return appendHead(dst, majorUint, uint64(i))
}

// AppendUint appends an int that is not negative.
func AppendUint(dst []byte, u uint64) []byte { return appendHead(dst, majorUint, u) }

// AppendNegInt appends the int -1-n. Above 2^63-1 the strict Reader refuses what it wrote.
func AppendNegInt(dst []byte, n uint64) []byte { return appendHead(dst, majorNeg, n) }

// AppendFloat appends a float, which must be finite; -0 is written as 0.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		panic("BUG: codec: a float that is not finite has no encoding")
	}
	return binary.BigEndian.AppendUint64(append(dst, byteF64), math.Float64bits(f+0)) // -0+0 is 0
}

// AppendText appends a text, which must be valid UTF-8.
func AppendText(dst []byte, s string) []byte {
	return append(appendHead(dst, majorText, uint64(len(s))), s...)
}

// AppendBytes appends bytes.
func AppendBytes(dst, b []byte) []byte {
	return append(appendHead(dst, majorBytes, uint64(len(b))), b...)
}

// AppendLink appends a link; c must be defined.
func AppendLink(dst []byte, c cid.Cid) []byte {
	s := c.KeyString()
	if s == "" {
		panic("BUG: codec: an undefined CID has no encoding")
	}
	dst = append(dst, majorTag|24, tagLink)
	dst = appendHead(dst, majorBytes, uint64(len(s)+1))
	return append(append(dst, 0), s...)
}

// AppendArray appends the head of an array; n items follow.
func AppendArray(dst []byte, n int) []byte { return appendHead(dst, majorArray, uint64(n)) }

// AppendMap appends the head of a map; n times a key and a value follow, the keys in the order of LessKey.
func AppendMap(dst []byte, n int) []byte { return appendHead(dst, majorMap, uint64(n)) }

// LessKey is the order of keys in DAG-CBOR: shorter first, then bytewise (RFC 7049, section 3.9).
func LessKey(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// cidLen is the length of a CIDv1 with a one-byte codec and a sha2-256 digest.
const cidLen = 36

// CIDOf returns the CID of a DAG-CBOR block: version 1, sha2-256. It costs little more than the hash.
func CIDOf(data []byte) cid.Cid { return sumCID(0x71, data) }

// RawCID returns the CID of a raw block: version 1, sha2-256.
func RawCID(data []byte) cid.Cid { return sumCID(0x55, data) }

func sumCID(code byte, data []byte) cid.Cid {
	var b [cidLen]byte
	b[0], b[1], b[2], b[3] = 1, code, 0x12, sha256.Size
	sum := sha256.Sum256(data)
	copy(b[4:], sum[:])
	return cidOfString(string(b[:]))
}

// cidOfString makes a CID of its binary form, which must be known to be valid. cid.Cid is a struct of one string;
// cid.Cast checks what is already known and costs three times as much. A test compares the two.
func cidOfString(s string) cid.Cid { return *(*cid.Cid)(unsafe.Pointer(&s)) }

// It does not compile if a CID is no longer as large as a string.
var _ [unsafe.Sizeof("")]byte = [unsafe.Sizeof(cid.Cid{})]byte{}

// castCID returns the CID whose binary form is b, all of it.
func castCID(b []byte) (cid.Cid, error) {
	if isUsual(b) {
		return cidOfString(string(b)), nil
	}
	return cid.Cast(b)
}

// isUsual says whether b is a CIDv1 with a one-byte codec and a sha2-256 digest, which makes it valid.
func isUsual(b []byte) bool {
	return len(b) == cidLen && b[0] == 1 && b[1] < 0x80 && b[2] == 0x12 && b[3] == sha256.Size
}
