// This file finds the blocks that belong to a result: those its value is made of, and the code that its functions
// and lazy values need. A plain link in a value is somebody else's, and is not followed.

package graph

import (
	"errors"
	"fmt"

	"github.com/ipfs/go-cid"
	"github.com/rosser-lang/rosser/codec"
)

// A Role says what a block is to the block that links to it, which fixes how its own links are found. The zero Role is none.
type Role struct {
	is     byte // one of the constants below, or the kind of a tree
	height int  // of a tree
}

// The roles of the blocks that others come from.
var (
	ResultRole = Role{is: roleResult}
	ValueRole  = Role{is: roleValue}
	CodeRole   = Role{is: roleCode}
)

// Number is different for each Role, and 0 for none.
func (r Role) Number() uint16 { return uint16(r.is)<<8 | uint16(r.height) }

const (
	roleResult = 'r'
	roleValue  = 'v'
	roleCode   = 'c'
	treeList   = 'l'
	treeMap    = 'm'
	treeText   = 't'
	treeBytes  = 'b'
)

// An Own is a block that belongs to another one.
type Own struct {
	CID  cid.Cid
	Role Role
}

// OwnLinks returns the blocks that belong to a block of that role, those one link away. For a Result that is not its expression.
func OwnLinks(data []byte, as Role) (found []Own, err error) {
	s := ownScan{found: func(o Own) { found = append(found, o) }}
	err = s.block(data, as)
	return found, err
}

// ResultBlocks loads a Result and every block that belongs to its value, each once, and returns an error that names
// the first that cannot be had or is not what it should be. It does not look at blocks of which skip says that they,
// and all that belongs to them, are there; skip may be nil.
func ResultBlocks(result cid.Cid, load Loader, skip func(cid.Cid) bool) error {
	return eachOwn(Own{result, ResultRole}, load, skip)
}

// CodeBlocks is ResultBlocks for a block of code: it loads all the code that it needs to run.
func CodeBlocks(code cid.Cid, load Loader, skip func(cid.Cid) bool) error {
	return eachOwn(Own{code, CodeRole}, load, skip)
}

func eachOwn(root Own, load Loader, skip func(cid.Cid) bool) error {
	seen := map[Own]bool{root: true}
	stack := []Own{root}
	s := ownScan{found: func(o Own) {
		if !seen[o] {
			seen[o] = true
			stack = append(stack, o)
		}
	}}
	for len(stack) > 0 {
		o := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if skip != nil && skip(o.CID) {
			continue
		}
		data, err := load(o.CID)
		if err != nil {
			return err
		}
		if err := s.block(data, o.Role); err != nil {
			return fmt.Errorf("%s: %w", o.CID, err)
		}
	}
	return nil
}

// An ownScan reads blocks and reports the blocks that belong to them.
type ownScan struct {
	r     *codec.Reader
	found func(Own)
}

var errShape = errors.New("not the shape that the link to it promises")

func (s *ownScan) block(data []byte, as Role) error {
	if err := codec.Check(data, true); err != nil {
		return err
	}
	s.r = codec.NewReader(data, true)
	switch as.is {
	case roleResult:
		return s.result()
	case roleValue:
		return s.value()
	case roleCode:
		if !s.r.Only(Lambda) {
			return errShape
		}
		return s.term()
	}
	return s.tree(as)
}

// link reads a link to a block that has the role as.
func (s *ownScan) link(as Role) error {
	c, err := s.r.Link()
	if err == nil {
		s.found(Own{c, as})
	}
	return err
}

// each reads the head of a list and calls f for each item.
func (s *ownScan) each(f func() error) error {
	n, err := s.r.Array()
	for ; err == nil && n > 0; n-- {
		err = f()
	}
	return err
}

// tuple reads the head of a list of n.
func (s *ownScan) tuple(n int) error {
	if got, err := s.r.Array(); err != nil || got != n {
		return errShape
	}
	return nil
}

func (s *ownScan) result() error {
	return s.entries(func(key string) error {
		switch key {
		case "value":
			return s.value()
		case "error":
			return s.entries(func(key string) error {
				if key == "value" {
					return s.value()
				}
				return s.r.Skip()
			})
		case "of", "steps":
			return s.r.Skip()
		}
		return errShape
	})
}

// entries reads a map and calls f at each value.
func (s *ownScan) entries(f func(key string) error) error {
	n, err := s.r.Map()
	for ; err == nil && n > 0; n-- {
		var key string
		if key, err = s.r.Key("", true); err == nil {
			err = f(key)
		}
	}
	return err
}

// value reads a component of a value. Check has bounded how deep it nests.
func (s *ownScan) value() error {
	switch s.r.Peek() {
	case codec.Array:
		return s.each(s.value)
	case codec.Map:
		if s.r.Only(Lambda) {
			return s.lambda()
		}
		return s.entries(func(string) error { return s.value() })
	}
	return s.r.Skip()
}

// lambda reads what stands under the key λ in a value.
func (s *ownScan) lambda() error {
	if s.r.Peek() == codec.Link {
		return s.link(ValueRole)
	}
	at := *s.r
	if n, err := s.r.Map(); err != nil || n != 1 {
		return errShape
	}
	key, err := s.r.Key("", true)
	if err != nil {
		return err
	}
	switch key {
	case "int":
		return s.value()
	case "lit":
		if !s.r.Only(Lambda) {
			return errShape
		}
		return s.value()
	case "fn", "lazy":
		return s.link(CodeRole)
	case "list", "map", "text", "bytes":
		if err := s.tuple(3); err != nil {
			return err
		}
		height, err := s.r.Small(64)
		if err != nil {
			return err
		}
		if err := s.r.Skip(); err != nil {
			return err
		}
		return s.link(Role{key[0], height})
	}
	*s.r = at
	return s.r.Fail(fmt.Sprintf("an unknown form %.40q", key))
}

func (s *ownScan) tree(as Role) error {
	if as.height > 0 {
		child := Role{as.is, as.height - 1}
		return s.each(func() error {
			width := 2
			if as.is == treeMap {
				width = 3
			}
			err := s.tuple(width)
			for ; err == nil && width > 1; width-- {
				err = s.r.Skip()
			}
			if err != nil {
				return err
			}
			return s.link(child)
		})
	}
	switch as.is {
	case treeList:
		return s.each(s.value)
	case treeMap:
		return s.each(func() error {
			if err := s.tuple(2); err != nil {
				return err
			}
			if err := s.r.Skip(); err != nil {
				return err
			}
			return s.value()
		})
	}
	return s.r.Skip()
}

// term reads a term of a code block.
func (s *ownScan) term() error {
	if s.r.Peek() == codec.Link {
		return s.link(CodeRole)
	}
	if n, err := s.r.Map(); err != nil || n != 1 {
		return errShape
	}
	key, err := s.r.Key("", true)
	if err != nil {
		return err
	}
	switch key {
	case "var", "self", "prim":
		return s.r.Skip()
	case "lit":
		return s.value()
	case "try", "lazy", "spread":
		return s.term()
	case "app", "let", "if", "list":
		return s.each(s.term)
	case "lam":
		return s.lam()
	case "rec":
		return s.each(s.lam)
	case "member":
		if err := s.tuple(2); err != nil {
			return err
		}
		if err := s.link(CodeRole); err != nil {
			return err
		}
		return s.r.Skip()
	case "get":
		if err := s.tuple(2); err != nil {
			return err
		}
		if err := s.term(); err != nil {
			return err
		}
		return s.r.Skip()
	case "map":
		return s.each(func() error {
			if s.r.Peek() != codec.Array {
				return s.term()
			}
			if err := s.tuple(2); err != nil {
				return err
			}
			if err := s.r.Skip(); err != nil {
				return err
			}
			return s.term()
		})
	}
	return errShape
}

func (s *ownScan) lam() error {
	return s.entries(func(key string) error {
		if key == "body" {
			return s.term()
		}
		return s.r.Skip()
	})
}
