package emv

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// Outcome is the end of a transaction.
type Outcome struct {
	// Result is kernel.Approved, Declined, OtherInterface, Torn or Failed.
	Result kernel.Result
	// Commit is what is certain about electronic cash: Committed when the TC of an
	// electronic cash purchase was received, CommitUnknown when its answer was lost.
	// NotCommitted for debit/credit, where the card holds no money.
	Commit kernel.Commit
	// Reason is the doubt reason that a row of this transaction carries, NoDoubt if it
	// was approved or leaves no row.
	Reason txn.DoubtReason
	Fault  kernel.Fault
	// Online says that the issuer has answered.
	Online bool
	// Cash says that the card took this as an electronic cash purchase.
	Cash bool
	// Identified says that the account number is known.
	Identified bool
	// Reversal says that the issuer has approved and the transaction has not come
	// about at the terminal: what the issuer did must be undone.
	Reversal Reversal
	// Signature says that the cardholder has to sign the receipt.
	Signature bool
	// Scripts are the results of the issuer's scripts, in order.
	Scripts []ScriptResult
	// Data belongs to the Machine and is valid until its next Reset.
	Data *Data
}

// Commit is what is certain about electronic cash on the card at this moment: also
// while the Outcome has not come yet, because an answer or the card's removal is waited
// for.
func (m *Machine) Commit() kernel.Commit {
	if m.state == stGenerate && m.gen.pays {
		return kernel.CommitUnknown
	}
	return m.out.Commit
}

// Reversal says why a reversal must be sent. Numbers are for ever.
type Reversal uint8

// The reasons.
const (
	NoReversal      Reversal = 0
	CardRefusedLate Reversal = 1 // the issuer approved and the card declined
	CardGone        Reversal = 2 // the issuer approved and the card left before its second cryptogram
	AnswerLost      Reversal = 3 // the issuer was asked and no answer came
	BadCompletion   Reversal = 4 // the issuer approved and the card's second answer cannot be worked with
	ScriptUnknown   Reversal = 5 // a load whose script the card may or may not have carried out: ask, do not just undo
)

// ScriptResult is one byte string of tag DF31: how far a script came (EMV Book 4, annex A5).
type ScriptResult struct {
	Template byte    // 71 before, 72 after the second GENERATE AC
	ID       [4]byte // 9F18, zero if absent
	// Outcome: 0 not performed, 1 failed at command Number, 2 all commands successful.
	Outcome byte
	Number  byte // of the failed command, from 1; 15 for 15 and more
}
