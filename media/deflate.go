// This file compresses into a zlib stream. The bytes that come out are part of what Image.scale means: nothing here may change them.

package media

import (
	"encoding/binary"
	"hash/adler32"
	"math/bits"
	"slices"
)

const (
	hashBits    = 15
	minMatch    = 4
	maxTries    = 16      // earlier places that are compared
	blockTokens = 1 << 14 // literals and matches of a block
)

// A bitWriter writes bits, the first lowest in a byte.
type bitWriter struct {
	out []byte
	acc uint64
	n   uint
}

func (w *bitWriter) put(v uint64, k uint) {
	w.acc |= v << w.n
	for w.n += k; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
	}
}

// A prefixCode is a Huffman code for writing: each symbol's word, reversed, and its length.
type prefixCode struct {
	words   []uint16
	lengths []uint8
}

// newPrefixCode is Huffman's code for these frequencies with words of at most limit bits. Of equal weights what has the smaller symbol, and
// a symbol before what is joined, is taken first. While a word is too long, every frequency is halved, rounded up. There are at least two symbols
// with a frequency, or 0 and 1 are given one.
func newPrefixCode(freq []int, limit uint8) prefixCode {
	freq = slices.Clone(freq)
	for i := 0; i < 2; i++ {
		if used := len(freq) - count(freq, 0); used < 2 && freq[i] == 0 {
			freq[i] = 1
		}
	}
	type node struct{ weight, symbol, left, right int }
	lengths := make([]uint8, len(freq))
	for {
		var leaves []node
		for s, n := range freq {
			if n > 0 {
				leaves = append(leaves, node{n, s, -1, -1})
			}
		}
		slices.SortStableFunc(leaves, func(a, b node) int { return a.weight - b.weight })
		n := len(leaves)
		nodes := leaves // the leaves, then what is joined, both in the order of their weights
		leaf, joined := 0, n
		least := func() int {
			if leaf < n && (joined == len(nodes) || nodes[leaf].weight <= nodes[joined].weight) {
				leaf++
				return leaf - 1
			}
			joined++
			return joined - 1
		}
		for range n - 1 {
			a := least()
			b := least()
			nodes = append(nodes, node{nodes[a].weight + nodes[b].weight, -1, a, b})
		}
		depth := make([]int, len(nodes))
		longest := 0
		for i := len(nodes) - 1; i >= 0; i-- {
			if nodes[i].symbol >= 0 {
				lengths[nodes[i].symbol] = uint8(min(depth[i], 255))
				longest = max(longest, depth[i])
				continue
			}
			depth[nodes[i].left], depth[nodes[i].right] = depth[i]+1, depth[i]+1
		}
		if longest <= int(limit) {
			break
		}
		for i, f := range freq {
			freq[i] = (f + 1) / 2
		}
	}
	c := prefixCode{make([]uint16, len(freq)), lengths}
	var of, next [maxCodeBits + 2]int
	for _, n := range lengths {
		of[n]++
	}
	of[0] = 0
	for n := 1; n <= maxCodeBits; n++ {
		next[n+1] = (next[n] + of[n]) << 1
	}
	for s, n := range lengths {
		if n > 0 {
			c.words[s] = bits.Reverse16(uint16(next[n])) >> (16 - n)
			next[n]++
		}
	}
	return c
}

func count(xs []int, x int) int {
	n := 0
	for _, y := range xs {
		if x == y {
			n++
		}
	}
	return n
}

func (c prefixCode) put(w *bitWriter, symbol int) {
	w.put(uint64(c.words[symbol]), uint(c.lengths[symbol]))
}

// symbolOf is the last whose base is at most v.
func symbolOf(bases []uint16, v int) int {
	i, found := slices.BinarySearch(bases, uint16(v))
	if !found {
		i--
	}
	return i
}

// compress is data as a zlib stream. From the left, the longest match of at least 4 bytes among the last 16 places with the same hash is taken, the
// nearest of equal ones; else a literal. Each 16,384 of these are a block with codes of its own.
func compress(data []byte, poll func()) []byte {
	w := &bitWriter{out: []byte{0x78, 0x9c}}
	head := make([]int32, 1<<hashBits) // the last place with each hash, and 1
	prev := make([]int32, windowSize)  // the place before with the same hash, and 1, by the low bits of a place
	hash := func(i int) uint32 { return binary.LittleEndian.Uint32(data[i:]) * 0x9e3779b1 >> (32 - hashBits) }
	enter := func(i int) {
		if i+minMatch <= len(data) {
			h := hash(i)
			prev[i&(windowSize-1)] = head[h]
			head[h] = int32(i + 1)
		}
	}
	tokens := make([]uint32, 0, blockTokens) // a literal, or length<<16 | distance, with distances from 1
	polled := 0
	for i := 0; i < len(data); {
		if i-polled >= 1<<16 {
			polled = i
			poll()
		}
		length, distance := 0, 0
		if i+minMatch <= len(data) {
			most := min(maxMatch, len(data)-i)
			at := int(head[hash(i)]) - 1
			for tries := 0; at >= 0 && i-at < windowSize && tries < maxTries; tries++ {
				if length < most && data[at+length] == data[i+length] {
					n := 0
					for n < most && data[at+n] == data[i+n] {
						n++
					}
					if n > length {
						length, distance = n, i-at
					}
				}
				before := int(prev[at&(windowSize-1)]) - 1
				if before >= at {
					break
				}
				at = before
			}
		}
		if length < minMatch {
			length = 1
			tokens = append(tokens, uint32(data[i]))
		} else {
			tokens = append(tokens, uint32(length)<<16|uint32(distance))
		}
		for range length {
			enter(i)
			i++
		}
		if len(tokens) == blockTokens && i < len(data) {
			w.block(tokens, false)
			tokens = tokens[:0]
		}
	}
	w.block(tokens, true)
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
	return binary.BigEndian.AppendUint32(w.out, adler32.Checksum(data))
}

// block writes tokens as a block with codes of its own.
func (w *bitWriter) block(tokens []uint32, last bool) {
	var literals [286]int
	var distances [30]int
	literals[256] = 1
	for _, t := range tokens {
		if t>>16 == 0 {
			literals[t]++
			continue
		}
		literals[257+symbolOf(lengthBase[:], int(t>>16))]++
		distances[symbolOf(distBase[:], int(t&0xffff))]++
	}
	lit, dist := newPrefixCode(literals[:], maxCodeBits), newPrefixCode(distances[:], maxCodeBits)
	used := func(c prefixCode, least int) int {
		n := len(c.lengths)
		for n > least && c.lengths[n-1] == 0 {
			n--
		}
		return n
	}
	nlit, ndist := used(lit, 257), used(dist, 1)
	// The lengths of both, as the symbols of a third code: a length, or 17 or 18 and how many zeros.
	var symbols, extras []int
	var freq [19]int
	lengths := slices.Concat(lit.lengths[:nlit], dist.lengths[:ndist])
	for i := 0; i < len(lengths); {
		run := 1
		for i+run < len(lengths) && lengths[i+run] == lengths[i] && run < 138 {
			run++
		}
		symbol, extra := int(lengths[i]), 0
		switch {
		case symbol == 0 && run >= 11:
			symbol, extra = 18, run-11
		case symbol == 0 && run >= 3:
			symbol, extra = 17, run-3
		default:
			run = 1
		}
		symbols, extras = append(symbols, symbol), append(extras, extra)
		freq[symbol]++
		i += run
	}
	code := newPrefixCode(freq[:], 7)
	ncode := 19
	for ncode > 4 && code.lengths[codeOrder[ncode-1]] == 0 {
		ncode--
	}
	head := uint64(2 << 1)
	if last {
		head |= 1
	}
	w.put(head, 3)
	w.put(uint64(nlit-257)|uint64(ndist-1)<<5|uint64(ncode-4)<<10, 14)
	for _, s := range codeOrder[:ncode] {
		w.put(uint64(code.lengths[s]), 3)
	}
	for i, s := range symbols {
		code.put(w, s)
		switch s {
		case 17:
			w.put(uint64(extras[i]), 3)
		case 18:
			w.put(uint64(extras[i]), 7)
		}
	}
	for _, t := range tokens {
		length, distance := int(t>>16), int(t&0xffff)
		if length == 0 {
			lit.put(w, int(t))
			continue
		}
		s := symbolOf(lengthBase[:], length)
		lit.put(w, 257+s)
		w.put(uint64(length-int(lengthBase[s])), uint(lengthBits[s]))
		s = symbolOf(distBase[:], distance)
		dist.put(w, s)
		w.put(uint64(distance-int(distBase[s])), uint(distBits[s]))
	}
	lit.put(w, 256)
}
