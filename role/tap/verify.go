package tap

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// Issuance checks the cryptograms of rows as the development issuer does. One
// goroutine.
type Issuance struct{ verifier *issuer.Verifier }

// developmentIssuer is the number of the issuer of all development cards.
const developmentIssuer = 0

// NewIssuance takes the development keys.
func NewIssuance() (*Issuance, error) {
	store := keystore.Development(developmentIssuer + 1)
	checkers := map[cryptogram.Alg]*cryptogram.Verifier{}
	for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		v, err := store.Verifier(keystore.IssuerMasters(developmentIssuer, alg), alg)
		if err != nil {
			return nil, fmt.Errorf("development issuer: %w", err)
		}
		checkers[alg] = v
	}
	return &Issuance{issuer.NewVerifier(func(_ string, alg cryptogram.Alg) *cryptogram.Verifier { return checkers[alg] })}, nil
}

// Check gives the verdict on the cryptogram of a result, from the last row that it
// left: NotChecked without a row.
func (s *Issuance) Check(r *pos.Result) Verdict {
	for i := len(r.Records) - 1; i >= 0; i-- {
		row := &r.Records[i].Row
		if row.AC != r.Cryptogram || !r.HasCryptogram {
			continue
		}
		var verdict [1]txn.Verdict
		if err := s.verifier.Verify([]txn.Presented{{Row: *row}}, verdict[:]); err != nil || verdict[0] != txn.Cleared {
			return Forged
		}
		return Genuine
	}
	return NotChecked
}
