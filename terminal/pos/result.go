package pos

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// ODA is how offline data authentication went. Numbers are for ever.
type ODA uint8

// The results.
const (
	NoODA      ODA = 0 // not done: no method in common, or the flow has none
	SDAOK      ODA = 1
	SDAFailed  ODA = 2
	DDAOK      ODA = 3
	DDAFailed  ODA = 4
	CDAOK      ODA = 5
	CDAFailed  ODA = 6
	FDDAOK     ODA = 7
	FDDAFailed ODA = 8
)

var odaNames = [...]string{"none", "sda_ok", "sda_failed", "dda_ok", "dda_failed", "cda_ok", "cda_failed", "fdda_ok", "fdda_failed"}

// String is the result as it is printed.
func (o ODA) String() string {
	if int(o) >= len(odaNames) {
		return ""
	}
	return odaNames[o]
}

// OK says that a method was run and the card passed it.
func (o ODA) OK() bool { return o == SDAOK || o == DDAOK || o == CDAOK || o == FDDAOK }

// Result is the end of a sale. Store Records, in this order, and Reversal, in one
// write; then show Display and print the receipt. It belongs to the till until the
// next Begin; copy what is kept.
type Result struct {
	Outcome Outcome
	Display Display
	// Fault is the reason why it was not approved.
	Fault kernel.Fault
	// Commit is what is certain about electronic cash on the card.
	Commit kernel.Commit
	// Records are rows without sequence numbers: each takes the next of the terminal.
	Records []row.Record

	// Identified says that the account number is known; then Card and Expiry are
	// filled, and ATC if a chip was asked.
	Identified bool
	Card       txn.CardKey
	Expiry     [2]byte // YYMM, BCD
	AID        []byte  // DF name (84) of the application, nil if none was selected
	ATC        uint16  // 9F36
	// Cryptogram is 9F26, the last one that the card gave; CID says which kind it is
	// (9F27: 40 TC, 80 ARQC, 00 AAC). HasCryptogram says that there is one.
	Cryptogram    [8]byte
	CID           byte
	HasCryptogram bool

	ODA        ODA
	TVR        [5]byte // 95
	TSI        [2]byte // 9B
	CVMResults [3]byte // 9F34, zero if the flow has no list of methods
	// Signature says that the cardholder has to sign the receipt.
	Signature bool
	OnlinePIN bool // the PIN went to the issuer
	Cash      bool // paid, or to be paid, from electronic cash on the card
	MSD       bool // magnetic stripe data over the air

	Amount money.Fen // paid, loaded or unloaded; 0 if nothing came about
	// Balance is the electronic cash on the card after the sale, as the card says
	// itself; -1 if unknown. SecondBalance is that in the second currency (DF79) and
	// SpendingLimit the available offline amount (9F5D), both of Kind Balance only.
	Balance       money.Fen
	SecondBalance money.Fen
	SpendingLimit money.Fen
	// Before is the electronic cash before the issuer's script, as the card signed it in
	// 9F10 of the question to the issuer; -1 if it did not.
	Before money.Fen
	// Available is the balance of the account as the issuer says; -1 if unknown.
	Available money.Fen
	AuthCode  string  // of the issuer (field 38)
	HostCode  [2]byte // of the issuer (field 39), zero if it was not asked or did not answer
	Scripts   []emv.ScriptResult
	// Reversal, where set, must reach the issuer: what it has approved did not come about.
	Reversal *Reversal
}

// Reversal asks the issuer to undo what it has done for a request.
type Reversal struct {
	Request txn.OnlineRequest
	Reason  emv.Reversal
	// ICC is field 55 as it stands after the sale: issuer script results (DF31) and TVR
	// among it, empty for a stripe.
	ICC []byte
}
