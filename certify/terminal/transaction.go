package terminal

import (
	"context"

	"github.com/citycard/citycard/money"
)

// Kind is what the merchant or the cardholder wants.
type Kind string

// The kinds.
const (
	Purchase Kind = "purchase"
	Load     Kind = "load"
	Unload   Kind = "unload"
	Balance  Kind = "balance"
	// At a gate or in a bus: the terminal knows the amount itself.
	Entry Kind = "entry"
	Exit  Kind = "exit"
	Bus   Kind = "bus" // one tap a ride
	// Where a bus has two readers and the fare depends on the way.
	Board  Kind = "board"
	Alight Kind = "alight"
)

// Journey tells whether a kind is a tap at a gate or in a bus.
func (k Kind) Journey() bool {
	return k == Entry || k == Exit || k == Bus || k == Board || k == Alight
}

// Interface is how the card is read.
type Interface string

// The interfaces.
const (
	Contactless Interface = "contactless"
	Contact     Interface = "contact"
)

// PINEntry is what the person does when he is asked for the PIN.
type PINEntry byte

// What he may do.
const (
	PINRight  PINEntry = 0
	PINWrong  PINEntry = 1
	PINBypass PINEntry = 2 // he enters none
	PINBroken PINEntry = 3 // the PIN pad does not work
)

// Transaction is what is to be done at the terminal.
type Transaction struct {
	Case      string // identifier of the case
	Kind      Kind
	Amount    money.Fen // 0 for Unload, which takes everything off, for Balance and where the terminal knows it
	Interface Interface
	// Host says whether the terminal has a link to the issuer of this run.
	Host bool
	// PINs are the person's entries in their order; the right PIN behind the last.
	PINs []PINEntry
	// Choice is the application that he chooses, counted from 0 in the order shown.
	Choice int
	// Online is the merchant's wish to go online.
	Online bool
	// Again says that the card comes back after it was torn away.
	Again bool
	// OverAir says how a contactless card is read: "", "debit" for full debit/credit,
	// "stripe" for magnetic stripe data.
	OverAir string
}

// Reported is what a terminal says about the end of a transaction. What it does not say
// is empty.
type Reported struct {
	Outcome string // one of Outcomes
	TVR     []byte // 95, five bytes
	TSI     []byte // 9B, two bytes
	Balance money.Fen
	// HasBalance says that Balance was told.
	HasBalance bool
}

// Outcomes are the words for the end of a transaction.
var Outcomes = []string{"offline_approved", "online_approved", "declined", "other_interface", "card_lost", "doubt", "error"}

// The words.
const (
	offline  = "offline_approved"
	online   = "online_approved"
	declined = "declined"
	other    = "other_interface"
	lost     = "card_lost"
	doubt    = "doubt"
	failed   = "error"
)

// Terminal is the terminal under test.
type Terminal interface {
	// Run makes one transaction with the card and waits for its end. h answers for the
	// issuer. An error means that the terminal could not be driven, and ends the run; what
	// the terminal does wrong is no error.
	Run(ctx context.Context, c *Card, tx Transaction, h *Host) (Reported, error)
}
