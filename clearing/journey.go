package clearing

import (
	"fmt"
	"maps"
	"slices"

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
// gives the entry station, or 0 if the row is no exit or its entry is unknown, and
// what is to wait for its price if it was charged blind. An exit that a terminal
// without a station claims has no journey: it is not split.
func (c *Clearer) journey(s *CardState, it *Item, terminal Terminal) (fare.StationID, *openFare) {
	r := &it.Row
	if r.Kind != txn.Exit && r.Kind != txn.Completion || terminal.Station == 0 {
		return 0, nil
	}
	blind := r.Flags&(txn.EntryUnread|txn.MonthUnread) != 0
	entryTerminal, entryTime := r.EntryTerminal, r.EntryTime
	if e, found := s.takeEntry(r.ATC); r.Flags.Has(txn.EntryUnread) && found {
		entryTerminal, entryTime = e.terminal, e.time
	}
	var open *openFare
	if blind {
		open = &openFare{atc: r.ATC, terminal: r.Terminal, time: r.Time, paid: r.Amount, ref: it.Ref, before: s.before(r.Month, r.ATC, r.MonthSum),
			month: r.Month, entry: entryMark{terminal: entryTerminal, time: entryTime}}
	}
	var from fare.StationID
	if e, known := c.Register.Terminal(entryTerminal); known && entryTerminal != 0 {
		from = e.Station
	}
	if !blind && r.ATC > s.sumATC {
		quote, err := c.price(from, terminal.Station, entryTime, r.Time, r.MonthSum)
		if err == nil {
			s.month, s.sum, s.sumATC = r.Month, s.before(r.Month, r.ATC, r.MonthSum)+quote.Counted, r.ATC
		}
	}
	return from, open
}

// wait remembers a blind fare until its price is known. The one that has waited
// longest gives way, and is reported.
func (s *CardState) wait(card txn.CardKey, o *openFare) []Abandoned {
	var gone []Abandoned
	if len(s.open) == maxOpen {
		old := &s.open[0]
		gone = append(gone, Abandoned{Card: card, ATC: old.atc, Ref: old.ref, Terminal: old.terminal, Paid: old.paid})
		s.open = slices.Delete(s.open, 0, 1)
	}
	s.open = append(s.open, *o)
	return gone
}

// before is the month's sum before the journey of a counter. The gates' records,
// from which told comes, never learn of a journey whose entry they could not read;
// clearing's own sum has it once it is priced. Neither has what the other lacks for
// sure, so the larger counts.
func (s *CardState) before(month [2]byte, atc uint16, told money.Fen) money.Fen {
	if s.month == month && s.sumATC < atc {
		return max(told, s.sum)
	}
	return told
}

func (c *Clearer) price(from, to fare.StationID, entered, left int64, before money.Fen) (fare.Quote, error) {
	return c.Fares.Price(fare.Trip{Entry: from, Exit: to, EnterAt: entered, ExitAt: left, Medium: fare.MunicipalCard,
		MonthPaid: before, Workday: c.Workdays.Workday(entered)})
}

// settleOpen prices the journeys that were charged blind and whose entry is now
// known, and drops them: those with a counter below next, so that each is in the
// month's sum of the journeys after it.
func (c *Clearer) settleOpen(res *Result, s *CardState, card txn.CardKey, next int) error {
	kept := s.open[:0]
	for _, o := range s.open {
		if int(o.atc) >= next {
			kept = append(kept, o)
			continue
		}
		entry, found := o.entry, o.entry.terminal != 0
		uncounted := !found // by the gate, which knew no entry to count a price from
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
		before := s.before(o.month, o.atc, o.before)
		quote, err := c.price(from.Station, to.Station, entry.time, o.time, before)
		if err != nil {
			continue // the clocks of the two gates leave no trip to price: the highest fare stands
		}
		switch {
		case o.atc > s.sumATC:
			s.month, s.sum, s.sumATC = o.month, before+quote.Counted, o.atc
		case uncounted && o.month == s.month:
			s.sum += quote.Counted
		}
		if b := c.rebate(&o, from, to, quote.Pay); len(b.Debits) > 0 {
			b.Card = card
			res.Rebates = append(res.Rebates, b)
		}
	}
	s.open = kept
	return nil
}

// rebate brings what the operators got for a blind fare to their shares of its
// price. A fare below the price stands: nobody is charged afterwards.
func (c *Clearer) rebate(o *openFare, from, to Terminal, price money.Fen) Rebate {
	price = min(max(price, o.merchant), o.paid)
	return Rebate{ATC: o.atc, Ref: o.ref, Acquirer: to.Acquirer, Operator: to.Operator, Paid: o.paid, Price: price,
		Debits: less(o.shares, c.split(from.Station, to, price-o.merchant))}
}

// less is what each operator got too much: got less due, by operator number,
// those that got what they are due left out.
func less(got, due []fare.Share) []fare.Share {
	sum := map[fare.OperatorID]money.Fen{}
	for _, s := range got {
		sum[s.Operator] += s.Fen
	}
	for _, s := range due {
		sum[s.Operator] -= s.Fen
	}
	var out []fare.Share
	for _, op := range slices.Sorted(maps.Keys(sum)) {
		if sum[op] != 0 {
			out = append(out, fare.Share{Operator: op, Fen: sum[op]})
		}
	}
	return out
}
