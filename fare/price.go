package fare

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
)

// Trip is one ride from gate to gate.
type Trip struct {
	Entry, Exit     StationID
	EnterAt, ExitAt int64 // unix seconds; the city's clock is UTC+8
	Medium          Medium
	// MonthPaid is what counted in the calendar month before this trip: the sum of
	// Quote.Counted of its trips. Only media with a monthly discount need it.
	MonthPaid money.Fen
	// Workday says whether the day of entry is one (Calendar.IsWorkday).
	Workday bool
}

// Part is the piece of a trip inside one fare network.
type Part struct {
	Network NetworkID
	Metres  int
	Fen     money.Fen // full price of this part
}

// Discounts are the rates that were applied, in permille; 1000 is no discount.
type Discounts struct {
	Monthly uint16
	Early   uint16
	Card    uint16 // city bus paid by card
}

// Quote is the price of a trip.
type Quote struct {
	Full     money.Fen // before discounts, surcharge included
	Pay      money.Fen // what is deducted
	Overtime money.Fen // surcharge inside Full and Pay
	// Counted is what this trip adds to the month's sum: the discounted price in
	// the networks of the monthly discount, without the surcharge.
	Counted   money.Fen
	Rule      uint16 // Book.Version
	Parts     []Part // in the order ridden
	Discounts Discounts
}

// Price prices a trip. Errors are ErrStation and ErrTrip.
//
// Full is the sum of the parts and the surcharge. Each part is discounted by
// itself, monthly rate times early-bird rate in one step, rounded half up to the
// fen; the surcharge is never discounted. Leaving where one entered costs the
// lowest fare of the station.
func (b *Book) Price(t Trip) (Quote, error) {
	if err := b.checkTrip(&t); err != nil {
		return Quote{}, err
	}
	way := b.route(t.Entry, t.Exit)
	q := Quote{Rule: b.version, Discounts: Discounts{1000, 1000, 1000}, Parts: make([]Part, way.count)}
	monthly, early := b.monthly.rate(t.MonthPaid), b.early.applies(&t)
	for i := range q.Parts {
		h := &way.hops[i]
		q.Parts[i] = Part{Network: h.net, Metres: h.metres, Fen: h.fare}
		rate, counts := int64(1000), b.monthly.scope.holds(t.Medium, h.net)
		if counts {
			rate = monthly
			q.Discounts.Monthly = uint16(monthly)
		}
		rate *= 1000
		if early && b.early.scope.holds(t.Medium, h.net) {
			rate = rate / 1000 * b.early.permille
			q.Discounts.Early = uint16(b.early.permille)
		}
		pay := money.Rate(h.fare, rate)
		q.Full += h.fare
		q.Pay += pay
		if counts {
			q.Counted += pay
		}
	}
	if t.ExitAt-t.EnterAt > b.limit.seconds && slices.ContainsFunc(q.Parts, func(p Part) bool { return b.limit.networks&(1<<p.Network) != 0 }) {
		q.Overtime = b.limit.surcharge
		q.Full += q.Overtime
		q.Pay += q.Overtime
	}
	return q, nil
}

func (b *Book) checkTrip(t *Trip) error {
	if err := b.checkPair(t.Entry, t.Exit); err != nil {
		return err
	}
	switch {
	case t.EnterAt <= 0 || t.ExitAt < t.EnterAt:
		return fmt.Errorf("price trip: entry at %d, exit at %d: give both in order, or charge HighestFrom where the entry is not known: %w", t.EnterAt, t.ExitAt, ErrTrip)
	case !t.Medium.Valid():
		return fmt.Errorf("price trip: medium %d is unknown, give 1 to 4: %w", t.Medium, ErrTrip)
	case t.MonthPaid < 0:
		return fmt.Errorf("price trip: month sum %s is negative: %w", t.MonthPaid, ErrTrip)
	}
	return nil
}

func (b *Book) checkPair(entry, exit StationID) error {
	for _, s := range [2]StationID{entry, exit} {
		if !b.known(s) {
			return fmt.Errorf("look up station %d among %d: %w", s, len(b.stations)-1, ErrStation)
		}
	}
	return nil
}

// HighestFrom is the highest single fare between s and any other station, all
// networks included, without the surcharge for staying too long: what a gate
// charges that cannot read an entry record. No trip that is in time costs more, so
// what is charged too much can be given back once the entry is known, and nothing
// is left to be collected. Both directions of a trip cost the same. 0 for a station
// that is not in the book.
func (b *Book) HighestFrom(s StationID) money.Fen {
	if !b.known(s) {
		return 0
	}
	return b.highest[s]
}

// HoldFrom is an amount that covers any trip that starts at s: HighestFrom and the
// surcharge, what a pre-authorisation at the entry gate holds. 0 for a station that
// is not in the book.
func (b *Book) HoldFrom(s StationID) money.Fen {
	if !b.known(s) {
		return 0
	}
	return b.highest[s] + b.limit.surcharge
}

func (b *Book) findHighest() {
	b.highest = make([]money.Fen, len(b.stations))
	for s := StationID(1); b.known(s); s++ {
		for t := s; b.known(t); t++ {
			way := b.route(s, t)
			b.highest[s], b.highest[t] = max(b.highest[s], way.fare), max(b.highest[t], way.fare)
		}
	}
}

// maxBusM is longer than any city bus line, in metres.
const maxBusM = 1_000_000

// BusPrice is the price of a city bus ride: 10 km 2 yuan, then 1 yuan for each
// started 5 km, at half price by card (price notice of 2014). The error is ErrTrip
// for a distance below 0 or above 1000 km.
func (b *Book) BusPrice(metres int, card bool) (Quote, error) {
	if metres < 0 || metres > maxBusM {
		return Quote{}, fmt.Errorf("price bus ride of %d m: give 0 to %d: %w", metres, maxBusM, ErrTrip)
	}
	full := b.bus.tariff.fare(metres)
	q := Quote{Full: full, Pay: full, Rule: b.version, Discounts: Discounts{1000, 1000, 1000}, Parts: []Part{{BusNetwork, metres, full}}}
	if card {
		q.Pay = money.Rate(full, b.bus.card*1000)
		q.Discounts.Card = uint16(b.bus.card)
	}
	return q, nil
}
