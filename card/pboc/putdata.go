package pboc

import (
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// putData stages PUT DATA, 04DA tag value (JR/T 0025.5; JR/T 0025.13 and 0025.15
// for the balances): the value becomes what the card works with from the next
// transaction on. 6A80 a tag that no issuer may change, a value that is not decimal,
// a balance above its limit, a balance limit of more than ten digits if 9F10 states
// the balance, one that does not fit twelve digits together with DF62; 6A88 a value that this product does not have; 6A86
// DF63, which only the card changes; 6700 a wrong length.
func (a *App) putData(number uint16, value []byte, s *State, m []byte) apdu.SW {
	p := a.card.Product
	tag := tlv.Tag(number)
	switch tag {
	case tlv.TagECBalance:
		return a.putBalance(tag, value, s, m)
	case tlv.TagSecondECBalance:
		if p.Contact == nil || p.Contact.Second == nil {
			return apdu.SWDataNotFound
		}
		return a.putBalance(tag, value, s, m)
	case tlv.TagDeductionUsed:
		return apdu.SWWrongP1P2
	case tlv.TagCAPPSupport, tlv.TagDeductionLimit:
		return a.putTransit(tag, value, s, m)
	}
	d := findParam(tag)
	switch {
	case d == nil:
		return apdu.SWWrongData
	case !p.hasParam(d):
		return apdu.SWDataNotFound
	case len(value) != d.len():
		return apdu.SWWrongLength
	case !d.check(value):
		return apdu.SWWrongData
	case (tag == tlv.TagECBalanceLimit || tag == tlv.TagSecondECBalanceLimit) && value[0] != 0 && p.statesBalance():
		return apdu.SWWrongData // the balance could outgrow the ten digits in 9F10
	case tag == tlv.TagECBalanceLimit && !fitDeposit(value, s.Deposit):
		return apdu.SWWrongData
	}
	a.memory.Put(p.extended()+extParams+d.at, value)
	return apdu.SWOK
}

// putBalance stages a load: the balance becomes value, whatever it was before, and
// the load log says both (JR/T 0025.13). An unload is a load of 0.
func (a *App) putBalance(tag tlv.Tag, value []byte, s *State, m []byte) apdu.SW {
	p := a.card.Product
	before, at, second := s.Balance, atBalance, tag == tlv.TagSecondECBalance
	if second {
		before, at = s.Second, p.extended()+extSecond
	}
	if len(value) != 6 {
		return apdu.SWWrongLength
	}
	after, err := money.FromN12(value)
	if err != nil {
		return apdu.SWWrongData
	}
	l := p.Limits
	if p.Contact != nil {
		p.overlay(&l, p.params(m), second)
	}
	if after > l.Balance {
		return apdu.SWWrongData
	}
	if p.Extension != nil && !second {
		purse := s.purse()
		if after > l.Balance-purse.Held() {
			return apdu.SWWrongData // a completion could outgrow the limit
		}
		purse.Load(after)
		after = purse.Balance
		s.keep(&purse)
		a.putPurse(s)
	}
	var b [6]byte
	putN12(b[:], after)
	a.memory.Put(at, b[:])
	a.logLoad(tag, before, after, s.ATC, m)
	return apdu.SWOK
}

// putTransit stages a new DF61 or DF62 (JR/T 0025.14). 6A88 a card without the
// extension; 6700 a wrong length; 6A80 a DF61 other than 01 and 02, or one without
// pre-authorisation while some are open (our choice), a DF62 that is not decimal, below
// what is used of it, or too great for twelve digits together with 9F77.
func (a *App) putTransit(tag tlv.Tag, value []byte, s *State, m []byte) apdu.SW {
	p := a.card.Product
	if p.Extension == nil {
		return apdu.SWDataNotFound
	}
	at := p.transit()
	if tag == tlv.TagCAPPSupport {
		switch {
		case len(value) != 1:
			return apdu.SWWrongLength
		case value[0] != TransitSection && value[0] != TransitHold, value[0] == TransitSection && s.Holds != [capp.MaxHolds]capp.Hold{}:
			return apdu.SWWrongData
		}
		a.memory.Put(at+trSupport, value)
		return apdu.SWOK
	}
	if len(value) != 6 {
		return apdu.SWWrongLength
	}
	deposit, err := money.FromN12(value)
	var limit [6]byte
	putN12(limit[:], p.Limits.Balance)
	if p.Contact != nil {
		copy(limit[:], findParam(tlv.TagECBalanceLimit).in(p.params(m)))
	}
	if err != nil || deposit < s.Used || !fitDeposit(limit[:], deposit) {
		return apdu.SWWrongData
	}
	a.memory.Put(at+trDeposit, value)
	return apdu.SWOK
}

// fitDeposit tells whether a balance limit and a deposit together fit twelve digits.
// The limit is decimal.
func fitDeposit(limit []byte, deposit money.Fen) bool {
	v, err := money.FromN12(limit)
	return err == nil && v+deposit <= money.MaxN12
}
