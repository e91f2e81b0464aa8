package pos

import (
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/txn"
)

// Kind is what the merchant or the cardholder wants. Numbers are for ever.
type Kind uint8

// The kinds.
const (
	Purchase Kind = 1
	Balance  Kind = 2 // read the electronic cash balance; nothing is paid, no counter is used
	Inquiry  Kind = 3 // ask the issuer for the account's balance
	Load     Kind = 4 // electronic cash from the linked account (9C = 60)
	Unload   Kind = 5 // electronic cash back to the account
)

// Interface is how the card is read. Numbers are for ever.
type Interface uint8

// The interfaces.
const (
	Contactless Interface = 1
	Contact     Interface = 2
	Stripe      Interface = 3
)

// Sale is one job for the till.
type Sale struct {
	Kind      Kind
	Interface Interface
	Amount    money.Fen
	Time      int64  // unix seconds
	Sequence  uint32 // number that the terminal's next row or online message takes
	// Random is 16 fresh random bytes: unpredictable numbers and random selection.
	Random [16]byte
	// ForceOnline is the merchant's wish: the issuer decides.
	ForceOnline bool
	// Track2 is what the magnetic stripe reader read: characters from ; to ?, or the
	// form of tag 57. For Interface Stripe, like the two that follow.
	Track2 []byte
	// Chip is what happened when the chip was tried before; Mute counts how often it
	// gave no answer to reset.
	Chip stripe.ChipTry
	Mute int
}

// Action says what the owner of the till has to do next: exactly one is set. What it
// points to belongs to the till until the next Step.
type Action struct {
	Send   []byte          // command APDU for the card: emv.Answer, or emv.CardLeft if none comes
	Choose *emv.Choice     // let the cardholder choose: emv.Chosen or emv.Cancelled
	PIN    *emv.PINRequest // ask for the PIN: emv.PINEntered, PINBypassed, PINPadFailed or Cancelled
	Online *Online         // ask the issuer: emv.HostAnswered or emv.HostUnreachable
	Again  *TornSale       // let the card be held to the reader again: emv.Start, or emv.Cancelled to give up
	Remove bool            // let the card be taken away: emv.CardRemoved
	Done   *Result         // the sale is over
}

// TornSale is a sale whose card left after it was asked for the record with which it
// pays: nobody knows whether it has paid. The same card, held to the reader again,
// repeats that record, and its signature decides.
type TornSale struct {
	Card   txn.CardKey
	ATC    uint16
	Amount money.Fen
	// Until is when the till gives up, unix seconds: its owner has the clock, and
	// sends emv.Cancelled then.
	Until int64
	// Other says that the card that was just held to the reader is another one, or does
	// not tell what is needed to know it. Let it be taken away before the next Start.
	Other bool
	// Record is the doubt row that the sale leaves if the card does not come back.
	Record row.Record
}

// Online is a question to the issuer.
type Online struct {
	Request txn.OnlineRequest
	// PIN for the issuer, the zero value without one: the owner of the till makes the
	// enciphered block of Request, as only he has the key.
	PIN pin.PIN
}

// Outcome is how a sale ended, in the words of the command line. Numbers are for ever.
type Outcome uint8

// The outcomes.
const (
	OfflineApproved Outcome = 1
	OnlineApproved  Outcome = 2
	Declined        Outcome = 3
	OtherInterface  Outcome = 4
	CardLost        Outcome = 5 // the card left, and it has certainly paid nothing
	Doubt           Outcome = 6 // the card left or misbehaved where it may have paid, or used a counter
	Error           Outcome = 7 // what card or host said makes no transaction
)

var outcomeNames = [...]string{"", "offline_approved", "online_approved", "declined", "other_interface", "card_lost", "doubt", "error"}

// Approved says that the sale came about.
func (o Outcome) Approved() bool { return o == OfflineApproved || o == OnlineApproved }

// String is the outcome as it is printed.
func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return ""
	}
	return outcomeNames[o]
}
