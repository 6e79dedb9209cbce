// This file has expressions reduced, each in a process of its own: one that takes all memory, or never ends, takes nothing from the node.

package node

import (
	"bufio"
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

// Limits are of what a node reduces for whoever asks it. The zero Limits are the usual ones.
type Limits struct {
	Fuel   uint64        // steps of a task; 0 is no limit
	Time   time.Duration // that a task takes
	Memory string        // of its process, such as 512M
	Jobs   int           // processes at a time
	Queue  int           // tasks that wait
	Each   int           // tasks of one peer, that wait or run
}

// defaultLimits are good for a machine that does other things as well.
var defaultLimits = Limits{Time: time.Minute, Memory: "1G", Jobs: 1, Queue: 64, Each: 4}

func (l Limits) withDefaults() Limits {
	d := defaultLimits
	if l.Time == 0 {
		l.Time = d.Time
	}
	if l.Memory == "" {
		l.Memory = d.Memory
	}
	if l.Jobs == 0 {
		l.Jobs = d.Jobs
	}
	if l.Queue == 0 {
		l.Queue = d.Queue
	}
	if l.Each == 0 {
		l.Each = d.Each
	}
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
)

// workers run tasks. Any goroutine may use them.
type workers struct {
	program string // rosser itself
	dir     string // the store's folder
	limits  Limits
	slots   chan struct{}

	mu      sync.Mutex
	waiting int
	each    map[string]int  // tasks by who asked, also those that are only being fetched
	asked   int             // all of them
	jobs    map[string]*job // that somebody wants
	closed  bool
	all     sync.WaitGroup // processes
}

// A job is a task that waits or runs, for all who want the same.
type job struct {
	cancel context.CancelFunc
	wanted int // by so many
	done   chan struct{}
	report repl.TaskReport // after done
	err    error

	mu   sync.Mutex
	news []chan repl.TaskProgress
}

func newWorkers(program, dir string, l Limits) *workers {
	l = l.withDefaults()
	return &workers{program: program, dir: dir, limits: l, slots: make(chan struct{}, l.Jobs), each: map[string]int{}, jobs: map[string]*job{}}
}

// admit counts a task of who before anything is done for it, until leave is called.
func (w *workers) admit(who string) (leave func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.each[who] >= w.limits.Each:
		return nil, errManyOfIt
	case w.asked >= askedFor*(w.limits.Queue+w.limits.Jobs):
		return nil, errBusy
	}
	w.each[who]++
	w.asked++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked--
		if w.each[who]--; w.each[who] == 0 {
			delete(w.each, who)
		}
	}, nil
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

const askedFor = 4 // how many may ask for one task that waits or runs, by and large

// do runs a task that has been admitted, or waits for the same one that runs already. It ends when ctx does; the task goes on while somebody wants it.
func (w *workers) do(ctx context.Context, t repl.Task, progress func(repl.TaskProgress)) (repl.TaskReport, error) {
	t = w.limits.clamp(t)
	text, err := json.Marshal(t)
	if err != nil {
		return repl.TaskReport{}, err
	}
	j, err := w.join(string(text))
	if err != nil {
		return repl.TaskReport{}, err
	}
	defer w.leave(string(text), j)
	news := make(chan repl.TaskProgress, 1)
	j.mu.Lock()
	j.news = append(j.news, news)
	j.mu.Unlock()
	beat := time.NewTicker(idleTime / 3)
	defer beat.Stop()
	var last repl.TaskProgress
	for {
		select {
		case last = <-news:
			progress(last)
		case <-beat.C: // it waits; whoever listens hears something
			progress(last)
		case <-j.done:
			return j.report, j.err
		case <-ctx.Done():
			return repl.TaskReport{}, ctx.Err()
		}
	}
}

func (w *workers) join(text string) (*job, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errBusy
	}
	j, ok := w.jobs[text]
	if !ok {
		if w.waiting >= w.limits.Queue {
			return nil, errBusy
		}
		ctx, cancel := context.WithCancel(context.Background())
		j = &job{cancel: cancel, done: make(chan struct{})}
		w.jobs[text] = j
		w.waiting++
		w.all.Go(func() { w.run(ctx, j, text) })
	}
	j.wanted++
	return j, nil
}

func (w *workers) leave(text string, j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.wanted--; j.wanted == 0 {
		j.cancel()
		if w.jobs[text] == j {
			delete(w.jobs, text)
		}
	}
}

// close ends all that runs, which keeps what it has reached, also what nobody wants any more and is about to end.
func (w *workers) close() {
	w.mu.Lock()
	w.closed = true
	for _, j := range w.jobs {
		j.cancel()
	}
	w.mu.Unlock()
	w.all.Wait()
}

func (w *workers) run(ctx context.Context, j *job, text string) {
	defer func() {
		w.mu.Lock()
		if w.jobs[text] == j { // who comes now asks anew, and finds what is recorded
			delete(w.jobs, text)
		}
		w.mu.Unlock()
		close(j.done)
	}()
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
	}
	w.mu.Lock()
	w.waiting--
	w.mu.Unlock()
	if ctx.Err() != nil {
		j.err = ctx.Err()
		return
	}
	j.report, j.err = w.execute(ctx, text, j.tell)
}

func (j *job) tell(p repl.TaskProgress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.news {
		select {
		case c <- p:
		default: // who has not taken the last one does not need it
		}
	}
}

const (
	startTime = 10 * time.Second // that a process takes beside its task's deadline
	endTime   = 2 * time.Second  // that it has to write a checkpoint when it is told to end
	maxReport = 64 << 20         // bytes that it answers
)

// execute runs a task in a process.
func (w *workers) execute(ctx context.Context, text string, progress func(repl.TaskProgress)) (report repl.TaskReport, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.limits.Time+startTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.program, "--store", w.dir, "work")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	cmd.Stdin = strings.NewReader(text)
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
