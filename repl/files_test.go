// This file looks at the line that says how far a file has come.

package repl

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	for _, c := range []struct {
		n, all int64
		want   string
	}{
		{500_000, 0, "2s · 500 kB, 250 kB/s"},
		{0, 2_000_000, "2s · ░░░░░░░░░░░░░░░░░░░░ 0 B of 2.0 MB, 0 B/s"},
		{500_000, 2_000_000, "2s · █████░░░░░░░░░░░░░░░ 500 kB of 2.0 MB, 250 kB/s"},
		{1_999_999, 2_000_000, "2s · ███████████████████░ 2.0 MB of 2.0 MB, 1.0 MB/s"},
		{3_000_000, 2_000_000, "2s · ████████████████████ 3.0 MB of 3.0 MB, 1.5 MB/s"}, // it grows
	} {
		m := &meter{all: c.all}
		m.add(int(c.n))
		if got := m.line(2 * time.Second); got != c.want {
			t.Errorf("%d of %d: got %s, want %s", c.n, c.all, got, c.want)
		}
	}
}
