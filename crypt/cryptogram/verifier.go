package cryptogram

import (
	"crypto/subtle"
	"fmt"
)

// Verdict is the outcome of checking one row. The zero value means that nothing
// was checked, so that a forgotten row can never count as good. Numbers are
// stored with rows: none is ever reused.
type Verdict byte

const (
	Unchecked      Verdict = 0 // no cryptogram was asked for and 9F10 states no balance
	OK             Verdict = 1 // everything asked for is right
	BadIAD         Verdict = 2 // 9F10 cannot be read, see ParseIAD
	WrongAlgorithm Verdict = 3 // 9F10 names another cipher than the Verifier's
	CVRMismatch    Verdict = 4 // CardInput.CVR is not the CVR inside 9F10
	BadAC          Verdict = 5 // the application cryptogram is wrong
	BadBalanceMAC  Verdict = 6 // the cryptogram is right or not asked for, the balance MAC is wrong
)

// String names the verdict.
func (v Verdict) String() string {
	names := [...]string{"unchecked", "ok", "bad 9F10", "wrong algorithm", "CVR mismatch", "bad cryptogram", "bad balance MAC"}
	if int(v) < len(names) {
		return names[v]
	}
	return "unknown verdict"
}

// Verifier checks many rows under one pair of issuer master keys. It keeps the
// prepared keys of the last card, so rows of one card that follow each other are
// cheaper. It owns scratch memory: one goroutine each.
type Verifier struct {
	alg                 Alg
	masterAC, masterMAC Block

	pan     [10]byte // whose keys are below
	psn     byte
	keys    cardKeys
	in      [16]byte
	key     Key
	message [40]byte
	mac     macState
}

// cardKeys are made when first needed: a row without a stated balance needs no
// MAC key. left is nil until then.
type cardKeys struct{ ac, mac schedule }

// NewVerifier checks rows of the cards issued under these two master keys; the
// blocks must be of alg. It panics on an unknown alg or a block of another size.
func NewVerifier(alg Alg, masterAC, masterMAC Block) *Verifier {
	if !alg.Valid() || masterAC.BlockSize() != alg.BlockSize() || masterMAC.BlockSize() != alg.BlockSize() {
		panic("cryptogram: verifier for " + alg.String() + " with master keys of another block size")
	}
	return &Verifier{alg: alg, masterAC: masterAC, masterMAC: masterMAC}
}

// Format withholds everything: the scratch memory holds keys.
func (Verifier) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("[verifier, keys withheld]"))
}

// Check tests what one row claims: the application cryptogram ac over t and c
// (if wantAC), and the balance MAC inside iad (if iad, the value of 9F10, states
// an amount). The cryptogram is judged before the balance. Comparison is in
// constant time; t and c are not kept.
func (v *Verifier) Check(pan [10]byte, psn byte, t *TerminalInput, c *CardInput, iad []byte, ac [8]byte, wantAC bool) Verdict {
	d, err := ParseIAD(iad)
	switch {
	case err != nil:
		return BadIAD
	case d.Alg != v.alg:
		return WrongAlgorithm
	case d.CVR != c.CVR:
		return CVRMismatch
	}
	if v.pan != pan || v.psn != psn {
		v.pan, v.psn, v.keys = pan, psn, cardKeys{}
	}
	verdict := Unchecked
	if wantAC {
		s := v.session(&v.keys.ac, v.masterAC, c.ATC)
		want := v.mac.sum(&s, ACData(v.message[:0], d.CVN, t, c))
		if subtle.ConstantTimeCompare(want[:], ac[:]) != 1 {
			return BadAC
		}
		verdict = OK
	}
	if d.IDD != IDDNone {
		s := v.session(&v.keys.mac, v.masterMAC, c.ATC)
		want := v.mac.sum(&s, balanceInput(&v.in, c.ATC, d.IDD, &d.Amount1, &d.Amount2))
		if subtle.ConstantTimeCompare(want[:4], d.MAC[:]) != 1 {
			return BadBalanceMAC
		}
		verdict = OK
	}
	return verdict
}

// session gives the prepared session key, preparing the card's own key first if
// this card has not needed it yet.
func (v *Verifier) session(card *schedule, master Block, atc uint16) schedule {
	if card.left == nil {
		diversifier(&v.in, &v.pan, v.psn)
		encryptMaster(v.alg, master, v.key[:], v.in[:])
		*card = newSchedule(v.alg, &v.key)
	}
	sessionInput(&v.in, atc)
	card.encrypt16(v.key[:], v.in[:])
	return newSchedule(v.alg, &v.key)
}
