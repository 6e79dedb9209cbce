// This file walks through a reduction at a terminal.

package repl

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/repl/edit"
)

const (
	pipedSteps = 1000 // that are written where nobody presses keys
	leapSteps  = 1000 // that G goes at most
)

// walk shows the steps of a reduction: to somebody who types one at a time, else all of them.
func (sh *shell) walk(ctx context.Context, expr cid.Cid) error {
	if !sh.typed {
		width, _ := sh.size()
		return sh.WriteSteps(ctx, sh.out, expr, width, pipedSteps)
	}
	st := sh.Steps(expr)
	var failed error
	draw := func(width, height int) string {
		v, err := st.View(ctx, width, max(height-3, 1))
		if err != nil {
			failed = err
		}
		text := v.Text
		if v.Redex.End > v.Redex.Start {
			redex := text[v.Redex.Start:v.Redex.End]
			if sh.color {
				lines := strings.Split(redex, "\n")
				for i, line := range lines {
					lines[i] = sh.paint(styleMatch+";33", line)
				}
				redex = strings.Join(lines, "\n")
			} else {
				redex = "«" + redex + "»"
			}
			text = text[:v.Redex.Start] + redex + text[v.Redex.End:]
		}
		var line string
		switch {
		case failed != nil:
			message, _ := sh.Describe(failed, false)
			line = message
		case v.End && v.Error:
			line = fmt.Sprintf("%d: an error, %s in all", v.Pos, stepCount(v.Total))
		case v.End:
			line = fmt.Sprintf("%d: the value, %s in all", v.Pos, stepCount(v.Total))
		default:
			line = fmt.Sprintf("%d: next %s", v.Pos, v.Rule)
		}
		if v.Last != "" {
			line += ", after " + v.Last
		}
		return text + "\n" + sh.paint(styleDim, clip(line+"   space → forwards, ← back, g start, G on, q leave", width))
	}
	key := func(name string) bool {
		switch name {
		case "space", "right", "enter", "down", "n", "j", "l":
			if _, err := st.Next(ctx); err != nil {
				failed = err
			}
		case "left", "up", "backspace", "p", "k", "h", "b":
			failed = nil
			st.Back()
		case "g", "home":
			for failed = nil; st.Back(); {
			}
		case "G", "end":
			for range leapSteps {
				ok, err := st.Next(ctx)
				if err != nil {
					failed = err
				}
				if !ok || err != nil {
					break
				}
			}
		case "q", "esc", "ctrl+c", "ctrl+d":
			return false
		}
		return true
	}
	return edit.Show(ctx, sh.in, os.Stdout, draw, key)
}
