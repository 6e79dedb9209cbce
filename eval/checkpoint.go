// This file stops evaluations so that they can go on: it writes what has become of the terms in progress, and starts from that.

package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// stop ends the evaluation. What is left of it is written down first, if it can be.
func (m *Machine) stop(s *Stop) {
	if s.Reason != Missing && s.Reason != Endless && !m.writing {
		within := stopWrite
		if s.Reason == MemoryLimit {
			within = memoryWrite
		}
		s.Checkpoint, s.Lost = m.checkpoint(within, m.stopSoon, stopBytes)
	}
	m.entering = false
	if s.Reason == OutOfFuel && !m.charging && m.executed() > m.fuelEnd { // by the step of a call that will not begin
		m.off--
	}
	if m.handing != nil && !m.writing && len(m.chunks) > 1 && s.Reason != MemoryLimit {
		s.Steps = m.executed()
		told := *s
		m.handing <- m.ending(&told)
		m.handing = nil
		select {
		case <-m.wanted:
		case <-time.After(unwindLater):
		}
	}
	panic(s)
}

// checkpoint writes what the terms in progress have become and what leads there, and returns the Checkpoint's CID, or why there is none.
// Of a deep stack it writes what can be written soon; it gives up when not even that is done within the time, and so many bytes.
func (m *Machine) checkpoint(within, soon time.Duration, most uint64) (c cid.Cid, err error) {
	root := m.policy.root
	switch {
	case m.opt.Store == nil || root == nil: // there is nothing to go on with, or from
		return cid.Undef, nil
	case m.Failure() != nil:
		return cid.Undef, m.Failure()
	}
	if m.policy.failure != nil { // the store gave way to what stops the evaluation now
		m.policy.failure = nil
		m.newBlocks()
	}
	began := time.Now()
	full := m.stats.Written + most
	m.writing, m.writeUntil, m.writeEnd = true, began.Add(within), full
	defer func() {
		m.writing = false
		if x := recover(); x != nil {
			s, ok := stopOf(x)
			if !ok { // it takes too long, or a block that it needs cannot be had
				panic(x)
			}
			err = s
		}
		if err != nil {
			c = cid.Undef
			if m.Failure() == nil && m.policy.failure != nil { // the store may lack what was given to it last; that alone ends no linking
				m.policy.failure = nil
				m.newBlocks()
			}
		}
	}()
	ctx := m.ctx
	var end context.CancelFunc
	m.ctx, end = context.WithDeadline(context.WithoutCancel(ctx), m.writeUntil.Add(toFinish))
	defer func() {
		end()
		m.ctx = ctx
	}()
	m.putRestCode()
	by := Own
	if m.claim != "" {
		by = m.claim
	}
	reducts, known, err := m.readBack(m.Blocks(), began.Add(soon))
	if err != nil {
		return cid.Undef, err
	}
	m.writeUntil, m.writeEnd = m.writeUntil.Add(toFinish), m.writeEnd+stopBytes
	out := graph.Checkpoint{Of: root.cid}
	for _, r := range reducts {
		block := graph.EncodeReduct(r, m.Blocks()).CID
		if m.policy.failure != nil { // what was to be written before may lack something
			return cid.Undef, m.policy.failure
		}
		out.Reducts = append(out.Reducts, block)
		if err := m.opt.Store.RecordReduct(m.ctx, graph.Becomes{Expr: r.Of, Reduct: block, By: by}); err != nil {
			m.policy.storeFailed(err)
			return cid.Undef, err
		}
	}
	out.Reducts = append(out.Reducts, known...)
	settled, traces := m.keepSettled(by, began.Add(soon), full)
	out.Reducts = append(out.Reducts, settled...)
	for _, u := range m.policy.uses {
		if u.trace.Defined() && len(out.Uses) < graph.MaxReducts {
			out.Uses = append(out.Uses, u.trace)
		}
	}
	out.Uses = append(out.Uses, traces...)
	m.writeMembers()
	c = graph.EncodeCheckpoint(out, m.Blocks()).CID
	return c, m.policy.failure
}

// How long a checkpoint may take at a stop. Nearly all take a few milliseconds; what takes longer is megabytes of values, or millions of frames.
const (
	stopSoon    = 50 * time.Millisecond
	stopWrite   = 2 * time.Second
	memoryWrite = 300 * time.Millisecond
	unwindLater = 200 * time.Millisecond // a process that ends does it before
	toFinish    = time.Second            // the little that comes after the stack is read
	stopBytes   = 1 << 30
)

// tooLong ends the writing of a checkpoint whose time is over, or that has too many bytes.
func (m *Machine) tooLong() {
	if m.writing && (time.Now().After(m.writeUntil) || m.stats.Written > m.writeEnd) {
		panic(&Stop{Reason: Missing, Err: errTooLong})
	}
}

var (
	errTooLong   = errors.New("what was in progress is too large to be written in time")
	errManySteps = fmt.Errorf("it has taken more than 2^%d steps, those that were found done already included", 64-indexBits)
)

const (
	writeEvery = 3 * time.Second // at least, between two checkpoints of a run that goes on
	writeFor   = time.Second     // one such takes no longer, nor more than one in tryShare parts of the run so far: it may be in vain
	writeBytes = 64 << 20        // it takes no more, nor more than writeRate
	writeRate  = 4 << 20         // bytes for each second of the run so far
	tryShare   = 32
	writeShare = 40 // writing them takes at most one in so many parts of the time
)

// sometimes writes a checkpoint when it is time, so that a run that is killed can go on from there.
func (m *Machine) sometimes() {
	if m.opt.Link == None || !m.policy.on() || m.policy.root == nil {
		return
	}
	now := time.Now()
	if now.Before(m.nextWrite) {
		return
	}
	ran := now.Sub(m.policy.began)
	within := min(writeFor, ran/tryShare)
	if _, err := m.checkpoint(within, within, min(writeBytes, writeRate*uint64(ran.Seconds()), m.policy.room(2))); err == nil {
		m.writeWait = writeEvery
	} else { // the next one goes on with what is in hand then as well; for what is not, this one was in vain
		m.writeWait *= 2
	}
	m.nextWrite = now.Add(max(m.writeWait, writeShare*time.Since(now)))
}

// Resume goes on with the evaluation that the Checkpoint in the block c was written for. What it says counts only where this machine
// wrote it, or if claims are trusted; the rest is reduced again.
func (m *Machine) Resume(ctx context.Context, c cid.Cid) (Outcome, error) {
	data, err := m.opt.Load(c)
	if err != nil {
		return Outcome{}, &Stop{Reason: Missing, Err: err}
	}
	point, err := graph.DecodeCheckpoint(data)
	if err != nil {
		return Outcome{}, &Stop{Reason: Missing, Err: fmt.Errorf("%s: %w", c, err)}
	}
	m.becomes = map[cid.Cid]graph.Becomes{}
	for _, r := range point.Reducts {
		data, err := m.opt.Load(r)
		if err != nil {
			continue
		}
		if reduct, err := graph.DecodeReduct(data); err == nil {
			m.becomes[reduct.Of] = graph.Becomes{Expr: reduct.Of, Reduct: r}
		}
	}
	defer func() { m.becomes = nil }()
	return m.Eval(ctx, point.Of)
}

// entersContext says whether a term is one that was written at a stop.
func entersContext(t *graph.Term) bool {
	return t.Op == graph.OpApp && len(t.Args) == 4 && t.Args[0].Op == graph.OpPrim && t.Args[0].Name == enterName
}

// reductOf is what an expression has become by an earlier evaluation, as far as that may be used.
func (m *Machine) reductOf(expr cid.Cid) (r graph.Reduct, block cid.Cid, ok bool) {
	if !m.resuming || m.opt.Store == nil {
		return r, block, false
	}
	b, ok, err := m.opt.Store.Reduct(m.ctx, expr)
	if err != nil || !ok && m.becomes == nil {
		return r, block, false
	}
	if named, is := m.becomes[expr]; is && (!ok || b.Reduct != named.Reduct) {
		// The index has another one, or none: a checkpoint alone is a claim.
		if claim := graph.ClaimOf("checkpoint"); m.believes(claim) {
			b, ok = named, true
			b.By = claim
		} else if !ok {
			return r, block, false
		}
	}
	if !ok || !m.believes(b.By) {
		return r, block, false
	}
	r, err = graph.LoadReduct(b, m.opt.Load)
	if err != nil {
		return r, block, false
	}
	if u := m.unit(r.To); u.state == running || !m.canLoad(u) || u.group != nil {
		return r, block, false
	}
	m.restOn(b.By)
	m.stats.Cut = true
	m.stats.Reused++
	m.stats.Spared = min(m.stats.Spared+r.Steps, graph.MaxSteps)
	return r, b.Reduct, true
}
