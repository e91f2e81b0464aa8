package authorise

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Keys is what an issuer's masters of one algorithm do for a card. The masters stay
// behind it: a keystore or a hardware module implements it, Masters does in memory.
type Keys interface {
	// Check judges an application cryptogram and the balance MAC in 9F10, see
	// cryptogram.Verifier.Check.
	Check(card txn.CardKey, t *cryptogram.TerminalInput, c *cryptogram.CardInput, iad []byte, ac [8]byte) cryptogram.Verdict
	// ARPC is the issuer's answer to a cryptogram (JR/T 0025.7, method 1).
	ARPC(card txn.CardKey, atc uint16, arqc [8]byte, arc [2]byte) [8]byte
	// ScriptMAC ends a script command (JR/T 0025.5): header is CLA INS P1 P2, ac the
	// first cryptogram of the transaction.
	ScriptMAC(card txn.CardKey, header [4]byte, atc uint16, ac [8]byte, data []byte) ([4]byte, error)
	// ChangePIN is the enciphered block of PIN CHANGE; current is nil where the card
	// does not want the present PIN (P2 = 02).
	ChangePIN(card txn.CardKey, atc uint16, to pin.PIN, current *pin.PIN) ([16]byte, error)
	// DCVN is the dynamic check value of magnetic stripe data over the air.
	DCVN(card txn.CardKey, t pin.Track, atc uint16) (pin.Code, error)
	// CVN is the check value of a magnetic stripe, by the service code on it.
	CVN(card txn.CardKey, t pin.Track) (pin.Code, error)
}

// KeyFinder gives the keys of the issuer of a card, found by the first six digits,
// for one algorithm; nil if there are none.
type KeyFinder func(bin string, alg cryptogram.Alg) Keys

// Cards is where the issuer keeps its cards, their accounts and what it has decided.
// An error means that the issuer cannot answer now.
type Cards interface {
	// Card gives what is known of a card; false if the issuer has no such card.
	Card(card txn.CardKey) (Card, bool, error)
	// ByNumber names the cards of an account number; none if the issuer has no such
	// number. A request from a stripe does not say which of them asks: the Authoriser
	// takes the one whose check value fits, and refuses if that is not exactly one. A
	// check value has three digits and each card named makes a guess likelier, so name
	// only cards in use.
	ByNumber(number txn.PAN) ([]txn.CardKey, error)
	// Decision gives the stored decision of a number.
	Decision(card txn.CardKey, n Number) (Decision, bool, error)
	// Store keeps what one request or reversal changes, all or nothing: the decision,
	// and the card as Card.Apply changes it.
	Store(card txn.CardKey, c *Change) error
}

// Change is what one request changes.
type Change struct {
	// Decision takes the place of the stored one with its Number.
	Decision Decision
	// Move is added to the account: negative for a debit.
	Move money.Fen
	// High is the new high-water mark of the card's counter; 0 leaves it as it is.
	High uint16
	// Done is how many of Card.Orders, from the first, leave: the card has shown what
	// became of them.
	Done int
	// Sending is the orders in the answer, from the first that stays.
	Sending Sending
	// Seen is what the card has proved about itself with the request, which may be a later
	// one than Decision is about; nil for a reversal of a request that was decided before,
	// for a stripe, and where the cryptogram does not tell which balance 9F10 states. It
	// may come twice for one request.
	Seen *Seen
}

// Seen is a genuine question of a card to its issuer (ARQC): with the balance under its
// MAC it is an observation for reconciliation.
type Seen struct {
	ATC      uint16  // 9F36
	AC       [8]byte // 9F26
	IAD      cryptogram.IAD
	Time     int64 // of the terminal, unix seconds
	Terminal txn.TerminalID
	Sequence uint32
}

// Card is what the issuer knows of one card before a request.
type Card struct {
	Status Status
	// Expiry is YYMM, BCD; zero if only the card itself knows it.
	Expiry [2]byte
	// Available is what the account can spend.
	Available money.Fen
	// Limit is the electronic cash balance limit on the card (9F77); 0 if unknown.
	Limit money.Fen
	// High is the highest counter (9F36) seen in a genuine request; 0 for none.
	High uint16
	// HasChip says that its stripe counts as a fall back only.
	HasChip bool
	// Orders wait for the next answer that can carry scripts, in this order, and stay
	// until the card shows that it has them: one may come twice.
	Orders []Order
	// Sending says which of them are on their way.
	Sending Sending
	// LastCash is the newest load or unload that was approved, as it stands now; nil
	// for none.
	LastCash *Decision
	// Deposit says that the card may go below zero up to its DF62 (JR/T 0025.14): a
	// load of it pays what it owes first.
	Deposit bool
}

// Apply makes the changes of one request to the card, as Cards.Store must keep them
// beside the decision itself. The error is that of a Change that is not for this card.
func (k *Card) Apply(c *Change) error {
	if c.Done < 0 || c.Sending.Orders < 0 || c.Done+c.Sending.Orders > len(k.Orders) {
		return fmt.Errorf("%d orders done and %d sent, %d wait", c.Done, c.Sending.Orders, len(k.Orders))
	}
	k.Available += c.Move
	k.High = max(k.High, c.High)
	k.Orders = k.Orders[c.Done:]
	if c.Done > 0 || c.Sending.Orders > 0 {
		k.Sending = c.Sending
	}
	d := c.Decision
	last := k.LastCash
	if d.ChangesCash() && (last != nil && last.Number == d.Number || d.State == Agreed && (last == nil || d.Number.ATC > last.Number.ATC)) {
		k.LastCash = &d // a notice that comes late makes an older one Agreed again, but not the newest
	}
	return nil
}

// Status of a card. Numbers are for ever.
type Status uint8

// The states.
const (
	Active     Status = 1
	Restricted Status = 2 // refused with code 62
	Lost       Status = 3 // refused with code 41
	Stolen     Status = 4 // refused with code 43
)

// PINs checks an online PIN. It counts wrong tries itself.
type PINs interface {
	// Check opens an enciphered block and compares; the error means that the block
	// cannot be opened now.
	Check(card txn.CardKey, block [8]byte) (PINVerdict, error)
}

// PINVerdict is the answer of PINs. The zero value is none, so that a forgotten
// check never counts as right.
type PINVerdict uint8

// The verdicts.
const (
	PINRight   PINVerdict = 1
	PINWrong   PINVerdict = 2
	PINBlocked PINVerdict = 3 // no try is left
)
