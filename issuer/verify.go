package issuer

import (
	"fmt"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
)

// Masters are the master keys of one issuer, by algorithm. They stay in the
// keystore; a block is a handle to encrypt with one.
type Masters struct {
	AC, MAC map[cryptogram.Alg]cryptogram.Block
}

// Keys finds an issuer's master keys by the first six digits of the card.
type Keys map[string]Masters

// Verifier checks rows of the cards of all issuers in Keys. One goroutine each.
type Verifier struct {
	keys  Keys
	ready map[verifierKey]*cryptogram.Verifier
}

type verifierKey struct {
	bin string
	alg cryptogram.Alg
}

// NewVerifier prepares a verifier.
func NewVerifier(keys Keys) *Verifier {
	return &Verifier{keys: keys, ready: map[verifierKey]*cryptogram.Verifier{}}
}

// Verify writes for each row Cleared if cryptogram and balance MAC are right, or
// the reason why not. Rows of one card should follow each other: its keys are
// derived once then. A row without a cryptogram (a hold) is checked by its
// balance MAC alone.
func (v *Verifier) Verify(rows []txn.Presented, out []txn.Verdict) error {
	if len(rows) != len(out) {
		return fmt.Errorf("verify: %d rows and room for %d verdicts", len(rows), len(out))
	}
	for i := range rows {
		out[i] = v.row(&rows[i].Row)
	}
	return nil
}

func (v *Verifier) row(r *txn.Row) txn.Verdict {
	iad, err := cryptogram.ParseIAD(trimIAD(&r.IAD))
	if err != nil {
		return txn.BadCardData
	}
	checker := v.verifier(r.Card.PAN.BIN(), iad.Alg)
	if checker == nil {
		return txn.BadCardData
	}
	amount, err := r.Amount.N12()
	if err != nil {
		return txn.BadCardData
	}
	t := cryptogram.TerminalInput{Amount: amount, Country: [2]byte{0x01, 0x56}, TVR: r.TVR, Currency: [2]byte{0x01, 0x56},
		Date: dateBCD(r.Time), Type: r.Type, UN: r.UN}
	c := cryptogram.CardInput{AIP: r.AIP, ATC: r.ATC, CVR: iad.CVR}
	switch checker.Check(r.Card.PAN, r.Card.PSN, &t, &c, trimIAD(&r.IAD), r.AC, r.Kind != txn.Hold) {
	case cryptogram.OK:
		return txn.Cleared
	case cryptogram.BadAC:
		return txn.BadCryptogram
	case cryptogram.BadBalanceMAC:
		return txn.BadBalanceMAC
	}
	return txn.BadCardData
}

func (v *Verifier) verifier(bin string, alg cryptogram.Alg) *cryptogram.Verifier {
	key := verifierKey{bin, alg}
	if c, found := v.ready[key]; found {
		return c
	}
	m := v.keys[bin]
	var c *cryptogram.Verifier
	if ac, mac := m.AC[alg], m.MAC[alg]; ac != nil && mac != nil {
		c = cryptogram.NewVerifier(alg, ac, mac)
	}
	v.ready[key] = c
	return c
}

// trimIAD cuts the zero padding of the row's 24 bytes: 9F10 says its own length,
// first byte 07 and, if there is discretionary data, its length in byte 8. That
// length is never 0, so a 0 there is padding. Bytes that are no padding stay, and
// the whole is then no 9F10: a row has one form only.
func trimIAD(b *[24]byte) []byte {
	n := 9 + int(b[8])
	if n == 9 {
		n = 8
	}
	if b[0] != 7 || n > len(b) {
		return b[:]
	}
	for _, pad := range b[n:] {
		if pad != 0 {
			return b[:]
		}
	}
	return b[:n]
}

var cityZone = time.FixedZone("UTC+8", 8*3600)

// dateBCD is 9A of a unix time: YYMMDD at UTC+8.
func dateBCD(at int64) [3]byte {
	y, m, d := time.Unix(at, 0).In(cityZone).Date()
	bcd := func(v int) byte { return byte(v/10%10<<4 | v%10) }
	return [3]byte{bcd(y), bcd(int(m)), bcd(d)}
}
