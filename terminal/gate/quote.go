package gate

import (
	"errors"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// quote is the price of a tap with all that a row says about it.
type quote struct {
	amount, full, counted money.Fen
	rule                  uint16
	flags                 txn.Flags // EntryUnread, MonthUnread
	entry                 EntryRecord
	monthSum              money.Fen
	month                 [2]byte

	// Of a card that carries its own journeys; kind is 0 for others.
	kind       txn.Kind
	df63       uint32
	held       money.Fen
	concession byte
	file       byte
	record     uint16
}

// carried says that the price comes from the card's own record.
func (q *quote) carried() bool { return q.kind != 0 }

// known says that the price belongs to the card of entry.
func (q *quote) known() bool { return q.flags&txn.EntryUnread == 0 }

// byHint prices the tap before anything is known but the UID.
func (g *Gate) byHint() quote {
	switch g.cfg.Mode {
	case Bus:
		return g.busQuote
	case Exit:
		if !g.field.UID.fixed() {
			return g.highest()
		}
		return g.forEntry(g.records.OpenEntry(g.field.UID))
	}
	return quote{rule: g.pricer.Version()}
}

// forEntry prices the way from an entry record; without a usable one it is the
// highest fare.
func (g *Gate) forEntry(entry EntryRecord, err error) quote {
	if err != nil {
		return g.highest()
	}
	q := quote{entry: entry, month: txn.MonthBCD(g.now)}
	q.monthSum, err = g.records.MonthSum(entry.Card, q.month)
	if err != nil {
		q.monthSum = 0
		if !errors.Is(err, ErrNoRecord) {
			q.flags |= txn.MonthUnread
		}
	}
	trip := fare.Trip{
		Entry: entry.Station, Exit: g.cfg.Station, EnterAt: entry.Time, ExitAt: g.now,
		Medium: g.cfg.Medium, MonthPaid: q.monthSum, Workday: g.cfg.Workday != nil && g.cfg.Workday(entry.Time),
	}
	price, err := g.pricer.Price(trip)
	if err != nil {
		return g.highest() // a record that makes no trip is no record
	}
	q.amount, q.full, q.counted, q.rule = price.Pay, price.Full, price.Counted, price.Rule
	return q
}

// highest is the fare of a rider whose entry cannot be read.
func (g *Gate) highest() quote {
	most := g.pricer.HighestFrom(g.cfg.Station)
	return quote{amount: most, full: most, rule: g.pricer.Version(), flags: txn.EntryUnread | txn.MonthUnread, month: txn.MonthBCD(g.now)}
}
