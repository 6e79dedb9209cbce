// Command rosser runs programs of the Rosser language and links what they reduce to. This file holds the command
// line; what the commands do is in package repl.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/rosser-lang/rosser/lsp"
	"github.com/rosser-lang/rosser/node"
	"github.com/rosser-lang/rosser/repl"
	"github.com/rosser-lang/rosser/start"
)

type evalFlags struct {
	Link         string        `help:"What is linked: every call (all), what is worth it (auto), nothing (none)." enum:"auto,all,none" default:"auto"`
	TrustResults bool          `help:"Use imported results as if this machine had computed them."`
	Fuel         uint64        `help:"Stop after N steps." placeholder:"N"`
	Deadline     time.Duration `help:"Stop after a time, such as 2s." placeholder:"TIME"`
	Memory       string        `help:"Stop when the program needs more than this, such as 512M or 4G. The default is half of the machine's." placeholder:"SIZE"`
	As           string        `help:"How the value is written: json, text (a text as it is) or cbor (its block)." enum:"json,text,cbor" default:"json"`
	Stats        bool          `help:"Print expression CID, result CID, time, steps, and calls reduced, reused and linked."`
}

// profileFlags are those of the commands that can say where the time goes.
type profileFlags struct {
	Profile bool   `help:"Print calls, own steps, time, reused and linked of each function."`
	Pprof   string `help:"Write a profile that go tool pprof opens." placeholder:"FILE"`
}

func (p profileFlags) set(o repl.Options) repl.Options {
	o.Profile, o.Pprof = p.Profile, p.Pprof
	return o
}

func (f evalFlags) options(all *commands) repl.Options {
	return repl.Options{Store: all.Store, Link: f.Link, Trust: f.TrustResults, Fuel: f.Fuel, Deadline: f.Deadline, Memory: f.Memory, As: f.As, Stats: f.Stats, Network: node.Others}
}

type runCmd struct {
	evalFlags
	profileFlags
	Watch bool     `help:"Run again whenever the program, or a file that it reads, changes, until Ctrl-C."`
	File  string   `arg:"" help:"The program: a .ros file, a .json file, or - for standard input."`
	Args  []string `arg:"" optional:"" help:"Arguments for a program whose value is a function: expressions, or file:PATH (its bytes), json:PATH, csv:PATH (its data)."`
}

func (runCmd) Help() string {
	return "Example:\n\n  rosser run strongest.ros csv:quakes.csv 5\n\nruns the program on the rows of a CSV file and on 5, and prints its value."
}
func (c runCmd) Run(ctx context.Context, all *commands) error {
	o := c.set(c.options(all))
	o.Watch = c.Watch
	return repl.Run(ctx, o, c.File, c.Args)
}

type testCmd struct {
	Files        []string      `arg:"" optional:"" help:"Files, and folders for the .ros files in and below them; without, the folder you are in."`
	Filter       string        `help:"Run only what has TEXT in its name; an example has the name of its definition." placeholder:"TEXT"`
	Watch        bool          `help:"Run again whenever one of the files changes, or what they import, until Ctrl-C."`
	Link         string        `help:"What is linked: every call (all), what is worth it (auto), nothing (none: every test is reduced)." enum:"auto,all,none" default:"auto"`
	TrustResults bool          `help:"Use imported results as if this machine had computed them."`
	Fuel         uint64        `help:"Stop a test after N steps." placeholder:"N"`
	Deadline     time.Duration `help:"Stop all after a time, such as 2m." placeholder:"TIME"`
	Memory       string        `help:"Stop a test when it needs more than this, such as 512M or 4G. The default is half of the machine's." placeholder:"SIZE"`
}

func (testCmd) Help() string {
	return "Example:\n\n  rosser test --watch fib.ros\n\nruns the definitions of fib.ros that begin with test_, each of which must be true, and the examples in its documentation, again at each change. What passed and has not changed is not run again."
}
func (c testCmd) Run(ctx context.Context, all *commands) error {
	o := repl.Options{Store: all.Store, Link: c.Link, Trust: c.TrustResults, Fuel: c.Fuel, Deadline: c.Deadline, Memory: c.Memory, Watch: c.Watch}
	return repl.Test(ctx, o, c.Files, c.Filter)
}

type evalCmd struct {
	evalFlags
	profileFlags
	Expr string `arg:"" help:"A program as text."`
}

func (evalCmd) Help() string {
	return "Example:\n\n  rosser eval 'range 1 10 |> map (\\x -> x * x) |> sum'\n\nprints 385."
}
func (c evalCmd) Run(ctx context.Context, all *commands) error {
	return repl.Eval(ctx, c.set(c.options(all)), c.Expr)
}

type resumeCmd struct {
	evalFlags
	profileFlags
	Checkpoint string `arg:"" help:"The CID that was printed when the evaluation was stopped."`
}

func (resumeCmd) Help() string {
	return "Example:\n\n  rosser resume bafy…\n\ngoes on where `rosser run --deadline 2s slow.ros`, say, was stopped, and prints what that would have printed. A checkpoint that was imported is a claim: --trust-results goes on from it, else all is reduced again."
}
func (c resumeCmd) Run(ctx context.Context, all *commands) error {
	return repl.Resume(ctx, c.set(c.options(all)), c.Checkpoint)
}

type replCmd struct {
	evalFlags
	Files []string `arg:"" optional:"" help:"Programs to load first."`
}

func (replCmd) Help() string {
	return "Example:\n\n  rosser repl weather.ros\n\nstarts a session with what the file defines; :help in it says more. Over a pipe it prints values only."
}

// Run starts a session, which minds its own signals: an interrupt ends what it evaluates, and not the process.
func (c replCmd) Run(all *commands, k *kong.Context) error {
	var names []string
	for _, n := range k.Model.Children {
		names = append(names, n.Name)
	}
	for _, file := range c.Files {
		if _, err := os.Stat(file); err != nil && (len(k.Args) == 0 || !slices.Contains(k.Args, "repl")) {
			return repl.NoCommand(file, names)
		}
	}
	all.exit = repl.REPL(c.options(all), c.Files)
	return nil
}

type compileCmd struct {
	File string `arg:"" help:"The program."`
}

func (compileCmd) Help() string {
	return "Example:\n\n  rosser compile fib.ros\n\nprints a line with name and CID for each definition, and one that begins with = for the final expression. The blocks go to the store."
}
func (c compileCmd) Run(ctx context.Context, all *commands) error {
	return repl.Compile(ctx, all.options(), c.File)
}

type showCmd struct {
	Path string `arg:"" name:"cid[/path]" help:"Code, a library or data, and a path below it."`
}

func (showCmd) Help() string {
	return "Example:\n\n  rosser show bafy…\n\nprints the source of a function, readable code where the source is not known, the names of a library, and data as DAG-JSON."
}
func (c showCmd) Run(ctx context.Context, all *commands) error {
	return repl.Show(ctx, all.options(), c.Path)
}

type getCmd struct {
	Path string `arg:"" name:"cid[/path]" help:"A CID and a path below it."`
}

func (getCmd) Help() string {
	return "Example:\n\n  rosser get bafy…/value/0/name\n\nwalks from block to block, evaluates nothing, and prints what stands there as DAG-JSON; of a folder what is in it."
}
func (c getCmd) Run(ctx context.Context, all *commands) error {
	return repl.Get(ctx, all.options(), c.Path)
}

type resultCmd struct {
	Expr string `arg:"" name:"expr-or-cid" help:"A program as text, or an expression's CID."`
	As   string `help:"How the value is written: json, text or cbor." enum:"json,text,cbor" default:"json"`
	Who  bool   `help:"Print who says so instead, of each result that anybody has claimed, and whether it is used and why."`
}

func (resultCmd) Help() string {
	return "Example:\n\n  rosser result bafy…\n\nprints the recorded answer to an expression, or ends with 3 when there is none. Evaluates nothing. With --who it prints who has found which result: this machine, those who have signed it, with the names that rosser trust has for their keys, and whose claim it is."
}
func (c resultCmd) Run(ctx context.Context, all *commands) error {
	if c.Who {
		return repl.Who(ctx, all.options(), c.Expr)
	}
	return repl.Result(ctx, repl.Options{Store: all.Store, As: c.As}, c.Expr)
}

type traceCmd struct {
	Expr  string `arg:"" name:"expr-or-cid" help:"A program as text, or an expression's CID."`
	Depth int    `help:"How deep the tree is drawn." default:"3"`
	JSON  bool   `name:"json" help:"Print the tree as JSON."`
	Who   bool   `help:"Say of each result who has found or signed it, and whether it is used and why."`
}

func (traceCmd) Help() string {
	return "Example:\n\n  rosser trace --depth 2 bafy…\n\ndraws the results that an answer rests on, with the steps that each takes."
}
func (c traceCmd) Run(ctx context.Context, all *commands) error {
	return repl.Trace(ctx, all.options(), c.Expr, c.Depth, c.JSON, c.Who)
}

type publishCmd struct {
	File    string   `arg:"" help:"The program whose definitions are published."`
	Names   []string `arg:"" optional:"" help:"Which of them are added or changed, and the library's others stay; without, the library has exactly those of the program."`
	Library string   `help:"What the library is called in the store; as the file without .ros otherwise." placeholder:"NAME"`
	Car     string   `help:"Write the library as a CAR file too." placeholder:"OUT.car"`
	Attest  bool     `help:"Sign the results with this machine's key, for those who trust it, and pass on what others have signed."`
	IPNS    string   `name:"ipns" help:"Have the IPNS name of a key stand for the library; self is this machine's key, any other name one that is made for it." placeholder:"KEY"`
	To      []string `help:"Tell a peer that follows it (its address), or give it to a kubo (the URL of its RPC API)." placeholder:"ADDRESS"`
}

func (publishCmd) Help() string {
	return "Example:\n\n  rosser publish quakes.ros --car quakes.car\n\nmakes the library quakes, an IPFS directory of names, sources and known results, and prints its root and the size of all that is below it. Published again it is updated: where something has changed it has a new root, whose parent is the one before. rosser library log quakes says what changed."
}
func (c publishCmd) Run(ctx context.Context, all *commands) error {
	return repl.Publish(ctx, all.options(), c.File, c.Names, repl.Publishing{
		Library: c.Library, Car: c.Car, Attest: c.Attest, Announce: node.Telling{IPNS: c.IPNS, To: c.To}.Announce(all.options()),
	})
}

type libraryCmd struct {
	Ls    libraryLsCmd    `cmd:"" help:"Print the libraries of the store, or the names of one."`
	Log   libraryLogCmd   `cmd:"" help:"Print what was published before, and what changed."`
	Diff  libraryDiffCmd  `cmd:"" help:"Print how a library differs from another one."`
	Merge libraryMergeCmd `cmd:"" help:"Make one library of several."`
	Lock  libraryLockCmd  `cmd:"" help:"Give a program the names that it imports libraries by."`
	Rm    libraryRmCmd    `cmd:"" help:"Forget the names of libraries."`
}

func (libraryCmd) Help() string {
	return "Example:\n\n  rosser library ls\n\nprints the libraries that were published from this store, and those that it follows. Wherever a library is wanted it is given by its name or by the CID of its root."
}

type libraryLsCmd struct {
	Library string `arg:"" name:"name-or-cid" optional:"" help:"A library; all of the store without."`
	JSON    bool   `name:"json" help:"Print a line of JSON for each."`
}

func (libraryLsCmd) Help() string {
	return "Example:\n\n  rosser library ls quakes\n\nprints the names of a library and what they do. Without a library it prints a line for each of the store: its name, its root, and how many names it has."
}
func (c libraryLsCmd) Run(ctx context.Context, all *commands) error {
	return repl.LibraryList(ctx, all.options(), c.Library, c.JSON)
}

type libraryLogCmd struct {
	Library string `arg:"" name:"name-or-cid" help:"The library."`
	Limit   int    `help:"How many versions are printed; 0 for all." default:"100" placeholder:"N"`
	JSON    bool   `name:"json" help:"Print a line of JSON for each."`
}

func (libraryLogCmd) Help() string {
	return "Example:\n\n  rosser library log quakes\n\nprints a line for each version of a library, the newest first: its root, and how many names and results were added (+), removed (-) and changed (~)."
}
func (c libraryLogCmd) Run(ctx context.Context, all *commands) error {
	return repl.LibraryLog(ctx, all.options(), c.Library, c.Limit, c.JSON)
}

type libraryDiffCmd struct {
	A    string `arg:"" name:"a" help:"A library, by its name or its root's CID."`
	B    string `arg:"" name:"b" help:"The one that it is compared with."`
	JSON bool   `name:"json" help:"Print a line of JSON for each name, and one with all counts."`
}

func (libraryDiffCmd) Help() string {
	return "Example:\n\n  rosser library diff bafy… quakes\n\nprints the names that only quakes has (+), only the other has (-), and that have another term (~), and how many results differ. Ends with 1 if anything does."
}
func (c libraryDiffCmd) Run(ctx context.Context, all *commands) error {
	return repl.LibraryDiff(ctx, all.options(), c.A, c.B, c.JSON)
}

type libraryMergeCmd struct {
	Libraries []string `arg:"" name:"name-or-cid" help:"Two libraries or more."`
	Library   string   `help:"What the new library is called in the store. One that is called so already is its parent." placeholder:"NAME"`
	Prefer    string   `help:"Which of the libraries counts where they give one name to different terms." placeholder:"LIBRARY"`
	JSON      bool     `name:"json" help:"Print root, counts and conflicts as JSON."`
}

func (libraryMergeCmd) Help() string {
	return "Example:\n\n  rosser library merge quakes bafy… --library quakes\n\nmakes a library of all that several have, and prints its root. That one name has two terms is an error that names both. Of an expression with two results neither is taken: both are reported, and it ends with 1 when the library has been made."
}
func (c libraryMergeCmd) Run(ctx context.Context, all *commands) error {
	if len(c.Libraries) < 2 {
		return repl.Misuse(errors.New("got one library, want two or more"))
	}
	return repl.LibraryMerge(ctx, all.options(), c.Libraries, repl.Merging{Library: c.Library, Prefer: c.Prefer, JSON: c.JSON})
}

type libraryLockCmd struct {
	Entries []string `arg:"" name:"name[=library]" help:"The name that programs import it by, and a library's name or CID if that is another."`
	Dir     string   `help:"The folder of the programs; the one you are in without." default:"." placeholder:"DIR"`
}

func (libraryLockCmd) Help() string {
	return "Example:\n\n  rosser library lock quakes geo=bafy…\n\nwrites into rosser.lock which library a program in this folder gets by let q = import \"quakes\": the one that is called so now, by its CID, until this is said again."
}
func (c libraryLockCmd) Run(ctx context.Context, all *commands) error {
	return repl.LibraryLock(ctx, all.options(), c.Entries, c.Dir)
}

type libraryRmCmd struct {
	Names []string `arg:"" name:"name" help:"What the libraries are called."`
}

func (libraryRmCmd) Help() string {
	return "Example:\n\n  rosser library rm quakes\n\nforgets what the library is called, with the pin that it got by publishing, and prints its root. Its blocks, and those of the versions before it, go with the next rosser store gc, unless something else keeps them."
}
func (c libraryRmCmd) Run(ctx context.Context, all *commands) error {
	return repl.LibraryRemove(ctx, all.options(), c.Names)
}

type importCmd struct {
	In      string `arg:"" name:"in" help:"A CAR file, rows as .csv, .json or .ndjson, or - for standard input."`
	As      string `help:"What rows are written as, whatever the file is called: csv, json or ndjson (JSON, a line each)." enum:",csv,json,ndjson" default:"" placeholder:"FORMAT"`
	SkipBad bool   `help:"Leave out rows that cannot be read, and say how many they were."`
	Memory  string `help:"Stop when rows need more than this, such as 512M or 4G. The default is half of the machine's." placeholder:"SIZE"`
}

func (importCmd) Help() string {
	return "Example:\n\n  rosser import quakes.car\n\nputs the blocks of a CAR file into the store. Results among them become claims: shown as such, and used only with --trust-results, or where rosser trust says so.\n\n  rosser import quakes.csv\n\nputs the rows of a table of any size into the store, as the list that a program makes of them by Csv.parse or Json.parse, and prints its CID: let rows = @bafy… uses it."
}
func (c importCmd) Run(ctx context.Context, all *commands) error {
	return repl.Import(ctx, repl.Options{Store: all.Store, Memory: c.Memory}, c.In, c.As, c.SkipBad)
}

type exportCmd struct {
	CID    string `arg:"" name:"cid" help:"The root, or the name of a library."`
	Car    string `arg:"" name:"out.car" help:"The CAR file to write, or - for standard output."`
	Newest bool   `help:"Of a library leave out the versions before it. Tools that want all that is linked, such as ipfs dag import, then need --pin-roots=false."`
}

func (exportCmd) Help() string {
	return "Example:\n\n  rosser export bafy… answer.car\n\nwrites a CID and all below it as a CAR file; for an expression, its recorded result and trace too; for a library, the versions before it, as far as they are here."
}
func (c exportCmd) Run(ctx context.Context, all *commands) error {
	return repl.Export(ctx, all.options(), c.CID, c.Car, c.Newest)
}

type pullCmd struct {
	From    string   `arg:"" optional:"" help:"A CID, /ipns/NAME, the address of a peer or a URL; behind an address or URL, /ipfs/CID, /ipns/NAME or /LIBRARY says what is pulled. Without, all that is followed is pulled again."`
	Names   []string `arg:"" optional:"" help:"Which of its definitions are fetched, with the results of constants in them; the whole library without."`
	Peer    []string `help:"A peer's address or a gateway's URL that is asked, too." placeholder:"ADDRESS"`
	Name    string   `help:"What the library is called here; without, as it is there, or ipns- and the end of its IPNS name." placeholder:"TEXT"`
	History bool     `help:"Fetch its earlier versions, too."`
	MaxSize string   `help:"Stop when more than this is to be fetched, such as 512M or 20G; 8G without." placeholder:"SIZE"`
}

func (pullCmd) Help() string {
	return "Example:\n\n  rosser pull /ip4/192.0.2.7/tcp/4174/p2p/12D3…\n\nfetches the libraries that a node has published and follows them: pulling again fetches what is new. Their results become claims of whose they are."
}
func (c pullCmd) Run(ctx context.Context, all *commands) error {
	limit, err := repl.ParseSize("--max-size", c.MaxSize)
	if err != nil {
		return err
	}
	return node.PullCommand(ctx, all.options(), node.Pull{From: c.From, Names: c.Names, Peers: c.Peer, Name: c.Name, History: c.History, Limit: limit})
}

type askCmd struct {
	Expr     string        `arg:"" name:"expr-or-cid" help:"A program as text, or an expression's CID."`
	Peer     []string      `help:"Address of a peer to ask; without, all to which the node that serves this store is connected." placeholder:"ADDRESS"`
	Quorum   int           `help:"Ask all at once until K have come to the same result." placeholder:"K"`
	Fuel     uint64        `help:"Steps that each may take." placeholder:"N"`
	Deadline time.Duration `help:"Time that each may take." placeholder:"TIME"`
	As       string        `help:"How the value is written: json, text (a text as it is) or cbor (its block)." enum:"json,text,cbor" default:"json"`
}

func (askCmd) Help() string {
	return "Example:\n\n  rosser ask 'fib 40' --peer /ip4/192.0.2.7/tcp/4174/p2p/12D3…\n\nhas a peer that serves with --work reduce an expression, and prints what it came to. Where one stops at its limits the next one goes on. The answer becomes a claim of all who had a part in it, signed by them. With --quorum K the peers are asked at once, and K of them have to come to the same result; who differs is named."
}
func (c askCmd) Run(ctx context.Context, all *commands) error {
	o := all.options()
	o.As = c.As
	return node.AskCommand(ctx, o, c.Expr, node.Ask{Peers: c.Peer, Quorum: c.Quorum, Fuel: c.Fuel, Milli: c.Deadline.Milliseconds()})
}

type serveCmd struct {
	Listen     []string      `help:"Multiaddrs to listen on for peers; /ip4/127.0.0.1/tcp/4174 and /ip4/127.0.0.1/udp/4174/quic-v1 without." placeholder:"ADDRESS"`
	HTTP       string        `name:"http" help:"Where the gateway and the HTTP API listen; 127.0.0.1:8174 without, nowhere with \"\"." default:"127.0.0.1:8174" placeholder:"HOST:PORT"`
	Peer       []string      `help:"A peer to stay connected to." placeholder:"ADDRESS"`
	DHT        bool          `name:"dht" help:"Take part in the DHT of IPFS: announce what is published here, find roots and names there."`
	Bootstrap  []string      `help:"A peer by which to join the DHT, in place of those of the public one." placeholder:"ADDRESS"`
	Offline    bool          `help:"Reach no peers and be reached by none: the gateway and the API only."`
	Private    string        `name:"private-network" help:"File with the key of a private network: only who has it can connect." placeholder:"FILE"`
	Work       bool          `help:"Reduce for others, within the limits."`
	WorkFuel   uint64        `help:"Steps of a task." placeholder:"N"`
	WorkTime   time.Duration `help:"Time that a task takes; 1m without." default:"1m" placeholder:"TIME"`
	WorkMemory string        `help:"Memory that a task takes; 1G without." default:"1G" placeholder:"SIZE"`
	PeerTime   time.Duration `name:"work-peer-time" help:"Time of processes that one peer is given in an hour, and four times that the peers of one address; 20m without." default:"20m" placeholder:"TIME"`
	PeerFuel   uint64        `name:"work-peer-fuel" help:"Steps that one peer is given in an hour, and four times that the peers of one address." placeholder:"N"`
	Jobs       int           `help:"Tasks that run at a time; 1 without." default:"1" placeholder:"N"`
	LogJSON    bool          `name:"log-json" help:"Log lines of JSON."`
}

func (serveCmd) Help() string {
	return "Example:\n\n  rosser serve\n\nputs the store on the network: peers pull what is published here, IPFS nodes fetch blocks by Bitswap and from the gateway at /ipfs/, and the HTTP API at /api/v0/ answers what is recorded and evaluates (its description is at /api/v0/openapi.json). Without flags only this machine can connect. Ctrl-C ends it."
}
func (c serveCmd) Run(ctx context.Context, all *commands) error {
	if c.Jobs < 1 {
		return repl.Misuse(fmt.Errorf("--jobs: got %d, want 1 or more", c.Jobs))
	}
	if c.WorkTime <= 0 {
		return repl.Misuse(fmt.Errorf("--work-time: got %v, want more than 0s", c.WorkTime))
	}
	if c.PeerTime <= 0 {
		return repl.Misuse(fmt.Errorf("--work-peer-time: got %v, want more than 0s", c.PeerTime))
	}
	if n, err := repl.ParseSize("--work-memory", c.WorkMemory); err != nil {
		return err
	} else if n < 32<<20 {
		return repl.Misuse(fmt.Errorf("--work-memory: got %q, want at least 32M", c.WorkMemory))
	}
	return node.Serve(ctx, all.options(), node.Serving{
		Listen: c.Listen, HTTP: c.HTTP, Peers: c.Peer, Private: c.Private, DHT: c.DHT, Bootstrap: c.Bootstrap, Work: c.Work, LogJSON: c.LogJSON, Offline: c.Offline,
		Limits: node.Limits{Fuel: c.WorkFuel, Time: c.WorkTime, Memory: c.WorkMemory, Jobs: c.Jobs, EachTime: c.PeerTime, EachFuel: c.PeerFuel},
	})
}

// workCmd is what a node that serves starts for each task.
type workCmd struct{}

func (workCmd) Run(ctx context.Context, all *commands) error {
	return repl.Work(ctx, all.options(), os.Stdin, os.Stdout)
}

type addCmd struct {
	Profile string `help:"How files become blocks: as kubo does when nothing is configured (default), or by the profile of IPIP-499." enum:"default,unixfs-v1-2025" default:"default"`
	Hidden  bool   `help:"Of a folder add what has a name that begins with a dot, too."`
	Path    string `arg:"" help:"A file, a folder, or - for standard input."`
}

func (addCmd) Help() string {
	return "Example:\n\n  rosser add quakes.csv\n\nputs the file into the store as UnixFS, and prints its CID: the one that ipfs add --cid-version=1 prints. A folder is added with all that is in it."
}
func (c addCmd) Run(ctx context.Context, all *commands) error {
	return repl.Add(ctx, all.options(), c.Path, c.Profile, c.Hidden)
}

type catCmd struct {
	Path string `arg:"" name:"cid[/path]" help:"A file, or a folder and a path below it."`
}

func (catCmd) Help() string {
	return "Example:\n\n  rosser cat bafy…/data/quakes.csv > quakes.csv\n\nwrites a file out, each of its blocks verified. What ends with another code than 0 has written a part of it."
}
func (c catCmd) Run(ctx context.Context, all *commands) error {
	return repl.Cat(ctx, all.options(), c.Path)
}

type fmtCmd struct {
	Write bool     `short:"w" xor:"mode" help:"Rewrite the files. Those with mistakes stay as they are."`
	Check bool     `xor:"mode" help:"List the files that are not formatted, and end with 1 if there are any."`
	Files []string `arg:"" help:"Programs; folders, for the .ros files in them; or - for standard input."`
}

func (fmtCmd) Help() string {
	return "Example:\n\n  rosser fmt -w .\n\nformats the programs in this folder and below it. Without -w the formatted source of one file is printed. Comments stay, and no CID changes."
}
func (c fmtCmd) Run(all *commands) error {
	return repl.Fmt(all.options(), c.Files, c.Write, c.Check)
}

type lspCmd struct{}

func (lspCmd) Help() string {
	return "Example:\n\n  rosser lsp\n\nspeaks the Language Server Protocol on standard input and output: mistakes as you type, completion, documentation, CIDs and recorded results, definitions, references, renaming, formatting. It evaluates nothing. The README says what VS Code, Helix and Neovim need."
}
func (lspCmd) Run(ctx context.Context, all *commands) error {
	return lsp.Serve(ctx, all.options(), os.Stdin, os.Stdout)
}

type newCmd struct {
	Name string `arg:"" help:"The project's name, which its folder gets."`
}

func (newCmd) Help() string {
	return "Example:\n\n  rosser new stars\n\nmakes the folder stars with a program that reads a file of data, its tests, and a README that says what to try."
}
func (c newCmd) Run(ctx context.Context, all *commands) error {
	return repl.New(ctx, all.options(), c.Name)
}

type completionsCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionsCmd) Help() string {
	return "Example:\n\n  rosser completions bash > ~/.local/share/bash-completion/completions/rosser\n\nhas bash complete commands, flags and files from the next session on; for zsh, write it as _rosser into a folder of $fpath; for fish, as ~/.config/fish/completions/rosser.fish."
}
func (c completionsCmd) Run(k *kong.Kong) error {
	return writeCompletions(os.Stdout, c.Shell, k.Model)
}

type versionCmd struct{}

func (versionCmd) Help() string {
	return "Example:\n\n  rosser version\n\nprints the versions of the program, the evaluator and Go, and the system it was built for."
}
func (versionCmd) Run() error { return repl.Version(os.Stdout) }

type docCmd struct {
	Target string   `arg:"" optional:"" help:"A program, the CID of a library or of a term, or a module or name of the standard library. The standard library without."`
	Names  []string `arg:"" optional:"" help:"Which of its definitions; all without."`
	HTML   bool     `name:"html" help:"Write one page of HTML that needs nothing else."`
}

func (docCmd) Help() string {
	return "Example:\n\n  rosser doc Text split\n\nprints what Text.split does, with an example. rosser doc --html stats.ros > stats.html documents a program's definitions."
}
func (c docCmd) Run(ctx context.Context, all *commands) error {
	return repl.Doc(ctx, all.options(), c.Target, c.Names, c.HTML)
}

type pinCmd struct {
	Add pinAddCmd `cmd:"" help:"Keep a block and all below it."`
	Rm  pinRmCmd  `cmd:"" help:"Keep it no more."`
	Ls  pinLsCmd  `cmd:"" help:"Print what is pinned."`
}

func (pinCmd) Help() string {
	return "Example:\n\n  rosser pin add bafy… --name quakes\n\nkeeps a block and all that is below it, with the answers for the code in it: rosser store gc drops nothing of it. What is published, imported or added is pinned."
}

type pinAddCmd struct {
	CID     string `arg:"" name:"cid" help:"The root. To keep a program's answer, pin the program's expression."`
	Name    string `help:"What the pin is called." placeholder:"TEXT"`
	Direct  bool   `xor:"kind" help:"Keep the block and the parts of its value or code; what its plain links lead to is not kept."`
	Partial bool   `xor:"kind" help:"Keep what is there below it, though blocks are missing."`
}

func (pinAddCmd) Help() string {
	return "Example:\n\n  rosser pin add bafy… --name quakes\n\nkeeps a block and all below it. A block that is missing is an error that names it."
}
func (c pinAddCmd) Run(ctx context.Context, all *commands) error {
	return repl.PinAdd(ctx, all.options(), c.CID, repl.Pinning{Name: c.Name, Direct: c.Direct, Partial: c.Partial})
}

type pinRmCmd struct {
	CIDs []string `arg:"" name:"cid-or-name" help:"What is pinned, or the pin's name."`
}

func (pinRmCmd) Help() string {
	return "Example:\n\n  rosser pin rm quakes\n\ntakes a pin away. The blocks go with the next rosser store gc, unless something else keeps them."
}
func (c pinRmCmd) Run(ctx context.Context, all *commands) error {
	return repl.PinRemove(ctx, all.options(), c.CIDs)
}

type pinLsCmd struct {
	JSON bool `name:"json" help:"Print a line of JSON for each pin."`
}

func (pinLsCmd) Help() string {
	return "Example:\n\n  rosser pin ls\n\nprints a line for each pin: its CID, its kind, the size of what is below it, its name."
}
func (c pinLsCmd) Run(ctx context.Context, all *commands) error {
	return repl.PinList(ctx, all.options(), c.JSON)
}

type trustCmd struct {
	Add    trustAddCmd    `cmd:"" help:"Use what somebody has signed."`
	Quorum trustQuorumCmd `cmd:"" help:"Say how many of the voters it takes."`
	Rm     trustRmCmd     `cmd:"" help:"Use it no more."`
	Ls     trustLsCmd     `cmd:"" help:"Print who is trusted, and this machine's own key."`
}

func (trustCmd) Help() string {
	return "Example:\n\n  rosser trust add 12D3KooW… --name alice\n\nuses the results that alice has signed as if this machine had reduced them, from the next lookup on. Without, only what this machine has reduced is used. It stands in the file trust in the store's folder, a line for each key."
}

type trustAddCmd struct {
	Key   string `arg:"" help:"The ID of a peer, as rosser trust ls prints it there: 12D3KooW…"`
	Name  string `help:"What you call it." placeholder:"TEXT"`
	Voter bool   `help:"Trust it only together with others: see rosser trust quorum."`
}

func (trustAddCmd) Help() string {
	return "Example:\n\n  rosser trust add 12D3KooW… --name alice\n\nuses what alice has signed. Of two who are trusted and say what differs neither is used, and a warning names both."
}
func (c trustAddCmd) Run(all *commands) error {
	return repl.TrustAdd(all.options(), c.Key, c.Name, c.Voter)
}

type trustQuorumCmd struct {
	K int `arg:"" name:"k" help:"How many; 0 for none."`
}

func (trustQuorumCmd) Help() string {
	return "Example:\n\n  rosser trust quorum 2\n\nuses a result that two of the voters have signed, whoever they are: those that rosser trust add --voter has named."
}
func (c trustQuorumCmd) Run(all *commands) error { return repl.TrustQuorum(all.options(), c.K) }

type trustRmCmd struct {
	Keys []string `arg:"" name:"key-or-name" help:"Whom to trust no more."`
}

func (trustRmCmd) Help() string {
	return "Example:\n\n  rosser trust rm alice\n\nuses nothing more that only alice has signed, nor what was reduced here with the help of it: that is reduced again when it is asked for."
}
func (c trustRmCmd) Run(all *commands) error { return repl.TrustRemove(all.options(), c.Keys) }

type trustLsCmd struct {
	JSON bool `name:"json" help:"Print it as JSON."`
}

func (trustLsCmd) Help() string {
	return "Example:\n\n  rosser trust ls\n\nprints this machine's own key, which others trust, and a line for each key that is trusted here."
}
func (c trustLsCmd) Run(all *commands) error { return repl.TrustList(all.options(), c.JSON) }

type storeCmd struct {
	Stat     storeStatCmd     `cmd:"" help:"Print what takes the space, and what linking cost and saved."`
	GC       storeGCCmd       `cmd:"" name:"gc" help:"Drop what nothing keeps."`
	Check    storeCheckCmd    `cmd:"" help:"Check every block and every index entry."`
	Distrust storeDistrustCmd `cmd:"" help:"Have results of an evaluator reduced again, or forget somebody's claims."`
}

func (storeCmd) Help() string {
	return "Example:\n\n  rosser store check\n\nreads through the store and says what is wrong in it, if anything."
}

type storeStatCmd struct {
	JSON bool `name:"json" help:"Print it as JSON, with exact numbers of bytes."`
}

func (storeStatCmd) Help() string {
	return "Example:\n\n  rosser store stat\n\nreads through the store and prints how many blocks of each kind there are, and their bytes."
}
func (c storeStatCmd) Run(ctx context.Context, all *commands) error {
	return repl.StoreStat(ctx, all.options(), c.JSON)
}

type storeGCCmd struct {
	DryRun bool   `help:"Drop nothing; print what would be dropped."`
	Trim   string `help:"Give up answers too, first the oldest of those that are cheap to have again, until the content is below this, such as 500M or 2G." placeholder:"SIZE"`
	Forget bool   `name:"forget-stopped" help:"Drop what evaluations that were stopped have reached."`
}

func (storeGCCmd) Help() string {
	return "Example:\n\n  rosser store gc --dry-run\n\nsays what would be dropped: all but what is pinned, in the workspace or in a library of the store, the answers for it, what stopped evaluations need to go on, and what other processes use. They may go on meanwhile. Ctrl-C ends it; what is dropped by then is dropped, and nothing that is kept is lost."
}
func (c storeGCCmd) Run(ctx context.Context, all *commands) error {
	return repl.StoreCollect(ctx, all.options(), repl.Sweeping{DryRun: c.DryRun, Forget: c.Forget, Trim: c.Trim})
}

type storeCheckCmd struct {
	Repair bool `help:"Take out what is wrong, and keep a copy of it in the store's folder."`
}

func (storeCheckCmd) Help() string {
	return "Example:\n\n  rosser store check\n\nprints a line for each thing that is wrong, and ends with 3 if there is one. Other processes may use the store meanwhile, but not with --repair."
}
func (c storeCheckCmd) Run(ctx context.Context, all *commands) error {
	return repl.StoreCheck(ctx, all.options(), c.Repair)
}

type storeDistrustCmd struct {
	Who  string `arg:"" help:"A version of the evaluator, or whose claims: the name of a CAR file, say, or a key. See store stat."`
	Undo bool   `help:"Trust a version of the evaluator again."`
}

func (storeDistrustCmd) Help() string {
	return "Example:\n\n  rosser store distrust 1\n\nmakes claims of the results that version 1 of the evaluator reduced, so that they are reduced again when they are asked for.\n\n  rosser store distrust 12D3KooW…\n\nforgets what a key has signed, and what was reduced here with the help of it."
}
func (c storeDistrustCmd) Run(ctx context.Context, all *commands) error {
	return repl.StoreDistrust(ctx, all.options(), c.Who, c.Undo)
}

type commands struct {
	exit int // of a session

	Store   string           `help:"Folder of the store; ~/.rosser without." placeholder:"DIR" env:"ROSSER_STORE"`
	Version kong.VersionFlag `help:"Print the version."`

	Repl        replCmd        `cmd:"" default:"withargs" help:"Start a session; what rosser alone does."`
	Run         runCmd         `cmd:"" help:"Run a program."`
	Eval        evalCmd        `cmd:"" help:"Evaluate an expression."`
	Resume      resumeCmd      `cmd:"" help:"Go on with an evaluation that was stopped."`
	Test        testCmd        `cmd:"" help:"Run tests and the examples in documentation."`
	Fmt         fmtCmd         `cmd:"" help:"Format source."`
	New         newCmd         `cmd:"" help:"Make a new project."`
	Doc         docCmd         `cmd:"" help:"Document definitions, as text or HTML."`
	LSP         lspCmd         `cmd:"" name:"lsp" help:"Serve an editor: the Language Server Protocol."`
	Compile     compileCmd     `cmd:"" help:"Compile a program; print its definitions' CIDs."`
	Show        showCmd        `cmd:"" help:"Show code or data."`
	Get         getCmd         `cmd:"" help:"Walk from a CID along a path."`
	Result      resultCmd      `cmd:"" help:"Print a recorded answer."`
	Trace       traceCmd       `cmd:"" help:"Draw what an answer rests on."`
	Publish     publishCmd     `cmd:"" help:"Publish definitions as a library, or update it."`
	Library     libraryCmd     `cmd:"" help:"Look after libraries: list, compare, merge them."`
	Import      importCmd      `cmd:"" help:"Import a CAR file, or rows."`
	Export      exportCmd      `cmd:"" help:"Export a CAR file."`
	Pull        pullCmd        `cmd:"" help:"Follow libraries of others."`
	Ask         askCmd         `cmd:"" help:"Have peers reduce an expression."`
	Serve       serveCmd       `cmd:"" help:"Put the store on the network."`
	Work        workCmd        `cmd:"" hidden:"" help:"Do a task of a node."`
	Pin         pinCmd         `cmd:"" help:"Say what the store keeps."`
	Trust       trustCmd       `cmd:"" help:"Say whose results are used."`
	Add         addCmd         `cmd:"" help:"Add a file or a folder."`
	Cat         catCmd         `cmd:"" help:"Write a file out."`
	Storage     storeCmd       `cmd:"" name:"store" help:"Look after the store."`
	Completions completionsCmd `cmd:"" help:"Print a completion script for a shell."`
	VersionCmd  versionCmd     `cmd:"" name:"version" help:"Print the version."`
}

func (all *commands) options() repl.Options { return repl.Options{Store: all.Store} }

func main() { os.Exit(run(os.Args[1:])) }

const grace = 3 * time.Second // what an interrupted command has to end by itself

var negative = regexp.MustCompile(`^-[0-9]`)

func run(args []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			code = repl.Bug(r)
		}
	}()
	args = slices.Clone(args)
	for i, a := range args {
		if !utf8.ValidString(a) {
			return repl.Report(repl.Misuse(fmt.Errorf("got the argument %.40q, want UTF-8", a)))
		}
		if negative.MatchString(a) && (i == 0 || !strings.HasPrefix(args[i-1], "--")) { // an expression: no flag begins like a number
			args[i] = "(" + a + ")"
		}
	}
	var c commands
	code = -1
	parser, err := kong.New(&c, kong.Name("rosser"),
		kong.Description("A small pure functional language whose programs, computations and answers are IPLD."),
		kong.Vars{"version": repl.VersionText()}, kong.Exit(func(n int) { code = n }))
	if err != nil {
		panic(err)
	}
	k, err := parser.Parse(args)
	if code >= 0 { // --help has been printed
		return code
	}
	if err != nil {
		code = repl.Report(repl.Misuse(err))
		var wrong *kong.ParseError
		if errors.As(err, &wrong) {
			parser.Stdout = os.Stderr
			wrong.Context.PrintUsage(true)
		}
		return code
	}
	switch strings.Fields(k.Command())[0] {
	case "eval", "run", "work":
	default:
		start.Done()
	}
	if strings.HasPrefix(k.Command(), "repl") {
		if err := k.Run(&c); err != nil {
			return repl.Report(err)
		}
		return c.exit
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	halt := context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process
		time.Sleep(grace)
		repl.Interrupt() // it reads a pipe, say, and does not look
	})
	defer halt()
	k.BindTo(ctx, (*context.Context)(nil))
	return repl.Report(k.Run(&c))
}
