package tap

import (
	"time"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// StepKind says what a step of a trace is.
type StepKind uint8

// The kinds.
const (
	Opening  StepKind = 1 // the card is in the field or the slot: activation or reset
	Exchange StepKind = 2 // a command and its answer
	Choice   StepKind = 3 // an application was chosen
	PIN      StepKind = 4 // a PIN was asked for
	Issuer   StepKind = 5 // the issuer was asked
	Again    StepKind = 6 // the card was wanted back
	Reversal StepKind = 7 // the issuer was told to undo
	Removal  StepKind = 8 // the card may be taken away
	Module   StepKind = 9 // a command to the terminal's security module, and its answer
)

// Step is one thing that happened between the terminal and somebody else.
type Step struct {
	Kind StepKind
	// Command and Answer are of an Exchange; Answer.Title is empty if none came.
	Command, Answer Side
	SW              string // four hexadecimal digits of the answer
	// Event says what happened, for the other kinds.
	Event string
	// Entered says that a PIN was entered.
	Entered bool
	// Lost says why no answer came, or why the issuer was not reached.
	Lost error
	// Took is measured: the card or the host, without the terminal.
	Took time.Duration
	// Field is what the step takes on the air or the contacts by the time model.
	Field time.Duration
	// Notes are what the terminal concluded after the step, in order.
	Notes []pos.Note
}

// Trace is one run from the first command to the result.
type Trace struct {
	Sale  pos.Sale
	Mode  pos.Mode
	Host  string // name of the issuer's end
	Steps []Step
	// Result is how it ended. It does not change any more.
	Result pos.Result
	// Before is the electronic cash before the sale in fen, -1 if unknown.
	Before int64
	// Verified says what the issuer's keys say about the cryptogram: NotChecked
	// without keys.
	Verified Verdict
	// Purse says that the card, which has no application of this terminal, is an electronic
	// purse. Who runs the sale asks the card afterwards.
	Purse bool
	// Loads are the loads and unloads of the card that its issuer has on record, each with
	// its word; nil if the issuer keeps none. Who runs the sale asks the issuer afterwards.
	Loads []host.Load
	// Used counts commands and bytes; its Time stays zero.
	Used rf.Used
	// Field is the modelled time in the field, or in the slot: activation and all
	// exchanges. Computed is the time that the terminal itself took.
	Field, Computed time.Duration
	// Measured is the time that all exchanges took, without the terminal.
	Measured time.Duration
	// Misbehaved is why no answer came that could be used, where that says more than a
	// card which left: it took too long, or its answer had no end. nil if there was none.
	Misbehaved error
	// Broken is an error of the reader that is more than a card which left; nil if
	// there was none. The result stands all the same.
	Broken error
}

// Verdict is what an issuer's keys say about a cryptogram.
type Verdict uint8

// The verdicts.
const (
	NotChecked Verdict = 0
	Genuine    Verdict = 1
	Forged     Verdict = 2
)

// String is the verdict as it is printed.
func (v Verdict) String() string {
	return [...]string{"not_checked", "genuine", "forged"}[v]
}

// Flow is the way that the sale took through a transaction, for its budget. ok is
// false for a balance, for a sale that took two tries, and for one that did not come
// far enough to tell.
func (t *Trace) Flow() (f rf.Flow, ok bool) {
	r := &t.Result
	for i := range t.Steps {
		if t.Steps[i].Kind == Again {
			return 0, false
		}
	}
	air := t.Sale.Interface == pos.Contactless
	switch {
	case t.Sale.Kind == pos.Balance || !r.Identified || t.Sale.Interface == pos.Stripe:
		return 0, false
	case t.Sale.Kind == pos.Load || t.Sale.Kind == pos.Unload:
		return rf.Load, true
	case air && r.MSD:
		return rf.StripeData, true
	case air && (t.Mode == pos.DebitCredit || t.Sale.Kind == pos.Inquiry):
		return rf.DebitAir, true
	case air && r.CID&cidKind == cidARQC:
		return rf.QPBOCOnline, true
	case air:
		return rf.QPBOC, true
	case r.Cash:
		return rf.CashContact, true
	}
	return rf.DebitContact, true
}

// Bits of 9F27 (EMV Book 3, table 15).
const (
	cidKind = 0xC0
	cidARQC = 0x80
)

// Slower gives the exchange that took longest beyond its modelled time, and its number
// from 1: 0 if none did, or nothing was modelled.
func (t *Trace) Slower() (n int, s *Step) {
	exchanges, most := 0, time.Duration(0)
	for i := range t.Steps {
		step := &t.Steps[i]
		if step.Kind != Exchange {
			continue
		}
		exchanges++
		if late := step.Took - step.Field; step.Field > 0 && late > most {
			n, s, most = exchanges, step, late
		}
	}
	return n, s
}

// balanceBefore works out the electronic cash before the sale. What a script has, or
// may have, changed says nothing about it.
func balanceBefore(kind pos.Kind, r *pos.Result) int64 {
	after := int64(r.Balance)
	switch {
	case kind == pos.Load || kind == pos.Unload:
		return int64(r.Before)
	case after < 0:
		return -1
	case r.Cash:
		return after + int64(r.Amount)
	}
	return after
}

// keep copies what the till lends.
func keep(r *pos.Result) pos.Result {
	out := *r
	out.AID = append([]byte(nil), r.AID...)
	out.Records = append([]row.Record(nil), r.Records...)
	out.Scripts = append(out.Scripts[:0:0], r.Scripts...)
	if r.Reversal != nil {
		v := *r.Reversal
		v.Request = lent(v.Request)
		v.ICC = append([]byte(nil), v.ICC...)
		out.Reversal = &v
	}
	return out
}

// lent copies the slices of a request.
func lent(q txn.OnlineRequest) txn.OnlineRequest {
	q.ICC = append([]byte(nil), q.ICC...)
	q.Track2 = append([]byte(nil), q.Track2...)
	return q
}
