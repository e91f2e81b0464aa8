package gate

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// Action is what the host does next: exactly one of its fields is set.
type Action struct {
	Send   []byte // command for the card; valid until the next Step
	Remove bool   // say "take your card away" and report kernel.CardRemoved
	SAM    []byte // command for the terminal's security module; report StepSAM
	Done   *Result
}

// Result is the end of a tap: store Records and Waiting in one write, then Settle,
// then open and show. It belongs to the Gate until the next Begin; copy what is kept.
type Result struct {
	Opened  bool
	Display Display
	// Records are to be stored first, in this order. They may be of other terminals
	// of the array: Row.Terminal names the owner, whose sequence they take.
	Records []row.Record
	// Card is whom it was about, zero if unknown.
	Card txn.CardKey
	// Amount was deducted from the card for the pass (also when it was an earlier,
	// torn tap that paid).
	Amount money.Fen
	// Held is what the card has set aside for the pass instead (pre-authorisation).
	Held money.Fen
	// Balance is what is left on the card, as it said itself; -1 if unknown.
	Balance money.Fen
	// Retap says that the tap waits in the Array for its card to come back.
	Retap bool
	// Fault is the kernel's reason for a refusal.
	Fault kernel.Fault
	// Purse is the same of a purse.
	Purse purse.Fault
	// Refusal is why the card's own journey record forbids the tap, if it does.
	Refusal journey.Refusal
	// Setting is what is wrong with the terminal's setting, so that it could not price
	// the tap; nil if nothing is.
	Setting error
	// Module is why the security module could not do its work, nil if it could. The next
	// tap starts it anew.
	Module error
	// Entered or Closed, where set, is for the station records. Settle writes it; the
	// host calls it when Records are stored.
	Entered *EntryRecord
	Closed  *Closing
	// Waiting are the taps that wait in the Array after this one, as the doubt rows
	// that they will be if nobody comes back. A host keeps the latest list of an
	// array beside the journal, and puts it into the journal after a power failure;
	// or it keeps Array.Export, and the riders may still come back.
	Waiting []row.Record
}

// Settle tells the station records of an entry or the end of a journey. It comes
// after the rows are stored: records must never know of a tap that no row tells of.
// After an error the back end takes the same from the rows.
func (r *Result) Settle(records Records) error {
	switch {
	case r.Entered != nil:
		return records.PutEntry(*r.Entered)
	case r.Closed != nil:
		return records.CloseJourney(*r.Closed)
	}
	return nil
}
