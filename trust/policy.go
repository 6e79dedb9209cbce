// This file holds the policy: who is believed, beside this machine itself. It is a text file, DIR/trust:
//
//	# whoever is believed alone
//	key 12D3KooW… alice
//	# two of these, together
//	quorum 2
//	voter 12D3KooW… bob
//	voter 12D3KooW… carol
//	voter 12D3KooW… dave
//
// Lines may come in any order; a name is the rest of its line, and need not be there.

package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"
)

// The most that a policy may hold.
const (
	MaxKeys   = 10_000
	MaxVoters = 64
	MaxName   = 100 // bytes

	maxPolicy = 4 << 20
)

// PolicyFile is where the policy of the store in dir stands.
func PolicyFile(dir string) string { return filepath.Join(dir, "trust") }

// A Member is somebody whom a policy names.
type Member struct {
	Key   peer.ID
	Name  string // "" for none
	Voter bool   // believed only together with others
}

// A Policy says who is believed. The zero Policy, and a nil one, believe nobody. It must not be changed while others use it.
type Policy struct {
	lines  []policyLine
	byKey  map[peer.ID]*Member
	quorum int // 0: voters are not believed
	voters int
}

type policyLine struct {
	text   string
	member *Member // nil for a comment, and the quorum
	quorum bool
}

// ParsePolicy reads a policy; file is its name in errors.
func ParsePolicy(file string, data []byte) (*Policy, error) {
	if len(data) > maxPolicy {
		return nil, fmt.Errorf("%s: got %d bytes, want at most %d", file, len(data), maxPolicy)
	}
	p := &Policy{byKey: map[peer.ID]*Member{}}
	at := map[peer.ID]int{}
	number := 0
	var errs []error
	for raw := range bytes.Lines(data) {
		number++
		line, err := parsePolicyLine(string(bytes.TrimRight(raw, "\r\n")))
		if err == nil {
			err = p.take(line, at, number)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, number, err))
			if len(errs) == 10 {
				break
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

func (p *Policy) take(line policyLine, at map[peer.ID]int, number int) error {
	if m := line.member; m != nil {
		if before, ok := at[m.Key]; ok {
			return fmt.Errorf("%s stands in line %d already", m.Key, before)
		}
		at[m.Key] = number
		if err := p.add(m); err != nil {
			return err
		}
	}
	if line.quorum {
		if p.quorum != 0 {
			return errors.New("there is a quorum already")
		}
		p.quorum, _ = strconv.Atoi(strings.Fields(line.text)[1])
	}
	p.lines = append(p.lines, line)
	return nil
}

func (p *Policy) add(m *Member) error {
	if m.Voter && p.voters == MaxVoters {
		return fmt.Errorf("more than %d voters", MaxVoters)
	}
	if len(p.byKey) == MaxKeys {
		return fmt.Errorf("more than %d keys", MaxKeys)
	}
	if p.byKey == nil {
		p.byKey = map[peer.ID]*Member{}
	}
	p.byKey[m.Key] = m
	if m.Voter {
		p.voters++
	}
	return nil
}

func parsePolicyLine(text string) (policyLine, error) {
	line := policyLine{text: text}
	if !utf8.ValidString(text) {
		return line, errors.New("not UTF-8 text")
	}
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || trimmed[0] == '#' {
		return line, nil
	}
	word, rest := cutWord(trimmed)
	switch word {
	case "key", "voter":
		id, name := cutWord(rest)
		key, err := ParseKey(id)
		if err == nil {
			err = checkName(name)
		}
		if err != nil {
			return line, err
		}
		line.member = &Member{key, name, word == "voter"}
	case "quorum":
		if n, err := strconv.Atoi(rest); err != nil || n < 1 || n > MaxVoters || strconv.Itoa(n) != rest {
			return line, fmt.Errorf("got the quorum %.40q, want a number from 1 to %d", rest, MaxVoters)
		}
		line.quorum = true
	default:
		return line, fmt.Errorf("got %.40q, want key, voter, quorum, or a comment that begins with #", word)
	}
	return line, nil
}

// cutWord is the first word of a text and what follows it.
func cutWord(text string) (word, rest string) {
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// ParseKey reads the ID of a peer, as libp2p writes it: 12D3KooW…, Qm…, or a CID.
func ParseKey(text string) (peer.ID, error) {
	if text == "" {
		return "", errors.New("got no key, want the ID of a peer, such as 12D3KooW…")
	}
	bad := func(why any) (peer.ID, error) {
		return "", fmt.Errorf("got %.80q, want the ID of a peer, such as 12D3KooW…: %v", text, why)
	}
	id, err := peer.Decode(text)
	if err != nil {
		return bad(err)
	}
	hash, err := mh.Decode([]byte(id))
	if err != nil {
		return bad(err)
	}
	switch hash.Code {
	case mh.IDENTITY:
		key, err := id.ExtractPublicKey()
		if err != nil {
			return bad(err)
		}
		if !id.MatchesPublicKey(key) {
			return bad("no key has it")
		}
	case mh.SHA2_256:
	default:
		return bad("no key has it")
	}
	return id, nil
}

func checkName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("a name of %d bytes is too long, the limit is %d", len(name), MaxName)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("the name %.40q has a character that cannot be printed", name)
		}
	}
	return nil
}

// LoadPolicy reads the policy of the store in dir; without one, it is one that believes nobody.
func LoadPolicy(dir string) (*Policy, error) {
	p, _, err := loadPolicy(dir)
	return p, err
}

func loadPolicy(dir string) (*Policy, fs.FileInfo, error) {
	path := PolicyFile(dir)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Policy{}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, fmt.Errorf("%s: got a %s, want a text file", path, info.Mode().Type())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPolicy+1))
	if err != nil {
		return nil, info, err
	}
	p, err := ParsePolicy(path, data)
	return p, info, err
}

// Save writes the policy of the store in dir, in one step: whoever reads it finds the old one or the new one.
func (p *Policy) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := PolicyFile(dir)
	tmp, err := writeBeside(path, []byte(p.String()))
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return syncDir(dir)
}

// Change has f change the policy of the store in dir, and saves that. Of several who do so at once none undoes what another has done.
func Change(dir string, f func(*Policy) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(PolicyFile(dir)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	p, err := LoadPolicy(dir)
	if err != nil {
		return err
	}
	if err := f(p); err != nil {
		return err
	}
	return p.Save(dir)
}

// String is the policy as its file has it, with its comments.
func (p *Policy) String() string {
	var b strings.Builder
	for _, line := range p.lines {
		b.WriteString(line.text + "\n")
	}
	return b.String()
}

func (m *Member) line() policyLine {
	word := "key"
	if m.Voter {
		word = "voter"
	}
	return policyLine{text: strings.TrimSpace(word + " " + m.Key.String() + " " + m.Name), member: m}
}

// Add has the policy name somebody, in place of what it said of him.
func (p *Policy) Add(m Member) error {
	m.Name = strings.TrimSpace(m.Name)
	if err := checkName(m.Name); err != nil {
		return err
	}
	if _, ok := p.byKey[m.Key]; !ok {
		if err := p.add(&m); err != nil {
			return err
		}
		p.lines = append(p.lines, m.line())
		return nil
	}
	if was := p.byKey[m.Key]; m.Voter && !was.Voter {
		if p.voters == MaxVoters {
			return fmt.Errorf("more than %d voters", MaxVoters)
		}
		p.voters++
	} else if was.Voter && !m.Voter {
		p.voters--
	}
	p.byKey[m.Key] = &m
	for i, line := range p.lines {
		if line.member != nil && line.member.Key == m.Key {
			p.lines[i] = m.line()
		}
	}
	return nil
}

// Remove has the policy name somebody no more; it is false if it did not.
func (p *Policy) Remove(key peer.ID) bool {
	m, ok := p.byKey[key]
	if !ok {
		return false
	}
	delete(p.byKey, key)
	if m.Voter {
		p.voters--
	}
	p.lines = slices.DeleteFunc(p.lines, func(l policyLine) bool { return l.member != nil && l.member.Key == key })
	return true
}

// SetQuorum has k of the voters be believed; 0 is none of them.
func (p *Policy) SetQuorum(k int) error {
	if k < 0 || k > MaxVoters {
		return fmt.Errorf("got a quorum of %d, want 0 to %d", k, MaxVoters)
	}
	p.quorum = k
	line := policyLine{text: fmt.Sprintf("quorum %d", k), quorum: true}
	at := slices.IndexFunc(p.lines, func(l policyLine) bool { return l.quorum })
	switch {
	case k == 0 && at >= 0:
		p.lines = slices.Delete(p.lines, at, at+1)
	case k == 0:
	case at >= 0:
		p.lines[at] = line
	default:
		at = slices.IndexFunc(p.lines, func(l policyLine) bool { return l.member != nil && l.member.Voter })
		if at < 0 {
			at = len(p.lines)
		}
		p.lines = slices.Insert(p.lines, at, line)
	}
	return nil
}

// Quorum is how many of how many voters are believed; 0 of them if none are.
func (p *Policy) Quorum() (k, n int) {
	if p == nil {
		return 0, 0
	}
	return p.quorum, p.voters
}

// Members are those whom the policy names, as they stand in its file.
func (p *Policy) Members() []Member {
	var list []Member
	if p != nil {
		for _, l := range p.lines {
			if l.member != nil {
				list = append(list, *l.member)
			}
		}
	}
	return list
}

// Member is what the policy says of a key.
func (p *Policy) Member(key peer.ID) (Member, bool) {
	if p == nil {
		return Member{}, false
	}
	m, ok := p.byKey[key]
	if !ok {
		return Member{}, false
	}
	return *m, true
}

// Nobody says whether the policy can believe nobody.
func (p *Policy) Nobody() bool { return p == nil || len(p.byKey) == 0 }

// Believes says whether what these keys say, all of them, is believed: one of them alone, or K of the voters.
func (p *Policy) Believes(keys []peer.ID) bool { return len(p.believed(keys)) > 0 }

// maxBelieved is how many keys a claim names.
const maxBelieved = 8

// believed are those of the keys that what they say is believed for, in order: some whom the policy believes alone, else as many
// voters as it takes. None if it is not believed.
func (p *Policy) believed(keys []peer.ID) []peer.ID {
	if p.Nobody() {
		return nil
	}
	var alone, voters []peer.ID
	for _, k := range keys {
		switch m, ok := p.byKey[k]; {
		case !ok:
		case m.Voter:
			voters = append(voters, k)
		default:
			alone = append(alone, k)
		}
	}
	sorted := func(list []peer.ID, most int) []peer.ID {
		slices.SortFunc(list, func(a, b peer.ID) int { return strings.Compare(a.String(), b.String()) })
		list = slices.Compact(list)
		return list[:min(len(list), most)]
	}
	if len(alone) > 0 {
		return sorted(alone, maxBelieved)
	}
	voters = sorted(voters, max(maxBelieved, p.quorum))
	if p.quorum == 0 || len(voters) < p.quorum {
		return nil
	}
	return voters
}
