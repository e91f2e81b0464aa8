package t1

import (
	"time"

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
	put(tlv.TagIAD, r.IAD[:iadLength(&r.IAD)]...)
	put(tlv.TagUN, r.UN[:]...)
	put(tlv.TagATC, byte(r.ATC>>8), byte(r.ATC))
	put(tlv.TagTVR, r.TVR[:]...)
	date := bcdDate(r.Time)
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

// iadLength is how much of the zero-padded 9F10 a row's card gave: the part that
// every card has, and the discretionary part that begins with its own length
// (JR/T 0025.12, annex D). What has another layout is given whole.
func iadLength(iad *[24]byte) int {
	if iad[0] != 7 {
		return len(iad)
	}
	n := 8
	if iad[8] != 0 {
		n += 1 + int(iad[8])
	}
	return min(n, len(iad))
}

// bcdDate is the value of tag 9A.
func bcdDate(at int64) [3]byte {
	year, month, day := time.Unix(at, 0).In(beijing).Date()
	var out [3]byte
	for i, n := range [...]int{year % 100, int(month), day} {
		out[i] = byte(n/10<<4 | n%10)
	}
	return out
}
