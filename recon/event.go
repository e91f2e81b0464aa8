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
// A row of a purse is one too. The error wraps ErrForged, timeline.ErrKind,
// timeline.ErrBalance, timeline.ErrValue or cryptogram.ErrIAD; timeline.ErrSilent is
// no fault, such a row is left out.
func FromRow(r *txn.Row, v txn.Verdict) (Event, error) {
	switch v {
	case txn.BadCryptogram, txn.BadBalanceMAC, txn.BadCardData:
		return Event{}, fmt.Errorf("reconcile row of terminal %d, sequence %d (%s): %w", r.Terminal, r.Sequence, v, ErrForged)
	}
	if r.Scheme == txn.Purse {
		o, err := timeline.FromPurse(r, v.Refused())
		if err != nil {
			return Event{}, fmt.Errorf("reconcile row of terminal %d, sequence %d: %w", r.Terminal, r.Sequence, err)
		}
		return Event{Card: r.Card, Obs: o}, nil
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

// FromPush makes the event of an entry of the issuer's push log (timeline.FromPush). A
// card that ever gets one is a quota card: it needs all its pushes, the first one
// included, or its values rise without a reason.
func FromPush(card txn.CardKey, m timeline.PushMessage) (Event, error) {
	o, err := timeline.FromPush(m)
	if err != nil {
		return Event{}, fmt.Errorf("reconcile push %d of card %s: %w", m.Number, card, err)
	}
	return Event{Card: card, Obs: o}, nil
}
