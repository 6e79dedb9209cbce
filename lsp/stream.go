// This file holds the transport: messages with a Content-Length header, as JSON-RPC objects.

package lsp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

const (
	maxMessage = 64 << 20 // bytes of a message; a source of 16 MiB, escaped, fits
	maxHeader  = 8 << 10  // bytes of a message's headers
)

// A stream is a jsonrpc2.ObjectStream. A message that cannot be understood is answered with an error, and the next one is
// read; the library's own stream would end the connection. It ends where the peer does not speak the protocol at all.
type stream struct {
	in     *bufio.Reader
	out    io.Writer
	close  func() error
	mu     sync.Mutex // of out
	closed sync.Once
}

func newStream(in io.Reader, out io.Writer, close func() error) *stream {
	return &stream{in: bufio.NewReaderSize(in, 64<<10), out: out, close: close}
}

// ReadObject reads the next message.
func (s *stream) ReadObject(v any) error {
	for {
		size, err := s.header()
		if err != nil {
			return err
		}
		if size > maxMessage {
			if _, err := io.CopyN(io.Discard, s.in, size); err != nil {
				return err
			}
			s.refuse(nil, -32600, fmt.Sprintf("got a message of %d bytes, want at most %d", size, maxMessage))
			continue
		}
		body, err := io.ReadAll(io.LimitReader(s.in, size)) // grows with what comes, not with what was announced
		if err != nil {
			return err
		}
		if int64(len(body)) < size {
			return io.ErrUnexpectedEOF
		}
		if err := json.Unmarshal(body, v); err != nil {
			code, why := -32600, "no request and no response: "+err.Error()
			if !json.Valid(body) {
				code, why = -32700, "no JSON: "+err.Error()
			}
			var id struct {
				ID json.RawMessage `json:"id"`
			}
			json.Unmarshal(body, &id)
			s.refuse(id.ID, code, why)
			continue
		}
		return nil
	}
}

// header reads the headers of a message and returns the length of its body.
func (s *stream) header() (int64, error) {
	size, total := int64(-1), 0
	for {
		line, err := s.in.ReadSlice('\n')
		if total += len(line); err == bufio.ErrBufferFull || total > maxHeader {
			return 0, errors.New("the headers of a message are too long")
		}
		if err != nil {
			if err == io.EOF && total > 0 {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			if size < 0 {
				if total <= 2 { // an empty line between messages
					total = 0
					continue
				}
				return 0, errors.New("got a message without Content-Length")
			}
			return size, nil
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, fmt.Errorf("got the header %.40q, want `Name: value`", text)
		}
		if strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil || n < 0 {
				return 0, fmt.Errorf("got the Content-Length %.40q, want a number of bytes", strings.TrimSpace(value))
			}
			size = n
		}
	}
}

// refuse answers what is no message.
func (s *stream) refuse(id json.RawMessage, code int, why string) {
	if len(id) == 0 || id[0] != '"' && (id[0] < '0' || id[0] > '9') && id[0] != '-' {
		id = json.RawMessage("null")
	}
	s.WriteObject(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   any             `json:"error"`
	}{"2.0", id, map[string]any{"code": code, "message": why}})
}

// WriteObject writes a message.
func (s *stream) WriteObject(obj any) error {
	body, err := json.Marshal(obj)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.out.Write(append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...))
	return err
}

// Close closes the connection.
func (s *stream) Close() (err error) {
	s.closed.Do(func() { err = s.close() })
	return err
}
