package pboc

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// cryptograms makes the application cryptogram and 9F10 with its balance MAC.
// after has the amounts after a debit, also of one that is not yet committed.
func (a *App) cryptograms(aip [2]byte, cvr [3]byte, l *Limits, after *State) ([8]byte, cryptogram.IAD) {
	p, k, alg := a.card.Product, a.keys(), a.alg()
	in := cryptogram.CardInput{AIP: aip, ATC: after.ATC, CVR: cvr}
	sk := cryptogram.DeriveSessionKey(alg, k.AC, after.ATC)
	ac := cryptogram.MAC(alg, sk, cryptogram.ACData(a.input[:0], p.CVN, &a.values, &in))
	iad := cryptogram.IAD{DKI: p.DKI, CVN: p.CVN, CVR: cvr, Alg: alg, IDD: p.IDD}
	a.stateAmounts(&iad, l, after)
	return ac, iad
}

// stateAmounts completes 9F10 with the issuer discretionary data that the product
// gives and their MAC.
func (a *App) stateAmounts(iad *cryptogram.IAD, l *Limits, after *State) {
	p := a.card.Product
	if p.IDD == cryptogram.IDDNone {
		return
	}
	one, two := p.iddAmounts(l, after)
	iad.Amount1, iad.Amount2 = n10(one), n10(two)
	sk := cryptogram.DeriveSessionKey(iad.Alg, a.keys().MAC, after.ATC)
	iad.MAC = cryptogram.BalanceMAC(iad.Alg, sk, after.ATC, p.IDD, iad.Amount1, iad.Amount2)
}

// iddAmounts are the amounts of the issuer discretionary data (JR/T 0025.12
// annex D).
func (p *Product) iddAmounts(l *Limits, s *State) (one, two money.Fen) {
	switch p.IDD {
	case cryptogram.IDDBalance:
		return s.Balance, 0
	case cryptogram.IDDCTTA:
		return s.CTTA, 0
	case cryptogram.IDDBalanceCTTA:
		return s.Balance, s.CTTA
	case cryptogram.IDDCTTALimit:
		return s.CTTA, l.CTTA
	}
	return p.available(l, s), 0
}

// maxN10 is the greatest amount of ten digits, in fen.
const maxN10 money.Fen = 9_999_999_999

// statesBalance tells whether the issuer discretionary data give the balance, by
// itself or as part of the available amount.
func (p *Product) statesBalance() bool {
	switch p.IDD {
	case cryptogram.IDDBalance, cryptogram.IDDBalanceCTTA:
		return true
	case cryptogram.IDDAvailable:
		return p.has(OptECCheck | OptECOrCTTA)
	}
	return false
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
func (p *Product) appendAvailable(dst []byte, l *Limits, s *State) []byte {
	if !p.has(OptShowAvailable) {
		return dst
	}
	var b [6]byte
	putN12(b[:], p.available(l, s))
	return tlv.Append(dst, tlv.TagAvailableOffline, b[:])
}
