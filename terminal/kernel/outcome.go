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
	Committed     Commit = 1 // the last record answered 9000 and the signature is good: the card has paid
	CommitUnknown Commit = 2 // the last record was asked for, and no 9000 came back or none that is known to be the card's
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
	// TSI is tag 9B, transaction status information (EMV Book 3 annex C6): byte 1 b8
	// says that offline data authentication was done, well or badly.
	TSI [2]byte
	// CADChecked says that the signature covers 9F69 of the last record (fDDA
	// version 01): proof that the card has paid.
	CADChecked bool
	// CVM is what the cardholder has to do, where Result is Approved or OnlineRequired:
	// as the card asks, else as the terminal demands.
	CVM CVM
	// MSD says that this was magnetic stripe data: the issuer gets track 2 like that
	// of a stripe, and its service code says whether a PIN is needed. Data.ATC and
	// Data.AC are zero where the card put counter and check value into track 2.
	MSD bool
	// Data belongs to the Machine and is valid until its next Reset.
	Data *Data
}

// CVM is a method of cardholder verification. Numbers are for ever.
type CVM uint8

// The methods of qPBOC (9F6C, JR/T 0025.12).
const (
	NoCVM     CVM = 0
	OnlinePIN CVM = 1 // the PIN goes to the issuer with the cryptogram
	Signature CVM = 2 // on the receipt
)

var cvmNames = [...]string{"none", "online PIN", "signature"}

// String is the method in words.
func (c CVM) String() string {
	if int(c) >= len(cvmNames) {
		return "invalid"
	}
	return cvmNames[c]
}

// Results is tag 9F34, CVM results (EMV Book 4 annex A4): method, condition, result. An
// online PIN and a signature have the result "unknown"; the condition is that of the
// card's qualifiers, so none of a CVM list (00).
func (c CVM) Results() [3]byte {
	switch c {
	case OnlinePIN:
		return [3]byte{0x02, 0x00, 0x00}
	case Signature:
		return [3]byte{0x1E, 0x00, 0x00}
	}
	return [3]byte{0x3F, 0x00, 0x00}
}

// tsi1ODA is the bit of the TSI that this kernel sets (EMV Book 3 annex C6).
const tsi1ODA = 0x80

// Bits of the TVR that this kernel sets (EMV Book 3 annex C5).
const (
	tvr1NoODA          = 0x80
	tvr1DataMissing    = 0x20
	tvr1ExceptionFile  = 0x10
	tvr1DDAFailed      = 0x08
	tvr2Version        = 0x80
	tvr2Expired        = 0x40
	tvr2NotYetValid    = 0x20
	tvr2ServiceRefused = 0x10
	tvr4FloorLimit     = 0x80
	tvr4MerchantOnline = 0x08
)
