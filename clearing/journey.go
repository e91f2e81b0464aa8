package clearing

import (
	"fmt"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// noteEntry remembers an entry until an exit uses it; the oldest gives way.
func (s *CardState) noteEntry(r *txn.Row) {
	i := 0
	for i < len(s.entries) && s.entries[i].atc < r.ATC {
		i++
	}
	s.entries = append(s.entries, entryMark{})
	copy(s.entries[i+1:], s.entries[i:])
	s.entries[i] = entryMark{r.ATC, r.Terminal, r.Time}
	if len(s.entries) > maxEntries {
		s.entries = s.entries[1:]
	}
}

// takeEntry finds the entry of the journey that ends with counter atc: the
// latest one before it. Older ones are journeys without an exit and are dropped.
// An entry with a priced exit between it and atc has arrived late: its journey is
// over.
func (s *CardState) takeEntry(atc uint16) (entryMark, bool) {
	for i := len(s.entries) - 1; i >= 0; i-- {
		if e := s.entries[i]; e.atc < atc {
			if e.atc < s.sumATC && s.sumATC < atc {
				break
			}
			s.entries = s.entries[i+1:]
			return e, true
		}
	}
	return entryMark{}, false
}

// journey finds where a cleared exit came from and keeps the month's sum. It
// gives the entry station, or 0 if the row is no exit or its entry is unknown.
func (c *Clearer) journey(s *CardState, it *Item, terminal Terminal) fare.StationID {
	r := &it.Row
	if r.Kind != txn.Exit {
		return 0
	}
	blind := r.Flags&(txn.EntryUnread|txn.MonthUnread) != 0
	entryTerminal, entryTime := r.EntryTerminal, r.EntryTime
	if e, found := s.takeEntry(r.ATC); r.Flags.Has(txn.EntryUnread) && found {
		entryTerminal, entryTime = e.terminal, e.time
	}
	if blind && len(s.open) < maxOpen {
		open := openFare{atc: r.ATC, terminal: r.Terminal, time: r.Time, paid: r.Amount, ref: it.Ref, before: r.MonthSum, month: r.Month,
			entry: entryMark{terminal: entryTerminal, time: entryTime}}
		if r.Flags.Has(txn.MonthUnread) && s.month == r.Month && s.sumATC < r.ATC {
			open.before = s.sum
		}
		s.open = append(s.open, open)
	}
	var from fare.StationID
	if e, known := c.Register.Terminal(entryTerminal); known && entryTerminal != 0 {
		from = e.Station
	}
	if !blind && r.ATC > s.sumATC {
		quote, err := c.price(from, terminal.Station, entryTime, r.Time, r.MonthSum)
		if err == nil {
			s.month, s.sum, s.sumATC = r.Month, r.MonthSum+quote.Counted, r.ATC
		}
	}
	return from
}

func (c *Clearer) price(from, to fare.StationID, entered, left int64, before money.Fen) (fare.Quote, error) {
	return c.Fares.Price(fare.Trip{Entry: from, Exit: to, EnterAt: entered, ExitAt: left, Medium: fare.MunicipalCard,
		MonthPaid: before, Workday: c.Workdays.Workday(entered)})
}

// settleOpen prices the journeys that were charged blind and whose entry is now
// known, and drops them.
func (c *Clearer) settleOpen(res *Result, s *CardState, card txn.CardKey) error {
	kept := s.open[:0]
	for _, o := range s.open {
		entry, found := o.entry, o.entry.terminal != 0
		if !found {
			entry, found = s.takeEntry(o.atc)
		}
		if !found {
			kept = append(kept, o)
			continue
		}
		to, known := c.Register.Terminal(o.terminal)
		if !known {
			return fmt.Errorf("rebate for counter %d: terminal %d is not in the register", o.atc, o.terminal)
		}
		from, known := c.Register.Terminal(entry.terminal)
		if !known {
			continue // a row may name any terminal as its entry: no trip to price
		}
		quote, err := c.price(from.Station, to.Station, entry.time, o.time, o.before)
		if err != nil {
			continue // the clocks of the two gates leave no trip to price: the highest fare stands
		}
		if o.atc > s.sumATC {
			s.month, s.sum, s.sumATC = o.month, o.before+quote.Counted, o.atc
		}
		if quote.Pay < o.paid {
			res.Rebates = append(res.Rebates, Rebate{Card: card, ATC: o.atc, Ref: o.ref, Acquirer: to.Acquirer, Operator: to.Operator, Paid: o.paid, Price: quote.Pay})
		}
	}
	s.open = kept
	return nil
}
