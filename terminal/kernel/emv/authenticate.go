package emv

import (
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Authenticator checks a card's certificates. *oda.Verifier is one.
type Authenticator interface {
	// VerifyStatic checks signed static data (SDA) and gives the data authentication
	// code inside.
	VerifyStatic(card *oda.CardData, at oda.Month) (dac [2]byte, r oda.Reason)
	// VerifyCardCert gives the key of DDA and CDA.
	VerifyCardCert(card *oda.CardData, at oda.Month) (*oda.CardKey, oda.Reason)
	// VerifyPINKey gives the key of an enciphered PIN.
	VerifyPINKey(card *oda.CardData, at oda.Month) (*oda.CardKey, oda.Reason)
}

// odaMethod is how the card is authenticated offline.
type odaMethod uint8

const (
	odaNone     odaMethod = iota
	odaStatic             // SDA: checkStatic
	odaDynamic            // DDA: INTERNAL AUTHENTICATE with internalAuthData, then checkDynamic
	odaCombined           // CDA: wantCombined at GENERATE AC, then checkCombined
)

// Bits of the AIP (82) byte 1 and of terminal capabilities (9F33) byte 3.
const (
	aip1SDA       byte = 0x40
	aip1DDA       byte = 0x20
	aip1CDA       byte = 0x01
	capabilitySDA byte = 0x80
	capabilityDDA byte = 0x40
	capabilityCDA byte = 0x08
)

// failure is the code of a method that failed.
func (o odaMethod) failure() NoteCode {
	return [...]NoteCode{NoteODANotPerformed, NoteSDAFailed, NoteDDAFailed, NoteCDAFailed}[o]
}

// chooseODA takes the best method that card and terminal share: CDA, DDA, SDA (EMV
// Book 3, 10.3). For CDA it recovers the card's key at once: a card whose
// certificates fail must have failed before terminal action analysis.
func (m *Machine) chooseODA() odaMethod {
	card, terminal := m.data.AIP[0], m.cfg.Capabilities[2]
	method := odaNone
	switch {
	case card&aip1CDA != 0 && terminal&capabilityCDA != 0:
		method = odaCombined
	case card&aip1DDA != 0 && terminal&capabilityDDA != 0:
		method = odaDynamic
	case card&aip1SDA != 0 && terminal&capabilitySDA != 0:
		method = odaStatic
	}
	m.found.method = method
	m.note(Authentication, NoteODAMethod, 0, []byte{byte(method)})
	switch method {
	case odaNone:
		m.raise(Authentication, NoteODANotPerformed, 0, nil)
	case odaCombined:
		m.recoverKey()
	}
	return method
}

// odaFails records why a method failed, and which object is to blame.
func (m *Machine) odaFails(r oda.Reason) {
	if r == oda.MissingData {
		m.raise(Authentication, NoteDataMissing, m.missingObject(), nil)
	}
	m.raise(Authentication, m.found.method.failure(), 0, []byte{byte(r)})
	m.perform(Authentication, NoteODAPerformed)
}

func (m *Machine) odaPasses(tag tlv.Tag) {
	m.note(Authentication, NoteGenuine, tag, nil)
	m.perform(Authentication, NoteODAPerformed)
}

// missingObject names the first object that the method needs and the card did not
// give (EMV Book 3, 7.2 tables 30 to 32). SM2 certificates need no exponents; the
// verification does not ask for them then.
func (m *Machine) missingObject() tlv.Tag {
	need := [...]tlv.Tag{tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagICCCertificate, tlv.TagIssuerKeyExponent, tlv.TagICCKeyExponent, tlv.TagIssuerKeyRemainder, tlv.TagICCKeyRemainder}
	if m.found.method == odaStatic {
		need = [...]tlv.Tag{tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagSSAD, tlv.TagIssuerKeyExponent, tlv.TagIssuerKeyRemainder, 0, 0}
	}
	for _, tag := range need {
		if tag != 0 && m.data.Get(tag) == nil {
			return tag
		}
	}
	return 0
}

// cardData is what the verification of certificates needs, and the month of the
// transaction. ok is false if a signed record was not a template 70, or there is no
// key index.
func (m *Machine) cardData() (card oda.CardData, at oda.Month, r oda.Reason) {
	d := &m.data
	index := d.Get(tlv.TagCAKeyIndex)
	at, err := oda.ParseYYMM(txn.MonthBCD(m.in.Time))
	switch {
	case index == nil:
		return card, at, oda.MissingData
	case len(index) != 1 || d.staticBad || err != nil || m.cfg.Authenticate == nil:
		return card, at, oda.Format
	}
	card = oda.CardData{
		CAIndex: index[0], PAN: d.Card.PAN, AIP: d.AIP,
		IssuerCert: d.Get(tlv.TagIssuerCertificate), IssuerRest: d.Get(tlv.TagIssuerKeyRemainder), IssuerExponent: d.Get(tlv.TagIssuerKeyExponent),
		CardCert: d.Get(tlv.TagICCCertificate), CardRest: d.Get(tlv.TagICCKeyRemainder), CardExponent: d.Get(tlv.TagICCKeyExponent),
		PINCert: d.Get(tlv.TagPINKeyCertificate), PINRest: d.Get(tlv.TagPINKeyRemainder), PINExponent: d.Get(tlv.TagPINKeyExponent),
		SignedStatic: d.Get(tlv.TagSSAD), StaticData: d.StaticData(), StaticTags: d.Get(tlv.TagSDATagList),
	}
	copy(card.RID[:], d.AID())
	return card, at, oda.OK
}

// checkStatic is SDA (EMV Book 2, 5).
func (m *Machine) checkStatic() {
	card, at, r := m.cardData()
	if r == oda.OK {
		m.found.dac, r = m.cfg.Authenticate.VerifyStatic(&card, at)
	}
	if r != oda.OK {
		m.odaFails(r)
		return
	}
	m.found.hasDAC = true
	m.odaPasses(tlv.TagSSAD)
}

// recoverKey checks the certificates and keeps the card's key.
func (m *Machine) recoverKey() bool {
	card, at, r := m.cardData()
	if r == oda.OK {
		m.found.key, r = m.cfg.Authenticate.VerifyCardCert(&card, at)
	}
	if r == oda.OK {
		return true
	}
	m.found.key = nil
	m.odaFails(r)
	return false
}

// defaultDDOL asks for the unpredictable number alone.
var defaultDDOL = []byte{0x9F, 0x37, 0x04}

// internalAuthData is the data of INTERNAL AUTHENTICATE, by the card's DDOL or the
// terminal's; nil says that the command makes no sense, and DDA has failed (EMV Book
// 2, 6.5.1).
func (m *Machine) internalAuthData() []byte {
	raw := m.data.Get(tlv.TagDDOL)
	if raw == nil {
		raw = m.app.DDOL
		if len(raw) == 0 {
			raw = defaultDDOL
		}
	}
	list, err := tlv.ParseDOL(raw)
	if err != nil || !list.Has(tlv.TagUN) {
		m.odaFails(oda.Format)
		return nil
	}
	data, err := list.Append(m.found.ddolData[:0], func(tag tlv.Tag) []byte {
		if tag == tlv.TagUN {
			return m.in.CardUN[:]
		}
		return m.value(tag)
	})
	if err != nil {
		m.odaFails(oda.Format)
		return nil
	}
	m.found.ddolData = data
	if !m.recoverKey() {
		return nil
	}
	return data
}

// checkDynamic takes the SDAD of INTERNAL AUTHENTICATE, nil if there is none (EMV
// Book 2, 6.5.2).
func (m *Machine) checkDynamic(sdad []byte) {
	if m.found.key == nil || len(sdad) == 0 {
		m.odaFails(oda.SDADBad)
		return
	}
	dynamic, r := m.found.key.DynamicData(sdad, m.found.ddolData)
	if r == oda.OK && len(dynamic) == 0 {
		r = oda.Format
	}
	if r != oda.OK {
		m.odaFails(r)
		return
	}
	// The dynamic data begin with the length of the number (EMV Book 2, table 15).
	if n := int(dynamic[0]); n < len(dynamic) {
		m.found.keepNumber(dynamic[1 : 1+n])
	}
	m.odaPasses(tlv.TagSDAD)
}

// wantCombined says that GENERATE AC for a TC or an ARQC asks for CDA (P1 + 10).
func (m *Machine) wantCombined() bool {
	return m.found.method == odaCombined && m.found.key != nil && !m.found.noCombined
}

// checkCombined takes the content of template 77 of an answer to GENERATE AC with CDA
// (EMV Book 2, 6.6.2). If ok, Data.AC is the cryptogram from inside the signature.
func (m *Machine) checkCombined(answer []byte) (ok bool) {
	in := oda.Combined{UN: m.in.UN}
	var sdad, cid []byte
	transaction := append(m.found.transaction[:0], m.found.sent...)
	it := tlv.Iterate(answer)
	for it.Next() {
		switch it.Tag {
		case tlv.TagSDAD:
			sdad = it.Value
			continue
		case tlv.TagCID:
			cid = it.Value
		}
		transaction = append(transaction, answer[it.Offset:it.ValueOffset()+len(it.Value)]...)
	}
	m.found.transaction = transaction
	if it.Err() != nil || len(sdad) == 0 || len(cid) != 1 || m.found.key == nil {
		m.combinedFailed()
		return false
	}
	in.CID, in.Transaction = cid[0], transaction
	number, ac, r := m.found.key.CombinedData(sdad, in)
	if r != oda.OK {
		m.found.noCombined = true
		m.odaFails(r)
		return false
	}
	m.found.keepNumber(number)
	m.data.AC = ac
	m.odaPasses(tlv.TagSDAD)
	return true
}

// combinedFailed records a GENERATE AC answer without the CDA that was asked for.
func (m *Machine) combinedFailed() {
	m.found.noCombined = true
	m.odaFails(oda.SDADBad)
}

// pinKey gives the key for an enciphered PIN, nil if the card has none that can be
// trusted.
func (m *Machine) pinKey() *oda.CardKey {
	card, at, r := m.cardData()
	var key *oda.CardKey
	if r == oda.OK {
		key, r = m.cfg.Authenticate.VerifyPINKey(&card, at)
	}
	if r != oda.OK {
		m.note(Verification, NotePINKeyBad, 0, []byte{byte(r)})
		return nil
	}
	return key
}
