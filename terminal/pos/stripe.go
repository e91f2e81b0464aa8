package pos

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// swipe makes a sale with the magnetic stripe: always online, and only where the chip
// leaves room for it.
func (t *Till) swipe() Action {
	s := &t.sale
	if s.Kind != Purchase && s.Kind != Inquiry {
		return t.done(OtherInterface, ShowInsert)
	}
	track, err := parseTrack(s.Track2)
	if err != nil {
		t.note("track 2: "+err.Error(), "第二磁道："+err.Error())
		return t.refuse(kernel.Fault{Code: kernel.BadValue, Tag: tlv.TagTrack2Equivalent})
	}
	c := &t.cfg.Stripe
	v := stripe.Decide(track, stripe.Circumstances{
		Time: s.Time, ChipReader: c.ChipReader, Chip: s.Chip, Mute: s.Mute, Fallback: c.Fallback, PINPad: c.PINPad, Online: true, TestCard: c.TestCards,
	})
	t.note(v.Reason.String(), v.Reason.Chinese())
	r := &t.result
	r.Identified, r.Card, r.Expiry = true, txn.CardKey{PAN: track.PAN}, track.Expiry
	switch {
	case t.denied(r.Card):
		r.Fault = kernel.Fault{Code: kernel.OnDenyList, Tag: tlv.TagPAN}
		return t.done(Declined, ShowDenied)
	case v.Action == stripe.UseChip:
		return t.done(OtherInterface, ShowInsert)
	case v.Action != stripe.Accept:
		return t.trackRefused(v.Reason)
	}
	q := t.ask(v.Entry)
	q.Card, q.Expiry, q.Currency = r.Card, r.Expiry, t.cfg.EMV.Currency
	q.Track2 = track.AppendEquivalent(nil)
	r.Signature = true // unless a PIN is entered
	return t.sendWithPIN(v.PIN, c.PINPad)
}

// denied looks a card up in the deny list and in the exception file.
func (t *Till) denied(card txn.CardKey) bool {
	list, file := t.cfg.Kernel.Denied, t.cfg.EMV.Exception
	return list != nil && list(card) || file != nil && file(card)
}

// trackRefused ends a sale with a track 2 that may not be used here.
func (t *Till) trackRefused(why stripe.Reason) Action {
	t.result.Fault = kernel.Fault{Code: kernel.Restricted, Tag: tlv.TagServiceCode}
	switch why {
	case stripe.Expired:
		t.result.Fault.Tag = tlv.TagExpirationDate
		return t.done(Declined, ShowExpired)
	case stripe.NoExpiry:
		t.result.Fault.Tag = tlv.TagExpirationDate
	}
	return t.done(Declined, ShowDeclined)
}

// parseTrack reads track 2 in either form.
func parseTrack(b []byte) (stripe.Track2, error) {
	if len(b) > 0 && b[0] == ';' {
		return stripe.ParseTrack2(b)
	}
	return stripe.ParseEquivalent(b)
}

// overTheAir says what the service code of magnetic stripe data over the air allows and
// demands: the same as that of a stripe, but for the chip, which is in use already.
func (t *Till) overTheAir(track2 []byte, pad bool) (stripe.Verdict, error) {
	track, err := stripe.ParseEquivalent(track2)
	if err != nil {
		return stripe.Verdict{}, err
	}
	return stripe.Decide(track, stripe.Circumstances{Time: t.sale.Time, PINPad: pad, Online: true, TestCard: t.cfg.Stripe.TestCards}), nil
}
