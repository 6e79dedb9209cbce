// This file makes up the programs over large maps that the tests of incremental_test.go run.

package tests

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"

	"github.com/rosser-lang/rosser/graph"
)

// A keyed is a record, and its key where the records stand in a map.
type keyed struct {
	key string
	row graph.Value
}

// keyOf is the key of the i-th row. It takes nothing from p.r.
func (p *parted) keyOf(i int) string {
	r := rand.New(rand.NewPCG(uint64(i), p.keys))
	kind := r.IntN(12)
	if alike := p.keys % 6; alike < 3 {
		kind = int(alike) * 4
	}
	switch {
	case i == 77:
		return ""
	case i%997 == 5:
		return strings.Repeat(fmt.Sprint("long", i), 100+r.IntN(3000))
	case i%100 == 3:
		return []string{"k", "n", "é", "𝄞 ", `z"\`, "λ", "/"}[r.IntN(7)] + strings.Repeat("~", r.IntN(3))
	case kind < 4 || i%100 == 10:
		return fmt.Sprint("user", i)
	case kind < 8:
		return fmt.Sprintf("/measurements/of/many/years/that/were/made/in/city%d/station%05d", r.IntN(12), r.IntN(100_000))
	}
	return fmt.Sprintf("%06d", i)
}

// makeMaps makes the maps of the rows, a few of them not as they are in the lists.
func (p *parted) makeMaps() {
	if p.maps != nil {
		return
	}
	for _, rows := range p.lent {
		var b graph.MapBuilder
		for _, e := range rows {
			row, r := e.row, rand.New(rand.NewPCG(uint64(crc32.ChecksumIEEE([]byte(e.key))), p.keys))
			if r.IntN(10_000) < p.bad {
				row = graph.Int(7)
			} else if r.IntN(10_000) < p.lazy/2 {
				row = graph.NewThunk(&graph.Head{CID: graph.AppBlock(&graph.Term{Op: graph.OpPrim, Name: "map.insert"}, []graph.Value{graph.Text("k"), graph.Text("lazy"), row}, p)})
			}
			b.Set(e.key, row)
		}
		p.maps = append(p.maps, graph.ValueBlock(graph.MapValue(b.Map()), p))
	}
}

// name is a key as a program writes it, mostly one of a map's.
func (p *parted) name() string {
	for {
		if key := p.keyOf(p.r.IntN(len(p.rows) * 6 / 5)); len(key) < 100 {
			return fmt.Sprintf("%q", key)
		}
	}
}

// names is a list of keys.
func (p *parted) names(depth int) string {
	if depth > 0 && p.r.IntN(2) == 0 {
		return fmt.Sprintf(p.pick("(Map.keys %s)", "(take 500 (Map.keys %s))", `(map (\[k, _] -> k) (Map.entries %s))`, `(filter (\k -> Text.length k > 6) (Map.keys %s))`, `(map (\r -> r.k) (Map.values %s))`), p.entries(depth-1))
	}
	return fmt.Sprintf("[%s, %s, %s]", p.name(), p.name(), p.name())
}

// test is a function of an entry that says whether it is wanted.
func (p *parted) test() string {
	return p.pick(`\_ r -> r.f > 0.3`, `\_ r -> r.f > 2.9`, `\_ r -> length r.xs == 1`, `\k r -> r.n % 3 != Text.length k % 2`, `\_ _ -> false`, `\_ _ -> true`, `\k _ -> k < "m"`, `\k _ -> Text.length k > 40`, `\k r -> r.k == "city3" || Text.endsWith "7" k`)
}

// remade is a function of an entry that gives a record.
func (p *parted) remade() string {
	return p.pick(`\_ r -> {...r, f: r.f * 2.0, n: r.n + 1}`, `\k r -> {f: r.f, k: r.k, n: lazy (r.n + Text.length k), note: k, xs: [1, ...r.xs]}`, `\_ r -> r`, `\_ r -> {f: r.f, k: r.k, n: r.n, note: "", xs: []}`)
}

// entries is an expression that comes to a map of records.
func (p *parted) entries(depth int) string {
	if depth <= 0 {
		return p.pick("@M", "@M", "@M", "@M", "@N")
	}
	sub := func() string { return p.entries(depth - 1) }
	const row = `{f: 1.0, k: "new", n: 1, note: "", xs: [1, 2]}`
	switch p.r.IntN(28) {
	case 0, 1, 2:
		return fmt.Sprintf("(Map.filter (%s) %s)", p.test(), sub())
	case 3, 4, 5:
		return fmt.Sprintf("(Map.map (%s) %s)", p.remade(), sub())
	case 6:
		return fmt.Sprintf("(Map.insert %s %s %s)", p.name(), row, sub())
	case 7:
		return fmt.Sprintf("(Map.remove %s (Map.remove %s %s))", p.name(), p.name(), sub())
	case 8, 9:
		return fmt.Sprintf("(Map.merge %s %s)", sub(), sub())
	case 10:
		return fmt.Sprintf("{...%s, %s: Map.getOr %s %s @N}", sub(), p.pick("x", p.name()), row, p.name())
	case 11:
		return fmt.Sprintf("{%s: %s, ...%s, ...%s}", p.pick("x", p.name()), row, sub(), sub())
	case 12:
		return fmt.Sprintf("(Map.%s %s %s)", p.pick("without", "select"), p.names(depth), sub())
	case 13:
		return fmt.Sprintf("(Map.partition (%s) %s).%d", p.test(), sub(), p.r.IntN(2))
	case 14:
		return fmt.Sprintf("(Map.%s %s %s)", p.pick("intersect", "difference"), sub(), sub())
	case 15:
		return fmt.Sprintf("(Map.filterMap (%s) %s)", p.pick(`\k r -> if length r.xs > 0 then Some {...r, note: k} else None`, `\_ r -> List.head [r]`), sub())
	case 16:
		return fmt.Sprintf("(let m = %s in Map.merge m (Map.%s m))", sub(), p.pick("map ("+p.remade()+")", "filter ("+p.test()+")"))
	case 17:
		return fmt.Sprintf(`(let m = %s in let n = length m in Map.filter (\_ r -> r.n < n) m)`, sub())
	case 18:
		return fmt.Sprintf("(Map.fromEntries (%s (Map.entries %s)))", p.pick("drop 9", "List.reverse", `filter (\[k, r] -> r.f > 0.0)`, `map (\[k, r] -> [r.note, r])`), sub())
	case 19:
		return fmt.Sprintf("(Map.mapKeys (%s) %s)", p.pick(`\k -> "x\(k)"`, "Text.reverse", "Text.slice 0 9"), sub())
	case 20:
		return fmt.Sprintf(`(Map.map (\_ rs -> %s) (groupBy (%s) %s))`, p.pick("rs.0", `reduce (\a b -> if a.n > b.n then a else b) {n: 0, f: 0.0, k: "", xs: [], note: ""} rs`), p.pick(p.key(), `\r -> r.note`), p.listed(depth-1))
	case 21:
		return fmt.Sprintf(`(Map.update %s (\o -> match o { | Some r -> {...r, n: 0} | None -> %s }) %s)`, p.name(), row, sub())
	case 22:
		return fmt.Sprintf(`(Map.mergeWith (\a b -> {...a, n: b.n}) %s %s)`, sub(), sub())
	case 23:
		return fmt.Sprintf("(Map.mergeAll [%s, {x: %s}, %s])", sub(), row, sub())
	case 24:
		return fmt.Sprintf(`(match %s { | {%s: r, ...rest} -> {...rest, x: r} | m -> m })`, sub(), p.name())
	case 25:
		return fmt.Sprintf("(Map.map (\\_ m -> Map.filter (%s) m) {a: %s, b: %s}).%s", p.test(), sub(), sub(), p.pick("a", "b"))
	case 26:
		return fmt.Sprintf(`(let put m i = Map.insert (show i) {...%s, n: length m} m in fold put %s (range 1 30))`, row, sub())
	}
	return fmt.Sprintf(`(let go k m = if k == 0 then m else go (k - 1) (Map.map (\_ r -> {...r, n: r.n + k}) m) in go %d %s)`, 1+p.r.IntN(4), sub())
}

// listed is an expression that comes to a list of a map's records.
func (p *parted) listed(depth int) string {
	m := p.entries(depth - 1)
	switch p.r.IntN(9) {
	case 0:
		return fmt.Sprintf("(map (.1) (Map.entries %s))", m)
	case 1:
		return fmt.Sprintf(`(let m = %s in map (\k -> Map.getOr {n: 0} k m) (Map.keys m))`, m)
	case 2:
		return fmt.Sprintf(`(flatMap (\[k, r] -> if Text.length k > 12 then [r, {...r, note: k}] else [r]) (Map.entries %s))`, m)
	case 3:
		return fmt.Sprintf("(%s %d (Map.values %s))", p.pick("take", "drop"), p.r.IntN(len(p.rows)), m)
	case 4:
		return fmt.Sprintf("(let xs = Map.values %s in xs ++ %s)", m, p.pick("@A", "xs", "Map.values @M"))
	case 5:
		return fmt.Sprintf("(concat (map Map.values [%s, %s]))", m, p.entries(depth-1))
	}
	return fmt.Sprintf("(Map.values %s)", m)
}

// overMaps has a program be about records of maps where it is about @A.
func (p *parted) overMaps(src string, depth int) string {
	parts := strings.Split(src, "@A")
	for i := range parts[1:] {
		parts[i] += p.listed(depth)
	}
	return strings.Join(parts, "")
}

// mapping is a program over maps.
func (p *parted) mapping(depth int) string {
	m, m2 := p.entries(depth), p.entries(depth-1)
	switch p.r.IntN(28) {
	case 0, 1, 2:
		return p.overMaps(p.program(depth/2), (depth+1)/2)
	case 3:
		return p.overMaps(p.ordering(depth/2), (depth+1)/2)
	case 4:
		return fmt.Sprintf(`Map.fold (\a k r -> (a * 31 + Text.length k + r.n) %% 1000003) 7 %s`, m)
	case 5:
		return fmt.Sprintf("let m = %s in [Map.get %s m, Map.get %s m, length m, Map.get %s m, Map.has %s m]", m, p.name(), p.name(), p.name(), p.name())
	case 6:
		return fmt.Sprintf("let m = %s in [Map.any (%s) m, Map.all (%s) m, Map.find (%s) m]", m, p.test(), p.test(), p.test())
	case 7:
		return fmt.Sprintf("[length %s, isEmpty %s]", m, m2)
	case 8:
		return fmt.Sprintf(`let m = %s in [m == m, m == Map.map (\_ r -> r) m, m == %s]`, m, m2)
	case 9:
		return m
	case 10:
		return fmt.Sprintf("let m = %s in [m, length m, {a: m, b: [%s]}]", m, m2)
	case 11:
		return fmt.Sprintf(`Map.map (\a m -> Map.map (\k r -> [r.n, r.f + length (a ++ k)]) m) {"": {}, a: %s, ab: %s}`, m, m2)
	case 12:
		return fmt.Sprintf(`let m = Map.map (%s) %s in [m, sum (Map.values m)]`, p.pick(`\k r -> r.n + Text.length k`, `\_ r -> r.f`, `\_ r -> if length r.xs > 2 then r.f else r.n`, `\_ r -> length r.xs`), m)
	case 13:
		return fmt.Sprintf("Map.invert (Map.map (%s) %s)", p.pick(`\_ r -> r.note`, `\_ r -> r.k`, `\k r -> "\(r.k)\(k)"`), m)
	case 14:
		return fmt.Sprintf(`let go k m = if k == 0 then sum (Map.values m) else go (k - 1) (Map.map (\_ n -> n + k) m) in go 4 (Map.map (\_ r -> r.n) %s)`, m)
	case 15:
		return fmt.Sprintf(`[try (sum (map (.n) (Map.values %s))), try (Map.map (\_ r -> r.n + 1) %s), try (Map.fold (\a _ r -> a + r.f) 0 %s), try (%s)]`, m, m, m2, p.numbers(1))
	case 16:
		return p.pick("show ", "Ipld.cid ", "Core.forceDeep ") + m
	case 17:
		return fmt.Sprintf(`let m = %s in Map.map (\k rs -> [length rs, Map.get k m, length m, sum (map (.f) rs)]) (groupBy (%s) %s)`, m2, p.key(), p.listed(depth))
	case 18:
		return fmt.Sprintf(`let ks = %s in [length ks, fold (\a k -> (a * 31 + Text.length k) %% 1000003) 7 ks, unique (map (Text.slice 0 5) ks), sort ks, length (Text.join "," ks)]`, p.names(depth))
	case 19:
		return fmt.Sprintf(`let o = %s in Map.map (\k r -> match Map.get k o { | Some q -> r.f - q.f | None -> r.n }) %s`, m2, m)
	case 20:
		return fmt.Sprintf(`let each m = sum (Map.values (Map.map (\_ r -> r.n + length m) m)) in [each %s, each (Map.filter (%s) %s), each @N]`, m2, p.test(), m2)
	case 21:
		return fmt.Sprintf(`let m = Map.map (\_ r -> lazy (r.n * 2)) %s in [Map.get %s m, sum (Map.values (Map.filter (\_ n -> n > 3) m)), m]`, m, p.name())
	case 22:
		return fmt.Sprintf(`let m = %s in [try m.%s, try (Core.get %s m), m.%s]`, m, p.name(), p.name(), p.name())
	case 23:
		return fmt.Sprintf(`Map.filter (\_ xs -> length xs > 1) (Map.map (\_ r -> map (\x -> x + r.n) r.xs) %s)`, m)
	case 24:
		return fmt.Sprintf(`let m = Map.map (\k r -> \x -> x + r.n + Text.length k) %s in [length m, Map.map (\_ f -> f 1) m, Map.getOr (\x -> x) %s m 2, take 2 (Map.values m)]`, m, p.name())
	case 25:
		return fmt.Sprintf(`Map.map (\_ r -> r.n * 2) (Map.map (\_ o -> Option.getOr {n: 5} o) (Map.map (\k _ -> Map.get k @N) %s))`, m)
	case 26:
		return fmt.Sprintf(`let m = %s in let es = Map.entries m in [at %d es, last es, Map.fromEntries es == m, List.slice (-7) (-1) (Map.keys m), Map.fromKeys Text.length (Map.keys m)]`, m, p.r.IntN(len(p.rows)))
	}
	return fmt.Sprintf(`let m = %s in fold (\[a, n] k -> [Map.insert k (n + length a) a, n + 1]) [Map.map (\_ r -> r.n) m, 0] (take 40 (Map.keys %s))`, m, m2)
}
