package pboc

import (
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// getData is GET DATA, 80CA tag 00 (EMV Book 3, 6.5.7; JR/T 0025.5): the data
// object with tag and length. It changes nothing. 6A88: no such data object.
func (a *App) getData(dst []byte, c *apdu.Command) ([]byte, error) {
	if len(c.Data) != 0 || c.Le == apdu.NoLe {
		return status(dst, apdu.SWWrongLength), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	tag := tlv.Tag(c.P1)<<8 | tlv.Tag(c.P2)
	value := a.changing(tag, &s)
	if value == nil {
		value = a.card.Product.data(tag)
	}
	if value == nil {
		return status(dst, apdu.SWDataNotFound), nil
	}
	return answer(dst, c, tlv.Append(a.body[:0], tag, value)), nil
}

// changing gives the data objects that the card keeps or computes.
func (a *App) changing(tag tlv.Tag, s *State) []byte {
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
	case tlv.TagAvailableOffline:
		putN12(b, a.card.Product.available(s))
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
