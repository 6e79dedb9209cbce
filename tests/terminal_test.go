// This file types into the real command at a real pty, and compares what the screen shows with the transcripts of
// tests/repl. In a transcript » begins what is typed, with keys such as ⟨tab⟩ by name, and | a line that the screen
// shows after it and has not shown before. What differs from run to run is written as …. -update writes the lines anew.

package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// A screen is the command at a pty, behind a terminal emulator.
type screen struct {
	t    testing.TB
	cmd  *exec.Cmd
	pty  *os.File
	term *vt.SafeEmulator
	mu   sync.Mutex
	raw  bytes.Buffer // what was written
	done chan struct{}
}

// atTerminal starts the command in dir at a terminal.
func atTerminal(t testing.TB, dir string, width, height int, env []string, args ...string) *screen {
	t.Helper()
	if rosser == "" {
		t.Fatal("rosser did not build")
	}
	s := &screen{t: t, term: vt.NewSafeEmulator(width, height), done: make(chan struct{})}
	s.cmd = exec.Command(rosser, args...)
	s.cmd.Dir = dir
	s.cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "TERM=xterm-256color", "COLORTERM=truecolor")
	s.cmd.Env = append(s.cmd.Env, env...)
	var err error
	s.pty, err = pty.StartWithSize(s.cmd, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)})
	if err != nil {
		t.Fatal(err)
	}
	go func() { // what the terminal answers to the program's questions
		buf := make([]byte, 256)
		for {
			n, err := s.term.Read(buf)
			if err != nil {
				return
			}
			s.pty.Write(buf[:n])
		}
	}()
	go func() {
		defer close(s.done)
		buf := make([]byte, 4096)
		for {
			n, err := s.pty.Read(buf)
			s.mu.Lock()
			s.raw.Write(buf[:n])
			s.mu.Unlock()
			s.term.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.pty.Close()
		s.cmd.Wait()
	})
	return s
}

// text is what stands on the screen, without what is blank at the end.
func (s *screen) text() string {
	var lines []string
	for y := range s.term.Height() {
		var line strings.Builder
		for x := 0; x < s.term.Width(); {
			cell := s.term.CellAt(x, y)
			if cell == nil || cell.Content == "" {
				line.WriteByte(' ')
				x++
				continue
			}
			line.WriteString(cell.Content)
			x += max(cell.Width, 1)
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}

// await waits until the screen is as f wants it.
func (s *screen) await(what string, f func(text string) bool) string {
	s.t.Helper()
	text := ""
	for range 1500 {
		if text = s.text(); f(text) {
			return text
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("no %s on the screen:\n%s", what, text)
	return ""
}

// settled waits until nothing has changed for a while.
func (s *screen) settled() string {
	last, since := s.text(), time.Now()
	for time.Since(since) < 700*time.Millisecond {
		time.Sleep(20 * time.Millisecond)
		if now := s.text(); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

// written is the end of what the command has written.
func (s *screen) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.raw.Bytes()
	return string(b[max(0, len(b)-600):])
}

func (s *screen) typeIn(text string) {
	s.t.Helper()
	if _, err := s.pty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// exit waits for the end of the command, and returns its exit code.
func (s *screen) exit() int {
	s.t.Helper()
	ended := make(chan struct{})
	go func() {
		s.cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(20 * time.Second):
		s.t.Fatalf("the command does not end:\n%s", s.text())
		return -1
	}
}

var keyBytes = map[string]string{
	"enter": "\r", "alt-enter": "\x1b\r", "tab": "\t", "shift-tab": "\x1b[Z", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
	"home": "\x1b[H", "end": "\x1b[F", "backspace": "\x7f", "delete": "\x1b[3~", "esc": "\x1b", "alt-b": "\x1bb", "alt-f": "\x1bf", "alt-d": "\x1bd",
}

var keyName = regexp.MustCompile(`⟨([^⟩]*)⟩`)

// keystrokes are the bytes that a terminal sends.
func keystrokes(t testing.TB, typed string) string {
	return keyName.ReplaceAllStringFunc(typed, func(k string) string {
		name := keyName.FindStringSubmatch(k)[1]
		if bytes, ok := keyBytes[name]; ok {
			return bytes
		}
		if c, ok := strings.CutPrefix(name, "ctrl-"); ok && len(c) == 1 {
			return string(c[0] & 0x1f)
		}
		if text, ok := strings.CutPrefix(name, "paste "); ok {
			return "\x1b[200~" + strings.ReplaceAll(text, `\n`, "\r") + "\x1b[201~"
		}
		t.Fatalf("no key is called %q", name)
		return ""
	})
}

// What differs from run to run: times, and how much was reused, which depends on them.
var (
	aTime  = regexp.MustCompile(`\b[0-9]+(\.[0-9]+)?(µs|ms|s)\b`)
	steps  = regexp.MustCompile(`after [0-9,]+ steps`)
	counts = regexp.MustCompile(`[0-9,]+ calls? reduced, [0-9,]+ reused`)
)

func clean(text string) string {
	text = steps.ReplaceAllString(text, "after … steps")
	return counts.ReplaceAllString(aTime.ReplaceAllString(text, "…"), "… reduced, … reused")
}

// since is what a screen shows that was not there before: the screen from the line on where the last prompt stood, wherever
// it has scrolled to.
func since(before, now string) []string {
	was, is := strings.Split(before, "\n"), strings.Split(now, "\n")
	was = was[:len(was)-1]
	for scrolled := range was {
		if n := len(was) - scrolled; n <= len(is) && slices.Equal(was[scrolled:], is[:n]) {
			return is[n:]
		}
	}
	return is
}

// TestTerminal plays the transcripts.
func TestTerminal(t *testing.T) {
	files, err := filepath.Glob("repl/*.tape")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tape"), func(t *testing.T) {
			t.Parallel()
			playTape(t, file)
		})
	}
}

func playTape(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	width, height := 80, 24
	env := []string{"NO_COLOR=1"}
	dir := t.TempDir()
	var out strings.Builder
	var s *screen
	start := func() {
		s = atTerminal(t, dir, width, height, env)
		s.await("prompt", func(text string) bool { return strings.Contains(text, "›") })
	}
	steps := strings.Split(string(data), "» ")
	out.WriteString(steps[0])
	for line := range strings.Lines(steps[0]) { // # 60x20, ## comment
		fmt.Sscanf(line, "# %dx%d", &width, &height)
	}
	start()
	last := ""
	for i, step := range steps[1:] {
		typed, rest, _ := strings.Cut(step, "\n")
		var want []string
		for line := range strings.Lines(rest) {
			if line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "|"); ok {
				want = append(want, strings.TrimPrefix(line, " "))
			}
		}
		switch {
		case typed == "⟨again⟩": // leave, and come back to the same store
			s.typeIn("\x04")
			s.exit()
			start()
			last = ""
		case strings.HasPrefix(typed, "⟨file "): // ⟨file NAME: text⟩
			name, text, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(typed, "⟨file "), "⟩"), ": ")
			if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, `\n`, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
		case strings.HasPrefix(typed, "⟨size "):
			fmt.Sscanf(typed, "⟨size %dx%d⟩", &width, &height)
			s.term.Resize(width, height)
			if err := pty.Setsize(s.pty, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)}); err != nil {
				t.Fatal(err)
			}
		default:
			s.typeIn(keystrokes(t, typed))
		}
		fmt.Fprintf(&out, "» %s\n", typed)
		if len(want) == 0 && !*update {
			continue
		}
		if *update {
			now := clean(s.settled())
			for _, line := range since(last, now) {
				out.WriteString(strings.TrimRight("| "+line, " ") + "\n")
			}
			out.WriteString("\n")
			last = now
			continue
		}
		now, right := "", false
		for range 1500 {
			now = clean(s.text())
			if right = slices.Equal(since(last, now), want); right {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !right {
			t.Fatalf("step %d, » %s\ngot\n%s\nwant\n%s\nthe screen is\n%s\nafter\n%q", i+1, typed, strings.Join(since(last, now), "\n"), strings.Join(want, "\n"), now, s.written())
		}
		last = now
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
