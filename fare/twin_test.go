package fare_test

import (
	"strconv"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
)

// twin is a second, slow way to the same prices: Floyd-Warshall over the segment
// table and the tariff written out by hand.
type twin struct {
	metres map[string]map[string]map[string]int // network, from, to
}

func newTwin(t *testing.T) *twin {
	name, net := map[[2]string]string{}, map[string]string{}
	for _, r := range table(t, "beijing/data/stations.csv") {
		name[[2]string{r[0], r[2]}] = r[3]
	}
	for _, r := range table(t, "beijing/data/lines.csv") {
		net[r[0]] = r[3]
	}
	type link struct {
		a, b   string
		metres int
	}
	links := map[string][]link{}
	for _, r := range table(t, "beijing/data/segments.csv") {
		m, err := strconv.Atoi(r[4])
		if err != nil {
			t.Fatal(err)
		}
		links[net[r[0]]] = append(links[net[r[0]]], link{name[[2]string{r[0], r[2]}], name[[2]string{r[0], r[3]}], m})
	}
	w := &twin{map[string]map[string]map[string]int{}}
	for network, all := range links {
		number, names := map[string]int{}, []string{}
		for _, l := range all {
			for _, s := range []string{l.a, l.b} {
				if _, ok := number[s]; !ok {
					number[s] = len(names)
					names = append(names, s)
				}
			}
		}
		d := make([][]int, len(names))
		for i := range d {
			d[i] = make([]int, len(names))
			for j := range d[i] {
				if i != j {
					d[i][j] = 1 << 30
				}
			}
		}
		for _, l := range all {
			a, b := number[l.a], number[l.b]
			d[a][b] = min(d[a][b], l.metres)
			d[b][a] = d[a][b]
		}
		for k := range d {
			for i := range d {
				for j := range d {
					d[i][j] = min(d[i][j], d[i][k]+d[k][j])
				}
			}
		}
		w.metres[network] = map[string]map[string]int{}
		for i, a := range names {
			w.metres[network][a] = map[string]int{}
			for j, b := range names {
				w.metres[network][a][b] = d[i][j]
			}
		}
	}
	return w
}

func handWritten(network string, m int) int {
	switch network {
	case "airport":
		return 25
	case "daxing_airport":
		if m <= 20000 {
			return 10
		} else if m <= 30000 {
			return 25
		}
		return 35
	case "tram_xijiao", "tram_t1":
		if m < 6100 {
			return 3
		}
		return 4
	}
	for i, edge := range []int{6100, 12100, 22100, 32100, 52100, 72100, 92100, 112100} {
		if m < edge {
			return 3 + i
		}
	}
	panic("longer than the city")
}

var meetings = map[string][]string{
	"airport": {"三元桥", "东直门", "北新桥"}, "daxing_airport": {"草桥"}, "tram_xijiao": {"巴沟"}, "tram_t1": {"荣昌东街"},
}

// price tries every sequence of networks: at most out of a spoke, over the hub and
// into another spoke.
func (w *twin) price(from, to string) (yuan int) {
	best := 1 << 30
	ride := func(network, a, b string) int {
		if a == b {
			return 0
		}
		return handWritten(network, w.metres[network][a][b])
	}
	for network, m := range w.metres {
		if _, ok := m[from]; !ok {
			continue
		}
		if d, ok := m[from][to]; ok {
			best = min(best, handWritten(network, d))
		}
		out := meetings[network]
		if network == "main" {
			out = []string{from}
		}
		for _, leave := range out {
			first := ride(network, from, leave)
			if _, ok := w.metres["main"][to]; ok {
				best = min(best, first+ride("main", leave, to))
			}
			for other, stops := range meetings {
				if _, ok := w.metres[other][to]; !ok || other == network {
					continue
				}
				for _, enter := range stops {
					best = min(best, first+ride("main", leave, enter)+ride(other, enter, to))
				}
			}
		}
	}
	return best
}

func TestEveryPairCostsWhatTheNaiveTwinSays(t *testing.T) {
	b, w := book(t), newTwin(t)
	all := b.Stations()
	if len(all) != 423 {
		t.Fatalf("%d stations, want 423", len(all))
	}
	longest := map[money.Fen]int{}  // of the hub's prices
	shortest := map[money.Fen]int{} // of the hub's prices
	for _, from := range all {
		for _, to := range all {
			q, err := b.Price(plain(from.ID, to.ID))
			if err != nil {
				t.Fatal(err)
			}
			if from.ID == to.ID {
				continue // a rule of its own, see TestDiscountsOfBeijing
			}
			if want := w.price(from.Name, to.Name); q.Full != money.Fen(want)*100 {
				t.Fatalf("%s to %s: %s yuan, the twin says %d (%+v)", from.Name, to.Name, q.Full, want, q.Parts)
			}
			if len(q.Parts) != 1 || q.Parts[0].Network != fare.HubNetwork {
				continue
			}
			m := b.Distance(from.ID, to.ID)
			if want := w.metres["main"][from.Name][to.Name]; m != want {
				t.Fatalf("%s to %s: %d m, the twin says %d", from.Name, to.Name, m, want)
			}
			longest[q.Full] = max(longest[q.Full], m)
			if low, seen := shortest[q.Full]; !seen || m < low {
				shortest[q.Full] = m
			}
		}
	}
	for price, far := range longest {
		if near, dearer := shortest[price+100]; dearer && near <= far {
			t.Errorf("%d m cost %s yuan but %d m cost one more: not monotone", far, price, near)
		}
	}
	if len(longest) < 7 {
		t.Errorf("only %d different prices seen", len(longest))
	}
}

func TestDirectionNeverChangesPriceOrShares(t *testing.T) {
	b := book(t)
	n := fare.StationID(len(b.Stations()))
	for from := fare.StationID(1); from <= n; from++ {
		for to := from + 1; to <= n; to += 5 {
			there, err1 := b.Price(plain(from, to))
			back, err2 := b.Price(plain(to, from))
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if there.Full != back.Full || b.Distance(from, to) != b.Distance(to, from) || b.Minutes(from, to) <= 0 {
				t.Fatalf("%s and %s: %+v there, %+v back, %d minutes", b.Name(from), b.Name(to), there, back, b.Minutes(from, to))
			}
			if b.HoldFrom(from) < there.Full || b.HoldFrom(to) < there.Full {
				t.Fatalf("%s to %s costs %s, more than the holds %s and %s", b.Name(from), b.Name(to), there.Full, b.HoldFrom(from), b.HoldFrom(to))
			}
			if there.Full > min(b.HighestFrom(from), b.HighestFrom(to)) {
				t.Fatalf("%s to %s costs %s, more than the highest fare", b.Name(from), b.Name(to), there.Full)
			}
		}
	}
}
