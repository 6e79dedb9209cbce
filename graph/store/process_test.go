// This file tests stores that several processes use, with real processes that are killed, stopped and rude.

package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

// TestMain lets the test's own binary be another process: ROSSER_STORE_TEST says what it does, then come the folder
// and numbers.
func TestMain(m *testing.M) {
	child := strings.Fields(os.Getenv("ROSSER_STORE_TEST"))
	if len(child) == 0 {
		os.Exit(m.Run())
	}
	if err := runChild(child[0], os.Getenv("ROSSER_STORE_DIR"), child[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runChild(what, dir string, args []string) error {
	n := make([]int, len(args))
	for i := range args {
		n[i], _ = strconv.Atoi(args[i])
	}
	if what == "limited" { // files cannot grow beyond n[0] bytes
		signal.Ignore(syscall.SIGXFSZ)
		lim := syscall.Rlimit{Cur: uint64(n[0]), Max: uint64(n[0])}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &lim); err != nil {
			return err
		}
		return fill(dir, nil)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	fmt.Println("open")
	switch what {
	case "write": // facts from n[0] on, for ever
		for i := n[0]; ; i++ {
			if err := makeFact(i, "own:child").tryPut(s); err != nil {
				return err
			}
			if i%100 == 0 {
				fmt.Println(i)
			}
		}
	case "some": // n[1] facts from n[0] on
		for i := n[0]; i < n[0]+n[1]; i++ {
			if err := makeFact(i, "own:child").tryPut(s); err != nil {
				return err
			}
		}
		return s.Close()
	case "rely": // facts from n[0] on, again and again; all that was put is there until the input ends
		ended := make(chan struct{})
		go func() { io.Copy(io.Discard, os.Stdin); close(ended) }()
		for i := 0; ; i++ {
			select {
			case <-ended:
				fmt.Println("well", i)
				return s.Close()
			default:
			}
			f := makeFact(n[0]+i%2000, "own:child")
			if err := f.tryPut(s); err != nil {
				return err
			}
			if i%7 != 0 {
				continue
			}
			time.Sleep(time.Millisecond)
			for j := max(0, i-2000); j <= i; j += 1 + i/50 {
				for _, b := range makeFact(n[0]+j%2000, "").blocks {
					if _, err := s.Block(bg, b.CID); err != nil {
						return fmt.Errorf("at %d: of %d: %w", i, j, err)
					}
				}
			}
		}
	case "collect":
		if _, err := s.Collect(bg, Collection{}); err != nil {
			return err
		}
		return s.Close()
	case "hold": // until the input ends
		io.Copy(io.Discard, os.Stdin)
		return s.Close()
	}
	return fmt.Errorf("BUG: %s", what)
}

// start runs another process and waits until it has the store open.
func start(t *testing.T, dir string, what ...any) (*exec.Cmd, io.WriteCloser, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROSSER_STORE_TEST="+strings.TrimSpace(fmt.Sprintln(what...)), "ROSSER_STORE_DIR="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "open\n" {
		t.Fatalf("child: got %q, %v", line, err)
	}
	return cmd, in, r
}

func kill(cmd *exec.Cmd) {
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
}

// checkWhole looks at every record: its Result and its value's own blocks must be there. It returns how many there are.
func checkWhole(t *testing.T, s *Store) int {
	t.Helper()
	all := records(t, s)
	for _, a := range all {
		if err := graph.ResultBlocks(a.Result, graph.LoaderOf(bg, s), nil); err != nil {
			t.Fatalf("an answer without its blocks: %s: %v", a.Expr, err)
		}
		if ok, err := s.Has(bg, a.Trace); !ok {
			t.Fatalf("an answer without its trace: %s: %v", a.Expr, err)
		}
	}
	return len(all)
}

// TestKilledWriter kills a process in the middle of writing, fifty times, on one store.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	before := 0
	for round := range 50 {
		cmd, _, out := start(t, dir, "write", round*100000)
		go io.Copy(io.Discard, out)
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		kill(cmd)
		if round%10 == 9 {
			s := open(t, dir)
			n := checkWhole(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if n < before {
				t.Errorf("round %d: %d answers after %d", round, n, before)
			}
			before = n
		}
	}
	if before == 0 {
		t.Error("nothing was written")
	}
}

// TestKilledHolder kills the process that holds the store while others write through it: what they flush is there.
func TestKilledHolder(t *testing.T) {
	dir := t.TempDir()
	for round := range 10 {
		cmd, _, out := start(t, dir, "write", 1000000+round*100000)
		go io.Copy(io.Discard, out)
		guests := []*Store{open(t, dir), open(t, dir)}
		var wg sync.WaitGroup
		for w, s := range guests {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range 200 {
					f := makeFact(round*1000+w*500+i, "own:guest")
					if err := f.tryPut(s); err != nil {
						t.Error(err)
						return
					}
					if a, ok, err := s.Answer(bg, f.answer.Expr); !ok || err != nil || a != f.answer {
						t.Errorf("what was put is not there: %v, %v, %v", a, ok, err)
						return
					}
				}
				if err := s.Flush(bg); err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		kill(cmd)
		wg.Wait()
		for _, s := range guests {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, dir)
		checkWhole(t, s)
		for w := range guests {
			for i := range 200 {
				f := makeFact(round*1000+w*500+i, "own:guest")
				if a, ok, err := s.Answer(bg, f.answer.Expr); !ok || err != nil || a != f.answer {
					t.Fatalf("what was flushed is not there: %v, %v, %v", a, ok, err)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestManyProcesses lets several write at once; the one that holds the store ends first.
func TestManyProcesses(t *testing.T) {
	dir := t.TempDir()
	_, in, _ := start(t, dir, "hold")
	var children []*exec.Cmd
	for i := range 4 {
		cmd, _, _ := start(t, dir, "some", i*1000, 300)
		children = append(children, cmd)
	}
	in.Close()
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("child: %v", err)
		}
	}
	if n := checkWhole(t, open(t, dir)); n != 1200 {
		t.Errorf("got %d answers, want 1200", n)
	}
}

// TestStoppedHolder has a holder that does not answer: the others say so, in bounded time.
func TestStoppedHolder(t *testing.T) {
	dir := t.TempDir()
	cmd, _, _ := start(t, dir, "hold")
	cmd.Process.Signal(syscall.SIGSTOP)
	var state syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &state, syscall.WUNTRACED, nil); err != nil || !state.Stopped() {
		t.Fatalf("the holder did not stop: %v", err)
	}
	begin := time.Now()
	s, err := Open(dir, Options{Wait: time.Second})
	if err == nil {
		s.Close()
		t.Fatal("opened a store whose holder is stopped")
	}
	if !strings.Contains(err.Error(), "is it stopped?") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestRudeGuests says to the holder what no guest would: it goes on serving the others.
func TestRudeGuests(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	path, err := socketOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	frame := func(b string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(b)))) + b
	}
	hostile := []string{
		"", "GET / HTTP/1.1\r\n\r\n", greeting[:5], greeting,
		greeting + "\x00\x00", greeting + "\xff\xff\xff\xff", greeting + "\x00\x40\x00\x00half of it",
		greeting + frame(""), greeting + frame("x"), greeting + frame("g"), greeting + frame("h"), greeting + frame("s"),
		greeting + frame("s\x01"), greeting + frame("s\x01\x00\x00"), greeting + frame("s\x01\x01\xff\x00"),
		greeting + frame("s\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01b\x00"),
		greeting + frame("a"), greeting + frame("a\x01"), greeting + frame("a\x09\x02bx\x00"), greeting + frame("a\x01\x02ax\x00"),
		greeting + frame("a\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), greeting + frame("a\x03\x02ax\x01\xff"),
		greeting + frame("f") + frame("f"), greeting + strings.Repeat(frame("hbx"), 1000),
	}
	var conns []net.Conn
	for _, h := range hostile {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go io.Copy(io.Discard, c)
		c.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(c, h) // it may hang up before the end
		conns = append(conns, c)
	}
	g := open(t, dir)
	f := makeFact(1, "own:1")
	f.put(t, g)
	if err := g.Flush(bg); err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		c.Close()
	}
	if a, ok, err := g.Answer(bg, f.answer.Expr); !ok || err != nil || a != f.answer {
		t.Errorf("got %v, %v, %v", a, ok, err)
	}
}

// TestRefused: a change that the holder refuses is an error, and not said again for ever.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	g := open(t, dir)
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	err := errors.Join(g.enqueue(ctx, op{opNote, string(blockPrefix) + "x", []byte("y")}), g.Flush(ctx))
	if err == nil || !strings.Contains(err.Error(), "change of kind") {
		t.Errorf("got %v", err)
	}
}

// TestRudeHolder answers a guest with nonsense: it looks for another holder, and gets the store itself.
func TestRudeHolder(t *testing.T) {
	for _, nonsense := range []string{"", "\x00", "\xff\xff\xff\xff", "\x00\x00\x00\x00", "\x00\x00\x00\x01?", "\x00\x00\x10\x00half"} {
		dir := t.TempDir()
		dir, _ = folder(dir)
		lock, err := lockFile(filepath.Join(dir, "lock"))
		if err != nil || lock == nil {
			t.Fatal(err)
		}
		l := listen(dir)
		var once sync.Once
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					r := bufio.NewReader(c)
					if greet(c, r, greetTime) != nil {
						return
					}
					r.Peek(1)
					once.Do(func() { l.Close(); lock.Close() })
					io.WriteString(c, nonsense)
				}()
			}
		}()
		s := open(t, dir)
		f := makeFact(1, "own:1")
		f.put(t, s)
		if err := s.Flush(bg); err != nil {
			t.Fatalf("%q: %v", nonsense, err)
		}
		if a, ok, err := s.Answer(bg, f.answer.Expr); !ok || err != nil || a != f.answer {
			t.Errorf("%q: got %v, %v, %v", nonsense, a, ok, err)
		}
	}
}

// TestOtherVersion greets with another protocol.
func TestOtherVersion(t *testing.T) {
	dir, _ := folder(t.TempDir())
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	l := listen(dir)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "rosser store 9\n")
		}
	}()
	s, err := Open(dir, Options{})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("got %v", err)
	}
}

// TestLongPath has a folder whose name is too long for a socket.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 40))
	a := open(t, dir)
	b := open(t, dir)
	if _, ok := b.current().(*guest); !ok {
		t.Fatal("not a guest")
	}
	f := makeFact(1, "own:1")
	f.put(t, b)
	b.Flush(bg)
	if _, ok, err := a.Answer(bg, f.answer.Expr); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	short, err := os.Readlink(filepath.Join(a.Dir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	b.Close()

	// Where the short folder is not this user's alone, no socket is made or used.
	if err := os.Chmod(short, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	c := open(t, dir)
	if c.current().(*holder).listen != nil {
		t.Error("a socket in a folder that is open to all")
	}
}

// TestStaleSocket is opened after a holder was killed: its socket is in the way.
func TestStaleSocket(t *testing.T) {
	dir := t.TempDir()
	cmd, _, _ := start(t, dir, "hold")
	kill(cmd)
	if _, err := os.Lstat(filepath.Join(dir, "socket", "s")); err != nil {
		t.Fatal("the holder that was killed left no socket")
	}
	a, b := open(t, dir), open(t, dir)
	f := makeFact(1, "own:1")
	f.put(t, a)
	a.Flush(bg)
	if _, ok, err := b.Answer(bg, f.answer.Expr); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}
