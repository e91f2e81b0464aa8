package kernel

import (
	"bytes"

	"github.com/citycard/citycard/crypt/oda"
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
	today, _ := DateKey(d.Sent.Date[:])
	if b := d.objects[objExpiry]; b != nil {
		switch day, ok := DateKey(b); {
		case !ok:
			return m.end(Failed, commit, txn.MissingCardData, Fault{Code: BadValue, Tag: tlv.TagExpirationDate})
		case day < today:
			m.out.TVR[1] |= tvr2Expired
			return m.end(Declined, commit, txn.Expired, Fault{Code: Restricted, Tag: tlv.TagExpirationDate})
		}
	}
	if b := d.objects[objEffective]; b != nil {
		switch day, ok := DateKey(b); {
		case !ok:
			return m.end(Failed, commit, txn.MissingCardData, Fault{Code: BadValue, Tag: tlv.TagEffectiveDate})
		case day > today:
			m.out.TVR[1] |= tvr2NotYetValid
			return m.end(Declined, commit, txn.NotYetValid, Fault{Code: Restricted, Tag: tlv.TagEffectiveDate})
		}
	}
	if f := d.track2Agrees(commit == NotCommitted); f.Code != NoFault {
		return m.end(Failed, commit, txn.MissingCardData, f)
	}
	if !m.serviceAllowed() {
		m.out.TVR[1] |= tvr2ServiceRefused
		return m.end(Declined, commit, txn.CardDeclined, Fault{Code: Restricted, Tag: tlv.TagAUC})
	}
	return Ready{}
}

// refuseEarly applies, just before the last record, the rules that would refuse the card
// after it as well, or would leave open what the last record proves: a track 2 that has
// expired, while 5F24, which must agree with it, has not been read; a card whose signed
// 9F08 says that it cannot give the 9F69 that the terminal insists on; and a 9F69 that is
// there already, though a card gives it in its last record only (JR/T 0025.12).
func (m *Machine) refuseEarly() Ready {
	d := &m.data
	fdda01Wanted := d.TTQ[3]&TTQ4FDDA01 != 0
	switch {
	case d.objects[objExpiry] == nil && m.expired():
		return m.end(Declined, NotCommitted, txn.Expired, Fault{Code: Restricted, Tag: tlv.TagTrack2Equivalent})
	case fdda01Wanted && d.objects[objCAD] != nil:
		return m.end(Failed, NotCommitted, txn.MissingCardData, Fault{Code: WrongOrder, Tag: tlv.TagCardAuthenticationData})
	case fdda01Wanted && m.cfg.RequireFDDA01 && d.versionSigned && d.version < fdda01:
		return m.end(Declined, NotCommitted, txn.ODAFailed, Fault{Code: NotGenuine, ODA: oda.MissingData, Tag: tlv.TagCardAuthenticationData})
	}
	return Ready{}
}

// track2Agrees compares 5F24 and 5F30 with expiry and service code of track 2: what
// the records say and what track 2 says are one card (JR/T 0025.5). The service code
// of a last record is not worth a refusal: the card has paid.
func (d *Data) track2Agrees(service bool) Fault {
	_, expiry, code, ok := parseTrack2(d.objects[objTrack2])
	if !ok {
		return Fault{Code: BadValue, Tag: tlv.TagTrack2Equivalent}
	}
	if b := d.objects[objExpiry]; b != nil && [2]byte(b) != expiry {
		return Fault{Code: Mismatch, Tag: tlv.TagExpirationDate}
	}
	if b := d.objects[objServiceCode]; service && b != nil && code != noService && [2]byte(b) != code {
		return Fault{Code: Mismatch, Tag: tlv.TagServiceCode}
	}
	return Fault{}
}

// expired says that the month on track 2 is over.
func (m *Machine) expired() bool {
	e := m.data.Expiry
	last, ok := DateKey([]byte{e[0], e[1], 0x31})
	today, _ := DateKey(m.data.Sent.Date[:])
	if ok && last >= today {
		return false
	}
	m.out.TVR[1] |= tvr2Expired
	return true
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

// DateKey orders dates YYMMDD in BCD: a later date has a greater key, and years 50 to
// 99 are in the 1900s (EMV Book 4, 6.7.3). ok is false for what is no date.
func DateKey(b []byte) (key int, ok bool) {
	if len(b) != 3 {
		return 0, false
	}
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
