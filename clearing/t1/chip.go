package t1

import (
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// appendChipData writes the data objects by which an issuer can check the
// cryptogram of a row again: those of field 55 of an offline purchase that the
// row keeps. 9F27 is that of a TC, and 8A that of an offline approval; country
// and currency are those of every row (txn.RowFormat).
func appendChipData(dst []byte, r *txn.Row) []byte {
	put := func(tag tlv.Tag, value ...byte) { dst = tlv.Append(dst, tag, value) }
	put(tlv.TagAC, r.AC[:]...)
	put(tlv.TagCID, 0x40)
	put(tlv.TagIAD, r.IssuerData()...)
	put(tlv.TagUN, r.UN[:]...)
	put(tlv.TagATC, byte(r.ATC>>8), byte(r.ATC))
	put(tlv.TagTVR, r.TVR[:]...)
	date := txn.DateBCD(r.Time)
	put(tlv.TagTransactionDate, date[:]...)
	put(tlv.TagTransactionType, r.Type)
	amount, err := r.Amount.N12()
	if err != nil {
		panic("t1: a row has an amount that it cannot hold: " + err.Error())
	}
	put(tlv.TagAmountAuthorised, amount[:]...)
	put(tlv.TagAmountOther, 0, 0, 0, 0, 0, 0)
	put(tlv.TagTransactionCurrency, 0x01, 0x56)
	put(tlv.TagTerminalCountry, 0x01, 0x56)
	put(tlv.TagAIP, r.AIP[:]...)
	put(tlv.TagPANSequence, r.Card.PSN)
	put(tlv.TagCTQ, r.Tag9F6C[:]...)
	if r.Tag9F69 != [8]byte{} {
		put(tlv.TagCardAuthenticationData, r.Tag9F69[:]...)
	}
	put(tlv.TagARC, 'Y', '1')
	return dst
}
