package purse

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// Outcome is the end of a purchase. Result and Commit mean what they mean for a bank
// card: Approved, Declined, Stopped, Torn or Failed, and what is certain.
type Outcome struct {
	Result kernel.Result
	Commit kernel.Commit
	// Reason is the doubt reason of its row. NoDoubt where Result is Approved, and where
	// no row is needed, since nothing is known of a card or no number of it was used.
	Reason txn.DoubtReason
	Fault  Fault
	// Identified says that the card has told who it is: Data.Card is filled.
	Identified bool
	Data       *Data // belongs to the Machine until the next Begin
}

// Verdict is what a card that came back says of a torn purchase. Numbers are for ever.
type Verdict uint8

// The verdicts. Only Paid rests on a key; the card's word is enough for NotPaid, see the
// package.
const (
	Unclear Verdict = 0 // not all was answered, or what was answered contradicts itself
	Paid    Verdict = 1 // the TAC, or MAC2 of the purchase that is still open, is genuine
	NotPaid Verdict = 2 // the number was not used, or by another purchase
	// Unverified: the card gives TAC and MAC2, and the module has no key to check them.
	// The issuer can; a gate does not open for them, since any card can answer eight bytes.
	Unverified Verdict = 3
	OtherCard  Verdict = 4 // another card
)

var verdictNames = [...]string{"unclear", "paid", "not paid", "not verified", "another card"}

// String is the verdict in words.
func (v Verdict) String() string {
	if int(v) >= len(verdictNames) {
		return "invalid"
	}
	return verdictNames[v]
}

// Probe is the end of Prove.
type Probe struct {
	Verdict Verdict
	Left    bool // the card left before all was asked
	Fault   Fault
	// Data is the torn purchase, with TAC and MAC2 where the card gave them for it;
	// it belongs to the Machine until the next Begin or Prove.
	Data *Data
}
