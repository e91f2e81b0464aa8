package issuer

import (
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/txn"
)

// PurseCheckers makes what checks the purchases of one issuer's purses, found by the
// number of a card of it, under one algorithm and key version; nil if there are no such
// keys. A Verifier asks once for each combination of the number's first six digits,
// network, algorithm and version, and keeps what it gets. It must give nil for digits
// that are not the issuer's: keys follow from the last 16 digits alone, so the first
// three of a T-Union number are under no code, and a row would be good for any of them.
type PurseCheckers func(card txn.CardKey, alg epurse.Alg, version byte) *keystore.PurseVerifier

type purseKey struct {
	bin     [3]byte
	psn     byte
	alg     epurse.Alg
	version byte
}

// WithPurses lets the verifier check rows of purses too. Without it they are all
// BadCardData. It gives the verifier itself.
func (v *Verifier) WithPurses(purses PurseCheckers) *Verifier {
	v.purses, v.readyPurses = purses, map[purseKey]*keystore.PurseVerifier{}
	return v
}

// purse judges a row of format 02. TAC and MAC2 are both the card's own word: the TAC
// for amount, terminal, the module's number and the time, MAC2 for the offline number.
// The balance is nobody's word but the terminal's (JR/T 0025, electronic purse). A
// doubt or declined row whose card has given neither, since its answer was lost or
// never asked for, has nothing to be checked: it pays nothing.
func (v *Verifier) purse(r *txn.Row) txn.Verdict {
	p, _ := r.Purse()
	alg, known := epurse.AlgOf(p.Algorithm)
	serial, ok := r.Card.PurseSerial()
	if !known || !ok {
		return txn.BadCardData
	}
	if (r.Kind == txn.Doubt || r.Kind == txn.Declined) && r.AC == ([8]byte{}) {
		return txn.Cleared
	}
	checker := v.purseVerifier(r.Card, alg, p.KeyVersion)
	if checker == nil {
		return txn.BadCardData
	}
	if p.Sequence == 0 || r.Amount < 0 || r.Amount > 1<<32-1 {
		return txn.BadCardData
	}
	t := epurse.Trade{Type: epurse.Type(r.Type), Amount: uint32(r.Amount), Terminal: p.Terminal, Stamp: txn.StampBCD(r.Time), TerminalSeq: p.TerminalSequence}
	if !checker.TAC(serial, &t, p.TAC) || !checker.MAC2(serial, p.Random, p.Sequence-1, &t, p.MAC2) {
		return txn.BadCryptogram
	}
	return txn.Cleared
}

func (v *Verifier) purseVerifier(card txn.CardKey, alg epurse.Alg, version byte) *keystore.PurseVerifier {
	key := purseKey{[3]byte(card.PAN[:3]), card.PSN, alg, version}
	if c, found := v.readyPurses[key]; found {
		return c
	}
	if v.purses == nil {
		return nil
	}
	c := v.purses(card, alg, version)
	v.readyPurses[key] = c
	return c
}
