package terminal

import (
	"bytes"
	"encoding/binary"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// processing is GET PROCESSING OPTIONS (EMV Book 3, 6.5.8; JR/T 0025.12).
func (c *Card) processing(x *exchange) []byte {
	list := c.fci.get(tlv.TagPDOL)
	body, ok := tlv.Find(x.cmd.Data, tlv.TagCommandTemplate)
	if !ok {
		return status(apdu.SWWrongData)
	}
	v, ok := fill(list, body)
	if !ok {
		return status(apdu.SWWrongLength)
	}
	x.values = v
	if c.stage != stSelected {
		return status(apdu.SWConditions)
	}
	if c.refuse != 0 {
		c.stage = stOver
		return status(c.refuse)
	}
	if sw := c.admit(x, v); sw != apdu.SWOK {
		c.stage = stOver
		return status(sw)
	}
	c.atc++
	c.pdol, c.stage, c.kept = v, stStarted, false
	c.isCash, c.issuerBad, c.authed = false, false, 0
	if c.face == Contactless && !c.debit {
		return c.overAir(v)
	}
	if c.face == Contact && c.cash {
		amount, err := money.FromN12(v[tlv.TagAmountAuthorised])
		on := v[tlv.TagECTerminalIndicator]
		c.isCash = err == nil && len(on) == 1 && on[0] == 1 && amount <= c.balance
	}
	return good9000(c.profileAnswer(c.locator()))
}

// locator is the AFL of the present transaction: that of electronic cash over the contacts
// has one record more, with 9F74.
func (c *Card) locator() []byte {
	if !c.isCash {
		return c.afl
	}
	return append(bytes.Clone(c.afl), 3<<3, 1, 1, 0)
}

func (c *Card) profileAnswer(afl []byte) []byte {
	if c.format2 {
		o := objects{{tlv.TagAIP, c.aip[:]}, {tlv.TagAFL, afl}}
		return o.wrap(tlv.TagResponseFormat2)
	}
	return tlv.Append(nil, tlv.TagResponseFormat1, append(c.aip[:], afl...))
}

// overAir makes the whole of a qPBOC transaction, or magnetic stripe data.
func (c *Card) overAir(v values) []byte {
	if c.stripe && c.byTrack {
		return good9000(c.profileAnswer(c.afl))
	}
	if c.stripe {
		return c.stripeData(v)
	}
	c.result = c.decision()
	after := c.balance
	x := c.extension
	inside := x != nil && x.trade != tradeNone // a payment of the extension
	switch {
	case c.result != cryptogram.TC:
	case inside:
		after, _ = x.taken(c.balance, c.amount())
	default:
		after -= c.amount()
	}
	ac, iad := c.cryptogram(v, cryptogram.CVN01, [3]byte{0x80 | byte(c.result)<<4}, after)
	o := objects{{tlv.TagAIP, c.aip[:]}}
	if c.result == cryptogram.TC {
		o.set(tlv.TagAFL, c.afl...)
	}
	o.set(tlv.TagATC, c.counter()...)
	o.set(tlv.TagAC, ac[:]...)
	o.set(tlv.TagIAD, iad...)
	o.set(tlv.TagTrack2Equivalent, c.track2()...)
	o.set(tlv.TagPANSequence, c.psn)
	if c.result == cryptogram.TC {
		if sdad := c.fastSignature(v); sdad != nil {
			o.set(tlv.TagSDAD, sdad...)
		}
	}
	o.set(tlv.TagCTQ, c.ctq[:]...)
	if inside {
		x.tc, x.open = ac, c.result == cryptogram.TC
		if x.trade == tradeHold {
			o.remove(tlv.TagAC) // no proof that anything is owed
		}
	}
	if c.options != nil {
		c.options(&o)
	}
	return good9000(o.wrap(tlv.TagResponseFormat2))
}

// fastSignature is 9F4B of fDDA; the card chooses version 01 where both sides can
// (JR/T 0025.12).
func (c *Card) fastSignature(v values) []byte {
	version, cad := byte(0), []byte(nil)
	if ttq := v[tlv.TagTTQ]; len(ttq) == 4 && ttq[3]&0x80 != 0 && c.fdda == 1 {
		version, cad = 1, c.authenticationData()
	}
	var un [4]byte
	var amount [6]byte
	var currency [2]byte
	copy(un[:], v[tlv.TagUN])
	copy(amount[:], v[tlv.TagAmountAuthorised])
	copy(currency[:], v[tlv.TagTransactionCurrency])
	out, err := c.sign(c.rand, c.atc, oda.FDDATerminalData(nil, version, un, amount, currency, cad))
	if err != nil {
		c.broken = err
	}
	return out
}

// authenticationData is 9F69: version, card random, 9F6C, DF61.
func (c *Card) authenticationData() []byte {
	df61 := byte(0)
	if c.extension != nil {
		df61 = c.extension.support
	}
	return append(append([]byte{1}, 0xA1, 0xA2, byte(c.atc>>8), byte(c.atc)), c.ctq[0], c.ctq[1], df61)
}

// stripeData answers with track 2 and a cryptogram of version 17 (JR/T 0025.12-2010).
func (c *Card) stripeData(v values) []byte {
	ac, iad := c.cryptogram(v, cryptogram.CVN17, [3]byte{0x80 | byte(cryptogram.ARQC)<<4}, c.balance)
	o := objects{{tlv.TagAIP, []byte{0x00, 0x80}}}
	o.set(tlv.TagATC, c.counter()...)
	o.set(tlv.TagTrack2Equivalent, c.track2()...)
	o.set(tlv.TagIAD, iad...)
	o.set(tlv.TagAC, ac[:]...)
	o.set(tlv.TagPANSequence, c.psn)
	return good9000(o.wrap(tlv.TagResponseFormat2))
}

func (c *Card) counter() []byte { return binary.BigEndian.AppendUint16(nil, c.atc) }

func (c *Card) amount() money.Fen {
	amount, err := money.FromN12(c.pdol[tlv.TagAmountAuthorised])
	if err != nil {
		return 0
	}
	return amount
}

// cryptogram makes 9F26 and 9F10.
func (c *Card) cryptogram(v values, cvn cryptogram.CVN, cvr [3]byte, balance money.Fen) (ac [8]byte, iad []byte) {
	var t cryptogram.TerminalInput
	for _, f := range []struct {
		to  []byte
		tag tlv.Tag
	}{{t.Amount[:], tlv.TagAmountAuthorised}, {t.Other[:], tlv.TagAmountOther}, {t.Country[:], tlv.TagTerminalCountry}, {t.TVR[:], tlv.TagTVR},
		{t.Currency[:], tlv.TagTransactionCurrency}, {t.Date[:], tlv.TagTransactionDate}, {t.UN[:], tlv.TagUN}} {
		copy(f.to, v[f.tag])
	}
	if b := v[tlv.TagTransactionType]; len(b) == 1 {
		t.Type = b[0]
	}
	in := cryptogram.CardInput{AIP: c.aip, ATC: c.atc, CVR: cvr}
	ac = cryptogram.MAC(c.alg, c.sessionKey(c.keyAC), cryptogram.ACData(nil, cvn, &t, &in))
	d := cryptogram.IAD{DKI: 1, CVN: cvn, CVR: cvr, Alg: c.alg, IDD: cryptogram.IDDBalance}
	if n, err := balance.N12(); err == nil {
		copy(d.Amount1[:], n[1:])
	}
	d.MAC = cryptogram.BalanceMAC(c.alg, c.sessionKey(c.keyMAC), c.atc, d.IDD, d.Amount1, d.Amount2)
	return ac, d.Append(nil)
}

// readRecord is READ RECORD. In qPBOC the last record of the locator pays, and its answer
// is kept for a reader that has not heard it (JR/T 0025.12).
func (c *Card) readRecord(x *exchange, picked bool) []byte {
	k := x.cmd
	sfi := k.P2 >> 3
	if k.P2&7 != 4 || sfi == 0 || sfi == 31 {
		return status(apdu.SWWrongP1P2)
	}
	switch {
	case c.stage == stPSE && sfi == 1:
		return c.directoryRecord(k.P1)
	case c.stage == stSelected && c.extension != nil && sfi == fileLog:
		return c.extension.trip(k.P1)
	case c.stage == stSelected && picked && c.kept && !c.forgets && k.P1 == c.lastNumber() && sfi == c.lastFile():
		return c.lastRecord
	case c.stage != stStarted:
		return status(apdu.SWConditions)
	}
	fast := c.face == Contactless && !c.debit && !c.stripe
	if fast && c.result != cryptogram.TC {
		return status(apdu.SWConditions)
	}
	if c.isCash && sfi == 3 && k.P1 == 1 {
		o := objects{{tlv.TagECAuthorisationCode, []byte("ECC001")}}
		return good9000(o.wrap(tlv.TagRecordTemplate))
	}
	for i := range c.records {
		r := &c.records[i]
		if r.sfi != sfi || r.number != k.P1 {
			continue
		}
		if fast && k.P1 == c.lastNumber() && sfi == c.lastFile() {
			return c.pay(x, r)
		}
		return good9000(r.content())
	}
	return status(apdu.SWRecordNotFound)
}

func (c *Card) lastFile() byte {
	if len(c.afl) < 4 {
		return 0
	}
	return c.afl[len(c.afl)-4] >> 3
}

func (c *Card) lastNumber() byte {
	if len(c.afl) < 4 {
		return 0
	}
	return c.afl[len(c.afl)-2]
}

// pay takes the money and gives the last record, with 9F69 if version 01 was signed.
func (c *Card) pay(x *exchange, r *record) []byte {
	c.stage = stOver
	if ext := c.extension; ext != nil && ext.trade != tradeNone {
		if sw := c.commit(); sw != apdu.SWOK {
			x.wrong = "the record that was read to be updated before the last READ RECORD"
			return status(sw)
		}
	} else {
		c.balance -= c.amount()
	}
	c.paid++
	b := r.content()
	if ttq := c.pdol[tlv.TagTTQ]; len(ttq) == 4 && ttq[3]&0x80 != 0 && c.fdda == 1 && r.raw == nil {
		o := append(objects(nil), r.objects...)
		if o.get(tlv.TagCardAuthenticationData) == nil {
			o.set(tlv.TagCardAuthenticationData, c.authenticationData()...)
		}
		b = o.wrap(tlv.TagRecordTemplate)
	}
	c.lastRecord, c.kept = good9000(b), true
	return c.lastRecord
}

// getData is GET DATA (EMV Book 3, 6.5.7).
func (c *Card) getData(x *exchange) []byte {
	if c.stage == stNone || c.stage == stPSE {
		return status(apdu.SWConditions)
	}
	tag := tlv.Tag(uint16(x.cmd.P1)<<8 | uint16(x.cmd.P2))
	var v []byte
	switch {
	case c.data.get(tag) != nil:
		v = c.data.get(tag)
	case tag == tlv.TagATC:
		v = c.counter()
	case tag == tlv.TagLastOnlineATC:
		v = []byte{0x00, 0x40}
	case tag == tlv.TagPINTryCounter:
		v = []byte{byte(c.tries)}
	case c.extension != nil && len(c.extension.records) > 0 && tag == tlv.TagDeductionLimit:
		v = n12(c.extension.deposit)
	case c.extension != nil && len(c.extension.records) > 0 && tag == tlv.TagDeductionUsed:
		v = n12(c.extension.used)
	case tag == tlv.TagECBalance && (c.cash || c.face == Contactless):
		v = n12(c.balance)
	case tag == tlv.TagECResetThreshold && c.cash:
		v = n12(c.threshold)
	}
	if len(v) == 0 {
		return status(apdu.SWDataNotFound)
	}
	return good9000(tlv.Append(nil, tag, v))
}

// n12 is an amount on a card; it is zero for one that does not fit.
func n12(v money.Fen) []byte {
	b, err := v.N12()
	if err != nil {
		return make([]byte, 6)
	}
	return b[:]
}
