package kernel

import (
	"bytes"

	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// refuse applies the rules that need no signature: account numbers that agree
// (57 and 5A), one PSN, processing restrictions (EMV Book 3, 10.4). It runs before
// the last record, on what has come so far, and again after it. The Ready has an
// Outcome if the card is refused; commit is what is certain by then.
func (m *Machine) refuse(commit Commit) Ready {
	d := &m.data
	if p := d.objects[objPAN]; p != nil {
		if pan, err := txn.PANFromBCD(p); err != nil || pan != d.Card.PAN {
			return m.end(Failed, commit, txn.MissingCardData, Fault{Code: Mismatch, Tag: tlv.TagPAN})
		}
	}
	if p := d.objects[objPSN]; p != nil && p[0] != d.Card.PSN {
		return m.end(Failed, commit, txn.MissingCardData, Fault{Code: Mismatch, Tag: tlv.TagPANSequence})
	}
	if v := d.objects[objVersion]; v != nil && !bytes.Equal(v, m.cfg.AppVersion[:]) {
		m.out.TVR[1] |= tvr2Version // noted only: there is no terminal action analysis in qPBOC
	}
	today, _ := dateKey(d.Sent.Date[:])
	if b := d.objects[objExpiry]; b != nil {
		switch day, ok := dateKey(b); {
		case !ok:
			return m.end(Failed, commit, txn.MissingCardData, Fault{Code: BadValue, Tag: tlv.TagExpirationDate})
		case day < today:
			m.out.TVR[1] |= tvr2Expired
			return m.end(Declined, commit, txn.Expired, Fault{Code: Restricted, Tag: tlv.TagExpirationDate})
		}
	}
	if b := d.objects[objEffective]; b != nil {
		switch day, ok := dateKey(b); {
		case !ok:
			return m.end(Failed, commit, txn.MissingCardData, Fault{Code: BadValue, Tag: tlv.TagEffectiveDate})
		case day > today:
			m.out.TVR[1] |= tvr2NotYetValid
			return m.end(Declined, commit, txn.NotYetValid, Fault{Code: Restricted, Tag: tlv.TagEffectiveDate})
		}
	}
	if !m.serviceAllowed() {
		m.out.TVR[1] |= tvr2ServiceRefused
		return m.end(Declined, commit, txn.CardDeclined, Fault{Code: Restricted, Tag: tlv.TagAUC})
	}
	return Ready{}
}

// serviceAllowed looks at the application usage control 9F07 (EMV Book 3,
// 10.4.2): byte 1 b4 domestic and b3 international services. A card without 9F07
// or 5F28 is not restricted.
func (m *Machine) serviceAllowed() bool {
	auc, country := m.data.objects[objAUC], m.data.objects[objIssuerCountry]
	if auc == nil || country == nil {
		return true
	}
	if bytes.Equal(country, m.cfg.Country[:]) {
		return auc[0]&0x08 != 0
	}
	return auc[0]&0x04 != 0
}

// dateKey orders dates YYMMDD; years 50 to 99 are in the 1900s (EMV Book 4, 6.7.3).
func dateKey(b []byte) (key int, ok bool) {
	for _, c := range b {
		if c>>4 > 9 || c&15 > 9 {
			return 0, false
		}
		key = key*100 + int(c>>4)*10 + int(c&15)
	}
	month, day := key/100%100, key%100
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	if key < 500000 {
		key += 1000000
	}
	return key, true
}
