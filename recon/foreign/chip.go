package foreign

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// chipData is field 55 as far as it is needed (EMV Book 3, annex A; JR/T 0025.5).
type chipData struct {
	ac     [8]byte
	iad    [cryptogram.MaxIADLen]byte
	iadLen uint8
	result cryptogram.Result
	atc    uint16
	psn    int16
	amount money.Fen // 9F02, -1 if it is not there
	before money.Fen // value before the transaction: stated, and what a TC took off
	input  cryptogram.TerminalInput
	aip    [2]byte
	lacks  tlv.Tag // first object without which no cryptogram can be checked, 0 if none
	stated bool    // made from columns for counter and balance: there is no cryptogram
}

// maxField55 is the most bytes of field 55.
const maxField55 = 255

// parseChip reads field 55. An object that is there twice, and one of a wrong length,
// refuse it.
func parseChip(f field, b []byte) (*chipData, *refusal) {
	if len(b) == 0 || len(b) > maxField55 {
		return nil, bad(f, "%d bytes, want 1 to %d", len(b), maxField55)
	}
	c := &chipData{psn: unknownPSN, amount: -1}
	seen := map[tlv.Tag]bool{}
	it := tlv.Iterate(b)
	for it.Next() {
		if seen[it.Tag] {
			return nil, bad(f, "tag %s is there twice", it.Tag)
		}
		seen[it.Tag] = true
		if !c.take(it.Tag, it.Value) {
			return nil, bad(f, "tag %s has %d bytes, which cannot be", it.Tag, len(it.Value))
		}
	}
	if err := it.Err(); err != nil {
		return nil, bad(f, "%v", err)
	}
	if !seen[tlv.TagATC] || !seen[tlv.TagIAD] {
		return nil, bad(f, "9F36 or 9F10 is missing")
	}
	for _, tag := range needed {
		if !seen[tag] && c.lacks == 0 {
			c.lacks = tag
		}
	}
	return c, c.judge(f)
}

// needed are the objects that a cryptogram of any version covers; country, currency and
// other amount have their usual values if they are not there.
var needed = []tlv.Tag{tlv.TagAC, tlv.TagAmountAuthorised, tlv.TagUN, tlv.TagTVR, tlv.TagTransactionDate, tlv.TagTransactionType, tlv.TagAIP}

// take keeps one object; false if its length is wrong.
func (c *chipData) take(tag tlv.Tag, v []byte) bool {
	put := func(dst []byte) bool { return copy(dst, v) == len(dst) && len(v) == len(dst) }
	switch tag {
	case tlv.TagAC:
		return put(c.ac[:])
	case tlv.TagIAD:
		c.iadLen = uint8(copy(c.iad[:], v))
		return len(v) <= len(c.iad)
	case tlv.TagATC:
		if len(v) == 2 {
			c.atc = uint16(v[0])<<8 | uint16(v[1])
		}
		return len(v) == 2
	case tlv.TagPANSequence:
		if len(v) == 1 {
			c.psn = int16(v[0])
		}
		return len(v) == 1
	case tlv.TagAmountAuthorised:
		amount, err := money.FromN12(v)
		c.amount = amount
		return put(c.input.Amount[:]) && err == nil && amount <= maxFen
	case tlv.TagAmountOther:
		return put(c.input.Other[:])
	case tlv.TagUN:
		return put(c.input.UN[:])
	case tlv.TagTVR:
		return put(c.input.TVR[:])
	case tlv.TagTransactionDate:
		return put(c.input.Date[:])
	case tlv.TagTransactionType:
		if len(v) == 1 {
			c.input.Type = v[0]
		}
		return len(v) == 1
	case tlv.TagAIP:
		return put(c.aip[:])
	case tlv.TagTransactionCurrency:
		return put(c.input.Currency[:])
	case tlv.TagTerminalCountry:
		return put(c.input.Country[:])
	}
	return true
}

// judge reads 9F10 and completes what was left out.
func (c *chipData) judge(f field) *refusal {
	if c.input.Country == [2]byte{} {
		c.input.Country = [2]byte{0x01, 0x56}
	}
	if c.input.Currency == [2]byte{} {
		c.input.Currency = [2]byte{0x01, 0x56}
	}
	iad, err := cryptogram.ParseIAD(c.iad[:c.iadLen])
	if err != nil {
		return bad(f, "%v", err)
	}
	value, ok := iad.Balance()
	if !ok || iad.IDD != cryptogram.IDDBalance {
		return &refusal{NoBalance, ""}
	}
	if c.result = iad.Result(); c.result == cryptogram.RFU {
		return &refusal{WrongType, "reserved type"}
	}
	c.before = value
	return nil
}

// same reports whether two say the same of the same transaction.
func (c *chipData) same(o *chipData) bool {
	return c.ac == o.ac && c.atc == o.atc && c.iad == o.iad && c.iadLen == o.iadLen && c.amount == o.amount && c.input == o.input && c.aip == o.aip
}

// check judges cryptogram and balance MAC with keys.
func (c *chipData) check(v *cryptogram.Verifier, pan [10]byte, psn byte) cryptogram.Verdict {
	iad, err := cryptogram.ParseIAD(c.iad[:c.iadLen])
	if err != nil {
		return cryptogram.BadIAD
	}
	card := cryptogram.CardInput{AIP: c.aip, ATC: c.atc, CVR: iad.CVR}
	return v.Check(pan, psn, &c.input, &card, c.iad[:c.iadLen], c.ac, true)
}
