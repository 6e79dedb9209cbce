// This file goes over items without keeping them: to skip, to check, and to find the links of a block.

package codec

import "github.com/ipfs/go-cid"

// A level is a container that Skip is inside of.
type level struct {
	left  int    // items still to come, keys included
	isMap bool   // the next item is a key whenever left is even
	key   []byte // the last key
	first bool
	seen  map[string]struct{} // the keys so far, when the Reader is lenient
}

// Skip reads the next item, whatever it is, with all that is inside, and checks it as reading it would; it also
// finds duplicate keys when it is lenient. It does not recurse.
func (r *Reader) Skip() error { return r.walk(nil) }

// Links calls f with each link of the next item in order, and skips it. It stops at the first error of f.
func (r *Reader) Links(f func(cid.Cid) error) error { return r.walk(f) }

func (r *Reader) walk(link func(cid.Cid) error) error {
	start := r.off
	err := r.walkFrom(link)
	if err != nil {
		r.off = start
	}
	return err
}

func (r *Reader) walkFrom(link func(cid.Cid) error) error {
	var space [16]level
	stack := append(space[:0], level{left: 1})
	for {
		top := &stack[len(stack)-1]
		if top.left == 0 {
			stack = stack[:len(stack)-1]
			if len(stack) == 0 {
				return nil
			}
			continue
		}
		if top.isMap && top.left&1 == 0 {
			if err := r.nextKey(top); err != nil {
				return err
			}
		}
		top.left--
		var err error
		switch kind := r.Peek(); kind {
		case Array, Map:
			at := r.off
			if len(stack) > MaxDepth {
				return &Error{at, RuleDepth}
			}
			var n int
			if kind == Array {
				n, err = r.Array()
			} else {
				n, err = r.Map()
				n *= 2
			}
			stack = append(stack, level{left: n, isMap: kind == Map, first: true})
		case Null, Bool:
			r.off++
		case Int:
			_, _, err = r.Int()
		case Float:
			_, err = r.Float()
		case Text:
			_, err = r.TextBytes()
		case Bytes:
			_, err = r.Bytes()
		case Link:
			var c cid.Cid
			if link == nil {
				err = r.skipLink()
			} else if c, err = r.Link(); err == nil {
				err = link(c)
			}
		default:
			err = r.invalid("")
		}
		if err != nil {
			return err
		}
	}
}

// skipLink reads a link as Link does, without making a CID of our usual form.
func (r *Reader) skipLink() error {
	start := r.off
	b, err := r.linkBytes()
	if err == nil && !isUsual(b) {
		r.off = start
		_, err = r.Link()
	}
	return err
}

// nextKey reads the next key of the map l. Strictly, keys ascend, so a duplicate follows its twin; leniently, all of
// them are kept.
func (r *Reader) nextKey(l *level) error {
	at := r.off
	key, err := r.keyBytes()
	if err != nil {
		return err
	}
	l.left--
	switch {
	case !r.strict:
		if _, ok := l.seen[string(key)]; ok {
			return &Error{at, RuleDuplicate}
		}
		if l.seen == nil {
			l.seen = map[string]struct{}{}
		}
		l.seen[string(key)] = struct{}{}
	case l.first || len(l.key) < len(key) || len(l.key) == len(key) && string(l.key) < string(key):
	case string(l.key) == string(key):
		return &Error{at, RuleDuplicate}
	default:
		return &Error{at, RuleOrder}
	}
	l.key, l.first = key, false
	return nil
}

// Check returns an error unless data is one item, wholly, by the strict rules or by the lenient ones.
func Check(data []byte, strict bool) error {
	// What is strictly right is right, and costs no memory to find out.
	err := check(data, nil, true)
	if err != nil && !strict {
		err = check(data, nil, false)
	}
	return err
}

func check(data []byte, link func(cid.Cid) error, strict bool) error {
	r := Reader{data: data, strict: strict}
	if err := r.walk(link); err != nil {
		return err
	}
	return r.Done()
}
