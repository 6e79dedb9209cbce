// This file holds the commands that say how a store is: store stat, store check, store distrust.

package repl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/trust"
)

// storage opens a store that is there, writes nothing to it but what f writes, and closes it.
func storage(o Options, f func(s *store.Store, out io.Writer) error) error {
	dir, err := o.storage()
	if err != nil {
		return err
	}
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		return &failure{exitMissing, err}
	}
	out := &output{Writer: o.stdout()}
	err = f(s, out)
	if e := s.Close(); e != nil && err == nil {
		err = &failure{exitMissing, e}
	}
	if err == nil && out.err != nil {
		err = Misuse(out.err)
	}
	return err
}

// storage is the folder of a store that is there.
func (o Options) storage() (string, error) {
	dir, err := o.folder()
	if err != nil {
		return "", err
	}
	for _, sign := range []string{"db", "db.new", "lock"} {
		if _, err := os.Stat(filepath.Join(dir, sign)); err == nil {
			return dir, nil
		}
	}
	return "", Misuse(fmt.Errorf("there is no store in %s", dir))
}

func (o Options) stdout() io.Writer {
	if o.Stdout != nil {
		return o.Stdout
	}
	return os.Stdout
}

// reading gives a failure of reading a store its exit code.
func reading(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &failure{exitStopped, errors.New("interrupted")}
	}
	return &failure{exitMissing, err}
}

// StoreStat is `rosser store stat`.
func StoreStat(ctx context.Context, o Options, asJSON bool) error {
	return storage(o, func(s *store.Store, out io.Writer) error {
		st, err := s.Stat(ctx)
		if err != nil {
			return reading(ctx, err)
		}
		kept, unknown := s.Collect(ctx, store.Collection{Given: []cid.Cid{libraryRoot().CID}, DryRun: true})
		if ctx.Err() != nil {
			return reading(ctx, unknown)
		}
		if asJSON {
			return json.NewEncoder(out).Encode(statJSON(s.Dir(), st, kept, unknown))
		}
		printStat(out, s.Dir(), st, kept, unknown)
		return nil
	})
}

// A statRecord is what `store stat --json` prints. Bytes are exact.
type statRecord struct {
	Store      string                           `json:"store"`
	Blocks     map[store.BlockKind]store.Amount `json:"blocks"`
	Index      map[string]store.Amount          `json:"index"`
	Reducts    store.Amount                     `json:"reducts"`
	Notes      store.Amount                     `json:"notes"`
	Attested   store.Amount                     `json:"attested"` // expressions
	Other      store.Amount                     `json:"other"`
	Kept       map[string]store.Amount          `json:"kept"`              // blocks, by why; not there where that cannot be said
	Unkept     *unkeptRecord                    `json:"unkept"`            // what store gc would drop
	Unknown    string                           `json:"unknown,omitempty"` // why that cannot be said
	Content    uint64                           `json:"content"`
	Disk       uint64                           `json:"disk"`
	Quarantine uint64                           `json:"quarantine"`
	Unreadable int                              `json:"unreadable"`
	Linking    linkingRecord                    `json:"linking"`
}

type unkeptRecord struct {
	Blocks  store.Amount `json:"blocks"`
	Answers store.Amount `json:"answers"`
}

type linkingRecord struct {
	Evaluations uint64 `json:"evaluations"`
	Executed    uint64 `json:"stepsExecuted"`
	Spared      uint64 `json:"stepsSpared"`
	Found       uint64 `json:"resultsFound"`
	Linked      uint64 `json:"resultsLinked"`
	Written     uint64 `json:"bytesWritten"`
}

func statJSON(dir string, st store.Statistics, kept store.Collected, unknown error) statRecord {
	u := st.Usage
	r := statRecord{
		Store: dir, Blocks: st.Blocks, Index: st.Answers, Reducts: st.Reducts, Notes: st.Notes, Attested: st.Attested, Other: st.Others, Content: content(st),
		Disk: st.Disk, Quarantine: st.Quarantine, Unreadable: st.Unreadable,
		Linking: linkingRecord{u.Runs, u.Executed, u.Spared, u.Found, u.Linked, u.Written},
	}
	if unknown != nil {
		r.Unknown = unknown.Error()
		return r
	}
	r.Kept, r.Unkept = map[string]store.Amount{}, &unkeptRecord{kept.Dropped, kept.Forgot}
	for why, name := range []string{"pinned", "workspace", "library", "stopped", "used"} {
		r.Kept[name] = kept.Kept[why]
	}
	return r
}

// content is the bytes of all that is in a store.
func content(st store.Statistics) uint64 {
	n := st.Reducts.Bytes + st.Notes.Bytes + st.Attested.Bytes + st.Others.Bytes
	for _, a := range st.Blocks {
		n += a.Bytes
	}
	for _, a := range st.Answers {
		n += a.Bytes
	}
	return n
}

// blockNames say what the kinds of blocks are.
var blockNames = map[store.BlockKind]string{
	store.CodeBlock: "code", store.ResultBlock: "results", store.TraceBlock: "traces", store.ReductBlock: "reducts", store.CheckpointBlock: "checkpoints",
	store.AboutBlock: "about code: sources, names", store.DataBlock: "values and data", store.FilesBlock: "libraries, folders, files (UnixFS)",
	store.OtherBlock: "contents of files, and other bytes",
}

func printStat(out io.Writer, dir string, st store.Statistics, kept store.Collected, unknown error) {
	fmt.Fprintf(out, "store %s\n", dir)
	t := table{out: out}
	for _, kind := range store.BlockKinds {
		t.row(blockNames[kind], st.Blocks[kind])
	}
	t.end("blocks")
	for _, by := range slices.Sorted(maps.Keys(st.Answers)) {
		t.row(sourceName(by), st.Answers[by])
	}
	t.end("index, from an expression to its result")
	t.row("what an expression was stopped at", st.Reducts)
	t.row("what was written of which term", st.Notes)
	t.row("who has signed results of which term", st.Attested)
	t.row("names, pins and other records", st.Others)
	t.end("beside these")
	if unknown == nil {
		for why, a := range kept.Kept {
			t.row(keepNames[why], a)
		}
		t.row("kept by nothing: `store gc` drops them", kept.Dropped)
		t.end("blocks, by what keeps them")
	} else {
		fmt.Fprintf(out, "\nwhat is kept cannot be said: %s\n", lang.Clean(unknown.Error()))
	}
	fmt.Fprintf(out, "\non disk: %s for %s of content\n", byteText(st.Disk), byteText(content(st)))
	if st.Quarantine > 0 {
		fmt.Fprintf(out, "in quarantine: %s\n", byteText(st.Quarantine))
	}
	if st.Unreadable > 0 {
		fmt.Fprintf(out, "damaged: the database cannot be read in %s; see `rosser store check`\n", plural(st.Unreadable, "place"))
	}
	u := st.Usage
	if u.Runs == 0 {
		return
	}
	fmt.Fprintf(out, "\nlinking, in %s evaluations\n", thousands(u.Runs))
	fmt.Fprintf(out, "  spent   %s steps executed; %s results linked, %s", thousands(u.Executed), thousands(u.Linked), byteText(u.Written))
	if millions := u.Executed / 1_000_000; millions > 0 {
		fmt.Fprintf(out, ", %s for a million steps", byteText(u.Written/millions))
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "  saved   %s steps, in %s results that were found\n", thousands(u.Spared), thousands(u.Found))
}

// A table prints rows of names, counts and bytes, with their sum above them.
type table struct {
	out  io.Writer
	rows []tableRow
	sum  store.Amount
}

type tableRow struct {
	name string
	store.Amount
}

// row adds a row, unless it counts nothing.
func (t *table) row(name string, a store.Amount) {
	if a.Count > 0 {
		t.rows = append(t.rows, tableRow{"  " + name, a})
		t.sum.Count += a.Count
		t.sum.Bytes += a.Bytes
	}
}

func (t *table) end(title string) {
	if len(t.rows) > 0 {
		fmt.Fprintln(t.out)
		for _, r := range append([]tableRow{{title, t.sum}}, t.rows...) {
			fmt.Fprintf(t.out, "%-42s %13s %9s\n", r.name, thousands(r.Count), byteText(r.Bytes))
		}
	}
	t.rows, t.sum = nil, store.Amount{}
}

// sourceName says who found what an entry of the index says.
func sourceName(by string) string {
	if version, ok := strings.CutPrefix(by, graph.OwnAnswer); ok {
		return "reduced here, by evaluator " + oneLine(lang.Clean(version), shownBytes)
	}
	if who, ok := strings.CutPrefix(by, graph.ClaimAnswer); ok {
		return "claims by " + oneLine(lang.Clean(who), shownBytes)
	}
	if by == "" {
		return "claims by others"
	}
	return oneLine(lang.Clean(by), shownBytes)
}

// shownProblems is how many problems are printed, a line each.
const shownProblems = 100

// StoreCheck is `rosser store check`.
func StoreCheck(ctx context.Context, o Options, repair bool) error {
	shown := 0
	report := func(out io.Writer) func(store.Problem) {
		return func(p store.Problem) {
			if shown++; shown <= shownProblems {
				fmt.Fprintln(out, lang.Clean(p.String()))
			}
		}
	}
	if !repair {
		return storage(o, func(s *store.Store, out io.Writer) error {
			checked, err := s.Check(ctx, report(out))
			return concluded(ctx, out, checked, err)
		})
	}
	dir, err := o.storage()
	if err != nil {
		return err
	}
	out := &output{Writer: o.stdout()}
	checked, err := store.Repair(ctx, dir, store.Options{}, report(out))
	if errors.Is(err, store.ErrInUse) {
		return Misuse(err)
	}
	if err = concluded(ctx, out, checked, err); err == nil && out.err != nil {
		err = Misuse(out.err)
	}
	return err
}

// concluded prints what a check came to, and is its failure.
func concluded(ctx context.Context, out io.Writer, c store.Checked, err error) error {
	if more := c.Problems - shownProblems; more > 0 {
		fmt.Fprintf(out, "… and %s more\n", plural(more, "problem"))
	}
	if err == nil {
		found := "no problems"
		if c.Problems > 0 {
			found = plural(c.Problems, "problem")
			if c.Mended > 0 {
				found += fmt.Sprintf(", %d mended", c.Mended)
			}
		}
		pins := ""
		if c.Pins > 0 {
			pins = ", " + plural(c.Pins, "pin")
		}
		if c.Attested > 0 {
			pins += ", " + plural(c.Attested, "attestation")
		}
		fmt.Fprintf(out, "%s, %d index entries, %s%s: %s\n", plural(c.Blocks, "block"), c.Answers, plural(c.Notes, "note"), pins, found)
	}
	if c.Unverified > 0 {
		fmt.Fprintf(out, "%s of an unknown hash function\n", plural(c.Unverified, "block"))
	}
	if c.Recovered > 0 {
		fmt.Fprintf(out, "%s without an index entry: now claims by %s\n", plural(c.Recovered, "result"), store.Recovered)
	}
	if c.Unpinned {
		fmt.Fprintln(out, "pins or names may be lost: pin again what is to be kept, before `rosser store gc` drops it")
	}
	if c.Quarantine != "" {
		fmt.Fprintln(out, "what was taken out is kept in", c.Quarantine)
	}
	if err != nil {
		return reading(ctx, err)
	}
	if left := c.Problems - c.Mended - c.Incomplete; left > 0 {
		return missing("the store has %s; `rosser store check --repair` mends it", plural(left, "problem"))
	}
	if c.Incomplete > 0 {
		return missing("blocks are missing below %s, and only who has them can give them back", plural(c.Incomplete, "root"))
	}
	return nil
}

// StoreDistrust is `rosser store distrust`.
func StoreDistrust(ctx context.Context, o Options, who string, undo bool) error {
	return storage(o, func(s *store.Store, out io.Writer) error {
		if undo {
			n, err := s.Trust(ctx, who)
			if err == nil && n == 0 {
				err = fmt.Errorf("no answer of evaluator %.40q is distrusted", who)
			}
			if err == nil {
				fmt.Fprintf(out, "%s of evaluator %s trusted again\n", plural(n, "answer"), lang.Clean(who))
			}
			return reading(ctx, err)
		}
		if id, err := trust.ParseKey(who); err == nil {
			who = id.String()
		}
		own, claims, reducts, err := s.Distrust(ctx, who)
		if own > 0 {
			fmt.Fprintf(out, "%s of evaluator %s: now claims, to be reduced again\n", plural(own, "answer"), lang.Clean(who))
		}
		if claims > 0 {
			fmt.Fprintf(out, "%s by %s: forgotten\n", plural(claims, "claim"), lang.Clean(who))
		}
		if reducts > 0 {
			fmt.Fprintf(out, "%s by %s: to be begun again\n", plural(reducts, "stopped expression"), lang.Clean(who))
		}
		if id, notKey := trust.ParseKey(who); err == nil && notKey == nil {
			signed, err := forgetKey(ctx, o, s, id, out)
			if err != nil || own+claims+reducts+signed > 0 {
				return reading(ctx, err)
			}
			return missing("no answer is by %s", id)
		}
		if err != nil || own+claims+reducts > 0 {
			return reading(ctx, err)
		}
		sources, err := s.Sources(ctx)
		if err != nil {
			return reading(ctx, err)
		}
		return missing("no answer is by %.40q%s", who, sourceList(sources))
	})
}

// sourceList says who can be distrusted.
func sourceList(sources map[string]int) string {
	var names []string
	for _, by := range slices.Sorted(maps.Keys(sources)) {
		_, who, ok := strings.Cut(by, ":")
		if ok && len(names) < 20 {
			names = append(names, lang.Clean(who))
		}
	}
	if len(names) == 0 {
		return "; the index is empty"
	}
	return "; there are answers by " + strings.Join(names, ", ")
}

// thousands writes a number with its digits in groups of three.
func thousands(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// byteText writes a number of bytes with three digits or so.
func byteText(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		if f /= 1000; f < 999.5 {
			if f < 9.95 {
				return fmt.Sprintf("%.1f %s", f, unit)
			}
			return fmt.Sprintf("%.0f %s", f, unit)
		}
	}
	return fmt.Sprintf("%.0f PB", f/1000)
}
