// This file runs the programs of tests/bench, each as a whole process: go test -bench . ./tests
//
// @DATA@ in a program stands for a folder with rec.json and text.txt; ROSSER_BENCH_DATA names it. Programs that need
// it are skipped without it. ROSSER_BENCH_FLAGS are flags for rosser run, by default --link none.

package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// benchValues are the programs' values. Those of linked are not to be had without links.
var benchValues = map[string]string{
	"empty": "0", "fib27": "196418", "fib32": "2178309", "tak": "7", "loop": "6000001", "queens": "352", "primes": "3245",
	"mergesort": "195180408", "sort": "195180408", "words": "[40000,41,13533434]", "bigmap": "[200000,19999900000]",
	"factorial": "37602", "bigfib": "10450", "deep": "500000500000", "lazyprimes": "17389", "stream": "200003",
	"pipeline": "699998500000", "church": "65536", "json": "[50,634857976]",
	"fib300":  "222232244629420445529739893461909967206666939096499764990979600",
	"fib1000": fib1000, "edit1000": "532", "lcs1000": "644", "partitions400": "6727090051741041926", "binomial500": binomial500, "edit150": "85",
	"fib1000table": fib1000, "edit1000table": "532", "lcs1000table": "644", "partitions400table": "6727090051741041926",
	"binomial500table": binomial500, "edit150table": "85", "edit1000memo": "532", "lcs1000memo": "644",
}

const (
	fib1000 = "434665576869374564356885276750406258025646605173717804024817290895365554179490518904038798400792551692959" +
		"22593080322634775209689623239873322471161642996440906533187938298969649928516003704476137795166849228875"
	binomial500 = "116744315788277682920934734762176619659230081180311446124100284957811112673608473715666417775521605376810865902709989580160037468226393900042796872256"
)

var linked = map[string]bool{
	"fib300": true, "fib1000": true, "edit1000": true, "lcs1000": true, "partitions400": true, "binomial500": true, "edit150": true,
}

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
	if linked[name] {
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
	for _, name := range []string{"empty", "fib27", "tak", "queens", "church", "factorial", "bigfib", "stream", "fib300",
		"fib1000", "fib1000table", "partitions400", "partitions400table", "binomial500", "binomial500table", "edit150", "edit150table"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, _ := filepath.Abs("bench/" + name + ".ros")
			link := "none"
			if linked[name] {
				link = "auto"
			}
			out, errText, exit := command(t, t.TempDir(), "run", "--as", "json", "--link", link, file)
			if exit != 0 || strings.TrimSpace(out) != benchValues[name] {
				t.Errorf("got exit %d and %.200q, want %s\n%.1000s", exit, out, benchValues[name], errText)
			}
		})
	}
}

type scaling struct {
	name, from, to string
	copies         int
}

// write writes the program into dir, and its data.
func (s scaling) write(b *testing.B, dir string) string {
	src, err := os.ReadFile("bench/" + s.name + ".ros")
	if err != nil {
		b.Fatal(err)
	}
	text := string(src)
	if s.copies > 0 {
		repeatData(b, dir, s.copies)
		text = strings.ReplaceAll(text, "@DATA@", dir)
	} else if s.from != "" {
		text = strings.ReplaceAll(text, s.from, s.to)
	}
	program := filepath.Join(dir, s.name+".ros")
	if err := os.WriteFile(program, []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
	return program
}

// scaled are programs whose calls hardly repeat, with what makes them take some seconds: a text in them and what stands in
// its place, or how often the data is repeated.
var scaled = []scaling{
	{name: "loop", from: "3000000", to: "200000000"},
	{name: "queens", from: "9", to: "12"},
	{name: "primes", from: "29999", to: "3000000"},
	{name: "mergesort", from: "200000", to: "1000000"},
	{name: "pipeline", from: "999999", to: "19999999"},
	{name: "words", copies: 16},
	{name: "json", copies: 9},
}

// BenchmarkLinking reports what linking costs where it cannot pay: auto over none, from an empty store, in processor time and
// peak memory. The two alternate.
func BenchmarkLinking(b *testing.B) {
	for _, s := range scaled {
		b.Run(s.name, func(b *testing.B) {
			dir := b.TempDir()
			program := s.write(b, dir)
			var seconds, bytes [2]float64
			var values [2]string
			for b.Loop() {
				for i, mode := range []string{"none", "auto"} {
					store := filepath.Join(dir, "store")
					os.RemoveAll(store)
					touchMemory()
					cmd := exec.Command(rosser, "--store", store, "run", "--as", "json", "--link", mode, program)
					out, err := cmd.Output()
					if err != nil {
						b.Fatal(err)
					}
					seconds[i] += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
					if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
						bytes[i] += float64(u.Maxrss)
					}
					values[i] = string(out)
				}
			}
			if values[0] != values[1] {
				b.Fatalf("got %.200q under auto, want %.200q", values[1], values[0])
			}
			b.ReportMetric(seconds[0]/float64(b.N), "none-s/op")
			b.ReportMetric(seconds[1]/seconds[0], "time-ratio")
			b.ReportMetric(bytes[1]/bytes[0], "memory-ratio")
		})
	}
}

// touchMemory has the system find more memory than a benchmark takes. A process gets the pages that the one before it left; on a virtual machine
// others take ten times as long, and would be charged to whoever takes a little more.
func touchMemory() {
	exec.Command("dd", "if=/dev/zero", "of=/dev/null", "bs=1536M", "count=1").Run()
}

// BenchmarkSecond has a machine run the programs, as they are or scaled, and then another one that asks the first and trusts it. It reports
// how long the second takes.
func BenchmarkSecond(b *testing.B) {
	asTheyAre := slices.Clone(scaled)
	for i, s := range asTheyAre {
		asTheyAre[i] = scaling{name: s.name, copies: min(s.copies, 1)}
	}
	for name := range benchValues {
		if !slices.ContainsFunc(scaled, func(s scaling) bool { return s.name == name }) {
			asTheyAre = append(asTheyAre, scaling{name: name})
		}
	}
	for _, test := range []struct {
		name     string
		programs []scaling
	}{{"as-they-are", asTheyAre}, {"scaled", scaled}} {
		b.Run(test.name, func(b *testing.B) {
			var seconds [2]float64
			reduced := 0
			for b.Loop() {
				dir := b.TempDir()
				var programs []string
				for _, s := range test.programs {
					programs = append(programs, s.write(b, dir))
				}
				run := func(i int, machine string) {
					for _, program := range programs {
						from := time.Now()
						_, errText := succeed(b, machine, "run", "--as", "json", "--stats", program)
						seconds[i] += time.Since(from).Seconds()
						if m := reducedCalls.FindStringSubmatch(errText); m != nil && i == 1 {
							n, _ := strconv.Atoi(m[1])
							reduced += n
						}
					}
				}
				one, two := b.TempDir(), b.TempDir()
				run(0, one)
				first := serve(b, one)
				succeed(b, two, "trust", "add", first.id)
				second := serve(b, two, "--peer", first.peer)
				run(1, two)
				second.stop()
				first.stop()
			}
			b.ReportMetric(seconds[0]/float64(b.N), "first-s/op")
			b.ReportMetric(seconds[1]/seconds[0], "time-ratio")
			b.ReportMetric(float64(reduced)/float64(b.N), "second-calls/op")
			b.ReportMetric(0, "ns/op")
		})
	}
}

var reducedCalls = regexp.MustCompile(`(?m)^calls +(\d+) reduced`)

// repeatData writes the benchmark data into dir, so many times over.
func repeatData(b *testing.B, dir string, copies int) {
	data := os.Getenv("ROSSER_BENCH_DATA")
	if data == "" {
		b.Skip("ROSSER_BENCH_DATA is not set")
	}
	for name, between := range map[string]string{"text.txt": " ", "rec.json": ","} {
		one, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			b.Fatal(err)
		}
		text := strings.TrimSpace(string(one))
		if name == "rec.json" {
			text = text[1 : len(text)-1]
		}
		text = strings.Repeat(text+between, copies-1) + text
		if name == "rec.json" {
			text = "[" + text + "]"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			b.Fatal(err)
		}
	}
}
