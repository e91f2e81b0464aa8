package kernel

import (
	"bytes"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Verifier checks a card's certificates and its dynamic signature. *oda.Verifier
// is one.
type Verifier interface {
	Verify(card *oda.CardData, sdad []byte, atc uint16, terminalData []byte, at oda.Month) oda.Result
}

// Bits of the card transaction qualifiers, tag 9F6C byte 1 (JR/T 0025.12).
const (
	ctqOnlinePIN          byte = 0x80
	ctqSignature          byte = 0x40
	ctqOnlineOnODAFailure byte = 0x20
	ctqSwitchOnODAFailure byte = 0x10
)

// fdda01 is the application version (9F08) from which on a card signs under fDDA
// version 01 when the terminal asks for it (JR/T 0025.12).
const fdda01 = 0x0030

// fddaVersion chooses the version. ok is false if the card must have given 9F69
// and did not: neither the cryptogram nor a signature of version 00 covers 9F66, so
// somebody between card and terminal can clear the bit that asks for version 01,
// and give the last record himself, without the card having paid. Only 9F08 in a
// signed record says that a card is too old for version 01.
func (m *Machine) fddaVersion() (version byte, ok bool) {
	d := &m.data
	switch {
	case d.TTQ[3]&TTQ4FDDA01 == 0:
		return 0, true
	case d.objects[objCAD] != nil:
		return 1, true
	}
	return 0, !m.cfg.RequireFDDA01 && d.versionSigned && d.version < fdda01
}

// authenticate checks certificates and fDDA (JR/T 0025.12; EMV Book 3, 10.3). It
// runs when the card has left. If it fails, nothing that was received is the
// card's word, the answer to the last record included: the commit is unknown.
func (m *Machine) authenticate() Ready {
	d := &m.data
	m.out.TSI[0] |= tsi1ODA
	version, ok := m.fddaVersion()
	reason, tag := oda.MissingData, tlv.TagCardAuthenticationData
	if ok {
		reason = m.verify(version, d.objects[objCAD])
		tag = faultyObject(reason)
	}
	switch {
	case reason == oda.OK && m.resumed && version != 1 && !m.signedLast && !m.probe.matches(d):
		// The old signature says nothing of the last record, and neither do counter
		// and balance.
		return m.end(Failed, CommitUnknown, txn.LastAnswerLost, Fault{Code: Mismatch, Tag: tlv.TagATC})
	case reason == oda.OK:
		m.out.CADChecked = version == 1
		return m.end(Approved, Committed, txn.NoDoubt, Fault{})
	case reason == oda.MissingData:
		m.out.TVR[0] |= tvr1DataMissing | tvr1DDAFailed
	default:
		m.out.TVR[0] |= tvr1DDAFailed
	}
	result := Declined
	switch {
	case d.CTQ[0]&ctqOnlineOnODAFailure != 0 && d.TTQ[0]&TTQ1OfflineOnly == 0:
		result = OnlineRequired
	case d.CTQ[0]&ctqSwitchOnODAFailure != 0 && d.TTQ[0]&TTQ1Contact != 0:
		result = OtherInterface
	}
	return m.end(result, CommitUnknown, txn.ODAFailed, Fault{Code: NotGenuine, ODA: reason, Tag: tag})
}

func (m *Machine) verify(version byte, cad []byte) oda.Reason {
	d := &m.data
	if d.objects[objCAIndex] == nil {
		return oda.MissingData
	}
	// 9F69 is 01, card random(4), 9F6C(2), DF61(1): the qualifiers that the card
	// acted upon must be those that the terminal has read, and so must the extension.
	if version == 1 && (cad[0] != 1 || !bytes.Equal(cad[5:7], d.CTQ[:]) || d.Support != 0 && cad[7] != d.Support) {
		return oda.Format
	}
	at, err := oda.ParseYYMM([2]byte(d.Sent.Date[:2]))
	if err != nil {
		return oda.Format
	}
	m.certs = d.CardData()
	m.signed = oda.FDDATerminalData(m.signed[:0], version, d.Sent.UN, d.Sent.Amount, d.Sent.Currency, cad)
	return m.cfg.Verify.Verify(&m.certs, d.objects[objSDAD], d.ATC, m.signed, at).Reason
}

// CardData is what the verification of the card's certificates needs. Its slices
// belong to d.
func (d *Data) CardData() oda.CardData {
	c := oda.CardData{
		PAN: d.Card.PAN, AIP: d.AIP,
		IssuerCert: d.objects[objIssuerCert], IssuerRest: d.objects[objIssuerRemainder], IssuerExponent: d.objects[objIssuerExponent],
		CardCert: d.objects[objCardCert], CardRest: d.objects[objCardRemainder], CardExponent: d.objects[objCardExponent],
		StaticData: d.static, StaticTags: d.objects[objSDATagList],
	}
	copy(c.RID[:], d.aid)
	if index := d.objects[objCAIndex]; index != nil {
		c.CAIndex = index[0]
	}
	return c
}

// faultyObject names the object that a reason is about, 0 if more than one may be.
func faultyObject(r oda.Reason) tlv.Tag {
	switch r {
	case oda.NoCAKey:
		return tlv.TagCAKeyIndex
	case oda.IssuerCertBad, oda.IssuerMismatch, oda.IssuerCertExpired:
		return tlv.TagIssuerCertificate
	case oda.CardCertBad, oda.PANMismatch, oda.CardCertExpired:
		return tlv.TagICCCertificate
	case oda.SDADBad, oda.ATCMismatch:
		return tlv.TagSDAD
	}
	return 0
}
