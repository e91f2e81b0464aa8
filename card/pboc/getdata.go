package pboc

import (
	"encoding/binary"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// getData is GET DATA, 80CA tag 00 (EMV Book 3, 6.5.7; JR/T 0025.5): the data
// object with tag and length. It changes nothing. 6A88: no such data object.
//
// While a transaction in the second currency runs, the tags of the first electronic
// cash give the values of the second (JR/T 0025.15).
func (a *App) getData(dst []byte, c *apdu.Command) ([]byte, error) {
	if len(c.Data) != 0 || c.Le == apdu.NoLe {
		return status(dst, apdu.SWWrongLength), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	tag := tlv.Tag(c.P1)<<8 | tlv.Tag(c.P2)
	value := a.object(tag, &s, m)
	if value == nil {
		return status(dst, apdu.SWDataNotFound), nil
	}
	return answer(dst, c, tlv.Append(a.body[:0], tag, value)), nil
}

// twins are the values of the second electronic cash under the tags of the first.
var twins = [...]struct{ first, second tlv.Tag }{
	{tlv.TagECBalance, tlv.TagSecondECBalance},
	{tlv.TagECResetThreshold, tlv.TagSecondECResetThreshold},
	{tlv.TagECBalanceLimit, tlv.TagSecondECBalanceLimit},
	{tlv.TagECSingleLimit, tlv.TagSecondECSingleLimit},
	{tlv.TagCardCVMLimit, tlv.TagSecondECCVMLimit},
}

// object gives the value of a data object, nil if the card has none.
func (a *App) object(tag tlv.Tag, s *State, m []byte) []byte {
	p := a.card.Product
	if a.scripts.second {
		for _, t := range twins {
			if t.first == tag {
				tag = t.second
			}
		}
	}
	if value := a.changing(tag, s, m); value != nil {
		return value
	}
	if p.Contact != nil {
		if d := findParam(tag); d != nil && p.hasParam(d) {
			return d.in(p.params(m))
		}
	}
	if value := p.data(tag); value != nil || p.Contact == nil {
		return value
	}
	return p.contactData(tag)
}

// changing gives the data objects that the card keeps or computes.
func (a *App) changing(tag tlv.Tag, s *State, m []byte) []byte {
	b := a.input[:6]
	switch tag {
	case tlv.TagATC:
		return append(b[:0], byte(s.ATC>>8), byte(s.ATC))
	case tlv.TagLastOnlineATC:
		return append(b[:0], byte(s.LastOnlineATC>>8), byte(s.LastOnlineATC))
	case tlv.TagPINTryCounter:
		return append(b[:0], s.PINTries)
	case tlv.TagECBalance:
		putN12(b, s.Balance)
		return b
	case tlv.TagSecondECBalance:
		if k := a.card.Product.Contact; k == nil || k.Second == nil {
			return nil
		}
		putN12(b, s.Second)
		return b
	case tlv.TagCAPPSupport, tlv.TagDeductionLimit, tlv.TagDeductionUsed:
		if a.journey == nil {
			return nil
		}
		switch tag {
		case tlv.TagCAPPSupport:
			return append(b[:0], s.Support)
		case tlv.TagDeductionLimit:
			putN12(b, s.Deposit)
		default:
			putN12(b, s.Used)
		}
		return b
	case tlv.TagAvailableOffline:
		now := *s
		if a.scripts.second {
			now.Balance = s.Second
		}
		putN12(b, a.card.Product.available(a.limits(m), &now))
		return b
	}
	return nil
}

// data finds a data object that was personalised.
func (p *Product) data(tag tlv.Tag) []byte {
	for i := range p.Data {
		if p.Data[i].Tag == tag {
			return p.Data[i].Value
		}
	}
	return nil
}

// contactData gives what a product with a contact side says of itself, for cards
// that have no such data object of their own.
func (p *Product) contactData(tag tlv.Tag) []byte {
	k := p.Contact
	switch tag {
	case tlv.TagCardCurrency:
		return p.Currency[:]
	case tlv.TagCardAdditionalProcessing:
		return binary.BigEndian.AppendUint32(nil, p.Options)
	case tlv.TagLogFormat:
		if p.LogCount != 0 {
			return dol(p.LogFormat)
		}
	case tlv.TagADA:
		return k.ADA[:]
	case tlv.TagIssuerAuthenticationIndicator:
		return []byte{k.IssuerAuthentication}
	case tlv.TagCardIssuerCountry:
		return k.Country[:]
	case tlv.TagSecondCurrency:
		if k.DualCurrency != ([2]byte{}) {
			return k.DualCurrency[:]
		}
	case tlv.TagSecondECCurrency:
		if k.Second != nil {
			return k.Second.Currency[:]
		}
	case tlv.TagLoadLogFormat:
		if k.LoadLogCount != 0 {
			return dol(k.LoadLogFormat)
		}
	}
	return nil
}
