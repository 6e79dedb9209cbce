// This file builds the binary that the tests run, and runs it.

package tests

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	update = flag.Bool("update", false, "rewrite the golden outputs")
	rosser string // the built binary
)

// TestMain builds the binary once; ROSSER_BIN names one that exists already.
func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "rosser-tests-")
	if err != nil {
		panic(err)
	}
	if rosser = os.Getenv("ROSSER_BIN"); rosser == "" {
		rosser = filepath.Join(dir, "rosser")
		if out, err := exec.Command("go", "build", "-o", rosser, "..").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building rosser: %v\n%s", err, out)
			rosser = ""
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// command runs the binary in dir, with a home and a store of its own there, and returns its output and exit code.
func command(t testing.TB, dir string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	if rosser == "" {
		t.Fatal("rosser did not build")
	}
	return commandOf(t, []string{rosser}, dir, args...)
}

// commandOf is command for a binary that an emulator may have to run. The exit code is -1 when it takes too long.
func commandOf(t testing.TB, binary []string, dir string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary[0], append(binary[1:len(binary):len(binary)], args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "ROSSER_STORE="+filepath.Join(dir, "store"), "NO_COLOR=1")
	if len(binary) > 1 { // qemu-i386 does not survive the signals by which Go's scheduler interrupts a goroutine
		cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exited *exec.ExitError
	if ctx.Err() != nil {
		return out.String(), "took more than a minute\n" + errs.String(), -1
	}
	if err != nil && !errors.As(err, &exited) {
		t.Fatalf("%v: %v\n%.2000s", args, err, errs.String())
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
