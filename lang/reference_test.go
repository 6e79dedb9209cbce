// This file checks the examples of the reference.

package lang

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReference reads each fenced example of REFERENCE.md that is a program; a … stands for what is left out, and the
// grammar and what errors look like are none.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`@bafy[a-z]*…`)
	n := 0
	for i, block := range strings.Split(string(b), "\n```") {
		if i%2 == 0 || strings.Contains(block, "file     =") || strings.Contains(block, "sum.ros:") {
			continue
		}
		src := link.ReplaceAllString(block, "@bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
		for _, item := range Split(src, 0) {
			n++
			if _, errs := Parse("REFERENCE.md", []byte(item)); len(errs) > 0 {
				t.Errorf("%s\n%s", item, errs.Render(false))
			}
		}
	}
	if n < 20 {
		t.Errorf("got %d examples, want more", n)
	}
	for _, heading := range []string{"The standard library", "Error kinds"} {
		if !strings.Contains(string(b), "\n## "+heading+"\n") {
			t.Errorf("no heading %s", heading)
		}
	}
}
