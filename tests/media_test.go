// This file runs the programs of tests/programs over pictures, sounds and compressed data.

package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestMedia holds the results of these programs: their CIDs and steps are the same on every machine and with every release of Go.
func TestMedia(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ program, result, steps string }{
		{"thumbnail.ros lake.jpg", "bafyreigp7gnojkv2bj2pjp42adw454opil37ie2gzddw5x3kqfcsg7h74i", "1428"},
		{"thumbnail.ros lake.png", "bafyreigib6lfyss5gxilonuzddjh34yzeugb4gebqb35vea5ztuzl3quwa", "1702"},
		{"duet.ros a.wav e.wav", "bafyreictyosjve6x56jwnvykcioutnc7ckfe4tjwbdjm6fuighz2rq7ps4", "207"},
		{"packed.ros weather.csv.gz", "bafyreif57xy3hdxlrxprsewq2pkt7bi3dci4eh6gf6ckdszxm7zb4fkt5a", "42965"},
	} {
		args := strings.Fields(c.program)
		for i, name := range args {
			folder, prefix := "programs", ""
			if i > 0 {
				folder, prefix = "data", "file:"
			}
			path, err := filepath.Abs(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			args[i] = prefix + path
		}
		out, errText, exit := command(t, t.TempDir(), append([]string{"run", "--stats"}, args...)...)
		if got := stats(errText); exit != 0 || got["result"] != c.result || got["steps"] != c.steps {
			t.Errorf("%s: got exit %d, result %s in %s steps, want %s in %s\n%.500s", c.program, exit, got["result"], got["steps"], c.result, c.steps, errText)
		}
		if strings.HasPrefix(c.program, "packed") { // what weather.ros says of the same rows
			data, err := os.ReadFile("programs/weather.json")
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if json.Unmarshal([]byte(out), &got) != nil || json.Unmarshal(data, &want) != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %.300s", c.program, out)
			}
		}
	}
}
