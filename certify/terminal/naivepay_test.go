package terminal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// pay goes through the payment, with updates if there is a record to be written.
func (t *naiveTap) pay() error {
	values, err := t.pdol.Append(nil, t.value)
	if err != nil {
		return errShut
	}
	b, err := t.ask(0x80, 0xA8, 0, 0, tlv.Append(nil, tlv.TagCommandTemplate, values), 256)
	if err != nil {
		return err
	}
	if tc, err := t.answer(b); err != nil {
		return err
	} else if !tc {
		if t.g.is("updates a card that declines") {
			_ = t.update()
		}
		return errShut
	}
	if t.next != nil {
		if !t.own() && !t.g.is("takes another card's record") {
			return errShut
		}
		if err := t.update(); err != nil {
			return err
		}
	}
	return t.records()
}

func (t *naiveTap) value(tag tlv.Tag) []byte {
	switch tag {
	case tlv.TagTTQ:
		return []byte{0x28, 0, 0, 0x80}
	case tlv.TagAmountAuthorised:
		b := make([]byte, 6)
		for n, i := t.amount, 5; n > 0; i, n = i-1, n/100 {
			b[i] = byte(n%100/10<<4 | n%10)
		}
		return b
	case tlv.TagTerminalCountry, tlv.TagTransactionCurrency:
		return []byte{0x01, 0x56}
	case tlv.TagTransactionDate:
		return packed(t.g.at.Format("060102"))
	case tlv.TagUN:
		return t.un[:]
	case tlv.TagSMSupport:
		return []byte{1}
	case tlv.TagCAPPIndicator:
		return []byte{t.df60}
	}
	return nil
}

// answer reads the answer to GET PROCESSING OPTIONS.
func (t *naiveTap) answer(b []byte) (tc bool, err error) {
	get := func(tag tlv.Tag) []byte {
		v, _ := tlv.Find(b, tlv.TagResponseFormat2, tag)
		return v
	}
	iad, atc := get(tlv.TagIAD), get(tlv.TagATC)
	if len(iad) < 5 || len(atc) != 2 {
		return false, errShut
	}
	t.track2, t.psn = get(tlv.TagTrack2Equivalent), get(tlv.TagPANSequence)
	t.atc, t.ac, t.sdad, t.ctq, t.afl = binary.BigEndian.Uint16(atc), get(tlv.TagAC), get(tlv.TagSDAD), get(tlv.TagCTQ), get(tlv.TagAFL)
	copy(t.aip[:], get(tlv.TagAIP))
	if t.ac == nil && t.df60 == 2 {
		t.ac = make([]byte, 8)
	}
	return iad[4]&0x30 == 0x10 && t.ac != nil, nil
}

// own says that the serial number of the record is made of this card's number.
func (t *naiveTap) own() bool {
	digits, _, _ := strings.Cut(hex.EncodeToString(t.track2), "d")
	return len(digits) >= 14 && digits[len(digits)-14:]+hex.EncodeToString(t.psn) == hex.EncodeToString(t.prev[6:14])
}

// update writes the records: they wait on the card for the last READ RECORD.
func (t *naiveTap) update() error {
	trip := make([]byte, 48)
	trip[0] = map[terminal.Kind]byte{terminal.Entry: 1, terminal.Exit: 2, terminal.Bus: 5, terminal.Board: 1, terminal.Alight: 2}[t.kind]
	if trip[9] = 1; t.onBus() {
		trip[9] = 2
	}
	paid := uint32(t.amount)
	if t.g.is("logs another amount") {
		paid++
	}
	binary.BigEndian.PutUint32(trip[17:], paid)
	binary.BigEndian.PutUint32(trip[21:], 0xFFFFFFFF)
	copy(trip[25:], t.when())
	next := t.next
	if t.g.is("changes the card's serial number") {
		next = bytes.Clone(next)
		next[13] ^= 1
	}
	writes := []struct {
		file byte
		data []byte
	}{{t.file, next}, {0x1E, trip}}
	switch {
	case t.g.is("writes no record"):
		writes = writes[1:]
	case t.g.is("writes no log"):
		writes = writes[:1]
	}
	for _, w := range writes {
		if err := t.write(w.file, w.data); err != nil && !t.g.is("overlooks a refused update") {
			return err
		}
	}
	return nil
}

func (t *naiveTap) write(file byte, data []byte) error {
	alg, _ := t.alg()
	atc := t.atc
	if t.g.is("makes codes with an old counter") {
		atc--
	}
	header := [5]byte{0x84, 0xDE, 0, file << 3, byte(len(data) + 4)}
	code := capp.UpdateMAC(alg, t.key(file, t.prev), atc, header, data)
	_, err := t.ask(0x84, 0xDE, 0, file<<3, append(bytes.Clone(data), code[:]...), 256)
	return err
}

// records reads the locator's records; the last one pays.
func (t *naiveTap) records() error {
	for afl := t.afl; len(afl) >= 4; afl = afl[4:] {
		for n := afl[1]; n <= afl[2]; n++ {
			last := len(afl) == 4 && n == afl[2]
			if last && bytes.Compare(t.objects[tlv.TagExpirationDate], packed(t.g.at.Format("060102"))) < 0 && !t.g.is("overlooks the expiry date") {
				return errShut
			}
			if err := t.one(afl[0]&^7|4, n, n < afl[1]+afl[3], last); err != nil {
				return err
			}
		}
	}
	return t.genuine()
}

func (t *naiveTap) one(p2, n byte, signed, last bool) error {
	b, sw, err := t.send(0, 0xB2, n, p2, nil, 256)
	if errors.Is(err, errGone) && last {
		t.g.torn[t.card] = t
	}
	if err != nil {
		return err
	}
	if sw != apdu.SWOK {
		return errShut
	}
	return t.take(b, signed)
}

func (t *naiveTap) take(b []byte, signed bool) error {
	body, ok := tlv.Find(b, tlv.TagRecordTemplate)
	if !ok {
		return errShut
	}
	for it := tlv.Iterate(body); it.Next(); {
		t.objects[it.Tag] = bytes.Clone(it.Value)
	}
	if signed {
		t.static = append(t.static, body...)
	}
	return nil
}

// genuine checks the card's signature.
func (t *naiveTap) genuine() error {
	o := t.objects
	c := oda.CardData{RID: [5]byte{0xA0, 0, 0, 3, 0x33}, AIP: t.aip,
		IssuerCert: o[tlv.TagIssuerCertificate], IssuerRest: o[tlv.TagIssuerKeyRemainder], IssuerExponent: o[tlv.TagIssuerKeyExponent],
		CardCert: o[tlv.TagICCCertificate], CardRest: o[tlv.TagICCKeyRemainder], CardExponent: o[tlv.TagICCKeyExponent],
		StaticData: t.static, StaticTags: o[tlv.TagSDATagList], CAIndex: append(o[tlv.TagCAKeyIndex], 0)[0]}
	c.PAN = [10]byte(append(bytes.Clone(o[tlv.TagPAN]), bytes.Repeat([]byte{0xFF}, 10)...))
	data := oda.FDDATerminalData(nil, 1, t.un, [6]byte(t.value(tlv.TagAmountAuthorised)), [2]byte{0x01, 0x56}, o[tlv.TagCardAuthenticationData])
	if r := t.g.verify.Verify(&c, t.sdad, t.atc, data, oda.MonthOf(t.g.at.Year(), int(t.g.at.Month()))); r.Reason != oda.OK && !t.g.is("looks at no signature") {
		return errShut
	}
	return nil
}
