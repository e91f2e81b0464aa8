package cardview

import (
	"fmt"
	"io"
	"time"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Bits of the AIP, first byte.
const (
	aipSDA = 0x40
	aipDDA = 0x20
)

// evidence is what the card gave for its authentication.
type evidence struct {
	contactless bool
	un          [4]byte
	aip         []byte
	afl         []byte
	sdad        []byte
	ddol        []byte // values of the DDOL that were sent
	static      []byte // records that the AFL marks
	unsigned    bool   // a marked record could not be read
	withheld    bool   // a certificate stands in the record with which the card pays, and nowhere else
	objects     map[tlv.Tag][]byte
}

// authenticate makes a transaction over nothing, reads the records and checks the
// certificates and the dynamic signature.
func (d *dialogue) authenticate(f *found) error {
	a := &f.Application
	fci, err := d.enter(f)
	if err != nil || fci == nil {
		return err
	}
	e := &evidence{objects: map[tlv.Tag][]byte{}}
	sw, err := d.options(e, fci)
	if err != nil {
		return err
	}
	if sw != apdu.SWOK {
		a.Authentication.Reason = fmt.Sprintf("GET PROCESSING OPTIONS answers %04X", uint16(sw))
		return d.scan(f)
	}
	if err := d.records(a, e); err != nil {
		return err
	}
	if err := d.certificates(f, e); err != nil {
		return err
	}
	if !e.contactless && len(e.aip) == 2 && e.aip[0]&aipDDA != 0 && len(e.afl) > 0 {
		if err := d.internalAuthenticate(a, e); err != nil {
			return err
		}
	}
	if e.objects[tlv.TagPAN] == nil && e.objects[tlv.TagTrack2Equivalent] == nil {
		if err := d.scan(f); err != nil {
			return err
		}
	} else {
		a.fill(e.objects)
	}
	if v, err := d.getData(tlv.TagATC); err != nil {
		return err
	} else if n := number(v); n != nil && a.ATC != nil && *n != *a.ATC {
		a.Authentication.Counter = n
	}
	d.judge(f, e)
	return nil
}

// options sends GET PROCESSING OPTIONS for an amount of 0 at an offline reader.
func (d *dialogue) options(e *evidence, fci []byte) (apdu.SW, error) {
	list, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL)
	pdol, err := tlv.ParseDOL(list)
	if err != nil {
		return apdu.SWUnknown, nil
	}
	e.contactless = pdol.Has(tlv.TagTTQ)
	var sw apdu.SW
	for _, sm := range []byte{1, 0} {
		if _, err := io.ReadFull(d.o.Rand, e.un[:]); err != nil {
			return 0, fmt.Errorf("read card: unpredictable number: %w", err)
		}
		values, err := pdol.Append(nil, func(tag tlv.Tag) []byte { return d.terminalData(tag, e, sm) })
		if err != nil {
			return apdu.SWUnknown, nil
		}
		var data []byte
		data, sw, err = d.send(apdu.Command{CLA: 0x80, INS: 0xA8, Data: tlv.Append(nil, tlv.TagCommandTemplate, values), Le: apdu.MaxShortLe})
		if err != nil {
			return 0, err
		}
		if sw == apdu.SWOK {
			e.take(data)
			break
		}
		if !pdol.Has(tlv.TagSMSupport) {
			break
		}
	}
	return sw, nil
}

// terminalData is what the reader says about itself and the transaction.
func (d *dialogue) terminalData(tag tlv.Tag, e *evidence, sm byte) []byte {
	switch tag {
	case tlv.TagTTQ:
		return []byte{0x28, 0x00, 0x00, 0x00} // qPBOC, offline only, fDDA version 00
	case tlv.TagTerminalCountry, tlv.TagTransactionCurrency:
		return []byte{0x01, 0x56}
	case tlv.TagTransactionDate:
		return bcd(d.o.At.Year()%100, int(d.o.At.Month()), d.o.At.Day())
	case tlv.TagTransactionTime:
		return bcd(d.o.At.Hour(), d.o.At.Minute(), d.o.At.Second())
	case tlv.TagTerminalType:
		return []byte{0x26}
	case tlv.TagUN:
		return e.un[:]
	case tlv.TagSMSupport:
		return []byte{sm}
	}
	return nil
}

func bcd(values ...int) []byte {
	var out []byte
	for _, v := range values {
		out = append(out, byte(v/10<<4|v%10))
	}
	return out
}

// take reads the answer to GET PROCESSING OPTIONS in both of its formats.
func (e *evidence) take(data []byte) {
	it := tlv.Iterate(append([]byte{}, data...))
	if !it.Next() {
		return
	}
	if it.Tag == tlv.TagResponseFormat1 {
		if len(it.Value) >= 2 {
			e.aip, e.afl = it.Value[:2], it.Value[2:]
		}
		return
	}
	e.keep(it.Value)
	e.aip, e.afl, e.sdad = e.objects[tlv.TagAIP], e.objects[tlv.TagAFL], e.objects[tlv.TagSDAD]
}

// keep notes the objects of a template; the first of a kind counts.
func (e *evidence) keep(b []byte) {
	it := tlv.Iterate(b)
	for it.Next() {
		if _, there := e.objects[it.Tag]; !there {
			e.objects[it.Tag] = it.Value
		}
	}
}

// records reads the records of the AFL. Over the air the last one is left out:
// with it a payment takes effect.
func (d *dialogue) records(a *Application, e *evidence) error {
	if len(e.afl)%4 != 0 {
		d.note("%s: AFL of %d bytes", a.AID, len(e.afl))
		return nil
	}
	for i := 0; i < len(e.afl); i += 4 {
		sfi, first, last, signed := e.afl[i]>>3, int(e.afl[i+1]), int(e.afl[i+2]), int(e.afl[i+3])
		for n := first; n <= last; n++ {
			marked := n < first+signed
			if e.contactless && i+4 == len(e.afl) && n == last {
				e.unsigned = e.unsigned || marked
				continue
			}
			data, sw, err := d.readRecord(sfi, byte(n))
			if err != nil {
				return err
			}
			if sw != apdu.SWOK {
				d.note("%s: record %d of file %d answers %04X", a.AID, n, sfi, uint16(sw))
				e.unsigned = e.unsigned || marked
				continue
			}
			e.record(append([]byte{}, data...), sfi, marked)
		}
	}
	if e.sdad == nil {
		e.sdad = e.objects[tlv.TagSDAD]
	}
	return nil
}

// record takes one record; marked ones are signed, files 1 to 10 without their
// template (EMV Book 3, 10.3).
func (e *evidence) record(data []byte, sfi byte, marked bool) {
	inside, ok := tlv.Find(data, tlv.TagRecordTemplate)
	if ok {
		e.keep(inside)
	}
	switch {
	case !marked:
	case sfi <= 10 && ok:
		e.static = append(e.static, inside...)
	default:
		e.static = append(e.static, data...)
	}
}

// internalAuthenticate asks for a dynamic signature over the contacts (EMV Book 2,
// 6.5).
func (d *dialogue) internalAuthenticate(a *Application, e *evidence) error {
	list := e.objects[tlv.TagDDOL]
	if list == nil {
		list = []byte{0x9F, 0x37, 0x04}
	}
	ddol, err := tlv.ParseDOL(list)
	if err != nil {
		d.note("%s: DDOL: %v", a.AID, err)
		return nil
	}
	values, err := ddol.Append(nil, func(tag tlv.Tag) []byte { return d.terminalData(tag, e, 1) })
	if err != nil {
		d.note("%s: DDOL: %v", a.AID, err)
		return nil
	}
	data, sw, err := d.send(apdu.Command{INS: 0x88, Data: values, Le: apdu.MaxShortLe})
	if err != nil {
		return err
	}
	if sw != apdu.SWOK {
		d.note("%s: INTERNAL AUTHENTICATE answers %04X", a.AID, uint16(sw))
		return nil
	}
	data = append([]byte{}, data...)
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		e.sdad = v
	} else if v, ok := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagSDAD); ok {
		e.sdad = v
	}
	e.ddol = values
	return nil
}

// judge says whether the card is genuine.
func (d *dialogue) judge(f *found, e *evidence) {
	v := &f.Authentication
	if index := e.objects[tlv.TagCAKeyIndex]; len(index) == 1 {
		v.CAIndex = fmt.Sprintf("%02X", index[0])
	}
	card, why := e.cardData(f.aid)
	if why != "" {
		v.Reason = why
		return
	}
	at := month(d.o.At)
	switch {
	case e.sdad != nil:
	// A card that offers DDA is not believed for its 93, which anybody can copy
	// (EMV Book 3, 10.3).
	case card.SignedStatic == nil || card.AIP[0]&aipDDA != 0:
		v.Reason = "the card gave no signature"
		return
	default:
		v.Method = "SDA"
		_, r := d.verifier.VerifyStatic(card, at)
		v.conclude(r)
		return
	}
	v.Method = "DDA"
	signed := e.ddol
	if e.contactless {
		v.Method, signed = "fDDA", e.un[:]
	}
	key, r := d.verifier.VerifyCardCert(card, at)
	if key != nil {
		v.Algorithm, v.Until = "RSA", key.Expiry().String()
		if key.SM2() != nil {
			v.Algorithm = "SM2"
		}
		_, r = key.DynamicData(e.sdad, signed)
	}
	v.conclude(r)
}

func (v *Authentication) conclude(r oda.Reason) {
	switch r {
	case oda.OK:
		v.Result = Genuine
	case oda.MissingData, oda.NoCAKey, oda.NotVerified:
		v.Result, v.Reason = NotChecked, r.String()
	default:
		v.Result, v.Reason = NotGenuine, r.String()
	}
}

// cardData gathers what the certificates are checked with, or says what is
// missing.
func (e *evidence) cardData(aid []byte) (*oda.CardData, string) {
	switch {
	case len(e.afl) == 0:
		return nil, "the card declines an offline transaction of 0.00"
	case e.unsigned:
		return nil, "a signed record could not be read"
	case len(e.aip) != 2 || e.aip[0]&(aipSDA|aipDDA) == 0:
		return nil, "the card does not offer offline data authentication"
	case e.withheld:
		return nil, "the card gives a certificate with its first payment only"
	case len(e.objects[tlv.TagCAKeyIndex]) != 1:
		return nil, "the card gave no CA public key index"
	}
	pan, ok := panOf(e.objects)
	if !ok {
		return nil, "the card gave no usable card number"
	}
	o := e.objects
	return &oda.CardData{
		RID: [5]byte(aid[:5]), CAIndex: o[tlv.TagCAKeyIndex][0], PAN: pan, AIP: [2]byte(e.aip),
		IssuerCert: o[tlv.TagIssuerCertificate], IssuerRest: o[tlv.TagIssuerKeyRemainder], IssuerExponent: o[tlv.TagIssuerKeyExponent],
		CardCert: o[tlv.TagICCCertificate], CardRest: o[tlv.TagICCKeyRemainder], CardExponent: o[tlv.TagICCKeyExponent],
		SignedStatic: o[tlv.TagSSAD], StaticData: e.static, StaticTags: o[tlv.TagSDATagList],
	}, ""
}

func month(t time.Time) oda.Month { return oda.MonthOf(t.Year(), int(t.Month())) }

// certificates looks elsewhere for a certificate that stands in the record with which a
// payment takes effect: cards that are quick at gates have it there, and for terminals
// over the contacts in another record as well. The pending payment is given up first.
func (d *dialogue) certificates(f *found, e *evidence) error {
	groups := [...][3]tlv.Tag{
		{tlv.TagIssuerCertificate, tlv.TagIssuerKeyRemainder, tlv.TagIssuerKeyExponent},
		{tlv.TagICCCertificate, tlv.TagICCKeyRemainder, tlv.TagICCKeyExponent},
	}
	if !e.contactless || len(e.afl) == 0 || e.objects[groups[0][0]] != nil && e.objects[groups[1][0]] != nil {
		return nil
	}
	if fci, err := d.enter(f); err != nil || fci == nil {
		return err
	}
	all, err := d.everyRecord()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if e.objects[g[0]] != nil {
			continue
		}
		e.withheld = e.withheld || all.objects[g[0]] == nil
		for _, tag := range g {
			if v := all.objects[tag]; v != nil {
				e.objects[tag] = v
			}
		}
	}
	return nil
}

// scan looks for records without a transaction, for what says which card it is.
func (d *dialogue) scan(f *found) error {
	e, err := d.everyRecord()
	if err != nil {
		return err
	}
	f.fill(e.objects)
	return nil
}

// everyRecord reads what records the files of the payment system's own have.
func (d *dialogue) everyRecord() (*evidence, error) {
	e := &evidence{objects: map[tlv.Tag][]byte{}}
	const lastFile, lastRecord = 10, 16
	for sfi := byte(1); sfi <= lastFile; sfi++ {
		for n := byte(1); n <= lastRecord; n++ {
			data, sw, err := d.readRecord(sfi, n)
			if err != nil {
				return nil, err
			}
			if sw == apdu.SWOK {
				e.record(append([]byte{}, data...), sfi, false)
			} else if sw != apdu.SWConditions {
				break
			}
		}
	}
	return e, nil
}
