package pos

import (
	"bytes"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Unsettled is the reversal that the issuer must get if the power fails now: the
// issuer may have approved, or has approved, what has not come about yet. nil if
// there is none. Like Pending, the owner writes it down before it does what an Action
// asks for.
func (t *Till) Unsettled() *Reversal {
	if t.phase == idle || !t.asked || t.answered && !t.agreed {
		return nil
	}
	why := emv.AnswerLost
	switch {
	case t.agreed && (t.sale.Kind == Load || t.sale.Kind == Unload):
		why = emv.ScriptUnknown
	case t.agreed:
		why = emv.CardGone
	}
	return &Reversal{Request: t.question, Reason: why}
}

// ask begins a question to the issuer with what all of them have in common.
func (t *Till) ask(entry txn.EntryMode) *txn.OnlineRequest {
	t.question = txn.OnlineRequest{
		Kind: onlineKinds[t.sale.Kind], Amount: t.sale.Amount, Time: t.sale.Time,
		Terminal: t.cfg.Terminal, Sequence: t.sale.Sequence, Entry: entry,
	}
	return &t.question
}

var onlineKinds = [...]txn.OnlineKind{
	Purchase: txn.OnlinePurchase, Inquiry: txn.OnlineInquiry, Load: txn.OnlineLoad, Unload: txn.OnlineUnload,
}

// online asks the issuer about a contactless transaction: the card has made an ARQC or
// given magnetic stripe data, and is not needed any more. First the cardholder enters
// the PIN, if the card or its track wants that.
func (t *Till) online(out *kernel.Outcome) Action {
	d := out.Data
	entry := txn.EntryContactless
	if out.MSD {
		entry = txn.EntryMSD
	}
	q := t.ask(entry)
	q.Card, q.Expiry, q.Currency = d.Card, d.Expiry, d.Sent.Currency
	q.ICC, q.Track2 = t.kernel.ICC(nil), bytes.Clone(d.Track2())
	pad := t.cfg.Kernel.TTQ[0]&kernel.TTQ1OnlinePIN != 0
	rule := stripe.PINNotAsked
	if out.CVM == kernel.OnlinePIN {
		rule = stripe.PINRequired
	}
	if out.MSD {
		v, err := t.overTheAir(q.Track2, pad)
		switch {
		case err != nil:
			return t.refuse(kernel.Fault{Code: kernel.BadValue, Tag: tlv.TagTrack2Equivalent})
		case v.Action != stripe.Accept:
			t.note(v.Reason.String(), v.Reason.Chinese())
			return t.trackRefused(v.Reason)
		case out.CVM == kernel.NoCVM:
			rule = v.PIN
			t.result.Signature = rule == stripe.PINIfPossible // unless a PIN is entered
		}
	}
	return t.sendWithPIN(rule, pad)
}

// sendWithPIN puts the question to the issuer, after the cardholder has entered the
// PIN for it if that is wanted. pad says that there is a PIN pad.
func (t *Till) sendWithPIN(rule stripe.PINRule, pad bool) Action {
	if rule == stripe.PINNotAsked || !pad {
		return t.send(pin.PIN{})
	}
	t.phase, t.optional = entering, rule == stripe.PINIfPossible
	return Action{PIN: &emv.PINRequest{Online: true, Tries: -1}}
}

// send puts the question to the issuer.
func (t *Till) send(p pin.PIN) Action {
	t.phase, t.asked = hosting, true
	return Action{Online: &Online{Request: t.question, PIN: p}}
}

// entered takes the PIN for the issuer. Without it nothing is asked, unless a service
// code wants the PIN only where that is possible: then a signature does instead.
func (t *Till) entered(ev emv.Event) Action {
	switch ev.Kind {
	case emv.PINEntered:
		t.result.OnlinePIN, t.result.Signature = true, false
		return t.send(ev.PIN)
	case emv.PINBypassed, emv.PINPadFailed, emv.Cancelled:
		if t.optional && ev.Kind != emv.Cancelled {
			t.result.Signature = true
			return t.send(pin.PIN{})
		}
		t.result.Fault = kernel.Fault{Code: kernel.GaveUp}
		return t.done(Declined, ShowCancelled)
	}
	return t.unexpected(ev)
}

// hostSaid takes the issuer's answer for a card that is not needed any more.
func (t *Till) hostSaid(ev emv.Event) Action {
	t.heard(ev)
	switch {
	case ev.Kind != emv.HostUnreachable && !t.answered:
		return t.unexpected(ev)
	case ev.Kind == emv.HostUnreachable:
		t.result.Fault = kernel.Fault{Code: kernel.HostLost}
		t.reverse(emv.AnswerLost, t.question.ICC)
		return t.done(Declined, ShowNoIssuer)
	case !t.agreed:
		t.result.Fault = kernel.Fault{Code: kernel.HostRefused}
		return t.done(Declined, ShowHostDeclined)
	case t.sale.Kind == Inquiry:
		return t.done(OnlineApproved, ShowBalance)
	}
	t.result.Amount = t.sale.Amount
	return t.approve(OnlineApproved)
}

// heard keeps what the issuer answered.
func (t *Till) heard(ev emv.Event) {
	if ev.Kind != emv.HostAnswered || ev.Host == nil {
		return
	}
	r := &t.result
	r.HostCode, r.AuthCode = ev.Host.Code, ev.Host.AuthCode
	if ev.Host.Known {
		r.Available = ev.Host.Available
	}
	t.answered, t.agreed = true, ev.Host.Approved()
}

// reverse asks the issuer to undo what it was asked for.
func (t *Till) reverse(why emv.Reversal, icc []byte) {
	if why != emv.NoReversal && t.asked {
		t.result.Reversal = &Reversal{Request: t.question, Reason: why, ICC: icc}
	}
}
