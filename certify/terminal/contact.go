package terminal

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Cryptogram information data, and the reference control parameter, which has the same
// types (EMV Book 3, 6.5.5).
const (
	gacAAC  = 0x00
	gacTC   = 0x40
	gacARQC = 0x80
	gacCDA  = 0x10
)

// internal is INTERNAL AUTHENTICATE (EMV Book 3, 6.5.9).
func (c *Card) internal(x *exchange) []byte {
	list := c.listed(tlv.TagDDOL)
	if list == nil {
		list = dol(0x9F37, 4)
	}
	v, ok := fill(list, x.cmd.Data)
	x.values = v
	if c.stage != stStarted {
		return status(apdu.SWConditions)
	}
	if !ok {
		return status(apdu.SWWrongLength)
	}
	sdad, err := c.sign(c.rand, c.atc, x.cmd.Data)
	if err != nil || sdad == nil {
		c.broken = err
		return status(apdu.SWUnknownINS)
	}
	if c.format2 {
		o := objects{{tlv.TagSDAD, sdad}}
		return good9000(o.wrap(tlv.TagResponseFormat2))
	}
	return good9000(tlv.Append(nil, tlv.TagResponseFormat1, sdad))
}

// listed finds a list in the records.
func (c *Card) listed(tag tlv.Tag) []byte {
	for i := range c.records {
		if v := c.records[i].objects.get(tag); v != nil {
			return v
		}
	}
	return nil
}

// generate is GENERATE AC, first or second (EMV Book 3, 6.5.5).
func (c *Card) generate(x *exchange) []byte {
	second := c.stage == stFirst
	tag := tlv.TagCDOL1
	if second {
		tag = tlv.TagCDOL2
	}
	v, ok := fill(c.listed(tag), x.cmd.Data)
	x.values = v
	switch {
	case c.stage != stStarted && !second, second && x.cmd.P1&0xC0 == gacARQC:
		return status(apdu.SWConditions)
	case !ok:
		return status(apdu.SWWrongLength)
	case x.cmd.P1&0xC0 == 0xC0 || x.cmd.P1&0x2F != 0:
		return status(apdu.SWWrongP1P2)
	}
	cid := c.cid(x.cmd.P1&0xC0, second)
	c.stage = stOver
	if cid&0xC0 == gacARQC {
		c.stage = stFirst
	}
	cvr := c.results(cid, second)
	if c.isCash && !second && cid&0xC0 == gacTC {
		amount, err := money.FromN12(v[tlv.TagAmountAuthorised])
		if err == nil {
			c.balance -= amount
			c.paid++
		}
	}
	ac, iad := c.cryptogram(v, cryptogram.CVN01, cvr, c.balance)
	if !second {
		c.ac1 = ac
	}
	if x.cmd.P1&gacCDA != 0 && cid&0xC0 != gacAAC && c.aip[0]&aipCDA != 0 {
		return c.combined(x, cid, ac, iad, v)
	}
	if c.format2 {
		o := objects{{tlv.TagCID, []byte{cid}}, {tlv.TagATC, c.counter()}, {tlv.TagAC, ac[:]}, {tlv.TagIAD, iad}}
		return good9000(o.wrap(tlv.TagResponseFormat2))
	}
	b := append([]byte{cid}, c.counter()...)
	b = append(append(b, ac[:]...), iad...)
	return good9000(tlv.Append(nil, tlv.TagResponseFormat1, b))
}

// cid is what the card decides: as asked, unless the case says otherwise or issuer
// authentication failed.
func (c *Card) cid(asked byte, second bool) byte {
	forced := c.first
	if second {
		forced = c.second
	}
	switch {
	case forced >= 0:
		return byte(forced)
	case second && c.issuerBad:
		return gacAAC
	}
	return asked
}

// results are the card verification results (JR/T 0025.5).
func (c *Card) results(cid byte, second bool) [3]byte {
	kind := cid & 0xC0 >> 2
	if !second {
		return [3]byte{0x80 | kind}
	}
	cvr := [3]byte{cid&0xC0 | 0x20}
	if c.issuerBad {
		cvr[0] |= 0x08
	}
	return cvr
}

// combined answers with CDA (EMV Book 2, 6.6).
func (c *Card) combined(x *exchange, cid byte, ac [8]byte, iad []byte, v values) []byte {
	o := objects{{tlv.TagCID, []byte{cid}}, {tlv.TagATC, c.counter()}, {tlv.TagIAD, iad}}
	in := oda.Combined{ATC: c.atc, CID: cid, AC: ac}
	copy(in.UN[:], v[tlv.TagUN])
	in.Transaction = append(in.Transaction, c.pdolRaw()...)
	for _, e := range c.seen {
		if e.cmd.INS == insGAC && e.life == x.life && e.values != nil {
			in.Transaction = append(in.Transaction, e.cmd.Data...)
		}
	}
	in.Transaction = o.append(in.Transaction)
	sdad, err := c.chain.SignCombined(nil, c.rand, in)
	if err != nil {
		c.broken = err
		return status(apdu.SWUnknown)
	}
	all := objects{o[0], o[1], {tlv.TagSDAD, sdad}, o[2]}
	return good9000(all.wrap(tlv.TagResponseFormat2))
}

// pdolRaw is the data that the PDOL asked for, as it came.
func (c *Card) pdolRaw() []byte {
	for i := len(c.seen) - 1; i >= 0; i-- {
		if x := c.seen[i]; x.cmd.INS == insGPO && x.decoded {
			b, _ := tlv.Find(x.cmd.Data, tlv.TagCommandTemplate)
			return b
		}
	}
	return nil
}

// external is EXTERNAL AUTHENTICATE (EMV Book 3, 6.5.4): once a transaction.
func (c *Card) external(x *exchange) []byte {
	c.authed++
	if c.stage != stFirst || c.authed > 1 {
		c.issuerBad = true
		return status(apdu.SWConditions)
	}
	if len(x.cmd.Data) != 10 {
		c.issuerBad = true
		return status(apdu.SWWrongLength)
	}
	if !cryptogram.VerifyARPC(c.alg, c.sessionKey(c.keyAC), c.ac1, [2]byte(x.cmd.Data[8:]), [8]byte(x.cmd.Data[:8])) {
		c.issuerBad = true
		return status(apdu.SWFailed)
	}
	return good9000(nil)
}

func (c *Card) giveChallenge(*exchange) []byte {
	if _, err := c.rand.Read(c.challenge[:]); err != nil {
		c.broken = err
	}
	return good9000(c.challenge[:])
}

// verify is VERIFY (EMV Book 3, 6.5.12), with a clear or an enciphered PIN.
func (c *Card) verify(x *exchange) []byte {
	k := x.cmd
	challenge := c.challenge
	c.challenge = [8]byte{}
	switch {
	case c.stage != stStarted:
		return status(apdu.SWConditions)
	case c.tries == 0:
		return status(apdu.SWBlocked)
	}
	var block [8]byte
	switch {
	case k.P1 == 0 && k.P2 == 0x80 && len(k.Data) == 8:
		block = [8]byte(k.Data)
	case k.P1 == 0 && k.P2 == 0x88 && c.chain != nil:
		b, ok := c.chain.DecipherPIN(c.rand, k.Data, challenge)
		if !ok {
			return status(apdu.SWWrongData)
		}
		block = b
	default:
		return status(apdu.SWWrongP1P2)
	}
	got, format, err := pin.Decode(block, c.pan)
	if err != nil || format != 2 {
		return status(apdu.SWWrongData)
	}
	if got.Equal(c.pin) {
		return good9000(nil)
	}
	c.tries--
	return status(0x63C0 | apdu.SW(c.tries))
}

// script is an issuer script command with secure messaging (JR/T 0025.5).
func (c *Card) script(x *exchange) []byte {
	k := x.cmd
	if c.stage != stFirst && c.stage != stOver || c.issuerBad {
		return status(apdu.SWConditions)
	}
	n := len(k.Data) - 4
	if n < 0 {
		return status(apdu.SWMACMissing)
	}
	want, err := cryptogram.ScriptMAC(c.alg, c.sessionKey(c.keyMAC), [4]byte{k.CLA, k.INS, k.P1, k.P2}, c.atc, c.ac1, k.Data[:n])
	if err != nil || want != [4]byte(k.Data[n:]) {
		return status(apdu.SWMACWrong)
	}
	if k.INS == insPutData && tlv.Tag(uint16(k.P1)<<8|uint16(k.P2)) == tlv.TagECBalance {
		amount, err := money.FromN12(k.Data[:n])
		if err != nil {
			return status(apdu.SWWrongData)
		}
		c.balance = amount
	}
	c.scripts++
	return good9000(nil)
}
