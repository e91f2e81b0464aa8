package kernel

import (
	"github.com/citycard/citycard/txn"
)

// Result is how a transaction ended. Numbers are for ever.
type Result uint8

// The results.
const (
	Approved       Result = 1 // genuine, paid offline
	Declined       Result = 2 // refused, by the card or by a rule; Fault says which
	OnlineRequired Result = 3 // the card wants the issuer to decide
	OtherInterface Result = 4 // use the contact slot or another way to pay
	Stopped        Result = 5 // the host stopped at Identified
	Torn           Result = 6 // the card left the field
	Failed         Result = 7 // what the card answered makes no transaction
)

var resultNames = [...]string{"none", "approved", "declined", "online required", "other interface", "stopped", "torn", "failed"}

// String is the result in words.
func (r Result) String() string {
	if int(r) >= len(resultNames) {
		return "invalid"
	}
	return resultNames[r]
}

// Commit is what is certain about the card's payment. Numbers are for ever.
type Commit uint8

// The three states of knowledge.
const (
	NotCommitted  Commit = 0 // the last record was not asked for: the card cannot have paid
	Committed     Commit = 1 // the last record answered 9000: the card has paid
	CommitUnknown Commit = 2 // the last record was asked for and no 9000 came back, or one from a card that is not genuine
)

var commitNames = [...]string{"not committed", "committed", "commit unknown"}

// String is the state in words.
func (c Commit) String() string {
	if int(c) >= len(commitNames) {
		return "invalid"
	}
	return commitNames[c]
}

// Outcome is the end of a transaction.
type Outcome struct {
	Result Result
	Commit Commit
	// Reason is the doubt reason that a row of this tap carries; NoDoubt when
	// Result is Approved, or when the card is not Identified and leaves no row.
	Reason txn.DoubtReason
	Fault  Fault
	// TVR is what the terminal found (tag 95, EMV Book 3 annex C5). The row
	// carries Data.Sent.TVR instead, the one that the cryptogram covers.
	TVR [5]byte
	// Identified says that the answer to GET PROCESSING OPTIONS was complete, so
	// that Data is filled.
	Identified bool
	// CADChecked says that the signature covers 9F69 of the last record (fDDA
	// version 01): proof that the card has paid.
	CADChecked bool
	// Data belongs to the Machine and is valid until its next Reset.
	Data *Data
}

// Bits of the TVR that this kernel sets (EMV Book 3 annex C5).
const (
	tvr1DataMissing    = 0x20
	tvr1ExceptionFile  = 0x10
	tvr1DDAFailed      = 0x08
	tvr2Version        = 0x80
	tvr2Expired        = 0x40
	tvr2NotYetValid    = 0x20
	tvr2ServiceRefused = 0x10
	tvr4FloorLimit     = 0x80
)
