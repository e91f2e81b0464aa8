package pboc

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// putData stages PUT DATA, 04DA tag value (JR/T 0025.5; JR/T 0025.13 and 0025.15
// for the balances): the value becomes what the card works with from the next
// transaction on. 6A80 a tag that no issuer may change, a value that is not decimal,
// a balance above its limit, a balance limit of more than ten digits if 9F10 states
// the balance; 6A88 a value that this product does not have; 6A86
// DF63, which only the card changes; 6700 a wrong length.
func (a *App) putData(number uint16, value []byte, s *State, m []byte) apdu.SW {
	p := a.card.Product
	tag := tlv.Tag(number)
	switch tag {
	case tlv.TagECBalance:
		return a.putBalance(tag, value, s, m)
	case tlv.TagSecondECBalance:
		if p.Contact.Second == nil {
			return apdu.SWDataNotFound
		}
		return a.putBalance(tag, value, s, m)
	case tlv.TagDeductionUsed:
		return apdu.SWWrongP1P2
	case tlv.TagCAPPSupport, tlv.TagDeductionLimit:
		return apdu.SWDataNotFound
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
	var l Limits
	p.overlay(&l, p.params(m), second)
	if after > l.Balance {
		return apdu.SWWrongData
	}
	a.memory.Put(at, value)
	a.logLoad(tag, before, after, s.ATC, m)
	return apdu.SWOK
}
