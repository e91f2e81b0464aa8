package emv

import (
	"encoding/binary"

	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// none is the value of an element that is the terminal's, or the issuer's, to give and
// that it does not have: what the card may have given under the tag does not count.
var none = []byte{}

// value gives a data element for a list of the card: the terminal's own, one that
// authentication found, or one that the card gave before; nothing where there is none,
// which the list fills with zeros (EMV Book 3, 5.4).
func (m *Machine) value(tag tlv.Tag) []byte {
	if v := m.transactionValue(tag); v != nil {
		return v
	}
	if v := m.terminalValue(tag); v != nil {
		return v
	}
	if v := m.found.value(tag); v != nil {
		return v
	}
	return m.data.Get(tag)
}

// transactionValue gives what belongs to this transaction.
func (m *Machine) transactionValue(tag tlv.Tag) []byte {
	d := &m.data
	switch tag {
	case tlv.TagAmountAuthorised:
		return d.Sent.Amount[:]
	case tlv.TagAmountOther:
		return d.Sent.Other[:]
	case tlv.TagAmountAuthorisedBinary:
		return binary.BigEndian.AppendUint32(m.scratch[:0], uint32(min(m.in.Amount, 1<<32-1)))
	case tlv.TagAmountOtherBinary:
		return binary.BigEndian.AppendUint32(m.scratch[:0], uint32(min(m.in.Other, 1<<32-1)))
	case tlv.TagTransactionDate:
		return d.Sent.Date[:]
	case tlv.TagTransactionTime:
		t := txn.TimeBCD(m.in.Time)
		return append(m.scratch[:0], t[:]...)
	case tlv.TagTransactionType:
		return append(m.scratch[:0], m.in.Type)
	case tlv.TagUN:
		return d.Sent.UN[:]
	case tlv.TagTransactionSequence:
		return appendBCD(m.scratch[:0], m.in.Sequence)
	case tlv.TagTVR:
		return d.TVR[:]
	case tlv.TagTSI:
		return d.TSI[:]
	case tlv.TagCVMResults:
		return d.CVMResults[:]
	case tlv.TagARC:
		if d.ARC == [2]byte{} {
			return none
		}
		return d.ARC[:]
	case tlv.TagIssuerAuthenticationData:
		return orNone(m.host.auth)
	case tlv.TagTCHash:
		return orNone(m.hash)
	}
	return nil
}

func orNone(v []byte) []byte {
	if len(v) == 0 {
		return none
	}
	return v
}

// terminalValue gives what the terminal is set to.
func (m *Machine) terminalValue(tag tlv.Tag) []byte {
	c := m.cfg
	switch tag {
	case tlv.TagTerminalCountry:
		return c.Country[:]
	case tlv.TagTransactionCurrency:
		return c.Currency[:]
	case tlv.TagTransactionCurrencyExponent:
		return append(m.scratch[:0], c.Exponent)
	case tlv.TagTerminalType:
		return append(m.scratch[:0], c.Type)
	case tlv.TagTerminalCapabilities:
		return c.Capabilities[:]
	case tlv.TagAdditionalCapabilities:
		return c.Additional[:]
	case tlv.TagMerchantName:
		return orNone(c.Merchant)
	case tlv.TagMerchantID:
		return c.MerchantID[:]
	case tlv.TagTerminalID:
		return c.TerminalID[:]
	case tlv.TagMerchantCategory:
		return c.Category[:]
	case tlv.TagAcquirerID:
		return c.Acquirer[:]
	case tlv.TagIFDSerial:
		return c.Serial[:]
	case tlv.TagTTQ:
		if !m.in.Contactless {
			return none
		}
		return c.TTQ[:]
	case tlv.TagECTerminalIndicator:
		return append(m.scratch[:0], flagByte(m.offersCash()))
	case tlv.TagSMSupport:
		return append(m.scratch[:0], flagByte(c.SM))
	}
	return m.applicationValue(tag)
}

// applicationValue gives what the terminal is set to for the selected application.
func (m *Machine) applicationValue(tag tlv.Tag) []byte {
	if m.app == nil {
		return nil
	}
	switch tag {
	case tlv.TagAIDTerminal:
		return m.app.Name
	case tlv.TagVersionTerminal:
		return m.app.Version[:]
	case tlv.TagFloorLimit:
		return binary.BigEndian.AppendUint32(m.scratch[:0], uint32(min(m.app.FloorLimit, 1<<32-1)))
	case tlv.TagECTerminalLimit:
		if n, err := m.app.CashLimit.N12(); err == nil {
			return append(m.scratch[:0], n[:]...)
		}
	}
	return nil
}

func flagByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// appendBCD appends four bytes of eight decimal digits.
func appendBCD(dst []byte, v uint32) []byte {
	for div := uint32(1000000); div > 0; div /= 100 {
		two := v / div % 100
		dst = append(dst, byte(two/10<<4|two%10))
	}
	return dst
}
