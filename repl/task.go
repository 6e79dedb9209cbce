// This file evaluates for a node: in a process of its own, which is told what to do by a line of JSON and answers with lines of JSON.

package repl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/lang"
)

// A Task is something to evaluate: Source, or Expr, or what Expr, a function, gives for Args; or something to go on with.
type Task struct {
	Source     string   `json:"source,omitempty"`
	Expr       string   `json:"expr,omitempty"`       // a CID
	Args       []string `json:"args,omitempty"`       // CIDs
	Checkpoint string   `json:"checkpoint,omitempty"` // a CID
	Fuel       uint64   `json:"fuel,omitempty"`       // steps; 0 is no limit
	Milli      int64    `json:"deadline,omitempty"`   // milliseconds; 0 is no limit
	Memory     string   `json:"memory,omitempty"`
	Link       string   `json:"link,omitempty"`
	Value      bool     `json:"value,omitempty"` // the value is wanted as DAG-JSON, where it is not large
}

// Check says what is wrong with the size of a Task. Who compiles for strangers does so in the process that answers all.
func (t Task) Check() error {
	switch {
	case len(t.Source) > maxTaskSource:
		return Misuse(fmt.Errorf("got a source of %d bytes, the limit is %d: large data is given as an argument", len(t.Source), maxTaskSource))
	case len(t.Args) > maxTaskArgs:
		return Misuse(fmt.Errorf("got %d arguments, the limit is %d: more are given as a list", len(t.Args), maxTaskArgs))
	}
	return nil
}

// A TaskReport is what comes of a Task: any number with only Progress, and one without.
type TaskReport struct {
	Progress   *TaskProgress   `json:"progress,omitempty"`
	Expr       string          `json:"expr,omitempty"`
	Result     string          `json:"result,omitempty"` // CID of the Result, of a value or of the program's error
	Steps      uint64          `json:"steps,omitempty"`
	Executed   uint64          `json:"executed,omitempty"` // of these, what was not there already
	Rests      string          `json:"rests,omitempty"`    // whose claims the answer may rest on
	Value      json.RawMessage `json:"value,omitempty"`
	Error      *TaskError      `json:"error,omitempty"`      // the program's
	Stopped    string          `json:"stopped,omitempty"`    // why it did not come to an end
	Checkpoint string          `json:"checkpoint,omitempty"` // from which it can go on
	Reduct     string          `json:"reduct,omitempty"`     // CID of the Reduct to one expression that is left of it, which anybody can reduce
	Problem    string          `json:"problem,omitempty"`    // why nothing was evaluated
	Missing    string          `json:"missing,omitempty"`    // CID of the block that was not to be had, if it was that
}

// A TaskProgress says how far a Task has come.
type TaskProgress struct {
	Elapsed int64  `json:"elapsed"` // milliseconds
	Steps   uint64 `json:"steps"`
	Reused  uint64 `json:"reused"`
	Linked  uint64 `json:"linked"`
	Depth   int64  `json:"depth"`
}

// A TaskError is a program's error.
type TaskError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

const (
	maxTask       = 32 << 20 // bytes of a task
	maxTaskSource = 1 << 20  // bytes of its source: what is more than a program is given as data
	maxTaskArgs   = 1000
	maxTaskValue  = 4 << 20 // bytes of a value that a report carries
	taskTick      = 500 * time.Millisecond
)

// Work is `rosser work`: it reads a Task from in and writes its TaskReports to out.
func Work(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	var t Task
	if err := json.NewDecoder(io.LimitReader(in, maxTask)).Decode(&t); err != nil {
		return Misuse(fmt.Errorf("the task cannot be read: %w", err))
	}
	o.Fuel, o.Deadline, o.Memory, o.Link = t.Fuel, time.Duration(t.Milli)*time.Millisecond, t.Memory, t.Link
	o.Stdout, o.Stderr, o.single, o.sealed = io.Discard, io.Discard, true, true
	write := json.NewEncoder(out)
	return with(o, func(s *Session) error {
		end := s.reporting(write)
		r := s.task(ctx, t)
		end()
		if err := s.store.Flush(context.WithoutCancel(ctx)); err != nil && r.Problem == "" {
			r = TaskReport{Problem: fmt.Sprintf("the store cannot be written: %v", err)}
		}
		return write.Encode(r)
	})
}

// reporting writes reports of progress until end is called.
func (s *Session) reporting(write *json.Encoder) (end func()) {
	began, stop, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(taskTick)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			p := s.machine.Progress()
			write.Encode(TaskReport{Progress: &TaskProgress{time.Since(began).Milliseconds(), p.Steps, p.Reused, p.Linked, int64(p.Depth)}})
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// task does t.
func (s *Session) task(ctx context.Context, t Task) TaskReport {
	limited, cancel := s.within(ctx)
	defer cancel()
	expr, blocks, err := s.TaskExpr(limited, t)
	if err == nil {
		err = s.store.Put(ctx, blocks...)
	}
	r := TaskReport{}
	var out eval.Outcome
	switch {
	case err != nil:
		return Problem(err)
	case t.Checkpoint != "":
		c, err := parseCID(t.Checkpoint)
		if err != nil {
			return Problem(err)
		}
		point, ok := s.checkpoint(c)
		switch {
		case !ok:
			return Problem(fmt.Errorf("%s is no checkpoint that is here", c))
		case expr.Defined() && point.Of != expr:
			return Problem(fmt.Errorf("%s is no checkpoint of %s", c, expr))
		}
		expr = point.Of
		out, err = s.evaluated(s.machine.Resume(limited, c))
		r = s.report(expr, out, err)
	default:
		out, err = s.evaluated(s.machine.Eval(limited, expr))
		r = s.report(expr, out, err)
	}
	if t.Value && r.Result != "" && r.Error == nil {
		err := loading(func() error {
			text, err := s.shown(limited, out.Value)
			if err == nil && len(text) <= maxTaskValue {
				r.Value = json.RawMessage(text)
			}
			return err
		})
		if err != nil {
			r.Value = nil
		}
	}
	return r
}

// TaskExpr is the expression that a Task is about, and the blocks of its code; undefined where its checkpoint says that.
func (s *Session) TaskExpr(ctx context.Context, t Task) (cid.Cid, []graph.Block, error) {
	if err := t.Check(); err != nil {
		return cid.Undef, nil, err
	}
	source := ""
	switch {
	case t.Source != "" && t.Expr != "":
		return cid.Undef, nil, Misuse(errors.New("got source and expr, want one of them"))
	case t.Source != "":
		if source = t.Source; len(t.Args) > 0 {
			source = "(" + source + "\n)"
		}
	case t.Expr == "" && t.Checkpoint != "":
		return cid.Undef, nil, nil
	case t.Expr == "":
		return cid.Undef, nil, Misuse(errors.New("got nothing to evaluate, want source, expr or checkpoint"))
	default:
		c, err := parseCID(t.Expr)
		if err != nil || len(t.Args) == 0 {
			return c, nil, err
		}
		source = "@" + c.String()
	}
	for _, a := range t.Args {
		c, err := parseCID(a)
		if err != nil {
			return cid.Undef, nil, err
		}
		source += " @" + c.String()
	}
	u, err := s.translate(ctx, "program", []byte(source))
	if err == nil && u.Body == nil {
		err = Misuse(errors.New("got definitions, want an expression"))
	}
	if err != nil {
		return cid.Undef, nil, err
	}
	return u.BodyCID, u.Blocks, nil
}

// report is what an evaluation has come to.
func (s *Session) report(expr cid.Cid, out eval.Outcome, err error) TaskReport {
	r := TaskReport{Expr: expr.String(), Steps: out.Steps, Executed: out.Reduced, Rests: strings.TrimPrefix(out.Rests, graph.ClaimAnswer)}
	if out.Result.Defined() {
		r.Result = out.Result.String()
	}
	var stop *eval.Stop
	if errors.As(err, &stop) && stop.Reason != eval.Missing {
		r.Stopped = once(stop)
		if stop.Checkpoint.Defined() {
			r.Checkpoint = stop.Checkpoint.String()
			r.Reduct = s.remainder(stop.Checkpoint)
		}
		return r
	}
	if err != nil {
		return Problem(err)
	}
	if out.Error != nil {
		text, _ := s.Describe(s.Failed(out.Error, expr), false)
		r.Error = &TaskError{out.Error.Err.Kind, text}
	}
	return r
}

// remainder is the CID of the Reduct to what a checkpoint leaves to do; "" if that is not one expression that is further than the one before.
func (s *Session) remainder(c cid.Cid) string {
	point, ok := s.checkpoint(c)
	if !ok {
		return ""
	}
	var blocks []graph.Block
	r, ok, err := eval.Remainder(point, s.Load, graph.SinkFunc(func(b graph.Block) { blocks = append(blocks, b) }))
	if err != nil || !ok {
		return ""
	}
	blocks = append(blocks, graph.EncodeReduct(r, nil))
	if s.store.Put(context.Background(), blocks...) != nil {
		return ""
	}
	return blocks[len(blocks)-1].CID.String()
}

// Problem reports that nothing was evaluated, and why.
func Problem(err error) TaskReport {
	text, _ := describe(err, false)
	r := TaskReport{Problem: lang.Clean(strings.TrimPrefix(text, "rosser: "))}
	if c, _ := unavailable(err); c.Defined() {
		r.Missing = c.String()
	}
	return r
}
