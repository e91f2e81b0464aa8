package certify

import (
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// keys gives the card's keys for an algorithm, or skips the case.
func (s *session) keys(alg cryptogram.Alg) CardKeys {
	if s.opts.Keys == nil {
		s.skip("the issuer's keys are not known", "发卡行密钥未知")
	}
	s.must(s.panSeen, "expected an account number in track 2 or 5A, got none")
	k, ok := s.opts.Keys(alg, s.pan, s.psn)
	if !ok {
		s.skip("the issuer's keys for "+alg.String()+" are not known", "发卡行的 "+alg.String()+" 密钥未知")
	}
	return k
}

// alg is the algorithm that the card prefers.
func (s *session) alg() cryptogram.Alg {
	s.must(len(s.algs) > 0, "expected a 9F10 that names its algorithm in some transaction, got none")
	return s.algs[0]
}

// expectedAC computes an application cryptogram as the issuer does.
func (s *session) expectedAC(iad *cryptogram.IAD, in *cryptogram.TerminalInput, aip [2]byte, atc uint16) [8]byte {
	sk := cryptogram.DeriveSessionKey(iad.Alg, s.keys(iad.Alg).AC, atc)
	card := cryptogram.CardInput{AIP: aip, ATC: atc, CVR: iad.CVR}
	return cryptogram.MAC(iad.Alg, sk, cryptogram.ACData(nil, iad.CVN, in, &card))
}

// checkAC judges a cryptogram under the issuer's keys.
func (s *session) checkAC(ac [8]byte, iad *cryptogram.IAD, in cryptogram.TerminalInput, aip [2]byte, atc uint16) {
	want := s.expectedAC(iad, &in, aip, atc)
	s.must(subtle.ConstantTimeCompare(want[:], ac[:]) == 1,
		"expected 9F26 to be the cryptogram of %v with %v for counter %04X, got %X", iad.CVN, iad.Alg, atc, ac)
}

// checkAnswerAC judges the cryptogram of a qPBOC answer.
func (s *session) checkAnswerAC(p *processing) {
	s.checkAC(p.ac, &p.iad, p.reader.input(p.side.pdol), p.aip, p.atc)
}

// checkBalanceMAC judges the MAC over the amounts in 9F10.
func (s *session) checkBalanceMAC(iad *cryptogram.IAD, atc uint16) {
	if iad.IDD == cryptogram.IDDNone {
		s.skip("9F10 has no issuer discretionary data", "9F10 中无发卡行自定义数据")
	}
	sk := cryptogram.DeriveSessionKey(iad.Alg, s.keys(iad.Alg).MAC, atc)
	want := cryptogram.BalanceMAC(iad.Alg, sk, atc, iad.IDD, iad.Amount1, iad.Amount2)
	s.must(subtle.ConstantTimeCompare(want[:], iad.MAC[:]) == 1, "expected the MAC over the amounts of 9F10 for counter %04X, got %X", atc, iad.MAC)
}

// checkDCVN compares three bytes with a verification value without printing either.
func (s *session) checkDCVN(want, got [3]byte) {
	s.must(subtle.ConstantTimeCompare(want[:], got[:]) == 1, "expected the dynamic verification value of this counter in track 2, got another")
}

// arpc is the issuer's answer to a cryptogram: tag 91.
func (s *session) arpc(alg cryptogram.Alg, ac [8]byte, atc uint16, arc [2]byte) []byte {
	sk := cryptogram.DeriveSessionKey(alg, s.keys(alg).AC, atc)
	a := cryptogram.ARPC(alg, sk, ac, arc)
	return append(a[:], arc[:]...)
}

// month is the month of the run.
func (s *session) month() oda.Month {
	return oda.MonthOf(s.opts.At.Year(), int(s.opts.At.Month()))
}

// cardData is what offline data authentication looks at.
func (s *session) cardData(aip [2]byte, r *records) *oda.CardData {
	s.wants("the records", r.values, tlv.TagCAKeyIndex, tlv.TagPAN)
	index := r.values[tlv.TagCAKeyIndex]
	s.must(len(index) == 1, "expected 8F with one byte, got %X", index)
	d := &oda.CardData{
		CAIndex: index[0], AIP: aip,
		IssuerCert: r.values[tlv.TagIssuerCertificate], IssuerRest: r.values[tlv.TagIssuerKeyRemainder], IssuerExponent: r.values[tlv.TagIssuerKeyExponent],
		CardCert: r.values[tlv.TagICCCertificate], CardRest: r.values[tlv.TagICCKeyRemainder], CardExponent: r.values[tlv.TagICCKeyExponent],
		PINCert: r.values[tlv.TagPINKeyCertificate], PINRest: r.values[tlv.TagPINKeyRemainder], PINExponent: r.values[tlv.TagPINKeyExponent],
		SignedStatic: r.values[tlv.TagSSAD], StaticData: r.static, StaticTags: r.values[tlv.TagSDATagList],
	}
	s.must(len(s.aid) >= 5, "expected an application name of at least five bytes, got %X", s.aid)
	d.RID = [5]byte(s.aid[:5])
	pan := r.values[tlv.TagPAN]
	s.must(len(pan) > 0 && len(pan) <= 10, "expected 5A of at most ten bytes, got %X", pan)
	for i := range d.PAN {
		d.PAN[i] = 0xFF
	}
	copy(d.PAN[:], pan)
	return d
}

// cardKey verifies the certificates and gives the card's public key.
func (s *session) cardKey(aip [2]byte, r *records) *oda.CardKey {
	key, reason := s.oda.VerifyCardCert(s.cardData(aip, r), s.month())
	s.must(reason == oda.OK, "expected certificates that verify under a CA key given, got: %v", reason)
	return key
}

// fddaData is what the dynamic signature of a qPBOC answer covers.
func (s *session) fddaData(p *processing, r *records) (version byte, data []byte) {
	t := p.reader
	tag69 := r.values[tlv.TagCardAuthenticationData]
	if tag69 != nil {
		version = 1
	}
	return version, oda.FDDATerminalData(nil, version, t.un, [6]byte(t.amount), t.currency, tag69)
}

// sdad is 9F4B, in the answer or in a record.
func (p *processing) sdad(r *records) []byte {
	if v := p.fields[tlv.TagSDAD]; v != nil {
		return v
	}
	return r.values[tlv.TagSDAD]
}
