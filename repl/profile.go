// This file shows what a run does: a line of progress while it goes on, and where its steps and its time went.

package repl

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/google/pprof/profile"
	"github.com/ipfs/go-cid"
	"golang.org/x/term"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/lang"
)

const (
	progressAfter = time.Second
	progressEvery = 200 * time.Millisecond
	progressAsk   = 20 * time.Millisecond // before a line is shown: the machine answers at its next safepoint
)

// A statusLine is stderr at a terminal, with a line of progress below what is written to it.
type statusLine struct {
	mu    sync.Mutex
	file  *os.File
	shown bool
}

// Write writes what takes the place of the line.
func (l *statusLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	return l.file.Write(p)
}

func (l *statusLine) erase() {
	if l.shown {
		fmt.Fprint(l.file, "\r\x1b[K")
		l.shown = false
	}
}

func (l *statusLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

func (l *statusLine) show(line string) {
	width := 80
	if w, _, err := term.GetSize(int(l.file.Fd())); err == nil && w > 0 {
		width = w
	}
	if text := []rune(line); len(text) > width-3 { // the terminal may write ^C behind it
		line = string(text[:max(width-4, 0)]) + "…"
	}
	if os.Getenv("NO_COLOR") == "" {
		line = "\x1b[2m" + line + "\x1b[0m"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	fmt.Fprint(l.file, line)
	l.shown = true
}

// withStatus is w, with a line of progress if it is a terminal.
func withStatus(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())) {
		return &statusLine{file: f}
	}
	return w
}

// progress shows on a terminal how far the machine has come, from a second on. The function it gives takes the line away.
func (s *Session) progress() (end func()) {
	machine := s.machine
	return ticking(s.opt.Stderr, func() { machine.Progress() }, func(elapsed time.Duration) string {
		return progressLine(machine.Progress(), elapsed, eval.MemoryInUse())
	})
}

// ticking shows a line on w, if that has one, from a second on and until end is called. A moment before each it calls ask.
func ticking(w io.Writer, ask func(), line func(elapsed time.Duration) string) (end func()) {
	l, ok := w.(*statusLine)
	if !ok {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(stopped)
		wait, asked := progressAfter-progressAsk, false
		for {
			select {
			case <-stop:
				l.clear()
				return
			case <-time.After(wait):
			}
			if asked = !asked; asked {
				ask()
				wait = progressAsk
				continue
			}
			wait = progressEvery - progressAsk
			l.show(line(time.Since(began)))
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

func progressLine(p eval.Progress, elapsed time.Duration, memory int64) string {
	rate := float64(p.Steps) / max(elapsed.Seconds(), 0.001)
	return fmt.Sprintf("%s · %s steps, %s/s · %s linked, %s reused · depth %s · %s MB",
		elapsed.Round(100*time.Millisecond), roughly(float64(p.Steps)), roughly(rate), roughly(float64(p.Linked)), roughly(float64(p.Reused)),
		roughly(float64(p.Depth)), thousands(uint64(memory)>>20))
}

// roughly is a count in three digits or so.
func roughly(n float64) string {
	switch {
	case n >= 1e13:
		return fmt.Sprintf("%.1e", n)
	case n >= 1e10:
		return fmt.Sprintf("%.0f G", n/1e9)
	case n >= 1e9:
		return fmt.Sprintf("%.1f G", n/1e9)
	case n >= 1e7:
		return fmt.Sprintf("%.0f M", n/1e6)
	case n >= 1e6:
		return fmt.Sprintf("%.1f M", n/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.0f k", n/1e3)
	}
	return fmt.Sprintf("%.0f", n)
}

const profileRows = 30

// profiled are the functions that took part, with what is known of those that were not compiled here, as when a stopped run goes on.
func (s *Session) profiled(p *eval.Profile) []*eval.FunctionProfile {
	all := p.Functions()
	for _, f := range all {
		if c := (eval.Call{Fn: f.Fn}); s.nameOf(c) == f.Fn.String() {
			s.recall([]eval.Call{c})
		}
	}
	return all
}

// showProfile prints a table of the functions that took part.
func (s *Session) showProfile(w io.Writer, p *eval.Profile) {
	all := s.profiled(p)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "calls\town steps\ttime\treused\tlinked\t  function\n")
	row := func(f *eval.FunctionProfile, name string) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t  %s\n", thousands(f.Calls), thousands(f.Own), f.Time.Round(10*time.Microsecond), thousands(f.Reused), thousands(f.Linked), name)
	}
	rest := eval.FunctionProfile{}
	for i, f := range all {
		if i < profileRows {
			name := s.nameOf(eval.Call{Fn: f.Fn})
			if name == f.Fn.String() { // what was left of a stopped run has none
				name = ""
			}
			row(f, strings.TrimLeft(lang.Clean(name)+" "+shortCID(f.Fn), " "))
			continue
		}
		rest.Calls += f.Calls
		rest.Own += f.Own
		rest.Time += f.Time
		rest.Reused += f.Reused
		rest.Linked += f.Linked
	}
	if n := len(all) - profileRows; n > 0 {
		row(&rest, plural(n, "other function"))
	}
	t.Flush()
	fmt.Fprintf(w, "%s steps in %s; time is by samples, one for every 4,096 steps\n", thousands(p.Steps), p.Time.Round(10*time.Microsecond))
}

// writePprof writes a profile for `go tool pprof`, with the stacks of the language.
func (s *Session) writePprof(path string, p *eval.Profile) error {
	s.profiled(p)
	out := &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "steps", Unit: "count"}, {Type: "time", Unit: "nanoseconds"}},
		DefaultSampleType: "time",
		DurationNanos:     int64(p.Time),
		PeriodType:        &profile.ValueType{Type: "steps", Unit: "count"},
		Period:            4096,
	}
	functions := map[cid.Cid]*profile.Function{}
	function := func(c cid.Cid) *profile.Function {
		f := functions[c]
		if f == nil {
			name := s.nameOf(eval.Call{Fn: c})
			f = &profile.Function{ID: uint64(len(functions) + 1), Name: name, SystemName: c.String()}
			if at, ok := s.places[c]; ok && len(at.spans) > 0 {
				row, _ := lang.Position(at.file, at.spans[0].Start)
				f.Filename, f.StartLine = at.file.Name, int64(row)
			}
			functions[c] = f
			out.Function = append(out.Function, f)
		}
		return f
	}
	type spot struct {
		fn   cid.Cid
		line int64
	}
	locations := map[spot]*profile.Location{}
	location := func(fn cid.Cid, line int64) *profile.Location {
		l := locations[spot{fn, line}]
		if l == nil {
			l = &profile.Location{ID: uint64(len(locations) + 1), Line: []profile.Line{{Function: function(fn), Line: line}}}
			locations[spot{fn, line}] = l
			out.Location = append(out.Location, l)
		}
		return l
	}
	for _, sample := range p.Samples() {
		one := &profile.Sample{Value: []int64{int64(sample.Steps), int64(sample.Time)}}
		var line int64 // where the frame in hand called the one inside
		for _, f := range sample.Stack {
			if line == 0 {
				line = function(f.Fn).StartLine
			}
			one.Location = append(one.Location, location(f.Fn, line))
			line = 0
			if at := s.spot(f.Block, f.Index); at != nil {
				row, _ := lang.Position(at.File, at.Span.Start)
				line = int64(row)
			}
		}
		out.Sample = append(out.Sample, one)
	}
	if err := out.CheckValid(); err != nil {
		return fmt.Errorf("BUG: the profile is not valid: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return Misuse(err)
	}
	err = out.Write(file)
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return Misuse(fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "write ")))
	}
	return nil
}
