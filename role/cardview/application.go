package cardview

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// application reads one application.
func (d *dialogue) application(f *found) error {
	fci, err := d.enter(f)
	if err != nil || fci == nil {
		return err
	}
	a := &f.Application
	inside, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary)
	if !ok {
		d.note("%s: the FCI has no A5", a.AID)
	}
	if label, ok := tlv.Find(inside, tlv.TagApplicationLabel); ok && a.Label == "" {
		a.Label = printable(label)
	}
	if v, ok := tlv.Find(inside, tlv.TagFCIIssuerDiscretionary, tlv.TagCAPPSupport); ok {
		a.Transit = fmt.Sprintf("%X", v)
	}
	if err := d.objects(a); err != nil {
		return err
	}
	if err := d.logs(a, inside); err != nil {
		return err
	}
	if err := d.journeys(a); err != nil {
		return err
	}
	a.Authentication.Result = NotChecked
	if d.o.Passive || d.o.LogsOnly {
		a.Authentication.Reason = "a passive look does not authenticate"
		return d.scan(f)
	}
	return d.authenticate(f)
}

// enter resets the card and selects an application on the side on which its
// directory names it. It gives a copy of the FCI, nil if the card refuses.
func (d *dialogue) enter(f *found) ([]byte, error) {
	if _, err := d.card.Reset(d.ctx, reader.Cold); err != nil {
		return nil, err
	}
	if f.Contactless {
		if _, _, err := d.selectName([]byte(ppse.Name), false); err != nil {
			return nil, err
		}
	}
	data, sw, err := d.selectName(f.aid, false)
	if err != nil {
		return nil, err
	}
	if sw != apdu.SWOK && sw != apdu.SWInvalidated {
		d.note("%s: SELECT answers %04X", f.AID, uint16(sw))
		f.Authentication = Authentication{Result: NotChecked, Reason: fmt.Sprintf("SELECT answers %04X", uint16(sw))}
		return nil, nil
	}
	f.Blocked = sw == apdu.SWInvalidated
	return append([]byte{}, data...), nil
}

// objects reads what GET DATA gives.
func (d *dialogue) objects(a *Application) error {
	a.Limits, a.Log, a.LoadLog = []Limit{}, []Payment{}, []Load{}
	a.Journeys, a.Trips = []Journey{}, []Trip{}
	var err error
	if a.Cash, err = d.purse(a.AID, tlv.TagECBalance, tlv.TagCardCurrency, tlv.TagECBalanceLimit, tlv.TagECSingleLimit); err != nil {
		return err
	}
	if a.Second, err = d.purse(a.AID, tlv.TagSecondECBalance, tlv.TagSecondECCurrency, tlv.TagSecondECBalanceLimit, tlv.TagSecondECSingleLimit); err != nil {
		return err
	}
	for _, n := range [...]struct {
		tag tlv.Tag
		to  **int
	}{{tlv.TagATC, &a.ATC}, {tlv.TagLastOnlineATC, &a.Online}, {tlv.TagPINTryCounter, &a.PINTries}} {
		v, err := d.getData(n.tag)
		if err != nil {
			return err
		}
		*n.to = number(v)
	}
	country, err := d.getData(tlv.TagCardIssuerCountry)
	if err != nil {
		return err
	}
	a.Country = code(country)
	if d.o.LogsOnly {
		return nil
	}
	return d.limits(a)
}

// purse reads a balance and what belongs to it; nil if there is none.
func (d *dialogue) purse(aid string, balance, currency, limit, single tlv.Tag) (*Purse, error) {
	v, err := d.getData(balance)
	if err != nil || v == nil {
		return nil, err
	}
	amount := fen(v)
	if amount == nil {
		d.note("%s: %X is %X, want 12 decimal digits", aid, uint32(balance), v)
		return nil, nil
	}
	p := &Purse{Balance: *amount}
	if v, err = d.getData(currency); err != nil {
		return nil, err
	}
	p.Currency = code(v)
	if v, err = d.getData(limit); err != nil {
		return nil, err
	}
	p.Limit = fen(v)
	if v, err = d.getData(single); err != nil {
		return nil, err
	}
	p.Single = fen(v)
	return p, nil
}

// riskTags are the other values of card risk management (JR/T 0025.5, GET DATA).
var riskTags = [...]tlv.Tag{
	tlv.TagECResetThreshold, tlv.TagCardCVMLimit, tlv.TagAvailableOffline, tlv.TagCTTAL, tlv.TagCTTAUpper, tlv.TagCTTALDual,
	tlv.TagOfflineLimitCurrency, tlv.TagOfflineLimitCountry, tlv.TagLowerOfflineLimit, tlv.TagUpperOfflineLimit,
	tlv.TagCurrencyConversionFactor, tlv.TagSecondCurrency, tlv.TagADA, tlv.TagIssuerAuthenticationIndicator,
	tlv.TagCardAdditionalProcessing, tlv.TagSecondECResetThreshold, tlv.TagSecondECCVMLimit,
	tlv.TagDeductionLimit, tlv.TagDeductionUsed,
}

func (d *dialogue) limits(a *Application) error {
	for _, tag := range riskTags {
		v, err := d.getData(tag)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		l := Limit{Tag: fmt.Sprintf("%X", uint32(tag)), Value: fmt.Sprintf("%X", v)}
		if info, ok := tlv.Lookup(tag); ok {
			l.Name, l.NameZH = info.Name, info.NameZH
		}
		switch {
		case len(v) == 6 && fen(v) != nil:
			l.Value = money.Fen(*fen(v)).String()
		case len(v) == 1 && isCount(tag):
			l.Value = fmt.Sprint(v[0])
		}
		a.Limits = append(a.Limits, l)
	}
	return nil
}

func isCount(tag tlv.Tag) bool {
	switch tag {
	case tlv.TagOfflineLimitCurrency, tlv.TagOfflineLimitCountry, tlv.TagLowerOfflineLimit, tlv.TagUpperOfflineLimit:
		return true
	}
	return false
}

// number reads one or two bytes; nil for any other length.
func number(v []byte) *int {
	n := 0
	switch len(v) {
	case 1:
		n = int(v[0])
	case 2:
		n = int(binary.BigEndian.Uint16(v))
	default:
		return nil
	}
	return &n
}

// fen reads an amount of 12 decimal digits; nil if it is none.
func fen(v []byte) *int64 {
	if len(v) != 6 {
		return nil
	}
	f, err := money.FromN12(v)
	if err != nil {
		return nil
	}
	n := int64(f)
	return &n
}

// code gives three decimal digits of a currency or country; empty if there are none.
func code(v []byte) string {
	if len(v) != 2 || !decimal(v) {
		return ""
	}
	return fmt.Sprintf("%X", v)[1:]
}

// date gives YYYY-MM-DD of YYMMDD; years 50 to 99 are in the 1900s (EMV Book 4,
// 6.7.3).
func date(v []byte) string {
	if len(v) != 3 || !decimal(v) || v[1] == 0 {
		return ""
	}
	century := "20"
	if v[0] >= 0x50 {
		century = "19"
	}
	return fmt.Sprintf("%s%02X-%02X-%02X", century, v[0], v[1], v[2])
}

// clock gives HH:MM:SS of hhmmss.
func clock(v []byte) string {
	if len(v) != 3 || !decimal(v) {
		return ""
	}
	return fmt.Sprintf("%02X:%02X:%02X", v[0], v[1], v[2])
}

func decimal(b []byte) bool {
	for _, c := range b {
		if c>>4 > 9 || c&15 > 9 {
			return false
		}
	}
	return true
}

// fill takes from records what says which card it is.
func (a *Application) fill(objects map[tlv.Tag][]byte) {
	if pan, ok := panOf(objects); ok {
		a.PAN = pan.Masked()
	}
	if v := objects[tlv.TagPANSequence]; len(v) == 1 && decimal(v) {
		a.PSN = fmt.Sprintf("%02X", v[0])
	}
	a.Effective, a.Expires = date(objects[tlv.TagEffectiveDate]), date(objects[tlv.TagExpirationDate])
	if c := code(objects[tlv.TagIssuerCountry]); c != "" {
		a.Country = c
	}
}

// panOf finds the card number in 5A, or in track 2 in front of its separator.
func panOf(objects map[tlv.Tag][]byte) (txn.PAN, bool) {
	if v, ok := objects[tlv.TagPAN]; ok {
		pan, err := txn.PANFromBCD(v)
		return pan, err == nil
	}
	digits := ""
	for _, c := range fmt.Sprintf("%X", objects[tlv.TagTrack2Equivalent]) {
		if c == 'D' {
			pan, err := txn.ParsePAN(digits)
			return pan, err == nil
		}
		digits += string(c)
	}
	return txn.PAN{}, false
}
