package issuer

import (
	"fmt"

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
	iad, err := cryptogram.ParseIAD(r.IssuerData())
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
		Date: txn.DateBCD(r.Time), Type: r.Type, UN: r.UN}
	c := cryptogram.CardInput{AIP: r.AIP, ATC: r.ATC, CVR: iad.CVR}
	switch checker.Check(r.Card.PAN, r.Card.PSN, &t, &c, r.IssuerData(), r.AC, r.Kind != txn.Hold) {
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
