// This file pulls: libraries of others, from where they are given.

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ipfs/go-cid"

	"github.com/rosser-lang/rosser/codec"
	"github.com/rosser-lang/rosser/graph"
	"github.com/rosser-lang/rosser/graph/store"
	"github.com/rosser-lang/rosser/repl"
)

// A Pull says what is pulled.
type Pull struct {
	From    string   `json:"from"`            // a CID, /ipfs/CID, /ipns/NAME, the address of a peer or a URL, these with one of the former behind them
	Peers   []string `json:"peers,omitempty"` // addresses of peers and URLs of gateways that are asked beside
	Name    string   `json:"name,omitempty"`  // what the library is called here; "" for the name that it has there, or one from its IPNS name
	Limit   int64    `json:"limit,omitempty"` // bytes; 0 for 8 GiB
	History bool     `json:"history,omitempty"`
	Names   []string `json:"names,omitempty"` // of the definitions that are wanted; none for all
}

// A Pulled library.
type Pulled struct {
	Name    string     `json:"name"`
	Who     string     `json:"who"` // whose claims its results are
	Root    cid.Cid    `json:"root"`
	Old     cid.Cid    `json:"old"` // what was there; undefined when it was not followed
	Names   int        `json:"names"`
	Results int        `json:"results"`         // that have become claims
	Words   int        `json:"words"`           // attestations
	Wrong   int        `json:"wrong,omitempty"` // results that are none
	First   string     `json:"first,omitempty"` // which the first of these is
	Came    store.Size `json:"came"`
}

// A reference says where something is to be had, and which.
type reference struct {
	peer  string   // multiaddr; "" for none
	url   *url.URL // nil for none; without what is in path
	root  cid.Cid
	fixed bool // the root was given
	ipns  string
	name  string // of a library
}

var peerAddress = regexp.MustCompile(`^(/.*/p2p/[^/]+)(/.*)?$`)

// parseReference reads what a Pull is from.
func parseReference(text string) (ref reference, err error) {
	rest := text
	switch {
	case strings.HasPrefix(text, "http://"), strings.HasPrefix(text, "https://"):
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return ref, fmt.Errorf("%.200q is not a URL", text)
		}
		rest = u.Path
		ref.url = &url.URL{Scheme: u.Scheme, Host: u.Host}
		for _, part := range []string{"/ipfs/", "/ipns/"} { // below the path of a gateway, if it has one
			if i := strings.Index(u.Path, part); i > 0 {
				ref.url.Path, rest = u.Path[:i], u.Path[i:]
			}
		}
		rest = strings.TrimRight(rest, "/")
	case peerAddress.MatchString(text):
		m := peerAddress.FindStringSubmatch(text)
		ref.peer, rest = m[1], m[2]
	case !strings.HasPrefix(text, "/"):
		rest = "/ipfs/" + strings.TrimPrefix(text, "@")
	}
	kind, what, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case rest == "":
	case kind == "ipfs" && what != "":
		if ref.root, err = cid.Decode(what); err != nil {
			return ref, fmt.Errorf("got %.200q, want a CID, /ipfs/CID, /ipns/NAME, the address of a peer that ends in /p2p/ID, or a URL: %w", text, err)
		}
		ref.fixed = true
	case kind == "ipns" && what != "" && !strings.Contains(what, "/"):
		ref.ipns = what
	case what == "" && (ref.url != nil || ref.peer != ""):
		ref.name = kind
	default:
		return ref, fmt.Errorf("got %.200q, want a CID, /ipfs/CID, /ipns/NAME, the address of a peer that ends in /p2p/ID, or a URL", text)
	}
	return ref, nil
}

var errNobody = errors.New("there is nobody to ask: give a peer with --peer, or pull from a peer's address or a gateway's URL")

// sources finds out whom to ask.
func (n *Node) sources(ctx context.Context, ref reference, peers []string) (all []source, err error) {
	add := func(addr string) error {
		if strings.HasPrefix(addr, "http://") || strings.HasPrefix(addr, "https://") {
			u, err := url.Parse(addr)
			if err != nil || u.Host == "" {
				return fmt.Errorf("%.200q is not a URL", addr)
			}
			all = append(all, urlSource(u))
			return nil
		}
		id, err := n.Connect(ctx, addr)
		if err == nil {
			all = append(all, n.peerSource(ctx, id))
		}
		return err
	}
	if ref.url != nil {
		all = append(all, urlSource(ref.url))
	}
	if ref.peer != "" {
		if err := add(ref.peer); err != nil {
			return nil, err
		}
	}
	var lost []source
	var errs []error
	for _, p := range peers {
		err := add(p)
		if _, wrong := peerInfo(p); err != nil && (wrong != nil || ctx.Err() != nil) {
			return nil, err
		}
		if err != nil { // the others may do
			lost, errs = append(lost, &lostSource{p, err}), append(errs, err)
		}
	}
	for _, id := range n.host.Network().Peers() {
		if s := n.peerSource(ctx, id); !slices.ContainsFunc(all, func(a source) bool { return a.String() == s.String() }) {
			all = append(all, s)
		}
	}
	switch {
	case len(all) > 0:
		return append(all, lost...), nil
	case len(lost) > 0:
		return nil, errors.Join(errs...)
	}
	return nil, errNobody
}

var errFixed = errors.New("a root never changes")

// changing is a reference to one library, or to a name, as text; an error where it can stand for nothing new.
func (r reference) changing() (string, error) {
	at := r.peer
	if r.url != nil {
		at = r.url.String()
	}
	switch {
	case r.ipns != "":
		return at + "/ipns/" + r.ipns, nil
	case r.fixed || at == "":
		return "", errFixed
	}
	return at + "/" + r.name, nil
}

// Pull fetches libraries, and makes their results claims of whose they are.
func (n *Node) Pull(ctx context.Context, p Pull, progress func(store.Size)) ([]Pulled, error) {
	ref, err := parseReference(p.From)
	if err == nil && p.Name != "" {
		err = store.CheckLibraryName(p.Name)
	}
	if err != nil {
		return nil, repl.Misuse(err)
	}
	sources, err := n.sources(ctx, ref, p.Peers)
	if errors.Is(err, errNobody) && ref.root.Defined() {
		if found := n.providers(ctx, ref.root); len(found) > 0 {
			sources, err = found, nil
		}
	}
	if err != nil && !(errors.Is(err, errNobody) && ref.ipns != "" && n.routing != nil) {
		return nil, err
	}
	if ref.ipns != "" {
		if ref.root, err = n.resolve(ctx, ref.ipns, sources); err != nil {
			return nil, err
		}
		if len(sources) == 0 {
			sources = n.providers(ctx, ref.root)
		}
	}
	shared := []Shared{{p.Name, ref.root.String()}}
	if ref.ipns != "" && p.Name == "" {
		if shared[0].Name, err = n.nameOf(ctx, ref); err != nil {
			return nil, err
		}
	}
	if !ref.root.Defined() {
		if shared, err = sharedBy(ctx, sources[0]); err != nil {
			return nil, err
		}
		if ref.name != "" {
			shared = slices.DeleteFunc(shared, func(s Shared) bool { return s.Name != ref.name })
		}
		if len(shared) == 0 {
			return nil, fmt.Errorf("%s has no library%s", sources[0], named(ref.name))
		}
		if len(shared) > maxLibraries {
			return nil, fmt.Errorf("%s has %d libraries, more than %d are not pulled at once: say which, as in %s/%.100q", sources[0], len(shared), maxLibraries, p.From, shared[0].Name)
		}
	}
	if p.Name != "" && len(shared) > 1 {
		return nil, fmt.Errorf("%s has %d libraries, and one name is given for them: say which, as in %s/%s", sources[0], len(shared), p.From, shared[0].Name)
	}
	var pulled []Pulled
	var errs []error
	for _, s := range shared {
		root, err := cid.Decode(s.Root)
		if err != nil {
			return pulled, fmt.Errorf("%s says that the root of %.100q is %.100q, which is not a CID", sources[0], s.Name, s.Root)
		}
		name := s.Name
		if p.Name != "" {
			name = p.Name
		} else if name != "" {
			if err := n.free(ctx, name, ref, sources[0]); err != nil {
				errs = append(errs, err) // which keeps from the others nothing
				continue
			}
		}
		one, err := n.pullOne(ctx, name, root, whose(ref, root), sources, p, progress)
		if err == nil {
			from := ref
			from.name = s.Name
			err = n.follow(ctx, name, from, p)
		}
		if err != nil {
			return pulled, err
		}
		pulled = append(pulled, one)
	}
	return pulled, errors.Join(errs...)
}

const maxLibraries = 1000 // of one node, that are pulled at once

// free says what keeps a library of somebody's from having its name here: that is no name, or another one's, whom nobody takes it from unless the
// user says so.
func (n *Node) free(ctx context.Context, name string, ref reference, from source) error {
	if err := store.CheckLibraryName(name); err != nil {
		return fmt.Errorf("%s: %w; --name gives it another one", from, err)
	}
	root, err := n.store.Root(ctx, store.FollowRoot+name)
	if err != nil || !root.Defined() {
		return err
	}
	all, err := n.following(ctx)
	if err != nil {
		return err
	}
	was, ok := all[name]
	if !ok {
		return fmt.Errorf("%s has a library %s, and another one is called so here: --name NAME gives it another name, --name %s puts it in the other's place", from, name, name)
	}
	ref.name = name
	if before, err := parseReference(was.From); err == nil && before.same(ref) {
		return nil
	}
	return fmt.Errorf("%s has a library %s, and one is called so here that is from %s: --name NAME gives it another name, --name %s puts it in the other's place", from, name, was.From, name)
}

// nameOf is what the library of an IPNS name is called here where nobody has said it: what it is followed as, else the end of that name.
func (n *Node) nameOf(ctx context.Context, ref reference) (string, error) {
	all, err := n.following(ctx)
	for _, name := range sorted(all) {
		if was, err := parseReference(all[name].From); err == nil && was.same(ref) {
			return name, nil
		}
	}
	return "ipns-" + ref.ipns[max(0, len(ref.ipns)-ipnsShown):], err
}

const ipnsShown = 8 // bytes of an IPNS name that a library is called by

// same says whether two references are to the same library: of a peer wherever he is, or at the same URL, or of the same key.
func (r reference) same(o reference) bool {
	if r.ipns != "" || o.ipns != "" {
		return r.ipns == o.ipns
	}
	if r.name != o.name {
		return false
	}
	if r.peer != "" && o.peer != "" {
		return path.Base(r.peer) == path.Base(o.peer)
	}
	return r.peer == o.peer && r.url != nil && o.url != nil && r.url.String() == o.url.String()
}

func named(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" of the name %.100q", name)
}

// whose claims the results in what is pulled are: of a key, where that is known, else of the library.
func whose(ref reference, root cid.Cid) string {
	if ref.ipns != "" {
		return "/ipns/" + ref.ipns
	}
	if ref.peer != "" {
		return ref.peer[strings.LastIndex(ref.peer, "/")+1:]
	}
	if ref.url != nil {
		return ref.url.Host
	}
	return root.String()
}

// pullOne fetches the library at root. Its history is left where it is, unless it is asked for.
func (n *Node) pullOne(ctx context.Context, name string, root cid.Cid, who string, sources []source, p Pull, progress func(store.Size)) (Pulled, error) {
	got := Pulled{Name: name, Who: who, Root: root}
	var err error
	if name != "" {
		if got.Old, err = n.store.Root(ctx, store.FollowRoot+name); err != nil {
			return got, err
		}
	}
	f := &fetch{store: n.store, sources: sources, limit: p.Limit, update: got.Old.Defined(), progress: progress}
	had, err := n.store.Has(ctx, root)
	if err != nil {
		return got, err
	}
	top, err := f.block(ctx, root)
	if err != nil {
		return got, err
	}
	node, err := codec.DecodeUnixFS(root.Prefix().Codec, top)
	if err != nil || node.Kind != codec.Directory {
		return got, fmt.Errorf("%s is not a library", root)
	}
	var parts []cid.Cid
	for _, l := range node.Links {
		if l.Name != "parent" || p.History {
			parts = append(parts, l.CID)
		}
	}
	if len(p.Names) > 0 {
		got.Came, err = n.pullNames(ctx, f, root, parts, p.Names)
	} else {
		got.Came, err = f.below(ctx, parts...)
	}
	if err != nil {
		return got, unfinished(err)
	}
	if !had {
		got.Came.Blocks++
		got.Came.Bytes += int64(len(top))
	}
	lib, err := n.store.AdoptLibrary(ctx, root, who)
	if err != nil {
		return got, unfinished(err)
	}
	if lib.Wrong > 0 {
		n.log.Warn("a library lists what is not so", "root", root.String(), "entries", lib.Wrong, "first", lib.First)
		got.Wrong, got.First = lib.Wrong, lib.First.Error()
	}
	got.Names, got.Results = len(lib.Names), lib.Claims
	if got.Words, err = n.adoptWords(ctx, lib.Attest); err != nil {
		return got, unfinished(err)
	}
	if name == "" { // who pulls it wants to have it
		return got, n.store.PinPartly(ctx, store.Pin{CID: root, Name: "pulled from " + who})
	}
	for {
		if done, err := n.store.SwapRoot(ctx, store.FollowRoot+name, got.Old, root); err != nil || done {
			return got, err
		}
		if got.Old, err = n.store.Root(ctx, store.FollowRoot+name); err != nil {
			return got, err
		}
	}
}

// pullNames fetches some of the definitions of a library, with the results of all code in them. f has what it needs to fetch.
func (n *Node) pullNames(ctx context.Context, f *fetch, root cid.Cid, parts []cid.Cid, names []string) (came store.Size, err error) {
	more := func(g *fetch, roots ...cid.Cid) error {
		g.store, g.sources, g.progress, g.limit = f.store, f.sources, f.progress, f.limit
		got, err := g.below(ctx, roots...)
		came.Blocks += got.Blocks
		came.Bytes += got.Bytes
		return err
	}
	if err := more(&fetch{lists: true, update: f.update}, parts...); err != nil {
		return came, err
	}
	lib, err := n.store.ReadListing(ctx, root)
	if err != nil {
		return came, err
	}
	var terms, rest []cid.Cid
	for _, name := range names {
		c, ok := lib.Names[name]
		if !ok {
			return came, fmt.Errorf("the library %s has no %.80q%s", root, name, repl.Hint(name, sorted(lib.Names)))
		}
		terms = append(terms, c)
		if about, ok := lib.About[name]; ok {
			rest = append(rest, about)
		}
	}
	if err := more(&fetch{}, terms...); err != nil {
		return came, err
	}
	err = graph.Closure(ctx, terms, graph.LoaderOf(ctx, n.store), func(c cid.Cid, _ []byte) error {
		for _, of := range []map[cid.Cid]cid.Cid{lib.Results, lib.Traces, lib.Lists} {
			if l, ok := of[c]; ok {
				rest = append(rest, l)
			}
		}
		return nil
	})
	if err != nil {
		return came, err
	}
	return came, more(&fetch{}, rest...)
}

// unfinished tells of an error that is not for ever what to do.
func unfinished(err error) error {
	var missing *missingError
	var own *ownError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w; %s once there is room", err, goesOn)
	case errors.As(err, &missing) && missing.failed(): // as text: it is not the hint for a missing block that helps
		return fmt.Errorf("%v; %s", err, goesOn)
	case errors.As(err, &own):
		return fmt.Errorf("%w; %s", err, goesOn)
	}
	return err
}

// adoptWords keeps attestations that are what they should be, and returns how many. The rest says nothing.
func (n *Node) adoptWords(ctx context.Context, lists map[cid.Cid][][]byte) (kept int, err error) {
	var count atomic.Int64
	todo := make(chan cid.Cid)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for expr := range todo {
				for _, envelope := range lists[expr] {
					if err := n.believed.Keep(ctx, expr, envelope); err == nil {
						count.Add(1)
					}
				}
			}
		})
	}
	for expr := range lists {
		if ctx.Err() != nil {
			break
		}
		todo <- expr
	}
	close(todo)
	workers.Wait()
	return int(count.Load()), errors.Join(ctx.Err(), n.store.Flush(ctx))
}

// block fetches one block.
func (f *fetch) block(ctx context.Context, c cid.Cid) ([]byte, error) {
	data, err := f.store.Block(ctx, c)
	if !errors.Is(err, graph.ErrNotFound) && !errors.Is(err, graph.ErrDamaged) {
		return data, err
	}
	missing := &missingError{cid: c, sources: f.sources}
	for _, s := range f.sources {
		var found []byte
		err := s.fetch(ctx, []cid.Cid{c}, false, func(b graph.Block) error {
			if b.CID != c {
				return errUnasked
			}
			found = b.Data
			return nil
		})
		if found != nil && err == nil {
			return found, f.store.Put(ctx, graph.Block{CID: c, Data: found})
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		missing.errs = append(missing.errs, err)
	}
	return nil, missing
}

const maxShared = 4 << 20 // bytes of a list of libraries

// sharedBy asks a node which libraries it has.
func sharedBy(ctx context.Context, s source) ([]Shared, error) {
	var body *idleReader
	if g, ok := s.(*gatewaySource); ok {
		var err error
		if body, err = g.get(ctx, "/api/v0/libraries", typeJSON); err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
	}
	if body == nil {
		return nil, fmt.Errorf("%s is no node of Rosser's, which could say what libraries it has: give the library's CID behind the address, as in …/ipfs/CID", s)
	}
	defer body.Close()
	var shared []Shared
	if err := json.NewDecoder(io.LimitReader(body, maxShared)).Decode(&shared); err != nil {
		return nil, fmt.Errorf("%s gives a list of libraries that cannot be read: %w", s, err)
	}
	return shared, nil
}

// libraries are those that have been published from this store.
func (n *Node) libraries(ctx context.Context) ([]Shared, error) {
	shared := []Shared{}
	err := n.store.Libraries(ctx, store.LibraryRoot, func(name string, root cid.Cid) error {
		shared = append(shared, Shared{name, root.String()})
		return nil
	})
	return shared, err
}
