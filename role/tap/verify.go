package tap

import (
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// Issuance checks the cryptograms of rows as the development issuer does. One
// goroutine.
type Issuance struct{ verifier *issuer.Verifier }

// NewIssuance takes the development keys.
func NewIssuance() (*Issuance, error) {
	v, err := host.NewVerifier()
	if err != nil {
		return nil, err
	}
	return &Issuance{v}, nil
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
