package terminal

import (
	"fmt"
	"io"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// serial of all certificates.
var serial = [3]byte{0, 0, 1}

// build signs the card's data, lets the case spoil what it wants to spoil, and makes the
// locator. A card has no certificates if its AIP names no offline data authentication.
func (s *spec) build(o *Options) error {
	s.alg, s.keyAC, s.keyMAC = cryptogram.TDES, keyAC, keyMAC
	if s.sm {
		s.alg = cryptogram.SM4
	}
	certificates := s.certifyRSA
	if s.sm {
		certificates = s.certifySM2
	}
	if s.aip[0]&(aipSDA|aipDDA|aipCDA) != 0 || s.face == Contactless && !s.stripe {
		if err := certificates(o, s.static()); err != nil {
			return fmt.Errorf("make a card: %w", err)
		}
	}
	if s.spoil != nil {
		s.spoil(s)
	}
	for i := len(s.records) - 1; i >= 0; i-- {
		if r := &s.records[i]; r.raw == nil && len(r.objects) == 0 {
			s.records = append(s.records[:i:i], s.records[i+1:]...)
		}
	}
	if s.afl == nil {
		s.afl = locator(s.records)
	}
	return nil
}

// static is the static data to be authenticated: the signed records without template
// 70 (EMV Book 3, 10.3; the files of these cards are 1 and 2), and the AIP that 9F4A asks for.
func (s *spec) static() []byte {
	var b []byte
	aip := false
	for i := range s.records {
		if r := &s.records[i]; r.signed {
			b = r.objects.append(b)
			aip = aip || r.objects.get(tlv.TagSDATagList) != nil
		}
	}
	if aip {
		b = append(b, s.aip[:]...)
	}
	return b
}

// file finds the record for an object of the certificates: the issuer's are in record 1
// of file 2, the card's in record 2.
func (s *spec) file(sfi, number byte) *objects {
	for i := range s.records {
		if r := &s.records[i]; r.sfi == sfi && r.number == number {
			return &r.objects
		}
	}
	s.records = append(s.records, record{sfi: sfi, number: number})
	return &s.records[len(s.records)-1].objects
}

func (s *spec) issuerCert() oda.IssuerCert {
	return oda.IssuerCert{IssuerID: s.issuerID, Expiry: s.issuerEnd, Serial: serial}
}

func (s *spec) cardCert(static []byte) oda.CardCert {
	return oda.CardCert{PAN: s.certPAN, Expiry: s.cardEnd, Serial: serial, StaticData: static}
}

func (s *spec) certifyRSA(o *Options, static []byte) error {
	k := o.RSA
	up, err := k.CA.CertifyIssuer(o.Rand, s.issuerCert(), k.Issuer.Public())
	if err != nil {
		return fmt.Errorf("certify issuer: %w", err)
	}
	s.chain = k.Card
	issuer := s.file(2, 1)
	issuer.set(tlv.TagCAKeyIndex, s.caIndex(k.Index))
	issuer.set(tlv.TagIssuerCertificate, up.Certificate...)
	issuer.set(tlv.TagIssuerKeyExponent, up.Exponent...)
	if len(up.Remainder) > 0 {
		issuer.set(tlv.TagIssuerKeyRemainder, up.Remainder...)
	}
	card := s.file(2, 2)
	if s.onlyStatic() {
		signed, err := k.Issuer.SignStatic(o.Rand, s.staticDAC, static)
		if err != nil {
			return fmt.Errorf("sign static data: %w", err)
		}
		card.set(tlv.TagSSAD, signed...)
		return nil
	}
	down, err := k.Issuer.CertifyCard(o.Rand, s.cardCert(static), k.Card.Public())
	if err != nil {
		return fmt.Errorf("certify card: %w", err)
	}
	card.set(tlv.TagICCCertificate, down.Certificate...)
	card.set(tlv.TagICCKeyExponent, down.Exponent...)
	if len(down.Remainder) > 0 {
		card.set(tlv.TagICCKeyRemainder, down.Remainder...)
	}
	s.dynamicList(card)
	return nil
}

func (s *spec) certifySM2(o *Options, static []byte) error {
	k := o.SM2
	up, err := k.CA.CertifyIssuer(o.Rand, s.issuerCert(), k.Issuer.Public())
	if err != nil {
		return fmt.Errorf("certify issuer: %w", err)
	}
	s.chain = k.Card
	issuer := s.file(2, 1)
	issuer.set(tlv.TagCAKeyIndex, s.caIndex(k.Index))
	issuer.set(tlv.TagIssuerCertificate, up...)
	card := s.file(2, 2)
	if s.onlyStatic() {
		signed, err := k.Issuer.SignStatic(o.Rand, s.staticDAC, static)
		if err != nil {
			return fmt.Errorf("sign static data: %w", err)
		}
		card.set(tlv.TagSSAD, signed...)
		return nil
	}
	down, err := k.Issuer.CertifyCard(o.Rand, s.cardCert(static), k.Card.Public())
	if err != nil {
		return fmt.Errorf("certify card: %w", err)
	}
	card.set(tlv.TagICCCertificate, down...)
	s.dynamicList(card)
	return nil
}

// onlyStatic tells whether the card has signed static data and no key of its own.
func (s *spec) onlyStatic() bool {
	return s.face == Contact && s.aip[0]&(aipSDA|aipDDA|aipCDA) == aipSDA
}

func (s *spec) dynamicList(card *objects) {
	if s.face == Contact {
		card.set(tlv.TagDDOL, dol(0x9F37, 4)...)
	}
}

func (s *spec) caIndex(of byte) byte {
	if s.index != 0 {
		return s.index
	}
	return of
}

// sign makes the dynamic signature 9F4B for a counter.
func (s *spec) sign(rand io.Reader, atc uint16, data []byte) ([]byte, error) {
	if s.chain == nil {
		return nil, nil
	}
	out, err := s.chain.SignDynamic(nil, rand, atc+uint16(s.signATC), data)
	if err != nil {
		return nil, fmt.Errorf("sign dynamic data: %w", err)
	}
	return out, nil
}
