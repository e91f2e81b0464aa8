package timeline

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Values of DF60 in a doubt or declined row (JR/T 0025.14): what the tap was for.
const (
	tradeHold     = 2
	tradeComplete = 3
)

// FromRow makes the observation of an offline row whose cryptogram and balance
// MAC have been verified; iad is its 9F10. The row must be of an electronic cash
// card with discretionary data 01, else the error is ErrKind or ErrBalance; rows of
// a purse go to FromPurse.
//
// For a TC the card states the balance after the debit, else the present one
// (JR/T 0025.12). Refused says that the row was not cleared: it still proves
// what the card did, and asks nobody for money.
//
// A hold has no 9F26: amount and amount held are the terminal's word, the balance is
// under its MAC. DF63, where it was read, is what the card answered after the last
// record.
func FromRow(r *txn.Row, iad cryptogram.IAD, refused bool) (Observation, error) {
	if r.Scheme != txn.Finance {
		return Observation{}, fmt.Errorf("observe ATC %04X: a %s row has no 9F10: %w", r.ATC, r.Scheme, ErrKind)
	}
	value, err := balance(iad)
	if err != nil {
		return Observation{}, fmt.Errorf("observe ATC %04X: %w", r.ATC, err)
	}
	o := Observation{
		ATC: r.ATC, B: value, Refused: refused, Content: binary.BigEndian.Uint64(r.AC[:]),
		Time: r.Time, Terminal: r.Terminal, Sequence: r.Sequence,
	}
	if !r.Kind.Valid() {
		return Observation{}, fmt.Errorf("observe ATC %04X, %s: %w", r.ATC, r.Kind, ErrKind)
	}
	switch result := iad.Result(); {
	case result == cryptogram.TC && holds(r):
		o.hold(r, iad)
	case result == cryptogram.TC:
		o.offer(r)
	case r.Kind.Paid() || r.Kind == txn.Entry || r.Kind == txn.Hold:
		return Observation{}, fmt.Errorf("observe ATC %04X: %s row with %s where a TC is needed: %w", r.ATC, r.Kind, result, ErrKind)
	case result == cryptogram.ARQC:
		o.Kind, o.Refused = Online, false
	case result == cryptogram.AAC:
		o.Kind, o.Refused = Declined, false
	default:
		return Observation{}, fmt.Errorf("observe ATC %04X: reserved cryptogram type in the CVR: %w", r.ATC, ErrKind)
	}
	if r.DF63 != txn.DF63Unread && value == 0 { // a balance above 0 means that no deposit is used
		o.Used, o.UsedRead = money.Fen(r.DF63), true
	}
	return o, o.Validate()
}

// unfinished reports whether a row's Kind no longer tells what the tap was for.
func unfinished(k txn.Kind) bool { return k == txn.Doubt || k == txn.Declined }

func holds(r *txn.Row) bool {
	return r.Kind == txn.Hold || unfinished(r.Kind) && r.DF60 == tradeHold
}

func completes(r *txn.Row) bool {
	return r.Kind == txn.Completion || unfinished(r.Kind) && r.DF60 == tradeComplete
}

// hold fills what a pre-authorisation kept. Its 9F26 stays on the card, so the
// balance MAC, which covers counter and balance, stands for it. The gate that stayed
// shut owes the customer nothing for it: the amount is on the card until the
// completion, or until the issuer releases it.
func (o *Observation) hold(r *txn.Row, iad cryptogram.IAD) {
	o.Kind, o.Held, o.Refused = Hold, r.Amount, false
	o.Content = uint64(binary.BigEndian.Uint32(iad.MAC[:]))
	o.Commit = committed(r.Flags)
	if r.Flags.Reason() == txn.LeftBeforeLast && o.Commit == Open {
		o.Commit = No
	}
}

// offer fills what a TC offered: the debit and the value before it.
func (o *Observation) offer(r *txn.Row) {
	o.B += r.Amount
	o.Debit = r.Amount
	if completes(r) {
		o.Completes, o.Held, o.HoldATC = true, r.Held, r.EntryATC
	}
	switch {
	case r.Amount == 0:
		o.Kind, o.Refused = Zero, false
		if o.Completes {
			o.Commit = committed(r.Flags)
		}
	case r.Kind.Paid():
		o.Kind, o.Commit = Paid, committed(r.Flags)
		return
	default: // doubt and declined rows: the card offered a debit and the terminal did not take it
		o.Kind, o.Refused = Doubt, false
		o.Commit = committed(r.Flags)
		o.Service = r.Flags.Has(txn.ServiceGiven)
	}
	if unfinished(r.Kind) && (o.Kind == Doubt || o.Completes) && r.Flags.Reason() == txn.LeftBeforeLast && o.Commit == Open {
		o.Commit = No
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

// FromPurse makes the observation of a purse row (JT/T 978) whose TAC and MAC2, where
// it has them, have been verified. TAC and MAC2 are made when the card has paid, and
// MAC2 proves the counter; the balance is the terminal's word. A row without them is
// in doubt: it used its counter only if the card paid, so that a later trade with the
// same counter disproves it. The error is ErrSilent for a row without a counter, else
// ErrKind or ErrValue.
func FromPurse(r *txn.Row, refused bool) (Observation, error) {
	trade, ok := r.Purse()
	if !ok {
		return Observation{}, fmt.Errorf("observe ATC %04X: a %s row is not of a purse: %w", r.ATC, r.Scheme, ErrKind)
	}
	if trade.Sequence == 0 {
		return Observation{}, fmt.Errorf("observe purse row of terminal %d, sequence %d: %w", r.Terminal, r.Sequence, ErrSilent)
	}
	o := Observation{
		ATC: trade.Sequence, B: trade.Before, Debit: r.Amount, Refused: refused, Purse: true,
		Content: uint64(trade.TerminalSequence)<<32 | uint64(binary.BigEndian.Uint32(trade.Terminal[2:])),
		Time:    r.Time, Terminal: r.Terminal, Sequence: r.Sequence,
	}
	proven := trade.TAC != [4]byte{} || trade.MAC2 != [4]byte{}
	switch {
	case !proven && !unfinished(r.Kind):
		return Observation{}, fmt.Errorf("observe purse number %04X: %s row without TAC and MAC2: %w", o.ATC, r.Kind, ErrKind)
	case !proven && (r.Amount == 0 || r.Kind == txn.Declined):
		o.Kind, o.Debit, o.Refused = Declined, 0, false
		if r.Kind == txn.Declined || r.Flags.Reason() == txn.LeftBeforeLast {
			o.Commit = No
		}
	case unfinished(r.Kind) && r.Amount > 0:
		o.Kind, o.Refused = Doubt, false
		o.Service = r.Flags.Has(txn.ServiceGiven)
		if proven {
			o.Commit = Yes
		} else if o.Commit = committed(r.Flags); o.Commit == Open && r.Flags.Reason() == txn.LeftBeforeLast {
			o.Commit = No
		}
	case r.Amount == 0:
		o.Kind, o.Refused = Zero, false
	default:
		o.Kind, o.Commit = Paid, Yes
	}
	return o, o.Validate()
}

// PurseLoad is one load of a purse from the card company's log. MAC1, which covers the
// balance before it, has been verified, and TAC if it was executed.
type PurseLoad struct {
	Online   uint16    // number of the load: the online counter after it
	Offline  uint16    // the last number of the purchases before it, as the card's log says: no MAC
	Before   money.Fen // balance before it
	Amount   money.Fen
	Executed bool // TAC, or GET TRANSACTION PROVE; else it did not run
	Time     int64
	Terminal txn.TerminalID
	Sequence uint32
}

// FromPurseLoad makes the observation of a load: a value that no terminal has made up.
// Whether it was executed must be known; a card company that does not know asks the
// card by GET TRANSACTION PROVE before the next load.
func FromPurseLoad(l PurseLoad) (Observation, error) {
	o := Observation{ATC: l.Offline, Kind: Online, B: l.Before, Content: uint64(l.Online), Purse: true, Commit: Yes,
		Time: l.Time, Terminal: l.Terminal, Sequence: l.Sequence}
	if l.Executed {
		o.Kind, o.Debit = Load, l.Amount
	}
	return o, o.Validate()
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

// PushMessage is one entry of the issuer's push log: a Push PUT DATA of 9F79. Those of
// other tags are not for the timeline.
type PushMessage struct {
	Number uint16    // Push ATC
	Value  money.Fen // what 9F79 became
	// After is a counter that the push certainly came after; Read, if Placed, is 9F36
	// as the card answered in the push session, under no MAC.
	After, Read uint16
	Placed      bool
	Executed    Certainty // 9000, or 6982 to the same bytes: Yes; refused for good: No
	Time        int64
}

// FromPush makes the observation of a push. It uses no counter and cuts the timeline:
// what the card had before says nothing about what it has afterwards. A card with one
// is a quota card, and nothing is ever refunded to it.
func FromPush(m PushMessage) (Observation, error) {
	o := Observation{ATC: m.After, Kind: Push, B: m.Value, Commit: m.Executed, Content: uint64(m.Number), Placed: m.Placed, Time: m.Time}
	if m.Placed {
		o.ATC = m.Read
	}
	return o, o.Validate()
}
