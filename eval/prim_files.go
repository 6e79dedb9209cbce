// This file holds the primitives of files and directories, which go on where bytes and maps do not suffice: file.* and dir.*.

package eval

import (
	"bytes"
	"errors"
	"math/big"
	"unicode/utf8"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

var filesPrims = []Spec{
	{"file.text", 1, 1, fileText, "b: the text whose UTF-8 b is; of what is not in memory a part after the other is read; what is not UTF-8 is \"bad text\"; cost: 1 per 256 bytes"},
	{"file.lines", 1, 1, fileLines, "b: the lines of the text whose UTF-8 b is, as text.lines gives them, which is never in memory as a whole; what is not UTF-8 is \"bad text\"; cost: 1 per 256 bytes and per 16 lines"},
	{"dir.at", 2, 0b01, dirAt, "path dir: Some of what stands at the path, its names separated by slashes, below a directory or another map, else None; of a sharded directory, only the shards that lead there are loaded; cost: 1 per name"},
	{"dir.size", 1, 0, dirSize, "x: the bytes of all files below a directory or another map, by their roots; those of a file; links lead on to UnixFS and raw blocks only; cost: 1 per entry, each as often as it stands there"},
}

const windowBytes = 1 << 20

// eachWindow calls f for the bytes of v, a part after the other, so that they need not be in memory at once, until it returns false. f
// must not keep them.
func eachWindow(m *Machine, v graph.Value, f func(b []byte) bool) {
	n := v.BytesLen()
	for at := 0; at < n; at += windowBytes {
		m.poll()
		if !f(v.BytesAt(at, min(at+windowBytes, n))) {
			return
		}
	}
}

func fileText(m *Machine, args []graph.Value) (graph.Value, error) {
	v := args[0]
	if v.Kind() != graph.KindBytes {
		return graph.Value{}, wrongKind(v, "bytes")
	}
	n := v.BytesLen()
	chargeBytes(m, n)
	reserve(m, int64(n))
	out := make([]byte, 0, min(n, 1<<28))
	eachWindow(m, v, func(b []byte) bool {
		out = append(out, b...)
		return true
	})
	s := unsafe.String(unsafe.SliceData(out), len(out))
	if at := invalidAt(out); at >= 0 {
		return graph.Value{}, badText("utf-8", s, at, "malformed")
	}
	return graph.Text(s), nil
}

// invalidAt is where b first is no UTF-8, or -1.
func invalidAt(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for at := 0; ; {
		r, size := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
}

func fileLines(m *Machine, args []graph.Value) (graph.Value, error) {
	v := args[0]
	if v.Kind() != graph.KindBytes {
		return graph.Value{}, wrongKind(v, "bytes")
	}
	chargeBytes(m, v.BytesLen())
	lines := listOut{m: m}
	c := meter{m: m}
	var texts graph.TextMaker
	var rest []byte // of the line in progress
	var bad error
	line := func(b []byte) {
		c.tick()
		if at := invalidAt(b); at >= 0 && bad == nil {
			bad = Fail("bad text", graph.Record("format", "utf-8", "line", lines.Len()+1, "column", utf8.RuneCount(b[:at])+1, "reason", "malformed"))
		}
		if bad == nil {
			lines.add(texts.Copy(b))
		}
	}
	left := v.BytesLen()
	eachWindow(m, v, func(b []byte) bool {
		left -= len(b)
		from := len(rest) // where no line break has been looked for
		if from > 0 && rest[from-1] == '\r' {
			from--
		}
		reserve(m, int64(len(rest)+2*len(b)))
		rest = append(rest, b...)
		for start := 0; bad == nil; {
			end := bytes.IndexAny(rest[from:], "\r\n")
			if end += from; end < from || end == len(rest)-1 && rest[end] == '\r' && left > 0 {
				rest = append(rest[:0], rest[start:]...)
				return true
			}
			line(rest[start:end])
			start = end + 1
			if rest[end] == '\r' && start < len(rest) && rest[start] == '\n' {
				start++
			}
			from = start
		}
		return false
	})
	if bad == nil && len(rest) > 0 {
		line(rest)
	}
	if bad != nil {
		return graph.Value{}, bad
	}
	return lines.value(), nil
}

// dirAt looks at each name with what was found, and never at what the path leads to.
func dirAt(m *Machine, args []graph.Value) (graph.Value, error) {
	path, err := textArg(args[0])
	if err != nil {
		return graph.Value{}, err
	}
	v := args[1]
	for i, name := range graph.SplitPath(path) {
		m.Charge(1)
		next, ok, isMap := m.entry(v, name)
		if !isMap && i == 0 {
			return graph.Value{}, wrongKind(args[1], "map")
		}
		if !ok {
			return graph.None(), nil
		}
		v = next
	}
	return graph.Some(v), nil
}

// sharded is what a sharded directory that is not in memory has under a name. It loads no more of it than it must. sharded is false of
// anything else.
func (m *Machine) sharded(c cid.Cid, name string) (found graph.Value, ok, sharded bool) {
	if c.Type() != codec.DagPB {
		return found, false, false
	}
	if _, loaded := m.loaded[c]; loaded {
		return found, false, false
	}
	target, ok, sharded, err := graph.LookupSharded(c, name, m.opt.Load)
	switch {
	case err != nil:
		panic(stopped(c, err))
	case ok:
		found = graph.LinkValue(target)
	}
	return found, ok, sharded
}

// entry is what a map has under a key.
func (m *Machine) entry(v graph.Value, name string) (found graph.Value, ok, isMap bool) {
	for {
		switch v.Kind() {
		case graph.KindLazy:
			v = m.Force(v)
		case graph.KindLink:
			if found, ok, sharded := m.sharded(v.Link(), name); sharded {
				return found, ok, true
			}
			v = m.follow(v.Link())
		case graph.KindMap:
			found, ok = v.Map().Get(name)
			return found, ok, true
		default:
			return graph.Value{}, false, false
		}
	}
}

// A treeSize is what is known of a directory, or of another map.
type treeSize struct {
	bytes   *big.Int
	entries uint64 // each as often as it stands there; stops at manyParts
}

func (t *treeSize) add(o treeSize) {
	t.bytes.Add(t.bytes, o.bytes)
	t.entries = min(t.entries+o.entries, manyParts)
}

// A treeFrame is a directory or another map some of whose entries have been gone through.
type treeFrame struct {
	dir    cid.Cid          // undefined: a map
	links  []graph.DirEntry // of a directory
	fields *graph.Map
	next   int
	treeSize
}

// dirSize walks with a stack of its own. A directory that stands in several places is gone through once, and charged as often as it
// stands there.
func dirSize(m *Machine, args []graph.Value) (graph.Value, error) {
	var stack []treeFrame
	known := map[cid.Cid]treeSize{}
	// look is the size of v, unless that is a map, which it puts on the stack.
	look := func(v graph.Value) (bytes int64, isFile bool) {
		if v.Kind() == graph.KindLazy {
			v = m.Force(v)
		}
		frame := treeFrame{treeSize: treeSize{bytes: new(big.Int)}}
		switch v.Kind() {
		case graph.KindBytes:
			return int64(v.BytesLen()), true
		case graph.KindMap:
			frame.fields = v.Map()
		case graph.KindLink:
			c := v.Link()
			info, entries, err := m.far.ReadUnixFS(c)
			if errors.Is(err, graph.ErrNotUnixFS) {
				return 0, false
			}
			if err != nil {
				panic(stopped(c, err))
			}
			if info.Kind != graph.Directory {
				return info.Size, info.Kind == graph.PlainFile
			}
			frame.dir, frame.links = c, entries
		default:
			return 0, false
		}
		if n := len(stack); n == cap(stack) && n > 256 {
			reserve(m, 3*int64(n)*int64(unsafe.Sizeof(frame)))
		}
		stack = append(stack, frame)
		return 0, false
	}
	size, isFile := look(args[0])
	if isFile {
		return graph.Int(size), nil
	}
	if len(stack) == 0 {
		return graph.Value{}, wrongKind(args[0], "map")
	}
	var charged uint64
	charge := func(n uint64) {
		before := charged
		charged = min(charged+n, manyParts)
		for n = charged - before; n > 0; n -= min(n, manyParts/16) {
			m.Charge(int64(min(n, manyParts/16)))
		}
	}
	var file big.Int
	for {
		top := &stack[len(stack)-1]
		var v graph.Value
		switch {
		case top.fields != nil && top.next < top.fields.Len():
			_, v = top.fields.At(top.next)
		case top.fields == nil && top.next < len(top.links):
			c := top.links[top.next].CID
			if t, ok := known[c]; ok {
				top.next++
				charge(1)
				charge(t.entries)
				top.add(t)
				top.entries = min(top.entries+1, manyParts)
				continue
			}
			v = graph.LinkValue(c)
		default:
			done := top.treeSize
			if top.dir.Defined() {
				known[top.dir] = done
				if len(known)&1023 == 0 {
					reserve(m, 1<<17)
				}
			}
			*top = treeFrame{}
			stack = stack[:len(stack)-1]
			if len(stack) == 0 {
				return graph.BigInt(done.bytes), nil
			}
			stack[len(stack)-1].add(done)
			continue
		}
		top.next++
		top.entries = min(top.entries+1, manyParts)
		charge(1)
		size, _ := look(v)
		top = &stack[len(stack)-1]
		top.bytes.Add(top.bytes, file.SetInt64(size))
	}
}
