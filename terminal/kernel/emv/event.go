package emv

import (
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/txn"
)

// EventKind is what happened to the terminal.
type EventKind uint8

// The events. Numbers are for ever.
const (
	Start           EventKind = 1  // a card is in the slot or the field, and reset
	Answer          EventKind = 2  // the card answered Event.Data, status word included
	CardLeft        EventKind = 3  // no answer came: the card is gone
	CardRemoved     EventKind = 4  // the card was taken away after RemoveCard
	Chosen          EventKind = 5  // the cardholder chose application Event.Choice of Ready.Choose
	Cancelled       EventKind = 6  // the cardholder or the merchant gave up
	PINEntered      EventKind = 7  // the cardholder entered Event.PIN
	PINBypassed     EventKind = 8  // the cardholder did not enter a PIN
	PINPadFailed    EventKind = 9  // the PIN pad does not work
	HostAnswered    EventKind = 10 // the issuer answered Event.Host
	HostUnreachable EventKind = 11 // no answer of the issuer came in time
)

// Event is one step's input.
type Event struct {
	Kind   EventKind
	Data   []byte            // of Answer; the machine copies it
	Choice int               // of Chosen: index into Choice.Names
	PIN    pin.PIN           // of PINEntered
	Host   *txn.OnlineAnswer // of HostAnswered; the machine does not keep it
}

// Answered is the event that carries a card's answer.
func Answered(b []byte) Event { return Event{Kind: Answer, Data: b} }

// Ready says what the owner of the machine has to do next: exactly one of these is set.
type Ready struct {
	Send       []byte      // command APDU; belongs to the machine until the next Step
	Choose     *Choice     // let the cardholder choose: Chosen or Cancelled
	PIN        *PINRequest // ask for the PIN: PINEntered, PINBypassed, PINPadFailed or Cancelled
	Online     *Online     // ask the issuer: HostAnswered or HostUnreachable
	RemoveCard bool        // the conversation is over: let the card be taken away, then CardRemoved
	Outcome    *Outcome    // after it only Reset is possible
}

// Choice is the list of applications that card and terminal have in common, in the
// card's order of priority.
type Choice struct {
	Names []string // preferred names (9F12) or labels (50), as the terminal may show them
	// Confirm says that the card wants even a single application confirmed (87 b8).
	Confirm bool
}

// PINRequest asks for the cardholder's PIN.
type PINRequest struct {
	Online bool // the PIN goes to the issuer; else the card checks it
	Tries  int  // tries that are left, -1 if the card does not say
	Again  bool // the PIN before was wrong
}

// Online is what the issuer is to be asked.
type Online struct {
	// ICC is field 55: the data objects that describe the transaction, as TLV (JR/T
	// 0025.5; GB/T 15150 field 55). It belongs to the machine until the next Step.
	ICC []byte
	// PIN is the PIN for the issuer, the zero value without online PIN.
	PIN pin.PIN
	// Track2 is tag 57 without padding; it belongs to the machine until the next Step.
	Track2 []byte
	// Referral says that the card asks for a voice referral rather than a decision.
	Referral bool
}
