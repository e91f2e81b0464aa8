package issuer

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/txn"
)

// Checkers makes what checks the cryptograms of one issuer's cards, found by their
// first six digits, under one algorithm; nil if there are no such keys. The master
// keys themselves stay where they are, in a keystore (keystore.Store.Verifier). A
// Verifier asks once for each pair and keeps what it gets.
type Checkers func(bin string, alg cryptogram.Alg) *cryptogram.Verifier

// Verifier checks rows of the cards of all issuers that Checkers knows. One
// goroutine each.
type Verifier struct {
	checkers Checkers
	ready    map[verifierKey]*cryptogram.Verifier

	purses      PurseCheckers
	readyPurses map[purseKey]*keystore.PurseVerifier
}

type verifierKey struct {
	bin string
	alg cryptogram.Alg
}

// NewVerifier prepares a verifier.
func NewVerifier(checkers Checkers) *Verifier {
	return &Verifier{checkers: checkers, ready: map[verifierKey]*cryptogram.Verifier{}}
}

// Verify writes for each row Cleared if cryptogram and balance MAC are right and the
// card decided what the row needs, or the reason why not. A row that takes the
// card's word for having approved (Purchase, Entry, Exit, Single, Completion) needs
// a TC in the CVR of 9F10; a genuine AAC or ARQC under it is BadCardData, and so is
// a reserved result under any row (JR/T 0025.12). Rows of one card should follow
// each other: its keys are derived once then. A row without a cryptogram (a hold) is
// checked by its balance MAC alone. Rows of purses need WithPurses: TAC and MAC2 must
// be right, else the row is BadCryptogram.
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
	if r.Scheme == txn.Purse {
		return v.purse(r)
	}
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
	switch checker.Check(r.Card.PAN, r.Card.PSN, &t, &c, r.IssuerData(), r.AC, !held(r)) {
	case cryptogram.OK:
		if !fits(iad.Result(), r.Kind) {
			return txn.BadCardData
		}
		return txn.Cleared
	case cryptogram.BadAC:
		return txn.BadCryptogram
	case cryptogram.BadBalanceMAC:
		return txn.BadBalanceMAC
	}
	return txn.BadCardData
}

// held tells whether a row is of a pre-authorisation, for which the card gives no
// cryptogram (JR/T 0025.14): a hold, or one that the terminal did not finish.
func held(r *txn.Row) bool {
	const hold = 2 // DF60
	return r.Kind == txn.Hold || (r.Kind == txn.Doubt || r.Kind == txn.Declined) && r.DF60 == hold && r.AC == [8]byte{}
}

// fits tells whether the card decided what a row of this kind needs.
func fits(result cryptogram.Result, kind txn.Kind) bool {
	switch kind {
	case txn.Hold, txn.Doubt, txn.Declined:
		return result != cryptogram.RFU
	}
	return result == cryptogram.TC
}

func (v *Verifier) verifier(bin string, alg cryptogram.Alg) *cryptogram.Verifier {
	key := verifierKey{bin, alg}
	if c, found := v.ready[key]; found {
		return c
	}
	c := v.checkers(bin, alg)
	v.ready[key] = c
	return c
}
