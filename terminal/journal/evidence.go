package journal

import (
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/wire/block"
)

// Sizes of the evidence part (package block): what stands around the objects,
// and the most that one record can add to a block.
const (
	issuerHead  = 1 + 3*2
	cardHead    = 2 + 4*2
	proofHead   = 2 + 2
	maxEvidence = issuerHead + cardHead + proofHead + 5*block.MaxCertificate + 2*block.MaxExponent + block.MaxStatic
	overhead    = block.HeaderSize + 2 + block.MaxWrapped + block.NonceSize + 2*2 + block.TagSize + block.SignatureSize
)

// fits reports whether the acquirer would read the evidence: one object over the
// limits would make the whole block unreadable.
func fits(e *row.Evidence) bool {
	c := &e.Card
	for _, b := range [...][]byte{e.SDAD, c.IssuerCert, c.IssuerRest, c.CardCert, c.CardRest} {
		if len(b) > block.MaxCertificate {
			return false
		}
	}
	return len(c.IssuerExponent) <= block.MaxExponent && len(c.CardExponent) <= block.MaxExponent && len(c.StaticData) <= block.MaxStatic
}

// card gives the index of a card's certificates in the evidence part, storing
// them at their first use. All of them make the card: a certificate alone is
// public, and a false card that shows it beside other data must not take the
// place of the true one.
func (j *Journal) card(e *row.Evidence) uint16 {
	c := &e.Card
	issuer := j.issuer(e)
	key := joined(binary.BigEndian.AppendUint16(j.key[:0], issuer), c.CardCert, c.CardRest, c.CardExponent, c.StaticData)
	j.key = key
	if i, found := j.cards[string(key)]; found {
		return i
	}
	i := uint16(len(j.evidence.Cards))
	j.cards[string(key)] = i
	j.evidence.Cards = append(j.evidence.Cards, block.Card{Issuer: issuer, Certificate: slices.Clone(c.CardCert),
		Remainder: slices.Clone(c.CardRest), Exponent: slices.Clone(c.CardExponent), Static: slices.Clone(c.StaticData)})
	j.size += cardHead + len(c.CardCert) + len(c.CardRest) + len(c.CardExponent) + len(c.StaticData)
	return i
}

func (j *Journal) issuer(e *row.Evidence) uint16 {
	c := &e.Card
	key := joined(append(j.key[:0], c.CAIndex), c.IssuerCert, c.IssuerRest, c.IssuerExponent)
	j.key = key
	if i, found := j.issuers[string(key)]; found {
		return i
	}
	i := uint16(len(j.evidence.Issuers))
	j.issuers[string(key)] = i
	j.evidence.Issuers = append(j.evidence.Issuers, block.Issuer{CAIndex: c.CAIndex, Certificate: slices.Clone(c.IssuerCert),
		Remainder: slices.Clone(c.IssuerRest), Exponent: slices.Clone(c.IssuerExponent)})
	j.size += issuerHead + len(c.IssuerCert) + len(c.IssuerRest) + len(c.IssuerExponent)
	return i
}

// joined appends parts with their lengths, so that two lists of parts never join
// to the same bytes.
func joined(dst []byte, parts ...[]byte) []byte {
	for _, p := range parts {
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(p))), p...)
	}
	return dst
}
