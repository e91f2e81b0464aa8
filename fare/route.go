package fare

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
)

// hop is the part of a route inside one network.
type hop struct {
	net      NetworkID
	from, to StationID
	metres   int
	fare     money.Fen
}

// route is the way that is priced: a spoke, the hub and another spoke at most.
type route struct {
	hops   [3]hop
	count  int
	metres int
	fare   money.Fen
}

func (r *route) add(n *network, from, to StationID) {
	metres := n.metres(from, to)
	h := hop{net: n.id, from: from, to: to, metres: metres, fare: n.tariff.fare(metres)}
	r.hops[r.count] = h
	r.count++
	r.metres += h.metres
	r.fare += h.fare
}

func (r *route) better(than *route) bool {
	switch {
	case than.count == 0 || r.fare != than.fare:
		return than.count == 0 || r.fare < than.fare
	case r.metres != than.metres:
		return r.metres < than.metres
	}
	return r.count < than.count
}

// route finds the cheapest way between two known stations, of equally cheap ones
// the shortest, then the one with fewer networks, then the first in file order. It
// is worked out from the lower station number, so both directions agree.
func (b *Book) route(from, to StationID) route {
	if from > to {
		way := b.route(to, from)
		slices.Reverse(way.hops[:way.count])
		for i := range way.hops[:way.count] {
			h := &way.hops[i]
			h.from, h.to = h.to, h.from
		}
		return way
	}
	var best route
	rail := b.rail()
	for i := range rail {
		start := &rail[i]
		if !start.has(from) {
			continue
		}
		for j := range rail {
			if end := &rail[j]; end.has(to) {
				b.between(&best, start, end, from, to)
			}
		}
	}
	return best
}

// between offers all ways that begin in one network and end in another. A join
// that is itself an end of the trip is left out: another pair of networks covers it.
func (b *Book) between(best *route, start, end *network, from, to StationID) {
	if start == end {
		var way route
		way.add(start, from, to)
		best.take(&way)
		return
	}
	hub := &b.nets[HubNetwork]
	out, in := start.joins, end.joins
	if start == hub {
		out = []StationID{from}
	}
	if end == hub {
		in = []StationID{to}
	}
	for _, leave := range out {
		for _, enter := range in {
			if start != hub && leave == from || end != hub && enter == to {
				continue
			}
			var way route
			if start != hub {
				way.add(start, from, leave)
			}
			if leave != enter {
				way.add(hub, leave, enter)
			}
			if end != hub {
				way.add(end, enter, to)
			}
			best.take(&way)
		}
	}
}

func (r *route) take(other *route) {
	if other.better(r) {
		*r = *other
	}
}

// Distance is the metres that are priced between two stations, over all parts; -1
// if a station is not in the book.
func (b *Book) Distance(entry, exit StationID) int {
	if b.checkPair(entry, exit) != nil {
		return -1
	}
	return b.route(entry, exit).metres
}

// Leg is a stretch of a ride on one line.
type Leg struct {
	Line     LineID
	Operator OperatorID
	Network  NetworkID
	From, To StationID
	Metres   int
}

// Ride is the way that the price assumes, line by line. Its metres add up to
// Distance. It is the same in every run, and backwards it is the same way. Leaving
// where one entered is one leg of 0 m on the station's first line. The error is
// ErrStation.
func (b *Book) Ride(entry, exit StationID) ([]Leg, error) {
	if err := b.checkPair(entry, exit); err != nil {
		return nil, err
	}
	way := b.route(entry, exit)
	return b.appendLegs(nil, &way), nil
}

func (b *Book) appendLegs(legs []Leg, way *route) []Leg {
	for i := range way.hops[:way.count] {
		legs = b.appendHop(legs, &way.hops[i])
	}
	return legs
}

// appendHop follows the predecessors of the lower-numbered end, then turns the legs
// round where the trip goes the other way.
func (b *Book) appendHop(legs []Leg, h *hop) []Leg {
	n := &b.nets[h.net]
	if h.from == h.to {
		line := b.stations[h.from].Lines[0]
		for _, l := range b.stations[h.from].Lines {
			if b.lines[l].Network == h.net {
				line = l
				break
			}
		}
		return append(legs, Leg{Line: line, Operator: b.lines[line].Operator, Network: h.net, From: h.from, To: h.to})
	}
	low, high := min(h.from, h.to), max(h.from, h.to)
	first, size := len(legs), len(n.members)
	via := n.via[int(n.local[low])*size : (int(n.local[low])+1)*size]
	for at := int(n.local[high]); n.members[at] != low; {
		e := &n.edges[via[at]]
		next := e.a ^ e.b ^ at
		if last := len(legs) - 1; last >= first && legs[last].Line == e.line {
			legs[last].To = n.members[next]
			legs[last].Metres += e.metres
		} else {
			legs = append(legs, Leg{Line: e.line, Operator: b.lines[e.line].Operator, Network: h.net, From: n.members[at], To: n.members[next], Metres: e.metres})
		}
		at = next
	}
	if h.from == low {
		slices.Reverse(legs[first:])
		for i := range legs[first:] {
			l := &legs[first+i]
			l.From, l.To = l.To, l.From
		}
	}
	return legs
}

// The riding time that Minutes assumes: commercial speed in metres a minute (33
// km/h) and a change of lines whose walk is not in the transfer table.
const (
	metresPerMinute     = 550
	defaultChangeTenths = 40
)

// Minutes estimates the time between the gates' platforms, rounded up: 33 km/h
// including stops, and the walk of each change of lines (4 minutes where the table
// has none). Waiting for trains is not in it. -1 if a station is not in the book.
func (b *Book) Minutes(entry, exit StationID) int {
	if b.checkPair(entry, exit) != nil {
		return -1
	}
	way := b.route(entry, exit)
	var space [16]Leg
	legs := b.appendLegs(space[:0], &way)
	tenths := (way.metres*10 + metresPerMinute - 1) / metresPerMinute
	for i := range legs[1:] {
		walk, ok := b.walks[change{legs[i].To, legs[i].Line, legs[i+1].Line}]
		if !ok {
			walk = defaultChangeTenths
		}
		tenths += walk
	}
	return (tenths + 9) / 10
}

// Share is what one operator gets of a journey.
type Share struct {
	Operator OperatorID
	Metres   int
	Fen      money.Fen
}

// SplitByOperator divides an amount among the operators of the lines ridden, by
// operator number: first among the fare networks by the full price of each part,
// then inside a network by the metres ridden (money.Split, exact to the fen). Both
// directions give the same shares. The error is ErrStation, or that of money.Split.
func (b *Book) SplitByOperator(entry, exit StationID, amount money.Fen) ([]Share, error) {
	if err := b.checkPair(entry, exit); err != nil {
		return nil, err
	}
	way := b.route(min(entry, exit), max(entry, exit))
	prices := make([]int64, way.count)
	for i := range prices {
		prices[i] = int64(way.hops[i].fare)
	}
	parts, err := money.Split(amount, prices)
	if err != nil {
		return nil, fmt.Errorf("split %s among networks: %w", amount, err)
	}
	var shares []Share
	var space [16]Leg
	for i, part := range parts {
		legs := b.appendHop(space[:0], &way.hops[i])
		if shares, err = addShares(shares, legs, part); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(shares, func(x, y Share) int { return int(x.Operator) - int(y.Operator) })
	return shares, nil
}

// addShares splits one network's amount among the operators of its legs.
func addShares(shares []Share, legs []Leg, amount money.Fen) ([]Share, error) {
	var here []Share
	for _, l := range legs {
		here = merge(here, Share{Operator: l.Operator, Metres: l.Metres})
	}
	weights := make([]int64, len(here))
	for i, s := range here {
		weights[i] = int64(s.Metres)
	}
	if len(weights) == 1 {
		weights[0] = 1 // also where nobody moved
	}
	fen, err := money.Split(amount, weights)
	if err != nil {
		return nil, fmt.Errorf("split %s among operators: %w", amount, err)
	}
	for i, s := range here {
		s.Fen = fen[i]
		shares = merge(shares, s)
	}
	return shares, nil
}

func merge(shares []Share, s Share) []Share {
	for i := range shares {
		if shares[i].Operator == s.Operator {
			shares[i].Metres += s.Metres
			shares[i].Fen += s.Fen
			return shares
		}
	}
	return append(shares, s)
}
