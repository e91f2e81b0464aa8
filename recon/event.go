package recon

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Event is one observation of one card, on its way into the card's timeline.
type Event struct {
	Card txn.CardKey
	Obs  timeline.Observation
}

// ErrForged says that a row proves nothing about its card: its cryptogram or balance
// MAC is wrong, or its card data cannot be read. It never becomes an observation.
var ErrForged = errors.New("row does not verify and is no observation")

// FromRow makes the event of a row that clearing has judged. Refused rows with valid
// card data are observations too: denied, late, presented twice, or of a second card.
// The error wraps ErrForged, timeline.ErrKind, timeline.ErrBalance or
// cryptogram.ErrIAD.
func FromRow(r *txn.Row, v txn.Verdict) (Event, error) {
	switch v {
	case txn.BadCryptogram, txn.BadBalanceMAC, txn.BadCardData:
		return Event{}, fmt.Errorf("reconcile row of terminal %d, sequence %d (%s): %w", r.Terminal, r.Sequence, v, ErrForged)
	}
	iad, err := cryptogram.ParseIAD(r.IssuerData())
	if err != nil {
		return Event{}, fmt.Errorf("reconcile row of terminal %d, sequence %d: %w", r.Terminal, r.Sequence, err)
	}
	o, err := timeline.FromRow(r, iad, v.Refused())
	if err != nil {
		return Event{}, fmt.Errorf("reconcile row of terminal %d, sequence %d: %w", r.Terminal, r.Sequence, err)
	}
	return Event{Card: r.Card, Obs: o}, nil
}
