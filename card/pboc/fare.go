package pboc

import (
	"github.com/citycard/citycard/wire/apdu"
)

// Values of DF60, by which a terminal says what payment it wants (JR/T 0025.14).
const (
	tradeNone     = 0 // not one of the extension; so are all values above 3
	tradeFare     = 1 // by section, by time, or single with a discount
	tradeHold     = 2 // pre-authorisation
	tradeComplete = 3 // its completion
)

// admit looks whether the extension can do what the terminal wants (DF60), before
// the counter is touched. 6985 a payment of the extension without READ CAPP DATA before
// it, or a pre-authorisation on a card without them; 6972 one for the same record is
// open, 6971 a fourth, 6973 a completion without one. A card with a quota is counted
// up and declines if the record was not read.
func (a *App) admit(values []byte, r *request, s *State) apdu.SW {
	p, j := a.card.Product, a.journey
	if b := p.pdol.get(values, inTransit); b != nil && b[0] <= tradeComplete {
		r.trade = b[0]
	}
	j.bound = j.read
	r.record = j.bound
	if r.trade == tradeNone {
		return apdu.SWOK
	}
	r.refused = !r.match || a.scripts.second
	if j.bound.sfi == 0 {
		if p.Extension.Quota {
			r.refused = true
			return apdu.SWOK
		}
		return apdu.SWConditions
	}
	if r.trade == tradeFare || r.refused {
		return apdu.SWOK
	}
	purse := s.purse()
	open := purse.Find(j.bound.sfi, j.bound.id) >= 0
	switch {
	case s.Support != TransitHold:
		return apdu.SWConditions
	case r.trade == tradeComplete && !open:
		return apdu.SWCAPPNoHold
	case r.trade == tradeHold && open:
		return apdu.SWCAPPHoldOpen
	case r.trade == tradeHold && purse.Find(0, 0) < 0:
		return apdu.SWCAPPTooManyHolds
	}
	return apdu.SWOK
}

// assessExtension decides what only cards with the extension have to decide; done is
// false if the qPBOC decision goes on. A quota is never spent by a terminal that does
// not know the extension: it is asked online, whatever it can do.
func (p *Product) assessExtension(r *request, s *State, v *verdict) (o outcome, done bool) {
	switch {
	case r.refused:
		return decline, true
	case r.trade == tradeNone && p.Extension.Quota:
		p.onlineReader(r, s, v) // for what it says of the cardholder verification
		return online, true
	}
	return online, false
}

// fare is the funds test of the extension, for which the threshold 9F6D does not
// count: balance and deposit cover a fare, the balance a pre-authorisation, both and
// the amount held a completion (JR/T 0025.14). 9F78 limits what is taken beyond an
// amount held.
func (p *Product) fare(r *request, s *State, v *verdict, refuse outcome) outcome {
	purse := s.purse()
	taken := r.amount
	if slot := purse.Find(r.record.sfi, r.record.id); r.trade == tradeComplete && slot >= 0 {
		taken -= purse.Holds[slot].Amount
	}
	ok := taken <= v.limits.Single
	switch {
	case !ok:
	case r.trade == tradeFare:
		ok = purse.Pay(r.amount)
	case r.trade == tradeHold:
		ok = purse.Hold(r.record.sfi, r.record.id, r.amount)
	default:
		ok = purse.Complete(r.record.sfi, r.record.id, r.amount)
	}
	if !ok {
		v.cvr[1] |= cvrVelocity
		return refuse
	}
	v.after.keep(&purse)
	return approve
}

// holdsBack tells whether a payment's cryptogram stays on the card: a
// pre-authorisation is no proof that anything is owed.
func (r *request) holdsBack() bool { return r.trade == tradeHold }

// begin keeps what the extension must know of a TC until it is committed.
func (j *journey) begin(r *request, ac [8]byte) {
	j.trade, j.open, j.tc = r.trade, true, ac
	if r.holdsBack() {
		j.tc = [8]byte{}
	}
}
