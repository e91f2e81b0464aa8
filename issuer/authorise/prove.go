package authorise

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
)

// prove checks that the request comes from the card, now.
func (a *Authoriser) prove(r *asked) *refusal {
	var bad *refusal
	switch {
	case r.icc != nil:
		bad = a.proveChip(r)
	case r.Entry == txn.EntryMSD:
		bad = a.proveDynamic(r)
	default:
		bad = a.proveStripe(r)
	}
	if bad == nil && r.number.Counter && r.number.ATC <= r.card.High {
		return no(Suspected, "counter %d is not above %d, the last one seen", r.number.ATC, r.card.High)
	}
	return bad
}

func (a *Authoriser) proveChip(r *asked) *refusal {
	key := r.key
	if r.keys = a.keys(key.PAN.BIN(), r.icc.IAD.Alg); r.keys == nil {
		return no(Violation, "no keys for %v", r.icc.IAD.Alg)
	}
	if v := r.keys.Check(key, &r.icc.Terminal, &r.icc.Card, r.icc.RawIAD, r.icc.AC); v != cryptogram.OK {
		return no(Violation, "the card's proof: %v", v)
	}
	return nil
}

// proveDynamic compares the dynamic check value. Track 2 does not say the algorithm, so
// the value of either counts.
func (a *Authoriser) proveDynamic(r *asked) *refusal {
	_, code, _ := r.track.dynamic()
	for _, alg := range [...]cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		k := a.keys(r.track.PAN.BIN(), alg)
		if k == nil {
			continue
		}
		want, err := k.DCVN(r.key, r.track.Fields, r.number.ATC)
		if err == nil && want.Equal(code) {
			r.keys = k
			return nil
		}
	}
	return no(Suspected, "wrong dynamic check value")
}

func (a *Authoriser) proveStripe(r *asked) *refusal {
	if r.Entry == txn.EntryStripe && (r.card.HasChip || r.track.chip()) {
		return no(NotPermitted, "the card has a chip: its stripe counts only as a fall back")
	}
	if !a.stripeCVN {
		return nil
	}
	code, ok := r.track.static()
	k := a.keys(r.track.PAN.BIN(), cryptogram.TDES)
	if !ok || k == nil {
		return no(Suspected, "stripe without a check value that can be checked")
	}
	want, err := k.CVN(r.key, r.track.Fields)
	if err != nil || !want.Equal(code) {
		return no(Suspected, "wrong check value on the stripe")
	}
	return nil
}
