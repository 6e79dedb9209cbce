// This file has expressions reduced, each in a process of its own: one that takes all memory, or never ends, takes nothing from the node. Which, and for
// whom, is in jobs.go.

package node

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rosser-lang/rosser/repl"
)

// Limits are of what a node reduces for whoever asks it. Where it does not say otherwise, zero is the usual limit. The account of a peer, and of an
// address, holds for an hour (accounts.go).
type Limits struct {
	Fuel   uint64        // steps of a task; 0 is no limit
	Time   time.Duration // that a task takes
	Memory string        // of its process, such as 512M
	Jobs   int           // processes at a time
	Queue  int           // tasks that wait

	Each     int           // tasks of one peer, that wait or run
	EachJobs int           // processes of one peer at a time, so many times Memory
	EachTime time.Duration // of processes that one peer is given in an hour
	EachFuel uint64        // steps that one peer is given in an hour; 0 is no limit
	Address  int           // as many times all that one peer is given, the peers of one address are given together
}

// defaultLimits are good for a machine that does other things as well.
var defaultLimits = Limits{Time: time.Minute, Memory: "1G", Jobs: 1, Queue: 64, Each: 4, EachJobs: 1, EachTime: 20 * time.Minute, Address: 4}

func (l Limits) withDefaults() Limits {
	d := defaultLimits
	l.Time, l.EachTime = cmp.Or(l.Time, d.Time), cmp.Or(l.EachTime, d.EachTime)
	l.Memory = cmp.Or(l.Memory, d.Memory)
	l.Jobs, l.Queue = cmp.Or(l.Jobs, d.Jobs), cmp.Or(l.Queue, d.Queue)
	l.Each, l.EachJobs, l.Address = cmp.Or(l.Each, d.Each), cmp.Or(l.EachJobs, max(d.EachJobs, l.Jobs/2)), cmp.Or(l.Address, d.Address)
	return l
}

// clamp keeps a task within the limits.
func (l Limits) clamp(t repl.Task) repl.Task {
	if l.Fuel > 0 && (t.Fuel == 0 || t.Fuel > l.Fuel) {
		t.Fuel = l.Fuel
	}
	if most := l.Time.Milliseconds(); t.Milli <= 0 || t.Milli > most {
		t.Milli = most
	}
	t.Memory, t.Link = l.Memory, "" // what is linked is not for who asks to say: all of it may fill the disk
	return t
}

var (
	errBusy     = errors.New("this node has as much to do as it takes; try again later")
	errNoRoom   = errors.New("this node's disk is full, so it takes nothing from others")
	errManyOfIt = errors.New("this node does as much for you as it does for one; wait until that has come to its end")
	errNearby   = errors.New("this node does as much for peers of your address as it does for one; wait until that has come to its end")
	errSpent    = errors.New("this node has reduced as much for you, or for peers of your address, as it does in an hour; try again later")
)

// workers run tasks. Any goroutine may use them.
type workers struct {
	program string // rosser itself
	dir     string // the store's folder
	limits  Limits

	mu      sync.Mutex
	peers   accounts
	nearby  accounts        // of addresses
	asked   int             // tasks, also those that are only being fetched
	jobs    map[string]*job // that somebody wants
	queue   []*job          // of these, those that have not begun
	running int
	closed  bool
	all     sync.WaitGroup // processes
}

func newWorkers(program, dir string, l Limits) *workers {
	return &workers{program: program, dir: dir, limits: l.withDefaults(), peers: accounts{}, nearby: accounts{}, jobs: map[string]*job{}}
}

// room says whether the disk has room for what strangers want.
func (w *workers) room() error {
	if free, err := freeBytes(w.dir); err == nil && free < minFree {
		return errNoRoom
	}
	return nil
}

// freeBytes is how much there is room for on the disk that a folder is on.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

const minFree = 1 << 30 // bytes that are left to the owner of the disk, beside what is fetched for one task

const (
	startTime = 10 * time.Second // that a process takes beside its task's deadline
	endTime   = 2 * time.Second  // that it has to write a checkpoint when it is told to end
	maxReport = 64 << 20         // bytes that it answers
)

// execute runs a task in a process.
func (w *workers) execute(ctx context.Context, t repl.Task, progress func(repl.TaskProgress)) (report repl.TaskReport, err error) {
	text, err := json.Marshal(t)
	if err != nil {
		return report, err
	}
	ctx, cancel := context.WithTimeout(ctx, w.limits.Time+startTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.program, "--store", w.dir, "work")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	cmd.Stdin = bytes.NewReader(text)
	var said headWriter
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return report, err
	}
	if err := cmd.Start(); err != nil {
		return report, fmt.Errorf("the process that reduces cannot be started: %w", err)
	}
	syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, niceness) // answering goes first
	in := json.NewDecoder(bufio.NewReader(io.LimitReader(out, maxReport)))
	ended := false
	for !ended {
		report = repl.TaskReport{}
		if err = in.Decode(&report); err != nil {
			break
		}
		if report.Progress != nil {
			progress(*report.Progress)
		} else {
			ended = true
		}
	}
	if !ended {
		cmd.Cancel()
	}
	io.Copy(io.Discard, out)
	if failed := cmd.Wait(); !ended {
		if failed != nil {
			err = failed
		}
		return report, fmt.Errorf("the process that reduced ended without an answer: %w%s", err, said.text())
	}
	return report, nil
}

const niceness = 5

// A headWriter keeps the first bytes that are written to it.
type headWriter struct{ b []byte }

func (t *headWriter) Write(p []byte) (int, error) {
	t.b = append(t.b, p[:min(len(p), 1000-len(t.b))]...)
	return len(p), nil
}

func (t *headWriter) text() string {
	if len(t.b) == 0 {
		return ""
	}
	return ": " + strings.TrimSpace(strings.ToValidUTF8(string(t.b), "\uFFFD"))
}
