// This file has two machines pull and ask over a network that fails: network namespaces, joined by a cable that this test is. Only root
// may make them.

package tests

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
)

// A cable joins two namespaces. Kernels without netem have it, too, and it counts.
type cable struct {
	machines [2]*post
	delay    atomic.Int64 // nanoseconds, each way
	loss     atomic.Int64 // of a thousand packets
	rate     atomic.Int64 // bytes a second, each way
	cut      atomic.Bool
	carried  [2]atomic.Int64 // bytes that have reached each machine
}

// A post is a namespace with an address, and a folder.
type post struct {
	name, addr, dir string
	card            *os.File
}

const (
	queueLength = 400                   // packets on their way, beyond which they are dropped
	queueTime   = 60 * time.Millisecond // that a packet waits for the cable, beyond which it is dropped
)

// newCable makes two machines, and what is between them. Their names are a part of those of namespaces.
func newCable(t *testing.T, names ...string) *cable {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root makes network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("SKIPPED: there is no ip (of iproute2)")
	}
	c := &cable{}
	c.rate.Store(1 << 20)
	for i, name := range names {
		m := &post{name: fmt.Sprintf("rosser%d%s", os.Getpid(), name), addr: fmt.Sprintf("10.77.0.%d", i+1), dir: t.TempDir()}
		card, err := newCard(m.name)
		if err != nil {
			t.Skipf("SKIPPED: a network device: %v", err)
		}
		m.card = card
		t.Cleanup(func() { card.Close() })
		for _, line := range []string{
			"netns add " + m.name, "link set " + m.name + " netns " + m.name, "-n " + m.name + " addr add " + m.addr + "/24 dev " + m.name,
			"-n " + m.name + " link set lo up", "-n " + m.name + " link set " + m.name + " up",
		} {
			if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
				t.Skipf("SKIPPED: ip %s: %v\n%s", line, err, out)
			}
			if strings.HasPrefix(line, "netns add") {
				t.Cleanup(func() { exec.Command("ip", "netns", "del", m.name).Run() })
			}
		}
		// What is sent by who has ended since comes all the same, so it should not be much.
		if out, err := exec.Command("ip", "netns", "exec", m.name, "sh", "-c", "echo 4096 16384 65536 > /proc/sys/net/ipv4/tcp_wmem").CombinedOutput(); err != nil {
			t.Skipf("SKIPPED: tcp_wmem: %v\n%s", err, out)
		}
		c.machines[i] = m
	}
	go c.carry(0, 1)
	go c.carry(1, 0)
	return c
}

// newCard makes a network device whose packets are read and written.
func newCard(name string) (*os.File, error) {
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_TUN | syscall.IFF_NO_PI}
	copy(request.name[:len(request.name)-1], name)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		syscall.Close(fd)
		return nil, errno
	}
	return os.NewFile(uintptr(fd), name), nil
}

// carry carries packets until the test ends.
func (c *cable) carry(from, to int) {
	type packet struct {
		data []byte
		due  time.Time
	}
	way := make(chan packet, queueLength)
	go func() {
		for p := range way {
			time.Sleep(time.Until(p.due))
			if n, err := c.machines[to].card.Write(p.data); err == nil {
				c.carried[to].Add(int64(n))
			}
		}
	}()
	defer close(way)
	chance := rand.New(rand.NewPCG(uint64(from), 1))
	var free time.Time // when the last packet has been put onto the cable
	for buf := make([]byte, 1<<16); ; {
		n, err := c.machines[from].card.Read(buf)
		if err != nil {
			return
		}
		if c.cut.Load() || chance.Int64N(1000) < c.loss.Load() {
			continue
		}
		if now := time.Now(); free.Before(now) {
			free = now
		} else if free.Sub(now) > queueTime {
			continue
		}
		free = free.Add(time.Duration(int64(n) * int64(time.Second) / c.rate.Load()))
		select {
		case way <- packet{bytes.Clone(buf[:n]), free.Add(time.Duration(c.delay.Load()))}:
		default:
		}
	}
}

func (m *post) binary() []string { return []string{"ip", "netns", "exec", m.name, rosser} }

// serve serves the machine's store at ports that stay the same.
func (m *post) serve(t *testing.T, args ...string) *served {
	t.Helper()
	return serveBy(t, m.binary(), m.dir, append([]string{"--listen", "/ip4/" + m.addr + "/tcp/4174", "--http", m.addr + ":4175"}, args...)...)
}

// A doing is a command that runs.
type doing struct {
	t           *testing.T
	cmd         *exec.Cmd
	began       time.Time
	out, errs   bytes.Buffer
	done        chan struct{}
	exit        int
	took        time.Duration
	cancel      context.CancelFunc
	description string
}

// do starts a command on the machine, on a store in dir.
func (m *post) do(t *testing.T, dir string, args ...string) *doing {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	line := append(m.binary(), args...)
	d := &doing{t: t, cmd: exec.CommandContext(ctx, line[0], line[1:]...), began: time.Now(), done: make(chan struct{}), cancel: cancel, description: strings.Join(args, " ")}
	d.cmd.Dir = dir
	d.cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "NO_COLOR=1")
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.errs
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		d.cmd.Wait()
		d.exit, d.took = d.cmd.ProcessState.ExitCode(), time.Since(d.began)
		close(d.done)
	}()
	t.Cleanup(func() { cancel(); <-d.done })
	return d
}

// ends waits for the exit code, and for what is on stderr.
func (d *doing) ends(exit int, says ...string) {
	d.t.Helper()
	<-d.done
	text := strings.TrimSpace(d.errs.String())
	d.t.Logf("%s: exit %d after %v\n%s", d.description, d.exit, d.took.Round(time.Millisecond), text)
	if d.exit != exit {
		d.t.Fatalf("%s: exit %d, want %d\n%s", d.description, d.exit, exit, text)
	}
	for _, want := range says {
		if !strings.Contains(text, want) {
			d.t.Errorf("%s: want %q in\n%s", d.description, want, text)
		}
	}
}

var blocksCame = regexp.MustCompile(`(\d+) blocks? came`)

// came is how many blocks a pull says that came.
func (d *doing) came() int {
	d.t.Helper()
	m := blocksCame.FindStringSubmatch(d.errs.String())
	if m == nil {
		d.t.Fatalf("%s does not say what came\n%s", d.description, d.errs.String())
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// reaches waits until so many bytes more have come to a machine than there were.
func (c *cable) reaches(t *testing.T, to int, was, bytes int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); c.carried[to].Load()-was < bytes; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes do not come in a minute", bytes)
		}
	}
}

// library publishes n numbers with a result each in the store of dir.
func library(t testing.TB, dir, name string, n int) cid.Cid {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lib := store.Library{Names: map[string]cid.Cid{}, Results: map[cid.Cid]cid.Cid{}}
	w := graph.NewWriter(graph.SinkFunc(func(b graph.Block) { err = errors.Join(err, s.Put(ctx, b)) }))
	for i := range n {
		f := graph.EncodeCode(&graph.Term{Op: graph.OpLam, Arity: 1, Args: []*graph.Term{{Op: graph.OpLit, Value: graph.Int(int64(i))}}}, w).CID
		expr := graph.EncodeCode(&graph.Term{Op: graph.OpApp, Args: []*graph.Term{{Op: graph.OpRef, CID: f}, {Op: graph.OpLit, Value: graph.Int(1)}}}, w).CID
		lib.Names[fmt.Sprintf("name%d", i)] = f
		lib.Results[expr] = graph.EncodeResult(graph.Result{Of: expr, Value: graph.Int(int64(i)), Steps: 1}, w).CID
	}
	published, err := s.PutLibrary(ctx, lib)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.SwapRoot(ctx, store.LibraryRoot+name, cid.Undef, published.Root); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return published.Root
}

var faults = flag.Bool("faults", false, "run TestFaults and TestFaultsLong")

// A scene is a node that serves a library, and another machine that pulls it over a cable that fails.
type scene struct {
	*cable
	ann, bob *post
	a        *served
	root     string
	all      int   // blocks of the library
	bytes    int64 // that they are on the cable
}

const (
	faultNumbers = 3000 // of the library
	again        = "the same again goes on from there"
)

func newScene(t *testing.T, names ...string) *scene {
	t.Helper()
	if !*faults {
		t.Skip("it takes more than a minute: go test ./tests -run Faults -faults")
	}
	t.Parallel()
	c := newCable(t, names...)
	s := &scene{cable: c, ann: c.machines[0], bob: c.machines[1]}
	s.root = library(t, s.ann.dir, "numbers", faultNumbers).String()
	s.a = s.ann.serve(t, "--work", "--work-time", "5m")
	s.all, s.bytes = s.everything(t, t.TempDir(), s.a.peer)
	t.Logf("without a fault: %d blocks, %d bytes on the cable", s.all, s.bytes)
	if least := 3*faultNumbers + 2; s.all < least {
		t.Fatalf("%d blocks came, want %d", s.all, least)
	}
	return s
}

// everything pulls into dir what is missing there, and looks that everything is there then: it returns how many blocks came, and bytes.
func (s *scene) everything(t *testing.T, dir, from string) (blocks int, bytes int64) {
	t.Helper()
	was := s.carried[1].Load()
	d := s.bob.do(t, dir, "pull", from)
	d.ends(0, fmt.Sprintf("%d names, %d results", faultNumbers, faultNumbers))
	if got := strings.TrimSpace(d.out.String()); got != s.root {
		t.Fatalf("pulled %q, want %s", got, s.root)
	}
	succeed(t, dir, "store", "check")
	return d.came(), s.carried[1].Load() - was
}

// middle starts a pull, and returns in the middle of it.
func (s *scene) middle(t *testing.T, dir, from string) *doing {
	t.Helper()
	was := s.carried[1].Load()
	d := s.bob.do(t, dir, "pull", from)
	s.reaches(t, 1, was, s.bytes/2)
	return d
}

// rest pulls what an interrupted pull into dir has left.
func (s *scene) rest(t *testing.T, dir, from string) {
	t.Helper()
	before := len(keys(t, dir, 'b'))
	if before < s.all/50 || before >= s.all {
		t.Fatalf("%d of %d blocks had come: want the middle", before, s.all)
	}
	came, carried := s.everything(t, dir, from)
	t.Logf("%d of %d blocks had come; %d came, %d bytes on the cable", before, s.all, came, carried)
	if before+came < s.all || before+came > s.all+faultNumbers { // what is below something that is missing comes with it: a function with its result
		t.Errorf("%d of %d blocks had come, and %d came", before, s.all, came)
	}
	if most := s.bytes*int64(came)/int64(s.all)*3/2 + 200<<10; carried > most {
		t.Errorf("%d bytes on the cable for the rest, want %d", carried, most)
	}
}

// TestFaults has a pull go on where a fault of any kind has ended it, with nothing lost and nothing fetched twice.
func TestFaults(t *testing.T) {
	s, outer := newScene(t, "a", "b"), t

	t.Run("one address", func(t *testing.T) { // of which libp2p takes 8 peers at a time, and 16 in quick succession
		s.rate.Store(100 << 20)
		defer s.rate.Store(1 << 20)
		dir := t.TempDir()
		s.everything(t, dir, s.a.peer)
		for range 2 {
			var at []*doing
			for range 12 {
				at = append(at, s.bob.do(t, dir, "pull", s.a.peer))
			}
			for _, d := range at {
				if <-d.done; d.exit != 0 {
					t.Errorf("exit %d\n%s", d.exit, d.errs.String())
				}
			}
		}
	})
	t.Run("loss", func(t *testing.T) {
		s.loss.Store(50) // 5 %
		defer s.loss.Store(0)
		s.delay.Store(int64(5 * time.Millisecond))
		defer s.delay.Store(0)
		s.everything(t, t.TempDir(), s.a.peer)
		s.everything(t, t.TempDir(), s.a.url)
	})
	t.Run("delay", func(t *testing.T) {
		s.delay.Store(int64(200 * time.Millisecond))
		defer s.delay.Store(0)
		s.everything(t, t.TempDir(), s.a.peer)
		s.everything(t, t.TempDir(), s.a.url)
	})
	t.Run("short cut", func(t *testing.T) {
		dir := t.TempDir()
		d := s.middle(t, dir, s.a.peer)
		s.cut.Store(true)
		time.Sleep(4 * time.Second)
		s.cut.Store(false)
		d.ends(0)
		if d.came() != s.all {
			t.Errorf("%d blocks came, want %d", d.came(), s.all)
		}
	})
	t.Run("puller killed", func(t *testing.T) {
		for _, from := range []string{s.a.peer, s.a.url} {
			dir := t.TempDir()
			d := s.middle(t, dir, from)
			d.cmd.Process.Kill()
			<-d.done
			s.rest(t, dir, from)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		dir := t.TempDir()
		d := s.middle(t, dir, s.a.peer)
		d.cmd.Process.Signal(syscall.SIGINT)
		d.ends(4, again)
		s.rest(t, dir, s.a.peer)
	})
	t.Run("puller's node killed", func(t *testing.T) {
		b := s.bob.serve(t)
		d := s.middle(t, s.bob.dir, s.a.peer)
		b.kill()
		d.ends(3, "has ended", again)
		s.rest(t, s.bob.dir, s.a.peer)
	})
	t.Run("server killed", func(t *testing.T) {
		for _, from := range []string{s.a.peer, s.a.url} {
			dir := t.TempDir()
			d := s.middle(t, dir, from)
			s.a.kill()
			who := s.a.id
			if from == s.a.url {
				who = s.a.url
			}
			d.ends(3, who, again)
			s.bob.do(t, dir, "pull", from).ends(3, who)
			s.a = s.ann.serve(outer)
			s.rest(t, dir, from)
		}
	})
	t.Run("full disk", func(t *testing.T) {
		dir := t.TempDir()
		disk := filepath.Join(dir, "store")
		if err := os.Mkdir(disk, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("none", disk, "tmpfs", 0, "size=1m"); err != nil {
			t.Skipf("SKIPPED: mounting a small disk: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(disk, 0) })
		d := s.bob.do(t, dir, "pull", s.a.peer)
		d.ends(3, disk, "no space left", again+" once there is room")
		if err := syscall.Mount("none", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
			t.Fatal(err)
		}
		came, _ := s.everything(t, dir, s.a.peer)
		if came >= s.all {
			t.Errorf("%d blocks came, of %d", came, s.all)
		}
	})
}

// TestFaultsLong does so where there is no network for longer than anybody waits: meanwhile nearly nothing happens here, so it runs beside the others.
func TestFaultsLong(t *testing.T) {
	s := newScene(t, "c", "d")
	dirs := []string{t.TempDir(), t.TempDir()}
	asks := s.bob.do(t, t.TempDir(), "ask", "let go i = if i == 0 then 0 else go (i - 1)\ngo 900000000000", "--peer", s.a.peer)
	time.Sleep(3 * time.Second)
	was := s.carried[1].Load()
	peer := s.bob.do(t, dirs[0], "pull", s.a.peer)
	s.reaches(t, 1, was, s.bytes/4)
	url := s.bob.do(t, dirs[1], "pull", s.a.url)
	s.reaches(t, 1, was, s.bytes*3/4) // so neither has all of it
	s.cut.Store(true)
	peer.ends(3, s.a.id, again)
	url.ends(3, s.a.url, again)
	asks.ends(3, s.a.id)
	for _, d := range []*doing{peer, url, asks} {
		if d.took > 100*time.Second {
			t.Errorf("%s took %v to give up", d.description, d.took)
		}
	}
	s.bob.do(t, t.TempDir(), "pull", s.a.peer).ends(3, s.a.id, "cannot be reached")
	s.cut.Store(false)
	s.rest(t, dirs[0], s.a.peer)
	s.rest(t, dirs[1], s.a.url)
}
