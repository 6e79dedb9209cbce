// This file opens the machine to the tests of package eval_test.

package eval

import (
	"context"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

// RunPrim runs a primitive whose demands have been forced, and says what it charged. The error is an *Error or a *Stop.
func (m *Machine) RunPrim(p *Prim, args []graph.Value) (v graph.Value, steps uint64, err error) {
	m.ctx, m.tries, m.primRun = context.Background(), 1, nil // the last one may have ended in the midst of another
	m.steps, m.high, m.off, m.limit, m.fuelEnd = 0, 0, 0, 0, m.opt.Fuel
	sp := m.sp
	defer func() {
		x := recover()
		m.unwindTo(sp, x)
		steps = m.stepsSince(since{})
		switch r := x.(type) {
		case nil:
		case *Thrown:
			err = r.Err
		case *Stop:
			err = r
		default:
			panic(r)
		}
	}()
	v, err = p.Run(m, args)
	return
}

// SetFuel sets the fuel of the next Eval. A stop then writes all that it can, however long that takes.
func (m *Machine) SetFuel(steps uint64) { m.opt.Fuel, m.stopSoon = steps, time.Minute }

// SmallChunks makes the stack go on in a new chunk often. No frame may be larger than that.
func (m *Machine) SmallChunks(slots int) {
	m.chunkSize = uintptr(slots) * slotSize
	m.end = uintptr(m.sp) + m.chunkSize
}

// CheckpointSoon has a checkpoint written at the next call, while the run goes on.
func (m *Machine) CheckpointSoon() { m.nextWrite, m.limit = time.Time{}, m.steps }

// LookBackOften makes the machine look for terms in progress every so many steps, whatever that costs.
func (m *Machine) LookBackOften(every uint64) { m.every, m.asking.free = every, true }

// Cuts is how many terms in progress the last evaluation dropped for an answer.
func (m *Machine) Cuts() int { return m.asking.cuts }

// SleepSoon has functions fall asleep at the first call that the table does not have, for so many steps at first, from the next Eval on.
func (m *Machine) SleepSoon(nap uint64) { m.policy.credit, m.policy.nap = 0, nap }

// SleepLate ends that.
func (m *Machine) SleepLate() { m.policy.credit, m.policy.nap = startCredit, firstSleep }

// Chunks is how many chunks the stack has.
func (m *Machine) Chunks() int { return len(m.chunks) }
