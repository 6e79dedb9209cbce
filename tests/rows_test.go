// This file imports rows with the command: what it prints, what it says of bad files, and what it takes of memory and time.

package tests

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestImportRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var csv, json, ndjson strings.Builder
	csv.WriteString("id,name\n")
	json.WriteString("[")
	for i := range 3000 {
		if i > 0 {
			json.WriteString(",")
		}
		fmt.Fprintf(&csv, "%d,\"row %d\"\n", i, i)
		fmt.Fprintf(&json, "\n{\"name\": \"row %d\", \"id\": \"%d\"}", i, i)
		fmt.Fprintf(&ndjson, "{\"id\":\"%d\",\"name\":\"row %d\"}\n", i, i)
	}
	write(t, dir, "rows.csv", csv.String())
	write(t, dir, "rows.JSON", json.String()+"]")
	write(t, dir, "rows.jsonl", ndjson.String())
	write(t, dir, "rows", csv.String())
	write(t, dir, "empty.ndjson", "")
	write(t, dir, "one.json", " {\"a\": [1, 2]}\n")
	run := func(args ...string) string {
		t.Helper()
		out, errText, exit := command(t, dir, args...)
		if exit != 0 || strings.HasPrefix(args[0], "import") && errText != "" {
			t.Errorf("%q: got exit %d and %q", args, exit, errText)
		}
		return strings.TrimSpace(out)
	}
	c := run("import", "rows.csv")
	for _, again := range []string{
		run("import", "rows.JSON"), run("import", "rows.jsonl"), run("import", "--as", "csv", "rows"), run("import", "--as=csv", "--skip-bad", "rows.csv"),
		run("eval", "--as", "text", "let rows = import \"csv:./rows.csv\"\nIpld.cid rows"),
		run("eval", "--as", "text", "let rows = import \"json:./rows.JSON\"\nIpld.cid rows"),
		run("eval", "--as", "text", "Ipld.cid (map (\\i -> {id: show i, name: \"row \\(i)\"}) (range 0 2999))"),
	} {
		if again != c {
			t.Errorf("got %s, want %s", again, c)
		}
	}
	for _, x := range []struct{ src, want string }{
		{"let rows = @" + c + "\n[length rows, rows.2999.name]", `[3000,"row 2999"]`},
		{"@" + c + " |> filter (\\r -> Text.length r.id == 1) |> map (.name) |> length", "10"},
		{"@" + run("import", "empty.ndjson"), "[]"},
		{"force @" + run("import", "one.json"), `{"a":[1,2]}`},
	} {
		if got := run("eval", "force ("+strings.ReplaceAll(x.src, "\n", " in ")+")"); got != x.want {
			t.Errorf("%s: got %s, want %s", x.src, got, x.want)
		}
	}
	if got := run("get", c+"/0/name"); got != `"row 0"` {
		t.Errorf("get: got %s", got)
	}
	if got := run("get", run("import", "one.json")+"/a/1"); got != "2" {
		t.Errorf("get: got %s", got)
	}
	run("export", c, "rows.car")
	if got := run("--store", "other", "import", "--as", "", "rows.car"); got != c {
		t.Errorf("import of what was exported: got %s", got)
	}
	if err := os.Rename(filepath.Join(dir, "rows.car"), filepath.Join(dir, "really.csv")); err != nil {
		t.Fatal(err)
	}
	if got, errText, exit := command(t, dir, "import", "really.csv"); exit != 0 || got != c+"\n" || !strings.Contains(errText, "0 claims") {
		t.Errorf("a CAR file that is called .csv: got exit %d, %s and %s", exit, got, errText)
	}
}

func TestImportBadRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const hint = "\n  hint: --skip-bad leaves bad rows out\n"
	for _, c := range []struct{ name, text, want, skipped string }{
		{"width.csv", "a,b\n1,2\n3\n4,5\n6", "3:1: another number of fields than the first record" + hint, "2 bad rows left out, the first at width.csv:3:1: another number of fields than the first record"},
		{"cut.csv", "a,b\n1,2\n3,\"é", "3:3: quote not closed" + hint, "1 bad row left out, the first at cut.csv:3:3: quote not closed"},
		{"twice.csv", "a,a\n1,2\n", "1:1: two fields have one name, \"a\"\n", ""},
		{"bytes.csv", "a\nx\xff\n", "2:2: not UTF-8 text" + hint, "1 bad row left out, the first at bytes.csv:2:2: not UTF-8 text"},
		{"cut.ndjson", "{\"a\":1}\r\n{\"a\":", "2:6: got the end, want a value" + hint, "1 bad row left out, the first at cut.ndjson:2:6: got the end, want a value"},
		{"twice.ndjson", "{\"é\":1,\"é\":2}\n1", "1:1: duplicate key \"é\"" + hint, "1 bad row left out, the first at twice.ndjson:1:1: duplicate key \"é\""},
		{"cut.json", "[{\"a\":1},\n {\"a\"", "2:6: got the end, want :" + hint, "1 bad row left out, the first at cut.json:2:6: got the end, want :\nrosser: cut.json ends before its list does: rows may be missing"},
		{"comma.json", "[1,\n", "2:1: got the end, want a value" + hint, "1 bad row left out, the first at comma.json:2:1: got the end, want a value\nrosser: comma.json ends before its list does: rows may be missing"},
		{"open.json", "[{\"a\":\"b},2]\n", "1:13: got '\\n', want an escape for a control character" + hint, "1 bad row left out, the first at open.json:1:13: got '\\n', want an escape for a control character\nrosser: open.json ends before its list does: rows may be missing"},
		{"mark.json", "\ufeff[1]", "1:1: got '\\ufeff', want a value\n", ""},
		{"more.json", "[1] 2", "1:5: got '2', want the end\n", ""},
		{"object.json", "{\"a\":\n[1,]}", "2:4: got ']', want a value\n", ""},
		{"empty.csv", "", "", ""},
		{"names.csv", "a,b", "", ""},
		{"marked.csv", "\ufeffa,b\r\n1,\"x\r\ny\"\r\n2,3,4", "4:1: another number of fields than the first record" + hint, "1 bad row left out, the first at marked.csv:4:1: another number of fields than the first record"},
		{"long.csv", "a,b\n1,2\n3," + strings.Repeat("x", 40<<20) + "\n4,5", "3:1: a row of more than 16777216 bytes" + hint, "1 bad row left out, the first at long.csv:3:1: a row of more than 16777216 bytes"},
		{"long.ndjson", "[\"" + strings.Repeat("x", 20<<20) + "\"]\n7\n\xff\n8", "1:1: a row of more than 16777216 bytes" + hint, "2 bad rows left out, the first at long.ndjson:1:1: a row of more than 16777216 bytes"},
		{"binary.csv", "a\x00\n\x00\n", "", ""},
		{"binary.json", "\x00", "1:1: got '\\x00', want a value\n", ""},
	} {
		write(t, dir, c.name, c.text)
		want := ""
		if c.want != "" {
			want = "rosser: " + c.name + ":" + c.want
		}
		if out, errText, exit := command(t, dir, "import", c.name); errText != want || (exit != 2 || out != "") != (want == "") {
			t.Errorf("%s: got exit %d, %q and\n%swant\n%s", c.name, exit, out, errText, want)
		}
		out, errText, exit := command(t, dir, "import", "--skip-bad", c.name)
		if c.skipped != "" {
			if exit != 0 || errText != "rosser: "+c.skipped+"\n" || !strings.HasPrefix(out, "bafy") {
				t.Errorf("--skip-bad %s: got exit %d, %q and %q", c.name, exit, out, errText)
			}
		} else if errText != want {
			t.Errorf("--skip-bad %s: got exit %d and %q", c.name, exit, errText)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"gone.csv"}, "no such file"},
		{[]string{"--as", "xml", "width.csv"}, "--as must be one of"},
		{[]string{"--as", "csv", "."}, "is a directory"},
		{[]string{"--skip-bad", "rows.car"}, "no such file"},
		{[]string{"--skip-bad", "-"}, "--as csv"},
	} {
		if out, errText, exit := command(t, dir, append([]string{"import"}, c.args...)...); exit != 2 || out != "" || !strings.Contains(errText, c.want) {
			t.Errorf("import %q: got exit %d, %q and %q, want exit 2 and %q", c.args, exit, out, errText, c.want)
		}
	}
	write(t, dir, "rows.txt", "a,b\n")
	if _, errText, exit := command(t, dir, "import", "rows.txt"); exit != 3 || !strings.Contains(errText, "not a CAR file") || !strings.HasSuffix(errText, "\n  hint: rows need --as csv, json or ndjson\n") {
		t.Errorf("neither rows nor a CAR file: got exit %d and %q", exit, errText)
	}
	if _, errText, exit := command(t, dir, "store", "check"); exit != 0 {
		t.Errorf("store check: got exit %d and %s", exit, errText)
	}
}

// importing is rosser import --as FORMAT - in progress.
func importing(t *testing.T, dir, format string, stdin io.Reader) (cmd *exec.Cmd, out, errs *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(rosser, "import", "--as", format, "-")
	cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "NO_COLOR=1")
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, out, errs
}

// TestImportInterrupt stops imports whose input never ends, whether something comes or nothing.
func TestImportInterrupt(t *testing.T) {
	t.Parallel()
	for _, endless := range []bool{true, false} {
		dir := t.TempDir()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(w, "{\"row\":%d}\n", i); err != nil || !endless {
					return
				}
			}
		}()
		cmd, out, errs := importing(t, dir, "ndjson", r)
		r.Close()
		time.Sleep(1500 * time.Millisecond)
		cmd.Process.Signal(syscall.SIGINT)
		start := time.Now()
		cmd.Wait()
		w.Close()
		if exit, took := cmd.ProcessState.ExitCode(), time.Since(start); exit != 4 || took > 10*time.Second || out.Len() > 0 || errs.String() != "rosser: interrupted while importing -\n" {
			t.Errorf("endless %t: got exit %d after %v, %q and %q", endless, exit, took, out, errs)
		}
		if got, errText, exit := command(t, dir, "store", "check"); exit != 0 {
			t.Errorf("store check: got exit %d, %s and %s", exit, got, errText)
		}
	}
}

// TestImportMemory imports 200 MB in the memory of a small machine.
func TestImportMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("200 MB")
	}
	t.Parallel()
	const size, most = 200 << 20, 256
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer w.Close()
		b := bufio.NewWriterSize(w, 1<<20)
		defer b.Flush()
		b.WriteString("id,name,city,when,price,count,active,note\n")
		for n := 0; n < size; rows++ {
			k, err := fmt.Fprintf(b, "%d,name %d,city %d,2024-01-%02dT12:00:00Z,%d.%02d,%d,true,\"a note, %d\"\n", rows, rows*7919%100_000, rows%97, rows%28+1, rows%1000, rows%100, rows*31%1_000_003, rows)
			if n += k; err != nil {
				return
			}
		}
	}()
	cmd, out, errs := importing(t, dir, "csv", r)
	r.Close()
	ended, peak := make(chan struct{}), make(chan int)
	go func() {
		for most := 0; ; {
			select {
			case <-ended:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
				most = max(most, peakMemory(cmd.Process.Pid))
			}
		}
	}()
	start := time.Now()
	cmd.Wait()
	took := time.Since(start)
	close(ended)
	got := <-peak
	<-written
	t.Logf("%d rows in %v, %d MiB", rows, took, got)
	if exit := cmd.ProcessState.ExitCode(); exit != 0 || errs.Len() > 0 {
		t.Fatalf("got exit %d and %s", exit, errs)
	}
	if got > most {
		t.Errorf("it took %d MiB, want at most %d", got, most)
	}
	last := fmt.Sprintf("%s/%d/id", strings.TrimSpace(out.String()), rows-1)
	if out, errText, exit := command(t, dir, "get", last); exit != 0 || out != fmt.Sprintf("\"%d\"\n", rows-1) {
		t.Errorf("get %s: got exit %d, %q and %s", last, exit, out, errText)
	}
}

// TestImportMemoryLimit imports what takes more memory than there is, at once or in a row.
func TestImportMemoryLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "whole.json", "{\"a\":["+strings.Repeat("1,", 8<<20)+"1]}")
	write(t, dir, "row.ndjson", "["+strings.Repeat("[],", 5<<20)+"1]\n")
	for _, name := range []string{"whole.json", "row.ndjson"} {
		want := "rosser: memory limit reached while importing " + name + "\n  hint: --memory SIZE sets the limit\n"
		if out, errText, exit := command(t, dir, "import", "--memory", "64M", name); exit != 4 || out != "" || errText != want {
			t.Errorf("%s: got exit %d, %q and %q", name, exit, out, errText)
		}
	}
}

// TestImportAtTerminal types rows: a line says how far it is, another what came of it.
func TestImportAtTerminal(t *testing.T) {
	t.Parallel()
	s := atTerminal(t, t.TempDir(), 100, 24, []string{"NO_COLOR=1"}, "import", "--as", "csv", "-")
	s.await("progress", regexp.MustCompile(`(?m)s · 0 rows · 0 B, 0 B/s$`).MatchString)
	s.typeIn("a,b\r1,2\r3,4\r\x04")
	s.await("summary", func(text string) bool {
		return regexp.MustCompile(`(?s)bafy[a-z2-7]{55}\n2 rows, 12 B in [0-9.]+s$`).MatchString(text)
	})
	if exit := s.exit(); exit != 0 {
		t.Errorf("got exit %d", exit)
	}
}
