package timeline

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// ObsKind says what an observation is about. Numbers are for ever.
type ObsKind uint8

// The kinds of observations.
const (
	Opening  ObsKind = 1 // the issuer's record of the value at personalisation
	Paid     ObsKind = 2 // a row that asks for money: purchase, exit, single deduction
	Zero     ObsKind = 3 // a TC over amount 0: entry, checkpoint, free ride
	Doubt    ObsKind = 4 // a TC with a debit whose end the terminal does not know, or refused afterwards
	Declined ObsKind = 5 // AAC: the card refused
	Online   ObsKind = 6 // ARQC: a question to the issuer, no load
	Load     ObsKind = 7 // ARQC whose answer carried a load script
	Hold     ObsKind = 8 // a pre-authorisation: value kept on the card until its completion
	Push     ObsKind = 9 // Push PUT DATA of a quota: sets the value, uses no counter
)

var kindNames = [...]string{Opening: "opening", Paid: "paid", Zero: "zero", Doubt: "doubt", Declined: "declined", Online: "online", Load: "load",
	Hold: "hold", Push: "push"}

// Valid reports whether k is one of the kinds above.
func (k ObsKind) Valid() bool { return k >= Opening && k <= Push }

// String is the kind in one English word.
func (k ObsKind) String() string {
	if !k.Valid() {
		return "invalid"
	}
	return kindNames[k]
}

// Certainty is the answer to "did the card commit?" as far as something other
// than the next balance says it.
type Certainty uint8

// The answers.
const (
	Open Certainty = 0 // nobody knows
	Yes  Certainty = 1
	No   Certainty = 2
)

// String is "open", "yes" or "no".
func (c Certainty) String() string {
	if c > No {
		return "invalid"
	}
	return [...]string{"open", "yes", "no"}[c]
}

// Observation is anything that gives a counter together with a balance whose MAC
// has been verified; of a purse row, cryptograms that prove counter and amount.
// Nothing else may be added to a Card: what does not verify is forged and never an
// observation.
//
// B and Debit are the card's word. Held and Used are the terminal's, and so is B of
// a purse row: what they say is believed only as far as the neighbours allow.
type Observation struct {
	ATC   uint16 // of a Push: the counter after which it was executed
	Kind  ObsKind
	Debit money.Fen // the debit the card offered; for a Load the amount loaded
	// B is the value before this counter: stated value plus Debit. A Hold took Held
	// from it as well, so that B+Held was there before; of an observation that
	// Completes it was B-Held. Of a Push it is the value set.
	B       money.Fen
	Commit  Certainty // of what offers something, or whether a Push was executed
	Service bool      // the gate opened or the passage was seen although the row is a doubt row
	Refused bool      // Paid only: valid card data that was not cleared (denied, late, presented twice)
	// Content is the cryptogram 9F26, big-endian: equal for the same transaction only.
	// Of a Hold it is made of the balance MAC, of a purse row of the PSAM's number and
	// transaction number, of a Push it is the Push ATC, of a purse's load its online number.
	Content uint64

	Held      money.Fen // Hold: the amount kept. Completes: the amount that was kept
	Completes bool      // Paid, Doubt, Zero: ends the hold at HoldATC and gives back Held
	HoldATC   uint16    // Completes: counter of the hold, 0 if the terminal did not know it
	Used      money.Fen // DF63 after this counter, where UsedRead
	UsedRead  bool
	// Purse: ATC is the offline number, and B the terminal's word, but for a Load (Online:
	// one that did not run), whose B is under MAC1 and which lies behind that number.
	Purse  bool
	Placed bool // Push: ATC is what the card answered to GET DATA 9F36; else only a lower bound

	Time     int64 // unix seconds by the clock of the terminal or host
	Terminal txn.TerminalID
	Sequence uint32
}

// Errors of FromRow and FromHost.
var (
	ErrKind    = errors.New("no observation can be of this kind")
	ErrBalance = errors.New("9F10 states no electronic cash balance (issuer discretionary data 01)")
	ErrValue   = errors.New("value outside the range of the card")
	// ErrSilent is no fault of the row: it names no counter, so it says nothing of the
	// card and is left out.
	ErrSilent = errors.New("row names no counter and says nothing of the card")
)

// Limits of what an observation can hold: n10 on the card, 32 bits in a row.
const (
	maxBalance = money.Fen(9_999_999_999)
	maxDebit   = money.Fen(1<<32 - 1)
	maxTime    = 1<<32 - 1
)

// Validate checks the rules that every observation obeys: a known kind, balance and
// debit within n10 and 32 bits, a debit that the balance covers, an amount where the
// kind has one and only there. The error names the field and wraps ErrKind or ErrValue.
func (o *Observation) Validate() error {
	switch {
	case !o.Kind.Valid():
		return fmt.Errorf("observation kind %d: %w", o.Kind, ErrKind)
	case o.Commit > No:
		return fmt.Errorf("commit %d of ATC %04X: %w", o.Commit, o.ATC, ErrValue)
	case o.B < 0 || o.B > maxBalance:
		return fmt.Errorf("balance %s of ATC %04X: %w", o.B, o.ATC, ErrValue)
	case o.Debit < 0 || o.Debit > maxDebit:
		return fmt.Errorf("amount %s of ATC %04X: %w", o.Debit, o.ATC, ErrValue)
	case o.Kind != Load && o.Debit > o.B:
		return fmt.Errorf("debit %s of ATC %04X is above the balance %s: %w", o.Debit, o.ATC, o.B, ErrValue)
	case o.Debit == 0 && (o.Kind == Load || o.Kind == Paid || o.Kind == Doubt):
		return fmt.Errorf("%s over 0 at ATC %04X (a TC over 0 is of kind zero, a load of 0 of kind online): %w", o.Kind, o.ATC, ErrValue)
	case o.Debit != 0 && o.Kind != Load && o.Kind != Paid && o.Kind != Doubt:
		return fmt.Errorf("%s with amount %s at ATC %04X: %w", o.Kind, o.Debit, o.ATC, ErrValue)
	case o.Time < 0 || o.Time > maxTime:
		return fmt.Errorf("time %d of ATC %04X: %w", o.Time, o.ATC, ErrValue)
	}
	return o.validateTransit()
}

// validateTransit checks the fields of holds, deposits, purses and quotas, which are
// zero in all other observations.
func (o *Observation) validateTransit() error {
	payment := o.Kind == Paid || o.Kind == Doubt || o.Kind == Zero
	switch {
	case o.Held < 0 || o.Held > maxDebit || o.Used < 0 || o.Used > maxDebit:
		return fmt.Errorf("held %s, deposit used %s at ATC %04X: %w", o.Held, o.Used, o.ATC, ErrValue)
	case o.Held != 0 && o.Kind != Hold && !o.Completes:
		return fmt.Errorf("%s holds %s at ATC %04X: %w", o.Kind, o.Held, o.ATC, ErrValue)
	case o.Completes && !payment:
		return fmt.Errorf("%s completes a hold at ATC %04X: %w", o.Kind, o.ATC, ErrKind)
	case o.HoldATC != 0 && (!o.Completes || o.HoldATC >= o.ATC):
		return fmt.Errorf("%s at ATC %04X completes the hold at %04X: %w", o.Kind, o.ATC, o.HoldATC, ErrValue)
	case o.Used != 0 && !o.UsedRead:
		return fmt.Errorf("deposit used %s at ATC %04X and not read: %w", o.Used, o.ATC, ErrValue)
	case o.UsedRead && (o.Purse || o.Kind == Push):
		return fmt.Errorf("%s with DF63 at ATC %04X: %w", o.Kind, o.ATC, ErrKind)
	case o.Purse && (o.Completes || !payment && o.Kind != Declined && o.Kind != Load && o.Kind != Online):
		return fmt.Errorf("%s of a purse at ATC %04X: %w", o.Kind, o.ATC, ErrKind)
	case o.Purse && !payment && o.Kind != Declined && (o.Content == 0 || o.Content > 0xFFFF):
		return fmt.Errorf("%s of a purse behind %04X with online number %d: %w", o.Kind, o.ATC, o.Content, ErrValue)
	case o.Kind == Push && (o.Content == 0 || o.Content > 0xFFFF) || o.Placed && o.Kind != Push:
		return fmt.Errorf("%s at ATC %04X with Push ATC %d: %w", o.Kind, o.ATC, o.Content, ErrValue)
	}
	return nil
}
