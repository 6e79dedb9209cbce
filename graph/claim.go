// This file says whose claim an Answer is: the part of its By after ClaimAnswer.
//
// A claim rests on sources, parted by " & " and in order, each of them once. A source is the name of where it came from (a CAR's file name,
// a library's root, an IPNS name, a peer), or "key " and the keys that it was believed for, in order, joined by ",".

package graph

import (
	"slices"
	"strings"
)

const (
	claimAnd = " & "
	claimKey = "key "
	keyComma = ","
)

// MaxSources is how many sources a claim names; one that rests on more is ManySources.
const MaxSources = 16

// ManySources is the claim that rests on more sources than it can name. It names no key, so no policy believes it.
const ManySources = ClaimAnswer + "many sources"

// ClaimOf is the By of what a name is the source of. No name makes a claim of keys.
func ClaimOf(name string) string {
	if strings.HasPrefix(name, claimKey) {
		name = "named " + name
	}
	return ClaimAnswer + name
}

// ClaimOfKeys is the By of what was believed for keys, given as texts.
func ClaimOfKeys(keys []string) string {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	return ClaimAnswer + claimKey + strings.Join(keys, keyComma)
}

// JoinClaims is the By of what rests on two claims, either of which may be "" for none.
func JoinClaims(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	case a == ManySources || b == ManySources:
		return ManySources
	}
	all := append(Sources(a), Sources(b)...)
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > MaxSources {
		return ManySources
	}
	return ClaimAnswer + strings.Join(all, claimAnd)
}

// ClaimOfAny is the By of what each of several groups of keys vouches for, every one of a group for a part of it: it is to be believed where
// all of one group are, or as many as it takes out of different groups. So it rests on each choice of one key out of every group, and on any of
// that. Keys are given as texts.
func ClaimOfAny(groups [][]string) string {
	choices := [][]string{nil}
	for _, g := range groups {
		var next [][]string
		for _, c := range choices {
			for _, key := range g {
				next = append(next, append(slices.Clone(c), key))
			}
		}
		if choices = next; len(choices) > MaxSources {
			return ManySources
		}
	}
	by := ""
	for _, c := range choices {
		by = JoinClaims(by, ClaimOfKeys(c))
	}
	return by
}

// Sources are the sources that a By rests on: all of them must be believed for it to be. What is no claim is a source of its own.
func Sources(by string) []string {
	claim, ok := strings.CutPrefix(by, ClaimAnswer)
	if !ok {
		return []string{by}
	}
	return strings.Split(claim, claimAnd)
}

// SourceKeys are the keys that a source is believed for; ok is false for a source that is none of keys.
func SourceKeys(source string) (keys []string, ok bool) {
	list, ok := strings.CutPrefix(source, claimKey)
	if !ok {
		return nil, false
	}
	return strings.Split(list, keyComma), true
}

// KeysAlone says whether a By is a claim that rests on keys, and on nothing else: a policy may believe it.
func KeysAlone(by string) bool {
	return strings.HasPrefix(by, ClaimAnswer) && !slices.ContainsFunc(Sources(by), func(s string) bool {
		_, ok := SourceKeys(s)
		return !ok
	})
}

// RestsOn says whether a claim rests on a source, given as itself or as one of its keys.
func RestsOn(by, source string) bool {
	if !strings.HasPrefix(by, ClaimAnswer) {
		return false
	}
	if by == ClaimAnswer+source { // whatever stands in a name
		return true
	}
	return slices.ContainsFunc(Sources(by), func(s string) bool {
		keys, _ := SourceKeys(s)
		return s == source || slices.Contains(keys, source)
	})
}
