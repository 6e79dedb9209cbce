// This file holds the library's laws: what is true of its functions whatever they are given. A law is a function of a case, which
// must be true; the cases are generated, and those for which it is not are printed.

package stdlib_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rosser-lang/rosser/graph"
)

// A maker makes values at random.
type maker struct{ r *rand.Rand }

func (g maker) text() string {
	var b strings.Builder
	for range g.r.IntN(5) {
		b.WriteString([]string{"a", "b", "é", "😀", "\n", ",", "\"", " ", "\u0301", "ß", "1", "\u00a0"}[g.r.IntN(12)])
	}
	return b.String()
}

func (g maker) number() graph.Value {
	switch g.r.IntN(8) {
	case 0:
		return graph.BigInt(new(big.Int).Lsh(big.NewInt(g.r.Int64N(9)-4), uint(g.r.IntN(90))))
	case 1:
		return graph.Float(float64(g.r.IntN(9) - 4))
	case 2:
		return graph.Float(g.r.NormFloat64() * math.Pow(10, float64(g.r.IntN(20)-10)))
	}
	return graph.Int(g.r.Int64N(13) - 6)
}

// value is any data.
func (g maker) value(depth int) graph.Value {
	switch n := g.r.IntN(9); {
	case n < 3:
		return g.number()
	case n < 5:
		return graph.Text(g.text())
	case n == 5:
		return []graph.Value{graph.Null(), graph.Bool(true), graph.Bool(false), graph.BytesValue([]byte(g.text()))}[g.r.IntN(4)]
	case depth == 0:
		return graph.NewList()
	case n < 8:
		return g.list(func() graph.Value { return g.value(depth - 1) })
	}
	return g.dict(func() graph.Value { return g.value(depth - 1) })
}

func (g maker) length() int { return []int{0, 1, 2, 3, 5, 17, 40}[g.r.IntN(7)] }

func (g maker) list(of func() graph.Value) graph.Value {
	out := make([]graph.Value, g.length())
	for i := range out {
		out[i] = of()
	}
	return graph.NewList(out...)
}

func (g maker) dict(of func() graph.Value) graph.Value {
	var b graph.MapBuilder
	for range g.length() {
		b.Set("k"+g.text(), of())
	}
	return graph.MapValue(b.Map())
}

// aCase has what laws are about: lists xs and ys of comparable values; any list, vs; numbers; texts; maps m, m2, m3; small ints n and
// i, tables rows and others with a column k in common, and a value v.
func (g maker) aCase() graph.Value {
	comparable := g.number
	if g.r.IntN(3) == 0 {
		comparable = func() graph.Value { return graph.Text(g.text()) }
	}
	small := func() graph.Value { return graph.Int(g.r.Int64N(9) - 2) }
	row := func(field string) func() graph.Value {
		return func() graph.Value {
			k := []graph.Value{graph.Int(1), graph.Float(1), graph.Int(2), graph.Text("1"), graph.Text("é"), graph.Null(), graph.Float(2.5)}[g.r.IntN(7)]
			return graph.Record("k", k, field, small())
		}
	}
	return graph.Record(
		"xs", g.list(comparable), "ys", g.list(comparable), "vs", g.list(func() graph.Value { return g.value(2) }),
		"numbers", g.list(func() graph.Value { return graph.Int(g.r.Int64N(2000) - 1000) }), "texts", g.list(func() graph.Value { return graph.Text(g.text()) }),
		"m", g.dict(small), "m2", g.dict(small), "m3", g.dict(small), "n", small(), "i", small(), "key", "k"+g.text(), "text", g.text(), "sep", g.text(),
		"rows", g.list(row("a")), "others", g.list(row("b")), "v", g.value(3), "p", graph.Int(g.r.Int64N(101)),
	)
}

// definitions are what laws may use.
const definitions = `
let same xs ys = List.countBy show xs == List.countBy show ys
let f x = [x]
let odd x = length (show x) % 2 == 1
let small x = length (show x) % 3
let pairs xs = zip xs (drop 1 xs)
let naiveUnique xs = fold (\out x -> if contains x out then out else out ++ [x]) [] xs
let isIn xs x = contains x xs
let near a b = abs (a - b) <= 1e-9 * (1 + abs a)
let some o = o.Some
let tagOf change = (Map.keys change).0
let numbers field d = map (\c -> (Map.values c).0) d |> filter (Map.has field) |> map (Map.get field >> some)
let versions xs ys text sep = [Text.join "\n" (map show xs) ++ sep, text ++ Text.join "\n" (map show ys)]
`

var laws = []struct{ name, law string }{
	{"sort orders", `\{xs} -> List.isSorted (sort xs)`},
	{"sort is a permutation", `\{xs} -> same xs (sort xs)`},
	{"sort is sortBy id and sortWith (<)", `\{xs} -> map show (sort xs) == map show (sortBy id xs) && map show (sort xs) == map show (sortWith (<) xs)`},
	{"sortBy is stable", `\{vs} -> let key p = small p.1 in all (\[p, q] -> key p < key q || key p == key q && p.0 < q.0) (pairs (sortBy key (enumerate vs)))`},
	{"sortDescendingBy is stable", `\{vs} -> let key p = small p.1 in all (\[p, q] -> key p > key q || key p == key q && p.0 < q.0) (pairs (List.sortDescendingBy key (enumerate vs)))`},
	{"sortDescending is the other order", `\{xs} -> List.sortDescending xs == reverse (sort xs)`},
	{"minimum is the first of sort", `\{xs} -> minimum xs == head (sort xs) && maximum xs == last (sort xs)`},
	{"minimumBy is the first of sortBy", `\{vs} -> List.minimumBy small vs == head (sortBy small vs) && List.maximumBy small vs == head (List.sortDescendingBy small vs)`},
	{"reverse", `\{vs, xs} -> reverse (reverse vs) == vs && reverse (vs ++ xs) == reverse xs ++ reverse vs`},
	{"take and drop", `\{vs, n} -> take n vs ++ drop n vs == vs && length (take n vs) == max 0 (min n (length vs)) && List.splitAt n vs == [take n vs, drop n vs]`},
	{"takeLast and dropLast", `\{vs, n} -> List.dropLast n vs ++ List.takeLast n vs == vs && List.takeLast n vs == reverse (take n (reverse vs))`},
	{"takeWhile and dropWhile", `\{vs} -> takeWhile odd vs ++ dropWhile odd vs == vs && all odd (takeWhile odd vs) && List.span odd vs == [takeWhile odd vs, dropWhile odd vs]`},
	{"slice", `\{vs, n, i} -> if n < 0 || i < 0 then true else List.slice i n vs == drop i (take n vs)`},
	{"insertAt and removeAt", `\{vs, i, v} -> let there = max 0 (min i (length vs)) in List.removeAt there (List.insertAt i v vs) == vs && at there (List.insertAt i v vs) == Some v`},
	{"updateAt", `\{vs, i} -> List.updateAt i f vs == map (\[j, x] -> if i == j then f x else x) (enumerate vs)`},
	{"zip and unzip", `\{xs, vs} -> let n = min (length xs) (length vs) in unzip (zip xs vs) == [take n xs, take n vs] && zipWith (\x y -> [x, y]) xs vs == zip xs vs`},
	{"zip3", `\{xs, ys, vs} -> map (\[x, y, z] -> [[x, y], z]) (List.zip3 xs ys vs) == zip (zip xs ys) vs`},
	{"enumerate", `\{vs} -> enumerate vs == zip (range 0 (length vs - 1)) vs`},
	{"fold and foldr", `\{vs} -> fold (\acc x -> [x, ...acc]) [] vs == reverse vs && foldr (\x acc -> [x, ...acc]) [] vs == vs`},
	{"reduce", `\{vs} -> reduce (++) [] (map f vs) == vs`},
	{"scan", `\{vs} -> let s = List.scan (\acc x -> acc + small x) 0 vs in last s == Some (sum (map small vs)) && length s == length vs + 1 && take 1 s == [0]`},
	{"map and flatMap", `\{vs} -> map f (map f vs) == map (f >> f) vs && flatMap f vs == vs && flatMap (\x -> [x, x]) vs == concat (map (\x -> [x, x]) vs)`},
	{"filter and partition", `\{vs} -> partition odd vs == [filter odd vs, filter (odd >> not) vs] && List.count odd vs == length (filter odd vs)`},
	{"filterMap", `\{vs} -> List.filterMap (\x -> if odd x then Some (f x) else None) vs == map f (filter odd vs)`},
	{"any, all and find", `\{vs} -> any odd vs == not (all (odd >> not) vs) && find odd vs == head (filter odd vs) && List.findIndex odd vs == indexOf true (map odd vs)`},
	{"unique", `\{vs} -> map show (unique vs) == map show (naiveUnique vs)`},
	{"uniqueBy", `\{vs} -> map small (List.uniqueBy small vs) == unique (map small vs) && List.uniqueBy id vs == unique vs && all (\x -> find (\y -> small x == small y) vs == Some x) (List.uniqueBy small vs)`},
	{"contains and indexOf", `\{vs, v} -> contains v vs == any (\x -> x == v) vs && indexOf v vs == List.findIndex (\x -> x == v) vs`},
	{"groupBy", `\{vs} -> groupBy small vs == Map.fromKeys (\k -> filter (\x -> show (small x) == k) vs) (unique (map (small >> show) vs))`},
	{"countBy and indexBy", `\{vs} -> let g = groupBy small vs in List.countBy small vs == Map.map (\_ x -> length x) g && List.indexBy small vs == Map.map (\_ x -> some (last x)) g`},
	{"runsBy", `\{vs} -> let runs = List.runsBy small vs in concat runs == vs && all (\run -> length (unique (map small run)) == 1) runs && all (\[a, b] -> small a.0 != small b.0) (pairs runs)`},
	{"chunks", `\{vs, n} -> let n = max 1 n in let c = List.chunks n vs in concat c == vs && all (\x -> length x == n) (List.dropLast 1 c) && all (\x -> length x > 0 && length x <= n) c`},
	{"windows", `\{vs, n} -> let n = max 1 n in List.windows n vs == map (\i -> take n (drop i vs)) (range 0 (length vs - n))`},
	{"transpose", `\{vs, n} -> let rows = filter (\x -> length x == max 1 n) (List.chunks (max 1 n) vs) in if isEmpty rows then true else List.transpose (List.transpose rows) == rows`},
	{"intersperse", `\{vs, v} -> let s = List.intersperse v vs in length s == max 0 (2 * length vs - 1) && map (.0) (List.chunks 2 s) == vs`},
	{"unfold", `\{vs} -> List.unfold (\rest -> match rest { | [] -> None | [x, ...more] -> Some [x, more] }) vs == vs`},
	{"rangeBy", `\{n, i} -> let r = List.rangeBy (max 1 n) i 20 in r == filter (\x -> (x - i) % max 1 n == 0) (range i 20) && List.rangeBy (-1) 20 i == reverse (range i 20)`},
	{"lowerBound", `\{xs} -> let s = sort xs in all (\x -> List.lowerBound x s == List.count (\y -> y < x) s) xs`},
	{"sets", `\{xs, ys} -> List.union xs ys == naiveUnique (xs ++ ys) && List.intersect xs ys == filter (isIn ys) (naiveUnique xs) && List.difference xs ys == filter (isIn ys >> not) (naiveUnique xs)`},
	{"cross", `\{xs, ys} -> length (List.cross xs ys) == length xs * length ys && unique (map (.0) (List.cross xs ys)) == (if isEmpty ys then [] else unique xs)`},

	{"insert and get", `\{m, key, v} -> Map.get key (Map.insert key v m) == Some v && all (\k -> k == key || Map.get k (Map.insert key v m) == Map.get k m) (Map.keys m)`},
	{"remove", `\{m, key, v} -> Map.remove key (Map.insert key v m) == Map.remove key m && not (Map.has key (Map.remove key m))`},
	{"entries", `\{m} -> Map.fromEntries (Map.entries m) == m && zip (Map.keys m) (Map.values m) == Map.entries m && List.isSorted (Map.keys m) && length (Map.keys m) == length m`},
	{"merge", `\{m, m2, m3} -> Map.merge m (Map.merge m2 m3) == Map.merge (Map.merge m m2) m3 && Map.merge m m2 == {...m, ...m2} && Map.mergeAll [m, m2, m3] == {...m, ...m2, ...m3}`},
	{"mergeWith", `\{m, m2} -> Map.mergeWith (+) m m2 == Map.fromKeys (\k -> Map.getOr 0 k m + Map.getOr 0 k m2) (Map.keys {...m, ...m2})`},
	{"intersect and difference", `\{m, m2} -> {...Map.intersect m m2, ...Map.difference m m2} == m && Map.keys (Map.intersect m m2) == filter (isIn (Map.keys m2)) (Map.keys m)`},
	{"filter and partition of maps", `\{m} -> let [yes, no] = Map.partition (\k v -> v > 1) m in {...yes, ...no} == m && yes == Map.filter (\k v -> v > 1) m && all (\v -> v <= 1) (Map.values no)`},
	{"select and without", `\{m, m2} -> let k = Map.keys m2 in Map.select k m == Map.intersect m m2 && Map.without k m == Map.difference m m2`},
	{"map, mapKeys and filterMap", `\{m} -> Map.map (\k v -> v) m == m && Map.mapKeys id m == m && Map.filterMap (\k v -> Some v) m == m && Map.values (Map.mapKeys (\k -> "x" ++ k) m) == Map.values m`},
	{"invert", `\{m} -> let names = Map.map (\k v -> "v" ++ k) m in Map.invert (Map.invert names) == names`},
	{"fold of a map", `\{m} -> Map.fold (\acc k v -> acc ++ [[k, v]]) [] m == Map.entries m`},
	{"update", `\{m, key} -> Map.update key (Option.getOr 0 >> (\x -> x + 1)) m == Map.insert key (Map.getOr 0 key m + 1) m`},
	{"any, all and find of maps", `\{m} -> let p k v = v > 3 in Map.any p m == any (\v -> v > 3) (Map.values m) && Map.all p m == all (\v -> v > 3) (Map.values m) && Map.find p m == head (Map.entries (Map.filter p m))`},

	{"options", `\{vs} -> let os = map (\x -> if odd x then Some x else None) vs in Option.values os == filter odd vs && Option.isSome (Option.all os) == all odd vs && Option.all (map (Some) vs) == Some vs`},
	{"results", `\{vs} -> let rs = map (\x -> if odd x then Ok x else Err x) vs in Result.partition rs == partition odd vs && Result.toOption (Result.all rs) == (if all odd vs then Some vs else None)`},

	{"Json", `\{v} -> Json.parse (Json.show v) == v && Ipld.cid (Json.parse (Json.show v)) == Ipld.cid v`},
	{"Csv", `\{texts} -> let rows = map (\t -> {"a,\"b": t, c: t ++ "x"}) texts in Csv.parse (Csv.show rows) == rows`},
	{"split and join", `\{text, sep, texts} -> if sep == "" then Text.join "" (Text.split "" text) == text else Text.join sep (Text.split sep text) == text && (any (Text.contains sep) texts || isEmpty texts || length sep > 1 || Text.split sep (Text.join sep texts) == texts)`},
	{"reverse of text", `\{text} -> Text.reverse (Text.reverse text) == text && Text.reverse text == Text.join "" (reverse (Text.chars text))`},
	{"escape", `\{text, sep} -> Regex.split (Regex.escape sep) text == (if sep == "" then (if text == "" then [""] else Text.chars text) else Text.split sep text)`},
	{"matches are parts of the text", `\{text} -> all (\m -> Text.slice m.start m.end text == m.text) (Regex.findAll "(?s).b?|é" text) && Regex.replace "[^b]+" "$0" text == text && Regex.replaceWith "[^b]*" (.text) text == text`},
	{"split leaves out the matches", `\{text} -> Regex.split "[a-c]+" text |> Text.join "" |> (\rest -> rest == Regex.replace "[a-c]+" "" text)`},

	{"pointers", `\{m, vs, v} -> let data = {"a/~b": vs, m} in Json.at "" v == Some v && all (\i -> Json.at "/a~1~0b/\(i)" data == at i vs) (range (-1) (length vs)) && all (\k -> Json.at ("/m/" ++ Text.replace "/" "~1" (Text.replace "~" "~0" k)) data == Map.get k m) (Map.keys m)`},
	{"names and indices of a path", `\{m, vs, i} -> all (\k -> Json.query "$[\(show k)]" m == [(Map.get k m).Some]) (Map.keys m) && Json.query "$[\(i)]" vs == List.slice i (if i == -1 then length vs else i + 1) vs`},
	{"wildcards and slices of a path", `\{m, vs, n, i} -> Json.query "$.*" m == Map.values m && Json.query "$[*]" vs == vs && Json.query "$[\(i):\(n)]" vs == List.slice i n vs && Json.query "$[::-1]" vs == reverse vs && Json.query "$[::\(max 1 n)]" vs == map (.0) (List.chunks (max 1 n) vs)`},
	{"any depth", `\{v} -> let within x = match Ipld.kind x { | "list" -> [x, ...flatMap within x] | "map" -> [x, ...flatMap within (Map.values x)] | _ -> [x] } in same (Json.query "$..*" v) (drop 1 (within v))`},
	{"grep", `\{text} -> map (.text) (Regex.grep "" text) == Text.lines text && all (\{line, text: found} -> at (line - 1) (Text.lines text) == Some found && Regex.matches "a|é$" found) (Regex.grep "a|é$" text)`},
	{"frequent words", `\{texts} -> let text = Text.join "" texts in let words = Text.tokens text in let found = Text.frequent (length words) text in same (flatMap (\[word, n] -> repeat n word) found) words && found == sortBy (\[word, n] -> [0 - n]) (sortBy (.0) found) && all (\n -> Text.frequent n text == take n found) [0, 1, 2] && Text.join "" words == Regex.replace "[^\\pL\\pM\\pN]" "" (Text.lower text)`},
	{"patch", `\{xs, ys, text, sep} -> let [old, new] = versions xs ys text sep in let d = Diff.lines old new in Diff.patch d old == new && Diff.patch (Diff.lines new old) new == old && all (\c -> tagOf c == "Kept") (Diff.lines old old)`},
	{"lines of a diff", `\{xs, ys, text, sep} -> let [old, new] = versions xs ys text sep in let d = Diff.lines old new in numbers "old" d == range 1 (length (numbers "old" d)) && numbers "new" d == range 1 (length (numbers "new" d)) && all (\[a, b] -> not (tagOf a == "Added" && tagOf b == "Removed")) (pairs d)`},
	{"unified", `\{xs, ys, text, sep} -> let [old, new] = versions xs ys text sep in let d = Diff.lines old new in let lines = drop 2 (Text.split "\n" (Diff.unified "a" "b" d)) in all (\[tag, sign] -> List.count (\c -> tagOf c == tag) d == List.count (Text.startsWith sign) lines) [["Removed", "-"], ["Added", "+"]] && (old == new) == isEmpty lines`},

	{"innerJoin", `\{rows, others} -> Table.innerJoin ["k"] others rows == flatMap (\r -> flatMap (\o -> if o.k == r.k then [{...o, ...r}] else []) others) rows`},
	{"leftJoin", `\{rows, others} -> let b = if isEmpty others then {} else {b: null} in Table.leftJoin ["k"] others rows == flatMap (\r -> match filter (\o -> o.k == r.k) others { | [] -> [{...b, ...r}] | os -> map (\o -> {...o, ...r}) os }) rows`},
	{"outerJoin", `\{rows, others} -> let outer = Table.outerJoin ["k"] others rows in let n = length (Table.leftJoin ["k"] others rows) in take n outer == Table.leftJoin ["k"] others rows && map (Map.remove "a") (drop n outer) == Table.antiJoin ["k"] rows others`},
	{"semiJoin and antiJoin", `\{rows, others} -> let there r = any (\o -> o.k == r.k) others in Table.semiJoin ["k"] others rows == filter there rows && Table.antiJoin ["k"] others rows == filter (there >> not) rows`},
	{"group", `\{rows} -> let groups = Table.group ["k"] rows in map (.key.k) groups == unique (map (.k) rows) && all (\{key, rows: inside} -> inside == filter (\r -> r.k == key.k) rows) groups`},
	{"aggregate", `\{rows} -> Table.aggregate ["k"] {n: length} rows |> map (.n) |> sum |> (\n -> n == length rows)`},
	{"pivot and unpivot", `\{m, m2} -> let wide = [{id: 1, ...m}, {id: 2, ...m}] in if isEmpty m then true else Table.unpivot ["id"] "name" "x" wide |> Table.pivot ["id"] "name" (\rows -> rows.0.x) |> (\again -> again == wide)`},
	{"columns", `\{rows} -> if isEmpty rows then true else Table.fromColumns (Table.toColumns rows) == rows`},
	{"sortBy of tables", `\{rows} -> Table.sortBy ["a"] rows == sortBy (.a) rows && Table.sortDescendingBy ["a"] rows == List.sortDescendingBy (.a) rows`},
	{"show of tables", `\{rows} -> let lines = Text.lines (Table.show rows) in isEmpty rows || length lines == length rows + 2`},

	{"mean", `\{numbers} -> match Stats.mean numbers { | None -> isEmpty numbers | Some m -> m == sum numbers / length numbers && m >= some (minimum numbers) && m <= some (maximum numbers) }`},
	{"variance", `\{numbers} -> let n = length numbers in match Stats.variance numbers { | None -> n < 2 | Some v -> near v ((n * sum (map (\x -> x * x) numbers) - pow (sum numbers) 2) / (n * (n - 1))) && near (some (Stats.stddev numbers)) (sqrt v) && near (some (Stats.populationVariance numbers)) (v * (n - 1) / n) }`},
	{"percentile", `\{numbers, p} -> let s = sort numbers in match Stats.percentile p numbers { | None -> isEmpty numbers | Some v -> let h = (length s - 1) * p in let a = Core.get (h // 100) s in let b = Core.get (min (h // 100 + 1) (length s - 1)) s in near v ((a * 100 + h % 100 * (b - a)) / 100) }`},
	{"percentiles ascend", `\{numbers} -> match Stats.percentiles (range 0 100) numbers { | None -> isEmpty numbers | Some ps -> List.isSorted ps && ps.0 == some (minimum numbers) && ps.100 == some (maximum numbers) && ps.50 == some (Stats.median numbers) && some (Stats.quantiles 4 numbers) == [ps.25, ps.50, ps.75] }`},
	{"histogram", `\{numbers, n} -> let bins = Stats.histogram (max 1 n) numbers in sum (map (.count) bins) == length numbers && all (\[a, b] -> a.to == b.from) (pairs bins) && all (\b -> b == some (last bins) || b.count == List.count (\x -> x >= b.from && x < b.to) numbers) bins`},
	{"frequencies and mode", `\{vs} -> let fs = Stats.frequencies vs in sum (map (.1) fs) == length vs && Stats.mode vs == map (.0) (filter (\x -> x.1 == fs.0.1) fs) && all (\[x, n] -> n == List.count (\y -> show y == show x) vs) fs`},
	{"correlation", `\{numbers} -> let ys = reverse numbers in match Stats.correlation numbers ys { | None -> length (unique numbers) < 2 | Some r -> r >= -1 && r <= 1 && near r (some (Stats.correlation ys numbers)) && near (some (Stats.correlation numbers numbers)) 1.0 && near (some (Stats.covariance numbers numbers)) (some (Stats.variance numbers)) }`},
	{"linearFit", `\{numbers, n, i} -> match Stats.linearFit numbers (map (\x -> n * x + i) numbers) { | None -> length (unique numbers) < 2 | Some {slope, intercept} -> near slope (toFloat n) && abs (intercept - i) <= 1e-6 }`},
}

func TestLaws(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	g := maker{rand.New(rand.NewPCG(3, 4))}
	cases := make([]string, rounds)
	for i := range cases {
		cases[i] = show(t, g.aCase())
	}
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			source := definitions + "let law = " + l.law + "\nlet cases = [" + strings.Join(cases, ", ") + "]\n" +
				"cases |> filter (\\c -> (try (law c)) != Ok true) |> take 1 |> map \\c -> {of: c, came: try (law c)}"
			if got, ok := evaluate(t, source); !ok || show(t, got) != "[]" {
				t.Errorf("%s does not hold: %.3000s", l.law, show(t, got))
			}
		})
	}
}

// dateText writes a date as Date.show promises.
func dateText(d time.Time) string {
	switch y := d.Year(); {
	case y < 0:
		return fmt.Sprintf("-%04d-%02d-%02d", -y, d.Month(), d.Day())
	case y > 9999:
		return fmt.Sprintf("+%d-%02d-%02d", y, d.Month(), d.Day())
	default:
		return fmt.Sprintf("%04d-%02d-%02d", y, d.Month(), d.Day())
	}
}

// Dates are those of Go's time package, over 10,000 years each way.
func TestDates(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	days := []int64{0, -1, 59, 60, -719528, -719529, -719468, 2932896, 2932897}
	for range 400 {
		days = append(days, r.Int64N(7_305_000)-3_652_500-719_528)
	}
	var want, list []string
	for _, day := range days {
		d := time.Unix(day*86400, 0).UTC()
		year, week := d.ISOWeek()
		weekday := (int(d.Weekday())+6)%7 + 1
		n := r.IntN(3000) - 1500
		// n months later: the first of that month, and in it the same day or the last.
		first := time.Date(d.Year(), d.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1)
		later := first.AddDate(0, 0, min(d.Day(), last.Day())-1)
		want = append(want, fmt.Sprintf(`["%s",{"day":%d,"month":%d,"year":%d},%d,%d,{"week":%d,"weekday":%d,"year":%d},"%s",true]`,
			dateText(d), d.Day(), d.Month(), d.Year(), weekday, d.YearDay(), week, weekday, year, dateText(later)))
		list = append(list, fmt.Sprintf("[%d, %d]", day, n))
	}
	got, _ := evaluate(t, `let facts [day, n] =
  let later = Date.addMonths n day in
  let {year, month, day: d} = Date.parts day in
  let week = Date.week day in
  [ Date.show day, Date.parts day, Date.weekday day, Date.dayOfYear day, week, Date.show later
  , Date.parse (Date.show day) == Some day && Date.parse (Date.showWeek day) == Some day && Date.of year month d == Some day
    && Date.ofWeek week.year week.week week.weekday == Some day && Date.ofDayOfYear year (Date.dayOfYear day) == Some day
    && (Date.monthsBetween day later == n || d > 28)
  ]
map facts [`+strings.Join(list, ", ")+"]")
	for i, it := 0, got.List().Iter(); ; i++ {
		v, ok := it.Next()
		if !ok {
			break
		}
		if show(t, v) != want[i] {
			t.Errorf("day %d: got %s, want %s", days[i], show(t, v), want[i])
		}
	}
}

// Every day of 400 years, which is all there is to the calendar, is the day after the one before it.
func TestCalendar(t *testing.T) {
	got, ok := evaluate(t, `let step day =
  let a = Date.parts day in
  let b = Date.parts (day + 1) in
  if b.day == a.day + 1 then b.month == a.month && b.year == a.year && b.day <= Date.daysInMonth a.year a.month
  else b.day == 1 && a.day == Date.daysInMonth a.year a.month && (if a.month == 12 then b.month == 1 && b.year == a.year + 1 else b.month == a.month + 1 && b.year == a.year)
[all step (range 0 146097), (Date.parts 146097).year - (Date.parts 0).year, Date.parts 0]`)
	if want := `[true,400,{"day":1,"month":1,"year":1970}]`; !ok || show(t, got) != want {
		t.Errorf("got %s, want %s", show(t, got), want)
	}
}

// Times are those of Go's time package.
func TestTimes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var list, want []string
	for range 200 {
		at := time.Unix(r.Int64N(200_000_000_000)-60_000_000_000, []int64{0, 5e8, 123456789, 1000}[r.IntN(4)])
		offset := r.IntN(2*24*60-1) - 24*60 + 1
		zone := time.FixedZone("", offset*60)
		local := at.In(zone).Format("2006-01-02T15:04:05.999999999-07:00")
		list = append(list, fmt.Sprintf("[%d, %d * 1000000000 + %d]", offset, at.Unix(), at.Nanosecond()))
		want = append(want, fmt.Sprintf("[%q,%q,true]", at.UTC().Format(time.RFC3339Nano), local))
	}
	got, _ := evaluate(t, `let facts [offset, t] =
  let there = Date.showTimeAt offset t in
  [Date.showTime t, there, Date.parseTime there == Some t && Date.parseTime (Date.showTime t) == Some t && Date.parseLocal offset (Text.slice 0 (-6) there) == Some t]
map facts [`+strings.Join(list, ", ")+"]")
	for i, it := 0, got.List().Iter(); ; i++ {
		v, ok := it.Next()
		if !ok {
			break
		}
		if show(t, v) != want[i] {
			t.Errorf("%s: got %s, want %s", list[i], show(t, v), want[i])
		}
	}
}
