package pos

import (
	"time"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// torn is a transaction whose last record was asked for in vain, until its card comes
// back or its owner gives up.
type torn struct {
	row.Torn
	other    bool // the card that was held to the reader last was another one, or did not say
	left     bool // the card that came back left again, after it had repeated its record
	restored bool // read back after a power failure: nobody stands before the till any more
}

// maxRuns is how often a card may try to pay in one sale: one that never gives its last
// record must not use up counter after counter while it lies on the reader.
const maxRuns = 3

// wait keeps a transaction whose end is unknown until its card comes back. Each began
// not later than a window after the one before.
func (t *Till) wait(d *kernel.Data) Action {
	t.say(noteTorn)
	window := int64(t.cfg.RetapWindow / time.Second)
	t.torn = &torn{Torn: row.Torn{
		Data: d.Clone(), Until: t.sale.Time + int64(t.runs)*window,
		Row: t.row(txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), d),
	}}
	return t.again(false)
}

// again asks for the card.
func (t *Till) again(other bool) Action {
	t.phase = waiting
	w := t.torn
	w.other = other
	return Action{Again: &TornSale{
		Card: w.Row.Card, ATC: w.Row.ATC, Amount: w.Row.Amount, Until: w.Until, Other: other, Record: w.Doubt(),
	}}
}

// cameBack takes what happened while the till waited for the card.
func (t *Till) cameBack(ev emv.Event) Action {
	switch ev.Kind {
	case emv.Start:
		t.phase = probing
		return t.follow(t.kernel.Probe(t.torn.Data))
	case emv.CardLeft, emv.CardRemoved:
		return t.again(t.torn.other)
	case emv.Cancelled:
		return t.giveUp()
	}
	return t.unexpected(ev)
}

// giveUp ends the sale in doubt: the doubt row lets the payment, if there was one, be
// found and returned.
func (t *Till) giveUp() Action {
	t.doubt()
	return t.done(Doubt, ShowDoubt)
}

// doubt turns the torn transaction into its doubt row.
func (t *Till) doubt() {
	t.result.Records = append(t.result.Records, t.torn.Doubt())
	t.torn = nil
}

// probed has seen which card is there, as far as it says without a transaction. Only a
// signature finishes the sale, and it needs the repeated record only, so that a card may
// leave after that. Counter and balance, which are under none, decide no more than what
// comes next: a card that looks as if it had not paid is asked to pay again, and the
// doubt row stays for the case that it lied. A card that says too little is no reason to
// give up: the right one may still come.
func (t *Till) probed(p *kernel.Probe) Action {
	v := p.Verdict(t.torn.Data)
	switch {
	case v == kernel.Finishable:
		t.phase, t.torn.left = resuming, p.Left
		return t.follow(t.kernel.Resume(t.torn.Data))
	case p.Left:
		return t.again(false)
	case v == kernel.OtherCard:
		t.say(noteOtherCard)
		return t.again(true)
	case v == kernel.VerdictUnknown:
		t.say(noteUnreadable)
		return t.again(true)
	case v == kernel.LooksUnpaid && !t.torn.restored && t.runs < maxRuns:
		t.say(noteLooksUnpaid)
		return t.pay()
	}
	t.say(noteUndecided)
	return t.giveUp()
}

// resumed ends the attempt to finish the torn transaction with the record that the card
// has repeated.
func (t *Till) resumed(out *kernel.Outcome) Action {
	switch {
	case out.Result == kernel.Approved && !t.torn.Proves(out):
		t.say(noteUndecided)
		return t.giveUp()
	case out.Result != kernel.Approved && t.torn.left:
		return t.again(false)
	case out.Result != kernel.Approved:
		t.say(noteOtherCard)
		return t.again(true)
	}
	r := t.torn.Finished(txn.Purchase, out)
	t.torn = nil
	t.say(noteFinished)
	t.tell(out)
	return t.accept(r, out)
}

// Pending appends the rows that are the truth if the power fails now, before the
// Result: those that the sale has made so far, and a doubt row for the transaction that
// is under way. The owner writes them down, with Export and Unsettled, in one write
// before it does what an Action asks for, in place of what it wrote before, and drops
// them when the Result is stored. A torn sale that waits for its card is not among
// them: it is in Export; an owner that keeps no Export stores TornSale.Record.
func (t *Till) Pending(dst []row.Record) []row.Record {
	if t.phase == idle {
		return dst
	}
	dst = append(dst, t.result.Records...)
	switch {
	case t.phase == paying && t.kernel.Identified():
		reason := txn.LeftBeforeLast
		if t.kernel.LastSent() {
			reason = txn.LastAnswerLost
		}
		dst = append(dst, row.Record{Row: t.row(txn.Doubt, txn.Flags(0).WithReason(reason), t.kernel.Data())})
	case t.phase == debiting && t.debit.Data().ATCKnown():
		return t.pendingDebit(dst)
	}
	return dst
}

// pendingDebit is Pending for debit/credit and electronic cash over the contacts, which
// pays in answer to GENERATE AC. An answer that cannot be read does not say that it has
// not paid. Of what the issuer was asked, he has the record.
func (t *Till) pendingDebit(dst []row.Record) []row.Record {
	d := t.debit.Data()
	kind, reason := txn.Doubt, txn.LastAnswerLost
	switch {
	case t.debit.Commit() != kernel.NotCommitted:
	case d.IAD == nil || t.asked || d.CID&0xC0 == 0x80:
		return dst
	case isTC(d.CID): // of debit/credit: nothing was taken from the card
		reason = txn.LeftBeforeLast
	default:
		kind, reason = txn.Declined, txn.CardDeclined
	}
	return append(dst, row.Record{Row: t.debitRow(kind, txn.Flags(0).WithReason(reason), d)})
}
