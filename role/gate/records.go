package gate

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// Records are station records in memory, for cards that cannot carry their journeys.
// They are part of State. For one goroutine.
type Records struct {
	entries map[txn.CardKey]gate.EntryRecord
	months  map[monthOf]money.Fen
}

type monthOf struct {
	card  txn.CardKey
	month [2]byte
}

// NewRecords makes empty ones.
func NewRecords() *Records {
	return &Records{entries: map[txn.CardKey]gate.EntryRecord{}, months: map[monthOf]money.Fen{}}
}

// OpenEntry finds an entry by the UID of its tap; a random or missing one finds nothing.
func (r *Records) OpenEntry(uid gate.UID) (gate.EntryRecord, error) {
	for _, e := range r.entries {
		if e.UID == uid && uid != (gate.UID{}) && !uid.Random() {
			return e, nil
		}
	}
	return gate.EntryRecord{}, gate.ErrNoRecord
}

// OpenEntryOf finds the entry of a card.
func (r *Records) OpenEntryOf(card txn.CardKey) (gate.EntryRecord, error) {
	e, ok := r.entries[card]
	if !ok {
		return e, gate.ErrNoRecord
	}
	return e, nil
}

// PutEntry opens an entry, in place of an older one of the card.
func (r *Records) PutEntry(e gate.EntryRecord) error {
	r.entries[e.Card] = e
	return nil
}

// MonthSum is what counted for a card in a month.
func (r *Records) MonthSum(card txn.CardKey, month [2]byte) (money.Fen, error) {
	sum, ok := r.months[monthOf{card, month}]
	if !ok {
		return 0, gate.ErrNoRecord
	}
	return sum, nil
}

// CloseJourney ends the card's entry and adds to its month.
func (r *Records) CloseJourney(c gate.Closing) error {
	delete(r.entries, c.Card)
	r.months[monthOf{c.Card, c.Month}] += c.Counted
	return nil
}
