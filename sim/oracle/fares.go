package oracle

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/citycard/citycard/money"
)

// ErrNetwork says that a network file cannot be used.
var ErrNetwork = errors.New("network file cannot be used")

// Fares are the right prices of rides with a municipal transport card in Beijing: the
// published bands written out, over the shortest ways of lines.csv, stations.csv,
// segments.csv and operators.csv. It reads no tariff file.
type Fares struct {
	stations map[string]int
	nets     []railNet // the first is the main one
}

// railNet is one fare network; its tables are by station number.
type railNet struct {
	price  func(metres int) money.Fen
	timed  bool // discounts and time limit apply
	around [][]track
	metres [][]int32 // shortest way, nil for a station of other networks
}

type track struct {
	to       int
	metres   int32
	operator string
}

// railNets are the networks by the name of lines.csv and their prices.
var railNets = [...]struct {
	name  string
	price func(int) money.Fen
	timed bool
}{
	{"main", mainFare, true},
	{"tram_xijiao", tramFare, true},
	{"tram_t1", tramFare, true},
	{"airport", func(int) money.Fen { return 25_00 }, false},
	{"daxing_airport", daxingFare, false},
}

// mainFare: up to 6 km 3 yuan, 12 km 4, 22 km 5, 32 km 6, then 1 yuan for each
// started 20 km (price notice of 2014); the gates forgive less than 100 m.
func mainFare(m int) money.Fen {
	switch {
	case m < 6_100:
		return 3_00
	case m < 12_100:
		return 4_00
	case m < 22_100:
		return 5_00
	case m < 32_100:
		return 6_00
	}
	fare := money.Fen(7_00)
	for over := 52_100; m >= over; over += 20_000 {
		fare += 1_00
	}
	return fare
}

func tramFare(m int) money.Fen {
	if m < 6_100 {
		return 3_00
	}
	return 4_00
}

func daxingFare(m int) money.Fen {
	switch {
	case m <= 20_000:
		return 10_00
	case m <= 30_000:
		return 25_00
	}
	return 35_00
}

// Bus is the price of a city bus ride by card: 10 km 2 yuan, 1 yuan for each started
// 5 km more, half of it.
func Bus(metres int) money.Fen {
	full := money.Fen(2_00)
	for m := 10_000; metres > m; m += 5_000 {
		full += 1_00
	}
	return full / 2
}

// earlyStations are those where half price before 07:00 on workdays is given.
var earlyStations = [...]string{"土桥", "临河里", "梨园", "九棵树", "果园", "通州北苑", "八里桥", "管庄", "双桥", "传媒大学", "高碑店", "南邵", "沙河高教园",
	"沙河", "巩华城", "朱辛庄", "北运河西", "通运门", "通州北关", "物资学院路", "常营", "草房", "黄渠", "褡裢坡", "青年路"}

// NewFares reads the network from the files of a rule book, by name.
func NewFares(files map[string][]byte) (*Fares, error) {
	f := &Fares{stations: map[string]int{}, nets: make([]railNet, len(railNets))}
	netOf, operatorOf, hall := map[string]int{}, map[string]string{}, map[[2]string]int{}
	steps := []struct {
		file    string
		columns [4]string
		row     func(v [4]string) error
	}{
		{"lines.csv", [4]string{"line", "fare_network"}, func(v [4]string) error {
			for i := range railNets {
				if railNets[i].name == v[1] {
					netOf[v[0]] = i
					return nil
				}
			}
			return fmt.Errorf("fare network %q has no published price here: %w", v[1], ErrNetwork)
		}},
		{"operators.csv", [4]string{"line", "operator"}, func(v [4]string) error { operatorOf[v[0]] = v[1]; return nil }},
		{"stations.csv", [4]string{"line", "station_on_line", "station"}, func(v [4]string) error {
			n, known := f.stations[v[2]]
			if !known {
				n = len(f.stations)
				f.stations[v[2]] = n
			}
			hall[[2]string{v[0], v[1]}] = n
			return nil
		}},
	}
	for _, s := range steps {
		if err := eachRow(files, s.file, s.columns, s.row); err != nil {
			return nil, err
		}
	}
	for i := range f.nets {
		f.nets[i] = railNet{price: railNets[i].price, timed: railNets[i].timed, around: make([][]track, len(f.stations))}
	}
	err := eachRow(files, "segments.csv", [4]string{"line", "from", "to", "metres"}, func(v [4]string) error {
		m, err := strconv.ParseInt(v[3], 10, 32)
		a, ok := hall[[2]string{v[0], v[1]}]
		b, also := hall[[2]string{v[0], v[2]}]
		if err != nil || m <= 0 || !ok || !also {
			return fmt.Errorf("segment %v: %w", v, ErrNetwork)
		}
		around := f.nets[netOf[v[0]]].around
		around[a] = append(around[a], track{b, int32(m), operatorOf[v[0]]})
		around[b] = append(around[b], track{a, int32(m), operatorOf[v[0]]})
		return nil
	})
	for i := range f.nets {
		f.nets[i].measure()
	}
	return f, err
}

// eachRow gives the named columns of a table, row by row.
func eachRow(files map[string][]byte, name string, columns [4]string, row func([4]string) error) error {
	rows, err := csv.NewReader(bytes.NewReader(files[name])).ReadAll()
	if err != nil || len(rows) == 0 {
		return fmt.Errorf("%s: %w: %v", name, ErrNetwork, err)
	}
	var at [4]int
	for i, want := range columns {
		at[i] = -1
		for j, have := range rows[0] {
			if want == have {
				at[i] = j
			}
		}
		if want != "" && at[i] < 0 {
			return fmt.Errorf("%s has no column %s: %w", name, want, ErrNetwork)
		}
	}
	for _, fields := range rows[1:] {
		var v [4]string
		for i := range v {
			if at[i] >= 0 {
				v[i] = fields[at[i]]
			}
		}
		if err := row(v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// measure finds all shortest ways: from every station, distances are bettered
// along the tracks until nothing is left to better (Bellman and Ford).
func (n *railNet) measure() {
	n.metres = make([][]int32, len(n.around))
	for from := range n.around {
		if len(n.around[from]) == 0 {
			continue
		}
		d := make([]int32, len(n.around))
		for i := range d {
			d[i] = -1
		}
		d[from] = 0
		for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
			at := queue[0]
			for _, t := range n.around[at] {
				if m := d[at] + t.metres; d[t.to] < 0 || m < d[t.to] {
					d[t.to] = m
					queue = append(queue, t.to)
				}
			}
		}
		n.metres[from] = d
	}
}

// way is the length of the shortest way inside a network, false if there is none.
func (n *railNet) way(from, to int) (int, bool) {
	if n.metres[from] == nil || n.metres[from][to] < 0 {
		return 0, false
	}
	return int(n.metres[from][to]), true
}

// Station is the number of a station of stations.csv.
func (f *Fares) Station(name string) (int, bool) {
	n, known := f.stations[name]
	return n, known
}

// stretch is the part of a trip inside one network.
type stretch struct {
	net      *railNet
	from, to int
	metres   int
}

// trip is what is paid for: the cheapest way, of those the shortest, of those the one
// over the fewest networks.
func (f *Fares) trip(from, to int) []stretch {
	var best []stretch
	try := func(parts ...stretch) {
		var way []stretch
		for _, p := range parts {
			var ok bool
			if p.metres, ok = p.net.way(p.from, p.to); !ok {
				return
			}
			if p.from != p.to || len(parts) == 1 {
				way = append(way, p)
			}
		}
		if way != nil && (best == nil || less(way, best)) {
			best = way
		}
	}
	hub := &f.nets[0]
	for i := range f.nets {
		a := &f.nets[i]
		if a.metres[from] == nil {
			continue
		}
		try(stretch{net: a, from: from, to: to})
		for j := range f.nets {
			b := &f.nets[j]
			if b.metres[to] == nil || a == b {
				continue
			}
			for _, out := range f.meeting(a, hub, from) {
				for _, in := range f.meeting(b, hub, to) {
					try(stretch{net: a, from: from, to: out}, stretch{net: hub, from: out, to: in}, stretch{net: b, from: in, to: to})
				}
			}
		}
	}
	return best
}

// meeting lists the stations where a network meets the main one: of that itself, the
// end of the trip.
func (f *Fares) meeting(n, hub *railNet, end int) []int {
	if n == hub {
		return []int{end}
	}
	var out []int
	for s := range n.metres {
		if n.metres[s] != nil && hub.metres[s] != nil {
			out = append(out, s)
		}
	}
	return out
}

func less(a, b []stretch) bool {
	sum := func(way []stretch) (fen money.Fen, metres int) {
		for _, s := range way {
			fen, metres = fen+s.net.price(s.metres), metres+s.metres
		}
		return fen, metres
	}
	fa, ma := sum(a)
	fb, mb := sum(b)
	switch {
	case fa != fb:
		return fa < fb
	case ma != mb:
		return ma < mb
	}
	return len(a) < len(b)
}

// Ride is a trip from gate to gate; times are seconds of the day of entry.
type Ride struct {
	From, To        int
	Entered, Exited int32
	Workday         bool
	Month           money.Fen // paid in this month so far
}

// Price gives what a ride costs and what it adds to the month's sum. The rides of
// the main network and the trams cost 80 % from 100 yuan of the month on, 50 % from
// 150, and all again from 400; half of that if entered before 07:00 on a workday at
// one of 25 stations; and 3 yuan more after four hours.
func (f *Fares) Price(r Ride) (pay, counted money.Fen) {
	percent := money.Fen(100)
	switch {
	case r.Month >= 400_00:
	case r.Month >= 150_00:
		percent = 50
	case r.Month >= 100_00:
		percent = 80
	}
	early := money.Fen(2) // halves
	if r.Workday && r.Entered < 7*3600 {
		for _, name := range earlyStations {
			if n, known := f.stations[name]; known && n == r.From {
				early = 1
			}
		}
	}
	timed := false
	for _, s := range f.trip(r.From, r.To) {
		full := s.net.price(s.metres)
		if s.net.timed {
			timed = true
			full = (full*percent*early + 100) / 200
			counted += full
		}
		pay += full
	}
	if timed && r.Exited-r.Entered > 4*3600 {
		pay += 3_00
	}
	return pay, counted
}

// Split divides an amount among the operators of a ride: among the fare networks by
// their full prices, then inside each by the metres ridden. It is the same both ways.
// sure is false where another way is as short, so that other shares may be as right.
func (f *Fares) Split(from, to int, amount money.Fen) (shares map[string]money.Fen, sure bool, err error) {
	way := f.trip(min(from, to), max(from, to))
	prices := make([]int64, len(way))
	for i, s := range way {
		prices[i] = int64(s.net.price(s.metres))
	}
	parts, err := money.Split(amount, prices)
	if err != nil {
		return nil, false, fmt.Errorf("split %s among networks: %w", amount, err)
	}
	shares, sure = map[string]money.Fen{}, from != to
	for i, s := range way {
		names, metres, only := s.net.operators(min(s.from, s.to), max(s.from, s.to))
		sure = sure && only
		if s.from == s.to {
			continue
		}
		fen, err := money.Split(parts[i], metres)
		if err != nil {
			return nil, false, fmt.Errorf("split %s among operators: %w", parts[i], err)
		}
		for n, name := range names {
			shares[name] += fen[n]
		}
	}
	return shares, sure, nil
}

// operators lists whose tracks a shortest way uses, from its first station on, and
// how many metres of them. only says that there is no other way of this length.
func (n *railNet) operators(from, to int) (names []string, metres []int64, only bool) {
	only = true
	var steps []track
	d := n.metres[from]
	for at := to; at != from; {
		var step track
		ways := 0
		for _, t := range n.around[at] {
			if d[t.to]+t.metres == d[at] {
				step, ways = t, ways+1
			}
		}
		only = only && ways == 1
		steps = append(steps, step)
		at = step.to
	}
	slices.Reverse(steps)
	for _, t := range steps {
		i := slices.Index(names, t.operator)
		if i < 0 {
			i = len(names)
			names, metres = append(names, t.operator), append(metres, 0)
		}
		metres[i] += int64(t.metres)
	}
	return names, metres, only
}
