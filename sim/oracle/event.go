package oracle

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Event is a caused flash card: the chip paid and the terminal did not finish.
type Event struct {
	Card   txn.CardKey
	ATC    uint16
	Amount money.Fen
}

// Finding is what the evidence that arrived says about an event.
type Finding uint8

// The findings. Unreported is one way to be undecided.
const (
	Decidable  Finding = 1 // every history pays at this counter
	Undecided  Finding = 2 // some histories pay there, some do not
	Unreported Finding = 3 // Decide names no row of this counter and amount: it has not arrived, or it was presented as paid
)

// String is the finding in one English word.
func (f Finding) String() string {
	if f < Decidable || f > Unreported {
		return "invalid"
	}
	return [...]string{"decidable", "undecided", "unreported"}[f-1]
}

// ErrExcluded says that the evidence excludes what happened. Either a row lies, or
// Decide is wrong: the truth must always be among the histories.
var ErrExcluded = errors.New("the rows that arrived exclude what happened")

// Judge looks up an event in what Decide said about the rows of its card.
func Judge(e Event, open []Open) (Finding, error) {
	finding, excluded := Unreported, false
	for _, o := range open {
		switch {
		case o.ATC != e.ATC || o.Amount != e.Amount:
		case o.MustHavePaid:
			return Decidable, nil
		case o.CanHavePaid:
			finding = Undecided
		default:
			excluded = true
		}
	}
	if excluded && finding == Unreported {
		return Undecided, fmt.Errorf("flash card %s at counter %04X, %s yuan: %w", e.Card, e.ATC, e.Amount, ErrExcluded)
	}
	return finding, nil
}
