package sim

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// stationRecords is the operator's back end that all gates ask: open entries and
// what each card has paid in the month. It knows cards by their number; the UID
// leads to the number of a card that was seen with it.
type stationRecords struct {
	city  *City
	cards []recordOfCard
}

type recordOfCard struct {
	entryTime     uint32
	entryTerminal uint32
	entryATC      uint16
	open          bool
	month         [2]byte
	sum           int32
}

// recordsView is the back end as one place reaches it: the line is down for a
// quarter of an hour now and then.
type recordsView struct {
	*stationRecords
	place *place
	now   int64
}

func (c *City) records(p *place) gate.Records {
	if c.shared == nil {
		c.shared = &stationRecords{city: c, cards: make([]recordOfCard, c.riders.Len())}
		for i := range c.shared.cards {
			c.shared.cards[i].sum = int32(c.openingMonth(uint32(i)))
			c.shared.cards[i].month = txn.MonthBCD(c.midnight)
		}
	}
	if p.view == nil { // one for all gates of a place: it has the time
		p.view = &recordsView{stationRecords: c.shared, place: p}
	}
	return p.view
}

// unreachable: one quarter of an hour in 150 at a place.
func (v *recordsView) unreachable() bool {
	return v.city.oneIn(150, forUnreachable, uint64(v.place.index), uint64(v.now/900))
}

// OpenEntry implements gate.Records.
func (v *recordsView) OpenEntry(uid gate.UID) (gate.EntryRecord, error) {
	if v.unreachable() {
		return gate.EntryRecord{}, gate.ErrUnreachable
	}
	rider, known := v.city.riderOfUID(uid)
	if !known {
		return gate.EntryRecord{}, gate.ErrNoRecord
	}
	return v.entry(rider, uid)
}

// OpenEntryOf implements gate.Records.
func (v *recordsView) OpenEntryOf(card txn.CardKey) (gate.EntryRecord, error) {
	if v.unreachable() {
		return gate.EntryRecord{}, gate.ErrUnreachable
	}
	rider, known := v.city.riderOf(card)
	if !known {
		return gate.EntryRecord{}, gate.ErrNoRecord
	}
	return v.entry(rider, gate.UID{})
}

func (v *recordsView) entry(rider uint32, uid gate.UID) (gate.EntryRecord, error) {
	r := &v.cards[rider]
	if !r.open {
		return gate.EntryRecord{}, gate.ErrNoRecord
	}
	t := v.city.terminals[r.entryTerminal]
	return gate.EntryRecord{Card: v.city.cardOf(rider), UID: uid, Station: t.place.station, Terminal: t.id, Time: int64(r.entryTime), ATC: r.entryATC}, nil
}

// PutEntry implements gate.Records. Writing never fails: a gate that cannot
// reach the back end sends again, and the back end takes it in order.
func (v *recordsView) PutEntry(e gate.EntryRecord) error {
	if rider, known := v.city.riderOf(e.Card); known {
		v.carried(rider)
		r := &v.cards[rider]
		r.open, r.entryTerminal, r.entryTime, r.entryATC = true, uint32(e.Terminal), uint32(e.Time), e.ATC
	}
	return nil
}

// MonthSum implements gate.Records.
func (v *recordsView) MonthSum(card txn.CardKey, month [2]byte) (money.Fen, error) {
	if v.unreachable() {
		return 0, gate.ErrUnreachable
	}
	rider, known := v.city.riderOf(card)
	if !known || v.cards[rider].month != month {
		return 0, gate.ErrNoRecord
	}
	return money.Fen(v.cards[rider].sum), nil
}

// carried counts what nobody should write: a record of a card that carries its own.
func (v *recordsView) carried(rider uint32) {
	if v.city.carries(rider) {
		v.place.truth.counts.Records++
	}
}

// CloseJourney implements gate.Records.
func (v *recordsView) CloseJourney(c gate.Closing) error {
	rider, known := v.city.riderOf(c.Card)
	if !known {
		return nil
	}
	v.carried(rider)
	r := &v.cards[rider]
	r.open = false
	if r.month != c.Month {
		r.month, r.sum = c.Month, 0
	}
	r.sum += int32(c.Counted)
	return nil
}
