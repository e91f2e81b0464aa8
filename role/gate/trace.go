package gate

import (
	"time"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/inspect"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/journey"
)

// Trace is one tap from the first command to the result.
type Trace struct {
	Time  int64 // unix seconds, by the terminal's clock
	Steps []tap.Step
	// Result is how it ended, with slices of its own.
	Result gate.Result
	// Inspected is what an inspector has found, instead of Result; nil for a tap.
	Inspected *inspect.Report
	// Expired are the records of torn taps whose window had ended, Waiting the number of
	// those that wait at this place now.
	Expired []row.Record
	Waiting int
	// Before are the journey records that the card has shown, After those that it was
	// given: they are on the card if it has paid.
	Before, After []journey.Record
	// Trip is the line of the card's log that it was given; nil if none.
	Trip *journey.Trip
	// Used counts the card's commands and bytes; its Time stays zero.
	Used rf.Used
	// Field is the modelled time in the field, Measured what the exchanges with the card
	// took, Module those with the security module, Computed the terminal itself.
	Field, Measured, Module, Computed time.Duration
	// Broken is an error of the reader that is more than a card which left; nil if
	// there was none.
	Broken error
	// Mute is why the security module gave no answer; nil if it gave all.
	Mute error
}

// take copies what the gate lends.
func (t *Trace) take(r *gate.Result) {
	t.Result = *r
	t.Result.Records = append([]row.Record(nil), r.Records...)
	t.Result.Waiting = append([]row.Record(nil), r.Waiting...)
	if r.Entered != nil {
		e := *r.Entered
		t.Result.Entered = &e
	}
	if r.Closed != nil {
		c := *r.Closed
		t.Result.Closed = &c
	}
}

// found copies what the inspector lends.
func (t *Trace) found(r *inspect.Report) {
	own := *r
	own.Trips = append([]journey.Trip(nil), r.Trips...)
	for _, rec := range []**journey.Record{&own.Metro, &own.Bus} {
		if *rec != nil {
			copied := **rec
			*rec = &copied
		}
	}
	t.Inspected = &own
}

// Lengths of the records in messages.
const (
	macLen   = 4
	fileTrip = 0x1E
)

// journey notes the journey records in an exchange that went well. What is none is of no
// interest here: the gate has judged it.
func (t *Trace) journey(cmd, answer []byte) {
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil || sw != apdu.SWOK {
		return
	}
	switch c, err := apdu.ParseCommand(cmd); {
	case err != nil:
	case c.INS == insReadCAPP && len(data) == journey.Size+macLen:
		t.Before = add(t.Before, data[:journey.Size])
	case readsPurse(&c):
		t.Before = add(t.Before, data)
	case c.INS == insUpdateCAPP && len(c.Data) > macLen:
		t.wrote(c.P2>>3, c.Data[:len(c.Data)-macLen])
	case c.CLA == classPurse && c.INS == insUpdatePurse:
		t.wrote(c.P2>>3, c.Data)
	}
}

// readsPurse tells READ RECORD of a purse's journey record, by its identifier.
func readsPurse(c *apdu.Command) bool { return c.INS == insReadRecord && c.P2&7 == 0 }

// add decodes a record, of either form; what is none is left out.
func add(list []journey.Record, b []byte) []journey.Record {
	r, err := journey.Decode(b)
	if len(b) == journey.CompactSize {
		r, err = journey.DecodeCompact(b, journey.Serial{})
	}
	if err == nil {
		list = append(list, r)
	}
	return list
}

// wrote notes what the card was given for one of its files.
func (t *Trace) wrote(file byte, b []byte) {
	switch {
	case file == fileTrip && len(b) == journey.TripSize:
		if trip, err := journey.DecodeTrip(b); err == nil {
			t.Trip = &trip
		}
	default:
		t.After = add(t.After, b)
	}
}

// Outcome is how a tap ended, for programs. Numbers are for ever.
type Outcome uint8

// The outcomes.
const (
	Opened     Outcome = 1 // the gate opens
	Refused    Outcome = 2 // a rule, the card or its record forbids it
	Again      Outcome = 3 // nothing came about, and another try may help
	Torn       Outcome = 4 // the card may have paid: the tap waits for it to come back
	OutOfOrder Outcome = 5 // the terminal or its security module is broken
	Doubt      Outcome = 6 // the card may have paid, and nothing waits for it

	// Of inspections.
	Valid      Outcome = 7 // proved: the rider may be here
	NotValid   Outcome = 8 // proved: he may not
	Unverified Outcome = 9 // nothing is proved, whatever the card says
)

var outcomeNames = [...]string{"", "opened", "refused", "again", "torn", "out_of_order", "doubt", "valid", "not_valid", "unverified"}

// String is the outcome as it is printed.
func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return ""
	}
	return outcomeNames[o]
}

// Outcome says how the tap ended.
func (t *Trace) Outcome() Outcome {
	if t.Inspected != nil {
		return inspected(t.Inspected)
	}
	r := &t.Result
	switch {
	case r.Opened:
		return Opened
	case r.Retap:
		return Torn
	case r.Display == gate.OutOfOrder, r.Display == gate.ModuleFailed:
		return OutOfOrder
	case t.doubt():
		return Doubt
	case r.Display == gate.TapAgain, r.Display == gate.OneCardOnly:
		return Again
	}
	return Refused
}

func inspected(r *inspect.Report) Outcome {
	switch {
	case r.Why == inspect.CardLeft:
		return Again
	case r.Why == inspect.ModuleFailed:
		return OutOfOrder
	case !r.Verified:
		return Unverified
	case r.Verdict == inspect.Valid:
		return Valid
	}
	return NotValid
}

// doubt says that a row was left by a card that may have paid.
func (t *Trace) doubt() bool {
	for i := range t.Result.Records {
		if r := &t.Result.Records[i].Row; r.Kind == txn.Doubt && r.Flags.Reason() != txn.LeftBeforeLast {
			return true
		}
	}
	return false
}
