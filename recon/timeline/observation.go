package timeline

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
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
)

var kindNames = [...]string{Opening: "opening", Paid: "paid", Zero: "zero", Doubt: "doubt", Declined: "declined", Online: "online", Load: "load"}

// Valid reports whether k is one of the kinds above.
func (k ObsKind) Valid() bool { return k >= Opening && k <= Load }

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
// has been verified. Nothing else may be added to a Card: what does not verify is
// forged and never an observation.
type Observation struct {
	ATC     uint16
	Kind    ObsKind
	Debit   money.Fen // the debit the card offered; for a Load the amount loaded
	B       money.Fen // value before this counter
	Commit  Certainty // Paid, Doubt and Load only
	Service bool      // the gate opened or the passage was seen although the row is a doubt row
	Refused bool      // Paid only: valid card data that was not cleared (denied, late, presented twice)
	Content uint64    // the cryptogram 9F26, big-endian: equal for the same transaction only

	Time     int64 // unix seconds by the clock of the terminal or host
	Terminal txn.TerminalID
	Sequence uint32
}

// Errors of FromRow and FromHost.
var (
	ErrKind    = errors.New("this kind of row has no timeline yet")
	ErrBalance = errors.New("9F10 states no electronic cash balance (issuer discretionary data 01)")
	ErrValue   = errors.New("value outside the range of the card")
)

// Limits of what an observation can hold: n10 on the card, 32 bits in a row.
const (
	maxBalance = money.Fen(9_999_999_999)
	maxDebit   = money.Fen(1<<32 - 1)
	maxTime    = 1<<32 - 1
)

// FromRow makes the observation of an offline row whose cryptogram and balance
// MAC have been verified; iad is its 9F10. The row must be of an electronic cash
// card with discretionary data 01, else the error is ErrKind or ErrBalance.
//
// For a TC the card states the balance after the debit, else the present one
// (JR/T 0025.12). Refused says that the row was not cleared: it still proves
// what the card did, and asks nobody for money.
func FromRow(r *txn.Row, iad cryptogram.IAD, refused bool) (Observation, error) {
	value, err := balance(iad)
	if err != nil {
		return Observation{}, fmt.Errorf("observe ATC %04X: %w", r.ATC, err)
	}
	o := Observation{
		ATC: r.ATC, B: value, Refused: refused, Content: binary.BigEndian.Uint64(r.AC[:]),
		Time: r.Time, Terminal: r.Terminal, Sequence: r.Sequence,
	}
	if r.Kind == txn.Hold || r.Kind == txn.Completion || !r.Kind.Valid() {
		return Observation{}, fmt.Errorf("observe ATC %04X, %s: %w", r.ATC, r.Kind, ErrKind)
	}
	switch result := iad.Result(); {
	case result == cryptogram.TC:
		o.offer(r)
	case r.Kind.Paid() || r.Kind == txn.Entry:
		return Observation{}, fmt.Errorf("observe ATC %04X: %s row with %s where a TC is needed: %w", r.ATC, r.Kind, result, ErrKind)
	case result == cryptogram.ARQC:
		o.Kind, o.Refused = Online, false
	case result == cryptogram.AAC:
		o.Kind, o.Refused = Declined, false
	default:
		return Observation{}, fmt.Errorf("observe ATC %04X: reserved cryptogram type in the CVR: %w", r.ATC, ErrKind)
	}
	return o, o.Validate()
}

// offer fills what a TC offered: the debit and the value before it.
func (o *Observation) offer(r *txn.Row) {
	o.B += r.Amount
	o.Debit = r.Amount
	switch {
	case r.Amount == 0:
		o.Kind, o.Refused = Zero, false
	case r.Kind.Paid():
		o.Kind, o.Commit = Paid, committed(r.Flags)
	default: // doubt and declined rows: the card offered a debit and the terminal did not take it
		o.Kind, o.Refused = Doubt, false
		o.Commit = committed(r.Flags)
		o.Service = r.Flags.Has(txn.ServiceGiven)
		if r.Flags.Reason() == txn.LeftBeforeLast && o.Commit == Open {
			o.Commit = No
		}
	}
}

// committed is section 1: an SDAD over a 9F69 that only the last record holds, the
// answer to that record, or the card's own transaction proof. A TC alone is none.
func committed(f txn.Flags) Certainty {
	if f.Has(txn.LastRecordRead) || f.Has(txn.ODAVerified|txn.Tag9F69Checked) || f&(txn.ClosedByProve|txn.ClosedByRetap) != 0 {
		return Yes
	}
	return Open
}

// HostMessage is an ARQC from the issuer's host log whose cryptogram and balance
// MAC have been verified. Load is the amount that the script of the answer set,
// 0 if the answer carried none.
type HostMessage struct {
	ATC      uint16
	ARQC     [8]byte
	IAD      cryptogram.IAD
	Load     money.Fen
	Time     int64
	Terminal txn.TerminalID
	Sequence uint32
}

// FromHost makes the observation of an ARQC. The outcome of a load stays open: a
// script result (DF31) is under no MAC, so only the next balance decides it.
func FromHost(m HostMessage) (Observation, error) {
	value, err := balance(m.IAD)
	if err != nil {
		return Observation{}, fmt.Errorf("observe online ATC %04X: %w", m.ATC, err)
	}
	if got := m.IAD.Result(); got != cryptogram.ARQC {
		return Observation{}, fmt.Errorf("observe online ATC %04X: cryptogram is a %s, want an ARQC: %w", m.ATC, got, ErrKind)
	}
	o := Observation{
		ATC: m.ATC, Kind: Online, B: value, Content: binary.BigEndian.Uint64(m.ARQC[:]),
		Time: m.Time, Terminal: m.Terminal, Sequence: m.Sequence,
	}
	if m.Load != 0 {
		o.Kind, o.Debit = Load, m.Load
	}
	return o, o.Validate()
}

func balance(iad cryptogram.IAD) (money.Fen, error) {
	if iad.IDD != cryptogram.IDDBalance {
		return 0, fmt.Errorf("discretionary data %02X: %w", iad.IDD, ErrBalance)
	}
	value, ok := iad.Balance()
	if !ok {
		return 0, ErrBalance
	}
	return value, nil
}

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
	return nil
}
