// This file tells what a machine is doing: how far it has come, to another goroutine, and where its steps and its time go.

package eval

import (
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
)

// Progress is how far an evaluation has come.
type Progress struct {
	Steps  uint64 // executed
	Reused uint64
	Linked uint64
	Depth  uint64 // calls in progress, about
}

// progress is what the machine publishes of itself at safepoints, once somebody has asked.
type progress struct {
	asked                         atomic.Bool
	steps, reused, linked, frames atomic.Uint64
}

// Progress is how far the evaluation in progress has come, as of a moment ago. Any goroutine may ask.
func (m *Machine) Progress() Progress {
	p := &m.progress
	p.asked.Store(true)
	return Progress{p.steps.Load(), p.reused.Load(), p.linked.Load(), p.frames.Load()}
}

// restart forgets the evaluation before.
func (p *progress) restart() {
	p.steps.Store(0)
	p.reused.Store(0)
	p.linked.Store(0)
	p.frames.Store(0)
}

// publish answers who has asked.
func (m *Machine) publish() {
	p := &m.progress
	p.asked.Store(false)
	p.steps.Store(m.executed())
	p.reused.Store(m.stats.Reused)
	p.linked.Store(m.stats.Linked)
	// The frames of the uppermost chunk are counted, and those of the others are taken to be as large.
	top := m.chunks[len(m.chunks)-1]
	base, n := unsafe.Pointer(unsafe.SliceData(top.slots)), uint64(0)
	for fp := base; uintptr(fp) < uintptr(m.sp); {
		h := m.headerAt(fp)
		if h.f != nil && h.f.arity > 0 {
			n++
		}
		fp = unsafe.Add(fp, h.size)
	}
	if used := uint64(uintptr(m.sp) - uintptr(base)); used > 0 {
		n += n * uint64(len(m.chunks)-1) * uint64(m.chunkSize) / used
	}
	p.frames.Store(n)
}

// A Profile is where the steps and the time of evaluations went. A machine fills the one that its Options name.
type Profile struct {
	// Steps and Time are of all together.
	Steps uint64
	Time  time.Duration

	functions map[cid.Cid]*FunctionProfile
	samples   map[string]*Sample
	current   *FunctionProfile // whose body is being reduced
	last      time.Time        // of the sample before
	steps     uint64
}

// A FunctionProfile is one function's part. Calls, Own, Reused and Linked are exact; Time is by samples, one at every 4,096 steps.
type FunctionProfile struct {
	Fn     cid.Cid
	Calls  uint64        // executed
	Own    uint64        // steps: the calls, and what its primitives charge
	Time   time.Duration // without that of the functions it calls
	Reused uint64        // of its calls, those whose result was found
	Linked uint64        // results written
}

// A Sample is the steps and time that passed while a stack stood.
type Sample struct {
	Stack []StackFrame // innermost first
	Steps uint64
	Time  time.Duration
}

// A StackFrame is a function in a stack, and the node from which it was called.
type StackFrame struct {
	Fn    cid.Cid
	Block cid.Cid // the caller's block of code; undefined if that is not known
	Index int
}

// deepest is how many frames of a stack a sample keeps: the innermost.
const deepest = 128

// samplesKept is how many stacks are told apart, about 10 KB each at most. After those a new one counts for its innermost function alone.
const samplesKept = 1 << 13

// Functions are the parts of all functions that were called, those with the most time first.
func (p *Profile) Functions() []*FunctionProfile {
	var all []*FunctionProfile
	for _, f := range p.functions {
		if f.Calls > 0 || f.Reused > 0 {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *FunctionProfile) int {
		switch {
		case a.Time != b.Time:
			return int(min(max(b.Time-a.Time, -1), 1))
		case a.Own != b.Own:
			return int(min(max(int64(b.Own-a.Own), -1), 1))
		}
		return slices.Compare([]byte(a.Fn.KeyString()), []byte(b.Fn.KeyString()))
	})
	return all
}

// Samples are all stacks that were met.
func (p *Profile) Samples() []*Sample {
	var all []*Sample
	for _, s := range p.samples {
		all = append(all, s)
	}
	return all
}

// of is f's part.
func (p *Profile) of(f *lam) *FunctionProfile {
	if p.functions == nil {
		p.functions = map[cid.Cid]*FunctionProfile{}
	}
	part := p.functions[f.cid]
	if part == nil {
		part = &FunctionProfile{Fn: f.cid}
		p.functions[f.cid] = part
	}
	return part
}

// counted is a body that counts its calls in the profile.
func (p *Profile) counted(f *lam, body code) code {
	if f.arity == 0 { // a closed expression is no call
		return body
	}
	part := p.of(f)
	return func(m *Machine, fp unsafe.Pointer) (r graph.Value) {
		part.Calls++
		part.Own++
		before := p.current
		p.current = part
		r = body(m, fp)
		p.current = before
		return r
	}
}

// countReused counts a call of f whose result was found.
func (m *Machine) countReused(f *lam) {
	m.stats.Reused++
	if m.opt.Profile != nil {
		m.opt.Profile.of(f).Reused++
	}
}

// reducing is the function whose body is being reduced; nil without a profile.
func (p *Profile) reducing() *FunctionProfile {
	if p == nil {
		return nil
	}
	return p.current
}

// reduces says whose body goes on, where an error has left those inside it.
func (p *Profile) reduces(f *FunctionProfile) {
	if p != nil {
		p.current = f
	}
}

// charged counts steps of a primitive.
func (p *Profile) charged(n uint64) {
	if p.current != nil {
		p.current.Own += n
	}
}

// sample notes what has passed since the last sample for the stack that stands now.
func (p *Profile) sample(m *Machine) {
	now := time.Now()
	steps, took := m.executed()-p.steps, now.Sub(p.last)
	p.last, p.steps = now, m.executed()
	p.Steps += steps
	p.Time += took
	stack := m.frames(deepest)
	if len(stack) == 0 {
		return
	}
	if part := p.functions[stack[0].Fn]; part != nil {
		part.Time += took
	}
	key := stackKey(stack)
	s := p.samples[key]
	if s == nil && len(p.samples) >= samplesKept {
		stack = stack[:1]
		stack[0].Block, stack[0].Index = cid.Undef, -1
		key = stackKey(stack)
		s = p.samples[key]
	}
	if s == nil {
		if p.samples == nil {
			p.samples = map[string]*Sample{}
		}
		s = &Sample{Stack: slices.Clone(stack)}
		p.samples[key] = s
	}
	s.Steps += steps
	s.Time += took
}

// stackKey tells stacks apart.
func stackKey(stack []StackFrame) string {
	key := make([]byte, 0, 48*len(stack))
	for _, f := range stack {
		key = append(append(key, f.Fn.KeyString()...), byte(f.Index), byte(f.Index>>8), byte(f.Index>>16))
	}
	return string(key)
}

// frames are the innermost calls in progress, at most so many.
func (m *Machine) frames(most int) []StackFrame {
	var out []StackFrame
	sp := uintptr(m.sp)
	for i := len(m.chunks) - 1; i >= 0 && len(out) <= most; i-- {
		var fps []unsafe.Pointer
		for fp := unsafe.Pointer(unsafe.SliceData(m.chunks[i].slots)); uintptr(fp) < sp; {
			fps = append(fps, fp)
			fp = unsafe.Add(fp, m.headerAt(fp).size)
		}
		for j := len(fps) - 1; j >= 0 && len(out) <= most; j-- {
			h := m.headerAt(fps[j])
			if h.f == nil {
				continue
			}
			if last := len(out) - 1; last >= 0 && !out[last].Block.Defined() && out[last].Index >= 0 {
				out[last].Block = h.f.unit.cid
			}
			if h.f.arity > 0 {
				out = append(out, StackFrame{Fn: h.f.cid, Index: h.index})
			}
		}
		sp = uintptr(m.chunks[i].sp)
	}
	return out[:min(len(out), most)]
}
