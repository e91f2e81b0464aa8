package authorise

import (
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Transaction types (9C) of putting money on a card, by point-of-sale practice.
const (
	typeLoad      = 0x60 // from the account of the card
	typeLoadOther = 0x62 // from another account
	typeLoadCash  = 0x63 // for cash
)

// rules are what a card and its holder must fulfil whatever the request is.
func (a *Authoriser) rules(r *asked) (*refusal, error) {
	switch r.card.Status {
	case Active:
	case Lost:
		return no(LostCard, "the card is reported lost"), nil
	case Stolen:
		return no(StolenCard, "the card is reported stolen"), nil
	default:
		return no(RestrictedCard, "the card is blocked at the issuer"), nil
	}
	if bad := r.expired(); bad != nil {
		return bad, nil
	}
	if !r.HasPIN {
		return nil, nil
	}
	if a.pins == nil {
		return no(WrongPIN, "this issuer checks no PIN"), nil
	}
	v, err := a.pins.Check(r.key, r.PINBlock)
	switch {
	case err != nil:
		return nil, fmt.Errorf("check the PIN: %w", err)
	case v == PINBlocked:
		return no(PINTries, "no PIN try is left"), nil
	case v != PINRight:
		return no(WrongPIN, "wrong PIN"), nil
	}
	return nil, nil
}

// expired compares the ends that card, track and issuer know with the day at UTC+8. A
// card is good to the last day of its month (GB/T 15150 field 14).
func (r *asked) expired() *refusal {
	none := [2]byte{}
	now := monthNumber(txn.MonthBCD(r.Time))
	ends := [...][2]byte{r.card.Expiry, r.Expiry, none}
	if r.track != nil {
		ends[2] = r.track.Fields.Expiry
	}
	said := none
	for _, e := range ends {
		if e == none {
			continue
		}
		if m := e[1]; m&0x0F > 9 || m>>4 > 1 || m == 0 || m > 0x12 || e[0]>>4 > 9 || e[0]&0x0F > 9 {
			return no(FormatError, "expiry %X is no year and month", e)
		}
		if said != none && e != said {
			return no(Expired, "two different expiry dates")
		}
		said = e
		if monthNumber(e) < now {
			return no(Expired, "the card has expired")
		}
	}
	return nil
}

// monthNumber orders YYMM; years below 50 are after 2000 (EMV Book 4, 6.7.3).
func monthNumber(e [2]byte) int {
	two := func(b byte) int { return int(b>>4)*10 + int(b&15) }
	year := two(e[0])
	if year < 50 {
		year += 100
	}
	return year*12 + two(e[1])
}

// weigh decides about the money. orders is the script of a load or unload.
func weigh(r *asked, d *Decision) (orders []Order, bad *refusal) {
	load := r.icc != nil && (r.icc.Terminal.Type == typeLoad || r.icc.Terminal.Type == typeLoadOther || r.icc.Terminal.Type == typeLoadCash)
	switch r.Kind {
	case txn.OnlinePurchase:
		switch {
		case load:
			return nil, no(Invalid, "the card signed a load (9C = %02X)", r.icc.Terminal.Type)
		case r.Amount > r.card.Available:
			return nil, no(Insufficient, "the account does not cover %v yuan", r.Amount)
		}
		d.Moved = -r.Amount
		return nil, nil
	case txn.OnlineInquiry:
		if r.Amount != 0 {
			return nil, no(InvalidAmount, "an inquiry has amount 0")
		}
		return nil, nil
	}
	stated, ok := r.icc.IAD.Balance()
	switch {
	case !ok:
		return nil, no(NotPermitted, "9F10 does not state the electronic cash balance")
	case !r.icc.signsAll():
		// A balance in the card's second currency looks the same.
		return nil, no(NotPermitted, "a %v needs a cryptogram that covers the currency: version 01", r.Kind)
	case !r.scriptable():
		return nil, no(NotPermitted, "a %v needs a terminal that can send a script to the card", r.Kind)
	}
	d.Before = stated
	if r.Kind == txn.OnlineUnload {
		bad = weighUnload(r, d)
	} else {
		bad = weighLoad(r, d)
	}
	if bad != nil {
		return nil, bad
	}
	o, err := setCash(r.icc.Card.ATC, d.After)
	if err != nil {
		return nil, no(InvalidAmount, "%v", err)
	}
	return []Order{o}, nil
}

// maxStated is the greatest balance that the ten digits in 9F10 can state.
const maxStated money.Fen = 9_999_999_999

func weighLoad(r *asked, d *Decision) *refusal {
	d.After = d.Before + r.Amount
	switch {
	case r.icc.Terminal.Type != typeLoad:
		return no(NotPermitted, "9C is %02X: only loads from the card's own account (60) are made", r.icc.Terminal.Type)
	case r.Amount == 0:
		return no(InvalidAmount, "a load of nothing")
	case r.card.Limit > 0 && d.After > r.card.Limit, d.After > maxStated:
		return no(OverLimit, "the card would hold %v yuan, its limit (9F77) is %v", d.After, r.card.Limit)
	case r.Amount > r.card.Available:
		return no(Insufficient, "the account does not cover %v yuan", r.Amount)
	}
	d.Moved = -r.Amount
	return nil
}

func weighUnload(r *asked, d *Decision) *refusal {
	switch {
	case r.Amount != 0 && r.Amount != d.Before:
		return no(InvalidAmount, "the card holds %v yuan; an unload takes all of it", d.Before)
	case d.Before == 0:
		return no(InvalidAmount, "the card holds nothing")
	}
	return nil // credited when the card, or at least its terminal, says that the script ran
}
