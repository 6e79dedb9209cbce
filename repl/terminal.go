// This file is the read-eval-print loop at a terminal and over a pipe.

package repl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/repl/edit"
)

// REPL is `rosser repl`: it reads entries from stdin, from somebody who types or from a pipe, and returns the exit code: over a pipe
// that of the last error.
func REPL(o Options, files []string) int {
	// An interrupt stops what is being evaluated; what ends the process closes the store first.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	interrupts := make(chan os.Signal, 1) // those that come while nothing is evaluated
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	code := 0
	err := with(o, func(s *Session) error {
		sh := newShell(s, s.opt.Stdout, s.opt.Stderr)
		sh.color = terminal(os.Stdout) && terminal(os.Stderr)
		sh.size = func() (int, int) { return 10_000, 10_000 } // a pipe
		if term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) {
			sh.typed = true
			sh.size = func() (int, int) {
				if w, h, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 && h > 0 {
					return w, h
				}
				return 80, 24
			}
		}
		for _, file := range files {
			if !sh.part(ctx, ":load "+file) {
				break
			}
		}
		var err error
		if sh.typed {
			err = sh.interact(ctx)
			sh.farewell()
		} else {
			err = sh.pipe(ctx, sh.in, interrupts)
		}
		if !sh.typed { // who types has seen the errors
			code = sh.code
		}
		return err
	})
	if err != nil {
		return Report(err)
	}
	return code
}

const banner = "Rosser. :help says how, Ctrl-D leaves."

// interact talks to somebody at a terminal.
func (sh *shell) interact(ctx context.Context) error {
	fmt.Fprintln(sh.errs, sh.paint(styleDim, banner))
	path := ""
	if !sh.unkept {
		path = filepath.Join(sh.store.Dir(), "history")
	}
	history, err := edit.OpenHistory(path)
	if err != nil {
		sh.warn("the history cannot be read: %v", err)
	}
	e := &edit.Editor{
		Prompt: "› ", Continue: "· ", Color: sh.color, History: history,
		Paints: paints, Complete: sh.complete, Whole: whole, In: sh.in, Out: os.Stdout,
	}
	err = e.Loop(ctx, func(text string) bool {
		sh.entry(ctx, text)
		return !sh.quit && ctx.Err() == nil
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// whole says whether Enter ends an entry.
func whole(text string) bool {
	items := lang.Split(text, ':')
	if len(items) == 0 || items[len(items)-1] != "" && items[len(items)-1][0] == ':' {
		return true
	}
	_, wrong := lang.Parse("input", []byte(items[len(items)-1]))
	return !wrong.Partial()
}

// A chunk is what has come over a pipe up to a line's end.
type chunk struct {
	text string
	more bool // has come already
	err  error
}

// chunks reads a pipe, until ctx ends or a line is longer than a source can be. The reader may be left waiting in its last read.
func chunks(ctx context.Context, r io.Reader) <-chan chunk {
	out := make(chan chunk)
	go func() {
		in := bufio.NewReaderSize(r, 64<<10)
		var line []byte
		for {
			part, err := in.ReadSlice('\n')
			line = append(line, part...)
			if err == bufio.ErrBufferFull && len(line) <= maxSource {
				continue
			}
			if err == bufio.ErrBufferFull {
				err = Misuse(errors.New("the input has a line of more than 16 MiB"))
			}
			select {
			case out <- chunk{string(line), in.Buffered() > 0, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			line = line[:0]
		}
	}()
	return out
}

// pipe takes entries as they come: an item ends where the next one begins, a row of definitions where something else
// does. After an error it goes on with what comes next. An interrupt while it waits ends it.
func (sh *shell) pipe(ctx context.Context, r io.Reader, interrupts <-chan os.Signal) error {
	var held strings.Builder
	do := func(text string) {
		for part := range parts(text) {
			if sh.quit || ctx.Err() != nil {
				return
			}
			sh.part(ctx, part)
		}
		select { // it was meant for what ran
		case <-interrupts:
		default:
		}
	}
	lines := chunks(ctx, r)
	for !sh.quit {
		var c chunk
		select {
		case c = <-lines:
		case <-interrupts:
			return &failure{exitStopped, errors.New("interrupted")}
		case <-ctx.Done():
			return &failure{exitStopped, errors.New("stopped")}
		}
		if c.err != nil && c.err != io.EOF {
			return Misuse(c.err)
		}
		if held.Len() == 0 {
			c.text = strings.TrimPrefix(c.text, "\uFEFF")
		}
		held.WriteString(strings.ReplaceAll(c.text, "\r\n", "\n"))
		if held.Len() > maxSource {
			return Misuse(errors.New("the input has a row of definitions of more than 16 MiB"))
		}
		if c.err == io.EOF {
			do(held.String())
			return nil
		}
		// Look when nothing more is there yet, and not again and again at what is long.
		if c.more || held.Len() > 64<<10 && c.text[0] != ':' {
			continue
		}
		text := held.String()
		n := ended(text)
		held.Reset()
		held.WriteString(text[n:])
		do(text[:n])
	}
	return nil
}

// ended is how much of a text cannot be changed by what comes after it.
func ended(text string) int {
	items := lang.Items(text, ':')
	n := len(items)
	if n == 0 {
		return 0
	}
	is := func(i int, f func(item string) bool) bool { return f(text[items[i].Start:items[i].End]) }
	command := func(item string) bool { return item != "" && item[0] == ':' }
	defines := func(item string) bool {
		f, wrong := lang.Parse("", []byte(item))
		return f.Body == nil && (len(wrong) == 0 || len(f.Defs) > 0)
	}
	if is(n-1, command) {
		return len(text)
	}
	if n--; is(n, defines) {
		for n > 0 && !is(n-1, command) && is(n-1, defines) {
			n--
		}
	}
	return items[n].Start
}
