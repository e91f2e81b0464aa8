package authorise

import (
	"fmt"

	"github.com/citycard/citycard/txn"
)

// namesCard tells whether a request says which card of its number asks. A stripe has no
// sequence number (5F34), and stripe data over the air may come without one: there 0 is
// none. A chip without 5F34 has the number 00 (EMV Book 2, A1.4.1).
func namesCard(q *txn.OnlineRequest) bool {
	switch q.Entry {
	case txn.EntryStripe, txn.EntryFallback, txn.EntryMSD:
		return q.Card.PSN != 0
	}
	return true
}

// find looks up the card that asks, and the number of its request. Where several cards
// have the account number and the request does not say which, it is the one that has
// decided this request before, or else the only one whose proof fits.
func (a *Authoriser) find(r *asked) (*refusal, error) {
	keys := []txn.CardKey{r.OnlineRequest.Card}
	if !namesCard(r.OnlineRequest) {
		var err error
		if keys, err = a.cards.ByNumber(r.OnlineRequest.Card.PAN); err != nil {
			return nil, fmt.Errorf("look up the cards of %v: %w", r.OnlineRequest.Card.PAN, err)
		}
	}
	switch len(keys) {
	case 0:
		return no(NoSuchCard, "this issuer has no card of this number"), nil
	case 1:
		return a.identify(r, keys[0])
	}
	var fitting *asked
	last := no(NoSuchCard, "this issuer has no card of this number")
	for _, key := range keys {
		c := *r
		bad, err := a.identify(&c, key)
		if err != nil {
			return nil, err
		}
		var decided bool
		if bad == nil {
			decided, bad, err = a.fits(&c)
		}
		switch {
		case err != nil:
			return nil, err
		case bad != nil:
			last = bad
		case decided:
			*r = c
			return nil, nil
		case fitting != nil:
			return no(Suspected, "the request fits several cards of this number"), nil
		default:
			fitting = &c
		}
	}
	if fitting == nil {
		return last, nil
	}
	*r = *fitting
	return nil, nil
}

// fits tells whether a request can be of the card that identify has put into it: it is
// decided already, or the card proves it and, where the issuer knows when the card
// ends, the track says so too (the check value of a stripe is the same on a
// replacement that ends at the same time).
func (a *Authoriser) fits(r *asked) (decided bool, bad *refusal, err error) {
	d, found, err := a.cards.Decision(r.key, r.number)
	switch {
	case err != nil:
		return false, nil, fmt.Errorf("look up the decision about %v: %w", r.number, err)
	case found && d.WithoutPIN == r.withoutPIN:
		return true, nil, nil
	case r.track != nil && r.card.Expiry != [2]byte{} && r.card.Expiry != r.track.Fields.Expiry:
		return false, no(Expired, "two different expiry dates"), nil
	}
	return false, a.prove(r), nil
}

// identify puts a card of the issuer, and the number that the request has with it, into
// the request.
func (a *Authoriser) identify(r *asked, key txn.CardKey) (*refusal, error) {
	card, known, err := a.cards.Card(key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look up card %v: %w", key, err)
	case !known:
		return no(NoSuchCard, "this issuer has no such card"), nil
	}
	r.key, r.card = key, card
	r.number = Number{Terminal: r.Terminal, Sequence: r.Sequence}
	switch {
	case r.icc != nil:
		r.number = Number{Counter: true, ATC: r.icc.Card.ATC}
	case r.Entry == txn.EntryMSD:
		low, _, ok := r.track.dynamic()
		if !ok {
			return no(FormatError, "track 2 over the air without counter and dynamic check value"), nil
		}
		atc, ok := wholeCounter(card.High, low)
		if !ok {
			return no(Suspected, "the counter on track 2 is behind the last one seen, or used up"), nil
		}
		r.number = Number{Counter: true, ATC: atc}
	}
	return nil, nil
}

// wholeCounter is the counter that ends in the four digits of low and is nearest to
// high, the last one seen: what lies behind was seen or skipped, so a value that was
// copied from an earlier transaction does not come back as a counter 10000 above.
func wholeCounter(high, low uint16) (uint16, bool) {
	if high == 0 {
		return low, true
	}
	ahead := (int(low) - int(high)%10000 + 10000) % 10000
	v := int(high) + ahead
	if ahead >= 5000 {
		v -= 10000
	}
	return uint16(max(v, 0)), v >= 0 && v < 0xFFFF
}
