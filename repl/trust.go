// This file holds the commands that say who is believed: trust add, quorum, rm and ls; and what says who has found a result: --who.

package repl

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rosser-lang/rosser/eval"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/lang"
	"github.com/rosser-lang/rosser/trust"
)

// policy changes the policy of the store, and prints what f has said of it.
func (o Options) policy(f func(p *trust.Policy, out io.Writer) error) error {
	dir, err := o.folder()
	if err != nil {
		return err
	}
	out := &output{Writer: o.stdout()}
	var said strings.Builder
	err = trust.Change(dir, func(p *trust.Policy) error { return f(p, &said) })
	if err == nil {
		io.WriteString(out, said.String())
		err = out.err
	}
	if err != nil {
		return Misuse(err)
	}
	return nil
}

// TrustAdd is `rosser trust add`.
func TrustAdd(o Options, key, name string, voter bool) error {
	id, err := trust.ParseKey(key)
	if err != nil {
		return Misuse(err)
	}
	if _, err := trust.ParseKey(name); err == nil {
		return Misuse(fmt.Errorf("%.80q is a key, and no name for one", name))
	}
	return o.policy(func(p *trust.Policy, out io.Writer) error {
		m := trust.Member{Key: id, Name: name, Voter: voter}
		if was, ok := p.Member(id); ok && name == "" {
			m.Name = was.Name
		}
		for _, other := range p.Members() {
			if m.Name != "" && other.Name == m.Name && other.Key != id {
				return fmt.Errorf("%s is called %q already", other.Key, m.Name)
			}
		}
		if err := p.Add(m); err != nil {
			return err
		}
		fmt.Fprintln(out, memberText(m))
		o.sayQuorum(p)
		return nil
	})
}

// TrustQuorum is `rosser trust quorum`.
func TrustQuorum(o Options, k int) error {
	return o.policy(func(p *trust.Policy, out io.Writer) error {
		if err := p.SetQuorum(k); err != nil {
			return err
		}
		fmt.Fprintln(out, quorumText(p))
		o.sayQuorum(p)
		return nil
	})
}

// sayQuorum says so when voters cannot be believed.
func (o Options) sayQuorum(p *trust.Policy) {
	switch k, n := p.Quorum(); {
	case k == 0 && n > 0:
		o.note("voters are not believed until it is said how many of them it takes: rosser trust quorum K")
	case k > n:
		o.note("there are not so many voters yet: rosser trust add --voter KEY")
	}
}

func (o Options) note(text string) {
	fmt.Fprintf(o.stderr(), "rosser: %s\n", text)
}

func quorumText(p *trust.Policy) string {
	k, n := p.Quorum()
	if k == 0 {
		return "no quorum"
	}
	return fmt.Sprintf("quorum %d, of %s", k, plural(n, "voter"))
}

func memberText(m trust.Member) string {
	word := "key"
	if m.Voter {
		word = "voter"
	}
	return strings.TrimSpace(fmt.Sprintf("%-5s  %s  %s", word, m.Key, m.Name))
}

// TrustRemove is `rosser trust rm`: of keys, or of the names of keys.
func TrustRemove(o Options, list []string) error {
	return o.policy(func(p *trust.Policy, out io.Writer) error {
		for _, text := range list {
			m, err := member(p, text)
			if err != nil {
				return err
			}
			p.Remove(m.Key)
			fmt.Fprintln(out, memberText(m))
		}
		o.sayQuorum(p)
		return nil
	})
}

// member is whom a text names, by his key or his name.
func member(p *trust.Policy, text string) (trust.Member, error) {
	if id, err := trust.ParseKey(text); err == nil {
		m, ok := p.Member(id)
		if !ok {
			return m, fmt.Errorf("%s is not trusted; `rosser trust ls` says who is", id)
		}
		return m, nil
	}
	var found []trust.Member
	var names []string
	for _, m := range p.Members() {
		names = append(names, m.Name)
		if m.Name == text {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return trust.Member{}, fmt.Errorf("got %.60q, want a key or a name%s; `rosser trust ls` says which there are", text, hint(lang.Suggest(text, names)))
	case 1:
		return found[0], nil
	}
	return trust.Member{}, fmt.Errorf("%d keys have the name %.60q; say which by the key, as `rosser trust ls` prints them", len(found), text)
}

type policyRecord struct {
	Self   string         `json:"self"` // this machine's key
	Keys   []memberRecord `json:"keys"`
	Quorum int            `json:"quorum"` // how many voters it takes; 0 for none
	Voters []memberRecord `json:"voters"`
}

type memberRecord struct {
	Key  string `json:"key"`
	Name string `json:"name,omitempty"`
}

// TrustList is `rosser trust ls`.
func TrustList(o Options, asJSON bool) error {
	dir, err := o.folder()
	if err != nil {
		return err
	}
	p, err := trust.LoadPolicy(dir)
	if err != nil {
		return Misuse(err)
	}
	key, err := trust.Key(dir)
	if err != nil {
		return Misuse(err)
	}
	self, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return Misuse(err)
	}
	out := &output{Writer: o.stdout()}
	k, n := p.Quorum()
	if asJSON {
		r := policyRecord{Self: self.String(), Keys: []memberRecord{}, Voters: []memberRecord{}, Quorum: k}
		for _, m := range p.Members() {
			to := &r.Keys
			if m.Voter {
				to = &r.Voters
			}
			*to = append(*to, memberRecord{m.Key.String(), m.Name})
		}
		err = json.NewEncoder(out).Encode(r)
	} else {
		fmt.Fprintf(out, "self   %s  what this machine reduced is always used\n", self)
		for _, voters := range []bool{false, true} {
			if voters && n+k > 0 {
				fmt.Fprintln(out, quorumText(p))
			}
			for _, m := range p.Members() {
				if m.Voter == voters {
					fmt.Fprintln(out, memberText(m))
				}
			}
		}
		o.sayQuorum(p)
	}
	if err = cmp.Or(err, out.err); err != nil {
		return Misuse(err)
	}
	return nil
}

// believe says whether what is by somebody else may be used.
func (s *Session) believe(by string) bool { return s.opt.Trust || s.trust.Believe(by) }

// Renew has the session forget what it has reduced so far if that may rest on claims that are not believed any more: the policy has changed.
// It must not be called while the session evaluates.
func (s *Session) Renew() {
	if by := s.machine.Rests(); by != "" && !s.believe(by) {
		s.machine = s.newMachine()
	}
}

// Claimants says in words whose claim a By is.
func (s *Session) Claimants(by string) string {
	var list []string
	for _, source := range graph.Sources(by) {
		keys, ok := graph.SourceKeys(source)
		if !ok {
			list = append(list, oneLine(lang.Clean(source), sourceBytes))
			continue
		}
		var ids []peer.ID
		for _, text := range keys {
			if id, err := peer.Decode(text); err == nil {
				ids = append(ids, id)
			}
		}
		list = append(list, strings.Join(s.trust.Policy().Names(ids), ", "))
	}
	return strings.Join(list, " and ")
}

// sayClaim says that something, such as "this answer", is by others.
func (s *Session) sayClaim(what, by string) {
	if s.trust.Believe(by) {
		s.warn("%s by %s, trusted here", what, s.Claimants(by))
	} else {
		s.warn("%s by %s, not checked here", what, s.Claimants(by))
	}
}

// sayClaims says what of an outcome is by others.
func (s *Session) sayClaims(out eval.Outcome) {
	if out.Claim != "" {
		s.sayClaim("this answer is a claim", out.Claim)
	} else if out.Rests != "" {
		s.sayClaim("this answer may rest on a claim", out.Rests)
	}
}

// A standing is who says that an expression has a result, and what becomes of that.
type standing struct {
	result cid.Cid
	lines  []string // who, each in words
	used   bool
	why    string
}

// standings are those of all results that anybody has said an expression has, that which is used first.
func (s *Session) standings(ctx context.Context, expr cid.Cid) ([]standing, error) {
	recorded, there, err := s.store.Recorded(ctx, expr)
	if err != nil {
		return nil, err
	}
	words, err := s.trust.Words(ctx, expr)
	if err != nil {
		return nil, err
	}
	conflict, err := s.trust.Conflict(ctx, expr)
	if err != nil {
		return nil, err
	}
	answer, ok, err := s.trust.Recorded(ctx, expr)
	if err != nil {
		return nil, err
	}
	own := there && recorded.By == eval.Own
	var list []standing
	at := func(result cid.Cid) *standing {
		for i := range list {
			if list[i].result == result {
				return &list[i]
			}
		}
		list = append(list, standing{result: result})
		return &list[len(list)-1]
	}
	var parts []string // of what is recorded
	if there {
		st := at(recorded.Result)
		version, mine := strings.CutPrefix(recorded.By, graph.OwnAnswer)
		if mine {
			st.lines = append(st.lines, "reduced here, by evaluator "+oneLine(lang.Clean(version), shownBytes))
		} else {
			st.lines = append(st.lines, "a claim by "+s.Claimants(recorded.By))
			parts = s.relayed(ctx, recorded)
			st.lines = append(st.lines, parts...)
		}
	}
	for _, w := range words {
		what := "not trusted"
		switch {
		case w.Voter:
			what = "a voter"
		case w.Named:
			what = "trusted"
		}
		who := w.By.String()
		if w.Name != "" {
			who = fmt.Sprintf("%s (%s)", w.Name, who)
		}
		st := at(w.Result)
		st.lines = append(st.lines, fmt.Sprintf("%s by %s, %s: %s", w.Kind, who, w.At.UTC().Format(time.RFC3339), what))
	}
	chains, err := s.trust.Chains(ctx, expr)
	if err != nil {
		return nil, err
	}
	for _, c := range chains {
		if !there || recorded.Result != c.Result || len(parts) == 0 {
			st := at(c.Result)
			st.lines = append(st.lines, "signed in parts, one after the other, by "+strings.Join(s.trust.Policy().Names(c.Signers), ", "))
		}
	}
	for i := range list {
		st := &list[i]
		mine := ok && answer.Result == st.result
		believed, err := s.trust.Believed(ctx, expr, st.result)
		if err != nil {
			return nil, err
		}
		var counted []peer.ID
		voters, keyed := 0, false
		for _, w := range words {
			if w.Result == st.result && w.Voter {
				voters++
			}
			if w.Result == st.result && w.Counted {
				counted = append(counted, w.By)
				keyed = keyed || !w.Voter
			}
		}
		k, n := s.trust.Policy().Quorum()
		switch {
		case own && mine:
			st.used, st.why = true, "this machine has reduced it"
		case own:
			st.why = "this machine has reduced the expression to another result"
		case conflict != nil && (believed || there && recorded.Result == st.result && s.trust.Believe(recorded.By)):
			st.why = "another result is believed too, so neither is"
		case mine && len(counted) > 0 && keyed:
			st.used, st.why = true, "it is by "+strings.Join(s.trust.Policy().Names(counted), ", ")+", who is trusted"
		case mine && len(counted) > 0:
			st.used, st.why = true, fmt.Sprintf("%d of %s say so, and it takes %d", len(counted), plural(n, "voter"), k)
		case mine && s.trust.Believe(answer.By):
			st.used, st.why = true, "all that it rests on is by those who are trusted"
		case mine && s.opt.Trust:
			st.used, st.why = true, "--trust-results"
		case believed:
			st.why = "blocks of it are missing"
		case voters > 0 && k > 0:
			st.why = fmt.Sprintf("%d of %s say so, and it takes %d", voters, plural(n, "voter"), k)
		default:
			st.why = "nobody who is trusted says so"
		}
	}
	slices.SortStableFunc(list, func(a, b standing) int {
		switch {
		case a.used == b.used:
			return 0
		case a.used:
			return -1
		}
		return 1
	})
	return list, nil
}

const maxLinks = 64 // that --who follows from an expression to its answer

// relayed says who has done which part of an answer that several have come to, one after the other; nothing where that is not recorded.
func (s *Session) relayed(ctx context.Context, a graph.Answer) (lines []string) {
	whole := graph.Reduct{Of: a.Expr, To: a.Expr}
	for len(lines) < maxLinks && strings.HasPrefix(a.By, graph.ClaimAnswer) {
		b, ok, err := s.store.Reduct(ctx, whole.To)
		if err != nil || !ok || b.Own() {
			break
		}
		r, err := graph.LoadReduct(b, s.Load)
		if err != nil {
			return nil
		}
		whole.To, whole.Steps = r.To, min(whole.Steps+min(r.Steps, graph.MaxSteps), graph.MaxSteps)
		lines = append(lines, fmt.Sprintf("%s to what is left, %s: by %s", stepCount(r.Steps), r.To, s.Claimants(b.By)))
	}
	if len(lines) == 0 {
		return nil
	}
	last, ok, err := s.store.Recorded(ctx, whole.To)
	if err != nil || !ok || last.Own() {
		return nil
	}
	data, err := s.Load(last.Result)
	if err != nil {
		return nil
	}
	if joined, err := whole.Join(data); err != nil || joined.CID != a.Result {
		return nil // these are parts of something else
	}
	return append(lines, fmt.Sprintf("%s to its value: by %s", stepCount(last.Steps), s.Claimants(last.By)))
}

func (st *standing) verdict() string {
	if st.used {
		return "used: " + st.why
	}
	return "not used: " + st.why
}

// Who is `rosser result --who`.
func Who(ctx context.Context, o Options, text string) error {
	return with(o, func(s *Session) error {
		expr, err := s.expression(ctx, text)
		if err != nil {
			return err
		}
		list, err := s.standings(ctx, expr)
		if err != nil {
			return &failure{exitMissing, err}
		}
		if len(list) == 0 {
			return missing("nobody has said what %s comes to", expr)
		}
		fmt.Fprintf(s.opt.Stdout, "%s\n", expr)
		for _, st := range list {
			fmt.Fprintf(s.opt.Stdout, "\n%s%s\n", st.result, s.resultText(expr, st.result))
			for _, line := range append(st.lines, st.verdict()) {
				fmt.Fprintf(s.opt.Stdout, "  %s\n", line)
			}
		}
		return nil
	})
}

// resultText is what a Result says, in short.
func (s *Session) resultText(expr, result cid.Cid) string {
	r, err := eval.LoadAnswer(graph.Answer{Expr: expr, Result: result}, s.Load)
	if err != nil {
		return ", which cannot be read here"
	}
	text := ""
	err = loading(func() error {
		if text = brief(r.Value); r.Error != nil {
			text = "error " + r.Error.Kind
		}
		return nil
	})
	if err != nil {
		return ", of which blocks are missing"
	}
	return " = " + text + ", " + stepCount(r.Steps)
}

// who is who says that an expression has a result, on a line.
func (s *Session) who(ctx context.Context, expr, result cid.Cid) (standing, error) {
	list, err := s.standings(ctx, expr)
	for _, st := range list {
		if st.result == result {
			return st, err
		}
	}
	return standing{result: result, why: "nobody says so here"}, err
}

// forgetKey forgets what a key has signed, for `rosser store distrust`.
func forgetKey(ctx context.Context, o Options, s *store.Store, id peer.ID, out io.Writer) (n int, err error) {
	if n, err = trust.Forget(ctx, s, id); n > 0 {
		fmt.Fprintf(out, "%s by %s: forgotten\n", plural(n, "attestation"), id)
	}
	if err != nil {
		return n, err
	}
	p, err := trust.LoadPolicy(s.Dir())
	if err != nil {
		return n, err
	}
	if _, ok := p.Member(id); ok {
		o.note(fmt.Sprintf("what comes by %s from now on is still believed; to end that: rosser trust rm %s", id, id))
	}
	return n, nil
}
