// This file has one process reduce what several want.
//
// # What if they want it within different limits?
//
// The same expression asked twice at once is one job. It begins with the largest limits of those who wait for it then. Whoever comes later waits, too: one who
// wants less is told at his own limit that it is reached, and the job goes on for the others; for one who wants more it is gone on with at the first
// limit, from where it stopped, with what he has left. The last who leaves ends it, and is given what was reached.

package node

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/rosser-lang/rosser/repl"
)

// A job is a task that waits or runs, for all who want it. workers.mu guards it.
type job struct {
	task    repl.Task // without limits
	key     string
	owner   client // who wants it, and whose process it is
	waiting []*waiter
	cancel  context.CancelFunc
	ctx     context.Context
	began   time.Time // of its first process; zero before
	done    uint64    // steps of the processes before
	steps   uint64    // of the one that runs

	// Of the process that runs:
	fuelEnd uint64 // steps of the job
	timeEnd time.Time
	value   bool // its report has the value
}

// A waiter is one who wants a job.
type waiter struct {
	client
	task   repl.Task // with his limits
	since  time.Time
	from   uint64 // steps that were done when he came
	news   chan repl.TaskProgress
	answer chan answered // takes one
}

// fuelEnd is how many steps of the job one who waits lets it take.
func (m *waiter) fuelEnd() uint64 {
	if m.task.Fuel == 0 {
		return math.MaxUint64
	}
	return m.from + min(m.task.Fuel, math.MaxUint64-m.from)
}

// timeEnd is how long he waits for it.
func (m *waiter) timeEnd(j *job) time.Time {
	return later(j.began, m.since).Add(time.Duration(m.task.Milli) * time.Millisecond)
}

type answered struct {
	report repl.TaskReport
	err    error
}

// do runs a task that has been admitted, or waits for the same one that runs already. It ends when ctx does; the task goes on while somebody wants it.
func (w *workers) do(ctx context.Context, c client, t repl.Task, progress func(repl.TaskProgress)) (repl.TaskReport, error) {
	me := &waiter{client: c, task: w.limits.clamp(t), since: time.Now(), news: make(chan repl.TaskProgress, 1), answer: make(chan answered, 1)}
	j, err := w.join(me)
	if err != nil {
		return repl.TaskReport{}, err
	}
	beat, look := time.NewTicker(idleTime/3), time.NewTicker(lookTime)
	defer beat.Stop()
	defer look.Stop()
	var last repl.TaskProgress
	for {
		select {
		case last = <-me.news:
			progress(last)
		case <-beat.C: // it waits; whoever listens hears something
			progress(last)
		case a := <-me.answer:
			return a.report, a.err
		case <-look.C:
			if report, over := w.over(j, me); over {
				return report, nil
			}
		case <-ctx.Done():
			w.leave(j, me)
			return repl.TaskReport{}, ctx.Err()
		}
	}
}

const lookTime = 100 * time.Millisecond // after so long it is noticed that one of several has reached his limit

// jobKey is what is the same for tasks that are the same.
func jobKey(t repl.Task) string {
	if t.Source == "" && t.Expr != "" && len(t.Args) == 0 {
		return t.Expr
	}
	t.Fuel, t.Milli, t.Value = 0, 0, false
	text, err := json.Marshal(t)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(text)
}

// join has me wait for the job that does my task.
func (w *workers) join(me *waiter) (*job, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errBusy
	}
	key := jobKey(me.task)
	j, ok := w.jobs[key]
	if !ok {
		if len(w.queue) >= w.limits.Queue {
			return nil, errBusy
		}
		j = &job{task: me.task, key: key, owner: me.client}
		j.ctx, j.cancel = context.WithCancel(context.Background())
		w.jobs[key] = j
		w.queue = append(w.queue, j)
	}
	if j.began.IsZero() && j.task.Checkpoint == "" {
		j.task.Checkpoint = me.task.Checkpoint
	}
	me.from = j.done + j.steps
	j.waiting = append(j.waiting, me)
	w.dispatchLocked()
	return j, nil
}

// dispatchLocked begins what there is room for: the first in the queue that somebody wants who has not as many processes as one may have.
func (w *workers) dispatchLocked() {
	for i := 0; i < len(w.queue) && w.running < w.limits.Jobs && !w.closed; {
		j := w.queue[i]
		at := slices.IndexFunc(j.waiting, func(m *waiter) bool {
			a := w.peers[m.who]
			return m.free() || a == nil || a.running < w.limits.EachJobs
		})
		if at < 0 {
			i++
			continue
		}
		j.owner = j.waiting[at].client
		own := w.peers.of(j.owner.who)
		w.queue = slices.Delete(w.queue, i, i+1)
		w.running++
		own.running++
		w.all.Go(func() {
			w.run(j)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.running--
			own.running--
			w.forgetLocked(j.owner)
			w.dispatchLocked()
		})
	}
}

// partLocked has somebody wait no more, and charges him. A job that nobody waits for ends.
func (w *workers) partLocked(j *job, me *waiter) {
	at := slices.Index(j.waiting, me)
	if at < 0 {
		return
	}
	j.waiting = slices.Delete(j.waiting, at, at+1)
	if !j.began.IsZero() {
		steps := j.done + j.steps
		w.chargeLocked(me.client, time.Since(later(j.began, me.since)), steps-min(me.from, steps))
	}
	if len(j.waiting) == 0 {
		w.dropLocked(j)
	}
}

// dropLocked ends a job.
func (w *workers) dropLocked(j *job) {
	j.cancel()
	if w.jobs[j.key] == j { // who comes now asks anew, and finds what is recorded
		delete(w.jobs, j.key)
	}
	w.queue = slices.DeleteFunc(w.queue, func(o *job) bool { return o == j })
}

func (w *workers) leave(j *job, me *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partLocked(j, me)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// over says whether one who waits has reached his own limit, where the job has a larger one, and what he is told then. Where nobody else waits the job is
// told to end, and he is given its report.
func (w *workers) over(j *job, me *waiter) (repl.TaskReport, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.began.IsZero() || !slices.Contains(j.waiting, me) {
		return repl.TaskReport{}, false
	}
	stopped, end := "", me.timeEnd(j)
	switch {
	case j.done+j.steps >= me.fuelEnd() && me.fuelEnd() < j.fuelEnd:
		stopped = "out of fuel"
	case !time.Now().Before(end) && end.Before(j.timeEnd):
		stopped = "deadline exceeded"
	default:
		return repl.TaskReport{}, false
	}
	if len(j.waiting) == 1 {
		j.cancel()
		if w.jobs[j.key] == j {
			delete(w.jobs, j.key)
		}
		return repl.TaskReport{}, false
	}
	w.partLocked(j, me)
	return repl.TaskReport{Expr: j.task.Expr, Stopped: stopped + "; it goes on for others who wait for the same"}, true
}

// run has processes do a job until nobody waits for more.
func (w *workers) run(j *job) {
	w.mu.Lock()
	j.began = time.Now()
	defer w.mu.Unlock()
	defer w.dropLocked(j)
	for len(j.waiting) > 0 {
		j.fuelEnd, j.timeEnd, j.value = 0, j.began, false
		for _, m := range j.waiting {
			j.fuelEnd, j.timeEnd, j.value = max(j.fuelEnd, m.fuelEnd()), later(j.timeEnd, m.timeEnd(j)), j.value || m.task.Value
		}
		t := j.task
		t.Fuel, t.Value = 0, j.value
		if j.fuelEnd < math.MaxUint64 {
			t.Fuel = max(j.fuelEnd-min(j.done, j.fuelEnd), 1)
		}
		t.Milli = max(time.Until(j.timeEnd).Milliseconds(), 1)
		w.mu.Unlock()
		report, err := w.execute(j.ctx, t, func(p repl.TaskProgress) { w.tell(j, p) })
		w.mu.Lock()
		if err != nil && j.ctx.Err() != nil { // it was told to end, and could say nothing
			report, err = repl.TaskReport{Expr: t.Expr, Executed: j.steps, Stopped: "interrupted"}, nil
		}
		if err == nil {
			j.steps = report.Executed
		}
		j.done, j.steps = j.done+j.steps, 0
		report.Executed = j.done
		for _, m := range slices.Clone(j.waiting) {
			if err == nil && j.ctx.Err() == nil && (report.Stopped != "" && j.wantsMore(m) || report.Stopped == "" && m.task.Value && !j.value) {
				continue
			}
			own := report
			if !m.task.Value {
				own.Value = nil
			}
			m.answer <- answered{own, err}
			w.partLocked(j, m)
		}
	}
}

// wantsMore says whether one who waits has limits beyond those of the process that has just stopped.
func (j *job) wantsMore(m *waiter) bool {
	fuel, end := m.fuelEnd(), m.timeEnd(j)
	return fuel > j.done && end.After(time.Now()) && (fuel > j.fuelEnd || end.After(j.timeEnd))
}

// tell tells all who wait how far it has come.
func (w *workers) tell(j *job, p repl.TaskProgress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j.steps = p.Steps
	for _, m := range j.waiting {
		select {
		case m.news <- p:
		default: // who has not taken the last one does not need it
		}
	}
}

// close ends all that runs, which keeps what it has reached, also what nobody wants any more and is about to end. It says whether anybody has been
// told how far that is.
func (w *workers) close() (told bool) {
	w.mu.Lock()
	w.closed = true
	for _, j := range w.jobs {
		j.cancel()
		told = true
		if j.began.IsZero() { // it never begins
			for _, m := range slices.Clone(j.waiting) {
				m.answer <- answered{err: errBusy}
				w.partLocked(j, m)
			}
		}
	}
	w.mu.Unlock()
	w.all.Wait()
	return told
}
