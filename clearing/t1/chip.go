package t1

import (
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// appendChipData writes the data objects by which an issuer can check the
// cryptogram of a row again: those of field 55 of an offline purchase that the
// row keeps. 9F27 is that of a TC, and 8A that of an offline approval; country
// and currency are those of every row (txn.RowFormat). Rows of purses have data of
// their own.
func appendChipData(dst []byte, r *txn.Row) []byte {
	if p, is := r.Purse(); is {
		return appendPurseData(dst, r, &p)
	}
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

// Tags of what a purse and a security module gave, in private class (our choice).
const (
	tagTAC         tlv.Tag = 0xC1 // 4 bytes
	tagMAC2        tlv.Tag = 0xC2 // 4
	tagMAC1        tlv.Tag = 0xC3 // 4
	tagPurseKey    tlv.Tag = 0xC4 // algorithm, key version
	tagPurseRandom tlv.Tag = 0xC5 // 4
	tagModule      tlv.Tag = 0xC6 // terminal number of the module, 6
	tagModuleTrade tlv.Tag = 0xC7 // transaction number of the module, 4
	tagPurseTime   tlv.Tag = 0xC8 // YYYYMMDDhhmmss, BCD, which the TAC covers
)

// appendPurseData writes what a purse's issuer needs to check TAC and MAC2 of a row
// again (JT/T 978): the counter is the offline number as the card logs it, the type
// that of its log.
func appendPurseData(dst []byte, r *txn.Row, p *txn.PurseData) []byte {
	put := func(tag tlv.Tag, value ...byte) { dst = tlv.Append(dst, tag, value) }
	put(tagTAC, p.TAC[:]...)
	put(tagMAC2, p.MAC2[:]...)
	put(tagMAC1, p.MAC1[:]...)
	put(tagPurseKey, p.Algorithm, p.KeyVersion)
	put(tagPurseRandom, p.Random[:]...)
	put(tagModule, p.Terminal[:]...)
	put(tagModuleTrade, byte(p.TerminalSequence>>24), byte(p.TerminalSequence>>16), byte(p.TerminalSequence>>8), byte(p.TerminalSequence))
	stamp := txn.StampBCD(r.Time)
	put(tagPurseTime, stamp[:]...)
	put(tlv.TagATC, byte(p.Sequence>>8), byte(p.Sequence))
	put(tlv.TagTransactionType, r.Type)
	amount, err := r.Amount.N12()
	if err != nil {
		panic("t1: a row has an amount that it cannot hold: " + err.Error())
	}
	put(tlv.TagAmountAuthorised, amount[:]...)
	put(tlv.TagPANSequence, r.Card.PSN)
	return dst
}
