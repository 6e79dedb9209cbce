// This file says what takes the space in a store.

package store

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
)

// A BlockKind says what a block is for, as far as its bytes tell.
type BlockKind string

// The kinds of blocks.
const (
	CodeBlock       BlockKind = "code"
	ResultBlock     BlockKind = "result"
	TraceBlock      BlockKind = "trace"
	ReductBlock     BlockKind = "reduct"
	CheckpointBlock BlockKind = "checkpoint"
	AboutBlock      BlockKind = "about"
	DataBlock       BlockKind = "data"  // other DAG-CBOR: values, parts of values
	FilesBlock      BlockKind = "files" // UnixFS: libraries, files
	OtherBlock      BlockKind = "other"
)

// BlockKinds are all kinds.
var BlockKinds = []BlockKind{CodeBlock, ResultBlock, TraceBlock, ReductBlock, CheckpointBlock, AboutBlock, DataBlock, FilesBlock, OtherBlock}

// KindOfBlock says of what kind a block is. A store knows a block by its hash alone, so this looks at the bytes: a raw block that
// happens to be DAG-CBOR is data.
func KindOfBlock(data []byte) BlockKind {
	if codec.Check(data, true) != nil {
		if node, err := merkledag.DecodeProtobuf(data); err == nil {
			if _, err := unixfs.FSNodeFromBytes(node.Data()); err == nil {
				return FilesBlock
			}
		}
		return OtherBlock
	}
	if graph.IsCode(data) {
		return CodeBlock
	}
	// The first key of a record tells which one it may be.
	r := codec.NewReader(data, true)
	if r.Peek() != codec.Map {
		return DataBlock
	}
	if n, err := r.Map(); err != nil || n == 0 {
		return DataBlock
	}
	switch key, _ := r.Key("", true); key {
	case "of":
		if _, err := ResultOf(data); err == nil {
			return ResultBlock
		}
		if _, err := graph.DecodeReduct(data); err == nil {
			return ReductBlock
		}
		if _, err := graph.DecodeCheckpoint(data); err == nil {
			return CheckpointBlock
		}
	case "uses":
		if _, err := graph.DecodeTrace(data); err == nil {
			return TraceBlock
		}
	case "doc":
		if _, err := graph.DecodeAbout(data); err == nil {
			return AboutBlock
		}
	}
	return DataBlock
}

// An Amount is how many things there are, and their bytes.
type Amount struct {
	Count uint64 `json:"count"`
	Bytes uint64 `json:"bytes"`
}

func (a *Amount) add(e entry) {
	a.Count++
	a.Bytes += uint64(len(e.key) + len(e.value))
}

// Statistics are what a store holds. Bytes are those of keys and values, before the database packs them.
type Statistics struct {
	Blocks     map[BlockKind]Amount
	Answers    map[string]Amount // by Answer.By; those of more than maxSources sources under ""
	Reducts    Amount            // what an expression became before it was stopped
	Notes      Amount            // which about block tells of a term
	Attested   Amount            // expressions of which somebody has signed results
	Others     Amount            // kept for other ends
	Unreadable int               // places where the database is damaged
	Disk       uint64            // bytes of the database's files; 0 in memory
	Quarantine uint64            // bytes that Repair has set aside
	Usage      Usage
}

const maxSources = 1000

// Stat reads through the whole store. It may be stopped by ctx.
func (s *Store) Stat(ctx context.Context) (Statistics, error) {
	st := Statistics{Blocks: map[BlockKind]Amount{}, Answers: map[string]Amount{}, Usage: s.Usage()}
	s.Flush(ctx) // a store that cannot be written can be read
	lost := func([]byte, []byte) { st.Unreadable++ }
	// Every key begins with a byte that says what it is.
	for prefix := range 255 {
		err := s.each(ctx, []byte{byte(prefix)}, func(e entry) error {
			switch prefix {
			case blockPrefix:
				kind := KindOfBlock(e.value)
				a := st.Blocks[kind]
				a.add(e)
				st.Blocks[kind] = a
			case answerPrefix:
				by := "unknown"
				if got, err := recordOf(e.value); err == nil {
					by = got
				}
				a, ok := st.Answers[by]
				if !ok && len(st.Answers) >= maxSources {
					by = ""
					a = st.Answers[by]
				}
				a.add(e)
				st.Answers[by] = a
			case reductPrefix:
				st.Reducts.add(e)
			case notePrefix:
				st.Notes.add(e)
			case attestPrefix:
				st.Attested.add(e)
			default:
				st.Others.add(e)
			}
			return nil
		}, lost)
		if err != nil {
			return st, err
		}
	}
	if !s.inMemory {
		st.Disk = filesSize(filepath.Join(s.dir, "db"))
		st.Quarantine = filesSize(filepath.Join(s.dir, quarantine))
	}
	return st, ctx.Err()
}

// filesSize is the bytes of the files below a folder. What vanishes meanwhile does not count.
func filesSize(dir string) (size uint64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += uint64(info.Size())
		}
		return nil
	})
	return size
}

// recordOf returns who says what an Answer's record says.
func recordOf(rec []byte) (by string, err error) {
	r := codec.NewReader(rec, true)
	if _, err := r.Array(); err != nil {
		return "", err
	}
	by, err = r.Text()
	return strings.Clone(by), err
}
