// This file is what a guest and the holder of a store say to each other over the Unix socket.
//
// Both greet with a line that is the protocol's version. Then the guest asks and the holder answers, one at a time.
// A message is a frame: its length in four bytes, big-endian, and so many bytes, the first of which says what it is.
//
//	g key                        v value | n           the value of a key
//	p key                        v value | n           the same, for who builds nothing on it: it may not be on the disk
//	h key                        y | n                 is there one
//	s limit prefix after         l (key value)*        entries in order
//	a (kind key value)*          y                     changes, made in their order
//	w (key)*                     k (place)*            blocks to drop; those that are used and stay
//	c from to                    y                     room given back
//	f                            y                     all that was applied is on the disk
//	                             e text | d text       an error | the value is damaged
//
// Texts within a message have their length before them as a varint.

package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	greeting   = "rosser store 5\n"
	maxFrame   = MaxBlock + 1<<20
	frameTime  = 30 * time.Second // a frame that has begun must end by then, and an answer begin
	greetTime  = 5 * time.Second
	maxGuests  = 256
	guestBatch = 1 << 20 // bytes of changes in one message
)

// otherProtocol says that the holder is a version of Rosser that cannot be talked to.
type otherProtocol struct{ got string }

func (e *otherProtocol) Error() string {
	return fmt.Sprintf("the process that holds it is another version of Rosser (it greets with %q, want %q)", e.got, greeting)
}

// serve takes guests until the listener is closed.
func (h *holder) serve() {
	defer h.served.Done()
	for {
		c, err := h.listen.Accept()
		if err != nil {
			h.mu.Lock()
			ending := h.ending
			h.mu.Unlock()
			if ending || errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of file descriptors, say
			continue
		}
		h.mu.Lock()
		if h.ending || len(h.guests) >= maxGuests {
			h.mu.Unlock()
			c.Close()
			continue
		}
		h.guests[c] = struct{}{}
		h.served.Add(1)
		h.mu.Unlock()
		go func() {
			defer h.served.Done()
			h.attend(c)
			c.Close()
			h.mu.Lock()
			delete(h.guests, c)
			h.mu.Unlock()
		}()
	}
}

// attend answers one guest until it goes away or says something that cannot be understood.
func (h *holder) attend(c net.Conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	if err := greet(c, r, greetTime); err != nil {
		return
	}
	if err := h.guest(1); err != nil {
		return
	}
	defer h.guest(-1)
	var frame, answer []byte
	for {
		// A guest may be silent as long as it likes, but not in the middle of a frame.
		c.SetReadDeadline(time.Time{})
		if _, err := r.Peek(1); err != nil {
			return
		}
		c.SetReadDeadline(time.Now().Add(frameTime))
		var err error
		if frame, err = readFrame(r, frame); err != nil {
			return
		}
		answer, err = h.answer(answer[:0], frame)
		if err != nil { // told, or who has not heard says it again
			answer = append(append(answer[:0], 'e'), err.Error()...)
		}
		c.SetWriteDeadline(time.Now().Add(frameTime))
		if failed := writeFrame(c, answer); failed != nil || err != nil {
			return
		}
	}
}

// answer appends the answer to a message. An error means that it cannot be understood.
func (h *holder) answer(dst, frame []byte) ([]byte, error) {
	if len(frame) == 0 {
		return nil, errors.New("empty frame")
	}
	body := frame[1:]
	var err error
	switch frame[0] {
	case 'g', 'p':
		v, ok, e := h.get(body)
		if err = e; ok && frame[0] == 'g' {
			err = h.settle(body)
		} else if e == nil && !ok {
			return append(dst, 'n'), nil
		}
		dst = append(append(dst, 'v'), v...)
	case 'h':
		ok, e := h.has(body)
		if err = e; ok {
			err = h.settle(body)
		} else if e == nil {
			return append(dst, 'n'), nil
		}
		dst = append(dst, 'y')
	case 's':
		limit, n := binary.Uvarint(body)
		if n <= 0 {
			return nil, errors.New("scan without a limit")
		}
		prefix, body, e := cut(body[n:])
		after, _, e2 := cut(body)
		if e != nil || e2 != nil || len(prefix) == 0 || prefix[0] == 0xff {
			return nil, errors.New("scan without its keys")
		}
		found, e := h.scan(prefix, after, int(min(limit, 1<<16)))
		err = e
		dst = append(dst, 'l')
		for _, f := range found {
			dst = appendCut(appendCut(dst, f.key), f.value)
		}
	case 'a':
		ops, e := readOps(body)
		if e != nil {
			return nil, e
		}
		err = h.apply(ops)
		dst = append(dst, 'y')
	case 'w':
		var keys []string
		for len(body) > 0 {
			var key []byte
			if key, body, err = cut(body); err != nil {
				return nil, err
			}
			if len(key) < 2 || key[0] != blockPrefix {
				return nil, fmt.Errorf("dropping %q, which is no block", key)
			}
			keys = append(keys, string(key))
		}
		spared, e := h.sweep(keys)
		err = e
		dst = append(dst, 'k')
		for _, i := range spared {
			dst = binary.AppendUvarint(dst, uint64(i))
		}
	case 'c':
		from, body, e := cut(body)
		to, _, e2 := cut(body)
		if e != nil || e2 != nil || bytes.Compare(from, to) >= 0 {
			return nil, errors.New("room between no keys")
		}
		err = h.compact(from, to)
		dst = append(dst, 'y')
	case 'f':
		err = h.sync()
		dst = append(dst, 'y')
	default:
		return nil, fmt.Errorf("message %q", frame[0])
	}
	var lost *damage
	switch {
	case errors.As(err, &lost):
		return append(append(dst[:0], 'd'), lost.Error()...), nil
	case err != nil:
		return append(append(dst[:0], 'e'), err.Error()...), nil
	}
	return dst, nil
}

func appendCut[T string | []byte](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// cut takes a text with its length from the front of b.
func cut(b []byte) (text, rest []byte, err error) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, errors.New("message cut short")
	}
	return b[w : w+int(n)], b[w+int(n):], nil
}

func appendOp(dst []byte, o op) []byte {
	return appendCut(appendCut(append(dst, byte(o.kind)), o.key), o.value)
}

// changed are the first bytes of the keys that each kind of change may have.
var changed = [...]string{
	opBlock: string(blockPrefix), opForget: string(blockPrefix), opSwap: string(rootPrefix), opAttest: string(attestPrefix),
	opAnswer: string(answerPrefix) + string(reductPrefix), opNote: string(notePrefix) + string(pinPrefix),
	opDrop: string(answerPrefix) + string(reductPrefix) + string(notePrefix) + string(pinPrefix) + string(attestPrefix),
}

// readOps reads changes, and refuses what no guest would ask for. The ops do not share memory with b.
func readOps(b []byte) ([]op, error) {
	var ops []op
	for len(b) > 0 {
		kind := opKind(b[0])
		key, rest, err := cut(b[1:])
		if err != nil {
			return nil, err
		}
		value, rest, err := cut(rest)
		if err != nil {
			return nil, err
		}
		if kind < opBlock || kind > opAttest || len(key) < 2 || strings.IndexByte(changed[kind], key[0]) < 0 || len(value) > MaxBlock {
			return nil, fmt.Errorf("change of kind %d with key %q", kind, key)
		}
		ops = append(ops, op{kind, string(key), bytes.Clone(value)})
		b = rest
	}
	return ops, nil
}

func greet(c net.Conn, r *bufio.Reader, limit time.Duration) error {
	c.SetDeadline(time.Now().Add(limit))
	defer c.SetDeadline(time.Time{})
	if _, err := io.WriteString(c, greeting); err != nil {
		return err
	}
	got := make([]byte, len(greeting))
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if string(got) != greeting {
		return &otherProtocol{string(got)}
	}
	return nil
}

// readFrame reads a frame into buf's memory, which grows with what really comes.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("frame of %d bytes, the limit is %d", n, maxFrame)
	}
	buf = buf[:0]
	for len(buf) < int(n) {
		have := len(buf)
		step := min(int(n)-have, max(have, 64<<10))
		buf = append(buf, make([]byte, step)...)
		if _, err := io.ReadFull(r, buf[have:]); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

func writeFrame(w io.Writer, b []byte) error {
	if len(b) > maxFrame {
		return fmt.Errorf("frame of %d bytes, the limit is %d", len(b), maxFrame)
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 4), uint32(len(b)))
	if len(b) < 4<<10 {
		_, err := w.Write(append(head, b...))
		return err
	}
	bufs := net.Buffers{head, b}
	_, err := bufs.WriteTo(w)
	return err
}

// A guest is a link to the process that holds the store. What is read does not wait for what is written.
type guest struct{ reads, writes talk }

// A talk is a connection, one question at a time.
type talk struct {
	mu  sync.Mutex
	c   net.Conn
	r   *bufio.Reader
	buf []byte
}

// visit connects to the holder of the store in dir, until end.
func visit(dir string, end time.Time) (*guest, error) {
	path, err := socketOf(dir)
	if err != nil {
		return nil, err
	}
	g := &guest{}
	for _, t := range []*talk{&g.reads, &g.writes} {
		limit := max(min(greetTime, time.Until(end)), 100*time.Millisecond)
		if t.c, err = net.DialTimeout("unix", path, limit); err == nil {
			t.r = bufio.NewReaderSize(t.c, 64<<10)
			err = greet(t.c, t.r, limit)
		}
		if err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}

// ask sends a message and returns what answers it; after a failure it is over with the connection.
func (t *talk) ask(message []byte, f func(kind byte, body []byte) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.c.SetDeadline(time.Now().Add(frameTime))
	err := writeFrame(t.c, message)
	if err == nil {
		t.buf, err = readFrame(t.r, t.buf)
	}
	if err == nil && len(t.buf) == 0 {
		err = errors.New("empty frame")
	}
	if err != nil {
		t.c.Close()
		return fmt.Errorf("%w (%v)", errLost, err)
	}
	switch kind, body := t.buf[0], t.buf[1:]; kind {
	case 'e':
		return errors.New(string(body))
	case 'd':
		return &damage{errors.New(string(body))}
	default:
		return f(kind, body)
	}
}

func unexpected(kind byte) error { return fmt.Errorf("%w (it answered %q)", errLost, kind) }

func (g *guest) get(key []byte) (value []byte, ok bool, err error) { return g.getAs('g', key) }

func (g *guest) peek(key []byte) (value []byte, ok bool, err error) { return g.getAs('p', key) }

func (g *guest) getAs(how byte, key []byte) (value []byte, ok bool, err error) {
	err = g.reads.ask(append([]byte{how}, key...), func(kind byte, body []byte) error {
		switch kind {
		case 'v':
			value, ok = bytes.Clone(body), true
		case 'n':
		default:
			return unexpected(kind)
		}
		return nil
	})
	return value, ok, err
}

func (g *guest) has(key []byte) (ok bool, err error) {
	err = g.reads.ask(append([]byte{'h'}, key...), func(kind byte, _ []byte) error {
		if ok = kind == 'y'; !ok && kind != 'n' {
			return unexpected(kind)
		}
		return nil
	})
	return ok, err
}

func (g *guest) scan(prefix, after []byte, limit int) (found []entry, err error) {
	message := binary.AppendUvarint([]byte{'s'}, uint64(limit))
	message = appendCut(appendCut(message, prefix), after)
	err = g.reads.ask(message, func(kind byte, body []byte) error {
		if kind != 'l' {
			return unexpected(kind)
		}
		body = bytes.Clone(body)
		for len(body) > 0 {
			var e entry
			var err, err2 error
			e.key, body, err = cut(body)
			e.value, body, err2 = cut(body)
			if err != nil || err2 != nil {
				return unexpected(kind)
			}
			found = append(found, e)
		}
		return nil
	})
	return found, err
}

func (g *guest) apply(ops []op) error {
	message := []byte{'a'}
	for i, o := range ops {
		message = appendOp(message, o)
		if i < len(ops)-1 && len(message)+ops[i+1].size() < guestBatch {
			continue
		}
		if err := g.writes.ask(message, done); err != nil {
			return err
		}
		message = message[:1]
	}
	return nil
}

func (g *guest) sweep(keys []string) (spared []int, err error) {
	message := []byte{'w'}
	for _, key := range keys {
		message = appendCut(message, key)
	}
	err = g.writes.ask(message, func(kind byte, body []byte) error {
		if kind != 'k' {
			return unexpected(kind)
		}
		for len(body) > 0 {
			i, w := binary.Uvarint(body)
			if w <= 0 || i >= uint64(len(keys)) {
				return unexpected(kind)
			}
			spared, body = append(spared, int(i)), body[w:]
		}
		return nil
	})
	return spared, err
}

func (g *guest) compact(from, to []byte) error {
	return g.writes.ask(appendCut(appendCut([]byte{'c'}, from), to), done)
}

func (g *guest) sync() error { return g.writes.ask([]byte{'f'}, done) }

func done(kind byte, _ []byte) error {
	if kind != 'y' {
		return unexpected(kind)
	}
	return nil
}

func (g *guest) close() error {
	for _, t := range []*talk{&g.reads, &g.writes} {
		if t.c != nil {
			t.c.Close()
		}
	}
	return nil
}
