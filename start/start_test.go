package start

import (
	"strings"
	"testing"
)

func TestShort(t *testing.T) {
	for line, want := range map[string]bool{
		"rosser eval 1": true, "rosser run x.ros": true, "rosser --store DIR work": true, "rosser --store=DIR run x.ros": true,
		"": false, "rosser": false, "rosser serve": false, "rosser publish --library a --car run": false,
	} {
		if got := short(strings.Fields(line)); got != want {
			t.Errorf("%q: got %v", line, got)
		}
	}
}
