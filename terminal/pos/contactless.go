package pos

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// pay begins a purchase with the contactless kernel: qPBOC or magnetic stripe data.
// The first transaction of a sale uses the first four random bytes; another one, after
// a torn one that was given up, takes bytes that nobody could foresee either.
func (t *Till) pay() Action {
	un := [4]byte(t.sale.Random[:4])
	if t.runs++; t.runs > 1 {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(t.sale.Random[:len(t.sale.Random):len(t.sale.Random)], uint32(t.runs)))
		un = [4]byte(sum[:4])
	}
	if err := t.kernel.Reset(kernel.Input{Amount: t.sale.Amount, UN: un, Time: t.sale.Time, Sequence: t.sale.Sequence % sequences, ForceOnline: t.sale.ForceOnline}); err != nil {
		panic("pos: an amount that was checked does not fit 9F02: " + err.Error())
	}
	t.phase = paying
	return t.follow(t.kernel.Step(kernel.Event{Kind: kernel.Start}))
}

// sequences is the number of values of 9F41: eight digits.
const sequences = 100_000_000

// follow does what the contactless kernel asks for, as far as the till can do it alone.
func (t *Till) follow(r kernel.Ready) Action {
	switch {
	case r.Send != nil:
		return Action{Send: r.Send}
	case r.RemoveCard:
		return Action{Remove: true}
	case r.Probe != nil:
		return t.probed(r.Probe)
	case r.Identified:
		return t.identified()
	case t.phase == resuming:
		return t.resumed(r.Outcome)
	}
	return t.paid(r.Outcome)
}

// identified lets the card go on, unless it was to pay anew for a torn sale and is
// another card.
func (t *Till) identified() Action {
	ev := kernel.Event{Kind: kernel.Continue}
	switch {
	case t.torn == nil:
	case t.kernel.Data().Card == t.torn.Row.Card:
		t.doubt()
	default:
		ev.Kind = kernel.Stop
	}
	return t.follow(t.kernel.Step(ev))
}

// paid turns the kernel's outcome into rows and the end of the sale.
func (t *Till) paid(out *kernel.Outcome) Action {
	switch {
	case t.torn == nil:
	case !out.Identified: // the card was to pay anew, and never told who it is
		t.say(noteUndecided)
		return t.giveUp()
	case out.Data.Card != t.torn.Row.Card:
		return t.intruded(out)
	default:
		t.doubt()
	}
	t.tell(out)
	switch {
	case !out.Identified:
		return t.unidentified(out)
	case out.Reason == txn.LastAnswerLost:
		return t.wait(out.Data)
	case out.Result == kernel.Approved:
		return t.accept(row.Record{Row: t.row(txn.Purchase, 0, out.Data)}, out)
	case out.Commit != kernel.NotCommitted:
		return t.suspect(out)
	case out.Result == kernel.OnlineRequired:
		return t.online(out)
	case out.Result == kernel.Torn:
		t.unpaid(txn.Doubt, out)
		return t.done(Doubt, ShowTryAgain)
	}
	if out.Data.Get(tlv.TagATC) != nil { // magnetic stripe data may have it inside track 2 only
		t.unpaid(txn.Declined, out)
	}
	switch out.Result {
	case kernel.OtherInterface:
		return t.done(OtherInterface, ShowUseOther)
	case kernel.Failed:
		return t.done(Error, ShowCardError)
	}
	return t.done(Declined, displayOf(out))
}

// tell takes what the kernel knows into the Result.
func (t *Till) tell(out *kernel.Outcome) {
	r, d := &t.result, out.Data
	r.Fault, r.Commit, r.TVR, r.TSI, r.MSD = out.Fault, out.Commit, out.TVR, out.TSI, out.MSD
	r.AID = append(r.AID[:0], d.AID()...)
	r.Identified = out.Identified
	if !out.Identified {
		return
	}
	r.Card, r.Expiry, r.ATC = d.Card, d.Expiry, d.ATC
	if d.Get(tlv.TagAC) != nil { // magnetic stripe data may come without
		r.Cryptogram, r.CID, r.HasCryptogram = d.AC, d.CID(), true
		r.Cash = d.IAD.Result() == cryptogram.TC
		r.Balance = row.Balance(out)
	}
	if out.Result == kernel.Approved || out.Result == kernel.OnlineRequired {
		r.Signature = out.CVM == kernel.Signature
		r.CVMResults = out.CVM.Results()
	}
	switch {
	case out.Result == kernel.Approved:
		r.ODA = FDDAOK
	case out.Fault.Code == kernel.NotGenuine:
		r.ODA = FDDAFailed
	}
	t.noteContactless(out)
}

// accept ends an offline purchase: the card is genuine and has paid.
func (t *Till) accept(r row.Record, out *kernel.Outcome) Action {
	r.Accept(out)
	t.result.Records = append(t.result.Records, r)
	t.result.Amount = out.Data.Amount
	return t.approve(OfflineApproved)
}

// approve ends a sale that came about.
func (t *Till) approve(o Outcome) Action {
	if t.result.Signature {
		return t.done(o, ShowSign)
	}
	return t.done(o, ShowApproved)
}

// suspect records a transaction whose last record was asked for and which is not
// accepted: the card has paid or may have, and the buyer gets nothing for it. The issuer
// is asked all the same if the card wants that (9F6C byte 1 b6), because the row lets
// the first payment be found and returned. Another interface (b5) is not offered: the
// card would pay twice without anybody having asked.
func (t *Till) suspect(out *kernel.Outcome) Action {
	r := row.Record{Row: t.row(txn.Doubt, txn.Flags(0).WithReason(out.Reason), out.Data)}
	r.Keep(out.Data)
	t.result.Records = append(t.result.Records, r)
	if out.Result == kernel.OnlineRequired {
		return t.online(out)
	}
	return t.done(Doubt, displayOf(out))
}

// intruded records the counter of a card that is not that of the torn sale and looked
// like it, and goes on waiting. It has paid nothing; one that wanted the issuer to
// decide leaves no row, as ever.
func (t *Till) intruded(out *kernel.Outcome) Action {
	switch out.Result {
	case kernel.OnlineRequired:
	case kernel.Stopped:
		t.unpaid(txn.Doubt, out)
	default:
		t.unpaid(txn.Declined, out)
	}
	t.say(noteOtherCard)
	return t.again(true)
}

// unidentified ends a sale with a card that never told who it is. There is no row: a
// counter may be used, but nobody can name it.
func (t *Till) unidentified(out *kernel.Outcome) Action {
	switch {
	case out.Result == kernel.Torn:
		return t.done(CardLost, ShowTryAgain)
	case out.Result == kernel.OtherInterface:
		return t.done(OtherInterface, ShowUseOther)
	case out.Fault.Code == kernel.NoApplication:
		return t.done(Error, ShowNotAccepted)
	}
	return t.done(Error, ShowCardError)
}
