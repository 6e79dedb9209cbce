// This file tests that reading ends with its context, soon, whatever is being read.

package lang

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseContext(t *testing.T) {
	rep := strings.Repeat
	cause := errors.New("enough")
	for name, src := range map[string]string{
		"list":        "[" + rep("1,", 8<<20-10) + "1]",
		"items":       rep("let x = 1\n", 1<<20),
		"numbers":     "[" + rep(rep("7", 999_999)+",", 16) + "1]",
		"comments":    rep("##\n", 5<<20) + "1",
		"long text":   `"` + rep("x", 15<<20) + `"`,
		"rewound":     rep("let x = (\n", 1<<20),
		"parameters":  "let f " + rep("[", 500) + rep("a,", 4<<20) + rep("]", 500) + " = 1",
		"names":       "match 1 { | [" + rep("a,", 2<<20) + "] " + rep("| c ", 2<<20) + "-> 1 }",
		"interpolate": `"` + rep(`\(x)`, 4<<20-10) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			var stopped time.Time
			time.AfterFunc(20*time.Millisecond, func() { stopped = time.Now(); cancel(cause) })
			f, _, err := ParseContext(ctx, "f", []byte(src))
			<-ctx.Done()
			if took := time.Since(stopped); took > 20*time.Second {
				t.Errorf("took %v to end", took)
			} else {
				t.Logf("took %v to end: %v", took, err)
			}
			if err != nil && (err != cause || f == nil || f.Body != nil || len(f.Defs) > 0) {
				t.Errorf("got %v, want %v and nothing read", err, cause)
			}
		})
	}
	if _, _, err := ParseContext(context.Background(), "f", []byte("1")); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := ParseContext(ctx, "f", []byte("1")); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
