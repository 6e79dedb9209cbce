// This file tests add, cat and what get says of files and folders, on the built binary.

package tests

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
)

// CIDs that kubo 0.43 prints, `ipfs add -r --cid-version=1`.
const (
	helloCID  = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am" // "hello\n"
	zerosCID  = "bafybeieb4dp5tj5rew3jhfqqsoyfx77y3ovw2xcdhelmp5hyot3xi3wjwu" // 300,000 zeros
	folderCID = "bafybeiez73s75w4b3yxj3pcfpwj2rirrjamwi7auru73zrunfysrsmsoya" // what folder makes
)

// folder makes a folder with a bit of everything.
func folder(t *testing.T) (dir string) {
	dir = t.TempDir()
	write(t, dir, "data/hello.txt", "hello\n")
	write(t, dir, "data/sub/zeros", string(make([]byte, 300_000)))
	write(t, dir, "data/.hidden", "hidden\n")
	if err := os.Symlink("hello.txt", filepath.Join(dir, "data/link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, c := range []struct{ args, want string }{
		{"add data", folderCID},
		{"add data/", folderCID},
		{"add --profile unixfs-v1-2025 data", "bafybeiax3hu6ptao4i7k6nvmbcdimf2cj2ehbupbsalodx45dsz62qct2i"},
		{"add --hidden data", "bafybeibdo6wdduumwgsyd62qwicvixodegcl5hoy7yknscuckvbpekytte"},
		{"add data/hello.txt", helloCID},
		{"add data/sub/zeros", zerosCID},
		{"cat " + folderCID + "/hello.txt", "hello"},
		{"cat /ipfs/" + folderCID + "/hello.txt", "hello"},
		{"cat " + helloCID, "hello"},
		{"get " + folderCID, `{"hello.txt":{"cid":{"/":"` + helloCID + `"},"size":6,"type":"file"},"link":{"cid":{"/":"bafybeiar537gtgwbfdxiqzybddgre3qnehtxmegnc573cpzs3lza53a4la"},"target":"hello.txt","type":"symlink"},"sub":{"cid":{"/":"bafybeibx7ktgp5jomfv4pjvenuoozupcm3l65pv6zehbgp6hqeuqkyppcy"},"type":"directory"}}`},
		{"get " + folderCID + "/sub", `{"zeros":{"cid":{"/":"` + zerosCID + `"},"size":300000,"type":"file"}}`},
		{"get " + folderCID + "/link", `{"cid":{"/":"bafybeiar537gtgwbfdxiqzybddgre3qnehtxmegnc573cpzs3lza53a4la"},"target":"hello.txt","type":"symlink"}`},
		{"get " + folderCID + "/hello.txt", `{"/":{"bytes":"aGVsbG8K"}}`},
	} {
		if out, errText, exit := command(t, dir, strings.Fields(c.args)...); exit != 0 || out != c.want+"\n" {
			t.Errorf("%s: got exit %d and %s%s\nwant %s", c.args, exit, out, errText, c.want)
		}
	}
	zeros := string(make([]byte, 300_000))
	if out, errText, exit := command(t, dir, "cat", folderCID+"/sub/zeros"); exit != 0 || out != zeros {
		t.Errorf("cat: got exit %d and %d bytes\n%s", exit, len(out), errText)
	}

	// A folder travels as a CAR file, and what is below a part of it that did not is missed by name.
	if _, errText, exit := command(t, dir, "export", folderCID, "data.car"); exit != 0 {
		t.Fatal(errText)
	}
	if _, errText, exit := command(t, dir, "--store", "other", "import", "data.car"); exit != 0 {
		t.Fatal(errText)
	}
	if out, errText, exit := command(t, dir, "--store", "other", "cat", folderCID+"/sub/zeros"); exit != 0 || out != zeros {
		t.Errorf("cat in another store: got exit %d and %d bytes\n%s", exit, len(out), errText)
	}
	// A CAR file may be cut short between two blocks, too: here where the length of hello.txt's stood.
	car, err := os.ReadFile(filepath.Join(dir, "data.car"))
	if err != nil {
		t.Fatal(err)
	}
	hello := bytes.Index(car, append(cid.MustParse(helloCID).Bytes(), "hello\n"...))
	if hello < 0 {
		t.Fatal("hello.txt is not in data.car")
	}
	write(t, dir, "cut.car", string(car[:hello-1]))
	_, errText, exit := command(t, dir, "--store", "third", "import", "cut.car")
	if want := "\nrosser: cut.car does not hold all that it links to, such as "; exit != 0 || !strings.Contains(errText, want) || !strings.HasSuffix(errText, ": it may be cut short\n") {
		t.Errorf("a CAR file that ends early: got exit %d and %s\nwant %s", exit, errText, want)
	}
}

func TestAddStdin(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if out, errText, exit, _ := hungryRun(t, dir, "hello\n", "add", "-"); exit != 0 || out != helloCID+"\n" {
		t.Errorf("add -: got exit %d and %s%s", exit, out, errText)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	go os.WriteFile(pipe, []byte("hello\n"), 0)
	if out, errText, exit := command(t, dir, "add", "pipe"); exit != 0 || out != helloCID+"\n" {
		t.Errorf("add of a pipe: got exit %d and %s%s", exit, out, errText)
	}
}

func TestFileErrors(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	const unknown = "bafkreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
	os.Mkdir(filepath.Join(dir, "pipes"), 0o777)
	os.Mkdir(filepath.Join(dir, "names"), 0o777)
	syscall.Mkfifo(filepath.Join(dir, "pipes", "pipe"), 0o666)
	os.WriteFile(filepath.Join(dir, "names", "a\xff"), nil, 0o666)
	if _, errText, exit := command(t, dir, "add", "data"); exit != 0 {
		t.Fatal(errText)
	}
	write(t, dir, "id.ros", "let f x = x\n")
	compiled, _, _ := command(t, dir, "compile", "id.ros")
	code := strings.TrimSpace(strings.TrimPrefix(compiled, "f "))
	cases := []struct {
		args string
		exit int
		want string
	}{
		{"add gone", 2, "rosser: gone: no such file or directory\n"},
		{"add pipes", 2, "rosser: pipes/pipe: a named pipe in a folder cannot be added: move it elsewhere\n"},
		{"add names", 2, `rosser: "names/a\xff": its name is not UTF-8: rename it` + "\n"},
		{"--store own/store add own", 2, "rosser: own/store: the store itself cannot be added: have it elsewhere, by --store DIR, or add what does not contain it\n"},
		{"add /dev/null", 2, "rosser: /dev/null: a device cannot be added; what is read from it can, as standard input: rosser add -\n"},
		{"add --profile x data", 2, `--profile must be one of "default","unixfs-v1-2025"`},
		{"cat " + folderCID, 3, "rosser: " + folderCID + " is a directory: rosser get " + folderCID + " lists it\n"},
		{"cat " + folderCID + "/sub", 3, "/sub is a directory: rosser get " + folderCID + "/sub lists it\n"},
		{"cat " + folderCID + "/link", 3, `/link is a symbolic link to "hello.txt", which is not followed` + "\n"},
		{"cat " + folderCID + "/sub/gone", 3, folderCID + `/sub: at "gone": no such path; rosser get ` + folderCID + "/sub shows what is there\n"},
		{"cat " + folderCID + "/hello.txt/gone", 3, `/hello.txt: at "gone": no such path`},
		{"cat " + unknown, 3, "hint: with kubo: ipfs dag export " + unknown + " > x.car, then rosser import x.car\n"},
		{"cat " + code, 3, code + " is no file: rosser get " + code + " shows it\n"},
		{"cat " + code + "/λ", 3, "stands within a block: rosser get "},
		{"cat x", 2, `got "x", want a CID`},
	}
	if os.Getuid() != 0 {
		write(t, dir, "secret/file", "x")
		os.Chmod(filepath.Join(dir, "secret/file"), 0)
		cases = append(cases, struct {
			args string
			exit int
			want string
		}{"add secret", 2, "rosser: secret/file: permission denied: make it readable, or add what does not contain it\n"})
	}
	for _, c := range cases {
		if out, errText, exit := command(t, dir, strings.Fields(c.args)...); exit != c.exit || out != "" || !strings.Contains(errText, c.want) {
			t.Errorf("%s: got exit %d and %q, want exit %d and %q\n%s", c.args, exit, out, c.exit, c.want, errText)
		}
	}
	if out, errText, exit := command(t, dir, "add", "data/link"); exit != 0 || out != "bafybeiar537gtgwbfdxiqzybddgre3qnehtxmegnc573cpzs3lza53a4la\n" || !strings.HasPrefix(errText, "rosser: data/link is a symbolic link, and was added as one") {
		t.Errorf("add of a link: got exit %d and %s%s", exit, out, errText)
	}
	if _, errText, exit := command(t, dir, "add", ""); exit != 2 || !strings.Contains(errText, "got an empty path") {
		t.Errorf("add of nothing: got exit %d and %s", exit, errText)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	cmd := exec.Command(rosser, "cat", helloCID)
	cmd.Env = append(os.Environ(), "ROSSER_STORE="+filepath.Join(dir, "store"))
	var errText bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &errText
	if cmd.Run(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(errText.String(), "no space left on device") {
		t.Errorf("cat to a full disk: got exit %d\n%s", cmd.ProcessState.ExitCode(), errText.String())
	}
}

// TestFilesMemory moves a file that is larger than the memory it may take, into a store, out of it, and to another as a CAR file.
func TestFilesMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("300 MB")
	}
	const size = 300 << 20
	dir := t.TempDir()
	run := func(most int, stdin io.Reader, stdout io.Writer, args ...string) { // most in MiB
		t.Helper()
		cmd := exec.Command(rosser, args...)
		cmd.Env = append(os.Environ(), "ROSSER_STORE="+filepath.Join(dir, "store"))
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended, peak := make(chan struct{}), make(chan int)
		go func() {
			most := 0
			for {
				select {
				case <-ended:
					peak <- most
					return
				case <-time.After(10 * time.Millisecond):
					most = max(most, peakMemory(cmd.Process.Pid))
				}
			}
		}()
		err := cmd.Wait()
		close(ended)
		took := <-peak
		if err != nil || took > most {
			t.Errorf("%s: got %v and %d MiB, want at most %d", args[0], err, took, most)
		}
		t.Logf("%s: %d MiB", args[0], took)
	}
	var root bytes.Buffer
	run(200, &sequence{left: size}, &root, "add", "-")
	c := strings.TrimSpace(root.String())
	check := &sequence{left: size}
	run(200, nil, &same{check}, "cat", c)
	if check.left != 0 {
		t.Errorf("%d bytes were not written", check.left)
	}
	car, other := filepath.Join(dir, "file.car"), filepath.Join(dir, "other")
	run(256, nil, io.Discard, "export", c, car)
	root.Reset()
	run(280, nil, &root, "--store", other, "import", car)
	if root.String() != c+"\n" {
		t.Errorf("import: got %q, want %s", root.String(), c)
	}
	if err := os.Truncate(car, size/2); err != nil {
		t.Fatal(err)
	}
	other = filepath.Join(dir, "third")
	if _, errText, exit := command(t, dir, "--store", other, "import", car); exit != 3 || !strings.Contains(errText, "ends in the middle of a block, after ") {
		t.Errorf("import of half the file: got exit %d and %s", exit, errText)
	}
	if out, _, _ := command(t, dir, "--store", other, "store", "gc"); !strings.Contains(out, "nothing dropped") {
		t.Errorf("what came of half the file is not kept:\n%s", out)
	}
}

// A sequence is a file of so many bytes, no two of its blocks alike.
type sequence struct{ at, left int64 }

func (s *sequence) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.left))
	for i := range n {
		p[i] = byte(s.at * 0x9e3779b97f4a >> 40)
		s.at++
	}
	s.left -= int64(n)
	return n, nil
}

// A same takes what a reader reads and nothing else.
type same struct{ r io.Reader }

func (s *same) Write(p []byte) (int, error) {
	want := make([]byte, len(p))
	if n, _ := io.ReadFull(s.r, want); n != len(p) || !bytes.Equal(p, want) {
		return 0, fmt.Errorf("%d bytes that are not those of the file", len(p))
	}
	return len(p), nil
}

// TestFilesProgress adds what comes slowly at a terminal: a line says how much, until the CID takes its place.
func TestFilesProgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	s := atTerminal(t, dir, 100, 24, nil, "add", pipe)
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, 300_000))
	s.await("progress", func(text string) bool {
		return strings.Contains(text, "s · 300 kB, ") && strings.HasSuffix(text, "B/s")
	})
	w.Close()
	s.await("the CID", func(text string) bool { return text == zerosCID })
	if exit := s.exit(); exit != 0 {
		t.Errorf("got exit %d\n%s", exit, s.text())
	}
}

// TestAddKilled stops an add in the middle, in both ways: the store is whole, and adding again gives the CID.
func TestAddKilled(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		dir := t.TempDir()
		cmd := exec.Command(rosser, "add", "-")
		cmd.Env = append(os.Environ(), "ROSSER_STORE="+filepath.Join(dir, "store"))
		var out, errText bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errText
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		io.CopyN(in, &sequence{left: 20 << 20}, 20<<20)
		cmd.Process.Signal(signal)
		go io.Copy(in, &sequence{left: 1 << 40})
		cmd.Wait()
		if out.Len() > 0 || signal == syscall.SIGINT && (cmd.ProcessState.ExitCode() != 4 || !strings.Contains(errText.String(), "interrupted")) {
			t.Errorf("%v: got exit %d, %q and %q", signal, cmd.ProcessState.ExitCode(), out.String(), errText.String())
		}
		if out, errText, exit := command(t, dir, "store", "check"); exit != 0 || !strings.Contains(out, "no problems") {
			t.Errorf("%v: got exit %d and %s%s", signal, exit, out, errText)
		}
	}
}

// TestKept: what was added or imported is there after a collection.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "rows.csv", "a,b\n1,2\n")
	for _, args := range [][]string{{"add", "rows.csv"}, {"import", "rows.csv"}} {
		out, errText, exit := command(t, dir, args...)
		if exit != 0 {
			t.Fatalf("%v: got exit %d: %s", args, exit, errText)
		}
		c := strings.TrimSpace(out)
		if out, errText, exit := command(t, dir, "store", "gc"); exit != 0 {
			t.Fatalf("store gc: got exit %d, %s%s", exit, out, errText)
		}
		if out, errText, exit := command(t, dir, "get", c); exit != 0 || out == "" {
			t.Errorf("%v: got exit %d, %s%s, want what was there before the collection", args, exit, out, errText)
		}
		if out, _, _ := command(t, dir, "pin", "ls"); !strings.Contains(out, c) {
			t.Errorf("%v: got the pins %s, want %s among them", args, out, c)
		}
	}
}
