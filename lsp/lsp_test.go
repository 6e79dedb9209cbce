// This file tests what only this package can see: positions, the framing, a method that fails.

package lsp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rosser-lang/rosser/repl"
)

// A panic is answered, and the server goes on.
func TestPanic(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := newServer(ctx, repl.Options{Store: t.TempDir()})
	s.methods["test/panic"] = func(*server, context.Context, request) (any, error) { panic("on purpose") }
	s.methods["test/echo"] = func(_ *server, _ context.Context, q request) (any, error) { return q.params, nil }
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.serve(inR, outW) }()
	answers := bufio.NewReader(outR)
	ask := func(body string) string {
		t.Helper()
		fmt.Fprintf(inW, "Content-Length: %d\r\n\r\n%s", len(body), body)
		var size int
		if _, err := fmt.Fscanf(answers, "Content-Length: %d\r\n\r\n", &size); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, size)
		if _, err := io.ReadFull(answers, answer); err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	ask(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)
	if got := ask(`{"jsonrpc":"2.0","id":"two","method":"test/panic","params":{}}`); !strings.Contains(got, "-32603") || !strings.Contains(got, "on purpose") || !strings.Contains(got, `"two"`) {
		t.Errorf("got %s", got)
	}
	if got := ask(`{"jsonrpc":"2.0","id":3,"method":"test/echo","params":{"a":1}}`); !strings.Contains(got, `{"a":1}`) {
		t.Errorf("got %s", got)
	}
	<-s.opened // or else the store is made while the folder is removed
	ask(`{"jsonrpc":"2.0","id":4,"method":"shutdown"}`)
	io.WriteString(inW, "Content-Length: 33\r\n\r\n"+`{"jsonrpc":"2.0","method":"exit"}`)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// FuzzPositions: every offset of the source comes back from its position, and every change that an editor can send
// gives what it means.
func FuzzPositions(f *testing.F) {
	for _, s := range []string{"", "a\nb", "let x = \"😀\"\r\n\r\nlet y = x", bom + "é\n𝄞", "a\rb\r\r\nc"} {
		f.Add(s, 1, 2, "x\n")
	}
	f.Fuzz(func(t *testing.T, text string, from, to int, put string) {
		if !utf8.ValidString(text) || !utf8.ValidString(put) { // JSON has no others
			return
		}
		for _, bytes := range []bool{false, true} {
			d := newDocument("file:///a.ros", text, 1, bytes)
			src := d.source()
			for i := range src {
				if strings.HasPrefix(src[i:], "\n") && i > 0 && src[i-1] == '\r' {
					continue // between the two bytes of a line's end
				}
				if got := d.offset(d.position(i)); got != i {
					t.Fatalf("%q: the offset %d of %q comes back as %d", text, i, src, got)
				}
			}
			if len(text) == 0 || from < 0 || to < from || to > len(text) || !utf8.RuneStart((text + "x")[from]) || !utf8.RuneStart((text + "x")[to]) {
				continue
			}
			at := func(offset int) (p position) {
				for i, start := range lineStarts(text) {
					if start <= offset {
						if p = (position{i, utf16Of(text[start:offset])}); bytes {
							p.Character = offset - start
						}
					}
				}
				return p
			}
			if inside := func(i int) bool { return i > 0 && text[i-1] == '\r' }; inside(from) || inside(to) {
				continue
			}
			next, ok := d.changed(2, []contentChange{{Range: &textRange{at(from), at(to)}, Text: put}})
			if want := text[:from] + put + text[to:]; !ok || next.text != want {
				t.Fatalf("%q with %q from %d to %d: got %q, want %q", text, put, from, to, next.text, want)
			}
		}
	})
}

// FuzzStream: no input makes the framing fail otherwise than by an error, and messages come out as they went in.
func FuzzStream(f *testing.F) {
	f.Add("Content-Length: 2\r\n\r\n{}", "{}")
	f.Add("Content-Length: 99999999999\r\n\r\n", `{"id":1}`)
	f.Add("Content-Length: -1\r\n\r\n\r\nX", `[1]`)
	f.Add("", "9E999") // no float holds it
	f.Fuzz(func(t *testing.T, input, message string) {
		s := newStream(strings.NewReader(input), io.Discard, func() error { return nil })
		for {
			var v json.RawMessage
			if err := s.ReadObject(&v); err != nil {
				break
			}
		}
		if !json.Valid([]byte(message)) {
			return
		}
		var wire strings.Builder
		if err := newStream(nil, &wire, nil).WriteObject(json.RawMessage(message)); err != nil {
			t.Fatal(err)
		}
		var got json.RawMessage
		if err := newStream(strings.NewReader(wire.String()), io.Discard, nil).ReadObject(&got); err != nil {
			t.Fatalf("%q: %v", wire.String(), err)
		}
	})
}
