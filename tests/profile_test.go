// This file tests what a run shows of itself: the line of progress, profiles, and the calls that led to an error.

package tests

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

const fibTo = "let fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)\n\nfib "

// TestProgress watches the line of progress of a program that does not end before it is told to.
func TestProgress(t *testing.T) {
	const line = `[0-9.]+m?s · [0-9.]+( [kMG])? steps, [0-9.]+( [kMG])?/s · [0-9.]+ linked, [0-9.]+ reused · depth [0-9]+ · [0-9,]+ MB`
	full := regexp.MustCompile(`(?m)^` + line + `$`)
	dir := t.TempDir()
	write(t, dir, "fib.ros", fibTo+"90\n")
	write(t, dir, "defs.ros", strings.TrimSuffix(fibTo, "fib "))
	write(t, dir, "debug.ros", "let loop n = if n % 1000000 == 0 then loop (debug \"at\" n + 1) else loop (n + 1)\n\nloop 1\n")
	all := func(s *screen) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.raw.String()
	}
	stopped := func(s *screen) {
		s.typeIn("\x03")
		s.await("end", func(text string) bool { return strings.Contains(text, "interrupted") && !strings.Contains(text, " MB") })
	}
	t.Run("gone", func(t *testing.T) {
		s := atTerminal(t, dir, 100, 24, nil, "run", "--link", "none", "fib.ros")
		s.await("progress", full.MatchString)
		stopped(s)
		if raw := all(s); !strings.Contains(raw, "\x1b[2m1s · ") {
			t.Errorf("got %q, want a dim line that begins at one second", raw)
		}
	})
	t.Run("narrow, no color", func(t *testing.T) {
		s := atTerminal(t, dir, 30, 24, []string{"NO_COLOR=1"}, "run", "--link", "none", "fib.ros")
		text := s.await("progress", func(text string) bool { return strings.Contains(text, " steps") })
		if strings.Contains(text, "\n") || !strings.HasSuffix(text, "…") {
			t.Errorf("got %q, want one line that is cut", text)
		}
		stopped(s)
		if text := s.text(); strings.Contains(text, "…") {
			t.Errorf("got %q, want the line gone, with the ^C behind it", text)
		}
		if raw := all(s); strings.Contains(raw, "\x1b[2m") {
			t.Errorf("got %q, want no color", raw)
		}
	})
	t.Run("session", func(t *testing.T) {
		s := atTerminal(t, dir, 100, 24, nil, "repl", "--link", "none", "defs.ros")
		s.await("prompt", func(text string) bool { return strings.Contains(text, "›") })
		s.typeIn("fib 90\r")
		s.await("progress", full.MatchString)
		stopped(s)
		s.typeIn("20 + 22\r")
		s.await("answer", func(text string) bool { return strings.Contains(text, "\n42\n") })
	})
	t.Run("debug", func(t *testing.T) {
		s := atTerminal(t, dir, 100, 24, nil, "run", "--link", "none", "debug.ros")
		after := regexp.MustCompile(` MB\x1b\[0m\r\x1b\[Kat: `)
		s.await("debug below progress", func(string) bool { return after.MatchString(all(s)) })
		stopped(s)
		if raw := all(s); regexp.MustCompile(` MB(\x1b\[0m)?at: `).MatchString(raw) {
			t.Errorf("got %q, want the line gone before others are written", raw)
		}
	})
	t.Run("no terminal", func(t *testing.T) {
		out, errs, exit := command(t, dir, "run", "--link", "none", "--deadline", "1500ms", "fib.ros")
		if out != "" || exit != 4 || strings.Contains(errs, " MB") || strings.Contains(errs, "\x1b") {
			t.Errorf("got %q, %q, exit code %d, want no progress", out, errs, exit)
		}
	})
}

// TestProfile compares counts, which are exact, and opens the profile that is written.
func TestProfile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "fib.ros", fibTo+"24\n")
	// An error that is caught leaves the function that caught it in charge.
	write(t, dir, "try.ros", `let bad n = if n == 0 then error "x" else 1 + bad (n - 1)
let work n = match try (bad 3) { | Ok v -> v | Err e -> sum (range 1 n) }

work 100000
`)
	row := func(t *testing.T, errs, name string) []string {
		t.Helper()
		for line := range strings.Lines(errs) {
			if f := strings.Fields(line); len(f) > 5 && f[5] == name {
				return f
			}
		}
		t.Fatalf("got\n%s\nwant a row of %s", errs, name)
		return nil
	}
	t.Run("table", func(t *testing.T) {
		_, errs, _ := command(t, dir, "run", "--link", "none", "--profile", "fib.ros")
		if f := row(t, errs, "fib"); f[0] != "150,049" || f[1] != "150,049" || f[3] != "0" || f[4] != "0" {
			t.Errorf("got %q, want 150,049 calls of a step each, none reused, none linked", f)
		}
	})
	t.Run("resumed", func(t *testing.T) {
		_, errs, _ := command(t, dir, "--store", "stopped", "run", "--link", "none", "--fuel", "50049", "fib.ros")
		m := resumeLine.FindStringSubmatch(errs)
		if m == nil {
			t.Fatalf("got no checkpoint in %s", errs)
		}
		_, errs, _ = command(t, dir, "--store", "stopped", "resume", "--link", "none", "--profile", "--pprof", "resumed.pprof", m[1])
		if f := row(t, errs, "fib"); f[0] != "100,000" {
			t.Errorf("got %q, want 100,000 calls", f)
		}
		data, err := os.ReadFile(filepath.Join(dir, "resumed.pprof"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := profile.ParseData(data)
		if err != nil || !slices.ContainsFunc(p.Function, func(f *profile.Function) bool { return f.Name == "fib" }) {
			t.Errorf("got %v, %v, want fib by name", p, err)
		}
	})
	t.Run("reuse", func(t *testing.T) {
		_, errs, _ := command(t, dir, "--store", "all", "run", "--link", "all", "--profile", "fib.ros")
		if f := row(t, errs, "fib"); f[0] != "25" || f[3] != "22" || f[4] != "25" {
			t.Errorf("got %q, want 25 calls, 22 reused, 25 linked", f)
		}
	})
	t.Run("try", func(t *testing.T) {
		_, errs, _ := command(t, dir, "run", "--link", "none", "--profile", "try.ros")
		if f := row(t, errs, "bad"); f[0] != "4" || f[1] != "4" {
			t.Errorf("got %q, want 4 calls of a step each", f)
		}
		if f := row(t, errs, "work"); f[0] != "1" || f[1] != "12,501" {
			t.Errorf("got %q, want 1 call and the steps of range and sum", f)
		}
	})
	t.Run("pprof", func(t *testing.T) {
		_, errs, exit := command(t, dir, "run", "--link", "none", "--pprof", "out.pb.gz", "fib.ros")
		data, err := os.ReadFile(filepath.Join(dir, "out.pb.gz"))
		if exit != 0 || err != nil {
			t.Fatal(exit, errs, err)
		}
		p, err := profile.Parse(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if len(p.SampleType) != 2 || p.SampleType[0].Type != "steps" || p.SampleType[1].Unit != "nanoseconds" {
			t.Errorf("got %v, want steps and time", p.SampleType)
		}
		steps, deep := int64(0), false
		for _, s := range p.Sample {
			steps += s.Value[0]
			deep = deep || len(s.Location) > 2
			for _, l := range s.Location {
				if f := l.Line[0].Function; f.Name != "fib" || f.Filename != "fib.ros" || l.Line[0].Line < 1 || l.Line[0].Line > 3 {
					t.Fatalf("got %s at %s:%d, want fib in fib.ros", f.Name, f.Filename, l.Line[0].Line)
				}
			}
		}
		if want := int64(150049 / 4096 * 4096); steps < want || steps > 150049 || !deep {
			t.Errorf("got %d steps in stacks, deep %v, want %d at least", steps, deep, want)
		}
	})
	t.Run("no file", func(t *testing.T) {
		if out, errs, exit := command(t, dir, "run", "--pprof", filepath.Join("none", "out"), "fib.ros"); exit != 2 || out != "46368\n" {
			t.Errorf("got %q, %q, exit code %d, want the answer and 2", out, errs, exit)
		}
	})
}

// TestChain reads the calls that led to an error.
func TestChain(t *testing.T) {
	const down = "let down n = if n == 0 then 1 / 0 else 1 + down (n - 1)\n"
	for _, c := range []struct {
		name, src string
		modes     string
		want      string
	}{
		{"deep", down + "\ndown 1000000\n", "none auto", `
  in down, called at main.ros:3:1, 1000001 times in a row`},
		{"two", `let ev n = if n == 0 then 1 / 0 else 1 + od (n - 1)
and od n = if n == 0 then 2 / 0 else 2 + ev (n - 1)

ev 1000000
`, "none auto", `
  in ev, called at main.ros:2:42
  in od, called at main.ros:1:42
  … these 2 again, 9 times more
  … and 999981 calls more`},
		{"three", `let a n = if n == 0 then 1 / 0 else 1 + b (n - 1)
and b n = 1 + c n
and c n = 1 + a n

a 300000
`, "none auto", `
  in a, called at main.ros:3:15
  in c, called at main.ros:2:15
  in b, called at main.ros:1:41
  … these 3 again, 5 times more
  in a, called at main.ros:3:15
  in c, called at main.ros:2:15
  … and 899981 calls more`},
		{"tail", `let fails n = if n == 0 then 1 / 0 else n
let loop n = if n == 0 then fails 0 else loop (n - 1)
let outer n = 1 + loop n

outer 2000
`, "none auto", `
  in fails, called at main.ros:2:29
  in loop, called at main.ros:3:19
  in outer, called at main.ros:5:1`},
		{"reuse", down + "let first n = 1 + down n\nlet second n = 2 + down n\n\nsecond 2000 + (match try (first 2000) { | Ok v -> v | Err e -> 0 })\n", "none auto all", `
  in down, called at main.ros:3:20, 2001 times in a row
  in second, called at main.ros:5:1`},
		{"reuse after try", down + "let first n = 1 + down n\nlet second n = 2 + down n\n\n(match try (first 2000) { | Ok v -> v | Err e -> 0 }) + second 2000\n", "none auto all", `
  in down, called at main.ros:3:20, 2001 times in a row
  in second, called at main.ros:5:57`},
	} {
		for mode := range strings.FieldsSeq(c.modes) {
			t.Run(c.name+" "+mode, func(t *testing.T) {
				dir := t.TempDir()
				write(t, dir, "main.ros", c.src)
				runs := 2 // anew, and from what the store knows
				if strings.Contains(c.src, "00000\n") {
					runs = 1 // a recorded error that takes this long is not reduced again for its calls
				}
				for range runs {
					_, errs, exit := command(t, dir, "run", "--link", mode, "main.ros")
					_, chain, _ := strings.Cut(errs, "\n  in ")
					if got := "\n  in " + strings.TrimSpace(chain); exit != 1 || got != c.want {
						t.Errorf("got exit code %d and\n%s\nwant\n%s", exit, errs, c.want)
					}
				}
			})
		}
	}
}
