package pboc

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// cryptograms makes the application cryptogram and 9F10 with its balance MAC.
// The amounts are those after a debit, also of one that is not yet committed.
func (a *App) cryptograms(atc uint16, v *verdict) ([8]byte, cryptogram.IAD) {
	p, k := a.card.Product, &a.card.Keys
	in := cryptogram.CardInput{AIP: p.AIP, ATC: atc, CVR: v.cvr}
	sk := cryptogram.DeriveSessionKey(p.Alg, k.AC, atc)
	ac := cryptogram.MAC(p.Alg, sk, cryptogram.ACData(a.input[:0], p.CVN, &a.values, &in))
	iad := cryptogram.IAD{DKI: p.DKI, CVN: p.CVN, CVR: v.cvr, Alg: p.Alg, IDD: p.IDD}
	if p.IDD == cryptogram.IDDNone {
		return ac, iad
	}
	one, two := p.iddAmounts(&v.after)
	iad.Amount1, iad.Amount2 = n10(one), n10(two)
	sk = cryptogram.DeriveSessionKey(p.Alg, k.MAC, atc)
	iad.MAC = cryptogram.BalanceMAC(p.Alg, sk, atc, p.IDD, iad.Amount1, iad.Amount2)
	return ac, iad
}

// iddAmounts are the amounts of the issuer discretionary data (JR/T 0025.12
// annex D).
func (p *Product) iddAmounts(s *State) (one, two money.Fen) {
	switch p.IDD {
	case cryptogram.IDDBalance:
		return s.Balance, 0
	case cryptogram.IDDCTTA:
		return s.CTTA, 0
	case cryptogram.IDDBalanceCTTA:
		return s.Balance, s.CTTA
	case cryptogram.IDDCTTALimit:
		return s.CTTA, p.Limits.CTTA
	}
	return p.available(s), 0
}

// n10 is the low ten digits of an amount.
func n10(v money.Fen) (b [5]byte) {
	var n12 [6]byte
	putN12(n12[:], v)
	copy(b[:], n12[1:])
	return b
}

func appendIAD(dst []byte, iad *cryptogram.IAD) []byte {
	var b [cryptogram.MaxIADLen]byte
	return tlv.Append(dst, tlv.TagIAD, iad.Append(b[:0]))
}

// appendAvailable appends 9F5D if 9F68 asks for it.
func (p *Product) appendAvailable(dst []byte, s *State) []byte {
	if !p.has(OptShowAvailable) {
		return dst
	}
	var b [6]byte
	putN12(b[:], p.available(s))
	return tlv.Append(dst, tlv.TagAvailableOffline, b[:])
}
