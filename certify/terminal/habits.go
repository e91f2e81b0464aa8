package terminal

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// reserved are the bits of the TVR without a meaning (EMV Book 3, annex C5); byte 1 bit 2
// is "SDA selected" since EMV 4.2.
var reserved = [5]byte{0x01, 0x07, 0x03, 0x07, 0x0F}

// habits judges what holds for every transaction, whatever the case is about.
func (v *verdict) habits() {
	c := v.card
	v.must(len(c.seen) > 0 || v.reported.Outcome != "", "expected the terminal to look at the card, or to say why not")
	generated, selected := 0, false
	for _, x := range c.seen {
		if !v.must(x.decoded, "expected a well-formed command, got %X", x.raw) {
			continue
		}
		if !v.tx.Kind.Journey() {
			v.shop(x)
		}
		switch x.cmd.INS {
		case insSelect:
			selected = selected || x.sw() == apdu.SWOK
			v.must(x.cmd.P1 == 0x04 && len(x.cmd.Data) >= 5 && len(x.cmd.Data) <= 16, "expected SELECT by a name of 5 to 16 bytes, got %X", x.raw)
		case insGPO:
			v.must(selected, "expected SELECT before GET PROCESSING OPTIONS")
			if x.gone {
				continue
			}
			if v.must(x.values != nil, "expected GET PROCESSING OPTIONS with the data of the PDOL, got %X", x.raw) {
				v.told(x)
			}
		case insGAC:
			generated++
			v.must(x.cmd.P1&0xC0 != 0xC0 && x.cmd.P1&0x2F == 0, "expected a defined P1 of GENERATE AC, got %02X", x.cmd.P1)
			if x.values != nil {
				v.told(x)
			}
		case insExternal:
			v.must(len(x.cmd.Data) >= 8 && len(x.cmd.Data) <= 16, "expected 8 to 16 bytes in EXTERNAL AUTHENTICATE, got %d", len(x.cmd.Data))
		}
	}
	v.must(generated <= 2, "expected at most two GENERATE AC, got %d", generated)
	v.must(len(c.seen) <= MaxCommands, "expected an end within %d commands", MaxCommands)
	v.truthful()
	v.analysed()
	if v.tx.Kind.Journey() {
		v.gateHabits()
	}
}

// told looks at the terminal's own data, which are the same in every case.
func (v *verdict) told(x *exchange) {
	for _, f := range []struct {
		tag  tlv.Tag
		want []byte
	}{
		{tlv.TagAmountAuthorised, n12(v.tx.Amount)}, {tlv.TagTerminalCountry, v.setup.Country[:]}, {tlv.TagTransactionCurrency, v.setup.Currency[:]},
	} {
		if f.tag == tlv.TagAmountAuthorised && (v.tx.Kind == Unload || v.tx.Kind.Journey()) {
			continue // everything that is on the card, or what the gate knows
		}
		if got, ok := x.values[f.tag]; ok && len(got) == len(f.want) {
			v.must(bytes.Equal(got, f.want), "expected %X in %s of %s, got %X", f.want, f.tag, insName(x.cmd.INS), got)
		}
	}
	if got, ok := x.values[tlv.TagTransactionType]; ok && v.tx.Kind == Purchase {
		v.must(len(got) == 1 && got[0] == 0, "expected 00 in 9C of a purchase, got %X", got)
	}
	if got, ok := x.values[tlv.TagTransactionDate]; ok {
		v.must(v.near(got), "expected the day of the run in 9A, got %X", got)
	}
	if got, ok := x.values[tlv.TagUN]; ok && len(got) == 4 {
		v.must(!bytes.Equal(got, make([]byte, 4)), "expected an unpredictable number in 9F37 of %s, got zeros", insName(x.cmd.INS))
	}
	if got := x.values[tlv.TagTVR]; len(got) == 5 {
		for i, m := range reserved {
			v.must(got[i]&m == 0, "expected reserved bits of the TVR to be zero, got %X", got)
		}
	}
}

// near tells whether a date is that of the run or next to it: the terminal's clock is its
// own.
func (v *verdict) near(date []byte) bool {
	for d := -1; d <= 1; d++ {
		b := txn.DateBCD(v.at.Add(time.Duration(d) * 24 * time.Hour).Unix())
		if bytes.Equal(date, b[:]) {
			return true
		}
	}
	return false
}

// truthful wants no approval that neither card nor issuer gave.
func (v *verdict) truthful() {
	if v.tx.Kind == Balance {
		return
	}
	switch v.reported.Outcome {
	case offline:
		// A gate lets a card that has just paid pass again.
		passes := v.tx.Kind.Journey() && len(v.before.commits)+len(v.before.purse.payments) > 0
		v.must(v.approvals() > 0 || passes, "expected no approval where the card gave none, got %s", offline)
	case online:
		if v.must(!v.tx.Host || len(v.host.asked) > 0, "expected no online approval without the issuer") && v.card.face == Contact {
			v.must(v.approvals() > 0, "expected no online approval without the card's TC")
		}
	}
}

// approvals counts the card's TCs whose answer the terminal has got.
func (v *verdict) approvals() int {
	n := 0
	fast := v.card.face == Contactless && !v.card.debit
	for _, x := range v.card.seen {
		if fast && x.decoded && x.cmd.INS == insRead && x.cmd.P1 == v.card.lastNumber() && x.cmd.P2>>3 == v.card.lastFile() && x.sw() == apdu.SWOK {
			n++
		}
		if x.decoded && x.sw() == apdu.SWOK && (x.cmd.INS == insProve || x.cmd.INS == insDebit || x.cmd.INS == insReadCAPP && x.life > 0 && len(v.after.commits) > 0) {
			n++ // a purse's debit; a card that is back: its proof, or the record that it has written with its payment
		}
		if x.decoded && x.cmd.INS == insGAC && answeredCID(x)&0xC0 == gacTC {
			n++
		}
	}
	return n
}

// answeredCID reads 9F27 of an answer to GENERATE AC; 0 if there is none.
func answeredCID(x *exchange) byte {
	answer := x.answer
	if x.wait {
		answer = x.held
	}
	b, sw, err := apdu.ParseResponse(answer)
	if err != nil || sw != apdu.SWOK {
		return 0
	}
	if v, ok := tlv.Find(b, tlv.TagResponseFormat1); ok && len(v) > 0 {
		return v[0]
	}
	if v, ok := tlv.Find(b, tlv.TagResponseFormat2, tlv.TagCID); ok && len(v) == 1 {
		return v[0]
	}
	return 0
}

// analysed does terminal action analysis over again: the first cryptogram of a purchase
// over the contacts must follow from TVR, TAC and IAC (EMV Book 3, 10.7).
func (v *verdict) analysed() {
	all := v.all(insGAC)
	if len(all) == 0 || v.tx.Kind != Purchase || v.tx.Online || v.card.isCash {
		return
	}
	tvr := all[0].values[tlv.TagTVR]
	if len(tvr) != 5 {
		return
	}
	want := byte(gacTC)
	if v.meets(tvr, tlv.TagIACOnline, v.setup.Actions.Online, 0xFF) {
		want = gacARQC
	}
	if v.meets(tvr, tlv.TagIACDenial, v.setup.Actions.Denial, 0) {
		want = gacAAC
	}
	got := all[0].cmd.P1 & 0xC0
	v.must(got == want, "expected %s to be asked for with TVR %X and the action codes of card and terminal, got %s", kindName(want), tvr, kindName(got))
}

// meets tells whether TVR bits are in an action code of issuer or terminal; absent is what
// every byte of an absent issuer's code is.
func (v *verdict) meets(tvr []byte, tag tlv.Tag, tac [5]byte, absent byte) bool {
	iac := v.card.listed(tag)
	for i := range tvr {
		code := absent
		if len(iac) == 5 {
			code = iac[i]
		}
		if tvr[i]&(code|tac[i]) != 0 {
			return true
		}
	}
	return false
}

// shown is the conversation with account number and PIN masked.
func (c *Card) shown() []certify.Exchange {
	out := []certify.Exchange{{Command: "reset", Answer: c.hex(c.ATR())}}
	life := 0
	for _, x := range c.seen {
		if x.life != life {
			life = x.life
			out = append(out, certify.Exchange{Command: "reset", Answer: c.hex(c.ATR())})
		}
		e := certify.Exchange{Command: c.hex(x.raw), Answer: c.hex(x.answer)}
		if x.decoded && x.cmd.CarriesPIN() && len(x.raw) > 5 {
			e.Command = c.hex(x.raw[:5]) + strings.Repeat("*", 2*(len(x.raw)-5))
		}
		switch {
		case x.gone:
			e.Answer = "no answer: the card is gone"
		case x.delay > 0:
			e.Answer = fmt.Sprintf("%s after %v", e.Answer, x.delay)
		}
		out = append(out, e)
	}
	return out
}

func (c *Card) hex(b []byte) string {
	pan := panDigits(c.pan)
	s := strings.ToUpper(hex.EncodeToString(b))
	s = strings.ReplaceAll(s, pan, txn.PAN(c.pan).Masked())
	if x := c.extension; x != nil && len(x.records) > 0 {
		d := hex.EncodeToString(x.serial[:factorDigits/2])
		s = strings.ReplaceAll(s, d, d[:4]+strings.Repeat("*", factorDigits-8)+d[factorDigits-4:])
	}
	return s
}
