// This file runs the programs of tests/bench, each as a whole process: go test -bench . ./tests
//
// @DATA@ in a program stands for a folder with rec.json and text.txt; ROSSER_BENCH_DATA names it. Programs that need
// it are skipped without it. ROSSER_BENCH_FLAGS are flags for rosser run, by default --link none.

package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchValues are the programs' values. fib300 is not to be had without links.
var benchValues = map[string]string{
	"empty": "0", "fib27": "196418", "fib32": "2178309", "tak": "7", "loop": "6000001", "queens": "352", "primes": "3245",
	"mergesort": "195180408", "sort": "195180408", "words": "[40000,41,13533434]", "bigmap": "[200000,19999900000]",
	"factorial": "37602", "bigfib": "10450", "deep": "500000500000", "lazyprimes": "17389", "stream": "200003",
	"pipeline": "699998500000", "church": "65536", "json": "[50,634857976]",
	"fib1000":  "43466557686937456435688527675040625802564660517371780402481729089536555417949051890403879840079255169295922593080322634775209689623239873322471161642996440906533187938298969649928516003704476137795166849228875",
	"edit1000": "532", "edit150": "85", "lcs1000": "644", "partitions400": "6727090051741041926",
	"binomial500": "116744315788277682920934734762176619659230081180311446124100284957811112673608473715666417775521605376810865902709989580160037468226393900042796872256",
	"fib300":      "222232244629420445529739893461909967206666939096499764990979600",
}

// needsLinks are the programs that nobody would see the end of without links.
var needsLinks = map[string]bool{"fib300": true, "fib1000": true, "edit1000": true, "edit150": true, "lcs1000": true, "partitions400": true, "binomial500": true}

func BenchmarkPrograms(b *testing.B) {
	files, _ := filepath.Glob("bench/*.ros")
	if len(files) < len(benchValues) {
		b.Fatalf("got %d programs, want %d", len(files), len(benchValues))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".ros")
		b.Run(name, func(b *testing.B) { benchProgram(b, file, name) })
	}
}

func benchProgram(b *testing.B, file, name string) {
	src, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	data := os.Getenv("ROSSER_BENCH_DATA")
	if strings.Contains(string(src), "@DATA@") && data == "" {
		b.Skip("ROSSER_BENCH_DATA is not set")
	}
	want, ok := benchValues[name]
	if !ok {
		b.Fatalf("%s has no expected value", file)
	}
	flags := strings.Fields(os.Getenv("ROSSER_BENCH_FLAGS"))
	if needsLinks[name] {
		flags = []string{"--link", "auto"}
	} else if len(flags) == 0 {
		flags = []string{"--link", "none"}
	}
	dir := b.TempDir()
	program := filepath.Join(dir, name+".ros")
	if err := os.WriteFile(program, []byte(strings.ReplaceAll(string(src), "@DATA@", data)), 0o666); err != nil {
		b.Fatal(err)
	}
	args := append(append([]string{"run", "--as", "json", "--stats"}, flags...), program)
	for b.Loop() {
		os.RemoveAll(filepath.Join(dir, "store")) // always from an empty store
		out, errText, exit := command(b, dir, args...)
		if exit != 0 || strings.TrimSpace(out) != want {
			b.Fatalf("got exit %d and %.200q, want %s\n%.1000s", exit, out, want, errText)
		}
		b.ReportMetric(float64(stepsOf(errText)), "steps/op")
	}
}

// TestBenchPrograms runs the short ones once, so that a benchmark cannot rot unseen.
func TestBenchPrograms(t *testing.T) {
	for _, name := range []string{"empty", "fib27", "tak", "queens", "church", "factorial", "bigfib", "stream", "fib300"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, _ := filepath.Abs("bench/" + name + ".ros")
			link := "none"
			if needsLinks[name] {
				link = "auto"
			}
			out, errText, exit := command(t, t.TempDir(), "run", "--as", "json", "--link", link, file)
			if exit != 0 || strings.TrimSpace(out) != benchValues[name] {
				t.Errorf("got exit %d and %.200q, want %s\n%.1000s", exit, out, benchValues[name], errText)
			}
		})
	}
}
